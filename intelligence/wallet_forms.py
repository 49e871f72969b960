"""What people fill in about wallets. Fractions are typed as percentages."""

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy

from accounts.forms import NumberField, PercentField
from accounts.models import User
from accounts.widgets import Paragraphs
from intelligence.models import DiscoverySource, Wallet, WalletMode
from trading.forms import OwnAccountField
from trading.models import ExitStrategy

_LARGEST = Decimal(2_147_483_647)


def _account(label: Any, help_text: Any) -> OwnAccountField:
    widget = forms.TextInput(attrs={"list": "account-names", "autocomplete": "off"})
    return OwnAccountField(label=label, help_text=help_text, max_length=100, required=False, widget=widget)


class WalletForm(forms.Form):
    """A wallet: what it is, how it is copied, where it was found, and how it did before."""

    address = forms.CharField(
        label=gettext_lazy("Address"),
        max_length=60,
        help_text=gettext_lazy("Of a Solana wallet: 32 to 44 letters and digits. It cannot be changed later."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    label = forms.CharField(label=gettext_lazy("Label"), max_length=100, required=False)
    mode = forms.ChoiceField(
        label=gettext_lazy("Mode"),
        choices=WalletMode.choices,
        help_text=gettext_lazy("Of new copies. What is open stays in the mode in which it was opened."),
    )
    exit_strategy = forms.ModelChoiceField(
        label=gettext_lazy("Exit strategy"), queryset=ExitStrategy.objects.none(), to_field_name="public_id"
    )
    simulation_account = _account(
        gettext_lazy("Account for simulation"), gettext_lazy("A paper account; without one nothing is copied.")
    )
    live_account = _account(gettext_lazy("Account for live"), gettext_lazy("Where real copies go."))
    discovery_source = forms.ChoiceField(
        label=gettext_lazy("Found through"), choices=DiscoverySource.choices, initial=DiscoverySource.MANUAL
    )
    discovery_date = forms.DateField(
        label=gettext_lazy("Found on"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    discovery_notes = forms.CharField(
        label=gettext_lazy("Why it is worth following"),
        max_length=2000,
        required=False,
        widget=Paragraphs(attrs={"rows": 3}),
    )
    baseline_win_rate = PercentField(label=gettext_lazy("Win rate before, %"), required=False)
    baseline_trades = NumberField(label=gettext_lazy("Trades observed"), largest=_LARGEST, required=False)
    baseline_average_pnl = PercentField(label=gettext_lazy("Average result before, %"), required=False)
    baseline_days = NumberField(label=gettext_lazy("Days observed"), largest=_LARGEST, required=False)
    notes = forms.CharField(
        label=gettext_lazy("Notes"), max_length=2000, required=False, widget=Paragraphs(attrs={"rows": 3})
    )

    def __init__(self, *args: Any, owner: User, wallet: Wallet | None = None, **kwargs: Any) -> None:
        if wallet is not None:
            kwargs.setdefault("initial", _values(wallet))
        super().__init__(*args, **kwargs)
        for name in ("simulation_account", "live_account"):
            field = self.fields[name]
            assert isinstance(field, OwnAccountField)
            field.owner = owner
        strategies = self.fields["exit_strategy"]
        assert isinstance(strategies, forms.ModelChoiceField)
        offered = ExitStrategy.objects.for_user(owner).current()
        if wallet is not None:
            offered = offered | ExitStrategy.objects.filter(pk=wallet.exit_strategy_id)
            del self.fields["address"]
        strategies.queryset = offered.order_by("owner_id", "name")

    def clean_baseline_trades(self) -> int | None:
        """A whole number."""
        return self._whole("baseline_trades")

    def clean_baseline_days(self) -> int | None:
        """A whole number."""
        return self._whole("baseline_days")

    def _whole(self, name: str) -> int | None:
        number = self.cleaned_data[name]
        if number is None:
            return None
        if number != int(number):
            raise forms.ValidationError(gettext_lazy("This is a whole number."))
        return int(number)


def _values(wallet: Wallet) -> dict[str, Any]:
    values = {name: getattr(wallet, name) for name in WalletForm.base_fields if name != "address"}
    for name in ("simulation_account", "live_account"):
        values[name] = values[name].name if values[name] else ""
    return {**values, "exit_strategy": wallet.exit_strategy.public_id}
