"""What the API's viewsets have in common: strict parameters, ETags, idempotent POSTs, pages."""

import hashlib
from collections.abc import Callable, Iterable
from typing import Any

from django.db.models import Model
from django.utils.cache import patch_vary_headers
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from accounts import paging, versions
from accounts.idempotency import HEADER, IdempotentPostMixin
from accounts.models import User
from accounts.paging import Listing, Page
from accounts.strict import StrictQueryMixin

#: The query parameters that every list takes.
PAGING = ("limit", "cursor", "order")

LIMIT = OpenApiParameter("limit", int, description="Rows per page, 1 to 100.", default=50)
CURSOR = OpenApiParameter("cursor", str, description="`next` of the page before.")


KEY = OpenApiParameter(
    HEADER,
    str,
    OpenApiParameter.HEADER,
    description="Sent again with the same key within 72 hours, the request takes effect once.",
)


class OwnSchema(AutoSchema):
    """Every POST takes an idempotency key, and says so."""

    def get_override_parameters(self) -> list[Any]:
        return [*super().get_override_parameters(), *([KEY] if self.method == "POST" else [])]


class _NotModified(Exception):
    pass


class VersionedAnswersMixin(APIView):
    """A view whose GETs carry an ETag of the person and their version, and answer 304 without work.

    Right only where the answer depends on nothing that changes without moving the person's version on. An answer that
    says `"stale": true` gets no ETag, nor do the actions in `unversioned_actions`.
    """

    unversioned_actions: frozenset[str] = frozenset()
    _etag = ""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.method not in ("GET", "HEAD") or getattr(self, "action", None) in self.unversioned_actions:
            return
        # Read before the data: a later answer under an earlier version is harmless, the other way round is not.
        version = versions.current(int(request.user.pk or 0))
        path = hashlib.blake2b(request.get_full_path().encode(), digest_size=6).hexdigest()
        self._etag = f'W/"{request.user.pk}-{version}-{path}"'
        known = {tag.strip() for tag in request.headers.get("If-None-Match", "").split(",")}
        if self._etag in known:
            raise _NotModified

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, _NotModified):
            return Response(status=304)
        return super().handle_exception(exc)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Response:
        answer: Response = super().finalize_response(request, response, *args, **kwargs)
        patch_vary_headers(answer, ["Authorization", "Cookie"])
        is_stale = isinstance(getattr(answer, "data", None), dict) and answer.data.get("stale") is True
        if self._etag and answer.status_code in (200, 304) and not is_stale:
            answer.headers["ETag"] = self._etag
        return answer


class OwnViewSet(StrictQueryMixin, VersionedAnswersMixin, IdempotentPostMixin, GenericViewSet[Any]):
    """The base of every viewset: rows are found by their outside id, among one's own only."""

    schema = OwnSchema()
    lookup_field = "public_id"
    lookup_url_kwarg = "id"
    lookup_value_converter = "uuid"

    @property
    def person(self) -> User:
        """Who asks. The permissions have let nobody but a signed-in person through."""
        user = self.request.user
        assert isinstance(user, User)
        return user

    def page(
        self, rows: Any, *, name: str, order: str, shown: Callable[[Any], Any], filters: object = None
    ) -> Response:
        """One page of a queryset as the API answers it. `order` comes from `paging.order_of`, never from a request."""
        listing = Listing(self.person.pk, name, order, filters)
        parameters = self.request.query_params
        page: Page[Model] = paging.page_of(
            rows,
            listing=listing,
            limit=paging.limit_of(parameters.get("limit")),
            cursor=parameters.get("cursor"),
        )
        return Response(page_json(page, (shown(row) for row in page.results)))


def page_json(page: Page[Any], results: Iterable[Any], **more: Any) -> dict[str, Any]:
    """A page in the one shape that every list has."""
    return {
        "results": list(results),
        "next": page.next,
        "has_more": page.has_more,
        "total": page.total,
        **more,
    }
