"""How files write an instrument, read into one canonical description: symbols, futures, options.

Everything here reads the shape of a text alone. Whether a futures root exists, and what one point of it is
worth, is the caller's question to the reference data: an unknown root is refused there, never guessed here.
"""

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

MONTH_LETTERS = "FGHJKMNQUVXZ"
MAX_SYMBOL_LENGTH = 40

MONTH_NAMES = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")

# CQG names many products differently from the exchange, and ProjectX and AvaTrade files carry CQG's names.
CQG_ROOTS = {
    "EP": "ES", "ENQ": "NQ",
    "USA": "ZB", "ULA": "UB", "TYA": "ZN", "TNA": "TN", "FVA": "ZF", "TUA": "ZT",
    "CLE": "CL", "MCLE": "MCL", "NQM": "QM", "NGE": "NG", "MNGE": "MNG", "NQG": "QG",
    "HOE": "HO", "RBE": "RB",
    "GCE": "GC", "SIE": "SI", "CPE": "HG", "PLE": "PL", "PAE": "PA",
    "EU6": "6E", "BP6": "6B", "JY6": "6J", "DA6": "6A", "CA6": "6C", "SF6": "6S", "NE6": "6N", "MX6": "6M",
    "EEU": "E7",
    "ZCE": "ZC", "ZSE": "ZS", "ZWA": "ZW", "ZLE": "ZL", "ZME": "ZM", "GLE": "LE", "GMET": "MET",
}  # fmt: skip

OptionRight = Literal["call", "put"]


@dataclass(frozen=True, slots=True)
class FuturesContract:
    """One delivery month of one futures root."""

    root: str
    month: int
    year: int

    def is_over(self, on: date) -> bool:
        """Whether its month has passed, and with it every day on which it may have been traded."""
        return (self.year, self.month) < (on.year, on.month)

    @property
    def symbol(self) -> str:
        """Return root, month letter and two-digit year: "ESH26"."""
        return f"{self.root}{MONTH_LETTERS[self.month - 1]}{self.year % 100:02d}"


@dataclass(frozen=True, slots=True)
class OptionContract:
    """One listed equity or index option; the strike is in thousandths at the finest."""

    underlying: str
    expires_on: date
    right: OptionRight
    strike: Decimal

    @property
    def symbol(self) -> str:
        """Return the OCC symbol without its padding: "NVDA260710P00195000"."""
        letter = "C" if self.right == "call" else "P"
        return f"{self.underlying}{self.expires_on:%y%m%d}{letter}{int(self.strike * 1000):08d}"


@dataclass(frozen=True, slots=True)
class Symbol:
    """A symbol in upper-case ASCII, apart from the exchange that the file wrote around it."""

    text: str
    exchange: str | None


# --- symbols -----------------------------------------------------------------------------------

_FOREIGN_TO_SYMBOLS = frozenset('<>"\\;,|{}~%?`')
# What a spreadsheet takes for a formula; "-" is missing, as Fidelity writes options with it.
_FORMULA_STARTS = "=+@"
_EXCHANGE_PREFIX = re.compile(r"(?P<exchange>[A-Z][A-Z0-9_]{1,14}):(?P<symbol>.+)")
_EXCHANGE_SUFFIX = re.compile(r"(?P<symbol>/[A-Z0-9]+):(?P<exchange>[A-Z]{3,6})")
_PAIR = re.compile(r"(?P<base>[A-Z0-9]{2,10})[/._-](?P<quote>[A-Z]{3,5})")


