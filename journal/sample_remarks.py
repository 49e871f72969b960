"""What the invented trader meant to do with a trade: stop, target, and a word here and there."""

from collections.abc import Sequence

from accounts.models import Account, User
from journal.sample_files.build import Remark
from trading import trades
from trading.models import Trade
from trading.trades import Plan

#: Trades that are annotated at most.
MOST = 600


def write(owner: User, remarks: Sequence[Remark], opened: dict[str, Account]) -> int:
    """The trades that the remarks are about carry them; returns how many. Remarks that are there change nothing."""
    chosen = remarks[:: max(1, -(-len(remarks) // MOST))]
    found = {
        (trade.account_id, trade.instrument.symbol, trade.opened_at): trade
        for trade in Trade.objects.for_user(owner)
        .filter(
            account__in=[opened[number] for number in {remark.number for remark in chosen}],
            initial_stop=None,
            note="",
        )
        .select_related("instrument")
    }
    said = [
        (
            trade,
            Plan(remark.initial_stop, remark.initial_target) if remark.initial_stop is not None else None,
            remark.note or None,
        )
        for remark in chosen
        if (trade := found.get((opened[remark.number].pk, remark.symbol, remark.opened_at))) is not None
    ]
    trades.annotate_all(said)
    return len(said)
