"""What a plan does at a bar of prices, of which only four are known and the order of two is not.

Source: docs/exits.md#bars
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from trading.excursions import PriceBar
from trading.exits.evaluation import LONGEST_AGE, Evaluation, ExitAction, Moment, PriceAlert, is_usable, judged
from trading.exits.lines import levels_due, tightest_stop
from trading.exits.plans import ExitPlan
from trading.exits.states import Entry, PlanState


def evaluate_bar(
    plan: ExitPlan,
    entry: Entry,
    state: PlanState,
    bar: PriceBar,
    *,
    now: datetime,
    longest_age: timedelta = LONGEST_AGE,
) -> Evaluation:
    """Return what the plan does at a bar that has ended; a replay passes the end of the bar as `now`.

    The price is taken to go from the open to the extreme against the position, to the one in its favour, to the
    close. So a bar that touches both the stop and a target means the stop, unless it opened beyond the target; and a
    stop that the bar itself has raised can only be met on the way to the close. On the way every line is met at its
    own price, and what the open jumped over is met at the open.

    Of a bar that began before the state's last change only the close counts: its extremes may be older than the lines.
    A bar that has not ended, is stale or contradicts itself triggers nothing and gives an alert.
    """
    if not state.remaining:
        return Evaluation(state)
    alert = _alert(entry, bar, now=now, longest_age=longest_age)
    if alert is not None or bar.ends_at < state.changed_at:
        after, actions = judged(plan, entry, state, Moment(price=None, at=now, now=now))
        return Evaluation(after, actions, alert)
    found: list[ExitAction] = []
    place: Decimal | None = None
    for price, time in _corners(entry, state, bar):
        for met in _on_the_way(plan, entry, state, place, price):
            state, actions = judged(plan, entry, state, Moment(price=met, at=bar.ends_at, now=time))
            found += actions
            if not state.remaining:
                return Evaluation(state, tuple(found))
        place = price
    return Evaluation(state, tuple(found))


def _corners(entry: Entry, state: PlanState, bar: PriceBar) -> Iterator[tuple[Decimal, datetime]]:
    """Yield the known prices in the order they are taken to have come, each with a time that had surely come."""
    if bar.starts_at >= state.changed_at:
        yield bar.open, bar.starts_at
        for extreme in (bar.low, bar.high) if entry.is_long else (bar.high, bar.low):
            yield extreme, bar.starts_at
    yield bar.close, bar.ends_at


def _on_the_way(
    plan: ExitPlan, entry: Entry, state: PlanState, start: Decimal | None, end: Decimal
) -> Iterator[Decimal]:
    """Yield the prices from after `start` to `end` at which something may happen, in the order they are met."""
    if start is not None:
        low, high = min(start, end), max(start, end)
        if (end < start) is entry.is_long:
            lines = [tightest_stop(plan, entry, state)[0]]
        else:
            lines = [line for _, line, _ in levels_due(plan, entry, state)]
        yield from (line for line in lines if low < line < high)
    yield end


def _alert(entry: Entry, bar: PriceBar, *, now: datetime, longest_age: timedelta) -> PriceAlert | None:
    prices = (bar.open, bar.high, bar.low, bar.close)
    if not all(is_usable(entry, price) for price in prices) or bar.low != min(prices) or bar.high != max(prices):
        return PriceAlert.UNUSABLE
    if now - bar.ends_at > longest_age:
        return PriceAlert.STALE
    return PriceAlert.FUTURE if bar.ends_at > now else None
