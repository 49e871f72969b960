"""The shapes of the journal's answers in the API. Decimals are written as strings by the renderer."""

from typing import Any

from rest_framework import serializers

from accounts.serializers import AccountSerializer
from accounts.strict import MoneyField, StrictSerializer


def _decimal(**kwargs: Any) -> serializers.DecimalField:
    return serializers.DecimalField(max_digits=None, decimal_places=None, allow_null=True, **kwargs)


class AnswerSerializer(StrictSerializer):
    as_of = serializers.IntegerField(help_text="The version of the person's data that the answer holds at least.")
    stale = serializers.BooleanField()
    missing_days = serializers.IntegerField(help_text="Account-days that are not computed yet.")


class IntervalSerializer(StrictSerializer):
    low = _decimal()
    high = _decimal()


class FiguresSerializer(StrictSerializer):
    currency = serializers.CharField(allow_null=True)
    total_trades = serializers.IntegerField()
    winning_trades = serializers.IntegerField()
    losing_trades = serializers.IntegerField()
    breakeven_trades = serializers.IntegerField()
    win_rate = _decimal(help_text="Winners of all closed trades, as a fraction.")
    decisive_win_rate = _decimal(help_text="Winners of winners and losers, as a fraction.")
    win_rate_interval = IntervalSerializer(allow_null=True)
    total_pnl = _decimal(help_text="Realized by exits, after costs.")
    gross_pnl = _decimal()
    fees = _decimal()
    total_gross_profit = _decimal()
    total_gross_loss = _decimal()
    profit_factor = _decimal(help_text="null where nothing was lost.")
    average_win = _decimal()
    average_loss = _decimal()
    payoff_ratio = _decimal()
    expectancy = _decimal()
    expectancy_interval = IntervalSerializer(allow_null=True)
    standard_deviation = _decimal()
    largest_win = _decimal()
    largest_loss = _decimal()
    average_rr = _decimal(help_text="Mean realized R of the trades that have one.")
    total_r = _decimal(help_text="Sum of realized R; null where no trade has one.")
    total_r_profit = _decimal(help_text="Of this, what winners made.")
    total_r_loss = _decimal(help_text="Of this, what losers lost, a magnitude.")
    profit_factor_r = _decimal(help_text="null where nothing was lost in R.")
    average_planned_r = _decimal()
    sqn = _decimal()
    kelly = _decimal()
    average_holding_seconds = _decimal()
    broker_pnl = _decimal(help_text="The broker's own figures, where files state them.")
    broker_difference = _decimal(help_text="Ours minus the broker's, over the same exits.")


class UnconvertedSerializer(StrictSerializer):
    currency = serializers.CharField()
    days = serializers.IntegerField()
    net_pnl = _decimal()


class DayMoneySerializer(StrictSerializer):
    date = serializers.DateField()
    pnl = _decimal()


class MaxDrawdownSerializer(StrictSerializer):
    amount = _decimal()
    ratio = _decimal(help_text="Of equity at the peak; null without a starting balance.")
    largest_ratio = _decimal()
    peak_date = serializers.DateField(allow_null=True)
    trough_date = serializers.DateField(allow_null=True)
    recovery_date = serializers.DateField(allow_null=True)
    length_days = serializers.IntegerField()


class AccountFiguresSerializer(StrictSerializer):
    id = serializers.UUIDField()
    name = serializers.CharField()
    broker = serializers.CharField()
    currency = serializers.CharField()
    trade_count = serializers.IntegerField()
    pnl = _decimal()
    converted_pnl = _decimal(help_text="In the currency of the answer.")
    win_rate = _decimal()


