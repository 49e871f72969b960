"""Orders from many at once: money is never spent twice, one client id is one order, and everything adds up after."""

import os
import random
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError, connection, transaction
from django.utils import timezone

from accounts import audit, ledger
from accounts.errors import DomainError
from accounts.models import Account, AuditEvent, LedgerEntry
from tests.conftest import api_of
from tests.factories import make_user
from tests.trading.desk import broken, cash, funded, share, ticket
from tests.waiting import PATIENCE, at_once, until, until_somebody_waits
from trading import joint_orders, order_facts, order_groups, order_sweeps, orders, risk, trades
from trading.models import Instrument, Order, Quote
from trading.order_rules.broker_events import Fill
from trading.order_rules.vocabulary import OrderClass
from trading.orders import placing
from trading.venues import paper

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
D = Decimal
#: How much the random histories do; more of it where somebody has the time.
OPERATIONS = int(os.environ.get("DESK_OPERATIONS", "60"))
#: Acts between two kills.
KILLED_AFTER = 8 if OPERATIONS < 1000 else 50
THREADS = int(os.environ.get("DESK_THREADS", "4"))
#: One of those who are in the middle of something is gone, as if its process were: what it had not committed with it.
_KILL = """
SELECT pid FROM (
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid() AND state <> 'idle'
    ORDER BY random() LIMIT 1
) busy WHERE pg_terminate_backend(pid)
"""


def _buy(account: Account, acme: Instrument, client_order_id: str = "") -> Callable[[], Any]:
    asked = ticket("buy", "10", "limit", limit_price="10")
    intent = orders.Intent(client_order_id=client_order_id)
    return lambda: orders.place(account, instrument=acme, ticket=asked, intent=intent)


def test_orders_at_once_never_set_aside_more_than_there_is() -> None:
    account, acme = funded(make_user(), "1000"), share()

    answers = at_once(*[_buy(account, acme) for _ in range(16)])

    statuses = sorted(answer.order.status for answer in answers)
    assert statuses == ["new"] * 10 + ["rejected"] * 6
    assert cash(account) == (D(0), D(1000))
    assert broken() == []


def test_without_the_lock_they_would(monkeypatch: pytest.MonkeyPatch) -> None:
    account, acme = funded(make_user(), "1000"), share()
    store, all_read = placing._Desk.store, threading.Barrier(8, timeout=30)

    def once_all_have_read(desk: Any) -> None:
        all_read.wait()
        store(desk)

    monkeypatch.setattr(trades, "locked_accounts", lambda ids: order_facts._accounts.all(ids=list(ids)))
    monkeypatch.setattr(order_facts, "_LOCKED", order_facts._LOCKED.replace("FOR NO KEY UPDATE", ""))
    monkeypatch.setattr(placing._Desk, "store", once_all_have_read)

    at_once(*[_buy(account, acme) for _ in range(8)])

    reserved = sum(order.reserved_amount for order in Order.objects.all())
    assert reserved != cash(account)[1]


def _one_position_in_two_accounts() -> list[str]:
    """What becomes of an order in each of two accounts of somebody who may have one position in all."""
    owner, acme = make_user(), share()
    accounts = [funded(owner, name=name) for name in ("One", "Two")]
    risk.set_limit(owner, max_open_positions=1)
    count, counted = risk.Book.of, threading.Barrier(2)

    def once_both_have_counted(owner_id: int, *, at: datetime) -> Any:
        book = count(owner_id, at=at)
        with suppress(threading.BrokenBarrierError):
            counted.wait(1)
        return book

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(risk.Book, "of", once_both_have_counted)
        answers = at_once(*[_buy(account, acme) for account in accounts])
    return sorted(answer.order.status for answer in answers)


def test_a_limit_over_all_accounts_holds_for_orders_in_several_at_once() -> None:
    assert _one_position_in_two_accounts() == ["new", "rejected"]


