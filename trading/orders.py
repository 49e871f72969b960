"""Verbs on orders: place, cancel, replace, expire. What becomes of one afterwards is in `trading.order_progress`.

A verb holds the account, its portfolio and the order; no venue is called in it. Source: docs/orders.md
"""

import dataclasses
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit, ledger, versions
from accounts.decimals import plain
from accounts.errors import DomainError, IdempotencyConflict, InvalidValue
from accounts.models import Account, AuditEvent, Portfolio
from accounts.prepared import insert, together
from trading import entry_plans, order_commands, order_groups, risk, trades
from trading.errors import InvalidState, OrderRefused, VersionConflict
from trading.exits.plans import ExitPlan
from trading.models import BreakerState, Instrument, Order, OrderCommand, OrderEvent, Quote, Venue
from trading.order_facts import Facts
from trading.order_progress import LOCAL, advance, sign, tell_refused
from trading.order_rows import Intent, Request, WantedPlan, accepted, built, refused
from trading.order_rules import pretrade, replacing
from trading.order_rules.amounts import difference
from trading.order_rules.broker_events import BrokerEvent, Report, fold
from trading.order_rules.capabilities import ALPACA_2026_06, PAPER, Capabilities
from trading.order_rules.pretrade import Decision, Effect
from trading.order_rules.reservations import Hold
from trading.order_rules.statuses import Event, Status
from trading.order_rules.ticket import Market, Ticket
from trading.order_rules.validity import Violation, violations
from trading.order_rules.vocabulary import OrderClass, OrderType, Purpose, Side, TimeInForce
from trading.order_rules.words import _ as _g
from trading.order_tickets import known_of, market_of, next_step, ticket_of
from trading.paper_fills import PaperTerms, estimated_fees
from trading.signals import orders_changed

LONGEST_ID = 128
_LASTING = frozenset({TimeInForce.DAY, TimeInForce.GTC})
CAPABILITIES: dict[str, Capabilities] = {Venue.PAPER: PAPER, Venue.ALPACA: ALPACA_2026_06}


@dataclass(frozen=True, slots=True)
class Placed:
    """The order, and whether it was made by this call; a repeated client id gives the first one again."""

    order: Order
    is_new: bool


@dataclass(frozen=True, slots=True)
class NotPlaced:
    """An order that was not even stored: it is unsound, or its client id came before with another request."""

    error: DomainError


def place(
    account: Account,
    *,
    instrument: Instrument,
    ticket: Ticket,
    intent: Intent | None = None,
    exit_plan: WantedPlan | None = None,
) -> Placed:
    """The order stands in the account with what it sets aside; or it stands there as rejected, with every reason.

    With an `exit_plan`, what it fills is under that plan from the first fill on; one that stands rejected has none.
    The same client id with the same request gives the first order again, whatever became of it.
    Raises OrderRefused, PlanInvalid or PlanImpossible for what is no sound order or plan, and nothing is stored;
    IdempotencyConflict for the same client id with another request.
    """
    (answer,) = place_many([Request(account, instrument, ticket, intent or Intent(), exit_plan=exit_plan)])
    if isinstance(answer, NotPlaced):
        raise answer.error
    return answer


@transaction.atomic
def place_many(requests: Sequence[Request], *, may_rest: bool = False) -> list[Placed | NotPlaced]:
    """As `place` for each, in this order and in one transaction: what is wrong with one does not concern the others.

    With `may_rest` a limit order that nothing meets yet waits in the book from the start, and need not be written
    again. The caller then asks the venue (`paper.arrived`) afterwards: what would meet it may have come meanwhile.
    """
    named = [with_id(request) for request in requests]
    facts = Facts(named, now=timezone.now())
    first = _first_of(facts.known)
    answers: list[Placed | NotPlaced] = []
    desk = _Desk(facts, may_rest=may_rest)
    for request in named:
        before = first.get(request.key)
        if before is None:
            answer = desk.decide(request)
            if isinstance(answer, Placed):
                first[request.key] = answer.order
            answers.append(answer)
        elif before.request_hash == request.hash:
            answers.append(Placed(before, is_new=False))
        else:
            answers.append(NotPlaced(IdempotencyConflict(_("This client order id came before with another request."))))
    desk.store()
    return answers


def with_id(request: Request) -> Request:
    """The request with a client order id of ours where it has none. Raises InvalidValue for one that cannot be."""
    given = request.intent.client_order_id
    if len(given) > LONGEST_ID or not given.isprintable():
        raise InvalidValue(_("A client order id has 1 to 128 printable characters."), pointer="/client_order_id")
    intent = dataclasses.replace(request.intent, client_order_id=given or f"d-{uuid.uuid4()}")
    return dataclasses.replace(request, intent=intent)


