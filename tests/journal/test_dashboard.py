"""The dashboard: its panels, the period before, units, the arrangement; and the calendar."""

import html
import re
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Account, Preference, User
from journal import account_lines, account_ranks, panels, reports
from journal.account_ranks import RANKS
from journal.filters import MetricsFilter
from journal.metrics import rollups
from journal.panels import PANELS
from tests.journal.factories import make_account, make_trade
from tests.journal.test_views import text_of

pytestmark = pytest.mark.django_db

MONDAY, TUESDAY, WEDNESDAY = date(2026, 3, 2), date(2026, 3, 3), date(2026, 3, 4)
PART = {"HX-Request": "true"}


@pytest.fixture
def traded(alice: User) -> Account:
    """Of 1,000: +40 on Monday, +99 on Tuesday (2 R), −50 on Wednesday (−1 R)."""
    account = make_account(alice, "Main", initial_balance=Decimal(1000))
    make_trade(account, day=MONDAY, pnl="40")
    make_trade(account, day=TUESDAY, pnl="99", stop="950.5")
    make_trade(account, day=WEDNESDAY, pnl="-50", stop="950", symbol="MSFT")
    return account


def part(client: Client, name: str, **query: Any) -> str:
    response = client.get(f"/dashboard/panels/{name}/", query, headers=PART)
    assert response.status_code == 200, response.content
    return response.content.decode()


def said(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))


def test_every_panel_is_a_part_for_htmx_and_a_page_without(alice_client: Client, traded: Account) -> None:
    for name in PANELS:
        fragment = part(alice_client, name)
        page = alice_client.get(f"/dashboard/panels/{name}/").content.decode()

        assert "<html" not in fragment, name
        assert f'id="panel-{name}"' in fragment
        assert "<html" in page, name
        assert f'id="panel-{name}"' in page


@pytest.mark.parametrize("unit", ["money", "percent", "r"])
def test_every_drawing_is_a_table_and_a_file_as_well(alice_client: Client, traded: Account, unit: str) -> None:
    drawings = [name for name, panel in PANELS.items() if panel.has_table]
    assert drawings

    for name in drawings:
        table = part(alice_client, name, **{"as": "table", "unit": unit})
        file = alice_client.get(f"/dashboard/panels/{name}/", {"format": "csv", "unit": unit})

        assert f'id="panel-{name}"' in table
        assert file.headers["Content-Type"].startswith("text/csv"), name
        assert b"".join(file.streaming_content).count(b"\r\n") >= 1, name  # type: ignore[attr-defined]


def test_the_file_of_the_curve_has_its_numbers_in_full(alice_client: Client, traded: Account) -> None:
    file = alice_client.get("/dashboard/panels/curve/", {"format": "csv"})

    assert b"".join(file.streaming_content).decode().splitlines() == [  # type: ignore[attr-defined]
        "Day,Net P&L,Cumulative,Drawdown",
        "2026-03-04,-50,89,-50",
        "2026-03-03,99,139,0",
        "2026-03-02,40,40,0",
    ]


def test_a_panel_that_there_is_not_is_absent(alice_client: Client) -> None:
    assert alice_client.get("/dashboard/panels/nothing/").status_code == 404


def test_what_the_dashboard_cannot_mean_is_refused(alice_client: Client, traded: Account) -> None:
    for query in ("unit=pips", "rank=size", "line=7", "panels=some", "color=red", "month=2026-13"):
        answer = alice_client.get(f"/?{query}")
        assert answer.status_code == 400, query
        assert '<a class="button button-main" href="/">Open it without that</a>' in answer.content.decode(), query


def test_without_a_script_all_panels_can_be_in_the_page(alice_client: Client, traded: Account) -> None:
    some, everything = alice_client.get("/").content.decode(), alice_client.get("/?panels=all").content.decode()

    assert some.count('aria-busy="true"') == sum(1 for panel in PANELS.values() if not panel.is_first)
    assert 'aria-busy="true"' not in everything
    assert "Recent trades" in everything


# ------------------------------------------------------------ key figures


