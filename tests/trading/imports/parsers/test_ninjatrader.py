from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from trading.imports.parsers.base import FileRefused, ParseContext, ParsedFill, RootSpec, RowError
from trading.imports.parsers.ninjatrader import NinjaTraderExecutions, NinjaTraderTrades
from trading.imports.parsers.tables import head_of

SAMPLES = Path(__file__).parents[3] / "data" / "ninjatrader"
BERLIN = ParseContext(
    time_zone=ZoneInfo("Europe/Berlin"),
    roots={
        "ES": RootSpec("ES", "USD", Decimal("0.25"), Decimal(50)),
        "MES": RootSpec("MES", "USD", Decimal("0.25"), Decimal(5)),
        "NQ": RootSpec("NQ", "USD", Decimal("0.25"), Decimal(20)),
        "MNQ": RootSpec("MNQ", "USD", Decimal("0.25"), Decimal(2)),
    },
)
EXECUTIONS = "Instrument,Action,Quantity,Price,Time,ID,E/X,Commission,Account display name\n"
TRADES = (
    "Trade number,Instrument,Account,Market pos.,Qty,Entry price,Exit price,Entry time,Exit time,"
    "Entry name,Exit name,Profit,Cum. net profit,Commission\n"
)


def sample(name, parser):
    with (SAMPLES / name).open("rb") as file:
        return list(parser.parse(file, BERLIN))


def executions(text, context=BERLIN):
    return list(NinjaTraderExecutions().parse(BytesIO((EXECUTIONS + text).encode()), context))


def trades(text, context=BERLIN):
    return list(NinjaTraderTrades().parse(BytesIO((TRADES + text).encode()), context))


def test_german_numbers_and_dates_are_read_as_the_file_proves_them():
    fills = sample("executions_european.csv", NinjaTraderExecutions())

    assert [(fill.symbol, fill.side, fill.quantity, fill.price, fill.commission) for fill in fills] == [
        ("MESM26", "buy", Decimal(2), Decimal("7200.75"), Decimal("1.24")),
        ("MESM26", "sell", Decimal(1), Decimal("7204.25"), Decimal("0.62")),
        ("MESM26", "sell", Decimal(1), Decimal("7198.50"), Decimal("0.62")),
    ]
    # 27/04 shows that the day stands first, so 03/05 is the third of May.
    assert [fill.executed_at for fill in fills] == [
        datetime(2026, 4, 27, 4, 5, 2, tzinfo=UTC),
        datetime(2026, 4, 27, 4, 9, 30, tzinfo=UTC),
        datetime(2026, 5, 3, 14, 10, tzinfo=UTC),
    ]


def test_the_connection_is_no_part_of_the_account():
    fills = sample("executions_european.csv", NinjaTraderExecutions())

    assert {fill.account_number for fill in fills} == {"Playback101"}
    assert [fill.identity_key for fill in fills] == ["id:exec-1", "id:exec-2", "id:exec-3"]


def test_am_and_pm_put_the_month_first_and_columns_may_stand_anywhere():
    fills = sample("executions_english.csv", NinjaTraderExecutions())

    assert [(fill.account_number, fill.symbol, fill.side, fill.quantity) for fill in fills] == [
        ("FUNDED-1", "MNQU26", "sell", Decimal(6)),
        ("FUNDED-1", "MNQU26", "sell", Decimal(6)),
        ("FUNDED-2", "NQU26", "buy", Decimal(1)),
    ]
    assert fills[2].executed_at == datetime(2026, 7, 8, 10, 5, 9, tzinfo=UTC)
    assert fills[0].identity_key == fills[1].identity_key


def test_a_rate_column_that_says_buy_or_sell_is_the_side():
    text = (
        "Instrument,Quantity,Avg fill price,Time,Commission,Rate,Account,Order Id,Name\n"
        "ES 03-26,-1,6000.25,1/15/2026 9:30:00 AM,2.04,Sell,Sim101,o1,Entry\n"
    )

    (fill,) = NinjaTraderExecutions().parse(BytesIO(text.encode()), BERLIN)

    assert (fill.symbol, fill.side, fill.quantity) == ("ESH26", "sell", Decimal(1))
    assert (fill.price, fill.commission, fill.order_id) == (Decimal("6000.25"), Decimal("2.04"), "o1")


def test_a_profit_is_already_after_all_the_costs_beside_it():
    items = sample("trades_english.csv", NinjaTraderTrades())

    assert [(fill.side, fill.price, fill.commission, fill.fees, fill.broker_pnl) for fill in items] == [
        ("sell", Decimal("6420.50"), 0, 0, None),
        ("buy", Decimal("6424.25"), Decimal("4.00"), Decimal("4.60"), Decimal("-383.60")),
        ("buy", Decimal("6425.00"), 0, 0, None),
        ("sell", Decimal("6427.25"), Decimal("2.00"), Decimal("2.30"), Decimal("108.20")),
    ]
    assert {(fill.symbol, fill.account_number) for fill in items} == {("ESU26", "Sim101")}


