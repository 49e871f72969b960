"""Pages, API and admin of exit plans and strategies: what they show, take and refuse."""

from datetime import timedelta
from decimal import Decimal as D
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Account, User
from tests.conftest import signed_in
from tests.factories import make_account, make_user
from tests.trading.plan_things import DEFAULT, ENTERED, TRAILING, hold, managed, quote
from trading import exit_plans, monitoring
from trading.models import ExitStrategy, ManagedPosition, PlanExit, PlanRevision

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(alice: User) -> Account:
    return make_account(alice, "Main")


def plan_fields(**changes: Any) -> dict[str, Any]:
    """The form of the worked example's plan as a browser sends it."""
    fields = {
        "stop_loss": "20", "is_trailing": "on", "trail": "15", "trail_activation": "20", "is_scaling": "on",
        "level-share": ["50", "25", "25", ""], "level-gain": ["100", "200", "", ""], "mirrors": "on",
        "hold_at_most": "",
    }  # fmt: skip
    return {**fields, **changes}


# ---------------------------------------------------------------- pages
def test_an_empty_desk_says_what_a_plan_is_for(alice_client: Client) -> None:
    page = alice_client.get("/desk/plans/").content.decode()
    assert "Put a position under a plan" in page


def test_the_list_shows_stop_next_level_and_distances(alice_client: Client, account: Account) -> None:
    plan = managed(account)
    quote(plan.instrument_id, "1.60", at=timezone.now())

    page = alice_client.get("/desk/plans/").content.decode()

    # Stop 0.80 is 50 % of 1.60 away, the level at 2.00 25 %; 100 units have gained 0.60 each.
    for words in ("ACME", "0.80", "50.0%", "2.00", "25.0%", "+60.00", "Watched"):
        assert words in page
    other = alice_client.get("/desk/plans/", {"account_name": "Other"}).content.decode()
    assert "You have no account of this name." in other
    assert "ACME" not in alice_client.get("/desk/plans/", {"ended": "1"}).content.decode()


def test_open_plans_read_themselves_anew_and_ended_ones_do_not(alice_client: Client, account: Account) -> None:
    plan = managed(account)
    path = f"/desk/plans/{plan.public_id}/"

    assert 'hx-trigger="every 5s" hx-select="#plans"' in alice_client.get("/desk/plans/").content.decode()
    page = alice_client.get(path).content.decode()
    assert f'hx-get="{path}" hx-trigger="every 4s" hx-select="#plan-stands"' in page
    for part in ("plan-stands", "plan-status", "plan-acts", "plan-problem", "plan-exits"):
        assert page.count(f'id="{part}"') == 1, part
    assert 'hx-select-oob="#plan-status,#plan-acts,#plan-problem,#plan-exits"' in page
    assert "HX-Redirect" not in alice_client.get(path, headers={"HX-Request": "true"})

    exit_plans.let_go(plan)
    assert alice_client.get(path, headers={"HX-Request": "true"}).headers["HX-Redirect"] == path
    assert 'hx-trigger="every' not in alice_client.get("/desk/plans/?ended=1").content.decode()
    assert 'hx-trigger="every' not in alice_client.get(path).content.decode()


def test_the_list_costs_the_same_however_many_plans(
    alice_client: Client, account: Account, django_assert_max_num_queries: Any
) -> None:
    instrument = hold(account)
    for _each in range(12):
        exit_plans.open_plan(account, instrument, plan=DEFAULT, quantity=D(1))
    alice_client.get("/desk/plans/")
    with django_assert_max_num_queries(20):
        assert alice_client.get("/desk/plans/").content.decode().count('class="row"') == 12


def test_a_position_is_put_under_a_plan_by_form(alice_client: Client, account: Account) -> None:
    hold(account)
    strategy = ExitStrategy.objects.get(owner=None, name="Default")
    form = {"account": "Main", "symbol": "acme", "strategy": str(strategy.public_id), "stop_loss": "10"}

    answer = alice_client.post("/desk/plans/new/", form)

    made = ManagedPosition.objects.get()
    assert answer["Location"] == f"/desk/plans/{made.public_id}/"
    assert (made.plan.stop_loss, made.strategy, made.entry_quantity) == (D("0.1"), strategy, 100)
    refused = alice_client.post("/desk/plans/new/", form)
    assert refused.status_code == 409
    assert "0 units of ACME are held under no plan." in refused.content.decode()
    assert alice_client.post("/desk/plans/new/", {**form, "symbol": "OTHER"}).status_code == 422
    assert ManagedPosition.objects.count() == 1


