"""Decisions, news and analyses to look at: varied, marked, and gone in one go."""

import pytest

from accounts.models import User
from intelligence import sample_decisions
from intelligence.models import Decision, DecisionOutcome, NewsArticle, StockAnalysis
from intelligence.sample_texts import ARTICLES, LONG, PASSED, SHORT
from journal.signals import sample_loaded, sample_removed
from tests.factories import make_account
from tests.intelligence.things import close_trade, decide, open_trade

pytestmark = pytest.mark.django_db


def test_no_two_sample_decisions_read_alike() -> None:
    texts = [why for _strategy, why, _market in (*LONG, *SHORT)] + [why for _action, _strategy, why in PASSED]
    assert len(texts) == len(set(texts)) == 44


def test_sample_decisions_come_with_news_and_analyses_and_go_with_the_sample(alice: User, bob: User) -> None:
    account = make_account(alice, "Sample", is_sample=True)
    for symbol in ("NVDA", "AAPL", "TSLA"):
        close_trade(open_trade(account, stop="95", symbol=symbol), "110")
    traded = open_trade(make_account(alice, "Own"), symbol="MSFT")
    close_trade(traded, "110")
    own, foreign = decide(alice, "My own"), decide(bob, "Of bob")
    of_a_bot = decide(alice, "A bot's, by its own name", external_id="sample-run-1")

    # Three of the sample's trades, and those of none.
    sample_loaded.send(sample_decisions, owner=alice)
    written = sample_decisions.written(alice.pk)
    assert written.count() == 3 + len(PASSED)
    assert written.filter(outcome__outcome="win").count() == 3
    assert not written.filter(trade_key=traded.public_id).exists()
    assert [sample_decisions.is_sample(each) for each in (written[0], of_a_bot, own)] == [True, False, False]
    assert sample_decisions.write(alice) == 0

    articles = NewsArticle.objects.filter(owner=alice)
    assert (articles.count(), set(articles.values_list("source", flat=True))) == (len(ARTICLES), {"Sample news"})
    assert articles.get(title__startswith="Chip makers").decisions.get().named.get().instrument.symbol == "NVDA"
    analyses = StockAnalysis.objects.filter(owner=alice).order_by("instrument__symbol")
    assert [(each.instrument.symbol, each.ai_recommendation["action"]) for each in analyses] == [
        ("AAPL", "HOLD"),
        ("NVDA", "BUY"),
    ]
    # Closed at 110: the target is 12 % above and the stop 6 % below.
    assert analyses[1].ai_recommendation["take_profit"] == 123.2
    assert analyses[1].ai_recommendation["stop_loss"] == 103.4

    sample_removed.send(sample_decisions, owner=alice)

    assert set(Decision.objects.all()) == {own, foreign, of_a_bot}
    assert (NewsArticle.objects.count(), StockAnalysis.objects.count()) == (0, 0)


def test_most_sample_decisions_are_of_trades_with_a_stop(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample_decisions, "_MOST", 4)
    account = make_account(alice, "Sample", is_sample=True)
    for number in range(6):
        close_trade(open_trade(account, stop="95" if number % 2 else None, symbol=f"S{number}"), "110")

    sample_decisions.write(alice)

    ends = DecisionOutcome.objects.filter(owner=alice)
    assert (ends.count(), ends.filter(r_multiple=2).count()) == (4, 3)
