"""What the application's own role may not do, and what the database refuses to everybody."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction
from psycopg import errors, sql

from accounts import audit, ledger
from accounts.models import AuditEvent, LedgerEntry, User
from intelligence import tokens
from intelligence.models import DecisionRevision
from intelligence.sources.transactions import address
from tests.factories import make_account, make_user
from tests.intelligence.copies import Follower, safe_token
from tests.journal.factories import make_trade
from trading import exit_plans, orders, risk, trades
from trading.exits.plans import simple_plan
from trading.models import Instrument
from trading.order_rules.ticket import Ticket
from trading.order_rules.vocabulary import OrderType, Side, TimeInForce

APP = "journal_app"
APPEND_ONLY = [
    "accounts_auditevent",
    "accounts_ledgerentry",
    "intelligence_copiedposition",
    "intelligence_decisionrevision",
    "intelligence_signal",
    "intelligence_signalcheck",
    "intelligence_signaloutcome",
    "intelligence_tokenlisting",
    "trading_breakerevent",
    "trading_orderevent",
    "trading_planrevision",
    "trading_riskconfigrevision",
]

pytestmark = pytest.mark.django_db


@pytest.fixture
def app(db: None) -> Iterator[psycopg.Connection[Any]]:
    """A connection as the application makes them in life; nothing of it is kept."""
    values = connection.settings_dict
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [APP])
        if cursor.fetchone() is None:
            pytest.skip(f"this server has no role {APP}: it is not the embedded one")
    with psycopg.connect(host=values["HOST"], port=values["PORT"] or None, dbname=values["NAME"], user=APP) as made:
        yield made
        made.rollback()


@pytest.fixture
def history(alice: User) -> None:
    """One row of each append-only table."""
    account = make_account(alice)
    ledger.deposit(
        account, currency="USD", amount=Decimal(10), idempotency_key="k", at=datetime(2026, 1, 5, tzinfo=UTC), note=""
    )
    audit.written("test", subject="account", subject_id="1", owner_id=alice.pk)
    risk.configure(make_user(is_staff=True), max_drawdown=Decimal("0.3"))
    instrument = Instrument.objects.create(symbol="ACME", kind="stock", currency="USD")
    asked = Ticket(Side.BUY, OrderType.LIMIT, TimeInForce.GTC, quantity=Decimal(1), limit_price=Decimal(1))
    orders.place(account, instrument=instrument, ticket=asked)
    fill = trades.EnteredFill("buy", Decimal(10), Decimal(1), datetime(2026, 1, 5, tzinfo=UTC))
    trades.enter(account, instrument=instrument, fills=[fill])
    plan = exit_plans.open_plan(account, instrument, plan=simple_plan(stop_loss=Decimal("0.2")))
    exit_plans.override(plan, changes={"stop_loss": "0.1"}, by=alice, revision=0)
    at = datetime(2026, 1, 5, tzinfo=UTC)
    safe_token()
    assert Follower(person=alice).buys().verdict == "traded"
    tokens.blacklist(address("a trap"), reason="Honeypot", at=at)
    DecisionRevision.objects.create(owner_id=alice.pk, decision_id=1, number=0, values={}, revised_at=at)


def is_refused(app: psycopg.Connection[Any], statement: str) -> bool:
    """Whether the role is told that it may not; any other outcome is an error of the test."""
    try:
        with app.transaction(force_rollback=True):
            app.execute(sql.SQL(statement))  # type: ignore[arg-type]
    except errors.InsufficientPrivilege:
        return True
    return False


CHANGES_OF_HISTORY = [
    "UPDATE {table} SET id = id",
    "DELETE FROM {table}",
    "TRUNCATE {table}",
    "ALTER TABLE {table} DISABLE TRIGGER ALL",
    "ALTER TABLE {table} DISABLE TRIGGER refuse_change",
    "DROP TRIGGER refuse_change ON {table}",
    "DROP TABLE {table}",
    "ALTER TABLE {table} ADD COLUMN extra integer",
    "ALTER TABLE {table} RENAME TO other",
    "CREATE TRIGGER other BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change()",
]


def test_the_application_can_only_add_to_history(app: psycopg.Connection[Any]) -> None:
    tried = [statement.format(table=table) for table in APPEND_ONLY for statement in CHANGES_OF_HISTORY]

    assert [statement for statement in tried if not is_refused(app, statement)] == []


CHANGES_OF_RULES = [
    "CREATE TABLE mine (id integer)",
    "CREATE FUNCTION mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "DROP FUNCTION refuse_change() CASCADE",
    "ALTER TABLE trading_execution DISABLE TRIGGER refuse_execution_change",
    "TRUNCATE trading_execution CASCADE",
    "DROP TABLE trading_trade",
    "CREATE SCHEMA mine",
    "CREATE ROLE mine",
    "ALTER ROLE journal_app SUPERUSER",
    "SET ROLE journal_owner",
    "SET SESSION AUTHORIZATION journal_owner",
    "SET session_replication_role = replica",
    "COPY accounts_auditevent TO PROGRAM 'cat'",
    "SELECT pg_read_file('/etc/hostname')",
    "DROP EXTENSION vector",
]


def test_the_application_cannot_change_the_rules(app: psycopg.Connection[Any]) -> None:
    assert [statement for statement in CHANGES_OF_RULES if not is_refused(app, statement)] == []


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT count(*) FROM accounts_auditevent",
        "INSERT INTO accounts_auditevent SELECT * FROM accounts_auditevent WHERE false",
        "UPDATE trading_trade SET note = note",
        "DELETE FROM trading_tradefill WHERE false",
        "CREATE TEMP TABLE stage (id integer) ON COMMIT DROP",
    ],
)
def test_the_application_can_do_its_work(app: psycopg.Connection[Any], statement: str) -> None:
    """The control: the same question about what it must be able to do is answered with yes."""
    assert not is_refused(app, statement)


def test_the_applications_role_is_an_ordinary_one_that_owns_nothing(app: psycopg.Connection[Any]) -> None:
    attributes = app.execute(
        "SELECT rolsuper, rolbypassrls, rolcreatedb, rolcreaterole, rolreplication FROM pg_roles "
        "WHERE rolname = current_user"
    ).fetchone()
    owned = app.execute(
        "SELECT count(*) FROM pg_class WHERE relowner = (SELECT oid FROM pg_roles WHERE rolname = current_user)"
    ).fetchone()
    member = app.execute(
        "SELECT count(*) FROM pg_auth_members WHERE member = (SELECT oid FROM pg_roles WHERE rolname = current_user)"
    ).fetchone()

    assert attributes == (False, False, False, False, False)
    assert (owned, member) == ((0,), (0,))


def test_nobodys_privileges_reach_further_than_they_must(app: psycopg.Connection[Any]) -> None:
    app.execute("GRANT UPDATE, DELETE ON accounts_auditevent TO journal_app")  # answered with a warning, no error
    rows = app.execute(
        "SELECT c.relname FROM pg_class c WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace "
        "AND (has_table_privilege(current_user, c.oid, 'TRUNCATE') OR has_table_privilege(current_user, c.oid, "
        "'TRIGGER') OR (c.relname = ANY(%s) AND (has_table_privilege(current_user, c.oid, 'UPDATE') OR "
        "has_any_column_privilege(current_user, c.oid, 'UPDATE') OR has_table_privilege(current_user, c.oid, "
        "'DELETE'))))",
        [APPEND_ONLY],
    ).fetchall()

    assert rows == []


@pytest.mark.usefixtures("history")
def test_the_owner_is_stopped_as_well() -> None:
    statements = ("UPDATE {table} SET id = id", "DELETE FROM {table}", "TRUNCATE {table} CASCADE")
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SELECT tgenabled FROM pg_trigger WHERE tgname = 'refuse_truncate'")
        assert {enabled for (enabled,) in cursor.fetchall()} == {"O"}
        for statement in (each.format(table=table) for table in APPEND_ONLY for each in statements):
            with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
                cursor.execute(statement)
            assert AuditEvent.objects.exists(), statement
            assert LedgerEntry.objects.exists(), statement


@pytest.mark.usefixtures("history")
def test_without_the_trigger_the_owner_could(alice: User) -> None:
    """The control."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE accounts_auditevent DISABLE TRIGGER refuse_change")
        cursor.execute("DELETE FROM accounts_auditevent")
        cursor.execute("ALTER TABLE accounts_auditevent ENABLE TRIGGER refuse_change")

    assert not AuditEvent.objects.exists()


