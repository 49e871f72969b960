"""Plans on positions in the database: the worked examples to the cent, snapshots, overrides, closing by hand."""

from datetime import timedelta
from decimal import Decimal as D
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import Account, ActivityEntry, AuditEvent, User
from tests.factories import make_account
from tests.trading.plan_things import DEFAULT, ENTERED, TRAILING, Market, hold, managed, quote
from trading import exit_plans, exit_strategies, monitoring, plan_lists, trades
from trading.errors import PlanChanged, PlanImpossible, PlanInvalid
from trading.exits.plans import simple_plan
from trading.models import ExitStrategy, ManagedPosition, PlanExit, PlanRevision, Position
from trading.trades import EnteredFill

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(alice: User) -> Account:
    return make_account(alice)


@pytest.fixture
def template(alice: User) -> ExitStrategy:
    return exit_strategies.create(owner=alice, name="Mine", plan=DEFAULT)


MAIN_RUN = """
0.90 1.00 100   0.00  -10.00
1.15 1.15 100   0.00   15.00
1.25 1.25 100   0.00   25.00
1.10 1.25 100   0.00   10.00
2.00 2.00  50  50.00   50.00
2.60 2.60  50  50.00   80.00
3.10 3.10  25 102.50   52.50
4.00 4.00  25 102.50   75.00
3.50 4.00  25 102.50   62.50
3.30 4.00   0 160.00    0.00
""".strip().splitlines()


def test_the_worked_example_runs_through_the_database_to_the_cent(account: Account) -> None:
    market = Market(managed(account))
    for row in MAIN_RUN:
        price, best, remaining, realized, unrealized = row.split()
        market.price(price)
        shown = plan_lists.shown([market.plan], now=market.at)[0]
        found = (market.plan.best, market.plan.remaining, shown.result.realized, shown.result.unrealized)
        assert found == (D(best), D(remaining), D(realized), D(unrealized)), row

    assert market.exits == [(1, "scaling", 50), (2, "scaling", 25), (3, "trailing_stop", 25)]
    assert (market.plan.status, market.plan.reason, market.plan.closed_at) == ("closed", "trailing_stop", market.at)
    assert shown.result.exit_price == D("2.6")


def test_realized_follows_the_fills_and_not_the_prices_that_decided(account: Account) -> None:
    market = Market(managed(account), fills={1: "1.96", 2: "3.05", 3: "3.20"})
    for row in MAIN_RUN:
        market.price(row.split()[0])

    result = plan_lists.shown([market.plan], now=market.at)[0].result
    assert (result.realized, result.exit_price) == (D("154.25"), D("2.5425"))
    first = PlanExit.objects.get(managed_position=market.plan, number=1)
    assert (first.decided_price, first.filled_price) == (D("2.00"), D("1.96"))


@pytest.mark.parametrize(
    ("plan", "prices", "exits", "realized"),
    [
        (TRAILING, "1.25 1.06", [(1, "trailing_stop", 100)], "6.00"),
        (TRAILING, "1.25 0.79", [(1, "stop_loss", 100)], "-21.00"),
        (DEFAULT, "2.00 1.20 0.80", [(1, "scaling", 50), (2, "stop_loss", 50)], "40.00"),
        (TRAILING, "3.20 2.60", [(1, "scaling", 50), (2, "scaling", 25), (3, "trailing_stop", 25)], "205.00"),
        (
            DEFAULT, "2.00 3.00 0.79",
            [(1, "scaling", 50), (2, "scaling", 25), (3, "stop_loss", 25)], "94.75",
        ),
        (DEFAULT, "0.85", [], "0.00"),
    ],
)  # fmt: skip
def test_branch_cases_of_the_example(
    account: Account, plan: Any, prices: str, exits: list[tuple[int, str, int]], realized: str
) -> None:
    market = Market(managed(account, plan))
    for price in prices.split():
        market.price(price)

    assert market.exits == exits
    assert plan_lists.shown([market.plan], now=market.at)[0].result.realized == D(realized)


