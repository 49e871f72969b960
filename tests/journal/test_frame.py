"""The frame of every page: choosing accounts, views with a name, switches, search, pages of errors."""

import re
import uuid
from collections.abc import Callable
from datetime import date

import pytest
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import translation
from pytest_django import DjangoAssertNumQueries

from accounts import preferences, undo
from accounts.errors import Conflict, InvalidValue
from accounts.models import Account, AccountGroup, AccountTag, User
from config import problems
from journal import saved_views
from journal.models import SavedView
from journal.sample_words import views
from journal.sample_words.made import Made
from tests.conftest import signed_in
from tests.factories import make_account
from tests.journal.factories import make_trade

DAY = date(2026, 3, 2)


@pytest.fixture
def sixty(alice: User) -> list[Account]:
    return [make_account(alice, f"Account {number:02d}") for number in range(60)]


def _ids(accounts: list[Account]) -> str:
    return ",".join(str(account.public_id) for account in accounts)


def test_a_few_accounts_stand_in_the_address(alice: User, alice_client: Client) -> None:
    one, two = make_account(alice, "One"), make_account(alice, "Two")

    answer = alice_client.post(
        "/choose/accounts/set/", {"accounts": _ids([one, two]), "next": "/trades/?symbol=AAPL&account=x&cursor=y"}
    )

    wanted = f"/trades/?symbol=AAPL&account={one.public_id}&account={two.public_id}"
    assert answer.headers["Location"] == wanted
    assert not SavedView.objects.exists()


def test_many_accounts_are_a_set_that_the_address_names(
    alice: User, alice_client: Client, sixty: list[Account]
) -> None:
    for account in sixty[:3]:
        make_trade(account, day=DAY, pnl="10")
    chosen = _ids(sixty[1:])

    answer = alice_client.post("/choose/accounts/set/", {"accounts": chosen, "next": "/"})
    again = alice_client.post("/choose/accounts/set/", {"accounts": chosen, "next": "/"})

    address = answer.headers["Location"]
    assert re.fullmatch(r"/\?view=[0-9a-f-]{36}", address)
    assert again.headers["Location"] == address
    page = alice_client.get(f"/trades/{address[1:]}").content.decode()
    assert "59 accounts" in page
    assert "+20.00" in page
    assert f'href="/calendar/{address[1:]}"' in page


def test_no_link_spells_out_a_set_of_accounts(alice: User, alice_client: Client, sixty: list[Account]) -> None:
    """An address of thousands of ids is one that no server takes."""
    trade = make_trade(sixty[3], day=DAY, pnl="10")
    view = saved_views.keep_set(alice, [account.public_id for account in sixty[1:]]).public_id
    month = DAY.isoformat()[:7]

    for path in (
        "/", "/trades/", "/trades/rows/", f"/calendar/?month={month}", "/reports/compare/?a.side=long&b.side=short",
        "/dashboard/panels/accounts/", "/dashboard/panels/symbol/", "/accounts/", "/journal/", "/accounts/compare/",
        f"/days/{DAY}/", f"/trades/{trade.public_id}/", "/trades/review/", "/reports/by/?by=account", "/playbooks/",
    ):  # fmt: skip
        page = alice_client.get(f"{path}{'&' if '?' in path else '?'}view={view}").content.decode()
        assert not re.search(r"account=[0-9a-f-]{36}&(amp;)?([a-z_]+=[^&\"]*&(amp;)?)*account=", page), path
        assert str(view) in page or "/rows/" in path, path
    rows = alice_client.get(f"/trades/rows/?view={view}").content.decode()
    assert f'href="/accounts/{sixty[3].public_id}/?view={view}"' in rows

    # One account out of the set is that one alone, and one more beside it is both.
    assert f"account={sixty[3].public_id}" in alice_client.get(f"/reports/by/?by=account&view={view}").content.decode()
    chosen = alice_client.get(f"/accounts/compare/?view={view}&add={sixty[0].name}").headers["Location"]
    assert f"view={view}" in chosen
    assert "60 accounts" in alice_client.get(chosen).content.decode()
    asked = {"act": "rate", "value_rate": "5", "all": "1", "query": f"view={view}"}
    alice_client.post("/trades/bulk/", asked)
    trade.refresh_from_db()
    assert trade.rating == 5


