"""One execution as Interactive Brokers states it, whatever the layout that carried it.

The conventions are the broker's own: quantities are signed, a commission is negative when it was paid, a
bond trades at a price per 100 of its face value, and realized P&L is stated after commissions.
"""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Final, NamedTuple

from trading.contracts import parse_option
from trading.imports.parsers.base import ZERO, BadCell, ParseContext, ParsedFill, SkippedRow
from trading.imports.parsers.ibkr_times import FlexClock
from trading.imports.parsers.numbers import parse_decimal
from trading.imports.parsers.symbols import Resolved, resolve_symbol


class FlexValues(NamedTuple):
    """The texts of one execution; "" where the layout lacks the field."""

    account: str
    symbol: str
    asset_class: str
    level: str
    currency: str
    quantity: str
    price: str
    moment: str
    day: str
    time_of_day: str
    side: str
    commission: str
    commission_currency: str
    taxes: str
    other_fees: str
    realized: str
    multiplier: str
    execution_id: str
    trade_id: str
    transaction_id: str
    order_id: str
    codes: str
    open_close: str
    transaction_type: str
    description: str
    underlying: str
    strike: str
    expiry: str
    put_call: str
    fx_rate: str


KINDS: Final = {
    "": "",  # the smallest layouts leave it to the shape of the symbol
    "STK": "stock",
    "WAR": "stock",
    "FUND": "stock",
    "IND": "index",
    "OPT": "option",
    "FOP": "option",
    "FSFOP": "option",
    "FUT": "future",
    "CASH": "forex",
    "CFD": "cfd",
    "CRYPTO": "crypto",
    "BOND": "bond",
    "BILL": "bond",
}
CENT_OF_FACE: Final = Decimal("0.01")
WORTHLESS_CODES: Final = frozenset({"Ep", "Ex", "A", "GEA", "AEx"})
LEVELS_SKIPPED: Final = {
    "ORDER": ("subtotal", "An order in total; its executions are read instead."),
    "CLOSED_LOT": ("subtotal", "A closed lot; the executions that closed it are read instead."),
    "SYMBOL_SUMMARY": ("subtotal", "A total of one symbol; its executions are read instead."),
    "ASSET_SUMMARY": ("subtotal", "A total of one asset class; its executions are read instead."),
    "WASH_SALE": ("not_a_trade", "A wash sale adjustment for the tax return, not a fill."),
}
MAX_ID: Final = 100  #: characters of an id that are kept
INSTRUMENTS_REMEMBERED: Final = 10_000


