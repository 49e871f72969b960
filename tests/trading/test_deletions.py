"""What a deletion takes away comes back whole, and nothing else does."""

from datetime import UTC, datetime
from decimal import Decimal as D
from typing import Any

import pytest

from accounts.models import Account, AuditEvent, OwnerVersion, User
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
    return Instrument.objects.create(symbol="ACME", kind="stock", currency="USD")


def fill(side: str, quantity: str, price: str, at: str, commission: str = "0") -> EnteredFill:
    return EnteredFill(side, D(quantity), D(price), datetime.fromisoformat(at).replace(tzinfo=UTC), D(commission))


ROUND_TRIP = [fill("buy", "10", "10", "2026-01-05T10:00", "1"), fill("sell", "10", "11", "2026-01-05T11:00")]
#: Long 10, turned into short 20, turned into long 5.
FLIPS = [
    fill("buy", "10", "10", "2026-01-05T10:00", "1"),
    fill("sell", "30", "11", "2026-01-05T11:00", "3"),
    fill("buy", "25", "9", "2026-01-05T12:00", "5"),
    fill("sell", "5", "12", "2026-01-05T13:00", "1"),
]


def everything() -> list[Any]:
    """All that is said and reckoned of every trade, its parts and what is held; without the times of writing."""
    left_out = ("id", "created_at", "updated_at")
    listed = Trade.objects.order_by("opened_at").values()
    words = [
        (each.note, sorted(each.tags.values_list("name", flat=True))) for each in Trade.objects.order_by("opened_at")
    ]
    parts = TradeFill.objects.order_by("execution__sort_at", "role").values_list(
        "trade__public_id", "execution_id", "role", "quantity", "fees", "gross_pnl", "net_pnl", "broker_pnl", "day"
    )
    return [
        [{name: value for name, value in row.items() if name not in left_out} for row in listed],
        words,
        list(parts),
        list(Position.objects.values_list("quantity", "average_price")),
        list(Execution.objects.order_by("pk").values_list("pk", "voided_at")),
    ]


def figures(trade: Trade) -> dict[str, Any]:
    """All of the trade but which fill opens it and when its row was written."""
    left_out = ("updated_at", "opening_execution_id")
    return {name: value for name, value in Trade.objects.values().get(pk=trade.pk).items() if name not in left_out}


def parts_of(trade: Trade) -> list[tuple[Any, ...]]:
    parts = TradeFill.objects.filter(trade=trade).order_by("execution__sort_at", "execution__sequence", "execution_id")
    return list(parts.values_list("role", "quantity", "fees", "gross_pnl", "net_pnl", "day", "execution__price"))


def test_a_restored_trade_has_its_words_its_plan_and_its_address(
    account: Account, stock: Instrument, alice: User
) -> None:
    tags = [Tag.objects.create(owner=alice, name=name) for name in ("gap", "gone")]
    (trade,) = trades.enter(
        account, instrument=stock, fills=ROUND_TRIP, plan=Plan(D(9), D(12)), note="Why.\nNever again.", tags=tags
    )
    trades.annotate(trade, is_reviewed=True)
    before = everything()

    voided = trades.delete(trade)
    assert not Trade.objects.exists()
    (back,) = trades.restore(alice.pk, execution_ids=voided)

    assert everything() == before
    assert back.public_id == trade.public_id
    # 10 gained, 1 paid, over a risk of 10.
    assert (back.planned_r, back.realized_r) == (D(2), D("0.9"))


def test_tags_that_are_gone_stay_gone(account: Account, stock: Instrument, alice: User) -> None:
    tags = [Tag.objects.create(owner=alice, name=name) for name in ("gap", "gone")]
    (trade,) = trades.enter(account, instrument=stock, fills=ROUND_TRIP, tags=tags)
    voided = trades.delete(trade)
    tags[1].delete()

    (back,) = trades.restore(alice.pk, execution_ids=voided)

    assert [tag.name for tag in back.tags.all()] == ["gap"]


