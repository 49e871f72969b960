"""One decision, many accounts: day trades in futures, copied with small slippage until an account is lost."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from random import Random

from journal.sample_files.books import Book, SampleFill
from journal.sample_files.decisions import Decision, Order, Strategy, intraday
from journal.sample_files.fleet import SampleAccount
from journal.sample_files.markets import Market, Product, seeded

STRATEGIES = (
    Strategy("Opening drive", ("MES", "MNQ"), 30, wins=470, stop=26, target=42, scales_out=True),
    Strategy("VWAP fade", ("MNQ", "MNQ", "MES"), 26, wins=530, stop=28, target=27, scales_in=True),
    Strategy("Overnight gold", ("MGC", "GC"), 22, wins=420, stop=20, target=38, in_the_evening=True),
    Strategy("Crude breakout", ("MCL", "CL"), 24, wins=405, stop=24, target=44, reverses=True),
    Strategy("Trend day", ("MES", "MES", "ES"), 22, wins=400, stop=25, target=48, scales_out=True),
    Strategy("News scalp", ("MNQ", "MES"), 34, wins=540, stop=15, target=16),
)
#: What exchange and broker charge per contract and side, where a format states it.
MICRO_COST, MINI_COST = Decimal("0.62"), Decimal("2.14")
#: One copy in so many is missed.
MISSED = 25


def futures_symbol(product: Product, decision: Decision, market: Market) -> str:
    """The contract traded that day, as the journal spells it: MESZ26."""
    letter, _, year = product.contract(market.days[decision.day])
    return f"{product.symbol}{letter}{year % 100:02d}"


def decisions(market: Market) -> dict[str, list[Decision]]:
    """What each strategy decided on all days."""
    return {
        strategy.name: list(intraday(strategy, market=market, rng=seeded(market.seed, strategy.name)))
        for strategy in STRATEGIES
    }


def copied(
    account: SampleAccount,
    made: list[Decision],
    *,
    market: Market,
    costs: bool,
    largest_loss: Decimal | None = None,
) -> Iterator[tuple[SampleFill, Decision]]:
    """The account's fills of these decisions, oldest first, within the months in which the account existed.

    It trades no more once it has lost `largest_loss`, as a prop firm would have it.
    """
    rng = seeded(market.seed, account.number)
    days = len(market.days)
    lived = days * rng.randrange(35, 80) // 100 if largest_loss else days
    first = rng.randrange(0, days - lived + 1)
    book = Book()
    for decision in made:
        if not first <= decision.day < first + lived or rng.randrange(MISSED) == 0:
            continue
        if largest_loss is not None and book.net <= -largest_loss:
            return
        late = rng.randrange(0, 4)
        slips = [_slip(order, rng) for order in decision.orders]
        if decision.orders[-1].ticks == decision.orders[0].ticks:
            slips[-1] = slips[0]  # a stop at the entry price gave just that
        for order, slip in zip(decision.orders, slips, strict=True):
            fill = _fill(account, decision, order, slip=slip, late=late, market=market, costs=costs)
            book.take(fill)
            yield fill, decision


def _slip(order: Order, rng: Random) -> int:
    if order.order_type == "Limit":
        return 0
    return order.side * rng.choice((0, 0, 0, 1, 1, 2))


def _fill(
    account: SampleAccount, decision: Decision, order: Order, *, slip: int, late: int, market: Market, costs: bool
) -> SampleFill:
    product = decision.product
    is_micro = product.symbol.startswith("M")
    quantity = Decimal(order.units * (account.size if is_micro else 1))
    each = MICRO_COST if is_micro else MINI_COST
    return SampleFill(
        number=account.number,
        product=product.symbol,
        symbol=futures_symbol(product, decision, market),
        kind="future",
        currency=product.currency,
        side=order.side,
        quantity=quantity,
        price=product.price(order.ticks + slip),
        multiplier=product.multiplier,
        at=order.at + timedelta(seconds=late),
        order_id=0,
        role=order.role,
        order_type=order.order_type,
        commission=each * quantity if costs else Decimal(0),
        setup=decision.setup,
    )
