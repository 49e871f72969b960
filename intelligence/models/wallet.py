"""Wallets that people watch: whom to follow, in which mode, and how that goes."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Self

from django.apps import apps
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from accounts.fields import PriceField, UUIDv7, finite
from accounts.models import Account, User
from trading.models import ExitStrategy

#: base58 has no 0, O, I and l. The same pattern is the CHECK in the database.
ADDRESS = r"^[1-9A-HJ-NP-Za-km-z]{32,44}$"
LARGEST_RETURN = Decimal("999999999")

#: Longer than this without a push, an active wallet is shown as not watched yet.
UNSYNCED_AFTER = timedelta(minutes=10)
#: Longer than this without a signal, a wallet is shown as silent.
SILENT_AFTER = timedelta(days=7)


class WalletMode(models.TextChoices):
    """Whether what it does is copied with play money or with real."""

    SIMULATION = "simulation", _("Simulation")
    LIVE = "live", _("Live")


class SyncStatus(models.TextChoices):
    """Whether the sender of webhooks knows that this address is watched."""

    PENDING = "pending", _("Pending")
    SYNCED = "synced", _("Synced")
    ERROR = "error", _("Error")


class DiscoverySource(models.TextChoices):
    """Through which channel a wallet was found."""

    TWITTER = "twitter", "Twitter"
    TELEGRAM = "telegram", "Telegram"
    SCANNER = "scanner", _("Scanner")
    REFERRAL = "referral", _("Referral")
    MANUAL = "manual", _("By hand")
    OTHER = "other", _("Other")


class WalletHealth(models.TextChoices):
    """What is to be said of a wallet at a look."""

    FINE = "fine", _("Watched")
    PAUSED = "paused", _("Paused")
    ARCHIVED = "archived", _("Archived")
    FAILED = "failed", _("Not watched: the last push failed")
    UNSYNCED = "unsynced", _("Not watched yet, for more than ten minutes")
    WAITING = "waiting", _("Waits for the next push")
    SILENT = "silent", _("Silent for more than seven days")


class WalletQuerySet(models.QuerySet["Wallet"]):
    def for_user(self, user: User | AnonymousUser) -> Self:
        """Only what this person owns."""
        return self.filter(owner_id=user.pk) if user.pk else self.none()

    def current(self) -> Self:
        """Only what is not archived."""
        return self.filter(archived_at__isnull=True)

    def active(self) -> Self:
        """Only what is followed: neither paused nor archived."""
        return self.filter(is_active=True, archived_at__isnull=True)

    def with_open_copies(self) -> Self:
        """Only those of which something that was copied is open, paused and archived ones among them."""
        copies = apps.get_model("intelligence", "CopiedPosition")._default_manager
        is_open = Q(managed_position__closed_at__isnull=True)
        return self.filter(Exists(copies.filter(is_open, wallet=OuterRef("pk"))))

    def subscribed(self) -> Self:
        """What the webhook is to be about: what is followed, and what may have to be sold when its wallet sells."""
        return self.filter(Q(is_active=True) | Q(pk__in=Wallet.objects.with_open_copies().values("pk")))


class Wallet(models.Model):
    """An address that one person follows. Archived, never deleted: its signals and positions stay."""

    public_id = models.UUIDField(db_default=UUIDv7(), unique=True, editable=False)
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="wallets", db_index=False)
    address = models.CharField(max_length=44, db_comment="base58; the database refuses to change it")
    label = models.CharField(max_length=100, blank=True)
    mode = models.CharField(
        max_length=10,
        choices=WalletMode,
        default=WalletMode.SIMULATION,
        db_comment="Of new copies; open ones keep theirs",
    )
    exit_strategy = models.ForeignKey(
        ExitStrategy, on_delete=models.RESTRICT, related_name="+", db_comment="Of new copies; open ones keep their plan"
    )
    # One composite foreign key each holds the owner too (in the migration).
    simulation_account = models.ForeignKey(
        Account, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", db_index=False,
        db_constraint=False, db_comment="Where copies go in simulation; NULL: none is made",
    )  # fmt: skip
    live_account = models.ForeignKey(
        Account, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", db_index=False,
        db_constraint=False, db_comment="Where copies go live; NULL: none is made",
    )  # fmt: skip
    discovery_source = models.CharField(max_length=8, choices=DiscoverySource, default=DiscoverySource.MANUAL)
    discovery_date = models.DateField(null=True, blank=True)
    discovery_notes = models.CharField(max_length=2000, blank=True)
    baseline_win_rate = PriceField(null=True, blank=True, db_comment="Fraction, as it was before it was followed")
    baseline_trades = models.PositiveIntegerField(null=True, blank=True, db_comment="Trades that the baseline is of")
    baseline_average_pnl = PriceField(null=True, blank=True, db_comment="Fraction of what was paid, mean of trades")
    baseline_days = models.PositiveIntegerField(null=True, blank=True, db_comment="Days that it was observed")
    is_active = models.BooleanField(default=True, db_comment="false: paused")
    notes = models.CharField(max_length=2000, blank=True)
    sync_status = models.CharField(max_length=7, choices=SyncStatus, default=SyncStatus.PENDING)
    sync_error = models.CharField(max_length=500, blank=True)
    synced_at = models.DateTimeField(null=True, blank=True, db_comment="When it was last part of what was pushed")
    pending_since = models.DateTimeField(db_comment="Since when it is to be watched: made, or taken up again")
    last_signal_at = models.DateTimeField(null=True, blank=True, db_comment="Block time of its newest signal")
    caught_up_at = models.DateTimeField(null=True, blank=True, db_comment="Until when its history was fetched")
    archived_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = WalletQuerySet.as_manager()

    class Meta:
        db_table_comment = "Registry: wallets that people watch, with mode and sync state; archived, never deleted"
        constraints = [
            models.UniqueConstraint(fields=["owner", "address"], name="wallet_address_unique_per_owner"),
            # The target of composite foreign keys that hold the owner too.
            models.UniqueConstraint(fields=["id", "owner"], name="wallet_id_owner"),
            models.CheckConstraint(name="wallet_address_base58", condition=Q(address__regex=ADDRESS)),
            models.CheckConstraint(
                name="wallet_words_valid",
                condition=Q(mode__in=WalletMode.values)
                & Q(sync_status__in=SyncStatus.values)
                & Q(discovery_source__in=DiscoverySource.values),
            ),
            models.CheckConstraint(
                name="wallet_baseline_win_rate_range",
                condition=Q(baseline_win_rate__isnull=True)
                | (Q(baseline_win_rate__gte=0) & Q(baseline_win_rate__lte=1)),
            ),
            models.CheckConstraint(
                name="wallet_baseline_average_pnl_range",
                condition=Q(baseline_average_pnl__isnull=True) | Q(baseline_average_pnl__gte=-LARGEST_RETURN),
            ),
            finite("wallet_baseline_finite", baseline_average_pnl=LARGEST_RETURN),
            models.CheckConstraint(
                name="wallet_baseline_trades_range",
                condition=Q(baseline_trades__isnull=True) | Q(baseline_trades__gte=0),
            ),
            models.CheckConstraint(
                name="wallet_baseline_days_positive", condition=Q(baseline_days__isnull=True) | Q(baseline_days__gt=0)
            ),
            models.CheckConstraint(name="wallet_error_says_why", condition=~Q(sync_status="error") | ~Q(sync_error="")),
            models.CheckConstraint(
                name="wallet_synced_says_when", condition=~Q(sync_status="synced") | Q(synced_at__isnull=False)
            ),
            models.CheckConstraint(
                name="wallet_archived_is_paused", condition=Q(archived_at__isnull=True) | Q(is_active=False)
            ),
        ]
        indexes = [
            models.Index(fields=["owner", "-id"], name="wallet_owner"),
            models.Index(fields=["address"], name="wallet_address"),
            models.Index(fields=["is_active", "sync_status"], name="wallet_to_sync", condition=Q(is_active=True)),
        ]

    def __str__(self) -> str:
        return self.label or f"{self.address[:4]}…{self.address[-4:]}"

    def health(self, *, at: datetime) -> WalletHealth:
        """What is to be said of it at this time, the worst first."""
        if self.archived_at is not None:
            return WalletHealth.ARCHIVED
        if not self.is_active:
            return WalletHealth.PAUSED
        if self.sync_status == SyncStatus.ERROR:
            return WalletHealth.FAILED
        if self.sync_status != SyncStatus.SYNCED:
            is_late = at - self.pending_since > UNSYNCED_AFTER
            return WalletHealth.UNSYNCED if is_late else WalletHealth.WAITING
        heard_at = self.last_signal_at or self.synced_at
        if heard_at is not None and at - heard_at > SILENT_AFTER:
            return WalletHealth.SILENT
        return WalletHealth.FINE
