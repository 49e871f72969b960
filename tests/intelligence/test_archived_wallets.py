"""Watched wallets in an archive: the same signals, reasons, copies and figures, and no purchase."""

import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Account, User
from intelligence import copy_tasks, performance, signal_processing, wallets
from intelligence.models import CopiedPosition, Signal, SignalCheck, SignalOutcome, Wallet, WalletPerformance
from intelligence.sources.transactions import address
from journal.archive.opening import ArchiveRefused
from tests.intelligence.copies import Follower, priced, safe_token
from tests.journal.test_archive import _own_media, archive, edited, taken_in
from trading import exit_strategies
from trading.exits.plans import simple_plan
from trading.models import ExitStrategy, Order

__all__ = ["_own_media", "archive"]
pytestmark = pytest.mark.django_db


def furnish(alice: User) -> Follower:
    """A copy that is closed by a sale, one that is open, a purchase that was left, and a wallet of the shipped plan."""
    safe_token()
    own = exit_strategies.create(owner=alice, name="Own", plan=replace(simple_plan(stop_loss=D("0.2")), mirrors=True))
    follower = Follower(person=alice, exit_strategy=own, label="Whale", baseline_win_rate=D("0.6"))
    first = follower.signal(price="0.00000000000001234567", amount=D("1e30") + D("1e-30"), occurred_at=None)
    assert signal_processing.process(first).verdict == "rejected"
    follower.buys()
    priced("1.25")
    follower.sells(occurred_at=timezone.now())
    follower.buys(safe_token(address("another"), price="2.00").address, price="2.00")
    follower.buys(address("no token of anybody"))
    shipped = ExitStrategy.objects.filter(owner=None).order_by("id").last()
    wallets.register(owner=alice, address=address("second"), at=timezone.now(), exit_strategy=shipped, label="Other")
    performance.refresh(follower.wallet.pk, at=timezone.now())
    return follower


def told(owner: User) -> dict[str, Any]:
    """What the pages say of a person's wallets, without what says how they stand with Helius."""
    return {
        "wallets": list(
            Wallet.objects.for_user(owner).order_by("id").values_list(
                "address", "label", "exit_strategy__name", "simulation_account__name", "baseline_win_rate",
                "last_signal_at", "created_at",
            )
        ),
        "signals": list(
            Signal.objects.filter(owner_id=owner.pk).order_by("id").values_list(
                "wallet__address", "token_address", "action", "transaction_id", "amount", "price", "value",
                "occurred_at", "received_at", "payload",
            )
        ),
        "outcomes": [
            (each.verdict, each.action_taken, each.reason, each.decided_at, each.details.get("size"),
             bool(each.order_id))
            for each in SignalOutcome.objects.filter(owner_id=owner.pk).order_by("id")
        ],
        "checks": list(
            SignalCheck.objects.filter(outcome__owner_id=owner.pk).order_by("id")
            .exclude(name="mirror").values_list("name", "seen", "limit", "source", "age", "verdict", "note")
        ),
    }  # fmt: skip


def figures(owner: User) -> list[Any]:
    rows = WalletPerformance.objects.filter(owner=owner, window="all", mode="simulation").order_by("wallet")
    return list(rows.values_list("positions", "win_rate", "total_pnl", "average_r", "opened"))


def test_wallets_signals_and_copies_come_back_to_the_same_figures_and_buy_nothing(
    alice: User, bob: User, archive: Callable[[], Path]
) -> None:
    follower = furnish(alice)
    path = archive()

    added = taken_in(bob, path)

    assert told(bob) == told(alice)
    assert (added["wallets"], added["signals"], added["signal_outcomes"], added["copies"]) == (2, 5, 5, 1)
    assert set(Wallet.objects.for_user(bob).values_list("is_active", "mode", "sync_status")) == {
        (False, "simulation", "pending")
    }
    copy = CopiedPosition.objects.get(owner=bob)
    assert (copy.managed_position.account.owner, copy.order.account.owner, copy.signal.owner_id) == (bob, bob, bob.pk)
    outcomes = SignalOutcome.objects.filter(owner_id=bob.pk)
    assert outcomes.get(signal=copy.signal).plan_id == copy.managed_position.public_id
    assert outcomes.get(signal=copy.signal).order_id == copy.order.public_id
    sale = outcomes.get(action_taken="mirror_exit")
    assert sale.details == {"plans": [str(copy.managed_position.public_id)]}
    assert sale.checks.get(name="mirror").note == str(copy.managed_position.public_id)

    copy_tasks.sweep_performance()
    # 30 at 1.00, sold at 1.25: 7.50, which is 1.25 times what the stop of 20 % would have lost. The copy that is open
    # stayed where it was.
    assert figures(bob)[0] == (1, 1, D("7.5"), D("1.25"), 1)
    assert figures(bob)[0][:4] == figures(alice)[0][:4]
    before = Order.objects.count()
    assert copy_tasks.process_signals() == 0
    assert Order.objects.count() == before
    assert taken_in(bob, path) == {}
    assert taken_in(follower.person, path) == {}


def test_a_wallet_that_one_watches_already_stays_as_it_is_and_gets_what_was_seen_of_it(
    alice: User, bob: User, archive: Callable[[], Path]
) -> None:
    follower = furnish(alice)
    mine = Follower(person=bob, name="whale", label="Mine")
    assert mine.wallet.address == follower.wallet.address

    taken_in(bob, archive())

    mine.wallet.refresh_from_db()
    assert (mine.wallet.label, mine.wallet.is_active) == ("Mine", True)
    assert mine.wallet.signals.count() == 5


