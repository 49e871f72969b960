"""Events of a venue in every order and any number of times: one order, one position, one amount of cash."""

import random
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from functools import reduce
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading.order_rules.broker_events import (
    NOTHING,
    BrokerEvent,
    Correction,
    Fill,
    OrderState,
    Report,
    arrived_after_the_end,
    fold,
    in_order,
    join,
    time_of_a_step,
)
from trading.order_rules.reservations import Hold, Prices, hold_to_buy, standing
from trading.order_rules.statuses import Event, Status
from trading.order_rules.vocabulary import OrderType, Side

D = Decimal
OPEN = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
HUNDRED = D(100)


def at(second: int) -> datetime:
    return OPEN + timedelta(seconds=second)


def fill(key: str, second: int, quantity: str, price: str = "50", fees: str = "0") -> Fill:
    return Fill(key, at(second), D(quantity), D(price), D(fees))


def report(event: Event, second: int) -> Report:
    return Report(event, at(second))


def state(*events: BrokerEvent, quantity: Decimal | None = HUNDRED) -> OrderState:
    return fold(events, quantity=quantity)


# Accepted, worked, filled in two parts, asked to cancel, filled once more under the request, canceled; then a fill
# that the venue had overlooked, and a better price for the first one.
DAY = (
    report(Event.ACCEPTED, 1),
    report(Event.NEW, 2),
    fill("a", 3, "40", "49.50", "1"),
    fill("b", 4, "30", "50", "0.75"),
    report(Event.PENDING_CANCEL, 5),
    fill("c", 6, "10", "49.90", "0.25"),
    report(Event.CANCELED, 7),
    fill("d", 8, "5", "49.80"),
)


def assert_day_ended_well(after: OrderState) -> None:
    assert after.status is Status.CANCELED
    assert after.previous is None
    assert [each.execution_id for each in after.fills] == ["a", "b", "c", "d"]
    assert after.filled_quantity == D(85)
    assert after.leaves == D(0)
    # 40 x 49.50 + 30 x 50 + 10 x 49.90 + 5 x 49.80 = 1,980 + 1,500 + 499 + 249 = 4,228; over 85 units.
    assert after.average_price == D("49.741176470588")
    assert after.late == {"d"}
    assert after.ignored == after.contradicted == ()
    hold = hold_to_buy(OrderType.LIMIT, HUNDRED, Prices(limit=D(50)))
    done = standing(after, hold, side=Side.BUY)
    assert (done.position, done.traded, done.fees, done.cash) == (D(85), D(-4228), D(2), D(-4230))
    assert (done.reserved, done.reserved_units) == (D(0), D(0))


def test_events_in_their_own_order_are_the_story_they_tell() -> None:
    seen = [state(*DAY[:count]) for count in range(len(DAY) + 1)]

    assert [each.status.value for each in seen] == [
        "pending_submit",
        "accepted",
        "new",
        "partially_filled",
        "partially_filled",
        "pending_cancel",
        "pending_cancel",
        "canceled",
        "canceled",
    ]
    assert [each.filled_quantity for each in seen] == [D(n) for n in (0, 0, 0, 40, 70, 70, 80, 80, 85)]
    assert [each.leaves for each in seen] == [D(n) for n in (100, 100, 100, 60, 30, 30, 20, 0, 0)]
    assert_day_ended_well(seen[-1])


def test_every_permutation_ends_in_the_same_order_position_and_cash() -> None:
    expected = state(*DAY)
    assert_day_ended_well(expected)

    # 8! = 40,320 orders of arrival, each with every event once more, in the opposite direction, are one set.
    for arrival in permutations(DAY):
        assert join(arrival, reversed(arrival)) == frozenset(DAY)
    # 7! = 5,040 orders of arrival, three events repeated and the first one last, are one state.
    for arrival in permutations(DAY[1:]):
        assert state(*arrival, DAY[0], *arrival[:3]) == expected
    chance = random.Random(4)
    for _ in range(300):
        arrival = chance.choices(DAY, k=10)
        missing = [event for event in DAY if event not in arrival]
        assert state(*arrival, *missing) == expected


def test_states_on_the_way_are_joined_event_by_event_to_the_same_end() -> None:
    for arrival in permutations(DAY, 4):
        rest = [event for event in DAY if event not in arrival]
        known = reduce(lambda so_far, event: join(so_far, [event]), [*arrival, *rest, *arrival], NOTHING)
        assert known == frozenset(DAY)


# --- properties --------------------------------------------------------------------------------

