"""What `manage.py check` finds wrong with the set-up."""

import decimal
from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import connections

from accounts import encryption

_NEEDED_SERVER = 180000


@register()
def precision_is_enough(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Sums of NUMERIC(28,12) need more digits than Python keeps by itself."""
    if decimal.getcontext().prec >= 60:
        return []
    return [Error("The decimal context keeps fewer than 60 digits, so sums would be rounded.", id="config.E001")]


@register(deploy=True)
def secret_is_set(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """The key that stands in for a missing one signs nothing that people may trust."""
    if settings.SECRET_KEY != "only-for-commands-that-serve-nothing":  # noqa: S105 – the stand-in itself
        return []
    return [Error("SECRET_KEY is not set.", hint="Set it, or SECRET_KEY_FILE.", id="config.E002")]


@register(Tags.database)
def server_fits(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **_: Any
) -> list[CheckMessage]:
    """The server is PostgreSQL 18 or later, which the tables' own ids need."""
    if "default" not in (databases or []):
        return []
    connection = connections["default"]
    version = getattr(connection, "pg_version", 0)
    if version >= _NEEDED_SERVER:
        return []
    return [Error(f"PostgreSQL 18 is needed, this is {version // 10000}.", id="config.E003")]


@register(Tags.database, deploy=True)
def role_is_a_lesser_one(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **_: Any
) -> list[CheckMessage]:
    """The application's role owns no table: an owner could switch off what keeps history as it was."""
    if "default" not in (databases or []):
        return []
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tableowner = current_user")
        (owned,) = cursor.fetchone()
    if not owned:
        return []
    return [
        Warning(
            f"The application's role owns {owned} tables, so nothing it keeps is append-only for it.",
            hint="Set MIGRATION_DATABASE_URL to the owner's role and DATABASE_URL to a lesser one.",
            id="config.W001",
        )
    ]


@register(deploy=True)
def broker_keys_can_be_kept(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """There is a key that seals the keys of brokers."""
    wrong = encryption.problem()
    if not wrong:
        return []
    return [Warning(wrong, hint="Set it, or CREDENTIALS_KEY_FILE.", id="config.W002")]


@register(Tags.database)
def broker_keys_can_be_read(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **_: Any
) -> list[CheckMessage]:
    """Every connection's keys open with the keys at hand."""
    connection = connections["default"]
    if "default" not in (databases or []) or "accounts_brokerconnection" not in connection.introspection.table_names():
        return []
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, sealed_secret FROM accounts_brokerconnection")
        shut = [id for id, sealed in cursor.fetchall() if not _opens(sealed)]
    if not shut:
        return []
    return [
        Error(
            f"The keys of {len(shut)} broker connections cannot be read: {encryption.problem() or 'no key fits'}.",
            hint="Set CREDENTIALS_KEY, or add the key that sealed them to CREDENTIALS_KEY_FALLBACKS.",
            id="config.E004",
        )
    ]


def _opens(sealed: str) -> bool:
    try:
        encryption.opened(sealed)
    except encryption.KeysMissing:
        return False
    return True
