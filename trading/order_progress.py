"""What becomes of orders: the one function that writes an order's status, and all that follows from it.

Locks are taken in one order: accounts by id, the person's book where limits count, portfolios, orders, the version.
The book may come after the portfolios and orders of the accounts that are held, and never after the version.
"""

import logging
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal

from django.db.models import Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import activity, audit, ledger, versions
from accounts.decimals import plain
from accounts.models import Account, ActivityEntry, ActivityKind, Portfolio
from accounts.prepared import insert
from trading import trades
from trading.models import Execution, ExecutionSource, Instrument, Order, OrderEvent, OrderEventKind, TradeFill
from trading.order_rules.broker_events import (
    BrokerEvent,
    Fill,
    Known,
    OrderState,
    Report,
    arrived_after_the_end,
    fold,
)
from trading.order_rules.reservations import Movement, MovementKind, Standing, movements, standing
from trading.order_rules.statuses import Outcome, Status
from trading.order_rules.vocabulary import Side
from trading.order_tickets import hold_of, known_of, reasons_of, row_of, standing_of, told_as

logger = logging.getLogger(__name__)

LOCAL = "local"
_ZERO = Decimal(0)
#: What is paid for by its result alone when it is closed.
MARGINED = frozenset({"future", "cfd"})
_NAMESPACE = uuid.UUID("5b2b4d1e-6f0c-5c39-9d1f-3f1b2f0f7a51")
_STAMPS = {
    Status.FILLED: "filled_at",
    Status.CANCELED: "canceled_at",
    Status.EXPIRED: "expired_at",
    Status.REJECTED: "rejected_at",
    Status.REPLACED: "replaced_at",
}


@dataclass(frozen=True, slots=True)
class Step:
    """What one order was before, and is now that its events are recorded."""

    order: Order
    before: OrderState
    after: OrderState

    @property
    def fills(self) -> tuple[Fill, ...]:
        """The fills that count now and did not before."""
        return tuple(fill for fill in self.after.fills if fill not in self.before.fills)


def advance(
    order: Order,
    events: Iterable[BrokerEvent],
    *,
    portfolio: Portfolio,
    source: str,
    match_id: uuid.UUID | None = None,
) -> Step | None:
    """The order is what all that is known of it makes it, these events included, and its account has followed.

    Fills become executions and trades, money and units move, the status is written, each event has its row. An event
    that is known already changes nothing; one that the table of transitions does not allow is stored as ignored.
    The caller has locked the account, the portfolio and the order. None where nothing new was said.
    Source: docs/orders.md#events-of-a-venue
    """
    stored = list(order.events.all())
    known = known_of(stored)
    new = [event for event in dict.fromkeys(events) if event not in known]
    if not new:
        return None
    before = fold(known, quantity=order.quantity)
    rows, after = _told_one_by_one(order, known, new, before, source=source, stored=stored)
    if not rows:
        return None
    now = timezone.now()
    booked, stands = standing_of(order), standing_after(order, after)
    result = _result(order)
    is_corrected = any(row.kind == OrderEventKind.CORRECTION for row in (*stored, *rows))
    made = _executed(order, before, after, now=now, is_corrected=is_corrected)
    entries = [entry_of(each) for each in movements(booked, stands)]
    made_since = _result(order) - result
    if made_since:
        entries.append(ledger.Movement(MovementKind.TRADE.value, made_since))
    ledger.book(portfolio, entries, owner_id=order.owner_id, reference=order.public_id, at=now)
    _write(order, after, stands, now=now, last=max(row.occurred_at for row in rows))
    for row in rows:
        row.match_id = match_id
        execution = made.get(told_as(row)) if row.kind == "fill" else None
        row.execution_id = execution.pk if execution else None
    keep(rows)
    if not made:
        versions.bump(order.owner_id)
    step = Step(order, before, after)
    _tell(step)
    return step


def _told_one_by_one(
    order: Order,
    known: Known,
    new: Sequence[BrokerEvent],
    state: OrderState,
    *,
    source: str,
    stored: Sequence[OrderEvent],
) -> tuple[list[OrderEvent], OrderState]:
    """The rows of the new events, each with what it did when it arrived, and the state after all of them."""
    rows = []
    identities, names = {event.identity for event in known}, {row.identity for row in stored}
    for event in new:
        row = row_of(order, event, source=source)
        if event.identity in identities:
            # The same identity with other contents: kept, to be looked at, under a name of its own.
            row.identity = f"{row.identity[:120]}~{uuid.uuid5(_NAMESPACE, repr(event))}"
            if not isinstance(event, Report):
                row.details |= {"reference": event.identity[1]}
            if row.identity in names:
                # It was told before, in numbers finer than those that are stored.
                continue
        identities.add(event.identity)
        names.add(row.identity)
        known |= {event}
        after = fold(known, quantity=order.quantity)
        row.status_before, row.status_after = state.status, after.status
        row.outcome = _outcome(event, state, after)
        rows.append(row)
        state = after
    return rows, state


