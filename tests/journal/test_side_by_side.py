"""Accounts beside each other: what is best and worst, curves from one start, and how many stand side by side."""

import re
from datetime import date
from decimal import Decimal

import pytest
from django.test import Client

from accounts.models import Account, User
from journal import breakdowns, reports, side_by_side
from journal.filters import MetricsFilter
from journal.side_by_side import Column, Curves
from journal.units import Unit
from tests.journal.factories import make_account, make_trade

pytestmark = pytest.mark.django_db

MONDAY, TUESDAY, WEDNESDAY, FRIDAY = (date(2026, 3, day) for day in (2, 3, 4, 6))


@pytest.fixture
def two(alice: User) -> list[Account]:
    """First: +100 on Monday, -40 on Wednesday, +10 on Friday; second, begun later: +50 on Tuesday, +30 on Friday."""
    first = make_account(alice, "First", initial_balance=Decimal(1000))
    second = make_account(alice, "Second", initial_balance=Decimal(200))
    for day, pnl in ((MONDAY, "100"), (WEDNESDAY, "-40"), (FRIDAY, "10")):
        make_trade(first, day=day, pnl=pnl)
    for day, pnl in ((TUESDAY, "50"), (FRIDAY, "30")):
        make_trade(second, day=day, pnl=pnl)
    return [first, second]


def columns_of(user: User, accounts: list[Account]) -> list[Column]:
    answer = breakdowns.comparison(user, MetricsFilter(accounts=tuple(each.pk for each in accounts)))
    return side_by_side.columns(answer.accounts, {str(each.public_id): each for each in Account.objects.all()})


def curves_of(user: User, accounts: list[Account], *, align: str, is_percent: bool = False) -> Curves:
    found = reports.equity_curve(user, by_account=True)
    columns = columns_of(user, accounts)
    return side_by_side.curves(columns, found.by_account or (), align=align, is_percent=is_percent)


def points(curves: Curves) -> list[list[tuple[object, str]]]:
    return [[(x, format(value.normalize(), "f")) for x, value in line.points] for line in curves.lines]


def test_the_best_and_the_worst_follow_what_is_better_of_each_metric(alice: User, two: list[Account]) -> None:
    rows = {row.metric.name: row for row in side_by_side.metric_rows(columns_of(alice, two))}

    def marks(name: str) -> list[tuple[str, str]]:
        return [(cell.text, cell.mark) for cell in rows[name].cells]

    assert marks("net_pnl") == [("+70.00", "worst"), ("+80.00", "best")]
    assert marks("return") == [("+7.0%", "worst"), ("+40.0%", "best")]
    assert marks("win_rate") == [("66.7%", "worst"), ("100.0%", "best")]
    assert marks("average_win") == [("55.00", "best"), ("40.00", "worst")]
    # Of one value alone nothing is best.
    assert marks("profit_factor") == [("2.75", ""), ("–", "")]
    assert marks("average_loss") == [("−40.00", ""), ("–", "")]
    assert marks("trade_count") == [("3", ""), ("2", "")]


def test_less_is_better_of_drawdowns_and_equals_share_the_mark(alice: User) -> None:
    accounts = [make_account(alice, name) for name in "ABC"]
    for account, pnl in zip(accounts, ("-10", "-30", "-10"), strict=True):
        make_trade(account, day=MONDAY, pnl=pnl)

    rows = {row.metric.name: row for row in side_by_side.metric_rows(columns_of(alice, accounts))}

    assert [cell.mark for cell in rows["max_drawdown"].cells] == ["best", "worst", "best"]
    assert rows["max_drawdown"].direction == "less is better"
    assert [cell.mark for cell in rows["win_rate"].cells] == ["", "", ""]


def test_amounts_of_several_currencies_are_not_ranked(alice: User) -> None:
    dollars, euros = make_account(alice, "Dollars"), make_account(alice, "Euros", currency="EUR")
    make_trade(dollars, day=MONDAY, pnl="10")
    make_trade(euros, day=MONDAY, pnl="20", symbol="SAP", currency="EUR")
    make_trade(euros, day=MONDAY, pnl="-1", symbol="SAN", currency="EUR")

    rows = {row.metric.name: row for row in side_by_side.metric_rows(columns_of(alice, [dollars, euros]))}

    assert [cell.mark for cell in rows["net_pnl"].cells] == ["", ""]
    assert rows["net_pnl"].direction == ""
    assert [cell.mark for cell in rows["win_rate"].cells] == ["best", "worst"]


def test_curves_by_date(alice: User, two: list[Account]) -> None:
    assert points(curves_of(alice, two, align="calendar")) == [
        [(MONDAY, "100"), (WEDNESDAY, "60"), (FRIDAY, "70")],
        [(TUESDAY, "50"), (FRIDAY, "80")],
    ]


