"""Copies of what watched wallets do: how much a person puts in, what was copied, and what came of each wallet."""

from decimal import Decimal
from typing import Any, Self

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.fields import LARGEST_MONEY, LARGEST_PRICE, MoneyField, PriceField, UUIDv7, finite
from accounts.models import User
from intelligence.models.signal import Signal
from intelligence.models.token import Token
from intelligence.models.wallet import Wallet, WalletMode
from intelligence.wallet_performance import Window
from trading.models import ExitStrategy, Instrument, ManagedPosition, Order

#: What each number may be, both ends included; the database checks the same. Shares are fractions of the capital.
COPY_RANGES: dict[str, tuple[Any, Any]] = {
    "capital": (50, LARGEST_MONEY),
    "risk_per_trade": (Decimal("0.001"), Decimal("0.10")),
    "max_per_trade": (Decimal("0.001"), 1),
    "max_per_wallet": (Decimal("0.001"), 1),
    "max_per_token": (Decimal("0.001"), 1),
    "max_total": (Decimal("0.001"), 1),
    "max_price_drift": (Decimal("0.001"), 1),
    "max_signal_age_seconds": (1, 86_400),
    "max_positions": (1, 1000),
    "min_source_value": (0, LARGEST_MONEY),
}


class RepeatPolicy(models.TextChoices):
    """What a purchase does where a copy of the same wallet's token is open."""

    SKIP = "skip", _("Leave it")
    ADD = "add", _("Buy again, under a plan of its own")


def _within(field: str, least: Any, most: Any) -> models.CheckConstraint:
    """A CHECK that the field is from least to most, or NULL where it may be. NaN is above every number."""
    condition = Q(**{f"{field}__range": (least, most)}) | Q(**{f"{field}__isnull": True})
    return models.CheckConstraint(name=f"copy_settings_{field}_range", condition=condition)


class CopySettings(models.Model):
    """How much of what watched wallets do a person copies. One row for each; without one the defaults count."""

    owner = models.OneToOneField(User, on_delete=models.CASCADE, primary_key=True, related_name="copy_settings")
    is_on = models.BooleanField(_("copying"), default=True, db_comment="false: nothing is bought; exits go on")
    capital = MoneyField(_("capital, in USD"), null=True, blank=True, db_comment="NULL: the installation's")
    risk_per_trade = PriceField(
        _("risk per trade"), null=True, blank=True, db_comment="Of the capital, lost at the stop; NULL: installation's"
    )
    max_per_trade = PriceField(_("most in one trade"), default=Decimal("0.20"))
    max_per_wallet = PriceField(_("most in one wallet"), default=Decimal("0.40"))
    max_per_token = PriceField(_("most in one token"), default=Decimal("0.25"))
    max_total = PriceField(_("most in all copies"), default=Decimal("0.80"))
    max_price_drift = PriceField(
        _("largest move since the wallet traded"), default=Decimal("0.10"), db_comment="Of its price, up or down"
    )
    max_signal_age_seconds = models.PositiveIntegerField(
        _("oldest signal, in seconds"), default=300, db_comment="From the block's time to the decision"
    )
    max_positions = models.PositiveIntegerField(_("most open copies"), default=20)
    min_source_value = MoneyField(
        _("smallest purchase of the wallet, in USD"), default=Decimal(0), db_comment="0: any; one of no known value too"
    )
    repeat_policy = models.CharField(
        _("a second purchase of a token"), max_length=4, choices=RepeatPolicy, default=RepeatPolicy.SKIP
    )
    revision = models.PositiveIntegerField(default=0, editable=False, db_comment="Number of changes so far")
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table_comment = "Configuration singleton of each person: how much of watched wallets is copied"
        verbose_name = _("copy settings")
        verbose_name_plural = _("copy settings")
        constraints = [
            *[_within(field, *bounds) for field, bounds in COPY_RANGES.items()],
            models.CheckConstraint(
                name="copy_settings_parts_within_total",
                condition=Q(max_per_trade__lte=F("max_total"))
                & Q(max_per_wallet__lte=F("max_total"))
                & Q(max_per_token__lte=F("max_total")),
            ),
            models.CheckConstraint(
                name="copy_settings_repeat_policy_valid", condition=Q(repeat_policy__in=RepeatPolicy.values)
            ),
        ]

    def __str__(self) -> str:
        return str(self.owner_id)


