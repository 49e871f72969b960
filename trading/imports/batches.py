"""Verbs on imports: receive a file, look into it, apply, cancel, undo, replay."""

import hashlib
import uuid
from collections.abc import Callable, Iterable
from contextlib import closing
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import DataError, connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import activity, audit
from accounts.errors import DomainError
from accounts.models import Account, ActivityKind, User
from trading import trades
from trading.errors import BatchBusy, ImportRefused
from trading.imports import fills, pipeline, reasons, routing
from trading.imports.parsers.base import FileRefused
from trading.imports.pipeline import NotApplicable, Report
from trading.imports.progress import Progress, no_cycle_search
from trading.imports.staging import ImportCanceled
from trading.models import BatchStatus, ImportBatch

#: A worker that dies while it imports is followed by another, this often.
LARGEST_ATTEMPTS = 3
#: New fills that change what there is enough for the planner to be told.
_MANY = 1_000

_OPTIONS = frozenset(
    (
        "time_zone encoding decimal_style date_order delimiter ambiguous_time mapping accounts "
        "create_accounts new_account decisions is_sample"
    ).split()
)


def receive(
    *,
    owner: User,
    chunks: Iterable[bytes],
    filename: str,
    account: Account | None = None,
    selected_format: str = "",
    options: dict[str, Any] | None = None,
) -> ImportBatch:
    """The file is stored under a name of our own and waits to be looked into.

    Raises: ImportRefused when it is larger than the limit; nothing is kept then.
    """
    stored_as = uuid.uuid4().hex
    folder = pipeline.path_of(ImportBatch(stored_as=stored_as)).parent
    folder.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    path = folder / stored_as
    try:
        with path.open("xb") as file:
            for chunk in chunks:
                size += len(chunk)
                if size > settings.IMPORT_MAX_BYTES:
                    raise ImportRefused(
                        _(
                            "The file is larger than %(most)s MiB. Split it by date and import the parts one after the "
                            "other."
                        )
                        % {"most": settings.IMPORT_MAX_BYTES // 1_048_576},
                        code="file_too_large",
                        status=413,
                    )
                digest.update(chunk)
                file.write(chunk)
        return ImportBatch.objects.create(
            owner=owner,
            filename=_shown_name(filename),
            stored_as=stored_as,
            size=size,
            sha256=digest.hexdigest(),
            account=account,
            selected_format=selected_format,
            options=_checked(options or {}),
        )
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def choose(
    batch: ImportBatch,
    *,
    account: Account | None = None,
    selected_format: str | None = None,
    options: dict[str, Any] | None = None,
) -> ImportBatch:
    """The person's choices for the file are kept; look into it again afterwards. Raises BatchBusy."""
    values: dict[str, Any] = {
        "status": BatchStatus.PREVIEWING,
        "preview": {},
        "error_code": "",
        "error_message": "",
    }
    if account is not None:
        values["account"] = account
    if selected_format is not None:
        values["selected_format"] = selected_format
    if options is not None:
        values["options"] = {**batch.options, **_checked(options)}
    changed = ImportBatch.objects.filter(
        pk=batch.pk, status__in=[BatchStatus.PREVIEWING, BatchStatus.READY, BatchStatus.REFUSED]
    ).update(**values)
    if not changed:
        raise BatchBusy(_("This import can no longer be changed."))
    batch.refresh_from_db()
    return batch


def look(batch: ImportBatch) -> ImportBatch:
    """The batch says what importing it would do, or why it is refused; nothing else is written.

    Does nothing when somebody else is looking, or the batch is past that.
    """
    try:
        with transaction.atomic():
            if not pipeline.lock_batch(batch.pk):
                return batch
            batch = ImportBatch.objects.select_related("owner", "account").get(pk=batch.pk)
            if batch.status != BatchStatus.PREVIEWING:
                return batch
            _refuse_after_attempts(batch)
            with closing(Progress(batch)) as progress:
                progress.looked()
                report = pipeline.preview(batch, on_progress=progress)
    except (FileRefused, DataError, OSError) as error:
        refusal = _refusal_of(error)
        return _refused(batch, refusal.code, refusal.message, Report())
    status = BatchStatus.REFUSED if report.error_count else BatchStatus.READY
    code, message = _why(report)
    ImportBatch.objects.filter(pk=batch.pk, status=BatchStatus.PREVIEWING).update(
        status=status,
        format=report.format,
        preview=report.as_json(),
        total_rows=report.rows,
        progress=0,
        attempts=0,
        error_code=code,
        error_message=message,
    )
    batch.refresh_from_db()
    return batch


def _refuse_after_attempts(batch: ImportBatch) -> None:
    if batch.attempts >= LARGEST_ATTEMPTS:
        raise FileRefused("gave_up", "The import was started three times and its worker died each time.")


def _refusal_of(error: Exception) -> FileRefused:
    if isinstance(error, FileRefused):
        return error
    if isinstance(error, DataError):
        return FileRefused(
            "number_too_large",
            "A number in the file, or what the fills come to, is too large to be kept: money has at most 12 digits "
            "before the point, prices and quantities 16. Nothing of the file was imported.",
        )
    return FileRefused("file_missing", "The stored file can no longer be read: import it anew.")


@transaction.atomic
def queue(batch: ImportBatch) -> ImportBatch:
    """The batch waits for a worker. Raises BatchBusy unless it is ready; ImportRefused while decisions are open."""
    open_decisions = batch.preview.get("decisions") or []
    if open_decisions:
        what = " ".join(reasons.told(decision["message"]) for decision in open_decisions[:5])
        raise ImportRefused(_("Decide first: %(what)s") % {"what": what}, code="needs_decision")
    changed = ImportBatch.objects.filter(pk=batch.pk, status=BatchStatus.READY).update(
        status=BatchStatus.QUEUED, progress=0, cancel_requested=False
    )
    if not changed:
        raise BatchBusy(
            _("This import is %(status)s and cannot be started.") % {"status": batch.get_status_display().lower()}
        )
    batch.refresh_from_db()
    return batch


def run(batch: ImportBatch, *, on_progress: Callable[[int], None] | None = None) -> ImportBatch:
    """The batch is applied, refused or canceled; does nothing when another worker is at it or it is done.

    `on_progress` is told the rows done, as the batch's own row is.
    """
    try:
        with transaction.atomic():
            if not pipeline.lock_batch(batch.pk):
                return batch
            batch = ImportBatch.objects.select_related("owner", "account").get(pk=batch.pk)
            if batch.status not in (BatchStatus.READY, BatchStatus.QUEUED, BatchStatus.RUNNING):
                return batch
            if batch.cancel_requested:
                raise ImportCanceled
            _refuse_after_attempts(batch)
            with closing(Progress(batch, also=on_progress)) as progress, no_cycle_search():
                progress.started()
                report = pipeline.apply(batch, on_progress=progress)
            _applied(batch, report)
            if report.new >= _MANY:
                _tell_planner()
    except ImportCanceled:
        ImportBatch.objects.filter(pk=batch.pk).update(
            status=BatchStatus.CANCELED, finished_at=timezone.now(), progress=0
        )
    except DomainError as refusal:
        return _refused(batch, refusal.code, refusal.message, Report())
    except (FileRefused, DataError, OSError) as error:
        reason = _refusal_of(error)
        return _refused(batch, reason.code, reason.message, Report())
    except NotApplicable as refusal:
        code, message = _why(refusal.report)
        return _refused(batch, code, message, refusal.report)
    batch.refresh_from_db()
    return batch


def _tell_planner() -> None:
    """PostgreSQL knows how many rows there are by now. Summing days of what it took for empty tables took a minute.

    The last statement of an import: it holds nothing that another waits for, and waits for nobody itself.
    """
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE (SKIP_LOCKED) trading_execution, trading_trade, trading_tradefill")


def _applied(batch: ImportBatch, report: Report) -> None:
    ImportBatch.objects.filter(pk=batch.pk).update(
        status=BatchStatus.APPLIED,
        format=report.format,
        parser_version=pipeline.PARSER_VERSION,
        result=report.as_json(),
        # A replay sends the fills where they went the first time, whatever was made for them then.
        options={
            **batch.options,
            "accounts": {item["number"]: {"account": item["account"]} for item in report.accounts},
        },
        progress=report.rows,
        total_rows=report.rows,
        finished_at=timezone.now(),
        error_code="",
        error_message="",
    )
    audit.written(
        "import.apply",
        subject="import",
        subject_id=str(batch.public_id),
        owner_id=batch.owner_id,
        after={"file": batch.filename, "new": report.new, "duplicates": report.duplicates},
    )
    activity.noted(
        batch.owner_id,
        ActivityKind.IMPORT,
        _("Imported %(file)s: %(new)s new fills, %(old)s already there")
        % {"file": batch.filename, "new": report.new, "old": report.duplicates},
        link=f"/imports/{batch.public_id}/",
    )


def cancel(batch: ImportBatch) -> ImportBatch:
    """The import stops: at once while it waits, within seconds while it runs. Raises BatchBusy when it is over."""
    waiting = ImportBatch.objects.filter(
        pk=batch.pk,
        status__in=[BatchStatus.PREVIEWING, BatchStatus.READY, BatchStatus.REFUSED, BatchStatus.QUEUED],
    ).update(status=BatchStatus.CANCELED, finished_at=timezone.now())
    if not waiting:
        running = ImportBatch.objects.filter(pk=batch.pk, status=BatchStatus.RUNNING).update(cancel_requested=True)
        if not running:
            raise BatchBusy(
                _("This import is %(status)s and cannot be canceled.") % {"status": batch.get_status_display().lower()}
            )
    batch.refresh_from_db()
    return batch


@transaction.atomic
def undo(batch: ImportBatch) -> ImportBatch:
    """The batch's fills are gone and trades are as if they had never come: what they closed is open again.

    Raises: BatchBusy unless it is applied.
    """
    # Before the batch's own row: whoever undoes another import of this person touches that row too.
    routing.lock_new(batch.owner_id)
    batch = ImportBatch.objects.select_for_update(of=("self",)).select_related("owner").get(pk=batch.pk)
    if batch.status != BatchStatus.APPLIED:
        raise BatchBusy(
            _("This import is %(status)s, so there is nothing to undo.")
            % {"status": batch.get_status_display().lower()}
        )
    trades.lock_accounts(Account.objects.for_user(batch.owner).values_list("pk", flat=True))
    _hand_over(batch)
    removed = fills.withdraw(batch)
    ImportBatch.objects.filter(pk=batch.pk).update(status=BatchStatus.UNDONE, undone_at=timezone.now())
    audit.written(
        "import.undo",
        subject="import",
        subject_id=str(batch.public_id),
        owner_id=batch.owner_id,
        before={"file": batch.filename, "fills": removed},
    )
    activity.noted(
        batch.owner_id,
        ActivityKind.IMPORT,
        _("Undid the import of %(file)s: %(count)s fills removed") % {"file": batch.filename, "count": removed},
    )
    batch.refresh_from_db()
    return batch


def _hand_over(batch: ImportBatch) -> None:
    """Fills that other imports had found to be there already are theirs now, with their corrections and deletions.

    What an earlier file gave and a later one repeats would otherwise be in neither. A file that can no longer be read
    is passed over.
    """
    others = ImportBatch.objects.filter(
        owner_id=batch.owner_id, status=BatchStatus.APPLIED, result__duplicates__gt=0
    ).exclude(pk=batch.pk)
    for other in others.select_related("owner", "account").order_by("id"):
        try:
            with transaction.atomic():
                claimed = pipeline.claim(other, of=batch)
        except (FileRefused, NotApplicable, OSError):
            continue
        result = other.result
        result["new"], result["duplicates"] = result["new"] + claimed, result["duplicates"] - claimed
        ImportBatch.objects.filter(pk=other.pk).update(result=result)


def replay(batch: ImportBatch, *, dry_run: bool) -> dict[str, Any]:
    """What reading the stored file anew changes, as {"added": n, "removed": n, "changed": n, "examples": [...]}.

    With `dry_run` nothing is kept. Fills that come out the same are left alone, with their corrections; one that comes
    out differently is replaced, its corrections with it, and stays deleted if it was.
    Raises: BatchBusy unless it is applied; ImportRefused when the file can no longer be read.
    """
    try:
        with transaction.atomic():
            routing.lock_new(batch.owner_id)
            batch = (
                ImportBatch.objects.select_for_update(of=("self",)).select_related("owner", "account").get(pk=batch.pk)
            )
            if batch.status != BatchStatus.APPLIED:
                raise BatchBusy(_("Only an import that stands can be replayed."))
            # All of them: which ones the new reading feeds or makes is known too late to be locked in one order.
            trades.lock_accounts(Account.objects.for_user(batch.owner).values_list("pk", flat=True))
            before = fills.fills_of(batch)
            after = _read_anew(batch)
            if not dry_run:
                _replace(batch, before, after)
            return fills.difference(before, after)
    except FileRefused as refusal:
        raise ImportRefused(refusal.message, code=refusal.code) from refusal
    except NotApplicable as refusal:
        code, message = _why(refusal.report)
        raise ImportRefused(message, code=code) from refusal


def _read_anew(batch: ImportBatch) -> dict[fills.Key, fills.StandingFill]:
    """The fills as the file is read now, with nothing changed."""
    with transaction.atomic():
        fills.withdraw(batch)
        batch.rows.all()._raw_delete(using="default")
        pipeline.apply(batch)
        found = fills.fills_of(batch)
        transaction.set_rollback(True)
    return found


def _replace(
    batch: ImportBatch, before: dict[fills.Key, fills.StandingFill], after: dict[fills.Key, fills.StandingFill]
) -> None:
    """The fills of which the new reading says something else are those of the new reading."""
    stale = {key for key, fill in before.items() if fill.differs(after.get(key))}
    corrected = fills.corrected(batch)
    deleted = [key for key in stale if before[key].is_voided and before[key].id not in corrected]
    fills.withdraw(batch, only=[before[key].id for key in stale])
    batch.rows.all()._raw_delete(using="default")
    report = pipeline.apply(batch)
    report.new = batch.executions.count()
    report.duplicates = report.fills - report.new
    fills.void(batch, keys=deleted)
    _applied(batch, report)


def unfinished() -> list[ImportBatch]:
    """Batches that wait for a worker or whose worker may have died, oldest first."""
    return list(
        ImportBatch.objects.filter(
            status__in=[BatchStatus.PREVIEWING, BatchStatus.QUEUED, BatchStatus.RUNNING],
            created_at__lt=timezone.now() - timedelta(seconds=2),
        ).order_by("id")[:50]
    )


def _refused(batch: ImportBatch, code: str, message: str, report: Report) -> ImportBatch:
    ImportBatch.objects.filter(pk=batch.pk).update(
        status=BatchStatus.REFUSED,
        format=report.format,
        error_code=code,
        error_message=message,
        preview=report.as_json() if report.format else {},
        finished_at=timezone.now(),
    )
    audit.written(
        "import.refuse",
        subject="import",
        subject_id=str(batch.public_id),
        owner_id=batch.owner_id,
        after={"file": batch.filename, "code": code},
    )
    activity.noted(
        batch.owner_id,
        ActivityKind.ERROR,
        _("%(file)s was not imported: %(reason)s") % {"file": batch.filename, "reason": message},
        link=f"/imports/{batch.public_id}/",
        account_id=batch.account_id,
    )
    batch.refresh_from_db()
    return batch


def _why(report: Report) -> tuple[str, str]:
    if report.errors:
        first = report.errors[0]
        place = f"Line {first['line']}" + (f", column {first['column']}" if first["column"] else "")
        others = report.error_count - 1
        more = f" ({others} more error{'s' if others > 1 else ''})" if others else ""
        return first["code"], f"{place}: {first['message']}{more} Nothing of the file was imported."
    if report.decisions:
        return "needs_decision", report.decisions[0]["message"]
    return "", ""


def _checked(options: dict[str, Any]) -> dict[str, Any]:
    unknown = sorted(set(options) - _OPTIONS)
    if unknown:
        raise ImportRefused(_("Unknown option: %(name)s.") % {"name": unknown[0]}, code="unknown_option", status=400)
    return options


def _shown_name(filename: str) -> str:
    """The name for people: the last part of a path, without what could mislead or break a line."""
    last = filename.replace("\\", "/").rsplit("/", 1)[-1]
    shown = "".join(character for character in last if character.isprintable() and character not in "\u202e\u202d")
    return shown[-255:] or "file"
