"""Embeds what waits."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from intelligence import embedders, memory, reembedding
from intelligence.embedders import EmbeddingError
from intelligence.memory import Filled


class Command(BaseCommand):
    help = (
        "Gathers what was written and embeds what waits, as the worker does by itself, until nothing does. With "
        "--index the approximate index is built afterwards, which searches past MEMORY_EXACT_UP_TO texts of "
        "one person use. Exit codes: 0 done, 1 texts have failed or wait for a server that does not answer, 2 wrong "
        "arguments."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--retry-failed", action="store_true", help="try those again that were given up")
        parser.add_argument("--index", action="store_true", help="build the approximate index anew")
        parser.add_argument("--status", action="store_true", help="say how far each model is, and do nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["status"]:
            self._tell()
            return
        try:
            embedders.chosen()
        except EmbeddingError as error:
            raise CommandError(str(error), returncode=2) from error
        if options["retry_failed"]:
            self.stdout.write(f"{memory.try_again()} texts are tried again")
        memory.forget_gone()
        while memory.gather():
            pass
        done = Filled()
        while True:
            step = memory.fill(most=128)
            done += step
            if not step.ready:
                break
            self.stderr.write(f"{done.ready} embedded", ending="\r")
        self.stdout.write(f"{done.ready} texts embedded with {memory.active().key}")
        if options["index"]:
            reembedding.build_index(memory.active())
            self.stdout.write(f"index {reembedding.index_name(memory.active())} built")
        left = reembedding.progress(memory.active())
        if left.pending or left.failed:
            raise CommandError(f"{left.pending} texts wait and {left.failed} have failed: see --status")

    def _tell(self) -> None:
        for model in memory.in_use():
            found = reembedding.progress(model)
            self.stdout.write(
                f"{model.key} ({model.get_state_display()}): {found.ready} ready, {found.pending} waiting, "
                f"{found.failed} failed{', with an index' if model.has_index else ''}"
            )
