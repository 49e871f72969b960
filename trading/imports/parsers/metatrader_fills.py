"""From the rows of a MetaTrader report to fills: symbols without suffixes, lots as units, costs as costs."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from trading.imports.parsers.base import (
    ZERO,
    BadCell,
    FileRefused,
    ParseContext,
    Parsed,
    ParsedFill,
    RowError,
    SkippedRow,
    Warned,
)
from trading.imports.parsers.metatrader import (
    Deal,
    Line,
    Position,
    Survey,
    is_open_position,
    is_operation,
    read_deal,
    read_position,
    survey,
)
from trading.imports.parsers.numbers import optional_money, parse_money
from trading.imports.parsers.round_trips import Leg, RoundTrip, checked_price, checked_quantity
from trading.imports.parsers.symbols import Resolved
from trading.imports.parsers.times import parse_time

COST_STEP: Final = Decimal("1e-8")
STANDARD_LOT: Final = Decimal(100_000)
METALS: Final = {"XAU": Decimal(100), "XAG": Decimal(5000), "XPT": Decimal(100), "XPD": Decimal(100)}
COINS: Final = {"BTC": Decimal(1), "ETH": Decimal(1)}
CURRENCIES: Final = frozenset(
    {"USD", "EUR", "GBP", "JPY", "CHF", "CAD", "AUD", "NZD", "SEK", "NOK", "DKK", "PLN", "CZK", "HUF", "TRY"}
    | {"ZAR", "MXN", "SGD", "HKD", "CNH", "CNY", "ILS", "THB"}
)
USUAL_LOTS: Final = METALS | COINS
_SUFFIX = re.compile(r"(?P<symbol>#?[A-Z0-9]{2,})(?:[._\-+!#][A-Za-z0-9+!]{0,6}|[a-z]{1,5})?")


def read_report(lines: Callable[[], Iterable[Line]], context: ParseContext, *, style: str = "") -> Iterator[Parsed]:
    """Yield the fills of a report: of its deals where it has them, else of its closed positions.

    `lines` starts the report anew at each call: the first pass finds the account, how numbers are written
    and what one lot is. Raises FileRefused no_rows where the report holds no trade at all.
    """
    surveyed = survey(lines(), style=context.decimal_style or style)
    surveyed.currency = surveyed.currency or context.currency
    if not surveyed.has_rows:
        raise FileRefused("no_rows", "The report holds no closed trade. Choose a longer period and save it again.")
    lots = Lots(context, surveyed)
    unpriced: set[str] = set()
    for line in lines():
        deal = read_deal(line.cells) if surveyed.has_deals else None
        position = None if surveyed.has_deals else read_position(line.cells)
        try:
            if line.problem is not None:
                raise line.problem
            if deal is not None:
                yield from _costs_known(line, deal.symbol, _deal_costs(deal), lots, unpriced)
                yield deal_fill(line, deal, lots)
            elif position is not None:
                yield from _costs_known(line, position.symbol, _position_costs(position), lots, unpriced)
                yield from position_fills(line, position, lots)
            elif not surveyed.has_deals and is_open_position(line.cells):
                message = "A position that is still open. Import again when it is closed."
                yield SkippedRow(line.number, "still_open", message, line.raw)
            elif is_operation(line.cells):
                yield SkippedRow(line.number, "not_a_trade", "A movement of money, not a trade.", line.raw)
            elif line.is_position:
                yield _no_position(line, lots)
        except BadCell as bad:
            yield RowError(line.number, bad.column, bad.code, bad.message, bad.value, line.raw)


@dataclass(frozen=True, slots=True)
class Lots:
    """Turns the report's symbols and lots into instruments, units and money."""

    context: ParseContext
    survey: Survey

    def instrument(self, text: str, *, column: str) -> tuple[Resolved, Decimal]:
        """Return the instrument without the broker's suffix, and the units of one lot.

        What the file's own profits prove goes before what is declared, and that before what is usual; they
        prove a size only where they are in the currency of the price.
        Raises BadCell: missing_value, bad_symbol, lot_size_unknown.
        """
        symbol = plain_symbol(text, column=column)
        pair = is_pair(symbol)
        account = self.survey.currency
        currency = symbol[3:] if pair else account
        proven = self.survey.lots.get(text) if currency in ("", account) or not account else None
        stated = self.context.lot_units.get(symbol) or self.context.lot_units.get(text)
        units = proven or stated or (USUAL_LOTS.get(symbol[:3], STANDARD_LOT) if pair else None)
        if units is None:
            message = f"How many units one lot of {symbol} is stands nowhere in the file. State it for this broker."
            raise BadCell(column, "lot_size_unknown", message, text)
        kind = "cfd" if not pair else "crypto" if symbol[:3] in COINS else "forex"
        return Resolved(symbol, kind, Decimal(1), currency), units

    def number(self, text: str, *, column: str) -> Decimal:
        """Return the number. Raises BadCell."""
        return parse_money(text, column=column, style=self.survey.style)

    def money(self, text: str, *, column: str) -> Decimal:
        """Return the money, 0 where the cell is empty. Raises BadCell."""
        return optional_money(text, column=column, style=self.survey.style)

    def quantity(self, text: str, units: Decimal) -> Decimal:
        """Return the units of a volume in lots. Raises BadCell."""
        return checked_quantity(self.number(text, column="Volume") * units, column="Volume").normalize() + ZERO

    def price(self, text: str) -> Decimal:
        """Return the price. Raises BadCell; below 0 only oil has ever traded."""
        return checked_price(self.number(text, column="Price"), column="Price", kind="future")

    def time(self, text: str) -> datetime:
        """Return the instant; the server's time is read in the zone of the context. Raises BadCell."""
        return parse_time(text, column="Time", context=self.context, order="ymd")

    def rate(self, instrument: Resolved, price: Decimal) -> Decimal | None:
        """Return what one unit of the account's money is in the currency of the instrument's price.

        The pair's own price where the account is kept in its first currency (USDJPY in dollars), which is how
        the platform itself converts; None for a cross (EURGBP in dollars), whose rate the report does not hold.
        """
        account = self.survey.currency
        if not account or not instrument.currency or instrument.currency == account:
            return Decimal(1)
        return price if instrument.symbol[:3] == account else None


