"""What of the memory is in a person's archive: decisions as they read now, and how each ended."""

from typing import TYPE_CHECKING, Any

from django.db.models import Q

from accounts import decimals
from intelligence import analysis_shape
from intelligence.decision_changes import FIELDS, NUMBERS
from intelligence.models import (
    Decision,
    DecisionOutcome,
    DecisionRevision,
    NewsArticle,
    OutcomeSource,
    StockAnalysis,
)
from intelligence.news_parsing import canonical
from journal.archive import links
from journal.archive.opening import ArchiveRefused
from journal.archive.places import Place
from journal.archive.tables import Table, all_columns

if TYPE_CHECKING:
    from journal.archive.restoring import Restorer

Rows = list[dict[str, Any]]


def _decisions(restorer: "Restorer", table: Table, rows: Rows) -> None:
    """The decisions are there, each with its trade where that is; one that an import knows already is that one."""
    there = restorer.places.of("trades", {row["trade_key"] for row in rows})
    names = {row["external_id"] for row in rows} - {""}
    ids = {row["public_id"] for row in rows}
    known = {
        name: Place(pk, key, is_new=False)
        for pk, key, name in table.rows(restorer.owner)
        .filter(external_id__in=names)
        .exclude(public_id__in=ids)
        .values_list("pk", "public_id", "external_id")
    }
    restorer.places.put(
        table.name, [(row["public_id"], known[row["external_id"]]) for row in rows if row["external_id"] in known]
    )
    others = [row for row in rows if row["external_id"] not in known]
    for row in others:
        place = there.get(row["trade_key"])
        row["trade_key"] = place.key if place else None
        row["trade_fill"] = row["trade_fill"] if place else None
    restorer.rows(table, others)


def _revisions(restorer: "Restorer", table: Table, rows: Rows) -> None:
    """How the decisions that came read before each edit. Raises ArchiveRefused for what no edit leaves behind."""
    there = restorer.places.of("decisions", {row["decision"] for row in rows})
    counts = dict(Decision.objects.filter(pk__in=[place.id for place in there.values()]).values_list("pk", "revision"))
    for row in rows:
        place = there.get(row["decision"])
        if place is None or not place.is_new:
            continue
        if not 1 <= row["number"] < counts[place.id] or not _is_reading(row["values"]):
            raise ArchiveRefused("decision_revisions.jsonl: no edit of its decision left this.", code="contradiction")
        row["_more"] = {"owner_id": restorer.owner.pk}
    links.rename(restorer, rows, "values")
    restorer.rows(table, rows)


def _is_reading(values: Any) -> bool:
    """Whether these are fields of a decision, as an edit keeps them."""
    if not isinstance(values, dict) or values.keys() - FIELDS.keys():
        return False
    symbols = values.get("symbols", [])
    plain = (value for name, value in values.items() if name != "symbols")
    return (
        isinstance(symbols, list)
        and all(isinstance(each, str) for each in symbols)
        and all(isinstance(value, str | int | None) for value in plain)
        and all(_is_number(values[name]) for name in NUMBERS & values.keys())
    )


def _is_number(value: str | int | None) -> bool:
    """Whether an edit keeps a number so; one with an exponent may take gigabytes where it is written in full."""
    try:
        return value in (None, "") or decimals.strict(str(value)).is_finite()
    except ValueError:
        return False


def _news(restorer: "Restorer", table: Table, rows: Rows) -> None:
    """The articles are there. Raises ArchiveRefused where one is at no address of the web."""
    for row in rows:
        if canonical(row["url"]) != row["url"]:
            raise ArchiveRefused(f"news.jsonl: {row['url'][:60]!r} is no address of an article.", code="bad_line")
    restorer.rows(table, rows)


def _analyses(restorer: "Restorer", table: Table, rows: Rows) -> None:
    """The analyses are there, each with parts of the shape that pages read. Raises ArchiveRefused for one without."""
    try:
        for row in rows:
            for name in analysis_shape.PARTS:
                if row[name] is not None:
                    analysis_shape.check(name, row[name])
    except analysis_shape.BadPart as error:
        raise ArchiveRefused(f"analyses.jsonl: {error.pointer} {error.message}", code="bad_line") from error
    restorer.rows(table, rows)


TABLES = (
    Table(
        "decisions",
        Decision,
        all_columns(Decision, "deleted_at"),
        refs={"account": "accounts", "order": "orders", "managed_position": "managed_positions"},
        many={"instruments": "instruments"},
        of=lambda owner: Q(owner=owner, deleted_at__isnull=True),
        words=("reasoning", "market_context", "reflection"),
        may_be_missing=True,
        take=_decisions,
    ),
    Table(
        "decision_revisions",
        DecisionRevision,
        ("id", *all_columns(DecisionRevision, "owner_id", "actor_id")),
        refs={"decision": "decisions"},
        of=lambda owner: Q(owner_id=owner.pk, decision__deleted_at__isnull=True),
        comes_with="decision",
        may_dangle=True,
        may_be_missing=True,
        take=_revisions,
    ),
    Table(
        "decision_outcomes",
        DecisionOutcome,
        ("id", *all_columns(DecisionOutcome)),
        refs={"decision": "decisions"},
        of=lambda owner: Q(owner=owner, decision__deleted_at__isnull=True),
        unique=("decision",),
        # Those of trades follow from the trades.
        comes_back=lambda row: row["source"] == OutcomeSource.STATED,
        comes_with="decision",
        may_dangle=True,
        may_be_missing=True,
    ),
    Table(
        "news",
        NewsArticle,
        all_columns(NewsArticle),
        many={"instruments": "instruments", "decisions": "decisions"},
        unique=("owner", "url"),
        may_be_missing=True,
        take=_news,
    ),
    Table(
        "analyses",
        StockAnalysis,
        all_columns(StockAnalysis),
        refs={"instrument": "instruments"},
        many={"decisions": "decisions"},
        may_be_missing=True,
        take=_analyses,
    ),
)
