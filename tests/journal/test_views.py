"""The pages of figures: what they show, what they leave to others, and what they cost."""

import re
import uuid
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoCaptureOnCommitCallbacks

from accounts import versions
from accounts.models import Account, User
from tests.conftest import signed_in
from tests.factories import make_user
from tests.journal.factories import make_account, make_instrument, make_trade
from trading import trades
from trading.trades import EnteredFill

pytestmark = pytest.mark.django_db

TUESDAY, WEDNESDAY = date(2026, 3, 3), date(2026, 3, 4)


def text_of(response: object) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))  # type: ignore[attr-defined]


@pytest.fixture
def traded(account: Account) -> Account:
    """+100 less 1 of fees on Tuesday, −50 on Wednesday."""
    make_trade(account, day=TUESDAY, pnl="100", fees="1")
    make_trade(account, day=WEDNESDAY, pnl="-50", symbol="MSFT")
    return account


def test_without_an_account_the_dashboard_shows_three_ways_in(alice_client: Client) -> None:
    text = text_of(alice_client.get("/"))

    assert "Import a file" in text
    assert "Add an account" in text
    assert "sample data" in text


def test_the_dashboard_shows_the_key_figures(alice_client: Client, traded: Account) -> None:
    text = text_of(alice_client.get("/"))

    assert "Net P&amp;L · USD +49.00" in text
    assert "Win rate 50.0%" in text
    assert "Profit factor 1.98" in text
    assert "Expectancy +24.50" in text
    assert "Average loss −50.00" in text
    assert "Max drawdown −50.00" in text


def test_dashboard_and_account_page_show_the_other_figures(alice_client: Client, alice: User) -> None:
    """Equity 900, 1000, 900, 990: returns of 1/9, -0.1 and 0.1 over Tuesday to Thursday."""
    account = make_account(alice, initial_balance=Decimal(900))
    make_trade(account, day=TUESDAY, pnl="101", fees="1", stop="900", target="1200")
    make_trade(account, day=WEDNESDAY, pnl="-100", stop="950")
    make_trade(account, day=date(2026, 3, 5), pnl="90", closed=datetime(2026, 3, 5, 14, 30, tzinfo=UTC))

    for path in ("/", f"/accounts/{account.public_id}/"):
        text = text_of(alice_client.get(path))
        assert "Gross P&amp;L +91.00 Fees 1.00 Payoff ratio 0.95 Average R −0.50R n 2" in text
        assert "Average planned R 2.00 n 1 Sharpe 4.95 Sortino 10.18 Average holding time 50m 0s" in text
        assert "Winning days in a row 1 now 1 Losing days in a row 1 now 0" in text
        assert "Best day +100.00 3 Mar 2026 Worst day −100.00 4 Mar 2026" in text
        assert "Largest win +100.00 Largest loss −100.00" in text


def test_every_figure_leads_to_its_definition(alice_client: Client, traded: Account) -> None:
    defined = set(re.findall(r'<section id="([^"]+)"', alice_client.get("/definitions/").content.decode()))

    named = set(re.findall(r'href="/definitions/#([^"]+)"', alice_client.get("/").content.decode()))
    assert len(named) > 20
    assert named <= defined


def test_list_calendar_and_dashboard_agree_on_a_day(alice_client: Client, traded: Account) -> None:
    listed = alice_client.get("/trades/", {"from": "2026-03-03", "to": "2026-03-03"})
    calendar = alice_client.get("/calendar/", {"month": "2026-03"})
    dashboard = alice_client.get("/", {"from": "2026-03-03", "to": "2026-03-03"})

    assert "Net +99.00 USD" in text_of(listed)
    assert listed.content.count(b"data-trade") == 1
    assert "3 Mar 2026: +99.00, 1 trade" in calendar.content.decode()
    assert "/trades/?from=2026-03-03&amp;to=2026-03-03" in calendar.content.decode()
    assert "Net P&amp;L · USD +99.00" in text_of(dashboard)


def test_weeks_of_the_calendar_link_to_their_days_and_sum_them(alice_client: Client, traded: Account) -> None:
    page = alice_client.get("/calendar/", {"month": "2026-03"}).content.decode()

    assert "/trades/?from=2026-03-02&amp;to=2026-03-08" in page
    assert "2 Mar 2026 to 8 Mar 2026: +49.00, 2 trades" in page


