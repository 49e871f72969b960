"""Fills: what was bought or sold, when, at what price and cost."""

from decimal import Decimal
from typing import Self

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.decimals import plain
from accounts.fields import LARGEST_MONEY, LARGEST_PRICE, MoneyField, PriceField, UUIDv7, finite
from accounts.models import Account, User
from trading.models.importing import ImportBatch
from trading.models.instrument import Instrument


class Side(models.TextChoices):
    BUY = "buy", _("Buy")
    SELL = "sell", _("Sell")


class ExecutionSource(models.TextChoices):
    IMPORT = "import", _("Imported")
    MANUAL = "manual", _("Entered by hand")
    ORDER = "order", _("Order of this desk")


class ExecutionQuerySet(models.QuerySet["Execution"]):
    def for_user(self, user: User | AnonymousUser) -> Self:
        """Only what this person owns."""
        return self.filter(owner_id=user.pk) if user.pk else self.none()

    def standing(self) -> Self:
        """Only fills that count: not voided by a correction or a deletion."""
        return self.filter(voided_at__isnull=True)

    def in_order(self) -> Self:
        """In the order in which they are matched."""
        return self.order_by("sort_at", "sequence", "id")


class Execution(models.Model):
    """One fill. Immutable but for `voided_at`; a correction is a new row that names the one it corrects."""

    public_id = models.UUIDField(db_default=UUIDv7(), unique=True, editable=False)
    # Owner and account are held together by one composite foreign key (migration 0002): a fill cannot be stored
    # under somebody else's account, and one check per row costs half of two.
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False)
    account = models.ForeignKey(
        Account, on_delete=models.CASCADE, related_name="executions", db_index=False, db_constraint=False
    )
    # Its index is with those below, by time.
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+", db_index=False)
    side = models.CharField(max_length=4, choices=Side)
    quantity = PriceField()
    price = PriceField()
    multiplier = PriceField(default=Decimal(1), db_comment="As the file or the contract had it at the time")
    currency = models.CharField(max_length=12)
    commission = MoneyField(default=Decimal(0), db_comment="Cost positive, rebate negative")
    fees = MoneyField(default=Decimal(0), db_comment="All other costs; a credit is negative")
    executed_at = models.DateTimeField(null=True, db_comment="NULL when the source gave a date only")
    executed_on = models.DateField(db_comment="Trading day in the account's zone")
    sort_at = models.DateTimeField(db_comment="Place in the order of fills: executed_at, else the start of executed_on")
    sequence = models.IntegerField(default=0, db_comment="Order among fills of the same instant")
    identity = models.UUIDField(db_comment="Of the raw input, computed once: the same fill again is a duplicate")
    broker_fill_id = models.CharField(max_length=100, blank=True)
    order_id = models.CharField(max_length=100, blank=True)
    broker_pnl = MoneyField(null=True, db_comment="The broker's own realized P&L of this fill, after costs")
    source = models.CharField(max_length=6, choices=ExecutionSource, default=ExecutionSource.IMPORT)
    # No constraint in the database: the batch's row is updated with every step of progress, and each of a million
    # fills would walk all its versions at commit.
    batch = models.ForeignKey(
        ImportBatch,
        null=True,
        on_delete=models.CASCADE,
        related_name="executions",
        db_index=False,
        db_constraint=False,
    )
    line = models.IntegerField(null=True, db_comment="Line of the file it came from")
    corrects = models.ForeignKey(
        "self", null=True, on_delete=models.CASCADE, related_name="corrections", db_index=False
    )
    voided_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ExecutionQuerySet.as_manager()

    class Meta:
        db_table_comment = "Event log: fills as the broker or the person stated them; immutable but for voided_at"
        constraints = [
            # Names with `trades_` in them are those of the document that asked for them.
            models.UniqueConstraint(fields=["account", "identity"], name="execution_identity_unique_per_account"),
            models.CheckConstraint(name="execution_side_valid", condition=Q(side__in=Side.values)),
            models.CheckConstraint(name="execution_source_valid", condition=Q(source__in=ExecutionSource.values)),
            models.CheckConstraint(name="trades_quantity_positive", condition=Q(quantity__gt=0)),
            # What a CHECK can know of it; trigger `refuse_execution_price` keeps what is no option or future above 0.
            models.CheckConstraint(
                name="trades_price_positive", condition=Q(source__in=["import", "manual"]) | Q(price__gt=0)
            ),
            models.CheckConstraint(name="execution_multiplier_positive", condition=Q(multiplier__gt=0)),
            finite(
                "execution_values_finite",
                quantity=LARGEST_PRICE,
                price=LARGEST_PRICE,
                multiplier=LARGEST_PRICE,
                commission=LARGEST_MONEY,
                fees=LARGEST_MONEY,
                broker_pnl=LARGEST_MONEY,
            ),
        ]
        indexes = [
            models.Index(fields=["instrument", "sort_at"], name="idx_trades_instrument_time"),
            models.Index(
                fields=["account", "instrument", "sort_at", "sequence", "id"], name="execution_matching_order"
            ),
            models.Index(fields=["batch"], name="execution_batch", condition=Q(batch__isnull=False)),
            models.Index(fields=["corrects"], name="execution_corrects", condition=Q(corrects__isnull=False)),
            models.Index(fields=["owner", "-sort_at", "-id"], name="execution_owner_recent"),
            models.Index(fields=["order_id"], name="execution_of_order", condition=Q(source="order")),
        ]

    def __str__(self) -> str:
        return f"{self.side} {plain(self.quantity)} @ {plain(self.price)}"
