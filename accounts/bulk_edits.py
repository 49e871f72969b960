"""One change to any number of accounts at once: looked at before, made whole or not at all, and taken back.

Each account's change is one line of the audit log, marked with the act that it belongs to. That is also what an undo
reads: a token names the act, however many accounts it changed.
"""

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts import activity, audit, versions
from accounts.errors import InvalidValue
from accounts.models import (
    Account,
    AccountGroup,
    AccountKind,
    AccountStatus,
    AccountTag,
    ActivityKind,
    AuditEvent,
    User,
)
from accounts.text import is_color, one_line
from accounts.undo import Undone

UNDO = "accounts.bulk"
#: As many as can be meant by naming each; "all that match" has no limit.
LARGEST_CHOICE = 20_000

#: The columns that one change may set on many accounts, in the order in which they are told.
COLUMNS = ("group", "broker", "kind", "status", "color", "archived")


@dataclass(frozen=True, slots=True)
class Change:
    """What is to become of the accounts. What is not named in `values` stays as it is.

    `values` maps names of `COLUMNS` to what they become; `group` is a group or None, `archived` a truth value.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    add_tags: Sequence[AccountTag] = ()
    remove_tags: Sequence[AccountTag] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.values or self.add_tags or self.remove_tags)


@dataclass(frozen=True, slots=True)
class Effect:
    """One part of a change: the column or `add_tag` or `remove_tag`, what it becomes, and for how many accounts."""

    name: str
    value: Any
    accounts: int


@dataclass(frozen=True, slots=True)
class Preview:
    """What a change would do: to how many of how many accounts, part by part."""

    total: int
    changed: int
    effects: tuple[Effect, ...]


@dataclass(frozen=True, slots=True)
class Applied:
    """What a change did. `payload` is what `take_back` needs; None where nothing changed."""

    total: int
    changed: int
    payload: Mapping[str, Any] | None


def preview(owner: User, accounts: Collection[int], change: Change) -> Preview:
    """What `apply` would do to these accounts now. Raises as it does."""
    _refuse(owner, change)
    standing = _standing(owner, accounts, change, for_update=False)
    steps = _steps(standing, change)
    counts = {name: sum(name in step.after for step in steps) for name in change.values}
    effects = [Effect(name, change.values[name], counts[name]) for name in COLUMNS if name in change.values]
    for name, tags in (("add_tag", change.add_tags), ("remove_tag", change.remove_tags)):
        for tag in tags:
            moved = sum((tag.pk in step.tags_after) != (tag.pk in step.tags_before) for step in steps)
            effects.append(Effect(name, tag, moved))
    return Preview(total=len(standing), changed=len(steps), effects=tuple(effects))


@transaction.atomic
def apply(*, owner: User, accounts: Collection[int], change: Change, at: datetime) -> Applied:
    """All of these accounts hold what the change says, or none where one of them is not the person's.

    `accounts` are primary keys. What is there already is no change and leaves no trace. Raises InvalidValue for an
    account, group or label that is not the person's, for an empty change and for values that cannot be.
    """
    _refuse(owner, change)
    standing = _standing(owner, accounts, change, for_update=True)
    steps = _steps(standing, change)
    payload = _write(owner.pk, steps, at=at)
    if steps:
        words = ngettext(
            "%(count)s account was changed together.", "%(count)s accounts were changed together.", len(steps)
        ) % {"count": len(steps)}
        activity.noted(owner.pk, ActivityKind.ACCOUNT, words, link="/accounts/")
    return Applied(total=len(standing), changed=len(steps), payload=payload)


@transaction.atomic
def take_back(user: User, payload: Mapping[str, Any]) -> Undone:
    """What the act changed is as it was before, wherever nobody has changed it since.

    Raises InvalidValue where nothing is left to take back.
    """
    changed = revert(user, payload)
    if not changed:
        raise InvalidValue(_("These accounts were changed again since, or are gone."), code="undo_expired")
    return Undone(
        words=ngettext("%(count)s account is as before.", "%(count)s accounts are as before.", changed)
        % {"count": changed}
    )


def revert(user: User, payload: Mapping[str, Any]) -> int:
    """As `take_back`, inside the caller's transaction; returns how many accounts were put back."""
    events = AuditEvent.objects.for_user(user).filter(
        pk__gte=payload["first"], pk__lte=payload["last"], event="account.update", after__act=payload["act"]
    )
    told = {event.subject_id: event for event in events.only("subject_id", "before", "after")}
    rows = Account.objects.for_user(user).filter(public_id__in=list(told)).order_by("pk")
    accounts = {str(each.public_id): each for each in rows.select_for_update(of=("self",), no_key=True)}
    groups = {str(each.public_id): each for each in _own(AccountGroup, user)}
    _with_groups(accounts.values(), {each.pk: each for each in groups.values()})
    tags = {str(each.public_id): each.pk for each in _own(AccountTag, user)}
    held = _tags_of([each.pk for each in accounts.values()])
    steps = []
    for key, account in accounts.items():
        before, after = told[key].before or {}, told[key].after or {}
        step = _Step(account, tags_before=held[account.pk], tags_after=held[account.pk])
        for name in COLUMNS:
            if name in before and _told(account, name) == after.get(name) and _is_there(name, before[name], groups):
                step.before[name], step.after[name] = _value(account, name), _read(name, before[name], groups)
        if "tags" in before:
            was, became = set(before["tags"]), set(after["tags"])
            added = {tags[each] for each in became - was if each in tags}
            removed = {tags[each] for each in was - became if each in tags}
            step.tags_after = (step.tags_before - added) | removed
        if step.before or step.tags_after != step.tags_before:
            steps.append(step)
    _write(user.pk, steps, at=None)
    return len(steps)


