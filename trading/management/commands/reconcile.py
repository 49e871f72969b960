"""Compares accounts with their brokers, and repairs what can be."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.encryption import KeysMissing
from accounts.models import BrokerConnection
from trading.management.commands.stream_trades import chosen
from trading.venues import reconciling
from trading.venues.alpaca_client import BrokerError
from trading.venues.reconciling import Difference, Reconciled

_HEADING = ("what", "which", "here", "broker", "repaired")


class Command(BaseCommand):
    help = (
        "Compare accounts with the brokers they are connected to: open orders, fills, positions and cash. Orders that "
        "were placed elsewhere are taken over, those that the broker has ended end, fills that were missed are added; "
        "all differences are told as a table. The worker does so every five minutes, the stream whenever it begins. "
        "At the first time, a difference of cash is booked as what the account began with. Exit code 0 when nothing "
        "differs any more, 1 when something could not be repaired or a broker did not answer, 2 when the call itself "
        "is wrong."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--account", action="append", metavar="UUID", help="only this account; may be repeated")
        parser.add_argument("--dry-run", action="store_true", help="say what differs and change nothing")
        parser.add_argument(
            "--accept-cash",
            action="store_true",
            help="book a difference of cash that nothing explains as an adjustment",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        rows = BrokerConnection.objects.select_related("account").order_by("id")
        accounts = chosen(options["account"])
        if accounts is not None:
            rows = rows.filter(account_id__in=accounts)
        failed = left = 0
        for row in rows:
            try:
                found = reconciling.reconcile(row, is_dry_run=options["dry_run"], accepts_cash=options["accept_cash"])
            except reconciling.Busy:
                self.stdout.write(f"{row.account.name}: somebody else compares it now")
            except (BrokerError, KeysMissing) as error:
                failed += 1
                self.stderr.write(f"{row.account.name}: {error}")
            else:
                left += len(found.left)
                self._tell(found, is_dry_run=options["dry_run"])
        if not rows:
            self.stdout.write("no account is connected to a broker")
        if failed or left:
            raise CommandError(f"{left} differences are left, {failed} accounts could not be compared.", returncode=1)

    def _tell(self, found: Reconciled, *, is_dry_run: bool) -> None:
        looked = f"{found.orders} orders and {found.fills} fills looked at"
        self.stdout.write(f"{found.account.name}: {looked}, {len(found.differences)} differences")
        if found.differences:
            rows = [_HEADING, *(_row(each, is_dry_run=is_dry_run) for each in found.differences)]
            widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADING))]
            for row in rows:
                self.stdout.write(
                    "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
                )


def _row(each: Difference, *, is_dry_run: bool) -> tuple[str, ...]:
    repaired = ("would be" if is_dry_run else "yes") if each.is_repaired else "NO"
    return (each.kind, each.what, each.here, each.there, f"{repaired} ({each.words})" if each.words else repaired)
