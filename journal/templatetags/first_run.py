"""What a page shows of the first steps, and its way to help: one tag each, so that pages hook them in by one line."""

from typing import Any

from django import template

from accounts.permissions import may_write
from journal import first_run

register = template.Library()


@register.inclusion_tag("journal/_first_steps.html", takes_context=True)
def first_steps(context: dict[str, Any], *, is_page: bool = False) -> dict[str, Any]:
    """The list of first steps while it is wanted; on its own page also when it is not."""
    request = context["request"]
    return {
        "check_list": first_run.check_list(request.user),
        "is_page": is_page,
        "may_write": may_write(request.user),
        "csrf_token": context.get("csrf_token"),
    }


@register.inclusion_tag("help/_link.html", takes_context=True)
def page_help(context: dict[str, Any]) -> dict[str, Any]:
    """The way to the help of the page that is shown."""
    match = getattr(context.get("request"), "resolver_match", None)
    name = match.url_name if match and match.url_name and not match.namespaces else ""
    is_help = name == "help_page"
    return {"page": match.kwargs.get("page", "general") if is_help and match else name or "general"}
