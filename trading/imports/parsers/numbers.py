"""Numbers as broker files write them, read exactly or refused: never rounded, never guessed."""

import re
from collections.abc import Iterable
from decimal import Decimal

from trading.imports.parsers.base import ZERO, BadCell, FileRefused

MAX_DIGITS = 18  #: before the decimal point
MAX_DECIMALS = 12

#: What a cell without a number holds. Everything but the truly empty cell is still an error where it is read.
NOTHING = frozenset({"", "-", "--", "n/a", "na", "null", "none", "nil", "#n/a"})

_PLAIN = re.compile(r"-?[0-9]{1,18}(?:\.[0-9]{1,12})?").fullmatch
_PLAIN_COMMA = re.compile(r"-?[0-9]{1,18}(?:,[0-9]{1,12})?").fullmatch
_BLANKS = " \t\u00a0\u2007\u2009\u202f"

# Every number below is what stands between sign and currency; the groups are exactly three digits wide.
_GROUPED = {
    "point": re.compile(
        r"(?:[0-9]{1,18}|[0-9]{1,3}(?:(?P<mark>[,'\u2019 \u00a0\u2007\u2009\u202f])[0-9]{3})(?:(?P=mark)[0-9]{3})*)?"
        r"(?:\.[0-9]{0,12})?"
    ),
    "comma": re.compile(
        r"(?:[0-9]{1,18}|[0-9]{1,3}(?:(?P<mark>[.'\u2019 \u00a0\u2007\u2009\u202f])[0-9]{3})(?:(?P=mark)[0-9]{3})*)?"
        r"(?:,[0-9]{0,12})?"
    ),
}
_GROUP_MARKS = str.maketrans("", "", "'\u2019 \u00a0\u2007\u2009\u202f")
_CURRENCY_BEFORE = re.compile(
    r"(?:US\$|C\$|A\$|[$\u20ac\u00a3\u00a5]|(?:USD|EUR|GBP|CAD|CHF|AUD|JPY)(?=[\s-]))[\s\u00a0]*"
)
_CURRENCY_AFTER = re.compile(r"[\s\u00a0\u202f]*(?:[$\u20ac\u00a3\u00a5]|[\s\u00a0](?:USD|EUR|GBP|CAD|CHF|AUD|JPY))")

_NOT_A_NUMBER = re.compile(r"[+-]?(?:s?nan[0-9]*|inf(?:inity)?)", re.IGNORECASE)
_UNIT = re.compile(r"(?:US\$|[$\u20ac\u00a3\u00a5%])|(?<=[0-9]) ?[A-Za-z]{2,4}$|^[A-Za-z]{3} ?(?=[-0-9])")
_THOUSANDS = (
    re.compile(r"[+-]?[0-9]{1,3}(?:[,'\u2019 \u00a0\u2007\u2009\u202f][0-9]{3})+(?:\.[0-9]*)?"),
    re.compile(r"[+-]?[0-9]{1,3}(?:[.'\u2019 \u00a0\u2007\u2009\u202f][0-9]{3})+(?:,[0-9]*)?"),
)


def parse_decimal(text: str, *, column: str, style: str = "point") -> Decimal:
    """Return the number that a plain decimal states: an optional minus, digits, at most one decimal mark.

    At most 18 digits before and 12 after the mark; leading zeros are allowed and -0 is 0.
    Raises BadCell: missing_value, not_a_number, not_plain_decimal, too_many_digits, too_many_decimals,
    thousands_separator, unit_in_number.
    """
    if style != "comma":
        if _PLAIN(text):
            return Decimal(text) or ZERO
    elif _PLAIN_COMMA(text):
        return Decimal(text.replace(",", ".")) or ZERO
    raise _refusal(text, column=column, style=style)


def parse_money(text: str, *, column: str, style: str = "point", currency_signs: bool = True) -> Decimal:
    """Return the number of a cell whose format declares how it writes money.

    Read are thousands separators in groups of three (comma or point by style, blank, no-break blank,
    apostrophe), accounting negatives "(62.90)" and "$(160.00)", a plus, a typographic minus, and with
    `currency_signs` a currency before or behind. Raises BadCell as `parse_decimal` does.
    """
    if style != "comma" and _PLAIN(text):
        return Decimal(text) or ZERO
    body = text.strip(_BLANKS).replace("\u2212", "-")
    if body.lower() in NOTHING:
        raise _refusal(text, column=column, style=style)
    body, negative = _without_sign(body, currency_signs=currency_signs)
    if not body or not body[0].isascii() or not any(c in "0123456789" for c in body):
        raise _refusal(text, column=column, style=style)
    if not _GROUPED["comma" if style == "comma" else "point"].fullmatch(body):
        raise _refusal(text, column=column, style=style)
    plain = body.translate(_GROUP_MARKS)
    plain = plain.replace(".", "").replace(",", ".") if style == "comma" else plain.replace(",", "")
    if len(plain.partition(".")[0]) > MAX_DIGITS:
        raise _refusal(text, column=column, style=style)
    number = Decimal(plain)
    return (-number if negative else number) or ZERO


