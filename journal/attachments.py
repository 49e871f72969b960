"""Verbs on attachments: files that a person keeps with trades and notes, within a quota, for nobody else to see."""

import hashlib
import re
import unicodedata
import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit, versions
from accounts.errors import Conflict, DomainError, InvalidValue
from accounts.models import User
from accounts.undo import Undone
from journal import pictures
from journal.models import Attachment, Note
from trading.models import Trade

#: How long a deleted file can be brought back.
KEPT = timedelta(days=7)
#: How long the files of a trade stay that is gone: as long as it may be restored.
ORPHANS_KEPT = timedelta(days=30)
MOST_PER_THING = 50
FOLDER = "attachments"
_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)", re.IGNORECASE | re.ASCII)


class FileTooLarge(DomainError):
    """The file is larger than what is taken."""

    code = "file_too_large"
    status = 413


class QuotaExceeded(DomainError):
    """The person keeps as much as they may."""

    code = "quota_exceeded"
    status = 413


def used_by(owner: User) -> int:
    """Bytes that the person's files take, those left out that were deleted and can still be brought back."""
    return Attachment.objects.for_user(owner).aggregate(sum=Sum("size"))["sum"] or 0


def add(
    *,
    owner: User,
    content: bytes,
    name: str,
    trade: Trade | None = None,
    note: Note | None = None,
    caption: str = "",
) -> Attachment:
    """The file is kept with the trade or the note, as `pictures.examine` made it harmless.

    Raises, with nothing kept and nothing changed: FileTooLarge, pictures.FileRefused, QuotaExceeded, InvalidValue.
    """
    _check_place(owner, trade, note)
    if len(content) > settings.ATTACHMENT_MAX_BYTES:
        raise FileTooLarge(_too_large())
    # Before the lock: to draw a picture anew takes its time.
    found = pictures.examine(content, name=name)
    size = len(found.content) + len(found.thumbnail)
    stored: list[str] = []
    try:
        with transaction.atomic():
            _make_room(owner, size)
            if _count_at(owner, trade, note) >= MOST_PER_THING:
                raise InvalidValue(_("At most %(count)s files are kept in one place.") % {"count": MOST_PER_THING})
            stored.append(_store(owner, found.content))
            if found.thumbnail:
                stored.append(_store(owner, found.thumbnail))
            made = Attachment.objects.create(
                owner=owner,
                trade_key=trade.public_id if trade is not None else None,
                note=note,
                file=stored[0],
                thumbnail=stored[1] if found.thumbnail else "",
                filename=cleaned_name(name, extension=found.extension),
                content_type=found.content_type,
                size=size,
                sha256=hashlib.sha256(found.content).hexdigest(),
                width=found.width,
                height=found.height,
                caption=caption,
            )
            versions.bump(owner.pk)
            made.refresh_from_db()
            return made
    except BaseException:
        for each in stored:
            default_storage.delete(each)
        raise


def add_upload(
    *, owner: User, file: UploadedFile, trade: Trade | None = None, note: Note | None = None, caption: str = ""
) -> Attachment:
    """As `add`, for a file of a form: one that is too large is not read."""
    if (file.size or 0) > settings.ATTACHMENT_MAX_BYTES:
        raise FileTooLarge(_too_large())
    content = file.read(settings.ATTACHMENT_MAX_BYTES + 1)
    return add(owner=owner, content=content, name=file.name or "", trade=trade, note=note, caption=caption)


@transaction.atomic
def describe(attachment: Attachment, *, caption: str) -> Attachment:
    """The file has this caption. Raises Conflict when it is gone."""
    changed = Attachment.objects.filter(pk=attachment.pk, deleted_at__isnull=True).update(caption=caption)
    if not changed:
        raise Conflict(_("This file is gone."))
    versions.bump(attachment.owner_id)
    attachment.refresh_from_db()
    return attachment


@transaction.atomic
def delete(attachment: Attachment) -> dict[str, str]:
    """The file is gone for its owner; returns what `undelete` brings back for some days."""
    changed = Attachment.objects.filter(pk=attachment.pk, deleted_at__isnull=True).update(deleted_at=timezone.now())
    if not changed:
        raise Conflict(_("This file is gone."))
    audit.written(
        "attachment.delete",
        subject="attachment",
        subject_id=attachment.public_id,
        owner_id=attachment.owner_id,
    )
    versions.bump(attachment.owner_id)
    return {"attachment": str(attachment.public_id)}


@transaction.atomic
def undelete(owner: User, kept: Mapping[str, Any]) -> Undone:
    """The deleted file is there again. Raises Conflict once it was swept, QuotaExceeded where its room was taken."""
    found = Attachment.objects.deleted_by(owner).filter(public_id=kept["attachment"]).first()
    if found is None:
        raise Conflict(_("There is nothing left of the file to bring back."))
    _lock(owner)
    if used_by(owner) + found.size > settings.ATTACHMENT_QUOTA_BYTES:
        raise QuotaExceeded(_("There is no room for it any more."))
    back = Attachment.objects.filter(pk=found.pk, deleted_at__isnull=False).update(deleted_at=None)
    if not back:
        raise Conflict(_("There is nothing left of the file to bring back."))
    versions.bump(owner.pk)
    return Undone(_("The file is back."))


