"""Ids in the words of an archive: what they name may have another id here, and links follow it."""

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from django.db import connection

from journal.archive.tables import BY_NAME, tables

if TYPE_CHECKING:
    from journal.archive.restoring import Restorer

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
#: Texts in hand at a time.
_CHUNK = 500


def renamed(value: Any, keys: Mapping[str, str]) -> Any:
    """The value with the ids that it holds replaced; in the text of a query they are parts of it."""
    if isinstance(value, str):
        return _ID.sub(lambda found: keys.get(found[0].lower(), found[0]), value)
    if isinstance(value, list):
        return [renamed(each, keys) for each in value]
    if isinstance(value, dict):
        return {renamed(key, keys): renamed(each, keys) for key, each in value.items()}
    return value


def ids_in(values: Any) -> set[str]:
    """Everything in the value that may be an outside id."""
    if isinstance(values, str):
        return {found.lower() for found in _ID.findall(values)}
    if isinstance(values, dict):
        values = [*values, *values.values()]
    return set().union(*map(ids_in, values)) if isinstance(values, list) else set()


def rename(restorer: "Restorer", rows: list[dict[str, Any]], column: str) -> None:
    """What this column of the rows names by an outside id is named by the one that it has here."""
    keys = restorer.places.keys_of(ids_in([row[column] for row in rows]))
    for row in rows:
        row[column] = renamed(row[column], keys)


def follow(restorer: "Restorer", *, on_chunk: Callable[[], None] = lambda: None) -> None:
    """Links in the words that came lead to what they led to where the archive was written.

    After everything is in: a note may name a picture that comes after it. Words that were here already stay.
    """
    if not restorer.places.has_other_ids():
        return
    for name, column in [(table.name, column) for table in tables() for column in table.words]:
        last = 0
        while rows := _with_ids(name, column, after=last):
            last = rows[-1][0]
            ids = ids_in([text for _, text in rows])
            keys = restorer.places.keys_of(ids)
            changed = [(key, new) for key, text in rows if (new := renamed(text, keys)) != text]
            _write(name, column, changed)
            on_chunk()


def _with_ids(name: str, column: str, *, after: int) -> list[tuple[int, str]]:
    table = BY_NAME[name].model._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f'SELECT t.id, t."{column}" FROM "{table}" t '  # noqa: S608
            "JOIN archive_place p ON p.name = %s AND p.is_new AND p.id = t.id "
            f"""WHERE t.id > %s AND t."{column}" ~* '[0-9a-f]{{8}}-[0-9a-f]{{4}}-' ORDER BY t.id LIMIT %s""",
            [name, after, _CHUNK],
        )
        return [(key, text) for key, text in cursor.fetchall()]


def _write(name: str, column: str, rows: list[tuple[int, str]]) -> None:
    if not rows:
        return
    table = BY_NAME[name].model._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f'UPDATE "{table}" t SET "{column}" = v.words '  # noqa: S608
            "FROM unnest(%s::bigint[], %s::text[]) AS v(id, words) WHERE t.id = v.id",
            [[key for key, _ in rows], [text for _, text in rows]],
        )
