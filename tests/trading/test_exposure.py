"""What opens and what gets out, by what is held and what else is live: all that a breaker and the kill switch ask.

ADR-004: the breaker stops new exposure and never an exit. No order is one by the purpose that it was given.
"""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from accounts.errors import InvalidValue
from accounts.models import Account, ActivityEntry, User
from tests.trading.desk import broken, cash, funded, placed, quoted, share, ticket
from trading import halting, orders, risk, trades
from trading.models import BreakerEvent, Instrument, Order, Position
from trading.order_rules.ticket import Ticket
from trading.order_rules.vocabulary import OrderClass, OrderType, PositionIntent, Purpose, Side
from trading.risk.breakers import Target
from trading.risk.exposure import those_that_open

pytestmark = pytest.mark.django_db
D = Decimal


def long_10(account: Account, instrument: Instrument) -> None:
    quoted(instrument, "99.90", "100")
    placed(account, instrument, ticket("buy", "10"))


def closing(quantity: str, kind: str = "market", **prices: str) -> Ticket:
    return replace(ticket("sell", quantity, kind, **prices), position_intent=PositionIntent.SELL_TO_CLOSE)


def halted(owner: User, account: Account, *, level: int) -> halting.Halted:
    target = Target(owner, "simulation", account)
    return halting.halt(owner, target, level=level, note="enough", at=timezone.now())


def now(*found: Order) -> list[str]:
    return [Order.objects.get(pk=each.pk).status for each in found]


def test_the_kill_switch_of_level_3_leaves_what_protects_and_cancels_what_opens_whatever_each_calls_itself(
    alice: User, account: Account, acme: Instrument
) -> None:
    long_10(account, acme)
    stops = [
        placed(account, acme, ticket("sell", "5", "stop", stop_price="90")),
        placed(account, acme, closing("5", "stop", stop_price="91")),
    ]
    adds = placed(account, acme, ticket("buy", "5", "limit", limit_price="80"), purpose=Purpose.EXIT_MANUAL)

    done = halted(alice, account, level=3)

    assert (done.canceled, now(*stops), now(adds)) == (1, ["new", "new"], ["canceled"])
    # 10 at 100 of 10,000; what the entry had set aside is free again.
    assert cash(account) == (D(9000), D(0))
    quoted(acme, "89", "89.10")
    assert (now(*stops), Position.objects.count()) == (["filled", "filled"], 0)


def test_halted_lets_what_gets_out_through_and_refuses_what_opens_whatever_each_calls_itself(
    alice: User, account: Account, acme: Instrument
) -> None:
    long_10(account, acme)
    halted(alice, account, level=2)

    adds = placed(account, acme, ticket("buy", "1"), purpose=Purpose.EXIT_STOP_LOSS)
    out = placed(account, acme, closing("4"))
    adjusts = placed(account, acme, ticket("sell", "6"), purpose=Purpose.ADJUST)

    assert [each.code for each in orders.reasons_of(adds)] == ["breaker_halted"]
    assert (now(adds, out, adjusts), Position.objects.count()) == (["rejected", "filled", "filled"], 0)


def test_what_waits_and_opens_is_canceled_once_it_would_execute_though_it_calls_itself_an_exit(
    alice: User, account: Account, acme: Instrument
) -> None:
    long_10(account, acme)
    adds = placed(account, acme, ticket("buy", "5", "limit", limit_price="90"), purpose=Purpose.EXIT_MANUAL)
    halted(alice, account, level=2)

    quoted(acme, "88.90", "89")

    assert (now(adds), Position.objects.get().quantity, cash(account)) == (["canceled"], D(10), (D(9000), D(0)))


def test_an_exit_that_is_filled_in_part_goes_on_under_a_breaker(
    alice: User, account: Account, acme: Instrument
) -> None:
    long_10(account, acme)
    out = placed(account, acme, ticket("sell", "10", "limit", limit_price="99"))
    assert now(out) == ["filled"]
    placed(account, acme, ticket("buy", "10"))
    quoted(acme, "109.90", "110", bid_size="4")
    out = placed(account, acme, ticket("sell", "10", "limit", limit_price="109"))
    assert (now(out), Position.objects.get().quantity) == (["partially_filled"], D(6))

    assert halted(alice, account, level=3).canceled == 0
    quoted(acme, "109.90", "110", bid_size="6")

    assert (now(out), Position.objects.count()) == (["filled"], 0)


