"""The journal: its stream, one note, writing and editing, what was typed and not saved, templates."""

import uuid
from datetime import date
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import idempotency, table_export, toasts, undo, versions
from accounts.errors import DomainError, InvalidValue
from accounts.models import Account
from accounts.permissions import may_write_required, person_of
from accounts.text import with_newlines
from journal import attachments, breakdowns, charts, drafts, filters, note_lists, notes
from journal.context import today_of
from journal.markdown import to_html
from journal.models import LONGEST_NOTE, Draft, Note, NoteKind, NoteTemplate
from journal.note_forms import NoteForm, TemplateForm, initial_of
from journal.note_lists import StreamFilter
from journal.notes import NoteChanged, TemplateNameTaken
from journal.views.pages import month_of, scale_of, standing, within
from trading.models import Tag
from trading.refusals import says_why

_ALSO = ("q", "kind", "note_tag", "before", "month", "format")


def own_note(request: HttpRequest, public_id: uuid.UUID) -> Note:
    rows = Note.objects.for_user(request.user).select_related("account")
    return get_object_or_404(rows, public_id=public_id)


@login_required
@require_safe
@says_why
def note_list(request: HttpRequest) -> HttpResponseBase:
    """Days with what they made and what was written of them, the newest first; as CSV every note."""
    person = person_of(request)
    version = versions.current(person.pk)
    wanted = filters.parse(request.GET, user=person, also=_ALSO)
    kind = request.GET.get("kind", "")
    if kind and kind not in NoteKind.values:
        raise InvalidValue(_("There is no such kind of note."), pointer="?kind")
    mine = Tag.objects.for_user(person).order_by("name", "id")
    chosen = StreamFilter(
        words=filters.text_of(request.GET, "q") or "",
        kind=kind,
        tag=_tag(list(mine), asked) if (asked := request.GET.get("note_tag", "")) else None,
    )
    if request.GET.get("format") == "csv":
        return table_export.answer("notes.csv", *note_lists.table(person, wanted, chosen))
    today = today_of(person)
    month = month_of(request, wanted, today=today, last="")
    days = breakdowns.calendar(person, within(wanted, *charts.month_span(month)))
    scale = scale_of(request, wanted)
    before = _day(request.GET.get("before", ""))
    context = {
        "version": version,
        "stream": SimpleLazyObject(lambda: note_lists.stream(person, wanted, chosen, before=before)),
        "chosen": chosen,
        "kinds": NoteKind.choices,
        "tags": mine,
        "today": today,
        "scale": scale,
        "month": SimpleLazyObject(
            lambda: charts.month(
                month,
                days.days,
                today=today,
                start=wanted.start,
                end=wanted.end,
                amount_of=lambda each: scale.shown(each.pnl, r=days.in_r.get(each.date)),
            )
        ),
        "may_be_new": not chosen.is_about_words and not request.GET,
        **standing(days),
    }
    return render(request, "journal/note_list.html", context)


def _tag(tags: list[Tag], text: str) -> Tag | None:
    return next((tag for tag in tags if text in (str(tag.public_id), tag.name)), None)


def _day(text: str) -> date | None:
    try:
        found = date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        return None
    return found if found and filters.EARLIEST <= found <= filters.LATEST else None


@login_required
@require_safe
def note_detail(request: HttpRequest, id: uuid.UUID) -> HttpResponse:
    note = get_object_or_404(note_lists.shown(Note.objects.for_user(request.user)), public_id=id)
    return render(request, "journal/note_detail.html", {"note": note})


# ---------------------------------------------------------------- writing
@may_write_required
@require_http_methods(["GET", "HEAD", "POST"])
@says_why
def note_create(request: HttpRequest) -> HttpResponse:
    person = person_of(request)
    if request.method != "POST":
        return _new(request)
    form = NoteForm(request.POST, owner=person)
    place = request.POST.get("place", "")
    if not form.is_valid():
        return _editor(request, form, place=place, status=422)
    values = form.cleaned_data
    try:
        with transaction.atomic():
            claim, known = idempotency.claim_form(person, name="note", sent=request.POST)
            # Sent before: the note that it made then is the answer, unless that was deleted since.
            note = Note.objects.for_user(person).filter(public_id=known).first() if known else None
            if note is None:
                note = notes.write(
                    owner=person,
                    words=form.written(),
                    day=values["day"],
                    account=values["account"],
                    tags=form.own_tags(),
                )
                for file in request.FILES.getlist("files")[: attachments.MOST_PER_THING]:
                    attachments.add_upload(owner=person, file=file, note=note)
                idempotency.remember(claim, str(note.public_id))
    except DomainError as error:
        form.add_error(None, error.message)
        return _editor(request, form, place=place, status=error.status)
    drafts.discard(person, place=place)
    toasts.say(request, _("The note was written."))
    return redirect("day", note.day.isoformat()) if note.day else redirect("note_detail", note.public_id)