def test_figures_stand_beside_those_of_the_period_before(alice_client: Client, traded: Account) -> None:
    """Tuesday and Wednesday made 49 in 2 trades, Sunday and Monday 40 in one: 9 more, at a win rate 50 points lower."""
    text = said(part(alice_client, "kpis", **{"from": "2026-03-03", "to": "2026-03-04"}))

    assert "Changes are against 1 Mar 2026 to 2 Mar 2026." in text
    assert "Net P&amp;L · USD +49.00 2 trades +9.00 against the period before" in text
    assert "Win rate 50.0% decisive 50.0% 95% 9.5% … 90.5% few trades −50.0 points" in text
    assert "Profit factor 1.98 payoff 1.98 nothing before" in text


def test_all_time_has_nothing_before_it(alice_client: Client, traded: Account) -> None:
    text = said(part(alice_client, "kpis"))

    assert "All time: no period before to compare with." in text
    assert "against the period before" not in text


def test_figures_are_read_in_percent_of_what_the_account_started_with(alice_client: Client, traded: Account) -> None:
    """From Tuesday on it starts with 1,040: 49 of them are 4.7 %, 24.5 are 2.4 %; 50 of a peak at 1,139 are 4.4 %."""
    text = said(part(alice_client, "kpis", **{"from": "2026-03-03", "to": "2026-03-04", "unit": "percent"}))

    assert "Net P&amp;L +4.7% 2 trades" in text
    assert "Expectancy +2.4%" in text
    assert "Average loss −4.8%" in text
    assert "Max drawdown −4.4%" in text


def test_figures_are_read_in_r_where_trades_have_one(alice_client: Client, traded: Account) -> None:
    """99 of 49.50 and −50 of 50: 2 R and −1 R."""
    text = said(part(alice_client, "kpis", **{"from": "2026-03-03", "to": "2026-03-04", "unit": "r"}))

    assert "Net P&amp;L +1.00R" in text
    assert "Profit factor 2.00" in text
    assert "Expectancy +0.50R" in text
    assert "Average win +2.00R" in text
    assert "Average loss −1.00R" in text
    assert "Max drawdown −1.00R" in text


def test_a_figure_that_the_unit_cannot_say_is_a_dash_with_a_reason(alice_client: Client, account: Account) -> None:
    make_trade(account, day=MONDAY, pnl="40")

    for unit, reason in (("percent", "each of them needs a starting balance"), ("r", "it needs a stop")):
        page = part(alice_client, "kpis", unit=unit)
        assert re.search(rf'class="kpi-value flat" title="[^"]*{reason}[^"]*">–<', page)


def test_a_figure_says_what_it_means_and_leads_to_its_trades(alice_client: Client, traded: Account) -> None:
    page = part(alice_client, "kpis", symbol="MSFT")

    assert 'href="/definitions/#win-rate" data-about="about-win-rate"' in page
    assert '<dialog class="about-dialog" id="about-win-rate"' in page
    assert "wins ÷ (wins + losses + breakeven)" in page
    assert 'href="/trades/?symbol=MSFT&amp;outcome=loss"' in page


# ------------------------------------------------------------ curve and accounts


def test_accounts_are_drawn_over_the_curve(alice_client: Client, alice: User, bob: User, traded: Account) -> None:
    other = make_account(alice, "Other", initial_balance=Decimal(1))
    make_trade(other, day=TUESDAY, pnl="7")
    foreign = make_account(bob, "Of Bob")

    page = part(alice_client, "curve", line=[str(other.public_id), str(foreign.public_id)])

    assert 'class="series series-1" d="M500.0' in page
    assert "Of Bob" not in page
    assert '{"name": "Other", "number": 1, "rows": [["2026-03-03", "7", "7", "0"]]}' in page
    table = said(part(alice_client, "curve", **{"as": "table", "line": str(other.public_id)}))
    assert "3 Mar 2026 +106.00 +146.00 0.00 +7.00" in table


