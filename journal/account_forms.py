"""What people fill in about many accounts: which of them, and what becomes of them; and about their cash."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts import bulk_edits, currencies, paging
from accounts.bulk_edits import Change, Effect, Preview
from accounts.errors import DomainError, InvalidValue
from accounts.fields import LARGEST_MONEY
from accounts.forms import CurrencyField, NumberField
from accounts.models import (
    COLOR,
    Account,
    AccountGroup,
    AccountKind,
    AccountStatus,
    AccountTag,
    LedgerKind,
    User,
)
from accounts.reports import NO_GROUP, AccountFilters
from journal import account_windows, filters, saved_views
from journal.account_windows import AccountsWindow
from journal.filters import NO_BROKER, MetricsFilter, text_of
from journal.units import Unit

#: How many accounts stand side by side.
FEWEST_COMPARED, MOST_COMPARED = 2, 12
#: The parameters that say which accounts a list shows.
FILTERS = ("search", "broker", "group", "tag", "kind", "status", "archived", "sample")
#: Those of every page that a list of accounts does not have itself: more accounts, and what its figures are of.
SCOPE = ("account", "account_tag", "from", "to", "currency")
#: What goes along from page to page besides.
_CARRIED = ("view", "unit")
_SHOWN = {"": False, "0": False, "1": True, "all": None}
_SAMPLE = {"": None, "yes": True, "no": False}


def filters_of(params: QueryDict) -> AccountFilters:
    """Which accounts a query string asks for. Raises InvalidValue for values that cannot be meant."""
    broker = text_of(params, "broker")
    return AccountFilters(
        broker="" if broker == NO_BROKER else broker,
        search=text_of(params, "search"),
        kind=choice_of(params, "kind", AccountKind.values),
        status=choice_of(params, "status", AccountStatus.values),
        archived=_SHOWN[choice_of(params, "archived", _SHOWN) or ""],
        group=text_of(params, "group"),
        tag=text_of(params, "tag"),
        is_sample=_SAMPLE[choice_of(params, "sample", _SAMPLE) or ""],
    )


def scope_of(params: QueryDict, user: User) -> MetricsFilter:
    """Which accounts every page is limited to, and the days and the currency of figures. Raises InvalidValue."""
    # As it stands in an address; what `journal.middleware` has read has the accounts of the set in place of its name.
    found = saved_views.expanded(user, params)
    if found is None:
        raise InvalidValue(_("This choice of accounts is no longer kept."), pointer="?view")
    query = QueryDict(mutable=True)
    for name in SCOPE:
        query.setlist(name, found.getlist(name))
    return filters.parse(query, user=user)


def measured_of(params: QueryDict, user: User) -> MetricsFilter:
    """What percent of the list's amounts is of: all that the accounts which pages are limited to started with."""
    return replace(scope_of(params, user), broker=text_of(params, "broker"), group=text_of(params, "group"))


def window_of(params: QueryDict, user: User) -> AccountsWindow:
    """Which stretch of which accounts a query string asks for. Raises InvalidValue."""
    order = paging.order_of(
        params.get("order") or None, allowed=account_windows.ORDERS, default=account_windows.DEFAULT_ORDER
    )
    if params.get("unit") == Unit.R and order.removeprefix("-") == "pnl":
        # What is shown is what is compared.
        order = order.replace("pnl", "r")
    limit = _number(params, "limit", default=account_windows.WINDOW, largest=account_windows.LARGEST_WINDOW) or 1
    offset = _number(params, "offset", default=0, largest=10**9)
    return AccountsWindow(filters_of(params), order, offset, limit, scope=scope_of(params, user))


def query_of(params: QueryDict, *, without: Collection[str] = ()) -> str:
    """The filters and the order of a query string, without what is empty; also those of every page."""
    kept = QueryDict(mutable=True)
    for name in (*FILTERS, *SCOPE, *_CARRIED, "order"):
        values = [value for value in params.getlist(name) if value]
        if name not in without and values:
            kept.setlist(name, values if name == "account" else values[-1:])
    return kept.urlencode()


def choice_of(params: QueryDict, name: str, allowed: Collection[str]) -> str | None:
    """The value of a parameter that takes one of a few; None where it is empty. Raises InvalidValue."""
    text = params.get(name)
    if not text:
        return None
    if text not in allowed:
        named = ", ".join(each for each in allowed if each)
        raise InvalidValue(_("This is one of %(values)s.") % {"values": named}, pointer=f"?{name}")
    return text


def _number(params: QueryDict, name: str, *, default: int, largest: int) -> int:
    text = params.get(name)
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and int(text) <= largest):
        raise InvalidValue(_("This is a whole number up to %(largest)s.") % {"largest": largest}, pointer=f"?{name}")
    return int(text)


