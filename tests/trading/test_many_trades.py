"""Acts on many trades at once: each changes what it says, and taking it back leaves everything as it was."""

from datetime import UTC, date, datetime
from decimal import Decimal as D
from typing import Any

import pytest

from accounts.models import Account, AuditEvent, OwnerVersion, User
from tests.factories import make_account
from tests.journal.factories import make_trade
from trading import many_trades, tags, trades
from trading.errors import TradeRefused
from trading.models import Execution, Instrument, Tag, Trade
from trading.trades import EnteredFill, Plan

pytestmark = pytest.mark.django_db

AT = datetime(2026, 3, 9, 12, tzinfo=UTC)
EARLIER = datetime(2026, 3, 6, 9, 30, 0, 123456, tzinfo=UTC)


@pytest.fixture
def account(alice: User) -> Account:
    return make_account(alice, "Main")


@pytest.fixture
def three(account: Account) -> list[Trade]:
    return [make_trade(account, day=date(2026, 3, day), pnl=str(day)) for day in (2, 3, 4)]


def everything() -> list[Any]:
    """All of every trade but its key and the times of writing, with its tags and its parts."""
    left_out = ("id", "created_at", "updated_at")
    rows = []
    for trade in Trade.objects.order_by("public_id"):
        values = {
            name: value for name, value in Trade.objects.values().get(pk=trade.pk).items() if name not in left_out
        }
        labels = sorted(trade.tags.values_list("name", flat=True))
        parts = list(trade.fills.order_by("execution_id", "role").values_list("execution_id", "role", "net_pnl", "day"))
        rows.append([values, labels, parts])
    return [rows, list(Execution.objects.order_by("pk").values_list("pk", "voided_at"))]


def keys(rows: list[Trade]) -> list[int]:
    return [trade.pk for trade in rows]


def test_tags_are_added_and_taken_off_and_come_back_exactly(alice: User, three: list[Trade]) -> None:
    gap, news = (tags.create(owner=alice, name=name) for name in ("gap", "news"))
    trades.annotate(three[0], tags=[gap])
    trades.annotate(three[1], tags=[gap, news])
    before = everything()

    done = many_trades.label(alice.pk, trade_ids=keys(three), add=[news], remove=[gap])

    assert done.count == 3
    assert [sorted(trade.tags.values_list("name", flat=True)) for trade in three] == [["news"]] * 3
    assert many_trades.take_back(alice.pk, event=done.event) == 3
    assert everything() == before


def test_a_label_that_came_off_by_hand_meanwhile_stays_off(alice: User, three: list[Trade]) -> None:
    gap = tags.create(owner=alice, name="gap")
    done = many_trades.label(alice.pk, trade_ids=keys(three), add=[gap])
    trades.annotate(three[0], tags=[])

    assert many_trades.take_back(alice.pk, event=done.event) == 2

    assert not Trade.tags.through.objects.exists()


def test_only_trades_that_changed_back_are_counted(alice: User, three: list[Trade]) -> None:
    """Of three that lost the tag one has it again by hand already: two get it back."""
    gap = tags.create(owner=alice, name="gap")
    many_trades.label(alice.pk, trade_ids=keys(three), add=[gap])
    done = many_trades.label(alice.pk, trade_ids=keys(three), remove=[gap])
    trades.annotate(three[0], tags=[gap])

    assert many_trades.take_back(alice.pk, event=done.event) == 2
    assert [trade.tags.count() for trade in three] == [1, 1, 1]


def test_reviews_keep_their_times_when_taken_back(alice: User, three: list[Trade]) -> None:
    Trade.objects.filter(pk=three[0].pk).update(reviewed_at=EARLIER)
    before = everything()

    done = many_trades.review(alice.pk, trade_ids=keys(three), is_reviewed=True, at=AT)

    assert done.count == 2
    assert sorted(Trade.objects.values_list("reviewed_at", flat=True)) == [EARLIER, AT, AT]
    many_trades.take_back(alice.pk, event=done.event)
    assert everything() == before

    undone = many_trades.review(alice.pk, trade_ids=keys(three), is_reviewed=False, at=AT)
    assert undone.count == 1
    assert not Trade.objects.filter(reviewed_at__isnull=False).exists()
    many_trades.take_back(alice.pk, event=undone.event)
    assert everything() == before


