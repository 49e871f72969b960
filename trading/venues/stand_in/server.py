"""The stand-in's two faces, on one port of this machine: REST, and the stream of trade updates.

Faults are told beforehand: the next request that fits one suffers it.
"""

import base64
import contextlib
import hashlib
import json
import queue
import re
import socket
import struct
import threading
import time
import uuid
from collections import deque
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from trading.venues.stand_in.broker import Broker, Json, Refusal

#: Faults, by what the client sees. `_after` ones have done what was asked; the others have not.
FAULTS = ("silence", "silence_after", "error", "error_after", "cut", "cut_after", "limit", "refuse", "garbage_after")
_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TEXT, _BINARY, _CLOSE, _PING, _PONG = 1, 2, 8, 9, 10


@dataclass(slots=True)
class Fault:
    """What happens to the next request of that method whose path fits."""

    kind: str
    method: str = "POST"
    path: str = "/v2/orders"
    seconds: float = 30.0
    status: int = 403
    code: int = 40310000
    words: str = "insufficient buying power"


class StandIn:
    """A broker that can be reached. `with StandIn() as it:` serves until the end of the block."""

    def __init__(self, *, port: int = 0, cash: str = "100000") -> None:
        self.broker = Broker(cash=cash)
        self.key_id, self.secret = "PKSTANDIN", uuid.uuid4().hex
        self.faults: deque[Fault] = deque()
        #: Requests that arrived, in order: method and path.
        self.requests: list[tuple[str, str]] = []
        self.streams: list[_Stream] = []
        self.is_refusing_streams = False
        self.closing = threading.Event()
        handler = type("Handler", (_Handler,), {"stand_in": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", port), handler)
        self.server.daemon_threads = True
        self.broker.listeners.append(self._spread)

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self) -> "StandIn":
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self.drop_streams()
        self.server.shutdown()
        self.server.server_close()

    def suffer(self, kind: str, **more: Any) -> None:
        """The next request that fits has this fault."""
        assert kind in FAULTS, kind
        self.faults.append(Fault(kind, **more))

    def take_fault(self, method: str, path: str) -> Fault | None:
        """The fault that this request has, once."""
        with self.broker.lock:
            for fault in self.faults:
                if fault.method == method and path.startswith(fault.path):
                    self.faults.remove(fault)
                    return fault
        return None

    def count(self, method: str, path: str = "/v2/orders") -> int:
        """How many such requests arrived."""
        return sum(each == method and where.startswith(path) for each, where in self.requests)

    def drop_streams(self) -> None:
        """Everybody who listens is cut off."""
        for stream in list(self.streams):
            stream.is_cut = True

    def wait_for_stream(self, *, seconds: float = 10.0) -> None:
        """Somebody listens. Raises TimeoutError."""
        until = time.monotonic() + seconds
        while not any(stream.is_listening for stream in self.streams):
            if time.monotonic() > until:
                raise TimeoutError("nobody listens")
            time.sleep(0.01)

    def _spread(self, message: Json) -> None:
        for stream in list(self.streams):
            if stream.is_listening:
                stream.messages.put(message)


class _Handler(BaseHTTPRequestHandler):
    stand_in: StandIn
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Nothing: requests hold keys."""

    def do_GET(self) -> None:
        if urlsplit(self.path).path == "/stream":
            _Stream(self).serve()
            return
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PATCH(self) -> None:
        self._answer()

    def do_DELETE(self) -> None:
        self._answer()

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        self.stand_in.requests.append((self.command, parts.path))
        fault = self.stand_in.take_fault(self.command, parts.path)
        if fault is not None and not fault.kind.endswith("_after"):
            self._suffer(fault)
            return
        status, answer = self._done(parts.path, {name: each[-1] for name, each in parse_qs(parts.query).items()}, body)
        if fault is None:
            self._say(status, answer)
        else:
            self._suffer(fault)

    def _suffer(self, fault: Fault) -> None:
        match fault.kind.removesuffix("_after"):
            case "silence":
                self.stand_in.closing.wait(fault.seconds)
                self._cut()
            case "cut":
                self._cut()
            case "error":
                self._say(500, {"message": "internal server error"})
            case "limit":
                self._say(429, {"message": "too many requests"}, {"Retry-After": f"{fault.seconds:g}"})
            case "garbage":
                self._say(200, None, raw=b"<html>")
            case _:
                self._say(fault.status, {"code": fault.code, "message": fault.words})

    def _cut(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def _say(self, status: int, body: Any, headers: dict[str, str] | None = None, *, raw: bytes | None = None) -> None:
        content = b"" if status == 204 else raw if raw is not None else json.dumps(body).encode()
        with contextlib.suppress(OSError):
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    def _done(self, path: str, query: dict[str, str], body: bytes) -> tuple[int, Any]:
        stand_in, broker = self.stand_in, self.stand_in.broker
        if (self.headers.get("APCA-API-KEY-ID"), self.headers.get("APCA-API-SECRET-KEY")) != (
            stand_in.key_id,
            stand_in.secret,
        ):
            return 401, {"code": 40110000, "message": "request is not authorized"}
        try:
            return _route(broker, self.command, path, query, json.loads(body) if body else {})
        except Refusal as refusal:
            return refusal.status, {"code": refusal.code, "message": refusal.message, **refusal.details}
        except ValueError:
            return 400, {"code": 40010000, "message": "request body format is invalid"}


def _route(broker: Broker, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
    """What the broker answers."""
    one = re.fullmatch(r"/v2/orders/([^/]+)", path)
    match method, path:
        case "POST", "/v2/orders":
            return 200, broker.place(body)
        case "GET", "/v2/orders:by_client_order_id":
            return 200, broker.nested(broker.of_client(query.get("client_order_id", "")))
        case "GET", "/v2/orders":
            after = query.get("after", "")
            rows = [order for order in broker.open() if str(order["submitted_at"]) > after]
            return 200, rows[: int(query.get("limit", "50"))]
        case "GET", "/v2/account":
            return 200, broker.account()
        case "GET", "/v2/positions":
            return 200, broker.holdings()
        case "GET", "/v2/account/activities":
            return 200, _activities(broker, query)
        case "GET", _ if one:
            return 200, broker.nested(broker.found(one[1]))
        case "PATCH", _ if one:
            return 200, broker.replace(one[1], body)
        case "DELETE", _ if one:
            broker.cancel(one[1])
            return 204, None
    return 404, {"code": 40410000, "message": "endpoint not found"}


def _activities(broker: Broker, query: dict[str, str]) -> list[Json]:
    with broker.lock:
        rows = sorted(broker.activities, key=lambda row: str(row["id"]), reverse=query.get("direction") != "asc")
        token = query.get("page_token", "")
        if token:
            place = next((number for number, row in enumerate(rows) if row["id"] == token), -1)
            rows = rows[place + 1 :]
        return rows[: int(query.get("page_size", "100"))]


class _Stream:
    """One who listens, over a WebSocket (RFC 6455) as far as this needs it."""

    def __init__(self, handler: _Handler) -> None:
        self.handler, self.stand_in = handler, handler.stand_in
        self.link: socket.socket = handler.connection
        self.messages: queue.Queue[Json] = queue.Queue()
        self.is_listening = self.is_cut = self.is_known = False
        self.buffer = b""

    def serve(self) -> None:
        """It is told what it listens to, until it goes or is cut off."""
        key = self.handler.headers.get("Sec-WebSocket-Key", "").encode()
        if self.stand_in.is_refusing_streams or not key:
            self.handler._say(503, {"message": "unavailable"})
            self.handler.close_connection = True
            return
        accept = base64.b64encode(hashlib.sha1(key + _MAGIC).digest()).decode()  # noqa: S324 – as the protocol has it
        self.handler.send_response(101)
        for name, value in (("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accept)):
            self.handler.send_header(name, value)
        self.handler.end_headers()
        self.handler.close_connection = True
        self.link.settimeout(0.02)
        self.stand_in.streams.append(self)
        try:
            while not self.is_cut and not self.stand_in.closing.is_set():
                self._hear()
                self._tell()
        except OSError:
            pass
        finally:
            self.stand_in.streams.remove(self)
            with contextlib.suppress(OSError):
                self.link.shutdown(socket.SHUT_RDWR)

    def _tell(self) -> None:
        while not self.messages.empty() and not self.is_cut:
            # Alpaca's paper stream comes in binary frames.
            self._send(_BINARY, json.dumps(self.messages.get()).encode())

    def _hear(self) -> None:
        try:
            piece = self.link.recv(65536)
        except TimeoutError:
            return
        if not piece:
            raise ConnectionResetError
        self.buffer += piece
        while (frame := _frame(self.buffer)) is not None:
            kind, content, self.buffer = frame
            if kind == _PING:
                self._send(_PONG, content)
            elif kind == _CLOSE:
                self._send(_CLOSE, content[:2])
                raise ConnectionResetError
            elif kind in (_TEXT, _BINARY):
                self._asked(json.loads(content))

    def _asked(self, told: Any) -> None:
        if told.get("action") in ("auth", "authenticate"):
            data = told.get("data") or {}
            keys = (told.get("key") or data.get("key_id"), told.get("secret") or data.get("secret_key"))
            self.is_known = keys == (self.stand_in.key_id, self.stand_in.secret)
            status = "authorized" if self.is_known else "unauthorized"
            self.messages.put({"stream": "authorization", "data": {"status": status, "action": "authenticate"}})
        elif told.get("action") == "listen" and self.is_known:
            streams = [name for name in told["data"]["streams"] if name == "trade_updates"]
            self._tell()
            self._send(_BINARY, json.dumps({"stream": "listening", "data": {"streams": streams}}).encode())
            self.is_listening = bool(streams)

    def _send(self, kind: int, content: bytes) -> None:
        length = len(content)
        if length < 126:
            head = struct.pack("!BB", 0x80 | kind, length)
        elif length < 65536:
            head = struct.pack("!BBH", 0x80 | kind, 126, length)
        else:
            head = struct.pack("!BBQ", 0x80 | kind, 127, length)
        self.link.sendall(head + content)


def _frame(buffer: bytes) -> tuple[int, bytes, bytes] | None:
    """The first whole frame: its kind, its content, and what follows it; None while it is not whole."""
    if len(buffer) < 2:
        return None
    kind, length, place = buffer[0] & 0x0F, buffer[1] & 0x7F, 2
    if length == 126:
        length, place = struct.unpack("!H", buffer[2:4])[0] if len(buffer) >= 4 else 1 << 30, 4
    elif length == 127:
        length, place = struct.unpack("!Q", buffer[2:10])[0] if len(buffer) >= 10 else 1 << 30, 10
    mask = b""
    if buffer[1] & 0x80:
        mask, place = buffer[place : place + 4], place + 4
    if len(buffer) < place + length:
        return None
    content = buffer[place : place + length]
    if mask:
        content = bytes(byte ^ mask[number % 4] for number, byte in enumerate(content))
    return kind, content, buffer[place + length :]
