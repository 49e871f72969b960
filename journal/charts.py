"""From answers to what a template draws: a curve's points, the weeks of a month, the bars of a breakdown."""

from bisect import bisect_left
from calendar import Calendar as MonthCalendar
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from operator import attrgetter
from typing import Any

from django.conf import settings

from accounts.decimals import plain
from journal import dimensions
from journal.figures import Breakdown, BreakdownRow, CalendarDay, Curve
from journal.metrics import formulas
from journal.units import Scale

#: Years of which there are months to look at.
FIRST_YEAR, LAST_YEAR = 1990, 2100

WIDTH, HEIGHT = 1000, 280
#: Points of the drawing that is shown until the script has run, or where it never does.
DRAWN_POINTS = 400

ZERO = Decimal(0)


def has_library() -> bool:
    """Whether the chart library is among the static files; pages show the server's drawing without it."""
    return any(
        isinstance(entry, tuple) and entry[0] == "vendor/lightweight-charts" for entry in settings.STATICFILES_DIRS
    )


@dataclass(frozen=True, slots=True)
class Line:
    """The curve of one account over the combined one, as points for the script and as a drawing in the same box."""

    id: str
    name: str
    number: int
    rows: list[list[str]]
    path: str
    is_partial: bool = False


@dataclass(frozen=True, slots=True)
class CurveChart:
    """A curve as points for the script, as a drawing in a box of WIDTH x HEIGHT, and as a table.

    `rows` are texts: day, P&L of the day, cumulative P&L, drawdown. `under` is the area between the highest point so
    far and the curve: the drawdown.
    """

    currency: str | None
    rows: list[list[str]]
    path: str
    under: str
    zero: str
    table: list[tuple[str, Decimal, Decimal, Decimal]]
    lines: list[Line]

    @property
    def is_empty(self) -> bool:
        return not self.rows

    @property
    def last(self) -> tuple[str, Decimal, Decimal, Decimal] | None:
        """The end of the curve: its day, what that day made, the whole, and how far that is below its highest point."""
        return self.table[0] if self.table else None

    @property
    def points(self) -> dict[str, Any]:
        """What the script draws."""
        return {
            "rows": self.rows,
            "lines": [{"name": each.name, "number": each.number, "rows": each.rows} for each in self.lines],
        }


