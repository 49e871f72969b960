"""What people fill in about decisions, and what they look for."""

from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.errors import InvalidValue
from accounts.fields import LARGEST_PRICE
from accounts.forms import NumberField, PercentField
from accounts.models import User
from accounts.widgets import Paragraphs
from intelligence import decision_stats, search
from intelligence.decisions import MOST_INSTRUMENTS, Said
from intelligence.models import ActorKind, DecisionAction
from intelligence.models.decision import LONGEST_TEXT
from intelligence.search_filters import Filters
from trading.forms import OwnAccountField


def _price(label: Any) -> NumberField:
    return NumberField(label=label, largest=LARGEST_PRICE, required=False)


_KIND_WORDS = {
    "decision": gettext_lazy("Decisions"),
    "note": gettext_lazy("Notes"),
    "trade": gettext_lazy("What was said of trades"),
}
_BY_WORDS = {
    "symbol": gettext_lazy("Symbol"),
    "strategy": gettext_lazy("Strategy"),
    "action": gettext_lazy("Action"),
    "actor": gettext_lazy("Who decided"),
}
_OUTCOMES = [
    ("", gettext_lazy("Any")),
    ("win", gettext_lazy("Win")),
    ("loss", gettext_lazy("Loss")),
    ("breakeven", gettext_lazy("Breakeven")),
    ("resolved", gettext_lazy("Ended")),
    ("open", gettext_lazy("Not ended")),
]


