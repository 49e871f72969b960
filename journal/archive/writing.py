"""An archive written: every table row by row, so that a million fills need no more memory than one."""

import hashlib
import os
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

import orjson
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef
from django.utils.duration import duration_iso_string

from accounts import exact_json
from accounts.decimals import plain
from accounts.models import User
from journal import reading
from journal.archive.tables import BY_NAME, FORMAT, PERSON, VERSION, Table, is_ordered, named_by, tables

#: Rows fetched from the database at a time.
CHUNK = 2000
_PIECE = 1 << 20

#: Told the rows done so far.
OnProgress = Callable[[int], None]


class _Member:
    """One file of the archive while it is written."""

    def __init__(self, file: Any) -> None:
        self.file = file
        self.size = 0
        self.digest = hashlib.sha256()

    def write(self, data: bytes) -> None:
        self.size += len(data)
        self.digest.update(data)
        self.file.write(data)


class Writer:
    """Writes a person's archive into a file."""

    def __init__(self, owner: User, file: BinaryIO, *, on_progress: OnProgress = lambda rows: None) -> None:
        self.owner = owner
        self.zip = zipfile.ZipFile(file, "w", compression=zipfile.ZIP_DEFLATED, compresslevel=6, allowZip64=True)
        self.members: list[dict[str, Any]] = []
        self.counts: dict[str, int] = {}
        self.done = 0
        self.on_progress = on_progress

    def write(self, *, at: datetime) -> dict[str, int]:
        """The whole archive is in the file, as one moment of the database had it; returns the rows of each table."""
        with reading.one_snapshot():
            self._person()
            for table in tables():
                self._table(table)
            self._files()
        manifest = {
            "format": FORMAT,
            "version": VERSION,
            "created_at": at,
            "counts": self.counts,
            "members": self.members,
        }
        self.zip.writestr("manifest.json", orjson.dumps(manifest, option=orjson.OPT_INDENT_2))
        self.zip.close()
        return self.counts

    def _person(self) -> None:
        with self._member("person.json", rows=1) as member:
            member.write(orjson.dumps({name: str(getattr(self.owner, name)) for name in PERSON}))

    def _table(self, table: Table) -> None:
        with self._member(f"{table.name}.jsonl", rows=0) as member:
            count = 0
            for row in rows_of(table, self.owner):
                member.write(line_of(row))
                count += 1
                if count % CHUNK == 0:
                    self.on_progress(self.done + count)
        self.done += count
        self.counts[table.name] = self.members[-1]["rows"] = count
        self.on_progress(self.done)

    def _files(self) -> None:
        """The bytes of attachments, one after the other, as they are stored."""
        for kept in BY_NAME["attachments"].rows(self.owner).iterator(chunk_size=100):
            with self._member(f"attachments/{kept.public_id}", rows=1) as member, kept.file.open("rb") as file:
                while piece := file.read(_PIECE):
                    member.write(piece)

    @contextmanager
    def _member(self, name: str, *, rows: int) -> Iterator[_Member]:
        with self.zip.open(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), "w", force_zip64=True) as file:
            member = _Member(file)
            yield member
        self.members.append({"name": name, "rows": rows, "size": member.size, "sha256": member.digest.hexdigest()})


def write(owner: User, path: Path, *, at: datetime, on_progress: OnProgress = lambda rows: None) -> dict[str, int]:
    """Everything of this person is in a new file at `path`, readable by this process alone."""
    with open(path, "xb", opener=private) as file:
        return Writer(owner, file, on_progress=on_progress).write(at=at)


def total_of(owner: User) -> int:
    """How many rows the archive would have now."""
    return sum(table.rows(owner).count() for table in tables())


def rows_of(table: Table, owner: User) -> Iterator[dict[str, Any]]:
    """The person's rows of a table as the file has them, fetched piece by piece."""
    names = [*table.columns, *table.refs, *table.many]
    found = table.rows(owner).annotate(**{f"named_{name}": _labels(table, name) for name in table.many})
    places = [
        *table.columns,
        *(named_by(table, name) for name in table.refs),
        *(f"named_{name}" for name in table.many),
    ]
    for values in found.values_list(*places).iterator(chunk_size=CHUNK):
        yield dict(zip(names, values, strict=True))


def line_of(row: dict[str, Any]) -> bytes:
    """A row as a line: decimals in full as strings, times in ISO 8601 with their offset, durations too."""
    return exact_json.dumps(row, default=_json, option=orjson.OPT_APPEND_NEWLINE)


def _labels(table: Table, name: str) -> ArraySubquery:
    """What the labels of a row are named by, in one order: their own where they have one."""
    links = getattr(table.model, name).through
    own = table.model._meta.get_field(name)
    source, target = own.m2m_field_name(), own.m2m_reverse_field_name()  # type: ignore[union-attr]
    key = BY_NAME[table.many[name]].key
    order = ["position"] if is_ordered(links) else []
    return ArraySubquery(
        links.objects.filter(**{source: OuterRef("pk")}).order_by(*order, f"{target}_id").values(f"{target}__{key}")
    )


def _json(value: Any) -> Any:
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, timedelta):
        return duration_iso_string(value)
    raise TypeError(type(value).__name__)


def private(path: str, flags: int) -> int:
    """Opens a file that no other user of the machine can read."""
    return os.open(path, flags, 0o600)
