"""Finding and making the instruments that fills name.

They are the same for everybody, so what one person's file or form says decides nothing for another: a new instrument
has its name and point value from the reference data alone, and a symbol that means something else to somebody else
is qualified.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from accounts.errors import InvalidValue
from accounts.models import Account
from trading.contracts import normalise_symbol, parse_future, parse_option
from trading.imports.parsers.base import BadCell, ParseContext, RootSpec
from trading.imports.parsers.symbols import OPTION_MULTIPLIER, resolve_symbol
from trading.models import FuturesRoot, Instrument, InstrumentKind, InstrumentStatus

ONE = Decimal(1)
_SHARES = (InstrumentKind.STOCK, InstrumentKind.ETF)


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
    return f"{symbol[: 39 - len(mark)]}:{mark}"


def typed(text: str, *, account: Account, on: date, kind: str = "", currency: str = "") -> Instrument:
    """The instrument that a person means by a symbol in their account, made where there is none yet.

    Options, pairs and contracts of known futures roots say themselves what they are; all else is of this kind, a stock
    where none is given, and in this currency, the account's where none is given.
    Raises: InvalidValue at /symbol for what cannot be read, for a contract whose root is not known and for a futures
    root without a month.
    """
    named = _by_qualified_symbol(text, kind=kind, currency=currency)
    if named is not None:
        return named
    roots = {
        root.root: RootSpec(root.root, root.currency, root.tick_size, root.point_value)
        for root in FuturesRoot.objects.all()
    }
    if not kind:
        _refuse_bare_root(text, roots=roots, on=on)
    try:
        found = resolve_symbol(text, column="symbol", context=ParseContext(roots=roots), on=on, kind=kind)
    except BadCell as error:
        raise InvalidValue(error.message, pointer="/symbol", code=error.code) from error
    key = InstrumentKey(found.symbol, found.kind, found.currency or currency or account.currency, found.multiplier)
    return find_or_create([key], on=on)[key]


def _by_qualified_symbol(text: str, *, kind: str, currency: str) -> Instrument | None:
    """The instrument whose qualified symbol this is, such as VOD:GBP; None for any other text."""
    symbol, _, mark = text.strip().upper().rpartition(":")
    if not symbol:
        return None
    found = Instrument.objects.filter(symbol=f"{symbol}:{mark}", status=InstrumentStatus.ACTIVE).first()
    if found is None or kind not in ("", found.kind) or currency not in ("", found.currency):
        return None
    return found


def _refuse_bare_root(text: str, *, roots: Collection[str], on: date) -> None:
    try:
        symbol = normalise_symbol(text)
    except ValueError:
        return
    root = symbol.text.removeprefix("/")
    if symbol.exchange is not None or root not in roots:
        return
    # Only the reference data give a share its name.
    shares = Instrument.objects.filter(symbol=root, status=InstrumentStatus.ACTIVE, kind__in=_SHARES)
    if root == symbol.text and shares.exclude(name="").exists():
        return
    raise InvalidValue(
        f"{root} is a futures root: write the contract, such as {root}H{on:%y}; for the share write NYSE:{root}",
        pointer="/symbol",
        code="futures_root",
    )


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
    raise InvalidValue(f"{key.symbol} is taken by something else.", code="symbol_taken")


def _symbols(key: InstrumentKey) -> list[str]:
    """What the instrument may be called, the plainest first."""
    kind = key.kind.upper()
    marks = [key.currency, kind, f"{key.currency}.{kind}"] if key.currency else [kind]
    return [key.symbol, *(qualified(key.symbol, mark=mark) for mark in marks)]


def _is_same(instrument: Instrument, key: InstrumentKey) -> bool:
    same_kind = instrument.kind == key.kind or (instrument.kind in _SHARES and key.kind in _SHARES)
    return same_kind and (not key.currency or instrument.currency == key.currency)


def _created(key: InstrumentKey, *, symbol: str, roots: dict[str, FuturesRoot], on: date) -> Instrument:
    values: dict[str, object] = {
        "kind": key.kind,
        "currency": key.currency or "USD",
        "multiplier": OPTION_MULTIPLIER if key.kind == InstrumentKind.OPTION else ONE,
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
