"""The conditions that make an order invalid, each a function of what was asked for, of the instrument and of the venue.

A condition answers no (False or None), yes (True), or yes with the values that tell a person what would be right.

Pure: no Django, no clock, no database.

Source: docs/orders.md#validity
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from accounts.decimals import plain
from trading.order_rules.amounts import decimals, difference, is_multiple, multiple_below, total
from trading.order_rules.capabilities import UNIVERSAL, Capabilities, Profile, profile_of
from trading.order_rules.ticket import Market, Ticket
from trading.order_rules.vocabulary import AssetClass, OrderClass, OrderType, PositionIntent, Side, TimeInForce


@dataclass(frozen=True, slots=True)
class Asked:
    """What a rule looks at."""

    ticket: Ticket
    market: Market
    venue: Capabilities

    @property
    def profile(self) -> Profile:
        """What the venue treats it as."""
        return profile_of(self.ticket, self.market)


Verdict = bool | Mapping[str, str] | None
Condition = Callable[[Asked], Verdict]


# --- how much ----------------------------------------------------------------------------------


def off_lot(order: Asked) -> Verdict:
    """The quantity is not a whole count of lots. Lots of one unit are a matter of fractions, and told as such."""
    quantity, lot = order.ticket.quantity, order.market.lot_size
    if quantity is None or lot is None or is_multiple(quantity, lot):
        return None
    if lot == 1 and order.profile is not Profile.CRYPTO:
        return None
    return {"lot": plain(lot), **_neighbours(quantity, lot)}


def _neighbours(number: Decimal, step: Decimal) -> dict[str, str]:
    """The valid numbers on either side; the lower one only where it is above zero."""
    below = multiple_below(number, step)
    above = plain(total((below, step)))
    return {"valid": f"{plain(below)} / {above}" if below else above}


def fraction_refused(order: Asked) -> Verdict:
    """It is for a part of a unit, or for money, of what is only traded in whole units."""
    if not order.ticket.is_fractional(order.market) or order.profile is Profile.CRYPTO:
        return False
    return order.profile is Profile.OPTION or not order.market.is_fractionable


def quantity_too_fine(order: Asked) -> Verdict:
    """The quantity has more decimals than the venue takes."""
    quantity, most = order.ticket.quantity, order.venue.quantity_decimals
    return {"decimals": str(most)} if quantity is not None and decimals(quantity) > most else None


def too_little_money(order: Asked) -> Verdict:
    """The amount is below the venue's least."""
    notional, least = order.ticket.notional, order.venue.min_notional
    return {"least": plain(least)} if notional is not None and least is not None and notional < least else None


# --- at which price ----------------------------------------------------------------------------

LIMITED = frozenset({OrderType.LIMIT, OrderType.STOP_LIMIT})
STOPPED = frozenset({OrderType.STOP, OrderType.STOP_LIMIT})
TRAILING = frozenset({OrderType.TRAILING_STOP})


def off_tick(name: str) -> Condition:
    """The price is not a whole count of ticks."""

    def broken(order: Asked) -> Verdict:
        price, tick = order.ticket.prices.get(name), order.market.tick_size
        if price is None or tick is None or is_multiple(price, tick):
            return None
        return {"tick": plain(tick), **_neighbours(price, tick)}

    return broken


def off_tick_by(name: str) -> Condition:
    """The distance is not a whole count of ticks."""

    def broken(order: Asked) -> Verdict:
        distance, tick = getattr(order.ticket, name), order.market.tick_size
        if distance is None or tick is None or is_multiple(distance, tick):
            return None
        return {"tick": plain(tick), **_neighbours(distance, tick)}

    return broken


def trails_below_zero(order: Asked) -> bool:
    """A stop to sell would begin at zero or below, and wait for ever."""
    ticket, last = order.ticket, order.market.last
    if ticket.trail_price is None or ticket.side is not Side.SELL or last is None:
        return False
    may_be_negative = order.market.min_price is not None and order.market.min_price <= 0
    return ticket.trail_price >= last and not may_be_negative


def too_fine(name: str) -> Condition:
    """The price has more decimals than American shares are quoted with: 2 from 1.00 on, 4 below."""

    def broken(order: Asked) -> Verdict:
        price = order.ticket.prices.get(name)
        if price is None or order.market.asset_class is not AssetClass.EQUITY:
            return None
        allowed = 2 if price >= 1 else 4
        return {"decimals": str(allowed)} if decimals(price) > allowed else None

    return broken


def out_of_band(name: str) -> Condition:
    """The price is outside of the instrument's own band, bounds included in it."""

    def broken(order: Asked) -> Verdict:
        price, low, high = order.ticket.prices.get(name), order.market.min_price, order.market.max_price
        if price is None or ((low is None or price >= low) and (high is None or price <= high)):
            return None
        return {"low": plain(low or Decimal(0)), "high": "∞" if high is None else plain(high)}

    return broken


def both_trails(order: Asked) -> bool:
    """The distance of the trail is given twice."""
    return order.ticket.trail_price is not None and order.ticket.trail_ratio is not None


def no_trail(order: Asked) -> bool:
    """A trailing stop is without its distance."""
    ticket = order.ticket
    return ticket.type is OrderType.TRAILING_STOP and ticket.trail_price is None and ticket.trail_ratio is None


def needless(name: str, types: frozenset[OrderType]) -> Condition:
    """The field is given, and only these types have it."""

    def broken(order: Asked) -> Verdict:
        ticket = order.ticket
        return {"type": ticket.type} if ticket.type not in types and getattr(ticket, name) is not None else None

    return broken


