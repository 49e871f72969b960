"""What Alpaca says by itself, and what comparing finds: in any order, however often, and however much is missed."""

import itertools
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.errors import DomainError
from accounts.models import Account, BrokerConnection, Portfolio, User
from tests.factories import make_user
from tests.trading.brokers import (
    compared,
    connected,
    driven,
    held,
    seconds_of,
    sent,
    standing_in,
    stored,
    ten,
    told,
    units,
)
from tests.trading.desk import broken, cash, share, ticket
from tests.waiting import PATIENCE, done_at_once, until
from trading import orders
from trading.models import Execution, Order, OrderAttempt, OrderCommand
from trading.order_tickets import ticket_of
from trading.venues import sending
from trading.venues.listening import Listener
from trading.venues.reconciling import Kind
from trading.venues.stand_in.server import StandIn

D = Decimal


@pytest.fixture
def _left_to_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is stored is not sent by itself after the commit."""
    monkeypatch.setattr("trading.receivers.publishing.after_commit", lambda *_: None)


@pytest.fixture
def it(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    with standing_in(settings, monkeypatch) as stand_in:
        yield stand_in


def end_of(account: Account, order: Order) -> tuple[Any, ...]:
    """Order, position and cash as they are in the end."""
    order.refresh_from_db()
    return (
        order.status, order.filled_quantity, order.filled_average_price, order.traded_amount, units(account),
        cash(account),
    )  # fmt: skip


@pytest.mark.django_db
def test_any_order_and_repetition_of_the_events_ends_in_the_same_order_position_and_cash(
    alice: User, it: StandIn
) -> None:
    """new, two fills, and the cancellation of the rest: eight of the 24 orders, each message up to three times."""
    acme, chance = share(), random.Random(4)
    ends = set()
    it.broker.is_holding = True
    chosen = [(0, 1, 2, 3), (3, 2, 1, 0), *chance.sample([*itertools.permutations(range(4))], 6)]
    for number, permutation in enumerate(chosen):
        account = connected(make_user(f"{number}@example.com"), it)
        order = sent(account, acme, ten(), f"c-{number}")
        it.broker.fill(str(order.broker_order_id), "4", "49.50")
        it.broker.fill(str(order.broker_order_id), "3", "50")
        it.broker.end(str(order.broker_order_id), "canceled")
        messages = held(it)
        assert [each["data"]["event"] for each in messages] == ["new", "partial_fill", "partial_fill", "canceled"]
        told(account, *(messages[place] for place in permutation for _ in range(chance.randint(1, 3))))
        ends.add(repr(end_of(account, order)))
        assert Execution.objects.filter(account=account).count() == 2
    # 4 at 49.50 and 3 at 50 are 348, at 49.714285714286 each.
    assert ends == {
        repr(("canceled", D("7.000000000000"), D("49.714285714286"), D("-348.00000000"), {"ACME": D("7.000000000000")},
              (D("9652.00000000"), D("0E-8"))))
    }  # fmt: skip
    assert broken() == []


@pytest.mark.django_db
def test_fills_that_the_stream_missed_are_found_and_count_once_when_it_tells_them_after_all(
    alice: User, it: StandIn
) -> None:
    account = connected(alice, it)
    it.broker.is_holding = True
    order = sent(account, share(), ten())
    it.broker.fill(str(order.broker_order_id), "4", "50")
    it.broker.fill(str(order.broker_order_id), "4", "50")
    it.broker.fill(str(order.broker_order_id), "2", "50")
    messages = held(it)
    told(account, messages[2])
    found = compared(account)
    assert [(each.kind, each.there, each.is_repaired) for each in found.differences] == [
        (Kind.FILL, "4 at 50", True), (Kind.FILL, "2 at 50", True),
    ]  # fmt: skip
    told(account, *messages, *reversed(messages))
    assert end_of(account, order)[0] == "filled"
    assert (units(account), cash(account), Execution.objects.count()) == ({"ACME": D(10)}, (D(9500), D(0)), 3)
    again = compared(account)
    assert (again.differences, again.fills) == ([], 3)
    assert broken() == []


@pytest.mark.django_db
def test_orders_that_were_placed_elsewhere_are_taken_over_with_their_fills(alice: User, it: StandIn) -> None:
    account = connected(alice, it)
    it.broker.is_mute = True
    body = {"symbol": "ACME", "side": "buy", "type": "limit", "time_in_force": "day", "qty": "10", "limit_price": "20"}
    done, open_one = it.broker.place(body), it.broker.place({**body, "limit_price": "19"})
    it.broker.fill(done["id"], "10", "20")
    before = (Order.objects.count(), cash(account), units(account))
    out = StringIO()
    call_command("reconcile", "--dry-run", stdout=out)
    assert "would be (placed elsewhere, taken over)" in out.getvalue()
    assert (Order.objects.count(), cash(account), units(account)) == before == (0, (D(10000), D(0)), {})
    out = StringIO()
    call_command("reconcile", "--account", str(account.public_id), stdout=out)
    assert [line.split()[:3] for line in out.getvalue().splitlines()[1:]] == [
        ["what", "which", "here"], ["order", "buy", "ACME"], ["fill", "buy", "ACME"], ["order", "buy", "ACME"],
    ]  # fmt: skip
    filled, waiting = Order.objects.order_by("filled_quantity").reverse()
    assert (filled.status, filled.source, filled.broker_order_id) == ("filled", "reconciliation", done["id"])
    assert (waiting.status, waiting.reserved_amount, waiting.broker_order_id) == ("new", D(190), open_one["id"])
    # 10 at 20 are paid, 10 at 19 are set aside.
    assert (cash(account), units(account)) == ((D(9610), D(190)), {"ACME": D(10)})
    assert compared(account).differences == []
    assert broken() == []


@pytest.mark.django_db
def test_an_order_that_ended_unheard_ends_and_what_cannot_be_repaired_is_told_with_exit_code_1(
    alice: User, it: StandIn
) -> None:
    account = connected(alice, it)
    it.broker.is_mute = True
    order = sent(account, share(), ten())
    it.broker.fill(str(order.broker_order_id), "3", "50")
    it.broker.end(str(order.broker_order_id), "expired")
    assert [each.is_repaired for each in compared(account).differences] == [True, True]
    order.refresh_from_db()
    assert (order.status, order.filled_quantity, order.reserved_amount) == ("expired", D(3), D(0))
    it.broker.positions["GIFT"] = D(7)
    it.broker.cash += D("12.34")
    out = StringIO()
    with pytest.raises(CommandError) as refused:
        call_command("reconcile", stdout=out)
    assert refused.value.returncode == 1
    assert [line.split() for line in out.getvalue().splitlines()[2:]] == [
        ["position", "GIFT", "0", "7", "NO"], ["cash", "USD", "9850", "9862.34", "NO"],
    ]  # fmt: skip
    assert (units(account), cash(account)) == ({"ACME": D(3)}, (D(9850), D(0)))
    assert BrokerConnection.objects.get(account=account).differences == 2
    it.broker.positions.pop("GIFT")
    call_command("reconcile", "--accept-cash", stdout=StringIO())
    assert cash(account) == (D("9862.34"), D(0))
    order = sent(account, share("GONE"), ten())
    it.broker.orders.pop(str(order.broker_order_id))
    (lost,) = compared(account).left
    assert (lost.kind, lost.there, lost.words) == (Kind.ORDER, "-", "the broker does not have it")
    it.faults.clear()
    it.suffer("error", method="GET", path="/v2/account")
    with pytest.raises(CommandError, match="1 accounts could not be compared"):
        call_command("reconcile", stdout=StringIO(), stderr=StringIO())
    assert broken() == []


@pytest.mark.django_db
def test_money_that_moved_at_the_broker_is_in_the_ledger_once_and_the_first_difference_is_the_opening(
    alice: User, it: StandIn
) -> None:
    account = connected(alice, it)
    BrokerConnection.objects.filter(account=account).update(reconciled_at=None)
    it.broker.cash += D("500.50")
    (opening,) = compared(account).differences
    assert (opening.here, opening.there, opening.is_repaired) == ("10000", "10500.5", True)
    it.broker.pay("DIV", "1.02")
    it.broker.pay("CSW", "-100")
    it.broker.pay("FEE", "-0.03")
    assert [each.is_repaired for each in compared(account).differences] == [True] * 3
    assert (compared(account).differences, cash(account)) == ([], (D("10401.49"), D(0)))
    kinds = Portfolio.objects.get(account=account).entries.order_by("id").values_list("kind", "available_change")
    assert [*kinds][1:] == [
        ("deposit", D("500.5")), ("adjustment", D("1.02")), ("withdrawal", D(-100)), ("fee", D("-0.03")),
    ]  # fmt: skip
    assert broken() == []


@pytest.mark.django_db
def test_a_request_of_which_the_broker_shows_no_sign_is_over(alice: User, it: StandIn) -> None:
    account = connected(alice, it)
    order = sent(account, share(), ten())
    orders.cancel(order)
    OrderCommand.objects.filter(order=order, kind="cancel").delete()
    compared(account)
    order.refresh_from_db()
    assert order.status == "new"
    it.broker.keeps_requests = True
    orders.cancel(order)
    driven(order)
    compared(account)
    order.refresh_from_db()
    assert (order.status, it.broker.found(str(order.broker_order_id))["status"]) == ("pending_cancel", "pending_cancel")


# --- real connections, real processes -----------------------------------------------------------------


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_the_listener_hears_comes_back_and_takes_what_it_missed(it: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut off in the middle of fills, refused for a while, and stopped: nothing is missed, and nothing counts twice."""
    monkeypatch.setattr("trading.venues.listening.FIRST_WAIT", 0.05)
    monkeypatch.setattr("trading.venues.listening.LONGEST_WAIT", 0.2)
    account = connected(make_user("alice@example.com"), it)
    # Sent by the task, after the commit.
    order = stored(account, share(), ten())
    order.refresh_from_db()
    row, stop = BrokerConnection.objects.get(account=account), threading.Event()
    thread = threading.Thread(target=Listener(row.pk, stop=stop).run)
    thread.start()
    try:
        it.wait_for_stream(seconds=PATIENCE)
        it.broker.fill(str(order.broker_order_id), "4", "50")
        until(lambda: units(account) == {"ACME": D(4)})
        it.is_refusing_streams = True
        it.drop_streams()
        until(lambda: BrokerConnection.objects.get(pk=row.pk).stream_state == "down")
        it.broker.fill(str(order.broker_order_id), "3", "50")
        it.is_refusing_streams = False
        it.wait_for_stream(seconds=PATIENCE)
        it.broker.fill(str(order.broker_order_id), "3", "50")
        until(lambda: Order.objects.get(pk=order.pk).status == "filled")
        until(lambda: BrokerConnection.objects.get(pk=row.pk).stream_state == "live")
    finally:
        stop.set()
        thread.join(PATIENCE)
    assert not thread.is_alive()
    state = BrokerConnection.objects.get(pk=row.pk)
    assert (state.stream_state, state.reconciled_at is not None) == ("off", True)
    assert (units(account), cash(account), Execution.objects.count()) == ({"ACME": D(10)}, (D(9500), D(0)), 3)
    assert compared(account).differences == []
    assert broken() == []