@dataclass(slots=True)
class _Step:
    """What one account holds and is to hold, of what changes. Labels are primary keys."""

    account: Account
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    tags_before: frozenset[int] = frozenset()
    tags_after: frozenset[int] = frozenset()


def _refuse(owner: User, change: Change) -> None:
    if change.is_empty:
        raise InvalidValue(_("Say what is to change."), pointer="/changes")
    if unknown := set(change.values) - set(COLUMNS):
        raise TypeError(f"{sorted(unknown)} cannot be changed together")
    values = change.values
    for name, choices in (("kind", AccountKind.values), ("status", AccountStatus.values)):
        if name in values and values[name] not in choices:
            raise InvalidValue(
                _("This is one of %(choices)s.") % {"choices": ", ".join(choices)}, pointer=f"/changes/{name}"
            )
    if "color" in values and not is_color(values["color"]):
        raise InvalidValue(_("A colour is written #rrggbb."), pointer="/changes/color")
    if "broker" in values:
        _refuse_broker(values["broker"])
    both = {tag.pk for tag in change.add_tags} & {tag.pk for tag in change.remove_tags}
    if both:
        raise InvalidValue(_("A label cannot be put on and taken off at once."), pointer="/changes/remove_tags")
    named = [*change.add_tags, *change.remove_tags, *([values["group"]] if values.get("group") else [])]
    if any(each.owner_id != owner.pk for each in named):
        raise InvalidValue(_("There is nothing of yours with this id."), pointer="/changes")


def _refuse_broker(broker: str) -> None:
    try:
        is_clean = one_line(broker) == broker and len(broker) <= 100
    except ValueError as error:
        raise InvalidValue(_("Broker: %(error)s.") % {"error": error}, pointer="/changes/broker") from error
    if not is_clean:
        raise InvalidValue(_("A broker's name has at most 100 characters."), pointer="/changes/broker")


def _standing(owner: User, accounts: Collection[int], change: Change, *, for_update: bool) -> list[Account]:
    """The accounts, in the order of their ids; locked where they are to change."""
    wanted = set(accounts)
    rows = Account.objects.for_user(owner).filter(pk__in=wanted).order_by("pk")
    if for_update:
        rows = rows.select_for_update(of=("self",), no_key=True)
    found = list(rows.only("public_id", "owner", "group", "broker", "kind", "status", "color", "archived_at"))
    if len(found) != len(wanted) or not wanted:
        raise InvalidValue(_("Some of these accounts are not there. Nothing was changed."), pointer="/ids")
    if "group" in change.values:
        _with_groups(found, {each.pk: each for each in _own(AccountGroup, owner)})
    return found


def _with_groups(accounts: Iterable[Account], groups: Mapping[int, AccountGroup]) -> None:
    """Each account knows its group, without a query of its own."""
    for account in accounts:
        account.group = groups.get(account.group_id) if account.group_id else None


def _steps(accounts: Sequence[Account], change: Change) -> list[_Step]:
    """What changes, account by account; those that are so already are left out."""
    added, removed = {tag.pk for tag in change.add_tags}, {tag.pk for tag in change.remove_tags}
    held = _tags_of([each.pk for each in accounts]) if added or removed else defaultdict(frozenset)
    steps = []
    for account in accounts:
        step = _Step(account, tags_before=held[account.pk], tags_after=(held[account.pk] | added) - removed)
        for name, value in change.values.items():
            now = _value(account, name)
            is_same = (now is not None) == value if name == "archived" else now == value
            if not is_same:
                step.before[name], step.after[name] = now, value
        if step.before or step.tags_after != step.tags_before:
            steps.append(step)
    return steps


