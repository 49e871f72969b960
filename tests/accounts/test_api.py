import uuid
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from rest_framework.exceptions import ParseError
from rest_framework.test import APIClient

from accounts import trading_accounts, versions
from accounts.models import Account, AuditEvent, ClientStatus, LedgerEntry, User
from config.api_json import _unique
from tests.conftest import api_of
from tests.factories import make_account, make_user

ACCOUNTS = "/api/v1/accounts/"


def test_an_account_is_made_read_changed_and_deleted(alice_api: APIClient, alice: User) -> None:
    made = alice_api.post(ACCOUNTS, {"name": "Main", "initial_balance": "1000.50"})
    assert made.status_code == 201, made.content
    body = made.json()
    assert body["initial_balance"] == "1000.5"
    path = f"{ACCOUNTS}{body['id']}/"

    assert alice_api.get(path).json() == body
    changed = alice_api.patch(path, {"name": "Renamed"})
    assert changed.json()["name"] == "Renamed"
    assert alice_api.delete(path).status_code == 204
    assert not Account.objects.for_user(alice).exists()


def test_a_list_walks_all_accounts_once_in_every_order(alice_api: APIClient, alice: User) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(7):
        account = make_account(alice, f"A{number}", broker="IBKR" if number % 2 else "Schwab")
        # Equal times: only the id tells these apart.
        Account.objects.filter(pk=account.pk).update(created_at=at, updated_at=at)
    versions.bump(alice.pk)

    for order in ("created_at", "-created_at", "name", "-name", "updated_at", "-updated_at"):
        names: list[str] = []
        cursor = ""
        for _ in range(4):
            page = alice_api.get(f"{ACCOUNTS}?limit=2&order={order}{cursor}").json()
            names += [account["name"] for account in page["results"]]
            assert page["total"] == 7
            assert page["has_more"] is (page["next"] is not None)
            cursor = f"&cursor={page['next']}"
        expected = ["A0", "A1", "A2", "A3", "A4", "A5", "A6"]
        assert names == (expected[::-1] if order.startswith("-") else expected)
        assert page["next"] is None


def test_filters_narrow_the_list_and_its_total(alice_api: APIClient, alice: User, bob: User) -> None:
    make_account(alice, "100% long", broker="IBKR", kind="prop")
    make_account(alice, "1000 long", broker="IBKR", status="closed")
    make_account(alice, "Old", archived_at=datetime(2025, 1, 1, tzinfo=UTC))
    make_account(bob, "100% bob", broker="IBKR")

    def names(query: str) -> list[str]:
        page = alice_api.get(f"{ACCOUNTS}?order=name&{query}").json()
        assert page["total"] == len(page["results"])
        return [account["name"] for account in page["results"]]

    assert names("search=100%25") == ["100% long"]
    assert names("search=LONG") == ["100% long", "1000 long"]
    assert names("search=1_0") == []
    assert names("broker=IBKR&status=closed") == ["1000 long"]
    assert names("kind=prop") == ["100% long"]
    assert names("archived=true") == ["Old"]
    assert len(names("archived=all")) == 3
    assert alice_api.get(f"{ACCOUNTS}brokers/").json()["results"] == [
        {"broker": "", "accounts": 1},
        {"broker": "IBKR", "accounts": 2},
    ]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("acount=5", "unknown_parameter"),
        ("broker=a&broker=b", "duplicate_parameter"),
        ("broker=a%00b", "invalid_value"),
        ("broker=%ff", "invalid_value"),
        ("limit=0", "invalid_value"),
        ("limit=101", "invalid_value"),
        ("limit=1e1", "invalid_value"),
        ("limit=٥", "invalid_value"),
        ("order=owner__password", "not_orderable"),
        ("order=--name", "not_orderable"),
        ("order=-name,name", "not_orderable"),
        ("kind=Prop", "invalid_choice"),
        ("cursor=nonsense", "invalid_cursor"),
        ("_connector=OR", "unknown_parameter"),
        ("search=" + "x" * 201, "invalid_value"),
    ],
)
def test_a_query_that_is_not_understood_is_refused(alice_api: APIClient, query: str, code: str) -> None:
    answer = alice_api.get(f"{ACCOUNTS}?{query}")

    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == code