def sweep(at: datetime) -> int:
    """Files that nobody can have back are gone, from the disk too; returns how many.

    Those deleted some days ago, those of notes deleted some days ago, and those of trades that are gone for a month.
    """
    _mark_orphans(at)
    count = 0
    while True:
        with transaction.atomic():
            gone = Attachment.objects.select_for_update(skip_locked=True).filter(deleted_at__lt=at - KEPT)
            rows = list(gone.order_by("id")[:200])
            _remove(rows)
        count += len(rows)
        if not rows:
            return count


def sweep_unknown(at: datetime) -> int:
    """Files on the disk that no row knows, left by a crash a day ago or more, are gone; returns how many."""
    count = 0
    owners, _files = default_storage.listdir(FOLDER) if default_storage.exists(FOLDER) else ([], [])
    for owner in owners:
        _folders, names = default_storage.listdir(f"{FOLDER}/{owner}")
        paths = {f"{FOLDER}/{owner}/{name}" for name in names}
        known = set(Attachment.objects.filter(file__in=paths).values_list("file", flat=True))
        known |= set(Attachment.objects.filter(thumbnail__in=paths).values_list("thumbnail", flat=True))
        for path in paths - known:
            if default_storage.get_modified_time(path) < at - timedelta(days=1):
                default_storage.delete(path)
                count += 1
    return count


def cleaned_name(name: str, *, extension: str) -> str:
    """The last part of the name without what could mislead, with the extension that the content has."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    shown = "".join(each for each in last if unicodedata.category(each)[0] != "C" and each not in '<>:"|?*\u2028\u2029')
    stem, dot, ending = shown.strip().rpartition(".")
    stem = (stem if dot and len(ending) <= 5 else shown).strip(" .")[:100]
    if not stem or _DEVICE.fullmatch(stem):
        stem = f"file {stem}".strip()
    return f"{stem}.{extension}"


# ---------------------------------------------------------------- parts
def _check_place(owner: User, trade: Trade | None, note: Note | None) -> None:
    if (trade is None) == (note is None):
        raise InvalidValue(_("A file is kept with one trade or one note."))
    place: Trade | Note | None = trade if trade is not None else note
    if place is None or place.owner_id != owner.pk:
        raise InvalidValue(_("There is nothing of yours with this id."))


def _too_large() -> str:
    return _("The file is larger than %(count)s MB.") % {"count": settings.ATTACHMENT_MAX_BYTES // 1_048_576}


def _count_at(owner: User, trade: Trade | None, note: Note | None) -> int:
    rows = Attachment.objects.for_user(owner)
    return (rows.filter(trade_key=trade.public_id) if trade is not None else rows.filter(note=note)).count()


def _lock(owner: User) -> None:
    """Other uploads of this person wait until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM accounts_user WHERE id = %s FOR NO KEY UPDATE", [owner.pk])


def _make_room(owner: User, size: int) -> None:
    """There is room for so many bytes; for it, the oldest deleted files go for good. Raises QuotaExceeded."""
    _lock(owner)
    quota = settings.ATTACHMENT_QUOTA_BYTES
    used = used_by(owner)
    if used + size > quota:
        raise QuotaExceeded(
            _("Your files take %(used)s of %(quota)s MB; there is no room for this one. Delete some first.")
            % {"used": used // 1_048_576, "quota": quota // 1_048_576}
        )
    # Or else deleting and sending again, over and over, would fill the disk.
    deleted = list(Attachment.objects.deleted_by(owner).order_by("deleted_at", "id"))
    excess = used + size + sum(each.size for each in deleted) - quota
    dropped = []
    for each in deleted:
        if excess <= 0:
            break
        dropped.append(each)
        excess -= each.size
    _remove(dropped)


def _store(owner: User, content: bytes) -> str:
    return default_storage.save(f"{FOLDER}/{owner.pk}/{uuid.uuid4().hex}", ContentFile(content))


def _remove(rows: Iterable[Attachment]) -> None:
    """The rows are gone, and with the commit their files. A file that outlives a crash is found by `sweep_unknown`."""
    rows = list(rows)
    paths = [path for row in rows for path in (row.file.name, row.thumbnail.name) if path]
    Attachment.objects.filter(pk__in=[row.pk for row in rows]).delete()

    def delete_files() -> None:
        for path in paths:
            default_storage.delete(path)

    transaction.on_commit(delete_files)


def _mark_orphans(at: datetime) -> None:
    """Files of deleted notes go with them; those of trades that are gone have a month from when a sweep saw it."""
    Attachment.objects.filter(deleted_at__isnull=True, note__deleted_at__lt=at - KEPT).update(
        deleted_at=at - KEPT - timedelta(seconds=1)
    )
    has_trade = Exists(Trade.objects.filter(public_id=OuterRef("trade_key")))
    of_trades = Attachment.objects.filter(trade_key__isnull=False, deleted_at__isnull=True)
    of_trades.filter(has_trade, orphaned_at__isnull=False).update(orphaned_at=None)
    of_trades.filter(~has_trade, orphaned_at__isnull=True).update(orphaned_at=at)
    of_trades.filter(orphaned_at__lt=at - ORPHANS_KEPT).update(deleted_at=at - KEPT - timedelta(seconds=1))
