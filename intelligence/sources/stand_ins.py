"""Local servers that speak as RugCheck, DexScreener and Helius do, with their faults: for tests and the demo.

    with StandIns() as there:
        there.tokens[mint] = made_token(mint, liquidity="60000")
        there.faults["/v1/tokens"] = Fault.ERROR

Everything listens on one port of this machine. Nothing is looked up elsewhere.
"""

import enum
import json
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

KEY = "stand-in-key"


class Fault(enum.Enum):
    """What a server does instead of answering."""

    ERROR = "500"
    BUSY = "429"
    FORBIDDEN = "403"
    GARBAGE = "half of an answer"
    ODD = "another shape"
    HUGE = "more than anybody takes"
    REDIRECT = "elsewhere"
    HANG = "nothing, for long"
    CUT = "a closed connection"


@dataclass(slots=True)
class StoodToken:
    """What the three say of a token; None where one of them does not know."""

    rugcheck: Mapping[str, Any] | None = None
    pairs: list[Mapping[str, Any]] = field(default_factory=list)
    asset: Mapping[str, Any] | None = None
    largest: list[str] = field(default_factory=list)


def made_token(  # noqa: PLR0913 – what there is to say of one
    mint: str,
    *,
    symbol: str = "TOKEN",
    price: str = "0.25",
    liquidity: str = "60000",
    top_holders: str = "20",
    badness: int = 10,
    risks: tuple[str, ...] = (),
    born_at: datetime | None = None,
    is_rugged: bool = False,
) -> StoodToken:
    """A token of which all three know something; holders in percent, `badness` from 0 to 100 as RugCheck counts."""
    report = {
        "mint": mint,
        "token": {"mintAuthority": None, "freezeAuthority": None, "supply": 10**15, "decimals": 6},
        "tokenMeta": {"name": symbol.title(), "symbol": symbol},
        "topHolders": [
            {"address": f"holder{n}", "owner": f"owner{n}", "pct": float(top_holders) / 10} for n in range(10)
        ],
        "knownAccounts": {},
        "risks": [{"name": each, "level": "danger", "score": 1000} for each in risks],
        "score": badness * 100,
        "score_normalised": badness,
        "totalMarketLiquidity": float(liquidity),
        "rugged": is_rugged,
    }
    pair = {
        "chainId": "solana",
        "pairAddress": f"pair-{mint[:8]}",
        "baseToken": {"address": mint, "name": symbol.title(), "symbol": symbol},
        "quoteToken": {"symbol": "SOL"},
        "priceUsd": price,
        "liquidity": {"usd": float(liquidity)},
        "pairCreatedAt": int(born_at.timestamp() * 1000) if born_at else None,
    }
    asset = {
        "id": mint,
        "content": {"metadata": {"name": symbol.title(), "symbol": symbol}},
        "token_info": {"supply": 10**15, "decimals": 6},
    }
    largest = [str(int(10**15 * float(top_holders) / 1000)) for _ in range(10)]
    return StoodToken(report, [pair], asset, largest)


