"""Files taken in: what was in them, what became of each line, and the choices people made for them."""

from typing import Self

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.fields import UUIDv7
from accounts.models import Account, User


class BatchStatus(models.TextChoices):
    PREVIEWING = "previewing", _("Reading the file")
    READY = "ready", _("Ready to import")
    REFUSED = "refused", _("Refused")
    QUEUED = "queued", _("Waiting for its turn")
    RUNNING = "running", _("Importing")
    APPLIED = "applied", _("Imported")
    CANCELED = "canceled", _("Canceled")
    UNDONE = "undone", _("Undone")


class RowOutcome(models.TextChoices):
    NEW = "new", _("New")
    DUPLICATE = "duplicate", _("Already imported")
    SKIPPED = "skipped", _("Skipped")
    ERROR = "error", _("Error")


class ImportBatchQuerySet(models.QuerySet["ImportBatch"]):
    def for_user(self, user: User | AnonymousUser) -> Self:
        """Only what this person owns."""
        return self.filter(owner_id=user.pk) if user.pk else self.none()


class ImportBatch(models.Model):
    """One file on its way into accounts."""

    public_id = models.UUIDField(db_default=UUIDv7(), unique=True, editable=False)
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="imports", db_index=False)
    status = models.CharField(max_length=10, choices=BatchStatus, default=BatchStatus.PREVIEWING)
    filename = models.CharField(max_length=255, db_comment="As the person had it; shown, never used as a path")
    stored_as = models.CharField(max_length=100, blank=True, db_comment="Generated name under MEDIA_ROOT")
    size = models.BigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)
    format = models.CharField(max_length=40, blank=True, db_comment="Parser that reads it")
    selected_format = models.CharField(max_length=40, blank=True, db_comment="What the person chose, if anything")
    parser_version = models.PositiveSmallIntegerField(default=1)
    account = models.ForeignKey(
        Account,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="imports",
        db_comment="Where fills go whose row names no account",
    )
    options = models.JSONField(default=dict, blank=True, db_comment="Time zone, number style, decisions, routing")
    preview = models.JSONField(default=dict, blank=True, db_comment="What the dry run found")
    result = models.JSONField(default=dict, blank=True, db_comment="What the import did")
    progress = models.IntegerField(default=0, db_comment="Rows done so far")
    total_rows = models.IntegerField(default=0)
    cancel_requested = models.BooleanField(default=False)
    attempts = models.SmallIntegerField(default=0)
    error_code = models.CharField(max_length=60, blank=True)
    error_message = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    undone_at = models.DateTimeField(null=True)

    objects = ImportBatchQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "import batches"
        db_table_comment = "Command log: files taken in, with what was decided and what came of it"
        constraints = [
            models.CheckConstraint(name="import_batch_status_valid", condition=Q(status__in=BatchStatus.values))
        ]
        indexes = [
            models.Index(fields=["owner", "-id"], name="import_batch_owner"),
            models.Index(
                fields=["id"],
                name="import_batch_unfinished",
                condition=Q(status__in=["previewing", "queued", "running"]),
            ),
        ]

    def __str__(self) -> str:
        return self.filename

    @property
    def is_busy(self) -> bool:
        """Whether something works on it or will."""
        return self.status in (BatchStatus.PREVIEWING, BatchStatus.QUEUED, BatchStatus.RUNNING)


class ImportRow(models.Model):
    """One line of an imported file as it stands in it, and what became of it."""

    # Without a constraint in the database: a million lines of one file would each check the same row.
    batch = models.ForeignKey(
        ImportBatch, on_delete=models.CASCADE, related_name="rows", db_index=False, db_constraint=False
    )
    line = models.IntegerField()
    outcome = models.CharField(max_length=9, choices=RowOutcome)
    code = models.CharField(max_length=40, blank=True)
    message = models.CharField(max_length=500, blank=True)
    raw = models.TextField(blank=True)

    class Meta:
        db_table_comment = "Event log: every line of every file, as it stood, with what became of it"
        indexes = [models.Index(fields=["batch", "line"], name="import_row_line")]
        constraints = [
            models.CheckConstraint(name="import_row_outcome_valid", condition=Q(outcome__in=RowOutcome.values))
        ]

    def __str__(self) -> str:
        return f"{self.line}: {self.outcome}"


class AccountNumber(models.Model):
    """Where the fills of an account number in files go: the answer is remembered."""

    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", db_index=False)
    broker = models.CharField(max_length=100, blank=True)
    number = models.CharField(max_length=64)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="numbers")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table_comment = "Registry: account numbers as files write them, and the accounts they stand for"
        constraints = [
            models.UniqueConstraint(fields=["owner", "broker", "number"], name="account_number_unique_per_owner_broker")
        ]

    def __str__(self) -> str:
        return self.number


class ColumnMapping(models.Model):
    """A person's own reading of a file layout."""

    public_id = models.UUIDField(db_default=UUIDv7(), unique=True, editable=False)
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="column_mappings", db_index=False)
    name = models.CharField(max_length=100)
    broker = models.CharField(max_length=100, blank=True)
    header = models.JSONField(default=list, db_comment="Headers it was made for; the same headers use it again")
    columns = models.JSONField(default=dict, db_comment="Our field -> their header")
    options = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class ColumnMappingQuerySet(models.QuerySet["ColumnMapping"]):
        def for_user(self, user: User | AnonymousUser) -> Self:
            """Only what this person owns."""
            return self.filter(owner_id=user.pk) if user.pk else self.none()

    objects = ColumnMappingQuerySet.as_manager()

    class Meta:
        db_table_comment = "Registry: column mappings of files that no format knows"
        constraints = [models.UniqueConstraint(fields=["owner", "name"], name="column_mapping_name_unique_per_owner")]

    def __str__(self) -> str:
        return self.name
