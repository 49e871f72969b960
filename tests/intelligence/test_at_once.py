"""The same from many sides at once, with real commits: one signal, one look, one webhook."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal as D
from typing import Any

import pytest
from django.db import IntegrityError, connection
from django.test import Client

from intelligence import inbox, signals, syncing, tokens, wallet_tasks
from intelligence.helius_parsing import USDC, Seen
from intelligence.models import Signal, Token, WebhookDelivery
from intelligence.sources.protocol import TokenFacts
from intelligence.sources.stand_ins import StandIns
from intelligence.sources.transactions import address, signature, swap
from tests.broken_services import broker_at, hung_server, no_server
from tests.factories import make_user
from tests.intelligence.following import AT, wallet

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]


def at_once(number: int, act: Callable[[int], Any]) -> list[Any]:
    """What each of so many threads got, each with a connection of its own, all let go at the same time."""
    ready = threading.Barrier(number)
    got: list[Any] = [None] * number

    def run(index: int) -> None:
        try:
            connection.ensure_connection()
            ready.wait(timeout=20)
            got[index] = act(index)
        except Exception as error:  # noqa: BLE001 – looked at by the test
            got[index] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(index,)) for index in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return got


def test_the_same_delivery_twenty_times_at_once_is_one_signal() -> None:
    wallet(make_user())
    body = str([swap(address("whale"), [(USDC, "-50", 6), (address("token"), "200", 6)], at=AT, name="one")])
    body = body.replace("'", '"').replace("None", "null").replace("True", "true")

    received = at_once(20, lambda _: inbox.receive(source="helius", body=body.encode(), at=datetime.now(UTC)))
    assert len({each.id for each in received}) == 1
    assert sum(each.is_new for each in received) == 1
    assert WebhookDelivery.objects.get().repeats == 19
    read = at_once(8, lambda _: inbox.read_waiting())
    assert sum(read) == 1
    assert Signal.objects.count() == 1


def test_reports_of_one_swap_that_differ_in_bytes_are_one_signal_however_they_overlap() -> None:
    whale = wallet(make_user())
    one = Seen(whale.address, address("token"), "swap_detected", "buy", signature("one"), 7, AT, D(1), {})
    moved = Seen(whale.address, address("token"), "swap_detected", "buy", signature("one"), 8, AT, D(1), {})
    made = at_once(
        12, lambda index: signals.record([moved if index % 3 == 0 else one], source="helius", at=AT).duplicates
    )
    # Two blocks, so two rows, the second of which names the first.
    assert sorted(made) == [0, 0, *[1] * 10]
    assert [each.revision for each in Signal.objects.order_by("revision")] == [0, 1]

    # The control: without the lock, all look before one has written, and the database refuses all but that one.
    all_looked, known = threading.Barrier(8, timeout=30), signals._known

    def known_to_all(transactions: set[str]) -> Any:
        found = known(transactions)
        all_looked.wait()
        return found

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(signals, "_lock", lambda transactions: None)
        patched.setattr(signals, "_known", known_to_all)
        other = Seen(whale.address, address("token"), "swap_detected", "sell", signature("two"), 7, AT, D(1), {})
        got = at_once(8, lambda _: signals.record([other], source="helius", at=AT).duplicates)
    assert sum(isinstance(each, IntegrityError) for each in got) == 7
    assert Signal.objects.filter(action="sell").count() == 1


def test_two_who_ask_for_a_token_at_once_make_one_look() -> None:
    looks: list[str] = []

    class Slow:
        name = "rugcheck"

        def token(self, address: str) -> TokenFacts:
            looks.append(address)
            threading.Event().wait(0.3)
            return TokenFacts("rugcheck", "X", "", 6, D(1), D(60000), D("0.2"), D(1), (), AT)

    got = at_once(6, lambda _: tokens.read(address("token"), at=AT, sources=[Slow()]).liquidity)
    assert (looks, got) == ([address("token")], [D(60000)] * 6)
    assert Token.objects.get().analyzed_at == AT


@pytest.mark.parametrize("broker", [no_server, hung_server], ids=["dead", "hung"])
def test_without_a_broker_a_delivery_is_taken_at_once_and_read_by_the_sweep(
    settings: Any, broker: Any, by_messages: None
) -> None:
    settings.HELIUS_WEBHOOK_SECRETS = ["the secret"]
    wallet(make_user())
    # The first request of a process loads every address, which is not what is timed.
    assert Client().get("/livez").status_code == 200
    took = []
    with broker() as url, broker_at(url):
        for name in ("one", "two"):
            made = swap(address("whale"), [(USDC, "-50", 6), (address("token"), "200", 6)], at=AT, name=name)
            begun = time.monotonic()
            answer = Client().post(
                "/api/v1/webhooks/helius/",
                [made],
                content_type="application/json",
                headers={"Authorization": "the secret"},
            )
            took.append(time.monotonic() - begun)
            assert answer.status_code == 200
    # A hung broker cost 7 to 50 seconds each time, where it was waited for; the machine stands still but once.
    assert min(took) < 5
    assert set(WebhookDelivery.objects.values_list("status", flat=True)) == {"received"}
    assert wallet_tasks.read_deliveries() == 2
    assert Signal.objects.count() == 2


def test_adr_001_workers_that_sync_at_once_make_one_webhook(settings: Any) -> None:
    settings.HELIUS_WEBHOOK_URL, settings.HELIUS_WEBHOOK_SECRETS = "https://journal.example.com/", ["the secret"]
    wallet(make_user())
    with StandIns() as there:
        for name, value in there.settings.items():
            setattr(settings, name, value)
        did = at_once(6, lambda _: syncing.sync(at=AT).did)
        assert len(there.webhooks) == 1
        assert there.requests.count("POST /v0/webhooks") == 1
    assert did.count("created") == 1
    assert set(did) <= {"created", "busy", "unchanged"}
