"""Lists as CSV files: the rows that the page's filters let through, all of them, harmless in a spreadsheet."""

import csv
import io
from decimal import Decimal

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts import activity
from accounts.models import Account, ActivityKind, User
from tests.trading.desk import funded, placed, quoted, share, ticket
from trading import orders, trades
from trading.imports import batches
from trading.trades import EnteredFill

pytestmark = pytest.mark.django_db


def lines(client: Client, address: str) -> list[dict[str, str]]:
    answer = client.get(address)
    assert answer.status_code == 200
    content = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    return list(csv.DictReader(io.StringIO(content, newline="")))


@pytest.fixture
def account(alice: User) -> Account:
    return funded(alice, name="Main")


def test_orders_are_those_of_the_tab_and_the_symbol(alice_client: Client, account: Account) -> None:
    acme, other = share(), share("OTHER")
    quoted(acme, "49.98", "50.02")
    live = placed(account, acme, ticket("buy", "10", "limit", limit_price="49"), "first")
    canceled = placed(account, acme, ticket("buy", "2.00", "limit", limit_price="48.50"), "second")
    orders.cancel(canceled)
    placed(account, other, ticket("buy", "1", "limit", limit_price="7"), "third")

    (line,) = lines(alice_client, "/desk/orders/?symbol=acme&format=csv")

    assert (line["id"], line["account"], line["symbol"]) == (str(live.public_id), "Main", "ACME")
    assert (line["side"], line["type"], line["quantity"], line["limit_price"]) == ("buy", "limit", "10", "49")
    assert (line["status"], line["remaining_quantity"], line["reserved_amount"]) == ("new", "10", "490")
    assert (line["filled_average_price"], line["parent"]) == ("", "")
    assert [each["symbol"] for each in lines(alice_client, "/desk/orders/?tab=all&format=csv")] == [
        "OTHER", "ACME", "ACME",
    ]  # fmt: skip
    (ended,) = lines(alice_client, "/desk/orders/?tab=canceled&format=csv")
    assert (ended["limit_price"], ended["status"]) == ("48.5", "canceled")
    page = alice_client.get("/desk/orders/?symbol=acme&cursor=").content.decode()
    assert 'href="?symbol=acme&amp;format=csv"' in page


def test_ten_orders_take_no_more_questions_than_one(
    alice_client: Client, account: Account, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    acme = share()
    for number in range(10):
        placed(account, acme, ticket("buy", "1", "limit", limit_price="7"), f"order {number}")

    with django_assert_max_num_queries(8):
        assert len(lines(alice_client, "/desk/orders/?format=csv")) == 10


def test_what_happened_is_filtered_as_its_page_and_runs_in_no_spreadsheet(
    alice_client: Client, alice: User, account: Account
) -> None:
    activity.write(
        owner=alice, kind=ActivityKind.WARNING, text="=HYPERLINK(1)", account=account, metadata={"score": 0.7}
    )
    activity.write(owner=alice, kind=ActivityKind.INFO, text="Fine")

    (found,) = lines(alice_client, "/activity/?kind=warning&format=csv")

    assert (found["kind"], found["text"], found["account"]) == ("warning", "'=HYPERLINK(1)", "Main")
    assert found["details"] == '{"score":0.7}'
    assert 'href="?kind=warning&amp;format=csv"' in alice_client.get("/activity/?kind=warning").content.decode()
    assert lines(alice_client, "/activity/?account_name=Nobody&format=csv") == []


def test_a_file_that_was_taken_in_is_a_line(alice_client: Client, alice: User) -> None:
    batch = batches.receive(owner=alice, chunks=[b"nothing"], filename="-fills.csv")

    (line,) = lines(alice_client, "/imports/?format=csv")

    assert (line["id"], line["file"], line["size"]) == (str(batch.public_id), "'-fills.csv", "7")


def test_what_is_held_stands_at_the_price_that_would_close_it(alice_client: Client, account: Account) -> None:
    acme = share()
    at = account.created_at
    trades.enter(account, instrument=acme, fills=[EnteredFill("buy", Decimal(10), Decimal(50), at)])
    quoted(acme, "51", "51.02")

    (line,) = lines(alice_client, "/desk/?format=csv")

    assert (line["symbol"], line["account"], line["quantity"], line["average_price"]) == ("ACME", "Main", "10", "50")
    assert (line["price"], line["cost"], line["unrealized"], line["unrealized_ratio"]) == ("51", "500", "10", "0.02")
    assert line["realized"] == ""
