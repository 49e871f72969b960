"""Plans that orders carry: they wait for the first fill, follow the fills, and end where none came."""

from datetime import timedelta
from decimal import Decimal as D
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone

from accounts.errors import IdempotencyConflict
from accounts.models import Account, User
from tests.factories import make_user
from tests.trading.desk import broken, cash, funded, placed, quoted, share, ticket
from tests.trading.plan_things import DEFAULT, TRAILING
from tests.waiting import at_once
from trading import exit_orders, exit_plans, mirroring, orders, trades
from trading.errors import OrderRefused, PlanImpossible
from trading.exits.plans import ExitPlan, simple_plan
from trading.models import ExitStrategy, Instrument, ManagedPosition, Order, PlanExit, Position, Trade
from trading.order_rows import WantedPlan
from trading.order_rules.broker_events import Fill
from trading.order_rules.vocabulary import OrderClass
from trading.trades import Plan
from trading.venues import paper

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> User:
    return make_user("alice@example.com")


def ordered(
    account: Account, acme: Instrument, plan: ExitPlan = DEFAULT, *, quantity: str = "100", **asked: Any
) -> Order:
    """An order to buy that carries the plan; a limit at 1.00 that waits where no quote is there to fill it."""
    wanted = WantedPlan(plan=plan)
    entry = ticket("buy", quantity, "limit", limit_price="1.00")
    made = orders.place(account, instrument=acme, ticket=entry, exit_plan=wanted, **asked)
    paper.match(acme.pk)
    return Order.objects.get(pk=made.order.pk)


def filled(order: Order, quantity: str, price: str, name: str, *, after: int = 1) -> None:
    """The venue says so, this many seconds after the order was placed."""
    at = order.created_at + timedelta(seconds=after)
    orders.record(order, [Fill(name, at, D(quantity), D(price), D(0))], source="paper")


def test_a_plan_waits_for_the_first_fill_and_follows_those_after_it(alice: User) -> None:
    account, acme = funded(alice), share()

    order = ordered(account, acme)

    plan = ManagedPosition.objects.get()
    assert (plan.status, plan.entry_order, plan.is_entered, plan.entry_quantity) == ("pending", order, False, 0)
    assert exit_orders.look().ticked.judged == 0

    filled(order, "40", "0.90", "a")
    plan.refresh_from_db()
    # 40 at 0.90.
    assert (plan.status, plan.entry_price, plan.entry_quantity, plan.remaining) == ("monitoring", D("0.90"), 40, 40)
    assert (plan.best, plan.entered_at, plan.is_entered) == (D("0.90"), order.created_at + timedelta(seconds=1), False)

    filled(order, "60", "1.00", "b", after=2)
    plan.refresh_from_db()
    # (40 x 0.90 + 60 x 1.00) / 100.
    assert (plan.entry_price, plan.entry_quantity, plan.remaining, plan.is_entered) == (D("0.96"), 100, 100, True)
    assert (plan.best, plan.entered_at) == (D("0.96"), order.created_at + timedelta(seconds=1))
    assert broken() == []


