"""Every cell of which order is valid: side, type, time in force, prices, asset class, venue. Written out by hand."""

from dataclasses import replace
from decimal import Decimal
from itertools import product
from typing import Any

import pytest
from django.utils import translation

from trading.order_rules.capabilities import ALPACA_2026_01, ALPACA_2026_06, PAPER, Capabilities, Profile, profile_of
from trading.order_rules.ticket import Market, Ticket
from trading.order_rules.validity import RULES, violations
from trading.order_rules.vocabulary import AssetClass, OrderClass, OrderType, PositionIntent, Side, TimeInForce

D = Decimal
BUY, SELL = Side.BUY, Side.SELL
MARKET, LIMIT, STOP = OrderType.MARKET, OrderType.LIMIT, OrderType.STOP
STOP_LIMIT, TRAILING = OrderType.STOP_LIMIT, OrderType.TRAILING_STOP
DAY, GTC, IOC = TimeInForce.DAY, TimeInForce.GTC, TimeInForce.IOC
BRACKET, OCO, OTO, MLEG = OrderClass.BRACKET, OrderClass.OCO, OrderClass.OTO, OrderClass.MULTI_LEG

SHARES = Market(asset_class=AssetClass.EQUITY, tick_size=D("0.01"), lot_size=D(1), min_price=D(1), max_price=D(1000))
COINS = Market(asset_class=AssetClass.CRYPTO, lot_size=D("0.0001"))

#: Prices that a type needs.
PRICES: dict[OrderType, dict[str, Decimal]] = {
    MARKET: {},
    LIMIT: {"limit_price": D(100)},
    STOP: {"stop_price": D(100)},
    STOP_LIMIT: {"limit_price": D(101), "stop_price": D(100)},
    TRAILING: {"trail_price": D(2)},
}


def ticket(order_type: OrderType = LIMIT, time_in_force: TimeInForce = DAY, **fields: Any) -> Ticket:
    given: dict[str, Any] = {"side": BUY, "quantity": D(10), **PRICES[order_type], **fields}
    return Ticket(type=order_type, time_in_force=time_in_force, **given)


def codes(asked: Ticket, market: Market = SHARES, venue: Capabilities = PAPER) -> list[str]:
    return [each.code for each in violations(asked, market, venue=venue)]


# --- type x time in force x what is traded x venue -----------------------------------------------

LETTERS = {"M": MARKET, "L": LIMIT, "S": STOP, "SL": STOP_LIMIT, "T": TRAILING}
GRID = """
                              day         gtc        ioc  fok  opg  cls
paper   whole             M,L,S,SL,T  M,L,S,SL,T   M,L  M,L  M,L  M,L
paper   fractional        M,L,S,SL    M,L,S,SL     M,L  M,L  M,L  M,L
paper   extended_hours    L           -            -    -    -    -
paper   crypto            -           M,L,S,SL     M,L  M,L  -    -
paper   option            M,L,S,SL    M,L,S,SL     M,L  M,L  -    -
paper   over_the_counter  M,L,S,SL    M,L,S,SL     -    -    -    -
2026-01 whole             M,L,S,SL,T  M,L,S,SL,T   M,L  M,L  M,L  M,L
2026-01 fractional        M,L,S,SL    -            -    -    -    -
2026-01 extended_hours    L           -            -    -    -    -
2026-01 crypto            -           M,L,SL       M,L  -    -    -
2026-01 option            M,L         -            -    -    -    -
2026-01 over_the_counter  M,L,S,SL    M,L,S,SL     -    -    -    -
2026-06 whole             M,L,S,SL,T  M,L,S,SL,T   M,L  M,L  M,L  M,L
2026-06 fractional        M,L,S,SL    -            -    -    -    -
2026-06 extended_hours    L           -            -    -    -    -
2026-06 crypto            -           M,L,SL       M,L  -    -    -
2026-06 option            M,L,S,SL    M,L,S,SL     -    -    -    -
2026-06 over_the_counter  M,L,S,SL    M,L,S,SL     -    -    -    -
"""
VENUES = {"paper": PAPER, "2026-01": ALPACA_2026_01, "2026-06": ALPACA_2026_06}
ASKED: dict[str, tuple[dict[str, Any], Market]] = {
    "whole": ({}, SHARES),
    "fractional": ({"quantity": D("1.5")}, replace(SHARES, is_fractionable=True)),
    "extended_hours": ({"extended_hours": True}, SHARES),
    "crypto": ({"quantity": D("0.5")}, COINS),
    "option": ({"quantity": D(2)}, replace(SHARES, asset_class=AssetClass.OPTION)),
    "over_the_counter": ({}, replace(SHARES, is_over_the_counter=True)),
}
NOT_TAKEN = {"time_in_force_for_type", "time_in_force_at_venue", "type_at_venue", "extended_hours_for_type"}


