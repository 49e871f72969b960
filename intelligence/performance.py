"""The stored figures of copied wallets: asked for at every close, computed by a worker, whole, and read by everybody.

A close raises the request of its wallet in its own transaction. A refresh reads the request before the copies and
writes it with the figures: what closes meanwhile leaves the wallet behind, and it is computed anew. One that fails
leaves the figures of before, with what went wrong. No breaker reads any of this: it is as old as `calculated_at`.

Source: docs/copying.md#performance
"""

import dataclasses
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, F, Q
from django.db.models.functions import Greatest

from accounts import versions
from intelligence.models import CopiedPosition, PerformanceRefresh, Signal, Wallet, WalletMode, WalletPerformance
from intelligence.wallet_performance import Baseline, ClosedCopy, Figures, Window, figures, flags, in_window

#: After a failure a wallet is left alone for so long.
BACK_OFF = timedelta(hours=1)

_REQUEST = """
INSERT INTO intelligence_performancerefresh (wallet_id, requested_version, computed_version, error)
VALUES (%s, 1, 0, '')
ON CONFLICT (wallet_id) DO UPDATE SET requested_version = intelligence_performancerefresh.requested_version + 1
"""

# What each closed copy made: its exits' fills against its entry, after the costs of all its orders. What left otherwise
# than by its exits made whatever that made.
_CLOSED = """
SELECT c.mode, m.closed_at, m.entry_price, m.multiplier, e.worth, e.units, o.fee_amount + e.fees,
       (m.plan_snapshot->>'stop_loss')::numeric
FROM intelligence_copiedposition c
JOIN trading_managedposition m ON m.id = c.managed_position_id
JOIN trading_order o ON o.id = c.order_id
JOIN LATERAL (
    SELECT sum(x.filled_quantity * x.filled_price) AS worth, sum(x.filled_quantity) AS units,
           coalesce(sum(xo.fee_amount), 0) AS fees
    FROM trading_planexit x LEFT JOIN trading_order xo ON xo.id = x.order_id
    WHERE x.managed_position_id = m.id AND x.filled_quantity > 0
) e ON e.units > 0
WHERE c.wallet_id = %s AND m.closed_at IS NOT NULL
ORDER BY m.closed_at, m.id
"""
_MONEY, _RATIO = Decimal("1e-8"), Decimal("1e-12")
_WRITTEN = [
    *(field.name for field in dataclasses.fields(Figures)), "signals", "opened", "flags", "calculated_at",
]  # fmt: skip


def request(wallet_id: int) -> None:
    """The figures of the wallet are behind, from the end of this transaction on."""
    with connection.cursor() as cursor:
        cursor.execute(_REQUEST, [wallet_id])


def behind(*, at: datetime) -> list[int]:
    """Wallets whose figures are behind, but for those that failed within the hour."""
    rows = PerformanceRefresh.objects.filter(computed_version__lt=F("requested_version"))
    rows = rows.filter(Q(failed_at__isnull=True) | Q(failed_at__lte=at - BACK_OFF))
    return list(rows.order_by("wallet").values_list("wallet_id", flat=True))


def refresh(wallet_id: int, *, at: datetime) -> bool:
    """The wallet's figures are those of this time, in every mode and window; whether this call wrote them.

    One that read an older request than what is stored, or an earlier time, writes nothing.
    """
    wallet = Wallet.objects.filter(pk=wallet_id).first()
    if wallet is None:
        return False
    PerformanceRefresh.objects.bulk_create([PerformanceRefresh(wallet=wallet)], ignore_conflicts=True)
    version = PerformanceRefresh.objects.values_list("requested_version", flat=True).get(pk=wallet_id)
    rows = _rows(wallet, at=at)
    with transaction.atomic():
        stale = PerformanceRefresh.objects.filter(pk=wallet_id, computed_version__lte=version)
        stale = stale.filter(Q(refreshed_at__isnull=True) | Q(refreshed_at__lte=at))
        won = stale.update(computed_version=version, refreshed_at=at, failed_at=None, error="")
        if not won:
            return False
        WalletPerformance.objects.bulk_create(
            rows, update_conflicts=True, unique_fields=["wallet", "mode", "window"], update_fields=_WRITTEN
        )
        versions.bump(wallet.owner_id)
    return True


