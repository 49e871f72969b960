"""What the code and the templates say, and what the French catalogue makes of it; read without gettext's programs."""

import ast
import gettext
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent
PO = ROOT / "config" / "locale" / "fr" / "LC_MESSAGES" / "django.po"
APPS = ("accounts", "trading", "journal", "intelligence", "config")

#: Of each function: where the context is, where the words are, where the plural is.
_CALLS = {
    "gettext": (None, 0, None),
    "gettext_lazy": (None, 0, None),
    "gettext_noop": (None, 0, None),
    "_": (None, 0, None),
    "ngettext": (None, 0, 1),
    "ngettext_lazy": (None, 0, 1),
    "pgettext": (0, 1, None),
    "pgettext_lazy": (0, 1, None),
    "npgettext": (0, 1, 2),
    "npgettext_lazy": (0, 1, 2),
}
_SIMPLE = re.compile(r"""\b(n|p|np)?gettext\(\s*((?:u?(?:'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")\s*,?\s*)+)""", re.DOTALL)
_STRING = re.compile(r"""u?('(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")""", re.DOTALL)
_UNDERSCORE = re.compile(r"""\b_\(\s*(u?(?:'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"))\s*\)""", re.DOTALL)


@dataclass(frozen=True)
class Said:
    """One message, as the catalogue knows it."""

    words: str
    plural: str = ""
    context: str = ""


@dataclass
class Entry:
    """What the catalogue makes of a message."""

    said: Said
    translations: list[str] = field(default_factory=list)
    is_fuzzy: bool = False


def python_files() -> Iterator[Path]:
    for app in APPS:
        yield from sorted(path for path in (ROOT / app).rglob("*.py") if "migrations" not in path.parts)


def template_files() -> Iterator[Path]:
    yield from sorted(path for path in (ROOT / "templates").rglob("*") if path.suffix in (".html", ".txt"))


@cache
def said() -> dict[Said, str]:
    """Every message of the code and the templates, with the first place that says it."""
    found: dict[Said, str] = {}
    for path in python_files():
        for each in _of_python(path.read_text()):
            found.setdefault(each, str(path.relative_to(ROOT)))
    for path in template_files():
        for each in _of_template(path.read_text(), str(path)):
            found.setdefault(each, str(path.relative_to(ROOT)))
    return found


def _of_python(source: str) -> Iterator[Said]:
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        if name not in _CALLS:
            continue
        values = [each.value if isinstance(each, ast.Constant) else None for each in node.args]
        yield from _said(values, _CALLS[name])


def _of_template(source: str, origin: str) -> Iterator[Said]:
    code = templatize(source, origin=origin)
    for match in _SIMPLE.finditer(code):
        values = [ast.literal_eval(each) for each in _STRING.findall(match[2])]
        yield from _said(values, _CALLS[f"{match[1] or ''}gettext"])
    for match in _UNDERSCORE.finditer(code):
        yield Said(ast.literal_eval(match[1].removeprefix("u")))


def _said(values: list[object], places: tuple[int | None, int, int | None]) -> Iterator[Said]:
    def at(place: int | None) -> str:
        value = values[place] if place is not None and place < len(values) else ""
        return value if isinstance(value, str) else ""

    context, words, plural = places
    if at(words):
        yield Said(at(words), at(plural), at(context))


@cache
def catalogue() -> dict[Said, Entry]:
    """The catalogue as it is written."""
    found: dict[Said, Entry] = {}
    for block in re.split(r"\n\s*\n", PO.read_text()):
        lines = [line for line in block.splitlines() if not line.startswith("#~")]
        parts: dict[str, str] = {}
        name = ""
        for line in lines:
            if match := re.match(r'(msgctxt|msgid_plural|msgid|msgstr(?:\[\d\])?) (".*")$', line):
                name = match[1]
                parts[name] = ast.literal_eval(match[2])
            elif line.startswith('"'):
                parts[name] += ast.literal_eval(line)
        if not parts.get("msgid"):
            continue
        each = Said(parts["msgid"], parts.get("msgid_plural", ""), parts.get("msgctxt", ""))
        translations = [value for key, value in sorted(parts.items()) if key.startswith("msgstr")]
        found[each] = Entry(each, translations, any(line.startswith("#,") and "fuzzy" in line for line in lines))
    return found


@cache
def compiled() -> dict[object, str]:
    """The catalogue as it is used."""
    with PO.with_suffix(".mo").open("rb") as file:
        return dict(gettext.GNUTranslations(file)._catalog)  # type: ignore[attr-defined]