def cells() -> list[tuple[str, str, OrderType, TimeInForce, bool]]:
    heading, *lines = GRID.strip().splitlines()
    return [
        (venue, profile, order_type, TimeInForce(time), letter in taken.split(","))
        for venue, profile, *columns in (line.split() for line in lines)
        for time, taken in zip(heading.split(), columns, strict=True)
        for letter, order_type in LETTERS.items()
    ]


CELLS = cells()


def test_the_grid_is_whole() -> None:
    # 3 venues x 6 profiles x 5 types x 6 times in force
    assert len({cell[:4] for cell in CELLS}) == len(CELLS) == 540
    assert {profile for _, profile, *_ in CELLS} == {profile.value for profile in Profile}


@pytest.mark.parametrize(("venue", "profile", "order_type", "time", "is_taken"), CELLS, ids=str)
def test_a_type_is_taken_with_a_time_in_force_where_the_grid_says(
    venue: str, profile: str, order_type: OrderType, time: TimeInForce, is_taken: bool
) -> None:
    fields, market = ASKED[profile]
    for side in Side:
        asked = ticket(order_type, time, side=side, **fields)
        assert profile_of(asked, market).value == profile

        found = codes(asked, market, VENUES[venue])

        assert (found == []) is is_taken
        assert set(found) <= NOT_TAKEN


# --- prices by type ------------------------------------------------------------------------------

# Needed (+) or not allowed (-): limit price, stop price, trail.
NEEDS = {MARKET: "---", LIMIT: "+--", STOP: "-+-", STOP_LIMIT: "++-", TRAILING: "--+"}


@pytest.mark.parametrize("order_type", OrderType)
@pytest.mark.parametrize("given", list(product([False, True], repeat=4)), ids=str)
def test_each_type_has_its_prices_and_no_others(order_type: OrderType, given: tuple[bool, ...]) -> None:
    has_limit, has_stop, has_trail_price, has_trail_ratio = given
    limit, stop, trail = NEEDS[order_type]
    wanted = set()
    if has_limit != (limit == "+"):
        wanted.add(("/limit_price", "limit_price_forbidden" if has_limit else "limit_price_required"))
    if has_stop != (stop == "+"):
        wanted.add(("/stop_price", "stop_price_forbidden" if has_stop else "stop_price_required"))
    if trail == "+" and not has_trail_price and not has_trail_ratio:
        wanted.add(("/trail_price", "trail_required"))
    if trail == "-" and has_trail_price:
        wanted.add(("/trail_price", "trail_forbidden"))
    if trail == "-" and has_trail_ratio:
        wanted.add(("/trail_ratio", "trail_forbidden"))
    if has_trail_price and has_trail_ratio:
        wanted.add(("/trail_ratio", "trail_twice"))

    asked = Ticket(
        side=BUY,
        type=order_type,
        time_in_force=DAY,
        quantity=D(10),
        limit_price=D(100) if has_limit else None,
        stop_price=D(100) if has_stop else None,
        trail_price=D(2) if has_trail_price else None,
        trail_ratio=D("0.05") if has_trail_ratio else None,
    )

    assert {(each.pointer, each.code) for each in violations(asked, SHARES)} == wanted


