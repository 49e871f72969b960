"""Where each row of an archive is here: found again, or put in under an id of its own."""

import hashlib
import uuid
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, NamedTuple

from django.contrib.postgres.fields import ArrayField
from django.db import connection, models
from django.utils import timezone
from django.utils.duration import duration_iso_string

from accounts.models import User
from journal.archive.tables import BY_NAME, Table
from journal.archive.writing import line_of
from trading import bulk

_PLACES = """
CREATE TEMP TABLE IF NOT EXISTS archive_place (
    name text, old text, id bigint, key uuid, is_new boolean, PRIMARY KEY (name, old)
) ON COMMIT DROP;
TRUNCATE archive_place
"""
#: What the person's saved addresses, choices and the accounts of their imports name by outside ids.
_NAMED_IN_DOCUMENTS = ("account_groups", "account_labels", "accounts", "tags", "tag_groups", "playbooks", "imports")


class Place(NamedTuple):
    """Where a row is: its primary key, its outside id where it has one, and whether it came with this archive."""

    id: int
    key: uuid.UUID | None
    is_new: bool


class Places:
    """What the rows that the file names are here. In a table for the time of one transaction, not in memory."""

    def __init__(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(_PLACES)

    def put(self, name: str, placed: Iterable[tuple[Any, Place]]) -> None:
        """Rows of this table are at these places."""
        bulk.copy_rows(
            "archive_place",
            ("name", "old", "id", "key", "is_new"),
            ((name, str(old), place.id, place.key, place.is_new) for old, place in placed),
        )

    def of(self, name: str, olds: Collection[Any]) -> dict[Any, Place]:
        """Where these rows of a table are, of those that have come so far."""
        by_text = {str(old): old for old in olds if old is not None}
        if not by_text:
            return {}
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT old, id, key, is_new FROM archive_place WHERE name = %s AND old = ANY(%s)",
                [name, list(by_text)],
            )
            return {by_text[old]: Place(*place) for old, *place in cursor.fetchall()}

    def new_keys(self, names: Collection[str]) -> list[uuid.UUID]:
        """The outside ids of what came with this archive, of these tables."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT key FROM archive_place WHERE is_new AND name = ANY(%s)", [list(names)])
            return [key for (key,) in cursor.fetchall()]

    def keys(self) -> dict[str, str]:
        """The outside ids that differ from those in the file, of what addresses and choices name: old to new."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT old, key::text FROM archive_place "
                "WHERE key IS NOT NULL AND old <> key::text AND name = ANY(%s)",
                [list(_NAMED_IN_DOCUMENTS)],
            )
            return dict(cursor.fetchall())

    def has_other_ids(self) -> bool:
        """Whether anything has another outside id here than in the file."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT EXISTS (SELECT FROM archive_place WHERE key IS NOT NULL AND old <> key::text)")
            return bool(cursor.fetchone()[0])

    def keys_of(self, olds: Collection[str]) -> dict[str, str]:
        """The outside ids that differ from those in the file, of these: old to new."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT old, key::text FROM archive_place "
                "WHERE name = ANY(%s) AND old = ANY(%s) AND key IS NOT NULL AND old <> key::text",
                [list(BY_NAME), list(olds)],
            )
            return dict(cursor.fetchall())


def other_id(owner: User, old: uuid.UUID) -> uuid.UUID:
    """The outside id that a row gets where its own belongs to somebody else: the same one each time."""
    digest = hashlib.blake2b(owner.public_id.bytes + old.bytes, digest_size=16, person=b"archive").digest()
    return uuid.UUID(bytes=digest, version=5)


def by_outside_id(
    table: Table, owner: User, olds: Sequence[uuid.UUID]
) -> dict[uuid.UUID, tuple[uuid.UUID, int | None]]:
    """Of each row the outside id that it has or gets here, and its primary key where the person has it already."""
    others = {old: other_id(owner, old) for old in olds}
    taken = dict(
        table.model._default_manager.filter(public_id__in=[*olds, *others.values()]).values_list("public_id", "pk")
    )
    own = set(table.rows(owner).filter(pk__in=list(taken.values())).values_list("pk", flat=True))
    found = {}
    for old, other in others.items():
        mine = next((key for key in (old, other) if taken.get(key) in own), None)
        key = mine or (other if old in taken else old)
        found[old] = (key, taken[mine] if mine else None)
    return found


def next_ids(model: type[models.Model], count: int) -> list[int]:
    """As many fresh primary keys of the table, in rising order."""
    connection.ensure_connection()
    with connection.wrap_database_errors:
        return bulk.next_ids(connection.connection, model._meta.db_table, count)


def insert(
    model: type[models.Model], rows: Sequence[dict[str, Any]], *, ids: Sequence[int] | None = None
) -> Sequence[int]:
    """The rows, by names of columns, are in the table; returns their primary keys. What is not given is the default."""
    if not rows:
        return []
    ids = next_ids(model, len(rows)) if ids is None else ids
    fields = [each for each in model._meta.concrete_fields if not (each.primary_key or each.generated)]
    defaults = {each.column: _default(each) for each in fields}
    written = {each.column: _WRITERS[type(each)] for each in fields if type(each) in _WRITERS}
    may_be_null = {each.column for each in fields if each.null}
    names = [each.column for each in fields if each.column in rows[0] or defaults[each.column] is not _LEFT_OUT]

    def values(key: int, row: dict[str, Any]) -> list[Any]:
        found = [row[name] if name in row else defaults[name] for name in names]
        return [
            key,
            *(
                None if value is None and name in may_be_null else written.get(name, _as_it_is)(value)
                for name, value in zip(names, found, strict=True)
            ),
        ]

    bulk.copy_rows(
        model._meta.db_table,
        ("id", *(f'"{name}"' for name in names)),
        (values(key, row) for key, row in zip(ids, rows, strict=True)),
    )
    return ids


_LEFT_OUT = object()


def _default(field: Any) -> Any:
    if getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False):
        return timezone.now()
    if field.has_db_default():
        return _LEFT_OUT
    return field.get_default()


def _document(value: Any) -> str:
    return line_of(value).decode().rstrip("\n")


def _as_it_is(value: Any) -> Any:
    return value


def _array(values: Sequence[Any]) -> str:
    return "{" + ",".join("NULL" if value is None else bulk.text(value) for value in values) + "}"


#: How COPY reads what is more than a word or a number; the arrays are of numbers.
_WRITERS: dict[type, Callable[[Any], Any]] = {
    models.JSONField: _document,
    ArrayField: _array,
    models.DurationField: duration_iso_string,
}
