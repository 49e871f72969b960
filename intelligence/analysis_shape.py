"""What the JSON parts of an analysis may hold. Pure: no Django.

Each part is an object of known names; what is unknown is refused, so that a misspelt name is noticed.
Source: docs/memory.md#analyses
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

ACTIONS = ("BUY", "SELL", "HOLD", "CLOSE", "ADJUST", "PASS")
_LONGEST_TEXT, _MOST_ITEMS = 10_000, 200


class BadPart(ValueError):
    """A part is not as it has to be; `pointer` says where."""

    def __init__(self, pointer: str, message: str) -> None:
        super().__init__(message)
        self.pointer = pointer
        self.message = message


Check = Callable[[Any, str], None]


def _number(low: float | None = None, high: float | None = None) -> Check:
    def check(value: Any, at: str) -> None:
        if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)) or value != value:
            raise BadPart(at, "This is no number.")
        if (low is not None and value < low) or (high is not None and value > high):
            raise BadPart(at, f"This lies outside of {low} to {high}.")

    return check


def _text(value: Any, at: str) -> None:
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT or "\0" in value:
        raise BadPart(at, "This is no text, or too long.")


def _one_of(*words: str) -> Check:
    def check(value: Any, at: str) -> None:
        if value not in words:
            raise BadPart(at, f"This is one of {', '.join(words)}.")

    return check


def _list_of(inner: Check) -> Check:
    def check(value: Any, at: str) -> None:
        if not isinstance(value, list) or len(value) > _MOST_ITEMS:
            raise BadPart(at, f"This is a list of at most {_MOST_ITEMS}.")
        for place, each in enumerate(value):
            inner(each, f"{at}/{place}")

    return check


def _plain_object(value: Any, at: str) -> None:
    """Names to numbers, texts, true or false."""
    if not isinstance(value, Mapping) or len(value) > _MOST_ITEMS:
        raise BadPart(at, f"This is an object of at most {_MOST_ITEMS} names.")
    for name, each in value.items():
        if each is None or isinstance(each, bool):
            continue
        (_text if isinstance(each, str) else _number())(each, f"{at}/{name}")


_TREND = _one_of("bullish", "bearish", "neutral", "up", "down", "sideways")
_PARTS: Mapping[str, Mapping[str, Check]] = {
    "technical_analysis": {
        "trend": _TREND, "signal": _text, "summary": _text, "rsi": _number(0, 100), "macd": _number(),
        "sma20": _number(0), "sma50": _number(0), "sma200": _number(0), "atr": _number(0), "volume_ratio": _number(0),
        "support": _list_of(_number()), "resistance": _list_of(_number()), "patterns": _list_of(_text),
        "indicators": _plain_object, "score": _number(-1, 1), "timeframe": _text,
    },
    "news_sentiment": {
        "score": _number(-1, 1), "label": _TREND, "articles": _number(0), "summary": _text, "topics": _list_of(_text),
        "sources": _list_of(_text),
    },
    "options_flow": {
        "put_call_ratio": _number(0), "implied_volatility": _number(0), "iv_rank": _number(0, 100), "sentiment": _TREND,
        "volume": _number(0), "open_interest": _number(0), "unusual": _list_of(_plain_object), "summary": _text,
        "max_pain": _number(0),
    },
    "ai_recommendation": {
        "action": _one_of(*ACTIONS), "confidence": _number(0, 1), "reasoning": _text, "target_price": _number(0),
        "stop_loss": _number(0), "take_profit": _number(0), "entry_price": _number(0), "horizon": _text, "model": _text,
        "risks": _list_of(_text), "quantity": _number(0),
    },
}  # fmt: skip
_NEEDED = {"ai_recommendation": ("action",)}
PARTS = tuple(_PARTS)


def check(name: str, value: Any) -> None:
    """Returns if the part is as it has to be. Raises BadPart."""
    at = f"/{name}"
    if not isinstance(value, Mapping):
        raise BadPart(at, "This is no object.")
    for key, each in value.items():
        known = _PARTS[name].get(key)
        if known is None:
            raise BadPart(f"{at}/{key}", "There is no such name here.")
        if each is not None:
            known(each, f"{at}/{key}")
    for key in _NEEDED.get(name, ()):
        if value.get(key) is None:
            raise BadPart(f"{at}/{key}", "This is needed.")


def stored(value: Any) -> Any:
    """The part as JSON holds it: what was read as a decimal is a number again."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, Mapping):
        return {name: stored(each) for name, each in value.items()}
    return [stored(each) for each in value] if isinstance(value, list) else value
