"""Verbs on notes of days and accounts, and on the templates that they begin from. A trade's note: `trading.trades`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from accounts import audit, versions
from accounts.errors import Conflict, InvalidValue
from accounts.models import Account, User
from accounts.undo import Undone
from journal.models import LONGEST_NOTE, Note, NoteKind, NoteTemplate
from trading.models import Tag

#: How long a deleted note can be brought back.
KEPT = timedelta(days=7)
MOST_TEMPLATES = 50


class NoteChanged(Conflict):
    """Somebody has changed the note since it was read, or it is gone."""

    code = "note_changed"


class TemplateNameTaken(Conflict):
    """The person has a template of this name."""

    code = "name_taken"


@dataclass(frozen=True, slots=True)
class Written:
    """What stands in a note. `rating` says how the day went, 1 to 5."""

    text: str
    title: str = ""
    kind: str = NoteKind.NOTE
    rating: int | None = None

    def check(self) -> None:
        """Raises InvalidValue for what no note can hold."""
        if not self.text.strip() and not self.title.strip():
            raise InvalidValue(_("A note needs words."), pointer="/text")
        if len(self.text) > LONGEST_NOTE:
            raise InvalidValue(_("A note has at most %(count)s characters.") % {"count": LONGEST_NOTE}, pointer="/text")
        if self.kind not in NoteKind.values:
            raise InvalidValue(_("There is no such kind of note."), pointer="/kind")
        if self.rating is not None and not 1 <= self.rating <= 5:
            raise InvalidValue(_("A rating is from 1 to 5."), pointer="/rating")


@transaction.atomic
def write(
    *,
    owner: User,
    words: Written,
    day: date | None = None,
    account: Account | None = None,
    tags: Sequence[Tag] = (),
) -> Note:
    """The note exists. Raises InvalidValue without words, without a day or account, or with somebody else's things."""
    words.check()
    _check_place(owner.pk, day, account)
    _check_tags(owner.pk, tags)
    note = Note.objects.create(
        owner=owner,
        day=day,
        account=account,
        kind=words.kind,
        title=words.title,
        text=words.text,
        rating=words.rating,
    )
    note.tags.set(tags)
    _audited("note.write", note)
    versions.bump(owner.pk)
    note.refresh_from_db()
    return note


@transaction.atomic
def edit(note: Note, *, words: Written, revision: int, tags: Sequence[Tag] | None = None) -> Note:
    """The note has these words and tags, None leaves the tags as they are; its revision is one higher.

    Raises: NoteChanged, and nothing is changed, unless the note still has the revision that was read.
    """
    words.check()
    if tags is not None:
        _check_tags(note.owner_id, tags)
    changed = Note.objects.filter(pk=note.pk, revision=revision, deleted_at__isnull=True).update(
        kind=words.kind,
        title=words.title,
        text=words.text,
        rating=words.rating,
        revision=F("revision") + 1,
        updated_at=timezone.now(),
    )
    if not changed:
        raise NoteChanged(_("This note was changed meanwhile."))
    if tags is not None:
        note.tags.set(tags)
    _audited("note.edit", note)
    versions.bump(note.owner_id)
    note.refresh_from_db()
    return note


@transaction.atomic
def move(note: Note, *, day: date | None, account: Account | None, revision: int) -> Note:
    """The note is about this day and account from now on; its revision is one higher.

    Raises: InvalidValue without either; NoteChanged, and nothing is changed, unless the note still has the revision
    that was read.
    """
    _check_place(note.owner_id, day, account)
    moved = Note.objects.filter(pk=note.pk, revision=revision, deleted_at__isnull=True).update(
        day=day, account=account, revision=F("revision") + 1, updated_at=timezone.now()
    )
    if not moved:
        raise NoteChanged(_("This note was changed meanwhile."))
    _audited("note.move", note)
    versions.bump(note.owner_id)
    note.refresh_from_db()
    return note


@transaction.atomic
def delete(note: Note) -> dict[str, str]:
    """The note is gone for its owner, with its pictures; returns what `undelete` brings back for some days."""
    deleted = Note.objects.filter(pk=note.pk, deleted_at__isnull=True).update(deleted_at=timezone.now())
    if not deleted:
        raise NoteChanged(_("This note is gone."))
    _audited("note.delete", note)
    versions.bump(note.owner_id)
    return {"note": str(note.public_id)}


@transaction.atomic
def undelete(owner: User, kept: Mapping[str, Any]) -> Undone:
    """The deleted note is there again. Raises NoteChanged once it was swept."""
    back = Note.objects.deleted_by(owner).filter(public_id=kept["note"]).update(deleted_at=None)
    if not back:
        raise NoteChanged(_("There is nothing left of the note to bring back."))
    versions.bump(owner.pk)
    return Undone(_("The note is back."), f"/journal/{kept['note']}/")


