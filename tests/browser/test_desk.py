"""An order from the ticket to its end, by keyboard alone."""

from decimal import Decimal
from typing import Any

import pytest
from pytest_django.live_server_helper import LiveServer

from tests.browser.conftest import come_in, no_sideways_scroll, until
from tests.factories import make_user
from tests.trading.desk import funded, placed, quoted, share, ticket
from trading import exit_plans
from trading.exits.plans import simple_plan
from trading.models import Order

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_an_order_is_placed_watched_and_canceled_by_keyboard(wide_page: Any, live_server: LiveServer) -> None:
    page, person = wide_page, make_user("carol@example.com")
    funded(person, name="Main")
    acme = share()
    quoted(acme, "49.98", "50.02")
    come_in(page, live_server.url, "/desk/orders/", person=person)

    page.keyboard.press("n")
    page.wait_for_url("**/desk/orders/new/**")
    keys = page.keyboard
    page.wait_for_selector("#id_symbol:focus")
    keys.type("acme")
    page.focus("#id_quantity")
    keys.type("10")
    # A limit order has no stop and no trail: what it has not cannot be reached.
    assert page.locator("#id_stop_price").is_hidden()
    assert page.locator("#id_trail_price").is_disabled()
    page.focus("#id_limit_price")
    keys.type("49.001")
    until(page, lambda: "steps of 0.01" in page.inner_text("#error-limit_price"))
    until(page, lambda: page.get_attribute("#id_limit_price", "aria-invalid") == "true")
    assert page.evaluate("document.activeElement.id") == "id_limit_price"
    keys.press("Backspace")
    keys.press("Backspace")
    until(page, lambda: "9,510.00" in page.inner_text("#ticket-check"))
    until(page, lambda: page.inner_text("#error-limit_price") == "")
    no_sideways_scroll(page)
    keys.press("Enter")
    page.wait_for_selector("h1:has-text('Buy 10 ACME')")

    # What is being asked would be cut off, and the browser complains of that.
    page.wait_for_load_state("networkidle")
    page.goto(f"{live_server.url}/desk/orders/")
    assert "Working" in page.inner_text("#orders")
    no_sideways_scroll(page)
    # It is watched: what happens to it is seen without a key, but not while somebody is in the table.
    keys.press("j")
    page.wait_for_selector("#orders a.row:focus")
    quoted(acme, "48.90", "48.95", ask_size="4")
    page.wait_for_timeout(5000)
    assert "Partly filled" not in page.inner_text("#orders")
    page.evaluate("document.activeElement.blur()")
    until(page, lambda: "Partly filled" in page.inner_text("#orders"))

    page.focus("#orders [data-cancel]")
    keys.press("Enter")
    page.wait_for_selector("#confirm[open]")
    keys.press("Tab")
    keys.press("Enter")
    until(page, lambda: "No order is at work." in page.inner_text("#orders"))
    order = Order.objects.get()
    assert (order.status, order.filled_quantity, order.reserved_amount) == ("canceled", 4, 0)


def test_a_plan_and_an_order_follow_the_market_without_a_key(wide_page: Any, live_server: LiveServer) -> None:
    page, person = wide_page, make_user("dave@example.com")
    account, acme = funded(person, name="Main"), share()
    quoted(acme, "99", "100")
    placed(account, acme, ticket("buy", "10"))
    plan = exit_plans.open_plan(account, acme, plan=simple_plan(stop_loss=Decimal("0.2")))
    waits = placed(account, acme, ticket("buy", "5", "limit", limit_price="90"))
    come_in(page, live_server.url, f"/desk/plans/{plan.public_id}/", person=person)
    assert "99.00" in page.inner_text("#plan-stands")

    quoted(acme, "101.50", "101.60")
    until(page, lambda: "101.50" in page.inner_text("#plan-stands"))
    # What is being asked would be cut off, and the browser complains of that.
    page.wait_for_load_state("networkidle")
    page.goto(f"{live_server.url}/desk/plans/")
    quoted(acme, "102.50", "102.60")
    until(page, lambda: "102.50" in page.inner_text("#plans"))

    # What is being asked would be cut off, and the browser complains of that.
    page.wait_for_load_state("networkidle")
    page.goto(f"{live_server.url}/desk/orders/{waits.public_id}/")
    before = page.get_attribute("#order-version", "value")
    quoted(acme, "89", "89.50", ask_size="2")
    until(page, lambda: "Partly filled" in page.inner_text("#order-status"))
    assert page.get_attribute("#order-version", "value") != before
    assert "89.50" in page.inner_text("#order-events")
    quoted(acme, "89", "89.50")
    until(page, lambda: page.inner_text("#order-status").strip() == "Filled")
    assert page.get_attribute("#order-stands", "hx-trigger") is None
    assert page.get_attribute("#order-stands", "class") == "w8 stack"
