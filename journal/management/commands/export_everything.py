"""Writes everything that a person has into one file."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts.models import User
from journal.archive import writing


class Command(BaseCommand):
    help = (
        "Write everything that a person has into one ZIP file, which import_everything reads: accounts, cash, fills, "
        "trades with notes and tags, playbooks, attachments, imports with their lines. The file is readable by you "
        "alone. Exit code 0 when it was written, 2 when the call itself is wrong."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email", help="whose")
        parser.add_argument("file", type=Path, metavar="FILE", help="where to; must not exist yet")

    def handle(self, *args: Any, **options: Any) -> None:
        owner = User.objects.filter(email__iexact=options["email"]).first()
        if owner is None:
            raise CommandError(f"Nobody has the e-mail address {options['email']}.", returncode=2)
        path: Path = options["file"]
        total = writing.total_of(owner)

        def show(rows: int) -> None:
            sys.stderr.write(f"\r{rows:,} of {total:,} rows")
            sys.stderr.flush()

        try:
            counts = writing.write(
                owner, path, at=timezone.now(), on_progress=show if sys.stderr.isatty() else lambda rows: None
            )
        except FileExistsError as error:
            raise CommandError(f"{path} exists.", returncode=2) from error
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}.", returncode=2) from error
        if sys.stderr.isatty():
            sys.stderr.write("\r\x1b[K")
        for name, count in counts.items():
            if count:
                self.stdout.write(f"{count:>10,}  {name}")
        self.stdout.write(f"{path}: {path.stat().st_size:,} bytes")