# --- every rule once -----------------------------------------------------------------------------

EXITS = {"take_profit_limit": D(110), "stop_loss_stop": D(90)}
FREE = Market(asset_class=AssetClass.FUTURE)
OPTIONS = Market(asset_class=AssetClass.OPTION)
SPREAD = {"order_class": MLEG, "legs": ("A", "B")}

CASES: list[tuple[str, str, str, Ticket, Market, Capabilities]] = [
    (
        "not_tradable",
        "/instrument",
        "This cannot be traded itself: choose a fund, a future or an option on it.",
        ticket(),
        Market(asset_class=None),
        PAPER,
    ),
    (
        "instrument_inactive",
        "/instrument",
        "This instrument is suspended or delisted: wait, or choose another.",
        ticket(),
        replace(SHARES, is_active=False),
        PAPER,
    ),
    (
        "size_missing",
        "/quantity",
        "Give a quantity, or an amount of money as notional.",
        ticket(quantity=None),
        SHARES,
        PAPER,
    ),
    (
        "size_twice",
        "/notional",
        "Give a quantity or an amount of money, not both.",
        ticket(notional=D(500)),
        replace(SHARES, is_fractionable=True),
        PAPER,
    ),
    (
        "lot",
        "/quantity",
        "This trades in lots of 100: give 200 / 300.",
        ticket(quantity=D(250)),
        replace(SHARES, lot_size=D(100)),
        PAPER,
    ),
    (
        "fractional",
        "/quantity",
        "This trades in whole units only: give a whole quantity.",
        ticket(quantity=D("1.5")),
        SHARES,
        PAPER,
    ),
    (
        "quantity_decimals",
        "/quantity",
        "Give at most 9 decimals.",
        ticket(MARKET, quantity=D("1.0000000001")),
        replace(SHARES, is_fractionable=True),
        ALPACA_2026_06,
    ),
    (
        "notional_minimum",
        "/notional",
        "Give an amount of at least 1.",
        ticket(MARKET, quantity=None, notional=D("0.99")),
        replace(SHARES, is_fractionable=True),
        ALPACA_2026_06,
    ),
    (
        "limit_price_required",
        "/limit_price",
        "A stop_limit order needs a limit price: give one.",
        ticket(STOP_LIMIT, limit_price=None),
        SHARES,
        PAPER,
    ),
    (
        "limit_price_forbidden",
        "/limit_price",
        "A market order has no limit price: leave it out, or make it a limit order.",
        ticket(MARKET, limit_price=D(100)),
        SHARES,
        PAPER,
    ),
    (
        "stop_price_required",
        "/stop_price",
        "A stop order needs a stop price: give one.",
        ticket(STOP, stop_price=None),
        SHARES,
        PAPER,
    ),
    (
        "stop_price_forbidden",
        "/stop_price",
        "A limit order has no stop price: leave it out, or make it a stop order.",
        ticket(stop_price=D(90)),
        SHARES,
        PAPER,
    ),
    (
        "tick",
        "/trail_price",
        "Prices here move in steps of 0.01: give 0.01 / 0.02.",
        ticket(TRAILING, trail_price=D("0.015")),
        SHARES,
        PAPER,
    ),
    (
        "trail_too_wide",
        "/trail_price",
        "The stop would begin at zero or below: give a distance below the price.",
        ticket(TRAILING, side=Side.SELL, trail_price=D(100)),
        replace(SHARES, last=D(100)),
        PAPER,
    ),
    (
        "trail_required",
        "/trail_price",
        "A trailing stop needs its distance: give a price or a ratio.",
        ticket(TRAILING, trail_price=None),
        SHARES,
        PAPER,
    ),
    (
        "trail_twice",
        "/trail_ratio",
        "Give the distance as a price or as a ratio, not both.",
        ticket(TRAILING, trail_ratio=D("0.05")),
        SHARES,
        PAPER,
    ),
    (
        "trail_forbidden",
        "/trail_price",
        "A limit order does not trail: leave the distance out, or make it a trailing stop.",
        ticket(trail_price=D(2)),
        SHARES,
        PAPER,
    ),
    (
        "trail_forbidden",
        "/trail_ratio",
        "A stop order does not trail: leave the distance out, or make it a trailing stop.",
        ticket(STOP, trail_ratio=D("0.05")),
        SHARES,
        PAPER,
    ),
    (
        "trail_too_wide",
        "/trail_ratio",
        "Give the distance as a fraction below 1: 0.05 is 5%.",
        ticket(TRAILING, trail_price=None, trail_ratio=D(5)),
        SHARES,
        PAPER,
    ),
    (
        "tick",
        "/limit_price",
        "Prices here move in steps of 0.25: give 100 / 100.25.",
        ticket(limit_price=D("100.10")),
        replace(SHARES, tick_size=D("0.25")),
        PAPER,
    ),
    (
        "tick",
        "/stop_price",
        "Prices here move in steps of 0.25: give 0.25.",
        ticket(STOP, stop_price=D("0.10")),
        Market(asset_class=AssetClass.FUTURE, tick_size=D("0.25")),
        PAPER,
    ),
    (
        "tick",
        "/take_profit_limit",
        "Prices here move in steps of 0.01: give 110 / 110.01.",
        ticket(order_class=BRACKET, **EXITS | {"take_profit_limit": D("110.005")}),
        SHARES,
        PAPER,
    ),
    (
        "tick",
        "/stop_loss_stop",
        "Prices here move in steps of 0.01: give 90 / 90.01.",
        ticket(order_class=BRACKET, **EXITS | {"stop_loss_stop": D("90.005")}),
        SHARES,
        PAPER,
    ),
    (
        "tick",
        "/stop_loss_limit",
        "Prices here move in steps of 0.01: give 89 / 89.01.",
        ticket(order_class=BRACKET, stop_loss_limit=D("89.005"), **EXITS),
        SHARES,
        PAPER,
    ),
    *(
        ("decimals", f"/{name}", f"Give at most {most} decimals at this price.", asked, SHARES, PAPER)
        for name, most, asked in [
            ("limit_price", 2, ticket(limit_price=D("1.001"))),
            ("stop_price", 4, ticket(STOP, stop_price=D("0.12345"))),
            ("take_profit_limit", 2, ticket(order_class=BRACKET, **EXITS | {"take_profit_limit": D("110.005")})),
            ("stop_loss_stop", 2, ticket(order_class=BRACKET, **EXITS | {"stop_loss_stop": D("90.005")})),
            ("stop_loss_limit", 2, ticket(order_class=BRACKET, stop_loss_limit=D("89.005"), **EXITS)),
        ]
    ),
    *(
        ("price_band", f"/{name}", "Give a price from 1 to 1000.", asked, SHARES, PAPER)
        for name, asked in [
            ("limit_price", ticket(limit_price=D("1000.01"))),
            ("stop_price", ticket(STOP, stop_price=D("0.99"))),
            ("take_profit_limit", ticket(order_class=BRACKET, **EXITS | {"take_profit_limit": D(1001)})),
            ("stop_loss_stop", ticket(order_class=BRACKET, **EXITS | {"stop_loss_stop": D("0.5")})),
            ("stop_loss_limit", ticket(order_class=BRACKET, stop_loss_limit=D("0.5"), **EXITS)),
        ]
    ),
    (
        "time_in_force_for_type",
        "/time_in_force",
        "A stop order waits for its price: give day / gtc.",
        ticket(STOP, IOC),
        SHARES,
        PAPER,
    ),
    (
        "type_at_venue",
        "/type",
        "For crypto orders this venue takes no stop: give market / limit / stop_limit.",
        ticket(STOP, GTC),
        COINS,
        ALPACA_2026_06,
    ),
    (
        "time_in_force_at_venue",
        "/time_in_force",
        "For crypto orders this venue takes limit with other times in force: give gtc / ioc.",
        ticket(LIMIT, DAY),
        COINS,
        ALPACA_2026_06,
    ),
    (
        "extended_hours_for_type",
        "/extended_hours",
        "Outside of regular hours only limit orders for the day work: make it one, or leave this out.",
        ticket(MARKET, extended_hours=True),
        SHARES,
        PAPER,
    ),
    (
        "extended_hours_for_asset",
        "/extended_hours",
        "This has no extended hours: leave them out.",
        ticket(LIMIT, GTC, extended_hours=True),
        COINS,
        PAPER,
    ),
    (
        "position_intent_side",
        "/position_intent",
        "The intent contradicts the side: give the one that begins with it.",
        ticket(position_intent=PositionIntent.SELL_TO_CLOSE),
        SHARES,
        PAPER,
    ),
    (
        "short_impossible",
        "/position_intent",
        "This cannot be sold short: sell what is held, in whole units where it has them.",
        ticket(LIMIT, GTC, side=SELL, position_intent=PositionIntent.SELL_TO_OPEN),
        COINS,
        PAPER,
    ),
    (
        "exits_need_class",
        "/order_class",
        "Only a bracket, OCO or OTO order brings exits: choose one, or leave them out.",
        ticket(stop_loss_stop=D(90)),
        SHARES,
        PAPER,
    ),
    (
        "take_profit_required",
        "/take_profit_limit",
        "It needs a target: give its limit, or choose OTO for one exit alone.",
        ticket(order_class=BRACKET, stop_loss_stop=D(90)),
        SHARES,
        PAPER,
    ),
    (
        "stop_loss_required",
        "/stop_loss_stop",
        "It needs a stop: give its price, or choose OTO for one exit alone.",
        ticket(order_class=BRACKET, take_profit_limit=D(110)),
        SHARES,
        PAPER,
    ),
    (
        "exit_required",
        "/stop_loss_stop",
        "An OTO order brings an exit: give a stop or a target.",
        ticket(order_class=OTO),
        SHARES,
        PAPER,
    ),
    (
        "stop_loss_stop_required",
        "/stop_loss_stop",
        "The limit of a stop works only with the stop: give its price.",
        ticket(order_class=OTO, take_profit_limit=D(110), stop_loss_limit=D(89)),
        SHARES,
        PAPER,
    ),
    (
        "exits_crossed",
        "/take_profit_limit",
        "The target lies on the wrong side of the stop: swap the two.",
        ticket(order_class=BRACKET, side=SELL, **EXITS),
        SHARES,
        PAPER,
    ),
    (
        "stop_loss_too_near",
        "/stop_loss_stop",
        "Give a stop of at most 99.99.",
        ticket(order_class=BRACKET, take_profit_limit=D(110), stop_loss_stop=D(100)),
        SHARES,
        PAPER,
    ),
    (
        "stop_loss_too_near",
        "/stop_loss_stop",
        "Give a stop of at least 103.01.",
        ticket(order_class=BRACKET, side=SELL, take_profit_limit=D(90), stop_loss_stop=D(102)),
        replace(SHARES, last=D(103)),
        PAPER,
    ),
    (
        "class_time_in_force",
        "/time_in_force",
        "An order with exits has to last: give day / gtc.",
        ticket(LIMIT, IOC, order_class=BRACKET, **EXITS),
        SHARES,
        PAPER,
    ),
    (
        "class_extended_hours",
        "/extended_hours",
        "An order with exits works in regular hours only: leave this out.",
        ticket(order_class=BRACKET, extended_hours=True, **EXITS),
        SHARES,
        PAPER,
    ),
    (
        "class_at_venue",
        "/order_class",
        "For crypto orders this venue takes no exits along: place them once this is filled.",
        ticket(LIMIT, GTC, order_class=BRACKET, **EXITS),
        COINS,
        ALPACA_2026_06,
    ),
    (
        "trailing_alone",
        "/order_class",
        "A trailing stop stands alone: choose the class simple.",
        ticket(TRAILING, order_class=OTO, take_profit_limit=D(110)),
        SHARES,
        PAPER,
    ),
    (
        "oco_type",
        "/type",
        "An OCO order is a target and a stop: give the type limit.",
        ticket(MARKET, order_class=OCO, side=SELL, **EXITS),
        SHARES,
        PAPER,
    ),
    (
        "oco_limit",
        "/limit_price",
        "The limit of an OCO order is its target: give the same price, or leave it out.",
        ticket(order_class=OCO, side=SELL, **EXITS),
        SHARES,
        PAPER,
    ),
    (
        "oco_opens",
        "/position_intent",
        "An OCO order only gets out: place a bracket to get in.",
        ticket(
            order_class=OCO,
            side=SELL,
            limit_price=D(110),
            position_intent=PositionIntent.SELL_TO_OPEN,
            **EXITS,
        ),
        SHARES,
        PAPER,
    ),
    (
        "legs_need_class",
        "/legs",
        "Only an order of the class mleg has legs: choose it, or leave them out.",
        ticket(legs=("A", "B")),
        OPTIONS,
        PAPER,
    ),
    ("legs_count", "/legs", "Give two to four legs.", ticket(order_class=MLEG, legs=("A",)), OPTIONS, PAPER),
    (
        "legs_twice",
        "/legs",
        "Two legs have the same symbol: make them one.",
        ticket(order_class=MLEG, legs=("A", "B", "A")),
        OPTIONS,
        PAPER,
    ),
    (
        "mleg_quantity",
        "/quantity",
        "An order with several legs needs a quantity: give one.",
        ticket(quantity=None, **SPREAD),
        OPTIONS,
        PAPER,
    ),
    (
        "mleg_type",
        "/type",
        "An order with several legs is a market or a limit order: choose one of them.",
        ticket(STOP, **SPREAD),
        OPTIONS,
        PAPER,
    ),
]


