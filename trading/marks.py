"""What a position is worth now: the price at which it could be got out of, by the newest quote."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from trading.models import Quote


@dataclass(frozen=True, slots=True)
class Mark:
    """The newest quote of an instrument; None where its source does not say."""

    bid: Decimal | None
    ask: Decimal | None
    last: Decimal | None
    at: datetime

    def exit_price(self, *, is_long: bool) -> Decimal | None:
        """What getting out brings: the bid for a long, the ask for a short, else the last trade; never the ask for a
        long, which is what somebody else asks.
        """
        side = self.bid if is_long else self.ask
        return self.last if side is None else side


def newest(instrument_ids: Iterable[int]) -> dict[int, Mark]:
    """The newest quote of each instrument that has one."""
    rows = Quote.objects.filter(instrument__in=set(instrument_ids))
    return {row.instrument_id: Mark(row.bid, row.ask, row.last, row.quoted_at) for row in rows}
