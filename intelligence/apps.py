"""The intelligence app."""

from django.apps import AppConfig


class IntelligenceConfig(AppConfig):
    name = "intelligence"

    def ready(self) -> None:
        from accounts import undo
        from intelligence import (
            copy_receivers,  # noqa: F401 – connects them
            decisions,
            receivers,  # noqa: F401 – connects them
        )

        undo.register(decisions.DELETED, decisions.undelete)
