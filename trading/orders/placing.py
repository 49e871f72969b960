"""Placing orders: each is decided after the one before, stands or is refused with every reason; stored together.

The account and its portfolio are held; no venue is called. Source: docs/orders.md
"""

import dataclasses
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from accounts import audit, ledger, versions
from accounts.errors import DomainError, IdempotencyConflict, InvalidValue
from accounts.models import Account, AuditEvent
from accounts.prepared import as_one, insert
from trading import entry_plans, order_commands, order_groups, risk
from trading.errors import OrderRefused
from trading.exits.plans import ExitPlan
from trading.models import BreakerState, Instrument, Order, OrderEvent, OrderSource, Quote, Venue
from trading.order_facts import Facts
from trading.order_progress import sign, tell_refused
from trading.order_rows import Intent, Request, WantedPlan, accepted, built, refused
from trading.order_rules import pretrade
from trading.order_rules.amounts import difference, product, total
from trading.order_rules.capabilities import ALPACA_2026_06, PAPER, Capabilities
from trading.order_rules.pretrade import Decision, Effect, Terms
from trading.order_rules.reservations import Hold
from trading.order_rules.ticket import Market, Ticket
from trading.order_rules.validity import Violation, violations
from trading.order_rules.vocabulary import OrderClass, OrderType, Side, TimeInForce
from trading.order_tickets import market_of
from trading.paper_fills import PaperTerms, estimated_fees

LONGEST_ID = 128
#: How the ids of orders begin that plans and copies find again by their names: under one that a person took, an exit
#: would be believed to be placed.
_OURS = ("mp:", "signal:")
_PERSONS = frozenset({OrderSource.UI, OrderSource.API})
#: No venue here takes them, and a request has no place for legs: so it is not asked for any.
_SEVERAL_LEGS = Violation(
    "several_legs",
    "/order_class",
    gettext_noop("Orders of several legs are not taken here: place each leg as an order of its own."),
)
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
    Raises OrderRefused, PlanInvalid or PlanImpossible for what is no sound order or plan, InvalidValue for what is no
    client id, and nothing is stored; IdempotencyConflict for the same client id with another request.
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
    named = [_named(request) for request in requests]
    facts = Facts([each for each in named if isinstance(each, Request)], now=timezone.now())
    first = _first_of(facts.known)
    answers: list[Placed | NotPlaced] = []
    desk = _Desk(facts, may_rest=may_rest)
    desk.hold_books()
    for request in named:
        if isinstance(request, NotPlaced):
            answers.append(request)
            continue
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


def _named(request: Request) -> Request | NotPlaced:
    try:
        return with_id(request)
    except InvalidValue as error:
        return NotPlaced(error)


def with_id(request: Request) -> Request:
    """The request with a client order id of ours where it has none. Raises InvalidValue for one that cannot be."""
    given = request.intent.client_order_id
    refuse_odd(given, is_persons=request.intent.source in _PERSONS)
    intent = dataclasses.replace(request.intent, client_order_id=given or f"d-{uuid.uuid4()}")
    return dataclasses.replace(request, intent=intent)


def refuse_odd(client_order_id: str, *, is_persons: bool) -> None:
    """Returns for what can be a client order id, for those that a person gave, or is none at all.

    Raises InvalidValue for anything else.
    """
    if len(client_order_id) > LONGEST_ID or not client_order_id.isprintable():
        raise InvalidValue(_("A client order id has 1 to 128 printable characters."), pointer="/client_order_id")
    if is_persons and client_order_id.startswith(_OURS):
        words = _("Client order ids that begin with %(start)s are given by exit plans and copied trades alone.")
        raise InvalidValue(words % {"start": " / ".join(_OURS)}, pointer="/client_order_id")


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
    opens: bool = False


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
    decision = judged.decision
    return Preview(
        reasons=(*(judged.broken if decision is None else decision.reasons), *of_plan),
        hold=decision.hold if decision else None,
        value=judged.value,
        quote=facts.quote(request.instrument),
        available=facts.available(request.account, request.instrument.currency),
    )


@dataclass(frozen=True, slots=True)
class _Rules:
    limits: risk.Rules
    book: risk.Book
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

    def hold_books(self) -> None:
        """Nobody else adds to what the limits of these persons count, in whichever account of theirs."""
        accounts = {account.owner_id: account for account in self.facts.accounts.values()}
        for owner, account in sorted(accounts.items()):
            if self.facts.are_limited(owner):
                self.rules(account, is_held=True)

    def judge(self, request: Request) -> Judged:
        """What speaks against the order in its account, and what it would set aside; nothing is changed by asking."""
        facts = self.facts
        account = facts.accounts[request.account.pk]
        market = market_of(request.instrument, facts.quote(request.instrument), on=account.trading_day(facts.now))
        venue = venue_of(account)
        if request.ticket.order_class is OrderClass.MULTI_LEG:
            return Judged((_SEVERAL_LEGS,))
        broken = violations(request.ticket, market, venue=CAPABILITIES[venue])
        if broken:
            return Judged(tuple(broken))
        terms = facts.terms(request.ticket, request.instrument, fees=Decimal(0))
        terms = dataclasses.replace(terms, fees=_fees(request, market, terms, venue))
        value = pretrade.value(request.ticket, market, terms)
        rules = self.rules(account)
        state = risk.worst(rules.breakers, account, request.intent.strategy)
        limits = risk.limits_for(account, request.instrument, rules=rules.limits)
        stands = facts.account(account, request.instrument, state, limits)
        decision = pretrade.decide(request.ticket, market, stands, terms)
        opens = pretrade.effect(request.ticket, stands.position) is not Effect.CLOSES
        if opens:
            beyond = risk.exceeded(
                account, request.instrument, at=facts.now, value=value, rules=rules.limits, book=rules.book
            )
            decision = dataclasses.replace(decision, reasons=(*decision.reasons, *beyond))
        quote = facts.quote(request.instrument)
        there = None if quote is None else quote.ask if request.ticket.side is Side.BUY else quote.bid
        return Judged((), decision, value, reference=there or market.last, opens=opens)

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
            if judged.opens:
                self.rules(account).book.add(account, request.instrument, judged.value)
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

    def rules(self, account: Account, *, is_held: bool = False) -> _Rules:
        """What risk says to the account's owner; read once for all their orders."""
        owner = account.owner_id
        if owner not in self.by_owner:
            limits = risk.Rules.of(owner) if self.facts.are_limited(owner) else risk.Rules.none()
            if limits.count_all and is_held:
                risk.Book.hold(owner)
            book = risk.Book.of(owner, at=self.facts.now) if limits.count_all else risk.Book()
            self.by_owner[owner] = _Rules(limits, book, risk.on_for(owner) if self.facts.are_stopped(owner) else [])
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
        with as_one():
            insert(self.orders)
            insert(self.events)
            ledger.book_reservations(reserved, at=now)
            insert(self.lines)
            versions.move_on({order.owner_id for order in self.orders})

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


def _fees(request: Request, market: Market, terms: Terms, venue: str) -> Decimal:
    """What its fills cost at most: one at the market may execute as far above the offer as it sets money aside for."""
    if venue != Venue.PAPER:
        return Decimal(0)
    dearest = None if terms.ask is None else product(terms.ask, total((Decimal(1), terms.collar)))
    price = request.ticket.limit_price or request.ticket.stop_price or dearest or market.last
    paper = PaperTerms(**settings.PAPER_TERMS)
    return estimated_fees(request.ticket, paper, price=price, multiplier=request.instrument.multiplier)
