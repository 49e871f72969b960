"""Measures how well the memory finds what is meant."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from intelligence import embedders
from intelligence.embedders import EmbeddingError
from intelligence.retrieval import measuring

_MODES = {"vector": "vectors alone", "text": "words alone", "hybrid": "both"}


class Command(BaseCommand):
    help = (
        "Asks a question in other words for each of a set of trading notes and says where the note came: the mean of "
        "1 / rank (MRR), and the share among the first 1, 5 and 10 (R@1 …), for each embedder that is installed, by "
        "vectors alone, by words alone and of both. Nothing is kept. Your own notes: --notes FILE, with a note, a tab "
        "and a question a line. Exit codes: 0 measured, 2 wrong arguments."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--notes", type=Path, default=measuring.NOTES, help="default: those that come with it")
        parser.add_argument("--embedder", action="append", choices=embedders.NAMES, help="repeatable; default: all")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            pairs = measuring.pairs_of(options["notes"])
        except (measuring.BadNotes, OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{options['notes']}: {error}", returncode=2) from error
        names = options["embedder"] or [name for name in embedders.NAMES if _is_there(name)]
        self.stdout.write(f"{len(pairs)} notes and as many questions, each asked of all of them (n = {len(pairs)})")
        self.stdout.write("embedder  searched by      MRR    R@1    R@5   R@10    n")
        try:
            for score in measuring.measure(pairs, names=names):
                recalls = "  ".join(f"{recall:5.3f}" for recall in score.recalls)
                self.stdout.write(
                    f"{score.embedder:<9} {_MODES[score.mode]:<13} {score.mean_reciprocal_rank:5.3f}  {recalls}  "
                    f"{score.count:>3}"
                )
        except EmbeddingError as error:
            raise CommandError(str(error), returncode=2) from error


def _is_there(name: str) -> bool:
    try:
        embedders.named(name)
    except EmbeddingError:
        return False
    return True