class FlexFills:
    """Builds the fills of one file or section; remembers instruments and how the file writes its sells."""

    def __init__(self, context: ParseContext, labels: FlexValues, *, date_order: str = "") -> None:
        self._context = context
        self._labels = labels
        self._clock = FlexClock(context, order=date_order)
        self._instruments: dict[tuple[str, ...], Resolved] = {}
        self._sells_are_signed: bool | None = None

    def build(self, values: FlexValues, *, line: int, raw: str, row_key: Callable[[], str]) -> ParsedFill | SkippedRow:
        """Return the fill, or why the row is none. Raises BadCell."""
        level = values.level
        if level not in ("EXECUTION", ""):
            code, message = LEVELS_SKIPPED.get(
                level.upper().replace(" ", "_"), ("not_a_trade", f"A row of level {level}, not a fill.")
            )
            return SkippedRow(line, code, message, raw)
        labels = self._labels
        executed_at, executed_on, trading_day = self._clock.moment(
            values.moment, values.day, values.time_of_day, column=labels.moment or labels.day
        )
        day = trading_day or executed_on or (executed_at.date() if executed_at else date.min)
        instrument = self._instrument(values, day)
        signed = parse_decimal(values.quantity, column=labels.quantity)
        if not signed:
            raise BadCell(labels.quantity, "quantity_zero", "The quantity is 0.", values.quantity)
        side = self._side(values, signed)
        price = self._price(values, instrument.kind)
        broker_id = values.execution_id or values.trade_id or values.transaction_id
        if len(broker_id) > MAX_ID or len(values.order_id) > MAX_ID or len(values.account) > MAX_ID:
            raise BadCell("", "field_too_long", f"An id of the row is longer than {MAX_ID} characters.", broker_id)
        return ParsedFill(
            line,
            raw,
            "id:" + broker_id if broker_id else row_key(),
            values.account,
            instrument.symbol,
            instrument.kind,
            side,
            abs(signed),
            price,
            executed_at,
            executed_on,
            instrument.currency,
            self._commission(values, instrument.kind),
            self._fees(values),
            instrument.multiplier,
            broker_id,
            values.order_id,
            self._realized(values),
            values.description,
            trading_day,
        )

    def _side(self, values: FlexValues, signed: Decimal) -> str:
        word = values.side.upper()
        by_sign = "buy" if signed > 0 else "sell"
        if not word:
            return by_sign
        # A cancellation is booked as the opposite movement: "BUY (Ca.)" carries a negative quantity.
        cancels = word.endswith("(CA.)")
        word = word.removesuffix("(CA.)").strip()
        if word not in ("BUY", "SELL", "B", "S"):
            raise BadCell(self._labels.side, "unknown_side", "The side is neither BUY nor SELL.", values.side)
        stated = "buy" if word[0] == "B" else "sell"
        if cancels:
            return by_sign
        if stated == "buy" and signed < 0:
            raise BadCell(
                self._labels.quantity,
                "side_conflict",
                "The side says buy and the quantity is negative.",
                values.quantity,
            )
        if stated == "sell":
            if self._sells_are_signed is None:
                self._sells_are_signed = signed < 0
            elif self._sells_are_signed != (signed < 0):
                raise BadCell(
                    self._labels.quantity,
                    "side_conflict",
                    "The side says sell, but the sign of the quantity is not that of the file's other sells.",
                    values.quantity,
                )
        return stated

    def _price(self, values: FlexValues, kind: str) -> Decimal:
        label = self._labels.price
        price = parse_decimal(values.price, column=label)
        if price > 0:
            return price
        if price < 0:
            if kind not in ("future", "option"):
                raise BadCell(label, "price_negative", "The price is negative.", values.price)
            return price
        ends_worthless = kind == "option" and (
            values.transaction_type == "BookTrade" or not WORTHLESS_CODES.isdisjoint(codes_of(values.codes))
        )
        if not ends_worthless:
            raise BadCell(
                label,
                "price_zero",
                "The price is 0, and the row is not an option that expired or was assigned.",
                values.price,
            )
        return price

    def _commission(self, values: FlexValues, kind: str) -> Decimal:
        if not values.commission:
            return ZERO
        commission = -parse_decimal(values.commission, column=self._labels.commission)
        paid_in = values.commission_currency
        if not commission or not paid_in or paid_in == values.currency:
            return commission or ZERO
        # Currency trades are charged in the account's base currency, and the row states the rate to it.
        rate = parse_decimal(values.fx_rate, column=self._labels.fx_rate) if values.fx_rate else ZERO
        if kind not in ("forex", "crypto") or rate <= 0:
            raise BadCell(
                self._labels.commission_currency,
                "commission_currency",
                f"The commission is in {paid_in} and the trade in {values.currency}; "
                "add the field FXRateToBase to the query.",
                paid_in,
            )
        return (commission / rate).quantize(Decimal("0.00000001"))

    def _fees(self, values: FlexValues) -> Decimal:
        fees = ZERO
        if values.taxes:
            fees -= parse_decimal(values.taxes, column=self._labels.taxes)
        if values.other_fees:
            fees -= parse_decimal(values.other_fees, column=self._labels.other_fees)
        return fees

    def _realized(self, values: FlexValues) -> Decimal | None:
        if not values.realized:
            return None
        realized = parse_decimal(values.realized, column=self._labels.realized)
        if realized or "C" in values.open_close or "C" in codes_of(values.codes):
            return realized
        return None

    def _instrument(self, values: FlexValues, day: date) -> Resolved:
        """The instrument of the row; the file's multiplier and currency go before what is known of it."""
        key = (
            values.symbol,
            values.asset_class,
            values.multiplier,
            values.currency,
            values.expiry,
            values.strike,
            values.put_call,
            str(day.year),
        )
        known = self._instruments.get(key)
        if known is not None:
            return known
        kind = KINDS.get(values.asset_class.upper())
        if kind is None:
            raise BadCell(
                self._labels.asset_class,
                "unknown_asset_class",
                f"The asset class {values.asset_class} is not one this format knows.",
                values.asset_class,
            )
        resolved = self._resolve(values, kind=kind, day=day)
        multiplier = resolved.multiplier
        if kind == "bond":
            multiplier = CENT_OF_FACE
        elif values.multiplier:
            multiplier = parse_decimal(values.multiplier, column=self._labels.multiplier)
            if multiplier <= 0:
                raise BadCell(
                    self._labels.multiplier,
                    "bad_multiplier",
                    "The multiplier is not above 0.",
                    values.multiplier,
                )
        if len(self._instruments) >= INSTRUMENTS_REMEMBERED:
            self._instruments.clear()
        currency = values.currency.upper() or resolved.currency
        if currency and not (len(currency) == 3 and currency.isascii() and currency.isalpha()):
            raise BadCell(
                self._labels.currency, "bad_currency", "A currency has three letters, like USD.", values.currency
            )
        found = resolved._replace(multiplier=multiplier, currency=currency)
        self._instruments[key] = found
        return found

    def _resolve(self, values: FlexValues, *, kind: str, day: date) -> Resolved:
        # As a "cfd", the suffix ".CFD" would be read as a currency.
        found = resolve_symbol(
            canonical_symbol(values, kind=kind, columns=self._labels),
            column=self._labels.symbol,
            context=self._context,
            kind="stock" if kind == "cfd" else kind,
            on=day,
        )
        return found._replace(kind=kind or found.kind)


