"""Bars of prices: what is read, what is refused, what charts get, and what trades showed on the way."""

import csv
import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from accounts import versions
from accounts.models import User
from tests.factories import make_account
from tests.journal.factories import make_instrument
from trading import bars, excursions_of_trades, trades
from trading.errors import BarsRefused
from trading.models import Bar, Trade
from trading.trades import EnteredFill

pytestmark = pytest.mark.django_db
D = Decimal
START = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)

FOUR = """time,open,high,low,close,volume
2026-03-02 14:00,10,11,9.5,10.5,100
2026-03-02 14:01,10.5,14,8,12,50
2026-03-02 14:02,12,12,11,11.5,10
2026-03-02 14:03,11.5,13,11,12,
"""


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def read(text: str, zone: str = "UTC") -> list[bars.PricedBar]:
    return list(bars.read_csv(io.StringIO(text), zone=ZoneInfo(zone)))


def load(text: str = FOUR, timeframe: str = "1m") -> bars.Loaded:
    return bars.load(make_instrument(), timeframe=timeframe, bars=read(text))


def held(owner: User, first: float, last: float) -> Trade:
    """2 bought at 10 and sold at 11."""
    (trade,) = trades.enter(
        make_account(owner),
        instrument=make_instrument(),
        fills=[
            EnteredFill("buy", D(2), D(10), at(first), commission=D(1)),
            EnteredFill("sell", D(2), D(11), at(last)),
        ],
    )
    return trade


@pytest.mark.parametrize(
    ("heading", "row", "starts_at"),
    [
        ("Time,Open,High,Low,Close", "2026-03-02T09:00:00-05:00,1,2,1,2", START),
        ("timestamp,o,h,l,c", f"{int(START.timestamp())},1,2,1,2", START),
        ("t,o,h,l,c,v", f"{int(START.timestamp())}000,1,2,1,2,0", START),
        ("Date,Time,Open,High,Low,Close", "2026-03-02,09:00,1,2,1,2", START),
        ("date,open,high,low,close", "2026-03-02,1,2,1,2", datetime(2026, 3, 2, 5, 0, tzinfo=UTC)),
    ],
)
def test_times_are_read_in_the_zone_given(heading: str, row: str, starts_at: datetime) -> None:
    (found,) = read(f"{heading}\n{row}\n", "America/New_York")

    assert (found.starts_at, found.open, found.high) == (starts_at, D(1), D(2))


def test_json_is_read_like_csv() -> None:
    (found,) = bars.read_json('[{"t": "2026-03-02T14:00Z", "o": 1.1, "h": 2, "l": 1, "c": 1.5}]', zone=UTC)

    assert found == bars.PricedBar(START, D("1.1"), D(2), D(1), D("1.5"), None)


@pytest.mark.parametrize(
    "text",
    [
        "time,open,high,low\n",
        "time,open,high,low,close\n2026-03-02 14:00,1,2,1\n",
        "time,open,high,low,close\n2026-03-02 14:00,3,2,1,1\n",
        "time,open,high,low,close\n2026-03-02 14:00,1,2,1,NaN\n",
        "time,open,high,low,close\n2026-03-02 14:00,1e3,1e3,1,1\n",
        "time,open,high,low,close\nyesterday,1,2,1,1\n",
        "time,open,high,low,close\n1850-01-01,1,2,1,1\n",
        "time,open,high,low,close,volume\n2026-03-02 14:00,1,2,1,1,-1\n",
        f"time,open,high,low,close\n2026-03-02 14:00,1,{'9' * 18},1,1\n",
        "time,open,high,low,close\n2026-03-02 14:00,1,2,1,1\n2026-03-02 14:00:30,1,2,1,1\n",
        "time,open,high,low,close\n",
        "time,open,high,low,close\n2026-03-02 14:00,0,0,0,0\n",
        "time,open,high,low,close\n2026-03-02 14:00,1,1,-1,1\n",
        f"time,open,high,low,close,of\n2026-03-02 14:00,1,2,1,1,{'x' * 200_000}\n",
    ],
)
def test_what_cannot_be_meant_is_refused_and_nothing_is_stored(text: str) -> None:
    load()
    before = list(Bar.objects.order_by("starts_at").values_list("starts_at", "close"))

    with pytest.raises(BarsRefused):
        load(text)

    assert list(Bar.objects.order_by("starts_at").values_list("starts_at", "close")) == before


