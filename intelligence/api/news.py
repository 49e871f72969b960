"""The API of news and analyses."""

from typing import Any

from django.db.models import Q
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.errors import InvalidValue
from accounts.serializers import page_of
from accounts.viewsets import CURSOR, LIMIT, OwnViewSet
from intelligence import news, news_parsing
from intelligence.analysis_shape import PARTS
from intelligence.models import NewsArticle, StockAnalysis
from intelligence.news_parsing import Article
from intelligence.news_serializers import (
    AnalysisSerializer,
    NewAnalysisSerializer,
    NewNewsSerializer,
    NewsSerializer,
    ReadForSerializer,
)
from intelligence.rows import instant, number
from intelligence.symbols import instruments_of
from trading.api.lists import FROM, SYMBOL, TO, counted_page, days_asked, line_asked
from trading.serializers import read

_LISTED = ("limit", "cursor", "symbol", "from", "to")


class NewsViewSet(OwnViewSet):
    """Articles of one's own feeds, the latest first."""

    queryset = NewsArticle.objects.none()
    serializer_class = NewsSerializer
    query_parameters = {"list": (*_LISTED, "source")}

    @extend_schema(
        parameters=[LIMIT, CURSOR, SYMBOL, FROM, TO, OpenApiParameter("source", str)],
        responses=page_of(NewsSerializer),
    )
    def list(self, request: Request) -> Response:
        params = request.query_params
        rows = _filtered(NewsArticle.objects.for_user(self.person), params, at="published_at", named="instruments__")
        if source := line_asked(params, "source"):
            rows = rows.filter(source=source)
        return counted_page(
            self,
            rows.prefetch_related("instruments", "decisions"),
            name="news",
            order="-published_at",
            shown=lambda page: map(article_json, page),
        )

    @extend_schema(request=NewNewsSerializer, responses={201: NewsSerializer})
    def create(self, request: Request) -> Response:
        """Keep an article; 409 where there is one of its address."""
        asked = read(NewNewsSerializer, request.data, person=self.person)
        url = news_parsing.canonical(asked["url"])
        if not url:
            raise InvalidValue("This is no address of the web.", pointer="/url")
        today = timezone.now().date()
        instruments = instruments_of(asked.pop("symbols", []), owner=self.person, account=None, on=today)
        decisions = asked.pop("decisions", [])
        for name in ("sentiment", "relevance"):
            given = asked.pop(name, None)
            asked[name] = "" if given is None else str(given)
        made = news.write(self.person, Article(**{**asked, "url": url}), instruments=instruments, decisions=decisions)
        return Response(article_json(made), status=201)

    def retrieve(self, request: Request, id: str) -> Response:
        return Response(article_json(self._one(id)))

    @extend_schema(request=ReadForSerializer, responses=NewsSerializer)
    def partial_update(self, request: Request, id: str) -> Response:
        """Link an article to decisions; what it says stays as it came."""
        article = self._one(id)
        news.link(article, **read(ReadForSerializer, request.data, person=self.person))
        return Response(article_json(self._one(id)))

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, id: str) -> Response:
        news.forget(self._one(id))
        return Response(status=204)

    def _one(self, id: str) -> NewsArticle:
        return get_object_or_404(NewsArticle.objects.for_user(self.person), public_id=id)


class AnalysisViewSet(OwnViewSet):
    """Analyses of instruments, the latest first."""

    queryset = StockAnalysis.objects.none()
    serializer_class = AnalysisSerializer
    query_parameters = {"list": _LISTED}

    @extend_schema(parameters=[LIMIT, CURSOR, SYMBOL, FROM, TO], responses=page_of(AnalysisSerializer))
    def list(self, request: Request) -> Response:
        rows = _filtered(
            StockAnalysis.objects.for_user(self.person), request.query_params, at="analyzed_at", named="instrument__"
        )
        return counted_page(
            self,
            rows.select_related("instrument").prefetch_related("decisions"),
            name="analyses",
            order="-analyzed_at",
            shown=lambda page: map(analysis_json, page),
        )

    @extend_schema(request=NewAnalysisSerializer, responses={201: AnalysisSerializer})
    def create(self, request: Request) -> Response:
        """Keep an analysis; each of its parts is checked."""
        asked = read(NewAnalysisSerializer, request.data, person=self.person)
        at = asked.get("analyzed_at") or timezone.now()
        (instrument,) = instruments_of([asked["symbol"]], owner=self.person, account=None, on=at.date())
        made = news.analyse(
            self.person,
            instrument,
            price=asked["current_price"],
            parts={name: asked[name] for name in PARTS if asked.get(name) is not None},
            at=at,
            decisions=asked.get("decisions", []),
        )
        return Response(analysis_json(made), status=201)

    def retrieve(self, request: Request, id: str) -> Response:
        return Response(analysis_json(self._one(id)))

    @extend_schema(request=ReadForSerializer, responses=AnalysisSerializer)
    def partial_update(self, request: Request, id: str) -> Response:
        """Link an analysis to decisions; what it says stays as it was made."""
        news.link(self._one(id), **read(ReadForSerializer, request.data, person=self.person))
        return Response(analysis_json(self._one(id)))

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, id: str) -> Response:
        news.forget(self._one(id))
        return Response(status=204)

    def _one(self, id: str) -> StockAnalysis:
        rows = StockAnalysis.objects.for_user(self.person).select_related("instrument")
        return get_object_or_404(rows, public_id=id)


def _filtered(rows: Any, params: Any, *, at: str, named: str) -> Any:
    start, end = days_asked(params)
    if symbol := (line_asked(params, "symbol") or "").upper():
        is_it = Q(**{f"{named}symbol": symbol}) | Q(**{f"{named}root_id": symbol})
        rows = rows.filter(pk__in=rows.filter(is_it | Q(**{f"{named}underlying": symbol})).values("pk"))
    if start is not None:
        rows = rows.filter(**{f"{at}__date__gte": start})
    if end is not None:
        rows = rows.filter(**{f"{at}__date__lte": end})
    return rows


def article_json(article: NewsArticle) -> dict[str, Any]:
    """An article as `NewsSerializer` describes it."""
    return {
        "id": str(article.public_id),
        "source": article.source,
        "title": article.title,
        "url": article.url,
        "author": article.author,
        "published_at": instant(article.published_at),
        "summary": article.summary,
        "content": article.content,
        "symbols": sorted(each.symbol for each in article.instruments.all()),
        "sentiment": number(article.sentiment),
        "relevance": number(article.relevance),
        "decisions": [str(each.public_id) for each in article.decisions.all() if each.deleted_at is None],
        "created_at": instant(article.created_at),
    }


def analysis_json(analysis: StockAnalysis) -> dict[str, Any]:
    """An analysis as `AnalysisSerializer` describes it; its instrument is loaded."""
    return {
        "id": str(analysis.public_id),
        "symbol": analysis.instrument.symbol,
        "current_price": number(analysis.current_price),
        "technical_analysis": analysis.technical_analysis,
        "news_sentiment": analysis.news_sentiment,
        "options_flow": analysis.options_flow,
        "ai_recommendation": analysis.ai_recommendation,
        "analyzed_at": instant(analysis.analyzed_at),
        "decisions": [str(each.public_id) for each in analysis.decisions.all() if each.deleted_at is None],
        "created_at": instant(analysis.created_at),
    }
