"""The documents' worked examples from a webhook's JSON to the closed trade in the journal, to the cent.

What the wallet did comes as Helius delivers it; token and prices come from the stand-ins; the paper venue fills orders.
100 units at 1.00 unless a case says otherwise: the capital is set so that the stop's size is that.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal as D
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Account
from intelligence import copy_tasks, locks, token_trading, tokens, wallets
from intelligence.helius_parsing import USDC
from intelligence.models import CopiedPosition, SignalOutcome, Token, WalletPerformance, WebhookDelivery
from intelligence.sources.stand_ins import StandIns, made_token
from intelligence.sources.transactions import address, swap
from tests.conftest import signed_in
from tests.intelligence.copies import Follower
from tests.intelligence.delivering import deliver
from tests.trading.desk import broken
from tests.trading.plan_things import DEFAULT, LEVELS, TRAILING
from trading import exit_orders, exit_strategies, plan_lists
from trading.exits.plans import ExitPlan, Level
from trading.models import ManagedPosition, Order, Trade
from trading.venues import paper

pytestmark = pytest.mark.django_db

HALVES = ExitPlan(
    stop_loss=D("0.2"), is_scaling=True, levels=(Level(D("0.5"), D(1)), Level(D("0.5"), D(2))), mirrors=True
)
AGGRESSIVE = ExitPlan(
    stop_loss=D("0.3"), is_trailing=True, trail=D("0.15"), trail_activation=D("0.2"), is_scaling=True,
    levels=(Level(D("0.5"), D(2)), Level(D("0.25"), D(4)), Level(D("0.25"), None)), mirrors=True,
)  # fmt: skip
STOP_25 = ExitPlan(stop_loss=D("0.25"), is_scaling=True, levels=LEVELS, mirrors=True)
#: "sells": the wallet itself sells, a tenth of what it has.
SELLS = "sells"


@dataclass(frozen=True)
class Case:
    """Prices after the entry, what remains, what was made of the rest, and the reason of the last exit."""

    name: str
    plan: ExitPlan
    path: tuple[str, ...]
    realized: str
    remaining: str = "0"
    reason: str = ""
    exit_price: str | None = None
    entry: str = "1.00"
    units: str = "100"


CASES = [
    Case("A trailing, latched", TRAILING, ("1.25", "1.06"), "6.00", reason="trailing_stop"),
    Case("B both", TRAILING, ("1.25", "0.79"), "-21.00", reason="stop_loss"),
    Case("C stop after a level", DEFAULT, ("2.00", "1.20", "0.80"), "40.00", reason="stop_loss", exit_price="1.40"),
    Case("D, G second level", DEFAULT, ("2.00", "3.00"), "100.00", "25", "scaling", "2.333333333333"),
    Case("E gap", TRAILING, ("3.20",), "165.00", "25", "scaling"),
    Case("F gap, then back", TRAILING, ("3.20", "2.60"), "205.00", reason="trailing_stop"),
    Case("H, P the wallet sells", DEFAULT, ("0.15", SELLS), "50.00", reason="mirror", entry="0.10", units="1000"),
    Case("I halves", HALVES, ("0.000024", "0.000036"), "18.00", reason="scaling", entry="0.000012", units="1000000"),
    Case("J aggressive", AGGRESSIVE, ("1.50", "1.28", "1.27"), "27.00", reason="trailing_stop"),
    Case("J holds", AGGRESSIVE, ("1.50", "1.28"), "0", "100"),
    Case("K stop", DEFAULT, ("0.80",), "-20.00", reason="stop_loss"),
    Case("K trail", TRAILING, ("1.25", "1.0625"), "6.25", reason="trailing_stop"),
    Case("L stop of 25 %", STOP_25, ("0.76", "0.75"), "-25.00", reason="stop_loss"),
    Case("N what rides, and a crash", DEFAULT, ("3.00", "0.79"), "144.75", reason="stop_loss"),
    Case("O not trailing", DEFAULT, ("1.00", "0.85"), "0", "100"),
]


class Day:
    """A follower whose wallet's trades are delivered as JSON, on a market that the stand-ins quote."""

    def __init__(self, there: StandIns) -> None:
        self.there, self.follower, self.number = there, Follower(money="100000"), 0

    @property
    def account(self) -> Account:
        return self.follower.account

    def trades(self, mint: str, amount: str, dollars: str) -> SignalOutcome:
        """A swap of dollars for tokens, or back where they are negative; processed by the worker."""
        self.number += 1
        legs = [(mint, amount, 6), (USDC, dollars, 6)]
        body = [swap(self.follower.wallet.address, legs, at=timezone.now(), name=f"swap {self.number}")]
        made = deliver(json.dumps(body).encode())
        assert len(made) == 1, list(WebhookDelivery.objects.values_list("status", "error", "repeats"))
        if not copy_tasks.process_signals():
            with locks.held("process signals") as is_free:
                assert not is_free, "nothing was done, and nobody else is at it"
            # Another session's look goes on in this database; it does not see this test's signal.
            copy_tasks._processed(made[0])
        exit_orders.look()
        return SignalOutcome.objects.get(signal=made[0])

    def quotes(self, mint: str, price: str) -> None:
        """The source says so now, and the worker has asked it."""
        self.there.tokens[mint] = made_token(mint, price=price, born_at=timezone.now() - timedelta(days=30))
        Token.objects.filter(address=mint).update(price_at=timezone.now() - timedelta(minutes=4))
        copy_tasks.refresh_token_prices()

    def meets(self, mint: str, price: str, *, filled_at: str | None = None) -> None:
        """The price comes, plans look at it, and what they decide fills at it, or at another."""
        self.quotes(mint, price)
        exit_orders.look()
        if filled_at is not None:
            self.quotes(mint, filled_at)
        for instrument in Order.objects.live().values_list("instrument", flat=True).distinct():
            paper.match(instrument)
        exit_orders.settle_exits()