def test_an_override_by_form_keeps_only_what_differs(alice_client: Client, account: Account) -> None:
    plan = managed(account)
    path = f"/desk/plans/{plan.public_id}/"
    assert 'value="20"' in alice_client.get(path).content.decode()

    answer = alice_client.post(f"{path}override/", plan_fields(stop_loss="12.5", revision="0"))

    assert answer.status_code == 302
    assert PlanRevision.objects.get().changes == {"stop_loss": "0.125"}
    page = alice_client.get(path).content.decode()
    assert "alice@example.com" in page
    assert "0.875" in page


def test_a_form_that_breaks_rules_says_each_where_it_is(alice_client: Client, account: Account) -> None:
    plan = managed(account)
    fields = plan_fields(stop_loss="120", trail="", revision="0", **{"level-gain": ["100", "50", "", ""]})

    answer = alice_client.post(f"/desk/plans/{plan.public_id}/override/", fields)

    page = answer.content.decode()
    assert answer.status_code == 422
    for words in (
        "must be above 0 and at most 100%",
        "needs a distance",
        "Level 2 must lie beyond the one before it.",
    ):
        assert words in page
    assert not PlanRevision.objects.exists()


def test_an_override_of_a_plan_that_was_changed_meanwhile_changes_nothing(
    alice_client: Client, account: Account, alice: User
) -> None:
    plan = managed(account)
    exit_plans.override(plan, changes={"stop_loss": "0.1"}, by=alice, revision=0)

    answer = alice_client.post(
        f"/desk/plans/{plan.public_id}/override/", plan_fields(stop_loss="30", revision="0"), follow=True
    )

    assert "changed meanwhile" in answer.content.decode()
    plan.refresh_from_db()
    assert plan.plan.stop_loss == D("0.1")


def test_a_holding_time_that_is_no_round_number_of_hours_stays(alice_client: Client, account: Account) -> None:
    plan = exit_plans.open_plan(account, hold(account), plan=TRAILING, overrides={"hold_at_most": "1000000.5"})
    page = alice_client.get(f"/desk/plans/{plan.public_id}/").content.decode()
    shown = page.split('name="hold_at_most"')[1].split('value="')[1].split('"')[0]

    alice_client.post(
        f"/desk/plans/{plan.public_id}/override/", plan_fields(stop_loss="10", hold_at_most=shown, revision="0")
    )

    assert PlanRevision.objects.get().changes == {"stop_loss": "0.1"}


def test_closing_letting_go_and_trying_again_by_page(alice_client: Client, account: Account) -> None:
    first, second = managed(account, symbol="ONE"), managed(account, symbol="TWO")
    third = managed(account, symbol="THREE")
    ManagedPosition.objects.filter(pk=third.pk).update(status="error", problem="Refused.", failures=2)

    assert "Refused." in alice_client.get(f"/desk/plans/{third.public_id}/").content.decode()
    for plan, act in ((first, "close"), (second, "let-go"), (third, "retry")):
        assert alice_client.post(f"/desk/plans/{plan.public_id}/{act}/").status_code == 302

    assert list(PlanExit.objects.values_list("managed_position_id", "reason")) == [(first.pk, "manual")]
    statuses = ManagedPosition.objects.order_by("pk").values_list("status", flat=True)
    assert list(statuses) == ["stop_loss_triggered", "closed", "monitoring"]
    assert alice_client.post(f"/desk/plans/{first.public_id}/close/").status_code == 409


