"""A part of a page that is kept until something of the person changes."""

from django import template
from django.http import HttpRequest
from django.middleware.csrf import get_token
from django.template.base import FilterExpression, NodeList, Parser, Token
from django.utils.safestring import SafeString

from accounts.addresses import written
from accounts.models import User
from accounts.permissions import may_write
from journal import kept_html

register = template.Library()


class _KeptNode(template.Node):
    child_nodelists = ("nodelist",)

    def __init__(self, name: str, version: FilterExpression, unless: FilterExpression, nodelist: NodeList) -> None:
        self.name, self.version, self.unless, self.nodelist = name, version, unless, nodelist

    def render(self, context: template.Context) -> SafeString:
        request: HttpRequest | None = context.get("request")
        version = self.version.resolve(context, ignore_failures=True)
        person = getattr(request, "user", None)
        is_unsteady = bool(self.unless.resolve(context, ignore_failures=True))
        # What is answered to something that was sent may show what was sent.
        if request is None or request.method not in ("GET", "HEAD"):
            return self.nodelist.render(context)
        if not isinstance(person, User) or not isinstance(version, int) or is_unsteady:
            return self.nodelist.render(context)
        asked = [request.path, request.GET.urlencode(), written(request).urlencode(), may_write(person)]
        place = kept_html.token_place()

        def write() -> tuple[str, bool]:
            with context.push(csrf_token=place):
                return self.nodelist.render(context), False

        html = kept_html.get(person, version=version, parts=[self.name, *asked], write=write)
        return SafeString(html.replace(place, get_token(request))) if place in html else html


@register.tag
def kept(parser: Parser, token: Token) -> _KeptNode:
    """`{% kept "name" version unless %} … {% endkept %}`: the part as it was written for this version and address.

    The version is the person's, read before anything that the part shows; `unless` is true while what it shows is still
    behind. The part is of the person, whether they may write, the address and the day alone. The tokens of its forms
    are those of the request. What a view puts off until it is shown (`SimpleLazyObject`) is not even computed for a
    part that is kept.
    """
    bits = token.split_contents()
    if len(bits) != 4:
        raise template.TemplateSyntaxError("kept takes a name in quotes, a version and whether not to keep")
    _tag, name, version, unless = bits
    nodelist = parser.parse(("endkept",))
    parser.delete_first_token()
    return _KeptNode(name.strip("\"'"), parser.compile_filter(version), parser.compile_filter(unless), nodelist)
