"""The words of every text are written anew, with those of groups: the sweep does it, and keeps the vectors."""

from django.db import migrations

ANEW = "UPDATE intelligence_embedding SET source_at = 'epoch'"


class Migration(migrations.Migration):
    dependencies = [("intelligence", "0012_one_outcome")]

    operations = [migrations.RunSQL(ANEW, migrations.RunSQL.noop)]
