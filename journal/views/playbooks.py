"""Playbooks: their rules and versions, what they came to, and what a trade kept of them."""

import uuid
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import Count
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import table_export, toasts, undo
from accounts.errors import DomainError
from accounts.permissions import may_write_required, person_of
from journal import filters, playbook_results, playbooks
from journal.models import Playbook, TradePlaybook
from journal.playbook_forms import PlaybookForm, RuleRow, acted, posted_rows, rows_of, with_spare
from journal.playbooks import PlaybookChanged, PlaybookNameTaken
from journal.templatetags.journal_words import playbooks_of_trade
from journal.version_differences import history_of
from journal.views.pages import scale_of, standing
from trading.models import Trade
from trading.refusals import says_why


def _own(request: HttpRequest, public_id: uuid.UUID) -> Playbook:
    return get_object_or_404(Playbook.objects.for_user(request.user), public_id=public_id)


@login_required
@require_safe
@says_why
def playbook_list(request: HttpRequest) -> HttpResponseBase:
    """All playbooks with what their trades came to, the archived ones below."""
    person = person_of(request)
    wanted = filters.parse(request.GET, user=person, also=("format",))
    figures = playbook_results.of_each(person, wanted)
    rows = Playbook.objects.for_user(person).annotate(rule_count=Count("versions__rules__key", distinct=True))
    found = [(each, figures.get(each.pk)) for each in rows.order_by("name", "id")]
    if request.GET.get("format") == "csv":
        return table_export.answer("playbooks.csv", *playbook_results.table_of_each(found))
    context = {
        "scale": scale_of(request, wanted),
        "current": [row for row in found if row[0].archived_at is None],
        "archived": [row for row in found if row[0].archived_at is not None],
    }
    return render(request, "journal/playbook_list.html", context)


@login_required
@require_safe
@says_why
def playbook_detail(request: HttpRequest, id: uuid.UUID) -> HttpResponseBase:
    """The rules of now, with what keeping and breaking each of them made."""
    person, playbook = person_of(request), _own(request, id)
    wanted = filters.parse(request.GET, user=person, also=("format",))
    results = playbook_results.results(person, playbook, wanted)
    if request.GET.get("format") == "csv":
        return table_export.answer("playbook.csv", *playbook_results.table_of_rules(results))
    context = {
        "playbook": playbook,
        "version": playbooks.current_version(playbook),
        "results": results,
        "scale": scale_of(request, wanted),
        "is_used": TradePlaybook.objects.for_user(person).filter(playbook=playbook).exists(),
        **standing(results),
    }
    return render(request, "journal/playbook_detail.html", context)


@login_required
@require_safe
def playbook_versions(request: HttpRequest, id: uuid.UUID) -> HttpResponse:
    """Every version with what it changed, the newest first."""
    playbook = _own(request, id)
    return render(request, "journal/playbook_versions.html", {"playbook": playbook, "history": history_of(playbook)})


