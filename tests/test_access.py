"""Every address × every method × every kind of person × own, foreign and absent things, with canaries in the answers.

The addresses are read from the URL configuration and never listed by hand; `tests/access_policy.py` says what is right.
"""

import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connection, transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.models import AccountQuerySet, ClientStatus, User
from tests.access_policy import POLICY, Row
from tests.access_things import FACTORIES
from tests.conftest import signed_in
from tests.factories import make_user

CANARY = "CANARY7f3a9"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
SAFE = ("GET", "HEAD", "OPTIONS")
_PARAMETER = re.compile(r"<(?:[^:>]+:)?([^>]+)>")
_CHANGING = re.compile(r'"request_id":"[^"]*"|name="csrfmiddlewaretoken" value="[^"]*"|"X-CSRFToken": "[^"]*"')


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


class Things(dict[str, str]):
    """What a person owns by kind, made when first asked for, with the canary in it."""

    def __init__(self, owner: User) -> None:
        super().__init__()
        self.owner = owner

    def __missing__(self, kind: str) -> str:
        self[kind] = FACTORIES[kind](self.owner, f"{CANARY} {kind}")
        return self[kind]


@pytest.fixture(autouse=True)
def world(db: None) -> dict[str, Any]:
    """Alice with a canary in everything that she owns, and those who shall not see it."""
    alice = make_user("alice@example.com")
    alices = Things(alice)
    for name in ("account", "funded_account", "token", "tag", "trade", "ready_import"):
        alices[name]
    people: dict[str, User | None] = {
        "anonymous": None,
        "stranger": make_user("bob@example.com"),
        "suspended": make_user("carol@example.com", status=ClientStatus.SUSPENDED),
        "staff": make_user("dave@example.com", is_staff=True),
    }
    clients = {name: signed_in(person) if person else Client() for name, person in people.items()}
    for client in clients.values():
        client.raise_request_exception = True
    return {"alice": alice, "alices": alices, "people": people, "clients": clients}


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


def rows_of(user: User) -> str:
    """A digest of all rows that hold this owner, and of the person."""
    parts = []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' "
            "AND column_name IN ('owner_id', 'user_id') AND table_name NOT LIKE 'django_%%' ORDER BY 1, 2"
        )
        tables = [*cursor.fetchall(), ("accounts_user", "id")]
        for table, column in tables:
            cursor.execute(
                f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table} t WHERE {column} = %s", [user.pk]
            )
            parts.append(f"{table}: {cursor.fetchone()[0]}")
    return "\n".join(parts)


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
            assert answer.status_code < 400, everything_of(answer)
            location = answer.headers.get("Location", "")
            assert not location.startswith("/login/") or address.name == "logout"
            transaction.set_rollback(True)


@pytest.mark.parametrize("address", OURS, ids=lambda address: address.name)
def test_people_reach_nothing_that_is_not_theirs(world: dict[str, Any], address: Address) -> None:
    row = POLICY[address.name]
    kinds = {row.factory, *row.refers.values(), *row.body_refers.values()} - {""}
    assert all(world["alices"][kind] for kind in kinds)
    before = rows_of(world["alice"])

    for name, client in world["clients"].items():
        for method in METHODS:
            with transaction.atomic():
                if row.kind == "own":
                    check_foreign(world, address, row, client, method)
                else:
                    check_general(world, address, row, client, method)
                check_references(world, address, row, client, method)
                if row.kind != "public":
                    check_class(world, address, row, name, method)
                assert rows_of(world["alice"]) == before
                transaction.set_rollback(True)


def check_foreign(world: dict[str, Any], address: Address, row: Row, client: Client, method: str) -> None:
    """What is Alice's and what does not exist are answered with the same bytes."""
    absent, foreign = str(uuid.uuid4()), world["alices"][row.factory]
    answers = []
    for thing in (foreign, absent):
        body = row.sent_by(_stranger(world)) if method not in SAFE else {}
        answer = send(client, method, address, address.path(row, thing), body, row.query)
        answers.append(without(everything_of(answer), thing))
    assert answers[0] == answers[1]
    assert CANARY not in answers[0]
    assert not answers[0].startswith("2") or method == "OPTIONS"


def check_general(world: dict[str, Any], address: Address, row: Row, client: Client, method: str) -> None:
    body = row.sent_by(_stranger(world)) if method not in SAFE else {}
    answer = send(client, method, address, address.path(row), body, row.query)
    assert CANARY not in everything_of(answer)


def check_references(world: dict[str, Any], address: Address, row: Row, client: Client, method: str) -> None:
    """A parameter or field that names Alice's thing is answered like one that names nothing."""
    thing = FACTORIES[row.factory](_stranger(world), "ref") if row.factory else ""
    path = address.path(row, thing)
    for name, kind in row.refers.items():
        answers = []
        for value in (world["alices"][kind], str(uuid.uuid4())):
            query = f"{row.query}&{name}={value}"
            answers.append(without(everything_of(send(client, method, address, path, {}, query)), value))
        assert without_etag(answers[0]) == without_etag(answers[1])
        assert CANARY not in answers[0]
    for name, kind in row.body_refers.items():
        answers = []
        for value in (world["alices"][kind], str(uuid.uuid4())):
            body = {**row.sent_by(_stranger(world)), name: value}
            sent = send(client, method, address, path, body, row.query)
            answers.append(without(everything_of(sent), value))
        assert answers[0] == answers[1]
        assert CANARY not in answers[0]


def without_etag(text: str) -> str:
    # It holds a digest of the query, in which the two differ.
    return re.sub(r"ETag: .*", "", text)


def _stranger(world: dict[str, Any]) -> User:
    return world["people"]["stranger"]


def check_class(world: dict[str, Any], address: Address, row: Row, principal: str, method: str) -> None:
    """Nobody unknown gets anything, and who is suspended changes nothing, not even their own."""
    person = world["people"][principal]
    thing = FACTORIES[row.factory](person or _stranger(world), "theirs") if row.factory else ""
    client = world["clients"][principal]
    body = row.sent_by(person or _stranger(world)) if method not in SAFE else {}
    if principal == "anonymous":
        answer = send(client, method, address, address.path(row, thing), body, row.query)
        is_sent_to_login = answer.headers.get("Location", "").startswith("/login/")
        assert answer.status_code == 401 if address.is_api else (is_sent_to_login or answer.status_code in (401, 403))
    if principal == "suspended" and method not in SAFE and address.name not in ("password_change",):
        before = rows_of(person)
        answer = send(client, method, address, address.path(row, thing), body, row.query)
        assert answer.status_code in (403, 404, 405)
        assert rows_of(person) == before


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
