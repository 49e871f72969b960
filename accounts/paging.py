"""Pages of long lists: signed cursors over (column, id), so that page 10,000 costs what page 1 costs.

A cursor holds where the last page ended, bound to the person, the list, its order and its filters; whatever it is used
for besides that is refused. Rows added or deleted between two pages neither repeat nor hide others.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Generic, TypeVar

import orjson
from django.core.exceptions import ValidationError
from django.core.signing import BadSignature, Signer
from django.db.models import F, Model, Q, QuerySet
from django.utils.translation import gettext as _

from accounts.errors import InvalidCursor, InvalidValue

DEFAULT_LIMIT = 50
LARGEST_LIMIT = 100
_LONGEST_CURSOR = 1000

Item = TypeVar("Item")
Row = TypeVar("Row", bound=Model)

#: (value of the order column, id) of the last row of a page; the value is None, a string or a number.
Position = tuple[Any, int]


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """One page of a list, and how to ask for the next. `total` counts all rows that the filters let through."""

    results: Sequence[Item]
    next: str | None
    has_more: bool
    total: int


@dataclass(frozen=True, slots=True)
class Listing:
    """Which list a cursor belongs to: whose, which one, in which order, with which filters."""

    owner_id: int
    name: str
    order: str
    filters: Any = field(default=None)

    def cursor(self, position: Position) -> str:
        """The cursor of what follows `position`. The column's value must be text, a number, a date or None."""
        value, row_id = position
        text = orjson.dumps([self._digest(), _written(value), row_id]).decode()
        return _signer().sign_object(text)

    def position(self, cursor: str) -> Position:
        """Where the cursor points to. Raises InvalidCursor unless this very list gave it out."""
        if len(cursor) > _LONGEST_CURSOR:
            raise InvalidCursor(_("This cursor is not one of this list."))
        try:
            digest, value, row_id = orjson.loads(_signer().unsign_object(cursor))
        except (BadSignature, ValueError, TypeError) as error:
            raise InvalidCursor(_("This cursor is not one of this list.")) from error
        if digest != self._digest():
            raise InvalidCursor(_("This cursor is of another list, order or filter."))
        return value, row_id

    def _digest(self) -> str:
        parts = [self.owner_id, self.name, self.order, self.filters]
        return hashlib.blake2b(orjson.dumps(parts, default=str), digest_size=9).hexdigest()


def _signer() -> Signer:
    return Signer(salt="accounts.paging")


def _written(value: Any) -> Any:
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def limit_of(text: str | None) -> int:
    """The page size that `?limit=` asks for. Raises InvalidValue unless it is a whole number from 1 to 100."""
    if text is None:
        return DEFAULT_LIMIT
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= LARGEST_LIMIT):
        raise InvalidValue(_("limit is a whole number from 1 to %(most)s.") % {"most": LARGEST_LIMIT}, pointer="?limit")
    return int(text)


def order_of(text: str | None, *, allowed: Sequence[str], default: str) -> str:
    """The order that `?order=` asks for: an allowed column, with a minus in front for descending.

    Raises InvalidValue for any other column.
    """
    if text is None:
        return default
    if text.removeprefix("-") not in allowed or text.startswith("--"):
        names = ", ".join(allowed)
        raise InvalidValue(
            _("order is one of %(names)s, with - in front for descending.") % {"names": names},
            pointer="?order",
            code="not_orderable",
        )
    return text


def after_sql(
    position: Position, *, expression: str, cast: str, id_expression: str, descending: bool
) -> tuple[str, list[Any]]:
    """The SQL condition of what follows `position`, with its parameters.

    `expression` must not be NULL for any row: use COALESCE. `cast` is its SQL type. None of this comes from outside.
    """
    comparison = "<" if descending else ">"
    return f"({expression}, {id_expression}) {comparison} (%s::{cast}, %s)", list(position)


def order_sql(*, expression: str, id_expression: str, descending: bool) -> str:
    """The ORDER BY of a keyset list: both columns in one direction, so that one index serves both directions."""
    direction = "DESC" if descending else "ASC"
    return f"{expression} {direction}, {id_expression} {direction}"


def cut(
    found: Sequence[Item],
    *,
    limit: int,
    total: int,
    listing: Listing,
    position_of: Callable[[Item], Position],
) -> Page[Item]:
    """The page made of the first `limit` of `limit + 1` rows asked for; the one too many says that there is more."""
    results = found[:limit]
    has_more = len(found) > limit
    return Page(
        results=results,
        next=listing.cursor(position_of(results[-1])) if has_more else None,
        has_more=has_more,
        total=total,
    )


def page_of(
    rows: QuerySet[Row], *, listing: Listing, limit: int, cursor: str | None, total: int | None = None
) -> Page[Row]:
    """One page of a queryset in the order that `listing` names, ties broken by id. The column must not be NULL.

    `total` is counted unless it is given. Raises InvalidCursor.
    """
    column = listing.order.removeprefix("-")
    descending = listing.order.startswith("-")
    if total is None:
        total = rows.count()
    if cursor:
        value, row_id = listing.position(cursor)
        side = "lt" if descending else "gt"
        try:
            # The first condition is implied by the second; PostgreSQL can only seek by it.
            rows = rows.filter(**{f"{column}__{side}e": value}).filter(
                Q(**{f"{column}__{side}": value}) | Q(**{column: value, f"pk__{side}": row_id})
            )
        except (ValueError, TypeError, ValidationError) as error:
            raise InvalidCursor(_("This cursor is not one of this list.")) from error
    ordered = rows.order_by(
        F(column).desc() if descending else F(column).asc(), F("pk").desc() if descending else F("pk").asc()
    )
    found = list(ordered[: limit + 1])
    return cut(
        found,
        limit=limit,
        total=total,
        listing=listing,
        position_of=lambda row: (getattr(row, column), row.pk),
    )
