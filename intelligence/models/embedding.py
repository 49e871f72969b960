"""What texts mean as numbers, one row for each text and model, and the models that are in use."""

from typing import Self

from django.contrib.auth.models import AnonymousUser
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from pgvector.django import HalfVectorField

from accounts.models import User
from intelligence.models.decision import Decision
from journal.models import Note
from trading.models import Trade

#: Of every vector here. Shorter ones are padded with zeros, which leaves their cosines what they were.
DIMENSIONS = 768


class ModelState(models.TextChoices):
    """`active`: what is searched with; `filling`: on its way to take over; `retired`: kept, no longer filled."""

    ACTIVE = "active", _("In use")
    FILLING = "filling", _("Being filled")
    RETIRED = "retired", _("Retired")


class EmbeddingModel(models.Model):
    """A model whose vectors can be compared with each other and with no other's."""

    key = models.CharField(
        max_length=100, primary_key=True, db_comment="Kind, name and version: what must not be mixed"
    )
    embedder = models.CharField(max_length=10, db_comment="Which of the embedders computes it")
    dimensions = models.SmallIntegerField(db_comment="Before padding")
    is_lexical = models.BooleanField(default=False, db_comment="It compares words, not what they mean")
    state = models.CharField(max_length=7, choices=ModelState)
    has_index = models.BooleanField(default=False, db_comment="An approximate index of its vectors is there")
    created_at = models.DateTimeField(auto_now_add=True)
    activated_at = models.DateTimeField(null=True)

    class Meta:
        db_table_comment = "Registry: embedding models; at most one is searched with"
        constraints = [
            models.CheckConstraint(name="embedding_model_state_valid", condition=Q(state__in=ModelState.values)),
            models.CheckConstraint(
                name="embedding_model_dimensions_fit", condition=Q(dimensions__gte=1, dimensions__lte=DIMENSIONS)
            ),
            models.UniqueConstraint(
                fields=["state"], name="embedding_model_one_active", condition=Q(state=ModelState.ACTIVE)
            ),
            models.UniqueConstraint(
                fields=["state"], name="embedding_model_one_filling", condition=Q(state=ModelState.FILLING)
            ),
        ]

    def __str__(self) -> str:
        return self.key


class EmbeddingState(models.TextChoices):
    PENDING = "pending", _("Waiting")
    READY = "ready", _("Ready")
    FAILED = "failed", _("Failed")


class EmbeddingQuerySet(models.QuerySet["Embedding"]):
    def for_user(self, user: User | AnonymousUser) -> Self:
        """Only what this person owns."""
        return self.filter(owner_id=user.pk) if user.pk else self.none()


class Embedding(models.Model):
    """One text under one model: its words for full-text search at once, its vector once a worker has computed it."""

    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", db_index=False)
    decision = models.ForeignKey(
        Decision, on_delete=models.CASCADE, null=True, related_name="embeddings", db_index=False
    )
    note = models.ForeignKey(Note, on_delete=models.CASCADE, null=True, related_name="embeddings", db_index=False)
    # Trades are deleted by SQL of their own, so the database itself cascades (in the migration).
    trade = models.ForeignKey(
        Trade, on_delete=models.CASCADE, null=True, related_name="embeddings", db_index=False, db_constraint=False
    )
    model = models.ForeignKey(
        EmbeddingModel, on_delete=models.PROTECT, related_name="embeddings", db_column="model", db_index=False
    )
    dimensions = models.SmallIntegerField(db_comment="Before padding")
    text_hash = models.CharField(max_length=64, db_comment="Of the text that the vector and the words are of")
    words = SearchVectorField(db_comment="Of the same text, in settings.MEMORY_LANGUAGE")
    vector = HalfVectorField(dimensions=DIMENSIONS, null=True, db_comment="Of length 1; NULL until it is ready")
    state = models.CharField(max_length=7, choices=EmbeddingState, default=EmbeddingState.PENDING)
    error = models.CharField(max_length=500, blank=True)
    attempts = models.SmallIntegerField(default=0)
    retry_at = models.DateTimeField(null=True, db_comment="Not tried before; NULL but after a failure that may pass")
    source_at = models.DateTimeField(db_comment="When what it is of had last changed")
    embedded_at = models.DateTimeField(null=True)

    objects = EmbeddingQuerySet.as_manager()

    class Meta:
        db_table_comment = "Materialized view: what decisions, notes and trades mean, one row for each and model"
        constraints = [
            models.CheckConstraint(
                name="embedding_of_one_thing",
                condition=Q(decision__isnull=False, note__isnull=True, trade__isnull=True)
                | Q(decision__isnull=True, note__isnull=False, trade__isnull=True)
                | Q(decision__isnull=True, note__isnull=True, trade__isnull=False),
            ),
            models.CheckConstraint(name="embedding_state_valid", condition=Q(state__in=EmbeddingState.values)),
            models.CheckConstraint(
                name="embedding_ready_has_vector",
                condition=Q(state="ready", vector__isnull=False, error="", embedded_at__isnull=False)
                | (~Q(state="ready") & Q(vector__isnull=True)),
            ),
            models.CheckConstraint(name="embedding_failed_says_why", condition=~Q(state="failed") | ~Q(error="")),
            models.UniqueConstraint(
                fields=["decision", "model"], name="embedding_decision_once", condition=Q(decision__isnull=False)
            ),
            models.UniqueConstraint(
                fields=["note", "model"], name="embedding_note_once", condition=Q(note__isnull=False)
            ),
            models.UniqueConstraint(
                fields=["trade", "model"], name="embedding_trade_once", condition=Q(trade__isnull=False)
            ),
        ]
        indexes = [
            models.Index(fields=["owner", "model"], name="embedding_of_decisions", condition=Q(decision__isnull=False)),
            models.Index(fields=["owner", "model"], name="embedding_of_notes", condition=Q(note__isnull=False)),
            models.Index(fields=["owner", "model"], name="embedding_of_trades", condition=Q(trade__isnull=False)),
            models.Index(
                F("retry_at").asc(nulls_first=True), "id", name="embedding_to_do", condition=Q(state="pending")
            ),
            GinIndex(fields=["words"], name="embedding_words"),
        ]

    def __str__(self) -> str:
        return f"{self.model_id} {self.state}"
