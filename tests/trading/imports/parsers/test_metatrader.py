from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from trading.imports.parsers.base import (
    FileRefused,
    ParseContext,
    ParsedFill,
    RowError,
    SkippedRow,
    Warned,
)
from trading.imports.parsers.metatrader_csv import MetaTraderCsv
from trading.imports.parsers.metatrader_fills import plain_symbol
from trading.imports.parsers.metatrader_html import MetaTraderHtml
from trading.imports.parsers.registry import choose
from trading.imports.parsers.tables import head_of

SAMPLES = Path(__file__).parents[3] / "data" / "metatrader"
ATHENS = ParseContext(time_zone=ZoneInfo("Europe/Athens"))
HEADER = "Time;Position;Symbol;Type;Volume;Price;S / L;T / P;Time;Price;Commission;Swap;Profit\n"


def sample(name, parser, context=ATHENS):
    with (SAMPLES / name).open("rb") as file:
        return list(parser.parse(file, context))


def table(rows, context=ATHENS, account="77001 (USD, Example-Server, demo, Hedge)"):
    text = f"Trade History Report\nAccount:;{account}\nPositions\n{HEADER}{rows}"
    return list(MetaTraderCsv().parse(BytesIO(text.encode()), context))


def fills_of(items):
    return [item for item in items if isinstance(item, ParsedFill)]


def test_the_deals_of_a_report_are_its_fills_in_units():
    fills = fills_of(sample("mt5_history.html", MetaTraderHtml()))

    assert [(fill.symbol, fill.side, fill.quantity, fill.price) for fill in fills] == [
        ("EURUSD", "buy", Decimal(50000), Decimal("1.085")),
        ("EURUSD", "sell", Decimal(20000), Decimal("1.086")),
        ("EURUSD", "sell", Decimal(30000), Decimal("1.08833")),
        ("XAUUSD", "sell", Decimal(10), Decimal("4577.86")),
        ("XAUUSD", "buy", Decimal(10), Decimal("4560.36")),
        ("USDJPY", "buy", Decimal(20000), Decimal(150)),
        ("USDJPY", "sell", Decimal(20000), Decimal("150.75")),
    ]
    assert {fill.account_number for fill in fills} == {"5550123"}
    assert fills[0].executed_at == datetime(2026, 3, 2, 7, 0, 5, tzinfo=UTC)
    assert fills[0].identity_key == "id:deal:9001"


def test_a_swap_that_was_paid_is_a_fee_and_a_credit_is_a_negative_one():
    fills = fills_of(sample("mt5_history.html", MetaTraderHtml()))

    # 1.20 of swap and 0.10 of fee were paid on the first exit; 2.15 of swap came in on the gold.
    assert (fills[2].commission, fills[2].fees) == (Decimal("1.05"), Decimal("1.30"))
    assert (fills[4].commission, fills[4].fees) == (Decimal("0.35"), Decimal("-2.15"))


def test_the_brokers_own_pnl_of_a_deal_is_what_its_balance_moved_by():
    fills = fills_of(sample("mt5_history.html", MetaTraderHtml()))

    # 49,998.25 -> 50,017.55 -> 50,115.10
    assert [fill.broker_pnl for fill in fills[:3]] == [Decimal("-1.75"), Decimal("19.30"), Decimal("97.55")]
    assert fills[4].broker_pnl == Decimal("176.80")


def test_money_of_the_account_is_stated_in_the_currency_of_the_price():
    opened, closed = fills_of(sample("mt5_history.html", MetaTraderHtml()))[5:]

    # 0.70 dollars at 150.000 and at 150.750 yen; 98.80 dollars net at 150.750.
    assert (opened.currency, opened.commission) == ("JPY", Decimal(105))
    assert (closed.commission, closed.broker_pnl) == (Decimal("105.525"), Decimal("14894.10"))


def test_a_deposit_is_passed_over():
    items = sample("mt5_history.html", MetaTraderHtml())

    assert [(item.line, item.code) for item in items if not isinstance(item, ParsedFill)] == [(20, "not_a_trade")]


def test_a_report_in_windows_letters_says_so_itself():
    items = sample("mt4_statement.htm", MetaTraderHtml())

    assert [(fill.symbol, fill.side, fill.quantity, fill.price) for fill in fills_of(items)] == [
        ("GBPEUR", "sell", Decimal(100000), Decimal("1.15")),
        ("GBPEUR", "buy", Decimal(100000), Decimal("1.149")),
        ("EURUSD", "buy", Decimal(10000), Decimal("1.2")),
        ("EURUSD", "sell", Decimal(10000), Decimal("1.205")),
    ]
    exit_fill = fills_of(items)[1]
    assert (exit_fill.account_number, exit_fill.currency) == ("880042", "EUR")
    # Taxes of 0.50 were paid and 0.80 of swap came in: 100.00 - 7.00 - 0.50 + 0.80.
    assert (exit_fill.commission, exit_fill.fees, exit_fill.broker_pnl) == (
        Decimal(7),
        Decimal("-0.30"),
        Decimal("93.30"),
    )
    assert [item.code for item in items if isinstance(item, SkippedRow)] == ["not_a_trade", "still_open"]


