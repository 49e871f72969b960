"""Connections of accounts to brokers: with which keys, and how the two stand to each other."""

from typing import Self

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.fields import UUIDv7
from accounts.models.account import Account
from accounts.models.person import User


class BrokerEnvironment(models.TextChoices):
    PAPER = "paper", _("Paper: no real money")
    LIVE = "live", _("Live: real money")


class StreamState(models.TextChoices):
    """Whether what the broker says arrives by itself."""

    OFF = "off", _("Not running")
    CONNECTING = "connecting", _("Connecting")
    LIVE = "live", _("Listening")
    DOWN = "down", _("Broken off")


class BrokerConnectionQuerySet(models.QuerySet["BrokerConnection"]):
    def for_user(self, user: User | AnonymousUser) -> Self:
        """Only what this person owns."""
        return self.filter(owner_id=user.pk) if user.pk else self.none()


class BrokerConnection(models.Model):
    """The keys with which an account's orders go to its broker. What they are is never shown again."""

    public_id = models.UUIDField(db_default=UUIDv7(), unique=True, editable=False)
    # One composite foreign key holds both (in the migration), as for executions.
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False)
    account = models.OneToOneField(Account, on_delete=models.CASCADE, related_name="connection", db_constraint=False)
    venue = models.CharField(max_length=6, default="alpaca")
    environment = models.CharField(_("environment"), max_length=5, choices=BrokerEnvironment)
    sealed_key_id = models.TextField(editable=False, db_comment="Encrypted by CREDENTIALS_KEY")
    sealed_secret = models.TextField(editable=False, db_comment="Encrypted by CREDENTIALS_KEY")
    key_hint = models.CharField(max_length=8, editable=False, db_comment="The end of the key id, to tell keys apart")
    broker_account = models.CharField(max_length=64, blank=True, db_comment="The account's number at the broker")
    stream_state = models.CharField(max_length=10, choices=StreamState, default=StreamState.OFF)
    stream_at = models.DateTimeField(null=True, db_comment="When the stream was last known to be as it says")
    stream_error = models.CharField(max_length=300, blank=True)
    reconciled_at = models.DateTimeField(null=True)
    differences = models.IntegerField(default=0, db_comment="That the last reconciliation could not repair")
    last_activity = models.CharField(
        max_length=100, blank=True, db_comment="The broker's id of the last activity that was taken over"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = BrokerConnectionQuerySet.as_manager()

    class Meta:
        db_table_comment = "Registry: which account is traded at which broker, with keys that only the server can open"
        constraints = [
            models.CheckConstraint(name="broker_connection_venue_valid", condition=Q(venue__in=["alpaca"])),
            models.CheckConstraint(
                name="broker_connection_words_valid",
                condition=Q(environment__in=BrokerEnvironment.values) & Q(stream_state__in=StreamState.values),
            ),
            models.CheckConstraint(
                name="broker_connection_has_keys", condition=~Q(sealed_key_id="") & ~Q(sealed_secret="")
            ),
            models.CheckConstraint(name="broker_connection_differences_counted", condition=Q(differences__gte=0)),
        ]
        indexes = [models.Index(fields=["owner"], name="broker_connection_owner")]

    def __str__(self) -> str:
        return f"{self.venue} {self.environment} …{self.key_hint}"