@pytest.fixture
def day(settings: Any) -> Iterator[Day]:
    with StandIns() as there:
        for name, value in there.settings.items():
            setattr(settings, name, value)
        yield Day(there)


def bought(day: Day, mint: str, plan: ExitPlan, *, entry: str, units: str) -> ManagedPosition:
    """The wallet buys, and it is copied for so many units."""
    follower = day.follower
    strategy = exit_strategies.create(owner=follower.person, name=f"For {mint}", plan=plan)
    wallets.update(follower.wallet, exit_strategy=strategy)
    value = D(entry) * D(units)
    follower.change(
        capital=value * plan.stop_loss / D("0.02"), max_per_trade=D(1), max_per_wallet=D(1), max_per_token=D(1),
        max_total=D(1),
    )  # fmt: skip
    day.quotes(mint, entry)
    outcome = day.trades(mint, units, f"-{value}")
    assert outcome.action_taken == "position_created", outcome.reason
    return ManagedPosition.objects.get(public_id=outcome.plan_id)


def test_the_branch_cases_hold_from_webhook_to_journal(day: Day) -> None:
    for number, case in enumerate(CASES):
        mint = address(f"token {number}")
        plan = bought(day, mint, case.plan, entry=case.entry, units=case.units)
        assert (plan.entry_price, plan.entry_quantity) == (D(case.entry), D(case.units)), case.name

        for price in case.path:
            if price == SELLS:
                # A tenth of what it has: all of ours goes out.
                assert day.trades(mint, f"-{D(case.units) / 10}", "15").action_taken == "mirror_exit"
                for instrument in Order.objects.live().values_list("instrument", flat=True).distinct():
                    paper.match(instrument)
                exit_orders.settle_exits()
            else:
                day.meets(mint, price)

        plan.refresh_from_db()
        (shown,) = plan_lists.shown([plan])
        trade = Trade.objects.get(account=day.account, instrument=plan.instrument)
        assert (shown.result.realized, plan.remaining) == (D(case.realized), D(case.remaining)), case.name
        assert plan.reason == case.reason, case.name
        assert trade.is_open is bool(D(case.remaining)), case.name
        if not trade.is_open:
            assert trade.net_pnl == D(case.realized), case.name
        if case.exit_price:
            assert shown.result.exit_price == D(case.exit_price), case.name
        # The next case begins with nothing open.
        wallets.update(day.follower.wallet, label=case.name)
        for copy in CopiedPosition.objects.open().filter(managed_position=plan):
            day.trades(copy.token.address, f"-{case.units}", "1")
            day.meets(mint, case.path[-1])
    assert broken() == []