def test_the_trade_that_an_order_opens_risks_what_its_plan_or_bracket_says(alice: User) -> None:
    account, acme = funded(alice), share()
    order = ordered(account, acme, simple_plan(stop_loss=D("0.2"), take_profit=D("0.5")))

    filled(order, "40", "0.90", "a")
    # 20 % below 0.90, 50 % above.
    trade = Trade.objects.get()
    assert (trade.initial_stop, trade.initial_target) == (D("0.72"), D("1.35"))
    filled(order, "60", "1.00", "b", after=2)
    # (40 x 0.90 + 60 x 1.00) / 100 = 0.96: 20 % below is 0.768, 50 % above 1.44.
    trade.refresh_from_db()
    assert (trade.initial_stop, trade.initial_target, trade.planned_r) == (D("0.768"), D("1.44"), D("2.5"))

    # What a person says stands, and what another order adds changes nothing.
    trades.annotate(trade, plan=Plan(D("0.80"), None))
    filled(ordered(account, acme, quantity="10"), "10", "1.00", "c")
    trade.refresh_from_db()
    assert (trade.initial_stop, trade.quantity) == (D("0.80"), 110)

    other = share("OTHER")
    asked = {"order_class": OrderClass.BRACKET, "take_profit_limit": "110", "stop_loss_stop": "95"}
    bracket = placed(account, other, ticket("buy", "10", "limit", limit_price="100", **asked))
    filled(bracket, "10", "100", "d")
    stop = bracket.legs.get(purpose="exit_stop_loss")
    filled(stop, "10", "94", "e", after=3)
    trade = Trade.objects.get(instrument=other)
    # 10 x 5 risked, 10 x 10 aimed for, 10 x 6 lost.
    assert (trade.initial_stop, trade.initial_target, trade.planned_r) == (D(95), D(110), D(2))
    assert trade.realized_r == D("-1.2")

    plain = share("PLAIN")
    filled(placed(account, plain, ticket("buy", "1", "limit", limit_price="10")), "1", "10", "f")
    assert Trade.objects.get(instrument=plain).initial_stop is None


def test_a_plan_ends_with_an_entry_that_filled_nothing_and_stays_with_what_was_filled(alice: User) -> None:
    account, acme = funded(alice), share()
    unfilled, partly = ordered(account, acme), ordered(account, acme)
    filled(partly, "30", "1.00", "a")

    orders.cancel(unfilled)
    orders.cancel(partly)

    ended, kept = ManagedPosition.objects.order_by("id")
    assert (ended.status, ended.reason, ended.entry_quantity, ended.is_entered) == ("closed", "canceled", 0, True)
    assert (kept.status, kept.entry_quantity, kept.remaining, kept.is_entered) == ("monitoring", 30, 30, True)
    assert broken() == []


def test_a_fill_after_the_cancellation_is_under_a_plan_too(alice: User) -> None:
    account, acme = funded(alice), share()
    order = ordered(account, acme)
    orders.cancel(order)

    filled(order, "10", "0.95", "late")

    first, second = ManagedPosition.objects.order_by("id")
    assert (first.status, second.status, second.entry_quantity, second.entry_price) == (
        "closed",
        "monitoring",
        10,
        D("0.95"),
    )
    assert second.plan_snapshot == first.plan_snapshot
    assert broken() == []


def test_the_entry_never_changes_once_it_is_complete_nor_the_plan_of_then(alice: User) -> None:
    account, acme = funded(alice), share()
    order = ordered(account, acme)
    filled(order, "40", "1.00", "a")
    plan = ManagedPosition.objects.get()
    orders.cancel(order)

    for change in ("entry_price = 2", "entry_quantity = 41", "is_entered = false", "plan_snapshot = '{}'"):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"UPDATE trading_managedposition SET {change} WHERE id = %s", [plan.pk])

    plan.refresh_from_db()
    assert (plan.entry_price, plan.entry_quantity) == (1, 40)


def test_the_plan_is_the_strategys_of_the_order_time_and_an_edit_does_not_reach_it(alice: User) -> None:
    account, acme = funded(alice), share()
    strategy = ExitStrategy.objects.create(owner=alice, name="Mine", stop_loss=D("0.2"))
    wanted = WantedPlan(strategy, overrides={"hold_at_most": "3600"})
    asked = ticket("buy", "10", "limit", limit_price="1.00")

    first = orders.place(account, instrument=acme, ticket=asked, intent=orders.Intent("one"), exit_plan=wanted).order
    ExitStrategy.objects.filter(pk=strategy.pk).update(stop_loss=D("0.25"))
    strategy.refresh_from_db()
    again = orders.place(account, instrument=acme, ticket=asked, intent=orders.Intent("one"), exit_plan=wanted)
    filled(first, "10", "1.00", "a")

    plan = ManagedPosition.objects.get()
    assert (again.order, again.is_new) == (first, False)
    assert (plan.plan.stop_loss, plan.plan.hold_at_most, plan.strategy) == (D("0.2"), timedelta(hours=1), strategy)
    with pytest.raises(IdempotencyConflict):
        orders.place(account, instrument=acme, ticket=asked, intent=orders.Intent("one"))
    ExitStrategy.objects.filter(pk=strategy.pk).update(archived_at=timezone.now())
    strategy.refresh_from_db()
    with pytest.raises(PlanImpossible):
        orders.place(account, instrument=acme, ticket=asked, exit_plan=WantedPlan(strategy))
    assert Order.objects.count() == 1


