"""What people write becomes HTML that can do nothing."""

import re
import time

import pytest

from journal.markdown import LONGEST, to_html


def test_headings_begin_below_those_of_the_page() -> None:
    assert to_html("# One\n\n###### Six") == "<h3>One</h3>\n<h6>Six</h6>\n"


def test_a_line_break_stays_one() -> None:
    assert to_html("long\nAAPL") == "<p>long<br>\nAAPL</p>\n"


def test_tasks_are_boxes_that_nobody_can_tick() -> None:
    assert to_html("- [x] kept\n- [ ] broken") == (
        '<ul>\n<li class="task"><input type="checkbox" disabled="" aria-label="Done" checked=""> kept</li>\n'
        '<li class="task"><input type="checkbox" disabled="" aria-label="To do"> broken</li>\n</ul>\n'
    )


def test_a_table_scrolls_by_itself_and_has_heads() -> None:
    html = to_html("| a | b |\n| - | -: |\n| 1 | 2 |")

    assert html.startswith('<div class="scroll-x" tabindex="0"><table>')
    assert '<th scope="col">a</th>' in html
    assert '<td class="n">2</td>' in html
    assert "style" not in html


def test_links_pass_no_rank_on_and_open_nothing() -> None:
    assert to_html("[a](https://example.com/x)") == (
        '<p><a href="https://example.com/x" rel="nofollow noopener noreferrer">a</a></p>\n'
    )


def test_a_picture_from_elsewhere_is_a_link_to_it() -> None:
    html = to_html("![chart](https://example.com/a.png)")

    assert html == '<p><a href="https://example.com/a.png" rel="nofollow noopener noreferrer">chart</a></p>\n'


def test_ones_own_attachment_is_a_picture() -> None:
    path = "/attachments/01890000-0000-7000-8000-000000000000/file/"

    assert to_html(f"![mine]({path})") == f'<p><img src="{path}" alt="mine" loading="lazy"></p>\n'


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<svg/onload=alert(1)>",
        "[a](javascript:alert(1))",
        "[a](JaVaScRiPt:alert(1))",
        "[a](java\nscript:alert(1))",
        "[a](&#106;avascript:alert(1))",
        "[a](data:text/html;base64,PHNjcmlwdD4=)",
        "![a](data:image/svg+xml;base64,PHN2Zz4=)",
        "![a](javascript:alert(1))",
        "[a](vbscript:msgbox(1))",
        '[a](https://e.com "x\\" onmouseover=\\"alert(1)")',
        "![x](https://e.com/a.png \"' onerror='alert(1)\")",
        "[a]: javascript:alert(1)\n\n[a]",
        '<https://e.com/"onclick=alert(1)>',
        "<javascript:alert(1)>",
        "```html\n<script>alert(1)</script>\n```",
        "`<script>`",
        "<style>*{display:none}</style>",
        "<iframe src=//e.com></iframe>",
        "<!-- --><b onclick=alert(1)>x</b>",
        "<form action=//e.com><input name=password></form>",
        "{{ 7*7 }} {% csrf_token %} %s%n",
        "| a |\n|---|\n| <img src=x onerror=alert(1)> |",
        "- [x] <script>alert(1)</script>",
        "# <a href=javascript:alert(1)>x</a>",
    ],
)
def test_what_an_attacker_writes_does_nothing(text: str) -> None:
    html = to_html(text)
    tags = re.findall(r"<[^>]*>", html)

    assert not re.search(r"<\s*(script|style|iframe|svg|form|object|embed|link|meta|b|math)\b", html, re.IGNORECASE)
    for tag in tags:
        outside = re.sub(r'"[^"]*"', '""', tag)
        assert not re.search(r"\bon\w+\s*=", outside), tag
        assert not re.search(r'(href|src)="\s*(javascript|data|vbscript):', tag, re.IGNORECASE), tag
        assert "style=" not in outside
    assert all("name=" not in tag for tag in tags)
    assert '<img src="http' not in html


@pytest.mark.parametrize(
    "text",
    [
        ">" * 20_000, "[" * 20_000, "[" * 1_990, "*a " * 6_000, "- " * 9_000, "`" * 20_000, "![[" * 6_000,
        "[a](b" * 900, "<" * 1_990, "&" * 20_000, "|a" * 9_000 + "\n" + "|-" * 9_000, "(" * 20_000,
        "\n".join(" " * depth + "- a" for depth in range(190)), "*" * 1_990, "_a" * 990, "1. " * 6_000,
        "\\" * 20_000, "[x]: y\n" * 600, "a" * 20_000, "~~" * 990,
    ],
    ids=range(20),
)  # fmt: skip
def test_no_text_takes_long(text: str) -> None:
    started = time.process_time()

    to_html(text)

    assert time.process_time() - started < 3


def test_a_text_that_no_form_takes_is_shown_as_it_was_typed() -> None:
    assert to_html("<b>" * LONGEST).startswith('<div class="as-typed">&lt;b&gt;')
