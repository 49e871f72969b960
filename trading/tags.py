"""Verbs on a person's tags: each also moves the person's version on, because lists show and filter by them."""

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts import audit, versions
from accounts.errors import Conflict, InvalidValue
from accounts.models import AuditEvent, User
from accounts.undo import Undone
from trading.models import Tag, TagGroup, TagRole, Trade
from trading.signals import remarks_changed, tag_leaving, tag_merging, tag_returned

#: Stands for "leave it as it is" where None means something.
KEEP: Any = object()
#: Up to how many trades a tag is on for its deletion and merging to be undone: their ids are kept for it.
MOST_UNDONE = 50_000
DELETED, MERGED = "tag.delete", "tag.merge"

#: Characters of a name.
LONGEST_NAME = 50


class TagNameTaken(Conflict):
    """The person has a tag of this name."""

    code = "name_taken"


@transaction.atomic
def create(*, owner: User, name: str, color: str | None = None, group: TagGroup | None = None) -> Tag:
    """The tag exists, in the colour of its group where no other is given. Raises TagNameTaken."""
    _check_group(owner.pk, group)
    chosen = color or (group.color if group else None)
    tag = Tag(owner=owner, name=name, group=group, **({"color": chosen} if chosen else {}))
    _save(tag)
    audit.written("tag.create", subject="tag", subject_id=str(tag.public_id), owner_id=owner.pk, after={"name": name})
    return tag


@transaction.atomic
def update(tag: Tag, *, name: str | None = None, color: str | None = None, group: TagGroup | None = KEEP) -> Tag:
    """The tag is called, coloured and grouped like this on every trade. Raises TagNameTaken.

    None leaves name and colour as they are; a group of None takes the tag out of its group.
    """
    before, role = _as_written(tag), _role(tag)
    tag.name, tag.color = name or tag.name, color or tag.color
    if group is not KEEP:
        _check_group(tag.owner_id, group)
        tag.group = group
    after = _as_written(tag)
    if after != before:
        _save(tag)
        if _role(tag) != role:
            _tell(tag.owner_id, _carrying(tag))
        audit.written(
            "tag.update",
            subject="tag",
            subject_id=str(tag.public_id),
            owner_id=tag.owner_id,
            before=before,
            after=after,
        )
    return tag


@transaction.atomic
def delete(tag: Tag) -> dict[str, Any]:
    """No trade carries the tag any more, and it is gone; the trades stay. Returns what `undelete` brings back.

    What is returned is empty where the tag was on more trades than can be kept for it.
    """
    tag = _locked(tag)
    kept = _kept(tag)
    event = uuid.uuid4().hex
    before = {**_as_written(tag), "event": event, "kept": kept} if kept is not None else _as_written(tag)
    subject_id, owner_id = str(tag.public_id), tag.owner_id
    carrying = _carrying(tag)
    tag.delete()
    # Last, as everywhere: whoever labels a trade holds the tag before the version.
    versions.bump(owner_id)
    _tell(owner_id, carrying)
    audit.written(DELETED, subject="tag", subject_id=subject_id, owner_id=owner_id, before=before)
    return {"event": event} if kept is not None else {}


@transaction.atomic
def undelete(owner: User, payload: Mapping[str, Any]) -> Undone:
    """The deleted tag is there again, on the trades and notes that still are. Raises TagNameTaken, Conflict."""
    before = _event(owner, DELETED, payload)
    _returned(owner, before["kept"])
    return Undone(_("“%(name)s” is back.") % {"name": before["kept"]["name"]}, "/tags/")


@transaction.atomic
def merge(tag: Tag, *, into: Tag) -> dict[str, Any]:
    """Whatever carried `tag` carries `into`, and `tag` is gone. Returns what `unmerge` takes back, empty as `delete`.

    Raises: InvalidValue for one and the same tag, and for somebody else's.
    """
    if tag.pk == into.pk or tag.owner_id != into.owner_id:
        raise InvalidValue(_("Choose another of your tags."), pointer="/into")
    # In the order of their ids, so that two merges cannot wait for each other.
    first, second = sorted((tag, into), key=lambda each: each.pk)
    _locked(first)
    _locked(second)
    kept = _kept(tag)
    through = Trade.tags.through.objects
    changed = _carrying(tag)
    has_both = through.filter(tag=into).values("trade")
    carrying = through.filter(tag=tag).exclude(trade__in=has_both)
    added = [str(key) for key in carrying.values_list("trade__public_id", flat=True)] if kept is not None else []
    carrying.update(tag=into)
    told: dict[str, Any] = {}
    tag_merging.send(sender=Tag, tag=tag, into=into, told=told)
    event = uuid.uuid4().hex
    subject_id, owner_id = str(tag.public_id), tag.owner_id
    before = {**_as_written(tag), "into": str(into.public_id)}
    if kept is not None:
        before |= {"event": event, "kept": kept, "added": added, "told": told}
    tag.delete()
    versions.bump(owner_id)
    _tell(owner_id, changed)
    audit.written(MERGED, subject="tag", subject_id=subject_id, owner_id=owner_id, before=before)
    return {"event": event} if kept is not None else {}


