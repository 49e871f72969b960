"""What accounts have to lose: their start balance and what was paid in and out since."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Sum

from accounts.models import Account, LedgerEntry, LedgerKind
from trading.models import RiskConfig
from trading.order_rules.amounts import total
from trading.risk.rates import Rates

_PAID = (LedgerKind.DEPOSIT, LedgerKind.WITHDRAWAL, LedgerKind.ADJUSTMENT)

#: What was paid in and out, by account and currency.
Paid = Mapping[int, Mapping[str, Decimal]]


@dataclass(frozen=True, slots=True)
class Capital:
    """An amount in the currency asked for; `is_assumed` where it is the configuration's, as nothing else is known."""

    amount: Decimal
    is_assumed: bool


def paid(accounts: Iterable[int]) -> Paid:
    """What was paid into and out of these accounts."""
    rows = (
        LedgerEntry.objects.filter(portfolio__account_id__in=list(accounts), kind__in=_PAID)
        .values_list("portfolio__account_id", "portfolio__currency")
        .annotate(Sum("available_change"))
    )
    found: dict[int, dict[str, Decimal]] = {}
    for account_id, currency, amount in rows:
        found.setdefault(account_id, {})[currency] = amount
    return found


def of(accounts: Iterable[Account], moved: Paid, *, currency: str, config: RiskConfig, rates: Rates) -> Capital:
    """The capital of these accounts together; what has no rate is left out."""
    known: list[Decimal | None] = []
    for account in accounts:
        if account.initial_balance is not None:
            known.append(rates.convert(account.initial_balance, account.currency, currency))
        for each, amount in moved.get(account.pk, {}).items():
            known.append(rates.convert(amount, each, currency))
    amounts = [amount for amount in known if amount is not None]
    if amounts:
        return Capital(total(amounts), is_assumed=False)
    assumed = rates.convert(config.capital, config.currency, currency)
    return Capital(config.capital if assumed is None else assumed, is_assumed=True)
