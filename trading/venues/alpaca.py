"""The Alpaca venue: what it says of orders happens to ours, and ours are put into its words.

Every change of an order goes through `orders.record`, so that what comes twice, late or in another order makes the
same of it. No request is made here. Source: docs/alpaca.md
"""

import logging
import uuid
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from django.db import DataError, IntegrityError, transaction
from django.utils import timezone

from accounts.decimals import plain
from accounts.errors import DomainError
from accounts.models import Account
from trading import entry_plans, order_commands, orders, trades
from trading.instruments import InstrumentKey, find_or_create
from trading.models import (
    AttemptResult,
    CommandKind,
    CommandStatus,
    Instrument,
    Order,
    OrderAttempt,
    OrderCommand,
    OrderEvent,
    OrderSource,
    Position,
    Venue,
)
from trading.order_progress import LOCAL, keep, tell_refused
from trading.order_rows import event_row
from trading.order_rules.broker_events import Fill, Report
from trading.order_rules.reservations import Held
from trading.order_rules.statuses import Event, Status
from trading.order_rules.ticket import Ticket
from trading.order_rules.validity import Violation
from trading.order_rules.vocabulary import OrderClass, OrderType, Purpose, Side, TimeInForce
from trading.order_tickets import hash_of, known_of, next_step, ticket_of
from trading.venues import alpaca_words as words
from trading.venues.alpaca_requests import Asked
from trading.venues.alpaca_words import Filled, Seen, Update

logger = logging.getLogger(__name__)

_ZERO, _ONE, _BASIS_POINTS = Decimal(0), Decimal(1), Decimal(10_000)


def asked_of(order: Order) -> Asked:
    """What Alpaca has to know of the order."""
    ticket = ticket_of(order)
    return Asked(
        client_order_id=order.client_order_id,
        symbol=order.instrument.symbol,
        side=ticket.side,
        type=ticket.type,
        time_in_force=ticket.time_in_force,
        quantity=ticket.quantity,
        notional=ticket.notional,
        limit_price=ticket.limit_price,
        stop_price=ticket.stop_price,
        trail_price=ticket.trail_price,
        trail_ratio=ticket.trail_ratio,
        position_intent=ticket.position_intent,
        extended_hours=ticket.extended_hours,
        order_class=ticket.order_class,
        take_profit_limit=ticket.take_profit_limit,
        stop_loss_stop=ticket.stop_loss_stop,
        stop_loss_limit=ticket.stop_loss_limit,
    )


# --- finding ours -----------------------------------------------------------------------------------


def ours(account: Account, told: Seen) -> Order | None:
    """The order of ours that this is; None where it was placed elsewhere."""
    rows = Order.objects.filter(account=account, venue=Venue.ALPACA)
    found = rows.filter(broker_order_id=told.id).first()
    if found is None and told.client_order_id:
        found = rows.filter(client_order_id=told.client_order_id).first()
        if found is not None and found.broker_order_id not in (None, told.id):
            return None
    return found


# --- what the broker says -----------------------------------------------------------------------------


@transaction.atomic
def take(order: Order, told: Seen, *, fills: Iterable[Fill] = ()) -> Order:
    """The order is what Alpaca says of it when asked, with these fills; so are the legs that it brought.

    A status that it has already says nothing new. Fills count only as such: a filled quantity that is merely stated
    proves that some are missing.
    """
    order = orders.record(order, [*fills, *_news(order, told)], source=Venue.ALPACA)
    Order.objects.filter(pk=order.pk, broker_order_id=None).update(broker_order_id=told.id)
    order.broker_order_id = order.broker_order_id or told.id
    for leg in told.legs:
        found = ours(order.account, leg) or adopt(order.account, leg, parent=order)
        if found is None:
            continue
        if found.parent_id is None and found.pk != order.pk:
            # The stream told of it before the answer that says whose leg it is.
            Order.objects.filter(pk=found.pk, parent=None).update(
                parent=order, purpose=words.purpose_of(leg), source=order.source, strategy=order.strategy
            )
        take(found, leg)
    _after(order)
    return order


def _news(order: Order, told: Seen) -> list[Report]:
    report = told.report()
    if report is None or report.event == order.status:
        return []
    if Status(order.status).is_terminal and not told.is_over:
        # It is older than what is known, and would only be kept as ignored.
        return []
    if order.status in (Status.PENDING_CANCEL, Status.PENDING_REPLACE) and not told.is_over:
        # It has not got round to the request, or the request to it: what became of that is told by whoever made it.
        return []
    if report.event is Event.NEW and order.status == Status.PARTIALLY_FILLED:
        return []
    return [report]


