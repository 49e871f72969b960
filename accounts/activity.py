"""The activity feed: what happened to a person's things, in words, and what their programs have to say."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson
from django.utils.translation import gettext as _

from accounts.errors import InvalidValue
from accounts.models import Account, ActivityEntry, ActivityKind, User
from accounts.text import one_line

LONGEST = 500
#: Bytes of an entry's metadata, written as JSON.
LARGEST_METADATA = 4096
#: What a program may write; the other kinds are said by the journal itself.
WRITABLE = (
    ActivityKind.TRADE,
    ActivityKind.ANALYSIS,
    ActivityKind.DECISION,
    ActivityKind.ERROR,
    ActivityKind.INFO,
    ActivityKind.WARNING,
    ActivityKind.SYSTEM,
)
WRITABLE_CHOICES = [(kind.value, kind.label) for kind in WRITABLE]
_AT_ONCE = 10_000


def noted(owner_id: int, kind: str, text: str, *, link: str = "", account_id: int | None = None) -> None:
    """The person's feed has one more line, in the caller's transaction; what is too long is cut."""
    shortened = text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
    ActivityEntry.objects.create(owner_id=owner_id, kind=kind, text=shortened, link=link, account_id=account_id)


def noted_many(lines: Iterable[ActivityEntry]) -> None:
    """The feeds have these lines more, in the caller's transaction; what is too long is cut."""
    rows = list(lines)
    for row in rows:
        row.text = row.text if len(row.text) <= LONGEST else row.text[: LONGEST - 1] + "…"
    ActivityEntry.objects.bulk_create(rows, batch_size=1000)


def write(
    *, owner: User, kind: str, text: str, account: Account | None = None, metadata: Mapping[str, Any] | None = None
) -> ActivityEntry:
    """A line that a program of this person's wrote is in their feed. Raises InvalidValue, and then nothing is."""
    if kind not in WRITABLE:
        raise InvalidValue(_("This kind of line is not written by programs."), pointer="/kind")
    try:
        line = one_line(text)
    except ValueError as error:
        raise InvalidValue(f"{error}.".capitalize(), pointer="/text") from error
    if not 1 <= len(line) <= LONGEST:
        raise InvalidValue(_("A line has 1 to %(most)s characters.") % {"most": LONGEST}, pointer="/text")
    if account is not None and account.owner_id != owner.pk:
        raise InvalidValue(_("You have no account of this name."), pointer="/account")
    return ActivityEntry.objects.create(owner=owner, kind=kind, text=line, account=account, metadata=_small(metadata))


def forget(*, before: datetime) -> int:
    """What happened before is in nobody's feed any more; how many lines that were. The audit log keeps everything."""
    gone = 0
    while True:
        ids = list(old(before).values_list("pk", flat=True)[:_AT_ONCE])
        if not ids:
            return gone
        # Each lot is over by itself: a feed of millions is not locked for minutes.
        gone += ActivityEntry.objects.filter(pk__in=ids).delete()[0]


def old(before: datetime) -> Any:
    """The lines of what happened before, of everybody."""
    return ActivityEntry.objects.filter(occurred_at__lt=before).order_by("id")


def _plain(value: object) -> float:
    """Numbers arrive as they were written; as what nobody counts money with they may be rounded."""
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError


def _small(metadata: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if metadata is None:
        return None
    try:
        written = orjson.dumps(dict(metadata), default=_plain)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidValue(_("This cannot be kept as JSON."), pointer="/metadata") from error
    if len(written) > LARGEST_METADATA or b"\\u0000" in written:
        most = {"most": LARGEST_METADATA}
        raise InvalidValue(
            _("Metadata is an object of at most %(most)s bytes, without the character U+0000.") % most,
            pointer="/metadata",
        )
    found: dict[str, Any] = orjson.loads(written)
    return found