def curve_chart(curve: Curve, lines: Sequence[tuple[str, str, Curve, bool]] = ()) -> CurveChart:
    """The curve, drawn; and over it those of single accounts, each with its id, name, curve and whether it lacks money.

    All of them share one scale, and the days of the combined curve are the width.
    """
    rows = curve.rows
    heights = [Decimal(row[2]) for row in rows]
    peaks = [height + Decimal(row[3]) for height, row in zip(heights, rows, strict=True)]
    others = [(key, name, own.rows, is_partial) for key, name, own, is_partial in lines]
    reached = [*heights, *(Decimal(row[2]) for _, _, points, _ in others for row in points), ZERO]
    top, bottom = max(reached), min(reached)
    span = (top - bottom) or Decimal(1)
    step = max(1, -(-len(heights) // DRAWN_POINTS))
    last = max(len(heights) - 1, 1)
    days = [row[0] for row in rows]

    def y(height: Decimal) -> str:
        return f"{(top - height) / span * (HEIGHT - 16) + 8:.1f}"

    def x(place: int) -> str:
        return f"{Decimal(place) * WIDTH / last:.1f}"

    shown = _every(step, len(heights))
    places = [f"{x(place)} {y(heights[place])}" for place in shown]
    above = [f"{x(place)} {y(peaks[place])}" for place in shown]
    if len(places) == 1:
        places.insert(0, f"0 {y(ZERO)}")
        places[1] = f"{WIDTH} {y(heights[0])}"
        above = []
    table = [
        (row[0], Decimal(row[1]), height, Decimal(row[3]))
        for row, height in zip(reversed(rows), reversed(heights), strict=True)
    ]
    return CurveChart(
        currency=curve.currency,
        rows=rows,
        path="M" + " L".join(places) if places else "",
        under="M" + " L".join([*above, *reversed(places)]) + " Z" if above else "",
        zero=y(ZERO),
        table=table[:DRAWN_POINTS],
        lines=[
            Line(
                id=key,
                name=name,
                number=number,
                rows=points,
                path=_path(
                    f"{x(min(bisect_left(days, points[place][0]), len(days) - 1))} {y(Decimal(points[place][2]))}"
                    for place in _every(step, len(points))
                ),
                is_partial=is_partial,
            )
            for number, (key, name, points, is_partial) in enumerate(others, start=1)
        ],
    )


def _every(step: int, count: int) -> list[int]:
    """Every so many places of a row, and the last one."""
    shown = [*range(0, count, step)]
    if shown and shown[-1] != count - 1:
        shown.append(count - 1)
    return shown


def _path(places: Iterable[str]) -> str:
    text = " L".join(places)
    return f"M{text}" if text else ""


def curve_of(currency: str | None, daily: Iterable[tuple[date, Decimal]]) -> Curve:
    """The curve of a daily series, thinned to what a chart can show."""
    made = dict(daily)
    points = formulas.thin(formulas.equity_points(made.items()))
    return Curve(
        currency,
        "\n".join(
            f"{point.day.isoformat()} {plain(made[point.day])} {plain(point.cumulative)} {plain(point.drawdown)}"
            for point in points
        ),
    )


def scaled(curve: Curve, scale: Scale) -> Curve:
    """The curve in percent of what the scale is of."""
    lines = []
    for day, *amounts in curve.rows:
        parts = [scale.shown(Decimal(amount)) for amount in amounts]
        lines.append(" ".join([day, *(plain(part or ZERO) for part in parts)]))
    return Curve(None, "\n".join(lines))


@dataclass(frozen=True, slots=True)
class DayBar:
    """One day of a row of bars, with its place in the drawing."""

    day: date
    amount: Decimal
    x: int
    y: str
    height: str
    css: str


@dataclass(frozen=True, slots=True)
class DayBars:
    """Days as bars that stand on one line or hang from it, in a box of `width` x BAR_HEIGHT."""

    bars: list[DayBar]
    width: int
    zero: str
    is_cut: bool


#: Days of a row of bars, the width that each has, and its height.
MOST_BARS, BAR_STEP, BAR_HEIGHT = 60, 4, 28
#: The room of so many is kept for fewer: one day alone would be a wall.
LEAST_BARS = 20


def day_bars(daily: Sequence[tuple[date, Decimal | None]]) -> DayBars:
    """The last days of a series as bars, on one scale. A day that made nothing is a stroke on the line."""
    known = [(day, amount) for day, amount in daily if amount is not None]
    shown = known[-MOST_BARS:]
    amounts = [amount for _, amount in shown]
    top, bottom = max([*amounts, ZERO]), min([*amounts, ZERO])
    span = (top - bottom) or Decimal(1)
    line = top / span * BAR_HEIGHT
    bars = []
    for place, (day, amount) in enumerate(shown):
        height = max(abs(amount) / span * BAR_HEIGHT, Decimal("0.5"))
        css = "gain" if amount > 0 else "loss" if amount < 0 else "flat"
        bars.append(
            DayBar(day, amount, place * BAR_STEP, f"{line - height if amount > 0 else line:.1f}", f"{height:.1f}", css)
        )
    return DayBars(bars, max(len(bars), LEAST_BARS) * BAR_STEP, f"{line:.1f}", is_cut=len(known) > len(shown))


@dataclass(frozen=True, slots=True)
class DayCell:
    """One day of a month's page. `is_traded` without a `pnl`: it made something, which the unit cannot say."""

    day: date
    is_inside: bool
    is_today: bool
    is_traded: bool
    pnl: Decimal | None
    trade_count: int
    tint: str


@dataclass(frozen=True, slots=True)
class Week:
    """One row of a month's page, with what the whole week made."""

    days: list[DayCell]
    start: date
    end: date
    pnl: Decimal | None
    trade_count: int

    @property
    def is_traded(self) -> bool:
        return any(cell.is_traded for cell in self.days)


@dataclass(frozen=True, slots=True)
class Month:
    """A month in weeks from Monday to Sunday. The totals count the month's own days alone.

    `previous` and `following` are months such as "2026-03", None where there is none to look at.
    """

    first: date
    last: date
    weeks: list[Week]
    pnl: Decimal | None
    trade_count: int
    previous: str | None
    following: str | None

    @property
    def has_trades(self) -> bool:
        return any(week.is_traded for week in self.weeks)

    @property
    def name(self) -> str:
        """How an address names it."""
        return f"{self.first:%Y-%m}"


def month_span(first: date) -> tuple[date, date]:
    """The days that the page of a month shows: from the Monday before its first to the Sunday after its last."""
    weeks = MonthCalendar().monthdatescalendar(first.year, first.month)
    return weeks[0][0], weeks[-1][-1]


def month(
    first: date,
    days: Iterable[CalendarDay],
    *,
    today: date,
    start: date | None = None,
    end: date | None = None,
    amount_of: Callable[[CalendarDay], Decimal | None] = attrgetter("pnl"),
) -> Month:
    """The page of a month; no week reaches beyond `start` and `end`, where a filter has them.

    `amount_of` is what a day shows: its P&L, or the same in another unit. Days without it are in no sum.
    """
    known = {each.date: each for each in days}
    amounts = {day: amount_of(each) for day, each in known.items()}
    largest = max((abs(amount) for amount in amounts.values() if amount is not None), default=ZERO)
    weeks = []
    for dates in MonthCalendar().monthdatescalendar(first.year, first.month):
        cells = [
            _cell(day, known.get(day), amounts.get(day), first=first, today=today, largest=largest) for day in dates
        ]
        weeks.append(
            Week(
                days=cells,
                start=max(dates[0], start or dates[0]),
                end=min(dates[-1], end or dates[-1]),
                pnl=_sum(cell.pnl for cell in cells),
                trade_count=sum(cell.trade_count for cell in cells),
            )
        )
    last = (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    inside = [each for day, each in known.items() if first <= day <= last]
    made = _sum(amounts[each.date] for each in inside)
    return Month(
        first=first,
        last=last,
        weeks=weeks,
        # A month without a trade made nothing; one whose amounts the unit cannot say made it knows not what.
        pnl=made if inside else ZERO,
        trade_count=sum(each.trade_count for each in inside),
        previous=_month_at(first - timedelta(days=1)),
        following=_month_at(last + timedelta(days=1)),
    )


@dataclass(frozen=True, slots=True)
class Year:
    """Twelve small months with what the year made; the years beside it, None where there is none to look at."""

    number: int
    months: list[Month]
    pnl: Decimal | None
    trade_count: int
    previous: int | None
    following: int | None

    @property
    def first(self) -> date:
        return date(self.number, 1, 1)

    @property
    def last(self) -> date:
        return date(self.number, 12, 31)


def year(
    number: int,
    days: Iterable[CalendarDay],
    *,
    today: date,
    amount_of: Callable[[CalendarDay], Decimal | None] = attrgetter("pnl"),
) -> Year:
    """The page of a year. A month tints its days by its own largest amount."""
    by_month: defaultdict[int, list[CalendarDay]] = defaultdict(list)
    for each in days:
        if each.date.year == number:
            by_month[each.date.month].append(each)
    months = [
        month(date(number, place, 1), by_month[place], today=today, amount_of=amount_of) for place in range(1, 13)
    ]
    return Year(
        number=number,
        months=months,
        pnl=_sum(each.pnl for each in months if by_month[each.first.month]) if by_month else ZERO,
        trade_count=sum(each.trade_count for each in months),
        previous=number - 1 if number > FIRST_YEAR else None,
        following=number + 1 if number < LAST_YEAR else None,
    )


def _sum(amounts: Iterable[Decimal | None]) -> Decimal | None:
    """The sum of the amounts that there are; None without one."""
    known = [amount for amount in amounts if amount is not None]
    return sum(known, ZERO) if known else None


def _month_at(day: date) -> str | None:
    return day.strftime("%Y-%m") if FIRST_YEAR <= day.year <= LAST_YEAR else None


def _cell(
    day: date, made: CalendarDay | None, amount: Decimal | None, *, first: date, today: date, largest: Decimal
) -> DayCell:
    tint = ""
    if amount:
        strength = 2 if abs(amount) * 3 >= largest else 1
        tint = f"{'gain' if amount > 0 else 'loss'}-{strength}"
    return DayCell(
        day=day,
        is_inside=(day.year, day.month) == (first.year, first.month),
        is_today=day == today,
        is_traded=made is not None,
        pnl=amount,
        trade_count=made.trade_count if made else 0,
        tint=tint,
    )


@dataclass(frozen=True, slots=True)
class Bar:
    """One row of a breakdown. `start` and `width` are places on a bar of 100, `zero` where nothing is."""

    key: str
    label: str
    pnl: Decimal
    trade_count: int
    win_rate: Decimal | None
    start: str
    width: str
    zero: str
    link: dict[str, str]


def bars(
    answer: Breakdown,
    *,
    most: int | None = None,
    amount_of: Callable[[BreakdownRow], Decimal | None] = attrgetter("net_pnl"),
    count_of: Callable[[BreakdownRow], int] = attrgetter("trade_count"),
) -> list[Bar]:
    """The rows as bars; with `most`, only that many with the largest amounts, in the order of the amounts.

    `amount_of` is what a row shows: its net P&L, or the same in another unit, and `count_of` the trades behind it.
    Rows without an amount have no bar.
    """
    found = [(row, amount) for row in answer.rows if (amount := amount_of(row)) is not None]
    if most is not None and len(found) > most:
        found = sorted(found, key=lambda each: abs(each[1]), reverse=True)[:most]
        found = sorted(found, key=lambda each: each[1], reverse=True)
    amounts = [amount for _, amount in found]
    top, bottom = max([*amounts, ZERO]), min([*amounts, ZERO])
    span = (top - bottom) or Decimal(1)
    zero = -bottom / span * 100
    dimension = dimensions.BY_NAME[answer.by]
    return [
        Bar(
            key=row.key,
            label=row.label,
            pnl=amount,
            trade_count=count_of(row),
            win_rate=row.figures.win_rate,
            start=f"{zero if amount >= 0 else zero + amount / span * 100:.2f}",
            width=f"{abs(amount) / span * 100:.2f}",
            zero=f"{zero:.2f}",
            link=dimension.parameters(row.key),
        )
        for row, amount in found
    ]
