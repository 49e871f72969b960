"""Orders over HTTP while the real servers die: each that was answered is there, each is there once, and all adds up.

A PostgreSQL, a Valkey, a web server and a worker of its own, which these tests may kill. The numbers are those of the
faults in the specification of reliability; DESK_REQUESTS=1000 sends as many as it says, DESK_SENDERS=1000 over as many
connections.
"""

import json
import os
import secrets
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from itertools import count, islice
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import Account, LedgerEntry
from tests.desk.sending import sent_by_many
from tests.desk.servers import Desk, Program, ask, children, kill_one
from tests.trading.desk import broken, cash, funded, placed, quoted, share, ticket
from tests.waiting import PATIENCE, until
from trading import exit_orders, exit_plans, order_sweeps
from trading.exits.plans import simple_plan
from trading.models import Execution, Instrument, ManagedPosition, Order, PlanExit, Quote
from trading.venues import paper

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
D = Decimal
#: How many equal, and how many different orders are sent at once.
REQUESTS = int(os.environ.get("DESK_REQUESTS", "50"))
#: By so many clients, each with a connection of its own.
SENDERS = int(os.environ.get("DESK_SENDERS", "25"))


def an_order(account: Account, name: str, *, fills: bool = False) -> dict[str, str]:
    """An order to buy one: at 50, where nobody sells, or at the market."""
    priced = {"type": "market"} if fills else {"type": "limit", "limit_price": "50"}
    return {
        "account": str(account.public_id), "symbol": "ACME", "side": "buy", "time_in_force": "gtc", "quantity": "1",
        "client_order_id": name, **priced,
    }  # fmt: skip


def orders_for(account: Account, fault: str) -> Iterator[dict[str, str]]:
    """Orders without end, of which every tenth fills."""
    return (an_order(account, f"{fault}-{number}", fills=number % 10 == 0) for number in count())


def the_market(desk: Desk) -> tuple[Account, Instrument]:
    """An account with money, and a share that is quoted now."""
    account = funded(desk.owner, "1000000", name=f"Desk {uuid4()}")
    acme = Instrument.objects.filter(symbol="ACME").first() or share()
    quoted(acme, "99.90", "100")
    return account, acme


def all_is_well(account: Account, answers: dict[str, list[tuple[int, Any]]]) -> None:
    """Each was answered and is there once, what nobody matched is matched, and everything adds up."""
    connection.close()
    quoted(Instrument.objects.get(symbol="ACME"), "99.90", "100")
    order_sweeps.match_unmatched(at=timezone.now() + timedelta(seconds=3))
    orders = dict(Order.objects.filter(account=account).values_list("client_order_id", "public_id"))
    assert {name: str(key) for name, key in orders.items()} == {
        name: told[0][1]["id"] for name, told in answers.items()
    }
    filled = sum(int(name.rpartition("-")[2]) % 10 == 0 for name in answers)
    rest = len(answers) - filled
    assert Order.objects.filter(account=account, status="filled").count() == filled
    assert Order.objects.filter(account=account, status="new").count() == rest
    assert Execution.objects.filter(account=account).count() == filled
    assert cash(account) == (D(1_000_000 - 100 * filled - 50 * rest), D(50 * rest))
    assert broken() == []


# --- the faults --------------------------------------------------------------------------------------


