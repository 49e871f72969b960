"""The invented trader's accounts: which brokers, how many of each, in what currencies."""

from dataclasses import dataclass
from datetime import time
from decimal import Decimal
from random import Random

from journal.sample_files.markets import seeded

#: Groups of accounts that are exported the same way, and how many of each a hundred and ten accounts have.
WEIGHTS = {
    "tradovate_orders": 40,
    "ibkr_flex": 20,
    "projectx_trades": 25,
    "ninjatrader_executions": 10,
    "metatrader_html": 5,
    "tradovate_performance": 3,
    "webull": 3,
    "tradingview": 2,
    "tradervue": 1,
    "ibkr_activity": 1,
}
DEFAULT_ACCOUNTS = sum(WEIGHTS.values())
LARGEST_FLEET = 1000

_COLORS = ("#4c6ef5", "#12b886", "#fab005", "#e64980", "#7950f2", "#15aabf", "#fd7e14", "#82c91e", "#868e96", "#be4bdb")
_CHICAGO_DAY = time(17)


@dataclass(frozen=True, slots=True)
class SampleAccount:
    """One account as it is to be opened in the journal, and how large it trades."""

    group: str
    number: str
    name: str
    broker: str
    kind: str
    currency: str
    time_zone: str
    day_start: time
    initial_balance: Decimal
    color: str
    description: str
    place: int  #: within its group, from 0
    size: int


def fleet(count: int, *, seed: int) -> list[SampleAccount]:
    """So many accounts, of as many groups as there are accounts for."""
    rng = seeded(seed, "fleet")
    return [_account(group, place, rng=rng) for group, size in shares(count).items() for place in range(size)]


def shares(count: int) -> dict[str, int]:
    """How many accounts of each group make `count`, at least one of each where that is possible."""
    if count <= len(WEIGHTS):
        return dict.fromkeys(list(WEIGHTS)[:count], 1)
    found = {group: max(1, weight * count // DEFAULT_ACCOUNTS) for group, weight in WEIGHTS.items()}
    order = list(WEIGHTS)
    place = 0
    while (left := count - sum(found.values())) != 0:
        group = order[place % len(order)]
        place += 1
        if left > 0:
            found[group] += 1
        elif found[group] > 1:
            found[group] -= 1
    return found


def _account(group: str, place: int, *, rng: Random) -> SampleAccount:
    size = rng.choice((1, 1, 2, 2, 3))
    number, name, broker, kind, currency, zone, balance = _PLANS[group](place, size, rng)
    is_futures = zone == "America/Chicago"
    return SampleAccount(
        group=group,
        number=number,
        name=name,
        broker=broker,
        kind=kind,
        currency=currency,
        time_zone=zone,
        day_start=_CHICAGO_DAY if is_futures else time(0),
        initial_balance=Decimal(balance),
        color=_COLORS[(place * 3 + len(group)) % len(_COLORS)],
        description="Sample account: invented trades at invented prices.",
        place=place,
        size=size,
    )


_Plan = tuple[str, str, str, str, str, str, int]
_FIRMS = ("Apex", "Bulwark", "Crestline", "Driftwood", "Eastgate", "Fairlead")
_CURRENCIES = ("USD", "EUR", "USD", "GBP", "USD", "JPY", "EUR", "USD")
_ZONES = {"USD": "America/New_York", "EUR": "Europe/Berlin", "GBP": "Europe/London", "JPY": "Asia/Tokyo"}
_UNITS = {"USD": 50_000, "EUR": 40_000, "GBP": 35_000, "JPY": 6_000_000}


def _tradovate(place: int, size: int, rng: Random) -> _Plan:
    firm = _FIRMS[place % len(_FIRMS)]
    number = f"{firm.upper()}{4_977_960 + place * 37}{place % 90 + 10}"
    return (
        number,
        f"{firm} prop {place // len(_FIRMS) + 1:02d}",
        "Tradovate",
        "prop",
        "USD",
        "America/Chicago",
        size * 50_000,
    )


def _projectx(place: int, size: int, rng: Random) -> _Plan:
    number = f"50KTC-V2-{310_000 + place * 113}-{rng.randrange(10_000_000, 99_999_999)}"
    return number, f"TopstepX combine {place + 1:02d}", "TopstepX", "prop", "USD", "America/Chicago", size * 50_000


def _ibkr(place: int, size: int, rng: Random) -> _Plan:
    currency = _CURRENCIES[place % len(_CURRENCIES)]
    purpose = ("Margin", "Pension", "Swing", "Income")[place // 2 % 4]
    name = f"IBKR {purpose} {currency} {place + 1:02d}"
    kind = "corporate" if place % 7 == 5 else "individual"
    balance = _UNITS[currency] * size
    return f"U{9_100_000 + place * 1_171}", name, "Interactive Brokers", kind, currency, _ZONES[currency], balance


def _statement(place: int, size: int, rng: Random) -> _Plan:
    number, zone = f"U{9_900_000 + place * 311}", "America/New_York"
    return number, f"IBKR Statement {place + 1:02d}", "Interactive Brokers", "individual", "USD", zone, 80_000


def _ninjatrader(place: int, size: int, rng: Random) -> _Plan:
    number = f"PA-APEX-{51_234 + place * 17}-{place + 1:02d}"
    return number, f"NinjaTrader {place + 1:02d}", "NinjaTrader", "prop", "USD", "America/Chicago", size * 50_000


def _metatrader(place: int, size: int, rng: Random) -> _Plan:
    currency = "EUR" if place % 2 else "USD"
    zone = "Europe/Athens"
    return (
        f"{55_501_200 + place * 7}",
        f"MetaTrader {currency} {place + 1:02d}",
        "MetaTrader",
        "individual",
        currency,
        zone,
        20_000,
    )


def _performance(place: int, size: int, rng: Random) -> _Plan:
    return (
        f"DEMO{812_330 + place}",
        f"Tradovate practice {place + 1}",
        "Tradovate",
        "paper",
        "USD",
        "America/Chicago",
        100_000,
    )


def _webull(place: int, size: int, rng: Random) -> _Plan:
    return (
        f"WB{6_041_177 + place}",
        f"Webull cash {place + 1}",
        "Webull",
        "individual",
        "USD",
        "America/New_York",
        30_000,
    )


def _tradingview(place: int, size: int, rng: Random) -> _Plan:
    return (
        f"TV-PAPER-{place + 1}",
        f"TradingView paper {place + 1}",
        "TradingView",
        "paper",
        "USD",
        "America/New_York",
        100_000,
    )


def _tradervue(place: int, size: int, rng: Random) -> _Plan:
    return f"GEN-{2_201 + place}", f"Day trades {place + 1}", "Other", "individual", "USD", "America/New_York", 60_000


_PLANS = {
    "tradovate_orders": _tradovate,
    "ibkr_flex": _ibkr,
    "projectx_trades": _projectx,
    "ninjatrader_executions": _ninjatrader,
    "metatrader_html": _metatrader,
    "tradovate_performance": _performance,
    "webull": _webull,
    "tradingview": _tradingview,
    "tradervue": _tradervue,
    "ibkr_activity": _statement,
}
