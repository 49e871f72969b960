"""Positions under an exit plan, what persons changed of their plans, and the exits that were decided.

What a plan means and does is `trading.exits`; these tables hold it, and `trading.exit_plans` writes them.
"""

from decimal import Decimal
from typing import Self

from django.contrib.auth.models import AnonymousUser
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Func, Q
from django.db.models.functions import Cast
from django.utils.translation import gettext_lazy as _

from accounts.decimals import plain
from accounts.fields import LARGEST_PRICE, PriceField, UUIDv7, finite
from accounts.models import Account, User
from trading.exits.plans import ExitPlan
from trading.exits.snapshots import restored
from trading.exits.states import Entry, ExitReason, PlanState
from trading.models.exit_strategy import ExitStrategy
from trading.models.instrument import Instrument
from trading.models.order import Order
from trading.models.trade import TradeSide
from trading.order_rules.vocabulary import ManagedPositionStatus


class PlanStatus(models.TextChoices):
    """Where a position under a plan is. `active`: exits rest at the broker; `monitoring`: watched here."""

    PENDING = ManagedPositionStatus.PENDING.value, _("Waiting for its entry")
    ACTIVE = ManagedPositionStatus.ACTIVE.value, _("Exits at the broker")
    MONITORING = ManagedPositionStatus.MONITORING.value, _("Watched")
    STOP_LOSS_TRIGGERED = ManagedPositionStatus.STOP_LOSS_TRIGGERED.value, _("On its way out")
    TAKE_PROFIT_TRIGGERED = ManagedPositionStatus.TAKE_PROFIT_TRIGGERED.value, _("Target reached, on its way out")
    CLOSED = ManagedPositionStatus.CLOSED.value, _("Closed")
    ERROR = ManagedPositionStatus.ERROR.value, _("Needs attention")


class PlanExitReason(models.TextChoices):
    """Why units went out: a rule of the plan, or a person."""

    STOP_LOSS = ExitReason.STOP_LOSS.value, _("Stop loss")
    BREAK_EVEN = ExitReason.BREAK_EVEN.value, _("Break-even")
    MIRROR = ExitReason.MIRROR.value, _("Source sold")
    TRAILING_STOP = ExitReason.TRAILING_STOP.value, _("Trailing stop")
    TIME = ExitReason.TIME.value, _("Time")
    SCALING = ExitReason.SCALING.value, _("Level")
    TAKE_PROFIT = ExitReason.TAKE_PROFIT.value, _("Target")
    MANUAL = "manual", _("By hand")


class ClosedReason(models.TextChoices):
    """Why a plan ended, where that is no exit of its own."""

    CANCELED = "canceled", _("Entry not filled")
    EXTERNAL = "external", _("Position gone")
    LET_GO = "let_go", _("Let go by hand")


_REASONS = [*PlanExitReason.choices, *ClosedReason.choices]


class ManagedPositionQuerySet(models.QuerySet["ManagedPosition"]):
    def for_user(self, user: User | AnonymousUser) -> Self:
        """Only what this person owns."""
        return self.filter(owner_id=user.pk) if user.pk else self.none()

    def open(self) -> Self:
        """Only what has not ended."""
        return self.filter(closed_at__isnull=True)


