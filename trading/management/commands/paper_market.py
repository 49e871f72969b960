"""Moves the prices of the paper venue: from a file, or by a random walk."""

import sys
import time
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts import decimals
from trading.models import Instrument, InstrumentStatus, Quote
from trading.paper_prices import BadPrices, Priced, Start, gaps, read_csv, walk
from trading.venues import paper

_CENT, _FIRST = Decimal("0.01"), Decimal(100)
#: From which no walk gets to what cannot be stored.
_HIGHEST_START = Decimal(1_000_000_000_000)
#: Seconds; more the clock of the machine does not wait at once.
_LONGEST_WAIT = 1_000_000_000.0


class Command(BaseCommand):
    help = (
        "Quote instruments at the paper venue, so that its orders meet a market. Either from a CSV file with the "
        "heading symbol,bid,ask and perhaps last, bid_size, ask_size, time (ISO 8601; rows follow each other as their "
        "times do, at --speed), or by a random walk over --symbols: the same --seed from the same prices gives the "
        "same quotes. Quotes carry the time at which they are given. Ctrl-C stops it. Exit code 0 when it came to the "
        "end or was stopped, 1 when the file was refused, 2 when the call itself is wrong."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path, nargs="?", help="the CSV file")
        parser.add_argument("--symbols", help="instruments of a random walk, such as AAPL,MSFT")
        parser.add_argument(
            "--seed", type=int, default=1, help="another number gives another walk (default: %(default)s)"
        )
        parser.add_argument("--ticks", type=_whole, default=100, metavar="N",
                            help="quotes of each instrument of a walk (default: %(default)s)")  # fmt: skip
        parser.add_argument(
            "--start", type=_price, help="first price of a walk (default: the latest known here, else 100)"
        )
        parser.add_argument("--interval", type=_seconds, default=1.0, metavar="SECONDS",
                            help="between rounds, or rows without a time (default: %(default)s)")  # fmt: skip
        parser.add_argument("--speed", type=_seconds, default=1.0, metavar="FACTOR",
                            help="how much faster than the clock; 0 never waits (default: %(default)s)")  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        path, symbols = options["file"], options["symbols"]
        if (path is None) is (symbols is None):
            raise CommandError("Give a file, or --symbols for a random walk.", returncode=2)
        try:
            if symbols is not None:
                names = list(dict.fromkeys(symbol.strip().upper() for symbol in symbols.split(",") if symbol.strip()))
                known = _instruments(names)
                starts = [_start(known[name], options["start"]) for name in names]
                self._play(walk(starts, seed=options["seed"], ticks=options["ticks"]), known, options, len(starts))
                return
            with path.open(encoding="utf-8-sig", newline="") as file:
                # The whole file is read before the first price moves: a bad line changes nothing.
                quotes = list(read_csv(file))
            self._play(iter(quotes), _instruments({quote.symbol for quote in quotes}), options, 1)
        except (BadPrices, OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{path}: {error}", returncode=1) from error

    def _play(self, quotes: Iterator[Priced], known: dict[str, Instrument], options: dict[str, Any], each: int) -> None:
        given, taken = 0, 0
        try:
            for quote, wait in gaps(quotes, interval=options["interval"], each=each):
                if wait and options["speed"]:
                    time.sleep(min(wait / options["speed"], _LONGEST_WAIT))
                given += 1
                taken += paper.take_quote(
                    Quote(
                        instrument=known[quote.symbol],
                        bid=quote.bid,
                        ask=quote.ask,
                        last=quote.last,
                        bid_size=quote.bid_size,
                        ask_size=quote.ask_size,
                        quoted_at=timezone.now(),
                        source="paper",
                    )
                )
                if sys.stderr.isatty():
                    self.stderr.write(f"\r{given} quotes", ending="")
        except KeyboardInterrupt:
            self.stderr.write("stopped")
        older = f", {given - taken} were older than what was known" if given > taken else ""
        self.stdout.write(f"{given} quotes of {len(known)} instruments{older}")


def _instruments(symbols: Any) -> dict[str, Instrument]:
    found = {
        each.symbol: each for each in Instrument.objects.filter(symbol__in=symbols, status=InstrumentStatus.ACTIVE)
    }
    if missing := sorted(set(symbols) - found.keys()):
        raise CommandError(f"There is no instrument {', '.join(missing)}.", returncode=2)
    if not found:
        raise CommandError("There is nothing to quote.", returncode=2)
    return found


def _start(instrument: Instrument, price: Decimal | None) -> Start:
    tick = instrument.tick_size or _CENT
    quote = Quote.objects.filter(instrument=instrument).first()
    known = (quote.bid or quote.last or quote.ask) if quote is not None else None
    return Start(instrument.symbol, price or known or _FIRST, tick)


def _price(text: str) -> Decimal:
    try:
        number = decimals.strict(text)
    except ValueError as error:
        raise ArgumentTypeError("a plain number") from error
    if not 0 < number <= _HIGHEST_START:
        raise ArgumentTypeError(f"a number above zero, of at most {_HIGHEST_START}")
    return number


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= 10_000_000):
        raise ArgumentTypeError("a whole number above zero")
    return int(text)


def _seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError as error:
        raise ArgumentTypeError("a number") from error
    if not 0 <= number <= 1_000_000:
        raise ArgumentTypeError("a number from 0 to 1,000,000")
    return number
