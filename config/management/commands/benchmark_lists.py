"""Times the windowed lists of the largest person in a browser."""

from argparse import ArgumentParser, ArgumentTypeError
from statistics import median
from typing import TYPE_CHECKING, Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse

from config.tour import beside, people
from journal.benchmark import presenting
from journal.benchmark.dataset import Size

if TYPE_CHECKING:
    from config.tour.window_times import WindowTimes

LISTS = ("trade_list", "account_list")


class Command(BaseCommand):
    help = (
        "Open the windowed lists of a person with many accounts and trades in a browser, and time the first paint "
        "after the answer, and jumps to the middle and to places chosen by chance: the fastest, the median and the "
        "slowest. The data are those of benchmark_accounts, made once. Exit code 0 when all was timed, 1 with --check "
        "when a median misses its bar (100 and 200 ms), 2 when the call itself is wrong."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--accounts", type=int, default=people.LARGE.accounts, metavar="N",
                            help="default: %(default)s")  # fmt: skip
        parser.add_argument("--trades", type=int, default=people.LARGE.trades, metavar="N",
                            help="default: %(default)s")  # fmt: skip
        parser.add_argument("--times", type=_several, default=20, metavar="N",
                            help="visits and jumps for each list (default: %(default)s)")  # fmt: skip
        parser.add_argument("--width", type=int, default=1440, metavar="N", help="in pixels (default: %(default)s)")
        parser.add_argument("--check", action="store_true", help="exit with 1 if a bar is missed")

    def handle(self, *args: Any, **options: Any) -> None:
        walking = beside.walking()
        from config.tour import window_times

        call_command("migrate", database="owner", verbosity=0, interactive=False)
        large = Size(accounts=options["accounts"], trades=options["trades"])
        person = people.person_of("large", large=large, say=self._say)
        found: list[WindowTimes] = []
        with (
            beside.served() as address,
            walking.browsing() as browser,
            beside.queries_allowed(),
            people.signed_in(person) as session,
            walking.tab(browser, width=options["width"], address=address, session=session) as page,
        ):
            for name in LISTS:
                try:
                    times = window_times.measure(page, reverse(name), address=address, times=options["times"])
                except window_times.Untimed as untimed:
                    raise CommandError(str(untimed), returncode=2) from untimed
                self.stdout.write(_line(times))
                found.append(times)
        self.stdout.write(", ".join(f"{name} {value}" for name, value in presenting.machine().items()))
        missed = [
            each.path
            for each in found
            if median(each.paints) > window_times.PAINT or median(each.jumps) > window_times.JUMP
        ]
        if options["check"] and missed:
            raise CommandError(f"Too slow: {', '.join(missed)}.", returncode=1)

    def _say(self, text: str) -> None:
        self.stderr.write(text, style_func=str)


def _line(times: "WindowTimes") -> str:
    return (
        f"{times.path:<12} {times.total:>9,} rows, {times.most_rows} of them in the page   "
        f"first paint {_spread(times.paints)}   jump {_spread(times.jumps)}"
    )


def _spread(sorted_times: Any) -> str:
    return f"{sorted_times[0]:.0f} / {median(sorted_times):.0f} / {sorted_times[-1]:.0f} ms"


def _several(text: str) -> int:
    if not text.isdecimal() or not 3 <= int(text) <= 1_000:
        raise ArgumentTypeError("a whole number from 3 to 1000")
    return int(text)
