"""Accounts that have something to lose, what they lost, and the breakers that watch it."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from accounts.models import Account, User
from tests.factories import make_account
from tests.journal.factories import make_instrument, make_trade
from trading import trades
from trading.models import BreakerEvent, BreakerState, Trade
from trading.risk.breakers import Target
from trading.trades import EnteredFill

DAY = date(2026, 3, 2)
NOW = datetime(2026, 3, 2, 20, tzinfo=UTC)


def with_300(owner: User) -> Account:
    """The owner's, with 300 to lose; both were here before anything was traded."""
    User.objects.filter(pk=owner.pk).update(date_joined=datetime(2026, 1, 1, tzinfo=UTC))
    return settled(make_account(owner, "Main", initial_balance=Decimal(300)))


def settled(account: Account) -> Account:
    Account.objects.filter(pk=account.pk).update(created_at=datetime(2026, 1, 1, tzinfo=UTC))
    account.refresh_from_db()
    return account


def lose(account: Account, *amounts: str, day: date = DAY, **fields: Any) -> list[Trade]:
    """Trades that ended one after the other from 10:00 on."""
    start = datetime(day.year, day.month, day.day, 10, tzinfo=UTC)
    return [
        make_trade(
            account,
            day=day,
            pnl=amount,
            opened=start + timedelta(minutes=2 * number),
            closed=start + timedelta(minutes=2 * number + 1),
            **fields,
        )
        for number, amount in enumerate(amounts)
    ]


def buy(account: Account, symbol: str, *, price: str = "100") -> Trade:
    fill = EnteredFill("buy", Decimal(1), Decimal(price), NOW - timedelta(hours=2))
    return trades.enter(account, instrument=make_instrument(symbol), fills=[fill])[-1]


def events(kind: str = "activated") -> list[BreakerEvent]:
    return list(BreakerEvent.objects.filter(kind=kind).order_by("id"))


def breaker_of(account: Account) -> BreakerState:
    return BreakerState.objects.get(account=account)


def live(owner: User | None, account: Account | None = None, strategy: str = "") -> Target:
    return Target(owner, "live", account, strategy)
