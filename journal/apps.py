"""The journal app."""

from django.apps import AppConfig


class JournalConfig(AppConfig):
    name = "journal"

    def ready(self) -> None:
        from journal import receivers  # noqa: F401 – connects them
