"""Finding what is like a text: by meaning and by words, among one's own, with how it ended.

Rankings become one: by the cosine of the vectors, by the words that they share, weighted by how rare each is among the
person's own texts, and by both together. Where the query has no vector, because its model cannot be reached, words
alone are searched, and the answer says so; no other model stands in.
Source: docs/memory.md#search
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from accounts.models import User
from intelligence import embedders, fusion, memory, synonyms, texts
from intelligence.embedders import EmbeddingError
from intelligence.models import EmbeddingModel
from intelligence.search_filters import COLUMNS, JOINED, Filters

MODES = ("hybrid", "vector", "text")
KINDS = memory.KINDS
LARGEST_LIMIT = 100
LONGEST_QUERY = texts.LONGEST
#: Rows of each ranking that are fused, at least; four times what is asked for where that is more.
_DEPTH = 60
#: Words of a query that are looked at: those of groups, then the longest.
_MOST_LEXEMES = 32
#: What sharing all words is worth beside a similarity of 1, where both are looked at together; and how much the ranking
#: by both counts against those by one alone (docs/memory.md#search). A lexical model knows less than the words.
_SHARED, _BOTH = 0.5, 4.0
_SHARED_LEXICAL, _BOTH_LEXICAL = 2.0, 2.0
#: Past the size at which every vector is compared: how wide the index is searched, and how many rows it gives.
_EF_SEARCH, _OVERSAMPLED = 400, 20


@dataclass(frozen=True, slots=True)
class Hit:
    """Something found: the primary key of the decision, note or trade, and how near it is.

    `similarity` is 1 minus the cosine distance, from -1 to 1; None without a vector. Ranks begin at 1; None where a
    ranking does not hold it.
    """

    key: int
    similarity: float | None
    score: float
    vector_rank: int | None
    text_rank: int | None


@dataclass(frozen=True, slots=True)
class Found:
    """What was found: the best hits, and besides them the nearest that was won and the nearest that was lost."""

    kind: str
    hits: list[Hit]
    winner: Hit | None
    loser: Hit | None
    model: EmbeddingModel
    mode: str  #: what was searched by in the end
    gap: str = ""  #: why it was not searched by meaning
    is_exact: bool = True
    waiting: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for: its words, and its vector where there is one."""

    text: str
    vector: str | None = None
    gap: str = ""


def find(
    user: User,
    text: "str | Asked",
    *,
    kind: str = "decision",
    filters: Filters | None = None,
    limit: int = 10,
    mode: str = "hybrid",
) -> Found:
    """What of this person's is most like the text: `limit` hits wherever there are as many.

    Whoever looks for it more than once gives it as `Asked`. Raises InvalidValue for a filter that the kind has none of.
    """
    asked = text if isinstance(text, Asked) else Asked(text, memory.active())
    query = (lambda: Query(asked.text)) if mode == "text" else (lambda: asked.query)
    return _search(user, query, asked.model, kind=kind, filters=filters or Filters(), limit=limit, mode=mode)


def like(user: User, decision_key: int, text: str, *, filters: Filters, limit: int = 5) -> Found:
    """What is most like a decision: by its own vector, which is there already, and its words."""
    model = memory.active()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT vector::text FROM intelligence_embedding WHERE decision_id = %s AND model = %s AND owner_id = %s",
            [decision_key, model.key, user.pk],
        )
        row = cursor.fetchone()
    query = Query(text, row[0]) if row and row[0] else _query(text, model)
    return _search(user, lambda: query, model, kind="decision", filters=filters, limit=limit, mode="hybrid")


def _query(text: str, model: EmbeddingModel) -> Query:
    embedder = embedders.with_key(model.key)
    if embedder is None:
        return Query(text, gap=f"Nothing here computes {model.key}.")
    try:
        return Query(text, memory.written(embedder.query(text[:LONGEST_QUERY])))
    except EmbeddingError as error:
        return Query(text, gap=str(error))