class AggregateMetricsSerializer(AnswerSerializer, FiguresSerializer):
    reporting_currency = serializers.CharField()
    total_accounts = serializers.IntegerField()
    accounts_by_broker = serializers.DictField(child=serializers.IntegerField())
    starting_equity = _decimal(help_text="Held before the first day; null unless every account has a balance.")
    trading_days = serializers.IntegerField()
    longest_winning_days = serializers.IntegerField()
    longest_losing_days = serializers.IntegerField()
    current_winning_days = serializers.IntegerField()
    current_losing_days = serializers.IntegerField()
    best_day = DayMoneySerializer(allow_null=True)
    worst_day = DayMoneySerializer(allow_null=True)
    max_drawdown = MaxDrawdownSerializer(allow_null=True)
    sharpe = _decimal()
    sortino = _decimal()
    by_currency = FiguresSerializer(many=True)
    unconverted = UnconvertedSerializer(many=True)
    best_account = AccountFiguresSerializer(allow_null=True)
    worst_account = AccountFiguresSerializer(allow_null=True)
    accounts = AccountFiguresSerializer(many=True)


class PreviousMetricsSerializer(StrictSerializer):
    first_day = serializers.DateField()
    last_day = serializers.DateField()
    metrics = AggregateMetricsSerializer()


class MetricsAnswerSerializer(AggregateMetricsSerializer):
    previous = PreviousMetricsSerializer(
        required=False, allow_null=True, help_text="With previous=true: the period before; null where there is none."
    )


class CurvePointSerializer(StrictSerializer):
    date = serializers.DateField()
    pnl = _decimal()
    cumulative_pnl = _decimal()
    drawdown = _decimal()


class AccountCurveSerializer(StrictSerializer):
    id = serializers.UUIDField()
    name = serializers.CharField()
    currency = serializers.CharField()
    points = CurvePointSerializer(many=True)


class EquityCurveSerializer(AnswerSerializer):
    currency = serializers.CharField(allow_null=True)
    combined = CurvePointSerializer(many=True)
    by_account = AccountCurveSerializer(many=True, allow_null=True)
    unconverted = UnconvertedSerializer(many=True)


class ComparedAccountSerializer(FiguresSerializer):
    id = serializers.UUIDField()
    name = serializers.CharField()
    broker = serializers.CharField()
    max_drawdown = MaxDrawdownSerializer(allow_null=True)
    first_day = serializers.DateField(allow_null=True)
    last_day = serializers.DateField(allow_null=True)


class ComparisonSerializer(AnswerSerializer):
    accounts = ComparedAccountSerializer(many=True)


class CalendarDaySerializer(DayMoneySerializer):
    trade_count = serializers.IntegerField()
    win_count = serializers.IntegerField()
    loss_count = serializers.IntegerField()
    r = _decimal(help_text="Realized R of the trades that closed on it; null where none has one.")


class CalendarSerializer(AnswerSerializer):
    currency = serializers.CharField(allow_null=True)
    days = CalendarDaySerializer(many=True)
    total_pnl = _decimal()
    total_trades = serializers.IntegerField()
    unconverted = UnconvertedSerializer(many=True)


class BreakdownRowSerializer(FiguresSerializer):
    key = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # a field of ours, not the base's caption


class BreakdownSerializer(AnswerSerializer):
    by = serializers.CharField()
    currency = serializers.CharField(allow_null=True)
    rows = BreakdownRowSerializer(many=True)
    unconverted = UnconvertedSerializer(many=True)


class StreaksSerializer(AnswerSerializer):
    longest_wins = serializers.IntegerField()
    longest_losses = serializers.IntegerField()
    current_wins = serializers.IntegerField()
    current_losses = serializers.IntegerField()


class AccountStatsSerializer(AnswerSerializer):
    trade_count = serializers.IntegerField()
    total_pnl = MoneyField(allow_null=True)
    currency = serializers.CharField()
    last_trade_date = serializers.DateField(allow_null=True)


class ListedAccountSerializer(AccountSerializer):
    trade_count = serializers.IntegerField(required=False)
    total_pnl = MoneyField(required=False, allow_null=True)
    pnl_currency = serializers.CharField(required=False)
    last_trade_date = serializers.DateField(required=False, allow_null=True)
