"""The trading app."""

from django.apps import AppConfig


class TradingConfig(AppConfig):
    name = "trading"

    def ready(self) -> None:
        from accounts import ledger, undo
        from trading import (
            bound_money,
            receivers,  # noqa: F401 – connects them
            tag_groups,
            tags,
            taking_back,
        )

        ledger.keep_bound(bound_money.bound)
        undo.register(tags.DELETED, tags.undelete)
        undo.register(tags.MERGED, tags.unmerge)
        undo.register("tag_group.delete", tag_groups.undelete)
        undo.register(taking_back.ONE, taking_back.one)
        undo.register(taking_back.MANY, taking_back.many)
