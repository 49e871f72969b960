"""Forgets old lines of the activity feeds. The audit log keeps everything."""

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts import activity


class Command(BaseCommand):
    help = (
        "Forgets lines of everybody's activity feed that are older than so many days. "
        "Exit codes: 0 done, 2 wrong arguments."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--older-than", type=int, required=True, metavar="DAYS", help="1 to 3650")
        parser.add_argument("--dry-run", action="store_true", help="say how many there are, and keep them")

    def handle(self, *args: Any, **options: Any) -> None:
        if not 1 <= options["older_than"] <= 3650:
            raise CommandError("--older-than is a whole number from 1 to 3650", returncode=2)
        before = timezone.now() - timedelta(days=options["older_than"])
        if options["dry_run"]:
            self.stdout.write(f"{activity.old(before).count()} lines would be forgotten")
            return
        self.stdout.write(f"{activity.forget(before=before)} lines forgotten")
