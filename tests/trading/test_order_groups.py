"""Orders that belong together: an entry brings its exits, and what one of them executes is gone for the other."""

from decimal import Decimal

import pytest
from django.utils import timezone

from accounts.models import Account, ActivityEntry, User
from tests.trading.desk import broken, cash, executed, funded, placed, quoted, share, ticket
from trading import orders
from trading.invariants import INVARIANTS
from trading.models import Instrument, Order, Position, Quote
from trading.order_rules.broker_events import Correction, Fill
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


def _taken_back(order: Order, execution_id: str, *, instead: Fill | None = None) -> None:
    """The venue breaks a trade, or says what it really was."""
    orders.record(order, [Correction(f"bust-{execution_id}", timezone.now(), execution_id, instead)], source="paper")


def _exits(entry: Order) -> list[tuple[str, str, Decimal | None, Decimal]]:
    rows = entry.legs.live().order_by("id").values_list("purpose", "status", "quantity", "reserved_units")
    return list(rows)


def test_exits_are_for_less_when_a_fill_of_their_entry_is_taken_back_and_for_more_when_it_fills_again(
    account: Account, acme: Instrument
) -> None:
    entry = placed(account, acme, _bracket())
    orders.record(entry, [executed("1", "6", "99"), executed("2", "4", "99")], source="paper")
    assert _exits(entry) == [("exit_take_profit", "new", 10, 10), ("exit_stop_loss", "new", 10, 0)]

    _taken_back(entry, "2")

    # Six are held, and they are protected while the entry waits for the other four.
    assert _stands(entry) == ("partially_filled", 10, 6, 0)
    assert _exits(entry) == [("exit_take_profit", "new", 6, 6), ("exit_stop_loss", "new", 6, 0)]
    assert _held(account, acme) == 6
    orders.record(entry, [executed("3", "4", "99")], source="paper")
    assert _exits(entry) == [("exit_take_profit", "new", 10, 10), ("exit_stop_loss", "new", 10, 0)]
    quoted(acme, "94.80", "94.90")
    assert _held(account, acme) == 0
    assert cash(account) == (D(9958), D(0))  # 10,000 - 990 + 948
    assert broken() == []


def test_exits_wait_anew_when_all_that_their_entry_filled_is_taken_back(account: Account, acme: Instrument) -> None:
    entry = placed(account, acme, _bracket())
    orders.record(entry, [executed("1", "10", "99")], source="paper")

    _taken_back(entry, "1")

    assert _stands(entry)[:3] == ("new", 10, 0)
    assert _exits(entry) == [("exit_take_profit", "held", 10, 0), ("exit_stop_loss", "held", 10, 0)]
    assert entry.legs.filter(status="canceled").count() == 2
    orders.record(entry, [executed("2", "10", "99")], source="paper")
    assert _exits(entry) == [("exit_take_profit", "new", 10, 10), ("exit_stop_loss", "new", 10, 0)]
    assert _held(account, acme) == 10
    # Twice as well: each has a name of its own.
    _taken_back(entry, "2")
    orders.cancel(entry)
    assert (_exits(entry), _held(account, acme), cash(account)) == ([], 0, (D(10000), D(0)))
    assert broken() == []


def test_exits_that_sold_before_their_entry_was_taken_back_are_not_sold_again(
    account: Account, acme: Instrument
) -> None:
    entry = placed(account, acme, _bracket())
    orders.record(entry, [executed("1", "4", "99"), executed("2", "6", "99")], source="paper")
    quoted(acme, "110", "110.10", bid_size="4")

    _taken_back(entry, "2")

    # Four were bought and four were sold: nothing is left to protect until the entry fills again.
    assert (_held(account, acme), _exits(entry)) == (
        0,
        [("exit_take_profit", "held", 10, 0), ("exit_stop_loss", "held", 10, 0)],
    )
    orders.record(entry, [executed("3", "6", "99")], source="paper")
    assert _exits(entry) == [("exit_take_profit", "new", 6, 6), ("exit_stop_loss", "new", 6, 0)]
    assert _held(account, acme) == 6
    assert broken() == []


def test_exits_follow_what_a_fill_of_their_entry_really_was(account: Account, acme: Instrument) -> None:
    entry = placed(account, acme, _bracket())
    orders.record(entry, [executed("1", "10", "99")], source="paper")

    _taken_back(entry, "1", instead=executed("1b", "7", "99"))

    assert _exits(entry) == [("exit_take_profit", "new", 7, 7), ("exit_stop_loss", "new", 7, 0)]
    assert _held(account, acme) == 7
    assert broken() == []


