"""The web server and the worker as children of one process: started together, stopped together, never left behind."""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.error import URLError
from urllib.request import urlopen

PORTS_TRIED = 100
START_SECONDS = 60
STOP_SECONDS = 15
_PR_SET_PDEATHSIG = 1


class ServerEnded(Exception):
    """A child ended by itself, or never answered; the message has the end of its log."""


@dataclass(frozen=True, slots=True)
class _Child:
    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def report(self) -> str:
        tail = self.log.read_text(errors="replace").splitlines()[-20:] if self.log.exists() else []
        return "\n".join([f"The {self.name} ended (code {self.process.poll()}). The end of {self.log}:", *tail])


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens on this port, or on the next one that is free.

    It is handed to the web server, so that nobody can take the port in between. Raises OSError when none is free or
    the host is not one of this machine.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, kind, protocol, _, address = found[0]
    last: OSError | None = None
    for number in range(port, min(port + PORTS_TRIED, 65_536)):
        server = socket.socket(family, kind, protocol)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind((address[0], number, *address[2:]))
            server.listen(128)
        except OSError as error:
            server.close()
            last = error
            continue
        return server
    raise last or OSError(f"no port from {port} on is free")


class Servers:
    """The children of this process. A context manager: none of them is left at its end."""

    def __init__(self, *, root: Path, logs: Path, environment: Mapping[str, str]) -> None:
        self.root = root
        self.logs = logs
        self.environment = {**os.environ, **environment}
        self._children: list[_Child] = []

    def __enter__(self) -> Self:
        self.logs.mkdir(parents=True, exist_ok=True)
        for schedule in self.logs.glob("beat-*"):  # of those that were killed
            try:
                os.kill(int(schedule.stem.partition("-")[2]), 0)
            except ProcessLookupError:
                schedule.unlink(missing_ok=True)
            except (ValueError, PermissionError):
                continue
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start_web(self, server: socket.socket) -> None:
        """The pages are served on the socket, and answer."""
        number = server.fileno()
        web = self._start(
            "web server",
            ["gunicorn", "config.wsgi:application", "--bind", f"fd://{number}", "--workers", "2", "--threads", "8"],
            log=self.logs / "web.log",
            keep=(number,),
        )
        self._await_answer(web, server)

    def start_worker(self) -> None:
        """A worker with its clock is on its way up. The clock's file is its own: two workers cannot share one."""
        schedule = self.logs / f"beat-{os.getpid()}"
        name = f"demo-{os.getpid()}@%h"
        self._start(
            "worker",
            ["celery", "-A", "config", "worker", "-B", "-s", str(schedule), "-c", "2", "-n", name, "-l", "INFO"],
            log=self.logs / "worker.log",
        )

    def wait(self) -> None:
        """Returns never: raises ServerEnded when a child ends, or whatever a signal handler raises."""
        while True:
            for child in self._children:
                if child.process.poll() is not None:
                    raise ServerEnded(child.report())
            time.sleep(0.3)

    def stop(self) -> None:
        """No child runs any more: each was asked to end, and then made to."""
        for child in self._children:
            with contextlib.suppress(ProcessLookupError):
                child.process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for child in self._children:
            try:
                child.process.wait(timeout=max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child.process.pid, signal.SIGKILL)
                child.process.wait()
        self._children.clear()
        for left in self.logs.glob(f"beat-{os.getpid()}*"):
            left.unlink(missing_ok=True)

    def _start(self, name: str, module: list[str], *, log: Path, keep: tuple[int, ...] = ()) -> _Child:
        with log.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "config.serving", str(os.getpid()), *module],
                cwd=self.root,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=keep,
                start_new_session=True,
            )
        child = _Child(name, process, log)
        self._children.append(child)
        return child

    def _await_answer(self, child: _Child, server: socket.socket) -> None:
        url = f"{address_of(server)}livez"
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if child.process.poll() is not None:
                break
            with contextlib.suppress(URLError, OSError), urlopen(url, timeout=5) as answer:  # noqa: S310 – our own
                if answer.status == 200:
                    return
            time.sleep(0.2)
        raise ServerEnded(child.report())


def address_of(server: socket.socket) -> str:
    """Where a browser on this machine finds the server."""
    host, port = server.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{shown}:{port}/"


def _become(parent: int, module: list[str]) -> None:
    """This process is the module's, and ends when its parent does, even if that is killed."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        raise SystemExit(0)
    os.execv(sys.executable, [sys.executable, "-m", *module])  # noqa: S606 – no shell is wanted


if __name__ == "__main__":
    _become(int(sys.argv[1]), sys.argv[2:])
