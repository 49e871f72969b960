"""Results in order and runs of days: what is kept gives what the trades give, whatever was done to them."""

import random
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import Account, User
from journal import breakdowns, distributions, facets, spread_rows
from journal.filters import MetricsFilter
from journal.metrics import distributions as plain
from journal.metrics.distributions import Run
from journal.models import ResultDay, RunDay
from tests.journal.factories import at, make_account, make_trade
from trading import trades
from trading.models import FxRate, Trade
from trading.trades import Plan

pytestmark = pytest.mark.django_db

MONDAY, TUESDAY, WEDNESDAY = date(2025, 3, 3), date(2025, 3, 4), date(2025, 3, 5)


def looked_up(alice: User, **wanted: Any) -> list[Any]:
    """All that is said of how results are spread, by trades alone."""
    every = tuple(Account.objects.for_user(alice).values_list("pk", flat=True))
    return answered(alice, accounts=every, **wanted)


def answered(alice: User, **wanted: Any) -> list[Any]:
    found = distributions.distributions(alice, MetricsFilter(**wanted), fresh=True)
    runs = distributions.runs_in_a_row(alice, MetricsFilter(**wanted), fresh=True)
    streaks = breakdowns.trade_streaks(alice, MetricsFilter(**wanted), fresh=True).streaks
    return [found.currency, found.net, found.r, found.days, runs.trade_runs, found.unconverted, streaks]


def test_what_is_kept_of_a_day_by_hand(alice: User, account: Account) -> None:
    make_trade(account, day=MONDAY, pnl="30", stop="990", opened=at(MONDAY, 9))
    make_trade(account, day=MONDAY, pnl="-5.5", opened=at(MONDAY, 11))
    make_trade(account, day=MONDAY, pnl="-1", opened=at(MONDAY, 13))
    facets.recompute_all(alice.pk)

    kept = ResultDay.objects.get()
    assert (kept.net_count, kept.net_total, kept.net_squares) == (3, Decimal("23.5"), Decimal("931.25"))
    packed = b"".join(value.to_bytes(8, signed=True) for value in (-550_000_000, -100_000_000, 3_000_000_000))
    assert bytes(kept.net_values) == packed
    assert (kept.r_count, kept.r_total, bytes(kept.r_values)) == (1, Decimal(3), (3 * 10**12).to_bytes(8))
    # One winner, then two losers, and nothing between the first run and the last.
    assert RunDay.objects.get().runs == [3, ["w", 1], ["l", 2], [], []]


