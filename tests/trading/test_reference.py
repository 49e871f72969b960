import csv
from decimal import Decimal
from pathlib import Path

import pytest

from trading import reference
from trading.contracts import CQG_ROOTS, MONTH_LETTERS, future_root

REFERENCE = Path(reference.__file__).parent


def lines(name: str) -> list[dict[str, str]]:
    with (REFERENCE / name).open(encoding="ascii", newline="") as file:
        return list(csv.DictReader(file, strict=True))


ROOTS = {line["root"]: line for line in lines("futures_roots.csv")}

# What one tick of one contract is worth, as the exchanges and brokers print it; not computed from the file.
TICK_VALUES = {
    "ES": "12.50", "MES": "1.25", "NQ": "5.00", "MNQ": "0.50", "YM": "5.00", "MYM": "0.50", "RTY": "5.00",
    "M2K": "0.50", "EMD": "10.00", "NKD": "25.00", "NIY": "2500",
    "CL": "10.00", "MCL": "1.00", "QM": "12.50", "NG": "10.00", "QG": "12.50", "MNG": "1.00", "RB": "4.20",
    "HO": "4.20", "BZ": "10.00", "BRN": "10.00", "G": "25.00",
    "GC": "10.00", "MGC": "1.00", "QO": "12.50", "SI": "25.00", "SIL": "5.00", "QI": "31.25", "HG": "12.50",
    "MHG": "1.25", "PL": "5.00", "PA": "50.00",
    "ZB": "31.25", "UB": "31.25", "ZN": "15.625", "TN": "15.625", "ZF": "7.8125", "ZT": "7.8125",
    "SR3": "6.25", "GE": "6.25", "10Y": "1.00",
    "6E": "6.25", "6B": "6.25", "6A": "5.00", "6C": "5.00", "6J": "6.25", "6S": "6.25", "6N": "5.00",
    "6M": "5.00",
    "E7": "6.25", "M6E": "1.25", "M6A": "1.00", "M6B": "0.625", "MCD": "1.00", "MJY": "1.25", "DX": "5.00",
    "ZC": "12.50", "ZS": "12.50", "ZW": "12.50", "KE": "12.50", "ZO": "12.50", "ZM": "10.00", "ZL": "6.00",
    "ZR": "10.00", "XC": "1.25", "LE": "10.00", "HE": "10.00", "GF": "12.50", "DC": "20.00", "LBR": "13.75",
    "KC": "18.75", "CC": "10.00", "CT": "5.00", "SB": "11.20", "OJ": "7.50", "RS": "2.00", "RC": "10.00",
    "BTC": "25.00", "MBT": "0.50", "BFF": "0.10", "ETH": "25.00", "MET": "0.05", "SOL": "25.00",
    "XRP": "25.00",
    "FDAX": "25.00", "FDXM": "5.00", "FDXS": "1.00", "FESX": "10.00", "FSXE": "0.50", "FGBL": "10.00",
    "FGBM": "10.00", "FGBS": "5.00", "FGBX": "20.00", "FSMI": "10.00", "FVS": "5.00",
    "FCE": "5.00", "FTI": "10.00", "FIB": "25.00", "Z": "5.00", "R": "10.00", "I": "12.50",
    "VX": "50.00", "VXM": "1.00", "HSI": "50.00", "MHI": "10.00", "NK225": "10000", "NK225M": "500",
    "JGB": "10000",
    "AP": "25.00", "SXF": "20.00", "CGB": "10.00", "WIN": "1.00", "WDO": "5.00",
}  # fmt: skip

# The contracts that other journals price wrongly, by what one whole point is worth.
POINT_VALUES = {
    "HG": "25000", "RTY": "50", "SIL": "1000", "M6E": "12500", "M6A": "10000", "M6B": "6250",
    "6E": "125000", "6B": "62500", "6A": "100000", "6C": "100000", "6J": "12500000", "ZT": "2000",
    "CL": "1000",
    "LE": "400", "GF": "500", "ZC": "50",
}  # fmt: skip


def test_there_is_one_line_for_each_of_at_least_250_roots():
    names = [line["root"] for line in lines("futures_roots.csv")]

    assert len(names) >= 250
    assert len(names) == len(set(names))
    assert names == sorted(names)


