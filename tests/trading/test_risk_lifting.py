"""Breakers that the loss of a day tripped, when that day is over."""

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction

from accounts.models import Account, ActivityEntry, AuditEvent, User
from tests.factories import make_account, make_user
from tests.trading.risk_things import NOW, breaker_of, events, live, lose, settled, with_300
from tests.waiting import done_at_once
from trading import risk, tasks
from trading.models import BreakerEvent, BreakerState
from trading.order_rules.pretrade import RiskState

pytestmark = pytest.mark.django_db

MIDNIGHT = datetime(2026, 3, 3, tzinfo=UTC)
TICK = timedelta(microseconds=1)


@pytest.fixture
def account(alice: User) -> Account:
    return with_300(alice)


def tripped_by_the_day(account: Account) -> list[BreakerState]:
    """50 of 300 lost on the day: 16.7 % of at most 15 %, and neither a fifth nor six losses in a row."""
    lose(account, *["-10"] * 5)
    tripped = risk.evaluate(account.owner_id, at=NOW)
    assert [each.reasons for each in tripped] == [["daily_loss_ratio"]] * 2
    return tripped


def states(account: Account) -> set[str]:
    return set(BreakerState.objects.filter(owner=account.owner_id).values_list("state", flat=True))


def test_what_only_the_loss_of_a_day_stopped_is_reset_when_it_is_over(alice: User, account: Account) -> None:
    tripped_by_the_day(account)
    assert risk.due(at=MIDNIGHT - TICK) == []
    assert risk.lift(alice.pk, at=MIDNIGHT - TICK) == []
    assert events("deactivated") == []
    assert risk.state_for(account) is RiskState.REDUCING

    assert risk.due(at=MIDNIGHT) == [alice.pk]
    assert {each.scope for each in risk.lift(alice.pk, at=MIDNIGHT)} == {"account", "global"}

    assert risk.state_for(account) is RiskState.ACTIVE
    state = breaker_of(account)
    assert (state.reasons, state.activated_at, state.baseline_at, state.carried) == ([], None, MIDNIGHT, Decimal(-50))
    assert (state.metrics, state.nearest, state.height_at, state.evaluated_version) == ({}, None, None, 0)
    event = BreakerEvent.objects.get(kind="deactivated", scope="account")
    assert (event.actor_id, event.actor_email, event.occurred_at) == (None, "", MIDNIGHT)
    assert (event.before, event.after, event.reasons) == ("reducing", "active", ["daily_loss_ratio"])
    assert (event.note, event.metrics["realized"]) == ("The day is over whose loss had stopped it.", "-50")
    assert list(AuditEvent.objects.filter(event="breaker.deactivated").values_list("actor_id", flat=True)) == [None] * 2
    assert ActivityEntry.objects.filter(owner=alice, kind="system").count() == 2

    # Again it does nothing more, and what was lost trips nothing; what is lost on the new day does: 15 % of 250.
    assert (risk.due(at=MIDNIGHT), risk.lift(alice.pk, at=MIDNIGHT + TICK)) == ([], [])
    assert len(events("deactivated")) == 2
    tomorrow = NOW + timedelta(days=1)
    lose(account, "-37.49", day=tomorrow.date())
    assert risk.evaluate(alice.pk, at=tomorrow) == []
    lose(account, "-0.01", day=tomorrow.date())
    assert [each.reasons for each in risk.evaluate(alice.pk, at=tomorrow)] == [["daily_loss_ratio"]] * 2


def test_what_stands_for_any_other_reason_no_day_resets(alice: User, operator: User, account: Account) -> None:
    tripped_by_the_day(account)
    rows, later = BreakerState.objects.exclude(state="active"), MIDNIGHT + timedelta(days=30)
    daily = ["daily_loss", "daily_loss_ratio"]
    others = ("max_drawdown", "min_win_rate", "consecutive_losses", "manual")
    stay = [("reducing", [each]) for each in others] + [("reducing", [*daily, each]) for each in others]
    for state, reasons in [*stay, ("halted", [*daily, "manual"]), ("halted", daily)]:
        rows.update(state=state, reasons=reasons)
        assert risk.due(at=later) == [], reasons
        assert risk.lift(alice.pk, at=later) == [], reasons
    rows.update(state="reducing", reasons=daily)
    risk.activate(operator, live(None), note="Venue is down", at=NOW)
    risk.configure(operator, resets_daily=False)
    assert (risk.due(at=later), risk.lift(alice.pk, at=later), risk.ends(rows)) == ([], [], {})
    assert events("deactivated") == []

    risk.configure(operator, resets_daily=True)
    assert risk.due(at=later) == [alice.pk]
    assert len(risk.lift(alice.pk, at=later)) == 2
    assert BreakerState.objects.get(scope="everybody").state == "reducing"


def test_stopped_by_hand_on_top_of_it_stays_when_the_day_is_over(alice: User, account: Account) -> None:
    tripped_by_the_day(account)
    count = len(events())

    risk.activate(alice, live(alice, account), note="Enough", at=NOW)
    risk.activate(alice, live(alice, account), note="Enough", at=NOW)

    assert [(each.before, each.after, each.note) for each in events()[count:]] == [("reducing", "reducing", "Enough")]
    assert [each.scope for each in risk.lift(alice.pk, at=MIDNIGHT)] == ["global"]
    assert (breaker_of(account).state, breaker_of(account).reasons) == ("reducing", ["daily_loss_ratio", "manual"])


