"""What makes vectors of texts: three embedders behind one protocol, and which of them is asked for."""

from collections.abc import Sequence
from functools import cache
from typing import Protocol

from django.conf import settings

from intelligence.embedders import minilm
from intelligence.embedders.hashing import HashEmbedder
from intelligence.embedders.minilm import MiniLMEmbedder
from intelligence.embedders.remote import RemoteEmbedder, Server
from intelligence.embedders.vectors import BadVector, EmbeddingError, Unreachable, Vector

__all__ = [
    "NAMES",
    "BadVector",
    "Embedder",
    "EmbeddingError",
    "Unreachable",
    "Vector",
    "chosen",
    "named",
    "with_key",
]

NAMES = ("minilm", "hash", "http")


class Embedder(Protocol):
    """Makes vectors of length 1 in the width of the column. What has one key can be compared, and nothing else can."""

    @property
    def name(self) -> str:
        """Which of the three it is."""

    @property
    def key(self) -> str:
        """Under which its vectors are kept."""

    @property
    def dimensions(self) -> int:
        """Of its vectors before padding."""

    @property
    def is_lexical(self) -> bool:
        """Whether it compares words rather than what they mean."""

    def documents(self, texts: Sequence[str]) -> list[Vector]:
        """The vectors of texts that are kept, in order. Raises EmbeddingError."""

    def query(self, text: str) -> Vector:
        """The vector of what is looked for. Raises EmbeddingError."""


def chosen() -> Embedder:
    """The embedder that the settings ask for; without a choice MiniLM where it is installed, else the lexical one."""
    name: str = settings.EMBEDDER
    return named(name or ("minilm" if minilm.folder() is not None else "hash"))


def named(name: str) -> Embedder:
    """The embedder of this name. Raises EmbeddingError for another, and for one that is not set up."""
    if name == "http" and not (settings.EMBEDDING_URL and settings.EMBEDDING_MODEL):
        raise EmbeddingError("EMBEDDING_URL and EMBEDDING_MODEL are not set.")
    if name == "minilm" and minilm.folder() is None:
        raise EmbeddingError("MiniLM is not installed: requirements-embed.txt has it.")
    if name not in NAMES:
        raise EmbeddingError(f"There is no embedder {name}; there are {', '.join(NAMES)}.")
    if name == "http":
        return _remote(_server())
    return _minilm(settings.MEMORY_LANGUAGE) if name == "minilm" else _hash(settings.MEMORY_LANGUAGE)


def with_key(key: str) -> Embedder | None:
    """The embedder that makes vectors of this key; None where none does, as another's cannot be compared with them."""
    for name in NAMES:
        try:
            found = named(name)
        except EmbeddingError:
            continue
        if found.key == key:
            return found
    return None


# One of each for the whole process: the weights are loaded once, and a breaker remembers.
@cache
def _minilm(language: str) -> MiniLMEmbedder:
    return MiniLMEmbedder(language)


@cache
def _hash(language: str) -> HashEmbedder:
    return HashEmbedder(language)


@cache
def _remote(server: Server) -> RemoteEmbedder:
    return RemoteEmbedder(server)


def _server() -> Server:
    return Server(
        url=settings.EMBEDDING_URL,
        model=settings.EMBEDDING_MODEL,
        api=settings.EMBEDDING_API,
        dimensions=settings.EMBEDDING_DIMENSIONS,
        api_key=settings.EMBEDDING_API_KEY,
        networks=tuple(settings.EMBEDDING_NETWORKS),
        seconds=settings.EMBEDDING_SECONDS,
    )
