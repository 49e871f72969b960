from datetime import date
from decimal import Decimal
from io import BytesIO
from pathlib import Path

from trading.imports.parsers.base import ParseContext, ParsedFill, RowError, SkippedRow
from trading.imports.parsers.fidelity import Fidelity
from trading.imports.parsers.tables import head_of

SAMPLES = Path(__file__).parents[3] / "data" / "fidelity"
HEADER = "Run Date,Action,Symbol,Description,Type,Price ($),Quantity,Commission ($),Fees ($),Amount ($)\n"


def sample():
    with (SAMPLES / "history.csv").open("rb") as file:
        return list(Fidelity().parse(file, ParseContext()))


def parse(rows, context=None):
    return list(Fidelity().parse(BytesIO((HEADER + rows).encode()), context or ParseContext()))


def fills_of(items):
    return [item for item in items if isinstance(item, ParsedFill)]


def test_each_row_goes_to_the_account_it_names():
    assert [fill.account_number for fill in fills_of(sample())] == [
        "245000001",
        "245000001",
        "245000001",
        "Z12000002",
        "Z12000002",
    ]


def test_purchases_and_sales_carry_dates_and_no_times():
    sold, bought = fills_of(sample())[3:]

    assert (bought.symbol, bought.side, bought.quantity, bought.price) == (
        "AAPL",
        "buy",
        Decimal(100),
        Decimal("250.5"),
    )
    assert (bought.executed_at, bought.executed_on) == (None, date(2026, 1, 5))
    assert (sold.side, sold.quantity, sold.fees) == ("sell", Decimal(100), Decimal("0.71"))


def test_an_option_is_read_from_the_short_symbol():
    option = fills_of(sample())[2]

    assert (option.symbol, option.kind, option.multiplier) == ("NVDA260320C00180000", "option", Decimal(100))
    assert (option.commission, option.fees) == (Decimal("1.3"), Decimal("0.03"))


def test_an_expired_option_closes_on_the_day_it_took_effect():
    expired = fills_of(sample())[0]

    assert (expired.symbol, expired.side, expired.price) == ("NVDA260320C00180000", "sell", 0)
    assert expired.executed_on == date(2026, 3, 20)


def test_a_treasury_costs_what_moved_with_its_accrued_interest_as_a_cost():
    # 5,000 face at 99.25 is 4,962.50; with 76.92 accrued interest 5,039.42.
    note = fills_of(sample())[1]

    assert (note.kind, note.multiplier, note.fees) == ("bond", Decimal("0.01"), Decimal("76.92"))
    assert note.quantity * note.price * note.multiplier + note.fees == Decimal("5039.42")


def test_cash_movements_and_the_text_below_the_table_are_skipped():
    skipped = [item for item in sample() if isinstance(item, SkippedRow)]

    assert [(item.line, item.code) for item in skipped] == [
        (7, "not_a_trade"),
        (8, "not_a_trade"),
        (12, "footer"),
        (13, "footer"),
        (14, "footer"),
    ]


def test_the_name_of_the_file_says_the_account_where_no_column_does():
    row = "01/05/2026,YOU BOUGHT APPLE INC,AAPL,APPLE INC,Cash,250.50,10,,,-2505.00\n"
    (fill,) = parse(row, ParseContext(filename="History_for_Account_Z12000002.csv"))

    assert fill.account_number == "Z12000002"


def test_a_purchase_of_a_negative_quantity_is_an_error():
    (error,) = parse("01/05/2026,YOU BOUGHT APPLE INC,AAPL,APPLE INC,Cash,250.50,-10,,,-2505.00\n")

    assert isinstance(error, RowError)
    assert (error.line, error.column, error.code) == (2, "Quantity", "side_conflict")


def test_its_header_is_recognised():
    with (SAMPLES / "history.csv").open("rb") as file:
        assert Fidelity().recognises(head_of(file)) == 90
