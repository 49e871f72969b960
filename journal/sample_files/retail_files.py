"""Files of retail platforms: MetaTrader's report, Webull's orders, TradingView's history, Tradervue's format."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from journal.sample_files.books import ZERO
from journal.sample_files.cells import Booked, csv_bytes, local, plain, side_word

NEW_YORK = "America/New_York"
SERVER = "Europe/Athens"
CENT = Decimal("0.01")

WEBULL = (
    "Option Level,Symbol,Market,Place Time,Filled Time,B/S,Side Type,Order Type,Option Type,Combo Type,"
    "Filled Avg Price,Filled Qty,Traded Value,Commission,Fee,Submitted Quantity,Amount,Limit Price,Stop Price,"
    "Time in Force,Extended Hours,Is Partial Filled"
).split(",")
TRADINGVIEW = (
    "Symbol,Side,Type,Qty,Limit Price,Stop Price,Fill Price,Status,Commission,Placing Time,Closing Time,Order ID,"
    "Level ID,Leverage,Margin"
).split(",")
TRADERVUE = ("Date", "Time", "Symbol", "Quantity", "Price", "Side", "Commission", "TransFee", "ECNFee")


def webull(booked: list[Booked]) -> bytes:
    """The desktop's order export of one account: New York time with its zone behind, prices with a dollar sign."""
    return csv_bytes(WEBULL, [_webull_row(entry) for entry in booked])


def _webull_row(entry: Booked) -> list[object]:
    fill, realized = entry
    filled = local(fill.at, NEW_YORK, "%m/%d/%Y %H:%M:%S %Z")
    placed = local(fill.at - timedelta(seconds=7), NEW_YORK, "%m/%d/%Y %H:%M:%S %Z")
    price, quantity = f"${fill.price:,.2f}", plain(fill.quantity)
    value = f"${fill.price * fill.quantity:,.2f}"
    limit = price if fill.order_type == "Limit" else "$0.00"
    return [
        "", fill.symbol, "NASDAQ", placed, filled, side_word(fill.side), "Close" if realized.pairs else "Open",
        fill.order_type, "", "Single", price, quantity, value, f"${fill.commission:.2f}", f"${fill.fees:.2f}", quantity,
        value, limit, "$0.00", "DAY", "N", "No",
    ]  # fmt: skip


def tradingview(booked: list[Booked]) -> bytes:
    """The order history of one paper account, newest first, with its canceled orders; times in UTC."""
    rows: list[list[object]] = []
    for fill, _ in reversed(booked):
        at, placed = f"{fill.at:%Y-%m-%d %H:%M:%S}", f"{fill.at - timedelta(seconds=3):%Y-%m-%d %H:%M:%S}"
        price, exchange = f"{fill.price:f}", "NASDAQ" if fill.product != "SPY" else "AMEX"
        limit = price if fill.order_type == "Limit" else ""
        word, symbol, quantity = side_word(fill.side), f"{exchange}:{fill.symbol}", plain(fill.quantity)
        if fill.order_id % 4 == 0:
            missed = f"{fill.price - fill.side:f}"
            canceled = [symbol, word, "Limit", quantity, missed, "", "", "Cancelled", "", placed, at]
            rows.append([*canceled, fill.order_id + 1, "", "1:1", ""])
        filled = [symbol, word, fill.order_type, quantity, limit, "", price, "Filled", plain(fill.commission)]
        rows.append([*filled, placed, at, fill.order_id, "", "1:1", ""])
    return csv_bytes(TRADINGVIEW, rows)


def tradervue(booked: list[Booked]) -> bytes:
    """The generic execution format of one account; times in New York."""
    rows = [
        [
            local(fill.at, NEW_YORK, "%m/%d/%Y"), local(fill.at, NEW_YORK, "%H:%M:%S"), fill.symbol,
            plain(fill.quantity), f"{fill.price:f}", "B" if fill.side > 0 else "S", plain(fill.commission), "0.00",
            plain(fill.fees),
        ]
        for fill, _ in booked
    ]  # fmt: skip
    return csv_bytes(TRADERVUE, rows)


# --- MetaTrader --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Report:
    """Whose report it is."""

    number: str
    currency: str
    opened_with: Decimal


