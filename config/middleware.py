"""What every request and answer gets: an id and a content security policy."""

import uuid
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

GetResponse = Callable[[HttpRequest], HttpResponse]


class ContentSecurityPolicyMiddleware:
    """Sends `settings.SECURE_CSP` with every answer, in development too; Django 6 has its own under the same names."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        policy: dict[str, list[str]] = settings.SECURE_CSP
        self.header = "; ".join(f"{directive} {' '.join(sources)}" for directive, sources in policy.items())

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", self.header)
        response.headers.setdefault("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
        if getattr(request, "user", None) is not None and request.user.is_authenticated:
            # A shared cache once showed up to 149 people the pages of others.
            response.headers.setdefault("Cache-Control", "private, no-store")
        return response


class RequestIdMiddleware:
    """Gives every request an id of our own making; one from outside could carry a newline into the log."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.request_id = uuid.uuid4().hex  # type: ignore[attr-defined]
        response = self.get_response(request)
        response.headers["X-Request-Id"] = request.request_id  # type: ignore[attr-defined]
        return response
