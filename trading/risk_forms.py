"""What people fill in about risk: what to stop and why, limits, and the configuration."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.errors import InvalidValue
from accounts.fields import LARGEST_MONEY, LARGEST_PRICE
from accounts.forms import NumberField, refuse
from accounts.models import Account, User
from trading.forms import LineField, OwnAccountField
from trading.models import BreakerMode, BreakerScope, Instrument, RiskConfig, RiskLimit
from trading.models.breaker import LONGEST_STRATEGY
from trading.risk import configuration
from trading.risk.breakers import LONGEST_NOTE, Target
from trading.risk.limits import VALUES

if TYPE_CHECKING:
    _ConfigModelForm = forms.ModelForm[RiskConfig]
else:
    _ConfigModelForm = forms.ModelForm

_LEVELS = [
    ("1", gettext_lazy("1: take no new exposure")),
    ("2", gettext_lazy("2: halt all but exits")),
    ("3", gettext_lazy("3: halt, and cancel open entry orders")),
]


class FlattenForm(forms.Form):
    """Of which account everything is to be closed, and that this is meant."""

    account = OwnAccountField(
        label=gettext_lazy("Account"), required=False, max_length=100,
        help_text=gettext_lazy("By its name. Left empty, all of them."),
    )  # fmt: skip
    confirm = forms.BooleanField(label=gettext_lazy("Close everything at the market"), required=False)

    def __init__(self, *args: Any, owner: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        account = self.fields["account"]
        assert isinstance(account, OwnAccountField)
        account.owner = owner
        account.widget.attrs["list"] = "account-names"


class StopForm(forms.Form):
    """What is to stop, how far, and why."""

    scope = forms.ChoiceField(label=gettext_lazy("What"))
    account = OwnAccountField(
        label=gettext_lazy("Account"), required=False, max_length=100, help_text=gettext_lazy("By its name.")
    )
    strategy = LineField(
        label=gettext_lazy("Strategy"), required=False, max_length=LONGEST_STRATEGY,
        help_text=gettext_lazy("The name of a setup."),
    )  # fmt: skip
    mode = forms.ChoiceField(
        label=gettext_lazy("Trading"), choices=BreakerMode.choices, required=False,
        help_text=gettext_lazy("Not asked of an account: it is one or the other."),
    )  # fmt: skip
    level = forms.ChoiceField(label=gettext_lazy("How far"), choices=_LEVELS)
    note = LineField(label=gettext_lazy("Why"), max_length=LONGEST_NOTE)

    def __init__(self, *args: Any, owner: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.owner = owner
        account = self.fields["account"]
        assert isinstance(account, OwnAccountField)
        account.owner = owner
        account.widget.attrs["list"] = "account-names"
        scope = self.fields["scope"]
        assert isinstance(scope, forms.ChoiceField)
        wanted = [each for each in BreakerScope if each != BreakerScope.EVERYBODY or owner.is_staff]
        scope.choices = [(each.value, each.label) for each in sorted(wanted, key=lambda each: each == "everybody")]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("scope") == BreakerScope.ACCOUNT and not cleaned.get("account"):
            self.add_error("account", _("Name the account."))
        if cleaned.get("scope") == BreakerScope.STRATEGY and not cleaned.get("strategy"):
            self.add_error("strategy", _("Name the strategy."))
        return cleaned

    def target(self) -> Target:
        """What the form names."""
        asked = self.cleaned_data
        scope, mode = asked["scope"], asked["mode"] or BreakerMode.LIVE
        if scope == BreakerScope.ACCOUNT:
            account: Account = asked["account"]
            return Target(self.owner, BreakerMode.of(account), account)
        strategy = asked["strategy"] if scope == BreakerScope.STRATEGY else ""
        return Target(None if scope == BreakerScope.EVERYBODY else self.owner, mode, strategy=strategy)


class ResetForm(forms.Form):
    """Why trading goes on."""

    note = forms.CharField(label=gettext_lazy("Why"), max_length=LONGEST_NOTE)


class LimitForm(forms.Form):
    """Limits of orders; of a new one also what they are for."""

    account = OwnAccountField(
        label=gettext_lazy("Account"), required=False, max_length=100, help_text=gettext_lazy("Empty: all accounts.")
    )
    symbol = forms.CharField(
        label=gettext_lazy("Symbol"), required=False, max_length=40, help_text=gettext_lazy("Empty: all instruments.")
    )
    max_quantity = NumberField(
        label=gettext_lazy("Quantity of an order"), required=False, largest=LARGEST_PRICE, is_positive=True
    )
    max_notional = NumberField(
        label=gettext_lazy("Value of an order"), required=False, largest=LARGEST_MONEY, is_positive=True
    )
    price_band = NumberField(
        label=gettext_lazy("Distance from the last price"), required=False, largest=Decimal(1), is_positive=True,
        help_text=gettext_lazy("A fraction: 0.05 for 5%."),
    )  # fmt: skip
    max_open_positions = forms.IntegerField(label=gettext_lazy("Open positions"), required=False, min_value=0)
    max_trades_per_day = forms.IntegerField(label=gettext_lazy("Trades a day"), required=False, min_value=0)

    def __init__(
        self, *args: Any, owner: User, instruments: QuerySet[Instrument], limit: RiskLimit | None = None, **kwargs: Any
    ) -> None:
        if limit is not None:
            values = {name: getattr(limit, name) for name in VALUES}
            kwargs.setdefault("initial", values)
        super().__init__(*args, **kwargs)
        self.instruments = instruments
        if limit is not None:
            del self.fields["account"], self.fields["symbol"]
            return
        account = self.fields["account"]
        assert isinstance(account, OwnAccountField)
        account.owner = owner
        account.widget.attrs["list"] = "account-names"

    def clean_symbol(self) -> Instrument | None:
        """The instrument of this symbol, among those that this person may know of."""
        symbol = self.cleaned_data["symbol"].strip().upper()
        if not symbol:
            return None
        found = self.instruments.filter(symbol=symbol).first()
        if found is None:
            raise ValidationError(_("There is no instrument of this symbol."))
        return found

    def values(self) -> dict[str, Any]:
        """The limits that the form gives."""
        return {name: self.cleaned_data[name] for name in VALUES}


class RiskConfigForm(_ConfigModelForm):
    """The configuration, with what the verb refuses said beside the field."""

    note = LineField(label=gettext_lazy("Why"), max_length=LONGEST_NOTE, required=False)

    class Meta:
        model = RiskConfig
        fields = configuration.FIELDS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            if isinstance(field, forms.DecimalField):
                self.fields[name] = NumberField(label=field.label, required=field.required, largest=LARGEST_MONEY)
            if not self.fields[name].required and name not in ("note", "resets_daily"):
                self.fields[name].help_text = gettext_lazy("Empty: no such limit.")
        self.fields["position_sizing_mode"].help_text = gettext_lazy(
            "Copied trades are sized by a fixed share, whatever stands here."
        )

    @property
    def changes(self) -> dict[str, Any]:
        """What the form changes."""
        names = [name for name in self.changed_data if name in configuration.FIELDS]
        return {name: self.cleaned_data[name] for name in names if name in self.cleaned_data}

    def clean(self) -> Any:
        cleaned = super().clean() or self.cleaned_data
        try:
            configuration.apply(configuration.current(), self.changes)
        except InvalidValue as error:
            refuse(self, error)
        return cleaned
