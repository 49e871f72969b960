"""Answers about how far trades went against and for their holder before they closed: MAE and MFE.

They come from bars; a trade without bars has none, and is counted as such and never guessed.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from accounts.models import User
from journal import day_rows, reading, series
from journal.figures import Answer
from journal.filters import MetricsFilter
from journal.units import Scale

#: Trades of a cloud; more would be one stain.
MOST_POINTS = 1500

#: Trades have both or neither; an index holds those that have.
_MEASURED = "t.mae IS NOT NULL AND t.mfe IS NOT NULL"
#: As `risk_reward.initial_risk`: none at a stop at the entry or beyond it.
_RISK = (
    "nullif(greatest((t.entry_price - t.initial_stop) * CASE t.side WHEN 'long' THEN 1 ELSE -1 END, 0) "
    "* t.quantity * t.multiplier, 0)"
)


@dataclass(frozen=True, slots=True)
class Excursion:
    """One trade: its outside id, how it ended, and its worst and best moment before (both >= 0) and result."""

    key: str
    outcome: str
    mae: Decimal
    mfe: Decimal
    result: Decimal


@dataclass(frozen=True, slots=True)
class Excursions(Answer):
    """The closed trades of a filter whose excursions are known.

    Amounts are in `currency`, or in R where `in_r`. `known` of `closed` trades have excursions (and an R); `points`
    are the latest of them. `efficiency` is the mean of result ÷ MFE over winners that had an MFE, `heat` the mean of
    MAE of the winners, `given_back` the mean of MFE of the losers.
    """

    currency: str | None
    in_r: bool
    closed: int
    known: int
    points: tuple[Excursion, ...]
    efficiency: Decimal | None
    efficiency_count: int
    heat: Decimal | None
    given_back: Decimal | None


def excursions(
    user: User, wanted: MetricsFilter | None = None, *, in_r: bool = False, fresh: bool = False
) -> Excursions:
    """How far the closed trades of the filter went either way. Source: docs/metrics.md#excursions"""
    wanted = wanted or MetricsFilter()
    kept = reading.answer(
        "aggregate",
        user,
        parts=["excursions", wanted, in_r],
        build=lambda: _excursions(user, wanted, in_r=in_r),
        fresh=fresh,
        parts_read=day_rows.parts_read(wanted),
    )
    return Excursions(
        as_of=kept["as_of"],
        stale=kept["stale"],
        missing_days=kept["missing_days"],
        currency=kept["currency"],
        in_r=in_r,
        closed=kept["closed"],
        known=kept["known"],
        points=tuple(
            Excursion(key, outcome, *(Decimal(number) for number in numbers))
            for key, outcome, *numbers in kept["points"]
        ),
        efficiency=_number(kept["efficiency"]),
        efficiency_count=kept["efficiency_count"],
        heat=_number(kept["heat"]),
        given_back=_number(kept["given_back"]),
    )


def scaled(answer: Excursions, scale: Scale) -> Excursions:
    """The same in the unit of the scale; trades that have no place there are left out of the points."""
    points = []
    for point in answer.points:
        mae, mfe, result = (scale.shown(amount) for amount in (point.mae, point.mfe, point.result))
        if mae is not None and mfe is not None and result is not None:
            points.append(replace(point, mae=mae, mfe=mfe, result=result))
    return replace(
        answer,
        points=tuple(points),
        heat=scale.shown(answer.heat),
        given_back=scale.shown(answer.given_back),
    )


def _number(kept: str | None) -> Decimal | None:
    return None if kept is None else Decimal(kept)


def _excursions(user: User, wanted: MetricsFilter, *, in_r: bool) -> dict[str, Any]:
    with reading.one_snapshot():
        found = series.conversion_for(user, wanted, series.daily_series(user.pk, wanted))
        source, values = day_rows.closed_trades(user.pk, wanted)
        columns = (
            "t.id, t.public_id::text AS key, t.outcome, t.currency, t.closed_on AS day, t.activity_at, t.mae, t.mfe, "
            f"t.net_pnl, {_RISK} AS risk"
        )
        by = "/ r.risk" if in_r else "* x.rate" if found.rates is not None else ""
        join, rates = found.join() if found.rates is not None and not in_r else ("", [])
        measured = (
            f"SELECT r.id, r.key, r.outcome, r.activity_at, r.mae {by} AS mae, r.mfe {by} AS mfe, "  # noqa: S608
            f"r.net_pnl {by} AS result FROM (SELECT {columns} FROM {source} AND {_MEASURED}) r {join}"
        )
        parameters = [*values, *rates]
        closed = _closed(user.pk, wanted, join, rates)
        ((known, efficiency, efficiency_count, heat, given_back),) = reading.rows(
            f"""SELECT count(mae),
                avg(result / mfe) FILTER (WHERE outcome = 'win' AND mfe > 0),
                count(*) FILTER (WHERE outcome = 'win' AND mfe > 0),
                avg(mae) FILTER (WHERE outcome = 'win'), avg(mfe) FILTER (WHERE outcome = 'loss')
            FROM ({measured}) m""",  # noqa: S608 – our own text
            parameters,
        )
        points = reading.rows(
            "SELECT key, outcome, mae::text, mfe::text, result::text "  # noqa: S608
            f"FROM ({measured}) m WHERE mae IS NOT NULL "
            f"ORDER BY activity_at DESC, id DESC LIMIT {MOST_POINTS}",
            parameters,
        )
    return {
        "currency": found.currency,
        "closed": closed,
        "known": known,
        "points": [list(row) for row in points],
        "efficiency": _kept(efficiency),
        "efficiency_count": efficiency_count,
        "heat": _kept(heat),
        "given_back": _kept(given_back),
    }


def _closed(owner_id: int, wanted: MetricsFilter, join: str, rates: list[Any]) -> int:
    """How many closed trades are asked for: where money is converted, those that have a rate."""
    source, values = day_rows.by_day(owner_id, wanted)
    ((count,),) = reading.rows(
        f"SELECT coalesce(sum(r.trade_count), 0)::bigint FROM (SELECT * FROM {source}) r {join}",  # noqa: S608
        [*values, *rates],
    )
    return int(count)


def _kept(value: Decimal | None) -> str | None:
    return None if value is None else str(value)
