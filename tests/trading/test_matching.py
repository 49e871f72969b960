"""Round trips by hand-worked numbers, and by an oracle of fractions that matches lot by lot."""

import gc
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal, getcontext, localcontext
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading.matching import CostMethod, Fill, FillPart, RoundTrip, round_trips

D = Decimal
MONDAY = date(2026, 1, 5)
OPEN = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)
FIFO, AVERAGE = CostMethod.FIFO, CostMethod.AVERAGE
BOTH = pytest.mark.parametrize("method", [FIFO, AVERAGE])


def fill(key: int, quantity: str, price: str, fees: str = "0", multiplier: str = "1", day: int = 0) -> Fill:
    """A fill `key` minutes after the open, `day` days after Monday."""
    return Fill(
        key=key,
        at=OPEN + timedelta(days=day, minutes=key),
        day=MONDAY + timedelta(days=day),
        quantity=D(quantity),
        price=D(price),
        fees=D(fees),
        multiplier=D(multiplier),
    )


def trips_of(*fills: Fill, method: CostMethod = FIFO) -> list[RoundTrip]:
    return list(round_trips(fills, method=method))


def only_trip(*fills: Fill, method: CostMethod = FIFO) -> RoundTrip:
    (trip,) = round_trips(fills, method=method)
    return trip


def exits(trip: RoundTrip) -> list[FillPart]:
    return [part for part in trip.parts if part.is_exit]


# Hand-worked examples


@BOTH
def test_a_long_trade_pays_the_fees_of_both_sides(method: CostMethod) -> None:
    trip = only_trip(fill(1, "100", "10", "1"), fill(2, "-100", "12", "1.25"), method=method)

    assert trip.is_long
    assert trip.is_closed
    assert (trip.quantity, trip.open_quantity) == (D(100), D(0))
    assert (trip.entry_price, trip.exit_price, trip.average_open_price) == (D(10), D(12), None)
    assert (trip.gross_pnl, trip.fees, trip.net_pnl) == (D(200), D("2.25"), D("197.75"))
    assert (trip.opened_at, trip.closed_at) == (OPEN + timedelta(minutes=1), OPEN + timedelta(minutes=2))
    assert (trip.opened_on, trip.closed_on) == (MONDAY, MONDAY)
    assert trip.parts == (
        FillPart(1, False, D(100), D(1), None, None, MONDAY, OPEN + timedelta(minutes=1)),
        FillPart(2, True, D(100), D("1.25"), D(200), D("197.75"), MONDAY, OPEN + timedelta(minutes=2)),
    )


def test_a_short_trade_gains_when_the_price_falls() -> None:
    trip = only_trip(fill(1, "-3", "4504", "3", "5"), fill(2, "3", "4500", "4.2", "5"))

    assert not trip.is_long
    assert (trip.gross_pnl, trip.fees, trip.net_pnl) == (D(60), D("7.2"), D("52.8"))


def test_fifo_closes_the_oldest_units_first() -> None:
    trip = only_trip(fill(1, "10", "100"), fill(2, "10", "110"), fill(3, "-15", "120"))

    # 10 x (120 - 100) + 5 x (120 - 110); the five units left cost 110.
    assert (trip.gross_pnl, trip.open_quantity) == (D(250), D(5))
    assert (trip.entry_price, trip.average_open_price) == (D(105), D(110))
    assert (trip.is_closed, trip.closed_at, trip.closed_on) == (False, None, None)


def test_average_cost_closes_at_the_average_of_the_open_units() -> None:
    trip = only_trip(
        fill(1, "10", "100"), fill(2, "10", "110"), fill(3, "-15", "120"), fill(4, "5", "125"), method=AVERAGE
    )

    # 15 x (120 - 105); then 5 units at 105 and 5 at 125 are open.
    assert (trip.gross_pnl, trip.open_quantity) == (D(225), D(10))
    assert trip.average_open_price == D(115)


def test_partial_closes_spread_the_entry_fees_over_the_exits() -> None:
    trip = only_trip(fill(1, "3", "10", "1"), fill(2, "-1", "11"), fill(3, "-1", "12"), fill(4, "-1", "13"))

    # 1/3 is 0.33333333 and 2/3 is 0.66666667: the middle exit bears the odd digit.
    assert [part.gross_pnl for part in exits(trip)] == [D(1), D(2), D(3)]
    assert [part.net_pnl for part in exits(trip)] == [D("0.66666667"), D("1.66666666"), D("2.66666667")]
    assert trip.net_pnl == D(5)


