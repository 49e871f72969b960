"""What the account histories of stock brokers have in common: rows told by the money that moved, and footers."""

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Final

from trading.imports.parsers.base import Parsed, SkippedRow
from trading.imports.parsers.symbols import Resolved
from trading.imports.parsers.tables import Built, Row, collect

CENT: Final = Decimal("0.01")
PER_HUNDRED: Final = Decimal("0.01")
TOLERANCE: Final = Decimal("0.05")  #: accrued interest and costs move the amount of a bond by less


def costs_by_amount(*, side: str, value: Decimal, amount: Decimal, stated: Decimal) -> Decimal:
    """Return what the fill cost in all: the gap between the money that moved and the value that traded.

    Amounts are rounded to cents, so where the gap is within a cent of the stated costs, these stand.
    """
    charged = abs(amount) - value if side == "buy" else value - abs(amount)
    return stated if abs(charged - stated) < CENT else charged


def by_amount(instrument: Resolved, *, product: Decimal, amount: Decimal) -> Resolved:
    """Return the instrument as a bond where the amount shows that its price is per 100 of face value.

    `product` is quantity times price.
    """
    face_value = product * PER_HUNDRED
    if instrument.kind == "stock" and amount and abs(abs(amount) - face_value) <= face_value * TOLERANCE:
        return instrument._replace(kind="bond", multiplier=PER_HUNDRED)
    return instrument


def collect_history(rows: Iterable[Row], build: Callable[[Row], Built]) -> Iterator[Parsed]:
    """Yield what `build` makes of each row; lines of text below the table are skipped."""
    for row in rows:
        if len(row.cells) <= 2:
            yield SkippedRow(row.line, "footer", "A line of text below the table.", row.raw)
        else:
            yield from collect((row,), build)
