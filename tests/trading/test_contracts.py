from datetime import date
from decimal import Decimal

import pytest

from trading.contracts import (
    FuturesContract,
    OptionContract,
    Symbol,
    future_root,
    looks_like_future,
    normalise_symbol,
    parse_future,
    parse_option,
    parse_price_32nds,
)

TODAY = date(2026, 3, 2)
ROOTS = {"ES", "MES", "NQ", "MNQ", "CL", "GC", "ZN", "6E", "M2K", "10Y", "F"}


# --- futures -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "symbol"),
    [
        ("ESH6", "ESH26"),
        ("ESH26", "ESH26"),
        ("ESH2026", "ESH26"),
        ("esh6", "ESH26"),
        (" ESH6 ", "ESH26"),
        ("/ESH26", "ESH26"),
        ("/NQM26:XCME", "NQM26"),
        ("CME_MINI:ESH2026", "ESH26"),
        ("ES 03-26", "ESH26"),
        ("ES 12-11", "ESZ11"),
        ("MES 09-26", "MESU26"),
        ("MES JUN26", "MESM26"),
        ("NQ JUN26", "NQM26"),
        ("ES DEC 11", "ESZ11"),
        ("ES DEC '11", "ESZ11"),
        ("ES MAR'26", "ESH26"),
        ("ES 12.11", "ESZ11"),
        ("MESU5@CME", "MESU25"),
        ("F.US.MESM26", "MESM26"),
        ("CON.F.US.MES.M26", "MESM26"),
        ("CON.F.US.EP.M26", "ESM26"),
        ("CON.F.US.ENQ.M26", "NQM26"),
        ("F.US.CLEQ26", "CLQ26"),
        ("F.US.TYAM26", "ZNM26"),
        ("CON.F.US.EU6.U26", "6EU26"),
        ("6EM6", "6EM26"),
        ("M2KH27", "M2KH27"),
        ("10YH6", "10YH26"),
    ],
)
def test_a_contract_is_read_however_the_file_writes_it(text: str, symbol: str):
    contract = parse_future(text, on=TODAY, roots=ROOTS)

    assert contract is not None
    assert contract.symbol == symbol


def test_a_contract_is_its_root_its_month_and_its_year():
    assert parse_future("ES 03-26", on=TODAY) == FuturesContract(root="ES", month=3, year=2026)


@pytest.mark.parametrize(
    ("text", "on", "year"),
    [
        ("ESZ6", date(2026, 3, 2), 2026),
        ("ESH0", date(2029, 12, 20), 2030),
        ("ESZ9", date(2029, 12, 20), 2029),
        ("ESZ9", date(2030, 1, 5), 2029),
        ("ESH0", date(2020, 3, 1), 2020),
        ("ESH5", date(2026, 3, 31), 2025),
        ("ESH5", date(2026, 4, 1), 2035),
        ("CLG5", date(2026, 3, 1), 2035),
        ("ESH99", date(2026, 3, 1), 1999),
        ("ESH75", date(2026, 3, 1), 2075),
        ("ESH1998", date(2026, 3, 1), 1998),
    ],
)
def test_a_short_year_is_the_one_nearest_to_the_fill(text: str, on: date, year: int):
    contract = parse_future(text, on=on)

    assert contract is not None
    assert contract.year == year


@pytest.mark.parametrize(
    "text",
    [
        "AAPL", "F", "F6", "H6", "MSFT", "BRK.B", "BRK/B", "EURUSD", "BTC-USD", "MAR1", "TRUE", "NULL", "1E5",
        "", "ES", "ESH", "ESH123", "ESA6", "ES 13-26", "ES 00-26", "ES 3-26", "ES 20MAR26", "ES1!", "F.US.EP",
        "SPY250321C00570000", "037833100", "ESH٦", "EſH6",
    ],
)  # fmt: skip
def test_what_is_no_dated_contract_is_none(text: str):
    assert parse_future(text, on=TODAY) is None
    assert not looks_like_future(text)


def test_a_root_that_is_not_known_is_none_and_can_be_named_in_the_refusal():
    assert parse_future("XXZ6", on=TODAY, roots=ROOTS) is None
    assert looks_like_future("XXZ6")
    assert future_root("XXZ6") == "XX"


