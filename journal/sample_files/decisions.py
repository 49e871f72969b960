"""What an invented trader decides: when to enter, where to get out, and what came of it on the walk."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from random import Random

from journal.sample_files.markets import EVENING, PRODUCTS, Market, Product

WIN, LOSS, EVEN = "win", "loss", "breakeven"
#: How often another moment is tried until the market does what was drawn.
TRIES = 12


@dataclass(frozen=True, slots=True)
class Strategy:
    """A way to trade. Out of a thousand trades `wins` are to win; stop and target are in percent of a day's move."""

    name: str
    products: tuple[str, ...]
    per_hundred_days: int
    wins: int
    stop: int
    target: int
    in_the_evening: bool = False
    scales_out: bool = False
    scales_in: bool = False
    reverses: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """One order of a decision; `units` are multiples of the account's own size."""

    at: datetime
    side: int
    units: int
    ticks: int
    role: str
    order_type: str


@dataclass(frozen=True, slots=True)
class Decision:
    """A trade from flat to flat, as it was meant, before anybody copies it."""

    product: Product
    day: int
    orders: tuple[Order, ...]
    setup: str
    stop_ticks: int
    target_ticks: int


@dataclass(frozen=True, slots=True)
class _Found:
    side: int
    entered: int  #: step
    left: int  #: step
    result: str
    half: int | None  #: step at which half of the target was reached, before the end


def intraday(strategy: Strategy, *, market: Market, rng: Random) -> Iterator[Decision]:
    """The strategy's decisions of all days, oldest first; each is flat before its session ends."""
    for day in range(1, len(market.days)):
        for _ in range(3):
            if rng.randrange(300) >= strategy.per_hundred_days:
                continue
            product = PRODUCTS[rng.choice(strategy.products)]
            yield _decide(strategy, product, day, market=market, rng=rng)
            break


def _decide(strategy: Strategy, product: Product, day: int, *, market: Market, rng: Random) -> Decision:
    session = EVENING if strategy.in_the_evening else product.session
    path = market.path(product, day, session=session)
    stop = max(4, product.daily * strategy.stop // 100)
    target = max(4, product.daily * strategy.target // 100)
    drawn = rng.randrange(1000)
    wanted = WIN if drawn < strategy.wins else LOSS if drawn < 960 else EVEN
    found = _look(path, stop=stop, target=target, wanted=wanted, rng=rng)

    def at(step: int) -> datetime:
        return market.moment(session, day, step, seconds=rng.randrange(1, 290))

    entry = path[found.entered]
    units = 2 if strategy.scales_out or strategy.scales_in else 1
    first = 1 if strategy.scales_in else units
    orders = [Order(at(found.entered), found.side, first, entry, "Entry", "Market")]
    left = first
    middle = (found.entered + found.left) // 2
    if strategy.scales_in and found.entered < middle < found.left:
        orders.append(Order(at(middle), found.side, 1, path[middle], "Scale", "Market"))
        left += 1
    if strategy.scales_out and found.half is not None and found.entered < found.half < found.left:
        orders.append(Order(at(found.half), -found.side, 1, entry + found.side * target // 2, "Target", "Limit"))
        left -= 1
    ticks, role, kind = _exit(found, path, stop=stop, target=target)
    if strategy.reverses and found.result == LOSS and found.left < len(path) - 4:
        # One fill closes what is held and opens the same the other way round.
        orders.append(Order(at(found.left), -found.side, 2 * left, ticks, "Reverse", kind))
        last = rng.randrange(found.left + 1, len(path) - 1)
        orders.append(Order(at(last), found.side, left, path[last], "Exit", "Market"))
    else:
        orders.append(Order(at(found.left), -found.side, left, ticks, role, kind))
    return Decision(product, day, tuple(orders), strategy.name, stop, target)


def _exit(found: _Found, path: list[int], *, stop: int, target: int) -> tuple[int, str, str]:
    entry = path[found.entered]
    if found.result == EVEN:
        return entry, "Stop", "Stop"
    gain = (path[found.left] - entry) * found.side
    if gain >= target:
        return entry + found.side * target, "Target", "Limit"
    if gain <= -stop:
        return entry - found.side * stop, "Stop", "Stop"
    return path[found.left], "Exit", "Market"


def _look(path: list[int], *, stop: int, target: int, wanted: str, rng: Random) -> _Found:
    """A moment and a side with which the market does what is wanted, or at least something."""
    found: _Found | None = None
    for _ in range(TRIES):
        entered = rng.randrange(0, len(path) * 3 // 5)
        for side in rng.sample((1, -1), 2):
            found = _follow(path, side=side, entered=entered, stop=stop, target=target)
            if found.result == wanted:
                return found
            if wanted == EVEN and found.left > entered + 1:
                return _Found(side, entered, found.left, EVEN, None)
    assert found is not None
    return found


def _follow(path: list[int], *, side: int, entered: int, stop: int, target: int) -> _Found:
    half: int | None = None
    last = len(path) - 2
    for step in range(entered + 1, last + 1):
        gain = (path[step] - path[entered]) * side
        if gain >= target:
            return _Found(side, entered, step, WIN, half)
        if gain <= -stop:
            return _Found(side, entered, step, LOSS, half)
        if half is None and 2 * gain >= target:
            half = step
    gain = (path[last] - path[entered]) * side
    return _Found(side, entered, last, WIN if gain > 0 else LOSS if gain < 0 else EVEN, half)
