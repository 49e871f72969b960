"""A real browser goes the way a trader goes: sign up, import, dashboard, trade, edit, dashboard again."""

from pathlib import Path
from typing import Any

import pytest
from pytest_django.live_server_helper import LiveServer

from tests.browser.conftest import no_sideways_scroll, sign_up

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

FILE = b"""Date,Time,Symbol,Quantity,Price,Side,Commission,TransFee,ECNFee
2026-03-02,15:00:00,AAPL,10,100.00,Buy,0,0,0
2026-03-02,16:00:00,AAPL,10,103.50,Sell,1.00,0,0
2026-03-03,15:00:00,MSFT,5,200.00,Short,0,0,0
2026-03-03,16:00:00,MSFT,5,202.00,Buy to cover,1.00,0,0
"""


def kpi(page: Any, label: str) -> str:
    """The value of a key figure."""
    return str(page.locator(".kpi", has_text=label).first.locator(".kpi-value").inner_text())


def test_from_sign_up_to_an_edited_trade(page: Any, live_server: LiveServer, tmp_path: Path) -> None:
    address = live_server.url
    sign_up(page, address)
    assert "Bring in what you traded" in page.inner_text("main")

    page.click("main a:has-text('Import a file')")
    file = tmp_path / "executions.csv"
    file.write_bytes(FILE)
    page.set_input_files("input[type=file]", str(file))
    page.click("button:has-text('Look into it')")
    page.wait_for_selector("h2:has-text('Accounts in the file')")
    no_sideways_scroll(page)
    page.select_option("select[name=to_0]", "create")
    page.fill("input[name=name_0]", "Swing")
    page.click("button:has-text('Look again')")
    page.click("button:has-text('Import 4 fills')")
    page.wait_for_selector("text=See the trades")
    no_sideways_scroll(page)

    page.goto(f"{address}/")
    assert kpi(page, "Net P&L") == "+23.00"
    assert kpi(page, "Win rate") == "50.0%"
    if page.locator("[data-curve]").count() and page.evaluate("'LightweightCharts' in window"):
        page.wait_for_selector(".chart.is-live canvas")
    no_sideways_scroll(page)

    page.click("section:has(h2:has-text('Recent trades')) a.row:has-text('MSFT')")
    page.fill("input[name=initial_stop]", "201")
    page.fill("input[name=tags]", "late")
    page.fill("textarea[name=note]", "Too early.")
    page.click("main button:has-text('Save')")
    page.wait_for_selector(".chip:has-text('late')")
    assert "\N{MINUS SIGN}2.20R" in page.inner_text("main")
    no_sideways_scroll(page)

    page.click("main a:has-text('Edit fills')")
    page.fill("input[name=fills-1-price]", "190")
    page.click("button:has-text('Save the fills')")
    page.wait_for_selector("text=every figure follows")
    assert "+49.00 USD" in page.inner_text("main")

    page.goto(f"{address}/")
    assert kpi(page, "Net P&L") == "+83.00"
    assert kpi(page, "Win rate") == "100.0%"


def test_keys_theme_and_menus(page: Any, live_server: LiveServer) -> None:
    address = live_server.url
    sign_up(page, address)

    page.keyboard.press("?")
    assert page.locator("dialog#help").is_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("t")
    page.wait_for_url(f"{address}/trades/")
    page.keyboard.press("g")
    page.keyboard.press("i")
    page.wait_for_url(f"{address}/imports/")
    page.keyboard.press("n")  # nothing to make on this page

    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    with page.expect_response(f"{address}/theme/"):
        page.click("button[aria-label^='Switch']")
    switched = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert switched != before
    page.reload()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == switched


@pytest.mark.parametrize("javascript", [True, False], ids=["script", "no script"])
def test_a_trade_is_entered_by_hand(browser: Any, live_server: LiveServer, javascript: bool) -> None:
    address = live_server.url
    context = browser.new_context(java_script_enabled=javascript, viewport={"width": 1200, "height": 900})
    page = context.new_page()
    page.set_default_timeout(20_000)
    sign_up(page, address)
    page.goto(f"{address}/accounts/new/")
    page.fill("input[name=name]", "Main")
    page.click("main form >> button:has-text('Add account')")
    page.wait_for_selector("h1:has-text('Main')")
    page.goto(f"{address}/trades/new/")
    page.fill("input[name=account]", "Main")
    page.fill("main input[name=symbol]", "AAPL")
    page.click("button:has-text('More rows')")
    page.wait_for_selector("input[name=fills-4-price]")
    for number, side, price, hour in ((0, "buy", "100", 10), (1, "buy", "102", 11), (4, "sell", "111", 12)):
        row = f"fills-{number}"
        page.select_option(f"select[name={row}-side]", side)
        page.fill(f"input[name={row}-quantity]", "2" if side == "sell" else "1")
        page.fill(f"input[name={row}-price]", price)
        page.fill(f"input[name={row}-executed_at]", f"2026-03-02T{hour}:00:00")

    page.click("button:has-text('Add the trade')")
    page.wait_for_selector("text=The trade was added.")

    assert "+20.00 USD" in page.inner_text("main")
    context.close()
