"""Signals as lists and pages show them: each with what was made of it and what is known of its token."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Exists, OuterRef, QuerySet

from accounts.errors import InvalidValue
from accounts.models import User
from accounts.strict import public_id
from intelligence.models import (
    OutcomeVerdict,
    Signal,
    SignalAction,
    SignalCheck,
    SignalOutcome,
    SignalRetry,
    SignalType,
    Token,
)

WAITING = "waiting"
FILTERS = ("wallet", "token", "type", "action", "verdict", "search")


@dataclass(frozen=True, slots=True)
class ShownSignal:
    """A signal, the newest of what was made of it, and its token; None where there is none yet.

    `retry` is there while it waits for another try.
    """

    signal: Signal
    outcome: SignalOutcome | None
    token: Token | None
    retry: SignalRetry | None = None

    @property
    def latency(self) -> timedelta | None:
        """From its arrival to the first that was made of it."""
        return None if self.outcome is None else self.outcome.decided_at - self.signal.received_at

    @property
    def delay(self) -> timedelta | None:
        """From the block to its arrival; None where no block time was said, or where it lies ahead."""
        at = self.signal.occurred_at
        return None if at is None or at > self.signal.received_at else self.signal.received_at - at


def chosen(person: User, asked: Mapping[str, str]) -> QuerySet[Signal]:
    """The person's signals that the filters let through. Raises InvalidValue or ValidationError for odd filters."""
    rows: QuerySet[Signal] = Signal.objects.for_user(person).select_related("wallet").defer("payload")
    if wallet := asked.get("wallet"):
        rows = rows.filter(wallet__public_id=public_id(wallet, parameter="wallet"))
    if token := asked.get("token"):
        rows = rows.filter(token_address=token.replace("\0", ""))
    for name, choices in (("type", SignalType.values), ("action", SignalAction.values)):
        if value := asked.get(name):
            rows = rows.filter(**{name: one_of(value, name, choices)})
    if search := asked.get("search", "").replace("\0", "").strip():
        addresses = Token.objects.filter(symbol__iexact=search).values("address")
        rows = rows.filter(token_address__in=addresses) | rows.filter(transaction_id=search)
    if verdict := asked.get("verdict"):
        rows = _with_verdict(rows, one_of(verdict, "verdict", [*OutcomeVerdict.values, WAITING]))
    return rows


def one_of(value: str, name: str, choices: Sequence[str]) -> str:
    """The value, if it is one of these. Raises InvalidValue."""
    if value not in choices:
        raise InvalidValue(f"Takes one of {', '.join(choices)}.", pointer=f"?{name}", code="invalid_choice")
    return value


def _with_verdict(rows: QuerySet[Signal], verdict: str) -> QuerySet[Signal]:
    """Those of which the newest outcome says this; or of which nothing was made yet."""
    outcomes = SignalOutcome.objects.filter(signal=OuterRef("pk"))
    if verdict == WAITING:
        return rows.filter(~Exists(outcomes))
    later = SignalOutcome.objects.filter(signal=OuterRef("signal"), attempt__gt=OuterRef("attempt"))
    return rows.filter(Exists(outcomes.filter(~Exists(later), verdict=verdict)))


def shown(signals: Iterable[Signal]) -> list[ShownSignal]:
    """The signals with what was made of them, in the order given: two or three questions, however many."""
    rows = list(signals)
    newest: dict[int, SignalOutcome] = {}
    for outcome in SignalOutcome.objects.filter(signal__in=rows).order_by("attempt"):
        newest[outcome.signal_id] = outcome
    known = {each.address: each for each in Token.objects.filter(address__in={row.token_address for row in rows})}
    waiting = [row.pk for row in rows if row.pk not in newest]
    retries = SignalRetry.objects.in_bulk(waiting) if waiting else {}
    return [ShownSignal(row, newest.get(row.pk), known.get(row.token_address), retries.get(row.pk)) for row in rows]


def outcomes_of(signal: Signal) -> list[tuple[SignalOutcome, list[SignalCheck]]]:
    """Every attempt with its checks in the order in which they were made, the newest attempt first."""
    outcomes = list(signal.outcomes.order_by("-attempt"))
    checks = SignalCheck.objects.filter(outcome__in=outcomes).order_by("position")
    return [(outcome, [each for each in checks if each.outcome_id == outcome.pk]) for outcome in outcomes]
