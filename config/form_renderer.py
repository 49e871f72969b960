"""Django's renderer of forms, with the widgets that most forms are made of written without a template.

A ticket of nineteen fields spent a third of its page in the templates of `input` and `select`, which include another
one for their attributes. What comes out is the same to the letter; everything else goes the way it went.
"""

from collections.abc import Mapping
from typing import Any

from django.forms.renderers import DjangoTemplates
from django.utils.functional import Promise
from django.utils.html import conditional_escape

_FOLDER = "django/forms/widgets"
#: Widgets whose template is nothing but `input.html`.
_INPUTS = {
    f"{_FOLDER}/{name}.html"
    for name in (
        "input", "text", "hidden", "number", "password", "email", "url", "search", "tel", "color", "date", "datetime",
        "time", "checkbox", "file",
    )
}  # fmt: skip
_SELECT, _OPTION = f"{_FOLDER}/select.html", f"{_FOLDER}/select_option.html"


class Renderer(DjangoTemplates):
    """What `FORM_RENDERER` in the settings names."""

    def render(self, template_name: str, context: dict[str, Any], request: Any = None) -> str:
        """The HTML of the widget, as its template would write it."""
        if template_name in _INPUTS:
            return _input(context["widget"])
        if template_name == _SELECT and _is_plain(context["widget"]):
            return _select(context["widget"])
        return super().render(template_name, context, request)


def _input(widget: Mapping[str, Any]) -> str:
    value = "" if widget["value"] is None else f' value="{conditional_escape(widget["value"])}"'
    kind, name = conditional_escape(widget["type"]), conditional_escape(widget["name"])
    return f'<input type="{kind}" name="{name}"{value}{_attributes(widget)}>'


def _is_plain(widget: Mapping[str, Any]) -> bool:
    """Whether the options have no templates of their own, and are named by words, which no locale writes otherwise."""
    return all(
        option["template_name"] == _OPTION and isinstance(option["label"], str | Promise)
        for _name, options, _index in widget["optgroups"]
        for option in options
    )


def _select(widget: Mapping[str, Any]) -> str:
    parts = [f'<select name="{conditional_escape(widget["name"])}"{_attributes(widget)}>']
    for group, options, _index in widget["optgroups"]:
        if group:
            parts.append(f'\n  <optgroup label="{conditional_escape(group)}">')
        parts += [
            f'\n  <option value="{conditional_escape(option["value"])}"{_attributes(option)}>'
            f"{conditional_escape(option['label'])}</option>\n"
            for option in options
        ]
        if group:
            parts.append("\n  </optgroup>")
    return "".join([*parts, "\n</select>"])


def _attributes(widget: Mapping[str, Any]) -> str:
    return "".join(
        f" {conditional_escape(name)}" + ("" if value is True else f'="{conditional_escape(value)}"')
        for name, value in widget["attrs"].items()
        if value is not False
    )
