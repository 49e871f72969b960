"""Figures of several currencies in one: by the rate of each day, or by the last one at most seven days older.

A rate between two currencies goes through the euro, as the European Central Bank publishes them, and is rounded to
12 decimals, halves to even. Amounts times rates are not rounded at all, so that the days of a month, and the
accounts of a person, add up to their total to the last digit. What has no rate is listed and left out.

Source: docs/metrics.md#currencies
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any

from django.db import connection

EURO = "EUR"
OLDEST = timedelta(days=7)

_WIDE = Context(prec=60, rounding=ROUND_HALF_EVEN)
_RATE_STEP = Decimal("1e-12")

#: (currency, trading day, realized net P&L of that day)
DayMoney = tuple[str, date, Decimal]


@dataclass(frozen=True, slots=True)
class Unconverted:
    """Money of one currency that no rate converts: on how many days, and how much in all."""

    currency: str
    days: int
    net_pnl: Decimal


@dataclass(frozen=True, slots=True)
class Conversion:
    """How the money of an answer came into one currency.

    `currency` is that of the answer; None where not one amount could be converted. `rates` is None where all money
    is in that currency anyway.
    """

    currency: str | None
    rates: Mapping[tuple[str, date], Decimal] | None = None
    unconverted: tuple[Unconverted, ...] = field(default=())

    def days(self, daily: Iterable[DayMoney]) -> list[tuple[date, Decimal]]:
        """The daily series in the answer's currency, one entry per day, ascending."""
        if self.rates is None:
            return [(day, net_pnl) for _, day, net_pnl in daily]
        summed: defaultdict[date, Decimal] = defaultdict(Decimal)
        for currency, day, net_pnl in daily:
            rate = self.rates.get((currency, day))
            if rate is not None:
                summed[day] = _WIDE.fma(net_pnl, rate, summed[day])
        return sorted(summed.items())

    def join(self) -> tuple[str, list[Any]]:
        """SQL that joins each row of `r` with the `rate` of its currency and day as `x`, and its parameters."""
        keys = list(self.rates or {})
        return (
            "JOIN unnest(%s::text[], %s::date[], %s::numeric[]) AS x (currency, day, rate) "
            "ON x.currency = r.currency AND x.day = r.day",
            [
                [currency for currency, _ in keys],
                [day for _, day in keys],
                list((self.rates or {}).values()),
            ],
        )


def resolve(daily: list[DayMoney], *, target: str) -> Conversion:
    """How these days are brought into the target currency.

    Money of one currency only, which the rates do not convert completely, stays in it: a whole figure in another
    currency beats a part of one.
    """
    currencies = {currency for currency, _, _ in daily}
    if not currencies or currencies == {target}:
        return Conversion(target)
    only = next(iter(currencies)) if len(currencies) == 1 else None
    rates = rates_into(target, wanted=((currency, day) for currency, day, _ in daily))
    missing = [entry for entry in daily if (entry[0], entry[1]) not in rates]
    if only and missing:
        return Conversion(only)
    return Conversion(target if rates else None, rates, _listed(missing))


def rates_into(target: str, *, wanted: Iterable[tuple[str, date]]) -> dict[tuple[str, date], Decimal]:
    """What one unit of each currency is worth in the target on each day; what has no rate is left out."""
    wanted = list(wanted)
    if not wanted:
        return {}
    days = [day for _, day in wanted]
    published = _Published({target, *(currency for currency, _ in wanted)}, since=min(days), until=max(days))
    found = {}
    for currency, day in wanted:
        if currency == target:
            found[currency, day] = Decimal(1)
            continue
        bought, sold = published.per_euro(currency, day), published.per_euro(target, day)
        if bought is not None and sold is not None:
            found[currency, day] = _WIDE.quantize(_WIDE.divide(sold, bought), _RATE_STEP)
    return found


def rates_between(wanted: Iterable[tuple[str, str, date]]) -> dict[tuple[str, str, date], Decimal]:
    """What one unit of the first currency is worth in the second on each day, by the rule of `rates_into`.

    One query, whatever the number of currencies; what has no rate is left out.
    """
    wanted = list(wanted)
    if not wanted:
        return {}
    days = [day for _, _, day in wanted]
    currencies = {currency for source, target, _ in wanted for currency in (source, target)}
    published = _Published(currencies, since=min(days), until=max(days))
    found = {}
    for source, target, day in wanted:
        bought, sold = published.per_euro(source, day), published.per_euro(target, day)
        if source == target:
            found[source, target, day] = Decimal(1)
        elif bought is not None and sold is not None:
            found[source, target, day] = _WIDE.quantize(_WIDE.divide(sold, bought), _RATE_STEP)
    return found


class _Published:
    """The rates of some currencies against the euro, over some days."""

    def __init__(self, currencies: Iterable[str], *, since: date, until: date) -> None:
        self._days: defaultdict[str, list[date]] = defaultdict(list)
        self._rates: defaultdict[str, list[Decimal]] = defaultdict(list)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT quote, date, rate FROM trading_fxrate "
                "WHERE base = %s AND quote = ANY(%s) AND date BETWEEN %s AND %s ORDER BY quote, date",
                [EURO, sorted(set(currencies)), since - OLDEST, until],
            )
            for currency, day, rate in cursor.fetchall():
                self._days[currency].append(day)
                self._rates[currency].append(rate)

    def per_euro(self, currency: str, day: date) -> Decimal | None:
        """How much of the currency a euro bought on that day, or last before it; None if that is too old."""
        if currency == EURO:
            return Decimal(1)
        days = self._days.get(currency, [])
        place = bisect_right(days, day) - 1
        if place < 0 or day - days[place] > OLDEST:
            return None
        return self._rates[currency][place]


def _listed(missing: Iterable[DayMoney]) -> tuple[Unconverted, ...]:
    days: defaultdict[str, int] = defaultdict(int)
    amounts: defaultdict[str, Decimal] = defaultdict(Decimal)
    for currency, _, net_pnl in missing:
        days[currency] += 1
        amounts[currency] += net_pnl
    return tuple(Unconverted(currency, days[currency], amounts[currency]) for currency in sorted(days))
