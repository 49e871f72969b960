"""What a person corrected or deleted of an import, when the import is undone or its file is read anew."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from accounts.models import User
from trading import trades
from trading.imports import batches, pipeline
from trading.models import BatchStatus, Execution, ImportBatch, Position, Trade
from trading.trades import EnteredFill

pytestmark = pytest.mark.django_db

HEADER = (
    "ClientAccountID,CurrencyPrimary,AssetClass,Symbol,DateTime,Buy/Sell,Quantity,TradePrice,IBCommission,IBExecID,"
    "LevelOfDetail"
)
OPEN = "U1,USD,STK,ACME,20260105;100000,BUY,100,10,-1,e1,EXECUTION"
CLOSE = "U1,USD,STK,ACME,20260106;100000,SELL,-100,12,-1,e2,EXECUTION"
OTHER = "U1,USD,STK,ZEUS,20260107;100000,BUY,5,80,-1,e3,EXECUTION"


@pytest.fixture(autouse=True)
def _media(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def batch(alice: User) -> ImportBatch:
    content = "\n".join([HEADER, OPEN, CLOSE, OTHER, ""]).encode()
    options = {"create_accounts": True, "time_zone": "UTC"}
    looked = batches.look(batches.receive(owner=alice, chunks=[content], filename="flex.csv", options=options))
    return batches.run(batches.queue(looked))


def sold_at(price: str) -> None:
    """The closed trade is corrected: it was sold at this price."""
    trade = Trade.objects.get(instrument__symbol="ACME")
    old = [fill for fill in Execution.objects.standing().filter(parts__trade=trade).in_order() if fill.executed_at]
    prices = [Decimal(10), Decimal(price)]
    trades.correct(
        trade,
        fills=[
            EnteredFill(fill.side, fill.quantity, at, fill.executed_at)
            for fill, at in zip(old, prices, strict=True)
            if fill.executed_at
        ],
    )


def net_of(symbol: str) -> Decimal:
    return Trade.objects.get(instrument__symbol=symbol).net_pnl


def changed_file(batch: ImportBatch, old: str, new: str) -> None:
    path = pipeline.path_of(batch)
    path.write_text(path.read_text().replace(old, new))


def test_an_import_that_was_corrected_twice_can_be_undone(batch: ImportBatch) -> None:
    sold_at("13")
    sold_at("14")

    batches.undo(batch)

    connection.check_constraints()
    assert not Execution.objects.exists()
    assert not Trade.objects.exists()


def test_a_replay_leaves_corrections_where_they_are(batch: ImportBatch) -> None:
    sold_at("13")
    sold_at("14")
    fills = list(Execution.objects.order_by("id").values())

    assert batches.replay(batch, dry_run=False)["changed"] == 0

    assert list(Execution.objects.order_by("id").values()) == fills
    assert net_of("ACME") == Decimal(400)
    batch.refresh_from_db()
    assert (batch.status, batch.result["new"], batch.result["duplicates"]) == (BatchStatus.APPLIED, 3, 0)
    assert list(batch.rows.values_list("outcome", flat=True)) == ["new"] * 3


def test_a_replay_does_not_bring_back_what_was_deleted(batch: ImportBatch) -> None:
    trades.delete(Trade.objects.get(instrument__symbol="ACME"))

    batches.replay(batch, dry_run=False)

    assert list(Trade.objects.values_list("instrument__symbol", flat=True)) == ["ZEUS"]


def test_what_was_deleted_stays_so_when_it_is_read_differently(batch: ImportBatch) -> None:
    trades.delete(Trade.objects.get(instrument__symbol="ACME"))
    changed_file(batch, ",12,", ",15,")

    assert batches.replay(batch, dry_run=False)["changed"] == 1

    assert list(Trade.objects.values_list("instrument__symbol", flat=True)) == ["ZEUS"]
    assert Execution.objects.get(side="sell").price == Decimal(15)
    assert Execution.objects.get(side="sell").voided_at is not None


def test_only_what_is_read_differently_is_replaced(batch: ImportBatch) -> None:
    trade = Trade.objects.get(instrument__symbol="ZEUS")
    trades.annotate(trade, note="kept")
    changed_file(batch, ",12,", ",15,")
    before = dict(Execution.objects.values_list("broker_fill_id", "id"))

    shown = batches.replay(batch, dry_run=True)
    assert net_of("ACME") == Decimal(198)
    done = batches.replay(batch, dry_run=False)

    assert shown == done
    assert (done["added"], done["removed"], done["changed"]) == (0, 0, 1)
    assert done["examples"][0]["fields"] == {"price": ["12.000000000000", "15.000000000000"]}
    assert net_of("ACME") == Decimal(498)
    after = dict(Execution.objects.values_list("broker_fill_id", "id"))
    assert {name for name in before if before[name] == after[name]} == {"e1", "e3"}
    assert Trade.objects.get(instrument__symbol="ZEUS").note == "kept"
    assert Position.objects.get().quantity == 5
    connection.check_constraints()
    call_command("recompute_metrics", "--check")


def test_a_line_that_is_gone_or_new_goes_or_comes(batch: ImportBatch) -> None:
    changed_file(batch, CLOSE, OTHER.replace("e3", "e4"))

    done = batches.replay(batch, dry_run=False)

    assert (done["added"], done["removed"], done["changed"]) == (1, 1, 0)
    assert sorted(Position.objects.values_list("instrument__symbol", "quantity")) == [("ACME", 100), ("ZEUS", 10)]
    batch.refresh_from_db()
    assert batch.result["new"] == 3
