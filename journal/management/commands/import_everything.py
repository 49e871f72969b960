"""Takes in what export_everything wrote."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts import audit
from accounts.errors import DomainError
from accounts.models import User
from journal.archive import restoring
from journal.metrics import rollups


class Command(BaseCommand):
    help = (
        "Take in a file that export_everything or the page Everything wrote: all of it or nothing. What the person has "
        "already stays as it is, so that the same file again adds nothing. Exit code 0 when it was taken in, 1 when it "
        "was refused, 2 when the call itself is wrong."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email", help="who gets it")
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument(
            "--with-reference",
            action="store_true",
            help="instruments and rates of exchange that are not known here come from the file as well; everybody on "
            "this server sees them, so only for a file that you trust",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        owner = User.objects.filter(email__iexact=options["email"]).first()
        if owner is None:
            raise CommandError(f"Nobody has the e-mail address {options['email']}.", returncode=2)
        path: Path = options["file"]
        if not path.is_file():
            raise CommandError(f"{path} is no file.", returncode=2)

        def show(rows: int) -> None:
            sys.stderr.write(f"\r{rows:,} rows")
            sys.stderr.flush()

        is_seen = sys.stderr.isatty()
        try:
            with audit.acting(owner), transaction.atomic():
                added, remarks = restoring.take_in(
                    owner,
                    path,
                    trusts_reference=options["with_reference"],
                    on_progress=show if is_seen else lambda rows: None,
                )
        except DomainError as refusal:
            raise CommandError(f"{path}: {refusal.message}", returncode=1) from refusal
        rollups.recompute(owner.pk)
        if is_seen:
            sys.stderr.write("\r\x1b[K")
        for remark in remarks:
            self.stdout.write(self.style.WARNING(remark))
        for name, count in added.items():
            self.stdout.write(f"{count:>10,}  {name}")
        if not added:
            self.stdout.write("Everything in it was there already.")
