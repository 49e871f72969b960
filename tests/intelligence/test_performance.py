"""Stored figures of copied wallets: what they hold, when they are computed, and who reads them."""

import ast
from datetime import timedelta
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from intelligence import copy_tasks, performance, wallets
from intelligence.models import CopiedPosition, PerformanceRefresh, WalletPerformance
from intelligence.sources.transactions import address
from tests.conftest import signed_in
from tests.intelligence import following
from tests.intelligence.copies import MINT, Follower, priced
from trading.models import ManagedPosition

pytestmark = pytest.mark.django_db


def figures(follower: Follower, window: str = "all", mode: str = "simulation") -> WalletPerformance:
    return WalletPerformance.objects.get(wallet=follower.wallet, window=window, mode=mode)


def made(follower: Follower, price: str) -> None:
    """A copy at 1.00 that the source's sale closes at this price."""
    priced("1.00")
    follower.buys()
    priced(price)
    follower.sells()


def test_adr_003_a_close_asks_for_figures_and_the_worker_computes_them(follower: Follower) -> None:
    made(follower, "1.50")
    made(follower, "0.90")
    made(follower, "1.00")

    assert not WalletPerformance.objects.exists(), "nothing is computed on the way"
    assert performance.behind(at=timezone.now()) == [follower.wallet.pk]
    assert copy_tasks.sweep_performance() == 1

    found = figures(follower)
    # 30 each: +15, -3, 0.
    assert (found.positions, found.wins, found.losses, found.total_pnl) == (3, 1, 1, 12)
    assert (found.win_rate, found.average_pnl_fraction) == (D("0.333333333333"), D("0.133333333333"))
    assert (found.average_win, found.average_loss, found.profit_ratio) == (15, -3, 5)
    assert (found.signals, found.opened) == (6, 3)
    # 30 under a stop of 20 % risk 6: +2.5R, -0.5R, 0.
    assert (found.average_r, found.r_count) == (D("0.666666666667"), 3)
    assert figures(follower, mode="live").positions == 0
    assert WalletPerformance.objects.count() == 10
    assert performance.behind(at=timezone.now()) == []


def test_adr_003_running_twice_leaves_the_same_rows_and_windows_end_strictly(follower: Follower) -> None:
    made(follower, "1.50")
    closed_at = ManagedPosition.objects.get().closed_at
    assert closed_at is not None

    def rows(at: Any) -> dict[str, int]:
        assert performance.refresh(follower.wallet.pk, at=at)
        found = WalletPerformance.objects.filter(mode="simulation").values_list("window", "positions")
        return dict(found)

    now = timezone.now()
    assert rows(now) == rows(now) == {"24h": 1, "7d": 1, "30d": 1, "90d": 1, "all": 1}
    assert rows(closed_at + timedelta(days=1)) == {"24h": 0, "7d": 1, "30d": 1, "90d": 1, "all": 1}
    assert rows(closed_at + timedelta(days=30) - timedelta(microseconds=1))["30d"] == 1
    assert rows(closed_at + timedelta(days=30))["30d"] == 0
    assert rows(closed_at + timedelta(days=90)) == {"24h": 0, "7d": 0, "30d": 0, "90d": 0, "all": 1}
    # An earlier time than what is stored writes nothing.
    assert performance.refresh(follower.wallet.pk, at=now) is False
    assert figures(follower, "90d").positions == 0


def test_adr_003_a_close_during_the_batch_is_not_lost(follower: Follower, monkeypatch: pytest.MonkeyPatch) -> None:
    made(follower, "1.50")
    real = performance._rows

    def meanwhile(*args: Any, **kwargs: Any) -> Any:
        found = real(*args, **kwargs)
        monkeypatch.setattr(performance, "_rows", real)
        made(follower, "0.90")
        return found

    monkeypatch.setattr(performance, "_rows", meanwhile)
    performance.refresh(follower.wallet.pk, at=timezone.now())

    assert figures(follower).positions == 1
    assert performance.behind(at=timezone.now()) == [follower.wallet.pk]
    copy_tasks.sweep_performance()
    assert figures(follower).positions == 2


