"""What nobody may exceed: the configuration, every change of it, settings by key, and limits of one order."""

from decimal import Decimal
from typing import Any

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.fields import LARGEST_MONEY, LARGEST_PRICE, MoneyField, PriceField, UUIDv7, finite
from accounts.models import Account, OwnQuerySet, User
from trading.models.instrument import Instrument

_EVERYTHING = Decimal(1)


class SizingMode(models.TextChoices):
    FIXED_PERCENT = "fixed_percent", _("Fixed share of the capital")
    KELLY = "kelly", _("Kelly")
    MARTINGALE = "martingale", _("Martingale")


def _ratio(default: str | None, words: Any, **more: Any) -> Any:
    """A fraction of 0 to 1; off where it may be left out and is."""
    if default is None:
        return PriceField(words, null=True, blank=True, **more)
    return PriceField(words, default=Decimal(default), **more)


#: What each field may be, both ends included, as the product's document has it; the database checks the same.
RANGES: dict[str, tuple[Any, Any]] = {
    "capital": (50, LARGEST_MONEY),
    "risk_per_trade": (Decimal("0.005"), Decimal("0.05")),
    "max_capital_per_trade": (Decimal("0.001"), 1),
    "max_total_capital": (Decimal("0.001"), 1),
    "slippage_tolerance": (Decimal("0.01"), Decimal("0.10")),
    "max_drawdown": (Decimal("0.10"), Decimal("0.50")),
    "min_win_rate": (Decimal("0.30"), Decimal("0.60")),
    "win_rate_sample": (10, 1000),
    "consecutive_max_loss_trigger": (2, 10),
    "daily_loss_limit": (Decimal("0.01"), LARGEST_MONEY),
    "max_daily_loss": (Decimal("0.01"), 1),
    "max_price_staleness_minutes": (1, 30),
    "price_polling_interval_seconds": (15, 120),
    "safety_score_threshold": (Decimal("0.40"), Decimal("0.90")),
    "min_liquidity_usd": (10_000, 500_000),
    "max_top_10_holders": (Decimal("0.50"), Decimal("0.95")),
    "min_token_age_hours": (0, 168),
    "safety_weight_liquidity": (0, Decimal("0.50")),
    "safety_weight_holders": (0, Decimal("0.50")),
    "safety_weight_contract": (0, Decimal("0.50")),
    "safety_weight_age": (0, Decimal("0.50")),
    "webhook_timeout_alert_hours": (12, 168),
}
WEIGHTS = ("safety_weight_liquidity", "safety_weight_holders", "safety_weight_contract", "safety_weight_age")


def _within(field: str, least: Any, most: Any) -> models.CheckConstraint:
    """A CHECK that the field is from least to most, or NULL where it may be. NaN is above every number."""
    condition = Q(**{f"{field}__range": (least, most)}) | Q(**{f"{field}__isnull": True})
    return models.CheckConstraint(name=f"risk_config_{field}_range", condition=condition)


