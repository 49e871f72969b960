"""Reservations to the cent, by runs worked out by hand."""

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading.order_rules.broker_events import BrokerEvent, Correction, Fill, Report, fold
from trading.order_rules.reservations import (
    Balance,
    Held,
    Hold,
    Movement,
    MovementKind,
    NoReference,
    Prices,
    Standing,
    hold_for_written_call,
    hold_for_written_put,
    hold_margin,
    hold_to_buy,
    hold_to_sell,
    hold_to_sell_short,
    hold_to_spend,
    movements,
    standing,
)
from trading.order_rules.statuses import TERMINAL, Event, Status
from trading.order_rules.vocabulary import OrderType, Side

D = Decimal
OPEN = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
LIMIT, MARKET, STOP = OrderType.LIMIT, OrderType.MARKET, OrderType.STOP


def fill(key: str, second: int, quantity: str, price: str, fees: str = "0") -> Fill:
    return Fill(key, OPEN + timedelta(seconds=second), D(quantity), D(price), D(fees))


def report(event: Event, second: int = 50) -> Report:
    return Report(event, OPEN + timedelta(seconds=second))


class Run:
    """An account with cash, and one order whose events come in one by one."""

    def __init__(self, cash: str, hold: Hold, *, side: Side = Side.BUY, multiplier: str = "1", margined: bool = False):
        self.hold, self.side, self.multiplier, self.margined = hold, side, D(multiplier), margined
        self.known: list[BrokerEvent] = []
        self.booked: list[Movement] = []
        self.standing = Standing()
        self.balance = Balance(D(cash))
        self.book()

    def book(self) -> None:
        state = fold(self.known, quantity=self.hold.quantity)
        now = standing(state, self.hold, side=self.side, multiplier=self.multiplier, is_margined=self.margined)
        entries = movements(self.standing, now)
        self.balance = self.balance.moved(entries)
        self.booked += entries
        self.standing = now

    def hear(self, *events: BrokerEvent) -> "Run":
        for event in events:
            self.known.append(event)
            self.book()
        return self


def money(run: Run) -> tuple[Decimal, Decimal]:
    return run.balance.available, run.balance.reserved


# --- the golden run ----------------------------------------------------------------------------


def test_the_golden_run_to_the_cent() -> None:
    # Cash 10,000, buy 100 at limit 50.
    run = Run("10000", hold_to_buy(LIMIT, D(100), Prices(limit=D(50))))
    assert money(run) == (D(5000), D(5000))

    # 40 at 49.50 cost 1,980 of the 2,000 set aside for them: 20 come back.
    run.hear(fill("a", 1, "40", "49.50"))
    assert money(run) == (D(5020), D(3000))

    run.hear(fill("b", 2, "30", "50"))
    assert money(run) == (D(5020), D(1500))

    # Of 10,000, 3,480 were spent.
    run.hear(report(Event.CANCELED))
    assert money(run) == (D(6520), D(0))
    assert run.standing == Standing(traded=D(-3480), position=D(70))


def test_the_golden_run_as_entries_of_the_ledger() -> None:
    run = Run("10000", hold_to_buy(LIMIT, D(100), Prices(limit=D(50))))
    run.hear(fill("a", 1, "40", "49.50"), fill("b", 2, "30", "50"), report(Event.CANCELED))

    assert run.booked == [
        Movement(MovementKind.RESERVE, D(-5000), D(5000)),
        Movement(MovementKind.RELEASE, D(2000), D(-2000)),
        Movement(MovementKind.TRADE, D(-1980), D(0)),
        Movement(MovementKind.RELEASE, D(1500), D(-1500)),
        Movement(MovementKind.TRADE, D(-1500), D(0)),
        Movement(MovementKind.RELEASE, D(1500), D(-1500)),
    ]


def test_the_golden_run_ends_the_same_in_every_order_of_its_events() -> None:
    events = [fill("a", 1, "40", "49.50"), fill("b", 2, "30", "50"), report(Event.CANCELED), report(Event.NEW, 0)]

    for arrival in permutations(events):
        run = Run("10000", hold_to_buy(LIMIT, D(100), Prices(limit=D(50)))).hear(*arrival, *arrival)
        assert money(run) == (D(6520), D(0))


# --- ends --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "events",
    [
        [fill("a", 1, "100", "49")],
        [report(Event.CANCELED, 2), report(Event.NEW, 1)],
        [report(Event.EXPIRED, 2), report(Event.NEW, 1)],
        [report(Event.REJECTED)],
        [report(Event.REPLACED, 2), report(Event.NEW, 1)],
        [report(Event.ABORTED)],
        [report(Event.TIMED_OUT), report(Event.NOT_FOUND)],
    ],
)
def test_every_end_releases_everything(events: list[BrokerEvent]) -> None:
    run = Run("10000", hold_to_buy(LIMIT, D(100), Prices(limit=D(50)), fees=D("1.50")))
    assert money(run) == (D("4998.50"), D("5001.50"))

    run.hear(*events)

    assert fold(run.known, quantity=D(100)).status in TERMINAL
    assert run.balance.reserved == D(0)
    spent = D(4900) if isinstance(events[0], Fill) else D(0)
    assert run.balance.available == D(10000) - spent