def test_a_purchase_that_came_without_an_outcome_is_settled_and_never_copied(
    alice: User, bob: User, archive: Callable[[], Path]
) -> None:
    safe_token()
    Follower(person=alice).signal()
    Follower(person=bob)
    later = "2199-01-01T00:00:00+00:00"
    path = edited(archive(), "signals", received_at=later, occurred_at=later)
    before = timezone.now()

    taken_in(bob, path)

    signal = Signal.objects.get(owner_id=bob.pk)
    outcome = signal.outcomes.get()
    assert (outcome.owner_id, outcome.verdict, outcome.action_taken, outcome.reason, outcome.details) == (
        bob.pk, "ignored", "ignored_archived", "It came with an archive.", {},
    )  # fmt: skip
    # What is said to be later than now was seen now.
    assert signal.received_at == signal.occurred_at
    assert before <= signal.received_at <= timezone.now()
    # That of the person who saw it themselves is copied, and no other.
    assert copy_tasks.process_signals() == 1
    assert list(CopiedPosition.objects.values_list("owner", flat=True)) == [alice.pk]
    assert taken_in(bob, path) == {}


def test_a_strategy_that_is_nowhere_here_gives_way_to_the_default(
    alice: User, bob: User, archive: Callable[[], Path]
) -> None:
    furnish(alice)
    path = edited(archive(), "shipped_strategies", name="Of another journal")
    path = edited(path, "wallets", exit_strategy="019d0000-0000-7000-8000-000000000000")

    taken_in(bob, path)

    first = Wallet.objects.for_user(bob).order_by("id").first()
    assert first is not None
    assert first.exit_strategy == wallets.default_strategy(bob)


@pytest.mark.parametrize(
    ("table", "values"),
    [
        ("wallets", {"address": "no address"}),
        ("wallets", {"baseline_win_rate": "1.5"}),
        ("signals", {"wallet_address": address("somebody else")}),
        ("signals", {"action": "hold"}),
        ("signals", {"amount": "-1"}),
        ("signals", {"amount": "1e5"}),
        ("signal_outcomes", {"verdict": "fine"}),
        ("signal_outcomes", {"verdict": "rejected", "reason": ""}),
        ("signals", {"payload": {"memo": ["a\0b"]}}),
        ("signals", {"payload": {"\0": 1}}),
        ("signals", {"payload": json.loads("[" * 300 + "]" * 300)}),
        ("signal_outcomes", {"details": []}),
        ("signal_outcomes", {"details": {"plans": ["one"]}}),
        ("signal_outcomes", {"details": {"plans": "019d0000-0000-7000-8000-000000000000"}}),
        ("signal_outcomes", {"details": {"size": {"quantity": "1E+999999999"}}}),
        ("signal_outcomes", {"details": {"size": {"value": "1" * 19}}}),
        ("signal_outcomes", {"details": {"size": {"caps": {"total": "1e9"}}}}),
        ("signal_outcomes", {"details": {"size": {"caps": ["5"]}}}),
        ("signal_outcomes", {"details": {"size": "5"}}),
        ("signal_checks", {"verdict": "maybe"}),
        ("copies", {"intended_price": "0"}),
    ],
)
def test_what_the_registry_would_not_hold_is_refused_and_nothing_is_taken_in(
    alice: User, bob: User, archive: Callable[[], Path], table: str, values: dict[str, Any]
) -> None:
    furnish(alice)
    path = edited(archive(), table, **values)

    with pytest.raises(ArchiveRefused):
        taken_in(bob, path)

    assert not Wallet.objects.for_user(bob).exists()
    assert not Account.objects.filter(owner=bob).exists()


def test_copies_would_go_to_no_account_of_another_kind(alice: User, bob: User, archive: Callable[[], Path]) -> None:
    follower = furnish(alice)
    path = edited(archive(), "wallets", live_account=str(follower.account.public_id))

    with pytest.raises(ArchiveRefused) as refused:
        taken_in(bob, path)

    assert refused.value.code == "contradiction"


def test_a_copy_names_the_signal_and_the_plan_that_it_is_of(
    alice: User, bob: User, archive: Callable[[], Path]
) -> None:
    furnish(alice)
    other = Wallet.objects.get(owner=alice, label="Other")
    for values in ({"wallet": str(other.public_id)}, {"order": str(_exit_order(alice).public_id)}):
        with pytest.raises(ArchiveRefused):
            taken_in(bob, edited(archive(), "copies", **values))
    assert not Wallet.objects.for_user(bob).exists()


def _exit_order(owner: User) -> Order:
    return Order.objects.for_user(owner).get(purpose="exit_mirror")


def test_a_purchase_that_both_copied_keeps_the_copy_that_is_here(
    alice: User, bob: User, archive: Callable[[], Path]
) -> None:
    safe_token()
    shipped = ExitStrategy.objects.filter(owner=None).order_by("id").first()
    assert shipped is not None
    theirs = Follower(person=alice, exit_strategy=shipped)
    bought = theirs.buys()
    theirs.sells()
    mine = Follower(person=bob, exit_strategy=shipped)
    own = mine.buys(transaction_id=bought.signal.transaction_id)

    added = taken_in(bob, archive())

    copy = CopiedPosition.objects.get(owner=bob)
    assert copy.managed_position.public_id == own.plan_id
    # The sale is the only thing that was not seen here; what the archive's copy traded came with it.
    assert (added["signals"], added.get("copies"), added["managed_positions"]) == (1, None, 1)


def test_a_backslash_before_u0000_is_six_innocent_characters(
    alice: User, bob: User, archive: Callable[[], Path]
) -> None:
    Follower(person=alice).signal(payload={"memo": "\\u0000", "more": ["\\\\u0000"]})

    taken_in(bob, archive())

    assert Signal.objects.get(owner_id=bob.pk).payload == {"memo": "\\u0000", "more": ["\\\\u0000"]}
