"""Pages, API and admin of wallets, signals, tokens and deliveries."""

import uuid
from datetime import timedelta
from decimal import Decimal as D
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.errors import Conflict
from accounts.models import AuditEvent, User
from intelligence import inbox, signals, tokens, wallet_tasks, wallets
from intelligence.models import Signal, SignalCheck, SignalOutcome, Token, Wallet, WebhookDelivery, WebhookRegistration
from intelligence.sources.transactions import address
from tests.conftest import signed_in
from tests.factories import make_account, make_user
from tests.intelligence.following import AT, signal, strategy, wallet
from trading import exit_strategies
from trading.exits.plans import simple_plan
from trading.models import ExitStrategy, RiskConfig

MINT = address("token")


def may(user: User, *names: str) -> User:
    user.user_permissions.add(*Permission.objects.filter(content_type__app_label="intelligence", codename__in=names))
    return User.objects.get(pk=user.pk)


def judged(of: Wallet) -> Signal:
    seen = signal(of, amount=D("12.5"), price=D("0.0000012345"), value=D(50), block=7)
    outcome = SignalOutcome.objects.create(
        signal=seen, owner_id=of.owner_id, verdict="rejected", action_taken="rejected_safety",
        reason="Score 0.25, limit 0.6", decided_at=AT, mode="simulation",
    )  # fmt: skip
    SignalCheck.objects.create(
        outcome=outcome, position=0, name="liquidity", seen="10000", limit="50000", source="dexscreener",
        age=AT - AT, verdict="failed",
    )  # fmt: skip
    return seen


def test_a_wallet_is_registered_changed_paused_and_archived_by_pages(alice: User, alice_client: Client) -> None:
    assert b"You watch no wallet yet" in alice_client.get("/wallets/").content
    form = {
        "address": f" {address('whale')} ",
        "label": "Whale",
        "mode": "simulation",
        "exit_strategy": strategy(alice).public_id,
        "simulation_account": make_account(alice, "Paper", kind="paper").name,
        "discovery_source": "twitter",
        "discovery_date": "2026-02-01",
        "baseline_win_rate": "62.5",
        "baseline_trades": "40",
        "baseline_average_pnl": "-3",
        "baseline_days": "14",
    }
    wrong = {**form, "address": "0x52908400098527886E0F7030069857D2E4169EE7"}
    refused = alice_client.post("/wallets/new/", wrong)
    assert refused.status_code == 422
    assert b"32 to 44 letters and digits" in refused.content
    assert not Wallet.objects.exists()

    assert alice_client.post("/wallets/new/", form).status_code == 302
    made = Wallet.objects.get()
    assert made.address == address("whale")
    assert (made.baseline_win_rate, made.baseline_average_pnl) == (D("0.625"), D("-0.03"))
    assert alice_client.post("/wallets/new/", form).status_code == 409

    path = f"/wallets/{made.public_id}/"
    page = alice_client.get(path).content.decode()
    assert "Whale" in page
    assert "62.5" in page
    changed = {**form, "label": "Other", "address": address("another"), "simulation_account": ""}
    assert alice_client.post(f"{path}edit/", changed).status_code == 302
    made.refresh_from_db()
    assert (made.label, made.address, made.simulation_account) == ("Other", address("whale"), None)
    for act in ("pause", "activate", "archive", "restore"):
        assert alice_client.post(f"{path}{act}/").status_code == 302
        assert alice_client.post(f"{path}{act}/").status_code == 409
    made.refresh_from_db()
    assert (made.is_active, made.archived_at) == (False, None)
    assert AuditEvent.objects.filter(subject="wallet").count() == 6


def test_the_feed_and_the_page_of_a_signal_say_why(alice: User, alice_client: Client) -> None:
    seen = judged(wallet(alice, label="Whale"))
    feed = alice_client.get("/signals/").content.decode()
    assert "Whale" in feed
    assert "Rejected" in feed
    page = alice_client.get(f"/signals/{seen.public_id}/").content.decode()
    for words in ("Score 0.25, limit 0.6", "10,000", "50,000", "DexScreener", "0.0000012345", seen.transaction_id):
        assert words in page
    assert alice_client.get("/signals/?verdict=traded").content.count(b"/signals/0") == 0
    assert alice_client.get("/signals/?verdict=rejected").content.count(str(seen.public_id).encode()) == 1
    assert alice_client.get("/signals/?verdict=waiting").status_code == 200
    assert alice_client.get("/signals/?verdict=odd").status_code == 400


