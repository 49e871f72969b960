"""Trading accounts: opened one by one or in bulk, changed, archived, deleted."""

import re
import zoneinfo
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts import activity, audit, signals, versions
from accounts.errors import (
    AccountHasCashMovements,
    AccountHasTrades,
    Conflict,
    DomainError,
    DuplicateInRequest,
    InvalidValue,
    NameTaken,
)
from accounts.fields import LARGEST_MONEY
from accounts.models import Account, AccountTag, ActivityKind, LedgerEntry, User
from accounts.text import one_line, paragraphs
from accounts.undo import Undone

#: The fields that a person may set, with how text is made safe to keep.
EDITABLE: dict[str, Callable[[str], str] | None] = {
    "name": one_line,
    "broker": one_line,
    "number": one_line,
    "kind": None,
    "status": None,
    "currency": None,
    "time_zone": None,
    "day_start": None,
    "cost_method": None,
    "allows_short": None,
    "initial_balance": None,
    "color": None,
    "description": paragraphs,
    "group": None,
}
LARGEST_BATCH = 1000
UNDO_ARCHIVE = "accounts.archive"

#: What a change of these means for fills is not known here: whoever keeps fills is told.
_RULES = frozenset({"time_zone", "day_start", "cost_method"})
_CURRENCY = re.compile(r"[A-Z][A-Z0-9]{1,11}", re.ASCII)


@transaction.atomic
def create(*, owner: User, **fields: Any) -> Account:
    """A new account of this person. `tags` among the fields are the labels that it carries.

    Raises InvalidValue, or NameTaken when they have one of this name, also when it was made a moment ago.
    """
    tags = _own_tags(owner.pk, fields.pop("tags", None))
    account = _checked(Account(owner=owner), fields)
    with _unique_name(account.name):
        account.save(force_insert=True)
    if tags:
        account.tags.set(tags)
    versions.bump(owner.pk)
    audit.written("account.create", **_subject(account), after=_values(account))
    activity.noted(
        owner.pk,
        ActivityKind.ACCOUNT,
        _("Account %(name)s was added.") % {"name": account.name},
        link=_link(account),
        account_id=account.pk,
    )
    return account


@transaction.atomic
def create_many(*, owner: User, rows: Sequence[Mapping[str, Any]]) -> list[Account]:
    """New accounts of this person in the order of `rows`, all of them or none; at most 1,000. Rows may have `tags`.

    Raises InvalidValue, whose pointer names the row, DuplicateInRequest or NameTaken.
    """
    if not 1 <= len(rows) <= LARGEST_BATCH:
        raise InvalidValue(_("A batch holds 1 to %(most)s accounts.") % {"most": LARGEST_BATCH}, pointer="/accounts")
    accounts: list[Account] = []
    places: dict[str, int] = {}
    tags: list[list[AccountTag]] = []
    for place, row in enumerate(rows):
        try:
            tags.append(_own_tags(owner.pk, row.get("tags")) or [])
            account = _checked(Account(owner=owner), {name: row[name] for name in row if name != "tags"})
        except DomainError as error:
            error.pointer = f"/accounts/{place}{error.pointer}"
            raise
        if places.setdefault(account.name, place) != place:
            raise DuplicateInRequest(
                _("The name %(name)s comes twice.") % {"name": account.name}, pointer=f"/accounts/{place}/name"
            )
        accounts.append(account)
    _refuse_taken(owner, places)
    with _unique_name(_("one of these names"), pointer="/accounts"):
        Account.objects.bulk_create(accounts, batch_size=500)
    link = Account.tags.through
    pairs = zip(accounts, tags, strict=True)
    link.objects.bulk_create(link(account=account, accounttag=tag) for account, own in pairs for tag in own)
    versions.bump(owner.pk)
    after = {str(account.public_id): _values(account) for account in accounts}
    audit.written_many("account.create", subject="account", owner_id=owner.pk, after=after)
    activity.noted(
        owner.pk,
        ActivityKind.ACCOUNT,
        ngettext("%(count)s account was added.", "%(count)s accounts were added.", len(accounts))
        % {"count": len(accounts)},
    )
    return accounts