IDS = st.sampled_from("abcdef")
SECONDS = st.integers(0, 5).map(at)
AMOUNTS = st.integers(1, 60).map(D)
FILLS = st.builds(Fill, IDS, SECONDS, AMOUNTS, st.sampled_from([D("49.5"), D("50"), D("50.00")]), st.just(D("0.1")))
REPORTS = st.builds(
    Report,
    st.sampled_from([event for event in Event if not event.is_fill]),
    SECONDS,
    st.sampled_from(["", "x", "y"]),
    st.sampled_from([None, D(40), D(120)]),
)
CORRECTIONS = st.builds(Correction, st.sampled_from("pq"), SECONDS, IDS, st.none() | FILLS)
EVENTS = st.lists(FILLS | FILLS | REPORTS | REPORTS | CORRECTIONS, max_size=12)


@settings(deadline=None)
@given(EVENTS, EVENTS, EVENTS)
def test_joining_is_commutative_associative_and_idempotent(left: list, middle: list, right: list) -> None:
    assert join(left, right) == join(right, left)
    assert join(join(left, middle), right) == join(left, join(middle, right))
    assert join(left, left) == join(left)
    assert join(left, NOTHING) == join(left)


@settings(max_examples=200, deadline=None)
@given(EVENTS, st.randoms(use_true_random=False), st.sampled_from([D(100), D(60), None]))
def test_the_state_does_not_depend_on_order_or_repetition(
    events: list, chance: random.Random, quantity: Decimal | None
) -> None:
    expected = fold(events, quantity=quantity)
    arrival = [*events, *chance.choices(events, k=3)] if events else []
    chance.shuffle(arrival)

    assert fold(arrival, quantity=quantity) == expected


@settings(max_examples=200, deadline=None)
@given(EVENTS, st.sampled_from([D(100), D(60)]))
def test_quantities_add_up_whatever_the_venue_says(events: list, quantity: Decimal) -> None:
    after = fold(events, quantity=quantity)

    assert after.executed == sum((each.quantity for each in after.fills), D(0))
    assert D(0) <= after.filled_quantity <= quantity
    assert after.filled_quantity + after.overfill == after.executed
    if after.status.is_terminal:
        assert after.leaves == 0
    else:
        assert after.filled_quantity + after.leaves == quantity
        assert after.leaves > 0
    if after.status is Status.FILLED:
        assert after.filled_quantity == quantity
    if after.status is Status.NEW:
        assert after.fills == ()
    if after.status is Status.PARTIALLY_FILLED:
        assert after.fills != ()
    done = standing(after, HOLDS[quantity], side=Side.BUY)
    assert done.reserved == (D(0) if after.status.is_terminal else after.leaves * 50)


HOLDS: dict[Decimal, Hold] = {
    quantity: hold_to_buy(OrderType.LIMIT, quantity, Prices(limit=D(50))) for quantity in (D(100), D(60))
}


# --- fills -------------------------------------------------------------------------------------


def test_a_fill_before_the_acknowledgement_counts_and_the_acknowledgement_is_stale() -> None:
    after = state(fill("a", 2, "40"), report(Event.NEW, 1))
    both_at_once = state(fill("a", 2, "40"), report(Event.NEW, 2))

    assert after.status is both_at_once.status is Status.PARTIALLY_FILLED
    assert after.ignored == ()
    assert both_at_once.ignored == (report(Event.NEW, 2),)


def test_an_older_report_that_comes_late_does_not_take_the_order_back() -> None:
    before = state(report(Event.NEW, 1), report(Event.CANCELED, 5))
    after = state(report(Event.NEW, 1), report(Event.CANCELED, 5), report(Event.SUSPENDED, 3), fill("a", 2, "10"))

    assert before.status is after.status is Status.CANCELED
    assert (after.filled_quantity, after.late) == (D(10), frozenset())


def test_a_fill_that_arrives_after_the_end_is_news_even_where_it_happened_before() -> None:
    before = state(report(Event.NEW, 1), report(Event.CANCELED, 5))
    early, late = fill("a", 2, "10"), fill("b", 6, "20")
    after = state(report(Event.NEW, 1), report(Event.CANCELED, 5), early, late)

    assert arrived_after_the_end(before, after) == (early, late)
    assert after.late == {"b"}
    assert arrived_after_the_end(state(report(Event.NEW, 1)), after) == ()


