"""The desk as people meet it: positions, the blotter, the ticket, one order with its timeline."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Account, Portfolio, User
from tests.factories import make_account
from tests.trading.desk import cash, funded, placed, quoted, share, ticket
from trading import open_positions, orders, trades
from trading.models import Instrument, Order, OrderEvent, Position, Quote, Trade
from trading.order_rows import Intent, Request
from trading.trades import EnteredFill

pytestmark = pytest.mark.django_db

NEW = "/desk/orders/new/"


@pytest.fixture
def account(alice: User) -> Account:
    return funded(alice, name="Main")


@pytest.fixture
def acme(db: None) -> Instrument:
    made = share()
    quoted(made, "49.98", "50.02", bid_size="300", ask_size="200")
    return made


def text_of(response: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def form(**changes: str) -> dict[str, str]:
    """Buy 10 ACME at 49 at most, in the account Main."""
    asked = {
        "account": "Main", "symbol": "acme", "side": "buy", "type": "limit", "time_in_force": "day", "quantity": "10",
        "limit_price": "49", "order_class": "simple", "client_order_id": "ui-1",
    }  # fmt: skip
    return asked | changes


def key_in(page: str) -> str:
    found = re.search(r'name="client_order_id" value="([^"]+)"', page)
    assert found is not None
    return found[1]


# --- the ticket --------------------------------------------------------------------------------------


def test_a_sound_ticket_is_an_order_and_leads_to_its_page(
    alice_client: Client, account: Account, acme: Instrument
) -> None:
    page = alice_client.get(NEW).content.decode()
    sent = alice_client.post(NEW, form(client_order_id=key_in(page)))

    order = Order.objects.get()
    assert sent.headers["Location"] == f"/desk/orders/{order.public_id}/"
    assert (order.status, order.source, order.quantity, order.limit_price) == ("new", "ui", 10, 49)
    assert cash(account) == (Decimal(9510), Decimal(490))


def test_a_ticket_sent_twice_is_one_order(alice_client: Client, account: Account, acme: Instrument) -> None:
    first = alice_client.post(NEW, form())
    again = alice_client.post(NEW, form())

    assert Order.objects.count() == 1
    assert first.headers["Location"] == again.headers["Location"]


def test_another_ticket_under_the_same_id_asks_first(alice_client: Client, account: Account, acme: Instrument) -> None:
    alice_client.post(NEW, form())

    answer = alice_client.post(NEW, form(quantity="20"))

    page = answer.content.decode()
    assert answer.status_code == 409
    assert Order.objects.count() == 1
    assert "was an order already" in page
    assert alice_client.post(NEW, form(quantity="20", client_order_id=key_in(page))).status_code == 302
    assert Order.objects.count() == 2


def test_an_unsound_ticket_comes_back_with_every_reason_at_its_field_and_nothing_is_stored(
    alice_client: Client, account: Account, acme: Instrument
) -> None:
    answer = alice_client.post(NEW, form(type="stop_limit", limit_price="49.001", quantity="0.5"))

    page = answer.content.decode()
    assert answer.status_code == 422
    errors = dict(re.findall(r'id="error-(\w+)">(.*?)</div>\s*</div>', page, re.S))
    assert "needs a stop price" in errors["stop_price"]
    assert "steps of 0.01" in errors["limit_price"]
    assert "whole units" in page or "lots of 1" in page
    assert (Order.objects.count(), OrderEvent.objects.count()) == (0, 0)
    assert cash(account) == (Decimal(10000), Decimal(0))


def test_a_strategy_with_a_mark_that_hides_what_is_around_it_is_no_name(
    alice_client: Client, account: Account, acme: Instrument
) -> None:
    answer = alice_client.post(NEW, form(strategy="a\u202eb"))

    assert answer.status_code == 422
    assert "The character U+202E is not allowed here." in answer.content.decode()
    assert (Order.objects.count(), cash(account)) == (0, (Decimal(10000), Decimal(0)))


def test_what_the_account_refuses_is_kept_as_refused_and_linked_and_sets_nothing_aside(
    alice_client: Client, account: Account, acme: Instrument
) -> None:
    answer = alice_client.post(NEW, form(quantity="1000"))

    order = Order.objects.get()
    page = answer.content.decode()
    assert (answer.status_code, order.status) == (422, "rejected")
    assert f"/desk/orders/{order.public_id}/" in page
    assert "This sets aside 49000, and 10000 is available: reduce it to 204" in page
    assert cash(account) == (Decimal(10000), Decimal(0))
    assert alice_client.post(NEW, form(client_order_id=key_in(page))).status_code == 302


def test_accounts_and_symbols_of_others_cannot_be_ordered_in(
    alice_client: Client, bob: User, account: Account, acme: Instrument
) -> None:
    funded(bob, name="Theirs")
    share("SECRET")  # nobody quotes it, and only others have traded it

    page = alice_client.post(NEW, form(account="Theirs", symbol="SECRET")).content.decode()

    assert "You have no account of this name." in page
    assert "No instrument of this symbol can be ordered here." in page
    assert Order.objects.count() == 0


def test_the_check_says_what_would_be_set_aside_and_remain_and_stores_nothing(
    alice_client: Client, account: Account, acme: Instrument
) -> None:
    part = text_of(alice_client.post("/desk/orders/check/", form()))

    assert "49.98 300" in part
    assert "50.02 200" in part
    assert "Would be set aside 490.00 USD" in part
    assert "Available 10,000.00 USD" in part
    assert "Would remain 9,510.00 USD" in part
    assert "Nothing speaks against it." in part
    assert (Order.objects.count(), cash(account)) == (0, (Decimal(10000), Decimal(0)))


def test_the_check_does_not_blame_what_is_still_empty(alice_client: Client, account: Account, acme: Instrument) -> None:
    part = text_of(alice_client.post("/desk/orders/check/", form(quantity="", limit_price="49.001")))

    assert "Still to fill in: Quantity" in part
    assert "steps of 0.01" in part


def test_without_a_script_the_ticket_is_looked_at_by_a_button(
    alice_client: Client, account: Account, acme: Instrument
) -> None:
    page = text_of(alice_client.post(NEW, form(act="check")))

    assert "Would remain 9,510.00 USD" in page
    assert Order.objects.count() == 0


def test_the_close_of_a_position_is_filled_in(alice_client: Client, account: Account, acme: Instrument) -> None:
    placed(account, acme, ticket("buy", "100"))

    ledger = alice_client.get(f"/accounts/{account.public_id}/cash/").content.decode()
    assert f'<a href="/desk/orders/{Order.objects.get().public_id}/">Buy ACME</a>' in ledger
    page = alice_client.get(f"{NEW}?close={Trade.objects.get().public_id}").content.decode()

    assert '<option value="sell_to_close" selected>' in page
    assert re.search(r'name="quantity" value="100"', page)
    assert re.search(r'name="account" value="Main"', page)


def test_somebody_without_money_is_led_to_the_cash_page(alice_client: Client, alice: User) -> None:
    account = make_account(alice, "Empty")

    assert f"/accounts/{account.public_id}/cash/" in alice_client.get(NEW).content.decode()


def test_a_preview_opens_no_portfolio(alice: User, acme: Instrument) -> None:
    account = make_account(alice, "Empty")

    found = orders.preview(Request(account, acme, ticket("buy", "10", "limit", limit_price="49"), Intent()))

    assert [each.code for each in found.reasons] == ["insufficient_funds"]
    assert (found.available, found.left) == (0, -490)
    assert not Portfolio.objects.filter(account=account).exists()


# --- the blotter -------------------------------------------------------------------------------------


def test_the_blotter_shows_live_orders_and_tabs_by_their_end(
    alice_client: Client, account: Account, acme: Instrument
) -> None:
    live = placed(account, acme, ticket("buy", "10", "limit", limit_price="49"))
    filled = placed(account, acme, ticket("buy", "20"))
    canceled = placed(account, acme, ticket("buy", "30", "limit", limit_price="48"))
    orders.cancel(canceled)

    def shown(query: str) -> list[str]:
        page = alice_client.get(f"/desk/orders/{query}").content.decode()
        return re.findall(r'class="row" href="/desk/orders/([^/"]+)/"', page)

    assert shown("") == [str(live.public_id)]
    assert shown("?tab=filled") == [str(filled.public_id)]
    assert shown("?tab=canceled") == [str(canceled.public_id)]
    assert shown("?tab=all") == [str(each.public_id) for each in (live, canceled, filled)]
    assert shown("?symbol=NONE") == []
    assert alice_client.get("/desk/orders/?tab=odd").status_code == 400


def test_the_blotter_answers_htmx_with_the_table_alone(
    alice_client: Client, account: Account, acme: Instrument
) -> None:
    placed(account, acme, ticket("buy", "10", "limit", limit_price="49"))

    part = alice_client.get("/desk/orders/", headers={"HX-Request": "true"}).content.decode()

    assert "<table" in part
    assert "<html" not in part


def test_the_filter_of_accounts_applies(alice_client: Client, alice: User, account: Account, acme: Instrument) -> None:
    other = funded(alice, name="Other")
    placed(account, acme, ticket("buy", "10", "limit", limit_price="49"))
    placed(other, acme, ticket("buy", "30", "limit", limit_price="49"))

    page = text_of(alice_client.get(f"/desk/orders/?account={other.public_id}"))

    assert "Buy 30 ACME" in page
    assert "Buy 10 ACME" not in page


def test_an_order_is_canceled_in_the_version_that_was_shown(
    alice_client: Client, account: Account, acme: Instrument
) -> None:
    order = placed(account, acme, ticket("buy", "10", "limit", limit_price="49"))
    address = f"/desk/orders/{order.public_id}/cancel/"

    moved = alice_client.post(address, {"version": "7", "next": "/desk/orders/"}, follow=True)
    assert "This order has moved on" in moved.content.decode()
    order.refresh_from_db()
    assert order.status == "new"

    done = alice_client.post(address, {"version": str(order.version), "next": "https://elsewhere.example/"})
    assert done.headers["Location"] == f"/desk/orders/{order.public_id}/"
    order.refresh_from_db()
    assert (order.status, cash(account)) == ("canceled", (Decimal(10000), Decimal(0)))


def test_all_that_is_shown_is_canceled_but_for_what_has_moved_on(
    alice_client: Client, account: Account, acme: Instrument
) -> None:
    one = placed(account, acme, ticket("buy", "10", "limit", limit_price="49"))
    two = placed(account, acme, ticket("buy", "20", "limit", limit_price="48"))

    page = alice_client.post(
        "/desk/orders/cancel/",
        {"order": [f"{one.public_id}:{one.version}", f"{two.public_id}:{two.version + 1}"]},
        follow=True,
    )

    assert "1 order canceled. 1 has moved on and was left." in page.content.decode()
    assert [Order.objects.get(pk=each.pk).status for each in (one, two)] == ["canceled", "new"]


# --- one order ---------------------------------------------------------------------------------------


def test_the_page_of_an_order_tells_its_fills_slippage_and_timeline(
    alice_client: Client, account: Account, acme: Instrument
) -> None:
    alice_client.post(NEW, form(type="market", limit_price=""))
    order, trade = Order.objects.get(), Trade.objects.get()

    page = alice_client.get(f"/desk/orders/{order.public_id}/")

    words = text_of(page)
    assert "Filled 10 Remaining 0" in words
    assert "against 50.02" in words
    assert re.search(r"Placed .* you .*At work .* Fill 10 @ 50.02", words)
    assert f"/trades/{trade.public_id}/" in page.content.decode()
    assert f"/desk/orders/{order.public_id}/" in alice_client.get(f"/trades/{trade.public_id}/").content.decode()


def test_the_page_of_an_order_reads_itself_anew_until_the_order_has_ended(
    alice_client: Client, account: Account, acme: Instrument
) -> None:
    order = placed(account, acme, ticket("buy", "10", "limit", limit_price="49"))
    path = f"/desk/orders/{order.public_id}/"
    asks = f'data-polls hx-get="{path}" hx-trigger="every 4s" hx-select="#order-stands"'

    page = alice_client.get(path).content.decode()
    assert asks in page
    for part in ("order-stands", "order-status", "order-version", "order-events"):
        assert page.count(f'id="{part}"') == 1, part
    # A refused replacement stands at another address, which cannot be asked again.
    assert asks in alice_client.post(f"{path}replace/", {"quantity": "x"}).content.decode()

    orders.cancel(order)
    ended = alice_client.get(path)
    assert 'hx-trigger="every' not in ended.content.decode()
    # Its forms have nothing more to do; who came by themselves are led nowhere.
    assert (alice_client.get(path, headers={"HX-Request": "true"}).headers["HX-Redirect"], "HX-Redirect" in ended) == (
        path,
        False,
    )


def test_an_order_is_replaced_by_form(alice_client: Client, account: Account, acme: Instrument) -> None:
    order = placed(account, acme, ticket("buy", "10", "limit", limit_price="49"))
    sent = {"quantity": "20", "limit_price": "48", "version": str(order.version), "client_order_id": "ui-2"}
    address = f"/desk/orders/{order.public_id}/replace/"

    answer = alice_client.post(address, sent)

    made = Order.objects.get(replaces=order)
    assert answer.headers["Location"] == f"/desk/orders/{made.public_id}/"
    assert (made.quantity, made.limit_price, cash(account)) == (20, 48, (Decimal(9040), Decimal(960)))
    assert alice_client.post(address, sent).headers["Location"] == answer.headers["Location"]
    assert Order.objects.count() == 2


def test_a_replacement_of_what_has_moved_on_says_what_changed_and_changes_nothing(
    alice_client: Client, account: Account, acme: Instrument
) -> None:
    order = placed(account, acme, ticket("buy", "10", "limit", limit_price="49"))
    seen = order.events.order_by("-id").values_list("id", flat=True)[0]
    quoted(acme, "48.90", "48.95", ask_size="4")

    answer = alice_client.post(
        f"/desk/orders/{order.public_id}/replace/",
        {"quantity": "20", "limit_price": "48", "version": "1", "seen": str(seen), "client_order_id": "ui-2"},
    )

    page = answer.content.decode()
    assert answer.status_code == 409
    assert Order.objects.count() == 1
    assert page.count('class=" is-new"') == 1
    assert "4 @ 48.95" in text_of(answer)


def test_a_replacement_that_is_refused_keeps_what_was_typed_and_the_order(
    alice_client: Client, account: Account, acme: Instrument
) -> None:
    order = placed(account, acme, ticket("buy", "10", "limit", limit_price="49"))

    answer = alice_client.post(
        f"/desk/orders/{order.public_id}/replace/",
        {"quantity": "1000", "limit_price": "49", "version": str(order.version), "client_order_id": "ui-2"},
    )

    assert answer.status_code == 422
    assert 'value="1000"' in answer.content.decode()
    assert [each.status for each in Order.objects.all()] == ["new"]
    assert cash(account) == (Decimal(9510), Decimal(490))


@pytest.mark.parametrize("act", ["", "cancel/", "replace/"])
def test_an_order_of_somebody_else_is_not_found(
    bob_client: Client, account: Account, acme: Instrument, act: str
) -> None:
    order = placed(account, acme, ticket("buy", "10", "limit", limit_price="49"))
    address = f"/desk/orders/{order.public_id}/{act}"

    answer = bob_client.post(address) if act else bob_client.get(address)

    assert answer.status_code == 404
    assert Order.objects.get().status == "new"
    bob_client.post("/desk/orders/cancel/", {"order": f"{order.public_id}:{order.version}"})
    assert Order.objects.get().status == "new"


# --- positions ---------------------------------------------------------------------------------------


def hold(account: Account, instrument: Instrument, side: str, quantity: str, price: str) -> Position:
    fill = EnteredFill(side, Decimal(quantity), Decimal(price), timezone.now() - timedelta(hours=1))
    (trade,) = trades.enter(account, instrument=instrument, fills=[fill])
    return Position.objects.get(trade=trade)


def test_positions_are_marked_at_the_price_that_would_close_them(
    alice_client: Client, alice: User, account: Account, acme: Instrument
) -> None:
    hold(account, acme, "buy", "100", "49")
    short = share("SHRT")
    quoted(short, "19", "20")
    hold(account, short, "sell", "10", "21")
    euro = share("EURO", currency="EUR")
    hold(make_account(alice, "Europe", currency="EUR"), euro, "buy", "5", "10")

    page = text_of(alice_client.get("/desk/"))

    assert "+98.00 USD 2.0%" in page  # 100 x (49.98 - 49), of 4,900
    assert "+10.00 USD 4.8%" in page  # 10 x (21 - 20), of 210
    assert "USD 2 positions · unrealized +108.00 2.1%" in page
    assert "EUR 1 position · unrealized –" in page
    assert "1 without a fresh price is not part of it" in page


def test_a_stale_quote_marks_nothing(account: Account, acme: Instrument) -> None:
    position = hold(account, acme, "buy", "100", "49")
    Quote.objects.update(quoted_at=timezone.now() - timedelta(minutes=6))

    found = open_positions.standing_of(Position.objects.get(pk=position.pk), now=timezone.now())

    assert (found.mark, found.unrealized, found.ratio) == (None, None, None)


@pytest.mark.parametrize(("is_buy", "worse"), [(True, Decimal("0.02")), (False, Decimal("-0.02"))])
def test_slippage_is_above_zero_where_the_fill_was_worse(is_buy: bool, worse: Decimal) -> None:
    assert open_positions.slippage(is_buy=is_buy, filled=Decimal("50.04"), reference=Decimal("50.02")) == worse
    assert open_positions.slippage(is_buy=is_buy, filled=None, reference=Decimal("50.02")) is None