@pytest.mark.parametrize("written", ["{}", '"{}"'], ids=["plain", "quoted"])
def test_a_bar_at_nothing_is_refused_for_a_share_and_taken_for_an_option(written: str, tmp_path: Path) -> None:
    share, option = make_instrument(), make_instrument(symbol="ACME260918C00100000", kind="option")
    path = tmp_path / "bars.csv"
    path.write_text(f"time,open,high,low,close\n2026-03-02 14:00,1,1,1,1\n2026-03-02 14:01,{written.format(0)},0,0,0\n")
    call = ("load_bars", str(path), "--timeframe", "1m", "--symbol")

    for dry in ([], ["--dry-run"]):
        with pytest.raises(CommandError, match=r"bar of 2026-03-02T14:01:00\+00:00 has a price that"):
            call_command(*call, share.symbol, *dry)
    assert not Bar.objects.exists()

    call_command(*call, option.symbol)
    assert Bar.objects.filter(instrument=option).count() == 2
    Bar.objects.create(instrument=share, timeframe="1m", starts_at=at(1), open=9, high=9, low=9, close=9)
    with pytest.raises(CommandError, match="not above zero"):
        call_command(*call, share.symbol)
    assert Bar.objects.get(instrument=share).close == 9


def test_loading_twice_changes_nothing_and_a_corrected_bar_replaces() -> None:
    assert load() == bars.Loaded(4, 4, 0, at(0), at(3))
    assert load() == bars.Loaded(4, 0, 0, at(0), at(3))

    corrected = load(FOUR.replace("14,8,12", "15,8,12"))

    assert (corrected.added, corrected.changed) == (0, 1)
    assert Bar.objects.get(starts_at=at(1)).high == D(15)


def test_more_bars_than_a_chart_shows_are_put_together() -> None:
    load()
    instrument = make_instrument()

    found = bars.chart(instrument.pk, timeframe="1m", most=2)

    assert (found.together, found.bars) == (
        2,
        [
            bars.PricedBar(at(0), D(10), D(14), D(8), D(12), D(150)),
            bars.PricedBar(at(2), D(12), D(13), D(11), D(12), D(10)),
        ],
    )
    part = bars.chart(instrument.pk, timeframe="1m", start=at(1), end=at(2))
    assert [bar.starts_at for bar in part.bars] == [at(1), at(2)]


def test_a_trade_is_measured_by_the_finest_bars_that_cover_it(alice: User) -> None:
    trade = held(alice, 0.5, 2.5)
    load()
    load("time,open,high,low,close\n2026-03-02 14:00,10,20,1,12\n", "1h")
    before = versions.current(alice.pk)

    assert excursions_of_trades.measure() == 1

    trade.refresh_from_db()
    assert (trade.mae, trade.mfe, trade.mae_at, trade.mfe_at) == (D(4), D(8), at(1), at(1))
    assert trade.excursion_source == "1m file"
    assert versions.current(alice.pk) > before
    assert excursions_of_trades.measure() == 0


def test_a_trade_that_no_bars_cover_waits_for_bars(alice: User) -> None:
    trade = held(alice, 0.5, 5)
    load()
    assert excursions_of_trades.measure() == 0
    trade.refresh_from_db()
    assert (trade.mae, trade.excursion_source) == (None, "")

    load("time,open,high,low,close\n2026-03-02 14:04,12,12,7,11\n")

    assert excursions_of_trades.measure(owner_id=alice.pk) == 1
    trade.refresh_from_db()
    assert (trade.mae, trade.mae_at) == (D(6), at(4))


def test_other_fills_are_measured_anew(alice: User) -> None:
    trade = held(alice, 0.5, 2.5)
    load()
    excursions_of_trades.measure()

    (trade,) = trades.correct(
        trade,
        fills=[EnteredFill("buy", D(1), D(10), at(0.5)), EnteredFill("sell", D(1), D(11), at(2.5))],
    )
    trade.refresh_from_db()
    assert (trade.mae, trade.excursion_source) == (None, None)
    excursions_of_trades.measure()

    trade.refresh_from_db()
    assert (trade.mae, trade.mfe) == (D(2), D(4))


