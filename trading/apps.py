"""The trading app."""

from django.apps import AppConfig


class TradingConfig(AppConfig):
    name = "trading"

    def ready(self) -> None:
        from accounts import undo
        from trading import (
            deletions,
            receivers,  # noqa: F401 – connects them
            views,
        )

        undo.register(deletions.DELETED, views.bring_back)
