"""How results are spread, by hand and against the plain definitions."""

import statistics
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Account, User
from journal import distributions as answers
from journal.metrics import distributions
from journal.metrics.distributions import Bucket, Run
from tests.journal.factories import make_trade

TUESDAY = date(2026, 3, 3)


def decimals(*texts: str) -> list[Decimal]:
    return [Decimal(text) for text in texts]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        ("-130", "480", [str(number) for number in range(-150, 501, 50)]),
        ("0.3", "0.9", [str(Decimal(number) / 20) for number in range(19)]),
        ("0", "0", ["0"]),
        ("-3", "-1", [str(Decimal(number) / 5) for number in range(-15, 1)]),
    ],
)
def test_edges_are_round_and_zero_is_one_of_them(low: str, high: str, expected: list[str]) -> None:
    assert distributions.edges(Decimal(low), Decimal(high)) == decimals(*expected)


@given(st.decimals(-(10**9), 10**9, places=2), st.decimals(-(10**9), 10**9, places=2))
def test_edges_span_the_results_and_are_few(one: Decimal, other: Decimal) -> None:
    low, high = min(one, other), max(one, other)

    found = distributions.edges(low, high)

    assert Decimal(0) in found
    assert found[0] <= min(low, Decimal(0))
    assert found[-1] >= max(high, Decimal(0))
    assert len(found) <= distributions.MOST_BUCKETS
    assert found == sorted(set(found))


def test_buckets_hold_their_lower_edge_and_empty_ends_are_left_off() -> None:
    found = distributions.buckets(decimals("-10", "0", "10"), {1: 2, 2: 3})

    assert found == [
        Bucket(Decimal(-10), Decimal(0), 2),
        Bucket(Decimal(0), Decimal(10), 3),
    ]


def test_runs_end_where_the_outcome_changes_and_breakeven_ends_either() -> None:
    found = distributions.runs("wwbwlllw")

    assert found.wins == {1: 2, 2: 1}
    assert found.losses == {3: 1}
    assert (found.longest_win, found.longest_loss) == (Run("w", 2, 0), Run("l", 3, 4))
    assert found.current == Run("w", 1, 7)
    assert distributions.runs("wb").current is None
    assert distributions.runs("").longest_win is None


@given(st.text("wlb", max_size=60))
def test_runs_hold_every_win_and_every_loss(letters: str) -> None:
    found = distributions.runs(letters)

    assert sum(length * count for length, count in found.wins.items()) == letters.count("w")
    assert sum(length * count for length, count in found.losses.items()) == letters.count("l")


@pytest.mark.django_db
def test_the_answer_is_what_the_definitions_give(alice: User, account: Account) -> None:
    nets = ["120", "-40", "0", "35.5", "-80", "15", "-15", "200"]
    for number, net in enumerate(nets):
        make_trade(account, day=TUESDAY + timedelta(days=number), pnl=net, stop="990" if number < 4 else None)

    found = answers.distributions(alice)

    values = decimals(*nets)
    assert found.net.count == 8
    assert found.net.mean == Decimal("29.4375")
    assert found.net.median == Decimal("7.5") == statistics.median(values)
    assert found.net.deviation is not None
    assert abs(found.net.deviation - statistics.stdev(values)) < Decimal("0.00000001")
    assert (found.net.lowest, found.net.highest) == (-80, 200)
    # Nearest rank: the second of eight is the first to have a quarter of them at or below it.
    assert dict(found.net.percentiles) == {
        Decimal("0.05"): -80,
        Decimal("0.25"): -40,
        Decimal("0.5"): Decimal("7.5"),
        Decimal("0.75"): Decimal("35.5"),
        Decimal("0.95"): 200,
    }
    assert sum(bucket.count for bucket in found.net.buckets) == 8
    # A risk of 10 each: R is a tenth of the net.
    assert (found.r.count, found.r.mean) == (4, Decimal("2.8875"))
    assert (found.days.count, found.days.mean) == (8, Decimal("29.4375"))
    runs = answers.runs_in_a_row(alice).trade_runs
    assert runs.longest_win == Run("w", 1, 0)
    assert runs.losses == {1: 3}


@pytest.mark.django_db
def test_without_a_trade_everything_is_undefined(alice: User) -> None:
    found = answers.distributions(alice)

    assert (found.net.count, found.net.mean, found.net.percentiles, found.net.buckets) == (0, None, (), ())
    assert answers.runs_in_a_row(alice).trade_runs.current is None
