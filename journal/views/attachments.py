"""Files of trades and notes: sent, served to their owner alone, described, deleted."""

import uuid
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.files.storage import default_storage
from django.core.paginator import Paginator
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseNotModified
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import toasts, undo
from accounts.errors import DomainError, InvalidValue
from accounts.permissions import may_write_required, person_of
from journal import attachments
from journal.models import Attachment, Note
from journal.note_forms import FileForm
from journal.templatetags.journal_words import files_of
from trading.models import Trade
from trading.refusals import page, says_why

_A_PAGE = 48
#: A file is looked at and nothing else: whatever is in it can load, run and send nothing.
_POLICY = "default-src 'none'; img-src 'self'; style-src 'none'; sandbox; frame-ancestors 'none'"


def _own(request: HttpRequest, public_id: uuid.UUID) -> Attachment:
    return get_object_or_404(Attachment.objects.for_user(request.user), public_id=public_id)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def attachment_list(request: HttpRequest) -> HttpResponseBase:
    """All files with the quota; a POST keeps files with a trade or a note."""
    if request.method == "POST":
        return _add(request)
    person = person_of(request)
    rows = Attachment.objects.for_user(person).select_related("note").order_by("-id")
    files = Paginator(rows, _A_PAGE).get_page(request.GET.get("page"))
    context = {"page_of_files": files, "used": attachments.used_by(person), "quota": settings.ATTACHMENT_QUOTA_BYTES}
    return render(request, "journal/attachment_list.html", context)


@may_write_required
def _add(request: HttpRequest) -> HttpResponse:
    person = person_of(request)
    trade, note = _place(request)
    sent = request.FILES.getlist("file")[:20]
    failed: DomainError | None = None if sent else InvalidValue(_("Choose a file first."), pointer="/file")
    caption = FileForm(request.POST)
    words = caption.cleaned_data["caption"] if caption.is_valid() else ""
    kept = 0
    for file in sent:
        try:
            attachments.add_upload(owner=person, file=file, trade=trade, note=note, caption=words)
            kept += 1
        except DomainError as error:
            failed = error
    if request.headers.get("HX-Request"):
        context = {**files_of(person, trade=trade, note=note), "problem": failed.message if failed else ""}
        # 200 even so: what was kept is shown beside what was refused.
        return render(request, "journal/_files.html", context)
    if failed is not None:
        return page(request, failed)
    toasts.say(request, _("Kept."))
    return (
        redirect("trade_detail", trade.public_id) if trade else redirect("note_detail", note.public_id if note else "")
    )


def _place(request: HttpRequest) -> tuple[Trade | None, Note | None]:
    """The trade or the note that the files are for; 404 for what is not the person's."""
    person = person_of(request)
    trade, note = _uuid(request.POST.get("trade", "")), _uuid(request.POST.get("note", ""))
    if trade is not None:
        return get_object_or_404(Trade.objects.for_user(person), public_id=trade), None
    return None, get_object_or_404(Note.objects.for_user(person), public_id=note or uuid.UUID(int=0))


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


@login_required
@require_safe
def attachment_file(request: HttpRequest, id: uuid.UUID) -> HttpResponseBase:
    """The file: a picture is shown, everything else is saved to disk."""
    attachment = _own(request, id)
    is_shown = attachment.content_type.startswith("image/") and "download" not in request.GET
    return _served(request, attachment, str(attachment.file.name), attachment.content_type, is_shown=is_shown)


@login_required
@require_safe
def attachment_thumbnail(request: HttpRequest, id: uuid.UUID) -> HttpResponseBase:
    attachment = _own(request, id)
    if not attachment.thumbnail:
        raise Http404
    return _served(request, attachment, str(attachment.thumbnail.name), "image/webp", is_shown=True)


def _served(
    request: HttpRequest, attachment: Attachment, path: str, content_type: str, *, is_shown: bool
) -> HttpResponseBase:
    etag = f'"{attachment.sha256[:32]}-{"s" if path != attachment.file.name else "f"}"'
    answer: HttpResponseBase
    if request.headers.get("If-None-Match") == etag:
        answer = HttpResponseNotModified()
    else:
        try:
            file = default_storage.open(path)
        except FileNotFoundError as error:
            raise Http404 from error
        answer = FileResponse(file, as_attachment=not is_shown, filename=attachment.filename, content_type=content_type)
    answer.headers["ETag"] = etag
    answer.headers["Cache-Control"] = "private, no-store"
    answer.headers["Content-Security-Policy"] = _POLICY
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    return answer


@may_write_required
@require_POST
@says_why
def attachment_describe(request: HttpRequest, id: uuid.UUID) -> HttpResponse:
    attachment, form = _own(request, id), FileForm(request.POST)
    if not form.is_valid():
        raise InvalidValue(str(next(iter(form.errors.values()))[0]), pointer="/caption")
    attachments.describe(attachment, caption=form.cleaned_data["caption"])
    return _back(request, attachment)


@may_write_required
@require_POST
@says_why
def attachment_delete(request: HttpRequest, id: uuid.UUID) -> HttpResponse:
    attachment = _own(request, id)
    token = undo.token(person_of(request), "attachment.delete", attachments.delete(attachment))
    toasts.say(request, _("“%(name)s” was deleted.") % {"name": attachment.filename}, undo=token)
    return _back(request, attachment)


def _back(request: HttpRequest, attachment: Attachment) -> HttpResponse:
    """The part of the page with the files, or the page of what they belong to."""
    person = person_of(request)
    note = attachment.note
    key = attachment.trade_key
    trade = Trade.objects.for_user(person).filter(public_id=key).first() if key is not None else None
    if request.headers.get("HX-Request") and (note or trade):
        context: dict[str, Any] = files_of(person, trade=trade, note=note)
        return render(request, "journal/_files.html", context)
    if note is not None:
        return redirect("note_detail", note.public_id)
    return redirect("trade_detail", trade.public_id) if trade else redirect("attachment_list")
