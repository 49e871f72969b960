"""The page that says why something was refused, for views of every app."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from rest_framework.exceptions import ValidationError

from accounts.errors import DomainError, InvalidValue
from accounts.views import back_of


def page(request: HttpRequest, error: DomainError) -> HttpResponse:
    """The refusal as a page, with the status that the API would answer."""
    where = error.pointer.removeprefix("?")
    reason = f"{where}: {error.message}" if error.pointer.startswith("?") else error.message
    return render(request, "refused.html", {"reason": reason, "back": _way_back(request)}, status=error.status)


def _way_back(request: HttpRequest) -> str:
    """Where to go on: the page that the form was on, or the page of this address without what it was asked; or ""."""
    if request.method not in ("GET", "HEAD"):
        back = back_of(request)
        return "" if back == reverse(settings.HOME_URL) else back
    return request.path if request.GET else ""


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