@dataclass(frozen=True, slots=True)
class Selection:
    """Accounts that somebody chose: some by name, or all that filters find but a few.

    `ids` are primary keys. `fields` are what a form sends to choose the same again.
    """

    ids: list[int]
    fields: dict[str, str]

    @classmethod
    def of(cls, user: User, sent: QueryDict) -> "Selection":
        """What a list's form sent: `id` several times or `ids` with commas, or `all=1` with `filters` and `except`.

        Raises InvalidValue where one of them is not the person's, as for one that is absent.
        """
        if sent.get("all") == "1":
            query = QueryDict(sent.get("filters", ""))
            except_ids = _uuids(_several(sent, "except"))
            found = account_windows.ids_of(user, filters_of(query), scope_of(query, user))
            left_out = set(_own(user, except_ids))
            fields = {"all": "1", "filters": query_of(query), "except": ",".join(map(str, except_ids))}
            return cls([pk for pk in found if pk not in left_out], fields)
        ids = _uuids([*_several(sent, "id"), *_several(sent, "ids")])
        own = _own(user, ids)
        if len(own) != len(ids):
            raise InvalidValue(_("Some of these accounts are not there. Nothing was changed."))
        return cls(own, {"ids": ",".join(map(str, ids)), "filters": query_of(QueryDict(sent.get("filters", "")))})


def _several(sent: QueryDict, name: str) -> list[str]:
    return [each for text in sent.getlist(name) for each in text.split(",") if each]


def _uuids(texts: Collection[str]) -> list[uuid.UUID]:
    if len(texts) > bulk_edits.LARGEST_CHOICE:
        raise InvalidValue(_("Too many accounts were named: choose all that match instead."))
    try:
        return list(dict.fromkeys(uuid.UUID(text) for text in texts))
    except ValueError as error:
        raise InvalidValue(_("An account is named by its id, a UUID.")) from error


def _own(user: User, ids: Collection[uuid.UUID]) -> list[int]:
    if not ids:
        return []
    return list(Account.objects.for_user(user).filter(public_id__in=ids).order_by("pk").values_list("pk", flat=True))


