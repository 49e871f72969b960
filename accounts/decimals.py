"""The one way that decimals enter through the API and forms, and the one way they leave."""

import re
from decimal import Decimal

#: ASCII digits only: `Decimal` itself reads "1_000", full-width digits and "NaN".
_PLAIN = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,12})?", re.ASCII)


def strict(text: str) -> Decimal:
    """The number written as plain digits with at most 18 before and 12 after the point.

    Raises ValueError for anything else, signs other than a leading minus, exponents and blanks included.
    """
    if not _PLAIN.fullmatch(text):
        raise ValueError(f"not a plain decimal: {text[:40]!r}")
    return Decimal(text)


def plain(number: Decimal) -> str:
    """The number in full, without an exponent and without trailing zeros: 1000, 0.1, -3.25, 0."""
    text = f"{number:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
