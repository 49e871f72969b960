"""Every file format that is read, and which of them a file is."""

from trading.imports.parsers.base import FileRefused, Head, Parser
from trading.imports.parsers.etrade import Etrade
from trading.imports.parsers.fidelity import Fidelity
from trading.imports.parsers.firstrade import Firstrade
from trading.imports.parsers.generic import CompletedTrades, GenericFills, TigerHistory
from trading.imports.parsers.ibkr_flex import IbkrFlexCsv
from trading.imports.parsers.ibkr_flex_xml import IbkrFlexXml
from trading.imports.parsers.ibkr_statement import IbkrActivity, IbkrTransactions
from trading.imports.parsers.lightspeed import Lightspeed
from trading.imports.parsers.lines import refuse_other_kinds
from trading.imports.parsers.mapped_csv import MappedCsv
from trading.imports.parsers.metatrader_csv import MetaTraderCsv
from trading.imports.parsers.metatrader_html import MetaTraderHtml
from trading.imports.parsers.ninjatrader import NinjaTraderExecutions, NinjaTraderTrades
from trading.imports.parsers.projectx import ProjectXOrders, ProjectXTrades
from trading.imports.parsers.schwab import SchwabRealized, SchwabTransactions
from trading.imports.parsers.tastytrade import Tastytrade
from trading.imports.parsers.thinkorswim import ThinkorswimOrders, ThinkorswimStatement
from trading.imports.parsers.tradervue import Tradervue
from trading.imports.parsers.tradestation import TradeStation
from trading.imports.parsers.tradingview import AvaTrade, TradingView
from trading.imports.parsers.tradovate import TradovateOrders, TradovatePaired, TradovatePerformance
from trading.imports.parsers.webull import Webull, WebullInternational

PARSERS: tuple[Parser, ...] = (
    IbkrFlexCsv(),
    IbkrFlexXml(),
    IbkrActivity(),
    IbkrTransactions(),
    Tastytrade(),
    Etrade(),
    Fidelity(),
    Firstrade(),
    ThinkorswimOrders(),
    ThinkorswimStatement(),
    SchwabRealized(),
    SchwabTransactions(),
    TradovateOrders(),
    TradovatePerformance(),
    TradovatePaired(),
    NinjaTraderExecutions(),
    NinjaTraderTrades(),
    ProjectXTrades(),
    ProjectXOrders(),
    Webull(),
    WebullInternational(),
    TradingView(),
    AvaTrade(),
    MetaTraderHtml(),
    MetaTraderCsv(),
    Lightspeed(),
    TradeStation(),
    TigerHistory(),
    Tradervue(),
    CompletedTrades(),
    GenericFills(),
    MappedCsv(),
)

#: A score below this is that of a format of last resort: a broker's own format is preferred to it.
SPECIFIC = 50


def by_name(name: str) -> Parser:
    """Return the parser of that name. Raises FileRefused unknown_format."""
    for parser in PARSERS:
        if parser.name == name:
            return parser
    raise FileRefused("unknown_format", f"There is no file format called {name[:40]!r}.")


def detect(head: Head) -> Parser | None:
    """Return the format that recognises the file best, None when none does. Of equals the first listed wins."""
    best = max(PARSERS, key=lambda parser: parser.recognises(head), default=None)
    return best if best is not None and best.recognises(head) > 0 else None


def choose(head: Head, *, selected: str = "") -> tuple[Parser, str]:
    """Return the format to read the file by and a warning, "" when there is nothing to say.

    The person's choice stands where it recognises the file; a wrong one is overridden, with the warning.
    `mapped_csv` always stands: any table can be read by a column mapping.
    Raises FileRefused: unknown_format, or what the file is where it is no table.
    """
    best = detect(head)
    if not selected:
        if best is None:
            raise _unknown(head)
        return best, ""
    chosen = by_name(selected)
    score = chosen.recognises(head)
    if chosen.name == "mapped_csv" or best is None or best is chosen:
        if score == 0 and chosen.name != "mapped_csv":
            raise _unknown(head, chosen.label)
        return chosen, ""
    if score >= SPECIFIC or (score and best.recognises(head) < SPECIFIC):
        return chosen, ""
    return best, f"The headers match {best.label}; it was read as that instead of {chosen.label}."


def _unknown(head: Head, label: str = "") -> FileRefused:
    """Return why nothing reads the file: what it is where that is no table, else that no format is like it."""
    if not head.start.strip():
        return FileRefused("empty_file", "The file is empty.")
    try:
        refuse_other_kinds(head.start, markup=bool(label))
    except FileRefused as refusal:
        return refusal
    if "\0" in head.text:
        return FileRefused("not_csv", "This is not a text file. Export the trades as CSV (UTF-8) and import that.")
    like = f"like {label}, nor like any other format that is read" if label else "like any format that is read"
    return FileRefused(
        "unknown_format",
        f"The file does not look {like}. Choose the broker's export again, "
        "or map the columns of this file to symbol, side, quantity, price and time.",
    )
