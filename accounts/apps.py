"""The accounts app."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        """What can be taken back is known by name."""
        from accounts import account_groups, bulk_edits, ledger, trading_accounts, undo

        undo.register(bulk_edits.UNDO, bulk_edits.take_back)
        undo.register(account_groups.UNDO_GROUP, account_groups.bring_group_back)
        undo.register(account_groups.UNDO_TAG, account_groups.bring_tag_back)
        undo.register(trading_accounts.UNDO_ARCHIVE, trading_accounts.take_archive_back)
        undo.register(ledger.UNDO, ledger.take_back)
