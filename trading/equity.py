"""What an account is worth now: its cash, and its positions at what getting out of them would bring. Never guessed."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from accounts.models import Account, Portfolio
from trading.models import EquityGap, Position
from trading.open_positions import standing_of
from trading.order_progress import MARGINED
from trading.order_rules.amounts import difference, money, product, total
from trading.risk import rates


@dataclass(frozen=True, slots=True)
class Equity:
    """An amount in the account's currency, or why it is not known."""

    amount: Decimal | None
    gap: str = ""


def of(account: Account, *, at: datetime) -> Equity:
    """The account's cash in all currencies and its positions at fresh marks, in its own currency at the latest rates.

    What is set aside for orders is still the account's, and what it owes is not. Positions that were not paid for
    (futures, CFDs) count with what they would make. None, with the reason, where there is no cash to begin with, or a
    fresh mark or a rate is missing.
    Source: docs/orders.md#sessions
    """
    parts: list[tuple[Decimal, str]] = [
        (difference(total((row.available_balance, row.reserved_balance)), row.owed_balance), row.currency)
        for row in Portfolio.objects.filter(account=account)
    ]
    if not parts:
        return Equity(None, EquityGap.NO_CASH)
    for held in Position.objects.filter(account=account).select_related("trade", "instrument__quote"):
        worth = _worth(held, at=at)
        if worth is None:
            return Equity(None, EquityGap.NO_MARK)
        parts.append((worth, held.trade.currency))
    known = rates.latest({account.currency, *(currency for _amount, currency in parts)}, at.date())
    converted = [known.convert(amount, currency, account.currency) for amount, currency in parts]
    amounts = [amount for amount in converted if amount is not None]
    if len(amounts) < len(converted):
        return Equity(None, EquityGap.NO_RATE)
    return Equity(money(total(amounts)))


def _worth(position: Position, *, at: datetime) -> Decimal | None:
    stands = standing_of(position, now=at)
    if stands.mark is None:
        return None
    if position.instrument.kind in MARGINED:
        return stands.unrealized
    return product(position.quantity, stands.mark.price, position.trade.multiplier)
