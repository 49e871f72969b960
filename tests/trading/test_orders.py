"""Orders placed, replaced, canceled and ended here: what they set aside and pay, to the cent."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import Sum
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.errors import IdempotencyConflict, InvalidValue
from accounts.models import Account, LedgerEntry, User
from tests.trading.desk import cash, executed, funded, placed, quoted, share, ticket
from trading import halting, orders
from trading.errors import InvalidState, OrderRefused, VersionConflict
from trading.models import Execution, Instrument, Order, Position, Quote, Trade
from trading.order_rules.vocabulary import PositionIntent, Purpose
from trading.order_tickets import has_expired
from trading.risk.breakers import Target
from trading.venues import paper

pytestmark = pytest.mark.django_db
D = Decimal
_WRITE = PositionIntent.SELL_TO_OPEN


def test_the_golden_run_reserves_pays_and_releases_to_the_cent(account: Account, acme: Instrument) -> None:
    order = placed(account, acme, ticket("buy", "100", "limit", limit_price="50"))
    assert (order.status, cash(account)) == ("new", (D(5000), D(5000)))
    orders.record(order, [executed("1", "40", "49.50")], source="paper")
    assert cash(account) == (D(5020), D(3000))
    orders.record(order, [executed("2", "30", "50")], source="paper")
    assert cash(account) == (D(5020), D(1500))
    order = orders.cancel(order)

    assert cash(account) == (D(6520), D(0))
    assert (order.status, order.filled_quantity) == ("canceled", D(70))
    assert order.filled_average_price == D("49.714285714286")
    sums = LedgerEntry.objects.filter(portfolio__account=account).aggregate(
        available=Sum("available_change"), reserved=Sum("reserved_change")
    )
    assert sums == {"available": D(6520), "reserved": D(0)}


def test_the_golden_run_by_quotes_returns_what_a_better_offer_saves(account: Account, acme: Instrument) -> None:
    order = placed(account, acme, ticket("buy", "100", "limit", limit_price="50"))
    assert cash(account) == (D(5000), D(5000))

    quoted(acme, "49.40", "49.50", ask_size="40")
    assert cash(account) == (D(5020), D(3000))
    quoted(acme, "49.90", "50", ask_size="30")
    assert cash(account) == (D(5020), D(1500))
    order = orders.cancel(order)

    assert (cash(account), order.filled_quantity) == ((D(6520), D(0)), D(70))


def test_what_is_bought_and_sold_here_is_a_trade_like_any_other(account: Account, acme: Instrument) -> None:
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


def test_an_unsound_order_is_not_stored(account: Account, acme: Instrument) -> None:
    with pytest.raises(OrderRefused) as refused:
        orders.place(account, instrument=acme, ticket=ticket("buy", "10", "limit", limit_price="50.005"))

    assert [reason.code for reason in refused.value.reasons] == ["tick", "decimals"]
    assert not Order.objects.exists()
    assert cash(account) == (D(10000), D(0))


def test_the_same_client_id_is_one_order_and_another_request_under_it_is_refused(
    account: Account, acme: Instrument
) -> None:
    asked = ticket("buy", "10", "limit", limit_price="100")
    first = placed(account, acme, asked, "mine-1")

    again = orders.place(account, instrument=acme, ticket=asked, intent=orders.Intent(client_order_id="mine-1"))
    with pytest.raises(IdempotencyConflict):
        placed(account, acme, ticket("buy", "11", "limit", limit_price="100"), "mine-1")

    assert (again.order.pk, again.is_new) == (first.pk, False)
    assert Order.objects.count() == 1
    assert cash(account) == (D(9000), D(1000))


def test_replacing_10_at_10_by_10_at_8_frees_20_and_continues_the_chain(account: Account, acme: Instrument) -> None:
    order = placed(account, acme, ticket("buy", "10", "limit", limit_price="10"))

    successor = orders.replace_order(order, ticket=ticket("buy", "10", "limit", limit_price="8"), version=1).order

    order.refresh_from_db()
    assert cash(account) == (D(9920), D(80))
    assert (order.status, order.version, successor.status) == ("replaced", 2, "new")
    assert (successor.replaces, successor.chain_id) == (order, order.chain_id)


def test_a_replacement_that_cannot_be_paid_leaves_the_order_as_it_was(account: Account, acme: Instrument) -> None:
    order = placed(account, acme, ticket("buy", "10", "limit", limit_price="10"))

    with pytest.raises(OrderRefused) as refused:
        orders.replace_order(order, ticket=ticket("buy", "2000", "limit", limit_price="10"))

    assert [reason.code for reason in refused.value.reasons] == ["insufficient_funds"]
    order.refresh_from_db()
    assert (order.status, order.version, cash(account)) == ("new", 1, (D(9900), D(100)))
    assert Order.objects.count() == 1


def test_a_replacement_under_an_id_that_an_order_has_is_refused_and_the_order_stands(
    account: Account, acme: Instrument
) -> None:
    at_10, at_9 = (ticket("buy", "10", "limit", limit_price=price) for price in ("10", "9"))
    order, other = placed(account, acme, at_10, "mine-1"), placed(account, acme, at_9, "mine-2")

    # Each names a request that was made before in the same words.
    for name, wanted in (("mine-1", at_10), ("mine-2", at_9)):
        with pytest.raises(IdempotencyConflict):
            orders.replace_order(order, ticket=wanted, client_order_id=name)

    for each in (order, other):
        each.refresh_from_db()
        assert (each.status, each.version) == ("new", 1)
    assert (Order.objects.count(), cash(account)) == (2, (D(9810), D(190)))


def test_a_replacement_that_is_asked_for_again_under_its_id_is_the_first_one(
    account: Account, acme: Instrument
) -> None:
    order = placed(account, acme, ticket("buy", "10", "limit", limit_price="10"))
    orders.record(order, [executed("1", "3", "10")], source="paper")
    order.refresh_from_db()
    at_8, at_7 = (ticket("buy", "10", "limit", limit_price=price) for price in ("8", "7"))

    first = orders.replace_order(order, ticket=at_8, client_order_id="r-1", version=order.version)
    again = orders.replace_order(order, ticket=at_8, client_order_id="r-1", version=order.version)
    with pytest.raises(IdempotencyConflict):
        orders.replace_order(order, ticket=at_7, client_order_id="r-1", version=order.version)

    assert (first.is_new, again.is_new, again.order) == (True, False, first.order)
    assert (first.order.quantity, Order.objects.count(), cash(account)) == (D(7), 2, (D(9914), D(56)))


def test_a_successor_that_is_replaced_counts_what_it_has_filled_itself(account: Account, acme: Instrument) -> None:
    first = placed(account, acme, ticket("buy", "10", "limit", limit_price="10"))
    orders.record(first, [executed("1", "3", "10")], source="paper")
    second = orders.replace_order(first, ticket=ticket("buy", "12", "limit", limit_price="10")).order
    orders.record(second, [executed("2", "2", "10")], source="paper")
    third = orders.replace_order(second, ticket=ticket("buy", "10", "limit", limit_price="10")).order

    assert (second.quantity, third.quantity) == (D(9), D(8))
    assert cash(account) == (D(9870), D(80))


@pytest.mark.parametrize("name", ["a\x07b", "x" * 129, "\u202eab", "mp:0198c0c0:1", "signal:7"])
def test_what_is_no_client_id_of_a_person_replaces_nothing(account: Account, acme: Instrument, name: str) -> None:
    asked = ticket("buy", "10", "limit", limit_price="10")
    order = placed(account, acme, asked)

    with pytest.raises(InvalidValue):
        orders.replace_order(order, ticket=asked, client_order_id=name)

    order.refresh_from_db()
    assert (order.status, Order.objects.count(), cash(account)) == ("new", 1, (D(9900), D(100)))


def test_a_stale_version_and_an_ended_order_are_refused(account: Account, acme: Instrument) -> None:
    order = placed(account, acme, ticket("buy", "10", "limit", limit_price="10"))
    with pytest.raises(VersionConflict):
        orders.cancel(order, version=7)
    orders.cancel(order, version=1)

    with pytest.raises(InvalidState):
        orders.cancel(order)

    assert order.events.count() == 4  # placed, new, pending_cancel, canceled
    assert cash(account) == (D(10000), D(0))


def test_units_on_their_way_out_cannot_be_sold_twice(account: Account, acme: Instrument) -> None:
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


def test_a_future_keeps_its_margin_for_as_long_as_it_is_open(account: Account) -> None:
    future = share("ES", kind="future", tick_size=D("0.25"), multiplier=D(50), margin=D(4000))
    quoted(future, "100", "100")

    asked = [("buy", "2"), ("buy", "1"), ("sell", "1"), ("buy", "1")]
    statuses = [placed(account, future, ticket(side, quantity)).status for side, quantity in asked]

    assert statuses == ["filled", "rejected", "filled", "filled"]
    assert Position.objects.get().quantity == D(2)


def test_a_quote_fills_no_more_than_its_size_and_the_older_order_is_first_at_the_next(
    alice: User, bob: User, acme: Instrument
) -> None:
    quoted(acme, "9", "10", bid_size="3", ask_size="5")
    book = []
    for owner, quantity, in_force in ((alice, "8", "gtc"), (bob, "4", "gtc"), (bob, "9", "ioc")):
        asked = ticket("buy", quantity, "limit", limit_price="10", time_in_force=in_force)
        book.append(placed(funded(owner), acme, asked))

    def filled() -> list[tuple[Decimal, str]]:
        for order in book:
            order.refresh_from_db()
        return [(order.filled_quantity, order.status) for order in book]

    assert filled() == [(D(5), "partially_filled"), (D(0), "new"), (D(0), "canceled")]
    # The same quote, told again, is the same five.
    quoted(acme, "9", "10", bid_size="3", ask_size="5", at=Quote.objects.get().quoted_at)
    assert filled()[:2] == [(D(5), "partially_filled"), (D(0), "new")]
    quoted(acme, "9", "10", ask_size="5")
    assert filled()[:2] == [(D(8), "filled"), (D(2), "partially_filled")]


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


def test_the_accounts_of_all_orders_that_meet_are_held_in_one_order(
    account: Account, acme: Instrument, bob: User
) -> None:
    """Two instruments that are matched at once, each holding one account and then another, would end each other."""
    quoted(acme, "10", "10")
    placed(account, acme, ticket("buy", "5"))
    Quote.objects.all().delete()
    placed(account, acme, ticket("sell", "5", "limit", limit_price="11"))
    comes = orders.place(funded(bob), instrument=acme, ticket=ticket("buy", "5", "limit", limit_price="11")).order
    # As it is where both came at once, and neither saw the other.
    Order.objects.filter(pk=comes.pk).update(is_resting=True)

    with CaptureQueriesContext(connection) as made:
        assert paper.arrived(acme.pk, [comes.pk]) == 2

    holding = [each["sql"] for each in made if each["sql"].startswith("SELECT id FROM accounts_account")]
    assert f"{{{account.pk},{comes.account_id}}}" in holding[0]


def test_a_day_order_ends_with_the_accounts_day(account: Account, acme: Instrument) -> None:
    order = placed(account, acme, ticket("buy", "10", "limit", limit_price="10", time_in_force="day"))
    orders.expire(order)
    order.refresh_from_db()
    assert order.status == "new"
    Order.objects.filter(pk=order.pk).update(expires_at=timezone.now() - timedelta(seconds=1))

    orders.expire(order)

    order.refresh_from_db()
    assert (order.status, cash(account)) == ("expired", (D(10000), D(0)))


def test_an_order_for_an_opening_or_a_close_outlives_no_day(account: Account, acme: Instrument) -> None:
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


def test_the_database_refuses_an_order_that_cannot_be(account: Account, acme: Instrument) -> None:
    order = orders.cancel(placed(account, acme, ticket("buy", "10", "limit", limit_price="10")))

    for change, constraint in (
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
    ):
        with pytest.raises(IntegrityError, match=constraint), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"UPDATE trading_order SET {change} WHERE id = %s", [order.pk])


def test_what_is_filled_while_the_quote_is_replaced_is_not_taken_of_the_new_one(
    account: Account, acme: Instrument, monkeypatch: pytest.MonkeyPatch
) -> None:
    placed(account, acme, ticket("buy", "8", "limit", limit_price="10"))
    judged = paper._judged

    def judged_and_replaced(*args: Any) -> Any:
        found = judged(*args)
        Quote.objects.update(ask_size=D(2), ask_taken=0)
        return found

    monkeypatch.setattr(paper, "_judged", judged_and_replaced)
    quoted(acme, "9", "10", ask_size="5")

    assert Order.objects.get().filled_quantity == D(5)
    assert (Quote.objects.get().ask_size, Quote.objects.get().ask_taken) == (D(2), D(0))
