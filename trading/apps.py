"""The trading app."""

from django.apps import AppConfig


class TradingConfig(AppConfig):
    name = "trading"

    def ready(self) -> None:
        from accounts import undo
        from trading import (
            receivers,  # noqa: F401 – connects them
            tag_groups,
            tags,
            taking_back,
        )

        undo.register(tags.DELETED, tags.undelete)
        undo.register(tags.MERGED, tags.unmerge)
        undo.register("tag_group.delete", tag_groups.undelete)
        undo.register(taking_back.ONE, taking_back.one)
        undo.register(taking_back.MANY, taking_back.many)
