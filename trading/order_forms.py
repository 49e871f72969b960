"""What people fill in to order: the ticket, and what is to take an order's place."""

import uuid
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import F
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from accounts.fields import LARGEST_MONEY, LARGEST_PRICE
from accounts.forms import NumberField, PercentField
from accounts.models import User
from trading import instruments, order_words
from trading.forms import LineField, OwnAccountField
from trading.models import ExitStrategy, Instrument, Order, OrderSource
from trading.models.breaker import LONGEST_STRATEGY
from trading.order_rows import Intent, Request, WantedPlan
from trading.order_rules.ticket import Ticket
from trading.order_rules.validity import Violation
from trading.order_rules.vocabulary import OrderClass, OrderType, Purpose, TimeInForce, read_direction
from trading.order_tickets import ticket_of

#: Where the rules name a field that has another name here.
_FIELDS = {
    "instrument": "symbol",
    "position_intent": "side",
    "exit_plan": "exit_strategy",
    "exit_plan/strategy": "exit_strategy",
}
#: Classes that can be asked for; one of several legs has no form.
_CLASSES = (OrderClass.SIMPLE, OrderClass.BRACKET, OrderClass.OTO, OrderClass.OCO)
#: By the types that have the field; a script hides it for all others.
OF_TYPES = {
    "limit_price": "limit stop_limit",
    "stop_price": "stop stop_limit",
    "trail_price": "trailing_stop",
    "trail_ratio": "trailing_stop",
}
#: By the classes that have it.
OF_CLASSES = dict.fromkeys(("take_profit_limit", "stop_loss_stop", "stop_loss_limit"), "bracket oto oco")
_NUMBERS = (
    "quantity", "notional", "limit_price", "stop_price", "trail_price", "trail_ratio", "take_profit_limit",
    "stop_loss_stop", "stop_loss_limit",
)  # fmt: skip


class SymbolField(forms.CharField):
    """The symbol of an instrument that this person can order."""

    owner: User

    def clean(self, value: Any) -> Any:
        symbol = super().clean(value)
        if not symbol:
            return None
        found = instruments.active(symbol.strip().upper(), person=self.owner) if symbol.isprintable() else None
        if found is None:
            raise ValidationError(_("No instrument of this symbol can be ordered here."))
        return found


def _price(label: Any, **options: Any) -> NumberField:
    return NumberField(label=label, required=False, largest=LARGEST_PRICE, is_positive=True, **options)


def _trail_ratio() -> PercentField:
    return PercentField(
        label=gettext_lazy("Or at a distance of, in %"), required=False, largest=Decimal(100), is_positive=True
    )