def normalise_symbol(text: str, *, is_pair: bool = False) -> Symbol:
    """Return the symbol in upper case without its exchange: "nasdaq:aapl" is AAPL of NASDAQ.

    With `is_pair` the separator of a currency or crypto pair is dropped: "BTC/USD" and "EUR.USD" are BTCUSD
    and EURUSD. Without it "BRK.B" and "BRK/B" stay what they are.

    Raises ValueError, naming the reason, for an empty text, more than 40 characters, a formula, and every
    character that is not plain ASCII: text that looks like a known symbol and is not must never become one.
    """
    trimmed = text.strip(" \t")
    if not trimmed:
        raise ValueError("the symbol is empty")
    if len(trimmed) > MAX_SYMBOL_LENGTH:
        raise ValueError(f"the symbol has {len(trimmed)} characters, at most {MAX_SYMBOL_LENGTH} are allowed")
    for character in trimmed:
        _refuse_foreign(character)
    symbol = re.sub(" +", " ", trimmed.upper())
    exchange: str | None = None
    wrapped = _EXCHANGE_SUFFIX.fullmatch(symbol) or _EXCHANGE_PREFIX.fullmatch(symbol)
    if wrapped:
        symbol, exchange = wrapped["symbol"].strip(), wrapped["exchange"]
    if symbol[0] in _FORMULA_STARTS:
        raise ValueError(f"a symbol does not begin with {symbol[0]!r}")
    if is_pair and (pair := _PAIR.fullmatch(symbol)):
        symbol = pair["base"] + pair["quote"]
    return Symbol(text=symbol, exchange=exchange)


def _refuse_foreign(character: str) -> None:
    if " " <= character <= "~" and character not in _FOREIGN_TO_SYMBOLS:
        return
    if " " <= character <= "~":
        raise ValueError(f"the symbol contains {character!r}, which no symbol has")
    name = unicodedata.name(character, "a control character")
    raise ValueError(f"the symbol contains U+{ord(character):04X} ({name}); use plain ASCII letters")


# --- futures -----------------------------------------------------------------------------------

_ROOT = r"(?P<root>(?=[0-9]*[A-Z])[A-Z0-9]{1,6})"
_NAMES = "|".join(MONTH_NAMES)
_YEAR = r"(?P<year>\d{4}|\d{2})"
_COMPACT = re.compile(rf"{_ROOT}\.?(?P<letter>[{MONTH_LETTERS}])(?P<year>\d{{4}}|\d{{1,2}})(?:@[A-Z]{{2,8}})?")
_NUMBERED = re.compile(rf"{_ROOT} +(?P<month>0[1-9]|1[0-2])[-./]{_YEAR}")
_NAMED = re.compile(rf"{_ROOT} +(?P<name>{_NAMES})(?: ?'|[ -])?{_YEAR}")
_CQG = re.compile(r"(?:CON\.)?F\.[A-Z]{2,3}\.(?P<rest>[A-Z0-9.]+)")
_CONTINUOUS = re.compile(r"(?:[A-Z][A-Z0-9_]{1,14}:)?(?P<root>[A-Z0-9]{1,6})[1-9]!")


def parse_future(text: str, *, on: date, roots: Collection[str] | None = None) -> FuturesContract | None:
    """Return the contract that the text names, or None where it does not name one.

    `on` is the day of the fill: it decides the decade of a one-digit year (the contract month lies from
    twelve months before `on` to under nine years after) and the century of a two-digit one. With `roots`,
    a root that is not among them gives None, so that a stock is never taken for a future; a CQG name is
    translated where its own spelling is not a known root.

    IBKR's description with a day ("ES 20MAR26") gives None: it states the expiry, and a crude-oil contract
    expires in the month before the one it is named after.
    """
    shape = _read_future(text)
    if shape is None:
        return None
    root, month, year_digits, is_cqg = shape
    if CQG_ROOTS.get(root) and (is_cqg or (roots is not None and root not in roots)):
        root = CQG_ROOTS[root]
    if roots is not None and root not in roots:
        return None
    return FuturesContract(root=root, month=month, year=_full_year(year_digits, month=month, on=on))


def looks_like_future(text: str) -> bool:
    """Whether the text has the shape of a dated futures contract, of whatever root."""
    return _read_future(text) is not None


