"""Interactive Brokers statements: the Activity Statement and the Transaction History, English or German.

Both are one CSV of many sections; every line starts with the name of its section and what the line is.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import BinaryIO, Final

from trading.imports.parsers.base import (
    ZERO,
    BadCell,
    Head,
    ParseContext,
    Parsed,
    ParsedFill,
    SkippedRow,
    fold,
)
from trading.imports.parsers.ibkr_fills import FlexFills, FlexValues
from trading.imports.parsers.numbers import parse_money
from trading.imports.parsers.tables import Row, collect, read_rows

TRADES: Final = frozenset({"Trades", "Transaktionen"})
HISTORY: Final = frozenset({"Transaction History", "Transaktionshistorie", "Transaktionsverlauf"})
ACCOUNT_INFORMATION: Final = frozenset(
    {"Account Information", "Summary", "Kontoinformation", "Kontoinformationen", "Zusammenfassung"}
)
EXCHANGE_RATES: Final = frozenset({"Base Currency Exchange Rate", "Wechselkurs der Basiswährung"})
INSTRUMENTS: Final = frozenset(
    {"Financial Instrument Information", "Informationen zum Finanzinstrument", "Informationen zu Finanzinstrumenten"}
)
#: Beginnings of the asset categories; the statement may go on with who carries them.
CATEGORIES: Final = (
    ("Stocks", "STK"),
    ("Aktien- und Indexoptionen", "OPT"),
    ("Aktien", "STK"),
    ("Equity and Index Options", "OPT"),
    ("Options On Futures", "FOP"),
    ("Futures Options", "FOP"),
    ("Futures-Optionen", "FOP"),
    ("Futures", "FUT"),
    ("Forex", "CASH"),
    ("Devisen", "CASH"),
    ("CFDs", "CFD"),
    ("Bonds", "BOND"),
    ("Anleihen", "BOND"),
    ("Treasury Bills", "BILL"),
    ("Warrants", "WAR"),
    ("Structured Products", "WAR"),
    ("Mutual Funds", "FUND"),
    ("Investmentfonds", "FUND"),
    ("Crypto", "CRYPTO"),
    ("Krypto", "CRYPTO"),
)
#: Headers of the fields, the English one first.
COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "kind_of_row": ("DataDiscriminator",),
    "category": ("Asset Category", "Vermögenswertkategorie", "Vermögenskategorie"),
    "currency": ("Currency", "Währung"),
    "account": ("Account", "Konto"),
    "symbol": ("Symbol",),
    "moment": ("Date/Time", "Datum/Zeit"),
    "quantity": ("Quantity", "Menge", "Anzahl"),
    "price": ("T. Price", "T.-Kurs", "T. Kurs", "Transaktionskurs"),
    "commission": ("Comm/Fee", "Prov./Gebühr", "Provision/Gebühr"),
    "realized": ("Realized P/L", "Realisierter G&V", "Realisierte G&V", "Realisierter G/V"),
    "codes": ("Code",),
    "multiplier": ("Multiplier", "Multiplikator"),
}
COMMISSION_IN: Final = ("Comm in ", "Prov. in ")
NOTHING: Final = FlexValues(*[""] * len(FlexValues._fields))


def is_header(cells: list[str]) -> bool:
    """Whether the line is the header of a section."""
    return len(cells) > 2 and cells[1] == "Header"


def rows_of(file: BinaryIO, context: ParseContext) -> Iterator[Row]:
    """Yield the rows of all sections; other sections than those of trades may repeat a header."""
    return read_rows(file, context, header=is_header, many_sections=True, repeats=True)


def section_of(row: Row) -> str:
    """Return the name of the row's section."""
    return row.cells[0].strip() if row.cells else ""


@dataclass(slots=True)
class Facts:
    """What the statement says outside its trades."""

    account: str = ""
    base_currency: str = ""
    rates: dict[str, str] = field(default_factory=dict)  #: currency -> units of the base currency
    multipliers: dict[tuple[str, str], str] = field(default_factory=dict)  #: (asset class, symbol)


def facts_of(file: BinaryIO, context: ParseContext) -> Facts:
    """Read the statement once for its facts, which partly stand below the trades, and rewind it."""
    start = file.tell()
    facts = Facts()
    for row in rows_of(file, context):
        section = section_of(row)
        if len(row.cells) < 4 or row.cells[1] != "Data":
            continue
        if section in ACCOUNT_INFORMATION:
            what, said = row.cells[2].strip(), row.cells[3].strip()
            if what in ("Account", "Konto"):
                facts.account = said.split(" ")[0]
            elif what in ("Base Currency", "Basiswährung"):
                facts.base_currency = said
        elif section in EXCHANGE_RATES:
            facts.rates[row.cells[2].strip()] = row.cells[3].strip()
        elif section in INSTRUMENTS and row.problem is None:
            key = (asset_class_of(optional(row, "category")), optional(row, "symbol"))
            facts.multipliers[key] = plain(optional(row, "multiplier"))
    file.seek(start)
    return facts