@pytest.mark.parametrize("event", [Event.PENDING_CANCEL, Event.SUSPENDED, Event.DONE_FOR_DAY, Event.CALCULATED])
def test_what_is_not_an_end_releases_nothing(event: Event) -> None:
    run = Run("10000", hold_to_buy(LIMIT, D(100), Prices(limit=D(50)))).hear(report(Event.NEW, 1), report(event, 2))

    assert money(run) == (D(5000), D(5000))


def test_a_late_fill_is_paid_from_what_is_available() -> None:
    run = Run("10000", hold_to_buy(LIMIT, D(100), Prices(limit=D(50))))
    run.hear(report(Event.NEW, 1), report(Event.CANCELED, 2), fill("a", 3, "10", "50"))

    assert money(run) == (D(9500), D(0))


def test_a_bust_gives_the_money_back_and_sets_it_aside_again() -> None:
    run = Run("10000", hold_to_buy(LIMIT, D(100), Prices(limit=D(50)))).hear(fill("a", 1, "100", "49"))
    assert money(run) == (D(5100), D(0))

    run.hear(Correction("p", OPEN + timedelta(seconds=5), "a"))

    assert money(run) == (D(5000), D(5000))


def test_more_than_was_ordered_costs_what_it_costs_and_may_fall_short() -> None:
    run = Run("5000", hold_to_buy(LIMIT, D(100), Prices(limit=D(50))))
    run.hear(fill("a", 1, "100", "50"), fill("b", 2, "10", "50"))

    assert money(run) == (D(-500), D(0))
    assert run.balance.shortfall == D(500)
    assert Balance(D(1)).shortfall == D(0)


# --- what each order sets aside ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("order_type", "prices", "funds"),
    [
        # 10 x 100
        (OrderType.LIMIT, Prices(limit=D(100)), "1000"),
        (OrderType.STOP_LIMIT, Prices(limit=D(101), stop=D(100)), "1010"),
        # 10 x 100 x 1.02
        (OrderType.MARKET, Prices(ask=D(100)), "1020"),
        # below 50: 10 x 49.99 x 1.04; from 50 on: 10 x 50 x 1.025
        (OrderType.STOP, Prices(stop=D("49.99")), "519.896"),
        (OrderType.STOP, Prices(stop=D(50)), "512.5"),
        (OrderType.TRAILING_STOP, Prices(stop=D("49.99")), "519.896"),
        (OrderType.TRAILING_STOP, Prices(stop=D(80)), "820"),
    ],
)
def test_what_an_order_to_buy_sets_aside(order_type: OrderType, prices: Prices, funds: str) -> None:
    hold = hold_to_buy(order_type, D(10), prices)

    assert (hold.held, hold.funds, hold.units) == (Held.FUNDS, D(funds), D(0))


def test_fees_and_the_multiplier_are_set_aside_too() -> None:
    # 3 contracts x 1.62 x 100, and 1.95
    assert hold_to_buy(LIMIT, D(3), Prices(limit=D("1.62")), multiplier=D(100), fees=D("1.95")).funds == D("487.95")
    # 10 x 100 x 1.04
    assert hold_to_buy(MARKET, D(10), Prices(ask=D(100)), collar=D("0.04")).funds == D(1040)


def test_fees_are_released_with_the_part_that_they_are_for() -> None:
    # 1 for 3 units: a third each, rounded up at the eighth decimal so that it always suffices.
    run = Run("1000", hold_to_buy(LIMIT, D(3), Prices(limit=D(100)), fees=D(1)))
    assert money(run) == (D(699), D(301))

    run.hear(fill("a", 1, "1", "100", "0.30"))
    assert money(run) == (D("699.03333333"), D("200.66666667"))

    run.hear(fill("b", 2, "1", "100", "0.30"))
    assert money(run) == (D("699.06666666"), D("100.33333334"))

    run.hear(fill("c", 3, "1", "100", "0.30"))
    assert money(run) == (D("699.10"), D(0))

    # What the first fill was charged for all of them is not taken from what nobody set aside.
    run = Run("301", hold_to_buy(LIMIT, D(3), Prices(limit=D(100)), fees=D(1))).hear(fill("a", 1, "1", "100", "0.90"))
    assert money(run) == (D(0), D("200.10"))


def test_an_order_to_sell_sets_units_aside_and_no_money() -> None:
    hold = hold_to_sell(D(10))
    assert (hold.held, hold.funds, hold.units) == (Held.HOLDINGS, D(0), D(10))
    run = Run("0", hold, side=Side.SELL)
    assert run.standing.reserved_units == D(10)

    # 4 x 25.50 less 0.12
    run.hear(fill("a", 1, "4", "25.50", "0.12"))

    assert money(run) == (D("101.88"), D(0))
    assert (run.standing.reserved_units, run.standing.position) == (D(6), D(-4))
    assert run.hear(report(Event.CANCELED)).standing.reserved_units == D(0)