def _first_of(requests: Sequence[Request]) -> dict[tuple[int, str], Order]:
    """The orders that have these client ids already."""
    if not requests:
        return {}
    found = Order.objects.select_related("instrument", "account").filter(
        account_id__in={request.account.pk for request in requests},
        client_order_id__in=[request.intent.client_order_id for request in requests],
    )
    return {(order.account_id, order.client_order_id): order for order in found}


@dataclass(frozen=True, slots=True)
class Judged:
    """What was found of one order: the rules that it breaks, else what its account says to it."""

    broken: tuple[Violation, ...]
    decision: Decision | None = None
    value: Decimal | None = None
    reference: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """What would become of an order that is not placed: every reason against it, and what it would set aside.

    `value` is what it is worth, `quote` the latest fresh one, `available` the money that its account has now, in the
    instrument's currency. `hold` is None where it is not known, or where the order is unsound.
    """

    reasons: tuple[Violation, ...]
    hold: Hold | None
    value: Decimal | None
    quote: Quote | None
    available: Decimal

    @property
    def left(self) -> Decimal | None:
        """The money that would remain available; None where it is not known what is set aside."""
        return None if self.hold is None else difference(self.available, self.hold.funds)


def preview(request: Request) -> Preview:
    """What `place` would say to the order now; nothing is stored and nothing is locked."""
    facts = Facts([request], now=timezone.now(), locked=False)
    judged = _Desk(facts).judge(request)
    try:
        entry_plans.resolved(request, position=facts.position(request.account, request.instrument))
        of_plan: tuple[Violation, ...] = ()
    except OrderRefused as error:
        of_plan = tuple(error.reasons)
    portfolio = facts.portfolio(request.account, request.instrument.currency)
    decision = judged.decision
    return Preview(
        reasons=(*(judged.broken if decision is None else decision.reasons), *of_plan),
        hold=decision.hold if decision else None,
        value=judged.value,
        quote=facts.quote(request.instrument),
        available=portfolio.available_balance - portfolio.owed_balance,
    )


@dataclass(frozen=True, slots=True)
class _Rules:
    limits: risk.Rules
    breakers: list[BreakerState]


