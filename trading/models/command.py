"""What has to be said to a broker, and every attempt at saying it."""

from datetime import datetime, timedelta
from typing import Self

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import F, Q
from django.utils.translation import pgettext_lazy

from accounts.fields import LARGEST_MONEY, LARGEST_PRICE, MoneyField, PriceField, UUIDv7, finite
from accounts.models import Account, User
from trading.models.order import Order


class CommandKind(models.TextChoices):
    SUBMIT = "submit", pgettext_lazy("what a broker is told", "Place")
    CANCEL = "cancel", pgettext_lazy("what a broker is told", "Cancel")
    REPLACE = "replace", pgettext_lazy("what a broker is told", "Replace")


class CommandStatus(models.TextChoices):
    WAITING = "waiting", pgettext_lazy("of a command", "Waiting")
    UNKNOWN = "unknown", pgettext_lazy("of a command", "Outcome unknown")
    DONE = "done", pgettext_lazy("of a command", "Done")
    REFUSED = "refused", pgettext_lazy("of a command", "Refused")
    GIVEN_UP = "given_up", pgettext_lazy("of a command", "Given up")
    WITHDRAWN = "withdrawn", pgettext_lazy("of a command", "Withdrawn before it was sent")


OPEN_COMMANDS = [CommandStatus.WAITING.value, CommandStatus.UNKNOWN.value]


class OrderCommandQuerySet(models.QuerySet["OrderCommand"]):
    def for_user(self, user: User | AnonymousUser) -> Self:
        """Only what this person owns."""
        return self.filter(owner_id=user.pk) if user.pk else self.none()

    def open(self) -> Self:
        """Only what has still to be said, or whose outcome is not known."""
        return self.filter(status__in=OPEN_COMMANDS)

    def due(self, at: datetime) -> Self:
        """Only what somebody may take up now: nobody else has it, or whoever had it is dead."""
        return self.open().filter(Q(lease_until=None) | Q(lease_until__lt=at), next_at__lte=at)