def test_adr_003_a_failure_keeps_the_figures_of_before_and_is_tried_again_after_an_hour(
    follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(follower, "1.50")
    copy_tasks.refresh_all_performance()
    before = figures(follower).calculated_at

    def broken(*_args: Any, **_kwargs: Any) -> None:
        raise RuntimeError("no")

    with monkeypatch.context() as patched:
        patched.setattr(performance, "_rows", broken)
        assert copy_tasks.refresh_all_performance() == 0
        with pytest.raises(CommandError):
            call_command("refresh_performance")

    found = PerformanceRefresh.objects.get()
    assert (figures(follower).calculated_at, figures(follower).positions, found.error) == (
        before,
        1,
        "RuntimeError: no",
    )
    now = timezone.now()
    assert (performance.behind(at=now), performance.behind(at=now + timedelta(hours=1))) == ([], [follower.wallet.pk])
    call_command("refresh_performance", wallet=[follower.wallet.address])
    assert PerformanceRefresh.objects.get().failed_at is None


def test_adr_003_paused_and_archived_wallets_are_computed_too(follower: Follower) -> None:
    wallets.archive(follower.wallet, at=timezone.now())

    assert copy_tasks.refresh_all_performance() == 1
    assert figures(follower).positions == 0
    assert figures(follower).win_rate is None


def test_adr_003_breakers_do_not_read_figures_and_pages_read_nothing_else(follower: Follower) -> None:
    # What judges breakers stands below the app that keeps the figures, and names neither it nor its tables.
    root = Path(__file__).resolve().parents[2]
    sources = [root / "trading" / "breaker.py", *(root / "trading" / "risk").glob("*.py")]
    for source in sources:
        text = source.read_text(encoding="utf-8")
        names = {node.module for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom)}
        assert not [name for name in names if name and name.startswith("intelligence")]
        assert "intelligence_" not in text

    person = signed_in(follower.person)
    made(follower, "1.50")
    copy_tasks.refresh_all_performance()
    with CaptureQueriesContext(
        connection,
    ) as one:
        person.get("/wallets/performance/")
    for number in range(5):
        other = following.wallet(follower.person, f"other {number}", simulation_account=follower.account)
        performance.refresh(other.pk, at=timezone.now())
    with CaptureQueriesContext(connection) as six:
        answer = person.get("/wallets/performance/")

    assert len(six) <= len(one)
    said = " ".join(query["sql"] for query in six.captured_queries)
    assert "trading_managedposition" not in said
    assert "intelligence_copiedposition" not in said
    assert answer.status_code == 200


def test_the_page_ranks_what_has_twenty_copies_and_says_as_of_when_and_what_fell(follower: Follower) -> None:
    now = timezone.now()
    wallets.update(follower.wallet, baseline_win_rate=D("0.80"), label="Whale")
    few = following.wallet(follower.person, "few", label="Fish")
    for wallet, positions, pnl, raised in ((follower.wallet, 20, 5, ["win_rate_fell"]), (few, 19, 9, [])):
        WalletPerformance.objects.create(
            owner=follower.person, wallet=wallet, mode="simulation", window="all", positions=positions, wins=10,
            losses=9, win_rate=D("0.5"), total_pnl=D(pnl), flags=raised, calculated_at=now,
        )  # fmt: skip
        PerformanceRefresh.objects.create(wallet=wallet, refreshed_at=now, computed_version=1)
    client = signed_in(follower.person)

    page = client.get("/wallets/performance/").content.decode()
    answer = client.get("/api/v1/wallet-performance/?mode=simulation&window=all").json()

    assert page.index("Fish") < page.index("Whale"), "by result, whatever has a place"
    assert "Wins far less often than before" in page
    assert "As of" in page
    assert [(row["label"], row["is_ranked"], row["total_pnl"]) for row in answer["results"]] == [
        ("Fish", False, "9"), ("Whale", True, "5"),
    ]  # fmt: skip
    assert client.get("/api/v1/wallet-performance/?order=-win_rate").status_code == 200
    assert client.get("/api/v1/wallet-performance/?window=1y").status_code == 400
    assert client.get(f"/wallets/{follower.wallet.public_id}/performance/").status_code == 200
    assert Client().get("/wallets/performance/").status_code == 302


def test_a_stranger_sees_none_of_it_and_settings_are_ones_own(follower: Follower) -> None:
    made(follower, "1.50")
    copy_tasks.refresh_all_performance()
    stranger = signed_in(Follower(name="minnow").person)

    assert stranger.get("/api/v1/wallet-performance/").json()["results"] == []
    assert stranger.get(f"/wallets/{follower.wallet.public_id}/performance/").status_code == 404
    own = signed_in(follower.person)
    answer = own.patch("/api/v1/copy-settings/", {"max_positions": 3}, content_type="application/json")
    assert (answer.status_code, answer.json()["max_positions"], answer.json()["revision"]) == (200, 3, 1)
    wrong = own.patch("/api/v1/copy-settings/", {"max_total": "0.1"}, content_type="application/json")
    assert (wrong.status_code, own.get("/api/v1/copy-settings/").json()["max_total"]) == (400, "0.8")
    assert stranger.get("/api/v1/copy-settings/").json()["max_positions"] == 20
    form = {
        "is_on": "on", "capital": "500", "max_per_trade": "10", "max_per_wallet": "20", "max_per_token": "20",
        "max_total": "50", "max_price_drift": "5", "max_signal_age_seconds": "60", "max_positions": "5",
        "min_source_value": "0", "repeat_policy": "add", "revision": "1",
    }  # fmt: skip
    assert own.post("/wallets/copying/", form).status_code == 302
    assert own.post("/wallets/copying/", form | {"capital": "1"}).status_code == 422
    saved = own.get("/api/v1/copy-settings/").json()
    assert (saved["capital"], saved["max_per_trade"], saved["repeat_policy"]) == ("500", "0.1", "add")
    assert CopiedPosition.objects.for_user(follower.person).count() == 1
    assert address("another") != MINT
