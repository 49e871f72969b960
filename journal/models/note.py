"""What a person writes down about days and accounts, and the pieces that they write it from."""

from typing import Self, TypeVar

from django.contrib.auth.models import AnonymousUser
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.fields import UUIDv7
from accounts.models import Account, OwnQuerySet, User
from trading.models import Tag

Row = TypeVar("Row", bound=models.Model, covariant=True)

#: Characters of one note.
LONGEST_NOTE = 20_000


class NoteKind(models.TextChoices):
    NOTE = "note", _("Note")
    PLAN = "plan", _("Plan")
    REVIEW = "review", pgettext_lazy("kind of note", "Review")


class KeptQuerySet(OwnQuerySet[Row]):
    """Rows that stay for some days after they were deleted, so that it can be undone."""

    def for_user(self, user: User | AnonymousUser) -> Self:
        """Only what this person owns and has not deleted."""
        return super().for_user(user).filter(deleted_at__isnull=True)

    def deleted_by(self, user: User) -> Self:
        """Only what this person owned and deleted, and can still have back."""
        return super().for_user(user).filter(deleted_at__isnull=False)


class Note(models.Model):
    """Words about a day, an account, or an account on a day, in Markdown. A trade has its own."""

    public_id = models.UUIDField(db_default=UUIDv7(), unique=True, editable=False)
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="notes", db_index=False)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, null=True, blank=True, related_name="notes")
    day = models.DateField(null=True, blank=True)
    kind = models.CharField(max_length=6, choices=NoteKind, default=NoteKind.NOTE)
    title = models.CharField(max_length=200, blank=True)
    text = models.TextField(max_length=LONGEST_NOTE)
    rating = models.SmallIntegerField(null=True, blank=True, db_comment="How the day went, 1 to 5, by the person")
    tags = models.ManyToManyField(Tag, blank=True, related_name="notes")
    revision = models.IntegerField(default=1, db_comment="Raised by each edit; a form of an older one is refused")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    deleted_at = models.DateTimeField(null=True, editable=False, db_comment="Gone for its owner; swept some days later")

    objects = KeptQuerySet.as_manager()

    class Meta:
        db_table_comment = "Registry: what a person wrote about days and accounts"
        constraints = [
            models.CheckConstraint(
                name="note_about_something", condition=Q(account__isnull=False) | Q(day__isnull=False)
            ),
            models.CheckConstraint(name="note_kind_valid", condition=Q(kind__in=NoteKind.values)),
            models.CheckConstraint(
                name="note_rating_in_range", condition=Q(rating__isnull=True) | Q(rating__range=(1, 5))
            ),
        ]
        indexes = [
            models.Index(fields=["owner", "-day", "-id"], name="note_owner_day"),
            models.Index(fields=["deleted_at"], name="note_deleted_at", condition=Q(deleted_at__isnull=False)),
            GinIndex(SearchVector("title", "text", config="simple"), name="note_words"),
        ]

    def __str__(self) -> str:
        return self.title or f"{self.get_kind_display()} {self.day or ''}".strip()


class NoteTemplate(models.Model):
    """Words that a new note begins with."""

    public_id = models.UUIDField(db_default=UUIDv7(), unique=True, editable=False)
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="note_templates", db_index=False)
    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=6, choices=NoteKind, default=NoteKind.NOTE)
    text = models.TextField(max_length=LONGEST_NOTE)

    objects = OwnQuerySet.as_manager()

    class Meta:
        db_table_comment = "Catalogue: what a person's new notes may begin with"
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "name"],
                name="note_template_name_unique_per_owner",
                violation_error_message=_("You have a template of this name."),
            ),
            models.CheckConstraint(name="note_template_kind_valid", condition=Q(kind__in=NoteKind.values)),
        ]

    def __str__(self) -> str:
        return self.name


class Draft(models.Model):
    """What was typed into a form and not saved yet, so that it outlives a closed tab.

    `place` names the form: "trade:<id>", "note:<id>", "note:new:2026-03-31".
    """

    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="drafts", db_index=False)
    place = models.CharField(max_length=100)
    fields = models.JSONField()
    updated_at = models.DateTimeField(auto_now=True)

    objects = OwnQuerySet.as_manager()

    class Meta:
        db_table_comment = "Registry: what a person has typed and not saved; kept for 30 days"
        constraints = [models.UniqueConstraint(fields=["owner", "place"], name="draft_unique")]
        indexes = [models.Index(fields=["updated_at"], name="draft_updated_at")]

    def __str__(self) -> str:
        return self.place