@transaction.atomic
def update(account: Account, **fields: Any) -> Account:
    """The account with these fields changed. What is equal to what is there is no change, and leaves no trace.

    Raises InvalidValue or NameTaken. Tells the receivers of `account_rules_changed` when its fills are to be dated or
    matched by other rules.
    """
    account = Account.objects.select_for_update(of=("self",), no_key=True).select_related("group").get(pk=account.pk)
    tags = _own_tags(account.owner_id, fields.pop("tags", None))
    before = _values(account)
    _checked(account, fields)
    after = _values(account)
    columns = [name for name, value in after.items() if value != before[name]]
    if tags is not None:
        before["tags"], after["tags"] = _tag_ids(account.tags.all()), _tag_ids(tags)
    changed = [name for name, value in after.items() if value != before[name]]
    if not changed:
        return account
    with _unique_name(account.name):
        account.save(update_fields=[*columns, "updated_at"])
    if tags is not None:
        account.tags.set(tags)
    versions.bump(account.owner_id)
    audit.written(
        "account.update",
        **_subject(account),
        before={name: before[name] for name in changed},
        after={name: after[name] for name in changed},
    )
    words = ", ".join(name.replace("_", " ") for name in changed)
    activity.noted(
        account.owner_id,
        ActivityKind.ACCOUNT,
        _("Account %(name)s: %(fields)s changed.") % {"name": account.name, "fields": words},
        link=_link(account),
        account_id=account.pk,
    )
    if _RULES.intersection(changed):
        signals.account_rules_changed.send(Account, account=account)
    return account


@transaction.atomic
def delete(account: Account, *, confirmed: bool = False) -> None:
    """The account is gone, with its fills and trades when the person said so.

    Raises AccountHasTrades unless `confirmed` when it has fills, and AccountHasCashMovements when its ledger has
    entries, which nobody may delete. Receivers of `account_deleted` run before the rows go.
    """
    # As everybody who changes fills: the account, then the version. Only then the stronger lock, which foreign keys
    # wait for: a transaction whose keys it stops holds the version, and would be waited for in vain.
    account = Account.objects.select_for_update(of=("self",), no_key=True).get(pk=account.pk)
    versions.bump(account.owner_id)
    account = Account.objects.select_for_update(of=("self",)).get(pk=account.pk)
    if LedgerEntry.objects.filter(portfolio__account=account).exists():
        raise AccountHasCashMovements(_("The account has cash movements: archive it instead."))
    if not confirmed and has_fills(account):
        raise AccountHasTrades(_("The account has trades. Confirm that they are to be deleted with it."))
    signals.account_deleted.send(Account, account=account)
    before, subject = _values(account), _subject(account)
    account.delete()
    audit.written("account.delete", **subject, before=before)
    activity.noted(account.owner_id, ActivityKind.ACCOUNT, _("Account %(name)s was deleted.") % {"name": account.name})


@transaction.atomic
def archive(account: Account, *, at: datetime) -> Account:
    """The account no longer shows where current ones do; its figures still count. Raises Conflict if it was so."""
    changed = Account.objects.filter(pk=account.pk, archived_at__isnull=True).update(archived_at=at, updated_at=at)
    if not changed:
        raise Conflict(_("The account is archived already."), code="already_archived")
    return _moved(account, event="account.archive", words=_("Account %(name)s was archived."))


@transaction.atomic
def restore(account: Account, *, at: datetime) -> Account:
    """The account is a current one again. Raises Conflict if it is not archived."""
    changed = Account.objects.filter(pk=account.pk, archived_at__isnull=False).update(archived_at=None, updated_at=at)
    if not changed:
        raise Conflict(_("The account is not archived."), code="not_archived")
    return _moved(account, event="account.restore", words=_("Account %(name)s was restored."))


@transaction.atomic
def take_archive_back(user: User, payload: Mapping[str, Any]) -> Undone:
    """The account is archived or current, as it was before. Raises Conflict where it is so already."""
    account = Account.objects.for_user(user).filter(public_id=payload["id"]).first()
    if account is None:
        raise InvalidValue(_("The account is gone."), code="undo_expired")
    if payload["was_archived"]:
        archive(account, at=datetime.fromisoformat(payload["at"]))
        return Undone(words=_("Account %(name)s is archived again.") % {"name": account.name})
    restore(account, at=datetime.fromisoformat(payload["at"]))
    return Undone(words=_("Account %(name)s is a current one again.") % {"name": account.name})


