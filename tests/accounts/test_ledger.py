import threading
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import QuerySet

from accounts import ledger, versions
from accounts.errors import DomainError, IdempotencyConflict, InsufficientFunds, InvalidValue
from accounts.models import Account, LedgerEntry, Portfolio, User
from tests.factories import make_account, make_user
from tests.waiting import PATIENCE, done_at_once, until_somebody_waits

AT = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


@pytest.fixture
def account(alice: User) -> Account:
    return make_account(alice, "Main")


def move(verb: Callable[..., LedgerEntry], account: Account, amount: str, key: str) -> LedgerEntry:
    return verb(account, currency="EUR", amount=Decimal(amount), idempotency_key=key, at=AT)


def test_every_entry_states_the_balance_after_it(account: Account) -> None:
    move(ledger.deposit, account, "100", "a")
    move(ledger.withdraw, account, "30.5", "b")
    move(ledger.adjust, account, "-0.00000001", "c")

    entries = LedgerEntry.objects.order_by("id").values_list("available_change", "available_after")
    assert list(entries) == [
        (Decimal("100"), Decimal("100")),
        (Decimal("-30.5"), Decimal("69.5")),
        (Decimal("-0.00000001"), Decimal("69.49999999")),
    ]
    assert Portfolio.objects.get().available_balance == Decimal("69.49999999")


def test_each_currency_has_a_portfolio_of_its_own(account: Account) -> None:
    move(ledger.deposit, account, "100", "a")
    ledger.deposit(account, currency="USD", amount=Decimal(7), idempotency_key="a", at=AT)

    balances = Portfolio.objects.order_by("currency").values_list("currency", "available_balance")
    assert list(balances) == [("EUR", Decimal(100)), ("USD", Decimal(7))]


def test_more_than_there_is_does_not_leave(account: Account, alice: User) -> None:
    move(ledger.deposit, account, "100", "a")
    version = versions.current(alice.pk)

    with pytest.raises(InsufficientFunds):
        move(ledger.withdraw, account, "100.00000001", "b")

    assert Portfolio.objects.get().available_balance == Decimal(100)
    assert LedgerEntry.objects.count() == 1
    assert versions.current(alice.pk) == version


def test_a_repeated_key_gives_the_first_entry_and_moves_nothing(account: Account, alice: User) -> None:
    first = move(ledger.deposit, account, "100", "a")
    version = versions.current(alice.pk)

    assert move(ledger.deposit, account, "100.00", "a") == first
    with pytest.raises(IdempotencyConflict):
        move(ledger.deposit, account, "101", "a")
    with pytest.raises(IdempotencyConflict):
        move(ledger.withdraw, account, "100", "a")

    assert Portfolio.objects.get().available_balance == Decimal(100)
    assert versions.current(alice.pk) == version


@pytest.mark.parametrize("amount", ["0", "-1", "NaN", "Infinity", "0.000000001", "1000000000000"])
def test_an_amount_that_cannot_be_kept_is_refused(account: Account, amount: str) -> None:
    with pytest.raises(InvalidValue):
        move(ledger.deposit, account, amount, "a")

    assert not LedgerEntry.objects.exists()


@pytest.mark.parametrize("change", ["update", "delete", "truncate"])
def test_history_cannot_be_changed(account: Account, change: str) -> None:
    move(ledger.deposit, account, "100", "a")

    sql = {
        "update": "UPDATE accounts_ledgerentry SET note = 'never mind'",
        "delete": "DELETE FROM accounts_ledgerentry",
        "truncate": "SET CONSTRAINTS ALL IMMEDIATE; TRUNCATE accounts_ledgerentry",
    }[change]
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        connection.cursor().execute(sql)


def withdraw_at_once(account: Account) -> list[str]:
    """Two connections withdraw 60 of 100; the second begins while the first has not committed."""
    first_has_moved = threading.Event()

    @transaction.atomic
    def first() -> str:
        move(ledger.withdraw, account, "60", "first")
        first_has_moved.set()
        until_somebody_waits()
        return "moved"

    def second() -> str:
        first_has_moved.wait(PATIENCE)
        try:
            move(ledger.withdraw, account, "60", "second")
        except DomainError as error:
            return error.code
        return "moved"

    return sorted(done_at_once(first, second))


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_withdrawals_at_once_do_not_spend_the_same_money() -> None:
    account = make_account(make_user(), "Main")
    move(ledger.deposit, account, "100", "a")

    assert withdraw_at_once(account) == ["insufficient_funds", "moved"]
    assert Portfolio.objects.get().available_balance == Decimal(40)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_without_the_lock_they_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: were the row not locked, the test above would fail."""
    account = make_account(make_user(), "Main")
    move(ledger.deposit, account, "100", "a")
    monkeypatch.setattr(QuerySet, "select_for_update", lambda rows, **_: rows.all())

    assert withdraw_at_once(account) == ["moved", "moved"]
    assert Portfolio.objects.get().available_balance == Decimal(40)
