"""Decisions of other systems, read from JSON lines: each once, whatever words and names it uses.

Source: docs/memory.md#bringing-decisions-along
"""

from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from django.db import DataError, IntegrityError, transaction
from django.utils.dateparse import parse_date, parse_datetime

from accounts import currencies, decimals, instants
from accounts.errors import DomainError, InvalidValue
from accounts.models import Account, User
from intelligence import decisions
from intelligence.decisions import Links, Said, StatedOutcome
from intelligence.models import Decision
from intelligence.symbols import instruments_of
from intelligence.vocabulary import understood

LONGEST_LINE = 1024 * 1024
#: By which names each value is known elsewhere, the first that is there counts.
_NAMES: Mapping[str, tuple[str, ...]] = {
    "action": ("action", "decision", "type"),
    "symbols": ("symbols", "tickers"),
    "symbol": ("symbol", "ticker"),
    "strategy": ("strategy", "strategy_name"),
    "reasoning": ("reasoning", "thesis", "rationale", "reason", "summary"),
    "market_context": ("market_context", "marketContext", "context"),
    "confidence": ("confidence",),
    "conviction": ("conviction",),
    "entry_price": ("entry_price", "entryPrice", "entry", "price"),
    "quantity": ("quantity", "qty"),
    "stop_loss": ("stop_loss", "stopLoss", "stop"),
    "take_profit": ("take_profit", "takeProfit", "target"),
    "result_pct": ("result_pct", "resultPct"),
    "result_amount": ("result_dollars", "resultDollars", "result_amount"),
    "currency": ("currency",),
    "r_multiple": ("r_multiple",),
    "holding_seconds": ("holding_seconds",),
    "resolved_at": ("resolved_at", "closed_at"),
    "at": ("decided_at", "created_at", "createdAt", "timestamp", "date"),
    "id": ("id", "external_id", "uuid"),
    "intent": ("intent",),
    "actor": ("actor", "bot", "model", "agent", "author"),
    "actor_kind": ("actor_kind",),
    "reflection": ("reflection", "lesson", "lessons"),
}
_HUNDRED, _TOO_LARGE = Decimal(100), Decimal(10) ** 18
#: Seconds of a thousand years.
_LONGEST_HELD = Decimal(31_557_600_000)


class BadLine(DomainError):
    """A line that is no decision; the others are taken all the same."""

    code = "bad_line"


@dataclass(slots=True)
class Imported:
    """What became of the lines. `unknown_words` are actions that nobody knows, taken as HOLD."""

    added: int = 0
    known: int = 0
    refused: list[tuple[int, str]] = field(default_factory=list)
    unknown_words: Counter[str] = field(default_factory=Counter)
    actions: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Into:
    """Whose the decisions become, and what holds for lines that do not say: account, bot, zone of their times."""

    owner: User
    account: Account | None = None
    bot: str = ""
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    is_strict: bool = False


def run(lines: Iterable[bytes], *, into: Into) -> Imported:
    """Every line that is a decision is one, once however often the file comes; the rest is refused with its reason."""
    done = Imported()
    for number, line in enumerate(lines, start=1):
        if number == 1:
            # Some systems write the mark of UTF-8 before everything else.
            line = line.removeprefix(BOM_UTF8)
        if not line.strip():
            continue
        try:
            with transaction.atomic():
                _take(line, into, done)
        except DomainError as error:
            done.refused.append((number, error.message))
        except (DataError, IntegrityError, OverflowError):
            done.refused.append((number, "It has a number or a time that cannot be kept."))
    return done


def _take(line: bytes, into: Into, done: Imported) -> None:
    said = _object(line)
    # Without an id of its own a line is known by what it says.
    key = str(_value(said, "id") or "").strip()[:128] or f"line-{sha256(line.strip()).hexdigest()[:40]}"
    if Decision.objects.filter(owner=into.owner, external_id=key).exists():
        done.known += 1
        return
    word = str(_value(said, "action") or "").strip()
    if not word:
        raise BadLine("It names no action.")
    action, intent, is_known = understood(word)
    if not is_known:
        if into.is_strict:
            raise BadLine(f"Nobody knows the action {word}.")
        done.unknown_words[word] += 1
    at = _instant(_value(said, "at"), into.zone)
    if at is None:
        raise BadLine("It does not say when it was decided.")
    instruments = instruments_of(_symbols(said), owner=into.owner, account=into.account, on=at.date())
    decisions.record(
        owner=into.owner,
        said=_said(said, into, action=action, intent=str(_value(said, "intent") or intent)),
        at=at,
        links=Links(account=into.account, instruments=instruments),
        external_id=key,
        stated=_stated(said, into),
    )
    done.added += 1
    done.actions[action] += 1


