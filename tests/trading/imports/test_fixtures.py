"""Files written by others, with the results that their own authors expected.

`DIFFERENCES` holds every expectation that this project does not share, what it has instead, and why. The
folder stands beside the repository; without it these tests are skipped.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.trading.imports.ordering import ordered
from tests.trading.imports.reference import ROOTS
from trading.contracts import parse_option
from trading.imports.parsers import registry
from trading.imports.parsers.base import (
    ColumnChoice,
    FileRefused,
    ParseContext,
    Parsed,
    ParsedFill,
    Parser,
    RowError,
    SkippedRow,
    Warned,
)
from trading.imports.parsers.tables import head_of
from trading.matching import CostMethod, Fill, RoundTrip, round_trips

FIXTURES = Path(__file__).parents[4] / "shared" / "fixtures"
CASES_FILE = FIXTURES / "broker-csv" / "expected.json"

pytestmark = pytest.mark.skipif(
    not CASES_FILE.exists(),
    reason="shared/fixtures is not beside this repository: files written by others are not tested",
)

#: What their importer calls a broker -> our formats of it; of several the one that recognises the file is chosen.
FORMATS: Mapping[str, tuple[str, ...]] = {
    "auto": ("",),
    "generic": ("generic_fills", "completed_trades"),
    "ibkr": ("ibkr_flex_csv", "ibkr_activity", "ibkr_transactions"),
    "ibkr_trade_confirmation": ("ibkr_flex_csv",),
    "tradovate": ("tradovate_orders", "tradovate_performance", "tradovate_paired"),
    "tradingview_performance": ("tradovate_performance",),
    "thinkorswim": ("thinkorswim_statement", "thinkorswim_orders"),
    "webull": ("webull", "webull_international"),
}

#: What they report that has no counterpart in an import here.
NO_COUNTERPART: Mapping[str, str] = {
    "selectedBroker": "an echo of what was chosen",
    "user_summary": "a sentence of their page; each row error here is its own sentence",
    "trades.0.mae": "excursions are not imported: they are computed from prices",
    "trades.0.mfe": "excursions are not imported: they are computed from prices",
}

#: Files whose trades they list as the file does, newest first; here trades are listed as they opened.
LISTED_AS_IN_THE_FILE = {"csvParser_parsers-053.csv"}

_CONTRACT = "a contract has one symbol, with a two-digit year, however the file spells it"
_OPTION = "an option's symbol is the contract's; the underlying is kept beside it"
_TOTAL = "quantity is all that was entered; what is open stands beside it"
_WORDS = "the same said in other words"

#: (file, path of the expectation) -> (what holds here, the reason).
DIFFERENCES: Mapping[tuple[str, str], tuple[Any, str]] = {
    ("csvParser-005.csv", "result.manualReviewItems[0]"): (
        {
            "symbol": "IBKR",
            "quantity": Decimal("0.0228"),
            "price": Decimal("81.67"),
            "commission": Decimal("0.018663565"),
            "action": "sell",
            "instrument_type": "stock",
        },
        "the fill waits for the person's decision; the choices are the pipeline's",
    ),
    ("csvParser-007.csv", "trades.0.commission"): (
        Decimal(0),
        "a combined column is charged once, as fees; theirs counts the 1.67 twice",
    ),
    ("csvParser-012.csv", "trades.0.pnl"): (Decimal("0.57"), "net of the 0.02 that the file states; theirs is gross"),
    ("csvParser-012.csv", "trades.0.entryTime"): (
        "2026-06-25T08:46:12",
        "04:46:12 GMT-04 is 08:46:12 UTC, the zone of this case; theirs drops the offset",
    ),
    ("csvParser-012.csv", "trades.0.exitTime"): ("2026-06-25T08:47:39", "as its entry time"),
    ("csvParser_parsers-003.csv", "trade_count"): (0, "the file is refused: it has a header and no rows"),
    ("csvParser_parsers-011.csv", ".find(trade => trade.instrumentType === 'option').symbol"): (
        "IAG250221P00006000",
        _OPTION,
    ),
    ("csvParser_parsers-012.csv", "trades.0.quantity"): (Decimal(138), _TOTAL),
    ("csvParser_parsers-014.csv", "expect(Math.abs(trade.pnl)).toBeLessThan(200);"): (
        Decimal("-54.17"),
        "exactly the amounts: 100,599.92 - 100,654.09",
    ),
    ("csvParser_parsers-014.csv", "expect(trade.entryPrice * trade.quantity).toBeCloseTo(100654.09, 1);"): (
        Decimal("100161.00"),
        "the price is the clean one; the interest of 493.09 is a cost",
    ),
    ("csvParser_parsers-014.csv", "expect(trade.exitPrice * trade.quantity).toBeCloseTo(100599.92, 1);"): (
        Decimal("100506.00"),
        "the price is the clean one; the interest of 93.92 is a credit",
    ),
    ("csvParser_parsers-021.csv", "trades.0.symbol"): ("AAPL260619C00200000", _OPTION),
    ("csvParser_parsers-021.csv", "skippedReasons"): (
        [(3, "spread_not_supported"), (4, "spread_not_supported")],
        "a stable code with the line; the sentence is for people",
    ),
    ("csvParser_parsers-024.csv", "trades.0.entryPrice"): (Decimal("3.616666666667"), "prices have 12 decimals"),
    ("csvParser_parsers-039.csv", "warnings"): (
        {"contains_text": "The headers match TradingView – Order history"},
        _WORDS,
    ),
    ("csvParser_parsers-040.csv", "trades.0.symbol"): ("LASE", "the exchange is no part of the symbol"),
    ("csvParser_parsers-040.csv", "trades.0.quantity"): (Decimal("1963.16"), _TOTAL),
    ("csvParser_parsers-043.csv", "skippedReasons"): ([(2, "bad_date")], "lines count from the header's 1"),
    ("csvParser_parsers-053.csv", "trades.0.symbol"): ("MNQM26", _CONTRACT),
    ("csvParser_parsers-069.csv", "trades.0.symbol"): ("MESU26", _CONTRACT),
    ("csvParser_parsers-071.csv", "warnings"): (
        {"contains_text": "The headers match ProjectX / TopstepX – Orders"},
        _WORDS,
    ),
    ("csvParser_parsers-080.csv", "trade_count"): (
        2,
        "two rows with the same entry and exit second are one round trip from flat to flat",
    ),
    ("csvParser_parsers-080.csv", "trades.0.quantity"): (Decimal(4), "both rows of CLRO"),
    ("csvParser_parsers-080.csv", "trades.0.exitPrice"): (Decimal("7.57"), "the average of 7.59 and 7.55"),
    ("csvParser_parsers-082.csv", "trades.0.symbol"): ("NQM26", _CONTRACT),
    ("csvParser_parsers-089.csv", "skippedReasons[0].reason"): (
        "missing_trade_date",
        "a stable code; the sentence is for people",
    ),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What importing one file comes to."""

    parser: Parser | None
    warning: str
    refused: str
    items: tuple[Parsed, ...]
    trades: tuple["Traded", ...]
    undecided: tuple[ParsedFill, ...]


