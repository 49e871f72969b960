"""Answers that take trades apart: by account, by day of the calendar, by any of their properties."""

from collections import defaultdict
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext as _

from accounts.decimals import plain
from accounts.errors import InvalidValue
from accounts.models import User
from journal import chosen_trades, day_rows, dimensions, facets, reading, series, spread_rows
from journal.dimensions import NONE, Dimension
from journal.figures import (
    Breakdown,
    BreakdownRow,
    Calendar,
    CalendarDay,
    ComparedAccount,
    Comparison,
    Figures,
    TradeStreaks,
)
from journal.filters import MetricsFilter
from journal.metrics import formulas
from journal.metrics.rollups import COLUMNS
from journal.metrics.totals import Streaks

MOST_COMPARED = 100

#: What trades can be grouped by.
PROPERTIES = dimensions.NAMES


def breakdown(user: User, wanted: MetricsFilter | None = None, *, by: str, fresh: bool = False) -> Breakdown:
    """The trades grouped by one of `PROPERTIES`; money in the currency of `aggregate_metrics`.

    They are sorted as `Dimension.place_of` has them. A trade with several tags counts in each of them, so tags alone do
    not add up to the total.
    Raises InvalidValue for another property.
    """
    if by not in PROPERTIES:
        raise InvalidValue(
            _("by is one of %(names)s.") % {"names": ", ".join(PROPERTIES)}, pointer="?by", code="invalid_choice"
        )
    wanted = wanted or MetricsFilter()
    kept = reading.answer(
        "aggregate",
        user,
        parts=["breakdown", wanted, by],
        build=lambda: _breakdown(user, wanted, by),
        fresh=fresh,
        parts_read=day_rows.parts_read(wanted, dimensions.BY_NAME[by]),
    )
    return Breakdown(
        as_of=kept["as_of"],
        stale=kept["stale"],
        missing_days=kept["missing_days"],
        by=by,
        currency=kept["currency"],
        row_count=len(kept["rows"]),
        make_rows=lambda: _rows(dimensions.BY_NAME[by], kept),
        unconverted=series.unconverted_of(kept["unconverted"]),
    )


def _rows(by: Dimension, kept: dict[str, Any]) -> tuple[BreakdownRow, ...]:
    """The rows in their order and with the words of the person's language: what is kept has neither."""
    rows = [
        BreakdownRow(key, _label(by, key, kept["names"]), kept["currency"], sums, counts)
        for key, sums, counts in kept["rows"]
    ]
    if by.name in _NAMES_OF:
        rows.sort(key=lambda row: (row.key == NONE, row.label.casefold(), row.key))
    else:
        rows.sort(key=lambda row: by.place_of(row.key))
    return tuple(rows)


def _label(by: Dimension, key: str, names: dict[str, str]) -> str:
    if by.name == "rule" and key != NONE:
        rule, _, verdict = key.partition(":")
        return f"{names.get(rule, rule)} · {gettext('kept') if verdict == 'kept' else gettext('broken')}"
    return names.get(key) or by.label_of(key)


def calendar(user: User, wanted: MetricsFilter | None = None, *, fresh: bool = False) -> Calendar:
    """Every trading day of the filter's range with what it made; the sums are those of `aggregate_metrics`."""
    wanted = wanted or MetricsFilter()
    kept = reading.answer(
        "aggregate",
        user,
        parts=["calendar", wanted],
        build=lambda: _calendar(user, wanted),
        fresh=fresh,
        parts_read=day_rows.parts_read(wanted),
    )
    days = tuple(CalendarDay(date.fromisoformat(day), Decimal(pnl), *counts) for day, pnl, *counts in kept["days"])
    return Calendar(
        as_of=kept["as_of"],
        stale=kept["stale"],
        missing_days=kept["missing_days"],
        currency=kept["currency"],
        days=days,
        net_pnl=sum((day.pnl for day in days), Decimal(0)),
        trade_count=sum(day.trade_count for day in days),
        unconverted=series.unconverted_of(kept["unconverted"]),
        in_r={date.fromisoformat(day): Decimal(r) for day, r in kept["in_r"]},
    )


