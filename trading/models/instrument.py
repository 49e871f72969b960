"""Reference data: what can be traded, what one point of it is worth, and rates of exchange."""

from decimal import Decimal

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.decimals import plain
from accounts.fields import LARGEST_PRICE, PriceField, UUIDv7, finite


class InstrumentKind(models.TextChoices):
    STOCK = "stock", _("Stock")
    ETF = "etf", "ETF"
    FUTURE = "future", _("Future")
    OPTION = "option", _("Option")
    FOREX = "forex", _("Currency pair")
    CRYPTO = "crypto", _("Crypto")
    CFD = "cfd", "CFD"
    BOND = "bond", _("Bond")
    INDEX = "index", _("Index")


class InstrumentStatus(models.TextChoices):
    ACTIVE = "active", _("Active")
    SUSPENDED = "suspended", _("Suspended")
    DELISTED = "delisted", _("Delisted")


class FuturesRoot(models.Model):
    """A futures product: every contract of it has this tick and point value."""

    root = models.CharField(max_length=12, primary_key=True)
    exchange = models.CharField(max_length=20)
    name = models.CharField(max_length=120)
    currency = models.CharField(max_length=12)
    tick_size = PriceField()
    point_value = PriceField(db_comment="Money per 1.00 of the quoted price")
    months = models.CharField(max_length=12, blank=True, db_comment="Month letters that are listed")
    asset_class = models.CharField(max_length=30, blank=True)

    class Meta:
        db_table_comment = "Catalogue: futures products, loaded from versioned files; unknown roots are refused"
        constraints = [
            models.CheckConstraint(
                name="futures_root_values_positive", condition=Q(tick_size__gt=0) & Q(point_value__gt=0)
            ),
            finite("futures_root_values_finite", tick_size=LARGEST_PRICE, point_value=LARGEST_PRICE),
        ]

    def __str__(self) -> str:
        return f"{self.root} {self.name}"


class Instrument(models.Model):
    """Something that is traded, the same for everybody."""

    public_id = models.UUIDField(db_default=UUIDv7(), unique=True, editable=False)
    symbol = models.CharField(max_length=40)
    name = models.CharField(max_length=200, blank=True)
    kind = models.CharField(max_length=6, choices=InstrumentKind)
    status = models.CharField(max_length=9, choices=InstrumentStatus, default=InstrumentStatus.ACTIVE)
    exchange = models.CharField(max_length=20, blank=True)
    currency = models.CharField(max_length=12)
    multiplier = PriceField(default=Decimal(1), db_comment="Money per 1.00 of price and unit of quantity")
    tick_size = PriceField(null=True, blank=True)
    lot_size = PriceField(default=Decimal(1))
    is_fractionable = models.BooleanField(default=False, db_comment="Whether venues take parts of a unit")
    margin = PriceField(null=True, blank=True, db_comment="Money set aside for a unit; NULL: all that it is worth")
    min_price = PriceField(null=True, blank=True)
    max_price = PriceField(null=True, blank=True)
    breakeven_ticks = models.PositiveSmallIntegerField(
        default=0, db_comment="A trade whose gross result is within this many ticks is breakeven"
    )
    root = models.ForeignKey(FuturesRoot, null=True, blank=True, on_delete=models.PROTECT)
    underlying = models.CharField(max_length=40, blank=True)
    expires_on = models.DateField(null=True, blank=True)
    strike = PriceField(null=True, blank=True)
    option_type = models.CharField(max_length=4, blank=True, choices=[("call", _("Call")), ("put", _("Put"))])
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table_comment = "Catalogue: what can be traded, the same for everybody"
        constraints = [
            models.UniqueConstraint(fields=["symbol"], name="idx_instruments_symbol", condition=Q(status="active")),
            models.CheckConstraint(name="instrument_kind_valid", condition=Q(kind__in=InstrumentKind.values)),
            models.CheckConstraint(name="instrument_status_valid", condition=Q(status__in=InstrumentStatus.values)),
            models.CheckConstraint(name="instrument_symbol_not_blank", condition=~Q(symbol="")),
            models.CheckConstraint(
                name="instrument_currency_valid", condition=Q(currency__regex=r"^[A-Z][A-Z0-9]{1,11}$")
            ),
            models.CheckConstraint(
                name="instrument_strike_positive", condition=Q(strike__isnull=True) | Q(strike__gt=0)
            ),
            models.CheckConstraint(
                name="instrument_option_type_valid", condition=Q(option_type__in=["", "call", "put"])
            ),
            models.CheckConstraint(name="instrument_multiplier_positive", condition=Q(multiplier__gt=0)),
            models.CheckConstraint(name="instrument_lot_positive", condition=Q(lot_size__gt=0)),
            models.CheckConstraint(
                name="instrument_tick_positive", condition=Q(tick_size__isnull=True) | Q(tick_size__gt=0)
            ),
            models.CheckConstraint(
                name="instrument_price_band_in_order",
                condition=Q(min_price__isnull=True) | Q(max_price__isnull=True) | Q(min_price__lte=F("max_price")),
            ),
            models.CheckConstraint(
                name="instrument_margin_positive", condition=Q(margin__isnull=True) | Q(margin__gt=0)
            ),
            finite(
                "instrument_values_finite",
                margin=LARGEST_PRICE,
                multiplier=LARGEST_PRICE,
                tick_size=LARGEST_PRICE,
                lot_size=LARGEST_PRICE,
                min_price=LARGEST_PRICE,
                max_price=LARGEST_PRICE,
                strike=LARGEST_PRICE,
            ),
        ]

    def __str__(self) -> str:
        return self.symbol


class FxRate(models.Model):
    """How much of the quote currency one unit of the base currency bought on a day."""

    date = models.DateField()
    base = models.CharField(max_length=12)
    quote = models.CharField(max_length=12)
    rate = PriceField()
    source = models.CharField(max_length=20, default="ecb")

    class Meta:
        verbose_name = "FX rate"
        verbose_name_plural = "FX rates"
        db_table_comment = "Read-through cache of published rates; what has no rate is listed, never guessed"
        constraints = [
            models.UniqueConstraint(fields=["base", "quote", "date"], name="fx_rate_unique_per_day"),
            models.CheckConstraint(name="fx_rate_positive", condition=Q(rate__gt=0)),
            finite("fx_rate_finite", rate=LARGEST_PRICE),
        ]

    def __str__(self) -> str:
        return f"{self.date} 1 {self.base} = {plain(self.rate)} {self.quote}"
