"""The period before, and how a figure differs from what it was."""

from datetime import date
from decimal import Decimal

import pytest

from journal import previous
from journal.filters import MetricsFilter
from journal.previous import Change

TODAY = date(2026, 3, 26)


@pytest.mark.parametrize(
    ("start", "end", "before"),
    [
        # A week: the week before.
        (date(2026, 3, 9), date(2026, 3, 15), (date(2026, 3, 2), date(2026, 3, 8))),
        # A day: the day before, over the end of a month.
        (date(2026, 3, 1), date(2026, 3, 1), (date(2026, 2, 28), date(2026, 2, 28))),
        # A month of 28 days: 28 days before it, which is not the month before.
        (date(2026, 2, 1), date(2026, 2, 28), (date(2026, 1, 4), date(2026, 1, 31))),
        # The month so far, 26 days: the 26 days before it.
        (date(2026, 3, 1), TODAY, (date(2026, 2, 3), date(2026, 2, 28))),
        # The whole of a month that still runs counts as far as today.
        (date(2026, 3, 1), date(2026, 3, 31), (date(2026, 2, 3), date(2026, 2, 28))),
        # Without an end it is until today.
        (date(2026, 3, 25), None, (date(2026, 3, 23), date(2026, 3, 24))),
    ],
)
def test_the_period_before_is_as_long_and_ends_the_day_before(
    start: date, end: date | None, before: tuple[date, date]
) -> None:
    found = previous.before(MetricsFilter(start=start, end=end, symbol="AAPL"), today=TODAY)

    assert found == MetricsFilter(start=before[0], end=before[1], symbol="AAPL")


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (None, None),
        (None, date(2026, 3, 1)),
        (date(2026, 3, 27), date(2026, 3, 31)),
        (date(1900, 1, 2), date(2026, 1, 1)),
    ],
)
def test_all_time_and_what_lies_ahead_have_no_period_before(start: date | None, end: date | None) -> None:
    assert previous.before(MetricsFilter(start=start, end=end), today=TODAY) is None


def test_a_change_is_the_difference_and_its_fraction_of_what_was() -> None:
    # 30 after -20 is 50 more, 2.5 times the size of what was.
    assert previous.change(Decimal(30), Decimal(-20)) == Change(Decimal(-20), Decimal(50), Decimal("2.5"))
    assert previous.change(Decimal(1), Decimal(3)) == Change(Decimal(3), Decimal(-2), Decimal("-0.666666666667"))


def test_after_zero_there_is_no_fraction_and_after_nothing_no_change() -> None:
    assert previous.change(Decimal(5), Decimal(0)) == Change(Decimal(0), Decimal(5), None)
    assert previous.change(Decimal(5), None) is None
    assert previous.change(None, Decimal(5)) is None
