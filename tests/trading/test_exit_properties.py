"""What holds for any plan along any prices: both sides alike, stops that never loosen, nothing sold twice."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.trading.exit_paths import MINUTE, at, entered
from trading.excursions import PriceBar
from trading.exits.bars import evaluate_bar
from trading.exits.evaluation import Evaluation, Tick, evaluate
from trading.exits.lines import is_in_favour, tightest_stop
from trading.exits.plans import ExitPlan, Level, problems
from trading.exits.snapshots import restored, snapshot
from trading.exits.standing import standing
from trading.exits.states import Entry, PlanState, given_back, opened, taken_out

D = Decimal
ENTRY_PRICE = D(100)

fractions = st.decimals(min_value="0.01", max_value="0.9", places=2)
prices = st.decimals(min_value="1", max_value="199", places=1)
quantities = st.decimals(min_value="0.5", max_value="1000", places=1)


@st.composite
def plans(draw: st.DrawFn, *, may_trail: bool = True) -> ExitPlan:
    count = draw(st.integers(0, 4))
    gains = sorted(draw(st.sets(fractions, min_size=count, max_size=count)))
    cuts = sorted(draw(st.lists(st.integers(0, 100), min_size=max(count - 1, 0), max_size=max(count - 1, 0))))
    shares = [D(high - low) / 100 for low, high in zip([0, *cuts], [*cuts, 100], strict=True)]
    rides = count > 0 and draw(st.booleans())
    levels = tuple(
        Level(share, None if rides and place == count - 1 else gain)
        for place, (share, gain) in enumerate(zip(shares, gains, strict=False))
    )
    is_trailing = may_trail and draw(st.booleans())
    plan = ExitPlan(
        stop_loss=draw(fractions),
        is_trailing=is_trailing,
        trail=draw(fractions),
        trail_activation=draw(st.sampled_from([D(0), D("0.05"), D("0.2")])),
        is_scaling=bool(levels),
        levels=levels,
        breaks_even=bool(levels) and levels[0].gain is not None and draw(st.booleans()),
        mirrors=draw(st.booleans()),
        hold_at_most=draw(st.sampled_from([None, timedelta(minutes=7)])),
    )
    assert problems(plan) == ()
    return plan


steps = st.lists(st.tuples(prices, st.sampled_from([False, False, False, False, True])), max_size=12)
bars = st.lists(st.lists(prices, min_size=4, max_size=4), max_size=8)


def along(
    plan: ExitPlan, entry: Entry, path: list[tuple[Decimal, bool]], mirrored: Callable[[Decimal], Decimal] = lambda x: x
) -> list[Evaluation]:
    state, found = opened(plan, entry), []
    for minute, (price, source_sold) in enumerate(path, start=1):
        tick = Tick(mirrored(price), at(minute))
        found.append(evaluate(plan, entry, state, tick, now=tick.at, source_sold=source_sold))
        state = found[-1].state
    return found


def bar_of(minute: int, four: list[Decimal], mirrored: Callable[[Decimal], Decimal] = lambda x: x) -> PriceBar:
    turned = [mirrored(price) for price in four]
    return PriceBar(at(minute), at(minute) + MINUTE, turned[0], max(turned), min(turned), turned[3])


def turned(found: Evaluation, mirrored: Callable[[Decimal], Decimal]) -> Evaluation:
    """The same evaluation with every price in it mirrored."""
    actions = tuple(
        replace(
            action,
            price=None if action.price is None else mirrored(action.price),
            line=None if action.line is None else mirrored(action.line),
        )
        for action in found.actions
    )
    return replace(found, state=replace(found.state, best=mirrored(found.state.best)), actions=actions)


def opposite(price: Decimal) -> Decimal:
    return -price


def reflected(price: Decimal) -> Decimal:
    """As far below the entry as it was above."""
    return 2 * ENTRY_PRICE - price


@given(plans(), steps, quantities)
def test_long_and_short_are_one_rule_with_the_sign_turned(plan: ExitPlan, path: Any, quantity: Decimal) -> None:
    long = entered(ENTRY_PRICE, quantity, may_be_negative=True)
    short = replace(long, is_long=False, price=-ENTRY_PRICE)

    there = along(plan, long, path)

    assert along(plan, short, path, opposite) == [turned(found, opposite) for found in there]


@given(plans(may_trail=False), steps, quantities)
def test_a_short_on_prices_reflected_at_the_entry_does_what_the_long_did(
    plan: ExitPlan, path: Any, quantity: Decimal
) -> None:
    """All rules but the trailing stop, which is a part of the best price and so of another size on the other side."""
    long = entered(ENTRY_PRICE, quantity)
    short = replace(long, is_long=False)

    there = along(plan, long, path)

    assert along(plan, short, path, reflected) == [turned(found, reflected) for found in there]


@given(plans(), bars, quantities)
def test_bars_mirror_as_well(plan: ExitPlan, path: list[list[Decimal]], quantity: Decimal) -> None:
    long = entered(ENTRY_PRICE, quantity, may_be_negative=True)
    short = replace(long, is_long=False, price=-ENTRY_PRICE)
    here, there = opened(plan, long), opened(plan, short)
    for minute, four in enumerate(path):
        up, down = bar_of(minute, four), bar_of(minute, four, opposite)
        found = evaluate_bar(plan, long, here, up, now=up.ends_at)
        other = evaluate_bar(plan, short, there, down, now=down.ends_at)
        assert other == turned(found, opposite)
        here, there = found.state, other.state


@given(plans(), steps, st.booleans())
def test_the_stop_never_loosens(plan: ExitPlan, path: Any, is_long: bool) -> None:
    entry = entered(ENTRY_PRICE, is_long=is_long)
    stops = [tightest_stop(plan, entry, opened(plan, entry))[0]]
    stops += [tightest_stop(plan, entry, found.state)[0] for found in along(plan, entry, path)]

    assert all(is_in_favour(entry, after, before) for before, after in pairwise(stops))


@given(plans(), bars, st.booleans())
def test_the_stop_never_loosens_over_bars_and_repeated_bars_do_nothing(
    plan: ExitPlan, path: list[list[Decimal]], is_long: bool
) -> None:
    entry = entered(ENTRY_PRICE, is_long=is_long)
    state = opened(plan, entry)
    for minute, four in enumerate(path):
        made = bar_of(minute, four)
        before = tightest_stop(plan, entry, state)[0]
        state = evaluate_bar(plan, entry, state, made, now=made.ends_at).state
        assert is_in_favour(entry, tightest_stop(plan, entry, state)[0], before)
        again = evaluate_bar(plan, entry, state, made, now=made.ends_at)
        assert again.state is state
        assert again.actions == ()


@given(plans(), steps, st.booleans())
def test_a_repeated_price_does_nothing(plan: ExitPlan, path: Any, is_long: bool) -> None:
    entry = entered(ENTRY_PRICE, is_long=is_long)
    for minute, found in enumerate(along(plan, entry, path), start=1):
        price, source_sold = path[minute - 1]
        again = evaluate(plan, entry, found.state, Tick(price, at(minute)), now=at(minute), source_sold=source_sold)
        assert again.state is found.state
        assert again.actions == ()


@given(plans(), quantities, st.sampled_from([None, D("0.5"), D(1)]), st.booleans(), st.data())
def test_nothing_is_sold_twice_whatever_else_happens(
    plan: ExitPlan, quantity: Decimal, step: Decimal | None, is_long: bool, data: st.DataObject
) -> None:
    """Exits that fail and come back, and units taken out otherwise: all units are somewhere, once."""
    entry = entered(ENTRY_PRICE, quantity, is_long=is_long, quantity_step=step)
    state, out, numbers = opened(plan, entry), D(0), []
    for minute, (price, source_sold) in enumerate(data.draw(steps), start=1):
        found = evaluate(plan, entry, state, Tick(price, at(minute)), now=at(minute), source_sold=source_sold)
        claimed = sum((action.quantity for action in found.actions), D(0))
        assert all(action.quantity > 0 for action in found.actions)
        assert claimed == state.remaining - found.state.remaining
        state, out = found.state, out + claimed
        numbers += [action.number for action in found.actions]
        for action in found.actions:
            if data.draw(st.booleans()):
                back = data.draw(st.sampled_from([action.quantity, action.quantity / 2]))
                state, out = given_back(entry, state, back, level=action.level), out - back
        if state.remaining and data.draw(st.booleans()):
            state, out = taken_out(state, state.remaining / 4), out + state.remaining / 4
        _holds_together(plan, entry, state, out)
    assert numbers == list(range(1, len(numbers) + 1))


def _holds_together(plan: ExitPlan, entry: Entry, state: PlanState, out: Decimal) -> None:
    assert state.remaining >= 0
    assert state.remaining + out == entry.quantity
    assert sum(state.taken) <= entry.quantity
    shown = standing(plan, entry, state, price=ENTRY_PRICE)
    assert 0 <= shown.rides <= state.remaining


@given(plans(), st.lists(prices, max_size=8), st.booleans())
def test_a_bar_of_one_price_is_a_price(plan: ExitPlan, path: list[Decimal], is_long: bool) -> None:
    entry = entered(ENTRY_PRICE, is_long=is_long)
    state = opened(plan, entry)
    for minute, price in enumerate(path):
        made = bar_of(minute, [price] * 4)
        by_price = evaluate(plan, entry, state, Tick(price, made.ends_at), now=made.starts_at)
        by_bar = evaluate_bar(plan, entry, state, made, now=made.ends_at)
        if plan.hold_at_most is None:
            assert [action.quantity for action in by_bar.actions] == [action.quantity for action in by_price.actions]
            assert by_bar.state.best == by_price.state.best
        state = by_bar.state


@given(plans())
def test_a_snapshot_gives_back_any_plan(plan: ExitPlan) -> None:
    assert restored(snapshot(plan)) == replace(plan, exit_at=None)
