"""Stored sums per account and day, per person and day, and per account: `journal.metrics.rollups` alone writes them."""

from decimal import Decimal

from django.db import models
from django.db.models import F, Q

from accounts.fields import MoneyField, PriceField
from accounts.models import Account, User


class TotalsColumns(models.Model):
    """The columns of `journal.metrics.totals.Totals`."""

    trade_count = models.IntegerField(default=0, db_comment="Trades closed in it")
    win_count = models.IntegerField(default=0)
    loss_count = models.IntegerField(default=0)
    breakeven_count = models.IntegerField(default=0)
    gross_profit = MoneyField(default=Decimal(0), db_comment="Net of the winning trades closed in it")
    gross_loss = MoneyField(default=Decimal(0), db_comment="Magnitude of the net of the losing trades closed in it")
    breakeven_net = MoneyField(default=Decimal(0))
    net_pnl = MoneyField(default=Decimal(0), db_comment="Realized by exits in it, after costs")
    gross_pnl = MoneyField(default=Decimal(0), db_comment="Realized by exits in it, before costs")
    fees = MoneyField(default=Decimal(0), db_comment="gross_pnl - net_pnl")
    broker_pnl = MoneyField(default=Decimal(0), db_comment="The broker's own figures, where stated")
    broker_net = MoneyField(default=Decimal(0), db_comment="Our net of the same exits")
    broker_count = models.IntegerField(default=0)
    net_squares = models.DecimalField(max_digits=40, decimal_places=16, default=Decimal(0))
    r_sum = PriceField(default=Decimal(0))
    r_squares = PriceField(default=Decimal(0))
    r_count = models.IntegerField(default=0)
    r_profit = PriceField(default=Decimal(0), db_comment="Realized R of the winning trades closed in it")
    r_loss = PriceField(default=Decimal(0), db_comment="Magnitude of the realized R of the losing ones")
    r_win_count = models.IntegerField(default=0, db_comment="Winning trades closed in it that have a realized R")
    r_loss_count = models.IntegerField(default=0, db_comment="Losing ones")
    planned_r_sum = PriceField(default=Decimal(0))
    planned_r_count = models.IntegerField(default=0)
    holding_seconds = models.BigIntegerField(default=0)
    holding_count = models.IntegerField(default=0)
    largest_win = MoneyField(null=True)
    largest_loss = MoneyField(null=True)
    volume = PriceField(default=Decimal(0), db_comment="Quantity that was closed")

    class Meta:
        abstract = True


class DayRollup(TotalsColumns):
    """What one account made on one trading day in one currency."""

    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", db_index=False)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+", db_index=False)
    day = models.DateField()
    currency = models.CharField(max_length=12)

    class Meta:
        db_table_comment = "Materialized view of trades per account, day and currency"
        constraints = [
            models.UniqueConstraint(fields=["account", "day", "currency"], name="day_rollup_unique"),
        ]
        indexes = [models.Index(fields=["owner", "day"], name="day_rollup_owner_day")]

    def __str__(self) -> str:
        return f"{self.account_id} {self.day}"


class DayVersion(models.Model):
    """How far the rollups of one account and day are behind its trades."""

    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", db_index=False)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+", db_index=False)
    day = models.DateField()
    requested_version = models.BigIntegerField(default=1)
    computed_version = models.BigIntegerField(default=0)

    class Meta:
        db_table_comment = "Two counters per account and day: stale while computed is behind requested"
        constraints = [
            models.UniqueConstraint(fields=["account", "day"], name="day_version_unique"),
            models.CheckConstraint(
                name="day_version_not_ahead", condition=Q(computed_version__lte=F("requested_version"))
            ),
        ]
        indexes = [
            models.Index(
                fields=["owner"],
                name="day_version_stale",
                condition=Q(computed_version__lt=F("requested_version")),
            )
        ]

    def __str__(self) -> str:
        return f"{self.account_id} {self.day} {self.computed_version}/{self.requested_version}"


class OwnerDay(TotalsColumns):
    """What all accounts of a person made on one day in one currency."""

    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", db_index=False)
    currency = models.CharField(max_length=12)
    day = models.DateField()

    class Meta:
        db_table_comment = "Materialized view of the day rollups per person, currency and day"
        constraints = [models.UniqueConstraint(fields=["owner", "currency", "day"], name="owner_day_unique")]

    def __str__(self) -> str:
        return f"{self.owner_id} {self.day}"