def test_lines_are_about_their_accounts_whatever_the_filter_chooses(alice: User, traded: Account) -> None:
    other = make_account(alice, "Other", broker="Beta")
    make_trade(other, day=TUESDAY, pnl="7", stop="993")
    rollups.recompute(alice.pk)

    (line,) = account_lines.account_lines(
        alice, MetricsFilter(accounts=(traded.pk,), broker="Alpha"), [other.public_id], currency="USD"
    )

    assert (line.name, line.daily, line.in_r) == ("Other", [(TUESDAY, Decimal(7))], {TUESDAY: Decimal(1)})


def test_accounts_are_ranked_from_either_end(alice: User, traded: Account) -> None:
    """Main made 89 and fell by 50; Deep made 5 and fell by 100; Poor lost 10 and fell by 10; Idle made nothing."""
    deep, poor = make_account(alice, "Deep"), make_account(alice, "Poor")
    make_account(alice, "Idle")
    for day, pnl in ((MONDAY, "100"), (TUESDAY, "-100"), (WEDNESDAY, "5")):
        make_trade(deep, day=day, pnl=pnl)
    make_trade(poor, day=MONDAY, pnl="-10")
    metrics = reports.aggregate_metrics(alice)
    falls = account_ranks.drawdowns(alice, MetricsFilter()).values

    def names(rank: str) -> list[str]:
        found = account_ranks.ranked(metrics, rank=rank, falls=falls, multiples={}, within=slice(None))
        return [each.figures.name for each in found]

    assert names("best") == ["Main", "Deep", "Poor", "Idle"]
    assert names("worst") == ["Poor", "Deep", "Main", "Idle"]
    assert names("drawdown") == ["Deep", "Main", "Poor", "Idle"]
    assert names("name") == ["Deep", "Idle", "Main", "Poor"]
    assert falls == {
        str(deep.public_id): Decimal(100),
        str(traded.public_id): Decimal(50),
        str(poor.public_id): Decimal(10),
    }
    assert account_ranks.in_r(alice, MetricsFilter()).values == {str(traded.public_id): Decimal(1)}


def test_accounts_are_ranked_by_r_where_r_is_shown(alice: User, traded: Account) -> None:
    """Main made 1 R; Sure made 5, which was 5 R of a risk of 1; Rich made 900 without a stop, which is no R at all."""
    sure, rich = make_account(alice, "Sure"), make_account(alice, "Rich")
    make_trade(sure, day=MONDAY, pnl="5", stop="999")
    make_trade(rich, day=MONDAY, pnl="900")
    metrics = reports.aggregate_metrics(alice)
    multiples = account_ranks.in_r(alice, MetricsFilter()).values

    def names(rank: str) -> list[str]:
        found = account_ranks.ranked(
            metrics, rank=rank, falls={}, multiples=multiples, within=slice(None), is_in_r=True
        )
        return [each.figures.name for each in found]

    assert multiples[str(sure.public_id)] > multiples[str(traded.public_id)]
    assert names("best") == ["Sure", "Main", "Rich"]
    assert names("worst") == ["Main", "Sure", "Rich"]


def test_the_dashboard_ranks_accounts_by_the_unit_of_its_address(
    alice_client: Client, alice: User, traded: Account
) -> None:
    make_trade(make_account(alice, "Rich"), day=MONDAY, pnl="900")

    in_money, in_r = (said(part(alice_client, "accounts", unit=unit)) for unit in ("money", "r"))

    assert in_money.index("Rich") < in_money.index("Main")
    assert in_r.index("Main") < in_r.index("Rich")


def test_amounts_of_money_on_a_page_in_r_say_their_currency(alice_client: Client, traded: Account) -> None:
    page = said(alice_client.get("/trades/", {"unit": "r"}).content.decode())

    assert "Best day +2.00R" in said(part(alice_client, "streaks", unit="r"))
    assert re.search(r"Gross \+[\d.]+ USD Fees [\d.]+ USD", page)


def test_a_mean_in_r_that_is_undefined_says_why_beside_the_dash(alice_client: Client, account: Account) -> None:
    """The loser has a stop, the winner has none: the mean of wins is not 0 of 0 without a word."""
    make_trade(account, day=MONDAY, pnl="40")
    make_trade(account, day=TUESDAY, pnl="-20", stop="990")

    text = said(part(alice_client, "kpis", unit="r"))

    assert "Net P&amp;L −2.00R 1 trade with an R" in text
    assert "Average win – No trade that was won has a stop." in text
    assert "Average loss −2.00R 1 loss" in text


