"""Wallets as lists and pages show them: each with what is to be said of it now."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Q, QuerySet

from accounts.errors import InvalidValue
from accounts.models import User
from intelligence.models import Signal, SyncStatus, Wallet, WalletHealth, WalletMode, WebhookRegistration
from trading import risk

STATUSES = ("active", "paused", "archived")
_BAD = frozenset({WalletHealth.FAILED, WalletHealth.UNSYNCED})
_WARN = frozenset({WalletHealth.SILENT, WalletHealth.WAITING})


@dataclass(frozen=True, slots=True)
class ShownWallet:
    """A wallet, its health now, and how many signals it gave of late."""

    wallet: Wallet
    health: WalletHealth
    signals_day: int
    signals_month: int

    @property
    def chip(self) -> str:
        """The colour of its health."""
        if self.health in _BAD:
            return "chip-bad"
        if self.health in _WARN:
            return "chip-warn"
        return "chip-good" if self.health == WalletHealth.FINE else ""


def chosen(person: User, asked: Mapping[str, str]) -> QuerySet[Wallet]:
    """The person's wallets that the filters let through; the archived only where they are asked for."""
    rows = Wallet.objects.for_user(person).select_related("exit_strategy", "simulation_account", "live_account")
    status, mode, sync = asked.get("status", ""), asked.get("mode", ""), asked.get("sync_status", "")
    _check("status", status, STATUSES)
    _check("mode", mode, WalletMode.values)
    _check("sync_status", sync, SyncStatus.values)
    rows = rows.filter(archived_at__isnull=status != "archived")
    if status in ("active", "paused"):
        rows = rows.filter(is_active=status == "active")
    if mode:
        rows = rows.filter(mode=mode)
    if sync:
        rows = rows.filter(sync_status=sync)
    if search := asked.get("search", "").replace("\0", "").strip():
        rows = rows.filter(Q(label__icontains=search) | Q(address=search))
    return rows


def _check(name: str, value: str, allowed: Iterable[str]) -> None:
    if value and value not in allowed:
        raise InvalidValue(f"Takes one of {', '.join(allowed)}.", pointer=f"?{name}", code="invalid_choice")


def shown(wallets: Iterable[Wallet], *, at: datetime) -> list[ShownWallet]:
    """The wallets with their health and counts, in the order given: one question, however many."""
    rows = list(wallets)
    since_day, since_month = at - timedelta(hours=24), at - timedelta(days=30)
    counted = (
        Signal.objects.filter(wallet__in=rows, received_at__gt=since_month)
        .values("wallet")
        .annotate(month=Count("pk"), day=Count("pk", filter=Q(received_at__gt=since_day)))
        .values_list("wallet", "day", "month")
    )
    counts = {wallet_id: (day, month) for wallet_id, day, month in counted}
    return [ShownWallet(row, row.health(at=at), *counts.get(row.pk, (0, 0))) for row in rows]


def is_webhook_silent(person: User, *, at: datetime) -> bool:
    """Whether somebody is watched for this person and nothing at all was delivered here for as many hours as the
    configuration of risk allows.
    """
    longest = silent_after()
    registration = WebhookRegistration.objects.filter(pk=1, pushed_at__lt=at - longest).first()
    if registration is None or not Wallet.objects.for_user(person).active().exists():
        return False
    return registration.last_delivery_at is None or at - registration.last_delivery_at > longest


def silent_after() -> timedelta:
    """Without any delivery for so long, the webhook itself is doubted."""
    return timedelta(hours=risk.current().webhook_timeout_alert_hours)


def troubled(person: User, *, at: datetime) -> int:
    """How many active wallets of this person nobody listens to."""
    rows = Wallet.objects.for_user(person).active()
    return sum(row.health(at=at) in _BAD for row in rows.exclude(sync_status=SyncStatus.SYNCED))
