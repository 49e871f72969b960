"""Measures how fast webhooks are taken, on servers of its own that are gone afterwards."""

import os
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from intelligence import webhook_benchmark

_STOP_SECONDS = 120
_INSIDE = "WEBHOOK_BENCHMARK_INSIDE"
_OURS = ("DATABASE_URL", "MIGRATION_DATABASE_URL", "REDIS_URL", "BROKER_URL", "MEDIA_ROOT", "EMBEDDED_SERVICES")


class Command(BaseCommand):
    help = (
        "Send deliveries by the clock to a web server of its own, kill the worker in between and start another, and "
        "count what was accepted, how fast, and how many signals there are in the end. PostgreSQL and Redis are "
        "started in a throw-away folder: nothing of yours is read or written. Exit code 0 when 99 of 100 were answered "
        "within 100 ms and none was lost, else 1."
    )
    # The outer process only starts the inner one; it needs no database.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--rate", type=int, default=300, help="deliveries per second (default 300)")
        parser.add_argument("--seconds", type=int, default=20, help="for how long (default 20)")
        parser.add_argument("--workers", type=int, default=2, help="web processes (default 2)")
        parser.add_argument("--kills", type=int, default=1, help="how often the worker is killed (default 1)")

    def handle(self, *args: Any, **options: Any) -> None:
        if os.environ.get(_INSIDE) != str(settings.VAR_DIR):
            self._outside(options)
            return
        call_command("migrate", verbosity=0)
        last = ""
        for line in webhook_benchmark.run(
            rate=options["rate"], seconds=options["seconds"], workers=options["workers"], kills=options["kills"]
        ):
            self.stdout.write(line)
            last = line
        if last != "good":
            raise CommandError("p99 is above 100 ms, or something was lost", returncode=1)

    def _outside(self, options: dict[str, Any]) -> None:
        kept = {name: value for name, value in os.environ.items() if name not in _OURS}
        folder = Path(tempfile.mkdtemp(prefix="webhook-benchmark-"))
        inside = {**kept, "VAR_DIR": str(folder), "EMBEDDED_THROWAWAY": "1", _INSIDE: str(folder)}
        named = [f"--{name}={options[name]}" for name in ("rate", "seconds", "workers", "kills")]
        command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "benchmark_webhook", *named]
        code = subprocess.run(command, env=inside, check=False).returncode
        # The servers' keeper stops them and takes the folder away; taken from under it, they would stay.
        deadline = time.monotonic() + _STOP_SECONDS
        while folder.exists() and time.monotonic() < deadline:
            time.sleep(0.2)
        if code:
            raise CommandError("it was not good", returncode=code)
