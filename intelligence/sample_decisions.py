"""Decisions to look at: why sample trades were taken, written as if before them, and how they ended.

They go with the sample accounts that they belong to (`receivers`).
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import LedgerEntry, User
from intelligence import decisions, memory
from intelligence.decisions import Links, Said
from intelligence.models import Decision, DecisionAction
from trading.models import Order, Trade, TradeSide

#: At the beginning of their outside ids.
MARK = "sample-"
_MOST = 36

#: Strategy, why, and what the market was like.
_LONG = (
    ("Pullback", "First pullback to the 20-period average after a strong push. Sellers dried up on the way down, so I "
     "buy where the last buyers came in; wrong below the swing low.", "Trend day up, breadth above 70 %."),
    ("Opening range", "Opening range broke on three times the usual volume and held the retest. First target is "
     "yesterday's high.", "Gap up on no news."),
    ("Reversal", "Third test of support with less volume each time, and the last push failed to make a new low. Small "
     "size, as this is against the trend.", "Two red days in a row."),
    ("Breakout", "Tight flag under the high of the month, volume contracts. Adding above the high, out if it falls "
     "back into the flag.", "Sector leads the market."),
    ("VWAP reclaim", "Flushed the stops under the morning low and got back above VWAP within minutes; shorts are "
     "trapped.", "Choppy morning, news at ten."),
    ("Earnings drift", "Good quarter, raised guidance and the first dip was bought. Holding for days, half size over "
     "the weekend.", "Index near its high."),
)  # fmt: skip
_SHORT = (
    ("Fade", "Third push into resistance with the spread widening; buyers look exhausted. Covering half at the "
     "average.", "Extended, far above the bands."),
    ("Breakdown", "Lost the neckline on volume and failed to get back in. Measured move is the target, wrong above "
     "the last lower high.", "Weak breadth, yields up."),
    ("Gap fill", "Gap up with no news behind it stalls at the high of the overnight session. Target is yesterday's "
     "close.", "Quiet calendar."),
    ("Failed auction", "Poked above the value area and found nobody there. Short back into it, stop above the poke.",
     "Balanced for three days."),
)  # fmt: skip
_PASSED = (
    (DecisionAction.PASS, "Event risk", "The central bank speaks in an hour and the spread has doubled. No edge in "
     "guessing a headline: nothing today."),
    (DecisionAction.PASS, "Correlation", "The setup is there, but I hold three others that move with it. One loss "
     "would be four."),
    (DecisionAction.HOLD, "Review", "Most losses of the week came in the first five minutes. The plan stays, the "
     "open is left alone."),
)  # fmt: skip
_LEARNED = (
    "The entry was right, the stop too close for this volatility.",
    "Waiting for the retest was worth it.",
    "Took it because I had missed the one before. That is no reason.",
)


def write(person: User) -> int:
    """The person has sample decisions, embedded as far as that goes; returns how many are new."""
    if Decision.objects.filter(owner=person, external_id__startswith=MARK).exists():
        return 0
    with transaction.atomic():
        made = [*_of_trades(person), *_without_trade(person), *_of_orders(person)]
    while memory.fill(most=64).ready:
        pass
    return len(made)


def _of_trades(person: User) -> Iterator[Decision]:
    for number, trade in enumerate(_trades(person)):
        pool = _LONG if trade.side == TradeSide.LONG else _SHORT
        strategy, why, market = pool[number % len(pool)]
        said = Said(
            action=DecisionAction.BUY if trade.side == TradeSide.LONG else DecisionAction.SELL,
            reasoning=f"{trade.instrument.symbol}: {why}",
            strategy=strategy,
            market_context=market,
            confidence=Decimal(("0.5", "0.6", "0.7", "0.8")[number % 4]),
            entry_price=trade.entry_price,
            quantity=trade.quantity,
            stop_loss=trade.initial_stop,
            take_profit=trade.initial_target,
            actor_kind="bot" if number % 5 == 4 else "person",
            actor="Momentum bot" if number % 5 == 4 else "",
        )
        at = (trade.opened_at or timezone.now()) - timedelta(minutes=3)
        links = Links(trade=trade)
        made = decisions.record(owner=person, said=said, at=at, links=links, external_id=f"{MARK}trade-{number}")
        if number % 9 == 2:
            learned = replace(said, reflection=_LEARNED[number % len(_LEARNED)])
            made = decisions.revise(
                made, said=learned, links=Links(account=trade.account, instruments=[trade.instrument], trade=trade),
                revision=1, at=timezone.now(),
            )  # fmt: skip
        yield made


def _trades(person: User) -> list[Trade]:
    """Closed trades from all of the time, of accounts that can be removed again: those without cash movements."""
    moving = LedgerEntry.objects.filter(portfolio__account__owner=person).values("portfolio__account")
    closed: QuerySet[Trade] = (
        Trade.objects.for_user(person)
        .closed()
        .exclude(account__in=moving)
        .select_related("instrument", "account")
        .order_by("activity_at", "id")
    )
    keys = list(closed.values_list("pk", flat=True))
    step = max(1, len(keys) // _MOST)
    chosen = keys[::step][-_MOST:]
    return list(closed.filter(pk__in=chosen))


def _without_trade(person: User) -> Iterator[Decision]:
    now = timezone.now()
    for number, (action, strategy, why) in enumerate(_PASSED):
        yield decisions.record(
            owner=person,
            said=Said(action=action, reasoning=why, strategy=strategy),
            at=now - timedelta(days=number + 1),
            external_id=f"{MARK}none-{number}",
        )


def _of_orders(person: User) -> Iterator[Decision]:
    orders = Order.objects.for_user(person).filter(purpose="entry").select_related("instrument", "account")
    for number, order in enumerate(orders.order_by("-id")[:2]):
        strategy, why, market = (_LONG if order.side == "buy" else _SHORT)[number]
        yield decisions.record(
            owner=person,
            said=Said(
                action=order.side.upper(),
                reasoning=f"{order.instrument.symbol}: {why}",
                strategy=strategy,
                market_context=market,
                confidence=Decimal("0.6"),
            ),
            at=order.created_at,
            links=Links(order=order),
            external_id=f"{MARK}order-{number}",
        )
