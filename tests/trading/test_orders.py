"""Orders: what they set aside, pay and become, to the cent."""

from datetime import date, timedelta
from decimal import Decimal
from itertools import permutations

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import Sum
from django.utils import timezone

from accounts import ledger
from accounts.errors import IdempotencyConflict, InvalidValue
from accounts.models import ActivityEntry, LedgerEntry, User
from tests.trading.brokers import broken
from tests.trading.desk import cash, funded, placed, quoted, share, ticket
from trading import halting, orders, risk
from trading.errors import InvalidState, OrderRefused, VersionConflict
from trading.models import Execution, Instrument, Order, OrderEvent, Position, Trade
from trading.order_rules.broker_events import Correction, Fill, Report
from trading.order_rules.statuses import Event
from trading.order_rules.vocabulary import OrderClass, PositionIntent, Purpose
from trading.order_tickets import has_expired
from trading.risk.breakers import Target
from trading.venues import paper

pytestmark = pytest.mark.django_db
D = Decimal


_WRITE = PositionIntent.SELL_TO_OPEN


def _fill(name: str, quantity: str, price: str) -> Fill:
    return Fill(name, timezone.now(), D(quantity), D(price))


def test_the_golden_run_reserves_pays_and_releases_to_the_cent(alice: User) -> None:
    account, acme = funded(alice), share()

    order = placed(account, acme, ticket("buy", "100", "limit", limit_price="50"))
    assert (order.status, cash(account)) == ("new", (D(5000), D(5000)))
    orders.record(order, [_fill("1", "40", "49.50")], source="paper")
    assert cash(account) == (D(5020), D(3000))
    orders.record(order, [_fill("2", "30", "50")], source="paper")
    assert cash(account) == (D(5020), D(1500))
    order = orders.cancel(order)

    assert cash(account) == (D(6520), D(0))
    assert (order.status, order.filled_quantity) == ("canceled", D(70))
    assert order.filled_average_price == D("49.714285714286")
    sums = LedgerEntry.objects.filter(portfolio__account=account).aggregate(
        available=Sum("available_change"), reserved=Sum("reserved_change")
    )
    assert sums == {"available": D(6520), "reserved": D(0)}


def test_the_golden_run_by_quotes_returns_what_a_better_offer_saves(alice: User) -> None:
    account, acme = funded(alice), share()
    order = placed(account, acme, ticket("buy", "100", "limit", limit_price="50"))
    assert cash(account) == (D(5000), D(5000))

    quoted(acme, "49.40", "49.50", ask_size="40")
    assert cash(account) == (D(5020), D(3000))
    quoted(acme, "49.90", "50", ask_size="30")
    assert cash(account) == (D(5020), D(1500))
    order = orders.cancel(order)

    assert (cash(account), order.filled_quantity) == ((D(6520), D(0)), D(70))


def test_what_is_bought_and_sold_here_is_a_trade_like_any_other(alice: User) -> None:
    account, acme = funded(alice), share()
    quoted(acme, "99.90", "100")
    bought = placed(account, acme, ticket("buy", "10"))
    quoted(acme, "110", "110.10")
    sold = placed(account, acme, ticket("sell", "10"))

    assert (bought.status, sold.status) == ("filled", "filled")
    assert (bought.filled_average_price, sold.filled_average_price) == (D(100), D(110))
    trade = Trade.objects.get(account=account)
    assert (trade.status, trade.net_pnl, trade.entry_price, trade.exit_price) == ("closed", D(100), D(100), D(110))
    assert cash(account) == (D(10100), D(0))
    assert Execution.objects.get(order_id=str(sold.public_id)).source == "order"
    assert not Position.objects.filter(account=account).exists()


def test_every_reason_is_told_at_once_and_the_portfolio_is_untouched(alice: User) -> None:
    account, acme = funded(alice, "500"), share()
    account.status = "suspended"
    account.save()
    quoted(acme, "99", "100")

    order = placed(account, acme, ticket("buy", "1000"))

    assert (order.status, order.reject_source) == ("rejected", "pretrade")
    assert [reason.code for reason in orders.reasons_of(order)] == ["account_inactive", "insufficient_funds"]
    assert cash(account) == (D(500), D(0))
    assert LedgerEntry.objects.filter(portfolio__account=account).count() == 1
    assert [row.event for row in order.events.all()] == ["refused"]


