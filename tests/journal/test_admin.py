"""Stored sums in the admin: looked at, computed again, never edited."""

from datetime import date
from decimal import Decimal

import pytest
from django.test import Client

from accounts.models import Account, User
from journal import tasks
from journal.metrics import rollups
from journal.models import DayRollup, DayVersion
from tests.journal.factories import make_trade

MONDAY = date(2025, 3, 3)


@pytest.fixture
def operator(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("operator@example.com", "correct horse battery"))
    return client


@pytest.fixture
def stored(account: Account) -> DayRollup:
    make_trade(account, day=MONDAY, pnl="10")
    tasks.recompute_owner(account.owner_id)
    return DayRollup.objects.get()


@pytest.mark.parametrize("name", ["dayrollup", "dayversion", "ownerday", "accounttotals"])
def test_sums_are_shown_and_cannot_be_edited(operator: Client, stored: DayRollup, name: str) -> None:
    listed = operator.get(f"/admin/journal/{name}/")

    assert listed.status_code == 200
    assert operator.get(f"/admin/journal/{name}/add/").status_code == 403
    assert operator.get(f"/admin/journal/{name}/?q=main").status_code == 200


def test_a_rollup_cannot_be_changed_or_deleted(operator: Client, stored: DayRollup) -> None:
    page = f"/admin/journal/dayrollup/{stored.pk}"

    assert operator.post(f"{page}/change/", {"net_pnl": "1"}).status_code == 403
    assert operator.post(f"{page}/delete/", {"post": "yes"}).status_code == 403

    assert DayRollup.objects.get().net_pnl == Decimal(10)


def test_chosen_days_are_computed_again(operator: Client, stored: DayRollup) -> None:
    DayRollup.objects.update(net_pnl=Decimal(0))

    operator.post(
        "/admin/journal/dayversion/",
        {"action": "compute_again", "_selected_action": [DayVersion.objects.get().pk], "confirm": "yes"},
    )

    assert DayRollup.objects.get().net_pnl == Decimal(10)
    assert rollups.stale_owners() == []


def test_stale_days_can_be_listed(operator: Client, account: Account) -> None:
    make_trade(account, day=MONDAY, pnl="10")

    assert b"0 day versions" in operator.get("/admin/journal/dayversion/?state=computed").content
    assert b"1 day version" in operator.get("/admin/journal/dayversion/?state=stale").content
