"""Forgets old deliveries of webhooks. Signals stay, and what nobody understood does."""

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from intelligence import deliveries


class Command(BaseCommand):
    help = (
        "Forgets deliveries of webhooks that were read, or were nothing to us, more than so many days ago: their "
        "bytes, and themselves where no signal came from them. Signals stay, and so does what nobody understood, until "
        "it is read. The worker does it hourly where DELIVERY_DAYS is set. Exit codes: 0 done, 2 wrong arguments."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--older-than", type=int, required=True, metavar="DAYS", help="2 to 3650")
        parser.add_argument("--dry-run", action="store_true", help="say how many there are, and keep them")

    def handle(self, *args: Any, **options: Any) -> None:
        if not deliveries.SHORTEST <= options["older_than"] <= 3650:
            raise CommandError("--older-than is a whole number from 2 to 3650", returncode=2)
        now = timezone.now()
        before = now - timedelta(days=options["older_than"])
        if options["dry_run"]:
            self.stdout.write(f"{deliveries.old(before)} deliveries would be forgotten")
            return
        self.stdout.write(f"{deliveries.purge(before=before, at=now)} deliveries forgotten")
