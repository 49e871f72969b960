"""Breakers by hand: on, off, how they stand, and what they stopped. `lifting` resets what a day has stopped."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from accounts import activity, audit
from accounts.errors import Conflict, InvalidValue
from accounts.models import Account, ActivityKind, User
from accounts.text import one_line
from trading.breaker import Reason
from trading.errors import OperatorsOnly
from trading.models import (
    BreakerEvent,
    BreakerEventKind,
    BreakerMode,
    BreakerScope,
    BreakerState,
    BreakerStatus,
    Position,
)
from trading.models.breaker import LONGEST_STRATEGY
from trading.order_rules.pretrade import RiskState
from trading.risk import measuring
from trading.risk.measuring import same_strategy

LONGEST_NOTE = 500
_RANK = {BreakerStatus.ACTIVE: 0, BreakerStatus.REDUCING: 1, BreakerStatus.HALTED: 2}
#: The kill switch: no new exposure; nothing but exits; that, and open entry orders are to be canceled.
LEVELS = {1: BreakerStatus.REDUCING, 2: BreakerStatus.HALTED, 3: BreakerStatus.HALTED}


#: What a reset writes.
_RESET = (
    "state", "reasons", "activated_at", "baseline_at", "height_at", "height_open_pnl", "nearest", "carried", "metrics",
    "evaluated_version",
)  # fmt: skip

#: Whether any breaker is on over anything of a person's, as SQL; `on_for` says which.
ARE_STOPPED = """
EXISTS (
    SELECT FROM trading_breakerstate b WHERE (b.owner_id = {owner} OR b.owner_id IS NULL) AND b.state <> 'active'
)
"""


@dataclass(frozen=True, slots=True)
class Target:
    """What a breaker is of: everybody, a person, one of their accounts, or one of their strategies."""

    owner: User | None
    mode: str
    account: Account | None = None
    strategy: str = ""

    @property
    def scope(self) -> str:
        """The kind of it."""
        if self.owner is None:
            return BreakerScope.EVERYBODY
        if self.account is not None:
            return BreakerScope.ACCOUNT
        return BreakerScope.STRATEGY if self.strategy else BreakerScope.GLOBAL


@dataclass(frozen=True, slots=True)
class Stopped:
    """What the kill switch did: the breaker, and the entry orders that its caller has to cancel now."""

    breaker: BreakerState
    to_cancel: tuple[uuid.UUID, ...]


def state_for(account: Account, strategy: str = "") -> RiskState:
    """How far trading in this account, by this strategy, is stopped: the worst of all breakers over it."""
    return worst(on_for(account.owner_id), account, strategy)


def on_for(owner_id: int) -> list[BreakerState]:
    """Every breaker that is on over anything of this person's."""
    # Few are on, and an index holds just those.
    on = BreakerState.objects.filter(Q(owner=owner_id) | Q(owner__isnull=True))
    return list(on.exclude(state=BreakerStatus.ACTIVE))


def worst(on: Iterable[BreakerState], account: Account, strategy: str) -> RiskState:
    """How far these breakers, which are on, stop trading in this account by this strategy."""
    found = _widest_of_worst(on, account, strategy)
    return RiskState(found.state) if found else RiskState.ACTIVE


@transaction.atomic
def activate(
    user: User, target: Target, *, state: str = BreakerStatus.REDUCING, note: str, at: datetime
) -> BreakerState:
    """The breaker is on by hand, at least as far as `state`; what was so already stays, without a second event.

    What tripped by itself and goes no further by this is on by hand as well from now on: no end of a day resets it.
    Raises Conflict where it is on and further than that, OperatorsOnly for everybody's.
    """
    _refuse_others(user, target)
    words = _noted(note)
    if state not in _RANK or state == BreakerStatus.ACTIVE:
        raise InvalidValue(_("A breaker is switched to no new exposure, or to exits only."), pointer="/state")
    breaker = opened(
        target.owner, target.scope, target.account.pk if target.account else None, target.strategy, target.mode,
        at=at, currency=target.account.currency if target.account else None,
    )  # fmt: skip
    lower = [each for each, rank in _RANK.items() if rank < _RANK[BreakerStatus(state)]]
    row = BreakerState.objects.select_for_update().get(pk=breaker.pk)
    if row.state not in lower:
        if row.state != state:
            raise Conflict(_("This is halted already: reset it first."), code="already_halted")
        if Reason.MANUAL in row.reasons:
            return row
    before = row.state
    row.state = state
    row.reasons = [*row.reasons, *([] if Reason.MANUAL in row.reasons else [str(Reason.MANUAL)])]
    row.activated_at = row.activated_at or at
    row.save(update_fields=["state", "reasons", "activated_at"])
    told(row, BreakerEventKind.ACTIVATED, at=at, before=before, metrics=row.metrics, note=words, actor=user,
         open_positions=_positions(row))  # fmt: skip
    return row


