"""What may take the place of an order, and what that does to its reservation."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from trading.order_rules.broker_events import Fill, OrderState
from trading.order_rules.replacing import quantity_of_successor, reasons_against
from trading.order_rules.reservations import Balance, Movement, MovementKind, Prices, hold_to_buy, movements, standing
from trading.order_rules.statuses import Status
from trading.order_rules.ticket import Ticket
from trading.order_rules.vocabulary import OrderClass, OrderType, Side, TimeInForce

D = Decimal
TEN_AT_TEN = Ticket(Side.BUY, OrderType.LIMIT, TimeInForce.DAY, quantity=D(10), limit_price=D(10))
FOUR = Fill("a", datetime(2026, 3, 2, tzinfo=UTC), D(4), D(10))
NEW = OrderState(Status.NEW, D(10))
PARTLY = OrderState(Status.PARTIALLY_FILLED, D(10), fills=(FOUR,))


def told(old: Ticket, state: OrderState, **changes: Any) -> list[tuple[str, str, str]]:
    reasons = reasons_against(old, replace(old, **changes), state)
    return [(each.code, each.pointer, each.message) for each in reasons]


@pytest.mark.parametrize("status", Status)
def test_an_order_is_replaced_where_the_venue_has_it_and_nothing_is_pending(status: Status) -> None:
    possible = {"pending_new", "accepted", "held", "new", "partially_filled"}

    reasons = told(TEN_AT_TEN, OrderState(status, D(10)), limit_price=D(9))

    assert [code for code, *_ in reasons] == ([] if status.value in possible else ["invalid_state"])


def test_a_better_price_frees_the_difference() -> None:
    # 10 at 10 set 100 aside, 10 at 8 set 80 aside.
    before = standing(NEW, hold_to_buy(OrderType.LIMIT, D(10), Prices(limit=D(10))), side=Side.BUY)
    after = standing(NEW, hold_to_buy(OrderType.LIMIT, D(10), Prices(limit=D(8))), side=Side.BUY)

    entries = movements(before, after)

    assert told(TEN_AT_TEN, NEW, limit_price=D(8)) == []
    assert entries == [Movement(MovementKind.RELEASE, D(20), D(-20))]
    assert Balance(D(900), D(100)).moved(entries) == Balance(D(920), D(80))


def test_what_is_filled_counts_towards_the_new_quantity() -> None:
    assert told(TEN_AT_TEN, PARTLY, quantity=D(5)) == []
    assert quantity_of_successor(replace(TEN_AT_TEN, quantity=D(5)), PARTLY) == D(1)


@pytest.mark.parametrize("quantity", [D(3), D(4)])
def test_a_quantity_that_is_filled_already_is_refused(quantity: Decimal) -> None:
    assert told(TEN_AT_TEN, PARTLY, quantity=quantity) == [
        ("quantity_filled", "/quantity", "4 are filled already: give more than that, or cancel the rest.")
    ]


def test_replacing_keeps_what_the_order_was() -> None:
    words = "Replacing keeps what the order was: cancel it, and place another."

    changed = told(TEN_AT_TEN, NEW, side=Side.SELL, type=OrderType.STOP_LIMIT, order_class=OrderClass.OTO)

    assert changed == [
        ("side_changed", "/side", words),
        ("type_changed", "/type", words),
        ("order_class_changed", "/order_class", words),
    ]


def test_a_quantity_does_not_become_an_amount() -> None:
    assert [code for code, *_ in told(TEN_AT_TEN, NEW, quantity=None, notional=D(100))] == ["size_changed"]
    amount = replace(TEN_AT_TEN, quantity=None, notional=D(100))
    assert told(amount, OrderState(Status.NEW, None), notional=D(90)) == []
    assert quantity_of_successor(amount, OrderState(Status.NEW, None)) is None


def test_a_trail_keeps_its_kind() -> None:
    trailing = Ticket(Side.SELL, OrderType.TRAILING_STOP, TimeInForce.GTC, quantity=D(10), trail_price=D(2))

    assert told(trailing, NEW, trail_price=D(1)) == []
    assert [code for code, *_ in told(trailing, NEW, trail_price=None, trail_ratio=D("0.02"))] == ["trail_changed"]
