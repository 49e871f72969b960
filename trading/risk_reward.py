"""What a trade risked, what it aimed for, and how it counts: R, basis and outcome.

Pure: no Django, no clock, no database. Undefined is None.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal, DivisionByZero, InvalidOperation, Overflow
from enum import StrEnum

_WIDE = Context(prec=100, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation, DivisionByZero, Overflow])
_ZERO = Decimal(0)
_RATIO_STEP = Decimal("1e-12")


class Outcome(StrEnum):
    """How a closed trade counts."""

    WIN = "win"
    LOSS = "loss"
    BREAKEVEN = "breakeven"


@dataclass(frozen=True, slots=True)
class Target:
    """A price at which `quantity` units are meant to be taken off."""

    price: Decimal
    quantity: Decimal


def outcome(*, gross_pnl: Decimal, net_pnl: Decimal, tolerance: Decimal = _ZERO) -> Outcome:
    """Return how a closed trade counts: gross decides breakeven, net decides win or loss.

    `tolerance` is money in the currency of the trade, bounds included; see `breakeven_tolerance`.
    A net of exactly zero is breakeven as well.
    Source: docs/metrics.md#outcome
    """
    if gross_pnl.copy_abs() <= tolerance or not net_pnl:
        return Outcome.BREAKEVEN
    return Outcome.WIN if net_pnl > 0 else Outcome.LOSS


def breakeven_tolerance(*, ticks: Decimal, tick_size: Decimal, multiplier: Decimal, quantity: Decimal) -> Decimal:
    """Return the gross money of that many ticks on the whole trade.

    Unit: currency of the trade.
    Source: docs/metrics.md#outcome
    """
    per_unit = _WIDE.multiply(_WIDE.multiply(ticks, tick_size), multiplier)
    return _WIDE.multiply(per_unit, quantity)


def initial_risk(
    *, is_long: bool, entry: Decimal, stop: Decimal | None, quantity: Decimal, multiplier: Decimal
) -> Decimal | None:
    """Return what the trade would lose, before fees, if all of it were closed at its initial stop.

    Unit: currency of the trade, > 0. None without a stop, with a stop at the entry or beyond it.
    Source: docs/metrics.md#initial-risk
    """
    if stop is None:
        return None
    risk = _distance(entry, stop, is_upward=not is_long)
    if risk is None:
        return None
    return _WIDE.multiply(_WIDE.multiply(risk, quantity), multiplier) or None


def realized_r(
    net_pnl: Decimal,
    *,
    is_long: bool,
    entry: Decimal,
    stop: Decimal | None,
    quantity: Decimal,
    multiplier: Decimal,
) -> Decimal | None:
    """Return net P&L in multiples of the initial risk; the exit price may well be zero.

    Unit: R. None where the initial risk is undefined.
    Source: docs/metrics.md#realized-r
    """
    risk = initial_risk(is_long=is_long, entry=entry, stop=stop, quantity=quantity, multiplier=multiplier)
    return None if risk is None else _ratio(net_pnl, risk)


def planned_r(
    *,
    is_long: bool,
    entry: Decimal,
    stop: Decimal | None,
    target: Decimal | Sequence[Target] | None,
) -> Decimal | None:
    """Return the distance to the target in multiples of the distance to the stop.

    Several targets count by their quantities. Unit: R, > 0. None without a stop or a target, and
    where either is at the entry or on the wrong side of it.
    Source: docs/metrics.md#planned-r
    """
    if stop is None or target is None:
        return None
    targets = [Target(target, Decimal(1))] if isinstance(target, Decimal) else target
    risk = _distance(entry, stop, is_upward=not is_long)
    reward = quantity = _ZERO
    for each in targets:
        distance = _distance(entry, each.price, is_upward=is_long)
        if distance is None or each.quantity <= 0:
            return None
        reward = _WIDE.add(reward, _WIDE.multiply(distance, each.quantity))
        quantity = _WIDE.add(quantity, each.quantity)
    if risk is None or not quantity:
        return None
    return _ratio(reward, _WIDE.multiply(risk, quantity))


def position_basis(*, price: Decimal, quantity: Decimal, multiplier: Decimal) -> Decimal:
    """Return the notional value of a position at a price; for futures that is not the margin.

    Unit: currency of the trade.
    Source: docs/metrics.md#return-on-basis
    """
    return _WIDE.multiply(_WIDE.multiply(price, quantity), multiplier)


def return_on_basis(pnl: Decimal, *, basis: Decimal) -> Decimal | None:
    """Return P&L as a fraction of the entry's notional value.

    Unit: fraction, 1 is 100 %. None unless the basis is above zero.
    Source: docs/metrics.md#return-on-basis
    """
    return _ratio(pnl, basis) if basis > 0 else None


def _distance(entry: Decimal, level: Decimal, *, is_upward: bool) -> Decimal | None:
    """Return how far the level lies from the entry in the given direction, None if it does not."""
    distance = _WIDE.subtract(level, entry) if is_upward else _WIDE.subtract(entry, level)
    return distance if distance > 0 else None


def _ratio(part: Decimal, whole: Decimal) -> Decimal:
    return _WIDE.quantize(_WIDE.divide(part, whole), _RATIO_STEP)