def canonical_symbol(values: FlexValues, *, kind: str, columns: FlexValues) -> str:
    """The row's symbol as the rest of the system spells it. Raises BadCell.

    A contract for difference gets the suffix ".CFD": its own symbol is that of the share it follows, and
    the two must not net. A coin gets its currency for the same reason (BTC is also a fund).
    """
    symbol = values.symbol
    if not symbol:
        raise BadCell(columns.symbol, "missing_value", "The symbol is missing.")
    if kind == "stock":
        return symbol.replace(" ", ".")
    if kind == "forex":
        return symbol.replace(".", "").replace("/", "")
    if kind == "crypto":
        coin = symbol.replace(".", "").replace("/", "").replace("-", "")
        return coin if coin.endswith(values.currency) else coin + values.currency
    if kind == "cfd":
        return symbol if symbol.endswith(".CFD") else symbol + ".CFD"
    if kind == "option" and parse_option(symbol) is None:
        return option_symbol(values, columns=columns)
    return symbol


def option_symbol(values: FlexValues, *, columns: FlexValues) -> str:
    """The OCC symbol from the columns of the option, for rows whose symbol alone does not say it."""
    parts = (values.underlying, values.expiry, values.strike, values.put_call)
    if not all(parts):
        return values.symbol
    expiry = values.expiry.replace("-", "")
    strike = parse_decimal(values.strike, column=columns.strike).scaleb(3)
    # Options on one future differ by series (EW3, E3A), which only the symbol's first word tells.
    series = values.symbol.split()[0] if values.asset_class != "OPT" else values.underlying
    if len(expiry) != 8 or not expiry.isascii() or not expiry.isdigit() or strike % 1:
        return values.symbol
    return f"{series}{expiry[2:]}{values.put_call[0].upper()}{int(strike):08d}"


def codes_of(text: str) -> list[str]:
    """The broker's codes of a row: "C;Ep" is C and Ep."""
    return [code.strip() for code in text.split(";")]
