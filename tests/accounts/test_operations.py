from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts import tasks, tokens, trading_accounts
from accounts.models import Account, AuditEvent, IdempotencyKey, LoginAttempt, User
from config import checks
from tests.conftest import signed_in
from tests.factories import make_account, make_user

AT = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


def test_create_token_prints_a_secret_that_opens(alice: User) -> None:
    out, err = StringIO(), StringIO()

    call_command("create_token", email="ALICE@example.com", scope="write", days=3, stdout=out, stderr=err)

    token = tokens.find(out.getvalue().strip(), at=timezone.now())
    assert token is not None
    assert (token.owner, token.scope) == (alice, "write")
    assert out.getvalue().strip() not in err.getvalue()


@pytest.mark.parametrize(
    ("options", "code"), [({"email": "nobody@example.com"}, 1), ({"email": "alice@example.com", "days": 0}, 2)]
)
def test_create_token_refuses_with_an_exit_code(alice: User, options: dict[str, object], code: int) -> None:
    with pytest.raises(CommandError) as refusal:
        call_command("create_token", stdout=StringIO(), **options)

    assert refusal.value.returncode == code


def test_old_requests_are_forgotten_and_recent_ones_kept(alice: User) -> None:
    for hours in (71, 73):
        key = IdempotencyKey.objects.create(owner=alice, key=str(hours), request_hash="x")
        IdempotencyKey.objects.filter(pk=key.pk).update(created_at=timezone.now() - timedelta(hours=hours))
    for minutes in (50, 70):
        at = timezone.now() - timedelta(minutes=minutes)
        LoginAttempt.objects.create(purpose="login", email="a@example.com", attempted_at=at)

    assert tasks.forget_old_requests() == 2

    assert list(IdempotencyKey.objects.values_list("key", flat=True)) == ["71"]
    assert LoginAttempt.objects.count() == 1


def test_last_use_of_a_token_is_noted_once_a_minute(alice: User) -> None:
    token, secret = tokens.create(owner=alice, name="Bot", at=AT)
    seen = []
    for seconds in (0, 59, 61):
        tokens.find(secret, at=AT + timedelta(seconds=seconds))
        token.refresh_from_db()
        seen.append(token.last_used_at)

    assert seen == [AT, AT, AT + timedelta(seconds=61)]


def test_an_expired_token_opens_nothing(alice: User) -> None:
    _, secret = tokens.create(owner=alice, name="Bot", at=AT, expires_at=AT + timedelta(days=1))

    assert tokens.find(secret, at=AT + timedelta(hours=23)) is not None
    assert tokens.find(secret, at=AT + timedelta(days=1)) is None


def test_no_secret_is_in_the_database(alice: User) -> None:
    _, secret = tokens.create(owner=alice, name="Bot", at=AT)

    with connection.cursor() as cursor:
        cursor.execute("SELECT t::text FROM accounts_apitoken t UNION ALL SELECT a::text FROM accounts_auditevent a")
        stored = " ".join(row for (row,) in cursor.fetchall())
    assert secret[8:] not in stored


def test_the_admin_shows_every_table_and_changes_no_history(alice: User) -> None:
    root = signed_in(make_user("root@example.com", is_staff=True, is_superuser=True))
    account = trading_accounts.create(owner=alice, name="Main")
    event = AuditEvent.objects.latest("id")

    for model in (
        "user", "account", "portfolio", "ledgerentry", "apitoken", "auditevent", "activityentry", "ownerversion",
        "idempotencykey", "loginattempt",
    ):  # fmt: skip
        assert root.get(f"/admin/accounts/{model}/?q=alice").status_code == 200, model
    assert root.get(f"/admin/accounts/user/{alice.pk}/change/").status_code == 200
    assert root.get("/admin/accounts/user/add/").status_code == 200
    assert root.get("/admin/accounts/account/add/").status_code == 200
    assert root.get(f"/admin/accounts/account/{account.pk}/change/").status_code == 200
    assert root.get(f"/admin/accounts/auditevent/{event.pk}/change/").status_code == 200
    assert root.post(f"/admin/accounts/auditevent/{event.pk}/delete/", {"post": "yes"}).status_code == 403
    assert root.get("/admin/accounts/auditevent/add/").status_code == 403


def test_the_admin_changes_accounts_by_the_same_verbs(alice: User) -> None:
    root = signed_in(make_user("root@example.com", is_staff=True, is_superuser=True))
    account = make_account(alice, "Main")
    form = {
        "name": "By admin", "kind": "prop", "status": "active", "currency": "USD", "time_zone": "UTC",
        "day_start": "00:00:00", "cost_method": "fifo", "color": "#123456", "allows_short": "on",
    }  # fmt: skip

    answer = root.post(f"/admin/accounts/account/{account.pk}/change/", form)
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    made = root.post("/admin/accounts/account/add/", {**form, "name": "New", "owner": alice.pk})
    assert made.status_code == 302, made.context["adminform"].form.errors
    root.post("/admin/accounts/account/", {"action": "archive", "_selected_action": [account.pk], "confirm": "yes"})

    account.refresh_from_db()
    assert (account.name, account.archived_at is None, account.allows_short) == ("By admin", False, True)
    assert Account.objects.get(name="New").owner == alice
    events = AuditEvent.objects.filter(owner_id=alice.pk).order_by("id")
    assert [(event.event, event.actor_email) for event in events] == [
        ("account.update", "root@example.com"),
        ("account.create", "root@example.com"),
        ("account.archive", "root@example.com"),
    ]


def test_health_is_told_without_signing_in(client: Client, db: None) -> None:
    assert client.get("/livez").json() == {"status": "ok"}
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json()["database"]) == (200, True)


def test_an_owner_of_tables_is_warned_of(db: None) -> None:
    # The tests run as the owner, which is what the check is there to notice.
    found = checks.role_is_a_lesser_one(None, databases=["default"])

    assert [message.id for message in found] == ["config.W001"]
    assert checks.server_fits(None, databases=["default"]) == []
    assert checks.precision_is_enough(None) == []
