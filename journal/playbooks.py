"""Verbs on playbooks: their rules and versions, and which trades were taken by them and kept which rules."""

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit, versions
from accounts.errors import Conflict, InvalidValue
from accounts.models import User
from accounts.undo import Undone
from journal.models import Playbook, PlaybookRule, PlaybookVersion, RuleCheck, TradePlaybook
from trading.models import Trade
from trading.signals import remarks_changed

MOST_RULES = 60
MOST_PLAYBOOKS = 200


class PlaybookChanged(Conflict):
    """Somebody has changed the playbook since it was read."""

    code = "playbook_changed"


class PlaybookInUse(Conflict):
    """Trades were taken by the playbook, so that it can be archived and not deleted."""

    code = "playbook_in_use"


class PlaybookNameTaken(Conflict):
    """The person has a playbook of this name."""

    code = "name_taken"


@dataclass(frozen=True, slots=True)
class WrittenRule:
    """A rule as somebody wrote it. `key` is that of the rule which it rewords, None of a new one."""

    text: str
    group: str = ""
    key: uuid.UUID | None = None


def current_version(playbook: Playbook) -> PlaybookVersion:
    """The version that a trade is held against from now on."""
    return PlaybookVersion.objects.filter(playbook=playbook).order_by("-number")[0]


def rules_of(version: PlaybookVersion) -> list[PlaybookRule]:
    """The rules of the version in their order."""
    return list(PlaybookRule.objects.filter(version=version).order_by("position"))


def stand_of(playbook: Playbook) -> str:
    """A digest of all that `edit` can change, for `instead_of`."""
    version = current_version(playbook)
    parts = [playbook.name, playbook.description, playbook.color, str(version.number)]
    parts += [f"{rule.key}\0{rule.group}\0{rule.text}" for rule in rules_of(version)]
    return hashlib.sha256("\1".join(parts).encode()).hexdigest()[:24]


@transaction.atomic
def create(
    *, owner: User, name: str, description: str = "", color: str | None = None, rules: Sequence[WrittenRule] = ()
) -> Playbook:
    """The playbook exists, with these rules as its first version. Raises PlaybookNameTaken, InvalidValue."""
    if Playbook.objects.for_user(owner).count() >= MOST_PLAYBOOKS:
        raise InvalidValue(_("You have %(count)s playbooks, the most there can be.") % {"count": MOST_PLAYBOOKS})
    playbook = Playbook(owner=owner, name=name, description=description, **({"color": color} if color else {}))
    _save(playbook)
    version = PlaybookVersion.objects.create(playbook=playbook, number=1)
    _write_rules(version, rules, known=set())
    audit.written(
        "playbook.create", subject="playbook", subject_id=playbook.public_id, owner_id=owner.pk, after={"name": name}
    )
    return playbook


@transaction.atomic
def edit(
    playbook: Playbook,
    *,
    name: str | None = None,
    description: str | None = None,
    color: str | None = None,
    rules: Sequence[WrittenRule] | None = None,
    instead_of: str | None = None,
) -> Playbook:
    """The playbook is like this from now on; None leaves a thing as it is.

    Other rules make a new version once the present one was held against a trade, so that no trade's history changes.
    Rules with a key of an earlier version continue that rule.
    Raises: PlaybookChanged when it is not as `stand_of` said any more, PlaybookNameTaken, InvalidValue.
    """
    playbook = _locked(playbook)
    if instead_of is not None and instead_of != stand_of(playbook):
        raise PlaybookChanged(_("This playbook was changed meanwhile."))
    playbook.name = playbook.name if name is None else name
    playbook.description = playbook.description if description is None else description
    playbook.color = color or playbook.color
    _save(playbook)
    if rules is not None:
        _edit_rules(playbook, rules)
    audit.written(
        "playbook.edit",
        subject="playbook",
        subject_id=playbook.public_id,
        owner_id=playbook.owner_id,
        after={"name": playbook.name, "version": current_version(playbook).number},
    )
    return playbook


@transaction.atomic
def archive(playbook: Playbook) -> None:
    """It is offered for no more trades; what was written of it stays."""
    _locked(playbook)
    Playbook.objects.filter(pk=playbook.pk, archived_at__isnull=True).update(archived_at=timezone.now())
    versions.bump(playbook.owner_id)


@transaction.atomic
def restore(playbook: Playbook) -> None:
    """It is offered again."""
    _locked(playbook)
    Playbook.objects.filter(pk=playbook.pk).update(archived_at=None)
    versions.bump(playbook.owner_id)