class OrderCommand(models.Model):
    """Something to be said to a broker about an order: stored with the order's change, sent after the commit."""

    public_id = models.UUIDField(db_default=UUIDv7(), unique=True, editable=False)
    owner = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False)
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="order_commands", db_index=False, db_constraint=False
    )
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="commands", db_index=False)
    kind = models.CharField(max_length=7, choices=CommandKind)
    status = models.CharField(max_length=9, choices=CommandStatus, default=CommandStatus.WAITING)
    asked = models.JSONField(default=dict, blank=True, db_comment="What a replacement is to change, and its client id")
    sends = models.SmallIntegerField(default=0, db_comment="How often it was, or may have been, sent")
    lookups = models.SmallIntegerField(default=0, db_comment="How often it was looked up since its outcome is unknown")
    unknown_since = models.DateTimeField(null=True)
    lease = models.UUIDField(null=True, db_comment="Of whoever is at it")
    lease_until = models.DateTimeField(null=True, db_comment="Until when nobody else takes it up")
    next_at = models.DateTimeField(db_comment="Before which it is not tried again")
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)

    objects = OrderCommandQuerySet.as_manager()

    class Meta:
        db_table_comment = "Outbox: what has to be said to a broker; a lost message costs only delay"
        constraints = [
            models.UniqueConstraint(
                fields=["order", "kind"], condition=Q(status__in=OPEN_COMMANDS), name="order_command_one_open"
            ),
            models.UniqueConstraint(
                fields=["order"], condition=Q(kind="submit"), name="order_command_one_submit_per_order"
            ),
            models.CheckConstraint(
                name="order_command_words_valid",
                condition=Q(kind__in=CommandKind.values) & Q(status__in=CommandStatus.values),
            ),
            models.CheckConstraint(
                name="order_command_ended_when_over",
                condition=Q(status__in=OPEN_COMMANDS, ended_at__isnull=True)
                | (~Q(status__in=OPEN_COMMANDS) & Q(ended_at__isnull=False, lease__isnull=True)),
            ),
            models.CheckConstraint(name="order_command_counts", condition=Q(sends__gte=0, lookups__gte=0)),
        ]
        indexes = [
            models.Index(fields=["next_at"], name="order_command_due", condition=Q(status__in=OPEN_COMMANDS)),
            models.Index(fields=["order", "id"], name="order_command_of_order"),
            models.Index(fields=["owner", "-id"], name="order_command_owner"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.status}"


class AttemptResult(models.TextChoices):
    RUNNING = "", pgettext_lazy("of an attempt", "Under way")
    ACCEPTED = "accepted", pgettext_lazy("of an attempt", "Accepted")
    FOUND = "found", pgettext_lazy("of an attempt", "Found at the broker")
    MISSING = "missing", pgettext_lazy("of an attempt", "Not found at the broker")
    REFUSED = "refused", pgettext_lazy("of an attempt", "Refused")
    LIMITED = "limited", pgettext_lazy("of an attempt", "Too many requests")
    NOT_SENT = "not_sent", pgettext_lazy("of an attempt", "Not sent")
    UNKNOWN = "unknown", pgettext_lazy("of an attempt", "Outcome unknown")
    INTERRUPTED = "cut", pgettext_lazy("of an attempt", "Interrupted")


class OrderAttemptQuerySet(models.QuerySet["OrderAttempt"]):
    def for_user(self, user: User | AnonymousUser) -> Self:
        """Only what this person owns."""
        return self.filter(owner_id=user.pk) if user.pk else self.none()


class OrderAttempt(models.Model):
    """One request to a broker about an order: what was asked for, what came back, and what it executed at."""

    owner = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="tries", db_index=False)
    command = models.ForeignKey(OrderCommand, on_delete=models.PROTECT, related_name="attempts", db_index=False)
    number = models.SmallIntegerField()
    is_lookup = models.BooleanField(default=False, db_comment="It only asked what became of an earlier one")
    result = models.CharField(max_length=8, choices=AttemptResult, blank=True, default="")
    requested_price = PriceField(null=True, db_comment="Its limit, its stop, else what the market gave its side")
    requested_quantity = PriceField(null=True)
    requested_amount = MoneyField(null=True)
    http_status = models.SmallIntegerField(null=True)
    error_code = models.CharField(max_length=40, blank=True)
    error = models.CharField(max_length=500, blank=True, db_comment="In the broker's words")
    executed_price = PriceField(null=True)
    executed_quantity = PriceField(null=True)
    slippage_bps = models.DecimalField(
        max_digits=20,
        decimal_places=4,
        null=True,
        db_comment="(executed - requested) / requested in basis points; above zero is worse, to buy and to sell",
    )
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, db_comment="NULL while under way, or where whoever made it died")

    objects = OrderAttemptQuerySet.as_manager()

    class Meta:
        db_table_comment = "Command log: every request to a broker about an order, with what came of it"
        constraints = [
            models.UniqueConstraint(fields=["command", "number"], name="order_attempt_numbered"),
            models.CheckConstraint(name="order_attempt_result_valid", condition=Q(result__in=AttemptResult.values)),
            models.CheckConstraint(
                name="order_attempt_ended_with_result",
                condition=Q(result="", ended_at__isnull=True) | (~Q(result="") & Q(ended_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="order_attempt_ended_after_start",
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=F("started_at")),
            ),
            finite(
                "order_attempt_values_finite",
                requested_price=LARGEST_PRICE,
                requested_quantity=LARGEST_PRICE,
                requested_amount=LARGEST_MONEY,
                executed_price=LARGEST_PRICE,
                executed_quantity=LARGEST_PRICE,
                slippage_bps=LARGEST_MONEY,
            ),
        ]
        indexes = [
            models.Index(fields=["order", "id"], name="order_attempt_of_order"),
            models.Index(fields=["owner", "-id"], name="order_attempt_owner"),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.result}"

    @property
    def duration(self) -> timedelta | None:
        """How long the broker took; None while it is under way."""
        return None if self.ended_at is None else self.ended_at - self.started_at

    @property
    def milliseconds(self) -> int | None:
        """How long the broker took, in whole milliseconds; None while it is under way."""
        return None if self.duration is None else round(self.duration / timedelta(milliseconds=1))
