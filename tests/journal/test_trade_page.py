"""The page of one trade: its figures with their reasons, its labels, and the trades around it in the list."""

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal as D
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import Account, User
from tests.journal.factories import make_account, make_trade
from trading import tags, trades
from trading.models import Tag, TagGroup, TagRole, Trade

pytestmark = pytest.mark.django_db

DAY = date(2026, 3, 3)


def text_of(response: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def test_excursions_are_shown_in_money_and_in_r(alice_client: Client, account: Account) -> None:
    """One share at 1000 with the stop at 980 risks 20: MAE of 5 is a quarter of it, MFE of 40 twice as much."""
    trade = make_trade(account, day=DAY, pnl="30", stop="980")
    Trade.objects.filter(pk=trade.pk).update(mae=D(5), mfe=D(40))

    page = text_of(alice_client.get(f"/trades/{trade.public_id}/"))

    assert "MAE 5.00 0.25R" in page
    assert "MFE 40.00 2.00R 75.0%" in page


def test_excursions_say_on_which_bars_they_were_measured(
    alice_client: Client, alice_api: APIClient, account: Account
) -> None:
    trade = make_trade(account, day=DAY, pnl="30")
    path, asked = f"/trades/{trade.public_id}/", f"/api/v1/trades/{trade.public_id}/"
    Trade.objects.filter(pk=trade.pk).update(mae=D(5), mfe=D(40), excursion_source="5m file")
    assert "Measured on bars of 5m file" in text_of(alice_client.get(path))
    assert alice_api.get(asked).json()["excursion_source"] == "5m file"

    # Looked at, and no bars cover it.
    other = make_trade(account, day=DAY, pnl="1", symbol="MSFT")
    Trade.objects.filter(pk=other.pk).update(excursion_source="")
    assert "Measured on bars" not in text_of(alice_client.get(f"/trades/{other.public_id}/"))


def test_what_is_undefined_is_a_dash_with_its_reason(alice_client: Client, account: Account) -> None:
    trade = make_trade(account, day=DAY, pnl="30")

    page = alice_client.get(f"/trades/{trade.public_id}/").content.decode()

    assert "Needs bars of the market" in page
    assert "Undefined without an initial stop" in page


def test_the_brokers_own_figure_stands_beside_the_difference(alice_client: Client, account: Account) -> None:
    trade = make_trade(account, day=DAY, pnl="30")
    Trade.objects.filter(pk=trade.pk).update(broker_pnl=D("29.5"))

    page = text_of(alice_client.get(f"/trades/{trade.public_id}/"))

    assert "Broker's own figure +29.50 Difference +0.50" in page


def test_previous_and_next_are_those_of_the_filtered_list(alice_client: Client, account: Account) -> None:
    first = make_trade(account, day=date(2026, 3, 2), pnl="1", symbol="MSFT")
    make_trade(account, day=date(2026, 3, 3), pnl="1", symbol="AAPL")
    third = make_trade(account, day=date(2026, 3, 4), pnl="1", symbol="MSFT")

    page = alice_client.get(f"/trades/{first.public_id}/?symbol=MSFT").content.decode()

    assert f'rel="next" href="/trades/{third.public_id}/?symbol=MSFT"' in page
    assert 'rel="prev"' not in page


def test_copies_in_other_accounts_are_named(alice_client: Client, alice: User, account: Account, bob: User) -> None:
    opened = datetime(2026, 3, 3, 14, tzinfo=UTC)
    trade = make_trade(account, day=DAY, pnl="5", opened=opened)
    copy = make_trade(make_account(alice, "Copy"), day=DAY, pnl="5", opened=opened + timedelta(seconds=2))
    make_trade(make_account(alice, "Later"), day=DAY, pnl="5", opened=opened + timedelta(minutes=2))
    make_trade(make_account(alice, "Other side"), day=DAY, pnl="5", opened=opened, side="short")
    make_trade(make_account(bob, "His"), day=DAY, pnl="5", opened=opened)

    page = alice_client.get(f"/trades/{trade.public_id}/").content.decode()

    assert "Also in 1 account" in page
    assert str(copy.public_id) in page
    assert "Later" not in page
    assert "Other side" not in page


def test_labels_and_rating_change_one_by_one(alice_client: Client, account: Account) -> None:
    trade = make_trade(account, day=DAY, pnl="5")
    trades.annotate(trade, note="Stays.")
    address = f"/trades/{trade.public_id}/marks/"

    alice_client.post(address, {"act": "tag", "value": "gap"})
    fragment = alice_client.post(address, {"act": "rate", "value": "3"}, headers={"HX-Request": "true"})
    alice_client.post(address, {"act": "review"})
    refused = alice_client.post(address, {"act": "delete"}, follow=True)

    trade.refresh_from_db()
    assert (trade.rating, trade.note, [tag.name for tag in trade.tags.all()]) == (3, "Stays.", ["gap"])
    assert trade.reviewed_at is not None
    assert "<html" not in fragment.content.decode()
    assert b"toast-error" in refused.content


def test_without_a_script_one_form_keeps_the_note_and_all_marks_or_nothing(
    alice_client: Client, alice: User, account: Account
) -> None:
    tags = [Tag.objects.create(owner=alice, name=name) for name in ("Early", "Gap")]
    trade = make_trade(account, day=DAY, pnl="50", tags=tags)
    address = f"/trades/{trade.public_id}/words/"
    sent = {"note": "Late.", "rate": "4", "tag": "Chased", "untag": str(tags[0].public_id)}
    page = alice_client.get(f"/trades/{trade.public_id}/").content.decode()
    form = page[page.index(f'action="{address}"') :].partition("</form>")[0]
    assert re.findall(r'name="(rate|tag|untag|review|unreview)"', form) == ["rate", "tag", "untag", "untag", "review"]

    refused = alice_client.post(address, {**sent, "rate": "9"})
    assert refused.status_code == 422
    assert "Late.</textarea>" in refused.content.decode()
    assert 'autocomplete="off" value="Chased"' in refused.content.decode()
    assert f'name="untag" value="{tags[0].public_id}" checked>' in refused.content.decode()
    assert f'name="untag" value="{tags[1].public_id}">' in refused.content.decode()
    stale = alice_client.post(address, {**sent, "read": "0" * 64})
    assert stale.status_code == 409
    assert "<option selected>4</option>" in stale.content.decode()
    trade.refresh_from_db()
    assert (trade.note, trade.rating, sorted(tag.name for tag in trade.tags.all())) == ("", None, ["Early", "Gap"])

    assert alice_client.post(address, {**sent, "review": "1"}).status_code == 302
    trade.refresh_from_db()
    assert (trade.note, trade.rating) == ("Late.", 4)
    assert sorted(tag.name for tag in trade.tags.all()) == ["Chased", "Gap"]
    assert trade.reviewed_at is not None
    alice_client.post(address, {"note": "Late.", "rate": "0", "unreview": "1"})
    trade.refresh_from_db()
    assert (trade.rating, trade.reviewed_at) == (None, None)


def test_the_end_of_a_line_counts_as_one_character_as_it_does_while_one_types(
    alice_client: Client, account: Account
) -> None:
    trade = make_trade(account, day=DAY, pnl="50")
    typed = "a" * 9_999 + "\n" + "b" * 10_000
    sent = typed.replace("\n", "\r\n")  # as browsers do

    assert alice_client.post(f"/trades/{trade.public_id}/words/", {"note": sent}).status_code == 302
    trade.refresh_from_db()
    assert trade.note == typed
    assert alice_client.post(f"/trades/{trade.public_id}/words/", {"note": sent + "c"}).status_code == 422
    trade.refresh_from_db()
    assert trade.note == typed


def test_a_form_without_a_field_leaves_that_alone(alice_client: Client, alice: User, account: Account) -> None:
    trade = make_trade(account, day=DAY, pnl="50", stop="975", tags=[tags.create(owner=alice, name="gap")])

    alice_client.post(f"/trades/{trade.public_id}/words/", {"note": "Only this."})

    trade.refresh_from_db()
    assert (trade.note, trade.initial_stop, trade.tags.count()) == ("Only this.", D(975), 1)


@pytest.mark.parametrize(("side", "stop", "is_told"), [
    ("long", "999.99", False), ("long", "1000", True), ("long", "1001", True),
    ("short", "1000.01", False), ("short", "1000", True), ("short", "999", True),
])  # fmt: skip
def test_a_stop_that_risks_nothing_is_kept_and_said_to_give_no_r(
    alice_client: Client, account: Account, side: str, stop: str, is_told: bool
) -> None:
    trade = make_trade(account, day=DAY, pnl="50", side=side)

    page = alice_client.post(f"/trades/{trade.public_id}/words/", {"initial_stop": stop}, follow=True)

    trade.refresh_from_db()
    assert (trade.initial_stop, trade.realized_r is None) == (D(stop), is_told)
    assert (b"there is no R" in page.content) is is_told


def _read(page: Any) -> str:
    """What the form on the page was made from."""
    found = re.search(r'name="read" value="([0-9a-f]{64})"', page.content.decode())
    assert found
    return found[1]


def test_of_two_forms_with_words_the_second_overwrites_nothing_unasked(alice_client: Client, account: Account) -> None:
    trade = make_trade(account, day=DAY, pnl="50", stop="975")
    address = f"/trades/{trade.public_id}/"
    read = _read(alice_client.get(address))
    first = {"note": "*First*", "initial_stop": "980", "initial_target": "", "read": read}
    second = {"note": "Second", "initial_stop": "970", "initial_target": "", "read": read}

    assert alice_client.post(f"{address}words/", first).status_code == 302
    refused = alice_client.post(f"{address}words/", second)

    assert refused.status_code == 409
    page = refused.content.decode()
    assert "<em>First</em>" in page
    assert "Second</textarea>" in page
    assert 'value="970"' in page
    trade.refresh_from_db()
    assert (trade.note, trade.initial_stop) == ("*First*", D(980))

    assert alice_client.post(f"{address}words/", {**second, "read": _read(refused)}).status_code == 302
    trade.refresh_from_db()
    assert (trade.note, trade.initial_stop) == ("Second", D(970))


def test_the_same_words_sent_twice_and_marks_in_between_are_no_conflict(alice_client: Client, account: Account) -> None:
    trade = make_trade(account, day=DAY, pnl="50")
    address = f"/trades/{trade.public_id}/"
    sent = {"note": "Once", "initial_stop": "", "initial_target": "", "read": _read(alice_client.get(address))}
    alice_client.post(f"{address}marks/", {"act": "rate", "value": "3"})

    assert [alice_client.post(f"{address}words/", sent).status_code for _ in range(2)] == [302, 302]


def test_a_draft_of_words_that_were_changed_since_is_shown_beside_them(alice_client: Client, account: Account) -> None:
    trade = make_trade(account, day=DAY, pnl="50")
    address, place = f"/trades/{trade.public_id}/", f"trade:{trade.public_id}"
    draft = {"place": place, "note": "Mine", "initial_stop": "", "read": _read(alice_client.get(address))}
    alice_client.post("/drafts/", draft)

    before = alice_client.get(address).content.decode()
    trades.annotate(trade, note="*Theirs*")
    after = alice_client.get(address).content.decode()

    assert "As it was saved" not in before
    assert "As it was saved" in after
    assert "<em>Theirs</em>" in after
    assert f'<input name="read" value="{draft["read"]}">' in after
    assert alice_client.post(f"{address}words/", draft).status_code == 409
    trade.refresh_from_db()
    assert trade.note == "*Theirs*"


def test_a_form_and_a_draft_typed_in_french_mean_the_same_once_the_language_is_english(
    alice_client: Client, alice: User, account: Account
) -> None:
    trade = make_trade(account, day=DAY, pnl="50")
    address = f"/trades/{trade.public_id}/"
    User.objects.filter(pk=alice.pk).update(language="fr")
    page = alice_client.get(address).content.decode()
    assert '<input type="hidden" name="initial_stop-language" value="fr">' in page
    typed = {"note": "Gap", "initial_stop": "1,099", "initial_stop-language": "fr", "initial_target": ""}
    User.objects.filter(pk=alice.pk).update(language="en")

    alice_client.post("/drafts/", {**typed, "place": f"trade:{trade.public_id}"})
    kept = alice_client.get(address).content.decode()
    assert '<input name="initial_stop" value="1.099">' in kept
    assert '<input name="note" value="Gap">' in kept

    assert alice_client.post(f"{address}words/", typed).status_code == 302
    trade.refresh_from_db()
    assert trade.initial_stop == D("1.099")


def test_no_mistake_is_chosen_before_one_is(alice_client: Client, alice: User, account: Account) -> None:
    group = TagGroup.objects.create(owner=alice, name="Slips", role=TagRole.MISTAKE)
    Tag.objects.create(owner=alice, name="chased", group=group)
    trade = make_trade(account, day=DAY, pnl="50")

    for address in (f"/trades/{trade.public_id}/", "/trades/review/"):
        page = alice_client.get(address).content.decode()
        assert re.search(r'<select id="mark-mistake"[^>]* required><option value="">Choose…</option>', page)


def test_the_page_takes_no_more_queries_for_more_fills(alice_client: Client, account: Account) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from tests.journal.factories import at, make_instrument
    from trading.trades import EnteredFill

    def queries(trade: Trade) -> int:
        with CaptureQueriesContext(connection) as caught:
            assert alice_client.get(f"/trades/{trade.public_id}/").status_code == 200
        return len(caught)

    few = make_trade(account, day=DAY, pnl="5")
    entries = [EnteredFill("buy", D(1), D(10), at(DAY, 9, minute)) for minute in range(20)]
    exits = [EnteredFill("sell", D(1), D(11), at(DAY, 10, minute)) for minute in range(20)]
    many = trades.enter(account, instrument=make_instrument("TSLA"), fills=[*entries, *exits])[-1]

    assert queries(few) == queries(many)


def test_the_day_shows_the_note_of_a_trade_as_words_not_as_it_was_typed(alice_client: Client, account: Account) -> None:
    trade = make_trade(account, day=DAY, pnl="50")
    trades.annotate(trade, note="Too **early** & <b>late</b>.")

    page = alice_client.get(f"/days/{DAY}/").content.decode()

    assert '<td class="wrap small">Too early &amp; &lt;b&gt;late&lt;/b&gt;.</td>' in page.replace("\n</td>", "</td>")
