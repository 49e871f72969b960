"""The API of reference data: instruments and rates of exchange."""

from django.db.models import Q
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import paging
from accounts.errors import InvalidValue
from accounts.serializers import page_of
from accounts.strict import choice
from accounts.viewsets import PAGING, OwnViewSet
from trading.api.lists import FROM, PAGE, TO, days_asked, line_asked
from trading.api.rows import fx_rate_json, instrument_json
from trading.instruments import visible_to
from trading.models import FxRate, Instrument, InstrumentKind
from trading.serializers import FxRateSerializer, InstrumentSerializer

LONGEST_CODE = 12


class InstrumentViewSet(OwnViewSet):
    """What can be traded: the catalogue, listed contracts, and what one has traded oneself."""

    queryset = Instrument.objects.none()
    serializer_class = InstrumentSerializer
    # They change with the catalogue and with imports of others, not with the person's version.
    unversioned_actions = frozenset({"list"})
    query_parameters = {"list": (*PAGING, "search", "kind")}

    @extend_schema(
        parameters=[
            *PAGE,
            OpenApiParameter("order", str, enum=["symbol", "-symbol"], default="symbol"),
            OpenApiParameter("search", str, description="Beginning of the symbol or part of the name."),
            OpenApiParameter("kind", str, enum=InstrumentKind.values),
        ],
        responses=page_of(InstrumentSerializer),
    )
    def list(self, request: Request) -> Response:
        """Instruments by symbol."""
        params = request.query_params
        rows = visible_to(self.person)
        search = line_asked(params, "search")
        kind = choice(params.get("kind"), parameter="kind", allowed=InstrumentKind.values)
        if search is not None:
            rows = rows.filter(Q(symbol__startswith=search.upper()) | Q(name__icontains=search))
        if kind is not None:
            rows = rows.filter(kind=kind)
        order = paging.order_of(params.get("order"), allowed=["symbol"], default="symbol")
        return self.page(rows, name="instruments", order=order, shown=instrument_json, filters=[search, kind])


class FxRateViewSet(OwnViewSet):
    """Rates of exchange by day, as they were published."""

    queryset = FxRate.objects.none()
    serializer_class = FxRateSerializer
    unversioned_actions = frozenset({"list"})
    query_parameters = {"list": (*PAGING, "base", "quote", "from", "to")}

    @extend_schema(
        parameters=[
            *PAGE,
            OpenApiParameter("order", str, enum=["-date", "date"], default="-date"),
            OpenApiParameter("base", str, description="Such as EUR."),
            OpenApiParameter("quote", str, description="Such as USD."),
            FROM,
            TO,
        ],
        responses=page_of(FxRateSerializer),
    )
    def list(self, request: Request) -> Response:
        """Rates, the latest first."""
        params = request.query_params
        rows = FxRate.objects.all()
        start, end = days_asked(params)
        asked = {name: _currency(line_asked(params, name, longest=LONGEST_CODE), name) for name in ("base", "quote")}
        if asked["base"] is not None:
            rows = rows.filter(base=asked["base"])
        if asked["quote"] is not None:
            rows = rows.filter(quote=asked["quote"])
        if start is not None:
            rows = rows.filter(date__gte=start)
        if end is not None:
            rows = rows.filter(date__lte=end)
        order = paging.order_of(params.get("order"), allowed=["date"], default="-date")
        filters = [asked["base"], asked["quote"], start, end]
        return self.page(rows, name="fx-rates", order=order, shown=fx_rate_json, filters=filters)


def _currency(text: str | None, name: str) -> str | None:
    if text is not None and not (text.isascii() and text.isalnum() and text.isupper()):
        raise InvalidValue("A currency is written in capitals, such as USD.", pointer=f"?{name}")
    return text
