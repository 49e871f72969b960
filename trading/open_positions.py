"""What open positions are worth now: the mark of each, and what it would make. No mark is ever guessed."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from trading import marks
from trading.models import Position, Quote
from trading.order_rules.amounts import difference, product, ratio, total
from trading.order_tickets import is_fresh

_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Price:
    """The price at which a position could be closed, and how long ago it was said."""

    price: Decimal
    age: timedelta


def mark_of(quote: Quote | None, *, is_long: bool, now: datetime) -> Price | None:
    """The bid for what is long and the offer for what is short, else the last price; None where no quote is fresh."""
    if quote is None or not is_fresh(quote, now=now):
        return None
    price = marks.Mark(quote.bid, quote.ask, quote.last, quote.quoted_at).exit_price(is_long=is_long)
    return None if price is None else Price(price, max(timedelta(0), now - quote.quoted_at))


@dataclass(frozen=True, slots=True)
class Standing:
    """A position with its mark. `unrealized` and `cost` are in the trade's currency, before costs of closing.

    `unrealized` and its `ratio` to the cost are None without a mark, the ratio also for what cost nothing;
    `realized` is what its trade made so far, None where it closed nothing yet.
    """

    position: Position
    mark: Price | None
    unrealized: Decimal | None
    cost: Decimal
    ratio: Decimal | None
    realized: Decimal | None


def standing_of(position: Position, *, now: datetime) -> Standing:
    """The position as its latest quote has it; instrument, its quote and trade have been read."""
    trade, quantity = position.trade, position.quantity
    mark = mark_of(getattr(position.instrument, "quote", None), is_long=quantity > 0, now=now)
    cost = abs(product(quantity, position.average_price, trade.multiplier))
    unrealized = None
    if mark is not None:
        unrealized = product(difference(mark.price, position.average_price), quantity, trade.multiplier)
    return Standing(
        position=position,
        mark=mark,
        unrealized=unrealized,
        cost=cost,
        ratio=None if unrealized is None or cost == 0 else ratio(unrealized, cost),
        realized=None if trade.first_exit_on is None else trade.net_pnl,
    )


@dataclass(frozen=True, slots=True)
class CurrencyTotal:
    """The positions of one currency together. `unmarked` of them have no mark, and are not part of `unrealized`."""

    currency: str
    positions: int
    unmarked: int
    unrealized: Decimal | None
    ratio: Decimal | None
    realized: Decimal


def totals(standings: Iterable[Standing]) -> list[CurrencyTotal]:
    """One total for each currency, sorted by it; currencies are never mixed."""
    by_currency: dict[str, list[Standing]] = {}
    for each in standings:
        by_currency.setdefault(each.position.trade.currency, []).append(each)
    return [_total(currency, found) for currency, found in sorted(by_currency.items())]


def _total(currency: str, found: list[Standing]) -> CurrencyTotal:
    marked = [each for each in found if each.unrealized is not None]
    unrealized = total(each.unrealized or _ZERO for each in marked)
    cost = total(each.cost for each in marked)
    return CurrencyTotal(
        currency=currency,
        positions=len(found),
        unmarked=len(found) - len(marked),
        unrealized=unrealized if marked else None,
        ratio=ratio(unrealized, cost) if marked and cost else None,
        realized=total(each.realized or _ZERO for each in found),
    )


def slippage(*, is_buy: bool, filled: Decimal | None, reference: Decimal | None) -> Decimal | None:
    """How much worse an average fill was than a price: above zero is worse for either side, None without both."""
    if filled is None or reference is None:
        return None
    return difference(filled, reference) if is_buy else difference(reference, filled)