def test_a_cursor_serves_only_its_own_list(alice: User, bob: User, alice_api: APIClient, bob_api: APIClient) -> None:
    for owner in (alice, bob):
        for number in range(3):
            make_account(owner, f"A{number}", broker="IBKR")
    cursor = alice_api.get(f"{ACCOUNTS}?limit=1&order=name").json()["next"]

    assert alice_api.get(f"{ACCOUNTS}?limit=2&order=name&cursor={cursor}").status_code == 200
    for api, query in (
        (bob_api, f"order=name&cursor={cursor}"),
        (alice_api, f"order=-name&cursor={cursor}"),
        (alice_api, f"order=name&broker=IBKR&cursor={cursor}"),
        (alice_api, f"order=name&cursor={cursor[:-2]}xx"),
        (alice_api, f"order=name&cursor={'x' * 2000}"),
    ):
        assert api.get(f"{ACCOUNTS}?{query}").status_code == 400
    assert alice_api.get(f"/api/v1/activity/?cursor={cursor}").json()["code"] == "invalid_cursor"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("", "required"),
        ("null", "object_expected"),
        ("[]", "object_expected"),
        ('"x"', "object_expected"),
        ('{"name": "A",}', "parse_error"),
        ("{'name': 'A'}", "parse_error"),
        ("[" * 100_000, "parse_error"),
        ('{"name": ' + "[" * 30 + "]" * 30 + "}", "too_deep"),
        ('{"name": NaN}', "parse_error"),
        ('{"name": 1e999}', "parse_error"),
        ('{"name": ' + "9" * 5000 + "}", "parse_error"),
        ('{"name": "A", "name": "B"}', "duplicate_key"),
        ('{"name": "A", "owner": 1}', "unknown_field"),
        ('{"name": "A", "id": "x"}', "read_only"),
        ('{"name": "A", "initial_balance": 0.1}', "not_a_string"),
        ('{"name": "A", "initial_balance": 1}', "not_a_string"),
        ('{"name": "A", "initial_balance": true}', "not_a_string"),
        ('{"name": "A", "initial_balance": "1_000"}', "not_plain_decimal"),
        ('{"name": "A", "initial_balance": "١"}', "not_plain_decimal"),
        ('{"name": "A", "initial_balance": "1 "}', "not_plain_decimal"),
        ('{"name": "A", "initial_balance": "1e3"}', "not_plain_decimal"),
        ('{"name": "A", "initial_balance": "NaN"}', "not_plain_decimal"),
        ('{"name": "A", "initial_balance": "0.123456789"}', "max_decimal_places"),
        ('{"name": "A", "initial_balance": "1000000000000"}', "max_whole_digits"),
        ('{"name": "A\\u0000"}', "invalid_character"),
        ('{"name": "\\ud800"}', "parse_error"),
        ('{"name": "A\\u202eB"}', "unsafe"),
        ('{"name": "A\\nB"}', "unsafe"),
        ('{"name": 5}', "invalid"),
        ('{"name": " "}', "blank"),
        ('{"name": "' + "x" * 101 + '"}', "max_length"),
        ('{"name": "A", "kind": "Prop"}', "invalid_choice"),
        ('{"name": "A", "currency": "usd"}', "invalid_value"),
        ('{"name": "A", "time_zone": "Mars/Olympus"}', "invalid_value"),
        ('{"name": "A", "color": "red"}', "invalid"),
    ],
)
def test_a_body_that_is_not_exact_is_refused(alice_api: APIClient, body: str, code: str) -> None:
    answer = alice_api.post(ACCOUNTS, body, content_type="application/json")

    assert answer.status_code == 400, answer.content
    problem = answer.json()
    assert {"type", "title", "status", "detail", "code", "errors", "request_id"} == set(problem)
    assert code in {problem["code"], *(error["code"] for error in problem["errors"])}
    assert not Account.objects.exists()


