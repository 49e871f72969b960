"""The number per person that every change of their accounts or trades moves on."""

from collections.abc import Iterable

from django.db import connection

from accounts.prepared import rows, run

_BUMP = """
INSERT INTO accounts_ownerversion (owner_id, version) VALUES (%s, 2)
ON CONFLICT (owner_id) DO UPDATE SET version = accounts_ownerversion.version + 1 RETURNING version
"""
_MOVE_ON = """
INSERT INTO accounts_ownerversion (owner_id, version) SELECT id, 2 FROM unnest(%s::bigint[]) AS owner (id)
ON CONFLICT (owner_id) DO UPDATE SET version = accounts_ownerversion.version + 1
"""

_BUMP_ALL = """
INSERT INTO accounts_ownerversion (owner_id, version) SELECT id, 2 FROM accounts_user ORDER BY id
ON CONFLICT (owner_id) DO UPDATE SET version = accounts_ownerversion.version + 1
"""


def bump(owner_id: int) -> int:
    """The person's version is one higher, in the caller's transaction; returns it.

    The row stays locked until that transaction ends, so the changes of one person are made one after the other.
    """
    ((version,),) = rows(_BUMP, [owner_id])
    return int(version)


def move_on(owner_ids: Iterable[int]) -> None:
    """As `bump` for each of them, in one order; for who does not need to know the versions."""
    run(_MOVE_ON, [sorted(owner_ids)])


def current(owner_id: int) -> int:
    """The person's version as committed; 1 for somebody of whom nothing has changed yet."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT version FROM accounts_ownerversion WHERE owner_id = %s", [owner_id])
        row = cursor.fetchone()
    return int(row[0]) if row else 1


def bump_everybody() -> None:
    """Every person's version is one higher, in the caller's transaction: for what everybody's answers are made of."""
    with connection.cursor() as cursor:
        cursor.execute(_BUMP_ALL)
