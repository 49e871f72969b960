"""Drawings of reports: columns, a cloud of points, days below the peak, curves over one another.

Coordinates are calculated here and drawn by the templates as SVG, so that charts are there without a script, on paper
and in both themes. Places across are shares of the drawing's width, so that it fits whatever room it has, down to a
phone's, while letters and lines keep their size; heights are pixels.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from math import ceil
from typing import Any

from journal.metrics import distributions as spread

ZERO = Decimal(0)
HEIGHT = 260
#: Room above, and for the words below.
TOP, BOTTOM = 12, 28
_INNER_HEIGHT = HEIGHT - TOP - BOTTOM
#: Paths are drawn this wide, and stretched to the room that there is.
PATH_WIDTH = 1000
#: The least pixels across of a drawing over the whole page, of one beside another, and of one on a phone; reports.css
#: shows the labels that fit.
ROOMS = {"wide": 880, "half": 440, "phone": 228}
#: Pixels before the drawing that words may take: the numbers of its lines stand above them.
_LEFT = 40
#: How wide a letter of a label is, with some air.
_LETTER = 8
_MOST_POINTS = 2000


@dataclass(frozen=True, slots=True)
class Tick:
    """A line across the drawing with its number. `is_spare` is one that a phone has no room for."""

    place: str
    value: Decimal
    is_zero: bool = False
    is_spare: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """One column: where it stands, what it says, and the filter that finds its trades."""

    x: str
    y: str
    width: str
    height: str
    label: str
    value: Decimal | None
    tone: str
    link: Mapping[str, str] = field(default_factory=dict)
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Label:
    """The words below a column: `x` is a share of the width, `anchor` which end of the words stands there."""

    words: str
    x: str
    anchor: str


@dataclass(frozen=True, slots=True)
class ColumnChart:
    """Columns over and under a line at zero; `labels` are those that fit, by the name of the room."""

    columns: list[Column]
    ticks: list[Tick]
    zero: str
    kind: str
    labels: Mapping[str, list[Label]]

    @property
    def is_linked(self) -> bool:
        """Whether columns lead to their trades."""
        return any(column.link for column in self.columns)

    @property
    def is_empty(self) -> bool:
        return all(column.value is None for column in self.columns)


@dataclass(frozen=True, slots=True)
class Item:
    """What a column is made of."""

    label: str
    value: Decimal | None
    link: Mapping[str, str] = field(default_factory=dict)
    count: int | None = None


class _Scale:
    """From numbers to heights."""

    def __init__(self, values: Iterable[Decimal]) -> None:
        values = list(values)
        top, bottom = max([*values, ZERO]), min([*values, ZERO])
        inner = spread.edges(bottom, top, most=7)
        self.low, self.high = min(inner[0], bottom), max(inner[-1], top)
        if self.low == self.high:
            self.high = self.low + 1
        self.ticks = [Tick(self.y(edge), edge, is_zero=not edge) for edge in inner]

    def y(self, value: Decimal) -> str:
        share = (self.high - value) / (self.high - self.low)
        return f"{TOP + share * _INNER_HEIGHT:.1f}"


def columns(items: Sequence[Item], *, kind: str = "money", is_signed: bool = True) -> ColumnChart:
    """A column for each item in its order; what is undefined leaves its place empty."""
    scale = _Scale(item.value for item in items if item.value is not None)
    step = Decimal(100) / max(len(items), 1)
    # A quarter of the room, yet never a broad white stripe.
    gap = min(step / 4, Decimal(1))
    zero = Decimal(scale.y(ZERO))
    made = []
    for place, item in enumerate(items):
        value = item.value
        end = zero if value is None else Decimal(scale.y(value))
        tone = "flat" if not value else "gain" if value > 0 else "loss"
        made.append(
            Column(
                x=_percent(step * place + gap / 2),
                y=f"{min(zero, end):.1f}",
                width=_percent(step - gap),
                height=f"{max(abs(end - zero), Decimal(1) if value else ZERO):.1f}",
                label=item.label,
                value=value,
                tone=tone if is_signed else "plain",
                link=item.link,
                count=item.count,
            )
        )
    texts = [item.label for item in items]
    labels = {name: _labels(texts, room=room) for name, room in ROOMS.items()}
    return ColumnChart(made, scale.ticks, f"{zero:.1f}", kind, labels)


def _percent(share: Decimal) -> str:
    return f"{share:.2f}%"


def _labels(texts: Sequence[str], *, room: int) -> list[Label]:
    """Every n-th label, so that none touches the next, and all of them inside so many pixels."""
    step = Decimal(room) / max(len(texts), 1)
    longest = max(map(len, texts), default=1) * _LETTER + _LETTER
    every = max(1, ceil(longest / step))
    made, free = [], Decimal(-_LEFT)
    for place, text in enumerate(texts):
        x, anchor, half = step * place + step / 2, "middle", Decimal(len(text) * _LETTER) / 2
        if x - half < -_LEFT:
            x, anchor = Decimal(-_LEFT), "start"
        elif x + half > room:
            x, anchor = Decimal(room), "end"
        start = x - half * {"start": 0, "middle": 1, "end": 2}[anchor]
        if place % every == 0 and start >= free:
            free = start + 2 * half + _LETTER
            made.append(Label(text, _percent(x / room * 100), anchor))
    return made


@dataclass(frozen=True, slots=True)
class Bar:
    """One row of a chart of names: a bar to either side of zero, by places from 0 to 100."""

    label: str
    value: Decimal | None
    count: int | None
    start: str
    width: str
    zero: str
    tone: str
    link: Mapping[str, str]


def bars(items: Sequence[Item], *, most: int) -> list[Bar]:
    """The items with the largest values as bars, in the order of their values."""
    known = [item for item in items if item.value is not None]
    if len(known) > most:
        known = sorted(known, key=lambda item: abs(item.value or ZERO), reverse=True)[:most]
    known = sorted(known, key=lambda item: item.value or ZERO, reverse=True)
    values = [item.value or ZERO for item in known]
    top, bottom = max([*values, ZERO]), min([*values, ZERO])
    span = (top - bottom) or Decimal(1)
    zero = -bottom / span * 100
    return [
        Bar(
            item.label,
            item.value,
            item.count,
            start=f"{zero if value >= 0 else zero + value / span * 100:.2f}",
            width=f"{abs(value) / span * 100:.2f}",
            zero=f"{zero:.2f}",
            tone="gain" if value > 0 else "loss" if value < 0 else "flat",
            link=item.link,
        )
        for item, value in zip(known, values, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class Line:
    """A curve as a path, and the surface between it and zero."""

    path: str
    area: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class LineChart:
    """Curves in one drawing; `left` and `right` say where they begin and end, `across` which days are between."""

    lines: list[Line]
    ticks: list[Tick]
    zero: str
    left: Any
    right: Any
    across: list[Tick] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        return not any(line.path for line in self.lines)


def below_peak(days: Sequence[tuple[date, Decimal]]) -> LineChart:
    """How far each day ended below the peak, hanging from zero."""
    found = [(day, -drawdown) for day, drawdown in days]
    scale = _Scale([value for _, value in found])
    first, last = (days[0][0], days[-1][0]) if days else (None, None)
    return LineChart([_line(found, scale)], scale.ticks, scale.y(ZERO), first, last)


def from_one_start(curves: Sequence[tuple[str, Sequence[tuple[date, Decimal]]]]) -> LineChart:
    """Curves from a shared start, by days since the first trading day of each, which is day 1."""
    found = [
        (name, [(0, ZERO), *(((day - points[0][0]).days + 1, value) for day, value in points)])
        for name, points in curves
    ]
    scale = _Scale([value for _, points in found for _, value in points])
    longest = max((points[-1][0] for _, points in found), default=0)
    across = [edge for edge in spread.edges(ZERO, Decimal(longest), most=7) if edge == int(edge)]
    end = max(Decimal(longest), *across, Decimal(1))

    def x(day: Decimal) -> Decimal:
        return day / end * PATH_WIDTH

    lines = [_path([(x(Decimal(day)), value) for day, value in points], scale, label=name) for name, points in found]
    return LineChart(
        lines,
        scale.ticks,
        scale.y(ZERO),
        None,
        None,
        _across(across, end),
    )


def _across(edges: Sequence[Decimal], end: Decimal) -> list[Tick]:
    """Numbers below the drawing, every other one of them where there are many spare."""
    return [
        Tick(_percent(edge / end * 100), edge, is_zero=not edge, is_spare=len(edges) > 4 and place % 2 == 1)
        for place, edge in enumerate(edges)
    ]


def _line(points: Sequence[tuple[Any, Decimal]], scale: _Scale, *, label: str = "") -> Line:
    """The points in equal steps over the whole width."""
    last = max(len(points) - 1, 1)
    spaced = [(Decimal(place) * PATH_WIDTH / last, value) for place, (_, value) in enumerate(points)]
    return _path(spaced, scale, label=label)


def _path(points: Sequence[tuple[Decimal, Decimal]], scale: _Scale, *, label: str) -> Line:
    if not points:
        return Line("", "", label)
    step = max(1, -(-len(points) // _MOST_POINTS))
    chosen = [*range(0, len(points), step)]
    if chosen[-1] != len(points) - 1:
        chosen.append(len(points) - 1)
    places = [f"{points[place][0]:.1f} {scale.y(points[place][1])}" for place in chosen]
    first_x, last_x = places[0].partition(" ")[0], places[-1].partition(" ")[0]
    zero = scale.y(ZERO)
    path = "M" + " L".join(places)
    return Line(path, f"{path} L{last_x} {zero} L{first_x} {zero} Z", label)


@dataclass(frozen=True, slots=True)
class Point:
    """One trade in a cloud, and where it leads."""

    x: str
    y: str
    tone: str
    key: str
    title: str


@dataclass(frozen=True, slots=True)
class Cloud:
    """Trades by two of their numbers."""

    points: list[Point]
    x_ticks: list[Tick]
    y_ticks: list[Tick]


def cloud(rows: Sequence[tuple[str, str, Decimal, Decimal, str]]) -> Cloud:
    """Each trade (id, outcome, across, up, title) as a point; both numbers are from zero on."""
    across = _axis([row[2] for row in rows])
    up = _axis([row[3] for row in rows])
    x_end, y_end = across[-1] or Decimal(1), up[-1] or Decimal(1)

    def x(value: Decimal) -> str:
        return _percent(value / x_end * 100)

    def y(value: Decimal) -> str:
        return f"{TOP + (1 - value / y_end) * _INNER_HEIGHT:.1f}"

    return Cloud(
        [Point(x(one), y(other), outcome, key, title) for key, outcome, one, other, title in rows],
        _across(across, x_end),
        [Tick(y(edge), edge, is_zero=not edge) for edge in up],
    )


def _axis(values: Sequence[Decimal]) -> list[Decimal]:
    return [edge for edge in spread.edges(ZERO, max(values, default=ZERO), most=7) if edge >= 0] or [ZERO]


@dataclass(frozen=True, slots=True)
class HeatCell:
    """What one weekday made in one hour; `tint` as in the calendar."""

    hour: int
    value: Decimal | None
    count: int
    tint: str
    link: Mapping[str, str]


def heat(values: Mapping[tuple[str, str], tuple[Decimal, int]]) -> tuple[list[int], list[tuple[str, list[HeatCell]]]]:
    """Hours across and weekdays down, from the first hour in which anything was opened to the last."""
    hours = sorted({int(hour) for _, hour in values if int(hour) < 24})
    if not hours:
        return [], []
    span = list(range(hours[0], hours[-1] + 1))
    largest = max((abs(value) for value, _ in values.values()), default=ZERO)
    rows = []
    for weekday in sorted({weekday for weekday, _ in values}):
        cells = []
        for hour in span:
            key = f"{hour:02}"
            value, count = values.get((weekday, key), (None, 0))
            tint = ""
            if value:
                strength = 2 if abs(value) * 3 >= largest else 1
                tint = f"{'gain' if value > 0 else 'loss'}-{strength}"
            cells.append(HeatCell(hour, value, count, tint, {"entry_weekday": weekday, "hour": key}))
        rows.append((weekday, cells))
    return span, rows
