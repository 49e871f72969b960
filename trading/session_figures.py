"""What was traded in sessions: counted from orders, fills and trades with one query for a whole page of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection

from trading.models import TradingSession
from trading.order_rules.amounts import difference, money, ratio, total
from trading.risk import rates

# A session's end is not part of it, so that the next may begin there; one that is open reaches up to now.
_FIGURES = """
SELECT s.id, o.orders, f.fills, t.currency, t.trades, t.wins, t.losses, t.pnl, t.largest_win, t.largest_loss
FROM trading_tradingsession s
CROSS JOIN LATERAL (
    SELECT count(*) AS orders FROM trading_order r
    WHERE r.account_id = s.account_id AND r.owner_id = s.owner_id
        AND r.created_at >= s.started_at AND r.created_at < coalesce(s.ended_at, %s)
) o
CROSS JOIN LATERAL (
    SELECT count(*) AS fills FROM trading_execution e
    WHERE e.account_id = s.account_id AND e.owner_id = s.owner_id AND e.voided_at IS NULL
        AND e.sort_at >= s.started_at AND e.sort_at < coalesce(s.ended_at, %s)
) f
LEFT JOIN LATERAL (
    SELECT d.currency, count(*) AS trades, count(*) FILTER (WHERE d.outcome = 'win') AS wins,
        count(*) FILTER (WHERE d.outcome = 'loss') AS losses, sum(d.net_pnl) AS pnl,
        max(d.net_pnl) FILTER (WHERE d.outcome = 'win') AS largest_win,
        min(d.net_pnl) FILTER (WHERE d.outcome = 'loss') AS largest_loss
    FROM trading_trade d
    WHERE d.account_id = s.account_id AND d.status = 'closed'
        AND d.activity_at >= s.started_at AND d.activity_at < coalesce(s.ended_at, %s)
    GROUP BY d.currency
) t ON true
WHERE s.id = ANY(%s)
"""


@dataclass(frozen=True, slots=True)
class Figures:
    """What was traded from a session's start to its end. Money is in the session's currency, after costs; it is None
    where a rate of exchange is missing, which `lacks_rate` says, and the largest win and loss also without one.
    """

    orders: int
    fills: int
    trades: int
    wins: int
    losses: int
    pnl: Decimal | None
    win_rate: Decimal | None
    largest_win: Decimal | None
    largest_loss: Decimal | None
    lacks_rate: bool


@dataclass(frozen=True, slots=True)
class ShownSession:
    """A session with its figures; `change` is what its equity moved by, None while it is open or not known."""

    session: TradingSession
    figures: Figures
    change: Decimal | None


def shown(sessions: Sequence[TradingSession], *, now: datetime) -> list[ShownSession]:
    """The sessions in their order, each with what was traded in it: one query, and one for rates if any are needed."""
    rows: dict[int, list[tuple[Any, ...]]] = {each.pk: [] for each in sessions}
    with connection.cursor() as cursor:
        cursor.execute(_FIGURES, [now, now, now, list(rows)])
        for pk, *row in cursor.fetchall():
            rows[pk].append(tuple(row))
    currencies = {each.currency for each in sessions}
    currencies |= {row[2] for found in rows.values() for row in found if row[2]}
    known = rates.latest(currencies, now.date()) if _is_mixed(sessions, rows) else rates.Rates({})
    return [ShownSession(each, _figures(rows[each.pk], each.currency, known), _change(each)) for each in sessions]


def _is_mixed(sessions: Iterable[TradingSession], rows: dict[int, list[tuple[Any, ...]]]) -> bool:
    return any(row[2] not in (None, each.currency) for each in sessions for row in rows[each.pk])


def _figures(rows: list[tuple[Any, ...]], currency: str, known: rates.Rates) -> Figures:
    orders, fills = rows[0][:2]
    traded = [row[2:] for row in rows if row[2] is not None]

    def amounts(place: int) -> list[Decimal | None]:
        return [known.convert(row[place], row[0], currency) for row in traded if row[place] is not None]

    def every(place: int) -> list[Decimal] | None:
        found = amounts(place)
        sure = [each for each in found if each is not None]
        return sure if len(sure) == len(found) else None

    pnl, wins_of, losses_of = every(4), every(5), every(6)
    trades, wins, losses = (sum(row[place] for row in traded) for place in (1, 2, 3))
    return Figures(
        orders=orders,
        fills=fills,
        trades=trades,
        wins=wins,
        losses=losses,
        pnl=None if pnl is None else money(total(pnl)),
        win_rate=ratio(Decimal(wins), Decimal(trades)) if trades else None,
        largest_win=money(max(wins_of)) if wins_of else None,
        largest_loss=money(min(losses_of)) if losses_of else None,
        lacks_rate=pnl is None,
    )


def _change(session: TradingSession) -> Decimal | None:
    if session.starting_equity is None or session.ending_equity is None:
        return None
    return difference(session.ending_equity, session.starting_equity)
