"""What was found, as it is shown: the thing itself, how it ended, and what all of them together came to."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from statistics import median
from typing import Any
from uuid import UUID

from intelligence.decision_stats import FEW
from intelligence.models import Decision, DecisionAction, DecisionOutcome
from intelligence.search import Found, Hit
from journal.metrics import formulas
from journal.metrics.formulas import Interval
from journal.metrics.totals import Totals
from journal.models import Note
from trading.models import Outcome, Trade, TradeSide

_DID: dict[str, Any] = {each.value: each.label for kind in (DecisionAction, TradeSide) for each in kind}


@dataclass(frozen=True, slots=True)
class Ended:
    """How something ended. `result_pct` is a fraction of what was entered."""

    outcome: str
    result_pct: Decimal | None
    result_amount: Decimal | None
    currency: str
    r_multiple: Decimal | None
    holding_seconds: int | None


@dataclass(frozen=True, slots=True)
class Neighbour:
    """One thing found. `added` is nearest_winner or nearest_loser where it is shown for that alone."""

    hit: Hit
    id: UUID
    kind: str
    at: datetime
    symbols: tuple[str, ...]
    action: str
    strategy: str
    actor: str
    title: str
    text: str
    ended: Ended | None
    added: str = ""

    @property
    def did(self) -> Any:
        """The action, or the side of a trade, in words."""
        return words_of_action(self.action)


@dataclass(frozen=True, slots=True)
class Aggregate:
    """What the neighbours that have ended came to. Shares are of `resolved`; `is_few` says that these are too few.

    Source: docs/memory.md#neighbours
    """

    count: int
    resolved: int
    wins: int
    losses: int
    win_rate: Decimal | None
    interval: Interval | None
    mean_r: Decimal | None
    r_count: int
    median_holding_seconds: int | None

    @property
    def is_few(self) -> bool:
        """Whether nothing should be read from it."""
        return self.resolved < FEW


@dataclass(frozen=True, slots=True)
class Shown:
    """The hits with what they are; the nearest winner and loser, which may be among them; and their aggregate."""

    rows: list[Neighbour]
    winner: Neighbour | None
    loser: Neighbour | None
    aggregate: Aggregate

    @property
    def with_added(self) -> list[Neighbour]:
        """The hits, and behind them the nearest winner and loser where these are not among them."""
        there = {row.id for row in self.rows}
        return [*self.rows, *(row for row in (self.winner, self.loser) if row is not None and row.id not in there)]


def words_of_action(action: str) -> Any:
    """An action, or the side of a trade, in the words of every page; any other word as it is."""
    return _DID.get(action, action)


def shown(found: Found) -> Shown:
    """What was found, loaded in one query for each kind of row."""
    special = [hit for hit in (found.winner, found.loser) if hit is not None]
    load = {"decision": _decisions, "note": _notes, "trade": _trades}[found.kind]
    loaded = load([*found.hits, *special])
    # What went between the search and this is not shown.
    rows = [loaded[hit.key] for hit in found.hits if hit.key in loaded]
    return Shown(
        rows=rows,
        winner=_added(loaded, found.winner, "nearest_winner"),
        loser=_added(loaded, found.loser, "nearest_loser"),
        aggregate=aggregate(row.ended for row in rows),
    )


def aggregate(ends: Iterable[Ended | None]) -> Aggregate:
    """What these came to; those that have not ended are counted and nothing else."""
    everything = list(ends)
    resolved = [each for each in everything if each is not None]
    outcomes = [each.outcome for each in resolved]
    wins, losses = outcomes.count(Outcome.WIN), outcomes.count(Outcome.LOSS)
    measured = [each.r_multiple for each in resolved if each.r_multiple is not None]
    held = [each.holding_seconds for each in resolved if each.holding_seconds is not None]
    totals = Totals(trade_count=len(resolved), win_count=wins, loss_count=losses, r_sum=sum(measured, Decimal(0)),
                    r_count=len(measured))  # fmt: skip
    return Aggregate(
        count=len(everything),
        resolved=len(resolved),
        wins=wins,
        losses=losses,
        win_rate=formulas.win_rate(totals),
        interval=formulas.win_rate_interval(totals),
        mean_r=formulas.expectancy_r(totals),
        r_count=len(measured),
        median_holding_seconds=int(median(held)) if held else None,
    )


def ended_of(outcome: DecisionOutcome | None) -> Ended | None:
    """How a decision ended, as neighbours are held against each other."""
    if outcome is None:
        return None
    return Ended(
        outcome=outcome.outcome,
        result_pct=outcome.result_pct,
        result_amount=outcome.result_amount,
        currency=outcome.currency,
        r_multiple=outcome.r_multiple,
        holding_seconds=outcome.holding_seconds,
    )


def _added(loaded: dict[int, Neighbour], hit: Hit | None, added: str) -> Neighbour | None:
    if hit is None or hit.key not in loaded:
        return None
    row = loaded[hit.key]
    values = {name: getattr(row, name) for name in Neighbour.__slots__}
    return Neighbour(**{**values, "added": added})


def _decisions(hits: Sequence[Hit]) -> dict[int, Neighbour]:
    by_key = {hit.key: hit for hit in hits}
    rows = Decision.objects.filter(pk__in=by_key, deleted_at__isnull=True).select_related("outcome")
    return {
        row.pk: Neighbour(
            hit=by_key[row.pk],
            id=row.public_id,
            kind="decision",
            at=row.decided_at,
            symbols=symbols_of(row),
            action=row.action,
            strategy=row.strategy,
            actor=row.actor,
            title="",
            text=row.reasoning,
            ended=ended_of(getattr(row, "outcome", None)),
        )
        for row in rows.prefetch_related("named__instrument")
    }


def symbols_of(decision: Decision) -> tuple[str, ...]:
    """What a decision is about, first of all first; its `named__instrument` are loaded."""
    named = sorted(decision.named.all(), key=lambda each: (each.position, each.pk))
    return tuple(each.instrument.symbol for each in named)


def _notes(hits: Sequence[Hit]) -> dict[int, Neighbour]:
    by_key = {hit.key: hit for hit in hits}
    return {
        row.pk: Neighbour(
            hit=by_key[row.pk],
            id=row.public_id,
            kind="note",
            at=row.created_at,
            symbols=(),
            action="",
            strategy="",
            actor="",
            title=row.title,
            text=row.text,
            ended=None,
        )
        for row in Note.objects.filter(pk__in=by_key, deleted_at__isnull=True)
    }


def _trades(hits: Sequence[Hit]) -> dict[int, Neighbour]:
    by_key = {hit.key: hit for hit in hits}
    return {
        row.pk: Neighbour(
            hit=by_key[row.pk],
            id=row.public_id,
            kind="trade",
            at=row.activity_at,
            symbols=(row.instrument.symbol,),
            action=row.side,
            strategy="",
            actor="",
            title="",
            text=row.note,
            ended=_ended_trade(row),
        )
        for row in Trade.objects.filter(pk__in=by_key).select_related("instrument")
    }


def _ended_trade(trade: Trade) -> Ended | None:
    if trade.outcome is None:
        return None
    basis = trade.entry_price * trade.quantity * trade.multiplier
    held = None
    if trade.opened_at and trade.closed_at and trade.closed_at >= trade.opened_at:
        held = int((trade.closed_at - trade.opened_at).total_seconds())
    return Ended(
        outcome=trade.outcome,
        result_pct=(trade.net_pnl / basis).quantize(Decimal("1e-12")) if basis > 0 else None,
        result_amount=trade.net_pnl,
        currency=trade.currency,
        r_multiple=trade.realized_r,
        holding_seconds=held,
    )
