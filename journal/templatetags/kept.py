"""A part of a page that is kept until something of the person changes."""

from typing import Any

from django import template
from django.template.base import FilterExpression, NodeList, Parser, Token
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from accounts import answers
from accounts.addresses import written
from accounts.models import User

register = template.Library()


class _KeptNode(template.Node):
    child_nodelists = ("nodelist",)

    def __init__(self, name: str, version: FilterExpression, unless: FilterExpression, nodelist: NodeList) -> None:
        self.name, self.version, self.unless, self.nodelist = name, version, unless, nodelist

    def render(self, context: template.Context) -> SafeString:
        request, version = context.get("request"), self.version.resolve(context, ignore_failures=True)
        person = getattr(request, "user", None)
        is_unsteady = bool(self.unless.resolve(context, ignore_failures=True))
        if request is None or not isinstance(person, User) or not isinstance(version, int) or is_unsteady:
            return self.nodelist.render(context)
        look = [get_language(), timezone.get_current_timezone_name(), timezone.localdate(), person.reporting_currency]
        asked = [request.path, request.GET.urlencode(), written(request).urlencode()]

        def build() -> dict[str, Any]:
            return {"html": str(self.nodelist.render(context))}

        parts = ["html", self.name, *look, *asked]
        kept = answers.get("aggregate", person.pk, version=version, parts=parts, build=build)
        return SafeString(kept["html"])


@register.tag
def kept(parser: Parser, token: Token) -> _KeptNode:
    """`{% kept "name" version unless %} … {% endkept %}`: the part as it was written for this version and address.

    The version is the person's, read before anything that the part shows; `unless` is true while what it shows is still
    behind. The part is of the person, the address and the day alone: no form that changes something stands in it.
    """
    bits = token.split_contents()
    if len(bits) != 4:
        raise template.TemplateSyntaxError("kept takes a name in quotes, a version and whether not to keep")
    _tag, name, version, unless = bits
    nodelist = parser.parse(("endkept",))
    parser.delete_first_token()
    return _KeptNode(name.strip("\"'"), parser.compile_filter(version), parser.compile_filter(unless), nodelist)
