"""From a file to fills: idempotent, all or nothing, undone without a trace."""

from datetime import timedelta
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Account, User
from tests.factories import make_account, make_user
from tests.waiting import done_at_once
from trading import catalogue, tasks, trades
from trading.errors import BatchBusy, ImportRefused
from trading.imports import batches, pipeline
from trading.models import AccountNumber, BatchStatus, Execution, ImportBatch, ImportRow, Position, Trade

pytestmark = pytest.mark.django_db

HEADER = (
    "ClientAccountID,CurrencyPrimary,AssetClass,Symbol,DateTime,Buy/Sell,Quantity,TradePrice,IBCommission,IBExecID,"
    "FifoPnlRealized,LevelOfDetail"
)
OPEN = "U1,USD,STK,ACME,20260105;100000,BUY,100,10,-1,e1,0,EXECUTION"
CLOSE = "U1,USD,STK,ACME,20260106;100000,SELL,-100,12,-1.25,e2,197.75,EXECUTION"
OTHER = "U2,USD,STK,ACME,20260105;100000,BUY,100,10,-1,e1,0,EXECUTION"


@pytest.fixture(autouse=True)
def _media(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


def flex(*rows: str) -> bytes:
    return "\n".join([HEADER, *rows, ""]).encode()


def received(owner: User, content: bytes, **choices: Any) -> ImportBatch:
    options = {"create_accounts": True, "time_zone": "UTC", **choices.pop("options", {})}
    return batches.receive(owner=owner, chunks=[content], filename="flex.csv", options=options, **choices)


def imported(owner: User, content: bytes, **choices: Any) -> ImportBatch:
    batch = batches.look(received(owner, content, **choices))
    assert batch.status == BatchStatus.READY, batch.error_message
    return batches.run(batches.queue(batch))


def business(owner: User) -> list[Any]:
    """Every figure that a person sees of their trades, whatever their row numbers."""
    return sorted(
        Trade.objects.filter(owner=owner).values_list(
            "account__name", "side", "status", "quantity", "gross_pnl", "fees", "net_pnl", "broker_pnl", "opened_at"
        )
    )


def test_a_file_makes_trades_with_the_brokers_own_figure_beside_ours(alice: User) -> None:
    batch = imported(alice, flex(OPEN, CLOSE))

    assert (batch.status, batch.result["new"], batch.result["trades_created"]) == (BatchStatus.APPLIED, 2, 1)
    trade = Trade.objects.get()
    assert (trade.net_pnl, trade.broker_pnl) == (D("197.75"), D("197.75"))
    assert trade.account.number == "U1"


def test_importing_again_adds_nothing_and_says_so(alice: User) -> None:
    imported(alice, flex(OPEN, CLOSE))
    before = business(alice)

    batch = imported(alice, flex(OPEN, CLOSE))

    assert (batch.result["new"], batch.result["duplicates"]) == (0, 2)
    assert list(ImportRow.objects.filter(batch=batch).values_list("outcome", flat=True)) == ["duplicate"] * 2
    assert business(alice) == before


def test_the_same_fill_in_two_accounts_is_two_fills(alice: User) -> None:
    batch = imported(alice, flex(OPEN, OTHER))

    assert batch.result["new"] == 2
    assert sorted(Position.objects.values_list("account__number", "quantity")) == [("U1", D(100)), ("U2", D(100))]


def test_five_equal_fills_in_one_second_stay_five(alice: User) -> None:
    rows = [OPEN.replace(",e1,", ",,")] * 5

    imported(alice, flex(*rows))
    again = imported(alice, flex(*rows))

    assert Position.objects.get().quantity == D(500)
    assert again.result["duplicates"] == 5


def test_the_order_of_rows_changes_nothing(alice: User, bob: User) -> None:
    rows = [
        OPEN,
        CLOSE,
        "U1,USD,STK,ACME,20260107;090000,SELL,-50,13,-1,e3,0,EXECUTION",
        "U1,USD,STK,ACME,20260108;090000,BUY,80,12.5,-1,e4,0,EXECUTION",
    ]
    imported(alice, flex(*rows))
    imported(bob, flex(*reversed(rows)))

    assert business(alice) == business(bob)


def test_a_position_is_closed_by_a_later_file_and_open_again_when_that_is_undone(alice: User) -> None:
    imported(alice, flex(OPEN))
    before, trade = business(alice), Trade.objects.get()
    trades.annotate(trade, note="kept")
    closing = imported(alice, flex(CLOSE))
    assert Trade.objects.get().status == "closed"

    undone = batches.undo(closing)

    assert undone.status == BatchStatus.UNDONE
    assert business(alice) == before
    assert (Trade.objects.get().pk, Trade.objects.get().note) == (trade.pk, "kept")
    assert imported(alice, flex(CLOSE)).result["new"] == 1


def test_what_a_later_file_repeats_outlives_the_undoing_of_the_earlier_one(alice: User, bob: User) -> None:
    january = imported(alice, flex(OPEN))
    both = imported(alice, flex(OPEN, CLOSE))
    imported(bob, flex(OPEN, CLOSE))

    batches.undo(january)

    assert business(alice) == business(bob)
    both.refresh_from_db()
    assert (both.result["new"], both.result["duplicates"]) == (2, 0)
    assert sorted(both.rows.values_list("line", "outcome")) == [(2, "new"), (3, "new")]
    batches.undo(both)
    assert not Execution.objects.for_user(alice).exists()


def test_a_number_that_no_column_holds_is_named_before_anything_is_written(alice: User) -> None:
    batch = batches.look(received(alice, flex(OPEN.replace(",10,-1,", ",10,-9999999999999,"))))

    assert (batch.status, batch.error_code) == (BatchStatus.REFUSED, "too_many_digits")


def test_fills_that_come_to_more_than_can_be_kept_are_refused(alice: User) -> None:
    rows = [
        OPEN.replace(",100,10,", ",9999999999,1,"),
        CLOSE.replace(",-100,12,", ",-9999999999,9999999999,"),
    ]
    batch = batches.run(batches.queue(batches.look(received(alice, flex(*rows)))))

    assert (batch.status, batch.error_code) == (BatchStatus.REFUSED, "number_too_large")
    assert not Execution.objects.exists()


def test_one_batch_that_fails_keeps_no_other_from_the_sweep(alice: User, bob: User) -> None:
    broken, sound = received(alice, flex(OPEN)), received(bob, flex(OPEN))
    pipeline.path_of(broken).unlink()
    ImportBatch.objects.update(created_at=timezone.now() - timedelta(minutes=1))

    tasks.sweep_imports()

    broken.refresh_from_db()
    sound.refresh_from_db()
    assert (broken.status, broken.error_code) == (BatchStatus.REFUSED, "file_missing")
    assert sound.status == BatchStatus.READY


def test_an_import_is_undone_once(alice: User) -> None:
    batch = batches.undo(imported(alice, flex(OPEN, CLOSE)))

    with pytest.raises(BatchBusy):
        batches.undo(batch)

    assert not Execution.objects.exists()
    assert not Trade.objects.exists()


def test_one_bad_row_keeps_the_whole_file_out(alice: User) -> None:
    bad = CLOSE.replace(",12,", ",twelve,")

    batch = batches.look(received(alice, flex(OPEN, bad)))

    assert batch.status == BatchStatus.REFUSED
    assert (batch.error_code, batch.preview["errors"][0]["line"]) == ("not_a_number", 3)
    assert "Line 3, column TradePrice" in batch.error_message
    assert not Execution.objects.exists()
    assert not Account.objects.exists()
    assert not ImportRow.objects.exists()


def test_a_file_that_turns_bad_after_its_preview_is_refused_whole(alice: User) -> None:
    batch = batches.queue(batches.look(received(alice, flex(OPEN))))
    pipeline.path_of(batch).write_bytes(flex(OPEN, CLOSE.replace(",12,", ",NaN,")))

    batch = batches.run(batch)

    assert (batch.status, batch.error_code) == (BatchStatus.REFUSED, "not_a_number")
    assert not Execution.objects.exists()
    assert not Account.objects.exists()


def test_a_preview_writes_nothing(alice: User) -> None:
    batch = batches.look(received(alice, flex(OPEN, CLOSE)))

    assert (batch.status, batch.preview["new"], batch.preview["duplicates"]) == (BatchStatus.READY, 2, 0)
    assert batch.preview["accounts"][0]["is_new"]
    assert not Execution.objects.exists()
    assert not Account.objects.exists()
    assert not AccountNumber.objects.exists()


def test_an_unknown_account_number_waits_for_a_decision_that_is_remembered(alice: User) -> None:
    margin = make_account(alice, "Margin")
    batch = batches.look(received(alice, flex(OPEN, OTHER), options={"create_accounts": False}))
    assert [decision["code"] for decision in batch.preview["decisions"]] == ["unknown_account"] * 2
    with pytest.raises(ImportRefused) as refusal:
        batches.queue(batch)
    assert refusal.value.code == "needs_decision"

    chosen = {"U1": {"account": str(margin.public_id)}, "U2": {"create": {"name": "Second"}}}
    batch = batches.look(batches.choose(batch, options={"accounts": chosen}))
    batches.run(batches.queue(batch))
    later = imported(alice, flex(CLOSE), options={"create_accounts": False})

    assert later.result["accounts"][0]["name"] == "Margin"
    assert sorted(Account.objects.values_list("name", flat=True)) == ["Margin", "Second"]


def test_an_account_of_somebody_else_is_not_a_choice(alice: User, bob: User) -> None:
    theirs = make_account(bob, "Theirs")
    chosen = {"U1": {"account": str(theirs.public_id)}}

    batch = batches.look(received(alice, flex(OPEN), options={"create_accounts": False, "accounts": chosen}))

    assert batch.preview["decisions"][0]["code"] == "unknown_account"
    assert not Execution.objects.exists()


def test_shares_that_are_only_sold_are_put_to_the_person(alice: User) -> None:
    sold = CLOSE.replace(",197.75,", ",0,")
    batch = batches.look(received(alice, flex(sold)))
    assert batch.preview["decisions"][0]["code"] == "sell_without_position"

    short = batches.choose(batch, options={"decisions": {"U1|ACME": "import_as_short"}})
    batches.run(batches.queue(batches.look(short)))

    assert Position.objects.get().quantity == D(-100)


def test_a_trade_that_was_deleted_stays_deleted_when_its_file_comes_again(alice: User) -> None:
    imported(alice, flex(OPEN, CLOSE))
    trades.delete(Trade.objects.get())

    batch = imported(alice, flex(OPEN, CLOSE))

    assert batch.result["duplicates"] == 2
    assert not Trade.objects.exists()


def test_a_correction_outlives_a_new_import_of_its_file(alice: User) -> None:
    imported(alice, flex(OPEN, CLOSE))
    trade = Trade.objects.get()
    fills = [
        trades.EnteredFill(fill.side, fill.quantity, fill.price + 1, fill.executed_at, fill.commission, fill.fees)
        for fill in Execution.objects.in_order()
        if fill.executed_at
    ]
    trades.correct(trade, fills=fills)

    imported(alice, flex(OPEN, CLOSE))

    assert Trade.objects.get().entry_price == D(11)


def test_a_replay_by_the_same_parser_changes_nothing(alice: User) -> None:
    batch = imported(alice, flex(OPEN, CLOSE))
    before = business(alice)

    difference = batches.replay(batch, dry_run=True)

    assert (difference["added"], difference["removed"], difference["changed"]) == (0, 0, 0)
    assert business(alice) == before


def test_a_replay_sends_fills_to_the_account_that_was_made_for_them(alice: User) -> None:
    chosen = {"U1": {"create": {"name": "Margin"}}}
    batch = imported(alice, flex(OPEN), options={"create_accounts": False, "accounts": chosen})

    difference = batches.replay(batch, dry_run=False)

    assert (difference["added"], difference["removed"]) == (0, 0)
    assert [account.name for account in Account.objects.all()] == ["Margin"]


def test_a_file_says_stop_target_tags_and_note_of_its_trades(alice: User) -> None:
    margin = make_account(alice, "Margin")
    mapping = {
        "columns": {
            "symbol": "S", "side": "Side", "quantity": "Q", "price": "P", "executed_at": "T",
            "stop": "Stop", "target": "Target", "tags": "Tags", "note": "Note",
        }
    }  # fmt: skip
    rows = [
        "S,Side,Q,P,T,Stop,Target,Tags,Note",
        'ACME,buy,10,10,2026-01-05 10:00:00,9,13,"gap,news",as planned',
        "ACME,sell,10,12,2026-01-05 11:00:00,,,,",
    ]

    imported(alice, "\n".join(rows).encode(), account=margin, options={"mapping": mapping})

    trade = Trade.objects.get()
    assert (trade.initial_stop, trade.initial_target, trade.planned_r, trade.realized_r) == (D(9), D(13), D(3), D(2))
    assert (trade.note, sorted(tag.name for tag in trade.tags.all())) == ("as planned", ["gap", "news"])


def test_a_replay_shows_what_differs_before_it_changes_it(alice: User) -> None:
    batch = imported(alice, flex(OPEN, CLOSE))
    pipeline.path_of(batch).write_bytes(flex(OPEN, CLOSE.replace(",12,", ",13,")))

    shown = batches.replay(batch, dry_run=True)
    assert shown["changed"] == 1
    assert shown["examples"][0]["fields"] == {"price": ["12.000000000000", "13.000000000000"]}
    assert Trade.objects.get().gross_pnl == D(200)

    batches.replay(batch, dry_run=False)
    assert Trade.objects.get().gross_pnl == D(300)


def test_a_canceled_import_writes_nothing(alice: User) -> None:
    batch = batches.queue(batches.look(received(alice, flex(OPEN))))
    ImportBatch.objects.filter(pk=batch.pk).update(cancel_requested=True)

    batch = batches.run(batch)

    assert batch.status == BatchStatus.CANCELED
    assert not Execution.objects.exists()


def test_a_file_over_the_limit_leaves_nothing_behind(alice: User, settings: Any) -> None:
    settings.IMPORT_MAX_BYTES = 10

    with pytest.raises(ImportRefused) as refusal:
        received(alice, flex(OPEN))

    assert refusal.value.status == 413
    assert not ImportBatch.objects.exists()
    assert not list(pipeline.path_of(ImportBatch(stored_as="x")).parent.iterdir())


def test_a_filename_is_shown_without_what_could_mislead(alice: User) -> None:
    batch = batches.receive(owner=alice, chunks=[b"x"], filename="../../etc/pass\nwd\u202ecsv.exe")

    assert batch.filename == "passwdcsv.exe"
    assert batch.stored_as.isalnum()


def test_a_future_takes_its_point_value_from_its_root(alice: User) -> None:
    catalogue.load()
    rows = [
        "U1,USD,FUT,ESH6,20260105;100000,BUY,1,5000,-2,e1,0,EXECUTION",
        "U1,USD,FUT,ESH6,20260105;110000,SELL,-1,5001.25,-2,e2,58.5,EXECUTION",
    ]

    imported(alice, flex(*rows))

    trade = Trade.objects.select_related("instrument").get()
    # 1.25 points of 50 dollars less two commissions of 2.
    assert (trade.instrument.symbol, trade.gross_pnl, trade.net_pnl) == ("ESH26", D("62.5"), D("58.5"))


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_the_same_file_ten_times_at_once_is_applied_once() -> None:
    owner = make_user("carol@example.com")
    make_account(owner, "Margin", number="U1", broker="Interactive Brokers")
    waiting = [batches.queue(batches.look(received(owner, flex(OPEN, CLOSE)))) for _ in range(10)]

    done_at_once(*[lambda batch=batch: batches.run(batch) for batch in waiting])

    results = [batch.result["new"] for batch in ImportBatch.objects.filter(status=BatchStatus.APPLIED)]
    assert sorted(results) == [0] * 9 + [2]
    assert Execution.objects.count() == 2
    assert Trade.objects.get().net_pnl == D("197.75")


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_workers_on_one_import_apply_it_once() -> None:
    owner = make_user("carol@example.com")
    batch = batches.queue(batches.look(received(owner, flex(OPEN, CLOSE))))

    done_at_once(*[lambda: batches.run(batch)] * 2)

    batch.refresh_from_db()
    assert (batch.status, batch.attempts) == (BatchStatus.APPLIED, 1)
    assert Execution.objects.count() == 2