def test_a_set_of_somebody_else_is_not_there(
    alice: User, bob_client: Client, alice_client: Client, sixty: list[Account]
) -> None:
    address = alice_client.post("/choose/accounts/set/", {"accounts": _ids(sixty), "next": "/"}).headers["Location"]

    assert alice_client.get(address).status_code == 200
    assert bob_client.get(address).status_code == 404
    assert bob_client.get(f"/?view={uuid.uuid4()}").status_code == 404


def test_accounts_of_others_never_get_into_a_set(alice: User, bob: User, sixty: list[Account]) -> None:
    foreign = make_account(bob, "Foreign")

    kept = saved_views.keep_set(alice, [foreign.public_id, sixty[0].public_id])

    assert saved_views.accounts_of(alice, kept.public_id) == [str(sixty[0].public_id)]
    with pytest.raises(InvalidValue):
        saved_views.keep_set(alice, [foreign.public_id])


def test_old_sets_go_unless_a_view_names_them(
    alice: User, sixty: list[Account], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saved_views, "SETS_KEPT", 2)
    named, old, *_others = [saved_views.keep_set(alice, [account.public_id]) for account in sixty[:2]]
    saved_views.save(owner=alice, name="Mine", query=f"view={named.public_id}")

    for account in sixty[2:5]:
        saved_views.keep_set(alice, [account.public_id])

    assert saved_views.accounts_of(alice, named.public_id) == [str(sixty[0].public_id)]
    assert saved_views.accounts_of(alice, old.public_id) is None


def test_accounts_are_found_by_any_word_within_the_choices(alice: User, alice_client: Client) -> None:
    group = AccountGroup.objects.create(owner=alice, name="Evaluations")
    make_account(alice, "Apex 1", broker="Tradovate", group=group)
    make_account(alice, "Apex 2", broker="Rithmic")
    make_account(alice, "Swing", broker="Tradovate")

    def found(query: str) -> list[str]:
        page = alice_client.get(f"/choose/accounts/?{query}").content.decode()
        return re.findall(r'choice-words">([^<]+)<', page)

    assert found("q=apex") == ["Apex 1", "Apex 2"]
    assert found("q=apex+trado") == ["Apex 1"]
    assert found("q=evalu") == ["Apex 1"]
    assert found("broker=Tradovate") == ["Apex 1", "Swing"]
    assert found(f"group={group.public_id}") == ["Apex 1"]
    assert found("group=none&q=swing") == ["Swing"]
    assert found("q=nothing%00") == []
    assert len(alice_client.get("/choose/accounts/?ids=1&q=apex").json()["ids"]) == 2


def test_every_view_of_the_sample_leads_to_a_page(alice: User, alice_client: Client) -> None:
    views.write(alice, made=Made())

    rows = list(SavedView.objects.for_user(alice))
    assert len(rows) == 4
    for row in rows:
        path = reverse(row.page or "dashboard")
        assert alice_client.get(f"{path}?{row.query}").status_code == 200, row.name


def test_a_saved_view_leads_back_to_its_page_and_its_filters(alice: User, alice_client: Client) -> None:
    alice_client.post("/views/", {"name": "Longs", "next": "/trades/?side=long&from=2026-03-01&cursor=x"})
    alice_client.post("/views/", {"name": "March", "next": "/calendar/?from=2026-03-01"})

    longs, march = SavedView.objects.for_user(alice).order_by("name")
    opened = [alice_client.get(f"/views/{view.public_id}/").headers["Location"] for view in (longs, march)]
    assert opened == ["/trades/?side=long&from=2026-03-01", "/?from=2026-03-01"]


