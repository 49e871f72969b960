"""What arrives at webhooks: W1 to W25, each by its number. What is refused leaves no row."""

import copy
import io
import json
import logging
import random
import socket
import time
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal as D
from typing import Any
from unittest import mock

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from accounts import tokens
from accounts.models import AuditEvent, ClientStatus, User
from intelligence import inbox, webhook_auth
from intelligence.helius_parsing import SOL, USDC
from intelligence.models import Signal, SignalOutcome, Wallet, WebhookDelivery
from intelligence.sources.transactions import address, signature, swap
from intelligence.views import webhooks
from tests.factories import make_user
from tests.intelligence.following import AT, wallet

HELIUS, BOT = "/api/v1/webhooks/helius/", "/api/v1/webhooks/bot/"
OLD, NEW = "Bearer of-old-0123456789", "Bearer of-new-0123456789"
TOKEN = address("token")


@pytest.fixture(autouse=True)
def secrets(settings: Any) -> None:
    settings.HELIUS_WEBHOOK_SECRETS = [OLD, NEW]
    settings.WEBHOOK_SECRETS = ["bot=first|second", "other=third"]
    webhooks._pulse.skewed.clear()


@pytest.fixture
def whale(alice: User) -> Wallet:
    return wallet(alice)


def post(path: str, body: Any, *, client: Client | None = None, **headers: str) -> Any:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return (client or Client()).generic("POST", path, content, content_type="application/json", headers=named)


def helius(body: Any, secret: str = OLD) -> Any:
    return post(HELIUS, body, Authorization=secret)


def signed(body: Any, *, by: tuple[str, ...] = ("first",), at: float | None = None, path: str = BOT) -> Any:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    header = webhook_auth.header(by, content, at=time.time() if at is None else at)
    return post(path, content, X_Webhook_Signature=header)


def bought(name: str = "one", wallet_name: str = "whale", **other: Any) -> dict[str, Any]:
    return swap(address(wallet_name), [(USDC, "-50", 6), (TOKEN, "200", 6)], at=AT, name=name, **other)


def event(id: str = "e-1", **signal: Any) -> dict[str, Any]:
    seen = {
        "wallet": address("whale"),
        "token": TOKEN,
        "action": "buy",
        "transaction": signature("one"),
        "block": 7,
        "amount": "200000000",
        "decimals": 6,
        "price": "0.25",
        **signal,
    }
    return {"id": id, "type": "wallet.signals", "version": 1, "signals": [seen]}


def nothing_is_stored() -> bool:
    return not WebhookDelivery.objects.exists() and not Signal.objects.exists()


# ---------------------------------------------------------------- Helius


def test_a_delivery_becomes_signals_with_price_and_value(whale: Wallet) -> None:
    answer = helius([bought(), bought("two", has_event=False)])
    assert answer.status_code == 200
    assert inbox.read_waiting() == 2
    delivery = WebhookDelivery.objects.get()
    assert answer.json() == {"status": "received", "id": str(delivery.public_id)}
    assert (delivery.status, delivery.signals_made, delivery.error) == ("parsed", 2, "")
    first = Signal.objects.order_by("id")[0]
    assert (first.owner_id, first.wallet, first.delivery) == (whale.owner_id, whale, delivery)
    assert (first.action, first.amount, first.price, first.value) == ("buy", D(200), D("0.25"), D(50))
    assert (first.occurred_at, first.received_at, first.block) == (AT, delivery.received_at, 250_000_000)
    assert first.payload["signature"] == signature("one")
    whale.refresh_from_db()
    assert whale.last_signal_at == AT


def test_either_of_two_secrets_opens_and_a_third_does_not(settings: Any, db: None) -> None:
    settings.HELIUS_WEBHOOK_SECRETS = [OLD, NEW, "third"]
    assert [helius([], secret).status_code for secret in (OLD, NEW, "third", "")] == [200, 200, 401, 401]
    settings.HELIUS_WEBHOOK_SECRETS = []
    assert helius([{}], "").status_code == 401
    assert WebhookDelivery.objects.count() == 1


