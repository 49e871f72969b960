"""The statuses of an order, what happens to it, and the one table of which status each event leads to.

Pure: no Django, no clock, no database. An event that the table does not allow changes nothing; it is stored as
ignored. Nothing here raises, because the consumer of a venue's reports has to survive whatever the venue says.

Source: docs/orders.md#statuses; precedence: FIX 4.4, field 39 (OrdStatus)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class StatusClass(StrEnum):
    """Where an order is: with us alone, under way to a venue or back, alive there, or at its end."""

    LOCAL = "local"
    IN_FLIGHT = "in_flight"
    OPEN = "open"
    TERMINAL = "terminal"


class Status(StrEnum):
    """What an order is doing. Spelled as stored: lower case, `canceled` with one l."""

    PENDING_SUBMIT = "pending_submit"
    SUBMIT_UNKNOWN = "submit_unknown"
    PENDING_NEW = "pending_new"
    ACCEPTED = "accepted"
    ACCEPTED_FOR_BIDDING = "accepted_for_bidding"
    HELD = "held"
    PENDING_REVIEW = "pending_review"
    NEW = "new"
    PARTIALLY_FILLED = "partially_filled"
    SUSPENDED = "suspended"
    STOPPED = "stopped"
    DONE_FOR_DAY = "done_for_day"
    CALCULATED = "calculated"
    PENDING_REPLACE = "pending_replace"
    PENDING_CANCEL = "pending_cancel"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REJECTED = "rejected"
    REPLACED = "replaced"

    @property
    def status_class(self) -> StatusClass:
        """Where an order of this status is."""
        if self in TERMINAL:
            return StatusClass.TERMINAL
        if self is Status.PENDING_SUBMIT:
            return StatusClass.LOCAL
        return StatusClass.IN_FLIGHT if self in IN_FLIGHT else StatusClass.OPEN

    @property
    def is_terminal(self) -> bool:
        """Whether nothing is left to execute, so that nothing may be reserved."""
        return self in TERMINAL

    @property
    def is_working(self) -> bool:
        """Whether the order may execute at the venue now: what BrokerX calls working."""
        return self in _WORKING


TERMINAL = frozenset({Status.FILLED, Status.CANCELED, Status.EXPIRED, Status.REJECTED, Status.REPLACED})
#: Sent, asked for or awaited: the venue has the last word.
IN_FLIGHT = frozenset({Status.SUBMIT_UNKNOWN, Status.PENDING_NEW, Status.PENDING_REPLACE, Status.PENDING_CANCEL})
_REQUESTS = frozenset({Status.PENDING_REPLACE, Status.PENDING_CANCEL})
_WORKING = frozenset({Status.NEW, Status.PARTIALLY_FILLED, *_REQUESTS})


class Event(StrEnum):
    """What happens to an order: acts of this system first, then what a venue reports."""

    PLACED = "placed"
    REFUSED = "refused"
    ABORTED = "aborted"
    TIMED_OUT = "timed_out"
    NOT_FOUND = "not_found"
    PENDING_NEW = "pending_new"
    ACCEPTED = "accepted"
    ACCEPTED_FOR_BIDDING = "accepted_for_bidding"
    HELD = "held"
    PENDING_REVIEW = "pending_review"
    NEW = "new"
    PARTIAL_FILL = "partial_fill"
    FILL = "fill"
    FILL_BUSTED = "fill_busted"
    SUSPENDED = "suspended"
    STOPPED = "stopped"
    DONE_FOR_DAY = "done_for_day"
    CALCULATED = "calculated"
    PENDING_REPLACE = "pending_replace"
    PENDING_CANCEL = "pending_cancel"
    REPLACE_REJECTED = "replace_rejected"
    CANCEL_REJECTED = "cancel_rejected"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REJECTED = "rejected"
    REPLACED = "replaced"

    @property
    def is_local(self) -> bool:
        """Whether only this system can say it; asking to cancel or replace is said by either side."""
        return self in _LOCAL

    @property
    def is_fill(self) -> bool:
        """Whether it is one fill, new or taken back: the quantities say which status that makes."""
        return self in _FILLS


_LOCAL = frozenset({Event.PLACED, Event.REFUSED, Event.ABORTED, Event.TIMED_OUT, Event.NOT_FOUND})
_FILLS = frozenset({Event.PARTIAL_FILL, Event.FILL, Event.FILL_BUSTED})


class Outcome(StrEnum):
    """What an event did. Everything but `ignored` counts its fill; the two in the middle also alert."""

    APPLIED = "applied"
    LATE_FILL = "late_fill"
    OVERFILL = "overfill"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class Transition:
    """The status after an event.

    `previous` is the status to go back to while a request to cancel or replace is pending, else None. It is None
    as well where the request is the first that the venue told of the order; a refusal then means that it works.
    """

    status: Status | None
    previous: Status | None
    outcome: Outcome


class _Target(StrEnum):
    """Where an event leads when that is not one fixed status."""

    SAME = "same"
    PREVIOUS = "previous"
    RECOUNTED = "recounted"
    LATE = "late"
    OVER = "over"


_Row = Mapping[Event, Status | _Target]


def _to_named(*statuses: Status) -> dict[Event, Status | _Target]:
    """The reports that name the status which they lead to."""
    return {Event(status.value): status for status in statuses}


# Fills of an order that has nothing pending; the quantities have decided which of the two it is.
_FILLING: _Row = {Event.PARTIAL_FILL: Status.PARTIALLY_FILLED, Event.FILL: Status.FILLED}
# Fills under a request are recorded, and the request stays: the venue has not answered it yet.
_FILLING_UNDER_REQUEST: _Row = {
    Event.PARTIAL_FILL: _Target.SAME,
    Event.FILL: Status.FILLED,
    Event.FILL_BUSTED: _Target.SAME,
}
# Venues do fill orders after their end. Such a fill is real: it counts, and the end stays the end.
_FILLING_LATE: _Row = {
    Event.PARTIAL_FILL: _Target.LATE,
    Event.FILL: _Target.LATE,
    Event.FILL_BUSTED: _Target.SAME,
}
_ENDS = (Status.CANCELED, Status.EXPIRED, Status.REJECTED)
_S = Status

TRANSITIONS: Mapping[Status | None, _Row] = MappingProxyType(
    {
        None: {Event.PLACED: _S.PENDING_SUBMIT, Event.REFUSED: _S.REJECTED},
        _S.PENDING_SUBMIT: {
            Event.TIMED_OUT: _S.SUBMIT_UNKNOWN,
            Event.ABORTED: _S.CANCELED,
            **_to_named(_S.PENDING_NEW, _S.ACCEPTED, _S.NEW, _S.HELD, _S.ACCEPTED_FOR_BIDDING, _S.PENDING_REVIEW),
            **_to_named(_S.REJECTED),
            **_FILLING,
        },
        # The lookup by client id answers with whatever became of the order meanwhile.
        _S.SUBMIT_UNKNOWN: {
            Event.NOT_FOUND: _S.REJECTED,
            **_to_named(_S.PENDING_NEW, _S.ACCEPTED, _S.ACCEPTED_FOR_BIDDING, _S.HELD, _S.PENDING_REVIEW, _S.NEW),
            **_to_named(_S.SUSPENDED, _S.STOPPED, _S.DONE_FOR_DAY, _S.CALCULATED),
            **_to_named(_S.PENDING_REPLACE, _S.PENDING_CANCEL, _S.REPLACED, *_ENDS),
            **_FILLING,
        },
        _S.PENDING_NEW: {
            **_to_named(_S.NEW, _S.ACCEPTED, _S.PENDING_CANCEL, _S.PENDING_REPLACE, _S.SUSPENDED, *_ENDS),
            **_FILLING,
        },
        _S.ACCEPTED: {
            **_to_named(_S.PENDING_NEW, _S.NEW, _S.PENDING_CANCEL, _S.PENDING_REPLACE, _S.REPLACED),
            **_to_named(_S.SUSPENDED, _S.DONE_FOR_DAY, *_ENDS),
            **_FILLING,
        },
        _S.ACCEPTED_FOR_BIDDING: {**_to_named(_S.NEW, _S.PENDING_CANCEL, *_ENDS), **_FILLING},
        _S.HELD: {**_to_named(_S.NEW, _S.PENDING_CANCEL, _S.REPLACED, *_ENDS), **_FILLING},
        _S.PENDING_REVIEW: _to_named(_S.PENDING_NEW, _S.ACCEPTED, _S.NEW, _S.REJECTED, _S.CANCELED),
        _S.NEW: {
            **_to_named(_S.PENDING_CANCEL, _S.PENDING_REPLACE, _S.REPLACED, *_ENDS),
            **_to_named(_S.STOPPED, _S.SUSPENDED, _S.DONE_FOR_DAY, _S.CALCULATED),
            **_FILLING,
        },
        # Once something is filled, an order can no longer be rejected.
        _S.PARTIALLY_FILLED: {
            **_to_named(_S.PENDING_CANCEL, _S.PENDING_REPLACE, _S.REPLACED, _S.CANCELED, _S.EXPIRED),
            **_to_named(_S.STOPPED, _S.SUSPENDED, _S.DONE_FOR_DAY, _S.CALCULATED),
            **_FILLING,
            Event.FILL_BUSTED: _Target.RECOUNTED,
        },
        _S.SUSPENDED: {
            **_to_named(_S.NEW, _S.PENDING_CANCEL, *_ENDS),
            **_FILLING,
            Event.FILL_BUSTED: _Target.SAME,
        },
        _S.STOPPED: {**_to_named(_S.CANCELED, _S.EXPIRED), **_FILLING, Event.FILL_BUSTED: _Target.SAME},
        _S.DONE_FOR_DAY: {
            **_to_named(_S.NEW, _S.CALCULATED, _S.PENDING_CANCEL, _S.CANCELED, _S.EXPIRED),
            **_FILLING,
            Event.FILL_BUSTED: _Target.SAME,
        },
        _S.CALCULATED: {
            **_to_named(_S.NEW, _S.CANCELED, _S.EXPIRED),
            **_FILLING,
            Event.FILL_BUSTED: _Target.SAME,
        },
        _S.PENDING_REPLACE: {
            **_to_named(_S.REPLACED, _S.PENDING_CANCEL, *_ENDS),
            **_FILLING_UNDER_REQUEST,
            Event.REPLACE_REJECTED: _Target.PREVIOUS,
        },
        _S.PENDING_CANCEL: {
            **_to_named(*_ENDS),
            **_FILLING_UNDER_REQUEST,
            Event.CANCEL_REJECTED: _Target.PREVIOUS,
        },
        # More than was ordered is recorded and flagged, never cut off. A bust makes the order live again.
        _S.FILLED: {Event.FILL: _Target.OVER, Event.FILL_BUSTED: _Target.RECOUNTED},
        _S.CANCELED: _FILLING_LATE,
        _S.EXPIRED: _FILLING_LATE,
        _S.REPLACED: _FILLING_LATE,
        _S.REJECTED: {},
    }
)

#: Which of two reports of one instant is the later one; what FIX leaves out stands where the life of an order has it.
PRECEDENCE: Mapping[Event, int] = MappingProxyType(
    {
        event: place
        for place, event in enumerate(
            (
                Event.PENDING_REVIEW,
                Event.ACCEPTED,
                Event.ACCEPTED_FOR_BIDDING,
                Event.PENDING_NEW,
                Event.HELD,
                Event.NEW,
                Event.REJECTED,
                Event.CANCELED,
                Event.EXPIRED,
                Event.SUSPENDED,
                Event.STOPPED,
                Event.CALCULATED,
                Event.DONE_FOR_DAY,
                Event.PENDING_REPLACE,
                Event.PENDING_CANCEL,
                Event.REPLACED,
                Event.REPLACE_REJECTED,
                Event.CANCEL_REJECTED,
            )
        )
    }
)


def next_status(
    status: Status | None, event: Event, *, previous: Status | None = None, has_fills: bool = False
) -> Transition:
    """Return where the event leads from a status (None: not yet placed); what is not allowed changes nothing.

    `previous` is what the last transition said. `has_fills` is whether anything stands filled once the event has
    happened: a working order is then `partially_filled`, whatever the venue calls it.
    Source: docs/orders.md#transitions
    """
    target = TRANSITIONS[status].get(event)
    match target:
        case None:
            return Transition(status, previous, Outcome.IGNORED)
        case Status():
            return Transition(
                _counted(target, has_fills=has_fills), _to_go_back_to(status, target, previous), Outcome.APPLIED
            )
        case _Target.SAME:
            kept = previous if previous is None else _recounted(previous, has_fills=has_fills)
            return Transition(status, kept, Outcome.APPLIED)
        case _Target.PREVIOUS:
            return Transition(_counted(previous or Status.NEW, has_fills=has_fills), None, Outcome.APPLIED)
        case _Target.RECOUNTED:
            return Transition(_recounted(Status.PARTIALLY_FILLED, has_fills=has_fills), None, Outcome.APPLIED)
        case _Target.LATE:
            return Transition(status, None, Outcome.LATE_FILL)
        case _Target.OVER:
            return Transition(status, None, Outcome.OVERFILL)


def _counted(status: Status, *, has_fills: bool) -> Status:
    """`new` with fills is `partially_filled`: that is computed, never taken from the venue's word."""
    return Status.PARTIALLY_FILLED if status is Status.NEW and has_fills else status


def _recounted(status: Status, *, has_fills: bool) -> Status:
    """The status once a fill was added or taken back beside it."""
    if has_fills:
        return Status.PARTIALLY_FILLED
    return Status.NEW if status is Status.PARTIALLY_FILLED else status


def _to_go_back_to(status: Status | None, target: Status, previous: Status | None) -> Status | None:
    """What a refused request restores: the last status that was neither a request nor a guess of ours."""
    if target not in _REQUESTS:
        return None
    if status in _REQUESTS:
        return previous
    return None if status is Status.SUBMIT_UNKNOWN else status