@dataclass(frozen=True, slots=True)
class Traded:
    """One round trip with the fills that made it."""

    trip: RoundTrip
    fills: tuple[ParsedFill, ...]
    zone: ZoneInfo
    parser: Parser

    @property
    def first(self) -> ParsedFill:
        return self.fills[0]

    def value(self, name: str) -> Any:
        """Return our value for their name of it."""
        return READINGS[name](self)


class Instant(str):
    """A moment as text in the person's zone; equal to their text in that zone or, with a Z, in UTC."""

    utc: str

    def __new__(cls, moment: datetime, zone: ZoneInfo) -> "Instant":
        text = super().__new__(cls, moment.astimezone(zone).strftime("%Y-%m-%dT%H:%M:%S"))
        text.utc = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return text


def _local(moment: datetime | None, zone: ZoneInfo) -> Instant | None:
    return None if moment is None else Instant(moment, zone)


READINGS: Mapping[str, Callable[[Traded], Any]] = {
    "symbol": lambda trade: trade.first.symbol,
    "instrumentType": lambda trade: trade.first.kind,
    "side": lambda trade: "long" if trade.trip.is_long else "short",
    "quantity": lambda trade: trade.trip.quantity,
    "entryPrice": lambda trade: trade.trip.entry_price,
    "exitPrice": lambda trade: trade.trip.exit_price,
    "pnl": lambda trade: trade.trip.net_pnl,
    "commission": lambda trade: sum(fill.commission for fill in trade.fills),
    "fees": lambda trade: sum(fill.fees for fill in trade.fills),
    "entryTime": lambda trade: _local(trade.trip.opened_at, trade.zone),
    "exitTime": lambda trade: _local(trade.trip.closed_at, trade.zone),
    "tradeDate": lambda trade: trade.trip.opened_on.isoformat(),
    "accountIdentifier": lambda trade: trade.first.account_number,
    "originalCurrency": lambda trade: trade.first.currency,
    "broker": lambda trade: trade.parser.name.split("_")[0],
    "pointValue": lambda trade: trade.first.multiplier,
    "contractSize": lambda trade: trade.first.multiplier,
    "underlyingSymbol": lambda trade: _option(trade).underlying,
    "optionType": lambda trade: _option(trade).right,
    "strikePrice": lambda trade: _option(trade).strike,
    "executions.length": lambda trade: len(trade.fills),
    "executions.map(exec => exec.orderId)": lambda trade: [fill.order_id for fill in trade.fills],
    "executions.every(exec => exec.commission === 0 && exec.fees === 0)": lambda trade: all(
        fill.commission == 0 and fill.fees == 0 for fill in trade.fills
    ),
    "executions": lambda trade: [
        {
            "action": fill.side,
            "quantity": fill.quantity,
            "price": fill.price,
            "datetime": _local(fill.executed_at, trade.zone),
        }
        for fill in trade.fills
    ],
}


