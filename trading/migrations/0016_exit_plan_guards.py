"""What a position was entered with never changes, revisions are append-only, levels hold together, templates ship."""

from decimal import Decimal

from django.db import migrations

LEVELS = """
CREATE FUNCTION exit_shares_total(shares numeric[]) RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
    'SELECT coalesce(sum(share), 0) FROM unnest(shares) AS share';

-- Every gain but the last is there, and each lies beyond the one before it.
CREATE FUNCTION exit_gains_ascend(gains numeric[]) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
    'SELECT NOT EXISTS (
        SELECT FROM generate_series(1, cardinality(gains) - 1) AS place
        WHERE gains[place] IS NULL OR gains[place + 1] <= gains[place]
    )';

ALTER TABLE trading_exitstrategy
    ADD CONSTRAINT exit_strategy_levels_paired
        CHECK (cardinality(shares) = cardinality(gains) AND cardinality(shares) <= 20
               AND coalesce(array_ndims(shares), 1) = 1 AND coalesce(array_ndims(gains), 1) = 1),
    -- ALL over a NULL is NULL, which a CHECK lets pass: what is absent is the business of the next ones.
    ADD CONSTRAINT exit_strategy_share_range CHECK (0 <= ALL (shares) AND 1 >= ALL (shares)),
    ADD CONSTRAINT exit_strategy_gain_range CHECK (0 < ALL (gains) AND 999999999 >= ALL (gains)),
    ADD CONSTRAINT exit_strategy_scaling_has_levels CHECK (NOT is_scaling OR cardinality(shares) >= 1),
    ADD CONSTRAINT exit_strategy_shares_present CHECK (NOT is_scaling OR array_position(shares, NULL) IS NULL),
    ADD CONSTRAINT exit_strategy_shares_sum CHECK (NOT is_scaling OR exit_shares_total(shares) = 1),
    ADD CONSTRAINT exit_strategy_gains_ascend CHECK (NOT is_scaling OR exit_gains_ascend(gains)),
    ADD CONSTRAINT exit_strategy_break_even_has_level
        CHECK (NOT breaks_even OR (is_scaling AND gains[1] IS NOT NULL));
"""

NO_LEVELS = """
ALTER TABLE trading_exitstrategy
    DROP CONSTRAINT exit_strategy_levels_paired, DROP CONSTRAINT exit_strategy_share_range,
    DROP CONSTRAINT exit_strategy_gain_range, DROP CONSTRAINT exit_strategy_scaling_has_levels,
    DROP CONSTRAINT exit_strategy_shares_present, DROP CONSTRAINT exit_strategy_shares_sum,
    DROP CONSTRAINT exit_strategy_gains_ascend, DROP CONSTRAINT exit_strategy_break_even_has_level;
DROP FUNCTION exit_shares_total(numeric[]);
DROP FUNCTION exit_gains_ascend(numeric[]);
"""

ENTRY = [
    "public_id", "owner_id", "account_id", "instrument_id", "side", "entry_price", "entry_quantity", "entered_at",
    "quantity_step", "price_step", "may_be_negative", "multiplier", "currency", "plan_snapshot", "created_at",
]  # fmt: skip
DECISION = [
    "public_id", "managed_position_id", "number", "reason", "level", "quantity", "decided_price", "line", "decided_at",
    "client_order_id",
]  # fmt: skip


def immutable(table: str, columns: list[str], words: str) -> str:
    # The condition stands in the trigger, so that the many updates that touch none of this call no function.
    changed = " OR ".join(f"OLD.{column} IS DISTINCT FROM NEW.{column}" for column in columns)
    return f"""
    CREATE FUNCTION refuse_{table}_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '{words}' USING ERRCODE = 'integrity_constraint_violation';
    END $$;
    CREATE TRIGGER refuse_{table}_change BEFORE UPDATE ON {table} FOR EACH ROW
        WHEN ({changed}) EXECUTE FUNCTION refuse_{table}_change();
    """


def mutable(table: str) -> str:
    return f"DROP TRIGGER refuse_{table}_change ON {table}; DROP FUNCTION refuse_{table}_change();"


APPEND_ONLY = """
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON trading_planrevision
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON trading_planrevision
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'journal_app') THEN
        REVOKE UPDATE, DELETE, TRUNCATE ON trading_planrevision FROM journal_app;
    END IF;
END $$;
"""
NOT_APPEND_ONLY = (
    "DROP TRIGGER refuse_change ON trading_planrevision; DROP TRIGGER refuse_truncate ON trading_planrevision;"
)

OWNED = """
ALTER TABLE trading_managedposition ADD CONSTRAINT trading_managedposition_account_of_owner
    FOREIGN KEY (account_id, owner_id) REFERENCES accounts_account (id, owner_id) DEFERRABLE INITIALLY DEFERRED
"""

# Prices rewrite these rows often: with room beside it a new version needs no new entries in the indexes.
ROOM = "ALTER TABLE trading_managedposition SET (fillfactor = 70)"
NO_ROOM = "ALTER TABLE trading_managedposition RESET (fillfactor)"

#: A multiple of 2 of the entry price is a gain of 1.
TEMPLATES = [
    ("Default", "Half at twice the entry, a quarter at three times; the rest rides.", "0.2", False, ["1", "2", None]),
    ("Conservative", "Half at 1.5 times the entry, a quarter at twice; the rest rides.", "0.15", False,
     ["0.5", "1", None]),
    ("Aggressive", "Half at three times the entry, a quarter at five times; a trailing stop once 20 % up.", "0.3", True,
     ["2", "4", None]),
]  # fmt: skip


def ship(apps, schema_editor):  # type: ignore[no-untyped-def]
    # On the connection of the migration: on another one it would wait for itself.
    strategies = apps.get_model("trading", "ExitStrategy").objects.using(schema_editor.connection.alias)
    for name, description, stop, trails, gains in TEMPLATES:
        strategies.create(
            name=name,
            description=description,
            stop_loss=Decimal(stop),
            is_trailing=trails,
            trail=Decimal("0.15"),
            trail_activation=Decimal("0.2"),
            is_scaling=True,
            shares=[Decimal("0.5"), Decimal("0.25"), Decimal("0.25")],
            gains=[None if gain is None else Decimal(gain) for gain in gains],
            mirrors=True,
            is_default=name == "Default",
        )


def unship(apps, schema_editor):  # type: ignore[no-untyped-def]
    strategies = apps.get_model("trading", "ExitStrategy").objects.using(schema_editor.connection.alias)
    strategies.filter(owner=None).delete()


class Migration(migrations.Migration):
    dependencies = [("trading", "0015_exit_plans"), ("accounts", "0002_append_only")]

    operations = [
        migrations.RunSQL(LEVELS, NO_LEVELS),
        migrations.RunSQL(
            immutable("trading_managedposition", ENTRY, "what a position was entered with never changes"),
            mutable("trading_managedposition"),
        ),
        migrations.RunSQL(
            immutable("trading_planexit", DECISION, "what was decided never changes"), mutable("trading_planexit")
        ),
        migrations.RunSQL(APPEND_ONLY, NOT_APPEND_ONLY),
        migrations.RunSQL(
            OWNED, "ALTER TABLE trading_managedposition DROP CONSTRAINT trading_managedposition_account_of_owner"
        ),
        migrations.RunSQL(ROOM, NO_ROOM),
        migrations.RunPython(ship, unship),
    ]
