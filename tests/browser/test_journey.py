"""What traders do, from the first page to taking everything elsewhere, and what they cannot do to each other."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from journal.models import Attachment
from tests.browser.conftest import PATIENCE, come_in, no_sideways_scroll, sign_up, until
from tests.factories import make_account, make_user
from tests.journal.factories import make_trade
from trading.models import Trade

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

_HEAD = "Date,Time,Symbol,Quantity,Price,Side,Commission,TransFee,ECNFee\n"
#: By the name of the account: AAPL makes 35 less 1, MSFT loses 10 and 1; NVDA makes 40 less 1; the last one 200 less 2.
FILES = {
    "Swing": _HEAD
    + "2026-03-02,15:00:00,AAPL,10,100.00,Buy,0,0,0\n2026-03-02,16:00:00,AAPL,10,103.50,Sell,1.00,0,0\n"
    + "2026-03-03,15:00:00,MSFT,5,200.00,Short,0,0,0\n2026-03-03,16:00:00,MSFT,5,202.00,Buy to cover,1.00,0,0\n",
    "Day": _HEAD + "2026-03-04,15:00:00,NVDA,4,100.00,Buy,0,0,0\n2026-03-04,15:30:00,NVDA,4,110.00,Sell,1.00,0,0\n",
    "Long": _HEAD
    + "2026-03-05,15:00:00,AAPL,100,100.00,Buy,1.00,0,0\n2026-03-09,15:30:00,AAPL,100,102.00,Sell,1.00,0,0\n",
}
NET = "+260.00"
#: With the last one sold a dollar higher.
EDITED = "+360.00"


def import_file(page: Any, address: str, folder: Path, *, account: str, fills: int) -> None:
    """The file of this account went the way of every upload."""
    file = folder / f"{account}.csv"
    file.write_text(FILES[account])
    page.goto(f"{address}/imports/")
    page.set_input_files("input[type=file]", str(file))
    page.click("button:has-text('Look into it')")
    page.wait_for_selector("h2:has-text('Accounts in the file')")
    page.select_option("select[name=to_0]", "create")
    page.fill("input[name=name_0]", account)
    page.click("button:has-text('Look again')")
    page.click(f"button:has-text('Import {fills} fills')")
    page.wait_for_selector("text=See the trades")


def figures(page: Any, address: str) -> list[str]:
    """The key figures of the dashboard, as they are shown."""
    page.goto(f"{address}/")
    page.wait_for_selector(".kpi-value")
    return [words.replace("\n", " ") for words in page.locator(".kpi").all_inner_texts() if "Today" not in words]


def picture() -> bytes:
    kept = BytesIO()
    Image.new("RGB", (320, 180), "#203050").save(kept, "PNG")
    return kept.getvalue()


@pytest.fixture
def elsewhere(browser: Any) -> Iterator[Any]:
    """A window of somebody else."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    opened = context.new_page()
    opened.set_default_timeout(PATIENCE)
    yield opened
    context.close()


def test_from_the_first_page_to_the_same_numbers_elsewhere(
    wide_page: Any, elsewhere: Any, live_server: LiveServer, tmp_path: Path
) -> None:
    page, address = wide_page, live_server.url
    sign_up(page, address)
    assert "0 of 5 done" in page.inner_text("main")

    for account, fills in (("Swing", 4), ("Day", 2), ("Long", 2)):
        import_file(page, address, tmp_path, account=account, fills=fills)
    assert any(NET in words for words in figures(page, address))
    assert "2 of 5 done" in page.inner_text("main")

    page.goto(f"{address}/trades/")
    page.fill(".trade-filters input[name=symbol]", "AAPL")
    page.click(".trade-filters button:has-text('Filter')")
    page.wait_for_selector("#trade-sums:has-text('+232.00')")
    page.click("a.row:has-text('AAPL') >> nth=0")
    page.wait_for_selector("h1:has-text('AAPL')")
    trade_address = page.url.partition("?")[0]
    page.fill(".mark-tags [role=combobox]", "late")
    page.keyboard.press("Enter")
    page.wait_for_selector(".chip:has-text('late')")
    page.fill("input[name=initial_stop]", "99")
    page.fill("textarea[name=note]", "Too **early**.")
    page.click("section:has(#words-title) button:text-is('Save'):visible")
    page.wait_for_selector(".words strong:has-text('early')")
    until(page, lambda: "+1.98R" in page.inner_text("main"))  # 198 for a risk of 100
    page.set_input_files(
        ".file-drop input[type=file]", {"name": "chart.png", "mimeType": "image/png", "buffer": picture()}
    )
    page.wait_for_selector(".thumbs img")
    no_sideways_scroll(page)

    page.click("main a:has-text('Edit fills')")
    page.fill("input[name=fills-1-price]", "103")
    page.click("button:has-text('Save the fills')")
    page.wait_for_selector("text=every figure follows")
    until(page, lambda: "+298.00 USD" in page.inner_text("main"))
    until(page, lambda: "+2.98R" in page.inner_text("main"))
    assert any(EDITED in words for words in figures(page, address))

    page.goto(f"{address}/reports/")
    page.goto(f"{address}/reports/by/?by=symbol")
    assert "+332.00" in page.inner_text(".report-table tr:has-text('AAPL')")
    page.goto(f"{address}/everything/")
    page.click("button:has-text('Export everything')")
    page.wait_for_selector("a:has-text('Download')")
    with page.expect_download() as downloading:
        page.click("a:has-text('Download')")
    archive = tmp_path / "everything.zip"
    downloading.value.save_as(archive)
    mine = figures(page, address)

    sign_up(elsewhere, address, "dave@example.com")
    answer = elsewhere.goto(trade_address)
    assert answer.status == 404
    elsewhere.goto(f"{address}/trades/")
    assert "AAPL" not in elsewhere.inner_text("main")
    elsewhere.goto(f"{address}/everything/")
    elsewhere.set_input_files("#archive-file", str(archive))
    elsewhere.click("button:has-text('Import everything')")
    elsewhere.wait_for_selector("td:has-text('Done')")
    assert figures(elsewhere, address) == mine
    assert {each.owner.email for each in Attachment.objects.select_related("owner")} == {
        "carol@example.com",
        "dave@example.com",
    }


