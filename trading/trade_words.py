"""What people said of many trades at once, given to trades that were just made from their fills."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection

from trading import bulk
from trading.models import Trade
from trading.risk_reward import planned_r, realized_r

_COLUMNS = (
    "id public_id note initial_stop initial_target planned_r realized_r rating reviewed_at mae mfe mae_at mfe_at "
    "excursion_source"
).split()

_GIVEN = """
CREATE TEMP TABLE IF NOT EXISTS given_words (
    id bigint PRIMARY KEY, public_id uuid, note text, initial_stop numeric, initial_target numeric, planned_r numeric,
    realized_r numeric, rating smallint, reviewed_at timestamptz, mae numeric, mfe numeric, mae_at timestamptz,
    mfe_at timestamptz, excursion_source text
) ON COMMIT DROP;
TRUNCATE given_words
"""


@dataclass(frozen=True, slots=True)
class TradeWords:
    """What is said of the trade with the primary key `trade_id`, by which outside id it is known, and its labels."""

    trade_id: int
    public_id: uuid.UUID
    note: str
    initial_stop: Decimal | None
    initial_target: Decimal | None
    rating: int | None
    reviewed_at: datetime | None
    mae: Decimal | None
    mfe: Decimal | None
    mae_at: datetime | None
    mfe_at: datetime | None
    excursion_source: str | None
    tag_ids: Sequence[int] = ()


def give(words: Sequence[TradeWords]) -> None:
    """The trades have these words, ids and labels, and the R that follows from their plans.

    For trades that were made in the same transaction, whose accounts are locked and whose days were told to have
    changed: nobody is told again. The outside ids are free.
    """
    if not words:
        return
    figures = _figures([each.trade_id for each in words if each.initial_stop is not None])
    with connection.cursor() as cursor:
        cursor.execute(_GIVEN)
    bulk.copy_rows("given_words", _COLUMNS, (_row(each, figures.get(each.trade_id)) for each in words))
    assignments = ", ".join(f"{name} = g.{name}" for name in _COLUMNS if name != "id")
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE trading_trade t SET {assignments}, updated_at = now() "  # noqa: S608 – names of this module
            "FROM given_words g WHERE g.id = t.id"
        )
    links = Trade.tags.through
    links.objects.bulk_create(
        [links(trade_id=each.trade_id, tag_id=tag_id) for each in words for tag_id in each.tag_ids],
        ignore_conflicts=True,
        batch_size=5000,
    )


def _figures(ids: Iterable[int]) -> dict[int, tuple[Any, ...]]:
    rows = Trade.objects.filter(pk__in=list(ids)).values_list(
        "pk", "side", "entry_price", "status", "net_pnl", "quantity", "multiplier"
    )
    return {key: tuple(figures) for key, *figures in rows}


def _row(words: TradeWords, figures: tuple[Any, ...] | None) -> list[Any]:
    planned = realized = None
    if words.initial_stop is not None and figures is not None:
        side, entry, status, net_pnl, quantity, multiplier = figures
        is_long = side == "long"
        planned = planned_r(is_long=is_long, entry=entry, stop=words.initial_stop, target=words.initial_target)
        if status == "closed":
            realized = realized_r(
                net_pnl,
                is_long=is_long,
                entry=entry,
                stop=words.initial_stop,
                quantity=quantity,
                multiplier=multiplier,
            )
    return [
        words.trade_id,
        words.public_id,
        words.note,
        words.initial_stop,
        words.initial_target,
        planned,
        realized,
        words.rating,
        words.reviewed_at,
        words.mae,
        words.mfe,
        words.mae_at,
        words.mfe_at,
        words.excursion_source,
    ]