def limit_missing(order: Asked) -> Verdict:
    """The type needs a limit price, and there is none."""
    ticket = order.ticket
    # An OCO's target is its limit; venues are not told it twice.
    limit = ticket.take_profit_limit if ticket.order_class is OrderClass.OCO else None
    return {"type": ticket.type} if ticket.type in LIMITED and (ticket.limit_price or limit) is None else None


def stop_missing(order: Asked) -> Verdict:
    """The type needs a stop price, and there is none."""
    ticket = order.ticket
    return {"type": ticket.type} if ticket.type in STOPPED and ticket.stop_price is None else None


# --- how long, and where -----------------------------------------------------------------------


def never_for_type(order: Asked) -> Verdict:
    """No venue could take the type with this time in force."""
    ticket = order.ticket
    if ticket.type in UNIVERSAL[ticket.time_in_force]:
        return None
    return {"type": ticket.type, "valid": "day / gtc"}


def type_not_at_venue(order: Asked) -> Verdict:
    """The venue does not take the type at all."""
    ticket, profile = order.ticket, order.profile
    if extended_hours_for_type(order) or order.venue.times(profile, ticket.type):
        return None
    return {"type": ticket.type, "profile": profile, "valid": " / ".join(order.venue.all_types(profile))}


def time_not_at_venue(order: Asked) -> Verdict:
    """The venue takes the type, but not with this time in force."""
    ticket, profile = order.ticket, order.profile
    if never_for_type(order) or extended_hours_for_type(order):
        return None
    times = order.venue.times(profile, ticket.type)
    if not times or ticket.time_in_force in times:
        return None
    return {"type": ticket.type, "profile": profile, "valid": " / ".join(times)}


def extended_hours_for_type(order: Asked) -> bool:
    """It is for extended hours, and not one of the orders that the venue takes then."""
    ticket = order.ticket
    if not ticket.extended_hours or order.profile in {Profile.CRYPTO, Profile.OPTION}:
        return False
    return ticket.type not in order.venue.types(Profile.EXTENDED_HOURS, ticket.time_in_force)


def extended_hours_for_asset(order: Asked) -> bool:
    """It is for extended hours of what has none."""
    return order.ticket.extended_hours and order.profile in {Profile.CRYPTO, Profile.OPTION}


# --- which way ---------------------------------------------------------------------------------


def against_side(order: Asked) -> bool:
    """Side and intent go different ways."""
    intent = order.ticket.position_intent
    return intent is not None and intent.side is not order.ticket.side


def cannot_be_short(order: Asked) -> bool:
    """It would open a short position in what is never lent: coins, and parts of units."""
    return order.ticket.position_intent is PositionIntent.SELL_TO_OPEN and is_never_short(order.ticket, order.market)


def is_never_short(ticket: Ticket, market: Market) -> bool:
    """Whether it is for what is never lent: coins, and parts of units."""
    return profile_of(ticket, market) is Profile.CRYPTO or ticket.is_fractional(market)


# --- with which others -------------------------------------------------------------------------

WITH_EXITS = frozenset({OrderClass.BRACKET, OrderClass.OCO, OrderClass.OTO})
WITH_BOTH = frozenset({OrderClass.BRACKET, OrderClass.OCO})
LASTING = frozenset({TimeInForce.DAY, TimeInForce.GTC})
_STOP_DISTANCE = Decimal("0.01")


def has_exits(ticket: Ticket) -> bool:
    """It brings a target or a stop."""
    return any(price is not None for price in (ticket.take_profit_limit, ticket.stop_loss_stop, ticket.stop_loss_limit))


def of_classes(broken: Callable[[Ticket], bool], classes: frozenset[OrderClass] = WITH_EXITS) -> Condition:
    """A rule that only orders of these classes can break."""
    return lambda order: order.ticket.order_class in classes and broken(order.ticket)


def exits_crossed(ticket: Ticket) -> bool:
    """The target does not lie on the winning side of the stop."""
    target, stop = ticket.take_profit_limit, ticket.stop_loss_stop
    if target is None or stop is None:
        return False
    return target <= stop if ticket.exits_a_long else target >= stop


def _stop_bound(order: Asked) -> Decimal | None:
    """Where the stop may lie at the nearest: beyond the entry's limit or an OCO's target, and beyond the market."""
    ticket = order.ticket
    start = ticket.take_profit_limit if ticket.order_class is OrderClass.OCO else ticket.limit_price
    starts = [price for price in (start, order.market.last) if price is not None]
    if ticket.order_class not in WITH_EXITS or not starts or exits_crossed(ticket):
        return None
    if ticket.exits_a_long:
        return difference(min(starts), _STOP_DISTANCE)
    return total((max(starts), _STOP_DISTANCE))


def stop_too_near(*, of_a_long: bool) -> Condition:
    """The stop of the exits, of a long or of a short, lies before its bound."""

    def broken(order: Asked) -> Verdict:
        stop, bound = order.ticket.stop_loss_stop, _stop_bound(order)
        if stop is None or bound is None or order.ticket.exits_a_long is not of_a_long:
            return None
        return {"bound": plain(bound)} if (stop > bound if of_a_long else stop < bound) else None

    return broken


def exits_not_at_venue(order: Asked) -> Verdict:
    """The venue takes no exits along with such an order."""
    if order.ticket.order_class not in WITH_EXITS or order.profile in order.venue.groups:
        return None
    return {"profile": order.profile}


def with_legs(broken: Callable[[Ticket], bool]) -> Condition:
    """A rule that only orders with several legs can break."""
    return of_classes(broken, frozenset({OrderClass.MULTI_LEG}))
