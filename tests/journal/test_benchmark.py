"""The benchmark: what it runs on is whole, what it prints has its shape, and it leaves nothing behind."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Account, AccountGroup, ApiToken, User
from journal.benchmark import dataset, measuring, scenarios, timing
from journal.benchmark.dataset import Size
from journal.benchmark.verdicts import verdicts
from journal.metrics import rollups
from journal.models import AccountTotals, DayRollup, DayVersion, FacetDay, FacetVersion, OwnerDay, Playbook
from trading import trades
from trading.models import Execution, Instrument, Tag, Trade, TradeFill

real = [
    pytest.mark.django_db(transaction=True, databases=["default", "owner"]),
    pytest.mark.postgres,
]
SEVEN = {
    "getAccounts",
    "getAccountsWithStats",
    "getAccountById",
    "getAccountStats",
    "getUserBrokers",
    "getAggregateMetrics",
    "getAggregateEquityCurve",
}
TINY = ("--accounts", "3", "--trades", "30", "--iterations", "2")


def run(*arguments: str) -> tuple[str, str]:
    """What the command prints to standard output and to standard error."""
    out, err = StringIO(), StringIO()
    call_command("benchmark_accounts", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def counts() -> list[int]:
    """How many rows are in every table that the benchmark fills."""
    tables: list[Any] = [User, Account, ApiToken, Instrument, Execution, Trade, TradeFill]
    tables += [DayRollup, DayVersion, OwnerDay, AccountTotals, FacetDay, FacetVersion, Tag, AccountGroup, Playbook]
    return [table.objects.count() for table in tables]


def is_spread(value: Any) -> bool:
    return set(value) == {"min", "mean", "p50", "p95", "p99"} and 0 < value["min"] <= value["p50"] <= value["p99"]


def quiet(text: str) -> None:
    """Says nothing."""


class TestRun:
    pytestmark = real

    def test_json_has_every_scenario_by_every_way_and_nothing_else(self) -> None:
        out, _ = run(*TINY, "--json", "--no-http")

        told = json.loads(out)
        assert set(told) == {"scenarios", "dataset", "machine"}
        assert set(told["scenarios"]) >= SEVEN | {"getAggregateEquityCurveCombined", "oneChangedTrade"}
        for name in SEVEN:
            times = told["scenarios"][name]
            assert is_spread(times["function"]["cold"])
            assert is_spread(times["function"]["warm"])
            assert times["http"] is None
            assert is_spread(times["sql"])
            assert is_spread(times["redis"])
        assert told["dataset"]["accounts"] == 3
        assert told["dataset"]["trades"] == 30
        assert told["dataset"]["iterations"] == 2

    def test_cleanup_removes_all_that_was_made(self) -> None:
        before = counts()

        run(*TINY, "--no-http", "--only", "getAccounts")
        between = counts()
        run("--cleanup")

        assert between != before
        assert counts() == before

    def test_cleanup_beside_a_run_runs_first(self) -> None:
        before = counts()

        out, _ = run(*TINY, "--no-http", "--only", "getUserBrokers", "--json", "--cleanup")

        assert set(json.loads(out)["scenarios"]) == {"getUserBrokers"}
        assert counts() == before

    def test_the_second_run_of_one_size_finds_the_data_of_the_first(self) -> None:
        run(*TINY, "--no-http", "--only", "getAccounts")
        first = set(Trade.objects.values_list("pk", flat=True))

        _, err = run(*TINY, "--no-http", "--only", "getAccounts")

        assert "there already" in err
        assert set(Trade.objects.values_list("pk", flat=True)) == first

    def test_another_size_takes_the_place_of_the_first(self) -> None:
        run(*TINY, "--no-http", "--only", "getAccounts")

        run("--accounts", "2", "--trades", "9", "--iterations", "1", "--no-http", "--only", "getAccounts")

        assert Account.objects.count() == 2
        assert Trade.objects.count() == 9

    def test_a_changed_trade_is_as_it_was_afterwards(self) -> None:
        owner = dataset.prepare(Size(3, 30), say=quiet).owner
        before = list(Trade.objects.order_by("pk").values_list("pk", "gross_pnl", "net_pnl"))
        sums = list(OwnerDay.objects.order_by("day").values_list("day", "net_pnl"))

        measuring.one_changed_trade(owner, iterations=2, say=quiet)

        assert list(Trade.objects.order_by("pk").values_list("pk", "gross_pnl", "net_pnl")) == before
        assert list(OwnerDay.objects.order_by("day").values_list("day", "net_pnl")) == sums
        assert rollups.stale_count(owner.pk) == 0

    def test_an_answer_that_the_sql_does_not_confirm_is_not_timed(self) -> None:
        owner = dataset.prepare(Size(3, 30), say=quiet).owner
        (stats,) = [each for each in scenarios.scenarios_of(owner) if each.name == "getAccountStats"]
        stats.call()
        AccountTotals.objects.filter(owner=owner).update(net_pnl=1)  # behind the back of what was kept

        with pytest.raises(measuring.UnequalAnswers):
            measuring.measure(owner, [stats], iterations=1, api=None, say=quiet)

    def test_over_http_a_real_server_gives_the_same_answers(self) -> None:
        out, _ = run(*TINY, "--json", *(word for name in sorted(SEVEN) for word in ("--only", name)))

        told = json.loads(out)["scenarios"]
        assert set(told) == SEVEN
        for times in told.values():
            assert is_spread(times["http"]["cold"])
            assert is_spread(times["http"]["warm"])
        assert ApiToken.objects.count() == 0


class TestDataset:
    pytestmark = pytest.mark.django_db(databases=["default", "owner"])

    def test_trades_are_as_many_as_asked_for_over_all_accounts(self) -> None:
        owner = dataset.prepare(Size(7, 100), say=quiet).owner

        assert Account.objects.for_user(owner).count() == 7
        assert Trade.objects.for_user(owner).count() == 100
        assert Execution.objects.for_user(owner).count() == 200

    def test_trades_are_those_that_matching_their_fills_makes(self) -> None:
        owner = dataset.prepare(Size(2, 60), say=quiet).owner

        rebuilt = [trades.rebuild_account(account) for account in Account.objects.for_user(owner)]

        assert [(each.created, each.changed, each.removed) for each in rebuilt] == [(0, 0, 0), (0, 0, 0)]

    def test_one_seed_makes_the_same_trades_and_another_makes_others(self) -> None:
        made = []
        for seed in (1, 1, 2):
            dataset.remove()
            owner = dataset.prepare(Size(2, 40, seed=seed), say=quiet).owner
            made.append(list(Trade.objects.for_user(owner).order_by("id").values_list("opened_at", "net_pnl")))

        assert made[0] == made[1] != made[2]

    def test_brokers_are_the_five_of_the_document_in_turn(self) -> None:
        owner = dataset.prepare(Size(10, 10), say=quiet).owner

        names = list(Account.objects.for_user(owner).order_by("id").values_list("broker", flat=True))
        assert set(names[:5]) == {"Interactive Brokers", "Tradovate", "NinjaTrader", "TD Ameritrade", "E*TRADE"}
        assert names[:5] == names[5:]

    def test_winners_losers_and_breakevens_are_all_there(self) -> None:
        owner = dataset.prepare(Size(3, 300), say=quiet).owner

        assert set(Trade.objects.for_user(owner).values_list("outcome", flat=True)) == {"win", "loss", "breakeven"}

    def test_with_days_every_account_trades_on_each_of_them(self) -> None:
        owner = dataset.prepare(Size(2, 40, days=4), say=quiet).owner

        assert DayRollup.objects.filter(owner=owner).count() == 8
        assert set(DayRollup.objects.filter(owner=owner).values_list("trade_count", flat=True)) == {5}

    def test_an_interrupted_making_leaves_nothing(self) -> None:
        before = counts()

        def interrupt(text: str) -> None:
            if "of 30 trades" in text:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            dataset.prepare(Size(3, 30), say=interrupt)

        assert counts() == before

    def test_nobody_else_is_touched(self, alice: User) -> None:
        account = Account.objects.create(owner=alice, name="Mine")

        dataset.prepare(Size(2, 10), say=quiet)
        dataset.remove()

        assert list(Account.objects.all()) == [account]


class TestArguments:
    @pytest.mark.parametrize(
        "arguments",
        [
            ("--accounts", "0"),
            ("--accounts", "-1"),
            ("--trades", "0"),
            ("--trades", "99999999999"),
            ("--iterations", "0"),
            ("--days", "0"),
            ("--seed", "-1"),
        ],
    )
    def test_numbers_that_make_no_sense_are_refused_with_exit_code_2(self, arguments: tuple[str, str]) -> None:
        with pytest.raises(CommandError) as refused:
            run(*arguments)

        assert refused.value.returncode == 2

    def test_an_unknown_scenario_is_refused(self) -> None:
        with pytest.raises(CommandError, match="invalid choice"):
            run("--only", "getEverything")


class TestTimes:
    def test_percentiles_follow_the_formula_of_the_document(self) -> None:
        taken = [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]

        assert timing.percentile(taken, 50) == 5
        assert timing.percentile(taken, 95) == 10
        assert timing.percentile(taken, 99) == 10
        assert timing.percentile([7], 50) == 7

    def test_spreads_are_in_milliseconds(self) -> None:
        spread = timing.Spread.of([1_000_000, 2_000_000, 4_500_000])

        assert (spread.min, spread.mean, spread.p50, spread.p95) == (1, 2.5, 2, 4.5)

    def test_what_comes_before_a_call_is_done_each_time(self) -> None:
        called: list[str] = []

        timing.spreads(
            {
                "a": timing.Timed(lambda: called.append("a"), before=lambda: called.append("before a")),
                "b": timing.Timed(lambda: called.append("b")),
            },
            iterations=2,
            untimed=1,
        )

        assert called == ["before a", "a", "b"] * 3


class TestVerdicts:
    def test_a_cold_answer_slower_than_the_documents_system_is_a_miss(self) -> None:
        times = {"getAccounts": {"function": {"cold": {"p95": 6.86}, "warm": {"p50": 1.0}}, "http": None}}

        cold, warm = verdicts(times, size=Size(100, 3000))

        assert (cold.bar, cold.is_met) == (6.85, False)
        assert (warm.bar, warm.is_met) == (1, True)

    def test_bars_of_one_size_do_not_hold_for_another(self) -> None:
        times = {"getAccounts": {"function": {"cold": {"p95": 6.86}, "warm": {"p50": 1.0}}, "http": None}}

        assert verdicts(times, size=Size(3, 30)) == []
