"""JSON that keeps whole numbers of any length: orjson writes none beyond 64 bits, and reads those as fractions."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import orjson

#: The shortest that may be beyond 64 bits has 19 digits.
_LONG = re.compile(rb"[0-9]{19}")
_LEAST, _MOST = -(2**63), 2**64 - 1


def dumps(value: Any, *, default: Callable[[Any], Any] | None = None, option: int = 0) -> bytes:
    """The value as `orjson.dumps` writes it, and whole numbers of any length with all their digits."""
    try:
        return orjson.dumps(value, default=default, option=option)
    except TypeError:
        # Seldom so: that what is written may hold such a number is not looked for before.
        return orjson.dumps(_held(value), default=default, option=option)


def loads(text: bytes) -> Any:
    """What `orjson.loads` reads, as strictly, and whole numbers of any length as they are written.

    Raises orjson.JSONDecodeError.
    """
    found = orjson.loads(text)
    if not _LONG.search(text):
        return found
    try:
        return json.loads(text)
    except ValueError as error:
        # Thousands of digits are more than Python makes a number of.
        raise orjson.JSONDecodeError("a number is too long", "", 0) from error


def _held(value: Any) -> Any:
    """The same with each number that is too long for orjson as it is to be written."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value if _LEAST <= value <= _MOST else orjson.Fragment(str(value).encode())
    if isinstance(value, Mapping):
        return {name: _held(each) for name, each in value.items()}
    return [_held(each) for each in value] if isinstance(value, list | tuple) else value
