"""Pictures of every page, and what is wrong with it."""

import argparse
import os
import shutil
from argparse import ArgumentTypeError
from contextlib import ExitStack
from difflib import get_close_matches
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import User
from config.tour import beside, people
from config.tour.pages import Stop, admin_stops, names, stops, unplaced
from journal.benchmark.dataset import Size

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from config.tour.walking import Visit

WIDTHS = (1440, 390)
THEMES = ("light", "dark")
DEFAULT_SIZES = ("empty", "demo")


class Command(BaseCommand):
    help = (
        "Take pictures of every page at each width and in each theme: of somebody who has just come (empty), with the "
        "demo's data (demo), and with a thousand accounts and a million trades (large, which takes minutes to make). "
        "Writes <size>/<page>-<width>-<theme>.png, index.html and summary.json. Exit codes: 0 nothing is wrong; "
        "1 something is: a page that fails, scrolls sideways, has script errors, is stopped by the security policy or "
        "has a serious fault of accessibility, an address that is in no list; 2 wrong arguments."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--sizes", type=_some_of(people.SIZES), default=list(DEFAULT_SIZES), metavar="LIST",
                            help=f"some of {','.join(people.SIZES)} (default: {','.join(DEFAULT_SIZES)})")  # fmt: skip
        parser.add_argument("--widths", type=_widths, default=list(WIDTHS), metavar="LIST",
                            help="widths in pixels (default: 1440,390)")  # fmt: skip
        parser.add_argument("--themes", type=_some_of(THEMES), default=list(THEMES), metavar="LIST",
                            help="some of light,dark (default: both)")  # fmt: skip
        parser.add_argument("--pages", type=_pattern, default="*", metavar="PATTERN",
                            help="only pages of these names, such as 'trade_*' (default: all)")  # fmt: skip
        parser.add_argument("--no-admin", action="store_true", help="leave the admin's pages out")
        parser.add_argument("--accounts", type=int, default=people.LARGE.accounts, metavar="N",
                            help="accounts of the large size (default: %(default)s)")  # fmt: skip
        parser.add_argument("--trades", type=int, default=people.LARGE.trades, metavar="N",
                            help="trades of the large size (default: %(default)s)")  # fmt: skip
        parser.add_argument("--into", type=Path, default=settings.VAR_DIR / "screenshots", metavar="FOLDER",
                            help="where the pictures go (default: var/screenshots)")  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        walking = beside.walking()
        from config.tour import contact_sheet

        if forgotten := unplaced():
            raise CommandError(f"These addresses are in neither list of config/tour/pages.py: {', '.join(forgotten)}")
        call_command("migrate", database="owner", verbosity=0, interactive=False)
        with open(os.devnull, "w") as nowhere:
            call_command("seed_reference_data", stdout=nowhere)
        large = Size(accounts=options["accounts"], trades=options["trades"])
        sizes = sorted(options["sizes"], key=people.SIZES.index)
        walkers = {size: people.person_of(size, large=large, say=self._say) for size in sizes}
        found = {size: _chosen(person, size, options) for size, person in walkers.items()}
        chosen = {size: wanted for size, (wanted, _) in found.items()}
        absent = {size: missing for size, (_, missing) in found.items()}
        if not any(chosen.values()):
            raise CommandError(_nobody_has(options["pages"], sizes), returncode=2)
        visits: dict[str, list[Visit]] = {}
        with beside.served() as address, walking.browsing() as browser, beside.queries_allowed():
            for size, person in walkers.items():
                visits[size] = self._walk(browser, chosen[size], person, size=size, address=address, options=options)
        index = contact_sheet.write(options["into"], visits, absent)
        told = contact_sheet.lines(visits)
        self.stdout.write("\n".join([*told, f"Pictures: {index}"]))
        if any(visit.faults for found in visits.values() for visit in found):
            raise CommandError("Something is wrong; it is listed above.", returncode=1)

    def _walk(
        self, browser: "Browser", chosen: list[Stop], person: User, *, size: str, address: str, options: dict[str, Any]
    ) -> "list[Visit]":
        walking = beside.walking()
        folder = options["into"] / size
        if options["pages"] == "*":
            shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        found = []
        with ExitStack() as stack:
            sessions = {"nobody": "", "person": stack.enter_context(people.signed_in(person))}
            if any(stop.who == "operator" for stop in chosen):
                sessions["operator"] = stack.enter_context(people.signed_in(people.operator()))
            for width in options["widths"]:
                for who, session in sessions.items():
                    with walking.tab(browser, width=width, address=address, session=session) as page:
                        for stop in (stop for stop in chosen if stop.who == who):
                            one = walking.visit(page, stop, address=address, folder=folder, themes=options["themes"])
                            self._say(f"{size}/{stop.name} {width} px {one.server_milliseconds} ms"
                                      + (f", {len(one.faults)} faults" if one.faults else ""))  # fmt: skip
                            found.append(one)
        return sorted(found, key=lambda each: [stop.name for stop in chosen].index(each.name))

    def _say(self, line: str) -> None:
        self.stdout.write(f"  {line}")


def _chosen(person: User, size: str, options: dict[str, Any]) -> tuple[list[Stop], list[str]]:
    """The pages to go to, and the names of those that this person cannot have."""
    found: list[Stop | str] = list(stops(person, with_public=size == "empty"))
    if size != "empty" and not options["no_admin"]:
        found += admin_stops()
    wanted = [stop for stop in found if isinstance(stop, Stop) and fnmatch(stop.name, options["pages"])]
    return wanted, [name for name in found if isinstance(name, str)]


def _some_of(allowed: tuple[str, ...]) -> Any:
    def parse(text: str) -> list[str]:
        chosen = list(dict.fromkeys(text.split(",")))
        if unknown := [each for each in chosen if each not in allowed]:
            raise ArgumentTypeError(f"{unknown[0]!r} is not one of {', '.join(allowed)}")
        return chosen

    return parse


def _pattern(text: str) -> str:
    known = sorted(names())
    if any(fnmatch(name, text) for name in known):
        return text
    near = get_close_matches(text.strip("*").replace("-", "_"), known, n=3)
    raise ArgumentTypeError(f"no page is called {text!r}" + (f"; some are called {', '.join(near)}" if near else ""))


def _nobody_has(pattern: str, sizes: list[str]) -> str:
    return f"None of the pages {pattern!r} is there in the size {' or '.join(sizes)}; another of --sizes may have it."


def _widths(text: str) -> list[int]:
    try:
        found = [int(each) for each in text.split(",")]
    except ValueError as error:
        raise argparse.ArgumentTypeError("widths are whole numbers, such as 1440,390") from error
    if any(not 200 <= each <= 4000 for each in found):
        raise argparse.ArgumentTypeError("a width is from 200 to 4000 pixels")
    return found
