"""Trading accounts: one at one broker, of one person."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Self
from zoneinfo import ZoneInfo

from django.contrib.auth.models import AnonymousUser
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.fields import LARGEST_MONEY, MoneyField, UUIDv7, finite
from accounts.models.grouping import AccountGroup, AccountTag
from accounts.models.person import User


class AccountKind(models.TextChoices):
    INDIVIDUAL = "individual", _("Individual")
    CORPORATE = "corporate", _("Corporate")
    PROP = "prop", _("Prop firm")
    PAPER = "paper", _("Paper")


class AccountStatus(models.TextChoices):
    ACTIVE = "active", _("Active")
    SUSPENDED = "suspended", _("Suspended")
    CLOSED = "closed", _("Closed")


class PaperFills(models.TextChoices):
    """What fills the account's paper orders."""

    QUOTES = "quotes", _("Quotes, as they come")
    BARS = "bars", _("Bars, once they are loaded")


class CostMethod(models.TextChoices):
    FIFO = "fifo", _("First in, first out")
    AVERAGE = "average", _("Average cost")


class AccountQuerySet(models.QuerySet["Account"]):
    def for_user(self, user: User | AnonymousUser) -> Self:
        """Only what this person owns; nothing for somebody who is not signed in."""
        return self.filter(owner_id=user.pk) if user.pk else self.none()

    def current(self) -> Self:
        """Only accounts that are not archived."""
        return self.filter(archived_at__isnull=True)


class Account(models.Model):
    """One trading account at one broker."""

    public_id = models.UUIDField(db_default=UUIDv7(), unique=True, editable=False)
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="accounts", db_index=False)
    name = models.CharField(max_length=100)
    broker = models.CharField(max_length=100, blank=True)
    number = models.CharField(_("account number"), max_length=64, blank=True)
    kind = models.CharField(max_length=10, choices=AccountKind, default=AccountKind.INDIVIDUAL)
    status = models.CharField(max_length=9, choices=AccountStatus, default=AccountStatus.ACTIVE)
    currency = models.CharField(max_length=12, default="USD")
    time_zone = models.CharField(max_length=64, default="UTC")
    day_start = models.TimeField(
        default=time(0),
        db_comment="Wall time at which the trading day begins; from noon on it belongs to the next date",
    )
    cost_method = models.CharField(max_length=7, choices=CostMethod, default=CostMethod.FIFO)
    allows_short = models.BooleanField(default=False, db_comment="Whether orders may sell what is not held")
    venue = models.CharField(
        max_length=6,
        default="paper",
        editable=False,
        db_comment="Where its orders go: paper, or the broker that it is connected to",
    )
    paper_fills = models.CharField(
        max_length=6,
        choices=PaperFills,
        default=PaperFills.QUOTES,
        editable=False,
        db_comment="What fills its orders at the paper venue: quotes, or bars that are loaded later",
    )
    initial_balance = MoneyField(null=True, blank=True)
    color = models.CharField(
        max_length=7,
        default="#6b7fd7",
        validators=[RegexValidator(r"^#[0-9a-fA-F]{6}$", _("A colour is written #rrggbb."))],
    )
    description = models.TextField(blank=True, max_length=2000)
    group = models.ForeignKey(AccountGroup, on_delete=models.SET_NULL, null=True, blank=True, related_name="accounts")
    tags = models.ManyToManyField(AccountTag, blank=True, related_name="accounts")
    is_sample = models.BooleanField(default=False, editable=False)
    archived_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = AccountQuerySet.as_manager()

    class Meta:
        db_table_comment = "Aggregate root: one trading account at one broker; no limit to their number"
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "name"],
                name="account_name_unique_per_owner",
                violation_error_message=_("You have an account of this name."),
            ),
            # What composite foreign keys of owned tables refer to.
            models.UniqueConstraint(fields=["id", "owner"], name="account_id_owner"),
            models.CheckConstraint(name="account_kind_valid", condition=Q(kind__in=AccountKind.values)),
            models.CheckConstraint(name="account_status_valid", condition=Q(status__in=AccountStatus.values)),
            models.CheckConstraint(name="account_cost_method_valid", condition=Q(cost_method__in=CostMethod.values)),
            models.CheckConstraint(name="account_paper_fills_valid", condition=Q(paper_fills__in=PaperFills.values)),
            models.CheckConstraint(name="account_venue_valid", condition=Q(venue__in=["paper", "alpaca"])),
            models.CheckConstraint(name="account_name_not_blank", condition=~Q(name="")),
            models.CheckConstraint(name="account_color_hex", condition=Q(color__regex=r"^#[0-9a-fA-F]{6}$")),
            finite("account_initial_balance_finite", initial_balance=LARGEST_MONEY),
        ]
        indexes = [
            models.Index(fields=["owner", "created_at", "id"], name="account_owner_created"),
            models.Index(fields=["owner", "name", "id"], name="account_owner_name"),
            models.Index(fields=["owner", "updated_at", "id"], name="account_owner_updated"),
            models.Index(fields=["owner", "broker"], name="account_owner_broker"),
            models.Index(fields=["broker"], name="account_broker"),
            models.Index(fields=["created_at"], name="account_created_at"),
        ]

    def __str__(self) -> str:
        return self.name

    def trading_day(self, at: datetime) -> date:
        """The account's own trading day of an instant."""
        return trading_day(at, zone=ZoneInfo(self.time_zone), day_start=self.day_start)

    def trading_day_ends(self, at: datetime) -> datetime:
        """When the account's own trading day of an instant is over, and the next begins."""
        return trading_day_ends(at, zone=ZoneInfo(self.time_zone), day_start=self.day_start)


def trading_day(at: datetime, *, zone: ZoneInfo, day_start: time) -> date:
    """The trading day that an instant falls on.

    A day that starts at or after noon is named for the date it ends on: with 17:00 in Chicago, Sunday 18:00 is Monday.
    """
    local = at.astimezone(zone)
    started = local.date() if local.time() >= day_start else local.date() - timedelta(days=1)
    return started + timedelta(days=1) if day_start >= time(12) else started


def trading_day_ends(at: datetime, *, zone: ZoneInfo, day_start: time) -> datetime:
    """The first instant, in UTC, of the trading day after the one that `at` falls on."""
    today, on = trading_day(at, zone=zone, day_start=day_start), at.astimezone(zone).date()
    # A clock that is put back shows a time twice, the first of which may have been today already.
    starts = (
        datetime.combine(on + timedelta(days=days), day_start, tzinfo=zone).replace(fold=fold).astimezone(UTC)
        for days in (0, 1)
        for fold in (0, 1)
    )
    return next(start for start in starts if start > at and trading_day(start, zone=zone, day_start=day_start) > today)
