"""Pages of reports: every dimension, every row leading to its trades, the same numbers in the file and in the API."""

import csv
import io
import re
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts.models import Account, User
from journal import dimensions
from journal.models import SavedView
from journal.views.reports import GROUPS
from tests.journal.factories import at, make_account, make_trade
from trading.models import Tag, Trade

pytestmark = pytest.mark.django_db

TUESDAY, WEDNESDAY = date(2026, 3, 3), date(2026, 3, 4)
OTHERS = ("distribution", "streaks", "drawdowns", "days", "excursions", "compare")


@pytest.fixture
def traded(alice: User, account: Account) -> Account:
    tag = Tag.objects.create(owner=alice, name="gap")
    make_trade(account, day=TUESDAY, pnl="120", fees="2", stop="990", target="1020", tags=[tag])
    make_trade(account, day=TUESDAY, pnl="-50", symbol="MSFT", side="short", opened=at(TUESDAY, 10))
    make_trade(make_account(alice, "Other", broker="Beta"), day=WEDNESDAY, pnl="30", symbol="MSFT")
    return account


def rows_of(client: Client, address: str, **query: str) -> list[dict[str, str]]:
    answer = client.get(address, {**query, "format": "csv"})
    assert answer.status_code == 200, answer.content
    content = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    return list(csv.DictReader(io.StringIO(content, newline="")))


def test_every_dimension_has_a_page_whose_rows_lead_to_their_trades(alice_client: Client, traded: Account) -> None:
    for by in [name for _, names in GROUPS for name in names]:
        page = alice_client.get("/reports/by/", {"by": by})
        assert page.status_code == 200, by

        lines = page.context["table"].lines
        assert len(lines) >= 1 or by == "rule", by
        for line in lines:
            listed = alice_client.get("/trades/", dict(line.link))
            assert listed.status_code == 200, line.link
            assert listed.context["sums"].figures.net_pnl == line.cells[2], line.link
        assert len(rows_of(alice_client, "/reports/by/", by=by)) == len(lines), by


def test_every_dimension_of_trades_has_its_report() -> None:
    assert {name for _, names in GROUPS for name in names} == set(dimensions.NAMES) - {"status"}


def test_the_file_has_the_figures_in_full(alice_client: Client, traded: Account) -> None:
    rows = rows_of(alice_client, "/reports/by/", by="symbol", sort="symbol")

    assert [(row["symbol"], row["trades"], row["net_pnl"], row["share"]) for row in rows] == [
        ("AAPL", "1", "118", "0.855072463768"),
        ("MSFT", "2", "-20", "-0.144927536232"),
    ]
    assert (rows[0]["average_r"], rows[1]["average_r"]) == ("11.8", "")


def test_rows_are_sorted_by_any_column_with_the_undefined_last(alice_client: Client, traded: Account) -> None:
    def symbols(order: str) -> list[str]:
        return [row["symbol"] for row in rows_of(alice_client, "/reports/by/", by="symbol", sort=order)]

    assert symbols("net_pnl") == ["MSFT", "AAPL"]
    assert symbols("-trades") == ["MSFT", "AAPL"]
    assert symbols("-average_r") == symbols("average_r") == ["AAPL", "MSFT"]
    assert alice_client.get("/reports/by/?sort=color").status_code == 400


def test_best_and_worst_are_marked_among_three(alice_client: Client, account: Account) -> None:
    for symbol, pnl in (("A", "5"), ("B", "-7"), ("C", "1")):
        make_trade(account, day=TUESDAY, pnl=pnl, symbol=symbol)

    lines = alice_client.get("/reports/by/?by=symbol").context["table"].lines

    assert {line.head: str(line.mark) for line in lines} == {"A": "best", "B": "worst", "C": ""}


@pytest.mark.parametrize("name", OTHERS)
def test_reports_are_there_with_trades_and_without(
    alice_client: Client, bob_client: Client, traded: Account, name: str
) -> None:
    for client in (alice_client, bob_client):
        assert client.get(f"/reports/{name}/").status_code == 200
        assert client.get(f"/reports/{name}/", {"symbol": "AAPL", "from": "2026-03-01"}).status_code == 200
    assert alice_client.get(f"/reports/{name}/?color=red").status_code == 400
    assert alice_client.get(f"/reports/{name}/?format=pdf").status_code == 400


