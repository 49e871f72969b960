"""Drawings of reports: labels that can be read, and curves over days."""

from datetime import date
from decimal import Decimal

import pytest

from journal import report_charts
from journal.report_charts import Item

WORDS = {"start": 0, "middle": Decimal("0.5"), "end": 1}


@pytest.mark.parametrize("room", report_charts.ROOMS)
@pytest.mark.parametrize("count", [1, 5, 21, 40])
@pytest.mark.parametrize("label", ["9", "10-15m", "2026-03-02", "more than 30 days"])
def test_labels_neither_touch_nor_leave_the_drawing_however_narrow(count: int, label: str, room: str) -> None:
    chart = report_charts.columns([Item(label, Decimal(1))] * count)

    # To the left there is room, below the numbers of the lines.
    ends = Decimal(-40)
    pixels = report_charts.ROOMS[room]
    wide = Decimal(8 * len(label))
    assert chart.labels[room]
    for each in chart.labels[room]:
        start = Decimal(each.x.removesuffix("%")) * pixels / 100 - wide * WORDS[each.anchor]
        # Shares are rounded to a hundredth of a percent.
        assert start >= ends - Decimal("0.2")
        ends = start + wide
    assert ends <= pixels + Decimal("0.2")


def test_curves_of_a_comparison_stand_over_days_since_their_own_start() -> None:
    one = [(date(2026, 3, 2), Decimal(5)), (date(2026, 3, 11), Decimal(10))]
    other = [(date(2025, 1, 6), Decimal(-5)), (date(2025, 1, 10), Decimal(4))]

    chart = report_charts.from_one_start([("A", one), ("B", other), ("C", [])])

    assert [each.value for each in chart.across] == [0, 2, 4, 6, 8, 10]
    assert [each.place for each in chart.across[:2]] == ["0.00%", "20.00%"]
    assert [each.is_spare for each in chart.across] == [False, True] * 3
    assert [line.path.rpartition(" L")[2].split()[0] for line in chart.lines[:2]] == ["1000.0", "500.0"]
