"""Times the seven scenarios of document 001: cold and warm, at the function and over HTTP, beside SQL and Redis."""

import contextlib
import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from redis.exceptions import RedisError

from journal.benchmark import dataset, measuring, presenting, scenarios
from journal.benchmark.dataset import Dataset, Size
from journal.benchmark.measuring import Times, UnequalAnswers
from journal.benchmark.server import ServerError, serving
from journal.benchmark.verdicts import MEASURED, verdicts

ACCOUNTS, TRADES, ITERATIONS, SEED = 100, 3_000, 200, 1
MOST_ACCOUNTS, MOST_TRADES, MOST_DAYS, MOST_ITERATIONS, LARGEST_SEED = 100_000, 10_000_000, 2_000, 100_000, 1_000_000
CHANGE = "oneChangedTrade"
PAGES = ("accountsPageDepth", "tradesPageDepth")
NAMES = (*MEASURED, "getAggregateEquityCurveCombined", CHANGE, *PAGES)


class Command(BaseCommand):
    help = (
        "Time the seven account scenarios. The data belong to a person of their own, are made once, and found again "
        "by the next run of the same size and seed. Alone, --cleanup only removes them; beside other options it does "
        "so after the run. Exit code 0 when all was timed; 1 when two ways to an answer disagree, a service does "
        "not answer, or with --check a bar is missed; 2 when the call itself is wrong."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--accounts", type=int, metavar="N", help=f"how many accounts; {ACCOUNTS} if not given")
        parser.add_argument(
            "--trades", type=int, metavar="N", help=f"how many trades over all accounts together; {TRADES} if not given"
        )
        parser.add_argument(
            "--iterations", type=int, metavar="N", help=f"timed calls of each kind; {ITERATIONS} if not given"
        )
        parser.add_argument(
            "--days",
            type=int,
            metavar="N",
            help="every account trades on each of so many days; if not given, on some of 30, or of two years of "
            "weekdays where there are more than 100 trades per account",
        )
        parser.add_argument("--seed", type=int, metavar="N", help=f"another seed, other trades; {SEED} if not given")
        parser.add_argument(
            "--only",
            action="append",
            choices=NAMES,
            metavar="NAME",
            help="only this, may be repeated: " + ", ".join(NAMES),
        )
        parser.add_argument("--no-http", action="store_true", help="leave out the web server")
        parser.add_argument("--json", action="store_true", help="print the times as JSON, and nothing else")
        parser.add_argument("--check", action="store_true", help="exit with 1 if a bar is missed")
        parser.add_argument("--cleanup", action="store_true", help="remove the data")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["cleanup"] and not _asks_for_a_run(options):
            self._remove()
            return
        size, iterations = _size(options), _number(options, "iterations", ITERATIONS, MOST_ITERATIONS)
        try:
            made = dataset.prepare(size, say=self._say)
            if made.is_reused:
                self._say("the data are there already")
            machine = presenting.machine()
            times = self._measure(made, iterations=iterations, options=options)
        except (UnequalAnswers, ServerError, RedisError) as error:
            raise CommandError(str(error)) from error
        found = verdicts(times, size=size)
        if options["json"]:
            about = presenting.dataset_json(made, iterations=iterations)
            self.stdout.write(json.dumps({"scenarios": times, "dataset": about, "machine": machine}, indent=2))
        else:
            self._show(
                [", ".join(f"{name} {value}" for name, value in machine.items())],
                [f"{size}: {made.account_days:,} account-days, {made.owner_days:,} days; {iterations} iterations"],
                presenting.table(times),
                presenting.ratios(times),
                presenting.reference(times),
                presenting.conclusion(found),
            )
        if options["cleanup"]:
            self._remove()
        missed = [str(verdict) for verdict in found if not verdict.is_met]
        if options["check"] and missed:
            raise CommandError("\n".join(missed))

    def _measure(self, made: Dataset, *, iterations: int, options: dict[str, Any]) -> dict[str, Times]:
        names = options["only"] or NAMES
        wanted = [
            scenario
            for scenario in [*scenarios.scenarios_of(made.owner), *scenarios.pages_of(made.owner)]
            if scenario.name in names or scenario.name.startswith(tuple(set(PAGES).intersection(names)))
        ]
        with contextlib.ExitStack() as stack:
            api = None if options["no_http"] else stack.enter_context(serving(made.owner))
            times = measuring.measure(made.owner, wanted, iterations=iterations, api=api, say=self._say)
        if CHANGE in names:
            times[CHANGE] = measuring.one_changed_trade(made.owner, iterations=iterations, say=self._say)
        return times

    def _show(self, *parts: Any) -> None:
        for part in parts:
            for line in part:
                self.stdout.write(line)
            self.stdout.write("")

    def _remove(self) -> None:
        self._say("the benchmark's data are removed" if dataset.remove() else "there were no data of the benchmark")

    def _say(self, text: str) -> None:
        self.stderr.write(text, style_func=str)  # progress is no error, and not red
        self.stderr.flush()


def _asks_for_a_run(options: dict[str, Any]) -> bool:
    asked = ("accounts", "trades", "iterations", "days", "seed", "only", "no_http", "json", "check")
    return any(options[name] not in (None, False) for name in asked)


def _size(options: dict[str, Any]) -> Size:
    return Size(
        accounts=_number(options, "accounts", ACCOUNTS, MOST_ACCOUNTS),
        trades=_number(options, "trades", TRADES, MOST_TRADES),
        days=None if options["days"] is None else _number(options, "days", 0, MOST_DAYS),
        seed=_number(options, "seed", SEED, LARGEST_SEED, least=0),
    )


def _number(options: dict[str, Any], name: str, default: int, most: int, *, least: int = 1) -> int:
    """The option as given, else its default. Raises CommandError, exit code 2, for what makes no sense."""
    number = default if options[name] is None else options[name]
    if not least <= number <= most:
        raise CommandError(f"--{name} is a whole number from {least:,} to {most:,}, not {number}.", returncode=2)
    return int(number)
