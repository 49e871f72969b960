"""Fills that close one trade and open the next, divided so that each trade can change without the other."""

import uuid
from collections.abc import Iterable, Sequence
from decimal import Decimal

from trading.models import Execution, ExecutionSource, FillRole, Trade, TradeFill


def ceded(trade: Trade, fills: Sequence[Execution]) -> tuple[list[Execution], list[Execution]]:
    """Corrections, not stored yet, that carry what neighbouring trades have of these fills of the trade.

    First those of the trade before it, then those of the trade after it: in this order around the trade's own fills
    everything of one instant is matched as it was.
    """
    parts = TradeFill.objects.filter(execution__in=fills).exclude(trade=trade).select_related("execution")
    before: list[Execution] = []
    after: list[Execution] = []
    for part in parts:
        is_exit = part.role == FillRole.EXIT
        (before if is_exit else after).append(
            carrying(part.execution, quantity=part.quantity, fees=part.fees, is_exit=is_exit)
        )
    return before, after


def carrying(fill: Execution, *, quantity: Decimal, fees: Decimal, is_exit: bool) -> Execution:
    """A correction, not stored yet, of the fill that is one part of it. What the broker states is of the exit."""
    return Execution(
        owner_id=fill.owner_id,
        account_id=fill.account_id,
        instrument_id=fill.instrument_id,
        side=fill.side,
        quantity=quantity,
        price=fill.price,
        multiplier=fill.multiplier,
        currency=fill.currency,
        fees=fees,
        executed_at=fill.executed_at,
        executed_on=fill.executed_on,
        sort_at=fill.sort_at,
        sequence=fill.sequence,
        identity=uuid.uuid4(),
        broker_fill_id=fill.broker_fill_id,
        order_id=fill.order_id,
        broker_pnl=fill.broker_pnl if is_exit else None,
        source=ExecutionSource.MANUAL,
        corrects=fill,
    )


def handed_over(corrections: Iterable[Execution]) -> None:
    """Trades that the corrected fills opened are opened by these stored corrections, and so keep their rows."""
    for correction in corrections:
        Trade.objects.filter(opening_execution_id=correction.corrects_id).update(opening_execution=correction)
