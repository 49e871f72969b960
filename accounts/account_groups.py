"""Groups and labels of accounts: made, renamed, coloured, ordered, deleted, and brought back.

Each verb moves the person's version on, because lists of accounts show groups and labels and filter by them.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from accounts import audit, bulk_edits, versions
from accounts.bulk_edits import Change
from accounts.errors import Conflict, InvalidValue
from accounts.models import Account, AccountGroup, AccountTag, User
from accounts.text import is_color, one_line
from accounts.undo import Undone

UNDO_GROUP, UNDO_TAG = "accounts.group.delete", "accounts.tag.delete"
LONGEST_NAME = 50
#: What filters by group mean accounts without one by.
RESERVED = "none"

Labelled = TypeVar("Labelled", AccountGroup, AccountTag)
_SUBJECTS: dict[type[Any], str] = {AccountGroup: "account_group", AccountTag: "account_tag"}


class LabelNameTaken(Conflict):
    """The person has a group, or a label, of this name."""

    code = "name_taken"


@transaction.atomic
def create_group(*, owner: User, name: str, color: str | None = None) -> AccountGroup:
    """The group exists, behind the others. Raises LabelNameTaken or InvalidValue."""
    last = AccountGroup.objects.for_user(owner).aggregate(last=Max("position"))["last"]
    group = AccountGroup(owner=owner, name=name, position=0 if last is None else last + 1)
    return _created(group, color)


@transaction.atomic
def create_tag(*, owner: User, name: str, color: str | None = None) -> AccountTag:
    """The label exists. Raises LabelNameTaken or InvalidValue."""
    return _created(AccountTag(owner=owner, name=name), color)


@transaction.atomic
def change(labelled: Labelled, *, name: str | None = None, color: str | None = None) -> Labelled:
    """The group or label has this name and colour; None leaves either. Raises LabelNameTaken or InvalidValue."""
    before = _values(labelled)
    labelled.name, labelled.color = labelled.name if name is None else name, color or labelled.color
    _save(labelled)
    after = _values(labelled)
    if after != before:
        audit.written(f"{_SUBJECTS[type(labelled)]}.update", **_subject(labelled), before=before, after=after)
    return labelled


@transaction.atomic
def reorder_groups(*, owner: User, ids: Sequence[Any]) -> list[AccountGroup]:
    """The person's groups stand in the order of these outside ids; those not named follow, as they stood.

    Raises InvalidValue where an id comes twice or names no group of the person's.
    """
    groups = list(AccountGroup.objects.for_user(owner).select_for_update(no_key=True).order_by("position", "id"))
    by_id = {str(each.public_id): each for each in groups}
    wanted = [str(each) for each in ids]
    if len(set(wanted)) != len(wanted) or any(each not in by_id for each in wanted):
        raise InvalidValue(_("This is not an order of your groups."), pointer="/ids")
    ordered = [by_id[each] for each in wanted] + [each for each in groups if str(each.public_id) not in set(wanted)]
    for place, group in enumerate(ordered):
        group.position = place
    AccountGroup.objects.bulk_update(ordered, ["position"])
    versions.bump(owner.pk)
    return ordered


@transaction.atomic
def move_group(group: AccountGroup, *, step: int) -> list[AccountGroup]:
    """The group stands this many places further on, negative for up; at either end it stays."""
    owner = group.owner
    groups = list(AccountGroup.objects.for_user(owner).order_by("position", "id"))
    ids = [each.public_id for each in groups]
    place = ids.index(group.public_id)
    ids.insert(min(max(place + step, 0), len(ids) - 1), ids.pop(place))
    return reorder_groups(owner=owner, ids=ids)


@transaction.atomic
def delete_group(group: AccountGroup, *, at: datetime) -> Mapping[str, Any]:
    """The group is gone and its accounts have none; returns what `bring_group_back` needs."""
    pks = list(Account.objects.filter(group=group).values_list("pk", flat=True))
    return _deleted(group, pks, Change(values={"group": None}), at=at)


@transaction.atomic
def delete_tag(tag: AccountTag, *, at: datetime) -> Mapping[str, Any]:
    """No account carries the label any more, and it is gone; returns what `bring_tag_back` needs."""
    pks = list(Account.objects.filter(tags=tag).values_list("pk", flat=True))
    return _deleted(tag, pks, Change(remove_tags=[tag]), at=at)


@transaction.atomic
def bring_group_back(user: User, payload: Mapping[str, Any]) -> Undone:
    """The group is there again, with the accounts that were in it and have no other since. Raises LabelNameTaken."""
    return _back(AccountGroup(owner=user, position=payload["position"]), user, payload)


@transaction.atomic
def bring_tag_back(user: User, payload: Mapping[str, Any]) -> Undone:
    """The label is there again, on the accounts that carried it. Raises LabelNameTaken."""
    return _back(AccountTag(owner=user), user, payload)


def _created(labelled: Labelled, color: str | None) -> Labelled:
    if color:
        labelled.color = color
    _save(labelled)
    audit.written(f"{_SUBJECTS[type(labelled)]}.create", **_subject(labelled), after=_values(labelled))
    return labelled


def _deleted(labelled: Labelled, accounts: list[int], change: Change, *, at: datetime) -> Mapping[str, Any]:
    act = None
    if accounts:
        act = bulk_edits.apply(owner=labelled.owner, accounts=accounts, change=change, at=at).payload
    before, subject = _values(labelled), _subject(labelled)
    payload = {**before, "id": str(labelled.public_id), "position": getattr(labelled, "position", 0), "act": act}
    labelled.delete()
    versions.bump(subject["owner_id"])
    audit.written(f"{subject['subject']}.delete", **subject, before=before)
    return payload


def _back(labelled: Labelled, user: User, payload: Mapping[str, Any]) -> Undone:
    if type(labelled).objects.for_user(user).filter(public_id=payload["id"]).exists():
        raise Conflict(_("It is back already."), code="already_restored")
    labelled.public_id, labelled.name, labelled.color = payload["id"], payload["name"], payload["color"]
    _save(labelled)
    audit.written(f"{_SUBJECTS[type(labelled)]}.create", **_subject(labelled), after=_values(labelled))
    if payload["act"]:
        bulk_edits.revert(user, payload["act"])
    return Undone(words=_("%(name)s is back.") % {"name": labelled.name})


def _save(labelled: Labelled) -> None:
    try:
        labelled.name = one_line(labelled.name)
    except ValueError as error:
        raise InvalidValue(f"{str(error).capitalize()}.", pointer="/name") from error
    if not 1 <= len(labelled.name) <= LONGEST_NAME:
        raise InvalidValue(_("A name has 1 to %(most)s characters.") % {"most": LONGEST_NAME}, pointer="/name")
    if labelled.name.lower() == RESERVED:
        raise InvalidValue(
            _("“%(name)s” means accounts without any. Choose another name.") % {"name": labelled.name}, pointer="/name"
        )
    if not is_color(labelled.color):
        raise InvalidValue(_("A colour is written #rrggbb."), pointer="/color")
    try:
        with transaction.atomic():
            labelled.save()
    except IntegrityError as error:
        is_group = isinstance(labelled, AccountGroup)
        words = _("You have a group named %(name)s.") if is_group else _("You have a label named %(name)s.")
        raise LabelNameTaken(words % {"name": labelled.name}, pointer="/name") from error
    versions.bump(labelled.owner_id)
    labelled.refresh_from_db(fields=["public_id"])


def _values(labelled: AccountGroup | AccountTag) -> dict[str, Any]:
    return {"name": labelled.name, "color": labelled.color}


def _subject(labelled: AccountGroup | AccountTag) -> dict[str, Any]:
    kind = _SUBJECTS[type(labelled)]
    return {"subject": kind, "subject_id": labelled.public_id, "owner_id": labelled.owner_id}
