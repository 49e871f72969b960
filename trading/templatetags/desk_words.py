"""The words of orders as pages say them; a word that is not known is shown as it is."""

from django import template
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString

from trading import order_words
from trading.order_rules.statuses import Status

register = template.Library()


@register.simple_tag
def status_chip(status: str) -> SafeString:
    """The status in words, with its colour."""
    css = order_words.CHIPS.get(Status(status), "")
    return format_html('<span class="chip {}">{}</span>', css, order_words.STATUSES[Status(status)])


@register.filter
def status_words(value: str) -> str | Promise:
    """Working, Filled, Being canceled…"""
    return order_words.STATUSES.get(value, value)


@register.filter
def side_words(value: str) -> str | Promise:
    """Buy, or Sell to close."""
    return order_words.SIDES.get(value, value)


@register.filter
def type_words(value: str) -> str | Promise:
    """Market, Stop limit…"""
    return order_words.TYPES.get(value, value)


@register.filter
def time_words(value: str) -> str | Promise:
    """For the day, Until canceled…"""
    return order_words.TIMES.get(value, value)


@register.filter
def class_words(value: str) -> str | Promise:
    """What the order brings along."""
    return order_words.CLASSES.get(value, value)


@register.filter
def purpose_words(value: str) -> str | Promise:
    """What the order is for."""
    return order_words.PURPOSES.get(value, value)


@register.filter
def event_words(value: str) -> str | Promise:
    """What happened."""
    return order_words.EVENTS.get(value, value)


@register.filter
def outcome_words(value: str) -> str | Promise:
    """What became of an event that did not simply happen; "" for one that did."""
    return order_words.OUTCOMES.get(value, "")
