from django.db import migrations, models

_TABLES = ("trading_breakerstate", "trading_breakerevent")


class Migration(migrations.Migration):
    """A breaker can name every strategy that an order can have.

    The columns stay as wide where this is taken back: names of more than 50 characters are kept, and events could not be
    shortened. What came before knows how to read them.
    """

    dependencies = [("trading", "0027_what_a_quote_gave")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    [f"ALTER TABLE {table} ALTER COLUMN strategy TYPE varchar(60)" for table in _TABLES],
                    migrations.RunSQL.noop,
                )
            ],
            state_operations=[
                migrations.AlterField(
                    "breakerstate",
                    "strategy",
                    models.CharField(blank=True, db_comment="The name of a setup", max_length=60),
                ),
                migrations.AlterField("breakerevent", "strategy", models.CharField(blank=True, max_length=60)),
            ],
        )
    ]
