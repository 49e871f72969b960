"""A plan that an order carries waits for its fills, and follows them until the order has ended."""

import django.db.models.deletion
from django.db import migrations, models

import accounts.fields

ALWAYS = [
    "public_id", "owner_id", "account_id", "instrument_id", "side", "quantity_step", "price_step", "may_be_negative",
    "multiplier", "currency", "plan_snapshot", "created_at",
]  # fmt: skip
#: What the fills of an entry order move, until it has ended.
ENTRY = ["entry_order_id", "entry_price", "entry_quantity", "entered_at"]


def differs(columns: list[str]) -> str:
    return " OR ".join(f"OLD.{column} IS DISTINCT FROM NEW.{column}" for column in columns)


def trigger(condition: str) -> str:
    return f"""
    CREATE TRIGGER refuse_trading_managedposition_change BEFORE UPDATE ON trading_managedposition FOR EACH ROW
        WHEN ({condition}) EXECUTE FUNCTION refuse_trading_managedposition_change();
    """


#: A trigger keeps columns that it names from being described anew.
OFF = "DROP TRIGGER refuse_trading_managedposition_change ON trading_managedposition"
FOLLOWS = trigger(f"{differs(ALWAYS)} OR (OLD.is_entered AND (NOT NEW.is_entered OR {differs(ENTRY)}))")
NEVER = trigger(differs([*ALWAYS, "entry_price", "entry_quantity", "entered_at"]))


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0005_feed_of_programs'),
        ('trading', '0018_order_commands'),
        ('trading', '0018_fills_of_an_order'),
    ]

    operations = [
        migrations.RunSQL(OFF, NEVER),
        migrations.RemoveConstraint(
            model_name='managedposition',
            name='managed_position_reasons_valid',
        ),
        migrations.RemoveConstraint(
            model_name='managedposition',
            name='managed_position_entry_usable',
        ),
        migrations.AddField(
            model_name='managedposition',
            name='entry_order',
            field=models.ForeignKey(blank=True, db_comment='The order that carried the plan; NULL where it was opened on what was held', db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='exit_plans', to='trading.order'),
        ),
        migrations.AddField(
            model_name='managedposition',
            name='is_entered',
            field=models.BooleanField(db_comment='Its entry is complete: false while its order may still fill, and then moves the entry', default=True),
        ),
        migrations.AddField(
            model_name='order',
            name='has_exit_plan',
            field=models.BooleanField(db_comment='Its fills enter a managed position, which waited for them', default=False),
        ),
        migrations.AlterField(
            model_name='managedposition',
            name='entered_at',
            field=models.DateTimeField(db_comment='Of the first fill; when it was ordered before that'),
        ),
        migrations.AlterField(
            model_name='managedposition',
            name='entry_price',
            field=accounts.fields.PriceField(db_comment='Average of the fills that entered it; 0 before the first', decimal_places=12, max_digits=28),
        ),
        migrations.AlterField(
            model_name='managedposition',
            name='entry_quantity',
            field=accounts.fields.PriceField(db_comment='Units that entered it; 0 before the first fill', decimal_places=12, max_digits=28),
        ),
        migrations.AlterField(
            model_name='managedposition',
            name='reason',
            field=models.CharField(blank=True, choices=[('stop_loss', 'Stop loss'), ('break_even', 'Break-even'), ('mirror', 'Source sold'), ('trailing_stop', 'Trailing stop'), ('time', 'Time'), ('scaling', 'Level'), ('take_profit', 'Target'), ('manual', 'By hand'), ('canceled', 'Entry not filled'), ('external', 'Position gone'), ('let_go', 'Let go by hand')], db_comment='Of the latest exit, or its end', max_length=13),
        ),
        migrations.AddIndex(
            model_name='managedposition',
            index=models.Index(condition=models.Q(('entry_order__isnull', False)), fields=['entry_order'], name='managed_position_of_order'),
        ),
        migrations.AddConstraint(
            model_name='managedposition',
            constraint=models.CheckConstraint(condition=models.Q(('decided__in', ['', 'stop_loss', 'break_even', 'mirror', 'trailing_stop', 'time', 'scaling', 'take_profit']), ('reason__in', ['', 'stop_loss', 'break_even', 'mirror', 'trailing_stop', 'time', 'scaling', 'take_profit', 'manual', 'canceled', 'external', 'let_go'])), name='managed_position_reasons_valid'),
        ),
        migrations.AddConstraint(
            model_name='managedposition',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(models.Q(('entry_quantity__gt', 0), models.Q(('entry_price__gt', 0), models.Q(('may_be_negative', True), models.Q(('entry_price', 0), _negated=True)), _connector='OR')), models.Q(('entry_order__isnull', False), ('entry_price', 0), ('entry_quantity', 0), ('remaining', 0), ('status__in', ['pending', 'closed'])), _connector='OR'), ('multiplier__gt', 0)), name='managed_position_entry_usable'),
        ),
        migrations.AddConstraint(
            model_name='managedposition',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('entry_quantity', 0), ('is_entered', False), ('status', 'pending')), models.Q(models.Q(('status', 'pending'), _negated=True), models.Q(('is_entered', True), models.Q(('entry_order__isnull', False), ('entry_quantity__gt', 0)), _connector='OR')), _connector='OR'), name='managed_position_waits_for_its_order'),
        ),
        migrations.AddConstraint(
            model_name='managedposition',
            constraint=models.UniqueConstraint(condition=models.Q(('is_entered', False)), fields=('entry_order',), name='managed_position_one_waits_per_order'),
        ),
        migrations.RunSQL(FOLLOWS, OFF),
    ]
