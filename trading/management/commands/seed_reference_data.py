"""Loads futures roots, stocks, currency pairs and crypto from the project's own files."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from trading import catalogue, fx, reference
from trading.ecb import RatesFileError


class Command(BaseCommand):
    help = "Load the reference data: futures roots, stocks, currency pairs, crypto; and rates of exchange from a file."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--rates",
            metavar="FILE",
            help="also load the European Central Bank's reference rates (eurofxref CSV or XML) from this file",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"Reference data {reference.VERSION}")
        catalogue.load(on_progress=lambda name, count: self.stdout.write(f"  {name:<16} {count:>6}"))
        if options["rates"]:
            path = Path(options["rates"])
            try:
                loaded = fx.load_ecb(path.read_bytes())
            except OSError as error:
                raise CommandError(f"{path}: {error.strerror}") from error
            except RatesFileError as error:
                raise CommandError(f"{path}: {error}") from error
            self.stdout.write(f"  {'rates':<16} {loaded.rates:>6}")
