"""Which trades a list shows: one filter set for the pages and the API, with the meanings that figures have."""

import contextlib
import re
import uuid
from collections.abc import Collection
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import QueryDict
from django.utils.translation import gettext as _
from django_filters import CharFilter, ChoiceFilter, Filter, FilterSet

from accounts.errors import InvalidValue
from accounts.models import User
from accounts.text import one_line
from trading.models import Instrument, Tag, Trade, TradeQuerySet, TradeSide, TradeStatus

#: How accounts without a broker are called, and found again.
NO_BROKER = "Unknown"

#: As many as a set of accounts may hold; an address has room for about a hundred and fifty.
LARGEST_CHOICE = 20_000
_LONGEST = 100
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


def instruments_of(symbol: str) -> list[int]:
    """The instruments with this symbol, and the contracts of this futures root.

    As a list: a condition on a joined table would make the database walk all trades for a symbol seldom traded.
    """
    found = Instrument.objects.filter(Q(symbol=symbol.upper()) | Q(root=symbol.upper()))
    return list(found.values_list("pk", flat=True))


class _IdsField(forms.Field):
    """A parameter that may come several times, each time with the public id of an account."""

    widget = forms.MultipleHiddenInput

    def clean(self, value: Any) -> list[uuid.UUID]:
        given = list(value or [])
        if len(given) > LARGEST_CHOICE:
            raise ValidationError(_("At most %(most)s accounts can be chosen.") % {"most": LARGEST_CHOICE})
        return [self._one(str(text)) for text in given]

    @staticmethod
    def _one(text: str) -> uuid.UUID:
        try:
            found = uuid.UUID(text)
        except ValueError:
            found = None
        if found is None or str(found) != text.lower():
            raise ValidationError(_("An account is named by its id, a UUID."))
        return found


class _DayField(forms.DateField):
    """A day as YYYY-MM-DD and in no other way."""

    def to_python(self, value: Any) -> Any:
        if value and not _DATE.fullmatch(str(value)):
            raise ValidationError(_("A day is written YYYY-MM-DD."), code="invalid")
        return super().to_python(value)


class _LineField(forms.CharField):
    def clean(self, value: Any) -> str:
        try:
            return one_line(super().clean(value) or "")
        except ValueError as error:
            raise ValidationError(f"{error}.".capitalize()) from error


class _IdsFilter(Filter):
    field_class = _IdsField


class _DayFilter(Filter):
    field_class = _DayField


class _LineFilter(CharFilter):
    field_class = _LineField


class TradeFilterSet(FilterSet):
    """Trades by account (several times), broker, from, to, symbol, side, tag, status and currency.

    `from` and `to` are trading days, both included: trades with an exit on one of them, which are those that make
    the P&L of these days. `symbol` is an instrument's symbol or the root of a futures contract, `tag` the name of a
    tag or its public id, `broker` the exact name or "Unknown" for none.
    """

    account = _IdsFilter(method="of_accounts")
    broker = _LineFilter(method="of_broker", max_length=_LONGEST)
    symbol = _LineFilter(method="of_symbol", max_length=_LONGEST)
    side = ChoiceFilter(choices=TradeSide.choices)
    tag = _LineFilter(method="with_tag", max_length=_LONGEST)
    status = ChoiceFilter(choices=TradeStatus.choices)
    currency = _LineFilter(method="in_currency", max_length=12)

    class Meta:
        model = Trade
        fields: list[str] = []

    @classmethod
    def get_filters(cls) -> dict[str, Filter]:
        """Besides the declared ones `from` and `to`; the first cannot be declared, as it is a word of Python."""
        return {**super().get_filters(), "from": _DayFilter(), "to": _DayFilter()}

    @classmethod
    def checked(cls, params: QueryDict, *, user: User, also: Collection[str] = ()) -> "TradeFilterSet":
        """The filter set over this person's trades, valid. Names in `also` are left to the caller.

        Raises: InvalidValue for unknown and repeated names and for values that cannot be meant.
        """
        known = set(cls.get_filters())
        for name, values in params.lists():
            if name not in known and name not in also:
                raise InvalidValue(_("There is no such parameter."), pointer=f"?{name[:50]}", code="unknown_parameter")
            if name != "account" and len(values) > 1:
                raise InvalidValue(_("This may be given once."), pointer=f"?{name}", code="duplicate_parameter")
        found = cls(params, queryset=Trade.objects.for_user(user))
        if not found.is_valid():
            name, messages = next(iter(found.form.errors.items()))
            raise InvalidValue(str(messages[0]), pointer=f"?{name}")
        start, end = found.days
        if start and end and start > end:
            raise InvalidValue(_("The first day must not be after the last."), pointer="?from")
        return found

    @property
    def days(self) -> tuple[Any, Any]:
        """The first and the last day asked for, None where that side is open."""
        values = self.form.cleaned_data
        return values["from"], values["to"]

    def filter_queryset(self, queryset: TradeQuerySet) -> TradeQuerySet:
        """The trades that all filters let through."""
        values = self.form.cleaned_data
        for name, value in values.items():
            if name not in ("from", "to"):
                queryset = self.filters[name].filter(queryset, value)
        return queryset.realized_between(values["from"], values["to"])

    def of_accounts(self, queryset: TradeQuerySet, name: str, value: list[uuid.UUID]) -> TradeQuerySet:
        return queryset.filter(account__public_id__in=value)

    def of_broker(self, queryset: TradeQuerySet, name: str, value: str) -> TradeQuerySet:
        return queryset.filter(account__broker__in=[value, ""] if value == NO_BROKER else [value])

    def of_symbol(self, queryset: TradeQuerySet, name: str, value: str) -> TradeQuerySet:
        return queryset.filter(instrument__in=instruments_of(value))

    def with_tag(self, queryset: TradeQuerySet, name: str, value: str) -> TradeQuerySet:
        wanted = Q(name=value)
        with contextlib.suppress(ValueError):  # a name only
            wanted |= Q(public_id=uuid.UUID(value))
        # A subquery: a join would show a trade twice where one tag has the name and another the id.
        tagged = Trade.tags.through.objects.filter(tag__in=Tag.objects.filter(wanted)).values("trade")
        return queryset.filter(pk__in=tagged)

    def in_currency(self, queryset: TradeQuerySet, name: str, value: str) -> TradeQuerySet:
        return queryset.filter(currency=value.upper())
