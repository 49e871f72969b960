"""Breakers in the database: what trips them, what they stop, and who switches and resets them by hand."""

import uuid
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.db.models import F

from accounts.errors import Conflict, InvalidValue
from accounts.models import Account, ActivityEntry, User
from tests.factories import make_account
from tests.journal.factories import make_instrument
from tests.trading.risk_things import DAY, NOW, breaker_of, buy, events, live, lose, settled, with_300
from trading import risk, tasks, trades
from trading.errors import OperatorsOnly
from trading.models import Bar, BreakerEvent, BreakerState, Quote, Tag, TagGroup, Trade
from trading.order_rules.pretrade import RiskState
from trading.trades import EnteredFill

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(alice: User) -> Account:
    return with_300(alice)


# --- tripping --------------------------------------------------------------------------------------


def test_the_documents_run_trips_the_account_with_every_reason_and_a_snapshot(alice: User, account: Account) -> None:
    lose(account, *["-10"] * 4)
    assert risk.evaluate(alice.pk, at=NOW) == []
    assert risk.state_for(account) is RiskState.ACTIVE

    lose(account, *["-10"] * 2, day=DAY + timedelta(days=1))
    tripped = risk.evaluate(alice.pk, at=NOW + timedelta(days=1))

    assert {each.scope for each in tripped} == {"account", "global"}
    assert risk.state_for(account) is RiskState.REDUCING
    event = BreakerEvent.objects.get(kind="activated", scope="account")
    assert event.reasons == ["max_drawdown", "consecutive_losses"]
    assert (event.metrics["drawdown"], event.metrics["losing_streak"], event.metrics["realized"]) == ("0.2", 6, "-60")
    assert event.thresholds["max_drawdown"] == "0.2"
    assert (event.open_positions, event.account_name, event.actor_id) == (0, "Main", None)
    assert ActivityEntry.objects.filter(owner=alice, kind="warning").count() == 2


def test_a_breaker_that_is_on_trips_no_second_time(alice: User, account: Account) -> None:
    lose(account, *["-10"] * 6)
    risk.evaluate(alice.pk, at=NOW)
    count = BreakerEvent.objects.count()

    lose(account, "-10", day=DAY + timedelta(days=1))

    assert risk.evaluate(alice.pk, at=NOW + timedelta(days=1)) == []
    assert BreakerEvent.objects.count() == count


def test_the_snapshot_keeps_the_limits_of_its_time(alice: User, operator: User, account: Account) -> None:
    lose(account, *["-10"] * 6)
    risk.evaluate(alice.pk, at=NOW)

    risk.configure(operator, max_drawdown=Decimal("0.5"))

    assert BreakerEvent.objects.get(kind="activated", scope="account").thresholds["max_drawdown"] == "0.2"


def test_after_a_reset_old_losses_do_not_trip_it_again(alice: User, account: Account) -> None:
    lose(account, *["-10"] * 6)
    risk.evaluate(alice.pk, at=NOW)
    for each in BreakerState.objects.exclude(state="active"):
        risk.reset(alice, each, note="Took a week off", at=NOW)

    assert risk.evaluate(alice.pk, at=NOW + timedelta(minutes=1)) == []
    assert risk.state_for(account) is RiskState.ACTIVE
    state = breaker_of(account)
    # What is left is what can be lost from here on: a fifth of 240.
    assert (state.baseline_at, state.carried, state.metrics["peak"]) == (NOW, Decimal(-60), "240")

    lose(account, "-48", day=DAY + timedelta(days=1))
    tripped = risk.evaluate(alice.pk, at=NOW + timedelta(days=1))
    assert "max_drawdown" in next(each for each in tripped if each.scope == "account").reasons


