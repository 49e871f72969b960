"""Accounts, instruments and trades for the journal's tests, made by the verbs that make them in the product."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from accounts.models import Account, User
from trading import trades
from trading.models import Instrument, InstrumentKind, Tag, Trade
from trading.trades import EnteredFill, Plan


def make_user(email: str = "alice@example.com", **fields: object) -> User:
    return User.objects.create_user(email, "correct horse battery staple", **fields)


def make_account(owner: User, name: str = "Main", **fields: object) -> Account:
    return Account.objects.create(owner=owner, name=name, **{"broker": "Alpha", **fields})


def make_instrument(symbol: str = "AAPL", *, currency: str = "USD", **fields: object) -> Instrument:
    made, _ = Instrument.objects.get_or_create(
        symbol=symbol,
        defaults={"kind": InstrumentKind.STOCK, "currency": currency, "tick_size": Decimal("0.01"), **fields},
    )
    return made


def at(day: date, hour: int = 15, minute: int = 0, second: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute, second), tzinfo=UTC)


def make_trade(
    account: Account,
    *,
    day: date,
    pnl: str,
    symbol: str = "AAPL",
    currency: str = "USD",
    side: str = "long",
    fees: str = "0",
    opened: datetime | None = None,
    closed: datetime | None = None,
    stop: str | None = None,
    target: str | None = None,
    tags: list[Tag] | None = None,
) -> Trade:
    """One share bought at 1000 (or sold short) and closed for this P&L before costs; `fees` on the closing fill."""
    instrument = make_instrument(symbol, currency=currency)
    opened = opened or at(day, 14)
    closed = closed or opened + timedelta(hours=1)
    is_long = side == "long"
    exit_price = Decimal(1000) + (Decimal(pnl) if is_long else -Decimal(pnl))
    made = trades.enter(
        account,
        instrument=instrument,
        fills=[
            EnteredFill("buy" if is_long else "sell", Decimal(1), Decimal(1000), opened),
            EnteredFill("sell" if is_long else "buy", Decimal(1), exit_price, closed, fees=Decimal(fees)),
        ],
        plan=Plan(Decimal(stop) if stop is not None else None, Decimal(target) if target is not None else None)
        if stop is not None
        else None,
        tags=tags or (),
    )
    return made[-1]
