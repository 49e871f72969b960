"""The intelligence app."""

from django.apps import AppConfig


class IntelligenceConfig(AppConfig):
    name = "intelligence"