class RiskConfig(models.Model):
    """How much may be risked, lost and believed. One row; the verb `trading.risk.configure` changes it."""

    id = models.SmallIntegerField(primary_key=True, default=1, editable=False)
    capital = MoneyField(
        _("capital"), default=Decimal(300), db_comment="Of accounts whose own start balance is not known"
    )
    currency = models.CharField(
        _("currency"), max_length=12, default="USD", db_comment="Of the capital and of the daily loss limit"
    )
    risk_per_trade = _ratio("0.02", _("risk per trade"), db_comment="Share of the capital that one trade may lose")
    position_sizing_mode = models.CharField(
        _("position sizing"), max_length=13, choices=SizingMode, default=SizingMode.FIXED_PERCENT
    )
    max_capital_per_trade = _ratio(None, _("most capital in one trade"), db_comment="NULL: no such limit")
    max_total_capital = _ratio(None, _("most capital in all trades"), db_comment="NULL: no such limit")
    slippage_tolerance = _ratio("0.03", _("slippage tolerance"))
    max_drawdown = _ratio("0.20", _("largest drawdown"), db_comment="From the peak; reached, the breaker trips")
    min_win_rate = _ratio("0.40", _("smallest win rate"), db_comment="Below it, the breaker trips")
    win_rate_sample = models.PositiveSmallIntegerField(
        _("trades of the win rate"), default=50, db_comment="So many latest trades; with fewer there is no win rate"
    )
    consecutive_max_loss_trigger = models.PositiveSmallIntegerField(
        _("losses in a row"), default=6, db_comment="Reached, the breaker trips"
    )
    daily_loss_limit = MoneyField(
        _("largest loss of a day"), null=True, blank=True, default=Decimal(500), db_comment="NULL: no such limit"
    )
    max_daily_loss = _ratio("0.15", _("largest loss of a day, as a share"), db_comment="Of the capital")
    resets_daily = models.BooleanField(
        _("a day's loss stops that day only"),
        default=True,
        help_text=_(
            "What is stopped only for the loss of a day goes on when that day is over, judged from then on. "
            "Without it somebody has to reset it."
        ),
        db_comment="Breakers that are on only for the loss of a day are reset when it is over",
    )
    max_price_staleness_minutes = models.PositiveSmallIntegerField(
        _("age of a stale price, in minutes"), default=5, db_comment="An older price triggers and values nothing"
    )
    price_polling_interval_seconds = models.PositiveSmallIntegerField(_("seconds between prices"), default=45)
    safety_score_threshold = _ratio("0.60", _("least safety score"))
    min_liquidity_usd = MoneyField(_("least liquidity, in USD"), default=Decimal(50_000))
    max_top_10_holders = _ratio("0.80", _("most that ten holders own"))
    min_token_age_hours = models.PositiveSmallIntegerField(
        _("least age of a token, in hours"), default=0, db_comment="0: not looked at"
    )
    safety_weight_liquidity = _ratio("0.25", _("weight of liquidity"))
    safety_weight_holders = _ratio("0.25", _("weight of holders"))
    safety_weight_contract = _ratio("0.25", _("weight of the contract"))
    safety_weight_age = _ratio("0.25", _("weight of age"))
    webhook_timeout_alert_hours = models.PositiveSmallIntegerField(_("hours of silence before an alert"), default=48)
    revision = models.PositiveIntegerField(default=0, editable=False, db_comment="Number of changes so far")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table_comment = "Configuration singleton: money, risk and safety settings; ratios are fractions"
        verbose_name = _("risk configuration")
        verbose_name_plural = _("risk configuration")
        constraints = [
            models.CheckConstraint(name="risk_config_only_row", condition=Q(id=1)),
            *[_within(field, *bounds) for field, bounds in RANGES.items()],
            models.CheckConstraint(name="risk_config_currency_code", condition=Q(currency__regex=r"^[A-Z0-9]{2,12}$")),
            models.CheckConstraint(
                name="risk_config_sizing_valid", condition=Q(position_sizing_mode__in=SizingMode.values)
            ),
            models.CheckConstraint(
                name="risk_config_one_trade_within_all",
                condition=Q(max_capital_per_trade__isnull=True)
                | Q(max_total_capital__isnull=True)
                | Q(max_capital_per_trade__lte=F("max_total_capital")),
            ),
            models.CheckConstraint(
                name="risk_config_weights_are_a_whole",
                condition=Q(
                    safety_weight_liquidity=_EVERYTHING
                    - F("safety_weight_holders")
                    - F("safety_weight_contract")
                    - F("safety_weight_age")
                ),
            ),
        ]

    def __str__(self) -> str:
        return str(_("risk configuration"))


