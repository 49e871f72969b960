"""What people fill in about trading sessions."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy

from accounts.models import User
from trading.forms import OwnAccountField
from trading.models.breaker import LONGEST_STRATEGY


class StartForm(forms.Form):
    """Where a session begins, and what it is about."""

    account = OwnAccountField(
        label=gettext_lazy("Account"),
        max_length=100,
        widget=forms.TextInput(attrs={"list": "account-names", "autocomplete": "off"}),
    )
    name = forms.CharField(label=gettext_lazy("Name"), max_length=100, required=False)
    strategy = forms.CharField(label=gettext_lazy("Strategy"), max_length=LONGEST_STRATEGY, required=False)
    note = forms.CharField(label=gettext_lazy("Note"), max_length=500, required=False)

    def __init__(self, *args: Any, owner: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        account = self.fields["account"]
        assert isinstance(account, OwnAccountField)
        account.owner = owner