def _object(line: bytes) -> dict[str, Any]:
    if len(line) > LONGEST_LINE:
        raise BadLine("It is longer than a megabyte.")
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise BadLine("It is no JSON.") from error
    if not isinstance(found, dict):
        raise BadLine("It is no object.")
    return found


def _said(said: Mapping[str, Any], into: Into, *, action: str, intent: str) -> Said:
    actor = _value(said, "actor") or into.bot or ""
    if not isinstance(actor, str):
        raise BadLine("Its actor is no text.")
    kind = str(_value(said, "actor_kind") or ("bot" if actor else "person"))
    return Said(
        action=action,
        intent=intent,
        reasoning=_words(said, "reasoning"),
        strategy=_words(said, "strategy")[:60],
        market_context=_words(said, "market_context"),
        reflection=_words(said, "reflection"),
        actor_kind=kind,
        actor=actor[:100] if kind != "person" else "",
        confidence=_confidence(said),
        entry_price=_number(said, "entry_price"),
        quantity=_number(said, "quantity") or None,
        stop_loss=_number(said, "stop_loss"),
        take_profit=_number(said, "take_profit"),
    )


def _stated(said: Mapping[str, Any], into: Into) -> StatedOutcome | None:
    """How it ended, if it says so. `result_pct` is percent there, as other systems have it, and a fraction here."""
    percent, amount = _number(said, "result_pct"), _number(said, "result_amount")
    if percent is None and amount is None:
        return None
    held = _number(said, "holding_seconds")
    if held is not None and not 0 <= held < _LONGEST_HELD:
        raise BadLine("Its holding time is no number of seconds.")
    currency = str(_value(said, "currency") or (into.account.currency if into.account else "USD"))
    if amount is not None and currency not in currencies.KNOWN:
        raise BadLine("Its currency is not known.")
    return StatedOutcome(
        result_pct=None if percent is None else percent / _HUNDRED,
        result_amount=amount,
        currency="" if amount is None else currency[:12],
        r_multiple=_number(said, "r_multiple"),
        holding_seconds=None if held is None else int(held),
        resolved_at=_instant(_value(said, "resolved_at"), into.zone),
    )


def _confidence(said: Mapping[str, Any]) -> Decimal | None:
    """From 0 to 1: what is given as such, or a conviction from 1 to 10."""
    given = _number(said, "confidence")
    if given is None:
        conviction = _number(said, "conviction")
        if conviction is None:
            return None
        if not 0 <= conviction <= 10:
            raise InvalidValue("A conviction is from 1 to 10.")
        given = conviction / 10
    if not 0 <= given <= 1:
        raise InvalidValue("Confidence is from 0 to 1.")
    return given.quantize(Decimal("0.0001"))


def _symbols(said: Mapping[str, Any]) -> list[str]:
    given = _value(said, "symbols")
    if given is None:
        given = _value(said, "symbol")
    names = given if isinstance(given, list) else str(given or "").split(",")
    return [name.strip() for each in names if (name := str(each)) and name.strip()]


def _value(said: Mapping[str, Any], name: str) -> Any:
    return next((said[each] for each in _NAMES[name] if said.get(each) is not None), None)


def _words(said: Mapping[str, Any], name: str) -> str:
    value = _value(said, name)
    if value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


def _number(said: Mapping[str, Any], name: str) -> Decimal | None:
    value = _value(said, name)
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise BadLine(f"{name} is no number.")
    try:
        # What JSON has as a number is taken as it is written, not as the nearest binary fraction.
        number = decimals.strict(value.strip()) if isinstance(value, str) else Decimal(str(value))
    except (ValueError, InvalidOperation) as error:
        raise BadLine(f"{name} is no number.") from error
    if not number.is_finite() or abs(number) >= _TOO_LARGE:
        raise BadLine(f"{name} is no number that can be kept.")
    return number


def _instant(value: Any, zone: ZoneInfo) -> datetime | None:
    """The time in UTC. Without an offset it is of the zone; a day is its start."""
    if value is None:
        return None
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        seconds = value / 1000 if value > 1e11 else value
        try:
            return _kept(datetime.fromtimestamp(seconds, UTC))
        except (OverflowError, ValueError, OSError) as error:
            raise BadLine("Its time cannot be read.") from error
    try:
        found: datetime | date | None = parse_datetime(str(value)) or parse_date(str(value))
    except ValueError as error:
        raise BadLine("Its time cannot be read.") from error
    if found is None:
        raise BadLine("Its time cannot be read.")
    if not isinstance(found, datetime):
        found = datetime.combine(found, time(), tzinfo=zone)
    return _kept((found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC))


def _kept(at: datetime) -> datetime:
    if not instants.is_kept(at):
        raise BadLine("Its time is none from 1900 to 2199.")
    return at
