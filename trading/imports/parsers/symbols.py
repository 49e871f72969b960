"""From the text that a file has for an instrument to the project's symbol, kind, multiplier and currency."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from trading.contracts import future_root, looks_like_future, normalise_symbol, parse_future, parse_option
from trading.imports.parsers.base import BadCell, ParseContext, RootSpec

OPTION_MULTIPLIER = Decimal(100)

_CURRENCIES = frozenset(
    "USD EUR GBP JPY CHF CAD AUD NZD SEK NOK DKK PLN CZK HUF TRY ZAR MXN SGD HKD CNH CNY INR BRL ILS KRW THB".split()
)
_COINS = frozenset("BTC ETH SOL XRP ADA DOGE LTC BCH DOT AVAX LINK MATIC BNB USDT USDC".split())
_PAIRED_KINDS = frozenset({"forex", "crypto", "cfd"})


class Resolved(NamedTuple):
    """What the file's text names."""

    symbol: str
    kind: str
    multiplier: Decimal | None  #: None: the instrument or 1
    currency: str  #: "" when the symbol does not say


def resolve_symbol(text: str, *, column: str, context: ParseContext, on: date, kind: str = "") -> Resolved:
    """Return the canonical symbol with what follows from it; `kind` "" lets the shape of the text decide.

    A contract root that the reference data does not have is refused, never guessed. An option has 100 shares
    per contract unless the file says otherwise. Cached: a million rows name few instruments.
    Raises BadCell: missing_value, bad_symbol, unknown_contract_root.
    """
    if not text or text.isspace():
        raise BadCell(column, "missing_value", "The row names no instrument.", text)
    return _resolve(text, column, kind, on, _SameObject(context.roots))


class _SameObject:
    """A mapping as part of a cache key: equal to itself alone."""

    __slots__ = ("roots",)

    def __init__(self, roots: Mapping[str, RootSpec]) -> None:
        self.roots = roots

    def __hash__(self) -> int:
        return id(self.roots)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _SameObject) and self.roots is other.roots


@lru_cache(maxsize=16384)
def _resolve(text: str, column: str, kind: str, on: date, known: _SameObject) -> Resolved:
    try:
        plain = normalise_symbol(text, is_pair=kind in _PAIRED_KINDS)
    except ValueError as reason:
        if kind in ("", "option") and (option := parse_option(text)):
            return Resolved(option.symbol, "option", OPTION_MULTIPLIER, "")
        raise BadCell(column, "bad_symbol", f"This is not a symbol: {reason}.", text) from None
    if kind in ("", "option"):
        option = parse_option(text)
        if option is not None:
            return Resolved(option.symbol, "option", OPTION_MULTIPLIER, "")
        if kind == "option":
            raise BadCell(column, "bad_symbol", "The option cannot be read: expiry, strike or right is missing.", text)
    if kind in ("", "future"):
        contract = parse_future(text, on=on, roots=known.roots)
        if contract is not None:
            spec = known.roots[contract.root]
            return Resolved(contract.symbol, "future", spec.point_value, spec.currency)
        if kind == "future" or looks_like_future(text):
            raise _unknown_root(text, column, kind)
    return _without_contract(plain.text, text, kind)


def _without_contract(symbol: str, text: str, kind: str) -> Resolved:
    if kind in ("forex", "crypto") or (not kind and _is_pair(symbol)):
        pair = normalise_symbol(text, is_pair=True).text
        base, quote = pair[:-3], pair[-3:]
        resolved = kind or ("crypto" if base in _COINS else "forex")
        return Resolved(pair, resolved, Decimal(1), quote if quote in _CURRENCIES else "")
    return Resolved(symbol, kind or "stock", Decimal(1) if kind in ("", "stock", "etf") else None, "")


def _is_pair(symbol: str) -> bool:
    letters = symbol.replace("/", "").replace(".", "").replace("-", "")
    if len(letters) < 6:
        return False
    base, quote = letters[:-3], letters[-3:]
    return quote in _CURRENCIES and (base in _CURRENCIES or base in _COINS)


def _unknown_root(text: str, column: str, kind: str) -> BadCell:
    root = future_root(text)
    if root is None:
        return BadCell(column, "bad_symbol", "This is not a futures contract with its month and year.", text)
    return BadCell(
        column,
        "unknown_contract_root",
        f"The futures root {root} is not in the reference data, so what one point is worth is not known. Add it first.",
        text,
    )


#: ISO 4217, the currencies in use.
CURRENCIES = frozenset(
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN "
    "BWP BYN BZD CAD CDF CHF CLP CNH CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR "
    "FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD "
    "JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT "
    "MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG "
    "QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SYP SZL THB TJS TMT "
    "TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW "
    "ZWG".split()
)


def parse_currency(text: str, *, column: str) -> str:
    """Return the currency code in capitals. Raises BadCell bad_currency for what is not in ISO 4217."""
    code = text.strip().upper()
    if code not in CURRENCIES:
        raise BadCell(column, "bad_currency", "This is not a currency code such as USD.", text)
    return code
