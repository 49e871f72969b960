"""Calendars, comparisons, breakdowns and streaks; and every filter against a model in plain Python."""

import random
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from accounts.errors import InvalidValue
from accounts.models import Account, User
from journal import breakdowns, dimensions, reports
from journal.filters import MetricsFilter
from tests.journal.factories import at, make_account, make_instrument, make_trade
from trading import trades
from trading.models import FxRate, Tag, Trade
from trading.trades import EnteredFill

MONDAY, TUESDAY = date(2025, 3, 3), date(2025, 3, 4)


def test_a_calendar_sums_currencies_at_the_rate_of_the_day(alice: User) -> None:
    account = make_account(alice)
    FxRate.objects.create(date=MONDAY, base="EUR", quote="USD", rate=Decimal("1.25"))
    make_trade(account, day=MONDAY, pnl="100")
    make_trade(account, day=MONDAY, pnl="8", symbol="SAP", currency="EUR")
    make_trade(account, day=TUESDAY, pnl="-1")

    calendar = breakdowns.calendar(alice)

    assert [tuple(day) for day in calendar.days] == [
        (MONDAY, Decimal(110), 2, 2, 0),
        (TUESDAY, Decimal(-1), 1, 0, 1),
    ]
    assert (calendar.net_pnl, calendar.trade_count, calendar.currency) == (Decimal(109), 3, "USD")


def test_a_calendar_of_a_range_holds_that_range(alice: User) -> None:
    account = make_account(alice)
    make_trade(account, day=MONDAY, pnl="1")
    make_trade(account, day=TUESDAY, pnl="2")

    calendar = breakdowns.calendar(alice, MetricsFilter(start=TUESDAY, end=TUESDAY))

    assert [day.date for day in calendar.days] == [TUESDAY]


def test_compared_accounts_stand_in_their_own_currencies(alice: User) -> None:
    dollars = make_account(alice, "Dollars", initial_balance=Decimal(100))
    euros = make_account(alice, "Euros", currency="EUR")
    make_account(alice, "Idle")
    make_trade(dollars, day=MONDAY, pnl="10")
    make_trade(dollars, day=TUESDAY, pnl="-22")
    make_trade(euros, day=MONDAY, pnl="3", symbol="SAP", currency="EUR")

    compared = breakdowns.comparison(alice, MetricsFilter()).accounts

    shown = [(each.name, each.figures.currency, each.figures.net_pnl) for each in compared]
    assert shown == [
        ("Dollars", "USD", Decimal(-12)),
        ("Euros", "EUR", Decimal(3)),
        ("Idle", "USD", Decimal(0)),
    ]
    assert compared[0].max_drawdown is not None
    assert (compared[0].max_drawdown.amount, compared[0].max_drawdown.ratio) == (Decimal(22), Decimal("0.2"))
    assert (compared[0].first_day, compared[0].last_day) == (MONDAY, TUESDAY)
    assert compared[2].max_drawdown is None


def test_more_than_a_hundred_accounts_are_not_compared(alice: User) -> None:
    for number in range(101):
        make_account(alice, f"A{number}")

    with pytest.raises(InvalidValue):
        breakdowns.comparison(alice, MetricsFilter())


def test_an_unknown_property_is_refused(alice: User) -> None:
    with pytest.raises(InvalidValue):
        breakdowns.breakdown(alice, by="owner")


def test_an_open_trade_has_its_realized_money_in_a_row_of_its_own(alice: User) -> None:
    trades.enter(
        make_account(alice),
        instrument=make_instrument(),
        fills=[
            EnteredFill("buy", Decimal(2), Decimal(10), at(MONDAY, 14)),
            EnteredFill("sell", Decimal(1), Decimal(15), at(MONDAY, 15)),
        ],
    )

    (row,) = breakdowns.breakdown(alice, by="holding").rows

    assert (row.label, row.figures.net_pnl, row.figures.trade_count) == ("still open", Decimal(5), 0)


def test_the_hour_is_that_of_the_accounts_zone(alice: User) -> None:
    account = make_account(alice, time_zone="America/New_York")
    make_trade(account, day=MONDAY, pnl="1", opened=at(MONDAY, 14, 59))

    (row,) = breakdowns.breakdown(alice, by="hour").rows

    # 14:59 UTC in early March is 09:59 in New York.
    assert row.label == "09:00"


def test_a_trade_with_two_tags_is_in_both_rows(alice: User) -> None:
    tags = [Tag.objects.create(owner=alice, name=name) for name in ("a", "b")]
    make_trade(make_account(alice), day=MONDAY, pnl="5", tags=tags)

    rows = breakdowns.breakdown(alice, by="tag").rows

    assert [(row.key, row.figures.net_pnl) for row in rows] == [("a", Decimal(5)), ("b", Decimal(5))]
    assert reports.aggregate_metrics(alice).figures.net_pnl == Decimal(5)


def test_streaks_follow_the_order_of_closing_over_all_accounts(alice: User) -> None:
    """W W B W L L L W, as docs/metrics.md has it, over two accounts."""
    accounts = [make_account(alice, "A"), make_account(alice, "B")]
    for number, pnl in enumerate(["1", "2", "0", "3", "-1", "-2", "-3", "4"]):
        make_trade(accounts[number % 2], day=MONDAY, pnl=pnl, opened=at(MONDAY, 1 + 2 * number))

    streaks = breakdowns.trade_streaks(alice).streaks

    assert (streaks.longest_wins, streaks.longest_losses) == (2, 3)
    assert (streaks.trailing_wins, streaks.trailing_losses) == (1, 0)


