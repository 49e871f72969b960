"""What happened last time: the nearest of the same symbol, and apart from them the nearest of others.

Source: docs/memory.md#neighbours
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from uuid import UUID

from accounts.models import User
from intelligence import memory, neighbours, search
from intelligence.neighbours import Shown
from intelligence.search import Asked, Found
from intelligence.search_filters import Filters


@dataclass(frozen=True, slots=True)
class LastTime:
    """What was like a situation. `same` is of its symbol, or of any where it names none; `others` of other symbols.

    `others` is there only where `same` has fewer than were asked for; each has its own aggregate.
    """

    found: Found
    same: Shown
    others: Shown | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all was like it."""
        return not self.same.rows and not (self.others and self.others.rows)


def of(person: User, text: str, *, symbol: str, limit: int, besides: Collection[UUID] = ()) -> LastTime:
    """What was most like the text among this person's decisions, but for those named."""
    # As many more as are left out again, so that enough remain.
    wide = limit + len(besides)
    asked = Asked(text, memory.active())
    found = search.find(person, asked, filters=Filters(symbol=symbol), limit=wide)
    same = _without(neighbours.shown(found), besides, limit)
    missing = limit - len(same.rows)
    if not symbol or missing <= 0:
        return LastTime(found, same)
    elsewhere = search.find(person, asked, filters=Filters(other_than=symbol), limit=missing + len(besides))
    return LastTime(found, same, _without(neighbours.shown(elsewhere), besides, missing))


def _without(shown: Shown, besides: Collection[UUID], limit: int) -> Shown:
    rows = [row for row in shown.rows if row.id not in besides][:limit]
    winner, loser = (None if row and row.id in besides else row for row in (shown.winner, shown.loser))
    return replace(
        shown, rows=rows, winner=winner, loser=loser, aggregate=neighbours.aggregate(row.ended for row in rows)
    )
