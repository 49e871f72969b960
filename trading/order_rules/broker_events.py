"""What a venue reports of one order, folded into its state: in any order of arrival, and however often each comes.

What is known of an order is a set of events, and two sets are joined by their union, so joining is commutative,
associative and idempotent. The state is a function of the set alone: the events are put into the order in which they
happened and led through the transition table, one after the other. A report that comes late takes its place in the
past, and one that comes twice is the same element of the set.

Pure: no Django, no clock, no database.

Source: docs/orders.md#events-of-a-venue
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from trading.order_rules.amounts import ZERO, average_price, difference, is_positive, product, total
from trading.order_rules.statuses import PRECEDENCE, Event, Outcome, Status, next_status


def _require_aware(at: datetime) -> None:
    if at.utcoffset() is None:
        raise ValueError("an event needs a time with a zone")


def _instant(at: datetime) -> str:
    """The same text for the same instant, whatever zone it was told in."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution as the venue states it.

    `quantity` and `price` are above zero; `fees` is a cost above zero and a rebate below, in the instrument's
    currency. `completes` is the venue's word that nothing is left; it counts only where the order has no quantity to
    compare with, that is, where it was for an amount of money.
    """

    execution_id: str
    at: datetime
    quantity: Decimal
    price: Decimal
    fees: Decimal = ZERO
    completes: bool = False

    def __post_init__(self) -> None:
        _require_aware(self.at)
        if not is_positive(self.quantity) or not is_positive(self.price) or not self.fees.is_finite():
            raise ValueError("a fill needs a quantity and a price above zero, and fees that are a number")

    @property
    def identity(self) -> tuple[str, str]:
        """Under which the venue repeats it."""
        return ("fill", self.execution_id)


@dataclass(frozen=True, slots=True)
class Report:
    """A change of status that the venue states, or a step of this system.

    `at` is the venue's time; a step of this system has `time_of_a_step`, so that the two clocks need not agree.
    `reference` is the venue's id of the event, empty where it gives none: then event and time are its identity.
    `filled_so_far` is the filled quantity that the venue states with it; it proves that fills are missing, and never
    counts as a fill.
    """

    event: Event
    at: datetime
    reference: str = ""
    filled_so_far: Decimal | None = None

    def __post_init__(self) -> None:
        _require_aware(self.at)
        if self.event.is_fill:
            raise ValueError("fills are told as Fill and Correction, with their quantities")
        if self.filled_so_far is not None and not self.filled_so_far.is_finite():
            raise ValueError("the filled quantity is not a number")

    @property
    def identity(self) -> tuple[str, str]:
        """Under which the venue repeats it."""
        return ("report", self.reference or f"{self.event}@{_instant(self.at)}")


@dataclass(frozen=True, slots=True)
class Correction:
    """The venue takes a fill back (a bust), or says what it really was; `reference` is its id of the correction."""

    reference: str
    at: datetime
    execution_id: str
    replacement: Fill | None = None

    def __post_init__(self) -> None:
        _require_aware(self.at)

    @property
    def identity(self) -> tuple[str, str]:
        """Under which the venue repeats it."""
        return ("correction", self.reference)


BrokerEvent = Fill | Report | Correction
#: What is known of one order. `frozenset` because joining is union, whose laws need no further proof.
Known = frozenset[BrokerEvent]
NOTHING: Known = frozenset()


@dataclass(frozen=True, slots=True)
class OrderState:
    """An order as its known events make it. Quantities are in units of the instrument.

    `quantity` is None for an order of an amount of money. `fills` are those that count, in the order in which they
    happened; `late` names those of them that came about after the order's end. `ignored` are the events that the
    table does not allow where they stand, `contradicted` those whose identity an earlier event has as well. Each of
    the last three is a reason to alert. `claimed` is the most that the venue ever said was filled.
    """

    status: Status
    quantity: Decimal | None
    previous: Status | None = None
    fills: tuple[Fill, ...] = ()
    late: frozenset[str] = frozenset()
    ignored: tuple[BrokerEvent, ...] = ()
    contradicted: tuple[BrokerEvent, ...] = ()
    claimed: Decimal = ZERO

    @property
    def executed(self) -> Decimal:
        """Everything that was executed, more than was ordered included: what positions and cash follow."""
        return total(fill.quantity for fill in self.fills)

    @property
    def filled_quantity(self) -> Decimal:
        """What was executed of what was ordered: never above the quantity."""
        return self.executed if self.quantity is None else min(self.executed, self.quantity)

    @property
    def overfill(self) -> Decimal:
        """What was executed beyond the quantity, kept apart and never cut off."""
        return difference(self.executed, self.filled_quantity)

    @property
    def leaves(self) -> Decimal | None:
        """What may still be executed; zero at the end. None for a live order of an amount of money."""
        if self.status.is_terminal:
            return ZERO
        return None if self.quantity is None else difference(self.quantity, self.filled_quantity)

    @property
    def average_price(self) -> Decimal | None:
        """The price of all that was executed, weighted by quantity, with 12 decimals. None before the first fill."""
        if not self.fills:
            return None
        return average_price(total(product(fill.quantity, fill.price) for fill in self.fills), self.executed)

    @property
    def missing(self) -> Decimal:
        """How much more the venue says was filled than its known fills come to: fetch them."""
        return max(ZERO, difference(self.claimed, self.executed))


def join(*known: Iterable[BrokerEvent]) -> Known:
    """Everything that is in any of them, once."""
    return NOTHING.union(*known)


def fold(known: Iterable[BrokerEvent], *, quantity: Decimal | None) -> OrderState:
    """Return the state of an order of that quantity (None: of an amount of money) of which these events are known.

    The order begins as `pending_submit`. The answer depends on which events there are, and on nothing else.
    Source: docs/orders.md#events-of-a-venue
    """
    told, contradicted = _one_of_each(event for event in known if not _is_the_beginning(event))
    walk = _Walk(quantity=quantity)
    for event in in_order(told):
        walk.take(event)
    return OrderState(
        status=walk.status,
        quantity=quantity,
        previous=walk.previous,
        fills=tuple(walk.fills.values()),
        late=frozenset(walk.late),
        ignored=tuple(walk.ignored),
        contradicted=tuple(contradicted),
        claimed=max(
            (e.filled_so_far for e in told if isinstance(e, Report) and e.filled_so_far is not None), default=ZERO
        ),
    )


def time_of_a_step(known: Iterable[BrokerEvent]) -> datetime:
    """The time that a step of this system carries which is taken now: that of the latest event known of the order.

    So the step stands behind what led to it and before what the venue answers, whatever our clock says. Where nothing
    is known yet, that is before everything.
    """
    return max((event.at for event in known), default=_BEFORE_EVERYTHING)


def arrived_after_the_end(before: OrderState, after: OrderState) -> tuple[Fill, ...]:
    """The fills that became known between the two states although the order had already been at its end.

    Unlike `OrderState.late` this is about arrival: what they need was released, and somebody should be told.
    """
    if not before.status.is_terminal:
        return ()
    return tuple(fill for fill in after.fills if fill not in before.fills)


def in_order(events: Iterable[BrokerEvent]) -> list[BrokerEvent]:
    """The events in the order in which they happened, as far as that can be told; the same for any order given.

    The venue's time decides. Of one instant, fills come first and then reports by FIX's precedence, so that what was
    executed counts before anything ends. A timeout comes before all that the venue says, and giving up the search
    after it: the venue's word overrules what was concluded from its silence.
    """
    given = list(events)
    times: dict[str, datetime] = {}
    for event in given:
        fill = event.replacement if isinstance(event, Correction) else event
        if isinstance(fill, Fill):
            times[fill.execution_id] = max(fill.at, times.get(fill.execution_id, fill.at))
    return sorted(given, key=lambda event: _place(event, times))


_BEFORE_EVERYTHING = datetime.min.replace(tzinfo=UTC)
_BEFORE_ALL, _IN_TIME, _AFTER_ALL = range(3)
_PHASES = {Event.ABORTED: _BEFORE_ALL, Event.TIMED_OUT: _BEFORE_ALL, Event.NOT_FOUND: _AFTER_ALL}
_FILLS_FIRST, _THEN_CORRECTIONS, _STEPS_OF_OURS = -2, -1, -3

_Place = tuple[int, datetime, int, tuple[str, ...], tuple[Decimal, ...]]


def _place(event: BrokerEvent, times: dict[str, datetime]) -> _Place:
    """Where the event belongs. Values and not their spellings decide a tie: 1.0 and 1.00 are one quantity."""
    match event:
        case Fill():
            return (_IN_TIME, event.at, _FILLS_FIRST, (event.execution_id,), _numbers(event))
        case Correction(replacement=new):
            # Whatever the clocks say, a fill is not corrected before it happened.
            at = max(event.at, times.get(event.execution_id, event.at))
            names = (event.reference, event.execution_id, _instant(event.at))
            if new is None:
                return (_IN_TIME, at, _THEN_CORRECTIONS, names, ())
            return (_IN_TIME, at, _THEN_CORRECTIONS, (*names, new.execution_id, _instant(new.at)), _numbers(new))
        case Report():
            phase, rank = _PHASES.get(event.event, _IN_TIME), PRECEDENCE.get(event.event, _STEPS_OF_OURS)
            claimed = () if event.filled_so_far is None else (event.filled_so_far,)
            return (phase, event.at, rank, (event.event, event.reference), claimed)


def _numbers(fill: Fill) -> tuple[Decimal, ...]:
    return (Decimal(fill.completes), fill.quantity, fill.price, fill.fees)


def _is_the_beginning(event: BrokerEvent) -> bool:
    """Being placed is where every order begins, so it says nothing."""
    return isinstance(event, Report) and event.event is Event.PLACED


def _one_of_each(known: Iterable[BrokerEvent]) -> tuple[list[BrokerEvent], list[BrokerEvent]]:
    """Split the events into the first of each identity and the rest, which contradict it."""
    ordered = in_order(frozenset(known))
    first: dict[tuple[str, str], BrokerEvent] = {}
    rest = [event for event in ordered if first.setdefault(event.identity, event) is not event]
    return list(first.values()), rest


@dataclass(slots=True)
class _Walk:
    """An order on its way through its events."""

    quantity: Decimal | None
    status: Status = Status.PENDING_SUBMIT
    previous: Status | None = None
    executed: Decimal = ZERO
    fills: dict[str, Fill] = field(default_factory=dict)
    late: set[str] = field(default_factory=set)
    ignored: list[BrokerEvent] = field(default_factory=list)

    def take(self, event: BrokerEvent) -> None:
        """The order is where this event leads, or the event is among the ignored."""
        match event:
            case Fill():
                outcome = self._fill(event)
            case Correction():
                outcome = self._correct(event)
            case Report():
                outcome = self._step(event.event, has_fills=bool(self.fills))
        if outcome is Outcome.IGNORED:
            self.ignored.append(event)

    def _fill(self, fill: Fill) -> Outcome:
        # A venue may tell the replacement of a corrected fill as a fill as well: it counts once.
        if fill.execution_id in self.fills:
            return Outcome.IGNORED
        executed = total((self.executed, fill.quantity))
        leaves_nothing = fill.completes if self.quantity is None else executed >= self.quantity
        is_over = self.status is Status.FILLED
        outcome = self._step(Event.FILL if leaves_nothing or is_over else Event.PARTIAL_FILL, has_fills=True)
        if outcome is not Outcome.IGNORED:
            self.fills[fill.execution_id], self.executed = fill, executed
        if outcome is Outcome.LATE_FILL:
            self.late.add(fill.execution_id)
        return outcome

    def _correct(self, correction: Correction) -> Outcome:
        fill = self.fills.get(correction.execution_id)
        if fill is None:
            return Outcome.IGNORED
        executed = difference(self.executed, fill.quantity)
        # Taking back what was too much leaves the order as full as it was ordered.
        is_still_full = self.status is Status.FILLED and self.quantity is not None and executed >= self.quantity
        has_fills = len(self.fills) > 1
        outcome = Outcome.APPLIED if is_still_full else self._step(Event.FILL_BUSTED, has_fills=has_fills)
        if outcome is Outcome.IGNORED:
            return outcome
        del self.fills[fill.execution_id]
        self.executed = executed
        was_late = fill.execution_id in self.late
        self.late.discard(fill.execution_id)
        if correction.replacement:
            self._fill(correction.replacement)
            if not was_late:
                self.late.discard(correction.replacement.execution_id)
        return outcome

    def _step(self, event: Event, *, has_fills: bool) -> Outcome:
        step = next_status(self.status, event, previous=self.previous, has_fills=has_fills)
        if step.status is not None:
            self.status, self.previous = step.status, step.previous
        return step.outcome
