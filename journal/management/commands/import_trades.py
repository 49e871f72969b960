"""Imports broker files from the command line, through the same pipeline as the pages."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import audit
from accounts.models import Account, User
from journal.metrics import rollups
from trading.errors import ImportRefused
from trading.imports import batches
from trading.imports.parsers import registry
from trading.models import BatchStatus, ImportBatch

CHUNK = 1 << 20


class Command(BaseCommand):
    help = (
        "Import broker files. The format is recognised from the content; all of a file is imported or nothing. "
        "Exit code 0 when every file was imported, 1 when one was refused, 2 when the call itself is wrong."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", metavar="FILE", type=Path)
        parser.add_argument("--email", help="whose accounts the fills go to; may be left out when there is one person")
        parser.add_argument("--account", help="name of the account for files that name none")
        parser.add_argument(
            "--format",
            default="",
            choices=["", *sorted(known.name for known in registry.PARSERS)],
            metavar="NAME",
            help="the format, where you know better: " + ", ".join(sorted(known.name for known in registry.PARSERS)),
        )
        parser.add_argument(
            "--create-accounts",
            action="store_true",
            help="make an account for each unknown account number, and one for a file that names none",
        )
        parser.add_argument("--time-zone", help="zone of times without an offset, such as America/New_York")
        parser.add_argument("--date-order", choices=["mdy", "dmy", "ymd"], help="where the file does not prove it")
        parser.add_argument("--decimal-style", choices=["point", "comma"], help="1,234.56 or 1.234,56")
        parser.add_argument("--dry-run", action="store_true", help="say what would happen and write nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        owner = _owner(options["email"])
        account = None
        if options["account"]:
            account = Account.objects.for_user(owner).filter(name=options["account"]).first()
            if account is None:
                raise CommandError(f"{owner} has no account called {options['account']}.", returncode=2)
        choices = {name: options[name] for name in ("time_zone", "date_order", "decimal_style") if options[name]}
        if options["create_accounts"]:
            choices["create_accounts"] = True
        failed = 0
        with audit.acting(owner):
            for path in options["files"]:
                try:
                    self._import(path, owner=owner, account=account, choices=choices, options=options)
                except (ImportRefused, OSError) as error:
                    failed += 1
                    self.stderr.write(self.style.ERROR(f"{path}: {error}"))
            if not options["dry_run"]:
                rollups.recompute(owner.pk)
        if failed:
            raise CommandError(f"{failed} of {len(options['files'])} files were not imported.", returncode=1)

    def _import(
        self, path: Path, *, owner: User, account: Account | None, choices: dict[str, Any], options: dict[str, Any]
    ) -> None:
        with path.open("rb") as file:
            batch = batches.receive(
                owner=owner,
                chunks=iter(lambda: file.read(CHUNK), b""),
                filename=path.name,
                account=account,
                selected_format=options["format"],
                options=choices,
            )
        show = _Bar(path.name) if sys.stderr.isatty() else None
        if options["dry_run"]:
            batch = batches.look(batch)
            if batch.status == BatchStatus.READY:
                self._tell(path, batch.preview, verb="would import")
                batches.cancel(batch)
                return
        else:
            ImportBatch.objects.filter(pk=batch.pk).update(status=BatchStatus.READY)
            batch.refresh_from_db()
            batch = batches.run(batch, on_progress=show)
        if show is not None:
            show.end()
        if batch.status != BatchStatus.APPLIED:
            hint = " Use --account NAME or --create-accounts." if batch.error_code == "needs_decision" else ""
            raise ImportRefused(batch.error_message + hint)
        self._tell(path, batch.result, verb="imported")

    def _tell(self, path: Path, report: dict[str, Any], *, verb: str) -> None:
        self.stdout.write(
            f"{path}: {report['label']}: {verb} {report['new']} fills; {report['duplicates']} already there, "
            f"{report['skipped_count']} rows skipped, {report.get('trades_created', 0)} new trades"
        )
        for reason in report["skipped"]:
            self.stdout.write(f"  {reason['count']:>7} skipped: {reason['message']}")
        for warning in report["warnings"]:
            self.stdout.write(self.style.WARNING(f"  line {warning['line']}: {warning['message']}"))


def _owner(email: str | None) -> User:
    if email:
        owner = User.objects.filter(email__iexact=email).first()
        if owner is None:
            raise CommandError(f"Nobody has the e-mail address {email}.", returncode=2)
        return owner
    people = list(User.objects.filter(is_superuser=False, is_active=True).order_by("id")[:2])
    if len(people) != 1:
        raise CommandError("Say whose accounts the fills go to: --email ADDRESS.", returncode=2)
    return people[0]


class _Bar:
    """One line on the terminal that says how many rows are done."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, rows: int) -> None:
        sys.stderr.write(f"\r{self.name}: {rows:,} rows")
        sys.stderr.flush()

    def end(self) -> None:
        sys.stderr.write("\r\x1b[K")
