"""Fills the journal with sample accounts and serves it."""

import argparse
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any, NoReturn

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, connections

from config import demo_people, serving
from intelligence import sample_copies, sample_day, sample_decisions
from journal import first_run, sample, summary
from journal.sample import Step
from journal.sample_files.fleet import DEFAULT_ACCOUNTS, LARGEST_FLEET
from trading import sample_desk
from trading.errors import ImportRefused

_LOCK = 7306
_BAR = 30


class Command(BaseCommand):
    help = (
        "Set up the database, import two years of invented trades from files as brokers export them, print what they "
        "come to, and serve the journal until Ctrl-C. Run it again whenever you like: what is there stays as it is. "
        "Exit codes: 0 done or stopped by you, 1 something failed, 2 wrong arguments."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--no-serve", action="store_true", help="do everything but serve, then exit")
        parser.add_argument("--no-worker", action="store_true", help="serve without a worker")
        parser.add_argument("--host", default="127.0.0.1", help="the address to serve on (default: %(default)s)")
        parser.add_argument(
            "--port",
            type=_number("port", 1, 65_535),
            default=8000,
            help="the port to serve on, or the next one that is free (default: %(default)s)",
        )
        parser.add_argument(
            "--accounts",
            type=_number("number of accounts", 1, LARGEST_FLEET),
            default=DEFAULT_ACCOUNTS,
            metavar="N",
            help=f"how many accounts to open, at most {LARGEST_FLEET} (default: %(default)s)",
        )
        parser.add_argument(
            "--seed",
            type=_number("seed", 0, 2**31 - 1),
            default=sample.SEED,
            metavar="N",
            help="another number gives other trades (default: %(default)s)",
        )
        parser.add_argument(
            "--until", type=_day, metavar="DATE", help="the last day of the two years (default: yesterday)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        begun = time.monotonic()
        for number in (signal.SIGTERM, signal.SIGINT):  # a shell's background job would ignore the latter
            signal.signal(number, _stop)
        try:
            with self._alone():
                logins = self._prepare()
                self._fill(options)
                with self._step("Desk"):
                    sample_desk.open_for(demo_people.trader())
                with self._step("Decisions"):
                    # They came with the sample, but for those of the desk, and for a sample of an earlier version.
                    sample_decisions.write(demo_people.trader())
                    sample_decisions.write_of_orders(demo_people.trader())
                    sample_decisions.embed()
                with self._step("Wallets"):
                    if not sample_copies.was_there(demo_people.trader()):
                        # All of the day takes some seconds: too long for a demo that is meant to be small.
                        is_small = options["accounts"] < DEFAULT_ACCOUNTS
                        trips = 2 if is_small else sample_day.ROUND_TRIPS
                        sample_copies.play(demo_people.trader(), round_trips=trips)
                self._introduce()
                self._summarize()
            self.stdout.write(f"Ready in {time.monotonic() - begun:.1f} s.\n\n")
            if options["no_serve"]:
                self._show_logins(logins)
                return
            self._serve(options, logins)
        except KeyboardInterrupt:
            self.stdout.write("\nStopped. Run it again to go on where it was.")
            sys.exit(130)
        except DatabaseError as error:
            raise CommandError(f"The database refused: {error}") from error

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One demo at a time sets up this database; another waits, and then finds everything done."""
        with connections["owner"].cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK])
            if not cursor.fetchone()[0]:
                self.stdout.write("Another demo is setting up this database; waiting for it.")
                cursor.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        try:
            yield
        finally:
            with connections["owner"].cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])

    def _prepare(self) -> list[demo_people.Login]:
        with self._step("Database"):
            call_command("migrate", database="owner", verbosity=0, interactive=False)
        with self._step("Reference data"), open(os.devnull, "w") as nowhere:
            call_command("seed_reference_data", stdout=nowhere)
        with self._step("People"):
            settings.VAR_DIR.mkdir(parents=True, exist_ok=True)
            return demo_people.logins(settings.VAR_DIR / "demo_logins.json")

    @contextmanager
    def _step(self, name: str) -> Iterator[None]:
        begun = time.monotonic()
        yield
        self.stdout.write(f"{name:<16} {time.monotonic() - begun:6.1f} s")

    # --- sample data ---------------------------------------------------------------------------

    def _fill(self, options: dict[str, Any]) -> None:
        begun = time.monotonic()
        try:
            loaded = sample.load(
                demo_people.trader(),
                accounts=options["accounts"],
                seed=options["seed"],
                end=options["until"],
                with_rates_and_cash=True,
                on_progress=self._progress,
            )
        except ImportRefused as error:
            raise CommandError(f"A sample file was refused: {error}") from error
        took = f"{time.monotonic() - begun:6.1f} s"
        if loaded.was_there:
            self.stdout.write(f"{'Sample data':<16} {took}  is there already: {loaded.accounts} accounts, 0 new fills")
            return
        self._clear_line()
        self.stdout.write(
            f"{'Sample data':<16} {took}  {loaded.accounts} accounts, {loaded.new_fills:,} new fills from "
            f"{loaded.files} files"
        )

    def _introduce(self) -> None:
        """Who looks at a full journal needs no list of first steps."""
        first_run.dismiss(demo_people.trader())

    def _progress(self, step: Step) -> None:
        """On a terminal one line, drawn anew; elsewhere a line per file."""
        if self.stdout.isatty():
            filled = _BAR * step.done // max(1, step.total)
            bar = "#" * filled + "." * (_BAR - filled)
            shown = f"[{bar}] {step.done:>7,} of {step.total:,} fills  {step.filename[:36]:<36}"
            self.stdout.write(f"\r{shown}", ending="")
            self.stdout.flush()
        elif step.is_whole:
            self.stdout.write(
                f"  {step.done:>7,} of {step.total:,} fills  {step.new:>6,} new  {step.format:<22} {step.filename}"
            )

    def _clear_line(self) -> None:
        if self.stdout.isatty():
            self.stdout.write("\r\033[K", ending="")

    def _summarize(self) -> None:
        lines = summary.lines(demo_people.trader())
        width = max(len(line) for line in lines)
        self.stdout.write("\n".join(["", "-" * width, *lines, "-" * width, ""]))

    # --- serving -------------------------------------------------------------------------------

    def _show_logins(self, logins: list[demo_people.Login]) -> None:
        for label, login in zip(("Login", "Admin"), logins, strict=True):
            self.stdout.write(f"{label:<8} {login}")

    def _serve(self, options: dict[str, Any], logins: list[demo_people.Login]) -> None:
        host, port = options["host"], options["port"]
        try:
            server = serving.listen(host, port)
        except OSError as error:
            raise CommandError(f"Cannot listen on {host}:{port}: {error}") from error
        hosts = ",".join(dict.fromkeys([*settings.ALLOWED_HOSTS, host]))
        address = serving.address_of(server)
        with server, sample_copies.standing_in(address) as sources:
            environment = {"ALLOWED_HOSTS": hosts, **sources}
            servers = serving.Servers(root=settings.BASE_DIR, logs=settings.VAR_DIR / "log", environment=environment)
            # A connection of ours that lay open would only be one less for the others.
            connections.close_all()
            with servers:
                try:
                    servers.start_web(server)
                    if not options["no_worker"]:
                        servers.start_worker()
                    self._invite(server.getsockname()[1], port, address, logins, is_heard=bool(sources))
                    servers.wait()
                except serving.ServerEnded as ended:
                    raise CommandError(str(ended)) from ended
                except KeyboardInterrupt:
                    self.stdout.write("\nStopping.")
        self.stdout.write("Stopped.")

    def _invite(self, port: int, wanted: int, address: str, logins: list[demo_people.Login], *, is_heard: bool) -> None:
        if port != wanted:
            self.stdout.write(f"Port {wanted} is taken; serving on {port}.")
        self.stdout.write(f"{'Address':<8} {address}")
        self._show_logins(logins)
        self.stdout.write(f"{'Logs':<8} {settings.VAR_DIR / 'log'}")
        if is_heard:
            self.stdout.write(f"{'Webhook':<8} manage.py watch_demo --curl {address} prints a line that delivers one.")
        self.stdout.write("Stop with Ctrl-C.")
        self.stdout.flush()


def _number(name: str, least: int, most: int) -> Any:
    def read(text: str) -> int:
        if text.isascii() and text.isdigit() and least <= int(text) <= most:
            return int(text)
        raise argparse.ArgumentTypeError(f"the {name} is a whole number from {least} to {most}, not {text!r}")

    return read


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"a date is written 2026-03-31, not {text!r}") from None
    if not date(2000, 1, 1) <= day < date.today():  # noqa: DTZ011 – files are refused where the day has not ended
        raise argparse.ArgumentTypeError(f"the last day lies between 2000-01-01 and yesterday, {day} does not")
    return day


def _stop(*_: object) -> NoReturn:
    raise KeyboardInterrupt
