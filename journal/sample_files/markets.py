"""Invented markets: one random walk per product, on its tick grid, in whole ticks so that no machine rounds it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from math import isqrt
from random import Random
from zoneinfo import ZoneInfo

STEP = timedelta(minutes=5)
MONTH_LETTERS = "FGHJKMNQUVXZ"


@dataclass(frozen=True, slots=True)
class Session:
    """When a product is traded by day: wall time of its exchange, `evening` on the calendar day before."""

    zone: str
    opens: time
    closes: time
    evening: bool = False

    def start(self, day: date) -> datetime:
        """The opening of this trading day in UTC."""
        stands_on = day - timedelta(days=1) if self.evening else day
        return datetime.combine(stands_on, self.opens, ZoneInfo(self.zone)).astimezone(UTC)

    @property
    def steps(self) -> int:
        """How many steps of five minutes it lasts."""
        minutes = (self.closes.hour - self.opens.hour) * 60 + self.closes.minute - self.opens.minute
        return minutes // 5


FUTURES = Session("America/Chicago", time(8, 30), time(15))
EVENING = Session("America/Chicago", time(18), time(22), evening=True)
NEW_YORK = Session("America/New_York", time(9, 30), time(16))
XETRA = Session("Europe/Berlin", time(9), time(17, 30))
LONDON = Session("Europe/London", time(8), time(16, 30))
TOKYO = Session("Asia/Tokyo", time(9), time(15))
FOREX = Session("Europe/London", time(8), time(20))


@dataclass(frozen=True, slots=True)
class Product:
    """Something that is traded: `first` and `daily` are the first price and a usual day's move, in ticks."""

    symbol: str
    name: str
    kind: str
    currency: str
    tick: Decimal
    multiplier: Decimal
    first: int
    daily: int
    session: Session
    months: str = ""  #: month letters of a future that is traded by its contracts
    rolls_on: int = 10  #: day of the month before (or of) delivery from which the next contract is traded
    rolls_early: bool = False  #: the roll lies in the month before delivery

    def price(self, ticks: int) -> Decimal:
        """The price of so many ticks, with the decimals of the tick."""
        return self.tick * ticks

    def contract(self, day: date) -> tuple[str, int, int]:
        """Letter, month and year of the contract that is traded most on this day."""
        month = day.year * 12 + day.month - 1 + (1 if self.rolls_early else 0)
        if day.day > self.rolls_on:
            month += 1
        while MONTH_LETTERS[month % 12] not in self.months:
            month += 1
        return MONTH_LETTERS[month % 12], month % 12 + 1, month // 12


def _future(symbol: str, name: str, tick: str, value: str, first: str, daily: int, **how: object) -> Product:
    step = Decimal(tick)
    ticks = int(Decimal(first) / step)
    session = FUTURES
    return Product(symbol, name, "future", "USD", step, Decimal(value), ticks, daily, session, **how)  # type: ignore[arg-type]


def _share(symbol: str, name: str, first: str, daily: int, *, home: str = "US") -> Product:
    currency, tick, session = {
        "US": ("USD", "0.01", NEW_YORK),
        "DE": ("EUR", "0.02", XETRA),
        "GB": ("GBP", "0.01", LONDON),
        "JP": ("JPY", "1", TOKYO),
    }[home]
    ticks = int(Decimal(first) / Decimal(tick))
    return Product(symbol, name, "stock", currency, Decimal(tick), Decimal(1), ticks, daily, session)


def _pair(symbol: str, name: str, tick: str, first: str, daily: int, *, kind: str = "forex") -> Product:
    currency = symbol[3:] if kind == "forex" else "EUR"
    ticks = int(Decimal(first) / Decimal(tick))
    return Product(symbol, name, kind, currency, Decimal(tick), Decimal(1), ticks, daily, FOREX)


