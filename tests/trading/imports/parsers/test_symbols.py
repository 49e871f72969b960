from datetime import date
from decimal import Decimal

import pytest

from trading.imports.parsers.base import BadCell, ParseContext, RootSpec
from trading.imports.parsers.symbols import Resolved, resolve_symbol

CONTEXT = ParseContext(
    roots={
        "ES": RootSpec("ES", "USD", Decimal("0.25"), Decimal(50)),
        "FDAX": RootSpec("FDAX", "EUR", Decimal(1), Decimal(25)),
    }
)


def resolved(text: str, kind: str = "") -> Resolved:
    return resolve_symbol(text, column="Symbol", context=CONTEXT, on=date(2026, 3, 6), kind=kind)


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("nasdaq:aapl", "", Resolved("AAPL", "stock", Decimal(1), "")),
        ("BRK.B", "", Resolved("BRK.B", "stock", Decimal(1), "")),
        ("ESH6", "", Resolved("ESH26", "future", Decimal(50), "USD")),
        ("ES 06-26", "", Resolved("ESM26", "future", Decimal(50), "USD")),
        ("FDAX JUN26", "future", Resolved("FDAXM26", "future", Decimal(25), "EUR")),
        ("SPCE260529C00004500", "", Resolved("SPCE260529C00004500", "option", Decimal(100), "")),
        ("-NVDA260710P195", "option", Resolved("NVDA260710P00195000", "option", Decimal(100), "")),
        ("EUR/USD", "", Resolved("EURUSD", "forex", Decimal(1), "USD")),
        ("EURUSD", "forex", Resolved("EURUSD", "forex", Decimal(1), "USD")),
        ("BTCUSD", "", Resolved("BTCUSD", "crypto", Decimal(1), "USD")),
    ],
)
def test_a_text_names_symbol_kind_multiplier_and_currency(text: str, kind: str, expected: Resolved) -> None:
    assert resolved(text, kind) == expected


@pytest.mark.parametrize(
    ("text", "kind", "code"),
    [
        ("", "", "missing_value"),
        ("A\u202eAPL", "", "bad_symbol"),
        ("\u0410APL", "", "bad_symbol"),
        ("A" * 41, "", "bad_symbol"),
        ("XXZ6", "", "unknown_contract_root"),
        ("XX 06-26", "future", "unknown_contract_root"),
        ("crude oil", "future", "bad_symbol"),
        ("AAPL", "option", "bad_symbol"),
    ],
)
def test_what_is_not_known_for_certain_is_refused(text: str, kind: str, code: str) -> None:
    with pytest.raises(BadCell) as refusal:
        resolved(text, kind)

    assert (refusal.value.column, refusal.value.code) == ("Symbol", code)


def test_a_stock_is_never_taken_for_a_future() -> None:
    assert resolved("ESH6", "stock") == Resolved("ESH6", "stock", Decimal(1), "")
