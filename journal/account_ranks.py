"""Accounts in the order of what they made: the best first, the worst, those that fell deepest."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from accounts.decimals import plain
from accounts.models import User
from journal import day_rows, reading, series
from journal.figures import AccountFigures, AggregateMetrics, Answer
from journal.filters import MetricsFilter

#: Orders that there are; what accounts are sorted by is the same for the two ends of it.
RANKS = ("best", "worst", "drawdown", "trades", "name")

# Of the rows that `AggregateMetrics.account_rows` keeps.
_ID, _NAME, _TRADES, _CONVERTED, _HAS_TRADED = 0, 1, 4, 7, 8


@dataclass(frozen=True, slots=True)
class ByAccount(Answer):
    """One figure of each account that has it, by the account's id."""

    values: dict[str, Decimal]


@dataclass(frozen=True, slots=True)
class RankedAccount:
    """One account in its place. `drawdown` is a magnitude; it and `r` are None where they were not asked for."""

    place: int
    figures: AccountFigures
    drawdown: Decimal | None
    r: Decimal | None


def drawdowns(user: User, wanted: MetricsFilter) -> ByAccount:
    """How far the closed equity of each account fell at most, in the currency of `aggregate_metrics`.

    Money without a rate is left out of it. Source: docs/metrics.md#max-drawdown
    """
    return _by_account(user, wanted, "drawdowns", _drawdowns)


def in_r(user: User, wanted: MetricsFilter) -> ByAccount:
    """The sum of realized R of each account that closed a trade with one."""
    return _by_account(user, wanted, "account_r", _in_r)


def _by_account(user: User, wanted: MetricsFilter, name: str, build: Any) -> ByAccount:
    kept = reading.answer("aggregate", user, parts=[name, wanted], build=lambda: {"values": dict(build(user, wanted))})
    values = {key: Decimal(value) for key, value in kept["values"].items()}
    return ByAccount(kept["as_of"], kept["stale"], kept["missing_days"], values)


def _drawdowns(user: User, wanted: MetricsFilter) -> list[tuple[str, str]]:
    with reading.one_snapshot():
        found = series.conversion_for(user, wanted, series.daily_series(user.pk, wanted))
        is_converted = found.rates is not None
        if not (is_converted or wanted.is_by_trade or wanted.is_by_day):
            return _kept_drawdowns(user.pk, wanted)
        source, values = day_rows.by_account_and_day(user.pk, wanted)
        join, rates = found.join() if is_converted else ("", [])
        amount = "r.net_pnl * x.rate" if is_converted else "r.net_pnl"
        return [
            (key, plain(fall))
            for key, fall in reading.rows(
                f"""
                SELECT a.public_id::text, max(peak - cumulative) FROM (
                    SELECT account_id, cumulative, greatest(max(cumulative) OVER days, 0) AS peak FROM (
                        SELECT account_id, day, sum(net_pnl) OVER days AS cumulative FROM (
                            SELECT r.account_id, r.day, sum({amount}) AS net_pnl
                            FROM (SELECT * FROM {source}) r {join} GROUP BY 1, 2
                        ) daily WINDOW days AS (PARTITION BY account_id ORDER BY day ROWS UNBOUNDED PRECEDING)
                    ) running WINDOW days AS (PARTITION BY account_id ORDER BY day ROWS UNBOUNDED PRECEDING)
                ) curve JOIN accounts_account a ON a.id = curve.account_id GROUP BY 1
                """,  # noqa: S608 – our own text; every value is a parameter
                [*values, *rates],
            )
        ]


def _kept_drawdowns(owner_id: int, wanted: MetricsFilter) -> list[tuple[str, str]]:
    """Those of all days, as they are kept with the totals: all money here is in one currency."""
    source, values = day_rows.by_account(owner_id, wanted)
    rows = reading.rows(
        f"SELECT a.public_id::text, r.max_drawdown FROM (SELECT * FROM {source}) r "  # noqa: S608
        "JOIN accounts_account a ON a.id = r.account_id",
        values,
    )
    return [(key, plain(fall)) for key, fall in rows]


def _in_r(user: User, wanted: MetricsFilter) -> list[tuple[str, str]]:
    source, values = day_rows.by_account(user.pk, wanted)
    rows = reading.rows(
        "SELECT a.public_id::text, sum(r.r_sum) "  # noqa: S608
        f"FROM (SELECT * FROM {source}) r JOIN accounts_account a ON a.id = r.account_id "
        "GROUP BY 1 HAVING sum(r.r_count) > 0",
        values,
    )
    return [(key, plain(value)) for key, value in rows]


def ranked(
    metrics: AggregateMetrics,
    *,
    rank: str,
    falls: dict[str, Decimal],
    multiples: dict[str, Decimal],
    within: slice,
    is_in_r: bool = False,
) -> list[RankedAccount]:
    """The accounts of one window of the order. Only those of the window are made; the rest stay as they are kept.

    What they made is compared in money, or in multiples of what was risked where that is what is shown of them.
    Accounts that made nothing come last, whichever end is first. Equals stand by name.
    """
    rows = _in_order(metrics.account_rows, rank=rank, falls=falls, multiples=multiples if is_in_r else None)
    start, stop, _ = within.indices(len(rows))
    return [
        RankedAccount(place, AccountFigures.of(row), falls.get(row[_ID]), multiples.get(row[_ID]))
        for place, row in enumerate(rows[start:stop], start=start + 1)
    ]


def _in_order(
    rows: Sequence[Sequence[Any]], *, rank: str, falls: dict[str, Decimal], multiples: dict[str, Decimal] | None
) -> list[Sequence[Any]]:
    if rank == "name":
        return sorted(rows, key=lambda row: (row[_NAME].casefold(), row[_ID]))
    if rank == "trades":
        return sorted(rows, key=lambda row: (-row[_TRADES], row[_NAME].casefold(), row[_ID]))
    if rank == "drawdown":
        return sorted(rows, key=lambda row: (-falls.get(row[_ID], Decimal(0)), row[_NAME].casefold(), row[_ID]))
    sign = -1 if rank == "best" else 1

    def place(row: Sequence[Any]) -> tuple[bool, Decimal, str, str]:
        if multiples is not None:
            made = multiples.get(row[_ID])
        else:
            made = Decimal(row[_CONVERTED]) if row[_HAS_TRADED] and row[_CONVERTED] is not None else None
        return (made is None, sign * (made or Decimal(0)), row[_NAME].casefold(), row[_ID])

    return sorted(rows, key=place)
