"""What people fill in to connect an account to its broker."""

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import BrokerEnvironment
from trading.connections import LONGEST_KEY, Keys


class ConnectionForm(forms.Form):
    """The keys are only ever taken: the form never shows what is kept."""

    environment = forms.ChoiceField(label=_("Environment"), choices=BrokerEnvironment)
    key_id = forms.CharField(
        label=_("Key id"),
        max_length=LONGEST_KEY,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text=_("As Alpaca shows it once, when the key is made."),
    )
    secret = forms.CharField(
        label=_("Secret"),
        max_length=LONGEST_KEY,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("It is encrypted at once and never shown again."),
    )

    def keys(self) -> Keys:
        """The keys that were typed in."""
        return Keys(self.cleaned_data["key_id"], self.cleaned_data["secret"])
