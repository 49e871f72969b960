"""Bringing a backup back: into a scratch database to try it out, or into an empty one to keep."""

import os
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from urllib.parse import quote, urlencode

import psycopg
from django.conf import settings
from django.db.migrations.loader import MigrationLoader
from psycopg import sql

from config.backups.contents import RIGHTS, Compared, OnStep, compare, contents_of, is_empty
from config.backups.kept import Backup
from config.backups.server import BackupError, Database, Program, feed, program

#: Only for looking at the server; a database does as well without.
_OPTIONAL_EXTENSIONS = {"plpgsql", "pg_stat_statements"}

#: What takes each right by default away, and what gives it back.
_DEFAULT_RIGHTS = """
SELECT format(a.words, 'REVOKE', 'FROM'), format(a.words, 'GRANT', 'TO')
FROM (
    SELECT 'ALTER DEFAULT PRIVILEGES FOR ROLE ' || quote_ident(pg_get_userbyid(d.defaclrole))
        || coalesce(' IN SCHEMA ' || quote_ident(n.nspname), '') || ' %s ' || x.privilege_type || ' ON '
        || CASE d.defaclobjtype WHEN 'r' THEN 'TABLES' ELSE 'SEQUENCES' END || ' %s '
        || quote_ident(pg_get_userbyid(x.grantee)) AS words
    FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace, aclexplode(d.defaclacl) x
    WHERE d.defaclobjtype IN ('r', 'S') AND x.grantee NOT IN (0, d.defaclrole)
) a
"""


@contextmanager
def tried_out(
    backup: Backup, server: Database, *, key: str, on_step: OnStep
) -> Iterator[tuple[Database, list[Compared]]]:
    """The backup in a database made for it, compared with what it should hold; dropped at the end.

    Raises BackupError where the backup is damaged, sealed with another key, or made by a later server.
    """
    scratch = server.named(f"restore_check_{uuid.uuid4().hex[:12]}")
    _check_before(backup, server, key=key)
    has_roles = not _unknown_roles(backup, server)
    with _created(scratch, server):
        _load(backup, scratch, key=key, options=[] if has_roles else ["--no-owner", "--no-privileges"])
        lines = compared(backup, scratch, on_step)
        yield scratch, [line for line in lines if has_roles or line.name != f"({RIGHTS})"]


def restore_into(backup: Backup, target: Database, *, key: str, on_step: OnStep) -> list[Compared]:
    """The target, which is made where it is not there, holds the backup; or nothing has changed.

    Raises BackupError where the target holds anything, and as `tried_out` does. Returns what is found compared
    with what should be.
    """
    server = target.named(_maintenance_database(target))
    _check_before(backup, server, key=key)
    _check_is_ours_to_read(backup)
    is_new = not _exists(target, server)
    if not is_new:
        with target.connect() as connection:
            if not is_empty(connection):
                raise BackupError(
                    f"The database {target.name} is not empty. A backup is restored into an empty or a new one only."
                )
    if missing := _unknown_roles(backup, server):
        raise BackupError(
            f"The backup grants rights to {', '.join(missing)}, which this server does not know: "
            "create the roles first, as docs/operations.md says."
        )
    with _created(target, server, is_kept=True) if is_new else nullcontext():
        _load(backup, target, key=key, options=[])
    with target.connect(autocommit=True) as connection:
        connection.execute("ANALYZE")
    return compared(backup, target, on_step)


def compared(backup: Backup, database: Database, on_step: OnStep) -> list[Compared]:
    """What the database holds, beside what the manifest says."""
    with database.connect() as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        return compare(backup.manifest.contents, contents_of(connection, on_step))


def has_our_migrations(backup: Backup) -> bool:
    """Its tables are those that this version of the journal works with."""
    return set(backup.manifest.migrations) == _our_migrations()


def verify_invariants(database: Database) -> tuple[bool, str]:
    """Whether the command of that name finds nothing wrong there, and what it says. In a process of its own."""
    parts = dict(database.parameters)
    who = ":".join(quote(parts.pop(name), safe="") for name in ("user", "password") if name in parts)
    url = f"postgresql://{who}@/{quote(parts.pop('dbname'), safe='')}?{urlencode(parts)}"
    environment = os.environ | {"DATABASE_URL": url, "MIGRATION_DATABASE_URL": url, "REDIS_URL": settings.REDIS_URL}
    run = subprocess.run(
        [sys.executable, str(settings.BASE_DIR / "manage.py"), "verify_invariants"],
        check=False,
        capture_output=True,
        text=True,
        env=environment,
        cwd=settings.BASE_DIR,
    )
    return not run.returncode, (run.stdout + run.stderr).strip()


