"""The paper venue: orders of this desk meet each other and the latest quote.

One instrument is matched by one process at a time; the fills that come of it are recorded as any venue's are.
Source: docs/orders.md#the-paper-venue
"""

import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Q
from django.utils import timezone

from accounts import versions
from accounts.models import PaperFills
from accounts.prepared import rows, run
from trading import orders, risk, trades
from trading.errors import InvalidState
from trading.models import Bar, BreakerState, Order, OrderQuerySet, Quote, Venue
from trading.order_progress import tell_refused
from trading.order_rules.broker_events import Fill
from trading.order_rules.pretrade import against_new_risk
from trading.order_rules.reservations import Held
from trading.order_rules.statuses import Event, Status
from trading.order_rules.validity import Violation
from trading.order_rules.vocabulary import OrderClass, OrderType, Side, TimeInForce
from trading.order_tickets import FRESH, is_fresh, next_step
from trading.paper_book import MEETS
from trading.paper_fills import Matched, Offer, PaperFill, PaperTerms, Range, Working, matched, matched_in

#: The first half of the advisory lock on an instrument's book; the second is the instrument.
_BOOK = 0x0B00C
#: How far ahead of ours the clock of a source of quotes may be.
_CLOCKS = timedelta(minutes=1)
_ZERO = Decimal(0)


# Materialized: a plan that is kept would otherwise intersect these few with every order that is open.
_MET = f"""
WITH o AS MATERIALIZED (SELECT * FROM trading_order WHERE id = ANY(%(ids)s::bigint[]))
SELECT o.id FROM o
WHERE o.status IN ('new', 'partially_filled')
    AND (NOT o.is_resting OR {MEETS.format(order="o")})
"""  # noqa: S608 - SQL of our own


def arrived(instrument_id: int, order_ids: Sequence[int]) -> int:
    """As `match`, for orders that have just been placed; where nothing meets them, that is told by one statement.

    Of two orders that come at once and do not see each other when they are placed, the later sees the earlier here:
    each looks after it is stored. A transaction that goes on holds the book instead, so that the other waits for it.
    """
    now = timezone.now()
    # Whoever matches now may not have seen these orders, nor they what it matches with: that is waited for.
    lock = "pg_advisory_xact_lock" if connection.in_atomic_block else "pg_advisory_xact_lock_shared"
    run(f"SELECT {lock}(%s, %s)", [_BOOK, instrument_id])
    met = rows(_MET, {"ids": list(order_ids), "since": now - FRESH, "until": now + FRESH})
    if not met:
        return 0
    return _match_now(instrument_id, coming=[order_id for (order_id,) in met])


def match(instrument_id: int) -> int:
    """Every paper order in the instrument that can execute now has executed; those that had to at once are given up.

    Returns the number of fills and of orders given up. Without a fresh quote, orders meet each other alone.
    """
    return _match_now(instrument_id)


@transaction.atomic
def _match_now(instrument_id: int, *, told: Quote | None = None, coming: Sequence[int] = ()) -> int:
    """As `match`, at the quote that was told just now where one was.

    Those that are `coming` have not met the book yet, though they wait in it.
    """
    now = timezone.now()
    _lock_book(instrument_id)
    # Not before: whoever held the book may have taken of it.
    quote = Quote.objects.filter(instrument_id=instrument_id).first()
    if told is not None and (quote is None or quote.quoted_at != told.quoted_at):
        quote = told
    offer = _offer(quote) if quote is not None and is_fresh(quote, now=now) else None
    unmet = Order.objects.filter(pk__in=coming, is_resting=True, status=Status.NEW, filled_quantity=0)
    met_none = list(unmet.values_list("pk", flat=True)) if coming else []
    concerned = _concerned(instrument_id, offer, met_none=met_none)
    if met_none:
        _hold_accounts(Order.objects.filter(pk__in=concerned))
        unmet.update(is_resting=False)
    return _settle(
        concerned,
        lambda book, terms: matched(book, offer, terms),
        at=now,
        source=PaperFills.QUOTES,
        offered_by=quote,
        again=lambda: _match_now(instrument_id),
    )


def _offer(quote: Quote) -> Offer:
    """What the quote still offers: of its sizes, what paper orders have not taken yet."""
    bid_left = None if quote.bid_size is None else max(_ZERO, quote.bid_size - quote.bid_taken)
    ask_left = None if quote.ask_size is None else max(_ZERO, quote.ask_size - quote.ask_taken)
    return Offer(quote.bid or quote.last, quote.ask or quote.last, bid_left, ask_left)


