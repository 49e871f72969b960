"""What the worker does for the journal. A task may run twice, late or never: the sweep finds what is left."""

import logging

from celery import shared_task
from django.utils import timezone

from accounts import reports as account_reports
from accounts.models import User
from journal import account_stats, attachments, drafts, facets, notes, reports, sample
from journal.archive import jobs
from journal.metrics import rollups
from journal.models import Archive

logger = logging.getLogger(__name__)

#: Account-days per transaction: a large import is worked off in pieces that readers can see.
PIECE = 50_000


@shared_task(name="journal.tasks.recompute_owner")
def recompute_owner(owner_id: int) -> int:
    """No day of this person is stale but those being changed now; returns how many account-days were computed."""
    done = rollups.recompute(owner_id, limit=PIECE)
    computed, left = done.days, done.left
    while left:
        done = rollups.recompute(owner_id, limit=PIECE)
        computed += done.days
        if done.left >= left:  # only days that somebody is changing at this moment: the sweep comes again
            break
        left = done.left
    facets.recompute_all(owner_id)
    return computed


@shared_task(name="journal.tasks.sweep_stale_days")
def sweep_stale_days() -> int:
    """No day of anybody is stale; returns how many account-days were computed."""
    behind = sorted({*rollups.stale_owners(), *facets.stale_owners()})
    return sum(recompute_owner(owner_id) for owner_id in behind)


@shared_task(name="journal.tasks.warm_answers")
def warm_answers(owner_id: int) -> None:
    """What this person's first pages show is in the cache, for their present version."""
    user = User.objects.filter(pk=owner_id).first()
    if user is None:
        return
    account_reports.list_accounts(user)
    account_reports.brokers(user)
    account_stats.accounts_with_stats(user)
    reports.aggregate_metrics(user)
    reports.equity_curve(user)


@shared_task(name="journal.tasks.load_sample")
def load_sample(owner_id: int) -> None:
    """The person has a small sample to look around in."""
    owner = User.objects.filter(pk=owner_id).first()
    if owner is not None:
        sample.load(owner)


@shared_task(name="journal.tasks.remove_sample")
def remove_sample(owner_id: int) -> None:
    """The person's sample accounts are gone."""
    owner = User.objects.filter(pk=owner_id).first()
    if owner is not None:
        sample.remove(owner)


@shared_task(name="journal.tasks.sweep_writing")
def sweep_writing() -> int:
    """Drafts that nobody came back to, notes and files that nobody can have back are gone; returns how many."""
    at = timezone.now()
    count = drafts.sweep(at) + attachments.sweep(at) + attachments.sweep_unknown(at)
    return count + notes.sweep(at)


@shared_task(name="journal.tasks.run_archive")
def run_archive(archive_id: int) -> None:
    """An export is written, or an archive taken in."""
    archive = Archive.objects.select_related("owner").filter(pk=archive_id).first()
    if archive is not None:
        jobs.run(archive)


@shared_task(name="journal.tasks.sweep_archives")
def sweep_archives() -> None:
    """Archives whose message was lost are taken up, and files whose week is over are gone."""
    for archive in jobs.unfinished():
        try:
            jobs.run(archive)
        except Exception:
            # One person's archive must not keep everybody else's waiting; its attempts are counted.
            logger.exception("the archive %s failed", archive.public_id)
    jobs.sweep(at=timezone.now())
