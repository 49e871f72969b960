"""Moving the memory to another model while it is used: the old one is searched with until the new one has everything.

Source: docs/memory.md#another-model
"""

from dataclasses import dataclass
from hashlib import md5

from django.db import IntegrityError, connection, connections, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.errors import Conflict
from intelligence import memory
from intelligence.embedders import Embedder
from intelligence.models import Embedding, EmbeddingModel, EmbeddingState, ModelState

_COPY = """
INSERT INTO intelligence_embedding (
    owner_id, decision_id, note_id, trade_id, model, dimensions, text_hash, words, state, error, attempts, source_at
)
SELECT e.owner_id, e.decision_id, e.note_id, e.trade_id, %(key)s, %(dimensions)s, e.text_hash, e.words, 'pending', '',
    0, e.source_at
FROM intelligence_embedding e WHERE e.model = %(active)s
ON CONFLICT DO NOTHING
"""


class NotComplete(Conflict):
    """The new model does not have everything yet."""

    code = "not_complete"


class AlreadyMoving(Conflict):
    """The memory is on its way to another model."""

    code = "already_moving"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a model has got."""

    ready: int
    pending: int
    failed: int

    @property
    def is_complete(self) -> bool:
        """Whether nothing waits any more."""
        return not self.pending


def begin(embedder: Embedder) -> EmbeddingModel:
    """The model is being filled from now on, and searched with by nobody; new texts are embedded with both.

    One that is being filled or in use already is returned as it is. Raises AlreadyMoving while another is being filled.
    """
    memory.active()
    found = EmbeddingModel.objects.filter(key=embedder.key).first()
    if found is not None and found.state != ModelState.RETIRED:
        return found
    try:
        with transaction.atomic():
            model, _made = EmbeddingModel.objects.update_or_create(
                key=embedder.key, defaults={**memory.described(embedder), "state": ModelState.FILLING}
            )
            _copy(model)
    except IntegrityError as error:
        coming = under_way()
        words = _("The memory is on its way to another model (%(key)s): finish or stop that first.")
        raise AlreadyMoving(words % {"key": coming.key if coming else "?"}) from error
    return model


def under_way() -> EmbeddingModel | None:
    """The model that is being filled; None where the memory is on its way to none."""
    return EmbeddingModel.objects.filter(state=ModelState.FILLING).first()


def progress(model: EmbeddingModel) -> Progress:
    """How many of its texts are ready, wait and failed."""
    rows = Embedding.objects.filter(model=model)
    counts = {state: rows.filter(state=state).count() for state in EmbeddingState.values}
    return Progress(counts["ready"], counts["pending"], counts["failed"])


def is_worked_on(model: EmbeddingModel) -> bool:
    """Whether somebody has taken texts of the model to embed them: a worker, or one that died not long ago."""
    taken = Embedding.objects.filter(model=model, state=EmbeddingState.PENDING, error="")
    return taken.filter(retry_at__gt=timezone.now()).exists()


@transaction.atomic
def switch(model: EmbeddingModel, *, with_failures: bool = False) -> EmbeddingModel:
    """The model is searched with from now on, and the one before is retired; its vectors are kept until `prune`.

    Raises NotComplete, and nothing is changed, while a text waits, and while one has failed unless `with_failures`.
    """
    models = {each.key: each for each in EmbeddingModel.objects.select_for_update().order_by("key")}
    current = models[model.key]
    if current.state == ModelState.ACTIVE:
        return current
    # What was written while this model was not known to the writer yet, and what was deleted meanwhile.
    _copy(current)
    memory.forget_gone()
    found = progress(current)
    if not found.is_complete or (found.failed and not with_failures):
        raise NotComplete(
            _("%(pending)s texts wait and %(failed)s have failed.") % {"pending": found.pending, "failed": found.failed}
        )
    EmbeddingModel.objects.filter(state=ModelState.ACTIVE).update(state=ModelState.RETIRED)
    EmbeddingModel.objects.filter(pk=current.pk).update(state=ModelState.ACTIVE, activated_at=timezone.now())
    current.refresh_from_db()
    return current


@transaction.atomic
def stop() -> int:
    """Nothing is on its way any more; what was computed for it is gone. Returns how many rows."""
    keys = list(EmbeddingModel.objects.filter(state=ModelState.FILLING).values_list("key", flat=True))
    gone, _by_table = Embedding.objects.filter(model__in=keys).delete()
    EmbeddingModel.objects.filter(key__in=keys).delete()
    return gone


def prune() -> int:
    """The vectors of retired models are gone; returns how many."""
    gone = 0
    for model in EmbeddingModel.objects.filter(state=ModelState.RETIRED):
        count, _by_table = Embedding.objects.filter(model=model).delete()
        gone += count
        drop_index(model)
        model.delete()
    return gone


def build_index(model: EmbeddingModel) -> None:
    """There is an approximate index of this model's vectors, and searches past the exact size use it.

    By the owner of the tables, on a connection of its own and without stopping anybody who writes. Of this model
    alone: vectors of others would lead nowhere.
    """
    if connection.in_atomic_block:
        raise RuntimeError("an index is not built concurrently inside a transaction")
    name, key = index_name(model), model.key.replace("'", "''")
    with connections["owner"].cursor() as cursor:
        cursor.execute("SET maintenance_work_mem = '512MB'")
        cursor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        cursor.execute(
            f"CREATE INDEX CONCURRENTLY {name} ON intelligence_embedding USING hnsw (vector halfvec_cosine_ops) "
            f"WITH (m = 16, ef_construction = 128) WHERE model = '{key}' AND state = 'ready'"
        )
        cursor.execute("RESET maintenance_work_mem")
    EmbeddingModel.objects.filter(pk=model.pk).update(has_index=True)


def drop_index(model: EmbeddingModel) -> None:
    """There is no approximate index of this model's vectors."""
    EmbeddingModel.objects.filter(pk=model.pk).update(has_index=False)
    with connections["owner"].cursor() as cursor:
        cursor.execute(f"DROP INDEX IF EXISTS {index_name(model)}")


def index_name(model: EmbeddingModel) -> str:
    """What the model's index is called."""
    return f"embedding_near_{md5(model.key.encode(), usedforsecurity=False).hexdigest()[:10]}"


def _copy(model: EmbeddingModel) -> None:
    """Every text of the active model waits for this one too; nothing is written twice."""
    with connection.cursor() as cursor:
        values: dict[str, str | int] = {"key": model.key, "dimensions": model.dimensions, "active": memory.active().key}
        cursor.execute(_COPY, values)
