"""What the benchmark runs on: one person with as many accounts and trades as asked for, the same for a seed.

All is written by a few statements in one transaction, so that an interrupted run leaves nothing behind. The trades
are whole: two fills each, costs, wins, losses and breakevens, none overlapping another one in its account.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import connection, connections, transaction

from accounts import versions
from accounts.models import Account, Client, ClientStatus, User
from journal import facets, tasks
from journal.benchmark import remarks
from journal.metrics import rollups
from trading.models import Instrument, InstrumentKind, Trade

EMAIL = "benchmark@example.com"
BROKERS = ("Interactive Brokers", "Tradovate", "NinjaTrader", "TD Ameritrade", "E*TRADE")
SYMBOLS = ("BENCH.ES", "BENCH.NQ", "BENCH.YM", "BENCH.RTY", "BENCH.CL")

#: The last trading day. Fixed, so that the same seed makes the same trades tomorrow.
LAST_DAY = date(2026, 6, 30)
#: Goes up when another version of this module makes other trades of the same size and seed.
MAKE = 3
#: Trades per statement, which is how often progress is told.
PIECE = 100_000

#: Weekdays that trades are spread over: the document's month, or two years where there are more than this per account.
MONTH, TWO_YEARS, MANY = 30, 522, 100
#: Trades per account and active day where there are many.
PER_DAY = 5

Say = Callable[[str], None]

_SUMS = (
    "journal_dayversion", "journal_dayrollup", "journal_ownerday", "journal_accounttotals", "journal_facetversion",
    "journal_remarkversion", "journal_facetday", "journal_resultday", "journal_runday",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Size:
    """How large the dataset is. `trades` is the number over all accounts.

    With `days`, every account trades on each of the last so many weekdays, as evenly as its trades allow. Without it
    the shape is the document's: any of 30 days; or, from 100 trades per account on, about five trades a day on some
    of the days of two years.
    """

    accounts: int
    trades: int
    days: int | None = None
    seed: int = 1

    @property
    def span(self) -> int:
        """Weekdays from the first to the last possible trade."""
        if self.days is not None:
            return self.days
        return MONTH if self.trades <= self.accounts * MANY else TWO_YEARS

    @property
    def active_days(self) -> int:
        """On how many of them one account trades at most."""
        if self.days is not None:
            return self.days
        return min(self.span, max(MONTH, self.trades // self.accounts // PER_DAY))

    def __str__(self) -> str:
        days = f", {self.days} days" if self.days is not None else ""
        return f"Benchmark {MAKE}: {self.accounts} accounts, {self.trades} trades{days}, seed {self.seed}"


@dataclass(frozen=True, slots=True)
class Dataset:
    """What was found or made."""

    owner: User
    size: Size
    account_days: int
    owner_days: int
    is_reused: bool


def prepare(size: Size, *, say: Say) -> Dataset:
    """The dataset is there with all its sums: found if it has this size and seed, else made in place of another."""
    owner = User.objects.filter(email=EMAIL).first()
    is_reused = owner is not None and _is_it(owner, size)
    if owner is None or not is_reused:
        if owner is not None:
            say("another dataset is there: removing it")
            remove()
        # Not left to the background: if that finds all rows dead while new ones are being written, the planner takes a
        # table for empty and no longer looks rows up by key. Two minutes became twenty.
        _vacuum(say=say)
        owner = _make(size, say=say)
    tasks.recompute_owner(owner.pk)
    if not is_reused:
        _vacuum(say=say)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT count(*) FROM journal_dayrollup WHERE owner_id = %(owner)s), "
            "(SELECT count(*) FROM journal_ownerday WHERE owner_id = %(owner)s)",
            {"owner": owner.pk},
        )
        account_days, owner_days = cursor.fetchone()
    return Dataset(owner, size, account_days, owner_days, is_reused)


@transaction.atomic
def remove() -> bool:
    """Nothing of the benchmark is in the database any more; returns whether there was anything."""
    owner = User.objects.select_for_update().filter(email=EMAIL).first()
    if owner is not None:
        remarks.forget(owner.pk)
        with connection.cursor() as cursor:
            # By hand: the ORM would fetch every row before it deletes it.
            for table in _SUMS:
                cursor.execute(f"DELETE FROM {table} WHERE owner_id = %s", [owner.pk])  # noqa: S608
            for table in ("trading_tradefill", "trading_trade", "trading_execution"):
                cursor.execute(
                    f"DELETE FROM {table} WHERE account_id IN "  # noqa: S608
                    "(SELECT id FROM accounts_account WHERE owner_id = %s)",
                    [owner.pk],
                )
        owner.delete()
    Instrument.objects.filter(symbol__in=SYMBOLS).delete()
    return owner is not None


def _is_it(owner: User, size: Size) -> bool:
    accounts = Account.objects.for_user(owner)
    return (
        accounts.count() == accounts.filter(description=str(size)).count() == size.accounts
        and Trade.objects.for_user(owner).count() == size.trades
    )


@transaction.atomic
def _make(size: Size, *, say: Say) -> User:
    say(f"making {size.accounts:,} accounts with {size.trades:,} trades")
    owner = User.objects.create_user(EMAIL)
    Client.objects.create(user=owner, status=ClientStatus.ACTIVE)
    Instrument.objects.bulk_create(
        Instrument(symbol=symbol, name="Of the benchmark", kind=InstrumentKind.FUTURE, currency="USD")
        for symbol in SYMBOLS
    )
    values: dict[str, Any] = {
        "owner": owner.pk,
        "accounts": size.accounts,
        "trades": size.trades,
        "seed": size.seed,
        "mark": str(size),
        "brokers": list(BROKERS),
        "symbols": list(SYMBOLS),
        "opened": datetime.combine(LAST_DAY, datetime.min.time(), UTC) - timedelta(days=800),
        "days": _weekdays(size.span),
        "span": size.span,
        "active": size.active_days,
        "is_even": size.days is not None,
    }
    with connection.cursor() as cursor:
        cursor.execute(_ACCOUNTS, values)
        cursor.execute(_DRAW, values)
        cursor.execute("CREATE UNIQUE INDEX ON benchmark_trade (place)")
        cursor.execute("ANALYZE benchmark_trade")
        # Checked piece by piece: a million deferred checks would have to be remembered until the end.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        # The rows just made are not in the planner's statistics. Each of some ten million checks must find its row by
        # key all the same, not by reading the accounts of the owner, or the table.
        cursor.execute("ANALYZE accounts_account")
        cursor.execute("SET LOCAL enable_seqscan = off")
        for first in range(1, size.trades + 1, PIECE):
            piece = {**values, "first": first, "last": first + PIECE - 1}
            for statement in (_EXECUTIONS, _TRADES, _FILLS):
                cursor.execute(statement, piece)
            say(f"  {min(first + PIECE - 1, size.trades):,} of {size.trades:,} trades")
        cursor.execute("SET LOCAL enable_seqscan = on")
        say("  groups, tags and playbooks")
        remarks.write(values)
        cursor.execute("DROP TABLE benchmark_trade")
    say(f"  {rollups.request_all(owner.pk):,} account-days to be summed")
    facets.request_all(owner.pk)
    versions.bump(owner.pk)
    return owner


def _weekdays(count: int) -> list[date]:
    """The last weekdays up to LAST_DAY, ascending."""
    days: list[date] = []
    day = LAST_DAY
    while len(days) < count:
        if day.weekday() < 5:
            days.append(day)
        day -= timedelta(days=1)
    return days[::-1]


def _vacuum(*, say: Say) -> None:
    """The planner knows the new rows, and no vacuum in the background disturbs what is timed."""
    if connection.in_atomic_block:
        return
    say("tidying the tables")
    tables = "trading_execution, trading_trade, trading_tradefill, accounts_account, "
    tables += f"trading_trade_tags, journal_tradeplaybook, journal_rulecheck, {', '.join(_SUMS)}"
    with connections["owner"].cursor() as cursor:
        cursor.execute(f"VACUUM (ANALYZE) {tables}")


def _draw(what: str, salt: int) -> str:
    """SQL of a whole number from 0 on, the same for the same `what` and seed."""
    return f"(hashint8extended(({what})::bigint, %(seed)s::bigint * 100 + {salt}) & 2147483647)"


_ACCOUNTS = f"""
INSERT INTO accounts_account (owner_id, name, broker, number, kind, status, currency, time_zone, day_start,
    cost_method, venue, paper_fills, initial_balance, color, description, is_sample, allows_short, created_at,
    updated_at)