class AccountTotals(TotalsColumns):
    """What one account made in all, in one currency."""

    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", db_index=False)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+", db_index=False)
    currency = models.CharField(max_length=12)
    first_day = models.DateField(null=True)
    last_day = models.DateField(null=True)
    max_drawdown = MoneyField(db_default=Decimal(0), db_comment="Largest fall of its closed equity, magnitude")

    class Meta:
        verbose_name_plural = "account totals"
        db_table_comment = "Materialized view of the day rollups per account"
        constraints = [models.UniqueConstraint(fields=["account", "currency"], name="account_totals_unique")]
        indexes = [models.Index(fields=["owner"], name="account_totals_owner")]

    def __str__(self) -> str:
        return f"{self.account_id} {self.currency}"


class FacetDay(TotalsColumns):
    """What all accounts of a person made on one day in one currency, by one key of a dimension."""

    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", db_index=False)
    currency = models.CharField(max_length=12)
    day = models.DateField()
    dimension = models.CharField(max_length=20)
    key = models.CharField(max_length=40)

    class Meta:
        db_table_comment = "Materialized view of trades per person, day, currency and key of a dimension"
        constraints = [
            models.UniqueConstraint(fields=["owner", "dimension", "day", "key", "currency"], name="facet_day_unique")
        ]
        indexes = [models.Index(fields=["owner", "day"], name="facet_day_owner_day")]

    def __str__(self) -> str:
        return f"{self.owner_id} {self.day} {self.dimension} {self.key}"


class DayCounters(models.Model):
    """Two counters per person and day: stale while computed is behind requested."""

    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", db_index=False)
    day = models.DateField()
    requested_version = models.BigIntegerField(default=1)
    computed_version = models.BigIntegerField(default=0)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.owner_id} {self.day} {self.computed_version}/{self.requested_version}"


class FacetVersion(DayCounters):
    """How far the facet sums of one person and day are behind the trades."""

    class Meta:
        db_table_comment = "Two counters per person and day: facet sums are stale while computed is behind requested"
        constraints = [
            models.UniqueConstraint(fields=["owner", "day"], name="facet_version_unique"),
            models.CheckConstraint(
                name="facet_version_not_ahead", condition=Q(computed_version__lte=F("requested_version"))
            ),
        ]
        indexes = [
            models.Index(
                fields=["owner", "day"],
                name="facet_version_stale",
                condition=Q(computed_version__lt=F("requested_version")),
            )
        ]


class RemarkVersion(DayCounters):
    """How far the sums by what a person says of trades (tags, playbooks, rules, ratings, reviews) are behind it."""

    class Meta:
        db_table_comment = (
            "Two counters per person and day: sums by remarks are stale while computed is behind requested"
        )
        constraints = [
            models.UniqueConstraint(fields=["owner", "day"], name="remark_version_unique"),
            models.CheckConstraint(
                name="remark_version_not_ahead", condition=Q(computed_version__lte=F("requested_version"))
            ),
        ]
        indexes = [
            models.Index(
                fields=["owner", "day"],
                name="remark_version_stale",
                condition=Q(computed_version__lt=F("requested_version")),
            )
        ]


class ResultDay(models.Model):
    """How the trades of all accounts of a person that closed on one day in one currency ended, in ascending order."""

    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", db_index=False)
    currency = models.CharField(max_length=12)
    day = models.DateField()
    net_count = models.IntegerField(db_comment="Trades closed on it")
    net_total = models.DecimalField(max_digits=40, decimal_places=8)
    net_squares = models.DecimalField(max_digits=40, decimal_places=16)
    net_values = models.BinaryField(db_comment="Their net P&L, each 8 bytes in 10^-8; without those that need more")
    r_count = models.IntegerField(db_comment="Those of them that have a realized R")
    r_total = models.DecimalField(max_digits=40, decimal_places=12)
    r_squares = models.DecimalField(max_digits=60, decimal_places=24)
    r_values = models.BinaryField(db_comment="Their realized R, each 8 bytes in 10^-12; without those that need more")

    class Meta:
        db_table_comment = "Materialized view of closed trades per person, currency and day: their results in order"
        constraints = [models.UniqueConstraint(fields=["owner", "day", "currency"], name="result_day_unique")]

    def __str__(self) -> str:
        return f"{self.owner_id} {self.day} {self.currency}"


class RunDay(models.Model):
    """The runs of wins and losses among the trades of all accounts of a person that closed on one day."""

    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", db_index=False)
    day = models.DateField()
    first_at = models.DateTimeField(db_comment="When the first of them closed")
    last_at = models.DateTimeField(db_comment="When the last of them closed")
    runs = models.JSONField(db_comment="As journal.metrics.spreads.RunsOfStretch writes them")

    class Meta:
        db_table_comment = "Materialized view of closed trades per person and day: who won and lost one after the other"
        constraints = [models.UniqueConstraint(fields=["owner", "day"], name="run_day_unique")]

    def __str__(self) -> str:
        return f"{self.owner_id} {self.day}"