def test_the_exits_of_a_group_get_out_together_and_go_with_nothing_but_their_entry(
    alice: User, account: Account, acme: Instrument
) -> None:
    quoted(acme, "99.90", "100")
    bracket = ticket(
        "buy", "10", order_class=OrderClass.BRACKET, take_profit_limit="120", stop_loss_stop="90", time_in_force="gtc"
    )
    legs = list(placed(account, acme, bracket).legs.order_by("id"))
    waits = placed(
        account, share("NEXT"),
        ticket("buy", "5", "limit", limit_price="50", order_class=OrderClass.BRACKET, take_profit_limit="60",
               stop_loss_stop="45"),
    )  # fmt: skip

    assert halted(alice, account, level=3).canceled == 1

    assert now(*legs) == ["new", "new"]
    assert now(waits, *waits.legs.order_by("id")) == ["canceled"] * 3


def test_a_breaker_stops_entries_cancels_what_waits_and_lets_exits_run(
    alice: User, account: Account, acme: Instrument
) -> None:
    quoted(acme, "99.90", "100")
    placed(account, acme, ticket("buy", "10"))
    waiting = placed(account, acme, ticket("buy", "10", "limit", limit_price="90"))
    target = Target(owner=alice, mode="simulation", account=account)
    risk.activate(alice, target, note="enough for today", at=timezone.now())

    entry = placed(account, acme, ticket("buy", "1"))
    quoted(acme, "89", "89.10")
    exits = placed(account, acme, ticket("sell", "10"))

    waiting.refresh_from_db()
    for stopped in (entry, waiting):
        assert [reason.code for reason in orders.reasons_of(stopped)] == ["breaker_reducing"]
    blocked = BreakerEvent.objects.filter(kind="blocked").order_by("id").values_list("order_id", flat=True)
    assert list(blocked) == [str(entry.public_id), str(waiting.public_id)]
    told = ActivityEntry.objects.filter(owner_id=alice.pk, kind="warning", link=f"/desk/orders/{waiting.public_id}/")
    assert "The circuit breaker is on" in told.get().text
    assert (waiting.status, exits.status, exits.filled_average_price) == ("canceled", "filled", D(89))
    assert cash(account) == (D(9890), D(0))


def test_flattening_is_confirmed_and_gets_out_of_everything_though_a_breaker_is_on(alice: User, bob: User) -> None:
    account, acme, other = funded(alice), share(), funded(bob)
    quoted(acme, "99.90", "100")
    placed(account, acme, ticket("buy", "10"))
    placed(other, acme, ticket("buy", "5"))
    placed(account, acme, ticket("sell", "10", "limit", limit_price="120"))
    halting.halt(alice, Target(alice, "simulation", account), level=2, note="enough", at=timezone.now())
    with pytest.raises(InvalidValue):
        halting.flatten(alice, None, confirmed=False)
    assert Position.objects.count() == 2

    done = halting.flatten(alice, None, confirmed=True)

    assert ([order.status for order in done.placed], done.refused) == (["filled"], 0)
    assert list(Position.objects.values_list("account", flat=True)) == [other.pk]
    assert cash(account) == (D(9999), D(0))


def test_what_cannot_be_closed_keeps_what_protects_it_and_the_rest_is_closed(alice: User) -> None:
    account, acme, bolt = funded(alice), share(), share("BOLT")
    for each in (acme, bolt):
        quoted(each, "99.90", "100")
        placed(account, each, ticket("buy", "10"))
    stops = [placed(account, each, ticket("sell", "10", "stop", stop_price="90")) for each in (acme, bolt)]
    # From a file, say: half a share, which this venue takes no order for.
    half = trades.EnteredFill("buy", D("0.5"), D(100), timezone.now())
    trades.enter(account, instrument=acme, fills=[half])

    done = halting.flatten(alice, None, confirmed=True)

    assert ([order.instrument for order in done.placed], done.waiting, done.refused) == ([bolt], 0, 1)
    assert [Order.objects.get(pk=each.pk).status for each in stops] == ["new", "canceled"]
    assert Order.objects.get(pk=stops[0].pk).version == stops[0].version
    assert list(Position.objects.values_list("instrument__symbol", "quantity")) == [("ACME", D("10.5"))]
    (told,) = ActivityEntry.objects.filter(owner=alice, kind="warning")
    assert told.text.startswith(f"ACME in {account.name} could not be closed, and what protects it stays: ")
    assert not Order.objects.filter(status="rejected").exists()


