"""Cash on pages: moved once, refused beside its field, and reversed by an entry of its own."""

import re
import uuid
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.test import Client

from accounts import ledger
from accounts.errors import Conflict, InsufficientFunds
from accounts.models import Account, LedgerEntry, Portfolio, User
from tests.journal.factories import make_account

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
FORM = {"kind": "deposit", "amount": "500", "currency": "USD", "key": "k1", "note": "Start", "at": "2026-03-02T10:00"}


def available(account: Account) -> Decimal:
    return Portfolio.objects.get(account=account).available_balance


def test_a_form_sent_twice_moves_cash_once_in_the_accounts_time(alice_client: Client, alice: User) -> None:
    account = make_account(alice, time_zone="America/New_York")
    path = f"/accounts/{account.public_id}/cash/move/"

    for _ in range(2):
        assert alice_client.post(path, FORM).headers["Location"] == f"/accounts/{account.public_id}/cash/"

    entry = LedgerEntry.objects.get()
    assert (entry.available_change, entry.note, entry.occurred_at) == (Decimal(500), "Start", AT)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"amount": "0"}, "amount"),
        ({"amount": "-5"}, "amount"),
        ({"amount": "1e3"}, "amount"),
        ({"amount": "0", "kind": "adjustment"}, "amount"),
        ({"kind": "withdrawal"}, "amount"),
        ({"kind": "trade"}, "kind"),
        ({"currency": "ZZZ"}, "currency"),
        ({"at": "2999-01-01T00:00"}, "at"),
        ({"note": "x" * 501}, "note"),
    ],
)
def test_what_cannot_be_moved_is_refused_beside_its_field(
    alice_client: Client, alice: User, wrong: dict[str, str], field: str
) -> None:
    account = make_account(alice)

    page = alice_client.post(f"/accounts/{account.public_id}/cash/move/", {**FORM, **wrong})

    assert page.status_code == 422
    assert list(page.context["form"].errors) == [field]
    assert not LedgerEntry.objects.exists()


def test_an_undo_is_an_adjustment_beside_the_entry(alice_client: Client, alice: User) -> None:
    account = make_account(alice)
    alice_client.post(f"/accounts/{account.public_id}/cash/move/", FORM)
    page = alice_client.get(f"/accounts/{account.public_id}/cash/").content.decode()
    assert "Deposit of +500.00 USD in Main." in page
    token = next(each for each in re.findall(r'name="token" value="([^"]*)"', page) if each)

    for _ in range(2):
        alice_client.post("/undo/", {"token": token})

    assert [(each.kind, each.available_change) for each in LedgerEntry.objects.order_by("id")] == [
        ("deposit", Decimal(500)),
        ("adjustment", Decimal(-500)),
    ]
    assert available(account) == 0
    again = alice_client.get(f"/accounts/{account.public_id}/cash/").content.decode()
    assert "Reversed" in again
    assert "/reverse/" not in again


def test_what_was_spent_cannot_be_reversed_nor_can_a_reversal(alice: User) -> None:
    account = make_account(alice)
    paid = ledger.deposit(account, currency="USD", amount=Decimal(500), idempotency_key="a", at=AT)
    ledger.withdraw(account, currency="USD", amount=Decimal(400), idempotency_key="b", at=AT)

    with pytest.raises(InsufficientFunds):
        ledger.reverse(paid, at=AT)
    assert LedgerEntry.objects.count() == 2
    ledger.deposit(account, currency="USD", amount=Decimal(400), idempotency_key="c", at=AT)
    made = ledger.reverse(paid, at=AT)
    with pytest.raises(Conflict):
        ledger.reverse(made, at=AT)
    assert available(account) == 0


def test_an_entry_of_another_is_not_reversed(bob_client: Client, alice: User) -> None:
    account = make_account(alice)
    entry = ledger.deposit(account, currency="USD", amount=Decimal(500), idempotency_key="a", at=AT)

    foreign = bob_client.post(f"/cash/{entry.public_id}/reverse/")
    absent = bob_client.post(f"/cash/{uuid.uuid4()}/reverse/")

    assert foreign.status_code == absent.status_code == 404
    assert LedgerEntry.objects.count() == 1


def test_the_ledger_comes_in_pages_by_kind_and_as_a_file(alice_client: Client, alice: User) -> None:
    account = make_account(alice)
    for number in range(52):
        ledger.deposit(account, currency="USD", amount=Decimal(1), idempotency_key=str(number), at=AT)
    ledger.withdraw(account, currency="USD", amount=Decimal(2), idempotency_key="w", at=AT, note="=1+1")
    path = f"/accounts/{account.public_id}/cash/"

    first = alice_client.get(path).content.decode()
    following = re.search(r'rel="next" href="([^"]+)"', first)
    assert following
    second = alice_client.get(path + following[1].replace("&amp;", "&")).content.decode()
    assert [page.count("<time ") for page in (first, second)] == [50, 3]
    assert alice_client.get(f"{path}?kind=withdrawal").content.decode().count("<time ") == 1
    lines = b"".join(alice_client.get(f"{path}?format=csv")).decode().split("\r\n")  # type: ignore[arg-type]
    assert lines[1] == "2026-03-02T15:00:00+00:00,withdrawal,USD,-2,50,'=1+1"
    assert len(lines) == 55


def test_the_page_of_an_account_renames_it_and_knows_its_neighbours(alice_client: Client, alice: User) -> None:
    first, second, third = (make_account(alice, name) for name in ("alpha", "Beta", "gamma"))
    make_account(alice, "Betb", archived_at=AT)
    path = f"/accounts/{second.public_id}/"

    page = alice_client.get(path).content.decode()
    assert f'rel="prev" href="/accounts/{first.public_id}/"' in page
    assert f'rel="next" href="/accounts/{third.public_id}/"' in page
    alice_client.post(f"{path}rename/", {"name": "gamma"})
    assert "You have an account named gamma." in alice_client.get(path).content.decode()
    alice_client.post(f"{path}rename/", {"name": "Delta"})
    second.refresh_from_db()
    assert second.name == "Delta"
