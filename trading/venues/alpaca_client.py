"""Alpaca's REST interface: one request, one answer, and whether it may have arrived where there is none.

What matters is told apart: what was never sent, what was refused, and what nobody knows the outcome of. Nothing is
tried again here. Source: docs/alpaca.md#requests
"""

import http.client
import json
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from django.conf import settings
from django.utils import timezone

from accounts.models import BrokerConnection, BrokerEnvironment
from trading.connections import Keys, keys_of
from trading.venues.alpaca_requests import refusal

#: Of a list of activities and of orders, the most that one answer holds.
PAGE, ORDERS_PAGE = 100, 500
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
_LARGEST_ANSWER = 32 * 1024 * 1024


class BrokerError(Exception):
    """A request to the broker that brought no answer to use. The words hold no keys."""


class NotSent(BrokerError):
    """The broker was not reached: nothing has happened there."""


class Unknown(BrokerError):
    """The request may have arrived, and nobody knows what came of it."""


@dataclass
class Limited(BrokerError):
    """The broker wants fewer requests: nothing has happened there. `wait` is in seconds."""

    wait: float

    def __str__(self) -> str:
        return f"too many requests; wait {self.wait:g} s"


@dataclass
class Refused(BrokerError):
    """The broker says no, in its own words."""

    status: int
    code: str
    words: str

    def __str__(self) -> str:
        return f"{self.status} {self.code} {self.words}".strip()


@dataclass(frozen=True, slots=True, repr=False)
class Client:
    """A broker's address and the keys for it."""

    base: str
    keys: Keys
    timeout: float = 10.0

    @classmethod
    def of(cls, connection: BrokerConnection) -> "Client":
        """The client for an account's connection. Raises KeysMissing where its keys do not open."""
        base = base_of(connection.environment)
        return cls(base, keys_of(connection), float(settings.BROKER_TIMEOUT))

    # --- orders ------------------------------------------------------------------------------------

    def submit(self, body: Mapping[str, Any]) -> Any:
        """The order as the broker took it."""
        return self._ask("POST", "/v2/orders", body=body)

    def replace(self, broker_id: str, body: Mapping[str, Any]) -> Any:
        """The order that takes the other's place."""
        return self._ask("PATCH", f"/v2/orders/{quote(broker_id, safe='')}", body=body)

    def cancel(self, broker_id: str) -> None:
        """The broker has been asked to cancel."""
        self._ask("DELETE", f"/v2/orders/{quote(broker_id, safe='')}")

    def order(self, broker_id: str) -> Any:
        """The order with its legs, None where the broker has none of this id."""
        return self._found(f"/v2/orders/{quote(broker_id, safe='')}", nested="true")

    def order_of(self, client_order_id: str) -> Any:
        """The order of this client id, None where the broker has none."""
        return self._found("/v2/orders:by_client_order_id", client_order_id=client_order_id)

    def open_orders(self) -> Iterator[Any]:
        """Every order that is open there, the oldest first, each with its legs."""
        after = ""
        known: set[str] = set()
        while True:
            params = {"status": "open", "limit": str(ORDERS_PAGE), "direction": "asc", "nested": "true"}
            page = self._ask("GET", "/v2/orders", params=params | ({"after": after} if after else {})) or []
            new = [each for each in page if isinstance(each, Mapping) and str(each.get("id")) not in known]
            known.update(str(each.get("id")) for each in new)
            yield from new
            if len(page) < ORDERS_PAGE or not new:
                return
            after = str(new[-1].get("submitted_at") or new[-1].get("created_at") or "")

    # --- the account -------------------------------------------------------------------------------

    def account(self) -> Any:
        """The account: its number, state and cash."""
        return self._ask("GET", "/v2/account")

    def positions(self) -> list[Any]:
        """Everything that is held there."""
        return self._ask("GET", "/v2/positions") or []

    def activities(self, *, since_id: str = "") -> Iterator[Any]:
        """Fills and movements of money, the oldest first, after the one of that id."""
        token = since_id
        while True:
            params = {"direction": "asc", "page_size": str(PAGE)} | ({"page_token": token} if token else {})
            page = self._ask("GET", "/v2/account/activities", params=params) or []
            yield from page
            if len(page) < PAGE or not page[-1].get("id"):
                return
            token = str(page[-1]["id"])

    # --- one request -------------------------------------------------------------------------------

    def _found(self, path: str, **params: str) -> Any:
        try:
            return self._ask("GET", path, params=params)
        except Refused as error:
            if error.status == 404:
                return None
            raise

    def _ask(
        self, method: str, path: str, *, params: Mapping[str, str] | None = None, body: Mapping[str, Any] | None = None
    ) -> Any:
        """The JSON of the answer, None for an empty one. Raises NotSent, Limited, Refused or Unknown."""
        parts = urlsplit(self.base)
        path = parts.path.rstrip("/") + path + (f"?{urlencode(params)}" if params else "")
        link = _link(self.base, self.timeout)
        try:
            try:
                link.connect()
            except (OSError, http.client.HTTPException) as error:
                raise NotSent(f"{parts.hostname} cannot be reached: {_short(error)}") from None
            try:
                link.request(method, path, body=None if body is None else json.dumps(body), headers=self._headers(body))
                answer = link.getresponse()
                content = answer.read(_LARGEST_ANSWER)
            except (OSError, http.client.HTTPException) as error:
                raise Unknown(f"no answer: {_short(error)}") from None
        finally:
            link.close()
        return _said(answer.status, answer.getheader("Retry-After"), content)

    def _headers(self, body: Mapping[str, Any] | None) -> dict[str, str]:
        headers = {
            "APCA-API-KEY-ID": self.keys.key_id,
            "APCA-API-SECRET-KEY": self.keys.secret,
            "Accept": "application/json",
            "User-Agent": "trading-journal",
        }
        return headers if body is None else headers | {"Content-Type": "application/json"}


