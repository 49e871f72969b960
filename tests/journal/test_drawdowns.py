"""Drawdowns of a daily series, worked out by hand, and against the largest one."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Account, User
from journal import drawdowns as answers
from journal.metrics import formulas
from journal.metrics.drawdowns import Drawdown, drawdowns
from tests.journal.factories import make_account, make_trade

MONDAY = date(2026, 1, 5)


def series(*amounts: str) -> list[tuple[date, Decimal]]:
    return [(MONDAY + timedelta(days=number), Decimal(amount)) for number, amount in enumerate(amounts)]


def day(number: int) -> date:
    return MONDAY + timedelta(days=number)


def test_each_fall_is_listed_with_its_depth_length_and_recovery_deepest_first() -> None:
    # 100, 60, 80, 20, 120, 110: the first fall from 100 to 20 and back on the fifth day, the second not over.
    found = drawdowns(series("100", "-40", "20", "-60", "100", "-10"), Decimal(900))

    assert found == [
        Drawdown(Decimal(80), Decimal("0.08"), day(0), day(3), day(4), 4, 3, 1),
        Drawdown(Decimal(10), Decimal("0.009803921569"), day(4), day(5), None, 1, 1, None),
    ]


def test_a_loss_on_the_first_day_falls_from_the_start() -> None:
    (found,) = drawdowns(series("-10", "5", "20"))

    assert found == Drawdown(Decimal(10), None, None, day(0), day(2), 2, 0, 2)


def test_a_day_back_at_the_peak_ends_a_fall() -> None:
    found = drawdowns(series("10", "-5", "5", "-5", "6"))

    assert [(row.depth, row.peak_date, row.recovery_date) for row in found] == [
        (5, day(0), day(2)),
        (5, day(2), day(4)),
    ]


def test_a_curve_that_never_fell_has_none() -> None:
    assert drawdowns(series("1", "0", "2")) == []
    assert drawdowns([]) == []


@given(st.lists(st.integers(-100, 100), max_size=40), st.one_of(st.none(), st.integers(10_000, 20_000)))
def test_the_deepest_is_the_largest_drawdown_and_stretches_do_not_overlap(
    amounts: list[int], start: int | None
) -> None:
    daily = series(*(str(amount) for amount in amounts))
    balance = None if start is None else Decimal(start)

    found = drawdowns(daily, balance)

    largest = formulas.max_drawdown(daily, balance)
    if found:
        assert largest is not None
        deepest = found[0]
        assert (deepest.depth, deepest.ratio) == (largest.amount, largest.ratio)
        assert (deepest.trough_date, deepest.recovery_date) == (largest.trough_date, largest.recovery_date)
        assert deepest.length_days == largest.length_days
    else:
        assert largest is None or largest.amount == 0
    below = sum(1 for point in formulas.equity_points(daily) if point.drawdown)
    assert sum(_days_below(row, daily) for row in found) == below


def _days_below(row: Drawdown, daily: list[tuple[date, Decimal]]) -> int:
    return sum(
        1
        for at, _ in daily
        if (row.peak_date is None or at > row.peak_date) and (row.recovery_date is None or at < row.recovery_date)
    )


@pytest.mark.django_db
def test_the_answer_has_the_balance_of_all_accounts_in_scope(alice: User, account: Account) -> None:
    Account.objects.filter(pk=account.pk).update(initial_balance=900)
    for number, pnl in enumerate(("100", "-40", "20", "-60", "100", "-10")):
        make_trade(account, day=day(number), pnl=pnl)

    found = answers.drawdowns(alice)

    assert (found.starting, found.days, found.days_below, found.currency) == (900, 6, 4, "USD")
    assert [(row.depth, row.ratio) for row in found.rows] == [
        (80, Decimal("0.08")),
        (10, Decimal("0.009803921569")),
    ]
    assert found.current == found.rows[1]
    make_account(alice, "No balance")
    assert answers.drawdowns(alice, fresh=True).rows[0].ratio is None