class DecisionForm(forms.Form):
    """What is decided and why."""

    action = forms.ChoiceField(label=gettext_lazy("Action"), choices=DecisionAction.choices)
    symbols = forms.CharField(
        label=gettext_lazy("Symbols"),
        required=False,
        max_length=400,
        help_text=gettext_lazy("Separated by commas; none for the whole portfolio."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters"}),
    )
    strategy = forms.CharField(label=gettext_lazy("Strategy"), required=False, max_length=60)
    intent = forms.CharField(
        label=gettext_lazy("In a word"),
        required=False,
        max_length=60,
        help_text=gettext_lazy("Such as hedge, roll or take profit."),
    )
    reasoning = forms.CharField(
        label=gettext_lazy("Why"), max_length=LONGEST_TEXT, widget=Paragraphs(attrs={"rows": 6})
    )
    market_context = forms.CharField(
        label=gettext_lazy("What the market was like"),
        required=False,
        max_length=LONGEST_TEXT,
        widget=Paragraphs(attrs={"rows": 3}),
    )
    confidence = PercentField(
        label=gettext_lazy("Confidence, %"),
        required=False,
        largest=Decimal(100),
        help_text=gettext_lazy("From 0 to 100."),
    )
    entry_price = _price(gettext_lazy("Entry"))
    quantity = _price(gettext_lazy("Quantity"))
    stop_loss = _price(gettext_lazy("Stop"))
    take_profit = _price(gettext_lazy("Target"))
    actor_kind = forms.ChoiceField(label=gettext_lazy("Who decided"), choices=ActorKind.choices, required=False)
    actor = forms.CharField(
        label=gettext_lazy("Its name"),
        required=False,
        max_length=100,
        help_text=gettext_lazy("Of a bot or a model."),
    )
    account = OwnAccountField(
        label=gettext_lazy("Account"),
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs={"list": "account-names", "autocomplete": "off"}),
    )
    decided_at = forms.DateTimeField(
        label=gettext_lazy("When"),
        required=False,
        help_text=gettext_lazy("Now, unless given."),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local", "step": "1"}, format="%Y-%m-%dT%H:%M:%S"),
    )
    reflection = forms.CharField(
        label=gettext_lazy("What was learned"),
        required=False,
        max_length=LONGEST_TEXT,
        widget=Paragraphs(attrs={"rows": 3}),
    )

    def __init__(self, *args: Any, owner: User, is_new: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        account = self.fields["account"]
        assert isinstance(account, OwnAccountField)
        account.owner = owner
        # What was decided when stays; what was learned comes later.
        del self.fields["reflection" if is_new else "decided_at"]

    def clean_confidence(self) -> Decimal | None:
        confidence: Decimal | None = self.cleaned_data["confidence"]
        if confidence is None:
            return None
        if confidence < 0:
            raise ValidationError(_("Confidence is from 0 to 100."))
        return round(confidence, 4)

    def clean_symbols(self) -> list[str]:
        names = [name.strip() for name in self.cleaned_data["symbols"].split(",") if name.strip()]
        if len(names) > MOST_INSTRUMENTS:
            raise ValidationError(_("At most %(most)s symbols.") % {"most": MOST_INSTRUMENTS})
        return names

    def said(self) -> Said:
        """What was filled in, as the verbs take it."""
        values = {name: self.cleaned_data[name] for name in Said.__slots__ if name in self.cleaned_data}
        values["actor_kind"] = values.get("actor_kind") or ActorKind.PERSON
        return Said(**values)


class MemoryForm(forms.Form):
    """What is looked for, and among what."""

    q = forms.CharField(
        label=gettext_lazy("A situation in words"),
        required=False,
        max_length=1000,
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off"}),
    )
    kind = forms.ChoiceField(label=gettext_lazy("Search"), required=False, choices=list(_KIND_WORDS.items()))
    symbol = forms.CharField(label=gettext_lazy("Symbol"), required=False, max_length=40)
    action = forms.ChoiceField(
        label=gettext_lazy("Action"), required=False, choices=[("", gettext_lazy("Any")), *DecisionAction.choices]
    )
    strategy = forms.CharField(label=gettext_lazy("Strategy"), required=False, max_length=60)
    actor = forms.CharField(label=gettext_lazy("Bot or model"), required=False, max_length=100)
    outcome = forms.ChoiceField(label=gettext_lazy("Outcome"), required=False, choices=_OUTCOMES)
    start = forms.DateField(
        label=gettext_lazy("From"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    end = forms.DateField(
        label=gettext_lazy("To"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    by = forms.ChoiceField(label=gettext_lazy("Statistics by"), required=False, choices=list(_BY_WORDS.items()))

    def asked(self) -> Filters:
        """The filters. Raises InvalidValue that names the one that cannot be meant, with what it takes."""
        self._refuse_what_is_wrong()
        values = self.cleaned_data
        start, end = values.get("start"), values.get("end")
        if start and end and start > end:
            raise InvalidValue(_("The first day must not be after the last."), pointer="?start")
        return Filters(
            symbol=values["symbol"].upper(),
            action=values["action"],
            strategy=values["strategy"],
            actor=values["actor"],
            outcome=values["outcome"],
            start=start,
            end=end,
        )

    def _refuse_what_is_wrong(self) -> None:
        for name in self.data:
            if name not in self.fields and name not in ("cursor", "format"):
                raise InvalidValue(_("There is no such parameter."), pointer=f"?{name[:50]}", code="unknown_parameter")
        if self.is_valid():
            return
        name, messages = next(iter(self.errors.items()))
        field, words = self.fields[name], str(messages[0])
        if isinstance(field, forms.ChoiceField):
            widget = field.widget
            assert isinstance(widget, forms.Select), "choices are made from a list"
            choices = ", ".join(str(value) for value, _words in widget.choices if value)
            words = _("Takes one of %(choices)s.") % {"choices": choices}
        elif isinstance(field, forms.DateField):
            words = _("A day is written YYYY-MM-DD.")
        raise InvalidValue(words, pointer=f"?{name}")

    @property
    def text(self) -> str:
        """What is looked for; empty for a list."""
        return str(self.cleaned_data["q"])

    @property
    def chosen_kind(self) -> str:
        """Decisions, notes or trades."""
        return str(self.cleaned_data["kind"] or search.KINDS[0])

    @property
    def chosen_by(self) -> str:
        """What the statistics are by."""
        return str(self.cleaned_data["by"] or decision_stats.BY[0])
