"""Day rollups: which day counts what, and that the sums over accounts and days follow."""

from datetime import date
from decimal import Decimal

import pytest

from accounts.models import Account, User
from accounts.trading_accounts import delete as delete_account
from journal.metrics import rollups
from journal.models import AccountTotals, DayRollup, DayVersion, OwnerDay
from tests.journal.factories import at, make_account, make_instrument, make_trade
from trading import trades
from trading.trades import EnteredFill, Plan

MONDAY, TUESDAY = date(2025, 3, 3), date(2025, 3, 4)


def figures(**where: object) -> dict[str, object]:
    """The one day rollup that is found."""
    return DayRollup.objects.filter(**where).values(*rollups.COLUMNS).get()


def test_a_day_holds_the_counts_and_money_of_its_closed_trades(account: Account) -> None:
    make_trade(account, day=MONDAY, pnl="100", fees="2")
    make_trade(account, day=MONDAY, pnl="-40", fees="1", opened=at(MONDAY, 16))
    make_trade(account, day=MONDAY, pnl="0", opened=at(MONDAY, 18))

    rollups.recompute(account.owner_id)

    stored = figures(account=account, day=MONDAY, currency="USD")
    assert (stored["trade_count"], stored["win_count"], stored["loss_count"], stored["breakeven_count"]) == (
        3, 1, 1, 1,
    )  # fmt: skip
    assert stored["net_pnl"] == Decimal("57")
    assert stored["gross_pnl"] == Decimal("60")
    assert stored["fees"] == Decimal("3")
    assert stored["gross_profit"] == Decimal("98")
    assert stored["gross_loss"] == Decimal("41")
    assert stored["breakeven_net"] == Decimal("0")
    assert stored["net_squares"] == Decimal("98") ** 2 + Decimal("41") ** 2
    assert stored["largest_win"] == Decimal("98")
    assert stored["largest_loss"] == Decimal("-41")
    assert stored["volume"] == Decimal("3")
    assert (stored["holding_count"], stored["holding_seconds"]) == (3, 3 * 3600)


def test_money_belongs_to_the_day_of_the_exit_and_the_trade_to_the_day_it_closes(account: Account) -> None:
    trades.enter(
        account,
        instrument=make_instrument(),
        fills=[
            EnteredFill("buy", Decimal(2), Decimal(10), at(MONDAY, 14)),
            EnteredFill("sell", Decimal(1), Decimal(15), at(MONDAY, 15)),
            EnteredFill("sell", Decimal(1), Decimal(8), at(TUESDAY, 15)),
        ],
    )

    rollups.recompute(account.owner_id)

    monday, tuesday = figures(day=MONDAY), figures(day=TUESDAY)
    assert (monday["net_pnl"], monday["trade_count"], monday["gross_profit"]) == (Decimal(5), 0, Decimal(0))
    assert (tuesday["net_pnl"], tuesday["trade_count"], tuesday["gross_profit"]) == (Decimal(-2), 1, Decimal(3))


def test_an_open_trade_counts_nowhere_but_its_exits_do(account: Account) -> None:
    trades.enter(
        account,
        instrument=make_instrument(),
        fills=[
            EnteredFill("buy", Decimal(2), Decimal(10), at(MONDAY, 14)),
            EnteredFill("sell", Decimal(1), Decimal(15), at(MONDAY, 15)),
        ],
    )

    rollups.recompute(account.owner_id)

    assert figures(day=MONDAY)["trade_count"] == 0
    assert figures(day=MONDAY)["net_pnl"] == Decimal(5)
    assert figures(day=MONDAY)["largest_win"] is None


def test_r_is_summed_over_the_trades_that_have_one(account: Account) -> None:
    # Risk 50: planned 100 / 50 = 2 R, realized 75 / 50 = 1.5 R.
    make_trade(account, day=MONDAY, pnl="75", stop="950", target="1100")
    make_trade(account, day=MONDAY, pnl="20", opened=at(MONDAY, 16))

    rollups.recompute(account.owner_id)

    stored = figures(day=MONDAY)
    assert (stored["r_sum"], stored["r_squares"], stored["r_count"]) == (Decimal("1.5"), Decimal("2.25"), 1)
    assert (stored["planned_r_sum"], stored["planned_r_count"]) == (Decimal(2), 1)


def test_currencies_are_never_summed(account: Account) -> None:
    make_trade(account, day=MONDAY, pnl="10")
    make_trade(account, day=MONDAY, pnl="7", symbol="SAP", currency="EUR")

    rollups.recompute(account.owner_id)

    assert figures(day=MONDAY, currency="USD")["net_pnl"] == Decimal(10)
    assert figures(day=MONDAY, currency="EUR")["net_pnl"] == Decimal(7)
    assert OwnerDay.objects.filter(owner=account.owner).count() == 2
    assert AccountTotals.objects.filter(account=account).count() == 2


