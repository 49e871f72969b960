"""What is true of the whole database at every moment, each as a query for the rows of which it is not.

Read-only. Each invariant names the rows that break it; none is the answer of a sound database. What stored sums come
to is checked by `journal.verification`, from the fills by another path.
"""

import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.apps import apps
from django.db import connection
from django.db.models import ForeignKey, Model

from trading.models import Order
from trading.models.order import ENDS
from trading.order_progress import MARGINED
from trading.order_rules.broker_events import fold
from trading.order_rules.reservations import standing
from trading.order_rules.vocabulary import Side
from trading.order_tickets import hold_of, known_of, standing_of

#: Orders that are worked out anew at a time.
_AT_A_TIME = 500


@dataclass(frozen=True, slots=True)
class Invariant:
    """`name` is short and stable, `words` say what holds; `broken` yields what names the rows where it does not."""

    name: str
    words: str
    broken: Callable[[], Iterator[str]]


def _sql(name: str, words: str, query: str, parameters: Sequence[Any] = ()) -> Invariant:
    def broken() -> Iterator[str]:
        with connection.cursor() as cursor:
            cursor.execute(query, parameters)
            yield from (str(row[0]) for row in cursor)

    return Invariant(name, words, broken)


# A fill whose trade a person deleted or corrected was executed all the same; one that the venue took back, or told
# otherwise later, was not.
_ORDERS_AND_FILLS = """
SELECT o.public_id FROM trading_order o
LEFT JOIN (
    SELECT account_id, order_id, sum(quantity) AS quantity, sum(quantity * price) AS points,
        sum(commission + fees) AS fees
    FROM trading_execution x
    WHERE source = 'order' AND (voided_at IS NULL OR NOT EXISTS (
        SELECT FROM trading_orderevent v JOIN trading_order w ON w.id = v.order_id
        WHERE w.public_id = x.order_id::uuid AND v.kind = 'correction' AND left(v.corrects, 100) = x.broker_fill_id
        UNION ALL
        SELECT FROM trading_execution later
        WHERE later.order_id = x.order_id AND later.source = 'order' AND later.account_id = x.account_id
            AND later.broker_fill_id = x.broker_fill_id AND later.id > x.id
    ))
    GROUP BY account_id, order_id
) e ON e.order_id = o.public_id::text AND e.account_id = o.account_id
WHERE o.filled_quantity + o.overfill_quantity <> coalesce(e.quantity, 0)
    OR o.filled_average_price IS DISTINCT FROM round(e.points / e.quantity, 12)
    OR o.fee_amount <> coalesce(e.fees, 0)
"""

_STATUS_OF_QUANTITIES = """
SELECT public_id FROM trading_order
WHERE (status = 'filled' AND quantity IS NOT NULL AND filled_quantity <> quantity)
    OR (status = 'partially_filled' AND filled_quantity = 0)
    OR (status = 'new' AND filled_quantity > 0)
    OR (status IN ('partially_filled', 'new') AND quantity IS NOT NULL AND filled_quantity >= quantity)
    OR (status = 'rejected' AND filled_quantity > 0)
"""

_EVENTS_LEAD_TO_STATUS = """
SELECT o.public_id FROM trading_order o
JOIN LATERAL (
    SELECT status_after FROM trading_orderevent WHERE order_id = o.id ORDER BY id DESC LIMIT 1
) last ON true
WHERE last.status_after <> o.status
UNION ALL
SELECT o.public_id FROM trading_order o
WHERE NOT EXISTS (SELECT 1 FROM trading_orderevent WHERE order_id = o.id)
"""

_REPLACED = """
SELECT o.public_id FROM trading_order o
WHERE o.status = 'replaced' AND o.venue = 'paper' AND NOT EXISTS (
    SELECT FROM trading_order s WHERE s.replaces_id = o.id AND s.chain_id = o.chain_id
)
"""

_POSITIONS = """
SELECT coalesce(p.account_id, e.account_id) || '/' || coalesce(p.instrument_id, e.instrument_id)
FROM trading_position p
FULL JOIN (
    SELECT account_id, instrument_id, sum(CASE side WHEN 'buy' THEN quantity ELSE -quantity END) AS quantity
    FROM trading_execution WHERE voided_at IS NULL GROUP BY account_id, instrument_id
) e ON e.account_id = p.account_id AND e.instrument_id = p.instrument_id
WHERE coalesce(p.quantity, 0) <> coalesce(e.quantity, 0)
"""

_COMMANDS = """
SELECT o.public_id FROM trading_order o
WHERE o.venue = 'alpaca' AND o.status IN ('pending_submit', 'submit_unknown') AND o.broker_order_id IS NULL
    AND NOT EXISTS (
        SELECT 1 FROM trading_ordercommand c
        WHERE c.order_id = o.id AND c.kind = 'submit' AND c.status IN ('waiting', 'unknown')
    )
"""