def test_days_are_put_together_from_what_is_kept(
    alice: User, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day, results in ((MONDAY, ["1", "2"]), (TUESDAY, ["3", "-4"]), (WEDNESDAY, ["-5", "-6", "7"])):
        for number, result in enumerate(results):
            make_trade(account, day=day, pnl=result, opened=at(day, 9 + 2 * number))
    facets.recompute_all(alice.pk)
    monkeypatch.setattr("journal.day_rows.from_trades", None)

    found = distributions.distributions(alice)

    assert found.net.percentiles[0] == (Decimal("0.05"), Decimal(-6))
    assert (found.net.lowest, found.net.median, found.net.highest) == (Decimal(-6), Decimal(1), Decimal(7))
    runs = distributions.runs_in_a_row(alice).trade_runs
    assert (runs.wins, runs.losses) == ({1: 1, 3: 1}, {3: 1})
    assert runs.longest_win == Run("w", 3, 0)
    assert runs.longest_loss == Run("l", 3, 3)
    assert runs.current == Run("w", 1, 6)
    later = distributions.runs_in_a_row(alice, MetricsFilter(start=TUESDAY)).trade_runs
    assert (later.wins, later.losses) == ({1: 2}, {3: 1})


def test_a_day_of_another_zone_that_reaches_into_the_next_is_in_closing_order(alice: User, account: Account) -> None:
    """Monday in Los Angeles ends after Tuesday in London has begun."""
    far = make_account(alice, "Far", time_zone="America/Los_Angeles")
    make_trade(account, day=MONDAY, pnl="1", opened=at(MONDAY, 9))
    make_trade(account, day=TUESDAY, pnl="-1", opened=at(TUESDAY, 3))
    make_trade(far, day=MONDAY, pnl="1", opened=at(TUESDAY, 1))
    make_trade(far, day=MONDAY, pnl="1", opened=at(TUESDAY, 5))
    make_trade(account, day=WEDNESDAY, pnl="1", opened=at(WEDNESDAY, 9))
    facets.recompute_all(alice.pk)
    assert [(each.day, each.runs[0]) for each in RunDay.objects.order_by("day")] == [
        (MONDAY, 3), (TUESDAY, 1), (WEDNESDAY, 1),
    ]  # fmt: skip

    found = spread_rows.runs(alice.pk, MetricsFilter())

    assert found.runs == plain.runs("wwlww")
    assert (found.count, found.first) == (5, ("w", 2))


def test_results_too_large_for_what_is_kept_are_looked_up(alice: User, account: Account) -> None:
    trade = make_trade(account, day=MONDAY, pnl="5", stop="999")
    make_trade(account, day=MONDAY, pnl="-3", stop="999", opened=at(MONDAY, 16))
    Trade.objects.filter(pk=trade.pk).update(net_pnl=Decimal(95_000_000_000), realized_r=Decimal(95_000_000))
    facets.request(alice.pk, days=[MONDAY])
    facets.recompute_all(alice.pk)
    assert len(ResultDay.objects.get().net_values) == 8  # only the one that fits

    net, in_r = spread_rows.results(alice.pk, MetricsFilter(), rates=None)

    assert (net.spread.lowest(), net.spread.highest()) == (Decimal(-3), Decimal(95_000_000_000))
    assert (in_r.spread.lowest(), in_r.spread.highest()) == (Decimal(-3), Decimal(95_000_000))


def test_what_is_kept_gives_what_the_trades_give(alice: User, account: Account) -> None:
    chance = random.Random(20)
    FxRate.objects.create(date=MONDAY, base="EUR", quote="USD", rate=Decimal("1.0913"))
    other = make_account(alice, "Other", time_zone="America/New_York")
    for _ in range(60):
        day = MONDAY + timedelta(days=chance.randrange(5))
        symbol, currency = chance.choice([("AAPL", "USD"), ("SAP", "EUR")])
        pnl = chance.choice(["0", str(Decimal(chance.randrange(-900, 900)) / 100)])
        make_trade(
            chance.choice([account, other]),
            day=day,
            pnl=pnl,
            symbol=symbol,
            currency=currency,
            stop=chance.choice([None, "990"]),
            opened=at(day, chance.randrange(24), chance.randrange(60)),
        )
    facets.recompute_all(alice.pk)

    for wanted in ({}, {"start": TUESDAY}, {"end": WEDNESDAY}, {"currency": "EUR"}, {"weekday": "2"}):
        assert answered(alice, **wanted) == looked_up(alice, **wanted)


def test_a_change_makes_the_day_stale_and_it_is_right_at_once_and_after(
    alice: User, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = make_trade(account, day=MONDAY, pnl="4", opened=at(MONDAY, 9))
    make_trade(account, day=TUESDAY, pnl="-2", opened=at(TUESDAY, 9))
    facets.recompute_all(alice.pk)
    monkeypatch.setattr(facets, "repair", lambda *_arguments, **_options: None)

    trades.annotate(first, plan=Plan(Decimal(998), None))
    make_trade(account, day=TUESDAY, pnl="-8", opened=at(TUESDAY, 12))

    assert facets.stale_days(alice.pk) == [MONDAY, TUESDAY]
    at_once = answered(alice)
    assert at_once == looked_up(alice)
    assert at_once[2].highest == Decimal(2)
    facets.recompute_all(alice.pk)
    assert answered(alice) == at_once

    trades.delete(first)
    facets.recompute_all(alice.pk)
    assert list(ResultDay.objects.values_list("day", "net_count")) == [(TUESDAY, 2)]
    assert list(RunDay.objects.values_list("day", flat=True)) == [TUESDAY]
