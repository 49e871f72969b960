"""Verbs on news and analyses: kept once, checked before they are."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from accounts import versions
from accounts.errors import Conflict, InvalidValue
from accounts.models import User
from intelligence import analysis_shape
from intelligence.analysis_shape import BadPart
from intelligence.models import LONGEST_ARTICLE, Decision, NewsArticle, StockAnalysis
from intelligence.news_parsing import Article
from trading.models import Instrument, InstrumentStatus


class ArticleKnown(Conflict):
    """The person has an article of this address."""

    code = "url_taken"


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of articles. Symbols that nothing here trades are not linked, and counted."""

    added: int = 0
    known: int = 0
    unknown_symbols: int = 0


@transaction.atomic
def keep(owner: User, articles: Sequence[Article], *, symbols: Iterable[str] = ()) -> Kept:
    """The articles are the person's, each address once: those of `symbols` and of their own symbols.

    An article that is there already gains the symbols that it lacks and is otherwise left as it is.
    """
    more = [symbol.upper() for symbol in symbols]
    wanted = {symbol for article in articles for symbol in (*article.symbols, *more)}
    known = {each.symbol: each for each in Instrument.objects.filter(symbol__in=wanted, status=InstrumentStatus.ACTIVE)}
    by_url: dict[str, Article] = {}
    for article in articles:
        by_url.setdefault(article.url, article)
    there = set(NewsArticle.objects.filter(owner=owner, url__in=by_url).values_list("url", flat=True))
    NewsArticle.objects.bulk_create(
        (_row(owner, article) for url, article in by_url.items() if url not in there), ignore_conflicts=True
    )
    keys = dict(NewsArticle.objects.filter(owner=owner, url__in=by_url).values_list("url", "pk"))
    through = NewsArticle.instruments.through
    through.objects.bulk_create(
        (
            through(newsarticle_id=keys[url], instrument_id=known[symbol].pk)
            for url, article in by_url.items()
            for symbol in dict.fromkeys((*article.symbols, *more))
            if symbol in known
        ),
        ignore_conflicts=True,
    )
    versions.bump(owner.pk)
    added = len(keys) - len(there)
    return Kept(added, len(articles) - added, len(wanted - known.keys()))


def _row(owner: User, article: Article) -> NewsArticle:
    return NewsArticle(
        owner=owner,
        source=article.source or "file",
        title=article.title,
        url=article.url,
        author=article.author,
        published_at=article.published_at,
        summary=article.summary[:LONGEST_ARTICLE],
        content=article.content[:LONGEST_ARTICLE],
        sentiment=bounded(article.sentiment, -1, 1),
        relevance=bounded(article.relevance, 0, 1),
    )


def bounded(text: str, low: int, high: int) -> Decimal | None:
    """The number if it lies between both, else nothing: what a feed calls a score may be of any scale."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    if not number.is_finite() or not low <= number <= high or "_" in text:
        return None
    return number.quantize(Decimal("0.0001"))


@transaction.atomic
def write(
    owner: User, article: Article, *, instruments: Sequence[Instrument], decisions: Sequence[Decision]
) -> NewsArticle:
    """One article, entered by a program of the person's. Raises ArticleKnown where its address is there already."""
    if NewsArticle.objects.filter(owner=owner, url=article.url).exists():
        raise ArticleKnown(_("You have an article of this address."), pointer="/url")
    made = _row(owner, article)
    made.save(force_insert=True)
    made.refresh_from_db()
    made.instruments.set(instruments)
    made.decisions.set(decisions)
    versions.bump(owner.pk)
    return made


@transaction.atomic
def link(read: NewsArticle | StockAnalysis, *, decisions: Sequence[Decision]) -> None:
    """What was read belongs to these decisions, and besides only to deleted ones, as they can be had back.

    Raises InvalidValue for a decision of somebody else.
    """
    if any(decision.owner_id != read.owner_id for decision in decisions):
        raise InvalidValue(_("There is nothing of yours with this id."), pointer="/decisions")
    versions.bump(read.owner_id)
    read.decisions.set([*read.decisions.filter(deleted_at__isnull=False), *decisions])


@dataclass(frozen=True, slots=True)
class Choice:
    """Articles and analyses: those that were `shown` to choose from, and those of them that were `chosen`."""

    shown_articles: Sequence[NewsArticle]
    chosen_articles: Sequence[NewsArticle]
    shown_analyses: Sequence[StockAnalysis]
    chosen_analyses: Sequence[StockAnalysis]


@transaction.atomic
def choose(decision: Decision, choice: Choice) -> None:
    """The decision has what was chosen, and nothing else of what was shown; what was not shown stays as it is."""
    versions.bump(decision.owner_id)
    for name, shown, chosen in (
        ("news", choice.shown_articles, choice.chosen_articles),
        ("analyses", choice.shown_analyses, choice.chosen_analyses),
    ):
        if any(each.owner_id != decision.owner_id for each in (*shown, *chosen)):
            raise InvalidValue(_("There is nothing of yours with this id."), pointer=f"/{name}")
        linked = getattr(decision, name)
        linked.remove(*(each for each in shown if each not in chosen))
        linked.add(*chosen)


@transaction.atomic
def forget(read: NewsArticle | StockAnalysis) -> None:
    """The article or analysis is gone."""
    versions.bump(read.owner_id)
    read.delete()


@transaction.atomic
def analyse(
    owner: User,
    instrument: Instrument,
    *,
    price: Decimal,
    parts: Mapping[str, Any],
    at: datetime,
    decisions: Sequence[Decision] = (),
) -> StockAnalysis:
    """The analysis is kept. Raises InvalidValue at the place in its parts that is not as it has to be."""
    for name, part in parts.items():
        try:
            analysis_shape.check(name, part)
        except BadPart as error:
            raise InvalidValue(error.message, pointer=error.pointer) from error
    made = StockAnalysis.objects.create(
        owner=owner,
        instrument=instrument,
        current_price=price,
        analyzed_at=at,
        **{name: analysis_shape.stored(part) for name, part in parts.items()},
    )
    made.decisions.set(decisions)
    versions.bump(owner.pk)
    made.refresh_from_db()
    return made
