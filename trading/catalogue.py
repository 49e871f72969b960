"""Loading the reference data files into their tables."""

from collections.abc import Callable, Iterable
from decimal import Decimal

from django.db import transaction

from trading import reference
from trading.models import FuturesRoot, Instrument, InstrumentKind, InstrumentStatus


@transaction.atomic
def load(*, on_progress: Callable[[str, int], None] = lambda name, count: None) -> dict[str, int]:
    """The catalogue holds what the files say; instruments that people already trade keep their rows.

    Returns the number of rows per file.
    """
    loaders = {
        "futures_roots": _futures_roots,
        "stocks": _stocks,
        "currency_pairs": _currency_pairs,
        "crypto": _crypto,
    }
    counts = {}
    for name, loader in loaders.items():
        counts[name] = loader()
        on_progress(name, counts[name])
    return counts


def _futures_roots() -> int:
    roots = [
        FuturesRoot(
            root=row["root"],
            exchange=row["exchange"],
            name=row["name"],
            currency=row["currency"],
            tick_size=Decimal(row["tick_size"]),
            point_value=Decimal(row["point_value"]),
            months=row["months"],
            asset_class=row["asset_class"],
        )
        for row in reference.rows("futures_roots")
    ]
    FuturesRoot.objects.bulk_create(
        roots,
        update_conflicts=True,
        unique_fields=["root"],
        update_fields=["exchange", "name", "currency", "tick_size", "point_value", "months", "asset_class"],
    )
    return len(roots)


def _stocks() -> int:
    return _store(
        Instrument(
            symbol=row["symbol"],
            name=row["name"],
            kind=row["kind"],
            currency=row["currency"],
            tick_size=Decimal(row["tick_size"]),
            lot_size=Decimal(row["lot_size"]),
            min_price=_optional(row["min_price"]),
            max_price=_optional(row["max_price"]),
        )
        for row in reference.rows("stocks")
    )


def _currency_pairs() -> int:
    return _store(
        Instrument(
            symbol=row["symbol"],
            name=f"{row['base']}/{row['quote']}",
            kind=InstrumentKind.FOREX,
            currency=row["quote"],
            tick_size=Decimal(row["tick_size"]),
            lot_size=Decimal(row["lot_size"]),
        )
        for row in reference.rows("currency_pairs")
    )


def _crypto() -> int:
    return _store(
        Instrument(
            symbol=row["symbol"],
            name=row["name"],
            kind=InstrumentKind.CRYPTO,
            currency=row["quote"],
            tick_size=Decimal(row["tick_size"]),
            lot_size=Decimal(row["lot_size"]),
        )
        for row in reference.rows("crypto")
    )


def _store(instruments: Iterable[Instrument]) -> int:
    fresh = list(instruments)
    known = {
        instrument.symbol: instrument
        for instrument in Instrument.objects.filter(
            symbol__in=[instrument.symbol for instrument in fresh], status=InstrumentStatus.ACTIVE
        )
    }
    Instrument.objects.bulk_create([item for item in fresh if item.symbol not in known])
    changed = []
    for item in fresh:
        stored = known.get(item.symbol)
        if stored is not None:
            for name in ("name", "tick_size", "lot_size", "min_price", "max_price"):
                setattr(stored, name, getattr(item, name))
            changed.append(stored)
    Instrument.objects.bulk_update(changed, ["name", "tick_size", "lot_size", "min_price", "max_price"])
    return len(fresh)


def _optional(text: str) -> Decimal | None:
    return Decimal(text) if text else None
