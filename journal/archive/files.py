"""Pictures and files of an archive, taken in."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.core.files import File
from django.core.files.storage import default_storage

from journal.archive import places
from journal.archive.opening import ArchiveRefused
from journal.archive.tables import BY_NAME
from journal.models import Attachment

if TYPE_CHECKING:
    from journal.archive.restoring import Restorer

Rows = list[dict[str, Any]]

#: How files begin that are served again; what is served is decided by the content, whatever the archive calls it.
_BEGINNINGS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
)


def attachments(restorer: "Restorer", rows: Rows) -> None:
    """The files are with their trades and notes, under names of our own; what was there already is not kept twice."""
    table = BY_NAME["attachments"]
    rows = restorer.resolved(table, rows)
    found = places.by_outside_id(table, restorer.owner, [row["public_id"] for row in rows])
    values = []
    for row in rows:
        public_id, key = found[row["public_id"]]
        if key is not None:
            continue
        name = f"attachments/{row['public_id']}"
        member = restorer.archive.members.get(name)
        if member is None or (member.size, member.sha256) != (row["size"], row["sha256"]):
            raise ArchiveRefused(f"{row['filename']} is not in it as its table says.", code="attachment_differs")
        with restorer.archive.file(str(row["public_id"])) as file:
            if _content_type(file.read(16)) != row["content_type"]:
                raise ArchiveRefused(f"{row['filename']} is not of the type that it says.", code="attachment_type")
        with restorer.archive.file(str(row["public_id"])) as file:
            stored = default_storage.save(f"attachments/{public_id.hex}", File(file))
        restorer.kept_files.append(stored)
        values.append(
            {column: row[column] for column in table.columns if column != "public_id"}
            | {
                "public_id": public_id,
                "owner_id": restorer.owner.pk,
                "note_id": row["note_id"],
                "file": stored,
            }
        )
    places.insert(Attachment, values)
    restorer.added["attachments"] += len(values)


def forget(stored: Iterable[str]) -> None:
    """The files of an import that did not happen are gone."""
    for name in stored:
        default_storage.delete(name)


def _content_type(beginning: bytes) -> str:
    if beginning[:4] == b"RIFF" and beginning[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for start, kind in _BEGINNINGS if beginning.startswith(start)), "")
