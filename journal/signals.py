"""What the journal tells: apps above it answer in the same transaction."""

from django.dispatch import Signal

#: Sent with `owner` when a person's sample is gone.
sample_removed = Signal()