def test_only_an_entry_without_exits_of_its_own_carries_a_plan(alice: User) -> None:
    account, acme = funded(alice), share()
    quoted(acme, "1.00", "1.00")
    placed(account, acme, ticket("buy", "10"))
    plan = WantedPlan(plan=DEFAULT)

    for asked in (
        ticket("sell", "5"),
        ticket("buy", "5", "limit", limit_price="1", order_class="oto", stop_loss_stop="0.5"),
    ):
        with pytest.raises(OrderRefused):
            orders.place(account, instrument=acme, ticket=asked, exit_plan=plan)

    assert (Order.objects.count(), ManagedPosition.objects.count()) == (1, 0)


def test_an_entry_refused_by_the_account_leaves_no_plan(alice: User) -> None:
    account, acme = funded(alice, "10"), share()

    order = ordered(account, acme)

    assert (order.status, ManagedPosition.objects.count(), cash(account)) == ("rejected", 0, (10, 0))


def test_what_takes_the_orders_place_takes_its_plan(alice: User) -> None:
    account, acme = funded(alice), share()
    order = ordered(account, acme)
    filled(order, "40", "1.00", "a")

    successor = orders.replace_order(
        Order.objects.get(pk=order.pk), ticket=ticket("buy", "100", "limit", limit_price="0.95")
    ).order
    plan = ManagedPosition.objects.get()
    assert (plan.entry_order, plan.is_entered, plan.remaining) == (successor, False, 40)
    filled(successor, "60", "0.90", "b")

    plan.refresh_from_db()
    # (40 x 1.00 + 60 x 0.90) / 100.
    assert (plan.entry_price, plan.entry_quantity, plan.is_entered) == (D("0.94"), 100, True)
    assert broken() == []


def test_a_stop_that_is_met_before_the_entry_is_complete_cancels_the_rest_of_it(alice: User) -> None:
    account, acme = funded(alice), share()
    order = ordered(account, acme)
    filled(order, "40", "1.00", "a", after=-60)
    quoted(acme, "0.70", None, at=timezone.now())

    exit_orders.look()
    exit_orders.look()
    paper.match(acme.pk)
    exit_orders.look()

    order.refresh_from_db()
    plan = ManagedPosition.objects.get()
    assert (order.status, plan.status, plan.reason, plan.entry_quantity) == ("canceled", "closed", "stop_loss", 40)
    assert not Position.objects.exists()
    assert broken() == []


def test_a_sale_by_the_source_gets_out_of_all_that_mirror_and_cancels_what_waits(alice: User) -> None:
    account, acme = funded(alice), share()
    holds, waits = ordered(account, acme, TRAILING), ordered(account, acme)
    keeps = ordered(account, acme, simple_plan(stop_loss=D("0.5")))
    filled(holds, "100", "1.00", "a", after=-60)
    filled(keeps, "100", "1.00", "b", after=-60)
    quoted(acme, "1.50", "1.60")
    plans = ManagedPosition.objects.open().order_by("id")

    done = mirroring.source_sold(plans)
    again = mirroring.source_sold(plans)

    assert [len(each) for each in (done.left, done.canceled, done.staying, done.leaving)] == [1, 1, 1, 0]
    assert [len(each) for each in (again.left, again.canceled, again.staying, again.leaving)] == [0, 0, 1, 1]
    gone = PlanExit.objects.get()
    assert (gone.reason, gone.quantity, gone.decided_price) == ("mirror", 100, D("1.50"))
    assert Order.objects.get(pk=waits.pk).status == "canceled"
    exit_orders.submit_exits()
    paper.match(acme.pk)
    exit_orders.settle_exits()
    assert Position.objects.get().quantity == 100
    assert broken() == []


