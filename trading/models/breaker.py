"""The circuit breaker: how it stands for each scope, and everything that it did."""

from typing import Self

from django.contrib.auth.models import AnonymousUser
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.fields import LARGEST_MONEY, MoneyField, PriceField, UUIDv7, finite
from accounts.models import Account, AccountKind, OwnQuerySet, User

#: Of the name of a strategy, wherever one is kept: what an order says, a breaker over it can name.
LONGEST_STRATEGY = 60


class BreakerScope(models.TextChoices):
    EVERYBODY = "everybody", _("Everybody")
    GLOBAL = "global", _("All accounts")
    ACCOUNT = "account", _("Account")
    STRATEGY = "strategy", _("Strategy")


class BreakerMode(models.TextChoices):
    LIVE = "live", _("Live")
    SIMULATION = "simulation", _("Simulation")

    @classmethod
    def of(cls, account: Account) -> "BreakerMode":
        """Whether this account's trading is real."""
        return cls.SIMULATION if account.kind == AccountKind.PAPER else cls.LIVE


class BreakerStatus(models.TextChoices):
    ACTIVE = "active", pgettext_lazy("trading", "Active")
    REDUCING = "reducing", _("No new exposure")
    HALTED = "halted", _("Exits only")


class BreakerEventKind(models.TextChoices):
    ACTIVATED = "activated", _("Switched on")
    BLOCKED = "blocked", _("Order stopped")
    DEACTIVATED = "deactivated", _("Reset")
    CONFIG_CHANGED = "config_changed", _("Configuration changed")


_SHAPES = (
    Q(scope="everybody", owner__isnull=True, account__isnull=True, strategy="")
    | Q(scope="global", owner__isnull=False, account__isnull=True, strategy="")
    | Q(scope="account", owner__isnull=False, account__isnull=False, strategy="")
    | (Q(scope="strategy", owner__isnull=False, account__isnull=True) & ~Q(strategy=""))
)


