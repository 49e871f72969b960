"""How far an import is, told while its one transaction runs; and what its process leaves undone meanwhile."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections

from trading.imports.staging import ImportCanceled
from trading.models import ImportBatch


class Progress:
    """Tells the batch's row how far the import is, over a connection of its own: the import's is one transaction."""

    def __init__(self, batch: ImportBatch, *, also: Callable[[int], None] | None = None) -> None:
        self.batch_id = batch.pk
        self.also = also
        self.own = connections["default"].copy()

    def close(self) -> None:
        """The connection is given back."""
        self.own.close()

    def started(self) -> None:
        """The batch is running, once more."""
        self._update("status = 'running', started_at = now(), attempts = attempts + 1, progress = 0", [])

    def looked(self) -> None:
        """Somebody has begun to look into the file, once more."""
        self._update("attempts = attempts + 1, progress = 0", [])

    def __call__(self, rows: int) -> None:
        """So many rows are done. Raises ImportCanceled when the person asked for it."""
        if self.also is not None:
            self.also(rows)
        if self._update("progress = %s", [rows]):
            raise ImportCanceled

    def _update(self, assignments: str, values: list[Any]) -> bool:
        with self.own.cursor() as cursor:
            cursor.execute(
                f"UPDATE trading_importbatch SET {assignments} WHERE id = %s RETURNING cancel_requested",  # noqa: S608
                [*values, self.batch_id],
            )
            row = cursor.fetchone()
        return bool(row and row[0])


@contextmanager
def no_cycle_search() -> Iterator[None]:
    """The garbage collector does not look for cycles: millions of short-lived values have none, and a tenth of the
    time of a large import went into looking.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
