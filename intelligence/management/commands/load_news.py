"""Loads articles from files and feeds."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from intelligence import news, news_parsing, outbound
from intelligence.choosing_people import person
from intelligence.news_parsing import BadFeed


class Command(BaseCommand):
    help = (
        "Loads articles from files or https addresses of RSS, Atom, JSON or CSV; without any, from the addresses of "
        "NEWS_FEEDS. An article that is there already, by its address, is not loaded again. Nothing else is ever "
        "asked: no redirect is followed, no private address connected to, 5 seconds and a megabyte are waited for. "
        "Exit codes: 0 all were loaded, 1 one was not, 2 wrong arguments."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("places", nargs="*", metavar="FILE|URL")
        parser.add_argument("--email", help="whose; may be left out when there is one person")
        parser.add_argument("--symbols", default="", help="instruments that all of them are about: AAPL,MSFT")
        parser.add_argument("--source", default="", help="what it is called where a feed does not say")

    def handle(self, *args: Any, **options: Any) -> None:
        owner = person(options["email"])
        places = options["places"] or settings.NEWS_FEEDS
        if not places:
            raise CommandError("Name a file or an address, or set NEWS_FEEDS.", returncode=2)
        symbols = [symbol.strip() for symbol in options["symbols"].split(",") if symbol.strip()]
        failed = 0
        for place in places:
            try:
                found, skipped = news_parsing.parse(_content(place), name=options["source"])
            except (BadFeed, outbound.OutboundError, OSError) as error:
                failed += 1
                self.stderr.write(f"{place}: {error}")
                continue
            kept = news.keep(owner, found, symbols=symbols)
            self.stdout.write(
                f"{place}: {kept.added} articles added, {kept.known} known already, {skipped} without title, address "
                f"or time, {kept.unknown_symbols} symbols that nothing here trades"
            )
        if failed:
            raise CommandError(f"{failed} of {len(places)} could not be loaded")


def _content(place: str) -> bytes:
    if "://" not in place:
        return Path(place).read_bytes()
    answer = outbound.fetch(
        place, rules=outbound.PUBLIC, headers={"Accept": "application/rss+xml, application/json, */*"}
    )
    if answer.status != 200:
        # A redirect too: where it leads was configured by nobody.
        raise outbound.Failed(f"it answered with {answer.status}")
    return answer.body