@transaction.atomic
def reset(user: User, breaker: BreakerState, *, note: str, at: datetime) -> BreakerState:
    """The breaker is off, and judges from now on what closes after `at`, so that old losses do not trip it again.

    Raises Conflict where it is not on, OperatorsOnly for everybody's.
    """
    _refuse_others(user, Target(breaker.owner, breaker.mode))
    words = _noted(note)
    row = BreakerState.objects.select_for_update(of=("self",)).select_related("owner", "account").get(pk=breaker.pk)
    if not row.is_on:
        raise Conflict(_("This breaker is not on."), code="not_active")
    before, reasons, metrics = row.state, row.reasons, row.metrics
    row.save(update_fields=off(row, at=at))
    told(row, BreakerEventKind.DEACTIVATED, at=at, before=before, metrics=metrics, reasons=reasons, note=words,
         actor=user)  # fmt: skip
    return row


def off(row: BreakerState, *, at: datetime) -> dict[str, Any]:
    """The row in hand is off and judges from `at` on; returns what is to be written of it. Nothing is stored.

    Its owner and account are loaded.
    """
    row.state, row.reasons, row.activated_at, row.baseline_at = BreakerStatus.ACTIVE, [], None, at
    row.height_at = row.height_open_pnl = row.nearest = None
    row.carried = _carried(row)
    row.metrics, row.evaluated_version = {}, 0
    return {name: getattr(row, name) for name in _RESET}


def stop(
    user: User, target: Target, *, level: int, note: str, at: datetime, entries: Iterable[uuid.UUID] = ()
) -> Stopped:
    """The kill switch: 1 takes no new exposure, 2 halts all but exits, 3 also wants open entry orders canceled.

    `entries` are the open entry orders of the target; the answer names those that the caller cancels. Positions stay as
    they are: to flatten them is an act of its own. Raises as `activate` does.
    """
    if level not in LEVELS:
        raise InvalidValue(_("The kill switch has the levels 1, 2 and 3."), pointer="/level")
    breaker = activate(user, target, state=LEVELS[level], note=note, at=at)
    return Stopped(breaker, tuple(entries) if level == 3 else ())


def blocked(
    account: Account, *, strategy: str = "", order_id: object = "", note: str = "", at: datetime
) -> BreakerEvent | None:
    """That a breaker stopped an order is kept; None where none is on over this account any more."""
    state = _over(account, strategy)
    if state is None:
        return None
    # Also what everybody's breaker stopped is the business of whose order it was, and of nobody else.
    whose = {"owner_id": account.owner_id, "account_id": account.pk, "account_name": account.name}
    return BreakerEvent.objects.create(
        **{**_subject(state), **whose},
        kind=BreakerEventKind.BLOCKED,
        occurred_at=at,
        before=state.state,
        after=state.state,
        reasons=state.reasons,
        order_id=str(order_id)[:64],
        note=note[:LONGEST_NOTE],
    )


def opened(
    owner: User | None, scope: str, account_id: int | None, strategy: str, mode: str, *, at: datetime,
    currency: str | None,
) -> BreakerState:  # fmt: skip
    """The breaker of this scope; it judges what closes after `at` where it was not there before."""
    if len(strategy) > LONGEST_STRATEGY:
        words = _("A strategy has at most %(most)s characters.") % {"most": LONGEST_STRATEGY}
        raise InvalidValue(words, pointer="/strategy")
    if strategy:
        # Under the name that it has, however it is written this time.
        known = BreakerState.objects.filter(owner=owner, scope=scope, mode=mode).order_by("id")
        names = known.values_list("strategy", flat=True)
        strategy = next((name for name in names if same_strategy(name) == same_strategy(strategy)), strategy)
    state, is_new = BreakerState.objects.get_or_create(
        owner=owner, scope=scope, account_id=account_id, strategy=strategy, mode=mode, defaults={"baseline_at": at}
    )
    if is_new and owner is not None:
        carried = _carried(state, currency)
        if carried:
            BreakerState.objects.filter(pk=state.pk).update(carried=carried)
            state.carried = carried
    return state


