"""Whether a purchase by a watched wallet is copied: every check, made whatever the ones before it came to.

Pure: what is known comes in as one situation, checks with their verdicts go out, and what they come to together.

Source: docs/copying.md#checks
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_HALF_EVEN, ROUND_UP, Context, Decimal
from enum import StrEnum

from intelligence.sizing import Size
from intelligence.token_safety import Safety, Verdict

_WIDE = Context(prec=60, rounding=ROUND_HALF_EVEN)
_ONE, _STEP = Decimal(1), Decimal("1e-12")
#: Of a move that is kept to be read; it is judged by all its decimals, and rounded so that it reads as it was judged.
_READ = Decimal("1e-6")


class Action(StrEnum):
    """What was made of a signal."""

    POSITION_CREATED = "position_created"
    MIRROR_EXIT = "mirror_exit"
    IGNORED_UNTRACKED = "ignored_untracked"
    IGNORED_OTHER = "ignored_other"
    IGNORED_REMOVED = "ignored_removed"
    IGNORED_REPEATED = "ignored_repeated"
    IGNORED_ARCHIVED = "ignored_archived"
    IGNORED_INACTIVE_WALLET = "ignored_inactive_wallet"
    IGNORED_SELL = "ignored_sell"
    REJECTED_OFF = "rejected_off"
    REJECTED_NO_ACCOUNT = "rejected_no_account"
    REJECTED_BLACKLISTED = "rejected_blacklisted"
    REJECTED_SAFETY = "rejected_safety"
    REJECTED_STALE = "rejected_stale"
    REJECTED_SOLD = "rejected_sold"
    REJECTED_SMALL = "rejected_small"
    REJECTED_NO_PRICE = "rejected_no_price"
    REJECTED_PRICE_DRIFT = "rejected_price_drift"
    REJECTED_EXISTING_POSITION = "rejected_existing_position"
    REJECTED_OPEN_POSITIONS = "rejected_open_positions"
    REJECTED_SIZE = "rejected_size"
    CIRCUIT_BREAKER_ACTIVE = "circuit_breaker_active"
    ORDER_REFUSED = "order_refused"
    ERROR = "error"


#: What each check that stops a purchase makes of the signal, the first that holds in this order. The breaker is last:
#: it has stopped only what would have been bought without it.
STOPS: dict[str, Action] = {
    "wallet": Action.IGNORED_INACTIVE_WALLET,
    "copying": Action.REJECTED_OFF,
    "account": Action.REJECTED_NO_ACCOUNT,
    "blacklist": Action.REJECTED_BLACKLISTED,
    "liquidity": Action.REJECTED_SAFETY,
    "top_holders": Action.REJECTED_SAFETY,
    "contract": Action.REJECTED_SAFETY,
    "token_age": Action.REJECTED_SAFETY,
    "safety_score": Action.REJECTED_SAFETY,
    "signal_age": Action.REJECTED_STALE,
    "source_sold": Action.REJECTED_SOLD,
    "source_value": Action.REJECTED_SMALL,
    "price": Action.REJECTED_NO_PRICE,
    "price_drift": Action.REJECTED_PRICE_DRIFT,
    "existing_position": Action.REJECTED_EXISTING_POSITION,
    "open_positions": Action.REJECTED_OPEN_POSITIONS,
    "size": Action.REJECTED_SIZE,
    "breaker": Action.CIRCUIT_BREAKER_ACTIVE,
}


@dataclass(frozen=True, slots=True)
class Check:
    """One check: a number or a word that was seen, the limit, who said it, how old it was, what it came to.

    `stops` says that nothing is bought because of it.
    """

    name: str
    verdict: Verdict
    seen: Decimal | int | str | None = None
    limit: Decimal | int | str | None = None
    source: str = ""
    age: timedelta | None = None
    note: str = ""
    is_needed: bool = True

    @property
    def stops(self) -> bool:
        return self.verdict is Verdict.FAILED or (self.verdict is Verdict.UNKNOWN and self.is_needed)


@dataclass(frozen=True, slots=True)
class Rules:
    """What the person set: see `CopySettings`."""

    is_on: bool
    max_price_drift: Decimal
    max_signal_age: timedelta
    max_positions: int
    min_source_value: Decimal
    adds_to_open: bool


@dataclass(frozen=True, slots=True)
class Price:
    """USD of one token now; `value` is None where nobody says it. `longest_age` is what may still be traded on."""

    value: Decimal | None
    source: str
    age: timedelta | None
    longest_age: timedelta


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything that a purchase is judged by. `sold_since` are sales of this token by this wallet that came after it,
    `open_here` open copies of it, `breaker` how far one stops trading in the account, `size` None where it cannot be
    worked out.
    """

    wallet_state: str
    is_followed: bool
    account: str
    safety: Safety
    signal_age: timedelta
    sold_since: int
    mirrors: bool
    source_value: Decimal | None
    source_price: Decimal | None
    price: Price
    open_here: int
    open_in_all: int
    breaker: str
    size: Size | None
    quantity: Decimal


