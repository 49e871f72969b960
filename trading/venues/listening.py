"""Listening to what Alpaca says of its own accord: one connection per account, for as long as it is wanted.

The stream has no memory: what was said while nobody listened is asked for anew. So it listens first, compares then,
and only then takes what has come in between; and whenever a message cannot be taken, it begins again from there.
Source: docs/alpaca.md#the-stream
"""

import json
import logging
import random
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from django.db import InterfaceError, OperationalError, close_old_connections, connections
from django.utils import timezone
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect
from websockets.sync.connection import Connection

from accounts.encryption import KeysMissing
from accounts.errors import DomainError
from accounts.models import BrokerConnection, StreamState
from trading.connections import Keys, keys_of
from trading.models import Order
from trading.order_rules.broker_events import fold
from trading.order_tickets import known_of
from trading.venues import alpaca, reconciling
from trading.venues.alpaca_client import BrokerError, base_of, is_safe
from trading.venues.alpaca_words import update

logger = logging.getLogger(__name__)

FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0
#: How often the table says that it still listens.
HEARTBEAT = timedelta(seconds=15)
#: Without an answer to a ping for so many seconds the connection is dead, whatever the network says.
PING_SECONDS = 20.0
OPEN_SECONDS = 10.0


class NotAuthorized(Exception):
    """The broker does not accept the keys."""


class Listener:
    """One account's stream."""

    def __init__(
        self, connection_id: int, *, stop: threading.Event, say: Callable[[str], None] = lambda _: None
    ) -> None:
        self.connection_id, self.stop, self.say = connection_id, stop, say
        self.tries = 0
        self.heard_at: datetime | None = None

    def run(self) -> None:
        """It listens until it is stopped or the connection is gone; whatever breaks, it begins anew after a while."""
        try:
            while not self.stop.is_set() and self.once():
                self.stop.wait(self.wait())
        finally:
            with suppress(Exception):
                self.state(StreamState.OFF)
            connections.close_all()

    def wait(self) -> float:
        """Twice as long each time, up to a minute, and a little by chance."""
        wait = min(LONGEST_WAIT, FIRST_WAIT * float(2 ** min(self.tries, 10)))
        self.tries += 1
        return wait * (0.75 + random.random() / 2)  # noqa: S311 – spreads load, keeps no secret

    def once(self) -> bool:
        """It listened until something broke; False where there is nothing to listen to any more."""
        close_old_connections()
        try:
            row = BrokerConnection.objects.select_related("account").filter(pk=self.connection_id).first()
            if row is None:
                return False
            self.state(StreamState.CONNECTING)
            self.listen(row)
        except (
            OSError,
            TimeoutError,
            WebSocketException,
            BrokerError,
            DomainError,
            KeysMissing,
            NotAuthorized,
        ) as error:
            self.broken(f"{type(error).__name__}: {error}")
        except Exception as error:
            logger.exception("the stream of connection %s broke", self.connection_id)
            self.broken(type(error).__name__)
        return True

    def listen(self, row: BrokerConnection) -> None:
        """What the broker says is taken, until it says no more, or this is stopped. Raises what broke it."""
        with connect(
            address_of(row.environment),
            open_timeout=OPEN_SECONDS,
            close_timeout=2,
            ping_interval=PING_SECONDS,
            ping_timeout=PING_SECONDS,
            max_size=4 * 1024 * 1024,
            proxy=None,
        ) as link:
            enter(link, keys_of(row))
            self.compare(row)
            self.state(StreamState.LIVE)
            self.say(f"{row.account.name}: listening")
            self.tries = 0
            while not self.stop.is_set():
                try:
                    message = link.recv(timeout=0.5)
                except TimeoutError:
                    message = None
                if message is not None and self.heard(row, message):
                    self.compare(row)
                if self.is_changed(row):
                    return

    def compare(self, row: BrokerConnection) -> None:
        """The account is what the broker says; somebody else may be at it, whose work is as good."""
        with suppress(reconciling.Busy):
            found = reconciling.reconcile(row)
            row.refresh_from_db(fields=["reconciled_at", "last_activity", "broker_account"])
            if found.differences:
                self.say(f"{row.account.name}: {len(found.differences)} differences, {len(found.left)} left")

    def heard(self, row: BrokerConnection, message: str | bytes) -> bool:
        """What the message says has happened; True where it shows that something was missed."""
        told = said(message)
        if told.get("stream") != "trade_updates":
            return False
        news = update(told.get("data"))
        if news is None:
            logger.warning("the stream of connection %s said what is not understood", self.connection_id)
            return False
        try:
            order = alpaca.apply(row.account, news)
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            # What one message says must not keep those after it from being heard; comparing tells what became of it.
            logger.exception("a message of connection %s cannot be taken", self.connection_id)
            return True
        self.beat()
        return order is not None and lacks(order)

    def is_changed(self, row: BrokerConnection) -> bool:
        """Whether the keys are others by now; looked at as often as the heart beats."""
        if not self.is_due():
            return False
        self.beat()
        now = BrokerConnection.objects.filter(pk=row.pk).values_list("sealed_secret", flat=True).first()
        return now != row.sealed_secret

    def is_due(self) -> bool:
        return self.heard_at is None or timezone.now() - self.heard_at >= HEARTBEAT

    def beat(self) -> None:
        """The table says that it listens, at most every 15 seconds."""
        if self.is_due():
            self.state(StreamState.LIVE)

    def broken(self, why: str) -> None:
        self.say(f"connection {self.connection_id}: {why}")
        with suppress(Exception):
            self.state(StreamState.DOWN, error=why)

    def state(self, state: StreamState, *, error: str = "") -> None:
        """The table says how the stream is."""
        now = timezone.now()
        self.heard_at = now if state is StreamState.LIVE else None
        BrokerConnection.objects.filter(pk=self.connection_id).update(
            stream_state=state, stream_at=now, stream_error=error[:300]
        )


