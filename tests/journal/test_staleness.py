"""Two counters under concurrency: whatever is committed while a worker computes leaves the day stale, or is in it.

Every schedule runs on real connections. The worker is stopped between two of its statements and goes on when the
writer has done its part.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction

from accounts import answers
from accounts.models import Account, User
from journal import reading, reports, tasks
from journal.metrics import rollups
from journal.models import DayRollup, DayVersion
from tests.factories import make_user
from tests.journal.factories import make_account, make_trade
from tests.waiting import PATIENCE

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres, pytest.mark.usefixtures("by_messages")]

MONDAY = date(2025, 3, 3)


@pytest.fixture
def owner() -> User:
    return make_user()


@pytest.fixture
def account(owner: User) -> Account:
    return make_account(owner)


class Worker:
    """A recompute in a thread of its own, held before its first statement that contains `before`."""

    def __init__(self, owner_id: int, *, before: str = "", run: Callable[[int], Any] = rollups.recompute) -> None:
        self.owner_id, self.before, self.run = owner_id, before, run
        self.arrived, self.go_on = threading.Event(), threading.Event()
        self.error: BaseException | None = None
        self.result: Any = None
        self.thread = threading.Thread(target=self._work, daemon=True)

    def _work(self) -> None:
        try:
            with connection.execute_wrapper(self._hold):
                self.result = self.run(self.owner_id)
        except BaseException as error:  # noqa: BLE001 – handed to the test
            self.error = error
        finally:
            connection.close()

    def _hold(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if self.before and self.before in sql and not self.arrived.is_set():
            self.arrived.set()
            assert self.go_on.wait(PATIENCE)
        return execute(sql, params, many, context)

    def finish(self) -> Any:
        self.go_on.set()
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive(), "the worker is stuck"
        if self.error:
            raise self.error
        return self.result


@contextmanager
def held(owner_id: int, *, before: str) -> Iterator[Worker]:
    """A worker that stands still before a statement while the block runs."""
    worker = Worker(owner_id, before=before)
    worker.thread.start()
    assert worker.arrived.wait(PATIENCE)
    yield worker
    worker.finish()


def versions() -> tuple[int, int]:
    return DayVersion.objects.values_list("requested_version", "computed_version").get()


def net_of_the_day() -> Decimal:
    return DayRollup.objects.get().net_pnl


@pytest.mark.parametrize(
    "before", ["INSERT INTO journal_dayrollup", "INSERT INTO journal_ownerday", "UPDATE journal_dayversion"]
)
def test_a_change_during_the_computing_leaves_the_day_stale(account: Account, before: str) -> None:
    make_trade(account, day=MONDAY, pnl="10")

    with held(account.owner_id, before=before):
        make_trade(account, day=MONDAY, pnl="5", symbol="MSFT")

    requested, computed = versions()
    assert requested > computed
    rollups.recompute(account.owner_id)
    assert net_of_the_day() == Decimal(15)
    assert versions() == (requested, requested)


def test_clearing_a_flag_in_the_same_schedule_loses_the_change(account: Account) -> None:
    """The control: what would happen if the worker marked the day clean instead of writing what it read."""
    make_trade(account, day=MONDAY, pnl="10")

    with held(account.owner_id, before="UPDATE journal_dayversion"):
        make_trade(account, day=MONDAY, pnl="5", symbol="MSFT")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE journal_dayversion SET computed_version = requested_version")
    rollups.recompute(account.owner_id)

    assert rollups.stale_count(account.owner_id) == 0
    assert net_of_the_day() == Decimal(10)


def test_an_older_result_does_not_overwrite_a_newer_one(account: Account) -> None:
    make_trade(account, day=MONDAY, pnl="10")
    first = Worker(account.owner_id, before="INSERT INTO journal_dayrollup")
    second = Worker(account.owner_id)

    first.thread.start()
    assert first.arrived.wait(PATIENCE)
    make_trade(account, day=MONDAY, pnl="5", symbol="MSFT")
    second.thread.start()
    second.thread.join(0.3)
    assert second.thread.is_alive(), "two workers compute the same person at once"
    first.finish()
    second.finish()

    assert net_of_the_day() == Decimal(15)
    requested, computed = versions()
    assert requested == computed


def test_the_computed_version_never_goes_back(account: Account) -> None:
    make_trade(account, day=MONDAY, pnl="10")
    rollups.request(account.owner_id, days=[(account.pk, MONDAY)])
    rollups.recompute(account.owner_id)
    _, computed = versions()

    with connection.cursor() as cursor:
        cursor.execute(
            rollups._MARK_COMPUTED,
            {"accounts": [account.pk], "days": [MONDAY], "versions": [computed - 1]},
        )

    assert versions()[1] == computed


def test_a_worker_does_not_wait_for_a_change_that_is_still_open(account: Account) -> None:
    make_trade(account, day=MONDAY, pnl="10")

    with transaction.atomic():
        make_trade(account, day=MONDAY, pnl="5", symbol="MSFT")
        worker = Worker(account.owner_id)
        worker.thread.start()
        worker.finish()
    requested, computed = versions()
    assert requested > computed

    rollups.recompute(account.owner_id)
    assert net_of_the_day() == Decimal(15)


def test_a_change_that_is_rolled_back_leaves_no_trace(account: Account) -> None:
    make_trade(account, day=MONDAY, pnl="10")
    rollups.recompute(account.owner_id)

    with transaction.atomic():
        make_trade(account, day=MONDAY, pnl="5", symbol="MSFT")
        transaction.set_rollback(True)

    assert rollups.stale_count(account.owner_id) == 0
    assert net_of_the_day() == Decimal(10)


def test_a_killed_worker_leaves_the_day_stale_and_the_sweep_finds_it(account: Account) -> None:
    make_trade(account, day=MONDAY, pnl="10")

    def killed(owner_id: int) -> None:
        with transaction.atomic():
            rollups.recompute(owner_id)
            raise ZeroDivisionError

    worker = Worker(account.owner_id, run=killed)
    worker.thread.start()
    with pytest.raises(ZeroDivisionError):
        worker.finish()
    assert rollups.stale_owners() == [account.owner_id]

    assert tasks.sweep_stale_days() == 1
    assert tasks.sweep_stale_days() == 0
    assert net_of_the_day() == Decimal(10)


def test_an_account_that_is_being_deleted_is_passed_over(account: Account) -> None:
    make_trade(account, day=MONDAY, pnl="10")

    with transaction.atomic():
        Account.objects.select_for_update().get(pk=account.pk)
        worker = Worker(account.owner_id)
        worker.thread.start()
        worker.finish()

    assert rollups.stale_count(account.owner_id) == 1


def test_a_reader_sees_its_own_writes_without_a_worker(owner: User, account: Account) -> None:
    for number in range(1, 6):
        make_trade(account, day=MONDAY, pnl="1.5", symbol=f"S{number}")

        metrics = reports.aggregate_metrics(owner)

        assert metrics.figures.net_pnl == Decimal("1.5") * number
        assert metrics.counts.trade_count == number
        assert metrics.stale is False


def test_an_answer_is_the_same_after_redis_was_emptied(owner: User, account: Account) -> None:
    make_trade(account, day=MONDAY, pnl="10")
    before = reports.aggregate_metrics(owner)
    kept = reports.aggregate_metrics(owner)

    answers.forget_everything()

    after = reports.aggregate_metrics(owner)
    assert before.figures == kept.figures == after.figures
    assert before.as_of == kept.as_of == after.as_of


def test_past_the_bound_of_a_reader_the_answer_says_what_it_lacks(
    owner: User, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "READ_REPAIR", 2)
    for number in range(5):
        make_trade(account, day=date(2025, 3, 3 + number), pnl="1")

    first, second, third = (reports.aggregate_metrics(owner) for _ in range(3))

    assert (first.stale, first.missing_days, first.counts.trade_count) == (True, 3, 2)
    assert (second.stale, second.missing_days, second.counts.trade_count) == (True, 1, 4)
    assert (third.stale, third.missing_days, third.counts.trade_count) == (False, 0, 5)


def test_a_reader_past_the_bound_does_not_wait_for_a_worker(
    owner: User, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "READ_REPAIR", 1)
    for number in range(3):
        make_trade(account, day=date(2025, 3, 3 + number), pnl="1")

    with held(owner.pk, before="INSERT INTO journal_dayrollup"):
        metrics = reports.aggregate_metrics(owner)

    assert (metrics.stale, metrics.missing_days) == (True, 3)


def test_every_change_moves_the_version_on(owner: User, account: Account) -> None:
    seen = [reports.aggregate_metrics(owner).as_of]
    make_trade(account, day=MONDAY, pnl="10")
    seen.append(reports.aggregate_metrics(owner).as_of)
    make_trade(account, day=MONDAY, pnl="10", symbol="MSFT")
    seen.append(reports.aggregate_metrics(owner).as_of)

    assert seen == sorted(set(seen))