def test_a_short_sale_sets_aside_the_higher_of_its_limit_and_the_capped_offer() -> None:
    # 10 x 100 x 1.03, and 10 x 110
    assert hold_to_sell_short(D(10), Prices(ask=D(100))).funds == D(1030)
    assert hold_to_sell_short(D(10), Prices(ask=D(100), limit=D(90))).funds == D(1030)
    assert hold_to_sell_short(D(10), Prices(ask=D(100), limit=D(110))).funds == D(1100)


def test_written_options_set_aside_what_assignment_would_take() -> None:
    put, call = hold_for_written_put(D(2), strike=D(45)), hold_for_written_call(D(2))

    assert (put.held, put.funds) == (Held.FUNDS, D(9000))
    assert (call.held, call.funds, call.units) == (Held.UNDERLYING, D(0), D(200))


def test_an_order_for_money_sets_that_money_aside() -> None:
    run = Run("1000", hold_to_spend(D(500), fees=D(1)))
    assert money(run) == (D(499), D(501))

    # 10 x 20 and 0.40: 200.40 of the 501 are used.
    run.hear(fill("a", 1, "10", "20", "0.40"))
    assert money(run) == (D(499), D("300.60"))

    run.hear(Fill("b", OPEN + timedelta(seconds=2), D("14.95"), D(20), D("0.60"), completes=True))
    assert money(run) == (D("500"), D(0))


def test_what_is_margined_sets_its_margin_aside_and_pays_fees_alone() -> None:
    run = Run("5000", hold_margin(D(2), margin=D(1500), fees=D("4.50")), multiplier="50", margined=True)
    assert money(run) == (D("1995.50"), D("3004.50"))

    run.hear(fill("a", 1, "1", "4500", "2.25"))
    assert money(run) == (D("3495.50"), D("1502.25"))

    run.hear(fill("b", 2, "1", "4501", "2.25"))
    assert money(run) == (D("4995.50"), D(0))


@pytest.mark.parametrize("price", [None, D(0), D(-1), D("NaN")])
def test_without_a_reference_nothing_is_guessed(price: Decimal | None) -> None:
    with pytest.raises(NoReference):
        hold_to_buy(MARKET, D(10), Prices(ask=price, limit=D(50), stop=D(50)))
    with pytest.raises(NoReference):
        hold_to_buy(LIMIT, D(10), Prices(limit=price, ask=D(50)))
    with pytest.raises(NoReference):
        hold_to_buy(STOP, D(10), Prices(stop=price, ask=D(50)))
    with pytest.raises(NoReference):
        hold_to_sell_short(D(10), Prices(ask=price, limit=D(50)))


# --- exactness ---------------------------------------------------------------------------------


def test_twelve_decimals_of_quantity_and_price_are_rounded_once() -> None:
    # 0.000000000003 x 0.000000000007 x 3 fills is far below the last decimal of money, each and together.
    dust = [fill(str(n), n, "0.000000000003", "0.000000000007") for n in range(3)]
    # 1/3-like amounts: 3 x 0.333333333333 x 1.000000000001 = 0.999999999999 999... -> 1.00000000
    thirds = [fill(str(n), n, "0.333333333333", "1.000000000001") for n in range(3)]

    assert Run("1", hold_to_buy(LIMIT, D(1), Prices(limit=D("0.5")))).hear(*dust).standing.traded == D(0)
    assert Run("9", hold_to_buy(LIMIT, D(1), Prices(limit=D(2)))).hear(*thirds).standing.traded == D(-1)


QUANTITIES = st.integers(1, 160).map(lambda n: D(n) / 4)
FILLS = st.lists(
    st.tuples(QUANTITIES, st.integers(1, 5000).map(lambda cents: D(cents) / 100), st.integers(0, 99)), max_size=6
)


@settings(deadline=None)
@given(FILLS, st.sampled_from([None, Event.CANCELED, Event.EXPIRED]), st.randoms(use_true_random=False))
def test_no_money_appears_or_disappears(fills: list, end: Event | None, chance: random.Random) -> None:
    events: list[BrokerEvent] = [
        Fill(str(n), OPEN + timedelta(seconds=n), quantity, price, D(cents) / 100)
        for n, (quantity, price, cents) in enumerate(fills)
    ]
    if end:
        events.append(report(end))
    chance.shuffle(events)
    run = Run("10000", hold_to_buy(LIMIT, D(30), Prices(limit=D(50)), fees=D("0.99"))).hear(*events)
    state = fold(events, quantity=D(30))

    spent = sum((each.quantity * each.price + each.fees for each in state.fills), D(0))
    assert run.balance.available + run.balance.reserved == D(10000) - spent
    assert run.balance.reserved >= 0
    assert sum((entry.available for entry in run.booked), D(0)) == run.balance.available - D(10000)
    assert sum((entry.reserved for entry in run.booked), D(0)) == run.balance.reserved
    if state.status in TERMINAL:
        assert run.balance.reserved == 0
    if state.status is Status.PENDING_SUBMIT:
        assert money(run) == (D(10000) - D("1500.99"), D("1500.99"))
