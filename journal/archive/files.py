"""Pictures and files of an archive, taken in."""

import uuid
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils.translation import gettext as _

from accounts.errors import DomainError
from journal import attachments as kept
from journal import pictures
from journal.archive import places
from journal.archive.opening import ArchiveRefused
from journal.archive.places import Place
from journal.archive.tables import BY_NAME
from journal.models import Attachment

if TYPE_CHECKING:
    from journal.archive.restoring import Restorer

Rows = list[dict[str, Any]]


def attachments(restorer: "Restorer", rows: Rows) -> None:
    """The files are with their trades and notes, byte by byte; what was there already is not kept twice.

    What a file is served as is told by its content, as when it is sent by hand, and the quota holds.
    Raises ArchiveRefused for a file that is not what its row says, or too large.
    """
    table = BY_NAME["attachments"]
    rows = restorer.resolved(table, rows)
    found = places.by_outside_id(table, restorer.owner, [row["public_id"] for row in rows])
    room = settings.ATTACHMENT_QUOTA_BYTES - kept.used_by(restorer.owner)
    values = []
    for row in rows:
        public_id, key = found[row["public_id"]]
        if key is not None:
            continue
        content, thumbnail = _content(restorer, row)
        room -= len(content) + len(thumbnail)
        if room < 0:
            raise ArchiveRefused(_("Its files are more than you may keep here."), code="quota_exceeded", status=413)
        values.append(
            {column: row[column] for column in table.columns if column != "public_id"}
            | {
                "public_id": public_id,
                "owner_id": restorer.owner.pk,
                "note_id": row["note_id"],
                "file": _store(restorer, content),
                "thumbnail": _store(restorer, thumbnail) if thumbnail else "",
                "size": len(content) + len(thumbnail),
            }
        )
    ids = iter(places.insert(Attachment, values))
    placed = []
    for row in rows:
        public_id, key = found[row["public_id"]]
        placed.append((row["public_id"], Place(key or next(ids), public_id, is_new=key is None)))
    restorer.places.put("attachments", placed)
    restorer.added["attachments"] += len(values)


def forget(stored: Iterable[str]) -> None:
    """The files of an import that did not happen are gone."""
    for name in stored:
        default_storage.delete(name)


def _content(restorer: "Restorer", row: dict[str, Any]) -> tuple[bytes, bytes]:
    """The bytes of an attachment and of its thumbnail."""
    member = restorer.archive.members.get(f"attachments/{row['public_id']}")
    if member is None or member.sha256 != row["sha256"] or member.size > settings.ATTACHMENT_MAX_BYTES:
        raise ArchiveRefused(
            _("%(name)s is not in it as its table says.") % {"name": row["filename"]}, code="attachment_differs"
        )
    with restorer.archive.file(str(row["public_id"])) as file:
        content = file.read()
    try:
        found = pictures.examine(content, name=row["filename"])
    except DomainError as error:
        raise ArchiveRefused(f"{row['filename']}: {error.message}", code="attachment_type") from error
    if found.content_type != row["content_type"]:
        raise ArchiveRefused(
            _("%(name)s is not of the type that it says.") % {"name": row["filename"]}, code="attachment_type"
        )
    return content, found.thumbnail


def _store(restorer: "Restorer", content: bytes) -> str:
    name = default_storage.save(f"{kept.FOLDER}/{restorer.owner.pk}/{uuid.uuid4().hex}", ContentFile(content))
    restorer.kept_files.append(name)
    return name
