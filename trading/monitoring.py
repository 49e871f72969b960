"""The monitor: every open plan is judged at the newest price of its instrument, thousands per second.

A batch costs one query to read and one statement to write: plans whose state changed, where nobody changed them since
they were read, together with the exits that they decided. So a plan that two workers judge at once decides once, and
the loser's exits are not there. A price at which nothing happens writes nothing.

It never asks whether a circuit breaker is on: exits always run.

Source: docs/exits.md#storage-and-the-monitor
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import orjson
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.decimals import plain
from accounts.models import ActivityKind
from trading.exit_plans import status_of
from trading.exits.evaluation import LONGEST_AGE, Evaluation, ExitAction, Tick, evaluate
from trading.exits.plans import ExitPlan
from trading.exits.snapshots import restored
from trading.exits.states import Entry, ExitReason, PlanState
from trading.models import Instrument, ManagedPosition, PlanExitReason

BATCH = 2_000
#: Times that one plan is judged anew because somebody wrote to it in between.
_MOST_TRIES = 5

_READ = """
SELECT p.id, p.version, p.owner_id, p.instrument_id, p.side = 'long', p.entry_price, p.entry_quantity,
       (extract(epoch FROM p.entered_at) * 1000000)::bigint, p.quantity_step, p.may_be_negative, p.plan_digest,
       p.remaining, p.best, p.taken, p.decided, p.exits, (extract(epoch FROM p.changed_at) * 1000000)::bigint,
       p.price_alert, p.problem,
       CASE WHEN p.side = 'long' THEN coalesce(q.bid, q.last) ELSE coalesce(q.ask, q.last) END,
       (extract(epoch FROM q.quoted_at) * 1000000)::bigint
