"""The API of what the market is now: quotes and snapshots."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.decimals import plain
from accounts.errors import InvalidValue
from accounts.strict import PriceField, StrictSerializer
from accounts.viewsets import OwnViewSet
from trading.instruments import visible_to
from trading.models import Bar, Instrument, Quote, Timeframe

MOST = 100

_SYMBOLS = OpenApiParameter(
    "symbol", str, many=True, required=True, description=f"Repeatable, 1 to {MOST}. What is not quoted is left out."
)


class QuoteSerializer(StrictSerializer):
    symbol = serializers.CharField()
    bid = PriceField(allow_null=True)
    ask = PriceField(allow_null=True)
    last = PriceField(allow_null=True)
    bid_size = PriceField(allow_null=True)
    ask_size = PriceField(allow_null=True)
    conditions = serializers.ListField(
        child=serializers.CharField(), allow_null=True, help_text="As the source writes them."
    )
    tape = serializers.CharField(allow_null=True)
    quoted_at = serializers.DateTimeField()
    source = serializers.CharField()  # type: ignore[assignment]


class QuotesSerializer(StrictSerializer):
    results = QuoteSerializer(many=True)


class SnapshotBarSerializer(StrictSerializer):
    starts_at = serializers.DateTimeField()
    open = PriceField()
    high = PriceField()
    low = PriceField()
    close = PriceField()
    volume = PriceField(allow_null=True)
    vwap = PriceField(allow_null=True)
    trade_count = serializers.IntegerField(allow_null=True)


class LatestTradeSerializer(StrictSerializer):
    price = PriceField()
    size = PriceField(allow_null=True)
    traded_at = serializers.DateTimeField(allow_null=True)


class SnapshotSerializer(StrictSerializer):
    symbol = serializers.CharField()
    latest_trade = LatestTradeSerializer(allow_null=True)
    quote = QuoteSerializer(allow_null=True)
    minute_bar = SnapshotBarSerializer(allow_null=True)
    daily_bar = SnapshotBarSerializer(allow_null=True)
    previous_daily_bar = SnapshotBarSerializer(allow_null=True)


class SnapshotsSerializer(StrictSerializer):
    results = SnapshotSerializer(many=True)


class _MarketViewSet(OwnViewSet):
    # They change with the market, not with the person's version.
    unversioned_actions = frozenset({"list"})
    query_parameters: Mapping[str, tuple[str, ...]] = {"list": ("symbol",)}
    repeatable_parameters = frozenset({"symbol"})

    def _asked(self, request: Request) -> QuerySet[Instrument]:
        symbols = {symbol.strip().upper() for symbol in request.query_params.getlist("symbol")}
        if not 1 <= len(symbols) <= MOST:
            raise InvalidValue(f"Give 1 to {MOST} symbols.", pointer="?symbol")
        return visible_to(self.person).filter(symbol__in=symbols).order_by("symbol")


class QuoteViewSet(_MarketViewSet):
    """The latest bid and ask."""

    queryset = Quote.objects.none()
    serializer_class = QuoteSerializer

    @extend_schema(parameters=[_SYMBOLS], responses=QuotesSerializer)
    def list(self, request: Request) -> Response:
        """The latest quote of each symbol."""
        found = self._asked(request).select_related("quote").filter(quote__isnull=False)
        return Response({"results": [_quote(each.symbol, each.quote) for each in found]})


class SnapshotViewSet(_MarketViewSet):
    """Latest trade, quote, minute bar, daily bar and the daily bar before it, together."""

    queryset = Bar.objects.none()
    serializer_class = SnapshotSerializer

    @extend_schema(parameters=[_SYMBOLS], responses=SnapshotsSerializer)
    def list(self, request: Request) -> Response:
        """What there is of each symbol; parts of which there is nothing are null."""
        found = list(self._asked(request))
        quotes = Quote.objects.in_bulk([each.pk for each in found])
        results = []
        for each in found:
            minute, days = _latest(each, Timeframe.MINUTE, 1), _latest(each, Timeframe.DAY, 2)
            quote = quotes.get(each.pk)
            results.append(
                {
                    "symbol": each.symbol,
                    "latest_trade": None if quote is None else _trade(quote),
                    "quote": None if quote is None else _quote(each.symbol, quote),
                    "minute_bar": _bar(minute[0]) if minute else None,
                    "daily_bar": _bar(days[0]) if days else None,
                    "previous_daily_bar": _bar(days[1]) if len(days) > 1 else None,
                }
            )
        return Response({"results": results})


def _latest(instrument: Instrument, timeframe: str, count: int) -> list[Bar]:
    return list(Bar.objects.filter(instrument=instrument, timeframe=timeframe).order_by("-starts_at")[:count])


def _quote(symbol: str, quote: Quote) -> dict[str, Any]:
    numbers = {name: getattr(quote, name) for name in ("bid", "ask", "last", "bid_size", "ask_size")}
    return {
        "symbol": symbol,
        **{name: None if value is None else plain(value) for name, value in numbers.items()},
        "conditions": quote.conditions,
        "tape": quote.tape or None,
        "quoted_at": quote.quoted_at,
        "source": quote.source,
    }


def _trade(quote: Quote) -> dict[str, Any] | None:
    if quote.last is None:
        return None
    size = None if quote.last_size is None else plain(quote.last_size)
    return {"price": plain(quote.last), "size": size, "traded_at": quote.traded_at}


def _bar(bar: Bar) -> dict[str, Any]:
    at: datetime = bar.starts_at
    prices = {name: plain(getattr(bar, name)) for name in ("open", "high", "low", "close")}
    by_volume = {name: None if (value := getattr(bar, name)) is None else plain(value) for name in ("volume", "vwap")}
    return {"starts_at": at, **prices, **by_volume, "trade_count": bar.trade_count}
