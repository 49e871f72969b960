"""A person's own reading of files that no format knows: which column holds what, kept for the next file alike."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from accounts.models import User
from trading.errors import ImportRefused
from trading.imports import pipeline
from trading.imports.parsers.base import fold
from trading.imports.parsers.lines import head_of
from trading.models import ColumnMapping, ImportBatch

#: Our fields and how people are told of them, those of a fill first.
FIELDS = {
    "symbol": "Symbol",
    "side": "Side (buy or sell)",
    "quantity": "Quantity",
    "price": "Price",
    "executed_at": "Date and time",
    "date": "Date",
    "time": "Time",
    "commission": "Commission",
    "fees": "Other fees",
    "currency": "Currency",
    "account": "Account number",
    "fill_id": "Fill id, different in every row",
    "order_id": "Order id",
    "status": "Status",
    "kind": "Kind of instrument",
    "multiplier": "Multiplier",
    "entry_price": "Entry price (rows are round trips)",
    "exit_price": "Exit price",
    "entry_at": "Entry time",
    "exit_at": "Exit time",
    "net_pnl": "Net P&L by the broker",
    "stop": "Initial stop",
    "target": "Initial target",
    "tags": "Tags",
    "note": "Note",
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
        raise ImportRefused(f"The file has no {unknown[0]}.", code="bad_mapping", status=400)
    mapping, _ = ColumnMapping.objects.update_or_create(
        owner=owner,
        name=name,
        defaults={"header": list(header), "columns": dict(columns), "options": dict(options), "broker": broker},
    )
    return mapping


def choice_of(mapping: ColumnMapping) -> dict[str, Any]:
    """The mapping as the option `mapping` of an import."""
    return {"columns": mapping.columns, **mapping.options}
