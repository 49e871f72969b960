"""What pages of imports say of files."""

from django import template

from trading.imports import reasons

register = template.Library()
register.filter("told", reasons.told)
