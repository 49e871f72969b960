"""How a key figure and its change are written."""

from decimal import Decimal

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from journal.kpis import Kind, Kpi
from journal.templatetags import journal_format
from journal.templatetags.journal_units import in_unit
from journal.units import Unit

register = template.Library()
_LONGEST = 10


def _written(value: Decimal | None, kpi: Kpi, unit: str) -> str:
    if kpi.kind is Kind.RATE:
        return journal_format.percent(value)
    return journal_format.ratio(value) if kpi.kind is Kind.RATIO else in_unit(value, unit)


@register.simple_tag
def kpi_value(kpi: Kpi, unit: str) -> SafeString:
    """The value, never cut: a long one is set smaller, and one without its cents has them in a title."""
    text = title = _written(kpi.value, kpi, unit)
    if kpi.value is None:
        title = kpi.why
    elif kpi.kind is Kind.AMOUNT and unit == Unit.MONEY:
        text = journal_format.headline_money(kpi.value)
    css = journal_format.signed_class(kpi.value) if kpi.is_signed else ""
    return format_html(
        '<span class="kpi-value {}{}"{}>{}</span>',
        css,
        " is-long" if len(text) > _LONGEST else "",
        format_html(' title="{}"', title) if title != text else "",
        text,
    )


@register.simple_tag
def kpi_change(kpi: Kpi, unit: str) -> str:
    """The change: in its unit, percent points of a rate, and for money as a fraction of what was."""
    if kpi.change is None:
        return ""
    if kpi.kind is Kind.RATE:
        points = journal_format.percent(kpi.change.difference).rstrip("%").rstrip()
        return _("%(points)s points") % {"points": f"+{points}" if kpi.change.difference > 0 else points}
    text = _written(kpi.change.difference, kpi, unit)
    if kpi.kind is Kind.RATIO and kpi.change.difference > 0:
        text = f"+{text}"
    if kpi.kind is Kind.AMOUNT and unit == Unit.MONEY:
        text = journal_format.short_money(kpi.change.difference)
    return text


@register.simple_tag
def kpi_before(kpi: Kpi, unit: str) -> str:
    """What the figure was in the period before."""
    return journal_format.DASH if kpi.change is None else _written(kpi.change.before, kpi, unit)


@register.simple_tag
def kpi_bound(value: Decimal | None, kpi: Kpi, unit: str) -> str:
    """One end of an interval."""
    return _written(value, kpi, unit)
