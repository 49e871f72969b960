from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from trading.imports.parsers.base import BadCell, FileRefused, ParseContext
from trading.imports.parsers.times import detect_date_order, parse_date, parse_moment, parse_time

NEW_YORK = ParseContext(now=datetime(2026, 6, 1, 12, tzinfo=UTC), time_zone=ZoneInfo("America/New_York"))
MORNING = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-05 09:30:00",
        "2026-01-05T09:30:00",
        "2026-01-05T14:30:00Z",
        "2026-01-05 15:30:00+01:00",
        "2026-01-05 15:30:00 +0100",
        "2026-01-05, 09:30:00",
        "2026-01-05 09:30",
        "2026/01/05 09:30:00",
        "2026.01.05 09:30:00",
        "2026/1/5 9:30:00",
        "20260105;093000",
        "20260105 093000",
        "20260105 09:30:00",
        "01/05/2026 09:30:00",
        "1/5/2026 9:30:00 AM",
        "01-05-2026 09:30:00",
        "01/05/2026 07:30:00 -07:00",
    ],
)
def test_every_usual_writing_of_one_instant(text: str) -> None:
    assert parse_time(text, column="Time", context=NEW_YORK, order="mdy") == MORNING


@pytest.mark.parametrize(
    "text",
    [
        "01/05/2026 09:30:00 EST",
        "2026/01/05 09:30:00,GMT-05",
        "2026/01/05 10:30:00,GMT-04",
        "2026-01-05 14:30:00 UTC",
    ],
)
def test_zone_names_are_read_where_the_format_has_them(text: str) -> None:
    assert parse_time(text, column="Time", context=NEW_YORK, order="mdy", zones=True) == MORNING


def test_zone_names_are_refused_elsewhere() -> None:
    with pytest.raises(BadCell) as refusal:
        parse_time("2026-01-05 09:30:00 EST", column="Time", context=NEW_YORK)

    assert (refusal.value.column, refusal.value.code) == ("Time", "bad_timezone")


@pytest.mark.parametrize(
    ("formats", "text"),
    [
        (("M/D/YY H:MM:SS",), "1/5/26 9:30:00"),
        (("MM/DD/YY;HHMMSS",), "01/05/26;093000"),
        (("DD/MM/YYYY HH:MM:SS",), "05/01/2026 09:30:00"),
        (("DD-MM-YY H:MM",), "05-01-26 9:30"),
    ],
)
def test_the_layout_of_a_format_settles_order_and_short_years(formats: tuple[str, ...], text: str) -> None:
    assert parse_time(text, column="Time", context=NEW_YORK, formats=formats) == MORNING


def test_fractions_of_a_second_are_kept_to_the_microsecond() -> None:
    moment = parse_time("2026-01-05 09:30:00.123456789", column="Time", context=NEW_YORK)

    assert moment == datetime(2026, 1, 5, 14, 30, 0, 123456, tzinfo=UTC)


@pytest.mark.parametrize(("text", "hour"), [("12:00:00 AM", 5), ("12:00:00 PM", 17), ("1:00:00 PM", 18)])
def test_noon_and_midnight(text: str, hour: int) -> None:
    moment = parse_time(f"01/05/2026 {text}", column="Time", context=NEW_YORK, order="mdy")

    assert moment == datetime(2026, 1, 5, hour, tzinfo=UTC)


@pytest.mark.parametrize("text", ["13:00:00 PM", "0:30:00 AM", "9:60:00", "24:00:00", "23:59:60"])
def test_times_that_do_not_exist(text: str) -> None:
    with pytest.raises(BadCell) as refusal:
        parse_time(f"2026-01-05 {text}", column="Time", context=NEW_YORK)

    assert refusal.value.code == "bad_time"


def test_every_time_of_a_day_on_which_the_clocks_change_but_the_skipped_hour() -> None:
    before = parse_time("2026-03-08 01:59:59", column="Time", context=NEW_YORK)
    after = parse_time("2026-03-08 03:00:00", column="Time", context=NEW_YORK)

    assert before == datetime(2026, 3, 8, 6, 59, 59, tzinfo=UTC)
    assert after == datetime(2026, 3, 8, 7, 0, 0, tzinfo=UTC)
    with pytest.raises(BadCell) as refusal:
        parse_time("2026-03-08 02:30:00", column="Time", context=NEW_YORK)
    assert refusal.value.code == "nonexistent_local_time"


def test_the_hour_that_happens_twice_needs_a_choice() -> None:
    autumn = replace(NEW_YORK, now=datetime(2026, 12, 1, tzinfo=UTC))

    with pytest.raises(BadCell) as refusal:
        parse_time("2026-11-01 01:30:00", column="Time", context=autumn)
    second = parse_time("2026-11-01 01:30:00", column="Time", context=replace(autumn, ambiguous_time="second"))

    assert refusal.value.code == "ambiguous_local_time"
    assert second == datetime(2026, 11, 1, 6, 30, tzinfo=UTC)
    assert parse_time("2026-11-01 02:00:00", column="Time", context=autumn) == datetime(2026, 11, 1, 7, tzinfo=UTC)


def test_a_date_alone_stays_a_date() -> None:
    assert parse_moment("20260105", column="Date", context=NEW_YORK) == (None, date(2026, 1, 5))


def test_a_date_alone_is_no_time() -> None:
    with pytest.raises(BadCell) as refusal:
        parse_time("2026-01-05", column="Date", context=NEW_YORK)

    assert refusal.value.code == "bad_time"


@pytest.mark.parametrize("text", ["", " ", "--", "N/A"])
def test_no_date_is_a_missing_value(text: str) -> None:
    with pytest.raises(BadCell) as refusal:
        parse_time(text, column="Date", context=NEW_YORK)

    assert refusal.value.code == "missing_value"


def test_day_and_month_are_not_guessed() -> None:
    with pytest.raises(BadCell) as refusal:
        parse_date("01/02/2026", column="Date")

    assert refusal.value.code == "declare_date_order"
    assert parse_date("13/02/2026", column="Date") == date(2026, 2, 13)


@pytest.mark.parametrize(
    ("samples", "order"),
    [
        (["01/02/2026", "13/02/2026 10:00"], "dmy"),
        (["01/02/2026", "02/13/2026"], "mdy"),
        (["2026-01-02"], "ymd"),
        (["20260102"], "ymd"),
        (["01/02/2026"], ""),
    ],
)
def test_the_samples_prove_the_order_or_nothing(samples: list[str], order: str) -> None:
    assert detect_date_order(samples) == order


def test_two_orders_in_one_file_are_refused() -> None:
    with pytest.raises(FileRefused) as refusal:
        detect_date_order(["13/02/2026", "02/13/2026"])

    assert refusal.value.code == "mixed_date_order"