class _Desk:
    """Orders decided one after the other, and stored together."""

    def __init__(self, facts: Facts, *, may_rest: bool = False) -> None:
        self.facts, self.may_rest = facts, may_rest
        self.orders: list[Order] = []
        self.events: list[OrderEvent] = []
        self.plans: list[tuple[Order, WantedPlan, ExitPlan]] = []
        self.lines: list[AuditEvent] = []
        self.by_owner: dict[int, _Rules] = {}

    def judge(self, request: Request) -> Judged:
        """What speaks against the order in its account, and what it would set aside; nothing is changed by asking."""
        facts = self.facts
        account = facts.accounts[request.account.pk]
        market = market_of(request.instrument, facts.quote(request.instrument))
        venue = venue_of(account)
        broken = violations(request.ticket, market, venue=CAPABILITIES[venue])
        if broken:
            return Judged(tuple(broken))
        terms = facts.terms(request.ticket, request.instrument, fees=_fees(request, market, venue))
        value = pretrade.value(request.ticket, market, terms)
        rules = self.rules(account)
        state = risk.worst(rules.breakers, account, request.intent.strategy)
        limits = risk.limits_for(account, request.instrument, rules=rules.limits)
        stands = facts.account(account, request.instrument, state, limits)
        decision = pretrade.decide(request.ticket, market, stands, terms, purpose=request.intent.purpose)
        if pretrade.effect(request.ticket, stands.position) is not Effect.CLOSES:
            beyond = risk.exceeded(account, request.instrument, at=facts.now, value=value, rules=rules.limits)
            decision = dataclasses.replace(decision, reasons=(*decision.reasons, *beyond))
        quote = facts.quote(request.instrument)
        there = None if quote is None else quote.ask if request.ticket.side is Side.BUY else quote.bid
        return Judged((), decision, value, reference=there or market.last)

    def decide(self, request: Request) -> Placed | NotPlaced:
        """The order with what was decided of it; what it sets aside is taken from what the next may use."""
        facts, now = self.facts, self.facts.now
        judged = self.judge(request)
        decision = judged.decision
        if decision is None:
            return NotPlaced(OrderRefused(judged.broken))
        account = facts.accounts[request.account.pk]
        try:
            plan = entry_plans.resolved(request, position=facts.position(account, request.instrument))
        except DomainError as error:
            return NotPlaced(error)
        order = built(request, account, venue=venue_of(account), now=now)
        order.pk, order.public_id, is_met = facts.place_of(request)
        order.reference_price = judged.reference
        if decision.is_allowed:
            order.is_resting = self.may_rest and not is_met and _waits(request.ticket)
            events = accepted(order, decision, now=now)
            assert decision.hold is not None, "what is allowed has a hold"
            facts.set_aside(account, request.instrument, decision.hold)
            ledger.set_aside(facts.portfolio(account, request.instrument.currency), decision.hold.funds)
            if plan is not None and request.exit_plan is not None:
                self.plans.append((order, request.exit_plan, plan))
        else:
            events = refused(order, decision, now=now)
        sign(events, by=request.by)
        self.events += events
        self.orders.append(order)
        self.lines.append(
            audit.line(
                "order.place",
                subject="order",
                subject_id=order.public_id,
                owner_id=order.owner_id,
                after=_described(order),
                by=request.by,
            )
        )
        return Placed(order, is_new=True)

    def rules(self, account: Account) -> _Rules:
        """What risk says to the account's owner; read once for all their orders."""
        owner = account.owner_id
        if owner not in self.by_owner:
            limits = risk.Rules.of(owner) if self.facts.are_limited(owner) else risk.Rules.none()
            self.by_owner[owner] = _Rules(limits, risk.on_for(owner) if self.facts.are_stopped(owner) else [])
        return self.by_owner[owner]

    def store(self) -> None:
        """Orders, their events, what they set aside and the audit log are stored."""
        if not self.orders:
            return
        now = self.facts.now
        self._bring_along()
        reserved = [
            (self.facts.portfolio(order.account, order.instrument.currency), order.reserved_amount, order.public_id)
            for order in self.orders
            if order.reserved_amount
        ]
        with together():
            insert(self.orders)
            insert(self.events)
            ledger.book_reservations(reserved, at=now)
            insert(self.lines)
            for owner in sorted({order.owner_id for order in self.orders}):
                versions.move_on(owner)

    def _bring_along(self) -> None:
        """What few orders bring is stored: exits, and what is told of a refusal. It refers to orders yet to come."""
        for order, wanted, plan in self.plans:
            entry_plans.wait_for(order, wanted=wanted, plan=plan)
        elsewhere = [order for order in self.orders if order.venue != Venue.PAPER and order.is_live]
        order_commands.ask_submit(elsewhere, now=self.facts.now)
        for order in self.orders:
            if order.replaces is not None and order.has_exit_plan:
                entry_plans.moved(order.replaces, to=order)
            if order.is_live:
                order_groups.bring_exits(order, now=self.facts.now)
            elif any(each["code"].startswith("breaker_") for each in order.reasons):
                risk.blocked(order.account, strategy=order.strategy, order_id=order.public_id, at=self.facts.now)
        tell_refused(order for order in self.orders if not order.is_live)


def _waits(ticket: Ticket) -> bool:
    """Whether the order may wait at its own price for somebody to meet it."""
    return ticket.type is OrderType.LIMIT and ticket.time_in_force in _LASTING


def _described(order: Order) -> dict[str, Any]:
    return {
        "side": order.side,
        "type": order.type,
        "quantity": order.quantity,
        "notional": order.notional,
        "status": order.status,
        "reserved": order.reserved_amount,
        "reasons": [each["code"] for each in order.reasons],
    }


def venue_of(account: Account) -> str:
    """Where the account's orders go."""
    return account.venue


def _fees(request: Request, market: Market, venue: str) -> Decimal:
    if venue != Venue.PAPER:
        return Decimal(0)
    price = request.ticket.limit_price or request.ticket.stop_price or market.last
    terms = PaperTerms(**settings.PAPER_TERMS)
    return estimated_fees(request.ticket, terms, price=price, multiplier=request.instrument.multiplier)


def reasons_of(order: Order) -> list[Violation]:
    """Why the order was refused before trading; none for one that was not."""
    return [Violation(each["code"], each["pointer"], each["words"], each["values"]) for each in order.reasons]


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
        entry_plans.follow(step)
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
    asked = next_step(order, Event.PENDING_CANCEL)
    if order.venue != Venue.PAPER:
        _cancel_outside(order, asked, portfolio=portfolio)
        return order
    _move(order, [asked, Report(Event.CANCELED, asked.at)], portfolio=portfolio, source=LOCAL)
    return order


