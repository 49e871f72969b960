"""How a person likes to see things: which panels, which columns, which units."""

from django.db import models
from django.db.models import Q

from accounts.models.person import User


class Preference(models.Model):
    """One choice of a person, by name. `accounts.preferences` knows the names and what each may hold."""

    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="preferences", db_index=False)
    name = models.CharField(max_length=40)
    value = models.JSONField()

    class Meta:
        db_table_comment = "Registry: a person's choices of how pages look"
        constraints = [
            models.UniqueConstraint(fields=["owner", "name"], name="preference_unique"),
            models.CheckConstraint(name="preference_named", condition=~Q(name="")),
        ]

    def __str__(self) -> str:
        return self.name
