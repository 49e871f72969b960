"""Everything a person has as one file: made here, or brought here from elsewhere."""

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.fields import UUIDv7
from accounts.models import OwnQuerySet, User


class ArchiveKind(models.TextChoices):
    EXPORT = "export", pgettext_lazy("noun", "Export")
    IMPORT = "import", pgettext_lazy("noun", "Import")


class ArchiveStatus(models.TextChoices):
    QUEUED = "queued", _("Waiting for its turn")
    RUNNING = "running", _("At work")
    DONE = "done", _("Done")
    FAILED = "failed", _("Refused")
    CANCELED = "canceled", _("Canceled")


class Archive(models.Model):
    """One file with everything of a person, on its way out or in."""

    public_id = models.UUIDField(db_default=UUIDv7(), unique=True, editable=False)
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="archives", db_index=False)
    kind = models.CharField(max_length=6, choices=ArchiveKind)
    status = models.CharField(max_length=8, choices=ArchiveStatus, default=ArchiveStatus.QUEUED)
    filename = models.CharField(max_length=200, blank=True, db_comment="As the person had it, or gets it; no path")
    stored_as = models.CharField(
        max_length=40, blank=True, db_comment="Generated name under MEDIA_ROOT; empty once the file is gone"
    )
    size = models.BigIntegerField(default=0)
    progress = models.IntegerField(default=0, db_comment="Rows done so far")
    total = models.IntegerField(default=0, db_comment="Rows in all; 0 while nobody knows")
    counts = models.JSONField(default=dict, blank=True, db_comment="Rows per table: written, or added here")
    remarks = models.JSONField(default=list, blank=True, db_comment="What the person should know of it, in words")
    error_code = models.CharField(max_length=60, blank=True)
    error = models.TextField(blank=True)
    attempts = models.SmallIntegerField(default=0)
    cancel_requested = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True, db_comment="From then on the file is gone")

    objects = OwnQuerySet.as_manager()

    class Meta:
        db_table_comment = "Command log: exports and imports of everything a person has; files are kept for a week"
        constraints = [
            models.CheckConstraint(name="archive_kind_valid", condition=Q(kind__in=ArchiveKind.values)),
            models.CheckConstraint(name="archive_status_valid", condition=Q(status__in=ArchiveStatus.values)),
            # A second click waits for what the first one began.
            models.UniqueConstraint(
                fields=["owner", "kind"],
                name="archive_one_at_a_time",
                condition=Q(status__in=["queued", "running"]),
            ),
        ]
        indexes = [
            models.Index(fields=["owner", "-id"], name="archive_owner"),
            models.Index(fields=["expires_at"], name="archive_expires", condition=~Q(stored_as="")),
            models.Index(fields=["id"], name="archive_unfinished", condition=Q(status__in=["queued", "running"])),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.status}"

    @property
    def is_busy(self) -> bool:
        """Whether something works on it or will."""
        return self.status in (ArchiveStatus.QUEUED, ArchiveStatus.RUNNING)

    def has_file(self, *, at: datetime) -> bool:
        """Whether there is something to download."""
        return bool(
            self.stored_as
            and self.kind == ArchiveKind.EXPORT
            and self.status == ArchiveStatus.DONE
            and (self.expires_at is None or self.expires_at > at)
        )
