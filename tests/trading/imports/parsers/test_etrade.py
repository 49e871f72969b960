from datetime import date
from decimal import Decimal
from io import BytesIO
from pathlib import Path

from trading.imports.parsers.base import ParseContext, ParsedFill, RowError, SkippedRow
from trading.imports.parsers.etrade import Etrade
from trading.imports.parsers.tables import head_of

SAMPLES = Path(__file__).parents[3] / "data" / "etrade"
HEADER = "TransactionDate,TransactionType,SecurityType,Symbol,Quantity,Amount,Price,Commission,Description\n"


def sample(name="transactions.csv"):
    with (SAMPLES / name).open("rb") as file:
        return list(Etrade().parse(file, ParseContext()))


def parse(rows):
    return list(Etrade().parse(BytesIO((HEADER + rows).encode()), ParseContext()))


def fills_of(items):
    return [item for item in items if isinstance(item, ParsedFill)]


def test_purchases_and_sales_carry_dates_and_no_times():
    sold, bought = fills_of(sample())[2:]

    assert (bought.account_number, bought.symbol, bought.side) == ("1234", "AAPL", "buy")
    assert (bought.quantity, bought.price) == (Decimal(100), Decimal("250.5"))
    assert (bought.executed_at, bought.executed_on) == (None, date(2026, 1, 5))
    # 25,200 sold and 25,199.29 received: 0.71 of fees that no column states.
    assert (sold.side, sold.commission, sold.fees) == ("sell", 0, Decimal("0.71"))


def test_an_option_is_read_from_the_description():
    written = fills_of(sample())[1]

    assert (written.symbol, written.side, written.multiplier) == ("MDB260717P00312500", "sell", Decimal(100))
    # 213 written and 212.47 received: 0.51 of commission and 0.02 besides.
    assert (written.commission, written.fees) == (Decimal("0.51"), Decimal("0.02"))


def test_a_written_option_that_expires_is_bought_back_for_nothing():
    expired = fills_of(sample())[0]

    assert (expired.side, expired.quantity, expired.price) == ("buy", Decimal(1), 0)
    assert expired.executed_on == date(2026, 7, 20)


def test_dividends_and_the_text_below_the_table_are_skipped():
    skipped = [item for item in sample() if isinstance(item, SkippedRow)]

    assert [(item.line, item.code) for item in skipped] == [(10, "not_a_trade"), (13, "footer")]


def test_the_older_layout_is_read_alike():
    sold, bought = fills_of(sample("transactions_older.csv"))

    assert (bought.account_number, bought.symbol, bought.side) == ("1234", "NVDA260320C00180000", "buy")
    assert (bought.commission, bought.fees, sold.side) == (Decimal("1.3"), 0, "sell")


def test_a_purchase_of_a_negative_quantity_is_an_error():
    (error,) = parse("01/05/26,Bought,EQ,AAPL,-10,-2505,250.50,0,APPLE INC\n")

    assert isinstance(error, RowError)
    assert (error.line, error.column, error.code) == (2, "Quantity", "side_conflict")


def test_both_headers_are_recognised():
    for name in ("transactions.csv", "transactions_older.csv"):
        with (SAMPLES / name).open("rb") as file:
            assert Etrade().recognises(head_of(file)) == 88
