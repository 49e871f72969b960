"""Aggregate metrics and equity curves: by hand, under every filter, in several currencies."""

from datetime import date, datetime
from decimal import Decimal

import pytest

from accounts.models import Account, User
from journal import curves, reports
from journal.filters import MetricsFilter
from journal.metrics.formulas import EquityPoint, equity_points
from tests.journal.factories import at, make_account, make_instrument, make_trade
from trading import fx, trades
from trading.ecb import EuroRate
from trading.models import FxRate, Tag
from trading.trades import EnteredFill

MONDAY, TUESDAY, WEDNESDAY = date(2025, 3, 3), date(2025, 3, 4), date(2025, 3, 5)


@pytest.fixture
def fleet(alice: User) -> dict[str, Account]:
    """Three accounts at two brokers: one winning, one losing, one that never traded.

    Monday +100 -40, Tuesday -30 (short, tagged), all in dollars.
    """
    first = make_account(alice, "First", broker="Alpha", initial_balance=Decimal(1000))
    second = make_account(alice, "Second", broker="Beta", initial_balance=Decimal(1000))
    idle = make_account(alice, "Idle", broker="", initial_balance=Decimal(1000))
    tag = Tag.objects.create(owner=alice, name="late")
    make_trade(first, day=MONDAY, pnl="100", symbol="AAPL", fees="2")
    make_trade(first, day=MONDAY, pnl="-40", symbol="MSFT", opened=at(MONDAY, 16))
    make_trade(second, day=TUESDAY, pnl="-30", symbol="AAPL", side="short", tags=[tag])
    return {"first": first, "second": second, "idle": idle}


def rate(day: date, currency: str, per_euro: str) -> None:
    FxRate.objects.create(date=day, base="EUR", quote=currency, rate=Decimal(per_euro))


def test_everything_of_a_small_fleet(alice: User, fleet: dict[str, Account]) -> None:
    metrics = reports.aggregate_metrics(alice)

    assert metrics.total_accounts == 3
    assert metrics.accounts_by_broker == {"Alpha": 1, "Beta": 1, "Unknown": 1}
    counts = metrics.counts
    assert (counts.trade_count, counts.win_count, counts.loss_count, counts.breakeven_count) == (3, 1, 2, 0)
    figures = metrics.figures
    assert figures.currency == "USD"
    assert figures.net_pnl == Decimal(28)
    assert figures.gross_pnl == Decimal(30)
    assert figures.fees == Decimal(2)
    assert figures.gross_profit == Decimal(98)
    assert figures.gross_loss == Decimal(70)
    assert figures.profit_factor == Decimal("1.4")
    assert figures.average_win == Decimal(98)
    assert figures.average_loss == Decimal(35)
    assert figures.payoff_ratio == Decimal("2.8")
    assert figures.expectancy == Decimal("9.33333333")
    assert metrics.win_rate == Decimal("0.333333333333")
    assert metrics.average_holding_seconds == Decimal(3600)
    assert metrics.unconverted == ()
    assert metrics.stale is False


def test_every_account_is_listed_and_only_those_that_traded_compete(alice: User, fleet: dict[str, Account]) -> None:
    metrics = reports.aggregate_metrics(alice)

    listed = [(row.name, row.trade_count, row.pnl, row.win_rate) for row in metrics.accounts]
    assert listed == [
        ("First", 2, Decimal(58), Decimal("0.5")),
        ("Idle", 0, Decimal(0), None),
        ("Second", 1, Decimal(-30), Decimal(0)),
    ]
    assert metrics.best_account is not None
    assert metrics.worst_account is not None
    assert metrics.best_account.id == str(fleet["first"].public_id)
    assert metrics.worst_account.id == str(fleet["second"].public_id)


def test_a_fleet_of_losers_has_the_smallest_loss_as_its_best(alice: User) -> None:
    make_trade(make_account(alice, "A"), day=MONDAY, pnl="-5")
    make_trade(make_account(alice, "B"), day=MONDAY, pnl="-50")
    make_account(alice, "Idle")

    metrics = reports.aggregate_metrics(alice)

    assert metrics.best_account is not None
    assert (metrics.best_account.name, metrics.best_account.pnl) == ("A", Decimal(-5))


def test_one_account_is_best_and_worst(alice: User) -> None:
    make_trade(make_account(alice, "Only"), day=MONDAY, pnl="5")

    metrics = reports.aggregate_metrics(alice)

    assert metrics.best_account == metrics.worst_account
    assert metrics.best_account is not None


def test_nobody_without_trades_is_best_and_nothing_is_zero_that_is_undefined(alice: User) -> None:
    make_account(alice)

    metrics = reports.aggregate_metrics(alice)

    assert metrics.best_account is None
    assert metrics.win_rate is None
    assert metrics.figures.profit_factor is None
    assert metrics.figures.average_win is None
    assert metrics.figures.net_pnl == Decimal(0)
    assert metrics.max_drawdown is None
    assert metrics.sharpe is None