def test_an_italian_report_saved_as_a_table():
    items = sample("report_italian.csv", MetaTraderCsv())

    fills = fills_of(items)
    assert [(fill.symbol, fill.kind, fill.side, fill.quantity, fill.price) for fill in fills] == [
        ("XAUEUR", "forex", "buy", Decimal(10), Decimal("4577.86")),
        ("XAUEUR", "forex", "sell", Decimal(10), Decimal("4590.11")),
        ("EURUSD", "forex", "sell", Decimal(20000), Decimal("1.165")),
        ("EURUSD", "forex", "buy", Decimal(20000), Decimal("1.163")),
        ("GER40", "cfd", "sell", Decimal(2), Decimal("24350.5")),
        ("GER40", "cfd", "buy", Decimal(2), Decimal("24330.5")),
    ]
    assert (fills[1].commission, fills[1].broker_pnl) == (Decimal("0.70"), Decimal("121.80"))
    # A credit of 0.35 euros at 1.163 dollars.
    assert (fills[3].currency, fills[3].fees) == ("USD", Decimal("-0.40705"))
    assert [(item.line, item.code) for item in items if isinstance(item, SkippedRow)] == [(8, "subtotal")]


def test_the_export_of_the_interface_is_in_utc_whatever_the_persons_zone():
    items = sample("api_export.csv", MetaTraderCsv())

    fills = fills_of(items)
    assert [(fill.symbol, fill.side, fill.quantity, fill.broker_pnl) for fill in fills] == [
        ("XAUUSD", "buy", Decimal(1), None),
        ("XAUUSD", "sell", Decimal(1), Decimal("4.91")),
        ("XAUUSD", "sell", Decimal(4), None),
        ("XAUUSD", "buy", Decimal(4), Decimal("64.51")),
    ]
    assert fills[2].executed_at == datetime(2026, 5, 11, 6, 44, 20, 250000, tzinfo=UTC)
    assert (fills[3].commission, fills[3].fees) == (Decimal("0.28"), Decimal("0.12"))
    assert [(item.line, item.code) for item in items if isinstance(item, SkippedRow)] == [(4, "still_open")]


def test_a_lot_is_what_the_stated_profit_proves():
    # 20 points on 2 lots made 400.00: one lot is ten units.
    entry, _ = table("2026.01.15 09:00:00;1;US30;buy;2.00;44000.5;;;2026.01.15 10:00:00;44020.5;0.00;0.00;400.00\n")

    assert (entry.symbol, entry.quantity) == ("US30", Decimal(20))


def test_a_declared_lot_counts_where_the_file_proves_none():
    context = replace(ATHENS, lot_units={"EURUSD": Decimal(1000), "GBPUSD": Decimal(1000)})

    items = table(
        "2026.01.15 09:00:00;1;EURUSDm;buy;0.50;1.1000;;;2026.01.15 10:00:00;1.1000;0.00;0.00;0.00\n"
        "2026.01.15 09:00:00;2;GBPUSDm;buy;0.50;1.3000;;;2026.01.15 10:00:00;1.3010;0.00;0.00;50.00\n",
        context,
    )

    assert [(fill.symbol, fill.quantity) for fill in items[::2]] == [
        ("EURUSD", Decimal(500)),
        ("GBPUSD", Decimal(50000)),
    ]


def test_the_parts_of_a_position_that_is_closed_twice_stay_two():
    items = table(
        "2026.01.15 09:00:00;1;EURUSD;buy;0.50;1.1;;;2026.01.15 10:00:00;1.1;0;0;0\n"
        "2026.01.15 09:00:00;1;EURUSD;buy;0.30;1.1;;;2026.01.15 11:00:00;1.1;0;0;0\n"
    )

    assert [fill.quantity for fill in items] == [50000, 50000, 30000, 30000]
    assert len({fill.identity_key for fill in items}) == 4


def test_a_coin_is_a_lot_of_its_own():
    entry, _ = table("2026.01.15 09:00:00;1;BTCUSD;buy;0.02;91000.5;;;2026.01.15 10:00:00;91000.5;0.00;0.00;0.00\n")

    assert (entry.kind, entry.quantity, entry.currency) == ("crypto", Decimal("0.02"), "USD")


def test_a_lot_that_nothing_states_is_refused():
    (error,) = table("2026.01.15 09:00:00;1;US30;buy;2.00;44000.5;;;2026.01.15 10:00:00;44000.5;0.00;0.00;0.00\n")

    assert isinstance(error, RowError)
    assert (error.line, error.column, error.code) == (5, "Symbol", "lot_size_unknown")


