"""What is known of tokens: a cache that is read through, shared by everybody here."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Self

from django.apps import apps
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from accounts.fields import LARGEST_MONEY, MoneyField, PriceField, UUIDv7, finite
from accounts.models import User

#: How long what was looked up is fresh; exactly this long ago is stale.
FRESH_FOR = timedelta(hours=1)
LARGEST_TOKEN_PRICE = Decimal(10) ** 20 - 1


class TokenQuerySet(models.QuerySet["Token"]):
    def for_user(self, user: User | AnonymousUser) -> Self:
        """What this person's wallets traded; all of them for operators. What others look at is nobody's business."""
        if not user.pk:
            return self.none()
        if user.has_perm("intelligence.view_token"):
            return self.all()
        signals = apps.get_model("intelligence", "Signal")._default_manager.filter(owner_id=user.pk)
        return self.filter(Exists(signals.filter(token_address=OuterRef("address"))))

    def stale(self, *, at: datetime) -> Self:
        """What has to be looked up anew before it is judged. What is blacklisted never is."""
        return self.filter(Q(analyzed_at__isnull=True) | Q(analyzed_at__lte=at - FRESH_FOR), is_blacklisted=False)


class Token(models.Model):
    """A token by its mint. Values are NULL where nobody knows; a failed look leaves the last good ones."""

    public_id = models.UUIDField(db_default=UUIDv7(), unique=True, editable=False)
    address = models.CharField(max_length=64, unique=True, db_comment="The mint; the database refuses to change it")
    symbol = models.CharField(max_length=40, blank=True)
    name = models.CharField(max_length=120, blank=True)
    decimals = models.PositiveSmallIntegerField(null=True)
    price = models.DecimalField(max_digits=40, decimal_places=20, null=True, db_comment="USD")
    price_at = models.DateTimeField(null=True)
    # Four things that are judged, each with who said it and when: after a partly failed look they are of different age.
    liquidity = MoneyField(null=True, db_comment="USD in its deepest pool; NULL unknown")
    liquidity_source = models.CharField(max_length=20, blank=True)
    liquidity_at = models.DateTimeField(null=True)
    top_holders = PriceField(null=True, db_comment="Fraction held by the ten largest; NULL unknown")
    top_holders_source = models.CharField(max_length=20, blank=True)
    top_holders_at = models.DateTimeField(null=True)
    contract_score = PriceField(null=True, db_comment="0 a trap to 1 nothing found; NULL unknown")
    contract_source = models.CharField(max_length=20, blank=True)
    contract_at = models.DateTimeField(null=True)
    contract_findings = models.JSONField(default=list, db_comment="What was found, in the source's words")
    born_at = models.DateTimeField(null=True, db_comment="When its first pool was made; NULL unknown")
    born_source = models.CharField(max_length=20, blank=True)
    born_read_at = models.DateTimeField(null=True)
    analyzed_at = models.DateTimeField(
        null=True, db_comment="Last look that brought all it asked for; fresh for an hour"
    )
    attempted_at = models.DateTimeField(null=True, db_comment="Last look, whatever came of it")
    analysis_source = models.CharField(max_length=60, blank=True, db_comment="Who answered; none where nobody did")
    analysis_error = models.CharField(max_length=500, blank=True, db_comment="Of the last look; empty when it worked")
    is_blacklisted = models.BooleanField(
        default=False, db_comment="Only a lifting in intelligence_tokenlisting takes it away"
    )
    blacklist_reason = models.CharField(max_length=500, blank=True)
    blacklisted_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = TokenQuerySet.as_manager()

    class Meta:
        db_table_comment = "Read-through cache: what sources say of tokens, for an hour; and who is banned for good"
        constraints = [
            models.CheckConstraint(name="token_address_said", condition=~Q(address="")),
            models.CheckConstraint(
                name="token_decimals_range", condition=Q(decimals__isnull=True) | Q(decimals__lte=36)
            ),
            finite("token_finite", liquidity=LARGEST_MONEY, price=LARGEST_TOKEN_PRICE),
            models.CheckConstraint(
                name="token_not_negative",
                condition=(Q(liquidity__isnull=True) | Q(liquidity__gte=0)) & (Q(price__isnull=True) | Q(price__gte=0)),
            ),
            models.CheckConstraint(
                name="token_top_holders_range",
                condition=Q(top_holders__isnull=True) | (Q(top_holders__gte=0) & Q(top_holders__lte=1)),
            ),
            models.CheckConstraint(
                name="token_contract_score_range",
                condition=Q(contract_score__isnull=True) | (Q(contract_score__gte=0) & Q(contract_score__lte=1)),
            ),
            models.CheckConstraint(
                name="token_values_say_who_and_when",
                condition=(Q(liquidity__isnull=True) | Q(liquidity_at__isnull=False) & ~Q(liquidity_source=""))
                & (Q(top_holders__isnull=True) | Q(top_holders_at__isnull=False) & ~Q(top_holders_source=""))
                & (Q(contract_score__isnull=True) | Q(contract_at__isnull=False) & ~Q(contract_source=""))
                & (Q(born_at__isnull=True) | Q(born_read_at__isnull=False) & ~Q(born_source=""))
                & (Q(price__isnull=True) | Q(price_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="token_blacklisted_says_why",
                condition=Q(is_blacklisted=False) | (Q(blacklisted_at__isnull=False) & ~Q(blacklist_reason="")),
            ),
        ]
        indexes = [
            models.Index(fields=["analyzed_at"], name="token_stale", condition=Q(is_blacklisted=False)),
            models.Index(fields=["-id"], name="token_blacklisted", condition=Q(is_blacklisted=True)),
        ]

    def __str__(self) -> str:
        return self.symbol or f"{self.address[:4]}…{self.address[-4:]}"

    def is_fresh(self, *, at: datetime) -> bool:
        """Whether it was looked up less than an hour ago; exactly an hour ago is not."""
        return self.analyzed_at is not None and at - self.analyzed_at < FRESH_FOR

    def age(self, *, at: datetime) -> timedelta | None:
        """How old it is; None where nobody knows."""
        return None if self.born_at is None else at - self.born_at


class TokenListingKind(models.TextChoices):
    """Banned, or a ban corrected."""

    BLACKLISTED = "blacklisted", _("Blacklisted")
    LIFTED = "lifted", _("Lifted")


class TokenListing(models.Model):
    """A ban of a token, or the correction of one. Append-only; a trigger on tokens asks for it."""

    public_id = models.UUIDField(db_default=UUIDv7(), unique=True, editable=False)
    token = models.ForeignKey(Token, on_delete=models.PROTECT, related_name="listings", db_index=False)
    kind = models.CharField(max_length=11, choices=TokenListingKind)
    reason = models.CharField(max_length=500)
    occurred_at = models.DateTimeField()
    lifts = models.DateTimeField(null=True, db_comment="blacklisted_at of the ban that it takes away")
    actor_id = models.BigIntegerField(null=True, db_comment="Who did it; NULL for the system itself")
    actor_email = models.CharField(max_length=254, blank=True)

    class Meta:
        db_table_comment = "Event log, append-only: bans of tokens and their corrections, with who and why"
        constraints = [
            models.CheckConstraint(name="token_listing_kind_valid", condition=Q(kind__in=TokenListingKind.values)),
            models.CheckConstraint(name="token_listing_says_why", condition=~Q(reason="")),
            models.CheckConstraint(
                name="token_listing_lifts_one",
                condition=Q(kind="blacklisted", lifts__isnull=True) | Q(kind="lifted", lifts__isnull=False),
            ),
            models.UniqueConstraint(fields=["token", "lifts"], name="token_listing_lifted_once"),
        ]
        indexes = [models.Index(fields=["token", "-id"], name="token_listing_token")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.reason}"
