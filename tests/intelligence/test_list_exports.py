"""Lists of what is remembered and followed as CSV files."""

import csv
import io
from decimal import Decimal

import pytest
from django.test import Client

from accounts.models import User
from tests.intelligence.following import signal, wallet
from tests.intelligence.things import decide

pytestmark = pytest.mark.django_db


def lines(client: Client, address: str) -> list[dict[str, str]]:
    answer = client.get(address)
    assert answer.status_code == 200
    content = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    return list(csv.DictReader(io.StringIO(content, newline="")))


def test_decisions_are_those_that_the_filters_let_through(alice_client: Client, alice: User) -> None:
    decide(alice, "=1+1", symbols=("AAPL", "MSFT"), confidence=Decimal("0.6"), stated="0.032")
    decide(alice, "Wait", action="HOLD")

    (line,) = lines(alice_client, "/memory/?action=BUY&format=csv")

    assert (line["action"], line["symbols"], line["reasoning"]) == ("BUY", "AAPL, MSFT", "'=1+1")
    assert (line["confidence"], line["outcome"], line["result_pct"]) == ("0.6", "win", "0.032")
    assert (line["result_amount"], line["currency"], line["r_multiple"]) == ("3.2", "USD", "")
    assert 'href="?action=BUY&amp;format=csv"' in alice_client.get("/memory/?action=BUY").content.decode()


def test_what_a_search_found_is_a_file_of_the_rows_on_its_page_in_their_order(
    alice_client: Client, alice: User, bob: User
) -> None:
    lost = decide(alice, "Bought the =breakout too late", symbols=("AAPL",), stated="-0.05")
    won = decide(alice, "Bought the breakout at the retest of the breakout", stated="0.032")
    decide(bob, "Bought the breakout of somebody else")

    found = lines(alice_client, "/memory/?q=breakout+retest&format=csv")

    assert [(line["id"], line["kind"], line["outcome"]) for line in found] == [
        (str(won.public_id), "decision", "win"),
        (str(lost.public_id), "decision", "loss"),
    ]
    assert (found[0]["result_pct"], found[1]["result_pct"], found[1]["symbols"]) == ("0.032", "-0.05", "AAPL")
    assert found[0]["similarity"] >= found[1]["similarity"]
    page = alice_client.get("/memory/?q=breakout+retest").content.decode()
    assert 'href="?q=breakout+retest&amp;format=csv"' in page


def test_signals_and_wallets_are_those_that_the_filters_let_through(alice_client: Client, alice: User) -> None:
    whale = wallet(alice, label="@whale")
    heard = signal(whale, amount=Decimal("1000.5"), value=Decimal("20"))
    signal(whale, action="sell")

    (line,) = lines(alice_client, "/signals/?action=buy&format=csv")

    assert (line["id"], line["wallet_label"], line["action"]) == (str(heard.public_id), "'@whale", "buy")
    assert (line["amount"], line["value_usd"], line["verdict"], line["token_symbol"]) == ("1000.5", "20", "waiting", "")
    (row,) = lines(alice_client, "/wallets/?format=csv")
    assert (row["address"], row["mode"], row["is_active"]) == (whale.address, "simulation", "true")
    assert lines(alice_client, "/wallets/?status=archived&format=csv") == []
