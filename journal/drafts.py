"""What was typed into a form and not saved yet: kept per form as one types, and found again after a closed tab."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from accounts.errors import InvalidValue
from accounts.models import User
from accounts.widgets import LANGUAGE
from accounts.widgets import typed_here as typed_number
from journal.models import Draft
from trading.models import Trade

#: How long what nobody came back to is kept.
KEPT = timedelta(days=30)
#: Forms with something unsaved in them, per person; past that the oldest goes.
MOST = 100
LONGEST = 30_000
_PLACE = re.compile(r"[a-z]{2,20}(:[0-9A-Za-z-]{1,40}){0,2}", re.ASCII)
_FIELD = re.compile(r"[a-z][a-z0-9_-]{0,39}", re.ASCII)
#: Never kept, whatever a form has under these names.
_LEFT_OUT = ("csrfmiddlewaretoken", "password", "file", "place")
#: Fields that say what a form was made from: its draft is told apart from what was saved since, whenever that was.
REVISION, READ = "revision", "read"
#: What the places of forms about a trade begin with.
TRADE = "trade:"


@transaction.atomic
def keep(owner: User, *, place: str, fields: Mapping[str, str]) -> Draft:
    """The form at this place has these fields for its owner. Raises InvalidValue for what no form of ours holds."""
    if not _PLACE.fullmatch(place):
        raise InvalidValue(_("There is no such form."), pointer="/place")
    kept = {name: text for name, text in fields.items() if name not in _LEFT_OUT and _FIELD.fullmatch(name)}
    if sum(map(len, kept.values())) > LONGEST or len(kept) > 40:
        raise InvalidValue(_("This is longer than what can be kept."), pointer="/fields")
    if any("\0" in text for text in kept.values()):
        raise InvalidValue(_("This holds a character that cannot be kept."), pointer="/fields")
    draft, is_new = Draft.objects.update_or_create(owner=owner, place=place, defaults={"fields": kept})
    if is_new:
        newest = Draft.objects.for_user(owner).order_by("-updated_at", "-id").values("pk")[:MOST]
        Draft.objects.for_user(owner).exclude(pk__in=newest).delete()
    return draft


def find(owner: User, place: str, *, since: datetime | None = None) -> Draft | None:
    """What was typed at this place and not saved.

    What is older than `since`, when the thing was last saved, is not, unless it says what it was made from: who asks
    can then show it beside what was saved, and nothing that was typed is lost.
    """
    found = Draft.objects.for_user(owner).filter(place=place)
    if since is not None:
        found = found.filter(Q(updated_at__gt=since) | Q(fields__has_any_keys=[REVISION, READ]))
    return found.first()


def typed_here(draft: Draft) -> dict[str, str]:
    """The fields as one types them in the language of this page, in whichever they were."""
    return {name: typed_number(text, draft.fields.get(f"{name}{LANGUAGE}")) for name, text in draft.fields.items()}


def place_of(trade: Trade) -> str:
    """Where the words of this trade are typed, on whichever page."""
    return f"{TRADE}{trade.public_id}"


def is_any_at(owner: User, start: str) -> bool:
    """Whether something unsaved is at a place that begins so."""
    return Draft.objects.for_user(owner).filter(place__startswith=start).exists()


def discard(owner: User, *, place: str) -> bool:
    """Nothing unsaved is at this place; returns whether something was."""
    count, _of_each = Draft.objects.for_user(owner).filter(place=place).delete()
    return count > 0


def sweep(at: datetime) -> int:
    """Drafts that nobody has touched for 30 days are gone; returns how many."""
    count, _of_each = Draft.objects.filter(updated_at__lt=at - KEPT).delete()
    return count
