"""Tradovate: the Orders report, the Performance report and the paired trades of the Position History.

None of the three states any cost. Times are local to the person, and some versions of the Orders report put
blanks before values or quote a row as a whole.
"""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import BinaryIO, Final

from trading.imports.parsers.base import (
    Head,
    ParseContext,
    Parsed,
    ParsedFill,
    SkippedRow,
)
from trading.imports.parsers.numbers import parse_money
from trading.imports.parsers.round_trips import (
    Leg,
    RoundTrip,
    checked_price,
    checked_quantity,
    first_filled,
    read_side,
)
from trading.imports.parsers.symbols import Resolved, resolve_symbol
from trading.imports.parsers.tables import Row, collect, header_with, read_rows
from trading.imports.parsers.times import parse_date, parse_time

BROKER: Final = "Tradovate"
DATE_ORDER: Final = "mdy"
BUYS: Final = frozenset({"buy", "b"})
SELLS: Final = frozenset({"sell", "s"})


class TradovateOrders:
    """One row per order, at its average price; working, canceled and rejected orders are passed over."""

    name = "tradovate_orders"
    label = "Tradovate – Orders"
    broker = BROKER
    identity_family = "tradovate_orders"
    sell_only_needs_decision = False

    def recognises(self, head: Head) -> int:
        """Whether the order columns stand in one of the first rows."""
        return 80 if head.has_header("orderId", "B/S", "Contract", "Fill Time", "Status") else 0

    def parse(self, file: BinaryIO, context: ParseContext) -> Iterator[Parsed]:
        """Yield one fill per order that was filled at least in part."""
        # "orderId" stands beside "Order ID" and "filledQty" beside "Filled Qty".
        rows = read_rows(file, context, header=header_with("B/S", "Contract", "Fill Time"), repeats=True)
        yield from collect(rows, lambda row: self._build(row, context))

    def _build(self, row: Row, context: ParseContext) -> ParsedFill | SkippedRow:
        status = row.optional("Status").lower()
        filled_column = first_filled(row, "filledQty", "Filled Qty")
        filled = row.optional(filled_column)
        if status != "filled" and not filled.strip("0."):
            return _unfilled(row, status)
        instrument, executed_at = _instrument_and_time(row, context)
        order_id = row.optional("orderId") or row.optional("Order ID")
        price_column = first_filled(row, "avgPrice", "Avg Fill Price", "decimalFillAvg")
        return ParsedFill(
            line=row.line,
            raw=row.raw,
            identity_key=row.identity_key(broker_id=order_id),
            account_number=row.optional("Account"),
            symbol=instrument.symbol,
            kind=instrument.kind,
            side=read_side(row.text("B/S"), column="B/S", buys=BUYS, sells=SELLS),
            quantity=checked_quantity(_number(row, filled_column), column=filled_column),
            price=checked_price(_number(row, price_column), column=price_column, kind=instrument.kind),
            executed_at=executed_at,
            executed_on=None,
            currency=row.optional("Currency").upper() or instrument.currency,
            multiplier=instrument.multiplier,
            broker_fill_id=order_id,
            order_id=order_id,
            name=row.optional("Product Description"),
        )


class TradovatePerformance:
    """One row per pair of a buying and a selling fill, without account."""

    name = "tradovate_performance"
    label = "Tradovate – Performance"
    broker = BROKER
    identity_family = "tradovate_pairs"
    sell_only_needs_decision = False

    def recognises(self, head: Head) -> int:
        """Whether both fill ids and both timestamps stand in one of the first rows."""
        return 80 if head.has_header("symbol", "buyFillId", "sellFillId", "boughtTimestamp", "soldTimestamp") else 0

    def parse(self, file: BinaryIO, context: ParseContext) -> Iterator[Parsed]:
        """Yield two fills per row, the one that came first as the entry."""
        rows = read_rows(file, context, header=header_with("symbol", "buyFillId", "sellFillId"))
        yield from collect(rows, lambda row: self._build(row, context))

    def _build(self, row: Row, context: ParseContext) -> tuple[ParsedFill, ...]:
        bought_at = _time(row, "boughtTimestamp", context)
        sold_at = _time(row, "soldTimestamp", context)
        instrument = resolve_symbol(
            row.text("symbol"), column="symbol", context=context, on=min(bought_at, sold_at).date()
        )
        buy_id, sell_id = row.text("buyFillId"), row.text("sellFillId")
        pair = f"{buy_id}:{sell_id}"
        trip = _pair(
            row,
            instrument,
            buy=_leg(row, bought_at, "buyPrice", instrument, pair=pair, side="buy", fill_id=f"{pair}:buy"),
            sell=_leg(row, sold_at, "sellPrice", instrument, pair=pair, side="sell", fill_id=f"{pair}:sell"),
            is_long=_bought_first(bought_at, sold_at, buy_id, sell_id),
            columns=("qty", "pnl"),
        )
        return trip.fills()