SELECT %(owner)s, 'Test Account ' || lpad(i::text, 5, '0'), (%(brokers)s::text[])[1 + i %% {len(BROKERS)}], '',
    'individual', 'active', 'USD', 'UTC', '00:00', 'fifo', 'paper', 'quotes', 10000 + {_draw("i", 1)} %% 90001,
    '#6b7fd7', %(mark)s, false, false, %(opened)s + i * interval '1 minute', %(opened)s + i * interval '1 minute'
FROM generate_series(1, %(accounts)s) AS i
"""  # noqa: S608 – constants of this module

# Trades per account in the proportions of the document, 10 to 49; the sum is exactly what was asked for. Each takes
# its own slice of the session of its day, so that no two of an account overlap. A day has its mood, in percent of
# winners: or else a thousand accounts together would never lose. Rows are in the order of time, as imports leave them.
_DRAW = f"""
CREATE TEMPORARY TABLE benchmark_trade AS
WITH weights AS (
    SELECT id AS account_id, number, CASE WHEN %(is_even)s THEN 1 ELSE 10 + {_draw("number", 2)} %% 40 END AS weight
    FROM (SELECT id, row_number() OVER (ORDER BY id) AS number FROM accounts_account WHERE owner_id = %(owner)s) a
), bounds AS (
    SELECT account_id, number, %(trades)s * (sum(weight) OVER (ORDER BY number))::bigint / (sum(weight) OVER ())::bigint
        AS last FROM weights
), drawn AS (
    SELECT account_id, number, draw, number * 100000000 + draw AS n
    FROM (SELECT account_id, number, last, coalesce(lag(last) OVER (ORDER BY number), 0) AS before FROM bounds) b,
        generate_series(0, last - before - 1) AS draw
), placed AS (
    SELECT account_id, n, number * 1000000 + CASE WHEN %(is_even)s THEN draw ELSE {_draw("n", 3)} END %% %(active)s AS m
    FROM drawn
), dated AS (
    SELECT account_id, n, (%(days)s::date[])[
        1 + floor((m %% 1000000 + {_draw("m", 4)} / 2147483648.0) * %(span)s / %(active)s)::int
    ] AS day FROM placed
), sliced AS (
    SELECT account_id, n, day, row_number() OVER slices - 1 AS slice, 28800 * interval '1 second' / count(*) OVER (
        PARTITION BY account_id, day) AS width
    FROM dated WINDOW slices AS (PARTITION BY account_id, day ORDER BY n)
), timed AS (
    SELECT account_id, n, day, day::timestamp AT TIME ZONE 'UTC' + interval '9 hours' + slice * width AS opened_at,
        width * ((10 + {_draw("n", 5)} %% 70) / 100.0) AS held,
        25 + {_draw("day - DATE '2000-01-01'", 11)} %% 65 AS mood
    FROM sliced
), priced AS (
    SELECT account_id, n, day, opened_at, opened_at + held AS closed_at, {_draw("n", 6)} %% 2 = 0 AS is_long,
        1 + {_draw("n", 7)} %% {len(SYMBOLS)} AS symbol, 4000 + ({_draw("n", 8)} %% 50001) / 100.0 AS entry_price,
        CASE WHEN {_draw("n", 9)} %% 100 < mood THEN 100 + {_draw("n", 10)} %% 50001 / 100.0
            WHEN {_draw("n", 9)} %% 100 < mood + 3 THEN 0
            ELSE -50 - {_draw("n", 10)} %% 30001 / 100.0 END AS gross
    FROM timed
)
SELECT row_number() OVER (ORDER BY closed_at, n) AS place, account_id, day, opened_at, closed_at, is_long,
    (SELECT id FROM trading_instrument WHERE trading_instrument.symbol = (%(symbols)s::text[])[p.symbol])
        AS instrument_id,
    entry_price, CASE WHEN is_long THEN entry_price + gross ELSE entry_price - gross END AS exit_price, gross,
    1.24 AS cost, lpad(to_hex(2 * n), 32, '0')::uuid AS entry_identity,
    lpad(to_hex(2 * n + 1), 32, '0')::uuid AS exit_identity,
    nextval(pg_get_serial_sequence('trading_execution', 'id')) AS entry_id,
    nextval(pg_get_serial_sequence('trading_execution', 'id')) AS exit_id,
    nextval(pg_get_serial_sequence('trading_trade', 'id')) AS trade_id