def test_what_an_entry_fills_after_its_end_is_protected(account: Account, acme: Instrument) -> None:
    entry = placed(account, acme, _bracket())
    orders.record(entry, [executed("1", "4", "99")], source="paper")
    orders.cancel(entry)
    assert _exits(entry) == [("exit_take_profit", "new", 4, 4), ("exit_stop_loss", "new", 4, 0)]

    orders.record(entry, [executed("2", "2", "99")], source="paper")

    assert _exits(entry) == [("exit_take_profit", "new", 6, 6), ("exit_stop_loss", "new", 6, 0)]
    unfilled = placed(account, acme, _bracket())
    orders.cancel(unfilled)
    orders.record(unfilled, [executed("3", "5", "99")], source="paper")
    assert _exits(unfilled) == [("exit_take_profit", "new", 5, 5), ("exit_stop_loss", "new", 5, 0)]
    assert _held(account, acme) == 11
    assert broken() == []


def test_what_an_entry_fills_again_is_protected_though_its_exits_have_sold_all_that_it_had_before(
    account: Account, acme: Instrument
) -> None:
    entry = placed(account, acme, _bracket())
    orders.record(entry, [executed("1", "6", "99"), executed("2", "4", "99")], source="paper")
    _taken_back(entry, "2")
    quoted(acme, "110", "110.10", bid_size="6")
    assert (_held(account, acme), _exits(entry)) == (0, [])

    orders.record(entry, [executed("3", "4", "99")], source="paper")

    assert (_stands(entry)[0], _held(account, acme)) == ("filled", 4)
    assert _exits(entry) == [("exit_take_profit", "new", 4, 4), ("exit_stop_loss", "new", 4, 0)]
    quoted(acme, "94.80", "94.90")
    assert (_held(account, acme), cash(account)) == (0, (D("10049.2"), D(0)))  # 10,000 - 990 + 660 + 379.20
    assert broken() == []


def test_what_an_entry_fills_again_before_it_is_canceled_is_protected_too(account: Account, acme: Instrument) -> None:
    entry = placed(account, acme, _bracket())
    orders.record(entry, [executed("1", "6", "99"), executed("2", "4", "99")], source="paper")
    _taken_back(entry, "2")
    quoted(acme, "110", "110.10", bid_size="6")
    orders.record(entry, [executed("3", "1", "99")], source="paper")

    orders.cancel(entry)

    assert _exits(entry) == [("exit_take_profit", "new", 1, 1), ("exit_stop_loss", "new", 1, 0)]
    assert (_held(account, acme), broken()) == (1, [])


def test_exits_that_somebody_canceled_after_they_had_sold_in_part_do_not_come_back(
    account: Account, acme: Instrument
) -> None:
    entry = placed(account, acme, _bracket())
    orders.record(entry, [executed("1", "6", "99"), executed("2", "4", "99")], source="paper")
    _taken_back(entry, "2")
    quoted(acme, "110", "110.10", bid_size="3")
    orders.cancel(entry.legs.order_by("id")[0])

    orders.record(entry, [executed("3", "4", "99")], source="paper")

    assert (_held(account, acme), _exits(entry)) == (7, [])
    assert broken() == []


def test_exits_that_somebody_canceled_before_their_entry_ended_unfilled_do_not_come_back_with_a_late_fill(
    account: Account, acme: Instrument
) -> None:
    entry = placed(account, acme, _bracket())
    orders.cancel(entry.legs.order_by("id")[0])
    orders.cancel(entry)

    orders.record(entry, [executed("1", "5", "99")], source="paper")

    assert (_held(account, acme), _exits(entry)) == (5, [])
    assert broken() == []


def test_a_price_that_was_corrected_brings_no_exits_back_whose_time_is_over(account: Account, acme: Instrument) -> None:
    entry = placed(account, acme, _bracket())
    orders.record(entry, [executed("1", "10", "99")], source="paper")
    quoted(acme, "110", "110.10", bid_size="4")
    Order.objects.filter(parent=entry).update(expires_at=timezone.now())
    orders.expire(entry.legs.order_by("id")[0])

    _taken_back(entry, "1", instead=executed("1b", "10", "98.90"))

    assert (_held(account, acme), _exits(entry)) == (6, [])
    assert broken() == []


