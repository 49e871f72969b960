"""Verbs on many trades of one person at once: what is said of them, and their deletion. Each can be taken back whole.

What an act changed is in its audit event, by the trades' outside ids: a trade that was deleted and brought back in
between is found again. Taking back touches only what still is as the act left it; a tag that came off and was put on
again since is as the act left it too: of a tag only that it is there is kept, not who put it there.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Case, Exists, OuterRef, Q, TextField, Value, When
from django.db.models.functions import Concat, Left, Length, Right
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import AuditEvent
from trading import deletions, trades
from trading.errors import TradeRefused
from trading.models import Execution, Tag, Trade, TradeFill
from trading.signals import remarks_changed, trades_changed

LABELED, REVIEWED, RATED, NOTED, DELETED = (
    "trade.label_many",
    "trade.review_many",
    "trade.rate_many",
    "trade.note_many",
    "trade.delete_many",
)
UNDONE = "trade.undo_many"
_BETWEEN_NOTES = "\n\n"
#: Characters of a trade's note.
LONGEST_NOTE = 20_000


#: How many trades are as they were, and those of which something else is said.
TakenBack = tuple[int, Collection[int]]


@dataclass(frozen=True, slots=True)
class Done:
    """How many trades an act changed, and the number of the audit event that takes it back."""

    count: int
    event: int


@transaction.atomic
def label(owner_id: int, *, trade_ids: Collection[int], add: Sequence[Tag] = (), remove: Sequence[Tag] = ()) -> Done:
    """The trades carry the tags to add and no more those to remove. Raises TradeRefused where a tag is gone."""
    held = _held(owner_id, trade_ids)
    _hold_tags(owner_id, [*add, *remove])
    keys = list(held)
    taken = _pairs(
        "DELETE FROM trading_trade_tags WHERE trade_id = ANY(%s) AND tag_id = ANY(%s) RETURNING trade_id, tag_id",
        [keys, [tag.pk for tag in remove]],
    )
    given = _pairs(
        "INSERT INTO trading_trade_tags (trade_id, tag_id) SELECT t, g FROM unnest(%s::bigint[]) t, "
        "unnest(%s::bigint[]) g ON CONFLICT DO NOTHING RETURNING trade_id, tag_id",
        [keys, [tag.pk for tag in add]],
    )
    names = {tag.pk: str(tag.public_id) for tag in [*add, *remove]}
    return _said(
        owner_id,
        LABELED,
        before={"taken": _by_tag(taken, held, names)},
        after={"given": _by_tag(given, held, names)},
        count=len({trade for trade, _ in [*taken, *given]}),
        said={trade for trade, _ in [*taken, *given]},
    )


@transaction.atomic
def review(owner_id: int, *, trade_ids: Collection[int], is_reviewed: bool, at: datetime) -> Done:
    """The trades are reviewed, as of `at` those that were not yet; or none of them is."""
    held = _held(owner_id, trade_ids)
    rows = Trade.objects.filter(pk__in=held, reviewed_at__isnull=is_reviewed)
    before = {str(held[key]): was for key, was in rows.values_list("pk", "reviewed_at")}
    count = rows.update(reviewed_at=at if is_reviewed else None)
    return _said(
        owner_id,
        REVIEWED,
        before={"reviewed_at": before},
        after={"reviewed_at": at if is_reviewed else None},
        count=count,
        said=held,
    )


@transaction.atomic
def rate(owner_id: int, *, trade_ids: Collection[int], rating: int | None) -> Done:
    """The trades have this rating, 1 to 5, or none. Raises TradeRefused for another."""
    if rating is not None and not 1 <= rating <= trades.HIGHEST_RATING:
        raise TradeRefused(_("A rating is 1 to 5."), code="rating_out_of_range")
    held = _held(owner_id, trade_ids)
    rows = Trade.objects.filter(pk__in=held)
    rows = rows.exclude(rating=rating) if rating is not None else rows.filter(rating__isnull=False)
    before = {str(held[key]): was for key, was in rows.values_list("pk", "rating")}
    count = rows.update(rating=rating)
    return _said(owner_id, RATED, before={"rating": before}, after={"rating": rating}, count=count, said=held)


@transaction.atomic
def add_to_notes(owner_id: int, *, trade_ids: Collection[int], text: str) -> Done:
    """The text stands at the end of each trade's note. Raises TradeRefused where a note would become too long."""
    held = _held(owner_id, trade_ids)
    rows = Trade.objects.filter(pk__in=held)
    added = _BETWEEN_NOTES + text
    if rows.annotate(size=Length("note")).filter(size__gt=LONGEST_NOTE - len(added)).exists():
        raise TradeRefused(_("The note of one of these trades would become too long."), code="note_too_long")
    longer = Concat("note", Value(added), output_field=TextField())
    count = rows.update(note=Case(When(note="", then=Value(text)), default=longer, output_field=TextField()))
    keys = [str(key) for key in held.values()]
    return _said(owner_id, NOTED, before={}, after={"text": text, "trades": keys}, count=count)


