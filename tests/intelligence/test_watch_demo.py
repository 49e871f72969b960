"""The recorded day, as people play it: every kind of outcome is in it, and it can be put out of sight."""

import shlex
from collections import Counter
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Account
from intelligence import sample_copies, sample_day
from intelligence.models import SignalOutcome, Wallet, WalletPerformance
from tests.factories import make_user
from tests.intelligence.delivering import deliver
from trading.models import Trade

pytestmark = pytest.mark.django_db


def prices(mint: str) -> list[str]:
    found = sample_copies.as_last_seen(mint)
    assert found is not None
    return [pair["priceUsd"] for pair in found.pairs]


def test_the_day_is_played_with_its_reasons_and_figures_and_archived_again(settings: Any) -> None:
    person, said = make_user("demo@example.com"), StringIO()
    before = settings.DEXSCREENER_URL

    call_command("watch_demo", "--round-trips", "2", stdout=said)

    made = Counter(SignalOutcome.objects.for_user(person).values_list("action_taken", flat=True))
    assert made == {
        "position_created": 7,
        "mirror_exit": 4,
        "rejected_safety": 3,
        "rejected_existing_position": 1,
        "rejected_price_drift": 1,
        "rejected_stale": 1,
        "ignored_inactive_wallet": 1,
        "ignored_sell": 1,
    }, said.getvalue()
    for words in ("Not safe enough – Contract", "Got out with the source", "Too old", "no signal", "Look at"):
        assert words in said.getvalue()
    account = Account.objects.get(owner=person, name=sample_copies.ACCOUNT)
    closed = Trade.objects.filter(account=account, closed_at__isnull=False)
    figures = WalletPerformance.objects.for_user(person).filter(mode="simulation", window="all")
    assert sum(row.total_pnl for row in figures) == sum(trade.net_pnl or 0 for trade in closed)
    assert before == settings.DEXSCREENER_URL
    assert sample_copies.is_there(person)

    settings.HELIUS_WEBHOOK_SECRETS = []
    with sample_copies.standing_in("http://127.0.0.1:1/") as sources:
        assert sources["HELIUS_WEBHOOK_SECRETS"] == "demo-webhook-secret"
        assert sources["HELIUS_WEBHOOK_URL"] == "http://127.0.0.1:1/api/v1/webhooks/helius/"
    heard = Wallet.objects.for_user(person).filter(is_active=True)
    assert set(heard.values_list("sync_status", flat=True)) == {"synced"}
    # PINE was last sold at 1.90; a wallet that buys 400 for 800 now says 2.00.
    pine = sample_day.TOKENS["PINE"].mint
    assert prices(pine) == ["1.9"]
    line = shlex.split(sample_day.curl_line("http://127.0.0.1:1", secret="x").replace("$(date +%s)", "1790000000"))
    [bought] = deliver(line[-1].encode())
    assert (bought.action, bought.amount, bought.price, bought.wallet) == ("buy", 400, 2, heard.get(label="Alpha"))
    assert prices(pine) == ["2"]
    assert sample_copies.as_last_seen("nobody") is None

    call_command("watch_demo", "--remove", stdout=said)

    assert not sample_copies.is_there(person)
    assert Wallet.objects.for_user(person).filter(archived_at__isnull=True).count() == 0


def test_a_call_for_nobody_or_of_a_pace_below_zero_is_refused() -> None:
    make_user("demo@example.com")
    for arguments in (
        ["--email", "nobody@example.com"],
        ["--pace", "-1"],
        ["--pace", "nan"],
        ["--pace", "inf"],
        ["--round-trips", "-1"],
    ):
        with pytest.raises(CommandError) as refused:
            call_command("watch_demo", *arguments)
        assert refused.value.returncode == 2