def test_a_trade_over_two_days_shows_the_part_of_the_range(alice_client: Client, account: Account) -> None:
    def at(day: date, hour: int) -> datetime:
        return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)

    trades.enter(
        account,
        instrument=make_instrument(),
        fills=[
            EnteredFill("buy", Decimal(2), Decimal(100), at(TUESDAY, 14)),
            EnteredFill("sell", Decimal(1), Decimal(130), at(TUESDAY, 15)),
            EnteredFill("sell", Decimal(1), Decimal(105), at(WEDNESDAY, 15)),
        ],
    )

    tuesday = text_of(alice_client.get("/trades/", {"from": "2026-03-03", "to": "2026-03-03"}))
    both = text_of(alice_client.get("/trades/", {"from": "2026-03-03", "to": "2026-03-04"}))

    assert "+30.00 part" in tuesday
    assert "Net +30.00 USD" in tuesday
    assert "+35.00 part" not in both
    assert "Net +35.00 USD" in both


def test_filters_go_along_to_other_pages(alice_client: Client, traded: Account) -> None:
    query = f"account={traded.public_id}&amp;from=2026-03-03&amp;to=2026-03-04&amp;currency=USD"

    page = alice_client.get(f"/?{query}".replace("&amp;", "&")).content.decode()

    assert f'href="/trades/?{query}"' in page
    assert f'href="/calendar/?{query}"' in page


@pytest.mark.parametrize("path", ["/", "/trades/", "/calendar/", "/reports/", "/accounts/", "/accounts/compare/"])
def test_a_parameter_that_a_page_does_not_know_is_refused(alice_client: Client, path: str) -> None:
    response = alice_client.get(path, {"color": "red"})

    assert response.status_code == 400
    assert "There is no such parameter" in text_of(response)


def test_days_the_wrong_way_round_are_refused_in_words_and_leave_the_other_filters(
    alice_client: Client, traded: Account
) -> None:
    for path in ("/", "/trades/", "/calendar/", "/reports/by/"):
        answer = alice_client.get(f"{path}?currency=USD&from=2026-03-04&to=2026-03-03")

        assert answer.status_code == 400
        assert "From: The first day must not be after the last." in text_of(answer)
        link = re.search(r'href="([^"]+)">Open it without that', answer.content.decode())
        assert link
        assert link[1] == f"{path}?currency=USD"


def test_only_the_parameter_at_fault_is_left_out_of_the_way_on(alice_client: Client, traded: Account) -> None:
    answer = alice_client.get("/trades/?symbol=AAPL&color=red&side=long")

    assert 'href="/trades/?symbol=AAPL&amp;side=long">Open it without that</a>' in answer.content.decode()


@pytest.mark.parametrize(
    "query", ["from=03.03.2026", "account=7", "side=up", "from=2026-03-04&to=2026-03-03", "cursor=abc", "order=price"]
)
def test_a_value_that_cannot_be_meant_is_refused(alice_client: Client, query: str) -> None:
    assert alice_client.get(f"/trades/?{query}").status_code == 400


@pytest.mark.parametrize(
    "path",
    ["/accounts/?search=%00", "/accounts/?broker=%00", f"/accounts/?search={'a' * 101}", "/accounts/?search=%E2%80%AE",
     "/accounts/?search=a&search=%00", "/accounts/?cursor=%00", "/accounts/?order=%00",
     "/calendar/?month=9999-12", "/?month=9999-12", "/calendar/?month=1989-12", "/calendar/?month=2101-01",
     "/calendar/?month=0000-01", "/?from=0001-01-01", "/?from=9999-12-31", "/reports/?by=%00"],
)  # fmt: skip
def test_what_no_page_can_mean_is_refused_and_breaks_nothing(
    alice_client: Client, alice: User, account: Account, path: str
) -> None:
    Account.objects.filter(pk=account.pk).update(initial_balance=Decimal(100))
    make_trade(account, day=TUESDAY, pnl="1")

    assert alice_client.get(path).status_code == 400


@pytest.mark.parametrize(
    "path", ["/accounts/options/?q=%00", "/accounts/options/?account=%00&broker=%00", "/accounts/"]
)
def test_what_is_typed_to_find_accounts_breaks_nothing(alice_client: Client, account: Account, path: str) -> None:
    assert alice_client.get(path).status_code == 200


def test_the_first_and_the_last_month_lead_no_further(alice_client: Client, account: Account) -> None:
    first = alice_client.get("/calendar/?month=1990-01").content.decode()
    last = alice_client.get("/calendar/?month=2100-12").content.decode()

    assert ("month=1989-12" in first, "month=1990-02" in first) == (False, True)
    assert ("month=2100-11" in last, "month=2101-01" in last) == (True, False)


