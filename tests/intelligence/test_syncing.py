"""ADR-001: one webhook for all wallets, told only of changes; only what was sent is said to be watched."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from intelligence import catching_up, helius_parsing, inbox, syncing, wallets
from intelligence.helius_parsing import USDC
from intelligence.models import Signal, SyncStatus, Wallet, WalletHealth, WebhookDelivery, WebhookRegistration
from intelligence.sources import configured
from intelligence.sources.stand_ins import Fault, StandIns
from intelligence.sources.transactions import address, signature, swap
from tests.intelligence.copies import Follower, safe_token
from tests.intelligence.following import AT, signal, wallet

URL = "https://journal.example.com/api/v1/webhooks/helius/"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def there(settings: Any, db: None) -> Iterator[StandIns]:
    settings.HELIUS_WEBHOOK_URL = URL
    settings.HELIUS_WEBHOOK_SECRETS = ["of old", "the newest"]
    with StandIns() as stand_ins:
        for name, value in stand_ins.settings.items():
            setattr(settings, name, value)
        yield stand_ins


def told(there: StandIns) -> set[str]:
    """The addresses that the only webhook there is about."""
    [webhook] = there.webhooks.values()
    assert (webhook["webhookURL"], webhook["authHeader"], webhook["webhookType"]) == (URL, "the newest", "enhanced")
    return set(webhook["accountAddresses"])


def edits(there: StandIns) -> list[str]:
    return [each.partition(" ")[0] for each in there.requests if not each.startswith("GET")]


def test_adr_001_one_webhook_is_created_once_and_told_only_of_changes(there: StandIns, alice: User, bob: User) -> None:
    first, second = wallet(alice, "one"), wallet(bob, "two")
    assert syncing.sync(at=AT).did == "created"
    assert told(there) == {first.address, second.address}
    # The same set costs nothing, however often one looks: an edit costs a hundred credits.
    asked = len(there.requests)
    assert {syncing.sync(at=AT + minutes * MINUTE).did for minutes in (5, 10, 15)} == {"unchanged"}
    assert len(there.requests) == asked

    third, fourth, fifth = (wallet(alice, name) for name in ("three", "four", "five"))
    wallets.pause(first)
    assert syncing.sync(at=AT + 20 * MINUTE).did == "pushed"
    assert told(there) == {each.address for each in (second, third, fourth, fifth)}
    assert edits(there) == ["POST", "PUT"]

    # The same address of a second person is in the set already: nothing is sent, and it is watched.
    also = wallet(bob, "three")
    assert syncing.sync(at=AT + 25 * MINUTE).did == "unchanged"
    also.refresh_from_db()
    assert (also.sync_status, also.synced_at) == (SyncStatus.SYNCED, AT + 20 * MINUTE)


def test_adr_001_only_what_was_sent_is_said_to_be_watched(there: StandIns, alice: User) -> None:
    sent = wallet(alice, "one")
    send = configured.helius().create_webhook  # type: ignore[union-attr]
    late: list[Wallet] = []

    def meanwhile(*args: Any, **options: Any) -> Any:
        late.append(wallet(alice, "two"))
        return send(**options)

    with mock.patch("intelligence.sources.helius.Helius.create_webhook", meanwhile):
        assert syncing.sync(at=AT) == syncing.Synced("created", 1)
    assert told(there) == {sent.address}
    statuses = dict(Wallet.objects.values_list("address", "sync_status"))
    assert statuses == {sent.address: "synced", late[0].address: "pending"}
    assert syncing.sync(at=AT + 5 * MINUTE) == syncing.Synced("pushed", 2)
    assert set(Wallet.objects.values_list("sync_status", flat=True)) == {"synced"}


def test_adr_001_an_error_is_said_waits_longer_each_time_and_is_cleared(there: StandIns, alice: User) -> None:
    old = wallet(alice, "one")
    syncing.sync(at=AT)
    new = wallet(alice, "two")
    there.faults["/v0/webhooks"] = Fault.ERROR
    at, waited = AT + 5 * MINUTE, []
    for _number in range(4):
        assert syncing.sync(at=at).did == "failed"
        next_try = WebhookRegistration.objects.get().next_try_at
        assert next_try is not None
        waited.append((next_try - at) // MINUTE)
        assert syncing.sync(at=next_try - timedelta(seconds=1)).did == "waits"
        at = next_try
    assert waited == [1, 2, 5, 5]
    new.refresh_from_db()
    old.refresh_from_db()
    assert (new.sync_status, new.sync_error) == ("error", "helius: the answer was 500")
    assert new.health(at=at) == WalletHealth.FAILED
    # What was sent before is still watched.
    assert old.sync_status == "synced"

    there.faults.clear()
    assert syncing.sync(at=at).did == "pushed"
    new.refresh_from_db()
    registration = WebhookRegistration.objects.get()
    assert (new.sync_status, new.sync_error, registration.error, registration.failures) == ("synced", "", "", 0)


def test_adr_001_a_paused_wallet_with_an_open_copy_stays_subscribed(there: StandIns, alice: User) -> None:
    safe_token()
    follower = Follower(person=alice, name="one")
    copied, plain = follower.wallet, wallet(alice, "two")
    assert follower.buys().verdict == "traded"
    for each in (copied, plain):
        wallets.pause(each)
    wallets.archive(copied, at=AT)
    syncing.sync(at=AT)
    assert told(there) == {copied.address}
    # Its sale is heard, and the copy sold. Then nothing of it needs to be heard any more.
    assert follower.sells().action_taken == "mirror_exit"
    assert set(Wallet.objects.values_list("address", "sync_status")) == {
        (copied.address, "synced"),
        (plain.address, "pending"),
    }
    syncing.sync(at=AT + 5 * MINUTE)
    assert told(there) == set()
    assert set(Wallet.objects.values_list("sync_status", flat=True)) == {"pending"}


def test_adr_001_a_list_that_somebody_changed_there_is_repaired(there: StandIns, alice: User) -> None:
    made = wallet(alice, "one")
    syncing.sync(at=AT)
    [webhook] = there.webhooks.values()
    webhook["accountAddresses"] = [address("strange")]
    assert syncing.sync(at=AT + 59 * MINUTE).did == "unchanged"
    assert syncing.sync(at=AT + 60 * MINUTE).did == "repaired"
    assert told(there) == {made.address}
    assert syncing.sync(at=AT + 61 * MINUTE, is_forced=True).did == "checked"

    there.webhooks.clear()
    assert syncing.sync(at=AT + 121 * MINUTE).did == "created"
    assert told(there) == {made.address}


def test_adr_001_one_that_was_created_while_its_answer_was_lost_is_found(there: StandIns, alice: User) -> None:
    made = wallet(alice, "one")
    with mock.patch("intelligence.sources.helius._webhook", side_effect=syncing.SourceFailed("cut off")):
        assert syncing.sync(at=AT).did == "failed"
    assert len(there.webhooks) == 1
    assert syncing.sync(at=AT + MINUTE).did == "pushed"
    assert told(there) == {made.address}


def test_nothing_is_created_for_nobody_or_without_a_key_an_address_and_a_secret(
    there: StandIns, settings: Any, alice: User
) -> None:
    assert syncing.sync(at=AT).did == "unchanged"
    assert there.webhooks == {}
    wallet(alice)
    for name in ("HELIUS_API_KEY", "HELIUS_WEBHOOK_URL", "HELIUS_WEBHOOK_SECRETS"):
        before = getattr(settings, name)
        setattr(settings, name, type(before)())
        assert syncing.sync(at=AT).did == "off"
        setattr(settings, name, before)
    assert there.webhooks == {}


def test_what_was_missed_is_fetched_once_and_not_what_is_older(there: StandIns, alice: User) -> None:
    made = wallet(alice, at=AT)
    Wallet.objects.update(sync_status="synced", synced_at=AT, created_at=AT)
    made.refresh_from_db()

    def did(name: str, hours: float) -> dict[str, Any]:
        at = AT + timedelta(hours=hours)
        return swap(made.address, [(USDC, "-50", 6), (address("token"), "200", 6)], at=at, name=name)

    # The newest first; 240 of them make three pages.
    known = did("known", 1)
    there.histories[made.address] = [
        did("new", 7), *(did(f"n{n}", 6 - n / 100) for n in range(238)), known, did("before", -1),
    ]  # fmt: skip
    inbox.receive(source="helius", body=str([known]).replace("'", '"').replace("None", "null").encode(), at=AT)
    assert inbox.read_waiting() == 1
    now = AT + timedelta(hours=8)
    assert catching_up.catch_up_silent(at=now) == 239
    assert Signal.objects.filter(delivery__isnull=True).count() == 239
    assert not Signal.objects.filter(transaction_id=signature("before")).exists()
    # Another look finds nothing, and is not taken before another silence.
    assert catching_up.catch_up(Wallet.objects.get(), at=now, helius=configured.helius()) == 0  # type: ignore[arg-type]
    asked = there.asked("/v0/addresses")
    assert catching_up.catch_up_silent(at=now + timedelta(hours=1)) == 0
    assert there.asked("/v0/addresses") == asked
    # A failure is not taken for silence: the next look begins where the last good one ended.
    there.faults["/v0/addresses"] = Fault.GARBAGE
    assert catching_up.catch_up_silent(at=now + timedelta(hours=9)) == 0
    assert Wallet.objects.get().caught_up_at == now


def test_what_nobody_understands_of_a_history_waits_as_not_understood_and_is_read_again(
    there: StandIns, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = wallet(alice, at=AT)
    Wallet.objects.update(sync_status="synced", synced_at=AT, created_at=AT)

    def did(name: str, hours: float, **more: Any) -> dict[str, Any]:
        at = AT + timedelta(hours=hours)
        return swap(made.address, [(USDC, "-50", 6), (address("token"), "200", 6)], at=at, name=name) | more

    odd: list[Any] = [did("odd", 6.5, timestamp="soon"), "nothing", did("slot", 6.2, slot=1.5), {"timestamp": 5}]
    there.histories[made.address] = [did("new", 7), *odd, did("older", 6)]
    now = AT + timedelta(hours=8)

    assert catching_up.catch_up_silent(at=now) == 2
    assert set(Signal.objects.values_list("transaction_id", flat=True)) == {signature("new"), signature("older")}
    dead = WebhookDelivery.objects.dead().order_by("id")
    assert [each.error for each in dead] == ["no timestamp", "no signature", "no slot"], "what is older is nothing new"
    assert [json.loads(bytes(each.body)) for each in dead] == odd[:3]
    assert Wallet.objects.get().caught_up_at == now

    # The same once more is the same.
    Wallet.objects.update(caught_up_at=AT)
    assert catching_up.catch_up(Wallet.objects.get(), at=now, helius=configured.helius()) == 0  # type: ignore[arg-type]
    assert [each.repeats for each in WebhookDelivery.objects.dead().order_by("id")] == [1, 1, 1]

    # A later version of the program understands it: here, that time in words was meant.
    first = dead[0]
    monkeypatch.setattr(helius_parsing, "_instant", lambda said: AT + timedelta(hours=6.5))
    inbox.replay(first)
    assert inbox.read_waiting() == 1
    first.refresh_from_db()
    assert (first.status, first.signals.get().transaction_id) == ("parsed", signature("odd"))


def test_a_history_whose_every_transaction_is_odd_is_asked_for_to_its_end(there: StandIns, alice: User) -> None:
    made = wallet(alice, at=AT)
    Wallet.objects.update(sync_status="synced", synced_at=AT, created_at=AT)
    there.histories[made.address] = [{"signature": f"s{number}", "slot": -1} for number in range(150)]

    assert catching_up.catch_up_silent(at=AT + timedelta(hours=8)) == 0

    assert (there.asked("/v0/addresses"), WebhookDelivery.objects.dead().count()) == (2, 150)


def test_health_tells_the_late_the_failed_and_the_silent(alice: User) -> None:
    made = wallet(alice, at=AT)
    assert made.health(at=AT + 10 * MINUTE) == WalletHealth.WAITING
    assert made.health(at=AT + 10 * MINUTE + timedelta(seconds=1)) == WalletHealth.UNSYNCED
    made.sync_status, made.synced_at = "synced", AT
    assert made.health(at=AT + timedelta(days=7)) == WalletHealth.FINE
    assert made.health(at=AT + timedelta(days=7, seconds=1)) == WalletHealth.SILENT
    made.last_signal_at = AT + timedelta(days=1)
    assert made.health(at=AT + timedelta(days=8)) == WalletHealth.FINE
    wallets.pause(made)
    assert made.health(at=AT) == WalletHealth.PAUSED
    again = wallets.activate(made, at=AT + timedelta(days=2))
    assert (again.sync_status, again.pending_since) == ("pending", AT + timedelta(days=2))
    assert signal(made).wallet == made


def test_the_command_pushes_now_and_says_by_its_exit_code_how_it_went(
    there: StandIns, settings: Any, alice: User, capsys: pytest.CaptureFixture[str]
) -> None:
    made = wallet(alice, "one")
    call_command("sync_wallets", "--dry-run")
    assert capsys.readouterr().out == f"{made.address}\n"
    assert there.webhooks == {}
    call_command("sync_wallets", "--catch-up")
    assert capsys.readouterr().out == "the webhook was created, with 1 addresses\n0 signals were missing\n"
    call_command("sync_wallets")
    assert capsys.readouterr().out == "1 addresses are there, as they should be\n"
    there.faults["/v0"] = Fault.FORBIDDEN
    with pytest.raises(CommandError) as failed:
        call_command("sync_wallets")
    settings.HELIUS_API_KEY = ""
    with pytest.raises(CommandError) as off:
        call_command("sync_wallets")
    assert (failed.value.returncode, off.value.returncode) == (1, 2)
