"""Drawings of one trade: every coordinate worked out by hand."""

from datetime import UTC, date, datetime
from decimal import Decimal as D

import pytest

from accounts.models import Account, User
from journal import chart_axes, trade_charts
from tests.journal.factories import make_instrument, make_trade
from trading import trades
from trading.models import Bar, Trade
from trading.trades import EnteredFill, Plan

pytestmark = pytest.mark.django_db


def fill(side: str, quantity: str, price: str, hour: int) -> EnteredFill:
    return EnteredFill(side, D(quantity), D(price), datetime(2026, 3, 2, hour, tzinfo=UTC))


@pytest.fixture
def trade(account: Account) -> Trade:
    """Two bought at 100 at ten; one sold at 110 at eleven, one at 90 at noon."""
    fills = [fill("buy", "2", "100", 10), fill("sell", "1", "110", 11), fill("sell", "1", "90", 12)]
    return trades.enter(account, instrument=make_instrument(), fills=fills)[-1]


def test_fills_stand_at_their_time_and_price(trade: Trade) -> None:
    chart = trade_charts.fills_chart(trade, trade_charts.parts_of(trade))

    assert chart is not None
    # From 14 to 706 across two hours; from 14 (110) to 206 (90).
    assert chart.path == "M14.0 110.0 L360.0 14.0 L706.0 206.0"
    assert [mark.css for mark in chart.marks] == ["is-buy", "is-sell", "is-sell"]
    # The tip of the first is at 14 of 720 and 110 of 220.
    assert (chart.marks[0].x, chart.marks[0].y) == ("1.9", "50.0")
    assert [mark.path for mark in chart.marks[:2]] == ["M0 2 L-5 11 L5 11 Z", "M0 -2 L-5 -11 L5 -11 Z"]
    assert chart.marks[1].words == "Sell 1 at 110.00"
    assert chart.candles == []


def test_what_was_held_and_made_steps_from_fill_to_fill(trade: Trade) -> None:
    chart = trade_charts.fills_chart(trade, trade_charts.parts_of(trade))

    assert chart is not None
    held, made = chart.strips
    # 2, 1, 0 between 14 (two) and 30 (none).
    assert held.path == "M14.0 30.0 H14.0 V14.0 H360.0 V22.0 H706.0 V30.0"
    # +10, then nothing: 14 is ten, 30 none.
    assert made.path == "M14.0 30.0 H14.0 V30.0 H360.0 V14.0 H706.0 V30.0"


def test_bars_are_drawn_as_candles_with_the_fills_on_them(trade: Trade) -> None:
    instrument = trade.instrument
    for hour, (low, high) in enumerate([(95, 105), (100, 115)], start=10):
        Bar.objects.create(
            instrument=instrument,
            timeframe="1h",
            starts_at=datetime(2026, 3, 2, hour, tzinfo=UTC),
            open=D(low),
            low=D(low),
            high=D(high),
            close=D(high),
        )

    chart = trade_charts.fills_chart(trade, trade_charts.parts_of(trade))

    assert chart is not None
    assert chart.timeframe == "1 hour"
    assert chart.path == ""
    # The first hour of two is the left half; prices from 115 (14) to 90 (206): 7.68 for each point.
    first = chart.candles[0]
    assert (first.x, first.high, first.low, first.css) == ("187.0", "90.8", "167.6", "is-up")


def test_round_prices_and_the_first_and_last_time_stand_at_the_sides(trade: Trade) -> None:
    trades.annotate(trade, plan=Plan(D(20), D("130")))

    chart = trade_charts.fills_chart(trade, trade_charts.parts_of(trade))

    assert chart is not None
    # Traded was 90 to 110: the target is one range above it and on the scale, the stop three and a half below it.
    # From 14 (130) to 206 (90): 4.8 for each point, 36.4 percent for 110.
    assert [(each.words, each.y) for each in chart.prices] == [
        ("90.00", "206.0"), ("100.00", "158.0"), ("110.00", "110.0"), ("120.00", "62.0"), ("130.00", "14.0"),
    ]  # fmt: skip
    assert [(each.words, each.y, each.is_outside) for each in chart.lines] == [
        ("Stop 20.00 ↓", "206.0", True),
        ("Target 130.00", "14.0", False),
    ]
    assert (chart.starts, chart.ends) == ("2 Mar 2026, 10:00", "2 Mar 2026, 12:00")


