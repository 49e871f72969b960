"""The Django project: settings, urls, the API index, Celery, embedded services."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
