"""What people fill in about copying. Shares are typed as percentages."""

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy

from accounts.fields import LARGEST_MONEY
from accounts.forms import NumberField, PercentField
from intelligence.copy_settings import FIELDS
from intelligence.models import CopySettings, RepeatPolicy

_SHARES = ("risk_per_trade", "max_per_trade", "max_per_wallet", "max_per_token", "max_total", "max_price_drift")


class CopySettingsForm(forms.Form):
    """How much of what watched wallets do is copied."""

    is_on = forms.BooleanField(
        required=False, label=gettext_lazy("Copy purchases"), help_text=gettext_lazy("Exits go on without it.")
    )
    capital = NumberField(
        largest=LARGEST_MONEY, is_positive=True, required=False, label=gettext_lazy("Capital, USD"),
        help_text=gettext_lazy("The percentages are of it. Left empty, the installation's capital counts."),
    )  # fmt: skip
    risk_per_trade = PercentField(
        required=False, label=gettext_lazy("Risk per trade, %"),
        help_text=gettext_lazy("What a stop may lose of the capital. Left empty, the installation's share counts."),
    )  # fmt: skip
    max_per_trade = PercentField(label=gettext_lazy("At most in one trade, %"))
    max_per_wallet = PercentField(label=gettext_lazy("At most in one wallet, %"))
    max_per_token = PercentField(label=gettext_lazy("At most in one token, %"))
    max_total = PercentField(label=gettext_lazy("At most in all copies, %"))
    max_price_drift = PercentField(
        label=gettext_lazy("Largest move of the price, %"),
        help_text=gettext_lazy("Since the wallet traded, up or down."),
    )
    max_signal_age_seconds = forms.IntegerField(
        min_value=1, max_value=86_400, label=gettext_lazy("Oldest signal, seconds")
    )  # fmt: skip
    max_positions = forms.IntegerField(min_value=1, max_value=1000, label=gettext_lazy("Most open copies"))
    min_source_value = NumberField(
        largest=LARGEST_MONEY, label=gettext_lazy("Smallest purchase of the wallet, USD"),
        help_text=gettext_lazy("0: any."),
    )  # fmt: skip
    repeat_policy = forms.ChoiceField(
        choices=RepeatPolicy.choices, label=gettext_lazy("A second purchase of an open token")
    )

    def __init__(self, data: Any = None, *, settings: CopySettings) -> None:
        super().__init__(data, initial={name: getattr(settings, name) for name in FIELDS})

    @property
    def changes(self) -> dict[str, Any]:
        """What the form, which is valid, says of every field."""
        values = {name: self.cleaned_data[name] for name in FIELDS}
        values["min_source_value"] = values["min_source_value"] or Decimal(0)
        return values
