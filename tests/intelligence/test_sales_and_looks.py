"""Sales by a copied wallet, and the looks at all that waits: in what order, by many at once, and at what price."""

import threading
import time
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal as D
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from accounts.models import ActivityEntry, User
from intelligence import (
    copy_settings,
    copy_situation,
    copy_tasks,
    signal_outcomes,
    signal_processing,
    token_trading,
    wallets,
)
from intelligence.models import CopiedPosition, CopySettings, Signal, SignalOutcome, SignalRetry, Token
from intelligence.sources.stand_ins import Fault, StandIns
from intelligence.sources.transactions import address
from tests.factories import make_user
from tests.intelligence import following
from tests.intelligence.copies import Follower, nothing_was_bought, plan_of, priced, safe_token, settled
from tests.trading.desk import broken, cash
from tests.waiting import at_once
from trading import exit_orders, exit_strategies, monitoring
from trading.exits.plans import simple_plan
from trading.models import (
    ManagedPosition,
    Order,
    PlanExit,
    Quote,
    Trade,
)

pytestmark = pytest.mark.django_db


def test_a_sale_by_the_source_gets_out_of_every_copy_that_mirrors(follower: Follower) -> None:
    follower.change(repeat_policy="add")
    mirrors = follower.buys()
    keeps_strategy = exit_strategies.create(
        owner=follower.person, name="Keep", plan=replace(simple_plan(stop_loss=D("0.2")), mirrors=False)
    )
    wallets.update(follower.wallet, exit_strategy=keeps_strategy)
    follower.wallet.refresh_from_db()
    keeps = follower.buys()
    wallets.pause(follower.wallet)
    priced("1.10")

    outcome = follower.sells()

    assert (outcome.action_taken, outcome.plan_id) == ("mirror_exit", mirrors.plan_id)
    assert (plan_of(mirrors).status, plan_of(mirrors).reason) == ("closed", "mirror")
    assert (plan_of(keeps).status, plan_of(keeps).remaining) == ("monitoring", 30)
    # 30 at 1.00, sold at 1.10.
    assert Trade.objects.get().is_open
    assert cash(follower.account) == (9973, 0)
    again = follower.sells()
    assert (again.action_taken, again.reason) == ("ignored_sell", "No open copy of this token mirrors its source.")
    assert follower.sells(address("another")).reason == "Nothing was copied of this token that is still open."


def test_a_sale_heard_of_late_gets_out_of_nothing_that_was_bought_after_it(follower: Follower) -> None:
    held = follower.buys()

    outcome = follower.sells(occurred_at=timezone.now() - timedelta(minutes=3))

    assert (outcome.action_taken, plan_of(held).status) == ("ignored_sell", "monitoring")
    assert outcome.reason == "Nothing was copied of this token that is still open."
    assert outcome.checks.get(name="mirror").seen == "later"