@pytest.mark.parametrize("rank", RANKS)
def test_rows_of_accounts_come_in_windows(alice_client: Client, alice: User, rank: str) -> None:
    for number in range(7):
        make_trade(make_account(alice, f"A{number}"), day=MONDAY, pnl=str(number + 1))

    first = alice_client.get("/dashboard/accounts/", {"rank": rank, "limit": "5"})
    second = alice_client.get("/dashboard/accounts/", {"rank": rank, "limit": "5", "offset": "5"})

    found = [re.findall(r'class="row"[^>]*>(A\d)<', page.content.decode()) for page in (first, second)]
    assert [len(names) for names in found] == [5, 2]
    assert len({*found[0], *found[1]}) == 7
    assert first.headers["X-Total"] == "7"
    assert 'aria-rowindex="7"' in second.content.decode()
    assert alice_client.get("/dashboard/accounts/", {"limit": "100000"}).status_code == 400


@pytest.mark.parametrize("name", ["accounts", "kpis", "curve", "trades", "positions", "symbol"])
def test_a_panel_costs_as_many_queries_with_many_accounts_as_with_few(
    alice_client: Client, alice: User, traded: Account, name: str
) -> None:
    def queries() -> int:
        part(alice_client, name)
        with CaptureQueriesContext(connection) as captured:
            part(alice_client, name, **{"from": "2020-01-01"})
        return len(captured)

    few = queries()
    for number in range(12):
        # With a balance, as the first has: without one on every account nobody asks what was earned before.
        other = make_account(alice, f"Account {number}", initial_balance=Decimal(1))
        make_trade(other, day=TUESDAY, pnl="5", symbol=f"S{number}")

    assert queries() == few
    assert few <= 25


def test_bars_lead_to_the_trades_that_they_sum(alice_client: Client, traded: Account) -> None:
    page = part(alice_client, "weekday")

    assert 'href="/trades/?weekday=1"' in page
    assert "Net +40.00 USD" in text_of(alice_client.get("/trades/?weekday=1"))


def test_line_options_are_ones_own(alice_client: Client, alice: User, bob: User) -> None:
    make_account(alice, "Swing")
    make_account(alice, "Scalps")
    make_account(bob, "Swing of Bob")

    page = alice_client.get("/dashboard/lines/", {"q": "swing"}).content.decode()

    assert re.findall(r"> ([^<]+)</label>", page) == ["Swing"]


# ------------------------------------------------------------ arrangement


def test_a_hidden_panel_is_not_on_the_page(alice_client: Client, alice: User, traded: Account) -> None:
    response = alice_client.post("/dashboard/arrange/", {"act": "hide:curve"})

    assert response.headers["Location"] == "/dashboard/arrange/"
    page = alice_client.get("/").content.decode()
    assert 'id="panel-curve"' not in page
    assert page.index('id="panel-kpis"') < page.index('id="panel-calendar"')
    alice_client.post("/dashboard/arrange/", {"act": "up:calendar"})
    page = alice_client.get("/").content.decode()
    assert page.index('id="panel-calendar"') < page.index('id="panel-kpis"')


def test_dragging_sends_the_whole_order(alice_client: Client, alice: User, traded: Account) -> None:
    part_of_it = alice_client.post("/dashboard/arrange/", {"order": "hour,kpis"}, headers=PART)

    assert "<html" not in part_of_it.content.decode()
    assert [panel.name for panel in panels.arrangement_of(alice).shown][:2] == ["hour", "kpis"]
    alice_client.post("/dashboard/arrange/", {"act": "reset"})
    assert not Preference.objects.filter(name=panels.PREFERENCE).exists()


def test_an_act_that_there_is_not_is_refused(alice_client: Client, traded: Account) -> None:
    assert alice_client.post("/dashboard/arrange/", {"act": "turn:curve"}).status_code == 400
    assert not Preference.objects.filter(name=panels.PREFERENCE).exists()


# ------------------------------------------------------------ calendar


