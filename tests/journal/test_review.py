"""The review inbox: what waits comes one by one, what was looked at is gone from it, and undo brings it back."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal as D
from typing import Any

import pytest
from django.test import Client

from accounts.models import Account, User
from journal import reviewing
from tests.journal.factories import at, make_account, make_instrument, make_trade
from trading import tags, trades
from trading.models import Trade
from trading.trades import EnteredFill

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


@pytest.fixture
def three(alice: User, account: Account) -> list[Trade]:
    """Closed on 2, 3 and 4 March, in two accounts."""
    other = make_account(alice, "Other")
    places = (account, other, account)
    return [make_trade(into, day=date(2026, 3, day), pnl=str(day)) for into, day in zip(places, (2, 3, 4), strict=True)]


def in_hand(page: Any) -> str:
    found = re.search(r'data-review="([^"]+)"', page.content.decode())
    return found[1] if found else ""


def test_the_oldest_of_all_accounts_comes_first_or_the_newest(alice_client: Client, three: list[Trade]) -> None:
    assert in_hand(alice_client.get("/trades/review/")) == str(three[0].public_id)
    assert in_hand(alice_client.get("/trades/review/?order=newest")) == str(three[2].public_id)
    assert alice_client.get("/trades/review/?order=best").status_code == 400


def test_open_and_reviewed_trades_do_not_wait(alice: User, account: Account, three: list[Trade]) -> None:
    trades.enter(
        account, instrument=make_instrument("TSLA"), fills=[EnteredFill("buy", D(1), D(9), at(date(2026, 3, 1)))]
    )
    trades.annotate(three[1], is_reviewed=True)

    assert reviewing.queue(alice, newest_first=False) == [three[0], three[2]]
    assert reviewing.left(alice) == 2


def test_reviewed_is_said_and_the_next_one_is_in_hand(alice_client: Client, three: list[Trade]) -> None:
    first = f"/trades/review/{three[0].public_id}/"

    plain = alice_client.post(first, {"act": "review", "order": "oldest"}, follow=True)
    fragment = alice_client.post(
        f"/trades/review/{three[1].public_id}/", {"act": "review", "order": "oldest"}, headers=HTMX
    )

    assert in_hand(plain) == str(three[1].public_id)
    assert in_hand(fragment) == str(three[2].public_id)
    assert "<html" not in fragment.content.decode()
    assert "undo" in fragment.headers["HX-Trigger"]
    assert Trade.objects.filter(reviewed_at__isnull=False).count() == 2


def test_skipping_leaves_the_trade_waiting_and_goes_round(alice_client: Client, three: list[Trade]) -> None:
    second = alice_client.get(f"/trades/review/?after={three[0].public_id}")
    round_again = alice_client.get(f"/trades/review/?after={three[2].public_id}")

    assert in_hand(second) == str(three[1].public_id)
    assert in_hand(round_again) == str(three[0].public_id)
    assert not Trade.objects.filter(reviewed_at__isnull=False).exists()


def test_a_review_is_taken_back_by_its_toast(alice_client: Client, three: list[Trade]) -> None:
    page = alice_client.post(f"/trades/review/{three[0].public_id}/", {"act": "review"}, follow=True)
    token = re.search(r'name="token" value="([^"]+)"', page.content.decode())
    assert token

    alice_client.post("/undo/", {"token": token[1], "next": "/trades/review/"})

    assert not Trade.objects.filter(reviewed_at__isnull=False).exists()
    assert in_hand(alice_client.get("/trades/review/")) == str(three[0].public_id)


@pytest.mark.parametrize(
    ("sent", "column", "value"),
    [({"act": "rate", "value": "4"}, "rating", 4), ({"act": "words", "value": "Late."}, "note", "Late.")],
)
def test_what_is_said_is_kept_and_the_trade_stays_in_hand(
    alice_client: Client, three: list[Trade], sent: dict[str, str], column: str, value: object
) -> None:
    fragment = alice_client.post(f"/trades/review/{three[0].public_id}/", sent, headers=HTMX)

    assert in_hand(fragment) == str(three[0].public_id)
    assert Trade.objects.values_list(column, flat=True).get(pk=three[0].pk) == value


def test_tags_go_on_and_off_by_name_and_new_ones_are_made(
    alice_client: Client, alice: User, three: list[Trade]
) -> None:
    address = f"/trades/review/{three[0].public_id}/"

    alice_client.post(address, {"act": "tag", "value": "Late entry"}, headers=HTMX)
    assert list(three[0].tags.values_list("name", flat=True)) == ["Late entry"]
    alice_client.post(address, {"act": "untag", "value": "Late entry"}, headers=HTMX)

    assert not three[0].tags.exists()
    assert tags.Tag.objects.for_user(alice).count() == 1


@pytest.mark.parametrize("sent", [{"act": "delete"}, {"act": "tag", "value": " "}, {"act": "rate", "value": "9"}, {}])
def test_what_is_refused_is_said_and_changes_nothing(
    alice_client: Client, three: list[Trade], sent: dict[str, str]
) -> None:
    before = list(Trade.objects.order_by("pk").values())

    page = alice_client.post(f"/trades/review/{three[0].public_id}/", sent, follow=True)

    assert b"toast-error" in page.content
    assert list(Trade.objects.order_by("pk").values()) == before


def test_progress_counts_what_was_done_today_and_what_is_left(
    alice_client: Client, alice: User, three: list[Trade]
) -> None:
    Trade.objects.filter(pk=three[2].pk).update(reviewed_at=datetime(2026, 3, 5, tzinfo=UTC))
    alice_client.post(f"/trades/review/{three[0].public_id}/", {"act": "review"})

    text = re.sub(r"<[^>]+>", "", alice_client.get("/trades/review/").content.decode())

    assert "1 done today" in text
    assert "1 left" in text


def test_without_anything_to_review_the_page_says_so(alice_client: Client) -> None:
    assert "All reviewed" in alice_client.get("/trades/review/").content.decode()


def test_a_stranger_reviews_nothing_of_it(bob_client: Client, three: list[Trade]) -> None:
    assert bob_client.post(f"/trades/review/{three[0].public_id}/", {"act": "review"}).status_code == 404
    assert in_hand(bob_client.get(f"/trades/review/?trade={three[0].public_id}")) == ""
    assert not Trade.objects.filter(reviewed_at__isnull=False).exists()


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_note_that_changed_meanwhile_is_not_overwritten_and_nothing_typed_is_lost(
    alice_client: Client, three: list[Trade], headers: dict[str, str]
) -> None:
    address = f"/trades/review/{three[0].public_id}/"
    read = trades.words_digest(three[0])
    trades.annotate(three[0], note="Said on the phone.")

    page = alice_client.post(
        address, {"act": "words", "order": "oldest", "value": "Said here.", "read": read}, headers=headers
    ).content.decode()

    assert Trade.objects.get(pk=three[0].pk).note == "Said on the phone."
    assert 'aria-describedby="review-note-changed">Said here.</textarea>' in page
    assert '<p class="prose">Said on the phone.</p>' in page

    again = re.search(r'name="read" value="([0-9a-f]+)"', page)
    assert again is not None
    alice_client.post(address, {"act": "words", "order": "oldest", "value": "Both.", "read": again[1]})
    assert Trade.objects.get(pk=three[0].pk).note == "Both."


def test_a_note_left_unsaved_stands_in_the_form_again_until_it_is_saved(
    alice_client: Client, three: list[Trade]
) -> None:
    address, key = "/trades/review/?order=oldest", three[0].public_id
    assert "unsaved draft" not in alice_client.get(address).content.decode()  # and this answer may be kept
    read = trades.words_digest(three[0])
    alice_client.post("/drafts/", {"place": f"trade:{key}", "note": "Half a thou", "read": read})

    page = alice_client.get(address).content.decode()
    assert '<input name="note" value="Half a thou">' in page

    alice_client.post(f"/trades/review/{key}/", {"act": "words", "note": "Half a thought.", "read": read})
    assert Trade.objects.get(pk=three[0].pk).note == "Half a thought."
    assert "unsaved draft" not in alice_client.get(address).content.decode()


def test_without_a_script_one_form_keeps_all_that_was_said_or_nothing(alice_client: Client, three: list[Trade]) -> None:
    address, read = f"/trades/review/{three[0].public_id}/", trades.words_digest(three[0])
    sent = {"note": "Late.", "read": read, "rate": "4", "tag": "Chased", "order": "oldest"}

    page = alice_client.post(address, {**sent, "rate": "9", "act": "all-done"}).content.decode()
    assert "toast-error" in page
    assert ">Late.</textarea>" in page
    assert "review-note-changed" not in page
    assert 'autocomplete="off" value="Chased"' in page
    refused = Trade.objects.get(pk=three[0].pk)
    assert (refused.note, refused.rating, refused.reviewed_at) == ("", None, None)

    alice_client.post(address, {**sent, "act": ["words", "all"]})
    said = Trade.objects.get(pk=three[0].pk)
    assert (said.note, said.rating, said.reviewed_at) == ("Late.", 4, None)
    stale = alice_client.post(address, {**sent, "note": "Again.", "rate": "1", "act": ["words", "all-done"]})
    assert ">Again.</textarea>" in stale.content.decode()
    assert "<option selected>1</option>" in stale.content.decode()
    assert Trade.objects.get(pk=three[0].pk).rating == 4

    done = alice_client.post(
        address, {**sent, "read": trades.words_digest(said), "act": ["words", "all-done"]}, follow=True
    )
    said.refresh_from_db()
    assert said.reviewed_at is not None
    assert [tag.name for tag in said.tags.all()] == ["Chased"]
    assert in_hand(done) == str(three[1].public_id)


def test_the_inbox_is_that_of_the_filters_of_the_page_and_stays_so(
    alice_client: Client, alice: User, account: Account, three: list[Trade]
) -> None:
    """Of the first account wait the trades of 2 and 4 March, of which 4 March makes 4 with no risk known."""
    only = f"account={account.public_id}"

    page = alice_client.get(f"/trades/review/?{only}&unit=r").content.decode()
    assert str(three[0].public_id) in page
    assert str(three[1].public_id) not in page
    assert "<b>2</b> left" in page
    assert page.count(f"{only}&amp;unit=r") > 5
    assert "+2.00" not in page.partition("<main")[2]
    done = alice_client.post(f"/trades/review/{three[0].public_id}/?{only}", {"act": "review"}, headers=HTMX)
    assert in_hand(done) == str(three[2].public_id)
    assert only in done.headers["HX-Replace-Url"]
    plain = alice_client.post(f"/trades/review/{three[2].public_id}/?{only}", {"act": "review"})
    assert plain.headers["Location"].endswith(f"&{only}")
    assert "All that wait" in alice_client.get(plain.headers["Location"]).content.decode()
    assert in_hand(alice_client.get("/trades/review/?from=2026-03-03")) == str(three[1].public_id)
    assert reviewing.left(alice) == 1


def test_the_list_of_trades_says_where_counting_stopped(
    alice_client: Client, three: list[Trade], monkeypatch: pytest.MonkeyPatch
) -> None:
    def told() -> str:
        found = re.search(r'chip-brand">([^<]*)<', alice_client.get("/trades/").content.decode())
        return found[1] if found else ""

    monkeypatch.setattr(reviewing, "MOST_COUNTED", 3)
    assert told() == "3"

    monkeypatch.setattr(reviewing, "MOST_COUNTED", 2)
    assert told() == "2+"