def test_an_unsound_order_is_not_stored(alice: User) -> None:
    account, acme = funded(alice), share()

    with pytest.raises(OrderRefused) as refused:
        orders.place(account, instrument=acme, ticket=ticket("buy", "10", "limit", limit_price="50.005"))

    assert [reason.code for reason in refused.value.reasons] == ["tick", "decimals"]
    assert not Order.objects.exists()
    assert cash(account) == (D(10000), D(0))


def test_the_same_client_id_is_one_order_and_another_request_under_it_is_refused(alice: User) -> None:
    account, acme = funded(alice), share()
    asked = ticket("buy", "10", "limit", limit_price="100")
    first = placed(account, acme, asked, "mine-1")

    again = orders.place(account, instrument=acme, ticket=asked, intent=orders.Intent(client_order_id="mine-1"))
    with pytest.raises(IdempotencyConflict):
        placed(account, acme, ticket("buy", "11", "limit", limit_price="100"), "mine-1")

    assert (again.order.pk, again.is_new) == (first.pk, False)
    assert Order.objects.count() == 1
    assert cash(account) == (D(9000), D(1000))


def test_replacing_10_at_10_by_10_at_8_frees_20_and_continues_the_chain(alice: User) -> None:
    account, acme = funded(alice), share()
    order = placed(account, acme, ticket("buy", "10", "limit", limit_price="10"))

    successor = orders.replace_order(order, ticket=ticket("buy", "10", "limit", limit_price="8"), version=1).order

    order.refresh_from_db()
    assert cash(account) == (D(9920), D(80))
    assert (order.status, order.version, successor.status) == ("replaced", 2, "new")
    assert (successor.replaces, successor.chain_id) == (order, order.chain_id)


def test_a_replacement_that_cannot_be_paid_leaves_the_order_as_it_was(alice: User) -> None:
    account, acme = funded(alice), share()
    order = placed(account, acme, ticket("buy", "10", "limit", limit_price="10"))

    with pytest.raises(OrderRefused) as refused:
        orders.replace_order(order, ticket=ticket("buy", "2000", "limit", limit_price="10"))

    assert [reason.code for reason in refused.value.reasons] == ["insufficient_funds"]
    order.refresh_from_db()
    assert (order.status, order.version, cash(account)) == ("new", 1, (D(9900), D(100)))
    assert Order.objects.count() == 1


def test_a_stale_version_and_an_ended_order_are_refused(alice: User) -> None:
    account, acme = funded(alice), share()
    order = placed(account, acme, ticket("buy", "10", "limit", limit_price="10"))
    with pytest.raises(VersionConflict):
        orders.cancel(order, version=7)
    orders.cancel(order, version=1)

    with pytest.raises(InvalidState):
        orders.cancel(order)

    assert order.events.count() == 4  # placed, new, pending_cancel, canceled
    assert cash(account) == (D(10000), D(0))


def test_an_event_told_twice_counts_once_and_a_report_that_cannot_be_is_kept_as_ignored(alice: User) -> None:
    account, acme = funded(alice), share()
    order = placed(account, acme, ticket("buy", "10", "limit", limit_price="10"))
    fill = _fill("1", "10", "10")
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


def test_a_fill_after_the_end_counts_is_flagged_and_warns_its_owner_once(alice: User) -> None:
    account, acme = funded(alice), share()
    order = placed(account, acme, ticket("buy", "10", "limit", limit_price="10"))
    orders.cancel(order)
    warnings = ActivityEntry.objects.filter(owner=alice, kind="warning")
    assert not warnings.exists()

    fill = _fill("1", "4", "10")
    for _ in range(2):
        orders.record(order, [fill], source="paper")

    order.refresh_from_db()
    assert (order.status, order.filled_quantity, order.has_late_fill) == ("canceled", D(4), True)
    assert cash(account) == (D(9960), D(0))
    (told,) = warnings
    assert told.text == f"An order for ACME in {account.name} executed after its end: 4 at 10. Look at it."
    assert (told.account, told.link) == (account, f"/desk/orders/{order.public_id}/")


def test_a_fill_taken_back_is_taken_out_of_cash_position_and_trade(alice: User) -> None:
    account, acme = funded(alice), share()
    order = placed(account, acme, ticket("buy", "10", "limit", limit_price="10"))
    orders.record(order, [_fill("1", "4", "10"), _fill("2", "6", "10")], source="paper")

    orders.record(order, [Correction("bust-2", timezone.now(), "2")], source="paper")

    order.refresh_from_db()
    assert (order.status, order.filled_quantity, cash(account)) == ("partially_filled", D(4), (D(9900), D(60)))
    assert Position.objects.get(account=account).quantity == D(4)


