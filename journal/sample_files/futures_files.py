"""Files of futures platforms: Tradovate's two reports, NinjaTrader's executions, ProjectX's trades."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from journal.sample_files.books import Pair, SampleFill
from journal.sample_files.cells import Booked, csv_bytes, dollars, grouped, local, plain, side_word
from journal.sample_files.markets import MONTH_LETTERS, PRODUCTS

CHICAGO = "America/Chicago"
PARIS = "Europe/Paris"
_US_TIME = "%m/%d/%Y %H:%M:%S"
_MONTH_NAMES = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")

ORDERS = (
    "orderId,Account,Order ID,B/S,Contract,Product,Product Description,avgPrice,filledQty,Fill Time,lastCommandId,"
    "Status,_priceFormat,_priceFormatType,_tickSize,spreadDefinitionId,Version ID,Timestamp,Date,Quantity,Text,Type,"
    "Limit Price,Stop Price,decimalLimit,decimalStop,Filled Qty,Avg Fill Price,decimalFillAvg,Venue,Notional Value,"
    "Currency"
).split(",")
PERFORMANCE = (
    "symbol,_priceFormat,_priceFormatType,_tickSize,buyFillId,sellFillId,qty,buyPrice,sellPrice,pnl,"
    "boughtTimestamp,soldTimestamp,duration"
).split(",")
EXECUTIONS = (
    "Instrument;Action;Quantity;Price;Time;ID;E/X;Position;Order ID;Name;Commission;Rate;Account display name;"
    "Connection;"
).split(";")
TRADES = (
    "Id,ContractName,EnteredAt,ExitedAt,EntryPrice,ExitPrice,Fees,PnL,Size,Type,TradeDay,TradeDuration,Commissions"
).split(",")


def contract(symbol: str) -> str:
    """The contract with one digit of its year, as the exchange writes it: MESZ6."""
    return symbol[:-2] + symbol[-1]


# --- Tradovate ---------------------------------------------------------------------------------


def tradovate_orders(booked: list[Booked]) -> bytes:
    """The Orders report of many accounts: filled orders, targets canceled when a stop was hit, some rejected ones."""
    return csv_bytes(ORDERS, _order_rows(booked))


def _order_rows(booked: list[Booked]) -> Iterator[list[object]]:
    for fill, _ in booked:
        yield _order_row(fill, order_id=fill.order_id, status="Filled")
        if fill.role == "Stop" and fill.order_id % 2:
            yield _order_row(fill, order_id=fill.order_id + 1, status="Canceled")
        elif fill.role == "Entry" and fill.order_id % 45 == 0:
            yield _order_row(fill, order_id=fill.order_id + 2, status="Rejected")


def _order_row(fill: SampleFill, *, order_id: int, status: str) -> list[object]:
    product = PRODUCTS[fill.product]
    is_filled = status == "Filled"
    price, quantity = f"{fill.price:f}", plain(fill.quantity)
    kind = fill.order_type if is_filled else "Limit"
    limit = price if kind == "Limit" else ""
    stop = price if kind == "Stop" else ""
    stamp = local(fill.at, CHICAGO, _US_TIME)
    at = fill.at.astimezone(ZoneInfo(CHICAGO))
    # Some versions of the report put a blank before these values.
    return [
        order_id, fill.number, order_id, f" {side_word(fill.side)}", contract(fill.symbol), fill.product, product.name,
        price if is_filled else "", quantity if is_filled else "", stamp if is_filled else "", order_id, f" {status}",
        -2, 0, plain(product.tick), "", order_id, stamp, f"{at.month}/{at.day}/{at:%y}", quantity,
        "Copy" if fill.role == "Entry" else fill.role, f" {kind}", limit, stop, limit, stop,
        quantity if is_filled else "", price if is_filled else "", price if is_filled else "", "",
        grouped(fill.price * fill.quantity * fill.multiplier) if is_filled else "", fill.currency,
    ]  # fmt: skip


def tradovate_performance(booked: list[Booked]) -> bytes:
    """The Performance report of one account, which it does not name: a row per pair of a buying and a selling fill."""
    return csv_bytes(PERFORMANCE, [_pair_row(pair) for _, realized in booked for pair in realized.pairs])


def _pair_row(pair: Pair) -> list[object]:
    tick = PRODUCTS[pair.opening.product].tick
    buy, sell = (pair.opening, pair.closing) if pair.opening.side > 0 else (pair.closing, pair.opening)
    seconds = int((pair.closing.at - pair.opening.at).total_seconds())
    minutes, rest = divmod(seconds, 60)
    return [
        contract(pair.opening.symbol), -2, 0, plain(tick), buy.order_id, sell.order_id, plain(pair.quantity),
        f"{buy.price:f}", f"{sell.price:f}", dollars(pair.gross), local(buy.at, CHICAGO, _US_TIME),
        local(sell.at, CHICAGO, _US_TIME), f"{minutes}min {rest}sec" if minutes else f"{rest}sec",
    ]  # fmt: skip


# --- NinjaTrader -------------------------------------------------------------------------------


def ninjatrader_executions(booked: list[Booked]) -> bytes:
    """The Executions grid of many accounts on a computer set to French: decimal commas, days first, Paris time."""
    return csv_bytes(EXECUTIONS, [_execution_row(entry) for entry in booked], delimiter=";")


def _execution_row(entry: Booked) -> list[object]:
    fill, realized = entry
    letter, year = fill.symbol[-3], fill.symbol[-2:]
    month = _MONTH_NAMES[MONTH_LETTERS.index(letter)]
    held = realized.position
    at = fill.at.astimezone(ZoneInfo(PARIS))
    return [
        f"{fill.product} {month}{year}", side_word(fill.side), plain(fill.quantity), _comma(fill.price),
        f"{at:%d/%m/%Y} {at.hour}:{at:%M:%S}", f"exec{fill.order_id:09d}", "Exit" if realized.pairs else "Entry",
        f"{plain(abs(held))} {'L' if held > 0 else 'S'}" if held else "-", f"ord{fill.order_id:09d}",
        f"{fill.role}1", f"{_comma(fill.commission)} $", 1, fill.number, "Live", "",
    ]  # fmt: skip


def _comma(number: Decimal) -> str:
    return f"{number:.2f}".replace(".", ",")


# --- ProjectX ----------------------------------------------------------------------------------


def projectx_trades(booked: list[Booked]) -> bytes:
    """The Trades export of one account, which it does not name: a row per entry and exit, with the gross P&L."""
    pairs = [pair for _, realized in booked for pair in realized.pairs]
    return csv_bytes(TRADES, [_trade_row(pair, number) for number, pair in enumerate(pairs)])


def _trade_row(pair: Pair, number: int) -> list[object]:
    opening, closing = pair.opening, pair.closing
    fees = sum((fill.commission * pair.quantity / fill.quantity for fill in (opening, closing)), Decimal(0))
    held = closing.at - opening.at
    return [
        opening.order_id * 10 + number % 10, contract(opening.symbol), _with_offset(opening.at),
        _with_offset(closing.at), f"{opening.price:.9f}", f"{closing.price:.9f}", f"{fees:.5f}", f"{pair.gross:.9f}",
        plain(pair.quantity), "Long" if opening.side > 0 else "Short", _exchange_day(closing.at),
        f"0{held}.0000000" if held < timedelta(hours=10) else f"{held}.0000000", "",
    ]  # fmt: skip


def _with_offset(at: datetime) -> str:
    text = local(at, CHICAGO, f"{_US_TIME} %z")
    return f"{text[:-2]}:{text[-2:]}"


def _exchange_day(at: datetime) -> str:
    """The exchange's trading day, written as its midnight in Chicago."""
    there = at.astimezone(ZoneInfo(CHICAGO))
    day = there.date() + timedelta(days=1) if there.hour >= 17 else there.date()
    midnight = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(CHICAGO))
    return _with_offset(midnight)