def future_root(text: str) -> str | None:
    """Return the root as the text spells it, translated from CQG where it says so; None for other shapes.

    "XXZ6" gives "XX", for a refusal that names it; the bare CQG product "F.US.EP" gives "ES" and the
    continuous chart symbol "CME_MINI:NQ1!" gives "NQ", though neither says which month was traded.
    """
    shape = _read_future(text)
    if shape is not None:
        return CQG_ROOTS.get(shape[0], shape[0]) if shape[3] else shape[0]
    bare = text.strip().upper() if text.isascii() else ""
    if product := _CQG.fullmatch(bare):
        return CQG_ROOTS.get(product["rest"], product["rest"])
    continuous = _CONTINUOUS.fullmatch(bare)
    return continuous["root"] if continuous else None


def _read_future(text: str) -> tuple[str, int, str, bool] | None:
    """Return root, month, year as written, and whether the name is CQG's."""
    if not text.isascii():
        return None
    bare = text.strip().upper()
    wrapped = _EXCHANGE_SUFFIX.fullmatch(bare) or _EXCHANGE_PREFIX.fullmatch(bare)
    if wrapped:
        bare = wrapped["symbol"].strip()
    bare = bare.removeprefix("/")
    cqg = _CQG.fullmatch(bare)
    if cqg:
        bare = cqg["rest"]
    if found := _COMPACT.fullmatch(bare):
        return found["root"], MONTH_LETTERS.index(found["letter"]) + 1, found["year"], bool(cqg)
    if found := _NUMBERED.fullmatch(bare):
        return found["root"], int(found["month"]), found["year"], False
    if found := _NAMED.fullmatch(bare):
        return found["root"], MONTH_NAMES.index(found["name"]) + 1, found["year"], False
    return None


def _full_year(digits: str, *, month: int, on: date) -> int:
    if len(digits) == 4:
        return int(digits)
    if len(digits) == 2:
        earliest = on.year - 50
        return earliest + (int(digits) - earliest) % 100
    earliest = on.year - 1 if month >= on.month else on.year
    return earliest + (int(digits) - earliest) % 10


# --- options -----------------------------------------------------------------------------------

_UNDERLYING = r"(?P<underlying>[A-Z][A-Z0-9./]{0,5})"
_STRIKE = r"\$?(?P<strike>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)"
_WORD = r"(?P<right>PUT|CALL|P|C)"
_US_DATE = r"(?P<month>\d{1,2})/(?P<day>\d{1,2})/(?P<year>\d{4}|\d{2})"
_DAY_MONTH = rf"(?P<day>\d{{1,2}}) ?(?P<name>{_NAMES}) ?(?P<year>\d{{4}}|\d{{2}})"
_OCC = re.compile(
    r"[-.]?(?P<underlying>[A-Z][A-Z0-9]{0,5}) *(?P<year>\d{2})(?P<month>\d{2})(?P<day>\d{2})"
    r"(?P<right>[CP])(?P<strike>\d{8}|\d{1,5}(?:\.\d+)?)"
)
_WRITTEN_OUT = (
    # thinkorswim: SPX 100 (Weeklys) 9 JUN 26 7050 PUT
    re.compile(rf"{_UNDERLYING} 100 (?:\([A-Z]+\) )?{_DAY_MONTH} (?:\[[A-Z]+\] )?{_STRIKE} {_WORD}"),
    # Interactive Brokers: AAPL 19JUN26 200 C
    re.compile(rf"{_UNDERLYING} {_DAY_MONTH} {_STRIKE} {_WORD}"),
    # Schwab: AAPL 06/19/2026 200.00 C
    re.compile(rf"{_UNDERLYING} {_US_DATE} {_STRIKE} {_WORD}"),
    # Robinhood: AAPL 6/19/2026 Call $200.00
    re.compile(rf"{_UNDERLYING} {_US_DATE} {_WORD} {_STRIKE}"),
    # Firstrade and E*TRADE: PUT IAG 02/21/25 6 IAMGOLD CORP OPEN CONTRACT
    re.compile(rf"(?P<right>PUT|CALL) {_UNDERLYING} {_US_DATE} {_STRIKE}(?: .*)?"),
    # Fidelity: PUT (NVDA) NVIDIA CORPORATION JUL 10 26 $195 (100 SHS)
    re.compile(
        rf"(?P<right>PUT|CALL) \({_UNDERLYING}\) (?:.* )?(?P<name>{_NAMES}) (?P<day>\d{{1,2}}) "
        rf"(?P<year>\d{{2}}) {_STRIKE}(?: \(100 SHS\))?"
    ),
)


