"""What every source of facts about tokens looks like."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Protocol


class SourceFailed(Exception):
    """A source did not say anything that can be used; why is in words, without keys."""


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """What one source says of a token; None where it does not say. Ratios are fractions, money is USD."""

    source: str
    symbol: str = ""
    name: str = ""
    decimals: int | None = None
    price: Decimal | None = None
    liquidity: Decimal | None = None
    top_holders: Decimal | None = None
    contract_score: Decimal | None = None
    findings: tuple[str, ...] = ()
    born_at: datetime | None = None


class TokenSource(Protocol):
    """Says what it knows of a token."""

    @property
    def name(self) -> str: ...

    def token(self, address: str) -> TokenFacts:
        """What is known of the token with this mint. Raises SourceFailed."""
        ...


# ---------------------------------------------------------------- reading what others wrote


def number(value: Any, *, least: Decimal = Decimal(0), most: Decimal) -> Decimal | None:
    """The number, written as one or as a string, within its bounds; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        return None
    try:
        found = Decimal(value)
    except InvalidOperation:
        return None
    return found if found.is_finite() and least <= found <= most else None


def fraction(value: Any, *, of: int = 1) -> Decimal | None:
    """The part of `of` as a fraction from 0 to 1; None where it is none."""
    found = number(value, most=Decimal(of))
    return None if found is None else found / of


def words(value: Any, longest: int) -> str:
    """Printable text, cut to its longest; empty for anything else."""
    if not isinstance(value, str):
        return ""
    return "".join(letter for letter in value if letter.isprintable()).strip()[:longest]


def decimals(value: Any) -> int | None:
    """0 to 36, or None."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 36 else None


def milliseconds(value: Any) -> datetime | None:
    """The instant, or None."""
    found = number(value, most=Decimal(10) ** 13)
    return None if found is None else datetime.fromtimestamp(int(found) / 1000, tz=UTC)


def an_object(value: Any) -> dict[str, Any]:
    """The object, or an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def objects(value: Any) -> list[dict[str, Any]]:
    """The objects in a list; empty for anything else."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
