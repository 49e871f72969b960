"""Orders at Alpaca: placed, canceled and replaced once whatever breaks, against a server that speaks its protocol.

Faults carry the numbers of the specification of reliability: F1 and F2, a process killed; F5, the same task many
times; F27, one request many times.
"""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from accounts.models import Account, User
from tests.trading.brokers import (
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
from tests.trading.desk import broken, cash, quoted, share, ticket
from trading import connections, order_commands, orders
from trading.errors import OrderRefused
from trading.models import AttemptResult, Execution, Order, OrderAttempt, OrderCommand, Trade
from trading.order_rules.vocabulary import OrderClass
from trading.venues import sending
from trading.venues.stand_in.server import StandIn

pytestmark = pytest.mark.django_db
D = Decimal


@pytest.fixture
def account(alice: User, it: StandIn) -> Account:
    return connected(alice, it)


def test_an_order_is_stored_with_its_reservation_before_anything_is_sent(account: Account, it: StandIn) -> None:
    order = stored(account, share(), ten())
    assert (order.status, order.venue, cash(account)) == ("pending_submit", "alpaca", (D(9500), D(500)))
    assert it.requests == []
    assert OrderCommand.objects.filter(order=order, kind="submit", status="waiting").count() == 1


def test_an_order_goes_its_way_and_its_fills_are_trades_of_the_journal(account: Account, it: StandIn) -> None:
    acme = share()
    quoted(acme, "49.90", "50.00")
    order = sent(account, acme, ten(), "mine-1")
    assert (order.status, order.broker_order_id) == ("pending_new", it.broker.of_client("mine-1")["id"])
    it.broker.fill(str(order.broker_order_id), "4", "49.50")
    it.broker.fill(str(order.broker_order_id), "6", "50.10")
    told(account, *held(it))
    order.refresh_from_db()
    # 4 at 49.50 and 6 at 50.10 are 498.60, at 49.86 each.
    assert (order.status, order.filled_quantity, order.filled_average_price) == ("filled", D(10), D("49.86"))
    assert cash(account) == (D("9501.40"), D(0))
    assert units(account) == {"ACME": D(10)}
    attempt = OrderAttempt.objects.get(order=order)
    # Against the limit of 50: (49.86 - 50) / 50 is -28 basis points, better than asked.
    assert (attempt.result, attempt.requested_price, attempt.requested_quantity) == ("accepted", D(50), D(10))
    assert (attempt.executed_price, attempt.executed_quantity, attempt.slippage_bps) == (D("49.86"), D(10), D(-28))
    assert attempt.duration is not None
    assert Trade.objects.filter(account=account, status="open").count() == 1
    assert compared(account).differences == []
    assert broken() == []


#: As its answer to the request has it, or as it is when it is looked up.
AT_THE_BROKER = ("pending_new", "new")
#: What befalls the first request, and how often the broker is then sent the order; it has it once in any case.
FAULTS = [
    ("silence", 2),
    ("silence_after", 1),
    ("error", 2),
    ("error_after", 1),
    ("cut", 2),
    ("cut_after", 1),
    ("garbage_after", 1),
    ("limit", 2),
]


def test_whatever_befalls_a_submission_the_broker_has_the_order_once_and_all_ends_alike(
    account: Account, it: StandIn
) -> None:
    """F1, F2: it does not matter on which side of the broker's answer the connection goes."""
    acme = share()
    for number, (fault, requests) in enumerate(FAULTS, start=1):
        it.requests.clear()
        it.suffer(fault, seconds=seconds_of(fault))
        order = sent(account, acme, ticket("buy", "1", "limit", limit_price="50", time_in_force="day"), fault)
        assert it.count("POST") == requests, fault
        assert order.status in AT_THE_BROKER, fault
        mine = [each for each in it.broker.orders.values() if each["client_order_id"] == fault]
        assert [each["id"] for each in mine] == [order.broker_order_id], fault
        it.broker.fill(str(order.broker_order_id), "1", "50")
        told(account, *held(it))
        order.refresh_from_db()
        assert order.status == "filled", fault
        assert (units(account), cash(account)) == ({"ACME": D(number)}, (D(10000 - 50 * number), D(0))), fault
        ends = OrderAttempt.objects.filter(order=order).values_list("result", flat=True)
        assert AttemptResult.RUNNING not in ends
    assert compared(account).differences == []
    assert broken() == []


def test_an_unknown_outcome_is_looked_up_and_never_sent_blindly(account: Account, it: StandIn) -> None:
    order = stored(account, share(), ten())
    command = OrderCommand.objects.get(order=order)
    it.suffer("cut_after")
    assert sending.send(command.pk) == "unknown"
    order.refresh_from_db()
    assert (order.status, cash(account)) == ("submit_unknown", (D(9500), D(500)))
    it.suffer("error", method="GET", path="/v2/orders:by_client_order_id")
    assert driven(order).status == "new"
    assert (it.count("POST"), it.count("GET", "/v2/orders:by_client_order_id")) == (1, 2)
    assert list(OrderAttempt.objects.filter(order=order).order_by("id").values_list("is_lookup", "result")) == [
        (False, "unknown"), (True, "unknown"), (True, "found"),
    ]  # fmt: skip


def test_a_lookup_has_to_find_nothing_often_and_long_enough(
    account: Account, it: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "SETTLES_IN", timedelta(hours=1))
    order = stored(account, share(), ten())
    it.suffer("cut")
    driven(order)
    assert it.count("POST") == 1
    OrderCommand.objects.filter(order=order).update(unknown_since=timezone.now() - timedelta(hours=2))
    driven(order)
    assert (it.count("POST"), order.status) == (2, "pending_new")


def test_what_the_broker_refuses_ends_with_its_words_and_nothing_set_aside(account: Account, it: StandIn) -> None:
    acme = share()
    it.suffer("refuse", status=403, code=40310000, words="potential wash trade 100%")
    order = sent(account, acme, ten())
    assert (order.status, order.reject_source, order.reasons[0]["code"]) == ("rejected", "broker", "40310000")
    assert [reason.message for reason in orders.reasons_of(order)] == ["potential wash trade 100%"]
    it.suffer("refuse", status=422, code=42210000, words="invalid limit_price")
    assert sent(account, acme, ten()).status == "rejected"
    assert (cash(account), units(account), it.broker.orders) == ((D(10000), D(0)), {}, {})
    attempt = OrderAttempt.objects.filter(order=order).get()
    assert (attempt.result, attempt.http_status, attempt.error_code) == ("refused", 403, "40310000")
    assert broken() == []


def test_too_many_requests_wait_as_long_as_the_broker_says_and_cost_no_try(account: Account, it: StandIn) -> None:
    order = stored(account, share(), ten())
    it.suffer("limit", seconds=70)
    before = timezone.now()
    sending.send(OrderCommand.objects.get(order=order).pk)
    command = OrderCommand.objects.get(order=order)
    assert before <= command.next_at - timedelta(seconds=70) <= timezone.now()
    assert (command.status, command.sends) == ("waiting", 0)
    assert sending.send(command.pk) == ""


def test_a_broker_that_cannot_be_reached_is_given_up_by_entries_and_not_by_exits(
    account: Account, it: StandIn, settings: Any
) -> None:
    held_here = sent(account, share("EXIT"), ten())
    it.broker.fill(str(held_here.broker_order_id), "10", "50")
    told(account, *held(it))
    settings.ALPACA_PAPER_URL = "http://127.0.0.1:1"
    order = sent(account, share(), ten())
    assert (order.status, order.reasons[0]["code"], cash(account)) == ("rejected", "not_sent", (D(9500), D(0)))
    assert OrderAttempt.objects.filter(order=order, result="not_sent").count() == sending.MOST_SENDS
    # What gets out of the ten is an exit, though its purpose says that it is an entry.
    exit = stored(account, held_here.instrument, ticket("sell", "10", "limit", limit_price="50", time_in_force="day"))
    assert driven(exit).status == "pending_submit"
    settings.ALPACA_PAPER_URL = "http://broker.example.com"
    old = stored(account, share("OLD"), ten())
    Order.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(minutes=6))
    # Keys go nowhere unencrypted but to this machine, and what is old is not tried at all.
    assert driven(old).status == "rejected"
    assert not OrderAttempt.objects.filter(order=old).exists()


