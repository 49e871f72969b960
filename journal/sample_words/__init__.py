"""What the invented trader sorted, marked and wrote: the part of the sample that no broker's file holds.

Written in bulk, at once, after the fills: thousands of trades are marked, and a verb for each would take minutes. What
was made is on the audit log, so that it goes again with the sample and nothing else does.
"""

from collections.abc import Collection, Mapping

from django.db import transaction
from django.utils import timezone

from accounts import audit, versions
from accounts.models import Account, AuditEvent, User
from journal import facets
from journal.models import Attachment, TradePlaybook
from journal.sample_files.build import Sample
from journal.sample_words import notes, pictures, playbooks, sorting, trades, views
from journal.sample_words.made import Made
from trading.models import Trade

EVENT = "sample.words"


@transaction.atomic
def write(owner: User, sample: Sample, opened: Mapping[str, Account]) -> bool:
    """The sample is sorted, tagged, rated, reviewed but for the newest, and written about; False where it was."""
    if _made(owner) is not None:
        return False
    made = Made()
    sorting.write(owner, sample.accounts, opened, made=made)
    marked = trades.mark(owner, sample.remarks, opened, made=made)
    playbooks.write(owner, marked, made=made)
    pictures.write(owner, [each.trade for each in marked])
    notes.write(owner, sample, opened, made=made)
    views.write(owner, made=made)
    # Tags, ratings and reviews were written past the verbs, which would have told the sums by them.
    facets.request_all(owner.pk)
    audit.written(EVENT, subject="sample", owner_id=owner.pk, after=made.ids)
    versions.bump(owner.pk)
    return True


@transaction.atomic
def forget(owner: User, accounts: Collection[Account]) -> None:
    """Nothing is kept with the trades of these accounts, which are about to go: no ticks, no pictures."""
    keys = Trade.objects.for_user(owner).filter(account__in=accounts).values("public_id")
    TradePlaybook.objects.for_user(owner).filter(trade_key__in=keys).delete()
    # Swept from the disk some days later, as whatever is deleted.
    Attachment.objects.for_user(owner).filter(trade_key__in=keys).update(deleted_at=timezone.now())


@transaction.atomic
def remove(owner: User) -> None:
    """What was made with the sample is gone, but for what the person has since put to a use of their own.

    Called when the sample's accounts are gone, with their trades: what no trade of the person's carries is unused.
    """
    made = _made(owner)
    if made is None:
        return
    playbooks.remove(owner, made)
    notes.remove(owner, made)
    trades.remove(owner, made)
    sorting.remove(owner, made)
    views.remove(owner, made)
    versions.bump(owner.pk)


def _made(owner: User) -> Made | None:
    """What the present sample made, as the audit log has it."""
    events = AuditEvent.objects.filter(owner_id=owner.pk, event__in=[EVENT, "sample.remove"]).order_by("-id")
    newest = events.first()
    return Made(newest.after or {}) if newest is not None and newest.event == EVENT else None