def test_ratings_come_back_one_by_one(alice: User, three: list[Trade]) -> None:
    trades.annotate(three[0], rating=2)
    trades.annotate(three[1], rating=4)
    before = everything()

    done = many_trades.rate(alice.pk, trade_ids=keys(three), rating=4)

    assert done.count == 2
    assert set(Trade.objects.values_list("rating", flat=True)) == {4}
    many_trades.take_back(alice.pk, event=done.event)
    assert everything() == before


def test_a_rating_given_by_hand_meanwhile_stays(alice: User, three: list[Trade]) -> None:
    done = many_trades.rate(alice.pk, trade_ids=keys(three), rating=4)
    trades.annotate(three[2], rating=1)

    assert many_trades.take_back(alice.pk, event=done.event) == 2
    assert list(Trade.objects.order_by("activity_at").values_list("rating", flat=True)) == [None, None, 1]


@pytest.mark.parametrize("rating", [0, 6, -1])
def test_a_rating_out_of_range_is_refused(alice: User, three: list[Trade], rating: int) -> None:
    with pytest.raises(TradeRefused):
        many_trades.rate(alice.pk, trade_ids=keys(three), rating=rating)

    assert not Trade.objects.filter(rating__isnull=False).exists()


def test_words_go_below_what_stands_there_and_off_again(alice: User, three: list[Trade]) -> None:
    trades.annotate(three[0], note="Chased it.")
    before = everything()

    done = many_trades.add_to_notes(alice.pk, trade_ids=keys(three), text="Fed day.")

    assert list(Trade.objects.order_by("activity_at").values_list("note", flat=True)) == [
        "Chased it.\n\nFed day.",
        "Fed day.",
        "Fed day.",
    ]
    assert many_trades.take_back(alice.pk, event=done.event) == 3
    assert everything() == before


def test_a_note_that_would_become_too_long_is_refused_and_none_is_changed(alice: User, three: list[Trade]) -> None:
    trades.annotate(three[1], note="x" * 19_998)
    before = everything()

    with pytest.raises(TradeRefused):
        many_trades.add_to_notes(alice.pk, trade_ids=keys(three), text="y")

    assert everything() == before


def test_deleted_trades_come_back_with_all_that_was_said_of_them(alice: User, three: list[Trade]) -> None:
    gap = tags.create(owner=alice, name="gap")
    trades.annotate(three[0], tags=[gap], note="Why.", rating=5, is_reviewed=True, plan=Plan(D(990), D(1100)))
    Trade.objects.filter(pk=three[1].pk).update(
        mae=D("1.5"), mfe=D("3.25"), mae_at=EARLIER, mfe_at=AT, excursion_source="bars 1m"
    )
    before = everything()

    done = many_trades.delete(alice.pk, trade_ids=keys(three))

    assert done.count == 3
    assert not Trade.objects.exists()
    assert many_trades.take_back(alice.pk, event=done.event) == 3
    assert everything() == before


def test_trades_that_share_a_fill_are_deleted_and_come_back_too(alice: User, account: Account) -> None:
    """Long 10, turned into short 20, closed: two trades with one fill in both."""
    stock = Instrument.objects.create(symbol="ACME", kind="stock", currency="USD")

    def fill(side: str, quantity: str, price: str, hour: int) -> EnteredFill:
        return EnteredFill(side, D(quantity), D(price), datetime(2026, 1, 5, hour, tzinfo=UTC))

    fills = [fill("buy", "10", "10", 10), fill("sell", "30", "11", 11), fill("buy", "20", "9", 12)]
    trades.enter(account, instrument=stock, fills=fills)
    made = list(Trade.objects.order_by("opened_at"))
    other = make_trade(account, day=date(2026, 3, 2), pnl="5")
    trades.annotate(made[0], rating=3)
    before = [(trade.public_id, trade.net_pnl, trade.rating) for trade in [*made, other]]

    done = many_trades.delete(alice.pk, trade_ids=keys([*made, other]))

    assert done.count == 3
    assert not Trade.objects.exists()
    assert many_trades.take_back(alice.pk, event=done.event) == 3
    after = [Trade.objects.get(public_id=key) for key, _, _ in before]
    assert [trade.net_pnl for trade in after] == [D(10), D(40), D(5)]
    assert after[0].rating is None or after[0].rating == 3


