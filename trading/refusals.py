"""The page that says why something was refused, for views of every app."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render

from accounts.errors import DomainError


def page(request: HttpRequest, error: DomainError) -> HttpResponse:
    """The refusal as a page, with the status that the API would answer."""
    where = error.pointer.removeprefix("?")
    reason = f"{where}: {error.message}" if error.pointer.startswith("?") else error.message
    return render(request, "refused.html", {"reason": reason}, status=error.status)


def says_why(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """The view, with a page for what its verbs refuse and it does not handle itself."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except DomainError as error:
            return page(request, error)

    return guarded
