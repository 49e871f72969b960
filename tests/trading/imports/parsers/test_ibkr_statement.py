from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

from trading.imports.parsers.base import ParseContext, ParsedFill, RootSpec, RowError, SkippedRow
from trading.imports.parsers.ibkr_statement import IbkrActivity, IbkrTransactions
from trading.imports.parsers.tables import head_of

SAMPLES = Path(__file__).parents[3] / "data" / "ibkr"
NEW_YORK = ParseContext(
    time_zone=ZoneInfo("America/New_York"),
    roots={"MES": RootSpec("MES", "USD", Decimal("0.25"), Decimal(5))},
)
HEADER = (
    "Trades,Header,DataDiscriminator,Asset Category,Currency,Symbol,Date/Time,Quantity,"
    "T. Price,C. Price,Proceeds,Comm/Fee,Basis,Realized P/L,MTM P/L,Code\n"
)


def sample(name, parser=IbkrActivity):
    with (SAMPLES / name).open("rb") as file:
        return list(parser().parse(file, NEW_YORK))


def fills_of(items):
    return [item for item in items if isinstance(item, ParsedFill)]


def score(parser, name):
    with (SAMPLES / name).open("rb") as file:
        return parser.recognises(head_of(file))


def test_thousands_separators_and_quoted_times_are_read():
    bought, sold = fills_of(sample("activity.csv"))[:2]

    assert (bought.account_number, bought.symbol, bought.side) == ("U7000001", "AAPL", "buy")
    assert (bought.quantity, bought.price, bought.commission) == (Decimal(1000), Decimal("250.5"), Decimal(5))
    assert bought.executed_at == datetime(2026, 1, 5, 14, 30, tzinfo=UTC)
    assert bought.currency == "USD"
    assert bought.broker_pnl is None
    # 252,000 - 250,500 - 5 - 7.10, as the statement says itself.
    assert (sold.side, sold.quantity, sold.broker_pnl) == ("sell", Decimal(1000), Decimal("1487.9"))


def test_totals_are_skipped_with_their_lines():
    skipped = [item for item in sample("activity.csv") if isinstance(item, SkippedRow)]

    assert [(item.line, item.code) for item in skipped] == [(11, "subtotal"), (14, "subtotal")]


def test_every_asset_category_has_its_kind():
    fills = fills_of(sample("activity.csv"))

    assert [(fill.symbol, fill.kind, fill.multiplier) for fill in fills[2:]] == [
        ("NVDA260320C00180000", "option", Decimal(100)),
        ("NVDA260320C00180000", "option", Decimal(100)),
        ("MESH26", "future", Decimal(5)),
        ("EURJPY", "forex", Decimal(1)),
    ]
    assert (fills[3].price, fills[3].broker_pnl) == (0, Decimal("-681.3"))


def test_a_commission_in_the_base_currency_is_converted_by_the_statements_own_rate():
    # 2 USD at 0.00625 USD per JPY are 320 JPY.
    pair = fills_of(sample("activity.csv"))[-1]

    assert pair.currency == "JPY"
    assert pair.quantity == Decimal(25000)
    assert pair.commission == Decimal(320)


def test_the_german_statement_is_read_alike():
    bought, sold = fills_of(sample("activity_german.csv"))

    assert (bought.account_number, bought.symbol, bought.currency) == ("U7000009", "SAP", "EUR")
    assert (bought.quantity, bought.price, bought.commission) == (Decimal(50), Decimal("212.4"), Decimal("5.31"))
    assert (sold.side, sold.broker_pnl) == ("sell", Decimal("149.3"))


def test_the_same_row_in_another_statement_has_the_same_key():
    row = 'Trades,Data,Order,Stocks,USD,AAPL,"2026-01-05, 09:30:00",10,250.5,{close},-2505,-1,2506,0,{mtm},O\n'
    first, second = (
        list(IbkrActivity().parse(BytesIO((HEADER + row.format(close=c, mtm=m)).encode()), NEW_YORK))
        for c, m in (("251", "5"), ("251.00", "5.00"))
    )

    assert first[0].identity_key == second[0].identity_key


def test_an_asset_category_that_is_not_known_is_named():
    row = 'Trades,Data,Order,Carbon Credits,USD,CO2,"2026-01-05, 09:30:00",10,5,5,-50,-1,51,0,0,O\n'
    (error,) = IbkrActivity().parse(BytesIO((HEADER + row).encode()), NEW_YORK)

    assert isinstance(error, RowError)
    assert (error.line, error.column, error.code) == (2, "Asset Category", "unknown_asset_class")


def test_the_transaction_history_has_dates_and_no_times():
    sold, foreign, bought = fills_of(sample("transaction_history.csv", IbkrTransactions))

    assert (sold.account_number, sold.symbol, sold.side) == ("U***0009", "SAP", "sell")
    assert (sold.executed_at, sold.executed_on) == (None, date(2026, 2, 6))
    assert (bought.side, bought.quantity, bought.commission) == ("buy", Decimal(10), Decimal(4))
    assert foreign.currency == "USD"


def test_a_commission_of_the_history_is_converted_by_the_rate_of_its_row():
    # 20,000 EUR for 25,000 USD is 0.8 EUR per USD, so 0.80 EUR are 1 USD.
    assert fills_of(sample("transaction_history.csv", IbkrTransactions))[1].commission == Decimal(1)


def test_movements_of_money_are_skipped():
    items = sample("transaction_history.csv", IbkrTransactions)

    assert [(item.line, item.code) for item in items if isinstance(item, SkippedRow)] == [(8, "not_a_trade")]


def test_each_statement_is_recognised_as_what_it_is():
    assert score(IbkrActivity(), "activity.csv") == 95
    assert score(IbkrActivity(), "activity_german.csv") == 95
    assert score(IbkrActivity(), "transaction_history.csv") == 0
    assert score(IbkrTransactions(), "transaction_history.csv") == 95
    assert score(IbkrTransactions(), "activity.csv") == 0
    assert score(IbkrActivity(), "flex_sections.csv") == 0