def test_odd_shapes_are_kept_for_a_replay_and_take_nothing_with_them(whale: Wallet) -> None:
    odd = bought("odd", slot="seven")
    assert helius([odd, bought("good")]).status_code == 200
    assert helius({"hello": "world"}).status_code == 200
    inbox.read_waiting()
    dead = WebhookDelivery.objects.dead().order_by("id")
    assert [each.error for each in dead] == ["transaction 1: no slot", "transaction 1: no signature"]
    assert [each.transaction_id for each in Signal.objects.all()] == [signature("good")]

    inbox.replay(dead[0])
    assert inbox.read_waiting() == 0
    again = WebhookDelivery.objects.get(pk=dead[0].pk)
    assert (again.status, again.signals_made, again.duplicates) == ("dead", 1, 1)
    assert AuditEvent.objects.filter(event="webhook.replay", subject_id=str(again.public_id)).count() == 1


@pytest.mark.parametrize("name", ["a\0b", "x" * 45, "pool", "\N{CYRILLIC SMALL LETTER A}" * 40, "\ud800" * 40])
def test_an_account_that_is_no_address_takes_nothing_with_it(whale: Wallet, name: str) -> None:
    legs = [{"fromUserAccount": "pool", "toUserAccount": name, "mint": TOKEN, "tokenAmount": 5}]
    paid = {"signature": "paid", "type": "SWAP", "feePayer": name, "tokenTransfers": legs}
    beside = bought("beside", nativeTransfers=[{"fromUserAccount": name, "toUserAccount": name, "amount": 1}])
    helius([paid, beside, bought("good")])

    assert inbox.read_waiting() == 2

    delivery = WebhookDelivery.objects.get()
    assert (delivery.status, delivery.attempts, delivery.error) == ("dead", 1, "transaction 1: names nobody")
    found = Signal.objects.order_by("id").values_list("transaction_id", "wallet")
    assert list(found) == [(signature("beside"), whale.pk), (signature("good"), whale.pk)]


