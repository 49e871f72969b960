"""Whether an account may place an order now: every reason against it, and what the order would set aside.

Validity is about the order alone; this is about the order in its account: people and statuses, the breaker, what is
held, limits, prices near the market, funds. All reasons are told at once, each with a code and what to do.

Pure: no Django, no clock, no database.

Source: docs/orders.md#checks-before-trading
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from accounts.decimals import plain
from trading.order_rules.amounts import ZERO, difference, multiple_above, multiple_below, product, ratio, total
from trading.order_rules.conditions import is_never_short
from trading.order_rules.reservations import (
    MARKET_COLLAR,
    Held,
    Hold,
    NoReference,
    Prices,
    hold_for_written_call,
    hold_for_written_put,
    hold_margin,
    hold_to_buy,
    hold_to_sell,
    hold_to_sell_short,
    hold_to_spend,
)
from trading.order_rules.ticket import Market, Ticket
from trading.order_rules.validity import OCO_OPENS, SHORT_IMPOSSIBLE, Violation
from trading.order_rules.vocabulary import AssetClass, OrderClass, OrderType, PositionIntent, Side
from trading.order_rules.words import _


class RiskState(StrEnum):
    """How far a breaker has gone: nothing, no new exposure, or nothing but exits."""

    ACTIVE = "active"
    REDUCING = "reducing"
    HALTED = "halted"


class Effect(StrEnum):
    """What an order does to the position that it meets."""

    OPENS = "opens"
    CLOSES = "closes"
    CROSSES = "crosses"


@dataclass(frozen=True, slots=True)
class Limits:
    """What nobody may exceed with one order; None where there is no limit.

    `band` is how far a price may lie from the last one, as a fraction. It is off by default, as it would refuse
    protective stops and most orders in what moves fast.
    """

    quantity: Decimal | None = None
    notional: Decimal | None = None
    band: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """The account as it stands when the order is placed.

    `available` is money, `position` signed units, `closable` those of them that no open order has promised, and
    `underlying` the free units of what an option is on.
    """

    available: Decimal
    position: Decimal = ZERO
    closable: Decimal = ZERO
    underlying: Decimal = ZERO
    client_is_active: bool = True
    account_is_active: bool = True
    allows_short: bool = False
    risk: RiskState = RiskState.ACTIVE
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class Terms:
    """What the order would cost here.

    `ask` is the fresh offer, None where there is none; `margin` the money for a unit of what is margined; `strike` and
    `is_call` those of an option; `fees` the estimate for the whole order.
    """

    ask: Decimal | None = None
    multiplier: Decimal = Decimal(1)
    fees: Decimal = ZERO
    collar: Decimal = MARKET_COLLAR
    margin: Decimal | None = None
    strike: Decimal | None = None
    is_call: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """Every reason against the order, and what it sets aside if there is none; `hold` is None where it is unknown."""

    reasons: tuple[Violation, ...]
    hold: Hold | None

    @property
    def is_allowed(self) -> bool:
        """Whether nothing speaks against the order."""
        return not self.reasons


def gets_out(side: Side, intent: PositionIntent | None, position: Decimal) -> bool:
    """Return whether an order goes against the position. What says that it opens does not, nor what meets none.

    Whatever else it is called: an order that says that it closes, where there is nothing to close, opens.
    """
    if position == 0 or (intent is not None and intent.opens):
        return False
    return (position > 0) is not (side is Side.BUY)


def effect(ticket: Ticket, position: Decimal) -> Effect:
    """Return what the order does to the position: as it says itself, else by which way each goes.

    What says that it closes is taken at its word; where it `closes_nothing`, it is refused.
    """
    if ticket.position_intent is not None and not ticket.position_intent.opens:
        return Effect.CLOSES
    if not gets_out(ticket.side, ticket.position_intent, position):
        return Effect.OPENS
    beyond = ticket.quantity is not None and ticket.quantity > abs(position)
    return Effect.CROSSES if beyond else Effect.CLOSES


def closes_nothing(ticket: Ticket, position: Decimal) -> bool:
    """Whether the order says that it closes, and there is no position that goes the other way."""
    intent = ticket.position_intent
    return intent is not None and not intent.opens and not gets_out(ticket.side, intent, position)


def decide(ticket: Ticket, market: Market, account: Account, terms: Terms) -> Decision:
    """Return whether the account may place this order, which is valid as such.

    The statuses, the breaker and limits on new exposure never stop an exit that its holdings cover; so what only says
    that it is one is refused before anything else is asked.
    Source: docs/orders.md#checks-before-trading
    """
    if closes_nothing(ticket, account.position):
        return Decision((_NOTHING_TO_CLOSE,), None)
    try:
        hold = hold_for(ticket, market, account, terms)
    except NoReference:
        hold = None
    case = _Case(ticket, market, account, terms, hold)
    reasons = [reason for check in _CHECKS if (reason := check(case))]
    return Decision(tuple(reasons), hold)


def hold_for(ticket: Ticket, market: Market, account: Account, terms: Terms) -> Hold:
    """Return what the order sets aside in this account.

    Raises NoReference where the price that it is worked out from is not known.
    """
    quantity = ticket.quantity
    closes = effect(ticket, account.position) is not Effect.OPENS
    if quantity is None:
        if ticket.side is Side.SELL:
            raise NoReference("an amount of money to sell for has to be turned into a quantity first")
        return hold_to_spend(ticket.notional or ZERO, fees=terms.fees)
    if closes:
        return hold_to_sell(quantity)
    if terms.margin is not None:
        return hold_margin(quantity, margin=terms.margin, fees=terms.fees)
    prices = Prices(limit=_limit(ticket), stop=_stop(ticket, terms), ask=terms.ask)
    if ticket.side is Side.BUY:
        return hold_to_buy(
            ticket.type, quantity, prices, multiplier=terms.multiplier, fees=terms.fees, collar=terms.collar
        )
    if market.asset_class is not AssetClass.OPTION:
        return hold_to_sell_short(quantity, prices, multiplier=terms.multiplier, fees=terms.fees)
    if terms.is_call:
        return hold_for_written_call(quantity, multiplier=terms.multiplier)
    if terms.strike is None:
        raise NoReference("an option needs its strike to work out what it reserves")
    return hold_for_written_put(quantity, strike=terms.strike, multiplier=terms.multiplier, fees=terms.fees)


def value(ticket: Ticket, market: Market, terms: Terms) -> Decimal | None:
    """Return what the order is worth: at its own price, else at the offer, else at the last price; None without one."""
    price = _limit(ticket) or ticket.stop_price or terms.ask or market.last
    if ticket.quantity is None or price is None:
        return ticket.notional
    return product(ticket.quantity, price, terms.multiplier)


def _limit(ticket: Ticket) -> Decimal | None:
    """The limit; that of an OCO is its target, which need not be told twice."""
    return ticket.limit_price or (ticket.take_profit_limit if ticket.order_class is OrderClass.OCO else None)


def _stop(ticket: Ticket, terms: Terms) -> Decimal | None:
    """Where the stop stands when the order is placed; a trailing one begins at its distance above the offer."""
    if ticket.type is not OrderType.TRAILING_STOP or terms.ask is None:
        return ticket.stop_price
    if ticket.trail_price is not None:
        return total((terms.ask, ticket.trail_price))
    return product(terms.ask, total((Decimal(1), ticket.trail_ratio or ZERO)))


# --- the checks, in the order in which they are told ---------------------------------------------


@dataclass(frozen=True, slots=True)
class _Case:
    """What a check looks at."""

    ticket: Ticket
    market: Market
    account: Account
    terms: Terms
    hold: Hold | None

    @property
    def effect(self) -> Effect:
        return effect(self.ticket, self.account.position)

    @property
    def opens(self) -> bool:
        return self.effect is not Effect.CLOSES


_Check = Callable[[_Case], Violation | None]
_NOTHING_TO_CLOSE = Violation(
    "insufficient_holdings",
    "/position_intent",
    _("There is nothing here that this could close: to open a position, leave out that it closes."),
    {"most": "0"},
)
_SHORT_IMPOSSIBLE = Violation("short_impossible", "/side", SHORT_IMPOSSIBLE)
_NO_QUANTITY = Violation(
    "insufficient_holdings",
    "/notional",
    _("An amount of money does not say how much of the position it closes: give a quantity."),
)


def _client(case: _Case) -> Violation | None:
    if case.account.client_is_active or not case.opens:
        return None
    return Violation("client_inactive", "", _("This person may not open positions: have the client activated."))


def _account(case: _Case) -> Violation | None:
    if case.account.account_is_active or not case.opens:
        return None
    return Violation("account_inactive", "/account", _("This account is suspended or closed: choose an active one."))


def _expired(case: _Case) -> Violation | None:
    if not case.market.has_expired or not case.opens:
        return None
    words = _("This contract has expired and can only be closed: choose one that still runs.")
    return Violation("instrument_expired", "/instrument", words)


def against_new_risk(risk: RiskState) -> Violation | None:
    """What a breaker of this state says to an order that opens; what gets out is not asked, whatever its purpose."""
    if risk is RiskState.REDUCING:
        words = _("The circuit breaker is on and only exits run: close a position, or have it reset.")
        return Violation("breaker_reducing", "", words)
    if risk is RiskState.HALTED:
        return Violation("breaker_halted", "", _("Trading is halted but for exits: have it resumed first."))
    return None


def _breaker(case: _Case) -> Violation | None:
    return against_new_risk(case.account.risk) if case.opens else None


def _crossing(case: _Case) -> Violation | None:
    if case.effect is not Effect.CROSSES:
        return None
    words = _("This would turn the position round: close %(most)s first, and place the rest as an order of its own.")
    return Violation("crosses_zero", "/quantity", words, {"most": plain(abs(case.account.position))})


def _holdings(case: _Case) -> Violation | None:
    quantity, free = case.ticket.quantity, case.account.closable
    if case.effect is not Effect.CLOSES or (quantity is not None and quantity <= free):
        return None
    if quantity is None:
        # A sale of an amount has no quantity to set aside, which is told as such.
        return _NO_QUANTITY if case.ticket.side is Side.BUY else None
    words = _("At most %(most)s can be closed now: reduce the quantity, or cancel the orders that wait for the rest.")
    return Violation("insufficient_holdings", "/quantity", words, {"most": plain(free)})


def _short(case: _Case) -> Violation | None:
    is_short = case.ticket.side is Side.SELL and case.effect is Effect.OPENS and case.terms.margin is None
    if not is_short or case.market.asset_class is AssetClass.OPTION:
        return None
    if case.account.allows_short:
        return _SHORT_IMPOSSIBLE if is_never_short(case.ticket, case.market) else None
    return Violation("short_not_allowed", "/side", _("This account sells only what it holds, which is nothing here."))


def _alternative(case: _Case) -> Violation | None:
    """An OCO has something to get out of; one that says so itself was asked that before."""
    if case.ticket.order_class is not OrderClass.OCO or case.effect is not Effect.OPENS:
        return None
    return Violation("oco_opens", "/order_class", OCO_OPENS)


def _underlying(case: _Case) -> Violation | None:
    hold, free = case.hold, case.account.underlying
    if hold is None or hold.held is not Held.UNDERLYING or hold.units <= free:
        return None
    words = _("This call needs %(needed)s of its underlying, and %(free)s are free: reduce the quantity.")
    return Violation("insufficient_underlying", "/quantity", words, {"needed": plain(hold.units), "free": plain(free)})


def _largest(case: _Case) -> Violation | None:
    most, quantity = case.account.limits.quantity, case.ticket.quantity
    if most is None or quantity is None or quantity <= most or not case.opens:
        return None
    return Violation("limit_quantity", "/quantity", _("Give a quantity of at most %(most)s."), {"most": plain(most)})


def _dearest(case: _Case) -> Violation | None:
    most, worth = case.account.limits.notional, value(case.ticket, case.market, case.terms)
    if most is None or worth is None or worth <= most or not case.opens:
        return None
    words = _("This is worth %(value)s: reduce it to at most %(most)s.")
    return Violation("limit_notional", "/quantity", words, {"value": plain(worth), "most": plain(most)})


def _near(case: _Case) -> Violation | None:
    """The price lies in the band around the last one, whose bounds are rounded inwards to the tick and belong to it."""
    band, last, price = case.account.limits.band, case.market.last, case.ticket.limit_price
    if band is None or last is None or price is None or not case.opens:
        return None
    low = product(last, difference(Decimal(1), band))
    high = product(last, total((Decimal(1), band)))
    if case.market.tick_size is not None:
        low, high = multiple_above(low, case.market.tick_size), multiple_below(high, case.market.tick_size)
    if low <= price <= high:
        return None
    return Violation(
        "price_far",
        "/limit_price",
        _("Give a price from %(low)s to %(high)s."),
        {"low": plain(low), "high": plain(high)},
    )


def _reference(case: _Case) -> Violation | None:
    if case.hold is not None:
        return None
    return Violation(
        "no_reference", "/type", _("There is no fresh price to reserve by: give a limit, or wait for one.")
    )


def _funds(case: _Case) -> Violation | None:
    """What opens can be paid for. Getting out always may: what it costs beyond what is there is owed."""
    hold, available = case.hold, case.account.available
    if hold is None or hold.funds <= available or not case.opens:
        return None
    values = {"needed": plain(hold.funds), "available": plain(available), "most": plain(_affordable(case, hold))}
    words = _("This sets aside %(needed)s, and %(available)s is available: reduce it to %(most)s, or deposit money.")
    return Violation("insufficient_funds", "/quantity" if hold.quantity else "/notional", words, values)


def _affordable(case: _Case, hold: Hold) -> Decimal:
    """The most that the available money would do for: units in whole lots, or money for an order of an amount."""
    spendable = max(ZERO, difference(case.account.available, hold.fees))
    if hold.quantity is None:
        return spendable
    return multiple_below(ratio(spendable, hold.per_unit), case.market.lot_size or Decimal(1))


_CHECKS: tuple[_Check, ...] = (
    _client,
    _account,
    _expired,
    _breaker,
    _crossing,
    _holdings,
    _short,
    _alternative,
    _underlying,
    _largest,
    _dearest,
    _near,
    _reference,
    _funds,
)
