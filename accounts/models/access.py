"""Attempts to get in, counted so that guessing does not pay."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class AttemptPurpose(models.TextChoices):
    LOGIN = "login", _("Login")
    RESET = "reset", _("Password reset")


class LoginAttempt(models.Model):
    """One attempt that has not succeeded. Kept here and not in Redis, which would let everybody in when it is away."""

    purpose = models.CharField(max_length=5, choices=AttemptPurpose)
    email = models.CharField(max_length=254)
    address = models.CharField(max_length=45, blank=True, db_comment="Empty when it cannot be told")
    attempted_at = models.DateTimeField()

    class Meta:
        db_table_comment = "Event log: attempts to sign in that failed, kept for an hour"
        constraints = [
            models.CheckConstraint(name="login_attempt_purpose_valid", condition=Q(purpose__in=AttemptPurpose.values))
        ]
        indexes = [
            models.Index(fields=["email", "address", "attempted_at"], name="login_attempt_email"),
            models.Index(fields=["address", "attempted_at"], name="login_attempt_address"),
            models.Index(fields=["attempted_at"], name="login_attempt_attempted_at"),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} {self.email}"
