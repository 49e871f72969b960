"""How a person sorts their accounts: groups, one at most for each, and labels, any number."""

from typing import Self, TypeVar

from django.contrib.auth.models import AnonymousUser
from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.fields import UUIDv7
from accounts.models.person import User

#: What a colour looks like, as `<input type="color">` sends it.
COLOR = RegexValidator(r"\A#[0-9a-fA-F]{6}\Z", _("A colour is written #rrggbb."))


Row = TypeVar("Row", bound=models.Model, covariant=True)


class OwnQuerySet(models.QuerySet[Row]):
    """Rows that one person owns, by `owner`."""

    def for_user(self, user: User | AnonymousUser) -> Self:
        """Only what this person owns; nothing for somebody who is not signed in."""
        return self.filter(owner_id=user.pk) if user.pk else self.none()


class AccountGroup(models.Model):
    """A folder of accounts, such as "Evaluations" or "Retirement"."""

    public_id = models.UUIDField(db_default=UUIDv7(), unique=True, editable=False)
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="account_groups", db_index=False)
    name = models.CharField(max_length=50)
    color = models.CharField(max_length=7, default="#6b7fd7", validators=[COLOR])
    position = models.IntegerField(default=0)

    objects = OwnQuerySet.as_manager()

    class Meta:
        db_table_comment = "Registry: a person's groups of accounts"
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "name"],
                name="account_group_name_unique_per_owner",
                violation_error_message=_("You have a group of this name."),
            )
        ]

    def __str__(self) -> str:
        return self.name


class AccountTag(models.Model):
    """A label for accounts; an account may carry several."""

    public_id = models.UUIDField(db_default=UUIDv7(), unique=True, editable=False)
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="account_tags", db_index=False)
    name = models.CharField(max_length=50)
    color = models.CharField(max_length=7, default="#6b7fd7", validators=[COLOR])

    objects = OwnQuerySet.as_manager()

    class Meta:
        db_table_comment = "Registry: a person's labels for accounts"
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "name"],
                name="account_tag_name_unique_per_owner",
                violation_error_message=_("You have a label of this name."),
            )
        ]

    def __str__(self) -> str:
        return self.name