def test_whatever_comes_first_and_however_often_the_earlier_of_two_fills_of_one_id_counts(alice: User) -> None:
    account, acme = funded(alice), share()
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
    alice: User, name: str
) -> None:
    account, acme = funded(alice), share()
    order = placed(account, acme, ticket("buy", "10", "limit", limit_price="10"))
    fill, later = _fill("1", "4", "10"), timedelta(seconds=5)
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


def test_an_order_that_is_being_settled_can_end(alice: User) -> None:
    account, acme = funded(alice), share()
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

    orders.record(order, [_fill("1", "10", "12")], source="alpaca")

    assert cash(account) == (D(-20), D(0))
    ledger.deposit(account, currency="USD", amount=D(50), idempotency_key="more", at=timezone.now())
    assert cash(account) == (D(30), D(0))


def test_units_on_their_way_out_cannot_be_sold_twice(alice: User) -> None:
    account, acme = funded(alice), share()
    quoted(acme, "10", "10")
    placed(account, acme, ticket("buy", "10"))
    placed(account, acme, ticket("sell", "6", "limit", limit_price="20"))

    second = placed(account, acme, ticket("sell", "6", "limit", limit_price="20"))

    assert [reason.code for reason in orders.reasons_of(second)] == ["insufficient_holdings"]
    assert second.reasons[0]["values"] == {"most": "4"}


def test_what_only_says_that_it_closes_opens_nothing_and_what_closes_does_though_all_is_halted(alice: User) -> None:
    acme = share()
    quoted(acme, "100", "100")
    closing = {"buy": PositionIntent.BUY_TO_CLOSE, "sell": PositionIntent.SELL_TO_CLOSE}
    for held, other, level in (("buy", "sell", 1), ("sell", "buy", 2)):
        account = funded(alice, allows_short=True)
        placed(account, acme, ticket(held, "10"))
        halting.halt(alice, Target(alice, "simulation", account), level=level, note="enough", at=timezone.now())
        before = cash(account)

        for _each in range(2):
            wrong = placed(
                account, acme, ticket(held, "10", position_intent=closing[held]), purpose=Purpose.EXIT_MANUAL
            )
            assert [each.code for each in orders.reasons_of(wrong)] == ["insufficient_holdings"]
        assert (cash(account), abs(Position.objects.get(account=account).quantity)) == (before, D(10))

        out = placed(account, acme, ticket(other, "10", position_intent=closing[other]), purpose=Purpose.EXIT_MANUAL)
        assert (out.status, Position.objects.filter(account=account).exists()) == ("filled", False)


def _option(kind: str) -> Instrument:
    return share(f"ACME-{kind}", kind="option", option_type=kind, strike=D(90), multiplier=D(100), underlying="ACME")


def test_puts_stay_secured_once_they_are_written(alice: User) -> None:
    account, put, acme = funded(alice, "20000"), _option("put"), share()
    quoted(put, "1", "1")
    codes = []
    for _each in range(3):
        order = placed(account, put, ticket("sell", "1", time_in_force="day", position_intent=_WRITE))
        codes.append((order.status, [each.code for each in orders.reasons_of(order)]))

    # Two at 90 x 100 take 18,000 of 20,000; what they brought, 2 x 100, and the rest is 2,200.
    assert codes == [("filled", []), ("filled", []), ("rejected", ["insufficient_funds"])]
    assert orders.reasons_of(order)[0].values == {"needed": "9000", "available": "2200", "most": "0"}
    shares = placed(account, acme, ticket("buy", "23", "limit", limit_price="100"))
    assert [each.code for each in orders.reasons_of(shares)] == ["insufficient_funds"]
    assert (cash(account), Position.objects.get(account=account).quantity) == ((D(20200), D(0)), D(-2))
    back = placed(account, put, ticket("buy", "1", time_in_force="day"))
    assert back.status == "filled"
    assert placed(account, acme, ticket("buy", "23", "limit", limit_price="100")).status == "new"