def test_without_holding_the_book_both_would_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(risk.Book, "hold", lambda owner_id: None)

    assert _one_position_in_two_accounts() == ["new", "new"]


def test_one_client_id_sent_by_many_at_once_is_one_order_with_one_reservation() -> None:
    account, acme = funded(make_user()), share()

    answers = at_once(*[_buy(account, acme, "the-same") for _ in range(16)])

    assert len({answer.order.pk for answer in answers}) == 1
    assert sorted(answer.is_new for answer in answers) == [False] * 15 + [True]
    assert cash(account) == (D(9900), D(100))
    assert LedgerEntry.objects.filter(kind="reserve").count() == 1


def test_a_fill_and_a_cancellation_at_once_leave_one_truth() -> None:
    account, acme = funded(make_user()), share()
    order = orders.place(account, instrument=acme, ticket=ticket("buy", "10", "limit", limit_price="10")).order
    fill = Fill("1", timezone.now(), D(10), D(10))

    at_once(lambda: orders.cancel(order), lambda: orders.record(order, [fill], source="paper"))

    order.refresh_from_db()
    assert order.status in ("filled", "canceled")
    # A fill that comes after the end is real: it is paid for either way.
    assert cash(account) == (D(9900), D(0))
    assert broken() == []


def test_two_that_match_one_instrument_at_once_fill_it_once() -> None:
    acme = share()
    seller, buyer = funded(make_user()), funded(make_user())
    held = orders.place(seller, instrument=acme, ticket=ticket("buy", "10", "limit", limit_price="10")).order
    orders.record(held, [Fill("1", timezone.now(), D(10), D(10))], source="paper")
    orders.place(seller, instrument=acme, ticket=ticket("sell", "10", "limit", limit_price="11"))
    orders.place(buyer, instrument=acme, ticket=ticket("buy", "10", "limit", limit_price="12"))

    fills = at_once(*[lambda: paper.match(acme.pk) for _ in range(4)])

    assert sorted(fills) == [0, 0, 0, 2]
    assert cash(buyer) == (D(9890), D(0))
    assert cash(seller) == (D(10010), D(0))
    assert broken() == []