def comparison(user: User, wanted: MetricsFilter, *, fresh: bool = False) -> Comparison:
    """The accounts that the filter chooses side by side, by name, each in the currency that it traded in.

    An account that traded in several is shown once for each. Raises InvalidValue for more than 100 accounts.
    """
    if wanted.accounts is not None and len(wanted.accounts) > MOST_COMPARED:
        raise InvalidValue(_("At most %(most)s accounts are compared.") % {"most": MOST_COMPARED}, pointer="?account")
    kept = reading.answer(
        "aggregate",
        user,
        parts=["comparison", wanted],
        build=lambda: _comparison(user.pk, wanted),
        fresh=fresh,
    )
    return Comparison(
        as_of=kept["as_of"],
        stale=kept["stale"],
        missing_days=kept["missing_days"],
        accounts=tuple(
            ComparedAccount(
                id=key,
                name=name,
                broker=broker,
                figures=Figures.of(figures),
                max_drawdown=series.drawdown_of(drawdown),
                first_day=first and date.fromisoformat(first),
                last_day=last and date.fromisoformat(last),
            )
            for key, name, broker, figures, drawdown, first, last in kept["accounts"]
        ),
    )


def trade_streaks(user: User, wanted: MetricsFilter | None = None, *, fresh: bool = False) -> TradeStreaks:
    """The runs of winning and of losing trades in closing order; a breakeven trade ends either.

    They do not follow from the sums of accounts, because two accounts of one day are not one after the other: the
    runs of all of them together are kept by day.
    Source: docs/metrics.md#streaks
    """
    wanted = wanted or MetricsFilter()
    kept = reading.answer(
        "aggregate",
        user,
        parts=["streaks", wanted],
        build=lambda: _trade_streaks(user.pk, wanted),
        fresh=fresh,
        parts_read=(facets.OF_FIGURES,),
    )
    return TradeStreaks(
        as_of=kept["as_of"],
        stale=kept["stale"],
        missing_days=kept["missing_days"],
        streaks=Streaks(**kept["streaks"]),
    )


def _trade_streaks(owner_id: int, wanted: MetricsFilter) -> dict[str, Any]:
    found = spread_rows.runs(owner_id, wanted)
    runs, (kind, leading) = found.runs, found.first or ("", 0)
    current, length = (runs.current.kind, runs.current.length) if runs.current else ("", 0)
    return {
        "streaks": {
            "trade_count": found.count,
            "longest_wins": max(runs.wins, default=0),
            "longest_losses": max(runs.losses, default=0),
            "leading_wins": leading if kind == "w" else 0,
            "leading_losses": leading if kind == "l" else 0,
            "trailing_wins": length if current == "w" else 0,
            "trailing_losses": length if current == "l" else 0,
        }
    }


def _breakdown(user: User, wanted: MetricsFilter, by: str) -> dict[str, Any]:
    dimension = dimensions.BY_NAME[by]
    with reading.one_snapshot():
        found = series.conversion_for(user, wanted, series.daily_series(user.pk, wanted))
        is_converted = found.rates is not None
        source, values, key, joins = day_rows.grouped(user.pk, wanted, by=dimension, needs_days=is_converted)
        join, rates = found.join() if is_converted else ("", [])
        grouped = f"FROM (SELECT * FROM {source}) r {join} {joins} GROUP BY 1"  # noqa: S608
        sums = day_rows.sums(at_rates=is_converted)
        rows = {
            group: amounts
            for group, *amounts in reading.rows(f"SELECT {key} AS group_key, {sums} {grouped}", [*values, *rates])
        }
        counts = _counts(source, values, key, joins) if found.unconverted else {}
        names: dict[str, str] = dict(reading.rows(_NAMES_OF[by], [user.pk])) if by in _NAMES_OF else {}
    groups = [*rows, *(group for group in counts if group not in rows)]
    kept = {group.partition(":")[0] for group in groups}
    return {
        "currency": found.currency,
        "rows": [[group, rows.get(group, _NOTHING), counts.get(group)] for group in groups],
        "names": {key: name for key, name in names.items() if key in kept},
        "unconverted": series.kept_unconverted(found),
    }


_NOTHING = [None] * len(COLUMNS)


def _counts(source: str, values: list[Any], key: str, joins: str) -> dict[str, list[Any]]:
    """By group, the sums of all trades, of which those without money mean something: some have no rate."""
    found = reading.rows(
        f"SELECT {key} AS group_key, {day_rows.sums()} FROM (SELECT * FROM {source}) r {joins} GROUP BY 1",  # noqa: S608
        values,
    )
    return {group: sums for group, *sums in found}


