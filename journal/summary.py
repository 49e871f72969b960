"""The dashboard in a few lines of text, for terminals."""

from collections.abc import Iterator
from decimal import ROUND_HALF_EVEN, Decimal

from accounts.models import User
from journal import reports
from journal.figures import AccountFigures, AggregateMetrics
from trading.models import Position

DASH = "–"
_CENT = Decimal("0.01")


def lines(user: User) -> list[str]:
    """What the person's trades come to, as label and value in two columns. The figures are those of `reports`."""
    metrics = reports.aggregate_metrics(user)
    rows = list(_rows(user, metrics))
    width = max(len(label) for label, _ in rows)
    return [f"{label:<{width}}  {value}" for label, value in rows]


def _rows(user: User, metrics: AggregateMetrics) -> Iterator[tuple[str, str]]:
    figures, counts = metrics.figures, metrics.counts
    yield "Accounts", f"{metrics.total_accounts:,} at {len(metrics.accounts_by_broker)} brokers"
    for of_currency in metrics.by_currency:
        net = money(of_currency.net_pnl, of_currency.currency)
        yield f"Net P&L in {of_currency.currency}", f"{net} ({of_currency.trade_count:,} trades)"
    yield "Net P&L in all", money(figures.net_pnl, figures.currency)
    for left_out in metrics.unconverted:
        yield "  without a rate", money(left_out.net_pnl, left_out.currency)
    yield "Costs", money(figures.fees, figures.currency)
    yield (
        "Closed trades",
        f"{counts.trade_count:,}: {counts.win_count:,} won, {counts.loss_count:,} lost, "
        f"{counts.breakeven_count:,} breakeven",
    )
    yield "Win rate", percent(metrics.win_rate)
    yield "Profit factor", ratio(figures.profit_factor)
    yield "Expectancy", f"{money(figures.expectancy, figures.currency)} per trade, {ratio(metrics.expectancy_r)} R"
    yield "Max drawdown", _drawdown(metrics)
    yield "Sharpe, Sortino", f"{ratio(metrics.sharpe)}, {ratio(metrics.sortino)}"
    yield "Best account", _account(metrics.best_account)
    yield "Worst account", _account(metrics.worst_account)
    yield "Open positions", f"{Position.objects.for_user(user).count():,}"


def _drawdown(metrics: AggregateMetrics) -> str:
    found = metrics.max_drawdown
    if found is None:
        return DASH
    since = f"{found.peak_date} to {found.trough_date}" if found.peak_date else f"to {found.trough_date}"
    return f"{money(found.amount, metrics.figures.currency)} ({percent(found.ratio)}), {since}"


def _account(account: AccountFigures | None) -> str:
    if account is None:
        return DASH
    return f"{account.name}, {money(account.pnl, account.currency)} in {account.trade_count:,} trades"


def money(amount: Decimal | None, currency: str | None) -> str:
    """The amount to the cent, a dash where there is none."""
    if amount is None:
        return DASH
    return f"{amount.quantize(_CENT, ROUND_HALF_EVEN):,.2f} {currency or ''}".rstrip()


def ratio(value: Decimal | None) -> str:
    """The number to two decimals, a dash where there is none."""
    return DASH if value is None else f"{value.quantize(_CENT, ROUND_HALF_EVEN)}"


def percent(value: Decimal | None) -> str:
    """A fraction as percent, a dash where there is none."""
    return DASH if value is None else f"{(value * 100).quantize(Decimal('0.1'), ROUND_HALF_EVEN)}%"
