"""Drawings of one trade: its fills on the price, what was held and made along the way, and what was planned.

Everything is reckoned here, in the units of an SVG's view box; templates only write it down.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import Count
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from journal.chart_axes import PAD, Up, round_prices, within_reach
from journal.templatetags import journal_format as written
from trading import bars
from trading.bars import PricedBar
from trading.models import Bar, FillRole, Instrument, Side, Timeframe, Trade, TradeFill

WIDTH, HEIGHT = 720, 220
_STRIP = 44
#: Triangles in pixels, below and above the place that they point at.
_UP, _DOWN = "M0 2 L-5 11 L5 11 Z", "M0 -2 L-5 -11 L5 -11 Z"
MOST_BARS = 240
#: Trades whose fills are looked for among the bars of an instrument.
_MOST_TRADES = 100
#: One so-many-th of the trade's time is shown before it, and as much after it.
_AROUND = 4
_FEWEST_BARS = 2
_LEAST_AROUND = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Mark:
    """A fill on the chart: a triangle that points up for a buy and down for a sale.

    `x` and `y` are where its tip is, in percent of the drawing: the drawing stretches, the triangle does not.
    """

    x: str
    y: str
    path: str
    css: str
    words: str


@dataclass(frozen=True, slots=True)
class Candle:
    """One bar: the wick from high to low, the body from open to close."""

    x: str
    left: str
    width: str
    high: str
    low: str
    top: str
    height: str
    css: str


@dataclass(frozen=True, slots=True)
class Candles:
    """Bars around a trade, each as long as `length`, which `words` says."""

    words: str
    length: timedelta
    bars: Sequence[PricedBar]


@dataclass(frozen=True, slots=True)
class Line:
    """A price with a name, right across the chart; beyond its scale, the name alone stands at the edge."""

    y: str
    css: str
    words: str
    percent: str
    is_outside: bool
    is_high: bool


@dataclass(frozen=True, slots=True)
class Label:
    """A round price at the side: `y` is in units of the drawing, `percent` of its height."""

    y: str
    percent: str
    words: str


@dataclass(frozen=True, slots=True)
class Strip:
    """A step line below the chart: what was held, or made so far."""

    path: str
    zero: str
    words: str
    css: str


@dataclass(frozen=True, slots=True)
class Chart:
    """The drawing. `path` joins the fills where there are no bars; `starts` and `ends` are "" without times."""

    width: int
    height: int
    strip: int
    candles: Sequence[Candle]
    path: str
    marks: Sequence[Mark]
    lines: Sequence[Line]
    strips: Sequence[Strip]
    words: str
    timeframe: str
    prices: Sequence[Label]
    starts: str
    ends: str


@dataclass(frozen=True, slots=True)
class PlanMark:
    """One price on the scale of plan and outcome."""

    x: str
    css: str
    words: str
    price: str


@dataclass(frozen=True, slots=True)
class PlanChart:
    """Risk and reward as they were planned, and where the trade ended."""

    marks: Sequence[PlanMark]
    risk_x: str
    risk_width: str
    reward_x: str
    reward_width: str
    words: str


def parts_of(trade: Trade) -> list[TradeFill]:
    """The parts of fills that make the trade, in the order in which they happened."""
    return list(
        TradeFill.objects.filter(trade=trade)
        .select_related("execution", "execution__batch")
        .order_by("execution__sort_at", "execution__sequence", "execution_id", "role")
    )


def bars_of(trade: Trade) -> Candles | None:
    """The finest bars around the trade that a chart has room for; put together where all are too many, None without."""
    if trade.opened_at is None:
        return None
    end = trade.closed_at or trade.activity_at
    around = max((end - trade.opened_at) / _AROUND, _LEAST_AROUND)
    start, end = trade.opened_at - around, end + around
    rows = Bar.objects.filter(instrument=trade.instrument_id, starts_at__gte=start, starts_at__lte=end)
    counts = dict(rows.order_by().values_list("timeframe").annotate(Count("pk")))
    there = [timeframe for timeframe in Timeframe if counts.get(timeframe, 0) >= _FEWEST_BARS]
    if not there:
        return None
    chosen = next((timeframe for timeframe in there if counts[timeframe] <= MOST_BARS), there[-1])
    found = bars.chart(trade.instrument_id, timeframe=chosen, start=start, end=end, most=MOST_BARS)
    words = str(chosen.label) if found.together == 1 else f"{found.together} × {chosen.label}"
    return Candles(words, bars.LENGTHS[chosen] * found.together, found.bars)


def fills_chart(trade: Trade, parts: Sequence[TradeFill], *, with_bars: bool = True) -> Chart | None:
    """The fills on the price over time: on candles where bars are there, else joined by a line; None without fills."""
    if not parts:
        return None
    candles = bars_of(trade) if with_bars else None
    around = candles.bars if candles else []
    across = _Across(parts, candles)
    prices = [part.execution.price for part in parts] + [price for bar in around for price in (bar.high, bar.low)]
    planned = [price for price in (trade.initial_stop, trade.initial_target) if price is not None]
    up = Up([*prices, *within_reach(prices, planned)], HEIGHT)
    points = [(across.of(place, part), up.of(part.execution.price)) for place, part in enumerate(parts)]
    return Chart(
        width=WIDTH,
        height=HEIGHT,
        strip=_STRIP,
        candles=[_candle(bar, candles.length, across, up) for bar in candles.bars] if candles else [],
        path="" if candles else _steps(points),
        marks=[_mark(part, x, y, trade) for part, (x, y) in zip(parts, points, strict=True)],
        lines=_lines(trade, up),
        strips=_strips(trade, parts, [x for x, _y in points]),
        words=ngettext(
            "%(count)d fill from %(low)s to %(high)s", "%(count)d fills from %(low)s to %(high)s", len(parts)
        )
        % {
            "count": len(parts),
            "low": written.price(min(part.execution.price for part in parts), trade.instrument.tick_size),
            "high": written.price(max(part.execution.price for part in parts), trade.instrument.tick_size),
        },
        timeframe=candles.words if candles else "",
        prices=_prices(up, trade.instrument.tick_size),
        starts=across.starts,
        ends=across.ends,
    )


def market_chart(person: User, instrument: Instrument) -> Chart | None:
    """The latest bars of an instrument, the longest that it has, with the person's fills in them; None without bars."""
    kinds = bars.timeframes_of(instrument.pk)
    if not kinds:
        return None
    chosen = Timeframe(kinds[-1])
    rows = Bar.objects.filter(instrument=instrument, timeframe=chosen).order_by("-starts_at")
    latest = list(rows.values_list("starts_at", flat=True)[:MOST_BARS])
    found = bars.chart(instrument.pk, timeframe=chosen, start=latest[-1], most=MOST_BARS)
    candles = Candles(str(chosen.label), bars.LENGTHS[chosen], found.bars)
    trades = Trade.objects.for_user(person).filter(instrument=instrument).order_by("-activity_at", "-id")[:_MOST_TRADES]
    parts = list(
        TradeFill.objects.filter(
            trade__in=[trade.pk for trade in trades],
            execution__executed_at__gte=latest[-1],
            execution__executed_at__lt=latest[0] + candles.length,
        )
        .select_related("execution", "trade__instrument")
        .order_by("execution__sort_at", "execution_id", "role")
    )
    across = _Across(parts, candles)
    prices = [part.execution.price for part in parts]
    up = Up([*prices, *(price for bar in found.bars for price in (bar.high, bar.low))], HEIGHT)
    tick = instrument.tick_size
    return Chart(
        width=WIDTH,
        height=HEIGHT,
        strip=_STRIP,
        candles=[_candle(bar, candles.length, across, up) for bar in found.bars],
        path="",
        marks=[
            _mark(part, across.of(place, part), up.of(part.execution.price), part.trade)
            for place, part in enumerate(parts)
        ],
        lines=[],
        strips=[],
        words=_("Bars from %(low)s to %(high)s")
        % {"low": written.price(up.low, tick), "high": written.price(up.high, tick)},
        timeframe=candles.words,
        prices=_prices(up, tick),
        starts=across.starts,
        ends=across.ends,
    )


