"""The API of bars of prices, as charts ask for them."""

from typing import Any
from zoneinfo import ZoneInfo

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.errors import InvalidValue
from accounts.strict import choice
from accounts.viewsets import OwnViewSet
from trading import bars
from trading.api.lists import FROM, TO, days_asked, line_asked
from trading.instruments import visible_to
from trading.models import Bar, Timeframe
from trading.serializers import BarChartSerializer

DEFAULT, MOST = 1_000, bars.MOST_SHOWN


class BarViewSet(OwnViewSet):
    """Open, high, low and close of what one trades."""

    queryset = Bar.objects.none()
    serializer_class = BarChartSerializer
    # They change when bars are loaded, not with the person's version.
    unversioned_actions = frozenset({"list"})
    query_parameters = {"list": ("symbol", "timeframe", "from", "to", "limit")}

    @extend_schema(
        parameters=[
            OpenApiParameter("symbol", str, required=True, description="Symbol of an instrument."),
            OpenApiParameter("timeframe", str, enum=Timeframe.values, description="The finest there is without it."),
            FROM,
            TO,
            OpenApiParameter("limit", int, default=DEFAULT, description=f"At most {MOST}; more are put together."),
        ],
        responses=BarChartSerializer,
    )
    def list(self, request: Request) -> Response:
        """Bars by time, days in UTC. Nothing for an instrument that is not there, or is somebody else's."""
        params = request.query_params
        symbol = line_asked(params, "symbol")
        if symbol is None:
            raise InvalidValue("symbol is required.", pointer="?symbol")
        timeframe = choice(params.get("timeframe"), parameter="timeframe", allowed=Timeframe.values)
        start, end = days_asked(params)
        limit = _limit(params.get("limit"))
        instrument = visible_to(self.person).filter(symbol=symbol.upper()).first()
        there = bars.timeframes_of(instrument.pk) if instrument else []
        if instrument is None or not there:
            return Response(_json(symbol.upper(), bars.Chart(timeframe or "", 1, []), there))
        found = bars.chart(
            instrument.pk,
            timeframe=timeframe or there[0],
            start=None if start is None else bars.day_of(start),
            end=None if end is None else bars.day_of(end, is_end=True),
            most=limit,
        )
        return Response(_json(instrument.symbol, found, there))


def _json(symbol: str, chart: bars.Chart, there: Any) -> dict[str, Any]:
    return {
        "symbol": symbol,
        "timeframe": chart.timeframe,
        "timeframes": there,
        "together": chart.together,
        "bars": [
            {
                "starts_at": bar.starts_at.astimezone(ZoneInfo("UTC")),
                "open": bar.open,
                "high": bar.high,
                "low": bar.low,
                "close": bar.close,
                "volume": bar.volume,
                "vwap": bar.vwap,
                "trade_count": bar.trade_count,
            }
            for bar in chart.bars
        ],
    }


def _limit(text: str | None) -> int:
    if text is None or text == "":
        return DEFAULT
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= MOST):
        raise InvalidValue(f"limit is a whole number from 1 to {MOST}.", pointer="?limit")
    return int(text)