def test_partial_closes_over_days_keep_their_own_day() -> None:
    trip = only_trip(fill(1, "4", "50", "2"), fill(2, "-1", "51", "1", day=1), fill(3, "-3", "49", "1", day=2))

    assert [(part.day, part.net_pnl) for part in exits(trip)] == [
        (date(2026, 1, 6), D("-0.5")),
        (date(2026, 1, 7), D("-5.5")),
    ]
    assert (trip.opened_on, trip.closed_on) == (date(2026, 1, 5), date(2026, 1, 7))


def test_scaling_in_and_out_under_fifo() -> None:
    trip = only_trip(
        fill(1, "2", "100", "0.2", "50"),
        fill(2, "1", "101", "0.1", "50"),
        fill(3, "-1", "103", "0.1", "50"),
        fill(4, "2", "102", "0.2", "50"),
        fill(5, "-4", "104", "0.4", "50"),
    )

    # First exit: 3 x 50. Last: one at 100, one at 101, two at 102 -> (4 + 3 + 2 + 2) x 50.
    assert [part.gross_pnl for part in exits(trip)] == [D(150), D(550)]
    assert [part.net_pnl for part in exits(trip)] == [D("149.8"), D("549.2")]
    assert (trip.quantity, trip.entry_price, trip.exit_price) == (D(5), D(101), D("103.8"))


@BOTH
def test_a_flip_splits_one_fill_over_two_trades(method: CostMethod) -> None:
    first, second = trips_of(
        fill(1, "1", "10", "0.5"), fill(2, "-3", "12", "1"), fill(3, "2", "11", "0.5"), method=method
    )

    assert (first.is_long, first.gross_pnl, first.fees) == (True, D(2), D("0.83333333"))
    assert first.net_pnl == D("1.16666667")
    assert (second.is_long, second.gross_pnl, second.fees) == (False, D(2), D("1.16666667"))
    assert second.net_pnl == D("0.83333333")
    assert first.parts[-1].key == second.parts[0].key == 2
    assert (first.parts[-1].quantity, second.parts[0].quantity) == (D(1), D(2))
    assert first.parts[-1].fees + second.parts[0].fees == D(1)


@BOTH
def test_an_option_that_expires_at_zero_loses_its_premium(method: CostMethod) -> None:
    trip = only_trip(fill(1, "2", "1.50", "1.30", "100"), fill(2, "-2", "0", "0", "100", day=11), method=method)

    assert trip.exit_price == D(0)
    assert (trip.gross_pnl, trip.net_pnl) == (D(-300), D("-301.3"))


def test_a_written_option_that_expires_keeps_its_premium() -> None:
    trip = only_trip(fill(1, "-1", "2.05", "0.65", "100"), fill(2, "1", "0", "0", "100"))

    assert trip.net_pnl == D("204.35")


def test_a_rebate_adds_to_net() -> None:
    trip = only_trip(fill(1, "100", "10", "-0.20"), fill(2, "-100", "10.01", "0.30"))

    assert (trip.gross_pnl, trip.fees, trip.net_pnl) == (D(1), D("0.1"), D("0.9"))


def test_a_swap_credit_can_make_the_fees_of_a_trade_negative() -> None:
    trip = only_trip(fill(1, "1000", "1.10000", "0.07"), fill(2, "-1000", "1.09990", "-0.53"), method=AVERAGE)

    assert (trip.gross_pnl, trip.fees, trip.net_pnl) == (D("-0.1"), D("-0.46"), D("0.36"))


def test_a_negative_price_is_a_price() -> None:
    trip = only_trip(fill(1, "1", "-37.63", "2", "1000"), fill(2, "-1", "-10", "2", "1000"))

    assert trip.net_pnl == D(27626)


def test_the_smallest_crypto_quantity_is_exact() -> None:
    trip = only_trip(fill(1, "0.00000001", "97123.45678901"), fill(2, "-0.00000001", "98123.45678901"))

    assert (trip.gross_pnl, trip.net_pnl) == (D("0.00001"), D("0.00001"))


def test_money_below_the_eighth_decimal_is_rounded_once_per_trade_and_not_per_exit() -> None:
    trip = only_trip(fill(1, "0.00000004", "1"), *[fill(key, "-0.00000001", "1.3") for key in (2, 3, 4, 5)])

    # Exactly 0.3e-8 each, 1.2e-8 in all: rounded running totals are 0, 1, 1, 1.
    assert [part.gross_pnl for part in exits(trip)] == [D(0), D("1e-8"), D(0), D(0)]
    assert trip.gross_pnl == D("1e-8")


