"""Widgets that are written without a template come out as Django's templates write them, to the letter."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django import forms
from django.forms import renderers
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy

from config import form_renderer

HARM = "<b a=\"1\" c='2'>&amp;"
ATTRIBUTES: list[dict[str, Any]] = [
    {}, {"id": "id_x", "class": "a b"}, {"required": True, "disabled": False, "maxlength": 12, "title": HARM},
    {"data-empty": "", "data-none": None, "data-words": gettext_lazy("Quantity"), "data-number": Decimal("1.50")},
    {"title": mark_safe("<i>")},
]  # fmt: skip
VALUES = [None, "", HARM, mark_safe("&lt;safe&gt;"), 0, 7, Decimal("1234567.80"), date(2026, 3, 2), True, ("a", "b")]
CHOICES: list[Any] = [
    ("", gettext_lazy("Quantity")), (HARM, HARM), (mark_safe("&lt;"), mark_safe("<u>x</u>")), (7, "seven"),
    (gettext_lazy("Side"), [("a", "A"), (None, "none")]), (HARM, [(True, "yes")]), ("", [("g", "in no group")]),
    (1234567, 1234567),
]  # fmt: skip
INPUTS = [
    forms.TextInput, forms.NumberInput, forms.HiddenInput, forms.PasswordInput, forms.EmailInput, forms.URLInput,
    forms.DateInput, forms.TimeInput, forms.DateTimeInput, forms.CheckboxInput, forms.FileInput, forms.SearchInput,
    forms.ColorInput, forms.TelInput, forms.Textarea, forms.RadioSelect, forms.SelectMultiple, forms.NullBooleanSelect,
    forms.ClearableFileInput, forms.CheckboxSelectMultiple, forms.MultipleHiddenInput, forms.SplitDateTimeWidget,
    forms.SelectDateWidget, forms.Select,
]  # fmt: skip


@pytest.fixture
def both() -> tuple[renderers.BaseRenderer, renderers.BaseRenderer]:
    return form_renderer.Renderer(), renderers.DjangoTemplates()


def _of_values(widget: Any) -> list[Any]:
    if isinstance(widget, forms.SplitDateTimeWidget | forms.SelectDateWidget):
        return [None, date(2026, 3, 2)] if isinstance(widget, forms.SelectDateWidget) else [None]
    if isinstance(widget, forms.SelectMultiple | forms.CheckboxSelectMultiple | forms.MultipleHiddenInput):
        return [None, [HARM, "a"]]
    return VALUES


@pytest.mark.parametrize("kind", INPUTS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_widget_comes_out_as_its_template_has_it(kind: Any, language: str, both: Any, settings: Any) -> None:
    from django.utils import translation

    settings.USE_THOUSAND_SEPARATOR = True
    mine, djangos = both
    compared = 0
    with translation.override(language):
        for attributes in ATTRIBUTES:
            widget = kind(attrs=attributes)
            if hasattr(widget, "choices") and kind is not forms.NullBooleanSelect:
                for choices in (CHOICES, CHOICES[:-1], []):
                    widget.choices = choices
                    for value in _of_values(widget):
                        compared += _same(widget, value, mine, djangos)
            else:
                for value in _of_values(widget):
                    compared += _same(widget, value, mine, djangos)
    assert compared >= len(ATTRIBUTES)


def _same(widget: Any, value: Any, mine: Any, djangos: Any) -> int:
    written = widget.render(HARM, value, renderer=mine)
    assert written == widget.render(HARM, value, renderer=djangos)
    return 1


def test_most_widgets_are_written_without_a_template(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: where a template is asked, it is one that has no short way."""
    mine = form_renderer.Renderer()
    monkeypatch.setattr(mine, "get_template", lambda name: pytest.fail(name))

    assert forms.TextInput().render("x", "y", renderer=mine) == '<input type="text" name="x" value="y">'
    assert forms.Select(choices=[("a", "A")]).render("x", "a", renderer=mine) == (
        '<select name="x">\n  <option value="a" selected>A</option>\n\n</select>'
    )
