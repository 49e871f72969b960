"""A backup says what is in it, comes back to the same, and is refused when it is not what it was."""

import json
import os
import shutil
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from config import tasks
from config.backups import kept, making, restoring
from config.backups.contents import Table, contents_of
from config.backups.kept import Backup
from config.backups.sealing import PIECE, sealed, unsealed
from config.backups.server import BackupError, Database, configured, program

NOW = datetime(2026, 3, 10, 2, 30, tzinfo=UTC)
KEY = "correct horse battery staple"
TABLES = """
CREATE TABLE trader (id bigint PRIMARY KEY, name text, cash numeric(28, 12) CONSTRAINT cash_is_sane CHECK (cash >= 0));
CREATE TABLE fill (id bigint PRIMARY KEY, trader_id bigint REFERENCES trader, at timestamptz, points double precision);
CREATE INDEX fill_at ON fill (at);
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'append-only'; END $$;
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON fill FOR EACH ROW EXECUTE FUNCTION refuse();
REVOKE UPDATE, DELETE ON fill FROM journal_app;
INSERT INTO trader VALUES (1, 'Zoë', 12.5), (2, NULL, 0);
INSERT INTO fill SELECT n, 1 + n % 2, '2026-01-05T14:30Z'::timestamptz + n * interval '1 s', n / 7.0
FROM generate_series(1, 100) n;
"""


def run_sql(database: Database, text: str) -> list[Any]:
    with database.connect(autocommit=True) as connection:
        cursor = connection.execute(text)
        return cursor.fetchall() if cursor.description else []


def databases_of(server: Database) -> set[str]:
    return {name for (name,) in run_sql(server, "SELECT datname FROM pg_database")}


