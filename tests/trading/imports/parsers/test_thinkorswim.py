from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from trading.imports.parsers.base import FileRefused, ParseContext, ParsedFill, RootSpec, RowError, SkippedRow
from trading.imports.parsers.tables import head_of
from trading.imports.parsers.thinkorswim import ThinkorswimOrders, ThinkorswimStatement

SAMPLES = Path(__file__).parents[3] / "data" / "thinkorswim"
NEW_YORK = ParseContext(
    time_zone=ZoneInfo("America/New_York"),
    roots={"MES": RootSpec("MES", "USD", Decimal("0.25"), Decimal(5))},
)
HEADER = "DATE,TIME,TYPE,REF #,DESCRIPTION,Misc Fees,Commissions & Fees,AMOUNT,BALANCE\n"


def sample(name, parser):
    with (SAMPLES / name).open("rb") as file:
        return list(parser.parse(file, NEW_YORK))


def fills_of(items):
    return [item for item in items if isinstance(item, ParsedFill)]


def test_trades_are_read_from_their_text():
    bought, sold = fills_of(sample("statement.csv", ThinkorswimStatement()))[:2]

    assert (bought.account_number, bought.symbol, bought.side) == ("12345678SCHW", "AAPL", "buy")
    assert (bought.quantity, bought.price) == (Decimal(100), Decimal("150.05"))
    assert bought.executed_at == datetime(2026, 5, 4, 13, 31, tzinfo=UTC)
    assert bought.order_id == "5337000001"
    assert (sold.side, sold.quantity, sold.fees, sold.commission) == ("sell", Decimal(100), Decimal("0.42"), 0)


def test_options_and_futures_are_read_from_their_text():
    option, future = fills_of(sample("statement.csv", ThinkorswimStatement()))[2:]

    assert (option.symbol, option.kind, option.multiplier) == ("NVDA260619C00200000", "option", Decimal(100))
    assert (option.price, option.commission, option.fees) == (Decimal("0.85"), Decimal("1.3"), Decimal("0.02"))
    assert (future.symbol, future.kind, future.multiplier) == ("MESM26", "future", Decimal(5))
    assert future.executed_at == datetime(2026, 5, 10, 22, 15, tzinfo=UTC)
    assert (future.commission, future.fees) == (Decimal("0.85"), Decimal("0.37"))


def test_a_spread_told_as_one_trade_is_skipped_by_name():
    items = sample("statement.csv", ThinkorswimStatement())
    skipped = [item for item in items if isinstance(item, SkippedRow)]

    assert [(item.line, item.code) for item in skipped] == [(5, "not_a_trade"), (8, "spread_not_supported")]
    assert skipped[1].message.startswith("Multi-leg option spread (VERTICAL) not supported")
    assert len(items) == 6


def test_a_text_that_cannot_be_read_is_an_error():
    row = '5/4/26,09:31:00,TRD,="1",Something else,,,-1,1\n'
    (error,) = ThinkorswimStatement().parse(BytesIO((HEADER + row).encode()), NEW_YORK)

    assert isinstance(error, RowError)
    assert (error.line, error.column, error.code) == (2, "Description", "unknown_description")


def test_parts_of_one_order_are_told_apart_and_a_later_statement_gives_the_same_key():
    row = '5/4/26,09:31:00,TRD,="1",BOT +100 AAPL @150.05,,,"-15,005.00","{balance}"\n'
    keys = [
        fill.identity_key
        for balance in ("84,995.00", "94,995.00")
        for fill in ThinkorswimStatement().parse(BytesIO((HEADER + row.format(balance=balance)).encode()), NEW_YORK)
    ]

    assert keys[0] == keys[1]
    assert keys[0].startswith("row:")


def test_the_legs_of_a_spread_have_their_own_prices_in_the_trade_history():
    stock, short_leg, long_leg, future = fills_of(sample("trade_history.csv", ThinkorswimOrders()))

    assert (stock.symbol, stock.side, stock.quantity) == ("AAPL", "buy", Decimal(100))
    assert (short_leg.symbol, short_leg.side, short_leg.price) == (
        "SPY260605P00715000",
        "sell",
        Decimal("3.2"),
    )
    assert (long_leg.symbol, long_leg.side, long_leg.price) == ("SPY260605P00714000", "buy", Decimal("2.86"))
    assert long_leg.executed_at == short_leg.executed_at == datetime(2026, 5, 5, 14, 31, tzinfo=UTC)
    assert long_leg.note == "Leg of a VERTICAL"
    assert (future.symbol, future.side, future.multiplier) == ("MESM26", "sell", Decimal(5))


def test_placed_orders_alone_are_refused_because_they_have_no_fill_price():
    header = "Notes,,Time Placed,Spread,Side,Qty,Pos Effect,Symbol,Exp,Strike,Type,PRICE,,TIF,Status\n"
    row = ",,5/5/26 12:00:00,STOCK,BUY,+100,TO OPEN,MSFT,,,STOCK,400.00,LMT,DAY,FILLED\n"

    with pytest.raises(FileRefused) as refusal:
        list(ThinkorswimOrders().parse(BytesIO((header + row).encode()), NEW_YORK))

    assert refusal.value.code == "no_fill_prices"


def test_a_statement_is_preferred_to_the_trade_history_within_it():
    with (SAMPLES / "statement.csv").open("rb") as file:
        head = head_of(file)
        assert ThinkorswimStatement().recognises(head) > ThinkorswimOrders().recognises(head) > 0
    with (SAMPLES / "trade_history.csv").open("rb") as file:
        head = head_of(file)
        assert (ThinkorswimStatement().recognises(head), ThinkorswimOrders().recognises(head)) == (0, 91)
