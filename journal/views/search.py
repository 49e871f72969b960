"""Finding what one types: pages, accounts, symbols, trades and what was written."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from accounts.permissions import person_of
from journal.context import Frame
from journal.search import Hit, find
from journal.templatetags.journal_format import day

LONGEST = 100
#: In all while one types, and on the page of all results.
FEW, MANY = 24, 200
FEW_OF_A_KIND = 6

#: Of each kind of hit what it is called and its icon, in the order in which they are shown.
_KINDS: dict[str, tuple[Promise, str]] = {
    "symbol": (gettext_lazy("Symbols"), "trades"),
    "account": (gettext_lazy("Accounts"), "accounts"),
    "trade": (gettext_lazy("Trades"), "trades"),
    "note": (gettext_lazy("Notes"), "notes"),
    "decision": (gettext_lazy("Decisions"), "memory"),
    "article": (gettext_lazy("News"), "notes"),
    "tag": (gettext_lazy("Tags"), "tag"),
    "playbook": (gettext_lazy("Playbooks"), "playbooks"),
    "rule": (gettext_lazy("Rules"), "playbooks"),
    "file": (gettext_lazy("Pictures and files"), "file"),
}
_OTHER_PAGES = (
    (gettext_lazy("New trade"), "trade_create", "plus"),
    (gettext_lazy("New account"), "account_create", "plus"),
    (gettext_lazy("New note"), "note_create", "plus"),
    (gettext_lazy("Settings"), "settings", "settings"),
    (gettext_lazy("Saved views"), "view_list", "star"),
    (gettext_lazy("Definitions of figures"), "metrics", "help"),
)


@dataclass(frozen=True, slots=True)
class Found:
    """One line of what was found."""

    words: str
    address: str
    icon: str
    more: str = ""
    headline: SafeString | str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """What was found of one kind."""

    words: str | Promise
    rows: list[Found]


@login_required
@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """What holds the words, by kind; for the palette as a list to choose from."""
    text = " ".join(request.GET.get("q", "").replace("\0", "").split())[:LONGEST]
    is_palette = bool(request.htmx)  # type: ignore[attr-defined]
    hits = find(person_of(request), text, FEW if is_palette else MANY) if text else []
    parts = [Part(_("Pages"), _pages(request, text)), *_parts(hits, FEW_OF_A_KIND if is_palette else MANY)]
    context = {"text": text, "parts": [part for part in parts if part.rows], "count": sum(len(p.rows) for p in parts)}
    return render(request, "journal/_search_results.html" if is_palette else "journal/search.html", context)


def _pages(request: HttpRequest, text: str) -> list[Found]:
    """The pages whose name holds the words."""
    found = [Found(place.words, place.address, place.icon) for place in Frame(request).places]
    for words, name, icon in _OTHER_PAGES:
        try:
            found.append(Found(str(words), reverse(name), icon))
        except NoReverseMatch:
            continue
    return [each for each in found if text.casefold() in each.words.casefold()]


def _parts(hits: Sequence[Hit], most: int) -> list[Part]:
    return [
        Part(words, [_found(hit, icon) for hit in [each for each in hits if each.kind == kind][:most]])
        for kind, (words, icon) in _KINDS.items()
    ]


def _found(hit: Hit, icon: str) -> Found:
    return Found(hit.title, hit.url, icon, day(hit.day) if hit.day else "", hit.headline)
