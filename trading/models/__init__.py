"""Tables of what happened: instruments, fills, trades, positions, imports."""

from trading.models.execution import Execution, ExecutionQuerySet, ExecutionSource, Side
from trading.models.importing import (
    AccountNumber,
    BatchStatus,
    ColumnMapping,
    ImportBatch,
    ImportBatchQuerySet,
    ImportRow,
    RowOutcome,
)
from trading.models.instrument import (
    FuturesRoot,
    FxRate,
    Instrument,
    InstrumentKind,
    InstrumentStatus,
)
from trading.models.market import Bar, Timeframe
from trading.models.trade import (
    FillRole,
    Outcome,
    Position,
    Tag,
    TagGroup,
    TagRole,
    Trade,
    TradeFill,
    TradeQuerySet,
    TradeSide,
    TradeStatus,
)

__all__ = [
    "AccountNumber",
    "Bar",
    "BatchStatus",
    "ColumnMapping",
    "Execution",
    "ExecutionQuerySet",
    "ExecutionSource",
    "FillRole",
    "FuturesRoot",
    "FxRate",
    "ImportBatch",
    "ImportBatchQuerySet",
    "ImportRow",
    "Instrument",
    "InstrumentKind",
    "InstrumentStatus",
    "Outcome",
    "Position",
    "RowOutcome",
    "Side",
    "Tag",
    "TagGroup",
    "TagRole",
    "Timeframe",
    "Trade",
    "TradeFill",
    "TradeQuerySet",
    "TradeSide",
    "TradeStatus",
]
