"""Which orders make sense: one table of rules, each with its code, the field at fault and words that say what to do.

Every rule that an order breaks is told, not only the first. What depends on the account, such as funds, holdings and
limits, is not decided here.

Pure: no Django, no clock, no database.

Source: docs/orders.md#validity
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from trading.order_rules import conditions as when
from trading.order_rules.amounts import is_positive
from trading.order_rules.capabilities import PAPER, Capabilities
from trading.order_rules.conditions import Asked, Condition
from trading.order_rules.ticket import Market, Ticket
from trading.order_rules.vocabulary import OrderClass, OrderType
from trading.order_rules.words import _


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that the order breaks.

    `pointer` is the JSON pointer of the field at fault. `words` is a sentence with gaps as `%(name)s`, the same for
    every order, so that it can be translated; `values` fills them.
    """

    code: str
    pointer: str
    words: str
    values: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def message(self) -> str:
        """The sentence for people, in English."""
        return self.words % self.values

    def kept(self) -> dict[str, Any]:
        """The violation as an order keeps it among its reasons."""
        return {"code": self.code, "pointer": self.pointer, "words": self.words, "values": dict(self.values)}

    def said(self, translate: Callable[[str], str]) -> str:
        """The sentence in the language that `translate` (gettext) speaks."""
        return translate(self.words) % self.values


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the table."""

    code: str
    pointer: str
    words: str
    broken_by: Condition

    def check(self, order: Asked) -> Violation | None:
        """The violation, if there is one."""
        verdict = self.broken_by(order)
        if verdict is None or verdict is False:
            return None
        return Violation(self.code, self.pointer, self.words, {} if verdict is True else verdict)


def violations(ticket: Ticket, market: Market, *, venue: Capabilities = PAPER) -> list[Violation]:
    """Return every rule that the order breaks, in the order of the table; an empty list for a sound order.

    A number that is not above zero, infinity and NaN included, is told as such and not measured any further.
    Source: docs/orders.md#validity
    """
    order = Asked(ticket, market, venue)
    bad = list(_not_positive(ticket))
    if bad:
        return bad
    return [broken for rule in RULES if (broken := rule.check(order))]


#: Where the order does not say itself which way it goes, the checks before trading tell these.
SHORT_IMPOSSIBLE = _("This cannot be sold short: sell what is held, in whole units where it has them.")
OCO_OPENS = _("An OCO order only gets out: place a bracket to get in.")
_NUMBERS = ("quantity", "notional", "trail_price", "trail_ratio")


def _not_positive(ticket: Ticket) -> Iterator[Violation]:
    numbers = {name: getattr(ticket, name) for name in _NUMBERS} | ticket.prices
    for name, number in numbers.items():
        if number is not None and not is_positive(number):
            yield Violation("not_positive", f"/{name}", _("Give a number above zero."))


# --- the table ---------------------------------------------------------------------------------

_OCO, _OTO = frozenset({OrderClass.OCO}), frozenset({OrderClass.OTO})
_PRICED = ("limit_price", "stop_price", "take_profit_limit", "stop_loss_stop", "stop_loss_limit")


def _price_rules() -> Iterator[Rule]:
    """The three rules of every price."""
    for name in _PRICED:
        steps = _("Prices here move in steps of %(tick)s: give %(valid)s.")
        yield Rule("tick", f"/{name}", steps, when.off_tick(name))
        fine = _("Give at most %(decimals)s decimals at this price.")
        yield Rule("decimals", f"/{name}", fine, when.too_fine(name))
        yield Rule("price_band", f"/{name}", _("Give a price from %(low)s to %(high)s."), when.out_of_band(name))


RULES: tuple[Rule, ...] = (
    Rule(
        "not_tradable",
        "/instrument",
        _("This cannot be traded itself: choose a fund, a future or an option on it."),
        lambda order: order.market.asset_class is None,
    ),
    Rule(
        "instrument_inactive",
        "/instrument",
        _("This instrument is suspended or delisted: wait, or choose another."),
        lambda order: not order.market.is_active,
    ),
    Rule(
        "size_missing",
        "/quantity",
        _("Give a quantity, or an amount of money as notional."),
        lambda order: order.ticket.quantity is None and order.ticket.notional is None,
    ),
    Rule(
        "size_twice",
        "/notional",
        _("Give a quantity or an amount of money, not both."),
        lambda order: order.ticket.quantity is not None and order.ticket.notional is not None,
    ),
    Rule("lot", "/quantity", _("This trades in lots of %(lot)s: give %(valid)s."), when.off_lot),
    Rule(
        "fractional",
        "/quantity",
        _("This trades in whole units only: give a whole quantity."),
        when.fraction_refused,
    ),
    Rule("quantity_decimals", "/quantity", _("Give at most %(decimals)s decimals."), when.quantity_too_fine),
    Rule("notional_minimum", "/notional", _("Give an amount of at least %(least)s."), when.too_little_money),
    Rule(
        "limit_price_required",
        "/limit_price",
        _("A %(type)s order needs a limit price: give one."),
        when.limit_missing,
    ),
    Rule(
        "limit_price_forbidden",
        "/limit_price",
        _("A %(type)s order has no limit price: leave it out, or make it a limit order."),
        when.needless("limit_price", when.LIMITED),
    ),
    Rule("stop_price_required", "/stop_price", _("A %(type)s order needs a stop price: give one."), when.stop_missing),
    Rule(
        "stop_price_forbidden",
        "/stop_price",
        _("A %(type)s order has no stop price: leave it out, or make it a stop order."),
        when.needless("stop_price", when.STOPPED),
    ),
    Rule(
        "trail_required",
        "/trail_price",
        _("A trailing stop needs its distance: give a price or a ratio."),
        when.no_trail,
    ),
    Rule("trail_twice", "/trail_ratio", _("Give the distance as a price or as a ratio, not both."), when.both_trails),
    Rule(
        "trail_forbidden",
        "/trail_price",
        _("A %(type)s order does not trail: leave the distance out, or make it a trailing stop."),
        when.needless("trail_price", when.TRAILING),
    ),
    Rule(
        "trail_forbidden",
        "/trail_ratio",
        _("A %(type)s order does not trail: leave the distance out, or make it a trailing stop."),
        when.needless("trail_ratio", when.TRAILING),
    ),
    Rule(
        "tick",
        "/trail_price",
        _("Prices here move in steps of %(tick)s: give %(valid)s."),
        when.off_tick_by("trail_price"),
    ),
    Rule(
        "trail_too_wide",
        "/trail_price",
        _("The stop would begin at zero or below: give a distance below the price."),
        when.trails_below_zero,
    ),
    Rule(
        "trail_too_wide",
        "/trail_ratio",
        _("Give the distance as a fraction below 1: 0.05 is 5%%."),
        lambda order: order.ticket.trail_ratio is not None and order.ticket.trail_ratio >= 1,
    ),
    *_price_rules(),
    Rule(
        "time_in_force_for_type",
        "/time_in_force",
        _("A %(type)s order waits for its price: give %(valid)s."),
        when.never_for_type,
    ),
    Rule(
        "type_at_venue",
        "/type",
        _("For %(profile)s orders this venue takes no %(type)s: give %(valid)s."),
        when.type_not_at_venue,
    ),
    Rule(
        "time_in_force_at_venue",
        "/time_in_force",
        _("For %(profile)s orders this venue takes %(type)s with other times in force: give %(valid)s."),
        when.time_not_at_venue,
    ),
    Rule(
        "extended_hours_for_type",
        "/extended_hours",
        _("Outside of regular hours only limit orders for the day work: make it one, or leave this out."),
        when.extended_hours_for_type,
    ),
    Rule(
        "extended_hours_for_asset",
        "/extended_hours",
        _("This has no extended hours: leave them out."),
        when.extended_hours_for_asset,
    ),
    Rule(
        "position_intent_side",
        "/position_intent",
        _("The intent contradicts the side: give the one that begins with it."),
        when.against_side,
    ),
    Rule(
        "short_impossible",
        "/position_intent",
        SHORT_IMPOSSIBLE,
        when.cannot_be_short,
    ),
    Rule(
        "exits_need_class",
        "/order_class",
        _("Only a bracket, OCO or OTO order brings exits: choose one, or leave them out."),
        lambda order: order.ticket.order_class not in when.WITH_EXITS and when.has_exits(order.ticket),
    ),
    Rule(
        "take_profit_required",
        "/take_profit_limit",
        _("It needs a target: give its limit, or choose OTO for one exit alone."),
        when.of_classes(lambda ticket: ticket.take_profit_limit is None, when.WITH_BOTH),
    ),
    Rule(
        "stop_loss_required",
        "/stop_loss_stop",
        _("It needs a stop: give its price, or choose OTO for one exit alone."),
        when.of_classes(lambda ticket: ticket.stop_loss_stop is None, when.WITH_BOTH),
    ),
    Rule(
        "exit_required",
        "/stop_loss_stop",
        _("An OTO order brings an exit: give a stop or a target."),
        when.of_classes(lambda t: t.stop_loss_stop is None and t.take_profit_limit is None, _OTO),
    ),
    Rule(
        "stop_loss_stop_required",
        "/stop_loss_stop",
        _("The limit of a stop works only with the stop: give its price."),
        when.of_classes(lambda ticket: ticket.stop_loss_limit is not None and ticket.stop_loss_stop is None),
    ),
    Rule(
        "exits_crossed",
        "/take_profit_limit",
        _("The target lies on the wrong side of the stop: swap the two."),
        when.of_classes(when.exits_crossed),
    ),
    Rule(
        "stop_loss_too_near",
        "/stop_loss_stop",
        _("Give a stop of at most %(bound)s."),
        when.stop_too_near(of_a_long=True),
    ),
    Rule(
        "stop_loss_too_near",
        "/stop_loss_stop",
        _("Give a stop of at least %(bound)s."),
        when.stop_too_near(of_a_long=False),
    ),
    Rule(
        "class_time_in_force",
        "/time_in_force",
        _("An order with exits has to last: give day / gtc."),
        when.of_classes(lambda ticket: ticket.time_in_force not in when.LASTING),
    ),
    Rule(
        "class_extended_hours",
        "/extended_hours",
        _("An order with exits works in regular hours only: leave this out."),
        when.of_classes(lambda ticket: ticket.extended_hours),
    ),
    Rule(
        "class_at_venue",
        "/order_class",
        _("For %(profile)s orders this venue takes no exits along: place them once this is filled."),
        when.exits_not_at_venue,
    ),
    Rule(
        "trailing_alone",
        "/order_class",
        _("A trailing stop stands alone: choose the class simple."),
        lambda order: order.ticket.type is OrderType.TRAILING_STOP and order.ticket.order_class in when.WITH_EXITS,
    ),
    Rule(
        "oco_type",
        "/type",
        _("An OCO order is a target and a stop: give the type limit."),
        when.of_classes(lambda ticket: ticket.type is not OrderType.LIMIT, _OCO),
    ),
    Rule(
        "oco_limit",
        "/limit_price",
        _("The limit of an OCO order is its target: give the same price, or leave it out."),
        when.of_classes(lambda t: t.limit_price not in (None, t.take_profit_limit), _OCO),
    ),
    Rule(
        "oco_opens",
        "/position_intent",
        OCO_OPENS,
        when.of_classes(lambda t: t.position_intent is not None and t.position_intent.opens, _OCO),
    ),
    Rule(
        "legs_need_class",
        "/legs",
        _("Only an order of the class mleg has legs: choose it, or leave them out."),
        lambda order: order.ticket.order_class is not OrderClass.MULTI_LEG and bool(order.ticket.legs),
    ),
    Rule(
        "legs_count",
        "/legs",
        _("Give two to four legs."),
        when.with_legs(lambda ticket: not 2 <= len(ticket.legs) <= 4),
    ),
    Rule(
        "legs_twice",
        "/legs",
        _("Two legs have the same symbol: make them one."),
        when.with_legs(lambda ticket: len(set(ticket.legs)) < len(ticket.legs)),
    ),
    Rule(
        "mleg_quantity",
        "/quantity",
        _("An order with several legs needs a quantity: give one."),
        when.with_legs(lambda ticket: ticket.quantity is None),
    ),
    Rule(
        "mleg_type",
        "/type",
        _("An order with several legs is a market or a limit order: choose one of them."),
        when.with_legs(lambda ticket: ticket.type not in {OrderType.MARKET, OrderType.LIMIT}),
    ),
)
