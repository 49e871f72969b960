import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils.text import slugify
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator

from accounts import account_groups, attempts, tokens, versions
from accounts.errors import TooManyAttempts
from accounts.models import Account, ApiToken, AuditEvent, ClientStatus, User
from tests.conftest import signed_in
from tests.factories import PASSWORD, make_account, make_user

AT = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
NEW_PASSWORD = "a longer secret still"
ACCOUNT = {
    "name": "Main",
    "kind": "prop",
    "status": "active",
    "currency": "usd",
    "time_zone": "America/Chicago",
    "day_start": "17:00",
    "cost_method": "fifo",
    "color": "#123456",
}


def test_signing_up_makes_a_pending_client_and_signs_in(client: Client, db: None) -> None:
    answer = client.post("/signup/", {"email": "New@Example.com", "password1": NEW_PASSWORD, "password2": NEW_PASSWORD})

    assert answer.status_code == 302
    user = User.objects.get(email="new@example.com")
    assert user.client.status == ClientStatus.PENDING
    assert client.get("/settings/").status_code == 200


@pytest.mark.parametrize(("told", "kept"), [("America/New_York", "America/New_York"), ("", "UTC")])
def test_who_signs_up_lives_in_the_zone_that_their_browser_tells(
    client: Client, db: None, told: str, kept: str
) -> None:
    given = {"email": "new@example.com", "password1": NEW_PASSWORD, "password2": NEW_PASSWORD, "time_zone": told}

    assert client.post("/signup/", given).status_code == 302
    assert User.objects.get().time_zone == kept


def test_a_zone_that_is_no_place_signs_nobody_up(client: Client, db: None) -> None:
    given = {"email": "new@example.com", "password1": NEW_PASSWORD, "password2": NEW_PASSWORD, "time_zone": "localtime"}

    assert client.post("/signup/", given).status_code == 200
    assert not User.objects.exists()


