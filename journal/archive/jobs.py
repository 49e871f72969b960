"""Verbs on archives: ask for one, send one, do the work, cancel, clear away. A task may run twice, late or never."""

import logging
import uuid
from collections.abc import Iterable
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import IntegrityError, InterfaceError, OperationalError, connection, connections, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import activity, audit
from accounts.errors import Conflict, DomainError
from accounts.models import ActivityKind, User
from journal import reading
from journal.archive import restoring, writing
from journal.archive.opening import ArchiveRefused
from journal.models import Archive, ArchiveKind, ArchiveStatus

logger = logging.getLogger(__name__)

KEPT = timedelta(days=7)
#: A worker that dies at it is followed by another, this often.
LARGEST_ATTEMPTS = 3

_BUSY = (ArchiveStatus.QUEUED, ArchiveStatus.RUNNING)


class ArchiveCanceled(Exception):
    """The person asked to stop."""


def folder() -> Path:
    """Where archives are stored, readable by this process alone."""
    found = Path(settings.MEDIA_ROOT) / "archives"
    found.mkdir(parents=True, exist_ok=True, mode=0o700)
    return found


def path_of(archive: Archive) -> Path:
    """Where the file of this archive is, or would be."""
    return folder() / (archive.stored_as or "none")


def request(owner: User, *, at: datetime) -> Archive:
    """An export waits for a worker; one that waits or runs already is returned as it is."""
    name = f"journal-{at.date().isoformat()}.zip"
    return _queued(owner, ArchiveKind.EXPORT, filename=name, stored_as="") or _running(owner, ArchiveKind.EXPORT)


def receive(owner: User, *, chunks: Iterable[bytes], filename: str) -> Archive:
    """The file is stored under a name of our own, and waits to be taken in.

    Raises ArchiveRefused when it is too large, and Conflict while another import is at work; nothing is kept then.
    """
    stored_as = uuid.uuid4().hex
    path = folder() / stored_as
    size = 0
    try:
        with open(path, "xb", opener=writing.private) as file:
            for chunk in chunks:
                size += len(chunk)
                if size > settings.ARCHIVE_MAX_BYTES:
                    raise ArchiveRefused(
                        _("An archive has at most %(size)s MB.") % {"size": settings.ARCHIVE_MAX_BYTES >> 20},
                        code="file_too_large",
                        status=413,
                    )
                file.write(chunk)
        archive = _queued(owner, ArchiveKind.IMPORT, filename=_shown(filename), stored_as=stored_as, size=size)
        if archive is None:
            raise Conflict(_("Another archive is being taken in."), code="archive_state")
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return archive


def run(archive: Archive) -> Archive:
    """The archive is written or taken in, refused, or canceled; nothing when somebody else is at it or it is over."""
    try:
        if archive.kind == ArchiveKind.EXPORT:
            _export(archive)
        else:
            _import(archive)
    except ArchiveCanceled:
        _over(archive, ArchiveStatus.CANCELED)
    except DomainError as refusal:
        _over(archive, ArchiveStatus.FAILED, error_code=refusal.code, error=refusal.message)
    except (OperationalError, InterfaceError):
        # The database went away, not the archive wrong: the sweep comes again, and counts how often.
        raise
    except Exception:
        logger.exception("the archive %s failed", archive.public_id)
        words = _("Something went wrong here that should not. Nothing was changed, and it was noted.")
        _over(archive, ArchiveStatus.FAILED, error_code="unexpected", error=words)
    archive.refresh_from_db()
    return archive


def _export(archive: Archive) -> None:
    temporary = folder() / f"{uuid.uuid4().hex}.part"
    try:
        counts = _written(archive, temporary)
        if counts is None:
            return
        stored_as, size = uuid.uuid4().hex, temporary.stat().st_size
        temporary.rename(folder() / stored_as)
    finally:
        temporary.unlink(missing_ok=True)
    now, rows = timezone.now(), sum(counts.values())
    with transaction.atomic():
        kept = Archive.objects.filter(pk=archive.pk, status__in=_BUSY).update(
            status=ArchiveStatus.DONE,
            stored_as=stored_as,
            size=size,
            counts=counts,
            progress=rows,
            total=rows,
            finished_at=now,
            expires_at=now + KEPT,
        )
        if kept:
            audit.written("archive.export", subject="archive", subject_id=archive.public_id, owner_id=archive.owner_id)
            words = _("Everything was exported: the file waits for a week.")
            activity.noted(archive.owner_id, ActivityKind.SYSTEM, words, link="/everything/")
    if not kept:
        (folder() / stored_as).unlink(missing_ok=True)


def _written(archive: Archive, path: Path) -> dict[str, int] | None:
    """The archive is at `path`, of one moment; None where somebody else is at it or it is over."""
    with reading.one_snapshot():
        if not _is_ours(archive):
            return None
        archive.refresh_from_db()
        if not archive.is_busy:
            return None
        _refuse_after_attempts(archive)
        with closing(_Progress(archive)) as progress:
            progress.started(writing.total_of(archive.owner))
            return writing.write(archive.owner, path, at=timezone.now(), on_progress=progress)


