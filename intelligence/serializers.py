"""The shapes of what the API takes and gives about decisions."""

from typing import Any

from rest_framework import serializers

from accounts.models import Account
from accounts.strict import InstantField, LineField, MoneyField, PriceField, StrictDecimalField, StrictSerializer
from accounts.strict import TextField as StrictTextField
from intelligence.decisions import MOST_INSTRUMENTS
from intelligence.models import ActorKind, DecisionAction, OutcomeSource
from intelligence.models.decision import LONGEST_TEXT
from trading.models import ManagedPosition, Order, Outcome, Trade
from trading.serializers import FillTimeField, OwnIdField


class ConfidenceField(StrictDecimalField):
    """From 0 to 1, of four decimals."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=5, decimal_places=4, **kwargs)


class DecisionOutcomeSerializer(StrictSerializer):
    source = serializers.ChoiceField(OutcomeSource.choices)  # type: ignore[assignment]
    outcome = serializers.ChoiceField(Outcome.choices)
    result_pct = PriceField(allow_null=True, help_text="A fraction of what was entered: 0.032 is 3.2%.")
    result_amount = MoneyField(allow_null=True, help_text="After costs.")
    currency = serializers.CharField(allow_blank=True)
    r_multiple = PriceField(allow_null=True, help_text="Null without a stop.")
    holding_seconds = serializers.IntegerField(allow_null=True)
    benchmark = serializers.CharField(allow_blank=True)
    benchmark_pct = PriceField(allow_null=True, help_text="A fraction; null without daily bars of the benchmark.")
    benchmark_alpha = PriceField(allow_null=True, help_text="`result_pct` less `benchmark_pct`.")
    trade = serializers.UUIDField(allow_null=True)
    trade_version = serializers.DateTimeField(allow_null=True, help_text="When that trade had last changed.")
    resolved_at = serializers.DateTimeField()


class OutcomeAnswerSerializer(StrictSerializer):
    resolved = serializers.BooleanField(help_text="False while the trade goes on, and without one.")
    outcome = DecisionOutcomeSerializer(allow_null=True)


class DecisionSerializer(StrictSerializer):
    id = serializers.UUIDField()
    action = serializers.ChoiceField(DecisionAction.choices)
    intent = serializers.CharField(allow_blank=True)
    strategy = serializers.CharField(allow_blank=True)
    symbols = serializers.ListField(child=serializers.CharField())
    reasoning = serializers.CharField()
    market_context = serializers.CharField(allow_blank=True)
    reflection = serializers.CharField(allow_blank=True)
    actor_kind = serializers.ChoiceField(ActorKind.choices)
    actor = serializers.CharField(allow_blank=True)
    confidence = ConfidenceField(allow_null=True)
    entry_price = PriceField(allow_null=True)
    quantity = PriceField(allow_null=True)
    stop_loss = PriceField(allow_null=True)
    take_profit = PriceField(allow_null=True)
    decided_at = serializers.DateTimeField()
    account = serializers.UUIDField(allow_null=True)
    order = serializers.UUIDField(allow_null=True)
    managed_position = serializers.UUIDField(allow_null=True)
    trade = serializers.UUIDField(allow_null=True)
    external_id = serializers.CharField(allow_blank=True)
    revision = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    outcome = DecisionOutcomeSerializer(allow_null=True)


class WriteDecisionSerializer(StrictSerializer):
    """What is decided and why. An order, a plan or a trade says its account and symbol by itself."""

    action = serializers.ChoiceField(DecisionAction.choices)
    reasoning = StrictTextField(max_length=LONGEST_TEXT)
    intent = LineField(max_length=60, required=False, allow_blank=True)
    strategy = LineField(max_length=60, required=False, allow_blank=True)
    symbols = serializers.ListField(
        child=LineField(max_length=40), max_length=MOST_INSTRUMENTS, required=False, allow_empty=True
    )
    market_context = StrictTextField(max_length=LONGEST_TEXT, required=False, allow_blank=True)
    reflection = StrictTextField(max_length=LONGEST_TEXT, required=False, allow_blank=True)
    actor_kind = serializers.ChoiceField(ActorKind.choices, required=False)
    actor = LineField(max_length=100, required=False, allow_blank=True)
    confidence = ConfidenceField(required=False, allow_null=True, min_value=0, max_value=1)
    entry_price = PriceField(required=False, allow_null=True)
    quantity = PriceField(required=False, allow_null=True)
    stop_loss = PriceField(required=False, allow_null=True)
    take_profit = PriceField(required=False, allow_null=True)
    account = OwnIdField(queryset=Account.objects, required=False, allow_null=True)
    order = OwnIdField(queryset=Order.objects, required=False, allow_null=True)
    managed_position = OwnIdField(queryset=ManagedPosition.objects, required=False, allow_null=True)
    trade = OwnIdField(queryset=Trade.objects, required=False, allow_null=True)


class NewDecisionSerializer(WriteDecisionSerializer):
    decided_at = FillTimeField(required=False, help_text="Now, unless given.")
    external_id = LineField(max_length=128, required=False, allow_blank=True)


class ChangedDecisionSerializer(WriteDecisionSerializer):
    action = serializers.ChoiceField(DecisionAction.choices, required=False)
    reasoning = StrictTextField(max_length=LONGEST_TEXT, required=False)
    revision = serializers.IntegerField(
        min_value=1, required=False, help_text="The one that was read; 409 where it is another by now."
    )


class DecisionRevisionSerializer(StrictSerializer):
    number = serializers.IntegerField()
    revised_at = InstantField()
    values = serializers.JSONField(help_text="Every field that can be edited, as it was before.")


class RevisionsSerializer(StrictSerializer):
    results = DecisionRevisionSerializer(many=True)


class NeighbourOutcomeSerializer(StrictSerializer):
    outcome = serializers.ChoiceField(Outcome.choices)
    result_pct = PriceField(allow_null=True)
    result_amount = MoneyField(allow_null=True)
    currency = serializers.CharField(allow_blank=True)
    r_multiple = PriceField(allow_null=True)
    holding_seconds = serializers.IntegerField(allow_null=True)


class NeighbourSerializer(StrictSerializer):
    id = serializers.UUIDField()
    kind = serializers.ChoiceField([(kind, kind) for kind in ("decision", "note", "trade")])
    added = serializers.CharField(help_text="nearest_winner or nearest_loser for these two, else empty.")
    similarity = serializers.FloatField(allow_null=True, help_text="1 minus the cosine distance, -1 to 1.")
    score = serializers.FloatField(help_text="By reciprocal rank fusion.")
    vector_rank = serializers.IntegerField(allow_null=True)
    text_rank = serializers.IntegerField(allow_null=True)
    at = serializers.DateTimeField()
    symbol = serializers.CharField(allow_null=True)
    symbols = serializers.ListField(child=serializers.CharField())
    action = serializers.CharField(help_text="Of a trade its side.")
    strategy = serializers.CharField()
    actor = serializers.CharField()
    title = serializers.CharField()
    reasoning = serializers.CharField(help_text="Of a note its text, of a trade what was said of it.")
    outcome = NeighbourOutcomeSerializer(allow_null=True)


class AggregateSerializer(StrictSerializer):
    n = serializers.IntegerField(help_text="Results that have ended; all else is of these.")
    count = serializers.IntegerField()
    wins = serializers.IntegerField()
    losses = serializers.IntegerField()
    win_rate = PriceField(allow_null=True)
    win_rate_low = PriceField(allow_null=True, help_text="Wilson's 95% interval.")
    win_rate_high = PriceField(allow_null=True)
    mean_r = PriceField(allow_null=True)
    r_count = serializers.IntegerField()
    median_holding_seconds = serializers.IntegerField(allow_null=True)
    too_few = serializers.BooleanField(help_text="Under 10, from which nothing should be read.")


class FoundSerializer(StrictSerializer):
    kind = serializers.CharField()
    mode = serializers.CharField(help_text="What was searched by in the end: hybrid, vector or text.")
    model = serializers.CharField()
    is_lexical = serializers.BooleanField(help_text="Whether words were compared and not what they mean.")
    is_exact = serializers.BooleanField(help_text="Whether every vector was compared.")
    gap = serializers.CharField(help_text="Why it was not searched by meaning; else empty.")
    other_symbols = serializers.BooleanField(
        help_text="With `widen`: nothing of the symbol was there, and these are the nearest of other symbols."
    )
    waiting = serializers.IntegerField(help_text="Texts without a vector yet.")
    failed = serializers.IntegerField()
    results = NeighbourSerializer(many=True)
    nearest_winner = NeighbourSerializer(allow_null=True)
    nearest_loser = NeighbourSerializer(allow_null=True)
    aggregate = AggregateSerializer()


class DecisionMoneySerializer(StrictSerializer):
    currency = serializers.CharField()
    count = serializers.IntegerField()
    sum_result_amount = MoneyField()
    avg_result_amount = MoneyField()
    profit_factor = PriceField(allow_null=True, help_text="Null where nothing was lost.")
    expectancy = MoneyField(allow_null=True)
    best = MoneyField()
    worst = MoneyField()


class DecisionStatsSerializer(StrictSerializer):
    key = serializers.CharField(required=False, help_text="The symbol, strategy, action or actor, under its name too.")
    n_total = serializers.IntegerField()
    n_resolved = serializers.IntegerField(help_text="All that follows is of these.")
    wins = serializers.IntegerField()
    losses = serializers.IntegerField()
    flat = serializers.IntegerField()
    win_rate = PriceField(allow_null=True)
    win_rate_low = PriceField(allow_null=True, help_text="Wilson's 95% interval.")
    win_rate_high = PriceField(allow_null=True)
    avg_result_pct = PriceField(allow_null=True, help_text="A fraction.")
    best_result_pct = PriceField(allow_null=True)
    worst_result_pct = PriceField(allow_null=True)
    avg_r = PriceField(allow_null=True)
    r_count = serializers.IntegerField()
    too_few = serializers.BooleanField()
    currency = serializers.CharField(allow_null=True, help_text="Null where the money is of several: see `money`.")
    sum_result_amount = MoneyField(allow_null=True)
    avg_result_amount = MoneyField(allow_null=True)
    profit_factor = PriceField(allow_null=True)
    expectancy = MoneyField(allow_null=True)
    money = DecisionMoneySerializer(many=True)


class DecisionStatsAnswerSerializer(StrictSerializer):
    by = serializers.CharField()
    results = DecisionStatsSerializer(many=True)
    overall = DecisionStatsSerializer()
    as_of = serializers.IntegerField()
    stale = serializers.BooleanField()
