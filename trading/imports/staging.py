"""A file's fills on their way in: parsed once, streamed by COPY into a temporary table, and read from there.

A million fills never stand in Python's memory at once.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, BinaryIO, NamedTuple

from django.db import connection

from accounts.fields import LARGEST_MONEY, LARGEST_PRICE
from trading import bulk
from trading.imports import remarks
from trading.imports.parsers.base import ParseContext, ParsedFill, Parser, RowError, SkippedRow, Warned
from trading.imports.remarks import Remark
from trading.models import RowOutcome

CHUNK = 10_000
#: Errors and warnings shown to the person; all are counted.
SHOWN = 200

_TABLE = """
DROP TABLE IF EXISTS import_stage, import_account, import_instrument;
CREATE TEMP TABLE import_stage (
    line integer, place integer, leg smallint, identity uuid, account_key integer, instrument_key integer,
    side varchar(4), quantity numeric, price numeric, multiplier numeric, currency varchar(12),
    commission numeric, fees numeric,
    executed_at timestamptz, executed_on date, broker_fill_id varchar(100), order_id varchar(100),
    order_number bigint, broker_pnl numeric
) ON COMMIT DROP;
CREATE TEMP TABLE import_account (account_key integer PRIMARY KEY, account_id bigint) ON COMMIT DROP;
CREATE TEMP TABLE import_instrument (
    instrument_key integer PRIMARY KEY, instrument_id bigint, currency varchar(12), multiplier numeric
) ON COMMIT DROP
"""
_COLUMNS = (
    "line place leg identity account_key instrument_key side quantity price multiplier currency commission fees "
    "executed_at executed_on broker_fill_id order_id order_number broker_pnl"
).split()
_ROW_COLUMNS = ("batch_id", "line", "outcome", "code", "message", "raw")


class ImportCanceled(Exception):
    """The person asked for the import to stop."""


class StagedInstrument(NamedTuple):
    """What fills say of an instrument. `account_key` is set where the currency is the account's."""

    symbol: str
    kind: str
    currency: str
    multiplier: Decimal | None
    account_key: int | None


@dataclass(slots=True)
class Staged:
    """What was found in the file."""

    rows: int = 0
    fills: int = 0
    skipped: Counter[tuple[str, str]] = field(default_factory=Counter)
    errors: list[RowError] = field(default_factory=list)
    error_count: int = 0
    warnings: list[Warned] = field(default_factory=list)
    account_numbers: dict[str, int] = field(default_factory=dict)  #: number -> account_key
    account_fills: Counter[int] = field(default_factory=Counter)
    instruments: dict[StagedInstrument, int] = field(default_factory=dict)
    remarks: dict[str, Remark] = field(default_factory=dict)  #: identity -> what its row says besides
    commission: Counter[str] = field(default_factory=Counter)
    first_on: date | None = None
    last_on: date | None = None
    later: int = 0  #: fills later than the one before
    earlier: int = 0

    @property
    def is_newest_first(self) -> bool:
        """Whether the file's own order proves to run backwards in time."""
        return self.earlier > 0 and self.later == 0


def stage(
    file: BinaryIO,
    *,
    parser: Parser,
    context: ParseContext,
    batch_id: int | None,
    on_progress: Callable[[int], None] = lambda rows: None,
) -> Staged:
    """The file's fills are in the temporary table `import_stage`; its lines in `ImportRow` when there is a batch.

    `on_progress` is told the number of rows read, every few thousand; it may raise ImportCanceled.
    Raises: FileRefused.
    """
    with connection.cursor() as cursor:
        cursor.execute(_TABLE)
    with bulk.Lane() as lane:
        stager = _Stager(parser=parser, batch_id=batch_id, lane=lane)
        for number, item in enumerate(parser.parse(file, context), start=1):
            stager.take(item)
            if number % CHUNK == 0:
                stager.flush()
                on_progress(stager.staged.rows)
        stager.flush()
    on_progress(stager.staged.rows)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE import_stage")
    return stager.staged


