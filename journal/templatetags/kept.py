"""A part of a page that is kept until something of the person changes."""

from django import template
from django.template.base import FilterExpression, NodeList, Parser, Token
from django.utils.safestring import SafeString

from accounts.addresses import written
from accounts.models import User
from journal import kept_html

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
        asked = [request.path, request.GET.urlencode(), written(request).urlencode()]

        def write() -> tuple[str, bool]:
            return self.nodelist.render(context), False

        return kept_html.get(person, version=version, parts=[self.name, *asked], write=write)


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
