"""The rules of trades made from fills: exact figures, worked out by hand."""

from datetime import UTC, date, datetime, time
from decimal import Decimal as D
from typing import Any

import pytest
from django.db import IntegrityError, InternalError, connection, transaction

from accounts import trading_accounts
from accounts.models import Account, OwnerVersion, User
from tests.factories import make_account
from trading import trades
from trading.models import Execution, Instrument, Position, Tag, Trade, TradeFill
from trading.trades import EnteredFill, Plan

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(alice: User) -> Account:
    return make_account(alice, "Margin")


@pytest.fixture
def stock() -> Instrument:
    return Instrument.objects.create(symbol="ACME", kind="stock", currency="USD", tick_size=D("0.01"))


def fill(side: str, quantity: str, price: str, at: str, commission: str = "0") -> EnteredFill:
    return EnteredFill(side, D(quantity), D(price), datetime.fromisoformat(at).replace(tzinfo=UTC), D(commission))


def figures(trade: Trade) -> tuple[Any, ...]:
    return (trade.side, trade.status, trade.quantity, trade.gross_pnl, trade.fees, trade.net_pnl)


def test_a_round_trip_deducts_the_fees_of_both_fills(account: Account, stock: Instrument) -> None:
    (trade,) = trades.enter(
        account,
        instrument=stock,
        fills=[
            fill("buy", "100", "10", "2026-01-05T10:00", "1"),
            fill("sell", "100", "12", "2026-01-05T14:00", "1.25"),
        ],
    )

    assert figures(trade) == ("long", "closed", D(100), D(200), D("2.25"), D("197.75"))
    assert trade.outcome == "win"
    assert (trade.entry_price, trade.exit_price) == (D(10), D(12))
    assert not Position.objects.exists()


def test_a_partial_exit_realizes_its_share_and_leaves_a_position(account: Account, stock: Instrument) -> None:
    (trade,) = trades.enter(
        account,
        instrument=stock,
        fills=[fill("buy", "3", "10", "2026-01-05T10:00", "1"), fill("sell", "1", "11", "2026-01-06T10:00")],
    )

    assert trade.is_open
    # One third of the entry fee of 1.00, to 8 places.
    assert trade.net_pnl == D("0.66666667")
    position = Position.objects.get()
    assert (position.quantity, position.average_price) == (D(2), D(10))
    exit_part = TradeFill.objects.get(role="exit")
    assert (exit_part.day, exit_part.net_pnl) == (date(2026, 1, 6), D("0.66666667"))


def test_a_flip_splits_one_fill_over_two_trades(account: Account, stock: Instrument) -> None:
    made = trades.enter(
        account,
        instrument=stock,
        fills=[
            fill("buy", "10", "10", "2026-01-05T10:00"),
            fill("sell", "30", "11", "2026-01-05T11:00", "3"),
            fill("buy", "20", "9", "2026-01-05T12:00"),
        ],
    )

    assert [figures(trade) for trade in made] == [
        ("long", "closed", D(10), D(10), D(1), D(9)),
        ("short", "closed", D(20), D(40), D(2), D(38)),
    ]


def test_fills_that_come_later_continue_the_open_trade_and_keep_its_row(account: Account, stock: Instrument) -> None:
    (opened,) = trades.enter(account, instrument=stock, fills=[fill("buy", "10", "10", "2026-01-05T10:00")], note="why")

    (closed,) = trades.enter(account, instrument=stock, fills=[fill("sell", "10", "9", "2026-01-07T10:00")])

    assert closed.pk == opened.pk
    assert (closed.public_id, closed.note) == (opened.public_id, "why")
    assert figures(closed) == ("long", "closed", D(10), D(-10), D(0), D(-10))


def test_an_earlier_fill_that_arrives_late_keeps_the_words_of_the_trade_it_joins(
    account: Account, stock: Instrument
) -> None:
    (late,) = trades.enter(
        account,
        instrument=stock,
        fills=[fill("buy", "10", "12", "2026-01-06T10:00"), fill("sell", "20", "13", "2026-01-07T10:00")],
        note="mine",
    )[:1]

    trades.enter(account, instrument=stock, fills=[fill("buy", "10", "10", "2026-01-05T10:00")])

    (trade,) = Trade.objects.all()
    assert (trade.pk, trade.note) == (late.pk, "mine")
    assert figures(trade) == ("long", "closed", D(20), D(40), D(0), D(40))


def test_the_order_in_which_fills_arrive_changes_nothing(account: Account, stock: Instrument, alice: User) -> None:
    fills = [
        fill("buy", "10", "10", "2026-01-05T10:00", "1"),
        fill("sell", "15", "11", "2026-01-05T11:00", "1.5"),
        fill("buy", "7", "12", "2026-01-06T12:00", "0.7"),
        fill("sell", "2", "9", "2026-01-06T13:00", "0.2"),
    ]
    other = make_account(alice, "Other")
    for one in fills:
        trades.enter(account, instrument=stock, fills=[one])
    for one in reversed(fills):
        trades.enter(other, instrument=stock, fills=[one])

    rows = {
        owned.name: [
            figures(trade) for trade in Trade.objects.filter(account=owned).order_by("activity_at", "opened_at")
        ]
        for owned in (account, other)
    }
    assert rows["Margin"] == rows["Other"]
    assert len(rows["Margin"]) == 3


