"""The trading app."""

from django.apps import AppConfig


class TradingConfig(AppConfig):
    name = "trading"

    def ready(self) -> None:
        from trading import receivers  # noqa: F401 – connects them
