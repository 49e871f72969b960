"""Orders: intents sent to a venue, and every event that ever changed one."""

from decimal import Decimal
from typing import Self

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.decimals import plain
from accounts.fields import LARGEST_MONEY, LARGEST_PRICE, MoneyField, PriceField, UUIDv7, finite
from accounts.models import Account, User
from trading.models.breaker import LONGEST_STRATEGY
from trading.models.execution import Execution
from trading.models.instrument import Instrument
from trading.order_rules.reservations import Held
from trading.order_rules.statuses import TERMINAL, Event, Status
from trading.order_rules.statuses import Outcome as EventOutcome
from trading.order_rules.vocabulary import OrderClass, OrderType, PositionIntent, Purpose, Side, TimeInForce

ENDS = sorted(TERMINAL)


class OrderSource(models.TextChoices):
    UI = "ui", pgettext_lazy("where an order came from", "Desk")
    API = "api", "API"
    BOT = "bot", pgettext_lazy("where an order came from", "Bot")
    PLAN = "plan", _("Exit plan")
    RECONCILIATION = "reconciliation", _("Reconciliation")


class Venue(models.TextChoices):
    PAPER = "paper", _("Paper")
    ALPACA = "alpaca", "Alpaca"


class OrderQuerySet(models.QuerySet["Order"]):
    def for_user(self, user: User | AnonymousUser) -> Self:
        """Only what this person owns."""
        return self.filter(owner_id=user.pk) if user.pk else self.none()

    def live(self) -> Self:
        """Only orders that may still execute."""
        return self.exclude(status__in=ENDS)

    def ended(self) -> Self:
        """Only orders that are at their end."""
        return self.filter(status__in=ENDS)


