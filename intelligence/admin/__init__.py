"""What operators see of what is remembered."""

from intelligence.admin.memory import DecisionAdmin, EmbeddingAdmin, EmbeddingModelAdmin

__all__ = ["DecisionAdmin", "EmbeddingAdmin", "EmbeddingModelAdmin"]
