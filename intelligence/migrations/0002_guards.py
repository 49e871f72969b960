"""What the database itself refuses: a history rewritten, an account of somebody else, a vector that is none."""

from django.db import migrations

REVISIONS = """
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON intelligence_decisionrevision
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON intelligence_decisionrevision
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'journal_app') THEN
        REVOKE UPDATE, DELETE, TRUNCATE ON intelligence_decisionrevision FROM journal_app;
    END IF;
END $$;
"""
NO_REVISIONS = (
    "DROP TRIGGER refuse_change ON intelligence_decisionrevision; "
    "DROP TRIGGER refuse_truncate ON intelligence_decisionrevision;"
)

OWNED = """
ALTER TABLE intelligence_decision ADD CONSTRAINT intelligence_decision_account_of_owner
    FOREIGN KEY (account_id, owner_id) REFERENCES accounts_account (id, owner_id) DEFERRABLE INITIALLY DEFERRED
"""

# Trades are deleted by statements of their own, which know nothing of what Django would delete with them.
OF_TRADE = """
ALTER TABLE intelligence_embedding ADD CONSTRAINT intelligence_embedding_trade
    FOREIGN KEY (trade_id) REFERENCES trading_trade (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
"""

# The cosine of a vector of no length is no number, and one that is not of length 1 was never normalised. NaN,
# infinity and other dimensions are refused by the type itself; the rounding of half precision is allowed for.
LENGTH = """
ALTER TABLE intelligence_embedding ADD CONSTRAINT embedding_vector_of_length_one
    CHECK (vector IS NULL OR l2_norm(vector) BETWEEN 0.99 AND 1.01)
"""

# All of a row stays in its page: a scan of one person's vectors then reads nothing out of line, which tripled it.
INLINE = """
ALTER TABLE intelligence_embedding ALTER COLUMN vector SET STORAGE PLAIN;
ALTER TABLE intelligence_embedding ALTER COLUMN words SET STORAGE MAIN;
"""
NOT_INLINE = """
ALTER TABLE intelligence_embedding ALTER COLUMN vector SET STORAGE EXTERNAL;
ALTER TABLE intelligence_embedding ALTER COLUMN words SET STORAGE EXTENDED;
"""


class Migration(migrations.Migration):
    dependencies = [("intelligence", "0001_initial"), ("accounts", "0002_append_only")]

    operations = [
        migrations.RunSQL(REVISIONS, NO_REVISIONS),
        migrations.RunSQL(
            OWNED, "ALTER TABLE intelligence_decision DROP CONSTRAINT intelligence_decision_account_of_owner"
        ),
        migrations.RunSQL(OF_TRADE, "ALTER TABLE intelligence_embedding DROP CONSTRAINT intelligence_embedding_trade"),
        migrations.RunSQL(LENGTH, "ALTER TABLE intelligence_embedding DROP CONSTRAINT embedding_vector_of_length_one"),
        migrations.RunSQL(INLINE, NOT_INLINE),
    ]
