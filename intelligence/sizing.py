"""How much a copied trade may cost: so much that its stop loses no more than its share of the capital, and caps.

Pure. Source: docs/copying.md#size
"""

from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Context, Decimal

_WIDE = Context(prec=60, rounding=ROUND_HALF_EVEN)
_ZERO = Decimal(0)
_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Cap:
    """One limit of the size: what it is of, the most that it would allow now, in money; None where it is off."""

    name: str
    most: Decimal | None


@dataclass(frozen=True, slots=True)
class Exposure:
    """What copied trades hold and their entries wait for, at cost, in money: of all, of one wallet, of one token."""

    total: Decimal = _ZERO
    wallet: Decimal = _ZERO
    token: Decimal = _ZERO


@dataclass(frozen=True, slots=True)
class CopyLimits:
    """Fractions of the capital: risked by one trade, and at most in one trade, one wallet, one token, and in all."""

    capital: Decimal
    risk_per_trade: Decimal
    max_per_trade: Decimal
    max_per_wallet: Decimal
    max_per_token: Decimal
    max_total: Decimal


@dataclass(frozen=True, slots=True)
class Size:
    """`wanted` is what the risk asks for, `value` what is left of it under the caps, in whole cents, 0 for nothing.

    `loss` is what the stop loses of it. `bound_by` names the cap that decided, empty where none did.
    """

    wanted: Decimal
    caps: tuple[Cap, ...]
    value: Decimal
    loss: Decimal
    bound_by: str


def size(limits: CopyLimits, *, stop_loss: Decimal, exposure: Exposure, free: Decimal) -> Size:
    """Return capital × risk ÷ stop, at most what the caps leave and the account has free.

    `stop_loss` is the fraction of the entry that the plan gives up, overrides included: 300 at 2 % and a stop of 20 %
    risks 6 and costs 30. Where two caps are equal the first in their order is named.
    Raises: ValueError for a stop that is no fraction above zero.
    """
    if not stop_loss.is_finite() or not _ZERO < stop_loss <= 1:
        raise ValueError("a size needs a stop between 0 and 1")
    wanted = _WIDE.divide(_WIDE.multiply(limits.capital, limits.risk_per_trade), stop_loss)
    caps = (
        Cap("per_trade", _part(limits, limits.max_per_trade)),
        Cap("per_wallet", _left(limits, limits.max_per_wallet, exposure.wallet)),
        Cap("per_token", _left(limits, limits.max_per_token, exposure.token)),
        Cap("total", _left(limits, limits.max_total, exposure.total)),
        Cap("free", max(free, _ZERO).quantize(Decimal("1e-8"), rounding=ROUND_DOWN)),
    )
    value, bound_by = wanted, ""
    for cap in caps:
        if cap.most is not None and cap.most < value:
            value, bound_by = cap.most, cap.name
    value = value.quantize(_CENT, rounding=ROUND_DOWN)
    loss = _WIDE.quantize(_WIDE.multiply(value, stop_loss), Decimal("1e-8"))
    return Size(_WIDE.quantize(wanted, Decimal("1e-8")), caps, value, loss, bound_by)


def quantity(value: Decimal, *, price: Decimal, lot: Decimal | None) -> Decimal:
    """Return the units that so much money buys at the price, rounded down to the lot, or to 12 decimals."""
    step = lot or Decimal("1e-12")
    lots = _WIDE.divide(_WIDE.divide(value, price), step).to_integral_value(rounding=ROUND_DOWN)
    return _WIDE.multiply(lots, step)


def _part(limits: CopyLimits, share: Decimal) -> Decimal:
    return _WIDE.multiply(limits.capital, share)


def _left(limits: CopyLimits, share: Decimal, used: Decimal) -> Decimal:
    return max(_WIDE.subtract(_part(limits, share), used), _ZERO)