def base_of(environment: str) -> str:
    """Where the broker answers."""
    base: str = settings.ALPACA_LIVE_URL if environment == BrokerEnvironment.LIVE else settings.ALPACA_PAPER_URL
    return base


def is_safe(base: str) -> bool:
    """Whether keys may be sent there: encrypted, or to this machine alone."""
    try:
        parts = urlsplit(base)
    except ValueError:
        # Of a bracket that is never closed, say.
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOCAL)


def _link(base: str, timeout: float) -> http.client.HTTPConnection:
    if not is_safe(base) or not (parts := urlsplit(base)).hostname:
        raise NotSent("keys are sent over https, or to this machine alone")
    if parts.scheme == "https":
        return http.client.HTTPSConnection(
            parts.hostname, parts.port, timeout=timeout, context=ssl.create_default_context()
        )
    return http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)


def _said(status: int, retry_after: str | None, content: bytes) -> Any:
    if status == 429:
        raise Limited(_seconds(retry_after, timezone.now()))
    if status == 408 or status >= 500:
        raise Unknown(f"the broker answered {status}")
    try:
        body = json.loads(content) if content.strip() else None
    except ValueError:
        if status < 300:
            # It was done, and what was done cannot be read: to be looked up.
            raise Unknown("the answer is no JSON") from None
        body = None
    if status >= 300:
        code, words = refusal(body)
        raise Refused(status, code, words or f"HTTP {status}")
    return body


def _seconds(text: str | None, now: datetime) -> float:
    """What Retry-After says, as seconds from now: at least one, at most ten minutes."""
    wait = 1.0
    if text:
        try:
            wait = float(text)
        except ValueError:
            try:
                wait = (parsedate_to_datetime(text) - now).total_seconds()
            except (ValueError, TypeError):
                wait = 1.0
    return min(max(wait, 1.0), 600.0) if wait == wait else 1.0


def _short(error: Exception) -> str:
    return f"{type(error).__name__} {error}"[:200]