def test_a_bare_cqg_name_is_translated_only_where_it_is_no_root_itself():
    assert parse_future("EPM26", on=TODAY, roots={"ES"}) == FuturesContract("ES", 6, 2026)
    assert parse_future("EPM26", on=TODAY, roots={"ES", "EP"}) == FuturesContract("EP", 6, 2026)
    assert parse_future("EPM26", on=TODAY) == FuturesContract("EP", 6, 2026)


@pytest.mark.parametrize(
    ("text", "root"),
    [
        ("F.US.EP", "ES"),
        ("F.US.MES", "MES"),
        ("F.US.EPM26", "ES"),
        ("CME_MINI:NQ1!", "NQ"),
        ("ES1!", "ES"),
        ("AAPL", None),
        ("", None),
    ],
)
def test_the_root_is_found_also_where_no_month_is_stated(text: str, root: str | None):
    assert future_root(text) == root


# --- options -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "symbol"),
    [
        ("SPY250321C00570000", "SPY250321C00570000"),
        ("SPY   250321C00570000", "SPY250321C00570000"),
        ("AAPL  260619C00200000", "AAPL260619C00200000"),
        ("SPCE260529C00004500", "SPCE260529C00004500"),
        ("AAPL1260619C00200000", "AAPL1260619C00200000"),
        ("OPRA:NVDA260710P195.0", "NVDA260710P00195000"),
        ("-NVDA260710P195", "NVDA260710P00195000"),
        ("-NVDA260710P197.5", "NVDA260710P00197500"),
        (".SPY260619C570", "SPY260619C00570000"),
        ("SPX 100 (Weeklys) 9 JUN 26 7050 PUT", "SPX260609P07050000"),
        ("SPX 100 19 JUN 26 [AM] 7050 CALL", "SPX260619C07050000"),
        ("AAPL 100 19 JUN 26 200 CALL", "AAPL260619C00200000"),
        ("AAPL 19JUN26 200 C", "AAPL260619C00200000"),
        ("AAPL 06/19/2026 200.00 C", "AAPL260619C00200000"),
        ("AAPL 6/19/2026 Call $1,200.00", "AAPL260619C01200000"),
        ("PUT IAG 02/21/25 6 IAMGOLD CORP OPEN CONTRACT", "IAG250221P00006000"),
        ("CALL IAG 03/21/25 6 IAMGOLD CORP CLOSING CONTRACT", "IAG250321C00006000"),
        ("PUT  MDB    07/17/26   312.500", "MDB260717P00312500"),
        ("PUT (NVDA) JUL 10 26 $195", "NVDA260710P00195000"),
        ("PUT (NVDA) NVIDIA CORPORATION JUL 10 26 $195 (100 SHS)", "NVDA260710P00195000"),
        ("put (nvda) jul 10 26 $195", "NVDA260710P00195000"),
    ],
)
def test_an_option_is_read_however_the_file_writes_it(text: str, symbol: str):
    option = parse_option(text)

    assert option is not None
    assert option.symbol == symbol


def test_an_option_is_its_underlying_expiry_right_and_strike():
    assert parse_option("PUT  MDB    07/17/26   312.500") == OptionContract(
        underlying="MDB", expires_on=date(2026, 7, 17), right="put", strike=Decimal("312.5")
    )


@pytest.mark.parametrize(
    "text",
    [
        "AAPL",
        "ESH26",
        "",
        "SPY 100 (Weeklys) 5 JUN 26 715/714 PUT",
        "AAPL 10 19 JUN 26 200 CALL",
        "AAPL260231C00200000",
        "AAPL261301C00200000",
        "AAPL260619C00000000",
        "AAPL260619X00200000",
        "AAPL 19JUN26 200.0001 C",
        "AAPL 19JUN26 100000 C",
        "PUT IAG 02/30/25 6 IAMGOLD CORP",
        "UNITED STATES TREASURY NOTE DUE 12/31/2026 04.250",
        "APPLE INC EXEC TIME: 2026-01-15 14:30:25",
        "AAPL２60619C00200000",
    ],
)
def test_what_is_not_exactly_one_option_is_none(text: str):
    assert parse_option(text) is None


