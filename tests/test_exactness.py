"""Whatever happened before, every view shows the same sums, to the last digit, as the fills folded another way."""

import os
import random
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from accounts.models import Account, User
from journal import account_stats, breakdowns, reports
from journal.filters import MetricsFilter
from tests import histories
from tests.exact_model import Converted, Expected, Rates, Trip, converted, decimal, expected, trips_of
from tests.factories import make_user
from tests.histories import FileFill, History
from trading import trades
from trading.errors import TradeRefused
from trading.imports import batches
from trading.models import ImportBatch, Position, Trade, TradeFill

pytestmark = pytest.mark.django_db

#: Run with others by EXACTNESS_SEEDS=100-140.
_FIRST, _, _LAST = os.environ.get("EXACTNESS_SEEDS", "0-8").partition("-")
SEEDS = range(int(_FIRST), int(_LAST))
STEPS = 30
FILTERS = 10


@pytest.fixture(autouse=True)
def _media(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def _reference(db: None) -> None:
    histories.seed_reference()


def checked() -> None:
    """`recompute_metrics --check` finds no difference: it raises, with exit code 1, when it does."""
    call_command("recompute_metrics", "--check")


@pytest.mark.usefixtures("_reference")
@pytest.mark.parametrize("seed", SEEDS)
def test_all_views_agree_after_any_history(alice: User, seed: int) -> None:
    history = History(alice, seed)
    history.live(STEPS)
    trips = trips_of(alice)

    trades_are(alice, trips)
    if seed % 2:
        call_command("recompute_metrics")
    else:
        reports.aggregate_metrics(alice)
    checked()
    connection.check_constraints()
    chance = random.Random(seed)
    rates = Rates()
    for _ in range(FILTERS):
        alice.reporting_currency = chance.choice(["USD", "USD", "EUR", "JPY"])
        wanted = histories.a_filter(alice, [trip.symbol for trip in trips], chance)
        found = expected(alice, trips, wanted)
        target = wanted.currency or alice.reporting_currency
        views_agree(alice, wanted, found, converted(found, target, rates), rates)
    stats_agree(alice, trips)


@pytest.mark.usefixtures("_reference")
def test_what_comes_out_the_same_is_left_alone(alice: User) -> None:
    History(alice, 21).live(STEPS)

    for account in Account.objects.filter(owner=alice):
        rebuilt = trades.rebuild_account(account)
        assert (rebuilt.created, rebuilt.changed, rebuilt.removed) == (0, 0, 0)


@pytest.mark.usefixtures("_reference")
@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_rows_and_the_cut_of_files_change_no_figure(alice: User, bob: User, seed: int) -> None:
    chance = random.Random(seed)
    fills = one_at_a_time(History(make_user(), seed).flex_fills)
    imported(alice, fills)

    shuffled = chance.sample(fills, len(fills))
    for overlapping in (shuffled[60:130], shuffled[:90], shuffled[80:]):
        imported(bob, overlapping)

    assert figures(bob) == figures(alice)


@pytest.mark.usefixtures("_reference")
@pytest.mark.parametrize("seed", range(3))
def test_a_fill_split_in_two_changes_no_figure(alice: User, bob: User, seed: int) -> None:
    chance = random.Random(seed)
    fills = one_at_a_time(History(make_user(), seed).flex_fills)
    imported(alice, fills)

    split = []
    for fill in fills:
        part = Decimal(chance.randint(1, 9)) / 10
        share, cost = fill.quantity * part, fill.commission * part
        split.append(replace(fill, quantity=share, commission=cost))
        left = {"quantity": fill.quantity - share, "commission": fill.commission - cost, "broker_pnl": Decimal(0)}
        split.append(replace(fill, number=fill.number + 10_000, **left))
    imported(bob, split)

    assert figures(bob) == figures(alice)


@pytest.mark.usefixtures("_reference")
def test_words_about_a_trade_change_no_figure(alice: User) -> None:
    imported(alice, History(alice, 5).flex_fills)
    before = figures(alice)

    for trade in Trade.objects.filter(owner=alice)[:20]:
        trades.annotate(trade, note="A long look at it.")

    assert figures(alice) == before


@pytest.mark.usefixtures("_reference")
def test_what_is_deleted_and_restored_leaves_no_trace(alice: User) -> None:
    imported(alice, History(alice, 6).flex_fills)
    before = figures(alice)
    deleted = []
    for trade in Trade.objects.filter(owner=alice, fill_count=2, status="closed"):
        with suppress(TradeRefused):
            deleted.append(trades.delete(trade))
    assert len(deleted) > 5
    assert figures(alice) != before

    for ids in reversed(deleted):
        trades.restore(alice.pk, execution_ids=ids)

    assert figures(alice) == before
    checked()


@pytest.mark.usefixtures("_reference")
def test_undoing_every_import_leaves_nothing(alice: User) -> None:
    history = History(alice, 7)
    empty = figures(alice)
    for _ in range(4):
        history.import_flex()
        history.import_ninja()

    for batch in ImportBatch.objects.filter(owner=alice, status="applied").order_by("?"):
        batches.undo(batch)

    assert figures(alice) == empty
    checked()


def one_at_a_time(fills: list[FileFill]) -> list[FileFill]:
    """No two fills at one instant, where the order of rows would decide."""
    return [replace(fill, at=fill.at + timedelta(seconds=number)) for number, fill in enumerate(fills)]


def imported(owner: User, fills: list[FileFill]) -> None:
    options = {"create_accounts": True, "time_zone": "UTC"}
    history = batches.receive(owner=owner, chunks=[histories.flex_file(fills)], filename="flex.csv", options=options)
    looked = batches.look(history)
    short = {each["key"]: "import_as_short" for each in looked.preview.get("decisions", [])}
    batches.look(batches.choose(looked, options={"decisions": short}))
    looked.refresh_from_db()
    assert batches.run(batches.queue(looked)).status == "applied"


def figures(owner: User) -> list[Any]:
    """Every number that a person sees of their trades."""
    metrics = reports.aggregate_metrics(owner)
    listed = Trade.objects.filter(owner=owner).values_list(
        "account__name", "instrument__symbol", "opened_at", "closed_at", "closed_on", "quantity", "open_quantity",
        "entry_price", "exit_price", "gross_pnl", "fees", "net_pnl", "outcome", "realized_r",
    )  # fmt: skip
    held = Position.objects.filter(owner=owner).values_list("instrument__symbol", "quantity", "average_price")
    return [
        [replace(row, totals=replace(row.totals, broker_net=0, broker_count=0)) for row in metrics.by_currency],
        metrics.figures.net_pnl,
        metrics.max_drawdown,
        sorted(map(str, listed)),
        sorted(held),
        breakdowns.calendar(owner).days,
        reports.equity_curve(owner).combined,
    ]


def trades_are(owner: User, trips: list[Trip]) -> None:
    """Trades, their parts and open positions are those of the model."""
    stored = {
        trade.opening_execution_id: (
            trade.account_id,
            trade.instrument_id,
            trade.side,
            trade.status == "closed",
            trade.quantity,
            trade.open_quantity,
            trade.gross_pnl,
            trade.fees,
            trade.net_pnl,
            trade.opened_on,
            trade.closed_on,
            trade.outcome,
            trade.realized_r,
        )
        for trade in Trade.objects.filter(owner=owner)
    }
    model = {
        trip.opening: (
            trip.account_id,
            trip.instrument_id,
            trip.side,
            trip.closed_on is not None,
            decimal(trip.entered),
            decimal(trip.left),
            decimal(trip.gross),
            decimal(trip.fees),
            decimal(trip.net),
            trip.opened_on,
            trip.closed_on,
            trip.outcome,
            None if trip.realized_r is None else decimal(trip.realized_r),
        )
        for trip in trips
    }
    assert stored == model
    exits = sorted(
        TradeFill.objects.filter(trade__owner=owner, role="exit").values_list(
            "trade__opening_execution_id", "day", "quantity", "net_pnl", "gross_pnl"
        )
    )
    assert exits == sorted(
        (trip.opening, part.day, decimal(part.quantity), decimal(part.net), decimal(part.gross))
        for trip in trips
        for part in trip.exits
    )
    held = sorted(Position.objects.filter(owner=owner).values_list("account_id", "instrument_id", "quantity"))
    assert held == sorted(
        (trip.account_id, trip.instrument_id, decimal(trip.left) * (1 if trip.is_long else -1))
        for trip in trips
        if trip.left
    )


def views_agree(owner: User, wanted: MetricsFilter, found: Expected, money: Converted, rates: Rates) -> None:
    metrics = reports.aggregate_metrics(owner, wanted)
    curves = reports.equity_curve(owner, wanted, by_account=True)
    calendar = breakdowns.calendar(owner, wanted)
    net = decimal(sum(money.days.values(), Fraction(0)))

    assert not metrics.stale
    currencies_agree(metrics.by_currency, found)
    if found.by_currency:
        assert metrics.figures.currency == money.currency
    assert metrics.figures.totals.net_pnl == net
    assert metrics.counts.trade_count == sum(sums.trade_count for sums in found.by_currency.values())
    unconverted = {each.currency: each.net_pnl for each in metrics.unconverted}
    assert unconverted == {currency: decimal(amount) for currency, amount in money.unconverted.items()}

    assert {day.date: day.pnl for day in calendar.days if day.date in money.days} == in_decimals(money.days)
    assert not any(day.pnl for day in calendar.days if day.date not in money.days)
    assert calendar.net_pnl == net
    assert sum(day.trade_count for day in calendar.days) == metrics.counts.trade_count
    assert {point.date: point.pnl for point in curves.combined.points} == in_decimals(money.days)
    assert not curves.combined.points or curves.combined.points[-1].cumulative_pnl == net
    curves_agree(owner, curves.by_account or [], found)
    accounts_agree(owner, metrics, found, money, rates)
    for by in ("symbol", "side", "weekday", "hour", "holding", "broker", "account"):
        rows = breakdowns.breakdown(owner, wanted, by=by).rows
        assert sum((row.figures.totals.net_pnl for row in rows), Decimal(0)) == net, by
    comparison_agrees(owner, wanted, found)


def currencies_agree(rows: Iterable[Any], found: Expected) -> None:
    stored = {row.currency: row.totals for row in rows}
    assert stored.keys() == found.by_currency.keys()
    for currency, sums in found.by_currency.items():
        totals = stored[currency]
        for name in vars(sums):
            value = getattr(sums, name)
            assert getattr(totals, name) == (decimal(value) if isinstance(value, Fraction) else value), name
        assert totals.fees == decimal(sums.gross_pnl - sums.net_pnl)


def curves_agree(owner: User, curves: Iterable[Any], found: Expected) -> None:
    keys = {str(account.public_id): account.pk for account in Account.objects.filter(owner=owner)}
    stored = {
        (keys[each.id], each.curve.currency, point.date): point.pnl for each in curves for point in each.curve.points
    }
    assert stored == in_decimals(found.by_account_day)


def accounts_agree(owner: User, metrics: Any, found: Expected, money: Converted, rates: Rates) -> None:
    """An account is listed with its own money, and with it converted where all of it can be."""
    keys = {str(account.public_id): account.pk for account in Account.objects.filter(owner=owner)}
    whole = Decimal(0)
    for row in metrics.accounts:
        own = found.by_account.get(keys[row.id], {})
        if len(own) == 1:
            ((currency, amount),) = own.items()
            assert (row.currency, row.pnl) == (currency, decimal(amount))
        if not own:
            assert not row.pnl
        whole += row.converted_pnl or 0
    if not money.unconverted:
        assert whole == metrics.figures.totals.net_pnl


def comparison_agrees(owner: User, wanted: MetricsFilter, found: Expected) -> None:
    keys = {str(account.public_id): account.pk for account in Account.objects.filter(owner=owner)}
    stored = {
        (keys[row.id], row.figures.currency): row.figures.totals.net_pnl
        for row in breakdowns.comparison(owner, wanted).accounts
        if row.first_day is not None
    }
    assert stored == {
        (account, currency): decimal(amount)
        for account, own in found.by_account.items()
        for currency, amount in own.items()
    }


def stats_agree(owner: User, trips: list[Trip]) -> None:
    """The list of accounts, and each account's own figures."""
    owner.refresh_from_db()
    found = expected(owner, trips, MetricsFilter())
    for listed in account_stats.accounts_with_stats(owner).page.results:
        account = Account.objects.get(public_id=listed.account.public_id)
        own = found.by_account.get(account.pk, {})
        closed = [trip for trip in trips if trip.account_id == account.pk and trip.closed_on]
        assert listed.trade_count == len(closed)
        if len(own) == 1:
            assert listed.total_pnl == decimal(next(iter(own.values())))
        stats = account_stats.account_stats(owner, str(account.public_id))
        assert stats is not None
        assert (stats.trade_count, stats.total_pnl) == (listed.trade_count, listed.total_pnl)
        days = [part.day for trip in trips if trip.account_id == account.pk for part in trip.exits]
        assert stats.last_trade_date == max(days, default=None)


def in_decimals(amounts: dict[Any, Fraction]) -> dict[Any, Decimal]:
    return {key: decimal(amount) for key, amount in amounts.items()}
