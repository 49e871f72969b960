"""Finding and making the instruments that fills name."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from trading.contracts import parse_future, parse_option
from trading.models import FuturesRoot, Instrument, InstrumentKind, InstrumentStatus

ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class InstrumentKey:
    """What a fill says of its instrument."""

    symbol: str
    kind: str
    currency: str
    multiplier: Decimal | None
    name: str = ""


def qualified(symbol: str, *, mark: str) -> str:
    """The symbol of a second instrument that shares its symbol with another: VOD:GBP."""
    return f"{symbol}:{mark}"[:40]


def find_or_create(keys: Iterable[InstrumentKey], *, on: date) -> dict[InstrumentKey, Instrument]:
    """The instrument of each key; those that do not exist yet are made.

    A symbol is unique while active, so an instrument of another kind or currency gets a qualified symbol.
    Futures take their currency and multiplier from their root.
    """
    wanted = set(keys)
    symbols = {key.symbol for key in wanted} | {
        qualified(key.symbol, mark=mark) for key in wanted for mark in (key.currency, key.kind.upper())
    }
    known = {
        instrument.symbol: instrument
        for instrument in Instrument.objects.filter(symbol__in=symbols, status=InstrumentStatus.ACTIVE)
    }
    roots = {root.root: root for root in FuturesRoot.objects.all()} if wanted else {}
    return {key: _one(key, known=known, roots=roots, on=on) for key in sorted(wanted, key=lambda k: k.symbol)}


def _one(key: InstrumentKey, *, known: dict[str, Instrument], roots: dict[str, FuturesRoot], on: date) -> Instrument:
    for symbol in (
        key.symbol,
        qualified(key.symbol, mark=key.currency),
        qualified(key.symbol, mark=key.kind.upper()),
    ):
        instrument = known.get(symbol)
        if instrument is None:
            instrument = known[symbol] = _created(key, symbol=symbol, roots=roots, on=on)
            if instrument.symbol == symbol and _is_same(instrument, key):
                return instrument
        elif _is_same(instrument, key):
            return instrument
    return known[key.symbol]


def _is_same(instrument: Instrument, key: InstrumentKey) -> bool:
    alike = {InstrumentKind.STOCK, InstrumentKind.ETF}
    same_kind = instrument.kind == key.kind or {instrument.kind, key.kind} <= alike
    return same_kind and (not key.currency or instrument.currency == key.currency)


def _created(key: InstrumentKey, *, symbol: str, roots: dict[str, FuturesRoot], on: date) -> Instrument:
    values: dict[str, object] = {
        "name": key.name[:200],
        "kind": key.kind,
        "currency": key.currency or "USD",
        "multiplier": key.multiplier or ONE,
    }
    if key.kind == InstrumentKind.FUTURE:
        contract = parse_future(key.symbol, on=on, roots=roots.keys())
        root = roots.get(contract.root) if contract else None
        if root is not None:
            values |= {
                "root": root,
                "name": values["name"] or root.name,
                "exchange": root.exchange,
                "currency": key.currency or root.currency,
                "multiplier": root.point_value,
                "tick_size": root.tick_size,
            }
    elif key.kind == InstrumentKind.OPTION:
        option = parse_option(key.symbol)
        if option is not None:
            values |= {
                "underlying": option.underlying,
                "expires_on": option.expires_on,
                "strike": option.strike,
                "option_type": option.right,
                "multiplier": key.multiplier or Decimal(100),
            }
    # Two imports may make the same instrument at once; the unique symbol decides, and both go on with one row.
    instrument, _ = Instrument.objects.get_or_create(symbol=symbol, status=InstrumentStatus.ACTIVE, defaults=values)
    return instrument
