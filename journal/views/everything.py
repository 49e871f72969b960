"""Pages of the export and import of everything a person has."""

import uuid
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseClientRefresh

from accounts import publishing, toasts
from accounts.errors import InvalidValue
from accounts.permissions import may_write_required
from journal import tasks
from journal.archive import jobs
from journal.models import Archive, ArchiveStatus
from journal.views.pages import person_of
from trading.refusals import says_why

#: Archives shown, the latest first.
_SHOWN = 20
#: What the tables of an archive are called.
NAMES = {
    "account_groups": gettext_lazy("groups of accounts"),
    "account_labels": gettext_lazy("labels of accounts"),
    "accounts": gettext_lazy("accounts"),
    "portfolios": gettext_lazy("cash balances"),
    "ledger": gettext_lazy("cash movements"),
    "instruments": gettext_lazy("instruments"),
    "tag_groups": gettext_lazy("groups of tags"),
    "tags": gettext_lazy("tags"),
    "column_mappings": gettext_lazy("column mappings"),
    "imports": gettext_lazy("imports"),
    "import_rows": gettext_lazy("lines of imported files"),
    "account_numbers": gettext_lazy("account numbers"),
    "executions": gettext_lazy("fills"),
    "trades": gettext_lazy("trades"),
    "notes": gettext_lazy("notes"),
    "note_templates": gettext_lazy("templates"),
    "playbooks": gettext_lazy("playbooks"),
    "playbook_versions": gettext_lazy("versions of playbooks"),
    "playbook_rules": gettext_lazy("rules"),
    "trade_playbooks": gettext_lazy("trades by playbooks"),
    "rule_checks": gettext_lazy("rules ticked"),
    "attachments": gettext_lazy("attachments"),
    "saved_views": gettext_lazy("saved views"),
    "preferences": gettext_lazy("preferences"),
    "rates": gettext_lazy("rates of exchange"),
}


@login_required
@require_safe
def everything(request: HttpRequest) -> HttpResponse:
    """The way out and the way in, with what is at work and what waits to be fetched."""
    found = Archive.objects.for_user(person_of(request)).order_by("-id")[:_SHOWN]
    archives = [_shown(archive) for archive in found]
    context = {
        "archives": archives,
        "busy": [each for each in archives if each["archive"].is_busy],
        "largest": settings.ARCHIVE_MAX_BYTES,
        "days": jobs.KEPT.days,
    }
    return render(request, "journal/everything.html", context)


@may_write_required
@require_POST
def archive_export(request: HttpRequest) -> HttpResponseBase:
    """An export begins; a second click waits for the first."""
    archive = jobs.request(person_of(request), at=timezone.now())
    publishing.after_commit(tasks.run_archive, archive.pk)
    return redirect("everything")


@may_write_required
@require_POST
@says_why
def archive_import(request: HttpRequest) -> HttpResponseBase:
    """A file that somebody brings is stored, and taken in by the worker."""
    sent = request.FILES.get("file")
    if sent is None:
        raise InvalidValue(_("Choose the file of an export."), pointer="/file")
    archive = jobs.receive(person_of(request), chunks=sent.chunks(), filename=sent.name or "")
    publishing.after_commit(tasks.run_archive, archive.pk)
    return redirect("everything")


@login_required
@require_safe
def archive_progress(request: HttpRequest, id: uuid.UUID) -> HttpResponse:
    """How far it is; when it is over, the whole page anew."""
    archive = _own(request, id)
    if not archive.is_busy:
        return HttpResponseClientRefresh() if getattr(request, "htmx", False) else redirect("everything")
    return render(request, "journal/_archive_progress.html", {"archive": archive})


@login_required
@require_safe
def archive_download(request: HttpRequest, id: uuid.UUID) -> FileResponse:
    """The file of an export, to its owner alone and for a week."""
    return file_of(_own(request, id))


def file_of(archive: Archive) -> FileResponse:
    """The file as an answer. Raises Http404 where there is none, or no longer one."""
    if not archive.has_file(at=timezone.now()):
        raise Http404
    try:
        file = jobs.path_of(archive).open("rb")
    except FileNotFoundError:
        raise Http404 from None
    answer = FileResponse(file, as_attachment=True, filename=archive.filename, content_type="application/zip")
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


@may_write_required
@require_POST
@says_why
def archive_cancel(request: HttpRequest, id: uuid.UUID) -> HttpResponseBase:
    """The work stops."""
    archive = jobs.cancel(_own(request, id))
    is_over = archive.status == ArchiveStatus.CANCELED
    toasts.say(request, _("Canceled. Nothing was changed.") if is_over else _("It is being canceled."))
    return redirect("everything")


@may_write_required
@require_POST
@says_why
def archive_forget(request: HttpRequest, id: uuid.UUID) -> HttpResponseBase:
    """The file is gone before its week is over."""
    jobs.forget(_own(request, id))
    toasts.say(request, _("The file is gone."))
    return redirect("everything")


def _own(request: HttpRequest, public_id: uuid.UUID) -> Archive:
    return get_object_or_404(Archive.objects.for_user(person_of(request)), public_id=public_id)


def _shown(archive: Archive) -> dict[str, Any]:
    """An archive with what was counted, in words."""
    counts = [(NAMES.get(name, name), count) for name, count in archive.counts.items() if count]
    return {"archive": archive, "has_file": archive.has_file(at=timezone.now()), "counts": counts}
