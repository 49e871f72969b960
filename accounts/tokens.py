"""Personal API tokens: made, shown once, revoked."""

import hashlib
import secrets
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from accounts import audit
from accounts.errors import InvalidValue
from accounts.models import ApiToken, TokenScope, User
from accounts.prepared import Prepared
from accounts.text import one_line

PREFIX = "tj_"
_USE_NOTED_EVERY = timedelta(minutes=1)


@transaction.atomic
def create(
    *, owner: User, name: str, scope: str = TokenScope.READ, at: datetime, expires_at: datetime | None = None
) -> tuple[ApiToken, str]:
    """A new token and its secret, which is kept nowhere and cannot be shown again.

    Raises InvalidValue for a blank name, an unknown scope or an expiry that is not in the future.
    """
    try:
        name = one_line(name)
    except ValueError as error:
        raise InvalidValue(_("Name: %(error)s.") % {"error": error}, pointer="/name") from error
    if not name or len(name) > 100:
        raise InvalidValue(_("A token needs a name of at most 100 characters."), pointer="/name")
    if scope not in TokenScope.values:
        raise InvalidValue(_("The scope is read or write."), pointer="/scope")
    if expires_at is not None and expires_at <= at:
        raise InvalidValue(_("The expiry must be in the future."), pointer="/expires_at")
    secret = PREFIX + secrets.token_urlsafe(32)
    token = ApiToken.objects.create(
        owner=owner, name=name, prefix=secret[:8], digest=digest(secret), scope=scope, expires_at=expires_at
    )
    audit.written(
        "token.create",
        subject="token",
        subject_id=token.public_id,
        owner_id=owner.pk,
        after={"name": name, "scope": scope, "expires_at": expires_at},
    )
    return token, secret


@transaction.atomic
def revoke(token: ApiToken, *, at: datetime) -> ApiToken:
    """The token opens nothing any more. Revoking it again changes nothing."""
    if ApiToken.objects.filter(pk=token.pk, revoked_at__isnull=True).update(revoked_at=at):
        audit.written("token.revoke", subject="token", subject_id=token.public_id, owner_id=token.owner_id)
    token.refresh_from_db()
    return token


def digest(secret: str) -> str:
    """SHA-256 of the secret, in hexadecimal. The secret has 256 random bits, so it needs no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


_usable = Prepared(
    lambda at, digest: ApiToken.objects.usable(at=at).select_related("owner", "owner__client").filter(digest=digest),
    at=datetime(1970, 1, 1, tzinfo=UTC),
    digest="?",
)


def find(secret: str, *, at: datetime) -> ApiToken | None:
    """The usable token with this secret, its owner loaded; its last use is noted, at most once a minute."""
    if not secret.startswith(PREFIX):
        return None
    token = _usable.first(at=at, digest=digest(secret))
    if token is not None and (token.last_used_at is None or token.last_used_at < at - _USE_NOTED_EVERY):
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=at)
    return token
