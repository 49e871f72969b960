"""Orders over HTTP, as fast as some connections send them: how many a second, and how long each takes."""

import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from uuid import uuid4

from django.utils import timezone

from accounts import ledger
from accounts.models import Account, Client, User
from journal.benchmark.server import ApiConnection
from trading.models import Instrument, Quote

#: Whose orders they are; a benchmark's orders stay, as orders do, so it has a person of its own.
EMAIL = "benchmark-orders@example.com"
SYMBOL = "BENCH"
ENOUGH = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class Sent:
    """What was measured: orders answered, the seconds that took, and the milliseconds of each answer, sorted."""

    orders: int
    seconds: float
    milliseconds: Sequence[float]

    @property
    def per_second(self) -> float:
        """Orders a second over all connections."""
        return self.orders / self.seconds

    def percentile(self, share: float) -> float:
        """The time within which that share of the answers came."""
        place = max(0, -(-len(self.milliseconds) * share // 1) - 1)
        return self.milliseconds[int(place)]


def prepare(accounts: int) -> tuple[User, list[Account]]:
    """A person with so many accounts that have money for all orders of a run."""
    person = User.objects.filter(email=EMAIL).first() or User.objects.create_user(EMAIL, None)
    Client.objects.get_or_create(user=person, defaults={"status": "active"})
    bench, _is_new = Instrument.objects.get_or_create(
        symbol=SYMBOL, status="active", defaults={"kind": "stock", "currency": "USD", "tick_size": Decimal("0.01")}
    )
    # What is quoted can be ordered; this quote is too old to fill anything.
    Quote.objects.get_or_create(instrument=bench, defaults={"last": 1, "quoted_at": datetime(2000, 1, 1, tzinfo=UTC)})
    have = list(person.accounts.order_by("id")[:accounts])
    have += [
        Account.objects.create(owner=person, name=f"Desk {number}", kind="paper")
        for number in range(len(have), accounts)
    ]
    for account in have:
        ledger.deposit(
            account, currency="USD", amount=ENOUGH, idempotency_key=f"benchmark {uuid4()}", at=timezone.now()
        )
    return person, have


def body(account: Account) -> str:
    """A limit order that rests: nobody sells so low. With a place for the client's id, which is new in each."""
    return json.dumps(
        {
            "account": str(account.public_id),
            "symbol": SYMBOL,
            "side": "buy",
            "type": "limit",
            "time_in_force": "gtc",
            "quantity": "1",
            "limit_price": "1.00",
            "client_order_id": "%s",
        }
    )


def one_by_one(api: ApiConnection, accounts: Sequence[Account], *, connections: int, seconds: float) -> Sent:
    """Each connection sends an order, waits for its answer, and sends the next, until the time is over."""
    return _sent(api, accounts, connections=connections, seconds=seconds, at_once=1)


def many_at_once(
    api: ApiConnection, accounts: Sequence[Account], *, connections: int, seconds: float, at_once: int
) -> Sent:
    """The same with so many orders in each request."""
    return _sent(api, accounts, connections=connections, seconds=seconds, at_once=at_once)


def _sent(api: ApiConnection, accounts: Sequence[Account], *, connections: int, seconds: float, at_once: int) -> Sent:
    times: list[float] = []
    count = 0
    failed: list[Exception] = []
    guard = threading.Lock()
    bodies = [body(account) for account in accounts]
    path, content = ("/api/v1/orders/", "%s") if at_once == 1 else ("/api/v1/orders/bulk/", '{"orders": [%s]}')
    end = time.perf_counter() + seconds

    def send(place: int) -> None:
        nonlocal count
        own = api.another()
        try:
            number = place
            while time.perf_counter() < end and not failed:
                asked = [bodies[(number + each) % len(bodies)] % uuid4() for each in range(at_once)]
                number += connections * at_once
                begun = time.perf_counter()
                own.post(path, (content % ", ".join(asked)).encode())
                took = (time.perf_counter() - begun) * 1000
                with guard:
                    times.append(took)
                    count += at_once
        except Exception as error:  # noqa: BLE001 - told by whoever waits for the threads
            failed.append(error)
        finally:
            own.close()

    begun = time.perf_counter()
    threads = [threading.Thread(target=send, args=(place,)) for place in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return Sent(count, time.perf_counter() - begun, sorted(times))
