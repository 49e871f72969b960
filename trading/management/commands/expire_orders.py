"""Ends the orders whose time is over."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from trading import order_sweeps


class Command(BaseCommand):
    help = (
        "Expire every live order whose time is over: what it set aside is free again, and its exits go with it. The "
        "worker does so every minute; this does it now. Exit code 0 when all of them ended, 1 when one could not (the "
        "log says which), 2 when the call itself is wrong."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="say how many there are and change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        if options["dry_run"]:
            self.stdout.write(f"would expire {order_sweeps.due(at=now).count()} orders")
            return
        swept = order_sweeps.expire_due(at=now)
        self.stdout.write(f"{swept.done} orders expired")
        if swept.failed:
            raise CommandError(f"{swept.failed} orders could not expire; the log says why.", returncode=1)