def parse_option(text: str) -> OptionContract | None:
    """Return the option that the text names, or None where it does not name exactly one.

    Read are the OCC symbol (padded or not), the short forms of Fidelity and thinkorswim, and the words of
    thinkorswim, Interactive Brokers, Schwab, Robinhood, Firstrade, E*TRADE and Fidelity. A spread
    ("715/714 PUT"), a date that does not exist, a strike of 0 or one that the OCC symbol cannot hold, and
    a thinkorswim line of another contract size than 100 give None.
    """
    if not text.isascii():
        return None
    bare = " ".join(text.upper().split()).removeprefix("OPRA:")
    if found := _OCC.fullmatch(bare):
        thousandths = len(found["strike"]) == 8 and "." not in found["strike"]
        strike = Decimal(found["strike"])
        return _option(found, month=int(found["month"]), strike=strike.scaleb(-3) if thousandths else strike)
    for shape in _WRITTEN_OUT:
        if found := shape.fullmatch(bare):
            parts = found.groupdict()
            month = MONTH_NAMES.index(parts["name"]) + 1 if parts.get("name") else int(parts["month"])
            return _option(found, month=month, strike=Decimal(found["strike"].replace(",", "")))
    return None


def _option(found: re.Match[str], *, month: int, strike: Decimal) -> OptionContract | None:
    year = int(found["year"])
    try:
        expires_on = date(year if year > 99 else 2000 + year, month, int(found["day"]))
    except ValueError:
        return None
    thousandths = strike * 1000
    if thousandths != thousandths.to_integral_value() or not 0 < thousandths < 100_000_000:
        return None
    return OptionContract(
        underlying=found["underlying"],
        expires_on=expires_on,
        right="call" if found["right"].startswith("C") else "put",
        strike=strike.quantize(Decimal(1)) if strike == strike.to_integral_value() else strike.normalize(),
    )


# --- prices ------------------------------------------------------------------------------------

_32NDS = re.compile(r"(?P<sign>-?)(?P<whole>\d{1,4})['-](?P<part>[0-2]\d|3[01])(?P<eighths>[0-35-8]|\+)?")
# The exchange writes eighths of a 32nd with one digit and drops the rest: 2 is 0.25, 7 is 0.75.
_EIGHTHS = {"0": 0, "1": 1, "2": 2, "3": 3, "5": 4, "+": 4, "6": 5, "7": 6, "8": 7}


def parse_price_32nds(text: str) -> Decimal:
    """Return the price that a treasury quote in 32nds states, exactly: "119'165" is 119.515625.

    Read are 119'16 and 110-16, with an optional third digit for eighths of a 32nd (or "+" for a half).
    Raises ValueError for anything else, a plain decimal and the eighths of the grains among it.
    Source: CME Group, "Understanding Treasury futures": fractional price notation.
    """
    found = _32NDS.fullmatch(text.strip())
    if found is None or not text.isascii():
        raise ValueError(f"{text!r} is not a price in 32nds such as 119'16 or 119'165")
    in_256ths = int(found["part"]) * 8 + _EIGHTHS[found["eighths"] or "0"]
    price = Decimal(found["whole"]) + Decimal(in_256ths) / 256
    return -price if found["sign"] else price