def _import(archive: Archive) -> None:
    with transaction.atomic():
        if not _is_ours(archive):
            return
        archive.refresh_from_db()
        if not archive.is_busy:
            return
        if archive.cancel_requested:
            raise ArchiveCanceled
        _refuse_after_attempts(archive)
        with closing(_Progress(archive)) as progress, audit.acting(archive.owner):
            progress.started(0)
            added, remarks = restoring.take_in(
                archive.owner, path_of(archive), on_progress=progress, on_total=progress.knows
            )
        done = Archive.objects.filter(pk=archive.pk, status__in=_BUSY).update(
            status=ArchiveStatus.DONE, counts=added, remarks=remarks, finished_at=timezone.now()
        )
        if not done:
            raise ArchiveCanceled
        rows = sum(added.values())
        activity.noted(
            archive.owner_id,
            ActivityKind.SYSTEM,
            _("%(file)s was taken in: %(rows)s rows are new.") % {"file": archive.filename, "rows": rows},
            link="/everything/",
        )
    _forget_file(archive)


def cancel(archive: Archive) -> Archive:
    """The work stops: at once while it waits, within seconds while it runs. Raises Conflict when it is over."""
    waiting = Archive.objects.filter(pk=archive.pk, status=ArchiveStatus.QUEUED).update(
        status=ArchiveStatus.CANCELED, finished_at=timezone.now()
    )
    if waiting:
        _forget_file(archive)
    elif not Archive.objects.filter(pk=archive.pk, status=ArchiveStatus.RUNNING).update(cancel_requested=True):
        raise Conflict(_("This is over and cannot be canceled."), code="archive_state")
    archive.refresh_from_db()
    return archive


def forget(archive: Archive) -> None:
    """The file is gone before its week is over. Raises Conflict while something works on it."""
    changed = Archive.objects.filter(pk=archive.pk).exclude(status__in=_BUSY).update(expires_at=timezone.now())
    if not changed:
        raise Conflict(_("It is not finished yet."), code="archive_state")
    _forget_file(archive)


def sweep(*, at: datetime) -> int:
    """Files whose week is over are gone, and so is what nobody knows of; returns how many."""
    gone = 0
    for archive in Archive.objects.filter(expires_at__lte=at).exclude(stored_as=""):
        gone += _forget_file(archive)
    known = set(Archive.objects.exclude(stored_as="").values_list("stored_as", flat=True))
    for path in folder().iterdir():
        # Young ones may belong to a request or a worker that has not told its row yet.
        if path.name not in known and path.stat().st_mtime < (at - timedelta(days=1)).timestamp():
            path.unlink(missing_ok=True)
            gone += 1
    return gone


def unfinished() -> list[Archive]:
    """Archives that wait for a worker or whose worker may have died, oldest first."""
    return list(
        Archive.objects.filter(status__in=_BUSY, created_at__lt=timezone.now() - timedelta(seconds=2)).order_by("id")[
            :20
        ]
    )


def _queued(owner: User, kind: str, **values: Any) -> Archive | None:
    """A new archive that waits; None while there is one of this kind at work."""
    try:
        with transaction.atomic():
            return Archive.objects.create(owner=owner, kind=kind, **values)
    except IntegrityError as error:
        if "archive_one_at_a_time" not in str(error):
            raise
        return None


def _running(owner: User, kind: str) -> Archive:
    found = Archive.objects.filter(owner=owner, kind=kind).order_by("-id").first()
    assert found is not None
    return found


def _is_ours(archive: Archive) -> bool:
    """Whether this transaction is now the only one at work on it; that lasts until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(7311, %s)", [archive.pk % 2_147_483_647])
        return bool(cursor.fetchone()[0])


def _refuse_after_attempts(archive: Archive) -> None:
    if archive.attempts >= LARGEST_ATTEMPTS:
        raise ArchiveRefused(_("It was begun three times and its worker died each time."), code="gave_up")


def _over(archive: Archive, status: str, **values: Any) -> None:
    """It ended like this, unless it was over already."""
    ended = Archive.objects.filter(pk=archive.pk, status__in=_BUSY).update(
        status=status, finished_at=timezone.now(), **values
    )
    if ended:
        _forget_file(archive)


def _forget_file(archive: Archive) -> bool:
    archive.refresh_from_db(fields=["stored_as"])
    if not archive.stored_as:
        return False
    path_of(archive).unlink(missing_ok=True)
    return bool(Archive.objects.filter(pk=archive.pk).update(stored_as=""))


def _shown(filename: str) -> str:
    """The name for people: the last part of a path, on one line."""
    last = filename.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(character for character in last if character.isprintable())[-200:] or "archive.zip"


class _Progress:
    """Tells the archive's row how far it is, over a connection of its own: the work is one transaction."""

    def __init__(self, archive: Archive) -> None:
        self.key = archive.pk
        self.own = connections["default"].copy()

    def close(self) -> None:
        """The connection is given back."""
        self.own.close()

    def started(self, total: int) -> None:
        """It is at work, once more. Raises ArchiveCanceled when it was canceled while it waited."""
        assignments = "status = 'running', attempts = attempts + 1, progress = 0, total = %s"
        if self._update(assignments, [total]):
            raise ArchiveCanceled

    def knows(self, total: int) -> None:
        """There are so many rows."""
        self._update("total = %s", [total])

    def __call__(self, rows: int) -> None:
        """So many rows are done. Raises ArchiveCanceled when the person asked for it."""
        if self._update("progress = %s", [rows]):
            raise ArchiveCanceled

    def _update(self, assignments: str, values: list[Any]) -> bool:
        """Whether to stop: the person asked for it, or it is over, and then nothing is changed."""
        with self.own.cursor() as cursor:
            cursor.execute(
                f"UPDATE journal_archive SET {assignments} "  # noqa: S608
                "WHERE id = %s AND status IN ('queued', 'running') RETURNING cancel_requested",
                [*values, self.key],
            )
            if row := cursor.fetchone():
                return bool(row[0])
            cursor.execute("SELECT true FROM journal_archive WHERE id = %s", [self.key])
            return cursor.fetchone() is not None
