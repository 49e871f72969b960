"""Orders that belong together: an entry brings its exits, and what one of them executes is gone for the other."""

from decimal import Decimal

import pytest

from accounts.models import Account, User
from tests.trading.desk import cash, funded, placed, quoted, share, ticket
from trading import orders
from trading.invariants import INVARIANTS
from trading.models import Instrument, Order, Position
from trading.order_rules.ticket import Ticket
from trading.order_rules.vocabulary import OrderClass

pytestmark = pytest.mark.django_db
D = Decimal
_HELD = next(each for each in INVARIANTS if each.name == "holdings")


def _bracket() -> Ticket:
    exits = {"order_class": OrderClass.BRACKET, "take_profit_limit": "110", "stop_loss_stop": "95"}
    return ticket("buy", "10", "limit", limit_price="99.50", **exits)


def _stands(order: Order) -> tuple[str, Decimal | None, Decimal, Decimal]:
    order.refresh_from_db()
    return order.status, order.quantity, order.filled_quantity, order.reserved_units


def _held(account: Account, acme: Instrument) -> Decimal:
    assert list(_HELD.broken()) == []
    held = Position.objects.filter(account=account, instrument=acme).values_list("quantity", flat=True)
    return sum(held, D(0))


def test_a_bracket_is_an_entry_whose_filled_exits_end_each_other(account: Account, acme: Instrument) -> None:
    quoted(acme, "99.90", "100")
    entry = placed(account, acme, _bracket())
    target, stop = entry.legs.order_by("id")
    assert [target.status, stop.status] == ["held", "held"]
    quoted(acme, "99.40", "99.50")
    target.refresh_from_db()
    stop.refresh_from_db()
    assert [target.status, stop.status] == ["new", "new"]
    assert [target.reserved_units, stop.reserved_units] == [D(10), D(0)]

    quoted(acme, "94.80", "94.90")

    target.refresh_from_db()
    stop.refresh_from_db()
    assert [target.status, stop.status] == ["canceled", "filled"]
    assert stop.filled_average_price == D("94.80")
    assert cash(account) == (D("9953.00"), D(0))  # 10,000 - 995 + 948


def test_an_entry_that_is_canceled_takes_its_exits_with_it(account: Account, acme: Instrument) -> None:
    entry = placed(account, acme, _bracket())

    orders.cancel(entry)

    assert set(entry.legs.values_list("status", flat=True)) == {"canceled"}


def test_the_target_of_an_oco_cancels_its_stop(account: Account, acme: Instrument) -> None:
    quoted(acme, "100", "100")
    placed(account, acme, ticket("buy", "10"))
    target = placed(
        account,
        acme,
        ticket(
            "sell",
            "10",
            "limit",
            order_class=OrderClass.OCO,
            take_profit_limit="105",
            stop_loss_stop="95",
        ),
    )
    stop = target.legs.get()
    assert [target.status, stop.status, target.reserved_units, stop.reserved_units] == ["new", "new", D(10), D(0)]

    quoted(acme, "106", "106.10")

    target.refresh_from_db()
    stop.refresh_from_db()
    assert [target.status, target.filled_average_price, stop.status] == ["filled", D(106), "canceled"]
    assert cash(account) == (D(10060), D(0))


def test_the_target_of_an_oco_buys_a_short_back_and_neither_sets_money_aside(alice: User) -> None:
    account, acme = funded(alice, allows_short=True), share()
    quoted(acme, "100", "100")
    exits = {"order_class": OrderClass.OCO, "take_profit_limit": "95", "stop_loss_stop": "105"}
    flat = placed(account, acme, ticket("buy", "10", "limit", **exits))
    assert [each.code for each in orders.reasons_of(flat)] == ["oco_opens"]
    placed(account, acme, ticket("sell", "10"))
    target = placed(account, acme, ticket("buy", "10", "limit", **exits))
    stop = target.legs.get()
    assert (target.limit_price, target.reserved_units, cash(account)) == (D(95), D(10), (D(11000), D(0)))

    quoted(acme, "94.90", "95")

    target.refresh_from_db()
    stop.refresh_from_db()
    assert [target.status, stop.status, cash(account)] == ["filled", "canceled", (D(10050), D(0))]


def test_a_target_filled_in_part_shrinks_the_stop_and_both_end_with_the_last_unit(
    account: Account, acme: Instrument
) -> None:
    quoted(acme, "99.90", "100")
    exits = {"order_class": OrderClass.BRACKET, "take_profit_limit": "110", "stop_loss_stop": "95"}
    entry = placed(account, acme, ticket("buy", "10", "limit", limit_price="100", **exits))
    target, stop = entry.legs.order_by("id")

    quoted(acme, "110", "110.10", bid_size="4")
    assert (_stands(target), _stands(stop)) == (("partially_filled", 10, 4, 6), ("new", 6, 0, 0))
    assert _held(account, acme) == 6
    quoted(acme, "95", "95.10", bid_size="3")
    assert (_stands(target), _stands(stop)) == (("partially_filled", 7, 4, 3), ("partially_filled", 6, 3, 0))
    assert _held(account, acme) == 3
    quoted(acme, "94", "94.10")

    assert (_stands(target), _stands(stop)) == (("canceled", 7, 4, 0), ("filled", 6, 6, 0))
    assert _held(account, acme) == 0
    assert cash(account) == (D(10007), D(0))  # 10,000 - 1,000 + 4 × 110 + 3 × 95 + 3 × 94
    # Nothing is set aside any more: all of the next purchase can be sold.
    placed(account, acme, ticket("buy", "10", "limit", limit_price="94.10"))
    assert placed(account, acme, ticket("sell", "10")).status == "filled"


def test_the_stop_of_an_oco_shrinks_its_target_and_ends_it_with_the_last_unit(
    account: Account, acme: Instrument
) -> None:
    quoted(acme, "100", "100")
    placed(account, acme, ticket("buy", "10"))
    exits = {"order_class": OrderClass.OCO, "take_profit_limit": "105", "stop_loss_stop": "95"}
    target = placed(account, acme, ticket("sell", "10", "limit", **exits))
    stop = target.legs.get()

    quoted(acme, "95", "95.10", bid_size="6")
    assert (_stands(target), _stands(stop)) == (("new", 4, 0, 4), ("partially_filled", 10, 6, 0))
    assert _held(account, acme) == 4
    quoted(acme, "94.50", "94.60")

    assert (_stands(target), _stands(stop)) == (("canceled", 4, 0, 0), ("filled", 10, 10, 0))
    assert (_held(account, acme), cash(account)) == (D(0), (D(9948), D(0)))  # 10,000 - 1,000 + 570 + 378