def test_a_short_gets_out_at_the_ask_and_a_long_at_the_bid(account: Account) -> None:
    plan = simple_plan(stop_loss=D("0.1"), take_profit=D("0.2"))
    long, short = managed(account, plan, symbol="UP", price="100"), managed(
        account, plan, symbol="DOWN", price="100", side="sell"
    )  # fmt: skip
    at = ENTERED + timedelta(minutes=1)
    for each in (long, short):
        quote(each.instrument_id, "100", at=at, bid=D("91"), ask=D("109"))
    assert monitoring.tick(now=at).exits == 0

    for each in (long, short):
        quote(each.instrument_id, "100", at=at + timedelta(seconds=1), bid=D("90"), ask=D("110"))
    monitoring.tick(now=at + timedelta(seconds=1))

    found = PlanExit.objects.order_by("managed_position_id").values_list("reason", "decided_price", "line")
    assert list(found) == [("stop_loss", D(90), D(90)), ("stop_loss", D(110), D(110))]


# ---------------------------------------------------------------- ADR-002: the plan is the position's own
def test_adr_002_an_open_position_keeps_its_plan_when_the_template_changes(
    account: Account, template: ExitStrategy
) -> None:
    old = exit_plans.open_plan(account, hold(account, symbol="OLD"), strategy=template)
    exit_strategies.update(template, plan=simple_plan(stop_loss=D("0.25")))
    template.refresh_from_db()
    new = exit_plans.open_plan(account, hold(account, symbol="NEW"), strategy=template)

    lines = [row.standing.stop.line for row in plan_lists.shown([old, new], now=ENTERED) if row.standing.stop]
    assert lines == [D("0.80"), D("0.75")]
    at = ENTERED + timedelta(minutes=1)
    for each in (old, new):
        quote(each.instrument_id, "0.78", at=at)
    monitoring.tick(now=at)
    assert list(PlanExit.objects.values_list("managed_position_id", "reason")) == [(old.pk, "stop_loss")]


def test_adr_002_an_override_wins_key_by_key(account: Account, template: ExitStrategy) -> None:
    made = exit_plans.open_plan(account, hold(account), strategy=template, overrides={"stop_loss": "0.25"})

    assert made.plan.stop_loss == D("0.25")
    assert made.plan.levels == DEFAULT.levels
    market = Market(made)
    market.price("0.76")
    assert market.exits == []
    market.price("0.75")
    assert market.exits == [(1, "stop_loss", 100)]


