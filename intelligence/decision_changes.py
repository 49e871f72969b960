"""What each edit of a decision changed, field by field, as it was before and as it read after."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils.translation import gettext_lazy

from intelligence import decisions
from intelligence.models import ActorKind, Decision, DecisionAction, DecisionRevision
from journal.templatetags.journal_format import percent, quantity

#: What the fields are called, in the order in which they are shown.
FIELDS: dict[str, Any] = {
    "action": gettext_lazy("Action"),
    "intent": gettext_lazy("In a word"),
    "symbols": gettext_lazy("Symbols"),
    "strategy": gettext_lazy("Strategy"),
    "reasoning": gettext_lazy("Why"),
    "market_context": gettext_lazy("What the market was like"),
    "reflection": gettext_lazy("What was learned"),
    "confidence": gettext_lazy("Confidence"),
    "entry_price": gettext_lazy("Entry"),
    "quantity": gettext_lazy("Quantity"),
    "stop_loss": gettext_lazy("Stop"),
    "take_profit": gettext_lazy("Target"),
    "actor_kind": gettext_lazy("Who decided"),
    "actor": gettext_lazy("Its name"),
    "account": gettext_lazy("Account"),
    "order": gettext_lazy("Order"),
    "managed_position": gettext_lazy("Exit plan"),
    "trade": gettext_lazy("Trade"),
}
_LONG = frozenset({"reasoning", "market_context", "reflection"})
NUMBERS = frozenset({"confidence", "entry_price", "quantity", "stop_loss", "take_profit"})
_CHOICES: dict[str, dict[str, Any]] = {
    "action": dict(DecisionAction.choices),
    "actor_kind": dict(ActorKind.choices),
}


@dataclass(frozen=True, slots=True)
class Change:
    """One field that an edit changed; empty where it was or is blank."""

    field: Any
    before: Any
    after: Any
    is_long: bool


@dataclass(frozen=True, slots=True)
class Edit:
    """One edit of a decision."""

    number: int
    at: datetime
    changes: list[Change]


def of(decision: Decision, revisions: Iterable[DecisionRevision]) -> list[Edit]:
    """The edits, the latest first, from the revisions in the same order: each holds how it read before its edit."""
    edits, after = [], decisions.snapshot(decision)
    for revision in revisions:
        edits.append(Edit(revision.number, revision.revised_at, list(_changes(revision.values, after))))
        after = revision.values
    return edits


def _changes(before: dict[str, Any], after: dict[str, Any]) -> Iterator[Change]:
    for name, words in FIELDS.items():
        was, now = before.get(name), after.get(name)
        if was != now:
            yield Change(words, _said(name, was), _said(name, now), name in _LONG)


def _said(name: str, value: Any) -> Any:
    if value in (None, "", []):
        return ""
    if name in _CHOICES:
        return _CHOICES[name].get(value, value)
    if name in NUMBERS:
        try:
            return percent(Decimal(value)) if name == "confidence" else quantity(Decimal(value))
        except InvalidOperation:
            return value
    return ", ".join(value) if isinstance(value, list) else value