def test_curves_from_the_first_common_day_leave_out_what_was_made_before(alice: User, two: list[Account]) -> None:
    assert points(curves_of(alice, two, align="common")) == [
        [(WEDNESDAY, "-40"), (FRIDAY, "-30")],
        [(TUESDAY, "50"), (FRIDAY, "80")],
    ]


def test_curves_by_days_since_each_start_and_in_percent_of_it(alice: User, two: list[Account]) -> None:
    assert points(curves_of(alice, two, align="days", is_percent=True)) == [
        [(0, "0.1"), (2, "0.06"), (4, "0.07")],
        [(0, "0.25"), (3, "0.4")],
    ]


def test_percent_leaves_out_and_names_accounts_without_a_start(alice: User, two: list[Account]) -> None:
    bare = make_account(alice, "Bare")
    make_trade(bare, day=MONDAY, pnl="5")

    curves = curves_of(alice, [*two, bare], align="calendar", is_percent=True)

    assert [line.name for line in curves.lines] == ["First", "Second"]
    assert curves.missing == ["Bare"]


def test_the_table_has_each_accounts_last_value_and_none_before_its_start(alice: User, two: list[Account]) -> None:
    assert curves_of(alice, two, align="calendar").table == [
        (MONDAY, [Decimal(100), None]),
        (TUESDAY, [Decimal(100), Decimal(50)]),
        (WEDNESDAY, [Decimal(60), Decimal(50)]),
        (FRIDAY, [Decimal(70), Decimal(80)]),
    ]


# ---------------------------------------------------------------- the page
def path_of(accounts: list[Account]) -> str:
    return "/accounts/compare/?" + "&".join(f"account={each.public_id}" for each in accounts)


def test_two_accounts_have_figures_curves_and_files(alice_client: Client, two: list[Account]) -> None:
    page = alice_client.get(f"{path_of(two)}&align=days&unit=percent").content.decode()
    assert page.count('class="curve series-') == 2
    figures = b"".join(alice_client.get(f"{path_of(two)}&format=csv")).decode()  # type: ignore[arg-type]
    assert figures.startswith("metric,First,Second\r\ncurrency,USD,USD\r\nnet_pnl,70,80\r\n")
    curves = b"".join(alice_client.get(f"{path_of(two)}&format=csv&table=curves")).decode()  # type: ignore[arg-type]
    assert curves.startswith("date,First,Second\r\n2026-03-02,100,\r\n2026-03-03,100,50\r\n")
    assert alice_client.get(f"{path_of(two)}&align=moon").status_code == 400


def test_an_account_is_added_by_its_name_and_left_out_by_a_link(
    alice_client: Client, two: list[Account], bob: User
) -> None:
    make_account(bob, "Of Bob")

    added = alice_client.get(f"{path_of(two[:1])}&add=sec")
    assert added.headers["Location"] == path_of(two)
    page = alice_client.get(path_of(two)).content.decode()
    assert path_of(two[1:]) in page
    unknown = alice_client.get(f"{path_of(two)}&add=Of+Bob").content.decode()
    assert "No account is called “Of Bob”." in unknown


def test_more_than_twelve_are_a_list_and_one_asks_for_another(alice_client: Client, alice: User) -> None:
    accounts = [make_account(alice, f"Account {number:02}") for number in range(13)]

    many = alice_client.get(path_of(accounts)).content.decode()
    assert "13 accounts are chosen; up to 12 stand side by side." in many
    assert len(re.findall(r'class="row"', many)) == 13
    one = alice_client.get(path_of(accounts[:1])).content.decode()
    assert "Add another one above" in one


def test_rows_are_in_the_unit_of_the_page(alice: User, two: list[Account]) -> None:
    make_trade(two[0], day=FRIDAY, pnl="20", symbol="MSFT", stop="990")
    columns = columns_of(alice, two)

    def texts(unit: Unit) -> dict[str, list[str]]:
        rows = side_by_side.metric_rows(columns, unit=unit)
        return {row.metric.name: [cell.text for cell in row.cells] for row in rows}

    # 90 of 1,000 and 80 of 200.
    assert texts(Unit.PERCENT)["net_pnl"] == ["+9.0%", "+40.0%"]
    assert texts(Unit.PERCENT)["average_loss"] == ["−4.0%", "–"]
    assert "return" not in texts(Unit.PERCENT)
    # 20 with 10 at risk, and no stop elsewhere.
    assert texts(Unit.R)["net_pnl"] == ["+2.00R", "–"]
    assert "fees" not in texts(Unit.R)
