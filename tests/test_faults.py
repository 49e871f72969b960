"""Killed processes, messages that are lost or come ten times, people who do the same at once: nothing is half done.

The killed processes are real ones, with the application's own role on the test database.
"""

import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from django.db import connection, transaction
from django_redis import get_redis_connection

from accounts import versions
from accounts.models import Account, User
from journal import reports
from journal import tasks as journal_tasks
from journal.metrics import rollups
from journal.models import DayRollup
from tests import broken_services
from tests.factories import make_account, make_user
from tests.journal.factories import make_trade
from tests.waiting import PATIENCE, at_once, done_at_once, until
from trading import tasks
from trading.imports import batches, pipeline
from trading.models import BatchStatus, Execution, ImportBatch, ImportRow, Instrument, Position, Trade

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]

PROJECT = Path(__file__).resolve().parent.parent
HEADER = (
    "ClientAccountID,CurrencyPrimary,AssetClass,Symbol,DateTime,Buy/Sell,Quantity,TradePrice,IBCommission,IBExecID,"
    "LevelOfDetail\n"
)
#: An import that comes as far as the test says, makes a file of that, and stands still: by the clock it might be done.
RUN = """
import signal, sys, django
django.setup()
from trading.imports import batches
from trading.imports.progress import Progress
from trading.models import ImportBatch
def stands(*_):
    open(sys.argv[3], "x").close()
    signal.pause()
setattr(*{"while it reads": (Progress, "__call__"), "once all is written": (batches, "_applied")}[sys.argv[2]], stands)
batches.run(ImportBatch.objects.get(pk=int(sys.argv[1])))
"""
#: A worker whose first large import does so after 10,000 rows.
WORKER = """
import os, signal, sys, django
from config.celery import app
django.setup()
from trading.imports.progress import Progress
tell, stands = Progress.__call__, sys.argv[2]
def tells(progress, rows):
    tell(progress, rows)
    if rows >= 10_000 and not os.path.exists(stands):
        open(stands, "x").close()
        signal.pause()
Progress.__call__ = tells
app.conf.task_reject_on_worker_lost = app.conf.task_retry_on_worker_lost = sys.argv[1] == "careful"
app.worker_main(["worker", "-P", "prefork", "-c", "1", "-l", "WARNING", "--without-gossip", "--without-mingle"])
"""


@pytest.fixture
def stands(tmp_path: Path) -> Path:
    """The file that is there once a program stands still."""
    return tmp_path / "stands still"


