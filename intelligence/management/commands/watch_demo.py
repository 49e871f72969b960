"""Plays a recorded day of webhooks to somebody, against stand-ins of the sources."""

import math
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import User
from intelligence import sample_copies, sample_day
from intelligence.check_words import ACTIONS
from intelligence.performance_lists import FLAGS
from intelligence.sample_copies import Played


class Command(BaseCommand):
    help = (
        "Play a recorded day of three invented wallets: their webhooks are delivered, read and processed as real ones "
        "are, and what is copied is ordered and filled in a paper account of its own. Sources are stand-ins on this "
        "machine; nothing is asked elsewhere. Prints what was made of each signal and why. Played again it is another "
        "day. Exit code 0, or 2 when the call is wrong."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--email", default="demo@example.com", help="to whom (default: %(default)s)")
        parser.add_argument(
            "--pace", type=float, default=0.0, metavar="SECONDS", help="wait so long between moments (default: 0)"
        )
        parser.add_argument(
            "--round-trips",
            type=int,
            default=sample_day.ROUND_TRIPS,
            metavar="N",
            help="so many quick purchases and sales besides; 20 make a place in the ranking (default: %(default)s)",
        )
        parser.add_argument(
            "--remove", action="store_true", help="archive the invented wallets instead; their account stays"
        )
        parser.add_argument(
            "--curl",
            metavar="ADDRESS",
            help="print instead a line that delivers one more purchase to a demo served there (http://127.0.0.1:8000)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        person = User.objects.filter(email__iexact=options["email"]).first()
        if person is None:
            raise CommandError(f"There is nobody with the address {options['email']}.", returncode=2)
        if not math.isfinite(options["pace"]):
            raise CommandError("--pace is a number of seconds.", returncode=2)
        if options["pace"] < 0 or options["round_trips"] < 0:
            raise CommandError("--pace and --round-trips are not below zero.", returncode=2)
        if options["curl"]:
            self.stdout.write(sample_day.curl_line(options["curl"], secret=sample_copies.SECRET))
            return
        if options["remove"]:
            self.stdout.write(f"{sample_copies.remove(person)} wallets archived.")
            return
        begun = time.monotonic()

        def told(played: Played) -> None:
            self._tell(played)
            time.sleep(options["pace"])

        made = sample_copies.play(person, round_trips=options["round_trips"], on_moment=told)
        self.stdout.write(f"\n{made} signals in {time.monotonic() - begun:.1f} s.\n\n")
        self._sum_up(person)

    def _tell(self, played: Played) -> None:
        moment = played.moment
        clock = f"{moment.minute // 60:02}:{moment.minute % 60:02}"
        head = f"[{played.number:>3}/{played.total}] {clock}  {moment.token:<8} {moment.price:>9}"
        if not moment.dollars:
            self.stdout.write(head)
            return
        did = "bought" if not moment.dollars.startswith("-") else "sold"
        if not played.outcomes:
            self.stdout.write(f"{head}  {moment.wallet} {did}: no signal")
        for outcome in played.outcomes:
            what = str(ACTIONS.get(outcome.action_taken, outcome.action_taken))
            why = f" – {outcome.reason}" if outcome.reason else ""
            self.stdout.write(f"{head}  {moment.wallet} {did}: {what}{why}")

    def _sum_up(self, person: User) -> None:
        self.stdout.write(f"{'Wallet':<12}{'Closed':>8}{'Win rate':>10}{'Result':>12}  Look at")
        for row in sample_copies.figures(person):
            rate = "–" if row.win_rate is None else f"{row.win_rate:.0%}"
            result, flags = f"{row.total_pnl:.2f}", ", ".join(str(FLAGS.get(flag, flag)) for flag in row.flags)
            self.stdout.write(f"{row.wallet!s:<12}{row.positions:>8}{rate:>10}{result:>12}  {flags}")
