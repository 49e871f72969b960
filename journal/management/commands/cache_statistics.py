"""Shows how often answers came from the cache."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import answers


class Command(BaseCommand):
    help = (
        "Show by kind of answer how often it was found in the cache (hits), had to be computed (misses) and went past "
        "the cache (bypassed), over all processes. Exit code 1 when Redis cannot be reached."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        if not answers.is_reachable():
            raise CommandError("Redis cannot be reached; answers are being computed.", returncode=1)
        self.stdout.write(f"{'kind':<12}{'hits':>10}{'misses':>10}{'bypassed':>10}{'hit rate':>10}")
        for kind, counted in sorted(answers.statistics().items()):
            asked = counted["hits"] + counted["misses"]
            rate = f"{counted['hits'] * 100 // asked}%" if asked else "–"
            self.stdout.write(
                f"{kind:<12}{counted['hits']:>10}{counted['misses']:>10}{counted['bypassed']:>10}{rate:>10}"
            )