_RESERVED = """
SELECT p.public_id FROM accounts_portfolio p
LEFT JOIN (
    SELECT o.account_id, i.currency, sum(o.reserved_amount) AS amount
    FROM trading_order o JOIN trading_instrument i ON i.id = o.instrument_id
    WHERE o.reserved_amount > 0 GROUP BY o.account_id, i.currency
) r ON r.account_id = p.account_id AND r.currency = p.currency
WHERE p.reserved_balance <> coalesce(r.amount, 0)
"""

# Fills from files or by hand, and trades that were deleted, may have taken what orders had set aside: as many units as
# they are for, and no more. Most promise no more than is held, and are asked for nothing else.
_HOLDINGS = """
SELECT o.account_id || '/' || o.instrument_id FROM (
    SELECT account_id, instrument_id, sum(reserved_units) AS units FROM trading_order
    WHERE reserved_units > 0 AND held = 'holdings' AND venue = 'paper' GROUP BY account_id, instrument_id
) o
LEFT JOIN trading_position p ON p.account_id = o.account_id AND p.instrument_id = o.instrument_id
WHERE o.units > abs(coalesce(p.quantity, 0)) AND o.units > abs(coalesce(p.quantity, 0)) + coalesce((
    SELECT sum(e.quantity) FROM trading_execution e
    WHERE e.account_id = o.account_id AND e.instrument_id = o.instrument_id
        AND (e.source <> 'order' OR e.voided_at IS NOT NULL)
), 0)
"""

_LEDGER_OF_ORDERS = """
SELECT o.public_id FROM trading_order o
JOIN trading_instrument i ON i.id = o.instrument_id
LEFT JOIN (
    SELECT p.account_id, l.note, sum(l.available_change) AS available, sum(l.reserved_change) AS reserved
    FROM accounts_ledgerentry l JOIN accounts_portfolio p ON p.id = l.portfolio_id
    WHERE l.kind IN ('reserve', 'release', 'trade', 'fee') AND l.note <> ''
    GROUP BY p.account_id, l.note
) e ON e.note = o.public_id::text AND e.account_id = o.account_id
WHERE coalesce(e.reserved, 0) <> o.reserved_amount
    OR (i.kind <> ALL(%s)
        AND coalesce(e.available, 0) <> o.traded_amount - o.fee_amount - o.reserved_amount)
"""

_BALANCES = """
SELECT p.public_id FROM accounts_portfolio p
LEFT JOIN (
    SELECT portfolio_id, sum(available_change) AS available, sum(reserved_change) AS reserved
    FROM accounts_ledgerentry GROUP BY portfolio_id
) l ON l.portfolio_id = p.id
LEFT JOIN LATERAL (
    SELECT available_after, reserved_after FROM accounts_ledgerentry
    WHERE portfolio_id = p.id ORDER BY id DESC LIMIT 1
) last ON true
WHERE p.available_balance - p.owed_balance <> coalesce(l.available, 0)
    OR p.reserved_balance <> coalesce(l.reserved, 0)
    OR p.available_balance - p.owed_balance <> coalesce(last.available_after, 0)
    OR p.reserved_balance <> coalesce(last.reserved_after, 0)
"""

_FEES = """
SELECT coalesce(f.account_id, e.account_id) || '/' || coalesce(f.instrument_id, e.instrument_id)
FROM (
    SELECT f.account_id, t.instrument_id, sum(f.fees) AS fees
    FROM trading_tradefill f JOIN trading_trade t ON t.id = f.trade_id GROUP BY f.account_id, t.instrument_id
) f
FULL JOIN (
    SELECT account_id, instrument_id, sum(commission + fees) AS fees
    FROM trading_execution WHERE voided_at IS NULL GROUP BY account_id, instrument_id
) e ON e.account_id = f.account_id AND e.instrument_id = f.instrument_id
WHERE coalesce(f.fees, 0) <> coalesce(e.fees, 0)
"""

_PARTS = """
SELECT e.public_id FROM trading_execution e
LEFT JOIN (SELECT execution_id, sum(quantity) AS quantity FROM trading_tradefill GROUP BY execution_id) f
    ON f.execution_id = e.id
WHERE coalesce(f.quantity, 0) <> CASE WHEN e.voided_at IS NULL THEN e.quantity ELSE 0 END
"""

_CURRENCIES = """
SELECT t.public_id FROM trading_trade t
JOIN trading_tradefill f ON f.trade_id = t.id JOIN trading_execution e ON e.id = f.execution_id
WHERE e.currency <> t.currency
"""