class StandIns:
    """The servers, from `with` to its end."""

    def __init__(self) -> None:
        self.tokens: dict[str, StoodToken] = {}
        #: What is said of a token that is not among them; None leaves it unknown.
        self.missing: Callable[[str], StoodToken | None] | None = None
        #: What each wallet did, the newest first, as Helius' history has it.
        self.histories: dict[str, list[Mapping[str, Any]]] = {}
        self.webhooks: dict[str, dict[str, Any]] = {}
        #: By the beginning of a path, what happens there instead.
        self.faults: dict[str, Fault] = {}
        #: Method and path of every request, without its query: keys are no part of it.
        self.requests: list[str] = []
        self.lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.stand_ins = self
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def url(self) -> str:
        """Where they are."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> "StandIns":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.ending.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)

    @property
    def settings(self) -> dict[str, str]:
        """The settings under which they are asked."""
        return {
            "RUGCHECK_URL": self.url,
            "DEXSCREENER_URL": self.url,
            "HELIUS_URL": self.url,
            "HELIUS_RPC_URL": self.url,
            "HELIUS_API_KEY": KEY,
        }

    def token(self, mint: str) -> StoodToken | None:
        """What is said of the token; None where nobody knows it."""
        found = self.tokens.get(mint)
        return found if found is not None or self.missing is None else self.missing(mint)

    def asked(self, path: str) -> int:
        """How often a path that begins like this was asked for."""
        return sum(each.partition(" ")[2].startswith(path) for each in self.requests)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    stand_ins: StandIns

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.ending = threading.Event()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are part of what is played."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is printed: an address holds a key."""

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def do_PUT(self) -> None:
        self._answer("PUT")

    def _answer(self, method: str) -> None:
        there = self.server.stand_ins
        parts = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        sent = json.loads(self.rfile.read(length) or b"null")
        with there.lock:
            there.requests.append(f"{method} {parts.path}")
            fault = next((each for path, each in there.faults.items() if parts.path.startswith(path)), None)
        if fault is not None:
            self._fail(fault)
            return
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        found = _found(there, method, parts.path, query, sent)
        self._send(200 if found is not None else 404, json.dumps(found).encode())

    def _fail(self, fault: Fault) -> None:
        if fault in (Fault.ERROR, Fault.BUSY, Fault.FORBIDDEN):
            self._send(int(fault.value), b'{"error": "no"}')
        elif fault is Fault.GARBAGE:
            self._send(200, b'{"mint": "')
        elif fault is Fault.ODD:
            self._send(200, b'[{"unexpected": [1, 2, 3]}, 7, null]')
        elif fault is Fault.HUGE:
            self._send(200, b"[" + b" " * (9 * 1024 * 1024) + b"]")
        elif fault is Fault.REDIRECT:
            self.send_response(302)
            self.send_header("Location", "http://127.0.0.1:1/")
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif fault is Fault.HANG:
            self.server.ending.wait(30)
        else:
            self.connection.close()

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _found(there: StandIns, method: str, path: str, query: Mapping[str, str], sent: Any) -> Any:
    """What is there under this path; None where nothing is."""
    parts = path.strip("/").split("/")
    match method, parts:
        case "GET", ["v1", "tokens", mint, "report"]:
            token = there.token(mint)
            return token.rugcheck if token else None
        case "GET", ["tokens", "v1", "solana", mint]:
            token = there.token(mint)
            return token.pairs if token else []
        case "GET", ["v0", "addresses", address, "transactions"]:
            return _history(there.histories.get(address, []), query)
        case "POST", [""]:
            return _rpc(there, sent)
        case _, ["v0", "webhooks", *more]:
            return _webhook(there, method, more, sent)
    return None


def _history(transactions: list[Any], query: Mapping[str, str]) -> list[Any]:
    before = query.get("before")
    signatures = [each.get("signature") if isinstance(each, dict) else None for each in transactions]
    start = signatures.index(before) + 1 if before and before in signatures else 0
    return transactions[start : start + int(query.get("limit", "100"))]


def _rpc(there: StandIns, sent: Any) -> Any:
    method, parameters = sent["method"], sent["params"]
    mint = parameters["id"] if method == "getAsset" else parameters[0]
    token = there.token(mint)
    if token is None or token.asset is None:
        return {"jsonrpc": "2.0", "id": sent["id"], "error": {"code": -32000, "message": "not found"}}
    largest = {"value": [{"address": f"largest{n}", "amount": each} for n, each in enumerate(token.largest)]}
    return {"jsonrpc": "2.0", "id": sent["id"], "result": token.asset if method == "getAsset" else largest}


def _webhook(there: StandIns, method: str, more: list[str], sent: Any) -> Any:
    with there.lock:
        if method == "GET":
            return there.webhooks.get(more[0]) if more else list(there.webhooks.values())
        if method == "PUT" and more[0] not in there.webhooks:
            return None
        id = more[0] if method == "PUT" else str(uuid.uuid4())
        there.webhooks[id] = {"webhookID": id, **sent}
        return there.webhooks[id]