def _use_up(quote: Quote, found: dict[int, Order], fills: Iterable[PaperFill]) -> None:
    """What these fills took of the quote is not there for the next."""
    taken = dict.fromkeys(Side, _ZERO)
    for fill in fills:
        if fill.against is None:
            taken[Side(found[fill.key].side)] += fill.quantity
    sizes = {"bid_taken": (quote.bid_size, taken[Side.SELL]), "ask_taken": (quote.ask_size, taken[Side.BUY])}
    used = {name: F(name) + units for name, (size, units) in sizes.items() if size is not None and units}
    if used:
        # Another quote may stand in its place, of the same time as well, and of that nothing was taken.
        same = Quote.objects.filter(pk=quote.pk, quoted_at=quote.quoted_at)
        same.filter(bid_size=quote.bid_size, ask_size=quote.ask_size).update(**used)


@transaction.atomic
def match_bar(bar: Bar, *, closed_at: datetime) -> int:
    """Every paper order that stood before the bar began has met it, its fills dated at the close; as `match`.

    Only those of accounts that are filled from bars. They do not meet each other: who is passed over leaves nobody
    behind, and a bar that was met again would meet trailing stops where it has moved them itself.
    """
    stretch = Range(bar.open, bar.high, bar.low, bar.close)
    _lock_book(bar.instrument_id)
    concerned = list(_book(bar.instrument_id).filter(created_at__lte=bar.starts_at).values_list("pk", flat=True))
    return _settle(
        concerned,
        lambda book, terms: matched_in(book, stretch, terms),
        at=closed_at,
        source=PaperFills.BARS,
    )


_Match = Callable[[Sequence[Working], PaperTerms], Matched]


def _lock_book(instrument_id: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_BOOK, instrument_id])


def _hold_accounts(rows: OrderQuerySet) -> None:
    """The accounts of all these orders are locked, before anything of them is written.

    Who cancels a group holds its account, and takes its orders in another order; and another instrument may be matched
    for the same accounts.
    """
    trades.lock_accounts(rows.order_by().values_list("account_id", flat=True).distinct())


def _book(instrument_id: int) -> OrderQuerySet:
    return Order.objects.filter(
        instrument_id=instrument_id, venue=Venue.PAPER, status__in=[Status.NEW, Status.PARTIALLY_FILLED]
    )


_STOPS = [OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP]


def _concerned(instrument_id: int, offer: Offer | None, *, met_none: Sequence[int]) -> list[int]:
    """The orders that this moment can change: what has just come, what that crosses, and what the offer touches.

    All others stay as they are, however many there are. Of what waits `met_none` have just come as well.
    """
    book = _book(instrument_id)
    came = book.filter(Q(is_resting=False) | Q(pk__in=met_none)) if met_none else book.filter(is_resting=False)
    coming = list(came.values_list("pk", "side", "type", "limit_price"))
    touched = Q()
    for side, other, beyond in ((Side.BUY, Side.SELL, "lte"), (Side.SELL, Side.BUY, "gte")):
        limits = [limit for _pk, way, _type, limit in coming if way == side]
        if limits and None in limits:
            touched |= Q(side=other, limit_price__isnull=False)
        elif limits:
            bounds = [limit for limit in limits if limit is not None]
            bound = max(bounds) if side is Side.BUY else min(bounds)
            touched |= Q(side=other, **{f"limit_price__{beyond}": bound})
        offered = None if offer is None else offer.ask if side is Side.BUY else offer.bid
        if offered is not None:
            limit = "gte" if side is Side.BUY else "lte"
            touched |= Q(side=side, **{f"limit_price__{limit}": offered}) & (~Q(type__in=_STOPS) | Q(is_triggered=True))
            touched |= Q(side=side, limit_price__isnull=True, is_triggered=True)
            touched |= Q(side=side, type=OrderType.MARKET)
            touched |= Q(side=side, type__in=_STOPS, is_triggered=False, **{f"stop_price__{beyond}": offered})
            touched |= Q(side=side, type=OrderType.TRAILING_STOP, is_triggered=False)
    found = {pk for pk, *_rest in coming}
    if touched:
        found |= set(book.filter(touched, is_resting=True).values_list("pk", flat=True))
    return sorted(found)