def test_sums_over_accounts_and_over_days_follow(alice: User, account: Account) -> None:
    other = make_account(alice, "Other")
    make_trade(account, day=MONDAY, pnl="10")
    make_trade(account, day=TUESDAY, pnl="-4")
    make_trade(other, day=MONDAY, pnl="5.25")

    rollups.recompute(alice.pk)

    assert dict(OwnerDay.objects.filter(owner=alice).values_list("day", "net_pnl")) == {
        MONDAY: Decimal("15.25"),
        TUESDAY: Decimal("-4"),
    }
    mine = AccountTotals.objects.get(account=account)
    assert (mine.net_pnl, mine.trade_count, mine.first_day, mine.last_day) == (Decimal(6), 2, MONDAY, TUESDAY)


def test_a_day_without_trades_any_more_is_gone_everywhere(account: Account) -> None:
    trade = make_trade(account, day=MONDAY, pnl="10")
    rollups.recompute(account.owner_id)

    trades.delete(trade)
    rollups.recompute(account.owner_id)

    assert not DayRollup.objects.exists()
    assert not OwnerDay.objects.exists()
    assert not AccountTotals.objects.exists()


def test_a_moved_trade_leaves_its_old_day(account: Account) -> None:
    trade = make_trade(account, day=MONDAY, pnl="10")
    make_trade(account, day=MONDAY, pnl="1", symbol="MSFT")
    rollups.recompute(account.owner_id)

    trades.correct(
        trade,
        fills=[
            EnteredFill("buy", Decimal(1), Decimal(100), at(TUESDAY, 14)),
            EnteredFill("sell", Decimal(1), Decimal(103), at(TUESDAY, 15)),
        ],
    )
    rollups.recompute(account.owner_id)

    assert figures(day=MONDAY)["net_pnl"] == Decimal(1)
    assert figures(day=TUESDAY)["net_pnl"] == Decimal(3)


def test_a_changed_plan_changes_the_r_of_the_day(account: Account) -> None:
    trade = make_trade(account, day=MONDAY, pnl="30")
    rollups.recompute(account.owner_id)

    trades.annotate(trade, plan=Plan(initial_stop=Decimal(990)))
    rollups.recompute(account.owner_id)

    assert figures(day=MONDAY)["r_sum"] == Decimal(3)


def test_a_note_makes_no_day_stale(account: Account) -> None:
    trade = make_trade(account, day=MONDAY, pnl="30")
    rollups.recompute(account.owner_id)

    trades.annotate(trade, note="Waited for the retest.")

    assert rollups.stale_count(account.owner_id) == 0


def test_at_most_the_limit_is_computed_and_the_rest_is_counted(account: Account) -> None:
    for number in range(3):
        make_trade(account, day=date(2025, 3, 3 + number), pnl="1")

    done = rollups.recompute(account.owner_id, limit=2)

    assert (done.days, done.left) == (2, 1)
    assert DayRollup.objects.count() == 2
    assert rollups.recompute(account.owner_id).left == 0
    assert DayRollup.objects.count() == 3


def test_computing_again_changes_nothing(account: Account) -> None:
    make_trade(account, day=MONDAY, pnl="10", fees="0.3")
    rollups.recompute(account.owner_id)
    before = list(DayRollup.objects.values()), list(OwnerDay.objects.values())

    assert rollups.request_all(account.owner_id) == 1
    assert rollups.recompute(account.owner_id).days == 1

    assert (list(DayRollup.objects.values()), list(OwnerDay.objects.values())) == before


def test_a_deleted_account_leaves_the_days_of_the_person(alice: User, account: Account) -> None:
    other = make_account(alice, "Other")
    make_trade(account, day=MONDAY, pnl="10")
    make_trade(other, day=MONDAY, pnl="3")
    rollups.recompute(alice.pk)

    delete_account(account, confirmed=True)

    assert OwnerDay.objects.get(owner=alice, day=MONDAY).net_pnl == Decimal(3)
    assert not DayVersion.objects.filter(account_id=account.pk).exists()


def test_one_persons_recompute_leaves_the_others_alone(alice: User, bob: User, account: Account) -> None:
    make_trade(account, day=MONDAY, pnl="10")
    make_trade(make_account(bob), day=MONDAY, pnl="99")

    rollups.recompute(alice.pk)

    assert rollups.stale_owners() == [bob.pk]
    assert OwnerDay.objects.get().net_pnl == Decimal(10)


@pytest.mark.parametrize("stated", ["12.5", None])
def test_the_brokers_figure_stands_beside_ours(account: Account, stated: str | None) -> None:
    trade = make_trade(account, day=MONDAY, pnl="10", fees="1")
    # Importing alone states one; here the derived part is set as an import would have left it.
    trade.fills.filter(role="exit").update(broker_pnl=stated)
    rollups.request(account.owner_id, days=[(account.pk, MONDAY)])

    rollups.recompute(account.owner_id)

    stored = figures(day=MONDAY)
    expected = (Decimal("12.5"), Decimal(9), 1) if stated else (Decimal(0), Decimal(0), 0)
    assert (stored["broker_pnl"], stored["broker_net"], stored["broker_count"]) == expected
