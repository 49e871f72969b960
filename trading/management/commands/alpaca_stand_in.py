"""A stand-in for Alpaca on this machine, to try things out with no account and no money."""

import random
import signal
import threading
from argparse import ArgumentParser, ArgumentTypeError
from decimal import Decimal
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import decimals
from trading.venues.stand_in.server import StandIn

_CENT = Decimal("0.01")


class Command(BaseCommand):
    help = (
        "Answer on this machine as Alpaca does: orders, positions, activities and the stream of trade updates, with "
        "prices by a random walk and no real money. Start the journal with ALPACA_PAPER_URL set to the address that is "
        "printed, and connect an account with the printed keys. What it holds is gone when it is stopped (Ctrl-C). "
        "Exit code 0 when it was stopped, 2 when the call itself is wrong."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8787, help="where it answers (default: %(default)s)")
        parser.add_argument(
            "--cash", type=_money, default="100000", help="what the account holds (default: %(default)s)"
        )
        parser.add_argument("--symbols", type=_prices, default="AAPL=200,MSFT=400", metavar="SYMBOL=PRICE,…",
                            help="what has a price, and where it begins (default: %(default)s)")  # fmt: skip
        parser.add_argument(
            "--interval", type=_seconds, default=1.0, help="seconds between prices (default: %(default)s)"
        )
        parser.add_argument("--seed", type=int, default=1, help="another number gives another walk")

    def handle(self, *args: Any, **options: Any) -> None:
        prices = dict(options["symbols"])
        try:
            stand_in = StandIn(port=options["port"], cash=str(options["cash"]))
        except (OverflowError, OSError) as error:
            raise CommandError(f"{error}", returncode=2) from error
        stop = threading.Event()
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, lambda *_: stop.set())
        walk = random.Random(options["seed"])  # noqa: S311 – prices of nothing
        with stand_in as it:
            self.stdout.write(f"ALPACA_PAPER_URL={it.url}\nkey id {it.key_id}, secret {it.secret}")
            while not stop.wait(options["interval"]):
                for symbol, price in prices.items():
                    moved = max(_CENT, (price * Decimal(1 + walk.gauss(0, 0.0005))).quantize(_CENT))
                    prices[symbol] = moved
                    it.broker.quote(symbol, str(moved), str(moved + _CENT))
        self.stdout.write("stopped")


def _money(text: str) -> Decimal:
    try:
        number = decimals.strict(text)
    except ValueError as error:
        raise ArgumentTypeError("a number above zero") from error
    if number <= 0:
        raise ArgumentTypeError("a number above zero")
    return number


def _prices(text: str) -> dict[str, Decimal]:
    pairs = [each.partition("=") for each in text.split(",")]
    if not all(name.strip() for name, _equals, _price in pairs):
        raise ArgumentTypeError("symbols with their prices, such as AAPL=200,MSFT=400")
    return {name.strip().upper(): _money(price.strip()) for name, _equals, price in pairs}


def _seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    # What is not a number is not above zero.
    if not 0 < number <= 1_000_000:
        raise ArgumentTypeError("a number above zero, of at most 1,000,000")
    return number
