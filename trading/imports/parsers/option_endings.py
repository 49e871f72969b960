"""Options that end without a trade: files say that one expired or was assigned, often not whether it was held.

A format marks such a fill with an unsettled side: "sell?" or "buy?" where its sign suggests one, "?" where
nothing does. `settled` decides by what the rest of the file opened.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Final

from trading.imports.parsers.base import ZERO, Parsed, ParsedFill, RowError

UNSETTLED: Final = "?"


def settled(read: Callable[[], Iterable[Parsed]]) -> Iterator[Parsed]:
    """Yield the items in their order, each unsettled fill with the side that closes what the file left open.

    `read` gives the items anew at each call; it is called twice, because files that are newest-first tell of
    the end before the beginning. An option that the file leaves flat was opened before it: the suggestion of
    the sign stands, and without one the row is an error (side_unknown).
    """
    positions: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for item in read():
        if isinstance(item, ParsedFill) and not item.side.endswith(UNSETTLED):
            positions[item.account_number, item.symbol] += item.quantity if item.side == "buy" else -item.quantity
    for item in read():
        if not isinstance(item, ParsedFill) or not item.side.endswith(UNSETTLED):
            yield item
            continue
        key = (item.account_number, item.symbol)
        side = _closing_side(positions[key]) or item.side.removesuffix(UNSETTLED)
        if not side:
            yield RowError(
                item.line,
                "",
                "side_unknown",
                "The file does not show whether this option was held or written; "
                "export from a date before it was opened.",
                item.symbol,
                item.raw,
            )
            continue
        positions[key] += item.quantity if side == "buy" else -item.quantity
        yield item._replace(side=side)


def _closing_side(position: Decimal) -> str:
    if position == ZERO:
        return ""
    return "sell" if position > 0 else "buy"
