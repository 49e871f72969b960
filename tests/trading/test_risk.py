"""Risk in the database: the configuration, limits, and breakers that trip, stop and are reset."""

import threading
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, connection, connections, transaction
from django.db.models import F

from accounts import ledger
from accounts.errors import Conflict, InvalidValue
from accounts.models import Account, ActivityEntry, AuditEvent, User
from tests.factories import make_account, make_user
from tests.journal.factories import make_instrument, make_trade
from trading import risk, tasks, trades
from trading.errors import OperatorsOnly
from trading.models import (
    Bar,
    BreakerEvent,
    BreakerState,
    RiskConfig,
    RiskConfigRevision,
    RiskLimit,
    SystemSetting,
    Tag,
    TagGroup,
    Trade,
)
from trading.models.risk import RANGES
from trading.order_rules.pretrade import Limits, RiskState
from trading.risk import system_settings
from trading.risk.breakers import Target
from trading.trades import EnteredFill

pytestmark = pytest.mark.django_db

DAY = date(2026, 3, 2)
NOW = datetime(2026, 3, 2, 20, tzinfo=UTC)


@pytest.fixture
def operator(db: None) -> User:
    return make_user("root@example.com", is_staff=True)


@pytest.fixture
def account(alice: User) -> Account:
    """Alice's, with 300 to lose; both were here before anything was traded."""
    User.objects.filter(pk=alice.pk).update(date_joined=datetime(2026, 1, 1, tzinfo=UTC))
    made = make_account(alice, "Main", initial_balance=Decimal(300))
    return settled(made)


def settled(account: Account) -> Account:
    Account.objects.filter(pk=account.pk).update(created_at=datetime(2026, 1, 1, tzinfo=UTC))
    account.refresh_from_db()
    return account


def lose(account: Account, *amounts: str, day: date = DAY, **fields: Any) -> list[Trade]:
    """Trades that ended one after the other from 10:00 on."""
    start = datetime(day.year, day.month, day.day, 10, tzinfo=UTC)
    return [
        make_trade(
            account,
            day=day,
            pnl=amount,
            opened=start + timedelta(minutes=2 * number),
            closed=start + timedelta(minutes=2 * number + 1),
            **fields,
        )
        for number, amount in enumerate(amounts)
    ]


def events(kind: str = "activated") -> list[BreakerEvent]:
    return list(BreakerEvent.objects.filter(kind=kind).order_by("id"))


def breaker_of(account: Account) -> BreakerState:
    return BreakerState.objects.get(account=account)


# --- the configuration -----------------------------------------------------------------------------


def test_a_change_of_the_configuration_is_kept_with_all_of_it_before_and_after(operator: User) -> None:
    config = risk.configure(operator, max_drawdown=Decimal("0.3"), note="Wider for March")

    kept = RiskConfigRevision.objects.get()
    assert (config.revision, kept.number, kept.actor_email, kept.note) == (1, 1, "root@example.com", "Wider for March")
    assert (kept.before["max_drawdown"], kept.after["max_drawdown"]) == ("0.2", "0.3")
    assert kept.before["capital"] == kept.after["capital"] == "300"
    assert set(kept.before) >= {*RANGES, "position_sizing_mode"}
    assert AuditEvent.objects.get(event="risk_config.update").after == {"max_drawdown": "0.3"}
    assert events("config_changed")[0].thresholds == {"max_drawdown": "0.3"}


def test_what_is_no_change_leaves_no_trace(operator: User) -> None:
    risk.configure(operator, max_drawdown=Decimal("0.2"))

    assert not RiskConfigRevision.objects.exists()
    assert not BreakerEvent.objects.exists()


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"max_drawdown": Decimal("0.51")}, "/max_drawdown"),
        ({"max_drawdown": "NaN"}, "/max_drawdown"),
        ({"consecutive_max_loss_trigger": 11}, "/consecutive_max_loss_trigger"),
        ({"position_sizing_mode": "double"}, "/position_sizing_mode"),
        ({"safety_weight_age": Decimal("0.3")}, "/safety_weight_liquidity"),
        ({"max_capital_per_trade": "0.9", "max_total_capital": "0.5"}, "/max_capital_per_trade"),
        ({"currency": "usd"}, "/currency"),
        ({"id": 2}, "/id"),
        ({"helius": 1}, "/helius"),
    ],
)
def test_what_the_configuration_may_not_be_is_refused(operator: User, changes: dict[str, Any], pointer: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        risk.configure(operator, **changes)

    assert refused.value.pointer == pointer
    assert not RiskConfigRevision.objects.exists()
    assert risk.current().revision == 0


def test_a_change_of_what_somebody_else_has_changed_is_refused(operator: User) -> None:
    risk.configure(operator, capital=Decimal(500), revision=0)

    with pytest.raises(Conflict):
        risk.configure(operator, capital=Decimal(600), revision=0)

    assert risk.current().capital == 500


def test_only_operators_configure(alice: User) -> None:
    with pytest.raises(OperatorsOnly):
        risk.configure(alice, capital=Decimal(500))

    assert risk.current().capital == 300


@pytest.mark.parametrize("field", sorted(RANGES))
def test_the_database_holds_each_range(field: str) -> None:
    least, most = RANGES[field]
    column = RiskConfig._meta.get_field(field)
    is_whole = column.get_internal_type() == "PositiveSmallIntegerField"
    step = 1 if is_whole else Decimal("0.0001")
    beyond = [Decimal(most) + step] if Decimal(most) < 10**9 else []
    beyond += [Decimal(least) - step] if Decimal(least) > 0 else []
    for value in beyond:
        with pytest.raises(IntegrityError), transaction.atomic():
            RiskConfig.objects.update(**{field: value})
    if not is_whole:
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"UPDATE trading_riskconfig SET {field} = 'NaN'")


