"""The memory filled and outcomes kept right by the worker. What must happen is in tables; a lost message is a delay."""

import time

from celery import shared_task
from django.utils import timezone

from intelligence import decisions, memory, outcomes

#: How long one task fills before it lets others go on.
_SECONDS = 20.0
#: Rounds of a thousand texts that one sweep gathers.
_ROUNDS = 20


@shared_task(name="intelligence.tasks.fill_memory")
def fill_memory() -> int:
    """Texts that wait are embedded, for a while; returns how many are. The next sweep goes on."""
    started, ready = time.monotonic(), 0
    while time.monotonic() - started < _SECONDS:
        done = memory.fill()
        ready += done.ready
        if not done.count:
            break
    return ready


@shared_task(name="intelligence.tasks.sweep_memory")
def sweep_memory() -> int:
    """So is what anybody wrote, and what is gone is forgotten; returns how many texts."""
    memory.forget_gone()
    done = 0
    for _round in range(_ROUNDS):
        found = memory.gather()
        done += found
        if not found:
            break
    return done


@shared_task(name="intelligence.tasks.sweep_outcomes")
def sweep_outcomes() -> int:
    """Outcomes that something else than a change of trades has made differ are right; returns how many were not."""
    return outcomes.settle_everybody()


@shared_task(name="intelligence.tasks.sweep_decisions")
def sweep_decisions() -> int:
    """Decisions that were deleted a while ago are gone for good; returns how many."""
    return decisions.sweep(now=timezone.now())