def _check_before(backup: Backup, server: Database, *, key: str) -> None:
    """All that can be known without writing anything."""
    backup.check()
    next(backup.pieces(key), None)
    with server.connect() as connection:
        major = connection.info.server_version // 10000
    if major < backup.manifest.server_major:
        raise BackupError(
            f"The backup was made by PostgreSQL {backup.manifest.server}, this server is {major}: "
            "it goes into the same or a later version only."
        )


def _our_migrations() -> set[str]:
    loader = MigrationLoader(None, ignore_no_migrations=True)
    return {f"{app}.{name}" for app, name in loader.disk_migrations}


def _check_is_ours_to_read(backup: Backup) -> None:
    if unknown := sorted(set(backup.manifest.migrations) - _our_migrations()):
        raise BackupError(
            f"The backup was made by a later version of the journal ({backup.manifest.product}): "
            f"this one does not know {unknown[0]}. Restore it with the version that made it."
        )


def _unknown_roles(backup: Backup, server: Database) -> list[str]:
    with server.connect() as connection:
        there = {str(name) for (name,) in connection.execute("SELECT rolname FROM pg_roles")}
    return sorted(set(backup.manifest.roles) - there)


def _maintenance_database(target: Database) -> str:
    """A database that one can be connected to while the target is made."""
    for name in (settings.DATABASES["owner"]["NAME"], "postgres"):
        if name != target.name:
            return str(name)
    return "postgres"


def _exists(target: Database, server: Database) -> bool:
    with server.connect() as connection:
        return bool(connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [target.name]).fetchone())


@contextmanager
def _created(new: Database, server: Database, *, is_kept: bool = False) -> Iterator[None]:
    """The database exists; unless it is kept, and whenever something goes wrong, it is dropped at the end."""
    name = sql.Identifier(new.name)
    try:
        with server.connect(autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
    except psycopg.Error as error:
        raise BackupError(
            f"No database can be made on this server: {error} The role that owns the tables needs CREATEDB."
        ) from None
    is_done = False
    try:
        yield
        is_done = True
    finally:
        if not (is_done and is_kept):
            with server.connect(autocommit=True) as connection:
                connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))


def _load(backup: Backup, database: Database, *, key: str, options: list[str]) -> None:
    """The empty database holds the backup, or is still empty."""
    with database.connect() as connection:
        there = {str(name) for (name,) in connection.execute("SELECT extname FROM pg_extension")}
        restorer = program("pg_restore", for_server=connection.info.server_version // 10000)
    if int(backup.manifest.pg_dump.split(".")[0]) > restorer.major:
        raise BackupError(f"The backup was made by pg_dump {backup.manifest.pg_dump}; {restorer.path} is older.")
    if missing := sorted(backup.manifest.extensions.keys() - there - _OPTIONAL_EXTENSIONS):
        raise BackupError(
            f"The database {database.name} lacks the extension {', '.join(missing)}: as superuser, "
            f"CREATE EXTENSION {missing[0]} in it, and in template1 for new ones."
        )
    with tempfile.TemporaryDirectory() as place:
        chosen = Path(place) / "list"
        chosen.write_text(_entries(backup, restorer, database, key=key))
        command = [restorer.path, f"--dbname={database.address}", "--no-password", "--exit-on-error"]
        command += ["--single-transaction", f"--use-list={chosen}", *options]
        with _no_default_rights(database):
            feed(command, database, backup.pieces(key))


@contextmanager
def _no_default_rights(database: Database) -> Iterator[None]:
    """New tables have the rights that the dump gives them, and not also those that the template gives every table.

    The dump brings the defaults of its own database, last. Where it cannot be restored they are as they were.
    """
    with database.connect(autocommit=True) as connection:
        found = connection.execute(_DEFAULT_RIGHTS).fetchall()
        for revoke, _grant in found:
            connection.execute(revoke)
        try:
            yield
        except BaseException:
            for _revoke, grant in found:
                connection.execute(grant)
            raise


def _entries(backup: Backup, restorer: Program, database: Database, *, key: str) -> str:
    """The dump's list without the extensions, which are a superuser's and are there already."""
    with tempfile.TemporaryFile() as told:
        feed([restorer.path, "--list"], database, backup.pieces(key), stdout=told.fileno())
        told.seek(0)
        lines = told.read().decode().splitlines(keepends=True)
    return "".join(line for line in lines if " EXTENSION " not in line)