def test_a_name_that_comes_twice_is_found_by_looking_at_each_name_once() -> None:
    looked: list[str] = []

    class Name(str):
        __slots__ = ()
        __hash__ = str.__hash__

        def __eq__(self, other: object) -> bool:
            looked.append(self)
            return str.__eq__(self, other)

    names = [*range(2_000), 1_999]
    with pytest.raises(ParseError, match="'1999' comes twice"):
        _unique([(Name(number), 1) for number in names])

    # The one that repeats, in the dictionary and where it is looked for.
    assert len(looked) < len(names)


@pytest.mark.parametrize(
    "headers",
    [
        {"content_type": "text/plain"},
        {"content_type": "application/json; charset=utf-16"},
        {"content_type": "application/json", "HTTP_CONTENT_ENCODING": "gzip"},
    ],
)
def test_only_plain_utf8_json_is_taken(alice_api: APIClient, headers: dict[str, str]) -> None:
    assert alice_api.generic("POST", ACCOUNTS, b'{"name": "A"}', **headers).status_code == 415


def test_a_name_can_be_taken_once_per_owner(alice: User, alice_api: APIClient, bob_api: APIClient) -> None:
    make_account(alice, "Cafe\u0301".replace("e\u0301", "é"))

    answer = alice_api.post(ACCOUNTS, {"name": "  Cafe\u0301 "})

    assert answer.status_code == 409
    assert answer.json()["code"] == "name_taken"
    assert answer.json()["errors"][0]["pointer"] == "/name"
    assert bob_api.post(ACCOUNTS, {"name": "Café"}).status_code == 201


def test_a_batch_is_made_whole_or_not_at_all(alice: User, alice_api: APIClient) -> None:
    rows = [{"name": f"Copy {number}", "kind": "prop"} for number in range(20)]

    assert len(alice_api.post(f"{ACCOUNTS}batch/", {"accounts": rows}).json()["results"]) == 20
    again = alice_api.post(f"{ACCOUNTS}batch/", {"accounts": [{"name": "New"}, rows[3]]})
    assert (again.status_code, again.json()["errors"][0]["pointer"]) == (409, "/accounts/1/name")
    twice = alice_api.post(f"{ACCOUNTS}batch/", {"accounts": [{"name": "New"}, {"name": "New"}]})
    assert twice.json()["code"] == "duplicate_in_request"
    bad = alice_api.post(f"{ACCOUNTS}batch/", {"accounts": [{"name": "New"}, {"name": ""}]})
    assert bad.json()["errors"][0]["pointer"] == "/accounts/1/name"
    many = alice_api.post(f"{ACCOUNTS}batch/", {"accounts": [{"name": str(n)} for n in range(1001)]})
    assert many.status_code == 400
    assert Account.objects.for_user(alice).count() == 20


def test_a_patch_without_changes_leaves_no_trace(alice: User, alice_api: APIClient) -> None:
    account = make_account(alice, "Main")
    version, events = versions.current(alice.pk), AuditEvent.objects.count()

    assert alice_api.patch(f"{ACCOUNTS}{account.public_id}/", {}).status_code == 200
    assert alice_api.patch(f"{ACCOUNTS}{account.public_id}/", {"name": "Main"}).status_code == 200
    assert versions.current(alice.pk) == version
    assert AuditEvent.objects.count() == events


