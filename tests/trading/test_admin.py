"""Operators look at what was traded; what they may do goes through the verbs and is asked for first."""

import re
from datetime import UTC, datetime
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from accounts import versions
from accounts.models import User
from tests.conftest import signed_in
from tests.factories import make_account, make_user
from tests.trading.desk import funded, placed, share, ticket
from trading import trades
from trading.imports import batches
from trading.models import BatchStatus, Execution, ImportBatch, Instrument, Tag, Trade
from trading.trades import EnteredFill

pytestmark = pytest.mark.django_db

FLEX = (
    b"ClientAccountID,CurrencyPrimary,AssetClass,Symbol,DateTime,Buy/Sell,Quantity,TradePrice,IBCommission,IBExecID,"
    b"FifoPnlRealized,LevelOfDetail\n"
    b"U1,USD,STK,ACME,20260105;100000,BUY,100,10,-1,e1,0,EXECUTION\n"
    b"U1,USD,STK,ACME,20260106;100000,SELL,-100,12,-1.25,e2,197.75,EXECUTION\n"
)
DERIVED = ("execution", "trade", "tradefill", "position", "importrow", "importbatch", "fxrate")


@pytest.fixture(autouse=True)
def _media(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def operator(db: None) -> Client:
    return signed_in(make_user("root@example.com", is_staff=True, is_superuser=True))


@pytest.fixture
def batch(alice: User) -> ImportBatch:
    options = {"create_accounts": True, "time_zone": "UTC"}
    received = batches.receive(owner=alice, chunks=[FLEX], filename="flex.csv", options=options)
    return batches.run(batches.queue(batches.look(received)))


def test_every_list_and_row_can_be_looked_at(operator: Client, alice: User, batch: ImportBatch) -> None:
    Tag.objects.create(owner=alice, name="Breakout")
    models = [model for model in admin.site._registry if model._meta.app_label == "trading"]
    assert len(models) > 20

    for model in models:
        name = model._meta.model_name
        path = reverse(f"admin:trading_{name}_changelist")
        assert operator.get(path).status_code == 200, name
        for term in ("alice@example.com", "ACME", "nobody", str(batch.public_id), "%"):
            assert operator.get(path, {"q": term}).status_code == 200, (name, term)
        row = model._default_manager.first()
        if row is not None:
            assert operator.get(reverse(f"admin:trading_{name}_change", args=[row.pk])).status_code == 200, name


def test_numbers_stand_without_the_zeros_of_their_columns_and_values_in_words(
    operator: Client, alice: User, batch: ImportBatch
) -> None:
    halves = share("HALF", lot_size=D("0.5"))
    order = placed(funded(alice), halves, ticket("buy", "2.50", "stop_limit", stop_price="49.10", limit_price="49"))

    fills = operator.get("/admin/trading/execution/").content.decode()
    assert '<td class="field-price">12</td>' in fills
    assert '<td class="field-commission">1.25</td>' in fills
    rows = operator.get("/admin/trading/order/?o=7").content.decode()
    assert '<td class="field-quantity">2.5</td>' in rows
    assert '<td class="field-type">Stop limit</td>' in rows
    assert '<td class="field-status">Working</td>' in rows
    assert '<th scope="col" class="sortable column-quantity sorted ascending">' in rows
    page = operator.get(f"/admin/trading/order/{order.pk}/change/").content.decode()
    assert '<div class="readonly">49.1</div>' in page
    assert '<div class="readonly">Until canceled</div>' in page
    assert '<div class="readonly">None</div>' not in page
    form = operator.get(f"/admin/trading/instrument/{halves.pk}/change/").content.decode()
    assert re.search(r'name="lot_size" value="0\.5"', form)
    assert re.search(r"\.\d*0{6}", fills + rows + page) is None


@pytest.mark.parametrize("name", DERIVED)
def test_what_is_derived_is_neither_added_nor_changed_nor_deleted(
    operator: Client, batch: ImportBatch, name: str
) -> None:
    assert operator.get(reverse(f"admin:trading_{name}_add")).status_code == 403
    for page in ("change", "delete"):
        path = reverse(f"admin:trading_{name}_{page}", args=[batch.pk])
        assert operator.post(path, {"post": "yes"}).status_code in (302, 403)
    assert Trade.objects.get().net_pnl == D("197.75")
    assert Execution.objects.count() == 2


def test_a_list_of_trades_costs_the_same_however_long(
    operator: Client, alice: User, django_assert_max_num_queries: Any
) -> None:
    account, stock = make_account(alice), Instrument.objects.create(symbol="ACME", kind="stock", currency="USD")
    for day in range(1, 9):
        fill = EnteredFill("buy", D(1), D(10), datetime(2026, 1, day, tzinfo=UTC))
        back = EnteredFill("sell", D(1), D(11), datetime(2026, 1, day, 1, tzinfo=UTC))
        trades.enter(account, instrument=stock, fills=[fill, back])
    path = reverse("admin:trading_trade_changelist")

    # Session, person, the capped count and the rows; permissions of a superuser cost nothing.
    with django_assert_max_num_queries(5):
        assert b"8 trades" in operator.get(path).content


def test_a_list_that_is_not_counted_to_its_end_says_so(
    operator: Client, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("accounts.admin.parts.COUNTED", 2)
    for number in range(3):
        make_account(alice, f"Account {number}")
    path = reverse("admin:accounts_account_changelist")

    assert b"at least 2 accounts" in operator.get(path).content
    assert b"at least 2 results" in operator.get(path, {"q": alice.email}).content
    assert b"1 result " in operator.get(path, {"q": "Account 1"}).content


def test_a_search_names_a_person_an_account_or_a_symbol_in_full(operator: Client, alice: User, bob: User) -> None:
    stock = Instrument.objects.create(symbol="ACME", kind="stock", currency="USD")
    for owner in (alice, bob):
        fill = EnteredFill("buy", D(1), D(10), datetime(2026, 1, 5, tzinfo=UTC))
        trades.enter(make_account(owner, f"Of {owner.email}"), instrument=stock, fills=[fill])
    path = reverse("admin:trading_trade_changelist")

    def found(term: object) -> int:
        return len(operator.get(path, {"q": str(term)}).context["cl"].result_list)

    assert [found(term) for term in ("ALICE@example.com", "Of bob@example.com", "acme", "AC")] == [1, 1, 2, 0]
    # What money was worked out from stays as it was.
    shown = operator.get(reverse("admin:trading_instrument_change", args=[stock.pk])).context["adminform"]
    assert {"symbol", "kind", "currency", "multiplier", "root"} <= set(shown.readonly_fields)
    assert found(Trade.objects.order_by("pk")[0].public_id) == 1


def test_an_import_is_undone_after_it_was_asked_for(operator: Client, batch: ImportBatch) -> None:
    path = reverse("admin:trading_importbatch_changelist")
    chosen = {"action": "undo", "_selected_action": [batch.pk]}

    asked = operator.post(path, chosen)
    assert (asked.status_code, b"flex.csv" in asked.content) == (200, True)
    assert Trade.objects.exists()

    operator.post(path, {**chosen, "confirm": "yes"})
    batch.refresh_from_db()
    assert batch.status == BatchStatus.UNDONE
    assert not Trade.objects.exists()
    again = operator.post(path, {**chosen, "confirm": "yes"}, follow=True)
    assert b"nothing to undo" in again.content


def test_a_replay_is_shown_and_not_kept(operator: Client, batch: ImportBatch, tmp_path: Path) -> None:
    (file,) = (tmp_path / "imports").iterdir()
    file.write_bytes(FLEX.replace(b",12,", b",13,"))
    path = reverse("admin:trading_importbatch_changelist")

    shown = operator.post(
        path, {"action": "replay_dry_run", "_selected_action": [batch.pk], "confirm": "yes"}, follow=True
    )

    assert b"0 fills would be added, 0 removed, 1 changed" in shown.content
    assert Trade.objects.get().gross_pnl == D(200)


def test_staff_who_may_look_may_not_undo(batch: ImportBatch) -> None:
    from django.contrib.auth.models import Permission

    staff = make_user("dave@example.com", is_staff=True)
    staff.user_permissions.add(Permission.objects.get(codename="view_importbatch"))
    client, path = signed_in(staff), reverse("admin:trading_importbatch_changelist")

    assert client.get(path).status_code == 200
    client.post(path, {"action": "undo", "_selected_action": [batch.pk], "confirm": "yes"})
    batch.refresh_from_db()
    assert batch.status == BatchStatus.APPLIED


def test_a_tag_is_taken_away_by_its_verb(operator: Client, alice: User) -> None:
    tag = Tag.objects.create(owner=alice, name="Breakout")
    version = versions.current(alice.pk)

    operator.post(reverse("admin:trading_tag_delete", args=[tag.pk]), {"post": "yes"})

    assert not Tag.objects.exists()
    assert versions.current(alice.pk) == version + 1