def _outcome(event: BrokerEvent, before: OrderState, after: OrderState) -> Outcome:
    if event in after.ignored or event in after.contradicted:
        return Outcome.IGNORED
    if isinstance(event, Fill):
        if event.execution_id in after.late:
            return Outcome.LATE_FILL
        if after.overfill > before.overfill:
            return Outcome.OVERFILL
    return Outcome.APPLIED


def standing_after(order: Order, state: OrderState) -> Standing:
    """What the order has done to its account in this state, and still sets aside."""
    hold = hold_of(order)
    assert hold is not None, "an order that was placed set something aside"
    stands = standing(
        state,
        hold,
        side=Side(order.side),
        multiplier=order.instrument.multiplier,
        is_margined=order.instrument.kind in MARGINED,
    )
    return replace(stands, reserved=_ZERO, reserved_units=_ZERO) if order.shares_hold else stands


def entry_of(movement: Movement) -> ledger.Movement:
    """The movement as the ledger books it."""
    return ledger.Movement(movement.kind.value, movement.available, movement.reserved)


# --- fills become executions and trades ----------------------------------------------------------


def _executed(
    order: Order, before: OrderState, after: OrderState, *, now: datetime, is_corrected: bool
) -> dict[str, Execution]:
    """Executions for the fills that are new, none any more for those taken back, and trades made of them."""
    was, now_is = ({fill.execution_id: fill for fill in state.fills} for state in (before, after))
    gone = [was[name] for name in was.keys() - now_is.keys()] + [
        was[name] for name in was.keys() & now_is.keys() if was[name] != now_is[name]
    ]
    new = [fill for name, fill in now_is.items() if was.get(name) != fill]
    if not gone and not new:
        return {}
    voided = _void(order, gone, now=now)
    identities = {fill.execution_id: _identity(order, fill) for fill in new}
    if gone or is_corrected:
        identities = _not_used_before(order, identities)
    made = Execution.objects.bulk_create(_execution(order, fill, identities[fill.execution_id]) for fill in new)
    trades.changed(order.owner_id, trades.scopes_of([*voided, *made]))
    return {fill.execution_id: execution for fill, execution in zip(new, made, strict=True)}


def _void(order: Order, gone: Sequence[Fill], *, now: datetime) -> list[Execution]:
    if not gone:
        return []
    rows = Execution.objects.filter(
        account_id=order.account_id,
        order_id=str(order.public_id),
        source=ExecutionSource.ORDER,
        broker_fill_id__in=[_broker_fill_id(fill) for fill in gone],
        voided_at=None,
    )
    voided = list(rows)
    rows.update(voided_at=now)
    return voided


def _not_used_before(order: Order, identities: dict[str, uuid.UUID]) -> dict[str, uuid.UUID]:
    """The identities, others for those that an execution has which was taken back and now counts again."""
    rows = Execution.objects.filter(account_id=order.account_id, identity__in=identities.values())
    used = set(rows.values_list("identity", flat=True))
    return {
        name: uuid.uuid5(_NAMESPACE, f"{identity}\0{order.version}") if identity in used else identity
        for name, identity in identities.items()
    }


def _broker_fill_id(fill: Fill) -> str:
    return fill.execution_id[:100]


def _identity(order: Order, fill: Fill) -> uuid.UUID:
    at = fill.at.astimezone(UTC).isoformat()
    parts = (str(order.public_id), fill.execution_id, at, plain(fill.quantity), plain(fill.price))
    return uuid.uuid5(_NAMESPACE, "\0".join(parts))


def _execution(order: Order, fill: Fill, identity: uuid.UUID) -> Execution:
    instrument: Instrument = order.instrument
    account: Account = order.account
    return Execution(
        owner_id=order.owner_id,
        account_id=order.account_id,
        instrument_id=order.instrument_id,
        side=order.side,
        quantity=fill.quantity,
        price=fill.price,
        multiplier=instrument.multiplier,
        currency=instrument.currency,
        commission=fill.fees,
        executed_at=fill.at,
        executed_on=account.trading_day(fill.at),
        sort_at=fill.at,
        identity=identity,
        broker_fill_id=_broker_fill_id(fill),
        order_id=str(order.public_id),
        source=ExecutionSource.ORDER,
    )


def _result(order: Order) -> Decimal:
    """What closing made so far where units are margined: they were not paid for, so their result is what is paid."""
    if order.instrument.kind not in MARGINED:
        return _ZERO
    exits = TradeFill.objects.filter(
        account_id=order.account_id, trade__instrument_id=order.instrument_id, gross_pnl__isnull=False
    )
    return exits.aggregate(made=Sum("gross_pnl"))["made"] or _ZERO


# --- what is written -----------------------------------------------------------------------------