@pytest.mark.parametrize("statement", ["DELETE FROM trading_riskconfig", "TRUNCATE trading_riskconfig"])
def test_the_application_cannot_do_away_with_the_configuration(app: psycopg.Connection[Any], statement: str) -> None:
    assert is_refused(app, statement)
    assert not is_refused(app, "UPDATE trading_riskconfig SET capital = 500")


@pytest.mark.parametrize("column", ["price = price + 1", "quantity = 1000", "fees = 9", "identity = gen_random_uuid()"])
def test_a_fill_never_changes(alice: User, column: str) -> None:
    make_trade(make_account(alice), day=datetime(2026, 1, 5, tzinfo=UTC).date(), pnl="5")

    with (
        connection.cursor() as cursor,
        pytest.raises(IntegrityError, match="fills are immutable"),
        transaction.atomic(),
    ):
        cursor.execute(f"UPDATE trading_execution SET {column}")


def test_a_fill_can_be_voided(alice: User) -> None:
    make_trade(make_account(alice), day=datetime(2026, 1, 5, tzinfo=UTC).date(), pnl="5")

    with connection.cursor() as cursor:
        cursor.execute("UPDATE trading_execution SET voided_at = now()")
        assert cursor.rowcount == 2


def test_no_reference_out_of_history_deletes_or_empties_it() -> None:
    """Referential actions run as the owner of the table, past everything that was revoked."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conrelid::regclass::text, conname FROM pg_constraint WHERE contype = 'f' "
            "AND conrelid = ANY(%s::regclass[]) AND confdeltype NOT IN ('a', 'r')",
            [APPEND_ONLY],
        )
        assert cursor.fetchall() == []


def test_every_append_only_table_is_one_of_those_tested() -> None:
    """A new table with the trigger needs its revoked privileges tested too."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'refuse_change' ORDER BY 1")
        assert [table for (table,) in cursor.fetchall()] == APPEND_ONLY


def test_every_table_that_calls_itself_append_only_is_one_of_those_tested() -> None:
    """A new one that says so, and got no trigger, is found by its words."""
    said = {model._meta.db_table for model in apps.get_models() if "append-only" in model._meta.db_table_comment}

    assert said == set(APPEND_ONLY) - {"intelligence_copiedposition"}