def test_one_command_is_sent_once_however_often_its_task_comes(account: Account, it: StandIn) -> None:
    """F5: the same message ten times."""
    order = stored(account, share(), ten())
    command = OrderCommand.objects.get(order=order)
    first = order_commands.claim(command.pk, now=timezone.now())
    assert first is not None
    assert [sending.send(command.pk) for _ in range(3)] == ["", "", ""]
    order_commands.later(first, at=timezone.now())
    assert [sending.send(command.pk) for _ in range(10)] == ["done"] + [""] * 9
    assert it.count("POST") == 1


def test_who_dies_on_either_side_of_the_call_leaves_an_order_that_is_looked_up(account: Account, it: StandIn) -> None:
    """F2: killed between storing and calling, and between calling and the answer: the lease runs out."""
    acme = share()
    for name, reached in (("before", False), ("after", True)):
        order = stored(account, acme, ten(), name)
        claimed = order_commands.claim(OrderCommand.objects.get(order=order).pk, now=timezone.now())
        assert claimed is not None
        assert order_commands.begin(claimed, is_lookup=False, asked={}, now=timezone.now())
        if reached:
            sending._Sender(claimed, sending.Client.of(account.connection)).client.submit(
                sending.requests.submission(sending.alpaca.asked_of(order))
            )
        assert driven(order).status == "pending_submit", "whoever holds the lease may live"
        OrderCommand.objects.filter(order=order).update(lease_until=timezone.now() - timedelta(seconds=1))
        assert driven(order).status in AT_THE_BROKER
        assert order.broker_order_id == it.broker.of_client(name)["id"]
        assert OrderAttempt.objects.filter(order=order, number=1).values_list("result", flat=True).get() == "cut"
    assert len(it.broker.orders) == 2
    assert broken() == []