class Order(models.Model):
    """One intent to buy or sell. `trading.orders` alone writes it; what it may become is in docs/orders.md."""

    public_id = models.UUIDField(db_default=UUIDv7(), unique=True, editable=False)
    # Owner and account are held together by one composite foreign key, as those of fills are.
    owner = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False)
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="orders", db_index=False, db_constraint=False
    )
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+", db_index=False)
    venue = models.CharField(max_length=6, choices=Venue, default=Venue.PAPER)
    client_order_id = models.CharField(max_length=128)
    request_hash = models.CharField(max_length=64, db_comment="Of what was asked: the same id with another is refused")
    broker_order_id = models.CharField(max_length=100, null=True, blank=True)
    side = models.CharField(max_length=4, choices=[(word.value, word.value) for word in Side])
    position_intent = models.CharField(max_length=13, blank=True)
    purpose = models.CharField(max_length=18, default=Purpose.ENTRY.value)
    type = models.CharField(max_length=13)
    order_class = models.CharField(max_length=7, default=OrderClass.SIMPLE.value)
    time_in_force = models.CharField(max_length=3)
    extended_hours = models.BooleanField(default=False)
    quantity = PriceField(null=True)
    notional = MoneyField(null=True, db_comment="An amount of money in place of a quantity")
    limit_price = PriceField(null=True)
    stop_price = PriceField(null=True)
    trail_price = PriceField(null=True)
    trail_ratio = PriceField(null=True)
    take_profit_limit = PriceField(null=True, db_comment="Of the exits that the order brings")
    stop_loss_stop = PriceField(null=True)
    stop_loss_limit = PriceField(null=True)
    best_price = PriceField(null=True, db_comment="The most favourable mark since a trailing stop began to work")
    is_resting = models.BooleanField(default=False, db_comment="It has met the market once and waits at its own price")
    is_triggered = models.BooleanField(default=False, db_comment="A stop that was touched works on as market or limit")
    status = models.CharField(max_length=20, default=Status.PENDING_SUBMIT.value)
    previous_status = models.CharField(max_length=20, blank=True, db_comment="Restored when a request is refused")
    filled_quantity = PriceField(default=Decimal(0))
    overfill_quantity = PriceField(default=Decimal(0), db_comment="Executed beyond the quantity; never cut off")
    filled_average_price = PriceField(null=True)
    remaining_quantity = models.GeneratedField(
        expression=F("quantity") - F("filled_quantity"),
        output_field=models.DecimalField(max_digits=28, decimal_places=12),
        db_persist=True,
    )
    has_late_fill = models.BooleanField(default=False)
    reject_source = models.CharField(max_length=8, blank=True, db_comment="pretrade or broker")
    reasons = models.JSONField(default=list, blank=True, db_comment="Why it was refused: code, pointer, words, values")
    held = models.CharField(max_length=10, blank=True, db_comment="What it sets aside: funds, holdings, underlying")
    held_per_unit = models.DecimalField(max_digits=40, decimal_places=20, null=True)
    held_fees = MoneyField(default=Decimal(0), db_comment="Estimated costs that are set aside with it")
    shares_hold = models.BooleanField(
        default=False, db_comment="Its sibling sets aside what either of the two may sell"
    )
    reserved_amount = MoneyField(default=Decimal(0))
    reserved_units = PriceField(default=Decimal(0))
    traded_amount = MoneyField(default=Decimal(0), db_comment="Signed money of its fills, without costs")
    fee_amount = MoneyField(default=Decimal(0), db_comment="Costs of its fills")
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="legs", db_index=False
    )
    has_exit_plan = models.BooleanField(
        default=False, db_comment="Its fills enter a managed position, which waited for them"
    )
    replaces = models.OneToOneField("self", null=True, blank=True, on_delete=models.PROTECT, related_name="replaced_by")
    chain_id = models.UUIDField(db_comment="The same for an order and all that took its place")
    strategy = models.CharField(max_length=LONGEST_STRATEGY, blank=True)
    source = models.CharField(max_length=14, choices=OrderSource, default=OrderSource.API)
    version = models.IntegerField(default=1)
    attempts = models.SmallIntegerField(default=0, db_comment="How often it was sent to the venue")
    reference_price = PriceField(null=True, db_comment="What the market gave its side when it was placed")
    submitted_at = models.DateTimeField(null=True)
    accepted_at = models.DateTimeField(null=True)
    filled_at = models.DateTimeField(null=True)
    canceled_at = models.DateTimeField(null=True)
    expired_at = models.DateTimeField(null=True)
    rejected_at = models.DateTimeField(null=True)
    replaced_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    last_event_at = models.DateTimeField(null=True, db_comment="By the venue's clock")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = OrderQuerySet.as_manager()

    class Meta:
        db_table_comment = (
            "Command log: intents sent to a venue with what became of them; trading.orders alone writes it"
        )
        constraints = [
            # Names with `orders_` in front are those of the document that asked for them.
            models.CheckConstraint(
                name="orders_quantity_positive", condition=Q(quantity__isnull=True) | Q(quantity__gt=0)
            ),
            models.CheckConstraint(
                name="orders_filled_quantity_valid",
                condition=Q(filled_quantity__gte=0)
                & (Q(quantity__isnull=True) | Q(filled_quantity__lte=F("quantity"))),
            ),
            models.CheckConstraint(
                name="orders_remaining_quantity_valid",
                condition=Q(quantity__isnull=True) | Q(remaining_quantity=F("quantity") - F("filled_quantity")),
            ),
            models.CheckConstraint(name="orders_status_valid", condition=Q(status__in=[*Status])),
            models.CheckConstraint(
                name="orders_market_price_null", condition=~Q(type="market") | Q(limit_price__isnull=True)
            ),
            models.UniqueConstraint(fields=["account", "client_order_id"], name="idx_orders_client_order_id"),
            models.UniqueConstraint(
                fields=["account", "broker_order_id"],
                name="order_broker_id_unique_per_account",
                condition=Q(broker_order_id__isnull=False),
            ),
            models.CheckConstraint(
                name="order_quantity_or_notional",
                condition=Q(quantity__isnull=False, notional__isnull=True)
                | Q(quantity__isnull=True, notional__isnull=False, notional__gt=0),
            ),
            models.CheckConstraint(
                name="order_limit_price_of_type",
                condition=Q(type__in=["limit", "stop_limit"], limit_price__isnull=False, limit_price__gt=0)
                | (~Q(type__in=["limit", "stop_limit"]) & Q(limit_price__isnull=True)),
            ),
            models.CheckConstraint(
                name="order_stop_price_of_type",
                condition=Q(type__in=["stop", "stop_limit"], stop_price__isnull=False, stop_price__gt=0)
                | (~Q(type__in=["stop", "stop_limit"]) & Q(stop_price__isnull=True)),
            ),
            models.CheckConstraint(
                name="order_trail_of_type",
                condition=Q(
                    type="trailing_stop", trail_price__isnull=False, trail_price__gt=0, trail_ratio__isnull=True
                )
                | Q(
                    type="trailing_stop",
                    trail_price__isnull=True,
                    trail_ratio__isnull=False,
                    trail_ratio__gt=0,
                    trail_ratio__lt=1,
                )
                | (~Q(type="trailing_stop") & Q(trail_price__isnull=True, trail_ratio__isnull=True)),
            ),
            models.CheckConstraint(
                name="order_time_in_force_of_type",
                condition=Q(time_in_force__in=["day", "gtc"])
                | Q(time_in_force__in=["ioc", "fok", "opg", "cls"], type__in=["market", "limit"]),
            ),
            models.CheckConstraint(
                name="order_extended_hours_limit_for_the_day",
                condition=Q(extended_hours=False) | Q(type="limit", time_in_force="day"),
            ),
            models.CheckConstraint(
                name="order_trailing_stop_stands_alone",
                condition=~Q(type="trailing_stop") | Q(order_class="simple", notional__isnull=True),
            ),
            models.CheckConstraint(
                name="order_exits_of_class",
                condition=Q(
                    order_class__in=["bracket", "oco"], take_profit_limit__isnull=False, stop_loss_stop__isnull=False
                )
                | (Q(order_class="oto") & (Q(take_profit_limit__isnull=False) | Q(stop_loss_stop__isnull=False)))
                | Q(
                    order_class__in=["simple", "mleg"],
                    take_profit_limit__isnull=True,
                    stop_loss_stop__isnull=True,
                    stop_loss_limit__isnull=True,
                ),
            ),
            models.CheckConstraint(
                name="order_exits_in_time",
                condition=Q(order_class__in=["simple", "mleg"])
                | Q(time_in_force__in=["day", "gtc"], extended_hours=False),
            ),
            models.CheckConstraint(
                name="order_words_valid",
                condition=Q(side__in=[*Side])
                & Q(position_intent__in=["", *PositionIntent])
                & Q(purpose__in=[*Purpose])
                & Q(type__in=[*OrderType])
                & Q(order_class__in=[*OrderClass])
                & Q(time_in_force__in=[*TimeInForce])
                & Q(previous_status__in=["", *Status])
                & Q(held__in=["", *Held])
                & Q(source__in=OrderSource.values)
                & Q(venue__in=Venue.values)
                & Q(reject_source__in=["", "pretrade", "broker"]),
            ),
            models.CheckConstraint(
                name="order_intent_has_its_side",
                condition=Q(position_intent="")
                | Q(side="buy", position_intent__startswith="buy_")
                | Q(side="sell", position_intent__startswith="sell_"),
            ),
            models.CheckConstraint(
                name="order_reserves_nothing_at_its_end",
                condition=~Q(status__in=ENDS) | Q(reserved_amount=0, reserved_units=0),
            ),
            models.CheckConstraint(
                name="order_reserves_no_less_than_nothing",
                condition=Q(reserved_amount__gte=0, reserved_units__gte=0, overfill_quantity__gte=0),
            ),
            models.CheckConstraint(
                name="order_filled_is_full",
                condition=~Q(status="filled") | Q(quantity__isnull=True) | Q(filled_quantity=F("quantity")),
            ),
            models.CheckConstraint(
                name="order_average_price_with_fills",
                condition=Q(filled_quantity=0, filled_average_price__isnull=True)
                | Q(filled_quantity__gt=0, filled_average_price__isnull=False),
            ),
            models.CheckConstraint(
                name="order_rejected_by_somebody",
                condition=~Q(status="rejected") | ~Q(reject_source=""),
            ),
            finite(
                "order_values_finite",
                quantity=LARGEST_PRICE,
                notional=LARGEST_MONEY,
                limit_price=LARGEST_PRICE,
                stop_price=LARGEST_PRICE,
                trail_price=LARGEST_PRICE,
                take_profit_limit=LARGEST_PRICE,
                stop_loss_stop=LARGEST_PRICE,
                stop_loss_limit=LARGEST_PRICE,
                best_price=LARGEST_PRICE,
                filled_quantity=LARGEST_PRICE,
                overfill_quantity=LARGEST_PRICE,
                filled_average_price=LARGEST_PRICE,
                held_per_unit=LARGEST_PRICE,
                held_fees=LARGEST_MONEY,
                reserved_amount=LARGEST_MONEY,
                reserved_units=LARGEST_PRICE,
                traded_amount=LARGEST_MONEY,
                fee_amount=LARGEST_MONEY,
                reference_price=LARGEST_PRICE,
            ),
        ]
        indexes = [
            models.Index(fields=["account", "status"], name="idx_orders_account_status"),
            models.Index(fields=["instrument", "status"], name="idx_orders_instrument_status"),
            models.Index(fields=["created_at"], name="idx_orders_created_at"),
            models.Index(fields=["owner", "-created_at", "-id"], name="order_owner_recent"),
            models.Index(fields=["account", "instrument"], name="order_account_live", condition=~Q(status__in=ENDS)),
            models.Index(
                fields=["instrument", "side", "limit_price"],
                name="order_paper_book",
                condition=Q(venue="paper", status__in=["new", "partially_filled"]),
            ),
            models.Index(
                fields=["instrument", "side", "stop_price"],
                name="order_paper_stops",
                condition=Q(venue="paper", status__in=["new", "partially_filled"], is_triggered=False)
                & Q(type__in=["stop", "stop_limit", "trailing_stop"]),
            ),
            models.Index(
                fields=["instrument"],
                name="order_paper_coming",
                condition=Q(venue="paper", status__in=["new", "partially_filled"], is_resting=False),
            ),
            models.Index(fields=["expires_at"], name="order_to_expire", condition=~Q(status__in=ENDS)),
            models.Index(fields=["parent"], name="order_parent", condition=Q(parent__isnull=False)),
            models.Index(fields=["chain_id"], name="order_chain"),
        ]

    def __str__(self) -> str:
        asked = self.quantity or self.notional
        return f"{self.side} {plain(asked) if asked else ''} {self.type} {self.status}".replace("_", " ")

    @property
    def leaves(self) -> Decimal | None:
        """What of its quantity is not filled; None for an amount of money."""
        return None if self.quantity is None else self.quantity - self.filled_quantity

    @property
    def is_live(self) -> bool:
        """Whether it may still execute."""
        return Status(self.status) not in TERMINAL

    @property
    def is_working(self) -> bool:
        """Whether it may execute at the venue now."""
        return Status(self.status).is_working


