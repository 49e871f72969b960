"""The API of decisions: what it takes, what it refuses, and the two questions that it was asked for."""

import json
from datetime import date, timedelta
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from intelligence import importing, memory
from intelligence.decisions import Links
from intelligence.models import Decision
from tests.factories import make_account
from tests.intelligence.things import at, close_trade, decide, open_trade
from tests.journal.factories import make_instrument

pytestmark = pytest.mark.django_db
PATH = "/api/v1/decisions/"


def test_a_decision_is_written_read_revised_and_deleted(alice: User, alice_api: APIClient) -> None:
    account = make_account(alice)
    sent = {
        "action": "BUY", "symbols": ["aapl", "MSFT"], "strategy": "momentum", "reasoning": "RSI 45, above the 50-day",
        "market_context": "calm", "confidence": "0.8", "entry_price": "228.4", "quantity": "10", "stop_loss": "220",
        "take_profit": "240", "actor_kind": "model", "actor": "m1", "account": str(account.public_id),
        "decided_at": "2026-01-05T14:00:00Z", "external_id": "x1",
    }  # fmt: skip

    made = alice_api.post(PATH, sent)

    assert made.status_code == 201, made.content
    body = made.json()
    assert {name: body[name] for name in sent} == {**sent, "symbols": ["AAPL", "MSFT"]}
    assert (body["confidence"], body["quantity"], body["outcome"]) == ("0.8", "10", None)
    assert alice_api.post(PATH, sent).status_code == 409

    one = f"{PATH}{body['id']}/"
    changed = alice_api.patch(one, {"action": "HOLD", "revision": 1})
    assert (changed.status_code, changed.json()["action"], changed.json()["revision"]) == (200, "HOLD", 2)
    assert changed.json()["symbols"] == ["AAPL", "MSFT"]
    assert alice_api.patch(one, {"action": "PASS", "revision": 1}).status_code == 409
    kept = alice_api.get(f"{one}revisions/").json()["results"]
    assert [(each["number"], each["values"]["action"]) for each in kept] == [(1, "BUY")]
    assert alice_api.get(f"{one}outcome/").json() == {"resolved": False, "outcome": None}
    assert alice_api.delete(one).status_code == 204
    assert alice_api.get(one).status_code == 404


def test_what_is_wrong_is_refused_where_it_is(alice: User, alice_api: APIClient, bob: User) -> None:
    trade = open_trade(make_account(bob))
    for wrong, pointer in (
        ({"action": "YOLO", "reasoning": "x"}, "/action"),
        ({"action": "BUY"}, "/reasoning"),
        ({"action": "BUY", "reasoning": "x", "confidence": "1.5"}, "/confidence"),
        ({"action": "BUY", "reasoning": "x", "confidence": 0.5}, "/confidence"),
        ({"action": "BUY", "reasoning": "x", "quantity": "NaN"}, "/quantity"),
        ({"action": "BUY", "reasoning": "x", "quantity": "-1"}, "/quantity"),
        ({"action": "BUY", "reasoning": "x", "trade": str(trade.public_id)}, "/trade"),
        ({"action": "BUY", "reasoning": "x", "account": str(trade.account.public_id)}, "/account"),
        ({"action": "BUY", "reasoning": "x", "actor_kind": "bot"}, "/actor"),
        ({"action": "BUY", "reasoning": "x", "embedding": [1]}, "/embedding"),
        ({"action": "BUY", "reasoning": "x", "outcome": {}}, "/outcome"),
    ):
        answer = alice_api.post(PATH, wrong)
        assert answer.status_code == 400, wrong
        assert [each["pointer"] for each in answer.json()["errors"]] == [pointer], answer.content
    assert not Decision.objects.exists()
    for path in ("", "search/?q=x&", "stats/?"):
        query = path if "?" in path else "?"
        answer = alice_api.get(f"{PATH}{query}colour=red")
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "unknown_parameter"), path
    for path in (
        "search/", "search/?q=", "search/?q=x&kind=tweet", "search/?q=x&mode=magic", "search/?q=x&limit=0",
        "search/?q=x&limit=101", "search/?q=x&min_similarity=nan", "stats/?by=moon", "?action=YOLO", "?outcome=great",
        "?from=2026-02-01&to=2026-01-01", "?account=1",
    ):  # fmt: skip
        assert alice_api.get(PATH + path).status_code == 400, path


