"""The shapes of the journal's answers in the API. Decimals are written as strings by the renderer."""

from dataclasses import asdict
from typing import Any

from rest_framework import serializers

from accounts.serializers import AccountSerializer, account_json
from accounts.strict import MoneyField, StrictSerializer
from journal.account_stats import ListedAccount
from journal.conversion import Unconverted
from journal.figures import (
    AccountFigures,
    AccountStats,
    AggregateMetrics,
    Answer,
    Breakdown,
    Calendar,
    Comparison,
    Curve,
    EquityCurve,
    Figures,
)
from journal.metrics.formulas import MaxDrawdown
from journal.metrics.totals import Totals


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


def metrics_json(metrics: AggregateMetrics) -> dict[str, Any]:
    """Every field of document 001 in snake_case, and the rest of docs/metrics.md."""
    streaks = metrics.day_streaks
    return {
        **_answer(metrics),
        **figures_json(metrics.figures),
        # Counts, R and holding time have no currency: they are of all trades, converted or not.
        **_counts(metrics.counts),
        "win_rate": metrics.win_rate,
        "decisive_win_rate": metrics.decisive_win_rate,
        "average_rr": metrics.expectancy_r,
        "average_planned_r": metrics.average_planned_r,
        "average_holding_seconds": metrics.average_holding_seconds,
        "reporting_currency": metrics.reporting_currency,
        "total_accounts": metrics.total_accounts,
        "accounts_by_broker": metrics.accounts_by_broker,
        "trading_days": metrics.trading_days,
        "longest_winning_days": streaks.longest_wins,
        "longest_losing_days": streaks.longest_losses,
        "current_winning_days": streaks.trailing_wins,
        "current_losing_days": streaks.trailing_losses,
        "best_day": _day(metrics.best_day),
        "worst_day": _day(metrics.worst_day),
        "max_drawdown": _drawdown(metrics.max_drawdown),
        "sharpe": metrics.sharpe,
        "sortino": metrics.sortino,
        "by_currency": [figures_json(figures) for figures in metrics.by_currency],
        "unconverted": _unconverted(metrics.unconverted),
        "best_account": metrics.best_account and _account(metrics.best_account),
        "worst_account": metrics.worst_account and _account(metrics.worst_account),
        "accounts": [_account(row) for row in metrics.accounts],
    }


def figures_json(figures: Figures) -> dict[str, Any]:
    """One set of figures, with the names of document 001 where it has one."""
    totals = figures.totals
    return {
        "currency": figures.currency,
        **_counts(totals),
        "win_rate": figures.win_rate,
        "decisive_win_rate": figures.decisive_win_rate,
        "win_rate_interval": figures.win_rate_interval and asdict(figures.win_rate_interval),
        "total_pnl": figures.net_pnl,
        "gross_pnl": figures.gross_pnl,
        "fees": figures.fees,
        "total_gross_profit": figures.gross_profit,
        "total_gross_loss": figures.gross_loss,
        "profit_factor": figures.profit_factor,
        "average_win": figures.average_win,
        "average_loss": figures.average_loss,
        "payoff_ratio": figures.payoff_ratio,
        "expectancy": figures.expectancy,
        "expectancy_interval": figures.expectancy_interval and asdict(figures.expectancy_interval),
        "standard_deviation": figures.standard_deviation,
        "largest_win": totals.largest_win,
        "largest_loss": totals.largest_loss,
        "average_rr": figures.expectancy_r,
        "average_planned_r": figures.average_planned_r,
        "sqn": figures.sqn,
        "kelly": figures.kelly,
        "average_holding_seconds": figures.average_holding_seconds,
        "broker_pnl": totals.broker_pnl if totals.broker_count else None,
        "broker_difference": figures.broker_difference,
    }


def curve_json(curve: EquityCurve) -> dict[str, Any]:
    """The combined curve, and that of each account where it was asked for."""
    return {
        **_answer(curve),
        "currency": curve.combined.currency,
        "combined": _points(curve.combined),
        "by_account": None
        if curve.by_account is None
        else [
            {"id": each.id, "name": each.name, "currency": each.curve.currency, "points": _points(each.curve)}
            for each in curve.by_account
        ],
        "unconverted": _unconverted(curve.unconverted),
    }


def comparison_json(comparison: Comparison) -> dict[str, Any]:
    """Accounts side by side."""
    return {
        **_answer(comparison),
        "accounts": [
            {
                "id": each.id,
                "name": each.name,
                "broker": each.broker,
                **figures_json(each.figures),
                "max_drawdown": _drawdown(each.max_drawdown),
                "first_day": each.first_day,
                "last_day": each.last_day,
            }
            for each in comparison.accounts
        ],
    }


def calendar_json(calendar: Calendar) -> dict[str, Any]:
    """Trading days with their sums."""
    return {
        **_answer(calendar),
        "currency": calendar.currency,
        "days": [day._asdict() for day in calendar.days],
        "total_pnl": calendar.net_pnl,
        "total_trades": calendar.trade_count,
        "unconverted": _unconverted(calendar.unconverted),
    }


def breakdown_json(breakdown: Breakdown) -> dict[str, Any]:
    """One row per group."""
    return {
        **_answer(breakdown),
        "by": breakdown.by,
        "currency": breakdown.currency,
        "rows": [{"key": row.key, "label": row.label, **figures_json(row.figures)} for row in breakdown.rows],
        "unconverted": _unconverted(breakdown.unconverted),
    }


def stats_json(stats: AccountStats) -> dict[str, Any]:
    """What one account traded."""
    return asdict(stats)


def listed_json(listed: ListedAccount) -> dict[str, Any]:
    """An account of a list with its stats."""
    return {
        **account_json(listed.account),
        "trade_count": listed.trade_count,
        "total_pnl": listed.total_pnl,
        "pnl_currency": listed.pnl_currency,
        "last_trade_date": listed.last_trade_date,
    }


def _answer(answer: Answer) -> dict[str, Any]:
    return {"as_of": answer.as_of, "stale": answer.stale, "missing_days": answer.missing_days}


def _counts(totals: Totals) -> dict[str, int]:
    return {
        "total_trades": totals.trade_count,
        "winning_trades": totals.win_count,
        "losing_trades": totals.loss_count,
        "breakeven_trades": totals.breakeven_count,
    }


def _account(row: AccountFigures) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "broker": row.broker,
        "currency": row.currency,
        "trade_count": row.trade_count,
        "pnl": row.pnl,
        "converted_pnl": row.converted_pnl,
        "win_rate": row.win_rate,
    }


def _points(curve: Curve) -> list[dict[str, str]]:
    return [
        {"date": day, "pnl": pnl, "cumulative_pnl": cumulative, "drawdown": drawdown}
        for day, pnl, cumulative, drawdown in curve.rows
    ]


def _day(value: Any) -> dict[str, Any] | None:
    return {"date": value[0], "pnl": value[1]} if value else None


def _drawdown(found: MaxDrawdown | None) -> dict[str, Any] | None:
    return asdict(found) if found else None


def _unconverted(found: tuple[Unconverted, ...]) -> list[dict[str, Any]]:
    return [asdict(each) for each in found]
