"""Trades that are held for days: shares, currency pairs and options, each account by itself."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from random import Random
from typing import NamedTuple
from zoneinfo import ZoneInfo

from journal.sample_files.books import ZERO, SampleFill
from journal.sample_files.fleet import SampleAccount
from journal.sample_files.markets import PRODUCTS, Market, Product, seeded

CENT = Decimal("0.01")
SETUPS = ("Pullback", "Breakout", "Earnings drift", "Mean reversion")
OPTION_COST = Decimal("0.65")

#: (product, quantity, price, side) -> (commission, fees)
Costs = Callable[[Product, Decimal, Decimal, int], tuple[Decimal, Decimal]]
Sizes = Callable[[Product, Decimal, SampleAccount], Decimal]


@dataclass(frozen=True, slots=True)
class Style:
    """How an account holds positions. Out of a thousand trades `wins` are to win and `shorts` are short."""

    products: tuple[str, ...]
    wins: int
    longest: int  #: days held
    pause: int  #: days between two trades in one product, at most
    costs: Costs
    sizes: Sizes
    shorts: int = 0
    scales: bool = True
    keeps_open: bool = False


class _Step(NamedTuple):
    """One fill of a trade that is planned."""

    day: int
    at: datetime
    ticks: int
    side: int
    quantity: Decimal
    role: str
    order_type: str


def held(account: SampleAccount, style: Style, *, market: Market) -> list[SampleFill]:
    """The account's fills in all products of its style, oldest first."""
    fills: list[SampleFill] = []
    for symbol in style.products:
        rng = seeded(market.seed, account.number, symbol)
        fills += _in_product(account, style, PRODUCTS[symbol], market=market, rng=rng)
    return sorted(fills, key=lambda fill: fill.at)


def _in_product(
    account: SampleAccount, style: Style, product: Product, *, market: Market, rng: Random
) -> Iterator[SampleFill]:
    day = rng.randrange(1, style.pause + 2)
    last = len(market.days) - 1
    while day < last:
        side = -1 if rng.randrange(1000) < style.shorts else 1
        entered = _price(market, product, day, rng)
        leave, left = _leave(market, product, day, side=side, entered=entered[1], style=style, rng=rng)
        if leave >= last and not style.keeps_open:
            return
        units = style.sizes(product, product.price(entered[1]), account)
        plan = [_Step(day, *entered, side, units, "Entry", "Market")]
        middle = (day + leave) // 2
        total = units
        if style.scales and day < middle < min(leave, last) and (drawn := rng.randrange(5)) < 2:
            there = _price(market, product, middle, rng)
            if drawn:
                plan.append(_Step(middle, *there, -side, units / 2, "Target", "Limit"))
                total = units / 2
            else:
                plan.append(_Step(middle, *there, side, units, "Scale", "Limit"))
                total = units * 2
        plan.append(_Step(leave, *left, -side, total, "Exit", rng.choice(("Market", "Limit"))))
        setup = rng.choice(SETUPS)
        yield from (_fill(account, style, product, step, setup) for step in plan if step.day <= last)
        day = leave + rng.randrange(1, style.pause + 1)


def _price(market: Market, product: Product, day: int, rng: Random) -> tuple[datetime, int]:
    step = rng.randrange(1, product.session.steps - 1)
    at = market.moment(product.session, day, step, seconds=rng.randrange(300))
    return at, market.path(product, day, session=product.session)[step]


def _leave(
    market: Market, product: Product, day: int, *, side: int, entered: int, style: Style, rng: Random
) -> tuple[int, tuple[datetime, int]]:
    """The day, the moment and the price of the exit: of some tried, the first that wins or loses as was drawn."""
    wins = rng.randrange(1000) < style.wins
    last = len(market.days) - 1
    leave, found = last + 1, (datetime.min.replace(tzinfo=UTC), 0)
    for _ in range(6):
        leave = day + rng.randrange(1, style.longest + 1)
        if leave > last:
            return leave, found
        found = _price(market, product, leave, rng)
        if ((found[1] - entered) * side > 0) == wins:
            break
    return leave, found


def _fill(account: SampleAccount, style: Style, product: Product, step: _Step, setup: str) -> SampleFill:
    price = product.price(step.ticks)
    commission, fees = style.costs(product, step.quantity, price, step.side)
    return SampleFill(
        number=account.number,
        product=product.symbol,
        symbol=product.symbol,
        kind=product.kind,
        currency=product.currency,
        side=step.side,
        quantity=step.quantity,
        price=price,
        multiplier=product.multiplier,
        at=step.at,
        order_id=0,
        role=step.role,
        order_type=step.order_type,
        commission=commission,
        fees=fees,
        setup=setup,
    )


# --- options -----------------------------------------------------------------------------------


def options(account: SampleAccount, underlyings: tuple[str, ...], *, market: Market) -> list[SampleFill]:
    """Calls and puts, bought or written; some are let expire at 0, and one bought late is still held."""
    fills: list[SampleFill] = []
    for symbol in underlyings:
        rng = seeded(market.seed, account.number, symbol, "options")
        day = rng.randrange(3, 40)
        while day < len(market.days):
            fills += _option(account, PRODUCTS[symbol], day, market=market, rng=rng)
            day += rng.randrange(25, 70)
    return sorted(fills, key=lambda fill: fill.at)


