"""Full-text search over all that a person has written or named, for them alone.

Words are looked for as they are ("simple": no language's endings are cut off, as people write in several), the last one
by its beginning. Notes of trades and days are found by their indexes, whatever the number of trades.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.contrib.postgres.search import SearchQuery, SearchVector
from django.db import connection
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from accounts.models import User
from journal.models import Note

LONGEST = 200
_WORDS = re.compile(r"\S+")
#: Around what was found, until the text is escaped: characters that no text of a person can hold.
_START, _STOP = "\ue000", "\ue001"
HEADLINE = f"'StartSel={_START}, StopSel={_STOP}, MaxWords=24, MinWords=10, ShortWord=0'"
#: Of each kind, besides the limit of all.
_MOST_OF_A_KIND = 50
#: Notes of trades that are looked at before all are: a word that most of them hold is found there often enough.
_NEWEST = 500


@dataclass(frozen=True, slots=True)
class Hit:
    """One thing found. `headline` is what was found in its surroundings, escaped, with `<mark>` around the words.

    `kind` is note, trade, tag, playbook, rule, file, account or symbol; or what a `register`ed look finds.
    """

    kind: str
    title: str
    headline: SafeString
    url: str
    day: date | None
    rank: float


def find(user: User, text: str, limit: int = 50) -> list[Hit]:
    """What holds all the words, the best first; nothing for a text without words."""
    query = Query.of(text)
    if query is None:
        return []
    hits: list[Hit] = []
    for look in (*_LOOKS, *_MORE):
        hits += look(user.pk, query, min(limit, _MOST_OF_A_KIND))
    return sorted(hits, key=lambda hit: (-hit.rank, hit.kind, hit.title))[:limit]


def register(look: "Look") -> None:
    """What this look finds is found too: of an app above this one."""
    if look not in _MORE:
        _MORE.append(look)


def matching_notes(notes: QuerySet[Note], text: str) -> QuerySet[Note]:
    """Those of the notes that hold all the words; all of them for a text without words."""
    query = Query.of(text)
    if query is None:
        return notes
    wanted = SearchQuery(query.last, config="simple", search_type="raw")
    if query.whole:
        wanted = SearchQuery(query.whole, config="simple", search_type="plain") & wanted
    return notes.annotate(words=SearchVector("title", "text", config="simple")).filter(words=wanted)


@dataclass(frozen=True, slots=True)
class Query:
    """Words to look for: all but the last whole, the last by its beginning."""

    whole: str
    last: str
    #: As typed, for names and symbols.
    typed: str

    #: In the condition itself, so that PostgreSQL knows what it looks for and takes the index.
    SQL = "(plainto_tsquery('simple', %(whole)s) && to_tsquery('simple', %(last)s))"

    @classmethod
    def of(cls, text: str) -> "Query | None":
        clean = text[:LONGEST].replace("\0", " ")
        words = _WORDS.findall(clean)
        if not words or not re.search(r"\w", clean):
            return None
        *whole, last = words
        quoted = last.replace("\\", "\\\\").replace("'", "''")
        return cls(" ".join(whole), f"'{quoted}':*" if re.search(r"\w", last) else "", clean.strip())

    def values(self, owner_id: int, limit: int) -> dict[str, Any]:
        """The parameters of every statement here."""
        return {"whole": self.whole, "last": self.last, "owner": owner_id, "limit": limit, "like": self.like}

    @property
    def like(self) -> str:
        escaped = self.typed.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        return f"%{escaped}%"


def selected(sql: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """The rows of a statement."""
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


def marked(headline: str) -> SafeString:
    """A headline by `HEADLINE`, escaped, with `<mark>` around what was found."""
    html = escape(headline).replace(_START, "<mark>").replace(_STOP, "</mark>")
    return mark_safe(html)  # noqa: S308 – escaped a line above


def _plain(text: str) -> SafeString:
    return mark_safe(escape(text))  # noqa: S308 – escaped


# The vectors are written as the indexes have them, or else PostgreSQL would not use them.
_NOTE_VECTOR = "to_tsvector('simple'::regconfig, COALESCE(n.title, '') || ' ' || COALESCE(n.text, ''))"
_TRADE_VECTOR = "to_tsvector('simple'::regconfig, COALESCE(t.note, ''))"


def _notes(owner_id: int, query: Query, limit: int) -> list[Hit]:
    rows = selected(
        f"""
        WITH found AS (
            SELECT n.id, ts_rank({_NOTE_VECTOR}, {Query.SQL}) AS rank FROM journal_note n
            WHERE {_NOTE_VECTOR} @@ {Query.SQL} AND n.owner_id = %(owner)s AND n.deleted_at IS NULL
            ORDER BY 2 DESC, 1 DESC LIMIT %(limit)s
        )
        SELECT n.public_id, n.title, n.kind, n.day, a.name, found.rank,
            ts_headline('simple', n.text, {Query.SQL}, {HEADLINE})
        FROM found JOIN journal_note n ON n.id = found.id
        LEFT JOIN accounts_account a ON a.id = n.account_id
        """,  # noqa: S608 – our own text
        query.values(owner_id, limit),
    )
    hits = []
    for public_id, title, kind, day, account, rank, headline in rows:
        words = title or {"plan": _("Plan"), "review": pgettext("kind of note", "Review")}.get(kind, _("Note"))
        shown = " · ".join(part for part in (words, account) if part)
        hits.append(Hit("note", shown, marked(headline), reverse("note_detail", args=[public_id]), day, 1 + rank))
    return hits


_NEWEST_TRADES = """(
    SELECT t.id, t.note, t.owner_id FROM trading_trade t WHERE NOT (t.note = '') AND t.owner_id = %(owner)s
    ORDER BY t.closed_on DESC LIMIT %(newest)s
)"""


def _trades(owner_id: int, query: Query, limit: int) -> list[Hit]:
    """The best of the newest where these are enough, else the best of all."""
    newest = _trades_of(_NEWEST_TRADES, owner_id, query, limit)
    return newest if len(newest) >= limit else _trades_of("trading_trade", owner_id, query, limit)


def _trades_of(source: str, owner_id: int, query: Query, limit: int) -> list[Hit]:
    rows = selected(
        f"""
        WITH found AS (
            SELECT t.id, ts_rank({_TRADE_VECTOR}, {Query.SQL}) AS rank FROM {source} t
            WHERE {_TRADE_VECTOR} @@ {Query.SQL} AND NOT (t.note = '') AND t.owner_id = %(owner)s
            ORDER BY 2 DESC, 1 DESC LIMIT %(limit)s
        )
        SELECT t.public_id, i.symbol, a.name, t.opened_on, found.rank,
            ts_headline('simple', t.note, {Query.SQL}, {HEADLINE})
        FROM found JOIN trading_trade t ON t.id = found.id
        JOIN trading_instrument i ON i.id = t.instrument_id JOIN accounts_account a ON a.id = t.account_id
        """,  # noqa: S608 – our own text
        {**query.values(owner_id, limit), "newest": _NEWEST},
    )
    return [
        Hit("trade", f"{symbol} · {name}", marked(text), reverse("trade_detail", args=[public_id]), day, 1 + rank)
        for public_id, symbol, name, day, rank, text in rows
    ]


def _playbooks(owner_id: int, query: Query, limit: int) -> list[Hit]:
    rows = selected(
        f"""
        SELECT p.public_id, p.name, ts_headline('simple', p.name || ' ' || p.description, {Query.SQL}, {HEADLINE}),
            ts_rank(to_tsvector('simple', p.name || ' ' || p.description), {Query.SQL})
        FROM journal_playbook p
        WHERE p.owner_id = %(owner)s AND to_tsvector('simple', p.name || ' ' || p.description) @@ {Query.SQL}
        ORDER BY 4 DESC, p.id LIMIT %(limit)s
        """,  # noqa: S608 – our own text
        query.values(owner_id, limit),
    )
    return [
        Hit("playbook", name, marked(text), reverse("playbook_detail", args=[public_id]), None, 1.5 + rank)
        for public_id, name, text, rank in rows
    ]


def _rules(owner_id: int, query: Query, limit: int) -> list[Hit]:
    """Rules in their newest words."""
    rows = selected(
        f"""
        WITH newest AS (
            SELECT DISTINCT ON (r.key) r.key, r.text, r."group" AS rules, p.public_id, p.name
            FROM journal_playbook p JOIN journal_playbookversion v ON v.playbook_id = p.id
            JOIN journal_playbookrule r ON r.version_id = v.id
            WHERE p.owner_id = %(owner)s ORDER BY r.key, v.number DESC
        )
        SELECT newest.public_id, newest.name, ts_headline('simple', newest.text, {Query.SQL}, {HEADLINE}),
            ts_rank(to_tsvector('simple', newest.text || ' ' || newest.rules), {Query.SQL})
        FROM newest WHERE to_tsvector('simple', newest.text || ' ' || newest.rules) @@ {Query.SQL}
        ORDER BY 4 DESC, newest.key LIMIT %(limit)s
        """,  # noqa: S608 – our own text
        query.values(owner_id, limit),
    )
    return [
        Hit("rule", name, marked(text), reverse("playbook_detail", args=[public_id]), None, 1 + rank)
        for public_id, name, text, rank in rows
    ]


def _files(owner_id: int, query: Query, limit: int) -> list[Hit]:
    # A name is one word to the parser ("chart_es.png"), so that its parts are set apart.
    vector = "to_tsvector('simple', f.caption || ' ' || f.filename || ' ' || translate(f.filename, '._-', '   '))"
    rows = selected(
        f"""
        SELECT f.public_id, f.filename, ts_headline('simple', f.caption, {Query.SQL}, {HEADLINE}),
            ts_rank({vector}, {Query.SQL}), f.trade_key, n.public_id, f.created_at::date
        FROM journal_attachment f LEFT JOIN journal_note n ON n.id = f.note_id
        WHERE f.owner_id = %(owner)s AND f.deleted_at IS NULL AND n.deleted_at IS NULL AND {vector} @@ {Query.SQL}
        ORDER BY 4 DESC, f.id DESC LIMIT %(limit)s
        """,  # noqa: S608 – our own text
        query.values(owner_id, limit),
    )
    hits = []
    for _public_id, name, text, rank, trade, note, day in rows:
        url = reverse("note_detail", args=[note]) if note else reverse("trade_detail", args=[trade])
        hits.append(Hit("file", name, marked(text), url, day, 0.8 + rank))
    return hits


def _tags(owner_id: int, query: Query, limit: int) -> list[Hit]:
    rows = selected(
        "SELECT g.name, coalesce(tg.name, '') FROM trading_tag g LEFT JOIN trading_taggroup tg ON tg.id = g.group_id "
        "WHERE g.owner_id = %(owner)s AND g.name ILIKE %(like)s ORDER BY length(g.name), g.name LIMIT %(limit)s",
        query.values(owner_id, limit),
    )
    return [
        Hit("tag", name, _plain(group), f"{reverse('trade_list')}?{_pair('tag', name)}", None, _closeness(query, name))
        for name, group in rows
    ]


def _accounts(owner_id: int, query: Query, limit: int) -> list[Hit]:
    rows = selected(
        "SELECT a.public_id, a.name, a.broker FROM accounts_account a WHERE a.owner_id = %(owner)s "
        "AND (a.name ILIKE %(like)s OR a.broker ILIKE %(like)s OR a.number ILIKE %(like)s) "
        "ORDER BY length(a.name), a.name LIMIT %(limit)s",
        query.values(owner_id, limit),
    )
    return [
        Hit("account", name, _plain(broker), reverse("account_detail", args=[public_id]), None, _closeness(query, name))
        for public_id, name, broker in rows
    ]


def _symbols(owner_id: int, query: Query, limit: int) -> list[Hit]:
    """Instruments that the person has traded: by the sums of days, by what is open, and by trades no sum knows yet."""
    rows = selected(
        """
        WITH named AS MATERIALIZED (
            SELECT i.id, i.symbol, i.name FROM trading_instrument i
            WHERE i.symbol LIKE %(like)s ORDER BY length(i.symbol), i.symbol LIMIT 40
        ), behind AS MATERIALIZED (
            SELECT v.day FROM journal_facetversion v
            WHERE v.owner_id = %(owner)s AND v.computed_version < v.requested_version
        ), summed AS MATERIALIZED (
            SELECT DISTINCT s.key FROM journal_facetday s WHERE s.owner_id = %(owner)s AND s.dimension = 'symbol'
            AND s.key = ANY(ARRAY(SELECT id::text FROM named)) AND s.day NOT IN (SELECT day FROM behind)
        )
        SELECT named.symbol, named.name FROM named
        WHERE named.id::text IN (SELECT key FROM summed)
        OR EXISTS (SELECT 1 FROM trading_position p WHERE p.instrument_id = named.id AND p.owner_id = %(owner)s)
        OR (EXISTS (SELECT 1 FROM behind) AND EXISTS (
            SELECT 1 FROM accounts_account a WHERE a.owner_id = %(owner)s AND EXISTS (
                SELECT 1 FROM trading_trade t WHERE t.account_id = a.id AND t.instrument_id = named.id
            )
        )) ORDER BY length(named.symbol), named.symbol LIMIT %(limit)s
        """,
        {**query.values(owner_id, min(limit, 10)), "like": f"{query.like[1:-1].upper()}%"},
    )
    return [
        Hit("symbol", symbol, _plain(name), f"{reverse('trade_list')}?{_pair('symbol', symbol)}", None,
            _closeness(query, symbol))
        for symbol, name in rows
    ]  # fmt: skip


def _closeness(query: Query, name: str) -> float:
    """How near a name comes to what was typed: itself, its beginning, a part of it."""
    typed, name = query.typed.casefold(), name.casefold()
    return 3.0 if name == typed else 2.0 if name.startswith(typed) else 0.9


def _pair(name: str, value: str) -> str:
    return urlencode({name: value})


#: Of a person, for a query, at most so many.
Look = Callable[[int, Query, int], list[Hit]]
_LOOKS: tuple[Look, ...] = (
    _symbols, _accounts, _tags, _playbooks, _rules, _notes, _trades, _files,
)  # fmt: skip
_MORE: list[Look] = []