def _cancel_outside(order: Order, asked: Report, *, portfolio: Portfolio) -> None:
    """An order that was not sent yet has ended; of any other the broker is to be asked."""
    now = timezone.now()
    is_here = order.status in (Status.PENDING_SUBMIT, Status.SUBMIT_UNKNOWN)
    if is_here and order_commands.withdraw(order, now=now):
        _move(order, [next_step(order, Event.ABORTED)], portfolio=portfolio, source=LOCAL)
        return
    if not is_here and order.status != Status.PENDING_CANCEL:
        _move(order, [_a_moment_later(asked)], portfolio=portfolio, source=LOCAL)
    # While it is not known whether the broker has it, the request waits for that.
    order_commands.ask_cancel(order, now=now)


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
    quantity = replacing.quantity_of_successor(ticket, state)
    client_order_id = client_order_id or f"{order.client_order_id[:90]}-{uuid.uuid4()}"
    if order.venue != Venue.PAPER:
        return _replace_outside(order, ticket, quantity, client_order_id, portfolio=portfolio)
    return _replaced(order, ticket, quantity, client_order_id, portfolio=portfolio)


def _replaced(
    order: Order, ticket: Ticket, quantity: Decimal | None, client_order_id: str, *, portfolio: Portfolio
) -> Placed:
    """The order has ended and its successor stands. Raises OrderRefused with every reason against it."""
    asked = next_step(order, Event.PENDING_REPLACE)
    _move(order, [asked, Report(Event.REPLACED, asked.at)], portfolio=portfolio, source=LOCAL)
    (placed,) = place_many(
        [
            Request(
                order.account,
                order.instrument,
                dataclasses.replace(ticket, quantity=quantity),
                Intent(
                    client_order_id=client_order_id,
                    purpose=Purpose(order.purpose),
                    source=order.source,
                    strategy=order.strategy,
                ),
                replaces=order,
            )
        ]
    )
    if isinstance(placed, NotPlaced):
        raise placed.error
    if placed.order.status == Status.REJECTED:
        raise OrderRefused(reasons_of(placed.order))
    return placed


def _a_moment_later(asked: Report) -> Report:
    """The request behind what a broker answered to the one before it, which may have been refused."""
    return dataclasses.replace(asked, at=asked.at + timedelta(microseconds=1))


class _OnlyTried(Exception):
    """Takes back what was tried."""


def _replace_outside(
    order: Order, ticket: Ticket, quantity: Decimal | None, client_order_id: str, *, portfolio: Portfolio
) -> Placed:
    """The broker is to be asked; until it has answered, the order works on as it was.

    What speaks against the successor here is told at once: it is put in place, and taken back.
    """
    if quantity is not None and quantity != quantity.to_integral_value():
        raise OrderRefused([Violation("whole_units", "/quantity", _g("A replacement is for whole units."))])
    if OrderCommand.objects.open().filter(order=order).exists():
        raise InvalidState(_("The broker has not answered what it was asked about this order before."))
    try:
        with transaction.atomic():
            held, its_portfolio = _held(order, version=None)
            _replaced(held, ticket, quantity, f"try-{uuid.uuid4()}", portfolio=its_portfolio)
            raise _OnlyTried
    except _OnlyTried:
        pass
    order, portfolio = _held(order, version=None)
    _move(order, [_a_moment_later(next_step(order, Event.PENDING_REPLACE))], portfolio=portfolio, source=LOCAL)
    changed = {name: getattr(ticket, name) for name in _REPLACEABLE if getattr(ticket, name) is not None}
    asked = {name: plain(value) for name, value in changed.items()}
    if quantity is not None:
        asked["quantity"] = plain(quantity)
    asked |= {"client_order_id": client_order_id, "time_in_force": ticket.time_in_force.value}
    order_commands.ask_replace(order, asked=asked, now=timezone.now())
    return Placed(order, is_new=False)


_REPLACEABLE = ("quantity", "limit_price", "stop_price", "trail_price", "trail_ratio")


@transaction.atomic
def expire(order: Order) -> Order:
    """An order whose time is over has ended as expired. One that ended before, or has time left, is left alone.

    So is one at a broker, who alone knows when it has ended.
    """
    order, portfolio = _held(order, version=None)
    is_ours = order.venue == Venue.PAPER
    if is_ours and order.is_live and order.expires_at is not None and order.expires_at <= timezone.now():
        _move(order, [next_step(order, Event.EXPIRED)], portfolio=portfolio, source=order.venue)
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
