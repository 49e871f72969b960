"""NinjaTrader 8: the Executions and the Trades grid of Trade Performance.

Neither is a fixed format: the person chooses columns, and Windows its language, separators and date order.
Columns are therefore found by their names in English or French, and how numbers and dates are written is
taken from what the file itself proves.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal
from itertools import chain, islice
from typing import BinaryIO, Final

from trading.imports.parsers.base import (
    ZERO,
    BadCell,
    FileRefused,
    Head,
    ParseContext,
    Parsed,
    ParsedFill,
    fold,
)
from trading.imports.parsers.numbers import detect_style, is_ambiguous, parse_money
from trading.imports.parsers.round_trips import (
    Leg,
    RoundTrip,
    checked_price,
    checked_quantity,
    first_filled,
    read_side,
)
from trading.imports.parsers.symbols import Resolved, resolve_symbol
from trading.imports.parsers.tables import Row, collect, read_rows
from trading.imports.parsers.times import detect_date_order, parse_time

BROKER: Final = "NinjaTrader"
ROWS_THAT_PROVE: Final = 5_000

INSTRUMENT: Final = ("Instrument",)
ACCOUNT: Final = (
    "Account display name",
    "Account name",
    "Account",
    "Compte",
    "Nom d'affichage du compte",
    "Nom d’affichage du compte",
    "Nom du compte",
)
ACTION: Final = ("Action", "Rate")
QUANTITY: Final = ("Quantity", "Qty", "Qté", "Qté.", "Quantité")
PRICE: Final = ("Price", "Avg fill price", "Prix")
TIME: Final = ("Time", "Heure", "Temps")
ORDER: Final = (
    "Order ID",
    "Order Id",
    "ID ordre",
    "N° d'ordre",
    "N° d’ordre",
    "Numéro d'ordre",
    "Numéro d’ordre",
)
COMMISSION: Final = ("Commission",)
POSITION: Final = ("Market pos.", "Market pos", "Pos. marché.", "Pos. marché", "Pos marché.")
ENTRY_PRICE: Final = ("Entry price", "Prix d'entrée", "Prix d’entrée")
EXIT_PRICE: Final = ("Exit price", "Prix de sortie")
ENTRY_TIME: Final = ("Entry time", "Heure d'entrée", "Heure d’entrée")
EXIT_TIME: Final = ("Exit time", "Heure de sortie")
ENTRY_NAME: Final = ("Entry name", "Nom d'entrée", "Nom d’entrée")
EXIT_NAME: Final = ("Exit name", "Nom de la sortie", "Nom de sortie")
PROFIT: Final = ("Profit",)
COSTS: Final = (
    "Clearing Fee",
    "Exchange Fee",
    "IP Fee",
    "NFA Fee",
    "Frais de compensation",
    "Frais de bourse",
    "Frais d'échange",
    "Frais d’échange",
    "Frais IP",
    "Frais NFA",
)
BUYS: Final = frozenset({"buy", "b", "buy to cover", "buytocover", "achat", "acheter", "kauf", "kaufen", "long"})
SELLS: Final = frozenset({"sell", "s", "sell short", "sellshort", "vente", "vendre", "verkauf", "verkaufen", "short"})


@dataclass(frozen=True, slots=True)
class Writing:
    """How this file writes numbers and dates."""

    style: str
    date_order: str
    context: ParseContext

    def number(self, row: Row, names: tuple[str, ...]) -> Decimal:
        """Return the number of the first of these columns. Raises BadCell."""
        column = first_filled(row, *names)
        return parse_money(row.text(column), column=column, style=self.style)

    def cost(self, row: Row, names: tuple[str, ...]) -> Decimal:
        """Return the sum of those of the columns that the row fills."""
        filled = (name for name in names if row.optional(name))
        return sum((parse_money(row.text(name), column=name, style=self.style) for name in filled), ZERO)

    def time(self, row: Row, names: tuple[str, ...]) -> datetime:
        """Return the instant in UTC. Raises BadCell."""
        column = first_filled(row, *names)
        return parse_time(row.text(column), column=column, context=self.context, order=self.date_order)

    def price(self, row: Row, names: tuple[str, ...], *, kind: str) -> Decimal:
        """Return the price that the row states. Raises BadCell."""
        return checked_price(self.number(row, names), column=first_filled(row, *names), kind=kind)


class NinjaTraderExecutions:
    """One row per fill."""

    name = "ninjatrader_executions"
    label = "NinjaTrader – Executions"
    broker = BROKER
    identity_family = "ninjatrader_executions"
    sell_only_needs_decision = False

    def recognises(self, head: Head) -> int:
        """Whether a first row has the columns of a fill together with one that only NinjaTrader writes."""
        return 80 if any(_is_executions(row) for row in _first_rows(head)) else 0

    def parse(self, file: BinaryIO, context: ParseContext) -> Iterator[Parsed]:
        """Yield one fill per row. Raises FileRefused where decimal mark or date order cannot be told."""
        rows = iter(read_rows(file, context, header=_is_executions))
        first = list(islice(rows, ROWS_THAT_PROVE))
        writing = _writing(first, context, numbers=PRICE + COMMISSION, times=TIME)
        yield from collect(chain(first, rows), lambda row: self._build(row, writing))

    def _build(self, row: Row, writing: Writing) -> ParsedFill:
        executed_at = writing.time(row, TIME)
        instrument = _instrument(row, executed_at, writing)
        column = first_filled(row, *ACTION)
        side = read_side(row.text(column), column=column, buys=BUYS, sells=SELLS)
        fill_id = row.optional("ID")
        return ParsedFill(
            line=row.line,
            raw=row.raw,
            identity_key=row.identity_key(broker_id=fill_id),
            account_number=_account(row),
            symbol=instrument.symbol,
            kind=instrument.kind,
            side=side,
            quantity=_quantity(row, writing, side=side),
            price=writing.price(row, PRICE, kind=instrument.kind),
            executed_at=executed_at,
            executed_on=None,
            currency=instrument.currency,
            commission=writing.cost(row, COMMISSION),
            fees=writing.cost(row, COSTS),
            multiplier=instrument.multiplier,
            broker_fill_id=fill_id,
            order_id=row.optional(first_filled(row, *ORDER)),
        )


class NinjaTraderTrades:
    """One row per round trip, with a profit after all costs."""

    name = "ninjatrader_trades"
    label = "NinjaTrader – Trades"
    broker = BROKER
    identity_family = "ninjatrader_trades"
    sell_only_needs_decision = False

    def recognises(self, head: Head) -> int:
        """Whether a first row has the columns of a trade in English or French."""
        return 80 if any(_is_trades(row) for row in _first_rows(head)) else 0

    def parse(self, file: BinaryIO, context: ParseContext) -> Iterator[Parsed]:
        """Yield two fills per row. Raises FileRefused where decimal mark or date order cannot be told."""
        rows = iter(read_rows(file, context, header=_is_trades))
        first = list(islice(rows, ROWS_THAT_PROVE))
        writing = _writing(
            first,
            context,
            numbers=ENTRY_PRICE + EXIT_PRICE + PROFIT + COMMISSION,
            times=ENTRY_TIME + EXIT_TIME,
        )
        yield from collect(chain(first, rows), lambda row: self._build(row, writing))

    def _build(self, row: Row, writing: Writing) -> tuple[ParsedFill, ...]:
        entered_at, exited_at = writing.time(row, ENTRY_TIME), writing.time(row, EXIT_TIME)
        if exited_at < entered_at:
            column = first_filled(row, *EXIT_TIME)
            raise BadCell(column, "order_of_times", "The exit lies before the entry.", row.text(column))
        instrument = _instrument(row, entered_at, writing)
        column = first_filled(row, *POSITION)
        side = read_side(row.text(column), column=column, buys=BUYS, sells=SELLS)
        quantity = _quantity(row, writing, side="buy")
        entry_price = writing.price(row, ENTRY_PRICE, kind=instrument.kind)
        exit_price = writing.price(row, EXIT_PRICE, kind=instrument.kind)
        account = _account(row)
        names = [row.optional(first_filled(row, *columns)) for columns in (ENTRY_NAME, EXIT_NAME)]
        # The trade number counts the rows of one report and the cumulated profit depends on where it starts:
        # neither belongs to what makes a trade the same in two overlapping reports.
        zone = writing.context.time_zone
        key = "|".join(
            [
                account,
                instrument.symbol,
                side,
                f"{quantity:f}",
                _as_stated(entered_at, zone),
                f"{entry_price:f}",
                _as_stated(exited_at, zone),
                f"{exit_price:f}",
                *names,
            ]
        )
        return RoundTrip(
            line=row.line,
            raw=row.raw,
            account_number=account,
            instrument=instrument,
            is_long=side == "buy",
            quantity=quantity,
            entry=Leg(entered_at, entry_price, f"row:{key}#entry"),
            exit=Leg(exited_at, exit_price, f"row:{key}#exit"),
            commission=writing.cost(row, COMMISSION),
            fees=writing.cost(row, COSTS),
            net_pnl=_profit(row, writing),
        ).fills()


def _first_rows(head: Head) -> Iterator[Sequence[str]]:
    """The first rows; of a French file in Windows letters also as those, so that its refusal names the cause."""
    yield from head.rows
    if "\ufffd" in head.text:
        for line in head.start.decode("cp1252", "replace").splitlines()[:10]:
            yield line.split(";")
            yield line.split(",")


def _is_executions(cells: Sequence[str]) -> bool:
    columns = {fold(cell) for cell in cells}
    return (
        _any(INSTRUMENT, columns)
        and _any(QUANTITY, columns)
        and _any(PRICE, columns)
        and _any(TIME, columns)
        and _any(ACTION, columns)
        and bool({"e/x", "accountdisplayname", "rate", "connection", "e/s"} & columns)
    )


def _is_trades(cells: Sequence[str]) -> bool:
    columns = {fold(cell) for cell in cells}
    needed = (INSTRUMENT, POSITION, QUANTITY, ENTRY_PRICE, EXIT_PRICE, ENTRY_TIME, EXIT_TIME)
    return all(_any(names, columns) for names in needed)


def _any(names: tuple[str, ...], columns: set[str]) -> bool:
    return any(fold(name) in columns for name in names)


def _writing(first: list[Row], context: ParseContext, *, numbers: tuple[str, ...], times: tuple[str, ...]) -> Writing:
    rows = [row for row in first if row.problem is None]
    stated = [row.optional(name) for row in rows for name in numbers]
    moments = [text for row in rows for name in times if (text := row.optional(name))]
    return Writing(_style(stated, context), _date_order(moments, context), context)


def _style(stated: list[str], context: ParseContext) -> str:
    style = context.decimal_style or detect_style(stated)
    if not style and any(is_ambiguous(text) for text in stated):
        raise FileRefused(
            "declare_decimal_style",
            "The numbers of this file, such as 1,234, can be read in two ways. Choose its decimal mark.",
        )
    return style or "point"


def _date_order(moments: list[str], context: ParseContext) -> str:
    """Return what the dates prove, else what their separator says.

    Windows writes month first only with slashes, and there with AM and PM; with dashes or points every
    region that does not start with the year starts with the day.
    """
    order = detect_date_order(moments) or context.date_order
    if order or not moments:
        return order
    if all("-" in text[:6] or "." in text[:6] for text in moments):
        return "dmy"
    if all(text[-2:].upper() in ("AM", "PM") for text in moments):
        return "mdy"
    raise FileRefused(
        "declare_date_order",
        f"Day and month of {moments[0][:20]!r} cannot be told apart. Choose the date order of this file.",
    )


def _instrument(row: Row, at: datetime, writing: Writing) -> Resolved:
    text = row.text("Instrument")
    return resolve_symbol(text, column="Instrument", context=writing.context, on=at.date())


def _as_stated(at: datetime, zone: tzinfo) -> str:
    """Return the wall time of the file, which stays the same when the person corrects the zone."""
    return f"{at.astimezone(zone):%Y%m%dT%H%M%S}"


def _account(row: Row) -> str:
    """Return the account without the connection that NinjaTrader appends: "PA-12!Apex!Apex" is PA-12."""
    return row.optional(first_filled(row, *ACCOUNT)).partition("!")[0].strip()


def _quantity(row: Row, writing: Writing, *, side: str) -> Decimal:
    quantity, column = writing.number(row, QUANTITY), first_filled(row, *QUANTITY)
    # Some versions sign what was sold; a sign that contradicts the side is refused.
    if quantity < 0 and side == "sell":
        quantity = -quantity
    return checked_quantity(quantity, column=column)


def _profit(row: Row, writing: Writing) -> Decimal | None:
    """Return the profit after costs; None where the grid showed it in percent, points, ticks or pips."""
    stated = row.optional(first_filled(row, *PROFIT)).lower()
    if not stated or "%" in stated or stated.rstrip(" s").endswith(("tick", "point", "pip")):
        return None
    return writing.number(row, PROFIT)