def test_a_french_report_is_read_with_either_apostrophe():
    items = sample("trades_french.csv", NinjaTraderTrades())

    assert [(fill.line, fill.side, fill.price) for fill in items] == [
        (2, "sell", Decimal("23960.00")),
        (2, "buy", Decimal("23955.50")),
        (3, "buy", Decimal("23961.25")),
        (3, "sell", Decimal("23899.00")),
    ]
    assert (items[1].commission, items[1].broker_pnl) == (Decimal("2.36"), Decimal("87.64"))
    assert items[3].broker_pnl == Decimal("-1247.36")
    assert {fill.account_number for fill in items} == {"APEX-77"}
    assert items[0].executed_at == datetime(2026, 4, 14, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize("parser", [NinjaTraderExecutions(), NinjaTraderTrades()])
def test_only_its_own_grid_is_recognised(parser):
    recognised = set()
    for path in SAMPLES.glob("*.csv"):
        with path.open("rb") as file:
            if parser.recognises(head_of(file, path.name)):
                recognised.add(path.name)

    grid = parser.name.removeprefix("ninjatrader_")
    assert recognised == {path.name for path in SAMPLES.glob(f"{grid}_*.csv")}
    assert len(recognised) == 2


def test_the_same_trade_of_two_overlapping_reports_is_the_same():
    row = "MES 09-26,Sim101,Long,1,6400.25,6401.25,7/28/2026 9:00:00 AM,7/28/2026 9:05:00 AM,Entry,Target1,$5.00"

    first = trades(f"1,{row},$5.00,$0.00\n")
    later = trades(f"17,{row},$205.00,$0.00\n")

    assert [fill.identity_key for fill in first] == [fill.identity_key for fill in later]


def test_dashes_put_the_day_first():
    entry, _ = trades(
        "1,NQ JUN26,PA-1!Apex,Short,1,23960.00,23955.50,01-04-2026 00:27:56,01-04-2026 00:30:54,E,X,90 $,90 $,0 $\n"
    )

    assert entry.executed_at == datetime(2026, 3, 31, 22, 27, 56, tzinfo=UTC)


def test_a_profit_that_is_no_money_is_not_taken_for_money():
    _, closing = trades(
        "1,MES 09-26,Sim101,Long,1,6400.25,6401.25,7/28/2026 9:00:00 AM,7/28/2026 9:05:00 AM,E,X,4 ticks,4 ticks,$0\n"
    )

    assert closing.broker_pnl is None


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("ES 03-26,Buy,1,6000.25,05/04/2026 10:00:00,a,Entry,$2.00,Sim101\n", "declare_date_order"),
        (
            "ES 03-26,Buy,1,6000.25,13/04/2026 10:00:00,a,Entry,$2.00,Sim101\n"
            "ES 03-26,Sell,1,6000.25,04/14/2026 10:00:00,b,Exit,$2.00,Sim101\n",
            "mixed_date_order",
        ),
        ('ES 03-26,Buy,1,"6,000",4/14/2026 10:00:00,a,Entry,,Sim101\n', "declare_decimal_style"),
        (
            'ES 03-26,Buy,1,6000.25,4/14/2026 10:00:00,a,Entry,"2,04",Sim101\n',
            "mixed_decimal_style",
        ),
    ],
)
def test_what_the_file_cannot_prove_refuses_it(text, code):
    with pytest.raises(FileRefused) as refused:
        executions(text)

    assert refused.value.code == code


def test_a_declared_date_order_decides():
    context = ParseContext(time_zone=ZoneInfo("Europe/Berlin"), roots=BERLIN.roots, date_order="dmy")

    (fill,) = executions("ES 03-26,Buy,1,6000.25,05/04/2026 10:00:00,a,Entry,$2.00,Sim101\n", context)

    assert fill.executed_at == datetime(2026, 4, 5, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("row", "column", "code"),
    [
        ("FOO 03-26,Buy,1,10.25,4/14/2026 10:00:00 AM,a,Entry,,S", "Instrument", "unknown_contract_root"),
        ("ES 03-26,,1,10.25,4/14/2026 10:00:00 AM,a,Entry,,S", "Action", "missing_value"),
        ("ES 03-26,Hold,1,10.25,4/14/2026 10:00:00 AM,a,Entry,,S", "Action", "unknown_side"),
        ("ES 03-26,Buy,-1,10.25,4/14/2026 10:00:00 AM,a,Entry,,S", "Quantity", "sign"),
        ("ES 03-26,Buy,1,10.25,4/14/2026 25:00:00,a,Entry,,S", "Time", "bad_time"),
        ("ES 03-26,Buy,1,10.25,4/14/2199 10:00:00 AM,a,Entry,,S", "Time", "future_date"),
    ],
)
def test_a_bad_cell_is_named(row, column, code):
    (error,) = executions(row + "\n")

    assert isinstance(error, RowError)
    assert (error.line, error.column, error.code) == (2, column, code)


def test_an_exit_before_its_entry_is_refused():
    (error,) = trades(
        "1,MES 09-26,Sim101,Long,1,6400.25,6401.25,7/28/2026 9:05:00 AM,7/28/2026 9:00:00 AM,E,X,$5.00,$5.00,$0.00\n"
    )

    assert not isinstance(error, ParsedFill)
    assert (error.column, error.code) == ("Exit time", "order_of_times")


def test_a_french_report_in_windows_letters_is_read_once_its_encoding_is_chosen():
    page = (SAMPLES / "trades_french.csv").read_text(encoding="utf-8").encode("cp1252")
    parser = NinjaTraderTrades()

    assert parser.recognises(head_of(BytesIO(page))) > 0
    with pytest.raises(FileRefused) as refused:
        list(parser.parse(BytesIO(page), BERLIN))
    assert refused.value.code == "encoding"
    items = list(parser.parse(BytesIO(page), replace(BERLIN, encoding="cp1252")))
    assert [fill.broker_pnl for fill in items] == [None, Decimal("87.64"), None, Decimal("-1247.36")]
