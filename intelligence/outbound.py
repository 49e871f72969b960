"""The one way out: requests to addresses that an operator or a person has configured, and to nowhere else.

A name is resolved once, every address that it has is judged, and the connection goes to the one that was judged: what
the name says a moment later changes nothing. No redirect is followed, no proxy asked, and neither time nor size is
left to the other side.
Source: OWASP, Server-Side Request Forgery Prevention Cheat Sheet.
"""

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse
from urllib.parse import urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_CHUNK = 64 * 1024
_LONGEST_URL = 2000
_MOST_ADDRESSES = 4
#: Ranges of IPv6 in which an address of IPv4 is hidden, with how many bits stand behind it.
_WRAPPED = (
    (ipaddress.IPv6Network("::ffff:0:0/96"), 0),
    (ipaddress.IPv6Network("::/96"), 0),
    (ipaddress.IPv6Network("64:ff9b::/96"), 0),
    (ipaddress.IPv6Network("2002::/16"), 80),
)
#: What is handed out of IPv6, and what in it is for tunnels and books; of IPv4 the relays of a tunnel.
_HANDED_OUT = ipaddress.IPv6Network("2000::/3")
_NOT_FOR_HOSTS = (
    ipaddress.IPv6Network("2001::/32"),
    ipaddress.IPv6Network("3fff::/20"),
    ipaddress.IPv4Network("192.88.99.0/24"),
)
#: Names are looked up by the system, which may take longer than there is time for.
_lookups = ThreadPoolExecutor(max_workers=4, thread_name_prefix="outbound-names")


class OutboundError(Exception):
    """Nothing was fetched."""


class Forbidden(OutboundError):
    """This address may not be asked."""


class Failed(OutboundError):
    """It did not answer in time, with too much, or not at all."""


class TooLarge(Failed):
    """It answers with more than is taken; asking again would bring as much."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What may be asked, and how much of an answer is waited for. `seconds` are for all of it together."""

    may_connect: Callable[[Address], bool]
    schemes: frozenset[str] = frozenset({"https"})
    seconds: float = 5.0
    most_bytes: int = 1024 * 1024
    tls: ssl.SSLContext | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    kind: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Target:
    """Where a URL leads: the name for the other side, and the addresses of which the first that answers is taken."""

    scheme: str
    host: str
    port: int
    path: str
    addresses: tuple[Address, ...]


def is_public(address: Address) -> bool:
    """Whether the address is one of the open internet, in whatever form it is written."""
    if isinstance(address, ipaddress.IPv6Address):
        for network, shift in _WRAPPED:
            if address in network:
                hidden = ipaddress.IPv4Address((int(address) >> shift) & 0xFFFFFFFF)
                return hidden.is_global and not hidden.is_multicast
        if address not in _HANDED_OUT:
            return False
    if any(address in network for network in _NOT_FOR_HOSTS):
        return False
    return address.is_global and not address.is_multicast


def within(*networks: str) -> Callable[[Address], bool]:
    """A rule that lets through the addresses of these networks only."""
    allowed = [ipaddress.ip_network(network, strict=False) for network in networks]
    return lambda address: any(address in network for network in allowed if network.version == address.version)


PUBLIC = Rules(may_connect=is_public)


def fetch(
    url: str,
    *,
    rules: Rules = PUBLIC,
    method: str = "GET",
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """What this URL answers, whatever its status. Raises Forbidden or Failed."""
    ends = time.monotonic() + rules.seconds
    target = find(url, rules=rules)
    plain = {
        "Host": _host_header(target),
        "User-Agent": "trading-journal",
        "Accept-Encoding": "identity",
        "Connection": "close",
        **(headers or {}),
    }
    left = ends - time.monotonic()
    if left <= 0:
        raise Failed("It took too long to find the address.")
    connection = _Pinned(target, tls=rules.tls, seconds=left)
    # A side that sends a byte now and then keeps every single read in time: all of them together have an end.
    alarm = threading.Timer(left, connection.cut)
    alarm.daemon = True
    alarm.start()
    try:
        connection.request(method, target.path, body=body, headers=plain)
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers.get_content_type(), _read(answer, rules, ends))
    except (OSError, HTTPException, ValueError, AttributeError) as error:
        late = " in time" if time.monotonic() >= ends else ""
        raise Failed(f"It did not answer{late}: {type(error).__name__}.") from error
    finally:
        alarm.cancel()
        connection.close()


def find(url: str, *, rules: Rules = PUBLIC) -> Target:
    """Where the URL leads, every address of its name being allowed. Raises Forbidden, or Failed without any."""
    if len(url) > _LONGEST_URL or any(ord(each) <= 32 or ord(each) == 127 for each in url):
        raise Forbidden("This is no address.")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise Forbidden("This is no address.") from error
    if parts.scheme not in rules.schemes:
        raise Forbidden(f"Only {' and '.join(sorted(rules.schemes))} is asked.")
    if not host or parts.username is not None or parts.password is not None:
        raise Forbidden("An address has a host, and no user.")
    port = port or (443 if parts.scheme == "https" else 80)
    found = _addresses(host, port, seconds=rules.seconds)
    refused = [address for address in found if not rules.may_connect(address)]
    if refused or not found:
        raise Forbidden("This address may not be asked.")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port, path, tuple(found[:_MOST_ADDRESSES]))


def _addresses(host: str, port: int, *, seconds: float) -> list[Address]:
    try:
        rows = _lookups.submit(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM).result(timeout=seconds)
    except (OSError, UnicodeError, TimeoutError) as error:
        raise Failed("There is no such host.") from error
    return [ipaddress.ip_address(str(row[4][0]).partition("%")[0]) for row in rows]


def _host_header(target: Target) -> str:
    host = f"[{target.host}]" if ":" in target.host else target.host
    is_usual = target.port == (443 if target.scheme == "https" else 80)
    return host if is_usual else f"{host}:{target.port}"


class _Pinned(HTTPConnection):
    """A connection to the address that was judged, under the name that was asked for."""

    def __init__(self, target: Target, *, tls: ssl.SSLContext | None, seconds: float) -> None:
        super().__init__(target.host, target.port, timeout=seconds)
        self._target = target
        self._tls = tls
        self._ends = time.monotonic() + seconds

    def connect(self) -> None:
        raw = self._first_that_answers()
        self.sock = raw
        if self._target.scheme == "https":
            context = self._tls or ssl.create_default_context()
            self.sock = context.wrap_socket(raw, server_hostname=self._target.host)

    def _first_that_answers(self) -> socket.socket:
        *others, last = self._target.addresses
        for address in others:
            try:
                return socket.create_connection((str(address), self._target.port), self.timeout)
            except OSError:
                if time.monotonic() >= self._ends:
                    raise
        return socket.create_connection((str(last), self._target.port), self.timeout)

    def cut(self) -> None:
        """Whatever waits for this connection waits no longer."""
        if self.sock is not None:
            try:
                self.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                return


def _read(answer: HTTPResponse, rules: Rules, ends: float) -> bytes:
    read = bytearray()
    while chunk := answer.read(_CHUNK):
        read += chunk
        if len(read) > rules.most_bytes:
            raise TooLarge(f"It answers with more than {rules.most_bytes} bytes.")
        if time.monotonic() > ends:
            raise Failed("It did not answer in time.")
    if time.monotonic() > ends:
        # A connection that was cut ends like one that was done.
        raise Failed("It did not answer in time.")
    return bytes(read)