def test_more_than_was_ordered_is_kept_apart_and_never_cut_off() -> None:
    after = state(fill("a", 1, "70"), fill("b", 2, "40"), fill("c", 3, "5"))

    assert after.status is Status.FILLED
    assert (after.executed, after.filled_quantity, after.overfill) == (D(115), D(100), D(15))


def test_the_word_of_the_venue_that_more_is_filled_asks_for_the_fills() -> None:
    claim = Report(Event.DONE_FOR_DAY, at(4), filled_so_far=D(70))
    after = state(report(Event.NEW, 1), fill("a", 2, "40"), claim)

    assert (after.status, after.filled_quantity, after.missing) == (Status.DONE_FOR_DAY, D(40), D(30))
    assert state(report(Event.NEW, 1), fill("a", 2, "40"), claim, fill("b", 3, "30")).missing == D(0)


def test_an_order_for_money_is_filled_when_the_venue_says_so() -> None:
    first = Fill("a", at(2), D("1.5"), D(40))
    last = Fill("b", at(2), D("0.5"), D(40), completes=True)
    after_one = state(report(Event.NEW, 1), first, quantity=None)
    after_both = state(last, report(Event.NEW, 1), first, quantity=None)

    assert (after_one.status, after_one.leaves) == (Status.PARTIALLY_FILLED, None)
    assert (after_both.status, after_both.leaves, after_both.executed) == (Status.FILLED, D(0), D(2))


# --- corrections -------------------------------------------------------------------------------


def test_a_bust_takes_the_fill_back_and_the_order_is_live_again() -> None:
    bust = Correction("p", at(3), "b")
    some = state(fill("a", 1, "60"), fill("b", 2, "40"), bust)
    none = state(fill("b", 2, "100"), bust)

    assert (some.status, some.filled_quantity, some.leaves) == (Status.PARTIALLY_FILLED, D(60), D(40))
    assert (none.status, none.filled_quantity, none.average_price) == (Status.NEW, D(0), None)


def test_a_correction_replaces_the_fill() -> None:
    right = fill("b2", 2, "30", "49")
    after = state(fill("a", 1, "60"), fill("b", 2, "40"), Correction("p", at(3), "b", right))

    assert after.status is Status.PARTIALLY_FILLED
    assert after.fills == (fill("a", 1, "60"), right)
    assert after.executed == D(90)


def test_a_replacement_that_is_told_as_a_fill_too_counts_once() -> None:
    told = [fill("a", 1, "60"), fill("b", 2, "40"), Correction("p", at(3), "b", fill("b2", 3, "30"))]

    assert state(*told, fill("b2", 3, "30")).executed == D(90)
    assert state(*told, fill("b2", 4, "30")).executed == D(90)


def test_a_correction_applies_whatever_the_clocks_say_and_whatever_comes_first() -> None:
    early_bust = Correction("p", at(0), "a")

    assert state(early_bust, fill("a", 5, "40"), report(Event.NEW, 1)).fills == ()
    assert state(early_bust).ignored == (early_bust,)


def test_taking_back_what_was_too_much_leaves_the_order_filled() -> None:
    after = state(fill("a", 1, "100"), fill("b", 2, "15"), Correction("p", at(3), "b"))

    assert (after.status, after.overfill, after.leaves) == (Status.FILLED, D(0), D(0))


def test_correcting_a_fill_does_not_make_it_late() -> None:
    ended = [report(Event.NEW, 1), fill("a", 2, "40"), report(Event.CANCELED, 3)]
    after = state(*ended, Correction("p", at(4), "a", fill("a2", 2, "40", "49")))

    assert (after.status, after.executed, after.average_price, after.late) == (
        Status.CANCELED,
        D(40),
        D(49),
        frozenset(),
    )


# --- requests, timeouts and contradictions -----------------------------------------------------


def test_a_refused_cancel_leaves_the_order_as_its_fills_have_it() -> None:
    known = [report(Event.NEW, 1), report(Event.PENDING_CANCEL, 2), report(Event.CANCEL_REJECTED, 4)]

    assert state(*known).status is Status.NEW
    assert state(*known, fill("a", 3, "10")).status is Status.PARTIALLY_FILLED


def test_a_request_stands_between_what_led_to_it_and_the_answer_whatever_our_clock_says() -> None:
    known = [report(Event.NEW, 1), fill("a", 3, "10")]
    asked = Report(Event.PENDING_CANCEL, time_of_a_step(known))

    assert asked.at == at(3)
    assert state(*known, asked).status is Status.PENDING_CANCEL
    assert state(*known, asked, report(Event.CANCEL_REJECTED, 3)).status is Status.PARTIALLY_FILLED
    assert state(report(Event.CANCEL_REJECTED, 4), asked, *known).status is Status.PARTIALLY_FILLED


