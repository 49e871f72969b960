"""Decisions, news and analyses brought along; the memory moved to another model; the pages."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal as D
from functools import cache
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from intelligence import decisions, memory, news_parsing, reembedding, search
from intelligence.decisions import Links
from intelligence.embedders import minilm
from intelligence.embedders.hashing import HashEmbedder
from intelligence.models import Decision, DecisionOutcome, DecisionRevision, Embedding, EmbeddingModel, NewsArticle
from intelligence.news_parsing import BadFeed
from intelligence.retrieval import measuring
from intelligence.vocabulary import understood
from journal import notes
from journal.search import find as palette
from tests.factories import make_account
from tests.intelligence.things import close_trade, decide, open_trade
from tests.journal.factories import make_instrument
from trading.models import Instrument

pytestmark = pytest.mark.django_db


def run(*words: str, **options: object) -> str:
    out = StringIO()
    call_command(*words, stdout=out, stderr=out, **options)
    return out.getvalue()


def test_words_for_actions_become_one_of_six_and_are_kept() -> None:
    for word, action in {
        "buy": "BUY", "SELL": "SELL", "TAKE_PROFIT": "CLOSE", "PASS": "PASS", "VETO": "PASS", "ROLL": "ADJUST",
        "HEDGE": "ADJUST", "Sell to Close": "CLOSE", "BUY_TO_OPEN": "BUY", "weekly review": "HOLD", "TRIM": "ADJUST",
        "NO_TRADE": "PASS", "CLOSE_LONG": "CLOSE", "ADD": "BUY", "SHORT": "SELL", "WAIT": "HOLD", "EXIT": "CLOSE",
        "MONDAY_PLAN": "HOLD", "STOP_LOSS_HIT": "CLOSE", "SELL_HALF": "ADJUST",
    }.items():  # fmt: skip
        found, intent, is_known = understood(word)
        assert (found, is_known) == (action, True), word
        assert bool(intent) == (word.upper() != action), word
    assert understood("YOLO") == ("HOLD", "yolo", False)


def test_a_file_of_decisions_is_taken_once(alice: User, tmp_path: Path) -> None:
    lines = [
        {"id": "a", "action": "BUY", "symbol": "SPY", "strategy": "momentum", "reasoning": "RSI 45", "conviction": 7,
         "entry_price": 598.7, "qty": 10, "stop_loss": 590, "take_profit": 620, "result_pct": 3.2,
         "result_dollars": 320, "created_at": "2026-01-05T14:00:00Z"},
        {"action": "TAKE_PROFIT", "symbols": ["QQQ", "SPY"], "thesis": "At target", "timestamp": 1767621600,
         "agent": "desk bot"},
        {"action": "YOLO", "reasoning": "x", "date": "2026-01-05"},
        {"action": "BUY", "symbol": "SPY", "created_at": "2026-01-05T14:00:00Z"},
        {"action": "BUY", "reasoning": "no time"},
    ]  # fmt: skip
    file = tmp_path / "decisions.jsonl"
    file.write_text("\n".join([*map(json.dumps, lines), "not json", "[1]"]))

    with pytest.raises(CommandError) as refused:
        run("import_decisions", str(file), "--email", alice.email)
    assert "4 lines" in str(refused.value)
    with pytest.raises(CommandError):
        run("import_decisions", str(file), "--email", alice.email)

    assert Decision.objects.count() == 3
    first = Decision.objects.get(external_id="a")
    assert (first.action, first.confidence, first.entry_price, first.quantity) == ("BUY", D("0.7"), D("598.7"), 10)
    ended = DecisionOutcome.objects.get(decision=first)
    assert (ended.source, ended.result_pct, ended.result_amount, ended.outcome) == ("stated", D("0.032"), 320, "win")
    second = Decision.objects.get(intent="take_profit")
    assert (second.action, second.actor_kind, second.actor) == ("CLOSE", "bot", "desk bot")
    assert [each.instrument.symbol for each in second.named.order_by("position")] == ["QQQ", "SPY"]
    assert Decision.objects.get(intent="yolo").action == "HOLD"
    assert Embedding.objects.filter(state="pending").count() == 3


def test_a_file_of_decisions_may_begin_with_the_mark_of_utf_8(alice: User, tmp_path: Path) -> None:
    file = tmp_path / "decisions.jsonl"
    lines = [{"id": name, "action": "BUY", "reasoning": "r", "created_at": "2026-01-05T14:00:00Z"} for name in "ab"]
    file.write_text("\r\n".join(map(json.dumps, lines)), encoding="utf-8-sig")

    assert "2 decisions added" in run("import_decisions", str(file), "--email", alice.email)


def test_a_line_that_cannot_be_kept_takes_no_other_with_it(alice: User, tmp_path: Path) -> None:
    sound = {"action": "BUY", "reasoning": "x", "date": "2026-01-05"}
    odd = [
        {"result_pct": "1e30"}, {"result_pct": "1", "r_multiple": "1e30"}, {"result_pct": 1, "holding_seconds": "1e40"},
        {"result_pct": 1, "holding_seconds": -5}, {"result_pct": 1, "holding_seconds": "1e999999999"},
        {"decided_at": "0001-01-01T00:00:00+14:00"}, {"decided_at": "2099-01-01"}, {"decided_at": "0001-01-02T00:00Z"},
        {"result_pct": 1, "resolved_at": "9999-12-31"}, {"decided_at": -62135596800},
        {"result_amount": 1, "currency": "rubbish!"}, {"actor": {"a": 1}},
        {"confidence": 1e80}, {"confidence": "1e80"}, {"conviction": 1e80}, {"confidence": 1.5}, {"entry_price": 1e80},
        {"entry_price": "1_000"}, {"entry_price": "+1"}, {"quantity": "１０"}, {"stop_loss": "NaN"},
    ]  # fmt: skip
    file = tmp_path / "odd.jsonl"
    file.write_text("\n".join(json.dumps(sound | each) for each in [*odd, {"id": "good"}]))

    with pytest.raises(CommandError) as refused:
        run("import_decisions", str(file), "--email", alice.email)

    assert "21 lines" in str(refused.value)
    assert [each.external_id for each in Decision.objects.all()] == ["good"]


def test_what_was_deleted_does_not_hold_up_the_move_to_another_model(alice: User, monkeypatch) -> None:
    from intelligence import embedders

    monkeypatch.setattr(embedders, "with_key", {"hash-v2": HashEmbedder(), "hash-v3": Other()}.get)
    decisions.delete(decide(alice, "Never read"))
    kept = decide(alice, "Breakout above the range")
    model = reembedding.begin(Other())
    while memory.fill().ready:
        pass

    reembedding.switch(model)

    assert list(Embedding.objects.filter(model="hash-v3").values_list("decision_id", "state")) == [(kept.pk, "ready")]


class Other(HashEmbedder):
    def __init__(self) -> None:
        super().__init__()
        self.key = "hash-v3"


def test_the_memory_moves_to_another_model_and_is_found_all_the_while(alice: User, monkeypatch) -> None:
    from intelligence import embedders

    monkeypatch.setattr(embedders, "with_key", {"hash-v2": HashEmbedder(), "hash-v3": Other()}.get)
    first = decide(alice, "Breakout above the range")
    memory.fill()

    model = reembedding.begin(Other())
    second = decide(alice, "Breakdown below the range")
    said = run("reembed", "hash")
    assert "searches use hash-v2, but the memory is on its way to hash-v3: 0 of 2 texts." in said
    assert "`reembed hash` finishes that and switches, `reembed --stop` gives it up" in said
    with pytest.raises(reembedding.NotComplete):
        reembedding.switch(model)
    assert memory.active().key == "hash-v2"
    assert [hit.key for hit in search.find(alice, "breakout", limit=1).hits] == [first.pk]
    while memory.fill().ready:
        pass

    reembedding.switch(model)

    assert memory.active().key == "hash-v3"
    assert Embedding.objects.filter(model="hash-v3", state="ready").count() == 2
    found = search.find(alice, "breakdown", limit=2)
    assert (found.model.key, {hit.key for hit in found.hits}) == ("hash-v3", {first.pk, second.pk})
    assert EmbeddingModel.objects.get(key="hash-v2").state == "retired"
    assert all(row.state == "ready" for row in Embedding.objects.filter(decision=second))


def test_the_move_waits_for_what_somebody_else_has_taken(alice: User, monkeypatch) -> None:
    from intelligence import embedders
    from intelligence.management.commands import reembed

    monkeypatch.setattr(embedders, "with_key", {"hash-v2": HashEmbedder(), "hash-v3": Other()}.get)
    decide(alice, "Breakout above the range")
    memory.fill()
    monkeypatch.setattr(embedders, "named", lambda name: Other())
    reembedding.begin(Other())
    taken = Embedding.objects.filter(model="hash-v3")
    # A worker took it, and was killed.
    decisions.delete(decide(alice, "Never mind"))
    taken.update(retry_at=timezone.now() + memory.LEASE, attempts=1)
    naps = iter([1, 2])
    monkeypatch.setattr(reembed.time, "sleep", lambda _: next(naps) and taken.update(retry_at=timezone.now()))

    assert "searches use hash-v3 now: 1 texts, 0 failed" in run("reembed", "hash")


def test_commands_say_what_is_like_a_text_and_how_far_things_are(alice: User) -> None:
    decide(alice, "Breakout above the range", stated="0.02")

    assert "1 texts embedded with hash-v2" in run("embed")
    assert "1 ready, 0 waiting, 0 failed" in run("embed", "--status")
    said = run("similar", "range breakout", "--email", alice.email)
    assert "by words (hash-v2, hybrid)" in said
    assert "+2.00%" in said
    assert "too few to say" in said
    with pytest.raises(CommandError) as nothing:
        run("similar", "x", "--email", alice.email, "--symbol", "NONE")
    # What a shell makes of bytes that are no text.
    for odd in (["a\udcff"], ["a", "--symbol", "\udcff"], ["a", "--strategy", "\udcff"]):
        with pytest.raises(CommandError) as wrong:
            run("similar", *odd, "--email", alice.email)
        assert (nothing.value.returncode, wrong.value.returncode) == (1, 2)


def test_retrieval_is_measured_and_leaves_nothing(alice: User, tmp_path: Path) -> None:
    file = tmp_path / "notes.tsv"
    file.write_text("Bought the dip at support\tdip bought at support\nShorted the gap\tgap sold short\n")

    said = run("evaluate_retrieval", "--notes", str(file), "--embedder", "hash")

    assert "n = 2" in said
    assert "1.000" in said
    assert not Decision.objects.exists()
    assert not EmbeddingModel.objects.exists()


@cache
def shipped(name: str) -> dict[str, float]:
    """How well an embedder finds the notes that come with the command, by each way: measured once."""
    scores = measuring.measure(measuring.pairs_of(measuring.NOTES), names=[name])
    return {score.mode: score.mean_reciprocal_rank for score in scores}


@pytest.mark.skipif(minilm.folder() is None, reason="requirements-embed.txt is not installed")
def test_the_default_model_finds_more_than_the_lexical_one_and_by_both_more_than_by_either_alone(db: None) -> None:
    default, lexical = shipped("minilm"), shipped("hash")

    for mode in ("hybrid", "vector"):
        assert default[mode] > lexical[mode] + 0.04
    assert default["hybrid"] > max(default["vector"], default["text"]) + 0.02


def test_searching_by_both_finds_more_than_by_either_alone(db: None) -> None:
    found = shipped("hash")

    assert found["hybrid"] > max(found["vector"], found["text"]) + 0.03
    assert found["vector"] > 0.28


RSS = b"""<?xml version="1.0"?><rss version="2.0"><channel><title>Wire</title>
<item><title>Apple &amp; more: $AAPL up</title><link>https://e.com/a?utm_source=x&amp;id=1#top</link>
<pubDate>Mon, 05 Jan 2026 12:00:00 +0000</pubDate><description>&lt;b&gt;Strong&lt;/b&gt; quarter</description></item>
<item><title>No link</title></item></channel></rss>"""


def test_feeds_are_read_and_each_address_kept_once(alice: User, tmp_path: Path) -> None:
    found, skipped = news_parsing.parse(RSS)
    assert skipped == 1
    (article,) = found
    assert (article.title, article.url, article.source) == ("Apple & more: $AAPL up", "https://e.com/a?id=1", "Wire")
    assert (article.symbols, article.summary) == (("AAPL",), "Strong quarter")
    atom = RSS.replace(b"<rss", b"<!DOCTYPE x [<!ENTITY a 'b'>]><rss", 1)
    for bad in (atom, b"<rss", b"[1", b'{"a": 1}', b"a,b\n1,2\n"):
        with pytest.raises(BadFeed):
            news_parsing.parse(bad)
    make_instrument("AAPL")
    make_instrument("MSFT")
    (tmp_path / "a.xml").write_bytes(RSS)
    (tmp_path / "b.csv").write_text(
        "title,url,published_at,symbols,sentiment\nB,https://e.com/b,2026-01-05T12:00:00Z,AAPL;ZZZ,0.5\n"
        "Again,https://e.com/a?id=1&utm_medium=y,2026-01-05T12:00:00Z,MSFT,7\n"
    )
    (tmp_path / "c.json").write_text(json.dumps({"articles": [{"title": "C", "url": "https://e.com/c",
        "publishedAt": "2026-01-06T12:00:00Z", "source": {"name": "J"}}]}))  # fmt: skip

    said = run("load_news", *(str(tmp_path / name) for name in ("a.xml", "b.csv", "c.json")), "--email", alice.email)
    run("load_news", str(tmp_path / "b.csv"), "--email", alice.email)

    assert "1 articles added, 1 known already" in said
    assert NewsArticle.objects.count() == 3
    assert NewsArticle.objects.get(title="B").sentiment == D("0.5")
    first = NewsArticle.objects.get(url="https://e.com/a?id=1")
    assert {each.symbol for each in first.instruments.all()} == {"AAPL", "MSFT"}
    with pytest.raises(CommandError):
        run("load_news", "http://127.0.0.1:9/", "--email", alice.email)


def test_feeds_come_in_many_encodings_and_none_with_a_document_type() -> None:
    text = RSS.decode().replace('<?xml version="1.0"?>', "").replace("Mon, 05 Jan", "05 Jan")
    utf16 = f'<?xml version="1.0" encoding="UTF-16"?>{text}'.encode("utf-16")
    for good in (RSS, b"\xef\xbb\xbf" + RSS, b"\n" + RSS, text.encode(), utf16,
                 b'\xef\xbb\xbf[{"title": "T", "url": "https://e.com/a", "date": "2026-01-05"}]'):  # fmt: skip
        assert len(news_parsing.parse(good)[0]) == 1, good[:60]
    typed = text.replace("<rss", "<!DOCTYPE x [<!ENTITY a 'b'>]><rss", 1)
    unknown = f'<?xml version="1.0" encoding="%s"?>{text}'
    for bad in (typed.encode(), typed.encode("utf-16"), typed.encode("utf-16-le"), b"title" * 30_000,
                *((unknown % name).encode() for name in ("bogus", "hex", "utf-7"))):  # fmt: skip
        with pytest.raises(BadFeed):
            news_parsing.parse(bad)


def test_an_entry_that_cannot_be_kept_is_skipped_and_takes_no_other_with_it(alice: User, tmp_path: Path) -> None:
    sound = {"title": "T", "url": "https://e.com/a", "published_at": "2026-01-05T12:00:00Z"}
    odd = [
        {"published_at": "0001-01-01T00:00:00+05:00"}, {"published_at": "9999-12-31T23:00:00-05:00"},
        {"published_at": 1e300}, {"url": "https://e.com/\0"}, {"url": "https://e.com/\ud800"}, {"symbols": ["A\0"]},
        {"symbols": ["\ud800"]}, {"title": "\0"}, {"published_at": "0001-01-02T00:00:00Z"},
        {"published_at": "9999-12-30"}, {"published_at": -62135596800},
    ]  # fmt: skip
    first, second = tmp_path / "a.json", tmp_path / "b.json"
    first.write_text(json.dumps([*(sound | each for each in odd), sound | {"sentiment": "1e99", "title": "A\0B"}]))
    second.write_text(json.dumps([sound | {"url": "https://e.com/b"}]))

    said = run("load_news", str(first), str(second), "--email", alice.email)

    assert "1 articles added, 0 known already, 11 without" in said
    assert sorted(NewsArticle.objects.values_list("url", "title")) == [
        ("https://e.com/a", "A B"),
        ("https://e.com/b", "T"),
    ]


def test_an_address_keeps_all_of_its_query_but_what_counts_clicks() -> None:
    for sent, kept in {
        "https://E.com/story?1001": "https://e.com/story?1001",
        "https://e.com/story?1002": "https://e.com/story?1002",
        "https://e.com/?id=&ref=7&src=a": "https://e.com/?id=&ref=7&src=a",
        "https://e.com?q=a+b%20c&UTM_source=x&x=%C3%A9#top": "https://e.com/?q=a+b%20c&x=%C3%A9",
        "https://e.com/a?utm_medium=y&fbclid=z": "https://e.com/a",
        "https://e.com/a?": "https://e.com/a",
        "javascript:alert(1)": "",
    }.items():
        assert news_parsing.canonical(sent) == kept, sent


def about(symbol: str) -> object:
    return Instrument.objects.get(symbol=symbol).public_id


def test_news_and_analyses_are_checked_and_linked(alice: User, alice_api: APIClient, alice_client: Client) -> None:
    made = decide(alice)
    article = {"title": "T", "url": "https://e.com/x#y", "source": "s", "published_at": "2026-01-05T12:00:00Z",
               "symbols": ["AAPL"], "sentiment": "-0.5", "decisions": [str(made.public_id)]}  # fmt: skip
    answer = alice_api.post("/api/v1/news/", article)
    assert (answer.status_code, answer.json()["url"], answer.json()["symbols"]) == (201, "https://e.com/x", ["AAPL"])
    assert alice_api.post("/api/v1/news/", article).status_code == 409
    assert [hit.url for hit in palette(alice, "T") if hit.kind == "article"] == [f"/instruments/{about('AAPL')}/"]
    for wrong in ({"sentiment": "1.5"}, {"url": "javascript:alert(1)"}, {"relevance": "-1"},
                  {"published_at": "0001-01-02T00:00:00Z"}, {"published_at": "9999-12-30T00:00:00Z"}):  # fmt: skip
        assert alice_api.post("/api/v1/news/", {**article, "url": "https://e.com/z", **wrong}).status_code == 400
    analysis = {"symbol": "AAPL", "current_price": "200", "technical_analysis": {"rsi": 40, "support": [190.5]},
                "ai_recommendation": {"action": "BUY", "confidence": 0.7},
                "decisions": [str(made.public_id)]}  # fmt: skip
    assert alice_api.post("/api/v1/analyses/", analysis).status_code == 201
    again = alice_api.post("/api/v1/analyses/", analysis).json()["id"]
    assert alice_api.delete(f"/api/v1/analyses/{again}/").status_code == 204
    for wrong, pointer in (
        ({"technical_analysis": {"rsi": 140}}, "/technical_analysis/rsi"),
        ({"technical_analysis": {"rsy": 1}}, "/technical_analysis/rsy"),
        ({"technical_analysis": []}, "/technical_analysis"),
        ({"ai_recommendation": {"action": "YOLO"}}, "/ai_recommendation/action"),
        ({"ai_recommendation": {}}, "/ai_recommendation/action"),
    ):
        answer = alice_api.post("/api/v1/analyses/", {**analysis, **wrong})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, pointer)
    assert alice_api.get("/api/v1/news/?symbol=AAPL").json()["total"] == 1
    totals = [alice_api.get(f"/api/v1/analyses/?symbol={symbol}").json()["total"] for symbol in ("AAPL", "MSFT")]
    assert totals == [1, 0]
    page = alice_client.get(f"/memory/{made.public_id}/").content.decode()
    assert "https://e.com/x" in page
    assert "/instruments/" in page


def test_news_and_analyses_are_linked_to_decisions_of_ones_own_long_after_these_were_made(
    alice: User, bob: User, alice_api: APIClient, alice_client: Client, tmp_path: Path
) -> None:
    first, second, gone, bobs = decide(alice), decide(alice), decide(alice), decide(bob)
    (tmp_path / "a.json").write_text(json.dumps([
        {"title": f"Title {name}", "url": f"https://e.com/{name}", "published_at": "2026-01-05T12:00:00Z",
         "symbols": [of]}
        for name, of in (("a", "AAPL"), ("b", "AAPL"), ("m", "MSFT"))
    ]))  # fmt: skip
    make_instrument("MSFT")
    run("load_news", str(tmp_path / "a.json"), "--email", alice.email)
    article, other, far = (NewsArticle.objects.get(title=f"Title {name}") for name in "abm")
    analysis = {
        "symbol": "AAPL",
        "current_price": "200",
        "technical_analysis": {},
        "ai_recommendation": {"action": "BUY"},
    }
    made = alice_api.post("/api/v1/analyses/", analysis).json()["id"]
    articles, analyses = f"/api/v1/news/{article.public_id}/", f"/api/v1/analyses/{made}/"
    article.decisions.add(gone)
    decisions.delete(gone)

    for path in (articles, analyses):
        for sent, pointer in (
            ({"decisions": [str(first.public_id), str(bobs.public_id)]}, "/decisions/1"),
            ({"decisions": [str(gone.public_id)]}, "/decisions/0"),
            ({"title": "Another", "decisions": []}, "/title"),
            ({}, "/decisions"),
        ):
            answer = alice_api.patch(path, sent)
            assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, pointer), (path, sent)
        assert alice_api.get(path).json()["decisions"] == []
        both = [str(first.public_id), str(second.public_id)]
        before = alice_api.get(path)["ETag"]
        assert sorted(alice_api.patch(path, {"decisions": both}).json()["decisions"]) == sorted(both)
        assert alice_api.get(path)["ETag"] != before
        assert alice_api.patch(path, {"decisions": both[:1]}).json()["decisions"] == both[:1]
    assert set(article.decisions.all()) == {first, gone}

    # The page offers what is of the symbol and what is looked for; what it did not show stays as it was.
    place = f"/memory/{first.public_id}/read/"
    shown = alice_client.get(place).content.decode()
    assert ("Title a" in shown, "Title b" in shown, "Title m" in shown, shown.count(" checked")) == (
        True,
        True,
        False,
        2,
    )
    assert "Title m" in alice_client.get(f"{place}?q=title m").content.decode()
    NewsArticle.objects.get(pk=far.pk).decisions.add(first)
    sent = {
        "shown_article": [article.public_id, other.public_id],
        "article": [other.public_id],
        "shown_analysis": [made],
    }
    assert alice_client.post(place, sent).status_code == 302
    assert set(first.news.all()) == {other, far}
    assert not first.analyses.exists()
    assert "Title b" in alice_client.get(f"/memory/{first.public_id}/").content.decode()


def test_confidence_is_a_percentage_wherever_people_meet_it(alice: User, alice_client: Client) -> None:
    made = decide(alice, confidence=D("0.6"))
    place = f"/memory/{made.public_id}/"
    assert "<dd>60.0%</dd>" in alice_client.get(place).content.decode()
    assert 'name="confidence" value="60"' in alice_client.get(f"{place}edit/").content.decode()

    form = {"action": "BUY", "symbols": "AAPL", "reasoning": made.reasoning, "revision": "1"}
    assert alice_client.post(f"{place}edit/", {**form, "confidence": "101"}).status_code == 422
    assert alice_client.post(f"{place}edit/", {**form, "confidence": "62.5"}).status_code == 302

    made.refresh_from_db()
    assert made.confidence == D("0.625")
    edits = alice_client.get(place).content.decode()
    assert "60.0%" in edits
    assert "62.5%" in edits


def test_the_pages_write_revise_search_and_delete(alice: User, bob: User, alice_client: Client) -> None:
    trade = open_trade(make_account(alice, "Main"), stop="95")
    assert b"Write down the first decision" in alice_client.get("/memory/").content
    form = {"action": "BUY", "reasoning": "Reclaimed the level", "symbols": "AAPL", "trade": str(trade.public_id)}
    assert alice_client.post("/memory/new/", {**form, "reasoning": ""}).status_code == 422
    below = alice_client.post("/memory/new/", {**form, "confidence": "-5"})
    assert below.status_code == 422
    assert "Confidence is from 0 to 100." in below.content.decode()
    assert not Decision.objects.exists()
    alice_client.post("/memory/new/", form)
    made = Decision.objects.get()
    close_trade(trade, "110")

    place = f"/memory/{made.public_id}/"
    assert b"Reclaimed the level" in alice_client.get(place).content
    assert b"+100.00" in alice_client.get("/memory/?by=strategy").content
    found = [(hit.kind, hit.title) for hit in palette(alice, "reclaim")]
    assert ("decision", "Buy AAPL") in found
    assert "decision" not in {hit.kind for hit in palette(bob, "reclaim")}
    assert b"Reclaimed the level" in alice_client.get("/memory/?q=reclaimed level").content
    panel = alice_client.get(f"/memory/panel/?trade={trade.public_id}").content
    assert b"Reclaimed the level" in panel
    edited = {"action": "BUY", "reasoning": "Reclaimed the level late", "symbols": "AAPL", "revision": "1"}
    assert alice_client.post(f"{place}edit/", edited).status_code == 302
    assert alice_client.post(f"{place}edit/", {**edited, "reasoning": "z"}).status_code == 409
    assert DecisionRevision.objects.count() == 1
    shown = alice_client.get(place).content.decode()
    assert "<del>Reclaimed the level</del>" in shown
    assert "<ins>Reclaimed the level late</ins>" in shown
    made.refresh_from_db()
    assert made.trade_key == trade.public_id
    alice_client.post(f"{place}delete/")
    assert alice_client.get(place).status_code == 404


def test_the_panel_of_a_ticket_shows_the_same_symbol_first(alice: User, alice_client: Client) -> None:
    decide(alice, "Of Apple", symbols=("AAPL",), stated="0.02")
    for number in range(6):
        decide(alice, f"Of Microsoft {number}", symbols=("MSFT",), links=Links(instruments=[make_instrument("MSFT")]))

    panel = alice_client.get("/memory/panel/?symbol=MSFT&side=buy").content

    assert b"Of Microsoft" in panel
    assert b"Of Apple" not in panel
    assert b"Choose a symbol" in alice_client.get("/memory/panel/").content


def test_the_panel_says_where_it_falls_back_to_other_symbols(
    alice: User, alice_client: Client, alice_api: APIClient
) -> None:
    make_instrument("TSLA")
    for number, stated in enumerate(("0.02", "-0.01", "0.03")):
        decide(alice, f"Of Apple {number}", symbols=("AAPL",), stated=stated)

    panel = alice_client.get("/memory/panel/?symbol=TSLA&side=buy").content.decode()
    assert "Nothing for TSLA yet; the nearest of other symbols:" in panel
    # Two of three: Wilson's interval. None has an R or a holding time, so neither is said.
    for words in ("3 of these have ended", "66.7% won (95% interval 20.8% to 93.9%)", "too few to say", ">Buy AAPL<"):
        assert words in panel, words
    assert "mean" not in panel

    asked = "/api/v1/decisions/search/?q=apple&symbol=TSLA"
    assert (alice_api.get(asked).json()["results"], alice_api.get(asked).json()["other_symbols"]) == ([], False)
    wide = alice_api.get(f"{asked}&widen=true").json()
    assert (len(wide["results"]), wide["other_symbols"]) == (3, True)
    assert (wide["aggregate"]["n"], wide["aggregate"]["r_count"], wide["aggregate"]["mean_r"]) == (3, 0, None)

    # With one of its own symbol, both are there, apart.
    decide(alice, "Of Tesla", symbols=("TSLA",))
    panel = alice_client.get("/memory/panel/?symbol=TSLA&side=buy").content.decode()
    own, others = panel.split("The nearest of other symbols")
    assert "Of Tesla" in own
    assert "Of Apple" not in own
    assert "Of Apple 0" in others
    assert alice_api.get(f"{asked}&widen=true").json()["other_symbols"] is False


def test_a_filter_that_cannot_be_meant_is_refused_by_name_with_what_it_takes(
    alice_client: Client, alice_api: APIClient
) -> None:
    actions = "Takes one of BUY, SELL, HOLD, CLOSE, ADJUST, PASS."
    for query, words in (
        ("action=MAYBE", f"action: {actions}"),
        ("outcome=won", "outcome: Takes one of win, loss, breakeven, resolved, open."),
        ("kind=bars&q=x", "kind: Takes one of decision, note, trade."),
        ("by=moon", "by: Takes one of symbol, strategy, action, actor."),
        ("start=2026-13-01", "start: A day is written YYYY-MM-DD."),
        ("start=2026-02-01&end=2026-01-01", "start: The first day must not be after the last."),
        ("outcom=win", "outcom: There is no such parameter."),
        ("kind=note&q=x&symbol=AAPL", "Symbol: Only decisions and trades have this."),
        ("kind=note&q=x&outcome=open", "outcome: Only decisions and trades have this."),
        ("kind=trade&q=x&strategy=gap", "strategy: Only decisions have this."),
    ):
        answer = alice_client.get(f"/memory/?{query}")
        assert answer.status_code == 400, query
        assert words in answer.content.decode(), query
    for query, pointer in (
        ("action=MAYBE", "?action"), ("outcome=won", "?outcome"), ("from=soon", "?from"), ("mode=best", "?mode"),
        ("outcom=win", "?outcom"), ("actor_kind=cat", "?actor_kind"), ("account=x", "?account"), ("widen=x", "?widen"),
        ("kind=note&symbol=AAPL", "?symbol"), ("kind=note&action=BUY", "?action"),
        ("kind=note&outcome=win", "?outcome"), ("kind=trade&strategy=gap", "?strategy"),
        ("kind=trade&actor=R2", "?actor"), ("kind=trade&actor_kind=bot", "?actor_kind"),
    ):  # fmt: skip
        answer = alice_api.get(f"/api/v1/decisions/search/?q=x&{query}")
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, pointer), query
    for query in ("kind=note&from=2026-01-01&to=9999-12-31", "kind=trade&symbol=AAPL&outcome=win&from=0001-01-01"):
        assert alice_api.get(f"/api/v1/decisions/search/?q=x&{query}").status_code == 200, query
    assert alice_client.get("/memory/?start=0001-01-01&end=9999-12-31").status_code == 200
    with pytest.raises(CommandError) as refused:
        run("similar", "x", "--kind", "note", "--symbol", "AAPL")
    assert refused.value.returncode == 2


def test_list_and_search_of_the_page_mean_the_same_days_by_the_zone_of_the_person(
    alice: User, alice_client: Client, alice_api: APIClient
) -> None:
    User.objects.filter(pk=alice.pk).update(time_zone="America/New_York")
    # Nine in the evening of the second in New York, and one minute past midnight of the third there.
    decide(alice, "Reversal late", when=datetime(2026, 3, 3, 2, tzinfo=UTC))
    decide(alice, "Reversal early", when=datetime(2026, 3, 3, 5, 1, tzinfo=UTC))
    note = notes.write(owner=alice, words=notes.Written(text="Reversal of the day"), day=date(2026, 3, 2))
    for day, late, early in (("2026-03-02", True, False), ("2026-03-03", False, True)):
        for words in ("", "&q=reversal"):
            page = alice_client.get(f"/memory/?start={day}&end={day}{words}").content.decode()
            assert ("Reversal late" in page, "Reversal early" in page) == (late, early), (day, words)
        found = alice_client.get(f"/memory/?start={day}&end={day}&q=reversal&kind=note").content.decode()
        assert (note.text in found) is late, day
        # The API has days of UTC, whatever it is asked for.
        asked = f"from={day}&to={day}"
        listed = alice_api.get(f"/api/v1/decisions/?{asked}").json()["results"]
        searched = alice_api.get(f"/api/v1/decisions/search/?q=reversal&{asked}").json()["results"]
        assert len(listed) == len(searched) == (0 if late else 2), day