def test_what_is_somebody_elses_is_left_alone(alice: User, bob: User, three: list[Trade]) -> None:
    before = everything()

    rated = many_trades.rate(bob.pk, trade_ids=keys(three), rating=1)
    gone = many_trades.delete(bob.pk, trade_ids=keys(three))
    done = many_trades.rate(alice.pk, trade_ids=keys(three), rating=5)

    assert (rated.count, gone.count) == (0, 0)
    with pytest.raises(TradeRefused):
        many_trades.take_back(bob.pk, event=done.event)
    many_trades.take_back(alice.pk, event=done.event)
    assert everything() == before


def test_a_foreign_tag_is_refused_as_one_that_is_gone(alice: User, bob: User, three: list[Trade]) -> None:
    foreign = tags.create(owner=bob, name="his")

    with pytest.raises(TradeRefused, match="gone"):
        many_trades.label(alice.pk, trade_ids=keys(three), add=[foreign])

    assert not Trade.tags.through.objects.exists()


def test_an_act_is_taken_back_once(alice: User, three: list[Trade]) -> None:
    done = many_trades.rate(alice.pk, trade_ids=keys(three), rating=5)
    many_trades.take_back(alice.pk, event=done.event)
    events = AuditEvent.objects.count()

    with pytest.raises(TradeRefused, match="already"):
        many_trades.take_back(alice.pk, event=done.event)

    assert AuditEvent.objects.count() == events


def test_every_act_moves_the_version_on_and_is_in_the_audit_log(alice: User, three: list[Trade]) -> None:
    start = OwnerVersion.objects.get(owner=alice).version

    many_trades.rate(alice.pk, trade_ids=keys(three), rating=5)
    many_trades.delete(alice.pk, trade_ids=keys(three))

    assert OwnerVersion.objects.get(owner=alice).version >= start + 2
    assert AuditEvent.objects.filter(event="trade.rate_many", owner_id=alice.pk).count() == 1
    assert AuditEvent.objects.filter(event="trade.delete", owner_id=alice.pk).count() == 3


def test_changed_fills_are_measured_anew_and_keep_the_rating(alice: User, account: Account) -> None:
    trade = make_trade(account, day=date(2026, 3, 2), pnl="5")
    trades.annotate(trade, rating=4)
    Trade.objects.filter(pk=trade.pk).update(mae=D(1), mfe=D(2), mae_at=AT, mfe_at=AT, excursion_source="bars 1m")

    trades.correct(
        trade,
        fills=[
            EnteredFill("buy", D(1), D(1000), datetime(2026, 3, 2, 14, tzinfo=UTC)),
            EnteredFill("sell", D(1), D(1007), datetime(2026, 3, 2, 15, tzinfo=UTC)),
        ],
    )

    trade.refresh_from_db()
    assert (trade.net_pnl, trade.rating) == (D(7), 4)
    assert (trade.mae, trade.mfe, trade.mae_at, trade.mfe_at, trade.excursion_source) == (None,) * 5


def test_tags_of_a_deleted_tag_do_not_come_back(alice: User, three: list[Trade]) -> None:
    gap = tags.create(owner=alice, name="gap")
    trades.annotate(three[0], tags=[gap])
    done = many_trades.label(alice.pk, trade_ids=keys(three), remove=[gap])
    tags.delete(gap)

    many_trades.take_back(alice.pk, event=done.event)

    assert not Tag.objects.exists()