def test_average_cost_and_first_in_first_out_differ_where_they_should(alice: User, stock: Instrument) -> None:
    fills = [
        fill("buy", "10", "10", "2026-01-05T10:00"),
        fill("buy", "10", "20", "2026-01-05T11:00"),
        fill("sell", "10", "18", "2026-01-05T12:00"),
    ]
    (fifo,) = trades.enter(make_account(alice, "FIFO"), instrument=stock, fills=fills)
    (average,) = trades.enter(make_account(alice, "Average", cost_method="average"), instrument=stock, fills=fills)

    assert fifo.net_pnl == D(80)
    assert average.net_pnl == D(30)


def test_a_corrected_trade_keeps_its_row_and_its_old_fills_on_file(account: Account, stock: Instrument) -> None:
    (trade,) = trades.enter(
        account,
        instrument=stock,
        fills=[fill("buy", "10", "10", "2026-01-05T10:00"), fill("sell", "10", "11", "2026-01-05T11:00")],
        note="kept",
    )

    (corrected,) = trades.correct(
        trade, fills=[fill("buy", "10", "10", "2026-01-05T10:00"), fill("sell", "10", "12", "2026-01-05T11:00")]
    )

    assert (corrected.pk, corrected.note, corrected.net_pnl) == (trade.pk, "kept", D(20))
    assert Execution.objects.count() == 4
    assert Execution.objects.standing().count() == 2


def test_a_trade_whose_opening_was_at_another_time_keeps_its_words(account: Account, stock: Instrument) -> None:
    (trade,) = trades.enter(
        account,
        instrument=stock,
        fills=[fill("buy", "10", "10", "2026-01-05T10:00"), fill("sell", "10", "11", "2026-01-05T11:00")],
        note="kept",
        plan=Plan(D(9)),
    )

    (corrected,) = trades.correct(
        trade, fills=[fill("buy", "10", "10", "2026-01-05T10:30"), fill("sell", "10", "11", "2026-01-05T11:00")]
    )

    assert (corrected.public_id, corrected.note, corrected.initial_stop) == (trade.public_id, "kept", D(9))
    assert corrected.opened_at == datetime(2026, 1, 5, 10, 30, tzinfo=UTC)


def test_a_deleted_trade_comes_back_when_its_deletion_is_undone(
    account: Account, stock: Instrument, alice: User
) -> None:
    (trade,) = trades.enter(
        account,
        instrument=stock,
        fills=[fill("buy", "10", "10", "2026-01-05T10:00"), fill("sell", "10", "11", "2026-01-05T11:00")],
    )

    voided = trades.delete(trade)

    assert not Trade.objects.exists()
    trades.restore(alice.pk, execution_ids=voided)
    assert Trade.objects.get().net_pnl == D(10)


def test_a_strangers_deletion_cannot_be_undone(account: Account, stock: Instrument, bob: User) -> None:
    (trade,) = trades.enter(account, instrument=stock, fills=[fill("buy", "10", "10", "2026-01-05T10:00")])
    voided = trades.delete(trade)

    trades.restore(bob.pk, execution_ids=voided)

    assert not Trade.objects.exists()


def test_stop_and_target_give_planned_and_realized_r(account: Account, stock: Instrument) -> None:
    (trade,) = trades.enter(
        account,
        instrument=stock,
        fills=[fill("buy", "55", "94.71", "2026-01-05T10:00"), fill("sell", "55", "95.04", "2026-01-05T11:00", "1.86")],
        plan=Plan(D("93.37"), D("97.39")),
    )

    assert trade.planned_r == D(2)
    # 55 x 0.33 - 1.86 = 16.29 over a risk of 55 x 1.34 = 73.70
    assert trade.realized_r is not None
    assert trade.realized_r.quantize(D("0.0001")) == D("0.2210")


def test_a_note_changes_no_figure_and_moves_the_version_on(account: Account, stock: Instrument, alice: User) -> None:
    (trade,) = trades.enter(account, instrument=stock, fills=[fill("buy", "10", "10", "2026-01-05T10:00")])
    before = Trade.objects.values().get()
    version = OwnerVersion.objects.get(owner=alice).version

    trades.annotate(trade, note="a thought", tags=[Tag.objects.create(owner=alice, name="idea")])

    after = Trade.objects.values().get()
    assert {key for key in after if after[key] != before[key]} == {"note", "updated_at"}
    assert OwnerVersion.objects.get(owner=alice).version > version