def test_levels_typed_in_french_mean_the_same_once_the_language_is_english(alice_client: Client, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(language="fr")
    page = alice_client.get("/desk/exit-strategies/new/").content.decode()
    assert '<input type="hidden" name="level-language" value="fr">' in page
    User.objects.filter(pk=alice.pk).update(language="en")
    typed = {"level-share": ["33,333", "66,667"], "level-gain": ["1,099", ""], "level-language": "fr"}

    alice_client.post("/desk/exit-strategies/new/", plan_fields(name="Mine", **typed))

    levels = [(level.share, level.gain) for level in ExitStrategy.objects.get(owner=alice).plan.levels]
    assert levels == [(D("0.33333"), D("0.01099")), (D("0.66667"), None)]


def test_a_strategy_is_made_changed_and_archived_by_page(alice_client: Client, alice: User) -> None:
    answer = alice_client.post("/desk/exit-strategies/new/", plan_fields(name="Mine"))
    made = ExitStrategy.objects.get(owner=alice)
    assert (answer.status_code, made.plan) == (302, TRAILING)
    edit = f"/desk/exit-strategies/{made.public_id}/edit/"
    assert "Mine" in alice_client.get(edit).content.decode()
    assert alice_client.post(edit, plan_fields(name="Mine", **{"level-share": ["50", "25", "20"]})).status_code == 422
    assert alice_client.post(edit, plan_fields(name="Ours", stop_loss="25")).status_code == 302
    for act in ("default", "archive", "restore"):
        assert alice_client.post(f"/desk/exit-strategies/{made.public_id}/{act}/").status_code == 302

    made.refresh_from_db()
    assert (made.name, made.stop_loss, made.is_default, made.archived_at) == ("Ours", D("0.25"), False, None)
    page = alice_client.get("/desk/exit-strategies/").content.decode()
    for words in ("Ours", "Shipped", "Aggressive", "from +20.0%", "rides"):
        assert words in page


def test_a_shipped_strategy_is_copied_and_not_changed(alice_client: Client, alice: User) -> None:
    shipped = ExitStrategy.objects.get(owner=None, name="Aggressive")
    path = f"/desk/exit-strategies/{shipped.public_id}"
    for act in ("edit", "default", "archive", "restore"):
        assert alice_client.post(f"{path}/{act}/", plan_fields(name="X")).status_code == 404

    assert alice_client.post(f"{path}/copy/").status_code == 302
    assert ExitStrategy.objects.get(owner=alice).plan == shipped.plan


# ---------------------------------------------------------------- API
def test_the_api_makes_changes_and_closes_a_plan(alice_api: APIClient, account: Account) -> None:
    hold(account)
    body = {
        "account": str(account.public_id), "symbol": "ACME", "quantity": "40",
        "plan": {"stop_loss": "0.2", "is_scaling": True, "levels": [{"share": "1", "gain": "0.5"}]},
    }  # fmt: skip
    made = alice_api.post("/api/v1/managed-positions/", body).json()
    path = f"/api/v1/managed-positions/{made['id']}/"
    quote(ManagedPosition.objects.get().instrument_id, "1.25", at=timezone.now())

    shown = alice_api.get(path).json()
    assert shown["stop"] == {"price": "0.8", "reason": "stop_loss", "distance": "0.45", "distance_fraction": "0.36"}
    assert shown["next_level"] == {
        "number": 1, "price": "1.5", "quantity": "40", "distance": "0.25", "distance_fraction": "0.2"
    }  # fmt: skip
    assert (shown["unrealized"], shown["realized"], shown["remaining"]) == ("10", "0", "40")
    changed = alice_api.post(f"{path}override/", {"changes": {"stop_loss": "0.1"}, "revision": 0})
    assert (changed.json()["plan"]["stop_loss"], changed.json()["plan_at_entry"]["stop_loss"]) == ("0.1", "0.2")
    conflict = alice_api.post(f"{path}override/", {"changes": {"stop_loss": "0.3"}, "revision": 0})
    assert (conflict.status_code, conflict.json()["code"]) == (409, "plan_changed")
    [revision] = alice_api.get(f"{path}revisions/").json()["results"]
    assert (revision["number"], revision["changes"]) == (1, {"stop_loss": "0.1"})
    closed = alice_api.post(f"{path}close/").json()
    assert [(each["reason"], each["quantity"]) for each in closed["exits"]] == [("manual", "40")]
    assert alice_api.post(f"{path}close/").status_code == 409
    listed = alice_api.get("/api/v1/managed-positions/", {"is_open": "true", "symbol": "ACME"}).json()
    assert [each["id"] for each in listed["results"]] == [made["id"]]
    assert alice_api.get("/api/v1/managed-positions/", {"is_open": "false"}).json()["results"] == []


def test_what_is_sent_along_with_an_act_that_takes_nothing_is_refused_and_nothing_is_done(
    alice_api: APIClient, account: Account
) -> None:
    # Whoever sends a quantity means to close so much, not everything.
    hold(account)
    body = {"account": str(account.public_id), "symbol": "ACME", "plan": {"stop_loss": "0.2"}}
    made = alice_api.post("/api/v1/managed-positions/", body).json()

    for act in ("close", "let-go", "retry"):
        refused = alice_api.post(f"/api/v1/managed-positions/{made['id']}/{act}/", {"quantity": "1"})
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (400, "/quantity"), act

    assert ManagedPosition.objects.get().status == "monitoring"
    assert not PlanExit.objects.exists()


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        ({"plan": {"stop_loss": "2"}}, 422, "/plan/stop_loss"),
        ({"plan": {}}, 400, "/plan/stop_loss"),
        ({"plan": {"stop_loss": "0.2", "stop": "1"}}, 400, "/plan/stop"),
        ({"plan": {"stop_loss": 0.2}}, 400, "/plan/stop_loss"),
        ({}, 400, "/strategy"),
        ({"plan": {"stop_loss": "0.2"}, "overrides": {"trail": "2"}}, 422, "/overrides/trail"),
        ({"plan": {"stop_loss": "0.2"}, "quantity": "101"}, 409, "/quantity"),
        ({"plan": {"stop_loss": "0.2"}, "symbol": "NONE"}, 400, "/symbol"),
    ],
)
def test_the_api_says_what_is_wrong_with_a_plan(
    alice_api: APIClient, account: Account, body: dict[str, Any], status: int, pointer: str
) -> None:
    hold(account)
    answer = alice_api.post("/api/v1/managed-positions/", {"account": str(account.public_id), "symbol": "ACME", **body})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (status, pointer)
    assert not ManagedPosition.objects.exists()