def _new(request: HttpRequest) -> HttpResponse:
    """The form of a new note: what was typed here before and not saved, else what the address asks for."""
    person = person_of(request)
    account = _own_account(request)
    text = request.GET.get("day", "")
    day = _day(text) or (None if account and not text else today_of(person))
    kind = request.GET.get("kind", "")
    initial: dict[str, Any] = {
        "kind": kind if kind in NoteKind.values else NoteKind.NOTE,
        "day": day,
        "account": account.name if account else "",
    }
    place = f"note:new:{day.isoformat() if day else account.public_id if account else 'any'}"
    if initial["kind"] != NoteKind.NOTE:
        place = f"note:{initial['kind']}:{day.isoformat() if day else 'any'}"
    draft = drafts.find(person, place)
    if draft is not None:
        initial.update({name: value for name, value in draft.fields.items() if name in NoteForm.base_fields})
    template = _template(request)
    if template is not None:
        # What was typed stays above what the template adds.
        before = str(initial.get("text") or "").rstrip()
        initial["text"] = f"{before}\n\n{template.text}" if before else template.text
        initial["kind"] = template.kind
        initial["title"] = initial.get("title") or (template.name if template.kind != NoteKind.NOTE else "")
    return _editor(request, NoteForm(owner=person, initial=initial), place=place, draft=draft)


def _own_account(request: HttpRequest) -> Account | None:
    found = _uuid(request.GET.get("account", ""))
    return Account.objects.for_user(person_of(request)).filter(public_id=found).first() if found else None


def _template(request: HttpRequest) -> NoteTemplate | None:
    text = request.GET.get("template", "")
    if text.isdigit() and text.isascii() and len(text) < 3:
        starters = notes.starters()
        return starters[int(text)] if int(text) < len(starters) else None
    found = _uuid(text)
    return NoteTemplate.objects.for_user(person_of(request)).filter(public_id=found).first() if found else None


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


@may_write_required
@require_http_methods(["GET", "HEAD", "POST"])
@says_why
def note_edit(request: HttpRequest, id: uuid.UUID) -> HttpResponse:
    """A note is edited in the revision that was read; where that is not the last any more, both are shown."""
    person, note = person_of(request), own_note(request, id)
    place = f"note:{note.public_id}"
    if request.method != "POST":
        draft = drafts.find(person, place, since=note.updated_at)
        initial = initial_of(note)
        theirs = None
        if draft is not None:
            theirs = note if _number(draft.fields.get(drafts.REVISION, ""), note.revision) != note.revision else None
            typed = {name: value for name, value in draft.fields.items() if name in NoteForm.base_fields}
            if all(value == str(initial[name] or "") for name, value in typed.items()):
                # It was saved as it was typed: a draft that was kept while its form was on its way.
                draft = theirs = None
            initial.update(typed)
        form = NoteForm(owner=person, initial=initial)
        return _editor(request, form, place=place, note=note, draft=draft, theirs=theirs)
    form = NoteForm(request.POST, owner=person)
    if not form.is_valid():
        return _editor(request, form, place=place, note=note, status=422)
    try:
        with transaction.atomic():
            # Without a revision nothing is known to have been read but what is there.
            _edited(form, note, revision=_number(request.POST.get("revision", ""), note.revision))
    except NoteChanged as error:
        note = own_note(request, id)
        return _editor(request, form, place=place, note=note, status=error.status, theirs=note)
    except DomainError as error:
        form.add_error(None, error.message)
        return _editor(request, form, place=place, note=note, status=error.status)
    drafts.discard(person, place=place)
    toasts.say(request, _("Saved."))
    return redirect("note_detail", id)


def _edited(form: NoteForm, note: Note, *, revision: int) -> None:
    values = form.cleaned_data
    notes.edit(note, words=form.written(), revision=revision, tags=form.own_tags())
    if (values["day"], values["account"]) != (note.day, note.account):
        notes.move(note, day=values["day"], account=values["account"], revision=note.revision)


def _number(text: str, default: int) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else default


