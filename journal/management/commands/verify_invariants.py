"""Proves that what must always be true of the database is."""

import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from itertools import islice
from typing import Any

import orjson
from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction

from accounts.models import User
from journal import verification
from trading.invariants import INVARIANTS, Invariant

SHOWN = 20


class Command(BaseCommand):
    help = (
        "Check every invariant over the whole database, as of one moment and without writing anything: orders against "
        "their events and fills, positions against fills, reservations and balances against the ledger, trades and "
        "stored sums against a computation by an independent path, owners, roles. Prints the first "
        f"{SHOWN} rows that break each. Exit code 1: something is broken. Exit code 2: no such invariant."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one object per invariant, for programs")
        parser.add_argument("--only", metavar="NAME", action="append", help="this one only; repeatable")
        parser.add_argument("--list", action="store_true", help="show their names and end")

    def handle(self, *args: Any, **options: Any) -> None:
        chosen = self._chosen(options["only"])
        if options["list"]:
            for invariant in chosen:
                self.stdout.write(f"{invariant.name:16} {invariant.words}")
            return
        with transaction.atomic():
            with connection.cursor() as cursor:
                # All of them see one moment, and none can change anything.
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            broken = sum(self._check(each, as_json=options["json"]) for each in chosen)
        if broken:
            raise CommandError(f"{broken} of {len(chosen)} invariants are broken.", returncode=1)
        if not options["json"]:
            self.stdout.write(self.style.SUCCESS(f"All {len(chosen)} invariants hold."))

    def _chosen(self, names: list[str] | None) -> list[Invariant]:
        known = {each.name: each for each in (*INVARIANTS, _SUMS)}
        unknown = [name for name in names or [] if name not in known]
        if unknown:
            raise CommandError(f"There is no invariant {unknown[0]}; see --list.", returncode=2)
        return [each for name, each in known.items() if not names or name in names]

    def _check(self, invariant: Invariant, *, as_json: bool) -> bool:
        if sys.stderr.isatty() and not as_json:
            self.stderr.write(f"\r{invariant.name} … ", ending="")
        rows = invariant.broken()
        first = list(islice(rows, SHOWN))
        more = sum(1 for _ in rows)
        if as_json:
            told = {"name": invariant.name, "holds": not first, "broken": len(first) + more, "rows": first}
            self.stdout.write(orjson.dumps(told).decode())
        elif first:
            self.stdout.write(self.style.ERROR(f"{invariant.name}: {invariant.words} – not {', '.join(first)}"))
            if more:
                self.stdout.write(f"and {more} more")
        return bool(first)


def _sums() -> Iterator[str]:
    for owner in User.objects.order_by("pk"):
        for difference in verification.differences(owner.pk, on_account=lambda _done, _of: None):
            yield f"{owner}: {difference}"


_SUMS = Invariant("sums", "trades, positions and stored sums are what the fills come to by another path", _sums)