def test_calls_stay_covered_once_they_are_written(alice: User) -> None:
    account, call, acme = funded(alice, "20000"), _option("call"), share()
    quoted(call, "1", "1")
    quoted(acme, "100", "100")
    placed(account, acme, ticket("buy", "150"))
    write = ticket("sell", "1", time_in_force="day", position_intent=_WRITE)
    wanted = [orders.Request(account, call, write, orders.Intent(client_order_id=name)) for name in ("1", "2")]

    first, second = orders.place_many(wanted)
    assert isinstance(first, orders.Placed)
    assert isinstance(second, orders.Placed)
    paper.match(call.pk)

    for order in (second.order, placed(account, call, write), placed(account, acme, ticket("sell", "51"))):
        (reason,) = orders.reasons_of(order)
        assert reason.code in ("insufficient_underlying", "insufficient_holdings")
        assert reason.values in ({"needed": "100", "free": "50"}, {"most": "50"})
    assert dict(Position.objects.values_list("instrument__symbol", "quantity")) == {"ACME": D(150), "ACME-call": D(-1)}
    assert placed(account, acme, ticket("sell", "50")).status == "filled"
    # What is got out of together: the call is bought back at the market, and no longer keeps the shares.
    done = halting.flatten(alice, None, confirmed=True)
    assert (done.refused, Position.objects.exists()) == (0, False)


def test_a_bracket_is_an_entry_whose_filled_exits_end_each_other(alice: User) -> None:
    account, acme = funded(alice), share()
    quoted(acme, "99.90", "100")
    entry = placed(
        account,
        acme,
        ticket(
            "buy",
            "10",
            "limit",
            limit_price="99.50",
            order_class=OrderClass.BRACKET,
            take_profit_limit="110",
            stop_loss_stop="95",
        ),
    )
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


def test_an_entry_that_is_canceled_takes_its_exits_with_it(alice: User) -> None:
    account, acme = funded(alice), share()
    entry = placed(
        account,
        acme,
        ticket(
            "buy",
            "10",
            "limit",
            limit_price="99.50",
            order_class=OrderClass.BRACKET,
            take_profit_limit="110",
            stop_loss_stop="95",
        ),
    )

    orders.cancel(entry)

    assert set(entry.legs.values_list("status", flat=True)) == {"canceled"}


def test_the_target_of_an_oco_cancels_its_stop(alice: User) -> None:
    account, acme = funded(alice), share()
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


def test_two_orders_do_not_buy_the_same_short_back(alice: User) -> None:
    account, acme = funded(alice, allows_short=True), share()
    quoted(acme, "100", "100")
    placed(account, acme, ticket("sell", "10"))
    placed(account, acme, ticket("buy", "6", "limit", limit_price="90"))

    second = placed(account, acme, ticket("buy", "6"))

    assert [(each.code, each.values) for each in orders.reasons_of(second)] == [
        ("insufficient_holdings", {"most": "4"})
    ]
    assert Position.objects.get(account=account).quantity == D(-10)


def test_a_day_order_ends_with_the_accounts_day(alice: User) -> None:
    account, acme = funded(alice), share()
    order = placed(account, acme, ticket("buy", "10", "limit", limit_price="10", time_in_force="day"))
    orders.expire(order)
    order.refresh_from_db()
    assert order.status == "new"
    Order.objects.filter(pk=order.pk).update(expires_at=timezone.now() - timedelta(seconds=1))

    orders.expire(order)

    order.refresh_from_db()
    assert (order.status, cash(account)) == ("expired", (D(10000), D(0)))


def test_an_order_for_an_opening_or_a_close_outlives_no_day(alice: User) -> None:
    account, acme = funded(alice), share()

    kept = {
        force: placed(account, acme, ticket("buy", "1", "limit", limit_price="10", time_in_force=force))
        for force in ("day", "opg", "cls", "gtc")
    }

    ends = {force: order.expires_at and order.expires_at - order.submitted_at for force, order in kept.items()}
    assert ends.pop("gtc") is None
    assert all(timedelta(0) < left <= timedelta(days=1) for left in ends.values())
    Order.objects.filter(time_in_force__in=["opg", "cls"]).update(expires_at=timezone.now() - timedelta(seconds=1))
    for order in kept.values():
        orders.expire(order)
    assert list(Order.objects.order_by("id").values_list("status", flat=True)) == ["new", "expired", "expired", "new"]
    assert cash(account) == (D(9980), D(20))


