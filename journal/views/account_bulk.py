"""One change to many accounts: chosen in the list, looked at in words, made, taken back."""

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from accounts import bulk_edits, toasts, undo
from accounts.bulk_edits import Change
from accounts.models import Account, User
from accounts.permissions import may_write_required, person_of
from journal import account_forms, saved_views
from journal.account_forms import ChangeForm, Selection
from trading.refusals import says_why

#: Names of chosen accounts that are told before the change.
_NAMED = 12
#: Changes that a list's button makes without a form.
_AT_ONCE = {"archive": {"archived": True}, "restore": {"archived": False}}


@may_write_required
@require_http_methods(["GET", "HEAD", "POST"])
@says_why
def account_bulk(request: HttpRequest) -> HttpResponse:
    """What is to become of the accounts chosen in the list: asked, shown in words, and done.

    `act` says which: "edit" asks, "preview" shows what would change, "apply" does it; "archive" and "restore" are done
    at once, "compare" leads to the comparison, "show" to the dashboard about them alone.
    """
    if request.method != "POST":
        return render(request, "journal/account_bulk.html", {"selection": None})
    person = person_of(request)
    selection = Selection.of(person, request.POST)
    act = request.POST.get("act", "edit")
    if not selection.ids:
        toasts.say(request, _("No account was chosen."), level="warning")
        return redirect(_list(selection))
    if act == "compare":
        ids = Account.objects.filter(pk__in=selection.ids[: account_forms.MOST_COMPARED + 1]).order_by("name", "id")
        query = QueryDict(mutable=True)
        query.setlist("account", [str(each.public_id) for each in ids])
        return redirect(f"{reverse('account_compare')}?{query.urlencode()}")
    if act == "show":
        return redirect(f"{reverse('dashboard')}?{_about(person, selection)}")
    if act in _AT_ONCE:
        return _apply(request, selection, Change(values=_AT_ONCE[act]))
    form = ChangeForm(request.POST if act != "edit" else None, owner=person)
    if act == "apply" and form.is_valid():
        change = form.change()
        if not change.is_empty:
            return _apply(request, selection, change)
        form.add_error(None, _("Say what is to change."))
    return _page(request, selection, form, act=act)


def _page(request: HttpRequest, selection: Selection, form: ChangeForm, *, act: str) -> HttpResponse:
    words: list[str] = []
    changed = None
    if form.is_bound and form.is_valid() and not form.change().is_empty:
        found = bulk_edits.preview(person_of(request), selection.ids, form.change())
        words, changed = account_forms.words_of(found), found.changed
    names = Account.objects.filter(pk__in=selection.ids).order_by("name", "id").values_list("name", flat=True)
    context: dict[str, Any] = {
        "selection": selection,
        "form": form,
        "words": words,
        "changed": changed,
        "total": len(selection.ids),
        "names": list(names[:_NAMED]),
        "unnamed": max(0, len(selection.ids) - _NAMED),
        "back": _list(selection),
    }
    if getattr(request, "htmx", False) and act == "preview":
        return render(request, "journal/_account_change.html", context)
    return render(request, "journal/account_bulk.html", context, status=422 if form.errors else 200)


def _apply(request: HttpRequest, selection: Selection, change: Change) -> HttpResponse:
    person = person_of(request)
    done = bulk_edits.apply(owner=person, accounts=selection.ids, change=change, at=timezone.now())
    if done.payload is None:
        toasts.say(request, _("All of these accounts were so already: nothing was changed."), level="info")
        return redirect(_list(selection))
    words = ngettext("%(count)s account was changed.", "%(count)s accounts were changed.", done.changed)
    token = undo.token(person, bulk_edits.UNDO, done.payload)
    toasts.say(request, words % {"count": done.changed}, undo=token)
    return redirect(_list(selection))


def _list(selection: Selection) -> str:
    """The list as it was when the accounts were chosen."""
    query = selection.fields.get("filters", "")
    return f"{reverse('account_list')}?{query}" if query else reverse("account_list")


def _about(person: User, selection: Selection) -> str:
    """The parameters that choose these accounts: their ids, or the set that keeps them where they are many."""
    ids = list(Account.objects.filter(pk__in=selection.ids).order_by("id").values_list("public_id", flat=True))
    if len(ids) > saved_views.LARGEST_IN_ADDRESS:
        return urlencode({"view": saved_views.keep_set(person, ids).public_id})
    return urlencode([("account", each) for each in ids])
