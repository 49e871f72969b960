"""The command that computes what is stale and proves what is stored."""

from datetime import date
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.models import Account, CostMethod, User
from journal import day_rows, dimensions, reading
from journal.filters import MetricsFilter
from journal.metrics import rollups
from journal.models import AccountTotals, DayRollup, OwnerDay
from tests.journal.factories import at, make_account, make_instrument, make_trade
from trading import trades
from trading.models import Position, Trade, TradeFill
from trading.trades import EnteredFill, Plan

MONDAY, TUESDAY = date(2025, 3, 3), date(2025, 3, 4)


def run(*args: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("recompute_metrics", *args, stdout=out, stderr=err, no_color=True)
    return out.getvalue(), err.getvalue()


def check() -> list[str]:
    """The differences that the check prints; it exits with 1 exactly when there are any."""
    out, err = StringIO(), StringIO()
    code = 0
    try:
        call_command("recompute_metrics", "--check", stdout=out, stderr=err, no_color=True)
    except CommandError as error:
        code = error.returncode
    found = [line for line in err.getvalue().splitlines() if line]
    assert code == (1 if found else 0)
    return found


@pytest.fixture
def busy(alice: User) -> Account:
    """An account with a flip, a scaled exit over two days, an open rest, fees, R and two currencies."""
    account = make_account(alice, "Busy", cost_method=CostMethod.FIFO)
    future = make_instrument("ESM5", multiplier=Decimal(50), breakeven_ticks=2, tick_size=Decimal("0.25"))
    trades.enter(
        account,
        instrument=future,
        fills=[
            EnteredFill("buy", Decimal(3), Decimal("5000.25"), at(MONDAY, 14), commission=Decimal("2.05")),
            EnteredFill("sell", Decimal(1), Decimal("5003.5"), at(MONDAY, 15), commission=Decimal("0.7")),
            EnteredFill("sell", Decimal(4), Decimal("4999.75"), at(TUESDAY, 15), fees=Decimal("1.11")),
            EnteredFill("buy", Decimal(1), Decimal("4990"), at(TUESDAY, 16), fees=Decimal("-0.2")),
        ],
        plan=Plan(Decimal(4990), Decimal(5020)),
    )
    trades.enter(
        account,
        instrument=make_instrument("SAP", currency="EUR"),
        fills=[
            EnteredFill("sell", Decimal("0.3"), Decimal("101.1"), at(MONDAY, 14)),
            EnteredFill("buy", Decimal("0.1"), Decimal("100.7"), at(TUESDAY, 14)),
        ],
    )
    make_trade(make_account(alice, "Other"), day=MONDAY, pnl="12.34", fees="0.01")
    return account


def test_without_arguments_the_stale_days_are_computed(busy: Account) -> None:
    out, _ = run()

    assert "alice@example.com: 3 account-days computed" in out
    assert rollups.stale_owners() == []
    assert run() == ("", "")


def test_all_computes_every_day_again(busy: Account) -> None:
    run()
    DayRollup.objects.update(net_pnl=Decimal(0))

    out, _ = run("--all")

    assert "3 account-days computed" in out
    assert check() == []


def test_what_the_verbs_left_is_what_the_fills_come_to(busy: Account) -> None:
    assert check() == []


def test_after_edits_deletions_and_restores_there_is_no_difference(busy: Account, alice: User) -> None:
    first, second, third = (make_trade(busy, day=MONDAY, pnl=pnl, symbol=pnl) for pnl in ("1.1", "-2.2", "0"))
    run()
    trades.correct(
        first,
        fills=[
            EnteredFill("buy", Decimal(2), Decimal("7.77"), at(TUESDAY, 9)),
            EnteredFill("sell", Decimal(2), Decimal("7.11"), at(TUESDAY, 10)),
        ],
    )
    gone = trades.delete(second)
    trades.annotate(third, note="nothing", plan=Plan(Decimal(990)))
    assert check() == []

    trades.restore(alice.pk, execution_ids=gone)

    assert check() == []


def test_the_average_cost_method_is_checked_by_its_own_rule(alice: User) -> None:
    account = make_account(alice, cost_method=CostMethod.AVERAGE)
    trades.enter(
        account,
        instrument=make_instrument(),
        fills=[
            EnteredFill("buy", Decimal(1), Decimal(10), at(MONDAY, 14)),
            EnteredFill("buy", Decimal(2), Decimal("11.3"), at(MONDAY, 15)),
            EnteredFill("sell", Decimal(1), Decimal(12), at(TUESDAY, 15)),
        ],
    )

    assert check() == []


@pytest.mark.parametrize(
    ("statement", "table", "column"),
    [
        ("UPDATE journal_dayrollup SET net_pnl = net_pnl + 0.00000001", "day rollup", "net_pnl"),
        ("UPDATE journal_ownerday SET trade_count = trade_count + 1", "owner day", "trade_count"),
        ("UPDATE journal_facetday SET net_pnl = net_pnl + 0.00000001 WHERE dimension = 'hour'", "hour", "net_pnl"),
        ("UPDATE journal_accounttotals SET last_day = '2030-01-01'", "account totals", "last_day"),
        ("UPDATE trading_trade SET fees = fees + 1", "trade", "fees"),
        ("UPDATE trading_tradefill SET quantity = quantity * 2", "trade fill", "quantity"),
        ("UPDATE trading_position SET average_price = 1", "position", "average_price"),
    ],
)
def test_a_wrong_figure_is_found_wherever_it_stands(busy: Account, statement: str, table: str, column: str) -> None:
    run()
    with connection.cursor() as cursor:
        cursor.execute(statement)

    found = check()

    assert found
    assert all(f"{table} " in line and f"{column} is " in line for line in found if "more" not in line)


@pytest.mark.parametrize("model", [DayRollup, OwnerDay, AccountTotals, Position])
def test_a_missing_row_is_found(busy: Account, model: type) -> None:
    run()
    model.objects.all()[0].delete()  # type: ignore[attr-defined]

    (found,) = check()

    assert found.endswith("is missing")


def test_a_row_too_many_is_found(busy: Account, alice: User) -> None:
    run()
    DayRollup.objects.create(owner=alice, account=busy, day=date(2020, 1, 1), currency="USD")

    assert [line for line in check() if line.endswith("should not be there")]


def test_a_missing_trade_is_found_with_its_fills(busy: Account) -> None:
    run()
    trade = Trade.objects.filter(status="closed").order_by("id")[0]
    TradeFill.objects.filter(trade=trade).delete()
    trade.delete()

    assert any("trade of fill" in line and line.endswith("is missing") for line in check())


def test_of_many_differences_twenty_are_shown(alice: User) -> None:
    account = make_account(alice)
    for number in range(25):
        make_trade(account, day=MONDAY, pnl="1", symbol=f"S{number}")
    run()
    Trade.objects.update(fees=Decimal(9))

    found = check()

    assert len(found) == 21
    assert found[-1] == "and 5 more"


def test_one_person_can_be_chosen_and_an_unknown_one_is_refused(busy: Account, bob: User) -> None:
    make_trade(make_account(bob), day=MONDAY, pnl="5")

    run("--owner", "bob@example.com")

    assert rollups.stale_owners() == [busy.owner_id]
    with pytest.raises(CommandError) as refusal:
        run("--owner", "nobody@example.com")
    assert refusal.value.returncode == 2


@pytest.mark.parametrize("name", [dimension.name for dimension in dimensions.STORED])
def test_the_check_goes_through_no_table_again_for_each_trade_whatever_statistics_say(alice: User, name: str) -> None:
    (dimension,) = [each for each in dimensions.STORED if each.name == name]
    key = day_rows.stored_key(alice.pk, dimension)
    source, values = day_rows.from_trades(alice.pk, MetricsFilter(), is_whole=True, **key)

    with reading.joined_by_hash():
        plan = reading.rows(f"EXPLAIN SELECT count(*) FROM {source}", values)

    assert "Join" in str(plan)
    assert "Nested Loop" not in str(plan)
