"""Verbs on positions under an exit plan: opened, revised, closed or let go by a person, settled as exits fill.

What a plan does by itself, at a price, is `trading.monitoring`. Every write moves `version` on and holds only if nobody
wrote since: the row is locked here, and compared there. None of this asks a circuit breaker: it never stops an exit.

Source: docs/exits.md#storage-and-the-monitor
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import F, Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import activity, audit
from accounts.models import Account, ActivityKind, User
from trading.errors import PlanChanged, PlanImpossible
from trading.exits.plans import ExitPlan, PlanRefused, PlanRule, Problem
from trading.exits.snapshots import SnapshotRefused, overridden, snapshot
from trading.exits.states import Entry, given_back, opened, taken_out
from trading.models import (
    ClosedReason,
    ExitStrategy,
    Instrument,
    ManagedPosition,
    PlanExit,
    PlanExitReason,
    PlanRevision,
    PlanStatus,
    Position,
    TradeSide,
)
from trading.plan_words import refusal
from trading.signals import plan_ended
from trading.trades import lock_accounts

#: How long a plan is left alone after an exit that did not go through, by how many in a row.
BACK_OFF = (timedelta(seconds=5), timedelta(seconds=15), timedelta(seconds=60), timedelta(minutes=5))

_GETS_TARGET = {PlanExitReason.TAKE_PROFIT, PlanExitReason.SCALING}


@dataclass(frozen=True, slots=True)
class EntryFills:
    """What an entry filled at, where it is known better than by the average of all that is held."""

    average_price: Decimal
    at: datetime


@transaction.atomic
def open_plan(
    account: Account,
    instrument: Instrument,
    *,
    plan: ExitPlan | None = None,
    strategy: ExitStrategy | None = None,
    overrides: Mapping[str, Any] | None = None,
    quantity: Decimal | None = None,
    fills: EntryFills | None = None,
) -> ManagedPosition:
    """What is held, or `quantity` units of it, is under the plan: `plan`, else the strategy's, with the overrides.

    The price is the average of the fills that are held, unless `fills` says another. All plans on one
    position together never hold more than the position.
    Raises: PlanInvalid; PlanImpossible where too little is held, or the strategy is archived.
    """
    lock_accounts([account.pk])
    position = Position.objects.filter(account=account, instrument=instrument).first()
    if position is None:
        raise PlanImpossible(_("Nothing is held in %(symbol)s.") % {"symbol": instrument.symbol}, code="nothing_held")
    if strategy is not None and strategy.archived_at is not None:
        raise PlanImpossible(_("The strategy is archived: restore it first."), code="archived")
    free = abs(position.quantity) - committed(account.pk, instrument.pk)
    wanted = free if quantity is None else quantity
    if wanted <= 0 or wanted > free:
        raise PlanImpossible(
            _("%(free)s units of %(symbol)s are held under no plan.")
            % {"free": f"{max(free, Decimal(0)).normalize():f}", "symbol": instrument.symbol},
            pointer="/quantity",
            code="quantity_not_free",
        )
    entry = Entry(
        is_long=position.quantity > 0,
        price=fills.average_price if fills else position.average_price,
        quantity=wanted,
        at=fills.at if fills else position.opened_at or timezone.now(),
        quantity_step=instrument.lot_size,
        price_step=instrument.tick_size,
        may_be_negative=instrument.min_price is not None and instrument.min_price <= 0,
    )
    said = plan if plan is not None else strategy.plan if strategy is not None else None
    if said is None:
        raise PlanImpossible(_("Choose a plan."), pointer="/strategy", code="plan_missing")
    said = _merged(said, overrides or {}, entry)
    made = _opened(account, instrument, strategy=strategy, entry=entry, plan=said, position=position)
    audited("exit_plan.open", made, after={"plan": made.plan_snapshot, "quantity": wanted, "price": entry.price})
    words = _("%(symbol)s: %(quantity)s units are under an exit plan.")
    noted(made, words % {"symbol": instrument.symbol, "quantity": f"{wanted.normalize():f}"})
    return made


def committed(account_id: int, instrument_id: int) -> Decimal:
    """Units of the position that open plans hold: what remains under them, and what their exits are yet to fill."""
    plans = ManagedPosition.objects.filter(account=account_id, instrument=instrument_id, closed_at=None)
    remaining = plans.aggregate(sum=Sum("remaining"))["sum"] or Decimal(0)
    claimed = PlanExit.objects.filter(managed_position__in=plans, ended_at=None).aggregate(
        sum=Sum(F("quantity") - F("filled_quantity"))
    )["sum"] or Decimal(0)
    return remaining + claimed


@transaction.atomic
def override(
    managed: ManagedPosition, *, changes: Mapping[str, Any], by: User | None, revision: int
) -> ManagedPosition:
    """The position follows its plan with these keys in place of the plan's own; the revision that says so is kept.

    `revision` is the one that the person read. What changes nothing leaves no trace.
    Raises: PlanChanged, PlanInvalid, PlanImpossible for a plan that has ended.
    """
    managed = _held(managed)
    if managed.revision != revision:
        raise PlanChanged(_("The plan was changed meanwhile; it is shown as it is now."))
    before = managed.plan
    after = _merged(before, changes, managed.entry)
    if after == before:
        return managed
    number = revision + 1
    PlanRevision.objects.create(
        managed_position=managed,
        number=number,
        actor_id=by.pk if by else None,
        actor_email=by.email if by else "",
        changes=dict(changes),
        before=snapshot(before),
        after=snapshot(after),
        made_at=timezone.now(),
    )
    write(managed, plan_now=snapshot(after), revision=number)
    audited("exit_plan.override", managed, before=snapshot(before), after=snapshot(after))
    noted(managed, _("%(symbol)s: its exit plan was changed.") % {"symbol": managed.instrument.symbol})
    return managed


@transaction.atomic
def close(managed: ManagedPosition, *, at: datetime | None = None) -> PlanExit:
    """All that remains goes out at the market: the exit that says so is kept, and its order is placed by the monitor.

    Raises: PlanImpossible where nothing remains.
    """
    managed = _held(managed)
    number, quantity, now = managed.exits + 1, managed.remaining, at or timezone.now()
    state = taken_out(managed.state, _some(managed))
    write(
        managed,
        remaining=state.remaining,
        exits=number,
        reason=PlanExitReason.MANUAL,
        status=PlanStatus.STOP_LOSS_TRIGGERED,
        problem="",
        retry_at=None,
    )
    made = PlanExit.objects.create(
        managed_position=managed,
        number=number,
        reason=PlanExitReason.MANUAL,
        quantity=quantity,
        decided_at=now,
        client_order_id=client_order_id(managed, number),
    )
    audited("exit_plan.close", managed, after={"quantity": quantity, "exit": number})
    words = _("%(symbol)s: %(quantity)s units go out by hand.")
    noted(managed, words % {"symbol": managed.instrument.symbol, "quantity": f"{quantity.normalize():f}"})
    return made


@transaction.atomic
def let_go(managed: ManagedPosition, *, at: datetime | None = None) -> ManagedPosition:
    """The plan no longer holds what remains: it stays in the position, and nothing is sold.

    Raises: PlanImpossible where nothing remains.
    """
    managed, now = _held(managed), at or timezone.now()
    # Of an entry that may still fill, nothing more comes under the plan.
    if managed.status == PlanStatus.PENDING:
        quantity = managed.remaining
        write(managed, is_entered=True, status=PlanStatus.CLOSED, closed_at=now, reason=ClosedReason.LET_GO)
    else:
        quantity = _some(managed)
        write(managed, is_entered=True)
        _taken_away(managed, quantity, reason=ClosedReason.LET_GO, at=now)
    audited("exit_plan.let_go", managed, after={"quantity": quantity})
    noted(managed, _("%(symbol)s: it is no longer under an exit plan.") % {"symbol": managed.instrument.symbol})
    return managed


@transaction.atomic
def found_gone(managed: ManagedPosition, *, quantity: Decimal, at: datetime) -> ManagedPosition:
    """So many of the remaining units, or all there are, have left the position otherwise: the plan holds less."""
    managed = _held(managed)
    quantity = min(quantity, managed.remaining)
    if quantity > 0:
        _taken_away(managed, quantity, reason=ClosedReason.EXTERNAL, at=at)
        audited("exit_plan.found_gone", managed, after={"quantity": quantity})
        words = _("%(symbol)s: %(quantity)s units left the position otherwise than by its exit plan.")
        noted(managed, words % {"symbol": managed.instrument.symbol, "quantity": f"{quantity.normalize():f}"})
    return managed


@transaction.atomic
def retry(managed: ManagedPosition) -> ManagedPosition:
    """What did not go through is tried again at once. Raises PlanImpossible where nothing has failed."""
    managed = _held(managed)
    if not managed.problem:
        raise PlanImpossible(_("Nothing has to be tried again."), code="nothing_failed")
    managed = wake(managed)
    audited("exit_plan.retry", managed)
    return managed


@transaction.atomic
def wake(managed: ManagedPosition) -> ManagedPosition:
    """The plan and its exits wait for nothing, and no failure counts any more. Raises PlanImpossible once it ended."""
    managed = _held(managed)
    PlanExit.objects.filter(managed_position=managed, ended_at=None).update(next_attempt_at=None, attempts=0)
    if managed.problem or managed.failures or managed.retry_at:
        write(managed, retry_at=None, failures=0, problem="", status=_status(managed, problem=""))
    return managed


@transaction.atomic
def settle(
    plan_exit: PlanExit,
    *,
    filled: Decimal,
    average_price: Decimal | None,
    is_over: bool,
    at: datetime,
    words: str = "",
) -> ManagedPosition:
    """The exit has filled so far as its order says; once that is over, what did not fill is the plan's again.

    An order that ended short leaves the plan in `error` with `words`, not judged again before a while that grows with
    every failure in a row. A plan with nothing left and nothing under way is closed. Said twice, it changes nothing.
    """
    managed = ManagedPosition.objects.select_for_update(of=("self",), no_key=True).get(pk=plan_exit.managed_position_id)
    plan_exit = PlanExit.objects.get(pk=plan_exit.pk)
    if plan_exit.ended_at is not None or (not is_over and filled == plan_exit.filled_quantity):
        return managed
    PlanExit.objects.filter(pk=plan_exit.pk).update(
        filled_quantity=filled, filled_price=average_price if filled else None, ended_at=at if is_over else None
    )
    if not is_over:
        return managed
    unfilled = plan_exit.quantity - filled
    if unfilled > 0:
        _give_back(managed, unfilled, level=plan_exit.level, at=at, words=words)
    elif managed.problem or managed.failures:
        write(managed, problem="", failures=0, retry_at=None, status=_status(managed, problem=""))
    close_if_done(managed, at=at)
    return managed


@transaction.atomic
def refused(plan_exit: PlanExit, *, words: str, at: datetime) -> None:
    """The order of the exit was refused: the plan says why, and the same exit is tried again after a while."""
    managed = ManagedPosition.objects.select_for_update(of=("self",), no_key=True).get(pk=plan_exit.managed_position_id)
    plan_exit = PlanExit.objects.get(pk=plan_exit.pk)
    if plan_exit.ended_at is not None or plan_exit.order_id is not None:
        return
    wait = BACK_OFF[min(plan_exit.attempts, len(BACK_OFF) - 1)]
    PlanExit.objects.filter(pk=plan_exit.pk).update(
        attempts=F("attempts") + 1, next_attempt_at=at + wait, problem=words[:500]
    )
    is_new = managed.problem != words[:500]
    write(managed, problem=words[:500], status=PlanStatus.ERROR, failures=managed.failures + 1)
    if is_new:
        noted(managed, _("%(symbol)s: an exit was refused: %(why)s") % {
            "symbol": managed.instrument.symbol, "why": words
        })  # fmt: skip


def client_order_id(managed: ManagedPosition, number: int) -> str:
    """The name of the order of an exit: whoever decides the same exit names the same order."""
    return f"mp:{managed.public_id.hex}:exit:{number}"


def _give_back(managed: ManagedPosition, unfilled: Decimal, *, level: int | None, at: datetime, words: str) -> None:
    state = given_back(managed.entry, managed.state, unfilled, level=level)
    problem = (words or _("An exit order ended without filling."))[:500]
    write(
        managed,
        remaining=state.remaining,
        taken=list(state.taken),
        failures=managed.failures + 1,
        retry_at=at + BACK_OFF[min(managed.failures, len(BACK_OFF) - 1)],
        problem=problem,
        status=PlanStatus.ERROR,
    )
    text = _("%(symbol)s: %(quantity)s units did not go out: %(why)s")
    noted(managed, text % {
        "symbol": managed.instrument.symbol, "quantity": f"{unfilled.normalize():f}", "why": problem
    })  # fmt: skip


def _taken_away(managed: ManagedPosition, quantity: Decimal, *, reason: str, at: datetime) -> None:
    state = taken_out(managed.state, quantity)
    write(managed, remaining=state.remaining, gone=managed.gone + quantity, reason=reason)
    close_if_done(managed, at=at)


def close_if_done(managed: ManagedPosition, *, at: datetime) -> None:
    """A plan, which the caller has locked, has ended if nothing of it remains, is under way or may still come."""
    if (
        managed.remaining
        or not managed.is_entered
        or PlanExit.objects.filter(managed_position=managed, ended_at=None).exists()
    ):
        return
    write(managed, status=PlanStatus.CLOSED, closed_at=at, problem="", retry_at=None, price_alert="")
    plan_ended.send(sender=ManagedPosition, managed=managed)
    noted(managed, _("%(symbol)s: its exit plan has ended.") % {"symbol": managed.instrument.symbol})


def _held(managed: ManagedPosition) -> ManagedPosition:
    """The row, locked until the transaction ends. Raises PlanImpossible for a plan that has ended."""
    rows = ManagedPosition.objects.select_for_update(of=("self",), no_key=True).select_related("instrument")
    found = rows.get(pk=managed.pk)
    if not found.is_open:
        raise PlanImpossible(_("The plan has ended."), code="plan_ended")
    return found


def _some(managed: ManagedPosition) -> Decimal:
    if managed.status == PlanStatus.PENDING:
        raise PlanImpossible(_("It waits for its entry: cancel that order."), code="waits_for_entry")
    if not managed.remaining:
        raise PlanImpossible(_("All of it is on its way out already."), code="nothing_remains")
    return managed.remaining


def _merged(plan: ExitPlan, changes: Mapping[str, Any], entry: Entry) -> ExitPlan:
    try:
        merged = overridden(plan, changes)
        if merged.exit_at is not None and merged.exit_at <= entry.at:
            raise PlanRefused((Problem(PlanRule.EXIT_AT_PASSED, "exit_at", "passed"),))
    except (PlanRefused, SnapshotRefused) as error:
        raise refusal(error) from error
    return merged


def _opened(
    account: Account,
    instrument: Instrument,
    *,
    strategy: ExitStrategy | None,
    entry: Entry,
    plan: ExitPlan,
    position: Position,
) -> ManagedPosition:
    try:
        state = opened(plan, entry)
    except ValueError as error:
        raise PlanImpossible(_("The position has no price that a plan could start from."), code="no_price") from error
    written = snapshot(plan)
    made = ManagedPosition.objects.create(
        owner_id=account.owner_id,
        account=account,
        instrument=instrument,
        strategy=strategy,
        side=TradeSide.LONG if entry.is_long else TradeSide.SHORT,
        entry_price=entry.price,
        entry_quantity=entry.quantity,
        entered_at=entry.at,
        quantity_step=entry.quantity_step,
        price_step=entry.price_step,
        may_be_negative=entry.may_be_negative,
        multiplier=position.trade.multiplier,
        currency=position.trade.currency,
        plan_snapshot=written,
        plan_now=written,
        remaining=state.remaining,
        best=state.best,
        taken=list(state.taken),
        changed_at=state.changed_at,
    )
    made.refresh_from_db()
    return made


def write(managed: ManagedPosition, **fields: Any) -> None:
    """The row, which the caller has locked, has these fields; whoever judged it as it was before judges again."""
    managed.version += 1
    ManagedPosition.objects.filter(pk=managed.pk).update(version=managed.version, **fields)
    for name, value in fields.items():
        setattr(managed, name, value)


def _status(managed: ManagedPosition, *, problem: str) -> str:
    return status_of(remaining=managed.remaining, reason=managed.reason, problem=problem)


def status_of(*, remaining: Decimal, reason: str, problem: str) -> str:
    """The status of a plan that has not ended: whether something failed, is still watched, or all is on its way out."""
    if problem:
        return PlanStatus.ERROR
    if remaining:
        return PlanStatus.MONITORING
    return PlanStatus.TAKE_PROFIT_TRIGGERED if reason in _GETS_TARGET else PlanStatus.STOP_LOSS_TRIGGERED


def audited(event: str, managed: ManagedPosition, **values: Any) -> None:
    """The audit log has what was done to the plan."""
    audit.written(event, subject="exit_plan", subject_id=managed.public_id, owner_id=managed.owner_id, **values)


def noted(managed: ManagedPosition, text: str) -> None:
    """The person's feed has the line, which leads to the plan."""
    link = f"/desk/plans/{managed.public_id}/"
    activity.noted(managed.owner_id, ActivityKind.TRADE, text, link=link, account_id=managed.account_id)