class _Stager:
    def __init__(self, *, parser: Parser, batch_id: int | None, lane: bulk.Lane) -> None:
        self.parser = parser
        self.batch_id = batch_id
        self.lane = lane
        self.staged = Staged()
        self.lines: list[str] = []
        self.rows: list[str] = []
        self.occurrences: Counter[bytes] = Counter()
        self.last_line = 0
        self.place = 0
        self.leg = 0
        self.last_place: datetime | date | None = None

    def take(self, item: ParsedFill | RowError | SkippedRow | Warned) -> None:
        staged = self.staged
        if type(item) is ParsedFill:
            self._take_fill(item)
        elif type(item) is SkippedRow:
            staged.rows += 1
            staged.skipped[item.code, item.message] += 1
            self._keep(item.line, RowOutcome.SKIPPED, item.code, item.message, item.raw)
        elif type(item) is RowError:
            staged.rows += 1
            staged.error_count += 1
            if len(staged.errors) < SHOWN:
                staged.errors.append(item)
        elif type(item) is Warned and len(staged.warnings) < SHOWN:
            staged.warnings.append(item)

    def _take_fill(self, fill: ParsedFill) -> None:
        staged = self.staged
        if (
            fill.price > LARGEST_PRICE
            or fill.quantity > LARGEST_PRICE
            or abs(fill.commission + fill.fees) > LARGEST_MONEY
        ):
            self.take(_too_large(fill))
            return
        staged.fills += 1
        if fill.line == self.last_line:
            self.leg += 1
        else:
            staged.rows += 1
            self.last_line, self.leg = fill.line, 0
            self.place += 1
            self._keep(fill.line, RowOutcome.NEW, "", "", fill.raw)
        account_key = staged.account_numbers.setdefault(fill.account_number, len(staged.account_numbers))
        staged.account_fills[account_key] += 1
        instrument = StagedInstrument(
            fill.symbol, fill.kind, fill.currency, fill.multiplier, None if fill.currency else account_key
        )
        instrument_key = staged.instruments.setdefault(instrument, len(staged.instruments))
        self._see_time(fill)
        if fill.commission or fill.fees:
            staged.commission[fill.currency] += fill.commission + fill.fees  # type: ignore[assignment]
        identity = self._identity(fill)
        remark = remarks.of(fill)
        if remark is not None and len(staged.remarks) < remarks.MOST:
            staged.remarks[identity] = remark
        text, order_id = bulk.text, fill.order_id
        order_number = order_id if order_id.isdigit() and order_id.isascii() and len(order_id) <= 18 else "\\N"
        self.lines.append(
            f"{fill.line}\t{self.place}\t{self.leg}\t{identity}\t{account_key}\t{instrument_key}\t{fill.side}\t"
            f"{fill.quantity:f}\t{fill.price:f}\t{text(fill.multiplier)}\t{text(fill.currency)}\t"
            f"{fill.commission:f}\t{fill.fees:f}\t{text(fill.executed_at)}\t{text(fill.executed_on)}\t"
            f"{text(fill.broker_fill_id)}\t{text(order_id)}\t{order_number}\t{text(fill.broker_pnl)}"
        )

    def _see_time(self, fill: ParsedFill) -> None:
        staged = self.staged
        place = fill.executed_at or fill.executed_on
        on = fill.executed_at.date() if fill.executed_at else fill.executed_on
        if on is not None:
            staged.first_on = min(staged.first_on or on, on)
            staged.last_on = max(staged.last_on or on, on)
        if self.leg == 0 and place is not None:
            if type(place) is type(self.last_place):
                if place > self.last_place:  # type: ignore[operator]
                    staged.later += 1
                elif place < self.last_place:  # type: ignore[operator]
                    staged.earlier += 1
            self.last_place = place

    def _identity(self, fill: ParsedFill) -> str:
        """The fill's identity: by the broker's id, else by the raw row and how often it has come before.

        Two equal fills in one file stay two; the same file again gives the same identities.
        """
        if fill.identity_key.startswith("id:"):
            whole = f"{self.parser.identity_family}\x1f{fill.identity_key}"
            return hashlib.blake2b(whole.encode(), digest_size=16).hexdigest()
        whole = f"{self.parser.name}\x1f{fill.identity_key}"
        digest = hashlib.blake2b(f"{fill.account_number}\x1f{whole}".encode(), digest_size=16).digest()
        self.occurrences[digest] += 1
        return hashlib.blake2b(f"{whole}\x1f{self.occurrences[digest]}".encode(), digest_size=16).hexdigest()

    def _keep(self, line: int, outcome: str, code: str, message: str, raw: str) -> None:
        if self.batch_id is not None:
            text = bulk.text
            self.rows.append(f"{self.batch_id}\t{line}\t{outcome}\t{code}\t{text(message[:500])}\t{text(raw)}")

    def flush(self) -> None:
        self.lane.copy("import_stage", _COLUMNS, self.lines)
        self.lines.clear()
        self.lane.copy("trading_importrow", _ROW_COLUMNS, self.rows)
        self.rows.clear()


