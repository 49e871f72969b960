from datetime import date
from decimal import Decimal
from io import BytesIO
from pathlib import Path

from trading.imports.parsers.base import ParseContext, ParsedFill, RowError, SkippedRow
from trading.imports.parsers.schwab import SchwabRealized, SchwabTransactions
from trading.imports.parsers.tables import head_of

SAMPLES = Path(__file__).parents[3] / "data" / "schwab"
HEADER = '"Date","Action","Symbol","Description","Quantity","Price","Fees & Comm","Amount"\n'


def sample(name, parser):
    with (SAMPLES / name).open("rb") as file:
        return list(parser.parse(file, ParseContext()))


def history(rows, context=None):
    return list(SchwabTransactions().parse(BytesIO((HEADER + rows).encode()), context or ParseContext()))


def fills_of(items):
    return [item for item in items if isinstance(item, ParsedFill)]


def test_purchases_and_sales_carry_dates_and_no_times():
    fills = fills_of(sample("transactions.csv", SchwabTransactions()))
    sold, bought = fills[3:]

    assert (bought.account_number, bought.symbol, bought.side) == ("1234", "AAPL", "buy")
    assert (bought.quantity, bought.price) == (Decimal(1000), Decimal("250.5"))
    assert (bought.executed_at, bought.executed_on) == (None, date(2026, 1, 5))
    assert (sold.side, sold.commission, sold.currency) == ("sell", Decimal("7.1"), "USD")


def test_an_expired_option_closes_what_the_file_opened_on_the_day_it_took_effect():
    fills = fills_of(sample("transactions.csv", SchwabTransactions()))
    expired, opened = fills[:2]

    assert (opened.symbol, opened.side, opened.multiplier) == ("NVDA260320C00180000", "buy", Decimal(100))
    assert (expired.symbol, expired.side, expired.quantity) == ("NVDA260320C00180000", "sell", Decimal(2))
    assert (expired.price, expired.executed_on) == (0, date(2026, 3, 20))


def test_the_sign_decides_for_an_option_opened_before_the_file_begins():
    row = '"03/20/2026","Expired","NVDA 03/20/2026 180.00 C","CALL","-2","","",""\n'

    assert [fill.side for fill in history(row)] == ["sell"]


def test_a_bill_is_priced_per_hundred_of_its_face_value():
    # 10,000 face at 98.25 cost 9,825.
    bill = fills_of(sample("transactions.csv", SchwabTransactions()))[2]

    assert (bill.symbol, bill.kind, bill.multiplier) == ("912797RT1", "bond", Decimal("0.01"))


def test_what_is_no_trade_is_skipped_with_its_reason():
    items = sample("transactions.csv", SchwabTransactions())

    assert [(item.line, item.code) for item in items if isinstance(item, SkippedRow)] == [
        (6, "not_a_trade"),
        (7, "corporate_action"),
        (10, "subtotal"),
    ]


def test_an_unknown_action_with_quantity_and_price_is_an_error():
    (error,) = history('"01/05/2026","Sell Exempt","AAPL","APPLE INC","10","$250.50","","$2,505.00"\n')

    assert isinstance(error, RowError)
    assert (error.line, error.column, error.code) == (2, "Action", "unknown_action")


def test_the_name_of_the_file_says_the_account_where_no_title_does():
    context = ParseContext(filename="Individual_XXX123_Transactions_20260401-101500.csv")
    (fill,) = history('"01/05/2026","Buy","AAPL","APPLE INC","10","$250.50","","-$2,505.00"\n', context)

    assert fill.account_number == "123"


def test_a_lot_is_an_entry_and_an_exit_with_the_brokers_result():
    entry, closing = fills_of(sample("realized.csv", SchwabRealized()))[:2]

    assert (entry.side, entry.price, entry.executed_on) == ("buy", Decimal("250.5"), date(2026, 1, 5))
    assert (closing.side, closing.price, closing.executed_on) == ("sell", Decimal(252), date(2026, 1, 6))
    assert (entry.broker_pnl, closing.broker_pnl) == (None, Decimal(150))
    assert entry.identity_key != closing.identity_key


def test_a_gain_on_a_greater_cost_is_a_short_sale():
    entry, closing = fills_of(sample("realized.csv", SchwabRealized()))[2:]

    assert (entry.side, entry.price) == ("sell", Decimal(410))
    assert (closing.side, closing.price) == ("buy", Decimal(400))


def test_both_layouts_are_recognised():
    with (SAMPLES / "transactions.csv").open("rb") as file:
        head = head_of(file)
        assert (SchwabTransactions().recognises(head), SchwabRealized().recognises(head)) == (90, 0)
    with (SAMPLES / "realized.csv").open("rb") as file:
        head = head_of(file)
        assert (SchwabTransactions().recognises(head), SchwabRealized().recognises(head)) == (0, 90)
