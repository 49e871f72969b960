"""Wallets, tokens and signals in words, for templates."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django import template
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy

from intelligence import check_words
from intelligence.helius_parsing import SOL, USDC, USDT
from intelligence.models import CheckVerdict, OutcomeVerdict, SignalCheck
from intelligence.signal_results import CAPS
from journal.templatetags.journal_format import DASH, holding, money, percent, quantity

register = template.Library()

_NUMBER = re.compile(r"-?[0-9]{1,40}(\.[0-9]+)?", re.ASCII)
_BASES = {SOL: "SOL", USDC: "USDC", USDT: "USDT"}
#: Those that say something of tokens and trades, as they write themselves.
_SOURCES = {"dexscreener": "DexScreener", "helius": "Helius", "rugcheck": "RugCheck"}
_SOURCE = re.compile(rf"\b({'|'.join(_SOURCES)})\b")
_VERDICT_CHIPS = {
    OutcomeVerdict.TRADED: "chip-good",
    OutcomeVerdict.REJECTED: "chip-warn",
    OutcomeVerdict.FAILED: "chip-bad",
}
_CHECK_CHIPS = {
    CheckVerdict.PASSED: "chip-good",
    CheckVerdict.FAILED: "chip-bad",
    CheckVerdict.UNKNOWN: "chip-warn",
}
#: How checks are counted: shares of one, dollars, seconds.
_SHARES = frozenset({"top_holders", "contract", "safety_score", "price_drift"})
_DOLLARS = frozenset({"liquidity", "source_value", "size"})
_SECONDS = frozenset({"signal_age"})
#: What those are called whose figures say their unit themselves.
_LABELS: dict[str, Any] = {
    "token_age": gettext_lazy("Age of the token"),
    "signal_age": gettext_lazy("Age of the signal"),
    "source_value": gettext_lazy("What the wallet put in"),
    "price": gettext_lazy("Fresh price"),
    "size": gettext_lazy("Size"),
}
#: Words that checks keep, as people read them.
_SEEN: dict[str, Any] = {
    "on": gettext_lazy("on"),
    "off": gettext_lazy("off"),
    "active": gettext_lazy("active"),
    "left": gettext_lazy("got out"),
    "canceled": gettext_lazy("entry canceled"),
    "leaving": gettext_lazy("on its way out already"),
    "later": gettext_lazy("bought after the sale"),
}
_ALERTS = {
    "webhook.clock_skew": gettext_lazy("Right signatures at the wrong time: a clock is off"),
    "webhook.event_id_reused": gettext_lazy("An event id came again with another body"),
    "webhook.refused": gettext_lazy("What was sent could not be read"),
}


@register.filter
def shortened(address: str) -> str:
    """The ends of an address, which is what people know it by."""
    return address if len(address) <= 12 else f"{address[:4]}…{address[-4:]}"


@register.filter
def coin_price(value: Decimal | None) -> str:
    """What one token costs: six digits that matter, however small it is."""
    if value is None:
        return DASH
    return f"{quantity(_six_digits(value))} USD"


@register.filter
def source_words(text: str) -> str:
    """Who said something, or a text that names them, with their names as they write them."""
    return _SOURCE.sub(lambda found: _SOURCES[found[1]], text)


@register.filter
def neat(text: str) -> str:
    """What a check saw: a number with the digits that matter, anything else as it is."""
    if not _NUMBER.fullmatch(text):
        return text or DASH
    return quantity(_six_digits(Decimal(text)))


@register.filter
def seen_words(check: SignalCheck) -> str | Promise:
    """What a check saw, as people read it."""
    return _figure(check.name, check.seen, is_limit=False)


@register.filter
def limit_words(check: SignalCheck) -> str | Promise:
    """What a check held it against."""
    return _figure(check.name, check.limit, is_limit=True)


@register.filter
def check_note(note: str) -> str | Promise:
    """What a check says besides: the cap that decided a size by its name, anything else as it is."""
    words: Any = CAPS.get(note, note)
    return words  # type: ignore[no-any-return]


def _figure(name: str, text: str, *, is_limit: bool) -> str | Promise:
    if not _NUMBER.fullmatch(text):
        return _SEEN.get(text, text) or DASH
    number = Decimal(text)
    if name in _SHARES:
        return percent(number)
    if name in _DOLLARS:
        return money(number, "USD")
    if name in _SECONDS or (name == "price" and is_limit):
        return holding(number)
    if name == "token_age":
        return holding(number * 3600)
    return coin_price(number) if name == "price" else neat(text)


def _six_digits(value: Decimal) -> Decimal:
    """To six digits that matter, and never before the point."""
    return round(value, max(2, 5 - value.adjusted())) if value else value


@register.filter
def base_words(address: str) -> str:
    """SOL, USDC or USDT."""
    return _BASES.get(address, shortened(address))


@register.filter
def exact_span(value: timedelta | None) -> str:
    """A span, below a minute to the hundredth of a second."""
    if value is None:
        return DASH
    seconds = value.total_seconds()
    return f"{seconds:.2f} s" if abs(seconds) < 60 else holding(value)


@register.filter
def outcome_words(action: str) -> str | Promise:
    """What was made of a signal."""
    words: Any = check_words.ACTIONS.get(action, action.replace("_", " "))
    return words  # type: ignore[no-any-return]


@register.filter
def check_words_of(name: str) -> str | Promise:
    """What a check is called."""
    words: Any = _LABELS.get(name) or check_words.CHECKS.get(name, name.replace("_", " "))
    return words  # type: ignore[no-any-return]


@register.filter
def alert_words(event: str) -> str | Promise:
    """What was refused."""
    return _ALERTS.get(event, event)


@register.simple_tag
def verdict_chip(verdict: str) -> SafeString:
    """What came of a signal, with its colour."""
    found = OutcomeVerdict(verdict)
    return format_html('<span class="chip {}">{}</span>', _VERDICT_CHIPS.get(found, ""), found.label)


@register.simple_tag
def check_chip(verdict: str) -> SafeString:
    """What a check said, with its colour."""
    found = CheckVerdict(verdict)
    return format_html('<span class="chip {}">{}</span>', _CHECK_CHIPS.get(found, ""), found.label)