FROM trading_managedposition p LEFT JOIN trading_quote q ON q.instrument_id = p.instrument_id
WHERE p.closed_at IS NULL AND p.remaining > 0 AND p.status <> 'pending'
"""
_READ_BATCH = _READ + "AND (p.retry_at IS NULL OR p.retry_at <= %s) AND p.id > %s ORDER BY p.id LIMIT %s"
_READ_ONE = _READ + "AND p.id = %s"

# Rows come as JSON, which takes a fifth of the time that thirteen arrays of parameters do.
_WRITE = """
WITH change AS (
    SELECT * FROM jsonb_to_recordset(%s) AS c(
        id bigint, version integer, remaining numeric, best numeric, taken numeric[], decided text, exits integer,
        changed_at timestamptz, alert text, status text, reason text, mark numeric, mark_at timestamptz
    )
), held AS (
    -- In one order, so that two workers wait for each other instead of locking each other out.
    SELECT p.id FROM trading_managedposition p JOIN change c ON c.id = p.id AND c.version = p.version
    ORDER BY p.id FOR NO KEY UPDATE OF p
), won AS (
    UPDATE trading_managedposition p SET
        version = p.version + 1, remaining = c.remaining, best = c.best, taken = c.taken,
        decided = c.decided, exits = c.exits, changed_at = c.changed_at, price_alert = c.alert, status = c.status,
        reason = CASE WHEN c.reason = '' THEN p.reason ELSE c.reason END,
        last_mark = coalesce(c.mark, p.last_mark), last_mark_at = coalesce(c.mark_at, p.last_mark_at)
    FROM change c
    WHERE p.id = c.id AND p.version = c.version AND p.closed_at IS NULL AND p.id IN (SELECT id FROM held)
    RETURNING p.id, p.public_id
), made AS (
    INSERT INTO trading_planexit (
        managed_position_id, number, reason, level, quantity, decided_price, line, decided_at, client_order_id,
        attempts, problem, filled_quantity
    )
    SELECT w.id, e.number, e.reason, e.level, e.quantity, e.price, e.line, %s,
           'mp:' || replace(w.public_id::text, '-', '') || ':exit:' || e.number, 0, '', 0
    FROM jsonb_to_recordset(%s) AS e(
        id bigint, number integer, reason text, level integer, quantity numeric, price numeric, line numeric
    )
    JOIN won w ON w.id = e.id
)
SELECT id, public_id::text FROM won
"""

_TELL = """
INSERT INTO accounts_activityentry (owner_id, kind, text, link, occurred_at)
SELECT owner_id, kind, left(text, 500), link, now()
FROM jsonb_to_recordset(%s) AS t(owner_id bigint, kind text, text text, link text)
"""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: Plans that were read before, by their digest.
_plans: dict[str, ExitPlan] = {}
_MOST_PLANS = 20_000


class Watched(NamedTuple):
    """A plan as it was read, with the price that its position would get out at. Times are microseconds since 1970: to
    read three of them as times took a third of a look.
    """

    id: int
    version: int
    owner_id: int
    instrument_id: int
    is_long: bool
    entry_price: Decimal
    entry_quantity: Decimal
    entered_at: int
    quantity_step: Decimal | None
    may_be_negative: bool
    plan_digest: str
    remaining: Decimal
    best: Decimal
    taken: list[Decimal]
    decided: str
    exits: int
    changed_at: int
    price_alert: str
    problem: str
    price: Decimal | None
    quoted_at: int | None


class Change(NamedTuple):
    """A plan that something happened to."""

    watched: Watched
    evaluation: Evaluation
    alert: str


@dataclass(slots=True)
class Ticked:
    """What one look at all plans came to. `lost` were changed by somebody else meanwhile, and wait for the next."""

    judged: int = 0
    changed: int = 0
    exits: int = 0
    alerts: int = 0
    lost: int = 0
    exits_by_reason: Counter[str] = field(default_factory=Counter)


def tick(*, now: datetime | None = None, batch: int = BATCH, longest_age: timedelta = LONGEST_AGE) -> Ticked:
    """Every open plan was judged once, at the newest quote of its instrument; exits wait for their orders."""
    done, after = Ticked(), 0
    while True:
        at = now or timezone.now()
        rows = _read(_READ_BATCH, [at, after, batch])
        if rows:
            after = rows[-1].id
            changes = [change for row in rows if (change := judged(row, now=at, longest_age=longest_age))]
            done.judged += len(rows)
            _keep(changes, at=at, done=done)
        if len(rows) < batch:
            return done


def judge(
    managed: ManagedPosition,
    *,
    price: Decimal | None,
    at: datetime | None,
    now: datetime | None = None,
    source_sold: bool = False,
) -> Ticked:
    """One plan was judged at this price, or at none; `source_sold` says that the source of the trade has sold.

    Judged anew if somebody wrote to it in between, so that a sale by the source is never lost to a price.
    """
    done, when = Ticked(), now or timezone.now()
    for _try in range(_MOST_TRIES):
        rows = [
            row._replace(price=price, quoted_at=None if at is None else _micros(at))
            for row in _read(_READ_ONE, [managed.pk])
        ]
        done.judged, done.lost = len(rows), 0
        changes = [change for row in rows if (change := judged(row, now=when, source_sold=source_sold))]
        _keep(changes, at=when, done=done)
        if not done.lost:
            break
    return done


def judged(
    row: Watched, *, now: datetime, longest_age: timedelta = LONGEST_AGE, source_sold: bool = False
) -> Change | None:
    """What the plan does; None for nothing, which is what most plans do at most prices."""
    entry = Entry(
        row.is_long, row.entry_price, row.entry_quantity, _time(row.entered_at), row.quantity_step, None,
        row.may_be_negative,
    )  # fmt: skip
    decided = ExitReason(row.decided) if row.decided else None
    state = PlanState(row.remaining, row.best, _time(row.changed_at), tuple(row.taken), decided, row.exits)
    tick = Tick(None, now) if row.quoted_at is None else Tick(row.price, _time(row.quoted_at))
    plan = _plans[row.plan_digest]
    found = evaluate(plan, entry, state, tick, now=now, source_sold=source_sold, longest_age=longest_age)
    alert = found.alert.value if found.alert else ""
    if found.state is state and alert == row.price_alert:
        return None
    return Change(row, found, alert)


def _read(query: str, parameters: Sequence[Any]) -> list[Watched]:
    """The rows of the query, the plan of each at hand."""
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        rows = [Watched._make(row) for row in cursor.fetchall()]
        unknown = {row.plan_digest: row.id for row in rows if row.plan_digest not in _plans}
        if unknown:
            if len(_plans) + len(unknown) > _MOST_PLANS:
                _plans.clear()
                unknown = {row.plan_digest: row.id for row in rows}
            # As it is now: where somebody changed it since, its digest is another; the row is left to the next look.
            cursor.execute(
                "SELECT plan_digest, plan_now::text FROM trading_managedposition WHERE id = ANY(%s)",
                [list(unknown.values())],
            )
            _plans.update((digest, restored(orjson.loads(text))) for digest, text in cursor.fetchall())
    return [row for row in rows if row.plan_digest in _plans]


def _time(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)


def _micros(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)


def _keep(changes: Sequence[Change], *, at: datetime, done: Ticked) -> None:
    """The changes are there, with their exits and what the feeds say of them, but for those that came too late."""
    if not changes:
        return
    exits = [(change, action) for change in changes for action in change.evaluation.actions]
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_WRITE, [_changes_json(changes), at, _exits_json(exits)])
            won: dict[int, str] = dict(cursor.fetchall())
        made = [(change, action) for change, action in exits if change.watched.id in won]
        alerts = [each for each in changes if each.watched.id in won and each.alert and not each.watched.price_alert]
        if made or alerts:
            with connection.cursor() as cursor:
                cursor.execute(_TELL, [orjson.dumps([*_exits_told(made, won), *_alerts_told(alerts)]).decode()])
    done.changed += len(won)
    done.lost += len(changes) - len(won)
    done.exits += len(made)
    done.alerts += len(alerts)
    done.exits_by_reason.update(action.reason.value for _change, action in made)


def _changes_json(changes: Sequence[Change]) -> str:
    rows = []
    for row, found, alert in changes:
        state, actions = found.state, found.actions
        reason = actions[-1].reason.value if actions else ""
        is_by_price = row.quoted_at is not None and state.changed_at == _time(row.quoted_at)
        rows.append({
            "id": row.id, "version": row.version, "remaining": state.remaining, "best": state.best,
            "taken": state.taken, "decided": state.decided.value if state.decided else "", "exits": state.exits,
            "changed_at": state.changed_at, "alert": alert,
            "status": status_of(remaining=state.remaining, reason=reason, problem=row.problem), "reason": reason,
            "mark": row.price if is_by_price else None, "mark_at": state.changed_at if is_by_price else None,
        })  # fmt: skip
    return orjson.dumps(rows, default=_plain).decode()


def _exits_json(exits: Sequence[tuple[Change, ExitAction]]) -> str:
    rows = [
        {
            "id": each.watched.id, "number": action.number, "reason": action.reason.value, "level": action.level,
            "quantity": action.quantity, "price": action.price, "line": action.line,
        }
        for each, action in exits
    ]  # fmt: skip
    return orjson.dumps(rows, default=_plain).decode()


def _plain(value: object) -> str:
    # In full, never in scientific notation.
    return f"{value:f}"


def _exits_told(made: Iterable[tuple[Change, ExitAction]], ids: dict[int, str]) -> list[dict[str, Any]]:
    made = list(made)
    symbols = _symbols(each for each, _action in made)
    words, market = _("%(symbol)s: %(reason)s, %(quantity)s units go out at %(price)s."), _("the market")
    labels = {reason.value: str(reason.label) for reason in PlanExitReason}
    return [
        {
            "owner_id": each.watched.owner_id,
            "kind": ActivityKind.TRADE.value,
            "text": words
            % {
                "symbol": symbols[each.watched.instrument_id],
                "reason": labels[action.reason.value],
                "quantity": plain(action.quantity),
                "price": market if action.price is None else plain(action.price),
            },
            "link": f"/desk/plans/{ids[each.watched.id]}/",
        }
        for each, action in made
    ]


def _alerts_told(alerts: Iterable[Change]) -> list[dict[str, Any]]:
    """One line per person and batch: a feed that stops must not bury them under one per plan."""
    alerts = list(alerts)
    symbols = _symbols(alerts)
    by_owner: dict[int, list[Change]] = {}
    for each in alerts:
        by_owner.setdefault(each.watched.owner_id, []).append(each)
    return [
        {
            "owner_id": owner,
            "kind": ActivityKind.SYSTEM.value,
            "text": ngettext(
                "%(count)s exit plan is not watched: there is no fresh price of %(symbols)s.",
                "%(count)s exit plans are not watched: there is no fresh price of %(symbols)s.",
                len(each),
            )
            % {"count": len(each), "symbols": _listed({symbols[one.watched.instrument_id] for one in each})},
            "link": "/desk/plans/",
        }
        for owner, each in by_owner.items()
    ]


def _symbols(changes: Iterable[Change]) -> dict[int, str]:
    wanted = {each.watched.instrument_id for each in changes}
    return dict(Instrument.objects.filter(pk__in=wanted).values_list("pk", "symbol"))


def _listed(symbols: set[str]) -> str:
    first = sorted(symbols)[:8]
    return ", ".join(first) + (" …" if len(symbols) > len(first) else "")
