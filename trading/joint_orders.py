"""Orders that come to one process at the same time share a transaction, as databases let commits share a write to disk.

Who comes while orders are being placed waits until that is over; whoever waits then is served together by the first of
them. So nobody waits for others to come, and the busier the process, the less an order costs: of the ten statements
that place one, eight take as long for five. Each order is decided by itself, in the order in which they came, with its
own answer, its own line in the audit log and its own person in it.

Where the shared transaction fails, each order is tried again in one of its own, so that nobody pays for another's.
"""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from django.db import connection

from accounts import audit
from trading import orders
from trading.models import Venue
from trading.order_rows import Request
from trading.orders import NotPlaced, Placed
from trading.venues import paper

#: Orders of one transaction; the rest wait for the next.
MOST = 50


@dataclass(frozen=True, slots=True)
class Stood:
    """An order that was placed. Where `is_changed` it may stand otherwise by now than it is here."""

    placed: Placed
    is_changed: bool


class _Waiting:
    """An order whose sender waits: for its answer, or for the turn to place those that have come."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.called = threading.Event()
        self.answer: Stood | NotPlaced | None = None
        self.failure: Exception | None = None

    @property
    def is_answered(self) -> bool:
        return self.answer is not None or self.failure is not None


class _Counter:
    """Where orders wait; one thread at a time serves them."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._waiting: list[_Waiting] = []
        self._is_served = False

    def place(self, request: Request) -> Stood | NotPlaced:
        mine = _Waiting(request)
        with self._guard:
            self._waiting.append(mine)
            is_first, self._is_served = not self._is_served, True
        if not is_first:
            mine.called.wait()
        if not mine.is_answered:
            self._serve()
        if mine.failure is not None:
            raise mine.failure
        assert mine.answer is not None, "whoever serves is among those who are served"
        return mine.answer

    def _serve(self) -> None:
        with self._guard:
            batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
        try:
            _answer(batch)
        finally:
            with self._guard:
                following = self._waiting[0] if self._waiting else None
                self._is_served = following is not None
            for each in batch:
                if not each.is_answered:
                    each.failure = RuntimeError("Whoever placed this order was interrupted.")
                each.called.set()
            if following is not None:
                following.called.set()


_counter = _Counter()


def place(request: Request) -> Stood:
    """As `orders.place`, and the venue has looked at the order; in one transaction with those that come meanwhile.

    Inside of a transaction it is placed in that. One that is about to be committed takes `place_only` instead.
    """
    named = replace(orders.with_id(request), by=request.by or audit.actor())
    answer = place_many([named])[0] if connection.in_atomic_block else _counter.place(named)
    if isinstance(answer, NotPlaced):
        raise answer.error
    return answer


def place_many(requests: Sequence[Request]) -> list[Stood | NotPlaced]:
    """As `orders.place_many`, and the venue has looked at what is new."""
    answers = orders.place_many(requests, may_rest=True)
    stood = iter(looked_at([each for each in answers if isinstance(each, Placed)]))
    return [each if isinstance(each, NotPlaced) else next(stood) for each in answers]


def place_only(request: Request) -> Placed:
    """As `orders.place`; once its transaction is committed, `looked_at` is to be called.

    Until then it does not count as one that waits: where nobody lives to call it, the sweep finds the order.

    Whoever matches holds the instrument's book and then the accounts of orders in it, which are other people's, too. A
    transaction that holds the account of what it has placed would be in a knot with them.
    """
    (answer,) = orders.place_many([request])
    if isinstance(answer, NotPlaced):
        raise answer.error
    return answer


def looked_at(placed: Iterable[Placed]) -> list[Stood]:
    """The venue has looked at those of the orders that are new."""
    placed = list(placed)
    coming: dict[int, list[int]] = {}
    for each in placed:
        if each.is_new and each.order.is_live and each.order.venue == Venue.PAPER:
            coming.setdefault(each.order.instrument_id, []).append(each.order.pk)
    moved = {instrument for instrument, ids in sorted(coming.items()) if paper.arrived(instrument, ids)}
    return [Stood(each, is_changed=not each.is_new or each.order.instrument_id in moved) for each in placed]


def _answer(batch: Sequence[_Waiting]) -> None:
    answers: Sequence[Stood | NotPlaced]
    try:
        answers = place_many([each.request for each in batch])
    except Exception as error:  # noqa: BLE001 - raised where the order came from
        if len(batch) > 1:
            # A connection that was lost is not what the others are placed on. What took effect before it failed is
            # found by its client order id, and placed once.
            connection.close_if_unusable_or_obsolete()
            for each in batch:
                _answer([each])
            return
        batch[0].failure = error
    else:
        for each, answer in zip(batch, answers, strict=True):
            each.answer = answer
