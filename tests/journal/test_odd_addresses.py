"""Addresses that somebody mistyped: every page says so instead of failing."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from journal import filters
from tests.journal.factories import make_account

pytestmark = pytest.mark.django_db

PAGES = ("dashboard", "trade_list", "account_list", "calendar", "breakdown", "note_list")
JUNK = ("zzz", "-1")


@pytest.mark.parametrize("page", PAGES)
def test_no_filter_makes_a_page_fail_whatever_it_says(client: Client, alice: User, page: str) -> None:
    make_account(alice, "Main")
    client.force_login(alice)
    client.raise_request_exception = False
    address = reverse(page)

    failed = [
        (name, junk) for name in filters.NAMES for junk in JUNK if client.get(address, {name: junk}).status_code >= 500
    ]

    assert failed == []


def test_the_page_of_a_refusal_shows_the_rule_as_it_was_written(client: Client, alice: User) -> None:
    make_account(alice, "Main")
    client.force_login(alice)

    answer = client.get(reverse("dashboard"), {"rule": "zzz"})

    assert answer.status_code in (400, 422)
    assert "zzz" in answer.content.decode()