def deal_fill(line: Line, deal: Deal, lots: Lots) -> ParsedFill:
    """Return the fill of a deal; its P&L is the change of the balance that the report states for it."""
    instrument, units = lots.instrument(deal.symbol, column="Symbol")
    price = lots.price(deal.price)
    rate = lots.rate(instrument, price)
    commission = lots.money(deal.commission, column="Commission")
    other = lots.money(deal.fee, column="Fee") + lots.money(deal.swap, column="Swap")
    booked = lots.money(deal.profit, column="Profit") + commission + other
    closes = deal.direction != "in"
    return ParsedFill(
        line=line.number,
        raw=line.raw,
        identity_key=f"id:deal:{deal.ticket}",
        account_number=lots.survey.account_number,
        symbol=instrument.symbol,
        kind=instrument.kind,
        side=deal.side,
        quantity=lots.quantity(deal.volume, units),
        price=price,
        executed_at=lots.time(deal.time),
        executed_on=None,
        currency=instrument.currency,
        commission=_converted(-commission, rate),
        fees=_converted(-other, rate),
        multiplier=instrument.multiplier,
        broker_fill_id=deal.ticket,
        order_id=deal.order,
        broker_pnl=_converted(booked, rate) if rate is not None and (closes or booked) else None,
        note=deal.comment,
    )


