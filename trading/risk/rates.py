"""Amounts in another currency, at the latest published rates."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from trading.models import FxRate
from trading.order_rules.amounts import product, share

_BASE = "EUR"


@dataclass(frozen=True, slots=True)
class Rates:
    """What one euro was worth on a day, by currency."""

    per_euro: dict[str, Decimal]

    def convert(self, amount: Decimal, source: str, target: str) -> Decimal | None:
        """The amount in the target's currency; None where a rate is missing."""
        if source == target:
            return amount
        of_source, of_target = self.per_euro.get(source), self.per_euro.get(target)
        if of_source is None or of_target is None:
            return None
        return share(product(amount, of_target), Decimal(1), of_source)


def latest(currencies: Iterable[str], day: date) -> Rates:
    """The latest rates of these currencies up to the day; no query where there is only one."""
    wanted = set(currencies)
    if len(wanted) < 2:
        return Rates({})
    rows = FxRate.objects.filter(base=_BASE, quote__in=wanted, date__lte=day).order_by("quote", "-date")
    return Rates({_BASE: Decimal(1), **dict(rows.distinct("quote").values_list("quote", "rate"))})
