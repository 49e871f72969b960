"""The one way out to the web: https, checked addresses, no redirects, a few seconds, a bounded answer.

A name is resolved once, every address that it has is checked, and the connection goes to one of those, so that a name
that changes its mind between check and use reaches nothing. Origins that an operator wrote into the settings are
trusted: a stand-in on this machine may be one.
"""

import http.client
import ipaddress
import json
import logging
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import SplitResult, urlsplit

import orjson

logger = logging.getLogger(__name__)

TIMEOUT = 5.0
MOST_BYTES = 1024 * 1024
RETRIES = 2
FIRST_PAUSE = 0.2
_CHUNK = 65536
_AGENT = "trading-journal"
_IPv4 = ipaddress.IPv4Address
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


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
    content_type: str = ""

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
    parts = _checked(url, trusted)
    limits = limits or Limits(TIMEOUT, MOST_BYTES, RETRIES)
    body = orjson.dumps(send) if send is not None else None
    for attempt in range(limits.retries + 1):
        try:
            return _once(parts, method=method, body=body, headers=headers or {}, trusted=trusted, limits=limits)
        except FetchFailed as error:
            # What may have been done there must not be done twice: the caller asks first.
            is_last = attempt == limits.retries or not error.may_retry or method not in ("GET", "PUT")
            if is_last:
                raise
        sleep(FIRST_PAUSE * 2**attempt)
    raise FetchFailed("never tried")


def origin_of(url: str) -> str:
    """Scheme, host and port of an address, as `trusted` takes them."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _checked(url: str, trusted: frozenset[str]) -> SplitResult:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise FetchFailed("this is no address") from error
    del port
    if not host or parts.username is not None or any(ord(letter) < 33 for letter in url):
        raise FetchFailed("this is no address")
    if parts.scheme != "https" and not (parts.scheme == "http" and origin_of(url) in trusted):
        raise FetchFailed("only https is fetched")
    return parts


def _once(
    parts: SplitResult,
    *,
    method: str,
    body: bytes | None,
    headers: Mapping[str, str],
    trusted: frozenset[str],
    limits: Limits,
) -> Answer:
    deadline = time.monotonic() + limits.timeout
    is_trusted = f"{parts.scheme}://{parts.netloc}" in trusted
    port = parts.port or (443 if parts.scheme == "https" else 80)
    addresses = _resolved(str(parts.hostname), port, is_trusted=is_trusted)
    path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    said = {"User-Agent": _AGENT, "Accept": "application/json, */*;q=0.5", "Accept-Encoding": "identity", **headers}
    if body is not None:
        said["Content-Type"] = "application/json"
    try:
        connection = _connected(parts, addresses, port, deadline)
        try:
            connection.request(method, path, body=body, headers=said)
            response = connection.getresponse()
            content = _read(connection, response, deadline=deadline, most=limits.most_bytes)
        finally:
            connection.close()
    except (OSError, http.client.HTTPException) as error:
        raise FetchFailed(f"no answer: {type(error).__name__}", may_retry=True) from error
    if not 200 <= response.status < 300:
        again = response.status >= 500 or response.status == 429
        raise FetchFailed(f"the answer was {response.status}", status=response.status, may_retry=again)
    return Answer(response.status, content, response.headers.get("Content-Type", ""))


def _resolved(host: str, port: int, *, is_trusted: bool) -> list[str]:
    """The addresses of the name, every one of them checked. Raises FetchFailed."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise FetchFailed("the name is not known", may_retry=True) from error
    addresses = [str(entry[4][0]) for entry in found]
    if not is_trusted and not all(is_public(address) for address in addresses):
        raise FetchFailed("this is an address of an inner network")
    return addresses


def is_public(text: str) -> bool:
    """Whether an address is one of the internet, also when one of IPv4 is hidden in one of IPv6."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address in _NAT64:
            inner = _IPv4(int(address) & 0xFFFFFFFF)
        if address.teredo is not None:
            return False
        if inner is not None:
            return is_public(str(inner))
    return address.is_global and not address.is_multicast


def _connected(parts: SplitResult, addresses: list[str], port: int, deadline: float) -> http.client.HTTPConnection:
    """A connection to the first of the checked addresses that answers, named as the address says."""
    failure: OSError = OSError("no address")
    for address in addresses[:4]:
        left = deadline - time.monotonic()
        if left <= 0:
            break
        try:
            plain = socket.create_connection((address, port), timeout=left)
        except OSError as error:
            failure = error
            continue
        connection = http.client.HTTPConnection(str(parts.hostname), port, timeout=left)
        if parts.scheme == "https":
            try:
                connection.sock = ssl.create_default_context().wrap_socket(plain, server_hostname=parts.hostname)
            except OSError:
                plain.close()
                raise
        else:
            connection.sock = plain
        return connection
    raise failure


def _read(
    connection: http.client.HTTPConnection, response: http.client.HTTPResponse, *, deadline: float, most: int
) -> bytes:
    """The body, up to the bound and the deadline: a server that drips must not hold a worker."""
    chunks: list[bytes] = []
    size = 0
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise FetchFailed("the answer took too long", may_retry=True)
        if connection.sock is not None:
            connection.sock.settimeout(left)
        chunk = response.read1(_CHUNK)
        if not chunk:
            return b"".join(chunks)
        size += len(chunk)
        if size > most:
            raise FetchFailed("the answer is too large")
        chunks.append(chunk)


def _no_constant(word: str) -> None:
    raise ValueError(f"{word} is no JSON")
