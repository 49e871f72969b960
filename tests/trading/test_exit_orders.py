"""From a quote to the order of an exit and back: placed once, filled, told to the plan, and never more than is held."""

import threading
from datetime import timedelta
from decimal import Decimal as D
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.utils import timezone

from accounts import ledger
from accounts.errors import InsufficientFunds
from accounts.models import Account, User
from tests.factories import make_user
from tests.trading.desk import cash, funded, placed, quoted, share, ticket
from tests.trading.plan_things import DEFAULT
from tests.waiting import at_once, done_at_once
from trading import exit_orders, exit_plans, monitoring, orders, plan_lists, risk, trades
from trading.exits.plans import simple_plan
from trading.invariants import INVARIANTS
from trading.models import Instrument, ManagedPosition, Order, PlanExit, Position, Quote
from trading.risk.breakers import Target
from trading.trades import EnteredFill
from trading.venues import paper

pytestmark = pytest.mark.django_db


def bought(owner: User, quantity: str = "100", price: str = "10") -> tuple[Account, Instrument]:
    """An account that has bought so much here, at this price."""
    account, acme = funded(owner), share()
    quoted(acme, price, price)
    placed(account, acme, ticket("buy", quantity))
    return account, acme


def test_a_plan_gets_out_by_orders_that_fill_and_the_trade_has_the_same_money(alice: User) -> None:
    account, acme = bought(alice)
    plan = exit_plans.open_plan(account, acme, plan=DEFAULT)

    quoted(acme, "20", "20.10")
    assert exit_orders.look().placed == 1
    paper.match(acme.pk)
    quoted(acme, "7.90", "8")
    done = exit_orders.look()
    assert (done.settled, done.placed) == (1, 1)
    paper.match(acme.pk)
    exit_orders.look()

    plan.refresh_from_db()
    exits = PlanExit.objects.order_by("number").values_list("reason", "quantity", "decided_price", "filled_price")
    assert list(exits) == [("scaling", 50, D(20), D(20)), ("stop_loss", 50, D("7.90"), D("7.90"))]
    placed_orders = Order.objects.filter(source="plan").order_by("id")
    assert list(placed_orders.values_list("purpose", "position_intent", "client_order_id")) == [
        ("exit_scaling", "sell_to_close", f"mp:{plan.public_id.hex}:exit:1"),
        ("exit_stop_loss", "sell_to_close", f"mp:{plan.public_id.hex}:exit:2"),
    ]
    assert (plan.status, plan.reason) == ("closed", "stop_loss")
    realized = plan_lists.shown([plan])[0].result.realized
    assert realized == D(500) - D(105)
    assert plan.account.trades.get().net_pnl == realized
    assert not Position.objects.exists()


def test_the_stop_of_a_short_runs_though_there_is_too_little_and_what_it_lacks_is_owed(alice: User) -> None:
    account, acme, other = funded(alice, allows_short=True), share(), share("OTHR")
    quoted(acme, "99", "99")
    quoted(other, "100", "100")
    placed(account, acme, ticket("sell", "90"))
    plan = exit_plans.open_plan(account, acme, plan=simple_plan(stop_loss=D("0.1")))
    # Of 10,000 + 90 x 99 it ties up twice 90 x 99: no more is short, and 1,090 may be spent.
    assert placed(account, acme, ticket("sell", "11")).status == "rejected"
    assert placed(account, other, ticket("buy", "11")).status == "rejected"
    placed(account, other, ticket("buy", "10"))
    assert cash(account) == (D(17910), D(0))
    with pytest.raises(InsufficientFunds, match="90 USD"):
        ledger.withdraw(account, currency="USD", amount=D(91), idempotency_key="out", at=timezone.now())

    quoted(acme, "211", "211")
    assert exit_orders.look().placed == 1
    paper.match(acme.pk)
    exit_orders.look()

    plan.refresh_from_db()
    assert (plan.status, plan.reason, cash(account)) == ("closed", "stop_loss", (D(-1080), D(0)))  # less 90 x 211
    assert list(Position.objects.values_list("instrument__symbol", "quantity")) == [("OTHR", D(10))]
    assert _broken() == []