def _option(trade: Traded) -> Any:
    option = parse_option(trade.first.symbol)
    assert option is not None
    return option


def one(trades: tuple[Traded, ...], symbol: str) -> Traded:
    """Return the one trade whose symbol starts so."""
    (found,) = [trade for trade in trades if trade.first.symbol.startswith(symbol)]
    return found


#: Their selectors over all trades, in our words.
SELECTORS: Mapping[str, Callable[[tuple[Traded, ...]], Any]] = {
    ".find(trade => trade.symbol === 'SPY')": lambda trades: one(trades, "SPY"),
    ".find(trade => trade.symbol === 'SPY').exitPrice": lambda trades: one(trades, "SPY").value("exitPrice"),
    ".find(trade => trade.symbol === 'SPY').quantity": lambda trades: one(trades, "SPY").value("quantity"),
    ".find(trade => trade.instrumentType === 'option')": lambda trades: one(trades, "IAG"),
    ".find(trade => trade.instrumentType === 'option').symbol": lambda trades: one(trades, "IAG").value("symbol"),
    ".find(trade => trade.instrumentType === 'option').underlyingSymbol": lambda trades: one(trades, "IAG").value(
        "underlyingSymbol"
    ),
    ".find(trade => trade.instrumentType === 'option').optionType": lambda trades: one(trades, "IAG").value(
        "optionType"
    ),
    ".map((trade) => trade.quantity)": lambda trades: [trade.value("quantity") for trade in trades],
    ".map((trade) => trade.entryPrice)": lambda trades: [trade.value("entryPrice") for trade in trades],
    ".map((trade) => trade.exitPrice)": lambda trades: [trade.value("exitPrice") for trade in trades],
    ".every(trade => trade.symbol === 'AXIL')": lambda trades: all(t.value("symbol") == "AXIL" for t in trades),
    ".every(trade => trade.tradeDate === '2026-05-02')": lambda trades: all(
        trade.value("tradeDate") == "2026-05-02" for trade in trades
    ),
    ".some(trade => trade.entryTime === '2026-05-02T08:04:39')": lambda trades: any(
        trade.value("entryTime") == "2026-05-02T08:04:39" for trade in trades
    ),
    ".some(trade => Array.isArray(trade.executions) && trade.executions.length > 0)": lambda trades: any(
        trade.fills for trade in trades
    ),
}