# --- prices in 32nds ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "price"),
    [
        ("119'16", "119.5"),
        ("119'165", "119.515625"),
        ("119'16+", "119.515625"),
        ("119'160", "119.5"),
        ("110-16", "110.5"),
        ("110-00", "110"),
        ("110-31", "110.96875"),
        ("104'082", "104.2578125"),
        ("104'087", "104.2734375"),
        ("104'081", "104.25390625"),
        ("104'088", "104.27734375"),
        ("-0'16", "-0.5"),
    ],
)
def test_a_price_in_32nds_is_exact(text: str, price: str):
    assert parse_price_32nds(text) == Decimal(price)


@pytest.mark.parametrize(
    "text", ["119'32", "119'164", "119'169", "450'4", "119.5", "119", "", "119'", "12345'16", "1٢'16"]
)
def test_what_is_no_price_in_32nds_is_refused(text: str):
    with pytest.raises(ValueError, match="is not a price in 32nds"):
        parse_price_32nds(text)


# --- symbols -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "symbol", "exchange"),
    [
        ("AAPL", "AAPL", None),
        (" aapl ", "AAPL", None),
        ("NASDAQ:AAPL", "AAPL", "NASDAQ"),
        ("nasdaq:wct", "WCT", "NASDAQ"),
        ("BINANCE:BTCUSDT", "BTCUSDT", "BINANCE"),
        ("CME_MINI:ESH2026", "ESH2026", "CME_MINI"),
        ("/NQM26:XCME", "/NQM26", "XCME"),
        ("ES  03-26", "ES 03-26", None),
        ("BRK.B", "BRK.B", None),
        ("BRK/B", "BRK/B", None),
        ("M&M", "M&M", None),
        ("A" * 40, "A" * 40, None),
    ],
)
def test_a_symbol_is_upper_case_without_its_exchange(text: str, symbol: str, exchange: str | None):
    assert normalise_symbol(text) == Symbol(text=symbol, exchange=exchange)


@pytest.mark.parametrize(
    ("text", "symbol"),
    [
        ("BTC/USD", "BTCUSD"),
        ("EUR/USD", "EURUSD"),
        ("EUR.USD", "EURUSD"),
        ("BTC-USDT", "BTCUSDT"),
        ("eth_usd", "ETHUSD"),
        ("EURUSD", "EURUSD"),
        ("OANDA:EUR/USD", "EURUSD"),
    ],
)
def test_a_pair_loses_its_separator_when_the_caller_knows_it_is_one(text: str, symbol: str):
    assert normalise_symbol(text, is_pair=True).text == symbol


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the symbol is empty"),
        ("  ", "the symbol is empty"),
        ("A" * 41, "the symbol has 41 characters, at most 40 are allowed"),
        ("AA\u202ePL", "the symbol contains U+202E (RIGHT-TO-LEFT OVERRIDE); use plain ASCII letters"),
        ("AA\u200bPL", "the symbol contains U+200B (ZERO WIDTH SPACE); use plain ASCII letters"),
        ("\ufeffAAPL", "the symbol contains U+FEFF (ZERO WIDTH NO-BREAK SPACE); use plain ASCII letters"),
        ("AA\u0420L", "the symbol contains U+0420 (CYRILLIC CAPITAL LETTER ER); use plain ASCII letters"),
        ("AA\u017fL", "the symbol contains U+017F (LATIN SMALL LETTER LONG S); use plain ASCII letters"),
        ("AA\x00PL", "the symbol contains U+0000 (a control character); use plain ASCII letters"),
        ("AA\nPL", "the symbol contains U+000A (a control character); use plain ASCII letters"),
        ("AA\tPL", "the symbol contains U+0009 (a control character); use plain ASCII letters"),
        ("<b>AAPL", "the symbol contains '<', which no symbol has"),
    ],
)
def test_a_symbol_that_could_be_taken_for_another_is_refused_with_the_reason(text: str, message: str):
    with pytest.raises(ValueError, match=r"symbol") as refused:
        normalise_symbol(text)

    assert str(refused.value) == message
