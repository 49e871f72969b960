"""What must always be true is noticed when it is not: the control of every test that finds nothing broken."""

from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import Portfolio
from tests.factories import make_user
from tests.trading.desk import funded, placed, quoted, share, ticket
from trading import exit_plans, trades
from trading.exits.plans import simple_plan
from trading.invariants import INVARIANTS
from trading.models import Order, Trade

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

#: A lie, and which of them it breaks at least.
LIES = [
    ("UPDATE trading_execution SET quantity = quantity + 1", {"orders-fills", "positions", "parts"}),
    ("UPDATE trading_order SET status = 'partially_filled' WHERE status = 'new'", {"orders-status", "orders-events"}),
    ("UPDATE trading_order SET status = 'pending_cancel' WHERE status = 'new'", {"orders-events", "orders-anew"}),
    (
        "UPDATE trading_order SET reserved_amount = 41 WHERE status = 'new'",
        {"orders-anew", "reserved", "orders-ledger"},
    ),
    ("UPDATE trading_order SET traded_amount = 1 WHERE status = 'filled'", {"orders-anew", "orders-ledger"}),
    ("UPDATE trading_order SET held = 'holdings', reserved_units = 11 WHERE status = 'new'", {"holdings"}),
    ("UPDATE trading_order SET venue = 'alpaca', status = 'submit_unknown' WHERE status = 'new'", {"commands"}),
    (
        "UPDATE trading_order SET status = 'replaced', reserved_amount = 0 WHERE status = 'new'",
        {"orders-replaced", "orders-anew", "orders-events", "reserved"},
    ),
    ("UPDATE trading_position SET quantity = quantity + 1", {"positions"}),
    ("UPDATE accounts_portfolio SET reserved_balance = reserved_balance + 1", {"reserved", "balances"}),
    ("UPDATE accounts_portfolio SET available_balance = available_balance + 1", {"balances"}),
    ("UPDATE trading_tradefill SET fees = fees + 1", {"fees"}),
    ("UPDATE trading_tradefill SET quantity = quantity + 1", {"parts"}),
    ("UPDATE trading_execution SET currency = 'EUR'", {"currencies"}),
    ("UPDATE trading_execution SET executed_on = executed_on + 1", {"days"}),
    ("UPDATE trading_managedposition SET remaining = remaining - 1", {"plans-units"}),
    ("ALTER TABLE trading_orderevent DISABLE TRIGGER refuse_change", {"history"}),
]


def broken() -> set[str]:
    return {each.name for each in INVARIANTS if list(each.broken())}


def test_a_person_who_deletes_and_corrects_trades_of_orders_breaks_nothing() -> None:
    account, acme = funded(make_user()), share()
    quoted(acme, "10", "10")
    placed(account, acme, ticket("buy", "10"))
    placed(account, acme, ticket("sell", "10"))
    trade = Trade.objects.get()

    fills = trades.delete(trade)
    assert broken() == set()
    trades.restore(account.owner_id, execution_ids=fills)
    assert broken() == set()
    trades.correct(Trade.objects.get(), fills=[trades.EnteredFill("buy", Decimal(4), Decimal(9), timezone.now())])
    assert broken() == set()
    placed(account, acme, ticket("sell", "4", "limit", limit_price="12"))
    trades.delete(Trade.objects.get())
    assert broken() == set()


def test_a_deleted_trade_excuses_as_many_promised_units_as_it_was_for_and_no_more() -> None:
    account, acme = funded(make_user()), share()
    quoted(acme, "10", "10")
    placed(account, acme, ticket("buy", "1"))
    trades.delete(Trade.objects.get())
    placed(account, acme, ticket("buy", "10"))
    waits = placed(account, acme, ticket("sell", "10", "limit", limit_price="20"))
    assert broken() == set()

    # 10 are held, and 1 was.
    for promised, is_broken in ((11, False), (12, True)):
        Order.objects.filter(pk=waits.pk).update(reserved_units=promised)
        assert ("holdings" in broken()) is is_broken


def test_every_lie_is_noticed_and_the_truth_is_not_called_one() -> None:
    account, acme = funded(make_user()), share()
    quoted(acme, "10", "10")
    placed(account, acme, ticket("buy", "10"))
    exit_plans.open_plan(account, acme, plan=simple_plan(stop_loss=Decimal("0.2")))
    placed(account, acme, ticket("buy", "5", "limit", limit_price="8"))
    assert broken() == set()

    for lie, breaks in LIES:
        with transaction.atomic():
            with connection.cursor() as cursor:
                if lie.startswith("UPDATE"):
                    # The database would refuse some of them.
                    cursor.execute(f"ALTER TABLE {lie.split()[1]} DISABLE TRIGGER USER")
                cursor.execute(lie)
            assert breaks <= broken(), lie
            transaction.set_rollback(True)

    # What an application's connection keeps for itself is no table that it owns.
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_class WHERE relname = 'rebuild_scope' AND relpersistence = 't')")
        assert cursor.fetchone() == (True,)
    told = StringIO()
    call_command("verify_invariants", stdout=told)
    assert f"All {len(INVARIANTS) + 1} invariants hold." in told.getvalue()

    Portfolio.objects.update(available_balance=1)
    with pytest.raises(CommandError, match=r"1 of 1 invariants are broken") as refused:
        call_command("verify_invariants", "--only", "balances", stdout=told)
    assert refused.value.returncode == 1
    assert str(Portfolio.objects.get().public_id) in told.getvalue()
