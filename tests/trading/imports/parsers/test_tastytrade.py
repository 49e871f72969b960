from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path

import pytest

from trading.imports.parsers.base import ParseContext, ParsedFill, RootSpec, RowError, SkippedRow
from trading.imports.parsers.tables import head_of
from trading.imports.parsers.tastytrade import Tastytrade

SAMPLES = Path(__file__).parents[3] / "data" / "tastytrade"
CONTEXT = ParseContext(roots={"MES": RootSpec("MES", "USD", Decimal("0.25"), Decimal(5))})
HEADER = (
    "Date,Type,Sub Type,Action,Symbol,Instrument Type,Description,Value,Quantity,Average Price,"
    "Commissions,Fees,Multiplier\n"
)


def sample():
    with (SAMPLES / "transactions.csv").open("rb") as file:
        return list(Tastytrade().parse(file, CONTEXT))


def parse(rows):
    return list(Tastytrade().parse(BytesIO((HEADER + rows).encode()), CONTEXT))


def fills_of(items):
    return [item for item in items if isinstance(item, ParsedFill)]


def test_costs_are_negative_in_the_file_and_positive_in_the_fill():
    bought = fills_of(sample())[-1]

    assert (bought.symbol, bought.side, bought.quantity, bought.price) == (
        "AAPL",
        "buy",
        Decimal(100),
        Decimal("250.5"),
    )
    assert (bought.commission, bought.fees) == (0, Decimal("0.08"))
    assert bought.executed_at == datetime(2026, 1, 5, 14, 30, tzinfo=UTC)
    assert bought.order_id == "401000001"


def test_the_price_of_an_option_is_per_share_and_not_per_contract():
    written = fills_of(sample())[3]

    assert (written.symbol, written.side, written.multiplier) == ("NVDA260320P00150000", "sell", Decimal(100))
    assert written.price == Decimal("0.95")


@pytest.mark.parametrize("average", ["95.00", "0.95"])
def test_the_value_tells_which_price_the_average_is_where_the_description_does_not(average):
    row = (
        "2026-03-02T10:11:12-0500,Trade,Sell to Open,SELL_TO_OPEN,NVDA  260320P00150000,Equity Option,"
        f"NVDA put,190.00,2,{average},-2.00,-0.28,100\n"
    )
    (fill,) = parse(row)

    assert fill.price == Decimal("0.95")


def test_a_future_is_worth_what_its_root_says():
    sold, bought = fills_of(sample())[1:3]

    assert (bought.symbol, bought.kind, bought.multiplier) == ("MESM26", "future", Decimal(5))
    assert (bought.price, sold.price) == (Decimal("6000.25"), Decimal("6010.25"))


def test_a_written_option_that_expires_is_bought_back_for_nothing():
    expired = fills_of(sample())[0]

    assert (expired.side, expired.quantity, expired.price) == ("buy", Decimal(2), 0)
    assert expired.executed_at == datetime(2026, 3, 20, 21, 0, tzinfo=UTC)


def test_an_option_that_ends_without_its_beginning_is_an_error():
    row = (
        "2026-03-20T17:00:00-0500,Receive Deliver,Expiration,,NVDA  260320P00150000,Equity Option,"
        "Removal of 2.0 NVDA,0.00,2,0.00,--,0.00,100\n"
    )
    (error,) = parse(row)

    assert isinstance(error, RowError)
    assert (error.line, error.code) == (2, "side_unknown")


def test_an_option_on_a_future_is_known_by_its_series():
    row = (
        "2026-03-02T10:11:12-0500,Trade,Buy to Open,BUY_TO_OPEN,./ESM6 E1AM6 260601P5000,Future Option,"
        "Bought 1 @ 12.50,-625.00,1,-625.00,-2.50,-1.92,50\n"
    )
    (fill,) = parse(row)

    assert (fill.symbol, fill.kind, fill.multiplier) == ("E1AM6260601P05000000", "option", Decimal(50))
    assert fill.price == Decimal("12.5")


def test_cash_and_splits_are_skipped_with_their_reasons():
    skipped = [item for item in sample() if isinstance(item, SkippedRow)]

    assert [(item.line, item.code) for item in skipped] == [(5, "not_a_trade"), (7, "corporate_action")]


def test_its_header_is_recognised():
    with (SAMPLES / "transactions.csv").open("rb") as file:
        assert Tastytrade().recognises(head_of(file)) == 92