def test_an_etag_holds_until_the_next_change(alice: User, alice_api: APIClient, bob_api: APIClient) -> None:
    account = make_account(alice, "Main")
    first = alice_api.get(ACCOUNTS)
    tag = first.headers["ETag"]

    same = alice_api.get(ACCOUNTS, HTTP_IF_NONE_MATCH=tag)
    assert (same.status_code, same.content) == (304, b"")
    assert bob_api.get(ACCOUNTS, HTTP_IF_NONE_MATCH=tag).status_code == 200
    trading_accounts.update(account, name="Other")
    changed = alice_api.get(ACCOUNTS, HTTP_IF_NONE_MATCH=tag)
    assert changed.status_code == 200
    assert changed.json()["results"][0]["name"] == "Other"


def test_money_moves_once_per_idempotency_key(alice: User, alice_api: APIClient, bob_api: APIClient) -> None:
    account = make_account(alice, "Main")
    path = f"{ACCOUNTS}{account.public_id}/"
    asked = {"amount": "250.25", "currency": "USD"}

    assert alice_api.post(f"{path}deposits/", asked).json()["code"] == "idempotency_key_required"
    first = alice_api.post(f"{path}deposits/", asked, HTTP_IDEMPOTENCY_KEY="k1")
    again = alice_api.post(f"{path}deposits/", asked, HTTP_IDEMPOTENCY_KEY="k1")
    other = alice_api.post(f"{path}deposits/", {**asked, "amount": "1"}, HTTP_IDEMPOTENCY_KEY="k1")
    too_much = alice_api.post(f"{path}withdrawals/", {**asked, "amount": "250.26"}, HTTP_IDEMPOTENCY_KEY="k2")
    # What was refused is not kept: the key may come again with a smaller amount.
    less = alice_api.post(f"{path}withdrawals/", {**asked, "amount": "0.25"}, HTTP_IDEMPOTENCY_KEY="k2")
    long = alice_api.post(f"{path}deposits/", asked, HTTP_IDEMPOTENCY_KEY="k" * 256)

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")
    assert (too_much.status_code, too_much.json()["code"]) == (409, "insufficient_funds")
    assert (less.status_code, less.json()["available_after"]) == (201, "250")
    assert long.status_code == 400
    assert alice_api.get(f"{path}portfolios/").json()["results"][0]["available_balance"] == "250"
    ledger = alice_api.get(f"{path}ledger/").json()
    assert [entry["available_change"] for entry in ledger["results"]] == ["-0.25", "250.25"]
    assert bob_api.get(f"{path}ledger/").status_code == 404
    assert alice_api.delete(f"{path}?confirm=true").json()["code"] == "account_has_cash_movements"
    assert LedgerEntry.objects.count() == 2


def test_any_post_is_made_once_per_idempotency_key(alice: User, alice_api: APIClient) -> None:
    for _ in range(3):
        answer = alice_api.post(ACCOUNTS, {"name": "Main"}, HTTP_IDEMPOTENCY_KEY="made")
        assert answer.status_code == 201
    assert Account.objects.for_user(alice).count() == 1
    assert alice_api.post(ACCOUNTS, {"name": "Else"}, HTTP_IDEMPOTENCY_KEY="made").status_code == 409


