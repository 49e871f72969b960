"""Brings stored sums up to date, and proves on demand that they are what the fills come to."""

import sys
from argparse import ArgumentParser
from itertools import islice
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import User
from journal import facets, tasks, verification
from journal.metrics import rollups

SHOWN = 20


class Command(BaseCommand):
    help = (
        "Compute the account-days whose trades changed. With --all, compute every day again. With --check, compare "
        "trades, positions, day rollups and their sums with a computation from the fills by an independent path, "
        f"print the first {SHOWN} differences and exit with 1 if there is any. Exit code 2: there is no such person."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--owner", metavar="EMAIL", help="of one person only")
        parser.add_argument("--all", action="store_true", help="every day, not only those that are stale")
        parser.add_argument("--check", action="store_true", help="compare what is stored with the fills")

    def handle(self, *args: Any, **options: Any) -> None:
        owners = self._owners(options["owner"])
        for owner in owners:
            if options["all"]:
                rollups.request_all(owner.pk)
                facets.request_all(owner.pk)
            days = tasks.recompute_owner(owner.pk)
            if days or options["verbosity"] > 1:
                self.stdout.write(f"{owner}: {days} account-days computed")
        if options["check"]:
            self._check(owners)

    def _owners(self, email: str | None) -> list[User]:
        if email is None:
            return list(User.objects.order_by("pk"))
        owners = list(User.objects.filter(email__iexact=email))
        if not owners:
            raise CommandError(f"Nobody has the e-mail address {email}.", returncode=2)
        return owners

    def _check(self, owners: list[User]) -> None:
        found = 0
        for owner in owners:
            differences = verification.differences(owner.pk, on_account=self._show_progress)
            for difference in islice(differences, max(SHOWN - found, 0)):
                found += 1
                self.stderr.write(self.style.ERROR(f"{owner}: {difference}"))
            found += sum(1 for _ in differences)
        if found > SHOWN:
            self.stderr.write(f"and {found - SHOWN} more")
        if found:
            raise CommandError(f"{found} differences.", returncode=1)
        self.stdout.write(self.style.SUCCESS(f"No difference in what is stored of {len(owners)} people."))

    def _show_progress(self, done: int, of: int) -> None:
        if sys.stderr.isatty():
            self.stderr.write(f"\r{done} of {of} accounts", ending="\n" if done == of else "")
