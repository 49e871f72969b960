"""The words of orders: sides, types, times in force, classes; and every spelling of them that is accepted.

One spelling is stored: lower case, US English. What comes in may be in upper case too, and may use the words of the
systems that people come from, which are read into ours. Anything else is refused with what would have been right.

Pure: no Django, no clock, no database.

Source: docs/orders.md#words
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TypeVar

from trading.order_rules.statuses import Status


class Side(StrEnum):
    """Which way units go; the sum over all kinds of assets needs no more than these two."""

    BUY = "buy"
    SELL = "sell"

    @property
    def sign(self) -> int:
        """What a fill of this side does to a position: 1 or -1."""
        return 1 if self is Side.BUY else -1


class PositionIntent(StrEnum):
    """What the order means to do to the position, where that is said; the side follows from it."""

    BUY_TO_OPEN = "buy_to_open"
    BUY_TO_CLOSE = "buy_to_close"
    SELL_TO_OPEN = "sell_to_open"
    SELL_TO_CLOSE = "sell_to_close"

    @property
    def side(self) -> Side:
        """The side that the intent contains."""
        return Side(self.value.partition("_")[0])

    @property
    def opens(self) -> bool:
        """Whether it makes a position larger."""
        return self in {PositionIntent.BUY_TO_OPEN, PositionIntent.SELL_TO_OPEN}


class OrderType(StrEnum):
    """When an order may execute, and at which price."""

    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"
    TRAILING_STOP = "trailing_stop"


class TimeInForce(StrEnum):
    """How long an order lives: a day, until canceled, at once or not, all or nothing, at the opening, at the close."""

    DAY = "day"
    GTC = "gtc"
    IOC = "ioc"
    FOK = "fok"
    OPG = "opg"
    CLS = "cls"


class OrderClass(StrEnum):
    """Whether the order stands alone or brings others: its exits, its alternative, or its legs."""

    SIMPLE = "simple"
    BRACKET = "bracket"
    OCO = "oco"
    OTO = "oto"
    MULTI_LEG = "mleg"


class AssetClass(StrEnum):
    """What venues distinguish when they say which orders they take."""

    EQUITY = "us_equity"
    OPTION = "us_option"
    CRYPTO = "crypto"
    FUTURE = "future"
    FOREX = "forex"
    CFD = "cfd"
    BOND = "bond"


#: By the kind of instrument. An index cannot be traded, and has no class.
ASSET_CLASS_OF_KIND: Mapping[str, AssetClass] = MappingProxyType(
    {
        "stock": AssetClass.EQUITY,
        "etf": AssetClass.EQUITY,
        "option": AssetClass.OPTION,
        "crypto": AssetClass.CRYPTO,
        "future": AssetClass.FUTURE,
        "forex": AssetClass.FOREX,
        "cfd": AssetClass.CFD,
        "bond": AssetClass.BOND,
    }
)


class PositionSide(StrEnum):
    """Which way a position stands."""

    LONG = "long"
    SHORT = "short"


class ManagedPositionStatus(StrEnum):
    """Where a position under an exit plan is; `pending` waits for the entry's first fill."""

    PENDING = "pending"
    ACTIVE = "active"
    MONITORING = "monitoring"
    STOP_LOSS_TRIGGERED = "stop_loss_triggered"
    TAKE_PROFIT_TRIGGERED = "take_profit_triggered"
    CLOSED = "closed"
    ERROR = "error"


class Purpose(StrEnum):
    """Why an order was placed: what other systems call its type."""

    ENTRY = "entry"
    EXIT_STOP_LOSS = "exit_stop_loss"
    EXIT_TAKE_PROFIT = "exit_take_profit"
    EXIT_TRAILING_STOP = "exit_trailing_stop"
    EXIT_SCALING = "exit_scaling"
    EXIT_MIRROR = "exit_mirror"
    EXIT_MANUAL = "exit_manual"
    ADJUST = "adjust"


class UnknownWord(ValueError):
    """No word of this vocabulary; the message names those that are."""


@dataclass(frozen=True, slots=True)
class Direction:
    """A side, and the position intent where the word said it."""

    side: Side
    intent: PositionIntent | None = None


#: British spelling, the venue's own words for its events, and the words of other systems for the same thing.
_OTHER_STATUSES: Mapping[str, Status] = MappingProxyType(
    {
        "cancelled": Status.CANCELED,
        "working": Status.NEW,
        "partial_fill": Status.PARTIALLY_FILLED,
        "fill": Status.FILLED,
    }
)
_OTHER_CLASSES: Mapping[str, OrderClass] = MappingProxyType({"": OrderClass.SIMPLE, "multi_leg": OrderClass.MULTI_LEG})

_Word = TypeVar("_Word", bound=StrEnum)


def read_direction(text: str) -> Direction:
    """The side and the intent in one of six words: buy, sell, buy_to_open, buy_to_close, sell_to_open, sell_to_close.

    Raises UnknownWord.
    """
    if side := _found(Side, text):
        return Direction(side)
    if intent := _found(PositionIntent, text):
        return Direction(intent.side, intent)
    raise _unknown(text, [*Side, *PositionIntent])


def read_status(text: str) -> Status:
    """The status of that name; `cancelled` is `canceled`, and `working` is `new`. Raises UnknownWord."""
    other = _OTHER_STATUSES.get(_plain(text))
    return other or read(Status, text)


def read_class(text: str) -> OrderClass:
    """The class of that name; none at all is `simple`, as at the venue. Raises UnknownWord."""
    other = _OTHER_CLASSES.get(_plain(text))
    return other or read(OrderClass, text)


def read(words: type[_Word], text: str) -> _Word:
    """The word of that vocabulary, in lower or upper case. Raises UnknownWord."""
    if word := _found(words, text):
        return word
    raise _unknown(text, words)


def _found(words: type[_Word], text: str) -> _Word | None:
    return next((word for word in words if word.value == _plain(text)), None)


def _plain(text: str) -> str:
    """The text in lower case; letters that only look like ASCII stay as they are and so match nothing."""
    return text.lower() if text.isascii() else text


def _unknown(text: str, words: type[StrEnum] | list[Side | PositionIntent]) -> UnknownWord:
    return UnknownWord(f"{text[:40]!r} is not known here: use one of {', '.join(words)}")
