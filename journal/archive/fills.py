"""Fills and what was said of their trades, taken in from an archive."""

import uuid
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import versions
from journal.archive import desk, places
from journal.archive.money import refuse_unknown_currency
from journal.archive.opening import ArchiveRefused
from journal.archive.places import Place
from journal.archive.tables import BY_NAME
from trading import instruments as catalogue
from trading import trade_words, trades
from trading.instruments import InstrumentKey
from trading.models import Execution, ExecutionSource, FxRate, Instrument, InstrumentStatus, Trade
from trading.rebuilding import Scope
from trading.trade_words import TradeWords

if TYPE_CHECKING:
    from journal.archive.restoring import Restorer

Rows = list[dict[str, Any]]

_SCOPES = """
SELECT e.account_id, e.instrument_id, min(e.sort_at)
FROM archive_place p JOIN trading_execution e ON e.id = p.id
WHERE p.name = 'executions' AND p.is_new GROUP BY 1, 2
"""
_KNOWN = """
SELECT e.account_id, e.identity, e.id, e.public_id
FROM unnest(%s::bigint[], %s::uuid[]) AS w (account_id, identity)
JOIN trading_execution e ON e.account_id = w.account_id AND e.identity = w.identity
"""


def instruments(restorer: "Restorer", rows: Rows) -> None:
    """Each instrument is the one that is known here by its symbol, kind and currency, or a new one.

    They are everybody's: a new one has its name and point value from the reference data alone, as from any file, unless
    the operator trusts the archive.
    """
    for row in rows:
        refuse_unknown_currency(row["currency"])
    if restorer.trusts_reference:
        _make_as_stated(restorer, rows)
    same = {
        each.public_id: each for each in Instrument.objects.filter(public_id__in=[row["public_id"] for row in rows])
    }
    keys = {
        row["public_id"]: InstrumentKey(row["symbol"], row["kind"], row["currency"], row["multiplier"]) for row in rows
    }
    known = {key: each for key, each in same.items() if (each.symbol, each.kind, each.currency) == _named(keys[key])}
    before = Instrument.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    others = catalogue.find_or_create(
        [key for public_id, key in keys.items() if public_id not in known], on=timezone.localdate()
    )
    found = {row["public_id"]: known.get(row["public_id"]) or others[keys[row["public_id"]]] for row in rows}
    restorer.places.put(
        "instruments", [(old, Place(each.pk, each.public_id, each.pk > before)) for old, each in found.items()]
    )
    for row in rows:
        here = found[row["public_id"]]
        if here.multiplier != row["multiplier"]:
            restorer.other_points.add(here.pk)
        if (here.breakeven_ticks, here.tick_size) != (row["breakeven_ticks"], row["tick_size"]) and (
            here.breakeven_ticks or row["breakeven_ticks"]
        ):
            restorer.remark(
                _("%(symbol)s has another tolerance for breakeven here, so that outcomes may differ.")
                % {"symbol": row["symbol"]}
            )


def _named(key: InstrumentKey) -> tuple[str, str, str]:
    return key.symbol, key.kind, key.currency


def _make_as_stated(restorer: "Restorer", rows: Rows) -> None:
    taken = set(
        Instrument.objects.filter(
            symbol__in=[row["symbol"] for row in rows], status=InstrumentStatus.ACTIVE
        ).values_list("symbol", flat=True)
    )
    ids = set(
        Instrument.objects.filter(public_id__in=[row["public_id"] for row in rows]).values_list("public_id", flat=True)
    )
    columns = [name for name in BY_NAME["instruments"].columns if name not in ("public_id", "status")]
    made = [
        Instrument(
            **({} if row["public_id"] in ids else {"public_id": row["public_id"]}),
            **{name: row[name] for name in columns},
        )
        for row in rows
        if row["symbol"] not in taken
    ]
    Instrument.objects.bulk_create(made)
    restorer.added["instruments"] += len(made)


def rates(restorer: "Restorer", rows: Rows) -> None:
    """Rates that are not known here are stored where the operator trusts the archive, and counted where not."""
    found = FxRate.objects.filter(date__in={row["date"] for row in rows}).values_list("base", "quote", "date")
    there = set(found)
    missing = [row for row in rows if (row["base"], row["quote"], row["date"]) not in there]
    if not missing:
        return
    if not restorer.trusts_reference:
        restorer.remark(
            _("Rates of exchange that the archive was calculated with are not known here: converted money may differ.")
        )
        return
    FxRate.objects.bulk_create(
        [FxRate(**{name: row[name] for name in ("date", "base", "quote", "rate", "source")}) for row in missing]
    )
    restorer.added["rates"] += len(missing)
    versions.bump_everybody()


