"""Loads bars of prices from a CSV or JSON file, or from an address."""

import sys
from argparse import ArgumentParser
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.management.base import BaseCommand, CommandError

from accounts.encryption import KeysMissing
from trading import bars, excursions_of_trades, price_sources
from trading.bars import PricedBar
from trading.errors import BarsRefused
from trading.feeds import BadFeed, Row
from trading.management.commands.stream_trades import connected
from trading.models import Instrument, InstrumentStatus, Timeframe
from trading.venues import paper_bars


class Command(BaseCommand):
    help = (
        "Load bars of prices: of one instrument from a CSV file with a heading (time or date, open, high, low, close, "
        "volume) or a JSON list of objects with these names; or with --json from a file or an https address in the "
        "shapes of Alpaca or Polygon, all pages of it, of every symbol that it names. Times are ISO 8601, or seconds "
        "or milliseconds since 1970. A bar that is there already is replaced where it differs. Afterwards the largest "
        "open loss and profit of the trades in these instruments are measured, and paper orders of accounts that fill "
        "from bars meet what is new. All of an instrument is loaded or nothing. Exit code 0 when it was loaded, 1 when "
        "it was refused, 2 when the call itself is wrong."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", nargs="?", help="a CSV or JSON file")
        parser.add_argument("--json", metavar="FILE|URL", help="a JSON file, or an address that answers JSON")
        parser.add_argument("--symbol", help="the instrument, such as AAPL or ESH26; with --json, where it names none")
        parser.add_argument("--timeframe", required=True, choices=Timeframe.values, help="how long one bar is")
        parser.add_argument("--zone", default="UTC", help="zone of times without an offset (default: %(default)s)")
        parser.add_argument("--source", default="", help="who made them, shown beside what they measure")
        parser.add_argument("--account", metavar="UUID", help="whose keys are shown to Alpaca's market data")
        parser.add_argument("--dry-run", action="store_true", help="say what is in it and write nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        path, feed = options["file"], options["json"]
        if (path is None) is (feed is None):
            raise CommandError("Give a file, or --json with a file or an address.", returncode=2)
        if path is not None and not options["symbol"]:
            raise CommandError("Give the instrument with --symbol.", returncode=2)
        try:
            zone = ZoneInfo(options["zone"])
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise CommandError(f"There is no time zone {options['zone']}.", returncode=2) from error
        where = path or feed
        try:
            if path is not None:
                self._load_file(_instrument(options["symbol"]), Path(path), zone, options)
            else:
                keys = price_sources.keys_for(connected(options["account"]), feed)
                found = _by_symbol(feed, keys, default=(options["symbol"] or "").upper())
                known = {symbol: _instrument(symbol) for symbol in found}
                for symbol, rows in found.items():
                    self._load(known[symbol], bars.read_rows(rows, zone=zone), f"{where} {symbol}", options)
        except (BarsRefused, BadFeed, KeysMissing, OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{where}: {error}", returncode=1) from error
        measured = 0 if options["dry_run"] else excursions_of_trades.measure()
        if measured:
            self.stdout.write(f"{measured} trades measured")

    def _load_file(self, instrument: Instrument, path: Path, zone: ZoneInfo, options: dict[str, Any]) -> None:
        if options["dry_run"] or _is_json(path):
            self._load(instrument, _read(path, zone), str(path), options)
            return
        loaded = bars.load_csv(
            instrument,
            path,
            zone=zone,
            timeframe=options["timeframe"],
            source=options["source"] or "file",
            on_bars=self._show_progress,
        )
        self._say(loaded, instrument, str(path), options["timeframe"])

    def _load(self, instrument: Instrument, found: Iterable[PricedBar], where: str, options: dict[str, Any]) -> None:
        timeframe = options["timeframe"]
        if options["dry_run"]:
            self._tell(where, list(bars.checked(found, instrument=instrument, timeframe=timeframe)))
            return
        source = options["source"] or ("feed" if options["json"] else "file")
        loaded = bars.load(instrument, timeframe=timeframe, bars=found, source=source, on_bars=self._show_progress)
        self._say(loaded, instrument, where, timeframe)

    def _say(self, loaded: bars.Loaded, instrument: Instrument, where: str, timeframe: str) -> None:
        """What was loaded; and paper orders that wait for bars have met it."""
        same = loaded.read - loaded.added - loaded.changed
        self.stdout.write(f"{where}: {loaded.added} bars added, {loaded.changed} changed, {same} were there already")
        filled = paper_bars.meet(instrument, timeframe=timeframe)
        if filled:
            self.stdout.write(f"{filled} fills and ends of paper orders")

    def _tell(self, where: str, found: list[PricedBar]) -> None:
        if not found:
            raise BarsRefused("There is no bar in it.", code="bars_empty")
        first, last = found[0].starts_at, found[-1].starts_at
        self.stdout.write(f"{where}: would load {len(found)} bars from {first.isoformat()} to {last.isoformat()}")

    def _show_progress(self, count: int) -> None:
        if sys.stderr.isatty():
            self.stderr.write(f"\r{count} bars read", ending="")


def _instrument(symbol: str) -> Instrument:
    found = Instrument.objects.filter(symbol=symbol.upper(), status=InstrumentStatus.ACTIVE).first()
    if found is None:
        raise CommandError(f"There is no instrument {symbol}.", returncode=2)
    return found


def _by_symbol(source: str, keys: dict[str, str], *, default: str) -> dict[str, list[Row]]:
    """The rows of every symbol, over all pages. Raises BadFeed where nothing says whose they are."""
    found: dict[str, list[Row]] = defaultdict(list)
    for feed in price_sources.pages(source, keys=keys):
        for symbol, rows in feed.bars.items():
            if not symbol and not default:
                raise BadFeed("It names no symbol: give it with --symbol.")
            if rows:
                found[symbol or default] += rows
    if not found:
        raise BarsRefused("There is no bar in it.", code="bars_empty")
    return dict(found)


def _is_json(path: Path) -> bool:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return file.read(64).lstrip().startswith(("[", "{"))


def _read(path: Path, zone: ZoneInfo) -> Iterator[PricedBar]:
    """The bars of the file, by what it looks like."""
    is_json = _is_json(path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        if is_json:
            yield from bars.read_json(file.read().lstrip("\ufeff"), zone=zone)
        else:
            yield from bars.read_csv(file, zone=zone)
