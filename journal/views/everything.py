"""Pages of the export and import of everything a person has."""

import uuid
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext_lazy
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseClientRefresh

from accounts import publishing, toasts
from accounts.errors import InvalidValue
from accounts.permissions import may_write_required, person_of
from journal import tasks
from journal.archive import jobs
from journal.models import Archive, ArchiveStatus
from journal.templatetags.journal_format import count
from trading.refusals import says_why

#: Archives shown, the latest first.
_SHOWN = 20
#: How many there are of each table of an archive, in words.
NAMES = {
    "account_groups": ngettext_lazy("%(count)s group of accounts", "%(count)s groups of accounts", "number"),
    "account_labels": ngettext_lazy("%(count)s label of accounts", "%(count)s labels of accounts", "number"),
    "accounts": ngettext_lazy("%(count)s account", "%(count)s accounts", "number"),
    "portfolios": ngettext_lazy("%(count)s cash balance", "%(count)s cash balances", "number"),
    "ledger": ngettext_lazy("%(count)s cash movement", "%(count)s cash movements", "number"),
    "instruments": ngettext_lazy("%(count)s instrument", "%(count)s instruments", "number"),
    "tag_groups": ngettext_lazy("%(count)s group of tags", "%(count)s groups of tags", "number"),
    "tags": ngettext_lazy("%(count)s tag", "%(count)s tags", "number"),
    "column_mappings": ngettext_lazy("%(count)s column mapping", "%(count)s column mappings", "number"),
    "imports": ngettext_lazy("%(count)s import", "%(count)s imports", "number"),
    "import_rows": ngettext_lazy("%(count)s line of imported files", "%(count)s lines of imported files", "number"),
    "account_numbers": ngettext_lazy("%(count)s account number", "%(count)s account numbers", "number"),
    "executions": ngettext_lazy("%(count)s fill", "%(count)s fills", "number"),
    "trades": ngettext_lazy("%(count)s trade", "%(count)s trades", "number"),
    "notes": ngettext_lazy("%(count)s note", "%(count)s notes", "number"),
    "note_templates": ngettext_lazy("%(count)s template", "%(count)s templates", "number"),
    "playbooks": ngettext_lazy("%(count)s playbook", "%(count)s playbooks", "number"),
    "playbook_versions": ngettext_lazy("%(count)s version of a playbook", "%(count)s versions of playbooks", "number"),
    "playbook_rules": ngettext_lazy("%(count)s rule", "%(count)s rules", "number"),
    "trade_playbooks": ngettext_lazy("%(count)s trade by a playbook", "%(count)s trades by playbooks", "number"),
    "rule_checks": ngettext_lazy("%(count)s rule ticked", "%(count)s rules ticked", "number"),
    "attachments": ngettext_lazy("%(count)s attachment", "%(count)s attachments", "number"),
    "saved_views": ngettext_lazy("%(count)s saved view", "%(count)s saved views", "number"),
    "preferences": ngettext_lazy("%(count)s preference", "%(count)s preferences", "number"),
    "rates": ngettext_lazy("%(count)s rate of exchange", "%(count)s rates of exchange", "number"),
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
    counts = [_counted(name, number) for name, number in archive.counts.items() if number]
    return {"archive": archive, "has_file": archive.has_file(at=timezone.now()), "counts": counts}


def _counted(name: str, number: int) -> str:
    shown = count(number)
    return str(NAMES[name] % {"number": number, "count": shown}) if name in NAMES else f"{shown} {name}"