def apply(account: Account, update: Update) -> Order | None:
    """What a message of the stream says has happened to the order; one that was placed elsewhere is taken in first.

    None where it cannot be: nothing is known here of what it trades.
    """
    order = ours(account, update.order) or adopt(account, update.order)
    if order is None:
        return None
    with transaction.atomic():
        trades.lock_accounts([account.pk])
        Order.objects.filter(pk=order.pk, broker_order_id=None).update(broker_order_id=update.order.id)
        events = [] if update.event is None else [update.event]
        if isinstance(update.event, Fill):
            events = [] if _is_told(order, update.event, update.total) else events
        order = orders.record(order, events, source=Venue.ALPACA)
        _after(order)
    return order


def _is_told(order: Order, fill: Fill, total: Decimal) -> bool:
    """Whether the activities told this fill already, under an id of their own."""
    for row in OrderEvent.objects.filter(order=order, kind="fill", identity__startswith=f"fill:{ACTIVITY}"):
        assert row.quantity is not None, "a fill has a quantity"
        if (row.quantity, row.price) != (fill.quantity, fill.price):
            continue
        reached = row.identity.rpartition("#")[2]
        if reached == plain(total) or abs((row.occurred_at - fill.at).total_seconds()) < 0.002:
            return True
    return False


#: Begins the id of a fill that the activities told first; it ends in what the order had filled by then.
ACTIVITY = "activity:"


def missing_fills(order: Order, told: Iterable[Filled]) -> list[Fill]:
    """Those of the order's fills among the activities that are not known here yet, each once."""
    known = [event for event in known_of(order.events.all()) if isinstance(event, Fill)]
    found = []
    for each in words.untold(list(told), known, reached=_reached(known)):
        name = f"{ACTIVITY}{each.id}#{plain(each.total or _ZERO)}"
        found.append(replace(each.fill, execution_id=name[-100:] if len(name) > 100 else name))
    return found


def _reached(fills: Iterable[Fill]) -> dict[Fill, Decimal]:
    """What the order had filled after each fill that the activities told, by their own word."""
    return {
        fill: Decimal(fill.execution_id.rpartition("#")[2])
        for fill in fills
        if fill.execution_id.startswith(ACTIVITY) and "#" in fill.execution_id
    }


def _after(order: Order) -> None:
    """What follows from an order's move: its attempt knows what it executed at, and an ended order has no commands."""
    if order.filled_average_price is not None:
        _note_execution(order)
    if not order.is_live:
        order_commands.over(order, now=timezone.now())
    _release_exits(order)


def _note_execution(order: Order) -> None:
    """The attempt that placed the order knows the price it was executed at, and how much worse than asked that is."""
    assert order.filled_average_price is not None, "it has fills"
    placed = OrderAttempt.objects.filter(order=order, command__kind=CommandKind.SUBMIT, is_lookup=False)
    attempt = placed.exclude(result=AttemptResult.NOT_SENT).order_by("-number").first()
    if attempt is None:
        return
    attempt.executed_price = order.filled_average_price
    attempt.executed_quantity = order.filled_quantity + order.overfill_quantity
    attempt.slippage_bps = slippage(Side(order.side), attempt.requested_price, order.filled_average_price)
    attempt.save(update_fields=["executed_price", "executed_quantity", "slippage_bps"])


def slippage(side: Side, requested: Decimal | None, executed: Decimal) -> Decimal | None:
    """How much worse than asked, in basis points; below zero where it was better. None where no price was asked."""
    if not requested:
        return None
    worse = executed - requested if side is Side.BUY else requested - executed
    return (worse / requested * _BASIS_POINTS).quantize(Decimal("0.0001"))


def _release_exits(order: Order) -> None:
    """The exits of an entry that has ended with fills work; the first sets aside what either of them may sell."""
    if order.order_class not in (OrderClass.BRACKET, OrderClass.OTO) or order.is_live or not order.filled_quantity:
        return
    legs = order.legs.live().order_by("id")
    first = legs.filter(shares_hold=True).first()
    if first is None or legs.filter(shares_hold=False).exists():
        return
    Order.objects.filter(pk=first.pk).update(shares_hold=False)
    at = next_step(first, Event.NEW).at
    orders.record(first, [Report(Event.NEW, at, reference="entry filled")], source=LOCAL)


