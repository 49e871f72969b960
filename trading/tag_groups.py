"""Verbs on groups of tags: labels that belong together, with what they are of a trade."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max, QuerySet
from django.utils.translation import gettext as _

from accounts import audit, versions
from accounts.errors import Conflict, InvalidValue
from accounts.models import User
from accounts.undo import Undone
from trading.models import Tag, TagGroup, TagRole, Trade
from trading.signals import remarks_changed

MOST_GROUPS = 50


class GroupNameTaken(Conflict):
    """The person has a group of this name."""

    code = "name_taken"


@transaction.atomic
def create(*, owner: User, name: str, role: str = TagRole.PLAIN, color: str | None = None) -> TagGroup:
    """The group exists, below the others. Raises GroupNameTaken, InvalidValue."""
    groups = TagGroup.objects.for_user(owner)
    if groups.count() >= MOST_GROUPS:
        raise InvalidValue(_("You have %(count)s groups, the most there can be.") % {"count": MOST_GROUPS})
    position = (groups.aggregate(last=Max("position"))["last"] or 0) + 1
    group = TagGroup(owner=owner, name=name, role=role, position=position, **({"color": color} if color else {}))
    _save(group)
    _audited("tag_group.create", group)
    return group


@transaction.atomic
def update(group: TagGroup, *, name: str | None = None, role: str | None = None, color: str | None = None) -> TagGroup:
    """The group is called, coloured and meant like this; None leaves a thing as it is. Raises GroupNameTaken."""
    was = TagGroup.objects.values_list("role", flat=True).get(pk=group.pk)
    group.name, group.role, group.color = name or group.name, role or group.role, color or group.color
    _save(group)
    if group.role != was:
        _tell(group.owner_id, _carrying(group.tags.all()))
    _audited("tag_group.update", group)
    return group


@transaction.atomic
def order(owner: User, groups: Sequence[TagGroup]) -> None:
    """The person's groups stand in this order."""
    for position, group in enumerate(groups, start=1):
        TagGroup.objects.for_user(owner).filter(pk=group.pk).update(position=position)
    versions.bump(owner.pk)


@transaction.atomic
def delete(group: TagGroup) -> dict[str, Any]:
    """The group is gone and its tags belong to none; returns what `undelete` makes it anew from."""
    kept = {
        "public_id": str(group.public_id),
        "name": group.name,
        "role": group.role,
        "color": group.color,
        "position": group.position,
        "tags": [str(key) for key in group.tags.order_by("id").values_list("public_id", flat=True)],
    }
    _audited("tag_group.delete", group)
    owner_id = group.owner_id
    carrying = _carrying(group.tags.all()) if group.role != TagRole.PLAIN else []
    group.delete()
    versions.bump(owner_id)
    _tell(owner_id, carrying)
    return kept


@transaction.atomic
def undelete(owner: User, kept: Mapping[str, Any]) -> Undone:
    """The group is there again, with those of its tags that belong to no other by now. Raises GroupNameTaken."""
    fields = {name: kept[name] for name in ("public_id", "name", "role", "color", "position")}
    group = TagGroup(owner=owner, **fields)
    _save(group)
    Tag.objects.for_user(owner).filter(public_id__in=kept["tags"], group__isnull=True).update(group=group)
    _tell(owner.pk, _carrying(group.tags.all()))
    return Undone(_("The group is back."), "/tags/")


@transaction.atomic
def begin(owner: User) -> None:
    """The person has groups for setups and mistakes with a few tags in them, where they have no group yet."""
    if TagGroup.objects.for_user(owner).exists():
        return
    for name, role, color, tags in _starters():
        group = create(owner=owner, name=name, role=role, color=color)
        for tag in tags:
            made, is_new = Tag.objects.get_or_create(owner=owner, name=tag, defaults={"group": group, "color": color})
            if not is_new and made.group_id is None:
                Tag.objects.filter(pk=made.pk).update(group=group)
    versions.bump(owner.pk)
    _tell(owner.pk, _carrying(Tag.objects.for_user(owner).filter(group__isnull=False)))


def _starters() -> list[tuple[str, str, str, list[str]]]:
    setups = [_("Breakout"), _("Pullback"), _("Reversal"), _("Range")]
    mistakes = [_("Chased"), _("Moved the stop"), _("Too large"), _("Out too early"), _("Against the plan")]
    return [
        (_("Setup"), TagRole.SETUP, "#6b7fd7", setups),
        (_("Mistakes"), TagRole.MISTAKE, "#c2410c", mistakes),
    ]


def _carrying(tags: QuerySet[Tag]) -> list[int]:
    """The trades that carry one of the tags."""
    return list(Trade.objects.filter(tags__in=tags).order_by().values_list("pk", flat=True).distinct())


def _tell(owner_id: int, trades: list[int]) -> None:
    remarks_changed.send(sender=Trade, owner_id=owner_id, trades=trades)


def _save(group: TagGroup) -> None:
    try:
        with transaction.atomic():
            group.save()
    except IntegrityError as error:
        raise GroupNameTaken(_("You have a group of this name."), pointer="/name") from error
    versions.bump(group.owner_id)
    group.refresh_from_db()


def _audited(event: str, group: TagGroup) -> None:
    audit.written(
        event,
        subject="tag_group",
        subject_id=str(group.public_id),
        owner_id=group.owner_id,
        after={"name": group.name, "role": group.role},
    )