def checks_of(seen: Situation, rules: Rules) -> tuple[Check, ...]:
    """Every check of the purchase, in the order in which a person reads them."""
    return (
        _plain("wallet", seen.wallet_state, holds=seen.is_followed),
        _plain("copying", "on" if rules.is_on else "off", holds=rules.is_on),
        _plain("account", seen.account, holds=bool(seen.account)),
        *(
            Check(each.name, each.verdict, each.seen, each.limit, each.source, each.age, each.note, each.is_needed)
            for each in seen.safety.checks
        ),
        Check(
            "signal_age",
            _verdict(holds=seen.signal_age <= rules.max_signal_age),
            seen=int(seen.signal_age.total_seconds()),
            limit=int(rules.max_signal_age.total_seconds()),
        ),
        _source_sold(seen),
        _source_value(seen, rules),
        _price(seen.price),
        _drift(seen, rules),
        Check(
            "existing_position",
            _verdict(holds=not seen.open_here or rules.adds_to_open),
            seen=seen.open_here,
            limit="" if rules.adds_to_open else 0,
        ),
        Check(
            "open_positions",
            _verdict(holds=seen.open_in_all < rules.max_positions),
            seen=seen.open_in_all,
            limit=rules.max_positions,
        ),
        _plain("breaker", seen.breaker, holds=seen.breaker == "active"),
        _size(seen),
    )


def action_of(checks: Iterable[Check]) -> Action:
    """What the checks make of the signal together: the position, or what the first that stops it says."""
    stopped = {check.name for check in checks if check.stops}
    return next((action for name, action in STOPS.items() if name in stopped), Action.POSITION_CREATED)


def stopping(checks: Sequence[Check]) -> list[Check]:
    """Every check that stops the purchase, in the order of what they make of it."""
    order = list(STOPS)
    return sorted((check for check in checks if check.stops), key=lambda check: order.index(check.name))


def drift(price: Decimal, source_price: Decimal) -> Decimal:
    """How far the price has moved from what the wallet paid, as a fraction of that; below zero it fell."""
    return _WIDE.quantize(_WIDE.subtract(_WIDE.divide(price, source_price), _ONE), _STEP)


def _verdict(*, holds: bool) -> Verdict:
    return Verdict.PASSED if holds else Verdict.FAILED


def _plain(name: str, seen: str, *, holds: bool) -> Check:
    return Check(name, _verdict(holds=holds), seen=seen)


def _source_sold(seen: Situation) -> Check:
    if not seen.mirrors:
        # Such a copy would have been kept through the sale, had that come in its turn.
        return Check("source_sold", Verdict.SKIPPED, seen=seen.sold_since, limit=0)
    return Check("source_sold", _verdict(holds=not seen.sold_since), seen=seen.sold_since, limit=0)


def _source_value(seen: Situation, rules: Rules) -> Check:
    value, least = seen.source_value, rules.min_source_value
    if not least:
        return Check("source_value", Verdict.SKIPPED, seen=value, limit=least)
    if value is None:
        return Check("source_value", Verdict.UNKNOWN, limit=least)
    return Check("source_value", _verdict(holds=value >= least), seen=value, limit=least)


def _price(price: Price) -> Check:
    limit = int(price.longest_age.total_seconds())
    if price.value is None or price.age is None:
        return Check("price", Verdict.UNKNOWN, limit=limit, source=price.source)
    is_fresh = price.age <= price.longest_age
    return Check("price", _verdict(holds=is_fresh), price.value, limit, price.source, price.age)


def _drift(seen: Situation, rules: Rules) -> Check:
    if seen.price.value is None or not seen.source_price:
        # What nobody is known to have paid for was perhaps not bought at all.
        return Check("price_drift", Verdict.UNKNOWN, limit=rules.max_price_drift)
    moved = drift(seen.price.value, seen.source_price)
    holds = abs(moved) <= rules.max_price_drift
    return Check("price_drift", _verdict(holds=holds), moved.quantize(_READ, rounding=ROUND_UP), rules.max_price_drift)


def _size(seen: Situation) -> Check:
    if seen.size is None or seen.price.value is None:
        return Check("size", Verdict.UNKNOWN)
    return Check("size", _verdict(holds=seen.quantity > 0), seen.size.value, "> 0", note=seen.size.bound_by)