_DAYS = """
SELECT e.public_id FROM trading_execution e JOIN accounts_account a ON a.id = e.account_id
WHERE e.executed_at IS NOT NULL AND e.executed_on <> ((e.executed_at AT TIME ZONE a.time_zone) - a.day_start)::date
    + CASE WHEN a.day_start >= TIME '12:00' THEN 1 ELSE 0 END
"""

_BATCHES = """
SELECT b.public_id FROM trading_importbatch b
WHERE b.status NOT IN ('applied', 'undone') AND EXISTS (SELECT 1 FROM trading_execution e WHERE e.batch_id = b.id)
    OR b.status = 'undone'
    AND EXISTS (SELECT 1 FROM trading_execution e WHERE e.batch_id = b.id AND e.voided_at IS NULL)
"""

_UNITS_OF_PLANS = """
SELECT m.public_id FROM trading_managedposition m
LEFT JOIN (
    SELECT managed_position_id, sum(CASE WHEN ended_at IS NULL THEN quantity ELSE filled_quantity END) AS units
    FROM trading_planexit GROUP BY managed_position_id
) e ON e.managed_position_id = m.id
WHERE m.entry_quantity <> m.remaining + m.gone + coalesce(e.units, 0)
"""

_EXITS_OF_PLANS = """
SELECT e.client_order_id FROM trading_planexit e
JOIN trading_managedposition m ON m.id = e.managed_position_id
LEFT JOIN trading_order o ON o.id = e.order_id
WHERE e.number > m.exits
    OR (e.ended_at IS NULL AND m.closed_at IS NOT NULL)
    OR e.filled_quantity > coalesce(o.filled_quantity, e.filled_quantity)
    OR o.client_order_id <> e.client_order_id OR o.account_id <> m.account_id OR o.instrument_id <> m.instrument_id
"""

_ENTRIES_OF_PLANS = """
SELECT m.public_id FROM trading_managedposition m JOIN trading_order o ON o.id = m.entry_order_id
WHERE NOT m.is_entered AND o.status = ANY(%s)
"""

_ONE_IDENTITY = """
SELECT min(public_id::text) FROM trading_execution GROUP BY account_id, identity HAVING count(*) > 1
"""

_ROLES = """
SELECT c.relname || ': ' || p.privilege FROM pg_trigger t
JOIN pg_class c ON c.oid = t.tgrelid
CROSS JOIN (VALUES ('UPDATE'), ('DELETE'), ('TRUNCATE')) p (privilege)
WHERE t.tgname = 'refuse_change' AND EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'journal_app')
    AND has_table_privilege('journal_app', c.oid, p.privilege)
UNION ALL
SELECT c.relname || ': trigger off' FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
WHERE t.tgname IN ('refuse_change', 'refuse_truncate') AND t.tgenabled = 'D'
UNION ALL
SELECT c.relname || ': ' || k.conname FROM pg_constraint k
JOIN pg_class c ON c.oid = k.conrelid
JOIN pg_trigger t ON t.tgrelid = c.oid AND t.tgname = 'refuse_change'
WHERE k.contype = 'f' AND k.confdeltype IN ('c', 'n', 'd')
UNION ALL
SELECT rolname || ': superuser' FROM pg_roles WHERE rolname = 'journal_app' AND (rolsuper OR rolbypassrls)
UNION ALL
SELECT c.relname || ': owned by the application' FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner
WHERE r.rolname = 'journal_app' AND c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
"""


def _no_number_that_is_none() -> Iterator[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, string_agg(quote_ident(column_name), ',' ORDER BY ordinal_position) "
            "FROM information_schema.columns WHERE table_schema = current_schema() AND data_type = 'numeric' "
            "AND table_name IN (SELECT tablename FROM pg_tables WHERE schemaname = current_schema()) "
            "GROUP BY table_name ORDER BY table_name"
        )
        for table, columns in cursor.fetchall():
            values = ", ".join(f"bool_or({name} IN ('NaN', 'Infinity', '-Infinity'))" for name in columns.split(","))
            cursor.execute(f'SELECT {values} FROM "{table}"')  # noqa: S608 - names of the catalogue
            found = cursor.fetchone()
            yield from (f"{table}.{name}" for name, is_odd in zip(columns.split(","), found, strict=True) if is_odd)


def _nothing_of_one_under_another() -> Iterator[str]:
    with connection.cursor() as cursor:
        for model, key in _owned_keys():
            child, parent = model._meta.db_table, key.related_model._meta.db_table  # type: ignore[union-attr]
            cursor.execute(
                f"SELECT c.{model._meta.pk.column} FROM {child} c JOIN {parent} p ON p.id = c.{key.column} "  # noqa: S608 - names of the catalogue
                "WHERE c.owner_id IS NOT NULL AND p.owner_id IS NOT NULL AND c.owner_id <> p.owner_id LIMIT 20"
            )
            yield from (f"{child} {row[0]} -> {parent}" for row in cursor.fetchall())


