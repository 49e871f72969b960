"""Finding and making the instruments that fills name.

They are the same for everybody, so what one person's file or form says decides nothing for another: a new instrument
has its name and point value from the reference data alone, and a symbol that means something else to somebody else
is qualified.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from accounts.errors import InvalidValue
from accounts.models import User
from accounts.prepared import Prepared
from trading import reference
from trading.contracts import parse_future, parse_option
from trading.models import Execution, FuturesRoot, Instrument, InstrumentKind, InstrumentStatus, Quote

ONE = Decimal(1)
SHARES_PER_OPTION = Decimal(100)
SHARES = (InstrumentKind.STOCK, InstrumentKind.ETF)


def visible_to(person: User) -> QuerySet[Instrument]:
    """The active instruments that are public knowledge or quoted here, and those that this person has traded.

    A symbol that is only in somebody else's files would tell what they hold.
    """
    traded = Execution.objects.for_user(person).filter(instrument=OuterRef("pk"))
    quoted = Quote.objects.filter(instrument=OuterRef("pk"))
    public = Q(symbol__in=_public_symbols()) | Q(root__isnull=False) | Exists(quoted)
    return Instrument.objects.filter(public | Exists(traded), status=InstrumentStatus.ACTIVE)


def active(symbol: str, *, person: User) -> Instrument | None:
    """The instrument of this symbol that this person can order; None where there is none."""
    found = _active.first(symbol=symbol)
    # As `visible_to` has it, for one instrument: a list of all public symbols is long.
    if found is None or found.is_quoted or symbol in _public_symbols() or found.root_id is not None:
        return found
    return found if Execution.objects.for_user(person).filter(instrument=found).exists() else None


_active: Prepared[Any] = Prepared(
    lambda symbol: Instrument.objects.filter(symbol=symbol, status=InstrumentStatus.ACTIVE).annotate(
        is_quoted=Exists(Quote.objects.filter(instrument=OuterRef("pk")))
    ),
    symbol="?",
)


@cache
def _public_symbols() -> frozenset[str]:
    names = ("stocks", "currency_pairs", "crypto")
    return frozenset(row["symbol"] for name in names for row in reference.rows(name))


@dataclass(frozen=True, slots=True)
class InstrumentKey:
    """What a fill says of its instrument."""

    symbol: str
    kind: str
    currency: str
    multiplier: Decimal | None


def qualified(symbol: str, *, mark: str) -> str:
    """The symbol of a second instrument that shares its symbol with another: VOD:GBP."""
    return f"{symbol[: 39 - len(mark)]}:{mark}"


def find_or_create(keys: Iterable[InstrumentKey], *, on: date) -> dict[InstrumentKey, Instrument]:
    """The instrument of each key; those that do not exist yet are made.

    A symbol is unique while active, so an instrument of another kind or currency gets a qualified symbol.
    Futures take their currency and multiplier from their root.
    """
    wanted = set(keys)
    symbols = {symbol for key in wanted for symbol in _symbols(key)}
    known = {
        instrument.symbol: instrument
        for instrument in Instrument.objects.filter(symbol__in=symbols, status=InstrumentStatus.ACTIVE)
    }
    roots = {root.root: root for root in FuturesRoot.objects.all()} if wanted else {}
    return {key: _one(key, known=known, roots=roots, on=on) for key in sorted(wanted, key=lambda k: k.symbol)}


def _one(key: InstrumentKey, *, known: dict[str, Instrument], roots: dict[str, FuturesRoot], on: date) -> Instrument:
    for symbol in _symbols(key):
        instrument = known.get(symbol)
        if instrument is None:
            instrument = known[symbol] = _created(key, symbol=symbol, roots=roots, on=on)
        if _is_same(instrument, key):
            return instrument
    raise InvalidValue(_("%(symbol)s is taken by something else.") % {"symbol": key.symbol}, code="symbol_taken")


def _symbols(key: InstrumentKey) -> list[str]:
    """What the instrument may be called, the plainest first."""
    kind = key.kind.upper()
    marks = [key.currency, kind, f"{key.currency}.{kind}"] if key.currency else [kind]
    return [key.symbol, *(qualified(key.symbol, mark=mark) for mark in marks)]


def _is_same(instrument: Instrument, key: InstrumentKey) -> bool:
    same_kind = instrument.kind == key.kind or (instrument.kind in SHARES and key.kind in SHARES)
    return same_kind and (not key.currency or instrument.currency == key.currency)


def _created(key: InstrumentKey, *, symbol: str, roots: dict[str, FuturesRoot], on: date) -> Instrument:
    values: dict[str, object] = {
        "kind": key.kind,
        "currency": key.currency or "USD",
        "multiplier": SHARES_PER_OPTION if key.kind == InstrumentKind.OPTION else ONE,
    }
    if key.kind == InstrumentKind.FUTURE:
        contract = parse_future(key.symbol, on=on, roots=roots.keys())
        root = roots.get(contract.root) if contract else None
        if root is not None:
            values |= {
                "root": root,
                "name": root.name,
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
            }
    # Two imports may make the same instrument at once; the unique symbol decides, and both go on with one row.
    instrument, _ = Instrument.objects.get_or_create(symbol=symbol, status=InstrumentStatus.ACTIVE, defaults=values)
    return instrument
