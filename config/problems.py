"""The one shape of every error of the API: RFC 9457 problem details."""

import logging
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import orjson
from django.core.exceptions import (
    BadRequest,
    ObjectDoesNotExist,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
)
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import DataError, IntegrityError, InterfaceError, OperationalError
from django.db.models import ProtectedError, RestrictedError
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from django.shortcuts import render
from django.template import loader
from django.utils import translation
from django.views import defaults
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from accounts import locale
from accounts.errors import DomainError, TooManyAttempts

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Problem:
    """What an error answer says."""

    status: int
    code: str
    detail: str
    errors: list[dict[str, str]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)

    def body(self, request_id: str) -> dict[str, Any]:
        return {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "errors": self.errors,
            "request_id": request_id,
        }


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """The answer to an error in an API view; None for what nobody foresaw, which becomes a 500."""
    problem = problem_of(error)
    if problem is None:
        return None
    set_rollback()
    request = context.get("request")
    return Response(
        problem.body(getattr(request, "request_id", "")),
        status=problem.status,
        headers=problem.headers or None,
        content_type=MEDIA_TYPE,
    )


def problem_of(error: Exception) -> Problem | None:
    """What to answer to an error; None for what nobody foresaw."""
    if isinstance(error, DomainError):
        return _of_domain(error)
    if isinstance(error, exceptions.ValidationError):
        return _of_validation(error)
    if isinstance(error, (Http404, ObjectDoesNotExist, exceptions.NotFound)):
        # Never the error's own words: what is foreign and what does not exist look the same.
        return Problem(404, "not_found", "There is nothing here.")
    if isinstance(error, exceptions.APIException):
        return _of_framework(error)
    if isinstance(error, DjangoValidationError):
        return _of_validation(exceptions.ValidationError(_as_detail(error)))
    if isinstance(error, PermissionDenied):
        return Problem(403, "permission_denied", str(error) or "You may not do this.")
    return _of_database(error) or _of_request(error)


def _of_domain(error: DomainError) -> Problem:
    headers = {"Retry-After": str(error.wait)} if isinstance(error, TooManyAttempts) else {}
    return Problem(error.status, error.code, error.message, error.errors(), headers)


def _of_validation(error: exceptions.ValidationError) -> Problem:
    errors = list(_flat(error.detail, pointer=""))
    first = errors[0]["code"] if errors else "invalid"
    # One fault is named by its own code, so that clients need not look twice.
    code = first if len({item["code"] for item in errors}) == 1 and first not in ("invalid", "required") else "invalid"
    detail = errors[0]["detail"] if len(errors) == 1 else "The request holds values that cannot be taken."
    return Problem(400, code, detail, errors)


def _flat(detail: Any, *, pointer: str) -> Iterable[dict[str, str]]:
    if isinstance(detail, dict):
        for name, value in detail.items():
            part = "" if name == "non_field_errors" else f"/{name}"
            yield from _flat(value, pointer=f"{pointer}{part}" if not str(name).startswith("?") else str(name))
    elif isinstance(detail, (list, tuple)):
        for position, value in enumerate(detail):
            nested = isinstance(value, (dict, list))
            yield from _flat(value, pointer=f"{pointer}/{position}" if nested else pointer)
    else:
        yield {"pointer": pointer, "code": str(getattr(detail, "code", "invalid")), "detail": str(detail)}


def _as_detail(error: DjangoValidationError) -> Any:
    if hasattr(error, "error_dict"):
        return {
            ("non_field_errors" if name == "__all__" else name): messages
            for name, messages in error.message_dict.items()
        }
    return error.messages


def _of_framework(error: exceptions.APIException) -> Problem:
    codes = error.get_codes()
    headers: dict[str, str] = {}
    if header := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = header
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(int(wait) + 1)
    return Problem(
        error.status_code,
        codes if isinstance(codes, str) else error.default_code,
        str(error.detail),
        headers=headers,
    )


def _of_database(error: Exception) -> Problem | None:
    if isinstance(error, (ProtectedError, RestrictedError)):
        return Problem(409, "in_use", "Something else depends on this, so it cannot be deleted.")
    if isinstance(error, IntegrityError):
        logger.warning("refused by the database: %s", error)
        return Problem(409, "conflict", "This contradicts what is there.")
    if isinstance(error, DataError):
        logger.warning("not storable: %s", error)
        return Problem(400, "invalid_value", "A value is outside what can be stored.")
    if isinstance(error, _AWAY):
        logger.error("the database could not answer: %s", error)
        return _unavailable()
    return None


#: It could not be reached, or was lost on the way: neither the request's fault nor the program's.
_AWAY = (OperationalError, InterfaceError)


def _unavailable() -> Problem:
    return Problem(503, "try_again", "The database could not answer now.", headers={"Retry-After": "1"})


def _of_request(error: Exception) -> Problem | None:
    if isinstance(error, RequestDataTooBig):
        return Problem(413, "too_large", "The request's body is too large.")
    if isinstance(error, (SuspiciousOperation, BadRequest, UnreadablePostError)):
        return Problem(400, "bad_request", "The request cannot be read.")
    return None


def _answer(request: HttpRequest, problem: Problem) -> HttpResponse:
    body = problem.body(getattr(request, "request_id", ""))
    return HttpResponse(
        orjson.dumps(body), status=problem.status, content_type=MEDIA_TYPE, headers=problem.headers or None
    )


def _is_for_api(request: HttpRequest) -> bool:
    return request.path_info.startswith("/api/")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400 outside of API views: a problem below /api/, a page elsewhere."""
    if _is_for_api(request):
        return _answer(request, Problem(400, "bad_request", "The request cannot be read."))
    return defaults.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403 outside of API views."""
    if _is_for_api(request):
        return _answer(request, Problem(403, "permission_denied", "You may not do this."))
    return defaults.permission_denied(request, exception)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404 outside of API views."""
    if _is_for_api(request):
        return _answer(request, Problem(404, "not_found", "There is nothing here."))
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """500, which tells the client nothing but the request's id to ask about; 503 where it is the database that is away.

    Django calls this while it handles the error, and does not say which.
    """
    is_away = isinstance(sys.exception(), _AWAY)
    if _is_for_api(request):
        unforeseen = Problem(500, "server_error", "Something went wrong here; it has been logged.")
        return _answer(request, _unavailable() if is_away else unforeseen)
    # Neither the session nor the person is asked for: it may be the database that is away.
    with translation.override(locale.language_of(request, None)):
        context = {
            "request_id": getattr(request, "request_id", ""),
            "theme": request.COOKIES.get(locale.THEME_COOKIE, "system"),
            "here": request.get_full_path() if request.method == "GET" else "/",
        }
        template, status = ("503.html", 503) if is_away else ("500.html", 500)
        answer = HttpResponse(loader.render_to_string(template, context), status=status)
    if is_away:
        answer.headers["Retry-After"] = _unavailable().headers["Retry-After"]
    return answer


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 for a form whose token is missing or of another session, in words that help."""
    if _is_for_api(request):
        return _answer(request, Problem(403, "csrf_failed", "The CSRF token is missing or wrong."))
    return render(request, "403_csrf.html", status=403)