def _owned_keys() -> Iterator[tuple[type[Model], ForeignKey[Model, Model]]]:
    for model in apps.get_models():
        names = {field.name for field in model._meta.get_fields()}
        if "owner" not in names:
            continue
        for field in model._meta.get_fields():
            related = getattr(field, "related_model", None)
            if not isinstance(field, ForeignKey) or field.name == "owner" or related is None:
                continue
            if any(each.name == "owner" for each in related._meta.get_fields()):
                yield model, field


def _orders_worked_out_anew(among: Collection[uuid.UUID] | None = None) -> Iterator[str]:
    """Every order's status, quantities and money are what its events make of it."""
    found = Order.objects.all() if among is None else Order.objects.filter(public_id__in=among)
    rows = found.exclude(held="").select_related("instrument").prefetch_related("events").order_by("pk")
    for order in rows.iterator(chunk_size=_AT_A_TIME):
        state = fold(known_of(order.events.all()), quantity=order.quantity)
        hold = hold_of(order)
        assert hold is not None, "what set nothing aside is left out"
        stands = standing(
            state,
            hold,
            side=Side(order.side),
            multiplier=order.instrument.multiplier,
            is_margined=order.instrument.kind in MARGINED,
        )
        booked = standing_of(order)
        reserved = (Decimal(0), Decimal(0)) if order.shares_hold else (stands.reserved, stands.reserved_units)
        if (order.status, order.filled_quantity, order.overfill_quantity, order.filled_average_price) != (
            state.status,
            state.filled_quantity,
            state.overfill,
            state.average_price,
        ) or (booked.reserved, booked.reserved_units, booked.traded, booked.fees) != (
            *reserved,
            stands.traded,
            stands.fees,
        ):
            yield str(order.public_id)


INVARIANTS: tuple[Invariant, ...] = (
    _sql(
        "orders-fills",
        "what an order says of its fills is what they say",
        _ORDERS_AND_FILLS,
    ),
    _sql("orders-status", "an order's status goes with its quantities", _STATUS_OF_QUANTITIES),
    _sql("orders-events", "an order stands where its last event left it", _EVENTS_LEAD_TO_STATUS),
    _sql("orders-replaced", "an order that was replaced here has an order in its place", _REPLACED),
    Invariant("orders-anew", "an order is what its events make of it", _orders_worked_out_anew),
    _sql("commands", "an order that its broker does not have yet is on its way there", _COMMANDS),
    _sql("positions", "a position is the sum of its fills", _POSITIONS),
    _sql("reserved", "what a portfolio has reserved is what its orders set aside", _RESERVED),
    _sql("holdings", "orders of this desk set aside no more units than are held", _HOLDINGS),
    _sql("orders-ledger", "what the ledger says of an order is what it did", _LEDGER_OF_ORDERS, [sorted(MARGINED)]),
    _sql("balances", "a balance is the sum of its ledger, and what its last entry states", _BALANCES),
    _sql("fees", "the costs of trades are those of their fills, each once", _FEES),
    _sql("parts", "every fill that counts belongs to trades with all of its quantity, and no other", _PARTS),
    _sql("currencies", "a trade's fills are in its currency", _CURRENCIES),
    _sql("days", "a fill stands on its account's own trading day", _DAYS),
    _sql("imports", "an import's fills are there all, or none of them counts", _BATCHES),
    _sql("identities", "a fill is stored once", _ONE_IDENTITY),
    _sql("plans-units", "what a plan entered remains, left otherwise, or is its exits'", _UNITS_OF_PLANS),
    _sql(
        "plans-entries",
        "a plan waits only for an order that may still fill",
        _ENTRIES_OF_PLANS,
        [ENDS],
    ),
    _sql("plans-exits", "an exit is one of its plan's, with the order of its name", _EXITS_OF_PLANS),
    Invariant("numbers", "every number is one", _no_number_that_is_none),
    Invariant("owners", "nothing of one person stands under another's", _nothing_of_one_under_another),
    _sql("history", "the application can only add to history", _ROLES),
)

_OF_DESK = ("orders-fills", "orders-status", "orders-events", "orders-ledger", "plans-units")


def broken_by(keys: Collection[uuid.UUID]) -> Iterator[str]:
    """The names of the invariants that orders and plans of these outside ids break; of the desk's own alone."""
    if any(_orders_worked_out_anew(keys)):
        yield "orders-anew"
    names = {str(key) for key in keys}
    for each in INVARIANTS:
        if each.name in _OF_DESK and not names.isdisjoint(each.broken()):
            yield each.name
