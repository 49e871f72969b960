"""Round trips, the parts of fills that make them, what is open now, and tags."""

from datetime import date
from decimal import Decimal
from typing import Self

from django.contrib.auth.models import AnonymousUser
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from accounts.decimals import plain
from accounts.fields import LARGEST_MONEY, LARGEST_PRICE, MoneyField, PriceField, UUIDv7, finite
from accounts.models import COLOR, Account, OwnQuerySet, User
from trading.models.execution import Execution
from trading.models.instrument import Instrument


class TradeSide(models.TextChoices):
    LONG = "long", _("Long")
    SHORT = "short", _("Short")


class TradeStatus(models.TextChoices):
    OPEN = "open", _("Open")
    CLOSED = "closed", _("Closed")


class Outcome(models.TextChoices):
    WIN = "win", _("Win")
    LOSS = "loss", _("Loss")
    BREAKEVEN = "breakeven", _("Breakeven")


class FillRole(models.TextChoices):
    ENTRY = "entry", _("Entry")
    EXIT = "exit", _("Exit")


class TagRole(models.TextChoices):
    PLAIN = "plain", _("Labels")
    SETUP = "setup", _("Setups")
    MISTAKE = "mistake", _("Mistakes")


class TagGroup(models.Model):
    """Labels that belong together. Its role says what they are of a trade: how it was found, or what went wrong."""

    public_id = models.UUIDField(db_default=UUIDv7(), unique=True, editable=False)
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tag_groups", db_index=False)
    name = models.CharField(max_length=50)
    role = models.CharField(max_length=7, choices=TagRole, default=TagRole.PLAIN)
    color = models.CharField(max_length=7, default="#6b7fd7", validators=[COLOR])
    position = models.IntegerField(default=0)

    objects = OwnQuerySet.as_manager()

    class Meta:
        db_table_comment = "Registry: a person's groups of labels"
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "name"],
                name="tag_group_name_unique_per_owner",
                violation_error_message=_("You have a group of this name."),
            ),
            models.CheckConstraint(name="tag_group_role_valid", condition=Q(role__in=TagRole.values)),
        ]

    def __str__(self) -> str:
        return self.name


class Tag(models.Model):
    """A person's own label for trades."""

    public_id = models.UUIDField(db_default=UUIDv7(), unique=True, editable=False)
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tags", db_index=False)
    group = models.ForeignKey(TagGroup, on_delete=models.SET_NULL, null=True, blank=True, related_name="tags")
    name = models.CharField(max_length=50)
    color = models.CharField(
        max_length=7,
        default="#6b7fd7",
        validators=[RegexValidator(r"^#[0-9a-fA-F]{6}$", _("A colour is written #rrggbb."))],
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class TagQuerySet(models.QuerySet["Tag"]):
        def for_user(self, user: User | AnonymousUser) -> Self:
            """Only what this person owns."""
            return self.filter(owner_id=user.pk) if user.pk else self.none()

    objects = TagQuerySet.as_manager()

    class Meta:
        db_table_comment = "Registry: a person's labels"
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "name"],
                name="tag_name_unique_per_owner",
                violation_error_message=_("You have a tag of this name."),
            )
        ]

    def __str__(self) -> str:
        return self.name


class TradeQuerySet(models.QuerySet["Trade"]):
    def for_user(self, user: User | AnonymousUser) -> Self:
        """Only what this person owns."""
        return self.filter(owner_id=user.pk) if user.pk else self.none()

    def closed(self) -> Self:
        """Only trades that are flat again."""
        return self.filter(status=TradeStatus.CLOSED)

    def realized_between(self, start: date | None, end: date | None) -> Self:
        """Only trades with an exit on a day from start to end, both included; None leaves that side open.

        These are the trades that make the P&L of those days: realized P&L belongs to the day of the exit.
        """
        if start is None and end is None:
            return self
        exits = TradeFill.objects.filter(trade=OuterRef("pk"), role=FillRole.EXIT)
        if start is not None:
            exits = exits.filter(day__gte=start)
        if end is not None:
            exits = exits.filter(day__lte=end)
        queryset = self.filter(first_exit_on__isnull=False)
        if start is not None:
            queryset = queryset.filter(last_exit_on__gte=start)
        if end is not None:
            queryset = queryset.filter(first_exit_on__lte=end)
        return queryset.filter(Q(first_exit_on=F("last_exit_on")) | Exists(exits))


