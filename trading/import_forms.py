"""What people fill in for a file: which one, what to do with its accounts, how to read it."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.forms import zones
from accounts.models import User
from accounts.widgets import LongSelect
from trading.forms import OwnAccountField
from trading.imports import mappings, reasons
from trading.imports.parsers.registry import PARSERS
from trading.models import ImportBatch

_STYLES = [("", _("As the file shows")), ("point", "1,234.56"), ("comma", "1.234,56")]
_ORDERS = [
    ("", _("As the file shows")),
    ("ymd", _("Year, month, day")),
    ("mdy", _("Month, day, year")),
    ("dmy", _("Day, month, year")),
]
_TWICE = [("", _("Refuse it")), ("first", _("The first, in summer time")), ("second", _("The second, in winter time"))]
#: Account numbers that one page asks about; a file with more makes an account for each.
MOST_NUMBERS = 200
#: How many of `mappings.FIELDS` most files have.
_USUAL = 11


def _zones() -> list[tuple[str, str]]:
    return [("", str(_("That of the account"))), *zones()]


class UploadForm(forms.Form):
    """A file; the account is needed only where the file names none."""

    file = forms.FileField(label=_("File"), allow_empty_file=True)
    account = OwnAccountField(
        required=False,
        max_length=100,
        label=_("Account, if the file does not name one"),
        help_text=_("Type the name of an account of yours. Files that name their accounts need none."),
        widget=forms.TextInput(attrs={"list": "account-names", "autocomplete": "off"}),
    )

    def __init__(self, *args: Any, owner: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["account"]
        assert isinstance(field, OwnAccountField)
        field.owner = owner

    def clean_file(self) -> UploadedFile:
        found: UploadedFile = self.cleaned_data["file"]
        if not found.size:
            raise ValidationError(_("The file is empty."))
        return found


class ChoicesForm(forms.Form):
    """Where the fills of each account number go, what is undecided, and how the file is read."""

    selected_format = forms.ChoiceField(required=False, label=pgettext_lazy("of a file", "Format"))
    time_zone = forms.ChoiceField(choices=_zones, required=False, label=_("Time zone of the times"), widget=LongSelect)
    decimal_style = forms.ChoiceField(choices=_STYLES, required=False, label=_("Numbers"))
    date_order = forms.ChoiceField(choices=_ORDERS, required=False, label=_("Dates"))
    ambiguous_time = forms.ChoiceField(choices=_TWICE, required=False, label=_("A time that came twice"))

    def __init__(self, *args: Any, batch: ImportBatch, **kwargs: Any) -> None:
        self.batch = batch
        options = batch.options
        initial = {
            "selected_format": batch.selected_format,
            **{name: options.get(name, "") for name in self.base_fields},
        }
        initial["selected_format"] = batch.selected_format
        super().__init__(*args, **{"initial": initial, **kwargs})
        formats = [(parser.name, parser.label) for parser in PARSERS if parser.name != "mapped_csv"]
        self.fields["selected_format"].choices = [("", _("Recognise it")), *formats]  # type: ignore[attr-defined]
        self.numbers: list[dict[str, Any]] = batch.preview.get("accounts", [])[:MOST_NUMBERS]
        self.decisions = [
            each for each in batch.preview.get("decisions", []) if each["code"] == "sell_without_position"
        ][:MOST_NUMBERS]
        for place, found in enumerate(self.numbers):
            self._add_account(place, found)
        for place, decision in enumerate(self.decisions):
            self.fields[f"decision_{place}"] = forms.ChoiceField(
                label=reasons.told(decision["message"]),
                required=False,
                choices=[
                    ("", _("Decide …")),
                    ("import_as_short", _("Import as a short sale")),
                    ("leave_out", _("Leave out")),
                ],
            )

    def _add_account(self, place: int, found: dict[str, Any]) -> None:
        decided = (self.batch.options.get("accounts", {}).get(found["number"])) or {}
        creates = bool(decided.get("create")) or found["is_new"]
        self.fields[f"to_{place}"] = forms.ChoiceField(
            required=False,
            choices=[("", _("Choose …")), ("existing", _("An account of mine")), ("create", _("A new account"))],
            initial="create" if creates else "existing" if found["account"] else "",
        )
        name = OwnOrNewAccountField(max_length=100, required=False, initial=found["name"])
        name.owner = self.batch.owner
        self.fields[f"name_{place}"] = name

    @property
    def account_rows(self) -> list[dict[str, Any]]:
        """Each account number of the file with its two fields."""
        return [
            {"found": found, "to": self[f"to_{place}"], "name": self[f"name_{place}"]}
            for place, found in enumerate(self.numbers)
        ]

    @property
    def decision_rows(self) -> list[Any]:
        """The field of each undecided thing."""
        return [self[f"decision_{place}"] for place in range(len(self.decisions))]

    @property
    def reading_rows(self) -> list[Any]:
        """The fields about how the file is read."""
        return [self[name] for name in self.base_fields]

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        for place in range(len(self.numbers)):
            if values.get(f"to_{place}") != "existing":
                continue
            name = values.get(f"name_{place}", "")
            account = OwnAccountField.find(self.batch.owner, name)
            if account is None:
                self.add_error(
                    f"name_{place}", _("You have no account of this name.") if name else _("Name the account.")
                )
            else:
                values[f"account_{place}"] = str(account.public_id)
        return values

    def options(self) -> dict[str, Any]:
        """What was chosen, as the options of an import."""
        values = self.cleaned_data
        chosen: dict[str, Any] = {
            name: values[name] for name in ("time_zone", "decimal_style", "date_order", "ambiguous_time")
        }
        accounts = dict(self.batch.options.get("accounts", {}))
        for place, found in enumerate(self.numbers):
            to = values.get(f"to_{place}")
            if to == "existing":
                accounts[found["number"]] = {"account": values[f"account_{place}"]}
            elif to == "create":
                name = values.get(f"name_{place}") or ""
                accounts[found["number"]] = {"create": {"name": name} if name else {"name": ""}}
        chosen["accounts"] = accounts
        decided = dict(self.batch.options.get("decisions", {}))
        for place, decision in enumerate(self.decisions):
            if values.get(f"decision_{place}"):
                decided[decision["key"]] = values[f"decision_{place}"]
        chosen["decisions"] = decided
        return chosen


class OwnOrNewAccountField(forms.CharField):
    """A name, of an account that exists or is to be made."""

    owner: User

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(widget=forms.TextInput(attrs={"list": "account-names", "autocomplete": "off"}), **kwargs)


class MappingForm(forms.Form):
    """Which column of a file holds what."""

    name = forms.CharField(max_length=100, label=_("Name of this mapping"))
    time_zone = forms.ChoiceField(choices=_zones, required=False, label=_("Time zone of the times"), widget=LongSelect)
    decimal_style = forms.ChoiceField(choices=_STYLES, required=False, label=_("Numbers"))
    date_order = forms.ChoiceField(choices=_ORDERS, required=False, label=_("Dates"))
    buy_word = forms.CharField(
        max_length=40, required=False, label=_("Word for a buy"), help_text=_("Where it is none of the usual ones.")
    )
    sell_word = forms.CharField(max_length=40, required=False, label=_("Word for a sale"))
    no_side = forms.ChoiceField(
        choices=[("", _("Refuse it")), ("buy", _("It is a buy")), ("sell", _("It is a sale"))],
        required=False,
        label=_("A row without a side"),
    )

    def __init__(self, *args: Any, batch: ImportBatch, header: Sequence[str], **kwargs: Any) -> None:
        kept = batch.options.get("mapping") or {}
        initial = {
            "name": batch.filename[:100],
            **{name: kept.get(name, "") for name in ("time_zone", "decimal_style", "date_order")},
        }
        super().__init__(*args, **{"initial": initial, **kwargs})
        columns = [("", "–"), *((cell, cell) for cell in dict.fromkeys(header))]
        for name, label in mappings.FIELDS.items():
            self.fields[f"column_{name}"] = forms.ChoiceField(
                choices=columns, required=False, label=label, initial=kept.get("columns", {}).get(name, "")
            )

    @property
    def column_rows(self) -> list[Any]:
        """The fields of the columns that most files have."""
        return [self[f"column_{name}"] for name in list(mappings.FIELDS)[:_USUAL]]

    @property
    def more_column_rows(self) -> list[Any]:
        """The fields of the other columns."""
        return [self[f"column_{name}"] for name in list(mappings.FIELDS)[_USUAL:]]

    @property
    def reading_rows(self) -> list[Any]:
        """The fields about how values are written."""
        return [self[name] for name in self.base_fields]

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        missing = [name for name in ("symbol", "quantity") if not values.get(f"column_{name}")]
        for name in missing:
            self.add_error(f"column_{name}", _("Choose the column that holds it."))
        return values

    def columns(self) -> dict[str, str]:
        """Our field -> their header."""
        return {
            name: self.cleaned_data[f"column_{name}"] for name in mappings.FIELDS if self.cleaned_data[f"column_{name}"]
        }

    def reading(self) -> dict[str, Any]:
        """How values are written."""
        values = self.cleaned_data
        sides = {values["buy_word"]: "buy", values["sell_word"]: "sell"}
        sides.pop("", None)
        if values["no_side"]:
            sides[""] = values["no_side"]
        return {
            "time_zone": values["time_zone"],
            "decimal_style": values["decimal_style"],
            "date_order": values["date_order"],
            "side_values": sides,
        }
