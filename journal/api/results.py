"""How the API writes what reports say of results: their spread, their falls, the difference of two sets."""

from dataclasses import asdict
from typing import Any

from rest_framework import serializers

from accounts.strict import StrictSerializer
from journal.contrasts import Contrast
from journal.distributions import Distribution, Distributions, RunsInARow
from journal.drawdowns import Drawdowns
from journal.figures import Answer, Curve
from journal.metrics.differences import Difference, Verdict
from journal.metrics.distributions import Runs
from journal.rendering import metrics_json
from journal.serializers import (
    AggregateMetricsSerializer,
    AnswerSerializer,
    CurvePointSerializer,
    IntervalSerializer,
    UnconvertedSerializer,
)


def _decimal(**kwargs: Any) -> serializers.DecimalField:
    return serializers.DecimalField(max_digits=None, decimal_places=None, allow_null=True, **kwargs)


class BucketSerializer(StrictSerializer):
    low = _decimal(help_text="Held by the bucket; null for no bound.")
    high = _decimal(help_text="Not held by it; null for no bound.")
    count = serializers.IntegerField()


class PercentileSerializer(StrictSerializer):
    share = _decimal()
    value = _decimal()


class SpreadSerializer(StrictSerializer):
    count = serializers.IntegerField()
    mean = _decimal()
    median = _decimal()
    standard_deviation = _decimal()
    lowest = _decimal()
    highest = _decimal()
    percentiles = PercentileSerializer(many=True)
    buckets = BucketSerializer(many=True)


class RunLengthSerializer(StrictSerializer):
    length = serializers.IntegerField()
    wins = serializers.IntegerField()
    losses = serializers.IntegerField()


class RunsSerializer(StrictSerializer):
    longest_wins = serializers.IntegerField()
    longest_losses = serializers.IntegerField()
    current_wins = serializers.IntegerField()
    current_losses = serializers.IntegerField()
    lengths = RunLengthSerializer(many=True)


class DistributionSerializer(AnswerSerializer):
    currency = serializers.CharField(allow_null=True)
    net_pnl = SpreadSerializer()
    r = SpreadSerializer()
    days = SpreadSerializer()
    trade_runs = RunsSerializer()
    day_runs = RunsSerializer()
    unconverted = UnconvertedSerializer(many=True)


class DrawdownSerializer(StrictSerializer):
    amount = _decimal()
    ratio = _decimal(help_text="Of equity at the peak; null without a starting balance of every account in scope.")
    peak_date = serializers.DateField(allow_null=True)
    trough_date = serializers.DateField()
    recovery_date = serializers.DateField(allow_null=True)
    length_days = serializers.IntegerField()
    fall_days = serializers.IntegerField()
    recovery_days = serializers.IntegerField(allow_null=True)


class DrawdownsSerializer(AnswerSerializer):
    currency = serializers.CharField(allow_null=True)
    starting_equity = _decimal()
    trading_days = serializers.IntegerField()
    days_below = serializers.IntegerField(help_text="Days that ended below a peak.")
    drawdowns = DrawdownSerializer(many=True)
    unconverted = UnconvertedSerializer(many=True)


class DifferenceSerializer(StrictSerializer):
    value = _decimal(help_text="The first minus the second.")
    interval = IntervalSerializer(allow_null=True)
    verdict = serializers.ChoiceField([each.value for each in Verdict])


class SideSerializer(AggregateMetricsSerializer):
    curve = CurvePointSerializer(many=True)


class ContrastSerializer(AnswerSerializer):
    currency = serializers.CharField(allow_null=True)
    a = SideSerializer()
    b = SideSerializer()
    win_rate = DifferenceSerializer()
    expectancy = DifferenceSerializer()
    average_rr = DifferenceSerializer()
    shared_trades = serializers.IntegerField(help_text="Closed trades in both sets.")


def distribution_json(found: Distributions, runs: RunsInARow) -> dict[str, Any]:
    """How results are spread, and their runs; it holds what the older of the two holds."""
    return {
        **_answer(min(found, runs, key=lambda each: each.as_of)),
        "currency": found.currency,
        "net_pnl": _spread(found.net),
        "r": _spread(found.r),
        "days": _spread(found.days),
        "trade_runs": _runs(runs.trade_runs),
        "day_runs": _runs(runs.day_runs),
        "unconverted": [asdict(each) for each in found.unconverted],
    }


def drawdowns_json(found: Drawdowns) -> dict[str, Any]:
    """Each drawdown, the deepest first."""
    return {
        **_answer(found),
        "currency": found.currency,
        "starting_equity": found.starting,
        "trading_days": found.days,
        "days_below": found.days_below,
        "drawdowns": [
            {
                "amount": row.depth,
                "ratio": row.ratio,
                "peak_date": row.peak_date,
                "trough_date": row.trough_date,
                "recovery_date": row.recovery_date,
                "length_days": row.length_days,
                "fall_days": row.fall_days,
                "recovery_days": row.recovery_days,
            }
            for row in found.rows
        ],
        "unconverted": [asdict(each) for each in found.unconverted],
    }


def contrast_json(found: Contrast) -> dict[str, Any]:
    """Two sets of trades and how far they differ."""
    return {
        **_answer(found),
        "currency": found.currency,
        "a": {**metrics_json(found.first), "curve": _curve(found.curves[0])},
        "b": {**metrics_json(found.second), "curve": _curve(found.curves[1])},
        "win_rate": _difference(found.win_rate),
        "expectancy": _difference(found.expectancy),
        "average_rr": _difference(found.r),
        "shared_trades": found.shared,
    }


def _answer(found: Answer) -> dict[str, Any]:
    return {"as_of": found.as_of, "stale": found.stale, "missing_days": found.missing_days}


def _spread(found: Distribution) -> dict[str, Any]:
    return {
        "count": found.count,
        "mean": found.mean,
        "median": found.median,
        "standard_deviation": found.deviation,
        "lowest": found.lowest,
        "highest": found.highest,
        "percentiles": [{"share": share, "value": value} for share, value in found.percentiles],
        "buckets": [{"low": each.low, "high": each.high, "count": each.count} for each in found.buckets],
    }


def _runs(found: Runs) -> dict[str, Any]:
    current = found.current
    return {
        "longest_wins": found.longest_win.length if found.longest_win else 0,
        "longest_losses": found.longest_loss.length if found.longest_loss else 0,
        "current_wins": current.length if current and current.kind == "w" else 0,
        "current_losses": current.length if current and current.kind == "l" else 0,
        "lengths": [
            {"length": length, "wins": found.wins.get(length, 0), "losses": found.losses.get(length, 0)}
            for length in sorted({*found.wins, *found.losses})
        ],
    }


def _difference(found: Difference) -> dict[str, Any]:
    interval = found.interval
    return {
        "value": found.value,
        "interval": None if interval is None else {"low": interval.low, "high": interval.high},
        "verdict": found.verdict.value,
    }


def _curve(curve: Curve) -> list[dict[str, Any]]:
    return [point._asdict() for point in curve.points]
