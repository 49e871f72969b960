"""Files of Interactive Brokers: a Flex query of many accounts, and the Activity Statement of one."""

from collections.abc import Callable
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from journal.sample_files.books import ZERO, SampleFill
from journal.sample_files.cells import Booked, grouped, local, plain, table
from journal.sample_files.markets import PRODUCTS

NEW_YORK = "America/New_York"
CLASSES = {"stock": "STK", "option": "OPT", "forex": "CASH"}
CATEGORIES = {"stock": "Stocks", "option": "Equity and Index Options", "forex": "Forex"}
EXCHANGES = {"USD": "NASDAQ", "EUR": "IBIS", "GBP": "LSE", "JPY": "TSEJ"}
FLEX = (
    "ClientAccountID,AccountAlias,CurrencyPrimary,FXRateToBase,AssetClass,Symbol,Description,Conid,UnderlyingSymbol,"
    "Multiplier,Strike,Expiry,Put/Call,TradeID,DateTime,TradeDate,TransactionType,Exchange,Quantity,TradePrice,Taxes,"
    "IBCommission,IBCommissionCurrency,FifoPnlRealized,Open/CloseIndicator,Notes/Codes,Buy/Sell,IBOrderID,"
    "TransactionID,IBExecID,LevelOfDetail"
).split(",")
ACTIVITY = (
    "Trades,Header,DataDiscriminator,Asset Category,Currency,Symbol,Date/Time,Quantity,T. Price,C. Price,Proceeds,"
    "Comm/Fee,Basis,Realized P/L,MTM P/L,Code"
).split(",")
#: Of the fills that close something, these (by their place) are stated by the broker a little differently from its own
#: prices, as happens after a correction of the cost basis: the journal shows the difference.
CORRECTED = {40: Decimal("-12.50"), 211: Decimal("8.75")}

Rate = Callable[[str, date], Decimal]


def corrections(booked: list[Booked]) -> dict[int, Decimal]:
    """By how much the broker's figure differs, by the order id of the few fills where it does."""
    closings = [entry.fill.order_id for entry in booked if entry.realized.net is not None]
    return {closings[at]: by for at, by in CORRECTED.items() if at < len(closings)}


def flex_csv(booked: list[Booked], *, base_of: dict[str, str], rate: Rate, corrected: dict[int, Decimal]) -> bytes:
    """A Flex query of trades, level Executions, all values quoted. `rate` gives the euro's price in a currency."""
    rows = [
        _flex_row(entry, base=base_of[entry.fill.number], rate=rate, off_by=corrected.get(entry.fill.order_id, ZERO))
        for entry in booked
    ]
    return table([FLEX, *rows], quote_all=True)


def _flex_row(entry: Booked, *, base: str, rate: Rate, off_by: Decimal) -> list[object]:
    fill, realized = entry
    on = fill.at.date()
    to_base = (rate(base, on) / rate(fill.currency, on)).quantize(Decimal("0.00001"), ROUND_HALF_UP)
    is_expiry = fill.role == "Expiry"
    option = option_parts(fill)
    order = "" if is_expiry else str(fill.order_id)
    closes = bool(realized.pairs)
    return [
        fill.number, "", fill.currency, plain(to_base), CLASSES[fill.kind], flex_symbol(fill), describe(fill),
        conid(fill), fill.product if option else "", plain(fill.multiplier), *(option or ("", "", "")),
        fill.order_id + 1, local(fill.at, NEW_YORK, "%Y%m%d;%H%M%S"), local(fill.at, NEW_YORK, "%Y%m%d"),
        "BookTrade" if is_expiry else "ExchTrade", "--" if is_expiry else EXCHANGES[fill.currency],
        plain(fill.quantity * fill.side), plain(fill.price), plain(-fill.fees), plain(-fill.commission), fill.currency,
        plain((realized.net or ZERO) + off_by), "C" if closes else "O", "Ep" if is_expiry else "",
        "BUY" if fill.side > 0 else "SELL", order, fill.order_id + 2,
        "" if is_expiry else f"0000{fill.order_id:06x}.6{fill.order_id:07x}.01.01", "EXECUTION",
    ]  # fmt: skip


def flex_symbol(fill: SampleFill) -> str:
    """Options are padded as the clearing house has it, pairs have a point in them."""
    if fill.kind == "option":
        tail = fill.symbol[len(fill.product) :]
        return f"{fill.product:<6}{tail}"
    return f"{fill.symbol[:3]}.{fill.symbol[3:]}" if fill.kind == "forex" else fill.symbol


