from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path

import pytest

from trading.imports.parsers.base import ParseContext, ParsedFill, RowError, SkippedRow
from trading.imports.parsers.tables import head_of
from trading.imports.parsers.webull import Webull, WebullInternational

SAMPLES = Path(__file__).parents[3] / "data" / "webull"
CONTEXT = ParseContext(now=datetime(2026, 8, 1, 12, tzinfo=UTC))
APP = "Name,Symbol,Side,Status,Filled,Total Qty,Price,Avg Price,Time-in-Force,Placed Time,Filled Time\n"


def sample(name, parser):
    with (SAMPLES / name).open("rb") as file:
        return list(parser.parse(file, CONTEXT))


def app(row):
    return list(Webull().parse(BytesIO((APP + row).encode()), CONTEXT))


def fills_of(items):
    return [item for item in items if isinstance(item, ParsedFill)]


def test_the_average_price_counts_and_not_the_limit():
    items = sample("app.csv", Webull())

    assert [(fill.symbol, fill.side, fill.quantity, fill.price) for fill in fills_of(items)] == [
        ("EXR", "buy", Decimal(100), Decimal("4.095")),
        ("EXR", "sell", Decimal(60), Decimal("4.3")),
        ("EXM", "sell", Decimal("12.5"), Decimal("2.2")),
    ]
    assert [(item.line, item.code) for item in items if isinstance(item, SkippedRow)] == [(4, "canceled")]


def test_the_zone_behind_a_time_is_read_in_winter_in_summer_and_as_an_offset():
    fills = fills_of(sample("app.csv", Webull()))

    assert [fill.executed_at for fill in fills] == [
        datetime(2026, 3, 6, 14, 31, 5, tzinfo=UTC),
        datetime(2026, 3, 9, 13, 33, 5, tzinfo=UTC),
        datetime(2026, 7, 20, 12, 3, 6, tzinfo=UTC),
    ]


def test_an_option_stands_for_a_hundred_shares():
    bought, sold = sample("desktop.csv", Webull())

    assert (bought.symbol, bought.kind, bought.multiplier) == ("QQQ260619C00525000", "option", Decimal(100))
    assert (bought.price, bought.commission, bought.fees) == (
        Decimal("1.25"),
        Decimal("1.10"),
        Decimal("0.09"),
    )
    assert (sold.side, sold.price, sold.fees) == ("sell", Decimal("1001.55"), Decimal("0.11"))


def test_international_dates_start_with_the_day_and_costs_stand_below_zero():
    bought, sold = sample("international.csv", WebullInternational())

    assert (bought.symbol, bought.name, bought.side) == ("EXR", "EXAMPLE ROBOTICS INC", "buy")
    assert (bought.executed_at, bought.executed_on) == (None, date(2026, 6, 5))
    assert (bought.commission, bought.fees) == (Decimal("0.81"), Decimal("0.06"))
    assert (sold.executed_on, sold.price) == (date(2026, 6, 12), Decimal(254))


@pytest.mark.parametrize(
    ("name", "parser"),
    [
        ("app.csv", Webull()),
        ("desktop.csv", Webull()),
        ("international.csv", WebullInternational()),
    ],
)
def test_each_layout_is_recognised(name, parser):
    with (SAMPLES / name).open("rb") as file:
        assert parser.recognises(head_of(file)) > 50


@pytest.mark.parametrize(
    ("row", "column", "code"),
    [
        ("A,EXR,Buy,Filled,1,1,2,2,DAY,x,not-a-date", "Filled Time", "bad_date"),
        ("A,EXR,Buy,Filled,1,1,2,2,DAY,x,08/03/2026 12:00:01 EDT", "Filled Time", "future_date"),
        ("A,EXR,Buy,Filled,1,1,2,2,DAY,x,07/03/2026 12:00:01 XST", "Filled Time", "bad_timezone"),
        ("A,EXR,,Filled,1,1,2,2,DAY,x,07/03/2026 12:00:01 EDT", "Side", "missing_value"),
        ("A,EXR,Buy,Filled,1,1,@2,,DAY,x,07/03/2026 12:00:01 EDT", "Avg Price", "missing_value"),
        ("A,EX\u202eR,Buy,Filled,1,1,2,2,DAY,x,07/03/2026 12:00:01 EDT", "Symbol", "bad_symbol"),
    ],
)
def test_a_bad_cell_is_named(row, column, code):
    (error,) = app(row)

    assert isinstance(error, RowError)
    assert (error.line, error.column, error.code) == (2, column, code)
