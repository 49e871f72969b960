"""Sample accounts with invented trades: loaded through the real import pipeline, and removed again.

For the dashboard's buttons: `is_loaded(user)` says which of the two to show; send `journal.tasks.load_sample` or
`journal.tasks.remove_sample` with `publishing.after_commit(task, user.pk)`. Both take some seconds, may run twice, and
leave what is not sample alone. `demo` loads a larger one.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts import audit, ledger, trading_accounts
from accounts.errors import AccountHasCashMovements
from accounts.models import Account, AccountStatus, AuditEvent, User
from journal import facets, sample_remarks, sample_words
from journal.metrics import rollups
from journal.sample_files.build import Sample, SampleFile, build
from journal.sample_files.fleet import SampleAccount
from journal.sample_words import prices
from journal.signals import sample_loaded, sample_removed
from trading import fx
from trading.ecb import parse_reference_rates
from trading.errors import ImportRefused
from trading.imports import batches, pipeline
from trading.models import BatchStatus, FxRate, ImportBatch, Trade

SMALL = 12
SEED = 7
#: Of invented rates of exchange, so that nobody takes them for real.
SOURCE = "sample"

#: Accounts with cash movements.
MOVING = 5

_BEGUN, _DONE, _REMOVED = "sample.begin", "sample.finish", "sample.remove"


@dataclass(frozen=True, slots=True)
class Step:
    """How far a load is: `done` of `total` fills are in, `filename` is in hand, or done when `is_whole`."""

    filename: str
    format: str
    new: int
    done: int
    total: int
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load did. `was_there` says that everything was there already, so that nothing was done."""

    accounts: int
    files: int
    new_fills: int
    was_there: bool
    sample: Sample | None = None


OnProgress = Callable[[Step], None]


def is_loaded(owner: User) -> bool:
    """Whether this person has sample accounts, all of them or some."""
    return _accounts(owner).exists()


def extent(owner: User) -> tuple[int, int]:
    """How many accounts `remove` takes away, and how many trades with them."""
    accounts = _accounts(owner)
    return accounts.count(), Trade.objects.for_user(owner).filter(account__in=accounts.order_by()).count()


def load(
    owner: User,
    *,
    accounts: int = SMALL,
    seed: int = SEED,
    end: date | None = None,
    with_rates_and_cash: bool = False,
    on_progress: OnProgress = lambda step: None,
) -> Loaded:
    """The person has sample accounts with two years of invented trades up to `end`, or yesterday.

    Where a sample is there already, nothing changes; where a load was cut off, it is finished as it was begun. Waits
    for another load or removal of the same person's. Raises ImportRefused when the pipeline refuses a file, which
    would be a fault of the generator or of a parser.

    `with_rates_and_cash` is for a journal of one's own: invented rates of exchange and bars of prices count for
    everybody, and accounts with cash movements can never be deleted.
    """
    with _alone(owner), audit.acting(owner):
        begun = _begun(owner)
        if begun and begun["is_finished"]:
            return Loaded(_accounts(owner).count(), 0, 0, was_there=True)
        if begun is None:
            last = end or timezone.now().date() - timedelta(days=1)
            begun = {"seed": seed, "end": last.isoformat(), "accounts": accounts}
            audit.written(_BEGUN, subject="sample", owner_id=owner.pk, after=begun)
        sample = build(seed=begun["seed"], end=date.fromisoformat(begun["end"]), accounts=begun["accounts"])
        opened = _open(owner, sample.accounts)
        if with_rates_and_cash:
            _store_missing_rates(sample)
            _move_cash(sample, opened)
        new = _import_all(owner, sample, opened, on_progress=on_progress)
        _close_lost(sample, opened)
        sample_remarks.write(owner, sample.remarks, opened)
        sample_words.write(owner, sample, opened)
        if with_rates_and_cash:
            prices.write(owner, sample, opened, seed=begun["seed"])
        rollups.recompute(owner.pk)
        facets.recompute_all(owner.pk)
        sample_loaded.send(sender=Account, owner=owner)
        audit.written(_DONE, subject="sample", owner_id=owner.pk, after={"fills": new})
        return Loaded(len(opened), len(sample.files), new, was_there=False, sample=sample)


def remove(owner: User) -> int:
    """The person's sample accounts are gone with everything in them; returns how many there were.

    An account with cash movements, whose ledger nobody may delete, is emptied of fills and archived instead.
    """
    with _alone(owner), audit.acting(owner):
        accounts = list(_accounts(owner))
        sample_words.forget(owner, accounts)
        for batch in _batches(owner):
            if batch.status == BatchStatus.APPLIED:
                batches.undo(batch)
            pipeline.path_of(batch).unlink(missing_ok=True)
        for account in accounts:
            try:
                trading_accounts.delete(account, confirmed=True)
            except AccountHasCashMovements:
                trading_accounts.archive(account, at=timezone.now())
        _batches(owner).delete()
        sample_words.remove(owner)
        sample_removed.send(sender=Account, owner=owner)
        if not Account.objects.current().filter(is_sample=True).exists():
            FxRate.objects.filter(source=SOURCE).delete()
            prices.remove()
        rollups.recompute(owner.pk)
        facets.recompute_all(owner.pk)
        audit.written(_REMOVED, subject="sample", owner_id=owner.pk, after={"accounts": len(accounts)})
        return len(accounts)


def _accounts(owner: User) -> QuerySet[Account]:
    return Account.objects.for_user(owner).current().filter(is_sample=True).order_by("id")


def _batches(owner: User) -> QuerySet[ImportBatch]:
    return ImportBatch.objects.for_user(owner).filter(options__is_sample=True).order_by("-id")


