"""What a market makes of paper orders: price before time, the price of who waited, never more than was set aside."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.decimals import plain
from trading.order_rules.ticket import Ticket
from trading.order_rules.vocabulary import OrderType, Side, TimeInForce
from trading.paper_fills import Offer, PaperTerms, Range, Working, estimated_fees, matched, matched_in

D = Decimal
FREE = PaperTerms()


def order(key: int, side: str, quantity: str | None, kind: str = "limit", **fields: Any) -> Working:
    numbers = {name: D(value) if isinstance(value, str) and name != "tif" else value for name, value in fields.items()}
    in_force = TimeInForce(numbers.pop("tif", TimeInForce.GTC))
    return Working(
        key=key,
        owner=numbers.pop("owner", key),
        side=Side(side),
        type=OrderType(kind),
        time_in_force=in_force,
        leaves=None if quantity is None else D(quantity),
        **numbers,
    )


def told(result: Any) -> list[tuple[int, str, str]]:
    return [(fill.key, plain(fill.quantity), plain(fill.price)) for fill in result.fills]


def offer(bid: str, ask: str, bid_size: str | None = None, ask_size: str | None = None) -> Offer:
    return Offer(D(bid), D(ask), bid_size and D(bid_size), ask_size and D(ask_size))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("asked", "quote", "fills", "given_up"),
    [
        # What comes pays the offer, and so does what waited: the better of its limit and the offer.
        (order(1, "buy", "10", "market"), offer("99", "100"), [(1, "10", "100")], []),
        (order(1, "buy", "10", limit="101"), offer("99", "100"), [(1, "10", "100")], []),
        (order(1, "buy", "10", limit="101", is_resting=True), offer("99", "100"), [(1, "10", "100")], []),
        (order(1, "buy", "10", limit="100", is_resting=True), offer("99", "100"), [(1, "10", "100")], []),
        (order(1, "sell", "10", limit="98", is_resting=True), offer("99", "100"), [(1, "10", "99")], []),
        (order(1, "buy", "10", limit="99.99"), offer("99", "100"), [], []),
        # Only as much as is offered; the rest waits, or is given up where it had to be at once.
        (order(1, "buy", "10", limit="100"), offer("99", "100", ask_size="4"), [(1, "4", "100")], []),
        (order(1, "buy", "10", limit="100", tif="ioc"), offer("99", "100", ask_size="4"), [(1, "4", "100")], [1]),
        (order(1, "buy", "10", limit="100", tif="fok"), offer("99", "100", ask_size="4"), [], [1]),
        (order(1, "buy", "4", limit="100", tif="fok"), offer("99", "100", ask_size="4"), [(1, "4", "100")], []),
        (order(1, "buy", "10", "market", tif="ioc"), Offer(None, None), [], [1]),
        # A stop waits until it is touched, the price itself included, and then executes at the market.
        (order(1, "sell", "10", "stop", stop="95"), offer("95.01", "96"), [], []),
        (order(1, "sell", "10", "stop", stop="95"), offer("95", "96"), [(1, "10", "95")], []),
        (order(1, "sell", "10", "stop", stop="95"), offer("90", "91"), [(1, "10", "90")], []),
        (order(1, "sell", "10", "stop_limit", stop="95", limit="94"), offer("90", "91"), [], []),
        (order(1, "sell", "10", "stop_limit", stop="95", limit="94"), offer("94.5", "95"), [(1, "10", "94.5")], []),
        # Never beyond what was set aside for it.
        (order(1, "buy", "10", "market", cap="102"), offer("102", "102.01"), [], []),
        (order(1, "buy", "10", "stop", stop="100", cap="102.5"), offer("102", "103"), [], []),
        # An amount of money buys whole lots, once.
        (order(1, "buy", None, "market", money="1050", lot="1"), offer("99", "100"), [(1, "10", "100")], []),
    ],
)
def test_one_order_meets_a_quote(asked: Working, quote: Offer, fills: list[Any], given_up: list[int]) -> None:
    result = matched([asked], quote, FREE)

    assert (told(result), result.given_up) == (fills, given_up)


def test_a_trailing_stop_follows_and_never_goes_back() -> None:
    asked = order(1, "sell", "10", "trailing_stop", trail_ratio="0.10")
    bids = ["100", "102", "101", "110", "105", "99"]

    stops, fills = [], []
    for bid in bids:
        fills += told(matched([asked], offer(bid, "200"), FREE))
        stops.append(asked.stop)

    assert stops == [D(90), D("91.8"), D("91.8"), D(99), D(99), D(99)]
    assert fills == [(1, "10", "99")]


def test_orders_of_different_people_meet_by_price_and_then_by_time_at_the_price_of_who_waited() -> None:
    book = [
        order(1, "sell", "5", limit="101", is_resting=True),
        order(2, "sell", "5", limit="100", is_resting=True),
        order(3, "sell", "5", limit="100", is_resting=True),
        order(4, "buy", "12", limit="101"),
    ]

    result = matched(book, None, FREE)

    assert told(result) == [
        (4, "5", "100"), (2, "5", "100"), (4, "5", "100"), (3, "5", "100"), (4, "2", "101"), (1, "2", "101"),
    ]  # fmt: skip
    assert [fill.against for fill in result.fills] == [2, 4, 3, 4, 1, 4]


def test_nobody_trades_with_themselves_and_a_better_offer_goes_first() -> None:
    own = [order(1, "sell", "5", limit="100", is_resting=True, owner=7), order(2, "buy", "5", limit="100", owner=7)]
    assert told(matched(own, None, FREE)) == []

    better = [order(1, "sell", "5", limit="100", is_resting=True), order(2, "buy", "5", limit="100")]
    assert told(matched(better, offer("98", "99"), FREE)) == [(2, "5", "99")]


def _crossed(force: str, quantity: str, *, limit: str = "101") -> list[Working]:
    """100 × 5 is offered, somebody sells 5 at 100.50, and this order comes to buy."""
    sold = order(1, "sell", "5", limit="100.50", is_resting=True)
    return [sold, order(2, "buy", quantity, limit=limit, tif=force)]


@pytest.mark.parametrize(
    ("book", "fills", "given_up"),
    [
        (_crossed("fok", "10"), [(2, "5", "100"), (2, "5", "100.5"), (1, "5", "100.5")], []),
        (_crossed("fok", "10.5"), [], [2]),
        (_crossed("fok", "10", limit="100.40"), [], [2]),
        (_crossed("ioc", "12"), [(2, "5", "100"), (2, "5", "100.5"), (1, "5", "100.5")], [2]),
        (_crossed("gtc", "12"), [(2, "5", "100"), (2, "5", "100.5"), (1, "5", "100.5")], []),
        # What executes of the one exit is gone for the other: together they sell 5, not 10.
        (
            [
                order(1, "sell", "5", limit="101", is_resting=True, group=9, group_leaves="5"),
                order(2, "sell", "5", limit="101", is_resting=True, group=9, group_leaves="5", owner=1),
                order(3, "buy", "15", limit="101", tif="fok"),
            ],
            [],
            [3],
        ),
    ],
)
def test_what_comes_takes_the_offer_and_then_the_book_until_neither_is_left(
    book: list[Working], fills: list[Any], given_up: list[int]
) -> None:
    result = matched(book, offer("99", "100", ask_size="5"), FREE)

    assert (told(result), result.given_up) == (fills, given_up)


def test_of_offer_and_book_the_better_goes_first_and_the_book_goes_on_where_the_offer_ends() -> None:
    book = [
        order(1, "sell", "3", limit="99.80", is_resting=True),
        order(2, "sell", "3", limit="100.20", is_resting=True),
        order(3, "sell", "3", limit="100.30", is_resting=True),
        order(4, "buy", "10", limit="100.30"),
    ]

    result = matched(book, offer("99", "100", ask_size="2"), FREE)

    assert [each for each in told(result) if each[0] == 4] == [
        (4, "3", "99.8"), (4, "2", "100"), (4, "3", "100.2"), (4, "2", "100.3"),
    ]  # fmt: skip


def test_slippage_and_fees_are_against_the_order_and_on_the_tick() -> None:
    terms = PaperTerms(fee_per_order=D("0.5"), fee_per_unit=D("0.01"), fee_ratio=D("0.001"), slippage=D("0.0005"))
    buys = order(1, "buy", "10", "market", tick="0.01")
    sells = order(2, "sell", "10", "market", tick="0.01")

    result = matched([buys, sells], offer("99.99", "100.01"), terms)

    assert told(result) == [(1, "10", "100.07"), (2, "10", "99.94")]
    assert terms.fees(D(10), D("100.07"), D(1), is_first=True) == D("1.60070000")
    assert terms.fees(D(10), D("100.07"), D(1), is_first=False) == D("1.10070000")


def test_what_waited_at_its_limit_slips_no_further_than_the_offer() -> None:
    waits, comes = order(1, "buy", "1", limit="102", is_resting=True), order(2, "buy", "1", limit="102")

    result = matched([waits, comes], offer("99", "100"), PaperTerms(slippage=D("0.01")))

    assert sorted(told(result)) == [(1, "1", "100"), (2, "1", "101")]


def test_of_stop_and_target_in_one_bar_the_stop_is_met() -> None:
    target = order(1, "sell", "10", limit="110", is_resting=True, group=9, group_leaves="10")
    stop = order(2, "sell", "10", "stop", stop="95", is_resting=True, group=9, group_leaves="10")

    result = matched_in([target, stop], Range(D(100), D(111), D(94), D(105)), FREE)

    assert told(result) == [(2, "10", "95")]


@pytest.mark.parametrize(
    ("asked", "fills"),
    [
        (order(1, "buy", "10", limit="99"), [(1, "10", "99")]),
        (order(1, "buy", "10", limit="97"), []),
        (order(1, "buy", "10", limit="105"), [(1, "10", "100")]),
        (order(1, "sell", "10", limit="103"), [(1, "10", "103")]),
        (order(1, "sell", "10", "stop", stop="101"), [(1, "10", "100")]),
        (order(1, "buy", "10", "stop", stop="102"), [(1, "10", "102")]),
        (order(1, "buy", "10", "market"), [(1, "10", "100")]),
    ],
)
def test_a_bar_executes_at_a_price_that_it_had(asked: Working, fills: list[Any]) -> None:
    assert told(matched_in([asked], Range(D(100), D(104), D(98), D(101)), FREE)) == fills


_QUANTITY = st.integers(1, 20).map(D)
_PRICE = st.integers(95, 105).map(D)


@given(
    st.lists(st.tuples(st.sampled_from(["buy", "sell"]), _QUANTITY, _PRICE, st.booleans()), max_size=8),
    _QUANTITY,
    _QUANTITY,
)
def test_no_order_executes_beyond_its_quantity_its_price_or_what_is_offered(
    asked: list[Any], bid_size: Decimal, ask_size: Decimal
) -> None:
    book = [
        order(key, side, str(quantity), limit=str(price), is_resting=waits)
        for key, (side, quantity, price, waits) in enumerate(asked, 1)
    ]
    wanted = {each.key: each.leaves for each in book}
    limits = {each.key: each.limit for each in book}
    sides = {each.key: each.side for each in book}

    result = matched(book, offer("99", "101", str(bid_size), str(ask_size)), FREE)

    for key, quantity in wanted.items():
        assert sum(fill.quantity for fill in result.of(key)) <= quantity  # type: ignore[operator]
    for fill in result.fills:
        limit = limits[fill.key]
        assert fill.price <= limit if sides[fill.key] is Side.BUY else fill.price >= limit  # type: ignore[operator]
    from_offer = [fill for fill in result.fills if fill.against is None]
    assert sum(fill.quantity for fill in from_offer if sides[fill.key] is Side.BUY) <= ask_size
    assert sum(fill.quantity for fill in from_offer if sides[fill.key] is Side.SELL) <= bid_size


def test_an_order_for_an_amount_sets_aside_what_its_units_and_its_value_will_cost() -> None:
    terms = PaperTerms(D(1), D("0.01"), D("0.001"), D(0))
    asked = Ticket(Side.BUY, OrderType.MARKET, TimeInForce.DAY, notional=D(1000))

    # 1, a cent for each of ten units at 100, and a thousandth of 1,000.
    assert estimated_fees(asked, terms, price=D(100), multiplier=D(1)) == D("2.1")