def test_who_resets_while_it_is_judged_wins(alice: User, account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """Judged by the losses before the reset, written after it: nothing is."""
    from trading.risk import evaluation

    lose(account, *["-10"] * 6)
    plain = evaluation._states

    def reset_meanwhile(seen: Any) -> Any:
        states = plain(seen)
        BreakerState.objects.update(baseline_at=NOW)
        return states

    monkeypatch.setattr(evaluation, "_states", reset_meanwhile)

    assert risk.evaluate(alice.pk, at=NOW) == []
    assert not BreakerState.objects.exclude(state="active").exists()
    assert events() == []


def test_what_was_imported_from_before_the_account_was_here_is_not_judged(alice: User, account: Account) -> None:
    lose(account, *["-100"] * 6, day=date(2025, 6, 2))

    assert risk.evaluate(alice.pk, at=NOW) == []
    assert not BreakerState.objects.filter(account=account).exists()


def test_simulation_and_live_are_apart(alice: User, account: Account) -> None:
    paper = settled(make_account(alice, "Paper", kind="paper", initial_balance=Decimal(300)))
    lose(paper, *["-10"] * 6)

    risk.evaluate(alice.pk, at=NOW)

    assert risk.state_for(paper) is RiskState.REDUCING
    assert risk.state_for(account) is RiskState.ACTIVE
    assert set(BreakerState.objects.exclude(state="active").values_list("mode", flat=True)) == {"simulation"}


def test_a_strategy_is_judged_by_the_trades_of_its_setup(alice: User, account: Account) -> None:
    Account.objects.filter(pk=account.pk).update(initial_balance=Decimal(100_000))
    group = TagGroup.objects.create(owner=alice, name="Setups", role="setup")
    gap = Tag.objects.create(owner=alice, name="gap", group=group)
    lose(account, "-1", "-1", "5", "-1", tags=[])
    lose(account, *["-1"] * 6, day=DAY + timedelta(days=1), tags=[gap])
    lose(account, "50", day=DAY + timedelta(days=2), tags=[])

    risk.evaluate(alice.pk, at=NOW + timedelta(days=2))

    assert risk.state_for(account, "gap") is RiskState.REDUCING
    assert risk.state_for(account, "fade") is RiskState.ACTIVE
    assert risk.state_for(account) is RiskState.ACTIVE
    assert BreakerEvent.objects.get(kind="activated").reasons == ["consecutive_losses"]


def test_a_strategy_is_stopped_and_judged_however_its_name_is_written(alice: User, account: Account) -> None:
    on = risk.activate(alice, live(alice, strategy="Gap"), note="Six in a row", at=NOW)
    for name in ("Gap", "gap", "GAP", " gap "):
        assert risk.state_for(account, name) is RiskState.REDUCING, name
    assert risk.state_for(account, "gaps") is RiskState.ACTIVE
    # Stopped once more under another name it is the same breaker, and its trades are those of the setup.
    assert risk.activate(alice, live(alice, strategy="GAP"), note="Again", at=NOW) == on
    gap = Tag.objects.create(
        owner=alice, name="gap", group=TagGroup.objects.create(owner=alice, name="Setup", role="setup")
    )
    for trade in lose(account, "-1", "-1", day=DAY + timedelta(days=1)):
        trade.tags.add(gap)
    risk.evaluate(alice.pk, at=NOW + timedelta(days=1))

    (state,) = BreakerState.objects.filter(scope="strategy")
    assert (state.strategy, state.metrics["losing_streak"]) == ("Gap", 2)
    # A trade of the setup that has its name in both writings was lost once, and what was lost is carried on.
    Trade.objects.latest("id").tags.add(Tag.objects.create(owner=alice, name="GAP", group=gap.group))
    reset = risk.reset(alice, state, note="Slept over it", at=NOW + timedelta(days=2))
    assert reset.carried == Decimal(-2)


def test_open_losses_at_fresh_prices_count_and_stale_prices_are_told(alice: User, account: Account) -> None:
    buy(account, "AAPL")
    apple = make_instrument("AAPL")
    values = {name: Decimal(40) for name in ("open", "high", "low", "close")}
    Bar.objects.create(instrument=apple, timeframe="1m", starts_at=NOW - timedelta(minutes=6), **values)

    risk.evaluate(alice.pk, at=NOW)
    assert risk.state_for(account) is RiskState.ACTIVE
    assert breaker_of(account).metrics["missing"] == ["open_pnl"]

    Bar.objects.update(starts_at=F("starts_at") + timedelta(minutes=5))
    risk.evaluate(alice.pk, at=NOW)

    # Bought at 100, now 40: a fifth of 300.
    assert risk.state_for(account) is RiskState.REDUCING
    event = BreakerEvent.objects.get(kind="activated", scope="account")
    assert (event.reasons, event.open_positions) == (["max_drawdown"], 1)


def test_what_is_open_is_worth_what_a_fresh_quote_pays_for_it_before_what_bars_say(
    alice: User, account: Account
) -> None:
    """Long 1 at 100 with 300 to lose: at a bid of 40 it is down 60, which is 20 %."""
    buy(account, "AAPL")
    apple = make_instrument("AAPL")
    values = {name: Decimal(100) for name in ("open", "high", "low", "close")}
    Bar.objects.create(instrument=apple, timeframe="1m", starts_at=NOW - timedelta(minutes=1), **values)
    quote = Quote.objects.create(
        instrument=apple, bid=Decimal(40), ask=Decimal(100), quoted_at=NOW - timedelta(minutes=6)
    )
    tests = [
        # Quoted too long ago, or in days to come, so that the bar counts; then fresh, without a bid, and with one.
        (timedelta(minutes=-6), Decimal(40), "0", []),
        (timedelta(minutes=6), Decimal(40), "0", []),
        (timedelta(minutes=-5), None, "0", []),
        (timedelta(minutes=-5), Decimal(40), "0.2", ["max_drawdown"]),
    ]
    for ago, bid, drawdown, reasons in tests:
        Quote.objects.filter(pk=quote.pk).update(quoted_at=NOW + ago, bid=bid)

        risk.evaluate(alice.pk, at=NOW)

        state = breaker_of(account)
        assert (state.metrics["drawdown"], state.metrics["missing"], state.reasons) == (drawdown, [], reasons), ago
    assert risk.state_for(account) is RiskState.REDUCING


def test_a_short_is_worth_what_buying_it_back_at_the_offer_costs(alice: User, account: Account) -> None:
    """Short 1 at 100, offered at 160: down 60 of 300, though nobody bids more than 100."""
    fill = EnteredFill("sell", Decimal(1), Decimal(100), NOW - timedelta(hours=2))
    trades.enter(account, instrument=make_instrument("AAPL"), fills=[fill])
    Quote.objects.create(instrument=make_instrument("AAPL"), bid=Decimal(100), ask=Decimal(160), quoted_at=NOW)

    risk.evaluate(alice.pk, at=NOW)

    assert (breaker_of(account).reasons, breaker_of(account).metrics["drawdown"]) == (["max_drawdown"], "0.2")


def test_without_a_start_balance_the_configured_capital_is_what_can_be_lost(alice: User, account: Account) -> None:
    Account.objects.filter(pk=account.pk).update(initial_balance=None)
    lose(account, "-60")

    risk.evaluate(alice.pk, at=NOW)

    state = breaker_of(account)
    assert state.reasons == ["max_drawdown", "daily_loss_ratio"]
    assert state.metrics["is_capital_assumed"] is True


def test_nothing_is_judged_anew_where_nothing_has_changed(
    alice: User, account: Account, django_assert_max_num_queries: Any
) -> None:
    lose(account, "-10")
    tasks.evaluate_risk(alice.pk)
    assert breaker_of(account).metrics["losing_streak"] == 1
    assert risk.behind() == []

    with django_assert_max_num_queries(3):
        tasks.evaluate_risk(alice.pk)

    lose(account, "-10", day=DAY + timedelta(days=1))
    assert risk.behind() == [alice.pk]
    tasks.sweep_risk()
    assert breaker_of(account).metrics["losing_streak"] == 2


def test_what_is_open_is_judged_every_minute(alice: User, account: Account) -> None:
    buy(account, "AAPL")
    tasks.evaluate_risk(alice.pk)

    assert risk.behind() == [alice.pk]


def test_queries_do_not_grow_with_accounts(alice: User, account: Account, django_assert_max_num_queries: Any) -> None:
    for number in range(8):
        lose(settled(make_account(alice, f"A{number}", initial_balance=Decimal(100_000))), "-1")
    risk.evaluate(alice.pk, at=NOW)

    with django_assert_max_num_queries(14):
        risk.evaluate(alice.pk, at=NOW)


# --- by hand ---------------------------------------------------------------------------------------


def test_the_worst_of_all_breakers_over_an_account_counts(alice: User, operator: User, account: Account) -> None:
    other = make_account(alice, "Other")
    risk.activate(alice, live(alice), note="Away", at=NOW)
    risk.activate(alice, live(alice, account), state="halted", note="Wrong fills", at=NOW)

    assert risk.state_for(account) is RiskState.HALTED
    assert risk.state_for(other) is RiskState.REDUCING

    risk.activate(operator, live(None), state="halted", note="Venue is down", at=NOW)
    assert risk.state_for(other) is RiskState.HALTED


def test_everybodys_breaker_is_for_operators(alice: User, account: Account) -> None:
    with pytest.raises(OperatorsOnly):
        risk.activate(alice, live(None), note="Mine", at=NOW)

    assert not BreakerState.objects.exists()


def test_a_stranger_switches_nothing(alice: User, bob: User, account: Account) -> None:
    on = risk.activate(alice, live(alice, account), note="Away", at=NOW)

    for act in (
        lambda: risk.activate(bob, live(alice), note="x", at=NOW),
        lambda: risk.activate(bob, live(bob, account), note="x", at=NOW),
        lambda: risk.reset(bob, on, note="x", at=NOW),
    ):
        with pytest.raises(InvalidValue):
            act()

    assert BreakerState.objects.get().state == "reducing"


def test_a_halt_goes_further_but_not_back(alice: User, account: Account) -> None:
    risk.activate(alice, live(alice), note="Away", at=NOW)
    risk.activate(alice, live(alice), note="Again", at=NOW)
    halted = risk.activate(alice, live(alice), state="halted", note="Far away", at=NOW)

    assert (halted.state, halted.reasons) == ("halted", ["manual"])
    assert [(each.before, each.after) for each in events()] == [("active", "reducing"), ("reducing", "halted")]
    with pytest.raises(Conflict):
        risk.activate(alice, live(alice), note="Less", at=NOW)
    assert BreakerState.objects.get().state == "halted"


def test_by_hand_needs_a_reason(alice: User) -> None:
    with pytest.raises(InvalidValue) as refused:
        risk.activate(alice, live(alice), note="  ", at=NOW)

    assert refused.value.pointer == "/note"
    assert not BreakerState.objects.exists()


def test_only_what_is_on_is_reset(alice: User) -> None:
    state = risk.activate(alice, live(alice), note="Away", at=NOW)
    risk.reset(alice, state, note="Back", at=NOW)

    with pytest.raises(Conflict):
        risk.reset(alice, state, note="Back", at=NOW)

    assert [each.note for each in events("deactivated")] == ["Back"]
    assert events("deactivated")[0].reasons == ["manual"]


def test_what_a_breaker_stopped_is_counted_and_only_while_it_is_on(alice: User, account: Account) -> None:
    assert risk.blocked(account, order_id="o-1", at=NOW) is None
    risk.activate(alice, live(alice), note="Away", at=NOW)

    event = risk.blocked(account, order_id="o-2", at=NOW)

    assert event is not None
    assert [(each.order_id, each.scope, each.account_name) for each in events("blocked")] == [("o-2", "global", "Main")]


@pytest.mark.parametrize(("level", "state", "canceled"), [(1, "reducing", 0), (2, "halted", 0), (3, "halted", 2)])
def test_the_kill_switch_has_three_levels(alice: User, level: int, state: str, canceled: int) -> None:
    entries = [uuid.uuid4(), uuid.uuid4()]

    stopped = risk.stop(alice, live(alice), level=level, note="Enough", at=NOW, entries=entries)

    assert (stopped.breaker.state, len(stopped.to_cancel)) == (state, canceled)


def test_there_is_no_fourth_level(alice: User) -> None:
    with pytest.raises(InvalidValue):
        risk.stop(alice, live(alice), level=4, note="Enough", at=NOW)

    assert not BreakerState.objects.exists()


@pytest.mark.parametrize(
    "values",
    [
        {"scope": "global", "state": "reducing"},
        {"scope": "global", "reasons": ["manual"]},
        {"scope": "account"},
        {"scope": "everybody"},
        {"scope": "strategy"},
        {"scope": "global", "mode": "both"},
        {"scope": "global", "height_at": NOW},
    ],
)
def test_the_database_refuses_breakers_that_make_no_sense(alice: User, values: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        BreakerState.objects.create(**{"owner": alice, "mode": "live", "baseline_at": NOW, **values})


def test_a_scope_has_one_breaker_per_mode(alice: User) -> None:
    BreakerState.objects.create(owner=alice, scope="global", mode="live", baseline_at=NOW)
    BreakerState.objects.create(owner=alice, scope="global", mode="simulation", baseline_at=NOW)

    with pytest.raises(IntegrityError, match="breaker_unique"), transaction.atomic():
        BreakerState.objects.create(owner=alice, scope="global", mode="live", baseline_at=NOW)
