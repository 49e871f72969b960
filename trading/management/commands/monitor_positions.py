"""Judges every open exit plan at the newest quotes, and places the orders of the exits that were decided."""

import time
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, close_old_connections

from trading import exit_orders, monitoring
from trading.plan_benchmark import measured

_MOST = 1_000_000


class Command(BaseCommand):
    help = (
        "Judge every open exit plan at the newest quote of its instrument, and place an order for each exit that was "
        "decided. Any number may run at once: each exit is decided once. Without --once it goes on until it is "
        "stopped, and outlives a database that is away. --benchmark makes plans in a transaction that is taken back "
        "and says how many are judged per second. Exit code 0 when it was stopped or done, 2 when the call is wrong."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="look once and end")
        parser.add_argument(
            "--interval", type=_seconds, default=1.0, help="seconds between two looks (default: %(default)s)"
        )
        parser.add_argument(
            "--batch", type=_whole, default=monitoring.BATCH, help="plans per query (default: %(default)s)"
        )
        parser.add_argument(
            "--benchmark", type=_whole, metavar="PLANS", help="measure with so many plans; keeps nothing"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["benchmark"] is not None:
            for line in measured(options["benchmark"], batch=options["batch"]):
                self.stdout.write(line)
            return
        try:
            self._watch(**options)
        except KeyboardInterrupt:
            self.stdout.write("stopped")

    def _watch(self, *, once: bool, interval: float, batch: int, **_options: Any) -> None:
        while True:
            started = time.monotonic()
            try:
                done = exit_orders.look(batch=batch)
            except OperationalError as error:
                if once:
                    raise CommandError(f"The database is away: {error}", returncode=1) from error
                self.stderr.write(f"the database is away: {error}")
                close_old_connections()
            else:
                if once or done.ticked.changed or done.placed or done.refused:
                    took = time.monotonic() - started
                    self.stdout.write(f"{done.said()} in {took:.2f} s")
            if once:
                return
            time.sleep(max(0.0, interval - (time.monotonic() - started)))


def _seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    # What is not a number is not above zero, nor of at most anything.
    if not 0 < number <= _MOST:
        raise ArgumentTypeError(f"a number above zero, of at most {_MOST}")
    return number


def _whole(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() else 0
    if not 0 < number <= _MOST:
        raise ArgumentTypeError(f"a whole number above zero, of at most {_MOST}")
    return number
