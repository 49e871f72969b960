"""The page that says why something was refused, for views of every app."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from rest_framework.exceptions import ValidationError

from accounts.errors import DomainError, InvalidValue


def page(request: HttpRequest, error: DomainError) -> HttpResponse:
    """The refusal as a page, with the status that the API would answer."""
    where = error.pointer.removeprefix("?")
    reason = f"{where}: {error.message}" if error.pointer.startswith("?") else error.message
    return render(request, "refused.html", {"reason": reason}, status=error.status)


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
