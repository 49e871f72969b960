"""The intelligence app."""

from django.apps import AppConfig


class IntelligenceConfig(AppConfig):
    name = "intelligence"

    def ready(self) -> None:
        from accounts import undo
        from intelligence import (
            archive_tables,
            archive_wallets,
            copy_receivers,  # noqa: F401 – connects them
            decisions,
            finding,
            receivers,  # noqa: F401 – connects them
        )
        from journal import search
        from journal.archive import tables

        undo.register(decisions.DELETED, decisions.undelete)
        search.register(finding.decisions)
        search.register(finding.articles)
        tables.register(*archive_tables.TABLES, *archive_wallets.TABLES)