def test_a_token_is_shown_once_and_opens_nothing_after_it_is_revoked(alice_api: APIClient) -> None:
    made = alice_api.post("/api/v1/auth/tokens/", {"name": "Bot", "scope": "read"}, HTTP_IDEMPOTENCY_KEY="t")
    secret = made.json()["secret"]
    bot = APIClient()
    bot.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")

    assert len(secret) == 46
    assert secret not in alice_api.get("/api/v1/auth/tokens/").content.decode()
    again = alice_api.post("/api/v1/auth/tokens/", {"name": "Bot", "scope": "read"}, HTTP_IDEMPOTENCY_KEY="t")
    assert again.status_code == 409
    assert bot.get(ACCOUNTS).status_code == 200
    refused = bot.post(ACCOUNTS, {"name": "A"}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (403, "scope_missing")
    assert alice_api.delete(f"/api/v1/auth/tokens/{made.json()['id']}/").status_code == 204
    gone = bot.get(ACCOUNTS)
    assert (gone.status_code, gone.headers["WWW-Authenticate"]) == (401, 'Bearer realm="api"')


@pytest.mark.parametrize("status", [ClientStatus.SUSPENDED, ClientStatus.REJECTED])
def test_suspended_and_rejected_people_read_and_do_not_write(db: None, status: str) -> None:
    person = make_user(status=status)
    api = api_of(person)
    account = make_account(person, "Main")

    assert api.get(ACCOUNTS).json()["total"] == 1
    for answer in (
        api.post(ACCOUNTS, {"name": "Other"}),
        api.patch(f"{ACCOUNTS}{account.public_id}/", {"name": "Other"}),
        api.delete(f"{ACCOUNTS}{account.public_id}/"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "may_not_write")
    assert list(Account.objects.for_user(person).values_list("name", flat=True)) == ["Main"]


def test_an_inactive_person_has_no_way_in(alice: User, alice_api: APIClient) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)

    assert alice_api.get(ACCOUNTS).status_code == 401


def test_paths_that_do_not_exist_are_problems_too(alice_api: APIClient) -> None:
    for path in (f"{ACCOUNTS}{uuid.uuid4()}/", f"{ACCOUNTS}5/", "/api/v1/nothing/", "/api/nothing"):
        answer = alice_api.get(path)
        assert answer.status_code == 404
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["code"] == "not_found"


def test_every_change_is_audited_with_who_made_it(alice: User, alice_api: APIClient) -> None:
    made = alice_api.post(ACCOUNTS, {"name": "Main"}, HTTP_USER_AGENT="a bot\x00").json()
    alice_api.patch(f"{ACCOUNTS}{made['id']}/", {"broker": "IBKR"})

    events = alice_api.get("/api/v1/audit/?event=account.update").json()["results"]

    assert [(event["before"], event["after"]) for event in events] == [({"broker": ""}, {"broker": "IBKR"})]
    assert (events[0]["actor"], events[0]["subject_id"]) == ("alice@example.com", made["id"])
    assert events[0]["address"] == "127.0.0.1"
    feed = alice_api.get("/api/v1/activity/?kind=account").json()
    assert [line["text"] for line in feed["results"]] == ["Account Main: broker changed.", "Account Main was added."]


def test_an_account_sells_short_once_its_owner_allows_it_and_that_is_audited(
    alice: User, alice_api: APIClient, bob_api: APIClient
) -> None:
    made = alice_api.post(ACCOUNTS, {"name": "Main"}).json()
    path = f"{ACCOUNTS}{made['id']}/"
    assert made["allows_short"] is False
    for refused, status in ((bob_api.patch(path, {"allows_short": True}), 404),
                            (alice_api.patch(path, {"allows_short": "yes"}), 400)):  # fmt: skip
        assert refused.status_code == status, refused.content
    assert Account.objects.get().allows_short is False

    assert alice_api.patch(path, {"allows_short": True}).json()["allows_short"] is True
    assert alice_api.get(path).json()["allows_short"] is True
    assert [row["allows_short"] for row in alice_api.get(ACCOUNTS).json()["results"]] == [True]
    event = AuditEvent.objects.get(event="account.update")
    assert (event.before, event.after) == ({"allows_short": False}, {"allows_short": True})
    assert alice_api.post(ACCOUNTS, {"name": "Other", "allows_short": True}).json()["allows_short"] is True


def test_a_page_of_accounts_takes_two_queries(
    alice: User, alice_client: APIClient, django_assert_num_queries: object
) -> None:
    from accounts import reports

    for number in range(5):
        make_account(alice, f"A{number}", initial_balance=Decimal("1.5"))
    with django_assert_num_queries(2):  # type: ignore[operator]
        page = reports.list_accounts(alice, fresh=True)
    assert page.total == 5
    assert page.results[0].initial_balance == Decimal("1.5")
    with django_assert_num_queries(1):  # type: ignore[operator]
        assert reports.list_accounts(alice) == page
