"""What the market did: bars of prices."""

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
    source = models.CharField(max_length=30, blank=True)

    class Meta:
        db_table_comment = "Time series: bars of prices, loaded in bulk"
        constraints = [
            models.UniqueConstraint(fields=["instrument", "timeframe", "starts_at"], name="bar_unique"),
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
        ]
        indexes = [BrinIndex(fields=["starts_at"], name="bar_starts_at")]

    def __str__(self) -> str:
        return f"{self.instrument_id} {self.timeframe} {self.starts_at}"
