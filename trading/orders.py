"""Verbs on orders: place, cancel, replace, expire. What becomes of one afterwards is in `trading.order_progress`.

A verb holds the account, its portfolio and the order; no venue is called in it. Source: docs/orders.md
"""

import dataclasses
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit, ledger, versions
from accounts.errors import IdempotencyConflict, InvalidValue
from accounts.models import Account, Portfolio
from trading import order_groups, trades
from trading.errors import InvalidState, OrderRefused, VersionConflict
from trading.models import Instrument, Order, OrderEvent, OrderSource, Quote, Venue
from trading.order_facts import account_of, terms_of
from trading.order_progress import LOCAL, advance, keep
from trading.order_rules import pretrade, replacing
from trading.order_rules.broker_events import BrokerEvent, Report, fold, time_of_a_step
from trading.order_rules.capabilities import ALPACA_2026_06, PAPER, Capabilities
from trading.order_rules.pretrade import Decision, Limits, RiskState
from trading.order_rules.reservations import Standing as Booked
from trading.order_rules.reservations import movements
from trading.order_rules.statuses import Event, Outcome, Status
from trading.order_rules.ticket import Market, Ticket
from trading.order_rules.validity import Violation, violations
from trading.order_rules.vocabulary import OrderClass, Purpose, TimeInForce
from trading.order_rules.words import _ as _g
from trading.order_tickets import hash_of, known_of, market_of, ticket_of
from trading.paper_fills import PaperTerms, estimated_fees
from trading.signals import orders_changed

LONGEST_ID = 128
CAPABILITIES: dict[str, Capabilities] = {Venue.PAPER: PAPER, Venue.ALPACA: ALPACA_2026_06}


@dataclass(frozen=True, slots=True)
class Intent:
    """Why an order is placed and by what: nothing of it changes what may be executed."""

    client_order_id: str = ""
    purpose: Purpose = Purpose.ENTRY
    source: str = OrderSource.API
    strategy: str = ""


@dataclass(frozen=True, slots=True)
class Placed:
    """The order, and whether it was made by this call; a repeated client id gives the first one again."""

    order: Order
    is_new: bool


def place(account: Account, *, instrument: Instrument, ticket: Ticket, intent: Intent | None = None) -> Placed:
    """The order stands in the account with what it sets aside; or it stands there as rejected, with every reason.

    The same client id with the same request gives the first order again, whatever became of it.
    Raises OrderRefused for what is no sound order, and nothing is stored; IdempotencyConflict for the same client id
    with another request.
    """
    intent = intent or Intent()
    client_order_id = intent.client_order_id or f"d-{uuid.uuid4()}"
    if len(client_order_id) > LONGEST_ID or not client_order_id.isprintable():
        raise InvalidValue(_("A client order id has 1 to 128 printable characters."), pointer="/client_order_id")
    request = _Request(account, instrument, ticket, dataclasses.replace(intent, client_order_id=client_order_id))
    with transaction.atomic():
        trades.lock_accounts([account.pk])
        return _place(request)


@dataclass(frozen=True, slots=True)
class _Request:
    account: Account
    instrument: Instrument
    ticket: Ticket
    intent: Intent
    replaces: Order | None = None
    chain_id: uuid.UUID | None = None

    @property
    def hash(self) -> str:
        return hash_of(self.ticket, self.instrument, purpose=self.intent.purpose, strategy=self.intent.strategy)


def _place(request: _Request) -> Placed:
    """As `place`; the account is locked."""
    first = (
        Order.objects.select_related("instrument")
        .filter(account=request.account, client_order_id=request.intent.client_order_id)
        .first()
    )
    if first is not None:
        if first.request_hash != request.hash:
            raise IdempotencyConflict(_("This client order id came before with another request."))
        return Placed(first, is_new=False)
    now = timezone.now()
    account = Account.objects.get(pk=request.account.pk)
    quote = Quote.objects.filter(instrument=request.instrument).first()
    market = market_of(request.instrument, quote, now=now)
    venue = venue_of(account)
    broken = violations(request.ticket, market, venue=CAPABILITIES[venue])
    if broken:
        raise OrderRefused(broken)
    portfolio = ledger.locked(account, currency=request.instrument.currency)
    terms = terms_of(request.ticket, request.instrument, quote, fees=_fees(request, market, venue), now=now)
    risk, limits = _risk(account, request.instrument, request.intent.strategy)
    stands = account_of(account, portfolio, request.instrument, risk=risk, limits=limits)
    decision = pretrade.decide(request.ticket, market, stands, terms, purpose=request.intent.purpose)
    order = _order(request, account, venue=venue, now=now)
    order.reference_price = terms.ask or market.last
    if not decision.is_allowed:
        return Placed(_rejected(order, decision, now=now), is_new=True)
    return Placed(_placed(order, decision, portfolio, now=now), is_new=True)


