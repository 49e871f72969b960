"""A process that is killed at any step of an order leaves nothing half done, and another one ends what it began.

The processes are real ones, killed by SIGKILL at the step that a case names. The numbers are those of the faults in the
specification of reliability.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from accounts import audit, versions
from accounts.models import Account
from tests.factories import make_user
from tests.trading.desk import broken, cash, funded, placed, quoted, share, ticket
from tests.waiting import done_at_once, until
from trading import (
    bulk,
    entry_plans,
    exit_orders,
    exit_plans,
    joint_orders,
    order_facts,
    order_groups,
    order_progress,
    order_sweeps,
    orders,
    rebuilding,
    tasks,
    trades,
)
from trading.exits.plans import simple_plan
from trading.models import Execution, Instrument, ManagedPosition, Order, OrderEvent, PlanExit
from trading.orders import changes, placing
from trading.venues import paper

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
D = Decimal


# --- what is done, by the process that dies and by the one after it ---------------------------------


def _place(name: str) -> None:
    account, acme = Account.objects.get(name="Desk"), Instrument.objects.get(symbol=name)
    intent = orders.Intent(client_order_id=name)
    joint_orders.place_many([orders.Request(account, acme, ticket("buy", "1"), intent)])


def _match(name: str) -> None:
    paper.match(Order.objects.get(client_order_id=name).instrument_id)


def _cancel(name: str) -> None:
    orders.cancel(Order.objects.get(client_order_id=name))


def _replace(name: str) -> None:
    asked = ticket("buy", "2", "limit", limit_price="40")
    orders.replace_order(Order.objects.get(client_order_id=name), ticket=asked, client_order_id=f"{name}-new")


def _expire(_name: str) -> None:
    tasks.expire_orders()


def _look(_name: str) -> None:
    tasks.watch_plans()


CASES: list[tuple[Callable[[str], None], Any, str]] = [
    (_place, order_facts.Facts, "__init__"),
    (_place, placing._Desk, "store"),
    (_place, versions, "move_on"),
    (_place, paper, "arrived"),
    (_match, trades, "changed"),
    (_match, rebuilding, "_old_trades"),
    (_match, bulk, "next_ids"),
    (_match, audit, "written"),
    (_match, entry_plans, "follow"),
    (_cancel, order_progress, "_write"),
    (_cancel, order_groups, "follow"),
    (_replace, changes, "_replaced"),
    (_replace, changes, "place_many"),
    (_expire, changes, "_move"),
    (_expire, order_groups, "follow"),
    (_look, exit_orders, "submit_exits"),
    (_look, orders, "place_many"),
    (_look, exit_orders, "run"),
]


def serve() -> None:
    """For every number and name on a line, a process that does that case until it is killed; says how each ended."""
    for line in sys.stdin:
        number, name = line.split()
        child = os.fork()
        if not child:
            _die(*CASES[int(number)], name)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201 - to whom it works for


def _die(work: Callable[[str], None], place: Any, step: str, name: str) -> None:
    setattr(place, step, lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
    try:
        work(name)
    finally:
        os._exit(1)


_SERVER = "import django; django.setup(); from tests.trading.test_killed_processes import serve; serve()"


@contextmanager
def workers() -> Iterator[Callable[[int, str], int]]:
    """Has a case done by a process of its own on the test database; gives its exit code, negative for a signal."""
    database = connection.settings_dict
    url = f"postgresql://{database['USER']}@/{database['NAME']}?host={database['HOST']}"
    environment = {**os.environ, "DATABASE_URL": url, "MIGRATION_DATABASE_URL": url}
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )

    def done(number: int, name: str) -> int:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{number} {name}\n")
        process.stdin.flush()
        return int(process.stdout.readline())

    try:
        yield done
    finally:
        process.communicate()


def _prepared(work: Callable[[str], None], name: str, account: Account) -> None:
    """What the work begins with is there, in a share of its own, so that what it fills begins a trade."""
    acme, intent = share(name), orders.Intent(client_order_id=name)
    quoted(acme, "99.90", "100")
    if work is _match:
        orders.place(account, instrument=acme, ticket=ticket("buy", "1"), intent=intent)
    elif work in (_cancel, _replace, _expire):
        # What does not expire here has no day that could end meanwhile.
        ends = "day" if work is _expire else "gtc"
        placed(account, acme, ticket("buy", "2", "limit", limit_price="50", time_in_force=ends), client_order_id=name)
    elif work is _look:
        placed(account, acme, ticket("buy", "1"))
        exit_plans.open_plan(account, acme, plan=simple_plan(stop_loss=D("0.2")))
        quoted(acme, "70", "70")
    if work is _expire:
        Order.objects.filter(client_order_id=name).update(expires_at=timezone.now() - timedelta(seconds=1))


def _ended(work: Callable[[str], None], name: str) -> None:
    """Another process has done what is left of the work, and it has come out once."""
    order = Order.objects.filter(client_order_id=name).first()
    if work not in (_expire, _look) and (work is not _place or order is None):
        work(name)
    if work is _look:
        return
    order = Order.objects.get(client_order_id=name)
    wanted = {_cancel: {"canceled"}, _replace: {"replaced"}, _expire: {"expired"}}.get(work, {"new", "filled"})
    assert order.status in wanted, f"{work.__name__} {name}"
    if work is _replace:
        orders.cancel(Order.objects.get(replaces=order))


def test_a_process_that_is_killed_at_any_step_leaves_nothing_half_done() -> None:
    """F1, F2 and F3: a web worker, a worker's child, and all of them, with nobody to go on until later."""
    account = funded(make_user(), "100000", name="Desk")
    with workers() as killed:
        for number, (work, _place_of, step) in enumerate(CASES):
            _prepared(work, f"CASE{number}", account)
            assert killed(number, f"CASE{number}") == -signal.SIGKILL, f"{work.__name__} never came to {step}"
    _wait_for_the_dead()
    assert broken() == []

    tasks.expire_orders()
    for number, (work, *_) in enumerate(CASES):
        _ended(work, f"CASE{number}")
    order_sweeps.match_unmatched(at=timezone.now() + timedelta(seconds=3))
    tasks.watch_plans()
    order_sweeps.match_unmatched(at=timezone.now() + timedelta(seconds=3))
    tasks.watch_plans()

    bought = sum(work in (_place, _match) for work, *_ in CASES)
    stopped = sum(work is _look for work, *_ in CASES)
    assert Order.objects.filter(status="filled", source="api").count() == bought + stopped
    assert not ManagedPosition.objects.open().exists()
    assert Order.objects.filter(source="plan", status="filled").count() == PlanExit.objects.count() == stopped
    assert Execution.objects.count() == bought + 2 * stopped
    assert cash(account) == (D(100_000 - 100 * bought - 30 * stopped), D(0))
    assert broken() == []


