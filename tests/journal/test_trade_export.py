"""The CSV file of trades: the same trades and the same sums as the pages, and nothing that a spreadsheet would run."""

import csv
import io
import re
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Account, User
from journal.trade_export import HEADINGS
from journal.trade_tables import Row
from tests.journal.factories import make_account, make_instrument, make_trade
from trading import trades
from trading.models import Tag
from trading.trades import EnteredFill

pytestmark = pytest.mark.django_db

TUESDAY, WEDNESDAY = date(2026, 3, 3), date(2026, 3, 4)


def exported(client: Client, **query: str) -> list[dict[str, str]]:
    answer = client.get("/trades/export/", query)
    assert answer.status_code == 200
    content = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    return list(csv.DictReader(io.StringIO(content, newline="")))


def enter_over_two_days(account: Account) -> None:
    """Two bought at 100 on Tuesday; one sold at 130 the same day, the other at 105 on Wednesday."""

    def at(day: date, hour: int) -> datetime:
        return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)

    trades.enter(
        account,
        instrument=make_instrument(),
        fills=[
            EnteredFill("buy", Decimal(2), Decimal(100), at(TUESDAY, 14)),
            EnteredFill("sell", Decimal(1), Decimal(130), at(TUESDAY, 15)),
            EnteredFill("sell", Decimal(1), Decimal(105), at(WEDNESDAY, 15)),
        ],
    )


def test_a_trade_is_a_line_with_every_column(alice_client: Client, alice: User, account: Account) -> None:
    tags = [Tag.objects.create(owner=alice, name=name) for name in ("news", "gap")]
    made = make_trade(account, day=TUESDAY, pnl="100", fees="1.5", stop="990", target="1020", tags=tags)
    trades.annotate(made, note="Held,\nnot hoped", rating=4)

    (line,) = exported(alice_client)

    assert tuple(line) == HEADINGS
    assert line == {
        "account": "Main",
        "broker": "Alpha",
        "symbol": "AAPL",
        "side": "long",
        "status": "closed",
        "currency": "USD",
        "quantity": "1",
        "entry_price": "1000",
        "exit_price": "1100",
        "opened_at": "2026-03-03T14:00:00+00:00",
        "closed_at": "2026-03-03T15:00:00+00:00",
        "opened_on": "2026-03-03",
        "closed_on": "2026-03-03",
        "gross_pnl": "100",
        "fees": "1.5",
        "net_pnl": "98.5",
        "realized_pnl": "98.5",
        "broker_pnl": "",
        "initial_stop": "990",
        "initial_target": "1020",
        "planned_r": "2",
        "realized_r": "9.85",
        "outcome": "win",
        "mae": "",
        "mfe": "",
        "rating": "4",
        "reviewed_at": "",
        "tags": "gap, news",
        "note": "Held,\nnot hoped",
    }


def amount_of(row: Row) -> Decimal:
    """What stands in the last cell of a line of the list."""
    (text,) = re.findall(r'<td class="n money[^"]*"[^>]*>([^< ]+)', row.cells)
    return Decimal(text.replace("\N{MINUS SIGN}", "-"))


@pytest.mark.parametrize(
    ("query", "realized"),
    [
        ({"from": "2026-03-03", "to": "2026-03-03"}, "130"),
        ({"from": "2026-03-04"}, "-5"),
        ({}, "125"),
        ({"symbol": "AAPL", "to": "2026-03-03"}, "30"),
    ],
)
def test_list_dashboard_and_file_have_the_same_sum(
    alice_client: Client, alice: User, account: Account, query: dict[str, str], realized: str
) -> None:
    enter_over_two_days(account)
    make_trade(account, day=TUESDAY, pnl="100", symbol="MSFT")
    make_trade(account, day=WEDNESDAY, pnl="-10", symbol="MSFT")

    lines = exported(alice_client, **query)

    assert sum(Decimal(line["realized_pnl"]) for line in lines) == Decimal(realized)
    listed = alice_client.get("/trades/", query)
    assert listed.context["sums"].figures.net_pnl == Decimal(realized)
    assert sum(map(amount_of, listed.context["trades"])) == Decimal(realized)
    assert len(listed.context["trades"]) == len(lines)
    if "symbol" not in query:
        assert alice_client.get("/", query).context["metrics"].figures.net_pnl == Decimal(realized)


def test_a_trade_that_realized_nothing_has_no_amount(alice_client: Client, account: Account) -> None:
    opened = EnteredFill("buy", Decimal(2), Decimal(100), datetime(2026, 3, 3, 14, tzinfo=UTC))
    trades.enter(account, instrument=make_instrument(), fills=[opened])

    (line,) = exported(alice_client, status="open")

    assert (line["realized_pnl"], line["exit_price"], line["closed_at"]) == ("", "", "")


def test_the_filters_are_those_of_the_list(alice_client: Client, alice: User, account: Account) -> None:
    other = make_account(alice, "Other", broker="Beta")
    make_trade(account, day=TUESDAY, pnl="1", symbol="AAPL")
    make_trade(account, day=TUESDAY, pnl="2", symbol="MSFT", side="short")
    make_trade(other, day=WEDNESDAY, pnl="3", symbol="MSFT")

    def amounts(**query: str) -> list[str]:
        return [line["realized_pnl"] for line in exported(alice_client, **query)]

    assert amounts() == ["1", "2", "3"]
    assert amounts(account=str(other.public_id)) == ["3"]
    assert amounts(broker="Alpha", symbol="MSFT") == ["2"]
    assert amounts(side="short") == ["2"]
    assert amounts(status="open") == []
    assert alice_client.get("/trades/export/?color=red").status_code == 400
    assert alice_client.get("/trades/export/?from=2026-03-04&to=2026-03-03").status_code == 400


def test_nobody_gets_the_trades_of_others(bob_client: Client, account: Account) -> None:
    make_trade(account, day=TUESDAY, pnl="1")

    assert exported(bob_client) == []
    assert exported(bob_client, account=str(account.public_id)) == []


def test_the_file_is_named_after_the_day_and_linked_with_the_filters(alice_client: Client, account: Account) -> None:
    answer = alice_client.get("/trades/export/")
    page = alice_client.get("/trades/?symbol=AAPL&order=activity_at").content.decode()

    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert re.fullmatch(r'attachment; filename="trades-\d{4}-\d\d-\d\d\.csv"', answer.headers["Content-Disposition"])
    assert 'href="/trades/export/?symbol=AAPL"' in page


def test_many_trades_take_as_many_queries_as_few(alice_client: Client, account: Account) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            exported(alice_client)
        return len(captured)

    make_trade(account, day=TUESDAY, pnl="1")
    few = queries()
    for number in range(5):
        make_trade(account, day=TUESDAY, pnl="1", symbol=f"S{number}")

    assert queries() == few


def test_the_answer_is_made_line_by_line(alice_client: Client, account: Account) -> None:
    assert alice_client.get("/trades/export/").streaming
