"""Orders that ended and plans that closed, taken in from an archive: history, which nothing acts on any more."""

import re
import uuid
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from journal.archive import places
from journal.archive.opening import ArchiveRefused
from journal.archive.tables import BY_NAME, Table
from trading import invariants
from trading.models import ExitStrategy, Order

if TYPE_CHECKING:
    from journal.archive.restoring import Restorer

Rows = list[dict[str, Any]]

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_OF_PLAN = re.compile(r"mp:([0-9a-f]{32})(:.*)", re.ASCII)


def name_orders(restorer: "Restorer", rows: Rows, column: str) -> None:
    """What names an order in this column, as fills and cash of orders do, names it by the id that it has here."""
    olds = {row[column]: uuid.UUID(row[column]) for row in rows if _ID.fullmatch(row[column])}
    found = places.by_outside_id(BY_NAME["orders"], restorer.owner, list(olds.values()))
    for row in rows:
        if row[column] in olds:
            row[column] = str(found[olds[row[column]]][0])


def orders(restorer: "Restorer", table: Table, rows: Rows) -> None:
    """The orders are there. Those that took one another's place still belong together, and to nobody else's."""
    there = restorer.places.of("instruments", {row["instrument"] for row in rows})
    same = [
        row for row in rows if row["instrument"] in there and there[row["instrument"]].id not in restorer.other_points
    ]
    if len(same) < len(rows):
        restorer.remark(
            _("Orders in instruments that have another point value here were left out: their fills are here.")
        )
    for row in _with_other_ids(restorer, table, same):
        row["chain_id"] = places.other_id(restorer.owner, row["chain_id"])
        row["client_order_id"] = _client_id(restorer, row["client_order_id"])
    restorer.rows(table, same)


def order_events(restorer: "Restorer", table: Table, rows: Rows) -> None:
    """What happened to the orders that came is in their log."""
    there = restorer.places.of("orders", {row["order"] for row in rows})
    accounts = dict(Order.objects.filter(pk__in=[place.id for place in there.values()]).values_list("pk", "account_id"))
    for row in rows:
        if (place := there.get(row["order"])) is not None:
            row["_more"] = {"owner_id": restorer.owner.pk, "account_id": accounts[place.id]}
    restorer.rows(table, rows)


def shipped_strategies(restorer: "Restorer", rows: Rows) -> None:
    """What names a strategy that was shipped there names the one of the same name here."""
    shipped = ExitStrategy.objects.filter(owner=None)
    here = {
        name: places.Place(pk, key, is_new=False) for name, pk, key in shipped.values_list("name", "pk", "public_id")
    }
    restorer.places.put(
        "exit_strategies", [(row["public_id"], here[row["name"]]) for row in rows if row["name"] in here]
    )


def exit_strategies(restorer: "Restorer", table: Table, rows: Rows) -> None:
    """The strategies are there; who has a default already keeps it."""
    if ExitStrategy.objects.of_owner(restorer.owner).filter(is_default=True).exists():
        for row in rows:
            row["is_default"] = False
    restorer.rows(table, rows)


def plan_exits(restorer: "Restorer", table: Table, rows: Rows) -> None:
    """The exits that closed plans decided are there."""
    for row in _with_other_ids(restorer, table, rows):
        row["client_order_id"] = _client_id(restorer, row["client_order_id"])
    restorer.rows(table, rows)


def check(restorer: "Restorer") -> None:
    """Raises ArchiveRefused where orders or plans that came are not what their log, fills and cash make of them."""
    keys = restorer.places.new_keys(("orders", "managed_positions"))
    if keys and (broken := next(invariants.broken_by(keys), None)):
        raise ArchiveRefused(
            _("It contradicts itself: %(words)s.")
            % {"words": next(each.words for each in invariants.INVARIANTS if each.name == broken)},
            code="contradiction",
        )


def _with_other_ids(restorer: "Restorer", table: Table, rows: Rows) -> Rows:
    """Those of the rows that are called otherwise here, as their ids are somebody else's."""
    found = places.by_outside_id(table, restorer.owner, [row["public_id"] for row in rows])
    return [row for row in rows if found[row["public_id"]][0] != row["public_id"]]


def _client_id(restorer: "Restorer", old: str) -> str:
    """The id by which an exit is ordered once: it names the plan, which has another id here."""
    if (found := _OF_PLAN.fullmatch(old)) is None:
        return old
    return f"mp:{places.other_id(restorer.owner, uuid.UUID(found[1])).hex}{found[2]}"