def test_the_number_of_questions_does_not_grow_with_the_list(
    alice: User, alice_client: Client, django_assert_max_num_queries: Any
) -> None:
    of = wallet(alice)
    for _ in range(12):
        judged(of)
    for number in range(5):
        wallet(alice, f"w{number}")
    for path in ("/signals/", "/wallets/", "/api/v1/signals/", "/api/v1/wallets/"):
        alice_client.get(path)
        with django_assert_max_num_queries(25):
            assert alice_client.get(path).status_code == 200


def test_tokens_are_shown_to_those_whose_wallets_traded_them(
    alice: User, alice_client: Client, bob_client: Client
) -> None:
    judged(wallet(alice))
    token = Token.objects.create(
        address=MINT, symbol="WIF", liquidity=D(60000), liquidity_source="dexscreener", liquidity_at=AT
    )
    token.refresh_from_db()
    assert b"WIF" in alice_client.get("/tokens/").content
    page = alice_client.get(f"/tokens/{token.public_id}/").content
    assert b"60,000.00" in page
    assert b"Blacklist for everybody" not in page
    assert b"WIF" not in bob_client.get("/tokens/").content
    assert bob_client.get(f"/tokens/{token.public_id}/").status_code == 404
    for client in (alice_client, bob_client):
        assert client.post(f"/tokens/{token.public_id}/blacklist/", {"reason": "No"}).status_code == 404
    assert not Token.objects.get().is_blacklisted


def test_operators_ban_a_token_and_correct_that_with_a_reason(db: None) -> None:
    operator = signed_in(may(make_user("op@example.com", is_staff=True), "view_token", "change_token"))
    token = Token.objects.create(address=MINT)
    token.refresh_from_db()
    path = f"/tokens/{token.public_id}/"
    assert operator.post(f"{path}blacklist/", {"reason": ""}).status_code == 400
    assert operator.post(f"{path}blacklist/", {"reason": "Honeypot"}).status_code == 302
    assert b"Honeypot" in operator.get(path).content
    assert operator.post(f"{path}blacklist/", {"reason": "Again"}).status_code == 409
    assert operator.post(f"{path}lift/", {"reason": "Mistaken"}).status_code == 302
    assert not Token.objects.get().is_blacklisted


def test_dead_letters_are_read_once_more_by_those_who_may(alice_client: Client) -> None:
    made = inbox.receive(source="helius", body=b'[{"signature": 5}]', at=AT)
    inbox.read_waiting()
    path = f"/deliveries/{made.id}/"
    for each in ("/deliveries/", path):
        assert alice_client.get(each).status_code == 404
    looker = signed_in(may(make_user("looker@example.com", is_staff=True), "view_webhookdelivery"))
    page = looker.get(path).content.decode()
    assert "no signature" in page
    assert "Read it once more" not in page
    assert looker.post(f"{path}replay/").status_code == 404
    assert WebhookDelivery.objects.get().status == "dead"
    operator = signed_in(
        may(make_user("op@example.com", is_staff=True), "view_webhookdelivery", "change_webhookdelivery")
    )
    assert b"Not understood" in operator.get("/deliveries/?status=dead").content
    assert operator.post(f"{path}replay/").status_code == 302
    assert WebhookDelivery.objects.get().status == "received"


def test_real_money_is_asked_for_once_more_and_nothing_is_written_before(alice: User, alice_client: Client) -> None:
    whale = wallet(alice)
    form = {
        "label": "Whale", "mode": "live", "exit_strategy": whale.exit_strategy.public_id, "discovery_source": "manual",
        "live_account": make_account(alice, "Real").name,
    }  # fmt: skip
    path = f"/wallets/{whale.public_id}/edit/"
    asked = alice_client.post(path, form)
    assert asked.status_code == 200
    for words in ("Copy it with real money?", 'name="confirmed" value="live"', 'value="Real"', "Whale"):
        assert words in asked.content.decode(), words
    whale.refresh_from_db()
    assert (whale.mode, whale.label) == ("simulation", "")
    assert alice_client.post(path, {**form, "confirmed": "live"}).status_code == 302
    whale.refresh_from_db()
    assert (whale.mode, whale.label) == ("live", "Whale")
    # It is live already: other changes need no second yes.
    assert alice_client.post(path, {**form, "label": "Big"}).status_code == 302