@transaction.atomic
def delete(owner_id: int, *, trade_ids: Collection[int]) -> Done:
    """The trades are gone, each as `trades.delete` takes one away, with an audit event of its own."""
    held = _held(owner_id, trade_ids)
    rows = list(Trade.objects.filter(pk__in=held).prefetch_related("tags").order_by("pk"))
    fills = _fills_of(held)
    flipped = _sharing(held)
    alone = [trade for trade in rows if trade.pk not in flipped and fills.get(trade.pk)]
    events = audit.written_many(
        deletions.DELETED,
        subject="trade",
        owner_id=owner_id,
        before={str(trade.public_id): deletions.of_trade(trade, fills[trade.pk], corrections=()) for trade in alone},
    )
    voided = [fill for trade in alone for fill in fills[trade.pk]]
    if voided:
        Execution.objects.filter(pk__in=[fill.pk for fill in voided]).update(voided_at=timezone.now())
        trades.changed(owner_id, trades.scopes_of(voided))
    # Those that share a fill with a neighbour, one after the other: what is left to it depends on what still stands.
    for key in sorted(flipped):
        trade = Trade.objects.filter(pk=key).first()
        if trade is not None:
            trades.delete(trade)
            events += _deletions_of(owner_id, trade.public_id)
    return _said(owner_id, DELETED, before={}, after={"deletions": events}, count=len(events), moves_version=False)


@transaction.atomic
def take_back(owner_id: int, *, event: int) -> int:
    """What the act of this audit event changed is as it was before, where it still is as the act left it.

    Returns how many trades were changed back. Raises TradeRefused where the act was taken back already, or is not
    one of this person's.
    """
    act = AuditEvent.objects.filter(owner_id=owner_id, pk=event, event__in=_TAKERS).first()
    if act is None:
        raise TradeRefused(_("There is nothing to undo."), code="nothing_to_undo", status=404)
    with connection.cursor() as cursor:
        # One at a time: two requests with one token must not both find it unused.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('trading.many_trades'), %s)", [event % 2**31])
    if AuditEvent.objects.filter(owner_id=owner_id, event=UNDONE, subject_id=str(event)).exists():
        raise TradeRefused(_("This was undone already."), code="already_undone", status=409)
    count, said = _TAKERS[act.event](owner_id, act.before or {}, act.after or {})
    audit.written(UNDONE, subject="audit_event", subject_id=event, owner_id=owner_id, after={"trades": count})
    trades_changed.send(sender=Trade, owner_id=owner_id, days=set())
    if said:
        remarks_changed.send(sender=Trade, owner_id=owner_id, trades=said)
    return count


def _unlabel(owner_id: int, before: Mapping[str, Any], after: Mapping[str, Any]) -> TakenBack:
    touched = {key for names in (before["taken"], after["given"]) for keys in names.values() for key in keys}
    held = {str(key): pk for pk, key in _held_by_key(owner_id, touched).items()}
    tags = dict(
        Tag.objects.filter(owner_id=owner_id, public_id__in=[*before["taken"], *after["given"]]).values_list(
            "public_id", "pk"
        )
    )
    changed: set[int] = set()
    for key, tag in tags.items():
        lost = [held[each] for each in after["given"].get(str(key), []) if each in held]
        back = [held[each] for each in before["taken"].get(str(key), []) if each in held]
        gone = _pairs(
            "DELETE FROM trading_trade_tags WHERE trade_id = ANY(%s) AND tag_id = ANY(%s) RETURNING trade_id, tag_id",
            [lost, [tag]],
        )
        again = _pairs(
            "INSERT INTO trading_trade_tags (trade_id, tag_id) SELECT t, g FROM unnest(%s::bigint[]) t, "
            "unnest(%s::bigint[]) g ON CONFLICT DO NOTHING RETURNING trade_id, tag_id",
            [back, [tag]],
        )
        changed |= {trade for trade, _ in [*gone, *again]}
    return len(changed), changed


def _unreview(owner_id: int, before: Mapping[str, Any], after: Mapping[str, Any]) -> TakenBack:
    was = before["reviewed_at"]
    held = _held_by_key(owner_id, was)
    at = parse_datetime(after["reviewed_at"]) if after["reviewed_at"] else None
    back = [
        Trade(pk=pk, reviewed_at=parse_datetime(was[str(key)]) if was[str(key)] else None) for pk, key in held.items()
    ]
    still = set(Trade.objects.filter(pk__in=held, reviewed_at=at).values_list("pk", flat=True))
    return _written([trade for trade in back if trade.pk in still], "reviewed_at"), still