@transaction.atomic
def refuse(order: Order, *, code: str, said: str, event: Event = Event.REJECTED) -> Order:
    """The order has ended as rejected, with the broker's code and words, and sets nothing aside any more.

    With another event, such as the refusal of a cancellation, it is what it was before that was asked.
    """
    trades.lock_accounts([order.account_id])
    if event is Event.REJECTED or event is Event.NOT_FOUND:
        # The words are the broker's own: a percent sign in them is one.
        reason = Violation(code or "broker", "", said.replace("%", "%%"))
        Order.objects.filter(pk=order.pk).update(reasons=[reason.kept()])
    order = orders.record(order, [next_step(order, event)], source=LOCAL)
    _after(order)
    return order


@transaction.atomic
def abort(order: Order, against: Violation) -> Order | None:
    """The order, which was not sent, has ended with the reason against it, and sets nothing aside any more.

    None where it has moved on, as the broker tells of it after all; then nothing has changed.
    """
    trades.lock_accounts([order.account_id])
    if not Order.objects.filter(pk=order.pk, status=order.status).update(reasons=[against.kept()]):
        return None
    # Where it may have been there, the broker has been asked and does not have it.
    event = Event.NOT_FOUND if order.status == Status.SUBMIT_UNKNOWN else Event.ABORTED
    step = replace(next_step(order, event), reference=against.code)
    order = orders.record(order, [step], source=LOCAL)
    if event is Event.ABORTED:
        # A rejection is told by whoever records it.
        tell_refused([order])
    _after(order)
    return order


# --- orders that were placed elsewhere ------------------------------------------------------------------


def adopt(account: Account, told: Seen, *, parent: Order | None = None) -> Order | None:
    """The order stands here too, with nothing decided and no event but that it was placed; the one that has it by now.

    Nothing is checked: it is a fact. None for an order of several legs, and for what cannot be stored as an order.
    """
    try:
        with transaction.atomic():
            return _taken_in(account, told, parent)
    except (IntegrityError, DataError, DomainError):
        # One order that is odd must not keep those who listen and compare from all others.
        logger.exception("the order %s of account %s cannot be taken over", told.id, account.pk)
        return None


def _taken_in(account: Account, told: Seen, parent: Order | None) -> Order | None:
    if told.side is None or told.type is None or told.time_in_force is None or not told.symbol:
        return None
    if not told.quantity and not told.notional:
        return None
    trades.lock_accounts([account.pk])
    found = ours(account, told)
    if found is not None:
        return found
    order = _adopted(account, told, parent=parent, replaces=_predecessor(account, told))
    order.save(force_insert=True)
    now = timezone.now()
    keep([event_row(order, Event.PLACED, None, Status.PENDING_SUBMIT, source=LOCAL, now=now)])
    if order.replaces is not None and order.has_exit_plan:
        entry_plans.moved(order.replaces, to=order)
    return order


def instrument_of(told: Seen) -> Instrument:
    """What the order trades; made where it is not known here."""
    key = InstrumentKey(told.symbol, words.KIND_OF_ASSET.get(told.asset_class, "stock"), "USD", None)
    return find_or_create([key], on=timezone.now().date())[key]


def _predecessor(account: Account, told: Seen) -> Order | None:
    """The order whose place it takes."""
    rows = Order.objects.filter(account=account, venue=Venue.ALPACA, replaced_by=None)
    if told.replaces:
        found = rows.filter(broker_order_id=told.replaces).first()
        if found is not None:
            return found
    if not told.client_order_id:
        return None
    asked = OrderCommand.objects.filter(
        account=account, kind=CommandKind.REPLACE, asked__client_order_id=told.client_order_id
    ).exclude(status=CommandStatus.REFUSED)
    return rows.filter(pk__in=asked.values("order_id")).first()


