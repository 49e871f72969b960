"""Orders for tests: an account with money, an instrument with a quote, and what is asked for in one line."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils import timezone

from accounts import ledger
from accounts.models import Account, Portfolio, User
from tests.factories import make_account
from trading import orders
from trading.invariants import INVARIANTS
from trading.models import Instrument, Order, Quote
from trading.order_rules.broker_events import Fill
from trading.order_rules.ticket import Ticket
from trading.order_rules.vocabulary import OrderType, Side, TimeInForce
from trading.venues import paper

_WORDS = ("time_in_force", "order_class", "position_intent")


def funded(owner: User, amount: str = "10000", **fields: Any) -> Account:
    """An account with so many dollars."""
    account = make_account(owner, kind="paper", **fields)
    ledger.deposit(
        account, currency="USD", amount=Decimal(amount), idempotency_key="opening", at=timezone.now(), note=""
    )
    return account


def share(symbol: str = "ACME", **fields: Any) -> Instrument:
    """A share with a tick of a cent."""
    defaults = {"kind": "stock", "currency": "USD", "tick_size": Decimal("0.01"), "lot_size": Decimal(1)}
    return Instrument.objects.create(symbol=symbol, **defaults | fields)


def quoted(
    instrument: Instrument,
    bid: str | None = None,
    ask: str | None = None,
    *,
    bid_size: str | None = None,
    ask_size: str | None = None,
    at: datetime | None = None,
) -> None:
    """The market bids and asks that now, and orders have met it."""
    values = {"bid": bid, "ask": ask, "bid_size": bid_size, "ask_size": ask_size}
    numbers = {name: None if value is None else Decimal(value) for name, value in values.items()}
    assert paper.take_quote(Quote(instrument=instrument, quoted_at=at or timezone.now(), **numbers))


def ticket(side: str, quantity: str | None, kind: str = "market", **fields: Any) -> Ticket:
    """What is asked for; prices are strings."""
    numbers = {
        name: Decimal(value) if isinstance(value, str) and name not in _WORDS else value
        for name, value in fields.items()
    }
    numbers["time_in_force"] = TimeInForce(numbers.get("time_in_force", "gtc"))
    return Ticket(
        side=Side(side), type=OrderType(kind), quantity=None if quantity is None else Decimal(quantity), **numbers
    )


def placed(account: Account, instrument: Instrument, asked: Ticket, client_order_id: str = "", **intent: Any) -> Order:
    """The order, as it is once the venue has looked at it."""
    made = orders.place(
        account, instrument=instrument, ticket=asked, intent=orders.Intent(client_order_id=client_order_id, **intent)
    )
    paper.match(instrument.pk)
    made.order.refresh_from_db()
    return made.order


def cash(account: Account) -> tuple[Decimal, Decimal]:
    """What is available, less what is owed, and what is reserved."""
    portfolio = Portfolio.objects.get(account=account)
    return portfolio.available_balance - portfolio.owed_balance, portfolio.reserved_balance


def executed(name: str, quantity: str, price: str) -> Fill:
    """What a venue tells that was executed just now."""
    return Fill(name, timezone.now(), Decimal(quantity), Decimal(price))


def broken() -> list[str]:
    """The invariants that do not hold, each with what breaks it."""
    return [f"{each.name}: {found}" for each in INVARIANTS for found in list(each.broken())[:3]]
