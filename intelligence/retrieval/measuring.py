"""Every question asked of every note, by each embedder and in each way, and where the note came.

Source: docs/memory.md#how-well-it-finds
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from intelligence import embedders, fusion, memory, search
from intelligence.decisions import Said, record
from intelligence.models import Decision, DecisionAction, EmbeddingModel, ModelState

NOTES = Path(__file__).with_name("notes.tsv")
CUTS = (1, 5, 10)


class BadNotes(Exception):
    """The file holds no pairs of a note and a question."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A note, and a question that it answers."""

    note: str
    question: str


@dataclass(frozen=True, slots=True)
class Score:
    """How one way did: the mean of 1 / rank, and the shares that were among the first 1, 5 and 10."""

    embedder: str
    mode: str
    count: int
    mean_reciprocal_rank: float
    recalls: tuple[float, ...]


def pairs_of(path: Path) -> list[Pair]:
    """The pairs of a file: note, tab, question, one a line. Raises BadNotes."""
    pairs = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        note, tab, question = line.partition("\t")
        if not (note.strip() and tab and question.strip()):
            raise BadNotes(f"line {number}: a note, a tab and a question are expected")
        pairs.append(Pair(note.strip(), question.strip()))
    if not pairs:
        raise BadNotes("there are no pairs")
    return pairs


def measure(pairs: Sequence[Pair], *, names: Sequence[str]) -> Iterator[Score]:
    """The scores of each embedder that can be had, by meaning alone, by words alone, and of both: nothing is kept."""
    for name in names:
        with transaction.atomic():
            yield from _of_embedder(pairs, name)
            transaction.set_rollback(True)


def _of_embedder(pairs: Sequence[Pair], name: str) -> Iterator[Score]:
    embedder = embedders.named(name)
    EmbeddingModel.objects.filter(state__in=[ModelState.ACTIVE, ModelState.FILLING]).update(state=ModelState.RETIRED)
    EmbeddingModel.objects.update_or_create(
        key=embedder.key, defaults={**memory.described(embedder), "state": ModelState.ACTIVE, "has_index": False}
    )
    person = User.objects.create(email=f"retrieval-{name}@invalid.example", is_active=False)
    wanted = [_written(person, pair, number).pk for number, pair in enumerate(pairs)]
    while memory.fill(most=100).count:
        pass
    for mode in search.MODES:
        found = [
            [hit.key for hit in search.find(person, pair.question, mode=mode, limit=max(CUTS)).hits] for pair in pairs
        ]
        ranks = [fusion.reciprocal_rank(keys, key) for keys, key in zip(found, wanted, strict=True)]
        recalls = tuple(
            sum(key in keys[:cut] for keys, key in zip(found, wanted, strict=True)) / len(pairs) for cut in CUTS
        )
        yield Score(name, mode, len(pairs), sum(ranks) / len(ranks), recalls)


def _written(person: User, pair: Pair, number: int) -> Decision:
    said = Said(DecisionAction.HOLD, pair.note)
    return record(owner=person, said=said, at=timezone.now(), external_id=str(number))
