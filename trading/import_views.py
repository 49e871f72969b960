"""Pages of files on their way in: upload, preview, choices, progress, summary, undo, replay."""

import uuid
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRefresh

from accounts import paging, publishing
from accounts.errors import InvalidValue
from accounts.paging import Listing
from accounts.permissions import may_write_required, person_of
from trading import list_exports, tasks
from trading.errors import BatchBusy, ImportRefused
from trading.import_forms import ChoicesForm, MappingForm, UploadForm
from trading.imports import batches, mappings, pipeline
from trading.imports.parsers.registry import PARSERS
from trading.models import BatchStatus, ImportBatch, ImportRow, RowOutcome, Trade
from trading.refusals import page, says_why

#: Errors, warnings and skipped lines shown on a page; the rest is counted.
_SHOWN = 100


def _own_batch(request: HttpRequest, public_id: uuid.UUID) -> ImportBatch:
    rows = ImportBatch.objects.for_user(request.user).select_related("owner", "account")
    return get_object_or_404(rows, public_id=public_id)


@may_write_required
@require_http_methods(["GET", "HEAD", "POST"])
@says_why
def import_list(request: HttpRequest) -> HttpResponseBase:
    """The files so far and the way in for the next; a POST takes a file."""
    person = person_of(request)
    form = UploadForm(owner=person)
    if request.method == "POST":
        form = UploadForm(request.POST, request.FILES, owner=person)
        if form.is_valid():
            return _received(request, form)
    rows = ImportBatch.objects.for_user(person)
    if request.GET.get("format") == "csv" and not form.is_bound:
        return list_exports.imports(rows)
    listed = paging.page_of(
        rows,
        listing=Listing(person.pk, "imports", "-id"),
        limit=paging.DEFAULT_LIMIT,
        cursor=request.GET.get("cursor"),
    )
    context = {
        "form": form,
        "page": listed,
        "is_first": "cursor" not in request.GET,
        "largest": settings.IMPORT_MAX_BYTES,
        "formats": PARSERS,
    }
    return render(request, "trading/import_list.html", context, status=422 if form.errors else 200)


def _received(request: HttpRequest, form: UploadForm) -> HttpResponse:
    try:
        batch = batches.receive(
            owner=person_of(request),
            chunks=form.cleaned_data["file"].chunks(),
            filename=form.cleaned_data["file"].name,
            account=form.cleaned_data["account"],
        )
    except ImportRefused as error:
        return page(request, error)
    _look(batch)
    return redirect("import_detail", batch.public_id)


def _look(batch: ImportBatch) -> None:
    """A small file is looked into at once, a large one by the worker while the page waits for it."""
    if batch.size > settings.IMPORT_INLINE_BYTES:
        publishing.after_commit(tasks.look_into, batch.pk)
        return
    batch = batches.look(batch)
    if batch.error_code != "unknown_format" or batch.options.get("mapping"):
        return
    header, _ = mappings.sample_of(batch)
    mapping = mappings.kept_for(batch.owner, header) if header else None
    if mapping is not None:
        batches.look(batches.choose(batch, options={"mapping": mappings.choice_of(mapping)}))


@login_required
@require_safe
def import_detail(request: HttpRequest, id: uuid.UUID) -> HttpResponse:
    """One file: its preview, its progress, or what came of it."""
    return _detail(request, _own_batch(request, id))


def _detail(
    request: HttpRequest,
    batch: ImportBatch,
    *,
    choices: ChoicesForm | None = None,
    mapping: MappingForm | None = None,
    difference: dict[str, Any] | None = None,
) -> HttpResponse:
    report = batch.result or batch.preview
    context: dict[str, Any] = {
        "batch": batch,
        "report": report,
        "errors": report.get("errors", [])[:_SHOWN],
        "more_errors": max(0, report.get("error_count", 0) - _SHOWN),
        "warnings": report.get("warnings", [])[:_SHOWN],
        "difference": difference,
        "can_start": batch.status == BatchStatus.READY and not report.get("decisions"),
    }
    if batch.status in (BatchStatus.READY, BatchStatus.REFUSED) and not batch.result:
        context["choices"] = choices or ChoicesForm(batch=batch)
        context["zone"] = pipeline.zone_of(batch)
        if batch.error_code in ("unknown_format", "bad_mapping") or batch.options.get("mapping") or mapping:
            header, sample = mappings.sample_of(batch)
            context["mapping"] = mapping or MappingForm(batch=batch, header=header)
            context["sample_header"], context["sample"] = header, sample
    if batch.status == BatchStatus.APPLIED:
        context["trade_count"] = Trade.objects.filter(fills__execution__batch=batch).distinct().count()
    status = 422 if any(form is not None and form.errors for form in (choices, mapping)) else 200
    return render(request, "trading/import_detail.html", context, status=status)