@transaction.atomic
def unmerge(owner: User, payload: Mapping[str, Any]) -> Undone:
    """The merged tag is there again, on what carried it; the other is taken off what it was put on by the merge."""
    before = _event(owner, MERGED, payload)
    into = Tag.objects.for_user(owner).filter(public_id=before["into"]).first()
    _returned(owner, before["kept"], into=into, told=before["told"])
    if into is not None:
        Trade.tags.through.objects.filter(
            tag=into, trade__in=Trade.objects.for_user(owner).filter(public_id__in=before["added"])
        ).delete()
        _tell(
            owner.pk, Trade.objects.for_user(owner).filter(public_id__in=before["added"]).values_list("pk", flat=True)
        )
    return Undone(_("“%(name)s” is a tag of its own again.") % {"name": before["kept"]["name"]}, "/tags/")


def _as_written(tag: Tag) -> dict[str, Any]:
    group = str(tag.group.public_id) if tag.group else None
    return {"name": tag.name, "color": tag.color, "group": group}


def _kept(tag: Tag) -> dict[str, Any] | None:
    """All that is needed to have the tag back, by outside ids; None where it is on too many trades."""
    through = Trade.tags.through.objects.filter(tag=tag)
    if through.count() > MOST_UNDONE:
        return None
    kept: dict[str, Any] = {
        **_as_written(tag),
        "public_id": str(tag.public_id),
        "trades": [str(key) for key in through.values_list("trade__public_id", flat=True)],
    }
    tag_leaving.send(sender=Tag, tag=tag, kept=kept)
    return kept


def _returned(
    owner: User, kept: Mapping[str, Any], *, into: Tag | None = None, told: Mapping[str, Any] | None = None
) -> Tag:
    group = TagGroup.objects.for_user(owner).filter(public_id=kept["group"]).first() if kept["group"] else None
    tag = Tag(owner=owner, public_id=uuid.UUID(kept["public_id"]), name=kept["name"], color=kept["color"], group=group)
    _save(tag)
    trades = list(Trade.objects.for_user(owner).filter(public_id__in=kept["trades"]).values_list("pk", flat=True))
    through = Trade.tags.through
    through.objects.bulk_create(
        (through(trade_id=trade, tag_id=tag.pk) for trade in trades), ignore_conflicts=True, batch_size=5000
    )
    tag_returned.send(sender=Tag, tag=tag, kept=kept, into=into, told=told or {})
    versions.bump(owner.pk)
    _tell(owner.pk, trades)
    return tag


def _carrying(tag: Tag) -> list[int]:
    """The trades that carry the tag."""
    return list(Trade.tags.through.objects.filter(tag=tag).values_list("trade_id", flat=True))


def _role(tag: Tag) -> str:
    """What the tag is of a trade."""
    return tag.group.role if tag.group is not None else TagRole.PLAIN


def _tell(owner_id: int, trades: Iterable[int]) -> None:
    remarks_changed.send(sender=Trade, owner_id=owner_id, trades=list(trades))


def _event(owner: User, name: str, payload: Mapping[str, Any]) -> dict[str, Any]:
    found = AuditEvent.objects.filter(owner_id=owner.pk, event=name, before__event=payload["event"]).first()
    if found is None or Tag.objects.filter(public_id=found.subject_id).exists():
        raise Conflict(_("This can no longer be undone."))
    assert isinstance(found.before, dict)
    return found.before


def _locked(tag: Tag) -> Tag:
    found = Tag.objects.select_for_update(of=("self",)).select_related("group").filter(pk=tag.pk).first()
    if found is None:
        raise Conflict(_("This tag is gone."))
    return found


def _check_group(owner_id: int, group: TagGroup | None) -> None:
    if group is not None and group.owner_id != owner_id:
        raise InvalidValue(_("There is nothing of yours with this id."), pointer="/group")


def _save(tag: Tag) -> None:
    try:
        with transaction.atomic():
            tag.save()
    except IntegrityError as error:
        raise TagNameTaken(_("You have a tag of this name."), pointer="/name") from error
    versions.bump(tag.owner_id)
    tag.refresh_from_db()
