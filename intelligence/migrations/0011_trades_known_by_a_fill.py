"""A decision knows its trade by the fill that opened it, too: rows of trades go when fills join them."""

from django.conf import settings
from django.db import migrations, models


KNOWN = """
UPDATE intelligence_decision d SET trade_fill = x.identity
FROM trading_trade t JOIN trading_execution x ON x.id = t.opening_execution_id
WHERE t.public_id = d.trade_key AND t.owner_id = d.owner_id
"""


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0008_names_of_many'),
        ('intelligence', '0010_names_of_many'),
        ('trading', '0022_breakers_reset_daily'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='decision',
            name='trade_fill',
            field=models.UUIDField(db_comment="Identity of the fill that opened that trade, by which it is found once its row is another's", editable=False, null=True),
        ),
        migrations.AddConstraint(
            model_name='decision',
            constraint=models.CheckConstraint(condition=models.Q(('trade_fill__isnull', True), ('trade_key__isnull', False), _connector='OR'), name='decision_trade_fill_of_a_trade'),
        ),
        migrations.RunSQL(KNOWN, migrations.RunSQL.noop),
    ]
