"""The futures roots of the reference data, as the parsers are given them."""

import csv
from decimal import Decimal
from pathlib import Path

from trading.imports.parsers.base import RootSpec

_FILE = Path(__file__).parents[3] / "trading" / "reference" / "futures_roots.csv"

with _FILE.open(encoding="utf-8", newline="") as _lines:
    ROOTS = {
        row["root"]: RootSpec(row["root"], row["currency"], Decimal(row["tick_size"]), Decimal(row["point_value"]))
        for row in csv.DictReader(_lines)
    }
