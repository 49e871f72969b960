"""Pictures and files that a person keeps with their trades and notes."""

from django.db import models
from django.db.models import Q

from accounts.fields import UUIDv7
from accounts.models import OwnQuerySet, User
from journal.models.note import Note


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
    filename = models.CharField(max_length=200)
    content_type = models.CharField(max_length=50, db_comment="By the content, whatever the sender called it")
    size = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    width = models.IntegerField(null=True)
    height = models.IntegerField(null=True)
    caption = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = OwnQuerySet.as_manager()

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
        ]

    def __str__(self) -> str:
        return self.filename
