"""The journal's answers as the API writes them; `journal.serializers` describes them. Decimals stay decimals."""

from dataclasses import asdict
from typing import Any

from accounts.serializers import account_json
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
    TradeStreaks,
)
from journal.metrics import formulas
from journal.metrics.formulas import MaxDrawdown
from journal.metrics.totals import Totals


def metrics_json(metrics: AggregateMetrics) -> dict[str, Any]:
    """Every field of document 001 in snake_case, and the rest of docs/metrics.md."""
    streaks = metrics.day_streaks
    return {
        **_answer(metrics),
        **figures_json(metrics.figures),
        "reporting_currency": metrics.reporting_currency,
        "total_accounts": metrics.total_accounts,
        "accounts_by_broker": metrics.accounts_by_broker,
        "starting_equity": metrics.starting_equity,
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
        **_counts(figures.counted),
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
        **_in_r(figures.counted),
        "average_planned_r": figures.average_planned_r,
        "sqn": figures.sqn,
        "kelly": figures.kelly,
        "average_holding_seconds": figures.average_holding_seconds,
        "broker_pnl": totals.broker_pnl if totals.broker_count else None,
        "broker_difference": figures.broker_difference,
    }


def _in_r(totals: Totals) -> dict[str, Any]:
    has_r = totals.r_count > 0
    return {
        "total_r": totals.r_sum if has_r else None,
        "total_r_profit": totals.r_profit if has_r else None,
        "total_r_loss": totals.r_loss if has_r else None,
        "profit_factor_r": formulas.profit_factor_r(totals),
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
        "days": [{**day._asdict(), "r": calendar.in_r.get(day.date)} for day in calendar.days],
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


def streaks_json(found: TradeStreaks) -> dict[str, Any]:
    """Runs of trades."""
    return {
        **_answer(found),
        "longest_wins": found.streaks.longest_wins,
        "longest_losses": found.streaks.longest_losses,
        "current_wins": found.streaks.trailing_wins,
        "current_losses": found.streaks.trailing_losses,
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
