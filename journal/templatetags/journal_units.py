"""Amounts on pages in the unit that was chosen: money, percent or R; each with its sign."""

from decimal import Decimal

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from journal.templatetags import journal_format
from journal.trade_lists import TradeRow
from journal.units import Scale, Unit

register = template.Library()


@register.filter
def in_unit(value: Decimal | None, unit: str) -> str:
    """+1,234.50, +4.9% or +1.50R; a dash for what is undefined."""
    if value is None:
        return journal_format.DASH
    if unit == Unit.PERCENT:
        return journal_format.signed_percent(value)
    return journal_format.r_multiple(value) if unit == Unit.R else journal_format.signed_money(value)


@register.filter
def short_in_unit(value: Decimal | None, unit: str) -> str:
    """As `in_unit`, for places as narrow as a day of a calendar; the exact amount belongs in a title beside it."""
    return in_unit(value, unit) if unit in (Unit.PERCENT, Unit.R) else journal_format.short_money(value)


@register.simple_tag
def magnitude(value: Decimal | None, scale: Scale) -> SafeString:
    """An amount that is neither a profit nor a loss, such as fees, in the page's unit; else a dash that says why."""
    if value is None:
        return format_html('<span title="{}">{}</span>', scale.reason, journal_format.DASH)
    text = journal_format.percent(value) if scale.unit is Unit.PERCENT else journal_format.money(value)
    return format_html("<span>{}</span>", text)


@register.simple_tag
def amount(value: Decimal | None, scale: Scale, css: str = "") -> SafeString:
    """An amount in the page's unit with its colour; where it has none there, a dash that says why."""
    reason = scale.reason if value is None else ""
    return format_html(
        '<span class="{} {}"{}>{}</span>',
        css or "num",
        journal_format.signed_class(value),
        format_html(' title="{}"', reason) if reason else "",
        in_unit(value, scale.unit),
    )


@register.simple_tag
def made(
    value: Decimal | None, scale: Scale, r: Decimal | None = None, currency: str | None = None, css: str = ""
) -> SafeString:
    """What was made, in the page's unit; in money with its currency behind it, where one is given."""
    shown = scale.shown(value, r=r, currency=currency or None)
    if not scale.is_money or not currency:
        return amount(shown, scale, css)
    text = journal_format.signed_money(shown, currency)
    return format_html('<span class="{} {}">{}</span>', css or "num", journal_format.signed_class(shown), text)


@register.simple_tag
def cost(value: Decimal | None, scale: Scale) -> SafeString:
    """Money that is neither a profit nor a loss, in the page's unit."""
    return magnitude(scale.shown(value), scale)


@register.simple_tag
def trade_amount(row: TradeRow, scale: Scale) -> SafeString:
    """What a trade of a list realized on the days in question, in the page's unit."""
    trade = row.trade
    return amount(scale.shown(row.net_pnl, r=trade.realized_r, currency=trade.currency), scale)