def test_web_workers_that_are_killed_while_orders_come_lose_none_and_double_none(desk: Desk) -> None:
    """F1, at random: each worker of the web server is killed amid the orders of eight clients, and then any of them.

    Each, because one of them may have all the connections: whichever has them, it is among the killed. Of many orders,
    as DESK_REQUESTS says, every two hundredth kills one.
    """
    account, acme = the_market(desk)
    workers = children(desk.web)
    kills = max(len(workers), REQUESTS // 200)
    between = max(10, REQUESTS // kills)

    def kill() -> None:
        for number in range(kills):
            until(lambda number=number: Order.objects.filter(account=account).count() >= between * (number + 1))
            # Else it is too old before many orders are through.
            quoted(acme, "99.90", "100")
            kill_one(desk.web, workers[number] if number < len(workers) else None)

    sent = sent_by_many(desk, orders_for(account, "f1"), senders=8, pause=0.05, meanwhile=kill)

    assert len(workers) == 2
    assert sent.seen["lost"] > 0
    assert set(sent.seen) <= {200, 201, 503, "lost"}
    all_is_well(account, sent.answers)


def test_one_client_id_sent_very_often_at_once_is_one_order_though_a_worker_is_killed(desk: Desk) -> None:
    """F27."""
    account, _ = the_market(desk)

    def kill() -> None:
        until(lambda: Order.objects.filter(account=account).exists())
        os.kill(secrets.choice(children(desk.web)), signal.SIGKILL)

    bodies = [an_order(account, "one") for _ in range(REQUESTS)]
    sent = sent_by_many(desk, bodies, senders=SENDERS, meanwhile=kill)

    connection.close()
    told = sent.answers["one"]
    assert len(told) == REQUESTS
    assert set(sent.seen) <= {200, 201, "lost"}
    assert sum(status == 201 for status, _ in told) <= 1
    assert {json.dumps(body, sort_keys=True) for _, body in told} == {json.dumps(told[0][1], sort_keys=True)}
    assert Order.objects.get(account=account).status == "new"
    assert LedgerEntry.objects.filter(portfolio__account=account, kind="reserve").count() == 1
    assert cash(account) == (D(999_950), D(50))
    assert broken() == []


def test_very_many_orders_at_once_in_one_account_and_in_many_lose_no_change(desk: Desk) -> None:
    """F28: as many in one account, and as many spread over a tenth as many accounts."""
    account, _ = the_market(desk)
    accounts = [funded(desk.owner, "1000", name=f"Many {uuid4()}") for _ in range(REQUESTS // 10)]
    spread = [an_order(accounts[number % len(accounts)], f"many-{number}") for number in range(REQUESTS // 10 * 10)]

    one = sent_by_many(desk, islice(orders_for(account, "f28"), REQUESTS), senders=SENDERS)
    many = sent_by_many(desk, spread, senders=SENDERS)

    assert set(one.seen) == set(many.seen) == {201}
    assert len(one.answers) == REQUESTS
    all_is_well(account, one.answers)
    assert {cash(each) for each in accounts} == {(D(500), D(500))}


def test_very_many_orders_at_once_spend_no_more_than_there_is(desk: Desk) -> None:
    """Money for half of them: that many stand, whichever came first, and the others are refused for it."""
    the_market(desk)
    half = REQUESTS // 2
    account = funded(desk.owner, str(50 * half), name=f"Half {uuid4()}")
    bodies = [an_order(account, f"half-{number}") for number in range(REQUESTS)]

    sent = sent_by_many(desk, bodies, senders=SENDERS)

    connection.close()
    assert sent.seen == {201: half, 422: REQUESTS - half}
    refused = Order.objects.filter(account=account, status="rejected")
    assert {reason["code"] for order in refused for reason in order.reasons} == {"insufficient_funds"}
    assert Order.objects.filter(account=account, status="new").count() == half
    assert cash(account) == (D(0), D(50 * half))
    assert broken() == []


def test_orders_go_on_when_postgresql_dies_crashes_and_is_restarted(desk: Desk) -> None:
    """F13, F14, F15: a backend is killed, the server is killed, stops without a word, and is restarted."""
    account, _ = the_market(desk)
    took: list[float] = []

    def postmaster() -> int:
        return int((desk.place.home / "postgres" / "postmaster.pid").read_text().split()[0])

    def backend() -> int:
        connection.close()
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pid FROM pg_stat_activity WHERE usename = 'journal_app' AND datname = current_database()"
            )
            return int(cursor.fetchone()[0])

    def stored() -> int:
        with suppress(Exception):
            return Order.objects.filter(account=account).count()
        connection.close()
        return -1

    def strike() -> None:
        faults = [
            (backend, signal.SIGKILL), (postmaster, signal.SIGKILL), (postmaster, signal.SIGQUIT),
            (postmaster, signal.SIGINT),
        ]  # fmt: skip
        for number, (which, how) in enumerate(faults):
            until(lambda number=number: stored() >= 10 * (number + 1))
            os.kill(which(), how)
            struck = time.monotonic()
            time.sleep(0.3)
            # New orders come in again; one that was not there before.
            before = -1
            while before < 0:
                before = stored()
            until(lambda before=before: stored() > before)
            took.append(time.monotonic() - struck)

    sent = sent_by_many(desk, orders_for(account, "f13"), senders=6, pause=0.1, meanwhile=strike)

    assert len(took) == 4
    # What the specification says of a backend alone; how long a crash takes to recover from is the machine's.
    assert took[0] < 10, took
    assert sent.seen[503] > 0
    assert set(sent.seen) <= {200, 201, 503, "lost"}
    all_is_well(account, sent.answers)
    # Nobody holds a connection that is gone: whoever asks now is answered.
    after = sent_by_many(desk, [an_order(account, f"after-{number}") for number in range(16)], senders=8)
    assert set(after.seen) == {201}


_WORKER = """
import os, signal, sys
from config.celery import app
from celery import shared_task
@app.task(name="tests.poison")
def poison(path):
    with open(path, "a") as file:
        file.write("x")
    os.kill(os.getpid(), signal.SIGKILL)
app.worker_main(["worker", "-P", "prefork", "-c", "1", "-l", "WARNING", "--without-gossip", "--without-mingle"])
"""


def test_a_worker_that_is_told_to_stop_ends_what_it_does_and_a_poisonous_task_does_not_keep_it_dying(
    desk: Desk, tmp_path: Path
) -> None:
    """F4: SIGTERM and SIGQUIT amid exits of plans; a task that kills whoever does it is given up after three more."""
    account, _ = the_market(desk)
    poisoned = tmp_path / "poisoned"
    for how in (signal.SIGTERM, signal.SIGQUIT):
        with Program(desk, "-c", _WORKER) as worker:
            if not poisoned.exists():
                ask(desk, "tests.poison", str(poisoned))
                until(lambda: poisoned.exists() and len(poisoned.read_text()) == 4)
            bolt = _with_plans(account, f"BOLT{how}", 2)
            for _ in range(3):
                ask(desk, "trading.tasks.watch_plans")
            # Begun, and ended perhaps: the worker does not wait for us to look.
            until(lambda bolt=bolt: PlanExit.objects.filter(managed_position__instrument=bolt).exists())
            worker.process.send_signal(how)
            worker.process.wait(PATIENCE)
        assert broken() == []
        _look_again(bolt)
    assert len(poisoned.read_text()) == 4
    assert Order.objects.filter(source="plan", status="filled").count() == PlanExit.objects.count() == 4
    assert broken() == []


def _with_plans(account: Account, symbol: str, count: int) -> Instrument:
    """A share of which so many plans hold one each, and whose price is below all their stops."""
    bolt = share(symbol)
    quoted(bolt, "10", "10")
    for _ in range(count):
        placed(account, bolt, ticket("buy", "1"))
        exit_plans.open_plan(account, bolt, plan=simple_plan(stop_loss=D("0.2")), quantity=D(1))
    Quote.objects.filter(instrument=bolt).update(bid=D(7), ask=D(7), quoted_at=timezone.now())
    return bolt


def _look_again(bolt: Instrument) -> None:
    """Whoever looks next ends what was begun."""
    quoted(bolt, "7", "7")
    exit_orders.look()
    paper.match(bolt.pk)
    exit_orders.look()
    assert not ManagedPosition.objects.open().exists()
