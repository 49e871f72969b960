"""Every event tried from every status. What is expected was written out from docs/orders.md by hand."""

from itertools import pairwise

import pytest

from trading.order_rules.statuses import (
    IN_FLIGHT,
    PRECEDENCE,
    TERMINAL,
    TRANSITIONS,
    Event,
    Outcome,
    Status,
    StatusClass,
    Transition,
    next_status,
)

CODES = {
    "ps": Status.PENDING_SUBMIT,
    "su": Status.SUBMIT_UNKNOWN,
    "pn": Status.PENDING_NEW,
    "ac": Status.ACCEPTED,
    "ab": Status.ACCEPTED_FOR_BIDDING,
    "he": Status.HELD,
    "pr": Status.PENDING_REVIEW,
    "ne": Status.NEW,
    "pf": Status.PARTIALLY_FILLED,
    "ss": Status.SUSPENDED,
    "st": Status.STOPPED,
    "dd": Status.DONE_FOR_DAY,
    "ca": Status.CALCULATED,
    "rp": Status.PENDING_REPLACE,
    "cp": Status.PENDING_CANCEL,
    "fi": Status.FILLED,
    "cn": Status.CANCELED,
    "ex": Status.EXPIRED,
    "rj": Status.REJECTED,
    "re": Status.REPLACED,
}
COLUMNS = [
    Event.PLACED,
    Event.REFUSED,
    Event.ABORTED,
    Event.TIMED_OUT,
    Event.NOT_FOUND,
    Event.PENDING_NEW,
    Event.ACCEPTED,
    Event.ACCEPTED_FOR_BIDDING,
    Event.HELD,
    Event.PENDING_REVIEW,
    Event.NEW,
    Event.PARTIAL_FILL,
    Event.FILL,
    Event.FILL_BUSTED,
    Event.SUSPENDED,
    Event.STOPPED,
    Event.DONE_FOR_DAY,
    Event.CALCULATED,
    Event.PENDING_REPLACE,
    Event.PENDING_CANCEL,
    Event.REPLACE_REJECTED,
    Event.CANCEL_REJECTED,
    Event.CANCELED,
    Event.EXPIRED,
    Event.REJECTED,
    Event.REPLACED,
]
# A row per status, a column per event. A code: the status it becomes. "=": counted, the status stays. "<": what it
# was before the request. "#": counted anew. "L": a late fill. "O": an overfill. ".": ignored.
GRID = """
     PL RF AB TO NF pn ac ab he pr ne PF FI FB ss st dd ca rp cp RR CR cn ex rj re
 --  ps rj  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
 ps   .  . cn su  . pn ac ab he pr ne pf fi  .  .  .  .  .  .  .  .  .  .  . rj  .
 su   .  .  .  . rj pn ac ab he pr ne pf fi  . ss st dd ca rp cp  .  . cn ex rj re
 pn   .  .  .  .  .  . ac  .  .  . ne pf fi  . ss  .  .  . rp cp  .  . cn ex rj  .
 ac   .  .  .  .  . pn  .  .  .  . ne pf fi  . ss  . dd  . rp cp  .  . cn ex rj re
 ab   .  .  .  .  .  .  .  .  .  . ne pf fi  .  .  .  .  .  . cp  .  . cn ex rj  .
 he   .  .  .  .  .  .  .  .  .  . ne pf fi  .  .  .  .  .  . cp  .  . cn ex rj re
 pr   .  .  .  .  . pn ac  .  .  . ne  .  .  .  .  .  .  .  .  .  .  . cn  . rj  .
 ne   .  .  .  .  .  .  .  .  .  .  . pf fi  . ss st dd ca rp cp  .  . cn ex rj re
 pf   .  .  .  .  .  .  .  .  .  .  . pf fi  # ss st dd ca rp cp  .  . cn ex  . re
 ss   .  .  .  .  .  .  .  .  .  . ne pf fi  =  .  .  .  .  . cp  .  . cn ex rj  .
 st   .  .  .  .  .  .  .  .  .  .  . pf fi  =  .  .  .  .  .  .  .  . cn ex  .  .
 dd   .  .  .  .  .  .  .  .  .  . ne pf fi  =  .  .  . ca  . cp  .  . cn ex  .  .
 ca   .  .  .  .  .  .  .  .  .  . ne pf fi  =  .  .  .  .  .  .  .  . cn ex  .  .
 rp   .  .  .  .  .  .  .  .  .  .  .  = fi  =  .  .  .  .  . cp  <  . cn ex rj re
 cp   .  .  .  .  .  .  .  .  .  .  .  = fi  =  .  .  .  .  .  .  .  < cn ex rj  .
 fi   .  .  .  .  .  .  .  .  .  .  .  .  O  #  .  .  .  .  .  .  .  .  .  .  .  .
 cn   .  .  .  .  .  .  .  .  .  .  .  L  L  =  .  .  .  .  .  .  .  .  .  .  .  .
 ex   .  .  .  .  .  .  .  .  .  .  .  L  L  =  .  .  .  .  .  .  .  .  .  .  .  .
 rj   .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
 re   .  .  .  .  .  .  .  .  .  .  .  L  L  =  .  .  .  .  .  .  .  .  .  .  .  .
"""


