"""What was seen on watched wallets, and what was made of it. Both are written once and never changed."""

from datetime import datetime
from decimal import Decimal
from typing import Self

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.fields import LARGEST_MONEY, MoneyField, UUIDv7, finite
from accounts.models import User
from intelligence.models.delivery import WebhookDelivery
from intelligence.models.wallet import Wallet

LARGEST_AMOUNT = Decimal(10) ** 40 - 1
LARGEST_TOKEN_PRICE = Decimal(10) ** 20 - 1


class SignalType(models.TextChoices):
    """What was seen."""

    SWAP_DETECTED = "swap_detected", _("Swap")
    LIQUIDITY_ADD = "liquidity_add", _("Liquidity added")
    LIQUIDITY_REMOVE = "liquidity_remove", _("Liquidity removed")
    OTHER = "other", _("Other")


class SignalAction(models.TextChoices):
    """On which side the wallet was; what is no swap has none."""

    BUY = "buy", pgettext_lazy("signal", "Buy")
    SELL = "sell", pgettext_lazy("signal", "Sell")


class SignalQuerySet(models.QuerySet["Signal"]):
    def for_user(self, user: User | AnonymousUser) -> Self:
        """Only what was seen for this person. What matched nobody's wallet is nobody's."""
        return self.filter(owner_id=user.pk) if user.pk else self.none()

    def unmatched(self) -> Self:
        """What nobody watched."""
        return self.filter(owner_id__isnull=True)

    def unprocessed(self) -> Self:
        """What nothing was made of yet, the first received first."""
        made = SignalOutcome.objects.filter(signal_id=OuterRef("pk"))
        return self.filter(~Exists(made)).order_by("received_at", "id")

    def fresh(self) -> Self:
        """What nothing was made of yet and nobody failed at."""
        return self.unprocessed().filter(retry__isnull=True)

    def to_be_tried_again(self, at: datetime) -> Self:
        """What nothing was made of yet, as it failed, and is tried again by then."""
        return self.unprocessed().filter(retry__next_attempt_at__lte=at)

    def sold_since(self, purchase: "Signal") -> Self:
        """Sales of the same token by the same wallet that came after this purchase, whenever they were heard of.

        In one moment the block decides, and without one a sale comes after; what the chain took back was no sale.
        """
        took_back = Signal.objects.filter(
            transaction_id=OuterRef("transaction_id"), wallet_address=OuterRef("wallet_address"),
            token_address=OuterRef("token_address"), action=OuterRef("action"), owner_id=OuterRef("owner_id"),
            block=OuterRef("block"), is_removed=True,
        )  # fmt: skip
        rows = self.filter(
            ~Exists(took_back), owner_id=purchase.owner_id, wallet_id=purchase.wallet_id,
            token_address=purchase.token_address, type=SignalType.SWAP_DETECTED, action=SignalAction.SELL,
            is_removed=False,
        ).annotate(sold_at=Coalesce("occurred_at", "received_at"))  # fmt: skip
        now = Q(sold_at=purchase.moment)
        if purchase.block is not None:
            now &= Q(block__isnull=True) | Q(block__gte=purchase.block)
        return rows.filter(now | Q(sold_at__gt=purchase.moment))


