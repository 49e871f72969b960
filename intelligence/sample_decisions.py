"""Decisions to look at: why sample trades were taken, written as if before them, how they ended, and what was read.

They come with the sample accounts, and go with the one that they belong to, or with the last of these (`receivers`).
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import cycle

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts import versions
from accounts.models import LedgerEntry, User
from intelligence import decisions, memory, news
from intelligence.decisions import Links, Said
from intelligence.models import Decision, DecisionAction, NewsArticle, StockAnalysis
from intelligence.news_parsing import Article
from intelligence.sample_texts import ANALYSES, ARTICLES, LEARNED, LONG, MODEL, PASSED, SHORT
from trading.models import Instrument, InstrumentStatus, Order, Trade, TradeSide

#: Their outside ids, by which they are known: `sample-` alone might be how a person's own bot names its decisions.
_MARK = re.compile(r"sample-(trade|none|order)-[0-9]{1,3}", re.ASCII)
_MOST = 40
#: Of whom sample articles are, and where they would be.
SOURCE, PLACE = "Sample news", "https://example.com/sample-news/"


@transaction.atomic
def write(person: User) -> int:
    """The person has decisions about their sample's trades, news and analyses; returns how many decisions are new.

    The worker embeds them. Where there are any already, nothing changes.
    """
    if written(person.pk).exists():
        return 0
    # News are left where somebody has deleted the decisions alone.
    forget(person.pk)
    made = [*_of_trades(person), *_without_trade(person)]
    _read(person, made)
    return len(made)


@transaction.atomic
def write_of_orders(person: User) -> int:
    """So have the latest orders at the person's desk; returns how many decisions are new."""
    if written(person.pk).filter(external_id__contains="-order-").exists():
        return 0
    return len(list(_of_orders(person)))


def embed() -> None:
    """What anybody wrote is embedded, as far as that goes, without waiting for the worker."""
    while memory.fill(most=64).ready:
        pass


def is_sample(decision: Decision) -> bool:
    """Whether it came with the sample."""
    return _MARK.fullmatch(decision.external_id) is not None


def written(person_id: int) -> QuerySet[Decision]:
    """The person's decisions that came with the sample."""
    return Decision.objects.filter(owner_id=person_id, external_id__regex=f"^{_MARK.pattern}$")


def _of_trades(person: User) -> Iterator[Decision]:
    longs, shorts = cycle(LONG), cycle(SHORT)
    for number, trade in enumerate(_trades(person)):
        strategy, why, market = next(longs if trade.side == TradeSide.LONG else shorts)
        said = Said(
            action=DecisionAction.BUY if trade.side == TradeSide.LONG else DecisionAction.SELL,
            reasoning=f"{trade.instrument.symbol}: {why}",
            strategy=strategy,
            market_context=market,
            confidence=Decimal(("0.5", "0.6", "0.7", "0.8")[number % 4]),
            entry_price=trade.entry_price,
            quantity=trade.quantity,
            stop_loss=trade.initial_stop,
            take_profit=trade.initial_target,
            actor_kind="bot" if number % 5 == 4 else "person",
            actor="Momentum bot" if number % 5 == 4 else "",
        )
        at = (trade.opened_at or timezone.now()) - timedelta(minutes=3)
        links = Links(trade=trade)
        made = decisions.record(owner=person, said=said, at=at, links=links, external_id=f"sample-trade-{number}")
        if number % 7 == 2:
            learned = replace(said, reflection=LEARNED[number % len(LEARNED)])
            made = decisions.revise(
                made, said=learned, links=Links(account=trade.account, instruments=[trade.instrument], trade=trade),
                revision=1, at=timezone.now(),
            )  # fmt: skip
        yield made