_INDEX = {"months": "HMUZ"}
_METAL = {"months": "GJMQVZ", "rolls_on": 25, "rolls_early": True}
_OIL = {"months": MONTH_LETTERS, "rolls_on": 15, "rolls_early": True}
PRODUCTS: dict[str, Product] = {
    product.symbol: product
    for product in (
        _future("ES", "E-mini S&P 500", "0.25", "50", "5900", 210, **_INDEX),
        _future("MES", "Micro E-mini S&P 500", "0.25", "5", "5900", 210, **_INDEX),
        _future("NQ", "E-mini Nasdaq-100", "0.25", "20", "20700", 950, **_INDEX),
        _future("MNQ", "Micro E-mini Nasdaq-100", "0.25", "2", "20700", 950, **_INDEX),
        _future("CL", "Crude Oil", "0.01", "1000", "69.50", 130, **_OIL),
        _future("MCL", "Micro WTI Crude Oil", "0.01", "100", "69.50", 130, **_OIL),
        _future("GC", "Gold", "0.1", "100", "2650", 260, **_METAL),
        _future("MGC", "Micro Gold", "0.1", "10", "2650", 260, **_METAL),
        _share("AAPL", "Apple Inc.", "228", 310),
        _share("MSFT", "Microsoft Corporation", "418", 520),
        _share("NVDA", "NVIDIA Corporation", "141", 380),
        _share("AMZN", "Amazon.com, Inc.", "203", 330),
        _share("TSLA", "Tesla, Inc.", "339", 1150),
        _share("AMD", "Advanced Micro Devices, Inc.", "138", 360),
        _share("SPY", "SPDR S&P 500 ETF Trust", "590", 480),
        _share("PLTR", "Palantir Technologies Inc.", "62", 240),
        _share("F", "Ford Motor Company", "11.10", 18),
        _share("SAP", "SAP SE", "224", 160, home="DE"),
        _share("SIE", "Siemens AG", "182", 140, home="DE"),
        _share("ALV", "Allianz SE", "289", 150, home="DE"),
        _share("BMW", "Bayerische Motoren Werke AG", "70", 55, home="DE"),
        _share("BARC", "Barclays PLC", "2.60", 5, home="GB"),
        _share("TSCO", "Tesco PLC", "3.55", 5, home="GB"),
        _share("ULVR", "Unilever PLC", "46.10", 50, home="GB"),
        _share("7203", "Toyota Motor Corporation", "2680", 45, home="JP"),
        _share("6758", "Sony Group Corporation", "2900", 50, home="JP"),
        _pair("EURUSD", "Euro in US dollars", "0.00001", "1.0550", 520),
        _pair("GBPUSD", "Pound in US dollars", "0.00001", "1.2650", 640),
        _pair("XAUUSD", "Gold in US dollars", "0.01", "2650", 2600),
        _pair("XAUEUR", "Gold in euros", "0.01", "2510", 2500),
        _pair("DE40", "Germany 40", "0.1", "19100", 1700, kind="cfd"),
    )
}


@cache
def holidays(year: int) -> frozenset[date]:
    """Days on which none of the invented exchanges is open."""
    november = date(year, 11, 1)
    thanksgiving = november + timedelta(days=(3 - november.weekday()) % 7 + 21)
    return frozenset({date(year, 1, 1), date(year, 7, 4), thanksgiving, date(year, 12, 25), date(year, 12, 26)})


def trading_days(start: date, end: date) -> list[date]:
    """The days from start to end, both included, on which is traded."""
    days = (start + timedelta(days=number) for number in range((end - start).days + 1))
    return [day for day in days if day.weekday() < 5 and day not in holidays(day.year)]


def seeded(*parts: object) -> Random:
    """A source of chance that gives the same on every machine; it is no secret."""
    return Random(":".join(str(part) for part in parts))  # noqa: S311


def swing(rng: Random, size: int) -> int:
    """A whole number around 0 whose standard deviation is `size`."""
    return rng.randint(-size, size) + rng.randint(-size, size) + rng.randint(-size, size)


class Market:
    """The prices of all products on all days, made when they are asked for."""

    def __init__(self, *, seed: int, days: Sequence[date]) -> None:
        self.seed = seed
        self.days = days
        self._days: dict[str, list[tuple[int, int]]] = {}
        self._paths: dict[tuple[str, int, bool], list[int]] = {}

    def opens_and_closes(self, product: Product) -> list[tuple[int, int]]:
        """The first and the last price of each day, in ticks. A micro contract moves with its big one."""
        walk = self._walk_of(product)
        if walk not in self._days:
            rng = seeded(self.seed, walk)
            price = product.first
            drift = 0 if product.kind == "forex" else product.daily // 25
            made: list[tuple[int, int]] = []
            for _ in self.days:
                opened = price + swing(rng, max(1, product.daily // 4))
                price = opened + drift + swing(rng, product.daily)
                if price < product.first // 2:
                    price = opened + abs(price - opened)
                made.append((opened, price))
            self._days[walk] = made
        return self._days[walk]

    def path(self, product: Product, day: int, *, session: Session) -> list[int]:
        """The price at the beginning of each five minutes of that day's session, in ticks."""
        key = (product.symbol, day, session.evening)
        if key not in self._paths:
            opened, closed = self.opens_and_closes(product)[day]
            if session.evening:
                before = self.opens_and_closes(product)[day - 1][1] if day else opened
                opened, closed = before, opened
            steps = session.steps
            rng = seeded(self.seed, self._walk_of(product), day, session.evening)
            size = max(1, product.daily // max(1, isqrt(steps)))
            walked = [0]
            for _ in range(steps):
                walked.append(walked[-1] + swing(rng, size))
            pull = closed - opened - walked[-1]
            self._paths[key] = [opened + moved + pull * step // steps for step, moved in enumerate(walked)]
        return self._paths[key]

    @staticmethod
    def _walk_of(product: Product) -> str:
        return product.symbol[1:] if product.symbol[1:] in PRODUCTS else product.symbol

    def moment(self, session: Session, day: int, step: int, *, seconds: int = 0) -> datetime:
        """The instant of a step, and so many seconds into it, in UTC."""
        return session.start(self.days[day]) + STEP * step + timedelta(seconds=seconds)
