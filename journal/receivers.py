"""Answers to what the apps below tell: changed days become stale, and a deleted account's sums go."""

from collections.abc import Collection
from datetime import date
from typing import Any

from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver

from accounts import publishing, versions
from accounts.models import Account, User
from accounts.signals import account_deleted
from journal import facets, tasks
from journal.metrics import rollups
from journal.models import Note
from trading.models import Tag
from trading.signals import remarks_changed, tag_leaving, tag_merging, tag_returned, trades_changed


@receiver(trades_changed)
def days_are_stale(owner_id: int, days: set[tuple[int, date]], **_: Any) -> None:
    """In the transaction of the change, every touched day is stale and the person's version has moved on.

    The version comes first: its row makes the changes of one person wait for each other in one place.
    """
    versions.bump(owner_id)
    if days:
        rollups.request(owner_id, days=days)
        facets.request(owner_id, days={day for _, day in days})
        publishing.after_commit(tasks.recompute_owner, owner_id)


@receiver(remarks_changed)
def sums_by_remarks_are_stale(owner_id: int, trades: Collection[int], **_: Any) -> None:
    """In the transaction of the change, the sums by what people say are stale on the days of these trades."""
    if trades:
        facets.request_remarks(owner_id, trades=trades)
        publishing.after_commit(tasks.recompute_owner, owner_id)


@receiver(account_deleted)
def account_is_forgotten(account: Account, **_: Any) -> None:
    """The person's days no longer count the account that is about to go."""
    facets.request_account(account.owner_id, account_id=account.pk)
    rollups.forget_account(account.owner_id, account_id=account.pk)


@receiver(user_logged_in)
def answers_are_warmed(user: User, **_: Any) -> None:
    """The worker computes what a person who signs in looks at first."""
    publishing.after_commit(tasks.warm_answers, user.pk)


@receiver(tag_leaving)
def notes_of_the_tag_are_kept(tag: Tag, kept: dict[str, Any], **_: Any) -> None:
    """What is needed to have the tag back knows the notes that carry it."""
    through = Note.tags.through.objects.filter(tag=tag)
    kept["notes"] = [str(key) for key in through.values_list("note__public_id", flat=True)]


@receiver(tag_merging)
def notes_carry_the_other_tag(tag: Tag, into: Tag, told: dict[str, Any], **_: Any) -> None:
    """Notes that carried the tag carry the one that it is merged into."""
    through = Note.tags.through.objects
    carrying = through.filter(tag=tag).exclude(note__in=through.filter(tag=into).values("note"))
    told["notes"] = [str(key) for key in carrying.values_list("note__public_id", flat=True)]
    carrying.update(tag=into)


@receiver(tag_returned)
def notes_carry_the_tag_again(tag: Tag, kept: dict[str, Any], into: Tag | None, told: dict[str, Any], **_: Any) -> None:
    """The notes that carried the tag carry it again, and not the one that they were given by a merge."""
    notes = Note.objects.filter(owner_id=tag.owner_id, public_id__in=kept.get("notes", []))
    tag.notes.add(*notes)
    if into is not None:
        into.notes.remove(*Note.objects.filter(owner_id=tag.owner_id, public_id__in=told.get("notes", [])))
