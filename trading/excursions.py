"""How far a trade went against and for its holder before it ended: MAE and MFE, from its fills and bars of prices.

Pure: no Django, no clock, no database. Money before costs, in the currency of the trade.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal
from itertools import pairwise

_WIDE = Context(prec=100, rounding=ROUND_HALF_EVEN)
_MONEY_STEP = Decimal("1e-8")
_ZERO = Decimal(0)

#: Time without bars that a closed market explains: a weekend with holidays on both sides.
LONGEST_PAUSE = timedelta(days=5)


@dataclass(frozen=True, slots=True)
class TimedFill:
    """One fill of the trade. `quantity` is negative for a sale; `multiplier` is money per 1.00 of price and unit."""

    at: datetime
    quantity: Decimal
    price: Decimal
    multiplier: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True)
class PriceBar:
    """Prices from `starts_at` until before `ends_at`."""

    starts_at: datetime
    ends_at: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal


@dataclass(frozen=True, slots=True)
class Excursions:
    """The largest loss and the largest profit that the trade ever showed, both >= 0, and when.

    The time is that of the fill, or the beginning or end of the bar that showed it.
    """

    mae: Decimal
    mfe: Decimal
    mae_at: datetime
    mfe_at: datetime


def excursions(fills: Sequence[TimedFill], bars: Sequence[PriceBar]) -> Excursions | None:
    """Return the excursions of a closed trade; fills in trading order, bars ascending and without overlap.

    What the trade shows at a price is what it realized so far plus what is open at that price: the size at each moment
    counts. Between fills the highs and lows of bars count. Of a bar with fills in it only what is certain does: its
    open with the position before the first of them, the prices of the fills, and its close with the position after the
    last. Its high and low may have been before the entry or after the exit. So excursions are never too large, and may
    be too small by what such a bar hides; finer bars hide less.

    None where bars do not cover the holding time: a fill outside of any bar, or a pause between bars longer than
    `LONGEST_PAUSE`; and where no price besides those of the fills is known.
    Unit: currency of the trade. Source: docs/metrics.md#excursions
    """
    if not fills:
        return None
    held = [bar for bar in bars if bar.ends_at >= fills[0].at and bar.starts_at <= fills[-1].at]
    if not _covers(held, fills):
        return None
    path = _Path(fills[0].at)
    waiting = list(fills)
    for bar in held:
        inside = _taken(waiting, before=bar.ends_at)
        path.pass_bar(bar, inside)
    for fill in waiting:  # at the very end of the last bar
        path.pass_fill(fill)
    return path.found() if path.is_known else None


def _taken(waiting: list[TimedFill], *, before: datetime) -> list[TimedFill]:
    """Return the fills before this time, taken off the front."""
    count = next((place for place, fill in enumerate(waiting) if fill.at >= before), len(waiting))
    taken, waiting[:] = waiting[:count], waiting[count:]
    return taken


def _covers(bars: Sequence[PriceBar], fills: Sequence[TimedFill]) -> bool:
    if not bars or fills[0].at < bars[0].starts_at or fills[-1].at > bars[-1].ends_at:
        return False
    gaps = [(left.ends_at, right.starts_at) for left, right in pairwise(bars) if left.ends_at < right.starts_at]
    return not any(end - start > LONGEST_PAUSE or any(start < fill.at < end for fill in fills) for start, end in gaps)


@dataclass(slots=True)
class _Path:
    """The trade's P&L as prices pass by."""

    begins_at: datetime
    cash: Decimal = _ZERO
    position: Decimal = _ZERO
    multiplier: Decimal = Decimal(1)
    lowest: Decimal = _ZERO
    highest: Decimal = _ZERO
    lowest_at: datetime = field(init=False)
    highest_at: datetime = field(init=False)
    is_known: bool = False

    def __post_init__(self) -> None:
        self.lowest_at = self.highest_at = self.begins_at

    def pass_bar(self, bar: PriceBar, inside: Sequence[TimedFill]) -> None:
        """The bar has passed, with these fills in it."""
        for price, at in self._certain(bar, inside):
            self._see(price, at)
            self.is_known = True
        if not inside:
            return
        for fill in inside:
            self.pass_fill(fill)
        if self.position:
            self._see(bar.close, bar.ends_at)
            self.is_known = True

    def _certain(self, bar: PriceBar, inside: Sequence[TimedFill]) -> Iterator[tuple[Decimal, datetime]]:
        """Yield the prices that the position before the fills has surely seen."""
        if not self.position:
            return
        if not inside:
            yield bar.low, bar.starts_at
            yield bar.high, bar.starts_at
        elif inside[0].at > bar.starts_at:
            yield bar.open, bar.starts_at

    def pass_fill(self, fill: TimedFill) -> None:
        """The fill has happened, at a price that the position saw."""
        if self.position:
            self._see(fill.price, fill.at)
        self.multiplier = fill.multiplier
        self.cash = _WIDE.subtract(
            self.cash, _WIDE.multiply(_WIDE.multiply(fill.quantity, fill.price), fill.multiplier)
        )
        self.position = _WIDE.add(self.position, fill.quantity)
        if not self.position:
            self._show(self.cash, fill.at)

    def _see(self, price: Decimal, at: datetime) -> None:
        worth = _WIDE.multiply(_WIDE.multiply(self.position, price), self.multiplier)
        self._show(_WIDE.add(self.cash, worth), at)

    def _show(self, pnl: Decimal, at: datetime) -> None:
        if pnl < self.lowest:
            self.lowest, self.lowest_at = pnl, at
        if pnl > self.highest:
            self.highest, self.highest_at = pnl, at

    def found(self) -> Excursions:
        return Excursions(
            mae=_WIDE.quantize(self.lowest.copy_abs(), _MONEY_STEP),
            mfe=_WIDE.quantize(self.highest, _MONEY_STEP),
            mae_at=self.lowest_at,
            mfe_at=self.highest_at,
        )
