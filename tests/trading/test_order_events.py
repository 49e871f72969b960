"""What a venue tells of an order: each event once, in whatever order it comes, and never changed afterwards."""

from datetime import timedelta
from decimal import Decimal
from itertools import permutations

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts import ledger
from accounts.models import Account, ActivityEntry, User
from tests.trading.desk import broken, cash, executed, funded, placed, share, ticket
from trading import orders
from trading.models import Execution, Instrument, Order, OrderEvent, Position
from trading.order_rules.broker_events import Correction, Fill, Report
from trading.order_rules.statuses import Event

pytestmark = pytest.mark.django_db
D = Decimal


def test_an_event_told_twice_counts_once_and_a_report_that_cannot_be_is_kept_as_ignored(
    account: Account, acme: Instrument
) -> None:
    order = placed(account, acme, ticket("buy", "10", "limit", limit_price="10"))
    fill = executed("1", "10", "10")
    orders.record(order, [fill], source="paper")
    orders.record(order, [fill], source="paper")

    orders.record(order, [Report(Event.NEW, timezone.now() + timedelta(seconds=1), reference="late")], source="paper")

    order.refresh_from_db()
    assert (order.status, order.filled_quantity, cash(account)) == ("filled", D(10), (D(9900), D(0)))
    assert list(order.events.order_by("id").values_list("event", "outcome")) == [
        ("placed", "applied"),
        ("new", "applied"),
        ("fill", "applied"),
        ("new", "ignored"),
    ]


def test_a_fill_after_the_end_counts_is_flagged_and_warns_its_owner_once(
    alice: User, account: Account, acme: Instrument
) -> None:
    order = placed(account, acme, ticket("buy", "10", "limit", limit_price="10"))
    orders.cancel(order)
    warnings = ActivityEntry.objects.filter(owner=alice, kind="warning")
    assert not warnings.exists()

    fill = executed("1", "4", "10")
    for _ in range(2):
        orders.record(order, [fill], source="paper")

    order.refresh_from_db()
    assert (order.status, order.filled_quantity, order.has_late_fill) == ("canceled", D(4), True)
    assert cash(account) == (D(9960), D(0))
    (told,) = warnings
    assert told.text == f"An order for ACME in {account.name} executed after its end: 4 at 10. Look at it."
    assert (told.account, told.link) == (account, f"/desk/orders/{order.public_id}/")


def test_a_fill_taken_back_is_taken_out_of_cash_position_and_trade(account: Account, acme: Instrument) -> None:
    order = placed(account, acme, ticket("buy", "10", "limit", limit_price="10"))
    orders.record(order, [executed("1", "4", "10"), executed("2", "6", "10")], source="paper")
    exits = [placed(account, acme, ticket("sell", each, "limit", limit_price="20")) for each in ("3", "5", "1")]

    orders.record(order, [Correction("bust-2", timezone.now(), "2")], source="paper")

    # Of the four that are left, three and one are on their way out; five more are not there to be sold.
    assert [Order.objects.get(pk=each.pk).status for each in exits] == ["new", "canceled", "new"]
    order.refresh_from_db()
    assert (order.status, order.filled_quantity, cash(account)) == ("partially_filled", D(4), (D(9900), D(60)))
    assert Position.objects.get(account=account).quantity == D(4)


def test_whatever_comes_first_and_however_often_the_earlier_of_two_fills_of_one_id_counts(
    account: Account, acme: Instrument
) -> None:
    begun = timezone.now()
    first = Fill("z", begun, D(2), D(50))
    other = Fill("z", begun + timedelta(seconds=1), D(3), D(51), D(1))
    third = Fill("z", begun + timedelta(seconds=2), D("1.0000000000000000001"), D(50))  # finer than it is stored
    ended = Report(Event.CANCELED, begun + timedelta(seconds=3))
    for number, told in enumerate(list(permutations([first, other, third, ended]))[::3]):
        order = placed(account, acme, ticket("buy", "10", "limit", limit_price="60"))
        for event in (*told, *reversed(told)):
            orders.record(order, [event], source="alpaca")

        order.refresh_from_db()
        counted = Execution.objects.filter(order_id=str(order.public_id), voided_at=None)
        assert (order.status, order.filled_quantity, order.filled_average_price) == ("canceled", D(2), D(50)), told
        assert list(counted.values_list("quantity", "price", "broker_fill_id")) == [(D(2), D(50), "z")], told
        assert cash(account) == (D(10000) - 100 * (number + 1), D(0)), told
    assert Position.objects.get(account=account).quantity == D(16)
    # Each is kept once; the finest of them is not known again where it was stored first.
    assert OrderEvent.objects.filter(order=order, kind="fill").count() in (3, 4)
    assert broken() == []


@pytest.mark.parametrize("name", ["1", "1b"])
def test_what_a_fill_was_replaced_by_at_a_time_of_its_own_can_be_told_again_and_taken_back(
    account: Account, acme: Instrument, name: str
) -> None:
    order = placed(account, acme, ticket("buy", "10", "limit", limit_price="10"))
    fill, later = executed("1", "4", "10"), timedelta(seconds=5)
    replacement = Fill(name, fill.at + later, D(4), D(9))
    # The same again but for its fees, which is another fill of the same time, quantity and price.
    dearer = Fill(name, fill.at + later, D(4), D(9), D(1))
    for event, paid in (
        (fill, 40),
        (Correction("c1", fill.at + 2 * later, "1", replacement), 36),
        (Correction("c2", fill.at + 3 * later, name, dearer), 37),
    ):
        for _each in range(2):
            orders.record(order, [event], source="alpaca")
        assert cash(account) == (D(10000 - paid - 60), D(60))
        assert Position.objects.get(account=account).quantity == D(4)

    orders.record(order, [Correction("c3", fill.at + 4 * later, name)], source="alpaca")

    order.refresh_from_db()
    assert (order.status, cash(account)) == ("new", (D(9900), D(100)))
    assert not Position.objects.filter(account=account).exists()
    assert broken() == []


def test_an_order_that_is_being_settled_can_end(account: Account, acme: Instrument) -> None:
    for end in ("canceled", "expired", "here"):
        order = placed(account, acme, ticket("buy", "10", "limit", limit_price="50"))
        orders.record(order, [Report(Event.CALCULATED, timezone.now())], source="alpaca")
        order.refresh_from_db()
        assert (order.status, cash(account)) == ("calculated", (D(9500), D(500)))

        if end == "here":
            order = orders.cancel(order)
        else:
            order = orders.record(order, [Report(Event(end), timezone.now())], source="alpaca")

        assert (order.status, cash(account)) == ("canceled" if end == "here" else end, (D(10000), D(0)))


def test_a_fill_dearer_than_what_was_set_aside_is_owed_and_the_next_deposit_pays_it(alice: User) -> None:
    account, acme = funded(alice, "100"), share()
    order = placed(account, acme, ticket("buy", "10", "limit", limit_price="10"))

    orders.record(order, [executed("1", "10", "12")], source="alpaca")

    assert cash(account) == (D(-20), D(0))
    ledger.deposit(account, currency="USD", amount=D(50), idempotency_key="more", at=timezone.now())
    assert cash(account) == (D(30), D(0))


def test_events_of_orders_are_never_changed(account: Account, acme: Instrument) -> None:
    placed(account, acme, ticket("buy", "10", "limit", limit_price="10"))

    for statement in ("UPDATE trading_orderevent SET event = 'new'", "DELETE FROM trading_orderevent"):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)

    assert OrderEvent.objects.count() == 2
