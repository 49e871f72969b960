"""The shapes of what the API takes and gives about news and analyses."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.strict import InstantField, LineField, PriceField, StrictDecimalField, StrictSerializer
from accounts.strict import TextField as StrictTextField
from intelligence.analysis_shape import schema, stored
from intelligence.models import LONGEST_ARTICLE, Decision
from trading.serializers import OwnIdField

MOST = 20


class ScoreField(StrictDecimalField):
    """A number of four decimals."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=5, decimal_places=4, **kwargs)


class PartField(serializers.JSONField):
    """A part of an analysis: its numbers come as decimals, and JSON has none."""

    def to_internal_value(self, data: Any) -> Any:
        return super().to_internal_value(stored(data))


@extend_schema_field(schema("technical_analysis"))
class TechnicalField(PartField):
    pass


@extend_schema_field(schema("news_sentiment"))
class SentimentField(PartField):
    pass


@extend_schema_field(schema("options_flow"))
class OptionsField(PartField):
    pass


@extend_schema_field(schema("ai_recommendation"))
class RecommendationField(PartField):
    pass


class NewsSerializer(StrictSerializer):
    id = serializers.UUIDField()
    source = serializers.CharField()  # type: ignore[assignment]
    title = serializers.CharField()
    url = serializers.CharField()
    author = serializers.CharField()
    published_at = serializers.DateTimeField()
    summary = serializers.CharField()
    content = serializers.CharField()
    symbols = serializers.ListField(child=serializers.CharField())
    sentiment = ScoreField(allow_null=True, help_text="-1 to 1.")
    relevance = ScoreField(allow_null=True, help_text="0 to 1.")
    decisions = serializers.ListField(child=serializers.UUIDField())
    created_at = serializers.DateTimeField()


class NewNewsSerializer(StrictSerializer):
    title = LineField(max_length=500)
    url = LineField(max_length=1000)
    source = LineField(max_length=100)  # type: ignore[assignment]
    published_at = InstantField()
    author = LineField(max_length=200, required=False, allow_blank=True)
    summary = StrictTextField(max_length=LONGEST_ARTICLE, required=False, allow_blank=True)
    content = StrictTextField(max_length=LONGEST_ARTICLE, required=False, allow_blank=True)
    symbols = serializers.ListField(child=LineField(max_length=40), max_length=MOST, required=False)
    sentiment = ScoreField(required=False, allow_null=True, min_value=-1, max_value=1)
    relevance = ScoreField(required=False, allow_null=True, min_value=0, max_value=1)
    decisions = serializers.ListField(child=OwnIdField(queryset=Decision.objects), max_length=MOST, required=False)


class ReadForSerializer(StrictSerializer):
    decisions = serializers.ListField(
        child=OwnIdField(queryset=Decision.objects),
        max_length=MOST,
        help_text="All that it is to be linked to; an empty list for none.",
    )


class AnalysisSerializer(StrictSerializer):
    id = serializers.UUIDField()
    symbol = serializers.CharField()
    current_price = PriceField()
    technical_analysis = TechnicalField()
    news_sentiment = SentimentField(allow_null=True)
    options_flow = OptionsField(allow_null=True)
    ai_recommendation = RecommendationField()
    analyzed_at = serializers.DateTimeField()
    decisions = serializers.ListField(child=serializers.UUIDField())
    created_at = serializers.DateTimeField()


class NewAnalysisSerializer(StrictSerializer):
    symbol = LineField(max_length=40)
    current_price = PriceField(min_value=0)
    technical_analysis = TechnicalField(help_text="docs/memory.md#analyses")
    news_sentiment = SentimentField(required=False, allow_null=True)
    options_flow = OptionsField(required=False, allow_null=True)
    ai_recommendation = RecommendationField()
    analyzed_at = InstantField(required=False)
    decisions = serializers.ListField(child=OwnIdField(queryset=Decision.objects), max_length=MOST, required=False)
