"""What happened and who did it: the audit log for operators, the activity feed for people."""

from typing import Self

from django.contrib.auth.models import AnonymousUser
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models.account import Account
from accounts.models.person import User


class AuditEventQuerySet(models.QuerySet["AuditEvent"]):
    def for_user(self, user: User | AnonymousUser) -> Self:
        """Only what was done to this person's own things."""
        return self.filter(owner_id=user.pk) if user.pk else self.none()


class AuditEvent(models.Model):
    """One change, who made it and what it was before and after. Append-only, enforced by the database.

    Ids are plain numbers: a foreign key out of an append-only table would either block a deletion or rewrite history.
    """

    id = models.BigAutoField(primary_key=True)
    occurred_at = models.DateTimeField(auto_now_add=True)
    actor_id = models.BigIntegerField(null=True, db_comment="Who acted; NULL for the system itself")
    actor_email = models.CharField(max_length=254, blank=True)
    owner_id = models.BigIntegerField(null=True, db_comment="Whose things were changed")
    event = models.CharField(max_length=60, db_comment="noun.verb, such as account.update")
    subject = models.CharField(max_length=60, blank=True, db_comment="The kind of thing changed")
    subject_id = models.CharField(max_length=64, blank=True)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    address = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=300, blank=True)
    request_id = models.CharField(max_length=64, blank=True)

    objects = AuditEventQuerySet.as_manager()

    class Meta:
        db_table_comment = "Event log, append-only: who changed what, in the same transaction as the change"
        indexes = [
            models.Index(fields=["owner_id", "id"], name="audit_owner"),
            models.Index(fields=["event", "occurred_at"], name="audit_event"),
            models.Index(fields=["occurred_at"], name="audit_occurred_at"),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.subject_id}"


class ActivityKind(models.TextChoices):
    IMPORT = "import", pgettext_lazy("noun", "Import")
    TRADE = "trade", _("Trade")
    ACCOUNT = "account", _("Account")
    CASH = "cash", _("Cash")
    ACCESS = "access", _("Access")
    SYSTEM = "system", _("System")
    ANALYSIS = "analysis", _("Analysis")
    DECISION = "decision", _("Decision")
    ERROR = "error", _("Error")
    INFO = "info", _("Information")
    WARNING = "warning", _("Warning")


class ActivityEntryQuerySet(models.QuerySet["ActivityEntry"]):
    def for_user(self, user: User | AnonymousUser) -> Self:
        """Only what this person owns."""
        return self.filter(owner_id=user.pk) if user.pk else self.none()


class ActivityEntry(models.Model):
    """One line of a person's feed, in words."""

    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="activity", db_index=False)
    # One composite foreign key holds both (in the migration); an account that goes leaves its lines behind.
    account = models.ForeignKey(
        Account, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False, db_constraint=False
    )
    kind = models.CharField(max_length=10, choices=ActivityKind)
    text = models.CharField(max_length=500)
    link = models.CharField(max_length=200, blank=True)
    metadata = models.JSONField(null=True, db_comment="An object of whatever a program wants to keep with the line")
    occurred_at = models.DateTimeField(auto_now_add=True)

    objects = ActivityEntryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "activity entries"
        db_table_comment = "Event log: a person's feed, in words; what is old may be forgotten"
        indexes = [
            models.Index(fields=["owner", "-id"], name="activity_owner"),
            models.Index(fields=["account", "-id"], name="activity_account", condition=models.Q(account__isnull=False)),
            BrinIndex(fields=["occurred_at"], name="activity_occurred_at"),
        ]
        constraints = [
            models.CheckConstraint(name="activity_kind_valid", condition=models.Q(kind__in=ActivityKind.values))
        ]

    def __str__(self) -> str:
        return self.text
