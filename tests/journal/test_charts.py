"""What templates draw: points, weeks, bars."""

from dataclasses import astuple
from datetime import date
from decimal import Decimal

from journal import charts, report_charts
from journal.figures import Breakdown, BreakdownRow, CalendarDay, Curve
from journal.metrics.totals import Totals

CURVE = "2026-03-02 100 100 0\n2026-03-03 -150 -50 150\n2026-03-04 50 0 100"


def test_a_curve_lies_in_its_box_between_its_extremes() -> None:
    chart = charts.curve_chart(Curve("USD", CURVE))

    # 100 at the top and -50 at the bottom of a box of 280 with 8 to spare on either side.
    assert chart.path == "M0.0 8.0 L500.0 272.0 L1000.0 184.0"
    assert chart.zero == "184.0"
    assert chart.table[0] == ("2026-03-04", Decimal(50), Decimal(0), Decimal(100))


def test_a_curve_of_one_day_starts_at_nothing_and_an_empty_one_is_no_line() -> None:
    assert charts.curve_chart(Curve("USD", "2026-03-02 100 100 0")).path == "M0 272.0 L1000 8.0"
    assert charts.curve_chart(Curve("USD", "")).is_empty
    assert charts.curve_chart(Curve("USD", "")).path == ""


def test_a_long_curve_is_drawn_with_few_points_and_keeps_its_end() -> None:
    rows = "\n".join(f"2026-03-02 1 {number} 0" for number in range(1, 2001))

    chart = charts.curve_chart(Curve("USD", rows))

    assert len(chart.rows) == 2000
    assert chart.path.count("L") <= 401
    assert chart.path.endswith("1000.0 8.0")


def day(text: str, pnl: str, trades: int = 1) -> CalendarDay:
    return CalendarDay(date.fromisoformat(text), Decimal(pnl), trades, 0, 0)


def test_weeks_count_all_their_days_and_the_month_its_own() -> None:
    first = date(2026, 4, 1)

    page = charts.month(
        first, [day("2026-03-31", "10"), day("2026-04-01", "5", 2), day("2026-04-30", "-40")], today=date(2026, 4, 2)
    )

    assert charts.month_span(first) == (date(2026, 3, 30), date(2026, 5, 3))
    assert (page.weeks[0].pnl, page.weeks[0].trade_count) == (Decimal(15), 3)
    assert page.weeks[1].pnl is None
    assert (page.pnl, page.trade_count) == (Decimal(-35), 3)
    assert (page.previous, page.following) == ("2026-03", "2026-05")
    cells = {cell.day: cell for week in page.weeks for cell in week.days}
    assert cells[date(2026, 4, 30)].tint == "loss-2"
    assert cells[date(2026, 4, 1)].tint == "gain-1"
    assert not cells[date(2026, 3, 31)].is_inside
    assert cells[date(2026, 4, 2)].is_today


def test_weeks_end_where_the_filter_does() -> None:
    page = charts.month(date(2026, 4, 1), [], today=date(2026, 4, 2), start=date(2026, 4, 1), end=date(2026, 4, 10))

    assert (page.weeks[0].start, page.weeks[0].end) == (date(2026, 4, 1), date(2026, 4, 5))
    assert (page.weeks[1].start, page.weeks[1].end) == (date(2026, 4, 6), date(2026, 4, 10))


def breakdown(*amounts: int) -> Breakdown:
    rows = tuple(
        BreakdownRow(f"S{place}", f"S{place}", "USD", astuple(Totals(net_pnl=Decimal(amount))))
        for place, amount in enumerate(amounts)
    )
    return Breakdown(1, False, 0, "symbol", "USD", len(rows), lambda: rows, ())


def test_bars_share_one_scale_and_meet_at_zero() -> None:
    gain, loss = charts.bars(breakdown(300, -100))

    assert (gain.start, gain.width) == ("25.00", "75.00")
    assert (loss.start, loss.width) == ("0.00", "25.00")
    assert gain.link == {"symbol": "S0"}


def test_of_many_bars_the_largest_are_left_whatever_their_sign() -> None:
    shown = charts.bars(breakdown(1, -50, 2, 30), most=2)

    assert [bar.pnl for bar in shown] == [Decimal(30), Decimal(-50)]


def test_labels_below_columns_leave_each_other_room() -> None:
    # 20 columns in 880 pixels are 44 wide each; seven letters and some air need 64, so every other one is named. On a
    # phone's 228 they are 11.4 wide, and every sixth is; the last of them would leave the drawing.
    items = [report_charts.Item("≥ −1.6k", Decimal(3)) for _ in range(20)]

    drawn = report_charts.columns(items, kind="count", is_signed=False)

    assert {room: len(labels) for room, labels in drawn.labels.items()} == {"wide": 10, "half": 7, "phone": 3}
