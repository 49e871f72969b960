"""How long a windowed list takes in a browser: to its first paint, and to the rows of a place far away."""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

from playwright.sync_api import Page as Tab

#: Milliseconds from the end of the answer to the first paint, and from a jump to its rows.
PAINT, JUMP = 100.0, 200.0
#: Seconds for a list to become a window.
PATIENCE = 30
#: The list that is timed, as every page with one names it.
_LIST = "[data-window]"
_PAINTED = """() => {
  const [visit] = performance.getEntriesByType("navigation");
  const paint = performance.getEntriesByName("first-paint")[0];
  return paint ? paint.startTime - visit.responseEnd : null;
}"""
_IS_LIVE = f"() => document.querySelector('{_LIST}').classList.contains('is-live')"
_ROWS = f"() => document.querySelectorAll('{_LIST} tbody tr').length"
_TOTAL = f"() => Number(document.querySelector('{_LIST}').dataset.windowTotal)"
# The rows are there in the frame after the one that they were put into.
_JUMPED = f"""(index) => new Promise((done) => {{
  const box = document.querySelector('{_LIST}');
  const from = performance.now();
  const look = () => {{
    const row = box.querySelector(`tbody tr[data-index="${{index}}"]`);
    if (row && !row.matches(".window-wait")) requestAnimationFrame(() => done(performance.now() - from));
    else requestAnimationFrame(look);
  }};
  box.dispatchEvent(new CustomEvent("window:go", {{detail: {{index}}}}));
  look();
}})"""


class Untimed(Exception):
    """There is nothing to time; the message says why."""


@dataclass(frozen=True, slots=True)
class WindowTimes:
    """What was seen of one list. Times are in milliseconds, sorted; `most_rows` is the largest number in the page."""

    path: str
    total: int
    most_rows: int
    paints: Sequence[float]
    jumps: Sequence[float]


def measure(page: Tab, path: str, *, address: str, times: int) -> WindowTimes:
    """The list at this path was opened so often, and jumped in as often: first to its middle, then to chance places.

    The browser keeps styles and scripts, as it does for whoever comes back; one visit before is not counted.
    Raises Untimed where the page has no such list, or the browser tells of no paint.
    """
    paints: list[float] = []
    for visit in range(times + 1):
        page.goto(address.rstrip("/") + path, wait_until="load")
        _await(page, _IS_LIVE)
        painted = page.evaluate(_PAINTED)
        if visit and painted is not None:
            paints.append(float(painted))
    if not paints:
        raise Untimed(f"The browser tells of no paint of {path}.")
    total = int(page.evaluate(_TOTAL))
    chance = random.Random(1)  # noqa: S311 – places to jump to
    places = [total // 2, *(chance.randrange(total) for _ in range(times - 1))]
    jumps, rows = [], []
    for place in places:
        jumps.append(float(page.evaluate(_JUMPED, place)))
        rows.append(int(page.evaluate(_ROWS)))
        page.wait_for_timeout(100)
    return WindowTimes(path, total, max(rows), sorted(paints), sorted(jumps))


def _await(page: Tab, condition: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not page.evaluate(condition):
        if time.monotonic() > deadline:
            raise Untimed(f"{page.url} has no list that a script keeps.")
        page.wait_for_timeout(10)