def test_a_list_that_prices_move_has_no_etag(alice_api: APIClient, account: Account) -> None:
    managed(account)
    assert "ETag" not in alice_api.get("/api/v1/managed-positions/").headers


def test_the_api_of_strategies(alice_api: APIClient, alice: User) -> None:
    made = alice_api.post("/api/v1/exit-strategies/", {"name": "Mine", "plan": {"stop_loss": "0.2"}}).json()
    path = f"/api/v1/exit-strategies/{made['id']}/"
    assert alice_api.patch(path, {"plan": {"breaks_even": True}}).status_code == 422
    changed = alice_api.patch(path, {"plan": {"hold_at_most": "3600"}, "name": "Ours"}).json()
    assert (changed["name"], changed["plan"]["hold_at_most"], changed["plan"]["stop_loss"]) == ("Ours", "3600", "0.2")
    assert alice_api.post(f"{path}default/").json()["is_default"] is True
    assert alice_api.post(f"{path}archive/").json()["is_default"] is False
    assert [each["name"] for each in alice_api.get("/api/v1/exit-strategies/").json()["results"]] == [
        "Default", "Conservative", "Aggressive"
    ]  # fmt: skip
    assert len(alice_api.get("/api/v1/exit-strategies/", {"archived": "all"}).json()["results"]) == 4
    shipped = ExitStrategy.objects.get(owner=None, name="Default")
    assert alice_api.patch(f"/api/v1/exit-strategies/{shipped.public_id}/", {"name": "X"}).status_code == 404
    assert alice_api.post(f"/api/v1/exit-strategies/{shipped.public_id}/copy/").json()["is_shipped"] is False


# ---------------------------------------------------------------- admin
def test_an_operators_actions_call_the_verbs_once_they_are_confirmed(account: Account) -> None:
    operator = signed_in(make_user("root@example.com", is_staff=True, is_superuser=True))
    plan = managed(account)
    path = "/admin/trading/managedposition/"
    sent = {"action": "get_out", "_selected_action": [plan.pk]}

    asked = operator.post(path, sent)
    assert asked.status_code == 200
    assert not PlanExit.objects.exists()
    operator.post(path, {**sent, "confirm": "yes"})

    assert PlanExit.objects.get().reason == "manual"
    for table in ("managedposition", "planexit", "planrevision"):
        assert operator.get(f"/admin/trading/{table}/add/").status_code == 403


def test_an_account_with_plans_is_archived_and_not_deleted(alice_client: Client, account: Account) -> None:
    plan = managed(account)
    answer = alice_client.post(f"/accounts/{account.public_id}/delete/", {"confirmed": "on"})

    assert "archive it instead" in answer.content.decode()
    assert ManagedPosition.objects.get(pk=plan.pk).account == account


def test_a_stale_price_is_said_on_the_page(alice_client: Client, account: Account) -> None:
    plan = managed(account)
    quote(plan.instrument_id, "0.70", at=ENTERED)
    monitoring.tick(now=ENTERED + timedelta(minutes=6))
    assert "No fresh price: not watched" in alice_client.get("/desk/plans/").content.decode()