class OrderEventQuerySet(models.QuerySet["OrderEvent"]):
    def for_user(self, user: User | AnonymousUser) -> Self:
        """Only what happened to this person's orders."""
        return self.filter(owner_id=user.pk) if user.pk else self.none()


class OrderEventKind(models.TextChoices):
    """Which of the three shapes the event has."""

    REPORT = "report", _("Report")
    FILL = "fill", _("Fill")
    CORRECTION = "correction", _("Correction")


class OrderEvent(models.Model):
    """Something that happened to an order or was said of it. Append-only; what was refused is kept as ignored."""

    public_id = models.UUIDField(db_default=UUIDv7(), unique=True, editable=False)
    owner_id = models.BigIntegerField(db_comment="A plain number: no foreign key that cascades leaves an event log")
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="events", db_index=False)
    account_id = models.BigIntegerField()
    kind = models.CharField(max_length=10, choices=OrderEventKind)
    event = models.CharField(max_length=20)
    outcome = models.CharField(max_length=9, db_comment="What it did when it arrived; ignored ones changed nothing")
    status_before = models.CharField(max_length=20, blank=True)
    status_after = models.CharField(max_length=20)
    source = models.CharField(max_length=20, db_comment="Which venue said it; local for steps of this system")
    identity = models.CharField(max_length=160, db_comment="Under which the source repeats it")
    occurred_at = models.DateTimeField(db_comment="By the venue's clock")
    quantity = PriceField(null=True)
    price = PriceField(null=True)
    fees = MoneyField(null=True)
    completes = models.BooleanField(default=False)
    filled_so_far = PriceField(null=True)
    corrects = models.CharField(max_length=160, blank=True, db_comment="The execution id that a correction is about")
    replacement_id = models.CharField(max_length=160, blank=True)
    match_id = models.UUIDField(null=True, db_comment="The same on both sides of a fill between two orders")
    execution = models.ForeignKey(
        Execution, null=True, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    details = models.JSONField(default=dict, blank=True)
    actor_id = models.BigIntegerField(null=True)
    request_id = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = OrderEventQuerySet.as_manager()

    class Meta:
        db_table_comment = "Event log, append-only: every change of an order, and what was said of it and ignored"
        constraints = [
            models.UniqueConstraint(fields=["order", "source", "identity"], name="order_event_once"),
            models.CheckConstraint(
                name="order_event_words_valid",
                condition=Q(kind__in=OrderEventKind.values)
                & Q(event__in=[*Event])
                & Q(outcome__in=[*EventOutcome])
                & Q(status_before__in=["", *Status])
                & Q(status_after__in=[*Status]),
            ),
            models.CheckConstraint(
                name="order_event_fill_has_numbers",
                condition=~Q(kind="fill") | Q(quantity__gt=0, price__gt=0, fees__isnull=False),
            ),
            finite(
                "order_event_values_finite",
                quantity=LARGEST_PRICE,
                price=LARGEST_PRICE,
                fees=LARGEST_MONEY,
                filled_so_far=LARGEST_PRICE,
            ),
        ]
        indexes = [
            models.Index(fields=["order", "id"], name="order_event_of_order"),
            models.Index(fields=["owner_id", "-id"], name="order_event_owner"),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.status_before} -> {self.status_after}"
