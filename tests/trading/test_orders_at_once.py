"""Orders from many at once: money is never spent twice, one client id is one order, and everything adds up after."""

import os
import random
import threading
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from accounts import ledger
from accounts.errors import DomainError
from accounts.models import Account, LedgerEntry
from tests.factories import make_user
from tests.trading.desk import cash, funded, share, ticket
from trading import orders, trades
from trading.invariants import INVARIANTS
from trading.models import Instrument, Order, Quote
from trading.order_rules.broker_events import Fill
from trading.venues import paper

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
D = Decimal
#: How much the random histories do; more of it where somebody has the time.
OPERATIONS = int(os.environ.get("DESK_OPERATIONS", "60"))


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """What each returned or raised, after all had begun together, each on a connection of its own."""
    together = threading.Barrier(len(works))
    answers: list[Any] = [None] * len(works)

    def run(place: int, work: Callable[[], Any]) -> None:
        try:
            together.wait(timeout=30)
            answers[place] = work()
        except Exception as error:  # noqa: BLE001 - it is what the test looks at
            answers[place] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(place, work)) for place, work in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    return answers


def broken() -> dict[str, list[str]]:
    """Every invariant that does not hold, with the rows that break it."""
    found = {each.name: list(each.broken()) for each in INVARIANTS}
    return {name: rows for name, rows in found.items() if rows}


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
    assert broken() == {}


def test_without_the_lock_they_would(monkeypatch: pytest.MonkeyPatch) -> None:
    account, acme = funded(make_user(), "1000"), share()
    monkeypatch.setattr(trades, "lock_accounts", lambda ids: None)

    def look(pairs: Any) -> Any:
        found = {(each.pk, currency): each.portfolios.get(currency=currency) for each, currency in pairs}
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(0.3)")
        return found

    monkeypatch.setattr(ledger, "locked_all", look)

    at_once(*[_buy(account, acme) for _ in range(8)])

    reserved = sum(order.reserved_amount for order in Order.objects.all())
    assert reserved != cash(account)[1]


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
    assert broken() == {}


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
    assert broken() == {}


def test_everything_adds_up_after_random_histories_of_many_at_once() -> None:
    accounts = [funded(make_user(), "5000", allows_short=number % 2 == 0) for number in range(4)]
    shares = [share(symbol) for symbol in ("ACME", "BOLT")]
    for each in shares:
        paper.take_quote(Quote(instrument=each, bid=D("9.99"), ask=D("10.01"), quoted_at=timezone.now()))

    at_once(*[lambda seed=seed: _lives(seed, accounts, shares, OPERATIONS // 4) for seed in range(4)])

    assert Order.objects.count() > OPERATIONS // 4
    assert Order.objects.filter(status="filled").exists()
    assert broken() == {}


def _lives(seed: int, accounts: list[Account], shares: list[Instrument], count: int) -> None:
    chance = random.Random(seed)
    for number in range(count):
        try:
            _act(chance, accounts, shares, f"{seed}-{number}")
        except DomainError:
            continue


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
