"""A person's own reading of files that no format knows: which column holds what, kept for the next file alike."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from trading.errors import ImportRefused
from trading.imports import pipeline
from trading.imports.parsers.base import fold
from trading.imports.parsers.lines import head_of
from trading.models import ColumnMapping, ImportBatch

#: Our fields and how people are told of them, those of a fill first.
FIELDS = {
    "symbol": gettext_lazy("Symbol"),
    "side": gettext_lazy("Side (buy or sell)"),
    "quantity": gettext_lazy("Quantity"),
    "price": gettext_lazy("Price"),
    "executed_at": gettext_lazy("Date and time"),
    "date": gettext_lazy("Date"),
    "time": gettext_lazy("Time"),
    "commission": gettext_lazy("Commission"),
    "fees": gettext_lazy("Other fees"),
    "currency": gettext_lazy("Currency"),
    "account": gettext_lazy("Account number"),
    "fill_id": gettext_lazy("Fill id, different in every row"),
    "order_id": gettext_lazy("Order id"),
    "status": gettext_lazy("Status"),
    "kind": gettext_lazy("Kind of instrument"),
    "multiplier": gettext_lazy("Multiplier"),
    "entry_price": gettext_lazy("Entry price (rows are round trips)"),
    "exit_price": gettext_lazy("Exit price"),
    "entry_at": gettext_lazy("Entry time"),
    "exit_at": gettext_lazy("Exit time"),
    "net_pnl": gettext_lazy("Net P&L by the broker"),
    "stop": gettext_lazy("Initial stop"),
    "target": gettext_lazy("Initial target"),
    "tags": gettext_lazy("Tags"),
    "note": gettext_lazy("Note"),
}


def sample_of(batch: ImportBatch) -> tuple[list[str], list[Sequence[str]]]:
    """The likely headers of the batch's file and the rows that follow; both empty for what is no table."""
    with pipeline.path_of(batch).open("rb") as file:
        rows = head_of(file, batch.filename).rows
    widest = max((len(row) for row in rows), default=0)
    for number, row in enumerate(rows):
        if len(row) >= max(3, widest - 1) and sum(bool(cell) for cell in row) >= 3:
            return [cell for cell in row if cell], list(rows[number + 1 : number + 6])
    return [], []


def kept_for(owner: User, header: Sequence[str]) -> ColumnMapping | None:
    """The newest mapping that this person made for exactly these headers."""
    wanted = [fold(cell) for cell in header]
    for mapping in ColumnMapping.objects.for_user(owner).order_by("-id")[:200]:
        if [fold(cell) for cell in mapping.header] == wanted:
            return mapping
    return None


@transaction.atomic
def keep(
    owner: User,
    *,
    name: str,
    header: Sequence[str],
    columns: Mapping[str, str],
    options: Mapping[str, Any],
    broker: str = "",
) -> ColumnMapping:
    """The mapping is kept under its name, in place of one of the same name. Raises ImportRefused."""
    unknown = sorted(set(columns) - set(FIELDS)) + sorted(set(columns.values()) - set(header))
    if unknown:
        raise ImportRefused(_("The file has no %(name)s.") % {"name": unknown[0]}, code="bad_mapping", status=400)
    mapping, _made = ColumnMapping.objects.update_or_create(
        owner=owner,
        name=name,
        defaults={"header": list(header), "columns": dict(columns), "options": dict(options), "broker": broker},
    )
    return mapping


def choice_of(mapping: ColumnMapping) -> dict[str, Any]:
    """The mapping as the option `mapping` of an import."""
    return {"columns": mapping.columns, **mapping.options}
