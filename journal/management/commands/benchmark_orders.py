"""Times orders over HTTP, from request to acknowledged order."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from journal.benchmark import orders, presenting
from journal.benchmark.orders import Sent
from journal.benchmark.server import ServerError, serving

#: Orders a second one by one, their p95 in milliseconds, and orders a second of the bulk request.
LEAST, LONGEST, LEAST_IN_BULK = 300, 100, 1_200


class Command(BaseCommand):
    help = (
        "Send orders to a web server of its own over kept connections, each as soon as the one before was answered: "
        "one by one, then in bulk. Prints orders per second and the times of the answers. The orders belong to a "
        "person of their own and stay. Exit code 1: something did not answer, or with --check a bar is missed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--accounts", type=int, default=50, metavar="N", help="over so many accounts; 50")
        parser.add_argument("--connections", type=int, default=16, metavar="N", help="at the same time; 16")
        parser.add_argument("--workers", type=int, default=2, metavar="N", help="processes of the server; 2")
        parser.add_argument("--seconds", type=float, default=10, metavar="S", help="for each way; 10")
        parser.add_argument("--bulk", type=int, default=100, metavar="N", help="orders in one bulk request; 100")
        parser.add_argument("--json", action="store_true", help="print the numbers as JSON, and nothing else")
        parser.add_argument("--check", action="store_true", help="exit with 1 if a bar is missed")

    def handle(self, *args: Any, **options: Any) -> None:
        for name in ("accounts", "connections", "workers", "seconds", "bulk"):
            if not 0 < options[name] <= 10_000:
                raise CommandError(f"--{name} is a number from 1 to 10,000.", returncode=2)
        person, accounts = orders.prepare(options["accounts"])
        try:
            with serving(person, workers=options["workers"], may_write=True) as api:
                orders.one_by_one(api, accounts, connections=options["connections"], seconds=1)
                single = orders.one_by_one(
                    api, accounts, connections=options["connections"], seconds=options["seconds"]
                )
                bulk = orders.many_at_once(
                    api,
                    accounts,
                    connections=options["workers"],
                    seconds=options["seconds"],
                    at_once=options["bulk"],
                )
        except ServerError as error:
            raise CommandError(str(error)) from error
        self._show(single, bulk, options)
        missed = [
            words
            for is_met, words in (
                (single.per_second >= LEAST, f"one by one: {single.per_second:.0f} a second, at least {LEAST}"),
                (single.percentile(0.95) <= LONGEST, f"p95 {single.percentile(0.95):.0f} ms, at most {LONGEST}"),
                (
                    bulk.per_second >= LEAST_IN_BULK,
                    f"in bulk: {bulk.per_second:.0f} a second, at least {LEAST_IN_BULK:,}",
                ),
            )
            if not is_met
        ]
        if options["check"] and missed:
            raise CommandError("\n".join(missed))

    def _show(self, single: Sent, bulk: Sent, options: dict[str, Any]) -> None:
        if options["json"]:
            told = {
                name: {
                    "per_second": sent.per_second,
                    **{f"p{share}": sent.percentile(share / 100) for share in (50, 95, 99)},
                }
                for name, sent in (("one_by_one", single), ("bulk", bulk))
            }
            self.stdout.write(json.dumps({**told, "machine": presenting.machine()}, indent=2))
            return
        self.stdout.write(", ".join(f"{name} {value}" for name, value in presenting.machine().items()))
        for name, sent in (("one by one", single), (f"{options['bulk']} in a request", bulk)):
            times = " / ".join(f"{sent.percentile(share):.1f}" for share in (0.5, 0.95, 0.99))
            self.stdout.write(f"{name:18} {sent.per_second:8.0f} orders/s   p50 / p95 / p99 {times} ms a request")
