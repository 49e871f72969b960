"""Rates of exchange: loading the European Central Bank's file."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction

from accounts import versions
from trading.ecb import EuroRate, parse_reference_rates
from trading.models import FxRate

CHUNK = 5_000


@dataclass(frozen=True, slots=True)
class Loaded:
    """How many rates the file had."""

    rates: int


@transaction.atomic
def load_ecb(content: bytes) -> Loaded:
    """Every rate of the file is stored, replacing what was stored for its day; all of the file or nothing.

    Raises: trading.ecb.RatesFileError naming line and reason.
    """
    return store(parse_reference_rates(content), source="ecb")


@transaction.atomic
def store(rates: Iterable[EuroRate], *, source: str) -> Loaded:
    """The rates are stored, replacing what was stored for their days."""
    rows = [FxRate(date=rate.day, base="EUR", quote=rate.currency, rate=rate.rate, source=source) for rate in rates]
    # Answers in another currency than that of the trades are made of these rates.
    versions.bump_everybody()
    FxRate.objects.bulk_create(
        rows,
        batch_size=CHUNK,
        update_conflicts=True,
        unique_fields=["base", "quote", "date"],
        update_fields=["rate", "source"],
    )
    return Loaded(len(rows))
