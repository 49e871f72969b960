"""What a market makes of paper orders: which fill, how much and at which price. The same input gives the same fills.

Of the orders of other people and the quote, what comes takes the better first, until neither takes any more of it.
Orders meet by price and then by time, at the price of the one that waited. The quote fills at what is offered, so what
waited at its limit gets the better of the two. No order to buy executes beyond what was set aside for it.

Pure: no Django, no clock, no database.

Source: docs/orders.md#the-paper-venue
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from trading.order_rules.amounts import ZERO, difference, multiple_above, multiple_below, product, ratio, total
from trading.order_rules.ticket import Ticket
from trading.order_rules.vocabulary import OrderType, Side, TimeInForce

_ONE = Decimal(1)
#: What an order for an amount of money is rounded down to, where the instrument has whole units only.
_FINEST = Decimal("1e-9")


@dataclass(frozen=True, slots=True)
class PaperTerms:
    """What the paper venue takes: money for an order's first fill, for a unit, a fraction of the value; and slippage.

    `slippage` is the fraction by which what executes at the market does so at a worse price.
    """

    fee_per_order: Decimal = ZERO
    fee_per_unit: Decimal = ZERO
    fee_ratio: Decimal = ZERO
    slippage: Decimal = ZERO

    def fees(self, quantity: Decimal, price: Decimal, multiplier: Decimal, *, is_first: bool) -> Decimal:
        """What one fill costs, as money of 8 decimals rounded up."""
        cost = total(
            (
                self.fee_per_order if is_first else ZERO,
                product(self.fee_per_unit, quantity),
                product(self.fee_ratio, quantity, price, multiplier),
            )
        )
        return multiple_above(cost, Decimal("1e-8"))


def estimated_fees(ticket: Ticket, terms: PaperTerms, *, price: Decimal | None, multiplier: Decimal) -> Decimal:
    """What the whole order will cost at most, at this price, None where none is known."""
    if ticket.quantity is None:
        amount = ticket.notional or ZERO
        units = ratio(amount, product(price, multiplier)) if price else ZERO
        return total((terms.fees(units, ZERO, multiplier, is_first=True), product(terms.fee_ratio, amount)))
    return terms.fees(ticket.quantity, price or ZERO, multiplier, is_first=True)


@dataclass(frozen=True, slots=True)
class Offer:
    """What the market bids and asks; sizes are units, None where there is no end to them."""

    bid: Decimal | None
    ask: Decimal | None
    bid_size: Decimal | None = None
    ask_size: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Range:
    """A bar: the prices of one stretch of time."""

    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal


@dataclass(slots=True)
class Working:
    """An order at the venue. `key` tells it from others, and its order is that in which they came.

    `leaves` is units, None for an amount of money, of which `money` is left. `cap` is the price above which it may not
    buy. `best` is the most favourable price that a trailing stop has seen. `group` names the orders of which the fills
    of one use up what the others may do, `group_leaves` how much that is.
    """

    key: int
    owner: int
    side: Side
    type: OrderType
    time_in_force: TimeInForce
    leaves: Decimal | None
    money: Decimal | None = None
    limit: Decimal | None = None
    stop: Decimal | None = None
    trail_price: Decimal | None = None
    trail_ratio: Decimal | None = None
    best: Decimal | None = None
    cap: Decimal | None = None
    is_triggered: bool = False
    is_resting: bool = False
    group: int | None = None
    group_leaves: Decimal | None = None
    tick: Decimal | None = None
    lot: Decimal | None = None
    multiplier: Decimal = _ONE

    @property
    def is_buy(self) -> bool:
        """Whether it buys."""
        return self.side is Side.BUY

    @property
    def waits_for_stop(self) -> bool:
        """Whether it does nothing until its stop is touched."""
        return self.type in _STOPS and not self.is_triggered

    @property
    def works_at(self) -> Decimal | None:
        """The price beyond which it does not execute; None at the market."""
        return self.limit if self.type in _LIMITED else None

    def accepts(self, price: Decimal) -> bool:
        """Whether it may execute at that price."""
        bound = self.works_at
        if bound is not None and (price > bound if self.is_buy else price < bound):
            return False
        return not (self.is_buy and self.cap is not None and price > self.cap)

    def units_at(self, price: Decimal, available: Decimal | None) -> Decimal:
        """How much of it can execute at that price, of so much available (None: no end)."""
        wanted = self.leaves
        if wanted is None:
            step = self.lot or _FINEST
            wanted = multiple_below(ratio(self.money or ZERO, product(price, self.multiplier)), step)
        bounds = [each for each in (wanted, available, self.group_leaves) if each is not None]
        return max(ZERO, min(bounds))


_STOPS = frozenset({OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP})
_LIMITED = frozenset({OrderType.LIMIT, OrderType.STOP_LIMIT})
_AT_ONCE = frozenset({TimeInForce.IOC, TimeInForce.FOK})


@dataclass(frozen=True, slots=True)
class PaperFill:
    """So much of an order executes at that price; `against` is the other order where it met one of this desk."""

    key: int
    quantity: Decimal
    price: Decimal
    against: int | None = None


@dataclass(slots=True)
class Matched:
    """What happened: fills in the order in which they did, and what is given up because it had to be at once."""

    fills: list[PaperFill] = field(default_factory=list)
    given_up: list[int] = field(default_factory=list)

    def of(self, key: int) -> list[PaperFill]:
        """The fills of one order."""
        return [each for each in self.fills if each.key == key]


def matched(orders: Iterable[Working], offer: Offer | None, terms: PaperTerms) -> Matched:
    """Return what the orders and the offer make of each other; the orders are left as they then stand.

    Stops are looked at first; then what has just come, oldest first, meets what waits and the offer; then what waits
    meets the offer, by price and by time.
    Source: docs/orders.md#the-paper-venue
    """
    market = _Market(sorted(orders, key=lambda each: each.key), offer or Offer(None, None), terms)
    market.watch()
    for order in [each for each in market.orders if not each.is_resting and not each.waits_for_stop]:
        market.arrive(order)
    for order in market.waiting():
        market.meet_offer(order)
    return market.result


class _Market:
    """One instrument at one moment."""

    def __init__(self, orders: list[Working], offer: Offer, terms: PaperTerms) -> None:
        self.orders, self.offer, self.terms = orders, offer, terms
        self.left = {Side.BUY: offer.ask_size, Side.SELL: offer.bid_size}
        self.result = Matched()

    def watch(self) -> None:
        """Stops that the offer touches work from now on; trailing ones have moved along."""
        for order in self.orders:
            price = self.offer.ask if order.is_buy else self.offer.bid
            if order.waits_for_stop and price is not None:
                follow(order, price)
                order.is_triggered = touches(order, price)

    def arrive(self, order: Working) -> None:
        """The order has met everything that was there; what had to be at once is given up, the rest waits."""
        if order.time_in_force is TimeInForce.FOK and not self._fills_whole(order):
            self.result.given_up.append(order.key)
            return
        self._trade(order)
        order.is_resting = True
        if order.time_in_force in _AT_ONCE and self._is_open(order):
            self.result.given_up.append(order.key)

    def _trade(self, order: Working) -> None:
        """The order has met what waits and the offer, the better of the two first, until neither takes any more."""
        for other in self._opposite(order):
            price = other.limit
            assert price is not None, "only what has a limit waits for others"
            if self._offer_is_better(order, price):
                self.meet_offer(order)
            if not self._is_open(order) or not order.accepts(price):
                break
            quantity = min(order.units_at(price, None), other.units_at(price, None))
            if quantity:
                self._fill(order, quantity, price, against=other)
        self.meet_offer(order)

    def waiting(self) -> list[Working]:
        """What waits, the best price first and the oldest first of one price; what works at the market before all."""

        def place(order: Working) -> tuple[bool, Decimal, int]:
            price = order.works_at
            if price is None:
                return (False, ZERO, order.key)
            return (True, -price if order.is_buy else price, order.key)

        open_now = [each for each in self.orders if each.is_resting and not each.waits_for_stop]
        return sorted((each for each in open_now if self._is_open(each)), key=place)

    def meet_offer(self, order: Working) -> None:
        """What of it the offer takes has executed."""
        price = self._price_at_offer(order)
        if price is None or not self._is_open(order) or order.key in self.result.given_up:
            return
        quantity = order.units_at(price, self.left[order.side])
        if quantity:
            left = self.left[order.side]
            self.left[order.side] = None if left is None else difference(left, quantity)
            self._fill(order, quantity, price)

    def _price_at_offer(self, order: Working) -> Decimal | None:
        offered = self.offer.ask if order.is_buy else self.offer.bid
        if offered is None or not order.accepts(offered):
            return None
        bound = order.works_at
        if bound is not None and order.is_resting:
            # It waits at its price and takes what comes to it: nothing slips.
            return offered
        price = slipped(offered, order, self.terms)
        if bound is not None:
            price = min(price, bound) if order.is_buy else max(price, bound)
        return price if order.accepts(price) else offered

    def _opposite(self, order: Working) -> list[Working]:
        """What waits on the other side with a limit, of other people: nobody trades with themselves."""
        there = [
            each
            for each in self.orders
            if each.side is not order.side
            and each.owner != order.owner
            and each.is_resting
            and each.works_at is not None
            and not each.waits_for_stop
            and self._is_open(each)
        ]
        return sorted(there, key=lambda each: ((each.limit or ZERO) * (1 if order.is_buy else -1), each.key))

    def _offer_is_better(self, order: Working, price: Decimal) -> bool:
        offered = self.offer.ask if order.is_buy else self.offer.bid
        if offered is None or self.left[order.side] == ZERO:
            return False
        return offered < price if order.is_buy else offered > price

    def _fills_whole(self, order: Working) -> bool:
        """Whether everything of it can execute now: it is tried, and taken back."""
        before = [(each, each.leaves, each.money, each.group_leaves) for each in self.orders]
        fills, left = len(self.result.fills), dict(self.left)
        self._trade(order)
        is_whole = not self._is_open(order)
        del self.result.fills[fills:]
        self.left = left
        for each, *was in before:
            each.leaves, each.money, each.group_leaves = was
        return is_whole

    def _is_open(self, order: Working) -> bool:
        if order.group_leaves == ZERO:
            return False
        return order.leaves != ZERO if order.leaves is not None else bool(order.money)

    def _fill(self, order: Working, quantity: Decimal, price: Decimal, *, against: Working | None = None) -> None:
        for each, other in ((order, against), (against, order)) if against else ((order, None),):
            assert each is not None, "a fill has an order"
            self.result.fills.append(PaperFill(each.key, quantity, price, other.key if other else None))
            if each.leaves is not None:
                each.leaves = difference(each.leaves, quantity)
            else:
                each.money = ZERO
            self._use_up(each, quantity)

    def _use_up(self, order: Working, quantity: Decimal) -> None:
        if order.group is None:
            return
        for each in self.orders:
            if each.group == order.group and each.group_leaves is not None:
                each.group_leaves = max(ZERO, difference(each.group_leaves, quantity))


def slipped(price: Decimal, order: Working, terms: PaperTerms) -> Decimal:
    """The price as much worse as slippage makes it, on the tick that is worse still."""
    if not terms.slippage:
        return price
    worse = product(price, total((_ONE, terms.slippage if order.is_buy else -terms.slippage)))
    step = order.tick or Decimal("1e-12")
    return multiple_above(worse, step) if order.is_buy else multiple_below(worse, step)


def follow(order: Working, price: Decimal) -> None:
    """A trailing stop has moved along with the price, never back; where it stands is its `stop`."""
    if order.type is not OrderType.TRAILING_STOP:
        return
    if order.best is None or (price < order.best if order.is_buy else price > order.best):
        order.best = price
    distance = order.trail_price if order.trail_price is not None else product(order.best, order.trail_ratio or ZERO)
    order.stop = total((order.best, distance if order.is_buy else -distance))


def touches(order: Working, price: Decimal) -> bool:
    """Whether the price has reached the order's stop."""
    assert order.stop is not None, "what waits for a stop has one"
    return price >= order.stop if order.is_buy else price <= order.stop