class TokenInstrument(models.Model):
    """Under which instrument the desk trades a token. Made once, at the first copy."""

    token = models.OneToOneField(Token, on_delete=models.PROTECT, primary_key=True, related_name="traded_as")
    instrument = models.OneToOneField(Instrument, on_delete=models.PROTECT, related_name="token")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table_comment = "Registry: the instrument of each token that was copied; a mint has one"

    def __str__(self) -> str:
        return f"{self.token_id} {self.instrument_id}"


class CopiedPositionQuerySet(models.QuerySet["CopiedPosition"]):
    def for_user(self, user: User | AnonymousUser) -> Self:
        """Only what was copied for this person."""
        return self.filter(owner_id=user.pk) if user.pk else self.none()

    def open(self) -> Self:
        """Only copies whose plan has not ended: they hold something, wait for their entry, or are on their way out."""
        return self.filter(managed_position__closed_at__isnull=True)


class CopiedPosition(models.Model):
    """A purchase by a watched wallet that was copied: one for each signal and exit strategy."""

    public_id = models.UUIDField(db_default=UUIDv7(), unique=True, editable=False)
    owner = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", db_index=False)
    # The wallet's owner is held too, by a composite foreign key (in the migration).
    wallet = models.ForeignKey(
        Wallet, on_delete=models.PROTECT, related_name="copies", db_index=False, db_constraint=False
    )
    token = models.ForeignKey(Token, on_delete=models.PROTECT, related_name="copies", db_index=False)
    signal = models.ForeignKey(Signal, on_delete=models.PROTECT, related_name="copies", db_index=False)
    strategy = models.ForeignKey(ExitStrategy, on_delete=models.PROTECT, related_name="+", db_index=False)
    mode = models.CharField(max_length=10, choices=WalletMode, db_comment="Of the wallet then; it never changes")
    order = models.OneToOneField(Order, on_delete=models.PROTECT, related_name="+")
    managed_position = models.OneToOneField(ManagedPosition, on_delete=models.PROTECT, related_name="copied")
    source_price = PriceField(null=True, db_comment="USD that the wallet paid; NULL unknown")
    intended_price = PriceField(db_comment="USD when it was decided; what it filled at is the plan's entry")
    intended_value = MoneyField(db_comment="USD that it was to cost")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = CopiedPositionQuerySet.as_manager()

    class Meta:
        db_table_comment = "Registry: what was copied of which wallet and signal, with the order and plan it became"
        constraints = [
            models.UniqueConstraint(fields=["signal", "strategy"], name="copied_position_once_per_signal_and_strategy"),
            models.CheckConstraint(name="copied_position_mode_valid", condition=Q(mode__in=WalletMode.values)),
            models.CheckConstraint(
                name="copied_position_amounts_positive", condition=Q(intended_price__gt=0, intended_value__gt=0)
            ),
            finite(
                "copied_position_finite",
                source_price=LARGEST_PRICE,
                intended_price=LARGEST_PRICE,
                intended_value=LARGEST_MONEY,
            ),
        ]
        indexes = [
            models.Index(fields=["owner", "-id"], name="copied_position_owner"),
            models.Index(fields=["wallet", "token"], name="copied_position_wallet_token"),
            models.Index(fields=["token"], name="copied_position_token"),
        ]

    def __str__(self) -> str:
        return f"{self.wallet_id} {self.token_id} {self.mode}"


class PerformanceRefresh(models.Model):
    """How far the figures of a wallet are behind: what was asked for, what was computed, what went wrong."""

    wallet = models.OneToOneField(Wallet, on_delete=models.CASCADE, primary_key=True, related_name="refresh")
    requested_version = models.PositiveIntegerField(default=1, db_comment="Goes up with every close of a copy")
    computed_version = models.PositiveIntegerField(default=0, db_comment="The request that the figures answer")
    refreshed_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True, db_comment="NULL: the last try worked; the rows before stay")
    error = models.CharField(max_length=500, blank=True)

    class Meta:
        verbose_name_plural = "performance refreshes"
        db_table_comment = "Work list: wallets whose figures are to be computed anew, and how the last try went"
        constraints = [
            models.CheckConstraint(
                name="performance_refresh_versions", condition=Q(computed_version__lte=F("requested_version"))
            ),
            models.CheckConstraint(
                name="performance_refresh_error_says_why", condition=Q(failed_at__isnull=True) | ~Q(error="")
            ),
        ]
        indexes = [
            models.Index(
                fields=["wallet"],
                name="performance_refresh_behind",
                condition=Q(computed_version__lt=F("requested_version")),
            )
        ]

    def __str__(self) -> str:
        return f"{self.wallet_id} {self.computed_version}/{self.requested_version}"


