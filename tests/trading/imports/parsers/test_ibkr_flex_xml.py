from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from trading.imports.parsers.base import FileRefused, ParseContext, ParsedFill, RootSpec, RowError, Warned
from trading.imports.parsers.ibkr_flex_xml import IbkrFlexXml

SAMPLES = Path(__file__).parents[3] / "data" / "ibkr"
NEW_YORK = ParseContext(
    time_zone=ZoneInfo("America/New_York"),
    roots={"MES": RootSpec("MES", "USD", Decimal("0.25"), Decimal(5))},
)
ONE_TRADE = (
    '<FlexQueryResponse><FlexStatements><FlexStatement accountId="U1"><Trades><Trade currency="USD"'
    ' assetCategory="STK" symbol="AAPL" multiplier="1" tradeID="1" dateTime="20260105;093000"'
    ' tradeDate="20260105" quantity="10" tradePrice="250" ibCommission="-1" buySell="BUY"'
    ' levelOfDetail="EXECUTION" /></Trades></FlexStatement></FlexStatements></FlexQueryResponse>'
)


def parse(text):
    return list(IbkrFlexXml().parse(BytesIO(text.encode()), NEW_YORK))


def sample():
    with (SAMPLES / "flex_two_accounts.xml").open("rb") as file:
        return list(IbkrFlexXml().parse(file, NEW_YORK))


def fills_of(items):
    return [item for item in items if isinstance(item, ParsedFill)]


def test_a_paid_commission_becomes_a_cost():
    first = fills_of(sample())[0]

    assert first.account_number == "U7000001"
    assert first.symbol == "BRK.B"
    assert first.kind == "stock"
    assert first.side == "buy"
    assert first.quantity == Decimal("40")
    assert first.price == Decimal("501.25")
    assert first.executed_at == datetime(2026, 1, 5, 14, 30, tzinfo=UTC)
    assert first.executed_on is None
    assert first.trading_day == date(2026, 1, 5)
    assert first.currency == "USD"
    assert first.commission == Decimal("1.0003")
    assert first.identity_key == "id:0000e0d5.65967001.01.01"
    assert first.order_id == "880001"
    assert first.line == 6
    assert first.broker_pnl is None


def test_a_rebate_is_a_negative_commission_and_taxes_are_fees():
    sale = fills_of(sample())[1]

    assert sale.side == "sell"
    assert sale.quantity == Decimal("40")
    assert sale.commission == Decimal("-0.1")
    assert sale.fees == Decimal("0.42")
    assert sale.broker_pnl == Decimal("178.6797")


def test_an_option_that_expires_worthless_closes_at_a_price_of_0():
    expiry = fills_of(sample())[3]

    assert expiry.symbol == "NVDA260320C00180000"
    assert expiry.kind == "option"
    assert expiry.multiplier == Decimal(100)
    assert expiry.price == 0
    assert expiry.broker_pnl == Decimal("-681.3")
    assert expiry.identity_key == "id:610004"


def test_the_account_of_the_statement_holds_for_trades_that_name_none():
    future = fills_of(sample())[4]

    assert future.account_number == "U7000002"
    assert future.symbol == "MESH26"
    assert future.kind == "future"
    assert future.multiplier == Decimal(5)
    assert future.executed_at == datetime(2026, 1, 11, 23, 15, tzinfo=UTC)
    assert future.trading_day == date(2026, 1, 12)


def test_a_currency_trade_is_charged_in_its_own_currency():
    # 2.20 EUR at 0.0055 EUR per JPY are 400 JPY.
    pair = fills_of(sample())[5]

    assert pair.symbol == "EURJPY"
    assert pair.kind == "forex"
    assert pair.currency == "JPY"
    assert pair.commission == Decimal(400)


