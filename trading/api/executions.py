"""The API of fills and of what is open now."""

from datetime import UTC, date, datetime, time, timedelta

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import paging
from accounts.viewsets import PAGING, OwnViewSet
from trading.api.lists import (
    ACCOUNT,
    FROM,
    PAGE,
    SYMBOL,
    TO,
    accounts_asked,
    counted_page,
    days_asked,
    line_asked,
)
from trading.api.rows import execution_json, position_json
from trading.filters import instruments_of
from trading.models import Execution, Position
from trading.serializers import ExecutionSerializer, PositionSerializer, versioned_page_of

#: A trading day begins and ends within this of midnight UTC in every zone. The days alone are in no index; the instants
#: that they imply are.
_AROUND = timedelta(days=3)
_FIRST = datetime.min.replace(tzinfo=UTC)
_LAST = datetime.max.replace(tzinfo=UTC)


class ExecutionViewSet(OwnViewSet):
    """Fills that count: those voided by a correction or a deletion are left out."""

    queryset = Execution.objects.none()
    serializer_class = ExecutionSerializer
    query_parameters = {"list": (*PAGING, "account", "from", "to", "symbol")}
    repeatable_parameters = frozenset({"account"})

    @extend_schema(
        parameters=[
            *PAGE,
            OpenApiParameter("order", str, enum=["-sort_at", "sort_at"], default="-sort_at"),
            ACCOUNT,
            FROM,
            TO,
            SYMBOL,
        ],
        responses=versioned_page_of(ExecutionSerializer),
    )
    def list(self, request: Request) -> Response:
        """Fills, the latest first; `from` and `to` are trading days."""
        params = request.query_params
        rows = Execution.objects.for_user(self.person).standing()
        accounts, (start, end), symbol = accounts_asked(params), days_asked(params), line_asked(params, "symbol")
        if accounts is not None:
            rows = rows.filter(account__public_id__in=accounts)
        if start is not None:
            rows = rows.filter(executed_on__gte=start, sort_at__gte=_near(start, -_AROUND))
        if end is not None:
            rows = rows.filter(executed_on__lte=end, sort_at__lte=_near(end, _AROUND))
        if symbol is not None:
            rows = rows.filter(instrument__in=instruments_of(symbol))
        order = paging.order_of(params.get("order"), allowed=["sort_at"], default="-sort_at")
        return counted_page(
            self,
            rows.select_related("account", "instrument", "batch"),
            name="executions",
            order=order,
            shown=lambda page: map(execution_json, page),
        )


def _near(day: date, around: timedelta) -> datetime:
    """Midnight UTC of the day, so much later; an end of the calendar where there is no such instant."""
    try:
        return datetime.combine(day, time.min, tzinfo=UTC) + around
    except OverflowError:
        return _LAST if around > timedelta() else _FIRST


class PositionViewSet(OwnViewSet):
    """What is held now, one position per account and instrument, and what it would make by the latest quote."""

    queryset = Position.objects.none()
    serializer_class = PositionSerializer
    # Marks change with the market, not with the person's version.
    unversioned_actions = frozenset({"list"})
    query_parameters = {"list": ("limit", "cursor", "account", "symbol")}
    repeatable_parameters = frozenset({"account"})

    @extend_schema(parameters=[*PAGE, ACCOUNT, SYMBOL], responses=versioned_page_of(PositionSerializer))
    def list(self, request: Request) -> Response:
        """All open positions, each at the bid if long and the ask if short, else the last price, of a fresh quote."""
        params, now = request.query_params, timezone.now()
        rows = Position.objects.for_user(self.person).select_related("account", "instrument__quote", "trade")
        accounts, symbol = accounts_asked(params), line_asked(params, "symbol")
        if accounts is not None:
            rows = rows.filter(account__public_id__in=accounts)
        if symbol is not None:
            rows = rows.filter(instrument__in=instruments_of(symbol))
        return counted_page(
            self,
            rows,
            name="positions",
            order="-id",
            shown=lambda page: [position_json(each, now=now) for each in page],
        )