def told(
    state: BreakerState, kind: str, *, at: datetime, before: str, actor: User | None = None, **more: Any
) -> BreakerEvent:
    """The change of a breaker is kept as an event, in the audit log and in the person's feed.

    `more` are fields of the event besides.
    """
    event = BreakerEvent.objects.create(
        **{**_subject(state), "reasons": state.reasons, **more},
        kind=kind,
        occurred_at=at,
        before=before,
        after=state.state,
        actor_id=actor.pk if actor else None,
        actor_email=actor.email if actor else "",
    )
    audit.written(
        f"breaker.{kind}", subject="breaker", subject_id=state.public_id, owner_id=state.owner_id,
        before={"state": before}, after={"state": state.state, "reasons": event.reasons, "note": event.note},
    )  # fmt: skip
    if state.owner_id is not None:
        is_reset = kind == BreakerEventKind.DEACTIVATED
        activity.noted(
            state.owner_id,
            ActivityKind.SYSTEM if is_reset else ActivityKind.WARNING,
            _feed_words(state, kind),
            link="/desk/risk/",
            account_id=state.account_id,
        )
    return event


def _feed_words(state: BreakerState, kind: str) -> str:
    named = {"what": _what(state), "mode": BreakerMode(state.mode).label, "state": BreakerStatus(state.state).label}
    if kind == BreakerEventKind.DEACTIVATED:
        return _("The circuit breaker of %(what)s (%(mode)s) was reset.") % named
    return _("The circuit breaker of %(what)s (%(mode)s) is on: %(state)s.") % named


def _what(state: BreakerState) -> str:
    if state.account is not None:
        return state.account.name
    return state.strategy or str(BreakerScope(state.scope).label)


def _over(account: Account, strategy: str) -> BreakerState | None:
    """The breaker that stops most of all that are on over this account; of equal ones the widest."""
    return _widest_of_worst(on_for(account.owner_id), account, strategy)


def _widest_of_worst(on: Iterable[BreakerState], account: Account, strategy: str) -> BreakerState | None:
    mode = BreakerMode.of(account)
    rows = [row for row in on if row.mode == mode and row.account_id in (None, account.pk) and _is_over(row, strategy)]
    widest = [BreakerScope.EVERYBODY, BreakerScope.GLOBAL, BreakerScope.ACCOUNT, BreakerScope.STRATEGY]
    found = sorted(rows, key=lambda row: (-_RANK[BreakerStatus(row.state)], widest.index(BreakerScope(row.scope))))
    return found[0] if found else None


def _is_over(row: BreakerState, strategy: str) -> bool:
    """Whether it is over this strategy: one that is written in other letters is the same."""
    return not row.strategy or same_strategy(row.strategy) == same_strategy(strategy)


def _subject(state: BreakerState) -> dict[str, Any]:
    return {
        "owner_id": state.owner_id,
        "scope": state.scope,
        "account_id": state.account_id,
        "account_name": state.account.name if state.account else "",
        "strategy": state.strategy,
        "mode": state.mode,
    }


def _carried(state: BreakerState, currency: str | None = None) -> Decimal:
    if state.owner is None:
        return Decimal(0)
    own = state.account.currency if state.account else state.owner.reporting_currency
    return measuring.carried(state, currency=currency or own)


def _positions(state: BreakerState) -> int | None:
    """How many positions are open under this breaker; None for everybody's, and those of a strategy are not told."""
    if state.owner_id is None or state.scope == BreakerScope.STRATEGY:
        return None
    rows = Position.objects.filter(owner=state.owner_id)
    if state.account_id is not None:
        return rows.filter(account=state.account_id).count()
    paper = Q(account__kind="paper")
    return rows.filter(paper if state.mode == BreakerMode.SIMULATION else ~paper).count()


def _refuse_others(user: User, target: Target) -> None:
    if target.owner is None and not user.is_staff:
        raise OperatorsOnly(_("Only operators stop everybody."))
    if target.owner is not None and target.owner.pk != user.pk:
        raise InvalidValue(_("There is no such breaker."))
    if target.account is not None and target.owner is not None and target.account.owner_id != target.owner.pk:
        raise InvalidValue(_("You have no account of this name."), pointer="/account")
    if target.mode not in BreakerMode.values:
        raise InvalidValue(_("This is live or simulation."), pointer="/mode")


def _noted(note: str) -> str:
    try:
        words = one_line(note)
    except ValueError as error:
        raise InvalidValue(_("Note: %(error)s.") % {"error": error}, pointer="/note") from error
    if not words:
        raise InvalidValue(_("Say why, for whoever reads it later."), pointer="/note")
    if len(words) > LONGEST_NOTE:
        raise InvalidValue(_("A note has at most 500 characters."), pointer="/note")
    return words
