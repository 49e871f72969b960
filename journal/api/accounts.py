"""The API of accounts with what they traded."""

from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import AccountViewSet
from accounts.serializers import page_of
from accounts.strict import choice
from accounts.viewsets import page_json
from journal import account_stats
from journal.rendering import (
    listed_json,
    stats_json,
)
from journal.serializers import (
    AccountStatsSerializer,
    ListedAccountSerializer,
)


class AccountWithStatsViewSet(AccountViewSet):
    """Trading accounts, and on demand what they traded."""

    query_parameters = {
        **AccountViewSet.query_parameters,
        "list": (*AccountViewSet.query_parameters["list"], "stats"),
    }

    @extend_schema(
        parameters=[OpenApiParameter("stats", str, enum=["true", "false"])],
        responses=page_of(ListedAccountSerializer),
    )
    def list(self, request: Request) -> Response:
        stats = choice(request.query_params.get("stats"), parameter="stats", allowed=["true", "false"])
        if stats != "true":
            return super().list(request)
        found = account_stats.accounts_with_stats(self.person, self.accounts_query())
        return Response(
            page_json(
                found.page,
                map(listed_json, found.page.results),
                as_of=found.as_of,
                stale=found.stale,
                missing_days=found.missing_days,
            )
        )

    @extend_schema(responses=AccountStatsSerializer)
    @action(detail=True, methods=["get"], serializer_class=AccountStatsSerializer)
    def stats(self, request: Request, id: str) -> Response:
        """Trades closed, P&L realized, last day with an exit."""
        found = account_stats.account_stats(self.person, str(id))
        if found is None:
            raise Http404
        return Response(stats_json(found))