MAIN = [
    # price, remaining, realized, unrealized, total
    ("0.90", "100", "0.00", "-10.00", "-10.00"),
    ("1.15", "100", "0.00", "15.00", "15.00"),
    ("1.25", "100", "0.00", "25.00", "25.00"),
    ("1.10", "100", "0.00", "10.00", "10.00"),
    ("2.00", "50", "50.00", "50.00", "100.00"),
    ("2.60", "50", "50.00", "80.00", "130.00"),
    ("3.10", "25", "102.50", "52.50", "155.00"),
    ("4.00", "25", "102.50", "75.00", "177.50"),
    ("3.50", "25", "102.50", "62.50", "165.00"),
    ("3.30", "0", "160.00", None, None),
]


def test_the_main_run_is_the_journals_trade_with_its_cents(day: Day) -> None:
    mint = address("the main run")
    plan = bought(day, mint, TRAILING, entry="1.00", units="100")

    for price, remaining, realized, unrealized, total in MAIN:
        day.meets(mint, price)
        plan.refresh_from_db()
        result = plan_lists.shown([plan])[0].result
        said = (plan.remaining, result.realized)
        assert said == (D(remaining), D(realized)), price
        if unrealized is not None:
            assert (result.unrealized, result.total) == (D(unrealized), D(total or 0)), price

    assert (plan.status, plan.reason) == ("closed", "trailing_stop")
    purposes = list(Order.objects.order_by("id").values_list("purpose", flat=True))
    assert purposes == ["entry", "exit_scaling", "exit_scaling", "exit_trailing_stop"]
    client = signed_in(day.follower.person)
    (trade,) = client.get("/api/v1/trades/").json()["results"]
    assert (trade["net_pnl"], trade["entry_price"], trade["exit_price"]) == ("160", "1", "2.6")
    # The plan's stop of 20 % risked 20 of 100.
    assert (trade["initial_stop"], trade["realized_r"]) == ("0.8", "8")
    copy_tasks.sweep_performance()
    found = WalletPerformance.objects.get(mode="simulation", window="all")
    assert (found.positions, found.total_pnl, found.average_pnl_fraction) == (1, 160, D("1.6"))
    assert broken() == []


def test_the_same_run_with_fills_beside_the_price(day: Day) -> None:
    mint = address("real fills")
    plan = bought(day, mint, TRAILING, entry="1.00", units="100")

    day.meets(mint, "2.00", filled_at="1.96")
    plan.refresh_from_db()
    assert plan_lists.shown([plan])[0].result.realized == 48
    day.meets(mint, "3.10", filled_at="3.05")
    plan.refresh_from_db()
    result = plan_lists.shown([plan])[0].result
    assert (result.realized, result.exit_price) == (D("99.25"), D("2.323333333333"))
    day.meets(mint, "4.00")
    day.meets(mint, "3.30", filled_at="3.20")

    plan.refresh_from_db()
    result = plan_lists.shown([plan])[0].result
    assert (result.realized, result.exit_price, result.exit_value) == (D("154.25"), D("2.5425"), D("254.25"))
    assert Trade.objects.get().net_pnl == D("154.25")
    assert tokens.price(mint, at=timezone.now(), newer_than=timedelta(minutes=1)) is not None
    assert token_trading.refresh_prices(at=timezone.now()) == 0