def _option(account: SampleAccount, product: Product, day: int, *, market: Market, rng: Random) -> Iterator[SampleFill]:
    at, ticks = _price(market, product, day, rng)
    entered_on = market.days[day]
    expires_on = entered_on + timedelta(days=(4 - entered_on.weekday()) % 7 + 7 * rng.randrange(2, 7))
    side = rng.choice((1, 1, -1))
    right = "P" if side < 0 else rng.choice("CP")
    strike = int(product.price(ticks)) // 5 * 5 + 5 * rng.randrange(-1, 3)
    symbol = f"{product.symbol}{expires_on:%y%m%d}{right}{strike * 1000:08d}"
    premium = Decimal(rng.randrange(80, 900)) * CENT
    quantity = Decimal(2 * rng.randrange(1, 3))

    def fill(at: datetime, side: int, price: Decimal, role: str) -> SampleFill:
        cost = ZERO if role == "Expiry" else OPTION_COST * quantity
        return SampleFill(
            number=account.number, product=product.symbol, symbol=symbol, kind="option", currency="USD", side=side,
            quantity=quantity, price=price, multiplier=Decimal(100), at=at, order_id=0, role=role,
            order_type="Limit", commission=cost, setup="Premium" if side < 0 else "Directional",
        )  # fmt: skip

    yield fill(at, side, premium, "Entry")
    ends_at = datetime.combine(expires_on, time(16, 20), ZoneInfo("America/New_York")).astimezone(UTC)
    if rng.randrange(4) == 0:
        if expires_on <= market.days[-1]:
            yield fill(ends_at, -side, ZERO, "Expiry")
        return
    left = day + rng.randrange(2, 9)
    if left >= len(market.days) or market.days[left] >= expires_on:
        if expires_on <= market.days[-1]:
            yield fill(ends_at, -side, ZERO, "Expiry")
        return
    factor = Decimal(rng.randrange(115, 230) if (rng.randrange(1000) < 520) == (side > 0) else rng.randrange(30, 90))
    price = (premium * factor / 100).quantize(CENT, ROUND_HALF_UP)
    closes_at, _ = _price(market, product, left, rng)
    yield fill(closes_at, -side, price, "Exit")


# --- costs and sizes ---------------------------------------------------------------------------


def interactive_brokers_costs(
    product: Product, quantity: Decimal, price: Decimal, side: int
) -> tuple[Decimal, Decimal]:
    """Per share in the United States, a part of the value elsewhere; stamp duty on British purchases."""
    value = quantity * price
    if product.kind == "forex":
        return Decimal("2.00"), ZERO
    if product.currency == "USD":
        regulatory = (value * Decimal("0.0000278")).quantize(Decimal("0.0001"), ROUND_HALF_UP) if side < 0 else ZERO
        return max(Decimal("1.00"), quantity * Decimal("0.005")) + regulatory, ZERO
    if product.currency == "JPY":
        return max(Decimal(80), (value * Decimal("0.0008")).quantize(Decimal(1), ROUND_HALF_UP)), ZERO
    commission = max(Decimal("3.00"), (value * Decimal("0.0005")).quantize(CENT, ROUND_HALF_UP))
    is_taxed = product.currency == "GBP" and side > 0
    return commission, (value * Decimal("0.005")).quantize(CENT, ROUND_HALF_UP) if is_taxed else ZERO


def regulatory_costs(product: Product, quantity: Decimal, price: Decimal, side: int) -> tuple[Decimal, Decimal]:
    """No commission; a cent or so of fees on sales."""
    return ZERO, max(
        CENT, (quantity * price * Decimal("0.0000278")).quantize(CENT, ROUND_HALF_UP)
    ) if side < 0 else ZERO


def no_costs(product: Product, quantity: Decimal, price: Decimal, side: int) -> tuple[Decimal, Decimal]:
    """Nothing: the platform charges when the position is closed."""
    return ZERO, ZERO


def commission_only(product: Product, quantity: Decimal, price: Decimal, side: int) -> tuple[Decimal, Decimal]:
    """A fixed commission."""
    return Decimal("1.00"), ZERO


def flat_costs(product: Product, quantity: Decimal, price: Decimal, side: int) -> tuple[Decimal, Decimal]:
    """A fixed commission and a small fee of the venue."""
    return Decimal("1.00"), Decimal("0.06")


def share_sizes(product: Product, price: Decimal, account: SampleAccount) -> Decimal:
    """An even number of shares, worth about a tenth of what the account began with."""
    if product.kind == "forex":
        return Decimal(20_000) * account.size
    lot = {"JPY": 100, "GBP": 50}.get(product.currency, 10)
    worth = account.initial_balance / 10
    lots = max(1, int(worth / price) // (2 * lot))
    return Decimal(2 * lot * lots)


def lot_sizes(product: Product, price: Decimal, account: SampleAccount) -> Decimal:
    """Units of a fifth of a lot or so; one lot of a contract for difference is one unit of the index."""
    lots = {"EURUSD": 20_000, "GBPUSD": 20_000, "XAUUSD": 10, "XAUEUR": 10, "DE40": 2}
    return Decimal(lots[product.symbol] * account.size)
