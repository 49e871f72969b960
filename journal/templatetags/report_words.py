"""The filters of a page in words."""

import re
from decimal import Decimal
from typing import Any

from django import template
from django.contrib.auth.models import AnonymousUser
from django.utils.translation import ngettext

from accounts.models import User
from journal import report_forms
from journal.templatetags import journal_format as written

register = template.Library()

_KINDS: dict[str, Any] = {
    "count": written.count,
    "money": written.money,
    "plain": written.money,
    "signed": written.signed_money,
    "percent": written.percent,
    "ratio": written.ratio,
    "r": written.r_multiple,
    "day": written.day,
    "month": written.short_month,
    "of_equity": lambda value: _of_equity(value),
}
#: Magnitudes that are written with the sign of a loss.
_LOSSES: dict[str, Any] = {
    "loss": written.signed_money,
    "loss_percent": lambda value: _of_equity(value),
    "loss_r": written.r_multiple,
}
#: Kinds whose sign says that they are a profit or a loss.
_SIGNED = ("signed", "signed_percent", "r")


def _of_equity(value: Decimal) -> str:
    """An amount in percent: of a large equity a trade is little, and a column of 0.0 % alone would say nothing."""
    return written.fine_percent(value) if value and abs(value) < Decimal("0.005") else written.percent(value)


@register.filter
def tone(value: Any, kind: str) -> str:
    """The class of a cell's colour: that of its sign where its column has one."""
    if kind in _SIGNED:
        return written.signed_class(value)
    return "loss" if kind in _LOSSES and value else ""


@register.filter
def as_kind(value: Any, kind: str) -> str:
    """A cell of a report as its column is written."""
    if value is None:
        return written.DASH
    if kind == "days":
        return ngettext("%(count)s day", "%(count)s days", value) % {"count": written.count(value)}
    if kind in _LOSSES:
        return str(_LOSSES[kind](-value))
    if kind == "signed_percent":
        return f"{'+' if value > 0 else ''}{_of_equity(value)}"
    writer = _KINDS.get(kind)
    return str(value) if writer is None else str(writer(value))


@register.filter
def tick(value: Any, kind: str) -> str:
    """The number beside a line of a drawing: short."""
    if kind == "money":
        # Along an axis +50k stands under +100k: what is round has no decimals.
        return re.sub(r"[.,]0+(?=[kM]?$)", "", written.short_money(value))
    if kind == "count":
        return written.count(int(value))
    return as_kind(value, kind)


@register.simple_tag(takes_context=True)
def filters_in_words(context: template.Context) -> list[tuple[Any, str]]:
    """Each filter of this page's address as its name and what it chooses."""
    request = context.get("request")
    user = getattr(request, "user", AnonymousUser())
    if request is None or not isinstance(user, User):
        return []
    return report_forms.in_words(request.GET, user=user)