def test_a_row_that_is_no_table_row_is_an_error_of_that_row():
    error, entry, _ = table(
        '2026.01.15 09:00:00;1;EUR"USD;buy;0.50;1.1;;;2026.01.15 10:00:00;1.1;0;0;0\n'
        "2026.01.15 09:00:00;2;EURUSD;buy;0.50;1.1;;;2026.01.15 10:00:00;1.1;0;0;0\n"
    )

    assert isinstance(error, RowError)
    assert (error.line, error.code) == (5, "bad_quoting")
    assert entry.line == 6


def test_costs_of_a_cross_are_left_out_with_a_warning():
    items = table("2026.01.15 09:00:00;1;EURGBP;buy;0.10;0.8700;;;2026.01.15 10:00:00;0.8710;-0.70;0.00;13.40\n")

    assert [(item.line, item.code) for item in items if isinstance(item, Warned)] == [(5, "costs_in_other_currency")]
    _, closing = fills_of(items)
    assert (closing.currency, closing.commission, closing.broker_pnl) == ("GBP", 0, None)


@pytest.mark.parametrize(
    ("row", "column", "code"),
    [
        ("2026.02.30 09:00:00;1;EURUSD;buy;1;1.1;;;2026.03.15 10:00:00;1.2;0;0;1", "Time", "bad_date"),
        ("yesterday;1;EURUSD;buy;1;1.1;;;2026.03.15 10:00:00;1.2;0;0;1", "Time", "bad_date"),
        ("2026.03.20 09:00:00;1;EURUSD;buy;1;1.1;;;2026.03.15 10:00:00;1.2;0;0;1", "Time", "order_of_times"),
        ("2026.03.10 09:00:00;1;EURUSD;buy;0;1.1;;;2026.03.15 10:00:00;1.2;0;0;1", "Volume", "quantity_zero"),
        ("2026.03.10 09:00:00;1;EURUSD;buy;1;0;;;2026.03.15 10:00:00;1.2;0;0;1", "Price", "price_zero"),
        ("2026.03.10 09:00:00;1;;buy;1;1.1;;;2026.03.15 10:00:00;1.2;0;0;1", "Symbol", "missing_value"),
    ],
)
def test_a_bad_cell_is_named(row, column, code):
    (error,) = table(row + "\n")

    assert isinstance(error, RowError)
    assert (error.line, error.column, error.code) == (5, column, code)


@pytest.mark.parametrize(
    ("text", "symbol"),
    [
        ("EURUSD", "EURUSD"),
        ("eurusd", "EURUSD"),
        ("EURUSD.x", "EURUSD"),
        ("EURUSDm", "EURUSD"),
        ("XAUUSD-ECN", "XAUUSD"),
        ("US30.cash", "US30"),
        ("GER40", "GER40"),
        ("#AAPL", "AAPL"),
    ],
)
def test_what_a_broker_appends_is_no_part_of_the_symbol(text, symbol):
    assert plain_symbol(text, column="Symbol") == symbol


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mt5_history.html", "metatrader_html"),
        ("mt4_statement.htm", "metatrader_html"),
        ("report_italian.csv", "metatrader_csv"),
        ("api_export.csv", "metatrader_csv"),
    ],
)
def test_each_report_is_recognised(name, expected):
    with (SAMPLES / name).open("rb") as file:
        assert choose(head_of(file, name))[0].name == expected


def test_a_report_in_another_language_without_deals_is_read_by_the_shape_of_its_rows():
    cells = "2026.01.15 09:00:00|1|EURUSD|buy|0.10|1.1000|||2026.01.15 10:00:00|1.1010|0.00|0.00|10.00".split("|")
    page = "<html><title>77001 - Кто-то</title><table><tr><th>Счет:</th><th>77001 (USD, Example)</th></tr><tr>"
    page += "".join(f"<td>{cell}</td>" for cell in cells) + "</tr></table></html>"

    entry, closing = MetaTraderHtml().parse(BytesIO(page.encode()), ATHENS)

    assert (entry.account_number, entry.quantity) == ("77001", Decimal(10000))
    assert closing.broker_pnl == Decimal(10)


def test_a_report_without_a_trade_is_refused():
    page = b"<html><title>Trade History Report</title><table><tr><td>Positions</td></tr></table></html>"

    with pytest.raises(FileRefused) as refused:
        list(MetaTraderHtml().parse(BytesIO(page), ATHENS))

    assert refused.value.code == "no_rows"


def test_letters_that_the_page_does_not_declare_refuse_it():
    page = b"<html><title>Trade History Report</title><table><tr><td>Zo\xeb</td></tr></table></html>"

    with pytest.raises(FileRefused) as refused:
        list(MetaTraderHtml().parse(BytesIO(page), ATHENS))

    assert refused.value.code == "encoding"