def cells() -> list[tuple[Status | None, Event, str]]:
    rows = [line.split() for line in GRID.strip().splitlines()[1:]]
    return [
        (CODES.get(row[0]), event, expected) for row in rows for event, expected in zip(COLUMNS, row[1:], strict=True)
    ]


CELLS = cells()
PREVIOUS = Status.ACCEPTED


def name(value: object) -> str:
    return str(value or "nothing")


def test_the_grid_has_every_status_and_every_event() -> None:
    assert set(COLUMNS) == set(Event)
    assert [status for status, event, _ in CELLS if event is Event.PLACED] == [None, *CODES.values()]
    assert set(CODES.values()) == set(Status)
    assert len(Status) == 20
    # 21 rows of 26 cells; the marks that are no dot were counted by hand, row by row.
    assert len(CELLS) == 546
    assert sum(expected != "." for *_, expected in CELLS) == 152


def test_the_table_has_a_row_for_every_status() -> None:
    assert set(TRANSITIONS) == {None, *Status}


@pytest.mark.parametrize(("status", "event", "expected"), CELLS, ids=name)
def test_an_event_leads_where_the_grid_says(status: Status | None, event: Event, expected: str) -> None:
    step = next_status(status, event, previous=PREVIOUS)

    wanted, outcome = {
        ".": (status, Outcome.IGNORED),
        "=": (status, Outcome.APPLIED),
        "<": (PREVIOUS, Outcome.APPLIED),
        "#": (Status.NEW, Outcome.APPLIED),
        "L": (status, Outcome.LATE_FILL),
        "O": (status, Outcome.OVERFILL),
    }.get(expected) or (CODES[expected], Outcome.APPLIED)
    assert (step.status, step.outcome) == (wanted, outcome)


def test_with_something_filled_only_working_has_another_name() -> None:
    for status, event, expected in CELLS:
        step = next_status(status, event, previous=Status.NEW, has_fills=True)

        if expected in {"ne", "<", "#"}:
            assert step.status is Status.PARTIALLY_FILLED, (status, event)
        else:
            assert step.status is CODES.get(expected, status), (status, event)


def test_what_is_ignored_changes_nothing() -> None:
    ignored = [(status, event) for status, event, expected in CELLS if expected == "."]

    assert len(ignored) == 546 - 152
    for status, event in ignored:
        assert next_status(status, event, previous=PREVIOUS) == Transition(status, PREVIOUS, Outcome.IGNORED)


def test_no_end_is_left_but_by_taking_back_a_fill() -> None:
    for status, event, expected in CELLS:
        if status in TERMINAL and expected in CODES | {"#": None}:
            assert (status, event) == (Status.FILLED, Event.FILL_BUSTED)