def test_the_order_of_days_decides_streaks_and_drawdown(alice: User, fleet: dict[str, Account]) -> None:
    make_trade(fleet["first"], day=WEDNESDAY, pnl="-8")

    metrics = reports.aggregate_metrics(alice)

    assert metrics.trading_days == 3
    assert (metrics.day_streaks.longest_wins, metrics.day_streaks.longest_losses) == (1, 2)
    assert metrics.best_day == (MONDAY, Decimal(58))
    assert metrics.worst_day == (TUESDAY, Decimal(-30))
    drawdown = metrics.max_drawdown
    assert drawdown is not None
    assert drawdown.amount == Decimal(38)
    # 38 of 3,000 + 58.
    assert drawdown.ratio == Decimal("0.012426422498")
    assert (drawdown.peak_date, drawdown.trough_date, drawdown.recovery_date) == (MONDAY, WEDNESDAY, None)


def test_sharpe_needs_a_starting_balance_of_every_account(alice: User, fleet: dict[str, Account]) -> None:
    assert reports.aggregate_metrics(alice).sharpe is not None

    make_account(alice, "Unfunded")

    metrics = reports.aggregate_metrics(alice, fresh=True)
    assert metrics.sharpe is None
    assert metrics.sortino is None
    assert metrics.max_drawdown is not None
    assert metrics.max_drawdown.ratio is None


def test_a_later_start_begins_with_the_equity_of_that_day(alice: User, fleet: dict[str, Account]) -> None:
    metrics = reports.aggregate_metrics(alice, MetricsFilter(start=TUESDAY))

    # 30 of 3,000 + 58 made on Monday.
    assert metrics.max_drawdown is not None
    assert metrics.max_drawdown.ratio == Decimal("0.009810333551")


@pytest.mark.parametrize(
    ("wanted", "net", "trade_count", "accounts"),
    [
        ({}, "28", 3, 3),
        ({"broker": "Alpha"}, "58", 2, 1),
        ({"broker": "Unknown"}, "0", 0, 1),
        ({"start": TUESDAY}, "-30", 1, 3),
        ({"end": MONDAY}, "58", 2, 3),
        ({"symbol": "AAPL"}, "68", 2, 3),
        ({"side": "short"}, "-30", 1, 3),
        ({"tag": "late"}, "-30", 1, 3),
        ({"tag": "no such tag"}, "0", 0, 3),
        ({"currency": "USD"}, "28", 3, 3),
        ({"currency": "EUR"}, "0", 0, 3),
        ({"accounts": ()}, "0", 0, 0),
        ({"symbol": "AAPL", "broker": "Alpha", "end": MONDAY}, "98", 1, 1),
    ],
)
def test_every_filter_applies_to_every_figure(
    alice: User,
    fleet: dict[str, Account],
    wanted: dict[str, object],
    net: str,
    trade_count: int,
    accounts: int,
) -> None:
    chosen = MetricsFilter(**wanted)  # type: ignore[arg-type]

    metrics = reports.aggregate_metrics(alice, chosen)
    curve = reports.equity_curve(alice, chosen, by_account=True)

    assert metrics.figures.net_pnl == Decimal(net)
    assert metrics.counts.trade_count == trade_count
    assert metrics.total_accounts == accounts
    assert sum(row.trade_count for row in metrics.accounts) == trade_count
    assert sum((row.pnl or Decimal(0) for row in metrics.accounts), Decimal(0)) == Decimal(net)
    assert sum((figures.totals.net_pnl for figures in metrics.by_currency), Decimal(0)) == Decimal(net)
    assert sum((point.pnl for point in curve.combined.points), Decimal(0)) == Decimal(net)
    assert curve.by_account is not None
    last = [each.curve.points[-1].cumulative_pnl for each in curve.by_account]
    assert sum(last, Decimal(0)) == Decimal(net)


def test_a_filter_by_account_leaves_the_others_out(alice: User, fleet: dict[str, Account]) -> None:
    metrics = reports.aggregate_metrics(alice, MetricsFilter(accounts=(fleet["second"].pk,)))

    assert metrics.figures.net_pnl == Decimal(-30)
    assert [row.name for row in metrics.accounts] == ["Second"]


