"""Acts on the trades that somebody has chosen in a list: which trades, which act, and how it is taken back."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts import undo
from accounts.errors import InvalidValue
from accounts.models import User
from accounts.text import one_line, paragraphs
from journal import trade_windows
from journal.trade_windows import TradeList
from trading import many_trades, tags, taking_back
from trading.many_trades import Done
from trading.models import Tag, TagRole, Trade

#: Trades of one act. Deletions make their trades' figures anew, and are audited one by one.
MOST, MOST_DELETED = 5000, 1000
_LONGEST_ADDITION = 5000


class Act(StrEnum):
    """What can be done to many trades."""

    TAG = "tag"
    UNTAG = "untag"
    SETUP = "setup"
    MISTAKE = "mistake"
    REVIEW = "review"
    UNREVIEW = "unreview"
    RATE = "rate"
    NOTE = "note"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Told:
    """What was done, in words, and the token that takes it back; "" where nothing was changed."""

    count: int
    words: str
    undo: str


def most_of(act: Act) -> int:
    """To how many trades this may be done at once."""
    return MOST_DELETED if act is Act.DELETE else MOST


def act_of(text: str) -> Act:
    """The act of this name. Raises InvalidValue."""
    try:
        return Act(text)
    except ValueError:
        raise InvalidValue(_("Choose what to do with the trades."), pointer="/act") from None


def named(user: User, ids: Collection[UUID], *, act: Act) -> list[int]:
    """The keys of those of these trades that are the person's. Raises InvalidValue for none, and for too many."""
    if not ids:
        raise InvalidValue(_("Choose at least one trade."), pointer="/ids")
    if len(ids) > most_of(act):
        raise _too_many(act)
    return list(Trade.objects.for_user(user).filter(public_id__in=ids).values_list("pk", flat=True))


def matching(listed: TradeList, *, act: Act, leaving_out: Collection[UUID] = ()) -> list[int]:
    """The keys of all trades of a list but these. Raises InvalidValue where they are too many."""
    keys = trade_windows.keys_of(listed, most=most_of(act), leaving_out=leaving_out)
    if len(keys) > most_of(act):
        raise _too_many(act)
    return keys


def _too_many(act: Act) -> InvalidValue:
    words = _("This can be done to %(most)d trades at once, and more were chosen. Narrow the filters.")
    return InvalidValue(words % {"most": most_of(act)}, pointer="/ids", code="too_many")


def perform(user: User, *, act: Act, value: str, keys: Sequence[int], at: datetime) -> Told:
    """The act is done to these trades in one transaction. `value` is its tag, rating or words.

    Raises InvalidValue or TradeRefused, and then nothing was changed.
    """
    done = _VERBS[act](user, value, keys, at)
    token = undo.token(user, taking_back.MANY, {"event": done.event}) if done.count else ""
    return Told(done.count, _words(act, done.count), token)


def _words(act: Act, count: int) -> str:
    if act is Act.DELETE:
        return ngettext("%(count)d trade was deleted.", "%(count)d trades were deleted.", count) % {"count": count}
    if not count:
        return _("Nothing had to be changed.")
    return ngettext("%(count)d trade was changed.", "%(count)d trades were changed.", count) % {"count": count}


def _tag(user: User, value: str, keys: Sequence[int], at: datetime) -> Done:
    return many_trades.label(user.pk, trade_ids=keys, add=[tag_called(user, value)])


def _untag(user: User, value: str, keys: Sequence[int], at: datetime) -> Done:
    return many_trades.label(user.pk, trade_ids=keys, remove=[_known(user, value)])


def _mistake(user: User, value: str, keys: Sequence[int], at: datetime) -> Done:
    tag = _known(user, value)
    if tag.group is None or tag.group.role != TagRole.MISTAKE:
        raise InvalidValue(_("This is not one of your mistakes."), pointer="/value")
    return many_trades.label(user.pk, trade_ids=keys, add=[tag])


def _setup(user: User, value: str, keys: Sequence[int], at: datetime) -> Done:
    """A trade has one setup: another one comes off."""
    setups = list(Tag.objects.for_user(user).filter(group__role=TagRole.SETUP).select_related("group"))
    tag = _known(user, value) if value else None
    if tag is not None and tag not in setups:
        raise InvalidValue(_("This is not one of your setups."), pointer="/value")
    others = [each for each in setups if each != tag]
    return many_trades.label(user.pk, trade_ids=keys, add=[tag] if tag else [], remove=others)


def _rate(user: User, value: str, keys: Sequence[int], at: datetime) -> Done:
    if value not in ("", "0", "1", "2", "3", "4", "5"):
        raise InvalidValue(_("A rating is 1 to 5."), pointer="/value")
    return many_trades.rate(user.pk, trade_ids=keys, rating=int(value or 0) or None)


def _note(user: User, value: str, keys: Sequence[int], at: datetime) -> Done:
    try:
        text = paragraphs(value)
    except ValueError as error:
        raise InvalidValue(f"{error}.".capitalize(), pointer="/value") from error
    if not 0 < len(text) <= _LONGEST_ADDITION:
        raise InvalidValue(_("Write what to add to the notes."), pointer="/value")
    return many_trades.add_to_notes(user.pk, trade_ids=keys, text=text)


_VERBS: dict[Act, Callable[[User, str, Sequence[int], datetime], Done]] = {
    Act.TAG: _tag,
    Act.UNTAG: _untag,
    Act.SETUP: _setup,
    Act.MISTAKE: _mistake,
    Act.REVIEW: lambda user, value, keys, at: many_trades.review(user.pk, trade_ids=keys, is_reviewed=True, at=at),
    Act.UNREVIEW: lambda user, value, keys, at: many_trades.review(user.pk, trade_ids=keys, is_reviewed=False, at=at),
    Act.RATE: _rate,
    Act.NOTE: _note,
    Act.DELETE: lambda user, value, keys, at: many_trades.delete(user.pk, trade_ids=keys),
}


def tag_called(user: User, value: str) -> Tag:
    """The person's tag of this name or id, made where there is none of this name. Raises InvalidValue."""
    found = _found(user, value)
    if found is not None:
        return found
    name = _name(value)
    # The unique name decides where two requests make it at once.
    Tag.objects.bulk_create([Tag(owner=user, name=name)], ignore_conflicts=True)
    return Tag.objects.for_user(user).get(name=name)


def _name(value: str) -> str:
    try:
        name = one_line(value)
    except ValueError as error:
        raise InvalidValue(f"{error}.".capitalize(), pointer="/value") from error
    if not 0 < len(name) <= tags.LONGEST_NAME:
        raise InvalidValue(_("The name of a tag has 1 to 50 characters."), pointer="/value")
    return name


def _known(user: User, value: str) -> Tag:
    found = _found(user, value)
    if found is None:
        raise InvalidValue(_("You have no such tag."), pointer="/value")
    return found


def _found(user: User, value: str) -> Tag | None:
    mine = Tag.objects.for_user(user).select_related("group")
    try:
        by_id = mine.filter(public_id=UUID(value)).first()
    except ValueError:
        by_id = None
    return by_id or mine.filter(name=value.strip()).first()
