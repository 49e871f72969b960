"""Tags, ratings and reviews of the sample's trades."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from accounts.models import Account, User
from journal.sample_files.build import Remark
from journal.sample_words.made import Made, chance
from trading.models import Outcome, Tag, TagGroup, TagRole, Trade, TradeStatus

#: The newest trades that nobody has looked at yet.
UNREVIEWED = 30

_GROUPS = {"Setups": (TagRole.SETUP, "#4c6ef5"), "Mistakes": (TagRole.MISTAKE, "#e64980"),
           "Market": (TagRole.PLAIN, "#868e96")}  # fmt: skip
MISTAKES = {
    "Chased the entry": "#e64980",
    "Moved the stop": "#fd7e14",
    "Oversized": "#be4bdb",
    "Out too early": "#fab005",
    "Revenge trade": "#c92a2a",
    "No plan": "#868e96",
}
_MARKET = {"Trend day up": "#12b886", "Range": "#868e96", "News": "#15aabf", "Low volume": "#adb5bd"}
_NOTES = (
    "**Plan:** with the opening drive, out at half of yesterday's range.\n\n- waited for the retest\n- size as planned",
    "Right idea, wrong moment. The level held *after* I was out.\n\n> Wait for the close of the bar.",
    "Took it because I was down on the day. **That is not a setup.**",
    "By the book:\n\n1. level marked before the open\n2. entry on the second touch\n3. half off at 1R",
    "News at 10:00 made this a coin toss. Rule: flat five minutes before.",
)


@dataclass(frozen=True, slots=True)
class Marked:
    """A trade with its setup, "" where the trader named none."""

    trade: Trade
    setup: str


def mark(owner: User, remarks: Sequence[Remark], opened: Mapping[str, Account], *, made: Made) -> list[Marked]:
    """Every trade that was remarked on carries its setup, losers a mistake now and then; all but the newest closed
    ones are reviewed, and more than half are rated. Returns the trades, oldest first.
    """
    tags = _tags(owner, {remark.setup for remark in remarks}, made=made)
    setups = {(opened[each.number].pk, each.symbol, each.opened_at): each.setup for each in remarks}
    sample = (
        Trade.objects.for_user(owner)
        .filter(account__in=list(opened.values()))
        .select_related("instrument", "account")
        .order_by("activity_at", "account__number", "instrument__symbol", "id")
    )
    found = [
        Marked(trade, setups.get((trade.account_id, trade.instrument.symbol, trade.opened_at), ""))  # type: ignore[arg-type]
        for trade in sample
    ]
    _tag(found, tags)
    closed = [each.trade for each in found if each.trade.status == TradeStatus.CLOSED]
    _judge(closed[:-UNREVIEWED])
    _write_about([each.trade for each in found if each.setup and not each.trade.note])
    return found


def remove(owner: User, made: Made) -> None:
    """Tags that nothing carries any more, and groups without tags, are gone."""
    tags = Tag.objects.for_user(owner).filter(pk__in=made.of("tag"))
    tags.filter(trades=None, notes=None).delete()
    TagGroup.objects.for_user(owner).filter(pk__in=made.of("tag_group"), tags=None).delete()


def draw(most: int, trade: Trade, *about: str) -> int:
    """A number below `most` that belongs to this trade, whatever its id."""
    return chance(most, trade.account.number, trade.instrument.symbol, trade.activity_at.isoformat(), *about)


def _tags(owner: User, setups: Iterable[str], *, made: Made) -> dict[str, Tag]:
    groups = {}
    for place, (name, (role, color)) in enumerate(_GROUPS.items()):
        groups[name], is_new = TagGroup.objects.get_or_create(
            owner=owner, name=name, defaults={"role": role, "color": color, "position": place}
        )
        if is_new:
            made.note("tag_group", [groups[name]])
    tags = {}
    wanted = [*((name, "", "Setups") for name in sorted(setups)),
              *((name, color, "Mistakes") for name, color in MISTAKES.items()),
              *((name, color, "Market") for name, color in _MARKET.items())]  # fmt: skip
    for name, color, group in wanted:
        defaults = {"group": groups[group], **({"color": color} if color else {})}
        tags[name], is_new = Tag.objects.get_or_create(owner=owner, name=name, defaults=defaults)
        if is_new:
            made.note("tag", [tags[name]])
    return tags


def _tag(found: Sequence[Marked], tags: Mapping[str, Tag]) -> None:
    carried: dict[int, set[int]] = defaultdict(set)
    mistakes, market = list(MISTAKES), list(_MARKET)
    for each in found:
        trade = each.trade
        if each.setup:
            carried[trade.pk].add(tags[each.setup].pk)
        if trade.outcome == Outcome.LOSS and draw(100, trade, "mistake?") < 28:
            carried[trade.pk].add(tags[mistakes[draw(len(mistakes), trade, "mistake")]].pk)
        elif trade.outcome == Outcome.WIN and draw(100, trade, "mistake?") < 5:
            carried[trade.pk].add(tags["Out too early"].pk)
        if draw(100, trade, "market?") < 20:
            # The day is the same for all accounts.
            carried[trade.pk].add(tags[market[chance(len(market), trade.opened_on)]].pk)
    through = Trade.tags.through
    through.objects.bulk_create(
        (through(trade_id=trade, tag_id=tag) for trade, ids in carried.items() for tag in sorted(ids)),
        ignore_conflicts=True,
        batch_size=2_000,
    )


def _judge(trades: Sequence[Trade]) -> None:
    """These are reviewed, in the evening of their day or the one after; more than half are rated."""
    rows = [(trade.pk, _rating(trade), _reviewed_at(trade)) for trade in trades]
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE trading_trade t SET rating = v.rating, reviewed_at = v.reviewed_at "
            "FROM unnest(%s::bigint[], %s::smallint[], %s::timestamptz[]) AS v (id, rating, reviewed_at) "
            "WHERE t.id = v.id AND t.reviewed_at IS NULL",
            [list(column) for column in zip(*rows, strict=True)] or [[], [], []],
        )


def _rating(trade: Trade) -> int | None:
    if draw(100, trade, "rated?") >= 60:
        return None
    base = {Outcome.WIN: 4, Outcome.LOSS: 2}.get(Outcome(trade.outcome), 3) if trade.outcome else 3
    return min(5, max(1, base + draw(3, trade, "rating") - 1))


def _reviewed_at(trade: Trade) -> datetime:
    return trade.activity_at + timedelta(minutes=30 + draw(1_400, trade, "reviewed"))


def _write_about(trades: Sequence[Trade]) -> None:
    """Every thirtieth of these has words of the trader's."""
    chosen = [trade for trade in trades if draw(30, trade, "note?") == 0]
    for trade in chosen:
        trade.note = _NOTES[draw(len(_NOTES), trade, "note")]
    Trade.objects.bulk_update(chosen, ["note"], batch_size=500)