class Asked:
    """A text that is looked for, of which the vector is worked out once, and not before there is anything to find."""

    def __init__(self, text: str, model: EmbeddingModel) -> None:
        self.text, self.model = text, model

    @cached_property
    def query(self) -> Query:
        """The text with its vector, or why there is none."""
        return _query(self.text, self.model)


@transaction.atomic
def _search(
    user: User, asked: Callable[[], Query], model: EmbeddingModel, *, kind: str, filters: Filters, limit: int, mode: str
) -> Found:
    filters.check(kind)
    if kind != "decision":
        # Notes and trades are written without a word here: what was just written is found all the same.
        memory.gather(owner_id=user.pk, most=200)
    among = Among.of(user.pk, model, kind, filters)
    waiting = memory.standing(user.pk, model)
    if not among.rows("1", "LIMIT 1"):
        return Found(kind, [], None, None, model, mode, waiting=waiting)
    query = asked()
    depth = max(_DEPTH, 4 * limit)
    by_vector, is_exact = _by_vector(among, query, depth) if mode != "text" else ([], True)
    by_text = _by_text(among, query.text, depth) if mode != "vector" or query.vector is None else {}
    used = mode if query.vector is not None or mode == "text" else "text"
    similarities = _similarities(among, query, {*by_vector, *by_text})
    ranked = Ranked(by_vector, by_text, similarities, is_lexical=model.is_lexical)
    keys = [key for key, _ in ranked.order][:limit]
    if len(keys) < limit:
        keys += _others(among, keys, limit - len(keys))
    winner, loser = (_nearest(among, query, outcome, ranked) for outcome in ("win", "loss"))
    wanted = [*keys, *(key for key in (winner, loser) if key is not None)]
    hits = _hits(among, query, wanted, ranked)
    return Found(
        kind=kind,
        hits=[hits[key] for key in keys],
        winner=hits[winner] if winner is not None else None,
        loser=hits[loser] if loser is not None else None,
        model=model,
        mode=used,
        gap=query.gap,
        is_exact=is_exact,
        waiting=waiting,
    )


# ---------------------------------------------------------------- the parts of a search
@dataclass(frozen=True, slots=True)
class Among:
    """What is searched: rows `e` of one person, model and kind, joined with `s`, under conditions."""

    kind: str
    sql: str
    values: dict[str, Any]

    @classmethod
    def of(cls, owner_id: int, model: EmbeddingModel, kind: str, filters: Filters) -> "Among":
        conditions, values = filters.sql(kind)
        sql = (
            f"FROM intelligence_embedding e {JOINED[kind]} "
            f"WHERE e.owner_id = %(owner)s AND e.model = %(model)s AND e.{kind}_id IS NOT NULL{conditions}"
        )
        return cls(kind, sql, {"owner": owner_id, "model": model.key, "index": model.has_index, **values})

    def rows(self, select: str, rest: str = "", **values: Any) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {select} {self.sql} {rest}", {**self.values, **values})
            found: list[tuple[Any, ...]] = cursor.fetchall()
        return found


@dataclass(frozen=True)
class Ranked:
    """What was found: by meaning, the nearest first; by words, each with its share of them; how near each is."""

    by_vector: Sequence[int]
    by_text: Mapping[int, float]
    similarities: Mapping[int, float]
    is_lexical: bool = False  #: whether the vectors compare words too

    @cached_property
    def order(self) -> list[tuple[int, float]]:
        """All with their scores, the best first: by reciprocal rank of meaning, of words, and of both together.

        A lexical model compares words, as the words do better: alone it has no say.
        """
        by_vector = [(key, 1.0) for key in self.by_vector]
        if not by_vector or not self.by_text:
            return fusion.fused([by_vector, [(key, 1.0) for key in self.by_text]])
        shared, weight = (_SHARED_LEXICAL, _BOTH_LEXICAL) if self.is_lexical else (_SHARED, _BOTH)
        both = {
            key: self.similarities.get(key, 0.0) + shared * self.by_text.get(key, 0.0)
            for key in (*self.by_vector, *self.by_text)
        }
        together = [(key, weight) for key in sorted(both, key=lambda key: -both[key])]
        if self.is_lexical:
            return fusion.fused([[(key, 1.0) for key in self.by_text], together])
        return fusion.fused([by_vector, list(self.by_text.items()), together])


