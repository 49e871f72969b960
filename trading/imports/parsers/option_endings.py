"""Options that end without a trade: files say that one expired or was assigned, often not whether it was held.

A format marks such a fill with an unsettled side: "sell?" or "buy?" where its sign suggests one, "?" where
nothing does. `settled` decides by what the rest of the file opened.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Final

from trading.imports.parsers.base import ZERO, Parsed, ParsedFill, RowError

UNSETTLED: Final = "?"


def settled(items: Iterable[Parsed]) -> Iterator[Parsed]:
    """Yield the items, each unsettled fill last and with the side that closes what the file left open.

    An option that the file leaves flat was opened before it: the suggestion of the sign stands, and without
    one the row is an error (side_unknown).
    """
    positions: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    endings: list[ParsedFill] = []
    for item in items:
        if not isinstance(item, ParsedFill):
            yield item
        elif item.side.endswith(UNSETTLED):
            endings.append(item)
        else:
            positions[item.account_number, item.symbol] += item.quantity if item.side == "buy" else -item.quantity
            yield item
    for ending in endings:
        key = (ending.account_number, ending.symbol)
        side = _closing_side(positions[key]) or ending.side.removesuffix(UNSETTLED)
        if not side:
            yield RowError(
                ending.line,
                "",
                "side_unknown",
                "The file does not show whether this option was held or written; "
                "export from a date before it was opened.",
                ending.symbol,
                ending.raw,
            )
            continue
        positions[key] += ending.quantity if side == "buy" else -ending.quantity
        yield ending._replace(side=side)


def _closing_side(position: Decimal) -> str:
    if position == ZERO:
        return ""
    return "sell" if position > 0 else "buy"
