"""A decision keeps what it led to: while its trade is away, and where its trade is another row from then on."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import User
from intelligence.decisions import Links
from intelligence.models import Decision
from tests.factories import make_account
from tests.intelligence.things import close_trade, decide, open_trade
from trading import trades
from trading.imports import batches
from trading.models import ImportBatch, Trade

pytestmark = pytest.mark.django_db

HEADER = (
    "ClientAccountID,CurrencyPrimary,AssetClass,Symbol,DateTime,Buy/Sell,Quantity,TradePrice,IBCommission,IBExecID,"
    "FifoPnlRealized,LevelOfDetail"
)


def brought(owner: User, *fills: str) -> ImportBatch:
    """A file of fills: day and hour of January, side, quantity and price."""
    rows = []
    for fill in fills:
        when, side, quantity, price = fill.split()
        rows.append(f"U1,USD,STK,AAPL,202601{when}0000,{side},{quantity},{price},0,e{when},0,EXECUTION")
    batch = batches.receive(
        owner=owner,
        chunks=["\n".join([HEADER, *rows, ""]).encode()],
        filename="flex.csv",
        options={"create_accounts": True, "time_zone": "UTC"},
    )
    return batches.run(batches.queue(batches.look(batch)))


@pytest.fixture(autouse=True)
def _media(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


def ends(made: Decision) -> tuple[object, object]:
    """The trade that the decision has now, and what came of it."""
    found = Decision.objects.select_related("outcome").get(pk=made.pk)
    trade = Trade.objects.filter(public_id=found.trade_key).first()
    outcome = getattr(found, "outcome", None)
    return trade and trade.pk, outcome and outcome.result_amount


def test_an_edit_while_the_trade_is_deleted_does_not_lose_it(
    alice: User, alice_api: APIClient, alice_client: Client
) -> None:
    account = make_account(alice)
    trade = open_trade(account)
    close_trade(trade, "110")
    made = decide(alice, links=Links(trade=trade))
    path = f"/api/v1/decisions/{made.public_id}/"
    fills = trades.delete(Trade.objects.get())

    assert alice_api.patch(path, {"reflection": "I waited too long"}).status_code == 200
    assert alice_api.patch(path, {"account": None}).status_code == 200
    other = make_account(alice, name="Another")
    assert alice_api.patch(path, {"account": str(other.public_id)}).status_code == 400
    form = {"action": "BUY", "symbols": "AAPL", "reasoning": "As I saw it", "revision": "2"}
    assert alice_client.post(f"/memory/{made.public_id}/edit/", form).status_code == 302
    made.refresh_from_db()
    assert (made.trade_key, made.account, made.reflection) == (trade.public_id, account, "")
    trades.restore(alice.pk, execution_ids=fills)

    # Ten bought at 100 and sold at 110.
    assert ends(made) == (Trade.objects.get().pk, 100)
    trades.delete(Trade.objects.get())
    assert alice_api.patch(path, {"trade": None}).json()["trade"] is None
    trades.restore(alice.pk, execution_ids=fills)
    assert ends(made) == (None, None)


def test_where_a_fill_joins_two_trades_both_decisions_have_the_joined_one_and_each_its_own_after_an_undo(
    alice: User,
) -> None:
    brought(alice, "05;10 BUY 10 100", "06;10 SELL -10 110", "08;10 BUY 10 120", "09;10 SELL -10 135")
    first, second = Trade.objects.order_by("opened_at")
    of_first, of_second = decide(alice, links=Links(trade=first)), decide(alice, links=Links(trade=second))
    assert (ends(of_first), ends(of_second)) == ((first.pk, 100), (second.pk, 150))

    # One more is bought before the first is sold and kept until the end, so the position is never flat between.
    joining = brought(alice, "05;11 BUY 1 105")
    assert Trade.objects.get().status == "open"
    assert ends(of_first) == ends(of_second) == (first.pk, None)

    # 1000 + 105 + 1200 paid, 1100 + 1350 + 140 had.
    closing = brought(alice, "10;10 SELL -1 140")
    assert ends(of_first) == ends(of_second) == (first.pk, 285)

    batches.undo(closing)
    batches.undo(joining)
    first, second = Trade.objects.order_by("opened_at")
    assert (ends(of_first), ends(of_second)) == ((first.pk, 100), (second.pk, 150))


def test_an_import_that_is_undone_and_brought_again_gives_the_decision_its_trade_back(alice: User) -> None:
    still_open, closed = "05;10 BUY 10 100", "06;10 SELL -10 110"
    # The second one turns the position round: its fill closes one trade and opens another.
    for fills, amount in (
        (("05;10 BUY 10 100",), None),
        ((still_open, closed), 100),
        ((still_open, "06;11 SELL -15 110"), None),
    ):
        batch = brought(alice, *fills)
        mine = Trade.objects.order_by("opened_at").last()
        made = decide(alice, links=Links(trade=mine))
        was = mine.side
        batches.undo(batch)
        assert ends(made) == (None, None)

        again = brought(alice, *fills)

        trade = Trade.objects.order_by("opened_at").last()
        assert (ends(made), trade.side) == ((trade.pk, amount), was), fills
        batches.undo(again)
