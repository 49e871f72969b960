"""Trading sessions: from when to when somebody traded in an account, and what it was worth at both ends."""

from typing import Self

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.fields import LARGEST_MONEY, MoneyField, UUIDv7, finite
from accounts.models import Account, User
from trading.models.breaker import LONGEST_STRATEGY


class EquityGap(models.TextChoices):
    """Why it is not known what an account was worth."""

    NO_CASH = "no_cash", _("No cash is kept here for this account")
    NO_MARK = "no_mark", _("A position had no fresh price")
    NO_RATE = "no_rate", _("A rate of exchange was missing")


def _said(name: str, gap: str) -> Q:
    """The equity, or why it is not known; never both."""
    return Q(**{f"{name}__isnull": False, gap: ""}) | Q(**{f"{name}__isnull": True, f"{gap}__in": EquityGap.values})


class TradingSessionQuerySet(models.QuerySet["TradingSession"]):
    def for_user(self, user: User | AnonymousUser) -> Self:
        """Only what this person owns."""
        return self.filter(owner_id=user.pk) if user.pk else self.none()

    def open(self) -> Self:
        """Only what has not ended."""
        return self.filter(ended_at__isnull=True)


class TradingSession(models.Model):
    """A stretch of time in one account. What was traded in it is counted where it is shown, and never stored."""

    public_id = models.UUIDField(db_default=UUIDv7(), unique=True, editable=False)
    # One composite foreign key holds both (in the migration), as for executions.
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False)
    account = models.ForeignKey(
        Account, on_delete=models.CASCADE, related_name="trading_sessions", db_index=False, db_constraint=False
    )
    name = models.CharField(max_length=100, blank=True)
    strategy = models.CharField(max_length=LONGEST_STRATEGY, blank=True)
    note = models.CharField(max_length=500, blank=True)
    currency = models.CharField(max_length=12, db_comment="That of the account when it began; of both equities")
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, db_comment="NULL while open")
    starting_equity = MoneyField(null=True, db_comment="Cash and positions at marks; NULL where it was not known")
    starting_gap = models.CharField(max_length=7, choices=EquityGap, blank=True)
    ending_equity = MoneyField(null=True)
    ending_gap = models.CharField(max_length=7, choices=EquityGap, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = TradingSessionQuerySet.as_manager()

    class Meta:
        db_table_comment = "Registry: stretches of trading in an account; what was traded in them is derived"
        constraints = [
            models.UniqueConstraint(
                fields=["account"], name="trading_session_one_open_per_account", condition=Q(ended_at__isnull=True)
            ),
            models.CheckConstraint(
                name="trading_session_ended_after_started",
                condition=Q(ended_at__isnull=True) | Q(ended_at__gt=F("started_at")),
            ),
            models.CheckConstraint(
                name="trading_session_starting_equity_or_why", condition=_said("starting_equity", "starting_gap")
            ),
            models.CheckConstraint(
                name="trading_session_ending_equity_or_why",
                condition=Q(ended_at__isnull=True, ending_equity__isnull=True, ending_gap="")
                | (Q(ended_at__isnull=False) & _said("ending_equity", "ending_gap")),
            ),
            finite("trading_session_equity_finite", starting_equity=LARGEST_MONEY, ending_equity=LARGEST_MONEY),
        ]
        indexes = [
            models.Index(fields=["owner", "-id"], name="trading_session_owner"),
            models.Index(fields=["account", "-id"], name="trading_session_account"),
        ]

    def __str__(self) -> str:
        return self.name or f"{self.account_id} {self.started_at:%Y-%m-%d %H:%M}"

    @property
    def is_open(self) -> bool:
        """Whether it still goes on."""
        return self.ended_at is None