def test_there_is_one_configuration_and_it_stays() -> None:
    RiskConfig.objects.get_or_create(pk=1)

    with pytest.raises(IntegrityError, match="risk_config_only_row"), transaction.atomic():
        RiskConfig.objects.create(pk=2)
    with pytest.raises(IntegrityError, match="one row"), transaction.atomic():
        RiskConfig.objects.all().delete()
    assert RiskConfig.objects.count() == 1


@pytest.mark.parametrize(
    ("key", "value", "kept"),
    [
        ("max_position_size", {"pct": 0.15}, {"pct": "0.15"}),
        ("max_position_size", {"pct": "0.2"}, {"pct": "0.2"}),
        ("max_positions", {"count": 10}, {"count": 10}),
    ],
)
def test_settings_are_kept_in_one_form(operator: User, key: str, value: Any, kept: Any) -> None:
    system_settings.put(operator, key=key, value=value)

    assert SystemSetting.objects.get(key=key).value == kept


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("max_position_size", {"pct": 15}),
        ("max_position_size", {"pct": True}),
        ("max_position_size", {"pct": "0.1", "more": 1}),
        ("max_position_size", 0.15),
        ("max_positions", {"count": 0}),
        ("max_positions", {"count": "10"}),
        ("favourite_colour", {"name": "red"}),
    ],
)
def test_settings_that_no_schema_knows_are_refused(operator: User, key: str, value: Any) -> None:
    with pytest.raises(InvalidValue):
        system_settings.put(operator, key=key, value=value)

    assert not SystemSetting.objects.exists()


# --- limits ----------------------------------------------------------------------------------------


def test_of_several_limits_the_tightest_of_each_kind_counts(alice: User, account: Account) -> None:
    apple, other = make_instrument("AAPL"), make_instrument("MSFT")
    risk.set_limit(alice, max_quantity=Decimal(100), price_band=Decimal("0.1"))
    risk.set_limit(alice, account=account, max_quantity=Decimal(50), max_notional=Decimal(5000))
    risk.set_limit(alice, instrument=apple, max_notional=Decimal(2000))
    risk.set_limit(alice, account=account, instrument=apple, max_quantity=Decimal(70))
    elsewhere = make_account(alice, "Other")

    assert risk.limits_for(account, apple) == Limits(Decimal(50), Decimal(2000), Decimal("0.1"))
    assert risk.limits_for(account, other) == Limits(Decimal(50), Decimal(5000), Decimal("0.1"))
    assert risk.limits_for(elsewhere, other) == Limits(Decimal(100), None, Decimal("0.1"))


def test_nobody_is_limited_by_somebody_else(alice: User, bob: User, account: Account) -> None:
    risk.set_limit(bob, max_quantity=Decimal(1))

    assert risk.limits_for(account, make_instrument()) == Limits()


def test_shares_of_the_capital_limit_the_value_of_an_order(operator: User, account: Account) -> None:
    system_settings.put(operator, key="max_position_size", value={"pct": 0.15})
    ledger.deposit(account, currency="USD", amount=Decimal(700), idempotency_key="a", at=NOW)

    # 0.15 of 300 + 700
    assert risk.limits_for(account, make_instrument()).notional == 150

    risk.configure(operator, max_capital_per_trade=Decimal("0.1"))
    assert risk.limits_for(account, make_instrument()).notional == 100


