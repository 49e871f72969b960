"""Tables of no particular broker, and the small formats: every value worked by hand from the sample files."""

import io
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from trading.imports.parsers import registry
from trading.imports.parsers.base import (
    ColumnChoice,
    FileRefused,
    ParseContext,
    ParsedFill,
    RootSpec,
    RowError,
    SkippedRow,
)
from trading.imports.parsers.tables import head_of

SAMPLES = Path(__file__).parents[3] / "data"
NEW_YORK = ParseContext(
    now=datetime(2026, 6, 1, tzinfo=UTC),
    time_zone=ZoneInfo("America/New_York"),
    roots={"ES": RootSpec("ES", "USD", Decimal("0.25"), Decimal(50))},
)


def read(sample: str, context: ParseContext = NEW_YORK) -> tuple[str, list[ParsedFill]]:
    """Return the format recognised and the fills, which are all that the file holds besides warnings."""
    with (SAMPLES / sample).open("rb") as file:
        parser, warning = registry.choose(head_of(file, sample))
        items = list(parser.parse(file, context))
    assert warning == ""
    assert not [item for item in items if isinstance(item, RowError | SkippedRow)]
    return parser.name, [item for item in items if isinstance(item, ParsedFill)]


def parse_text(name: str, text: str, context: ParseContext = NEW_YORK) -> list[object]:
    return list(registry.by_name(name).parse(io.BytesIO(text.encode()), context))


def test_lightspeed_adds_its_fee_columns_and_reads_new_york_time() -> None:
    name, (bought, sold, short) = read("lightspeed/activity.csv", replace(NEW_YORK, time_zone=UTC))

    assert name == "lightspeed"
    assert (bought.account_number, bought.symbol, bought.kind, bought.side) == ("7XX00041", "MSFT", "stock", "buy")
    assert (bought.quantity, bought.price, bought.currency) == (Decimal(200), Decimal("401.125"), "USD")
    assert bought.executed_at == datetime(2026, 3, 6, 14, 31, 7, tzinfo=UTC)
    assert (bought.commission, bought.fees) == (Decimal("0.90"), Decimal("0.11"))
    assert (sold.side, sold.commission, sold.fees) == ("sell", Decimal("0.90"), Decimal("2.38"))
    assert (short.side, short.price, short.fees) == ("sell", Decimal("1010.50"), Decimal("1.36"))
    # Daylight saving began on 8 March.
    assert short.executed_at == datetime(2026, 3, 9, 13, 31, 7, tzinfo=UTC)


def test_lightspeed_trade_numbers_are_told_apart_by_day() -> None:
    _, fills = read("lightspeed/activity.csv")

    assert [fill.identity_key for fill in fills] == ["id:20260306-20417", "id:20260306-20455", "id:20260309-20419"]


@pytest.mark.parametrize(
    ("side", "buy_sell", "expected"),
    [
        ("B", "", "buy"),
        ("S", "", "sell"),
        ("", "Long Buy", "buy"),
        ("", "Short Sell", "sell"),
        ("", "Long Sell", "sell"),
    ],
)
def test_lightspeed_reads_the_side_from_either_column(side: str, buy_sell: str, expected: str) -> None:
    text = (
        "Trade Number,Trade Date,Execution Time,Symbol,Side,Qty,Price,FeeSEC,Buy/Sell\n"
        f"1,03/06/2026,09:31,MSFT,{side},1,400,0,{buy_sell}\n"
    )

    (fill,) = parse_text("lightspeed", text)

    assert isinstance(fill, ParsedFill)
    assert fill.side == expected


def test_lightspeed_never_assumes_a_side() -> None:
    text = "Trade Number,Trade Date,Execution Time,Symbol,Side,Qty,Price,FeeSEC\n1,03/06/2026,09:31,MSFT,,1,400,0\n"

    (error,) = parse_text("lightspeed", text)

    assert isinstance(error, RowError)
    assert (error.line, error.column, error.code) == (2, "Buy/Sell", "missing_value")


def test_tradestation_adds_its_fees_and_a_rebate_is_negative() -> None:
    name, (short, cover) = read("tradestation/executions.csv")

    assert name == "tradestation"
    assert (short.account_number, short.symbol, short.side, short.quantity) == ("TZ0099", "AMD", "sell", Decimal(300))
    assert short.executed_at == datetime(2026, 3, 6, 14, 45, 1, tzinfo=UTC)
    assert (short.commission, short.fees, short.note) == (Decimal("1.5"), Decimal("0.44"), "gap fade")
    assert (cover.side, cover.price, cover.fees) == ("buy", Decimal("118.25"), Decimal("0.93"))