@pytest.mark.parametrize(("more", "placed_for", "refused"), [(None, [D(6)], 0), ("0.5", [], 1)])
def test_flattening_judges_a_position_that_changes_after_it_was_read_as_it_is_now(
    alice: User, monkeypatch: pytest.MonkeyPatch, more: str | None, placed_for: list[Decimal], refused: int
) -> None:
    account, acme = funded(alice), share()
    long_10(account, acme)
    if more:
        # This venue takes no order for half a share.
        half = trades.EnteredFill("buy", D(more), D(100), timezone.now())
        trades.enter(account, instrument=acme, fills=[half])
    read = halting.held_under

    def before_some_are_sold(*asked: Any) -> list[Position]:
        found = read(*asked)
        placed(account, acme, ticket("sell", "4"))
        return found

    monkeypatch.setattr(halting, "held_under", before_some_are_sold)

    done = halting.flatten(alice, None, confirmed=True)

    assert ([order.quantity for order in done.placed], done.refused) == (placed_for, refused)
    assert list(Position.objects.values_list("quantity", flat=True)) == ([D("6.5")] if refused else [])
    assert broken() == []


def test_a_failure_amid_flattening_cancels_nothing(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    account, acme = funded(alice), share()
    long_10(account, acme)
    stop = placed(account, acme, ticket("sell", "10", "stop", stop_price="90"))

    def lost(*_arguments: object, **_options: object) -> None:
        raise OperationalError("the connection was lost")

    monkeypatch.setattr(orders, "place_many", lost)
    with pytest.raises(OperationalError):
        halting.flatten(alice, None, confirmed=True)

    stop.refresh_from_db()
    assert (stop.status, stop.reserved_units) == ("new", D(10))


ONE = (1, 1)


def working(pk: int, side: Side, quantity: str, **fields: object) -> Order:
    kind = OrderType.STOP if "stop_price" in fields else OrderType.LIMIT
    return Order(
        pk=pk, account_id=1, instrument_id=1, side=side.value, type=kind.value, quantity=D(quantity), status="new",
        **fields,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("position", "live", "opens"),
    [
        ("0", [working(1, Side.SELL, "1"), working(2, Side.BUY, "1")], [1, 2]),
        ("10", [working(1, Side.SELL, "10"), working(2, Side.BUY, "1")], [2]),
        ("-10", [working(1, Side.BUY, "10"), working(2, Side.SELL, "1")], [2]),
        # 6 and 4 are 10; the one beyond would open.
        ("10", [working(1, Side.SELL, "6"), working(2, Side.SELL, "4"), working(3, Side.SELL, "1")], [3]),
        # The stop is what protects: of two that both sell everything it is the other that goes.
        ("10", [working(1, Side.SELL, "10"), working(2, Side.SELL, "10", stop_price=D(90))], [1]),
        ("10", [working(1, Side.SELL, "12")], [1]),
        ("6", [working(1, Side.SELL, "10", filled_quantity=D(4))], []),
        # Who says that it opens is believed; who says that it closes is not.
        ("10", [working(1, Side.SELL, "1", position_intent="sell_to_open")], [1]),
        ("10", [working(1, Side.BUY, "1", position_intent="buy_to_close")], [1]),
        # Two exits of one group sell 10 between them, and no third.
        (
            "10",
            [
                working(1, Side.SELL, "10", parent_id=9),
                working(2, Side.SELL, "10", parent_id=9, shares_hold=True),
                working(3, Side.SELL, "1"),
            ],
            [3],
        ),
    ],
)
def test_what_opens_follows_from_the_position_and_from_what_else_gets_out_of_it(
    position: str, live: list[Order], opens: list[int]
) -> None:
    positions = {ONE: D(position)} if D(position) else {}

    assert [each.pk for each in those_that_open(live, positions)] == opens


def test_nothing_is_asked_of_no_orders(django_assert_num_queries: object) -> None:
    with django_assert_num_queries(0):  # type: ignore[operator]
        assert risk.opening([]) == []
