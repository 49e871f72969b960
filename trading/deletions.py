"""What a deletion takes away, kept in its audit event, and how it is given back."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from accounts.models import AuditEvent
from trading import flips
from trading.models import Execution, FillRole, Tag, Trade, TradeFill

DELETED = "trade.delete"
RESTORED = "trade.restore"
#: What bars said of the trade; true of it again where it has all of its fills again.
_EXCURSION = ("mae", "mfe", "mae_at", "mfe_at", "excursion_source")


@dataclass(frozen=True, slots=True)
class Deletion:
    """One deletion as its audit event has it."""

    event: int
    before: dict[str, Any]

    @property
    def fills(self) -> list[int]:
        """The ids of the fills that it voided."""
        return list(self.before["fills"])

    @property
    def shared(self) -> dict[int, dict[str, Any]]:
        """Of each fill that a neighbour has a part of: the correction left to the neighbour, and the trade's part."""
        return {each["fill"]: each for each in self.before.get("shared", [])}


def of_trade(trade: Trade, fills: Sequence[Execution], *, corrections: Sequence[Execution]) -> dict[str, Any]:
    """All of the trade that its fills do not say by themselves, for the audit event; call before they are voided."""
    left = {correction.corrects_id: correction.pk for correction in corrections}
    own = TradeFill.objects.filter(trade=trade, execution__in=list(left))
    return {
        "public_id": trade.public_id,
        "net_pnl": str(trade.net_pnl),
        "note": trade.note,
        "initial_stop": trade.initial_stop,
        "initial_target": trade.initial_target,
        "tags": [tag.public_id for tag in sorted(trade.tags.all(), key=lambda tag: tag.pk)],
        "reviewed_at": trade.reviewed_at,
        "rating": trade.rating,
        "excursion": {name: getattr(trade, name) for name in _EXCURSION},
        "opening_fill": trade.opening_execution_id,
        "fills": [fill.pk for fill in fills],
        "shared": [
            {
                "fill": part.execution_id,
                "correction": left[part.execution_id],
                "role": part.role,
                "quantity": part.quantity,
                "fees": part.fees,
            }
            for part in own
        ],
    }


def named(owner_id: int, execution_ids: Collection[int]) -> list[Deletion]:
    """This person's deletions, newest first, of exactly such fills; what was brought back once is not in it."""
    events = AuditEvent.objects.filter(
        owner_id=owner_id, event=DELETED, before__fills__contained_by=list(execution_ids)
    ).order_by("-id")
    left = set(execution_ids)
    found = []
    for event in events:
        assert isinstance(event.before, dict)
        fills = set(event.before["fills"])
        if not fills or not fills <= left:
            continue
        left -= fills
        undone = AuditEvent.objects.filter(owner_id=owner_id, event=RESTORED, after__deletions__contains=[event.pk])
        if not undone.exists():
            found.append(Deletion(event.pk, event.before))
    return found


def numbered(owner_id: int, events: Collection[int]) -> list[Deletion]:
    """This person's deletions of these audit events, newest first, without those that were brought back."""
    found = AuditEvent.objects.filter(owner_id=owner_id, event=DELETED, pk__in=events).order_by("-id")
    undone: set[int] = set()
    for after in AuditEvent.objects.filter(
        owner_id=owner_id, event=RESTORED, pk__gt=min(events, default=0)
    ).values_list("after", flat=True):
        assert after is not None
        undone.update(after["deletions"])
    return [Deletion(event.pk, event.before or {}) for event in found if event.pk not in undone]


def voided(deletion: Deletion) -> list[Execution]:
    """Those of its fills that are void because of it alone: nobody has put anything else in their place."""
    fills = Execution.objects.filter(pk__in=deletion.fills, voided_at__isnull=False).in_order()
    others: dict[int, set[int]] = {}
    for fill, correction in Execution.objects.filter(corrects__in=fills).values_list("corrects_id", "id"):
        if fill is not None:
            others.setdefault(fill, set()).add(correction)
    shared = deletion.shared
    return [fill for fill in fills if others.get(fill.pk, set()) <= {shared.get(fill.pk, {}).get("correction")}]


@dataclass(slots=True)
class Return:
    """Fills on their way back: `standing` count again, `obsolete` are to be removed once nothing rests on them."""

    standing: list[Execution]
    obsolete: list[int]