def test_the_list_of_drawdowns_leads_to_its_days(alice_client: Client, account: Account) -> None:
    for number, pnl in enumerate(("100", "-40", "50")):
        make_trade(account, day=TUESDAY + timedelta(days=number), pnl=pnl)

    (row,) = rows_of(alice_client, "/reports/drawdowns/")
    page = alice_client.get("/reports/drawdowns/").content.decode()

    assert (row["depth"], row["peak"], row["trough"], row["recovery"]) == (
        "40",
        "2026-03-03",
        "2026-03-04",
        "2026-03-05",
    )
    assert "from=2026-03-03&amp;to=2026-03-05" in page


def test_days_are_split_into_those_that_won_and_lost(alice_client: Client, traded: Account) -> None:
    won, lost, flat = rows_of(alice_client, "/reports/days/")

    assert (won["days"], won["net_pnl"], won["trades"]) == ("2", "98", "3")
    assert (lost["days"], flat["days"]) == ("0", "0")
    assert [row["net_pnl"] for row in rows_of(alice_client, "/reports/days/", table="calendar")] == ["68", "30"]


def test_without_bars_the_page_says_so(alice_client: Client, traded: Account) -> None:
    assert "Bars are missing" in alice_client.get("/reports/excursions/").content.decode()


def test_excursions_are_drawn_by_outcome(alice_client: Client, traded: Account) -> None:
    trade = Trade.objects.get(instrument__symbol="AAPL")
    Trade.objects.filter(pk=trade.pk).update(mae=Decimal(5), mfe=Decimal(236))

    page = alice_client.get("/reports/excursions/")
    in_r = alice_client.get("/reports/excursions/?unit=r").context["answer"]

    assert page.context["answer"].efficiency == Decimal("0.5")
    assert 'class="point point-win"' in page.content.decode()
    assert (page.context["answer"].known, page.context["answer"].closed) == (1, 3)
    assert [(point.mae, point.mfe) for point in in_r.points] == [(Decimal("0.5"), Decimal("23.6"))]


def test_a_trade_whose_stop_risks_nothing_has_no_excursion_in_r(alice_client: Client, traded: Account) -> None:
    make_trade(traded, day=WEDNESDAY, pnl="10", symbol="WRONG", stop="1010")
    make_trade(traded, day=WEDNESDAY, pnl="10", symbol="SHORT", side="short", stop="1010")
    Trade.objects.filter(instrument__symbol__in=["WRONG", "SHORT"]).update(mae=Decimal(5), mfe=Decimal(20))

    in_money = alice_client.get("/reports/excursions/").context["answer"]
    in_r = alice_client.get("/reports/excursions/?unit=r").context["answer"]

    assert (in_money.known, in_r.known) == (2, 1)
    assert [(point.mae, point.mfe, point.result) for point in in_r.points] == [(Decimal("0.5"), Decimal(2), Decimal(1))]


def test_two_filters_are_compared_side_by_side(alice_client: Client, alice: User, traded: Account) -> None:
    view = SavedView.objects.create(owner=alice, name="Shorts", query="side=short&unit=r&page=2")

    page = alice_client.get("/reports/compare/", {"a.side": "long", "b.view": str(view.public_id)})
    rows = {
        row["figure"]: row
        for row in rows_of(alice_client, "/reports/compare/", **{"a.side": "long", "b.side": "short"})
    }

    answer = page.context["answer"]
    assert (answer.first.figures.net_pnl, answer.second.figures.net_pnl) == (148, -50)
    assert answer.shared == 0
    assert (rows["Net P&L"]["a"], rows["Net P&L"]["b"], rows["Net P&L"]["difference"]) == ("148", "-50", "198")
    assert (rows["Avg loss"]["b"], rows["Max drawdown"]["b"]) == ("-50", "-50")
    assert rows["Expectancy"]["verdict"].startswith("Too few")
    assert "Too few to tell" in page.content.decode()


def test_comparisons_to_begin_with_stand_before_the_many_fields(alice_client: Client) -> None:
    page = alice_client.get("/reports/compare/").content.decode()

    assert page.index("Long against short") < page.index('name="a.symbol"')


def test_a_set_that_is_part_of_the_other_is_counted_as_shared(alice_client: Client, traded: Account) -> None:
    page = alice_client.get("/reports/compare/", {"a.symbol": "MSFT", "b.side": "long"})

    assert page.context["answer"].shared == 1
    assert "1 trade is in both sets" in page.content.decode()