def _trades(person: User) -> list[Trade]:
    """Closed trades from all of the time, of sample accounts that can be removed: those without cash movements."""
    moving = LedgerEntry.objects.filter(portfolio__account__owner=person).values("portfolio__account")
    closed: QuerySet[Trade] = (
        Trade.objects.for_user(person)
        .closed()
        .filter(account__is_sample=True)
        .exclude(account__in=moving)
        .select_related("instrument", "account")
        .order_by("activity_at", "id")
    )
    # Most of them with a stop, so that how they ended is told in R too.
    planned = _spread(closed.filter(initial_stop__isnull=False), _MOST - _MOST // 4)
    others = _spread(closed.filter(initial_stop__isnull=True), _MOST - len(planned))
    # What news are about was traded for a reason too.
    read = closed.filter(instrument__symbol__in={symbol for each in ARTICLES for symbol in each.symbols})
    newest = read.order_by("instrument", "-activity_at", "-id").distinct("instrument").values_list("pk", flat=True)
    return list(closed.filter(pk__in={*planned, *others, *newest}))


def _spread(trades: QuerySet[Trade], most: int) -> list[int]:
    """So many of them at most, from all of the time."""
    keys = list(trades.values_list("pk", flat=True))
    return keys[:: max(1, len(keys) // most)][-most:]


def _without_trade(person: User) -> Iterator[Decision]:
    now = timezone.now()
    for number, (action, strategy, why) in enumerate(PASSED):
        yield decisions.record(
            owner=person,
            said=Said(action=action, reasoning=why, strategy=strategy),
            at=now - timedelta(days=number + 1),
            external_id=f"sample-none-{number}",
        )


def _of_orders(person: User) -> Iterator[Decision]:
    orders = Order.objects.for_user(person).filter(purpose="entry").select_related("instrument", "account")
    for number, order in enumerate(orders.order_by("-id")[:2]):
        strategy, why, market = (LONG if order.side == "buy" else SHORT)[-1 - number]
        yield decisions.record(
            owner=person,
            said=Said(
                action=order.side.upper(),
                reasoning=f"{order.instrument.symbol}: {why}",
                strategy=strategy,
                market_context=market,
                confidence=Decimal("0.6"),
            ),
            at=order.created_at,
            links=Links(order=order),
            external_id=f"sample-order-{number}",
        )


def _read(person: User, made: list[Decision]) -> None:
    """News and analyses of what the decisions are about, each linked to one of them where there is one."""
    now = timezone.now()
    about: dict[str, Decision] = {}
    for decision in made:
        for named in decision.named.select_related("instrument"):
            about.setdefault(named.instrument.symbol, decision)
    known = {each.symbol: each for each in Instrument.objects.filter(status=InstrumentStatus.ACTIVE)
             .filter(symbol__in={symbol for each in ARTICLES for symbol in each.symbols})}  # fmt: skip
    for number, each in enumerate(ARTICLES, start=1):
        of = [known[symbol] for symbol in each.symbols if symbol in known]
        article = Article(
            title=each.title, url=f"{PLACE}{number}", source=SOURCE, published_at=now - timedelta(days=each.days),
            summary=each.summary, sentiment=each.sentiment, relevance=each.relevance,
        )  # fmt: skip
        news.write(
            person, article, instruments=of, decisions=[about[each.symbol] for each in of if each.symbol in about][:1]
        )
    for analysis in ANALYSES:
        instrument = known.get(analysis.symbol)
        of_it = Trade.objects.for_user(person).filter(account__is_sample=True, instrument=instrument)
        trade = of_it.order_by("-activity_at", "-id").first()
        if instrument is None or trade is None:
            continue
        price = (trade.exit_price or trade.entry_price).quantize(Decimal("0.01"))
        advice = {
            **analysis.parts["ai_recommendation"],
            "action": analysis.action,
            "entry_price": price,
            "stop_loss": (price * Decimal(analysis.stop)).quantize(Decimal("0.01")),
            "take_profit": (price * Decimal(analysis.target)).quantize(Decimal("0.01")),
        }
        news.analyse(
            person,
            instrument,
            price=price,
            parts={**analysis.parts, "ai_recommendation": advice},
            at=now - timedelta(days=analysis.days),
            decisions=[about[symbol] for symbol in [analysis.symbol] if symbol in about],
        )


@transaction.atomic
def forget(person_id: int) -> None:
    """What sample decisions, news and analyses are left of the person are gone."""
    versions.bump(person_id)
    written(person_id).delete()
    NewsArticle.objects.filter(owner_id=person_id, source=SOURCE, url__startswith=PLACE).delete()
    StockAnalysis.objects.filter(owner_id=person_id, ai_recommendation__model=MODEL).delete()
