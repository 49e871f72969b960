"""Answers about how results are spread: histograms, percentiles, and runs of wins and losses.

They come from the results that are kept of each day, in order, and from its runs (`journal.spread_rows`).
"""

from dataclasses import asdict, dataclass
from decimal import Context, Decimal
from typing import Any

from accounts.decimals import plain
from accounts.models import User
from journal import day_rows, dimensions, facets, reading, series, spread_rows
from journal.conversion import Unconverted
from journal.figures import Answer
from journal.filters import MetricsFilter
from journal.metrics import distributions as spread
from journal.metrics import formulas
from journal.metrics.distributions import Bucket, Run, Runs
from journal.metrics.totals import Totals
from journal.spread_rows import Results

_WIDE = Context(prec=100)

#: Shares of the trades whose result is asked for: the median is the middle.
PERCENTILES = ("0.05", "0.25", "0.5", "0.75", "0.95")

#: Digits after the point of the P&L of a day: those of an amount and of a rate.
_DAY_PLACES = 20


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
class RunsInARow(Answer):
    """Which of `count` closed trades won or lost one after the other, and which trading days by P&L in `currency`."""

    currency: str | None
    count: int
    trade_runs: Runs
    day_runs: Runs
    unconverted: tuple[Unconverted, ...]


@dataclass(frozen=True, slots=True)
class Distributions(Answer):
    """How net P&L and R are spread.

    `net` is in `currency`, of the closed trades that could be converted; `r` of those that have an R. `days` is how the
    P&L of trading days is spread.
    """

    currency: str | None
    net: Distribution
    r: Distribution
    days: Distribution
    unconverted: tuple[Unconverted, ...]


def distributions(user: User, wanted: MetricsFilter | None = None, *, fresh: bool = False) -> Distributions:
    """How the results of the closed trades that the filter lets through are spread.

    Source: docs/metrics.md#distributions
    """
    wanted = wanted or MetricsFilter()
    kept = reading.answer(
        "aggregate",
        user,
        parts=["distributions", wanted],
        build=lambda: _distributions(user, wanted),
        fresh=fresh,
        parts_read=(facets.OF_FIGURES,),
    )
    return Distributions(
        as_of=kept["as_of"],
        stale=kept["stale"],
        missing_days=kept["missing_days"],
        currency=kept["currency"],
        net=_distribution(kept["net"]),
        r=_distribution(kept["r"]),
        days=_distribution(kept["days"]),
        unconverted=series.unconverted_of(kept["unconverted"]),
    )


def runs_in_a_row(user: User, wanted: MetricsFilter | None = None, *, fresh: bool = False) -> RunsInARow:
    """The runs of wins and of losses of the closed trades that the filter lets through, and of its days.

    Source: docs/metrics.md#runs
    """
    wanted = wanted or MetricsFilter()
    kept = reading.answer(
        "aggregate",
        user,
        parts=["runs", wanted],
        build=lambda: _runs_in_a_row(user, wanted),
        fresh=fresh,
        parts_read=(facets.OF_FIGURES,),
    )
    return RunsInARow(
        as_of=kept["as_of"],
        stale=kept["stale"],
        missing_days=kept["missing_days"],
        currency=kept["currency"],
        count=kept["count"],
        trade_runs=_runs(kept["trade_runs"]),
        day_runs=_runs(kept["day_runs"]),
        unconverted=series.unconverted_of(kept["unconverted"]),
    )


def _runs_in_a_row(user: User, wanted: MetricsFilter) -> dict[str, Any]:
    with reading.one_snapshot():
        daily = series.daily_series(user.pk, wanted)
        found = series.conversion_for(user, wanted, daily)
        trades = spread_rows.runs(user.pk, wanted)
    marks = ["w" if pnl > 0 else "l" if pnl < 0 else "b" for _, pnl in found.days(daily)]
    return {
        "currency": found.currency,
        "unconverted": series.kept_unconverted(found),
        "count": trades.count,
        "trade_runs": _kept_runs(trades.runs),
        "day_runs": _kept_runs(spread.runs(marks)),
    }


def _distributions(user: User, wanted: MetricsFilter) -> dict[str, Any]:
    with reading.one_snapshot():
        daily = series.daily_series(user.pk, wanted)
        found = series.conversion_for(user, wanted, daily)
        net, in_r = spread_rows.results(user.pk, wanted, rates=found.rates)
    days = [pnl for _, pnl in found.days(daily)]
    of_days = Results(
        spread_rows.spread_of(days, places=_DAY_PLACES),
        sum(days, Decimal(0)),
        sum((_WIDE.multiply(pnl, pnl) for pnl in days), Decimal(0)),
    )
    return {
        "currency": found.currency,
        "net": _spread(net),
        "r": _spread(in_r),
        "days": _spread(of_days),
        "unconverted": series.kept_unconverted(found),
    }


def _spread(results: Results) -> dict[str, Any]:
    """How results are spread, as JSON keeps it."""
    found = results.spread
    if not found.count:
        return {"count": 0}
    first, last = found.at_share(Decimal("0.01")), found.at_share(Decimal("0.99"))
    named = {share: found.at_share(Decimal(share)) for share in PERCENTILES}
    inner = spread.edges(first, last)
    counted = spread.buckets(inner, found.counts(inner))
    totals = Totals(trade_count=found.count, breakeven_net=results.total, net_squares=results.squares)
    deviation = formulas.standard_deviation(totals)
    median = named["0.5"]
    if found.count % 2 == 0:
        median = _WIDE.divide(_WIDE.add(median, found.at_share_from_above(Decimal("0.5"))), Decimal(2))
    return {
        "count": found.count,
        "mean": str(formulas.expectancy(totals)),
        "median": plain(median),
        "deviation": None if deviation is None else str(deviation),
        "lowest": plain(found.lowest()),
        "highest": plain(found.highest()),
        "percentiles": [[share, plain(value)] for share, value in named.items()],
        "buckets": [[_edge(each.low), _edge(each.high), each.count] for each in counted],
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
    kept = reading.answer(
        "aggregate",
        user,
        parts=["heat", wanted],
        build=lambda: _heat(user, wanted),
        parts_read=day_rows.parts_read(wanted, dimensions.ENTRY_CELL),
    )
    return {(weekday, hour): (Decimal(net), count) for weekday, hour, net, count in kept["cells"]}


def _heat(user: User, wanted: MetricsFilter) -> dict[str, Any]:
    with reading.one_snapshot():
        found = series.conversion_for(user, wanted, series.daily_series(user.pk, wanted))
        source, values, key, joins = day_rows.grouped(
            user.pk, wanted, by=dimensions.ENTRY_CELL, needs_days=found.rates is not None
        )
        join, rates = found.join() if found.rates is not None else ("", [])
        # What closed trades made: an open one has realized money, and is in no cell.
        net = "(r.gross_profit - r.gross_loss + r.breakeven_net)" + (" * x.rate" if found.rates is not None else "")
        rows = reading.rows(
            f"SELECT {key}, trim_scale(sum({net}))::text, sum(r.trade_count)::bigint "  # noqa: S608
            f"FROM (SELECT * FROM {source}) r {join} {joins} GROUP BY 1 HAVING sum(r.trade_count) > 0",
            [*values, *rates],
        )
    return {"cells": [[*cell.split("-"), net, count] for cell, net, count in rows]}
