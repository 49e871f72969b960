"""What people fill in about exit plans. Fractions are typed as percentages, holding times in hours."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.translation import gettext_lazy

from accounts.decimals import plain
from accounts.fields import LARGEST_PRICE
from accounts.forms import NumberField, PercentField
from accounts.models import User
from accounts.widgets import LANGUAGE, typed_here
from trading.errors import PlanInvalid
from trading.exits.plans import ExitPlan, Level
from trading.exits.snapshots import snapshot
from trading.forms import LineField, OwnAccountField
from trading.models import ExitStrategy
from trading.models.exit_strategy import MOST_LEVELS

#: Empty rows for levels at the end, so that some can be added without JavaScript.
SPARE = 2
_HUNDRED, _HOUR = Decimal(100), Decimal(3600)
#: Reads what a row of a level says.
_PERCENT = PercentField(required=False)


@dataclass(slots=True)
class LevelRow:
    """One level as it was typed, in percent; without a gain it rides."""

    share: str = ""
    gain: str = ""
    error: str = ""

    @property
    def is_empty(self) -> bool:
        return not self.share.strip() and not self.gain.strip()

    def level(self) -> Level | None:
        """The level; None, and an error, where it is none."""
        try:
            return Level(_PERCENT.to_python(self.share), _PERCENT.to_python(self.gain))
        except ValidationError as error:
            self.error = " ".join(error.messages)
            return None


class PlanForm(forms.Form):
    """A plan but for its levels, which are rows of fields that repeat: `level-share`, `level-gain`."""

    stop_loss = PercentField(label=gettext_lazy("Stop loss, %"), help_text=gettext_lazy("Of the entry price."))
    is_trailing = forms.BooleanField(required=False, label=gettext_lazy("Trailing stop"))
    trail = PercentField(
        required=False, label=gettext_lazy("Trails by, %"), help_text=gettext_lazy("Of the best price.")
    )
    trail_activation = PercentField(
        required=False, label=gettext_lazy("Armed at a gain of, %"), help_text=gettext_lazy("0 arms it at the entry.")
    )
    is_scaling = forms.BooleanField(required=False, label=gettext_lazy("Scale out by levels"))
    breaks_even = forms.BooleanField(required=False, label=gettext_lazy("Stop to break-even after the first level"))
    mirrors = forms.BooleanField(required=False, label=gettext_lazy("Get out when the source of the trade sells"))
    hold_at_most = NumberField(
        largest=Decimal(1_000_000), required=False, label=gettext_lazy("Hold at most, hours"),
        help_text=gettext_lazy("After the entry; empty for as long as it takes."),
    )  # fmt: skip

    rows: list[LevelRow]

    def __init__(self, data: QueryDict | None = None, *, plan: ExitPlan | None = None, **kwargs: Any) -> None:
        super().__init__(data, initial={**(_initial(plan) if plan else {}), **kwargs.pop("initial", {})}, **kwargs)
        self.plan = plan
        self.rows = _posted(data) if data is not None else _rows_of(plan)

    def said(self) -> ExitPlan | None:
        """The plan that was filled in, call it after `is_valid`; None, and errors, where its levels are no numbers."""
        filled = [row for row in self.rows if not row.is_empty]
        levels = [row.level() for row in filled]
        if any(row.error for row in filled):
            return None
        clean, hours = self.cleaned_data, self.cleaned_data["hold_at_most"]
        hold = None if hours is None else timedelta(seconds=int(hours * _HOUR))
        return ExitPlan(
            stop_loss=clean["stop_loss"],
            is_trailing=clean["is_trailing"],
            trail=clean["trail"],
            trail_activation=clean["trail_activation"],
            is_scaling=clean["is_scaling"],
            levels=tuple(level for level in levels if level is not None),
            breaks_even=clean["breaks_even"],
            mirrors=clean["mirrors"],
            # As typed only where it was: not every number of seconds is one of hours.
            hold_at_most=self.plan.hold_at_most if self.plan and "hold_at_most" not in self.changed_data else hold,
            exit_at=self.plan.exit_at if self.plan else None,
        )

    def tell(self, error: PlanInvalid) -> None:
        """Every broken rule is told at the field or the level that breaks it."""
        for pointer, words in error.problems:
            name, _separator, place = pointer.strip("/").partition("/")
            filled = [row for row in self.rows if not row.is_empty]
            if name == "levels" and place.isdigit() and int(place) < len(filled):
                filled[int(place)].error = words
            else:
                self.add_error(name if name in self.fields else None, words)


class StrategyForm(PlanForm):
    name = LineField(max_length=100, label=gettext_lazy("Name"))
    description = LineField(max_length=500, required=False, label=gettext_lazy("Description"))
    field_order = ["name", "description"]


class OverrideForm(PlanForm):
    """The plan of an open position, filled in; what differs from it is the override."""

    revision = forms.IntegerField(min_value=0, widget=forms.HiddenInput)


class OpenPlanForm(forms.Form):
    """A position is put under the plan of a strategy."""

    account = OwnAccountField(
        label=gettext_lazy("Account"), max_length=100, widget=forms.TextInput(attrs={"list": "account-names"})
    )
    symbol = forms.CharField(
        label=gettext_lazy("Symbol"), max_length=40,
        widget=forms.TextInput(attrs={"autocapitalize": "characters", "autocomplete": "off"}),
    )  # fmt: skip
    quantity = NumberField(
        largest=LARGEST_PRICE, is_positive=True, required=False, label=gettext_lazy("Quantity"),
        help_text=gettext_lazy("Left empty, all that is under no plan yet."),
    )  # fmt: skip
    strategy = forms.ModelChoiceField(queryset=ExitStrategy.objects.none(), label=gettext_lazy("Exit strategy"))
    stop_loss = PercentField(
        required=False, label=gettext_lazy("Stop loss, %"), help_text=gettext_lazy("Left empty, the strategy's.")
    )

    def __init__(self, *args: Any, owner: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        account, strategy = self.fields["account"], self.fields["strategy"]
        assert isinstance(account, OwnAccountField)
        assert isinstance(strategy, forms.ModelChoiceField)
        account.owner = owner
        account.widget.attrs["autocomplete"] = "off"
        strategy.queryset = ExitStrategy.objects.for_user(owner).current().order_by("owner", "name")
        strategy.to_field_name = "public_id"

    def overrides(self) -> dict[str, Any]:
        """What wins over the strategy's plan."""
        stop = self.cleaned_data["stop_loss"]
        return {} if stop is None else {"stop_loss": plain(stop)}


