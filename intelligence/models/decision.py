"""What was decided and why, every earlier wording of it, and what came of it."""

from decimal import Decimal
from typing import Self

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.decimals import plain
from accounts.fields import LARGEST_MONEY, LARGEST_PRICE, MoneyField, PriceField, UUIDv7, finite
from accounts.models import Account, OwnQuerySet, User
from trading.models import Instrument, ManagedPosition, Order, Outcome

#: Characters of one text of a decision: the longest of 154 real ones has 20,228.
LONGEST_TEXT = 40_000
_UPRIGHT = ("entry_price", "quantity", "stop_loss", "take_profit")


class DecisionAction(models.TextChoices):
    """What was chosen, as other systems store it. Not to act is a choice too."""

    BUY = "BUY", pgettext_lazy("decision", "Buy")
    SELL = "SELL", pgettext_lazy("decision", "Sell")
    HOLD = "HOLD", pgettext_lazy("decision", "Hold")
    CLOSE = "CLOSE", pgettext_lazy("decision", "Close")
    ADJUST = "ADJUST", pgettext_lazy("decision", "Adjust")
    PASS = "PASS", pgettext_lazy("decision", "Pass")


class ActorKind(models.TextChoices):
    PERSON = "person", _("Person")
    BOT = "bot", _("Bot")
    MODEL = "model", pgettext_lazy("who decides", "Model")


class OutcomeSource(models.TextChoices):
    """Where an outcome comes from: worked out from the trade, or stated by the file that a decision came in."""

    TRADE = "trade", _("Trade")
    STATED = "stated", _("Stated")


class DecisionQuerySet(models.QuerySet["Decision"]):
    def for_user(self, user: User | AnonymousUser) -> Self:
        """Only what this person owns and has not deleted."""
        return self.filter(owner_id=user.pk, deleted_at__isnull=True) if user.pk else self.none()

    def resolved(self) -> Self:
        """Only those of which it is known how they ended."""
        return self.filter(outcome__isnull=False)