class Signal(models.Model):
    """One thing that a wallet did in one transaction with one token, as it was delivered. Append-only."""

    public_id = models.UUIDField(db_default=UUIDv7(), unique=True, editable=False)
    owner_id = models.BigIntegerField(null=True, db_comment="For whom; NULL where nobody watched. A plain number")
    wallet = models.ForeignKey(
        Wallet, null=True, on_delete=models.PROTECT, related_name="signals", db_index=False,
        db_comment="The registered wallet then; the address is what was seen",
    )  # fmt: skip
    delivery = models.ForeignKey(
        WebhookDelivery, null=True, on_delete=models.PROTECT, related_name="signals", db_index=False,
        db_comment="What brought it; NULL when it was fetched after a silence",
    )  # fmt: skip
    source = models.CharField(max_length=40)
    wallet_address = models.CharField(max_length=44, db_comment="No foreign key: also of wallets that nobody watches")
    token_address = models.CharField(max_length=64, db_comment="No foreign key: also of tokens that nobody looked up")
    type = models.CharField(max_length=16, choices=SignalType)
    action = models.CharField(max_length=4, choices=SignalAction, blank=True)
    transaction_id = models.CharField(max_length=128)
    block = models.BigIntegerField(
        null=True, db_comment="Slot or height; another block for the same is a reorganization"
    )
    revision = models.PositiveIntegerField(default=0, db_comment="0 at first; more after reorganizations of the chain")
    replaces = models.ForeignKey(
        "self", null=True, on_delete=models.PROTECT, related_name="replaced_by", db_index=False,
        db_comment="What it says anew after a reorganization",
    )  # fmt: skip
    is_removed = models.BooleanField(default=False, db_comment="The chain took it back")
    amount = models.DecimalField(max_digits=76, decimal_places=36, null=True, db_comment="Tokens")
    price = models.DecimalField(
        max_digits=40, decimal_places=20, null=True, db_comment="USD for one token; NULL where no leg had a known price"
    )
    value = MoneyField(null=True, db_comment="USD")
    base_token = models.CharField(max_length=64, blank=True, db_comment="What it was swapped against")
    base_amount = models.DecimalField(max_digits=76, decimal_places=36, null=True)
    occurred_at = models.DateTimeField(null=True, db_comment="Block time, as the sender says")
    received_at = models.DateTimeField()
    payload = models.JSONField(db_comment="The transaction as it came, for another reading")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = SignalQuerySet.as_manager()

    class Meta:
        db_table_comment = (
            "Event log, append-only: what watched wallets did, one row per transaction, wallet, token, side"
        )
        constraints = [
            models.UniqueConstraint(
                fields=["transaction_id", "wallet_address", "token_address", "action", "owner_id", "revision"],
                name="signal_once",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                name="signal_words_valid",
                condition=Q(type__in=SignalType.values) & Q(action__in=["", *SignalAction.values]),
            ),
            models.CheckConstraint(name="signal_swap_has_side", condition=~Q(type="swap_detected") | ~Q(action="")),
            models.CheckConstraint(
                name="signal_addresses_said",
                condition=~Q(wallet_address="") & ~Q(token_address="") & ~Q(transaction_id=""),
            ),
            models.CheckConstraint(
                name="signal_revision_replaces",
                condition=Q(revision=0, replaces__isnull=True) | Q(revision__gt=0, replaces__isnull=False),
            ),
            models.CheckConstraint(
                name="signal_not_negative",
                condition=(Q(amount__isnull=True) | Q(amount__gte=0))
                & (Q(base_amount__isnull=True) | Q(base_amount__gte=0))
                & (Q(price__isnull=True) | Q(price__gte=0))
                & (Q(value__isnull=True) | Q(value__gte=0)),
            ),
            finite(
                "signal_finite",
                amount=LARGEST_AMOUNT,
                base_amount=LARGEST_AMOUNT,
                price=LARGEST_TOKEN_PRICE,
                value=LARGEST_MONEY,
            ),
            models.CheckConstraint(
                name="signal_wallet_has_owner", condition=Q(wallet__isnull=True) | Q(owner_id__isnull=False)
            ),
        ]
        indexes = [
            models.Index(fields=["owner_id", "-received_at", "-id"], name="signal_owner"),
            models.Index(fields=["wallet_address", "-received_at"], name="signal_wallet_address"),
            models.Index(fields=["owner_id", "token_address", "-received_at"], name="signal_token"),
            models.Index(fields=["wallet", "-received_at"], name="signal_wallet"),
            models.Index(fields=["received_at", "id"], name="signal_received"),
            models.Index(fields=["delivery"], name="signal_delivery"),
        ]

    def __str__(self) -> str:
        return f"{self.get_action_display() or self.get_type_display()} {self.token_address[:6]}…"

    @property
    def moment(self) -> datetime:
        """When it happened, by the chain's clock; where that is not known, when it came."""
        return self.occurred_at or self.received_at

    def is_before(self, other: "Signal") -> bool:
        """Whether it happened before the other one: by its time, and in one moment by its block."""
        if self.moment != other.moment:
            return self.moment < other.moment
        return self.block is not None and other.block is not None and self.block < other.block


class SignalRetry(models.Model):
    """A sale that could not be worked on when it was tried: how often, why, and when it is tried again."""

    signal = models.OneToOneField(Signal, on_delete=models.PROTECT, primary_key=True, related_name="retry")
    attempts = models.PositiveIntegerField(db_comment="That failed; the next is one more")
    problem = models.CharField(max_length=500, db_comment="Of the last of them")
    plans = models.JSONField(
        default=list, blank=True, db_comment="Outside ids of plans that it got out of all the same"
    )
    failed_at = models.DateTimeField()
    next_attempt_at = models.DateTimeField()

    class Meta:
        db_table_comment = "Command log: sales that failed and are tried again; the row stays when one has its outcome"
        verbose_name_plural = "signal retries"
        constraints = [
            models.CheckConstraint(name="signal_retry_attempts_positive", condition=Q(attempts__gt=0)),
            models.CheckConstraint(name="signal_retry_says_why", condition=~Q(problem="")),
            models.CheckConstraint(name="signal_retry_after_failure", condition=Q(next_attempt_at__gt=F("failed_at"))),
        ]

    def __str__(self) -> str:
        return f"{self.attempts}: {self.problem}"


