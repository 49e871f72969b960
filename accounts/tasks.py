"""What is done by the clock."""

from celery import shared_task
from django.contrib.sessions.models import Session
from django.utils import timezone

from accounts import attempts, idempotency
from accounts.models import IdempotencyKey, LoginAttempt


@shared_task
def forget_old_requests() -> int:
    """Idempotency keys older than 72 hours, sessions that ended and old failed logins are gone; returns how many."""
    now = timezone.now()
    keys, _ = IdempotencyKey.objects.filter(created_at__lt=now - idempotency.KEPT).delete()
    sessions, _ = Session.objects.filter(expire_date__lt=now).delete()
    failures, _ = LoginAttempt.objects.filter(attempted_at__lt=now - attempts.KEPT).delete()
    return keys + sessions + failures
