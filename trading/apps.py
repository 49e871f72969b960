"""The trading app."""

from django.apps import AppConfig


class TradingConfig(AppConfig):
    name = "trading"

    def ready(self) -> None:
        from accounts import undo
        from trading import (
            receivers,  # noqa: F401 – connects them
            taking_back,
        )

        undo.register(taking_back.ONE, taking_back.one)
        undo.register(taking_back.MANY, taking_back.many)