FROM priced p
"""  # noqa: S608

_EXECUTIONS = """
INSERT INTO trading_execution (id, owner_id, account_id, instrument_id, side, quantity, price, multiplier, currency,
    commission, fees, executed_at, executed_on, sort_at, sequence, identity, broker_fill_id, order_id, source,
    created_at)
SELECT f.id, %(owner)s, b.account_id, b.instrument_id, f.side, 1, f.price, 1, 'USD', b.cost, 0, f.at, b.day, f.at, 0,
    f.identity, '', '', 'import', now()
FROM benchmark_trade b, LATERAL (VALUES
    (b.entry_id, CASE WHEN b.is_long THEN 'buy' ELSE 'sell' END, b.entry_price, b.opened_at, b.entry_identity),
    (b.exit_id, CASE WHEN b.is_long THEN 'sell' ELSE 'buy' END, b.exit_price, b.closed_at, b.exit_identity)
) AS f (id, side, price, at, identity)
WHERE b.place BETWEEN %(first)s AND %(last)s ORDER BY b.place
"""

_TRADES = """
INSERT INTO trading_trade (id, owner_id, account_id, instrument_id, opening_execution_id, side, status, currency,
    multiplier, opened_at, closed_at, opened_on, closed_on, first_exit_on, last_exit_on, activity_at, quantity,
    open_quantity, entry_price, exit_price, fill_count, gross_pnl, fees, net_pnl, outcome, initial_stop,
    realized_r, note, rating, reviewed_at, created_at, updated_at)