def changes(before: ExitPlan, after: ExitPlan) -> Mapping[str, Any]:
    """The keys by which the second plan differs from the first, as an override says them."""
    was = snapshot(before)
    return {key: value for key, value in snapshot(after).items() if value != was[key]}


def _initial(plan: ExitPlan) -> dict[str, Any]:
    hold = plan.hold_at_most
    return {
        "stop_loss": plan.stop_loss,
        "is_trailing": plan.is_trailing,
        "trail": plan.trail,
        "trail_activation": plan.trail_activation,
        "is_scaling": plan.is_scaling,
        "breaks_even": plan.breaks_even,
        "mirrors": plan.mirrors,
        "hold_at_most": None if hold is None else round(Decimal(hold // timedelta(seconds=1)) / _HOUR, 4),
    }


def _rows_of(plan: ExitPlan | None) -> list[LevelRow]:
    levels: Sequence[Level] = plan.levels if plan else ()
    return _with_spare([LevelRow(_percent(level.share), _percent(level.gain)) for level in levels])


def _posted(data: QueryDict) -> list[LevelRow]:
    written = data.get(f"level{LANGUAGE}")
    shares, gains = (
        [typed_here(text, written) for text in data.getlist(f"level-{name}")[: MOST_LEVELS + SPARE]]
        for name in ("share", "gain")
    )
    return _with_spare([LevelRow(share, gain) for share, gain in zip(shares, gains, strict=False)])


def _with_spare(rows: list[LevelRow]) -> list[LevelRow]:
    filled = [row for row in rows if not row.is_empty]
    return [*filled, *(LevelRow() for _ in range(SPARE))]


def _percent(number: Decimal | None) -> str:
    return _PERCENT.prepare_value(number) or ""
