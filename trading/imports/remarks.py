"""What a file says of a trade besides its fills: initial stop and target, tags, a note."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from accounts.models import User
from trading import tags, trades
from trading.imports.parsers.base import ParsedFill
from trading.models import Execution, FillRole, ImportBatch, Tag, Trade, TradeFill
from trading.trades import Plan

#: Remarks taken from one file; a file of fills alone has none, and what is beyond is left out with a warning.
MOST = 20_000


@dataclass(frozen=True, slots=True)
class Remark:
    """What the row of one fill says."""

    stop: Decimal | None
    target: Decimal | None
    tags: tuple[str, ...]
    note: str


def of(fill: ParsedFill) -> Remark | None:
    """What the fill's row says besides the fill; None when it says nothing."""
    if fill.initial_stop is None and fill.initial_target is None and not fill.tags and not fill.note:
        return None
    return Remark(fill.initial_stop, fill.initial_target, fill.tags, fill.note)


def attach(batch: ImportBatch, remarks: Mapping[str, Remark]) -> int:
    """Trades say what the rows of their new fills said, where the person has not said something already.

    `remarks` is keyed by the fills' identities. The first fill that says something decides. Returns how many trades
    were annotated.
    """
    if not remarks:
        return 0
    fills = Execution.objects.filter(batch=batch, identity__in=list(remarks)).values_list("id", "identity")
    said = {pk: remarks[identity.hex] for pk, identity in fills}
    parts = TradeFill.objects.filter(execution_id__in=said).order_by("trade_id", "id")
    by_trade: dict[int, Remark] = {}
    # A fill that turns a position round speaks of the trade that it opens.
    entries = [part for part in parts if part.role == FillRole.ENTRY]
    opened = {part.execution_id for part in entries}
    for part in [*entries, *(part for part in parts if part.execution_id not in opened)]:
        by_trade.setdefault(part.trade_id, said[part.execution_id])
    known: dict[str, Tag] = {}
    for trade in Trade.objects.filter(pk__in=by_trade).prefetch_related("tags"):
        _say(trade, by_trade[trade.pk], owner=batch.owner, known=known)
    return len(by_trade)


def _say(trade: Trade, remark: Remark, *, owner: User, known: dict[str, Tag]) -> None:
    has_plan = trade.initial_stop is not None or trade.initial_target is not None
    says_plan = remark.stop is not None or remark.target is not None
    trades.annotate(
        trade,
        plan=Plan(remark.stop, remark.target) if says_plan and not has_plan else None,
        note=remark.note if remark.note and not trade.note else None,
        tags=[_tag(name, owner=owner, known=known) for name in remark.tags]
        if remark.tags and not trade.tags.all()
        else None,
    )


def _tag(name: str, *, owner: User, known: dict[str, Tag]) -> Tag:
    name = name[:50]
    if name not in known:
        known[name] = Tag.objects.for_user(owner).filter(name=name).first() or tags.create(owner=owner, name=name)
    return known[name]