def _settle(
    concerned: Sequence[int],
    judge: _Match,
    *,
    at: datetime,
    source: str,
    again: Callable[[], int] | None = None,
    offered_by: Quote | None = None,
) -> int:
    if not concerned:
        return 0
    rows = Order.objects.filter(pk__in=concerned, status__in=[Status.NEW, Status.PARTIALLY_FILLED])
    terms = PaperTerms(**settings.PAPER_TERMS)
    found, book, result = _judged(rows, judge, terms, source)
    is_quiet = not result.fills and not result.given_up
    if is_quiet and not _moved(found, book):
        return 0
    _hold_accounts(rows)
    if not is_quiet:
        owners = set(rows.order_by().values_list("owner_id", flat=True))
        if len(owners) > 1:
            # In one order, before what becomes of their orders does as it comes: whoever matches another instrument
            # moves the same ones on.
            versions.move_on(owners)
        _hold_back(rows)
    # As they are now: while this waited for an account, one of its orders may have been canceled.
    found, book, result = _judged(rows, judge, terms, source)
    _remember(_moved(found, book))
    passed_over = _record(found, result, terms, at=at)
    executed = [fill for fill in result.fills if fill not in passed_over]
    if offered_by is not None:
        _use_up(offered_by, found, executed)
    count = len(executed) + len(result.given_up)
    if passed_over and again is not None:
        # The others of them meet what is left of the offer, as if they had just come.
        Order.objects.filter(pk__in={fill.key for fill in passed_over}).update(is_resting=False)
        count += again()
    return count


def _judged(
    rows: OrderQuerySet, judge: _Match, terms: PaperTerms, source: str
) -> tuple[dict[int, Order], list[Working], Matched]:
    """What this moment makes of the orders whose accounts are filled from that source."""
    found = {
        order.pk: order
        for order in rows.select_related("account", "instrument", "parent").order_by("id")
        if order.account.paper_fills == source
    }
    book = [_working(order) for order in found.values()]
    return found, book, judge(book, terms)


def _hold_back(rows: OrderQuerySet) -> None:
    """What opens where a breaker has come on meanwhile is canceled with the reason; what gets out goes on."""
    on: dict[int, list[BreakerState]] = {}
    stopped, reasons = [], {}
    for order in rows.select_related("account").order_by("id"):
        if order.owner_id not in on:
            on[order.owner_id] = risk.on_for(order.owner_id)
        against = against_new_risk(risk.worst(on[order.owner_id], order.account, order.strategy))
        if against is not None:
            stopped.append(order)
            reasons[order.pk] = against
    for order in risk.opening(stopped):
        # With one of a group the others have ended, and cannot be canceled any more.
        with suppress(InvalidState):
            _stop(orders.cancel(order), reasons[order.pk])


def _stop(order: Order, against: Violation) -> None:
    """That a breaker stopped the order is kept with it, among the events of breakers and in the feed."""
    order.reasons = [against.kept()]
    order.save(update_fields=["reasons"])
    risk.blocked(order.account, strategy=order.strategy, order_id=order.public_id, at=timezone.now())
    tell_refused([order])


def _working(order: Order) -> Working:
    instrument = order.instrument
    leaves = None if order.quantity is None else order.quantity - order.filled_quantity
    group = order.parent_id or (order.pk if order.order_class == OrderClass.OCO else None)
    return Working(
        key=order.pk,
        owner=order.owner_id,
        side=Side(order.side),
        type=OrderType(order.type),
        time_in_force=TimeInForce(order.time_in_force),
        leaves=leaves,
        money=None if order.notional is None else order.notional - abs(order.traded_amount),
        limit=order.limit_price,
        stop=order.stop_price,
        trail_price=order.trail_price,
        trail_ratio=order.trail_ratio,
        best=order.best_price,
        cap=_cap(order),
        is_triggered=order.is_triggered,
        is_resting=order.is_resting,
        group=group,
        # Of what the others of its group executed before, its quantity knows already.
        group_leaves=None if group is None else leaves,
        tick=instrument.tick_size,
        lot=None if instrument.is_fractionable else instrument.lot_size,
        multiplier=instrument.multiplier,
    )


def _cap(order: Order) -> Decimal | None:
    """The price for which money was set aside: beyond it an order to buy waits."""
    if order.side != Side.BUY or order.held != Held.FUNDS or order.quantity is None or order.held_per_unit is None:
        return None
    if order.instrument.margin is not None:
        return None
    return order.held_per_unit / order.instrument.multiplier


def _moved(found: dict[int, Order], book: Iterable[Working]) -> list[Order]:
    """The orders of which stops have seen more, or that wait now, with what they have seen; not stored yet."""
    moved = []
    for working in book:
        order = found[working.key]
        seen = (working.best, working.is_triggered, working.is_resting)
        if seen != (order.best_price, order.is_triggered, order.is_resting):
            order.best_price, order.is_triggered, order.is_resting = seen
            moved.append(order)
    return moved


def _remember(moved: Sequence[Order]) -> None:
    """What stops have seen and who waits is stored."""
    if len(moved) == 1:
        names = ("best_price", "is_triggered", "is_resting")
        Order.objects.filter(pk=moved[0].pk).update(**{name: getattr(moved[0], name) for name in names})
    elif moved:
        Order.objects.bulk_update(moved, ["best_price", "is_triggered", "is_resting"], batch_size=500)