@pytest.mark.postgres
@pytest.mark.usefixtures("_left_to_the_test")
@pytest.mark.django_db(transaction=True)
def test_many_workers_send_one_command_once(it: StandIn) -> None:
    """F5, F27: eight workers on one command, all at once."""
    account = connected(make_user("alice@example.com"), it)
    order = stored(account, share(), ten())
    command = OrderCommand.objects.get(order=order).pk
    said = done_at_once(*[lambda: sending.send(command)] * 8)
    assert sorted(said) == [""] * 7 + ["done"]
    assert (it.count("POST"), OrderAttempt.objects.count(), len(it.broker.orders)) == (1, 1, 1)
    assert broken() == []


_WORKER = """
import os, signal, sys
import django
django.setup()
from trading.order_tickets import ticket_of
from trading.venues import sending
from trading.venues.alpaca_client import Client
ask = Client._ask
def dies(self, method, *args, **more):
    if sys.argv[2] == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    ask(self, method, *args, **more)
    os.kill(os.getpid(), signal.SIGKILL)
Client._ask = dies
sending.send(int(sys.argv[1]))
"""


@pytest.mark.postgres
@pytest.mark.usefixtures("_left_to_the_test")
@pytest.mark.django_db(transaction=True)
def test_a_worker_that_is_killed_around_the_call_leaves_one_order(it: StandIn, settings: Any) -> None:
    """F2, F3: SIGKILL between storing and calling, and between the call and its answer; another worker ends it."""
    account = connected(make_user("alice@example.com"), it)
    acme = share()
    url = connection.get_connection_params()
    environment = {**os.environ, "TEST_ALPACA_URL": it.url, "DJANGO_SETTINGS_MODULE": "tests.settings",
                   "CREDENTIALS_KEY": settings.CREDENTIALS_KEYS[0]}  # fmt: skip
    environment |= {"DATABASE_URL": _url(url), "MIGRATION_DATABASE_URL": _url(url), "REDIS_URL": settings.REDIS_URL}
    for name, requests in (("before", 1), ("after", 1)):
        it.requests.clear()
        order = stored(account, acme, ten(), name)
        command = OrderCommand.objects.get(order=order)
        dead = subprocess.run([sys.executable, "-c", _WORKER, str(command.pk), name], env=environment, check=False)
        assert dead.returncode == -signal.SIGKILL
        order.refresh_from_db()
        assert (order.status, driven(order).status) == ("pending_submit", "pending_submit")
        OrderCommand.objects.filter(pk=command.pk).update(lease_until=order.created_at)
        assert driven(order).status in ("new", "pending_new")
        assert (it.count("POST"), it.broker.of_client(name)["id"]) == (requests, order.broker_order_id)
        it.broker.fill(str(order.broker_order_id), "10", "50")
    assert len(it.broker.orders) == 2
    assert [each.is_repaired for each in compared(account).differences] == [True, True]
    assert (units(account), cash(account)) == ({"ACME": D(20)}, (D(9000), D(0)))
    assert compared(account).differences == []
    assert broken() == []