def test_a_request_on_an_order_of_which_nothing_is_known_stands_before_everything() -> None:
    timed_out = report(Event.TIMED_OUT, 30)
    asked = Report(Event.PENDING_CANCEL, time_of_a_step([]))

    assert state(timed_out, asked).status is Status.PENDING_CANCEL
    assert state(timed_out, asked, report(Event.CANCELED, 0)).status is Status.CANCELED
    assert state(timed_out, asked, report(Event.CANCEL_REJECTED, 0)).status is Status.NEW


def test_a_timeout_is_settled_by_whatever_the_venue_says_even_if_its_clock_is_behind() -> None:
    timed_out = report(Event.TIMED_OUT, 30)

    assert state(timed_out).status is Status.SUBMIT_UNKNOWN
    assert state(timed_out, report(Event.NEW, 1)).status is Status.NEW
    assert state(timed_out, fill("a", 1, "100")).status is Status.FILLED


def test_giving_up_the_search_is_overruled_by_the_venue() -> None:
    given_up = [report(Event.TIMED_OUT, 30), report(Event.NOT_FOUND, 0)]

    assert state(*given_up).status is Status.REJECTED
    found = state(*given_up, report(Event.NEW, 40))
    assert (found.status, found.ignored) == (Status.NEW, (report(Event.NOT_FOUND, 0),))


def test_being_placed_is_where_every_order_begins() -> None:
    assert state(report(Event.PLACED, 0)) == state()


def test_an_order_that_was_never_sent_is_canceled_at_once() -> None:
    assert state(report(Event.PLACED, 0), report(Event.ABORTED, 0)).status is Status.CANCELED


def test_two_fills_of_one_identity_are_one_and_the_other_is_shown() -> None:
    first, other = fill("a", 1, "40"), fill("a", 2, "45")

    for arrival in permutations([first, other, report(Event.NEW, 0)]):
        after = state(*arrival)
        assert (after.fills, after.contradicted) == ((first,), (other,))


def test_two_corrections_of_one_identity_are_told_apart_by_their_own_time() -> None:
    early, late = (Correction("p", at(second), "a") for second in (0, 1))

    for arrival in permutations([early, late, fill("a", 2, "40")]):
        after = state(*arrival)
        assert (after.fills, after.contradicted) == ((), (late,))


def test_the_same_instant_and_number_in_other_words_are_the_same_event() -> None:
    there = timezone(timedelta(hours=-5))
    here = Fill("a", at(1), D("40"), D("49.50"))
    elsewhere = Fill("a", at(1).astimezone(there), D("40.0"), D("49.5"))

    assert join([here], [elsewhere]) == frozenset([here])
    assert Report(Event.NEW, at(1)).identity == Report(Event.NEW, at(1).astimezone(there)).identity


def test_of_one_instant_fills_come_first_and_ends_last() -> None:
    events = [report(Event.CANCELED, 1), report(Event.PENDING_CANCEL, 0), fill("a", 1, "1"), report(Event.NEW, 0)]

    assert in_order(events) == [events[3], events[1], events[2], events[0]]


@pytest.mark.parametrize(
    ("quantity", "price", "fees"),
    [
        ("0", "50", "0"),
        ("-1", "50", "0"),
        ("1", "0", "0"),
        ("NaN", "50", "0"),
        ("1", "Infinity", "0"),
        ("1", "1", "NaN"),
    ],
)
def test_a_fill_without_a_quantity_and_a_price_is_none(quantity: str, price: str, fees: str) -> None:
    with pytest.raises(ValueError, match="above zero"):
        fill("a", 1, quantity, price, fees)


def test_times_have_zones_and_fills_are_told_as_fills() -> None:
    naive = datetime(2026, 3, 2)  # noqa: DTZ001 - the point of the test
    with pytest.raises(ValueError, match="zone"):
        Fill("a", naive, D(1), D(1))
    with pytest.raises(ValueError, match="zone"):
        Report(Event.NEW, naive)
    with pytest.raises(ValueError, match="zone"):
        Correction("p", naive, "a")
    with pytest.raises(ValueError, match="told as Fill"):
        Report(Event.FILL, at(1))
    with pytest.raises(ValueError, match="not a number"):
        Report(Event.NEW, at(1), filled_so_far=D("NaN"))
