"""Whole numbers beyond 64 bits are kept, shown, exported and compared with all digits, and never an error of ours."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from rest_framework.test import APIClient

from accounts import exact_json
from accounts.models import User
from intelligence.models import Signal
from tests.intelligence.following import signal, wallet
from tests.journal.test_archive import _own_media, archive, taken_in

__all__ = ["_own_media", "archive"]
#: The last that 64 bits hold and the first that they do not, at both ends; and one of forty digits.
NUMBERS = [2**64 - 1, 2**64, -(2**63), -(2**63) - 1, 10**39 + 7]
ANALYSIS: dict[str, Any] = {
    "symbol": "AAPL", "current_price": "200", "technical_analysis": {"rsi": 40},
    "ai_recommendation": {"action": "BUY"},
}  # fmt: skip


def test_numbers_of_any_length_are_written_and_read_with_all_their_digits() -> None:
    value = {"numbers": NUMBERS, "in": [{"it": 2**64, "yes": True, "half": 0.5, "word": "18446744073709551616"}]}

    assert json.loads(exact_json.dumps(value)) == value
    assert exact_json.loads(exact_json.dumps(value)) == value
    assert exact_json.dumps({"b": 2**64, "a": 1}, option=orjson.OPT_SORT_KEYS) == b'{"a":1,"b":18446744073709551616}'
    for wrong in (b"[1e400]", b"[NaN]", b'["\\ud800", 18446744073709551616]', b"[" + b"7" * 5000 + b"]"):
        with pytest.raises(orjson.JSONDecodeError):
            exact_json.loads(wrong)
    with pytest.raises(TypeError):
        exact_json.dumps({"what": object(), "number": 2**64})


@pytest.mark.django_db
def test_an_analysis_with_a_long_number_is_kept_and_the_list_goes_on(alice_api: APIClient) -> None:
    for number in ("1e30", "18446744073709551616", "-9223372036854775809"):
        body = json.dumps({**ANALYSIS, "technical_analysis": {"macd": "?"}}).replace('"?"', number)
        made = alice_api.generic("POST", "/api/v1/analyses/", body, content_type="application/json")
        assert made.status_code == 201, made.content

    found = json.loads(alice_api.get("/api/v1/analyses/").content)["results"]

    assert [each["technical_analysis"]["macd"] for each in found] == [-(2**63) - 1, 2**64, 10**30]


@pytest.mark.django_db
def test_a_request_with_a_key_and_a_long_number_is_judged_and_answered_again(alice_api: APIClient) -> None:
    headers = {"Idempotency-Key": "one"}
    decision = {"action": "BUY", "reasoning": "r", "quantity": 2**64}
    assert alice_api.post("/api/v1/decisions/", decision, headers=headers).status_code == 400

    analysis = {**ANALYSIS, "technical_analysis": {"macd": 2**64}}
    first, again = (alice_api.post("/api/v1/analyses/", analysis, headers={"Idempotency-Key": "two"}) for _ in "ab")
    assert (first.status_code, again.status_code, again["Idempotent-Replayed"]) == (201, 201, "true")
    assert json.loads(first.content) == json.loads(again.content)
    other = {**ANALYSIS, "technical_analysis": {"macd": 2**64 + 1}}
    assert alice_api.post("/api/v1/analyses/", other, headers={"Idempotency-Key": "two"}).status_code == 409


@pytest.mark.django_db
def test_a_transaction_with_a_long_number_is_shown_as_it_came_and_goes_into_an_archive(
    alice: User, bob: User, alice_api: APIClient, archive: Callable[[], Path]
) -> None:
    payload = {"note": 2**64, "numbers": NUMBERS}
    seen = signal(wallet(alice), payload=payload)

    answer = alice_api.get(f"/api/v1/signals/{seen.public_id}/")
    taken_in(bob, archive())

    assert (answer.status_code, json.loads(answer.content)["payload"]) == (200, payload)
    assert Signal.objects.get(owner_id=bob.pk).payload == payload
