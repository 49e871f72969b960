"""What senders of webhooks brought: the bytes as they came, and what became of them."""

from typing import Self

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.fields import UUIDv7
from accounts.models import User


class DeliveryStatus(models.TextChoices):
    """How far a delivery has come."""

    RECEIVED = "received", _("Waits")
    PARSED = "parsed", _("Read")
    IGNORED = "ignored", _("Ignored")
    DEAD = "dead", _("Not understood")


class WebhookDeliveryQuerySet(models.QuerySet["WebhookDelivery"]):
    def for_user(self, user: User | AnonymousUser) -> Self:
        """All of them for operators who may see deliveries: a delivery is of everybody's wallets. None for others."""
        may_see = bool(user.pk) and user.has_perm("intelligence.view_webhookdelivery")
        return self.all() if may_see else self.none()

    def waiting(self) -> Self:
        """What is to be read, the oldest first."""
        return self.filter(status=DeliveryStatus.RECEIVED).order_by("id")

    def dead(self) -> Self:
        """What nobody could read: it waits for a replay."""
        return self.filter(status=DeliveryStatus.DEAD)

    def done(self) -> Self:
        """What was read, or is nothing to us, and has its bytes still."""
        return self.filter(status__in=[DeliveryStatus.PARSED, DeliveryStatus.IGNORED], purged_at__isnull=True)


class WebhookDelivery(models.Model):
    """One delivery. What was brought never changes; how far it has come does."""

    public_id = models.UUIDField(db_default=UUIDv7(), unique=True, editable=False)
    source = models.CharField(max_length=40, db_comment="helius, or the name under which a sender has a secret")
    event_id = models.CharField(max_length=200, null=True, db_comment="The sender's; NULL where it gives none")
    owner_id = models.BigIntegerField(null=True, db_comment="Whose token sent it: only their wallets are meant")
    body = models.BinaryField(db_comment="As it came, for another reading")
    digest = models.CharField(max_length=64, db_comment="SHA-256 of the body")
    received_at = models.DateTimeField()
    repeats = models.PositiveIntegerField(default=0, db_comment="How often the same came again")
    repeated_at = models.DateTimeField(null=True)
    status = models.CharField(max_length=8, choices=DeliveryStatus, default=DeliveryStatus.RECEIVED)
    attempts = models.PositiveIntegerField(default=0)
    error = models.CharField(max_length=1000, blank=True, db_comment="Why it was not understood, or was ignored")
    parsed_at = models.DateTimeField(null=True)
    signals_made = models.PositiveIntegerField(default=0)
    duplicates = models.PositiveIntegerField(default=0, db_comment="Signals in it that were known")
    purged_at = models.DateTimeField(null=True, db_comment="When its bytes went; its signals stay, so the row does")

    objects = WebhookDeliveryQuerySet.as_manager()

    class Meta:
        db_table_comment = "Inbox: what webhooks brought, byte for byte, and how far the reading of it has come"
        verbose_name_plural = "webhook deliveries"
        constraints = [
            models.UniqueConstraint(
                fields=["source", "digest"], name="webhook_delivery_once", condition=Q(event_id__isnull=True)
            ),
            models.UniqueConstraint(
                fields=["source", "owner_id", "event_id"],
                name="webhook_delivery_event_once",
                condition=Q(event_id__isnull=False),
                nulls_distinct=False,
            ),
            models.CheckConstraint(name="webhook_delivery_status_valid", condition=Q(status__in=DeliveryStatus.values)),
            models.CheckConstraint(
                name="webhook_delivery_event_id_said", condition=Q(event_id__isnull=True) | ~Q(event_id="")
            ),
            models.CheckConstraint(
                name="webhook_delivery_dead_says_why",
                condition=~Q(status__in=["dead", "ignored"]) | ~Q(error=""),
            ),
            models.CheckConstraint(
                name="webhook_delivery_purged_when_done",
                condition=Q(purged_at__isnull=True) | Q(status__in=["parsed", "ignored"], body=b""),
            ),
        ]
        indexes = [
            models.Index(fields=["id"], name="webhook_delivery_waiting", condition=Q(status="received")),
            models.Index(fields=["-id"], name="webhook_delivery_dead", condition=Q(status="dead")),
            models.Index(fields=["received_at"], name="webhook_delivery_received"),
            models.Index(
                fields=["received_at"],
                name="webhook_delivery_done",
                condition=Q(status__in=["parsed", "ignored"], purged_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.received_at:%Y-%m-%d %H:%M:%S}"


class WebhookRegistration(models.Model):
    """The one webhook at Helius: its id there, and the set of addresses that it was last given."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    webhook_id = models.CharField(max_length=100, blank=True, db_comment="Empty: not created yet")
    pushed_digest = models.CharField(max_length=64, blank=True, db_comment="SHA-256 of the sorted addresses")
    pushed_count = models.PositiveIntegerField(default=0)
    pushed_at = models.DateTimeField(null=True)
    checked_at = models.DateTimeField(null=True, db_comment="When the list there was last compared with ours")
    error = models.CharField(max_length=500, blank=True, db_comment="Empty: the last try worked")
    failures = models.PositiveIntegerField(default=0, db_comment="In a row; each waits longer")
    next_try_at = models.DateTimeField(null=True)
    last_delivery_at = models.DateTimeField(null=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table_comment = "Configuration singleton: the one global webhook and what it was last told"
        constraints = [
            models.CheckConstraint(name="webhook_registration_one_row", condition=Q(id=1)),
        ]

    def __str__(self) -> str:
        return self.webhook_id or "-"