# --- bars ------------------------------------------------------------------------------------------


def matched_in(orders: Sequence[Working], bar: Range, terms: PaperTerms) -> Matched:
    """Return what one bar makes of the orders: all at the prices that the bar had, as many units as they want.

    What a bar touches in which order is not known, so stops come first: of an exit with stop and target in one bar, the
    stop. Where the bar opened beyond a price, the order executes at the opening. A trailing stop is met where it stood
    before the bar moved it.
    """
    market = _Market(sorted(orders, key=lambda each: each.key), Offer(None, None), terms)
    by_danger = sorted(market.orders, key=lambda each: (each.type not in _STOPS, each.key))
    for order in by_danger:
        price = _price_in(order, bar, terms)
        if price is not None and market._is_open(order):
            quantity = order.units_at(price, None)
            if quantity:
                market._fill(order, quantity, price)
        order.is_resting = True
        if order.time_in_force in _AT_ONCE and market._is_open(order):
            market.result.given_up.append(order.key)
    return market.result


def _price_in(order: Working, bar: Range, terms: PaperTerms) -> Decimal | None:
    """The price at which the bar executes it, None where it does not."""
    if order.waits_for_stop:
        return _stopped_in(order, bar, terms)
    bound = order.works_at
    if bound is None:
        price = slipped(bar.open, order, terms)
        return price if order.accepts(price) else None
    if order.is_buy:
        return min(bar.open, bound) if bar.low <= bound else None
    return max(bar.open, bound) if bar.high >= bound else None


def _stopped_in(order: Working, bar: Range, terms: PaperTerms) -> Decimal | None:
    if order.type is OrderType.TRAILING_STOP:
        # Where it stands follows from the best price so far, which for the first bar is its opening.
        follow(order, bar.open if order.best is None else order.best)
    stop = order.stop
    assert stop is not None, "what waits for a stop has one"
    is_touched = bar.high >= stop if order.is_buy else bar.low <= stop
    if not is_touched:
        follow(order, bar.low if order.is_buy else bar.high)
        return None
    order.is_triggered = True
    at = max(bar.open, stop) if order.is_buy else min(bar.open, stop)
    price = at if order.type is OrderType.STOP_LIMIT else slipped(at, order, terms)
    return price if order.accepts(price) else None