@pytest.mark.parametrize(
    "change",
    [
        "plan_snapshot = '{}'", "plan_snapshot = jsonb_set(plan_snapshot, '{stop_loss}', '\"0.9\"')",
        "entry_price = 2", "entry_quantity = 200", "entered_at = now()", "side = 'short'", "multiplier = 50",
        "currency = 'EUR'", "instrument_id = instrument_id + 1",
    ],
)  # fmt: skip
def test_adr_002_the_database_refuses_to_change_what_was_entered(account: Account, change: str) -> None:
    made = managed(account)

    with pytest.raises(IntegrityError, match="never changes"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE trading_managedposition SET {change}")

    after = ManagedPosition.objects.get()
    assert (after.plan_snapshot, after.entry_price, after.entry_quantity) == (made.plan_snapshot, 1, 100)
    with connection.cursor() as cursor:  # the control: what it may change
        cursor.execute("UPDATE trading_managedposition SET plan_now = plan_snapshot, best = 2")


def test_adr_002_an_archived_template_still_drives_its_open_positions(account: Account, template: ExitStrategy) -> None:
    market = Market(exit_plans.open_plan(account, hold(account), strategy=template))
    exit_strategies.archive(template)

    market.price("0.80")

    assert market.exits == [(1, "stop_loss", 100)]
    with pytest.raises(PlanImpossible, match="archived"):
        exit_plans.open_plan(account, hold(account, symbol="OTHER"), strategy=template)


def test_adr_002_two_parts_of_one_position_follow_plans_of_their_own(account: Account) -> None:
    instrument = hold(account)
    tight = exit_plans.open_plan(account, instrument, plan=simple_plan(stop_loss=D("0.1")), quantity=D(60))
    wide = exit_plans.open_plan(account, instrument, plan=simple_plan(stop_loss=D("0.3")))

    quote(instrument.pk, "0.85", at=ENTERED + timedelta(minutes=1))
    monitoring.tick(now=ENTERED + timedelta(minutes=1))

    assert wide.entry_quantity == 40
    assert list(PlanExit.objects.values_list("managed_position_id", "quantity")) == [(tight.pk, 60)]


def test_adr_002_an_invalid_merge_is_refused_when_it_is_opened(account: Account, template: ExitStrategy) -> None:
    levels = [{"share": "0.5", "gain": "4"}, {"share": "0.25", "gain": "2"}, {"share": "0.25", "gain": None}]
    instrument = hold(account)

    with pytest.raises(PlanInvalid) as refused:
        exit_plans.open_plan(account, instrument, strategy=template, overrides={"levels": levels})
    with pytest.raises(PlanInvalid):
        exit_plans.open_plan(account, instrument, strategy=template, overrides={"stop": "0.1"})

    assert refused.value.pointer == "/levels/1"
    assert not ManagedPosition.objects.exists()


# ---------------------------------------------------------------- overrides of open positions
def test_a_revision_says_who_changed_what_and_leaves_the_snapshot(account: Account, alice: User) -> None:
    made = managed(account, DEFAULT)

    exit_plans.override(made, changes={"stop_loss": "0.1"}, by=alice, revision=0)

    made.refresh_from_db()
    revision = PlanRevision.objects.get()
    assert (revision.number, revision.actor_email, revision.changes) == (1, alice.email, {"stop_loss": "0.1"})
    assert (revision.before["stop_loss"], revision.after["stop_loss"]) == ("0.2", "0.1")
    assert (made.plan_snapshot["stop_loss"], made.plan.stop_loss, made.revision) == ("0.2", D("0.1"), 1)
    assert AuditEvent.objects.filter(event="exit_plan.override").count() == 1


def test_a_revision_of_a_plan_that_was_changed_since_it_was_read_is_a_conflict(account: Account, alice: User) -> None:
    made = managed(account, DEFAULT)
    exit_plans.override(made, changes={"stop_loss": "0.1"}, by=alice, revision=0)

    with pytest.raises(PlanChanged) as refused:
        exit_plans.override(made, changes={"stop_loss": "0.3"}, by=alice, revision=0)

    made.refresh_from_db()
    assert (refused.value.status, made.plan.stop_loss, PlanRevision.objects.count()) == (409, D("0.1"), 1)


def test_the_monitors_own_writes_are_no_conflict_for_a_person(account: Account, alice: User) -> None:
    market = Market(managed(account))
    market.price("1.50")

    exit_plans.override(market.plan, changes={"trail": "0.05"}, by=alice, revision=0)
    market.price("1.42")

    assert market.exits == [(1, "trailing_stop", 100)]


def test_a_revision_that_breaks_a_rule_or_changes_nothing_leaves_no_trace(account: Account, alice: User) -> None:
    made = managed(account, DEFAULT)

    with pytest.raises(PlanInvalid):
        exit_plans.override(made, changes={"stop_loss": None}, by=alice, revision=0)
    with pytest.raises(PlanInvalid):
        exit_plans.override(made, changes={"exit_at": "2026-01-05T14:00:00+00:00"}, by=alice, revision=0)
    exit_plans.override(made, changes={"stop_loss": "0.2"}, by=alice, revision=0)

    assert not PlanRevision.objects.exists()
    assert ManagedPosition.objects.get().version == 1


# ---------------------------------------------------------------- how much plans may hold
def test_plans_never_hold_more_than_the_position(account: Account) -> None:
    instrument = hold(account)
    first = exit_plans.open_plan(account, instrument, plan=DEFAULT, quantity=D(70))

    with pytest.raises(PlanImpossible, match="30 units"):
        exit_plans.open_plan(account, instrument, plan=DEFAULT, quantity=D(31))
    exit_plans.open_plan(account, instrument, plan=DEFAULT, quantity=D(30))
    with pytest.raises(PlanImpossible):
        exit_plans.open_plan(account, instrument, plan=DEFAULT)
    exit_plans.close(first)  # on its way out, it is held still
    with pytest.raises(PlanImpossible):
        exit_plans.open_plan(account, instrument, plan=DEFAULT)

    assert exit_plans.committed(account.pk, instrument.pk) == abs(Position.objects.get().quantity) == 100


def test_nothing_held_is_nothing_to_plan(account: Account) -> None:
    instrument = hold(account)
    with pytest.raises(PlanImpossible, match="Nothing is held"):
        exit_plans.open_plan(make_account(account.owner), instrument, plan=DEFAULT)
    assert not ManagedPosition.objects.exists()


def test_the_entry_is_the_average_of_the_fills(account: Account) -> None:
    instrument = hold(account, price="1.00")
    fill = EnteredFill("buy", D(100), D("1.10"), ENTERED + timedelta(minutes=1))
    trades.enter(account, instrument=instrument, fills=[fill])

    assert exit_plans.open_plan(account, instrument, plan=DEFAULT).entry_price == D("1.05")


# ---------------------------------------------------------------- by hand
def test_closing_by_hand_claims_all_that_remains_once(account: Account) -> None:
    market = Market(managed(account))
    market.price("2.00")

    made = exit_plans.close(market.plan)
    with pytest.raises(PlanImpossible, match="way out"):
        exit_plans.close(market.plan)
    market.price("1.90")

    assert (made.number, made.reason, made.quantity) == (2, "manual", 50)
    assert market.exits == [(1, "scaling", 50), (2, "manual", 50)]
    assert (market.plan.status, market.plan.reason) == ("closed", "manual")
    with pytest.raises(PlanImpossible, match="ended"):
        exit_plans.close(market.plan)


def test_letting_go_sells_nothing_and_frees_the_units(account: Account) -> None:
    made = managed(account)
    exit_plans.let_go(made)

    made.refresh_from_db()
    assert (made.status, made.reason, made.gone, made.remaining) == ("closed", "let_go", 100, 0)
    assert not PlanExit.objects.exists()
    assert exit_plans.committed(account.pk, made.instrument_id) == 0


# ---------------------------------------------------------------- exits that do not go through
def test_what_a_stop_gave_back_goes_out_again_for_the_same_reason_after_a_while(account: Account) -> None:
    made = managed(account)
    at = ENTERED + timedelta(minutes=1)
    quote(made.instrument_id, "0.80", at=at)
    monitoring.tick(now=at)
    first = PlanExit.objects.get()

    exit_plans.settle(first, filled=D(40), average_price=D("0.80"), is_over=True, at=at, words="Expired.")

    made.refresh_from_db()
    assert (made.remaining, made.status, made.problem, made.failures) == (60, "error", "Expired.", 1)
    quote(made.instrument_id, "1.50", at=at + timedelta(seconds=1))
    assert monitoring.tick(now=at + timedelta(seconds=4)).judged == 0
    assert monitoring.tick(now=at + timedelta(seconds=5)).exits == 1
    second = PlanExit.objects.get(number=2)
    assert (second.reason, second.quantity) == ("stop_loss", 60)
    exit_plans.settle(second, filled=D(60), average_price=D("0.90"), is_over=True, at=at)
    made.refresh_from_db()
    assert (made.status, made.problem) == ("closed", "")


def test_what_a_level_gave_back_goes_out_at_the_next_price_that_reaches_it(account: Account) -> None:
    made = managed(account, DEFAULT)
    at = ENTERED + timedelta(minutes=1)
    quote(made.instrument_id, "2.00", at=at)
    monitoring.tick(now=at)
    exit_plans.settle(PlanExit.objects.get(), filled=D(0), average_price=None, is_over=True, at=at)

    later = at + timedelta(minutes=1)
    quote(made.instrument_id, "1.90", at=later)
    assert monitoring.tick(now=later).exits == 0
    quote(made.instrument_id, "2.10", at=later)
    assert monitoring.tick(now=later).exits == 1
    assert list(PlanExit.objects.order_by("number").values_list("level", "quantity")) == [(1, 50), (1, 50)]


def test_settling_twice_changes_nothing(account: Account) -> None:
    made = managed(account)
    quote(made.instrument_id, "0.80", at=ENTERED)
    monitoring.tick(now=ENTERED)
    for _time in range(2):
        exit_plans.settle(PlanExit.objects.get(), filled=D(0), average_price=None, is_over=True, at=ENTERED)

    made.refresh_from_db()
    assert (made.remaining, made.failures) == (100, 1)


# ---------------------------------------------------------------- prices that trigger nothing
def test_a_stale_or_missing_price_triggers_nothing_and_is_told_once(account: Account, alice: User) -> None:
    first, second = managed(account, symbol="ONE"), managed(account, symbol="TWO")
    at = ENTERED + timedelta(minutes=10)
    quote(first.instrument_id, "0.70", at=at - timedelta(minutes=6))  # the second has no quote at all

    told = [monitoring.tick(now=at).alerts, monitoring.tick(now=at).alerts]

    assert told == [2, 0]
    assert not PlanExit.objects.exists()
    entry = ActivityEntry.objects.get(kind="system")
    assert entry.text == "2 exit plans are not watched: there is no fresh price of ONE, TWO."
    alerts = ManagedPosition.objects.order_by("pk").values_list("price_alert", flat=True)
    assert list(alerts) == ["price_stale", "price_missing"]
    for each in (first, second):
        quote(each.instrument_id, "1.00", at=at)
    monitoring.tick(now=at)
    assert set(alerts.all()) == {""}


def test_a_price_at_which_nothing_happens_writes_nothing(account: Account, django_assert_num_queries: Any) -> None:
    made = managed(account)
    quote(made.instrument_id, "0.95", at=ENTERED)
    before = ManagedPosition.objects.values().get()

    with django_assert_num_queries(1):
        done = monitoring.tick(now=ENTERED)

    assert (done.judged, done.changed) == (1, 0)
    assert ManagedPosition.objects.values().get() == before


def test_a_sale_by_the_source_takes_out_all_and_asks_no_price(account: Account) -> None:
    made, other = managed(account), managed(account, simple_plan(stop_loss=D("0.2")), symbol="OTHER")

    monitoring.judge(made, price=None, at=None, now=ENTERED, source_sold=True)
    monitoring.judge(other, price=None, at=None, now=ENTERED, source_sold=True)

    assert list(PlanExit.objects.values_list("managed_position_id", "reason", "quantity", "decided_price")) == [
        (made.pk, "mirror", 100, None)
    ]


def test_a_deadline_gets_out_whatever_the_price(account: Account) -> None:
    plan = exit_plans.open_plan(
        account, hold(account), plan=simple_plan(stop_loss=D("0.2")), overrides={"hold_at_most": "3600"}
    )
    monitoring.tick(now=ENTERED + timedelta(minutes=59))
    assert not PlanExit.objects.exists()
    monitoring.tick(now=ENTERED + timedelta(minutes=60))
    assert PlanExit.objects.get(managed_position=plan).reason == "time"
