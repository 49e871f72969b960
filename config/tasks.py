"""What the worker does for the whole installation."""

from celery import shared_task
from django.utils import timezone

from config.backups import making


@shared_task(name="config.tasks.back_up")
def back_up() -> str:
    """There is a backup of less than a day ago; returns the name of the one that was made for it, or nothing."""
    made = making.back_up_if_due(now=timezone.now())
    return made.folder.name if made else ""