def test_an_account_is_named_by_its_name_or_its_id(alice_client: Client, traded: Account) -> None:
    by_name = alice_client.get("/reports/compare/", {"a.account": "Other", "b.account": str(traded.public_id)})

    assert by_name.context["answer"].first.figures.net_pnl == 30
    assert by_name.context["answer"].second.figures.net_pnl == 68
    assert alice_client.get("/reports/compare/", {"a.account": "Nobody's"}).status_code == 400
    assert alice_client.get("/reports/compare/", {"c.side": "long"}).status_code == 400
    assert alice_client.get("/reports/compare/", {"a.side": "up"}).status_code == 400


def test_views_and_accounts_of_others_are_not_there(alice: User, bob_client: Client, traded: Account) -> None:
    view = SavedView.objects.create(owner=alice, name="Shorts", query="side=short")

    assert bob_client.get("/reports/compare/", {"a.view": str(view.public_id)}).status_code == 400
    found = bob_client.get("/reports/compare/", {"a.account": str(traded.public_id), "b.side": "long"})
    assert found.context["answer"].first.counts.trade_count == 0


def test_the_api_says_what_the_pages_show(alice_client: Client, alice_api: APIClient, traded: Account) -> None:
    spread = alice_api.get("/api/v1/aggregate/distribution/").json()
    falls = alice_api.get("/api/v1/aggregate/drawdowns/").json()
    contrast = alice_api.get("/api/v1/aggregate/contrast/", {"a.side": "long", "b.side": "short"}).json()

    assert (spread["net_pnl"]["count"], spread["net_pnl"]["median"], spread["r"]["mean"]) == (3, "30", "11.8")
    assert spread["trade_runs"]["longest_wins"] == 2
    assert falls["drawdowns"] == []
    assert (contrast["a"]["total_pnl"], contrast["b"]["total_pnl"]) == ("148", "-50")
    assert (contrast["expectancy"]["value"], contrast["expectancy"]["verdict"]) == ("124", "too_few")
    assert alice_api.get("/api/v1/aggregate/contrast/", {"a.color": "red"}).status_code == 400


def test_paper_says_which_trades_are_meant(alice_client: Client, traded: Account) -> None:
    page = alice_client.get("/reports/by/", {"by": "weekday", "symbol": "MSFT", "side": "short"}).content.decode()

    assert 'media="print"' in page
    assert "Symbol: <b>MSFT</b> · Side: <b>Short</b>" in page


def test_an_empty_calendar_says_what_to_do_and_no_axis_tells_what_is_blurred(
    alice_client: Client, account: Account
) -> None:
    assert ">Import a file</a>" in alice_client.get("/calendar/").content.decode().partition("<main")[2]

    make_trade(account, day=TUESDAY, pnl="1")

    assert ">Import a file</a>" not in alice_client.get("/calendar/").content.decode().partition("<main")[2]
    spread = alice_client.get("/reports/distribution/").content.decode()
    assert re.search(r'class="tick tick-amount" x="[^"]+" y="252"', spread)


