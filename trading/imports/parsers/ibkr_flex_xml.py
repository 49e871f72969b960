"""Interactive Brokers Flex queries saved as XML: one pass, whatever the size.

The reader is expat itself. A document type is refused as soon as it is met, so no entity is ever expanded.
"""

from collections.abc import Iterator
from typing import BinaryIO, Final
from xml.parsers import expat

from trading.imports.parsers.base import (
    BadCell,
    FileRefused,
    Head,
    ParseContext,
    Parsed,
    RowError,
    Warned,
)
from trading.imports.parsers.ibkr_fills import FlexFills, FlexValues

CHUNK: Final = 1 << 16
MAX_DEPTH: Final = 16
MAX_ELEMENT_BYTES: Final = 1 << 20
MAX_ROWS: Final = 1_000_000

#: Attribute of each field, by element: a trade of the activity statement, and of the confirmations.
TRADE: Final = FlexValues(
    account="accountId",
    symbol="symbol",
    asset_class="assetCategory",
    level="levelOfDetail",
    currency="currency",
    quantity="quantity",
    price="tradePrice",
    moment="dateTime",
    day="tradeDate",
    time_of_day="tradeTime",
    side="buySell",
    commission="ibCommission",
    commission_currency="ibCommissionCurrency",
    taxes="taxes",
    other_fees="otherFees",
    realized="fifoPnlRealized",
    multiplier="multiplier",
    execution_id="ibExecID",
    trade_id="tradeID",
    transaction_id="transactionID",
    order_id="ibOrderID",
    codes="notes",
    open_close="openCloseIndicator",
    transaction_type="transactionType",
    description="description",
    underlying="underlyingSymbol",
    strike="strike",
    expiry="expiry",
    put_call="putCall",
    fx_rate="fxRateToBase",
)
CONFIRM: Final = TRADE._replace(
    price="price",
    commission="commission",
    commission_currency="commissionCurrency",
    taxes="tax",
    execution_id="execID",
    order_id="orderID",
    codes="code",
)
ELEMENTS: Final = {"Trade": TRADE, "TradeConfirm": CONFIRM}
#: Parts of a statement that move a position and are not trades.
WARNED_ELEMENTS: Final = {
    "CorporateAction": "Corporate actions (splits, mergers, spin-offs)",
    "Transfer": "Transfers of positions",
}


class IbkrFlexXml:
    """A Flex query of trades or trade confirmations, of one or several accounts, as XML."""

    name = "ibkr_flex_xml"
    label = "Interactive Brokers – Flex query (XML)"
    broker = "Interactive Brokers"
    identity_family = "ibkr"
    sell_only_needs_decision = True

    def recognises(self, head: Head) -> int:
        """Return 100 for the root elements of Flex reports and of the service's own answers."""
        start = head.text[:4096]
        return 100 if "<FlexQueryResponse" in start or "<FlexStatementResponse" in start else 0

    def parse(self, file: BinaryIO, context: ParseContext) -> Iterator[Parsed]:
        """Yield the executions of all statements in the order of the file."""
        reader = FlexReader()
        fills = {tag: FlexFills(context, names) for tag, names in ELEMENTS.items()}
        rows = 0
        for rows, (tag, line, attributes) in enumerate(reader.elements(file), start=1):
            if rows > MAX_ROWS:
                raise FileRefused("too_many_rows", f"The file has more than {MAX_ROWS:,} rows; split it.", line=line)
            yield _parsed(tag, line, attributes, fills=fills[tag])
        if not rows:
            raise FileRefused("no_rows", "The report has no trades; add the section Trades to the query.")
        for tag, line in reader.passed_over.items():
            yield Warned(line, "section_passed_over", f"{WARNED_ELEMENTS[tag]} are in the file and are not read.")


def _parsed(tag: str, line: int, attributes: dict[str, str], *, fills: FlexFills) -> Parsed:
    get = attributes.get
    values = FlexValues._make([get(name, "") for name in ELEMENTS[tag]])
    raw = _as_written(tag, attributes)
    try:
        return fills.build(values, line=line, raw=raw, row_key=lambda: _row_key(attributes))
    except BadCell as bad:
        return RowError(line, bad.column, bad.code, bad.message, bad.value, raw)


def _as_written(tag: str, attributes: dict[str, str]) -> str:
    return f"<{tag} " + " ".join([f'{name}="{value}"' for name, value in attributes.items()]) + "/>"


def _row_key(attributes: dict[str, str]) -> str:
    return "row:" + "\x1f".join(sorted(f"{name}={value.strip()}" for name, value in attributes.items()))


class FlexReader:
    """Expat with the limits of an untrusted upload; hands out the trade elements as they are met."""

    def __init__(self) -> None:
        self.passed_over: dict[str, int] = {}
        self._met: list[tuple[str, int, dict[str, str]]] = []
        self._depth = 0
        self._account = ""
        self._expat = expat.ParserCreate()
        self._expat.buffer_text = True
        self._expat.StartElementHandler = self._start
        self._expat.EndElementHandler = self._end
        self._expat.StartDoctypeDeclHandler = self._refuse_doctype
        self._expat.EntityDeclHandler = self._refuse_doctype

    def elements(self, file: BinaryIO) -> Iterator[tuple[str, int, dict[str, str]]]:
        """Yield element, line and attributes of each trade. Raises FileRefused."""
        fed = 0
        while chunk := file.read(CHUNK):
            fed += len(chunk)
            self._feed(chunk)
            yield from self._met
            self._met.clear()
            # Expat keeps an unfinished element whole: without this, one without end would fill the memory.
            if fed - self._expat.CurrentByteIndex > MAX_ELEMENT_BYTES:
                raise FileRefused(
                    "line_too_long",
                    "One element of the file is longer than 1 MiB.",
                    line=self._expat.CurrentLineNumber,
                )
        if not fed:
            raise FileRefused("empty_file", "The file is empty.")
        self._feed(b"", is_final=True)
        yield from self._met

    def _feed(self, chunk: bytes, *, is_final: bool = False) -> None:
        try:
            self._expat.Parse(chunk, is_final)
        except expat.ExpatError as broken:
            raise FileRefused(
                "bad_xml",
                f"The file is not whole XML ({expat.ErrorString(broken.code)}); download it again.",
                line=broken.lineno,
            ) from None
        except (LookupError, ValueError):
            raise FileRefused("encoding", "The encoding that the file declares is not read; use UTF-8.") from None

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise FileRefused(
                "xml_too_deep",
                f"Elements are nested more than {MAX_DEPTH} deep.",
                line=self._expat.CurrentLineNumber,
            )
        if tag in ELEMENTS:
            if not attributes.get("accountId"):
                attributes["accountId"] = self._account
            self._met.append((tag, self._expat.CurrentLineNumber, attributes))
        elif tag == "FlexStatement":
            self._account = attributes.get("accountId", "")
        elif tag in WARNED_ELEMENTS:
            self.passed_over.setdefault(tag, self._expat.CurrentLineNumber)
        elif tag == "FlexStatementResponse":
            raise FileRefused(
                "not_a_report",
                "The file is an answer of the Flex web service, not a report; run the query again.",
            )

    def _end(self, tag: str) -> None:
        self._depth -= 1

    def _refuse_doctype(self, *declaration: object) -> None:
        raise FileRefused(
            "xml_doctype",
            "The file declares a document type, which Flex reports never do.",
            line=self._expat.CurrentLineNumber,
        )