def unarchive(owner: User, kept: Mapping[str, Any]) -> Undone:
    """The playbook that was archived is offered again."""
    playbook = Playbook.objects.for_user(owner).filter(public_id=kept["playbook"]).first()
    if playbook is None:
        raise PlaybookChanged(_("This playbook is gone."))
    restore(playbook)
    return Undone(_("The playbook is offered again."), f"/playbooks/{playbook.public_id}/")


@transaction.atomic
def delete(playbook: Playbook) -> dict[str, Any]:
    """The playbook is gone; returns what `undelete` makes it anew from. Raises PlaybookInUse once a trade has it."""
    playbook = _locked(playbook)
    if TradePlaybook.objects.filter(playbook=playbook).exists():
        raise PlaybookInUse(_("Trades were taken by this playbook. Archive it: their history needs its rules."))
    kept = {
        "public_id": str(playbook.public_id),
        "name": playbook.name,
        "description": playbook.description,
        "color": playbook.color,
        "rules": [[rule.text, rule.group, str(rule.key)] for rule in rules_of(current_version(playbook))],
    }
    audit.written(
        "playbook.delete",
        subject="playbook",
        subject_id=playbook.public_id,
        owner_id=playbook.owner_id,
        before={"name": playbook.name},
    )
    owner_id = playbook.owner_id
    playbook.delete()
    versions.bump(owner_id)
    return kept


@transaction.atomic
def undelete(owner: User, kept: Mapping[str, Any]) -> Undone:
    """The deleted playbook is there again, under its id. Raises PlaybookNameTaken."""
    if Playbook.objects.filter(public_id=kept["public_id"]).exists():
        raise Conflict(_("This playbook is there already."))
    playbook = Playbook(
        owner=owner,
        public_id=uuid.UUID(kept["public_id"]),
        name=kept["name"],
        description=kept["description"],
        color=kept["color"],
    )
    _save(playbook)
    version = PlaybookVersion.objects.create(playbook=playbook, number=1)
    rules = [WrittenRule(text, group, uuid.UUID(key)) for text, group, key in kept["rules"]]
    _write_rules(version, rules, known={rule.key for rule in rules if rule.key})
    return Undone(_("The playbook is back."), f"/playbooks/{playbook.public_id}/")


# ---------------------------------------------------------------- trades
@transaction.atomic
def assign(trade: Trade, *, playbook: Playbook) -> TradePlaybook:
    """The trade was taken by the playbook, held against its version of now; where it was already, nothing changes.

    Raises: InvalidValue for somebody else's playbook and for an archived one.
    """
    playbook = _locked(playbook)
    if playbook.owner_id != trade.owner_id:
        raise InvalidValue(_("There is nothing of yours with this id."), pointer="/playbook")
    found = TradePlaybook.objects.filter(trade_key=trade.public_id, playbook=playbook).first()
    if found is not None:
        return found
    if playbook.archived_at is not None:
        raise InvalidValue(_("This playbook is archived."), pointer="/playbook")
    made = TradePlaybook.objects.create(
        owner_id=trade.owner_id, trade_key=trade.public_id, playbook=playbook, version=current_version(playbook)
    )
    _moved(trade.owner_id, trade.public_id)
    return made


@transaction.atomic
def check(taken: TradePlaybook, *, kept: Mapping[uuid.UUID, bool | None]) -> None:
    """Of these rules, by their keys, the trade kept those that are True and broke those that are False.

    None means that nobody looked. Rules that are not named stay as they are. Raises InvalidValue for a rule that the
    trade's version of the playbook does not have.
    """
    # The playbook first, as everywhere: whoever takes the trade off it waits, or has done it already.
    Playbook.objects.select_for_update(no_key=True, of=("self",)).get(pk=taken.playbook_id)
    if not TradePlaybook.objects.filter(pk=taken.pk).exists():
        raise Conflict(_("The trade is not held against this playbook any more."))
    rules = {rule.key: rule for rule in PlaybookRule.objects.filter(version_id=taken.version_id)}
    if set(kept) - set(rules):
        raise InvalidValue(_("The playbook has no such rule in the version of this trade."), pointer="/rules")
    unseen = [rules[key].pk for key, value in kept.items() if value is None]
    RuleCheck.objects.filter(trade_playbook=taken, rule__in=unseen).delete()
    RuleCheck.objects.bulk_create(
        [
            RuleCheck(trade_playbook=taken, rule=rules[key], is_kept=value)
            for key, value in kept.items()
            if value is not None
        ],
        update_conflicts=True,
        unique_fields=["trade_playbook", "rule"],
        update_fields=["is_kept"],
    )
    _moved(taken.owner_id, taken.trade_key)