def asset_class_of(category: str) -> str:
    """Return the Flex code of the category; the category itself when it is none that is known."""
    return next((code for start, code in CATEGORIES if category.startswith(start)), category)


def optional(row: Row, what: str) -> str:
    """Return the value of the field under whichever of its headers the row has, "" for none."""
    at = row.columns.first(*COLUMNS[what])
    return row.cells[at].strip() if 0 <= at < len(row.cells) else ""


def plain(text: str) -> str:
    """Return the number without the thousands separators that statements write."""
    return text.replace(",", "") if text.replace(",", "").replace(".", "").isdigit() else text


class IbkrActivity:
    """The Activity Statement as CSV."""

    name = "ibkr_activity"
    label = "Interactive Brokers – Activity Statement (CSV)"
    broker = "Interactive Brokers"
    identity_family = "ibkr_activity"
    sell_only_needs_decision = True

    def recognises(self, head: Head) -> int:
        """Return 95 for a header of its trades, 60 for a statement whose trades stand further down."""
        for row in head.rows:
            if row[:1] and row[0] in TRADES and "DataDiscriminator" in row:
                return 95
        if any(line.startswith(HISTORY_STARTS) for line in head.text.splitlines()):
            return 0
        first = head.rows[0] if head.rows else ()
        return 60 if first[:2] == ("Statement", "Header") else 0

    def parse(self, file: BinaryIO, context: ParseContext) -> Iterator[Parsed]:
        """Yield one fill per order row, in the order of the file."""
        builder = ActivityFills(context, facts_of(file, context))
        return collect((row for row in rows_of(file, context) if section_of(row) in TRADES), builder.build)


HISTORY_STARTS: Final = tuple(f"{name},Header" for name in HISTORY)


class ActivityFills:
    """Builds the fills of one Activity Statement from the rows of its Trades sections."""

    def __init__(self, context: ParseContext, facts: Facts) -> None:
        self._context = context
        self._facts = facts
        self._fills: dict[int, FlexFills] = {}

    def build(self, row: Row) -> ParsedFill | SkippedRow:
        """Return the fill of an order row; totals, single trades and closed lots are skipped."""
        if row.cells[1] != "Data":
            return row.skipped("subtotal", "A total of the statement, not a fill.")
        kind_of_row = optional(row, "kind_of_row")
        if kind_of_row != "Order":
            return row.skipped("subtotal", f"A row of kind {kind_of_row}; the orders are read instead.")
        values = self._values(row)
        return self._fills_below(row).build(values, line=row.line, raw=row.raw, row_key=lambda: _activity_key(values))

    def _fills_below(self, row: Row) -> FlexFills:
        """One builder per header: the columns of currency trades differ from those of shares."""
        at = row.columns.line
        if at not in self._fills:
            names = {
                what: next((name for name in names if row.columns.position(name) >= 0), names[0])
                for what, names in COLUMNS.items()
            }
            labels = NOTHING._replace(
                symbol=names["symbol"],
                asset_class=names["category"],
                currency=names["currency"],
                moment=names["moment"],
                quantity=names["quantity"],
                price=names["price"],
                commission=names["commission"],
                commission_currency=names["commission"],
                realized=names["realized"],
            )
            self._fills[at] = FlexFills(self._context, labels)
        return self._fills[at]

    def _values(self, row: Row) -> FlexValues:
        asset_class = asset_class_of(optional(row, "category"))
        symbol = optional(row, "symbol")
        commission, paid_in = self._commission(row)
        currency = optional(row, "currency")
        return NOTHING._replace(
            account=optional(row, "account") or self._facts.account,
            symbol=symbol,
            asset_class=asset_class,
            currency=currency,
            quantity=number(row, "quantity"),
            price=number(row, "price"),
            moment=optional(row, "moment"),
            commission=commission,
            commission_currency=paid_in,
            realized=number(row, "realized"),
            multiplier=self._facts.multipliers.get((asset_class, symbol), ""),
            codes=optional(row, "codes"),
            fx_rate=self._facts.rates.get(currency, ""),
        )

    def _commission(self, row: Row) -> tuple[str, str]:
        """The commission and its currency, which a header such as "Comm in USD" states; "" is the trade's."""
        if text := number(row, "commission"):
            return text, ""
        for name in row.columns.names:
            if name.startswith(COMMISSION_IN):
                return _number(row.optional(name), column=name), name.rpartition(" ")[2]
        return "", ""


def number(row: Row, what: str) -> str:
    """Return the field's number as a plain decimal, "" when it is empty. Raises BadCell."""
    return _number(optional(row, what), column=COLUMNS[what][0])


def _number(text: str, *, column: str) -> str:
    if text in ("", "--", "-"):
        return ""
    return f"{parse_money(text, column=column, currency_signs=False):f}" if "," in text else text