@pytest.mark.parametrize(
    ("low", "high", "tick", "found"),
    [
        ("5", "5", None, ["5"]),
        ("-3", "7", None, ["-2", "0", "2", "4", "6"]),
        ("1.01", "1.03", "0.01", ["1.01", "1.02", "1.03"]),
        ("0.000012", "0.000019", None, ["0.000012", "0.000014", "0.000016", "0.000018"]),
    ],
)
def test_prices_at_the_side_are_round_and_at_least_a_tick_apart(
    low: str, high: str, tick: str | None, found: list[str]
) -> None:
    assert chart_axes.round_prices(D(low), D(high), D(tick) if tick else None) == [D(each) for each in found]


def test_fills_without_times_stand_side_by_side(trade: Trade) -> None:
    parts = trade_charts.parts_of(trade)
    for part in parts:
        part.execution.executed_at = None

    chart = trade_charts.fills_chart(trade, parts)

    assert chart is not None
    assert chart.path == "M14.0 110.0 L360.0 14.0 L706.0 206.0"


def test_the_plan_has_stop_entry_and_target_on_one_scale(account: Account) -> None:
    made = make_trade(account, day=date(2026, 3, 2), pnl="20", stop="990", target="1030")

    plan = trade_charts.plan_chart(made)

    assert plan is not None
    # 990 to 1030 from 40 to 680: 16 for each point.
    assert [(mark.css, mark.x) for mark in plan.marks] == [
        ("is-stop", "40.0"),
        ("is-entry", "200.0"),
        ("is-target", "680.0"),
        ("is-exit", "520.0"),
    ]
    assert (plan.risk_x, plan.risk_width, plan.reward_x, plan.reward_width) == ("40.0", "160.0", "200.0", "480.0")


def test_a_short_plan_is_turned_round_so_that_risk_is_on_the_left(account: Account) -> None:
    made = make_trade(account, day=date(2026, 3, 2), pnl="20", side="short", stop="1010", target="970")

    plan = trade_charts.plan_chart(made)

    assert plan is not None
    assert [mark.x for mark in plan.marks] == ["40.0", "200.0", "680.0", "520.0"]


def test_there_is_no_plan_without_a_stop_or_target(trade: Trade) -> None:
    assert trade_charts.plan_chart(trade) is None
    trades.annotate(trade, plan=Plan(None, D(120)))
    assert trade_charts.plan_chart(trade) is not None


def test_an_instruments_latest_bars_hold_the_persons_own_fills(trade: Trade, bob: User) -> None:
    alice, instrument = trade.account.owner, trade.instrument
    assert trade_charts.market_chart(alice, instrument) is None
    for hour, (low, high) in enumerate([(95, 105), (100, 115)], start=10):
        Bar.objects.create(
            instrument=instrument,
            timeframe="1h",
            starts_at=datetime(2026, 3, 2, hour, tzinfo=UTC),
            open=D(101),
            high=D(high),
            low=D(low),
            close=D(103),
            volume=D(5),
        )

    chart, strangers = (trade_charts.market_chart(person, instrument) for person in (alice, bob))

    assert chart is not None
    assert strangers is not None
    # Two hours are 692 of 720 wide from 14 on, 95 to 115 are 192 of 220 high; the fill at noon is after the last bar.
    assert [(mark.x, mark.y, mark.css) for mark in chart.marks] == [
        ("1.9", "71.8", "is-buy"),
        ("50.0", "28.2", "is-sell"),
    ]
    assert (len(chart.candles), chart.timeframe) == (2, "1 hour")
    assert (len(strangers.candles), strangers.marks) == (2, [])
