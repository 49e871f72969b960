"""Every address × every method × every kind of person × own, foreign and absent things, with canaries in the answers.

The addresses are read from the URL configuration and never listed by hand; `tests/access_policy.py` says what is right.
"""

import json
import re
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache as kept_answers
from django.db import connection, transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from pytest_django import DjangoDbBlocker

from accounts.models import Account, AccountQuerySet, ClientStatus, User
from tests.access_policy import FILES, POLICY, Row
from tests.access_things import FACTORIES
from tests.conftest import signed_in
from tests.factories import make_user

CANARY = "CANARY7f3a9"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
SAFE = ("GET", "HEAD", "OPTIONS")
_PARAMETER = re.compile(r"<(?:[^:>]+:)?([^>]+)>")
_CHANGING = re.compile(
    r'"request_id":"[^"]*"|name="client_order_id" value="[^"]*"|'
    r'name="csrfmiddlewaretoken" value="[^"]*"|"X-CSRFToken": "[^"]*"'
)


@dataclass(frozen=True)
class Address:
    """One pattern of the URL configuration."""

    name: str
    route: str

    @property
    def parameters(self) -> list[str]:
        return _PARAMETER.findall(self.route)

    @property
    def is_api(self) -> bool:
        return self.route.startswith("api/v1/")

    def path(self, row: Row, thing: str = "") -> str:
        def value(match: re.Match[str]) -> str:
            return row.path.get(match[1], thing)

        return "/" + _PARAMETER.sub(value, self.route)


def addresses() -> Iterator[Address]:
    yield from walk(get_resolver().url_patterns, route="", namespaces=())


def walk(patterns: list[Any], *, route: str, namespaces: tuple[str, ...]) -> Iterator[Address]:
    for pattern in patterns:
        longer = route + re.sub(r"\(\?P<([^>]+)>[^)]*\)", r"<\1>", str(pattern.pattern)).strip("^$\\Z")
        if isinstance(pattern, URLResolver):
            inner = (*namespaces, pattern.namespace) if pattern.namespace else namespaces
            yield from walk(pattern.url_patterns, route=longer, namespaces=inner)
        elif isinstance(pattern, URLPattern):
            yield Address(":".join((*namespaces, pattern.name or f"/{longer}")), longer)


ALL = list(addresses())
OURS = [address for address in ALL if not address.name.startswith("admin:") and address.name in POLICY]
#: What the admin shows to everybody: its login, and its words in JavaScript.
ADMIN_PUBLIC = {"admin:login", "admin:logout", "admin:jsi18n"}