@dataclass(frozen=True)
class Known:
    """A trade of the model: bought and sold within a day."""

    account: Account
    day: date
    symbol: str
    side: str
    tag: str
    currency: str
    net: Decimal


def _matches(trade: Known, wanted: dict[str, Any]) -> bool:
    checks = {
        "accounts": lambda pks: trade.account.pk in pks,
        "broker": lambda broker: trade.account.broker == broker,
        "start": lambda start: trade.day >= start,
        "end": lambda end: trade.day <= end,
        "symbol": lambda symbol: trade.symbol == symbol,
        "tag": lambda tag: trade.tag == tag,
        "side": lambda side: trade.side == side,
        "currency": lambda currency: trade.currency == currency,
    }
    return all(checks[name](value) for name, value in wanted.items())


def test_any_combination_of_filters_gives_what_a_model_gives(alice: User) -> None:
    chance = random.Random(20250303)
    accounts = [make_account(alice, f"A{number}", broker=f"B{number % 2}") for number in range(4)]
    tags = {name: Tag.objects.create(owner=alice, name=name) for name in ("calm", "rushed")}
    known = []
    for number in range(60):
        currency, symbol = chance.choice([("USD", "AAPL"), ("USD", "MSFT"), ("EUR", "SAP")])
        pnl, fees = Decimal(chance.randint(-9999, 9999)).scaleb(-2), Decimal(chance.randint(0, 99)).scaleb(-2)
        trade = Known(
            account=chance.choice(accounts),
            day=MONDAY + timedelta(days=chance.randint(0, 9)),
            symbol=symbol,
            side=chance.choice(["long", "short"]),
            tag=chance.choice(["", "calm", "rushed"]),
            currency=currency,
            net=pnl - fees,
        )
        known.append(trade)
        make_trade(
            trade.account,
            day=trade.day,
            pnl=str(pnl),
            fees=str(fees),
            symbol=symbol,
            currency=currency,
            side=trade.side,
            # One after the other, so that no two of them share a position.
            opened=at(trade.day, number * 20 // 60, number * 20 % 60),
            closed=at(trade.day, number * 20 // 60, number * 20 % 60 + 5),
            tags=[tags[trade.tag]] if trade.tag else None,
        )
    choices: dict[str, list[Any]] = {
        "accounts": [tuple(sorted(account.pk for account in accounts[:2])), (accounts[3].pk,)],
        "broker": ["B0", "B1"],
        "start": [MONDAY + timedelta(days=3)],
        "end": [MONDAY + timedelta(days=6)],
        "symbol": ["AAPL", "SAP"],
        "tag": ["calm", "rushed"],
        "side": ["long", "short"],
        "currency": ["USD", "EUR"],
    }

    for _ in range(80):
        names = chance.sample(sorted(choices), chance.randint(0, 4))
        wanted = {name: chance.choice(choices[name]) for name in names}
        expected = [trade for trade in known if _matches(trade, wanted)]
        by_currency: defaultdict[str, Decimal] = defaultdict(Decimal)
        by_day: defaultdict[date, int] = defaultdict(int)
        for trade in expected:
            by_currency[trade.currency] += trade.net
            by_day[trade.day] += 1

        metrics = reports.aggregate_metrics(alice, MetricsFilter(**wanted))
        calendar = breakdowns.calendar(alice, MetricsFilter(**wanted))

        stored = {figures.currency: figures.totals.net_pnl for figures in metrics.by_currency}
        assert stored == dict(by_currency), wanted
        assert metrics.counts.win_count == sum(trade.net > 0 for trade in expected), wanted
        assert metrics.counts.trade_count == len(expected), wanted
        assert {day.date: day.trade_count for day in calendar.days} == dict(by_day), wanted
        assert sum(row.trade_count for row in metrics.accounts) == len(expected), wanted
        for by in ("symbol", "weekday", "broker"):
            rows = breakdowns.breakdown(alice, MetricsFilter(**wanted, ), by=by).rows  # fmt: skip
            counted = sum(row.figures.trade_count for row in rows)
            assert counted == metrics.figures.trade_count, (wanted, by)


@pytest.mark.parametrize("name", ["holding", "size", "price", "r", "result", "reviewed"])
def test_the_planner_knows_how_few_groups_a_report_has(alice: User, name: str) -> None:
    account = make_account(alice)
    for number in range(1, 41):
        trade = make_trade(account, day=MONDAY, pnl=f"{number}.{number}")
        opened = trade.opened_at - timedelta(seconds=number)
        Trade.objects.filter(pk=trade.pk).update(
            opened_at=opened, reviewed_at=opened, realized_r=number, entry_price=number, quantity=number
        )
    key = dimensions.BY_NAME[name].key.format(t="t").replace("%", "%%")

    with connection.cursor() as cursor:
        cursor.execute("ANALYZE trading_trade")
        cursor.execute(f"EXPLAIN (FORMAT JSON) SELECT {key} FROM trading_trade t GROUP BY 1")
        ((plan,),) = cursor.fetchall()
        cursor.execute(f"SELECT count(DISTINCT {key}) FROM trading_trade t")
        ((groups,),) = cursor.fetchall()

    assert groups < 20
    assert plan[0]["Plan"]["Plan Rows"] == groups
