"""The page that says why something was refused, for views of every app."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy
from rest_framework.exceptions import ValidationError

from accounts.addresses import written
from accounts.errors import DomainError, InvalidValue
from accounts.views import back_of

#: What people know parameters of an address as, where a field of a page has another name than its parameter.
_FIELDS = {
    "from": gettext_lazy("From"),
    "to": gettext_lazy("To"),
    "account": gettext_lazy("Account"),
    "symbol": gettext_lazy("Symbol"),
    "currency": gettext_lazy("Currency"),
}


def page(request: HttpRequest, error: DomainError) -> HttpResponse:
    """The refusal as a page, with the status that the API would answer."""
    where = error.pointer.removeprefix("?") if error.pointer.startswith("?") else ""
    reason = f"{_FIELDS.get(where, where)}: {error.message}" if where else error.message
    context = {"reason": reason, "back": _way_back(request, where), "is_read": request.method in ("GET", "HEAD")}
    return render(request, "refused.html", context, status=error.status)


def _way_back(request: HttpRequest, where: str) -> str:
    """Where to go on: the page that the form was on, or this page without the parameter at fault; "" for neither.

    Of an address none of whose parameters is at fault, all are left out.
    """
    if request.method not in ("GET", "HEAD"):
        back = back_of(request)
        return "" if back == reverse(settings.HOME_URL) else back
    query = written(request).copy()
    dropped = ("from", "to") if where in ("from", "to") else (where,)
    if not [query.pop(name) for name in dropped if name in query]:
        query.clear()
    if not request.GET:
        return ""
    return f"{request.path}?{query.urlencode()}" if query else request.path


def _of(error: ValidationError) -> DomainError:
    """What a parameter that the API reads too is refused for, as a verb would say it: the first of all reasons."""
    reasons = error.detail if isinstance(error.detail, dict) else {"": error.detail}
    pointer, words = next(iter(reasons.items()))
    said = words[0] if isinstance(words, list) else words
    return InvalidValue(str(said), pointer=str(pointer))


def says_why(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """The view, with a page for what its verbs refuse and it does not handle itself."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except DomainError as error:
            return page(request, error)
        except ValidationError as error:
            return page(request, _of(error))

    return guarded
