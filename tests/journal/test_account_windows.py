"""The list of accounts by stretches: nothing lost, nothing twice, and as many queries at 10,000 accounts as at one."""

import re
import uuid
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts import account_groups, versions
from accounts.errors import InvalidValue
from accounts.models import Account, AuditEvent, User
from accounts.reports import AccountFilters
from journal import account_forms, account_windows, saved_views
from journal.account_windows import ORDERS, AccountsWindow
from tests.journal.factories import make_account, make_trade
from trading.models import FxRate

pytestmark = pytest.mark.django_db
DAY = date(2026, 3, 3)


def names(user: User, order: str = "name", **filters: object) -> list[str]:
    found = account_windows.window(user, AccountsWindow(AccountFilters(**filters), order))  # type: ignore[arg-type]
    return [row.account.name for row in found.rows]


def many(owner: User, number: int) -> None:
    """Accounts that are equal in all that lists are ordered by, but for their names."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    made = Account.objects.bulk_create(Account(owner=owner, name=f"A{n:05}", broker="IBKR") for n in range(number))
    Account.objects.filter(pk__in=[each.pk for each in made]).update(created_at=at, updated_at=at)
    versions.bump(owner.pk)


@pytest.mark.parametrize("order", [*ORDERS, *(f"-{name}" for name in ORDERS)])
def test_every_order_has_every_account_once_whatever_the_stretches(alice: User, order: str) -> None:
    many(alice, 53)
    make_trade(Account.objects.get(name="A00007"), day=DAY, pnl="5")

    shown: list[str] = []
    for offset in range(0, 70, 10):
        found = account_windows.window(alice, AccountsWindow(order=order, offset=offset, limit=10))
        assert found.total == 53
        shown += [row.account.name for row in found.rows]

    assert len(shown) == 53
    assert set(shown) == {f"A{n:05}" for n in range(53)}
    if order.removeprefix("-") in ("trades", "pnl", "win_rate", "last_trade", "first_trade", "expectancy", "fees"):
        # What has no value is last, whichever the direction.
        assert shown[0] == "A00007"


def test_orders_by_what_was_traded(alice: User) -> None:
    best, worst, idle = (make_account(alice, name) for name in ("Best", "Worst", "Idle"))
    make_trade(best, day=DAY, pnl="100")
    make_trade(best, day=DAY, pnl="-20", symbol="MSFT")
    make_trade(worst, day=date(2026, 3, 5), pnl="-50", fees="1")

    assert names(alice, "-pnl") == ["Best", "Worst", "Idle"]
    assert names(alice, "pnl") == ["Worst", "Best", "Idle"]
    assert names(alice, "-trades") == ["Best", "Worst", "Idle"]
    assert names(alice, "win_rate") == ["Worst", "Best", "Idle"]
    assert names(alice, "-last_trade") == ["Worst", "Best", "Idle"]
    assert names(alice, "-profit_factor") == ["Best", "Worst", "Idle"]
    rows = account_windows.window(alice, AccountsWindow(order="-pnl")).rows
    assert [(row.net_pnl, row.trade_count, row.figures.win_rate) for row in rows] == [
        (Decimal(80), 2, Decimal("0.5")),
        (Decimal(-51), 1, Decimal(0)),
        (None, 0, None),
    ]
    assert rows[0].figures.profit_factor == Decimal(5)
    assert idle.pk == rows[2].account.pk


def test_money_of_several_currencies_is_ranked_by_what_it_is_worth(alice: User) -> None:
    FxRate.objects.create(base="EUR", quote="USD", date=DAY, rate=Decimal("1.25"))
    dollars, euros, both = (make_account(alice, name) for name in ("Dollars", "Euros", "Both"))
    make_trade(dollars, day=DAY, pnl="110")
    make_trade(euros, day=DAY, pnl="100", symbol="SAP", currency="EUR")
    make_trade(both, day=DAY, pnl="10")
    make_trade(both, day=DAY, pnl="20", symbol="SAP", currency="EUR")

    rows = account_windows.window(alice, AccountsWindow(order="-pnl")).rows

    assert [(row.account.name, row.net_pnl, row.pnl_currency) for row in rows] == [
        ("Euros", Decimal(100), "EUR"),
        ("Dollars", Decimal(110), "USD"),
        ("Both", Decimal(35), "USD"),
    ]
    assert rows[2].figures.profit_factor is None
    assert rows[2].figures.win_rate == Decimal(1)


def test_filters_find_groups_labels_samples_and_numbers(alice: User, bob: User) -> None:
    group = account_groups.create_group(owner=alice, name="Evaluations")
    tag = account_groups.create_tag(owner=alice, name="Prop")
    grouped = make_account(alice, "Grouped", group=group, number="U-77")
    tagged = make_account(alice, "Tagged", is_sample=True)
    tagged.tags.add(tag)
    make_account(alice, "Gone", archived_at=datetime(2026, 1, 1, tzinfo=UTC))
    foreign = account_groups.create_group(owner=bob, name="Theirs")
    make_account(bob, "Of Bob", group=foreign)

    assert names(alice) == ["Grouped", "Tagged"]
    assert names(alice, group="Evaluations") == names(alice, group=str(group.public_id)) == ["Grouped"]
    assert names(alice, group="none") == ["Tagged"]
    assert names(alice, tag="Prop") == names(alice, tag=str(tag.public_id)) == ["Tagged"]
    assert names(alice, is_sample=False) == ["Grouped"]
    assert names(alice, search="u-7") == ["Grouped"]
    assert names(alice, archived=True) == ["Gone"]
    assert names(alice, archived=None) == ["Gone", "Grouped", "Tagged"]
    assert names(alice, group=str(foreign.public_id)) == names(alice, group=str(uuid.uuid4())) == []
    assert grouped.group == group


@pytest.mark.parametrize("wrong", [{"offset": -1}, {"limit": 0}, {"limit": 201}, {"order": "owner_id"}])
def test_a_window_that_cannot_be_is_refused(alice: User, wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidValue):
        account_windows.window(alice, AccountsWindow(**wrong))  # type: ignore[arg-type]


def test_ten_thousand_accounts_cost_as_many_queries_as_one(alice_client: Client, alice: User) -> None:
    def queries(path: str) -> int:
        versions.bump(alice.pk)  # nothing is kept of what was asked before
        with CaptureQueriesContext(connection) as captured:
            assert alice_client.get(path).status_code == 200
        return len(captured)

    many(alice, 1)
    few = [queries(path) for path in ("/accounts/", "/accounts/rows/?offset=0&order=-pnl")]
    Account.objects.all().delete()
    many(alice, 10_000)

    paths = ("/accounts/", "/accounts/rows/?offset=5000&order=-pnl")
    assert [queries(path) for path in paths] == few
    answer = alice_client.get("/accounts/rows/?offset=9950&limit=100")
    assert answer.headers["X-Total"] == "10000"
    assert re.findall(r'class="row"[^>]*>(A\d+)<', answer.content.decode()) == [f"A{n:05}" for n in range(9950, 10_000)]


# ---------------------------------------------------------------- the page
def test_the_rows_by_htmx_are_a_part_and_the_csv_is_all(alice_client: Client, alice: User) -> None:
    make_trade(make_account(alice, "=1+1", broker="Alpha"), day=DAY, pnl="12.5")
    make_account(alice, "Other")

    part = alice_client.get("/accounts/?search=oth", headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part
    assert re.findall(r'class="row"[^>]*>([^<]+)<', part) == ["Other"]
    lines = b"".join(alice_client.get("/accounts/?format=csv&order=name")).decode().split("\r\n")  # type: ignore[arg-type]
    assert lines[0].startswith("id,name,broker,group,labels,trades,win_rate,pnl,drawdown,last_trade")
    assert lines[1].endswith(",'=1+1,Alpha,,,1,1,12.5,0,2026-03-03,USD")
    assert len(lines) == 4


def test_columns_are_kept_for_the_person(alice_client: Client, bob_client: Client, alice: User) -> None:
    make_account(alice, "Main", number="U1234")

    assert "U1234" not in alice_client.get("/accounts/").content.decode()
    kept = alice_client.post("/accounts/columns/", {"column": ["number", "pnl"], "query": "order=-pnl"})
    assert kept.headers["Location"] == "/accounts/?order=-pnl"
    assert "U1234" in alice_client.get("/accounts/").content.decode()
    assert alice_client.post("/accounts/columns/", {"column": ["owner_id"]}).status_code == 302
    alice_client.post("/accounts/columns/", {"default": "1"})
    assert "U1234" not in alice_client.get("/accounts/").content.decode()
    assert "?order=-number" not in bob_client.get("/accounts/").content.decode()


# ---------------------------------------------------------------- many at once
def test_chosen_accounts_are_changed_and_the_change_is_taken_back(alice_client: Client, alice: User) -> None:
    accounts = [make_account(alice, name) for name in ("A", "B")]
    chosen = {"id": [str(each.public_id) for each in accounts]}

    asked = alice_client.post("/accounts/bulk/", {**chosen, "act": "edit"})
    assert "Change 2 accounts" in asked.content.decode()
    looked = alice_client.post("/accounts/bulk/", {**chosen, "act": "preview", "kind": "prop"})
    assert "Kind becomes Prop firm: 2 of 2 accounts change." in looked.content.decode()
    assert not Account.objects.filter(kind="prop").exists()
    assert alice_client.post("/accounts/bulk/", {**chosen, "act": "apply"}).status_code == 422

    alice_client.post("/accounts/bulk/", {**chosen, "act": "apply", "kind": "prop"})
    assert Account.objects.filter(kind="prop").count() == 2
    page = alice_client.get("/accounts/").content.decode()
    assert "2 accounts were changed." in page
    token = next(each for each in re.findall(r'name="token" value="([^"]*)"', page) if each)
    alice_client.post("/undo/", {"token": token})
    assert not Account.objects.filter(kind="prop").exists()


def test_all_that_match_but_a_few_are_archived(alice_client: Client, alice: User) -> None:
    made = [make_account(alice, f"Eval {n}", broker="Apex") for n in range(4)]
    make_account(alice, "Pension")
    sent = {"all": "1", "filters": "broker=Apex", "except": str(made[3].public_id), "act": "archive"}

    assert alice_client.post("/accounts/bulk/", sent).headers["Location"] == "/accounts/?broker=Apex"

    assert set(Account.objects.current().values_list("name", flat=True)) == {"Eval 3", "Pension"}


def test_a_foreign_account_among_the_chosen_keeps_all_as_they_are(alice_client: Client, alice: User, bob: User) -> None:
    own, foreign = make_account(alice, "Own"), make_account(bob, "Of Bob")

    for other in (foreign.public_id, uuid.uuid4()):
        answer = alice_client.post("/accounts/bulk/", {"ids": f"{own.public_id},{other}", "act": "archive"})
        assert answer.status_code == 400
    group = account_groups.create_group(owner=bob, name="Theirs")
    sent = {"id": str(own.public_id), "act": "apply", "group": str(group.public_id)}
    assert alice_client.post("/accounts/bulk/", sent).status_code == 422

    assert not Account.objects.exclude(archived_at=None).exists()
    assert not AuditEvent.objects.filter(event="account.update").exists()


def test_chosen_accounts_are_compared(alice_client: Client, alice: User) -> None:
    accounts = [make_account(alice, name) for name in ("A", "B")]
    sent = {"id": [str(each.public_id) for each in accounts], "act": "compare"}

    where = alice_client.post("/accounts/bulk/", sent).headers["Location"]

    assert where == f"/accounts/compare/?account={accounts[0].public_id}&account={accounts[1].public_id}"


def test_the_group_and_labels_of_an_account_lead_to_all_of_theirs(alice_client: Client, alice: User) -> None:
    group = account_groups.create_group(owner=alice, name="Evaluations")
    tag = account_groups.create_tag(owner=alice, name="Prop")
    account = make_account(alice, "Main", group=group)
    account.tags.add(tag)

    page = alice_client.get(f"/accounts/{account.public_id}/?account={account.public_id}").content.decode()

    assert f'<a class="chip" href="/accounts/?group={group.public_id}">' in page
    assert f'<a class="chip" href="/accounts/?tag={tag.public_id}">' in page


def test_groups_and_labels_have_a_page(alice_client: Client, alice: User) -> None:
    color = {"color": "#112233"}
    assert alice_client.post("/accounts/groups/new/", {"name": "Evaluations", **color}).status_code == 302
    assert alice_client.post("/accounts/labels/new/", {"name": "Prop", **color}).status_code == 302
    again = alice_client.post("/accounts/groups/new/", {"name": "Evaluations", **color})
    assert again.status_code == 422
    assert "You have a group named Evaluations." in again.content.decode()
    group = alice.account_groups.get()
    make_account(alice, "Main", group=group)

    path = f"/accounts/groups/{group.public_id}/"
    assert alice_client.post(path, {"name": "Funded", **color}).status_code == 302
    assert alice_client.post(path, {"name": "", **color}).status_code == 422
    assert 'value="Funded"' in alice_client.get("/accounts/groups/").content.decode()
    alice_client.post(f"{path}delete/")
    page = alice_client.get("/accounts/groups/").content.decode()
    token = next(each for each in re.findall(r'name="token" value="([^"]*)"', page) if each)
    alice_client.post("/undo/", {"token": token})
    assert alice.account_groups.get().accounts.get().name == "Main"


def test_the_fall_of_each_account_is_known_where_it_is_asked_for_with_as_many_queries_for_any_number(
    alice: User, alice_client: Client
) -> None:
    fallen, risen, several = (make_account(alice, name) for name in ("A fallen", "B risen", "C several"))
    for number, pnl in enumerate(("100", "-30", "-40", "20")):
        make_trade(fallen, day=date(2026, 3, 2 + number), pnl=pnl)
    make_trade(risen, day=DAY, pnl="5")
    make_trade(several, day=DAY, pnl="-5")
    make_trade(several, day=DAY, pnl="-5", symbol="SAP", currency="EUR")
    make_account(alice, "D idle")

    def falls(**wanted: bool) -> list[Decimal | None]:
        return [row.max_drawdown for row in account_windows.window(alice, AccountsWindow(**wanted), fresh=True).rows]

    assert falls(with_falls=True) == [70, 0, None, None]
    assert falls() == [None, None, None, None]
    assert "−70.00" in alice_client.get("/accounts/").content.decode()
    with CaptureQueriesContext(connection) as few:
        falls(with_falls=True, limit=100)
    many(alice, 60)
    with CaptureQueriesContext(connection) as more:
        falls(with_falls=True, limit=100)
    assert len(few) == len(more)


def test_a_window_of_the_page_is_of_one_length_whatever_the_address_says(alice: User, alice_client: Client) -> None:
    many(alice, 60)

    page = alice_client.get("/accounts/?limit=1").content.decode()

    assert ('data-window-page="50"' in page, page.count("<tr data-id=")) == (True, 50)


def test_any_chosen_accounts_can_be_shown_on_the_dashboard_without_a_script(alice: User, alice_client: Client) -> None:
    chosen = [make_account(alice, name) for name in ("One", "Two")]
    make_account(alice, "Three")

    sent = {"id": [str(each.public_id) for each in chosen], "act": "show"}

    where = alice_client.post("/accounts/bulk/", sent).headers["Location"]
    assert where == "/?" + "&".join(f"account={each.public_id}" for each in chosen)


def test_the_list_answers_to_the_filters_of_every_page(alice: User, alice_client: Client) -> None:
    first, second, third = (make_account(alice, name) for name in ("First", "Second", "Third"))
    make_trade(first, day=DAY, pnl="100")
    make_trade(first, day=date(2026, 4, 1), pnl="-30")
    make_trade(first, day=date(2026, 4, 2), pnl="10", symbol="SAP", currency="EUR")
    make_trade(second, day=date(2026, 4, 1), pnl="7")
    make_trade(third, day=date(2026, 4, 1), pnl="9")

    def listed(query: str, order: str = "-pnl") -> list[tuple[str, int, Decimal | None, Decimal | None, date | None]]:
        wanted = account_forms.window_of(QueryDict(f"{query}&order={order}"), alice)
        rows = account_windows.window(alice, replace(wanted, with_falls=True)).rows
        return [(row.account.name, row.trade_count, row.net_pnl, row.max_drawdown, row.last_day) for row in rows]

    april, two = "from=2026-04-01&to=2026-04-30", f"account={first.public_id}&account={second.public_id}"
    day = date(2026, 4, 1)
    assert listed(f"{april}&currency=USD") == [
        ("Third", 1, Decimal(9), Decimal(0), day),
        ("Second", 1, Decimal(7), Decimal(0), day),
        ("First", 1, Decimal(-30), Decimal(30), day),
    ]
    assert listed(f"{two}&to=2026-03-31", "-trades") == [
        ("First", 1, Decimal(100), Decimal(0), DAY),
        ("Second", 0, None, None, None),
    ]
    assert [row[:2] for row in listed(april, "-trades")] == [("First", 2), ("Second", 1), ("Third", 1)]
    kept = saved_views.keep_set(alice, [third.public_id]).public_id
    assert [row[0] for row in listed(f"view={kept}")] == ["Third"]

    # In R the R is compared and shown; percent is of what both started with, and the other currency has none.
    Account.objects.filter(pk__in=[first.pk, second.pk]).update(initial_balance=Decimal(500))
    make_trade(third, day=date(2026, 4, 3), pnl="50", stop="975")
    make_trade(second, day=date(2026, 4, 3), pnl="75", stop="950", symbol="MSFT")
    assert [row[0] for row in listed(f"{april}&currency=USD")] == ["Second", "Third", "First"]
    assert [row[0] for row in listed(f"{april}&unit=r")] == ["Third", "Second", "First"]
    in_r = alice_client.get(f"/accounts/rows/?{april}&unit=r").content.decode()
    assert [text for text in ("+2.00R", "+1.50R") if f">{text}<" not in in_r] == []
    assert ">+82.00<" not in in_r
    of_two = alice_client.get(f"/accounts/rows/?{two}&to=2026-04-30&currency=USD&unit=percent").content.decode()
    assert [text for text in ("+7.0%", "+8.2%") if f">{text}<" not in of_two] == []

    # The rows, their links, the file and what is chosen keep to it.
    page = alice_client.get(f"/accounts/?{two}&{april}&unit=r").content.decode()
    assert "Third" not in re.sub(r"<header.*?</header>", "", page, flags=re.DOTALL)
    carried = f"{two}&{april}&unit=r".replace("&", "&amp;")
    assert f'href="/accounts/{first.public_id}/?{carried}"' in page
    assert f"format=csv&{two}&{april}".split("&", 1)[1].replace("&", "&amp;") in page
    file = b"".join(alice_client.get(f"/accounts/?view={kept}&format=csv")).decode()  # type: ignore[arg-type]
    assert [line.split(",")[1] for line in file.splitlines()] == ["name", "Third"]
    everything = {"all": "1", "filters": f"view={kept}", "act": "archive"}
    alice_client.post("/accounts/bulk/", everything)
    assert list(Account.objects.filter(archived_at=None).values_list("name", flat=True).order_by("name")) == [
        "First",
        "Second",
    ]
