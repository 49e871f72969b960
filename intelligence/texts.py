"""What is embedded of decisions, notes and trades: short, plain, and the same for the same thing.

Its symbols, action and strategy come first: a model that reads only the beginning has read what it is about.
"""

from collections.abc import Iterable
from hashlib import sha256

#: Characters that are embedded; the whole text is kept and shown. Half of 154 real ones have fewer than 330.
LONGEST = 2000


def of_decision(
    *, symbols: Iterable[str], action: str, intent: str, strategy: str, reasoning: str, market_context: str
) -> str:
    """What a decision was about, what was chosen and why."""
    head = " ".join(part for part in [*symbols, action, intent.replace("_", " "), strategy] if part)
    return _bounded(head, reasoning, market_context)


def of_note(*, title: str, text: str) -> str:
    """What a note says."""
    return _bounded(title, text)


def of_trade(*, symbol: str, side: str, note: str) -> str:
    """What was said of a trade, and what was traded."""
    return _bounded(f"{symbol} {side}", note)


def digest(text: str) -> str:
    """By which a text is known again."""
    return sha256(text.encode()).hexdigest()


def _bounded(*parts: str) -> str:
    return "\n".join(part.strip() for part in parts if part.strip())[:LONGEST]