def test_what_a_person_has_waiting_does_not_keep_an_exit_from_running(alice: User) -> None:
    account, acme = bought(alice)
    exit_plans.open_plan(account, acme, plan=DEFAULT)
    stop = placed(account, acme, ticket("sell", "40", "stop", stop_price="7"))
    target = placed(account, acme, ticket("sell", "60", "limit", limit_price="30"))

    def look(price: str) -> tuple[D, str, str]:
        quoted(acme, price, price)
        exit_orders.look()
        paper.match(acme.pk)
        stop.refresh_from_db()
        target.refresh_from_db()
        return Position.objects.get().quantity, stop.status, target.status

    # A level takes what a target holds, and leaves what protects; the stop of the plan takes that too.
    assert look("20") == (D(50), "new", "canceled")
    target = placed(account, acme, ticket("sell", "10", "limit", limit_price="30"))
    quoted(acme, "8", "8")
    assert exit_orders.look().placed == 1
    paper.match(acme.pk)
    exit_orders.look()
    stop.refresh_from_db()
    assert (stop.status, Position.objects.exists(), _broken()) == ("canceled", False, [])


def test_what_must_be_true_of_plans_is_so_at_every_step_and_is_missed_where_it_is_not(alice: User) -> None:
    account, acme = bought(alice)
    plan = exit_plans.open_plan(account, acme, plan=DEFAULT)
    for step, price in enumerate(("20", "8")):
        quoted(acme, price, price)
        now = timezone.now() + timedelta(minutes=step)  # past the wait after what failed
        exit_orders.look(now=now)
        assert _broken() == []
        orders.cancel(Order.objects.filter(source="plan").latest("id"))
        exit_orders.look(now=now)
        assert _broken() == []
    assert list(PlanExit.objects.values_list("reason", flat=True).order_by("number")) == ["scaling", "stop_loss"]

    ManagedPosition.objects.filter(pk=plan.pk).update(remaining=D(98))
    PlanExit.objects.filter(number=1).update(filled_quantity=D(1), filled_price=D(1))
    assert _broken() == ["plans-units", "plans-exits"]


def _broken() -> list[str]:
    return [each.name for each in INVARIANTS if list(each.broken())]


def test_looking_again_places_nothing_twice(alice: User) -> None:
    account, acme = bought(alice)
    exit_plans.open_plan(account, acme, plan=DEFAULT)
    quoted(acme, "8", "8.10")

    exit_orders.look()
    PlanExit.objects.update(order=None)  # a worker that died between the order and its note
    again = exit_orders.look()

    assert again.placed == 1
    assert Order.objects.filter(source="plan").count() == 1
    assert PlanExit.objects.get().order == Order.objects.get(source="plan")


def test_a_refused_order_puts_the_plan_in_error_and_the_same_exit_is_tried_again(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    account, acme = bought(alice)
    plan = exit_plans.open_plan(account, acme, plan=DEFAULT)
    quoted(acme, "8", "8.10")
    real, now = orders.place_many, timezone.now()

    def refuse(requests: Any) -> Any:
        return [orders.NotPlaced(exit_plans.PlanImpossible("The market is closed.")) for _each in requests]

    monkeypatch.setattr(orders, "place_many", refuse)
    assert exit_orders.look(now=now).refused == 1
    plan.refresh_from_db()
    assert (plan.status, plan.problem, Order.objects.filter(source="plan").count()) == (
        "error", "The market is closed.", 0
    )  # fmt: skip
    monkeypatch.setattr(orders, "place_many", real)
    assert exit_orders.submit_exits(now=now + timedelta(seconds=4)) == (0, 0)
    assert exit_orders.submit_exits(now=now + timedelta(seconds=5)) == (1, 0)
    paper.match(acme.pk)
    exit_orders.look()

    plan.refresh_from_db()
    assert (plan.status, plan.problem, PlanExit.objects.get().attempts) == ("closed", "", 2)


def test_an_order_that_is_canceled_gives_its_units_back_and_the_stop_goes_again(alice: User) -> None:
    account, acme = bought(alice)
    plan = exit_plans.open_plan(account, acme, plan=DEFAULT)
    quoted(acme, "8", "8.10")
    now = timezone.now()
    exit_orders.look(now=now)
    orders.cancel(Order.objects.get(source="plan"))

    exit_orders.look(now=now)
    plan.refresh_from_db()
    assert (plan.status, plan.remaining) == ("error", 100)
    exit_orders.look(now=now + timedelta(seconds=5))

    assert list(PlanExit.objects.order_by("number").values_list("number", "reason", "quantity")) == [
        (1, "stop_loss", 100), (2, "stop_loss", 100)
    ]  # fmt: skip


def test_units_sold_otherwise_are_taken_off_the_newest_plan_first(alice: User) -> None:
    account, acme = bought(alice)
    first = exit_plans.open_plan(account, acme, plan=DEFAULT, quantity=D(60))
    second = exit_plans.open_plan(account, acme, plan=DEFAULT)
    placed(account, acme, ticket("sell", "55"))

    exit_orders.look()

    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.remaining, first.gone, second.status, second.reason) == (45, 15, "closed", "external")
    assert exit_plans.committed(account.pk, acme.pk) == Position.objects.get().quantity == 45
    assert exit_orders.look().shrunk == 0


