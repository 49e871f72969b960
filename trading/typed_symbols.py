"""What a person means by a symbol that they type, on a page or over the API."""

from collections.abc import Collection
from datetime import date

from django.utils.translation import gettext as _

from accounts.errors import InvalidValue
from accounts.models import Account
from trading import instruments
from trading.contracts import normalise_symbol
from trading.imports.parsers.base import BadCell, ParseContext
from trading.imports.parsers.symbols import resolve_symbol
from trading.imports.pipeline import futures_roots
from trading.instruments import SHARES, InstrumentKey
from trading.models import Instrument, InstrumentStatus


def instrument_of(text: str, *, account: Account, on: date, kind: str = "", currency: str = "") -> Instrument:
    """The instrument that a person means by a symbol in their account, made where there is none yet.

    Options, pairs and contracts of known futures roots say themselves what they are; all else is of this kind, a stock
    where none is given, and in this currency, the account's where none is given.
    Raises: InvalidValue at /symbol for what cannot be read, for a contract whose root is not known and for a futures
    root without a month.
    """
    named = _by_qualified_symbol(text, kind=kind, currency=currency)
    if named is not None:
        return named
    roots = futures_roots()
    if not kind:
        _refuse_bare_root(text, roots=roots, on=on)
    try:
        found = resolve_symbol(text, column="symbol", context=ParseContext(roots=roots), on=on, kind=kind)
    except BadCell as error:
        raise InvalidValue(error.message, pointer="/symbol", code=error.code) from error
    key = InstrumentKey(found.symbol, found.kind, found.currency or currency or account.currency, found.multiplier)
    return instruments.find_or_create([key], on=on)[key]


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
    shares = Instrument.objects.filter(symbol=root, status=InstrumentStatus.ACTIVE, kind__in=SHARES)
    if root == symbol.text and shares.exclude(name="").exists():
        return
    raise InvalidValue(
        _(
            "%(root)s is a futures root: write the contract, such as %(root)sH%(year)s; for the share write "
            "NYSE:%(root)s"
        )
        % {"root": root, "year": f"{on:%y}"},
        pointer="/symbol",
        code="futures_root",
    )