SELECT trade_id, %(owner)s, account_id, instrument_id, entry_id, CASE WHEN is_long THEN 'long' ELSE 'short' END,
    'closed', 'USD', 1, opened_at, closed_at, day, day, day, day, closed_at, 1, 0, entry_price, exit_price, 2, gross,
    2 * cost, gross - 2 * cost, CASE WHEN gross > 0 THEN 'win' WHEN gross < 0 THEN 'loss' ELSE 'breakeven' END,
    CASE WHEN is_long THEN entry_price - stop ELSE entry_price + stop END, round((gross - 2 * cost) / stop, 12),
    CASE WHEN place %% 20 = 7 THEN 'Waited for the pullback, took ' || place || ' as planned.' ELSE '' END,
    CASE WHEN place %% 5 = 1 THEN 1 + place %% 4 END, CASE WHEN place %% 33 > 0 THEN closed_at END, now(), now()
FROM (SELECT *, (ARRAY[50, 100, 200, NULL, NULL])[1 + place %% 5] AS stop FROM benchmark_trade) b
WHERE place BETWEEN %(first)s AND %(last)s ORDER BY place
"""

_FILLS = """
INSERT INTO trading_tradefill (trade_id, execution_id, account_id, role, day, quantity, fees, gross_pnl, net_pnl)
SELECT b.trade_id, f.execution_id, b.account_id, f.role, b.day, 1, b.cost, f.gross, f.gross - 2 * b.cost
FROM benchmark_trade b, LATERAL (VALUES (b.entry_id, 'entry', NULL), (b.exit_id, 'exit', b.gross))
    AS f (execution_id, role, gross)
WHERE b.place BETWEEN %(first)s AND %(last)s ORDER BY b.place
"""
