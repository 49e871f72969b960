"""Brings decisions of another system along."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.management.base import BaseCommand, CommandError

from accounts import audit
from accounts.models import Account
from intelligence import importing
from intelligence.choosing_people import person
from intelligence.importing import Imported, Into

_MOST_SHOWN = 20


class Command(BaseCommand):
    help = (
        "Reads decisions from a file of JSON lines, one object a line, with the names that bots use: action, symbol or "
        "symbols, strategy, reasoning (thesis), market_context, confidence (0 to 1) or conviction (1 to 10), entry, "
        "quantity (qty), stop_loss, take_profit, result_pct (percent) and result_dollars where it has ended, id, "
        "created_at. The same file again adds nothing. Words for actions such as TAKE_PROFIT or VETO become one of six "
        "actions and are kept as the intent. Exit codes: 0 all were taken or known, 1 lines were refused, 2 wrong "
        "arguments."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path)
        parser.add_argument("--email", help="whose; may be left out when there is one person")
        parser.add_argument("--account", help="name of the account that they belong to")
        parser.add_argument("--bot", default="", help="who decided, where a line does not say")
        parser.add_argument("--zone", default="UTC", help="zone of times without an offset (default: %(default)s)")
        parser.add_argument("--strict", action="store_true", help="refuse actions that nobody knows")

    def handle(self, *args: Any, **options: Any) -> None:
        owner = person(options["email"])
        account = None
        if options["account"]:
            account = Account.objects.for_user(owner).filter(name=options["account"]).first()
            if account is None:
                raise CommandError(f"There is no account {options['account']}.", returncode=2)
        try:
            zone = ZoneInfo(options["zone"])
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise CommandError(f"There is no time zone {options['zone']}.", returncode=2) from error
        into = Into(owner, account, bot=options["bot"], zone=zone, is_strict=options["strict"])
        try:
            with options["file"].open("rb") as lines, audit.acting(owner):
                done = importing.run(lines, into=into)
        except OSError as error:
            raise CommandError(str(error), returncode=2) from error
        self._tell(done)
        if done.refused:
            raise CommandError(f"{len(done.refused)} lines were refused")

    def _tell(self, done: Imported) -> None:
        counts = ", ".join(f"{count} {action}" for action, count in sorted(done.actions.items()))
        self.stdout.write(f"{done.added} decisions added{f' ({counts})' if counts else ''}, {done.known} known already")
        for word, count in sorted(done.unknown_words.items()):
            self.stdout.write(f"{word}: not known, taken as HOLD {count} times; the word is kept as the intent")
        for number, reason in done.refused[:_MOST_SHOWN]:
            self.stderr.write(f"line {number}: {reason}")
        if len(done.refused) > _MOST_SHOWN:
            self.stderr.write(f"and {len(done.refused) - _MOST_SHOWN} more")