def test_tradervue_reads_side_letters_dates_of_both_orders_and_futures() -> None:
    name, (bought, sold, future) = read("tradervue/executions.csv")

    assert name == "tradervue"
    assert (bought.side, bought.quantity, bought.commission, bought.fees) == (
        "buy",
        Decimal(100),
        Decimal("1.00"),
        Decimal("0.30"),
    )
    assert bought.executed_at == datetime(2026, 3, 6, 14, 30, 5, tzinfo=UTC)
    assert (sold.side, sold.quantity, sold.fees) == ("sell", Decimal(100), Decimal("-0.15"))
    assert (future.symbol, future.kind, future.multiplier, future.currency) == ("ESM26", "future", Decimal(50), "USD")


def test_tradervue_needs_no_header_and_takes_the_sign_where_the_side_is_empty() -> None:
    name, (bought, sold) = read("tradervue/headless.txt")

    assert name == "tradervue"
    assert (bought.line, bought.side, bought.price) == (1, "buy", Decimal("201.10"))
    assert (sold.line, sold.side, sold.quantity) == (2, "sell", Decimal(100))


def test_tradervue_refuses_a_bought_quantity_with_a_minus() -> None:
    text = "Date,Time,Symbol,Quantity,Price,Side\n03/06/2026,09:30:05,AAPL,-100,201.10,B\n"

    (error,) = parse_text("tradervue", text)

    assert isinstance(error, RowError)
    assert (error.line, error.column, error.code) == (2, "Quantity", "side_conflict")


def test_tiger_reads_the_zone_behind_the_time_and_costs_with_a_minus() -> None:
    name, (sold, bought) = read("tiger/history.csv", replace(NEW_YORK, time_zone=UTC))

    assert name == "tiger"
    assert (sold.symbol, sold.side, sold.quantity, sold.price) == ("NIO", "sell", Decimal(300), Decimal("5.12"))
    assert (sold.executed_at, sold.fees) == (datetime(2026, 2, 12, 15, 15, tzinfo=UTC), Decimal("2.65"))
    assert (bought.executed_at, bought.fees) == (datetime(2026, 2, 12, 14, 45, 30, tzinfo=UTC), Decimal("2.20"))


def test_a_completed_trade_is_its_entry_and_its_exit_with_the_costs() -> None:
    name, (entry, closing, short, cover) = read("generic/completed.csv")

    assert name == "completed_trades"
    assert (entry.account_number, entry.symbol, entry.side, entry.quantity) == ("Main", "NFLX", "buy", Decimal(20))
    assert entry.executed_at == datetime(2026, 3, 3, 14, 35, 10, tzinfo=UTC)
    assert (entry.price, entry.commission, entry.fees) == (Decimal("88.40"), Decimal(0), Decimal(0))
    assert entry.broker_pnl is None
    assert (entry.initial_stop, entry.tags, entry.note) == (Decimal("87.90"), ("breakout", "A+"), "held the plan")
    assert (closing.side, closing.price) == ("sell", Decimal("89.90"))
    assert closing.executed_at == datetime(2026, 3, 3, 16, 2, 45, tzinfo=UTC)
    assert (closing.commission, closing.fees, closing.broker_pnl) == (
        Decimal("2.00"),
        Decimal("0.14"),
        Decimal("27.86"),
    )
    assert entry.identity_key.removesuffix("#entry") == closing.identity_key.removesuffix("#exit")
    assert (short.symbol, short.side, cover.side, cover.broker_pnl) == ("ESH26", "sell", "buy", Decimal("-191.70"))


MAPPING = ColumnChoice(
    columns={
        "symbol": "Papier",
        "side": "Richtung",
        "quantity": "Stück",
        "price": "Kurs",
        "executed_at": "Zeit",
        "commission": "Gebühr",
        "account": "Depot",
    },
    delimiter=";",
    time_zone="Europe/Berlin",
    date_order="dmy",
    decimal_style="comma",
    side_values={"Kauf": "buy", "Verkauf": "sell"},
)
GERMAN = (
    "Depotauszug\nDepot;Papier;Richtung;Stück;Kurs;Zeit;Gebühr;Laune\n"
    "D1;SAP;Kauf;1.000;120,55;02.03.2026 09:00:00;9,90;gut\n"
)


def test_a_mapping_reads_any_table_as_its_person_says() -> None:
    items = parse_text("mapped_csv", GERMAN, replace(NEW_YORK, mapping=MAPPING))

    (fill,) = [item for item in items if isinstance(item, ParsedFill)]
    assert (fill.line, fill.account_number, fill.symbol, fill.side) == (3, "D1", "SAP", "buy")
    assert (fill.quantity, fill.price, fill.commission) == (Decimal(1000), Decimal("120.55"), Decimal("9.90"))
    assert fill.executed_at == datetime(2026, 3, 2, 8, tzinfo=UTC)


