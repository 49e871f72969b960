"""The shapes of what the API takes and gives about trading sessions."""

from rest_framework import serializers

from accounts.models import Account
from accounts.strict import LineField, MoneyField, PriceField, StrictSerializer
from trading.models import EquityGap
from trading.models.breaker import LONGEST_STRATEGY
from trading.serializers import OwnIdField


class SessionFiguresSerializer(StrictSerializer):
    """Counted from its start to its end, or to now; money in the session's currency, after costs."""

    orders = serializers.IntegerField()
    fills = serializers.IntegerField()
    trades = serializers.IntegerField(help_text="Closed in it.")
    wins = serializers.IntegerField()
    losses = serializers.IntegerField()
    pnl = MoneyField(allow_null=True, help_text="Null where a rate of exchange is missing.")
    win_rate = PriceField(allow_null=True, help_text="Fraction; null without a closed trade.")
    largest_win = MoneyField(allow_null=True)
    largest_loss = MoneyField(allow_null=True)


class SessionSerializer(StrictSerializer):
    id = serializers.UUIDField()
    account = serializers.UUIDField()
    name = serializers.CharField()
    strategy = serializers.CharField()
    note = serializers.CharField()
    currency = serializers.CharField()
    started_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    starting_equity = MoneyField(allow_null=True)
    starting_gap = serializers.ChoiceField(EquityGap.choices, allow_blank=True, help_text="Why it is not known.")
    ending_equity = MoneyField(allow_null=True)
    ending_gap = serializers.ChoiceField(EquityGap.choices, allow_blank=True)
    equity_change = MoneyField(allow_null=True)
    figures = SessionFiguresSerializer()


class StartSessionSerializer(StrictSerializer):
    account = OwnIdField(queryset=Account.objects)
    name = LineField(max_length=100, required=False, allow_blank=True)
    strategy = LineField(max_length=LONGEST_STRATEGY, required=False, allow_blank=True)
    note = LineField(max_length=500, required=False, allow_blank=True)
