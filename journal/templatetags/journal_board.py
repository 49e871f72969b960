"""Addresses around the dashboard and the calendar: the same filters, another month, panel or list."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from django import template
from django.http import HttpRequest, QueryDict
from django.urls import reverse

from accounts.addresses import written
from journal import filters
from journal.panel_tables import Column
from journal.templatetags import journal_format
from journal.templatetags.journal_units import in_unit
from trading.models import Trade

register = template.Library()

#: Of one answer only, so that no link carries them along.
_PASSING = ("cursor", "page", "format", "as", "offset", "limit", "panels")
#: What chooses trades, as addresses have it.
_FILTERS = (*filters.NAMES, "view")
#: Filters that say where one is, and not which trades are meant.
_PLACES = ("month",)


def _with(query: QueryDict, changes: Mapping[str, Any]) -> str:
    """The query string with these parameters set; None takes one away, "" (what a template lacks) changes nothing."""
    for name, value in changes.items():
        if value == "":
            continue
        name = name.rstrip("_")
        query.pop(name, None)
        if name == "account":
            # One account is meant, and not a set of them besides.
            query.pop("view", None)
        if value is not None:
            query[name] = str(value)
    return f"?{query.urlencode()}" if query else ""


def _kept(context: template.Context) -> QueryDict:
    request: HttpRequest = context["request"]
    query = written(request).copy()
    for name in _PASSING:
        query.pop(name, None)
    return query


@register.simple_tag(takes_context=True)
def page_url(context: template.Context, address: str, **changes: Any) -> str:
    """The address of a page by its name, with everything that this one has chosen, changed like this."""
    return reverse(address) + _with(_kept(context), changes)


@register.simple_tag(takes_context=True)
def panel_url(context: template.Context, name: str, **changes: Any) -> str:
    """The address of a panel."""
    return reverse("dashboard_panel", args=[name]) + _with(_kept(context), changes)


@register.simple_tag(takes_context=True)
def trade_url(context: template.Context, trade: Trade) -> str:
    """The page of a trade within the list of the trades that the filters of this page let through."""
    return reverse("trade_detail", args=[trade.public_id]) + trades_url(context).removeprefix(reverse("trade_list"))


@register.simple_tag(takes_context=True)
def trades_url(context: template.Context, link: Mapping[str, Any] | None = None, **more: Any) -> str:
    """The list of the trades that the filters of this page let through, narrowed further."""
    query = _kept(context)
    for name in list(query):
        if name not in _FILTERS or name in _PLACES:
            query.pop(name)
    return reverse("trade_list") + _with(query, {**(link or {}), **more})


@register.simple_tag(takes_context=True)
def day_url(context: template.Context, day: date, account: Any = "") -> str:
    """The page of a day under the filters of this one; the day is the range."""
    query = _kept(context)
    for name in list(query):
        if name not in _FILTERS or name in (*_PLACES, "from", "to"):
            query.pop(name)
    return reverse("day", args=[day.isoformat()]) + _with(query, {"account": account})


@register.simple_tag
def cell(value: Any, column: Column, unit: str) -> str:
    """A value of a table as its column is written."""
    if column.kind == "amount":
        return in_unit(value, unit)
    if column.kind == "plain":
        return journal_format.DASH if value is None else journal_format.quantity(value)
    written: Any = {
        "day": journal_format.day,
        "money": journal_format.signed_money,
        "count": journal_format.count,
        "rate": journal_format.percent,
        "ratio": journal_format.ratio,
        "quantity": journal_format.quantity,
        "price": journal_format.price,
    }.get(column.kind, journal_format.dash)
    return str(written(value))