def _write(owner_id: int, steps: Sequence[_Step], *, at: datetime | None) -> Mapping[str, Any] | None:
    """The steps are made and told; returns what takes them back, None where there are none.

    `at` is when accounts that become archived are so from; an undo has each one's own time instead.
    """
    if not steps:
        return None
    act = str(uuid.uuid4())
    together: dict[tuple[str, Any], list[int]] = defaultdict(list)
    for step in steps:
        for name, value in step.after.items():
            column = "archived_at" if name == "archived" else name
            if name == "archived" and isinstance(value, bool):
                value = step.after[name] = at if value else None
            together[column, value].append(step.account.pk)
    for (column, value), pks in together.items():
        Account.objects.filter(pk__in=pks).update(**{column: value})
    _write_tags(steps)
    touched = Account.objects.filter(pk__in=[step.account.pk for step in steps])
    if at is not None:
        touched.update(updated_at=at)
    versions.bump(owner_id)
    names = _tag_ids(steps)
    lines = audit.written_many(
        "account.update",
        subject="account",
        owner_id=owner_id,
        before={str(step.account.public_id): _as_told(step.before, step.tags_before, step, names) for step in steps},
        after={
            str(step.account.public_id): {**_as_told(step.after, step.tags_after, step, names), "act": act}
            for step in steps
        },
    )
    # Lines of other acts may lie in between: the act tells which are meant.
    return {"first": min(lines), "last": max(lines), "act": act}


def _write_tags(steps: Sequence[_Step]) -> None:
    links = Account.tags.through.objects
    gone: dict[int, list[int]] = defaultdict(list)
    new = []
    for step in steps:
        for tag_id in step.tags_before - step.tags_after:
            gone[tag_id].append(step.account.pk)
        new += [(step.account.pk, tag_id) for tag_id in sorted(step.tags_after - step.tags_before)]
    for tag_id, pks in gone.items():
        links.filter(accounttag_id=tag_id, account_id__in=pks).delete()
    made = [Account.tags.through(account_id=pk, accounttag_id=tag_id) for pk, tag_id in new]
    links.bulk_create(made, batch_size=2000, ignore_conflicts=True)


def _own(model: Any, user: User) -> list[Any]:
    return list(model.objects.for_user(user).order_by("pk"))


def _tags_of(accounts: Sequence[int]) -> defaultdict[int, frozenset[int]]:
    found: defaultdict[int, set[int]] = defaultdict(set)
    links = Account.tags.through.objects.filter(account_id__in=accounts)
    for account_id, tag_id in links.values_list("account_id", "accounttag_id"):
        found[account_id].add(tag_id)
    return defaultdict(frozenset, {pk: frozenset(tags) for pk, tags in found.items()})


def _tag_ids(steps: Sequence[_Step]) -> dict[int, str]:
    known = frozenset().union(*(step.tags_before | step.tags_after for step in steps))
    rows = AccountTag.objects.filter(pk__in=known).values_list("pk", "public_id")
    return {pk: str(public_id) for pk, public_id in rows}


def _value(account: Account, name: str) -> Any:
    return account.archived_at if name == "archived" else getattr(account, name)


def _as_told(values: Mapping[str, Any], tags: frozenset[int], step: _Step, names: Mapping[int, str]) -> dict[str, Any]:
    """The values as the audit log has them: groups and labels by their outside ids, times in ISO."""
    told = {name: _plain(value) for name, value in values.items()}
    if step.tags_before != step.tags_after:
        told["tags"] = sorted(names[pk] for pk in tags)
    return told


def _plain(value: Any) -> Any:
    if isinstance(value, AccountGroup):
        return str(value.public_id)
    return value.isoformat() if isinstance(value, datetime) else value


def _told(account: Account, name: str) -> Any:
    return _plain(_value(account, name))


def _is_there(name: str, told: Any, groups: Mapping[str, AccountGroup]) -> bool:
    return name != "group" or told is None or told in groups


def _read(name: str, told: Any, groups: Mapping[str, AccountGroup]) -> Any:
    """What `_plain` wrote down."""
    if told is None:
        return None
    if name == "group":
        return groups[told]
    return datetime.fromisoformat(told) if name == "archived" else told