def test_without_filters_there_is_nothing_to_save(alice: User, alice_client: Client) -> None:
    page = alice_client.post("/views/", {"name": "Empty", "next": "/trades/"}, follow=True)

    assert "nothing to save" in page.content.decode()
    assert not SavedView.objects.exists()


def test_a_deleted_view_comes_back_as_it_was(alice: User, alice_client: Client) -> None:
    view = saved_views.save(owner=alice, name="Longs", query="side=long", page="trade_list")

    page = alice_client.post(f"/views/{view.public_id}/delete/", follow=True).content.decode()
    token = re.search(r'name="token" value="([^"]+)"', page)
    assert token
    assert not SavedView.objects.exists()
    alice_client.post("/undo/", {"token": token[1]})

    back = SavedView.objects.get()
    assert (back.public_id, back.name, back.query, back.page) == (view.public_id, "Longs", "side=long", "trade_list")


def test_a_view_does_not_take_the_name_of_another(alice: User) -> None:
    saved_views.save(owner=alice, name="Longs", query="side=long")
    shorts = saved_views.save(owner=alice, name="Shorts", query="side=short")

    with pytest.raises(Conflict):
        saved_views.rename(shorts, name="Longs")

    shorts.refresh_from_db()
    assert shorts.name == "Shorts"
    assert undo.token(alice, saved_views.DELETED, {"id": str(shorts.public_id)})


def test_one_begins_with_the_view_that_has_the_star(alice: User, alice_client: Client) -> None:
    assert alice_client.get("/home/").headers["Location"] == "/"
    view = saved_views.save(owner=alice, name="March", query="from=2026-03-01")

    alice_client.post(f"/views/{view.public_id}/first/")
    assert alice_client.get("/home/").headers["Location"] == "/?from=2026-03-01"

    alice_client.post(f"/views/{view.public_id}/first/")
    assert alice_client.get("/home/").headers["Location"] == "/"


def test_amounts_are_blurred_from_the_first_byte(alice: User, alice_client: Client) -> None:
    assert 'data-privacy="off"' in alice_client.get("/settings/").content.decode()

    alice_client.post("/switches/privacy/", {"value": "on"})
    alice_client.post("/switches/privacy/", {"value": "elsewhere"})

    assert 'data-privacy="on"' in alice_client.get("/settings/").content.decode()
    assert preferences.get(alice, "privacy") == "on"
    assert alice_client.post("/switches/theme/", {"value": "on"}).status_code == 404


def test_theme_and_language_are_kept_for_pages_without_a_person(client: Client, db: None) -> None:
    client.post("/theme/", {"theme": "dark", "next": "/login/"})
    client.post("/language/", {"language": "fr", "next": "/login/"})
    client.post("/language/", {"language": "xx", "next": "/login/"})

    page = client.get("/login/").content.decode()
    assert 'data-theme="dark"' in page
    assert '<html lang="fr"' in page


def test_what_is_kept_goes_from_page_to_page(alice: User, alice_client: Client) -> None:
    make_trade(make_account(alice, "Main"), day=DAY, pnl="1")

    page = alice_client.get("/trades/?from=2026-03-01&unit=r&symbol=AAPL").content.decode()

    assert 'href="/calendar/?from=2026-03-01&amp;unit=r"' in page


