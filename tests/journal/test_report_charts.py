"""Drawings of reports: labels that can be read, and curves over days."""

from datetime import date
from decimal import Decimal

import pytest

from journal import report_charts
from journal.report_charts import Item

WORDS = {"start": 0, "middle": Decimal("0.5"), "end": 1}


@pytest.mark.parametrize("count", [1, 5, 21, 40])
@pytest.mark.parametrize("label", ["9", "10-15m", "2026-03-02", "more than 30 days"])
def test_labels_neither_touch_nor_leave_the_drawing(count: int, label: str) -> None:
    chart = report_charts.columns([Item(label, Decimal(1))] * count)

    ends = Decimal(0)
    wide = Decimal(8 * len(label))
    for column in chart.columns:
        if column.is_labelled:
            start = Decimal(column.label_x) - wide * WORDS[column.anchor]
            assert start >= ends
            ends = start + wide
    assert Decimal(0) < ends <= chart.width


def test_curves_of_a_comparison_stand_over_days_since_their_own_start() -> None:
    one = [(date(2026, 3, 2), Decimal(5)), (date(2026, 3, 11), Decimal(10))]
    other = [(date(2025, 1, 6), Decimal(-5)), (date(2025, 1, 10), Decimal(4))]

    chart = report_charts.from_one_start([("A", one), ("B", other), ("C", [])])

    assert [each.value for each in chart.across] == [0, 2, 4, 6, 8, 10]
    assert [line.path.rpartition(" L")[2].split()[0] for line in chart.lines[:2]] == ["952.0", "508.0"]
