"""Rows of orders and of the first events of their lives, built and not yet stored."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from accounts.audit import Actor
from accounts.models import Account
from accounts.prepared import made
from trading.exits.plans import ExitPlan
from trading.exits.snapshots import snapshot
from trading.models import ExitStrategy, Instrument, Order, OrderEvent, OrderSource, Venue
from trading.order_progress import LOCAL
from trading.order_rules.broker_events import Report
from trading.order_rules.pretrade import Decision
from trading.order_rules.statuses import Event, Outcome, Status
from trading.order_rules.ticket import Ticket
from trading.order_rules.vocabulary import OrderClass, Purpose, TimeInForce
from trading.order_tickets import hash_of


@dataclass(frozen=True, slots=True)
class Intent:
    """Why an order is placed and by what: nothing of it changes what may be executed."""

    client_order_id: str = ""
    purpose: Purpose = Purpose.ENTRY
    source: str = OrderSource.API
    strategy: str = ""


@dataclass(frozen=True, slots=True)
class WantedPlan:
    """The exit plan that what an order fills shall be under: `plan`, else the strategy's, with the overrides."""

    strategy: ExitStrategy | None = None
    plan: ExitPlan | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Request:
    """An order that somebody asks for; `replaces` is the one whose place it takes.

    `by` is who asks, where that is not who acts in this thread of work.
    """

    account: Account
    instrument: Instrument
    ticket: Ticket
    intent: Intent = Intent()
    replaces: Order | None = None
    exit_plan: WantedPlan | None = None
    by: Actor | None = None

    @property
    def hash(self) -> str:
        """Of everything that was asked for; of a strategy its name, so that an edit of it makes no other request."""
        wanted = self.exit_plan
        plan = None
        if wanted is not None:
            strategy = str(wanted.strategy.public_id) if wanted.strategy else None
            plan = [strategy, wanted.plan and snapshot(wanted.plan), dict(wanted.overrides)]
        return hash_of(
            self.ticket, self.instrument, purpose=self.intent.purpose, strategy=self.intent.strategy, exit_plan=plan
        )

    @property
    def key(self) -> tuple[int, str]:
        """Under which it is one order, however often it is sent."""
        return (self.account.pk, self.intent.client_order_id)


def built(request: Request, account: Account, *, venue: str, now: datetime) -> Order:
    """The order as it was asked for, with nothing decided yet."""
    ticket, intent = request.ticket, request.intent
    return made(
        Order,
        owner_id=account.owner_id,
        account=account,
        instrument=request.instrument,
        venue=venue,
        client_order_id=intent.client_order_id,
        request_hash=request.hash,
        side=ticket.side.value,
        position_intent=ticket.position_intent.value if ticket.position_intent else "",
        purpose=intent.purpose.value,
        type=ticket.type.value,
        order_class=ticket.order_class.value,
        time_in_force=ticket.time_in_force.value,
        extended_hours=ticket.extended_hours,
        quantity=ticket.quantity,
        notional=ticket.notional,
        limit_price=ticket.limit_price or _limit_of_alternative(ticket),
        stop_price=ticket.stop_price,
        trail_price=ticket.trail_price,
        trail_ratio=ticket.trail_ratio,
        take_profit_limit=ticket.take_profit_limit,
        stop_loss_stop=ticket.stop_loss_stop,
        stop_loss_limit=ticket.stop_loss_limit,
        strategy=intent.strategy,
        source=intent.source,
        replaces=request.replaces,
        has_exit_plan=request.exit_plan is not None
        or (request.replaces is not None and request.replaces.has_exit_plan),
        chain_id=request.replaces.chain_id if request.replaces else uuid.uuid4(),
        submitted_at=now,
        expires_at=_expiry(ticket, account, now),
    )


def _limit_of_alternative(ticket: Ticket) -> Decimal | None:
    """An OCO is its target: its limit is told once."""
    return ticket.take_profit_limit if ticket.order_class is OrderClass.OCO else None


_OF_A_DAY = frozenset({TimeInForce.DAY, TimeInForce.OPG, TimeInForce.CLS})


def _expiry(ticket: Ticket, account: Account, now: datetime) -> datetime | None:
    """When an order for the day, its opening or its close is given up: as the account's next trading day begins."""
    if ticket.time_in_force not in _OF_A_DAY:
        return None
    return account.trading_day_ends(now)


def refused(order: Order, decision: Decision, *, now: datetime) -> list[OrderEvent]:
    """The order is rejected with every reason against it; its only event."""
    order.status, order.reject_source, order.rejected_at = Status.REJECTED.value, "pretrade", now
    order.reasons = [each.kept() for each in decision.reasons]
    row = event_row(order, Event.REFUSED, None, Status.REJECTED, source=LOCAL, now=now)
    row.details = {"reasons": order.reasons}
    return [row]


def accepted(order: Order, decision: Decision, *, now: datetime) -> list[OrderEvent]:
    """The order has what it sets aside, and works at once at a venue that is this system; its first events."""
    hold = decision.hold
    assert hold is not None, "what is allowed has a hold"
    order.held, order.held_per_unit, order.held_fees = hold.held.value, hold.per_unit, hold.fees
    order.reserved_amount, order.reserved_units = hold.funds, hold.units
    rows = [event_row(order, Event.PLACED, None, Status.PENDING_SUBMIT, source=LOCAL, now=now)]
    if order.venue == Venue.PAPER:
        order.status, order.accepted_at, order.attempts = Status.NEW.value, now, 1
        rows.append(event_row(order, Event.NEW, Status.PENDING_SUBMIT, Status.NEW, source=Venue.PAPER, now=now))
    return rows


def event_row(
    order: Order, event: Event, before: Status | None, after: Status, *, source: str, now: datetime, **details: Any
) -> OrderEvent:
    """A report that did what it says, at this moment."""
    return made(
        OrderEvent,
        order=order,
        owner_id=order.owner_id,
        account_id=order.account_id,
        kind="report",
        event=event.value,
        outcome=Outcome.APPLIED.value,
        status_before=before.value if before else "",
        status_after=after.value,
        source=source,
        identity=f"report:{Report(event, now).identity[1]}",
        occurred_at=now,
        details=details,
    )
