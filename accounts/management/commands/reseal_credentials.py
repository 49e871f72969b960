"""Seals the keys of brokers anew, by the key that is first now."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts import encryption
from accounts.models import BrokerConnection


class Command(BaseCommand):
    help = (
        "Seal the keys of all broker connections anew by CREDENTIALS_KEY, so that keys in CREDENTIALS_KEY_FALLBACKS "
        "can be dropped. All or nothing. Exit code 0 when it is done, 1 when one of them opens with none of the keys."
    )

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        count = 0
        for row in BrokerConnection.objects.select_for_update().order_by("pk"):
            try:
                row.sealed_key_id = encryption.resealed(row.sealed_key_id)
                row.sealed_secret = encryption.resealed(row.sealed_secret)
            except encryption.KeysMissing as error:
                raise CommandError(f"Connection {row.public_id}: {error.message}", returncode=1) from error
            row.save(update_fields=["sealed_key_id", "sealed_secret"])
            count += 1
        self.stdout.write(f"{count} connections sealed anew")