def test_letting_go_of_a_plan_that_waits_leaves_the_order_without_one(alice: User) -> None:
    account, acme = funded(alice), share()
    order = ordered(account, acme)

    with pytest.raises(PlanImpossible):
        exit_plans.close(ManagedPosition.objects.get())
    exit_plans.let_go(ManagedPosition.objects.get())
    filled(order, "100", "1.00", "a")

    plan = ManagedPosition.objects.get()
    assert (plan.status, plan.reason, Position.objects.get().quantity) == ("closed", "let_go", 100)
    assert exit_plans.committed(account.pk, acme.pk) == 0


def test_the_api_and_the_ticket_take_a_strategy(alice: User) -> None:
    account, acme = funded(alice), share()
    quoted(acme, "1.40", "1.50")
    strategy = ExitStrategy.objects.get(owner=None, name="Default")
    client = Client()
    client.force_login(alice)
    asked = {
        "account": str(account.public_id), "symbol": "ACME", "side": "buy", "type": "limit", "limit_price": "1.00",
        "time_in_force": "gtc", "quantity": "10",
        "exit_plan": {"strategy": str(strategy.public_id), "overrides": {"stop_loss": "0.1"}},
    }  # fmt: skip
    answer = client.post("/api/v1/orders/", asked, content_type="application/json")
    wrong = client.post(
        "/api/v1/orders/",
        asked | {"exit_plan": {"strategy": str(strategy.public_id), "overrides": {"stop_loss": "2"}}},
        content_type="application/json",
    )

    assert answer.status_code == 201, answer.content
    assert answer.json()["has_exit_plan"] is True
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/exit_plan/overrides/stop_loss")
    (plan,) = client.get("/api/v1/managed-positions/").json()["results"]
    assert (plan["status"], plan["entry_order"], plan["plan"]["stop_loss"]) == ("pending", answer.json()["id"], "0.1")
    page = client.get(f"/desk/plans/{plan['id']}/").content.decode()
    assert "Waiting for its entry" in page
    assert "Default" in client.get(f"/desk/orders/{answer.json()['id']}/").content.decode()
    assert client.get("/desk/plans/").status_code == 200

    form = {
        "account": account.name, "symbol": "ACME", "side": "buy", "type": "limit", "limit_price": "1.00",
        "time_in_force": "gtc", "quantity": "10", "order_class": "simple", "client_order_id": "ui-1",
        "exit_strategy": str(strategy.public_id),
    }  # fmt: skip
    assert client.post("/desk/orders/new/", form).status_code == 302
    assert (
        client.post("/desk/orders/new/", form | {"side": "sell_to_close", "client_order_id": "ui-2"}).status_code == 422
    )
    assert ManagedPosition.objects.filter(status="pending", strategy=strategy).count() == 2
    assert acme.symbol == "ACME"


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_fills_and_a_cancellation_at_once_leave_one_plan_for_what_was_filled() -> None:
    account = funded(make_user())
    for round_ in range(3):
        acme = share(f"A{round_}")
        order = ordered(account, acme)

        at_once(
            lambda order=order: filled(order, "40", "0.90", "a"),  # type: ignore[misc]
            lambda order=order: filled(order, "20", "1.00", "b"),  # type: ignore[misc]
            lambda order=order: orders.cancel(order),  # type: ignore[misc]
            lambda order=order: filled(order, "40", "0.90", "a"),  # type: ignore[misc]
        )

        plans = ManagedPosition.objects.filter(instrument=acme)
        assert sum(plan.remaining for plan in plans) == Position.objects.get(instrument=acme).quantity == 60
        assert not plans.filter(is_entered=False).exists()
    assert broken() == []