def _fees(request: _Request, market: Market, venue: str) -> Decimal:
    if venue != Venue.PAPER:
        return Decimal(0)
    price = request.ticket.limit_price or request.ticket.stop_price or market.last
    terms = PaperTerms(**settings.PAPER_TERMS)
    return estimated_fees(request.ticket, terms, price=price, multiplier=request.instrument.multiplier)


def venue_of(account: Account) -> str:
    """Where the account's orders go."""
    return Venue.PAPER


def _risk(account: Account, instrument: Instrument, strategy: str) -> tuple[RiskState, Limits]:
    return RiskState.ACTIVE, Limits()


def _order(request: _Request, account: Account, *, venue: str, now: datetime) -> Order:
    ticket, intent = request.ticket, request.intent
    return Order(
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
        chain_id=request.chain_id or uuid.uuid4(),
        submitted_at=now,
        expires_at=_expiry(ticket, account, now),
    )


def _limit_of_alternative(ticket: Ticket) -> Decimal | None:
    """An OCO is its target: its limit is told once."""
    return ticket.take_profit_limit if ticket.order_class is OrderClass.OCO else None


def _expiry(ticket: Ticket, account: Account, now: datetime) -> datetime | None:
    """When the venue gives up an order for the day: at the next beginning of the account's trading day."""
    if ticket.time_in_force is not TimeInForce.DAY:
        return None
    zone = ZoneInfo(account.time_zone)
    start = datetime.combine(now.astimezone(zone).date(), account.day_start, tzinfo=zone)
    while start <= now:
        start = datetime.combine(start.date() + timedelta(days=1), account.day_start, tzinfo=zone)
    return start


def _rejected(order: Order, decision: Decision, *, now: datetime) -> Order:
    """The order is on file with every reason against it; the portfolio is untouched."""
    order.status, order.reject_source, order.rejected_at = Status.REJECTED, "pretrade", now
    order.reasons = [
        {"code": each.code, "pointer": each.pointer, "words": each.words, "values": dict(each.values)}
        for each in decision.reasons
    ]
    order.save(force_insert=True)
    keep(order, [_first_row(order, Event.REFUSED, now=now, details={"reasons": order.reasons})])
    _audit(order, "order.refuse", {"reasons": [each.code for each in decision.reasons]})
    versions.bump(order.owner_id)
    return order


def _placed(order: Order, decision: Decision, portfolio: Portfolio, *, now: datetime) -> Order:
    """The order is on file with what it sets aside, and at a paper venue it works at once."""
    hold = decision.hold
    assert hold is not None, "what is allowed has a hold"
    order.held, order.held_per_unit, order.held_fees = hold.held.value, hold.per_unit, hold.fees
    order.reserved_amount, order.reserved_units = hold.funds, hold.units
    rows = [_first_row(order, Event.PLACED, now=now)]
    if order.venue == Venue.PAPER:
        # It is its own venue: what is stored has arrived.
        order.status, order.accepted_at, order.attempts = Status.NEW, now, 1
        rows.append(_row(order, Event.NEW, Status.PENDING_SUBMIT, Status.NEW, now=now, source=Venue.PAPER))
    order.save(force_insert=True)
    booked = [
        ledger.Movement(each.kind.value, each.available, each.reserved)
        for each in movements(Booked(), Booked(reserved=hold.funds))
    ]
    ledger.book(portfolio, booked, owner_id=order.owner_id, reference=order.public_id, at=now)
    keep(order, rows)
    order_groups.bring_exits(order, now=now)
    _audit(order, "order.place", {"status": order.status, "reserved": order.reserved_amount})
    versions.bump(order.owner_id)
    return order


def _first_row(order: Order, event: Event, *, now: datetime, details: dict[str, Any] | None = None) -> OrderEvent:
    row = _row(order, event, None, Status(order.status), now=now, source=LOCAL)
    row.status_after = Status.REJECTED if event is Event.REFUSED else Status.PENDING_SUBMIT
    row.details = details or {}
    return row


def _row(order: Order, event: Event, before: Status | None, after: Status, *, now: datetime, source: str) -> OrderEvent:
    return OrderEvent(
        order=order,
        owner_id=order.owner_id,
        account_id=order.account_id,
        kind="report",
        event=event,
        outcome=Outcome.APPLIED,
        status_before=before or "",
        status_after=after,
        source=source,
        identity=f"report:{Report(event, now).identity[1]}",
        occurred_at=now,
    )


def _audit(order: Order, event: str, after: dict[str, Any]) -> None:
    audit.written(
        event,
        subject="order",
        subject_id=order.public_id,
        owner_id=order.owner_id,
        after={"side": order.side, "type": order.type, "quantity": order.quantity, "notional": order.notional, **after},
    )