def _by_vector(among: Among, query: Query, depth: int) -> tuple[list[int], bool]:
    """The nearest rows, and whether every one was compared."""
    if query.vector is None:
        return [], True
    if among.values["index"] and _size(among) > settings.MEMORY_EXACT_UP_TO:
        found = approximate(among, query.vector, depth)
        if len(found) >= depth:
            return found, False
    return exact(among, query.vector, depth), True


def _size(among: Among) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*) FROM intelligence_embedding e "  # noqa: S608 – one of three words of ours
            f"WHERE owner_id = %(owner)s AND model = %(model)s AND {among.kind}_id IS NOT NULL",
            among.values,
        )
        (count,) = cursor.fetchone()
    return int(count)


def exact(among: Among, vector: str, depth: int) -> list[int]:
    """The nearest, every row being compared. The zero keeps the planner off an approximate index."""
    with _planned("SET LOCAL max_parallel_workers_per_gather = 0", "SET LOCAL jit = off"):
        rows = among.rows(
            f"e.{among.kind}_id",
            "AND e.state = 'ready' ORDER BY (e.vector <=> %(vector)s::halfvec) + 0, e.id LIMIT %(depth)s",
            vector=vector,
            depth=depth,
        )
    return [key for (key,) in rows]


def approximate(among: Among, vector: str, depth: int) -> list[int]:
    """The nearest of what the index gives, which is asked for many more than are wanted and goes on until it has them.

    Filters apply to what it gives, so the usual search would end with a handful; the order within is made exact here.
    """
    with _planned(
        f"SET LOCAL hnsw.ef_search = {_EF_SEARCH}",
        "SET LOCAL hnsw.iterative_scan = relaxed_order",
        "SET LOCAL hnsw.max_scan_tuples = 1000000",
        "SET LOCAL hnsw.scan_mem_multiplier = 4",
        "SET LOCAL enable_sort = off",
        "SET LOCAL jit = off",
    ):
        rows = among.rows(
            f"e.{among.kind}_id, e.vector <=> %(vector)s::halfvec AS distance",
            "AND e.state = 'ready' ORDER BY e.vector <=> %(vector)s::halfvec LIMIT %(depth)s",
            vector=vector,
            depth=depth * _OVERSAMPLED,
        )
    return [key for key, _distance in sorted(rows, key=lambda row: (row[1], row[0]))[:depth]]


@contextmanager
def _planned(*settings_of_it: str) -> Iterator[None]:
    """Inside, the planner is told so. A savepoint rolled back takes the settings with it."""
    with transaction.atomic():
        point = transaction.savepoint()
        with connection.cursor() as cursor:
            cursor.execute("; ".join(settings_of_it))
        yield
        transaction.savepoint_rollback(point)


def _by_text(among: Among, text: str, depth: int) -> dict[int, float]:
    """Those that share words with the text, the rarest and the most first, with the share of it that they hold.

    A word counts by how few of the person's texts hold it, a text by how much of it they are: BM25 with each word once.
    The share is of what all words of the query count together.
    Source: Robertson and Zaragoza, "The Probabilistic Relevance Framework" (2009).
    """
    lexemes = _lexemes(text)
    if not lexemes:
        return {}
    places = range(len(lexemes))
    flags = ", ".join(f"e.words @@ %(l{place})s::tsquery AS f{place}" for place in places)
    counts = ", ".join(f"count(*) FILTER (WHERE f{place}) AS c{place}" for place in places)
    rarities = ", ".join(f"ln(1 + (n.n - c.c{place} + 0.5) / (c.c{place} + 0.5)) AS w{place}" for place in places)
    matched = " + ".join(f"m.f{place}::int * w.w{place}" for place in places)
    whole = " + ".join(f"w.w{place}" for place in places)
    values = {f"l{place}": lexeme for place, lexeme in enumerate(lexemes)}
    sql = f"""
        WITH m AS MATERIALIZED (
            SELECT e.{among.kind}_id AS key, length(e.words) AS size, {flags} {among.sql}
            AND e.words @@ %(any)s::tsquery
        ), c AS (SELECT avg(size) AS size, {counts} FROM m),
        n AS (
            SELECT greatest(count(*), 1)::float8 AS n FROM intelligence_embedding
            WHERE owner_id = %(owner)s AND model = %(model)s AND {among.kind}_id IS NOT NULL
        ), w AS (SELECT c.size, {rarities} FROM c, n)
        SELECT m.key, ({matched}) / ({whole}) FROM m, w
        ORDER BY ({matched}) / (1 + 1.2 * (0.25 + 0.75 * m.size / w.size)) DESC, m.key DESC LIMIT %(depth)s
    """  # noqa: S608 – our own text
    with connection.cursor() as cursor:
        cursor.execute(sql, {**among.values, **values, "any": " | ".join(lexemes), "depth": depth})
        return dict(cursor.fetchall())


