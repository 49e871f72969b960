"""Outcomes of signals, kept once and for good, each with the checks behind it.

Source: docs/copying.md
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts import versions
from accounts.decimals import plain
from intelligence.check_words import said
from intelligence.copy_checks import Action, Check
from intelligence.models import Signal, SignalCheck, SignalOutcome, SignalRetry, Wallet
from intelligence.sizing import Size

#: Before the second try of a sale; each pause after it is twice as long, up to the longest.
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=5), timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Made:
    """What was made of a signal: in one word, why in words, with the checks, and the order and plan if there are."""

    action: Action
    verdict: str
    reason: str = ""
    checks: Iterable[Check] = ()
    order: UUID | None = None
    plan: UUID | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    attempt: int = 1


def of(signal: Signal) -> SignalOutcome | None:
    """What was made of the signal; None where nothing was yet."""
    return signal.outcomes.order_by("-attempt").first()


@transaction.atomic
def keep(signal: Signal, wallet: Wallet | None, made: Made) -> SignalOutcome:
    """The outcome is stored with its checks. Raises IntegrityError where the signal has one."""
    outcome = SignalOutcome.objects.create(
        owner_id=signal.owner_id,
        signal=signal,
        attempt=made.attempt,
        verdict=made.verdict,
        action_taken=made.action.value,
        reason=made.reason[:1000],
        mode=wallet.mode if wallet else "",
        strategy_id=wallet.exit_strategy_id if wallet else None,
        order_id=made.order,
        plan_id=made.plan,
        decided_at=timezone.now(),
        details=dict(made.details),
    )
    SignalCheck.objects.bulk_create(
        SignalCheck(
            outcome=outcome,
            position=place,
            name=check.name,
            seen=said(check.seen)[:200],
            limit=said(check.limit)[:200],
            source=check.source[:60],
            age=check.age,
            verdict=check.verdict.value,
            note=check.note[:500],
        )
        for place, check in enumerate(made.checks)
    )
    if signal.owner_id is not None:
        versions.bump(signal.owner_id)
    return outcome


def retry_of(signal: Signal) -> SignalRetry | None:
    """How often the signal failed and when it is tried again; None where it never did."""
    return SignalRetry.objects.filter(signal=signal).first()


@transaction.atomic
def put_off(signal: Signal, words: str) -> SignalRetry:
    """The signal is tried again after a pause that grows with each failure; what it got out of already is kept."""
    now = timezone.now()
    earlier = SignalRetry.objects.select_for_update().filter(signal=signal).first()
    failures = earlier.attempts if earlier else 0
    # Twenty doublings are more than the longest pause, whatever the first.
    pause = min(_FIRST_PAUSE * 2 ** min(failures, 20), _LONGEST_PAUSE)
    values = {
        "attempts": failures + 1,
        "problem": words[:500],
        "failed_at": now,
        "next_attempt_at": now + pause,
    }
    retry, _made = SignalRetry.objects.update_or_create(signal=signal, defaults=values)
    if signal.owner_id is not None:
        versions.bump(signal.owner_id)
    return retry


def size_details(found: Size | None, units: Any) -> dict[str, Any]:
    """How the size came about, as an outcome keeps it."""
    if found is None:
        return {}
    return {
        "size": {
            "wanted": plain(found.wanted),
            "value": plain(found.value),
            "loss_at_stop": plain(found.loss),
            "bound_by": found.bound_by,
            "quantity": plain(units),
            "caps": {cap.name: None if cap.most is None else plain(cap.most) for cap in found.caps},
        }
    }