def test_a_bond_is_priced_per_hundred_of_its_face_value():
    # 10,000 face at 100.161 cost 10,016.10.
    bond = fills_of(sample())[6]

    assert bond.kind == "bond"
    assert bond.multiplier == Decimal("0.01")
    assert bond.quantity * bond.price * bond.multiplier == Decimal("10016.10")
    assert bond.executed_at is None
    assert bond.executed_on == date(2026, 1, 14)


def test_a_contract_for_difference_does_not_net_with_its_share():
    assert fills_of(sample())[7].symbol == "SAP.CFD"


def test_corporate_actions_are_pointed_out_and_nothing_else_is_read_as_a_fill():
    items = sample()

    assert len(fills_of(items)) == 8
    assert [(item.line, item.code) for item in items if isinstance(item, Warned)] == [(13, "section_passed_over")]
    assert len(items) == 9


def test_a_side_that_the_quantity_contradicts_is_an_error_of_its_row():
    (error,) = parse(ONE_TRADE.replace('quantity="10"', 'quantity="-10"'))

    assert isinstance(error, RowError)
    assert (error.line, error.column, error.code, error.value) == (1, "quantity", "side_conflict", "-10")


def test_a_cancellation_moves_the_position_back():
    (fill,) = parse(ONE_TRADE.replace('quantity="10"', 'quantity="-10"').replace('"BUY"', '"BUY (Ca.)"'))

    assert (fill.side, fill.quantity) == ("sell", Decimal(10))


@pytest.mark.parametrize(
    ("old", "new", "column", "code"),
    [
        ('quantity="10"', 'quantity="0"', "quantity", "quantity_zero"),
        ('tradePrice="250"', 'tradePrice="0"', "tradePrice", "price_zero"),
        ('tradePrice="250"', 'tradePrice="-1"', "tradePrice", "price_negative"),
        ('tradePrice="250"', 'tradePrice="NaN"', "tradePrice", "not_a_number"),
        ('dateTime="20260105;093000"', 'dateTime="20260230;093000"', "dateTime", "bad_date"),
        ('dateTime="20260105;093000"', 'dateTime="20260105;240000"', "dateTime", "bad_time"),
        ('dateTime="20260105;093000"', 'dateTime="20260308;023000"', "dateTime", "nonexistent_local_time"),
        ('assetCategory="STK"', 'assetCategory="SWAP"', "assetCategory", "unknown_asset_class"),
        ('buySell="BUY"', 'buySell="HOLD"', "buySell", "unknown_side"),
        ('symbol="AAPL"', 'symbol=""', "symbol", "missing_value"),
        ('symbol="AAPL"', 'symbol="AA\u202ePL"', "symbol", "bad_symbol"),
        ('currency="USD"', 'currency="DOLLAR"', "currency", "bad_currency"),
        ('tradeID="1"', f'tradeID="{"1" * 101}"', "", "field_too_long"),
    ],
)
def test_what_cannot_be_read_is_named(old, new, column, code):
    (error,) = parse(ONE_TRADE.replace(old, new))

    assert isinstance(error, RowError)
    assert (error.column, error.code) == (column, code)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty_file"),
        ('<?xml version="1.0" encoding="klingon"?>' + ONE_TRADE, "encoding"),
        ("<FlexQueryResponse><FlexStatements/></FlexQueryResponse>", "no_rows"),
        (ONE_TRADE[:-10], "bad_xml"),
        ('<!DOCTYPE x [<!ENTITY a "b">]>' + ONE_TRADE, "xml_doctype"),
        ("<FlexQueryResponse>" + "<a>" * 20, "xml_too_deep"),
        ('<FlexQueryResponse a="' + "x" * 3_000_000, "line_too_long"),
        ("<FlexStatementResponse><Status>Fail</Status></FlexStatementResponse>", "not_a_report"),
    ],
)
def test_a_file_that_is_no_sound_report_is_refused(text, code):
    with pytest.raises(FileRefused) as refusal:
        parse(text)

    assert refusal.value.code == code