def _unrate(owner_id: int, before: Mapping[str, Any], after: Mapping[str, Any]) -> TakenBack:
    held = _held_by_key(owner_id, before["rating"])
    still = set(Trade.objects.filter(pk__in=held, rating=after["rating"]).values_list("pk", flat=True))
    back = [Trade(pk=pk, rating=before["rating"][str(key)]) for pk, key in held.items() if pk in still]
    return _written(back, "rating"), still


def _written(rows: Sequence[Trade], column: str) -> int:
    return Trade.objects.bulk_update(rows, [column], batch_size=1000) if rows else 0


def _unnote(owner_id: int, before: Mapping[str, Any], after: Mapping[str, Any]) -> TakenBack:
    text: str = after["text"]
    added = _BETWEEN_NOTES + text
    rows = Trade.objects.filter(pk__in=_held_by_key(owner_id, after["trades"]))
    ended = rows.annotate(end=Right("note", len(added))).filter(Q(note=text) | Q(end=added))
    shorter = Left("note", Length("note") - Value(len(added)))
    count = ended.update(note=Case(When(note=text, then=Value("")), default=shorter, output_field=TextField()))
    return count, ()


def _undelete(owner_id: int, before: Mapping[str, Any], after: Mapping[str, Any]) -> TakenBack:
    return len(trades.restore_deletions(owner_id, events=after["deletions"])), ()


_TAKERS: dict[str, Callable[[int, Mapping[str, Any], Mapping[str, Any]], TakenBack]] = {
    LABELED: _unlabel,
    REVIEWED: _unreview,
    RATED: _unrate,
    NOTED: _unnote,
    DELETED: _undelete,
}


def _held(owner_id: int, trade_ids: Collection[int]) -> dict[int, UUID]:
    """The outside ids of those of these trades that are there once their accounts are locked, by their keys."""
    mine = Trade.objects.filter(owner_id=owner_id, pk__in=trade_ids).order_by()
    trades.lock_accounts(mine.values_list("account_id", flat=True).distinct())
    return dict(mine.values_list("pk", "public_id"))


def _held_by_key(owner_id: int, keys: Iterable[str]) -> dict[int, UUID]:
    mine = Trade.objects.filter(owner_id=owner_id, public_id__in=list(keys))
    return _held(owner_id, list(mine.values_list("pk", flat=True)))


def _hold_tags(owner_id: int, tags: Sequence[Tag]) -> None:
    """The tags stay until the transaction ends. Raises TradeRefused where one is gone, or another person's."""
    wanted = {tag.pk for tag in tags}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM trading_tag WHERE owner_id = %s AND id = ANY(%s) ORDER BY id FOR KEY SHARE",
            [owner_id, sorted(wanted)],
        )
        if len(cursor.fetchall()) != len(wanted):
            raise TradeRefused(_("This tag is gone."), code="tag_gone", status=409)


def _pairs(sql: str, parameters: list[Any]) -> list[tuple[int, int]]:
    if not parameters[1]:
        return []
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        found: list[tuple[int, int]] = cursor.fetchall()
    return found


def _by_tag(
    pairs: Iterable[tuple[int, int]], held: Mapping[int, UUID], names: Mapping[int, str]
) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for trade, tag in pairs:
        grouped.setdefault(names[tag], []).append(str(held[trade]))
    return grouped


def _fills_of(held: Collection[int]) -> dict[int, list[Execution]]:
    """The fills of each trade, oldest first."""
    pairs = TradeFill.objects.filter(trade__in=held).values_list("trade_id", "execution_id").distinct()
    owners: dict[int, list[int]] = {}
    for trade, key in pairs:
        owners.setdefault(key, []).append(trade)
    grouped: dict[int, list[Execution]] = {}
    for fill in Execution.objects.filter(pk__in=owners).in_order():
        for trade in owners[fill.pk]:
            grouped.setdefault(trade, []).append(fill)
    return grouped


def _sharing(held: Collection[int]) -> set[int]:
    """Those of these trades that have a fill of which another trade has a part."""
    others = TradeFill.objects.filter(execution=OuterRef("execution")).exclude(trade=OuterRef("trade"))
    found = TradeFill.objects.filter(Exists(others), trade__in=held)
    return set(found.values_list("trade_id", flat=True))


def _deletions_of(owner_id: int, public_id: UUID) -> list[int]:
    events = AuditEvent.objects.filter(owner_id=owner_id, event=deletions.DELETED, subject_id=str(public_id))
    return list(events.order_by("-id").values_list("pk", flat=True)[:1])


def _said(
    owner_id: int,
    event: str,
    *,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    count: int,
    moves_version: bool = True,
    said: Collection[int] = (),
) -> Done:
    number = audit.written(event, subject="trade", owner_id=owner_id, before=before, after=after)
    if moves_version:
        trades_changed.send(sender=Trade, owner_id=owner_id, days=set())
    if said:
        remarks_changed.send(sender=Trade, owner_id=owner_id, trades=said)
    return Done(count, number)
