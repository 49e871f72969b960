"""What the JSON parts of an analysis may hold. Pure: no Django.

Each part is an object of known names; what is unknown is refused, so that a misspelt name is noticed.
Source: docs/memory.md#analyses
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Check:
    """What a value may be: `refuse` raises BadPart for another, `schema` says it in OpenAPI."""

    refuse: Callable[[Any, str], None]
    schema: dict[str, Any]


def _number(low: float | None = None, high: float | None = None) -> Check:
    def refuse(value: Any, at: str) -> None:
        if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)) or value != value:
            raise BadPart(at, "This is no number.")
        if (low is not None and value < low) or (high is not None and value > high):
            raise BadPart(at, f"This lies outside of {low} to {high}.")

    bounds = {"minimum": low, "maximum": high}
    return Check(refuse, {"type": "number", **{name: bound for name, bound in bounds.items() if bound is not None}})


def _refuse_text(value: Any, at: str) -> None:
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT or "\0" in value:
        raise BadPart(at, "This is no text, or too long.")


def _one_of(*words: str) -> Check:
    def refuse(value: Any, at: str) -> None:
        if value not in words:
            raise BadPart(at, f"This is one of {', '.join(words)}.")

    return Check(refuse, {"type": "string", "enum": list(words)})


def _list_of(inner: Check) -> Check:
    def refuse(value: Any, at: str) -> None:
        if not isinstance(value, list) or len(value) > _MOST_ITEMS:
            raise BadPart(at, f"This is a list of at most {_MOST_ITEMS}.")
        for place, each in enumerate(value):
            inner.refuse(each, f"{at}/{place}")

    return Check(refuse, {"type": "array", "items": inner.schema, "maxItems": _MOST_ITEMS})


def _refuse_plain_object(value: Any, at: str) -> None:
    """Names to numbers, texts, true or false."""
    if not isinstance(value, Mapping) or len(value) > _MOST_ITEMS:
        raise BadPart(at, f"This is an object of at most {_MOST_ITEMS} names.")
    for name, each in value.items():
        if each is None or isinstance(each, bool):
            continue
        (_TEXT if isinstance(each, str) else _number()).refuse(each, f"{at}/{name}")


def _object_of(names: Mapping[str, Check], *, needed: Sequence[str] = ()) -> Check:
    def refuse(value: Any, at: str) -> None:
        if not isinstance(value, Mapping):
            raise BadPart(at, "This is no object.")
        for key, each in value.items():
            if key not in names:
                raise BadPart(f"{at}/{key}", "There is no such name here.")
            if each is not None:
                names[key].refuse(each, f"{at}/{key}")
        for key in needed:
            if value.get(key) is None:
                raise BadPart(f"{at}/{key}", "This is needed.")

    return Check(refuse, _schema_of(names, needed))


def _number_or(other: Check) -> Check:
    def refuse(value: Any, at: str) -> None:
        (other if isinstance(value, Mapping) else _number()).refuse(value, at)

    return Check(refuse, {"oneOf": [{"type": "number"}, other.schema]})


def _schema_of(names: Mapping[str, Check], needed: Sequence[str]) -> dict[str, Any]:
    shapes = {name: check.schema if name in needed else _or_null(check.schema) for name, check in names.items()}
    return {
        "type": "object",
        "properties": shapes,
        "additionalProperties": False,
        **({"required": list(needed)} if needed else {}),
    }


def _or_null(schema: Mapping[str, Any]) -> dict[str, Any]:
    words = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
    return {**schema, **words, "nullable": True}


def _of_periods(kind: str, *periods: int, of: Check) -> dict[str, Check]:
    """The indicator over each of the periods, written with and without an underscore."""
    return {name: of for period in periods for name in (f"{kind}{period}", f"{kind}_{period}")}


_TEXT = Check(_refuse_text, {"type": "string", "maxLength": _LONGEST_TEXT})
_OBJECT = Check(_refuse_plain_object, {"type": "object", "additionalProperties": True, "maxProperties": _MOST_ITEMS})
_TREND = _one_of("bullish", "bearish", "neutral", "up", "down", "sideways")
_PRICE, _LEVELS, _TEXTS = _number(0), _list_of(_number()), _list_of(_TEXT)
_MACD = _object_of(dict.fromkeys(("macd", "line", "value", "signal", "histogram"), _number()))
_BANDS = _object_of({**dict.fromkeys(("upper", "middle", "lower", "percent_b"), _number()), "width": _PRICE})
_PERIODS = (5, 9, 10, 12, 20, 21, 26, 50, 100, 200)
_PARTS: Mapping[str, Check] = {
    "technical_analysis": _object_of({
        "trend": _TREND, "signal": _TEXT, "summary": _TEXT, "timeframe": _TEXT, "score": _number(-1, 1),
        "price": _PRICE, "current_price": _PRICE,
        "rsi": _number(0, 100), **_of_periods("rsi", 2, 7, 14, 21, of=_number(0, 100)),
        "macd": _number_or(_MACD), "macd_signal": _number(), "macd_histogram": _number(),
        **_of_periods("sma", *_PERIODS, of=_PRICE), **_of_periods("ema", *_PERIODS, of=_PRICE),
        "bollinger": _BANDS, "bollinger_bands": _BANDS,
        "bollinger_upper": _number(), "bollinger_middle": _number(), "bollinger_lower": _number(),
        "atr": _PRICE, **_of_periods("atr", 14, 20, of=_PRICE), "adx": _number(0, 100), "vwap": _PRICE,
        "volume": _PRICE, "volume_ratio": _PRICE, "avg_volume": _PRICE,
        "support": _LEVELS, "supports": _LEVELS, "resistance": _LEVELS, "resistances": _LEVELS,
        "patterns": _TEXTS, "indicators": _OBJECT,
    }),
    "news_sentiment": _object_of({
        "score": _number(-1, 1), "label": _TREND, "articles": _PRICE, "summary": _TEXT, "topics": _TEXTS,
        "sources": _TEXTS,
    }),
    "options_flow": _object_of({
        "put_call_ratio": _PRICE, "implied_volatility": _PRICE, "iv_rank": _number(0, 100), "sentiment": _TREND,
        "volume": _PRICE, "open_interest": _PRICE, "unusual": _list_of(_OBJECT), "summary": _TEXT, "max_pain": _PRICE,
    }),
    "ai_recommendation": _object_of({
        "action": _one_of(*ACTIONS), "confidence": _number(0, 1), "reasoning": _TEXT,
        **dict.fromkeys(("target_price", "target", "stop_loss", "stop", "take_profit", "entry_price", "entry"), _PRICE),
        "risk_reward": _PRICE, "quantity": _PRICE, "horizon": _TEXT, "model": _TEXT, "risks": _TEXTS,
    }, needed=("action",)),
}  # fmt: skip
PARTS = tuple(_PARTS)


def schema(name: str) -> dict[str, Any]:
    """What the part may hold, in OpenAPI."""
    return _PARTS[name].schema


def check(name: str, value: Any) -> None:
    """Returns if the part is as it has to be. Raises BadPart."""
    _PARTS[name].refuse(value, f"/{name}")


def stored(value: Any) -> Any:
    """The part as JSON holds it: what was read as a decimal is a number again."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, Mapping):
        return {name: stored(each) for name, each in value.items()}
    return [stored(each) for each in value] if isinstance(value, list) else value
