from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path

import pytest

from trading.imports.parsers.base import ParseContext, ParsedFill, RootSpec, RowError, SkippedRow
from trading.imports.parsers.projectx import ProjectXOrders, ProjectXTrades
from trading.imports.parsers.registry import choose
from trading.imports.parsers.tables import head_of

SAMPLES = Path(__file__).parents[3] / "data" / "projectx"
CONTEXT = ParseContext(
    roots={
        "MES": RootSpec("MES", "USD", Decimal("0.25"), Decimal(5)),
        "MGC": RootSpec("MGC", "USD", Decimal("0.1"), Decimal(10)),
    },
)
TRADES = "Id,ContractName,EnteredAt,ExitedAt,EntryPrice,ExitPrice,Fees,PnL,Size,Type,TradeDay,Commissions\n"
ORDERS = "Id,AccountName,ContractName,Status,Size,Side,TradeDay,FilledAt,ExecutePrice\n"


def sample(name, parser):
    with (SAMPLES / name).open("rb") as file:
        return list(parser.parse(file, CONTEXT))


def test_the_stated_pnl_is_gross_and_is_kept_after_costs():
    items = sample("trades.csv", ProjectXTrades())

    assert [(fill.symbol, fill.side, fill.quantity, fill.price) for fill in items] == [
        ("MGCZ26", "sell", Decimal(3), Decimal("4501.4")),
        ("MGCZ26", "buy", Decimal(3), Decimal("4506.7")),
        ("MESU26", "buy", Decimal(1), Decimal("6400.25")),
        ("MESU26", "sell", Decimal(1), Decimal("6405.5")),
    ]
    # -159.00 - 4.26 - 1.50, and 26.25 - 0.74 where no commission is stated
    assert [(fill.commission, fill.fees, fill.broker_pnl) for fill in items] == [
        (0, 0, None),
        (Decimal("1.5"), Decimal("4.26"), Decimal("-164.76")),
        (0, 0, None),
        (0, Decimal("0.74"), Decimal("25.51")),
    ]


def test_the_offset_of_the_file_decides_and_the_stated_trading_day_stays():
    entry = sample("trades.csv", ProjectXTrades())[0]

    assert entry.executed_at == datetime(2026, 8, 30, 22, 6, 17, tzinfo=UTC)
    assert entry.trading_day == date(2026, 8, 31)
    assert entry.identity_key == "id:3042479400:entry"


def test_a_bid_is_a_buy_and_an_ask_a_sell_in_the_account_of_the_row():
    items = sample("orders.csv", ProjectXOrders())

    fills = [item for item in items if isinstance(item, ParsedFill)]
    assert [(fill.account_number, fill.side, fill.quantity, fill.price, fill.order_id) for fill in fills] == [
        ("TSX-1", "buy", Decimal(2), Decimal("6400.5"), "P1"),
        ("TSX-2", "sell", Decimal(1), Decimal(6402), "P2"),
    ]
    assert fills[0].executed_at == datetime(2026, 7, 14, 22, 45, 22, tzinfo=UTC)
    assert {fill.trading_day for fill in fills} == {date(2026, 7, 15)}


def test_orders_that_were_not_filled_are_passed_over_with_the_reason():
    items = sample("orders.csv", ProjectXOrders())

    assert [(item.line, item.code) for item in items if isinstance(item, SkippedRow)] == [
        (4, "canceled"),
        (5, "rejected"),
        (6, "not_filled"),
    ]


@pytest.mark.parametrize("name", ["trades", "orders"])
def test_each_export_is_recognised_whatever_was_chosen(name):
    with (SAMPLES / f"{name}.csv").open("rb") as file:
        parser, warning = choose(head_of(file), selected="tradingview")

    assert parser.name == f"projectx_{name}"
    assert "TradingView" in warning


@pytest.mark.parametrize(
    ("row", "column", "code"),
    [
        (
            "1,MESU6,07/14/2026 10:00:00 -05:00,07/14/2026 09:00:00 -05:00,1,2,0,1,1,Long,,",
            "ExitedAt",
            "order_of_times",
        ),
        ("1,MESU6,07/14/2026 10:00:00 +25:00,07/14/2026 09:00:00 -05:00,1,2,0,1,1,Long,,", "EnteredAt", "bad_timezone"),
        ("1,MESU6,07/14/2026 10:00:00 -05:00,07/14/2026 11:00:00 -05:00,1,2,0,1,1,,,", "Type", "missing_value"),
        (
            "1,QQU6,07/14/2026 10:00:00 -05:00,07/14/2026 11:00:00 -05:00,1,2,0,1,1,Long,,",
            "ContractName",
            "unknown_contract_root",
        ),
    ],
)
def test_a_bad_cell_is_named(row, column, code):
    (error,) = ProjectXTrades().parse(BytesIO((TRADES + row).encode()), CONTEXT)

    assert isinstance(error, RowError)
    assert (error.line, error.column, error.code) == (2, column, code)


def test_a_part_of_a_canceled_order_is_not_guessed():
    row = "7,TSX-1,MESU6,Cancelled,4,Bid,07/14/2026,07/14/2026 10:00:00 -05:00,6400.25"

    (error,) = ProjectXOrders().parse(BytesIO((ORDERS + row).encode()), CONTEXT)

    assert (error.column, error.code) == ("Status", "partly_filled")
