"""Moves the memory to another model, without a moment in which nothing is found."""

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.errors import DomainError
from intelligence import embedders, memory, reembedding
from intelligence.embedders import EmbeddingError

#: Seconds between two looks at what somebody else has taken.
WAIT = 2.0


class Command(BaseCommand):
    help = (
        "Embeds everything with another model and then switches to it: until then searches use the model before, and "
        "what is written meanwhile is embedded with both. Interrupted, it goes on where it was. Without a name it "
        "moves to what EMBEDDER says. Exit codes: 0 switched or already there, 1 texts have failed and nothing was "
        "switched, 2 wrong arguments."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("embedder", nargs="?", choices=embedders.NAMES, help="default: what the settings say")
        parser.add_argument("--with-failures", action="store_true", help="switch although some texts have failed")
        parser.add_argument("--stop", action="store_true", help="give up a move that is under way")
        parser.add_argument("--prune", action="store_true", help="delete the vectors of models that are no longer used")
        parser.add_argument("--index", action="store_true", help="build the approximate index before the switch")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["stop"]:
            self.stdout.write(f"stopped; {reembedding.stop()} rows deleted")
            return
        before = memory.active()
        try:
            embedder = embedders.named(options["embedder"]) if options["embedder"] else embedders.chosen()
            model = reembedding.begin(embedder)
        except EmbeddingError as error:
            raise CommandError(str(error), returncode=2) from error
        except DomainError as error:
            raise CommandError(error.message) from error
        if model.pk == before.pk:
            self.stdout.write(_in_use(model.key))
        else:
            self._move(model.key, options)
        if options["prune"]:
            self.stdout.write(f"{reembedding.prune()} rows of models before deleted")

    def _move(self, key: str, options: dict[str, Any]) -> None:
        model = next(each for each in memory.in_use() if each.key == key)
        while memory.gather():
            pass
        while True:
            step = memory.fill(most=128)
            found = reembedding.progress(model)
            self.stderr.write(f"{key}: {found.ready} of {found.ready + found.pending + found.failed}", ending="\r")
            if step.ready:
                continue
            # What was deleted meanwhile is waited for by nobody.
            memory.forget_gone()
            if not reembedding.is_worked_on(model):
                break
            # What a worker has taken it gives back within two minutes, embedded or, where it died, as it was.
            time.sleep(WAIT)
        if options["index"]:
            reembedding.build_index(model)
        try:
            reembedding.switch(model, with_failures=options["with_failures"])
        except DomainError as error:
            raise CommandError(f"Nothing was switched: {error.message}") from error
        found = reembedding.progress(model)
        self.stdout.write(f"searches use {key} now: {found.ready} texts, {found.failed} failed")


def _in_use(key: str) -> str:
    """That this model is searched with, and what to do where the memory is on its way to another."""
    coming = reembedding.under_way()
    if coming is None:
        return f"{key} is in use already"
    found = reembedding.progress(coming)
    # Keys begin with the embedder's name.
    name = next((each for each in embedders.NAMES if coming.key.startswith(each)), coming.key)
    return (
        f"searches use {key}, but the memory is on its way to {coming.key}: {found.ready} of "
        f"{found.ready + found.pending + found.failed} texts. `reembed {name}` finishes that and switches, "
        f"`reembed --stop` gives it up and stays with {key}."
    )
