"""An import of many fills must be able to tell the planner of them."""

from django.db import migrations

MAINTAIN = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'journal_app') THEN
        GRANT MAINTAIN ON trading_execution, trading_trade, trading_tradefill TO journal_app;
    END IF;
END $$
"""


class Migration(migrations.Migration):
    dependencies = [("trading", "0024_what_else_prices_say")]

    operations = [migrations.RunSQL(MAINTAIN, migrations.RunSQL.noop)]
