"""The order in which the fills of one file happened, as far as the file says."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, time
from itertools import groupby

from trading.imports.parsers.base import ParsedFill


def ordered(fills: Sequence[ParsedFill]) -> list[ParsedFill]:
    """Return the fills in trading order.

    By time (a date alone counts as its start), then by order id where every fill of the account, symbol and
    instant carries a numeric one, else as the file has them; a file proven to be newest-first is read from
    its end. The two legs of one row stay entry before exit.
    """
    lines = [list(legs) for _, legs in groupby(fills, key=lambda fill: fill.line)]
    if is_newest_first(legs[0] for legs in lines):
        lines.reverse()
    in_file_order = [fill for legs in lines for fill in legs]
    numbered = _with_order_numbers(in_file_order)
    return sorted(
        in_file_order,
        key=lambda fill: (moment_of(fill), int(fill.order_id) if _instant(fill) in numbered else 0),
    )


def is_newest_first(fills: Iterable[ParsedFill]) -> bool:
    """Whether the times never increase from row to row and are not all equal. Streams."""
    previous: datetime | None = None
    fell = False
    for fill in fills:
        moment = moment_of(fill)
        if previous is not None and moment > previous:
            return False
        fell = fell or (previous is not None and moment < previous)
        previous = moment
    return fell


def moment_of(fill: ParsedFill) -> datetime:
    """Return when it happened, or the start of its day in UTC where the file gives no time."""
    if fill.executed_at is not None:
        return fill.executed_at
    if fill.executed_on is None:
        raise ValueError(f"The fill of line {fill.line} has neither a time nor a date.")
    return datetime.combine(fill.executed_on, time.min, tzinfo=UTC)


def _instant(fill: ParsedFill) -> tuple[str, str, datetime | None]:
    return fill.account_number, fill.symbol, fill.executed_at


def _with_order_numbers(fills: Iterable[ParsedFill]) -> set[tuple[str, str, datetime | None]]:
    """Return the instants of which every fill has a numeric order id; a day without a time is no instant."""
    numbered: set[tuple[str, str, datetime | None]] = set()
    without: set[tuple[str, str, datetime | None]] = set()
    for fill in fills:
        is_numeric = fill.order_id.isascii() and fill.order_id.isdecimal()
        (numbered if is_numeric and fill.executed_at is not None else without).add(_instant(fill))
    return numbered - without