# --- importing ---------------------------------------------------------------------------------


def imported(case: Mapping[str, Any]) -> Outcome:
    """Return what the pure half of an import makes of the case's file."""
    (given,) = case["inputs"]
    context = given["context"]
    zone = ZoneInfo(context.get("userTimezone", "UTC"))
    mapping = _mapping(context.get("customMapping"))
    settings = ParseContext(
        now=datetime(2026, 11, 20, tzinfo=UTC),
        time_zone=zone,
        filename=context.get("fileName", given["file"]),
        mapping=mapping,
        roots=ROOTS,
    )
    with (FIXTURES / "broker-csv" / given["file"]).open("rb") as file:
        head = head_of(file, settings.filename)
        try:
            selected = "mapped_csv" if mapping else _selected(given["broker_selected"], head)
            parser, warning = registry.choose(head, selected=selected)
            items = tuple(parser.parse(file, settings))
        except FileRefused as refusal:
            return Outcome(None, "", refusal.code, (), (), ())
    fills = [item for item in items if isinstance(item, ParsedFill)]
    undecided = tuple(_sold_only(fills)) if parser.sell_only_needs_decision else ()
    trades = tuple(_trades([fill for fill in fills if fill not in undecided], zone, parser))
    if given["file"] in LISTED_AS_IN_THE_FILE:
        trades = tuple(sorted(trades, key=lambda trade: trade.first.line))
    return Outcome(parser, warning, "", items, trades, undecided)


def _selected(broker: str, head: Any) -> str:
    names = FORMATS.get(broker, (broker,))
    detected = registry.detect(head)
    return detected.name if detected is not None and detected.name in names else names[0]


def _mapping(custom: Mapping[str, str] | None) -> ColumnChoice | None:
    if custom is None:
        return None
    names = {
        "symbol_column": "symbol",
        "quantity_column": "quantity",
        "entry_price_column": "entry_price",
        "exit_price_column": "exit_price",
        "entry_date_column": "entry_at",
        "fees_column": "fees",
    }
    # Their mapping without a side column means long; here a person has to say so.
    return ColumnChoice(
        {names[key]: header for key, header in custom.items() if key in names}, side_values={"": "long"}
    )


def _sold_only(fills: list[ParsedFill]) -> Iterator[ParsedFill]:
    bought = {(fill.account_number, fill.symbol) for fill in fills if fill.side == "buy"}
    return (fill for fill in fills if fill.kind == "stock" and (fill.account_number, fill.symbol) not in bought)


def _trades(fills: list[ParsedFill], zone: ZoneInfo, parser: Parser) -> list[Traded]:
    """Return the round trips of every account and symbol, oldest first."""
    groups: dict[tuple[str, str], list[ParsedFill]] = {}
    for fill in ordered(fills):
        groups.setdefault((fill.account_number, fill.symbol), []).append(fill)
    trades = [
        Traded(trip, tuple(group[key] for key in dict.fromkeys(part.key for part in trip.parts)), zone, parser)
        for group in groups.values()
        for trip in round_trips(
            [_matching_fill(at, fill, zone) for at, fill in enumerate(group)], method=CostMethod.FIFO
        )
    ]
    return sorted(
        trades, key=lambda trade: (trade.trip.opened_at or datetime.min.replace(tzinfo=UTC), trade.trip.opened_on)
    )


