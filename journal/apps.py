"""The journal app."""

from django.apps import AppConfig


class JournalConfig(AppConfig):
    name = "journal"

    def ready(self) -> None:
        from accounts import preferences, undo
        from journal import (
            account_tables,
            attachments,
            first_run,
            notes,
            panels,
            playbooks,
            receivers,  # noqa: F401 – connects them
            saved_views,
            trade_tables,
        )

        trade_tables.register()
        preferences.register("privacy", preferences.one_of("on", "off"))
        preferences.register("rail", preferences.one_of("wide", "narrow"))
        preferences.register("first_view", saved_views.key_of)
        undo.register(saved_views.DELETED, saved_views.undelete)
        undo.register("attachment.delete", attachments.undelete)
        undo.register("note.delete", notes.undelete)
        undo.register("note_template.delete", notes.undelete_template)
        undo.register("playbook.archive", playbooks.unarchive)
        undo.register("playbook.delete", playbooks.undelete)
        undo.register("playbook.unassign", playbooks.reassign)
        preferences.register(account_tables.PREFERENCE, preferences.names_of(*account_tables.COLUMNS))
        preferences.register(first_run.DISMISSED, first_run.yes_or_no)
        preferences.register(panels.PREFERENCE, panels.check)