def has_fills(account: Account) -> bool:
    """Whether any fill is kept in this account. Fills live in an app above; its reverse name is all we know."""
    fills = getattr(account, "executions", None)
    return fills is not None and bool(fills.exists())


def _moved(account: Account, *, event: str, words: str) -> Account:
    account.refresh_from_db()
    versions.bump(account.owner_id)
    audit.written(event, **_subject(account), after={"archived_at": account.archived_at})
    activity.noted(
        account.owner_id,
        ActivityKind.ACCOUNT,
        words % {"name": account.name},
        link=_link(account),
        account_id=account.pk,
    )
    return account


def _checked(account: Account, fields: Mapping[str, Any]) -> Account:
    """The account with the fields set, every one of them valid. The database is not asked."""
    for name, value in fields.items():
        try:
            clean = EDITABLE[name]
        except KeyError:
            raise TypeError(f"{name} is not a field that can be set") from None
        try:
            setattr(account, name, clean(value) if clean else value)
        except ValueError as error:
            raise InvalidValue(f"{_capital(error)}.", pointer=f"/{name}") from error
    try:
        account.clean_fields(exclude=["owner", "public_id", "group"])
    except ValidationError as error:
        name, messages = next(iter(error.message_dict.items()))
        raise InvalidValue(messages[0], pointer=f"/{name}") from error
    if account.group is not None and account.group.owner_id != account.owner_id:
        raise InvalidValue(_("There is no such group of yours."), pointer="/group")
    if account.time_zone not in _time_zones():
        raise InvalidValue(_("This is not a time zone of the IANA database."), pointer="/time_zone")
    if account.initial_balance is not None and abs(account.initial_balance) > LARGEST_MONEY:
        raise InvalidValue(_("The initial balance is too large."), pointer="/initial_balance")
    if not _CURRENCY.fullmatch(account.currency):
        raise InvalidValue(_("A currency is 2 to 12 capital letters and digits."), pointer="/currency")
    return account


def _refuse_taken(owner: User, places: Mapping[str, int]) -> None:
    taken = Account.objects.for_user(owner).filter(name__in=places).order_by("id").first()
    if taken is not None:
        raise NameTaken(
            _("You have an account named %(name)s.") % {"name": taken.name},
            pointer=f"/accounts/{places[taken.name]}/name",
        )


@contextmanager
def _unique_name(name: str, *, pointer: str = "/name") -> Iterator[None]:
    """Says in words that a name is taken, where two requests raced and the database decided."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        if "account_name_unique_per_owner" not in str(error):
            raise
        raise NameTaken(_("You have an account named %(name)s.") % {"name": name}, pointer=pointer) from error


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def _values(account: Account) -> dict[str, Any]:
    """What the audit log tells of an account; its group by its outside id."""
    values = {name: getattr(account, name) for name in EDITABLE}
    return {**values, "group": account.group and str(account.group.public_id)}


def _own_tags(owner_id: int, tags: Iterable[AccountTag] | None) -> list[AccountTag] | None:
    """The labels, each once. Raises InvalidValue for one that is not the person's."""
    if tags is None:
        return None
    found = {tag.pk: tag for tag in tags}
    if any(tag.owner_id != owner_id for tag in found.values()):
        raise InvalidValue(_("There is no such label of yours."), pointer="/tags")
    return list(found.values())


def _tag_ids(tags: Iterable[AccountTag]) -> list[str]:
    return sorted(str(tag.public_id) for tag in tags)


def _subject(account: Account) -> dict[str, Any]:
    return {"subject": "account", "subject_id": account.public_id, "owner_id": account.owner_id}


def _link(account: Account) -> str:
    return f"/accounts/{account.public_id}/"


def _capital(error: Exception) -> str:
    text = str(error)
    return text[:1].upper() + text[1:]
