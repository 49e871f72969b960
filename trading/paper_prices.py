"""Prices for the paper venue: read from a file, or walked at random from a seed. The same input gives the same prices.

Pure: no Django, no clock, no database.
"""

import csv
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TextIO

from accounts import decimals

#: How many ticks a price moves at most from one quote to the next, and how many lie between bid and offer.
_LARGEST_STEP, _SPREAD = 5, 2
_LARGEST_SIZE = 10
_LOT = Decimal(100)
_NEEDED = ("symbol", "bid", "ask")
#: What is stored has at most so much before its point.
LARGEST = Decimal("9999999999999999")
_KNOWN = frozenset({*_NEEDED, "last", "bid_size", "ask_size", "time"})


class BadPrices(ValueError):
    """A line of the file that is no quote; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Priced:
    """What one instrument is quoted at; `at` is None where the file has no time."""

    symbol: str
    bid: Decimal | None
    ask: Decimal | None
    last: Decimal | None = None
    bid_size: Decimal | None = None
    ask_size: Decimal | None = None
    at: datetime | None = None


def read_csv(file: TextIO) -> Iterator[Priced]:
    """The quotes of a file with the heading symbol,bid,ask and perhaps last, bid_size, ask_size, time.

    Raises BadPrices.
    """
    rows = csv.DictReader(file, restkey="", restval=None)
    try:
        yield from _quotes(rows)
    except csv.Error as error:
        raise BadPrices(f"line {rows.line_num + 1}: {error}") from error


def _quotes(rows: "csv.DictReader[str]") -> Iterator[Priced]:
    names = [name.strip().lower() for name in rows.fieldnames or []]
    if missing := [name for name in _NEEDED if name not in names]:
        raise BadPrices(f"the heading has no {', '.join(missing)}")
    if unknown := sorted(set(names) - _KNOWN):
        raise BadPrices(f"the heading has {', '.join(unknown)}, which means nothing here")
    rows.fieldnames = names
    for row in rows:
        try:
            yield _quote(row)
        except ValueError as error:
            raise BadPrices(f"line {rows.line_num}: {error}") from error


def _quote(row: Mapping[str, str | None]) -> Priced:
    if "" in row:
        raise ValueError("there are more cells than the heading has")
    numbers = {name: _number(row, name) for name in ("bid", "ask", "last", "bid_size", "ask_size")}
    symbol, time = (row.get("symbol") or "").strip().upper(), (row.get("time") or "").strip()
    if not symbol:
        raise ValueError("there is no symbol")
    if numbers["bid"] is None and numbers["ask"] is None and numbers["last"] is None:
        raise ValueError("there is no price")
    if (wrong := wrong_with(numbers)) is not None:
        raise ValueError(wrong)
    at = None
    if time:
        at = datetime.fromisoformat(time)
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return Priced(symbol, **numbers, at=at)


def _number(row: Mapping[str, str | None], name: str) -> Decimal | None:
    text = (row.get(name) or "").strip()
    if not text:
        return None
    return decimals.strict(text)


def wrong_with(numbers: Mapping[str, Decimal | None]) -> str | None:
    """Why these prices and sizes, named as those of `Priced`, are no quote; None where they are one."""
    for name, number in numbers.items():
        if number is None:
            continue
        if number < 0 or (number == 0 and not name.endswith("_size")):
            return f"{name} is not above zero"
        if number > LARGEST:
            return f"{name} is too large"
    bid, ask = numbers["bid"], numbers["ask"]
    return "the bid is above the ask" if bid is not None and ask is not None and bid > ask else None


@dataclass(frozen=True, slots=True)
class Start:
    """Where a walk begins: an instrument's symbol, its price and the steps in which it moves."""

    symbol: str
    price: Decimal
    tick: Decimal


def walk(starts: Sequence[Start], *, seed: int, ticks: int) -> Iterator[Priced]:
    """So many quotes of each instrument in turn, each a few steps from the one before, and never at zero."""
    chance = random.Random(seed)  # noqa: S311 - nothing secret is made of it
    at = {start.symbol: max(1, int(start.price / start.tick)) for start in starts}
    for _ in range(ticks):
        for start in starts:
            steps = max(1, at[start.symbol] + chance.randint(-_LARGEST_STEP, _LARGEST_STEP))
            at[start.symbol] = steps
            bid, ask = start.tick * steps, start.tick * (steps + _SPREAD)
            last = chance.choice((bid, ask))
            sizes = [_LOT * chance.randint(1, _LARGEST_SIZE) for _side in range(2)]
            yield Priced(start.symbol, bid, ask, last, sizes[0], sizes[1])


def gaps(quotes: Iterable[Priced], *, interval: float, each: int = 1) -> Iterator[tuple[Priced, float]]:
    """Each quote with the seconds to wait before it: by the times of the file, else `interval` before every `each`."""
    before: datetime | None = None
    for number, quote in enumerate(quotes):
        if quote.at is not None and before is not None:
            yield quote, max(0.0, (quote.at - before).total_seconds())
        else:
            yield quote, interval if number and quote.at is None and number % each == 0 else 0.0
        before = quote.at or before
