"""What sources answer, asked again where that may help: a few seconds each time, JSON with exact numbers.

Requests go out by `intelligence.outbound`. Origins that an operator wrote into the settings are trusted: a stand-in on
this machine may be one.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import orjson

from intelligence import outbound
from intelligence.outbound import Rules

TIMEOUT = 5.0
MOST_BYTES = 1024 * 1024
RETRIES = 2
FIRST_PAUSE = 0.2


class FetchFailed(Exception):
    """Nothing was brought. `reason` says why without the address, which may hold a key."""

    def __init__(self, reason: str, *, status: int | None = None, may_retry: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.may_retry = may_retry


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    body: bytes

    def json(self) -> Any:
        """Its JSON, numbers with a point as Decimal. Raises FetchFailed."""
        try:
            return json.loads(self.body, parse_float=Decimal, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            raise FetchFailed("the answer is not JSON") from error


@dataclass(frozen=True, slots=True)
class Limits:
    """How long, how much and how often."""

    timeout: float = TIMEOUT
    most_bytes: int = MOST_BYTES
    retries: int = RETRIES


#: By when everything in a block has to have been fetched.
_ends: ContextVar[float | None] = ContextVar("ends", default=None)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Everything that is fetched in the block takes so long at most, all of it together."""
    token = _ends.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _ends.reset(token)


def is_limited() -> bool:
    """Whether this is in such a block."""
    return _ends.get() is not None


def left(most: float) -> float:
    """How many seconds may still be waited: `most`, or what is left of the block's."""
    ends = _ends.get()
    return most if ends is None else max(min(most, ends - time.monotonic()), 0.0)


def fetch(
    url: str,
    *,
    method: str = "GET",
    send: object = None,
    headers: Mapping[str, str] | None = None,
    trusted: frozenset[str] = frozenset(),
    limits: Limits | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Answer:
    """The answer with a status of success, after a few more tries where another may help. Raises FetchFailed.

    `trusted` are origins ("http://127.0.0.1:8100") that may be of this network and without TLS; `send` goes as JSON.
    """
    limits = limits or Limits(TIMEOUT, MOST_BYTES, RETRIES)
    body = orjson.dumps(send) if send is not None else None
    said = {"Accept": "application/json, */*;q=0.5", **({"Content-Type": "application/json"} if body else {})}
    rules = _rules(url, trusted, limits)
    for attempt in range(limits.retries + 1):
        seconds = left(limits.timeout)
        if not seconds:
            raise FetchFailed("there was no time left for it", may_retry=True)
        try:
            timed = replace(rules, seconds=seconds)
            return _once(url, timed, method=method, body=body, headers={**said, **(headers or {})})
        except FetchFailed as error:
            # What may have been done there must not be done twice: the caller asks first.
            is_last = attempt == limits.retries or not error.may_retry or method not in ("GET", "PUT")
            if is_last or not left(1.0):
                raise
        sleep(left(FIRST_PAUSE * 2**attempt))
    raise FetchFailed("never tried")


def origin_of(url: str) -> str:
    """Scheme, host and port of an address, as `trusted` takes them."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _rules(url: str, trusted: frozenset[str], limits: Limits) -> Rules:
    try:
        is_trusted = origin_of(url) in trusted
    except ValueError as error:
        raise FetchFailed("this is no address") from error
    return Rules(
        may_connect=(lambda _address: True) if is_trusted else outbound.is_public,
        schemes=frozenset({"http", "https"} if is_trusted else {"https"}),
        seconds=limits.timeout,
        most_bytes=limits.most_bytes,
    )


def _once(url: str, rules: Rules, *, method: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
    try:
        answer = outbound.fetch(url, rules=rules, method=method, body=body, headers=headers)
    except outbound.OutboundError as error:
        may_retry = isinstance(error, outbound.Failed) and not isinstance(error, outbound.TooLarge)
        raise FetchFailed(str(error), may_retry=may_retry) from error
    if not 200 <= answer.status < 300:
        again = answer.status >= 500 or answer.status == 429
        raise FetchFailed(f"the answer was {answer.status}", status=answer.status, may_retry=again)
    return Answer(answer.status, answer.body)


def _no_constant(word: str) -> None:
    raise ValueError(f"{word} is no JSON")