class TradovatePaired:
    """One row per pair of fills within a position, with account and trading day."""

    name = "tradovate_paired"
    label = "Tradovate – Position History"
    broker = BROKER
    identity_family = "tradovate_pairs"
    sell_only_needs_decision = False

    def recognises(self, head: Head) -> int:
        """Whether the pair columns stand in one of the first rows."""
        return 80 if head.has_header("Pair ID", "Buy Fill ID", "Sell Fill ID", "Paired Qty") else 0

    def parse(self, file: BinaryIO, context: ParseContext) -> Iterator[Parsed]:
        """Yield two fills per pair; positions without a pair are still open and are passed over."""
        rows = read_rows(file, context, header=header_with("Pair ID", "Buy Fill ID", "Sell Fill ID"))
        yield from collect(rows, lambda row: self._build(row, context))

    def _build(self, row: Row, context: ParseContext) -> tuple[ParsedFill, ...] | SkippedRow:
        pair_id = row.optional("Pair ID")
        if not pair_id:
            return SkippedRow(row.line, "not_a_trade", "A position without a closed pair.", row.raw)
        bought_at = _time(row, "Bought Timestamp", context)
        sold_at = _time(row, "Sold Timestamp", context)
        instrument = resolve_symbol(
            row.text("Contract"), column="Contract", context=context, on=min(bought_at, sold_at).date()
        )
        buy_id, sell_id = row.text("Buy Fill ID"), row.text("Sell Fill ID")
        # A scale-out shares one fill between pairs: the pair tells its legs apart. The identity is that of
        # the Performance report, so that the two reports of one day are not counted twice.
        pair = f"{buy_id}:{sell_id}"
        trip = _pair(
            row,
            instrument,
            buy=_leg(row, bought_at, "Buy Price", instrument, pair=pair, side="buy", fill_id=f"{pair_id}:{buy_id}"),
            sell=_leg(row, sold_at, "Sell Price", instrument, pair=pair, side="sell", fill_id=f"{pair_id}:{sell_id}"),
            is_long=_bought_first(bought_at, sold_at, buy_id, sell_id),
            columns=("Paired Qty", "P/L"),
        )
        entry, closing = trip.fills()
        if stated := row.optional("Trade Date"):
            # The day of the position is the day it was closed on; the entry may be older.
            day = parse_date(stated, column="Trade Date", order=DATE_ORDER)
            closing = closing._replace(trading_day=day)
        return entry, closing


def _unfilled(row: Row, status: str) -> SkippedRow:
    if status.startswith("cancel"):
        return SkippedRow(row.line, "canceled", "A canceled order.", row.raw)
    if status.startswith("reject"):
        return SkippedRow(row.line, "rejected", "A rejected order.", row.raw)
    return SkippedRow(row.line, "not_filled", f"An order that was not filled ({status or 'no status'}).", row.raw)


def _instrument_and_time(row: Row, context: ParseContext) -> tuple[Resolved, datetime]:
    executed_at = _time(row, "Fill Time", context)
    contract = resolve_symbol(row.text("Contract"), column="Contract", context=context, on=executed_at.date())
    return contract, executed_at


def _time(row: Row, column: str, context: ParseContext) -> datetime:
    return parse_time(row.text(column), column=column, context=context, order=DATE_ORDER)


def _number(row: Row, column: str) -> Decimal:
    return parse_money(row.text(column), column=column)


def _leg(row: Row, at: datetime, price_column: str, instrument: Resolved, *, pair: str, side: str, fill_id: str) -> Leg:
    return Leg(
        at=at,
        price=checked_price(_number(row, price_column), column=price_column, kind=instrument.kind),
        identity_key=f"id:{pair}:{side}",
        broker_fill_id=fill_id,
    )


def _bought_first(bought_at: datetime, sold_at: datetime, buy_id: str, sell_id: str) -> bool:
    """Whether the buy opened the pair; in the same second the ids, which count up, decide."""
    if bought_at != sold_at:
        return bought_at < sold_at
    return (len(buy_id), buy_id) <= (len(sell_id), sell_id)


def _pair(row: Row, instrument: Resolved, *, buy: Leg, sell: Leg, is_long: bool, columns: tuple[str, str]) -> RoundTrip:
    quantity, pnl = columns
    stated = row.optional(pnl)
    return RoundTrip(
        line=row.line,
        raw=row.raw,
        account_number=row.optional("Account"),
        instrument=instrument,
        is_long=is_long,
        quantity=checked_quantity(_number(row, quantity), column=quantity),
        entry=buy if is_long else sell,
        exit=sell if is_long else buy,
        net_pnl=parse_money(stated, column=pnl) if stated else None,
        currency=row.optional("Currency").upper(),
        name=row.optional("Product Description"),
    )