def drop(server: Database, name: str) -> None:
    run_sql(server, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@pytest.fixture(scope="module")
def server() -> Database:
    return configured()


@pytest.fixture(scope="module")
def source(server: Database) -> Iterator[Database]:
    """Two traders and a hundred fills."""
    name = f"backup_source_{os.getpid()}"
    run_sql(server, f"CREATE DATABASE {name}")
    run_sql(server.named(name), TABLES)
    yield server.named(name)
    drop(server, name)


@pytest.fixture(scope="module")
def plain(source: Database, tmp_path_factory: pytest.TempPathFactory) -> Backup:
    return making.make(tmp_path_factory.mktemp("plain"), source, key="", now=NOW)


@pytest.fixture(scope="module")
def secret(source: Database, tmp_path_factory: pytest.TempPathFactory) -> Backup:
    return making.make(tmp_path_factory.mktemp("sealed"), source, key=KEY, now=NOW)


def copy_of(backup: Backup, tmp_path: Path) -> Backup:
    return kept.open_backup(Path(shutil.copytree(backup.folder, tmp_path / "copy")))


def tried_out(backup: Backup, server: Database, key: str = "") -> list[Any]:
    with restoring.tried_out(backup, server, key=key, on_step=lambda *_: None) as (_scratch, lines):
        return lines


# ------------------------------------------------------------------------------------------------------ made
def test_a_backup_says_what_every_table_held(plain: Backup) -> None:
    manifest = kept.open_backup(plain.folder).manifest

    assert manifest == plain.manifest
    assert {name: table.rows for name, table in manifest.contents.tables.items()} == {
        "public.fill": 100,
        "public.trader": 2,
    }
    assert manifest.contents.objects["triggers"] == 1
    assert manifest.contents.objects["checks"] == 1
    # Four on each of two tables, by default, less what was taken back of one.
    assert manifest.contents.objects["rights of others"] == 6
    assert manifest.server_major >= 18
    assert manifest.media["is_included"] is False


def test_dump_and_manifest_see_one_moment_though_rows_are_written_meanwhile(
    source: Database, server: Database, tmp_path: Path
) -> None:
    written = iter([("INSERT INTO trader VALUES (3, 'late', 1)")])

    def write_once(*_: Any) -> None:
        for text in written:
            run_sql(source, text)

    try:
        made = making.make(tmp_path, source, key="", now=NOW, on_step=write_once)
        assert run_sql(source, "SELECT count(*) FROM trader") == [(3,)]
        assert made.manifest.contents.tables["public.trader"].rows == 2
        assert all(line.is_same for line in tried_out(made, server))
    finally:
        run_sql(source, "DELETE FROM trader WHERE id = 3")


def test_nobody_else_can_read_a_backup_and_nothing_unfinished_is_left(plain: Backup) -> None:
    assert stat.S_IMODE(plain.folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in plain.folder.iterdir()} == {0o600}
    assert sorted(each.name for each in plain.folder.parent.iterdir()) == [".lock", "journal-20260310T023000Z"]


def test_a_backup_that_fails_leaves_nothing(source: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "_command", lambda dumper, *_: [dumper.path, "--no-such-option"])

    with pytest.raises(BackupError, match="pg_dump failed"):
        making.make(tmp_path, source, key="", now=NOW)

    assert [each.name for each in tmp_path.iterdir()] == [".lock"]


def test_a_database_without_tables_gives_no_backup_that_could_take_the_place_of_a_good_one(
    server: Database, tmp_path: Path
) -> None:
    name = f"backup_empty_{os.getpid()}"
    run_sql(server, f"CREATE DATABASE {name}")
    try:
        with pytest.raises(BackupError, match=f"The database {name} has no tables: there is nothing to back up."):
            making.make(tmp_path, server.named(name), key="", now=NOW)
    finally:
        drop(server, name)

    assert kept.all_in(tmp_path) == []


def test_two_backups_at_once_are_refused_and_a_killed_ones_leavings_are_swept(source: Database, tmp_path: Path) -> None:
    (tmp_path / ".unfinished-1").mkdir()

    def again(*_: Any) -> None:
        with pytest.raises(BackupError, match="Another backup"):
            making.make(tmp_path, source, key="", now=NOW)

    making.make(tmp_path, source, key="", now=NOW, on_step=again)

    assert not (tmp_path / ".unfinished-1").exists()
    assert len(kept.all_in(tmp_path)) == 1


def test_without_a_program_that_is_new_enough_it_says_what_to_install(tmp_path: Path, settings: Any) -> None:
    settings.POSTGRES_BIN = str(tmp_path)
    with pytest.raises(BackupError, match="postgresql-client-18"):
        program("pg_dump", for_server=18)

    (tmp_path / "pg_dump").write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 15.18 (Debian)'\n")
    (tmp_path / "pg_dump").chmod(0o700)
    with pytest.raises(BackupError, match=r"found: .*pg_dump 15.18"):
        program("pg_dump", for_server=18)


# ------------------------------------------------------------------------------------------------------ sealed
@pytest.mark.parametrize("size", [0, 1, PIECE, PIECE + 1, 2 * PIECE])
def test_what_is_sealed_opens_to_the_same(size: int, tmp_path: Path) -> None:
    text = os.urandom(size)
    path = tmp_path / "file"
    path.write_bytes(b"".join(sealed([text[:7], text[7:]], KEY)))

    with path.open("rb") as file:
        assert b"".join(unsealed(file, KEY)) == text


def test_a_sealed_file_cut_between_two_pieces_or_put_in_another_order_is_refused(tmp_path: Path) -> None:
    head, *pieces = sealed([bytes(2 * PIECE + 5)], KEY)
    path = tmp_path / "file"
    for wrong in (pieces[:2], pieces[:1], [pieces[1], pieces[0], pieces[2]], [pieces[0], pieces[2]]):
        path.write_bytes(head + b"".join(wrong))
        with path.open("rb") as file, pytest.raises(BackupError, match="damaged"):
            list(unsealed(file, KEY))


def test_a_sealed_backup_shows_nothing_and_comes_back_with_its_key(secret: Backup, server: Database) -> None:
    assert b"PGDMP" not in secret.dump.read_bytes()
    assert secret.dump.name == "database.dump.sealed"
    assert all(line.is_same for line in tried_out(secret, server, KEY))


@pytest.mark.parametrize(
    ("key", "words"), [("", "BACKUP_KEY"), ("another key altogether", "not the one"), ("short", "16")]
)
def test_without_the_key_nothing_is_touched(secret: Backup, server: Database, key: str, words: str) -> None:
    before = databases_of(server)

    with pytest.raises(BackupError, match=words):
        tried_out(secret, server, key)
    with pytest.raises(BackupError, match=words):
        restoring.restore_into(secret, server.named("never_made"), key=key, on_step=lambda *_: None)

    assert databases_of(server) == before


# ------------------------------------------------------------------------------------------------------ brought back
def test_tried_out_every_table_is_the_same_and_the_scratch_database_is_gone(plain: Backup, server: Database) -> None:
    before = databases_of(server)

    lines = tried_out(plain, server)

    assert [(line.name, line.was, line.found) for line in lines if line.name[0] != "("] == [
        ("public.fill", 100, 100),
        ("public.trader", 2, 2),
    ]
    assert all(line.is_same for line in lines)
    assert databases_of(server) == before


def test_a_manifest_that_says_otherwise_differs_and_exits_with_1(
    plain: Backup, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = copy_of(plain, tmp_path)
    told = json.loads((copy.folder / kept.MANIFEST).read_text())
    told["contents"]["tables"]["public.trader"]["checksum"] = "1"
    told["contents"]["tables"]["public.gone"] = {"rows": 4, "checksum": "9"}
    (copy.folder / kept.MANIFEST).write_text(json.dumps(told))

    with pytest.raises(CommandError, match="2 tables differ") as refused:
        call_command("restore", str(copy.folder), "--verify", "--no-invariants")

    assert refused.value.returncode == 1
    assert "none  DIFFERS" in capsys.readouterr().out


def test_it_is_restored_into_a_new_database_or_an_empty_one_and_never_over_another(
    plain: Backup, server: Database
) -> None:
    name = f"restored_{os.getpid()}"
    try:
        for _new_then_empty in range(2):
            lines = restoring.restore_into(plain, server.named(name), key="", on_step=lambda *_: None)
            assert all(line.is_same for line in lines)
            with pytest.raises(BackupError, match="not empty"):
                restoring.restore_into(plain, server.named(name), key="", on_step=lambda *_: None)
            run_sql(server.named(name), "DROP TABLE fill, trader; DROP FUNCTION refuse")
    finally:
        drop(server, name)


def test_a_restore_that_fails_halfway_leaves_an_empty_database_empty(
    plain: Backup, server: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The function is made before the tables; one that is there already stops the restore after it has begun."""
    name = f"restored_{os.getpid()}"
    run_sql(server, f"CREATE DATABASE {name}")
    run_sql(server.named(name), "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN END $$")
    try:
        with pytest.raises(BackupError, match="already exists"):
            restoring.restore_into(plain, server.named(name), key="", on_step=lambda *_: None)
        with server.named(name).connect() as connection:
            assert contents_of(connection, lambda *_: None).tables == {}
            assert connection.execute("SELECT count(*) FROM pg_default_acl").fetchone() == (2,)
    finally:
        drop(server, name)


def test_the_application_may_do_no_more_in_a_restored_database_than_before(plain: Backup, server: Database) -> None:
    """A new database gives the application all rights to every new table; taken back ones stay taken back."""
    name = f"restored_{os.getpid()}"
    rights = "SELECT string_agg(privilege_type, ' ' ORDER BY privilege_type) FROM information_schema.table_privileges "
    rights += "WHERE grantee = 'journal_app' AND table_name = '{}'"
    try:
        restoring.restore_into(plain, server.named(name), key="", on_step=lambda *_: None)
        assert run_sql(server.named(name), rights.format("fill")) == [("INSERT SELECT",)]
        assert run_sql(server.named(name), rights.format("trader")) == [("DELETE INSERT SELECT UPDATE",)]
        run_sql(server.named(name), "CREATE TABLE later (id int)")
        assert run_sql(server.named(name), rights.format("later")) == [("DELETE INSERT SELECT UPDATE",)]
    finally:
        drop(server, name)


def test_nothing_is_restored_unless_somebody_confirms(plain: Backup, server: Database) -> None:
    with pytest.raises(CommandError, match="Not confirmed") as refused:
        call_command("restore", str(plain.folder), "--into", "never_made")

    assert refused.value.returncode == 2
    assert "never_made" not in databases_of(server)


# ------------------------------------------------------------------------------------------------------ damaged
@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda data: data[:-10], "cut off"),
        (lambda data: data[:500] + bytes([data[500] ^ 1]) + data[501:], "damaged"),
    ],
)
@pytest.mark.parametrize("kind", ["plain", "secret"])
def test_a_damaged_dump_is_refused_before_anything_is_made(
    kind: str, damage: Any, words: str, server: Database, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    copy = copy_of(request.getfixturevalue(kind), tmp_path)
    copy.dump.write_bytes(damage(copy.dump.read_bytes()))
    before = databases_of(server)

    with pytest.raises(BackupError, match=words):
        restoring.restore_into(copy, server.named("never_made"), key=KEY, on_step=lambda *_: None)

    assert databases_of(server) == before


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": 2}, "format 2"),
        ({"server": "99.1"}, "made by PostgreSQL 99.1"),
        ({"pg_dump": "99.1"}, "made by pg_dump 99.1"),
        ({"migrations": ["accounts.9999_of_next_year"]}, "accounts.9999_of_next_year"),
        ({"roles": ["somebody_unknown"]}, "somebody_unknown"),
        ({"extensions": {"postgis": "3"}}, "postgis"),
        ({"contents": None}, "cannot be read"),
    ],
)
def test_a_backup_of_another_version_is_refused_with_the_reason(
    change: dict[str, Any], words: str, plain: Backup, server: Database, tmp_path: Path
) -> None:
    copy = copy_of(plain, tmp_path)
    manifest = copy.folder / kept.MANIFEST
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), **change}))
    before = databases_of(server)

    with pytest.raises(CommandError, match=words) as refused:
        call_command("restore", str(copy.dump), "--into", "never_made", "--yes")

    assert refused.value.returncode == 2
    assert databases_of(server) == before


# ------------------------------------------------------------------------------------------------------ kept
def pretend(folder: Path, days_ago: float, plain: Backup, *, size: int = 4) -> Path:
    """A backup of so many days ago; of another size than its manifest says it is not a good one."""
    made = folder / f"journal-{days_ago}"
    made.mkdir()
    told = json.loads((plain.folder / kept.MANIFEST).read_text())
    told |= {"made_at": (NOW - timedelta(days=days_ago)).isoformat(), "bytes": 4}
    (made / kept.MANIFEST).write_text(json.dumps(told))
    (made / kept.DUMP).write_bytes(b"x" * size)
    return made


def test_seven_days_are_kept_to_the_second(plain: Backup, tmp_path: Path) -> None:
    young, just, old, older = (pretend(tmp_path, days, plain) for days in (1, 7, 7.00002, 30))

    assert sorted(kept.forget_old(tmp_path, days=7, now=NOW)) == sorted([old, older])
    assert sorted(each.folder for each in kept.all_in(tmp_path)) == sorted([young, just])


def test_the_newest_good_one_is_never_deleted(plain: Backup, tmp_path: Path) -> None:
    """The only newer one is damaged, so the one of nine days ago stays; that of ten days goes."""
    damaged, good, older = (
        pretend(tmp_path, 1, plain, size=3),
        pretend(tmp_path, 9, plain),
        pretend(tmp_path, 10, plain),
    )

    assert kept.forget_old(tmp_path, days=7, now=NOW) == [older]
    assert good.exists()
    assert damaged.exists()


def test_what_is_no_backup_is_left_alone(plain: Backup, tmp_path: Path) -> None:
    pretend(tmp_path, 1, plain)
    (tmp_path / "holiday").mkdir()
    (tmp_path / "notes.txt").write_text("mine")

    assert kept.forget_old(tmp_path, days=7, now=NOW + timedelta(days=365)) == []
    assert (tmp_path / "holiday").exists()


def test_the_clock_makes_one_a_day(
    source: Database, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.BACKUP_DIR = tmp_path
    monkeypatch.setattr(making, "configured", lambda: source)
    hours = {0: True, 1: False, 23: False, 24: True, 25: False}

    made = {hour: making.back_up_if_due(now=NOW + timedelta(hours=hour)) is not None for hour in hours}

    assert made == hours
    assert tasks.back_up.apply().get().startswith("journal-")


def test_the_check_says_whether_there_is_a_fresh_one(plain: Backup, tmp_path: Path, settings: Any) -> None:
    settings.BACKUP_DIR = tmp_path
    with pytest.raises(CommandError, match="no good backup"):
        call_command("backup", "--check")

    pretend(tmp_path, 1, plain)
    with pytest.raises(CommandError, match="newest good backup is of 2026-03-09"):
        call_command("backup", "--check")


# --------------------------------------------------------------------------------------------- the whole journal
def test_the_journals_own_database_comes_back_and_its_invariants_hold(
    db: None,
    tmp_path: Path,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings.BACKUP_DIR = tmp_path
    settings.BACKUP_KEY = KEY
    monkeypatch.setitem(connections["owner"].settings_dict, "NAME", connections["default"].settings_dict["NAME"])
    call_command("backup")
    call_command("restore", "newest", "--verify")

    told = capsys.readouterr().out
    assert "DIFFERS" not in told
    assert "invariants hold" in told
    assert "public.accounts_account " in told
    assert "restores to what it was made of" in told
    tables = kept.all_in(tmp_path)[0].manifest.contents.tables
    assert tables["public.django_migrations"] != Table(0, "0")
