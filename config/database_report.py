"""How the database fares, and what to do about it: from what the server itself counts.

Nothing here is about anybody's money. Of queries only their shape is shown: whatever stands for a value in them,
a password in the worst case, is taken out before it leaves this module.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from django.db import DatabaseError, connection, transaction
from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from journal.templatetags.journal_format import percent

#: Rows of each table: the worst ones are enough to begin with.
SHOWN = 20
#: A transaction that is open for longer holds back the tidying of every table.
LONG_SECONDS = 60
#: Reading all of a smaller table is what a good plan does.
LARGE_ROWS = 10_000
_QUERY_LENGTH = 300

_LITERAL = re.compile(
    r"""\b[eE]'(?:\\.|''|[^'\\])*(?:'|$)|'(?:''|[^'])*(?:'|$)|\$(\w*)\$.*?(?:\$\1\$|$)|(?<![\w$.])\d+(?:\.\d+)?\b""",
    re.DOTALL,
)


class Kind(Enum):
    """What a column holds, and so how it is written."""

    TEXT = "text"
    COUNT = "count"
    BYTES = "bytes"
    SHARE = "share"
    MILLISECONDS = "milliseconds"
    TIME = "time"


@dataclass(frozen=True, slots=True)
class Section:
    """One question to the server. `advice` says what to do about the rows, `note` why there cannot be any."""

    name: str
    title: Any
    advice: Any
    columns: Sequence[tuple[Any, Kind]]
    rows: Sequence[Sequence[Any]]
    note: Any = ""

    @property
    def cells(self) -> list[list[tuple[str, bool]]]:
        """Of each row the texts, and whether each is a number."""
        kinds = [kind for _title, kind in self.columns]
        return [
            [(written(value, kind), kind not in (Kind.TEXT, Kind.TIME)) for value, kind in zip(row, kinds, strict=True)]
            for row in self.rows
        ]


def written(value: Any, kind: Kind) -> str:
    """In the words and digits of the language that is active."""
    if value is None:
        return gettext("never") if kind is Kind.TIME else "–"
    write: dict[Kind, Callable[[Any], str]] = {
        Kind.TEXT: str,
        Kind.COUNT: lambda count: number_format(count, use_l10n=True, force_grouping=True),
        Kind.BYTES: filesizeformat,
        Kind.SHARE: percent,
        Kind.MILLISECONDS: lambda time: f"{number_format(time, decimal_pos=1, force_grouping=True)} ms",
        Kind.TIME: lambda moment: date_format(timezone.localtime(moment), "SHORT_DATETIME_FORMAT"),
    }
    return write[kind](value)


def shape_of(query: str) -> str:
    """The query on one line without a single value in it."""
    return re.sub(r"\s+", " ", _LITERAL.sub("…", query)).strip()[:_QUERY_LENGTH]


def sections() -> Iterator[Section]:
    """The report. Each section is one query over what the server counts anyway, and reads no row of anybody."""
    yield _summary()
    yield _slow_queries()
    yield _sequential_scans()
    yield _long_transactions()
    yield _unused_indexes()
    yield _tables()


_SUMMARY = """
SELECT d.stats_reset, pg_database_size(d.datid),
    d.blks_hit::numeric / nullif(d.blks_hit + d.blks_read, 0),
    (SELECT count(*) FROM pg_stat_activity a WHERE a.backend_type = 'client backend'),
    current_setting('max_connections')::int, d.xact_rollback, d.deadlocks, d.temp_files, d.temp_bytes,
    (SELECT age(datfrozenxid) FROM pg_database WHERE oid = d.datid)
FROM pg_stat_database d WHERE d.datname = current_database()
"""


def _summary() -> Section:
    (row,) = _rows(_SUMMARY)
    since, size, hits, connections, most, rollbacks, deadlocks, files, spilled, age = row
    facts: list[tuple[Any, Any, Kind, Any]] = [
        (_("Counted since"), since, Kind.TIME, _("“Never” means since the server was set up.")),
        (_("Size"), size, Kind.BYTES, ""),
        (
            _("Found in memory"),
            hits,
            Kind.SHARE,
            _("Below 99% for weeks: give shared_buffers more memory, or look at the tables that are read in full."),
        ),
        (_("Connections"), connections, Kind.COUNT, ""),
        (_("Connections at most"), most, Kind.COUNT, _("Near it: fewer threads, or a pooler before the server.")),
        (_("Transactions rolled back"), rollbacks, Kind.COUNT, ""),
        (_("Deadlocks"), deadlocks, Kind.COUNT, _("More than a few: the server’s log names both queries.")),
        (_("Files of sorts that did not fit into memory"), files, Kind.COUNT, ""),
        (_("Written to them"), spilled, Kind.BYTES, _("If it grows every day: more work_mem.")),
        (
            _("Age of the oldest transaction number"),
            age,
            Kind.COUNT,
            _("Beyond 1,000,000,000: autovacuum does not keep up; VACUUM FREEZE the largest tables."),
        ),
    ]
    return Section(
        "summary",
        _("At a glance"),
        _("What the server has counted for this database."),
        [(_("What"), Kind.TEXT), (_("Value"), Kind.TEXT), (_("What to do"), Kind.TEXT)],
        [(what, written(value, kind), advice) for what, value, kind, advice in facts],
    )


# Only what is normalised by the server: the text of other statements may hold anything.
_SLOW = """
SELECT query, calls, mean_exec_time, total_exec_time, total_exec_time / nullif(sum(total_exec_time) OVER (), 0)
FROM pg_stat_statements
WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND query ~* '^\\s*(select|insert|update|delete|merge|with|copy)\\y'
ORDER BY mean_exec_time DESC LIMIT %s
"""


def _slow_queries() -> Section:
    note: Any = ""
    found: list[Any] = []
    try:
        with transaction.atomic():  # what fails here must not take the rest of the report with it
            found = _rows(_SLOW, SHOWN)
    except DatabaseError:
        note = _(
            "This server does not count queries: pg_stat_statements is not loaded, or CREATE EXTENSION "
            "pg_stat_statements was not run in this database. Its log names statements that take longer than "
            "log_min_duration_statement. The next two tables say what can be said without."
        )
    return Section(
        "slow-queries",
        _("Slowest queries"),
        _(
            "EXPLAIN (ANALYZE, BUFFERS) says where the time goes. Often called and slow: an index is missing, or too "
            "much is asked for. After a change, SELECT pg_stat_statements_reset() begins anew."
        ),
        [
            (_("Query"), Kind.TEXT),
            (_("Calls"), Kind.COUNT),
            (_("Mean"), Kind.MILLISECONDS),
            (_("Total"), Kind.MILLISECONDS),
            (_("Share of time"), Kind.SHARE),
        ],
        [(shape_of(query), *rest) for query, *rest in found],
        note,
    )


_SCANS = """
SELECT relname, seq_scan, seq_tup_read / nullif(seq_scan, 0), n_live_tup, coalesce(idx_scan, 0), last_seq_scan
FROM pg_stat_user_tables WHERE n_live_tup >= %s AND seq_scan > 0
ORDER BY seq_tup_read DESC LIMIT %s
"""


def _sequential_scans() -> Section:
    return Section(
        "sequential-scans",
        _("Large tables that are read in full"),
        _(
            "Many readings of nearly all rows: a condition has no index. A few are the backup, the verification and "
            "the figures over everything, and are fine."
        ),
        [
            (_("Table"), Kind.TEXT),
            (_("Readings in full"), Kind.COUNT),
            (_("Rows each time"), Kind.COUNT),
            (_("Rows there"), Kind.COUNT),
            (_("Readings by index"), Kind.COUNT),
            (_("Last"), Kind.TIME),
        ],
        _rows(_SCANS, LARGE_ROWS, SHOWN),
    )


_LONG = """
SELECT pid, usename, state, wait_event_type, xact_start, query FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start < now() - make_interval(secs => %s)
ORDER BY xact_start LIMIT %s
"""


def _long_transactions() -> Section:
    return Section(
        "long-transactions",
        _("Transactions open for more than a minute"),
        _(
            "They hold locks and keep dead rows alive. A backup and a large import may take long. “idle in "
            "transaction” may not: SELECT pg_terminate_backend(process) ends it, and nothing of it is kept."
        ),
        [
            (_("Process"), Kind.TEXT),
            (_("Role"), Kind.TEXT),
            (_("State"), Kind.TEXT),
            (_("Waits for"), Kind.TEXT),
            (_("Since"), Kind.TIME),
            (_("Query"), Kind.TEXT),
        ],
        [(*rest, shape_of(query or "")) for *rest, query in _rows(_LONG, LONG_SECONDS, SHOWN)],
    )


# What keeps rows unique, or is a foreign key's target, is used even if nobody ever reads by it.
_UNUSED = """
SELECT s.indexrelname, s.relname, pg_relation_size(s.indexrelid) AS size, i.reltuples::bigint
FROM pg_stat_user_indexes s
JOIN pg_index x ON x.indexrelid = s.indexrelid
JOIN pg_class i ON i.oid = s.indexrelid
WHERE s.idx_scan = 0 AND NOT x.indisunique AND NOT x.indisexclusion AND NOT x.indisreplident AND x.indisvalid
    AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = s.indexrelid)
    AND NOT EXISTS (SELECT 1 FROM pg_inherits h WHERE h.inhrelid = s.indexrelid)
ORDER BY size DESC, 1 LIMIT %s
"""


def _unused_indexes() -> Section:
    return Section(
        "unused-indexes",
        _("Indexes that nothing has read"),
        _(
            "Each costs time at every write. Since the moment above, on this server: a feature that nobody has used "
            "yet needs its index all the same. One that stays here for months goes by a migration. Those that "
            "keep rows unique are not listed."
        ),
        [(_("Index"), Kind.TEXT), (_("Table"), Kind.TEXT), (_("Size"), Kind.BYTES), (_("Entries"), Kind.COUNT)],
        [(index, table, size, max(entries, 0)) for index, table, size, entries in _rows(_UNUSED, SHOWN)],
    )


_TABLES = """
SELECT relname, pg_total_relation_size(relid) AS total, pg_indexes_size(relid), n_live_tup, n_dead_tup,
    n_dead_tup::numeric / nullif(n_live_tup + n_dead_tup, 0),
    greatest(last_vacuum, last_autovacuum), greatest(last_analyze, last_autoanalyze)
FROM pg_stat_user_tables ORDER BY total DESC, relname LIMIT %s
"""


def _tables() -> Section:
    return Section(
        "tables",
        _("Largest tables"),
        _(
            "More than a fifth of dead rows for days: a long transaction holds them, or autovacuum_vacuum_scale_factor "
            "of that table is too high; VACUUM (ANALYZE) helps now. Never analyzed and large: ANALYZE, or plans are "
            "guesses."
        ),
        [
            (_("Table"), Kind.TEXT),
            (_("Size in all"), Kind.BYTES),
            (_("Its indexes"), Kind.BYTES),
            (_("Rows"), Kind.COUNT),
            (_("Dead rows"), Kind.COUNT),
            (_("Share of dead rows"), Kind.SHARE),
            (_("Last vacuum"), Kind.TIME),
            (_("Last analyze"), Kind.TIME),
        ],
        _rows(_TABLES, SHOWN),
    )


def _rows(query: str, *parameters: int) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return list(cursor.fetchall())


def as_plain(value: Any) -> Any:
    """For JSON: exact numbers as text, moments in ISO 8601."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal) or not isinstance(value, int | float | str | None):
        return str(value)
    return value
