"""Which times are kept. Pure.

The first and last days of the calendar are none in every zone: a page that shows one of them in its reader's zone
fails. What lies centuries off is a mistake besides.
"""

from datetime import UTC, datetime

EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def is_kept(at: datetime) -> bool:
    """Whether an aware time lies within what is kept."""
    return EARLIEST <= at < LATEST