def test_exits_that_somebody_canceled_do_not_come_back(account: Account, acme: Instrument) -> None:
    entry = placed(account, acme, _bracket())
    orders.record(entry, [executed("1", "6", "99"), executed("2", "4", "99")], source="paper")
    orders.cancel(entry.legs.order_by("id")[0])

    _taken_back(entry, "2")
    orders.record(entry, [executed("3", "4", "99")], source="paper")

    assert _exits(entry) == []
    assert broken() == []


@pytest.mark.parametrize(("sold_by", "bid"), [("exit_stop_loss", "94"), ("exit_take_profit", "111")])
def test_the_other_exit_is_back_when_the_fill_of_one_is_taken_back(
    account: Account, acme: Instrument, sold_by: str, bid: str
) -> None:
    entry = placed(account, acme, _bracket())
    orders.record(entry, [executed("1", "10", "99")], source="paper")
    quoted(acme, bid)
    sold = entry.legs.get(purpose=sold_by)
    assert (sold.status, _exits(entry)) == ("filled", [])
    Quote.objects.all().delete()

    _taken_back(sold, sold.events.get(kind="fill").identity.partition(":")[2])

    assert sorted((purpose, status, quantity) for purpose, status, quantity, _units in _exits(entry)) == [
        ("exit_stop_loss", "new", 10),
        ("exit_take_profit", "new", 10),
    ]
    # One of the two sets the units aside, for both.
    assert sorted(units for *_rest, units in _exits(entry)) == [0, 10]
    assert _held(account, acme) == 10
    assert placed(account, acme, ticket("sell", "1")).status == "rejected"
    quoted(acme, "94.80", "94.90")
    assert (_held(account, acme), _exits(entry)) == (0, [])
    assert broken() == []


def test_the_stop_of_an_oco_is_back_when_the_fill_of_its_target_is_taken_back(
    account: Account, acme: Instrument
) -> None:
    quoted(acme, "100", "100")
    placed(account, acme, ticket("buy", "10"))
    exits = {"order_class": OrderClass.OCO, "take_profit_limit": "105", "stop_loss_stop": "95"}
    target = placed(account, acme, ticket("sell", "10", "limit", **exits))
    quoted(acme, "106", "106.10", bid_size="7")
    quoted(acme, "106", "106.10", bid_size="3")
    fills = [row.identity.partition(":")[2] for row in target.events.filter(kind="fill").order_by("id")]
    assert (_stands(target)[0], _held(account, acme)) == ("filled", 0)
    Quote.objects.all().delete()

    _taken_back(target, fills[1])

    (stop,) = target.legs.live()
    assert (_stands(target), _stands(stop)) == (("partially_filled", 10, 7, 3), ("new", 3, 0, 0))
    quoted(acme, "94.80", "94.90")
    assert (_stands(target)[0], _stands(stop)[0], _held(account, acme)) == ("canceled", "filled", 0)
    assert broken() == []


def test_an_exit_that_lives_again_where_nothing_is_held_any_more_ends(alice: User, acme: Instrument) -> None:
    account = funded(alice, allows_short=True)
    entry = placed(account, acme, _bracket())
    orders.record(entry, [executed("1", "10", "99")], source="paper")
    quoted(acme, "94", "94.10")
    sold = entry.legs.get(status="filled")
    assert placed(account, acme, ticket("sell", "10")).status == "filled"
    Quote.objects.all().delete()

    _taken_back(sold, sold.events.get(kind="fill").identity.partition(":")[2])

    assert (_stands(sold)[0], _exits(entry), _held(account, acme)) == ("canceled", [], 0)
    assert broken() == []


def test_whoever_owns_the_account_is_warned_of_a_fill_that_is_taken_back(
    alice: User, account: Account, acme: Instrument
) -> None:
    order = placed(account, acme, ticket("buy", "10", "limit", limit_price="99"))
    orders.record(order, [executed("1", "10", "99")], source="paper")

    _taken_back(order, "1")

    (told,) = ActivityEntry.objects.filter(owner=alice, kind="warning")
    assert told.text == f"A fill of ACME in {account.name} no longer counts: 10 at 99. Look at it."
    assert (told.account, told.link) == (account, f"/desk/orders/{order.public_id}/")