class Trade(models.Model):
    """One round trip, flat to flat, in one account and instrument. Derived from fills, but for the person's words."""

    public_id = models.UUIDField(db_default=UUIDv7(), unique=True, editable=False)
    # One composite foreign key holds both (migration 0002), as for executions.
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False)
    account = models.ForeignKey(
        Account, on_delete=models.CASCADE, related_name="trades", db_index=False, db_constraint=False
    )
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+", db_index=False)
    opening_execution = models.ForeignKey(
        Execution, on_delete=models.CASCADE, related_name="opened_trades", db_index=False
    )
    side = models.CharField(max_length=5, choices=TradeSide)
    status = models.CharField(max_length=6, choices=TradeStatus)
    currency = models.CharField(max_length=12)
    multiplier = PriceField(default=Decimal(1))
    opened_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    opened_on = models.DateField()
    closed_on = models.DateField(null=True, db_comment="Trading day of the last exit; NULL while open")
    first_exit_on = models.DateField(null=True)
    last_exit_on = models.DateField(null=True)
    activity_at = models.DateTimeField(db_comment="Place of the last fill in the order of fills; lists sort by it")
    quantity = PriceField(db_comment="All that was entered")
    open_quantity = PriceField(default=Decimal(0))
    entry_price = PriceField()
    exit_price = PriceField(null=True)
    fill_count = models.IntegerField(default=0)
    gross_pnl = MoneyField(default=Decimal(0), db_comment="Realized so far, before costs")
    fees = MoneyField(default=Decimal(0), db_comment="Of all fills so far; cost positive")
    net_pnl = MoneyField(default=Decimal(0), db_comment="Realized so far, after costs")
    broker_pnl = MoneyField(null=True, db_comment="The broker's own figure, where its files state one")
    outcome = models.CharField(max_length=9, choices=Outcome, null=True, db_comment="NULL while open")
    initial_stop = PriceField(null=True, blank=True)
    initial_target = PriceField(null=True, blank=True)
    planned_r = PriceField(null=True)
    realized_r = PriceField(null=True)
    note = models.TextField(blank=True, max_length=20000)
    rating = models.SmallIntegerField(null=True, blank=True, db_comment="How well it was traded, 1 to 5, by the person")
    reviewed_at = models.DateTimeField(null=True, blank=True)
    mae = MoneyField(null=True, db_comment="Largest open loss before the close, magnitude; NULL without bars")
    mfe = MoneyField(null=True, db_comment="Largest open profit before the close; NULL without bars")
    mae_at = models.DateTimeField(null=True)
    mfe_at = models.DateTimeField(null=True)
    excursion_source = models.CharField(max_length=40, null=True, db_comment="Source and resolution of the bars")
    tags = models.ManyToManyField(Tag, blank=True, related_name="trades")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = TradeQuerySet.as_manager()

    class Meta:
        db_table_comment = (
            "Materialized view of fills, with the person's own words on top; trading.trades alone writes it"
        )
        constraints = [
            # Deferred: two trades may exchange their opening fills within one change.
            models.UniqueConstraint(
                fields=["opening_execution"],
                name="trade_opening_execution_unique",
                deferrable=models.Deferrable.DEFERRED,
            ),
            models.CheckConstraint(name="trade_side_valid", condition=Q(side__in=TradeSide.values)),
            models.CheckConstraint(name="trade_status_valid", condition=Q(status__in=TradeStatus.values)),
            models.CheckConstraint(
                name="trade_outcome_valid",
                condition=Q(outcome__isnull=True) | Q(outcome__in=Outcome.values),
            ),
            models.CheckConstraint(
                name="trade_closed_when_flat",
                condition=(
                    Q(status="closed", open_quantity=0, closed_on__isnull=False, outcome__isnull=False)
                    | Q(status="open", open_quantity__gt=0, closed_on__isnull=True, outcome__isnull=True)
                ),
            ),
            models.CheckConstraint(name="trade_quantity_positive", condition=Q(quantity__gt=0)),
            finite(
                "trade_values_finite",
                quantity=LARGEST_PRICE,
                open_quantity=LARGEST_PRICE,
                entry_price=LARGEST_PRICE,
                exit_price=LARGEST_PRICE,
                gross_pnl=LARGEST_MONEY,
                fees=LARGEST_MONEY,
                net_pnl=LARGEST_MONEY,
                broker_pnl=LARGEST_MONEY,
                initial_stop=LARGEST_PRICE,
                initial_target=LARGEST_PRICE,
                planned_r=LARGEST_PRICE,
                realized_r=LARGEST_PRICE,
                mae=LARGEST_MONEY,
                mfe=LARGEST_MONEY,
            ),
            models.CheckConstraint(
                name="trade_rating_in_range", condition=Q(rating__isnull=True) | Q(rating__range=(1, 5))
            ),
        ]
        indexes = [
            # With what filters ask for most: what fits is counted, and found in the list's order, out of it alone.
            models.Index(
                fields=["owner", "-activity_at", "-id"],
                include=["account", "instrument", "side", "outcome", "first_exit_on", "last_exit_on", "opened_at"],
                name="trade_owner_recent",
            ),
            models.Index(fields=["account", "instrument", "activity_at"], name="trade_account_instrument"),
            # With the owner, so that a list of many accounts' trades is put in order out of the index alone.
            models.Index(fields=["account", "-activity_at", "-id"], include=["owner"], name="trade_accounts_recent"),
            models.Index(fields=["account", "closed_on"], name="trade_account_closed_on"),
            models.Index(fields=["owner"], name="trade_owner_open", condition=Q(status="open")),
            models.Index(
                fields=["owner", "opened_on"],
                name="trade_owner_overnight",
                condition=Q(closed_on__isnull=True) | Q(closed_on__gt=F("opened_on")),
            ),
            models.Index(
                fields=["owner", "first_exit_on", "last_exit_on"],
                name="trade_owner_exits",
                condition=Q(first_exit_on__isnull=False),
            ),
            models.Index(
                fields=["owner", "first_exit_on", "last_exit_on"],
                name="trade_owner_exits_on_days",
                condition=Q(first_exit_on__lt=F("last_exit_on")),
            ),
            # What `journal.day_rows` has to read exits of: nearly always few of a person's trades.
            models.Index(
                fields=["owner"],
                name="trade_owner_exits_apart",
                condition=Q(first_exit_on__isnull=False)
                & (
                    Q(closed_on__isnull=True)
                    | Q(first_exit_on__lt=F("closed_on"))
                    | Q(first_exit_on__gt=F("closed_on"))
                    | Q(broker_pnl__isnull=False)
                ),
            ),
            GinIndex(SearchVector("note", config="simple"), name="trade_note_words", condition=~Q(note="")),
            models.Index(fields=["owner", "-closed_on"], name="trade_owner_noted", condition=~Q(note="")),
            models.Index(
                fields=["owner", "activity_at", "id"],
                name="trade_owner_to_review",
                condition=Q(status="closed", reviewed_at__isnull=True),
            ),
            models.Index(
                fields=["owner", "-activity_at", "-id"],
                name="trade_owner_measured",
                condition=Q(mae__isnull=False, mfe__isnull=False),
            ),
            models.Index(
                fields=["owner", "reviewed_at"], name="trade_owner_reviewed", condition=Q(reviewed_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.side} {plain(self.quantity)}"

    @property
    def is_open(self) -> bool:
        """Whether something of it is still held."""
        return self.status == TradeStatus.OPEN


class TradeFill(models.Model):
    """The part of a fill that belongs to a trade: a flip has an exit in one trade and an entry in the next."""

    trade = models.ForeignKey(Trade, on_delete=models.CASCADE, related_name="fills", db_index=False)
    execution = models.ForeignKey(Execution, on_delete=models.CASCADE, related_name="parts", db_index=False)
    # Its trade's account, here so that a day's exits are found without the trade.
    account = models.ForeignKey(
        Account, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    role = models.CharField(max_length=5, choices=FillRole)
    day = models.DateField(db_comment="Trading day of the fill")
    quantity = PriceField()
    fees = MoneyField(default=Decimal(0), db_comment="This part's share of the fill's costs")
    gross_pnl = MoneyField(null=True, db_comment="Of an exit: realized before costs")
    net_pnl = MoneyField(null=True, db_comment="Of an exit: after its own and its entries' costs")
    broker_pnl = MoneyField(null=True)

    class Meta:
        db_table_comment = "Materialized view: which part of which fill belongs to which trade"
        constraints = [
            models.UniqueConstraint(fields=["trade", "execution", "role"], name="trade_fill_unique"),
            models.CheckConstraint(name="trade_fill_role_valid", condition=Q(role__in=FillRole.values)),
            models.CheckConstraint(
                name="trade_fill_pnl_on_exits_only",
                condition=Q(role="exit", gross_pnl__isnull=False, net_pnl__isnull=False)
                | Q(role="entry", gross_pnl__isnull=True, net_pnl__isnull=True),
            ),
            models.CheckConstraint(name="trade_fill_quantity_positive", condition=Q(quantity__gt=0)),
            finite(
                "trade_fill_values_finite",
                quantity=LARGEST_PRICE,
                fees=LARGEST_MONEY,
                gross_pnl=LARGEST_MONEY,
                net_pnl=LARGEST_MONEY,
                broker_pnl=LARGEST_MONEY,
            ),
        ]
        indexes = [
            models.Index(fields=["execution"], name="trade_fill_execution"),
            models.Index(fields=["account", "day"], name="trade_fill_exits_by_day", condition=Q(role="exit")),
        ]

    def __str__(self) -> str:
        return f"{self.role} {plain(self.quantity)}"


class Position(models.Model):
    """What is held now in one account and instrument."""

    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="positions", db_index=False)
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+")
    trade = models.OneToOneField(Trade, on_delete=models.CASCADE, related_name="position")
    quantity = PriceField(db_comment="Negative for a short position")
    average_price = PriceField(db_comment="Of what is still held, by the account's cost method")
    opened_at = models.DateTimeField(null=True)
    opened_on = models.DateField()

    class PositionQuerySet(models.QuerySet["Position"]):
        def for_user(self, user: User | AnonymousUser) -> Self:
            """Only what this person owns."""
            return self.filter(owner_id=user.pk) if user.pk else self.none()

    objects = PositionQuerySet.as_manager()

    class Meta:
        db_table_comment = "Materialized view of open trades"
        constraints = [
            models.UniqueConstraint(fields=["account", "instrument"], name="position_unique_per_account_instrument"),
            models.CheckConstraint(name="position_not_flat", condition=~Q(quantity=0)),
            finite("position_values_finite", quantity=LARGEST_PRICE, average_price=LARGEST_PRICE),
        ]

    def __str__(self) -> str:
        return plain(self.quantity)
