"""Decisions stay as they were written, and their outcomes say what the trades say, whatever happens to these."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal as D

import pytest
from django.db import IntegrityError, connection, transaction

from accounts import undo, versions
from accounts.errors import InvalidValue
from accounts.models import AuditEvent, User
from intelligence import decisions, outcomes
from intelligence.decisions import DecisionChanged, DecisionKnown, Links, Said
from intelligence.models import Decision, DecisionOutcome, DecisionRevision, Embedding
from tests.factories import make_account
from tests.intelligence.things import AT, at, close_trade, decide, open_trade
from tests.journal.factories import make_instrument
from tests.trading.desk import funded, share
from tests.trading.test_entry_plans import filled, ordered
from trading import exit_plans, orders, trades
from trading.exits.plans import simple_plan
from trading.models import Bar, ManagedPosition, Quote, Trade
from trading.order_rules.ticket import Ticket
from trading.order_rules.vocabulary import OrderType, Side, TimeInForce
from trading.trades import EnteredFill
from trading.venues import paper

pytestmark = pytest.mark.django_db


def outcome_of(decision: Decision) -> DecisionOutcome | None:
    return DecisionOutcome.objects.filter(decision=decision).first()


def changed_at_once(decision: Decision, change: dict) -> None:
    Decision.objects.filter(pk=decision.pk).update(**change)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_a_decision_keeps_all_that_was_said_and_waits_to_be_embedded(alice: User) -> None:
    made = decide(
        alice, "Gap filled, buyers back", symbols=("AAPL", "MSFT"), strategy="gap fill", market_context="VIX 14",
        confidence=D("0.7"), entry_price=D("228.4"), quantity=D(10), stop_loss=D("226"), take_profit=D("233"),
        actor_kind="bot", actor="bot 7", intent="open",
    )  # fmt: skip

    made.refresh_from_db()
    said = decisions.snapshot(made)
    assert said["symbols"] == ["AAPL", "MSFT"]
    assert (said["confidence"], said["entry_price"], said["stop_loss"]) == ("0.7", "228.4", "226")
    row = Embedding.objects.get(decision=made)
    assert (row.state, row.vector, row.owner) == ("pending", None, alice)
    assert AuditEvent.objects.filter(event="decision.record", subject_id=str(made.public_id)).count() == 1


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"action": "YOLO"}, "/action"),
        ({"reasoning": "  "}, "/reasoning"),
        ({"confidence": D("1.01")}, "/confidence"),
        ({"confidence": D("NaN")}, "/confidence"),
        ({"quantity": D(0)}, "/quantity"),
        ({"quantity": D("NaN")}, "/quantity"),
        ({"stop_loss": D("NaN")}, "/stop_loss"),
        ({"actor_kind": "bot"}, "/actor"),
        ({"strategy": "x" * 61}, "/strategy"),
        ({"reasoning": "x\0"}, "/reasoning"),
    ],
)
def test_what_no_decision_can_hold_is_refused_at_its_field(alice: User, fields: dict, pointer: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        decide(alice, **fields)

    assert refused.value.pointer == pointer
    assert not Decision.objects.exists()
    assert not Embedding.objects.exists()


def test_the_database_refuses_what_the_code_would(alice: User, bob: User) -> None:
    made = decide(alice)
    foreign = make_account(bob)
    for change in (
        {"action": "YOLO"},
        {"confidence": D("1.5")},
        {"reasoning": ""},
        {"actor_kind": "bot"},
        {"account": foreign},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            changed_at_once(made, change)
    for column in ("quantity", "entry_price", "stop_loss", "take_profit", "confidence"):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"UPDATE intelligence_decision SET {column} = 'NaN'")


def test_things_of_others_are_not_linked(alice: User, bob: User) -> None:
    trade = open_trade(make_account(bob))

    for links in (Links(trade=trade), Links(account=trade.account)):
        with pytest.raises(InvalidValue):
            decide(alice, links=links)

    assert not Decision.objects.exists()


def test_an_edit_keeps_what_was_said_before_and_a_stale_one_is_refused(alice: User) -> None:
    made = decide(alice, "First", confidence=D("0.4"))
    links = Links(instruments=[make_instrument("AAPL")])

    decisions.revise(made, said=Said("HOLD", "Second"), links=links, revision=1, at=at(7))
    with pytest.raises(DecisionChanged):
        decisions.revise(made, said=Said("BUY", "Third"), links=links, revision=1, at=at(8))

    made.refresh_from_db()
    kept = DecisionRevision.objects.get(decision_id=made.pk)
    assert (made.reasoning, made.action, made.revision) == ("Second", "HOLD", 2)
    assert (kept.number, kept.values["reasoning"], kept.values["confidence"]) == (1, "First", "0.4")
    assert Embedding.objects.filter(decision=made).count() == 1


def test_saving_the_same_again_is_no_revision(alice: User) -> None:
    made = decide(alice, "Same")

    decisions.revise(
        made, said=Said("BUY", "Same"), links=Links(instruments=[make_instrument("AAPL")]), revision=1, at=at(7)
    )

    made.refresh_from_db()
    assert (made.revision, DecisionRevision.objects.count()) == (1, 0)


def test_revisions_refuse_to_be_changed_at_the_database(alice: User) -> None:
    made = decide(alice)
    decisions.revise(made, said=Said("HOLD", "Other"), links=Links(), revision=1, at=at(7))

    for statement in (
        "UPDATE intelligence_decisionrevision SET number = 9",
        "DELETE FROM intelligence_decisionrevision",
        "TRUNCATE intelligence_decisionrevision",
    ):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


def test_the_outcome_is_there_as_soon_as_the_trade_closes(alice: User) -> None:
    # Bought 10 at 100 with a stop at 95: 50 at risk. Sold at 110, costs 2: 98 of 1000 is 9.8 %, 98 / 50 is 1.96 R.
    trade = open_trade(make_account(alice), stop="95")
    made = decide(alice, links=Links(trade=trade))
    assert outcome_of(made) is None

    close_trade(trade, "110", fees="2")

    found = outcome_of(made)
    assert found is not None
    assert (found.result_amount, found.currency, found.outcome) == (D(98), "USD", "win")
    assert (found.result_pct, found.r_multiple) == (D("0.098"), D("1.96"))
    assert found.holding_seconds == 24 * 3600
    assert found.resolved_at == at(6)
    assert (found.benchmark, found.benchmark_pct, found.alpha) == ("", None, None)


def test_a_decision_that_is_written_after_the_close_has_its_outcome_at_once(alice: User) -> None:
    trade = open_trade(make_account(alice))
    close_trade(trade, "90")

    found = outcome_of(decide(alice, links=Links(trade=trade)))

    assert found is not None
    assert (found.result_amount, found.outcome, found.r_multiple) == (D(-100), "loss", None)


def test_the_outcome_follows_every_change_of_the_trade(alice: User) -> None:
    account = make_account(alice)
    trade = open_trade(account)
    close_trade(trade, "110")
    made = decide(alice, links=Links(trade=trade))

    # A stop that is set afterwards: 100 of 50 at risk.
    trades.annotate(trade, plan=trades.Plan(D(95), None))
    assert outcome_of(made).r_multiple == 2

    # One more unit is bought before the end: the trade is open again.
    fill = trades.EnteredFill("buy", D(1), D(101), at(5, 15))
    trades.enter(account, instrument=trade.instrument, fills=[fill])
    assert outcome_of(made) is None

    # And sold: 10 × 10 + 19 − 10 … 1 at 101 sold at 121.
    trades.enter(account, instrument=trade.instrument, fills=[trades.EnteredFill("sell", D(1), D(121), at(7))])
    assert outcome_of(made).result_amount == 120
    assert outcome_of(made).holding_seconds == 48 * 3600

    # Deleted, it says nothing any more; restored, it says the same as before.
    fills = trades.delete(Trade.objects.get(public_id=trade.public_id))
    assert outcome_of(made) is None
    trades.restore(alice.pk, execution_ids=fills)
    assert outcome_of(made).result_amount == 120


def test_the_outcome_goes_when_the_link_does_and_with_the_account(alice: User) -> None:
    account = make_account(alice)
    trade = open_trade(account)
    close_trade(trade, "110")
    first, second = decide(alice, links=Links(trade=trade)), decide(alice, links=Links(trade=trade))

    decisions.revise(first, said=Said("BUY", "x"), links=Links(account=account), revision=1, at=at(7))
    assert outcome_of(first) is None

    from accounts import trading_accounts

    trading_accounts.delete(account, confirmed=True)
    second.refresh_from_db()
    assert outcome_of(second) is None
    assert second.account is None


def test_an_orders_decision_gets_its_trade_from_the_fills(alice: User) -> None:
    account = make_account(alice, currency="USD")
    from accounts import ledger

    ledger.deposit(account, currency="USD", amount=D(100_000), idempotency_key="a", at=AT)
    instrument = make_instrument("AAPL")
    instrument.refresh_from_db()
    now = datetime.now(UTC)
    paper.take_quote(Quote(instrument=instrument, bid=D(100), ask=D(101), quoted_at=now, source="test"))

    def send(side: Side) -> object:
        asked = Ticket(side, OrderType.MARKET, TimeInForce.DAY, quantity=D(10))
        return orders.place(account, instrument=instrument, ticket=asked).order

    order = send(Side.BUY)
    made = decide(alice, links=Links(order=order))  # type: ignore[arg-type]
    assert made.account == account
    paper.match(instrument.pk)

    made.refresh_from_db()
    trade = Trade.objects.get()
    assert made.trade_key == trade.public_id
    assert outcome_of(made) is None

    send(Side.SELL)
    paper.match(instrument.pk)

    # Bought at the ask of 101, sold at the bid of 100.
    assert outcome_of(made).result_amount == -10


def test_a_plans_decision_gets_its_trade_from_the_order_that_carried_the_plan(alice: User) -> None:
    account, acme = funded(alice), share()
    order = ordered(account, acme, simple_plan(stop_loss=D("0.2")))
    plan = ManagedPosition.objects.get(entry_order=order)

    made = decide(alice, links=Links(managed_position=plan))
    assert (made.order, made.account, made.trade_key) == (order, account, None)
    filled(order, "100", "1.00", "in")
    assert Decision.objects.get(pk=made.pk).trade_key == Trade.objects.get().public_id
    later = order.created_at + timedelta(minutes=5)
    trades.enter(account, instrument=acme, fills=[EnteredFill("sell", D(100), D("1.25"), later)])

    assert outcome_of(made).result_amount == 25


def test_a_plans_decision_has_the_trade_that_was_held_when_the_plan_was_put_on_it(alice: User) -> None:
    account = make_account(alice, currency="USD")
    before = open_trade(account)
    close_trade(before, "90", when=at(5, 15))
    held = trades.enter(account, instrument=make_instrument("AAPL"), fills=[EnteredFill("buy", D(10), D(100), at(6))])
    plan = exit_plans.open_plan(account, make_instrument("AAPL"), plan=simple_plan(stop_loss=D("0.2")))

    made = decide(alice, links=Links(managed_position=plan))
    assert (made.order, made.trade_key) == (None, held[0].public_id)
    close_trade(held[0], "110", when=at(7))

    assert outcome_of(made).result_amount == 100
    # Written down after the end it is the same, and what is said of the link counts before it.
    assert outcome_of(decide(alice, links=Links(managed_position=plan))).result_amount == 100
    assert outcome_of(decide(alice, links=Links(managed_position=plan, trade=before))).result_amount == -100


def test_the_benchmark_is_held_against_where_its_bars_are_known(alice: User) -> None:
    spy = make_instrument("SPY", kind="etf")
    for number, close in ((2, "500"), (5, "505"), (6, "510"), (7, "520")):
        Bar.objects.create(
            instrument=spy, timeframe="1d", starts_at=at(number, 0), open=D(close), high=D(close), low=D(close),
            close=D(close),
        )  # fmt: skip
    trade = open_trade(make_account(alice))
    made = decide(alice, links=Links(trade=trade))

    close_trade(trade, "110")

    # From the close before it was opened, 500, to that of the day it was closed, 510; 10 % less 2 %.
    found = outcome_of(made)
    assert (found.benchmark, found.benchmark_pct, found.alpha) == ("SPY", D("0.02"), D("0.08"))


def test_outcomes_that_were_changed_behind_our_back_are_put_right_by_the_sweep(alice: User) -> None:
    trade = open_trade(make_account(alice))
    close_trade(trade, "110")
    made = decide(alice, links=Links(trade=trade))
    DecisionOutcome.objects.update(result_amount=D(1))
    version = versions.current(alice.pk)

    assert outcomes.settle_everybody() == 1
    assert outcomes.settle_everybody() == 0

    assert outcome_of(made).result_amount == 100
    assert versions.current(alice.pk) == version + 1


def test_a_deleted_decision_comes_back_for_a_week_and_is_then_gone(alice: User, bob: User) -> None:
    made = decide(alice)
    payload = decisions.delete(made)
    assert not Decision.objects.for_user(alice).exists()
    with pytest.raises(DecisionChanged):
        decisions.delete(made)
    with pytest.raises(InvalidValue):
        undo.perform(bob, undo.token(alice, decisions.DELETED, payload))

    undo.perform(alice, undo.token(alice, decisions.DELETED, payload))
    assert Decision.objects.for_user(alice).get() == made

    decisions.delete(made)
    assert decisions.sweep(now=datetime.now(UTC) + timedelta(days=6)) == 0
    assert decisions.sweep(now=datetime.now(UTC) + timedelta(days=8)) == 1
    assert not Decision.objects.exists()


def test_an_outside_id_is_taken_once_by_each_person(alice: User, bob: User) -> None:
    decide(alice, external_id="d1")
    with pytest.raises(DecisionKnown):
        decide(alice, external_id="d1")

    decide(bob, external_id="d1")

    assert Decision.objects.count() == 2