def position_fills(line: Line, position: Position, lots: Lots) -> tuple[ParsedFill, ...]:
    """Return entry and exit of a closed position, all costs on the exit. Raises BadCell."""
    instrument, units = lots.instrument(position.symbol, column="Symbol")
    opened_at, closed_at = lots.time(position.opened), lots.time(position.closed)
    if closed_at < opened_at:
        raise BadCell("Time", "order_of_times", "The position is closed before it is opened.", position.closed)
    exit_price = lots.price(position.close_price)
    rate = lots.rate(instrument, exit_price)
    commission = lots.money(position.commission, column="Commission")
    other = lots.money(position.fee, column="Taxes") + lots.money(position.swap, column="Swap")
    net = lots.number(position.profit, column="Profit") + commission + other
    ticket = position.ticket
    # A position that is closed in parts has a row for each part under one ticket.
    key = f"id:position:{ticket}:{position.closed}:{position.volume}" if ticket else "row:" + "|".join(position)
    return RoundTrip(
        line=line.number,
        raw=line.raw,
        account_number=lots.survey.account_number,
        instrument=instrument,
        is_long=position.side == "buy",
        quantity=lots.quantity(position.volume, units),
        entry=Leg(opened_at, lots.price(position.open_price), f"{key}#entry", f"{ticket}:entry" if ticket else ""),
        exit=Leg(closed_at, exit_price, f"{key}#exit", f"{ticket}:exit" if ticket else ""),
        commission=_converted(-commission, rate),
        fees=_converted(-other, rate),
        net_pnl=_converted(net, rate) if rate is not None else None,
    ).fills()


def plain_symbol(text: str, *, column: str) -> str:
    """Return the symbol without what the broker appended: "EURUSD.x", "XAUUSDm" and "eurusd" are known pairs.

    Raises BadCell missing_value or bad_symbol.
    """
    if not text:
        raise BadCell(column, "missing_value", "The row names no instrument.", text)
    upper = text.upper()
    if upper.isascii() and is_pair(upper[:6]):
        return upper[:6]
    found = _SUFFIX.fullmatch(upper if text.islower() else text)
    if found is None or len(text) > 40:
        raise BadCell(column, "bad_symbol", "This is not a symbol.", text)
    return found["symbol"].lstrip("#")


def is_pair(symbol: str) -> bool:
    """Whether six letters are two currencies, or a metal or coin and a currency."""
    base, quote = symbol[:3], symbol[3:]
    return quote in CURRENCIES and (base in CURRENCIES or base in USUAL_LOTS)


def _converted(amount: Decimal, rate: Decimal | None) -> Decimal:
    if not amount or rate is None:
        return ZERO
    return amount if rate == 1 else (amount * rate).quantize(COST_STEP)


def _no_position(line: Line, lots: Lots) -> SkippedRow:
    """Return why a row below a header of positions is none. Raises BadCell where it should be one."""
    ticket, opened, kind, symbol, closed = (line.cells[at] for at in (0, 1, 2, 4, 8))
    if not opened and not symbol:
        return SkippedRow(line.number, "subtotal", "A total, not a trade.", line.raw)
    if kind in ("buy", "sell") and not closed:
        message = "A position that is still open. Import again when it is closed."
        return SkippedRow(line.number, "still_open", message, line.raw)
    lots.time(opened)
    lots.time(closed)
    return SkippedRow(line.number, "not_a_trade", f"Neither a buy nor a sell ({kind or ticket}).", line.raw)


def _deal_costs(deal: Deal) -> tuple[str, ...]:
    return deal.commission, deal.fee, deal.swap


def _position_costs(position: Position) -> tuple[str, ...]:
    return position.commission, position.fee, position.swap


def _costs_known(line: Line, symbol: str, costs: tuple[str, ...], lots: Lots, unpriced: set[str]) -> Iterator[Warned]:
    """Warn once for each cross whose costs cannot be told in the currency of its price."""
    instrument, _ = lots.instrument(symbol, column="Symbol")
    has_costs = any(lots.money(text, column="Commission") for text in costs)
    if has_costs and instrument.symbol not in unpriced and lots.rate(instrument, Decimal(1)) is None:
        unpriced.add(instrument.symbol)
        yield Warned(
            line.number,
            "costs_in_other_currency",
            f"{instrument.symbol} is priced in {instrument.currency} and its costs are stated in "
            f"{lots.survey.currency}; the report holds no rate between them, so its costs are left out.",
        )
