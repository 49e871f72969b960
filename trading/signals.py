"""The one thing that trading tells the apps above it."""

from django.dispatch import Signal

#: Sent inside the transaction that changed trades, with
#: owner_id: int; days: set[tuple[int, date]] – every (account id, trading day) whose figures may differ, the old and
#: the new day of a moved trade included.  Sent with `send`, so that a receiver's failure fails the change.
trades_changed = Signal()
