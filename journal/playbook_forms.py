"""What people fill in about playbooks."""

import uuid
from collections.abc import Sequence

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.text import one_line, paragraphs
from accounts.widgets import Paragraphs
from journal.models import Playbook, PlaybookRule
from journal.playbooks import MOST_RULES, WrittenRule

#: Empty rows at the end, so that rules can be added without JavaScript.
SPARE = 3


class PlaybookForm(forms.Form):
    """A playbook besides its rules, and its rules as rows of fields that repeat: `rule-key`, `-group`, `-text`."""

    name = forms.CharField(max_length=100, label=gettext_lazy("Name"))
    color = forms.RegexField(
        r"\A#[0-9a-fA-F]{6}\Z",
        label=gettext_lazy("Colour"),
        initial="#6b7fd7",
        widget=forms.TextInput(attrs={"type": "color"}),
    )
    description = forms.CharField(
        max_length=5000,
        required=False,
        label=gettext_lazy("When and why"),
        help_text=gettext_lazy("Markdown. Which market, which setup, what has to be true before you look at it."),
        widget=Paragraphs(attrs={"rows": 4}),
    )

    def clean_name(self) -> str:
        return _clean(self.cleaned_data["name"])

    def clean_description(self) -> str:
        return _clean(self.cleaned_data["description"], lines=True)

    @classmethod
    def of(cls, playbook: Playbook) -> "PlaybookForm":
        """The form filled in with what there is."""
        return cls(
            initial={"name": playbook.name, "color": playbook.color, "description": playbook.description},
        )


class RuleRow:
    """One row of the rules as it was typed."""

    def __init__(self, key: str = "", group: str = "", text: str = "") -> None:
        self.key, self.group, self.text = key, group, text
        self.error = ""

    def rule(self) -> WrittenRule | None:
        """The rule; None for an empty row, and with `error` set for one that cannot be taken."""
        try:
            text, group = one_line(self.text), one_line(self.group)
        except ValueError as error:
            self.error = f"{error}.".capitalize()
            return None
        if not text:
            return None
        if len(text) > 500 or len(group) > 100:
            self.error = _("A rule has at most 500 characters, the name of a group 100.")
            return None
        return WrittenRule(text, group, _uuid(self.key))


def rows_of(rules: Sequence[PlaybookRule]) -> list[RuleRow]:
    """The rows of these rules, with empty ones at the end."""
    rows = [RuleRow(str(rule.key), rule.group, rule.text) for rule in rules]
    return with_spare(rows)


def with_spare(rows: list[RuleRow]) -> list[RuleRow]:
    """The rows with some empty ones at the end, as many as there may be rules at most."""
    group = rows[-1].group if rows else ""
    return [*rows, *(RuleRow(group=group) for _ in range(min(SPARE, max(0, MOST_RULES - len(rows)))))]


def posted_rows(data: QueryDict) -> list[RuleRow]:
    """The rows that were sent, in the order of the page."""
    columns = [data.getlist(f"rule-{name}")[: MOST_RULES + SPARE] for name in ("key", "group", "text")]
    if len({len(column) for column in columns}) != 1:
        return []
    return [RuleRow(*values) for values in zip(*columns, strict=True)]


def acted(rows: list[RuleRow], act: str) -> list[RuleRow]:
    """The rows after one of the buttons `up:N`, `down:N`, `drop:N` or `more`: how they work without JavaScript."""
    name, _separator, place = act.partition(":")
    number = int(place) if place.isascii() and place.isdigit() and len(place) < 4 else -1
    rows = list(rows)
    if name == "more":
        return with_spare(rows)
    if not 0 <= number < len(rows):
        return rows
    row = rows.pop(number)
    if name == "up":
        rows.insert(max(0, number - 1), row)
    elif name == "down":
        rows.insert(number + 1, row)
    elif name != "drop":
        rows.insert(number, row)
    return rows


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _clean(text: str, *, lines: bool = False) -> str:
    try:
        return paragraphs(text) if lines else one_line(text)
    except ValueError as error:
        raise ValidationError(f"{error}.".capitalize()) from error
