"""The memory's rows: what is to be embedded is written with what it is of, and filled in by the worker.

Each row is of one model, and is never filled by another. While a model is on its way to take over (`reembedding`), what
is new is written for both.
"""

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from intelligence import embedders, synonyms, texts
from intelligence.embedders import Embedder, EmbeddingError, Vector
from intelligence.models import Decision, Embedding, EmbeddingModel, EmbeddingState, ModelState

logger = logging.getLogger(__name__)

KINDS = ("decision", "note", "trade")
#: Rows that a worker takes at once, and how long they are its own: after that another may, as it died.
CHUNK, LEASE = 32, timedelta(minutes=2)
#: After so many failures that might have passed it is given up, until somebody asks for it again.
MOST_ATTEMPTS = 8
_LONGEST_ERROR = 500


@dataclass(frozen=True, slots=True)
class Text:
    """One text to be remembered: `key` is the primary key of the decision, note or trade that it is of."""

    owner_id: int
    key: int
    text: str
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Filled:
    """What one round of filling did."""

    ready: int = 0
    put_off: int = 0
    failed: int = 0

    def __add__(self, other: "Filled") -> "Filled":
        return Filled(self.ready + other.ready, self.put_off + other.put_off, self.failed + other.failed)

    @property
    def count(self) -> int:
        """Rows that were taken."""
        return self.ready + self.put_off + self.failed


# ---------------------------------------------------------------- models
def active() -> EmbeddingModel:
    """The model that is searched with. The first one ever is what the settings ask for then."""
    found = EmbeddingModel.objects.filter(state=ModelState.ACTIVE).first()
    if found is not None:
        return found
    embedder = embedders.chosen()
    try:
        with transaction.atomic():
            return EmbeddingModel.objects.create(
                **described(embedder), state=ModelState.ACTIVE, activated_at=timezone.now()
            )
    except IntegrityError:
        # Somebody else was first.
        return EmbeddingModel.objects.get(state=ModelState.ACTIVE)


def in_use() -> list[EmbeddingModel]:
    """The models that new texts are embedded with: the active one, and the one that is to take over."""
    first = active()
    return [first, *EmbeddingModel.objects.filter(state=ModelState.FILLING)]


def described(embedder: Embedder) -> dict[str, Any]:
    """The columns that say which model this embedder's is."""
    return {
        "key": embedder.key,
        "embedder": embedder.name,
        "dimensions": embedder.dimensions,
        "is_lexical": embedder.is_lexical,
    }


# ---------------------------------------------------------------- what is to be remembered
_REMEMBER = """
INSERT INTO intelligence_embedding AS e
    (owner_id, {column}, model, dimensions, text_hash, words, state, error, attempts, source_at)
SELECT t.owner_id, t.key, m.key, m.dimensions, t.hash,
    to_tsvector(%(language)s::regconfig, t.text) || array_to_tsvector(string_to_array(t.groups, ' ')), 'pending', '', 0,
    t.changed_at
FROM unnest(%(owners)s::bigint[], %(keys)s::bigint[], %(hashes)s::text[], %(texts)s::text[], %(groups)s::text[],
    %(times)s::timestamptz[]) AS t (owner_id, key, hash, text, groups, changed_at)
CROSS JOIN intelligence_embeddingmodel m WHERE m.key = ANY(%(models)s)
ORDER BY t.key, m.key
ON CONFLICT ({column}, model) WHERE {column} IS NOT NULL DO UPDATE SET
    source_at = EXCLUDED.source_at, text_hash = EXCLUDED.text_hash, words = EXCLUDED.words,
    vector = CASE WHEN e.text_hash = EXCLUDED.text_hash THEN e.vector END,
    embedded_at = CASE WHEN e.text_hash = EXCLUDED.text_hash THEN e.embedded_at END,
    state = CASE WHEN e.text_hash = EXCLUDED.text_hash THEN e.state ELSE 'pending' END,
    error = CASE WHEN e.text_hash = EXCLUDED.text_hash THEN e.error ELSE '' END,
    attempts = CASE WHEN e.text_hash = EXCLUDED.text_hash THEN e.attempts ELSE 0 END,
    retry_at = CASE WHEN e.text_hash = EXCLUDED.text_hash THEN e.retry_at END
"""


def remember(kind: str, found: Sequence[Text], *, models: Collection[str] | None = None) -> None:
    """Each text has a row under every model in use, in the caller's transaction; one that differs waits anew.

    Its words can be found at once. A vector of an earlier text goes: it would be found for what is said no more.
    """
    if not found:
        return
    assert kind in KINDS
    values: dict[str, Any] = {
        "language": settings.MEMORY_LANGUAGE,
        "models": list(models) if models is not None else [each.key for each in in_use()],
        "owners": [each.owner_id for each in found],
        "keys": [each.key for each in found],
        "hashes": [texts.digest(each.text) for each in found],
        "texts": [each.text for each in found],
        "groups": [" ".join(groups) for groups in synonyms.groups_in([each.text for each in found])],
        "times": [each.changed_at for each in found],
    }
    with connection.cursor() as cursor:
        cursor.execute(_REMEMBER.format(column=f"{kind}_id"), values)