def test_an_import_is_taken_back(wide_page: Any, live_server: LiveServer, tmp_path: Path) -> None:
    page, address = wide_page, live_server.url
    sign_up(page, address)
    import_file(page, address, tmp_path, account="Swing", fills=4)
    import_file(page, address, tmp_path, account="Day", fills=2)
    assert any("+62.00" in words for words in figures(page, address))

    page.goto(f"{address}/imports/")
    page.click("a.row:has-text('Day.csv')")
    page.click("main a:has-text('Undo')")
    page.click("button:has-text('Undo the import')")
    page.wait_for_selector(".chip:has-text('Undone')")

    assert any("+23.00" in words for words in figures(page, address))
    assert Trade.objects.count() == 2


@pytest.fixture
def trader() -> User:
    """Somebody with two accounts and a trade in each that nobody has looked at."""
    person = make_user("alice@example.com")
    for place, name in enumerate(("First", "Second")):
        account = make_account(person, name)
        opened = datetime(2026, 3, 2 + place, 15, tzinfo=UTC)
        make_trade(account, day=date(2026, 3, 2 + place), pnl=str(10 + place), opened=opened, symbol=f"SYM{place}")
    return person


@pytest.fixture
def hers(wide_page: Any, live_server: LiveServer, trader: User) -> Any:
    """The page, signed in as the trader."""
    come_in(wide_page, live_server.url, "/offline/", person=trader)
    return wide_page


def test_trades_are_reviewed_by_keyboard_alone(hers: Any, live_server: LiveServer, trader: User) -> None:
    page = hers
    page.goto(f"{live_server.url}/trades/review/?order=oldest")
    page.wait_for_selector("#review-title:has-text('SYM0')")

    page.keyboard.press("4")
    page.wait_for_selector(".rating button[aria-pressed=true]:has-text('4')")
    page.keyboard.press("t")
    page.keyboard.type("by the book")
    page.keyboard.press("Enter")
    page.wait_for_selector(".chip:has-text('by the book')")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("e")
    page.wait_for_selector("#review-title:has-text('SYM1')")
    page.keyboard.press("e")
    page.wait_for_selector("h2:has-text('All reviewed')")

    first, second = Trade.objects.for_user(trader).order_by("activity_at")
    assert (first.rating, [tag.name for tag in first.tags.all()]) == (4, ["by the book"])
    assert None not in (first.reviewed_at, second.reviewed_at)


def test_two_accounts_stand_side_by_side(hers: Any, live_server: LiveServer, trader: User) -> None:
    page = hers
    ids = trader.accounts.order_by("id").values_list("public_id", flat=True)

    page.goto(f"{live_server.url}/accounts/compare/?" + "&".join(f"account={each}" for each in ids))

    words = page.inner_text("main")
    assert "First" in words
    assert "Second" in words
    assert "+11.00" in words
    assert "▲" in words
    no_sideways_scroll(page)


def test_theme_and_language_are_switched_and_kept(hers: Any, live_server: LiveServer) -> None:
    page = hers
    page.goto(f"{live_server.url}/trades/")
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    with page.expect_response(f"{live_server.url}/theme/"):
        page.click("button[aria-label^='Switch']")
    page.reload()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != before

    page.goto(f"{live_server.url}/settings/")
    page.select_option("#profile select[name=language]", "fr")
    page.click("#profile button:has-text('Save')")
    page.wait_for_selector("html[lang=fr]")
    page.goto(f"{live_server.url}/accounts/")
    assert page.get_attribute("html", "lang") == "fr"
    assert page.inner_text("h1") == "Comptes"
    page.goto(f"{live_server.url}/")
    page.wait_for_selector(".kpi-value")
    assert "21,00" in page.inner_text(".kpi >> nth=0")


def test_pages_read_and_forms_work_without_a_script(browser: Any, live_server: LiveServer, trader: User) -> None:
    address = live_server.url
    context = browser.new_context(java_script_enabled=False, viewport={"width": 1200, "height": 900})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    come_in(page, address, "/trades/", person=trader)
    page.click("a.row:has-text('SYM1')")
    page.fill("textarea[name=note]", "Calm.")
    page.click("section:has(#words-title) button:text-is('Save'):visible")
    page.wait_for_selector(".words:has-text('Calm.')")
    page.goto(f"{address}/accounts/")
    assert "Second" in page.inner_text("main")
    page.click("a[data-page-help] >> nth=0")
    page.wait_for_selector(".help-words:has-text('All your accounts')")
    context.close()

    assert Trade.objects.get(instrument__symbol="SYM1").note == "Calm."


@pytest.mark.parametrize("javascript", [True, False], ids=["script", "no script"])
def test_a_trade_is_entered_by_hand(browser: Any, live_server: LiveServer, javascript: bool) -> None:
    address = live_server.url
    context = browser.new_context(java_script_enabled=javascript, viewport={"width": 1200, "height": 900})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
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

    until(page, lambda: "+20.00 USD" in page.inner_text("main"))
    context.close()
