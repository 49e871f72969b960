"""Answers about how results are spread: histograms, percentiles, and runs of wins and losses.

They look at every closed trade: none of it follows from stored sums.
"""

from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from accounts.decimals import plain
from accounts.models import User
from journal import day_rows, dimensions, reading, series
from journal.conversion import Unconverted
from journal.figures import Answer
from journal.filters import MetricsFilter
from journal.metrics import distributions as spread
from journal.metrics import formulas
from journal.metrics.distributions import Bucket, Run, Runs
from journal.metrics.totals import Totals

#: Shares of the trades whose result is asked for: the median is the middle.
PERCENTILES = ("0.05", "0.25", "0.5", "0.75", "0.95")

_SPREAD = """
SELECT count(v), sum(v), sum(v * v), min(v), max(v),
    percentile_disc(ARRAY[0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99]) WITHIN GROUP (ORDER BY v),
    percentile_disc(0.5) WITHIN GROUP (ORDER BY v DESC)
FROM ({values}) q WHERE v IS NOT NULL
"""
_COUNTS = "SELECT width_bucket(v, %s::numeric[]), count(*) FROM ({values}) q WHERE v IS NOT NULL GROUP BY 1"


@dataclass(frozen=True, slots=True)
class Distribution:
    """How one kind of result is spread over closed trades.

    `percentiles` are results of trades, by nearest rank, but the median of an even number, which is the mean of the
    two in the middle. Everything is None where there is no trade.
    """

    count: int
    mean: Decimal | None
    median: Decimal | None
    deviation: Decimal | None
    lowest: Decimal | None
    highest: Decimal | None
    percentiles: tuple[tuple[Decimal, Decimal], ...]
    buckets: tuple[Bucket, ...]


@dataclass(frozen=True, slots=True)
class Distributions(Answer):
    """How net P&L and R are spread, and which trades won or lost one after the other.

    `net` is in `currency`, of the closed trades that could be converted; `r` of those that have an R; the runs are of
    all of them. `days` is how the P&L of trading days is spread.
    """

    currency: str | None
    net: Distribution
    r: Distribution
    days: Distribution
    trade_runs: Runs
    day_runs: Runs
    unconverted: tuple[Unconverted, ...]


def distributions(user: User, wanted: MetricsFilter | None = None, *, fresh: bool = False) -> Distributions:
    """How the results of the closed trades that the filter lets through are spread.

    Source: docs/metrics.md#distributions
    """
    wanted = wanted or MetricsFilter()
    kept = reading.answer(
        "aggregate", user, parts=["distributions", wanted], build=lambda: _distributions(user, wanted), fresh=fresh
    )
    return Distributions(
        as_of=kept["as_of"],
        stale=kept["stale"],
        missing_days=kept["missing_days"],
        currency=kept["currency"],
        net=_distribution(kept["net"]),
        r=_distribution(kept["r"]),
        days=_distribution(kept["days"]),
        trade_runs=_runs(kept["trade_runs"]),
        day_runs=_runs(kept["day_runs"]),
        unconverted=series.unconverted_of(kept["unconverted"]),
    )


def _distributions(user: User, wanted: MetricsFilter) -> dict[str, Any]:
    with reading.one_snapshot():
        daily = series.daily_series(user.pk, wanted)
        found = series.conversion_for(user, wanted, daily)
        source, values = day_rows.closed_trades(user.pk, wanted)
        columns = "t.currency, t.closed_on AS day, t.net_pnl, t.realized_r, t.outcome, t.activity_at, t.id"
        trades = f"SELECT {columns} FROM {source}"  # noqa: S608
        join, rates = found.join() if found.rates is not None else ("", [])
        net = "r.net_pnl * x.rate" if found.rates is not None else "r.net_pnl"
        in_money = f"SELECT {net} AS v FROM ({trades}) r {join}"  # noqa: S608
        in_r = f"SELECT r.realized_r AS v FROM ({trades}) r"  # noqa: S608
        # One letter per trade: a million of them are a megabyte.
        ((letters,),) = reading.rows(
            f"SELECT coalesce(string_agg(left(r.outcome, 1), '' ORDER BY r.activity_at, r.id), '') FROM ({trades}) r",  # noqa: S608
            values,
        )
        kept = {
            "net": _spread(in_money, [*values, *rates]),
            "r": _spread(in_r, values),
        }
    days = found.days(daily)
    day_values = "SELECT v FROM unnest(%s::numeric[]) AS d (v)"
    marks = ["w" if pnl > 0 else "l" if pnl < 0 else "b" for _, pnl in days]
    return {
        **kept,
        "currency": found.currency,
        "days": _spread(day_values, [[pnl for _, pnl in days]]),
        "trade_runs": _kept_runs(spread.runs(letters)),
        "day_runs": _kept_runs(spread.runs(marks)),
        "unconverted": series.kept_unconverted(found),
    }