def optional_money(
    text: str, *, column: str, default: Decimal = ZERO, style: str = "point", currency_signs: bool = True
) -> Decimal:
    """Return the money of the cell, or `default` where the cell is empty or holds "--" or "n/a"."""
    if text.strip(_BLANKS).lower() in NOTHING:
        return default
    return parse_money(text, column=column, style=style, currency_signs=currency_signs)


def detect_style(samples: Iterable[str]) -> str:
    """Return "point" or "comma" as the samples prove it, "" when every one of them could be either.

    Raises FileRefused mixed_decimal_style when both are proven.
    """
    proven = {style for sample in samples if (style := proven_style(sample))}
    if len(proven) > 1:
        raise FileRefused(
            "mixed_decimal_style",
            "Some numbers of this file have a decimal point and others a decimal comma. "
            "Export it again with one number format.",
        )
    return proven.pop() if proven else ""


def proven_style(text: str) -> str:
    """Return which decimal mark this one text proves: "12.5" point, "1.234,56" comma, "1,234" neither ("")."""
    marks = [mark for mark in text if mark in ".,"]
    if not marks:
        return ""
    last = marks[-1]
    if len(set(marks)) == 2:
        return "point" if last == "." else "comma"
    if len(marks) > 1:  # 1,234,567: a mark that repeats separates thousands
        return "comma" if last == "." else "point"
    before, _, behind = text.partition(last)
    behind = behind.rstrip(")% $\u20ac\u00a3\u00a5\u00a0")
    before = before.lstrip("-+($\u20ac\u00a3\u00a5 \u00a0")
    if len(behind) == 3 and 1 <= len(before) <= 3 and before.lstrip("0"):
        return ""
    return "point" if last == "." else "comma"


def is_ambiguous(text: str) -> bool:
    """Whether the text has a single mark that may be either: "1,234" or "1.234"."""
    return any(mark in text for mark in ".,") and not proven_style(text)


def _without_sign(body: str, *, currency_signs: bool) -> tuple[str, bool]:
    """Return the bare number and whether it is negative, whatever order sign, currency and brackets stand in."""
    negative = False
    for _ in range(3):
        if body.startswith("(") and body.endswith(")") and not negative:
            body, negative = body[1:-1].strip(_BLANKS), True
        elif body[:1] in ("-", "+") and not negative:
            body, negative = body[1:].lstrip(_BLANKS), body[0] == "-"
        if currency_signs:
            if sign := _CURRENCY_BEFORE.match(body):
                body = body[sign.end() :]
            elif sign := _CURRENCY_AFTER.search(body):
                body = body[: sign.start()] if sign.end() == len(body) else body
    return body, negative


def _refusal(text: str, *, column: str, style: str) -> BadCell:
    code, message = _reason(text.strip(_BLANKS), style=style)
    return BadCell(column, code, message, text)


def _reason(text: str, *, style: str) -> tuple[str, str]:
    if text.lower() in NOTHING or (text.startswith("#") and text.endswith(("!", "?", "/0!"))):
        return "missing_value", "A number is required here."
    if _NOT_A_NUMBER.fullmatch(text):
        return "not_a_number", "This is not a number."
    if not text.isascii() and any(c.isdecimal() and not c.isascii() for c in text):
        return "not_plain_decimal", "Write the number with the digits 0 to 9."
    if "\u2212" in text or "\u2013" in text:
        return "not_plain_decimal", "This minus sign is a typographic dash; write the minus of the keyboard (-)."
    if _THOUSANDS[0].fullmatch(text) or _THOUSANDS[1].fullmatch(text):
        return (
            "thousands_separator",
            "The number has a thousands separator; choose the number format of the file or export without separators.",
        )
    if _UNIT.search(text) and any(c.isdigit() for c in text):
        return "unit_in_number", "Write the number alone, without currency or unit."
    if not any(c.isdigit() for c in text):
        return "not_a_number", "This is not a number."
    return _digits_reason(text, style=style)


def _digits_reason(text: str, *, style: str) -> tuple[str, str]:
    mark = "," if style == "comma" else "."
    shape = re.fullmatch(rf"-?([0-9]+)(?:{re.escape(mark)}([0-9]+))?", text)
    if shape and len(shape[1]) > MAX_DIGITS:
        return "too_many_digits", f"At most {MAX_DIGITS} digits are kept before the decimal mark."
    if shape:
        return "too_many_decimals", f"At most {MAX_DECIMALS} decimals are kept; nothing is rounded."
    if mark == "." and re.fullmatch(r"-?[0-9]+,[0-9]+", text):
        return "not_plain_decimal", "The number has a decimal comma; choose the number format of the file."
    return "not_plain_decimal", "Write the number plainly, like -1234.56."
