"""The catalogue of exit strategies. `trading.exit_strategies` writes it; what a plan means is `trading.exits`."""

from datetime import timedelta
from decimal import Decimal
from typing import Self

from django.contrib.auth.models import AnonymousUser
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from accounts.fields import PriceField, UUIDv7
from accounts.models import User
from trading.exits.plans import ExitPlan, Level

MOST_LEVELS = 20
LARGEST_FRACTION = Decimal("999999999")


class ExitStrategy(models.Model):
    """A plan to begin with. Without an owner it was shipped and is everybody's; nobody's open position follows it."""

    public_id = models.UUIDField(db_default=UUIDv7(), unique=True, editable=False)
    owner = models.ForeignKey(
        User, on_delete=models.CASCADE, null=True, blank=True, related_name="exit_strategies", db_index=False
    )
    name = models.CharField(max_length=100)
    description = models.CharField(max_length=500, blank=True)
    stop_loss = PriceField(db_comment="Fraction of the entry price; never absent")
    is_trailing = models.BooleanField(default=False)
    trail = PriceField(null=True, blank=True, db_comment="Fraction of the best price; kept while trailing is off")
    trail_activation = PriceField(null=True, blank=True, db_comment="Gain that arms it, of the entry price")
    is_scaling = models.BooleanField(default=False)
    # In one row with the rest, so that a CHECK sees all levels at once: the sum of shares is a rule of the database.
    shares = ArrayField(
        models.DecimalField(max_digits=28, decimal_places=12, null=True),
        default=list,
        blank=True,
        db_comment="Of each level, of the quantity at entry",
    )
    gains = ArrayField(
        models.DecimalField(max_digits=28, decimal_places=12, null=True),
        default=list,
        blank=True,
        db_comment="Of each level, of the entry price; NULL rides, the last only",
    )
    breaks_even = models.BooleanField(default=False)
    mirrors = models.BooleanField(default=False)
    hold_at_most = models.DurationField(null=True, blank=True)
    is_default = models.BooleanField(default=False)
    archived_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class ExitStrategyQuerySet(models.QuerySet["ExitStrategy"]):
        def for_user(self, user: User | AnonymousUser) -> Self:
            """What this person can choose from: their own, and what was shipped."""
            return self.filter(Q(owner_id=user.pk) | Q(owner__isnull=True)) if user.pk else self.none()

        def of_owner(self, user: User | AnonymousUser) -> Self:
            """What this person may change."""
            return self.filter(owner_id=user.pk) if user.pk else self.none()

        def current(self) -> Self:
            """Only what is offered: not the archived."""
            return self.filter(archived_at__isnull=True)

    objects = ExitStrategyQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "exit strategies"
        db_table_comment = (
            "Catalogue: plans to begin with, shipped (no owner) and persons' own; archived, never deleted"
        )
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "name"], name="exit_strategy_name_unique_per_owner", nulls_distinct=False
            ),
            models.UniqueConstraint(
                fields=["owner"],
                name="exit_strategy_one_default_per_owner",
                condition=Q(is_default=True),
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                name="exit_strategy_default_is_offered", condition=Q(is_default=False) | Q(archived_at__isnull=True)
            ),
            models.CheckConstraint(
                name="exit_strategy_stop_loss_range", condition=Q(stop_loss__gt=0) & Q(stop_loss__lte=1)
            ),
            models.CheckConstraint(
                name="exit_strategy_trail_range",
                condition=Q(trail__isnull=True) | (Q(trail__gt=0) & Q(trail__lte=1)),
            ),
            models.CheckConstraint(
                name="exit_strategy_activation_range",
                condition=Q(trail_activation__isnull=True)
                | (Q(trail_activation__gte=0) & Q(trail_activation__lte=LARGEST_FRACTION)),
            ),
            models.CheckConstraint(
                name="exit_strategy_trailing_complete",
                condition=Q(is_trailing=False) | Q(trail__isnull=False, trail_activation__isnull=False),
            ),
            models.CheckConstraint(
                name="exit_strategy_hold_positive",
                condition=Q(hold_at_most__isnull=True) | Q(hold_at_most__gt=timedelta(0)),
            ),
            # Those of the levels, which no Q can say, are in the migration.
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def plan(self) -> ExitPlan:
        """The plan that it says."""
        return ExitPlan(
            stop_loss=self.stop_loss,
            is_trailing=self.is_trailing,
            trail=self.trail,
            trail_activation=self.trail_activation,
            is_scaling=self.is_scaling,
            levels=tuple(Level(share, gain) for share, gain in zip(self.shares, self.gains, strict=True)),
            breaks_even=self.breaks_even,
            mirrors=self.mirrors,
            hold_at_most=self.hold_at_most,
        )

    @property
    def is_shipped(self) -> bool:
        """Whether it belongs to nobody, so that nobody changes it."""
        return self.owner_id is None
