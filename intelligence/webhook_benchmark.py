"""How fast deliveries are taken, and that none is lost with the worker killed: on the real servers, from outside.

Deliveries come by the clock, whether or not the one before was answered, so that a server that stalls is not spared: a
latency is counted from when a delivery was due, not from when it could be sent.
"""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import IO

import orjson
from django.conf import settings

from intelligence.helius_parsing import USDC
from intelligence.models import DeliveryStatus, Signal, WebhookDelivery
from intelligence.sources.transactions import address, swap

PATH = "/api/v1/webhooks/helius/"
SECRET = "a secret of the benchmark"  # noqa: S105 – of servers that end with it
_CONNECTIONS = 40
_START_SECONDS = 60.0
_DRAIN_SECONDS = 600.0


@dataclass(slots=True)
class Measured:
    """What came of it; latencies in seconds."""

    sent: int = 0
    accepted: int = 0
    latencies: list[float] = field(default_factory=list)
    seconds: float = 0.0
    kept: int = 0
    signals: int = 0
    drained_in: float = 0.0

    def at(self, share: float) -> float:
        """The latency that this share of the deliveries stayed below."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0

    @property
    def is_good(self) -> bool:
        """p99 of at most 100 ms, everything accepted, and a signal for each."""
        return self.at(0.99) <= 0.1 and self.sent == self.accepted == self.kept == self.signals


def run(*, rate: int, seconds: int, workers: int, kills: int) -> Iterator[str]:
    """Lines that say how it went; the last is the verdict."""
    measured = Measured()
    environment = {**os.environ, "HELIUS_WEBHOOK_SECRETS": SECRET, "DJANGO_SETTINGS_MODULE": "config.settings"}
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listening:
        port = listening.getsockname()[1]
        server = _server(listening, environment, workers)
        children = [server]
        try:
            _wait_for(port)
            worker = _worker(environment)
            children.append(worker)
            yield f"{rate} deliveries per second for {seconds} s, {workers} web processes, one worker"
            killed = asyncio.run(_send(port, measured, rate=rate, seconds=seconds, children=children, kills=kills,
                                       environment=environment))  # fmt: skip
            yield (
                f"{measured.accepted} of {measured.sent} accepted; p50 {measured.at(0.5) * 1000:.1f} ms, "
                f"p95 {measured.at(0.95) * 1000:.1f} ms, p99 {measured.at(0.99) * 1000:.1f} ms, "
                f"worst {max(measured.latencies, default=0) * 1000:.1f} ms"
            )
            _drain(measured)
            yield (
                f"{measured.kept} kept, {measured.signals} signals {measured.drained_in:.1f} s after the last; "
                f"the worker was killed {killed} times"
            )
        finally:
            for child in children:
                _kill(child)
    yield "good" if measured.is_good else "NOT good"


def _server(listening: socket.socket, environment: Mapping[str, str], workers: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [
            sys.executable, "-m", "gunicorn", "config.wsgi", f"--bind=fd://{listening.fileno()}",
            "--worker-class=gthread", f"--workers={workers}", "--threads=8", "--keep-alive=600", "--log-level=warning",
        ],
        pass_fds=[listening.fileno()], env=dict(environment), cwd=settings.BASE_DIR, start_new_session=True,
    )  # fmt: skip


def _worker(environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    # Beat in the same process: the sweep is what finds deliveries whose message died with a worker.
    schedule = settings.VAR_DIR / f"benchmark-beat-{time.time_ns()}"
    return subprocess.Popen(
        [
            sys.executable, "-m", "celery", "-A", "config", "worker", "--pool=solo", "--loglevel=warning", "--beat",
            f"--schedule={schedule}", "--without-gossip", "--without-mingle",
        ],
        env=dict(environment), cwd=settings.BASE_DIR, start_new_session=True, stdout=_log(), stderr=subprocess.STDOUT,
    )  # fmt: skip


def _kill(child: subprocess.Popen[bytes]) -> None:
    """It and what it started are gone, without a chance to put anything in order."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _log() -> IO[bytes]:
    return (settings.VAR_DIR / "benchmark.log").open("ab")


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        try:
            answer = asyncio.run(_ask(port, b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
        except OSError:
            answer = 0
        if answer == 200:
            return
        time.sleep(0.2)
    raise TimeoutError("the web server did not answer")


async def _ask(port: int, request: bytes) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        return await _status(reader)
    finally:
        writer.close()


async def _status(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    lengths = [line.partition(":")[2] for line in lines if line.lower().startswith("content-length:")]
    if lengths:
        await reader.readexactly(int(lengths[0]))
    return int(lines[0].split(" ")[1])


async def _send(
    port: int, measured: Measured, *, rate: int, seconds: int, children: list[subprocess.Popen[bytes]], kills: int,
    environment: Mapping[str, str],
) -> int:  # fmt: skip
    """Every delivery at its time; the worker is killed and another started in between. Returns how often."""
    free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    for _number in range(_CONNECTIONS):
        free.put_nowait(await asyncio.open_connection("127.0.0.1", port))
    bodies = [_request(number) for number in range(rate * seconds)]
    begun = asyncio.get_running_loop().time() + 0.2
    kill_at = [begun + seconds * (number + 1) / (kills + 1) for number in range(kills)]
    tasks = []
    killed = 0
    for number, body in enumerate(bodies):
        due = begun + number / rate
        await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))
        if kill_at and due >= kill_at[0]:
            kill_at.pop(0)
            _kill(children[-1])
            children.append(_worker(environment))
            killed += 1
        tasks.append(asyncio.create_task(_deliver(free, body, due, measured)))
    await asyncio.gather(*tasks)
    measured.seconds = asyncio.get_running_loop().time() - begun
    while not free.empty():
        free.get_nowait()[1].close()
    return killed


async def _deliver(
    free: "asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]]",
    request: bytes,
    due: float,
    measured: Measured,
) -> None:
    reader, writer = await free.get()
    measured.sent += 1
    try:
        writer.write(request)
        status = await _status(reader)
    except (OSError, asyncio.IncompleteReadError):
        return
    measured.latencies.append(asyncio.get_running_loop().time() - due)
    measured.accepted += status == 200
    free.put_nowait((reader, writer))


def _request(number: int) -> bytes:
    name = f"benchmark {number}"
    legs = [(USDC, "-50", 6), (address("benchmark token"), "200", 6)]
    body = orjson.dumps([swap(address("benchmark"), legs, at=datetime(2026, 1, 1, tzinfo=UTC), name=name)])
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {SECRET}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _drain(measured: Measured) -> None:
    """Until everything was read, or for as long as anybody would wait."""
    begun = time.monotonic()
    while time.monotonic() - begun < _DRAIN_SECONDS:
        if not WebhookDelivery.objects.filter(status=DeliveryStatus.RECEIVED).exists():
            break
        time.sleep(0.2)
    measured.drained_in = time.monotonic() - begun
    measured.kept = WebhookDelivery.objects.count()
    measured.signals = Signal.objects.count()
