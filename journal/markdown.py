"""Markdown as people write it, turned into HTML that can do nothing: the one place whose words are marked as safe.

What is typed as HTML is shown as it was typed. What the Markdown makes is cleaned once more, so that a fault in the one
library is caught by the other.
"""

import re
from collections.abc import Sequence
from typing import Any

import nh3
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

#: Longer texts are shown as they were typed. Nothing that a form or the API takes is as long.
LONGEST = 50_000
#: Brackets and the like, of which the parser looks at many again for each: a text of them alone is no Markdown.
_MOST_OPENINGS = 2_000
_TAGS = {
    "p", "br", "hr", "h3", "h4", "h5", "h6", "strong", "em", "s", "code", "pre", "blockquote", "ul", "ol", "li", "a",
    "table", "thead", "tbody", "tr", "th", "td", "div", "input", "img",
}  # fmt: skip
_ATTRIBUTES = {
    "a": {"href", "title"},
    "ol": {"start"},
    "th": {"scope", "class"},
    "td": {"class"},
    "li": {"class"},
    "div": {"class", "tabindex"},
    "input": {"type", "checked", "disabled", "aria-label"},
    "img": {"src", "alt", "loading"},
}
#: Pictures are one's own attachments; the policy of the page lets no other load, and the address of another could tell
#: its owner when this was read.
_OWN_PICTURE = re.compile(r"/attachments/[0-9a-f-]{36}/(file|thumbnail)/", re.ASCII)
_TASK = re.compile(r"\[([ xX])\](?:[ \t]+|$)")


def to_html(text: str) -> SafeString:
    """The text as HTML of paragraphs, lists, tasks, tables, quotes, code and links that pass no rank on.

    Headings begin at the third level, below those of the page.
    """
    if len(text) > LONGEST or sum(map(text.count, "[]*_`~<")) > _MOST_OPENINGS:
        return _as_typed(text)
    html = str(_parser.render(text))
    cleaned = nh3.clean(
        html,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        url_schemes={"http", "https", "mailto"},
        link_rel="nofollow noopener noreferrer",
        attribute_filter=_kept,
    )
    return mark_safe(cleaned)  # noqa: S308 – cleaned a line above


def _as_typed(text: str) -> SafeString:
    return mark_safe(f'<div class="as-typed">{escape(text)}</div>')  # noqa: S308 – escaped whole


def _kept(tag: str, attribute: str, value: str) -> str | None:
    if (tag, attribute) == ("img", "src"):
        return value if _OWN_PICTURE.fullmatch(value) else None
    return value


def _built() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "breaks": True, "maxNesting": 20})
    parser.enable(["table", "strikethrough"])
    parser.add_render_rule("image", _picture)
    parser.add_render_rule("table_open", _table)
    parser.add_render_rule("table_close", lambda *_: "</table></div>\n")
    parser.core.ruler.push("headings_and_tasks", _headings_and_tasks)
    return parser


def _picture(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
    """One's own picture as such, any other as a link to it."""
    token = tokens[index]
    source = str(token.attrs.get("src", ""))
    words = escape(renderer.renderInlineAsText(token.children or [], options, env) or source)
    address = escape(source)
    if _OWN_PICTURE.fullmatch(source):
        return f'<img src="{address}" alt="{words}" loading="lazy">'
    return f'<a href="{address}">{words}</a>'


def _table(*_args: Any) -> str:
    # A wide table scrolls by itself, also for those who use the keyboard.
    return '<div class="scroll-x" tabindex="0"><table>\n'


def _headings_and_tasks(state: Any) -> None:
    for index, token in enumerate(state.tokens):
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1]) + 2)}"
        elif token.type in ("th_open", "td_open"):
            style = str(token.attrs.pop("style", ""))
            if style.endswith(("right", "center")):
                token.attrs["class"] = "n" if style.endswith("right") else "middle"
            if token.type == "th_open":
                token.attrs["scope"] = "col"
        elif token.type == "inline" and index > 1 and state.tokens[index - 2].type == "list_item_open":
            _tick(token, state.tokens[index - 2])


def _tick(inline: Token, item: Token) -> None:
    """A list item that begins with [ ] or [x] becomes a task."""
    found = _TASK.match(inline.content)
    first = inline.children[0] if inline.children else None
    if found is None or first is None or not first.content.startswith(found[0]):
        return
    first.content = first.content[found.end() :]
    is_done = found[1] != " "
    box = Token("html_inline", "", 0)
    words = escape(_("Done") if is_done else _("To do"))
    box.content = f'<input type="checkbox" disabled aria-label="{words}"{" checked" if is_done else ""}> '
    assert inline.children is not None
    inline.children.insert(0, box)
    item.attrs["class"] = "task"


_parser = _built()
