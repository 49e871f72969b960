"""A signal has one outcome, a wallet stays with its owner's figures, and every table says what it is for."""

from django.db import migrations, models

WALLET = """
CREATE FUNCTION refuse_wallet_deletion() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a wallet is archived, never deleted: refused' USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER refuse_wallet_deletion BEFORE DELETE ON intelligence_wallet
    FOR EACH ROW EXECUTE FUNCTION refuse_wallet_deletion();
"""
NO_WALLET = "DROP TRIGGER refuse_wallet_deletion ON intelligence_wallet; DROP FUNCTION refuse_wallet_deletion();"

OWNED = """
ALTER TABLE intelligence_walletperformance ADD CONSTRAINT intelligence_walletperformance_wallet_of_owner
    FOREIGN KEY (wallet_id, owner_id) REFERENCES intelligence_wallet (id, owner_id) DEFERRABLE INITIALLY DEFERRED
"""
NOT_OWNED = (
    "ALTER TABLE intelligence_walletperformance DROP CONSTRAINT intelligence_walletperformance_wallet_of_owner"
)

#: Tables that Django makes for fields that name several have no place for it in their models.
COMMENTS = {
    "intelligence_newsarticle_instruments": "Link: the instruments that an article is about",
    "intelligence_newsarticle_decisions": "Link: the decisions for which an article was read",
    "intelligence_stockanalysis_decisions": "Link: the decisions for which an analysis was made",
}


class Migration(migrations.Migration):
    dependencies = [("intelligence", "0011_trades_known_by_a_fill")]

    operations = [
        migrations.RemoveConstraint(model_name="signaloutcome", name="signal_outcome_once_per_attempt"),
        migrations.AddConstraint(
            model_name="signaloutcome",
            constraint=models.UniqueConstraint(fields=("signal",), name="signal_outcome_once"),
        ),
        migrations.AlterModelTableComment(
            name="signaloutcome",
            table_comment="Event log, append-only: what was made of signals, one row for each",
        ),
        migrations.RunSQL(WALLET, NO_WALLET),
        migrations.RunSQL(OWNED, NOT_OWNED),
        *[
            migrations.RunSQL(f"COMMENT ON TABLE {table} IS '{words}'", f"COMMENT ON TABLE {table} IS NULL")
            for table, words in COMMENTS.items()
        ],
    ]