def test_queries_are_as_many_for_one_row_as_for_many(alice_client: Client, account: Account) -> None:
    def queries(address: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert alice_client.get(address).status_code == 200
        return len(captured)

    addresses: list[Any] = ["/reports/by/?by=symbol", "/reports/drawdowns/", "/reports/days/", "/reports/distribution/"]
    make_trade(account, day=TUESDAY, pnl="1")
    few = [queries(address) for address in addresses]
    for number in range(8):
        make_trade(account, day=TUESDAY + timedelta(days=number), pnl=str(3 - number), symbol=f"S{number}")

    assert [queries(address) for address in addresses] == few


def test_the_field_of_an_account_shows_its_name(alice_client: Client, traded: Account) -> None:
    page = alice_client.get("/reports/compare/", {"a.account": str(traded.public_id), "b.account": "Other"})

    values = [field.value for side in page.context["sides"] for field in side.fields if field.kind == "account"]
    assert values == [traded.name, "Other"]


@pytest.mark.parametrize("unit", ["money", "percent", "r"])
def test_curves_of_a_comparison_follow_the_unit(alice_client: Client, traded: Account, unit: str) -> None:
    page = alice_client.get("/reports/compare/", {"a.side": "long", "b.side": "short", "unit": unit})

    assert page.status_code == 200
    assert page.context["curve_kind"] == {"percent": "of_equity"}.get(unit, unit)
    assert page.context["lacks_equity"] == (unit == "percent" and page.context["answer"].first.starting_equity is None)


def test_a_report_is_in_the_unit_of_the_page_and_its_file_in_money(alice_client: Client, alice: User) -> None:
    account = make_account(alice, "Only", initial_balance=Decimal(1000))
    make_trade(account, day=TUESDAY, pnl="120", stop="990")
    make_trade(account, day=WEDNESDAY, pnl="-50", symbol="MSFT")

    def net_of(unit: str) -> dict[str, Decimal | None]:
        page = alice_client.get("/reports/by/", {"by": "symbol", "unit": unit})
        return {line.head: line.cells[2] for line in page.context["table"].lines}

    assert net_of("money") == {"AAPL": 120, "MSFT": -50}
    assert net_of("percent") == {"AAPL": Decimal("0.12"), "MSFT": Decimal("-0.05")}
    # 120 made with 10 at risk; the other has no stop.
    assert net_of("r") == {"AAPL": 12, "MSFT": None}
    assert [row["net_pnl"] for row in rows_of(alice_client, "/reports/by/", by="symbol", unit="r")] == ["120", "-50"]
    in_r = alice_client.get("/reports/by/?by=symbol&unit=r&sort=fees").context["table"]
    assert [heading.name for heading in in_r.headings if heading.name in ("fees", "average_r")] == []


def test_drawdowns_in_percent_are_of_the_equity_at_the_peak_and_in_r_of_its_running_sum(
    alice_client: Client, alice: User
) -> None:
    account = make_account(alice, "Only", initial_balance=Decimal(900))
    make_trade(account, day=TUESDAY, pnl="100", stop="990")
    make_trade(account, day=WEDNESDAY, pnl="-50", stop="980")

    def depth_of(unit: str) -> tuple[Decimal, Decimal]:
        page = alice_client.get("/reports/drawdowns/", {"unit": unit})
        return page.context["depth"], page.context["below_now"]

    assert depth_of("money") == (50, 50)
    assert depth_of("percent") == (Decimal("0.05"), Decimal("0.05"))
    # Ten R on Tuesday, and 50 lost with 20 at risk on Wednesday.
    assert depth_of("r") == (Decimal("2.5"), Decimal("2.5"))


def test_days_are_compared_in_the_unit_of_the_page(alice_client: Client, alice: User) -> None:
    account = make_account(alice, "Only", initial_balance=Decimal(1000))
    make_trade(account, day=TUESDAY, pnl="100", stop="990")
    make_trade(account, day=WEDNESDAY, pnl="50")

    def winning(unit: str) -> tuple[Decimal | None, ...]:
        line = alice_client.get("/reports/days/", {"unit": unit}).context["table"].lines[0]
        return line.cells[3:6]

    assert winning("percent") == (Decimal("0.15"), Decimal("0.075"), Decimal("0.1"))
    assert winning("r") == (10, 10, 10)


def test_two_filters_are_compared_in_the_unit_of_the_page(alice_client: Client, alice: User) -> None:
    account = make_account(alice, "Only", initial_balance=Decimal(1000))
    make_trade(account, day=TUESDAY, pnl="100", stop="990")
    make_trade(account, day=WEDNESDAY, pnl="-50", stop="1020", side="short")

    def figures(unit: str) -> dict[str, tuple[Decimal | None, ...]]:
        page = alice_client.get("/reports/compare/", {"a.side": "long", "b.side": "short", "unit": unit})
        return {str(line.head): line.cells[1:4] for line in page.context["table"].lines}

    assert figures("percent")["Net P&L"] == (Decimal("0.1"), Decimal("-0.05"), Decimal("0.15"))
    assert figures("percent")["Expectancy"] == (Decimal("0.1"), Decimal("-0.05"), Decimal("0.15"))
    in_r = figures("r")
    assert in_r["Net P&L"] == (10, Decimal("-2.5"), Decimal("12.5"))
    assert {"Fees", "Expectancy"}.isdisjoint(in_r)


def test_percent_without_a_starting_balance_says_why_there_is_none(alice_client: Client, traded: Account) -> None:
    for name in ("by", "days", "drawdowns", "excursions"):
        assert "needs a starting balance" in alice_client.get(f"/reports/{name}/?unit=percent").content.decode(), name