class _Across:
    """Where an instant is from left to right; without times, fills stand one after the other."""

    def __init__(self, parts: Sequence[TradeFill], candles: Candles | None) -> None:
        times = [part.execution.executed_at for part in parts]
        known = [at for at in times if at is not None]
        self.count = len(parts)
        self.by_time = 0 < len(known) == len(times) and min(known) < max(known)
        around = [bar.starts_at for bar in candles.bars] if candles else []
        self.start = min(known + around) if known or candles else None
        ends = known + [at + candles.length for at in around] if candles else known
        self.seconds = _seconds(max(ends) - self.start) if self.start else Decimal(1)
        if candles:
            self.by_time = True
        # Bars of days and more have no time of day that says anything.
        write = written.day if candles and candles.length >= timedelta(days=1) else written.moment
        self.starts = write(self.start) if self.start and self.by_time else ""
        self.ends = write(max(ends)) if self.start and self.by_time else ""

    def at(self, moment: datetime) -> Decimal:
        assert self.start is not None
        return PAD + _seconds(moment - self.start) / (self.seconds or Decimal(1)) * (WIDTH - 2 * PAD)

    def of(self, place: int, part: TradeFill) -> Decimal:
        if self.by_time and part.execution.executed_at is not None:
            return self.at(part.execution.executed_at)
        if self.count == 1:
            return Decimal(WIDTH) / 2
        return PAD + Decimal(place) / (self.count - 1) * (WIDTH - 2 * PAD)


