from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from trading.imports.parsers.base import (
    FileRefused,
    ParseContext,
    ParsedFill,
    RootSpec,
    RowError,
    SkippedRow,
    Warned,
)
from trading.imports.parsers.ibkr_flex import IbkrFlexCsv
from trading.imports.parsers.ibkr_flex_xml import IbkrFlexXml
from trading.imports.parsers.tables import head_of

SAMPLES = Path(__file__).parents[3] / "data" / "ibkr"
NEW_YORK = ParseContext(
    time_zone=ZoneInfo("America/New_York"),
    roots={"MES": RootSpec("MES", "USD", Decimal("0.25"), Decimal(5))},
)
MINIMAL = "Symbol,Date/Time,Quantity,Price,Commission,Fees,Order ID\n"


def parse(text, context=NEW_YORK):
    return list(IbkrFlexCsv().parse(BytesIO(text.encode()), context))


def sample(name, parser=IbkrFlexCsv):
    with (SAMPLES / name).open("rb") as file:
        return list(parser().parse(file, NEW_YORK))


def fills_of(items):
    return [item for item in items if isinstance(item, ParsedFill)]


def score(text):
    return IbkrFlexCsv().recognises(head_of(BytesIO(text.encode())))


def test_only_executions_are_fills_and_the_rest_is_accounted_for():
    items = sample("flex_sections.csv")

    assert [(fill.line, fill.symbol, fill.side, fill.quantity) for fill in fills_of(items)] == [
        (5, "BRK.B", "buy", Decimal(40)),
        (7, "BRK.B", "sell", Decimal(40)),
        (8, "MESH26", "sell", Decimal(3)),
    ]
    assert [(item.line, item.code) for item in items if isinstance(item, SkippedRow)] == [(6, "subtotal")]
    assert [(item.line, item.code) for item in items if isinstance(item, Warned)] == [(11, "section_passed_over")]
    assert len(items) == 5


def test_costs_credits_and_the_brokers_own_result_keep_their_signs():
    bought, sold, _ = fills_of(sample("flex_sections.csv"))

    assert (bought.commission, bought.fees, bought.broker_pnl) == (Decimal("1.0003"), 0, None)
    assert (sold.commission, sold.fees, sold.broker_pnl) == (
        Decimal("-0.1"),
        Decimal("0.42"),
        Decimal("178.6797"),
    )


def test_a_stated_zone_goes_before_that_of_the_account():
    future = fills_of(sample("flex_sections.csv"))[2]

    assert future.executed_at == datetime(2026, 1, 11, 23, 15, tzinfo=UTC)
    assert future.trading_day == date(2026, 1, 12)
    assert future.multiplier == Decimal(5)


def test_csv_and_xml_of_the_same_fills_agree_on_their_identity():
    csv_keys = [fill.identity_key for fill in fills_of(sample("flex_sections.csv"))]
    xml_keys = [fill.identity_key for fill in fills_of(sample("flex_two_accounts.xml", IbkrFlexXml))]

    assert csv_keys == [xml_keys[0], xml_keys[1], xml_keys[4]]


def test_an_option_is_known_by_its_columns_where_its_symbol_does_not_say_it():
    bought, sold = fills_of(sample("flex_confirmations.csv"))

    assert bought.symbol == sold.symbol == "BMW261218P00072000"
    assert bought.kind == "option"
    assert bought.multiplier == Decimal(100)
    assert bought.broker_fill_id == "0000f711.01"
    assert bought.order_id == "940001"
    assert bought.executed_at == datetime(2026, 4, 16, 14, 15, tzinfo=UTC)


def test_the_sign_is_the_side_where_no_column_says_it():
    bought, sold = parse(
        MINIMAL + "AAPL,20250107;093000,100,150.00,-1.00,-0.05,1\n" + "AAPL,20250108;100000,-100,155.00,-1.00,0.00,2\n"
    )

    assert (bought.side, bought.quantity, bought.commission, bought.fees) == (
        "buy",
        Decimal(100),
        Decimal(1),
        Decimal("0.05"),
    )
    assert (sold.side, sold.quantity, sold.order_id) == ("sell", Decimal(100), "2")