@pytest.fixture(scope="module")
def db(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """One transaction around all tests of this module, so that what they look at is made once."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.fixture(scope="module")
def stage(db: None) -> dict[str, Any]:
    """Alice with a canary in each thing that there is, and those who shall not see it."""
    alice = make_user("alice@example.com")
    people: dict[str, User | None] = {
        "anonymous": None,
        "stranger": make_user("bob@example.com"),
        "suspended": make_user("carol@example.com", status=ClientStatus.SUSPENDED),
        "staff": make_user("dave@example.com", is_staff=True),
    }
    alices = {kind: make(alice, f"{CANARY} {kind}") for kind, make in FACTORIES.items()}
    return {
        "alice": alice,
        "alices": alices,
        "alices_rows": rows_of(alice, tables()),
        "people": people,
        "clients": {name: Client() for name in people},
        "sessions": {name: signed_in(person).session.session_key for name, person in people.items() if person},
    }


@pytest.fixture(autouse=True)
def world(stage: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The stage as it was set, whatever the test before did on it."""
    kept_answers.clear()  # the same version of the same person may hold something else now
    sign_in(stage)
    with transaction.atomic():
        yield stage
        transaction.set_rollback(True)


def sign_in(stage: dict[str, Any]) -> None:
    """Everybody has the session that they began with, and nothing else that a request has left behind."""
    for name, client in stage["clients"].items():
        client.cookies.clear()
        if key := stage["sessions"].get(name):
            client.cookies[settings.SESSION_COOKIE_NAME] = key


def send(client: Client, method: str, address: Address, path: str, body: Any, query: str = "") -> HttpResponse:
    # What one request says ("The trade was added.") the next one shows, whatever that is.
    client.cookies.pop("messages", None)
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    if method == "POST" and "file" in body:
        return client.post(path, data=dict(body), headers=headers, query_params=_parsed(query))
    if address.is_api:
        content: Any = json.dumps(dict(body), default=str) if method not in SAFE else ""
        return client.generic(
            method, path, content, content_type="application/json", headers=headers, query_params=_parsed(query)
        )
    if method == "POST":
        return client.post(path, data=dict(body), headers=headers, query_params=_parsed(query))
    return client.generic(method, path, headers=headers, query_params=_parsed(query))


def _parsed(query: str) -> dict[str, str]:
    return dict(part.partition("=")[::2] for part in query.split("&") if part)


def everything_of(answer: HttpResponse) -> str:
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    headers = "\n".join(f"{name}: {value}" for name, value in answer.headers.items() if name != "X-Request-Id")
    cookies = "\n".join(morsel.key for morsel in answer.cookies.values())
    return f"{answer.status_code}\n{headers}\n{cookies}\n{content.decode(errors='replace')}"


def without(text: str, thing: str) -> str:
    return _CHANGING.sub("", text.replace(thing, "THING"))


@cache
def tables() -> dict[str, str]:
    """The tables that say whose a row is, each with the condition of that."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' "
            "AND column_name IN ('owner_id', 'user_id') AND table_name NOT LIKE 'django_%' ORDER BY 1, 2"
        )
        columns: dict[str, list[str]] = {"accounts_user": ["id"]}
        for table, column in cursor.fetchall():
            columns.setdefault(table, []).append(column)
    return {table: " OR ".join(f"{column} = %(pk)s" for column in found) for table, found in columns.items()}


def rows_of(user: User, among: Iterable[str]) -> dict[str, str]:
    """A digest of the rows of each of these tables that hold this owner, or are the person."""
    questions = [
        f"SELECT '{table}', md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table} t WHERE {tables()[table]}"
        for table in among
    ]
    if not questions:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(questions), {"pk": user.pk})
        return dict(cursor.fetchall())


def writes() -> dict[str, int]:
    """By table how many rows this transaction has written so far, those that it took back included."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, pg_stat_get_xact_tuples_inserted(name::regclass) "
            "+ pg_stat_get_xact_tuples_updated(name::regclass) + pg_stat_get_xact_tuples_deleted(name::regclass) "
            "FROM unnest(%s::text[]) name",
            [list(tables())],
        )
        return dict(cursor.fetchall())


def written_since(before: dict[str, int]) -> list[str]:
    """The tables that something was written to; the rows of all others are what they were."""
    return [table for table, count in writes().items() if count != before[table]]


def test_every_address_has_a_row_and_every_row_an_address() -> None:
    names = {address.name for address in ALL if not address.name.startswith("admin:")}

    assert names - set(POLICY) == set(), "say in tests/access_policy.py who may do what there"
    assert set(POLICY) - names == set(), "these rows are of no address"


@pytest.mark.parametrize("address", OURS, ids=lambda address: address.name)
def test_people_reach_what_is_theirs(world: dict[str, Any], address: Address) -> None:
    row = POLICY[address.name]
    bob = world["people"]["stranger"]

    for method in row.works:
        with transaction.atomic():
            thing = FACTORIES[row.factory](bob, "mine") if row.factory else ""
            body = row.sent_by(bob) if method not in SAFE else {}
            client = world["clients"]["anonymous" if row.kind == "public" and method == "GET" else "stranger"]
            answer = send(client, method, address, address.path(row, thing), body, row.query)
            assert answer.status_code < 400, f"{method} {address.name}:\n{everything_of(answer)}"
            location = answer.headers.get("Location", "")
            assert not location.startswith("/login/") or address.name == "logout", f"{method} {address.name}"
            transaction.set_rollback(True)


