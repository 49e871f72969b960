from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from trading.imports.parsers.base import ParseContext, ParsedFill, RootSpec, RowError, SkippedRow
from trading.imports.parsers.registry import choose
from trading.imports.parsers.tables import head_of
from trading.imports.parsers.tradovate import TradovateOrders, TradovatePaired, TradovatePerformance

SAMPLES = Path(__file__).parents[3] / "data" / "tradovate"
CHICAGO = ParseContext(
    time_zone=ZoneInfo("America/Chicago"),
    roots={
        "MES": RootSpec("MES", "USD", Decimal("0.25"), Decimal(5)),
        "MNQ": RootSpec("MNQ", "USD", Decimal("0.25"), Decimal(2)),
    },
)
PERFORMANCE = (
    "symbol,_priceFormat,_priceFormatType,_tickSize,buyFillId,sellFillId,qty,buyPrice,sellPrice,pnl,"
    "boughtTimestamp,soldTimestamp,duration\n"
)


def sample(name, parser):
    with (SAMPLES / name).open("rb") as file:
        return list(parser.parse(file, CHICAGO))


def performance(row):
    return list(TradovatePerformance().parse(BytesIO((PERFORMANCE + row).encode()), CHICAGO))


def fills_of(items):
    return [item for item in items if isinstance(item, ParsedFill)]


@pytest.mark.parametrize("name", ["orders", "performance", "paired"])
def test_each_report_is_recognised_whatever_was_chosen(name):
    with (SAMPLES / f"{name}.csv").open("rb") as file:
        parser, warning = choose(head_of(file, f"{name}.csv"), selected="webull")

    assert parser.name == f"tradovate_{name}"
    assert warning.startswith(f"The headers match {parser.label}")


def test_an_order_filled_in_part_counts_with_what_was_filled():
    items = sample("orders.csv", TradovateOrders())

    assert [
        (fill.line, fill.account_number, fill.symbol, fill.side, fill.quantity, fill.price) for fill in fills_of(items)
    ] == [
        (2, "ALFA-01", "MESU26", "buy", Decimal(3), Decimal("6400.25")),
        (3, "ALFA-01", "MESU26", "sell", Decimal(2), Decimal("6404.50")),
        (4, "ALFA-02", "MESU26", "sell", Decimal(1), Decimal("6399.75")),
    ]
    assert [(item.line, item.code) for item in items if isinstance(item, SkippedRow)] == [
        (5, "canceled"),
        (6, "rejected"),
        (7, "not_filled"),
    ]


def test_an_order_costs_nothing_and_its_time_is_the_persons_own():
    first = fills_of(sample("orders.csv", TradovateOrders()))[0]

    assert first.executed_at == datetime(2026, 7, 14, 14, 31, 2, tzinfo=UTC)
    assert (first.commission, first.fees, first.broker_pnl) == (0, 0, None)
    assert (first.multiplier, first.currency, first.kind) == (Decimal(5), "USD", "future")
    assert (first.identity_key, first.order_id) == ("id:510001", "510001")


def test_the_fill_that_came_first_opens_the_pair():
    fills = fills_of(sample("performance.csv", TradovatePerformance()))

    assert [(fill.side, fill.quantity, fill.price, fill.broker_pnl) for fill in fills[:4]] == [
        ("buy", Decimal(2), Decimal("23010.25"), None),
        ("sell", Decimal(2), Decimal("23056.50"), Decimal(185)),
        ("sell", Decimal(4), Decimal("23060.00"), None),
        ("buy", Decimal(4), Decimal("23080.00"), Decimal(-160)),
    ]


def test_fills_of_one_second_are_ordered_by_their_ids():
    entry, closing = fills_of(sample("performance.csv", TradovatePerformance()))[4:]

    assert (entry.side, entry.broker_fill_id) == ("sell", "9042:9041:sell")
    assert (closing.side, closing.broker_pnl) == ("buy", Decimal("2.50"))
    assert entry.executed_at == closing.executed_at == datetime(2026, 7, 14, 16, 30, tzinfo=UTC)


def test_a_scale_out_keeps_the_legs_of_its_pairs_apart():
    fills = fills_of(sample("paired.csv", TradovatePaired()))

    assert [(fill.broker_fill_id, fill.quantity, fill.broker_pnl) for fill in fills] == [
        ("70101:9007", Decimal(2), None),
        ("70101:9011", Decimal(2), Decimal(185)),
        ("70102:9007", Decimal(1), None),
        ("70102:9015", Decimal(1), Decimal(58)),
    ]
    assert len({fill.identity_key for fill in fills}) == 4
    assert [fill.trading_day for fill in fills] == [None, date(2026, 7, 14), None, date(2026, 7, 14)]


def test_a_position_without_a_pair_is_passed_over():
    items = sample("paired.csv", TradovatePaired())

    assert [(item.line, item.code) for item in items if isinstance(item, SkippedRow)] == [(4, "not_a_trade")]


def test_performance_and_position_history_name_the_same_fills_alike():
    performance_fills = fills_of(sample("performance.csv", TradovatePerformance()))[:2]
    paired_fills = fills_of(sample("paired.csv", TradovatePaired()))[:2]

    assert [fill.identity_key for fill in performance_fills] == [fill.identity_key for fill in paired_fills]
    assert TradovatePerformance.identity_family == TradovatePaired.identity_family


@pytest.mark.parametrize(
    ("row", "column", "code"),
    [
        ("XXZ6,,,,1,2,1,10,11,1,07/14/2026 10:00:00,07/14/2026 10:01:00,", "symbol", "unknown_contract_root"),
        ("MNQU6,,,,1,2,0,10,11,1,07/14/2026 10:00:00,07/14/2026 10:01:00,", "qty", "quantity_zero"),
        ("MNQU6,,,,1,2,-1,10,11,1,07/14/2026 10:00:00,07/14/2026 10:01:00,", "qty", "sign"),
        ("MNQU6,,,,1,2,1,0,11,1,07/14/2026 10:00:00,07/14/2026 10:01:00,", "buyPrice", "price_zero"),
        ("MNQU6,,,,1,2,1,NaN,11,1,07/14/2026 10:00:00,07/14/2026 10:01:00,", "buyPrice", "not_a_number"),
        ("MNQU6,,,,1,2,1,10,11,1,14/07/2026 10:00:00,07/14/2026 10:01:00,", "boughtTimestamp", "bad_date"),
        (
            "MNQU6,,,,1,2,1,10,11,1,03/08/2026 02:30:00,07/14/2026 10:01:00,",
            "boughtTimestamp",
            "nonexistent_local_time",
        ),
        (
            "MNQU6,,,,1,2,1,10,11,1,11/02/2025 01:30:00,07/14/2026 10:01:00,",
            "boughtTimestamp",
            "ambiguous_local_time",
        ),
    ],
)
def test_a_bad_cell_is_named_and_leaves_nothing_of_its_row(row, column, code):
    items = performance(row)

    assert [(item.line, item.column, item.code) for item in items if isinstance(item, RowError)] == [(2, column, code)]
    assert fills_of(items) == []