def test_links_of_the_accounts_keep_the_days_and_the_unit(alice: User, alice_client: Client) -> None:
    group, tag = (
        AccountGroup.objects.create(owner=alice, name="Evaluations"),
        AccountTag.objects.create(owner=alice, name="Prop"),
    )
    account = make_account(alice, "Main", group=group)
    account.tags.add(tag)
    none = "00000000-0000-0000-0000-000000000000"
    kept = "from=2026-03-01&amp;unit=r"

    accounts = alice_client.get("/accounts/?from=2026-03-01&unit=r&broker=TD").content.decode()
    page = alice_client.get(f"/accounts/{account.public_id}/?from=2026-03-01&unit=r").content.decode()
    groups = alice_client.get("/accounts/groups/?from=2026-03-01&unit=r&broker=TD").content.decode()

    # One account is meant, so that the broker which narrowed the list falls off.
    assert f'data-to="/trades/?{kept}&amp;account={none}"' in accounts
    assert f'data-to="/accounts/compare/?{kept}&amp;account={none}"' in accounts
    assert f'data-to="/accounts/{none}/?broker=TD&amp;{kept}"' in accounts
    assert f'href="/accounts/?{kept}&amp;group={group.public_id}"' in page
    assert f'href="/accounts/?{kept}&amp;tag={tag.public_id}"' in page
    # The number beside a group is of all its accounts.
    assert f'href="/accounts/?{kept}&amp;group={group.public_id}"' in groups
    assert f'href="/accounts/?{kept}&amp;group=none"' in groups
    assert f'href="/accounts/?{kept}&amp;tag={tag.public_id}"' in groups
    assert f'href="/?{kept}&amp;group={group.public_id}"' in groups
    assert f'href="/?{kept}&amp;account_tag={tag.public_id}"' in groups


def test_the_palette_finds_pages_accounts_and_symbols(alice: User, alice_client: Client, bob: User) -> None:
    account = make_account(alice, "Main AAPL account")
    make_trade(account, day=DAY, pnl="1")
    make_account(bob, "Foreign AAPL")

    found = alice_client.get("/search/?q=aapl", headers={"HX-Request": "true"}).content.decode()

    assert f"/accounts/{account.public_id}/" in found
    assert "/trades/?symbol=AAPL" in found
    assert "Foreign" not in found
    assert "Calendar" in alice_client.get("/search/?q=calen").content.decode()


def test_the_frame_asks_the_same_number_of_queries_of_few_and_many_accounts(
    alice: User, alice_client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    make_account(alice, "One")
    with django_assert_max_num_queries(40) as few:
        alice_client.get("/calendar/")
    for number in range(50):
        make_account(alice, f"Account {number}", broker=f"Broker {number}")

    with django_assert_max_num_queries(len(few.captured_queries)):
        alice_client.get("/calendar/")


def test_a_fault_is_told_without_asking_the_database(
    django_assert_num_queries: DjangoAssertNumQueries, rf: type, db: None
) -> None:
    make: Callable[..., HttpRequest] = rf.get  # type: ignore[attr-defined]
    request = make("/trades/?from=2026-03-01", headers={"Accept-Language": "fr"})
    request.request_id = "abc123"  # type: ignore[attr-defined]

    with django_assert_num_queries(0):
        answer: HttpResponse = problems.server_error(request)

    text = answer.content.decode()
    assert answer.status_code == 500
    assert '<html lang="fr"' in text
    assert "abc123" in text
    assert 'href="/trades/?from=2026-03-01"' in text
    assert translation.get_language() == "en"


def test_a_form_of_another_session_says_what_to_do(alice: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)

    answer = client.post("/settings/", {"theme": "dark"})

    assert answer.status_code == 403
    assert "This form is too old" in answer.content.decode()
    alice.refresh_from_db()
    assert alice.theme == "system"


def test_the_browser_keeps_the_offline_page_and_nothing_of_anybody(client: Client, alice: User) -> None:
    worker = client.get("/sw.js")

    assert worker.headers["Content-Type"].startswith("text/javascript")
    assert worker.headers["Cache-Control"] == "no-cache"
    assert "worker-src 'self'" in worker.headers["Content-Security-Policy"]
    kept = re.search(r"PARTS = \[(.*?)\]", worker.content.decode())
    assert kept
    paths = [each.encode().decode("unicode_escape") for each in re.findall(r'"([^"]+)"', kept[1])]
    assert paths[0] == "/offline/"
    assert all(path.startswith(f"/{settings.STATIC_URL.strip('/')}/") for path in paths[1:])
    assert alice.email not in signed_in(alice).get("/offline/").content.decode()