def test_equal_fills_in_one_second_are_all_counted() -> None:
    twin = fill(1, "1", "100", "0.25")

    trip = only_trip(twin, replace(twin, key=2), fill(3, "-2", "101", "0.5"))

    assert (trip.quantity, trip.fees, trip.net_pnl) == (D(2), D(1), D(1))
    assert [part.key for part in trip.parts] == [1, 2, 3]


def test_entry_and_exit_in_one_instant_follow_the_given_order() -> None:
    buy, sell = fill(1, "1", "100"), replace(fill(2, "-1", "101"), at=OPEN + timedelta(minutes=1))

    assert trips_of(buy, sell)[0].is_long
    assert not trips_of(sell, buy)[0].is_long


def test_a_fill_without_a_time_has_a_day() -> None:
    trip = only_trip(replace(fill(1, "1", "5"), at=None), replace(fill(2, "-1", "6"), at=None))

    assert (trip.opened_at, trip.closed_at, trip.opened_on) == (None, None, MONDAY)


def test_each_side_is_valued_at_its_own_multiplier() -> None:
    trip = only_trip(fill(1, "1", "10", multiplier="100"), fill(2, "-1", "11", multiplier="90"))

    assert trip.gross_pnl == D(-10)


def test_the_open_price_carries_the_cost_at_the_latest_multiplier() -> None:
    trip = only_trip(fill(1, "1", "10", multiplier="100"), fill(2, "1", "20", multiplier="50"))

    # Cost is 1,000 + 1,000 over 2 units of 50 a point.
    assert trip.average_open_price == D(20)


def test_a_trade_without_an_exit_is_open_and_has_realized_nothing() -> None:
    trip = only_trip(fill(1, "-2", "30", "1"))

    assert (trip.is_closed, trip.exit_price, trip.gross_pnl, trip.net_pnl) == (False, None, D(0), D(0))
    assert (trip.fees, trip.open_quantity, trip.average_open_price) == (D(1), D(2), D(30))