def test_an_exit_of_what_is_no_longer_held_sells_nothing(alice: User) -> None:
    account, acme = bought(alice)
    plan = exit_plans.open_plan(account, acme, plan=DEFAULT)
    quoted(acme, "8", "8.10")
    monitoring.tick()
    placed(account, acme, ticket("sell", "100"))

    exit_orders.look()
    exit_orders.look()

    plan.refresh_from_db()
    assert (plan.status, plan.reason, plan.gone) == ("closed", "external", 100)
    assert not Order.objects.filter(source="plan").exists()


def test_a_fill_that_is_not_yet_told_to_the_plan_takes_nothing_off_it(alice: User) -> None:
    """The position is smaller from the fill on, the plan's claim from when it is told: that is no loss of units."""
    account, acme = bought(alice)
    plan = exit_plans.open_plan(account, acme, plan=DEFAULT)
    quoted(acme, "20", "20.10")
    exit_orders.look()
    paper.match(acme.pk)

    assert exit_orders.fit_positions() == 0
    plan.refresh_from_db()
    assert (plan.remaining, plan.gone) == (50, 0)


def test_the_command_looks_once_and_says_what_it_did(alice: User) -> None:
    account, acme = bought(alice)
    exit_plans.open_plan(account, acme, plan=DEFAULT)
    quoted(acme, "8", "8.10")
    out = StringIO()

    call_command("monitor_positions", "--once", stdout=out)

    assert "1 plans judged, 1 changed, 1 exits (stop_loss 1), 1 orders placed, 0 refused" in out.getvalue()


def test_the_benchmark_keeps_nothing(alice: User) -> None:
    out = StringIO()
    call_command("monitor_positions", "--benchmark", "30", stdout=out)

    assert out.getvalue().count("30 judged") == 4
    assert "30 exits" in out.getvalue()
    assert not ManagedPosition.objects.exists()


@pytest.mark.parametrize(
    "wrong",
    [
        "--interval 0", "--interval nan", "--interval inf", "--interval soon", "--batch 0", "--batch 1.5",
        "--batch 99999999999999999999", "--benchmark 0", "--benchmark -5",
    ],
)  # fmt: skip
def test_a_wrong_call_of_the_command_looks_at_nothing(alice: User, wrong: str) -> None:
    account, acme = bought(alice)
    exit_plans.open_plan(account, acme, plan=DEFAULT)
    quoted(acme, "8", "8.10")

    with pytest.raises(CommandError, match="above zero"):
        call_command("monitor_positions", "--once", *wrong.split())

    assert ManagedPosition.objects.get().exits == 0


# ---------------------------------------------------------------- two workers at once
def _plans(count: int) -> list[ManagedPosition]:
    account, acme = funded(make_user()), share()
    fill = EnteredFill("buy", D(10 * count), D(10), timezone.now() - timedelta(hours=1))
    trades.enter(account, instrument=acme, fills=[fill])
    plan = simple_plan(stop_loss=D("0.1"), take_profit=D("0.2"))
    made = [exit_plans.open_plan(account, acme, plan=plan, quantity=D(10)) for _ in range(count)]
    Quote.objects.create(instrument=acme, bid=D(9), ask=D("9.01"), quoted_at=timezone.now())
    return made