def test_equal_fills_without_ids_have_equal_keys_for_the_pipeline_to_number():
    row = "AAPL,2026-04-07 06:40:26,100,8.10,-1,0,\n"
    first, second = parse(MINIMAL + row + row)

    assert first.identity_key == second.identity_key
    assert first.identity_key.startswith("row:")
    assert first.executed_at == datetime(2026, 4, 7, 10, 40, 26, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "instant"),
    [
        ("20260427;093005", datetime(2026, 4, 27, 13, 30, 5, tzinfo=UTC)),
        ("2026-04-27;09:30:05", datetime(2026, 4, 27, 13, 30, 5, tzinfo=UTC)),
        ("2026-04-27 09:30:05", datetime(2026, 4, 27, 13, 30, 5, tzinfo=UTC)),
        ("04/27/26;093005", datetime(2026, 4, 27, 13, 30, 5, tzinfo=UTC)),
        ("27/04/2026;09:30:05", datetime(2026, 4, 27, 13, 30, 5, tzinfo=UTC)),
        ("27-04-26 9:30", datetime(2026, 4, 27, 13, 30, tzinfo=UTC)),
        ("27-APR-26;093005", datetime(2026, 4, 27, 13, 30, 5, tzinfo=UTC)),
        ("20260427;093005 EDT", datetime(2026, 4, 27, 13, 30, 5, tzinfo=UTC)),
        ("20260427;093005;EST", datetime(2026, 4, 27, 14, 30, 5, tzinfo=UTC)),
    ],
)
def test_every_spelling_of_a_moment_is_read(written, instant):
    (fill,) = parse(MINIMAL + f"AAPL,{written},1,150,-1,0,1\n")

    assert fill.executed_at == instant
    assert fill.executed_on is None


def test_a_date_without_a_time_is_given_none():
    (fill,) = parse("ClientAccountID,Symbol,Buy/Sell,Quantity,Price,TradeDate\nU1,AAPL,BUY,1,150,20260721\n")

    assert fill.executed_at is None
    assert fill.executed_on == date(2026, 7, 21)


def test_dates_that_prove_no_order_are_read_month_first_with_a_warning():
    fill, warning = parse(MINIMAL + "AAPL,04/07/26;093005,1,150,-1,0,1\n")

    assert fill.executed_at == datetime(2026, 4, 7, 13, 30, 5, tzinfo=UTC)
    assert warning.code == "date_order_assumed"


def test_one_date_proves_the_order_of_all():
    first, second = parse(MINIMAL + "AAPL,04/07/26;093005,1,150,-1,0,1\nAAPL,13/07/26;093005,-1,150,-1,0,2\n")

    assert first.executed_at == datetime(2026, 7, 4, 13, 30, 5, tzinfo=UTC)
    assert second.executed_at == datetime(2026, 7, 13, 13, 30, 5, tzinfo=UTC)


def test_sells_without_a_minus_are_read_where_the_file_never_signs_them():
    header = "Symbol,Quantity,Buy/Sell,Price,Date/Time,Commission,LevelOfDetail,TradeID\n"
    unsigned = "IBKR,0.0228,SELL,81.67,2026-04-20 10:25:08,-0.018,EXECUTION,1\n"
    signed = "IBKR,-3,SELL,81.67,2026-04-20 10:25:09,-0.018,EXECUTION,2\n"

    (alone,) = parse(header + unsigned)
    first, second = parse(header + unsigned + signed)

    assert (alone.side, alone.quantity) == ("sell", Decimal("0.0228"))
    assert isinstance(first, ParsedFill)
    assert isinstance(second, RowError)
    assert (second.column, second.code) == ("Quantity", "side_conflict")


def test_a_file_of_orders_alone_says_what_to_choose_instead():
    items = parse(
        "ClientAccountID,Symbol,Buy/Sell,Quantity,Price,TradeDate,LevelOfDetail\nU1,AAPL,BUY,1,150,20260721,ORDER\n"
    )

    assert [item.code for item in items] == ["subtotal", "no_executions"]


def test_a_file_without_a_section_of_trades_is_refused():
    with pytest.raises(FileRefused) as refusal:
        parse("ClientAccountID,CurrencyPrimary,Symbol,Date/Time,Amount\nU1,USD,AAPL,20260115,-12.50\n")

    assert refusal.value.code == "missing_header"


def test_a_quote_in_the_middle_of_a_cell_is_named():
    (error,) = parse(MINIMAL + 'AAPL,20250107;093000,1"0"0,150.00,-1.00,0,1\n')

    assert (error.line, error.code) == (2, "bad_quoting")


def test_headers_may_differ_in_case_and_spaces():
    (fill,) = parse("symbol,Date / Time,QUANTITY,price\nAAPL,20250107;093000,1,150\n")

    assert (fill.symbol, fill.quantity) == ("AAPL", Decimal(1))


def test_a_row_of_the_wrong_width_is_named():
    (error,) = parse(MINIMAL + "AAPL,20250107;093000,100\n")

    assert (error.line, error.code) == (2, "too_few_fields")


def test_its_headers_are_recognised_and_those_of_others_are_not():
    assert score((SAMPLES / "flex_sections.csv").read_text()) == 90
    assert score(MINIMAL) == 55
    assert score("Symbol,Side,Quantity,Price,Date\n") == 0
    assert score("ClientAccountID,CurrencyPrimary,Amount\n") == 80