@pytest.mark.parametrize("address", OURS, ids=lambda address: address.name)
def test_people_reach_nothing_that_is_not_theirs(world: dict[str, Any], address: Address) -> None:
    row = POLICY[address.name]

    for name in world["clients"]:
        for method in METHODS:
            sign_in(world)
            cell = Cell(world, address, row, name, method)
            before = writes()
            with transaction.atomic():
                answered = check_foreign(cell) if row.kind == "own" else check_general(cell)
                # HEAD is GET without its body: what GET tells of a reference, it tells. A method that the address
                # does not have (405) looks at no reference.
                if method != "HEAD" and not answered.startswith("405"):
                    check_references(cell)
                if row.kind != "public":
                    check_class(cell)
                touched = written_since(before)
                changed = {
                    table: rows
                    for table, rows in rows_of(world["alice"], touched).items()
                    if rows != world["alices_rows"][table]
                }
                assert changed == {}, f"{cell} changed what is Alice's"
                transaction.set_rollback(True)


@pytest.mark.parametrize("name", FILES)
def test_the_file_of_a_list_holds_what_is_its_owners_and_nothing_else(world: dict[str, Any], name: str) -> None:
    address = next(each for each in ALL if each.name == name)
    cell = Cell(world, address, POLICY[name], "", "GET")

    own = send(signed_in(world["alice"]), "GET", address, cell.path(), {}, "format=csv")

    assert own.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert CANARY in everything_of(own)
    for principal in world["clients"]:
        sign_in(world)
        answer = replace(cell, principal=principal).send(cell.path(), query="format=csv")
        tells_nothing(cell, everything_of(answer))
        assert answer.status_code == {"anonymous": 302}.get(principal, answer.status_code)


@dataclass(frozen=True)
class Cell:
    """One cell of the matrix: what this kind of person gets from this address by this method."""

    world: dict[str, Any]
    address: Address
    row: Row
    principal: str
    method: str

    def __str__(self) -> str:
        return f"{self.method} {self.address.name} ({self.address.route}) as {self.principal}"

    @property
    def stranger(self) -> User:
        return self.world["people"]["stranger"]

    def send(self, path: str, body: Any = None, query: str = "") -> HttpResponse:
        """The answer to this body; without one to what the stranger would send there."""
        client = self.world["clients"][self.principal]
        if body is None:
            body = self.row.sent_by(self.stranger) if self.method not in SAFE else {}
        return send(client, self.method, self.address, path, body, query or self.row.query)

    def path(self, thing: str = "") -> str:
        return self.address.path(self.row, thing)

    def thing_of(self, person: User) -> str:
        """Something of theirs that the path can name; "" where it names nothing."""
        return FACTORIES[self.row.factory](person, "theirs") if self.row.factory else ""


def tells_nothing(cell: Cell, answer: str) -> None:
    assert CANARY not in answer, f"{cell} shows what is Alice's:\n{answer}"


def is_the_same(cell: Cell, what: str, answers: list[str]) -> None:
    """What names Alice's thing and what names nothing were answered with the same bytes, and those tell nothing."""
    foreign, absent = answers
    assert foreign == absent, f"{cell} tells Alice's {what} from one that does not exist:\n{foreign}\n---\n{absent}"
    tells_nothing(cell, foreign)


def check_foreign(cell: Cell) -> str:
    """What is Alice's and what does not exist are answered with the same bytes; these."""
    things = (cell.world["alices"][cell.row.factory], str(uuid.uuid4()))
    answers = [without(everything_of(cell.send(cell.path(thing))), thing) for thing in things]
    is_the_same(cell, cell.row.factory, answers)
    assert not answers[0].startswith("2") or cell.method == "OPTIONS", f"{cell} succeeds:\n{answers[0]}"
    return answers[0]


def check_general(cell: Cell) -> str:
    """The answer shows nothing that is Alice's."""
    answer = everything_of(cell.send(cell.path()))
    tells_nothing(cell, answer)
    return answer


