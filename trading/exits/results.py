"""What a plan's position has made: by its exits, at their fills, and on what is left, at a price.

Source: docs/exits.md#results
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal

from trading.exits.states import Entry

_WIDE = Context(prec=100, rounding=ROUND_HALF_EVEN)
_ZERO = Decimal(0)
_MONEY_STEP = Decimal("1e-8")
_PRICE_STEP = Decimal("1e-12")
_FRACTION_STEP = Decimal("1e-12")


@dataclass(frozen=True, slots=True)
class ExitFill:
    """Units, > 0, that went out, and the price they really went out at."""

    quantity: Decimal
    price: Decimal


@dataclass(frozen=True, slots=True)
class Result:
    """Money is before costs in the currency of the instrument; fractions are of 1.

    `exit_price`: average of all exits weighted by units, None before the first. `exit_value` is what they were worth.
    `market_value`, `unrealized` and what is derived from them: None while something is held and no price is known.
    `realized_fraction` and `total_fraction` are of the value at entry, `unrealized_fraction` of that of the units
    still held, so the two parts do not add up to the total. It is None when nothing is held.
    """

    held: Decimal
    exited: Decimal
    exit_price: Decimal | None
    exit_value: Decimal
    realized: Decimal
    realized_fraction: Decimal
    market_value: Decimal | None
    unrealized: Decimal | None
    unrealized_fraction: Decimal | None
    total: Decimal | None
    total_fraction: Decimal | None


def result(
    entry: Entry, exits: Iterable[ExitFill], *, price: Decimal | None, multiplier: Decimal = Decimal(1)
) -> Result:
    """Return what the position has made when it is marked at `price`; `multiplier` is money per 1.00 of price and unit.

    Everything is derived from the exact sums of the exits and rounded once: money to 8 decimals, prices and fractions
    to 12.
    Raises: ValueError for more exits than were entered.
    """
    exited = worth = _ZERO
    for fill in exits:
        exited = _WIDE.add(exited, fill.quantity)
        worth = _WIDE.add(worth, _WIDE.multiply(fill.quantity, fill.price))
    held = _WIDE.subtract(entry.quantity, exited)
    if held < 0:
        raise ValueError("more was taken out than was entered")
    basis = _WIDE.multiply(_WIDE.multiply(entry.price.copy_abs(), entry.quantity), multiplier)
    realized = _gain(entry, worth, exited, multiplier)
    market = None if price is None and held else _WIDE.multiply(held, price or _ZERO)
    unrealized = None if market is None else _gain(entry, market, held, multiplier)
    total = None if unrealized is None else _WIDE.add(realized, unrealized)
    return Result(
        held=held,
        exited=exited,
        exit_price=_WIDE.quantize(_WIDE.divide(worth, exited), _PRICE_STEP) if exited else None,
        exit_value=_money(_WIDE.multiply(worth, multiplier)),
        realized=_money(realized),
        realized_fraction=_fraction(realized, basis),
        market_value=None if market is None else _money(_WIDE.multiply(market, multiplier)),
        unrealized=None if unrealized is None else _money(unrealized),
        unrealized_fraction=_unrealized_fraction(entry, price) if held else None,
        total=None if total is None else _money(total),
        total_fraction=None if total is None else _fraction(total, basis),
    )


def _gain(entry: Entry, worth: Decimal, quantity: Decimal, multiplier: Decimal) -> Decimal:
    cost = _WIDE.multiply(entry.price, quantity)
    gain = _WIDE.subtract(worth, cost) if entry.is_long else _WIDE.subtract(cost, worth)
    return _WIDE.multiply(gain, multiplier)


def _unrealized_fraction(entry: Entry, price: Decimal | None) -> Decimal | None:
    if price is None:
        return None
    gain = _WIDE.subtract(price, entry.price) if entry.is_long else _WIDE.subtract(entry.price, price)
    return _fraction(gain, entry.price.copy_abs())


def _fraction(part: Decimal, whole: Decimal) -> Decimal:
    return _WIDE.quantize(_WIDE.divide(part, whole), _FRACTION_STEP)


def _money(amount: Decimal) -> Decimal:
    return _WIDE.quantize(amount, _MONEY_STEP)
