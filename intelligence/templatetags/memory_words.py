"""Decisions in words, for templates."""

from typing import Any

from django import template

from intelligence.neighbours import words_of_action

register = template.Library()


@register.filter
def action_words(action: str) -> Any:
    """Buy for BUY, and so on; what is no action of a decision as it is."""
    return words_of_action(action)