def test_wallets_that_nobody_listens_to_say_what_has_to_be_set(
    alice: User, alice_client: Client, settings: Any
) -> None:
    settings.HELIUS_API_KEY, settings.HELIUS_WEBHOOK_URL, settings.HELIUS_WEBHOOK_SECRETS = "", "https://x", []
    found = wallet(alice)
    Wallet.objects.update(pending_since=timezone.now() - timedelta(days=1), sync_status="pending")
    words = b"this installation has no HELIUS_API_KEY, HELIUS_WEBHOOK_SECRETS"
    assert words in alice_client.get("/wallets/").content
    assert words in alice_client.get(f"/wallets/{found.public_id}/").content


def test_deliveries_that_were_read_go_after_a_while_and_signals_stay(alice: User, settings: Any) -> None:
    now = timezone.now()
    seen = signal(wallet(alice))
    kept = {}
    for name, status, age in (
        ("signals", "parsed", 100), ("nothing", "ignored", 100), ("dead", "dead", 100), ("waits", "received", 100),
        ("young", "ignored", 80), ("today", "ignored", 0),
    ):  # fmt: skip
        kept[name] = WebhookDelivery.objects.create(
            source="helius", body=name.encode(), digest=name, received_at=now - timedelta(days=age), status=status,
            error="why" if status in ("dead", "ignored") else "",
        )  # fmt: skip
    Signal.objects.create(**{
        name: getattr(seen, name) for name in ("owner_id", "wallet_id", "wallet_address", "token_address", "type",
        "action", "source", "received_at", "payload")
    }, transaction_id="other", delivery=kept["signals"])  # fmt: skip

    settings.DELIVERY_DAYS = 0
    assert wallet_tasks.purge_deliveries() == 0
    settings.DELIVERY_DAYS = 90
    assert wallet_tasks.purge_deliveries() == 2

    there = {each.digest: (bytes(each.body), each.purged_at is None) for each in WebhookDelivery.objects.all()}
    assert there == {
        "signals": (b"", False), "dead": (b"dead", True), "waits": (b"waits", True), "young": (b"young", True),
        "today": (b"today", True),
    }  # fmt: skip
    assert Signal.objects.count() == 2
    with pytest.raises(Conflict):
        inbox.replay(WebhookDelivery.objects.get(digest="signals"))
    # The database holds to it, whoever asks.
    for digest in ("dead", "waits", "today"):
        with pytest.raises(IntegrityError), transaction.atomic():
            WebhookDelivery.objects.filter(digest=digest).delete()
    with pytest.raises(IntegrityError), transaction.atomic():
        WebhookDelivery.objects.filter(digest="young").update(body=b"other", purged_at=now)