def test_w14_a_purchase_is_not_copied_where_its_sale_was_heard_of_first(follower: Follower) -> None:
    now = timezone.now()
    before, block = now - timedelta(seconds=20), 250_000_000
    #: When the sale was, what else is said of it, whether the strategy mirrors, and what becomes of the purchase.
    cases: list[tuple[str, dict[str, Any], bool, str]] = [
        ("after", {"occurred_at": now}, True, "rejected_sold"),
        ("after, not mirrored", {"occurred_at": now}, False, "position_created"),
        ("before", {"occurred_at": before - timedelta(seconds=1)}, True, "position_created"),
        ("in one moment", {"occurred_at": before}, True, "rejected_sold"),
        ("in a later block", {"occurred_at": before, "block": block + 1}, True, "rejected_sold"),
        ("in an earlier block", {"occurred_at": before, "block": block - 1}, True, "position_created"),
        ("of no time", {"occurred_at": None}, True, "rejected_sold"),
        ("of another token", {"occurred_at": now, "mint": address("another")}, True, "position_created"),
    ]
    keeps = exit_strategies.create(
        owner=follower.person, name="Keep", plan=replace(simple_plan(stop_loss=D("0.2")), mirrors=False)
    )
    mirrors = follower.wallet.exit_strategy
    follower.change(max_total=D(1), max_per_wallet=D(1))
    for case, sale, does_mirror, action in cases:
        wallets.update(follower.wallet, exit_strategy=mirrors if does_mirror else keeps)
        follower.wallet.refresh_from_db()
        mint = safe_token(address(f"token {case}")).address
        sold = signal_processing.process(follower.signal("sell", **{"mint": mint, **sale}))
        assert sold.action_taken == "ignored_sell", case
        bought = follower.buys(mint, occurred_at=before, block=block)
        assert bought.action_taken == action, (case, bought.reason)
        assert CopiedPosition.objects.filter(signal=bought.signal).exists() == (action == "position_created"), case
        if action == "rejected_sold":
            assert bought.reason == "Sales of the wallet since: 1, limit 0.", case

    # What the chain took back was no sale.
    mint = safe_token(address("token taken back")).address
    sale = follower.signal("sell", mint, occurred_at=now, block=block)
    following.signal(
        follower.wallet, action="sell", token_address=mint, transaction_id=sale.transaction_id, block=block,
        is_removed=True, revision=1, replaces=sale, received_at=now,
    )  # fmt: skip
    assert follower.buys(mint, occurred_at=before).action_taken == "position_created"


