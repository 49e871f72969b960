"""Exact amounts of orders: products and averages in one wide context, rounded once, at the scale they are stored in.

Pure: no Django, no clock, no database.
"""

from collections.abc import Iterable
from decimal import (
    ROUND_CEILING,
    ROUND_FLOOR,
    ROUND_HALF_EVEN,
    Context,
    Decimal,
    DivisionByZero,
    InvalidOperation,
    Overflow,
)

# 100 digits hold price x quantity x multiplier at the widest stored scales without any rounding.
_WIDE = Context(prec=100, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation, DivisionByZero, Overflow])
_DOWNWARDS = Context(prec=100, rounding=ROUND_FLOOR, traps=[InvalidOperation, DivisionByZero, Overflow])
_UPWARDS = Context(prec=100, rounding=ROUND_CEILING, traps=[InvalidOperation, DivisionByZero, Overflow])

ZERO = Decimal(0)
MONEY_STEP = Decimal("1e-8")
PRICE_STEP = Decimal("1e-12")


def product(*factors: Decimal) -> Decimal:
    """The factors multiplied, without rounding."""
    result = Decimal(1)
    for factor in factors:
        result = _WIDE.multiply(result, factor)
    return result


def total(amounts: Iterable[Decimal]) -> Decimal:
    """The sum, without rounding: it does not depend on the order of the amounts."""
    result = ZERO
    for amount in amounts:
        result = _WIDE.add(result, amount)
    return result


def share(amount: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    """That part of the amount, to 100 digits; all of it, without rounding, where the part is the whole."""
    return amount if part == whole else _WIDE.divide(_WIDE.multiply(amount, part), whole)


def difference(left: Decimal, right: Decimal) -> Decimal:
    """The left less the right, without rounding."""
    return _WIDE.subtract(left, right)


def money(amount: Decimal) -> Decimal:
    """The amount at the scale of stored money, halves to even."""
    return _WIDE.quantize(amount, MONEY_STEP)


def enough_money(amount: Decimal) -> Decimal:
    """The least amount at the scale of stored money that is not below this one."""
    return _UPWARDS.quantize(amount, MONEY_STEP)


def average_price(points: Decimal, quantity: Decimal) -> Decimal:
    """The points (price x quantity) over the quantity, at the scale of stored prices, halves to even."""
    return _WIDE.quantize(_WIDE.divide(points, quantity), PRICE_STEP)


def is_positive(number: Decimal) -> bool:
    """Whether it is a number above zero; NaN and infinity are not."""
    return number.is_finite() and number > 0


def is_multiple(number: Decimal, step: Decimal) -> bool:
    """Whether the number is a whole count of steps."""
    return not _WIDE.remainder(number, step)


def decimals(number: Decimal) -> int:
    """How many decimals the number needs: 2 for 1.50, 0 for 100."""
    exponent = _WIDE.normalize(number).as_tuple().exponent
    assert isinstance(exponent, int), "a finite number has a whole exponent"
    return max(0, -exponent)


def multiple_below(number: Decimal, step: Decimal) -> Decimal:
    """The largest whole count of steps that is not above the number, which is not below zero."""
    return _WIDE.subtract(number, _WIDE.remainder(number, step))


def multiple_above(number: Decimal, step: Decimal) -> Decimal:
    """The smallest whole count of steps that is not below the number, which is not below zero."""
    below = multiple_below(number, step)
    return below if below == number else _WIDE.add(below, step)


def ratio(part: Decimal, whole: Decimal) -> Decimal:
    """The part over the whole, rounded down at the 12th decimal."""
    return _DOWNWARDS.quantize(_DOWNWARDS.divide(part, whole), PRICE_STEP)
