"""Rows as the API shows them, written out by hand: a page of 50 took a serializer ten times as long as its query."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from accounts import decimals
from trading.models import Execution, FxRate, ImportBatch, ImportRow, Instrument, Position, Tag, Trade, TradeFill
from trading.open_positions import standing_of

Json = dict[str, Any]


def _number(value: Decimal | None) -> str | None:
    return None if value is None else decimals.plain(value)


def _instant(value: datetime | None) -> str | None:
    # As text already: what is kept for an idempotency key is then the very answer.
    return None if value is None else value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _day(value: date | None) -> str | None:
    return None if value is None else value.isoformat()


def tag_json(tag: Tag) -> Json:
    """A tag as `TagSerializer` describes it; its group is loaded."""
    group = str(tag.group.public_id) if tag.group else None
    return {"id": str(tag.public_id), "name": tag.name, "color": tag.color, "group": group}


def trade_json(trade: Trade, *, realized: Decimal | None = None) -> Json:
    """A trade as `TradeSerializer` describes it; its account, instrument and tags are loaded.

    `realized` is the part of its P&L that belongs to the days asked for; all of it by default.
    """
    return {
        "id": str(trade.public_id),
        "account": str(trade.account.public_id),
        "symbol": trade.instrument.symbol,
        "side": trade.side,
        "status": trade.status,
        "currency": trade.currency,
        "quantity": _number(trade.quantity),
        "open_quantity": _number(trade.open_quantity),
        "entry_price": _number(trade.entry_price),
        "exit_price": _number(trade.exit_price),
        "opened_at": _instant(trade.opened_at),
        "closed_at": _instant(trade.closed_at),
        "opened_on": _day(trade.opened_on),
        "closed_on": _day(trade.closed_on),
        "activity_at": _instant(trade.activity_at),
        "gross_pnl": _number(trade.gross_pnl),
        "fees": _number(trade.fees),
        "net_pnl": _number(trade.net_pnl),
        "realized_pnl": _number(trade.net_pnl if realized is None else realized),
        "broker_pnl": _number(trade.broker_pnl),
        "outcome": trade.outcome,
        "initial_stop": _number(trade.initial_stop),
        "initial_target": _number(trade.initial_target),
        "planned_r": _number(trade.planned_r),
        "realized_r": _number(trade.realized_r),
        "tags": [tag_json(tag) for tag in trade.tags.all()],
        "note": trade.note,
        "reviewed_at": _instant(trade.reviewed_at),
        "rating": trade.rating,
        "mae": _number(trade.mae),
        "mfe": _number(trade.mfe),
        "excursion_source": trade.excursion_source or None,
    }


def fill_json(part: TradeFill, *, line: ImportRow | None) -> Json:
    """A part of a fill as `TradeFillSerializer` describes it; its execution and that one's batch are loaded."""
    fill = part.execution
    source = None
    if fill.batch is not None and fill.line is not None:
        source = {
            "batch": str(fill.batch.public_id),
            "filename": fill.batch.filename,
            "line": fill.line,
            "raw": line.raw if line else "",
        }
    return {
        "execution": str(fill.public_id),
        "role": part.role,
        "side": fill.side,
        "quantity": _number(part.quantity),
        "price": _number(fill.price),
        "executed_at": _instant(fill.executed_at),
        "day": _day(part.day),
        "fees": _number(part.fees),
        "gross_pnl": _number(part.gross_pnl),
        "net_pnl": _number(part.net_pnl),
        "broker_pnl": _number(part.broker_pnl),
        "source": fill.source,
        "broker_fill_id": fill.broker_fill_id,
        "order_id": fill.order_id,
        "line": source,
    }


def trade_detail_json(trade: Trade, parts: Iterable[TradeFill], lines: Mapping[tuple[int, int], ImportRow]) -> Json:
    """A trade with its fills as `TradeDetailSerializer` describes it; `lines` by batch id and line number."""
    shown = []
    for part in parts:
        place = (part.execution.batch_id or 0, part.execution.line or 0)
        shown.append(fill_json(part, line=lines.get(place)))
    return {**trade_json(trade), "fills": shown}


