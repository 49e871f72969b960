"""What the database itself refuses of wallets, tokens, deliveries and signals."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from accounts.models import User
from intelligence import signals
from intelligence.models import (
    Signal,
    SignalCheck,
    SignalOutcome,
    Token,
    TokenListing,
    Wallet,
    WalletPerformance,
    WebhookDelivery,
    WebhookRegistration,
)
from intelligence.sources.transactions import address
from tests.factories import make_account
from tests.intelligence.following import AT, signal, wallet


def refused(statement: str, *values: Any, by: str) -> None:
    # Composite foreign keys are asked at the end.
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        with pytest.raises(DatabaseError, match=by), transaction.atomic():
            cursor.execute(statement, values or None)


def test_what_was_seen_and_what_was_made_of_it_is_never_changed(alice: User) -> None:
    seen = signal(wallet(alice))
    outcome = signals.ignored(seen, "ignored_sell", "Nothing of it is held.", at=AT)
    SignalCheck.objects.create(outcome=outcome, position=0, name="open position", verdict="failed")
    token = Token.objects.create(address=address("token"))
    TokenListing.objects.create(token=token, kind="blacklisted", reason="A trap", occurred_at=AT)
    for table in ("signal", "signaloutcome", "signalcheck", "tokenlisting"):
        refused(f"UPDATE intelligence_{table} SET id = id + 1", by="append-only")
        refused(f"DELETE FROM intelligence_{table}", by="append-only")
        refused(f"TRUNCATE intelligence_{table} CASCADE", by="append-only")
    with pytest.raises(IntegrityError, match="signal_outcome_once"), transaction.atomic():
        SignalOutcome.objects.create(
            signal=seen, attempt=2, verdict="ignored", action_taken="again", reason="Again", decided_at=AT
        )
    assert Signal.objects.get() == seen
    assert SignalOutcome.objects.get() == outcome


def test_every_table_says_what_it_is_for(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND pg_table_is_visible(oid) "
            "AND relname LIKE 'intelligence\\_%' AND obj_description(oid, 'pg_class') IS NULL"
        )
        assert cursor.fetchall() == []


def test_a_delivery_stays_as_it_came_and_how_far_it_has_come_moves_on(db: None) -> None:
    made = WebhookDelivery.objects.create(source="helius", body=b"[]", digest="0" * 64, received_at=AT)
    for change in ("body = 'x'", f"digest = '{'1' * 64}'", "source = 'bot'", "event_id = 'e'", "received_at = now()"):
        refused(f"UPDATE intelligence_webhookdelivery SET {change}", by="stays as it came")
    refused("DELETE FROM intelligence_webhookdelivery", by="stays as it came")
    WebhookDelivery.objects.filter(pk=made.pk).update(status="parsed", repeats=2)
    with pytest.raises(IntegrityError), transaction.atomic():
        WebhookDelivery.objects.create(source="helius", body=b"[]", digest="0" * 64, received_at=AT)
    with pytest.raises(IntegrityError, match="webhook_registration_one_row"), transaction.atomic():
        WebhookRegistration.objects.create(pk=2)
    assert (WebhookDelivery.objects.count(), WebhookRegistration.objects.count()) == (1, 1)


def test_a_wallet_keeps_its_address_and_is_sound(alice: User, bob: User) -> None:
    made = wallet(alice, live_account=make_account(alice, "Live"))
    foreign = make_account(bob, "Bob's")
    cases = {
        "wallet keeps": ["address = %s", address("other")],
        "wallet_words_valid": ["mode = 'both'"],
        "wallet_baseline_win_rate_range": ["baseline_win_rate = 1.01"],
        "wallet_baseline_trades_range|wallet_baseline_trades_check": ["baseline_trades = -1"],
        "wallet_baseline_days_positive": ["baseline_days = 0"],
        "wallet_baseline_finite|wallet_baseline_average_pnl_range": ["baseline_average_pnl = 'NaN'"],
        "wallet_error_says_why": ["sync_status = 'error'"],
        "wallet_synced_says_when": ["sync_status = 'synced'"],
        "wallet_archived_is_paused": ["archived_at = now()"],
        "live_account_of_owner": [f"live_account_id = {foreign.pk}"],
    }
    for constraint, (change, *values) in cases.items():
        refused(f"UPDATE intelligence_wallet SET {change}", *values, by=constraint)
    refused("DELETE FROM intelligence_wallet", by="archived, never deleted")
    WalletPerformance.objects.create(owner=alice, wallet=made, mode="live", window="all", calculated_at=AT)
    refused(f"UPDATE intelligence_walletperformance SET owner_id = {bob.pk}", by="wallet_of_owner")
    fields = {"owner": alice, "exit_strategy": made.exit_strategy, "pending_since": AT}
    for wrong in ("0x" + "a" * 40, "O" * 40, "a" * 31, "a" * 45, made.address):
        with pytest.raises(DatabaseError), transaction.atomic():
            Wallet.objects.create(address=wrong, **fields)
    assert Wallet.objects.get() == made


def test_a_ban_ends_by_a_lifting_of_that_very_ban_and_not_by_an_update_or_a_deletion(db: None) -> None:
    token = Token.objects.create(
        address=address("trap"), is_blacklisted=True, blacklist_reason="A trap", blacklisted_at=AT
    )
    lift = "UPDATE intelligence_token SET is_blacklisted = false, blacklisted_at = NULL"
    refused(lift, by="only an audited correction")
    refused("UPDATE intelligence_token SET blacklisted_at = now()", by="keeps its time")
    refused("UPDATE intelligence_token SET address = 'other'", by="keeps its address")
    refused("DELETE FROM intelligence_token", by="stays")
    TokenListing.objects.create(
        token=token, kind="lifted", reason="Another ban", occurred_at=AT, lifts=AT - timedelta(days=1)
    )
    refused(lift, by="only an audited correction")
    TokenListing.objects.create(token=token, kind="lifted", reason="Mistaken", occurred_at=AT, lifts=AT)
    with connection.cursor() as cursor:
        cursor.execute(lift)
    # The next one is not lifted by what lifted this one.
    Token.objects.update(is_blacklisted=True, blacklist_reason="Again", blacklisted_at=AT + timedelta(hours=1))
    refused(lift, by="only an audited correction")


def test_the_same_is_seen_once_for_each_person_and_for_nobody(alice: User, bob: User) -> None:
    first = signal(wallet(alice))
    nobodys = signal()
    for same in (first, nobodys):
        values = {
            name: getattr(same, name)
            for name in ("owner_id", "wallet", "wallet_address", "token_address", "transaction_id")
        }
        with pytest.raises(IntegrityError, match="signal_once"), transaction.atomic():
            signal(**values)
        with pytest.raises(IntegrityError, match="signal_revision_replaces"), transaction.atomic():
            signal(**values, revision=1)
        signal(**values, revision=1, replaces=same)
        signal(**values, action="sell")
    signal(wallet(bob), transaction_id=first.transaction_id)
    for wrong in (
        {"amount": Decimal(10) ** 40},
        {"price": -1},
        {"action": ""},
        {"type": "gift"},
        {"token_address": ""},
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            signal(**wrong)
    assert Signal.objects.count() == 7
