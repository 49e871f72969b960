"""What a webhook brought, read as the worker reads it."""

from django.utils import timezone

from intelligence import inbox
from intelligence.models import Signal


def deliver(body: bytes) -> list[Signal]:
    """The delivery is kept and read; the signals that it made."""
    before = Signal.objects.count()
    inbox.receive(source=inbox.HELIUS, body=body, at=timezone.now())
    inbox.read_waiting()
    return list(Signal.objects.order_by("id")[before:])