def test_the_three_grains_and_the_trades_agree(alice: User, fleet: dict[str, Account]) -> None:
    """The same question, answered from days of the person, of accounts, and from trades."""
    trades.enter(
        fleet["first"],
        instrument=make_instrument("NVDA"),
        fills=[
            EnteredFill("buy", Decimal(3), Decimal("10.1"), at(MONDAY, 14)),
            EnteredFill("sell", Decimal(1), Decimal("11.3"), at(TUESDAY, 15), commission=Decimal("0.07")),
            EnteredFill("sell", Decimal(2), Decimal("9.9"), at(WEDNESDAY, 15), commission=Decimal("0.11")),
        ],
    )
    everything = [
        MetricsFilter(),
        MetricsFilter(accounts=tuple(account.pk for account in fleet.values())),
        MetricsFilter(start=MONDAY, end=WEDNESDAY),
        MetricsFilter(currency="USD"),
    ]
    sides = [MetricsFilter(side="long"), MetricsFilter(side="short")]

    totals = [reports.aggregate_metrics(alice, wanted).figures.totals for wanted in everything]
    long, short = (reports.aggregate_metrics(alice, wanted).figures.totals for wanted in sides)

    assert all(each == totals[0] for each in totals)
    assert long + short == totals[0]


def test_the_curve_is_what_the_formula_says(alice: User, fleet: dict[str, Account]) -> None:
    make_trade(fleet["first"], day=WEDNESDAY, pnl="10.5")

    points = reports.equity_curve(alice).combined.points

    assert [tuple(point) for point in points] == [
        (MONDAY, Decimal(58), Decimal(58), Decimal(0)),
        (TUESDAY, Decimal(-30), Decimal(28), Decimal(30)),
        (WEDNESDAY, Decimal("10.5"), Decimal("38.5"), Decimal("19.5")),
    ]
    expected = equity_points([(MONDAY, Decimal(58)), (TUESDAY, Decimal(-30)), (WEDNESDAY, Decimal("10.5"))])
    assert [EquityPoint(point.date, point.cumulative_pnl, point.drawdown) for point in points] == expected


def test_a_loss_on_the_first_day_is_a_drawdown(alice: User) -> None:
    make_trade(make_account(alice), day=MONDAY, pnl="-7")

    (point,) = reports.equity_curve(alice).combined.points

    assert point.drawdown == Decimal(7)


def test_currencies_meet_at_the_rate_of_the_day(alice: User) -> None:
    account = make_account(alice, initial_balance=Decimal(1000))
    rate(MONDAY, "USD", "1.25")
    make_trade(account, day=MONDAY, pnl="100")
    make_trade(account, day=MONDAY, pnl="8", symbol="SAP", currency="EUR")

    metrics = reports.aggregate_metrics(alice)

    # 100 dollars and 8 euros at 1.25 dollars.
    assert metrics.figures.currency == "USD"
    assert metrics.figures.net_pnl == Decimal(110)
    assert metrics.figures.average_win == Decimal(55)
    assert metrics.figures.totals.largest_win == Decimal(100)
    assert {each.currency: each.net_pnl for each in metrics.by_currency} == {
        "USD": Decimal(100),
        "EUR": Decimal(8),
    }
    (row,) = metrics.accounts
    assert (row.pnl, row.converted_pnl, row.currency, row.trade_count) == (Decimal(110), Decimal(110), "USD", 2)
    assert [tuple(point)[1] for point in reports.equity_curve(alice).combined.points] == [Decimal(110)]


def test_starting_balances_of_several_currencies_meet_at_the_first_days_rate(alice: User) -> None:
    rate(MONDAY, "USD", "1.25")
    dollars = make_account(alice, "Dollars", currency="USD", initial_balance=Decimal(1000))
    euros = make_account(alice, "Euros", currency="EUR", initial_balance=Decimal(800))
    make_trade(dollars, day=MONDAY, pnl="100")
    make_trade(euros, day=MONDAY, pnl="-120", symbol="SIE", currency="EUR")

    metrics = reports.aggregate_metrics(alice)

    # 1,000 + 800 x 1.25 = 2,000 at the start; 100 - 120 x 1.25 = -50 on the only day.
    assert metrics.max_drawdown is not None
    assert (metrics.max_drawdown.amount, metrics.max_drawdown.ratio) == (Decimal(50), Decimal("0.025"))


def test_two_currencies_cross_through_the_euro(alice: User) -> None:
    rate(MONDAY, "USD", "1.20")
    rate(MONDAY, "GBP", "0.80")
    make_trade(make_account(alice, "Pounds"), day=MONDAY, pnl="10", symbol="VOD", currency="GBP")

    metrics = reports.aggregate_metrics(alice)

    # 10 pounds = 12.5 euros = 15 dollars.
    assert (metrics.figures.currency, metrics.figures.net_pnl) == ("USD", Decimal(15))
    (row,) = metrics.accounts
    assert (row.pnl, row.currency, row.converted_pnl) == (Decimal(10), "GBP", Decimal(15))


