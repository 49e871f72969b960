"""What a database holds: of every table the number of rows and a checksum that no order of rows changes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

#: Told after each step of something long: what it was, how many are done, of how many.
OnStep = Callable[[str, int, int], None]

#: How many rights others than the owner have: one too many, and history can be rewritten.
RIGHTS = "rights of others"

#: What belongs to an extension comes with it and not with the dump.
_OURS = """
n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'
AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = '{0}'::regclass AND d.objid = {1}.oid AND d.deptype = 'e')
"""
_TABLES = f"""
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND {_OURS.format("pg_class", "c")} ORDER BY 1, 2
"""  # noqa: S608 - our own text
_OBJECTS = f"""
SELECT CASE c.relkind WHEN 'i' THEN 'indexes' WHEN 'I' THEN 'indexes' WHEN 'S' THEN 'sequences' ELSE 'views' END,
    count(*)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('i', 'I', 'S', 'v', 'm') AND {_OURS.format("pg_class", "c")} GROUP BY 1
UNION ALL
SELECT CASE k.contype WHEN 'f' THEN 'foreign keys' WHEN 'c' THEN 'checks' WHEN 'n' THEN 'not null'
    ELSE 'unique and exclusion' END, count(*)
FROM pg_constraint k JOIN pg_namespace n ON n.oid = k.connamespace
WHERE {_OURS.format("pg_constraint", "k")} GROUP BY 1
UNION ALL
SELECT CASE t.tgenabled WHEN 'D' THEN 'triggers switched off' ELSE 'triggers' END, count(*)
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE NOT t.tgisinternal AND {_OURS.format("pg_class", "c")} GROUP BY 1
UNION ALL
SELECT '{RIGHTS}', count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(c.relacl) a
WHERE a.grantee <> c.relowner AND {_OURS.format("pg_class", "c")}
UNION ALL
SELECT 'functions', count(*) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE {_OURS.format("pg_proc", "p")}
"""  # noqa: S608 - our own text


@dataclass(frozen=True, slots=True)
class Table:
    rows: int
    checksum: str


@dataclass(frozen=True, slots=True)
class Contents:
    """`tables` by schema and name; `objects` counts what else keeps the database sound, by kind."""

    tables: Mapping[str, Table]
    objects: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Compared:
    """One table, or one kind of object, as it was and as it is; None where there is none."""

    name: str
    was: int | None
    found: int | None
    is_same: bool


def contents_of(connection: psycopg.Connection, on_step: OnStep) -> Contents:
    """What the connection's transaction sees."""
    names = connection.execute(_TABLES).fetchall()
    tables = {}
    for done, (schema, name) in enumerate(names, start=1):
        query = sql.SQL("SELECT count(*), coalesce(sum(hashtextextended(t::text, 0)), 0)::text FROM ONLY {} t")
        rows, checksum = _one(connection, query.format(sql.Identifier(schema, name)))
        tables[f"{schema}.{name}"] = Table(rows, checksum)
        on_step(f"{schema}.{name}", done, len(names))
    return Contents(tables, dict(connection.execute(_OBJECTS).fetchall()))


def compare(was: Contents, found: Contents) -> list[Compared]:
    """Every table and kind of object that is in either."""
    lines = []
    for name in sorted(was.tables.keys() | found.tables.keys()):
        then, now = was.tables.get(name), found.tables.get(name)
        lines.append(Compared(name, then.rows if then else None, now.rows if now else None, then == now))
    for name in sorted(was.objects.keys() | found.objects.keys()):
        count, there = was.objects.get(name), found.objects.get(name)
        lines.append(Compared(f"({name})", count, there, count == there))
    return lines


def is_empty(connection: psycopg.Connection) -> bool:
    """No table, view or sequence of ours is there."""
    query = "SELECT NOT EXISTS (SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE "
    (answer,) = _one(connection, query + _OURS.format("pg_class", "c") + ")")
    return bool(answer)


def _one(connection: psycopg.Connection, query: Any) -> Any:
    row = connection.execute(query).fetchone()
    assert row is not None, "an aggregate always answers"
    return row