def test_the_api_registers_wallets_and_refuses_what_is_not_ones_own(
    alice: User, bob: User, alice_api: APIClient
) -> None:
    own, foreign = strategy(alice), strategy(bob)
    body = {"address": address("whale"), "exit_strategy": str(own.public_id), "baseline_win_rate": "0.5"}
    for wrong, status in (
        ({**body, "address": "short"}, 400),
        ({**body, "exit_strategy": str(foreign.public_id)}, 400),
        ({**body, "live_account": str(make_account(alice, "P", kind="paper").public_id)}, 400),
        ({**body, "simulation_account": str(make_account(alice, "L").public_id)}, 400),
        ({**body, "baseline_win_rate": "1.5"}, 400),
        ({**body, "mode": "both"}, 400),
        ({**body, "sync_status": "synced"}, 400),
    ):
        assert alice_api.post("/api/v1/wallets/", wrong).status_code == status, wrong
    assert not Wallet.objects.exists()
    made = alice_api.post("/api/v1/wallets/", body)
    assert made.status_code == 201
    found = made.json()
    assert (found["mode"], found["sync_status"], found["health"]) == ("simulation", "pending", "waiting")
    assert (found["address"], found["baseline_win_rate"]) == (address("whale"), "0.5")
    assert alice_api.post("/api/v1/wallets/", body).json()["code"] == "address_taken"
    path = f"/api/v1/wallets/{found['id']}/"
    assert alice_api.patch(path, {"address": address("x")}).status_code == 400
    assert alice_api.delete(path).status_code == 405
    # One that was archived is not chosen anew; a wallet that has it keeps it.
    old = exit_strategies.archive(exit_strategies.create(owner=alice, name="Old", plan=simple_plan(stop_loss=D("0.2"))))
    archived = {"exit_strategy": str(old.public_id)}
    for answer in (
        alice_api.post("/api/v1/wallets/", {**body, "address": address("other"), **archived}),
        alice_api.patch(path, archived),
    ):
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/exit_strategy")
    assert Wallet.objects.get().exit_strategy == own
    ExitStrategy.objects.filter(pk=own.pk).update(archived_at=AT)
    kept = {"exit_strategy": str(own.public_id), "label": "Whale"}
    assert alice_api.patch(path, kept).status_code == 200
    assert [alice_api.post(f"{path}{act}/").status_code for act in ("pause", "pause", "activate")] == [200, 409, 200]
    assert alice_api.get("/api/v1/wallets/?status=paused").json()["total"] == 0
    assert alice_api.get("/api/v1/wallets/?mode=odd").status_code == 400


def test_the_api_copies_with_real_money_only_where_that_is_confirmed(alice: User, alice_api: APIClient) -> None:
    body = {"address": address("whale"), "exit_strategy": str(strategy(alice).public_id)}
    mine = "/api/v1/wallets/"
    for sent in ({}, {"confirm": False}):
        refused = alice_api.post(mine, {**body, "mode": "live", **sent})
        assert (refused.status_code, refused.json()["code"]) == (422, "needs_confirmation")
        assert [error["pointer"] for error in refused.json()["errors"]] == ["/confirm"]
        assert "`confirm`" in refused.json()["detail"]
    assert alice_api.post(mine, {**body, "mode": "live", "confirm": "yes"}).status_code == 400
    assert not Wallet.objects.exists()

    made = alice_api.post(mine, {**body, "label": "Play"}).json()
    path = f"{mine}{made['id']}/"
    for sent in ({}, {"confirm": False}):
        refused = alice_api.patch(path, {"label": "New", "mode": "live", **sent})
        assert (refused.status_code, refused.json()["code"]) == (422, "needs_confirmation")
    assert alice_api.get(path).json() == made

    live = alice_api.patch(path, {"label": "New", "mode": "live", "confirm": True}).json()
    assert (live["mode"], live["label"]) == ("live", "New")
    assert "confirm" not in live
    # Live already, and back to simulation: neither asks for anything.
    assert alice_api.patch(path, {"label": "Big", "mode": "live"}).json()["label"] == "Big"
    assert alice_api.patch(path, {"mode": "simulation"}).json()["mode"] == "simulation"
    assert alice_api.patch(path, {"mode": "live"}).status_code == 422
    other = alice_api.post(mine, {**body, "address": address("other"), "mode": "live", "confirm": True})
    assert (other.status_code, other.json()["mode"]) == (201, "live")


def test_the_api_gives_a_signal_with_every_check(alice: User, alice_api: APIClient, bob_api: APIClient) -> None:
    seen = judged(wallet(alice))
    path = f"/api/v1/signals/{seen.public_id}/"
    [row] = alice_api.get("/api/v1/signals/").json()["results"]
    assert (row["amount"], row["price"], row["value"], row["currency"]) == ("12.5", "0.0000012345", "50", "USD")
    assert row["outcome"]["action_taken"] == "rejected_safety"
    detail = alice_api.get(path).json()
    assert detail["outcomes"][0]["checks"] == [
        {
            "name": "liquidity", "seen": "10000", "limit": "50000", "source": "dexscreener", "age_seconds": 0.0,
            "verdict": "failed", "note": "",
        }
    ]  # fmt: skip
    assert bob_api.get(path).status_code == 404
    assert bob_api.get("/api/v1/signals/").json()["total"] == 0
    assert [alice_api.post(path).status_code, alice_api.delete(path).status_code] == [405, 405]
    assert alice_api.get("/api/v1/signals/?wallet=nonsense").status_code == 400


