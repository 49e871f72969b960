"""Where the results of closed trades in their order, and their runs, come from: what is kept of days, or the trades.

What a filter asks of trades or accounts is looked up in the trades, and so are days that are behind, and days on which
the trades of several accounts closed before those of the day before: a day is that of each account.
"""

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Context, Decimal
from functools import reduce
from sys import byteorder

import orjson

from journal import chosen_trades, day_rows, facets, reading
from journal.day_results import LETTERS, NET_PLACES, R_PLACES, RESULT_COLUMNS, RESULTS, WIDTH
from journal.filters import MetricsFilter
from journal.metrics import spreads
from journal.metrics.spreads import Joined, RunsOfStretch, Spread, Stretch

Rates = Mapping[tuple[str, date], Decimal]

_WIDE = Context(prec=100)
#: Digits after the point of a rate of exchange.
_RATE_PLACES = 12


@dataclass(frozen=True, slots=True)
class Results:
    """Results of one kind: all of them in order, their sum and the sum of their squares."""

    spread: Spread
    total: Decimal
    squares: Decimal


@dataclass(frozen=True, slots=True)
class _Day:
    """What closed on one day in one currency."""

    currency: str
    day: date
    count: int
    total: Decimal
    squares: Decimal
    results: Sequence[int]


def results(owner_id: int, wanted: MetricsFilter, *, rates: Rates | None) -> tuple[Results, Results]:
    """Net P&L and R of the closed trades that the filter lets through.

    With rates, the P&L is at that of its day, and what has none is left out.
    """
    source, values = _results_source(owner_id, wanted)
    names = ", ".join(RESULT_COLUMNS)
    rows = reading.packed_rows(f"SELECT r.currency, r.day, {names} FROM {source}", values)  # noqa: S608 – our own text
    wide = {row[:2] for row in rows if len(row[5]) != WIDTH * row[2] or len(row[9]) != WIDTH * row[6]}
    lists = _lists(owner_id, wanted, days={day for _, day in wide}) if wide else {}
    net, multiples = [], []
    for currency, day, n, total, squares, packed, r_n, r_total, r_squares, r_packed in rows:
        nets, rs = lists[currency, day] if (currency, day) in wide else (_unpacked(packed), _unpacked(r_packed))
        net.append(_Day(currency, day, n, total, squares, nets))
        multiples.append(_Day(currency, day, r_n, r_total, r_squares, rs))
    if rates is not None:
        net = [each for each in net if (each.currency, each.day) in rates]
    return _together(net, rates, places=NET_PLACES), _together(multiples, None, places=R_PLACES)


def spread_of(amounts: Iterable[Decimal], *, places: int) -> Spread:
    """The spread of amounts with at most so many digits after the point."""
    whole = sorted(int(_WIDE.scaleb(amount, places)) for amount in amounts)
    return Spread([Stretch(whole, 1)], places=places)


def runs(owner_id: int, wanted: MetricsFilter) -> Joined:
    """The runs of wins and losses of the closed trades that the filter lets through, in closing order."""
    if wanted.is_by_trade or wanted.is_by_account or wanted.currency is not None:
        source, values = day_rows.closed_trades(owner_id, wanted)
        ((letters,),) = reading.rows(f"SELECT {LETTERS} FROM {source}", values)  # noqa: S608
        return spreads.joined([RunsOfStretch.of(letters)] if letters else [])
    within, values = chosen_trades.days_where("s.day", wanted)
    stale = facets.stale_days(owner_id)
    days = [
        (day, first, last, RunsOfStretch.from_json(orjson.loads(kept)))
        for day, first, last, kept in reading.rows(
            f"SELECT s.day, {_moment('s.first_at')}, {_moment('s.last_at')}, s.runs::text FROM journal_runday s "  # noqa: S608
            f"WHERE s.owner_id = %s AND {within} AND s.day <> ALL(%s::date[])",
            [owner_id, *values, stale],
        )
    ]
    if stale:
        source, values = day_rows.closed_trades(owner_id, wanted)
        days += [
            (day, first, last, RunsOfStretch.of(letters))
            for day, first, last, letters in reading.rows(
                f"SELECT t.closed_on, {_moment('min(t.activity_at)')}, {_moment('max(t.activity_at)')}, {LETTERS} "  # noqa: S608
                f"FROM {source} "
                "AND t.closed_on = ANY(%s::date[]) GROUP BY 1",
                [*values, stale],
            )
        ]
    return spreads.joined(_in_order(owner_id, wanted, sorted(days, key=lambda each: each[0])))


#: A day, when the first and the last of its trades closed, in microseconds since 1970, and its runs.
_Stretch = tuple[date, int, int, RunsOfStretch]


