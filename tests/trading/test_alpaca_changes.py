"""Orders at Alpaca that are stopped, canceled or replaced, against a server that speaks its protocol."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.errors import InvalidValue
from accounts.models import Account, ActivityEntry, User
from tests.trading.brokers import (
    EXIT,
    compared,
    connected,
    driven,
    held,
    seconds_of,
    sent,
    stored,
    ten,
    told,
    units,
)
from tests.trading.desk import broken, cash, share, ticket
from trading import exit_orders, exit_plans, halting, orders, risk, trades
from trading.errors import InvalidState, OrderRefused
from trading.exits.plans import simple_plan
from trading.models import BreakerEvent, BreakerMode, Instrument, ManagedPosition, Order, OrderCommand, Position
from trading.order_rules.broker_events import Report
from trading.order_rules.pretrade import RiskState, against_new_risk
from trading.order_rules.statuses import Event
from trading.order_tickets import ticket_of
from trading.risk.breakers import Target
from trading.venues import alpaca, sending
from trading.venues.stand_in.server import StandIn

pytestmark = pytest.mark.django_db
D = Decimal


@pytest.fixture
def account(alice: User, it: StandIn) -> Account:
    return connected(alice, it)


def test_an_order_that_was_not_sent_is_canceled_here(account: Account, it: StandIn) -> None:
    order = stored(account, share(), ten())
    orders.cancel(order)
    driven(order)
    assert (order.status, it.requests, cash(account)) == ("canceled", [], (D(10000), D(0)))
    assert OrderCommand.objects.get(order=order).status == "withdrawn"


def test_what_opens_and_was_not_sent_when_a_breaker_came_on_is_never_sent_and_what_gets_out_is(
    alice: User, account: Account, it: StandIn
) -> None:
    """ADR-004: an entry that was queued before the trip is canceled, not submitted, and the breaker is the reason."""
    acme = share()
    bought = sent(account, acme, ten())
    it.broker.fill(str(bought.broker_order_id), "10", "50")
    told(account, *held(it))
    # Each calls itself what the other is.
    entry = stored(account, acme, ten(), purpose=EXIT)
    out = stored(account, acme, ticket("sell", "10", "limit", limit_price="60", time_in_force="day"))
    assert cash(account) == (D(9000), D(500))
    halt(alice, account)

    driven(entry)
    driven(out)

    assert (entry.status, entry.broker_order_id, entry.attempts) == ("canceled", None, 0)
    assert [each.code for each in orders.reasons_of(entry)] == ["breaker_halted"]
    assert (out.status, it.count("POST"), cash(account)) == ("pending_new", 2, (D(9500), D(0)))
    assert OrderCommand.objects.get(order=entry).status == "withdrawn"
    last = entry.events.order_by("id").last()
    assert (last.event, last.status_before, last.status_after) == ("aborted", "pending_submit", "canceled")
    assert [each.order_id for each in BreakerEvent.objects.filter(kind="blocked")] == [str(entry.public_id)]
    assert broken() == []


def test_what_may_have_been_sent_before_a_breaker_came_on_is_looked_up_and_sent_no_second_time(
    alice: User, account: Account, it: StandIn
) -> None:
    there, lost = (stored(account, share(symbol), ten(), symbol) for symbol in ("ACME", "NEXT"))
    for order, fault in ((there, "cut_after"), (lost, "cut")):
        it.suffer(fault)
        assert sending.send(OrderCommand.objects.get(order=order).pk) == "unknown"
    halt(alice, account)

    driven(there)
    driven(lost)

    # The broker has the one, and the kill switch is there to cancel it; of the other it was asked until that is sure.
    assert (there.status, there.broker_order_id) == ("new", it.broker.of_client("ACME")["id"])
    assert (lost.status, [each.code for each in orders.reasons_of(lost)]) == ("rejected", ["breaker_halted"])
    assert (it.count("POST"), len(it.broker.orders), cash(account)) == (2, 1, (D(9500), D(500)))
    assert broken() == []


def test_what_the_broker_told_of_meanwhile_is_not_aborted_and_warns_nobody(account: Account, it: StandIn) -> None:
    seen = stored(account, share(), ten())
    orders.record(seen, [Report(Event.NEW, timezone.now())], source="alpaca")
    reason = against_new_risk(RiskState.HALTED)
    assert reason is not None

    assert alpaca.abort(seen, reason) is None

    seen.refresh_from_db()
    assert (seen.status, seen.reasons, cash(account)) == ("new", [], (D(9500), D(500)))
    assert not ActivityEntry.objects.filter(kind="warning").exists()


def test_an_account_is_held_before_its_order_where_that_is_refused_or_aborted(account: Account, it: StandIn) -> None:
    """Who takes them the other way round waits for the stream, which waits for it: one of the two is thrown out."""
    reason = against_new_risk(RiskState.HALTED)
    assert reason is not None
    acts: list[Callable[[Order], object]] = [
        lambda order: alpaca.refuse(order, code="1", said="no"),
        lambda order: alpaca.abort(order, reason),
    ]
    for act in acts:
        order = stored(account, share(f"S{Order.objects.count()}"), ten())
        with CaptureQueriesContext(connection) as made:
            act(order)
        holding = [
            each["sql"] for each in made if each["sql"].startswith("UPDATE") or "FOR NO KEY UPDATE" in each["sql"]
        ]
        assert "accounts_account" in holding[0]


def test_a_replacement_that_opens_is_not_asked_for_once_a_breaker_is_on_and_the_order_stands_as_it_was(
    alice: User, account: Account, it: StandIn
) -> None:
    order = sent(account, share(), ten())
    told(account, *held(it))
    order.refresh_from_db()
    orders.replace_order(order, ticket=ticket("buy", "20", "limit", limit_price="50", time_in_force="day"))
    halt(alice, account)

    driven(order)

    assert (order.status, order.quantity, cash(account), it.count("PATCH")) == ("new", D(10), (D(9500), D(500)), 0)
    assert BreakerEvent.objects.filter(kind="blocked", order_id=str(order.public_id)).count() == 1
    assert broken() == []


def halt(owner: User, account: Account) -> None:
    target = Target(owner, BreakerMode.of(account), account)
    risk.activate(owner, target, state="halted", note="enough", at=timezone.now())


def test_a_cancellation_waits_for_the_outcome_of_the_submission(account: Account, it: StandIn) -> None:
    order = stored(account, share(), ten())
    it.suffer("cut_after")
    sending.send(OrderCommand.objects.get(order=order).pk)
    orders.cancel(order)
    orders.cancel(order)
    driven(order)
    assert it.broker.found(str(order.broker_order_id))["status"] == "canceled"
    told(account, *held(it))
    order.refresh_from_db()
    assert (order.status, it.count("DELETE"), cash(account)) == ("canceled", 1, (D(10000), D(0)))
    assert broken() == []


def test_a_cancellation_is_asked_for_and_ends_by_the_brokers_word(account: Account, it: StandIn) -> None:
    acme = share()
    for fault in (None, "error", "error_after", "cut_after", "silence_after"):
        order = sent(account, acme, ten())
        told(account, *held(it))
        it.broker.fill(str(order.broker_order_id), "4", "50")
        if fault is not None:
            it.suffer(fault, method="DELETE", seconds=seconds_of(fault))
        orders.cancel(order)
        order.refresh_from_db()
        assert order.status == "pending_cancel", fault
        driven(order)
        told(account, *held(it))
        order.refresh_from_db()
        assert (order.status, order.filled_quantity, order.reserved_amount) == ("canceled", D(4), D(0)), fault
    assert (units(account), cash(account)) == ({"ACME": D(20)}, (D(9000), D(0)))
    assert compared(account).differences == []
    assert broken() == []


def test_an_order_that_fills_while_it_is_canceled_is_filled(account: Account, it: StandIn) -> None:
    order = sent(account, share(), ten())
    it.broker.fill(str(order.broker_order_id), "10", "50")
    orders.cancel(order)
    driven(order)
    order.refresh_from_db()
    # The broker says that it is filled; until its fill is told, it is what it was.
    assert (order.status, OrderCommand.objects.get(order=order, kind="cancel").status) == ("pending_new", "refused")
    told(account, *held(it))
    order.refresh_from_db()
    assert (order.status, units(account), cash(account)) == ("filled", {"ACME": D(10)}, (D(9500), D(0)))
    with pytest.raises(InvalidState):
        orders.cancel(order)
    assert broken() == []


def test_a_replacement_stands_once_the_broker_has_taken_it(account: Account, it: StandIn) -> None:
    acme = share()
    for fault in (None, "error", "error_after", "cut_after", "silence_after", "limit"):
        order = sent(account, acme, ten())
        told(account, *held(it))
        if fault is not None:
            it.suffer(fault, method="PATCH", seconds=seconds_of(fault))
        order.refresh_from_db()
        answer = orders.replace_order(order, ticket=replace(ticket_of(order), limit_price=D(40)))
        assert (answer.is_new, answer.order.status) == (False, "pending_replace")
        assert cash(account) == (D(9500), D(500)), fault
        driven(order)
        told(account, *held(it))
        order.refresh_from_db()
        successor = Order.objects.get(replaces=order)
        assert (order.status, successor.status, successor.limit_price) == ("replaced", "new", D(40)), fault
        assert (successor.chain_id, successor.source, successor.purpose) == (order.chain_id, order.source, "entry")
        assert cash(account) == (D(9600), D(400)), fault
        orders.cancel(successor)
        driven(successor)
        told(account, *held(it))
        assert cash(account) == (D(10000), D(0)), fault
    assert compared(account).differences == []
    assert broken() == []


def test_a_fill_that_comes_before_the_replacement_wins(account: Account, it: StandIn) -> None:
    order = sent(account, share(), ten())
    told(account, *held(it))
    order.refresh_from_db()
    orders.replace_order(order, ticket=ticket("buy", "12", "limit", limit_price="50", time_in_force="day"))
    it.broker.fill(str(order.broker_order_id), "10", "50")
    driven(order)
    assert (order.status, Order.objects.filter(replaces=order).exists()) == ("new", False)
    told(account, *held(it))
    order.refresh_from_db()
    assert (order.status, cash(account)) == ("filled", (D(9500), D(0)))
    assert broken() == []


def test_a_replacement_that_the_account_cannot_pay_is_refused_here_and_changes_nothing(
    account: Account, it: StandIn
) -> None:
    order = sent(account, share(), ten())
    told(account, *held(it))
    order.refresh_from_db()
    with pytest.raises(OrderRefused):
        orders.replace_order(order, ticket=ticket("buy", "900", "limit", limit_price="50", time_in_force="day"))
    order.refresh_from_db()
    assert (order.status, cash(account), it.count("PATCH")) == ("new", (D(9500), D(500)), 0)
    assert not OrderCommand.objects.filter(kind="replace").exists()
    assert broken() == []


@pytest.mark.parametrize("name", ["mp:0198c0c0:1", "signal:7"])
@pytest.mark.parametrize("source", ["api", "ui", "plan", "bot"])
def test_ids_of_plans_and_copied_trades_are_refused_before_the_broker_is_asked_to_replace(
    account: Account, it: StandIn, name: str, source: str
) -> None:
    order = sent(account, share(), ten())
    told(account, *held(it))
    Order.objects.filter(pk=order.pk).update(source=source)
    order.refresh_from_db()
    with pytest.raises(InvalidValue, match="are given by exit plans and copied trades alone"):
        orders.replace_order(order, ticket=replace(ticket_of(order), limit_price=D(40)), client_order_id=name)
    order.refresh_from_db()
    assert (order.status, cash(account), it.count("PATCH")) == ("new", (D(9500), D(500)), 0)
    assert not OrderCommand.objects.filter(kind="replace").exists()
    assert broken() == []


def test_flattening_waits_for_the_broker_to_cancel_the_stop_and_then_gets_out_by_itself(
    alice: User, account: Account, it: StandIn
) -> None:
    acme = share()
    entry = sent(account, acme, ten())
    it.broker.fill(str(entry.broker_order_id), "10", "50")
    told(account, *held(it))
    stop = sent(account, acme, ticket("sell", "10", "stop", stop_price="45", time_in_force="day"), purpose=EXIT)
    told(account, *held(it))

    exit_plans.open_plan(account, acme, plan=simple_plan(stop_loss=D("0.2")), quantity=D(4))

    done = halting.flatten(alice, None, confirmed=True)

    assert (done.placed, done.waiting, done.refused) == ([], 1, 0)
    stop.refresh_from_db()
    assert stop.status == "pending_cancel"
    # The units are still the stop's: whoever looks before the broker has answered is refused, and comes back.
    exit_orders.look()
    assert {each.status for each in Order.objects.filter(source="plan")} == {"rejected"}
    driven(stop)
    told(account, *held(it))
    for minutes in (1, 2):
        exit_orders.look(now=timezone.now() + timedelta(minutes=minutes))
    # What was under a plan, and the rest.
    ways_out = list(Order.objects.live().order_by("quantity"))
    assert [(order.type, order.quantity, driven(order).is_live) for order in ways_out] == [
        ("market", D(4), True),
        ("market", D(6), True),
    ]
    for order in ways_out:
        it.broker.fill(str(order.broker_order_id), str(order.quantity), "49")
    told(account, *held(it))
    exit_orders.look()
    assert (units(account), cash(account)) == ({}, (D(9990), D(0)))
    assert not ManagedPosition.objects.open().exists()
    # There is nothing left to be closed, whoever asks again.
    assert halting.flatten(alice, None, confirmed=True) == halting.Flattened([], 0, 0)
    assert broken() == []


def _held_behind_a_stop(account: Account, it: StandIn, symbol: str) -> tuple[Instrument, Order]:
    """Ten units, and an order at the broker that would sell them."""
    instrument = share(symbol)
    entry = sent(account, instrument, ten())
    it.broker.fill(str(entry.broker_order_id), "10", "50")
    told(account, *held(it))
    stop = sent(account, instrument, ticket("sell", "10", "stop", stop_price="45", time_in_force="day"), purpose=EXIT)
    told(account, *held(it))
    return instrument, stop


def test_a_position_that_cannot_be_left_to_the_monitor_keeps_its_stop_and_the_others_are_got_out_of(
    alice: User, account: Account, it: StandIn
) -> None:
    acme, its_stop = _held_behind_a_stop(account, it, "ACME")
    bolt, other_stop = _held_behind_a_stop(account, it, "BOLT")
    # Nothing says what these cost, so that no plan can start from it.
    Position.objects.filter(instrument=acme).update(average_price=0)

    done = halting.flatten(alice, None, confirmed=True)

    assert (done.placed, done.waiting, done.refused) == ([], 1, 1)
    assert [Order.objects.get(pk=each.pk).status for each in (its_stop, other_stop)] == ["new", "pending_cancel"]
    assert [plan.instrument for plan in ManagedPosition.objects.open()] == [bolt]
    (warned,) = ActivityEntry.objects.filter(owner=alice, kind="warning")
    assert warned.text == (
        f"ACME in {account.name} could not be closed, and what protects it stays: "
        "The position has no price that a plan could start from."
    )


@pytest.mark.parametrize(("sold", "waiting", "planned"), [("4", 1, [D(6)]), ("10", 0, [])])
def test_what_was_sold_while_flattening_waited_for_the_account_is_not_sold_again(
    alice: User,
    account: Account,
    it: StandIn,
    monkeypatch: pytest.MonkeyPatch,
    sold: str,
    waiting: int,
    planned: list[Decimal],
) -> None:
    _acme, stop = _held_behind_a_stop(account, it, "ACME")
    lock = trades.lock_accounts

    def once_some_are_sold(ids: Iterable[int]) -> None:
        monkeypatch.setattr(trades, "lock_accounts", lock)
        it.broker.fill(str(stop.broker_order_id), sold, "45")
        told(account, *held(it))
        lock(ids)

    monkeypatch.setattr(trades, "lock_accounts", once_some_are_sold)

    done = halting.flatten(alice, None, confirmed=True)

    assert (done.placed, done.waiting, done.refused) == ([], waiting, 0)
    assert [plan.remaining for plan in ManagedPosition.objects.open()] == planned
    assert not ActivityEntry.objects.filter(owner=alice, kind="warning").exists()


def test_plans_that_sleep_after_failures_are_awake_once_flattening_has_canceled_the_stop(
    alice: User, account: Account, it: StandIn
) -> None:
    acme, stop = _held_behind_a_stop(account, it, "ACME")
    now = timezone.now()
    later = now + timedelta(minutes=5)
    watched, decided = (
        exit_plans.open_plan(account, acme, plan=simple_plan(stop_loss=D("0.2")), quantity=D(5)) for _ in "ab"
    )
    refused = exit_plans.close(decided)
    for _ in range(4):
        exit_plans.refused(refused, words="The units are held.", at=now)
        refused.refresh_from_db()
    failing = {"status": "error", "problem": "Expired.", "failures": 4, "retry_at": later}
    ManagedPosition.objects.filter(pk=watched.pk).update(**failing)
    ManagedPosition.objects.filter(pk=decided.pk).update(decided="stop_loss", retry_at=later)
    assert refused.next_attempt_at == later

    halting.flatten(alice, None, confirmed=True)

    plans = ManagedPosition.objects.open().order_by("id").values_list("problem", "failures", "retry_at", "status")
    assert list(plans) == [("", 0, None, "monitoring"), ("", 0, None, "stop_loss_triggered")]
    # The broker has not answered yet: both are refused, and are back in seconds, not in minutes.
    exit_orders.look()
    driven(stop)
    told(account, *held(it))
    for seconds in (6, 12):
        exit_orders.look(now=timezone.now() + timedelta(seconds=seconds))
    ways_out = Order.objects.live().order_by("id")
    assert [(order.type, order.quantity) for order in ways_out] == [("market", D(5)), ("market", D(5))]
    assert broken() == []
