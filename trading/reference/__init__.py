"""Reference data as versioned files; `README.md` here says what each column means and where it is from."""

import csv
from decimal import Decimal
from functools import cache
from pathlib import Path

VERSION = "2026.11.20"


FOLDER = Path(__file__).parent


def rows(name: str) -> list[dict[str, str]]:
    """The rows of one of the files here, such as "stocks", as header -> text."""
    with (FOLDER / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@cache
def units_per_lot() -> dict[str, Decimal]:
    """Units of the base currency in one MetaTrader lot, by currency pair."""
    return {row["symbol"]: Decimal(row["units_per_lot"]) for row in rows("currency_pairs")}
