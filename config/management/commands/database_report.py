"""Prints how the database fares and what to do about it."""

import json
import textwrap
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config.database_report import Section, as_plain, sections

NAMES = ("summary", "slow-queries", "sequential-scans", "long-transactions", "unused-indexes", "tables")


class Command(BaseCommand):
    help = (
        "Say how the database fares, from what the server counts: memory, slow queries (by pg_stat_statements, where "
        "it is there), tables read in full, long transactions, unused indexes, sizes, dead rows, vacuum and analyze; "
        "each with what to do about it. Reads no row of anybody, and shows no value of a query."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--only", choices=NAMES, action="append", help="this part only; repeatable")
        parser.add_argument("--json", action="store_true", help="one object per part, a line each, for programs")

    def handle(self, *args: Any, **options: Any) -> None:
        chosen = [each for each in sections() if not options["only"] or each.name in options["only"]]
        if not chosen:
            raise CommandError("There is nothing to report.", returncode=1)
        for section in chosen:
            if options["json"]:
                self.stdout.write(_json(section))
            else:
                self._print(section)

    def _print(self, section: Section) -> None:
        self.stdout.write(self.style.MIGRATE_HEADING(str(section.title)))
        self.stdout.write(textwrap.fill(str(section.note or section.advice), 118))
        lines = [[text for text, _is_number in row] for row in section.cells]
        if not lines:
            self.stdout.write("" if section.note else "Nothing.\n")
            return
        heads = [str(title) for title, _kind in section.columns]
        widths = [max(map(len, column)) for column in zip(heads, *lines, strict=True)]
        numbers = [is_number for _text, is_number in section.cells[0]]
        for line in (heads, *lines):
            cells = (
                text.rjust(width) if is_number else text.ljust(width)
                for text, width, is_number in zip(line, widths, numbers, strict=True)
            )
            self.stdout.write("  ".join(cells).rstrip())
        self.stdout.write("")


def _json(section: Section) -> str:
    rows = [[as_plain(value) for value in row] for row in section.rows]
    columns = [str(title) for title, _kind in section.columns]
    return json.dumps({"name": section.name, "note": str(section.note), "columns": columns, "rows": rows})