def test_vector_search_by_action_is_what_the_sql_said(alice: User, alice_api: APIClient) -> None:
    """1 - (embedding <=> query) AS similarity … WHERE action = 'BUY' ORDER BY embedding <=> query LIMIT 5."""
    for number in range(8):
        decide(alice, f"SPY buy opportunity on dip number {number}" if number % 2 else f"Trend {number}")
    decide(alice, "SPY buy opportunity on dip", action="SELL")
    memory.fill()

    answer = alice_api.get(f"{PATH}search/", {"q": "SPY buy opportunity on dip", "action": "BUY", "limit": 5,
                                             "mode": "vector"})  # fmt: skip

    assert answer.status_code == 200
    rows = answer.json()["results"]
    assert len(rows) == 5
    assert {row["action"] for row in rows} == {"BUY"}
    similarities = [row["similarity"] for row in rows]
    assert similarities == sorted(similarities, reverse=True)
    assert all("dip" in row["reasoning"] for row in rows[:4])
    assert {"id", "symbol", "action", "reasoning", "similarity"} <= rows[0].keys()
    assert (answer.json()["mode"], answer.json()["is_lexical"], answer.json()["is_exact"]) == ("vector", True, True)


def test_stats_by_symbol_are_what_the_sql_said(alice: User, alice_api: APIClient, bob: User) -> None:
    """COUNT, AVG of percent and dollars, SUM of dollars, of those with a result, GROUP BY symbol."""
    for result in ("0.03", "0.01", "-0.02"):
        decide(alice, stated=result, symbols=("SPY",), strategy="dip")
    decide(alice, stated="0.05", symbols=("QQQ",), action="SELL", strategy="fade")
    decide(alice, symbols=("QQQ",))
    decide(alice, symbols=("IWM",))
    decide(bob, stated="0.5", symbols=("SPY",))

    answer = alice_api.get(f"{PATH}stats/").json()

    spy, qqq = answer["results"]
    assert (spy["symbol"], spy["n_total"], spy["n_resolved"], spy["wins"], spy["losses"]) == ("SPY", 3, 3, 2, 1)
    # 3, 1 and -2 dollars: 2 in all; 4 won and 2 lost.
    assert (spy["sum_result_amount"], spy["avg_result_amount"], spy["currency"]) == ("2", "0.66666667", "USD")
    assert spy["avg_result_pct"] == "0.006666666667"
    assert (spy["profit_factor"], spy["expectancy"]) == ("2", "0.66666667")
    assert (spy["best_result_pct"], spy["worst_result_pct"]) == ("0.03", "-0.02")
    # Wilson's interval of 2 of 3.
    assert spy["win_rate"] == "0.666666666667"
    assert (spy["win_rate_low"][:6], spy["win_rate_high"][:6]) == ("0.2076", "0.9385")
    assert spy["too_few"] is True
    # Nothing lost: no profit factor. The one that is open is counted, and in nothing else.
    assert (qqq["symbol"], qqq["n_total"], qqq["n_resolved"], qqq["profit_factor"]) == ("QQQ", 2, 1, None)
    assert (answer["overall"]["n_total"], answer["overall"]["n_resolved"]) == (6, 4)
    assert [row["strategy"] for row in alice_api.get(f"{PATH}stats/?by=strategy").json()["results"]] == ["dip", "fade"]
    assert [row["action"] for row in alice_api.get(f"{PATH}stats/?by=action").json()["results"]] == ["BUY", "SELL"]
    assert [row["actor"] for row in alice_api.get(f"{PATH}stats/?by=actor").json()["results"]] == ["person"]
    only = alice_api.get(f"{PATH}stats/?symbol=QQQ").json()
    assert [row["symbol"] for row in only["results"]] == ["QQQ"]