def test_an_expired_contract_is_closed_and_not_opened(alice: User) -> None:
    account = funded(alice)
    option = share("ACME261120C00100000", kind="option", multiplier=D(100))
    quoted(option, "1", "1")
    placed(account, option, ticket("buy", "2"))
    option.expires_on = account.trading_day(timezone.now())
    assert placed(account, option, ticket("buy", "1")).status == "filled"
    option.expires_on -= timedelta(days=1)
    before = cash(account)

    refused = placed(account, option, ticket("buy", "1"))

    assert [reason.code for reason in orders.reasons_of(refused)] == ["instrument_expired"]
    assert (refused.status, cash(account)) == ("rejected", before)
    assert placed(account, option, ticket("sell", "3")).status == "filled"


def test_a_future_without_an_expiry_runs_until_its_month_is_over() -> None:
    future = Instrument(symbol="GCM25", kind="future")
    assert [has_expired(future, on=date(2025, month, day)) for month, day in ((5, 1), (6, 30), (7, 1))] == [
        False, False, True,
    ]  # fmt: skip
    future.expires_on = date(2025, 6, 26)
    assert [has_expired(future, on=date(2025, 6, day)) for day in (26, 27)] == [False, True]
    assert not any(
        has_expired(Instrument(symbol=symbol, kind=kind), on=date(2026, 1, 1))
        for symbol, kind in (("GC", "future"), ("GCM25", "stock"), ("ACME", "stock"))
    )


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("reserved_amount = 1", "order_reserves_nothing_at_its_end"),
        ("filled_quantity = 11, filled_average_price = 10", "orders_filled_quantity_valid"),
        ("limit_price = NULL", "order_limit_price_of_type"),
        ("status = 'working'", "orders_status_valid"),
        ("purpose = 'fun'", "order_words_valid"),
        ("quantity = 'NaN'", "order_values_finite"),
        ("trail_price = 1", "order_trail_of_type"),
        ("notional = 5", "order_quantity_or_notional"),
        ("time_in_force = 'gtc', extended_hours = true", "order_extended_hours_limit_for_the_day"),
        ("position_intent = 'sell_to_open'", "order_intent_has_its_side"),
        ("type = 'market'", "order_limit_price_of_type"),
    ],
)
def test_the_database_refuses_an_order_that_cannot_be(alice: User, change: str, constraint: str) -> None:
    order = placed(funded(alice), share(), ticket("buy", "10", "limit", limit_price="10"))
    orders.cancel(order)

    with pytest.raises(IntegrityError) as refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE trading_order SET {change} WHERE id = %s", [order.pk])

    assert constraint in str(refused.value)


@pytest.mark.parametrize("statement", ["UPDATE trading_orderevent SET event = 'new'", "DELETE FROM trading_orderevent"])
def test_events_of_orders_are_never_changed(alice: User, statement: str) -> None:
    placed(funded(alice), share(), ticket("buy", "10", "limit", limit_price="10"))

    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)

    assert OrderEvent.objects.count() == 2


def test_a_breaker_stops_entries_cancels_what_waits_and_lets_exits_run(alice: User) -> None:
    account, acme = funded(alice), share()
    quoted(acme, "99.90", "100")
    placed(account, acme, ticket("buy", "10"))
    waiting = placed(account, acme, ticket("buy", "10", "limit", limit_price="90"))
    target = Target(owner=alice, mode="simulation", account=account)
    risk.activate(alice, target, note="enough for today", at=timezone.now())

    entry = placed(account, acme, ticket("buy", "1"))
    quoted(acme, "89", "89.10")
    exits = placed(account, acme, ticket("sell", "10"))

    waiting.refresh_from_db()
    assert [reason.code for reason in orders.reasons_of(entry)] == ["breaker_reducing"]
    assert (waiting.status, exits.status, exits.filled_average_price) == ("canceled", "filled", D(89))
    assert cash(account) == (D(9890), D(0))


def test_the_kill_switch_of_level_3_cancels_entries_and_leaves_exits(alice: User) -> None:
    account, acme = funded(alice), share()
    quoted(acme, "99.90", "100")
    placed(account, acme, ticket("buy", "10"))
    entry = placed(account, acme, ticket("buy", "10", "limit", limit_price="90"))
    out = placed(account, acme, ticket("sell", "10", "limit", limit_price="120"), purpose=Purpose.EXIT_TAKE_PROFIT)

    done = halting.halt(alice, Target(alice, "simulation", account), level=3, note="enough", at=timezone.now())

    entry.refresh_from_db()
    out.refresh_from_db()
    assert (done.canceled, entry.status, out.status) == (1, "canceled", "new")
    assert Position.objects.get(account=account).quantity == D(10)


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
