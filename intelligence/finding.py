"""Decisions and news among what the search of all pages and the palette find."""

from django.conf import settings
from django.urls import reverse

from intelligence.models import ModelState
from intelligence.neighbours import words_of_action
from journal.search import HEADLINE, Hit, Query, marked, selected

#: Articles that are looked at, the newest.
_NEWEST = 2_000


def decisions(owner_id: int, query: Query, limit: int) -> list[Hit]:
    """Decisions that hold all the words, by the words that the memory keeps of them."""
    found = selected(
        f"""
        WITH q AS (
            SELECT plainto_tsquery(%(language)s::regconfig, %(whole)s)
                && to_tsquery(%(language)s::regconfig, %(last)s) AS q
        ), found AS (
            SELECT e.decision_id, ts_rank(e.words, q.q) AS rank FROM intelligence_embedding e, q
            WHERE e.owner_id = %(owner)s AND e.decision_id IS NOT NULL AND e.words @@ q.q
                AND e.model = (SELECT key FROM intelligence_embeddingmodel WHERE state = %(active)s)
            ORDER BY 2 DESC, 1 DESC LIMIT %(limit)s
        )
        SELECT d.public_id, d.action, d.strategy, d.decided_at::date, found.rank,
            ts_headline(%(language)s::regconfig, d.reasoning, q.q, {HEADLINE}),
            (SELECT i.symbol FROM intelligence_decisioninstrument n JOIN trading_instrument i ON i.id = n.instrument_id
             WHERE n.decision_id = d.id ORDER BY n.position, n.id LIMIT 1)
        FROM q, found JOIN intelligence_decision d ON d.id = found.decision_id AND d.deleted_at IS NULL
        """,  # noqa: S608 – our own text
        {**query.values(owner_id, limit), "language": settings.MEMORY_LANGUAGE, "active": ModelState.ACTIVE.value},
    )
    hits = []
    for public_id, action, strategy, day, rank, headline, symbol in found:
        title = " · ".join(part for part in (f"{words_of_action(action)} {symbol or ''}".strip(), strategy) if part)
        hits.append(
            Hit("decision", title, marked(headline), reverse("decision_detail", args=[public_id]), day, 1 + rank)
        )
    return hits


def articles(owner_id: int, query: Query, limit: int) -> list[Hit]:
    """Articles whose title or summary holds all the words, on the page of the first instrument that they are about."""
    found = selected(
        f"""
        WITH a AS (
            SELECT id, title, summary, url, published_at FROM intelligence_newsarticle
            WHERE owner_id = %(owner)s ORDER BY published_at DESC, id DESC LIMIT %(newest)s
        ), found AS (
            SELECT a.*, ts_rank(to_tsvector('simple', a.title || ' ' || a.summary), {Query.SQL}) AS rank
            FROM a WHERE to_tsvector('simple', a.title || ' ' || a.summary) @@ {Query.SQL}
            ORDER BY rank DESC, id DESC LIMIT %(limit)s
        )
        SELECT found.title, found.url, found.published_at::date, found.rank,
            ts_headline('simple', found.summary, {Query.SQL}, {HEADLINE}),
            (SELECT i.public_id FROM intelligence_newsarticle_instruments n JOIN trading_instrument i
             ON i.id = n.instrument_id WHERE n.newsarticle_id = found.id ORDER BY n.id LIMIT 1)
        FROM found
        """,  # noqa: S608 – our own text
        {**query.values(owner_id, limit), "newest": _NEWEST},
    )
    return [
        Hit(
            "article",
            title,
            marked(headline),
            reverse("instrument_detail", args=[about]) if about else url,
            day,
            0.9 + rank,
        )
        for title, url, day, rank, headline, about in found
    ]