def _record(found: dict[int, Order], result: Matched, terms: PaperTerms, *, at: datetime) -> set[PaperFill]:
    """What happened is told to the orders; returns what did not, as they or whom they meet had ended.

    A fill of what was to open a position may end others of its account, which would get out of what is no longer held.
    """
    counted = {key: order.events.filter(kind="fill").count() for key, order in found.items() if result.of(key)}
    meetings: dict[tuple[int, ...], uuid.UUID] = {}
    passed_over: set[PaperFill] = set()
    opened: set[int] = set()
    for fills in _together(result.fills):
        keys = tuple(sorted(fill.key for fill in fills))
        may_have_ended = any(found[key].account_id in opened for key in keys)
        is_after_another = any(fill.key in keys for fill in passed_over)
        if is_after_another or (may_have_ended and not _are_live(keys)):
            passed_over.update(fills)
            continue
        match_id = meetings.setdefault(keys, uuid.uuid4()) if len(fills) > 1 else None
        for fill in fills:
            order = found[fill.key]
            counted[fill.key] += 1
            fees = terms.fees(fill.quantity, fill.price, order.instrument.multiplier, is_first=counted[fill.key] == 1)
            told = Fill(
                f"{order.public_id}:{counted[fill.key]}",
                max(at, order.created_at),
                fill.quantity,
                fill.price,
                fees,
                completes=order.quantity is None,
            )
            orders.record(order, [told], source=Venue.PAPER, match_id=match_id)
            if order.held != Held.HOLDINGS or order.order_class in (OrderClass.BRACKET, OrderClass.OTO):
                opened.add(order.account_id)
    for key in result.given_up:
        orders.record(found[key], [next_step(found[key], Event.CANCELED)], source=Venue.PAPER)
    return passed_over


def _together(fills: Iterable[PaperFill]) -> Iterator[tuple[PaperFill, ...]]:
    """Each fill from the offer alone, and those of two orders that met as a pair, which they follow each other as."""
    rest = iter(fills)
    for fill in rest:
        yield (fill,) if fill.against is None else (fill, next(rest))


def _are_live(keys: Sequence[int]) -> bool:
    return Order.objects.live().filter(pk__in=keys).count() == len(keys)


def take_quote(quote: Quote) -> bool:
    """The quote is the latest of its instrument, and orders have met it; an older one changes nothing.

    Nor does one that is ahead of the clock, which would keep out all that come in time: see `is_ahead`. Returns whether
    it was taken.
    """
    if is_ahead(quote, now=timezone.now()):
        return False
    if not _store(quote):
        return False
    _match_now(quote.instrument_id, told=quote)
    return True


def is_ahead(quote: Quote, *, now: datetime) -> bool:
    """Whether the quote is of a time to come, by more than clocks differ."""
    return quote.quoted_at > now + _CLOCKS


# A quote that was ahead when it was taken gives way to the first that is not. One that is told again, as by whoever
# asks for the latest every minute, offers no more than it did.
_TOLD_AGAIN = """
    (trading_quote.quoted_at, trading_quote.bid, trading_quote.ask, trading_quote.bid_size, trading_quote.ask_size)
    IS NOT DISTINCT FROM (excluded.quoted_at, excluded.bid, excluded.ask, excluded.bid_size, excluded.ask_size)
"""
_STORE = f"""
INSERT INTO trading_quote (
    instrument_id, bid, ask, last, bid_size, ask_size, conditions, tape, last_size, traded_at, quoted_at, source,
    bid_taken, ask_taken)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 0, 0)
ON CONFLICT (instrument_id) DO UPDATE SET bid = excluded.bid, ask = excluded.ask, last = excluded.last,
    conditions = excluded.conditions, tape = excluded.tape, last_size = excluded.last_size,
    traded_at = excluded.traded_at,
    bid_size = excluded.bid_size, ask_size = excluded.ask_size, quoted_at = excluded.quoted_at,
    source = excluded.source,
    bid_taken = CASE WHEN {_TOLD_AGAIN} THEN trading_quote.bid_taken ELSE 0 END,
    ask_taken = CASE WHEN {_TOLD_AGAIN} THEN trading_quote.ask_taken ELSE 0 END
WHERE trading_quote.quoted_at <= excluded.quoted_at OR trading_quote.quoted_at > %s
RETURNING instrument_id
"""  # noqa: S608 - SQL of our own


def _store(quote: Quote) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            _STORE,
            [
                quote.instrument_id,
                quote.bid,
                quote.ask,
                quote.last,
                quote.bid_size,
                quote.ask_size,
                quote.conditions,
                quote.tape,
                quote.last_size,
                quote.traded_at,
                quote.quoted_at,
                quote.source,
                timezone.now() + _CLOCKS,
            ],
        )
        return cursor.fetchone() is not None
