"""Clients of the desk that send until they are answered, always the same under the same name, whatever dies."""

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from tests.desk.servers import Desk
from tests.waiting import PATIENCE

#: Seconds that a connection is used again after; the server takes one for left that has nothing to say for two.
KEPT = 1
ORDERS = "/api/v1/orders/"


class Sender:
    """One connection of a client. Statuses and lost connections are counted in `seen`, those on the way as well."""

    def __init__(self, desk: Desk, is_over: threading.Event) -> None:
        self.desk, self.is_over = desk, is_over
        self.seen: Counter[Any] = Counter()
        self.http: http.client.HTTPConnection | None = None
        self.answered_at = 0.0

    def send(self, method: str, path: str, body: object = None, *, secret: str = "", key: str = "") -> tuple[int, Any]:
        """The answer at last: not that nobody could answer now. `secret` is another person's than the desk's own."""
        headers = {"Authorization": f"Bearer {secret or self.desk.secret}", "Content-Type": "application/json"}
        if key:
            headers["Idempotency-Key"] = key
        deadline = time.monotonic() + 3 * PATIENCE
        while time.monotonic() < deadline and not self.is_over.is_set():
            status, told = self._once(method, path, None if body is None else json.dumps(body), headers)
            self.seen[status] += 1
            if isinstance(status, int) and status < 500:
                return status, told
            time.sleep(0.05)
        raise AssertionError(f"never answered: {method} {path} {body}, {self.seen}")

    def _once(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> tuple[int | str, Any]:
        if time.monotonic() - self.answered_at > KEPT:
            self.close()
        try:
            if self.http is None:
                self.http = http.client.HTTPConnection("127.0.0.1", self.desk.port, timeout=PATIENCE)
            self.http.request(method, path, body=body, headers=headers)
            answer = self.http.getresponse()
            told = json.loads(answer.read() or b"null")
        except (OSError, http.client.HTTPException):
            self.close()
            return "lost", None
        self.answered_at = time.monotonic()
        return answer.status, told

    def close(self) -> None:
        """The connection is closed; the next request opens another."""
        if self.http is not None:
            self.http.close()
            self.http = None


def sending(
    desk: Desk,
    live: Callable[[Sender, int], None],
    *,
    senders: int,
    meanwhile: Callable[[], None],
    is_enough: threading.Event,
) -> Counter[Any]:
    """So many have lived, begun together, each with a connection and a number of its own; what all of them saw.

    `meanwhile` is done by whoever calls; once it is, `is_enough` tells them to come to an end.
    """
    guard, start, is_over = threading.Lock(), threading.Barrier(senders), threading.Event()
    seen: Counter[Any] = Counter()
    failed: list[BaseException] = []

    def run(number: int) -> None:
        sender = Sender(desk, is_over)
        try:
            start.wait(PATIENCE)
            live(sender, number)
        except BaseException as error:  # noqa: BLE001 - told below
            failed.append(error)
        finally:
            sender.close()
            with guard:
                seen.update(sender.seen)

    threads = [threading.Thread(target=run, args=[number]) for number in range(senders)]
    for thread in threads:
        thread.start()
    try:
        meanwhile()
        is_enough.set()
        for thread in threads:
            thread.join(3 * PATIENCE)
    except AssertionError as error:
        # What never came true may not have because of these.
        raise (AssertionError(failed) if failed else error) from None
    finally:
        is_enough.set()
        is_over.set()
    assert not failed, failed
    return seen


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of orders that were sent: by name its answers, and every status or loss on the way."""

    answers: dict[str, list[tuple[int, Any]]]
    seen: Counter[Any]


def sent_by_many(
    desk: Desk,
    bodies: Iterable[dict[str, str]],
    *,
    senders: int,
    pause: float = 0.0,
    meanwhile: Callable[[], None] = lambda: None,
) -> Sent:
    """All of the orders are answered, sent by so many at once; of those without end, as many as went meanwhile."""
    waiting, guard, is_enough = iter(bodies), threading.Lock(), threading.Event()
    answers: dict[str, list[tuple[int, Any]]] = {}

    def live(sender: Sender, _number: int) -> None:
        while not (pause and is_enough.wait(pause)):
            with guard:
                body = next(waiting, None)
            if body is None:
                return
            answer = sender.send("POST", ORDERS, body)
            with guard:
                answers.setdefault(body["client_order_id"], []).append(answer)

    seen = sending(desk, live, senders=senders, meanwhile=meanwhile, is_enough=is_enough)
    return Sent(answers, seen)