def test_no_fills_make_no_trades() -> None:
    assert trips_of() == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"quantity": D(0)}, "quantity zero"),
        ({"quantity": D("NaN")}, "not finite"),
        ({"price": D("Infinity")}, "not finite"),
        ({"fees": D("NaN")}, "not finite"),
        ({"multiplier": D("Infinity")}, "not finite"),
        ({"multiplier": D(0)}, "not above zero"),
        ({"multiplier": D(-1)}, "not above zero"),
    ],
)
def test_an_unusable_fill_is_refused(change: dict[str, Decimal], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        trips_of(fill(1, "1", "1"), replace(fill(2, "1", "1"), **change))


def test_the_widest_stored_numbers_are_exact() -> None:
    widest = "9999999999999999.999999999999"

    trip = only_trip(fill(1, "0.000000000001", "1"), fill(2, "-0.000000000001", widest, multiplier="1000"))

    assert trip.gross_pnl == D("10000000")


def test_the_callers_decimal_context_neither_matters_nor_changes() -> None:
    fills = [fill(1, "3", "1.23456789", "1"), fill(2, "-1", "2.3456789"), fill(3, "-2", "3.456789")]
    expected = trips_of(*fills)

    with localcontext(Context(prec=3)):
        found = []
        for trip in round_trips(fills, method=FIFO):
            assert getcontext().prec == 3
            found.append(trip)

    assert found == expected


# Streaming


def test_closed_trades_come_out_before_later_fills_are_read() -> None:
    def endless() -> Iterator[Fill]:
        key = 0
        while True:
            key += 1
            yield fill(key, "1" if key % 2 else "-1", "5")

    trips = round_trips(endless(), method=FIFO)

    assert [next(trips).parts[0].key for _ in range(3)] == [1, 3, 5]


def test_fills_of_closed_trades_are_not_held() -> None:
    class Watched(Fill):
        __slots__ = ("__weakref__",)

    alive: weakref.WeakSet[Fill] = weakref.WeakSet()

    def watched() -> Iterator[Fill]:
        for key in range(1, 2001):
            plain = fill(key, "1" if key % 2 else "-1", "5")
            one = Watched(key, plain.at, plain.day, plain.quantity, plain.price, plain.fees, plain.multiplier)
            alive.add(one)
            yield one

    most = 0
    for _ in round_trips(watched(), method=FIFO):
        gc.collect(0)
        most = max(most, len(alive))

    assert most <= 4


# Properties

MONEY = Fraction(1, 10**8)


class Oracle:
    """Round trips by fractions: a plain list of (quantity, cost, fees) lots, consumed one by one."""

    def __init__(self, method: CostMethod) -> None:
        self.is_average = method is AVERAGE
        self.position = Fraction(0)
        self.lots: list[list[Fraction]] = []
        self.trips: list[dict[str, Fraction]] = []

    def take(self, one: Fill) -> None:
        left = Fraction(one.quantity)
        value = Fraction(one.price) * Fraction(one.multiplier)
        fee_rate = Fraction(one.fees) / abs(left)
        while left:
            if not self.position:
                self.trips.append(dict.fromkeys(("gross", "fees", "entered"), Fraction(0)))
                self.lots = []
            trip = self.trips[-1]
            sign = 1 if left > 0 else -1
            if self.position * sign >= 0:
                size = abs(left)
                self.lots.append([size, value, Fraction(0)])
                if self.is_average:
                    total = sum(lot[0] for lot in self.lots)
                    self.lots = [[total, sum(lot[0] * lot[1] for lot in self.lots) / total, Fraction(0)]]
                trip["entered"] += size
            else:
                size = min(abs(left), abs(self.position))
                wanted = size
                while wanted:
                    taken = min(wanted, self.lots[0][0])
                    trip["gross"] += -sign * (value - self.lots[0][1]) * taken
                    self.lots[0][0] -= taken
                    wanted -= taken
                    if not self.lots[0][0]:
                        self.lots.pop(0)
            trip["fees"] += fee_rate * size
            self.position += sign * size
            left -= sign * size


def money(value: Fraction) -> Decimal:
    """Rounded half to even at the eighth decimal, by integers."""
    return D(round(value / MONEY)).scaleb(-8, Context(prec=100, rounding=ROUND_HALF_EVEN))


quantities = st.one_of(
    st.integers(-5, 5).filter(bool).map(D),
    st.integers(-(10**9), 10**9).filter(bool).map(lambda n: D(n).scaleb(-8)),
)
fills_drawn = st.lists(
    st.tuples(
        quantities,
        st.integers(-500, 50_000).map(lambda n: D(n).scaleb(-2)),
        st.integers(-300, 900).map(lambda n: D(n).scaleb(-3)),
        st.integers(0, 1),
    ),
    min_size=1,
    max_size=25,
)
multipliers = st.sampled_from([D(1), D(5), D("0.1"), D(100)])
methods = st.sampled_from([FIFO, AVERAGE])
examples = settings(deadline=None, max_examples=200)


def build(drawn: Sequence[tuple[Decimal, Decimal, Decimal, int]], multiplier: Decimal) -> list[Fill]:
    """Fills on days that never go back."""
    fills = []
    day = 0
    for key, (quantity, price, fees, days_later) in enumerate(drawn, start=1):
        day += days_later
        fills.append(Fill(key, OPEN, MONDAY + timedelta(days=day), quantity, price, fees, multiplier))
    return fills


def flattened(fills: list[Fill]) -> list[Fill]:
    """The fills with one more that leaves nothing open."""
    left = sum((one.quantity for one in fills), D(0))
    return [*fills, replace(fills[-1], key=len(fills) + 1, quantity=-left)] if left else fills


@examples
@given(fills_drawn, multipliers, methods)
def test_trades_agree_with_an_oracle_of_fractions(drawn, multiplier, method) -> None:
    fills = build(drawn, multiplier)
    oracle = Oracle(method)
    for one in fills:
        oracle.take(one)

    trips = trips_of(*fills, method=method)

    assert [trip.gross_pnl for trip in trips] == [money(trip["gross"]) for trip in oracle.trips]
    assert [trip.quantity for trip in trips] == [trip["entered"] for trip in oracle.trips]
    for trip, expected in zip(trips, oracle.trips, strict=True):
        # A flip at each end rounds the fees by at most half a unit each.
        assert abs(Fraction(trip.fees) - expected["fees"]) <= MONEY


@examples
@given(fills_drawn, multipliers, methods)
def test_nothing_is_lost_or_counted_twice(drawn, multiplier, method) -> None:
    fills = build(drawn, multiplier)

    trips = trips_of(*fills, method=method)

    parts = [part for trip in trips for part in trip.parts]
    for one in fills:
        mine = [part for part in parts if part.key == one.key]
        assert sum(part.quantity for part in mine) == abs(one.quantity)
        assert sum(part.fees for part in mine) == one.fees
        assert len(mine) <= 2
    position = sum(trip.open_quantity if trip.is_long else -trip.open_quantity for trip in trips)
    assert position == sum(one.quantity for one in fills)
    assert all(trip.is_closed for trip in trips[:-1])


@examples
@given(fills_drawn, multipliers, methods)
def test_a_trade_is_the_sum_of_its_parts(drawn, multiplier, method) -> None:
    for trip in trips_of(*build(drawn, multiplier), method=method):
        closing = exits(trip)
        assert sum(part.quantity for part in trip.parts if not part.is_exit) == trip.quantity
        assert sum(part.quantity for part in closing) == trip.quantity - trip.open_quantity
        assert sum(part.fees for part in trip.parts) == trip.fees
        assert sum(part.gross_pnl or 0 for part in closing) == trip.gross_pnl
        assert sum(part.net_pnl or 0 for part in closing) == trip.net_pnl
        assert all(part.gross_pnl is part.net_pnl is None for part in trip.parts if not part.is_exit)
        if trip.is_closed:
            assert trip.net_pnl == trip.gross_pnl - trip.fees


@examples
@given(fills_drawn, multipliers, methods, st.data())
def test_splitting_a_fill_in_two_changes_no_trade_and_no_day(drawn, multiplier, method, data) -> None:
    # Even numbers, so that a half of the quantity and of the fees is exact at the stored scale.
    fills = [replace(one, quantity=one.quantity * 4, fees=one.fees * 4) for one in build(drawn, multiplier)]
    cut = data.draw(st.integers(0, len(fills) - 1))
    share = data.draw(st.sampled_from([D("0.25"), D("0.5"), D("0.75")]))
    one = fills[cut]
    halves = [
        replace(one, key=key, quantity=one.quantity * part, fees=one.fees * part)
        for key, part in ((1001, share), (1002, 1 - share))
    ]

    whole = trips_of(*fills, method=method)
    split = trips_of(*fills[:cut], *halves, *fills[cut + 1 :], method=method)

    assert [figures(trip) for trip in whole] == [figures(trip) for trip in split]


def figures(trip: RoundTrip) -> tuple[object, ...]:
    """All numbers of a trade and of each of its days; nothing of its parts."""
    days = {
        day: (
            sum(part.gross_pnl or 0 for part in trip.parts if part.day == day),
            sum(part.net_pnl or 0 for part in trip.parts if part.day == day),
            sum(part.fees for part in trip.parts if part.day == day),
        )
        for day in {part.day for part in trip.parts}
    }
    prices = (trip.entry_price, trip.exit_price, trip.average_open_price)
    sums = (trip.quantity, trip.open_quantity, trip.gross_pnl, trip.fees, trip.net_pnl)
    return trip.is_long, trip.opened_on, trip.closed_on, prices, sums, days


@examples
@given(fills_drawn, multipliers)
def test_once_flat_the_cost_method_changes_no_trade(drawn, multiplier) -> None:
    fills = flattened(build(drawn, multiplier))

    fifo, average = trips_of(*fills, method=FIFO), trips_of(*fills, method=AVERAGE)

    assert [(t.gross_pnl, t.fees, t.net_pnl) for t in fifo] == [(t.gross_pnl, t.fees, t.net_pnl) for t in average]


@examples
@given(fills_drawn, multipliers, methods)
def test_buying_where_another_sells_mirrors_the_gross(drawn, multiplier, method) -> None:
    fills = build(drawn, multiplier)
    mirrored = [replace(one, quantity=-one.quantity) for one in fills]

    for trip, other in zip(trips_of(*fills, method=method), trips_of(*mirrored, method=method), strict=True):
        assert other.is_long is not trip.is_long
        assert other.gross_pnl == -trip.gross_pnl
        assert other.fees == trip.fees


@examples
@given(fills_drawn, multipliers, methods)
def test_amounts_have_the_scale_they_are_stored_with(drawn, multiplier, method) -> None:
    for trip in trips_of(*build(drawn, multiplier), method=method):
        for part in trip.parts:
            for amount in (part.fees, part.gross_pnl, part.net_pnl):
                assert amount is None or amount.as_tuple().exponent == -8
        assert trip.entry_price.as_tuple().exponent == -12