def test_a_database_that_goes_away_around_the_answer_leaves_an_order_that_is_looked_up(
    account: Account, it: StandIn
) -> None:
    """F13, F14, F15: the broker has answered, and what it said could not be kept; nothing is sent a second time."""
    acme = share()
    for name, verb in (("attempt", order_commands), ("order", sending.alpaca)):
        order = stored(account, acme, ten(), name)
        function = {"attempt": "end_attempt", "order": "take"}[name]
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(verb, function, _away)
            with pytest.raises(OperationalError):
                driven(order)
        OrderCommand.objects.filter(order=order).update(lease_until=timezone.now() - timedelta(seconds=1))
        assert driven(order).status in AT_THE_BROKER, name
        assert order.broker_order_id == it.broker.of_client(name)["id"]
    assert (it.count("POST"), len(it.broker.orders)) == (2, 2)
    assert broken() == []


def _away(*_: Any, **__: Any) -> None:
    raise OperationalError("server closed the connection unexpectedly")


def test_the_exits_of_a_bracket_are_the_brokers_and_stand_here_as_such(account: Account, it: StandIn) -> None:
    order = sent(
        account,
        share(),
        ticket("buy", "10", "limit", limit_price="50", time_in_force="gtc", order_class=OrderClass.BRACKET,
               take_profit_limit="60", stop_loss_stop="45"),
    )  # fmt: skip
    target, stop = order.legs.order_by("id")
    assert [(leg.purpose, leg.status, leg.reserved_units) for leg in (target, stop)] == [
        ("exit_take_profit", "held", D(0)), ("exit_stop_loss", "held", D(0)),
    ]  # fmt: skip
    told(account, *held(it))
    it.broker.fill(str(order.broker_order_id), "10", "50")
    told(account, *held(it))
    target.refresh_from_db()
    assert (target.status, target.reserved_units) == ("new", D(10))
    it.broker.fill(str(target.broker_order_id), "10", "60")
    told(account, *held(it))
    stop.refresh_from_db()
    assert (stop.status, units(account), cash(account)) == ("canceled", {}, (D(10100), D(0)))
    assert Execution.objects.count() == 2
    assert compared(account).differences == []
    assert broken() == []


def test_what_alpaca_takes_in_no_case_is_refused_before(account: Account, it: StandIn) -> None:
    coin = share("BTC/USD", kind="crypto", is_fractionable=True, lot_size=D("0.0001"))
    option = share("AAPL260619C00200000", kind="option", multiplier=D(100))
    for instrument, asked in (
        (coin, ticket("buy", "1", "limit", limit_price="50", time_in_force="day")),
        (coin, ticket("buy", "1", "stop", stop_price="50", time_in_force="gtc")),
        (option, ticket("buy", "1", "limit", limit_price="5", time_in_force="ioc")),
        (share(is_fractionable=True), ticket("buy", "1.5", "limit", limit_price="50", time_in_force="gtc")),
    ):
        with pytest.raises(OrderRefused):
            stored(account, instrument, asked)
    assert (Order.objects.count(), it.requests, cash(account)) == (0, [], (D(10000), D(0)))


def test_without_its_keys_an_account_sends_nothing_and_its_orders_are_paper_again(account: Account) -> None:
    order = stored(account, share(), ten())
    with pytest.raises(Exception, match="cancel them first"):
        connections.disconnect(account)
    orders.cancel(order)
    connections.disconnect(account)
    account.refresh_from_db()
    assert account.venue == "paper"
    assert stored(account, share("NEXT"), ten()).status == "new"