def check_references(cell: Cell) -> None:
    """A parameter or field that names Alice's thing is answered like one that names nothing."""
    row, alices = cell.row, cell.world["alices"]
    if not row.refers and not row.body_refers:
        return
    path = cell.path(cell.thing_of(cell.stranger))
    for name, kind in row.refers.items():
        answers = []
        for value in (alices[kind], str(uuid.uuid4())):
            sent = cell.send(path, {}, f"{row.query}&{name}={value}")
            answers.append(without_etag(without(everything_of(sent), value)))
        is_the_same(cell, f"{kind} in {name}=", answers)
    # A DELETE reads no body, and the second one finds nothing.
    fields = {} if cell.method == "DELETE" else row.body_refers
    for name, kind in fields.items():
        answers = []
        factory, is_list = (kind[0], True) if isinstance(kind, list) else (kind, False)
        for value in (alices[factory], str(uuid.uuid4())):
            sent = cell.send(path, {**row.sent_by(cell.stranger), name: [value] if is_list else value})
            answers.append(without(everything_of(sent), value))
        is_the_same(cell, f"{kind} in the field {name}", answers)


def without_etag(text: str) -> str:
    # It holds a digest of the query, in which the two differ.
    return re.sub(r"ETag: .*", "", text)


def check_class(cell: Cell) -> None:
    """Nobody unknown gets anything, and who is suspended changes nothing, not even their own."""
    if cell.principal == "anonymous":
        answer = cell.send(cell.path(cell.thing_of(cell.stranger)))
        is_sent_to_login = answer.headers.get("Location", "").startswith("/login/") and not cell.address.is_api
        is_refused = answer.status_code in ((401,) if cell.address.is_api else (401, 403))
        assert is_refused or is_sent_to_login, f"{cell}:\n{everything_of(answer)}"
    if cell.principal == "suspended" and cell.method not in SAFE and cell.address.name not in ("password_change",):
        person = cell.world["people"]["suspended"]
        path, body = cell.path(cell.thing_of(person)), cell.row.sent_by(person)
        before = writes()
        with transaction.atomic():
            answer = cell.send(path, body)
            touched = written_since(before)
            after = rows_of(person, touched)
            transaction.set_rollback(True)
        assert answer.status_code in (403, 404, 405), f"{cell}:\n{everything_of(answer)}"
        assert rows_of(person, touched) == after, f"{cell} changed what is theirs"


ADMIN = [address for address in ALL if address.name.startswith("admin:")]


def test_the_admin_shows_nothing_to_those_without_permission(world: dict[str, Any]) -> None:
    assert len(ADMIN) > 40
    for address in ADMIN:
        path = address.path(Row("admin"), "1").replace("<", "").replace(">", "")
        for name, client in world["clients"].items():
            for method in ("GET", "POST") if name == "staff" else ("GET",):
                answer = client.generic(method, path)
                assert CANARY not in everything_of(answer), (path, name)
                if name != "staff" and address.name not in ADMIN_PUBLIC:
                    assert answer.status_code in (302, 403, 404), (path, name)
                if name == "staff" and address.name.split(":")[1].count("_") >= 2:
                    assert answer.status_code in (302, 403, 404, 405), (path, name)


@pytest.mark.parametrize("name", ["account-detail", "account-ledger", "account_edit", "account_delete"])
def test_the_matrix_notices_a_gate_left_open(world: dict[str, Any], monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The control: with everybody's accounts in reach of everybody, the matrix fails."""
    monkeypatch.setattr(AccountQuerySet, "for_user", lambda rows, _: rows.all())
    address = next(address for address in OURS if address.name == name)

    with pytest.raises(AssertionError):
        test_people_reach_nothing_that_is_not_theirs(world, address)


def test_a_change_of_one_row_is_noticed_and_nothing_else(world: dict[str, Any]) -> None:
    """The control: what the matrix holds to be unchanged would be seen if it changed."""
    alice, before = world["alice"], writes()

    with transaction.atomic():
        Account.objects.filter(owner=alice, name__startswith="Ordering").update(color="#010203")
        found, after = written_since(before), rows_of(alice, ["accounts_account", "accounts_user"])
        transaction.set_rollback(True)

    assert found == ["accounts_account"]
    assert [table for table, rows in after.items() if rows != world["alices_rows"][table]] == ["accounts_account"]
    assert rows_of(alice, tables()) == world["alices_rows"]