@transaction.atomic
def record(
    order: Order, events: Iterable[BrokerEvent], *, source: str = LOCAL, match_id: uuid.UUID | None = None
) -> Order:
    """What a venue says of the order has happened to it, to its account and to what belongs to it.

    An event that is known already changes nothing, whatever its order of arrival.
    """
    order, portfolio = _held(order, version=None)
    _move(order, events, portfolio=portfolio, source=source, match_id=match_id)
    return order


def _move(
    order: Order,
    events: Iterable[BrokerEvent],
    *,
    portfolio: Portfolio,
    source: str,
    match_id: uuid.UUID | None = None,
) -> None:
    step = advance(order, events, portfolio=portfolio, source=source, match_id=match_id)
    if step is not None:
        order_groups.follow(step, portfolio=portfolio)
        orders_changed.send(sender=Order, step=step)


# --- cancel, replace, expire ---------------------------------------------------------------------


@transaction.atomic
def cancel(order: Order, *, version: int | None = None) -> Order:
    """The order is canceled and sets nothing aside any more; at a venue outside it is asked to be.

    Its exits go with it. Raises VersionConflict where it has moved on from `version`, InvalidState where it has ended.
    """
    order, portfolio = _held(order, version=version)
    if not order.is_live:
        raise InvalidState(_("This order is %(status)s: there is nothing left to cancel.") % {"status": order.status})
    asked = _step(order, Event.PENDING_CANCEL)
    events = [asked, Report(Event.CANCELED, asked.at)] if order.venue == Venue.PAPER else [asked]
    _move(order, events, portfolio=portfolio, source=LOCAL)
    return order


@transaction.atomic
def replace_order(order: Order, *, ticket: Ticket, client_order_id: str = "", version: int | None = None) -> Placed:
    """Another order has taken this one's place and continues its chain; what it frees or needs has moved.

    The new quantity is that of the whole chain. Raises VersionConflict, InvalidState, or OrderRefused with every
    reason, and then nothing has changed.
    """
    order, portfolio = _held(order, version=version)
    state = fold(known_of(order.events.all()), quantity=order.quantity)
    against = replacing.reasons_against(ticket_of(order), ticket, state)
    if order.order_class != OrderClass.SIMPLE or order.legs.exists() or order.parent_id:
        against.append(Violation("group_fixed", "", _g("Orders that belong together are canceled and placed anew.")))
    if against:
        raise OrderRefused(against)
    asked = _step(order, Event.PENDING_REPLACE)
    _move(order, [asked, Report(Event.REPLACED, asked.at)], portfolio=portfolio, source=LOCAL)
    quantity = replacing.quantity_of_successor(ticket, state)
    placed = _place(
        _Request(
            order.account,
            order.instrument,
            dataclasses.replace(ticket, quantity=quantity),
            Intent(
                client_order_id=client_order_id or f"{order.client_order_id[:90]}-{uuid.uuid4()}",
                purpose=Purpose(order.purpose),
                source=order.source,
                strategy=order.strategy,
            ),
            replaces=order,
            chain_id=order.chain_id,
        )
    )
    if placed.order.status == Status.REJECTED:
        raise OrderRefused([_violation(each) for each in placed.order.reasons])
    return placed


def _violation(reason: dict[str, Any]) -> Violation:
    return Violation(reason["code"], reason["pointer"], reason["words"], reason["values"])


def reasons_of(order: Order) -> list[Violation]:
    """Why the order was refused before trading; none for one that was not."""
    return [_violation(each) for each in order.reasons]


@transaction.atomic
def expire(order: Order) -> Order:
    """An order whose time is over has ended as expired. One that ended before, or has time left, is left alone."""
    order, portfolio = _held(order, version=None)
    if order.is_live and order.expires_at is not None and order.expires_at <= timezone.now():
        _move(order, [_step(order, Event.EXPIRED)], portfolio=portfolio, source=order.venue)
    return order


def _held(order: Order, *, version: int | None) -> tuple[Order, Portfolio]:
    """The order as it is now, locked with its account and portfolio."""
    trades.lock_accounts([order.account_id])
    rows = Order.objects.select_related("account", "instrument")
    found = rows.get(pk=order.pk)
    portfolio = ledger.locked(found.account, currency=found.instrument.currency)
    found = rows.select_for_update(of=("self",)).get(pk=order.pk)
    if version is not None and version != found.version:
        raise VersionConflict(
            _("This order has moved on: it is %(status)s now, in version %(version)s.")
            % {"status": found.status, "version": found.version}
        )
    return found, portfolio


def _step(order: Order, event: Event) -> Report:
    return Report(event, time_of_a_step(known_of(order.events.all())))