def test_a_deletion_says_in_the_audit_log_what_it_took(account: Account, stock: Instrument, alice: User) -> None:
    tag = Tag.objects.create(owner=alice, name="gap")
    (trade,) = trades.enter(account, instrument=stock, fills=ROUND_TRIP, plan=Plan(D(9)), note="Why.", tags=[tag])

    voided = trades.delete(trade)

    taken = AuditEvent.objects.get(event="trade.delete").before
    assert isinstance(taken, dict)
    assert taken == {
        "public_id": str(trade.public_id),
        "net_pnl": "9.00000000",
        "note": "Why.",
        "initial_stop": "9",
        "initial_target": None,
        "tags": [str(tag.public_id)],
        "reviewed_at": None,
        "rating": None,
        "excursion": dict.fromkeys(["mae", "mfe", "mae_at", "mfe_at", "excursion_source"]),
        "opening_fill": voided[0],
        "fills": voided,
        "shared": [],
    }


def test_fills_that_a_correction_voided_are_not_restored(account: Account, stock: Instrument, alice: User) -> None:
    (trade,) = trades.enter(account, instrument=stock, fills=ROUND_TRIP)
    trades.correct(trade, fills=[ROUND_TRIP[0], fill("sell", "10", "12", "2026-01-05T11:00")])
    before, version = everything(), OwnerVersion.objects.get(owner=alice).version
    ids = list(Execution.objects.values_list("pk", flat=True))

    assert trades.restore(alice.pk, execution_ids=ids) == []

    assert everything() == before
    assert OwnerVersion.objects.get(owner=alice).version == version


def test_what_was_restored_and_corrected_is_not_restored_again(
    account: Account, stock: Instrument, alice: User
) -> None:
    (trade,) = trades.enter(account, instrument=stock, fills=ROUND_TRIP)
    voided = trades.delete(trade)
    (back,) = trades.restore(alice.pk, execution_ids=voided)
    trades.correct(back, fills=[fill("buy", "10", "9", "2026-01-05T10:00")])
    before = everything()

    assert trades.restore(alice.pk, execution_ids=voided) == []

    assert everything() == before


def test_part_of_a_deletions_fills_restores_nothing(account: Account, stock: Instrument, alice: User) -> None:
    (trade,) = trades.enter(account, instrument=stock, fills=ROUND_TRIP)
    voided = trades.delete(trade)

    assert trades.restore(alice.pk, execution_ids=voided[:1]) == []

    assert not Trade.objects.exists()


def test_a_trade_deleted_twice_has_the_words_of_the_last_time(account: Account, stock: Instrument, alice: User) -> None:
    (trade,) = trades.enter(account, instrument=stock, fills=ROUND_TRIP, note="first")
    (back,) = trades.restore(alice.pk, execution_ids=trades.delete(trade))
    trades.annotate(back, note="second")

    (again,) = trades.restore(alice.pk, execution_ids=trades.delete(back))

    assert (again.note, again.public_id) == ("second", trade.public_id)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_trade_of_a_flip_goes_and_comes_back_without_its_neighbours(
    account: Account, stock: Instrument, alice: User, number: int
) -> None:
    made = trades.enter(account, instrument=stock, fills=FLIPS, note="mine", plan=Plan(D(8)))
    assert len(made) == 3
    others = [trade for trade in made if trade != made[number]]
    whole = everything()
    before = [(figures(trade), parts_of(trade)) for trade in others]

    voided = trades.delete(made[number])

    assert [(figures(trade), parts_of(trade)) for trade in others] == before
    assert Trade.objects.count() == 2
    (back,) = trades.restore(alice.pk, execution_ids=voided)
    assert back.public_id == made[number].public_id
    assert everything() == whole


def test_trades_of_flips_come_back_in_any_order(account: Account, stock: Instrument, alice: User) -> None:
    made = trades.enter(account, instrument=stock, fills=FLIPS, note="mine")
    before = [(figures(trade), parts_of(trade)) for trade in made]
    deleted = [trades.delete(trade) for trade in made]
    assert not Trade.objects.exists()

    for ids in deleted:
        trades.restore(alice.pk, execution_ids=ids)

    left_out = ("id", "created_at")
    rows = list(Trade.objects.order_by("opened_at"))
    assert [({k: v for k, v in figures(trade).items() if k not in left_out}, parts_of(trade)) for trade in rows] == [
        ({k: v for k, v in row.items() if k not in left_out}, parts) for row, parts in before
    ]