def _write(order: Order, state: OrderState, stands: Standing, *, now: datetime, last: datetime) -> None:
    order.status, order.previous_status = state.status, state.previous or ""
    order.filled_quantity, order.overfill_quantity = state.filled_quantity, state.overfill
    order.filled_average_price = state.average_price
    order.has_late_fill = bool(state.late)
    order.reserved_amount, order.reserved_units = stands.reserved, stands.reserved_units
    order.traded_amount, order.fee_amount = stands.traded, stands.fees
    stamp = _STAMPS.get(state.status)
    if stamp and getattr(order, stamp) is None:
        setattr(order, stamp, now)
    if order.is_working and order.accepted_at is None:
        order.accepted_at = now
    if state.status is Status.REJECTED and not order.reject_source:
        order.reject_source = "broker"
    order.version += 1
    order.last_event_at = last
    order.updated_at = now
    order.save(update_fields=_WRITTEN)


_WRITTEN = [
    "status",
    "previous_status",
    "filled_quantity",
    "overfill_quantity",
    "filled_average_price",
    "has_late_fill",
    "reserved_amount",
    "reserved_units",
    "traded_amount",
    "fee_amount",
    *_STAMPS.values(),
    "accepted_at",
    "reject_source",
    "version",
    "last_event_at",
    "updated_at",
]


def keep(rows: Sequence[OrderEvent]) -> None:
    """The events have their rows, with who acted."""
    sign(rows)
    insert(rows)


def sign(rows: Iterable[OrderEvent], *, by: audit.Actor | None = None) -> None:
    """The rows at hand say who acted: in this thread of work, where nobody is named."""
    actor = audit.who(by)
    for row in rows:
        row.actor_id, row.request_id = actor.get("actor_id"), str(actor.get("request_id", ""))


def _tell(step: Step) -> None:
    """The audit log has the change of status, the person's feed what was executed."""
    order = step.order
    if step.before.status is not step.after.status:
        audit.written(
            f"order.{step.after.status}",
            subject="order",
            subject_id=order.public_id,
            owner_id=order.owner_id,
            before={"status": step.before.status, "filled": step.before.executed},
            after={"status": step.after.status, "filled": step.after.executed},
        )
    _tell_late(step)
    _tell_gone(step)
    if step.after.status is Status.REJECTED and step.before.status is not Status.REJECTED:
        tell_refused([order])
    for fill in step.fills:
        words = _("Bought %(quantity)s %(symbol)s at %(price)s in %(account)s.")
        if order.side == Side.SELL:
            words = _("Sold %(quantity)s %(symbol)s at %(price)s in %(account)s.")
        activity.noted(
            order.owner_id,
            ActivityKind.TRADE,
            words
            % {
                "quantity": plain(fill.quantity),
                "symbol": order.instrument.symbol,
                "price": plain(fill.price),
                "account": order.account.name,
            },
            link=f"/desk/orders/{order.public_id}/",
            account_id=order.account_id,
        )


def _tell_late(step: Step) -> None:
    """The feed has a warning for each fill that came about or became known after the order's end: nothing was set
    aside for it any more, and whoever thought the order over has a position.
    """
    order = step.order
    late = {fill.execution_id for fill in arrived_after_the_end(step.before, step.after)}
    late |= step.after.late - step.before.late
    words = _("An order for %(symbol)s in %(account)s executed after its end: %(quantity)s at %(price)s. Look at it.")
    for fill in step.fills:
        if fill.execution_id in late:
            logger.warning("the order %s executed after its end: %s at %s", order.public_id, fill.quantity, fill.price)
            _warn(order, words, fill)


def _tell_gone(step: Step) -> None:
    """The feed has a warning for each fill that counted and does not any more: there is a position less, or another."""
    words = _("A fill of %(symbol)s in %(account)s no longer counts: %(quantity)s at %(price)s. Look at it.")
    for fill in step.before.fills:
        if fill not in step.after.fills:
            logger.warning("a fill of the order %s is gone: %s at %s", step.order.public_id, fill.quantity, fill.price)
            _warn(step.order, words, fill)


def _warn(order: Order, words: str, fill: Fill) -> None:
    activity.noted(
        order.owner_id,
        ActivityKind.WARNING,
        words
        % {
            "symbol": order.instrument.symbol,
            "account": order.account.name,
            "quantity": plain(fill.quantity),
            "price": plain(fill.price),
        },
        link=f"/desk/orders/{order.public_id}/",
        account_id=order.account_id,
    )


def tell_refused(refused: Iterable[Order]) -> None:
    """The feeds have a warning for each of these orders, with the first reason against it."""
    words, unsaid = _("The order for %(symbol)s in %(account)s was refused: %(reason)s"), _("no reason was given.")
    activity.noted_many(
        ActivityEntry(
            owner_id=order.owner_id,
            account_id=order.account_id,
            kind=ActivityKind.WARNING,
            text=words
            % {
                "symbol": order.instrument.symbol,
                "account": order.account.name,
                "reason": next((reason.said(_) for reason in reasons_of(order)), unsaid),
            },
            link=f"/desk/orders/{order.public_id}/",
        )
        for order in refused
    )
