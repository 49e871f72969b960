"""What the frame of every page asks for: which accounts, filters under a name, how pages look."""

import uuid
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import locale, preferences, toasts, undo
from accounts.errors import DomainError, InvalidValue
from accounts.models import Theme, User
from accounts.permissions import may_write, may_write_required, person_of
from accounts.views import back_of
from journal import choosing, saved_views
from journal.context import KEPT
from journal.filters import ACCOUNTS
from journal.models import SavedView
from trading.refusals import says_why

#: Accounts that are offered at once.
OFFERED = 50
_NEW_FILTERS_BEGIN = ("cursor", "page", "offset")


@login_required
@require_safe
def account_choices(request: HttpRequest) -> HttpResponse:
    """What the account filter offers: the accounts that match, some at a time, or with `ids=1` the ids of all."""
    found = choosing.accounts(person_of(request), request.GET)
    if request.GET.get("ids") == "1":
        ids = [str(each) for each in found.values_list("public_id", flat=True)[: saved_views.LARGEST_SET]]
        return JsonResponse({"ids": ids})
    try:
        offset = max(0, min(int(request.GET.get("offset", "0")), saved_views.LARGEST_SET))
    except ValueError:
        offset = 0
    rows = list(found.order_by("name", "id")[offset : offset + OFFERED + 1])
    context = {
        "accounts": rows[:OFFERED],
        "total": found.count(),
        "next": offset + OFFERED if len(rows) > OFFERED else 0,
        "is_first": offset == 0,
    }
    return render(request, "journal/_account_choices.html", context)


@may_write_required
@require_POST
@says_why
def account_set(request: HttpRequest) -> HttpResponse:
    """The page that the person was on, about the accounts that they chose."""
    chosen = _ids(request.POST.get("accounts", ""))
    path, pairs = _address(back_of(request))
    pairs = [(name, value) for name, value in pairs if name not in (*ACCOUNTS, *_NEW_FILTERS_BEGIN)]
    for name in ("broker", "group", "account_tag"):
        if value := request.POST.get(name, ""):
            pairs.append((name, value))
    if len(chosen) <= saved_views.LARGEST_IN_ADDRESS:
        pairs += [("account", str(each)) for each in chosen]
    else:
        pairs.append(("view", str(saved_views.keep_set(person_of(request), chosen).public_id)))
    return redirect(f"{path}?{urlencode(pairs)}" if pairs else path)


def _ids(text: str) -> list[uuid.UUID]:
    try:
        return list(dict.fromkeys(uuid.UUID(each) for each in text.split(",") if each))
    except ValueError as error:
        raise InvalidValue(_("An account is named by its id."), pointer="/accounts") from error


def _address(address: str) -> tuple[str, list[tuple[str, str]]]:
    parts = urlsplit(address)
    return parts.path, parse_qsl(parts.query, keep_blank_values=False)


# ------------------------------------------------------------ filters under a name


@may_write_required
@require_http_methods(["GET", "HEAD", "POST"])
def view_list(request: HttpRequest) -> HttpResponse:
    """The person's saved views, to rename, delete and choose the one to begin with; POST saves one more."""
    if request.method == "POST":
        return _save(request)
    person = person_of(request)
    context = {"views": choosing.views(person), "first": preferences.get(person, "first_view", "")}
    return render(request, "journal/view_list.html", context)


def _save(request: HttpRequest) -> HttpResponse:
    back = back_of(request)
    path, pairs = _address(back)
    query = urlencode([(name, value) for name, value in pairs if name not in _NEW_FILTERS_BEGIN])
    name = request.POST.get("name", "")
    page = choosing.page_at(path) if any(key not in KEPT for key, _value in pairs) else ""
    try:
        if not query:
            raise InvalidValue(_("No filter is set; there is nothing to save."))
        view = saved_views.save(owner=person_of(request), name=name, query=query, page=page)
    except DomainError as error:
        toasts.say(request, error.message, level="error")
    else:
        toasts.say(request, _("The filters are saved as %(name)s.") % {"name": view.name})
    return redirect(back)


def _own_view(request: HttpRequest, key: uuid.UUID) -> SavedView:
    return get_object_or_404(SavedView.objects.for_user(request.user), public_id=key)


@login_required
@require_safe
def view_open(request: HttpRequest, id: uuid.UUID) -> HttpResponse:
    """The page with the filters of the view."""
    return redirect(choosing.address_of(_own_view(request, id)))


@may_write_required
@require_POST
def view_rename(request: HttpRequest, id: uuid.UUID) -> HttpResponse:
    view = _own_view(request, id)
    try:
        saved_views.rename(view, name=request.POST.get("name", ""))
    except DomainError as error:
        toasts.say(request, error.message, level="error")
    else:
        toasts.say(request, _("Renamed."))
    return redirect("view_list")


@may_write_required
@require_POST
def view_delete(request: HttpRequest, id: uuid.UUID) -> HttpResponse:
    person, view = person_of(request), _own_view(request, id)
    token = undo.token(person, saved_views.DELETED, saved_views.delete(view))
    toasts.say(request, _("The view %(name)s was deleted.") % {"name": view.name}, undo=token)
    return redirect("view_list")


@may_write_required
@require_POST
def view_first(request: HttpRequest, id: uuid.UUID) -> HttpResponse:
    """The view is the one that one begins with after login; sent again, it no longer is."""
    person, key = person_of(request), str(_own_view(request, id).public_id)
    if preferences.get(person, "first_view", "") == key:
        preferences.forget(person, "first_view")
        toasts.say(request, _("You begin with all of your trades."))
    else:
        preferences.put(person, "first_view", key)
        toasts.say(request, _("You begin with this view when you log in."))
    return redirect("view_list")


@login_required
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Where one lands after login: the dashboard, with the filters that the person begins with."""
    key = preferences.get(person_of(request), "first_view", "")
    view = SavedView.objects.for_user(request.user).filter(public_id=key).first() if key else None
    return redirect(choosing.address_of(view) if view else "dashboard")


# ------------------------------------------------------------ how pages look


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Dark, light or as the system; kept with the person and in a cookie, so that the first byte of a page knows it."""
    chosen = request.POST.get("theme", "")
    return _looks(request, "theme", chosen, cookie=locale.THEME_COOKIE, allowed=Theme.values)


@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """The language of the pages."""
    chosen = request.POST.get("language", "")
    return _looks(request, "language", chosen, cookie=settings.LANGUAGE_COOKIE_NAME, allowed=dict(settings.LANGUAGES))


def _looks(request: HttpRequest, name: str, chosen: str, *, cookie: str, allowed: Any) -> HttpResponse:
    response = redirect(back_of(request))
    if chosen not in allowed:
        return response
    if isinstance(request.user, User) and may_write(request.user):
        User.objects.filter(pk=request.user.pk).update(**{name: chosen})
    response.set_cookie(cookie, chosen, max_age=locale.COOKIE_AGE, samesite="Lax", secure=settings.HTTPS, httponly=True)
    return response


#: What a switch of the frame may change, and to what.
_SWITCHES = {"privacy": ("on", "off"), "rail": ("wide", "narrow")}


@may_write_required
@require_POST
def switch(request: HttpRequest, name: str) -> HttpResponse:
    """Amounts are hidden or shown, the rail is wide or narrow; kept with the person."""
    if name not in _SWITCHES:
        raise Http404
    if (value := request.POST.get("value", "")) in _SWITCHES[name]:
        preferences.put(person_of(request), name, value)
    return HttpResponse(status=204) if request.htmx else redirect(back_of(request))  # type: ignore[attr-defined]