@pytest.mark.parametrize("path", ["/", "/calendar/"])
@pytest.mark.parametrize(
    ("query", "month"),
    [
        ({"from": "2031-05-01", "to": "2031-06-30"}, "May 2031"),
        ({"from": "2026-01-01", "to": "2026-02-28"}, "February 2026"),
        ({"from": "2026-03-01", "to": "2026-03-31"}, "March 2026"),
        ({"from": "2026-03-01", "to": "2026-03-31", "month": "2026-01"}, "January 2026"),
        ({"to": "2025-07-15"}, "July 2025"),
        ({"from": "1950-01-01", "to": "1950-01-31"}, "January 1990"),
        ({"from": "2150-01-01"}, "December 2100"),
    ],
)
def test_the_calendar_follows_the_range(
    alice_client: Client, traded: Account, path: str, query: dict[str, str], month: str
) -> None:
    assert f"<h2>{month}</h2>" in alice_client.get(path, query).content.decode()


def test_pages_of_trades_follow_each_other_without_gaps(
    alice_client: Client, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(53):
        make_trade(account, day=TUESDAY, pnl=str(number + 1), symbol=f"S{number:02}")
    monkeypatch.setattr("journal.views.trades.FIRST_ROWS", 50)

    first = alice_client.get("/trades/")
    following = re.search(r'rel="next" href="([^"]+)"', first.content.decode())
    assert following
    second = alice_client.get("/trades/" + following[1].replace("&amp;", "&"))

    shown = [re.findall(r'class="row"[^>]*>(S\d\d)<', page.content.decode()) for page in (first, second)]
    assert [len(part) for part in shown] == [50, 3]
    assert len(set(shown[0] + shown[1])) == 53
    assert 'rel="next"' not in second.content.decode()


def test_what_is_foreign_and_what_is_absent_look_the_same(bob_client: Client, traded: Account) -> None:
    foreign = bob_client.get(f"/accounts/{traded.public_id}/")
    absent = bob_client.get(f"/accounts/{uuid.uuid4()}/")

    assert foreign.status_code == absent.status_code == 404
    assert text_of(foreign) == text_of(absent)


def test_no_page_shows_what_is_somebody_elses(bob_client: Client, bob: User, traded: Account) -> None:
    make_account(bob, "Of Bob")

    for path in ("/", "/trades/", "/accounts/", "/accounts/options/?q=", "/calendar/?month=2026-03", "/reports/"):
        page = bob_client.get(path).content.decode()
        assert str(traded.public_id) not in page
        assert "+99" not in page


def test_the_account_page_shows_its_own_figures_alone(alice_client: Client, alice: User, traded: Account) -> None:
    make_trade(make_account(alice, "Other"), day=TUESDAY, pnl="1000")

    assert "Net P&amp;L · USD +49.00" in text_of(alice_client.get(f"/accounts/{traded.public_id}/"))
    assert "Net P&amp;L · USD +1,049.00" in text_of(alice_client.get("/"))


def test_accounts_are_found_by_name_and_broker(alice_client: Client, alice: User) -> None:
    make_account(alice, "Swing one", broker="Alpha")
    make_account(alice, "Swing two", broker="Beta")
    make_account(alice, "Scalps", broker="Beta")

    def names(**query: str) -> list[str]:
        return re.findall(r'class="row"[^>]*>([^<]+)<', alice_client.get("/accounts/", query).content.decode())

    assert names(search="swing") == ["Swing one", "Swing two"]
    assert names(broker="Beta") == ["Scalps", "Swing two"]
    assert names(broker="Beta", search="swing") == ["Swing two"]
    assert names(order="-name") == ["Swing two", "Swing one", "Scalps"]


def test_the_account_filter_offers_what_was_typed_and_keeps_what_is_chosen(alice_client: Client, alice: User) -> None:
    chosen = make_account(alice, "Pension")
    make_account(alice, "Swing")
    make_account(alice, "Scalps")

    page = alice_client.get("/accounts/options/", {"q": "sca", "account": str(chosen.public_id)}).content.decode()

    assert "Pension" in page
    assert "Scalps" in page
    assert "Swing" not in page


def test_accounts_side_by_side(alice_client: Client, alice: User, traded: Account) -> None:
    other = make_account(alice, "Other")
    make_trade(other, day=TUESDAY, pnl="7")

    text = text_of(alice_client.get("/accounts/compare/", {"account": [str(traded.public_id), str(other.public_id)]}))

    assert "Main USD" in text
    assert "Net P&amp;L , more is better +49.00 ▲ best +7.00 ▼ worst" in text
    assert "Win rate , more is better 50.0% ▼ worst 100.0% ▲ best" in text
    assert "Trades 2 1" in text


def test_a_breakdown_names_every_group(alice_client: Client, traded: Account) -> None:
    page = text_of(alice_client.get("/reports/", {"by": "symbol"}))

    assert "AAPL 1 +99.00 66.4% 100.0% – +99.00 99.00 – – 0 1.00" in page
    assert page == text_of(alice_client.get("/reports/by/", {"by": "symbol"}))


def test_the_theme_is_kept_with_the_person_and_known_by_the_next_page(alice_client: Client, alice: User) -> None:
    response = alice_client.post("/theme/", {"theme": "dark", "next": "/trades/"})

    assert response.headers["Location"] == "/trades/"
    alice.refresh_from_db()
    assert alice.theme == "dark"
    assert '<html lang="en" data-theme="dark" ' in alice_client.get("/trades/").content.decode()


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example/", "7", "settings", "[]", "\0"])
def test_the_theme_leads_nowhere_else_and_takes_no_other_word(alice_client: Client, alice: User, back: str) -> None:
    response = alice_client.post("/theme/", {"theme": "pink", "next": back})

    assert response.headers["Location"] == "/"
    alice.refresh_from_db()
    assert alice.theme == "system"


def test_a_suspended_person_reads_and_does_not_write() -> None:
    client = signed_in(make_user("carol@example.com", status="suspended"))

    assert client.get("/").status_code == 200
    refused = client.post("/sample/load/")
    assert refused.status_code == 403
    assert "may read but not write" in text_of(refused)


def test_who_is_not_signed_in_is_asked_to() -> None:
    response = Client().get("/trades/?symbol=AAPL")

    assert response.status_code == 302
    assert response.headers["Location"] == "/login/?next=/trades/%3Fsymbol%3DAAPL"


INLINE = re.compile(
    r"""<script(?![^>]*\b(src=|type="application/json"))|<style|\sstyle=|\son[a-z]+=|href="javascript:"""
)


@pytest.mark.parametrize(
    "path",
    ["/", "/trades/", "/trades/new/", "/calendar/?month=2026-03", "/reports/", "/accounts/", "/accounts/compare/",
     "/imports/", "/definitions/", "/settings/", "/accounts/new/", "/nowhere/"],
)  # fmt: skip
def test_nothing_on_a_page_needs_a_weaker_content_security_policy(
    alice_client: Client, traded: Account, path: str
) -> None:
    response = alice_client.get(path)

    assert not INLINE.search(response.content.decode())
    assert "unsafe" not in response.headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/", "/trades/", "/accounts/", "/calendar/?month=2026-03", "/imports/"])
def test_a_page_costs_as_many_queries_with_many_rows_as_with_few(
    alice_client: Client, alice: User, traded: Account, path: str
) -> None:
    def queries() -> int:
        alice_client.get(path)  # what was stale is counted now
        with CaptureQueriesContext(connection) as captured:
            alice_client.get(path)
        return len(captured)

    few = queries()
    for number in range(12):
        make_trade(make_account(alice, f"Account {number}"), day=TUESDAY, pnl="5", symbol=f"S{number}")

    assert queries() == few
    assert few <= 32


def test_removing_sample_data_says_first_what_goes(alice_client: Client, alice: User, traded: Account) -> None:
    assert alice_client.get("/sample/remove/").headers["Location"] == "/"
    make_trade(make_account(alice, "Sample", is_sample=True), day=TUESDAY, pnl="1", symbol="MSFT")

    assert 'href="/sample/remove/"' in alice_client.get("/").content.decode()
    assert "1 sample account with 1 trade will go" in text_of(alice_client.get("/sample/remove/"))
    assert Account.objects.count() == 2


def test_a_long_report_comes_in_pages(alice_client: Client, account: Account) -> None:
    for number in range(51):
        make_trade(account, day=TUESDAY, pnl="1", symbol=f"S{number:02}")

    def symbols(query: str) -> list[str]:
        return re.findall(r'<a class="row"[^>]*>(S\d\d)<', alice_client.get(f"/reports/{query}").content.decode())

    assert symbols("?by=symbol") == [f"S{number:02}" for number in range(50)]
    assert symbols("?by=symbol&page=2") == ["S50"]
    first = alice_client.get("/reports/?by=symbol&symbol=").content.decode()
    assert 'rel="next" href="?by=symbol&amp;symbol=&amp;page=2"' in first
    assert "1 to 50 of 51" in first
    second = alice_client.get("/reports/?by=symbol&page=2").content.decode()
    assert 'name="page"' not in second
    assert 'href="/reports/by/?by=side"' in second
    for page in ("3", "0", "-1", "x", "99999999999999999999", "\u0663"):
        assert alice_client.get("/reports/", {"by": "symbol", "page": page}).status_code == 400


def test_sample_data_comes_and_goes_by_one_click_each(
    alice_client: Client, alice: User, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=False) as later:
        alice_client.post("/sample/load/")
        waiting = alice_client.get("/").content.decode()
    assert 'hx-trigger="every 2s"' in waiting
    assert len(later) == 1
    make_account(alice, "Sample", is_sample=True)
    versions.bump(alice.pk)

    assert "Remove the sample data" in text_of(alice_client.get("/"))
    with django_capture_on_commit_callbacks(execute=True):
        alice_client.post("/sample/remove/")
    assert not Account.objects.exists()
