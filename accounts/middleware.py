"""What a person brings to each request: their name in the audit log, their language and zone, what they are told."""

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import resolve_url
from django.utils import timezone, translation
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _

from accounts import audit, locale, toasts
from accounts.models import User

GetResponse = Callable[[HttpRequest], HttpResponse]

#: Addresses for programs: in English and in UTC, whoever asks.
_FOR_PROGRAMS = ("/api/", "/livez", "/readyz")


class LocaleMiddleware:
    """Writes pages in the person's language and time zone; what programs read stays English and in UTC."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info.startswith(_FOR_PROGRAMS):
            with translation.override("en"), timezone.override("UTC"):
                return self.get_response(request)
        user = request.user if isinstance(request.user, User) else None
        language = locale.language_of(request, user)
        with translation.override(language), timezone.override(locale.zone_of(user)):
            response = self.get_response(request)
        response.headers.setdefault("Content-Language", language)
        if user is None:
            patch_vary_headers(response, ("Accept-Language", "Cookie"))
        return response


class SignedOutMiddleware:
    """Answers a script of somebody who is signed in no more with 401, not with the page to sign in on.

    A script follows a redirect unseen, and took that page for what it had asked for: it stood inside the page that the
    person had open, over what they had typed. What sends 401 to `frame.js` is told there.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code != 302 or request.user.is_authenticated or not _is_by_script(request):
            return response
        if urlsplit(response.headers["Location"]).path != resolve_url(settings.LOGIN_URL):
            return response
        answer = HttpResponse(_("You were signed out."), status=401, content_type="text/plain; charset=utf-8")
        answer.headers["WWW-Authenticate"] = "Cookie"
        answer.headers["Cache-Control"] = "private, no-store"
        return answer


def _is_by_script(request: HttpRequest) -> bool:
    return "HX-Request" in request.headers or "X-Requested-With" in request.headers


class ActorMiddleware:
    """Names the person of the request to the audit log. The person is looked up only if something is written."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        token = audit.begin(
            audit.Actor(
                user=request.user,
                address=audit.address_of(request),
                user_agent=_printable(request.headers.get("User-Agent", ""))[:300],
                request_id=getattr(request, "request_id", ""),
            )
        )
        try:
            return self.get_response(request)
        finally:
            audit.end(token)


class ToastMiddleware:
    """Hands what is to be told to the page that asked by htmx, which does not render the frame with it."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        is_asked_by_htmx: bool = bool(request.htmx)  # type: ignore[attr-defined]
        # A full page has told it all itself.
        if is_asked_by_htmx and not _leads_away(response) and not getattr(messages.get_messages(request), "used", True):
            told = toasts.take(request)
            if told:
                events = _events(response.headers.get("HX-Trigger", ""))
                events[toasts.EVENT] = {"list": [asdict(each) for each in told]}
                response.headers["HX-Trigger"] = json.dumps(events)
        return response


def _leads_away(response: HttpResponse) -> bool:
    return 300 <= response.status_code < 400 or any(
        name in response.headers for name in ("HX-Redirect", "HX-Refresh", "HX-Location")
    )


def _events(header: str) -> dict[str, Any]:
    """The events that the view names already, as JSON or as names with commas between them."""
    if header.startswith("{"):
        return dict(json.loads(header))
    return {name.strip(): None for name in header.split(",") if name.strip()}


def _printable(text: str) -> str:
    return "".join(character for character in text if character.isprintable())
