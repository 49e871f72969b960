"""What the invented trader meant to do with a trade: stop, target, and a word here and there."""

from collections.abc import Sequence
from itertools import islice

from django.db import transaction

from accounts.models import Account, User
from journal.sample_files.build import Remark
from trading import trades
from trading.models import Trade
from trading.trades import Plan

#: Trades that are annotated at most, each by the verb that the trade page calls.
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
    about = ((found.get((opened[remark.number].pk, remark.symbol, remark.opened_at)), remark) for remark in chosen)
    written = 0
    pairs = iter([(trade, remark) for trade, remark in about if trade is not None])
    while part := list(islice(pairs, 100)):
        with transaction.atomic():
            for trade, remark in part:
                plan = Plan(remark.initial_stop, remark.initial_target) if remark.initial_stop is not None else None
                trades.annotate(trade, plan=plan, note=remark.note or None)
        written += len(part)
    return written