def _matching_fill(key: int, fill: ParsedFill, zone: ZoneInfo) -> Fill:
    day = fill.executed_on if fill.executed_at is None else fill.executed_at.astimezone(zone).date()
    assert isinstance(day, date)
    return Fill(
        key=key,
        at=fill.executed_at,
        day=day,
        quantity=fill.quantity if fill.side == "buy" else -fill.quantity,
        price=fill.price,
        fees=fill.commission + fill.fees,
        multiplier=fill.multiplier or Decimal(1),
    )


# --- comparing ---------------------------------------------------------------------------------


def is_as_expected(ours: Any, theirs: Any) -> Any:
    """Whether our value is theirs: floats to their last printed digit, instants with a Z as instants."""
    if isinstance(theirs, dict):
        if "contains" in theirs:
            return all(is_as_expected(ours, part) for part in theirs["contains"])
        if "contains_text" in theirs:
            return theirs["contains_text"] in str(ours)
        if "decimals" in theirs:
            return abs(ours - theirs["value"]) < Decimal(1).scaleb(-theirs["decimals"]) / 2
        if theirs.get("check") == "toBeGreaterThan":
            return ours > theirs["value"]
        return all(is_as_expected(ours[name], value) for name, value in theirs.items())
    if isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(is_as_expected, ours, theirs))
    if isinstance(theirs, Decimal) and isinstance(ours, Decimal):
        return abs(ours - theirs) <= Decimal(1).scaleb(int(theirs.as_tuple().exponent))
    if isinstance(ours, Instant) and isinstance(theirs, str) and theirs.endswith("Z"):
        return ours.utc == theirs
    return bool(ours == theirs)


