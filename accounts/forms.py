"""What people fill in: sign-up, login, settings, tokens, accounts."""

import zoneinfo
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.forms import AuthenticationForm, BaseUserCreationForm
from django.http import HttpRequest, QueryDict
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts import attempts, audit, currencies, decimals, people
from accounts.errors import DomainError, TooManyAttempts
from accounts.fields import LARGEST_MONEY
from accounts.models import Account, AccountGroup, AccountTag, Client, Language, Theme, TokenScope, User
from accounts.widgets import HiddenTypedNumber, LongSelect, NoNumber, Paragraphs, TypedNumber, page_language

if TYPE_CHECKING:
    _UserCreationForm = BaseUserCreationForm[User]
    _AccountModelForm = forms.ModelForm[Account]
else:
    _UserCreationForm = BaseUserCreationForm
    _AccountModelForm = forms.ModelForm


def refuse(form: forms.BaseForm, error: DomainError) -> None:
    """The form shows why a verb refused, beside the field at fault where it has one."""
    name = error.pointer.removeprefix("/")
    form.add_error(name if name in form.fields else None, error.message)


@cache
def zones() -> list[tuple[str, str]]:
    """The names of time zones, as choices. Kept: they are gathered out of hundreds of files."""
    return [(name, name.replace("_", " ")) for name in sorted(zoneinfo.available_timezones()) if _is_a_place(name)]


def _is_a_place(name: str) -> bool:
    """Whether people would look for it; the rest are other spellings and what an operating system keeps for itself."""
    return name == "UTC" or ("/" in name and not name.startswith("Etc/"))


class CurrencyField(forms.ChoiceField):
    """A code of money out of a list, in any letter case."""

    widget = LongSelect
    default_error_messages = {"invalid_choice": _("This is not a currency that is known here.")}

    def offer(self, codes: Iterable[str]) -> None:
        """These codes can be chosen."""
        self.choices = [(code, code) for code in sorted(set(codes))]

    def to_python(self, value: Any) -> str:
        return str(super().to_python(value)).upper()


