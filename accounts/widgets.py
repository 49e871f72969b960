"""Form controls of our own."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.forms.utils import flatatt
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from accounts import decimals
from accounts.text import with_newlines

#: How the name of what says the language of a number ends.
LANGUAGE = "-language"


class LongSelect(forms.Select):
    """A list of hundreds of choices without groups, written in one go, as a template for each is slow."""

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        """The list with the choice of this value marked."""
        chosen = set(self.format_value(value))
        options = format_html_join(
            "",
            '<option value="{}"{}>{}</option>',
            ((key, SafeString(" selected") if str(key) in chosen else "", label) for key, label in self.choices),
        )
        found = flatatt(self.build_attrs(self.attrs, attrs))
        return format_html('<select name="{}"{}>{}</select>', name, found, options)


class Paragraphs(forms.Textarea):
    """Text of several lines. Browsers send two characters for the end of a line and count it as one; so does this."""

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> Any:
        """What was typed, its line ends as one newline each."""
        text = super().value_from_datadict(data, files, name)
        return with_newlines(text) if isinstance(text, str) else text


class NoNumber(str):
    """What was typed as a number and is none in the language in which it was."""

    __slots__ = ()


def page_language() -> str:
    """The language that the page is written in."""
    return get_language() or "en"


def typed_here(text: str, written: str | None) -> str:
    """What was typed on a page in the language `written`, as one types it on this page; of none, it was on this one.

    What is no number there is told apart, as it may well be one here.
    """
    if not text.strip() or not written:
        return text
    try:
        return decimals.retyped(text, written=written, language=page_language())
    except ValueError:
        return NoNumber(text)


class TypedNumber(forms.TextInput):
    """A number, sent with the language in which it is typed: another may be chosen in between, in another tab."""

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        """The input and, hidden, the language of the page."""
        language = format_html('<input type="hidden" name="{}{}" value="{}">', name, LANGUAGE, page_language())
        return super().render(name, value, attrs, renderer) + language

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> Any:
        """What was typed, as one types it in the language of this page."""
        text = super().value_from_datadict(data, files, name)
        return typed_here(text, data.get(f"{name}{LANGUAGE}")) if isinstance(text, str) else text


class HiddenTypedNumber(TypedNumber):
    """A number that a page which asks once more carries along unseen."""

    input_type = "hidden"
