"""Times every page and every part of one, cold and warm, over the benchmark's data."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.test.utils import override_settings

from accounts.models import User
from config import page_times, warming
from config.page_times import COLD, WARM_P95, Times
from journal.benchmark import dataset, presenting
from journal.benchmark.dataset import Size

ACCOUNTS, TRADES = 1_000, 1_000_000


class Command(BaseCommand):
    help = (
        "Ask for every page of a person with many accounts, and for every panel and every window of rows that pages "
        "fetch, with nothing kept (cold) and again (warm). The data are those of benchmark_accounts, made once. Exit "
        "code 0 when all was timed, 1 with --check when a bar is missed, 2 when the call itself is wrong."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--accounts", type=int, default=ACCOUNTS, metavar="N", help="default: %(default)s")
        parser.add_argument("--trades", type=int, default=TRADES, metavar="N", help="default: %(default)s")
        parser.add_argument("--email", help="of another person, whose data are taken as they are")
        parser.add_argument("--only", default="", metavar="TEXT", help="addresses and names that hold this")
        parser.add_argument("--cold", type=int, default=5, metavar="N", help="calls with nothing kept")
        parser.add_argument("--warm", type=int, default=20, metavar="N", help="calls after those")
        parser.add_argument("--json", action="store_true", help="print the times as JSON")
        parser.add_argument("--check", action="store_true", help="exit with 1 if a bar is missed")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["cold"] < 1 or options["warm"] < 1:
            raise CommandError("--cold and --warm are whole numbers from 1 on.", returncode=2)
        person = self._person(options)
        found: list[Times] = []
        warming.warm()  # as `config.wsgi` does
        with override_settings(ALLOWED_HOSTS=["*"], SECURE_SSL_REDIRECT=False):
            for question in list(page_times.questions(person, only=options["only"])):
                times = page_times.measure(person, question, cold=options["cold"], warm=options["warm"])
                found.append(times)
                if not options["json"]:
                    self.stdout.write(_line(times))
                    self.stdout.flush()
        missed = [times for times in found if times.misses]
        if options["json"]:
            self.stdout.write(json.dumps([asdict(times) for times in found], indent=2))
        else:
            self._conclude(found, missed)
        if options["check"] and missed:
            raise CommandError(f"{len(missed)} of {len(found)} are too slow.", returncode=1)

    def _person(self, options: dict[str, Any]) -> User:
        if options["email"]:
            person = User.objects.filter(email__iexact=options["email"]).first()
            if person is None:
                raise CommandError(f"Nobody has the e-mail address {options['email']}.", returncode=2)
            return person
        size = Size(accounts=options["accounts"], trades=options["trades"])
        return dataset.prepare(size, say=self._say).owner

    def _conclude(self, found: list[Times], missed: list[Times]) -> None:
        self.stdout.write("")
        self.stdout.write(", ".join(f"{name} {value}" for name, value in presenting.machine().items()))
        self.stdout.write(
            f"{len(found)} addresses; {len(found) - len(missed)} within {WARM_P95:.0f} ms warm (p95) and "
            f"{COLD:.0f} ms cold (p50)"
        )
        for times in missed:
            self.stdout.write(f"  {times.question.path}: {', '.join(times.misses)}")

    def _say(self, text: str) -> None:
        self.stderr.write(text, style_func=str)
        self.stderr.flush()


def _line(times: Times) -> str:
    cells = [
        f"{times.question.name[:60]:<60}",
        f"cold {times.cold.p50:>7.1f} {times.cold.p95:>7.1f} ms {times.cold_queries:>3} q",
        f"warm {times.warm.p50:>7.1f} {times.warm.p95:>7.1f} ms {times.warm_queries:>3} q",
        f"{times.size / 1024:>7.1f} KB",
        ", ".join(times.misses),
    ]
    return "   ".join(cells).rstrip()