def _moment(column: str) -> str:
    return f"(extract(epoch FROM {column}) * 1000000)::bigint"


def _in_order(owner_id: int, wanted: MetricsFilter, days: list[_Stretch]) -> list[RunsOfStretch]:
    """The runs of days one after the other; days into each other are one stretch, in the order of its trades."""
    groups: list[list[_Stretch]] = []
    until: int | None = None
    for each in days:
        if until is not None and each[1] <= until:
            groups[-1].append(each)
            until = max(until, each[2])
        else:
            groups.append([each])
            until = each[2]
    mixed = {each[0]: place for place, group in enumerate(groups) if len(group) > 1 for each in group}
    letters: dict[int, str] = {}
    if mixed:
        source, values = day_rows.closed_trades(owner_id, wanted)
        letters = dict(
            reading.rows(
                f"SELECT g.place, {LETTERS} FROM unnest(%s::date[], %s::int[]) AS g (day, place), {source} "  # noqa: S608
                "AND t.closed_on = g.day GROUP BY 1",
                [list(mixed), list(mixed.values()), *values],
            )
        )
    return [RunsOfStretch.of(letters[place]) if len(group) > 1 else group[0][3] for place, group in enumerate(groups)]


def _results_source(owner_id: int, wanted: MetricsFilter) -> chosen_trades.Sql:
    closed, closed_values = day_rows.closed_trades(owner_id, wanted)
    of_trades = f"SELECT t.currency, t.closed_on AS day, {RESULTS} FROM {closed}"  # noqa: S608
    if wanted.is_by_trade or wanted.is_by_account:
        return f"({of_trades} GROUP BY 1, 2) r", closed_values
    within, values = chosen_trades.days_where("s.day", wanted)
    condition = f"s.owner_id = %s AND {within}"
    values = [owner_id, *values]
    if wanted.currency is not None:
        condition += " AND s.currency = %s"
        values.append(wanted.currency)
    stored = f"SELECT s.* FROM journal_resultday s WHERE {condition}"  # noqa: S608
    stale = facets.stale_days(owner_id)
    if not stale:
        return f"({stored}) r", values
    names = ", ".join(("currency", "day", *RESULT_COLUMNS))
    stored = f"SELECT {names} FROM journal_resultday s WHERE {condition} AND s.day <> ALL(%s::date[])"  # noqa: S608
    return (
        f"({stored} UNION ALL {of_trades} AND t.closed_on = ANY(%s::date[]) GROUP BY 1, 2) r",
        [*values, stale, *closed_values, stale],
    )


def _lists(
    owner_id: int, wanted: MetricsFilter, *, days: set[date]
) -> dict[tuple[str, date], tuple[list[int], list[int]]]:
    """Results of days some of which do not fit into what is kept."""
    source, values = day_rows.closed_trades(owner_id, wanted)
    rows = reading.rows(
        f"""SELECT t.currency, t.closed_on, array_agg(t.net_pnl ORDER BY t.net_pnl),
            array_agg(t.realized_r ORDER BY t.realized_r) FILTER (WHERE t.realized_r IS NOT NULL)
        FROM {source} AND t.closed_on = ANY(%s::date[]) GROUP BY 1, 2""",  # noqa: S608 – our own text
        [*values, sorted(days)],
    )
    return {
        (currency, day): (
            [int(_WIDE.scaleb(amount, NET_PLACES)) for amount in nets],
            [int(_WIDE.scaleb(amount, R_PLACES)) for amount in multiples or ()],
        )
        for currency, day, nets, multiples in rows
    }


def _unpacked(packed: bytes) -> "array[int]":
    found = array("q")
    found.frombytes(bytes(packed))
    if byteorder == "little":
        found.byteswap()
    return found


def _together(days: list[_Day], rates: Rates | None, *, places: int) -> Results:
    if rates is None:
        return Results(
            Spread([Stretch(each.results, 1) for each in days], places=places),
            reduce(_WIDE.add, (each.total for each in days), Decimal(0)),
            reduce(_WIDE.add, (each.squares for each in days), Decimal(0)),
        )
    total = squares = Decimal(0)
    stretches = []
    for each in days:
        rate = rates[each.currency, each.day]
        total = _WIDE.add(total, _WIDE.multiply(each.total, rate))
        squares = _WIDE.add(squares, _WIDE.multiply(each.squares, _WIDE.multiply(rate, rate)))
        factor = int(_WIDE.scaleb(rate, _RATE_PLACES))
        # A currency worth less than the last digit of a rate is worth nothing.
        stretches.append(Stretch(each.results, factor) if factor else Stretch([0] * each.count, 1))
    return Results(Spread(stretches, places=places + _RATE_PLACES), total, squares)
