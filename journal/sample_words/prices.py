"""Bars of the invented market around the sample's trades, so that charts have candles and trades their MAE and MFE."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from accounts.models import Account, User
from journal.sample_files.build import Sample
from journal.sample_files.markets import EVENING, PRODUCTS, STEP, Market, Product, trading_days
from journal.sample_words.made import chance
from trading import bars, excursions_of_trades
from trading.bars import PricedBar
from trading.models import Bar, Execution, Instrument, Timeframe

#: Of invented bars, so that nobody takes them for real.
SOURCE = "sample"
#: Trading days before the end that have bars of five minutes.
FINE_DAYS = 120
_FUTURES = ("MES", "MNQ", "MCL", "MGC")
_SHARES = ("AAPL", "MSFT", "NVDA", "TSLA", "AMD", "PLTR")

_Touched = Mapping[datetime, tuple[Decimal, Decimal]]


def write(owner: User, sample: Sample, opened: Mapping[str, Account], *, seed: int) -> int:
    """The instruments that are traded most have bars that hold every fill, and the trades in them are measured.

    Returns how many bars were stored. Instruments that have bars from elsewhere are left as they are.
    """
    market = Market(seed=seed, days=trading_days(sample.start, sample.end))
    stored = 0
    for symbol, timeframe, found in _series(market, owner, opened):
        instrument = Instrument.objects.filter(symbol=symbol).first()
        if instrument is None or Bar.objects.filter(instrument=instrument).exclude(source=SOURCE).exists():
            continue
        stored += bars.load(instrument, timeframe=timeframe, bars=found, source=SOURCE).added
    excursions_of_trades.measure(owner_id=owner.pk)
    return stored


def remove() -> None:
    """There are no invented bars any more."""
    Bar.objects.filter(source=SOURCE).delete()


def _series(market: Market, owner: User, opened: Mapping[str, Account]) -> Iterator[tuple[str, str, list[PricedBar]]]:
    fine = range(max(1, len(market.days) - FINE_DAYS), len(market.days))
    for name in _FUTURES:
        product = PRODUCTS[name]
        days_of: dict[str, list[int]] = defaultdict(list)
        for day in fine:
            letter, _month, year = product.contract(market.days[day])
            days_of[f"{name}{letter}{year % 100:02d}"].append(day)
        for symbol, days in days_of.items():
            if touched := _touched(owner, opened, symbol, STEP):
                yield symbol, Timeframe.FIVE_MINUTES, list(_fine(market, product, days, touched))
    for name in _SHARES:
        if touched := _touched(owner, opened, name, timedelta(days=1)):
            yield name, Timeframe.DAY, list(_daily(market, PRODUCTS[name], range(len(market.days)), touched))
        if touched := _touched(owner, opened, name, STEP):
            yield name, Timeframe.FIVE_MINUTES, list(_fine(market, PRODUCTS[name], list(fine), touched))


def _touched(owner: User, opened: Mapping[str, Account], symbol: str, length: timedelta) -> _Touched:
    """The lowest and highest price at which the sample traded, by the beginning of the bar."""
    fills = Execution.objects.filter(
        owner=owner, account__in=list(opened.values()), instrument__symbol=symbol, executed_at__isnull=False
    ).values_list("executed_at", "price")
    found: dict[datetime, tuple[Decimal, Decimal]] = {}
    for at, price in fills:
        assert at is not None
        begins = at - (at - datetime(1970, 1, 1, tzinfo=at.tzinfo)) % length
        low, high = found.get(begins, (price, price))
        found[begins] = (min(low, price), max(high, price))
    return found


def _fine(market: Market, product: Product, days: list[int], touched: _Touched) -> Iterator[PricedBar]:
    for day in days:
        sessions = [product.session]
        if product.symbol == "MGC":
            sessions.insert(0, EVENING)
        for session in sessions:
            path = market.path(product, day, session=session)
            for step in range(len(path) - 1):
                at = market.moment(session, day, step)
                yield _bar(product, at, path[step], path[step + 1], touched, wick=max(1, product.daily // 40))


def _daily(market: Market, product: Product, days: range, touched: _Touched) -> Iterator[PricedBar]:
    prices = market.opens_and_closes(product)
    for day in days:
        at = market.moment(product.session, day, 0).replace(hour=0, minute=0)
        path = market.path(product, day, session=product.session)
        opened, closed = prices[day]
        low, high = min(*path, opened, closed), max(*path, opened, closed)
        bar = _bar(product, at, opened, closed, touched, wick=1)
        yield PricedBar(
            at, bar.open, max(bar.high, product.price(high)), min(bar.low, product.price(low)), bar.close, bar.volume
        )


def _bar(product: Product, at: datetime, opened: int, closed: int, touched: _Touched, *, wick: int) -> PricedBar:
    """A bar from one price of the walk to the next, with wicks, that also holds what was traded in it."""
    high = product.price(max(opened, closed) + chance(wick + 1, product.symbol, at, "high"))
    low = product.price(max(1, min(opened, closed) - chance(wick + 1, product.symbol, at, "low")))
    if at in touched:
        low, high = min(low, touched[at][0]), max(high, touched[at][1])
    volume = Decimal(200 + chance(1_800, product.symbol, at, "volume"))
    return PricedBar(at, product.price(opened), high, low, product.price(closed), volume)