def _editor(
    request: HttpRequest,
    form: NoteForm,
    *,
    place: str,
    note: Note | None = None,
    draft: Draft | None = None,
    status: int = 200,
    theirs: Note | None = None,
) -> HttpResponse:
    person = person_of(request)
    own = list(NoteTemplate.objects.for_user(person).order_by("name", "id")) if note is None else []
    names = {template.name for template in own}
    starters = enumerate(notes.starters()) if note is None else ()
    revision = draft.fields.get(drafts.REVISION, "") if draft else request.POST.get("revision", "")
    context = {
        "form": form,
        "place": place,
        "note": note,
        "draft": draft,
        "theirs": theirs,
        # After a refusal what is there now counts as read: it stands beside what was typed. A draft that is found
        # again keeps its own: nobody has decided yet, and the draft goes on being kept under it.
        "revision": note.revision if note and ((theirs and not draft) or not revision) else revision,
        "templates": own,
        "starters": [(number, template) for number, template in starters if template.name not in names],
        "longest": LONGEST_NOTE,
    }
    return render(request, "journal/note_form.html", context, status=status)


@may_write_required
@require_POST
@says_why
def note_delete(request: HttpRequest, id: uuid.UUID) -> HttpResponse:
    note = own_note(request, id)
    token = undo.token(person_of(request), "note.delete", notes.delete(note))
    toasts.say(request, _("The note was deleted."), undo=token)
    return redirect("day", note.day.isoformat()) if note.day else redirect("note_list")


@may_write_required
@require_POST
def note_preview(request: HttpRequest) -> HttpResponse:
    """What was typed as it will be shown; nothing is kept."""
    text = request.POST.get("text", "") or request.POST.get("note", "") or request.POST.get("description", "")
    return HttpResponse(to_html(with_newlines(text)[:LONGEST_NOTE]))


# ---------------------------------------------------------------- drafts
@may_write_required
@require_POST
@says_why
def draft_keep(request: HttpRequest) -> HttpResponse:
    """What is typed in a form is kept until it is saved or discarded."""
    fields = {name: value for name, value in request.POST.items() if isinstance(value, str)}
    drafts.keep(person_of(request), place=request.POST.get("place", ""), fields=fields)
    return HttpResponse(status=204)


@may_write_required
@require_POST
def draft_discard(request: HttpRequest) -> HttpResponse:
    """What was typed and not saved is gone; leads back to the form, as it is without it."""
    drafts.discard(person_of(request), place=request.POST.get("place", "")[:100])
    if request.headers.get("HX-Request"):
        return HttpResponse(status=204)
    back = request.POST.get("next", "")
    is_ours = back.startswith("/") and not back.startswith(("//", "/\\"))
    return redirect(back if is_ours else "note_list")


# ---------------------------------------------------------------- templates
@login_required
@require_safe
def note_template_list(request: HttpRequest) -> HttpResponse:
    own = list(NoteTemplate.objects.for_user(request.user).order_by("name", "id"))
    names = {template.name for template in own}
    starters = [pair for pair in enumerate(notes.starters()) if pair[1].name not in names]
    return render(request, "journal/note_template_list.html", {"templates": own, "starters": starters})


@may_write_required
@require_http_methods(["GET", "HEAD", "POST"])
def note_template_create(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        template = _template(request)
        form = TemplateForm.of(template) if template else TemplateForm()
        return render(request, "journal/note_template_form.html", {"form": form})
    form = TemplateForm(request.POST)
    return _template_saved(request, form, None)


@may_write_required
@require_http_methods(["GET", "HEAD", "POST"])
def note_template_edit(request: HttpRequest, id: uuid.UUID) -> HttpResponse:
    template = get_object_or_404(NoteTemplate.objects.for_user(request.user), public_id=id)
    if request.method != "POST":
        context = {"form": TemplateForm.of(template), "template": template}
        return render(request, "journal/note_template_form.html", context)
    return _template_saved(request, TemplateForm(request.POST), template)


def _template_saved(request: HttpRequest, form: TemplateForm, template: NoteTemplate | None) -> HttpResponse:
    status = 422
    if form.is_valid():
        try:
            if template is None:
                notes.make_template(owner=person_of(request), **form.cleaned_data)
            else:
                notes.edit_template(template, **form.cleaned_data)
        except DomainError as error:
            form.add_error("name" if isinstance(error, TemplateNameTaken) else None, error.message)
            status = error.status
        else:
            toasts.say(request, _("Saved."))
            return redirect("note_template_list")
    return render(request, "journal/note_template_form.html", {"form": form, "template": template}, status=status)


@may_write_required
@require_POST
@says_why
def note_template_delete(request: HttpRequest, id: uuid.UUID) -> HttpResponse:
    template = get_object_or_404(NoteTemplate.objects.for_user(request.user), public_id=id)
    token = undo.token(person_of(request), "note_template.delete", notes.delete_template(template))
    toasts.say(request, _("“%(name)s” was deleted.") % {"name": template.name}, undo=token)
    return redirect("note_template_list")


def day_or_404(text: str) -> date:
    """The day that an address names; 404 for what is none."""
    found = _day(text)
    if found is None:
        raise Http404
    return found
