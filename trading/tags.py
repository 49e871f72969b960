"""Verbs on a person's tags: each also moves the person's version on, because lists show and filter by them."""

from django.db import IntegrityError, transaction

from accounts import audit, versions
from accounts.errors import Conflict
from accounts.models import User
from trading.models import Tag


class TagNameTaken(Conflict):
    """The person has a tag of this name."""

    code = "name_taken"


@transaction.atomic
def create(*, owner: User, name: str, color: str | None = None) -> Tag:
    """The tag exists. Raises TagNameTaken."""
    tag = Tag(owner=owner, name=name, **({"color": color} if color else {}))
    _save(tag)
    audit.written("tag.create", subject="tag", subject_id=str(tag.public_id), owner_id=owner.pk, after={"name": name})
    return tag


@transaction.atomic
def update(tag: Tag, *, name: str | None = None, color: str | None = None) -> Tag:
    """The tag is called and coloured like this on every trade; None leaves it as it is. Raises TagNameTaken."""
    before = {"name": tag.name, "color": tag.color}
    tag.name, tag.color = name or tag.name, color or tag.color
    after = {"name": tag.name, "color": tag.color}
    if after != before:
        _save(tag)
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
def delete(tag: Tag) -> None:
    """No trade carries the tag any more, and it is gone; the trades stay."""
    before = {"name": tag.name, "color": tag.color}
    subject_id, owner_id = str(tag.public_id), tag.owner_id
    tag.delete()
    # Last, as everywhere: whoever labels a trade holds the tag before the version.
    versions.bump(owner_id)
    audit.written("tag.delete", subject="tag", subject_id=subject_id, owner_id=owner_id, before=before)


def _save(tag: Tag) -> None:
    try:
        with transaction.atomic():
            tag.save()
    except IntegrityError as error:
        raise TagNameTaken("You have a tag of this name.", pointer="/name") from error
    versions.bump(tag.owner_id)
    tag.refresh_from_db()