def test_an_address_signs_up_once_whatever_its_letter_case(client: Client, alice: User) -> None:
    answer = client.post(
        "/signup/", {"email": "ALICE@example.com", "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    )

    assert answer.status_code == 200
    assert "Someone has signed up with this address" in answer.content.decode()
    assert User.objects.count() == 1


def test_a_closed_house_takes_nobody_in(client: Client, db: None, settings: Any) -> None:
    settings.SIGN_UP_OPEN = False

    assert client.get("/signup/").status_code == 404


def test_login_takes_any_letter_case_and_changes_the_session(client: Client, alice: User) -> None:
    client.get("/login/")
    answer = client.post("/login/", {"username": "Alice@Example.com", "password": PASSWORD, "next": "//evil.com"})

    assert answer.status_code == 302
    assert "evil" not in answer.headers["Location"]
    assert client.session["_auth_user_id"] == str(alice.pk)
    assert AuditEvent.objects.filter(event="access.login", actor_id=alice.pk).count() == 1
    assert client.post("/logout/").status_code == 302
    assert client.get("/settings/").headers["Location"].startswith("/login/")


def test_ten_wrong_passwords_close_the_door_for_a_while(client: Client, alice: User) -> None:
    wrong = {"username": "alice@example.com", "password": "wrong"}
    for _ in range(10):
        assert client.post("/login/", wrong).status_code == 200

    answer = client.post("/login/", {**wrong, "password": PASSWORD})

    assert answer.status_code == 429
    assert 840 <= int(answer.headers["Retry-After"]) <= 901
    assert "15 minutes" in answer.content.decode()
    # Nobody else is kept out by it, nor is she from elsewhere.
    make_user("bob@example.com")
    assert client.post("/login/", {"username": "bob@example.com", "password": PASSWORD}).status_code == 302
    elsewhere = Client(REMOTE_ADDR="198.51.100.7")
    assert elsewhere.post("/login/", {**wrong, "password": PASSWORD}).status_code == 302


def test_the_admin_has_the_same_limit(client: Client, db: None) -> None:
    make_user("root@example.com", is_staff=True)
    for _ in range(10):
        client.post("/admin/login/", {"username": "root@example.com", "password": "wrong"})

    answer = client.post("/admin/login/", {"username": "root@example.com", "password": PASSWORD})

    assert "Too many attempts" in answer.content.decode()
    assert "_auth_user_id" not in client.session
    assert AuditEvent.objects.filter(event="access.refused").count() == 10


def test_a_right_password_forgets_the_wrong_ones(client: Client, alice: User) -> None:
    for _ in range(3):
        for _ in range(9):
            client.post("/login/", {"username": "alice@example.com", "password": "wrong"})
        assert client.post("/login/", {"username": "alice@example.com", "password": PASSWORD}).status_code == 302
        client.logout()


def test_an_unknown_address_is_answered_like_a_wrong_password(client: Client, alice: User) -> None:
    def answer_to(email: str) -> str:
        page = client.post("/login/", {"username": email, "password": "wrong"}).content.decode()
        return re.sub(r'value="[^"]*"|"X-CSRFToken": "[^"]*"', "", page)

    make_user("off@example.com", is_active=False)
    assert answer_to("alice@example.com") == answer_to("nobody@example.com") == answer_to("off@example.com")


def test_attempts_are_counted_before_they_are_tried(db: None) -> None:
    for _ in range(10):
        attempts.begin("a@example.com", address="192.0.2.1", at=AT)

    with pytest.raises(TooManyAttempts) as refusal:
        attempts.begin("A@example.com ", address="192.0.2.1", at=AT)
    assert refusal.value.wait == 901


def test_a_password_is_reset_by_a_link_that_works_once(client: Client, alice: User) -> None:
    tokens.create(owner=alice, name="Bot", at=AT)
    known = client.post("/password/reset/", {"email": "alice@example.com"})
    unknown = client.post("/password/reset/", {"email": "nobody@example.com"})
    assert (known.status_code, known.headers["Location"]) == (unknown.status_code, unknown.headers["Location"])
    assert len(mail.outbox) == 1
    link = re.search(r"https?://[^/]+(/\S+)", mail.outbox[0].body)
    assert link is not None

    form = client.get(link[1], follow=True)
    path = form.redirect_chain[-1][0]
    client.post(path, {"new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD})

    alice.refresh_from_db()
    assert alice.check_password(NEW_PASSWORD)
    assert not ApiToken.objects.filter(revoked_at=None).exists()
    assert "used up" in Client().get(link[1], follow=True).content.decode()


def test_a_new_password_ends_other_sessions_and_tokens(alice: User, alice_client: Client) -> None:
    _, secret = tokens.create(owner=alice, name="Bot", at=AT)
    other = signed_in(alice)

    answer = alice_client.post(
        "/password/",
        {"old_password": PASSWORD, "new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD},
    )

    assert answer.status_code == 302
    assert alice_client.get("/settings/").status_code == 200
    assert other.get("/settings/").status_code == 302
    assert tokens.find(secret, at=AT) is None


def test_settings_are_kept_and_figures_made_anew(alice: User, alice_client: Client) -> None:
    version = versions.current(alice.pk)
    profile = {"first_name": "Alice", "reporting_currency": "eur", "time_zone": "Europe/Paris", "theme": "dark"}

    assert alice_client.post("/settings/", profile).status_code == 302

    alice.refresh_from_db()
    assert (alice.reporting_currency, alice.theme, alice.client.first_name) == ("EUR", "dark", "Alice")
    assert versions.current(alice.pk) == version + 1
    assert alice_client.post("/settings/", {**profile, "theme": "light"}).status_code == 302
    assert versions.current(alice.pk) == version + 1


PROFILE = {"reporting_currency": "EUR", "time_zone": "UTC", "theme": "dark"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("reporting_currency", "ZZZ"),
        ("reporting_currency", "XOF"),
        ("reporting_currency", "\0"),
        ("date_of_birth", "2999-01-01"),
        ("date_of_birth", "1899-12-31"),
        ("date_of_birth", "yesterday"),
        ("phone", "call me"),
        ("phone", "+()-"),
        ("phone", "+49\t30"),
        ("first_name", "a\0"),
    ],
)
def test_a_profile_that_cannot_be_is_refused_beside_the_field(alice_client: Client, field: str, value: str) -> None:
    page = alice_client.post("/settings/", {**PROFILE, field: value})

    assert page.status_code == 422
    assert list(page.context["profile"].errors) == [field]


def test_a_profile_takes_what_people_have(alice: User, alice_client: Client) -> None:
    make_account(alice, "Coins", currency="USDT")

    sent = {**PROFILE, "phone": "+49 (30) 123-45", "date_of_birth": "1900-01-01", "reporting_currency": "USDT"}
    assert alice_client.post("/settings/", sent).status_code == 302

    alice.refresh_from_db()
    assert (alice.client.phone, alice.reporting_currency) == ("+49 (30) 123-45", "USDT")


@pytest.mark.parametrize("balance", ["1e3", "1_000", "1,00", "NaN", "\uff11", "1.1234567890123", "99999999999999"])
def test_a_balance_is_a_plain_number(alice_client: Client, balance: str) -> None:
    page = alice_client.post("/accounts/new/", {**ACCOUNT, "initial_balance": balance})

    assert page.status_code == 200
    assert list(page.context["form"].errors) == ["initial_balance"]


def test_the_currency_of_an_account_is_one_that_is_known_or_its_own(alice: User, alice_client: Client) -> None:
    page = alice_client.post("/accounts/new/", {**ACCOUNT, "currency": "ZZZ"})
    assert page.context["form"].errors["currency"] == ["This is not a currency that is known here."]

    own = make_account(alice, "Own", currency="ZZZ", initial_balance=Decimal("1000.50"))
    path = f"/accounts/{own.public_id}/edit/"
    form = alice_client.get(path).content.decode()
    assert 'name="initial_balance" value="1000.5"' in form
    kept = {**ACCOUNT, "name": "Own", "currency": "ZZZ", "initial_balance": "-20.25"}
    assert alice_client.post(path, kept).status_code == 302
    own.refresh_from_db()
    assert (own.currency, own.initial_balance) == ("ZZZ", Decimal("-20.25"))


def test_a_token_of_the_settings_is_shown_once(alice: User, alice_client: Client) -> None:
    page = alice_client.post("/settings/tokens/", {"name": "Bot", "scope": "write", "days": "30"})
    secret = re.search(r"tj_[\w-]{43}", page.content.decode())
    assert secret is not None
    assert "no-store" in page.headers["Cache-Control"]
    assert secret[0] not in alice_client.get("/settings/").content.decode()

    token = ApiToken.objects.get()
    assert tokens.find(secret[0], at=datetime.now(UTC)) == token
    assert alice_client.post(f"/settings/tokens/{token.public_id}/revoke/").status_code == 302
    assert tokens.find(secret[0], at=datetime.now(UTC)) is None


def test_an_account_is_added_edited_and_deleted_by_form(alice: User, alice_client: Client) -> None:
    assert alice_client.post("/accounts/new/", ACCOUNT).status_code == 302
    account = Account.objects.get()
    assert (account.currency, account.time_zone, account.owner) == ("USD", "America/Chicago", alice)
    path = f"/accounts/{account.public_id}/"

    assert alice_client.post(f"{path}edit/", {**ACCOUNT, "name": "Other"}).status_code == 302
    account.refresh_from_db()
    assert account.name == "Other"
    assert alice_client.post(f"{path}delete/").status_code == 302
    assert not Account.objects.exists()


def test_a_tick_in_the_form_allows_short_sales_and_taking_it_away_forbids_them(
    alice: User, alice_client: Client
) -> None:
    account = make_account(alice, "Main")
    path = f"/accounts/{account.public_id}/edit/"
    assert 'name="allows_short"' in alice_client.get(path).content.decode()
    for ticked, allowed in (({"allows_short": "on"}, True), ({}, False)):
        assert alice_client.post(path, {**ACCOUNT, **ticked}).status_code == 302
        account.refresh_from_db()
        assert account.allows_short is allowed
    changes = AuditEvent.objects.filter(event="account.update").order_by("id").values_list("after", flat=True)
    assert [after["allows_short"] for after in changes] == [True, False]


def test_the_form_offers_ones_own_groups_and_labels_alone(alice: User, bob: User, alice_client: Client) -> None:
    group = account_groups.create_group(owner=alice, name="Evaluations")
    tag = account_groups.create_tag(owner=alice, name="Prop")
    foreign = account_groups.create_group(owner=bob, name="Hidden group")
    account_groups.create_tag(owner=bob, name="Hidden label")

    page = alice_client.get("/accounts/new/").content.decode()
    assert "Evaluations" in page
    assert "Prop" in page
    assert "Hidden" not in page
    assert alice_client.post("/accounts/new/", {**ACCOUNT, "group": group.pk, "tags": [tag.pk]}).status_code == 302
    account = Account.objects.get()
    assert (account.group, list(account.tags.all())) == (group, [tag])
    refused = alice_client.post(f"/accounts/{account.public_id}/edit/", {**ACCOUNT, "group": foreign.pk})
    assert list(refused.context["form"].errors) == ["group"]
    assert alice_client.post(f"/accounts/{account.public_id}/edit/", ACCOUNT).status_code == 302
    account.refresh_from_db()
    assert (account.group, account.tags.count()) == (None, 0)


def test_archiving_is_taken_back_by_its_message(alice: User, alice_client: Client) -> None:
    account = make_account(alice, "Main")
    alice_client.post(f"/accounts/{account.public_id}/archive/")
    account.refresh_from_db()
    assert account.archived_at is not None

    page = alice_client.get(f"/accounts/{account.public_id}/").content.decode()
    token = next(each for each in re.findall(r'name="token" value="([^"]*)"', page) if each)
    alice_client.post("/undo/", {"token": token})

    account.refresh_from_db()
    assert account.archived_at is None


def test_a_taken_name_is_told_beside_its_field(alice: User, alice_client: Client) -> None:
    make_account(alice, "Main")

    page = alice_client.post("/accounts/new/", ACCOUNT)

    assert page.status_code == 200
    assert page.context["form"].errors["name"] == ["You have an account named Main."]


def test_suspended_people_see_their_settings_and_change_nothing(db: None) -> None:
    person = make_user(status=ClientStatus.SUSPENDED)
    client = signed_in(person)
    account = make_account(person, "Main")

    assert client.get("/settings/").status_code == 200
    for path in ("/settings/", "/settings/tokens/", "/accounts/new/", f"/accounts/{account.public_id}/delete/"):
        assert client.post(path, ACCOUNT).status_code == 403
    assert Account.objects.count() == 1


@pytest.mark.parametrize(
    "path", ["/signup/", "/login/", "/password/reset/", "/settings/", "/accounts/new/", "/api/docs/"]
)
def test_pages_hold_nothing_that_the_security_policy_forbids(alice_client: Client, client: Client, path: str) -> None:
    page = (alice_client if path in ("/settings/", "/accounts/new/", "/api/docs/") else client).get(path)
    text = page.content.decode()

    assert page.status_code == 200
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    assert not re.search(r"<script(?![^>]*\b(src=|type=\"application/json\"))[^>]*>", text)
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", text)


def test_the_docs_lead_to_every_operation_of_the_schema(alice_client: Client) -> None:
    page = alice_client.get("/api/docs/").content.decode()
    schema = alice_client.get("/api/schema/?format=json").json()
    of_groups = {
        address: alice_client.get(address).content.decode() for address in re.findall(r'"(/api/docs/[a-z-]+/)"', page)
    }

    assert len(of_groups) > 30
    assert "/api/v1/accounts/{id}/deposits/" in schema["paths"]
    for path, methods in schema["paths"].items():
        assert path in page
        for method in {"get", "post", "put", "patch", "delete"} & set(methods):
            anchor = slugify(method + path.replace("/", "-"))
            (group,) = re.findall(rf'href="(/api/docs/[a-z-]+/)#{anchor}"', page)
            assert f'id="{anchor}"' in of_groups[group]
    assert "Idempotency-Key" in of_groups["/api/docs/orders/"]
    assert alice_client.get("/api/docs/nothing/").status_code == 404


def test_the_schema_is_made_without_a_doubt() -> None:
    """Two things of one name, or a field whose kind is not known, would be described wrongly to whoever reads it."""
    GENERATOR_STATS.reset()
    with GENERATOR_STATS.silence():
        SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]

    assert not {**GENERATOR_STATS._warn_cache, **GENERATOR_STATS._error_cache}