def _spread(values_sql: str, parameters: list[Any]) -> dict[str, Any]:
    """How the values of a query are spread, as JSON keeps it."""
    ((count, total, squares, low, high, shares, upper_middle),) = reading.rows(
        _SPREAD.format(values=values_sql), parameters
    )
    if not count:
        return {"count": 0}
    first, *named, last = shares
    inner = spread.edges(first, last)
    counts = reading.rows(_COUNTS.format(values=values_sql), [inner, *parameters])
    found = spread.buckets(inner, dict(counts))
    totals = Totals(trade_count=count, breakeven_net=total, net_squares=squares)
    deviation = formulas.standard_deviation(totals)
    median = (named[2] + upper_middle) / 2
    return {
        "count": count,
        "mean": str(formulas.expectancy(totals)),
        "median": plain(median),
        "deviation": None if deviation is None else str(deviation),
        "lowest": plain(low),
        "highest": plain(high),
        "percentiles": [[share, plain(value)] for share, value in zip(PERCENTILES, named, strict=True)],
        "buckets": [[_edge(each.low), _edge(each.high), each.count] for each in found],
    }


def _edge(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)


def _distribution(kept: dict[str, Any]) -> Distribution:
    def number(name: str) -> Decimal | None:
        value = kept.get(name)
        return None if value is None else Decimal(value)

    percentiles = [
        (Decimal(share), Decimal(value) if share != "0.5" else Decimal(kept["median"]))
        for share, value in kept.get("percentiles", ())
    ]
    return Distribution(
        count=kept["count"],
        mean=number("mean"),
        median=number("median"),
        deviation=number("deviation"),
        lowest=number("lowest"),
        highest=number("highest"),
        percentiles=tuple(percentiles),
        buckets=tuple(
            Bucket(None if low is None else Decimal(low), None if high is None else Decimal(high), count)
            for low, high, count in kept.get("buckets", ())
        ),
    )


def _kept_runs(found: Runs) -> dict[str, Any]:
    kept = asdict(found)
    return kept | {name: {str(length): count for length, count in kept[name].items()} for name in ("wins", "losses")}


def _runs(kept: dict[str, Any]) -> Runs:
    def run(name: str) -> Run | None:
        return Run(**kept[name]) if kept[name] else None

    return Runs(
        wins={int(length): count for length, count in kept["wins"].items()},
        losses={int(length): count for length, count in kept["losses"].items()},
        longest_win=run("longest_win"),
        longest_loss=run("longest_loss"),
        current=run("current"),
    )


def by_weekday_and_hour(user: User, wanted: MetricsFilter) -> dict[tuple[str, str], tuple[Decimal, int]]:
    """What the closed trades made by weekday and hour of their entry, as keys of `journal.dimensions`, and how many.

    In the currency of `distributions`; what cannot be converted is left out.
    """
    kept = reading.answer("aggregate", user, parts=["heat", wanted], build=lambda: _heat(user, wanted))
    return {(weekday, hour): (Decimal(net), count) for weekday, hour, net, count in kept["cells"]}


def _heat(user: User, wanted: MetricsFilter) -> dict[str, Any]:
    weekday, hour = (day_rows.key_sql(dimensions.BY_NAME[name]) for name in ("entry_weekday", "hour"))
    with reading.one_snapshot():
        found = series.conversion_for(user, wanted, series.daily_series(user.pk, wanted))
        source, values = day_rows.closed_trades(user.pk, wanted)
        join, rates = found.join() if found.rates is not None else ("", [])
        net = "r.net_pnl * x.rate" if found.rates is not None else "r.net_pnl"
        columns = "t.account_id, t.opened_at, t.opened_on, t.currency, t.closed_on AS day, t.net_pnl"
        chosen = f"SELECT r.*, {net} AS net FROM (SELECT {columns} FROM {source}) r {join}"  # noqa: S608
        rows = reading.rows(
            f"SELECT {weekday}, {hour}, trim_scale(sum(t.net))::text, count(*) "  # noqa: S608
            f"FROM ({chosen}) t JOIN accounts_account a ON a.id = t.account_id GROUP BY 1, 2",
            [*values, *rates],
        )
    return {"cells": [list(row) for row in rows]}