def test_a_limit_that_is_reached_when_the_day_is_over_keeps_it_on(alice: User, account: Account) -> None:
    tripped_by_the_day(account)
    # Exits go on: before the sweep looks, 31 more are gone, 10 % of the new day but 27 % from the peak.
    lose(account, "-31", day=MIDNIGHT.date())
    noon = MIDNIGHT + timedelta(hours=12)

    assert risk.lift(alice.pk, at=noon) == []
    assert states(account) >= {"reducing"}

    # A profit that takes back what was lost, and no limit is reached any more.
    lose(account, "30", day=MIDNIGHT.date() + timedelta(days=1))
    assert len(risk.lift(alice.pk, at=noon + timedelta(days=1))) == 2


def test_the_day_is_the_accounts_own_and_over_several_that_of_the_last(alice: User, account: Account) -> None:
    Account.objects.filter(pk=account.pk).update(time_zone="America/New_York")
    make_account(alice, "Futures", time_zone="America/Chicago", day_start=time(17))
    make_account(alice, "Elsewhere", kind="paper", time_zone="Pacific/Honolulu")
    make_account(alice, "Left", time_zone="Pacific/Honolulu", archived_at=NOW)
    tripped_by_the_day(account)

    # Chicago's day ends at 17:00, 23:00 UTC; New York's at midnight, 05:00 UTC; of paper and the archive none counts.
    rows = BreakerState.objects.exclude(state="active").select_related("account")
    assert set(risk.ends(rows).values()) == {MIDNIGHT + timedelta(hours=5)}
    assert risk.lift(alice.pk, at=MIDNIGHT + timedelta(hours=5) - TICK) == []
    Account.objects.filter(name="Futures").update(day_start=time(0))
    assert [each.scope for each in risk.lift(alice.pk, at=MIDNIGHT + timedelta(hours=5))] == ["account"]
    assert [each.scope for each in risk.lift(alice.pk, at=MIDNIGHT + timedelta(hours=6))] == ["global"]


def test_the_end_of_a_day_resets_simulation_and_live_apart(alice: User, account: Account) -> None:
    paper = settled(make_account(alice, "Paper", kind="paper", initial_balance=Decimal(300)))
    lose(account, *["-10"] * 6)
    lose(paper, *["-10"] * 5)
    risk.evaluate(alice.pk, at=NOW)

    assert {each.mode for each in risk.lift(alice.pk, at=MIDNIGHT)} == {"simulation"}
    assert risk.state_for(paper) is RiskState.ACTIVE
    assert risk.state_for(account) is RiskState.REDUCING


def test_who_switches_a_breaker_while_its_day_ends_wins(
    alice: User, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read before, written after it: nothing is. Without anybody meanwhile it is reset."""
    from trading.risk import lifting

    tripped_by_the_day(account)
    BreakerState.objects.filter(scope="global", state="reducing").update(reasons=["manual"])
    plain, on = lifting._holds, breaker_of(account)
    at = MIDNIGHT + timedelta(minutes=1)

    def meanwhile(act: Any) -> None:
        def holds(row: BreakerState) -> bool:
            act()
            return plain(row)

        monkeypatch.setattr(lifting, "_holds", holds)
        assert risk.lift(alice.pk, at=at) == []

    meanwhile(lambda: BreakerState.objects.filter(pk=on.pk).update(metrics={**on.metrics, "closed": 9}))
    meanwhile(lambda: risk.reset(alice, on, note="Back", at=MIDNIGHT))
    assert (breaker_of(account).state, breaker_of(account).baseline_at) == ("active", MIDNIGHT)
    fields = {"state": "reducing", "reasons": ["daily_loss"], "activated_at": NOW}
    BreakerState.objects.filter(pk=on.pk).update(**fields)
    meanwhile(lambda: risk.activate(alice, live(alice, account), state="halted", note="Away", at=at))
    assert (breaker_of(account).state, breaker_of(account).reasons) == ("halted", ["daily_loss", "manual"])
    assert [each.note for each in events("deactivated")] == ["Back"]

    BreakerState.objects.filter(pk=on.pk).update(**fields)
    monkeypatch.setattr(lifting, "_holds", plain)
    assert len(risk.lift(alice.pk, at=at)) == 1
    assert [each.actor_id for each in events("deactivated")] == [alice.pk, None]


def test_the_sweep_resets_what_is_over_and_judges_it_anew(alice: User, bob: User, account: Account) -> None:
    tripped_by_the_day(account)
    BreakerState.objects.filter(account=account).update(evaluated_at=None)

    tasks.sweep_risk()
    tasks.sweep_risk()

    state = breaker_of(account)
    assert (state.state, state.carried, state.metrics["daily_loss"], state.metrics["peak"]) == (
        "active", Decimal(-50), "0", "250",
    )  # fmt: skip
    assert [each.actor_id for each in events("deactivated")] == [None, None]


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_judged_by_several_at_once_it_trips_once_and_is_reset_once() -> None:
    alice = make_user("alice@example.com")
    account = with_300(alice)
    with transaction.atomic():
        lose(account, *["-10"] * 5)
    BreakerState.objects.all().delete()
    begun = BreakerEvent.objects.count()

    done_at_once(*[lambda: risk.evaluate(alice.pk, at=NOW)] * 4)
    assert BreakerEvent.objects.count() - begun == 2
    assert set(BreakerState.objects.exclude(state="active").values_list("scope", flat=True)) == {"account", "global"}

    done_at_once(*[lambda: risk.lift(alice.pk, at=MIDNIGHT)] * 4)
    assert BreakerEvent.objects.count() - begun == 4
    assert not BreakerState.objects.exclude(state="active").exists()
