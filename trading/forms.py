"""What people fill in: trades with their fills, what they say of a trade, files and how to read them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.errors import InvalidValue
from accounts.fields import LARGEST_MONEY, LARGEST_PRICE
from accounts.forms import NumberField
from accounts.models import Account, User
from accounts.text import one_line, paragraphs
from accounts.widgets import Paragraphs
from trading import typed_symbols
from trading.models import Execution, Instrument, InstrumentKind, Side, Tag, Trade
from trading.trades import EnteredFill, Plan, words_digest

if TYPE_CHECKING:
    _FillFormSet = forms.BaseFormSet["FillForm"]
else:
    _FillFormSet = forms.BaseFormSet

MOST_FILLS = 200
MOST_TAGS = 20


class OwnAccountField(forms.CharField):
    """An account by its name, which is unique per person: a list of a thousand names would be no help."""

    owner: User

    @staticmethod
    def find(owner: User, name: str) -> Account | None:
        """This person's account of this name."""
        return Account.objects.for_user(owner).filter(name=name.strip()).first() if name else None

    def clean(self, value: Any) -> Any:
        name = super().clean(value)
        if not name:
            return None
        account = self.find(self.owner, name)
        if account is None:
            raise ValidationError(_("You have no account of this name."))
        return account


def _cleaned(text: str, *, lines: bool = False) -> str:
    try:
        return paragraphs(text) if lines else one_line(text)
    except ValueError as error:
        words = str(error)
        raise ValidationError(f"{words[:1].upper()}{words[1:]}.") from error


class LineField(forms.CharField):
    """One line of text without control characters and marks that hide or reorder what is around them."""

    def to_python(self, value: Any) -> str:
        return _cleaned(super().to_python(value) or "")


class WallTimeField(forms.DateTimeField):
    """A date and time without a zone: which one is meant is known only once the account is."""

    def to_python(self, value: Any) -> datetime | None:
        # Not in the person's zone, in which a wall time of the account's may not exist.
        with timezone.override("UTC"):
            found = super().to_python(value)
        return found.replace(tzinfo=None) if found else None


class FillForm(forms.Form):
    """One fill of a trade. Times are wall times of the account's zone."""

    side = forms.ChoiceField(label=gettext_lazy("Side"), choices=Side.choices)
    quantity = NumberField(label=gettext_lazy("Quantity"), largest=LARGEST_PRICE, is_positive=True)
    price = NumberField(label=gettext_lazy("Price"), largest=LARGEST_PRICE)
    executed_at = WallTimeField(
        label=gettext_lazy("Time"),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local", "step": "1"}, format="%Y-%m-%dT%H:%M:%S"),
        help_text=gettext_lazy(
            "Of the hour that comes twice when clocks go back the first is meant; "
            "the second is ticked when the fill is edited."
        ),
    )
    is_later = forms.BooleanField(required=False, label=gettext_lazy("The second time round"))
    commission = NumberField(label=gettext_lazy("Commission"), largest=LARGEST_MONEY, required=False)
    fees = NumberField(label=gettext_lazy("Fees"), largest=LARGEST_MONEY, required=False)

    def has_changed(self) -> bool:
        """Whether something was typed; a side alone is what every empty row has."""
        changed = set(self.changed_data)
        return bool(changed - {"side", "is_later", "DELETE"} if self.empty_permitted else changed)

    @property
    def comes_twice(self) -> bool:
        """Whether the row has a time of the hour that its zone has twice, so that it can be asked which is meant."""
        return bool(self.initial.get("comes_twice")) or bool(self["is_later"].value())

    def settle(self, zone: ZoneInfo) -> bool:
        """Whether the time exists in this zone; where it does not, the error is at its field."""
        at = self._at(zone)
        if at.astimezone(zone).replace(tzinfo=None) == self.cleaned_data["executed_at"]:
            return True
        self.add_error("executed_at", _("The clocks of %(zone)s skip this time.") % {"zone": zone.key})
        return False

    def entered(self, zone: ZoneInfo, *, instead_of: Execution | None = None) -> EnteredFill:
        """The fill as it was typed, its time in this zone; the exact one of `instead_of` where it was not touched."""
        values = self.cleaned_data
        same_time = instead_of is not None and not {"executed_at", "is_later"} & set(self.changed_data)
        return EnteredFill(
            side=values["side"],
            quantity=values["quantity"],
            price=values["price"],
            executed_at=instead_of.sort_at if instead_of is not None and same_time else self._at(zone),
            commission=values["commission"] or Decimal(0),
            fees=values["fees"] or Decimal(0),
        )

    def _at(self, zone: ZoneInfo) -> datetime:
        wall: datetime = self.cleaned_data["executed_at"]
        return wall.replace(tzinfo=zone, fold=int(self.cleaned_data["is_later"])).astimezone(UTC)

    def clean_executed_at(self) -> datetime:
        wall: datetime = self.cleaned_data["executed_at"]
        if wall > timezone.now().replace(tzinfo=None) + timedelta(days=2):
            raise ValidationError(_("This lies in the future."))
        if wall.year < 1970:
            raise ValidationError(_("This is too long ago."))
        return wall


class _Fills(_FillFormSet):
    """The rows of a trade's fills; rows that were left empty, or taken away, do not count."""

    def clean(self) -> None:
        if any(self.errors):
            return
        if not self.filled:
            raise ValidationError(_("Enter at least one fill."))

    def settle(self, zone: ZoneInfo, *, changed_only: bool = False) -> bool:
        """Whether every time exists in this zone; errors are at the fields of those that do not."""
        forms = [form for form in self.filled if not changed_only or "executed_at" in form.changed_data]
        settled = [form.settle(zone) for form in forms]
        return all(settled)

    @property
    def filled(self) -> list[FillForm]:
        """The rows with a fill in them, in the order of the page."""
        return [
            form
            for form in self.forms
            if form.cleaned_data.get("quantity") is not None and not form.cleaned_data.get("DELETE")
        ]