def test_w14_a_sale_that_is_heard_of_while_its_purchase_is_judged_is_not_missed(
    follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, sold = copy_situation.look_up, []

    def meanwhile(*args: Any) -> Any:
        sold.append(follower.sells())
        return real(*args)

    monkeypatch.setattr(copy_situation, "look_up", meanwhile)
    bought = follower.buys(occurred_at=timezone.now() - timedelta(seconds=2))

    assert [each.action_taken for each in (*sold, bought)] == ["ignored_sell", "rejected_sold"]
    assert nothing_was_bought()


def test_sales_come_before_purchases_and_in_between_and_while_somebody_else_looks_for_purchases(
    follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = timezone.now()
    follower.buys(occurred_at=now - timedelta(seconds=9))
    newer, older = safe_token(address("newer")).address, safe_token(address("older")).address
    follower.signal("buy", newer, occurred_at=now)
    follower.signal("buy", older, occurred_at=now - timedelta(seconds=5))
    first = follower.signal("sell")
    asked: list[str] = []
    late: list[Signal] = []
    real = copy_situation.look_up

    def looked(signal: Signal, wallet: Any) -> Any:
        made = SignalOutcome.objects.filter(signal__in=[first, *late]).values_list("action_taken", flat=True)
        asked.append(f"{signal.token_address == newer} {sorted(made)}")
        late.append(follower.signal("sell"))
        return real(signal, wallet)

    monkeypatch.setattr(copy_situation, "look_up", looked)
    assert copy_tasks.process_signals() == 5
    # The older purchase is judged first, and what was sold while its token was looked up is done with by then.
    assert asked == ["False ['mirror_exit']", "True ['ignored_sell', 'mirror_exit']"]
    assert PlanExit.objects.get().reason == "mirror"
    assert not Signal.objects.unprocessed().exists()

    waits, sale = follower.signal("buy", address("a third")), follower.signal("sell")
    monkeypatch.setattr(copy_tasks.locks, "held", lambda name, **_: nullcontext(name != "process signals"))
    assert copy_tasks.process_signals() == 1
    assert (signal_outcomes.of(waits), signal_outcomes.of(sale) is not None) == (None, True)


def test_a_sale_of_any_age_gets_out_of_what_is_open(follower: Follower) -> None:
    held = follower.buys()
    follower.signal("sell", received_at=timezone.now() - timedelta(days=2, minutes=1))

    assert copy_tasks.process_signals() == 1

    assert SignalOutcome.objects.latest("id").action_taken == "mirror_exit"
    settled()
    assert plan_of(held).reason == "mirror"


def test_what_had_its_outcome_is_not_read_again_at_every_look_and_what_was_left_is_found(
    follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = copy_tasks._Mark()
    monkeypatch.setattr(copy_tasks, "_mark", mark)
    monkeypatch.setattr(copy_tasks, "_BEFORE", 2)
    made = [follower.signal("", type="other") for _ in range(6)]
    assert copy_tasks.process_signals() == 6
    assert mark.below == made[-1].pk - 2, "two before the last are looked at again"

    # What is left goes on being looked at, and the mark stays before it.
    monkeypatch.setattr(copy_tasks, "_processed", lambda signal: 0)
    left = [follower.signal("", type="other") for _ in range(6)]
    assert copy_tasks.process_signals() == 0
    assert mark.below == made[-1].pk - 2
    monkeypatch.undo()
    monkeypatch.setattr(copy_tasks, "_mark", mark)
    assert copy_tasks.process_signals() == 6
    assert not Signal.objects.filter(pk__in=[each.pk for each in left]).unprocessed().exists()

    # Another database, or half an hour later: from the beginning.
    for change in ({"newest": left[-1].pk + 9}, {"looked_at": mark.looked_at - 1801}):
        mark.below = left[-1].pk
        for name, value in change.items():
            setattr(mark, name, value)
        mark.begin(copy_tasks._newest())
        assert mark.below == 0, change


def test_a_sale_that_is_to_be_tried_again_keeps_no_mark_and_is_found_before_it(
    follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = copy_tasks._Mark()
    monkeypatch.setattr(copy_tasks, "_mark", mark)
    monkeypatch.setattr(copy_tasks, "_BEFORE", 2)
    sale = follower.signal("sell")
    signal_outcomes.put_off(sale, "no such price")
    made = [follower.signal("", type="other") for _ in range(6)]

    assert copy_tasks.process_signals() == 6
    assert mark.below == made[-1].pk - 2 > sale.pk

    assert copy_tasks.process_signals() == 0, "not before its time"
    SignalRetry.objects.update(next_attempt_at=timezone.now(), failed_at=timezone.now() - timedelta(seconds=1))
    assert copy_tasks.process_signals() == 1
    assert SignalOutcome.objects.get(signal=sale).attempt == 2


def test_ten_tokens_whose_sources_are_silent_cost_one_wait_and_are_judged_as_unknown(settings: Any) -> None:
    follower = Follower()
    settings.TOKEN_LOOKUP_SECONDS, settings.TOKEN_SOURCE_PAUSE_SECONDS = 1, 60
    with StandIns() as there:
        for name, value in there.settings.items():
            setattr(settings, name, value)
        there.faults = {"/v1/tokens": Fault.HANG, "/tokens": Fault.HANG}
        begun = time.monotonic()
        made = [follower.buys(address(f"token {number}")) for number in range(10)]
        took = time.monotonic() - begun
        asked = [there.asked("/v1/tokens"), there.asked("/tokens")]

    # Without an end it were 15 seconds for each source and token.
    assert took < 10
    assert asked == [1, 1]
    assert {each.action_taken for each in made} == {"rejected_safety"}
    assert all(each.reason.startswith("Liquidity: not known.") for each in made)
    # Who answers goes on being asked.
    assert set(Token.objects.values_list("analysis_source", flat=True)) <= {"helius", "none"}
    assert "rugcheck: it did not answer a moment ago" in Token.objects.latest("id").analysis_error
    assert nothing_was_bought()


def test_a_token_is_priced_once_however_many_copies_and_a_stale_price_triggers_nothing_and_is_told(
    follower: Follower,
) -> None:
    follower.change(repeat_policy="add")
    held = follower.buys()
    follower.buys()
    assert token_trading.refresh_prices(at=timezone.now()) == 1
    old = timezone.now() - timedelta(minutes=6)
    Token.objects.update(price=D("0.70"), price_at=old)
    Quote.objects.update(last=D("0.70"), quoted_at=old)
    settled()
    assert (plan_of(held).status, plan_of(held).price_alert) == ("monitoring", "price_stale")
    assert not PlanExit.objects.exists()
    assert signal_outcomes.of(held.signal) == held


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_workers_on_one_signal_make_one_order_and_one_outcome() -> None:
    safe_token()
    follower = Follower()
    signal = follower.signal()

    answers = at_once(*[lambda: signal_processing.process(Signal.objects.get(pk=signal.pk)) for _ in range(6)])

    assert len({answer.pk for answer in answers}) == 1, answers
    assert (Order.objects.count(), CopiedPosition.objects.count(), ManagedPosition.objects.count()) == (1, 1, 1)
    assert cash(follower.account)[0] + cash(follower.account)[1] == 10000
    assert broken() == []


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_purchases_of_several_wallets_at_once_stay_under_the_caps_and_would_not_without_the_lock(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    safe_token()

    def value_after(person: User) -> D:
        first = Follower(person=person, name="one")
        followers = [first, *(_beside(first, name) for name in ("two", "three", "four"))]
        CopySettings.objects.update_or_create(owner=person, defaults={"max_per_token": D("0.20")})
        signals = [each.signal() for each in followers]
        at_once(*[lambda signal=signal: signal_processing.process(signal) for signal in signals])  # type: ignore[misc]
        return sum((copy.intended_value for copy in CopiedPosition.objects.filter(owner=person)), D(0))

    # 20 % of 300 in one token.
    assert value_after(make_user()) == 60

    real, all_judged = copy_situation.judged, threading.Barrier(4, timeout=30)

    def once_all_are_judged(*args: Any, **kwargs: Any) -> Any:
        found = real(*args, **kwargs)
        all_judged.wait()
        return found

    monkeypatch.setattr(copy_settings, "locked", copy_settings.current)
    monkeypatch.setattr(copy_situation, "judged", once_all_are_judged)
    assert value_after(make_user()) > 60


def _beside(first: Follower, name: str) -> Follower:
    found = object.__new__(Follower)
    found.person, found.account = first.person, first.account
    found.wallet = following.wallet(first.person, name, simulation_account=first.account)
    return found


def test_a_sale_that_fails_gets_out_what_it_can_is_shown_and_is_tried_again_until_it_is_done(
    follower: Follower, monkeypatch: pytest.MonkeyPatch, client: Any
) -> None:
    follower.change(repeat_policy="add")
    stuck, free = follower.buys(), follower.buys()
    real = monitoring.judge

    def judged(managed: ManagedPosition, **asked: Any) -> Any:
        if managed.public_id == stuck.plan_id:
            raise ZeroDivisionError("no such price")
        return real(managed, **asked)

    monkeypatch.setattr(monitoring, "judge", judged)
    sale = follower.signal("sell")
    behind = follower.signal("sell", address("another"))
    assert copy_tasks.process_signals() == 1, "the one behind it has its outcome"

    assert (signal_outcomes.of(sale), signal_outcomes.of(behind) is not None) == (None, True)
    exit_orders.settle_exits()
    assert (plan_of(free).reason, plan_of(free).remaining) == ("mirror", 0)
    assert (plan_of(stuck).status, plan_of(stuck).remaining) == ("monitoring", 30)
    assert Order.objects.filter(purpose="exit_mirror").count() == 1
    retry = SignalRetry.objects.get()
    assert (retry.attempts, retry.problem, retry.plans) == (1, "ZeroDivisionError: no such price", [str(free.plan_id)])
    assert retry.next_attempt_at - retry.failed_at == timedelta(seconds=5)
    assert "no such price" in ActivityEntry.objects.get(kind="error").text
    client.force_login(follower.person)
    for page in ("/signals/", f"/signals/{sale.public_id}/"):
        assert "Failed, is tried again" in client.get(page).content.decode(), page
    shown = client.get(f"/api/v1/signals/{sale.public_id}/").json()
    assert (shown["outcome"], shown["retry"]["attempts"]) == (None, 1)

    assert copy_tasks.process_signals() == 0
    assert SignalRetry.objects.get().attempts == 1, "not before its time"
    pauses = []
    for _ in range(9):
        SignalRetry.objects.update(next_attempt_at=timezone.now(), failed_at=timezone.now() - timedelta(seconds=1))
        assert copy_tasks.process_signals() == 0
        retry.refresh_from_db()
        pauses.append((retry.next_attempt_at - retry.failed_at).total_seconds())
    assert pauses == [10, 20, 40, 80, 160, 320, 600, 600, 600]
    assert ActivityEntry.objects.filter(kind="error").count() == 1, "told once"

    monkeypatch.undo()
    SignalRetry.objects.update(next_attempt_at=timezone.now(), failed_at=timezone.now() - timedelta(seconds=1))
    assert copy_tasks.process_signals() == 1
    outcome = SignalOutcome.objects.get(signal=sale)
    assert (outcome.action_taken, outcome.attempt, outcome.plan_id) == ("mirror_exit", 11, free.plan_id)
    assert outcome.details == {"plans": [str(free.plan_id), str(stuck.plan_id)]}
    settled()
    assert plan_of(stuck).reason == "mirror"
    assert Order.objects.filter(purpose="exit_mirror").count() == 2, "one for each copy"
    assert "Failed, is tried again" not in client.get(f"/signals/{sale.public_id}/").content.decode()
    assert broken() == []


def test_nothing_gets_out_before_it_is_kept_that_the_sale_is_tried_again(
    follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    follower.change(repeat_policy="add")
    stuck, free = follower.buys(), follower.buys()
    real, put_off = monitoring.judge, signal_processing.put_off

    def judged(managed: ManagedPosition, **asked: Any) -> Any:
        if managed.public_id == stuck.plan_id:
            raise ZeroDivisionError("no such price")
        return real(managed, **asked)

    def lost(*args: Any, **kwargs: Any) -> Any:
        raise OperationalError("the connection was lost")

    monkeypatch.setattr(monitoring, "judge", judged)
    monkeypatch.setattr(signal_processing, "put_off", lost)
    sale = follower.signal("sell")
    with pytest.raises(OperationalError):
        copy_tasks.process_signals()
    assert not PlanExit.objects.exists()
    assert not SignalRetry.objects.exists()

    monkeypatch.setattr(signal_processing, "put_off", put_off)
    assert copy_tasks.process_signals() == 0
    assert SignalRetry.objects.get().plans == [str(free.plan_id)]
    monkeypatch.undo()
    SignalRetry.objects.update(next_attempt_at=timezone.now(), failed_at=timezone.now() - timedelta(seconds=1))
    assert copy_tasks.process_signals() == 1
    assert SignalOutcome.objects.get(signal=sale).details == {"plans": [str(free.plan_id), str(stuck.plan_id)]}


def test_a_sale_whose_first_try_placed_its_order_and_failed_after_it_sends_no_second_one(
    follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = follower.buys()

    def lost(*args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("the words were lost")

    monkeypatch.setattr(signal_processing, "keep", lost)
    sale = follower.signal("sell")
    assert copy_tasks.process_signals() == 0
    exit_orders.settle_exits()
    assert (plan_of(held).reason, Order.objects.filter(purpose="exit_mirror").count()) == ("mirror", 1)

    monkeypatch.undo()
    SignalRetry.objects.update(next_attempt_at=timezone.now(), failed_at=timezone.now() - timedelta(seconds=1))
    # The market fails now: the sale has its outcome all the same, and the look goes on.
    monkeypatch.setattr(exit_orders, "submit_exits", lost)
    other = follower.signal("sell", address("another"))
    assert copy_tasks.process_signals() == 2
    monkeypatch.undo()
    settled()

    outcome = SignalOutcome.objects.get(signal=sale)
    assert (outcome.action_taken, outcome.attempt, outcome.plan_id) == ("mirror_exit", 2, held.plan_id)
    assert signal_outcomes.of(other) is not None
    assert (Order.objects.filter(purpose="exit_mirror").count(), PlanExit.objects.count()) == (1, 1)
    assert broken() == []