def _wait_for_the_dead() -> None:
    """The server has noticed: what the dead process held is free."""

    def is_free() -> bool:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                "AND state <> 'idle' AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
            return cursor.fetchone() == (0,)

    until(is_free)


def test_one_task_that_is_delivered_ten_times_at_once_does_its_work_once() -> None:
    """F5: the clock's three tasks for orders, all at once, on what each of them finds to do."""
    account, acme, bolt = funded(make_user(), "100000"), share(), share("BOLT")
    quoted(bolt, "10", "10")
    for _ in range(3):
        placed(account, bolt, ticket("buy", "1"))
        exit_plans.open_plan(account, bolt, plan=simple_plan(stop_loss=D("0.2")), quantity=D(1))
    quoted(bolt, "7", "7")
    quoted(acme, "99.90", "100")
    for number in range(3):
        orders.place(
            account, instrument=acme, ticket=ticket("buy", "1"), intent=orders.Intent(client_order_id=f"left-{number}")
        )
        placed(account, acme, ticket("buy", "2", "limit", limit_price="50", time_in_force="day"), f"over-{number}")
    Order.objects.filter(client_order_id__startswith="over").update(expires_at=timezone.now() - timedelta(seconds=1))
    Order.objects.filter(client_order_id__startswith="left").update(created_at=timezone.now() - timedelta(seconds=3))

    done_at_once(*[tasks.watch_plans, tasks.match_left_orders, tasks.expire_orders] * 4)
    tasks.match_left_orders()
    paper.match(bolt.pk)
    tasks.watch_plans()

    assert OrderEvent.objects.filter(event="expired").count() == 3
    assert (PlanExit.objects.count(), ManagedPosition.objects.open().count()) == (3, 0)
    statuses = Order.objects.values_list("client_order_id", "status")
    assert {name: status for name, status in statuses if name.startswith(("left", "over", "mp"))} == (
        {f"left-{number}": "filled" for number in range(3)}
        | {f"over-{number}": "expired" for number in range(3)}
        | {each.client_order_id: "filled" for each in PlanExit.objects.all()}
    )
    assert cash(account) == (D(100_000 - 300 - 9), D(0))
    assert broken() == []