def _url(params: dict[str, Any]) -> str:
    return f"postgresql://{params['user']}@/{params['dbname']}?host={params['host']}" + (
        f"&port={params['port']}" if params.get("port") else ""
    )


@pytest.mark.django_db
@pytest.mark.parametrize("seed", [7])
def test_a_day_of_faults_ends_as_the_broker_has_it(alice: User, it: StandIn, seed: int) -> None:
    """Orders, fills, cancellations and replacements at random; requests fail, messages are lost, late and repeated."""
    chance = random.Random(seed)
    account, instruments = connected(alice, it), [share("AAA"), share("BBB")]
    it.broker.is_holding = True
    faults = ("silence_after", "error_after", "cut_after", "error", "cut", "limit")
    known: list[Any] = []
    for step in range(25):
        if chance.random() < 0.3:
            kind, method = chance.choice(faults), chance.choice(("POST", "DELETE", "PATCH"))
            it.suffer(kind, method=method, seconds=seconds_of(kind))
        _act(chance, account, instruments, it, step)
        known += [message for message in held(it) if chance.random() < 0.8]
        chance.shuffle(known)
        told(account, *known[: chance.randint(0, 4)])
    it.faults.clear()
    for order in Order.objects.live().filter(account=account):
        driven(order)
    compared(account)
    for order in Order.objects.live().filter(account=account):
        orders.cancel(order)
        driven(order)
    compared(account)
    assert [each for each in compared(account).differences if not each.is_repaired] == []
    chance.shuffle(known)
    told(account, *known, *held(it))
    assert compared(account).differences == []
    assert units(account) == {symbol: held_there for symbol, held_there in it.broker.positions.items() if held_there}
    portfolio = Portfolio.objects.get(account=account)
    assert (portfolio.available_balance, portfolio.reserved_balance) == (it.broker.cash, D(0))
    assert not Order.objects.live().filter(account=account).exists()
    assert broken() == []


