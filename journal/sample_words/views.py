"""Filters that the invented trader comes back to."""

from accounts.models import User
from journal.models import SavedView
from journal.sample_words.made import Made

_VIEWS = (
    ("Losers to look at", "trade_list", "outcome=loss&reviewed=no"),
    ("TopstepX combines", "", "broker=TopstepX"),
    ("Opening hour", "breakdown", "by=symbol&hour=09"),
    ("Longs in Apple", "trade_list", "symbol=AAPL&side=long"),
)


def write(owner: User, *, made: Made) -> None:
    """The views are there, unless the person has some of these names."""
    known = set(SavedView.objects.for_user(owner).values_list("name", flat=True))
    rows = [
        SavedView(owner=owner, name=name, page=page, query=query) for name, page, query in _VIEWS if name not in known
    ]
    made.note("saved_view", SavedView.objects.bulk_create(rows))


def remove(owner: User, made: Made) -> None:
    """The views are gone."""
    SavedView.objects.for_user(owner).filter(pk__in=made.of("saved_view")).delete()
