"""Date ranges with a name, and the ones before and after them."""

from datetime import date

import pytest

from journal import ranges

TODAY = date(2026, 5, 20)  # a Wednesday


def test_no_named_range_lies_ahead() -> None:
    assert {span.key: (span.start, span.end) for span in ranges.named(TODAY)} == {
        "today": (TODAY, TODAY),
        "week": (date(2026, 5, 18), TODAY),
        "month": (date(2026, 5, 1), TODAY),
        "quarter": (date(2026, 4, 1), TODAY),
        "year": (date(2026, 1, 1), TODAY),
        "all": (None, None),
    }


@pytest.mark.parametrize(
    ("start", "end", "before", "after"),
    [
        ((2026, 5, 1), (2026, 5, 20), ((2026, 4, 1), (2026, 4, 30)), None),
        ((2026, 4, 1), (2026, 4, 30), ((2026, 3, 1), (2026, 3, 31)), ((2026, 5, 1), (2026, 5, 20))),
        ((2026, 5, 18), (2026, 5, 20), ((2026, 5, 11), (2026, 5, 17)), None),
        ((2026, 1, 1), (2026, 3, 31), ((2025, 10, 1), (2025, 12, 31)), ((2026, 4, 1), (2026, 5, 20))),
        ((2025, 1, 1), (2025, 12, 31), ((2024, 1, 1), (2024, 12, 31)), ((2026, 1, 1), (2026, 5, 20))),
        ((2026, 5, 19), (2026, 5, 19), ((2026, 5, 18), (2026, 5, 18)), ((2026, 5, 20), (2026, 5, 20))),
        ((2026, 5, 5), (2026, 5, 14), ((2026, 4, 25), (2026, 5, 4)), ((2026, 5, 15), (2026, 5, 20))),
    ],
    ids=["this month", "april", "this week", "first quarter", "last year", "a day", "ten days"],
)
def test_a_period_steps_by_itself_and_other_ranges_by_their_length(
    start: tuple[int, int, int],
    end: tuple[int, int, int],
    before: tuple[tuple[int, int, int], ...],
    after: tuple[tuple[int, int, int], ...] | None,
) -> None:
    given = (date(*start), date(*end))

    assert ranges.before(*given, today=TODAY) == tuple(date(*day) for day in before)
    assert ranges.after(*given, today=TODAY) == (tuple(date(*day) for day in after) if after else None)