# ---------------------------------------------------------------- templates
@transaction.atomic
def make_template(*, owner: User, name: str, kind: str, text: str) -> NoteTemplate:
    """The template exists. Raises TemplateNameTaken, InvalidValue."""
    if NoteTemplate.objects.for_user(owner).count() >= MOST_TEMPLATES:
        raise InvalidValue(_("You have %(count)s templates, the most there can be.") % {"count": MOST_TEMPLATES})
    template = NoteTemplate(owner=owner, name=name, kind=kind, text=text)
    _save(template)
    return template


@transaction.atomic
def edit_template(
    template: NoteTemplate, *, name: str | None = None, kind: str | None = None, text: str | None = None
) -> NoteTemplate:
    """The template is like this; None leaves a thing as it is. Raises TemplateNameTaken."""
    template.name = template.name if name is None else name
    template.kind = template.kind if kind is None else kind
    template.text = template.text if text is None else text
    _save(template)
    return template


@transaction.atomic
def delete_template(template: NoteTemplate) -> dict[str, str]:
    """The template is gone; returns what `undelete_template` makes it anew from."""
    kept = {
        "public_id": str(template.public_id),
        "name": template.name,
        "kind": template.kind,
        "text": template.text,
    }
    owner_id = template.owner_id
    template.delete()
    versions.bump(owner_id)
    return kept


def undelete_template(owner: User, kept: Mapping[str, Any]) -> Undone:
    """The template is there again. Raises TemplateNameTaken where another has its name by now."""
    _save(NoteTemplate(owner=owner, **kept))
    return Undone(_("The template is back."))


def starters() -> list[NoteTemplate]:
    """Templates for who has none yet, in the language of the page, not saved."""
    return [
        NoteTemplate(name=_("Pre-market plan"), kind=NoteKind.PLAN, text=_(_PLAN)),
        NoteTemplate(name=_("End-of-day review"), kind=NoteKind.REVIEW, text=_(_REVIEW)),
        NoteTemplate(name=_("Weekly review"), kind=NoteKind.REVIEW, text=_(_WEEK)),
    ]


_PLAN = gettext_noop(
    "## Market\n\nOvernight, news, key times:\n\n## Levels\n\n| Symbol | Above | Below |\n| --- | --- | --- |\n"
    "|  |  |  |\n\n## Setups I wait for\n\n- [ ] \n- [ ] \n\n## Limits\n\nMost I lose today:  \n"
    "Most trades:  \nI stop when:\n"
)
_REVIEW = gettext_noop(
    "## What happened\n\n\n## Against the plan\n\n- [ ] I took only the setups that I planned\n"
    "- [ ] I kept to my size\n- [ ] I stopped when I said I would\n\n## Best trade, and why\n\n\n"
    "## Worst trade, and why\n\n\n## Tomorrow I\n\n"
)
_WEEK = gettext_noop(
    "## The week in figures\n\n\n## What worked\n\n- \n\n## What cost the most\n\n- \n\n"
    "## One thing to change\n\n\n## Next week\n\n- [ ] \n"
)


# ---------------------------------------------------------------- parts
def sweep(at: datetime) -> int:
    """Notes deleted before the days in which they can be brought back are gone for good; returns how many.

    Those with pictures wait until the pictures are gone: their files have to go first.
    """
    gone = Note.objects.filter(deleted_at__lt=at - KEPT, attachments__isnull=True)
    count, _of_each = Note.objects.filter(pk__in=gone.values("pk")).delete()
    return count


def _check_place(owner_id: int, day: date | None, account: Account | None) -> None:
    if day is None and account is None:
        raise InvalidValue(_("A note is about a day or an account."), pointer="/day")
    if account is not None and account.owner_id != owner_id:
        raise InvalidValue(_("There is nothing of yours with this id."), pointer="/account")


def _check_tags(owner_id: int, tags: Sequence[Tag]) -> None:
    if any(tag.owner_id != owner_id for tag in tags):
        raise InvalidValue(_("There is nothing of yours with this id."), pointer="/tags")


def _save(template: NoteTemplate) -> None:
    try:
        with transaction.atomic():
            template.save()
    except IntegrityError as error:
        raise TemplateNameTaken(_("You have a template of this name."), pointer="/name") from error
    versions.bump(template.owner_id)
    template.refresh_from_db()


def _audited(event: str, note: Note) -> None:
    # Never the words: they are the person's, and the log keeps all that it is given.
    audit.written(event, subject="note", subject_id=note.public_id, owner_id=note.owner_id)
