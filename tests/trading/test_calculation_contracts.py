"""Cases whose results other authors wrote down, where the folder with them stands beside the project.

The numbers of those cases are binary floats printed to ten decimals and their ratios are percents; here
they are read as decimals, and ratios are fractions with 12 decimals.
"""

import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from journal.metrics.formulas import decisive_win_rate, win_rate
from journal.metrics.totals import ClosedTrade, Exit, Totals
from trading.matching import CostMethod, Fill, RoundTrip, round_trips
from trading.risk_reward import (
    Outcome,
    Target,
    initial_risk,
    outcome,
    planned_r,
    position_basis,
    realized_r,
    return_on_basis,
)

D = Decimal
CONTRACTS = Path(__file__).parents[3] / "shared" / "fixtures" / "calculation-contracts.json"

pytestmark = pytest.mark.skipif(
    not CONTRACTS.is_file(), reason="shared/fixtures/calculation-contracts.json is not beside the project"
)


@pytest.fixture(scope="module")
def contracts() -> dict[str, Any]:
    return json.loads(CONTRACTS.read_text(), parse_float=D, parse_int=D)


def case_of(cases: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(case for case in cases if case["id"] == name)


def filled(key: int, quantity: Decimal, price: Decimal, at: str, *, costs: Decimal, multiplier: Decimal) -> Fill:
    moment = datetime.fromisoformat(at)
    return Fill(key, moment, moment.date(), quantity, price, costs, multiplier)


def trip_of(case: dict[str, Any]) -> RoundTrip:
    """The one trade of a case: point value or contract size is our multiplier, its two costs our fees."""
    given = case["input"]
    multiplier = given.get("pointValue") or given.get("contractSize") or D(1)
    fills = [
        filled(
            key,
            step["quantity"] if step["action"] == "buy" else -step["quantity"],
            step["price"],
            step["datetime"],
            costs=step["commission"] + step["fees"],
            multiplier=multiplier,
        )
        for key, step in enumerate(given["executions"])
    ]
    (trip,) = round_trips(fills, method=CostMethod.FIFO)
    return trip


@pytest.mark.parametrize("name", ["stock_long_round_trip", "option_contract_multiplier", "future_point_value"])
def test_a_round_trip_comes_to_the_contracts_figures(contracts: dict[str, Any], name: str) -> None:
    case = case_of(contracts["pnl_engine_cases"], name)
    expected = case["expected"]["aggregate"]

    trip = trip_of(case)

    assert (trip.entry_price, trip.exit_price) == (expected["entry_price"], expected["exit_price"])
    assert (trip.quantity, trip.is_closed) == (expected["quantity"], expected["is_fully_closed"])
    assert trip.fees == expected["commission"] + expected["fees"]
    assert trip.net_pnl == expected["pnl"]
    assert [part.net_pnl for part in trip.parts] == case["expected"]["realized_pnl"]
    gross = case["expected"].get("gross_realized_pnl")
    assert gross is None or [part.gross_pnl for part in trip.parts] == gross
    multiplier = case["input"].get("pointValue") or case["input"].get("contractSize") or D(1)
    basis = position_basis(price=trip.entry_price, quantity=trip.quantity, multiplier=multiplier)
    assert percent(return_on_basis(trip.net_pnl, basis=basis)) == expected["pnl_percent"]


def test_grouped_executions_come_to_the_contracts_figures(contracts: dict[str, Any]) -> None:
    """The contract pairs entry and exit by row; fills are matched first in, first out.

    Its two pairs overlap (in at 10:00 and 10:05, out at 13:00 and 13:05), so flat to flat they are one
    trade here as there. Ten units close against the first ten and five against the next five, so FIFO
    pairs them alike. The costs are stated per pair, and are put on its exit.
    """
    case = case_of(contracts["pnl_engine_cases"], "grouped_executions")
    fills = []
    for key, pair in enumerate(case["input"]["executions"]):
        costs = pair["commission"] + pair["fees"]
        size = pair["quantity"]
        fills += [
            filled(key, size, pair["entryPrice"], pair["entryTime"], costs=D(0), multiplier=D(1)),
            filled(key + 10, -size, pair["exitPrice"], pair["exitTime"], costs=costs, multiplier=D(1)),
        ]
    fills.sort(key=lambda one: one.at)
    expected = case["expected"]["aggregate"]

    (trip,) = round_trips(fills, method=CostMethod.FIFO)

    assert round(trip.entry_price, 10) == expected["entry_price"]
    assert round(trip.exit_price or 0, 10) == expected["exit_price"]
    assert (trip.quantity, trip.net_pnl) == (expected["quantity"], expected["pnl"])
    assert trip.fees == expected["commission"] + expected["fees"]
    assert [part.net_pnl for part in trip.parts if part.is_exit] == case["expected"]["realized_pnl"]
    basis = D(10 * 100 + 5 * 102)
    assert percent(return_on_basis(trip.net_pnl, basis=basis)) == expected["pnl_percent"]


@pytest.mark.parametrize("name", ["chart_stock_long_measurement", "chart_future_point_value_measurement"])
def test_a_measurement_on_the_chart_is_a_trade_without_costs(contracts: dict[str, Any], name: str) -> None:
    case = case_of(contracts["chart_pnl_measurement_cases"], name)
    given, expected = case["input"], case["expected"]
    multiplier = given.get("point_value") or D(1)
    at = "2026-01-05T10:00:00+00:00"
    fills = [
        filled(1, given["quantity"], given["entry_price"], at, costs=D(0), multiplier=multiplier),
        filled(2, -given["quantity"], given["exit_price"], at, costs=D(0), multiplier=multiplier),
    ]

    (trip,) = round_trips(fills, method=CostMethod.FIFO)

    basis = position_basis(price=trip.entry_price, quantity=trip.quantity, multiplier=multiplier)
    assert (trip.exit_price or 0) - trip.entry_price == expected["price_change"]
    assert basis == expected["position_basis"]
    assert trip.gross_pnl == expected["dollar_pnl"]
    assert percent(return_on_basis(trip.gross_pnl, basis=basis)) == expected["pnl_percent"]


def test_costs_from_a_brokers_fee_table_are_charged_once_they_are_on_the_fills(
    contracts: dict[str, Any],
) -> None:
    """The difference: costs that a file leaves out are not estimated from a table of rates here.

    An execution holds what the broker charged; a guess would be indistinguishable from it. What the
    contract does with its estimate, take it off the P&L once, holds for costs entered on the fills.
    """
    for case in contracts["broker_fee_application"]["cases"]:
        trade, expected = case["trade"], case["expected"]
        gross = trade["pnl"] + trade["commission"] + trade["fees"]
        entry = trade["exitPrice"] - gross / (trade["quantity"] * 50)
        costs = expected["commission"] + expected["fees"]
        at = "2026-01-05T10:00:00+00:00"
        fills = [
            filled(1, trade["quantity"], entry, at, costs=costs / 2, multiplier=D(50)),
            filled(2, -trade["quantity"], trade["exitPrice"], at, costs=costs / 2, multiplier=D(50)),
        ]

        (trip,) = round_trips(fills, method=CostMethod.FIFO)

        assert trip.net_pnl == expected["pnl"], case["id"]


def test_the_analytics_summary_comes_to_the_contracts_figures(contracts: dict[str, Any]) -> None:
    """Gross decides breakeven: the third trade lost its commission of 2 and nothing else."""
    trades, exits = [], []
    for trade in contracts["analytics_summary"]["trades"]:
        gross = trade["pnl"] + trade["commission"] + trade["fees"]
        trades.append(ClosedTrade(trade["pnl"], outcome(gross_pnl=gross, net_pnl=trade["pnl"])))
        exits.append(Exit(quantity=D(1), gross_pnl=gross, net_pnl=trade["pnl"]))
    expected = contracts["analytics_summary"]["expected"]

    totals = Totals.from_trades(trades, exits)

    assert totals.trade_count == expected["total_trades"]
    assert totals.win_count == expected["winning_trades"]
    assert totals.loss_count == expected["losing_trades"]
    assert totals.breakeven_count == expected["breakeven_trades"]
    assert totals.net_pnl == totals.closed_net == expected["total_pnl"]
    assert totals.gross_pnl == expected["total_gross_pnl"]
    # Commission and fees are kept apart on the execution and are one cost from the trade on.
    assert totals.fees == expected["total_costs"]
    assert percent(win_rate(totals)) == expected["win_rate"]
    assert percent(decisive_win_rate(totals)) == expected["win_rate_excluding_breakeven"]


def test_the_money_tolerance_of_breakeven_includes_its_bounds(contracts: dict[str, Any]) -> None:
    """The contract's tolerance is a sum of money; an instrument's, in ticks, is turned into one."""
    tolerance = contracts["dollar_breakeven_tolerance"]["config"]["default"]
    for case in contracts["dollar_breakeven_tolerance"]["cases"]:
        gross = case["gross_pnl"]

        counted = outcome(gross_pnl=gross, net_pnl=gross, tolerance=tolerance)

        assert (counted is Outcome.BREAKEVEN) == case["is_breakeven"], case["id"]


def test_several_targets_are_weighted_as_documented(contracts: dict[str, Any]) -> None:
    example = contracts["r_value"]["documented_weighted_target_example"]
    trade = example["trade"]
    targets = [Target(each["price"], each["shares"]) for each in trade["take_profit_targets"]]
    plan = {"is_long": False, "entry": trade["entry_price"], "stop": trade["stop_loss"]}

    assert initial_risk(**plan, quantity=D(1), multiplier=D(1)) == example["risk"]
    assert planned_r(**plan, target=targets) == example["expected_weighted_target_r"]


def test_r_of_a_future_uses_its_point_value(contracts: dict[str, Any]) -> None:
    """The contract guesses from the symbol MNQH6 that a "stock" is a future of 2 dollars a point.

    Here the instrument knows its multiplier, and the importer takes it from the reference data.
    """
    example = contracts["r_value"]["legacy_stock_typed_future_example"]
    trade = example["trade"]
    plan = {
        "is_long": True,
        "entry": trade["entry_price"],
        "stop": trade["stop_loss"],
        "quantity": trade["quantity"],
        "multiplier": D(2),
    }
    net_pnl = (trade["exit_price"] - trade["entry_price"]) * trade["quantity"] * 2

    assert initial_risk(**plan) == example["expected_risk_amount"]
    assert realized_r(net_pnl, **plan) == example["expected_r_value"]


def test_r_uses_the_trades_own_stop(contracts: dict[str, Any]) -> None:
    """The contract has a default risk of 50 dollars, overridden by the stop; here there is no default.

    It rounds R to 2 decimals; here the display does.
    """
    example = contracts["r_value"]["dollar_default_explicit_stop_example"]
    trade, expected = example["trade"], example["expected"]
    plan = {"is_long": True, "entry": trade["entry_price"], "stop": trade["stop_loss"]}
    size = {"quantity": trade["quantity"], "multiplier": D(1)}

    assert initial_risk(**plan, quantity=D(1), multiplier=D(1)) == expected["risk_per_share"]
    assert initial_risk(**plan, **size) == expected["risk_amount"]
    assert round(realized_r(trade["pnl"], **plan, **size) or 0, 2) == expected["actual_r"]
    assert planned_r(**plan, target=trade["take_profit"]) == expected["target_r"]


def percent(fraction: Decimal | None) -> Decimal | None:
    return None if fraction is None else round(fraction * 100, 10)
