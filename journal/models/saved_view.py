"""Filters with a name."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.fields import UUIDv7
from accounts.models import OwnQuerySet, User


class SavedView(models.Model):
    """The filters of a page's address under a name, to come back to. `query` is a query string without its `?`."""

    public_id = models.UUIDField(db_default=UUIDv7(), unique=True, editable=False)
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="saved_views", db_index=False)
    name = models.CharField(max_length=100)
    page = models.CharField(max_length=40, blank=True, db_comment="Name of the page; empty where it fits every page")
    query = models.TextField(max_length=50_000)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = OwnQuerySet.as_manager()

    class Meta:
        db_table_comment = "Registry: a person's named filters"
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "name"],
                name="saved_view_name_unique_per_owner",
                violation_error_message=_("You have a view of this name."),
            )
        ]

    def __str__(self) -> str:
        return self.name
