"""MAE and MFE, worked out by hand, and what holds for any path of prices."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.excursions import Excursions, PriceBar, TimedFill, excursions

D = Decimal
START = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def bar(minute: int, open_: Any, high: Any, low: Any, close: Any) -> PriceBar:
    return PriceBar(at(minute), at(minute + 1), D(open_), D(high), D(low), D(close))


def fill(minutes: float, quantity: Any, price: Any, multiplier: Any = 1) -> TimedFill:
    return TimedFill(at(minutes), D(quantity), D(price), D(multiplier))


def test_a_long_is_measured_at_the_lows_and_highs_between_its_fills() -> None:
    """Bought 2 at 100, at 97 it is 6 down, at 104 it is 8 up."""
    bars = [bar(0, 99, 200, 1, 101), bar(1, 101, 104, 97, 102), bar(2, 102, 300, 2, 103)]

    found = excursions([fill(0.5, 2, 100), fill(2.5, -2, 102)], bars)

    # 200, 1, 300 and 2 may have been before the entry and after the exit.
    assert found == Excursions(mae=D(6), mfe=D(8), mae_at=at(1), mfe_at=at(1))


def test_a_short_loses_at_the_highs_and_the_multiplier_counts() -> None:
    """Sold 1 at 4000 with 50 a point: at 4010 it is 500 down, at 3996 it is 200 up."""
    bars = [bar(0, 4000, 4001, 3999, 4000), bar(1, 4000, 4010, 3996, 4004), bar(2, 4004, 4005, 4003, 4004)]

    found = excursions([fill(0.5, -1, 4000, 50), fill(2.5, 1, 4002, 50)], bars)

    assert found == Excursions(mae=D(500), mfe=D(200), mae_at=at(1), mfe_at=at(1))


def test_the_size_of_each_moment_counts() -> None:
    """3 at 10, 2 sold at 12 (+4): at 9 the one left makes 4 - 1 = 3, at 20 it makes 4 + 10 = 14."""
    bars = [bar(0, 10, 10, 10, 10), bar(1, 10, 11, 10, 11), bar(2, 11, 12, 11, 12), bar(3, 12, 20, 9, 12),
            bar(4, 12, 12, 12, 12)]  # fmt: skip

    found = excursions([fill(0.5, 3, 10), fill(2.5, -2, 12), fill(4.5, -1, 12)], bars)

    assert found == Excursions(mae=D(0), mfe=D(14), mae_at=at(0.5), mfe_at=at(3))


def test_a_bar_with_an_entry_counts_by_its_close_and_one_with_an_exit_by_its_open() -> None:
    """Bought at 100, the bar closes at 98; the next opens at 103, sold at 101."""
    found = excursions([fill(0.5, 1, 100), fill(1.5, -1, 101)], [bar(0, 50, 150, 50, 98), bar(1, 103, 150, 50, 60)])

    assert found == Excursions(mae=D(2), mfe=D(3), mae_at=at(1), mfe_at=at(1))


def test_a_fill_on_the_edge_belongs_to_the_bar_that_begins() -> None:
    """The open of the bar may have been before a fill of the same instant, so it is not the position's."""
    bars = [bar(0, 90, 110, 90, 100), bar(1, 100, 105, 99, 101)]

    assert excursions([fill(1, 1, 100), fill(2, -1, 101)], bars) == Excursions(
        mae=D(0), mfe=D(1), mae_at=at(1), mfe_at=at(2)
    )


@pytest.mark.parametrize(
    ("fills", "bars"),
    [
        ([fill(0.5, 1, 10), fill(1.5, -1, 11)], []),
        ([fill(0.5, 1, 10), fill(1.5, -1, 11)], [bar(0, 10, 10, 10, 10)]),  # the exit is after the last bar
        ([fill(0.5, 1, 10), fill(1.5, -1, 11)], [bar(1, 10, 10, 10, 10)]),  # the entry is before the first
        ([fill(0.2, 1, 10), fill(0.8, -1, 11)], [bar(0, 10, 12, 9, 11)]),  # nothing but its fills is known
        ([fill(0.5, 1, 10), fill(1.5, 1, 10), fill(3.5, -2, 11)],
         [bar(0, 10, 10, 10, 10), bar(2, 10, 10, 10, 10), bar(3, 10, 10, 10, 10)]),  # a fill where no bar is
        ([fill(0.5, 1, 10), fill(9000.5, -1, 11)], [bar(0, 10, 10, 10, 10), bar(9000, 10, 10, 10, 10)]),  # six days
        ([], [bar(0, 10, 10, 10, 10)]),
    ],
)  # fmt: skip
def test_what_bars_do_not_cover_is_undefined(fills: list[TimedFill], bars: list[PriceBar]) -> None:
    assert excursions(fills, bars) is None


def test_a_market_that_is_closed_over_a_weekend_is_covered() -> None:
    friday_to_monday = 60 * 65
    bars = [bar(0, 10, 10, 10, 10), bar(1, 10, 12, 10, 11), bar(friday_to_monday, 8, 9, 8, 9)]

    found = excursions([fill(0.5, 1, 10), fill(friday_to_monday + 0.5, -1, 9)], bars)

    assert found is not None
    assert (found.mae, found.mfe) == (D(2), D(2))


@st.composite
def lives(draw: st.DrawFn) -> tuple[list[TimedFill], list[PriceBar], list[tuple[datetime, Decimal]]]:
    """A path of prices, two a minute, its bars, and fills at prices of the path that end flat."""
    count = draw(st.integers(min_value=2, max_value=8))
    prices = [D(price) for price in draw(st.lists(st.integers(-20, 50), min_size=2 * count, max_size=2 * count))]
    ticks = [(at(place / 2 + 0.25), price) for place, price in enumerate(prices)]
    bars = []
    for minute in range(count):
        pair = prices[2 * minute : 2 * minute + 2]
        bars.append(bar(minute, pair[0], max(pair), min(pair), pair[1]))
    places = sorted(draw(st.sets(st.integers(0, 2 * count - 1), min_size=2, max_size=6)))
    sizes = [D(size) for size in draw(st.lists(st.integers(-3, 3).filter(bool), min_size=6, max_size=6))]
    fills, position = [], D(0)
    for place, size in zip(places[:-1], sizes, strict=False):
        if position + size == 0 or position * (position + size) < 0:
            size = -size
        fills.append(TimedFill(*ticks[place][:1], size, ticks[place][1]))
        position += size
    fills.append(TimedFill(ticks[places[-1]][0], -position, ticks[places[-1]][1]))
    return fills, bars, ticks


@given(lives())
def test_excursions_hold_the_realized_path_and_never_exceed_the_true_one(
    life: tuple[list[TimedFill], list[PriceBar], list[tuple[datetime, Decimal]]],
) -> None:
    fills, bars, ticks = life
    found = excursions(fills, bars)
    if found is None:
        return

    def shown(until: datetime, price: Decimal) -> Decimal:
        done = [each for each in fills if each.at <= until]
        return sum((each.quantity * (price - each.price) for each in done), D(0))

    at_fills = [shown(each.at, each.price) for each in fills]
    truth = [shown(moment, price) for moment, price in ticks if fills[0].at <= moment <= fills[-1].at]
    assert found.mae >= 0
    assert found.mfe >= 0
    assert all(-found.mae <= pnl <= found.mfe for pnl in at_fills)
    assert -found.mae >= min([*truth, D(0)])
    assert found.mfe <= max([*truth, D(0)])