class Decision(models.Model):
    """What somebody or something chose, and why, as it was seen then. `intelligence.decisions` writes it."""

    public_id = models.UUIDField(db_default=UUIDv7(), unique=True, editable=False)
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="decisions", db_index=False)
    # With the owner in one composite foreign key (in the migration), so that it is an account of theirs.
    account = models.ForeignKey(
        Account, on_delete=models.SET_NULL, null=True, blank=True, related_name="decisions", db_constraint=False
    )
    actor_kind = models.CharField(max_length=6, choices=ActorKind, default=ActorKind.PERSON)
    actor = models.CharField(max_length=100, blank=True, db_comment="Name of the bot or the model; of a person empty")
    action = models.CharField(max_length=6, choices=DecisionAction)
    intent = models.CharField(max_length=60, blank=True, db_comment="The free word, where action is too coarse")
    strategy = models.CharField(max_length=60, blank=True)
    reasoning = models.TextField(max_length=LONGEST_TEXT)
    market_context = models.TextField(blank=True, max_length=LONGEST_TEXT)
    reflection = models.TextField(blank=True, max_length=LONGEST_TEXT, db_comment="What was learned, once it was over")
    confidence = models.DecimalField(max_digits=5, decimal_places=4, null=True, blank=True, db_comment="0 to 1")
    entry_price = PriceField(null=True, blank=True)
    quantity = PriceField(null=True, blank=True)
    stop_loss = PriceField(null=True, blank=True, db_comment="A price")
    take_profit = PriceField(null=True, blank=True, db_comment="A price")
    decided_at = models.DateTimeField(default=timezone.now)
    instruments: "models.ManyToManyField[Instrument, DecisionInstrument]" = models.ManyToManyField(
        Instrument, through="DecisionInstrument", blank=True, related_name="decisions"
    )
    order = models.ForeignKey(Order, on_delete=models.SET_NULL, null=True, blank=True, related_name="decisions")
    managed_position = models.ForeignKey(
        ManagedPosition, on_delete=models.SET_NULL, null=True, blank=True, related_name="decisions"
    )
    trade_key = models.UUIDField(
        null=True,
        blank=True,
        db_comment="Outside id of the trade: no foreign key, as a deleted trade comes back under the same id",
    )
    trade_fill = models.UUIDField(
        null=True,
        editable=False,
        db_comment="Identity of the fill that opened that trade, by which it is found once its row is another's",
    )
    external_id = models.CharField(max_length=128, blank=True, db_comment="By which an import knows it again")
    revision = models.IntegerField(default=1, db_comment="Raised by each edit; a form of an older one is refused")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    deleted_at = models.DateTimeField(null=True, editable=False, db_comment="Gone for its owner; swept some days later")

    objects = DecisionQuerySet.as_manager()

    class Meta:
        db_table_comment = "Aggregate root: what was decided and why, before it was known how it would end"
        constraints = [
            models.CheckConstraint(name="decision_action_valid", condition=Q(action__in=DecisionAction.values)),
            models.CheckConstraint(name="decision_actor_kind_valid", condition=Q(actor_kind__in=ActorKind.values)),
            models.CheckConstraint(name="decision_actor_named", condition=Q(actor_kind="person") | ~Q(actor="")),
            models.CheckConstraint(name="decision_has_reasoning", condition=~Q(reasoning="")),
            models.CheckConstraint(
                name="decision_confidence_in_range",
                condition=Q(confidence__isnull=True) | Q(confidence__gte=0, confidence__lte=1),
            ),
            models.CheckConstraint(
                name="decision_quantity_positive", condition=Q(quantity__isnull=True) | Q(quantity__gt=0)
            ),
            models.CheckConstraint(name="decision_revision_positive", condition=Q(revision__gte=1)),
            finite("decision_values_finite", **dict.fromkeys(_UPRIGHT, LARGEST_PRICE)),
            models.CheckConstraint(
                name="decision_trade_fill_of_a_trade",
                condition=Q(trade_fill__isnull=True) | Q(trade_key__isnull=False),
            ),
            models.UniqueConstraint(
                fields=["owner", "external_id"],
                name="decision_external_id_unique_per_owner",
                condition=~Q(external_id=""),
            ),
            # What outcomes and embeddings refer to, so that they are of the decision's own owner.
            models.UniqueConstraint(fields=["id", "owner"], name="decision_id_owner"),
        ]
        indexes = [
            models.Index(fields=["owner", "-decided_at", "-id"], name="decision_owner_recent"),
            models.Index(fields=["owner", "action"], name="decision_owner_action"),
            models.Index(fields=["owner", "strategy"], name="decision_owner_strategy"),
            models.Index(fields=["trade_key"], name="decision_trade_key", condition=Q(trade_key__isnull=False)),
            models.Index(
                fields=["owner"], name="decision_awaits_trade", condition=Q(order__isnull=False, trade_key__isnull=True)
            ),
            models.Index(fields=["deleted_at"], name="decision_deleted_at", condition=Q(deleted_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.strategy} {self.decided_at:%Y-%m-%d}".replace("  ", " ")


class DecisionInstrument(models.Model):
    """That a decision is about an instrument: one, several, or none for the whole portfolio."""

    decision = models.ForeignKey(Decision, on_delete=models.CASCADE, related_name="named", db_index=False)
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+")
    position = models.SmallIntegerField(default=0, db_comment="0 is the one that it is about first of all")

    class Meta:
        db_table_comment = "Registry: what decisions are about"
        constraints = [
            models.UniqueConstraint(fields=["decision", "instrument"], name="decision_instrument_unique"),
            models.CheckConstraint(name="decision_instrument_position", condition=Q(position__gte=0)),
        ]

    def __str__(self) -> str:
        return f"{self.decision_id} {self.instrument_id}"


class DecisionRevision(models.Model):
    """How a decision read before an edit, so that nobody knew it all along. Append-only."""

    owner_id = models.BigIntegerField(db_comment="A plain number: no foreign key that cascades leaves an event log")
    # Named, so that an archive can say of which decision it is; the database knows of no foreign key.
    decision = models.ForeignKey(
        Decision, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False,
        db_comment="A plain number, likewise",
    )  # fmt: skip
    number = models.IntegerField(db_comment="The revision that these values were")
    values = models.JSONField(db_comment="Every field that a person may edit, as it was before")
    actor_id = models.BigIntegerField(null=True, db_comment="Who edited it; NULL for the system")
    revised_at = models.DateTimeField()

    objects = OwnQuerySet.as_manager()

    class Meta:
        db_table_comment = "Event log, append-only: how decisions read before each edit"
        constraints = [models.UniqueConstraint(fields=["decision", "number"], name="decision_revision_unique")]
        indexes = [models.Index(fields=["owner_id", "-id"], name="decision_revision_owner")]

    def __str__(self) -> str:
        return f"{self.decision_id} r{self.number}"


class DecisionOutcome(models.Model):
    """How a decision ended. `intelligence.outcomes` writes it from the trade, and takes it away with the trade."""

    # The decision's owner is held too, by a composite foreign key (in the migration).
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", db_index=False)
    decision = models.OneToOneField(Decision, on_delete=models.CASCADE, related_name="outcome")
    source = models.CharField(max_length=6, choices=OutcomeSource, default=OutcomeSource.TRADE)
    trade_key = models.UUIDField(null=True, db_comment="Outside id of the trade that it was worked out from")
    trade_version = models.DateTimeField(null=True, db_comment="When that trade had last changed")
    outcome = models.CharField(max_length=9, choices=Outcome)
    result_pct = PriceField(null=True, db_comment="Fraction of what was entered, 0.032 for 3.2 percent")
    result_amount = MoneyField(null=True, db_comment="After costs")
    currency = models.CharField(max_length=12, blank=True)
    r_multiple = PriceField(null=True, db_comment="NULL without a stop")
    holding_seconds = models.BigIntegerField(null=True)
    benchmark = models.CharField(max_length=40, blank=True, db_comment="Symbol that it is held against")
    benchmark_pct = PriceField(
        null=True, db_comment="Fraction that the benchmark moved by meanwhile; NULL without bars"
    )
    resolved_at = models.DateTimeField(db_comment="When the trade ended")
    written_at = models.DateTimeField(auto_now=True)

    objects = OwnQuerySet.as_manager()

    class Meta:
        db_table_comment = "Materialized view: how decisions ended, from the trades that they led to"
        constraints = [
            models.CheckConstraint(name="decision_outcome_valid", condition=Q(outcome__in=Outcome.values)),
            models.CheckConstraint(
                name="decision_outcome_from_a_trade",
                condition=Q(source="stated", trade_key__isnull=True)
                | Q(
                    source="trade",
                    trade_key__isnull=False,
                    trade_version__isnull=False,
                    result_amount__isnull=False,
                ),
            ),
            models.CheckConstraint(
                name="decision_outcome_says_something",
                condition=Q(result_pct__isnull=False) | Q(result_amount__isnull=False),
            ),
            models.CheckConstraint(
                name="decision_outcome_money_has_currency", condition=Q(result_amount__isnull=True) | ~Q(currency="")
            ),
            models.CheckConstraint(
                name="decision_outcome_held_forwards",
                condition=Q(holding_seconds__isnull=True) | Q(holding_seconds__gte=0),
            ),
            finite(
                "decision_outcome_values_finite",
                result_pct=LARGEST_PRICE,
                result_amount=LARGEST_MONEY,
                r_multiple=LARGEST_PRICE,
                benchmark_pct=LARGEST_PRICE,
            ),
        ]
        indexes = [
            models.Index(fields=["owner", "outcome"], name="decision_outcome_owner"),
            models.Index(fields=["trade_key"], name="decision_outcome_trade", condition=Q(trade_key__isnull=False)),
        ]

    def __str__(self) -> str:
        made = self.result_amount or self.result_pct
        return f"{self.outcome} {plain(made)}" if made else self.outcome

    @property
    def alpha(self) -> Decimal | None:
        """The result beyond what the benchmark did meanwhile, as a fraction; None where either is not known."""
        if self.result_pct is None or self.benchmark_pct is None:
            return None
        return self.result_pct - self.benchmark_pct