class TicketForm(forms.Form):
    """An order as a person asks for it. `client_order_id` makes that it is one, however often it is sent."""

    account = OwnAccountField(label=gettext_lazy("Account"), max_length=100)
    symbol = SymbolField(label=gettext_lazy("Symbol"), max_length=40)
    side = forms.ChoiceField(label=gettext_lazy("Side"), choices=list(order_words.SIDES.items()))
    type = forms.ChoiceField(label=gettext_lazy("Type"), choices=list(order_words.TYPES.items()))
    quantity = NumberField(
        label=gettext_lazy("Quantity"), required=False, largest=LARGEST_PRICE, is_positive=True
    )  # fmt: skip
    notional = NumberField(
        label=gettext_lazy("Or an amount of money"), required=False, largest=LARGEST_MONEY, is_positive=True
    )
    limit_price = _price(gettext_lazy("Limit price"))
    stop_price = _price(gettext_lazy("Stop price"))
    trail_price = _price(gettext_lazy("Trails at a distance of"))
    trail_ratio = _trail_ratio()
    time_in_force = forms.ChoiceField(label=gettext_lazy("Valid"), choices=list(order_words.TIMES.items()))
    order_class = forms.ChoiceField(
        label=gettext_lazy("Exits"), choices=[(word.value, order_words.CLASSES[word]) for word in _CLASSES]
    )
    take_profit_limit = _price(pgettext_lazy("exit", "Target"))
    stop_loss_stop = _price(pgettext_lazy("exit", "Stop"))
    stop_loss_limit = _price(gettext_lazy("Limit of the stop"))
    extended_hours = forms.BooleanField(label=gettext_lazy("Also outside of regular hours"), required=False)
    strategy = LineField(
        label=gettext_lazy("Strategy"),
        required=False,
        max_length=LONGEST_STRATEGY,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    exit_strategy = forms.ModelChoiceField(
        queryset=ExitStrategy.objects.none(),
        label=gettext_lazy("Exit plan"),
        required=False,
        empty_label=gettext_lazy("None"),
    )
    client_order_id = forms.CharField(max_length=128, widget=forms.HiddenInput)

    def __init__(self, *args: Any, owner: User, **kwargs: Any) -> None:
        first = {
            "client_order_id": f"ui-{uuid.uuid4()}",
            "side": "buy",
            "type": OrderType.LIMIT.value,
            "time_in_force": TimeInForce.DAY.value,
            "order_class": OrderClass.SIMPLE.value,
        }
        kwargs["initial"] = {**first, **(kwargs.get("initial") or {})}
        super().__init__(*args, **kwargs)
        for name in ("account", "symbol"):
            field = self.fields[name]
            assert isinstance(field, (OwnAccountField, SymbolField))
            field.owner = owner
            field.widget.attrs |= {"autocomplete": "off", "spellcheck": "false"}
        strategies = self.fields["exit_strategy"]
        assert isinstance(strategies, forms.ModelChoiceField)
        strategies.queryset = ExitStrategy.objects.for_user(owner).current().order_by("owner", "name")
        strategies.to_field_name = "public_id"
        self.fields["account"].widget.attrs["list"] = "account-names"
        self.fields["symbol"].widget.attrs |= {"list": "symbols", "autocapitalize": "characters"}
        begins = "symbol" if self["account"].value() else "account"
        self.fields["quantity" if self["symbol"].value() else begins].widget.attrs["autofocus"] = True
        for name, field in self.fields.items():
            # Where a script puts what is wrong, also before the form was sent.
            field.widget.attrs["aria-describedby"] = f"error-{name}"

    def request(self) -> Request:
        """What the form, which is valid, asks for."""
        asked = self.cleaned_data
        direction = read_direction(asked["side"])
        ticket = Ticket(
            side=direction.side,
            type=OrderType(asked["type"]),
            time_in_force=TimeInForce(asked["time_in_force"]),
            position_intent=direction.intent,
            extended_hours=asked["extended_hours"],
            order_class=OrderClass(asked["order_class"]),
            **{name: asked[name] for name in _NUMBERS},
        )
        closes = direction.intent is not None and not direction.intent.opens
        intent = Intent(
            client_order_id=asked["client_order_id"],
            purpose=Purpose.EXIT_MANUAL if closes else Purpose.ENTRY,
            source=OrderSource.UI,
            strategy=asked["strategy"],
        )
        strategy = asked["exit_strategy"]
        wanted = WantedPlan(strategy) if strategy else None
        return Request(asked["account"], asked["symbol"], ticket, intent, exit_plan=wanted)

    def again(self, *, owner: User) -> "TicketForm":
        """The same for another order: what was asked for, under an id of its own."""
        form = TicketForm({**self.data.dict(), "client_order_id": f"ui-{uuid.uuid4()}"}, owner=owner)  # type: ignore[attr-defined]
        form.is_valid()
        return form

    def refuse(self, reasons: Iterable[Violation]) -> None:
        """Every reason stands at its field."""
        for reason in reasons:
            self.add_error(field_of(reason.pointer, self.fields), reason.said(_))

    def is_typed(self, name: str) -> bool:
        """Whether something was filled in there."""
        return bool(str(self.data.get(name, "")).strip())


def field_of(pointer: str, fields: Iterable[str]) -> str | None:
    """The field that a pointer of the rules means; None for the form as a whole."""
    name = pointer.removeprefix("/")
    name = _FIELDS.get(name, name)
    return name if name in fields else None


_OF_ORDER = ("quantity", "limit_price", "stop_price", "trail_price", "trail_ratio")


class ReplaceForm(forms.Form):
    """The numbers of what is to take an order's place. `seen` is the last event that the page shows."""

    quantity = _price(
        gettext_lazy("Quantity"), help_text=gettext_lazy("Of the whole order; what is filled already counts.")
    )
    limit_price = _price(gettext_lazy("Limit price"))
    stop_price = _price(gettext_lazy("Stop price"))
    trail_price = _price(gettext_lazy("Trails at a distance of"))
    trail_ratio = _trail_ratio()
    version = forms.IntegerField(min_value=1, widget=forms.HiddenInput)
    seen = forms.IntegerField(min_value=0, required=False, widget=forms.HiddenInput)
    client_order_id = forms.CharField(max_length=128, widget=forms.HiddenInput)

    def __init__(self, data: QueryDict | None = None, *, order: Order, seen: int = 0) -> None:
        numbers = {name: getattr(order, name) for name in _OF_ORDER}
        first = numbers | {"version": order.version, "seen": seen, "client_order_id": f"ui-{uuid.uuid4()}"}
        super().__init__(data, initial=first)
        self.order = order
        for name, value in numbers.items():
            if value is None:
                del self.fields[name]

    def ticket(self) -> Ticket:
        """The order's ticket with the numbers of the form, which is valid."""
        asked = {name: self.cleaned_data[name] for name in _OF_ORDER if name in self.fields}
        return replace(ticket_of(self.order), **{name: value for name, value in asked.items() if value is not None})

    def refuse(self, reasons: Iterable[Violation]) -> None:
        """Every reason stands at its field."""
        for reason in reasons:
            self.add_error(field_of(reason.pointer, self.fields), reason.said(_))


def offered(person: User, text: str = "", *, most: int = 50) -> list[Instrument]:
    """Symbols and names of instruments to choose from: those that begin like that, the last quoted first."""
    rows = instruments.visible_to(person).filter(symbol__istartswith=text.strip()[:40]).only("symbol", "name")
    return list(rows.order_by(F("quote__quoted_at").desc(nulls_last=True), "symbol", "id")[:most])
