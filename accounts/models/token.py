"""Keys to the API: personal tokens, and the memory of requests that must not run twice."""

from datetime import datetime
from typing import Self

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.fields import UUIDv7
from accounts.models.person import User


class TokenScope(models.TextChoices):
    READ = "read", _("Read")
    WRITE = "write", _("Read and write")


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def for_user(self, user: User | AnonymousUser) -> Self:
        """Only what this person owns."""
        return self.filter(owner_id=user.pk) if user.pk else self.none()

    def usable(self, *, at: datetime) -> Self:
        """Only tokens that are neither revoked nor expired, of people who may sign in."""
        return self.filter(
            Q(expires_at__isnull=True) | Q(expires_at__gt=at), revoked_at__isnull=True, owner__is_active=True
        )


class ApiToken(models.Model):
    """A personal token. Only its hash is kept; the secret is shown once."""

    public_id = models.UUIDField(db_default=UUIDv7(), unique=True, editable=False)
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=12, db_comment="First characters, for people to tell tokens apart")
    digest = models.CharField(max_length=64, unique=True, db_comment="SHA-256 of the secret, hexadecimal")
    scope = models.CharField(max_length=5, choices=TokenScope, default=TokenScope.READ)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        verbose_name = "API token"
        verbose_name_plural = "API tokens"
        db_table_comment = "Registry: personal API tokens, hashed"
        constraints = [models.CheckConstraint(name="api_token_scope_valid", condition=Q(scope__in=TokenScope.values))]

    def __str__(self) -> str:
        return self.name


class IdempotencyKey(models.Model):
    """The first answer to a request, given again when the same request comes again."""

    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", db_index=False)
    key = models.CharField(max_length=255)
    request_hash = models.CharField(max_length=64, db_comment="SHA-256 of method, path and body")
    status_code = models.SmallIntegerField(null=True, db_comment="NULL while the first request runs")
    body = models.JSONField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table_comment = "Registry: requests that took effect, so that a retry does not repeat them; kept 72 hours"
        constraints = [models.UniqueConstraint(fields=["owner", "key"], name="idempotency_key_unique_per_owner")]
        indexes = [models.Index(fields=["created_at"], name="idempotency_created_at")]

    def __str__(self) -> str:
        return self.key