def unvoid(deletion: Deletion, fills: Sequence[Execution]) -> Return:
    """The fills stand again, those of flips whole where the neighbour's part still stands, else as their own part."""
    whole: list[Execution] = []
    obsolete: list[int] = []
    parts: list[Execution] = []
    for fill in fills:
        shared = deletion.shared.get(fill.pk)
        if shared is None:
            whole.append(fill)
        elif Execution.objects.standing().filter(pk=shared["correction"]).exists():
            whole.append(fill)
            obsolete.append(shared["correction"])
            Trade.objects.filter(opening_execution_id=shared["correction"]).update(opening_execution=fill)
        else:
            # The neighbour was deleted or changed meanwhile, so the whole fill would bring its part back as well.
            is_exit = shared["role"] == FillRole.EXIT
            part = flips.carrying(
                fill, quantity=Decimal(shared["quantity"]), fees=Decimal(shared["fees"]), is_exit=is_exit
            )
            if is_exit:
                # After all that came before the fill, and before the neighbour's part should that come back.
                part.sequence -= 1
            parts.append(part)
    Execution.objects.filter(pk__in=obsolete).update(voided_at=timezone.now())
    Execution.objects.filter(pk__in=[fill.pk for fill in whole]).update(voided_at=None)
    return Return([*whole, *Execution.objects.bulk_create(parts)], obsolete)


def remove(executions: Sequence[int]) -> None:
    """Corrections on which nothing rests any more are gone. The database refuses it where something does."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM trading_execution WHERE id = ANY(%s)", [list(executions)])


def reopened(deletion: Deletion, back: Return) -> Trade | None:
    """The trade that the deleted one's opening fill is in now, the one that it opens first of all."""
    opening = deletion.before.get("opening_fill")
    openings = [fill for fill in back.standing if opening in (None, fill.pk, fill.corrects_id)]
    # A correction that was part of a flip may have become the flip's fill again in the same restoration.
    keys = [key for fill in openings for key in (fill.pk, fill.corrects_id) if key is not None]
    return (
        Trade.objects.filter(opening_execution__in=keys).order_by("activity_at", "id").first()
        or Trade.objects.filter(fills__execution__in=keys).order_by("activity_at", "id").first()
    )


def give_words(trade: Trade, deletion: Deletion, *, since: datetime) -> tuple[Decimal | None, Decimal | None] | None:
    """What was said of the deleted trade is said of this one; returns the stop and target that it is to have.

    A trade that was there before `since` keeps its id and its own words, and has those that it lacks.
    """
    before = deletion.before
    public_id = UUID(before["public_id"]) if before.get("public_id") else None
    is_new = trade.created_at >= since
    if is_new and public_id and not Trade.objects.filter(public_id=public_id).exists():
        trade.public_id = public_id
    trade.note = trade.note or before.get("note") or ""
    if trade.reviewed_at is None and is_new and before.get("reviewed_at"):
        trade.reviewed_at = parse_datetime(before["reviewed_at"])
    if trade.rating is None and is_new:
        trade.rating = before.get("rating")
    if is_new and str(trade.net_pnl) == before.get("net_pnl") and not before.get("shared"):
        _give_excursion(trade, before.get("excursion") or {})
    trade.save(update_fields=["public_id", "note", "reviewed_at", "rating", *_EXCURSION, "updated_at"])
    trade.tags.add(*Tag.objects.filter(owner_id=trade.owner_id, public_id__in=before.get("tags", [])))
    stop, target = (
        Decimal(text) if (text := before.get(name)) else None for name in ("initial_stop", "initial_target")
    )
    has_plan = trade.initial_stop is not None or trade.initial_target is not None
    return None if has_plan or (stop, target) == (None, None) else (stop, target)


def _give_excursion(trade: Trade, kept: Mapping[str, str | None]) -> None:
    for name, text in kept.items():
        if text is None:
            continue
        if name.endswith("_at"):
            setattr(trade, name, parse_datetime(text))
        else:
            setattr(trade, name, Decimal(text) if name in ("mae", "mfe") else text)


def exit_days(trades: Sequence[Trade]) -> set[tuple[int, date]]:
    """The days whose R sums differ when the plans of these trades do, as (account id, trading day).

    Sums by R are of every exit, not only of the last one.
    """
    exits = TradeFill.objects.filter(trade__in=[trade.pk for trade in trades], role=FillRole.EXIT)
    return set(exits.values_list("account_id", "day").distinct())