def _lexemes(text: str) -> list[str]:
    """What the text is looked for by, each quoted for a query."""
    found = synonyms.words_of(text[:LONGEST_QUERY])[:_MOST_LEXEMES]
    return ["'" + lexeme.replace("\\", "\\\\").replace("'", "''") + "'" for lexeme in found]


def _others(among: Among, keys: Sequence[int], most: int) -> list[int]:
    """More of what is searched among, the latest first: what waits for its vector and shares no word is there too."""
    at = COLUMNS[among.kind]["at"]
    rows = among.rows(
        f"e.{among.kind}_id",
        f"AND NOT (e.{among.kind}_id = ANY(%(keys)s)) ORDER BY {at} DESC, e.id DESC LIMIT %(most)s",
        keys=list(keys),
        most=most,
    )
    return [key for (key,) in rows]


def _nearest(among: Among, query: Query, outcome: str, ranked: Ranked) -> int | None:
    """The nearest hit with this outcome; where no ranking reaches one, the nearest of all."""
    column = COLUMNS[among.kind]["outcome"]
    if column == "NULL":
        return None
    # By the similarity that is shown with it, where there is one: what shares more words may be farther.
    order = ranked.by_vector or [key for key, _score in ranked.order]
    with_it = {
        key
        for (key,) in among.rows(
            f"e.{among.kind}_id",
            f"AND {column} = %(wanted)s AND e.{among.kind}_id = ANY(%(keys)s)",
            wanted=outcome,
            keys=order,
        )
    }
    if with_it:
        return next(key for key in order if key in with_it)
    distance = "(e.vector <=> %(vector)s::halfvec) + 0 NULLS LAST, " if query.vector else ""
    rows = among.rows(
        f"e.{among.kind}_id",
        f"AND {column} = %(wanted)s ORDER BY {distance}{COLUMNS[among.kind]['at']} DESC, e.id DESC LIMIT 1",
        wanted=outcome,
        vector=query.vector,
    )
    return rows[0][0] if rows else None


def _hits(among: Among, query: Query, keys: Sequence[int], ranked: Ranked) -> dict[int, Hit]:
    missing = {key for key in keys if key not in ranked.similarities}
    similarities = {**ranked.similarities, **_similarities(among, query, missing)}
    scores = dict(ranked.order)
    vector_ranks = {key: rank for rank, key in enumerate(ranked.by_vector, start=1)}
    text_ranks = {key: rank for rank, key in enumerate(ranked.by_text, start=1)}
    return {
        key: Hit(key, similarities.get(key), scores.get(key, 0.0), vector_ranks.get(key), text_ranks.get(key))
        for key in keys
    }


def _similarities(among: Among, query: Query, keys: Collection[int]) -> dict[int, float]:
    """How near these are, where both they and the query have a vector."""
    if query.vector is None or not keys:
        return {}
    return dict(
        among.rows(
            f"e.{among.kind}_id, 1 - (e.vector <=> %(vector)s::halfvec)",
            f"AND e.state = 'ready' AND e.{among.kind}_id = ANY(%(keys)s)",
            vector=query.vector,
            keys=list(keys),
        )
    )