@transaction.atomic
def unassign(taken: TradePlaybook) -> dict[str, Any]:
    """The trade was not taken by the playbook; returns what `reassign` brings back, its checks included."""
    _locked(taken.playbook)
    checks = RuleCheck.objects.filter(trade_playbook=taken).values_list("rule__key", "is_kept")
    number = PlaybookVersion.objects.values_list("number", flat=True).get(pk=taken.version_id)
    kept = {
        "trade": str(taken.trade_key),
        "playbook": str(taken.playbook.public_id),
        "version": number,
        "checks": {str(key): value for key, value in checks},
    }
    taken.delete()
    _moved(taken.owner_id, taken.trade_key)
    audit.written("playbook.unassign", subject="trade", subject_id=kept["trade"], owner_id=taken.owner_id, before=kept)
    return kept


@transaction.atomic
def reassign(owner: User, kept: Mapping[str, Any]) -> Undone:
    """The trade is held against the playbook again, in the version of then, with its checks."""
    playbook = Playbook.objects.for_user(owner).filter(public_id=kept["playbook"]).first()
    trade = Trade.objects.for_user(owner).filter(public_id=kept["trade"]).first()
    if playbook is None or trade is None:
        raise Conflict(_("The trade or the playbook is gone."))
    playbook = _locked(playbook)
    version = PlaybookVersion.objects.filter(playbook=playbook, number=kept["version"]).first()
    taken, is_new = TradePlaybook.objects.get_or_create(
        trade_key=trade.public_id,
        playbook=playbook,
        defaults={"owner": owner, "version": version or current_version(playbook)},
    )
    if is_new and version is not None:
        check(taken, kept={uuid.UUID(key): value for key, value in kept["checks"].items()})
    _moved(owner.pk, trade.public_id)
    return Undone(_("The playbook is with the trade again."))


# ---------------------------------------------------------------- parts
def _moved(owner_id: int, trade_key: uuid.UUID) -> None:
    """The person's version has moved on, and sums by what is said of trades know that this one is held otherwise."""
    versions.bump(owner_id)
    trades = Trade.objects.filter(owner_id=owner_id, public_id=trade_key).values_list("pk", flat=True)
    remarks_changed.send(sender=TradePlaybook, owner_id=owner_id, trades=list(trades))


def _locked(playbook: Playbook) -> Playbook:
    found = Playbook.objects.select_for_update(no_key=True).filter(pk=playbook.pk).first()
    if found is None:
        raise PlaybookChanged(_("This playbook is gone."))
    return found


def _save(playbook: Playbook) -> None:
    try:
        with transaction.atomic():
            playbook.save()
    except IntegrityError as error:
        raise PlaybookNameTaken(_("You have a playbook of this name."), pointer="/name") from error
    versions.bump(playbook.owner_id)
    playbook.refresh_from_db()


def _edit_rules(playbook: Playbook, rules: Sequence[WrittenRule]) -> None:
    version = current_version(playbook)
    wanted = [(rule.key, rule.group, rule.text) for rule in _in_groups(rules)]
    if wanted == [(rule.key, rule.group, rule.text) for rule in rules_of(version)]:
        return
    known = set(PlaybookRule.objects.filter(version__playbook=playbook).values_list("key", flat=True))
    if TradePlaybook.objects.filter(version=version).exists():
        version = PlaybookVersion.objects.create(playbook=playbook, number=version.number + 1)
    else:
        PlaybookRule.objects.filter(version=version).delete()
    _write_rules(version, rules, known=known)


def _write_rules(version: PlaybookVersion, rules: Sequence[WrittenRule], *, known: set[uuid.UUID]) -> None:
    """The version has these rules. A key that this playbook never had is none of its own, and not taken."""
    if len(rules) > MOST_RULES:
        raise InvalidValue(_("A playbook has at most %(count)s rules.") % {"count": MOST_RULES}, pointer="/rules")
    if any(not rule.text.strip() for rule in rules):
        raise InvalidValue(_("A rule needs words."), pointer="/rules")
    keys = [rule.key for rule in rules if rule.key is not None]
    if len(set(keys)) != len(keys) or set(keys) - known:
        raise InvalidValue(_("A rule can continue one earlier rule of this playbook."), pointer="/rules")
    PlaybookRule.objects.bulk_create(
        PlaybookRule(version=version, key=rule.key or uuid.uuid4(), group=rule.group, text=rule.text, position=place)
        for place, rule in enumerate(_in_groups(rules))
    )


def _in_groups(rules: Sequence[WrittenRule]) -> list[WrittenRule]:
    """The rules of a group one after the other, groups in the order in which they first come."""
    groups = list(dict.fromkeys(rule.group for rule in rules))
    return sorted(rules, key=lambda rule: groups.index(rule.group))