def test_everything_adds_up_after_random_histories_of_many_at_once_of_whom_some_are_killed() -> None:
    accounts = [funded(make_user(), "5000", allows_short=number % 2 == 0) for number in range(4)]
    shares = [share(symbol) for symbol in ("ACME", "BOLT")]
    for each in shares:
        paper.take_quote(Quote(instrument=each, bid=D("9.99"), ask=D("10.01"), quoted_at=timezone.now()))

    over = threading.Event()
    done: list[str] = []
    killed: list[int] = []

    def live(seed: int) -> None:
        _lives(seed, accounts, shares, OPERATIONS // THREADS, done)
        # On a fast machine they would be through before anybody was killed.
        while not killed and len(done) < 100 * OPERATIONS:
            _lives(len(done), accounts, shares, 1, done)

    def kill() -> None:
        while not over.wait(timeout=0.01):
            # By what was done and not by the clock: on a slow machine nobody would live long enough to do anything.
            if len(done) < KILLED_AFTER * (1 + len(killed)):
                continue
            with connection.cursor() as cursor:
                cursor.execute(_KILL)
                killed.extend(pid for (pid,) in cursor.fetchall())

    killer = threading.Thread(target=lambda: (kill(), connection.close()))
    killer.start()
    patience = max(PATIENCE, OPERATIONS)
    lives = at_once(*[lambda seed=seed: live(seed) for seed in range(THREADS)], patience=patience)
    over.set()
    killer.join()

    assert lives == [None] * THREADS
    assert killed
    assert Order.objects.count() > OPERATIONS // 10
    assert Order.objects.filter(status="filled").exists()
    assert broken() == []


def _lives(seed: int, accounts: list[Account], shares: list[Instrument], count: int, done: list[str]) -> None:
    chance = random.Random(seed)
    for number in range(count):
        done.append(f"{seed}-{number}")
        try:
            _act(chance, accounts, shares, f"{seed}-{number}")
        except DomainError:
            continue
        except (OperationalError, InterfaceError):
            # Killed in the middle of it, or found in a knot with another; somebody else goes on.
            connection.close()


def _act(chance: random.Random, accounts: list[Account], shares: list[Instrument], name: str) -> None:
    account, acme = chance.choice(accounts), chance.choice(shares)
    price = D(chance.randrange(980, 1021)) / 100
    match chance.randrange(10):
        case 0 | 1 | 2 | 3:
            kind = chance.choice(["market", "limit", "stop"])
            side = chance.choice(["buy", "sell"])
            prices = {"limit": {"limit_price": str(price)}, "stop": {"stop_price": str(price)}}.get(kind, {})
            asked = ticket(side, str(chance.randrange(1, 30)), kind, **prices)
            orders.place(account, instrument=acme, ticket=asked, intent=orders.Intent(client_order_id=name))
            paper.match(acme.pk)
        case 4:
            order = Order.objects.live().filter(account=account).order_by("?").first()
            if order is not None:
                orders.cancel(order)
        case 5:
            order = Order.objects.live().filter(account=account, type="limit").order_by("?").first()
            if order is not None:
                asked = ticket(order.side, str(chance.randrange(1, 30)), "limit", limit_price=str(price))
                orders.replace_order(order, ticket=asked)
        case 6:
            amount = D(chance.randrange(1, 50))
            ledger.withdraw(account, currency="USD", amount=amount, idempotency_key=name, at=timezone.now())
        case _:
            size = D(chance.randrange(1, 20))
            quote = Quote(instrument=acme, bid=price, ask=price + D("0.02"), ask_size=size, quoted_at=timezone.now())
            paper.take_quote(quote)


def test_what_arrives_meets_what_waits_and_otherwise_waits_itself() -> None:
    acme, seller, buyer = share(), funded(make_user()), funded(make_user())
    held = orders.place(seller, instrument=acme, ticket=ticket("buy", "10", "limit", limit_price="10")).order
    orders.record(held, [Fill("1", timezone.now(), D(10), D(10))], source="paper")
    # Too old to fill anything.
    Quote.objects.create(instrument=acme, bid=D(20), ask=D(1), quoted_at=timezone.now() - timedelta(hours=1))

    offered = orders.place(seller, instrument=acme, ticket=ticket("sell", "10", "limit", limit_price="11")).order
    assert paper.arrived(acme.pk, [offered.pk]) == 0
    waits = orders.place(buyer, instrument=acme, ticket=ticket("buy", "5", "limit", limit_price="10.99")).order
    assert paper.arrived(acme.pk, [waits.pk]) == 0
    meets = orders.place(buyer, instrument=acme, ticket=ticket("buy", "5", "limit", limit_price="11")).order
    assert paper.arrived(acme.pk, [meets.pk]) == 2

    states = Order.objects.exclude(pk=held.pk).order_by("id").values_list("status", "is_resting", "filled_quantity")
    assert list(states) == [("partially_filled", True, D(5)), ("new", True, D(0)), ("filled", True, D(5))]


def test_a_group_is_canceled_while_its_orders_meet_the_market(monkeypatch: pytest.MonkeyPatch) -> None:
    """Canceling takes the target before its stop, matching the stop before the target: as they lie in the table."""
    account, acme = funded(make_user()), share()
    held = orders.place(account, instrument=acme, ticket=ticket("buy", "10", "limit", limit_price="10")).order
    orders.record(held, [Fill("1", timezone.now(), D(10), D(10))], source="paper")
    exits = {"order_class": OrderClass.OCO, "take_profit_limit": "12", "stop_loss_stop": "9", "stop_loss_limit": "8.9"}
    target = orders.place(account, instrument=acme, ticket=ticket("sell", "10", "limit", **exits)).order
    # It touches the stop, and is too low for its limit: both exits are written to, and neither fills.
    Quote.objects.create(instrument=acme, bid=D("8.50"), ask=D("8.60"), quoted_at=timezone.now())
    follow = order_groups.follow

    def follow_once_the_other_waits(step: Any, **given: Any) -> None:
        until_somebody_waits()
        follow(step, **given)

    monkeypatch.setattr(order_groups, "follow", follow_once_the_other_waits)

    def match_in_between() -> int:
        until(lambda: _is_locked(target.pk))
        return paper.match(acme.pk)

    canceled, matched = at_once(lambda: orders.cancel(target), match_in_between)

    assert (canceled.status, matched) == ("canceled", 0)
    assert list(Order.objects.exclude(pk=held.pk).values_list("status", flat=True)) == ["canceled", "canceled"]
    assert broken() == []


def _is_locked(order_id: int) -> bool:
    with transaction.atomic():
        return not Order.objects.select_for_update(skip_locked=True).filter(pk=order_id).exists()


def test_orders_that_come_together_share_a_transaction_and_keep_their_own_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    acme, people = share(), [make_user() for _ in range(6)]
    accounts = [funded(person, "100") for person in people]
    together: list[int] = []
    place_many = orders.place_many

    def slowly(requests: Any, **options: Any) -> Any:
        together.append(len(requests))
        if len(together) == 1:
            until(lambda: len(joint_orders._counter._waiting) == 5)
        return place_many(requests, **options)

    monkeypatch.setattr(orders, "place_many", slowly)

    def send(number: int) -> Any:
        quantity = "10" if number % 2 else "11"
        token = audit.begin(audit.Actor(user=people[number], request_id=f"request {number}"))
        try:
            asked = ticket("buy", quantity, "limit", limit_price="10")
            return joint_orders.place(orders.Request(accounts[number], acme, asked))
        finally:
            audit.end(token)

    answers = at_once(*[lambda number=number: send(number) for number in range(6)])

    assert sum(together) == 6
    assert len(together) < 6
    assert [answer.placed.order.status for answer in answers] == ["rejected", "new"] * 3
    for number, (person, answer) in enumerate(zip(people, answers, strict=True)):
        line = AuditEvent.objects.get(event="order.place", subject_id=str(answer.placed.order.public_id))
        event = answer.placed.order.events.first()
        assert (line.actor_id, line.request_id, line.owner_id) == (person.pk, f"request {number}", person.pk)
        assert (event.actor_id, event.request_id) == (person.pk, f"request {number}")
    assert broken() == []


def test_what_fails_together_is_tried_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    acme, accounts = share(), [funded(make_user()) for _ in range(4)]
    place_many = orders.place_many

    served: list[int] = []

    def only_alone(requests: Any, **options: Any) -> Any:
        served.append(len(requests))
        if len(served) == 1:
            until(lambda: len(joint_orders._counter._waiting) == 3)
        if len(requests) > 1 or requests[0].account == accounts[0]:
            raise OperationalError("the connection was lost")
        return place_many(requests, **options)

    monkeypatch.setattr(orders, "place_many", only_alone)
    asked = ticket("buy", "1", "limit", limit_price="10")

    lost, *stood = at_once(
        *[lambda each=each: joint_orders.place(orders.Request(each, acme, asked)) for each in accounts]
    )

    assert 3 in served
    assert isinstance(lost, OperationalError)
    assert [each.placed.order.status for each in stood] == ["new"] * 3
    assert Order.objects.count() == 3
    assert broken() == []


def test_orders_that_cross_while_neither_sees_the_other_meet_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    acme, seller, buyer = share(), funded(make_user()), funded(make_user())
    held = orders.place(seller, instrument=acme, ticket=ticket("buy", "10", "limit", limit_price="10")).order
    orders.record(held, [Fill("1", timezone.now(), D(10), D(10))], source="paper")
    sell, buy = ticket("sell", "10", "limit", limit_price="11"), ticket("buy", "10", "limit", limit_price="11")
    both_placed = threading.Barrier(2)
    arrived = paper.arrived

    def once_both_stand(instrument_id: int, order_ids: Any) -> int:
        both_placed.wait(timeout=30)
        return arrived(instrument_id, order_ids)

    monkeypatch.setattr(paper, "arrived", once_both_stand)

    # As two processes would: neither knows of the other's queue.
    at_once(
        lambda: joint_orders.place_many([orders.Request(seller, acme, sell)]),
        lambda: joint_orders.place_many([orders.Request(buyer, acme, buy)]),
    )

    assert list(Order.objects.exclude(pk=held.pk).values_list("status", flat=True)) == ["filled", "filled"]
    assert cash(buyer) == (D(9890), D(0))
    assert broken() == []


def _crossed_while_one_dies(patch: pytest.MonkeyPatch, path: str) -> Instrument:
    """A request under a key whose process is gone once it is committed, and one that crosses it and does not see it."""
    acme, buyer, seller = share(), funded(make_user()), funded(make_user(), allows_short=True)
    Quote.objects.create(instrument=acme, bid=D(90), ask=D(110), quoted_at=timezone.now())
    has_placed, may_commit, place_many = threading.Event(), threading.Event(), orders.place_many
    body: dict[str, Any] = {
        "account": str(buyer.public_id), "symbol": "ACME", "side": "buy", "type": "limit", "limit_price": "100",
        "quantity": "5", "time_in_force": "gtc",
    }  # fmt: skip

    def until_the_other_waits(requests: Any, **options: Any) -> Any:
        answers = place_many(requests, **options)
        has_placed.set()
        assert may_commit.wait(PATIENCE)
        return answers

    def dies(_placed: Any) -> Any:
        raise RuntimeError("gone")

    def asks() -> int:
        client = api_of(buyer.owner)
        sent = {"orders": [body]} if path == "orders/bulk/" else body
        return client.post(f"/api/v1/{path}", sent, format="json", HTTP_IDEMPOTENCY_KEY="one").status_code

    def crosses() -> int:
        assert has_placed.wait(PATIENCE)
        asked = ticket("sell", "5", "limit", limit_price="100")
        (answer,) = place_many([orders.Request(seller, acme, asked)], may_rest=True)
        assert isinstance(answer, orders.Placed)
        met = paper.arrived(acme.pk, [answer.order.pk])
        may_commit.set()
        return met

    patch.setattr(orders, "place_many", until_the_other_waits)
    patch.setattr(joint_orders, "looked_at", dies)
    status, met = at_once(asks, crosses)
    assert status in (200, 201)
    assert met == 0
    assert list(Order.objects.values_list("status", flat=True)) == ["new", "new"]
    return acme


@pytest.mark.parametrize("path", ["orders/", "orders/bulk/"])
def test_what_a_process_did_not_live_to_match_after_it_was_committed_under_a_key_is_found_by_the_sweep(
    monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    acme = _crossed_while_one_dies(monkeypatch, path)
    late = timezone.now() + timedelta(seconds=3)

    assert order_sweeps.unmatched(at=late) == [acme.pk]
    assert order_sweeps.match_unmatched(at=late) == order_sweeps.Swept(done=1, failed=0)

    states = Order.objects.order_by("id").values_list("status", "filled_quantity", "filled_average_price")
    assert list(states) == [("filled", D(5), D(100))] * 2
    assert order_sweeps.unmatched(at=late) == []
    assert broken() == []


@pytest.mark.parametrize("path", ["orders/", "orders/bulk/"])
def test_what_counts_as_waiting_before_it_is_looked_at_would_never_be_found(
    monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    place_many = orders.place_many
    monkeypatch.setattr(orders, "place_many", lambda requests, **_options: place_many(requests, may_rest=True))

    _crossed_while_one_dies(monkeypatch, path)

    assert order_sweeps.unmatched(at=timezone.now() + timedelta(seconds=3)) == []
    assert list(Order.objects.values_list("status", "is_resting")) == [("new", True)] * 2
