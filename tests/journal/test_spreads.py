"""Order statistics of sorted stretches and runs of days put together, against all results in one list."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from journal.metrics import distributions, spreads
from journal.metrics.spreads import RunsOfStretch, Spread, Stretch

STRETCHES = st.lists(
    st.tuples(st.lists(st.integers(-(10**6), 10**6), max_size=300), st.integers(1, 40)), min_size=1, max_size=12
).filter(lambda found: any(results for results, _ in found))


def test_ranks_are_those_of_all_results_by_hand() -> None:
    """-80, -40, -15, 0 | 15, 35.5 | 120, 200, as docs/metrics.md has them, in three stretches."""
    found = Spread([Stretch([-800, -400, -150, 0], 1), Stretch([150, 355], 1), Stretch([600, 1000], 2)], places=1)

    assert (found.lowest(), found.highest(), found.count) == (Decimal(-80), Decimal(200), 8)
    assert [found.at(rank) for rank in range(8)] == [
        Decimal(x) for x in ("-80", "-40", "-15", "0", "15", "35.5", "120", "200")
    ]
    assert found.at_share(Decimal("0.25")) == Decimal(-40)
    assert (found.at_share(Decimal("0.5")) + found.at_share_from_above(Decimal("0.5"))) / 2 == Decimal("7.5")
    assert found.at_share(Decimal("0.75")) == Decimal("35.5")
    assert found.counts([Decimal(-50), Decimal(0), Decimal(50)]) == {0: 1, 1: 2, 2: 3, 3: 2}


@given(STRETCHES, st.data())
def test_a_rank_is_that_of_the_sorted_results(parts: list[tuple[list[int], int]], data: st.DataObject) -> None:
    everything = sorted(result * factor for results, factor in parts for result in results)
    found = Spread([Stretch(sorted(results), factor) for results, factor in parts], places=0)
    rank = data.draw(st.integers(0, len(everything) - 1))
    edge = data.draw(st.integers(-(10**7), 10**7))

    assert found.at(rank) == everything[rank]
    assert (found.lowest(), found.highest()) == (everything[0], everything[-1])
    assert found.counts([Decimal(edge)]) == {
        0: sum(each < edge for each in everything),
        1: sum(each >= edge for each in everything),
    }


@given(st.lists(st.text("wlb", min_size=1, max_size=12), max_size=8))
def test_runs_of_days_join_to_those_of_all_outcomes(days: list[str]) -> None:
    kept = [RunsOfStretch.from_json(RunsOfStretch.of(day).as_json()) for day in days]  # type: ignore[arg-type]

    found = spreads.joined(kept)

    letters = "".join(days)
    assert (found.runs, found.count) == (distributions.runs(letters), len(letters))
    assert found.first == ((letters[0], len(letters) - len(letters.lstrip(letters[0]))) if letters else None)
