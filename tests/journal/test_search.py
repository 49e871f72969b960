"""Search over all that a person has written: ranked, escaped, theirs alone, by index."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import connection

from accounts.models import User
from journal import attachments, facets, notes, playbooks, search
from journal.notes import Written
from tests.journal.factories import make_account, make_instrument, make_trade
from trading import tags, trades

DAY = date(2026, 3, 2)


@pytest.fixture
def written(alice: User, bob: User, tmp_path: object, settings: object) -> User:
    settings.MEDIA_ROOT = tmp_path  # type: ignore[attr-defined]
    for owner in (alice, bob):
        account = make_account(owner, "Pullback fund")
        trade = make_trade(account, day=DAY, pnl="10", symbol="AAPL")
        trades.annotate(trade, note="Took the pullback, l'ouverture était calme")
        note = notes.write(owner=owner, words=Written(text='A pullback & <3 "news"', title="Open"), day=DAY)
        attachments.add(owner=owner, content=b"x", name="pullback_es.txt", note=note, caption="ES at the open")
        tags.create(owner=owner, name="pullback")
        rules = [playbooks.WrittenRule("Wait for the pullback")]
        playbooks.create(owner=owner, name="Pullback play", rules=rules)
    return alice


def test_every_kind_of_thing_is_found_and_only_ones_own(written: User) -> None:
    found = search.find(written, "pullback")

    assert sorted(hit.kind for hit in found) == ["account", "file", "note", "playbook", "rule", "tag", "trade"]
    assert [hit.rank for hit in found] == sorted((hit.rank for hit in found), reverse=True)


def test_the_last_word_is_found_by_its_beginning(written: User) -> None:
    assert {hit.kind for hit in search.find(written, "took the pull")} == {"trade"}
    assert search.find(written, "pull took") == []


def test_words_of_other_languages_are_found(written: User) -> None:
    assert [hit.kind for hit in search.find(written, "l'ouverture")] == ["trade"]
    assert [hit.kind for hit in search.find(written, "ÉTAIT calm")] == ["trade"]


def test_symbols_that_were_traded_are_found(written: User) -> None:
    (hit,) = search.find(written, "aap")

    assert (hit.kind, hit.title, hit.url) == ("symbol", "AAPL", "/trades/?symbol=AAPL")


def test_a_symbol_is_found_once_traded_whether_summed_waiting_or_open_and_no_more_once_gone(
    alice: User, bob: User
) -> None:
    def found(owner: User) -> list[str]:
        return [hit.title for hit in search.find(owner, "qq")]

    account, theirs = make_account(alice, "One"), make_account(bob, "Two")
    closed = make_trade(account, day=DAY, pnl="10", symbol="QQA")
    make_trade(theirs, day=DAY, pnl="10", symbol="QQB")
    bought = trades.EnteredFill("buy", Decimal(1), Decimal(10), datetime(2026, 3, 2, 15, tzinfo=UTC))
    trades.enter(account, instrument=make_instrument("QQC"), fills=[bought])
    make_instrument("QQD")
    assert facets.stale_days(alice.pk)
    assert found(alice) == ["QQA", "QQC"]

    facets.recompute_all(alice.pk)

    assert not facets.stale_days(alice.pk)
    assert (found(alice), found(bob)) == (["QQA", "QQC"], ["QQB"])
    trades.delete(closed)
    assert facets.stale_days(alice.pk)
    assert found(alice) == ["QQC"]
    facets.recompute_all(alice.pk)
    assert found(alice) == ["QQC"]


def test_headlines_are_escaped_and_marked(written: User) -> None:
    (note,) = (hit for hit in search.find(written, "pullback") if hit.kind == "note")

    assert note.headline.startswith("A <mark>pullback</mark> &amp; &lt;3 &quot;news")


@pytest.mark.parametrize(
    "text",
    ["", "  ", "'", "\\", "'; DROP TABLE x --", "a & | ! ( )", ":*", "%", "\0", "<->", "x" * 5000, "&& ||", "'a\\"],
)
def test_whatever_is_typed_is_answered(written: User, text: str) -> None:
    assert isinstance(search.find(written, text), list)


def test_no_more_than_asked_for(written: User) -> None:
    assert len(search.find(written, "pullback", limit=3)) == 3


def test_of_a_word_that_most_notes_hold_the_newest_are_found(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    person, account = alice, make_account(alice)
    for number in range(1, 6):
        trade = make_trade(account, day=date(2026, 1, number), pnl="1")
        trades.annotate(trade, note="pullback" if number > 1 else "pullback breakout")
    monkeypatch.setattr(search, "_NEWEST", 3)

    common = [hit.day for hit in search.find(person, "pullback", limit=3)]
    rare = [hit.day for hit in search.find(person, "breakout", limit=3)]

    assert sorted(common) == [date(2026, 1, 3), date(2026, 1, 4), date(2026, 1, 5)]
    assert rare == [date(2026, 1, 1)]


@pytest.mark.parametrize(
    ("table", "vector", "condition", "index"),
    [
        ("journal_note n", search._NOTE_VECTOR, "true", "note_words"),
        ("trading_trade t", search._TRADE_VECTOR, "NOT (t.note = '')", "trade_note_words"),
    ],
)
def test_the_indexes_are_of_the_very_expressions_that_are_asked(
    db: None, table: str, vector: str, condition: str, index: str
) -> None:
    query = search.Query.of("took the pull")
    assert query is not None

    with connection.cursor() as cursor:
        # On a few rows a scan is cheaper; what matters is that the index can be used at all.
        cursor.execute("SET LOCAL enable_seqscan = off")
        # It holds the notes alone too, and is as cheap while there are none.
        cursor.execute("DROP INDEX trade_owner_noted")
        sql = f"EXPLAIN SELECT 1 FROM {table} WHERE {vector} @@ {search.Query.SQL} AND {condition}"
        cursor.execute(sql, query.values(1, 1))
        plan = [line for (line,) in cursor.fetchall()]

    assert any(f"Bitmap Index Scan on {index}" in line for line in plan), plan
