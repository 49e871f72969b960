"""Limits on all that is open: what waits counts as what it would become, and so does what was just decided."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Account, User
from tests.factories import make_user
from tests.journal.factories import make_instrument
from tests.trading.desk import cash, funded, placed, quoted, ticket
from trading import orders, risk
from trading.models import Order
from trading.order_rows import Intent, Request

pytestmark = pytest.mark.django_db


def buying(account: Account, *symbols: str, limit: str = "50") -> list[Request]:
    asked = ticket("buy", "1", "limit", limit_price=limit)
    return [Request(account, make_instrument(symbol), asked, Intent()) for symbol in symbols]


def codes(answers: list[Any]) -> list[list[str]]:
    return [[each.code for each in orders.reasons_of(answer.order)] for answer in answers]


def test_of_several_orders_in_one_request_as_many_stand_as_the_limits_have_room_for(
    alice: User, account: Account
) -> None:
    risk.set_limit(alice, account=account, max_open_positions=1, max_trades_per_day=1)

    answers = orders.place_many(buying(account, "AAPL", "MSFT", "TSLA"))

    assert codes(answers) == [[], ["limit_positions", "limit_trades"], ["limit_positions", "limit_trades"]]
    # One waits, at 50; the two that were refused set nothing aside.
    assert (Order.objects.live().count(), cash(account)) == (1, (Decimal(9950), Decimal(50)))


def test_orders_that_wait_take_the_room_of_what_they_would_open_until_they_end(alice: User, account: Account) -> None:
    risk.set_limit(alice, max_open_positions=2)
    answers: list[Any] = list(orders.place_many(buying(account, "AAPL", "MSFT")))

    # The limit is on all accounts together; another order for what is waited for opens nothing more.
    answers += orders.place_many(buying(funded(alice), "AAPL") + buying(account, "AAPL"))
    assert codes(answers) == [[], [], ["limit_positions"], []]

    orders.cancel(answers[1].order)
    assert codes(orders.place_many(buying(account, "TSLA"))) == [[]]


def test_an_order_that_gets_out_takes_no_room(alice: User, account: Account) -> None:
    apple = make_instrument("AAPL")
    quoted(apple, "100", "100")
    placed(account, apple, ticket("buy", "1"))
    placed(account, apple, ticket("sell", "1", "limit", limit_price="120"))
    risk.set_limit(alice, account=account, max_open_positions=2)

    assert codes(orders.place_many(buying(account, "MSFT", "TSLA"))) == [[], ["limit_positions"]]


def test_what_is_filled_in_part_is_one_trade_of_the_day_whatever_of_it_waits(alice: User, account: Account) -> None:
    apple = make_instrument("AAPL")
    quoted(apple, "99", "100", ask_size="4")
    placed(account, apple, ticket("buy", "10", "limit", limit_price="100"))
    risk.set_limit(alice, account=account, max_trades_per_day=2)

    # AAPL is one and MSFT the second.
    assert codes(orders.place_many(buying(account, "MSFT", "TSLA"))) == [[], ["limit_trades"]]


def test_an_order_that_is_replaced_makes_room_for_its_successor(alice: User, account: Account) -> None:
    risk.set_limit(alice, account=account, max_open_positions=1, max_trades_per_day=1)
    waits: Any = orders.place_many(buying(account, "AAPL"))[0]

    moved = orders.replace_order(waits.order, ticket=ticket("buy", "2", "limit", limit_price="40"))

    assert (moved.order.status, cash(account)) == ("new", (Decimal(9920), Decimal(80)))


def test_what_waits_is_part_of_all_that_is_open(account: Account) -> None:
    risk.configure(make_user("root@example.com", is_staff=True), max_total_capital=Decimal("0.01"))

    # A hundredth of 10,000 is 100: 50 and 50, and nothing more.
    assert codes(orders.place_many(buying(account, "AAPL", "MSFT", "TSLA"))) == [[], [], ["limit_total_capital"]]
    assert codes(orders.place_many(buying(account, "TSLA", limit="0.01"))) == [["limit_total_capital"]]


def test_counting_costs_no_statement_for_each_order(alice: User, account: Account) -> None:
    risk.set_limit(alice, account=account, max_open_positions=50, max_trades_per_day=50)

    def statements(*symbols: str) -> int:
        asked = buying(account, *symbols)
        with CaptureQueriesContext(connection) as found:
            assert not any(codes(orders.place_many(asked)))
        return len(found)

    assert statements("AAPL") == statements("MSFT", "TSLA", "NVDA", "AMZN")