@pytest.mark.parametrize(
    ("values", "pointer"),
    [
        ({}, "/max_quantity"),
        ({"max_quantity": Decimal(0)}, "/max_quantity"),
        ({"price_band": Decimal(1)}, "/price_band"),
        ({"max_notional": Decimal("NaN")}, "/max_notional"),
        ({"cap": 1}, "/cap"),
    ],
)
def test_limits_that_say_nothing_are_refused(alice: User, values: dict[str, Any], pointer: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        risk.set_limit(alice, **values)

    assert refused.value.pointer == pointer
    assert not RiskLimit.objects.exists()


def test_a_scope_has_its_limits_once(alice: User, account: Account) -> None:
    risk.set_limit(alice, account=account, max_quantity=Decimal(5))

    with pytest.raises(Conflict):
        risk.set_limit(alice, account=account, max_quantity=Decimal(6))

    assert RiskLimit.objects.get().max_quantity == 5


def test_the_database_knows_whose_account_a_limit_is_of(bob: User, account: Account) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    with pytest.raises(IntegrityError, match="account_of_owner"), transaction.atomic():
        RiskLimit.objects.create(owner=bob, account=account, max_quantity=1)


def test_a_limit_is_changed_and_taken_away(alice: User) -> None:
    limit = risk.set_limit(alice, max_quantity=Decimal(5), max_open_positions=3)

    changed = risk.change_limit(limit, max_quantity=None, max_trades_per_day=4)
    assert (changed.max_quantity, changed.max_open_positions, changed.max_trades_per_day) == (None, 3, 4)

    risk.remove_limit(changed)
    assert not RiskLimit.objects.exists()
    told = AuditEvent.objects.filter(subject="risk_limit").order_by("id").values_list("event", flat=True)
    assert list(told) == ["risk_limit.create", "risk_limit.update", "risk_limit.delete"]


def test_positions_and_trades_of_a_day_are_counted(alice: User, operator: User, account: Account) -> None:
    buy(account, "AAPL")
    apple, other = make_instrument("AAPL"), make_instrument("MSFT")
    risk.set_limit(alice, account=account, max_open_positions=1)

    assert [each.code for each in risk.exceeded(account, other, at=NOW)] == ["limit_positions"]
    assert risk.exceeded(account, apple, at=NOW) == ()  # adds to what is there

    system_settings.put(operator, key="max_trades_per_day", value={"count": 1})
    assert [each.code for each in risk.exceeded(account, apple, at=NOW)] == ["limit_trades"]
    assert risk.exceeded(account, apple, at=NOW + timedelta(days=1)) == ()


def test_all_that_is_open_is_worth_no_more_than_its_share(operator: User, account: Account) -> None:
    buy(account, "AAPL")  # 1 at 100
    risk.configure(operator, max_total_capital=Decimal("0.5"))

    assert risk.exceeded(account, make_instrument("MSFT"), at=NOW, value=Decimal(50)) == ()
    over = risk.exceeded(account, make_instrument("MSFT"), at=NOW, value=Decimal("50.01"))
    assert [(each.code, each.values) for each in over] == [("limit_total_capital", {"most": "150"})]


def buy(account: Account, symbol: str, *, price: str = "100") -> Trade:
    fill = EnteredFill("buy", Decimal(1), Decimal(price), NOW - timedelta(hours=2))
    return trades.enter(account, instrument=make_instrument(symbol), fills=[fill])[-1]


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


# --- the end of the day ----------------------------------------------------------------------------

MIDNIGHT = datetime(2026, 3, 3, tzinfo=UTC)
TICK = timedelta(microseconds=1)


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


# --- by hand ---------------------------------------------------------------------------------------


def live(owner: User | None, account: Account | None = None, strategy: str = "") -> Target:
    return Target(owner, "live", account, strategy)


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


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_judged_by_several_at_once_it_trips_once_and_is_reset_once() -> None:
    alice = make_user("alice@example.com")
    User.objects.filter(pk=alice.pk).update(date_joined=datetime(2026, 1, 1, tzinfo=UTC))
    account = settled(make_account(alice, initial_balance=Decimal(300)))
    with transaction.atomic():
        lose(account, *["-10"] * 5)
    BreakerState.objects.all().delete()
    begun = BreakerEvent.objects.count()

    def at_once(act: Callable[[], object]) -> None:
        start = threading.Barrier(4)

        def run() -> None:
            start.wait()
            try:
                act()
            finally:
                connections.close_all()

        threads = [threading.Thread(target=run) for _ in range(4)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()

    at_once(lambda: risk.evaluate(alice.pk, at=NOW))
    assert BreakerEvent.objects.count() - begun == 2
    assert set(BreakerState.objects.exclude(state="active").values_list("scope", flat=True)) == {"account", "global"}

    at_once(lambda: risk.lift(alice.pk, at=MIDNIGHT))
    assert BreakerEvent.objects.count() - begun == 4
    assert not BreakerState.objects.exclude(state="active").exists()
