"""A browser that goes to a page, takes its pictures, and notes what a visitor should not have to live with."""

import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from axe_playwright_python.base import AXE_FILE_PATH
from playwright.sync_api import Browser, BrowserContext, Error, sync_playwright
from playwright.sync_api import Page as Tab

from config.tour.pages import Stop

NAMES = ("chromium", "chromium-browser", "google-chrome")
#: Milliseconds for a page to answer, and seconds for its panels to come in after it.
PATIENCE, SETTLING = 60_000, 15
#: A picture longer than this would be of a list that has no end.
TALLEST = 6_000

_NOTE_VIOLATIONS = """
window.__violations = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.__violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample || ""}`);
});
"""
# Panels ask for themselves, some only once they come into view.
_SETTLED = """() => document.readyState === "complete"
  && !document.querySelector(".htmx-request, .htmx-swapping, .htmx-settling, [aria-busy=true]")"""
# A colour half-way to another one is nobody's choice.
_STILL = """() => !document.getAnimations().some(
  (each) => each instanceof CSSTransition && each.playState === "running")"""
# Without `preload` it would read stylesheets anew, into inline ones that the security policy has to stop.
_AXE = """async (rules) => {
  const asked = rules ? {runOnly: rules} : {};
  const found = await axe.run(document, {resultTypes: ["violations"], preload: false, ...asked});
  return found.violations
    .filter((each) => ["serious", "critical"].includes(each.impact))
    .map((each) => `${each.impact} ${each.id}: ${each.help} (${each.nodes.length}x, `
      + `${each.nodes[0].html.slice(0, 160)}) ${(each.nodes[0].any[0] || {}).message || ""}`);
}"""
#: What a theme can change; the rest of a page is the same in all of them, and was looked at in the first.
_OF_COLOURS = ["color-contrast", "link-in-text-block"]
_WIDER = """() => {
  const room = document.documentElement.clientWidth;
  const all = document.documentElement.scrollWidth;
  if (all <= room) return null;
  const name = (each) => each.tagName.toLowerCase() + [...each.classList].map((one) => "." + one).join("");
  const clips = (each) => each && (getComputedStyle(each).overflowX !== "visible" || clips(each.parentElement));
  const out = [...document.body.querySelectorAll("*")]
    .filter((each) => each.getBoundingClientRect().right > room + 1 && !clips(each.parentElement));
  return `${all - room} px too wide: ${out.slice(0, 3).map(name).join(", ")}`;
}"""


@dataclass(slots=True)
class Visit:
    """What was found on one page at one width: `faults` by kind, pictures by theme."""

    name: str
    path: str
    width: int
    status: int = 0
    server_milliseconds: int = 0
    pictures: dict[str, str] = field(default_factory=dict)
    faults: list[tuple[str, str]] = field(default_factory=list)

    def note(self, kind: str, found: str) -> None:
        """The fault is on the list, once."""
        if (kind, found) not in self.faults:
            self.faults.append((kind, found))


def browser_path() -> str:
    """The browser of this machine; "" where there is none."""
    named = os.environ.get("CHROMIUM", "")
    return named or next((found for name in NAMES if (found := shutil.which(name))), "")


@contextmanager
def browsing() -> Iterator[Browser]:
    """A browser, which is closed at the end."""
    with sync_playwright() as driver:
        started = driver.chromium.launch(
            executable_path=browser_path(), headless=True, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield started
        started.close()


@contextmanager
def tab(browser: Browser, *, width: int, address: str, session: str) -> Iterator[Tab]:
    """A tab of somebody's own; `session` is the key that they are signed in by, "" for nobody."""
    context: BrowserContext = browser.new_context(
        viewport={"width": width, "height": 900}, reduced_motion="reduce", locale="en-US"
    )
    if session:
        context.add_cookies([{"name": "sessionid", "value": session, "url": address}])
    context.add_init_script(_NOTE_VIOLATIONS)
    opened = context.new_page()
    opened.set_default_timeout(PATIENCE)
    yield opened
    context.close()


def visit(page: Tab, stop: Stop, *, address: str, folder: Path | None, themes: Sequence[str]) -> Visit:
    """The pictures of this page are in the folder, one for each theme, and what is wrong with it is known.

    Without a folder no pictures are taken.
    """
    width = page.viewport_size["width"] if page.viewport_size else 0
    found = Visit(stop.name, stop.path, width)
    expected = f"status of {stop.status}"

    def console(message: Any) -> None:
        if message.type == "error" and not (stop.status >= 400 and expected in message.text):
            found.note("csp" if "Content Security Policy" in message.text else "console", message.text[:300])

    def crash(error: Any) -> None:
        found.note("console", str(error)[:300])

    page.on("console", console)
    page.on("pageerror", crash)
    try:
        _go(page, stop, found, address=address, theme=themes[0])
        for theme in themes:
            page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
            if folder is not None:
                page.wait_for_timeout(150)  # canvases are drawn anew
            _await(page, _STILL, seconds=2)
            _look(page, found, folder=folder, theme=theme, rules=None if theme == themes[0] else _OF_COLOURS)
    except Error as error:
        found.note("broken", str(error).splitlines()[0][:300])
    finally:
        page.remove_listener("console", console)
        page.remove_listener("pageerror", crash)
    return found


def _go(page: Tab, stop: Stop, found: Visit, *, address: str, theme: str) -> None:
    page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    answer = page.goto(address.rstrip("/") + stop.path, wait_until="load")
    found.status = answer.status if answer else 0
    if found.status != stop.status:
        found.note("broken", f"answered {found.status}, not {stop.status}")
    timing: Mapping[str, Any] = {**answer.request.timing} if answer else {}
    found.server_milliseconds = round(timing.get("responseStart", 0) - timing.get("requestStart", 0))
    _settle(page, found)


def _settle(page: Tab, found: Visit) -> None:
    """All panels have come in, also those further down, and the page stands at its top again."""
    page.evaluate("window.scrollTo(0, document.documentElement.scrollHeight)")
    page.wait_for_timeout(50)
    if not _await(page, _SETTLED, seconds=SETTLING):
        found.note("broken", f"panels were still loading after {SETTLING} s")
    page.evaluate("window.scrollTo(0, 0)")


def _await(page: Tab, condition: str, *, seconds: int) -> bool:
    """Whether the condition came true in time. Asked again and again: the page's policy allows no other way."""
    deadline = time.monotonic() + seconds
    while not page.evaluate(condition):
        if time.monotonic() > deadline:
            return False
        page.wait_for_timeout(50)
    return True


def _look(page: Tab, found: Visit, *, folder: Path | None, theme: str, rules: list[str] | None) -> None:
    if folder is not None:
        _take_picture(page, found, folder=folder, theme=theme)
    if wider := page.evaluate(_WIDER):
        found.note("sideways", wider)
    for violation in page.evaluate("window.__violations"):
        found.note("csp", violation)
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_FILE_PATH.read_text())
    for fault in page.evaluate(_AXE, rules):
        found.note("axe", f"{theme}: {fault}")


def _take_picture(page: Tab, found: Visit, *, folder: Path, theme: str) -> None:
    name = f"{found.name}-{found.width}-{theme}.png"
    height = page.evaluate("document.documentElement.scrollHeight")
    if height <= TALLEST:
        page.screenshot(path=folder / name, full_page=True, animations="disabled", caret="initial")
    else:
        clip = {"x": 0, "y": 0, "width": found.width, "height": TALLEST}
        page.screenshot(path=folder / name, full_page=True, clip=clip, animations="disabled", caret="initial")  # type: ignore[arg-type]
    found.pictures[theme] = name