def test_trades_of_flips_come_back_together(account: Account, stock: Instrument, alice: User) -> None:
    made = trades.enter(account, instrument=stock, fills=FLIPS, note="mine")
    before = everything()
    deleted = [trades.delete(trade) for trade in made]

    back = trades.restore(alice.pk, execution_ids=[key for ids in deleted for key in ids])

    assert [trade.public_id for trade in back] == [trade.public_id for trade in made]
    assert everything() == before


def test_what_the_broker_states_of_a_flip_stays_with_the_exit(account: Account, stock: Instrument) -> None:
    made = trades.enter(account, instrument=stock, fills=FLIPS)
    opened = Execution.objects.create(
        **{
            **Execution.objects.order_by("pk").values(
                "owner_id", "account_id", "instrument_id", "currency", "multiplier", "source"
            )[0],
            "side": "sell",
            "quantity": D(7),
            "price": D(10),
            "executed_at": datetime(2026, 2, 2, 10, tzinfo=UTC),
            "sort_at": datetime(2026, 2, 2, 10, tzinfo=UTC),
            "executed_on": "2026-02-02",
            "identity": made[0].public_id,
        }
    )
    turn = Execution.objects.create(
        **{
            **Execution.objects.filter(pk=opened.pk).values(
                "owner_id", "account_id", "instrument_id", "currency", "multiplier", "source", "executed_on"
            )[0],
            "side": "buy",
            "quantity": D(9),
            "price": D(9),
            "executed_at": datetime(2026, 2, 2, 11, tzinfo=UTC),
            "sort_at": datetime(2026, 2, 2, 11, tzinfo=UTC),
            "identity": made[1].public_id,
            "broker_fill_id": "F1",
            "order_id": "O1",
            "broker_pnl": D(7),
        }
    )
    trades.changed(account.owner_id, trades.scopes_of([opened, turn]))
    short, long = Trade.objects.filter(opened_on="2026-02-02").order_by("activity_at", "opened_at")
    assert (short.broker_pnl, long.broker_pnl) == (D(7), None)

    trades.delete(long)

    short.refresh_from_db()
    assert (short.status, short.broker_pnl, short.net_pnl) == ("closed", D(7), D(7))
    left = Execution.objects.get(corrects=turn)
    assert (left.quantity, left.broker_pnl, left.broker_fill_id, left.order_id) == (D(7), D(7), "F1", "O1")


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_trade_of_a_flip_is_corrected_without_its_neighbours(
    account: Account, stock: Instrument, number: int
) -> None:
    made = trades.enter(account, instrument=stock, fills=FLIPS, note="mine")
    others = [trade for trade in made if trade != made[number]]
    before = [(figures(trade), parts_of(trade)) for trade in others]
    own = {
        0: [ROUND_TRIP[0], fill("sell", "10", "12", "2026-01-05T11:00", "1")],
        1: [fill("sell", "20", "11", "2026-01-05T11:00", "2"), fill("buy", "20", "8", "2026-01-05T12:00", "4")],
        2: [fill("buy", "5", "9", "2026-01-05T12:00", "1"), fill("sell", "5", "13", "2026-01-05T13:00", "1")],
    }[number]

    (corrected,) = trades.correct(made[number], fills=own)

    assert (corrected.pk, corrected.note) == (made[number].pk, "mine")
    # 10 × 2 – 2, 20 × 3 – 6, 5 × 4 – 2.
    assert corrected.net_pnl == (D(18), D(54), D(18))[number]
    assert [(figures(trade), parts_of(trade)) for trade in others] == before


def test_a_correction_among_fills_of_one_instant_keeps_its_place(account: Account, stock: Instrument) -> None:
    at = "2026-01-05T10:00"
    made = trades.enter(
        account,
        instrument=stock,
        fills=[fill("buy", "10", "10", at), fill("sell", "30", "11", at), fill("buy", "20", "9", at)],
    )
    assert [trade.net_pnl for trade in made] == [D(10), D(40)]

    (first,) = trades.correct(made[0], fills=[fill("buy", "10", "8", at), fill("sell", "10", "11", at)])

    made[1].refresh_from_db()
    assert (first.net_pnl, made[1].net_pnl, Trade.objects.count()) == (D(30), D(40), 2)