class ManagedPosition(models.Model):
    """A position, or a part of one, under a plan. What was entered and the plan of then never change."""

    public_id = models.UUIDField(db_default=UUIDv7(), unique=True, editable=False)
    # One composite foreign key holds both (in the migration), as for executions.
    owner = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False)
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="managed_positions", db_index=False, db_constraint=False
    )
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+", db_index=False)
    strategy = models.ForeignKey(
        ExitStrategy,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        db_comment="Where the plan came from, for statistics only: the position follows its own plan",
    )
    entry_order = models.ForeignKey(
        Order,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="exit_plans",
        db_index=False,
        db_comment="The order that carried the plan; NULL where it was opened on what was held",
    )
    is_entered = models.BooleanField(
        default=True, db_comment="Its entry is complete: false while its order may still fill, and then moves the entry"
    )
    side = models.CharField(max_length=5, choices=TradeSide)
    entry_price = PriceField(db_comment="Average of the fills that entered it; 0 before the first")
    entry_quantity = PriceField(db_comment="Units that entered it; 0 before the first fill")
    entered_at = models.DateTimeField(db_comment="Of the first fill; when it was ordered before that")
    quantity_step = PriceField(null=True, db_comment="Lot of the instrument then")
    price_step = PriceField(null=True, db_comment="Tick of the instrument then")
    may_be_negative = models.BooleanField(default=False, db_comment="Prices may be zero or below")
    multiplier = PriceField()
    currency = models.CharField(max_length=12)
    plan_snapshot = models.JSONField(db_comment="The whole plan at entry, with its version (trading.exits.snapshots)")
    plan_now = models.JSONField(
        db_comment="The snapshot after the latest revision; the snapshot itself before the first"
    )
    # What a worker that has read the plan keeps it by: thousands of positions follow a few different plans.
    plan_digest = models.GeneratedField(
        expression=Func(Cast("plan_now", models.TextField()), function="md5"),
        output_field=models.CharField(max_length=32),
        db_persist=True,
    )
    revision = models.IntegerField(default=0, db_comment="Number of the latest revision: what a person has read")
    # ---------------------------------------------------------------- how far it has got
    remaining = PriceField(db_comment="Units that no exit has claimed")
    best = PriceField(db_comment="Most favourable price since the entry")
    taken = ArrayField(models.DecimalField(max_digits=28, decimal_places=12), default=list, blank=True)
    decided = models.CharField(
        max_length=13, choices=PlanExitReason, blank=True, db_comment="The rule by which all was to go out; kept"
    )
    exits = models.IntegerField(default=0, db_comment="Exits decided so far")
    changed_at = models.DateTimeField(db_comment="Time of the price that last changed anything")
    gone = PriceField(default=Decimal(0), db_comment="Units that left otherwise than by an exit of the plan")
    status = models.CharField(max_length=21, choices=PlanStatus, default=PlanStatus.MONITORING)
    reason = models.CharField(max_length=13, choices=_REASONS, blank=True, db_comment="Of the latest exit, or its end")
    problem = models.CharField(max_length=500, blank=True, db_comment="Why an exit did not go through, in words")
    failures = models.IntegerField(default=0, db_comment="Exits in a row that did not go through")
    retry_at = models.DateTimeField(null=True, db_comment="Not judged before; NULL but after a failure")
    price_alert = models.CharField(max_length=16, blank=True, db_comment="Why its price triggers nothing; told once")
    last_mark = PriceField(null=True, db_comment="Price that last changed anything; the newest is the quote's")
    last_mark_at = models.DateTimeField(null=True)
    version = models.IntegerField(
        default=1, db_comment="Goes up with every write; two workers that read one decide once"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    closed_at = models.DateTimeField(null=True)

    objects = ManagedPositionQuerySet.as_manager()

    class Meta:
        db_table_comment = "Aggregate root: a position under an exit plan, its snapshot and how far it has got"
        constraints = [
            models.CheckConstraint(name="managed_position_side_valid", condition=Q(side__in=TradeSide.values)),
            models.CheckConstraint(name="managed_position_status_valid", condition=Q(status__in=PlanStatus.values)),
            models.CheckConstraint(
                name="managed_position_reasons_valid",
                condition=Q(decided__in=["", *[reason.value for reason in ExitReason]])
                & Q(reason__in=["", *[value for value, _words in _REASONS]]),
            ),
            models.CheckConstraint(
                name="managed_position_entry_usable",
                condition=(
                    Q(entry_quantity__gt=0) & (Q(entry_price__gt=0) | (Q(may_be_negative=True) & ~Q(entry_price=0)))
                    | Q(entry_quantity=0, entry_price=0, remaining=0, entry_order__isnull=False)
                    & Q(status__in=["pending", "closed"])
                )
                & Q(multiplier__gt=0),
            ),
            models.CheckConstraint(
                name="managed_position_waits_for_its_order",
                condition=Q(status="pending", entry_quantity=0, is_entered=False)
                | (~Q(status="pending") & (Q(is_entered=True) | Q(entry_quantity__gt=0, entry_order__isnull=False))),
            ),
            models.UniqueConstraint(
                fields=["entry_order"],
                condition=Q(is_entered=False),
                name="managed_position_one_waits_per_order",
            ),
            models.CheckConstraint(
                name="managed_position_remaining_within_entry",
                condition=Q(remaining__gte=0) & Q(gone__gte=0) & Q(entry_quantity__gte=F("remaining") + F("gone")),
            ),
            models.CheckConstraint(
                name="managed_position_closed_when_nothing_remains",
                condition=Q(status="closed", closed_at__isnull=False, remaining=0)
                | (~Q(status="closed") & Q(closed_at__isnull=True)),
            ),
            models.CheckConstraint(
                name="managed_position_counters_sane",
                condition=Q(version__gte=1, exits__gte=0, revision__gte=0, failures__gte=0),
            ),
            models.CheckConstraint(
                name="managed_position_error_says_why", condition=~Q(status="error") | ~Q(problem="")
            ),
            finite(
                "managed_position_values_finite",
                entry_price=LARGEST_PRICE,
                entry_quantity=LARGEST_PRICE,
                quantity_step=LARGEST_PRICE,
                price_step=LARGEST_PRICE,
                multiplier=LARGEST_PRICE,
                remaining=LARGEST_PRICE,
                best=LARGEST_PRICE,
                gone=LARGEST_PRICE,
                last_mark=LARGEST_PRICE,
            ),
        ]
        indexes = [
            models.Index(fields=["owner", "-id"], name="managed_position_owner"),
            models.Index(fields=["account", "instrument"], name="managed_position_held", condition=Q(closed_at=None)),
            models.Index(
                fields=["entry_order"], name="managed_position_of_order", condition=Q(entry_order__isnull=False)
            ),
            models.Index(
                fields=["id"], name="managed_position_watched", condition=Q(closed_at=None) & Q(remaining__gt=0)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.side} {plain(self.entry_quantity)}"

    @property
    def is_long(self) -> bool:
        return self.side == TradeSide.LONG

    @property
    def entry(self) -> Entry:
        """What was entered, as the rules have it."""
        return Entry(
            is_long=self.is_long,
            price=self.entry_price,
            quantity=self.entry_quantity,
            at=self.entered_at,
            quantity_step=self.quantity_step,
            price_step=self.price_step,
            may_be_negative=self.may_be_negative,
        )

    @property
    def state(self) -> PlanState:
        """How far it has got, as the rules have it."""
        return PlanState(
            remaining=self.remaining,
            best=self.best,
            changed_at=self.changed_at,
            taken=tuple(self.taken),
            decided=ExitReason(self.decided) if self.decided else None,
            exits=self.exits,
        )

    @property
    def plan(self) -> ExitPlan:
        """The plan that counts now."""
        return restored(self.plan_now)

    @property
    def is_open(self) -> bool:
        return self.closed_at is None


class PlanRevision(models.Model):
    """A person's change of the plan of an open position. Append-only; the plan of the entry stays beside it."""

    managed_position = models.ForeignKey(
        ManagedPosition, on_delete=models.PROTECT, related_name="revisions", db_index=False
    )
    number = models.IntegerField()
    actor_id = models.BigIntegerField(null=True, db_comment="A plain number, as in the audit log")
    actor_email = models.CharField(max_length=254, blank=True)
    changes = models.JSONField(db_comment="The keys that won over those of the plan before")
    before = models.JSONField()
    after = models.JSONField()
    made_at = models.DateTimeField()

    class Meta:
        db_table_comment = "Event log, append-only: what persons changed of the plans of open positions"
        constraints = [
            models.UniqueConstraint(fields=["managed_position", "number"], name="plan_revision_number_unique"),
            models.CheckConstraint(name="plan_revision_number_positive", condition=Q(number__gte=1)),
        ]

    def __str__(self) -> str:
        return f"{self.managed_position_id} #{self.number}"


class PlanExit(models.Model):
    """Units that are to go out, decided once; then the order that does it, and what came of that."""

    public_id = models.UUIDField(db_default=UUIDv7(), unique=True, editable=False)
    managed_position = models.ForeignKey(
        ManagedPosition, on_delete=models.PROTECT, related_name="plan_exits", db_index=False
    )
    number = models.IntegerField()
    reason = models.CharField(max_length=13, choices=PlanExitReason)
    level = models.IntegerField(null=True, db_comment="Counted from 1; NULL where everything goes out")
    quantity = PriceField()
    decided_price = PriceField(null=True, db_comment="NULL where no price was asked")
    line = PriceField(null=True, db_comment="What the price had reached")
    decided_at = models.DateTimeField()
    client_order_id = models.CharField(
        max_length=48, unique=True, db_comment="mp:{plan}:exit:{number}: the same for two workers"
    )
    order = models.OneToOneField(
        Order,
        on_delete=models.PROTECT,
        null=True,
        related_name="plan_exit",
        db_comment="NULL until it is placed",
    )
    attempts = models.IntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, db_comment="After a refusal; NULL: now")
    problem = models.CharField(max_length=500, blank=True)
    filled_quantity = PriceField(default=Decimal(0))
    filled_price = PriceField(null=True, db_comment="Average of its fills")
    ended_at = models.DateTimeField(null=True, db_comment="When its order ended, or it was given up")

    class Meta:
        db_table_comment = "Command log: exits that plans decided, each with the one order that carries it out"
        constraints = [
            models.UniqueConstraint(fields=["managed_position", "number"], name="plan_exit_number_unique"),
            models.CheckConstraint(name="plan_exit_number_positive", condition=Q(number__gte=1)),
            models.CheckConstraint(name="plan_exit_reason_valid", condition=Q(reason__in=PlanExitReason.values)),
            models.CheckConstraint(
                name="plan_exit_filled_within_quantity",
                condition=Q(quantity__gt=0) & Q(filled_quantity__gte=0) & Q(filled_quantity__lte=F("quantity")),
            ),
            models.CheckConstraint(
                name="plan_exit_filled_has_price", condition=Q(filled_quantity=0) | Q(filled_price__isnull=False)
            ),
            finite(
                "plan_exit_values_finite",
                quantity=LARGEST_PRICE,
                decided_price=LARGEST_PRICE,
                line=LARGEST_PRICE,
                filled_quantity=LARGEST_PRICE,
                filled_price=LARGEST_PRICE,
            ),
        ]
        indexes = [
            models.Index(fields=["id"], name="plan_exit_unplaced", condition=Q(order=None, ended_at=None)),
            models.Index(fields=["managed_position"], name="plan_exit_under_way", condition=Q(ended_at=None)),
        ]

    def __str__(self) -> str:
        return self.client_order_id