def executions(restorer: "Restorer", rows: Rows) -> None:
    """The fills are in their accounts; one that an account has already, by its identity, is that one."""
    table = BY_NAME["executions"]
    within = {row["public_id"] for row in rows}
    earlier = restorer.places.of("executions", {row["corrects"] for row in rows} - within)
    for name in ("account", "instrument", "batch"):
        there = restorer.places.of(table.refs[name], {row[name] for row in rows})
        for row in rows:
            place = there.get(row[name])
            if place is None and (row[name] is not None or name != "batch"):
                raise ArchiveRefused(_("A fill names an %(name)s that is not there.") % {"name": name}, code="dangling")
            row[f"{name}_id"] = place.id if place else None
    desk.name_orders(restorer, [row for row in rows if row["source"] == ExecutionSource.ORDER], "order_id")
    known = _known(rows)
    taken = _taken(Execution, restorer, [row["public_id"] for row in rows])
    new = [row for row in rows if (row["account_id"], row["identity"]) not in known]
    connection.ensure_connection()
    ids = places.next_ids(Execution, len(new))
    placed = {
        row["public_id"]: Place(*known[row["account_id"], row["identity"]], is_new=False)
        for row in rows
        if (row["account_id"], row["identity"]) in known
    }
    for row, key in zip(new, ids, strict=True):
        placed[row["public_id"]] = Place(key, _free(restorer, row["public_id"], taken), is_new=True)
    if len(placed) != len(rows):
        raise ArchiveRefused(_("A fill comes twice in it."), code="contradiction")
    values = []
    for row in new:
        corrected = placed.get(row["corrects"]) or earlier.get(row["corrects"])
        if row["corrects"] is not None and corrected is None:
            raise ArchiveRefused(_("A fill corrects one that is not there."), code="dangling")
        found = {name: row[name] for name in table.columns if name != "public_id"}
        found |= {f"{name}_id": row[f"{name}_id"] for name in ("account", "instrument", "batch")}
        found |= {
            "public_id": placed[row["public_id"]].key,
            "owner_id": restorer.owner.pk,
            "corrects_id": corrected.id if corrected else None,
        }
        values.append(found)
    places.insert(Execution, values, ids=ids)
    restorer.added["executions"] += len(ids)
    restorer.places.put("executions", placed.items())


def _known(rows: Rows) -> dict[tuple[int, uuid.UUID], tuple[int, uuid.UUID]]:
    with connection.cursor() as cursor:
        cursor.execute(_KNOWN, [[row["account_id"] for row in rows], [row["identity"] for row in rows]])
        return {(account, identity): (key, public_id) for account, identity, key, public_id in cursor.fetchall()}


def _taken(model: Any, restorer: "Restorer", olds: list[uuid.UUID]) -> set[uuid.UUID]:
    others = [places.other_id(restorer.owner, old) for old in olds]
    return set(model.objects.filter(public_id__in=[*olds, *others]).values_list("public_id", flat=True))


def _free(restorer: "Restorer", old: uuid.UUID, taken: set[uuid.UUID]) -> uuid.UUID:
    """The outside id of something new. Where even its other one is taken, what has it was moved since: a new one."""
    other = places.other_id(restorer.owner, old)
    return next((each for each in (old, other) if each not in taken), None) or uuid.uuid4()


def rebuild(restorer: "Restorer") -> None:
    """The trades of the fills that came are made, by the one path that makes trades."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE archive_place")
        cursor.execute(_SCOPES)
        scopes = [Scope(*row) for row in cursor.fetchall()]
    if scopes:
        restorer.added["trades"] += trades.changed(restorer.owner.pk, scopes).created


def words(restorer: "Restorer", rows: Rows) -> None:
    """What was said of the trades that came is said of them here; trades that were there keep their own words."""
    opening = restorer.places.of("executions", {row["opening_execution"] for row in rows})
    if any(row["opening_execution"] not in opening for row in rows):
        raise ArchiveRefused(_("A trade names a fill that is not there."), code="dangling")
    labels = restorer.places.of("tags", {old for row in rows for old in row["tags"]})
    made = {
        first: (pk, public_id)
        for first, pk, public_id in Trade.objects.filter(
            owner=restorer.owner, opening_execution__in=[place.id for place in opening.values()]
        ).values_list("opening_execution_id", "pk", "public_id")
    }
    taken = _taken(Trade, restorer, [row["public_id"] for row in rows])
    placed, said = [], []
    for row in rows:
        place = opening[row["opening_execution"]]
        if place.id not in made:
            restorer.remark(
                _("Some trades came out differently beside the fills that you had; their words were left out.")
            )
            continue
        pk, public_id = made[place.id]
        if place.is_new:
            public_id = _free(restorer, row["public_id"], taken)
            taken.add(public_id)
            said.append(_said(row, pk, public_id, [labels[old].id for old in row["tags"] if old in labels]))
        placed.append((row["public_id"], Place(pk, public_id, place.is_new)))
    trade_words.give(said)
    restorer.places.put("trades", placed)


def _said(row: dict[str, Any], pk: int, public_id: uuid.UUID, tag_ids: list[int]) -> TradeWords:
    own = ("public_id", "opening_execution", "tags")
    return TradeWords(
        trade_id=pk,
        public_id=public_id,
        tag_ids=tag_ids,
        **{name: value for name, value in row.items() if name not in own},
    )