def test_a_year_shows_its_months_with_what_each_made(alice_client: Client, traded: Account) -> None:
    make_trade(traded, day=date(2026, 5, 4), pnl="11")

    text = text_of(alice_client.get("/calendar/", {"year": "2026"}))

    assert "2026 +100.00 4 trades" in text
    assert "March +89.00 3" in text
    assert "May +11.00 1" in text
    assert "April no trades" in text


def test_a_year_that_no_calendar_has_is_refused(alice_client: Client, account: Account) -> None:
    for year in ("1989", "2101", "26", "x", "2026-03"):
        assert alice_client.get("/calendar/", {"year": year}).status_code == 400, year


def test_the_month_that_was_open_opens_again(alice_client: Client, traded: Account) -> None:
    alice_client.get("/calendar/?month=2026-01")

    again = alice_client.get("/calendar/?symbol=AAPL")
    assert again.headers["Location"] == "/calendar/?symbol=AAPL&month=2026-01"
    ranged = alice_client.get("/calendar/?from=2026-03-01&to=2026-03-31").content.decode()
    assert "<h2>March 2026</h2>" in ranged


def test_days_of_the_calendar_lead_to_the_day(alice_client: Client, traded: Account) -> None:
    page = alice_client.get("/calendar/?month=2026-03&symbol=AAPL").content.decode()

    assert 'href="/days/2026-03-03/?symbol=AAPL"' in page
    assert alice_client.get("/days/2026-03-03/?symbol=AAPL").status_code == 200


def test_the_calendar_is_read_in_r(alice_client: Client, traded: Account) -> None:
    text = text_of(alice_client.get("/calendar/?month=2026-03&unit=r"))

    assert "March 2026 +1.00R 3 trades" in text


def test_the_page_of_an_account_is_read_in_the_unit_of_its_address(
    alice_client: Client, alice: User, traded: Account
) -> None:
    """89 of 1,000 are 8.9 %, and 2 R less 1 R is one; another account has no part in it."""
    make_trade(make_account(alice, "Other", initial_balance=Decimal(9000)), day=TUESDAY, pnl="500", stop="500")
    address = f"/accounts/{traded.public_id}/"

    percent = alice_client.get(address, {"unit": "percent"}).content.decode()
    assert "Net P&amp;L +8.9% 3 trades" in said(percent)
    (table,) = re.findall(r'href="([^"]+)" aria-label="Equity curve as table"', percent)
    assert "3 Mar 2026 +9.9% +13.9% 0.0%" in said(alice_client.get(html.unescape(table)).content.decode())
    in_r = alice_client.get(address, {"unit": "r"}).content.decode()
    assert "Net P&amp;L +1.00R 2 trades with an R" in said(in_r)
    assert "3 Mar 2026: +2.00R, 1 trade" in in_r
    assert f"account={traded.public_id}" in in_r
    assert alice_client.get(address, {"unit": "pips"}).status_code == 400


def test_means_in_r_are_of_the_trades_that_have_one(alice_client: Client, traded: Account) -> None:
    """Of two winners one has an R: 2 R; the loser lost 1 R. The win without a stop is in none of them."""
    text = said(part(alice_client, "kpis", unit="r"))

    assert "Average win +2.00R 1 win" in text
    assert "Average loss −1.00R 1 loss" in text
    assert "Profit factor 2.00 payoff 2.00" in text


def test_the_file_of_recent_trades_has_all_trades_of_the_filter(alice_client: Client, account: Account) -> None:
    for number in range(10):
        make_trade(account, day=TUESDAY, pnl="1", symbol=f"S{number}")
    make_trade(account, day=WEDNESDAY, pnl="1")

    asked = {"from": "2026-03-03", "to": "2026-03-03"}
    file = alice_client.get("/dashboard/panels/trades/", {**asked, "format": "csv"})
    assert len(b"".join(file.streaming_content).splitlines()) == 11  # type: ignore[attr-defined]
    assert re.search(
        r'href="/trades/[0-9a-f-]{36}/\?from=2026-03-03&(amp;)?to=2026-03-03"', part(alice_client, "trades", **asked)
    )
