"""The first steps of somebody who has just come: which are done, by what is there. Sample data is nobody's step."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Exists
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts import preferences
from accounts.models import Account, AuditEvent, User
from journal.models import Note, Playbook
from trading.models import BatchStatus, ImportBatch, Tag, Trade

#: The preference that the person wants to see no list any more.
DISMISSED = "first_run.dismissed"
#: What a sample load writes to the audit log, with the keys of what it made.
_SAMPLE_WORDS = "sample.words"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do once: its name, what it is good for, and where it is done."""

    key: str
    name: str | Promise
    words: str | Promise
    address: str
    is_done: bool


@dataclass(frozen=True, slots=True)
class CheckList:
    """The steps in their order, and how many are done."""

    steps: tuple[Step, ...]
    is_dismissed: bool = False

    @property
    def done(self) -> int:
        """How many steps are done."""
        return sum(step.is_done for step in self.steps)

    @property
    def total(self) -> int:
        """How many steps there are."""
        return len(self.steps)

    @property
    def next(self) -> Step | None:
        """The first that is not done."""
        return next((step for step in self.steps if not step.is_done), None)

    @property
    def is_wanted(self) -> bool:
        """Whether there is anything to show: not all is done, and the person has not put it away."""
        return not self.is_dismissed and self.next is not None


_STEPS: tuple[tuple[str, Promise, Promise, str], ...] = (
    ("account", _("Add an account"), _("With its broker, currency and time zone."), "account_create"),
    ("import", _("Import a file"), _("What your broker exports becomes trades; it can be undone."), "import_list"),
    ("review", _("Review a trade"), _("Open a trade, look at its fills, and mark it as reviewed."), "trade_list"),
    ("note", _("Write a note"), _("On a trade or a day: what you planned, and what you did."), "calendar"),
    ("playbook", _("Make a tag or a playbook"), _("Name your setups, and see what each brings."), "trade_list"),
)


def check_list(person: User) -> CheckList:
    """The steps as they stand for this person. Nothing is asked of the database for who has put them away."""
    if preferences.get(person, DISMISSED, default=False):
        return CheckList((), is_dismissed=True)
    done = _is_done(person)
    return CheckList(tuple(Step(key, name, words, reverse(address), done[key]) for key, name, words, address in _STEPS))


def yes_or_no(value: Any) -> bool:
    """The check of the preference."""
    if not isinstance(value, bool):
        raise ValueError("it is true or false")
    return value


def dismiss(person: User) -> None:
    """The list is not shown to this person any more."""
    preferences.put(person, DISMISSED, value=True)


def show_again(person: User) -> None:
    """The list is shown to this person until all of it is done."""
    preferences.forget(person, DISMISSED)


def _is_done(person: User) -> dict[str, bool]:
    """Of each step whether it is done: two queries, as every look at a dashboard asks."""
    accounts = Account.objects.for_user(person).filter(is_sample=False)
    imports = ImportBatch.objects.for_user(person).filter(status=BatchStatus.APPLIED)
    trades = Trade.objects.filter(account__in=accounts)
    of_sample = _of_sample(person)
    notes = Note.objects.for_user(person).exclude(pk__in=of_sample.get("note", []))
    playbooks = Playbook.objects.for_user(person).exclude(pk__in=of_sample.get("playbook", []))
    tags = Tag.objects.for_user(person).exclude(pk__in=of_sample.get("tag", []))
    steps: dict[str, Any] = {
        "account": Exists(accounts),
        "import": Exists(imports.exclude(options__has_key="is_sample")),
        "review": Exists(trades.filter(reviewed_at__isnull=False)),
        "note": Exists(notes) | Exists(trades.exclude(note="")),
        "playbook": Exists(playbooks) | Exists(tags),
    }
    found = User.objects.values_list(*steps.values()).get(pk=person.pk)
    return dict(zip(steps, map(bool, found), strict=True))


def _of_sample(person: User) -> dict[str, list[int]]:
    """Keys of the rows that a sample load made, by table."""
    events = AuditEvent.objects.filter(owner_id=person.pk, event=_SAMPLE_WORDS).order_by("-id")
    newest = events.first()
    return (newest.after or {}) if newest else {}