class NumberField(forms.Field):
    """A decimal as people of the page's language write it: 1234.5 or 1,234.5; nothing that could mean two numbers."""

    widget = TypedNumber
    hidden_widget = HiddenTypedNumber
    default_error_messages = {"invalid": _("Write a number such as 1234.5 or 1,234.5.")}

    def __init__(self, *, largest: Decimal, is_positive: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.largest = largest
        self.is_positive = is_positive
        self.widget.attrs.update({"inputmode": "decimal", "autocomplete": "off", "maxlength": "40"})

    def prepare_value(self, value: Any) -> Any:
        # What was typed stands as it was typed.
        return decimals.for_typing(value, language=page_language()) if isinstance(value, Decimal) else value

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(super().has_changed(self.to_python(initial) if isinstance(initial, str) else initial, data))

    def to_python(self, value: Any) -> Decimal | None:
        text = "" if value is None else str(value).strip()
        if not text:
            return None
        try:
            if isinstance(value, NoNumber):
                raise ValueError("no number where it was typed")
            number = decimals.typed(text, language=page_language())
        except ValueError as error:
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid") from error
        if abs(number) > self.largest:
            raise forms.ValidationError(_("This number is too large."))
        if self.is_positive and number <= 0:
            raise forms.ValidationError(_("Enter a number larger than zero."))
        return number


class PercentField(NumberField):
    """A percentage such as 12.5, which is a fraction of 0.125."""

    def __init__(self, *, largest: Decimal = Decimal(100_000), **kwargs: Any) -> None:
        super().__init__(largest=largest, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        return super().prepare_value(value * 100 if isinstance(value, Decimal) else value)

    def to_python(self, value: Any) -> Decimal | None:
        number = super().to_python(value)
        return None if number is None else number / 100


class SignUpForm(_UserCreationForm):
    class Meta:
        model = User
        fields = ("email",)

    time_zone = forms.ChoiceField(
        choices=zones,
        required=False,
        initial="UTC",
        label=_("Time zone"),
        help_text=_("Times are shown in it, and files that name no zone are read in it."),
        widget=LongSelect(attrs={"data-zone": True}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].label = _("E-mail address")
        self.fields["email"].widget.attrs["autocomplete"] = "email"

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).lower()


class CountedAttemptMixin:
    """Counts the attempt before the password is looked at, and tells the audit log how it ended."""

    request: HttpRequest | None
    cleaned_data: dict[str, Any]

    def clean(self) -> dict[str, Any]:
        email = str(self.cleaned_data.get("username", ""))
        if not email or not self.cleaned_data.get("password"):
            return super().clean()  # type: ignore[misc, no-any-return]
        address = audit.address_of(self.request) if self.request else None
        attempts.begin(email, address=address, at=timezone.now())
        try:
            cleaned: dict[str, Any] = super().clean()  # type: ignore[misc]
        except forms.ValidationError:
            people.was_refused(email)
            raise
        attempts.succeeded(email, address=address)
        people.came_in(self.get_user())  # type: ignore[attr-defined]
        return cleaned


class LoginForm(CountedAttemptMixin, AuthenticationForm):
    """The login of the site. Raises TooManyAttempts, for which the view has a page."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = _("E-mail address")


class AdminLoginForm(CountedAttemptMixin, AdminAuthenticationForm):
    """The login of the admin, under the same limit."""

    def clean(self) -> dict[str, Any]:
        try:
            return super().clean()
        except TooManyAttempts as error:
            raise forms.ValidationError(error.message, code=error.code) from error


class ProfileForm(forms.Form):
    first_name = forms.CharField(label=_("First name"), max_length=100, required=False)
    last_name = forms.CharField(label=_("Last name"), max_length=100, required=False)
    date_of_birth = forms.DateField(
        label=_("Date of birth"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    phone = forms.CharField(label=_("Phone"), max_length=20, required=False)
    language = forms.ChoiceField(label=_("Language"), choices=Language.choices, required=False)
    time_zone = forms.ChoiceField(
        label=_("Time zone"),
        choices=zones,
        widget=LongSelect,
        help_text=_("Times are shown in it; each account has a day of its own."),
    )
    reporting_currency = CurrencyField(
        label=_("Reporting currency"), help_text=_("Totals over all accounts are shown in it.")
    )
    theme = forms.ChoiceField(label=_("Theme"), choices=Theme.choices)

    def of_person(self) -> list[forms.BoundField]:
        """Who the person is."""
        return [self[name] for name in ("first_name", "last_name", "date_of_birth", "phone")]

    def of_look(self) -> list[forms.BoundField]:
        """How they want to see things."""
        return [self[name] for name in ("language", "time_zone", "reporting_currency", "theme")]

    @classmethod
    def of(cls, user: User, sent: QueryDict | None = None) -> "ProfileForm":
        """The form filled in with what is known, or with what was sent.

        Totals can be shown in currencies that have published rates, and in those of the person's own accounts.
        """
        client = Client.objects.filter(user=user).first() or Client(user=user)
        initial = {name: getattr(client, name) for name in ("first_name", "last_name", "date_of_birth", "phone")}
        initial |= {name: getattr(user, name) for name in ("reporting_currency", "time_zone", "theme", "language")}
        form = cls(sent, initial=initial)
        own = Account.objects.for_user(user).order_by().values_list("currency", flat=True).distinct()
        field = form.fields["reporting_currency"]
        assert isinstance(field, CurrencyField)
        field.offer({*currencies.WITH_RATES, *own, user.reporting_currency})
        return form


class TokenForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=100)
    scope = forms.ChoiceField(label=pgettext_lazy("permission", "May"), choices=TokenScope.choices)
    days = forms.IntegerField(
        label=_("Valid for days"),
        min_value=1,
        max_value=3650,
        required=False,
        help_text=_("Empty: until it is revoked."),
    )

    def expires_at(self, at: datetime) -> datetime | None:
        """When the token is to expire; None for never."""
        days = self.cleaned_data["days"]
        return at + timedelta(days=days) if days else None


class AccountForm(_AccountModelForm):
    """An account of `owner`, whose own groups and labels it offers."""

    group = forms.ModelChoiceField(
        label=_("Group"), queryset=AccountGroup.objects.none(), required=False, empty_label=_("No group")
    )
    tags = forms.ModelMultipleChoiceField(
        label=_("Labels"),
        queryset=AccountTag.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    time_zone = forms.ChoiceField(
        label=_("Time zone"),
        choices=zones,
        initial="UTC",
        widget=LongSelect,
        help_text=_("Its trading days are counted there."),
    )
    currency = CurrencyField(label=_("Currency"), initial="USD")
    initial_balance = NumberField(
        largest=LARGEST_MONEY,
        label=_("Starting balance"),
        required=False,
        help_text=_("What it held before the first trade: percentages are of it. May be empty."),
    )

    class Meta:
        model = Account
        fields = [
            "name", "broker", "number", "kind", "status", "group", "currency", "initial_balance", "time_zone",
            "day_start", "cost_method", "allows_short", "color", "description",
        ]  # fmt: skip
        labels = {
            "name": _("Name"),
            "broker": _("Broker"),
            "number": _("Account number"),
            "kind": _("Kind"),
            "status": _("Status"),
            "day_start": _("Day start"),
            "cost_method": _("Cost method"),
            "allows_short": _("Allow short selling"),
            "color": _("Colour"),
            "description": _("Description"),
        }
        help_texts = {
            "number": _("As the broker's files write it: imports find the account by it."),
            "allows_short": _("Orders may sell what the account does not hold. Off, such orders are refused."),
            "day_start": _("From noon on, the day belongs to the next date: 17:00 for futures in Chicago."),
        }
        widgets = {
            "name": forms.TextInput(attrs={"autocomplete": "off"}),
            "broker": forms.TextInput(attrs={"autocomplete": "off", "list": "known-brokers"}),
            "color": forms.TextInput(attrs={"type": "color"}),
            "day_start": forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
            "description": Paragraphs(attrs={"rows": 3}),
        }

    def __init__(self, *args: Any, owner: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        groups, tags = self.fields["group"], self.fields["tags"]
        assert isinstance(groups, forms.ModelChoiceField)
        assert isinstance(tags, forms.ModelMultipleChoiceField)
        groups.queryset = AccountGroup.objects.for_user(owner).order_by("position", "id")
        tags.queryset = AccountTag.objects.for_user(owner).order_by("name", "id")
        if self.instance.pk:
            tags.initial = self.instance.tags.all()
        if not tags.queryset.exists():
            del self.fields["tags"]
        # The browser says at once what the server would say.
        balance = self.fields["initial_balance"]
        balance.widget.attrs["pattern"] = decimals.pattern(page_language())
        balance.widget.attrs["title"] = balance.error_messages["invalid"]
        self.brokers = (
            Account.objects.for_user(owner)
            .exclude(broker="")
            .order_by("broker")
            .values_list("broker", flat=True)
            .distinct()
        )
        field = self.fields["currency"]
        assert isinstance(field, CurrencyField)
        # An account that came in by the API or an import keeps what it has.
        field.offer({*currencies.KNOWN, self.instance.currency})