def _too_large(fill: ParsedFill) -> RowError:
    message = "A price or quantity has at most 16 digits before the point, a cost 12."
    return RowError(fill.line, "", "too_many_digits", message, "", fill.raw)


def route(accounts: dict[int, int], instruments: dict[int, tuple[int, str, Decimal]]) -> None:
    """The staged keys stand for these rows: account_key -> id, instrument_key -> (id, currency, multiplier)."""
    bulk.copy_rows("import_account", ("account_key", "account_id"), accounts.items())
    bulk.copy_rows(
        "import_instrument",
        ("instrument_key", "instrument_id", "currency", "multiplier"),
        ((key, *values) for key, values in instruments.items()),
    )


def count_duplicates() -> int:
    """How many staged fills stand in their accounts already, or twice in this file."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT count(*) - count(DISTINCT (ia.account_id, s.identity))
                   FILTER (WHERE NOT EXISTS (
                       SELECT 1 FROM trading_execution e
                       WHERE e.account_id = ia.account_id AND e.identity = s.identity))
            FROM import_stage s JOIN import_account ia USING (account_key)
            """
        )
        return int(cursor.fetchone()[0])


# Fills of one instant keep the order of their order numbers where all have one, else that in which the parser gave
# them, which is the file's own unless the format knows better.
_INSERT = """
WITH placed AS (
    SELECT s.*, bool_and(order_number IS NOT NULL) OVER instant AS has_order_numbers
    FROM import_stage s
    WINDOW instant AS (PARTITION BY account_key, executed_at, executed_on)
), ordered AS (
    SELECT p.*, row_number() OVER (
        PARTITION BY account_key, executed_at, executed_on
        ORDER BY CASE WHEN has_order_numbers THEN order_number END, place * {direction}, leg
    ) - 1 AS sequence
    FROM placed p
)
INSERT INTO trading_execution (
    owner_id, account_id, instrument_id, side, quantity, price, multiplier, currency, commission, fees, executed_at,
    executed_on, sort_at, sequence, identity, broker_fill_id, order_id, broker_pnl, source, batch_id, line, created_at
)
SELECT a.owner_id, a.id, ii.instrument_id, e.side, e.quantity, e.price, COALESCE(e.multiplier, ii.multiplier),
    COALESCE(NULLIF(e.currency, ''), ii.currency), e.commission, e.fees, e.executed_at,
    COALESCE({day_of}, e.executed_on),
    COALESCE(e.executed_at, (e.executed_on + a.day_start
        - CASE WHEN a.day_start >= TIME '12:00' THEN INTERVAL '1 day' ELSE INTERVAL '0' END)
        AT TIME ZONE a.time_zone),
    e.sequence, e.identity, e.broker_fill_id, e.order_id, e.broker_pnl, 'import', %s, e.line, now()
FROM ordered e
JOIN import_account ia USING (account_key)
JOIN accounts_account a ON a.id = ia.account_id
JOIN import_instrument ii USING (instrument_key)
ORDER BY a.id, ii.instrument_id, e.executed_at, e.executed_on, e.sequence
ON CONFLICT (account_id, identity) DO NOTHING
"""


