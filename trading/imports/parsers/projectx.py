"""ProjectX, the platform of TopstepX and other prop firms: its Trades and Orders exports.

Times carry their offset. The P&L of a trade is gross; fees and commissions stand in columns of their own.
The trading day is the exchange's and is written as its midnight in Chicago.
"""

from collections.abc import Iterator
from datetime import date, datetime
from typing import BinaryIO, Final

from trading.imports.parsers.base import (
    BadCell,
    Head,
    ParseContext,
    Parsed,
    ParsedFill,
    SkippedRow,
)
from trading.imports.parsers.numbers import optional_money, parse_money
from trading.imports.parsers.round_trips import (
    Leg,
    RoundTrip,
    checked_price,
    checked_quantity,
    read_side,
)
from trading.imports.parsers.symbols import resolve_symbol
from trading.imports.parsers.tables import Row, collect, header_with, read_rows
from trading.imports.parsers.times import parse_date, parse_time

BROKER: Final = "TopstepX"
DATE_ORDER: Final = "mdy"
LONGS: Final = frozenset({"long", "buy", "bid"})
SHORTS: Final = frozenset({"short", "sell", "ask"})
CODES: Final = {
    "cancelled": "canceled",
    "canceled": "canceled",
    "rejected": "rejected",
    "expired": "canceled",
}


class ProjectXTrades:
    """One row per round trip; a scale-out gives several."""

    name = "projectx_trades"
    label = "ProjectX / TopstepX – Trades"
    broker = BROKER
    identity_family = "projectx_trades"
    sell_only_needs_decision = False

    def recognises(self, head: Head) -> int:
        """Whether contract, both times and both prices stand in one of the first rows."""
        columns = ("ContractName", "EnteredAt", "ExitedAt", "EntryPrice", "ExitPrice")
        return 80 if head.has_header(*columns) else 0

    def parse(self, file: BinaryIO, context: ParseContext) -> Iterator[Parsed]:
        """Yield two fills per row; the P&L on the exit is after the fees and commissions of the row."""
        rows = read_rows(file, context, header=header_with("ContractName", "EnteredAt", "ExitedAt"))
        yield from collect(rows, lambda row: self._build(row, context))

    def _build(self, row: Row, context: ParseContext) -> tuple[ParsedFill, ...]:
        entered_at, exited_at = _time(row, "EnteredAt", context), _time(row, "ExitedAt", context)
        if exited_at < entered_at:
            raise BadCell("ExitedAt", "order_of_times", "The exit lies before the entry.", row.text("ExitedAt"))
        instrument = resolve_symbol(
            row.text("ContractName"), column="ContractName", context=context, on=entered_at.date()
        )
        trade_id = row.optional("Id")
        commission = optional_money(row.optional("Commissions"), column="Commissions")
        fees = optional_money(row.optional("Fees"), column="Fees")
        gross = row.optional("PnL")
        return RoundTrip(
            line=row.line,
            raw=row.raw,
            account_number=row.optional("AccountName"),
            instrument=instrument,
            is_long=read_side(row.text("Type"), column="Type", buys=LONGS, sells=SHORTS) == "buy",
            quantity=checked_quantity(parse_money(row.text("Size"), column="Size"), column="Size"),
            entry=_leg(row, entered_at, "EntryPrice", trade_id, "entry", kind=instrument.kind),
            exit=_leg(row, exited_at, "ExitPrice", trade_id, "exit", kind=instrument.kind),
            commission=commission,
            fees=fees,
            net_pnl=parse_money(gross, column="PnL") - commission - fees if gross else None,
            trading_day=_trading_day(row),
        ).fills()


class ProjectXOrders:
    """One row per order; Bid is a buy and Ask a sell."""

    name = "projectx_orders"
    label = "ProjectX / TopstepX – Orders"
    broker = BROKER
    identity_family = "projectx_orders"
    sell_only_needs_decision = False

    def recognises(self, head: Head) -> int:
        """Whether contract, side, status and execution stand in one of the first rows."""
        columns = ("ContractName", "Status", "Side", "FilledAt", "ExecutePrice")
        return 80 if head.has_header(*columns) else 0

    def parse(self, file: BinaryIO, context: ParseContext) -> Iterator[Parsed]:
        """Yield one fill per filled order."""
        rows = read_rows(file, context, header=header_with("ContractName", "FilledAt", "ExecutePrice"))
        yield from collect(rows, lambda row: self._build(row, context))

    def _build(self, row: Row, context: ParseContext) -> ParsedFill | SkippedRow:
        status = row.optional("Status").lower()
        if status != "filled":
            if row.optional("FilledAt") and row.optional("ExecutePrice"):
                # The size of the order is not what was filled, and nothing else states it.
                message = "The order was filled in part and the file does not say how much. Enter it by hand."
                raise BadCell("Status", "partly_filled", message, row.optional("Status"))
            code = CODES.get(status, "not_filled")
            return SkippedRow(row.line, code, f"An order that was not filled ({status or 'no status'}).", row.raw)
        executed_at = _time(row, "FilledAt", context)
        instrument = resolve_symbol(
            row.text("ContractName"), column="ContractName", context=context, on=executed_at.date()
        )
        order_id = row.optional("Id")
        return ParsedFill(
            line=row.line,
            raw=row.raw,
            identity_key=row.identity_key(broker_id=order_id),
            account_number=row.optional("AccountName"),
            symbol=instrument.symbol,
            kind=instrument.kind,
            side=read_side(row.text("Side"), column="Side", buys=LONGS, sells=SHORTS),
            quantity=checked_quantity(parse_money(row.text("Size"), column="Size"), column="Size"),
            price=checked_price(
                parse_money(row.text("ExecutePrice"), column="ExecutePrice"),
                column="ExecutePrice",
                kind=instrument.kind,
            ),
            executed_at=executed_at,
            executed_on=None,
            currency=instrument.currency,
            multiplier=instrument.multiplier,
            broker_fill_id=order_id,
            order_id=row.optional("PlatformOrderId") or order_id,
            trading_day=_trading_day(row),
        )


def _time(row: Row, column: str, context: ParseContext) -> datetime:
    return parse_time(row.text(column), column=column, context=context, order=DATE_ORDER)


def _trading_day(row: Row) -> date | None:
    """Return the calendar day as written: its offset says where midnight is, not which day it is."""
    stated = row.optional("TradeDay")
    return parse_date(stated.partition(" ")[0], column="TradeDay", order=DATE_ORDER) if stated else None


def _leg(row: Row, at: datetime, column: str, trade_id: str, name: str, *, kind: str) -> Leg:
    broker_id = f"{trade_id}:{name}" if trade_id else ""
    return Leg(
        at=at,
        price=checked_price(parse_money(row.text(column), column=column), column=column, kind=kind),
        identity_key=row.identity_key(broker_id=broker_id, leg="" if broker_id else name),
        broker_fill_id=broker_id,
    )