def test_the_api_gives_tokens_with_who_said_what(alice: User, alice_api: APIClient) -> None:
    judged(wallet(alice))
    Token.objects.create(address=MINT, top_holders=D("0.2"), top_holders_source="rugcheck", top_holders_at=AT)
    [row] = alice_api.get("/api/v1/tokens/").json()["results"]
    assert row["top_holders"] == {"value": "0.2", "source": "rugcheck", "read_at": "2026-03-02T14:00:00Z"}
    assert row["liquidity"] == {"value": None, "source": "", "read_at": None}
    assert alice_api.post(f"/api/v1/tokens/{row['id']}/blacklist/", {"reason": "No"}).status_code == 404


def test_operators_look_at_everything_and_write_nothing_in_the_admin(alice: User) -> None:
    judged(wallet(alice))
    signals.ignored(signal(), "ignored_untracked", "Nobody", at=AT)
    tokens.blacklist(MINT, reason="Honeypot", at=AT)
    inbox.receive(source="helius", body=b"[]", at=AT)
    operator = signed_in(User.objects.create_superuser("root@example.com", "correct horse battery"))
    for name in (
        "wallet", "signal", "signaloutcome", "signalcheck", "token", "tokenlisting", "webhookdelivery",
        "webhookregistration",
    ):  # fmt: skip
        where = f"/admin/intelligence/{name}/"
        answer = operator.get(where)
        assert answer.status_code == 200
        assert operator.get(f"{where}add/").status_code == 403
    row = Wallet.objects.get()
    sent = {"action": "pause", "_selected_action": row.pk, "confirm": "1"}
    operator.post("/admin/intelligence/wallet/", sent, follow=True)
    row.refresh_from_db()
    assert not row.is_active
    delivery = WebhookDelivery.objects.get()
    inbox.read_waiting()
    sent = {"action": "replay", "_selected_action": delivery.pk, "confirm": "1"}
    operator.post("/admin/intelligence/webhookdelivery/", sent, follow=True)
    delivery.refresh_from_db()
    assert delivery.status == "received"


@pytest.mark.parametrize("path", ["/wallets/", "/signals/", "/tokens/", "/deliveries/"])
def test_what_is_not_there_is_not_found(alice_client: Client, path: str) -> None:
    assert alice_client.get(f"{path}{uuid.uuid4()}/").status_code == 404
    assert wallets.AddressTaken.code == "address_taken"


@pytest.mark.parametrize(
    "path", ["/signals/?search=%00", "/signals/?token=%00", "/tokens/?search=%00", "/wallets/?search=%00"]
)
def test_odd_words_find_nothing_and_break_nothing(alice_client: Client, path: str) -> None:
    assert alice_client.get(path).status_code == 200


def test_a_filter_that_is_no_id_is_refused_in_words(alice_client: Client) -> None:
    answer = alice_client.get("/signals/?wallet=bad")

    assert answer.status_code == 400
    assert "An id is a UUID in lower case." in answer.content.decode()


@pytest.mark.parametrize("hours", [48, 12])
def test_as_many_hours_without_any_delivery_as_are_configured_are_said(
    alice: User, alice_client: Client, hours: int
) -> None:
    wallet(alice)
    RiskConfig.objects.update_or_create(pk=1, defaults={"webhook_timeout_alert_hours": hours})
    words = f"Nothing was delivered for {hours} hours".encode()
    now = timezone.now()
    for pushed, heard, is_said in ((1, None, False), (72, None, True), (72, hours - 1, False), (72, hours + 1, True)):
        WebhookRegistration.objects.update_or_create(
            pk=1,
            defaults={
                "pushed_at": now - timedelta(hours=pushed),
                "last_delivery_at": now - timedelta(hours=heard) if heard else None,
            },
        )
        assert (words in alice_client.get("/wallets/").content) == is_said, (pushed, heard)