def test_a_side_that_the_mapping_does_not_know_is_an_error() -> None:
    items = parse_text("mapped_csv", GERMAN.replace("Kauf", "Zeichnung"), replace(NEW_YORK, mapping=MAPPING))

    errors = [(item.line, item.column, item.code) for item in items if isinstance(item, RowError)]
    assert errors == [(3, "Richtung", "unknown_side")]


@pytest.mark.parametrize(
    ("choice", "code"),
    [
        (None, "bad_mapping"),
        (ColumnChoice({"colour": "Papier"}), "bad_mapping"),
        (replace(MAPPING, side_values={"Kauf": "maybe"}), "bad_mapping"),
        (replace(MAPPING, time_zone="Mars/Olympus"), "bad_timezone"),
        (ColumnChoice({"symbol": "Papier", "quantity": "Stück", "price": "Kurs"}), "missing_header"),
    ],
)
def test_a_mapping_that_cannot_be_followed_refuses_the_file(choice: ColumnChoice | None, code: str) -> None:
    with pytest.raises(FileRefused) as refusal:
        parse_text("mapped_csv", GERMAN, replace(NEW_YORK, mapping=choice))

    assert refusal.value.code == code


def test_a_canceled_order_is_skipped() -> None:
    text = "Symbol,Side,Qty,Price,Fill Time,Status\nAAPL,Buy,1,150,2026-03-03 10:00:00,Cancelled\n"

    (skipped,) = parse_text("generic_fills", text)

    assert isinstance(skipped, SkippedRow)
    assert (skipped.line, skipped.code) == (2, "canceled")


def test_times_alone_take_their_day_from_the_file_name() -> None:
    text = "Symbol,Side,Qty,Price,Time\nAAPL,Buy,1,150,10:00:00\n"

    (fill,) = parse_text("generic_fills", text, replace(NEW_YORK, filename="AAPL_2026-03-03.csv"))

    assert isinstance(fill, ParsedFill)
    assert fill.executed_at == datetime(2026, 3, 3, 15, tzinfo=UTC)


def test_times_without_any_day_are_an_error_that_says_so() -> None:
    text = "Symbol,Side,Qty,Price,Time\nAAPL,Buy,1,150,10:00:00\n"

    (error,) = parse_text("generic_fills", text)

    assert isinstance(error, RowError)
    assert (error.line, error.column, error.code) == (2, "Time", "missing_trade_date")


def test_a_round_trip_by_days_stays_without_times() -> None:
    text = "Symbol,Side,Qty,Entry Price,Exit Price,Entry Date,Exit Date\nAAPL,short,1,150,140,2026-03-03,2026-03-05\n"

    entry, closing = parse_text("completed_trades", text)

    assert isinstance(entry, ParsedFill)
    assert isinstance(closing, ParsedFill)
    assert (entry.side, entry.executed_at, entry.executed_on) == ("sell", None, date(2026, 3, 3))
    assert (closing.side, closing.executed_at, closing.executed_on) == ("buy", None, date(2026, 3, 5))


def test_a_type_column_that_holds_sides_is_the_side() -> None:
    text = "ticker,type,quantity,price,time\nAAPL,Market buy,2,150,2026-03-03 10:00:00\n"

    (fill,) = parse_text("generic_fills", text)

    assert isinstance(fill, ParsedFill)
    assert (fill.side, fill.kind, fill.quantity) == ("buy", "stock", Decimal(2))
    assert fill.executed_at == datetime(2026, 3, 3, 15, tzinfo=UTC)


def test_headers_with_underscores_are_the_same_headers() -> None:
    header = "symbol,trade_date,trade_type,quantity,price,order_execution_time"
    text = f"{header}\nINFY,2026-03-03,sell,5,1500.5,2026-03-03T10:00:00\n"

    (fill,) = parse_text("generic_fills", text)

    assert isinstance(fill, ParsedFill)
    assert (fill.symbol, fill.side, fill.price) == ("INFY", "sell", Decimal("1500.5"))


def test_a_trade_id_of_a_general_table_may_repeat_and_identifies_nothing() -> None:
    text = "Symbol,Side,Qty,Price,Fill Time,Trade ID\nA,Buy,1,5,2026-03-03 10:00,7\nA,Buy,2,5,2026-03-03 10:00,7\n"

    first, second = parse_text("generic_fills", text)

    assert isinstance(first, ParsedFill)
    assert isinstance(second, ParsedFill)
    assert first.identity_key != second.identity_key
    assert (first.broker_fill_id, second.broker_fill_id) == ("7", "7")
