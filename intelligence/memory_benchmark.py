"""How fast and how completely the memory is searched, on rows of a throw-away model in a transaction that is undone.

Source: docs/memory.md#speed
"""

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt

from django.db import connection, connections, transaction
from django.utils import timezone

from accounts.models import User
from intelligence import memory, search
from intelligence.models import EmbeddingModel, ModelState
from intelligence.search_filters import Filters

MODEL = "benchmark"
_WIDTH = 768
_K = 10


@dataclass(frozen=True, slots=True)
class Measured:
    """One thing that was measured: milliseconds, or a share."""

    name: str
    n: int
    median_ms: float
    p95_ms: float
    recall: float | None = None
    least_rows: int | None = None


def run(*, rows: int, owned: int, queries: int, seed: int) -> Iterator[Measured]:
    """Exact and approximate search of one owner's share of many rows, then exact search of many rows of one owner."""
    # Only the owner of a table may give it an index; with this one, everything below is asked as the owner.
    connections["default"] = connections["owner"]
    with transaction.atomic():
        draw = random.Random(seed)  # noqa: S311 – invented vectors, the same each time
        EmbeddingModel.objects.filter(state=ModelState.ACTIVE).update(state=ModelState.RETIRED)
        model = EmbeddingModel.objects.create(
            key=MODEL, embedder="hash", dimensions=_WIDTH, state=ModelState.ACTIVE, activated_at=timezone.now()
        )
        people = [User.objects.create(email=f"memory-benchmark-{n}@invalid.example", is_active=False) for n in range(3)]
        centres = [[draw.gauss(0, 1) for _ in range(_WIDTH)] for _ in range(200)]
        # One in a hundred is the owner's, as the hundred owners of a table have it.
        _fill(people[0], rows // 100, centres, draw)
        _fill(people[1], rows - rows // 100, centres, draw)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET LOCAL maintenance_work_mem = '512MB'")
            cursor.execute(
                "CREATE INDEX ON intelligence_embedding USING hnsw (vector halfvec_cosine_ops) "
                f"WITH (m = 16, ef_construction = 128) WHERE model = '{MODEL}' AND state = 'ready'"
            )
            cursor.execute("ANALYZE intelligence_embedding; ANALYZE intelligence_decision")
        asked = [memory.written(_near(centres, draw)) for _ in range(queries)]
        yield from _compared(people[0], model, asked, name=f"1 % of {rows:,} rows")
        _fill(people[2], owned, centres, draw)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE intelligence_embedding")
        among = search.Among.of(people[2].pk, model, "decision", Filters())
        _answers, taken = _timed(asked, lambda vector: search.exact(among, vector, _K))
        yield _measured(f"exact, {owned:,} decisions of one owner", taken)
        transaction.set_rollback(True)


def _compared(person: User, model: EmbeddingModel, asked: list[str], *, name: str) -> Iterator[Measured]:
    among = search.Among.of(person.pk, model, "decision", Filters())
    right, taken = _timed(asked, lambda vector: search.exact(among, vector, _K))
    yield _measured(f"exact, owner of {name}", taken)
    found, taken = _timed(asked, lambda vector: search.approximate(among, vector, _K))
    shares = [len(set(a) & set(b)) / len(b) for a, b in zip(found, right, strict=True)]
    recall = sum(shares) / len(shares)
    yield _measured(f"index, owner of {name}", taken, recall=recall, least=min(map(len, found)))


def _timed(asked: list[str], look: object) -> tuple[list[list[int]], list[float]]:
    assert callable(look)
    look(asked[0])
    answers, taken = [], []
    for vector in asked:
        begun = time.perf_counter()
        answers.append(look(vector))
        taken.append((time.perf_counter() - begun) * 1000)
    return answers, taken


def _measured(name: str, taken: list[float], *, recall: float | None = None, least: int | None = None) -> Measured:
    ordered = sorted(taken)
    return Measured(
        name, len(ordered), ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))],
        recall, least,
    )  # fmt: skip


def _near(centres: list[list[float]], draw: random.Random) -> list[float]:
    """A vector near one of the centres, as far from it as texts on one subject are from each other."""
    centre = draw.choice(centres)
    values = [each + draw.gauss(0, 1) for each in centre]
    length = sqrt(sum(each * each for each in values))
    return [each / length for each in values]


def _fill(person: User, count: int, centres: list[list[float]], draw: random.Random) -> None:
    """So many decisions of this person, each with a vector."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO intelligence_decision (owner_id, actor_kind, actor, action, intent, strategy, reasoning, "
            "market_context, reflection, decided_at, external_id, revision, created_at, updated_at) "
            "SELECT %s, 'person', '', 'BUY', '', '', 'x', '', '', now() - n * interval '1 minute', '', 1, now(), now() "
            "FROM generate_series(1, %s) n RETURNING id",
            [person.pk, count],
        )
        keys = [key for (key,) in cursor.fetchall()]
        copy = (
            "COPY intelligence_embedding (owner_id, decision_id, model, dimensions, text_hash, words, vector, state, "
            "error, attempts, source_at, embedded_at) FROM STDIN"
        )
        now = timezone.now()
        with cursor.copy(copy) as rows:
            for key in keys:
                vector = "[" + ",".join(f"{each:.4f}" for each in _near(centres, draw)) + "]"
                words = f"'alpha{key % 97}' 'beta{key % 13}' 'gamma'"
                rows.write_row((person.pk, key, MODEL, _WIDTH, "x" * 64, words, vector, "ready", "", 0, now, now))
