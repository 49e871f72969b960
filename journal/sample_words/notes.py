"""Plans, reviews and notes of the sample's days and accounts, and the templates that they begin with."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta

from django.db.models import F
from django.utils import timezone

from accounts.models import Account, User
from journal.models import Note, NoteKind, NoteTemplate
from journal.sample_files.build import Sample
from journal.sample_files.markets import trading_days
from journal.sample_words.made import Made, chance

#: Days before the end that are written about.
DAYS = 150

_PLANS = (
    "Levels from yesterday:\n\n- high and low of the evening\n- the **opening range**\n\nNo trade before 9:45. "
    "Two losses and I am done.",
    "Inflation figures at 8:30. **Flat until 8:45.**\n\n1. wait for the first pullback\n2. half size\n"
    "3. no fading of the first move",
    "Quiet calendar. Fade the edges of the range, out at the average.\n\n> Patience is the position.",
    "Copying to all accounts today; the evaluation accounts at *half size* until they are through.",
)
_REVIEWS = (
    "## What went well\n\nEntries at the marked levels, no chasing.\n\n## What did not\n\nThe last trade: **no plan**, "
    "taken because the day was green.\n\n## Tomorrow\n\nStop after the third trade.",
    "Kept to the plan on four of five trades. The fifth cost as much as the first two made.\n\n"
    "| trade | plan | kept |\n|---|---|---|\n| opening drive | yes | yes |\n| fade | yes | yes |\n| last | no | – |",
    "Slow day. Nothing at the levels, so nothing done. *That counts as a good day.*",
    "Three losers in a row, each by the rules. Variance, not a mistake. Size stays as it is.",
)
_NOTES = (
    "Spread was wide in the first minutes; limit orders only.",
    "The copy to two accounts came late. Looked at the latency: the platform was updating.",
    "Good focus. Screens off at noon.",
    "Tired. Should have stopped after the first hour.",
    "Volume far below average, the holiday is near.",
)
_OF_ACCOUNTS = (
    "**Rules of the firm:** trailing drawdown counts open profit. Out before the close.",
    "Payout asked for after the tenth winning day.",
    "Dividends are reinvested; look at this account once a week, not once an hour.",
    "Evaluation: target 3,000, largest loss 2,000. *No more than two contracts.*",
)
_TEMPLATES = (
    ("Morning plan", NoteKind.PLAN, "## Levels\n\n- \n\n## News\n\n- \n\n## Rules for today\n\n1. "),
    ("Evening review", NoteKind.REVIEW, "## What went well\n\n\n## What did not\n\n\n## Tomorrow\n\n"),
    ("Week in review", NoteKind.REVIEW, "## The best trade\n\n\n## The worst habit\n\n\n## One thing to change\n\n"),
)


def write(owner: User, sample: Sample, opened: Mapping[str, Account], *, made: Made) -> None:
    """The last months have plans in the morning, reviews in the evening and notes between; some accounts have one."""
    notes = [note for day in trading_days(sample.end - timedelta(days=DAYS), sample.end) for note in _of_day(day)]
    ordered = sorted(opened.values(), key=lambda account: account.number)
    for place, account in enumerate(ordered[:: max(1, len(ordered) // 6)][:6]):
        text = _OF_ACCOUNTS[place % len(_OF_ACCOUNTS)]
        notes.append(Note(account=account, kind=NoteKind.NOTE, title="About this account", text=text))
    for note in notes:
        note.owner = owner
    made.note("note", Note.objects.bulk_create(notes, batch_size=500))
    _date_back([note for note in notes if note.day])
    known = set(NoteTemplate.objects.for_user(owner).values_list("name", flat=True))
    templates = [
        NoteTemplate(owner=owner, name=name, kind=kind, text=text)
        for name, kind, text in _TEMPLATES
        if name not in known
    ]
    made.note("note_template", NoteTemplate.objects.bulk_create(templates))


def remove(owner: User, made: Made) -> None:
    """Notes and templates are gone, but those that the person has edited."""
    Note.objects.for_user(owner).filter(pk__in=made.of("note"), revision=1).delete()
    NoteTemplate.objects.for_user(owner).filter(pk__in=made.of("note_template")).delete()


def _of_day(day: date) -> list[Note]:
    found = []
    if chance(100, day, "plan?") < 35:
        plan = _PLANS[chance(len(_PLANS), day, "plan")]
        found.append(Note(day=day, kind=NoteKind.PLAN, title="Plan", text=plan))
    if chance(100, day, "review?") < 35 or day.weekday() == 4:
        review, rating = _REVIEWS[chance(len(_REVIEWS), day, "review")], 1 + chance(5, day, "rating")
        title = "Week in review" if day.weekday() == 4 else "Review"
        found.append(Note(day=day, kind=NoteKind.REVIEW, title=title, text=review, rating=rating))
    if chance(100, day, "note?") < 30:
        found.append(Note(day=day, kind=NoteKind.NOTE, text=_NOTES[chance(len(_NOTES), day, "note")]))
    return found


def _date_back(notes: list[Note]) -> None:
    """Notes of a day say that they were written on that day, or now if it has not come."""
    hours = {NoteKind.PLAN: 8, NoteKind.NOTE: 13, NoteKind.REVIEW: 21}
    for note in notes:
        assert note.day is not None
        note.created_at = min(datetime.combine(note.day, time(hours[NoteKind(note.kind)], 12), UTC), timezone.now())
    Note.objects.bulk_update(notes, ["created_at"], batch_size=500)
    Note.objects.filter(pk__in=[note.pk for note in notes]).update(updated_at=F("created_at"))