def test_money_of_several_currencies_is_never_added(alice: User, alice_api: APIClient) -> None:
    for currency, price in (("USD", "110"), ("EUR", "90")):
        account = make_account(alice, currency=currency)
        from tests.journal.factories import make_instrument

        make_instrument(f"X{currency}", currency=currency)
        trade = open_trade(account, symbol=f"X{currency}")
        decide(alice, links=Links(trade=trade), strategy="one")
        close_trade(trade, price)

    (row,) = alice_api.get(f"{PATH}stats/?by=strategy").json()["results"]

    assert (row["currency"], row["sum_result_amount"], row["profit_factor"]) == (None, None, None)
    assert [(each["currency"], each["sum_result_amount"]) for each in row["money"]] == [("EUR", "-100"), ("USD", "100")]


def test_search_answers_with_ends_and_what_they_came_to(alice: User, alice_api: APIClient) -> None:
    trade = open_trade(make_account(alice), stop="95")
    made = decide(alice, "Opening range breakout", links=Links(trade=trade))
    close_trade(trade, "110")
    decide(alice, "Opening range breakout failed", stated="-0.01")
    memory.fill()

    body = alice_api.get(f"{PATH}search/?q=opening range breakout").json()

    first = next(row for row in body["results"] if row["id"] == str(made.public_id))
    assert first["outcome"] == {
        "outcome": "win", "result_pct": "0.1", "result_amount": "100", "currency": "USD", "r_multiple": "2",
        "holding_seconds": 86400,
    }  # fmt: skip
    assert body["nearest_winner"]["id"] == str(made.public_id)
    assert (body["nearest_winner"]["added"], body["nearest_loser"]["added"]) == ("nearest_winner", "nearest_loser")
    found = body["aggregate"]
    assert (found["n"], found["wins"], found["losses"], found["win_rate"]) == (2, 1, 1, "0.5")
    assert (found["mean_r"], found["r_count"], found["median_holding_seconds"]) == ("2", 1, 86400)
    assert found["too_few"] is True
    similar = alice_api.get(f"{PATH}{made.public_id}/similar/").json()
    assert [row["reasoning"] for row in similar["results"]] == ["Opening range breakout failed"]
    outcome = alice_api.get(f"{PATH}{made.public_id}/outcome/").json()
    assert (outcome["resolved"], outcome["outcome"]["trade"]) == (True, str(trade.public_id))
    assert alice_api.get(f"{PATH}search/?q=breakout&min_similarity=0.99").json()["results"] == []


def test_the_list_is_filtered_and_paged(alice: User, alice_api: APIClient, bob: User) -> None:
    for number in range(3):
        decide(alice, f"Number {number}", when=at(5 + number))
    decide(alice, "Sold", action="SELL", symbols=("ESZ5",), when=at(1), stated="0.1")
    decide(bob, "Not hers")

    page = alice_api.get(f"{PATH}?limit=2").json()
    assert (page["total"], page["has_more"]) == (4, True)
    rest = alice_api.get(f"{PATH}?limit=2&cursor={page['next']}").json()
    told = [row["reasoning"] for row in [*page["results"], *rest["results"]]]
    assert told == ["Number 2", "Number 1", "Number 0", "Sold"]
    for query in ("action=SELL", "symbol=ESZ5", "outcome=win", "outcome=resolved", "to=2026-01-02"):
        assert [row["reasoning"] for row in alice_api.get(f"{PATH}?{query}").json()["results"]] == ["Sold"], query
    assert len(alice_api.get(f"{PATH}?outcome=open&from={date(2026, 1, 6)}").json()["results"]) == 2