@pytest.mark.django_db(transaction=True)
def test_two_workers_on_the_same_plans_make_exactly_one_exit_order_each(monkeypatch: pytest.MonkeyPatch) -> None:
    _plans(40)
    both = threading.Barrier(2, timeout=30)
    keep = monitoring._keep

    def keep_together(*args: Any, **named: Any) -> None:
        both.wait()  # both have read every plan before either writes
        keep(*args, **named)

    monkeypatch.setattr(monitoring, "_keep", keep_together)
    found = at_once(monitoring.tick, monitoring.tick)

    assert sorted((done.exits, done.lost) for done in found) == [(0, 40), (40, 0)] or (
        sum(done.exits for done in found) == 40 == sum(done.lost for done in found)
    )
    assert PlanExit.objects.count() == 40
    monkeypatch.undo()
    done_at_once(exit_orders.submit_exits, exit_orders.submit_exits)
    assert Order.objects.count() == 40
    assert set(PlanExit.objects.values_list("number", "order__quantity")) == {(1, D(10))}


@pytest.mark.django_db(transaction=True)
def test_without_the_comparison_two_workers_would_both_write(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: the same race with the comparison taken out is one that the first test would notice."""
    _plans(3)
    both = threading.Barrier(2, timeout=30)
    keep = monitoring._keep

    def keep_together(*args: Any, **named: Any) -> None:
        both.wait()
        keep(*args, **named)

    monkeypatch.setattr(monitoring, "_keep", keep_together)
    blind = monitoring._WRITE.replace("AND c.version = p.version", "").replace("p.version = c.version AND", "")
    assert blind != monitoring._WRITE
    monkeypatch.setattr(monitoring, "_WRITE", blind)
    found = at_once(monitoring.tick, monitoring.tick)

    # The database's own rule is what is left: the second worker's exits are of a number that is taken.
    assert [type(each).__name__ for each in found if isinstance(each, Exception)] == ["IntegrityError"]
    assert PlanExit.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_a_revision_in_between_is_never_overwritten(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = _plans(1)[0]
    keep = monitoring._keep

    def revised_first(*args: Any, **named: Any) -> None:
        exit_plans.override(plan, changes={"stop_loss": "0.5"}, by=None, revision=0)
        keep(*args, **named)

    monkeypatch.setattr(monitoring, "_keep", revised_first)
    lost = monitoring.tick()
    monkeypatch.undo()
    after = monitoring.tick()

    assert (lost.lost, lost.exits, after.exits) == (1, 0, 0)
    assert not PlanExit.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_plans_opened_at_once_never_hold_more_than_the_position() -> None:
    account, acme = funded(make_user()), share()
    trades.enter(account, instrument=acme, fills=[EnteredFill("buy", D(10), D(10), timezone.now())])
    found = at_once(*[lambda: exit_plans.open_plan(account, acme, plan=DEFAULT, quantity=D(6))] * 2)

    assert sorted(type(each).__name__ for each in found) == ["ManagedPosition", "PlanImpossible"]
    assert exit_plans.committed(account.pk, acme.pk) == 6


def test_a_tick_inside_another_transaction_is_taken_back_with_it(alice: User) -> None:
    account, acme = bought(alice)
    exit_plans.open_plan(account, acme, plan=DEFAULT)
    quoted(acme, "8", "8.10")
    with transaction.atomic():
        monitoring.tick()
        transaction.set_rollback(True)

    assert not PlanExit.objects.exists()
    assert ManagedPosition.objects.get().remaining == 100


# ---------------------------------------------------------------- ADR-004: a breaker stops no exit
@pytest.mark.parametrize(
    ("price", "reason", "source_sold"),
    [("8", "stop_loss", False), ("20", "scaling", False), ("10", "mirror", True), ("10", "manual", False)],
)
def test_adr_004_exits_run_whatever_the_breaker_says(alice: User, price: str, reason: str, source_sold: bool) -> None:
    account, acme = bought(alice)
    plan = exit_plans.open_plan(account, acme, plan=DEFAULT)
    risk.activate(alice, Target(alice, "simulation", account), note="Enough.", at=timezone.now())
    assert Order.objects.filter(source="plan").count() == 0  # that it is on sells nothing by itself
    entry = placed(account, acme, ticket("buy", "1"))

    quoted(acme, price, price)
    if reason == "manual":
        exit_plans.close(plan)
    if source_sold:
        monitoring.judge(plan, price=D(price), at=timezone.now(), source_sold=True)
    exit_orders.look()
    paper.match(acme.pk)
    exit_orders.look()

    assert entry.status == "rejected"  # the control: it does stop what opens
    made = PlanExit.objects.get()
    assert (made.reason, made.filled_quantity, made.order and made.order.status) == (
        reason, made.quantity, "filled"
    )  # fmt: skip
