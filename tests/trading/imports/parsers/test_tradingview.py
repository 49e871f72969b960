from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from trading.imports.parsers.base import ParseContext, ParsedFill, RootSpec, RowError, SkippedRow, Warned
from trading.imports.parsers.registry import choose
from trading.imports.parsers.tables import head_of
from trading.imports.parsers.tradingview import AvaTrade, TradingView

SAMPLES = Path(__file__).parents[3] / "data" / "tradingview"
BERLIN = ParseContext(
    time_zone=ZoneInfo("Europe/Berlin"),
    roots={
        "NQ": RootSpec("NQ", "USD", Decimal("0.25"), Decimal(20)),
        "MES": RootSpec("MES", "USD", Decimal("0.25"), Decimal(5)),
    },
)
HISTORY = (
    "Symbol,Side,Type,Qty,Limit Price,Stop Price,Fill Price,Status,Commission,Placing Time,Closing Time,Order ID\n"
)


def sample(name, parser):
    with (SAMPLES / name).open("rb") as file:
        return list(parser.parse(file, BERLIN))


def history(rows):
    return list(TradingView().parse(BytesIO((HISTORY + rows).encode()), BERLIN))


def fills_of(items):
    return [item for item in items if isinstance(item, ParsedFill)]


def test_filled_orders_are_read_without_their_exchange():
    items = sample("history.csv", TradingView())

    assert [(fill.symbol, fill.side, fill.quantity, fill.price, fill.commission) for fill in fills_of(items)] == [
        ("EXR", "sell", Decimal("10.5"), Decimal("2.6"), Decimal("0.35")),
        ("EXR", "buy", Decimal("10.5"), Decimal("2.5"), 0),
        ("EXM", "sell", Decimal(4), Decimal("31.2"), 0),
        ("NQ1!", "buy", Decimal(1), Decimal("23010.25"), Decimal(2)),
    ]
    assert [(item.line, item.code) for item in items if isinstance(item, SkippedRow)] == [
        (3, "canceled"),
        (6, "rejected"),
    ]


def test_times_are_of_the_persons_zone():
    first = fills_of(sample("history.csv", TradingView()))[0]

    assert first.executed_at == datetime(2026, 6, 3, 8, 5, tzinfo=UTC)
    assert (first.identity_key, first.order_id) == ("id:41", "41")


def test_shares_that_were_first_sold_are_pointed_out_though_the_file_is_newest_first():
    items = sample("history.csv", TradingView())

    (warning,) = [item for item in items if isinstance(item, Warned)]
    assert (warning.line, warning.code) == (5, "starts_with_sell")
    assert warning.message.startswith("EXM starts with a Sell")


def test_the_older_of_two_fills_in_one_second_stands_further_down():
    items = history(
        "NYSE:EXM,Sell,Market,1,,,2,Filled,,2026-06-02 15:30:00,2026-06-02 15:30:00,2\n"
        "NYSE:EXM,Buy,Market,1,,,2,Filled,,2026-06-02 15:30:00,2026-06-02 15:30:00,1\n"
    )

    assert [item for item in items if isinstance(item, Warned)] == []


def test_a_continuous_contract_has_the_point_value_of_its_root():
    future = fills_of(sample("history.csv", TradingView()))[3]

    assert (future.kind, future.multiplier, future.currency) == ("future", Decimal(20), "USD")


def test_a_history_without_status_counts_what_was_filled():
    items = sample("without_status.csv", TradingView())

    assert [(fill.side, fill.price, fill.commission, fill.fees) for fill in fills_of(items)] == [
        ("sell", Decimal("95.172"), Decimal(1), Decimal("0.35")),
        ("buy", Decimal("96.56"), Decimal(1), Decimal("-0.20")),
    ]
    assert [(item.line, item.code) for item in items if isinstance(item, SkippedRow)] == [(4, "not_filled")]


def test_the_german_history_of_avatrade():
    items = sample("avatrade.csv", AvaTrade())

    assert [(fill.symbol, fill.side, fill.quantity, fill.price, fill.multiplier) for fill in fills_of(items)] == [
        ("MESM26", "sell", Decimal(2), Decimal("6530.25"), Decimal(5)),
        ("MESM26", "buy", Decimal(2), Decimal(6525), Decimal(5)),
    ]
    assert fills_of(items)[0].commission == Decimal("1.24")
    assert fills_of(items)[0].executed_at == datetime(2026, 3, 27, 10, 0, 1, tzinfo=UTC)
    assert [(item.line, item.code) for item in items if isinstance(item, SkippedRow)] == [(3, "canceled")]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("history", "tradingview"), ("without_status", "tradingview"), ("avatrade", "avatrade")],
)
def test_each_history_is_recognised(name, expected):
    with (SAMPLES / f"{name}.csv").open("rb") as file:
        assert choose(head_of(file))[0].name == expected


@pytest.mark.parametrize(
    ("row", "column", "code"),
    [
        ("CME:XX1!,Buy,Market,1,,,2,Filled,,,2026-06-02 15:30:00,2", "Symbol", "unknown_contract_root"),
        ("NYSE:EXM,Buy,Market,1,,,0,Filled,,,2026-06-02 15:30:00,2", "Fill Price", "price_zero"),
        ("NYSE:EXM,Buy,Market,1,,,-1,Filled,,,2026-06-02 15:30:00,2", "Fill Price", "price_negative"),
        ("NYSE:EXM,Buy,Market,1,,,1e3,Filled,,,2026-06-02 15:30:00,2", "Fill Price", "not_plain_decimal"),
        ("NYSE:EXM,Buy,Market,,,,1,Filled,,,2026-06-02 15:30:00,2", "Filled Qty", "missing_value"),
        ("NYSE:EXM,Buy,Market,1,,,1,Filled,,,2026-02-30 15:30:00,2", "Closing Time", "bad_date"),
    ],
)
def test_a_bad_cell_is_named(row, column, code):
    (error,) = history(row)

    assert isinstance(error, RowError)
    assert (error.line, error.column, error.code) == (2, column, code)