def insert_executions(batch_id: int, *, newest_first: bool, day_of: str) -> int:
    """The staged fills that are new are executions of the batch; returns how many."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '128MB'")
        cursor.execute(_INSERT.format(direction=-1 if newest_first else 1, day_of=day_of), [batch_id])
        return int(cursor.rowcount)


@contextmanager
def _joined_by_hash(cursor: Any) -> Iterator[None]:
    """Within it, tables are not gone through again for each row of another.

    The statistics know nothing yet of the rows that this transaction has just written: as few as there were before,
    one might think, could be looked through 24,000 times.
    """
    cursor.execute("SET LOCAL enable_nestloop = off")
    yield
    cursor.execute("SET LOCAL enable_nestloop = on")


def claim(batch_id: int, *, of: int) -> int:
    """The staged fills that are those of the other batch are this batch's; returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE trading_execution e SET batch_id = %s, line = s.line
            FROM import_stage s JOIN import_account ia USING (account_key)
            WHERE e.account_id = ia.account_id AND e.identity = s.identity AND e.batch_id = %s
            """,
            [batch_id, of],
        )
        claimed = int(cursor.rowcount)
        with _joined_by_hash(cursor):
            cursor.execute(
                """
                UPDATE trading_importrow r SET outcome = 'new', message = '' FROM trading_execution e
                WHERE r.batch_id = %s AND r.outcome = 'duplicate' AND e.batch_id = r.batch_id AND e.line = r.line
                """,
                [batch_id],
            )
    return claimed


def mark_duplicates(batch_id: int) -> None:
    """The kept lines whose fills were all there already say so."""
    with connection.cursor() as cursor, _joined_by_hash(cursor):
        cursor.execute(
            """
            UPDATE trading_importrow r SET outcome = 'duplicate', message = 'This fill is already in the account.'
            WHERE r.batch_id = %s AND r.outcome = 'new' AND NOT EXISTS (
                SELECT 1 FROM trading_execution e WHERE e.batch_id = %s AND e.line = r.line)
            """,
            [batch_id, batch_id],
        )


def sell_only_stocks() -> Iterator[tuple[int, str, int, Decimal]]:
    """(account_key, symbol, first line, quantity) of stocks only sold in the file and not held in the account."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT s.account_key, i.symbol, min(s.line), sum(s.quantity)
            FROM import_stage s
            JOIN import_account ia USING (account_key)
            JOIN import_instrument ii USING (instrument_key)
            JOIN trading_instrument i ON i.id = ii.instrument_id AND i.kind IN ('stock', 'etf')
            WHERE NOT EXISTS (SELECT 1 FROM trading_execution e
                WHERE e.account_id = ia.account_id AND e.instrument_id = i.id)
            GROUP BY s.account_key, i.symbol HAVING bool_and(s.side = 'sell')
            """
        )
        yield from cursor.fetchall()


def leave_out(account_key: int, symbol: str, *, batch_id: int | None) -> None:
    """The staged fills of this symbol are not imported, and their lines say why."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            DELETE FROM import_stage s USING import_instrument ii, trading_instrument i
            WHERE s.account_key = %s AND ii.instrument_key = s.instrument_key AND i.id = ii.instrument_id
                AND i.symbol = %s RETURNING s.line
            """,
            [account_key, symbol],
        )
        lines = [row[0] for row in cursor.fetchall()]
        if batch_id is not None:
            cursor.execute(
                "UPDATE trading_importrow SET outcome = 'skipped', code = 'left_out', "
                "message = 'Left out by your decision.' WHERE batch_id = %s AND line = ANY(%s)",
                [batch_id, lines],
            )