@pytest.mark.parametrize(("root", "value"), TICK_VALUES.items())
def test_one_tick_is_worth_what_the_exchange_says(root: str, value: str):
    line = ROOTS[root]

    assert Decimal(line["tick_size"]) * Decimal(line["point_value"]) == Decimal(value)


@pytest.mark.parametrize(("root", "value"), POINT_VALUES.items())
def test_one_point_is_worth_what_the_exchange_says(root: str, value: str):
    assert Decimal(ROOTS[root]["point_value"]) == Decimal(value)


@pytest.mark.parametrize("root", ROOTS)
def test_every_root_is_complete_and_can_be_read_back_from_a_symbol(root: str):
    line = ROOTS[root]

    assert Decimal(line["tick_size"]) > 0
    assert Decimal(line["point_value"]) > 0
    assert len(line["currency"]) == 3
    assert line["currency"].isupper()
    assert all(line.values())
    assert line["months"] == "".join(letter for letter in MONTH_LETTERS if letter in line["months"])
    assert future_root(f"{root}{line['months'][-1]}26") == root


def test_every_name_that_cqg_uses_leads_to_a_known_root():
    assert set(CQG_ROOTS.values()) <= set(ROOTS)


def test_contracts_of_foreign_exchanges_are_in_their_own_currency():
    currencies = {
        "FDAX": "EUR", "FSMI": "CHF", "Z": "GBP", "NK225": "JPY", "HSI": "HKD", "AP": "AUD", "SXF": "CAD",
        "RS": "CAD", "6E": "USD",
    }  # fmt: skip

    assert {root: ROOTS[root]["currency"] for root in currencies} == currencies


def test_a_pair_is_named_after_its_two_currencies_and_counts_units():
    pairs = {line["symbol"]: line for line in lines("currency_pairs.csv")}

    assert len(pairs) == len(lines("currency_pairs.csv")) >= 60
    for symbol, line in pairs.items():
        assert symbol == line["base"] + line["quote"]
        assert line["multiplier"] == "1"
        assert Decimal(line["tick_size"]) > 0
        assert Decimal(line["lot_size"]) > 0
    lots = {"EURUSD": "100000", "USDJPY": "100000", "XAUUSD": "100", "XAGUSD": "5000"}
    assert {symbol: pairs[symbol]["units_per_lot"] for symbol in lots} == lots
    assert (pairs["EURUSD"]["tick_size"], pairs["USDJPY"]["tick_size"]) == ("0.00001", "0.001")


def test_crypto_is_divisible_to_eight_places():
    coins = {line["symbol"]: line for line in lines("crypto.csv")}

    assert len(coins) == len(lines("crypto.csv")) >= 60
    for symbol, line in coins.items():
        assert symbol == line["base"] + line["quote"]
        assert line["lot_size"] == "0.00000001"
        assert Decimal(line["tick_size"]) > 0
    assert {"BTCUSD", "BTCUSDT", "ETHUSD", "ETHBTC"} <= set(coins)


def test_no_symbol_means_two_instruments():
    everything = [line["symbol"] for name in ("currency_pairs.csv", "crypto.csv", "stocks.csv") for line in lines(name)]

    assert len(everything) == len(set(everything))


def test_the_three_stocks_of_the_seed_have_its_price_bands_and_no_other_has_one():
    stocks = {line["symbol"]: line for line in lines("stocks.csv")}

    banded = {
        symbol: (line["name"], line["min_price"], line["max_price"])
        for symbol, line in stocks.items()
        if line["min_price"] or line["max_price"]
    }
    assert banded == {
        "AAPL": ("Apple Inc.", "1.00", "1000.00"),
        "MSFT": ("Microsoft Corporation", "1.00", "1000.00"),
        "GOOGL": ("Alphabet Inc.", "1.00", "5000.00"),
    }
    assert {(line["currency"], line["tick_size"], line["lot_size"]) for line in stocks.values()} == {
        ("USD", "0.01", "1")
    }
    assert {line["kind"] for line in stocks.values()} == {"stock", "etf"}
    assert len(stocks) >= 43


def test_the_page_about_the_files_states_the_version_that_the_code_knows():
    assert f"Version {reference.VERSION}." in (REFERENCE / "README.md").read_text(encoding="utf-8")
