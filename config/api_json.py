"""JSON in and out of the API: orjson to write, and a parser that takes nothing on trust."""

import json
import uuid
from decimal import Decimal
from typing import Any

import orjson
from django.utils.functional import Promise
from rest_framework.exceptions import ParseError, UnsupportedMediaType
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer

from accounts import exact_json
from accounts.decimals import plain

DEEPEST = 20


class OrjsonRenderer(BaseRenderer):
    """Decimals, ids and dates leave as strings; times in UTC with a Z."""

    media_type = "application/json"
    format = "json"
    charset = None
    render_style = "binary"

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        if data is None:
            return b""
        return exact_json.dumps(data, default=_plain, option=orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, (Promise, uuid.UUID)):
        return str(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} has no JSON form")


class StrictJSONParser(BaseParser):
    """One JSON object in UTF-8, at most 20 levels deep, without repeated names, NaN, NUL or half surrogates.

    The usual parser takes the last of two equal names, answers 500 to 100,000 brackets and ignores the charset.
    """

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> dict[str, Any]:
        _check_encoding(media_type or "", parser_context or {})
        body = stream.read()
        try:
            # The strict one first: it refuses what RFC 8259 refuses, in C and without recursion.
            orjson.loads(body)
            value = json.loads(body, object_pairs_hook=_unique, parse_float=Decimal)
        except RecursionError as error:
            raise ParseError("The JSON is nested too deeply.", code="too_deep") from error
        except ValueError as error:
            raise ParseError(f"This is not JSON: {error}.", code="parse_error") from error
        if not isinstance(value, dict):
            raise ParseError("The body must be a JSON object.", code="object_expected")
        _check_values(value)
        return value


def _check_encoding(media_type: str, context: dict[str, Any]) -> None:
    parameters = [part.strip().lower() for part in media_type.split(";")[1:]]
    charsets = [part.partition("=")[2].strip('"') for part in parameters if part.startswith("charset=")]
    if any(charset not in ("utf-8", "utf8") for charset in charsets):
        raise UnsupportedMediaType(media_type, detail="JSON is written in UTF-8.")
    request = context.get("request")
    if request is not None and request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType(media_type, detail="Compressed bodies are not taken.")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        # As many steps as there are names: a body of hundreds of thousands held a worker for minutes.
        seen: set[str] = set()
        repeated = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise ParseError(f"The name {repeated[:100]!r} comes twice in one object.", code="duplicate_key")
    return value


def _check_values(value: Any) -> None:
    waiting = [(value, 1)]
    while waiting:
        item, depth = waiting.pop()
        if depth > DEEPEST:
            raise ParseError("The JSON is nested too deeply.", code="too_deep")
        if isinstance(item, dict):
            waiting.extend((part, depth + 1) for part in item.values())
            waiting.extend((name, depth) for name in item)
        elif isinstance(item, list):
            waiting.extend((part, depth + 1) for part in item)
        elif isinstance(item, str) and "\0" in item:
            raise ParseError("The character U+0000 cannot be stored.", code="invalid_character")
