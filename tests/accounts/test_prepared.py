"""Statements that are worked out once: they read and write what the ORM reads and writes."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import prepared, tokens
from accounts.models import ApiToken, AuditEvent, Client, OwnerVersion, User

pytestmark = pytest.mark.django_db
D = Decimal


def _written() -> dict[str, Any]:
    return {
        "event": "order.place",
        "subject": 'a "quoted" \\ subject\nin two lines, é, \u2028',
        "owner_id": 2**40,
        "after": {"number": "1E-8", "list": [1, None, {"deep": True}]},
        "address": "2001:db8::1",
    }


def _line(**values: Any) -> AuditEvent:
    return AuditEvent(**{**_written(), **values})


def test_a_row_is_stored_as_the_orm_stores_it() -> None:
    prepared.insert([_line(subject_id="ours"), _line(subject_id="second", before={}, address=None)])
    AuditEvent.objects.bulk_create([_line(subject_id="theirs"), _line(subject_id="second", before={}, address=None)])

    ours, second, theirs, fourth = AuditEvent.objects.order_by("id").values()
    for one, other in ((ours, theirs), (second, fourth)):
        for name in ("id", "occurred_at", "subject_id"):
            one.pop(name), other.pop(name)
        assert one == other
    assert ours["before"] is None


def test_numbers_of_rows_come_in_their_order() -> None:
    keys = prepared.insert_numbered([_line(subject_id=str(number)) for number in range(3)])

    assert list(AuditEvent.objects.filter(pk__in=keys).order_by("pk").values_list("pk", "subject_id")) == [
        (key, str(number)) for number, key in enumerate(keys)
    ]


def test_what_is_made_is_as_its_model_makes_it(alice: User) -> None:
    values = {"owner": alice, "name": "a", "prefix": "12345678", "digest": "d" * 64}
    ours, theirs = prepared.made(ApiToken, **values), ApiToken(**values)

    def said(token: ApiToken) -> dict[str, object]:
        known = {field.attname: getattr(token, field.attname) for field in ApiToken._meta.concrete_fields}
        return {name: value for name, value in known.items() if name != "public_id"}

    assert said(ours) == said(theirs)
    assert (ours.owner, ours._state.adding, ours._state.db) == (alice, True, None)
    ours.save()
    assert ApiToken.objects.get(pk=ours.pk).owner == alice


def test_statements_that_are_one_do_what_they_do_one_by_one_though_rows_refer_to_each_other(alice: User) -> None:
    with CaptureQueriesContext(connection) as asked, prepared.as_one():
        prepared.insert([_line(owner_id=alice.pk), _line(owner_id=alice.pk)])
        prepared.run("INSERT INTO accounts_ownerversion (owner_id, version) VALUES (%s, %s)", [alice.pk, 7])

    assert len(asked) == 1
    assert AuditEvent.objects.filter(owner_id=alice.pk).count() == 2
    assert OwnerVersion.objects.get(owner=alice).version == 7


def test_what_the_database_refuses_is_djangos_error_also_where_statements_are_one() -> None:
    def write() -> None:
        with transaction.atomic(), prepared.as_one():
            prepared.run("INSERT INTO accounts_ownerversion (owner_id, version) VALUES (%s, %s)", [1, 0])
            prepared.insert([_line()])

    with pytest.raises(IntegrityError):
        write()

    assert not AuditEvent.objects.exists()


def test_a_queryset_is_read_with_other_values_and_counted_as_one_statement(alice: User, bob: User) -> None:
    found = prepared.Prepared(lambda email: User.objects.select_related("client").filter(email=email), email="?")

    with CaptureQueriesContext(connection) as asked:
        assert [found.first(email=each.email) for each in (alice, bob)] == [alice, bob]
        assert found.first(email="nobody@example.com") is None
    assert len(asked) == 3
    again = found.first(email=alice.email)
    assert again is not None
    assert again.date_joined == alice.date_joined


def test_what_is_read_is_as_the_orm_reads_it_with_all_that_it_refers_to(alice: User, bob: User) -> None:
    Client.objects.filter(user=alice).update(first_name="Ada")
    Client.objects.filter(user=bob).delete()
    for owner in (alice, bob):
        tokens.create(owner=owner, name="a", at=timezone.now())
    rows = ApiToken.objects.select_related("owner__client").order_by("owner_id")
    found = prepared.Prepared(lambda ids: rows.filter(owner__in=prepared.one_of(ids)), ids=[0])

    ours = found.all(ids=[alice.pk, bob.pk])

    assert found.all(ids=[]) == []
    with CaptureQueriesContext(connection) as asked:
        for one, other in zip(ours, list(rows), strict=True):
            for here, there in ((one, other), (one.owner, other.owner)):
                assert {name: value for name, value in here.__dict__.items() if name != "_state"} == {
                    name: value for name, value in there.__dict__.items() if name != "_state"
                }
                assert (here._state.adding, here._state.db) == (there._state.adding, there._state.db)
        assert ours[0].owner.client.first_name == "Ada"
        assert ours[0].owner.client.user is ours[0].owner
        assert not hasattr(ours[1].owner, "client")
    assert len(asked) == 1  # the ORM's own
    ours[1].name = "changed"
    ours[1].save(update_fields=["name"])
    assert ApiToken.objects.get(pk=ours[1].pk).name == "changed"


def test_a_revoked_or_expired_token_opens_nothing_from_that_moment_on(alice: User) -> None:
    now = timezone.now()
    token, secret = tokens.create(owner=alice, name="a", at=now, expires_at=now + timedelta(hours=1))

    assert tokens.find(secret, at=now) == token
    assert tokens.find(secret, at=now + timedelta(hours=1)) is None
    tokens.revoke(token, at=now)
    assert tokens.find(secret, at=now) is None
