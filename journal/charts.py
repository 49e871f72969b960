"""From answers to what a template draws: a curve's points, the weeks of a month, the bars of a breakdown."""

from calendar import Calendar as MonthCalendar
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings

from journal.figures import Breakdown, CalendarDay, Curve

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
class CurveChart:
    """A curve as points for the script, as a drawing in a box of WIDTH x HEIGHT, and as a table.

    `rows` are texts: day, P&L of the day, cumulative P&L, drawdown.
    """

    currency: str | None
    rows: list[list[str]]
    path: str
    zero: str
    table: list[tuple[str, Decimal, Decimal, Decimal]]

    @property
    def is_empty(self) -> bool:
        return not self.rows


def curve_chart(curve: Curve) -> CurveChart:
    """The curve, drawn."""
    rows = curve.rows
    heights = [Decimal(row[2]) for row in rows]
    top, bottom = max([*heights, ZERO]), min([*heights, ZERO])
    span = (top - bottom) or Decimal(1)
    step = max(1, -(-len(heights) // DRAWN_POINTS))
    last = max(len(heights) - 1, 1)

    def y(height: Decimal) -> str:
        return f"{(top - height) / span * (HEIGHT - 16) + 8:.1f}"

    shown = [*range(0, len(heights), step)]
    if heights and shown[-1] != len(heights) - 1:
        shown.append(len(heights) - 1)
    places = [f"{Decimal(index) * WIDTH / last:.1f} {y(heights[index])}" for index in shown]
    if len(places) == 1:
        places.insert(0, f"0 {y(ZERO)}")
        places[1] = f"{WIDTH} {y(heights[0])}"
    table = [
        (row[0], Decimal(row[1]), height, Decimal(row[3]))
        for row, height in zip(reversed(rows), reversed(heights), strict=True)
    ]
    return CurveChart(
        currency=curve.currency,
        rows=rows,
        path="M" + " L".join(places) if places else "",
        zero=y(ZERO),
        table=table[:DRAWN_POINTS],
    )


@dataclass(frozen=True, slots=True)
class DayCell:
    """One day of a month's page."""

    day: date
    is_inside: bool
    is_today: bool
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


@dataclass(frozen=True, slots=True)
class Month:
    """A month in weeks from Monday to Sunday. The totals count the month's own days alone.

    `previous` and `following` are months such as "2026-03", None where there is none to look at.
    """

    first: date
    last: date
    weeks: list[Week]
    pnl: Decimal
    trade_count: int
    previous: str | None
    following: str | None


def month_span(first: date) -> tuple[date, date]:
    """The days that the page of a month shows: from the Monday before its first to the Sunday after its last."""
    weeks = MonthCalendar().monthdatescalendar(first.year, first.month)
    return weeks[0][0], weeks[-1][-1]


def month(
    first: date, days: Iterable[CalendarDay], *, today: date, start: date | None = None, end: date | None = None
) -> Month:
    """The page of a month; no week reaches beyond `start` and `end`, where a filter has them."""
    known = {each.date: each for each in days}
    largest = max((abs(each.pnl) for each in known.values()), default=ZERO)
    weeks = []
    for dates in MonthCalendar().monthdatescalendar(first.year, first.month):
        cells = [_cell(day, known.get(day), first=first, today=today, largest=largest) for day in dates]
        made = [cell for cell in cells if cell.pnl is not None]
        weeks.append(
            Week(
                days=cells,
                start=max(dates[0], start or dates[0]),
                end=min(dates[-1], end or dates[-1]),
                pnl=sum((cell.pnl or ZERO for cell in made), ZERO) if made else None,
                trade_count=sum(cell.trade_count for cell in made),
            )
        )
    last = (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    inside = [each for day, each in known.items() if first <= day <= last]
    return Month(
        first=first,
        last=last,
        weeks=weeks,
        pnl=sum((each.pnl for each in inside), ZERO),
        trade_count=sum(each.trade_count for each in inside),
        previous=_month_at(first - timedelta(days=1)),
        following=_month_at(last + timedelta(days=1)),
    )


def _month_at(day: date) -> str | None:
    return day.strftime("%Y-%m") if FIRST_YEAR <= day.year <= LAST_YEAR else None


def _cell(day: date, made: CalendarDay | None, *, first: date, today: date, largest: Decimal) -> DayCell:
    tint = ""
    if made is not None and made.pnl:
        strength = 2 if abs(made.pnl) * 3 >= largest else 1
        tint = f"{'gain' if made.pnl > 0 else 'loss'}-{strength}"
    return DayCell(
        day=day,
        is_inside=(day.year, day.month) == (first.year, first.month),
        is_today=day == today,
        pnl=made.pnl if made else None,
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


#: Which parameter of the trade list finds the trades of a row, where one does.
_LINKS = {"symbol": "symbol", "side": "side", "broker": "broker", "account": "account", "tag": "tag"}


def bars(answer: Breakdown, *, most: int | None = None) -> list[Bar]:
    """The rows as bars; with `most`, only that many with the largest amounts, in the order of the amounts."""
    rows: Sequence[Any] = answer.rows
    if most is not None and len(rows) > most:
        rows = sorted(rows, key=lambda row: abs(row.figures.totals.net_pnl), reverse=True)[:most]
        rows = sorted(rows, key=lambda row: row.figures.totals.net_pnl, reverse=True)
    amounts = [row.figures.totals.net_pnl for row in rows]
    top, bottom = max([*amounts, ZERO]), min([*amounts, ZERO])
    span = (top - bottom) or Decimal(1)
    zero = -bottom / span * 100
    parameter = _LINKS.get(answer.by)
    return [
        Bar(
            key=row.key,
            label=row.label,
            pnl=amount,
            trade_count=row.figures.trade_count,
            win_rate=row.figures.win_rate,
            start=f"{zero if amount >= 0 else zero + amount / span * 100:.2f}",
            width=f"{abs(amount) / span * 100:.2f}",
            zero=f"{zero:.2f}",
            link={parameter: row.key} if parameter and row.key else {},
        )
        for row, amount in zip(rows, amounts, strict=True)
    ]
