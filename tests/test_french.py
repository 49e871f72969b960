"""Everything that people read is said in French too, and nothing is said in English only."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.catalogue import ROOT, Said, catalogue, compiled, said, template_files

_PLACES = re.compile(r"%\((\w+)\)[sdr]|\{(\w*)\}|%(\w+)%|%[sd]")
#: Files that no visitor reads.
_FOR_DEVELOPERS = {"contact_sheet.html"}


def test_every_message_is_translated() -> None:
    known = catalogue()
    missing = [f"{place}: {each.words!r}" for each, place in said().items() if each not in known]
    empty = [each.words for each, entry in known.items() if each in said() and not all(entry.translations)]
    fuzzy = [each.words for each, entry in known.items() if entry.is_fuzzy]

    assert missing == []
    assert empty == []
    assert fuzzy == []


def test_the_catalogue_says_nothing_that_nobody_says() -> None:
    assert [each.words for each in catalogue() if each not in said()] == []


def test_a_translation_has_the_same_gaps() -> None:
    wrong = [
        (entry.said.words, words)
        for entry in catalogue().values()
        for wanted in [_gaps(entry.said.words) | _gaps(entry.said.plural)]
        for words in entry.translations
        # A singular may say "one" where the plural has a number.
        if not _gaps(words) <= wanted or (not entry.said.plural and _gaps(words) != wanted)
    ]

    assert wrong == []


def test_a_percent_sign_stands_as_the_language_has_it() -> None:
    """95% in English; in French behind a space at which no line breaks."""
    spaced = [each.words for each in catalogue() if re.search(r"[0-9]\s%", each.words)]
    wrong = [
        words
        for entry in catalogue().values()
        for words in entry.translations
        if re.search(r"[0-9](?!\u00a0)\s?%(?!\()", words)
    ]

    assert (spaced, wrong) == ([], [])


def _gaps(words: str) -> set[str]:
    return {match[0] for match in _PLACES.finditer(words)}


def test_the_compiled_catalogue_is_that_which_is_written() -> None:
    expected: dict[object, str] = {}
    for each, entry in catalogue().items():
        key = f"{each.context}\x04{each.words}" if each.context else each.words
        if each.plural:
            expected |= {(key, number): words for number, words in enumerate(entry.translations)}
        else:
            expected[key] = entry.translations[0]

    assert {key: words for key, words in compiled().items() if key != ""} == expected


class _Words(HTMLParser):
    """Collects what a page says in so many words: text, and attributes that are read out or shown."""

    _SHOWN = {
        "title",
        "placeholder",
        "aria-label",
        "alt",
        "data-confirm",
        "data-confirm-button",
        "data-hotkey-words",
        "label",
    }
    _SILENT = {"script", "style", "kbd", "code", "svg"}

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in self._SILENT
        for name, value in attrs:
            if name in self._SHOWN or (name == "value" and tag == "input" and ("type", "submit") in attrs):
                self._note(value or "")

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in self._SILENT

    def handle_data(self, data: str) -> None:
        if self._silent <= 0:
            self._note(data)

    def _note(self, words: str) -> None:
        # Names of keys are on the keys, and the notice of a licence says what it says.
        if re.search(r"[A-Za-zÀ-ÿ]{2,}", words) and not re.search(r"^\(?Ctrl\+|TradingView", words.strip()):
            self.found.append(" ".join(words.split()))


#: Words that are the same in every language.
_NAMES = {
    "CSV",
    "MAE",
    "MFE",
    "Trading journal",
    "· Trading journal",
    "API",
    "JSON",
    "ISO",
    "UTC",
    "XLSX",
    "Esc",
    "SQN",
    "n",
}


@pytest.mark.parametrize("path", list(template_files()), ids=lambda path: str(path.relative_to(ROOT / "templates")))
def test_a_template_says_nothing_outside_of_translate(path: Path) -> None:
    if path.name in _FOR_DEVELOPERS:
        return
    source = path.read_text()
    for pattern in (
        r"\{% comment.*?endcomment %\}",
        r"\{% (blocktranslate|blocktrans)\b.*?end\1 %\}",
        r"\{#.*?#\}",
        r"\{%.*?%\}",
        r"\{\{.*?\}\}",
    ):
        source = re.sub(pattern, " ", source, flags=re.DOTALL)
    if path.suffix == ".txt":
        assert not re.search(r"[A-Za-z]{2,}", source)
        return
    parser = _Words()
    parser.feed(source)

    assert [words for words in parser.found if words not in _NAMES] == []


def test_messages_are_found_in_code_and_templates() -> None:
    """The control: the reader of templates and code sees what is there."""
    words = {each.words for each in said()}

    assert {"Add an account", "First steps", "Every round trip from flat to flat, newest first. Filters combine, and "
            "the line above the list sums up exactly the trades that are listed."} <= words  # fmt: skip
    assert Said("{{ counter }}") not in said()
