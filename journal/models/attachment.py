"""Pictures and files that a person keeps with their trades and notes."""

from django.db import models
from django.db.models import Q

from accounts.fields import UUIDv7
from accounts.models import User
from journal.models.note import KeptQuerySet, Note


class Attachment(models.Model):
    """One file with a trade or a note, served to its owner alone.

    `trade_key` is the trade's outside id and no foreign key: a trade that is deleted and brought back keeps its id,
    and finds its pictures again.
    """

    public_id = models.UUIDField(db_default=UUIDv7(), unique=True, editable=False)
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="attachments", db_index=False)
    trade_key = models.UUIDField(null=True, db_comment="Outside id of the trade; see the class")
    note = models.ForeignKey(Note, on_delete=models.CASCADE, null=True, related_name="attachments")
    file = models.FileField(upload_to="attachments/")
    thumbnail = models.FileField(upload_to="attachments/", blank=True, db_comment="Of pictures; empty for other files")
    filename = models.CharField(max_length=200)
    content_type = models.CharField(max_length=50, db_comment="By the content, whatever the sender called it")
    size = models.BigIntegerField(db_comment="Bytes of the file and its thumbnail: what counts against the quota")
    sha256 = models.CharField(max_length=64)
    width = models.IntegerField(null=True)
    height = models.IntegerField(null=True)
    caption = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    deleted_at = models.DateTimeField(null=True, editable=False, db_comment="Gone for its owner; swept some days later")
    orphaned_at = models.DateTimeField(null=True, editable=False, db_comment="When its trade was first found gone")

    objects = KeptQuerySet.as_manager()

    class Meta:
        db_table_comment = "Registry: files that a person keeps with trades and notes"
        constraints = [
            models.CheckConstraint(
                name="attachment_of_one_thing",
                condition=Q(trade_key__isnull=False, note__isnull=True) | Q(trade_key__isnull=True, note__isnull=False),
            ),
            models.CheckConstraint(name="attachment_size_positive", condition=Q(size__gt=0)),
        ]
        indexes = [
            models.Index(fields=["owner", "-id"], name="attachment_owner"),
            models.Index(fields=["trade_key"], name="attachment_trade", condition=Q(trade_key__isnull=False)),
            models.Index(fields=["deleted_at"], name="attachment_deleted_at", condition=Q(deleted_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.filename
