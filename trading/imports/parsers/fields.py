"""What the columns of a table mean, where no broker's format says so: well-known names, or a person's mapping."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from trading.imports.parsers.base import BadCell, FileRefused, fold

#: Our field -> the headers that mean it, the most telling first.
FILL_HEADERS: Mapping[str, tuple[str, ...]] = {
    "symbol": ("Symbol", "Ticker", "Instrument", "Contract", "Symbol/Instrument", "Ticker Symbol",
    "Stock", "Market"),
    "side": ("Side", "Buy/Sell", "B/S", "Action", "Direction", "Trans Code", "Trade Type",
    "Transaction Type"),
    "quantity": (
        "Filled quantity", "Filled Qty", "Fill qty", "Quantity", "Qty", "Exec Qty", "Shares",
        "No. of shares", "Contracts",
        "Size", "Volume", "Filled", "Units",
    ),
    "price": (
        "Avg fill price", "Average fill price", "Fill price", "Filled Avg Price", "Avg Price",
        "Average Price",
        "Execution Price", "Exec Price", "Trade Price", "Traded Price", "Price / share", "Price",
    ),
    "executed_at": (
        "Close time", "Closing time", "Execution time", "Exec Time", "Fill Time", "Filled Time",
        "Filled At", "Executed At",
        "Date/Time", "DateTime", "Trade Date/Time", "Date and Time", "Timestamp",
        "Order Execution Time", "Date/Time UTC",
    ),
    "date": ("Trade Date", "TradeDate", "Execution Date", "Date", "T/D", "Activity Date"),
    "time": ("Trade Time", "Time", "Exec Time"),
    "commission": ("Commission", "Commissions", "Comm", "Commission fee", "Commission Amount",
    "IBCommission"),
    "fees": ("Fees", "Fee", "Route fee", "Reg Fee", "Regulatory Fees", "Exchange Fee", "TransFee", "ECNFee"),
    "currency": ("Currency", "CurrencyPrimary", "Price Currency"),
    "account": ("Account", "Account Number", "Account ID", "AccountId", "Account Name"),
    "fill_id": ("Execution ID", "Exec ID", "Fill ID", "IBExecID", "Trade ID", "Transaction ID"),
    "order_id": ("Order ID", "OrderId", "Order Number", "Order #"),
    "status": ("Status", "Order Status"),
    "kind": ("Instrument Type", "Asset Class", "AssetClass", "Asset Type", "Security Type", "Type"),
    "multiplier": ("Multiplier", "Contract Multiplier"),
    "name": ("Name", "Description", "Company"),
    "note": ("Note", "Notes", "Comment"),
    "tags": ("Tags",),
}  # fmt: skip

TRIP_HEADERS: Mapping[str, tuple[str, ...]] = {
    "symbol": FILL_HEADERS["symbol"],
    "side": ("Side", "Direction", "Market pos.", "Market Position", "Long/Short", "Position", "Buy/Sell"),
    "quantity": ("Quantity", "Qty", "Volume", "Size", "Shares", "Contracts", "Units"),
    "entry_price": ("Entry Price", "EntryPrice", "Open Price", "Avg Entry Price", "Average Entry Price"),
    "exit_price": ("Exit Price", "ExitPrice", "Close Price", "Avg Exit Price", "Average Exit Price"),
    "entry_at": (
        "Entry Date UTC", "Entry Time UTC", "Entry DateTime", "Entry Timestamp", "Entry Date/Time",
        "Open Datetime",
        "Opened At", "Entered At", "EnteredAt", "Entry Time", "Open Time", "Entry Date", "Open Date",
        "Date Opened",
    ),
    "exit_at": (
        "Exit Date UTC", "Exit Time UTC", "Exit DateTime", "Exit Timestamp", "Exit Date/Time",
        "Close Datetime",
        "Closed At", "Exited At", "ExitedAt", "Exit Time", "Close Time", "Exit Date", "Close Date",
        "Date Closed",
    ),
    "entry_date": ("Entry Date", "Open Date", "Opened Date"),
    "entry_time": ("Entry Time", "Open Time"),
    "exit_date": ("Exit Date", "Close Date", "Closed Date"),
    "exit_time": ("Exit Time", "Close Time"),
    "commission": FILL_HEADERS["commission"],
    "fees": ("Fees", "Fee", "Clearing Fee", "Exchange Fee", "IP Fee", "NFA Fee", "Swap"),
    "net_pnl": ("Net P&L", "Net PnL", "Net Profit", "NetPnL"),
    "gross_pnl": ("Gross P&L", "Gross PnL", "Gross Profit"),
    "currency": FILL_HEADERS["currency"],
    "account": FILL_HEADERS["account"],
    "fill_id": ("Trade ID", "Position ID"),
    "kind": FILL_HEADERS["kind"],
    "multiplier": FILL_HEADERS["multiplier"],
    "stop": ("Stop Loss", "Initial Stop", "StopLoss"),
    "target": ("Take Profit", "Initial Target", "TakeProfit"),
    "name": FILL_HEADERS["name"],
    "note": FILL_HEADERS["note"],
    "tags": FILL_HEADERS["tags"],
}  # fmt: skip

FIELDS = frozenset(FILL_HEADERS) | frozenset(TRIP_HEADERS)

#: Fields that add up where a file has several columns of them.
SUMMED = frozenset({"commission", "fees"})

BUY_WORDS = frozenset(
    {
        "b", "buy", "bot", "bought", "long", "l", "buy to open", "buy to close", "buy to cover",
        "buy open", "buy close",
        "bto", "btc", "bc", "cover", "long buy", "buy long", "bid", "you bought",
        "market buy", "limit buy", "stop buy",
    }
)  # fmt: skip
SELL_WORDS = frozenset(
    {
        "s", "sell", "sld", "sold", "short", "ss", "sell short", "sell to open", "sell to close",
        "sell open", "sell close",
        "sto", "stc", "long sell", "short sell", "sell long", "ask", "you sold",
        "market sell", "limit sell", "stop sell",
    }
)  # fmt: skip

KIND_WORDS: Mapping[str, str] = {
    "stock": "stock", "stocks": "stock", "stk": "stock", "equity": "stock", "equities": "stock",
    "share": "stock",
    "shares": "stock", "etf": "etf", "option": "option", "options": "option", "opt": "option",
    "equity option": "option",
    "future": "future", "futures": "future", "fut": "future", "forex": "forex", "fx": "forex",
    "crypto": "crypto",
    "cryptocurrency": "crypto", "cfd": "cfd", "bond": "bond", "index": "index",
}  # fmt: skip

CANCELED = frozenset(
    {"canceled", "cancelled", "rejected", "expired", "failed", "working", "pending", "open", "new", "inactive"}
)


@dataclass(frozen=True, slots=True)
class Layout:
    """Which headers of one file hold which field, and how its sides are written."""

    columns: Mapping[str, tuple[str, ...]]  #: field -> headers of this file, several only for sums
    utc: frozenset[str] = field(default_factory=frozenset)  #: fields whose header says that the time is UTC
    side_values: Mapping[str, str] = field(default_factory=dict)  #: folded word -> buy | sell; "" -> of rows without
    has_unique_ids: bool = False  #: a person says that fill_id is one; "Trade ID" of any file may repeat per fill

    def header(self, name: str) -> str:
        """Return the header of the field, "" when the file has none."""
        return next(iter(self.columns.get(name, ())), "")

    def has(self, *names: str) -> bool:
        """Whether the file has a column for every one of the fields."""
        return all(self.columns.get(name) for name in names)

    @property
    def is_round_trip(self) -> bool:
        """Whether a row holds an entry and its exit."""
        return self.has("entry_price", "exit_price")


def layout_of(header: Sequence[str], headers: Mapping[str, tuple[str, ...]]) -> Layout:
    """Return which of the well-known headers this file has. A column serves one field, the first that names it."""
    present = {_key(name): name for name in reversed(header) if name.strip()}
    columns: dict[str, tuple[str, ...]] = {}
    taken: set[str] = set()
    for field_name, spellings in headers.items():
        found = [present[_key(name)] for name in spellings if _key(name) in present]
        found = [name for name in dict.fromkeys(found) if name not in taken or field_name.endswith(("_date", "_time"))]
        if found:
            columns[field_name] = tuple(found) if field_name in SUMMED else (found[0],)
            taken.update(columns[field_name])
    _settle_split_times(columns)
    utc = frozenset(name for name, used in columns.items() if fold(used[0]).endswith("utc"))
    return Layout(columns, utc)


def _key(name: str) -> str:
    return fold(name).replace("_", "")


def _settle_split_times(columns: dict[str, tuple[str, ...]]) -> None:
    """Read date and time apart where the file has both, and a lone "Entry Date" as the moment."""
    for leg in ("entry", "exit"):
        day, clock, moment = columns.get(f"{leg}_date"), columns.get(f"{leg}_time"), columns.get(f"{leg}_at")
        if day and clock and moment in (day, clock):
            del columns[f"{leg}_at"]
        else:
            columns.pop(f"{leg}_date", None)
            columns.pop(f"{leg}_time", None)
    if columns.get("executed_at") and columns.get("date") and fold(columns["executed_at"][0]) == "exectime":
        columns["time"] = columns.pop("executed_at")


def with_side_in_type(layout: Layout, value: str) -> Layout:
    """Return the layout with its kind column as the side, where that column holds sides and no other does."""
    if layout.has("side") or not layout.has("kind") or folded_words(value) not in BUY_WORDS | SELL_WORDS:
        return layout
    columns = {name: headers for name, headers in layout.columns.items() if name != "kind"}
    return replace(layout, columns={**columns, "side": layout.columns["kind"]})


def mapped_layout(choice_columns: Mapping[str, str], side_values: Mapping[str, str]) -> Layout:
    """Return the layout that a person's mapping states. Raises FileRefused bad_mapping."""
    columns: dict[str, tuple[str, ...]] = {}
    for name, header in choice_columns.items():
        if name not in FIELDS:
            raise FileRefused("bad_mapping", f"The mapping has a field {name[:40]!r} that is not known.")
        if header:
            columns[name] = (header,)
    sides = {}
    for word, side in side_values.items():
        meaning = "buy" if side.lower() in BUY_WORDS else "sell" if side.lower() in SELL_WORDS else ""
        if not meaning:
            raise FileRefused("bad_mapping", f"The mapping reads {word[:40]!r} as {side[:40]!r}; say buy or sell.")
        sides[folded_words(word)] = meaning
    return Layout(columns, frozenset(), sides, has_unique_ids=True)


def folded_words(text: str) -> str:
    """Return the words in lower case with single blanks."""
    return " ".join(text.lower().replace("_", " ").split())


def read_side(text: str, layout: Layout, *, column: str) -> str:
    """Return "buy" or "sell". An empty side is never assumed: raises BadCell missing_value, unknown_side."""
    word = folded_words(text)
    declared = layout.side_values.get(word)
    if declared:
        return declared
    if not word:
        raise BadCell(
            column, "missing_value", "The side is missing; whether it was bought or sold is never assumed.", text
        )
    if word in BUY_WORDS:
        return "buy"
    if word in SELL_WORDS:
        return "sell"
    raise BadCell(column, "unknown_side", "This is neither a buy nor a sell. Say in the mapping what it means.", text)