@login_required
@require_safe
def import_progress(request: HttpRequest, id: uuid.UUID) -> HttpResponse:
    """How far it is; when it is over, the whole page anew."""
    batch = _own_batch(request, id)
    if not batch.is_busy:
        return HttpResponseClientRefresh()
    return render(request, "trading/_import_progress.html", {"batch": batch})


@login_required
@require_safe
@says_why
def import_rows(request: HttpRequest, id: uuid.UUID) -> HttpResponse:
    """The lines of one applied file as they stand in it, by line, and what became of each."""
    batch = _own_batch(request, id)
    wanted = request.GET.get("outcome", "")
    if wanted and wanted not in RowOutcome.values:
        raise InvalidValue(_("There is no such outcome."), pointer="?outcome")
    rows = ImportRow.objects.filter(batch=batch)
    listed = paging.page_of(
        rows.filter(outcome=wanted) if wanted else rows,
        listing=Listing(person_of(request).pk, "import-row-page", "line", [str(id), wanted]),
        limit=paging.LARGEST_LIMIT,
        cursor=request.GET.get("cursor"),
        # Counting a million lines on every page would cost more than the page; the import's page says how many.
        total=0,
    )
    context = {
        "batch": batch,
        "page": listed,
        "outcome": wanted,
        "outcomes": RowOutcome.choices,
        "is_first": not request.GET.get("cursor"),
    }
    return render(request, "trading/import_rows.html", context)


@may_write_required
@require_POST
@says_why
def import_choose(request: HttpRequest, id: uuid.UUID) -> HttpResponse:
    """The choices are kept and the file is looked into again."""
    batch = _own_batch(request, id)
    form = ChoicesForm(request.POST, batch=batch)
    if not form.is_valid():
        return _detail(request, batch, choices=form)
    _look(batches.choose(batch, selected_format=form.cleaned_data["selected_format"], options=form.options()))
    return redirect("import_detail", id)


@may_write_required
@require_POST
@says_why
def import_map(request: HttpRequest, id: uuid.UUID) -> HttpResponse:
    """The columns of a file that no format knows; kept for the next file with the same headers."""
    batch = _own_batch(request, id)
    header, _ = mappings.sample_of(batch)
    form = MappingForm(request.POST, batch=batch, header=header)
    if not form.is_valid():
        return _detail(request, batch, mapping=form)
    mapping = mappings.keep(
        batch.owner,
        name=form.cleaned_data["name"],
        header=header,
        columns=form.columns(),
        options=form.reading(),
    )
    _look(batches.choose(batch, options={"mapping": mappings.choice_of(mapping)}))
    return redirect("import_detail", id)


@may_write_required
@require_POST
@says_why
def import_start(request: HttpRequest, id: uuid.UUID) -> HttpResponse:
    """The import waits for a worker."""
    batch = batches.queue(_own_batch(request, id))
    publishing.after_commit(tasks.run_import, batch.pk)
    return redirect("import_detail", id)


@may_write_required
@require_POST
@says_why
def import_cancel(request: HttpRequest, id: uuid.UUID) -> HttpResponse:
    """The import stops, at once or within seconds."""
    batch = batches.cancel(_own_batch(request, id))
    done = batch.status == BatchStatus.CANCELED
    messages.success(request, _("The import was canceled; nothing of the file was taken.") if done else _("Canceling."))
    return redirect("import_detail", id)


@may_write_required
@require_http_methods(["GET", "HEAD", "POST"])
@says_why
def import_undo(request: HttpRequest, id: uuid.UUID) -> HttpResponse:
    """First the consequence in words; a POST takes the fills out again."""
    batch = _own_batch(request, id)
    if request.method == "POST":
        batches.undo(batch)
        messages.success(request, _("The import of %(file)s was undone.") % {"file": batch.filename})
        return redirect("import_detail", id)
    if batch.status != BatchStatus.APPLIED:
        raise BatchBusy(
            _("This import is %(status)s, so there is nothing to undo.")
            % {"status": batch.get_status_display().lower()}
        )
    trades = Trade.objects.filter(fills__execution__batch=batch).distinct()
    context = {"batch": batch, "fill_count": batch.executions.count(), "trade_count": trades.count()}
    return render(request, "trading/import_undo.html", context)


@may_write_required
@require_POST
@says_why
def import_replay(request: HttpRequest, id: uuid.UUID) -> HttpResponse:
    """The stored file read anew: first what would change, then, when asked to, the change."""
    batch = _own_batch(request, id)
    keeps = request.POST.get("keep") == "1"
    difference = batches.replay(batch, dry_run=not keeps)
    if not keeps:
        return _detail(request, batch, difference=difference)
    messages.success(request, _("The file was read anew."))
    return redirect("import_detail", id)