@pytest.fixture(autouse=True)
def _nobody_works(by_messages: None, settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture(autouse=True)
def _own_queue() -> Iterator[None]:
    """Messages of these tests go to a queue of their own, which is empty before and after."""
    with broken_services.broker_at(broker_url()):
        empty_queue()
        yield
        empty_queue()


def broker_url() -> str:
    folder = str(connection.settings_dict["HOST"])
    return f"redis+socket://{folder}/valkey.sock?virtual_host=3"


def queue() -> Any:
    """A connection to the queue's database."""
    pool = get_redis_connection("default").connection_pool
    return type(get_redis_connection("default"))(unix_socket_path=pool.connection_kwargs["path"], db=3)


def empty_queue() -> None:
    queue().flushdb()


def pairs(count: int, *, accounts: int = 3) -> bytes:
    """Trades that make half a dollar each: bought at 10, sold at 11, a quarter for each fill."""
    lines = [HEADER]
    for number in range(count):
        head = f"U{number % accounts},USD,STK,S{number % 50},202601{5 + number % 20:02d};{number // 3600 % 24:02d}"
        clock = f"{number // 60 % 60:02d}{number % 60:02d}"
        lines.append(f"{head}{clock},BUY,1,10,-0.25,b{number},EXECUTION\n")
        lines.append(f"{head}{clock},SELL,-1,11,-0.25,s{number},EXECUTION\n")
    return "".join(lines).encode()


def queued(owner: User, content: bytes) -> ImportBatch:
    """A batch that waits for a worker."""
    batch = batches.receive(
        owner=owner, chunks=[content], filename="flex.csv", options={"create_accounts": True, "time_zone": "UTC"}
    )
    ImportBatch.objects.filter(pk=batch.pk).update(status=BatchStatus.QUEUED)
    batch.refresh_from_db()
    return batch


@contextmanager
def program(text: str, *arguments: object) -> Iterator[subprocess.Popen[bytes]]:
    """A Python process of the application on the test database; its whole group is gone afterwards."""
    database = f"postgresql://journal_app@/{connection.settings_dict['NAME']}?host={connection.settings_dict['HOST']}"
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "EMBEDDED_SERVICES": "false",
        "DATABASE_URL": database,
        "REDIS_URL": str(django_settings.CACHES["default"]["LOCATION"]),
        "BROKER_URL": broker_url(),
        "SECRET_KEY": secrets.token_urlsafe(50),
        "MEDIA_ROOT": str(django_settings.MEDIA_ROOT),
    }
    process = subprocess.Popen(
        [sys.executable, "-c", text, *map(str, arguments)], cwd=PROJECT, env=environment, start_new_session=True
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(PATIENCE)


def again(batch: ImportBatch) -> ImportBatch:
    batch.refresh_from_db()
    return batch


def is_at_work(batch: ImportBatch) -> bool:
    """Whether some transaction holds the batch."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = %s AND classid = 7301", [batch.pk]
        )
        return cursor.fetchone() is not None


def counts(owner: User) -> dict[str, int]:
    return {
        model.__name__: model._base_manager.count()
        for model in (Execution, Trade, Position, ImportRow, Account, Instrument, DayRollup)
    }


NOTHING = dict.fromkeys(("Execution", "Trade", "Position", "ImportRow", "Account", "Instrument", "DayRollup"), 0)


@pytest.mark.parametrize("moment", ["while it reads", "once all is written"])
def test_an_import_whose_process_is_killed_leaves_nothing_and_is_finished_by_the_sweep(
    moment: str, stands: Path
) -> None:
    owner = make_user()
    batch = queued(owner, pairs(5_500))
    with program(RUN, batch.pk, moment, stands) as process:
        until(stands.exists)
        assert is_at_work(batch)
        process.kill()
        process.wait(PATIENCE)
    until(lambda: not is_at_work(batch))

    assert counts(owner) == NOTHING
    assert (again(batch).status, batch.attempts) == (BatchStatus.RUNNING, 1)

    until(lambda: batch in batches.unfinished())
    tasks.sweep_imports()

    assert (again(batch).status, batch.attempts, batch.result["new"]) == (BatchStatus.APPLIED, 2, 11_000)
    assert (Trade.objects.count(), ImportRow.objects.count(), Account.objects.count()) == (5_500, 11_000, 3)
    assert reports.aggregate_metrics(owner).figures.net_pnl == Decimal(2_750)
    call_command("recompute_metrics", "--check")


def test_a_file_that_kills_its_worker_is_given_up_after_three_times() -> None:
    batch = queued(make_user(), pairs(10))
    ImportBatch.objects.filter(pk=batch.pk).update(attempts=batches.LARGEST_ATTEMPTS, status=BatchStatus.RUNNING)

    batches.run(again(batch))

    assert (again(batch).status, batch.error_code) == (BatchStatus.REFUSED, "gave_up")
    assert not Execution.objects.exists()


def children(process: subprocess.Popen[bytes]) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it ended while we looked
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
            if int(parent) == process.pid and state != "Z":
                found.append(int(stat.parent.name))
    return found


def test_a_worker_imports_and_computes_and_its_killed_child_is_followed_by_another(stands: Path) -> None:
    owner = make_user()
    batch = queued(owner, pairs(40))
    with program(WORKER, "careful", stands) as worker:
        tasks.run_import.delay(batch.pk)
        until(lambda: again(batch).status == BatchStatus.APPLIED)
        # Nobody reads: the worker alone brings the sums up to date.
        until(lambda: DayRollup.objects.exists() and not rollups.stale_count(owner.pk))
        assert sum(DayRollup.objects.values_list("net_pnl", flat=True)) == Decimal(20)

        # As autovacuum does between imports: what is known of the tables is now that they are small.
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
        large = queued(owner, pairs(5_500))
        tasks.run_import.delay(large.pk)
        until(stands.exists)
        (child,) = children(worker)
        os.kill(child, signal.SIGKILL)
        until(lambda: again(large).status == BatchStatus.APPLIED)

        assert (large.attempts, large.result["new"], large.result["duplicates"]) == (2, 11_000 - 80, 80)
        until(lambda: not rollups.stale_count(owner.pk))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # it comes round again before anybody checks
    call_command("recompute_metrics", "--check")


def test_a_worker_comes_back_to_a_batch_that_a_dying_session_still_holds(stands: Path) -> None:
    batch = queued(make_user(), pairs(40))
    with program(WORKER, "careful", stands):
        with transaction.atomic():
            assert pipeline.lock_batch(batch.pk)
            tasks.run_import.delay(batch.pk)
            until(lambda: queue().llen("celery:celery") == 0)
            time.sleep(1)
        assert again(batch).status == BatchStatus.QUEUED

        until(lambda: again(batch).status == BatchStatus.APPLIED)

    assert batch.result["new"] == 80


def test_a_worker_that_loses_its_message_leaves_the_work_to_the_sweep(stands: Path) -> None:
    """The control: as Celery is by default, a killed child takes its task with it. The sweep does not need it."""
    batch = queued(make_user(), pairs(5_500))
    with program(WORKER, "careless", stands) as worker:
        tasks.run_import.delay(batch.pk)
        until(stands.exists)
        (child,) = children(worker)
        os.kill(child, signal.SIGKILL)
        until(lambda: children(worker) not in ([], [child]))
        time.sleep(2)
        assert (again(batch).status, batch.attempts) == (BatchStatus.RUNNING, 1)

    until(lambda: not is_at_work(batch))
    tasks.sweep_imports()

    assert (again(batch).status, batch.attempts, batch.result["new"]) == (BatchStatus.APPLIED, 2, 11_000)


def test_lost_messages_are_found_by_the_sweep() -> None:
    owner = make_user()
    account = make_account(owner)
    for number in range(5):
        make_trade(account, day=date(2026, 1, 5) + timedelta(days=number), pnl="10")
    # For each trade one to work out its day, and one to judge the breakers.
    until(lambda: queue().llen("celery:celery") == 10)

    queue().flushdb()

    assert rollups.stale_count(owner.pk) == 5
    assert journal_tasks.sweep_stale_days() == 5
    assert rollups.stale_count(owner.pk) == 0
    assert sum(DayRollup.objects.values_list("net_pnl", flat=True)) == Decimal(50)


def test_one_task_delivered_ten_times_at_once_does_its_work_once() -> None:
    batch = queued(make_user(), pairs(300))

    done_at_once(*[lambda: tasks.run_import(batch.pk)] * 10)

    assert (again(batch).status, batch.attempts, batch.result["new"]) == (BatchStatus.APPLIED, 1, 600)


def test_without_the_batchs_lock_ten_deliveries_would_all_import(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control."""
    all_came = threading.Barrier(10, timeout=30)

    def lets_all_in(batch_id: int) -> bool:
        all_came.wait()
        return True

    monkeypatch.setattr(pipeline, "lock_batch", lets_all_in)
    batch = queued(make_user(), pairs(300))

    at_once(*[lambda: tasks.run_import(batch.pk)] * 10)

    assert again(batch).attempts > 1


def test_one_file_sent_six_times_at_once_is_in_once() -> None:
    owner = make_user()
    copies = [queued(owner, pairs(100)) for _ in range(6)]

    done_at_once(*[lambda batch=batch: tasks.run_import(batch.pk) for batch in copies])

    assert {again(batch).status for batch in copies} == {BatchStatus.APPLIED}
    assert sorted(batch.result["new"] for batch in copies) == [0, 0, 0, 0, 0, 200]
    assert (Execution.objects.count(), Account.objects.count()) == (200, 3)
    assert reports.aggregate_metrics(owner).figures.net_pnl == Decimal(50)


def test_an_import_that_makes_an_account_does_not_deadlock_with_a_trade_entered_in_another() -> None:
    owner = make_user()
    make_account(owner, "Old", number="U0", broker="Interactive Brokers")
    rounds = [queued(owner, pairs(40, accounts=number)) for number in range(2, 7)]
    account = Account.objects.get(name="Old")
    done = threading.Event()

    def imports() -> None:
        for batch in rounds:
            tasks.run_import(batch.pk)
        done.set()

    def enters() -> None:
        number = 0
        while not done.is_set():
            make_trade(account, day=date(2026, 2, 5), pnl="1", symbol=f"T{number % 5}")
            number += 1

    done_at_once(imports, enters)

    assert {again(batch).status for batch in rounds} == {BatchStatus.APPLIED}
    journal_tasks.sweep_stale_days()
    call_command("recompute_metrics", "--check")


def test_writes_to_many_accounts_at_once_move_the_version_on_by_their_number() -> None:
    owner = make_user()
    accounts = [make_account(owner) for _ in range(8)]
    before = versions.current(owner.pk)

    done_at_once(*[lambda account=account: make_trade(account, day=date(2026, 1, 5), pnl="3") for account in accounts])

    assert versions.current(owner.pk) >= before + 8
    assert reports.aggregate_metrics(owner).figures.net_pnl == Decimal(24)
    call_command("recompute_metrics", "--check")


def test_a_version_that_is_read_and_written_back_would_lose_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: two changes leave one step behind, and what was kept in between would be shown for both."""
    owner = make_user()
    accounts = [make_account(owner) for _ in range(8)]
    versions.bump(owner.pk)
    before = versions.current(owner.pk)

    all_read, here = threading.Barrier(8, timeout=PATIENCE), threading.local()

    def careless(owner_id: int) -> int:
        read = versions.current(owner_id)
        if not hasattr(here, "has_read"):
            here.has_read = True
            all_read.wait()
        with connection.cursor() as cursor:
            cursor.execute("UPDATE accounts_ownerversion SET version = %s WHERE owner_id = %s", [read + 1, owner_id])
        return read + 1

    monkeypatch.setattr(versions, "bump", careless)

    at_once(*[lambda account=account: make_trade(account, day=date(2026, 1, 5), pnl="3") for account in accounts])

    assert versions.current(owner.pk) < before + 8


def test_recomputes_at_once_while_somebody_trades_leave_the_truth() -> None:
    owner = make_user()
    account = make_account(owner)
    done = threading.Event()

    def trade() -> None:
        for number in range(25):
            make_trade(account, day=date(2026, 1, 5 + number % 4), pnl=str(number), symbol=f"S{number % 3}")
        done.set()

    def compute() -> None:
        while not done.is_set():
            journal_tasks.recompute_owner(owner.pk)

    done_at_once(trade, compute, compute, lambda: call_command("recompute_metrics", "--all"))

    journal_tasks.sweep_stale_days()
    assert sum(DayRollup.objects.values_list("net_pnl", flat=True)) == Decimal(300)
    call_command("recompute_metrics", "--check")
