"""Embeddings of a server that the operator runs or has chosen: Ollama, or what speaks like OpenAI.

Nothing is sent anywhere unless its address is configured, and only to the networks that are allowed.
Source: github.com/ollama/ollama docs/api.md (POST /api/embed); platform.openai.com (POST /v1/embeddings).
"""

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import orjson

from intelligence import outbound
from intelligence.embedders.vectors import BadVector, EmbeddingError, Unreachable, Vector, stored

#: Texts sent at once.
BATCH = 16
RETRIES, PAUSE = 2, 0.2
#: After so many failures in a row nothing is tried for a while: a server that is down costs nothing then.
FAILURES_THAT_OPEN, OPEN_FOR = 3, 30.0
#: Of a key of a hundred characters, with the dimensions behind it.
_LONGEST_NAME = 92
_MOST_BYTES = 8 * 1024 * 1024
_OVERLOADED = (408, 425, 429, 500, 502, 503, 504)


@dataclass(frozen=True, slots=True)
class Server:
    """Where the model is and how it is spoken to. `api` is ollama or openai."""

    url: str
    model: str
    api: str = "ollama"
    dimensions: int = 768
    api_key: str = field(default="", repr=False)
    networks: tuple[str, ...] = ()
    seconds: float = 30.0
    query_seconds: float = 2.0


class RemoteEmbedder:
    """Asks a server. A failure is a failure: no other model stands in."""

    name = "http"
    is_lexical = False

    def __init__(self, server: Server) -> None:
        self.server = server
        # Vectors of other dimensions are not comparable, so they are another model's.
        self.key = f"{_short(f'http-{server.api}-{server.model}')}-{server.dimensions}"
        self.dimensions = server.dimensions
        self._breaker = Breaker()

    def documents(self, texts: Sequence[str]) -> list[Vector]:
        """The vectors of texts that are kept. Raises Unreachable, or BadVector."""
        found: list[Vector] = []
        for start in range(0, len(texts), BATCH):
            chunk = [self._prefixed(text, "search_document") for text in texts[start : start + BATCH]]
            found += self._asked(chunk, seconds=self.server.seconds, retries=RETRIES)
        return found

    def query(self, text: str) -> Vector:
        """The vector of what is looked for: somebody waits for it, so it is tried once."""
        sent = self._prefixed(text, "search_query")
        return self._asked([sent], seconds=self.server.query_seconds, retries=0)[0]

    def _prefixed(self, text: str, task: str) -> str:
        # nomic-embed was trained to be told which of the two a text is.
        return f"{task}: {text}" if "nomic" in self.server.model else text

    def _asked(self, texts: Sequence[str], *, seconds: float, retries: int) -> list[Vector]:
        for attempt in range(retries + 1):
            self._breaker.check()
            try:
                found = self._once(texts, seconds)
            except Unreachable:
                self._breaker.failed()
                if attempt == retries:
                    raise
                time.sleep(PAUSE * 2**attempt)
            else:
                self._breaker.worked()
                return found
        raise Unreachable("The embedding server does not answer.")

    def _once(self, texts: Sequence[str], seconds: float) -> list[Vector]:
        server = self.server
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if server.api_key:
            headers["Authorization"] = f"Bearer {server.api_key}"
        rules = outbound.Rules(
            may_connect=outbound.within(*server.networks),
            schemes=frozenset({"http", "https"}),
            seconds=seconds,
            most_bytes=_MOST_BYTES,
        )
        path = "/api/embed" if server.api == "ollama" else "/v1/embeddings"
        body = orjson.dumps({"model": server.model, "input": list(texts)})
        try:
            answer = outbound.fetch(
                server.url.rstrip("/") + path, rules=rules, method="POST", body=body, headers=headers
            )
        except outbound.Failed as error:
            raise Unreachable(f"The embedding server does not answer: {error}") from error
        except outbound.Forbidden as error:
            raise EmbeddingError(f"The embedding server may not be asked: {error}") from error
        if answer.status in _OVERLOADED:
            raise Unreachable(f"The embedding server answered with {answer.status}.")
        if answer.status != 200:
            raise EmbeddingError(f"The embedding server answered with {answer.status}.")
        return [stored(each, dimensions=server.dimensions) for each in _vectors(answer.body, server.api, len(texts))]


def _short(name: str) -> str:
    """The name as far as a key has room for it; what differs only behind that is still another name."""
    if len(name) <= _LONGEST_NAME:
        return name
    digest = sha256(name.encode()).hexdigest()[:12]
    return f"{name[: _LONGEST_NAME - len(digest) - 1]}-{digest}"


def _vectors(body: bytes, api: str, count: int) -> list[list[float]]:
    try:
        content: Any = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadVector("The embedding server answered with what is no JSON.") from error
    rows = _rows(content, api) if isinstance(content, Mapping) else None
    if not isinstance(rows, list) or len(rows) != count:
        raise BadVector("The embedding server answered for another number of texts.")
    for row in rows:
        if not isinstance(row, list) or not all(type(each) in (int, float) for each in row):
            raise BadVector("The embedding server answered with what is no vector.")
    return rows


def _rows(content: Mapping[str, Any], api: str) -> Any:
    if api == "ollama":
        return content.get("embeddings")
    data = content.get("data")
    if not isinstance(data, list) or not all(isinstance(each, Mapping) for each in data):
        return None
    # Each says its place; they need not come in order.
    places = [each.get("index") for each in data]
    if sorted(places, key=str) != sorted(range(len(data)), key=str):
        return None
    return [each.get("embedding") for each in sorted(data, key=lambda each: int(each["index"]))]


class Breaker:
    """Open for a while after failures in a row; then one attempt decides."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures = 0
        self._open_until = 0.0

    def check(self) -> None:
        """Raises Unreachable while it is open."""
        if time.monotonic() < self._open_until:
            raise Unreachable("The embedding server did not answer just now, and is left alone for a moment.")

    def failed(self) -> None:
        """One more in a row."""
        with self._lock:
            self._failures += 1
            if self._failures >= FAILURES_THAT_OPEN:
                self._open_until = time.monotonic() + OPEN_FOR

    def worked(self) -> None:
        """None in a row any more."""
        with self._lock:
            self._failures, self._open_until = 0, 0.0