def remember_decisions(decisions: Iterable[Decision]) -> None:
    """These decisions have their rows, in the caller's transaction."""
    keys = [decision.pk for decision in decisions]
    remember("decision", _rows("decision", keys=keys))


# ---------------------------------------------------------------- what was changed elsewhere
_SOURCES = {
    "decision": """
        SELECT s.owner_id, s.id, s.updated_at, s.action, s.intent, s.strategy, s.reasoning, s.market_context,
            ARRAY(
                SELECT i.symbol FROM intelligence_decisioninstrument n
                JOIN trading_instrument i ON i.id = n.instrument_id WHERE n.decision_id = s.id ORDER BY n.position, n.id
            )
        FROM intelligence_decision s WHERE s.deleted_at IS NULL AND {which}
    """,
    "note": """
        SELECT s.owner_id, s.id, s.updated_at, s.title, s.text
        FROM journal_note s WHERE s.deleted_at IS NULL AND {which}
    """,
    "trade": """
        SELECT s.owner_id, s.id, s.updated_at, i.symbol, s.side, s.note
        FROM trading_trade s JOIN trading_instrument i ON i.id = s.instrument_id
        WHERE NOT (s.note = '') AND {which}
    """,
}
_CHANGED = """
    NOT EXISTS (
        SELECT FROM intelligence_embedding e
        WHERE e.{kind}_id = s.id AND e.model = %(model)s AND e.source_at >= s.updated_at
    ) {owner} ORDER BY s.id LIMIT %(most)s
"""


def gather(*, owner_id: int | None = None, most: int = 1000) -> int:
    """Texts that were written or changed without a word here have their rows; returns how many. Call until it is 0."""
    done = 0
    for model in in_use():
        for kind in KINDS:
            owner = "AND s.owner_id = %(owner)s" if owner_id is not None else ""
            which = _CHANGED.format(kind=kind, owner=owner)
            found = _rows(kind, which=which, model=model.key, owner=owner_id, most=most)
            remember(kind, found, models=[model.key])
            done += len(found)
    return done


