"""What stands at the sides of a drawing: round prices from bottom to top, and how far up a price is."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

#: Room at the edges, so that no mark is cut.
PAD = 14
_MOST_PRICES = 5
_ROUND = (Decimal(1), Decimal(2), Decimal(5), Decimal(10))
#: A planned price further from what was traded than so many times its range would press it into a flat line.
_FAR = Decimal("1.5")


class Up:
    """Where a value is from top to bottom; what is beyond the scale stands at its edge."""

    def __init__(self, values: Iterable[Decimal], height: int) -> None:
        found = list(values)
        self.low, self.high = min(found), max(found)
        self.height = height

    def of(self, value: Decimal) -> Decimal:
        span = self.high - self.low
        if not span:
            return Decimal(self.height) / 2
        share = (self.high - min(max(value, self.low), self.high)) / span
        return PAD + share * (self.height - 2 * PAD)


def within_reach(traded: Sequence[Decimal], planned: Sequence[Decimal]) -> list[Decimal]:
    """Those of the planned prices that are near enough to what was traded to be on its scale."""
    low, high = min(traded), max(traded)
    away = {price: max(low - price, price - high, Decimal(0)) for price in planned}
    # Of a single price nothing is flat; the nearest plan gives the scale.
    reach = (high - low or min(away.values(), default=Decimal(0))) * _FAR
    return [price for price in planned if away[price] <= reach]


def round_prices(low: Decimal, high: Decimal, tick: Decimal | None = None) -> list[Decimal]:
    """Some five round prices within these, a tick or more apart; the one that there is where they are alike."""
    span = high - low
    if not span:
        return [low]
    least = span / _MOST_PRICES
    power = Decimal(1).scaleb(least.adjusted())
    step = max(next(each * power for each in _ROUND if each * power >= least), tick or Decimal(0))
    first = -(-low // step) * step
    if first < low:
        # Decimals are divided towards zero.
        first += step
    found = []
    while first <= high:
        found.append(first)
        first += step
    return found or [low]
