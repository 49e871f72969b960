"""What an address stands for: a set of accounts that is too large to be written out in it."""

from collections.abc import Callable

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.utils.translation import gettext as _

from accounts.models import User
from journal import saved_views

#: Addresses whose parameters have nothing to do with pages.
_OTHERS = ("/api/", "/admin/")


class AccountSetMiddleware:
    """Reads `view=<id>` as the accounts of that set. `written` has the parameters as they stand in the address."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        named = "view" in request.GET and not request.path_info.startswith(_OTHERS)
        if named and isinstance(request.user, User):
            request.written = request.GET  # type: ignore[attr-defined]
            request.GET = _expanded(request.user, request.GET)  # type: ignore[assignment]
        return self.get_response(request)


def _expanded(user: User, query: QueryDict) -> QueryDict:
    found = saved_views.expanded(user, query)
    if found is None:
        raise Http404(_("This choice of accounts is no longer kept."))
    return found