class PerformanceWindow(models.TextChoices):
    """How far back a row looks."""

    DAY = Window.DAY.value, _("24 hours")
    WEEK = Window.WEEK.value, _("7 days")
    MONTH = Window.MONTH.value, _("30 days")
    QUARTER = Window.QUARTER.value, _("90 days")
    ALL = Window.ALL.value, _("Everything")


class WalletPerformanceQuerySet(models.QuerySet["WalletPerformance"]):
    def for_user(self, user: User | AnonymousUser) -> Self:
        """Only the figures of this person's wallets."""
        return self.filter(owner_id=user.pk) if user.pk else self.none()


class WalletPerformance(models.Model):
    """What copying a wallet came to, in one mode and window. Every reader reads this; breakers never do."""

    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", db_index=False)
    wallet = models.ForeignKey(Wallet, on_delete=models.CASCADE, related_name="performance", db_index=False)
    mode = models.CharField(max_length=10, choices=WalletMode)
    window = models.CharField(max_length=3, choices=PerformanceWindow)
    positions = models.PositiveIntegerField(default=0, db_comment="Closed in the window")
    wins = models.PositiveIntegerField(default=0, db_comment="Made more than nothing")
    losses = models.PositiveIntegerField(default=0, db_comment="Made less than nothing")
    win_rate = PriceField(null=True, db_comment="Wins by all that closed; NULL without one")
    total_pnl = MoneyField(default=Decimal(0), db_comment="USD after costs")
    average_pnl_fraction = PriceField(null=True, db_comment="Mean of what each made of what it cost")
    average_win = MoneyField(null=True)
    average_loss = MoneyField(null=True, db_comment="Below zero")
    profit_ratio = PriceField(null=True, db_comment="Average win by average loss; NULL without a loss or a win")
    expectancy = MoneyField(null=True)
    best_pnl = MoneyField(null=True)
    best_pnl_fraction = PriceField(null=True)
    worst_pnl = MoneyField(null=True)
    worst_pnl_fraction = PriceField(null=True)
    win_streak = models.PositiveIntegerField(default=0)
    loss_streak = models.PositiveIntegerField(default=0)
    longest_win_streak = models.PositiveIntegerField(default=0)
    longest_loss_streak = models.PositiveIntegerField(default=0)
    r_count = models.PositiveIntegerField(default=0, db_comment="Closed with a stop: what the mean R is of")
    average_r = PriceField(null=True, db_comment="Mean of what each made of what its stop risked")
    signals = models.PositiveIntegerField(default=0, db_comment="Seen of the wallet in the window, whatever its mode")
    opened = models.PositiveIntegerField(default=0, db_comment="Copies that were opened in the window")
    flags = models.JSONField(default=list, db_comment="What is to be looked at (intelligence.wallet_performance.Flag)")
    calculated_at = models.DateTimeField(db_comment="Windows end here")

    objects = WalletPerformanceQuerySet.as_manager()

    class Meta:
        db_table_comment = "Materialized view: figures of copied wallets by mode and window; daily, and after a close"
        verbose_name_plural = _("wallet performance")
        constraints = [
            models.UniqueConstraint(fields=["wallet", "mode", "window"], name="wallet_performance_once"),
            models.CheckConstraint(
                name="wallet_performance_words_valid",
                condition=Q(mode__in=WalletMode.values) & Q(window__in=PerformanceWindow.values),
            ),
            models.CheckConstraint(
                name="wallet_performance_counts",
                condition=Q(wins__lte=F("positions") - F("losses")),
            ),
            models.CheckConstraint(
                name="wallet_performance_win_rate_range",
                condition=Q(positions=0, win_rate__isnull=True) | Q(positions__gt=0, win_rate__range=(0, 1)),
            ),
            finite(
                "wallet_performance_finite",
                total_pnl=LARGEST_MONEY,
                average_pnl_fraction=LARGEST_PRICE,
                average_win=LARGEST_MONEY,
                average_loss=LARGEST_MONEY,
                profit_ratio=LARGEST_PRICE,
                expectancy=LARGEST_MONEY,
                best_pnl=LARGEST_MONEY,
                best_pnl_fraction=LARGEST_PRICE,
                worst_pnl=LARGEST_MONEY,
                worst_pnl_fraction=LARGEST_PRICE,
                average_r=LARGEST_PRICE,
            ),
        ]
        indexes = [
            models.Index(fields=["owner", "mode", "window", "-total_pnl"], name="wallet_performance_pnl"),
            models.Index(fields=["owner", "mode", "window", "-win_rate"], name="wallet_performance_win_rate"),
        ]

    def __str__(self) -> str:
        return f"{self.wallet_id} {self.mode} {self.window}"
