"""Listens to what brokers say of orders."""

import signal
import threading
from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from accounts.models import Account
from trading.venues.listening import Supervisor


class Command(BaseCommand):
    help = (
        "Listen to the trade updates of every account that is connected to a broker, until it is stopped (SIGTERM or "
        "Ctrl-C). One connection per account; one that breaks is made again after a while, and the account is compared "
        "with its broker before it goes on. Accounts that are connected meanwhile are taken up. Run one of it: Alpaca "
        "takes one listener per key. Exit code 0 when it was stopped, 2 when the call itself is wrong."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--account", action="append", metavar="UUID", help="only this account; may be repeated")

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: stop.set())
        signal.signal(signal.SIGINT, lambda *_: stop.set())
        Supervisor(stop=stop, say=self.stdout.write, accounts=chosen(options["account"])).run()
        self.stdout.write("stopped")


def connected(text: str | None) -> Account | None:
    """The connected account of this id, None where none is named."""
    found = chosen([text] if text else None)
    return Account.objects.select_related("connection").get(pk=found[0]) if found else None


def chosen(named: list[str] | None) -> list[int] | None:
    """The connected accounts of these ids, None where none is named."""
    if not named:
        return None
    found = []
    for text in named:
        try:
            account = Account.objects.filter(public_id=UUID(text), connection__isnull=False).first()
        except ValueError as error:
            raise CommandError(f"{text} is no id of an account.", returncode=2) from error
        if account is None:
            raise CommandError(f"There is no connected account {text}.", returncode=2)
        found.append(account.pk)
    return found
