"""What trading tells the apps above it."""

from django.dispatch import Signal

#: Sent inside the transaction that changed trades, with
#: owner_id: int; days: set[tuple[int, date]] – every (account id, trading day) whose figures may differ, the old and
#: the new day of a moved trade included.  Sent with `send`, so that a receiver's failure fails the change.
trades_changed = Signal()

#: Sent before a tag goes, with tag: Tag; kept: dict. A receiver adds to `kept` what carries the tag besides trades, as
#: plain JSON under a name of its own.
tag_leaving = Signal()

#: Sent while a tag is merged, before it goes, with tag: Tag; into: Tag; told: dict. A receiver puts `into` on what
#: carried `tag`, and into `told` what it needs to take that back.
tag_merging = Signal()

#: Sent after a tag came back, with tag: Tag; kept: dict, as `tag_leaving` filled it; into: Tag | None, the tag that it
#: had been merged with; told: dict, as `tag_merging` filled it.
tag_returned = Signal()

#: Sent inside the transaction in which people said other things of trades than before (tags and what these are of a
#: trade, ratings, reviews), with owner_id: int; trades: Collection[int], their primary keys. No figure of a trade
#: differs. The person's version has moved on before.
remarks_changed = Signal()

#: Sent inside the transaction in which an order moved on, with step: trading.order_progress.Step. Its account, its
#: portfolio and the order are locked.
orders_changed = Signal()

#: Sent inside the transaction in which something to be said to a broker was stored, with ids: list[int], the commands.
commands_waiting = Signal()

#: Sent inside the transaction in which an exit plan ended, with managed: trading.models.ManagedPosition, as it is now.
plan_ended = Signal()
