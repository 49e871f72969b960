"""Figures of copied wallets as pages and the API show them: ranked, from stored rows alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import F, QuerySet
from django.utils.translation import gettext_lazy

from accounts.models import User
from intelligence.models import PerformanceRefresh, Wallet, WalletPerformance
from intelligence.wallet_performance import SAMPLE, Flag

#: By what may be ranked, and in which column.
ORDERS = {
    "total_pnl": "total_pnl",
    "win_rate": "win_rate",
    "average": "average_pnl_fraction",
    "profit_ratio": "profit_ratio",
    "expectancy": "expectancy",
}
FLAGS: dict[str, Any] = {
    Flag.WIN_RATE.value: gettext_lazy("Wins far less often than before"),
    Flag.AVERAGE_PNL.value: gettext_lazy("Makes less than half of what it made before"),
    Flag.LOSING_STREAK.value: gettext_lazy("Losing streak"),
    Flag.STRUCTURAL_LOSSES.value: gettext_lazy("Fifteen losses in a row"),
    Flag.LUCKY.value: gettext_lazy("One trade made it all"),
    Flag.BOT.value: gettext_lazy("More than a hundred signals a day"),
}
#: A wallet of which less is copied than this is mostly filtered out.
LOW_COPY_RATE = Decimal("0.20")
_STEP = Decimal("1e-12")


@dataclass(frozen=True, slots=True)
class Ranked:
    """A wallet's figures. `rank` is its place among those with enough positions, None without; `copy_rate` the copies
    that were opened by the signals of the window, None without a signal.
    """

    row: WalletPerformance
    wallet: Wallet
    rank: int | None
    copy_rate: Decimal | None
    flags: Sequence[str]

    @property
    def is_mostly_filtered(self) -> bool:
        return self.copy_rate is not None and self.copy_rate < LOW_COPY_RATE


def rows_of(user: User, *, mode: str, window: str, order: str = "total_pnl") -> QuerySet[WalletPerformance]:
    """The figures of the person's wallets that are not archived, the best first, those without the figure last."""
    rows = WalletPerformance.objects.for_user(user).filter(
        mode=mode, window=window, wallet__archived_at__isnull=True
    )  # fmt: skip
    return rows.select_related("wallet").order_by(F(ORDERS[order]).desc(nulls_last=True), "-positions", "id")


def ranked(rows: Sequence[WalletPerformance]) -> list[Ranked]:
    """The rows, all of one list in its order; only those with enough positions have a place."""
    found, place = [], 0
    for row in rows:
        counts = row.positions >= SAMPLE
        place += counts
        rate = (Decimal(row.opened) / row.signals).quantize(_STEP) if row.signals else None
        words = [str(FLAGS.get(flag, flag)) for flag in row.flags]
        found.append(Ranked(row, row.wallet, place if counts else None, rate, words))
    return found


@dataclass(frozen=True, slots=True)
class Freshness:
    """How old the figures of a person's wallets are: the oldest and newest computation, how many wallets are behind a
    close, and how many could not be computed.
    """

    oldest: datetime | None
    newest: datetime | None
    behind: int
    failed: int


def freshness(user: User) -> Freshness:
    """How old what the person is shown is."""
    rows = PerformanceRefresh.objects.filter(wallet__owner=user, wallet__archived_at__isnull=True)
    found = list(rows.values_list("refreshed_at", "failed_at", "requested_version", "computed_version"))
    times = [at for at, _failed, _asked, _done in found if at is not None]
    return Freshness(
        oldest=min(times, default=None),
        newest=max(times, default=None),
        behind=sum(done < asked for _at, _failed, asked, done in found),
        failed=sum(failed is not None for _at, failed, _asked, _done in found),
    )
