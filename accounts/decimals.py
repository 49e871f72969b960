"""The one way that decimals enter through the API, the one way through forms, and the one way they leave."""

import re
from decimal import Decimal

#: ASCII digits only: `Decimal` itself reads "1_000", full-width digits and "NaN".
_PLAIN = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,12})?", re.ASCII)
#: Of each language what may stand between thousands and before decimals, as the insides of a class of characters.
_MARKS = {"en": (",", "."), "fr": (" \N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}", ".,")}


def strict(text: str) -> Decimal:
    """The number written as plain digits with at most 18 before and 12 after the point.

    Raises ValueError for anything else, signs other than a leading minus, exponents and blanks included.
    """
    if not _PLAIN.fullmatch(text):
        raise ValueError(f"not a plain decimal: {text[:40]!r}")
    return Decimal(text)


def typed(text: str, *, language: str) -> Decimal:
    """The number as a person of this language writes it, its thousands grouped by threes or not at all.

    1,099.5 in English; 1 099,5 in French, where a point is taken for a comma as well. Raises ValueError for whatever
    could mean two numbers or none: 1,09.5, and 0,099 in English.
    """
    text = text.strip()
    if not re.fullmatch(pattern(language), text):
        raise ValueError(f"not a number: {text[:40]!r}")
    between, point = _marks(language)
    return strict(re.sub(f"[{point}]", ".", re.sub(f"[{between}]", "", text)).replace("\N{MINUS SIGN}", "-"))


def for_typing(number: Decimal, *, language: str) -> str:
    """The number in full as `typed` reads it, with the mark before decimals that the language has."""
    return plain(number).replace(".", _marks(language)[1][-1])


def retyped(text: str, *, written: str, language: str) -> str:
    """What was written in one language as it is in another: 1,099 in French is 1.099 in English.

    As it stands where both write numbers alike. Raises ValueError for what is no number in its own language.
    """
    if _marks(written) == _marks(language):
        return text
    return for_typing(typed(text, language=written), language=language)


def pattern(language: str) -> str:
    """What `typed` takes, as a regular expression that browsers understand as well."""
    between, point = _marks(language)
    return rf"[\-\u2212]?([0-9]+|[1-9][0-9]{{0,2}}([{between}][0-9]{{3}})+)([{point}][0-9]+)?"


def _marks(language: str) -> tuple[str, str]:
    return _MARKS["fr" if language.startswith("fr") else "en"]


def plain(number: Decimal) -> str:
    """The number in full, without an exponent and without trailing zeros: 1000, 0.1, -3.25, 0."""
    text = f"{number:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