@pytest.mark.parametrize(("age", "expected"), [(7, Decimal(110)), (8, Decimal(100))])
def test_a_rate_is_good_for_seven_days(alice: User, age: int, expected: Decimal) -> None:
    account = make_account(alice)
    rate(date(2025, 3, 10), "USD", "1.25")
    day = date(2025, 3, 10 + age)
    make_trade(account, day=day, pnl="100")
    make_trade(account, day=day, pnl="8", symbol="SAP", currency="EUR")

    metrics = reports.aggregate_metrics(alice)

    assert metrics.figures.net_pnl == expected


def test_what_has_no_rate_is_listed_and_never_guessed(alice: User) -> None:
    account = make_account(alice)
    make_trade(account, day=MONDAY, pnl="100")
    make_trade(account, day=MONDAY, pnl="0.5", symbol="BTCUSDT", currency="USDT")
    make_trade(account, day=TUESDAY, pnl="0.25", symbol="BTCUSDT", currency="USDT")

    metrics = reports.aggregate_metrics(alice)

    assert metrics.figures.net_pnl == Decimal(100)
    assert metrics.counts.trade_count == 3
    assert [(each.currency, each.days, each.net_pnl) for each in metrics.unconverted] == [("USDT", 2, Decimal("0.75"))]
    (row,) = metrics.accounts
    assert (row.pnl, row.converted_pnl) == (None, None)


def test_money_of_one_other_currency_without_rates_stays_in_it(alice: User) -> None:
    make_trade(make_account(alice), day=MONDAY, pnl="8", symbol="SAP", currency="EUR")

    metrics = reports.aggregate_metrics(alice)

    assert metrics.reporting_currency == "USD"
    assert (metrics.figures.currency, metrics.figures.net_pnl) == ("EUR", Decimal(8))
    assert metrics.unconverted == ()
    assert reports.equity_curve(alice).combined.currency == "EUR"


def test_new_rates_are_in_the_next_answer(alice: User) -> None:
    make_trade(make_account(alice), day=MONDAY, pnl="8", symbol="SAP", currency="EUR")
    before = reports.aggregate_metrics(alice)

    fx.store([EuroRate(MONDAY, "USD", Decimal("1.25"))], source="ecb")

    after = reports.aggregate_metrics(alice)
    assert (before.figures.currency, after.figures.currency) == ("EUR", "USD")
    assert after.figures.net_pnl == Decimal(10)
    assert after.as_of > before.as_of


def test_a_filter_by_currency_is_answered_in_that_currency(alice: User) -> None:
    account = make_account(alice)
    rate(MONDAY, "USD", "1.25")
    make_trade(account, day=MONDAY, pnl="100")
    make_trade(account, day=MONDAY, pnl="8", symbol="SAP", currency="EUR")

    metrics = reports.aggregate_metrics(alice, MetricsFilter(currency="EUR"))

    assert (metrics.figures.currency, metrics.figures.net_pnl) == ("EUR", Decimal(8))


def test_no_figure_of_bob_is_in_alices_answers(alice: User, bob: User, fleet: dict[str, Account]) -> None:
    theirs = make_account(bob, "Theirs")
    make_trade(theirs, day=MONDAY, pnl="100000")

    assert reports.aggregate_metrics(alice).figures.net_pnl == Decimal(28)
    assert reports.aggregate_metrics(alice, MetricsFilter(accounts=(theirs.pk,))).total_accounts == 0
    assert reports.equity_curve(alice, MetricsFilter(accounts=(theirs.pk,)), by_account=True).by_account == []


def test_an_answer_from_the_cache_is_the_answer(alice: User, fleet: dict[str, Account]) -> None:
    built = reports.aggregate_metrics(alice, fresh=True)

    kept = reports.aggregate_metrics(alice)

    assert kept.figures == built.figures
    assert [tuple(row) for row in kept.accounts] == [tuple(row) for row in built.accounts]
    assert kept.as_of == built.as_of
    assert kept.max_drawdown == built.max_drawdown


def test_a_long_curve_is_thinned_without_losing_its_extremes(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curves, "MOST_POINTS", 100)
    account = make_account(alice)
    first = datetime(2015, 1, 1).toordinal()  # noqa: DTZ001 – a day count
    fills = []
    for number in range(105):
        day = date.fromordinal(first + number)
        price = {35: Decimal(5000), 70: Decimal(-3000)}.get(number, Decimal(number % 3 - 1))
        fills.append(EnteredFill("buy", Decimal(1), Decimal(10000), at(day, 14)))
        fills.append(EnteredFill("sell", Decimal(1), Decimal(10000) + price, at(day, 15)))
    trades.enter(account, instrument=make_instrument(), fills=fills)

    points = reports.equity_curve(alice).combined.points

    assert len(points) <= 100
    by_day = {point.date: point for point in points}
    assert by_day[date.fromordinal(first + 35)].pnl == Decimal(5000)
    assert by_day[date.fromordinal(first + 70)].pnl == Decimal(-3000)
    assert points[-1].date == date.fromordinal(first + 104)
