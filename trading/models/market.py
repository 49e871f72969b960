"""What the market did: bars of prices, and the latest quote."""

from decimal import Decimal

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.fields import LARGEST_PRICE, PriceField, finite
from trading.models.instrument import Instrument


class Timeframe(models.TextChoices):
    MINUTE = "1m", _("1 minute")
    FIVE_MINUTES = "5m", _("5 minutes")
    QUARTER_HOUR = "15m", _("15 minutes")
    HOUR = "1h", _("1 hour")
    DAY = "1d", _("1 day")


class Bar(models.Model):
    """Open, high, low, close and volume of one instrument over one stretch of time, from `starts_at` on."""

    instrument = models.ForeignKey(Instrument, on_delete=models.CASCADE, related_name="+", db_index=False)
    timeframe = models.CharField(max_length=3, choices=Timeframe)
    starts_at = models.DateTimeField()
    open = PriceField()
    high = PriceField()
    low = PriceField()
    close = PriceField()
    volume = PriceField(null=True)
    vwap = PriceField(null=True, db_comment="Average price by volume, as the source has it")
    trade_count = models.BigIntegerField(null=True, db_comment="Trades in it; NULL where the source does not say")
    source = models.CharField(max_length=30, blank=True)

    class Meta:
        db_table_comment = "Time series: bars of prices, loaded in bulk"
        constraints = [
            models.UniqueConstraint(
                fields=["instrument", "timeframe", "starts_at"], name="idx_market_data_instrument_timestamp"
            ),
            models.CheckConstraint(name="bar_timeframe_valid", condition=Q(timeframe__in=Timeframe.values)),
            models.CheckConstraint(
                name="bar_range_holds_open_and_close",
                condition=Q(high__gte=F("open"), low__lte=F("open")) & Q(high__gte=F("close"), low__lte=F("close")),
            ),
            finite(
                "bar_values_finite",
                open=LARGEST_PRICE,
                high=LARGEST_PRICE,
                low=LARGEST_PRICE,
                close=LARGEST_PRICE,
                volume=LARGEST_PRICE,
            ),
            finite("bar_vwap_finite", vwap=LARGEST_PRICE),
            models.CheckConstraint(
                name="bar_trade_count_not_negative", condition=Q(trade_count__isnull=True) | Q(trade_count__gte=0)
            ),
        ]
        indexes = [BrinIndex(fields=["starts_at"], name="bar_starts_at")]

    def __str__(self) -> str:
        return f"{self.instrument_id} {self.timeframe} {self.starts_at}"


class BarProgress(models.Model):
    """Until when paper orders that are filled from bars have met those of an instrument."""

    instrument = models.OneToOneField(Instrument, on_delete=models.CASCADE, primary_key=True, related_name="+")
    met_until = models.DateTimeField(db_comment="The end of the last bar that was met; bars before it are left out")

    class Meta:
        verbose_name_plural = "bar progress"
        db_table_comment = "Registry: until when paper orders have met an instrument's bars, so that each counts once"

    def __str__(self) -> str:
        return f"{self.instrument_id} until {self.met_until}"


class Quote(models.Model):
    """The latest offer and bid of one instrument; what went before is in its bars."""

    instrument = models.OneToOneField(Instrument, on_delete=models.CASCADE, primary_key=True, related_name="quote")
    bid = PriceField(null=True)
    ask = PriceField(null=True)
    last = PriceField(null=True)
    bid_size = PriceField(null=True, db_comment="Units; NULL where the source does not say")
    ask_size = PriceField(null=True)
    conditions = ArrayField(
        models.CharField(max_length=10), null=True, db_comment="Marks of the quote, as the source writes them"
    )
    tape = models.CharField(max_length=10, blank=True, db_comment="The tape that it was reported on")
    last_size = PriceField(null=True, db_comment="Units of the trade at the last price")
    bid_taken = PriceField(default=Decimal(0), db_default=Decimal(0), db_comment="Of its size, what paper orders took")
    ask_taken = PriceField(default=Decimal(0), db_default=Decimal(0))
    traded_at = models.DateTimeField(null=True, db_comment="When that trade was, by the source's clock")
    quoted_at = models.DateTimeField(db_comment="By the source's clock; an older quote never replaces a newer one")
    source = models.CharField(max_length=30, blank=True)

    class Meta:
        db_table_comment = "Read-through cache: the latest quote of each instrument"
        constraints = [
            models.CheckConstraint(
                name="quote_taken_within_size",
                condition=Q(bid_taken__gte=0, ask_taken__gte=0)
                & (Q(bid_size__isnull=True, bid_taken=0) | Q(bid_taken__lte=F("bid_size")))
                & (Q(ask_size__isnull=True, ask_taken=0) | Q(ask_taken__lte=F("ask_size"))),
            ),
            models.CheckConstraint(
                name="quote_says_a_price",
                condition=Q(bid__isnull=False) | Q(ask__isnull=False) | Q(last__isnull=False),
            ),
            models.CheckConstraint(
                name="quote_values_positive",
                condition=(Q(bid__isnull=True) | Q(bid__gt=0))
                & (Q(ask__isnull=True) | Q(ask__gt=0))
                & (Q(last__isnull=True) | Q(last__gt=0))
                & (Q(bid_size__isnull=True) | Q(bid_size__gte=0))
                & (Q(ask_size__isnull=True) | Q(ask_size__gte=0)),
            ),
            finite(
                "quote_values_finite",
                bid=LARGEST_PRICE,
                ask=LARGEST_PRICE,
                last=LARGEST_PRICE,
                bid_size=LARGEST_PRICE,
                ask_size=LARGEST_PRICE,
            ),
            finite("quote_last_size_finite", last_size=LARGEST_PRICE),
            models.CheckConstraint(
                name="quote_trade_has_a_price",
                condition=(Q(last_size__isnull=True) & Q(traded_at__isnull=True))
                | (Q(last__isnull=False) & (Q(last_size__isnull=True) | Q(last_size__gte=0))),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.instrument_id} {self.bid}/{self.ask}"
