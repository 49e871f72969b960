"""Tells Helius which wallets to report on."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from intelligence import catching_up, syncing

_SAID = {
    "created": "the webhook was created, with {count} addresses",
    "pushed": "{count} addresses were pushed",
    "repaired": "what was there was not ours: {count} addresses were pushed",
    "checked": "{count} addresses are there, as they should be",
    "unchanged": "nothing has changed since the last push",
    "busy": "another sync is at it",
}


class Command(BaseCommand):
    help = (
        "Push the addresses of all followed wallets, and of paused ones with an open copy, to the one webhook at "
        "Helius, where they changed. The worker does so every five minutes; this does it now, without waiting after a "
        "failure, and compares the list there with ours. Exit code 0 when it is in order, 1 when Helius could not be "
        "reached, 2 when the settings lack a key, an address or a secret."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="say which addresses, and push nothing")
        parser.add_argument("--catch-up", action="store_true", help="also fetch what silent wallets did meanwhile")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["dry_run"]:
            for address in syncing.addresses():
                self.stdout.write(address)
            return
        now = timezone.now()
        done = syncing.sync(at=now, is_forced=True)
        if done.did == "off":
            raise CommandError("Set HELIUS_API_KEY, HELIUS_WEBHOOK_URL and HELIUS_WEBHOOK_SECRETS first.", returncode=2)
        if done.did == "failed":
            raise CommandError(f"the addresses could not be pushed: {done.error}", returncode=1)
        self.stdout.write(_SAID[done.did].format(count=done.addresses))
        if options["catch_up"]:
            self.stdout.write(f"{catching_up.catch_up_silent(at=now)} signals were missing")