class LabelForm(forms.Form):
    """The name and colour of a group or label."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=50)
    color = forms.CharField(
        label=gettext_lazy("Colour"),
        validators=[COLOR],
        initial="#6b7fd7",
        widget=forms.TextInput(attrs={"type": "color"}),
    )

    def refuse(self, error: DomainError) -> None:
        """The form shows why a verb refused, beside the field at fault where it has one."""
        name = error.pointer.removeprefix("/")
        self.add_error(name if name in self.fields else None, error.message)


class CashForm(forms.Form):
    """A deposit, a withdrawal or a correction. `key` makes that it happens once, however often it is sent."""

    kind = forms.ChoiceField(label=gettext_lazy("What"))
    amount = NumberField(label=gettext_lazy("Amount"), largest=LARGEST_MONEY)
    currency = CurrencyField(label=gettext_lazy("Currency"))
    at = forms.DateTimeField(
        label=gettext_lazy("When"),
        required=False,
        help_text=gettext_lazy("In the account's time zone. Empty: now."),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
    )
    note = forms.CharField(label=gettext_lazy("Note"), max_length=500, required=False)
    key = forms.CharField(max_length=64, widget=forms.HiddenInput)

    def __init__(self, *args: Any, account: Account, **kwargs: Any) -> None:
        kwargs["initial"] = {"key": uuid.uuid4().hex, "currency": account.currency, **kwargs.get("initial", {})}
        super().__init__(*args, **kwargs)
        self.zone = ZoneInfo(account.time_zone)
        kinds = (LedgerKind.DEPOSIT, LedgerKind.WITHDRAWAL, LedgerKind.ADJUSTMENT)
        kind, currency = self.fields["kind"], self.fields["currency"]
        assert isinstance(kind, forms.ChoiceField)
        assert isinstance(currency, CurrencyField)
        kind.choices = [(each.value, each.label) for each in kinds]
        currency.offer({*currencies.KNOWN, account.currency})

    def clean_at(self) -> datetime | None:
        at: datetime | None = self.cleaned_data["at"]
        if at is None:
            return None
        # What the field read as the site's wall time is the account's.
        at = at.replace(tzinfo=self.zone)
        if at > timezone.now():
            raise forms.ValidationError(_("This is still to come."))
        return at

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        amount, kind = cleaned.get("amount"), cleaned.get("kind")
        if amount is None or not kind:
            return cleaned
        if kind == LedgerKind.ADJUSTMENT and amount == 0:
            self.add_error("amount", _("An adjustment is not zero."))
        elif kind != LedgerKind.ADJUSTMENT and amount <= 0:
            self.add_error("amount", _("An amount is larger than zero; an adjustment may be negative."))
        return cleaned

    def refuse(self, error: DomainError) -> None:
        """The form shows why a verb refused, beside the field at fault where it has one."""
        name = error.pointer.removeprefix("/")
        self.add_error(name if name in self.fields else None, error.message)


class ChangeForm(forms.Form):
    """What becomes of the chosen accounts. What is left empty stays as it is."""

    group = forms.ChoiceField(label=gettext_lazy("Group"), required=False)
    add_tags = forms.MultipleChoiceField(
        label=gettext_lazy("Put labels on"), required=False, widget=forms.CheckboxSelectMultiple
    )
    remove_tags = forms.MultipleChoiceField(
        label=gettext_lazy("Take labels off"), required=False, widget=forms.CheckboxSelectMultiple
    )
    broker = forms.CharField(label=gettext_lazy("Broker"), max_length=100, required=False)
    no_broker = forms.BooleanField(label=gettext_lazy("Without a broker"), required=False)
    kind = forms.ChoiceField(label=gettext_lazy("Kind"), required=False)
    status = forms.ChoiceField(label=gettext_lazy("Status"), required=False)
    new_color = forms.BooleanField(label=gettext_lazy("Change the colour"), required=False)
    color = forms.CharField(
        label=gettext_lazy("Colour"),
        required=False,
        validators=[COLOR],
        initial="#6b7fd7",
        widget=forms.TextInput(attrs={"type": "color"}),
    )
    archived = forms.ChoiceField(label=gettext_lazy("Archive"), required=False)

    def __init__(self, *args: Any, owner: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.groups = {str(each.public_id): each for each in AccountGroup.objects.for_user(owner)}
        self.tags = {str(each.public_id): each for each in AccountTag.objects.for_user(owner).order_by("name", "id")}
        leave = ("", _("As it is"))
        in_order = sorted(self.groups.values(), key=lambda each: (each.position, each.pk))
        tags = [(key, tag.name) for key, tag in self.tags.items()]
        choices: dict[str, Any] = {
            "group": [leave, (NO_GROUP, _("No group")), *((str(each.public_id), each.name) for each in in_order)],
            "add_tags": tags,
            "remove_tags": tags,
            "kind": [leave, *AccountKind.choices],
            "status": [leave, *AccountStatus.choices],
            "archived": [leave, ("1", _("Archive")), ("0", _("Restore"))],
        }
        for name, values in choices.items():
            field = self.fields[name]
            assert isinstance(field, (forms.ChoiceField, forms.MultipleChoiceField))
            field.choices = values
        if not tags:
            del self.fields["add_tags"], self.fields["remove_tags"]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("broker") and cleaned.get("no_broker"):
            self.add_error("broker", _("Either a broker or none."))
        if set(cleaned.get("add_tags", ())) & set(cleaned.get("remove_tags", ())):
            self.add_error("remove_tags", _("A label cannot be put on and taken off at once."))
        return cleaned

    def change(self) -> Change:
        """What was asked for, once it is valid."""
        asked = self.cleaned_data
        values: dict[str, Any] = {name: asked[name] for name in ("broker", "kind", "status") if asked[name]}
        if asked["no_broker"]:
            values["broker"] = ""
        if asked["group"]:
            values["group"] = None if asked["group"] == NO_GROUP else self.groups[asked["group"]]
        if asked["new_color"]:
            values["color"] = asked["color"]
        if asked["archived"]:
            values["archived"] = asked["archived"] == "1"
        return Change(
            values=values,
            add_tags=[self.tags[key] for key in asked.get("add_tags", ())],
            remove_tags=[self.tags[key] for key in asked.get("remove_tags", ())],
        )


def words_of(preview: Preview) -> list[str]:
    """What a change would do, a sentence for each of its parts."""
    return [_words(effect, preview.total) for effect in preview.effects]


def _words(effect: Effect, total: int) -> str:
    if not effect.accounts:
        return _("%(what)s: all of them are so already.") % {"what": _what(effect)}
    words = ngettext(
        "%(what)s: %(count)s of %(total)s account changes.",
        "%(what)s: %(count)s of %(total)s accounts change.",
        effect.accounts,
    )
    return words % {"what": _what(effect), "count": effect.accounts, "total": total}


def _what(effect: Effect) -> str:
    value = effect.value
    if effect.name == "archived":
        return _("Archived") if value else _("Restored")
    named = {
        "group": _("Group becomes %(value)s") if value else _("Taken out of their groups"),
        "broker": _("Broker becomes %(value)s") if value else _("Broker is taken off"),
        "kind": _("Kind becomes %(value)s"),
        "status": _("Status becomes %(value)s"),
        "color": _("Colour becomes %(value)s"),
        "add_tag": _("Label %(value)s is put on"),
        "remove_tag": _("Label %(value)s is taken off"),
    }[effect.name]
    labels: dict[str, Any] = {"kind": AccountKind, "status": AccountStatus}
    shown = labels[effect.name](value).label if effect.name in labels else value
    return named % {"value": shown} if "%(" in named else named