#: Keys that are no words, and what people call them.
_NAMES_OF = {
    "account": "SELECT public_id::text, name FROM accounts_account WHERE owner_id = %s",
    "rule": """
        SELECT DISTINCT ON (rule.key) rule.key::text, rule.text
        FROM journal_playbook book JOIN journal_playbookversion edition ON edition.playbook_id = book.id
        JOIN journal_playbookrule rule ON rule.version_id = edition.id
        WHERE book.owner_id = %s ORDER BY rule.key, edition.number DESC
    """,
}


def _calendar(user: User, wanted: MetricsFilter) -> dict[str, Any]:
    source, values = day_rows.by_day(user.pk, wanted)
    counts = "sum(r.trade_count)::bigint, sum(r.win_count)::bigint, sum(r.loss_count)::bigint, sum(r.r_count)::bigint"
    rows = reading.rows(
        f"SELECT r.currency, r.day, sum(r.net_pnl), sum(r.r_sum), {counts} FROM {source} "  # noqa: S608
        "GROUP BY r.currency, r.day ORDER BY r.currency, r.day",
        values,
    )
    found = series.conversion_for(user, wanted, [row[:3] for row in rows])
    counted: dict[date, list[int]] = {}
    in_r: defaultdict[date, Decimal] = defaultdict(Decimal)
    for _key, day, _currency, r_sum, *numbers, r_count in rows:
        before = counted.setdefault(day, [0, 0, 0])
        counted[day] = [old + new for old, new in zip(before, numbers, strict=True)]
        if r_count:
            in_r[day] += r_sum
    money = dict(found.days([row[:3] for row in rows]))
    return {
        "currency": found.currency,
        "days": [[day.isoformat(), plain(money.get(day, Decimal(0))), *counted[day]] for day in sorted(counted)],
        "in_r": [[day.isoformat(), plain(r)] for day, r in in_r.items()],
        "unconverted": series.kept_unconverted(found),
    }


def _comparison(owner_id: int, wanted: MetricsFilter) -> dict[str, Any]:
    source, values = day_rows.by_account_and_day(owner_id, wanted)
    where, account_values = chosen_trades.accounts_where(owner_id, wanted)
    with reading.one_snapshot():
        accounts = reading.rows(
            "SELECT a.id, a.public_id::text, a.name, a.broker, a.currency, a.initial_balance "  # noqa: S608
            f"FROM accounts_account a WHERE {where} ORDER BY a.name, a.id LIMIT {MOST_COMPARED + 1}",
            account_values,
        )
        if len(accounts) > MOST_COMPARED:
            raise InvalidValue(
                _("At most %(most)s accounts are compared.") % {"most": MOST_COMPARED}, pointer="?account"
            )
        sums = reading.rows(
            f"SELECT r.account_id, r.currency, {day_rows.sums()} FROM {source} "  # noqa: S608
            "GROUP BY r.account_id, r.currency ORDER BY 1, 2",
            values,
        )
        days = reading.rows(
            f"SELECT r.account_id, r.currency, r.day, sum(r.net_pnl) FROM {source} "  # noqa: S608
            "GROUP BY r.account_id, r.currency, r.day ORDER BY 1, 2, 3",
            values,
        )
    by_day: dict[tuple[int, str], list[tuple[date, Decimal]]] = {}
    for account_id, currency, day, net_pnl in days:
        by_day.setdefault((account_id, currency), []).append((day, net_pnl))
    totals: dict[int, list[list[Any]]] = {}
    for account_id, *figures in sums:
        totals.setdefault(account_id, []).append(figures)
    kept = []
    for pk, *head, own, balance in accounts:
        for figures in totals.get(pk) or [[own, *[None] * len(COLUMNS)]]:
            daily = by_day.get((pk, figures[0]), [])
            # A starting balance stands before the first day only, and in its own currency.
            starting = balance if wanted.start is None and figures[0] == own else None
            drawdown = series.kept_drawdown(formulas.max_drawdown(daily, starting))
            ends = [daily[end][0].isoformat() if daily else None for end in (0, -1)]
            kept.append([*head, figures, drawdown, *ends])
    return {"accounts": kept}
