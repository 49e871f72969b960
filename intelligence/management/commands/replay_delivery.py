"""Reads deliveries once more."""

import uuid
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import QuerySet

from accounts.errors import DomainError
from intelligence import inbox
from intelligence.models import WebhookDelivery


class Command(BaseCommand):
    help = (
        "Read deliveries of webhooks once more: by their ids, or all that nobody understood. What was made of them "
        "before is found again and left alone. Exit code 0 when all of them were understood, 1 when one was not, 2 "
        "when there is no such delivery."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("ids", nargs="*", type=uuid.UUID, metavar="ID", help="of a delivery")
        parser.add_argument("--dead", action="store_true", help="all that nobody understood")
        parser.add_argument("--dry-run", action="store_true", help="say which, and read nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        rows = self._chosen(options["ids"], is_dead=options["dead"])
        if options["dry_run"]:
            for delivery in rows:
                self.stdout.write(f"{delivery.public_id} {delivery}: {delivery.error}")
            return
        failed = sum(not self._read(delivery) for delivery in rows)
        if failed:
            raise CommandError(f"{failed} could not be understood", returncode=1)

    def _chosen(self, ids: list[uuid.UUID], *, is_dead: bool) -> QuerySet[WebhookDelivery]:
        if is_dead == bool(ids):
            raise CommandError("Give ids, or --dead.", returncode=2)
        rows = WebhookDelivery.objects.defer("body").order_by("id")
        if is_dead:
            return rows.dead()
        found = rows.filter(public_id__in=ids)
        if missing := set(ids) - set(found.values_list("public_id", flat=True)):
            raise CommandError(f"there is no delivery {', '.join(map(str, sorted(missing)))}", returncode=2)
        return found

    def _read(self, delivery: WebhookDelivery) -> bool:
        try:
            inbox.replay(delivery)
        except DomainError as error:
            self.stderr.write(f"{delivery.public_id}: {error.message}")
        inbox.read_waiting()
        delivery.refresh_from_db(fields=["status", "error", "signals_made"])
        words = f": {delivery.error}" if delivery.error else ""
        self.stdout.write(f"{delivery.public_id} {delivery.status}, {delivery.signals_made} signals{words}")
        return delivery.status != "dead"