def _activity_key(values: FlexValues) -> str:
    """What makes the row the same in the next statement, in whatever language and period."""
    told = (
        values.asset_class,
        values.symbol,
        values.currency,
        "".join(values.moment.split()),
        values.quantity,
        values.price,
        values.commission,
    )
    return "row:" + "|".join(told)


class IbkrTransactions:
    """The Transaction History, of Interactive Brokers and of brokers that introduce to it (CapTrader)."""

    name = "ibkr_transactions"
    label = "Interactive Brokers – Transaction History (CSV)"
    broker = "Interactive Brokers"
    identity_family = "ibkr_transactions"
    sell_only_needs_decision = True

    def recognises(self, head: Head) -> int:
        """Return 95 for its header."""
        return 95 if any(line.startswith(HISTORY_STARTS) for line in head.text.splitlines()) else 0

    def parse(self, file: BinaryIO, context: ParseContext) -> Iterator[Parsed]:
        """Yield the purchases and sales in the order of the file; they carry dates without times."""
        facts = facts_of(file, context)
        rows = (row for row in rows_of(file, context) if section_of(row) in HISTORY)
        return collect(rows, _history_row(FlexFills(context, HISTORY_LABELS), facts))


HISTORY_COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "account": ("Account", "Konto"),
    "description": ("Description", "Beschreibung"),
    "type": ("Transaction Type", "Transaktionstyp", "Transaktionsart"),
    "symbol": ("Symbol",),
    "day": ("Date", "Datum"),
    "quantity": ("Quantity", "Menge", "Anzahl"),
    "price": ("Price", "Kurs", "Preis"),
    "currency": ("Price Currency", "Kurswährung", "Preiswährung"),
    "gross": ("Gross Amount", "Bruttobetrag"),
    "commission": ("Commission", "Provision"),
}
HISTORY_LABELS: Final = NOTHING._replace(
    **{name: titles[0] for name, titles in HISTORY_COLUMNS.items() if name in FlexValues._fields},
    side="Transaction Type",
    moment="Date",
    asset_class="Symbol",
)
SIDES: Final = {"buy": "BUY", "kauf": "BUY", "sell": "SELL", "verkauf": "SELL"}
#: Movements of options without a price, whose signed quantity says the side.
ENDINGS: Final = frozenset(
    {"assignment", "exercise", "expiration", "optionexpiration", "zuteilung", "ausübung", "verfall"}
)


def _history_row(fills: FlexFills, facts: Facts) -> Callable[[Row], ParsedFill | SkippedRow]:
    def build(row: Row) -> ParsedFill | SkippedRow:
        if row.cells[1] != "Data":
            return row.skipped("subtotal", "A total of the statement, not a fill.")
        said = {
            name: row.optional(next((t for t in titles if row.columns.position(t) >= 0), titles[0]))
            for name, titles in HISTORY_COLUMNS.items()
        }
        kind = fold(said["type"])
        if kind not in SIDES and kind not in ENDINGS:
            return row.skipped("not_a_trade", f"{said['type'] or 'A row without a type'} is not a trade.")
        quantity = _number(said["quantity"], column="Quantity")
        price = _number(said["price"], column="Price") or ("0" if kind in ENDINGS else "")
        values = NOTHING._replace(
            account=said["account"] or facts.account,
            symbol=said["symbol"],
            currency=said["currency"],
            quantity=quantity,
            price=price,
            moment=said["day"],
            side=SIDES.get(kind, ""),
            commission=_number(said["commission"], column="Commission"),
            codes="Ep" if kind in ENDINGS else "",
            description=said["description"],
        )
        fill = fills.build(values, line=row.line, raw=row.raw, row_key=row.identity_key)
        if isinstance(fill, ParsedFill) and fill.commission:
            gross = parse_money(said["gross"], column="Gross Amount", currency_signs=False)
            return fill._replace(commission=_in_price_currency(fill, gross, facts))
        return fill

    return build


def _in_price_currency(fill: ParsedFill, gross: Decimal, facts: Facts) -> Decimal:
    """The commission in the currency of the price; amounts of this layout are in the base currency.

    The rate is that of the row itself: the gross amount against quantity times price. Amounts are rounded to
    cents, so a rate within a thousandth of 1 is taken as the same currency where the file does not say it.
    """
    if facts.base_currency and facts.base_currency == fill.currency:
        return fill.commission
    value = fill.quantity * fill.price * (fill.multiplier or Decimal(1))
    if not value or not gross:
        if facts.base_currency:
            raise BadCell(
                "Commission",
                "commission_currency",
                f"The commission is in {facts.base_currency} and the row states no rate to {fill.currency}.",
            )
        return fill.commission
    rate = abs(gross) / value
    if not facts.base_currency and abs(rate - 1) < Decimal("0.001"):
        return fill.commission
    return (fill.commission / rate).quantize(Decimal("0.00000001")) or ZERO