@may_write_required
@require_http_methods(["GET", "HEAD", "POST"])
def playbook_create(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return _editor(request, PlaybookForm(), with_spare([]))
    form, rows = PlaybookForm(request.POST), posted_rows(request.POST)
    if act := request.POST.get("act", ""):
        return _editor(request, form, acted(rows, act))
    written = [rule for row in rows if (rule := row.rule())]
    if not form.is_valid() or any(row.error for row in rows):
        return _editor(request, form, rows, status=422)
    try:
        made = playbooks.create(owner=person_of(request), rules=written, **form.cleaned_data)
    except DomainError as error:
        form.add_error("name" if isinstance(error, PlaybookNameTaken) else None, error.message)
        return _editor(request, form, rows, status=error.status)
    toasts.say(request, _("The playbook was made."))
    return redirect("playbook_detail", made.public_id)


@may_write_required
@require_http_methods(["GET", "HEAD", "POST"])
def playbook_edit(request: HttpRequest, id: uuid.UUID) -> HttpResponse:
    playbook = _own(request, id)
    if request.method != "POST":
        rows = rows_of(playbooks.rules_of(playbooks.current_version(playbook)))
        return _editor(request, PlaybookForm.of(playbook), rows, playbook=playbook)
    form, rows = PlaybookForm(request.POST), posted_rows(request.POST)
    if act := request.POST.get("act", ""):
        return _editor(request, form, acted(rows, act), playbook=playbook)
    written = [rule for row in rows if (rule := row.rule())]
    if not form.is_valid() or any(row.error for row in rows):
        return _editor(request, form, rows, playbook=playbook, status=422)
    before = playbooks.current_version(playbook).number
    stand = request.POST.get("instead_of") or None
    try:
        playbook = playbooks.edit(playbook, rules=written, instead_of=stand, **form.cleaned_data)
    except DomainError as error:
        form.add_error("name" if isinstance(error, PlaybookNameTaken) else None, error.message)
        changed = isinstance(error, PlaybookChanged)
        return _editor(request, form, rows, playbook=playbook, status=error.status, changed=changed)
    after = playbooks.current_version(playbook).number
    words = _("Saved as version %(number)s; earlier trades keep theirs.") % {"number": after}
    toasts.say(request, words if after != before else _("Saved."))
    return redirect("playbook_detail", id)


def _editor(
    request: HttpRequest,
    form: PlaybookForm,
    rows: list[RuleRow],
    *,
    playbook: Playbook | None = None,
    status: int = 200,
    changed: bool = False,
) -> HttpResponse:
    context: dict[str, Any] = {"form": form, "rows": rows, "playbook": playbook, "changed": changed}
    if playbook is not None:
        posted = request.POST.get("instead_of", "")
        # After a conflict the form takes what is there now as read: it is shown beside what was typed.
        context["instead_of"] = posted if posted and not changed else playbooks.stand_of(playbook)
        if changed:
            playbook.refresh_from_db()
            context["theirs"] = playbooks.rules_of(playbooks.current_version(playbook))
    return render(request, "journal/playbook_form.html", context, status=status)


@may_write_required
@require_POST
@says_why
def playbook_archive(request: HttpRequest, id: uuid.UUID) -> HttpResponse:
    playbook = _own(request, id)
    playbooks.archive(playbook)
    token = undo.token(person_of(request), "playbook.archive", {"playbook": str(playbook.public_id)})
    toasts.say(request, _("“%(name)s” was archived.") % {"name": playbook.name}, undo=token)
    return redirect("playbook_list")


@may_write_required
@require_POST
@says_why
def playbook_restore(request: HttpRequest, id: uuid.UUID) -> HttpResponse:
    playbook = _own(request, id)
    playbooks.restore(playbook)
    toasts.say(request, _("“%(name)s” is offered again.") % {"name": playbook.name})
    return redirect("playbook_detail", id)


@may_write_required
@require_POST
@says_why
def playbook_delete(request: HttpRequest, id: uuid.UUID) -> HttpResponse:
    playbook = _own(request, id)
    kept = playbooks.delete(playbook)
    token = undo.token(person_of(request), "playbook.delete", kept)
    toasts.say(request, _("“%(name)s” was deleted.") % {"name": playbook.name}, undo=token)
    return redirect("playbook_list")


@may_write_required
@require_POST
@says_why
def trade_playbooks(request: HttpRequest, id: uuid.UUID) -> HttpResponse:
    """What was ticked of a trade's playbooks is kept; answers the part of the page, or leads back to it."""
    person = person_of(request)
    trade = get_object_or_404(Trade.objects.for_user(person), public_id=id)
    taken = TradePlaybook.objects.for_user(person).filter(trade_key=trade.public_id).select_related("playbook")
    act = request.POST.get("act", "")
    wanted = request.POST.get("playbook", "")
    if act == "drop":
        dropped = get_object_or_404(taken, playbook__public_id=_uuid(wanted))
        kept = playbooks.unassign(dropped)
        token = undo.token(person, "playbook.unassign", kept)
        toasts.say(request, _("“%(name)s” was taken off.") % {"name": dropped.playbook.name}, undo=token)
    else:
        for each in taken:
            playbooks.check(each, kept=_checks(request, each))
        if wanted:
            playbook = get_object_or_404(Playbook.objects.for_user(person), public_id=_uuid(wanted))
            playbooks.assign(trade, playbook=playbook)
    if request.headers.get("HX-Request"):
        return render(request, "journal/_trade_playbooks.html", playbooks_of_trade(person, trade))
    return redirect("trade_detail", id)


def _checks(request: HttpRequest, taken: TradePlaybook) -> dict[uuid.UUID, bool | None]:
    """The radio buttons of one playbook's rules. Those that were not sent stay as they are."""
    prefix = f"rule-{taken.playbook.public_id}-"
    meanings = {"kept": True, "broken": False, "": None}
    sent = {name.removeprefix(prefix): str(value) for name, value in request.POST.items() if name.startswith(prefix)}
    return {key: meanings[value] for text, value in sent.items() if value in meanings and (key := _uuid(text))}


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