def fills_formset(extra: int) -> type[_Fills]:
    """The form set with so many empty rows."""
    return forms.formset_factory(  # type: ignore[return-value]
        FillForm,
        formset=_Fills,
        extra=extra,
        can_delete=True,
        max_num=MOST_FILLS,
        absolute_max=MOST_FILLS,
        validate_max=True,
    )


def initial_fills(executions: Sequence[Execution], zone: ZoneInfo) -> list[dict[str, Any]]:
    """The rows of the fills that a trade has, in the zone that the form speaks."""
    return [
        {
            "side": fill.side,
            "quantity": fill.quantity,
            "price": fill.price,
            "executed_at": (at := fill.sort_at.astimezone(zone)).replace(tzinfo=None, microsecond=0, fold=0),
            "is_later": bool(at.fold),
            "comes_twice": at.utcoffset() != at.replace(fold=1 - at.fold).utcoffset(),
            "commission": fill.commission,
            "fees": fill.fees,
        }
        for fill in executions
    ]


def corrected_fills(formset: _Fills, executions: Sequence[Execution], zone: ZoneInfo) -> list[EnteredFill]:
    """The fills as the form has them; a time that nobody touched stays exact."""
    fills = []
    for number, form in enumerate(formset.forms):
        if form not in formset.filled:
            continue
        fills.append(form.entered(zone, instead_of=executions[number] if number < len(executions) else None))
    return sorted(fills, key=lambda fill: fill.executed_at)


class WordsForm(forms.Form):
    """What a person says of a trade: what it was meant to do, a note, tags."""

    initial_stop = NumberField(largest=LARGEST_PRICE, required=False, label=gettext_lazy("Initial stop"))
    initial_target = NumberField(largest=LARGEST_PRICE, required=False, label=gettext_lazy("Initial target"))
    tags = forms.CharField(
        required=False,
        max_length=1000,
        label=gettext_lazy("Tags"),
        help_text=gettext_lazy("Several with commas between them."),
    )
    note = forms.CharField(
        label=gettext_lazy("Note"),
        required=False,
        max_length=20_000,
        strip=False,
        widget=Paragraphs(attrs={"rows": 6, "data-hotkey": "n"}),
    )

    #: What note and plan were when the form was made; empty where whoever sends it does not say.
    read = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)

    @classmethod
    def of(cls, trade: Trade) -> "WordsForm":
        """The form filled in with what was said."""
        return cls(
            initial={
                "initial_stop": trade.initial_stop,
                "initial_target": trade.initial_target,
                "tags": ", ".join(tag.name for tag in trade.tags.all()),
                "note": trade.note,
                "read": words_digest(trade),
            }
        )

    def clean_note(self) -> str:
        return _cleaned(self.cleaned_data["note"], lines=True)

    def clean_tags(self) -> list[str]:
        names = [_cleaned(part) for part in self.cleaned_data["tags"].split(",") if part.strip()]
        if len(names) > MOST_TAGS:
            raise ValidationError(_("At most %(most)d tags.") % {"most": MOST_TAGS})
        if any(len(name) > 50 for name in names):
            raise ValidationError(_("A tag has at most 50 characters."))
        return list(dict.fromkeys(names))

    def plan(self) -> Plan:
        """What was intended."""
        return Plan(self.cleaned_data["initial_stop"], self.cleaned_data["initial_target"])

    def own_tags(self, owner: User) -> list[Tag]:
        """The tags, those made that the person did not have."""
        names: list[str] = self.cleaned_data["tags"]
        Tag.objects.bulk_create([Tag(owner=owner, name=name) for name in names], ignore_conflicts=True)
        return list(Tag.objects.for_user(owner).filter(name__in=names).order_by("name", "id"))


class TradeForm(WordsForm):
    """A trade by hand, besides its fills."""

    account = OwnAccountField(
        label=gettext_lazy("Account"), max_length=100, widget=forms.TextInput(attrs={"list": "account-names"})
    )
    symbol = forms.CharField(
        label=gettext_lazy("Symbol"),
        max_length=40,
        help_text="AAPL, ESZ6, EURUSD …",
        widget=forms.TextInput(attrs={"autocapitalize": "characters", "autocomplete": "off"}),
    )
    kind = forms.ChoiceField(
        choices=[("", gettext_lazy("As the symbol says")), *InstrumentKind.choices],
        required=False,
        label=gettext_lazy("Kind"),
    )

    field_order = ["account", "symbol", "kind", "initial_stop", "initial_target", "tags", "note"]

    def __init__(self, *args: Any, owner: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["account"]
        assert isinstance(field, OwnAccountField)
        field.owner = owner
        field.widget.attrs["autocomplete"] = "off"

    def instrument(self, fills: Sequence[EnteredFill]) -> Instrument | None:
        """What was traded; None, and an error at the symbol, where that cannot be told."""
        account: Account = self.cleaned_data["account"]
        day = account.trading_day(fills[0].executed_at)
        try:
            return typed_symbols.instrument_of(
                self.cleaned_data["symbol"], account=account, on=day, kind=self.cleaned_data["kind"]
            )
        except InvalidValue as error:
            self.add_error("symbol", error.message)
            return None