class RiskConfigRevision(models.Model):
    """One change of the configuration, with all of it before and after. Append-only, enforced by the database."""

    id = models.BigAutoField(primary_key=True)
    number = models.PositiveIntegerField(unique=True)
    occurred_at = models.DateTimeField(auto_now_add=True)
    actor_id = models.BigIntegerField(null=True, db_comment="Who changed it; NULL for the system itself")
    actor_email = models.CharField(max_length=254, blank=True)
    before = models.JSONField()
    after = models.JSONField()
    note = models.CharField(max_length=500, blank=True)

    class Meta:
        db_table_comment = "Event log, append-only: the configuration before and after each change, to go back to"

    def __str__(self) -> str:
        return f"{self.number} {self.occurred_at:%Y-%m-%d %H:%M}"


class SystemSetting(models.Model):
    """A setting by its key. What each key may hold is said in `trading.risk.settings`; other keys are refused."""

    key = models.CharField(max_length=60, primary_key=True)
    value = models.JSONField()
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table_comment = "Registry: settings by key, each value checked against its key's schema"
        constraints = [
            models.CheckConstraint(name="system_setting_key_word", condition=Q(key__regex=r"^[a-z][a-z0-9_]*$"))
        ]

    def __str__(self) -> str:
        return self.key


class RiskLimit(models.Model):
    """What one order, or all of what is open, may not exceed: of a person, an account, an instrument, or both."""

    public_id = models.UUIDField(db_default=UUIDv7(), unique=True, editable=False)
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="risk_limits", db_index=False)
    # Of the owner, by one composite foreign key for both (the migration).
    account = models.ForeignKey(
        Account, on_delete=models.CASCADE, null=True, blank=True, related_name="risk_limits", db_index=False
    )
    instrument = models.ForeignKey(
        Instrument, on_delete=models.CASCADE, null=True, blank=True, related_name="+", db_index=False
    )
    max_quantity = PriceField(_("quantity of an order"), null=True, blank=True)
    max_notional = MoneyField(_("value of an order"), null=True, blank=True, db_comment="In the instrument's currency")
    price_band = PriceField(
        _("distance from the last price"), null=True, blank=True, db_comment="Fraction of it; NULL: not looked at"
    )
    max_open_positions = models.PositiveIntegerField(_("open positions"), null=True, blank=True)
    max_trades_per_day = models.PositiveIntegerField(_("trades a day"), null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = OwnQuerySet.as_manager()

    class Meta:
        db_table_comment = (
            "Registry: limits of orders by owner, account and instrument; of several the tightest one counts"
        )
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "account", "instrument"],
                name="risk_limit_unique_per_scope",
                nulls_distinct=False,
                violation_error_message=_("There are limits for this already."),
            ),
            models.CheckConstraint(
                name="risk_limit_says_something",
                condition=Q(max_quantity__isnull=False)
                | Q(max_notional__isnull=False)
                | Q(price_band__isnull=False)
                | Q(max_open_positions__isnull=False)
                | Q(max_trades_per_day__isnull=False),
            ),
            models.CheckConstraint(
                name="risk_limit_quantity_positive", condition=Q(max_quantity__isnull=True) | Q(max_quantity__gt=0)
            ),
            models.CheckConstraint(
                name="risk_limit_notional_positive", condition=Q(max_notional__isnull=True) | Q(max_notional__gt=0)
            ),
            models.CheckConstraint(
                name="risk_limit_band_is_a_fraction",
                condition=Q(price_band__isnull=True) | Q(price_band__gt=0, price_band__lt=1),
            ),
            finite("risk_limit_values_finite", max_quantity=LARGEST_PRICE, max_notional=LARGEST_MONEY),
        ]
        indexes = [
            models.Index(fields=["account"], name="risk_limit_account"),
            models.Index(fields=["instrument"], name="risk_limit_instrument"),
        ]

    def __str__(self) -> str:
        return f"{self.account_id or '*'} {self.instrument_id or '*'}"

    @property
    def currency(self) -> str:
        """What its values are in; empty where it is of instruments of any currency. The instrument is loaded."""
        return self.instrument.currency if self.instrument else ""
