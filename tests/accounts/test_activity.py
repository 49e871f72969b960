"""The feed: what programs may write into it, how it is read, and that only old lines are forgotten."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import activity, audit
from accounts.models import ActivityEntry, ActivityKind, User
from tests.factories import make_account

FEED = "/api/v1/activity/"


@pytest.mark.parametrize("kind", ["trade", "analysis", "decision", "error", "info", "warning", "system"])
def test_a_program_writes_each_of_the_seven_kinds_with_what_it_wants_to_keep(
    alice_api: APIClient, alice: User, kind: str
) -> None:
    account = make_account(alice)
    body = {"kind": kind, "text": "SPY dips", "account": str(account.public_id), "metadata": {"score": 0.7}}
    made = alice_api.post(FEED, body)
    assert made.status_code == 201, made.content
    found = alice_api.get(f"{FEED}?kind={kind}&account={account.public_id}&search=DIPS").json()["results"]
    assert [{name: row[name] for name in body} for row in found] == [body]


def test_a_kind_is_the_same_kind_in_any_letter_case_when_written_and_when_looked_for(alice_api: APIClient) -> None:
    for kind in ("TRADE", "Analysis", "ERROR"):
        made = alice_api.post(FEED, {"kind": kind, "text": "SPY dips"})
        assert (made.status_code, made.json()["kind"]) == (201, kind.lower()), made.content
    assert [row["kind"] for row in alice_api.get(f"{FEED}?kind=TRADE").json()["results"]] == ["trade"]
    for other in ("CASH", 1):
        assert alice_api.post(FEED, {"kind": other, "text": "x"}).json()["errors"][0]["pointer"] == "/kind"
    assert alice_api.get(f"{FEED}?kind=TRADES").status_code == 400
    assert ActivityEntry.objects.count() == 3


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"kind": "cash"}, "/kind"),
        ({"text": "two\nlines"}, "/text"),
        ({"text": "x" * 501}, "/text"),
        ({"text": " "}, "/text"),
        ({"metadata": {"long": "x" * 4096}}, "/metadata"),
        ({"metadata": ["a list"]}, "/metadata"),
        ({"account": "01890000-0000-7000-8000-00000000beef"}, "/account"),
    ],
)
def test_what_is_no_such_line_is_refused_and_nothing_is_written(
    alice_api: APIClient, change: dict[str, Any], pointer: str
) -> None:
    refused = alice_api.post(FEED, {"kind": "info", "text": "Fine", **change})
    assert refused.status_code == 400, refused.content
    assert refused.json()["errors"][0]["pointer"].startswith(pointer)
    assert not ActivityEntry.objects.exists()


def test_the_database_refuses_metadata_that_is_no_object_and_an_account_of_somebody_else(
    alice: User, bob: User
) -> None:
    with pytest.raises(IntegrityError, match="activity_metadata_is_object"), transaction.atomic():
        ActivityEntry.objects.create(owner=alice, kind="info", text="x", metadata=[1])
    ActivityEntry.objects.create(owner=alice, account=make_account(bob), kind="info", text="x")
    with pytest.raises(IntegrityError, match="account_of_owner"):
        connection.check_constraints()


def test_lines_stay_when_their_account_goes(alice_api: APIClient, alice: User) -> None:
    account = make_account(alice)
    activity.noted(alice.pk, ActivityKind.INFO, "Said before", account_id=account.pk)
    assert alice_api.delete(f"/api/v1/accounts/{account.public_id}/").status_code == 204
    assert ActivityEntry.objects.get(text="Said before").account is None


def test_only_old_lines_are_forgotten_and_a_dry_run_forgets_none(alice: User) -> None:
    for days in (29, 31, 90):
        activity.noted(alice.pk, ActivityKind.INFO, f"{days} days ago")
        at = timezone.now() - timedelta(days=days)
        ActivityEntry.objects.filter(text=f"{days} days ago").update(occurred_at=at)

    def said(**options: Any) -> str:
        out = StringIO()
        call_command("forget_activity", older_than=30, stdout=out, **options)
        return out.getvalue().strip()

    assert said(dry_run=True) == "2 lines would be forgotten"
    assert ActivityEntry.objects.count() == 3
    assert said() == "2 lines forgotten"
    assert [row.text for row in ActivityEntry.objects.all()] == ["29 days ago"]
    with pytest.raises(CommandError):
        call_command("forget_activity", older_than=0)


def test_the_page_of_the_feed_finds_by_kind_account_and_words(alice_client: Client, alice: User) -> None:
    account = make_account(alice, "Main")
    activity.noted(alice.pk, ActivityKind.WARNING, "Order refused", account_id=account.pk)
    activity.noted(alice.pk, ActivityKind.INFO, "Nothing special")

    def page(query: str) -> str:
        return alice_client.get(f"/activity/?{query}").content.decode()

    for query in ("kind=warning", "account_name=Main", "search=REFUSED"):
        assert "Order refused" in page(query)
        assert "Nothing special" not in page(query)
    assert "no account of this name" in page("account_name=Other")
    assert "Nothing like this" in page("kind=cash")
    assert alice_client.get("/activity/?kind=other").status_code == 400


def test_the_page_of_the_audit_log_finds_by_event_and_day_and_shows_before_and_after(
    alice_client: Client, alice: User, bob: User
) -> None:
    audit.written(
        "order.cancel", subject="order", owner_id=alice.pk, before={"status": "new"}, after={"status": "gone"}
    )
    audit.written("account.update", subject="account", owner_id=alice.pk, after={"name": "Renamed"})
    audit.written("order.cancel", subject="order", owner_id=bob.pk, after={"status": "of bob"})
    today = timezone.localdate()

    def page(query: str) -> str:
        return alice_client.get(f"/audit/?{query}").content.decode()

    found = page(f"event=order.&since={today - timedelta(days=1)}&until={today + timedelta(days=1)}")
    assert "gone" in found
    assert "Renamed" not in found
    assert "of bob" not in found
    assert "No such event" in page(f"since={today + timedelta(days=2)}")
    assert alice_client.get("/audit/?since=never").status_code == 400