@pytest.mark.parametrize(
    ("code", "pointer", "message", "asked", "market", "venue"), CASES, ids=[f"{case[0]}{case[1]}" for case in CASES]
)
def test_a_broken_rule_names_the_field_and_what_to_do(
    code: str, pointer: str, message: str, asked: Ticket, market: Market, venue: Capabilities
) -> None:
    found = violations(asked, market, venue=venue)

    assert (code, pointer, message) in [(each.code, each.pointer, each.message) for each in found]


def test_every_rule_has_a_case() -> None:
    assert {case[:2] for case in CASES} == {(rule.code, rule.pointer) for rule in RULES}


# --- what is valid, and where the bounds are -------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "market"),
    [
        (ticket(limit_price=D(1)), SHARES),
        (ticket(limit_price=D(1000)), SHARES),
        (ticket(limit_price=D("100.10")), SHARES),
        (ticket(limit_price=D("100.1000")), SHARES),
        (ticket(limit_price=D("0.1234")), Market(asset_class=AssetClass.EQUITY)),
        (ticket(limit_price=D("4500.125")), FREE),
        (ticket(quantity=D("1.00")), SHARES),
        (ticket(quantity=D(300)), replace(SHARES, lot_size=D(100))),
        (ticket(quantity=D("0.03")), Market(asset_class=AssetClass.FOREX, lot_size=D("0.01"))),
        (ticket(TRAILING, trail_price=None, trail_ratio=D("0.999")), SHARES),
        (ticket(MARKET, quantity=None, notional=D(500)), replace(SHARES, is_fractionable=True)),
        (ticket(LIMIT, GTC, quantity=None, notional=D(500)), COINS),
        (ticket(side=SELL, position_intent=PositionIntent.SELL_TO_OPEN), SHARES),
        (ticket(order_class=BRACKET, **EXITS), SHARES),
        (ticket(order_class=BRACKET, stop_loss_limit=D(89), **EXITS), SHARES),
        (ticket(order_class=BRACKET, take_profit_limit=D(110), stop_loss_stop=D("99.99")), SHARES),
        (ticket(MARKET, order_class=BRACKET, **EXITS), SHARES),
        (ticket(order_class=BRACKET, side=SELL, take_profit_limit=D(90), stop_loss_stop=D(110)), SHARES),
        (ticket(order_class=OTO, stop_loss_stop=D(90)), SHARES),
        (ticket(order_class=OTO, take_profit_limit=D(110)), SHARES),
        (ticket(order_class=OCO, side=SELL, limit_price=None, **EXITS), SHARES),
        (ticket(order_class=OCO, side=SELL, limit_price=D(110), **EXITS), SHARES),
        (
            ticket(order_class=OCO, limit_price=None, take_profit_limit=D(90), stop_loss_stop=D(110)),
            replace(SHARES, last=D(100)),
        ),
        (ticket(**SPREAD), OPTIONS),
        (ticket(order_class=MLEG, legs=("A", "B", "C", "D")), OPTIONS),
    ],
)
def test_a_sound_order_breaks_no_rule(asked: Ticket, market: Market) -> None:
    assert violations(asked, market) == []