@pytest.mark.parametrize(
    ("status", "request_", "refusal"),
    [
        (Status.NEW, Event.PENDING_CANCEL, Event.CANCEL_REJECTED),
        (Status.NEW, Event.PENDING_REPLACE, Event.REPLACE_REJECTED),
        (Status.HELD, Event.PENDING_CANCEL, Event.CANCEL_REJECTED),
        (Status.DONE_FOR_DAY, Event.PENDING_CANCEL, Event.CANCEL_REJECTED),
        (Status.PARTIALLY_FILLED, Event.PENDING_REPLACE, Event.REPLACE_REJECTED),
    ],
)
def test_a_refused_request_restores_what_was(status: Status, request_: Event, refusal: Event) -> None:
    asked = next_status(status, request_)
    refused = next_status(asked.status, refusal, previous=asked.previous)

    assert (asked.status, asked.previous) == (Status(request_.value), status)
    assert (refused.status, refused.previous, refused.outcome) == (status, None, Outcome.APPLIED)


def test_a_cancel_of_a_pending_replace_remembers_what_was_before_both() -> None:
    replace = next_status(Status.ACCEPTED, Event.PENDING_REPLACE)
    cancel = next_status(replace.status, Event.PENDING_CANCEL, previous=replace.previous)

    assert (cancel.status, cancel.previous) == (Status.PENDING_CANCEL, Status.ACCEPTED)
    assert next_status(cancel.status, Event.CANCEL_REJECTED, previous=cancel.previous).status is Status.ACCEPTED


def test_a_fill_under_a_request_changes_what_a_refusal_restores() -> None:
    asked = next_status(Status.NEW, Event.PENDING_CANCEL)
    filled = next_status(asked.status, Event.PARTIAL_FILL, previous=asked.previous, has_fills=True)
    busted = next_status(filled.status, Event.FILL_BUSTED, previous=filled.previous, has_fills=False)

    assert (filled.status, filled.previous) == (Status.PENDING_CANCEL, Status.PARTIALLY_FILLED)
    assert (busted.status, busted.previous) == (Status.PENDING_CANCEL, Status.NEW)


def test_a_refused_request_on_an_order_found_by_lookup_means_that_it_works() -> None:
    found = next_status(Status.SUBMIT_UNKNOWN, Event.PENDING_CANCEL)

    assert (found.status, found.previous) == (Status.PENDING_CANCEL, None)
    assert next_status(found.status, Event.CANCEL_REJECTED, previous=found.previous).status is Status.NEW


def test_every_status_has_one_class() -> None:
    local = {Status.PENDING_SUBMIT}
    in_flight = {Status.SUBMIT_UNKNOWN, Status.PENDING_NEW, Status.PENDING_REPLACE, Status.PENDING_CANCEL}
    terminal = {Status.FILLED, Status.CANCELED, Status.EXPIRED, Status.REJECTED, Status.REPLACED}

    assert {status for status in Status if status.status_class is StatusClass.LOCAL} == local
    assert {status for status in Status if status.status_class is StatusClass.IN_FLIGHT} == in_flight == IN_FLIGHT
    assert {status for status in Status if status.is_terminal} == terminal
    assert sum(status.status_class is StatusClass.OPEN for status in Status) == 10


def test_working_is_what_may_execute_at_the_venue_now() -> None:
    assert {status.value for status in Status if status.is_working} == {
        "new",
        "partially_filled",
        "pending_cancel",
        "pending_replace",
    }


def test_simultaneous_reports_rank_as_in_fix() -> None:
    ranks = [
        Event.ACCEPTED_FOR_BIDDING,
        Event.NEW,
        Event.CANCELED,
        Event.SUSPENDED,
        Event.STOPPED,
        Event.CALCULATED,
        Event.DONE_FOR_DAY,
        Event.PENDING_REPLACE,
        Event.PENDING_CANCEL,
    ]

    assert all(PRECEDENCE[lower] < PRECEDENCE[higher] for lower, higher in pairwise(ranks))


def test_every_report_has_a_rank() -> None:
    assert set(PRECEDENCE) == {event for event in Event if not event.is_local and not event.is_fill}
