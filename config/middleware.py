"""What every request and answer gets: an id, a content security policy, a page where a method does not fit."""

import uuid
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

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
        # After a failure nobody is looked up any more: it may be the database that is away.
        has_failed = response.status_code >= 500
        if has_failed or (getattr(request, "user", None) is not None and request.user.is_authenticated):
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


#: Addresses that only take what a form sends, and the page that the form is on.
_PAGES_OF_FORMS = {
    "trade_annotate": "trade_detail",
    "trade_mark": "trade_detail",
    "trade_columns": "trade_list",
    "trade_bulk": "trade_list",
    "trade_review_act": "trade_review",
    "trade_delete": "trade_detail",
    "trade_restore": "trade_list",
    "token_create": "settings",
    "token_revoke": "settings",
    "account_archive": "account_edit",
    "account_restore": "account_edit",
    "import_choose": "import_detail",
    "import_map": "import_detail",
    "import_start": "import_detail",
    "import_cancel": "import_detail",
    "import_replay": "import_detail",
    "sample_load": "dashboard",
    "theme": "dashboard",
    "first_run_dismiss": "dashboard",
    "language": "dashboard",
    "switch": "dashboard",
    "account_set": "dashboard",
    "view_rename": "view_list",
    "view_delete": "view_list",
    "view_first": "view_list",
    "undo": "dashboard",
    "playbook_archive": "playbook_detail",
    "note_delete": "note_detail",
    "note_preview": "note_list",
    "note_template_delete": "note_template_list",
    "draft_keep": "note_list",
    "draft_discard": "note_list",
    "attachment_describe": "attachment_list",
    "attachment_delete": "attachment_list",
    "tag_edit": "tag_list",
    "tag_merge": "tag_list",
    "tag_delete": "tag_list",
    "tag_group_create": "tag_list",
    "tag_group_edit": "tag_list",
    "tag_group_delete": "tag_list",
    "playbook_restore": "playbook_detail",
    "playbook_delete": "playbook_detail",
    "trade_playbooks": "trade_detail",
    "wallet_pause": "wallet_detail",
    "wallet_activate": "wallet_detail",
    "wallet_archive": "wallet_detail",
    "wallet_restore": "wallet_detail",
    "mint_ban": "mint_detail",
    "mint_lift": "mint_detail",
    "delivery_replay": "delivery_detail",
}
_OF_ONE_THING = frozenset(
    {
        "wallet_detail",
        "mint_detail",
        "delivery_detail",
        "trade_detail",
        "account_edit",
        "import_detail",
        "playbook_detail",
        "note_detail",
    }
)


class NotAllowedMiddleware:
    """Leads who opens the address of a form to the page with that form; other wrong methods get a page that says so.

    A refused form is answered at its own address, which people then reload, keep and share.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not isinstance(response, HttpResponseNotAllowed) or request.path_info.startswith(("/api/", "/admin/")):
            return response
        match = request.resolver_match
        page = _PAGES_OF_FORMS.get(match.url_name or "") if match and request.method in ("GET", "HEAD") else None
        if match and page:
            return HttpResponseRedirect(reverse(page, kwargs=match.kwargs if page in _OF_ONE_THING else None))
        answer = render(request, "405.html", status=405)
        answer.headers["Allow"] = response.headers["Allow"]
        return answer
