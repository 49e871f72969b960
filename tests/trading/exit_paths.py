"""Plans walked along prices, one a minute, with exits that fill at the price they were decided at."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from trading.exits.evaluation import Evaluation, ExitAction, Tick, evaluate
from trading.exits.plans import ExitPlan, Level
from trading.exits.results import ExitFill, Result, result
from trading.exits.states import Entry, PlanState, opened

D = Decimal
START = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def at(minute: float) -> datetime:
    return START + minute * MINUTE


def levels(*pairs: tuple[Any, Any]) -> tuple[Level, ...]:
    """Shares in percent at multiples of the entry price, as the catalogue of strategies writes them."""
    return tuple(
        Level.at_multiple(D(share) / 100, None if multiple is None else D(multiple)) for share, multiple in pairs
    )


#: Stop 20, half at 2x, a quarter at 3x, a quarter rides; 15 % stored as trailing distance and switched off.
DEFAULT = ExitPlan(
    stop_loss=D("0.20"),
    is_trailing=False,
    trail=D("0.15"),
    trail_activation=D("0.20"),
    is_scaling=True,
    levels=levels((50, 2), (25, 3), (25, None)),
    mirrors=True,
)
#: The same with the trailing stop on: 15 % below the best price, armed at +20 %.
TRAILING = ExitPlan(
    stop_loss=D("0.20"),
    is_trailing=True,
    trail=D("0.15"),
    trail_activation=D("0.20"),
    is_scaling=True,
    levels=levels((50, 2), (25, 3), (25, None)),
    mirrors=True,
)
AGGRESSIVE = ExitPlan(
    stop_loss=D("0.30"),
    is_trailing=True,
    trail=D("0.15"),
    trail_activation=D("0.20"),
    is_scaling=True,
    levels=levels((50, 3), (25, 5), (25, None)),
    mirrors=True,
)


def entered(price: Any = "1.00", quantity: Any = 100, *, is_long: bool = True, **more: Any) -> Entry:
    return Entry(is_long=is_long, price=D(price), quantity=D(quantity), at=START, **more)


@dataclass
class Walk:
    """A plan on its way. `fills` are the exits so far; `fill_prices` overrule, by number, the price that one gets."""

    plan: ExitPlan
    entry: Entry
    fill_prices: Mapping[int, str] = field(default_factory=dict)
    minute: int = 0

    def __post_init__(self) -> None:
        self.state: PlanState = opened(self.plan, self.entry)
        self.actions: list[ExitAction] = []
        self.fills: list[ExitFill] = []
        self.price = self.entry.price

    def tick(self, price: Any, **more: Any) -> Evaluation:
        self.minute += 1
        self.price = D(price)
        moment = at(self.minute)
        found = evaluate(self.plan, self.entry, self.state, Tick(self.price, moment), now=moment, **more)
        self.state = found.state
        self.actions += found.actions
        for action in found.actions:
            assert action.price is not None
            got = D(self.fill_prices.get(action.number, str(action.price)))
            self.fills.append(ExitFill(action.quantity, got))
        return found

    def along(self, prices: Iterable[Any]) -> "Walk":
        for price in prices:
            self.tick(price)
        return self

    @property
    def reasons(self) -> list[tuple[str, Decimal]]:
        return [(action.reason.value, action.quantity) for action in self.actions]

    def result(self) -> Result:
        return result(self.entry, self.fills, price=self.price)


def walked(plan: ExitPlan, *prices: Any, entry: Entry | None = None) -> Walk:
    """The plan after these prices, of which the first is that of the entry."""
    return Walk(plan, entry or entered(prices[0])).along(prices[1:])
