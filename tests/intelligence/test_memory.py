"""What is remembered: one row for each text and model, filled by the worker, never by another model."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import DataError, IntegrityError, connection, transaction

from accounts.models import User
from intelligence import decisions, embedders, memory, search
from intelligence.decisions import Links, Said
from intelligence.embedders import BadVector, Unreachable
from intelligence.embedders.hashing import HashEmbedder
from intelligence.embedders.vectors import WIDTH, stored
from intelligence.models import Decision, Embedding, EmbeddingModel
from intelligence.search_filters import Filters
from journal import notes
from tests.factories import make_account
from tests.intelligence.things import at, close_trade, decide, open_trade
from trading import trades

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 1, tzinfo=UTC)


class Fails(HashEmbedder):
    """Knows no vector of a text that says so."""

    def documents(self, texts):
        if any("unreachable" in text for text in texts):
            raise Unreachable("no answer")
        if any("poison" in text for text in texts):
            raise BadVector("no vector")
        return super().documents(texts)


def ids(found: search.Found) -> list[int]:
    return [hit.key for hit in found.hits]


# ---------------------------------------------------------------- filling
def test_the_worker_fills_what_waits_and_a_changed_text_waits_anew(alice: User) -> None:
    made = decide(alice, "Breakout above the range")
    assert memory.fill().ready == 1
    row = Embedding.objects.get()
    assert (row.state, row.model_id, row.dimensions) == ("ready", "hash-v2", 768)
    assert sum(value * value for value in row.vector) == pytest.approx(1, abs=0.001)

    decisions.revise(made, said=Said("BUY", "Failed breakdown"), links=Links(), revision=1, at=at(7))

    changed = Embedding.objects.get()
    assert (changed.pk, changed.state, changed.vector) == (row.pk, "pending", None)
    assert changed.text_hash != row.text_hash
    assert memory.fill().ready == 1
    assert memory.fill().count == 0


def test_a_worker_that_died_leaves_its_rows_to_the_next(alice: User) -> None:
    decide(alice)
    assert len(memory._take("hash-v2", most=10, now=NOW)) == 1

    assert memory.fill(now=NOW + timedelta(seconds=30)).count == 0
    assert memory.fill(now=NOW + timedelta(minutes=3)).ready == 1


def test_a_failure_says_why_is_tried_again_and_takes_no_other_with_it(alice: User, monkeypatch) -> None:
    bad, far, good = decide(alice, "poison"), decide(alice, "fine"), decide(alice, "good")
    monkeypatch.setattr(embedders, "with_key", lambda key: Fails())

    done = memory.fill(now=NOW)

    assert (done.ready, done.failed, done.put_off) == (2, 1, 0)
    row = Embedding.objects.get(decision=bad)
    assert (row.state, row.error, row.vector) == ("failed", "no vector", None)
    assert Embedding.objects.filter(decision__in=[far, good], state="ready").count() == 2
    assert memory.try_again() == 1

    away = decide(alice, "unreachable")
    now = NOW
    for _ in range(memory.MOST_ATTEMPTS):
        Embedding.objects.filter(decision=bad).delete()
        row = Embedding.objects.get(decision=away)
        assert row.state == "pending"
        now += timedelta(hours=1)
        memory.fill(now=now)
    row = Embedding.objects.get(decision=away)
    assert (row.state, row.error) == ("failed", "no answer")


def test_no_other_model_stands_in_where_one_cannot_be_computed(alice: User, monkeypatch) -> None:
    made = decide(alice, "Breakout above the range")
    EmbeddingModel.objects.update(state="retired")
    EmbeddingModel.objects.create(key="http-ollama-gone", embedder="http", dimensions=768, state="active")
    memory.gather()

    assert memory.fill().count == 0

    row = Embedding.objects.get(decision=made, model="http-ollama-gone")
    assert (row.state, row.vector) == ("pending", None)
    found = search.find(alice, "breakout")
    assert (found.mode, ids(found)) == ("text", [made.pk])
    assert "http-ollama-gone" in found.gap
    assert found.hits[0].similarity is None


def test_the_database_refuses_what_is_no_vector(alice: User) -> None:
    decide(alice)
    one = [1.0, *[0.0] * 767]
    for bad in (
        [0.0] * 768,
        [float("nan"), *one[1:]],
        [float("inf"), *one[1:]],
        one[:-1],
        [*one, 0.0],
        [2.0, *one[1:]],
        [0.5, *one[1:]],
    ):
        with pytest.raises((IntegrityError, DataError)), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "UPDATE intelligence_embedding SET vector = %s::halfvec, state = 'ready', embedded_at = now()",
                [f"[{','.join(map(str, bad))}]"],
            )
    with pytest.raises(IntegrityError), transaction.atomic():
        Embedding.objects.update(state="ready", embedded_at=NOW)
    with pytest.raises(IntegrityError), transaction.atomic():
        Embedding.objects.update(decision=None)
    assert Embedding.objects.get().vector is None


def test_a_text_and_an_outcome_are_of_the_owner_of_what_they_are_of(alice: User, bob: User) -> None:
    trade = open_trade(make_account(alice))
    trades.annotate(trade, note="Sized too large after a win")
    decide(alice, links=Links(trade=trade))
    close_trade(trade, "110")
    notes.write(owner=alice, words=notes.Written(text="Chased the open"), day=date(2026, 1, 5))
    memory.gather()
    kinds = ("decision", "note", "trade")
    assert Embedding.objects.filter(owner=alice).count() == len(kinds)
    for change in (
        "intelligence_decisionoutcome SET owner_id = %s",
        *(f"intelligence_embedding SET owner_id = %s WHERE {kind}_id IS NOT NULL" for kind in kinds),
    ):
        with connection.cursor() as cursor:
            # Composite foreign keys are asked at the end.
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            with pytest.raises(IntegrityError, match=r"of_owner|owner of its text"), transaction.atomic():
                cursor.execute(f"UPDATE {change}", [bob.pk])
    assert not Embedding.objects.filter(owner=bob).exists()


def test_the_code_refuses_what_is_no_vector() -> None:
    for bad in ([0.0] * 4, [float("nan"), 1, 1, 1], [float("inf"), 1, 1, 1], [1.0] * 3, [1.0] * 5, []):
        with pytest.raises(BadVector):
            stored(bad, dimensions=4)
    with pytest.raises(BadVector):
        stored([1.0] * 769, dimensions=769)

    # 3-4-5: padded to the width, at length one.
    assert stored([3, 4], dimensions=2) == [0.6, 0.8, *[0.0] * (WIDTH - 2)]
    assert stored([3e300, 4e300], dimensions=2)[:2] == pytest.approx([0.6, 0.8])
    assert stored([3e-300, 4e-300], dimensions=2)[:2] == pytest.approx([0.6, 0.8])


def test_notes_and_what_is_said_of_trades_are_remembered_and_forgotten(alice: User, bob: User) -> None:
    note = notes.write(owner=alice, words=notes.Written(text="Chased the open, paid for it"), day=date(2026, 1, 5))
    trade = open_trade(make_account(alice))
    open_trade(make_account(bob))
    trades.annotate(trade, note="Sized too large after a win")

    assert memory.gather() == 2
    assert memory.gather() == 0
    assert memory.fill().ready == 2

    close_trade(trade, "110")
    trades.annotate(trade, note="Sized far too large")
    assert (memory.gather(), memory.fill().ready) == (1, 1)
    found = search.find(alice, "chased the open", kind="note")
    assert (found.hits[0].key, len(found.hits)) == (note.pk, 1)
    assert ids(search.find(alice, "size too large", kind="trade", filters=Filters(outcome="win"))) == [trade.pk]
    assert ids(search.find(alice, "size too large", kind="trade", filters=Filters(symbol="MSFT"))) == []

    notes.delete(note)
    trades.delete(trade)
    memory.forget_gone()
    assert not Embedding.objects.exists()


# ---------------------------------------------------------------- finding
def test_the_nearest_come_first_and_only_ones_own(alice: User, bob: User) -> None:
    dip = decide(alice, "Bought the dip at the moving average in an uptrend")
    news = decide(alice, "Stayed out ahead of the central bank", action="PASS")
    decide(bob, "Bought the dip at the moving average in an uptrend")
    memory.fill()

    for mode in search.MODES:
        found = search.find(alice, "dip at the moving average", mode=mode, limit=5)
        assert ids(found)[0] == dip.pk, mode
        assert set(ids(found)) == {dip.pk, news.pk}, mode
    found = search.find(alice, "dip at the moving average", limit=1)
    assert len(found.hits) == 1
    assert 0 < found.hits[0].similarity <= 1
    assert (found.hits[0].vector_rank, found.hits[0].text_rank) == (1, 1)
    assert ids(search.find(bob, "central bank", limit=5)) != ids(found)


def test_a_lexical_model_counts_together_with_the_words_and_never_alone() -> None:
    # Together: 3 has 0.3 + 2 · 0.35, 1 has 0.9, 2 has 0.1 + 2 · 0.3. By words 2 is before 3.
    # So 3 gains 1/12 + 2/11, 2 gains 1/11 + 2/13, and 1 gains 2/12.
    found = [1, 3, 2], {2: 0.3, 3: 0.35}, {1: 0.9, 3: 0.3, 2: 0.1}
    assert [key for key, _score in search.Ranked(*found, is_lexical=True).order] == [3, 2, 1]
    assert [key for key, _score in search.Ranked(*found).order] == [1, 3, 2]


def test_the_same_text_has_a_similarity_of_one(alice: User) -> None:
    decide(alice, "Gap and go")
    memory.fill()

    assert search.find(alice, "AAPL BUY\nGap and go").hits[0].similarity == pytest.approx(1, abs=0.001)


def test_filters_choose_among_what_is_searched(alice: User) -> None:
    account = make_account(alice)
    buy = decide(alice, "Reversal at support", strategy="reversal", when=at(5), stated="0.02")
    sell = decide(alice, "Reversal at resistance", action="SELL", symbols=("MSFT",), when=at(9), stated="-0.01")
    bot = decide(alice, "Reversal by the bot", actor_kind="bot", actor="R2", when=at(12), links=Links(account=account))
    memory.fill()

    def found(**given: object) -> set[int]:
        return set(ids(search.find(alice, "reversal", filters=Filters(**given))))

    assert found() == {buy.pk, sell.pk, bot.pk}
    assert found(action="SELL") == {sell.pk}
    assert found(symbol="AAPL") == {buy.pk}
    assert found(strategy="reversal") == {buy.pk}
    assert found(actor="R2") == found(actor_kind="bot") == found(outcome="open") == {bot.pk}
    assert found(outcome="win") == {buy.pk}
    assert found(outcome="loss") == {sell.pk}
    assert found(outcome="resolved") == {buy.pk, sell.pk}
    assert found(account=account.public_id) == {bot.pk}
    assert found(start=date(2026, 1, 6), end=date(2026, 1, 9)) == {sell.pk}
    assert found(besides=buy.public_id) == {sell.pk, bot.pk}


def test_as_many_are_found_as_there_are_whatever_waits(alice: User) -> None:
    decide(alice, "Breakout")
    memory.fill()
    for number in range(6):
        decide(alice, f"Nothing alike {number}")

    assert len(search.find(alice, "breakout", limit=5).hits) == 5
    found = search.find(alice, "breakout", limit=50)
    assert len(found.hits) == 7
    assert found.waiting["pending"] == 6


def test_the_nearest_winner_and_loser_are_there_however_far(alice: User) -> None:
    near = [decide(alice, f"Opening range breakout, try {number}", stated="0.01") for number in range(4)]
    far = decide(alice, "Quarterly rebalancing of the pension", stated="-0.03")
    open_ = decide(alice, "Opening range breakout now")
    memory.fill()

    found = search.find(alice, "opening range breakout", limit=3)

    assert far.pk not in ids(found)
    assert found.loser.key == far.pk
    assert found.winner.key in {each.pk for each in near}
    assert open_.pk in ids(search.find(alice, "opening range breakout now", limit=3))


def test_the_nearest_winner_and_loser_are_so_by_the_similarity_that_is_shown(alice: User) -> None:
    # The query shares more words with the first of each, and means more of what the second says.
    for stated in ("0.01", "-0.01"):
        for text in ("Opening range failed; the breakout of the opening range was sold", "Opening range breakout"):
            decide(alice, text, stated=stated)
    memory.fill()
    everything = {"limit": 50, "mode": "vector"}
    ended = dict(Decision.objects.values_list("pk", "outcome__outcome"))

    for asked in (
        "opening range breakout failed",
        "breakout sold",
        "range of the opening",
        "failed breakout at the open",
    ):
        similar = {hit.key: hit.similarity for hit in search.find(alice, asked, **everything).hits}
        found = search.find(alice, asked, limit=3)
        for hit, outcome in ((found.winner, "win"), (found.loser, "loss")):
            best = max(near for key, near in similar.items() if ended[key] == outcome)
            assert hit.similarity == pytest.approx(best), (asked, outcome)


def test_past_the_size_for_exactness_the_index_gives_the_same(alice: User, settings) -> None:
    for number in range(30):
        decide(alice, f"Situation {number} of a kind {number % 7}", when=at(1 + number % 25))
    memory.fill(most=100)
    exact = search.find(alice, "situation of a kind 3", limit=10, mode="vector")
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(
            "CREATE INDEX ON intelligence_embedding USING hnsw (vector halfvec_cosine_ops) WHERE model = 'hash-v2'"
        )
    EmbeddingModel.objects.update(has_index=True)
    settings.MEMORY_EXACT_UP_TO = 5

    found = search.find(alice, "situation of a kind 3", limit=10, mode="vector")

    assert exact.is_exact
    assert [hit.similarity for hit in found.hits] == pytest.approx([hit.similarity for hit in exact.hits], abs=0.01)
    assert len(found.hits) == 10


def test_a_search_says_nothing_to_who_is_not_signed_in_and_finds_nothing_where_nothing_is(alice: User) -> None:
    found = search.find(alice, "anything at all")

    assert (found.hits, found.winner, found.loser) == ([], None, None)
    assert search.find(alice, "???").hits == []