def metatrader_html(booked: list[Booked], report: Report) -> bytes:
    """MetaTrader 5's trade history as it is saved: UTF-16, positions, then deals with the balance after each."""
    title = f"{report.number}: Sample Trader - Trade History Report"
    account = f"{report.number}&nbsp;({report.currency},&nbsp;Example-Server,&nbsp;real,&nbsp;Hedge)"
    lines = [
        "<!DOCTYPE html>", "<html>", "<head>", f"<title>{title}</title>",
        '<meta name="generator" content="client terminal">',
        '</head><body><table cellspacing="1" cellpadding="3" border="0">',
        '<tr align="center"><td colspan="14"><div><b>Trade History Report</b></div></td></tr>',
        '<tr align="left"><th colspan="4">Name:</th><th colspan="10"><b>Sample Trader</b></th></tr>',
        f'<tr align="left"><th colspan="4">Account:</th><th colspan="10"><b>{account}</b></th></tr>',
        *_section("Positions", "Time,Position,Symbol,Type,Volume,Price,S / L,T / P,Time,Price,Commission,Swap,Profit"),
        *(_html_row(_position(entry), hidden=True) for entry in booked if entry.realized.pairs),
        *_section(
            "Deals",
            "Time,Deal,Symbol,Type,Direction,Volume,Price,Order,Commission,Fee,Swap,Profit,Balance,Comment",
        ),
        *(_html_row(row) for row in _deals(booked, report)),
        "</table></body></html>",
    ]  # fmt: skip
    return "\r\n".join(lines).encode("utf-16")


def lots(entry: Booked) -> Decimal:
    """The volume in lots: 100,000 units of a currency, 100 ounces of gold, one of an index."""
    units = {"forex": 100 if entry.fill.product.startswith("XAU") else 100_000, "cfd": 1}[entry.fill.kind]
    return (entry.fill.quantity / units).quantize(CENT)


def _section(name: str, header: str) -> list[str]:
    title = f'<tr align="center"><th colspan="14"><div><b>{name}</b></div></th></tr>'
    return [title, _html_row(header.split(","))]


def _html_row(cells: Iterable[object], *, hidden: bool = False) -> str:
    made = [f"<td>{cell}</td>" for cell in cells]
    if hidden:
        # Rows of positions carry a hidden cell for the drill-down of the web page.
        made.insert(4, '<td class="hidden" colspan="8"></td>')
    return '<tr bgcolor="#FFFFFF" align="right">' + "".join(made) + "</tr>"


def _money(amount: Decimal) -> str:
    return f"{amount.quantize(CENT, ROUND_HALF_UP):,.2f}".replace(",", " ")


def _price(price: Decimal) -> str:
    return f"{price:,f}".replace(",", " ")


def _server_time(at: datetime) -> str:
    return local(at, SERVER, "%Y.%m.%d %H:%M:%S")


def _position(entry: Booked) -> list[object]:
    (pair,) = entry.realized.pairs
    opening, closing = pair.opening, pair.closing
    return [
        _server_time(opening.at), opening.order_id, f"{opening.symbol}", "buy" if opening.side > 0 else "sell",
        f"{lots(entry)}", _price(opening.price), "", "", _server_time(closing.at), _price(closing.price),
        _money(-closing.commission), _money(-closing.fees), _money(pair.gross),
    ]  # fmt: skip


def _deals(booked: list[Booked], report: Report) -> list[list[object]]:
    balance = report.opened_with
    first = _server_time(booked[0].fill.at - timedelta(days=1)) if booked else ""
    zero = _money(ZERO)
    opened = _money(balance)
    rows: list[list[object]] = [
        [first, 1_000, "", "balance", "", "", "", "", zero, zero, zero, opened, opened, "Deposit"]
    ]
    for entry in booked:
        fill, realized = entry
        gross = sum((pair.gross for pair in realized.pairs), ZERO)
        balance += gross - fill.commission - fill.fees
        rows.append(
            [
                _server_time(fill.at), fill.order_id + 1, fill.symbol, "buy" if fill.side > 0 else "sell",
                "out" if realized.pairs else "in", f"{lots(entry)}", _price(fill.price), fill.order_id,
                _money(-fill.commission), zero, _money(-fill.fees), _money(gross), _money(balance), "",
            ]
        )  # fmt: skip
    return rows
