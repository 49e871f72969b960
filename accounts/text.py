"""Text that people type, made safe to keep, compare and show."""

import re
import unicodedata

from django.utils.translation import gettext as _

_COLOR = re.compile(r"#[0-9a-fA-F]{6}", re.ASCII)

#: Marks that reorder or hide what is around them. The joiners U+200C and U+200D stay: scripts and emoji need them.
_HIDDEN = frozenset("\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff\u061c")


def is_color(text: str) -> bool:
    """Whether the text is a colour as #rrggbb."""
    return _COLOR.fullmatch(text) is not None


def one_line(text: str) -> str:
    """The text trimmed and in Unicode form NFC.

    Raises ValueError for control characters, line breaks included, and for marks that reorder or hide text.
    """
    return _cleaned(text, allowed="")


def paragraphs(text: str) -> str:
    """As `one_line`, with line breaks and tabs allowed; line ends become one newline."""
    return _cleaned(with_newlines(text), allowed="\n\t")


def with_newlines(text: str) -> str:
    """The text with one newline for each end of a line, however it was sent."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _cleaned(text: str, *, allowed: str) -> str:
    for character in text:
        if character in allowed:
            continue
        if character in _HIDDEN or unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp"):
            raise ValueError(_("the character %(code)s is not allowed here") % {"code": f"U+{ord(character):04X}"})
    return unicodedata.normalize("NFC", text).strip()
