from datetime import UTC, date, datetime, time
from decimal import Decimal

from tests.trading.imports.ordering import is_newest_first, ordered
from trading.imports.parsers.base import ParsedFill

DAY = date(2026, 3, 6)


def fill(line: int, clock: str = "", order_id: str = "", on: date | None = None, symbol: str = "AAPL") -> ParsedFill:
    at = datetime.combine(DAY, time.fromisoformat(clock), tzinfo=UTC) if clock else None
    return ParsedFill(
        line=line,
        raw="",
        identity_key=f"row:{line}",
        account_number="",
        symbol=symbol,
        kind="stock",
        side="buy",
        quantity=Decimal(1),
        price=Decimal(1),
        executed_at=at,
        executed_on=on,
        currency="USD",
        order_id=order_id,
    )


def lines(*fills: ParsedFill) -> list[int]:
    return [found.line for found in ordered(fills)]


def test_fills_are_ordered_by_time() -> None:
    assert lines(fill(2, "10:00"), fill(3, "09:30"), fill(4, "11:00")) == [3, 2, 4]


def test_the_file_order_holds_within_an_instant() -> None:
    assert lines(fill(2, "10:00"), fill(3, "10:00"), fill(4, "11:00")) == [2, 3, 4]


def test_a_newest_first_file_is_read_from_its_end() -> None:
    assert lines(fill(2, "11:00"), fill(3, "10:00"), fill(4, "10:00")) == [4, 3, 2]


def test_equal_times_prove_no_direction() -> None:
    assert not is_newest_first([fill(2, "10:00"), fill(3, "10:00")])
    assert lines(fill(2, "10:00"), fill(3, "10:00")) == [2, 3]


def test_order_ids_settle_an_instant_as_numbers() -> None:
    assert lines(fill(2, "10:00", "10"), fill(3, "10:00", "9"), fill(4, "11:00", "1")) == [3, 2, 4]


def test_order_ids_settle_nothing_where_one_fill_has_none() -> None:
    assert lines(fill(2, "10:00", "10"), fill(3, "10:00", "9"), fill(4, "10:00")) == [2, 3, 4]


def test_an_instant_is_that_of_one_symbol() -> None:
    assert lines(fill(2, "10:00", "10"), fill(3, "10:00", "9"), fill(4, "10:00", symbol="MSFT")) == [4, 3, 2]


def test_days_without_times_keep_the_file_order_after_its_reversal() -> None:
    earlier = date(2026, 3, 5)

    assert lines(fill(2, on=DAY), fill(3, on=DAY), fill(4, on=earlier), fill(5, on=earlier)) == [5, 4, 3, 2]
    assert lines(fill(2, on=earlier), fill(3, on=earlier), fill(4, on=DAY)) == [2, 3, 4]


def test_the_two_legs_of_a_row_stay_entry_before_exit() -> None:
    newest_first = [fill(2, "11:00"), fill(2, "11:00"), fill(3, "10:00"), fill(3, "10:30")]
    entry, closing = newest_first[0]._replace(raw="entry"), newest_first[1]._replace(raw="exit")

    assert [found.raw for found in ordered([entry, closing, *newest_first[2:]])] == ["", "", "entry", "exit"]
