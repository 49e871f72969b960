"""Says what is most like a situation."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.errors import InvalidValue
from intelligence import neighbours, search
from intelligence.choosing_people import person
from intelligence.models import DecisionAction
from intelligence.neighbours import Aggregate, Neighbour
from intelligence.search_filters import Filters


class Command(BaseCommand):
    help = (
        "Says which of a person's decisions, notes or trades are most like a text, and how they ended. Exit codes: 0 "
        "something was found, 1 nothing is there, 2 wrong arguments."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("text")
        parser.add_argument("--email", help="whose; may be left out when there is one person")
        parser.add_argument("--kind", choices=search.KINDS, default="decision")
        parser.add_argument("--mode", choices=search.MODES, default="hybrid")
        parser.add_argument("--limit", type=int, default=10, help="1 to 100 (default: %(default)s)")
        parser.add_argument("--symbol", default="")
        parser.add_argument("--action", choices=DecisionAction.values, default="")
        parser.add_argument("--strategy", default="")

    def handle(self, *args: Any, **options: Any) -> None:
        if not 1 <= options["limit"] <= search.LARGEST_LIMIT:
            raise CommandError(f"--limit is 1 to {search.LARGEST_LIMIT}", returncode=2)
        if not options["text"].strip():
            raise CommandError("Say what to look for.", returncode=2)
        for name in ("text", "symbol", "strategy"):
            try:
                options[name].encode()
            except UnicodeEncodeError as error:
                # Bytes of a shell that are no text.
                raise CommandError(f"{name} is not UTF-8", returncode=2) from error
        filters = Filters(symbol=options["symbol"].upper(), action=options["action"], strategy=options["strategy"])
        try:
            filters.check(options["kind"])
        except InvalidValue as error:
            raise CommandError(f"--{error.pointer.strip('?')}: {error.message}", returncode=2) from error
        found = search.find(
            person(options["email"]), options["text"], kind=options["kind"], filters=filters, limit=options["limit"],
            mode=options["mode"],
        )  # fmt: skip
        if not found.hits:
            raise CommandError("Nothing is there to be found.")
        shown = neighbours.shown(found)
        by = "words" if found.mode == "text" or found.model.is_lexical else "meaning"
        self.stdout.write(f"by {by} ({found.model.key}, {found.mode})" + (f": {found.gap}" if found.gap else ""))
        for row in shown.with_added:
            self.stdout.write(_line(row))
        self.stdout.write(_came_to(shown.aggregate))


def _line(row: Neighbour) -> str:
    near = "     –" if row.hit.similarity is None else f"{row.hit.similarity:6.3f}"
    ended = "open"
    if row.ended is not None:
        parts = [row.ended.outcome]
        if row.ended.result_pct is not None:
            parts.append(f"{row.ended.result_pct * 100:+.2f}%")
        if row.ended.r_multiple is not None:
            parts.append(f"{row.ended.r_multiple:+.2f} R")
        ended = " ".join(parts)
    words = " ".join((row.title + " " + row.text).split())[:80]
    what = " ".join(part for part in [",".join(row.symbols), row.action] if part)
    mark = f" [{row.added.replace('_', ' ')}]" if row.added else ""
    return f"{near}  {row.at:%Y-%m-%d}  {what:<14} {ended:<22} {words}{mark}"


def _came_to(found: Aggregate) -> str:
    if not found.resolved:
        return "none of them has ended"
    rate, interval = found.win_rate, found.interval
    assert rate is not None
    assert interval is not None
    words = f"{found.resolved} ended: {rate:.0%} won ({interval.low:.0%} to {interval.high:.0%})"
    if found.mean_r is not None:
        words += f", mean {found.mean_r:+.2f} R of {found.r_count}"
    if found.median_holding_seconds is not None:
        words += f", median hold {found.median_holding_seconds / 3600:.1f} h"
    return words + (" – too few to say" if found.is_few else "")
