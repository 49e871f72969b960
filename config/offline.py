"""What a browser shows when it cannot reach the journal: one page, and the service worker that keeps it."""

import hashlib

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import reverse
from django.views.decorators.http import require_safe

#: What the page is made of; all of it is the same for everybody.
_PARTS = ("journal/app.css", "journal/offline.js", "journal/icons/favicon.svg", "journal/icons/logo.svg")


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """The page that says that one is offline; it holds nothing of anybody."""
    return render(request, "offline.html")


@require_safe
def service_worker(request: HttpRequest) -> HttpResponse:
    """The service worker, at the root so that it can answer for every page."""
    parts = [reverse("offline"), *(static(name) for name in _PARTS)]
    context = {"parts": parts, "page": parts[0], "static": static("")}
    version = hashlib.sha256(repr(context).encode()).hexdigest()[:12]
    script = render_to_string("sw.js", {**context, "version": version})
    response = HttpResponse(script, content_type="text/javascript; charset=utf-8")
    # The browser asks again on every visit; a worker that is never renewed would keep an old page for ever.
    response.headers["Cache-Control"] = "no-cache"
    return response
