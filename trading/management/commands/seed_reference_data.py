"""Loads futures roots, stocks, currency pairs and crypto from the project's own files."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from trading import catalogue, fx, reference
from trading.ecb import RatesFileError


class Command(BaseCommand):
    help = (
        "Load the reference data: futures roots, stocks, currency pairs, crypto; and rates of exchange from a file. "
        "Exit code 0 when all was loaded, 1 when the file was refused and nothing was, 2 when the call itself is wrong."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--rates",
            metavar="FILE",
            help="also load the European Central Bank's reference rates (eurofxref CSV or XML) from this file",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        # First what may be refused, so that nothing is loaded then.
        rates = self._rates(Path(options["rates"])) if options["rates"] else None
        self.stdout.write(f"Reference data {reference.VERSION}")
        catalogue.load(on_progress=lambda name, count: self.stdout.write(f"  {name:<16} {count:>6}"))
        if rates is not None:
            self.stdout.write(f"  {'rates':<16} {rates:>6}")

    def _rates(self, path: Path) -> int:
        """So many rates of the file are loaded. Raises CommandError, and none is."""
        try:
            return fx.load_ecb(path.read_bytes()).rates
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}") from error
        except RatesFileError as error:
            raise CommandError(f"{path}: {error}") from error
