"""Every reason against an order in its account, with what would be right."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from trading.order_rules.pretrade import Account, Decision, Effect, Limits, RiskState, Terms, decide, effect
from trading.order_rules.reservations import Held
from trading.order_rules.ticket import Market, Ticket
from trading.order_rules.vocabulary import AssetClass, OrderClass, OrderType, PositionIntent, Side, TimeInForce

D = Decimal
BUY, SELL = Side.BUY, Side.SELL
SHARES = Market(asset_class=AssetClass.EQUITY, tick_size=D("0.01"), lot_size=D(1), last=D(100))
OPTIONS = Market(asset_class=AssetClass.OPTION)
FUTURES = Market(asset_class=AssetClass.FUTURE, tick_size=D("0.25"))
RICH = Account(available=D(10000))
LONG = replace(RICH, position=D(10), closable=D(10))
SHORT = replace(RICH, position=D(-10), closable=D(10), allows_short=True)
PRICED = Terms(ask=D(100))


def limit(quantity: str = "10", price: str = "100", side: Side = BUY, **fields: Any) -> Ticket:
    return Ticket(
        side=side,
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.DAY,
        quantity=D(quantity),
        limit_price=D(price),
        **fields,
    )


def market(quantity: str = "10", side: Side = BUY, **fields: Any) -> Ticket:
    return Ticket(side=side, type=OrderType.MARKET, time_in_force=TimeInForce.DAY, quantity=D(quantity), **fields)


def told(decision: Decision) -> list[tuple[str, str, str]]:
    return [(each.code, each.pointer, each.message) for each in decision.reasons]


def codes(
    ticket: Ticket, account: Account = RICH, terms: Terms = PRICED, on: Market = SHARES, **kind: Any
) -> list[str]:
    return [each.code for each in decide(ticket, on, account, terms, **kind).reasons]


def test_an_order_within_its_means_is_allowed_and_says_what_it_sets_aside() -> None:
    decision = decide(limit(), SHARES, RICH, PRICED)

    assert decision.is_allowed
    assert decision.hold is not None
    assert (decision.hold.held, decision.hold.funds) == (Held.FUNDS, D(1000))


def test_a_market_order_beyond_the_funds_says_how_many_units_would_do() -> None:
    # 1,000 x 1 x 1.02 = 1,020 of 500; 500 / 1.02 = 490.19...
    decision = decide(market("1000"), SHARES, Account(available=D(500)), Terms(ask=D(1)))

    assert told(decision) == [
        (
            "insufficient_funds",
            "/quantity",
            "This sets aside 1020, and 500 is available: reduce it to 490, or deposit money.",
        )
    ]


def test_the_last_cent_is_enough() -> None:
    assert codes(limit("100", "50"), Account(available=D(5000))) == []
    assert codes(limit("100", "50"), Account(available=D("4999.99"))) == ["insufficient_funds"]


def test_a_price_far_from_the_last_one_is_told_with_the_valid_band() -> None:
    account = replace(RICH, limits=Limits(band=D("0.05")))

    decision = decide(limit(price="50"), SHARES, account, PRICED)

    assert told(decision) == [("price_far", "/limit_price", "Give a price from 95 to 105.")]
    assert codes(limit("1", "95"), account) == codes(limit("1", "105"), account) == []
    assert codes(limit("1", "94.99"), account) == codes(limit("1", "105.01"), account) == ["price_far"]


def test_the_band_is_rounded_inwards_to_the_tick_and_off_without_a_fresh_price() -> None:
    account = replace(RICH, limits=Limits(band=D("0.05")))

    # 33.33 x 0.95 = 31.6635 and x 1.05 = 34.9965
    decision = decide(limit(price="50"), replace(SHARES, last=D("33.33")), account, PRICED)

    assert told(decision)[0][2] == "Give a price from 31.67 to 34.99."
    assert codes(limit(price="50"), account, on=replace(SHARES, last=None)) == []


@pytest.mark.parametrize(
    ("ticket", "position", "expected"),
    [
        (limit(side=BUY), D(0), Effect.OPENS),
        (limit(side=BUY), D(5), Effect.OPENS),
        (limit(side=SELL), D(0), Effect.OPENS),
        (limit(side=SELL), D(-5), Effect.OPENS),
        (limit(side=SELL), D(10), Effect.CLOSES),
        (limit(side=BUY), D(-10), Effect.CLOSES),
        (limit(side=SELL), D(9), Effect.CROSSES),
        (limit(side=BUY), D(-9), Effect.CROSSES),
        (limit(side=SELL, position_intent=PositionIntent.SELL_TO_OPEN), D(10), Effect.OPENS),
        (limit(side=SELL, position_intent=PositionIntent.SELL_TO_CLOSE), D(0), Effect.CLOSES),
    ],
)
def test_what_an_order_does_follows_from_its_intent_else_from_the_position(
    ticket: Ticket, position: Decimal, expected: Effect
) -> None:
    assert effect(ticket, position) is expected


def test_one_order_does_not_turn_a_position_round() -> None:
    decision = decide(limit("15", side=SELL), SHARES, LONG, PRICED)

    assert told(decision) == [
        (
            "crosses_zero",
            "/quantity",
            "This would turn the position round: close 10 first, and place the rest as an order of its own.",
        )
    ]


def test_units_promised_to_open_orders_cannot_be_sold_again() -> None:
    decision = decide(limit("10", side=SELL), SHARES, replace(LONG, closable=D(4)), PRICED)

    assert told(decision) == [
        (
            "insufficient_holdings",
            "/quantity",
            "At most 4 can be closed now: reduce the quantity, or cancel the orders that wait for the rest.",
        )
    ]
    assert codes(limit("10", side=SELL), LONG) == []
    assert codes(limit("10"), replace(SHORT, closable=D(4))) == ["insufficient_holdings"]


NAMED = replace(RICH, allows_short=True)


@pytest.mark.parametrize("position", ["0", "10", "0.5"])
@pytest.mark.parametrize("state", RiskState)
def test_what_says_that_it_closes_is_refused_where_there_is_nothing_that_it_could_close(
    position: str, state: RiskState
) -> None:
    # Long 10 is not closed by buying, nor short 10 by selling: that is the only reason, whatever else is asked.
    for side, intent, sign in ((BUY, PositionIntent.BUY_TO_CLOSE, 1), (SELL, PositionIntent.SELL_TO_CLOSE, -1)):
        account = replace(NAMED, position=sign * D(position), closable=D(position), risk=state, limits=Limits(D(5)))
        decision = decide(market(side=side, position_intent=intent), SHARES, account, PRICED)

        assert told(decision) == [
            (
                "insufficient_holdings",
                "/position_intent",
                "There is nothing here that this could close: to open a position, leave out that it closes.",
            )
        ]
        assert decision.hold is None


@pytest.mark.parametrize("state", RiskState)
def test_what_truly_closes_is_let_through_whatever_its_size_is_limited_to(state: RiskState) -> None:
    for side, intent, sign in ((BUY, PositionIntent.BUY_TO_CLOSE, -1), (SELL, PositionIntent.SELL_TO_CLOSE, 1)):
        account = replace(NAMED, position=sign * D(10), closable=D(10), risk=state, limits=Limits(D(5)))

        def asked(quantity: str, side: Side = side, intent: PositionIntent = intent) -> Ticket:
            return market(quantity, side, position_intent=intent)

        assert codes(asked("10"), account) == []
        assert codes(asked("11"), account) == ["insufficient_holdings"]


def test_an_amount_of_money_does_not_say_how_much_of_a_short_position_it_closes() -> None:
    ticket = Ticket(BUY, OrderType.MARKET, TimeInForce.DAY, notional=D(5000))

    assert told(decide(ticket, SHARES, replace(SHORT, risk=RiskState.REDUCING), PRICED)) == [
        (
            "insufficient_holdings",
            "/notional",
            "An amount of money does not say how much of the position it closes: give a quantity.",
        )
    ]


def test_a_sale_of_what_is_held_sets_units_aside() -> None:
    hold = decide(limit("10", side=SELL), SHARES, replace(LONG, available=D(0)), PRICED).hold

    assert hold is not None
    assert (hold.held, hold.funds, hold.units) == (Held.HOLDINGS, D(0), D(10))


@pytest.mark.parametrize("available", ["20000", "0", "-20"])
def test_getting_out_sets_units_aside_and_is_never_refused_for_lack_of_funds_or_of_a_price(available: str) -> None:
    # At 110 the shorts would cost 1,100, at a stop of 111 with its cap 1,137.75: what is not there is owed.
    stop = Ticket(BUY, OrderType.STOP, TimeInForce.DAY, quantity=D(10), stop_price=D(111))
    for asked in (market(), limit("10", "110"), stop, oco(BUY, "90", "110")):
        decision = decide(asked, SHARES, replace(SHORT, available=D(available)), Terms())
        assert decision.is_allowed, decision.reasons
        assert decision.hold is not None
        assert (decision.hold.held, decision.hold.funds, decision.hold.units) == (Held.HOLDINGS, D(0), D(10))
    assert codes(market(side=SELL), replace(LONG, available=D(available)), Terms()) == []


def oco(side: Side, target: str, stop: str) -> Ticket:
    kind = {"order_class": OrderClass.OCO, "take_profit_limit": D(target), "stop_loss_stop": D(stop)}
    return Ticket(side, OrderType.LIMIT, TimeInForce.GTC, quantity=D(10), **kind)


@pytest.mark.parametrize("position", ["0", "-10", "10"])
def test_an_oco_only_gets_out_whichever_way_the_position_goes(position: str) -> None:
    account = replace(RICH, position=D(position), closable=abs(D(position)), allows_short=True)
    out = ["oco_opens"]

    assert codes(oco(SELL, "110", "90"), account) == ([] if D(position) > 0 else out)
    assert codes(oco(BUY, "90", "110"), account, Terms()) == ([] if D(position) < 0 else out)


def test_coins_and_parts_of_units_are_never_sold_short_though_no_intent_says_so() -> None:
    coins = Market(asset_class=AssetClass.CRYPTO, is_fractionable=True, lot_size=None)
    parts = replace(SHARES, is_fractionable=True)
    lends = replace(RICH, allows_short=True)
    words = "This cannot be sold short: sell what is held, in whole units where it has them."

    for asked, on in ((market("1", SELL), coins), (market("0.5", SELL), parts)):
        assert told(decide(asked, on, lends, PRICED)) == [("short_impossible", "/side", words)]
        assert codes(asked, RICH, on=on) == ["short_not_allowed"]
        assert codes(asked, LONG, on=on) == []
    assert codes(market("1", SELL), lends, on=parts) == []


def test_short_sales_are_for_accounts_that_allow_them() -> None:
    decision = decide(limit(side=SELL), SHARES, RICH, PRICED)

    assert told(decision) == [
        ("short_not_allowed", "/side", "This account sells only what it holds, which is nothing here.")
    ]
    allowed = decide(limit(side=SELL), SHARES, replace(RICH, allows_short=True), PRICED)
    # 10 x 1.03 x 100
    assert allowed.hold is not None
    assert (allowed.is_allowed, allowed.hold.funds) == (True, D(1030))


def test_written_options_are_covered_and_are_no_short_sales() -> None:
    put = limit("2", "1.50", SELL, position_intent=PositionIntent.SELL_TO_OPEN)
    terms = Terms(multiplier=D(100), strike=D(45))
    decision = decide(put, OPTIONS, RICH, terms)
    assert decision.hold is not None
    assert (decision.is_allowed, decision.hold.funds) == (True, D(9000))
    assert codes(put, replace(RICH, available=D(8999)), terms, OPTIONS) == ["insufficient_funds"]
    assert codes(put, RICH, replace(terms, strike=None), OPTIONS) == ["no_reference"]

    call = decide(put, OPTIONS, replace(RICH, underlying=D(150)), replace(terms, is_call=True))
    assert told(call) == [
        (
            "insufficient_underlying",
            "/quantity",
            "This call needs 200 of its underlying, and 150 are free: reduce the quantity.",
        )
    ]
    assert codes(put, replace(RICH, underlying=D(200)), replace(terms, is_call=True), OPTIONS) == []


def test_margined_contracts_set_their_margin_aside_either_way_and_none_to_close() -> None:
    terms = Terms(margin=D(1500), multiplier=D(50), fees=D("4.50"))

    for side in Side:
        opened = decide(limit("2", "4500", side), FUTURES, RICH, terms)
        assert opened.hold is not None
        assert (opened.is_allowed, opened.hold.funds) == (True, D("3004.50"))
    closing = decide(limit("2", "4500", SELL), FUTURES, replace(LONG, available=D(0)), terms)
    assert closing.is_allowed
    assert closing.hold is not None
    assert closing.hold.funds == 0


@pytest.mark.parametrize(
    ("account", "code", "pointer", "message"),
    [
        (
            replace(RICH, client_is_active=False),
            "client_inactive",
            "",
            "This person may not open positions: have the client activated.",
        ),
        (
            replace(RICH, account_is_active=False),
            "account_inactive",
            "/account",
            "This account is suspended or closed: choose an active one.",
        ),
        (
            replace(RICH, risk=RiskState.REDUCING),
            "breaker_reducing",
            "",
            "The circuit breaker is on and only exits run: close a position, or have it reset.",
        ),
        (
            replace(RICH, risk=RiskState.HALTED),
            "breaker_halted",
            "",
            "Trading is halted but for exits: have it resumed first.",
        ),
        (
            replace(RICH, limits=Limits(quantity=D(9))),
            "limit_quantity",
            "/quantity",
            "Give a quantity of at most 9.",
        ),
        (
            replace(RICH, limits=Limits(notional=D("999.99"))),
            "limit_notional",
            "/quantity",
            "This is worth 1000: reduce it to at most 999.99.",
        ),
    ],
)
def test_a_reason_against_new_exposure_is_told_and_stops_no_exit(
    account: Account, code: str, pointer: str, message: str
) -> None:
    holding = replace(account, position=D(10), closable=D(10))

    assert told(decide(limit(), SHARES, account, PRICED)) == [(code, pointer, message)]
    assert codes(limit(side=SELL), holding) == []
    assert codes(market(side=SELL), holding, Terms()) == []


def test_halted_stops_what_opens_and_nothing_that_gets_out() -> None:
    halted = replace(LONG, risk=RiskState.HALTED)

    assert codes(limit(), halted) == ["breaker_halted"]
    assert codes(limit(side=SELL), halted) == []
    assert codes(limit(side=SELL), replace(LONG, risk=RiskState.REDUCING)) == []


def test_without_a_fresh_price_a_market_order_is_told_to_wait() -> None:
    decision = decide(market(), SHARES, RICH, Terms())

    assert told(decision) == [
        ("no_reference", "/type", "There is no fresh price to reserve by: give a limit, or wait for one.")
    ]
    assert decision.hold is None


@pytest.mark.parametrize(
    ("fields", "funds"),
    [
        # ask 100: the stop begins at 102, or at 105; x 1.025 x 10
        ({"trail_price": D(2)}, "1045.5"),
        ({"trail_ratio": D("0.05")}, "1076.25"),
    ],
)
def test_a_trailing_stop_to_buy_is_reserved_from_where_it_begins(fields: dict[str, Decimal], funds: str) -> None:
    ticket = Ticket(BUY, OrderType.TRAILING_STOP, TimeInForce.DAY, quantity=D(10), **fields)
    hold = decide(ticket, SHARES, RICH, PRICED).hold

    assert hold is not None
    assert hold.funds == D(funds)


def test_an_order_for_money_is_held_to_the_money() -> None:
    ticket = Ticket(BUY, OrderType.MARKET, TimeInForce.DAY, notional=D(500))

    assert codes(ticket, Account(available=D(501)), Terms(fees=D(1))) == []
    assert told(decide(ticket, SHARES, Account(available=D(300)), Terms(fees=D(1)))) == [
        (
            "insufficient_funds",
            "/notional",
            "This sets aside 501, and 300 is available: reduce it to 299, or deposit money.",
        )
    ]
    assert codes(replace(ticket, side=SELL), LONG) == ["no_reference"]
    limited = replace(RICH, limits=Limits(notional=D(499)))
    assert codes(ticket, limited) == ["limit_notional"]


def test_what_has_expired_can_be_closed_and_not_opened() -> None:
    over = replace(SHARES, has_expired=True)

    assert told(decide(limit(), over, RICH, PRICED)) == [
        (
            "instrument_expired",
            "/instrument",
            "This contract has expired and can only be closed: choose one that still runs.",
        )
    ]
    assert codes(limit(side=SELL), replace(RICH, position=D(10), closable=D(10)), on=over) == []
    assert codes(limit(), replace(RICH, position=D(-10), closable=D(10)), on=over) == []


def test_all_reasons_are_told_at_once() -> None:
    account = Account(
        available=D(10),
        client_is_active=False,
        account_is_active=False,
        risk=RiskState.HALTED,
        limits=Limits(quantity=D(5), notional=D(100), band=D("0.05")),
    )

    assert codes(limit(price="50", side=SELL), account) == [
        "client_inactive",
        "account_inactive",
        "breaker_halted",
        "short_not_allowed",
        "limit_quantity",
        "limit_notional",
        "price_far",
        "insufficient_funds",
    ]
