"""Exits never promise more units than are held: what closes nothing any more is canceled, the oldest that fit stay."""

from decimal import Decimal

import pytest

from accounts.models import User
from tests.factories import make_user
from tests.trading.desk import broken, cash, funded, placed, quoted, share, ticket
from trading import orders
from trading.models import Execution, Order, Position, Quote
from trading.order_rules.vocabulary import OrderClass
from trading.venues import paper

pytestmark = pytest.mark.django_db
D = Decimal


def test_what_was_to_open_a_short_position_and_gets_out_of_a_long_one_ends_the_exit_of_that(alice: User) -> None:
    account, acme = funded(alice, allows_short=True), share()
    quoted(acme, "9.99", "10")
    opening = placed(account, acme, ticket("sell", "10", "limit", limit_price="10.50"))
    placed(account, acme, ticket("buy", "10"))
    leaving = placed(account, acme, ticket("sell", "10", "limit", limit_price="11"))
    assert (opening.held, leaving.held) == ("funds", "holdings")

    quoted(acme, "10.60", "10.62")

    assert list(Order.objects.order_by("id").values_list("status", flat=True)) == ["filled", "filled", "canceled"]
    assert not Position.objects.exists()
    # Bought at 10, sold at 10.60: what waited gets the better of its limit and the offer.
    assert cash(account) == (D(10006), D(0))
    assert broken() == []


def test_an_exit_that_is_ended_by_a_fill_of_the_same_moment_does_not_fill_in_it(alice: User) -> None:
    account, acme = funded(alice, allows_short=True), share()
    quoted(acme, "9.99", "10")
    placed(account, acme, ticket("sell", "10", "limit", limit_price="10.50"))
    placed(account, acme, ticket("buy", "10"))
    placed(account, acme, ticket("sell", "10", "limit", limit_price="11"))

    quoted(acme, "11.50", "11.52")

    assert list(Order.objects.order_by("id").values_list("status", flat=True)) == ["filled", "filled", "canceled"]
    assert Execution.objects.count() == 2
    assert cash(account) == (D(10015), D(0))
    assert broken() == []


def test_who_would_have_met_such_an_exit_meets_the_market_instead(alice: User) -> None:
    account, acme, other = funded(alice, allows_short=True), share(), funded(make_user())
    quoted(acme, "9.99", "10")
    placed(account, acme, ticket("sell", "10", "limit", limit_price="10.50"))
    placed(account, acme, ticket("buy", "10"))
    placed(account, acme, ticket("sell", "10", "limit", limit_price="10.60"))
    quoted(acme, "10.40", "12")

    bought = placed(other, acme, ticket("buy", "15", "limit", limit_price="11", time_in_force="ioc"))

    # Ten of who sells at 10.50; the other ten are not for sale any more.
    assert (bought.status, bought.filled_quantity, bought.filled_average_price) == ("canceled", D(10), D("10.50"))
    assert list(Order.objects.filter(account=account).order_by("id").values_list("status", flat=True)) == [
        "filled", "filled", "canceled",
    ]  # fmt: skip
    assert (cash(account), cash(other)) == ((D(10005), D(0)), (D(9895), D(0)))
    assert broken() == []


def test_what_such_an_exit_leaves_of_the_offer_is_for_whoever_comes_next_and_no_more(alice: User) -> None:
    account, acme, other = funded(alice, allows_short=True), share(), funded(make_user())
    quoted(acme, "9.99", "10")
    placed(account, acme, ticket("sell", "10", "limit", limit_price="10.50"))
    placed(account, acme, ticket("buy", "10"))
    placed(account, acme, ticket("sell", "10", "limit", limit_price="10.55"))
    placed(other, acme, ticket("buy", "5"))
    sale = placed(other, acme, ticket("sell", "5", "limit", limit_price="10.60"))

    quoted(acme, "10.60", "10.62", bid_size="12")

    sale.refresh_from_db()
    assert (sale.status, sale.filled_quantity) == ("partially_filled", D(2))
    assert Quote.objects.get().bid_taken == D(12)
    assert paper.match(acme.pk) == 0
    assert broken() == []


@pytest.mark.parametrize("is_filled", [True, False], ids=["once its entry is filled", "once its entry is canceled"])
def test_exits_of_an_entry_come_before_what_was_promised_of_it_while_it_filled(alice: User, is_filled: bool) -> None:
    account, acme = funded(alice), share()
    quoted(acme, "9.99", "10", ask_size="4")
    exits = {"order_class": OrderClass.BRACKET, "take_profit_limit": "11", "stop_loss_stop": "9"}
    entry = placed(account, acme, ticket("buy", "10", "limit", limit_price="10", **exits))
    sale = placed(account, acme, ticket("sell", "4", "limit", limit_price="10.80"))
    assert (entry.filled_quantity, sale.held) == (D(4), "holdings")

    if is_filled:
        quoted(acme, "9.99", "10")
    else:
        orders.cancel(entry)

    units = D(10) if is_filled else D(4)
    assert list(entry.legs.order_by("id").values_list("status", "reserved_units")) == [("new", units), ("new", D(0))]
    sale.refresh_from_db()
    assert sale.status == "canceled"
    assert broken() == []


def test_an_entry_that_got_out_of_what_was_held_brings_no_exits(alice: User) -> None:
    account, acme = funded(alice), share()
    quoted(acme, "9.99", "10")
    placed(account, acme, ticket("buy", "10"))

    exits = {"order_class": OrderClass.OTO, "stop_loss_stop": "11"}
    entry = placed(account, acme, ticket("sell", "10", "limit", limit_price="9.90", **exits))

    assert entry.status == "filled"
    assert list(entry.legs.values_list("status", flat=True)) == ["canceled"]
    assert not Position.objects.exists()
    assert broken() == []