def test_the_command_loads_measures_and_says_so(alice: User, tmp_path: Path) -> None:
    held(alice, 0.5, 2.5)
    file = tmp_path / "bars.csv"
    file.write_text(FOUR)
    said = io.StringIO()

    call_command("load_bars", file, symbol="AAPL", timeframe="1m", dry_run=True, stdout=said)
    assert "would load 4 bars" in said.getvalue()
    assert not Bar.objects.exists()

    call_command("load_bars", file, symbol="AAPL", timeframe="1m", stdout=said)
    assert "4 bars added, 0 changed, 0 were there already" in said.getvalue()
    assert "1 trades measured" in said.getvalue()
    with pytest.raises(CommandError) as unknown:
        call_command("load_bars", file, symbol="NONE", timeframe="1m", stdout=said)
    assert unknown.value.returncode == 2


def test_the_api_gives_bars_of_what_one_trades_and_of_nothing_else(alice_api: APIClient, alice: User) -> None:
    load()
    Bar.objects.update(source="file")
    secret = make_instrument("SECRET.ONE")
    bars.load(secret, timeframe="1m", bars=read(FOUR))

    hidden = alice_api.get("/api/v1/bars/", {"symbol": "SECRET.ONE"}).json()
    assert hidden["bars"] == alice_api.get("/api/v1/bars/", {"symbol": "ABSENT"}).json()["bars"] == []
    held(alice, 0.5, 2.5)
    found = alice_api.get("/api/v1/bars/", {"symbol": "aapl", "from": "2026-03-02", "to": "2026-03-02"}).json()

    assert (found["timeframe"], found["timeframes"], len(found["bars"])) == ("1m", ["1m"], 4)
    assert found["bars"][1] == {
        "starts_at": "2026-03-02T14:01:00Z", "open": "10.5", "high": "14", "low": "8", "close": "12", "volume": "50",
        "vwap": None, "trade_count": None,
    }  # fmt: skip
    assert alice_api.get("/api/v1/bars/").status_code == 400
    assert alice_api.get("/api/v1/bars/", {"symbol": "AAPL", "timeframe": "2m"}).status_code == 400
    assert alice_api.get("/api/v1/bars/", {"symbol": "AAPL", "limit": "0"}).status_code == 400


def test_the_average_price_by_volume_and_the_number_of_trades_are_loaded_shown_and_put_together(
    alice_api: APIClient, alice: User, tmp_path: Path
) -> None:
    table = """t,o,h,l,c,v,vw,n
2026-03-02 14:00,10,11,9.5,10.5,100,10.25,7
2026-03-02 14:01,10.5,14,8,12,300,12.25,8
2026-03-02 14:02,12,12,11,11.5,10,,
2026-03-02 14:03,11.5,13,11,12,20,12.5,2
"""
    (tmp_path / "bars.csv").write_text(table)
    assert _became(tmp_path / "bars.csv", timeframe="1m", quickly=True) == (
        bars.Loaded(4, 4, 0, at(0), at(3)),
        [
            ("1m", at(0), D(10), D(11), D("9.5"), D("10.5"), D(100), "file", D("10.25"), 7),
            ("1m", at(1), D("10.5"), D(14), D(8), D(12), D(300), "file", D("12.25"), 8),
            ("1m", at(2), D(12), D(12), D(11), D("11.5"), D(10), "file", None, None),
            ("1m", at(3), D("11.5"), D(13), D(11), D(12), D(20), "file", D("12.5"), 2),
        ],
    )
    # (100 x 10.25 + 300 x 12.25) / 400 = 11.75; the other two do not both have one.
    found = bars.chart(make_instrument().pk, timeframe="1m", most=2)
    assert [(bar.vwap, bar.trade_count) for bar in found.bars] == [(D("11.75"), 15), (None, 2)]
    held(alice, 0.5, 2.5)
    shown = alice_api.get("/api/v1/bars/", {"symbol": "AAPL"}).json()["bars"]
    assert [(bar["vwap"], bar["trade_count"]) for bar in shown][1:3] == [("12.25", 8), (None, None)]

    alpaca = '{"bars": [{"t": "2026-03-02T14:00:00Z", "o": 10, "h": 11, "l": 9.5, "c": 10.5, "v": 100, %s}]}'
    (read_one,) = bars.read_json(alpaca % '"vw": 10.5, "n": 9', zone=UTC)
    assert (read_one.vwap, read_one.trade_count) == (D("10.5"), 9)
    assert bars.load(make_instrument(), timeframe="1m", bars=[read_one]).changed == 1
    for wrong in ('"n": -1', '"n": 1.5', '"vw": "x"'):
        with pytest.raises(BarsRefused):
            bars.load(make_instrument(), timeframe="1m", bars=bars.read_json(alpaca % wrong, zone=UTC))
    assert Bar.objects.get(starts_at=at(0)).trade_count == 9


