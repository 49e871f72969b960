"""Decisions and embeddings for operators: looked at, never written."""

from typing import Any, ClassVar

from django.contrib import admin

from accounts.admin.parts import ShownOnlyAdmin, linked
from intelligence.models import (
    Decision,
    DecisionInstrument,
    DecisionOutcome,
    DecisionRevision,
    Embedding,
    EmbeddingModel,
    NewsArticle,
    StockAnalysis,
)
from journal.templatetags.journal_format import percent, r_multiple, signed_percent


class DecisionInstrumentInline(admin.TabularInline):  # type: ignore[type-arg]
    model = DecisionInstrument
    extra = 0
    can_delete = False
    raw_id_fields = ("instrument",)


@admin.register(Decision)
class DecisionAdmin(ShownOnlyAdmin):
    list_display = (
        "decided_at", "action", linked("owner"), linked("account"), "intent", "strategy", "actor_kind", "actor",
        "confidence", "revision",
    )  # fmt: skip
    list_filter = ("action", "actor_kind")
    reads: ClassVar[Any] = {"confidence": percent}
    list_select_related = ("owner", "account")
    search_fields = ("=public_id", "=owner__email", "=external_id")
    inlines = (DecisionInstrumentInline,)
    # What a person wrote is theirs.
    exclude = ("reasoning", "market_context", "reflection")
    ordering = ("-id",)


@admin.register(DecisionRevision)
class DecisionRevisionAdmin(ShownOnlyAdmin):
    list_display = ("revised_at", "decision_id", "number", "owner_id", "actor_id")
    search_fields = ("=decision__public_id",)
    exclude = ("values",)
    ordering = ("-id",)


@admin.register(DecisionOutcome)
class DecisionOutcomeAdmin(ShownOnlyAdmin):
    list_display = (
        "resolved_at", linked("decision"), linked("owner"), "source", "outcome", "result_pct", "result_amount",
        "currency", "r_multiple",
    )  # fmt: skip
    list_filter = ("source", "outcome")
    reads: ClassVar[Any] = {"result_pct": signed_percent, "benchmark_pct": signed_percent, "r_multiple": r_multiple}
    list_select_related = ("decision", "owner")
    search_fields = ("=decision__public_id", "=owner__email", "=trade_key")
    ordering = ("-id",)


@admin.register(EmbeddingModel)
class EmbeddingModelAdmin(ShownOnlyAdmin):
    list_display = ("key", "embedder", "dimensions", "is_lexical", "state", "has_index", "created_at", "activated_at")
    ordering = ("key",)


@admin.register(Embedding)
class EmbeddingAdmin(ShownOnlyAdmin):
    list_display = ("id", linked("owner"), linked("model"), "state", "attempts", "error", "embedded_at")
    list_filter = ("state", "model")
    list_select_related = ("owner", "model")
    search_fields = ("=owner__email", "=decision__public_id")
    raw_id_fields = ("decision", "note", "trade")
    exclude = ("vector", "words")
    ordering = ("-id",)


@admin.register(NewsArticle)
class NewsArticleAdmin(ShownOnlyAdmin):
    list_display = ("published_at", "title", linked("owner"), "source", "sentiment", "relevance")
    list_select_related = ("owner",)
    search_fields = ("=public_id", "=owner__email", "=url")
    raw_id_fields = ("instruments", "decisions")
    ordering = ("-id",)


@admin.register(StockAnalysis)
class StockAnalysisAdmin(ShownOnlyAdmin):
    list_display = ("analyzed_at", linked("instrument"), linked("owner"), "current_price")
    list_select_related = ("instrument", "owner")
    search_fields = ("=public_id", "=owner__email", "=instrument__symbol")
    raw_id_fields = ("decisions",)
    ordering = ("-id",)