def test_many_trades_get_their_words_in_as_many_statements_as_two(
    account: Account, stock: Instrument, alice: User, django_assert_max_num_queries: Any
) -> None:
    def one(day: int) -> Trade:
        at = f"2026-01-{day:02}T1"
        fills = [fill("buy", "10", "10", f"{at}0:00"), fill("sell", "10", "13", f"{at}4:00")]
        (trade,) = trades.enter(account, instrument=stock, fills=fills)
        return trade

    made = [one(day) for day in range(5, 17)]
    gone = made.pop()
    trades.delete(gone)
    version = OwnerVersion.objects.get(owner=alice).version
    stop = Plan(initial_stop=D(9), initial_target=D(12))

    with django_assert_max_num_queries(15):
        trades.annotate_all(
            [(made[0], stop, None), (made[1], None, "a thought"), (gone, stop, "too late")]
            + [(trade, stop, "both") for trade in made[3:]]
        )

    # 3 gained a share where 1 was risked and 2 were hoped for.
    figures_of_r = (D(9), D(12), D(2), D(3))
    said = Trade.objects.order_by("opened_at").values_list(
        "initial_stop", "initial_target", "planned_r", "realized_r", "note"
    )
    assert list(said) == [
        (*figures_of_r, ""), (None, None, None, None, "a thought"), (None, None, None, None, ""),
        *[(*figures_of_r, "both")] * 8,
    ]  # fmt: skip
    assert OwnerVersion.objects.get(owner=alice).version > version


def test_a_fill_counts_on_the_accounts_own_trading_day(alice: User, stock: Instrument) -> None:
    futures = make_account(alice, "Futures", time_zone="America/Chicago", day_start=time(17))
    # Sunday 18:00 in Chicago belongs to Monday.
    (trade,) = trades.enter(futures, instrument=stock, fills=[fill("buy", "1", "10", "2026-01-05T00:00")])

    assert trade.opened_on == date(2026, 1, 5)
    futures.day_start = time(0)
    futures.save()
    trades.rebuild_account(futures)
    trade.refresh_from_db()
    assert trade.opened_on == date(2026, 1, 4)


def test_a_day_start_moves_every_fill_as_python_would_move_it(alice: User, stock: Instrument) -> None:
    account = make_account(alice, "Tokyo", time_zone="Asia/Tokyo", day_start=time(6, 30))
    moments = ["2026-03-01T21:29", "2026-03-01T21:30", "2026-03-02T00:00", "2026-03-08T10:00"]
    for moment in moments:
        trades.enter(account, instrument=stock, fills=[fill("buy", "1", "10", moment)])
    account.time_zone, account.day_start = "America/New_York", time(17)
    account.save()

    trades.redate(account)

    stored = list(Execution.objects.order_by("sort_at").values_list("executed_at", "executed_on"))
    assert [day for _, day in stored] == [date(2026, 3, 1), date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 8)]
    assert all(account.trading_day(at) == day for at, day in stored if at)


def test_a_stored_fill_cannot_be_changed(account: Account, stock: Instrument) -> None:
    trades.enter(account, instrument=stock, fills=[fill("buy", "10", "10", "2026-01-05T10:00")])

    with pytest.raises((IntegrityError, InternalError)), transaction.atomic():
        Execution.objects.update(price=D(1))

    assert Execution.objects.get().price == D(10)


def test_the_database_refuses_not_a_number(account: Account, stock: Instrument) -> None:
    trades.enter(account, instrument=stock, fills=[fill("buy", "10", "10", "2026-01-05T10:00")])

    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE trading_trade SET net_pnl = 'NaN'")

    assert Trade.objects.get().net_pnl == D(0)


def test_a_fill_cannot_stand_in_an_account_of_somebody_else(account: Account, stock: Instrument, bob: User) -> None:
    trades.enter(account, instrument=stock, fills=[fill("buy", "10", "10", "2026-01-05T10:00")])

    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; UPDATE trading_trade SET owner_id = " + str(bob.pk))


def test_a_result_within_the_tolerance_of_the_instrument_is_breakeven(account: Account) -> None:
    future = Instrument.objects.create(
        symbol="ZZH26", kind="future", currency="USD", multiplier=D(50), tick_size=D("0.25"), breakeven_ticks=1
    )
    (trade,) = trades.enter(
        account,
        instrument=future,
        fills=[fill("buy", "2", "100", "2026-01-05T10:00", "4"), fill("sell", "2", "100.25", "2026-01-05T11:00")],
    )

    # One tick of 0.25 on two contracts of 50 is 25, and 25 is within it although the net is 21.
    assert (trade.gross_pnl, trade.net_pnl, trade.outcome) == (D(25), D(21), "breakeven")


def test_an_account_goes_with_its_fills_and_no_other_accounts_fills_do(alice: User, stock: Instrument) -> None:
    going, staying = make_account(alice, "Going"), make_account(alice, "Staying")
    for account in (going, staying):
        (trade,) = trades.enter(account, instrument=stock, fills=[fill("buy", "10", "10", "2026-01-05T10:00")])
        trades.annotate(trade, tags=[Tag.objects.create(owner=alice, name=account.name)])

    trading_accounts.delete(going, confirmed=True)

    assert Trade.objects.get().account == staying
    assert Execution.objects.get().account == staying
    assert Position.objects.get().account == staying