def test_a_heading_in_another_order_is_no_matter() -> None:
    rows = list(csv.reader(io.StringIO(FOUR)))
    turned = "\n".join(",".join(reversed(row)) for row in rows)

    assert read(turned) == read(FOUR)


HEAD = "time,open,high,low,close,volume"


@pytest.mark.parametrize("loaded_before", [False, True])
def test_a_plain_file_becomes_what_it_becomes_line_by_line(tmp_path: Path, *, loaded_before: bool) -> None:
    files = [
        f"{HEAD}\n2026-03-02T14:00:00Z,10,11,9.5,10.5,100\n2026-03-02 14:01,10.5,14,8,12,\n",
        f"{HEAD}\r\n2026-03-02T14:01+01:00,10,11,9.5,10.5,1\r\n2026-03-02T14:00:00+01:00,1,1,1,1,0\r\n\r\n",
        f"\ufeff{HEAD},name\n2026-03-02 14:00,10,11,9.5,10.5,100,\n2026-03-02 14:01,10,11,9.5,10.5,1,x y",
        "Date,o,h,l,c\n2026-03-02,10,11,9.5,10.5\n2026-03-03,10,11,9.5,10.5\n",
        f"{HEAD}\n2026-02-30 14:00,10,11,9.5,10.5,100\n",
        f"{HEAD}\n2026-03-02 14:00,10,11,10.5,10.5,100\n",
        f"{HEAD}\n2026-03-02 14:00,10,11,9,10,1\n2026-03-02 14:00:30,10,11,9,10,1\n",
        f"{HEAD}\n2026-03-02 14:00,10,11,9,10,1\n2026-03-02 14:00,10,11,9,10,1\n",
        f"{HEAD}\n2026-03-02 24:00,10,11,9,10,1\n",
        f"{HEAD}\n2026-03-02 14:00,10,11,9,10,-1\n",
        f"{HEAD}\n2026-03-02 14:00,10,11,9\n",
        f"{HEAD},vwap,trade_count\n2026-03-02 14:00,10,11,9,10,1,9.5,3\n2026-03-02 14:01,10,11,9,10,,,\n",
        f"{HEAD},n\n2026-03-02 14:00,10,11,9,10,1,-3\n",
        f"{HEAD}\n\n2026-03-02 14:00,10,11,9,10,1\n",
        f"{HEAD}\n",
    ]
    for number, text in enumerate(files):
        path = tmp_path / f"{number}.csv"
        path.write_text(text, encoding="utf-8", newline="")
        timeframe = "1d" if text.startswith("Date") else "1m"
        became = []
        for quickly in (True, False):
            Bar.objects.all().delete()
            if loaded_before:
                load()
            became.append(_became(path, timeframe=timeframe, quickly=quickly))
        assert became[0] == became[1], text


def _became(path: Path, *, timeframe: str, quickly: bool) -> tuple[object, list[object]]:
    instrument, zone = make_instrument(), ZoneInfo("UTC")
    try:
        if quickly:
            done: object = bars.load_csv(instrument, path, timeframe=timeframe, zone=zone)
        else:
            with path.open(encoding="utf-8-sig", newline="") as file:
                done = bars.load(instrument, timeframe=timeframe, bars=bars.read_csv(file, zone=zone))
    except BarsRefused as error:
        done = str(error)
    rows = Bar.objects.order_by("timeframe", "starts_at")
    return done, list(
        rows.values_list(
            "timeframe", "starts_at", "open", "high", "low", "close", "volume", "source", "vwap", "trade_count"
        )
    )
