"""Windows into the list of trades: in every order nothing is lost and nothing comes twice, from either end."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal as D

import pytest
from django.http import QueryDict
from django.test import Client

from accounts.models import Account, User
from journal import reports, trade_windows
from tests.journal.factories import make_account, make_instrument, make_trade
from trading import tags, trades
from trading.models import Trade
from trading.trades import EnteredFill

pytestmark = pytest.mark.django_db

FIRST = date(2026, 3, 2)


@pytest.fixture
def many(alice: User, account: Account) -> list[Trade]:
    """Twelve closed trades with ties in every column, two of them rated, half with a stop."""
    other = make_account(alice, "Other")
    made = [
        make_trade(
            account if number % 3 else other,
            day=FIRST + timedelta(days=number // 2),
            pnl=str((number % 4) - 2),
            symbol=("AAPL", "MSFT", "NVDA")[number % 3],
            side="long" if number % 2 else "short",
            stop=("990" if number % 2 else "1010") if number % 4 < 2 else None,
            fees="0.5" if number % 5 == 0 else "0",
        )
        for number in range(12)
    ]
    trades.annotate(made[3], rating=4)
    trades.annotate(made[7], rating=2)
    return made


def listed(user: User, query: str = "") -> trade_windows.TradeList:
    return trade_windows.of(user, QueryDict(query))


def every_key(user: User, query: str) -> list[int]:
    found = listed(user, query)
    length = trade_windows.total(found)
    return [
        trade.pk
        for offset in range(0, length, 5)
        for trade in trade_windows.window(found, offset=offset, limit=5).trades
    ]


def test_windows_in_any_order_lose_and_repeat_nothing(
    alice: User, many: list[Trade], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trade_windows, "STRETCH", 4)
    monkeypatch.setattr(trade_windows, "LONG_STRETCH", 4)
    orders = [f"{sign}{name}" for name in sorted(trade_windows.SORTS) for sign in ("", "-")]
    assert len(orders) > 20

    for order in orders:
        keys = every_key(alice, f"order={order}")

        assert sorted(keys) == sorted(trade.pk for trade in many), order
        # The other half is sought from the far end; in one piece it is the same.
        found = listed(alice, f"order={order}")
        rows = trade_windows._sortable(found).order_by(*trade_windows.ordering(found.order))
        assert keys == list(rows.values_list("pk", flat=True)), order


def test_what_has_no_value_comes_last_in_either_direction(alice: User, many: list[Trade]) -> None:
    for order in ("rating", "-rating"):
        keys = every_key(alice, f"order={order}")
        assert set(keys[:2]) == {many[3].pk, many[7].pk}


def test_sorted_by_what_was_made_within_the_range(alice: User, account: Account) -> None:
    small = make_trade(account, day=FIRST, pnl="5")
    large = make_trade(account, day=FIRST, pnl="50", symbol="MSFT")
    make_trade(account, day=FIRST + timedelta(days=9), pnl="500", symbol="NVDA")

    assert every_key(alice, "order=-net_pnl&from=2026-03-02&to=2026-03-02") == [large.pk, small.pk]


@pytest.mark.parametrize(
    ("query", "expected"),
    [("from=2026-03-02&to=2026-03-02", 1), ("from=2026-03-03&to=2026-03-03", 0), ("weekday=3", 1), ("weekday=2", 0)],
)
def test_a_trade_with_exits_on_two_days_is_counted_on_those_days_alone(
    alice: User, account: Account, query: str, expected: int
) -> None:
    monday = datetime(2026, 3, 2, 15, tzinfo=UTC)
    fills = [
        EnteredFill("buy", D(2), D(100), monday),
        EnteredFill("sell", D(1), D(110), monday + timedelta(hours=1)),
        EnteredFill("sell", D(1), D(120), monday + timedelta(days=2)),
    ]
    trades.enter(account, instrument=make_instrument(), fills=fills)

    assert trade_windows.total(listed(alice, query)) == len(every_key(alice, query)) == expected


def test_a_window_past_the_end_is_empty_and_still_says_how_long_the_list_is(alice: User, many: list[Trade]) -> None:
    window = trade_windows.window(listed(alice), offset=40, limit=10)

    assert (list(window.trades), window.total) == ([], 12)


def test_the_total_counts_open_trades_too(alice: User, account: Account, many: list[Trade]) -> None:
    from tests.journal.factories import at, make_instrument
    from trading.trades import EnteredFill

    trades.enter(account, instrument=make_instrument("TSLA"), fills=[EnteredFill("buy", D(1), D(9), at(FIRST))])

    assert trade_windows.total(listed(alice)) == 13
    assert trade_windows.total(listed(alice, "status=open")) == 1


@pytest.mark.parametrize("query", ["", "symbol=AAPL", "side=long&from=2026-03-04", "rating=4", "reviewed=no&hour=14"])
def test_the_list_sums_to_the_figures_of_the_same_filter(alice: User, many: list[Trade], query: str) -> None:
    found = listed(alice, query)
    figures = reports.aggregate_metrics(alice, found.wanted)

    rows = trade_windows.window(found, offset=0, limit=100).trades

    assert sum((trade.net_pnl for trade in rows), D(0)) == (figures.figures.net_pnl or D(0))
    assert len(rows) == figures.counts.trade_count


def test_neighbours_lead_along_the_list_in_every_order(alice: User, many: list[Trade]) -> None:
    for order in ("-activity_at", "activity_at", "-rating", "rating", "symbol", "-net_pnl", "-r", "holding"):
        found = listed(alice, f"order={order}&side=long")
        keys = every_key(alice, f"order={order}&side=long")
        for place, key in enumerate(keys):
            above, below = trade_windows.neighbours(found, Trade.objects.get(pk=key))
            assert (above.pk if above else None) == (keys[place - 1] if place else None), (order, place)
            assert (below.pk if below else None) == (keys[place + 1] if place + 1 < len(keys) else None), (order, place)


def test_rows_are_answered_with_the_length_of_the_list(alice_client: Client, many: list[Trade]) -> None:
    answer = alice_client.get("/trades/rows/?side=long&offset=2&limit=3")

    assert answer.headers["X-Total"] == "6"
    assert answer.content.count(b"<tr ") == 3
    assert b'aria-rowindex="4"' in answer.content


@pytest.mark.parametrize(
    "query", ["offset=-1", "limit=0", "limit=101", "order=note", "order=--fees", "offset=x", "colour=red"]
)
def test_windows_that_cannot_be_meant_are_refused(alice_client: Client, query: str) -> None:
    assert alice_client.get(f"/trades/rows/?{query}").status_code == 400


def test_a_stranger_sees_none_of_it(bob_client: Client, many: list[Trade]) -> None:
    answer = bob_client.get("/trades/rows/")

    assert (answer.headers["X-Total"], answer.content.strip()) == ("0", b"")


def test_columns_are_kept_and_shown_in_their_order(alice_client: Client, many: list[Trade]) -> None:
    alice_client.post("/trades/columns/", {"column": ["net_pnl", "fees"], "density": "dense", "next": "/trades/"})

    page = alice_client.get("/trades/").content.decode()

    assert "is-dense" in page
    assert "Fees" in page
    assert "order=-quantity" not in page
    refused = alice_client.post("/trades/columns/", {"column": ["net_pnl"], "density": "none"})
    assert refused.status_code == 400


def test_the_same_number_of_queries_for_few_and_many_rows(
    alice_client: Client, alice: User, account: Account, django_assert_max_num_queries: object
) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    def queries() -> int:
        with CaptureQueriesContext(connection) as caught:
            assert alice_client.get("/trades/rows/?limit=100").status_code == 200
        return len(caught)

    make_trade(account, day=FIRST, pnl="1")
    queries()
    make_trade(account, day=FIRST, pnl="1", symbol="MSFT")
    few = queries()
    gap = tags.create(owner=alice, name="gap")
    for number in range(20):
        make_trade(account, day=FIRST, pnl="1", symbol=f"S{number}", tags=[gap])
    assert queries() == few