def _seconds(span: timedelta) -> Decimal:
    return Decimal(span // timedelta(milliseconds=1)) / 1000


def _text(value: Decimal) -> str:
    return f"{value:.1f}"


def _steps(points: Sequence[tuple[Decimal, Decimal]]) -> str:
    return " ".join(f"{'L' if place else 'M'}{_text(x)} {_text(y)}" for place, (x, y) in enumerate(points))


def _mark(part: TradeFill, x: Decimal, y: Decimal, trade: Trade) -> Mark:
    is_buy = part.execution.side == Side.BUY
    words = _("%(side)s %(quantity)s at %(price)s") % {
        "side": part.execution.get_side_display(),
        "quantity": written.quantity(part.quantity),
        "price": written.price(part.execution.price, trade.instrument.tick_size),
    }
    place = _text(x / WIDTH * 100), _text(y / HEIGHT * 100)
    return Mark(*place, *((_UP, "is-buy") if is_buy else (_DOWN, "is-sell")), words)


def _candle(bar: PricedBar, length: timedelta, across: _Across, up: Up) -> Candle:
    left, right = across.at(bar.starts_at), across.at(bar.starts_at + length)
    body = max(right - left - 1, Decimal(1))
    top, bottom = up.of(max(bar.open, bar.close)), up.of(min(bar.open, bar.close))
    return Candle(
        x=_text((left + right) / 2),
        left=_text(left + (right - left - body) / 2),
        width=_text(body),
        high=_text(up.of(bar.high)),
        low=_text(up.of(bar.low)),
        top=_text(top),
        height=_text(max(bottom - top, Decimal(1))),
        css="is-up" if bar.close >= bar.open else "is-down",
    )


def _lines(trade: Trade, up: Up) -> list[Line]:
    tick = trade.instrument.tick_size
    found = [
        ("is-stop", _("Stop %(price)s"), trade.initial_stop),
        ("is-target", _("Target %(price)s"), trade.initial_target),
    ]
    lines = []
    for css, words, price in found:
        if price is not None:
            y = up.of(price)
            name = words % {"price": written.price(price, tick)}
            beyond = " ↑" if price > up.high else " ↓" if price < up.low else ""
            lines.append(Line(_text(y), css, name + beyond, _percent(y), bool(beyond), y < HEIGHT / 2))
    return lines


def _prices(up: Up, tick: Decimal | None) -> list[Label]:
    found = [(up.of(price), price) for price in round_prices(up.low, up.high, tick)]
    return [Label(_text(y), _percent(y), written.price(price, tick)) for y, price in found]


def _percent(y: Decimal) -> str:
    return _text(y / HEIGHT * 100)


def _strips(trade: Trade, parts: Sequence[TradeFill], places: Sequence[Decimal]) -> list[Strip]:
    """What was held after each fill, and what was made by each exit."""
    held, made = Decimal(0), Decimal(0)
    holdings, results = [], []
    for part in parts:
        if part.role == FillRole.ENTRY:
            held += part.quantity
        else:
            held -= part.quantity
            made += part.net_pnl or 0
        holdings.append(held if trade.side == "long" else -held)
        results.append(made)
    return [
        _strip(holdings, places, _("Position"), "is-position"),
        _strip(results, places, _("Made so far"), "is-result"),
    ]


def _strip(values: Sequence[Decimal], places: Sequence[Decimal], words: str, css: str) -> Strip:
    up = Up([*values, Decimal(0)], _STRIP)
    zero = up.of(Decimal(0))
    path = f"M{_text(places[0])} {_text(zero)}"
    for x, value in zip(places, values, strict=True):
        path += f" H{_text(x)} V{_text(up.of(value))}"
    return Strip(path, _text(zero), words, css)


def plan_chart(trade: Trade) -> PlanChart | None:
    """Stop, entry, target and exit on one scale, the stop's end on the left; None without a stop or a target."""
    stop, target, entry = trade.initial_stop, trade.initial_target, trade.entry_price
    if stop is None and target is None:
        return None
    named = [
        ("is-stop", _("Stop"), stop),
        ("is-entry", _("Entry"), entry),
        ("is-target", _("Target"), target),
        ("is-exit", _("Exit"), trade.exit_price),
    ]
    known = [(css, words, price) for css, words, price in named if price is not None]
    low, high = min(price for *_rest, price in known), max(price for *_rest, price in known)
    span = high - low or Decimal(1)

    def place(price: Decimal) -> Decimal:
        share = (price - low) / span
        return 40 + (share if trade.side == "long" else 1 - share) * (WIDTH - 80)

    at = place(entry)
    risk = place(stop) if stop is not None else at
    reward = place(target) if target is not None else at
    tick = trade.instrument.tick_size
    return PlanChart(
        marks=[PlanMark(_text(place(price)), css, words, written.price(price, tick)) for css, words, price in known],
        risk_x=_text(min(at, risk)),
        risk_width=_text(abs(at - risk)),
        reward_x=_text(min(at, reward)),
        reward_width=_text(abs(at - reward)),
        words=", ".join(f"{words} {written.price(price, tick)}" for _css, words, price in known),
    )