class BreakerState(models.Model):
    """How the breaker of one scope stands now. The verbs in `trading.risk` write it, each with its event."""

    public_id = models.UUIDField(db_default=UUIDv7(), unique=True, editable=False)
    owner = models.ForeignKey(
        User, on_delete=models.CASCADE, null=True, related_name="breakers", db_index=False,
        db_comment="NULL: of everybody here",
    )  # fmt: skip
    scope = models.CharField(max_length=9, choices=BreakerScope)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, null=True, related_name="breakers", db_index=False)
    strategy = models.CharField(max_length=LONGEST_STRATEGY, blank=True, db_comment="The name of a setup")
    mode = models.CharField(max_length=10, choices=BreakerMode)
    state = models.CharField(max_length=8, choices=BreakerStatus, default=BreakerStatus.ACTIVE)
    reasons = ArrayField(models.CharField(max_length=20), default=list, blank=True)
    activated_at = models.DateTimeField(null=True)
    baseline_at = models.DateTimeField(db_comment="What closed after it is judged; a reset moves it")
    carried = MoneyField(default=0, db_comment="Realized before the baseline, part of the capital")
    height_at = models.DateTimeField(null=True, db_comment="When capital and what was open stood highest")
    height_open_pnl = MoneyField(null=True, db_comment="What was open at that time")
    metrics = models.JSONField(default=dict, db_comment="Measures and gauges of the last evaluation")
    nearest = PriceField(null=True, db_comment="How far the next limit was used up then; 1 trips")
    evaluated_at = models.DateTimeField(null=True)
    evaluated_version = models.BigIntegerField(
        default=0, db_comment="The person's version that was last judged; the sweep compares it"
    )

    objects = OwnQuerySet.as_manager()

    class Meta:
        db_table_comment = "Aggregate root: the circuit breaker of one scope as it stands, simulation and live apart"
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "scope", "account", "strategy", "mode"],
                name="breaker_unique_per_scope_and_mode",
                nulls_distinct=False,
            ),
            models.CheckConstraint(name="breaker_scope_names_its_thing", condition=_SHAPES),
            models.CheckConstraint(name="breaker_mode_valid", condition=Q(mode__in=BreakerMode.values)),
            models.CheckConstraint(name="breaker_state_valid", condition=Q(state__in=BreakerStatus.values)),
            models.CheckConstraint(
                name="breaker_on_says_why_and_since_when",
                condition=Q(state="active", reasons=[], activated_at__isnull=True)
                | (~Q(state="active") & ~Q(reasons=[]) & Q(activated_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="breaker_height_is_whole",
                condition=Q(height_at__isnull=True, height_open_pnl__isnull=True)
                | Q(height_at__isnull=False, height_open_pnl__isnull=False, height_open_pnl__gt=0),
            ),
            finite("breaker_values_finite", carried=LARGEST_MONEY, height_open_pnl=LARGEST_MONEY),
        ]
        indexes = [
            models.Index(fields=["account"], name="breaker_account"),
            models.Index(fields=["owner", "mode"], name="breaker_on", condition=~Q(state="active")),
            models.Index(F("owner"), F("nearest").desc(nulls_last=True), F("id"), name="breaker_owner_nearest"),
        ]

    def __str__(self) -> str:
        return f"{self.scope} {self.strategy or self.account_id or self.owner_id or ''} {self.mode}"

    @property
    def is_on(self) -> bool:
        """Whether it stops anything."""
        return self.state != BreakerStatus.ACTIVE


class BreakerEventQuerySet(models.QuerySet["BreakerEvent"]):
    def for_user(self, user: User | AnonymousUser) -> Self:
        """What happened to this person's own breakers, and to everybody's."""
        return self.filter(Q(owner_id=user.pk) | Q(owner_id__isnull=True)) if user.pk else self.none()


class BreakerEvent(models.Model):
    """One thing that a breaker did. Append-only, enforced by the database; ids are plain, as in the audit log."""

    id = models.BigAutoField(primary_key=True)
    public_id = models.UUIDField(db_default=UUIDv7(), unique=True, editable=False)
    occurred_at = models.DateTimeField()
    kind = models.CharField(max_length=14, choices=BreakerEventKind)
    owner_id = models.BigIntegerField(null=True, db_comment="NULL: of everybody here")
    scope = models.CharField(max_length=9, choices=BreakerScope)
    account_id = models.BigIntegerField(null=True)
    account_name = models.CharField(max_length=100, blank=True, db_comment="As it was called then")
    strategy = models.CharField(max_length=LONGEST_STRATEGY, blank=True)
    mode = models.CharField(max_length=10, choices=BreakerMode, blank=True, db_comment="Empty: both")
    before = models.CharField(max_length=8, choices=BreakerStatus, blank=True)
    after = models.CharField(max_length=8, choices=BreakerStatus, blank=True)
    reasons = ArrayField(models.CharField(max_length=20), default=list, db_comment="All that held, not the first only")
    metrics = models.JSONField(default=dict, db_comment="Measures at that time")
    thresholds = models.JSONField(default=dict, db_comment="Limits at that time")
    open_positions = models.PositiveIntegerField(null=True, db_comment="When it was switched on")
    order_id = models.CharField(max_length=64, blank=True, db_comment="The order that was stopped")
    note = models.CharField(max_length=500, blank=True)
    actor_id = models.BigIntegerField(null=True, db_comment="Who did it; NULL for the system itself")
    actor_email = models.CharField(max_length=254, blank=True)

    objects = BreakerEventQuerySet.as_manager()

    class Meta:
        db_table_comment = (
            "Event log, append-only: what the circuit breakers did, with measures and limits of that time"
        )
        constraints = [
            models.CheckConstraint(name="breaker_event_kind_valid", condition=Q(kind__in=BreakerEventKind.values)),
            models.CheckConstraint(
                name="breaker_event_on_says_why",
                condition=~Q(kind="activated") | (~Q(reasons=[]) & Q(after__in=["reducing", "halted"])),
            ),
            models.CheckConstraint(
                name="breaker_event_reset_is_active", condition=~Q(kind="deactivated") | Q(after="active")
            ),
        ]
        indexes = [
            models.Index(fields=["owner_id", "-id"], name="breaker_event_owner"),
            models.Index(fields=["account_id", "-id"], name="breaker_event_account"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.scope} {self.mode}"
