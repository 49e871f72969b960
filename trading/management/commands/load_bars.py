"""Loads bars of prices from a CSV or JSON file."""

import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.management.base import BaseCommand, CommandError

from trading import bars, excursions_of_trades
from trading.bars import PricedBar
from trading.errors import BarsRefused
from trading.models import Instrument, InstrumentStatus, Timeframe


class Command(BaseCommand):
    help = (
        "Load bars of prices of one instrument from a CSV file with a heading (time or date, open, high, low, close, "
        "volume), or a JSON list of objects with these names. Times are ISO 8601, or seconds or milliseconds since "
        "1970. A bar that is there already is replaced where it differs. Afterwards the largest open loss and profit "
        "of the trades in this instrument are measured. All of a file is loaded or nothing. Exit code 0 when it was "
        "loaded, 1 when it was refused, 2 when the call itself is wrong."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path)
        parser.add_argument("--symbol", required=True, help="the instrument, such as AAPL or ESH26")
        parser.add_argument("--timeframe", required=True, choices=Timeframe.values, help="how long one bar is")
        parser.add_argument("--zone", default="UTC", help="zone of times without an offset (default: %(default)s)")
        parser.add_argument("--source", default="file", help="who made them, shown beside what they measure")
        parser.add_argument("--dry-run", action="store_true", help="say what is in the file and write nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        instrument = Instrument.objects.filter(symbol=options["symbol"].upper(), status=InstrumentStatus.ACTIVE).first()
        if instrument is None:
            raise CommandError(f"There is no instrument {options['symbol']}.", returncode=2)
        try:
            zone = ZoneInfo(options["zone"])
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise CommandError(f"There is no time zone {options['zone']}.", returncode=2) from error
        path: Path = options["file"]
        try:
            found = _read(path, zone)
            if options["dry_run"]:
                self._tell(path, list(bars.checked(found, timeframe=options["timeframe"])))
                return
            loaded = bars.load(
                instrument,
                timeframe=options["timeframe"],
                bars=found,
                source=options["source"],
                on_bars=self._show_progress,
            )
        except (BarsRefused, OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{path}: {error}", returncode=1) from error
        same = loaded.read - loaded.added - loaded.changed
        self.stdout.write(f"{path}: {loaded.added} bars added, {loaded.changed} changed, {same} were there already")
        measured = excursions_of_trades.measure()
        if measured:
            self.stdout.write(f"{measured} trades measured")

    def _tell(self, path: Path, found: list[PricedBar]) -> None:
        if not found:
            raise BarsRefused("There is no bar in it.", code="bars_empty")
        first, last = found[0].starts_at, found[-1].starts_at
        self.stdout.write(f"{path}: would load {len(found)} bars from {first.isoformat()} to {last.isoformat()}")

    def _show_progress(self, count: int) -> None:
        if sys.stderr.isatty():
            self.stderr.write(f"\r{count} bars read", ending="")


def _read(path: Path, zone: ZoneInfo) -> Iterator[PricedBar]:
    """The bars of the file, by what it looks like."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        start = file.read(64).lstrip()
        file.seek(0)
        if start.startswith("["):
            yield from bars.read_json(file.read().lstrip("\ufeff"), zone=zone)
        else:
            yield from bars.read_csv(file, zone=zone)
