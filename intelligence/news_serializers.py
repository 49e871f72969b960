"""The shapes of what the API takes and gives about news and analyses."""

from typing import Any

from rest_framework import serializers

from accounts.strict import InstantField, LineField, PriceField, StrictDecimalField, StrictSerializer
from accounts.strict import TextField as StrictTextField
from intelligence.analysis_shape import stored
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


class AnalysisSerializer(StrictSerializer):
    id = serializers.UUIDField()
    symbol = serializers.CharField()
    current_price = PriceField()
    technical_analysis = serializers.JSONField()
    news_sentiment = serializers.JSONField(allow_null=True)
    options_flow = serializers.JSONField(allow_null=True)
    ai_recommendation = serializers.JSONField()
    analyzed_at = serializers.DateTimeField()
    decisions = serializers.ListField(child=serializers.UUIDField())
    created_at = serializers.DateTimeField()


class NewAnalysisSerializer(StrictSerializer):
    symbol = LineField(max_length=40)
    current_price = PriceField(min_value=0)
    technical_analysis = PartField(help_text="docs/memory.md#analyses")
    news_sentiment = PartField(required=False, allow_null=True)
    options_flow = PartField(required=False, allow_null=True)
    ai_recommendation = PartField()
    analyzed_at = InstantField(required=False)
    decisions = serializers.ListField(child=OwnIdField(queryset=Decision.objects), max_length=MOST, required=False)
