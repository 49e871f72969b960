"""The project itself, as an app: its checks; and the admin, whose index is in an order of its own."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class ProjectConfig(AppConfig):
    name = "config"

    def ready(self) -> None:
        from config import checks  # noqa: F401 – registers them


class OperatorsConfig(AdminConfig):
    default_site = "config.operators.OperatorsSite"
