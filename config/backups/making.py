"""Making a backup: the dump and the list of what is in it see the database at one and the same moment."""

import fcntl
import hashlib
import os
import shutil
import time
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings

from config.backups import kept
from config.backups.contents import OnStep, contents_of
from config.backups.kept import Backup, Manifest
from config.backups.sealing import sealed
from config.backups.server import BackupError, Database, Program, configured, output_of, program

#: The clock has one made as soon as the newest is about a day old: a machine that sleeps at night has one too.
DUE_AFTER = timedelta(hours=23, minutes=30)

_ROLES = """
SELECT pg_get_userbyid(relowner)::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'public'
UNION
SELECT grantee::regrole::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(c.relacl)
WHERE n.nspname = 'public' AND grantee <> 0
ORDER BY 1
"""
_HAS_TABLES = "SELECT 1 FROM pg_tables WHERE schemaname = 'public' LIMIT 1"


def back_up_if_due(*, now: datetime) -> Backup | None:
    """The newest whole backup is younger than a day; returns the one that had to be made for it."""
    newest = kept.newest_whole(settings.BACKUP_DIR)
    if newest and newest.manifest.made_at > now - DUE_AFTER:
        return None
    made = make(settings.BACKUP_DIR, configured(), key=settings.BACKUP_KEY, now=now)
    kept.forget_old(settings.BACKUP_DIR, days=settings.BACKUP_DAYS, now=now)
    return made


def make(folder: Path, database: Database, *, key: str, now: datetime, on_step: OnStep = lambda *_: None) -> Backup:
    """A complete backup is in the folder, closed to other users of the machine.

    Raises BackupError, and nothing is left behind, where the server or its program is not to be had, another one is
    being made in this folder, or there is no room.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _alone(folder), database.connect() as connection:
            draft = folder / f"{kept.UNFINISHED}{os.getpid()}"
            try:
                draft.mkdir(mode=0o700)
                manifest = _write(draft, database, connection, key=key, now=now, on_step=on_step)
                return Backup(_published(draft, folder, manifest), manifest)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
    except OSError as error:
        raise BackupError(f"The backup could not be written: {error}") from None
    except psycopg.Error as error:
        raise BackupError(f"The database could not be read: {error}") from None


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Nobody else makes a backup in this folder; what a killed process left unfinished is gone."""
    with os.fdopen(os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupError(f"Another backup is being made in {folder}.") from None
        for left in folder.glob(f"{kept.UNFINISHED}*"):
            shutil.rmtree(left, ignore_errors=True)
        yield


def _write(
    draft: Path, database: Database, connection: psycopg.Connection, *, key: str, now: datetime, on_step: OnStep
) -> Manifest:
    begun = time.monotonic()
    dumper = program("pg_dump", for_server=connection.info.server_version // 10000)
    connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    if connection.execute(_HAS_TABLES).fetchone() is None:
        # It would pass for the newest good one, and outlive all that hold something.
        raise BackupError(f"The database {database.name} has no tables: there is nothing to back up.")
    (snapshot,) = connection.execute("SELECT pg_export_snapshot()").fetchone() or ("",)
    dump = output_of(_command(dumper, database, snapshot), database)
    path = draft / (kept.SEALED_DUMP if key else kept.DUMP)
    size, digest = _store(path, sealed(dump, key) if key else dump)
    on_step("database", 1, 1)
    manifest = Manifest(
        made_at=now.astimezone(UTC),
        database=database.name,
        product=product_version(),
        server=_text(connection, "SHOW server_version").split()[0],
        pg_dump=dumper.version,
        migrations=_migrations(connection),
        extensions=dict(connection.execute("SELECT extname, extversion FROM pg_extension").fetchall()),
        roles=_list(connection, _ROLES),
        contents=contents_of(connection, on_step),
        bytes=size,
        sha256=digest,
        is_sealed=bool(key),
        seconds=round(time.monotonic() - begun, 2),
        media=_media(Path(settings.MEDIA_ROOT)),
    )
    _store(draft / kept.MANIFEST, [manifest.as_json().encode()])
    return manifest


def _command(dumper: Program, database: Database, snapshot: str) -> list[str]:
    return [
        dumper.path,
        f"--dbname={database.address}",
        "--format=custom",
        "--compress=gzip:6",
        "--no-password",
        "--lock-wait-timeout=60s",  # a migration holds what it changes; later is better than never
        f"--snapshot={snapshot}",
    ]


def _store(path: Path, pieces: Iterable[bytes]) -> tuple[int, str]:
    """The file is on the disk, readable by us alone; returns its size and SHA-256."""
    size, digest = 0, hashlib.sha256()
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        for piece in pieces:
            file.write(piece)
            digest.update(piece)
            size += len(piece)
        file.flush()
        os.fsync(file.fileno())
    return size, digest.hexdigest()


def _published(draft: Path, folder: Path, manifest: Manifest) -> Path:
    """The draft has the name of a complete backup, for good."""
    stem = f"journal-{manifest.made_at:%Y%m%dT%H%M%SZ}"
    names = (folder / (stem if number == 1 else f"{stem}-{number}") for number in range(1, 1000))
    final = draft.rename(next(name for name in names if not name.exists()))
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return final


def _media(root: Path) -> dict[str, Any]:
    """Uploaded files are not in the backup: the manifest says where they are and how many there were."""
    sizes = [path.stat().st_size for path in root.rglob("*") if path.is_file()] if root.is_dir() else []
    return {"is_included": False, "folder": str(root), "files": len(sizes), "bytes": sum(sizes)}


def product_version() -> str:
    """As pyproject.toml has it."""
    with (settings.BASE_DIR / "pyproject.toml").open("rb") as file:
        return str(tomllib.load(file)["project"]["version"])


def _migrations(connection: psycopg.Connection) -> list[str]:
    if not _text(connection, "SELECT coalesce(to_regclass('django_migrations')::text, '')"):
        return []
    return _list(connection, "SELECT app || '.' || name FROM django_migrations ORDER BY id")


def _text(connection: psycopg.Connection, query: Any) -> str:
    row = connection.execute(query).fetchone()
    return str(row[0]) if row else ""


def _list(connection: psycopg.Connection, query: Any) -> list[str]:
    return [str(value) for (value,) in connection.execute(query)]
