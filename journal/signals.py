"""What the journal tells apps above it."""

from django.dispatch import Signal

#: Sent with `owner` when a person's sample is there, before it counts as loaded: so once more, where that was cut off.
sample_loaded = Signal()

#: Sent with `owner` when a person's sample is gone.
sample_removed = Signal()

#: Sent with `owner` in the transaction in which an archive was taken in for a person, once all of it is there.
archive_taken_in = Signal()
