"""Outcomes of signals, kept once and for good, each with the checks behind it.

Source: docs/copying.md
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts import versions
from accounts.decimals import plain
from intelligence.check_words import said
from intelligence.copy_checks import Action, Check
from intelligence.models import Signal, SignalCheck, SignalOutcome, Wallet
from intelligence.sizing import Size


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


def of(signal: Signal) -> SignalOutcome | None:
    """What was made of the signal; None where nothing was yet."""
    return signal.outcomes.order_by("-attempt").first()


@transaction.atomic
def keep(signal: Signal, wallet: Wallet | None, made: Made) -> SignalOutcome:
    """The outcome is stored with its checks. Raises IntegrityError where the signal has one."""
    outcome = SignalOutcome.objects.create(
        owner_id=signal.owner_id,
        signal=signal,
        attempt=1,
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
