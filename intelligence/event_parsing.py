"""Events of other senders than Helius -> what wallets did. Pure: no Django, no clock, no database.

One event is `{"id", "type": "wallet.signals", "version": 1, "signals": [...]}`; what a signal holds is in
docs/wallets.md. Unlike Helius, these senders follow our rules, so that what breaks them is refused at the door.

Source: docs/wallets.md#other-senders
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from accounts import instants
from intelligence.helius_parsing import ADDRESS, SIGNATURE, Malformed, Seen, scaled

KNOWN_TYPE = "wallet.signals"
KNOWN_VERSION = 1
LONGEST_ID = 200
MOST_SIGNALS = 1000
DEEPEST = 20

_ID = re.compile(r"[\x21-\x7e]{1,200}", re.ASCII)
_PRICE = re.compile(r"[0-9]{1,18}(\.[0-9]{1,20})?", re.ASCII)
_TYPES = frozenset({"swap_detected", "liquidity_add", "liquidity_remove", "other"})
_FIELDS = frozenset(
    {
        "wallet",
        "token",
        "type",
        "action",
        "transaction",
        "block",
        "removed",
        "amount",
        "decimals",
        "price",
        "occurred_at",
    }
)


@dataclass(frozen=True, slots=True)
class Event:
    """One event: its id, and what was seen; None where its type or version is not known here."""

    id: str
    seen: tuple[Seen, ...] | None
    why_not: str = ""


def read(body: bytes) -> Event:
    """The event in a body. Raises Malformed with the reason."""
    found = _object(body)
    if depth_of(found) > DEEPEST:
        raise Malformed("nested too deeply")
    id = found.get("id")
    if not isinstance(id, str) or not _ID.fullmatch(id):
        raise Malformed(f"an id has 1 to {LONGEST_ID} printable characters")
    if found.get("type") != KNOWN_TYPE:
        return Event(id, None, "an unknown type of event")
    version = found.get("version", KNOWN_VERSION)
    if isinstance(version, bool) or version != KNOWN_VERSION:
        return Event(id, None, "an unknown version")
    signals = found.get("signals")
    if not isinstance(signals, list) or not 1 <= len(signals) <= MOST_SIGNALS:
        raise Malformed(f"signals are a list of 1 to {MOST_SIGNALS}")
    return Event(id, tuple(_signal(each, number) for number, each in enumerate(signals)))


def depth_of(value: Any) -> int:
    """How deep lists and objects are nested, without recursion."""
    deepest, level = 0, [value]
    while level:
        deepest += 1
        level = [
            inner
            for each in level
            for inner in (each.values() if isinstance(each, dict) else each)
            if isinstance(inner, dict | list)
        ]
        if deepest > 200:
            break
    return deepest


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body, parse_float=Decimal, parse_constant=_no_constant, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise Malformed("not JSON") from error
    if not isinstance(found, dict):
        raise Malformed("an event is an object")
    return found


def _signal(value: Any, number: int) -> Seen:
    if not isinstance(value, dict):
        raise Malformed(f"signals/{number} is an object")
    try:
        return _read(value)
    except Malformed as error:
        raise Malformed(f"signals/{number}/{error}") from error


def _read(value: Mapping[str, Any]) -> Seen:
    if unknown := value.keys() - _FIELDS:
        raise Malformed(f"{min(unknown)[:40]}: there is no such field")
    kind = _one_of(value, "type", _TYPES, "swap_detected")
    action = _one_of(value, "action", frozenset({"buy", "sell", ""}), "")
    if (kind == "swap_detected") != bool(action):
        raise Malformed("action: a swap is a buy or a sell, and nothing else is")
    amount = scaled(value.get("amount"), value.get("decimals"))
    if amount < 0:
        raise Malformed("amount: not negative")
    price = _price(value.get("price"))
    return Seen(
        wallet_address=_text(value, "wallet", ADDRESS),
        token_address=_text(value, "token", ADDRESS),
        type=kind,
        action=action,
        transaction_id=_text(value, "transaction", SIGNATURE),
        block=_block(value.get("block")),
        occurred_at=_instant(value.get("occurred_at")),
        amount=amount,
        price=price,
        value=amount * price if price is not None else None,
        is_removed=_flag(value.get("removed", False)),
        payload=value,
    )


def _text(value: Mapping[str, Any], name: str, pattern: re.Pattern[str]) -> str:
    found = value.get(name)
    if not isinstance(found, str) or not pattern.fullmatch(found):
        raise Malformed(f"{name}: not of the form that it has here")
    return found


def _one_of(value: Mapping[str, Any], name: str, words: frozenset[str], default: str) -> str:
    found = value.get(name, default)
    if not isinstance(found, str) or found not in words:
        raise Malformed(f"{name}: not one of those there are")
    return found


def _price(value: Any) -> Decimal | None:
    if value is None:
        return None
    if not isinstance(value, str) or not _PRICE.fullmatch(value):
        raise Malformed("price: a plain decimal as a string")
    return Decimal(value)


def _block(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        raise Malformed("block: a whole number")
    found: int = value
    return found


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Malformed("removed: true or false")
    return value


def _instant(value: Any) -> datetime | None:
    if value is None:
        return None
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) and len(value) <= 40 else None
        at = at.astimezone(UTC) if at is not None and at.tzinfo is not None else None
    except (ValueError, OverflowError):
        at = None
    if at is None or not instants.is_kept(at):
        raise Malformed("occurred_at: a time with its offset")
    return at


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name comes twice")
    return found


def _no_constant(word: str) -> None:
    raise ValueError(f"{word} is no JSON")
