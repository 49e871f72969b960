"""Rules and indexes are called what the document that asked for them calls them; none of them becomes another."""

import django.db.models.functions.text
from django.db import migrations, models


def renamed(model: str, old: str, constraint: models.BaseConstraint, *, index: bool = False) -> migrations.operations.base.Operation:
    table, new = f"accounts_{model}", constraint.name

    def rename(before: str, after: str) -> str:
        if index:
            return f"ALTER INDEX {before} RENAME TO {after}"
        return f"ALTER TABLE {table} RENAME CONSTRAINT {before} TO {after}"

    return migrations.SeparateDatabaseAndState(
        database_operations=[migrations.RunSQL(rename(old, new), rename(new, old))],
        state_operations=[
            migrations.RemoveConstraint(model_name=model, name=old),
            migrations.AddConstraint(model_name=model, constraint=constraint),
        ],
    )


class Migration(migrations.Migration):
    dependencies = [("accounts", "0008_names_of_many")]

    operations = [
        # What `unique=True` makes has a name of the database's own choice.
        migrations.RunSQL(
            "ALTER TABLE accounts_user RENAME CONSTRAINT accounts_user_email_key TO clients_email_unique",
            "ALTER TABLE accounts_user RENAME CONSTRAINT clients_email_unique TO accounts_user_email_key",
        ),
        renamed(
            "user",
            "user_email_unique_any_case",
            models.UniqueConstraint(django.db.models.functions.text.Lower("email"), name="idx_clients_email"),
            index=True,
        ),
        renamed(
            "client",
            "client_status_valid",
            models.CheckConstraint(
                condition=models.Q(("status__in", ["pending", "active", "suspended", "rejected"])),
                name="clients_status_check",
            ),
        ),
        migrations.RenameIndex(model_name="client", old_name="client_status", new_name="idx_clients_status"),
        renamed(
            "portfolio",
            "portfolio_balances_not_negative",
            models.CheckConstraint(
                condition=models.Q(
                    ("available_balance__gte", 0), ("reserved_balance__gte", 0), ("owed_balance__gte", 0)
                ),
                name="portfolios_balance_non_negative",
            ),
        ),
    ]