@contextmanager
def _alone(owner: User) -> Iterator[None]:
    """One load or removal per person at a time, over all processes: another waits."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(7305, %s)", [owner.pk])
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(7305, %s)", [owner.pk])


def _begun(owner: User) -> dict[str, Any] | None:
    """With what the present sample was begun and whether it is finished, as the audit log has it; None without one.

    A sample that was cut off is to be finished with the same end, on whatever day that is.
    """
    events = AuditEvent.objects.filter(owner_id=owner.pk, event__in=[_BEGUN, _DONE, _REMOVED]).order_by("-id")
    found: dict[str, Any] | None = None
    is_finished = False
    for event in events[:2]:
        if event.event == _REMOVED:
            break
        if event.event == _DONE:
            is_finished = True
        else:
            found = {**(event.after or {}), "is_finished": is_finished}
            break
    if found and found["is_finished"] and not is_loaded(owner):
        return None
    return found


def _open(owner: User, wanted: Sequence[SampleAccount]) -> dict[str, Account]:
    """The accounts by number; those that are missing are opened."""
    opened = {account.number: account for account in _accounts(owner)}
    missing = [account for account in wanted if account.number not in opened]
    if missing:
        names = set(Account.objects.for_user(owner).values_list("name", flat=True))
        with transaction.atomic():
            rows = [_fields(account, taken=names) for account in missing]
            made = trading_accounts.create_many(owner=owner, rows=rows)
            Account.objects.filter(pk__in=[account.pk for account in made]).update(is_sample=True)
        opened |= {account.number: account for account in made}
    return opened


def _fields(account: SampleAccount, *, taken: set[str]) -> dict[str, Any]:
    name = account.name
    while name in taken:
        name += " (sample)"
    return {
        "name": name,
        "broker": account.broker,
        "number": account.number,
        "kind": account.kind,
        "currency": account.currency,
        "time_zone": account.time_zone,
        "day_start": account.day_start,
        "initial_balance": account.initial_balance,
        "color": account.color,
        "description": account.description,
    }


def _store_missing_rates(sample: Sample) -> None:
    """There are rates for the days of the sample: real ones where there were any, invented ones elsewhere."""
    known = set(FxRate.objects.filter(base="EUR").values_list("date", "quote"))
    invented = parse_reference_rates(sample.rates_csv)
    fx.store([rate for rate in invented if (rate.day, rate.currency) not in known], source=SOURCE)


def _move_cash(sample: Sample, opened: dict[str, Account]) -> None:
    """A few accounts of persons have their first deposit on the books, and a later withdrawal."""
    at = datetime.combine(sample.start, time(9), UTC)
    persons = [account for account in sample.accounts if account.kind == "individual"][:MOVING]
    for account in persons:
        target, amount = opened[account.number], account.initial_balance
        ledger.deposit(
            target, currency=account.currency, amount=amount, idempotency_key="sample-deposit", at=at, note="Sample"
        )
        ledger.withdraw(
            target,
            currency=account.currency,
            amount=amount / 20,
            idempotency_key="sample-withdrawal",
            at=at + timedelta(days=400),
            note="Sample",
        )


def _import_all(owner: User, sample: Sample, opened: dict[str, Account], *, on_progress: OnProgress) -> int:
    for batch in _batches(owner).exclude(status__in=[BatchStatus.APPLIED, BatchStatus.UNDONE]):
        pipeline.path_of(batch).unlink(missing_ok=True)  # left behind by a load that was cut off
        batch.delete()
    applied = set(_batches(owner).filter(status=BatchStatus.APPLIED).values_list("sha256", flat=True))
    total = sum(file.fills for file in sample.files)
    done = new = 0
    for file in sample.files:
        start, found = done, 0
        if sha256(file.content).hexdigest() not in applied:
            found = _import(
                owner,
                file,
                opened,
                on_progress=lambda rows, file=file, start=start: on_progress(  # type: ignore[misc]
                    Step(file.filename, file.format, 0, min(start + rows, start + file.fills), total, is_whole=False)
                ),
            )
        done += file.fills
        new += found
        on_progress(Step(file.filename, file.format, found, done, total))
    return new


def _import(owner: User, file: SampleFile, opened: dict[str, Account], *, on_progress: Callable[[int], None]) -> int:
    """The file has gone the way of every upload; returns how many of its fills were new."""
    batch = batches.receive(
        owner=owner,
        chunks=[file.content],
        filename=file.filename,
        account=opened[file.number] if file.number else None,
        options={
            "is_sample": True,
            "time_zone": file.time_zone,
            "accounts": {number: {"account": str(opened[number].public_id)} for number in file.numbers},
        },
    )
    batch = batches.look(batch)
    if asked := batch.preview.get("decisions"):
        # What is only sold in a file was sold short here, as the trader would answer.
        answers = {decision["key"]: "import_as_short" for decision in asked}
        batch = batches.look(batches.choose(batch, options={"decisions": answers}))
    if batch.status == BatchStatus.READY:
        batch = batches.run(batches.queue(batch), on_progress=on_progress)
    if batch.status != BatchStatus.APPLIED:
        raise ImportRefused(f"{file.filename}: {batch.error_message or batch.get_status_display()}")
    return int(batch.result["new"])


def _close_lost(sample: Sample, opened: dict[str, Account]) -> None:
    """Prop accounts that lost what their firm allows are closed."""
    for account in sample.lost_accounts():
        if opened[account.number].status != AccountStatus.CLOSED:
            trading_accounts.update(opened[account.number], status=AccountStatus.CLOSED.value)