def test_decisions_are_listed_by_when_they_were_made_or_written_down(alice: User, alice_api: APIClient) -> None:
    for text, day in (("first", 7), ("second", 5), ("third", 6)):
        decide(alice, text, when=at(day))
    for order, texts in {
        "created_at": "first second third",
        "-created_at": "third second first",
        "decided_at": "second third first",
        "-decided_at": "first third second",
    }.items():
        told, cursor = [], ""
        while cursor is not None:
            page = alice_api.get(f"{PATH}?limit=2&order={order}" + (f"&cursor={cursor}" if cursor else "")).json()
            told += [row["reasoning"] for row in page["results"]]
            cursor = page["next"]
        assert told == texts.split(), order
    assert alice_api.get(f"{PATH}?order=updated_at").json()["errors"][0]["code"] == "not_orderable"


def test_what_was_decided_lies_at_most_minutes_ahead_by_whatever_way_it_comes(
    alice: User, alice_api: APIClient, alice_client: Client, tmp_path: Path
) -> None:
    ahead = (timezone.now() + timedelta(hours=1)).isoformat()
    sent = {"action": "BUY", "reasoning": "x", "decided_at": ahead}

    answer = alice_api.post(PATH, sent)
    form = alice_client.post("/memory/new/", {**sent, "decided_at": ahead[:19]})
    file = tmp_path / "a.jsonl"
    file.write_text(json.dumps(sent))
    done = importing.run(file.open("rb"), into=importing.Into(alice))

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/decided_at")
    assert form.status_code == 400
    for text in (answer.content.decode(), form.content.decode(), done.refused[0][1]):
        assert "This lies in the future." in text
    assert not Decision.objects.exists()
    # Another machine's clock may differ by minutes.
    soon = (timezone.now() + timedelta(minutes=2)).isoformat()
    assert alice_api.post(PATH, {**sent, "decided_at": soon}).status_code == 201


def test_the_schema_of_an_analysis_is_what_is_taken(alice: User, alice_api: APIClient) -> None:
    make_instrument("AAPL")
    technical = {
        "rsi": 61, "rsi_14": 61, "sma_20": 198.5, "sma50": 190, "sma_200": 170, "ema_12": 199, "ema_26": 197,
        "macd": {"macd": 1.2, "signal": 1.08, "histogram": 0.12}, "macd_signal": 1.08, "trend": "bullish",
        "bollinger": {"upper": 205, "middle": 198.5, "lower": 192}, "supports": [190.5], "resistances": [205],
    }  # fmt: skip
    advice = {"action": "BUY", "confidence": 0.7, "entry": 199, "stop": 190, "target": 215, "risk_reward": 1.8}
    sent = {"symbol": "AAPL", "current_price": "200", "technical_analysis": technical, "ai_recommendation": advice}

    made = alice_api.post("/api/v1/analyses/", sent)

    assert made.status_code == 201, made.content
    assert (made.json()["technical_analysis"], made.json()["ai_recommendation"]) == (technical, advice)
    for wrong, pointer in (
        ({"macd": {"macd": 1, "signl": 2}}, "/technical_analysis/macd/signl"),
        ({"macd": {"macd": "1"}}, "/technical_analysis/macd/macd"),
        ({"macd": "1"}, "/technical_analysis/macd"),
        ({"sma_51": 1}, "/technical_analysis/sma_51"),
    ):
        answer = alice_api.post("/api/v1/analyses/", {**sent, "technical_analysis": wrong})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, pointer)
    said = alice_api.get("/api/schema/?format=json").json()["components"]["schemas"]
    for name in ("NewAnalysis", "Analysis"):
        parts = said[name]["properties"]
        assert set(technical) <= set(parts["technical_analysis"]["properties"]), name
        assert parts["ai_recommendation"]["required"] == ["action"]
        assert set(technical["macd"]) <= set(
            parts["technical_analysis"]["properties"]["macd"]["oneOf"][1]["properties"]
        )