def option_parts(fill: SampleFill) -> tuple[str, str, str] | None:
    """Strike, expiry and right of an option."""
    if fill.kind != "option":
        return None
    tail = fill.symbol[len(fill.product) :]
    return plain(Decimal(tail[7:]).scaleb(-3)), f"20{tail[:6]}", tail[6]


def describe(fill: SampleFill) -> str:
    """What the broker calls the instrument."""
    option = option_parts(fill)
    if option is None:
        return PRODUCTS[fill.product].name.upper() if fill.kind == "stock" else flex_symbol(fill)
    strike, expiry, right = option
    month = date(int(expiry[:4]), int(expiry[4:6]), int(expiry[6:])).strftime("%d%b%y").upper()
    return f"{fill.product} {month} {strike} {right}"


def conid(fill: SampleFill) -> int:
    """A number of the instrument, as long as the broker's."""
    number = 0
    for character in fill.symbol:
        number = (number * 37 + ord(character)) % 899_999_999
    return 100_000_000 + number


def activity_csv(booked: list[Booked], *, number: str, start: date, end: date) -> bytes:
    """The Activity Statement of one account in dollars: sections in one file, trades by category and symbol."""
    rows: list[list[object]] = [
        ["Statement", "Header", "Field Name", "Field Value"],
        ["Statement", "Data", "BrokerName", "Interactive Brokers LLC"],
        ["Statement", "Data", "Title", "Activity Statement"],
        ["Statement", "Data", "Period", f"{start:%B} {start.day}, {start.year} - {end:%B} {end.day}, {end.year}"],
        ["Account Information", "Header", "Field Name", "Field Value"],
        ["Account Information", "Data", "Account", number],
        ["Account Information", "Data", "Base Currency", "USD"],
        [*ACTIVITY],
    ]
    for kind, category in CATEGORIES.items():
        of_kind = [entry for entry in booked if entry.fill.kind == kind]
        in_order = sorted(of_kind, key=lambda entry: entry.fill.symbol)
        rows += [_activity_row(entry, category) for entry in in_order]
        if of_kind:
            rows.append(_total_row(of_kind, category))
    rows += _instruments(booked)
    return table(rows)


def _activity_row(entry: Booked, category: str) -> list[object]:
    fill, realized = entry
    value = -fill.side * fill.quantity * fill.price * fill.multiplier
    codes = "C;Ep" if fill.role == "Expiry" else "C" if realized.pairs else "O"
    symbol = describe(fill) if fill.kind == "option" else flex_symbol(fill)
    return [
        "Trades", "Data", "Order", category, fill.currency, symbol, local(fill.at, NEW_YORK, "%Y-%m-%d, %H:%M:%S"),
        grouped(fill.quantity * fill.side), grouped(fill.price), grouped(fill.price), grouped(value),
        plain(-fill.commission), grouped(-value), grouped(realized.net or ZERO), 0, codes,
    ]  # fmt: skip


def _total_row(booked: list[Booked], category: str) -> list[object]:
    commission = sum((-entry.fill.commission for entry in booked), ZERO)
    realized = sum((entry.realized.net or ZERO for entry in booked), ZERO)
    return [
        "Trades", "SubTotal", "", category, "USD", "", "", "", "", "", "", plain(commission), "", grouped(realized),
        "", "",
    ]  # fmt: skip


def _instruments(booked: list[Booked]) -> list[list[object]]:
    found = {entry.fill.symbol: entry.fill for entry in booked}
    header = (
        "Financial Instrument Information,Header,Asset Category,Symbol,Description,Conid,Underlying,Listing Exch,"
        "Multiplier,Expiry,Delivery Month,Type,Strike,Code"
    ).split(",")
    rows: list[list[object]] = [[*header]]
    for fill in found.values():
        option = option_parts(fill)
        name = describe(fill) if option else flex_symbol(fill)
        strike, expiry, right = option or ("", "", "")
        day = f"{expiry[:4]}-{expiry[4:6]}-{expiry[6:]}" if expiry else ""
        rows.append(
            [
                "Financial Instrument Information", "Data", CATEGORIES[fill.kind], name, describe(fill), conid(fill),
                fill.product if option else "", "CBOE" if option else "NASDAQ", plain(fill.multiplier), day, day[:7],
                right, strike, "",
            ]
        )  # fmt: skip
    return rows