@pytest.mark.parametrize(
    "name",
    [
        "quantity",
        "notional",
        "limit_price",
        "stop_price",
        "trail_price",
        "trail_ratio",
        "take_profit_limit",
        "stop_loss_stop",
        "stop_loss_limit",
    ],
)
@pytest.mark.parametrize("number", ["0", "-1", "NaN", "sNaN", "Infinity"])
def test_what_is_no_number_above_zero_is_told_and_not_measured(name: str, number: str) -> None:
    found = violations(replace(ticket(MARKET), **{name: D(number)}), SHARES)

    assert [(each.code, each.pointer) for each in found] == [("not_positive", f"/{name}")]
    assert found[0].message == "Give a number above zero."


def test_every_broken_rule_is_told_in_the_order_of_the_table() -> None:
    asked = ticket(
        MARKET,
        quantity=D("1.5"),
        limit_price=D("1000.005"),
        trail_ratio=D(2),
        side=SELL,
        position_intent=PositionIntent.BUY_TO_OPEN,
        stop_loss_stop=D(90),
        legs=("A",),
    )

    assert codes(asked) == [
        "fractional",
        "limit_price_forbidden",
        "trail_forbidden",
        "trail_too_wide",
        "tick",
        "decimals",
        "price_band",
        "position_intent_side",
        "exits_need_class",
        "legs_need_class",
    ]


def test_options_have_whole_contracts_and_no_amounts_of_money() -> None:
    assert codes(ticket(quantity=D("1.5")), replace(OPTIONS, is_fractionable=True)) == ["fractional"]
    assert codes(ticket(quantity=None, notional=D(500)), OPTIONS) == ["fractional"]


def test_parts_of_units_are_not_sold_short() -> None:
    asked = ticket(side=SELL, quantity=D("1.5"), position_intent=PositionIntent.SELL_TO_OPEN)

    assert codes(asked, replace(SHARES, is_fractionable=True)) == ["short_impossible"]


def test_a_bound_that_is_missing_is_open() -> None:
    found = violations(ticket(limit_price=D("0.5")), replace(SHARES, max_price=None))

    assert [each.message for each in found] == ["Give a price from 1 to ∞."]


def test_a_violation_is_said_in_the_language_of_whoever_reads_it() -> None:
    (found,) = violations(ticket(limit_price=D("1000.01")), SHARES)

    with translation.override("fr"):
        assert found.said(translation.gettext) == "Donnez un prix de 1 à 1000."
    assert found.message == "Give a price from 1 to 1000."