class OutcomeVerdict(models.TextChoices):
    """In one word, what came of a signal."""

    TRADED = "traded", _("Traded")
    REJECTED = "rejected", _("Rejected")
    IGNORED = "ignored", _("Ignored")
    FAILED = "failed", _("Failed")


class CheckVerdict(models.TextChoices):
    """What one check said."""

    PASSED = "passed", _("Passed")
    FAILED = "failed", _("Failed")
    UNKNOWN = "unknown", _("Not known")
    SKIPPED = "skipped", _("Not asked")


class SignalOutcomeQuerySet(models.QuerySet["SignalOutcome"]):
    def for_user(self, user: User | AnonymousUser) -> Self:
        """Only what was made of this person's signals."""
        return self.filter(owner_id=user.pk) if user.pk else self.none()


class SignalOutcome(models.Model):
    """What was made of a signal, once and for good. Append-only."""

    public_id = models.UUIDField(db_default=UUIDv7(), unique=True, editable=False)
    owner_id = models.BigIntegerField(null=True)
    signal = models.ForeignKey(Signal, on_delete=models.PROTECT, related_name="outcomes", db_index=False)
    attempt = models.PositiveIntegerField(default=1)
    verdict = models.CharField(max_length=8, choices=OutcomeVerdict)
    action_taken = models.CharField(
        max_length=40, db_comment="position_created, rejected_safety, ignored_sell, circuit_breaker_active and others"
    )
    reason = models.CharField(max_length=1000, blank=True, db_comment="In words, all that held")
    mode = models.CharField(max_length=10, blank=True, db_comment="Of the wallet then")
    strategy_id = models.BigIntegerField(null=True, db_comment="The exit strategy of a copy; one copy for each")
    # Plain numbers: no foreign key that cascades leaves an event log.
    order_id = models.UUIDField(null=True, db_comment="Outside id of the order that was placed")
    plan_id = models.UUIDField(null=True, db_comment="Outside id of the managed position")
    decided_at = models.DateTimeField()
    details = models.JSONField(default=dict, blank=True, db_comment="Whatever else explains it, such as the size's sum")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = SignalOutcomeQuerySet.as_manager()

    class Meta:
        db_table_comment = "Event log, append-only: what was made of signals, one row for each"
        constraints = [
            models.UniqueConstraint(fields=["signal"], name="signal_outcome_once"),
            models.CheckConstraint(name="signal_outcome_verdict_valid", condition=Q(verdict__in=OutcomeVerdict.values)),
            models.CheckConstraint(name="signal_outcome_attempt_positive", condition=Q(attempt__gt=0)),
            models.CheckConstraint(name="signal_outcome_action_said", condition=~Q(action_taken="")),
            models.CheckConstraint(name="signal_outcome_says_why", condition=Q(verdict="traded") | ~Q(reason="")),
        ]
        indexes = [
            models.Index(fields=["owner_id", "-decided_at"], name="signal_outcome_owner"),
            models.Index(fields=["action_taken", "-decided_at"], name="signal_outcome_action"),
        ]

    def __str__(self) -> str:
        return self.action_taken


class SignalCheck(models.Model):
    """One check of an outcome: what was seen, the limit, who said it, how old that was, and what it came to."""

    outcome = models.ForeignKey(SignalOutcome, on_delete=models.PROTECT, related_name="checks", db_index=False)
    position = models.PositiveSmallIntegerField(db_comment="In the order in which they were made, from 0")
    name = models.CharField(max_length=40)
    seen = models.CharField(max_length=200, blank=True, db_comment="Empty: not known")
    limit = models.CharField(max_length=200, blank=True)
    source = models.CharField(max_length=60, blank=True)
    age = models.DurationField(null=True, db_comment="Of what was seen, then; NULL where it has none")
    verdict = models.CharField(max_length=7, choices=CheckVerdict)
    note = models.CharField(max_length=500, blank=True)

    class Meta:
        db_table_comment = "Event log, append-only: each check behind the outcome of a signal"
        constraints = [
            models.UniqueConstraint(fields=["outcome", "position"], name="signal_check_position"),
            models.CheckConstraint(name="signal_check_verdict_valid", condition=Q(verdict__in=CheckVerdict.values)),
            models.CheckConstraint(name="signal_check_named", condition=~Q(name="")),
        ]

    def __str__(self) -> str:
        return f"{self.name}: {self.get_verdict_display()}"
