"""An account's cash in one currency, and the ledger that explains every change of it."""

from decimal import Decimal
from typing import Self

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.decimals import plain
from accounts.fields import LARGEST_MONEY, MoneyField, UUIDv7, finite
from accounts.models.account import Account
from accounts.models.person import User


class PortfolioQuerySet(models.QuerySet["Portfolio"]):
    def for_user(self, user: User | AnonymousUser) -> Self:
        """Only what this person owns."""
        return self.filter(account__owner_id=user.pk) if user.pk else self.none()


class Portfolio(models.Model):
    """Cash of one account in one currency."""

    public_id = models.UUIDField(db_default=UUIDv7(), unique=True, editable=False)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="portfolios", db_index=False)
    currency = models.CharField(max_length=12)
    available_balance = MoneyField(default=Decimal(0))
    reserved_balance = MoneyField(default=Decimal(0), db_comment="Held for working orders")
    owed_balance = MoneyField(
        default=Decimal(0), db_comment="What fills cost beyond what was available; money that comes in pays it first"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = PortfolioQuerySet.as_manager()

    class Meta:
        db_table_comment = "Aggregate root: an account's cash in one currency"
        constraints = [
            models.UniqueConstraint(fields=["account", "currency"], name="portfolio_currency_unique_per_account"),
            models.CheckConstraint(
                name="portfolios_balance_non_negative",
                condition=Q(available_balance__gte=0) & Q(reserved_balance__gte=0) & Q(owed_balance__gte=0),
            ),
            models.CheckConstraint(
                name="portfolio_owes_only_when_empty", condition=Q(owed_balance=0) | Q(available_balance=0)
            ),
            finite(
                "portfolio_balances_finite",
                available_balance=LARGEST_MONEY,
                reserved_balance=LARGEST_MONEY,
                owed_balance=LARGEST_MONEY,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account} {self.currency}"


class LedgerKind(models.TextChoices):
    DEPOSIT = "deposit", _("Deposit")
    WITHDRAWAL = "withdrawal", _("Withdrawal")
    FEE = "fee", _("Fee")
    TRADE = "trade", _("Trade")
    RESERVE = "reserve", _("Set aside for an order")
    RELEASE = "release", _("Set free from an order")
    ADJUSTMENT = "adjustment", _("Adjustment")


class LedgerEntryQuerySet(models.QuerySet["LedgerEntry"]):
    def for_user(self, user: User | AnonymousUser) -> Self:
        """Only what this person owns."""
        return self.filter(owner_id=user.pk) if user.pk else self.none()


class LedgerEntry(models.Model):
    """One change of a portfolio's balances. Append-only."""

    public_id = models.UUIDField(db_default=UUIDv7(), unique=True, editable=False)
    owner = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", db_index=False)
    portfolio = models.ForeignKey(Portfolio, on_delete=models.PROTECT, related_name="entries", db_index=False)
    kind = models.CharField(max_length=10, choices=LedgerKind)
    available_change = MoneyField(db_comment="Signed change of the available balance")
    reserved_change = MoneyField(default=Decimal(0), db_comment="Signed change of the reserved balance")
    available_after = MoneyField(db_comment="Negative by what is owed")
    reserved_after = MoneyField()
    idempotency_key = models.CharField(max_length=255, null=True, blank=True)
    request_hash = models.CharField(max_length=64, blank=True)
    note = models.CharField(max_length=500, blank=True)
    occurred_at = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)

    objects = LedgerEntryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "ledger entries"
        db_table_comment = "Event log, append-only: every change of a balance, with the balance after it"
        constraints = [
            models.UniqueConstraint(
                fields=["portfolio", "idempotency_key"],
                name="ledger_idempotency_key_unique",
                condition=Q(idempotency_key__isnull=False),
            ),
            models.CheckConstraint(name="ledger_kind_valid", condition=Q(kind__in=LedgerKind.values)),
            models.CheckConstraint(
                name="ledger_sign_of_kind",
                condition=(Q(kind="deposit") & Q(available_change__gt=0))
                | (Q(kind="withdrawal") & Q(available_change__lt=0))
                | Q(kind="reserve", available_change__lt=0, reserved_change__gt=0)
                | Q(kind="release", available_change__gt=0, reserved_change__lt=0)
                | Q(kind__in=["fee", "trade", "adjustment"]),
            ),
            finite(
                "ledger_amounts_finite",
                available_change=LARGEST_MONEY,
                reserved_change=LARGEST_MONEY,
                available_after=LARGEST_MONEY,
                reserved_after=LARGEST_MONEY,
            ),
        ]
        indexes = [models.Index(fields=["portfolio", "id"], name="ledger_portfolio")]

    def __str__(self) -> str:
        return f"{self.kind} {plain(self.available_change)} {self.portfolio}"
