"""Positions under exit plans for tests, made by the verbs of the product, and the prices that they meet."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal as D
from typing import Any

from accounts.models import Account
from tests.journal.factories import make_instrument
from trading import exit_plans, monitoring, trades
from trading.exits.plans import ExitPlan, Level
from trading.models import Instrument, ManagedPosition, PlanExit, Quote
from trading.trades import EnteredFill

ENTERED = datetime(2026, 1, 5, 15, tzinfo=UTC)
LEVELS = (Level(D("0.5"), D(1)), Level(D("0.25"), D(2)), Level(D("0.25"), None))
#: The worked example's plan: stop 20 %, trail 15 % armed at +20 %, half at 2x, a quarter at 3x, the rest rides.
TRAILING = ExitPlan(
    stop_loss=D("0.2"), is_trailing=True, trail=D("0.15"), trail_activation=D("0.2"), is_scaling=True, levels=LEVELS,
    mirrors=True,
)  # fmt: skip
DEFAULT = ExitPlan(
    stop_loss=D("0.2"), trail=D("0.15"), trail_activation=D("0.2"), is_scaling=True, levels=LEVELS, mirrors=True
)


def hold(
    account: Account, *, symbol: str = "ACME", quantity: str = "100", price: str = "1.00", side: str = "buy"
) -> Instrument:
    """The account holds so much since ENTERED, bought (or sold short) at this price."""
    instrument = make_instrument(symbol)
    fill = EnteredFill(side, D(quantity), D(price), ENTERED)
    trades.enter(account, instrument=instrument, fills=[fill])
    return instrument


def managed(account: Account, plan: ExitPlan = TRAILING, *, symbol: str = "ACME", **held: Any) -> ManagedPosition:
    """All that the account then holds of the symbol is under the plan."""
    return exit_plans.open_plan(account, hold(account, symbol=symbol, **held), plan=plan)


def quote(instrument_id: int, price: str, *, at: datetime, **sides: D) -> None:
    Quote.objects.update_or_create(
        instrument_id=instrument_id, defaults={"last": D(price), "quoted_at": at, "bid": None, "ask": None, **sides}
    )


class Market:
    """Feeds one instrument's prices to the monitor, a minute apart, and fills what it decides at once."""

    def __init__(self, plan: ManagedPosition, *, fills: dict[int, str] | None = None) -> None:
        self.plan, self.at, self.fills = plan, ENTERED, fills or {}

    def price(self, text: str) -> monitoring.Ticked:
        """The instrument is quoted at this price, the monitor looks, and exits fill at it, or as `fills` says."""
        self.at += timedelta(minutes=1)
        quote(self.plan.instrument_id, text, at=self.at)
        done = monitoring.tick(now=self.at)
        for each in PlanExit.objects.filter(managed_position=self.plan, ended_at=None).order_by("number"):
            price = D(self.fills.get(each.number, text))
            exit_plans.settle(each, filled=each.quantity, average_price=price, is_over=True, at=self.at)
        self.plan.refresh_from_db()
        return done

    @property
    def exits(self) -> list[tuple[int, str, D]]:
        """Number, reason and units of each exit so far."""
        rows = PlanExit.objects.filter(managed_position=self.plan).order_by("number")
        return [(row.number, row.reason, row.quantity) for row in rows]