def failed(wallet_id: int, error: Exception, *, at: datetime) -> None:
    """The figures could not be computed: those of before stay, and the wallet is tried again in an hour."""
    words = f"{type(error).__name__}: {error}"[:500]
    # However often it fails, it stays behind until it has worked.
    PerformanceRefresh.objects.filter(pk=wallet_id).update(
        failed_at=at, error=words, requested_version=Greatest("requested_version", F("computed_version") + 1)
    )


def _rows(wallet: Wallet, *, at: datetime) -> list[WalletPerformance]:
    closed = _closed(wallet)
    signals, opened = _signals(wallet, at=at), _opened(wallet, at=at)
    before = Baseline(wallet.baseline_win_rate, wallet.baseline_average_pnl, wallet.baseline_trades)
    rows = []
    for mode in WalletMode:
        for window in Window:
            found = figures(in_window(closed[mode], window, at=at))
            raised = flags(found, before, signals_of_a_day=signals[Window.DAY])
            rows.append(
                WalletPerformance(
                    owner_id=wallet.owner_id,
                    wallet=wallet,
                    mode=mode,
                    window=window.value,
                    signals=signals[window],
                    opened=opened[mode, window],
                    flags=[flag.value for flag in raised],
                    calculated_at=at,
                    **dataclasses.asdict(found),
                )
            )
    return rows


def _closed(wallet: Wallet) -> dict[str, Sequence[ClosedCopy]]:
    with connection.cursor() as cursor:
        cursor.execute(_CLOSED, [wallet.pk])
        found: list[tuple[Any, ...]] = cursor.fetchall()
    closed: dict[str, list[ClosedCopy]] = {mode: [] for mode in WalletMode.values}
    for mode, closed_at, entry_price, multiplier, worth, units, fees, stop_loss in found:
        cost = entry_price * units * multiplier
        pnl = worth * multiplier - cost - fees
        made = (pnl / cost).quantize(_RATIO)
        closed[mode].append(
            ClosedCopy(pnl.quantize(_MONEY), made, closed_at, (pnl / cost / stop_loss).quantize(_RATIO))
        )
    return {**closed}


def _signals(wallet: Wallet, *, at: datetime) -> dict[Window, int]:
    rows = Signal.objects.filter(wallet=wallet, received_at__lte=at)
    counts = rows.aggregate(**{window.name: Count("pk", filter=_since("received_at", window, at)) for window in Window})
    return {window: counts[window.name] for window in Window}


def _opened(wallet: Wallet, *, at: datetime) -> dict[tuple[str, Window], int]:
    moment = "managed_position__entered_at"
    rows = CopiedPosition.objects.filter(wallet=wallet, managed_position__entry_quantity__gt=0)
    rows = rows.filter(**{f"{moment}__lte": at})
    counted = (
        rows.order_by()
        .values("mode")
        .annotate(**{window.name: Count("pk", filter=_since(moment, window, at)) for window in Window})
    )
    found = {row["mode"]: row for row in counted}
    return {(mode, window): found.get(mode, {}).get(window.name, 0) for mode in WalletMode.values for window in Window}


def _since(field: str, window: Window, at: datetime) -> Q:
    begins = window.begins(at)
    return Q(pk__isnull=False) if begins is None else Q(**{f"{field}__gt": begins})


def all_wallets() -> Iterable[int]:
    """Every wallet there is, the paused and archived too: a window that slides would be wrong for ever."""
    return Wallet.objects.order_by("pk").values_list("pk", flat=True)