def execution_json(fill: Execution) -> Json:
    """A fill as `ExecutionSerializer` describes it; its account, instrument and batch are loaded."""
    return {
        "id": str(fill.public_id),
        "account": str(fill.account.public_id),
        "symbol": fill.instrument.symbol,
        "side": fill.side,
        "quantity": _number(fill.quantity),
        "price": _number(fill.price),
        "multiplier": _number(fill.multiplier),
        "currency": fill.currency,
        "commission": _number(fill.commission),
        "fees": _number(fill.fees),
        "executed_at": _instant(fill.executed_at),
        "executed_on": _day(fill.executed_on),
        "broker_pnl": _number(fill.broker_pnl),
        "broker_fill_id": fill.broker_fill_id,
        "order_id": fill.order_id,
        "source": fill.source,
        "batch": str(fill.batch.public_id) if fill.batch else None,
        "line": fill.line,
    }


def position_json(position: Position, *, now: datetime) -> Json:
    """A position as `PositionSerializer` describes it; its account, trade, instrument and its quote are loaded."""
    stands = standing_of(position, now=now)
    quote = None if stands.mark is None else position.instrument.quote
    return {
        "account": str(position.account.public_id),
        "symbol": position.instrument.symbol,
        "quantity": _number(position.quantity),
        "average_price": _number(position.average_price),
        "multiplier": _number(position.trade.multiplier),
        "currency": position.trade.currency,
        "opened_at": _instant(position.opened_at),
        "opened_on": _day(position.opened_on),
        "trade": str(position.trade.public_id),
        "cost_basis": _number(stands.cost),
        "mark": None if stands.mark is None else _number(stands.mark.price),
        "marked_at": None if quote is None else _instant(quote.quoted_at),
        "mark_source": None if quote is None else quote.source,
        "unrealized_pnl": _number(stands.unrealized),
        "unrealized_ratio": _number(stands.ratio),
    }


def instrument_json(instrument: Instrument) -> Json:
    """An instrument as `InstrumentSerializer` describes it."""
    return {
        "id": str(instrument.public_id),
        "symbol": instrument.symbol,
        "name": instrument.name,
        "kind": instrument.kind,
        "status": instrument.status,
        "exchange": instrument.exchange,
        "currency": instrument.currency,
        "multiplier": _number(instrument.multiplier),
        "tick_size": _number(instrument.tick_size),
        "lot_size": _number(instrument.lot_size),
        "min_price": _number(instrument.min_price),
        "max_price": _number(instrument.max_price),
        "root": instrument.root_id,
        "underlying": instrument.underlying,
        "expires_on": _day(instrument.expires_on),
        "strike": _number(instrument.strike),
        "option_type": instrument.option_type,
    }


def fx_rate_json(rate: FxRate) -> Json:
    """A rate as `FxRateSerializer` describes it."""
    return {
        "date": _day(rate.date),
        "base": rate.base,
        "quote": rate.quote,
        "rate": _number(rate.rate),
        "source": rate.source,
    }


def batch_summary_json(batch: ImportBatch) -> Json:
    """An import as `ImportSummarySerializer` describes it; its account is loaded."""
    return {
        "id": str(batch.public_id),
        "status": batch.status,
        "filename": batch.filename,
        "size": batch.size,
        "sha256": batch.sha256,
        "format": batch.format,
        "account": str(batch.account.public_id) if batch.account else None,
        "progress": batch.progress,
        "total_rows": batch.total_rows,
        "error_code": batch.error_code,
        "error_message": batch.error_message,
        "created_at": _instant(batch.created_at),
        "started_at": _instant(batch.started_at),
        "finished_at": _instant(batch.finished_at),
        "undone_at": _instant(batch.undone_at),
    }


def batch_json(batch: ImportBatch) -> Json:
    """An import as `ImportSerializer` describes it; its account is loaded."""
    return {
        **batch_summary_json(batch),
        "selected_format": batch.selected_format,
        "parser_version": batch.parser_version,
        "options": batch.options,
        "preview": batch.preview,
        "result": batch.result,
    }


def row_json(row: ImportRow) -> Json:
    """A line of a file as `ImportRowSerializer` describes it."""
    return {"line": row.line, "outcome": row.outcome, "code": row.code, "message": row.message, "raw": row.raw}