def forget_gone() -> int:
    """What was deleted, or has no words any more, is not remembered; returns how many rows went."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM intelligence_embedding e USING journal_note n "
            "WHERE n.id = e.note_id AND n.deleted_at IS NOT NULL"
        )
        gone = int(cursor.rowcount)
        cursor.execute(
            "DELETE FROM intelligence_embedding e USING intelligence_decision d "
            "WHERE d.id = e.decision_id AND d.deleted_at IS NOT NULL"
        )
        gone += int(cursor.rowcount)
        cursor.execute(
            "DELETE FROM intelligence_embedding e USING trading_trade t WHERE t.id = e.trade_id AND t.note = ''"
        )
        return gone + int(cursor.rowcount)


def _rows(
    kind: str, *, keys: Sequence[int] | None = None, which: str = "s.id = ANY(%(keys)s)", **values: Any
) -> list[Text]:
    with connection.cursor() as cursor:
        cursor.execute(_SOURCES[kind].format(which=which), {"keys": list(keys or ()), **values})
        rows = cursor.fetchall()
    return [Text(owner_id, key, _text(kind, columns), changed_at) for owner_id, key, changed_at, *columns in rows]


def _text(kind: str, columns: Sequence[Any]) -> str:
    if kind == "note":
        title, text = columns
        return texts.of_note(title=title, text=text)
    if kind == "trade":
        symbol, side, note = columns
        return texts.of_trade(symbol=symbol, side=side, note=note)
    action, intent, strategy, reasoning, market_context, symbols = columns
    return texts.of_decision(
        symbols=symbols,
        action=action,
        intent=intent,
        strategy=strategy,
        reasoning=reasoning,
        market_context=market_context,
    )


# ---------------------------------------------------------------- filled by the worker
_TAKE = """
UPDATE intelligence_embedding SET retry_at = %(until)s, attempts = attempts + 1
WHERE id IN (
    SELECT id FROM intelligence_embedding
    WHERE state = 'pending' AND (retry_at IS NULL OR retry_at <= %(now)s) AND model = %(model)s
    ORDER BY retry_at NULLS FIRST, id LIMIT %(most)s FOR UPDATE SKIP LOCKED
)
RETURNING id, text_hash, decision_id, note_id, trade_id
"""
_FILL = """
UPDATE intelligence_embedding e
SET vector = f.vector::halfvec, state = 'ready', error = '', retry_at = NULL, embedded_at = %(now)s
FROM unnest(%(ids)s::bigint[], %(hashes)s::text[], %(vectors)s::text[]) AS f (id, hash, vector)
WHERE e.id = f.id AND e.text_hash = f.hash AND e.state = 'pending'
"""

#: A row that was taken: its id, the hash of its text, and of what it is.
_Taken = tuple[int, str, str, int]


def fill(*, most: int = CHUNK, now: datetime | None = None) -> Filled:
    """Up to `most` waiting rows of each model have their vectors, or have failed and say why.

    A row whose text changed meanwhile keeps waiting, and one whose model nothing here can compute does too.
    """
    done = Filled()
    for model in in_use():
        embedder = embedders.with_key(model.key)
        if embedder is None:
            logger.warning("nothing here computes %s: its texts wait", model.key)
            continue
        done += _fill_one(model.key, embedder, most=most, now=now or timezone.now())
    return done


def _fill_one(model: str, embedder: Embedder, *, most: int, now: datetime) -> Filled:
    taken = _take(model, most=most, now=now)
    current = _current_texts(taken)
    ready: list[tuple[_Taken, Vector]] = []
    failed: list[tuple[_Taken, EmbeddingError]] = []
    wanted = [row for row in taken if row[0] in current]
    for row, made in zip(wanted, _vectors(embedder, [current[row[0]] for row in wanted]), strict=True):
        if isinstance(made, EmbeddingError):
            failed.append((row, made))
        else:
            ready.append((row, made))
    _store(ready, now=now)
    put_off = _give_up_or_wait(failed, now=now)
    return Filled(len(ready), put_off + len(taken) - len(wanted), len(failed) - put_off)


def _take(model: str, *, most: int, now: datetime) -> list[_Taken]:
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, {"model": model, "most": most, "now": now, "until": now + LEASE})
        rows = cursor.fetchall()
    taken = []
    for key, text_hash, *things in rows:
        kind, thing = next((kind, thing) for kind, thing in zip(KINDS, things, strict=True) if thing is not None)
        taken.append((key, text_hash, kind, thing))
    return taken


def _current_texts(taken: Sequence[_Taken]) -> dict[int, str]:
    """The text of each row that is still what the row says; others are written anew, to be taken the next time."""
    found: dict[int, str] = {}
    for kind in KINDS:
        of_kind = {thing: (key, text_hash) for key, text_hash, each, thing in taken if each == kind}
        if not of_kind:
            continue
        changed = []
        for text in _rows(kind, keys=list(of_kind)):
            key, text_hash = of_kind[text.key]
            if texts.digest(text.text) == text_hash:
                found[key] = text.text
            else:
                changed.append(text)
        remember(kind, changed)
    return found


def _vectors(embedder: Embedder, wanted: Sequence[str]) -> list[Vector | EmbeddingError]:
    """The vector of each text, or why it has none. One that cannot be embedded does not take the others with it."""
    if not wanted:
        return []
    try:
        return list(embedder.documents(wanted))
    except EmbeddingError as error:
        if error.may_pass or len(wanted) == 1:
            return [error] * len(wanted)
    return [each for text in wanted for each in _vectors(embedder, [text])]


def _store(ready: Sequence[tuple[_Taken, Vector]], *, now: datetime) -> None:
    if not ready:
        return
    values: dict[str, Any] = {
        "now": now,
        "ids": [row[0] for row, _vector in ready],
        "hashes": [row[1] for row, _vector in ready],
        "vectors": [written(vector) for _row, vector in ready],
    }
    with connection.cursor() as cursor:
        cursor.execute(_FILL, values)


def _give_up_or_wait(failed: Sequence[tuple[_Taken, EmbeddingError]], *, now: datetime) -> int:
    """Each failed row says why; returns how many of them are tried again."""
    waiting = 0
    for (key, text_hash, _kind, _thing), error in failed:
        words = str(error)[:_LONGEST_ERROR] or type(error).__name__
        row = Embedding.objects.filter(pk=key, text_hash=text_hash, state=EmbeddingState.PENDING)
        attempts = row.values_list("attempts", flat=True).first() or MOST_ATTEMPTS
        if error.may_pass and attempts < MOST_ATTEMPTS:
            pause = timedelta(seconds=5 * 2**attempts)
            waiting += row.update(error=words, retry_at=now + pause)
        else:
            row.update(state=EmbeddingState.FAILED, error=words, retry_at=None)
    return waiting


def try_again() -> int:
    """Every row that was given up waits anew; returns how many."""
    return Embedding.objects.filter(state=EmbeddingState.FAILED).update(
        state=EmbeddingState.PENDING, error="", attempts=0, retry_at=None
    )


def written(vector: Vector) -> str:
    """The vector as PostgreSQL reads it."""
    return f"[{','.join(map(repr, vector))}]"


def standing(owner_id: int, model: EmbeddingModel) -> Mapping[str, int]:
    """How many of a person's texts wait and how many failed, under the model."""
    rows = Embedding.objects.filter(owner_id=owner_id, model=model).exclude(state=EmbeddingState.READY)
    states = list(rows.values_list("state", flat=True))
    return {state: states.count(state) for state in (EmbeddingState.PENDING, EmbeddingState.FAILED)}
