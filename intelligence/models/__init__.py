"""Tables of what is remembered and what is followed."""

from intelligence.models.decision import (
    ActorKind,
    Decision,
    DecisionAction,
    DecisionInstrument,
    DecisionOutcome,
    DecisionQuerySet,
    DecisionRevision,
    OutcomeSource,
)
from intelligence.models.embedding import (
    DIMENSIONS,
    Embedding,
    EmbeddingModel,
    EmbeddingQuerySet,
    EmbeddingState,
    ModelState,
)

__all__ = [
    "DIMENSIONS",
    "ActorKind",
    "Decision",
    "DecisionAction",
    "DecisionInstrument",
    "DecisionOutcome",
    "DecisionQuerySet",
    "DecisionRevision",
    "Embedding",
    "EmbeddingModel",
    "EmbeddingQuerySet",
    "EmbeddingState",
    "ModelState",
    "OutcomeSource",
]
