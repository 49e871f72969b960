"""What the invented trader noted: setups as tags, plans, and a word here and there."""

from collections.abc import Sequence
from itertools import islice

from django.db import transaction

from accounts.models import Account, User
from journal.sample_files.build import Remark
from trading import trades
from trading.models import Tag, Trade
from trading.trades import Plan

#: Trades that are annotated at most, each by the verb that the trade page calls.
MOST = 600
_COLORS = ("#4c6ef5", "#12b886", "#fab005", "#e64980", "#7950f2", "#15aabf", "#fd7e14", "#82c91e", "#be4bdb")


def write(owner: User, remarks: Sequence[Remark], opened: dict[str, Account]) -> int:
    """The trades that the remarks are about carry them; returns how many. Remarks that are there change nothing."""
    chosen = remarks[:: max(1, -(-len(remarks) // MOST))]
    tags = _tags(owner, sorted({remark.setup for remark in chosen}))
    found = {
        (trade.account_id, trade.instrument.symbol, trade.opened_at): trade
        for trade in Trade.objects.for_user(owner)
        .filter(account__in=[opened[number] for number in {remark.number for remark in chosen}], tags=None)
        .select_related("instrument")
    }
    about = ((found.get((opened[remark.number].pk, remark.symbol, remark.opened_at)), remark) for remark in chosen)
    written = 0
    pairs = iter([(trade, remark) for trade, remark in about if trade is not None])
    while part := list(islice(pairs, 100)):
        with transaction.atomic():
            for trade, remark in part:
                plan = Plan(remark.initial_stop, remark.initial_target) if remark.initial_stop is not None else None
                trades.annotate(trade, plan=plan, note=remark.note or None, tags=[tags[remark.setup]])
        written += len(part)
    return written


def _tags(owner: User, names: Sequence[str]) -> dict[str, Tag]:
    return {
        name: Tag.objects.get_or_create(owner=owner, name=name, defaults={"color": _COLORS[place % len(_COLORS)]})[0]
        for place, name in enumerate(names)
    }