def lacks(order: Order) -> bool:
    """Whether the broker counts more filled than it told here."""
    return fold(known_of(order.events.all()), quantity=order.quantity).missing > 0


def address_of(environment: str) -> str:
    """Where the stream is. Raises OSError where keys must not be sent."""
    base = base_of(environment)
    if not is_safe(base):
        raise OSError("keys are sent over https, or to this machine alone")
    parts = urlsplit(base)
    return urlunsplit(("wss" if parts.scheme == "https" else "ws", parts.netloc, "/stream", "", ""))


def enter(link: Connection, keys: Keys) -> None:
    """The broker knows who listens, and to what. Raises NotAuthorized, TimeoutError."""
    link.send(json.dumps({"action": "auth", "key": keys.key_id, "secret": keys.secret}))
    answer = _answer(link, "authorization")
    if answer.get("status") != "authorized":
        raise NotAuthorized("the broker does not accept the keys")
    link.send(json.dumps({"action": "listen", "data": {"streams": ["trade_updates"]}}))
    if "trade_updates" not in (_answer(link, "listening").get("streams") or []):
        raise NotAuthorized("the broker does not tell of trades")


def _answer(link: Connection, stream: str) -> dict[str, Any]:
    for _ in range(20):
        told = said(link.recv(timeout=OPEN_SECONDS))
        if told.get("stream") == stream:
            data = told.get("data")
            return data if isinstance(data, dict) else {}
    raise TimeoutError(f"the broker does not answer in the stream {stream}")


def said(message: str | bytes) -> dict[str, Any]:
    """The message, which comes as text or as bytes; empty for what is no JSON object."""
    try:
        told = json.loads(message)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


class Supervisor:
    """A thread for each connection, for as long as there is one."""

    def __init__(self, *, stop: threading.Event, say: Callable[[str], None], accounts: list[int] | None = None) -> None:
        self.stop, self.say, self.accounts = stop, say, accounts
        self.threads: dict[int, threading.Thread] = {}

    def run(self, *, every: float = 5.0) -> None:
        """Connections that come are listened to, and threads that ended are forgotten; until it is stopped."""
        while not self.stop.is_set():
            close_old_connections()
            try:
                self.look()
            except Exception as error:  # noqa: BLE001 – the database may be away: it is looked at again
                self.say(f"the database is away: {error}")
            self.stop.wait(every)
        for thread in self.threads.values():
            thread.join(timeout=10)

    def look(self) -> None:
        """Each connection has a living thread."""
        self.threads = {pk: thread for pk, thread in self.threads.items() if thread.is_alive()}
        rows = BrokerConnection.objects.order_by("id")
        if self.accounts is not None:
            rows = rows.filter(account_id__in=self.accounts)
        for pk in rows.values_list("pk", flat=True):
            if pk not in self.threads:
                listener = Listener(pk, stop=self.stop, say=self.say)
                self.threads[pk] = threading.Thread(target=listener.run, name=f"stream-{pk}", daemon=True)
                self.threads[pk].start()
