"""Decisions, trades and quotes for tests of the memory."""

from datetime import UTC, date, datetime
from decimal import Decimal as D

from accounts.models import Account, User
from intelligence import decisions
from intelligence.decisions import Links, Said, StatedOutcome
from intelligence.models import Decision
from tests.journal.factories import make_instrument
from trading import trades
from trading.models import Trade
from trading.trades import EnteredFill, Plan

AT = datetime(2026, 1, 5, 14, tzinfo=UTC)


def at(day: int, hour: int = 14) -> datetime:
    return datetime(2026, 1, day, hour, tzinfo=UTC)


def decide(owner: User, reasoning: str = "Pullback to the average", action: str = "BUY", **fields: object) -> Decision:
    """A decision about these symbols; `stated` is how it ended, as a fraction, in dollars of 100 times that."""
    symbols = fields.pop("symbols", ("AAPL",))
    stated = fields.pop("stated", None)
    links = fields.pop("links", None) or Links(instruments=[make_instrument(symbol) for symbol in symbols])  # type: ignore[attr-defined]
    when = fields.pop("when", AT)
    outcome = None
    if stated is not None:
        outcome = StatedOutcome(result_pct=D(str(stated)), result_amount=D(str(stated)) * 100, currency="USD")
    external_id = fields.pop("external_id", "")
    said = Said(action=action, reasoning=reasoning, **fields)  # type: ignore[arg-type]
    return decisions.record(owner=owner, said=said, at=when, links=links, stated=outcome, external_id=external_id)  # type: ignore[arg-type]


def open_trade(account: Account, *, stop: str | None = None, symbol: str = "AAPL") -> Trade:
    """Ten bought at 100 on the fifth, still held."""
    fills = [EnteredFill("buy", D(10), D(100), at(5))]
    plan = Plan(D(stop), None) if stop else None
    return trades.enter(account, instrument=make_instrument(symbol), fills=fills, plan=plan)[0]


def close_trade(trade: Trade, price: str, *, when: datetime | None = None, fees: str = "0") -> None:
    fill = EnteredFill("sell", D(10), D(price), when or at(6), fees=D(fees))
    trades.enter(trade.account, instrument=trade.instrument, fills=[fill])


def day(number: int) -> date:
    return date(2026, 1, number)