def _act(chance: random.Random, account: Account, instruments: list[Any], it: StandIn, step: int) -> None:
    """One thing that somebody, or the market, does."""
    live = list(Order.objects.live().filter(account=account).order_by("id"))
    at_the_broker = [each for each in it.broker.open() if Decimal(each["filled_qty"]) < Decimal(each["qty"])]
    act = chance.choice(("place", "place", "fill", "fill", "fill", "cancel", "replace", "compare"))
    try:
        if act == "place":
            asked = ticket("buy", str(chance.randint(1, 9)), "limit", limit_price="20", time_in_force="day")
            driven(stored(account, chance.choice(instruments), asked, f"s-{step}"))
        elif act == "fill" and at_the_broker:
            order = chance.choice(at_the_broker)
            left = int(Decimal(order["qty"]) - Decimal(order["filled_qty"]))
            it.broker.fill(order["id"], str(chance.randint(1, left)), chance.choice(("19.50", "20")))
        elif act == "cancel" and live:
            driven(_canceled(chance.choice(live)))
        elif act == "replace" and live:
            order = chance.choice(live)
            asked = replace(ticket_of(order), limit_price=D(19), quantity=(order.quantity or D(0)) + 1)
            orders.replace_order(order, ticket=asked)
            driven(order)
        elif act == "compare":
            compared(account)
    except DomainError:
        # It had moved on, as it may.
        return


def _canceled(order: Order) -> Order:
    orders.cancel(order)
    return order
