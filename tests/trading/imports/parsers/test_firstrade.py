from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

from trading.imports.parsers.base import ParseContext, ParsedFill, RowError, SkippedRow
from trading.imports.parsers.firstrade import Firstrade
from trading.imports.parsers.tables import head_of

SAMPLES = Path(__file__).parents[3] / "data" / "firstrade"
NEW_YORK = ParseContext(time_zone=ZoneInfo("America/New_York"))
HEADER = (
    "Symbol,Quantity,Price,Action,Description,TradeDate,SettledDate,Interest,Amount,Commission,Fee,CUSIP,RecordType\n"
)


def sample():
    with (SAMPLES / "history.csv").open("rb") as file:
        return list(Firstrade().parse(file, NEW_YORK))


def parse(rows):
    return list(Firstrade().parse(BytesIO((HEADER + rows).encode()), NEW_YORK))


def fills_of(items):
    return [item for item in items if isinstance(item, ParsedFill)]


def test_on_a_day_of_more_purchases_the_purchases_come_first():
    bought, sold = fills_of(sample())[:2]

    assert (bought.line, bought.side, bought.quantity) == (3, "buy", Decimal(90))
    assert (sold.line, sold.side, sold.quantity) == (2, "sell", Decimal(40))
    assert (bought.executed_at, bought.executed_on) == (None, date(2026, 3, 4))


def test_on_a_day_of_more_sales_the_sales_come_first():
    rows = (
        "TSLA,10,400,BUY,TESLA,2026-03-04,2026-03-05,0,-4000,0,0,1,Trade\n"
        "TSLA,-30,405,SELL,TESLA,2026-03-04,2026-03-05,0,12150,0,0,1,Trade\n"
    )

    assert [fill.side for fill in parse(rows)] == ["sell", "buy"]


def test_a_file_that_is_newest_first_is_laid_out_to_be_read_from_its_end():
    rows = (
        "MSFT,-50,415,SELL,MICROSOFT,2026-03-05,2026-03-06,0,20750,0,0,1,Trade\n"
        "MSFT,90,410,BUY,MICROSOFT,2026-03-04,2026-03-05,0,-36900,0,0,1,Trade\n"
        "MSFT,-40,412,SELL,MICROSOFT,2026-03-04,2026-03-05,0,16480,0,0,1,Trade\n"
    )

    assert [(fill.line, fill.side) for fill in parse(rows)] == [(2, "sell"), (4, "sell"), (3, "buy")]


def test_a_time_in_the_description_is_taken():
    timed = fills_of(sample())[2]

    assert timed.executed_at == datetime(2026, 3, 5, 15, 15, 30, tzinfo=UTC)
    assert timed.executed_on is None
    assert timed.name == "MICROSOFT CORP"


def test_the_true_costs_of_an_option_are_the_gap_to_the_amount():
    # 20 x 0.25 x 100 is 500; 499.43 came in, so 0.57 was charged though the fee says 0.02.
    option = fills_of(sample())[3]

    assert (option.symbol, option.kind, option.side) == ("IAG260417C00012000", "option", "sell")
    assert option.commission + option.fees == Decimal("0.57")


def test_stated_costs_stand_where_the_amount_agrees_to_the_cent():
    rows = "AAPL,10,250.1234,BUY,APPLE,2026-03-04,2026-03-05,0,-2502.73,1.00,0.50,1,Trade\n"
    (fill,) = parse(rows)

    assert (fill.commission, fill.fees) == (Decimal("1.00"), Decimal("0.50"))


def test_a_written_option_that_expires_is_bought_back_for_nothing():
    expired = fills_of(sample())[4]

    assert (expired.symbol, expired.side, expired.quantity) == ("IAG260417C00012000", "buy", Decimal(20))
    assert (expired.price, expired.executed_on) == (0, date(2026, 4, 17))


def test_a_treasury_costs_what_moved_with_its_accrued_interest_as_a_cost():
    # 5,000 face at 99.25 is 4,962.50; with 76.92 accrued interest 5,039.42, less 0.00 of costs.
    note = fills_of(sample())[5]

    assert (note.symbol, note.kind, note.multiplier) == ("T 3.5 09/30/27", "bond", Decimal("0.01"))
    assert note.price == Decimal("99.25")
    assert note.fees == Decimal("76.92")
    assert note.quantity * note.price * note.multiplier + note.fees == Decimal("5039.42")


def test_interest_is_no_trade():
    assert [(item.line, item.code) for item in sample() if isinstance(item, SkippedRow)] == [(8, "not_a_trade")]


def test_a_purchase_of_a_negative_quantity_is_an_error():
    (error,) = parse("AAPL,-10,250,BUY,APPLE,2026-03-04,2026-03-05,0,-2500,0,0,1,Trade\n")

    assert isinstance(error, RowError)
    assert (error.column, error.code) == ("Quantity", "side_conflict")


def test_its_header_is_recognised():
    with (SAMPLES / "history.csv").open("rb") as file:
        assert Firstrade().recognises(head_of(file)) == 90
