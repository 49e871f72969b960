"""Accounts that are connected to a stand-in for Alpaca, and the ways to drive what is said to it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Account, BrokerConnection, User
from tests.trading.desk import funded, ticket
from tests.waiting import PATIENCE
from trading import connections, orders
from trading.models import Instrument, Order, OrderCommand, Position
from trading.order_rules.ticket import Ticket
from trading.order_rules.vocabulary import Purpose
from trading.venues import alpaca, reconciling, sending
from trading.venues.alpaca_words import update
from trading.venues.stand_in.broker import Json
from trading.venues.stand_in.server import StandIn

#: Seconds that a sender waits for a broker that is silent.
SILENCE = 1.0


def seconds_of(fault: str) -> float:
    """How long the fault lasts: a silence for longer than anybody waits."""
    return 2 * SILENCE if fault.startswith("silence") else 0.5


class _Timeout:
    """Short where the broker is going to be silent; a machine with much to do is else not taken for one that is."""

    def __init__(self, it: StandIn) -> None:
        self.it = it

    def __float__(self) -> float:
        return SILENCE if any(fault.kind.startswith("silence") for fault in self.it.faults) else float(PATIENCE)


@contextmanager
def standing_in(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """A stand-in that answers, and senders that wait for nothing."""
    with StandIn(cash="10000") as it:
        settings.ALPACA_PAPER_URL, settings.BROKER_TIMEOUT = it.url, _Timeout(it)
        monkeypatch.setattr(sending, "_wait", lambda tries: timedelta(0))
        monkeypatch.setattr(sending, "FIRST_WAIT", timedelta(0))
        monkeypatch.setattr(sending, "SETTLES_IN", timedelta(0))
        yield it


def connected(owner: User, it: StandIn, amount: str = "10000", **fields: Any) -> Account:
    """An account with so many dollars, whose orders go to the stand-in."""
    account = funded(owner, amount, **fields)
    connections.connect(account, environment="paper", keys=connections.Keys(it.key_id, it.secret))
    BrokerConnection.objects.filter(account=account).update(reconciled_at=timezone.now())
    return account


def ten(side: str = "buy", limit: str = "50") -> Ticket:
    """Ten units at a limit, for the day."""
    return ticket(side, "10", "limit", limit_price=limit, time_in_force="day")


def stored(account: Account, instrument: Instrument, asked: Ticket, client_order_id: str = "", **intent: Any) -> Order:
    """The order, stored and not sent."""
    made = orders.place(
        account, instrument=instrument, ticket=asked, intent=orders.Intent(client_order_id=client_order_id, **intent)
    )
    return made.order


def driven(order: Order, *, most: int = 12) -> Order:
    """The order once everything that was to be said of it is said."""
    for _ in range(most):
        waiting = OrderCommand.objects.open().filter(order=order).order_by("id").first()
        if waiting is None:
            break
        OrderCommand.objects.filter(pk=waiting.pk).update(next_at=timezone.now())
        sending.send(waiting.pk)
    order.refresh_from_db()
    return order


def sent(account: Account, instrument: Instrument, asked: Ticket, client_order_id: str = "", **intent: Any) -> Order:
    """The order as it is at the stand-in."""
    return driven(stored(account, instrument, asked, client_order_id, **intent))


def told(account: Account, *messages: Json) -> None:
    """The messages of the stream have arrived, in this order."""
    for message in messages:
        news = update(message["data"])
        assert news is not None
        alpaca.apply(account, news)


def held(it: StandIn) -> list[Json]:
    """What the stand-in has held back, and now says nobody."""
    messages, it.broker.held = it.broker.held, []
    return messages


def compared(account: Account, **options: Any) -> reconciling.Reconciled:
    """What comparing the account with the stand-in found."""
    return reconciling.reconcile(BrokerConnection.objects.select_related("account").get(account=account), **options)


def units(account: Account) -> dict[str, Decimal]:
    """What is held, by symbol."""
    rows = Position.objects.filter(account=account).exclude(quantity=0).select_related("instrument")
    return {row.instrument.symbol: row.quantity for row in rows}


EXIT = Purpose.EXIT_MANUAL
