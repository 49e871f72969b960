"""Rules of fills, bars and instruments are called what the document that asked for them calls them; some are new."""

from django.db import migrations, models


def renamed(model: str, old: str, constraint: models.BaseConstraint, *, index: bool = False) -> migrations.SeparateDatabaseAndState:
    table, new = f"trading_{model}", constraint.name

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


# The half of `trades_price_positive` that only the instrument tells. Asked for the few fills at 0 and below alone.
PRICE_OF_KIND = """
CREATE FUNCTION refuse_execution_price() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM trading_instrument WHERE id = NEW.instrument_id AND kind NOT IN ('option', 'future')) THEN
        RAISE EXCEPTION 'new row for relation "trading_execution" violates check constraint "trades_price_positive"'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'trades_price_positive', TABLE = 'trading_execution',
            DETAIL = 'Only options end at 0, only futures and spreads trade below; 0 by hand is what became worthless.';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER refuse_execution_price AFTER INSERT ON trading_execution FOR EACH ROW
    WHEN (NEW.price < 0 OR (NEW.price = 0 AND NEW.source <> 'manual')) EXECUTE FUNCTION refuse_execution_price();
"""

UNDO = "DROP TRIGGER refuse_execution_price ON trading_execution; DROP FUNCTION refuse_execution_price();"


class Migration(migrations.Migration):
    dependencies = [("trading", "0022_breakers_reset_daily"), ("accounts", "0009_names_of_rules")]

    operations = [
        renamed(
            "execution",
            "execution_quantity_positive",
            models.CheckConstraint(condition=models.Q(("quantity__gt", 0)), name="trades_quantity_positive"),
        ),
        migrations.AddConstraint(
            model_name="execution",
            constraint=models.CheckConstraint(
                condition=models.Q(("source__in", ["import", "manual"]), ("price__gt", 0), _connector="OR"),
                name="trades_price_positive",
            ),
        ),
        migrations.RunSQL(PRICE_OF_KIND, UNDO),
        migrations.AddIndex(
            model_name="execution",
            index=models.Index(fields=["instrument", "sort_at"], name="idx_trades_instrument_time"),
        ),
        renamed(
            "bar",
            "bar_unique",
            models.UniqueConstraint(
                fields=("instrument", "timeframe", "starts_at"), name="idx_market_data_instrument_timestamp"
            ),
        ),
        renamed(
            "instrument",
            "instrument_symbol_unique_while_active",
            models.UniqueConstraint(
                condition=models.Q(("status", "active")), fields=("symbol",), name="idx_instruments_symbol"
            ),
            index=True,
        ),
        migrations.AddConstraint(
            model_name="instrument",
            constraint=models.CheckConstraint(
                condition=models.Q(("strike__isnull", True), ("strike__gt", 0), _connector="OR"),
                name="instrument_strike_positive",
            ),
        ),
        migrations.AddConstraint(
            model_name="instrument",
            constraint=models.CheckConstraint(
                condition=models.Q(("option_type__in", ["", "call", "put"])), name="instrument_option_type_valid"
            ),
        ),
        migrations.AddConstraint(
            model_name="instrument",
            constraint=models.CheckConstraint(
                condition=models.Q(("symbol", ""), _negated=True), name="instrument_symbol_not_blank"
            ),
        ),
        migrations.AddConstraint(
            model_name="instrument",
            constraint=models.CheckConstraint(
                condition=models.Q(("currency__regex", "^[A-Z][A-Z0-9]{1,11}$")), name="instrument_currency_valid"
            ),
        ),
    ]
