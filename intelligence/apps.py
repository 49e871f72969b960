"""The intelligence app: empty until decisions are remembered."""

from django.apps import AppConfig


class IntelligenceConfig(AppConfig):
    name = "intelligence"
