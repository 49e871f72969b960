"""What each version of a playbook changed against the one before it."""

import uuid
from dataclasses import dataclass

from django.db.models import Count

from journal.models import Playbook, PlaybookRule, PlaybookVersion, TradePlaybook


@dataclass(frozen=True, slots=True)
class RuleChange:
    """One rule beside the same of the version before. `kind` is added, removed, reworded, moved or same."""

    kind: str
    group: str
    text: str
    before: str = ""


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A version with its changes and the number of trades that were held against it."""

    version: PlaybookVersion
    changes: tuple[RuleChange, ...]
    trade_count: int


def history_of(playbook: Playbook) -> list[VersionRow]:
    """Every version of the playbook, the newest first."""
    found = list(PlaybookVersion.objects.filter(playbook=playbook).prefetch_related("rules").order_by("number"))
    counted = TradePlaybook.objects.filter(playbook=playbook).values_list("version").annotate(Count("pk"))
    trades = dict(counted.order_by())
    rows = []
    before: list[PlaybookRule] = []
    for version in found:
        rules = sorted(version.rules.all(), key=lambda rule: rule.position)
        rows.append(VersionRow(version, tuple(differences(before, rules)), trades.get(version.pk, 0)))
        before = rules
    return rows[::-1]


def differences(before: list[PlaybookRule], after: list[PlaybookRule]) -> list[RuleChange]:
    """The rules of `after` in their order with what happened to each, then those that went."""
    old = {rule.key: rule for rule in before}
    kept = [rule.key for rule in after if rule.key in old]
    was_order = [rule.key for rule in before if rule.key in set(kept)]
    moved = _moved(was_order, kept)
    changes = []
    for rule in after:
        was = old.get(rule.key)
        if was is None:
            changes.append(RuleChange("added", rule.group, rule.text))
        elif was.text != rule.text:
            changes.append(RuleChange("reworded", rule.group, rule.text, was.text))
        elif was.group != rule.group or rule.key in moved:
            changes.append(RuleChange("moved", rule.group, rule.text, was.group))
        else:
            changes.append(RuleChange("same", rule.group, rule.text))
    new = {rule.key for rule in after}
    changes += [RuleChange("removed", rule.group, rule.text) for rule in before if rule.key not in new]
    return changes


def _moved(before: list[uuid.UUID], after: list[uuid.UUID]) -> set[uuid.UUID]:
    """The rules outside the longest run that kept its order."""
    # Longest increasing subsequence over at most some dozens of places.
    places = [before.index(key) for key in after]
    best: list[list[int]] = []
    for number, place in enumerate(places):
        runs = [run for run in best[:number] if places[run[-1]] < place]
        best.append([*_longest(runs), number])
    staying = set(_longest(best))
    return {key for number, key in enumerate(after) if number not in staying}


def _longest(runs: list[list[int]]) -> list[int]:
    return max(runs, key=lambda run: len(run)) if runs else []
