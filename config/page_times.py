"""How long the server takes for each page, and for the parts that pages fetch by themselves, cold and warm.

What there is to ask is read from where it stands: pages from the tour, parts from what the pages say they will fetch.
"""

import html
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.test import Client

from accounts import answers
from accounts.models import User
from config.tour import pages, things
from config.tour.pages import Stop
from journal import dimensions
from journal.benchmark.timing import Spread

#: What issue and documentation promise, in milliseconds: nine of ten and a half of ten answers, and any.
WARM_P95, COLD = 80.0, 250.0

#: How a page names what it fetches by itself: a panel of it, or rows of a long table.
_FETCHES = re.compile(r'(?:hx-get|data-window-url)="([^"]+)"')

#: How many rows it asks for at once.
_ROWS = re.compile(r'data-window-page="(\d+)"')

#: Filters that the pages about trades are asked with besides.
_FILTERED = (
    "side=long",
    "symbol=BENCH.ES",
    "hour=10",
    "from=2026-06-01&to=2026-06-30",
    "weekday=1",
    "tag=Breakout",
    "setup=none",
    "group=Funded",
    "broker=Tradovate",
    "reviewed=no",
    things.FEW_ACCOUNTS,
    "side=long&outcome=win&hour=10",
)
_WITH_FILTERS = ("dashboard", "trade_list", "calendar", "breakdown")

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Question:
    """One address, and how it is asked for: a part as htmx asks for it."""

    name: str
    path: str
    is_part: bool = False


@dataclass(frozen=True, slots=True)
class Times:
    """What was measured of one address."""

    question: Question
    cold: Spread
    warm: Spread
    cold_queries: int
    warm_queries: int
    size: int
    status: int

    @property
    def misses(self) -> list[str]:
        """What it does not keep of what is promised."""
        missed = []
        if self.warm.p95 > WARM_P95:
            missed.append(f"warm p95 {self.warm.p95:.0f} ms")
        if self.cold.p50 > COLD:
            missed.append(f"cold {self.cold.p50:.0f} ms")
        if self.status != 200:
            missed.append(f"status {self.status}")
        return missed


def questions(person: User, *, only: str = "") -> Iterator[Question]:
    """Every page of this person, with the parts that it fetches."""
    client = signed_in(person)
    seen: set[str] = set()
    for name, path in _paths(person):
        if only and only not in name and only not in path:
            continue
        yield Question(name, path)
        answer = client.get(path)
        if answer.status_code != 200 or answer.streaming:
            continue
        for part in _parts(answer.content.decode(), path):
            if part not in seen:
                seen.add(part)
                yield Question(f"  {name}: {part.partition('?')[0]}", part, is_part=True)


def _paths(person: User) -> Iterator[tuple[str, str]]:
    for stop in pages.stops(person, with_public=False):
        if not isinstance(stop, Stop) or stop.status != 200 or stop.who == "operator":
            continue
        yield stop.name, stop.path
        if stop.name in _WITH_FILTERS:
            for query in _FILTERED:
                yield f"{stop.name}.{query.partition('=')[0]}", f"{stop.path}?{things.filled_in(query, person)}"
        if stop.name == "breakdown":
            for by in dimensions.NAMES:
                yield f"breakdown.by-{by}", f"{stop.path}?by={by}"


def _parts(page: str, path: str) -> Iterator[str]:
    for found in _FETCHES.findall(page):
        part = html.unescape(found)
        if part.startswith("?"):
            part = path.partition("?")[0] + part
        if not part.startswith("/"):
            continue
        yield part
        if "data-window-url" in page and "rows" in part:
            rows = _ROWS.search(page)
            yield part + ("&" if "?" in part else "?") + f"offset=500000&limit={rows[1] if rows else 100}"


def measure(person: User, question: Question, *, cold: int, warm: int) -> Times:
    """The times of one address, so many asked with nothing kept and so many after."""
    client = signed_in(person)
    headers = {"HTTP_HX_REQUEST": "true"} if question.is_part else {}
    size = status = 0

    def ask() -> tuple[int, int]:
        nonlocal size, status
        with _counted() as count:
            begun = time.perf_counter_ns()
            answer = client.get(question.path, **headers)  # type: ignore[arg-type]
            content = b"".join(answer.streaming_content) if answer.streaming else answer.content  # type: ignore[attr-defined]
            taken = time.perf_counter_ns() - begun
        size, status = len(content), answer.status_code
        return taken, count[0]

    ask()  # templates are compiled, code runs for the first time
    found: dict[str, tuple[list[int], int]] = {}
    for name, times in (("cold", cold), ("warm", warm)):
        taken, queries = [], 0
        for _ in range(times):
            if name == "cold":
                answers.forget_everything()
            nanoseconds, queries = ask()
            taken.append(nanoseconds)
            if nanoseconds > 5_000_000_000:  # once is enough of such a one
                break
        found[name] = (taken, queries)
    return Times(
        question,
        cold=Spread.of(found["cold"][0]),
        warm=Spread.of(found["warm"][0]),
        cold_queries=found["cold"][1],
        warm_queries=found["warm"][1],
        size=size,
        status=status,
    )


def signed_in(person: User) -> Client:
    """A browser of this person."""
    client = Client(raise_request_exception=False)
    client.force_login(person)
    return client


@contextmanager
def _counted() -> Iterator[list[int]]:
    """How many queries were sent meanwhile."""
    count = [0]

    def counted(execute: Any, *arguments: Any) -> Any:
        count[0] += 1
        return execute(*arguments)

    with connection.execute_wrapper(counted):
        yield count