def _adopted(account: Account, told: Seen, *, parent: Order | None, replaces: Order | None) -> Order:
    instrument = instrument_of(told)
    ticket = _ticket(told, is_leg=parent is not None)
    family = replaces or parent
    purpose = words.purpose_of(told) if parent is not None else Purpose(replaces.purpose if replaces else Purpose.ENTRY)
    held, per_unit = _hold(account, instrument, ticket, told, is_leg=parent is not None)
    is_named = (
        told.client_order_id
        and not Order.objects.filter(account=account, client_order_id=told.client_order_id).exists()
    )
    return Order(
        owner_id=account.owner_id,
        account=account,
        instrument=instrument,
        venue=Venue.ALPACA,
        client_order_id=(told.client_order_id if is_named else told.id)[:128],
        broker_order_id=told.id,
        request_hash=hash_of(ticket, instrument, purpose=purpose, strategy=family.strategy if family else ""),
        side=ticket.side.value,
        position_intent=ticket.position_intent.value if ticket.position_intent else "",
        purpose=purpose.value,
        type=ticket.type.value,
        order_class=ticket.order_class.value,
        time_in_force=ticket.time_in_force.value,
        extended_hours=ticket.extended_hours,
        quantity=ticket.quantity,
        notional=ticket.notional,
        limit_price=ticket.limit_price,
        stop_price=ticket.stop_price,
        trail_price=ticket.trail_price,
        trail_ratio=ticket.trail_ratio,
        take_profit_limit=ticket.take_profit_limit,
        stop_loss_stop=ticket.stop_loss_stop,
        stop_loss_limit=ticket.stop_loss_limit,
        held=held.value,
        held_per_unit=per_unit,
        shares_hold=parent is not None,
        parent=parent,
        replaces=replaces,
        has_exit_plan=replaces.has_exit_plan if replaces else False,
        chain_id=replaces.chain_id if replaces else uuid.uuid4(),
        strategy=family.strategy if family else "",
        source=family.source if family else OrderSource.RECONCILIATION,
        reference_price=replaces.reference_price if replaces else None,
        submitted_at=told.at,
    )


_LIMITED = (OrderType.LIMIT, OrderType.STOP_LIMIT)
_STOPPED = (OrderType.STOP, OrderType.STOP_LIMIT)


def _ticket(told: Seen, *, is_leg: bool) -> Ticket:
    """What was asked for there, as far as it is a sound order here."""
    assert told.side is not None, "looked at before"
    assert told.type is not None, "looked at before"
    assert told.time_in_force is not None, "looked at before"
    quantity = told.quantity or None
    intent = told.position_intent if told.position_intent and told.position_intent.side is told.side else None
    limit = told.limit_price if told.type in _LIMITED else None
    is_trailing = told.type is OrderType.TRAILING_STOP
    ticket = Ticket(
        side=told.side,
        type=told.type,
        time_in_force=told.time_in_force,
        quantity=quantity,
        notional=None if quantity else told.notional,
        limit_price=limit,
        stop_price=told.stop_price if told.type in _STOPPED else None,
        trail_price=told.trail_price if is_trailing else None,
        trail_ratio=told.trail_ratio if is_trailing and told.trail_price is None else None,
        position_intent=intent,
        extended_hours=told.extended_hours and told.type is OrderType.LIMIT and told.time_in_force is TimeInForce.DAY,
    )
    if is_leg or told.order_class not in (OrderClass.BRACKET, OrderClass.OTO, OrderClass.OCO):
        return ticket
    stop = next((leg for leg in told.legs if leg.stop_price is not None), None)
    target = next((leg.limit_price for leg in told.legs if leg.stop_price is None), None)
    if told.order_class is OrderClass.OCO:
        target = limit
    lacking = (stop is None) + (target is None)
    if lacking == 2 or (lacking and told.order_class is not OrderClass.OTO):
        return ticket
    return replace(
        ticket,
        order_class=told.order_class,
        take_profit_limit=target,
        stop_loss_stop=stop.stop_price if stop else None,
        stop_loss_limit=stop.limit_price if stop else None,
    )


def _hold(
    account: Account, instrument: Instrument, ticket: Ticket, told: Seen, *, is_leg: bool
) -> tuple[Held, Decimal]:
    """What it sets aside a unit: what it sells of what is held, else money at the price that is known, or none."""
    if is_leg:
        return Held.HOLDINGS, _ONE
    if ticket.side is Side.SELL:
        held = Position.objects.filter(account=account, instrument=instrument, quantity__gt=0).exists()
        return (Held.HOLDINGS, _ONE) if held else (Held.FUNDS, _ZERO)
    if ticket.notional is not None:
        return Held.FUNDS, ticket.notional
    price = ticket.limit_price or ticket.stop_price or told.average_price or _ZERO
    return Held.FUNDS, price * instrument.multiplier


@transaction.atomic
def succeed(order: Order, told: Seen) -> None:
    """The order has ended as replaced, and the one that Alpaca put in its place stands here as its successor."""
    if told.id != order.broker_order_id:
        order = orders.record(order, [next_step(order, Event.REPLACED)], source=LOCAL)
        _after(order)
        successor = adopt(order.account, told)
        if successor is not None:
            take(successor, told)
    else:
        take(order, told)


def filled(order: Order, fills: Iterable[Fill]) -> Order:
    """The order has these fills, which the activities told. The caller has locked the account."""
    order = orders.record(order, fills, source=Venue.ALPACA)
    _after(order)
    return order
