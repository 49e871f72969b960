"""People act at random over HTTP while web workers, Celery workers and the market are killed: nothing is broken.

F1, F2 and F3 at random, amid everything that the API does at a desk. DESK_OPERATIONS=10000 does as many acts as it
says, and kills as much more often.
"""

import os
import random
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest
from celery import Celery
from django.utils import timezone

from accounts.models import LedgerEntry, Portfolio
from journal import facets
from journal.metrics import rollups
from tests.desk.acts import BY_HAND, SYMBOLS, Done, Person, Trader
from tests.desk.sending import Sender, sending
from tests.desk.servers import PROJECT, Desk, Program, ask, children, kill_one, token_of
from tests.factories import make_user
from tests.trading.desk import funded, share
from tests.waiting import until
from trading import order_sweeps
from trading.invariants import INVARIANTS
from trading.models import (
    Execution,
    ManagedPosition,
    Order,
    PlanExit,
    PlanExitReason,
    PlanRevision,
    Quote,
    RiskLimit,
    TradingSession,
)
from trading.models.order import ENDS
from trading.order_tickets import FRESH

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
D = Decimal
OPERATIONS = int(os.environ.get("DESK_OPERATIONS", "150"))
CLIENTS = 8
#: Each web worker, a child of the worker, and the worker with all its children; then any of them, or the market.
KILLS = max(4, OPERATIONS // 200)
#: Work that finds something to do at any time, for whoever is about to be killed.
TASKS = ("trading.tasks.watch_plans", "trading.tasks.match_left_orders", "trading.tasks.sweep_risk",
         "trading.tasks.expire_orders", "journal.tasks.sweep_stale_days")  # fmt: skip


def people_of(desk: Desk) -> list[Person]:
    """Four with two accounts each, of which every other sells short; and all that they trade."""
    for symbol in ("ACME", "BOLT", BY_HAND):
        share(symbol)
    share("ES", kind="future", multiplier=D(5), margin=D(40))
    assert set(SYMBOLS) <= {"ACME", "BOLT", "ES"}
    people = []
    for number in range(4):
        user = make_user(f"person{number}@example.com")
        accounts = [
            funded(user, "5000", name=f"{number}-{which}", allows_short=which == 0, initial_balance=D(5000))
            for which in range(2)
        ]
        people.append(Person(token_of(user), tuple(str(each.public_id) for each in accounts)))
    return people


@contextmanager
def the_market(desk: Desk, folder: Path) -> Iterator[Program]:
    """Bids and asks that cross what people ask for, from a program of its own."""
    chance = random.Random(0)
    lines = ["symbol,bid,ask,bid_size,ask_size"]
    for _ in range(60_000):
        bid = D(chance.randrange(980, 1020)) / 100
        sizes = f"{chance.randint(1, 40)},{chance.randint(1, 40)}"
        lines.append(f"{chance.choice(SYMBOLS)},{bid},{bid + D('0.02')},{sizes}")
    prices = folder / "prices.csv"
    prices.write_text("\n".join(lines))
    with Program(desk, "manage.py", "paper_market", str(prices), "--interval", "0.05") as market:
        until(lambda: Quote.objects.count() == len(SYMBOLS))
        yield market


def strike(number: int, web: list[int], desk: Desk, worker: Program, market: Program) -> None:
    """One of the processes is killed, and another is in its place or on its way there."""
    for name in TASKS:
        ask(desk, name)
    others = [market.kill_and_start, worker.kill_and_start, worker.kill_child]
    match number:
        case 0 | 1:
            kill_one(desk.web, web[number])
        case 2:
            worker.kill_child()
        case 3:
            worker.kill_and_start()
        case _ if random.random() < 0.5:
            kill_one(desk.web)
        case _:
            random.choice(others)()
    # A child of its own that has not come up yet could not be told from one that was killed.
    until(lambda: len(children(worker.process.pid)) == 2)


def until_there_are(count: int, done: list[Done]) -> None:
    """So many acts are done; as long as there is one more now and then, it may take its time."""
    while len(done) < count:
        before = len(done)
        until(lambda before=before: len(done) > before)


def waiting(desk: Desk) -> dict[str, object]:
    """What waits to be done: messages, stale days, orders that met nothing, exits half way."""
    with Celery(broker=desk.environment["BROKER_URL"]) as app, app.connection_for_read() as queue:
        messages = queue.default_channel.client.llen("celery:celery")
    exits = PlanExit.objects.filter(ended_at=None)
    found = {
        "messages": messages,
        "stale": [*rollups.stale_owners(), *facets.stale_owners()],
        # Stops that wait show no sign of having met anything; later than now none of them is looked for.
        "unmatched": order_sweeps.unmatched(at=timezone.now() + 2 * FRESH),
        "unsettled": list(exits.filter(order__status__in=ENDS)),
        "unplaced": list(exits.filter(order=None, next_attempt_at=None)),
    }
    return {name: each for name, each in found.items() if each}


def verified(desk: Desk, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """What the command that checks every invariant says, run as the application."""
    return subprocess.run(
        [sys.executable, "manage.py", "verify_invariants", *arguments],
        cwd=PROJECT, env={**os.environ, **desk.environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_nothing_is_broken_after_random_acts_of_many_while_web_and_celery_workers_are_killed(
    desk: Desk, tmp_path: Path
) -> None:
    people, done, is_enough = people_of(desk), list[Done](), threading.Event()

    def live(sender: Sender, number: int) -> None:
        trader = Trader(sender, number, people, done)
        while len(done) < OPERATIONS or not is_enough.is_set():
            trader.act()

    clock = ("-m", "celery", "-A", "config", "beat", "-l", "WARNING", "--pidfile=", "-s", str(tmp_path / "beat"))
    workers = ("-m", "celery", "-A", "config", "worker", "-c", "2", "-l", "WARNING", "--without-gossip")
    with Program(desk, *clock), Program(desk, *workers) as worker:
        with the_market(desk, tmp_path) as market:
            until(lambda: len(children(worker.process.pid)) == 2)
            web = children(desk.web)

            def kill() -> None:
                for number in range(KILLS):
                    until_there_are(OPERATIONS * (number + 1) // (KILLS + 1), done)
                    strike(number, web, desk, worker, market)

            seen = sending(desk, live, senders=CLIENTS, meanwhile=kill, is_enough=is_enough)
        until(lambda: not waiting(desk))

    assert len(done) >= OPERATIONS
    assert seen["lost"] > 0
    assert seen[500] == 0, seen
    assert Order.objects.filter(status="filled").exists()
    told = verified(desk)
    assert (told.returncode, told.stdout.strip()) == (0, f"All {len(INVARIANTS) + 1} invariants hold."), told
    each_is_there_once(done)
    # Had one row been otherwise, the command would have said so.
    portfolio = Portfolio.objects.latest("id")
    Portfolio.objects.filter(pk=portfolio.pk).update(available_balance=portfolio.available_balance + 1)
    told = verified(desk, "--only", "balances")
    assert told.returncode == 1
    assert str(portfolio.public_id) in told.stdout


def each_is_there_once(done: list[Done]) -> None:
    """What was answered is in the database as it was answered, and nothing else is."""
    assert {each.status for each in done} <= {200, 201, 204, 400, 404, 409, 422}
    placed = Order.objects.filter(parent=None).values_list("client_order_id", "public_id")
    of_people = {name: str(key) for name, key in placed if not name.startswith(("flatten:", "mp:"))}
    assert _orders_told(done) == of_people
    flattening = [key for each in done if each.kind == "flatten" for key in each.told["orders"]]
    flat = Order.objects.filter(client_order_id__startswith="flatten:").values_list("public_id", flat=True)
    assert Counter(flattening) == Counter(map(str, flat))
    moved = LedgerEntry.objects.filter(kind__in=["deposit", "withdrawal", "adjustment"])
    for kind, rows in {
        "cash": moved.exclude(idempotency_key="opening"),
        "plan": ManagedPosition.objects.filter(entry_order=None),
        "session": TradingSession.objects.all(),
    }.items():
        assert Counter(_made(done, kind)) == Counter(map(str, rows.values_list("public_id", flat=True))), kind
    assert set(map(str, RiskLimit.objects.values_list("public_id", flat=True))) <= set(_made(done, "limit"))
    revisions = PlanRevision.objects.exclude(actor_id=None).values_list("managed_position__public_id", "number")
    overridden = [each for each in done if each.kind == "override" and each.status == 200]
    assert Counter((str(key), number) for key, number in revisions) == Counter(
        (each.told["id"], each.body["revision"] + 1) for each in overridden
    )
    closed = PlanExit.objects.filter(reason=PlanExitReason.MANUAL).values_list("managed_position__public_id", flat=True)
    assert Counter(map(str, closed)) == Counter(
        each.told["id"] for each in done if each.kind == "close" and each.status == 200
    )
    entered = Execution.objects.filter(source="manual", corrects=None).values_list("executed_at", flat=True)
    fills = [fill for each in done if each.kind == "trade" and each.status == 201 for fill in each.body["fills"]]
    assert Counter(at.isoformat() for at in entered) == Counter(fill["executed_at"] for fill in fills)


def _made(done: list[Done], kind: str) -> list[str]:
    return [each.told["id"] for each in done if each.kind == kind and each.status == 201]


def _orders_told(done: list[Done]) -> dict[str, str]:
    """By their names the orders that were told of, those that stand as refused among them."""
    told: dict[str, str] = {}
    for each in done:
        if each.kind == "bulk" and each.status == 200:
            for asked, result in zip(each.body["orders"], each.told["results"], strict=True):
                if result["order"] is not None:
                    told[asked["client_order_id"]] = result["order"]["id"]
        elif each.kind in ("order", "replace") and each.status in (200, 201):
            told[each.body["client_order_id"]] = each.told["id"]
        elif each.kind == "order" and each.status == 422 and "order" in each.told["errors"][0]:
            told[each.body["client_order_id"]] = each.told["errors"][0]["order"]
    return told