def test_no_odd_value_anywhere_makes_a_reading_fail(whale: Wallet, caplog: pytest.LogCaptureFixture) -> None:
    odd = [
        None, True, -1, 2**63, 2**64, 10**40, 1.5, "", "-5", "NaN", "a\0b", "\ud800", "x" * 70,
        "\N{ARABIC-INDIC DIGIT ONE}", [], {}, [[]], [None], [{}], whale.address, USDC, SOL,
    ]  # fmt: skip
    chance = random.Random(5)
    for number in range(300):
        tried = bought(f"n{number}", has_event=number % 2 == 0)
        for _time in range(1 + number % 3):
            inside, key = chance.choice([*places(tried)])
            inside[key] = copy.deepcopy(chance.choice(odd))
        inbox.receive(source=inbox.HELIUS, body=json.dumps([tried]).encode(), at=timezone.now())

    inbox.read_waiting()

    assert set(WebhookDelivery.objects.values_list("attempts", flat=True)) == {1}
    assert not WebhookDelivery.objects.filter(error__contains="could not be read").exists()
    assert not [each for each in caplog.records if each.levelno >= logging.ERROR]
    assert set(WebhookDelivery.objects.values_list("status", flat=True)) == {"parsed", "ignored", "dead"}


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Everywhere in a document that something else could stand."""
    for key in value if isinstance(value, dict) else range(len(value)):
        yield value, key
        if isinstance(value[key], dict | list):
            yield from places(value[key])


def test_odd_values_beside_what_is_read_take_nothing_with_them(whale: Wallet) -> None:
    oddities = [r'"\\u0000"', r'"a\u0000b"', r'"\ud800"', "18446744073709551616"]
    for number, odd in enumerate(oddities):
        body = json.dumps([bought(f"n{number}")])[:-2] + f', "description": {odd}}}]'
        inbox.receive(source=inbox.HELIUS, body=body.encode(), at=timezone.now())

    inbox.read_waiting()

    assert set(WebhookDelivery.objects.values_list("status", "error")) == {("parsed", "")}
    kept = [signal.payload["description"] for signal in Signal.objects.order_by("id")]
    assert kept == ["\\u0000", "ab", "?", 18446744073709551616]


def test_a_time_that_lies_ahead_is_not_known(whale: Wallet) -> None:
    helius([{**bought(), "timestamp": 8_000_000_000}])

    inbox.read_waiting()

    assert Signal.objects.get().occurred_at is None
    whale.refresh_from_db()
    assert whale.last_signal_at == Signal.objects.get().received_at


def test_everybody_who_watches_is_told_and_what_nobody_watches_is_nobodys(whale: Wallet, bob: User) -> None:
    paused = wallet(bob)
    Wallet.objects.filter(pk=paused.pk).update(is_active=False)
    helius([bought(), bought("strange", wallet_name="stranger")])
    assert inbox.read_waiting() == 3
    assert set(Signal.objects.filter(transaction_id=signature("one")).values_list("owner_id", "wallet_id")) == {
        (whale.owner_id, whale.pk),
        (bob.pk, paused.pk),
    }
    unmatched = Signal.objects.unmatched().get()
    assert (unmatched.wallet_address, unmatched.wallet) == (address("stranger"), None)
    assert unmatched.outcomes.get().action_taken == "ignored_untracked"
    assert set(Signal.objects.unprocessed().values_list("owner_id", flat=True)) == {whale.owner_id, bob.pk}


def test_a_reading_that_fails_for_another_reason_is_tried_again_and_given_up(
    whale: Wallet, caplog: pytest.LogCaptureFixture
) -> None:
    helius([bought()])
    helius([bought("two")])
    with mock.patch.object(inbox.signals, "record_all", side_effect=RuntimeError), caplog.at_level(logging.CRITICAL):
        for _ in range(3):
            assert inbox.read_waiting(most=2) == 0
    assert set(WebhookDelivery.objects.values_list("status", flat=True)) <= {"received", "dead"}
    with mock.patch.object(inbox.signals, "record_all", side_effect=RuntimeError), caplog.at_level(logging.CRITICAL):
        inbox.read_waiting()
    assert set(WebhookDelivery.objects.values_list("status", "attempts")) == {("dead", 5)}
    for delivery in WebhookDelivery.objects.dead():
        inbox.replay(delivery)
    assert inbox.read_waiting() == 2


# ---------------------------------------------------------------- W1 to W25


def test_w1_without_a_right_signature_nothing_is_stored_and_the_answer_is_always_the_same(db: None) -> None:
    body = json.dumps(event()).encode()
    right = webhook_auth.header(["first"], body, at=time.time())
    wrong = ["", "t=1", right.replace("v1=", "v0="), right.replace("v1=", "hmac "), f"Basic {right}", "v1=" + "a" * 64]
    answers = [post(BOT, body), *(post(BOT, body, X_Webhook_Signature=each) for each in wrong)]
    answers += [post(HELIUS, body), post(HELIUS, body, Authorization=""), post(HELIUS, body, Authorization="of-old")]
    assert {(each.status_code, each.content) for each in answers} == {(401, b'{"status": "unauthorized"}')}
    assert nothing_is_stored()
    assert not AuditEvent.objects.filter(event__startswith="webhook").exists()


def test_w2_the_secret_of_another_sender_opens_nothing(db: None) -> None:
    assert signed(event(), by=("third",)).status_code == 401
    assert signed(event(), by=("first",), path="/api/v1/webhooks/other/").status_code == 401
    assert signed(event(), by=("first",), path="/api/v1/webhooks/nobody/").status_code == 401
    assert helius([], "first").status_code == 401
    assert nothing_is_stored()


def test_w3_one_changed_byte_of_the_body_is_refused(db: None) -> None:
    body = json.dumps(event()).encode()
    header = webhook_auth.header(["first"], body, at=time.time())
    spaced, flipped = json.dumps(event(), indent=1).encode(), body.replace(b"buy", b"buz")
    assert [post(BOT, each, X_Webhook_Signature=header).status_code for each in (spaced, flipped)] == [401, 401]
    assert nothing_is_stored()


def test_w4_signatures_in_another_writing_are_refused(db: None) -> None:
    body = json.dumps(event()).encode()
    said_at = str(int(time.time()))
    right = webhook_auth.sign("first", said_at, body)
    odd = [right.upper(), right[:-1], right + "0", "YWJj" * 16, "é" * 64, "\N{FULLWIDTH DIGIT ONE}" * 64]
    for each in odd:
        assert post(BOT, body, X_Webhook_Signature=f"t={said_at},v1={each}").status_code == 401
        assert post(HELIUS, body, Authorization=each).status_code == 401
    assert nothing_is_stored()


def test_w5_a_time_more_than_five_minutes_off_is_refused(db: None) -> None:
    body = json.dumps(event()).encode()
    now = int(time.time())
    with mock.patch.object(webhooks.time, "time", return_value=float(now)):
        for said_at in (str(now - 301), str(now + 301), "-1", "NaN", str(10**20), "", "1e9"):
            header = f"t={said_at},v1={webhook_auth.sign('first', said_at, body)}"
            assert post(BOT, body, X_Webhook_Signature=header).status_code == 401, said_at
        twice = f"t={now},t={now},v1={webhook_auth.sign('first', str(now), body)}"
        assert post(BOT, body, X_Webhook_Signature=twice).status_code == 401
        assert nothing_is_stored()
        assert signed(body, at=now - 300).status_code == 202


def test_w6_what_comes_again_is_answered_as_the_first_time_and_makes_nothing_new(whale: Wallet) -> None:
    first = signed(event())
    assert first.status_code == 202
    assert inbox.read_waiting() == 1
    again = signed(event(), at=time.time() - 200)
    in_six_days = time.time() + 6 * 86400
    with mock.patch.object(webhooks.time, "time", return_value=in_six_days):
        later = signed(event(), at=in_six_days)
    assert [each.status_code for each in (again, later)] == [200, 200]
    assert first.json()["id"] == again.json()["id"] == later.json()["id"]
    assert inbox.read_waiting() == 0
    assert (Signal.objects.count(), WebhookDelivery.objects.get().repeats) == (1, 2)

    # Helius gives no id: the same bytes are the same delivery, and other bytes about the same swap the same signal.
    ids = {helius([bought("x")]).json()["id"] for _ in range(3)}
    assert len(ids) == 1
    helius([bought("x"), bought("y")])
    assert inbox.read_waiting() == 2
    assert WebhookDelivery.objects.filter(source="helius").order_by("id").last().duplicates == 1  # type: ignore[union-attr]


def test_w7_during_a_rotation_one_of_two_signatures_is_enough(db: None) -> None:
    assert signed(event("a"), by=("of the past", "second")).status_code == 202
    assert signed(event("b"), by=("second",)).status_code == 202
    assert helius([], NEW).status_code == 200


def test_w8_of_a_signature_and_a_token_both_must_be_right(alice: User) -> None:
    _, secret = tokens.create(owner=alice, name="bot", scope="write", at=AT)
    body = json.dumps(event()).encode()
    right = webhook_auth.header(["first"], body, at=time.time())
    wrong = webhook_auth.header(["third"], body, at=time.time())
    assert post(BOT, body, Authorization=f"Bearer {secret}", X_Webhook_Signature=wrong).status_code == 401
    assert post(BOT, body, Authorization="Bearer tj_wrong", X_Webhook_Signature=right).status_code == 401
    assert nothing_is_stored()
    assert post(BOT, body, Authorization=f"Bearer {secret}", X_Webhook_Signature=right).status_code == 202


def test_w9_a_secret_in_the_address_opens_nothing_and_is_not_logged(
    alice: User, caplog: pytest.LogCaptureFixture
) -> None:
    _, secret = tokens.create(owner=alice, name="bot", scope="write", at=AT)
    caplog.set_level(logging.DEBUG)
    for path in (BOT, HELIUS):
        for name in ("token", "access_token", "authorization"):
            assert post(f"{path}?{name}={secret}", event()).status_code == 401
    assert nothing_is_stored()
    assert secret not in caplog.text


def test_w10_tokens_of_those_who_may_not_write_are_refused(alice: User) -> None:
    suspended = make_user(status=ClientStatus.SUSPENDED)
    revoked, dead = tokens.create(owner=alice, name="dead", scope="write", at=AT)
    tokens.revoke(revoked, at=AT)
    _, old = tokens.create(owner=alice, name="old", scope="write", at=AT, expires_at=AT + timedelta(days=1))
    _, reader = tokens.create(owner=alice, name="reader", scope="read", at=AT)
    _, of_suspended = tokens.create(owner=suspended, name="bot", scope="write", at=AT)
    expected = {dead: 401, old: 401, reader: 403, of_suspended: 403}
    for secret, status in expected.items():
        assert post(BOT, event(), Authorization=f"Bearer {secret}").status_code == status
        assert post(HELIUS, [], Authorization=f"Bearer {secret}").status_code == 401
    assert nothing_is_stored()


def test_w11_odd_writings_of_a_token_are_never_an_error_of_ours(alice: User) -> None:
    _, secret = tokens.create(owner=alice, name="bot", scope="write", at=AT)
    accepted = [f"bearer {secret}", f"Bearer  {secret}", f"BEARER {secret} "]
    refused = [secret, f"Bearer{secret}", "Bearer", "Bearer ", f"Bearer {'x' * 10240}", "Bearer \x00", "Bearer é"]
    for number, header in enumerate(accepted):
        assert post(BOT, event(f"e-{number}"), Authorization=header).status_code == 202
    for header in refused:
        assert post(BOT, event("no"), Authorization=header).status_code == 401
        assert helius([], header).status_code == 401
    assert WebhookDelivery.objects.count() == 3


def test_w12_an_event_has_an_id_of_its_own(db: None, caplog: pytest.LogCaptureFixture) -> None:
    missing = {name: value for name, value in event().items() if name != "id"}
    for body in (missing, event(""), event("x" * 1024), {**event(), "id": 7}, event("two\nlines")):
        assert signed(body).status_code == 400
    assert nothing_is_stored()
    assert signed(event("once")).status_code == 202
    assert signed(event("once", action="sell")).status_code == 409
    assert "came again with another body" in caplog.text
    assert AuditEvent.objects.filter(event="webhook.event_id_reused", subject_id="once").count() == 1
    assert WebhookDelivery.objects.get().repeats == 0


def test_a_sender_whose_name_is_too_long_to_be_kept_is_none(alice: User, caplog: pytest.LogCaptureFixture) -> None:
    _, token = tokens.create(owner=alice, name="bot", scope="write", at=AT)
    answers = [
        post(f"/api/v1/webhooks/{'b' * length}/", event(f"e-{length}"), Authorization=f"Bearer {token}")
        for length in (40, 41)
    ]
    assert [(each.status_code, each.json()["status"]) for each in answers] == [(202, "received"), (404, "not_found")]
    assert WebhookDelivery.objects.get().source == "b" * 40
    assert not [each for each in caplog.records if each.levelno >= logging.ERROR]


def test_w13_what_is_of_an_unknown_kind_or_version_is_kept_as_ignored(db: None) -> None:
    assert signed({**event("a"), "type": "wallet.dreams"}).status_code == 202
    assert signed({**event("b"), "version": 99}).status_code == 202
    assert signed({**event("c"), "version": True}).status_code == 202
    assert inbox.read_waiting() == 0
    assert list(WebhookDelivery.objects.order_by("id").values_list("status", "error")) == [
        ("ignored", "an unknown type of event"),
        ("ignored", "an unknown version"),
        ("ignored", "an unknown version"),
    ]


def test_w14_whichever_comes_first_the_end_is_the_same(whale: Wallet, bob: User) -> None:
    def state_after(*bodies: Any) -> Any:
        for body in bodies:
            helius(body)
            inbox.read_waiting()
        rows = Signal.objects.filter(owner_id=whale.owner_id)
        state = sorted(rows.values_list("transaction_id", "action", "amount"))
        whale.refresh_from_db()
        return state, whale.last_signal_at

    later = swap(
        address("whale"),
        [(TOKEN, "-200", 6), (USDC, "60", 6)],
        at=AT + timedelta(hours=1),
        name="sold",
        slot=250_000_009,
    )
    end = state_after([later], [bought()])
    assert end[1] == AT + timedelta(hours=1)
    assert state_after([bought()], [later], [later, bought()]) == end
    assert len(end[0]) == 2


def test_w15_addresses_are_of_solana_to_the_letter(db: None) -> None:
    good = address("whale")
    evm = "0x52908400098527886E0F7030069857D2E4169EE7"
    wrong = [
        "",
        "0x0",
        evm,
        evm.lower(),
        f" {good}",
        good[:-1] + "0",
        good[:-1] + "\N{CYRILLIC SMALL LETTER A}",
        "a" * 45,
    ]
    for each in wrong:
        assert signed(event(wallet=each)).status_code == 400, each
        assert signed(event(token=each)).status_code == 400, each
    assert nothing_is_stored()
    # Another case is another address: base58 knows both.
    assert (
        signed(event(wallet=good.swapcase().replace("O", "P").replace("I", "J").replace("l", "m"))).status_code == 202
    )


def test_w16_amounts_are_strings_with_0_to_36_decimals_and_stay_exact(whale: Wallet) -> None:
    for wrong in (
        {"amount": 10**21},
        {"amount": 1e21},
        {"amount": "1e21"},
        {"amount": "-5"},
        {"amount": "5", "decimals": 255},
        {"amount": "5", "decimals": -1},
        {"amount": "5", "decimals": "18"},
        {"amount": "1" * 60, "decimals": 0},
        {"occurred_at": "0001-01-02T00:00:00Z"},
        {"occurred_at": "9999-12-30T00:00:00Z"},
    ):
        assert signed(event(**wrong)).status_code == 400, wrong
    assert nothing_is_stored()
    assert signed(event(amount="1000000000000000000001", decimals=18)).status_code == 202
    assert signed(event("small", amount="7", decimals=36, transaction="B", price=None)).status_code == 202
    assert inbox.read_waiting() == 2
    amounts = list(Signal.objects.order_by("id").values_list("amount", flat=True))
    assert amounts == [D("1000.000000000000000001"), D("0.000000000000000000000000000000000007")]


@pytest.mark.parametrize("first", ["taken back last", "taken back first"])
def test_w17_another_block_is_another_row_that_names_the_first(whale: Wallet, first: str) -> None:
    here, moved, removed = event("a"), event("b", block=8), event("c", removed=True)
    order = [here, moved, removed] if first == "taken back last" else [removed, moved, here]
    for body in [*order, {**moved, "id": "d"}]:
        assert signed(body).status_code == 202
        inbox.read_waiting()
    rows = list(Signal.objects.order_by("revision"))
    assert [(each.revision, each.block, each.is_removed) for each in rows] == [
        (number, body["signals"][0]["block"], "removed" in body["signals"][0]) for number, body in enumerate(order)
    ]
    assert [each.replaces for each in rows] == [None, rows[0], rows[1]]
    # What was taken back is settled, whichever came first; the other block is judged.
    assert [each.block for each in Signal.objects.unprocessed()] == [8]
    assert SignalOutcome.objects.filter(action_taken="ignored_removed").count() == 2


def test_w18_what_a_token_says_of_another_persons_wallet_is_kept_and_seen_by_neither(whale: Wallet, bob: User) -> None:
    _, secret = tokens.create(owner=bob, name="bot", scope="write", at=AT)
    answer = post(BOT, event(), Authorization=f"Bearer {secret}")
    assert answer.status_code == 202
    inbox.read_waiting()
    kept = Signal.objects.get()
    assert (kept.owner_id, kept.wallet) == (None, None)
    for person in (bob, whale.owner):
        assert not Signal.objects.for_user(person).exists()
        assert not WebhookDelivery.objects.for_user(person).exists()
    # A sender of the house says the same of everybody's: it is another signal.
    assert signed(event()).status_code == 202
    assert inbox.read_waiting() == 1
    assert Signal.objects.for_user(whale.owner).count() == 1


def test_w19_what_is_too_large_too_many_or_too_deep_is_refused_before_it_is_read(db: None) -> None:
    two_megabytes = b'[{"a": "' + b"x" * 2_000_000 + b'"}]'
    assert helius(two_megabytes).status_code == 413
    assert signed(two_megabytes).status_code == 413
    # As long as it says so, nothing is read: here there is nothing to read.
    answer = Client().generic("POST", HELIUS, b"[]", headers={"Authorization": OLD}, CONTENT_LENGTH="2000000")
    assert answer.status_code == 413
    many = {**event(), "signals": event()["signals"] * 10_000}
    for refused in (signed(json.dumps(many).encode()[:1_000_000]), signed({**event(), "signals": []})):
        assert refused.status_code == 400
    few_bytes = {**event(), "signals": [{}] * 10_000}
    assert signed(few_bytes).status_code == 400
    assert helius([{}] * 10_000).status_code == 400
    assert helius(b"[" * 500 + b"]" * 500).status_code == 400
    assert helius(b"[" * 200_000).status_code == 400
    assert signed({**event(), "more": json.loads("[" * 40 + "]" * 40)}).status_code == 400
    assert not Signal.objects.exists()
    assert set(WebhookDelivery.objects.values_list("status", flat=True)) <= {"dead"}


def test_w20_addresses_in_what_is_sent_are_never_fetched(whale: Wallet) -> None:
    urls = [
        "http://169.254.169.254/latest/meta-data/",
        "file:///etc/passwd",
        "http://[::ffff:127.0.0.1]:80/",
        "https://rebinding.example.com/",
    ]
    made = bought(image=urls[0], links=urls, description=urls[1], source=urls[2])
    with mock.patch.object(socket, "getaddrinfo", side_effect=AssertionError("a name was looked up")):
        assert helius([made]).status_code == 200
        assert inbox.read_waiting() == 1
    assert Signal.objects.get().payload["links"] == urls


def test_w21_what_cannot_be_kept_is_not_said_to_be(whale: Wallet) -> None:
    with mock.patch.object(inbox, "receive", side_effect=OperationalError):
        for answer in (helius([bought()]), signed(event())):
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert nothing_is_stored()
    assert helius([bought()]).status_code == 200
    assert inbox.read_waiting() == 1


def test_w22_what_is_no_json_is_refused_and_its_hash_is_kept(db: None) -> None:
    for answer in (signed(b'{"id": "e'), helius(b'[{"signature": '), helius(b"\xff\xfe")):
        assert (answer.status_code, answer.content) == (400, b'{"status": "invalid"}')
    kept = AuditEvent.objects.filter(event="webhook.refused").order_by("id")
    # sha256 of b'{"id": "e'
    assert kept[0].after["digest"] == "6b5eb1d06b5cab06c331ab186ce60133b6261b78cdf6a227870453e7ceb66eeb"
    assert [each.after["bytes"] for each in kept] == [9, 15, 2]
    assert not Signal.objects.exists()
    # What Helius sent is there to be looked at.
    assert set(WebhookDelivery.objects.values_list("source", "status", "error")) == {("helius", "dead", "not JSON")}


def test_w23_a_length_that_is_wrong_is_refused(db: None) -> None:
    body = json.dumps([bought()]).encode()

    def with_length(length: str | None) -> int:
        more = {} if length is None else {"CONTENT_LENGTH": length}
        client = Client()
        return client.generic("POST", HELIUS, body, headers={"Authorization": OLD}, **more).status_code  # type: ignore[arg-type]

    # Too small cuts it off; "chunked" arrives here without a length, and nothing is read.
    assert [with_length(each) for each in (str(len(body) - 5), "0", "", "many", "-1")] == [400] * 5
    assert not Signal.objects.exists()

    # Too large: the connection ended before all of it was there, though what came is JSON.
    for path, more in ((HELIUS, {"Authorization": OLD}), (BOT, {"X-Webhook-Signature": "t=1,v1=" + "a" * 64})):
        kept = WebhookDelivery.objects.count()
        cut = {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body) + 50)}
        assert Client().generic("POST", path, body, headers=more, **cut).status_code == 400  # type: ignore[arg-type]
        assert WebhookDelivery.objects.count() == kept


def test_w24_only_post_is_answered_and_no_other_site_may_ask(db: None) -> None:
    for path in (HELIUS, BOT):
        for method in ("get", "head", "options", "put", "patch", "delete"):
            answer = getattr(Client(), method)(
                path, headers={"Origin": "https://evil.example.com", "Access-Control-Request-Method": "POST"}
            )
            assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
            assert not [name for name in answer.headers if name.startswith("Access-Control")]
    assert not [name for name in helius([]).headers if name.startswith("Access-Control")]


def test_w25_many_signatures_at_the_wrong_time_say_that_a_clock_is_off(
    db: None, caplog: pytest.LogCaptureFixture
) -> None:
    ahead = time.time() + 600
    for number in range(9):
        assert signed(event(f"e-{number}"), at=ahead).status_code == 401
    for number in range(20):
        assert signed(event(f"e-{number}"), at=ahead, by=("third",)).status_code == 401
    assert not AuditEvent.objects.filter(event="webhook.clock_skew").exists()
    assert signed(event("the tenth"), at=ahead).status_code == 401
    assert AuditEvent.objects.get(event="webhook.clock_skew").after == {"source": "bot", "count": 10}
    assert "compare its clock and ours" in caplog.text
    assert nothing_is_stored()


def test_outcomes_of_what_nobody_watches_are_nobodys(db: None) -> None:
    legs = [(SOL, "-1", 9), (TOKEN, "5", 6)]
    helius([swap(address("stranger"), legs, at=AT, name="s")])
    inbox.read_waiting()
    outcome = SignalOutcome.objects.get()
    assert (outcome.owner_id, outcome.verdict) == (None, "ignored")
    assert Signal.objects.get().price is None


def test_the_command_reads_dead_letters_once_more_and_says_which_stay_dead(
    whale: Wallet, capsys: pytest.CaptureFixture[str]
) -> None:
    helius([bought("odd", slot="seven"), bought("good")])
    inbox.read_waiting()
    [dead] = WebhookDelivery.objects.dead()
    for wrong in ([], [str(whale.public_id)], ["--dead", str(dead.public_id)]):
        with pytest.raises(CommandError) as refused:
            call_command("replay_delivery", *wrong)
        assert refused.value.returncode == 2
    call_command("replay_delivery", "--dead", "--dry-run")
    assert str(dead.public_id) in capsys.readouterr().out
    with pytest.raises(CommandError) as still:
        call_command("replay_delivery", str(dead.public_id))
    assert still.value.returncode == 1
    with mock.patch("intelligence.helius_parsing._block", lambda slot: slot if isinstance(slot, int) else 7):
        call_command("replay_delivery", "--dead")
    assert "parsed, 2 signals" in capsys.readouterr().out
    assert Signal.objects.count() == 2
