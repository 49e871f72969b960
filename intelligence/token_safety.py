"""Whether a token may be bought: a score of four checks, and gates that each stop it whatever the score says.

Pure: what is known of the token and the thresholds of the moment come in, verdicts go out; nothing that was judged
before is kept, so a change of a threshold counts from the next decision on.

Source: docs/copying.md#safety
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal
from enum import StrEnum

_WIDE = Context(prec=60, rounding=ROUND_HALF_EVEN)
_ZERO, _ONE = Decimal(0), Decimal(1)
_STEP = Decimal("1e-12")


class Verdict(StrEnum):
    """What one check came to; `unknown` is neither passed nor failed, and `skipped` was not to be looked at."""

    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Fact:
    """A number that somebody said of a token, and when; `value` is None where nobody knows."""

    value: Decimal | None = None
    source: str = ""
    at: datetime | None = None

    def age(self, now: datetime) -> timedelta | None:
        """How old it is now; None where it is not known."""
        return None if self.at is None or self.value is None else max(now - self.at, timedelta(0))


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """What is known of a token: liquidity in USD, the fraction that the ten largest holders own, the contract from 0 (a
    trap) to 1 (nothing found), and its age in hours.
    """

    liquidity: Fact = Fact()
    top_holders: Fact = Fact()
    contract: Fact = Fact()
    age_hours: Fact = Fact()
    is_blacklisted: bool = False
    blacklist_reason: str = ""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What a token has to come to, as it is configured now; the four weights make 1. An age of 0 is not looked at.

    What was said `fresh_for` ago or before is not believed any more.
    """

    score: Decimal = Decimal("0.60")
    liquidity: Decimal = Decimal(50_000)
    top_holders: Decimal = Decimal("0.80")
    contract: Decimal = Decimal("0.5")
    age_hours: int = 0
    weight_liquidity: Decimal = Decimal("0.25")
    weight_holders: Decimal = Decimal("0.25")
    weight_contract: Decimal = Decimal("0.25")
    weight_age: Decimal = Decimal("0.25")
    fresh_for: timedelta = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class SafetyCheck:
    """One gate: what was seen, the limit that counted, who said it, how old it was, what it came to.

    `is_needed` says that not knowing it stops the token too.
    """

    name: str
    seen: Decimal | None
    limit: Decimal | None
    source: str
    age: timedelta | None
    verdict: Verdict
    is_needed: bool = False
    note: str = ""

    @property
    def stops(self) -> bool:
        """Whether the token may not be bought because of this."""
        return self.verdict is Verdict.FAILED or (self.verdict is Verdict.UNKNOWN and self.is_needed)


@dataclass(frozen=True, slots=True)
class Safety:
    """All checks in their order, the score from 0 to 1, and whether the token may be bought."""

    checks: tuple[SafetyCheck, ...]
    score: Decimal

    @property
    def stopped_by(self) -> tuple[SafetyCheck, ...]:
        """Every check that stops it, in their order."""
        return tuple(each for each in self.checks if each.stops)


def judge(facts: TokenFacts, limits: Thresholds, *, now: datetime, is_live: bool) -> Safety:
    """All checks of the token, the blacklist first; each is made, whatever the ones before it came to.

    Gates: liquidity, contract and age of at least their limits, holders of less than theirs. What is not known, or was
    said too long ago, passes no gate and earns no part of the score, which is never made of the rest alone: so a token
    of which nothing is known is not bought. Live, contract and holders have to be known besides.
    """
    blacklist = SafetyCheck(
        "blacklist",
        None,
        None,
        "",
        None,
        Verdict.FAILED if facts.is_blacklisted else Verdict.PASSED,
        is_needed=True,
        note=facts.blacklist_reason,
    )
    gates = _gates(facts, limits, now=now, is_live=is_live)
    score = score_of(facts, limits, now=now)
    is_enough = score >= limits.score
    total = SafetyCheck(
        "safety_score",
        score,
        limits.score,
        "",
        None,
        Verdict.PASSED if is_enough else Verdict.FAILED,
        is_needed=True,
    )
    return Safety((blacklist, *gates, total), score)


def score_of(facts: TokenFacts, limits: Thresholds, *, now: datetime) -> Decimal:
    """The sum of the weights of what passes, the contract by its own measure; what is not known counts nothing.

    Unit: ratio, 0..1.
    """
    age = facts.age_hours.value
    # Where no age is asked for, every age passes, an unknown one too.
    is_old = not limits.age_hours or (age is not None and age >= limits.age_hours)
    parts = (
        (limits.weight_liquidity, _passed(_believed(facts.liquidity, limits, now), least=limits.liquidity)),
        (limits.weight_holders, _passed(_believed(facts.top_holders, limits, now), below=limits.top_holders)),
        (limits.weight_contract, min(max(_believed(facts.contract, limits, now) or _ZERO, _ZERO), _ONE)),
        (limits.weight_age, _ONE if is_old else _ZERO),
    )
    total = _ZERO
    for weight, part in parts:
        total = _WIDE.add(total, _WIDE.multiply(weight, part))
    return _WIDE.quantize(total, _STEP)


def _gates(facts: TokenFacts, limits: Thresholds, *, now: datetime, is_live: bool) -> tuple[SafetyCheck, ...]:
    age_limit = Decimal(limits.age_hours)
    rows = (
        ("liquidity", facts.liquidity, limits.liquidity, True, _at_least),
        ("top_holders", facts.top_holders, limits.top_holders, is_live, _below),
        ("contract", facts.contract, limits.contract, is_live, _at_least),
        ("token_age", facts.age_hours, age_limit, True, _at_least),
    )
    made = []
    for name, fact, limit, is_needed, holds in rows:
        # A token does not get younger: its age is believed however long ago it was said.
        value = fact.value if name == "token_age" else _believed(fact, limits, now)
        if name == "token_age" and not limits.age_hours:
            verdict = Verdict.SKIPPED
        elif value is None:
            verdict = Verdict.UNKNOWN
        else:
            verdict = Verdict.PASSED if holds(value, limit) else Verdict.FAILED
        made.append(SafetyCheck(name, fact.value, limit, fact.source, fact.age(now), verdict, is_needed))
    return tuple(made)


def _believed(fact: Fact, limits: Thresholds, now: datetime) -> Decimal | None:
    age = fact.age(now)
    return fact.value if age is not None and age < limits.fresh_for else None


def _at_least(value: Decimal, limit: Decimal) -> bool:
    return value >= limit


def _below(value: Decimal, limit: Decimal) -> bool:
    return value < limit


def _passed(value: Decimal | None, *, least: Decimal | None = None, below: Decimal | None = None) -> Decimal:
    if value is None:
        return _ZERO
    holds = (least is None or value >= least) and (below is None or value < below)
    return _ONE if holds else _ZERO
