"""Computes the stored figures of copied wallets."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from intelligence import performance
from intelligence.models import Wallet


class Command(BaseCommand):
    help = (
        "Compute the figures of every wallet now, in each mode and window, as is done at midnight UTC. Run twice it "
        "writes the same figures. A wallet that fails keeps its figures of before. Exit code 0 when all were computed, "
        "1 when one failed, 2 when the call is wrong."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--wallet", action="append", metavar="ADDRESS", help="only this one; repeatable")
        parser.add_argument("--behind", action="store_true", help="only those with a close since they were computed")

    def handle(self, *args: Any, **options: Any) -> None:
        wanted = self._wanted(options["wallet"], is_behind=options["behind"])
        done = failed = 0
        for number, wallet_id in enumerate(wanted, start=1):
            at = timezone.now()
            try:
                done += performance.refresh(wallet_id, at=at)
            except Exception as error:  # noqa: BLE001 - it is told, kept with the wallet, and the others go on
                performance.failed(wallet_id, error, at=at)
                failed += 1
                self.stderr.write(f"wallet {wallet_id}: {type(error).__name__}: {error}")
            if number % 100 == 0:
                self.stdout.write(f"{number} of {len(wanted)} wallets")
        self.stdout.write(f"{done} wallets computed, {failed} failed.")
        if failed:
            raise CommandError("Not all could be computed; their figures are those of before.", returncode=1)

    def _wanted(self, addresses: list[str] | None, *, is_behind: bool) -> list[int]:
        if is_behind:
            return performance.behind(at=timezone.now())
        if not addresses:
            return list(performance.all_wallets())
        found = dict(Wallet.objects.filter(address__in=addresses).values_list("pk", "address"))
        missing = set(addresses) - set(found.values())
        if missing:
            raise CommandError(f"Nobody watches {', '.join(sorted(missing))}.", returncode=2)
        return sorted(found)
