"""The API of fills and of what is open now."""

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
    of_symbol,
)
from trading.api.rows import execution_json, position_json
from trading.models import Execution, Position
from trading.serializers import ExecutionSerializer, PositionSerializer, versioned_page_of


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
            rows = rows.filter(executed_on__gte=start)
        if end is not None:
            rows = rows.filter(executed_on__lte=end)
        if symbol is not None:
            rows = rows.filter(of_symbol(symbol))
        order = paging.order_of(params.get("order"), allowed=["sort_at"], default="-sort_at")
        return counted_page(
            self,
            rows.select_related("account", "instrument", "batch"),
            name="executions",
            order=order,
            shown=lambda page: map(execution_json, page),
        )


class PositionViewSet(OwnViewSet):
    """What is held now, one position per account and instrument."""

    queryset = Position.objects.none()
    serializer_class = PositionSerializer
    query_parameters = {"list": ("limit", "cursor", "account", "symbol")}
    repeatable_parameters = frozenset({"account"})

    @extend_schema(parameters=[*PAGE, ACCOUNT, SYMBOL], responses=versioned_page_of(PositionSerializer))
    def list(self, request: Request) -> Response:
        """All open positions."""
        params = request.query_params
        rows = Position.objects.for_user(self.person).select_related("account", "instrument", "trade")
        accounts, symbol = accounts_asked(params), line_asked(params, "symbol")
        if accounts is not None:
            rows = rows.filter(account__public_id__in=accounts)
        if symbol is not None:
            rows = rows.filter(of_symbol(symbol))
        return counted_page(self, rows, name="positions", order="-id", shown=lambda page: map(position_json, page))
