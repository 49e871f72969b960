"""Answers kept in Redis under a key that holds the person's version: the only module that touches the cache.

Nothing is ever deleted. A change moves the version on, and what was kept under the old one is not asked for again; its
time to live clears it away. The version is read from PostgreSQL before anything else, so a reader sees its own writes.
Without Redis, or with one that hangs, answers are computed: it costs speed only.
"""

import hashlib
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import orjson
from django.core.cache import cache
from django_redis import get_redis_connection
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

#: Seconds that answers of each kind are kept.
LIFETIMES = {"accounts": 120, "account": 300, "stats": 300, "brokers": 300, "aggregate": 300}

#: Goes up when answers hold other things than before: an upgrade must not read what the old code has kept.
SHAPE = 6

#: Seconds for which the cache is passed over after it failed.
PAUSE = 5.0

_STATISTICS_KEY = "journal:statistics"
_STATISTICS_EVERY = 2.0


class _Health:
    """Whether the cache is worth asking, and what it was asked, in this process."""

    def __init__(self) -> None:
        self.paused_until = 0.0
        self.counts: Counter[str] = Counter()
        self.flushed_at = time.monotonic()
        self.lock = threading.Lock()

    def is_paused(self) -> bool:
        return time.monotonic() < self.paused_until

    def failed(self, error: Exception) -> None:
        if not self.is_paused():
            logger.warning("the cache does not answer, computing instead for %s s: %s", PAUSE, error)
        self.paused_until = time.monotonic() + PAUSE


_health = _Health()
_building: dict[str, threading.Lock] = {}
_building_guard = threading.Lock()


def get(kind: str, owner_id: int, *, version: int, parts: object, build: Callable[[], Any], fresh: bool = False) -> Any:
    """The answer for this version, from Redis or built and then kept there.

    `build` returns plain JSON values: decimals as strings. `fresh` goes past the cache and renews what it holds.
    One thread of a process builds an answer at a time; the others wait for it.
    """
    key = key_of(kind, owner_id, version=version, parts=parts)
    if fresh or _health.is_paused():
        _count(kind, "bypassed")
        return _built(kind, key, build)
    value = _read(key)
    if value is not None:
        _count(kind, "hits")
        return value
    _count(kind, "misses")
    with _building_guard:
        lock = _building.setdefault(key, threading.Lock())
    alone = held = lock.acquire(blocking=False)
    try:
        if not alone:
            held = lock.acquire(timeout=5)
            value = _read(key)
            if value is not None:
                return value
        return _built(kind, key, build)
    finally:
        if held:
            lock.release()
        with _building_guard:
            _building.pop(key, None)


def key_of(kind: str, owner_id: int, *, version: int, parts: object) -> str:
    """The key of an answer: kind, owner and version in the clear, the rest as a digest."""
    digest = hashlib.blake2b(orjson.dumps([SHAPE, parts], default=str), digest_size=12).hexdigest()
    return f"{kind}:{owner_id}:{version}:{digest}"


def _read(key: str) -> Any:
    if _health.is_paused():
        return None
    try:
        return cache.get(key)
    except (RedisError, OSError, ConnectionError) as error:
        _health.failed(error)
        return None


def _built(kind: str, key: str, build: Callable[[], Any]) -> Any:
    value = build()
    keep = not (isinstance(value, dict) and value.get("stale"))
    if keep and not _health.is_paused():
        try:
            cache.set(key, value, LIFETIMES[kind])
        except (RedisError, OSError, ConnectionError) as error:
            _health.failed(error)
    return value


def _count(kind: str, outcome: str) -> None:
    _health.counts[f"{kind}:{outcome}"] += 1
    if time.monotonic() - _health.flushed_at > _STATISTICS_EVERY:
        flush_statistics()


def flush_statistics() -> None:
    """What this process counted is added to the shared counters, where Redis can be reached."""
    with _health.lock:
        counts, _health.counts = _health.counts, Counter()
        _health.flushed_at = time.monotonic()
    if not counts or _health.is_paused():
        return
    try:
        pipeline = get_redis_connection("default").pipeline(transaction=False)
        for name, number in counts.items():
            pipeline.hincrby(_STATISTICS_KEY, name, number)
        pipeline.execute()
    except (RedisError, OSError, ConnectionError) as error:
        _health.failed(error)


def statistics() -> dict[str, dict[str, int]]:
    """Hits, misses and bypasses by kind over all processes; empty when Redis cannot be reached."""
    flush_statistics()
    try:
        counted = get_redis_connection("default").hgetall(_STATISTICS_KEY)
    except (RedisError, OSError, ConnectionError):
        return {}
    by_kind: dict[str, dict[str, int]] = {}
    for name, number in counted.items():
        kind, _, outcome = name.decode().partition(":")
        by_kind.setdefault(kind, {"hits": 0, "misses": 0, "bypassed": 0})[outcome] = int(number)
    return by_kind


def is_reachable() -> bool:
    """Whether Redis answers now."""
    try:
        return bool(get_redis_connection("default").ping())
    except (RedisError, OSError, ConnectionError):
        return False


def forget_everything() -> None:
    """Every kept answer is gone; the queue of tasks in the same server is not touched. For tests and benchmarks."""
    client = get_redis_connection("default")
    for kind in LIFETIMES:
        for key in client.scan_iter(match=f"journal:1:{kind}:*", count=1000):
            client.unlink(key)
    _health.paused_until = 0.0
