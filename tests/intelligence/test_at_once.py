"""The same from many sides at once, with real commits: one signal, one look, one webhook."""

import threading
import time
from datetime import UTC, datetime
from decimal import Decimal as D
from typing import Any

import pytest
from django.db import IntegrityError
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
from tests.waiting import at_once, done_at_once

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]


def test_the_same_delivery_twenty_times_at_once_is_one_signal() -> None:
    wallet(make_user())
    body = str([swap(address("whale"), [(USDC, "-50", 6), (address("token"), "200", 6)], at=AT, name="one")])
    body = body.replace("'", '"').replace("None", "null").replace("True", "true")

    received = done_at_once(*[lambda: inbox.receive(source="helius", body=body.encode(), at=datetime.now(UTC))] * 20)
    assert len({each.id for each in received}) == 1
    assert sum(each.is_new for each in received) == 1
    assert WebhookDelivery.objects.get().repeats == 19
    read = done_at_once(*[inbox.read_waiting] * 8)
    assert sum(read) == 1
    assert Signal.objects.count() == 1


def test_reports_of_one_swap_that_differ_in_bytes_are_one_signal_however_they_overlap() -> None:
    whale = wallet(make_user())
    one = Seen(whale.address, address("token"), "swap_detected", "buy", signature("one"), 7, AT, D(1), {})
    moved = Seen(whale.address, address("token"), "swap_detected", "buy", signature("one"), 8, AT, D(1), {})
    made = done_at_once(
        *[lambda seen=seen: signals.record([seen], source="helius", at=AT).duplicates for seen in [moved, one, one] * 4]
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
        got = at_once(*[lambda: signals.record([other], source="helius", at=AT).duplicates] * 8)
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

    got = done_at_once(*[lambda: tokens.read(address("token"), at=AT, sources=[Slow()]).liquidity] * 6)
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
        did = done_at_once(*[lambda: syncing.sync(at=AT).did] * 6)
        assert len(there.webhooks) == 1
        assert there.requests.count("POST /v0/webhooks") == 1
    assert did.count("created") == 1
    assert set(did) <= {"created", "busy", "unchanged"}