def expectations(case: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield (path, their value) of everything that the case states and that has a counterpart here."""
    yield from ((path, value) for path, value in _stated(case["expected"]) if path not in NO_COUNTERPART)


def _stated(expected: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name in ("trade_count", "trade_count_min"):
        if name in expected:
            yield name, expected[name]
    for at, fields in expected.get("trades", {}).items():
        for name, value in fields.items():
            yield f"trades.{at}.{name}", value
    for name, matchers in expected.get("selectors", {}).items():
        for matcher in matchers:
            if matcher["matcher"] != "toBeDefined":
                decimals = (
                    {"value": matcher["value"], "decimals": matcher["decimals"]} if "decimals" in matcher else None
                )
                yield name, decimals or matcher["value"]
            else:
                yield name, "defined"
    for name, value in expected.get("diagnostics", {}).items():
        yield name, value
    for extra in expected.get("other", []):
        yield extra["expr"] or extra["path"], extra["value"]


def our_value(path: str, outcome: Outcome) -> Any:
    """Return what the import has at their path."""
    if path in ("trade_count", "trade_count_min"):
        return len(outcome.trades)
    if path.startswith("trades."):
        _, at, name = path.split(".", 2)
        return outcome.trades[int(at)].value(name)
    if path in SELECTORS:
        found = SELECTORS[path](outcome.trades)
        return "defined" if isinstance(found, Traded) else found
    return DIAGNOSTICS[path](outcome)


def errors(outcome: Outcome) -> list[RowError]:
    return [item for item in outcome.items if isinstance(item, RowError)]


def messages(outcome: Outcome) -> str:
    warned = [item.message for item in outcome.items if isinstance(item, Warned)]
    return "\n".join([outcome.warning, *warned])


DIAGNOSTICS: Mapping[str, Callable[[Outcome], Any]] = {
    "manual_review_count": lambda outcome: len(outcome.undecided),
    "result.manualReviewItems": lambda outcome: len(outcome.undecided),
    "result.manualReviewItems[0]": lambda outcome: {
        "symbol": outcome.undecided[0].symbol,
        "quantity": outcome.undecided[0].quantity,
        "price": outcome.undecided[0].price,
        "commission": outcome.undecided[0].commission,
        "action": outcome.undecided[0].side,
        "instrument_type": outcome.undecided[0].kind,
    },
    "detectedBroker": lambda outcome: outcome.parser.name if outcome.parser else None,
    "invalidRows": lambda outcome: len(errors(outcome)),
    "expect(diagnostics.invalidRows).toBe(0);": lambda outcome: len(errors(outcome)),
    "warnings": messages,
    "skippedReasons": lambda outcome: [
        (item.line, item.code) for item in outcome.items if isinstance(item, SkippedRow | RowError)
    ],
    "skippedReasons[0].reason": lambda outcome: errors(outcome)[0].code,
    "expect(Math.abs(trade.pnl)).toBeLessThan(200);": lambda outcome: outcome.trades[0].trip.net_pnl,
    "expect(trade.entryPrice * trade.quantity).toBeCloseTo(100654.09, 1);": lambda outcome: (
        outcome.trades[0].trip.entry_price * outcome.trades[0].trip.quantity * (outcome.trades[0].first.multiplier or 1)
    ),
    "expect(trade.exitPrice * trade.quantity).toBeCloseTo(100599.92, 1);": lambda outcome: (
        (outcome.trades[0].trip.exit_price or 0)
        * outcome.trades[0].trip.quantity
        * (outcome.trades[0].first.multiplier or 1)
    ),
}

CASES: list[Mapping[str, Any]] = (
    json.loads(CASES_FILE.read_text(encoding="utf-8"), parse_float=Decimal) if CASES_FILE.exists() else []
)


def _case_name(case: Mapping[str, Any]) -> str:
    return f"{case['inputs'][0]['file'].removesuffix('.csv')}-{case['test'].split(' > ')[-1][:60]}"


@pytest.mark.parametrize("case", CASES, ids=_case_name)
def test_the_case_comes_to_what_its_authors_expected_or_to_the_difference_written_down(
    case: Mapping[str, Any],
) -> None:
    file = case["inputs"][0]["file"]
    outcome = imported(case)

    for path, theirs in expectations(case):
        expected, _reason = DIFFERENCES.get((file, path), (theirs, ""))
        ours = our_value(path, outcome)
        if path == "trade_count_min":
            assert ours >= expected, (path, ours, expected)
        elif path == "detectedBroker":
            assert str(ours).startswith(expected), (path, ours, expected)
        else:
            assert is_as_expected(ours, expected), (path, ours, expected)


@pytest.mark.parametrize(("file", "path"), DIFFERENCES)
def test_every_difference_is_from_an_expectation_that_exists(file: str, path: str) -> None:
    (case,) = [case for case in CASES if case["inputs"][0]["file"] == file]

    assert path in [stated for stated, _ in expectations(case)]


def test_tradovate_states_the_same_pnl_as_its_pairs_come_to() -> None:
    case = {
        "inputs": [
            {"file": "../tradovate-paired-trades-sample.csv", "broker_selected": "tradovate", "context": {}},
        ]
    }

    outcome = imported(case)

    stated = [item.broker_pnl for item in outcome.items if isinstance(item, ParsedFill) and item.broker_pnl is not None]
    assert stated == [Decimal(text) for text in ("-12.50", "-24.50", "-39.00", "-52.00", "-90.00")]
    assert sorted(trade.trip.net_pnl for trade in outcome.trades) == sorted(stated)
    assert sum(1 for trade in outcome.trades if not trade.trip.is_long) == 2


def test_the_flex_report_has_four_trades_and_its_open_position() -> None:
    with (FIXTURES / "ibkr-flex-report.xml").open("rb") as file:
        parser = registry.detect(head_of(file, "ibkr-flex-report.xml"))
        assert parser is not None
        items = list(parser.parse(file, ParseContext(now=datetime(2026, 11, 20, tzinfo=UTC), roots=ROOTS)))

    fills = [item for item in items if isinstance(item, ParsedFill)]
    assert parser.name == "ibkr_flex_xml"
    assert len(fills) == 4
    bought = [fill for fill in fills if fill.symbol == "AAPL"]
    assert {(fill.side, fill.price) for fill in bought} == {("buy", Decimal(300))}
    assert sum(fill.quantity for fill in bought) == 240
    assert sum(fill.commission for fill in bought) == Decimal("1.20072")
