"""Money that open positions tie up: it stays in the account, and may neither be spent on something new nor taken out.

A reservation belongs to an order and ends with it; this follows from the position, for as long as it is open.
Source: docs/orders.md#what-positions-tie-up
"""

from decimal import Decimal

from accounts.models import Portfolio
from accounts.prepared import rows

#: What the positions of {account} in {currency} tie up, as SQL; NULL for nothing. Nothing is tied up by
#: what came from a file or was entered by hand, but by written puts: it moved no money here when it was opened.
BOUND = """
SELECT sum(CASE
    WHEN i.option_type = 'put' THEN -s.quantity * i.multiplier * i.strike
    WHEN i.kind IN ('future', 'cfd') THEN abs(s.quantity) * coalesce(i.margin, abs(s.average_price) * i.multiplier)
    ELSE -2 * s.quantity * abs(s.average_price) * i.multiplier
END)
FROM trading_position s JOIN trading_instrument i ON i.id = s.instrument_id
WHERE s.account_id = {account} AND i.currency = {currency}
    AND (s.quantity < 0 AND i.option_type IS DISTINCT FROM 'call' OR i.kind IN ('future', 'cfd'))
    AND (i.option_type = 'put' OR NOT EXISTS (
        SELECT FROM trading_execution e
        WHERE e.account_id = s.account_id AND e.instrument_id = s.instrument_id
            AND e.source <> 'order' AND e.voided_at IS NULL
    ))
"""
_OF_PORTFOLIO = BOUND.format(account="%(account)s", currency="%(currency)s")


def bound(portfolio: Portfolio) -> Decimal:
    """The money that the portfolio's positions tie up."""
    found = rows(_OF_PORTFOLIO, {"account": portfolio.account_id, "currency": portfolio.currency})
    amount: Decimal | None = found[0][0]
    return amount or Decimal(0)
