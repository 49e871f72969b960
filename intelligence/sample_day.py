"""A recorded day of three invented wallets: what they did, as Helius delivers it, and what tokens cost meanwhile. Pure.

Times are minutes since the day began; whoever plays it says when that is. All that a signal can come to is in it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from intelligence.helius_parsing import USDC
from intelligence.sources.transactions import address, swap

#: Of everything that is made up here, so that nobody takes it for real.
PREFIX = "sample"
ALPHA, SNIPER, SLEEPER = "Alpha", "Sniper", "Sleeper"
WALLETS = (ALPHA, SNIPER, SLEEPER)


@dataclass(frozen=True, slots=True)
class SampleToken:
    """What the sources say of an invented token; holders in percent, badness from 0 to 100."""

    symbol: str
    price: str
    liquidity: str = "450000"
    top_holders: str = "24"
    badness: int = 8
    risks: tuple[str, ...] = ()
    days: int = 40

    @property
    def mint(self) -> str:
        return address(f"{PREFIX} {self.symbol}")


TOKENS = {
    each.symbol: each
    for each in (
        SampleToken("PINE", "1.00"),
        SampleToken("OTTER", "0.0420"),
        SampleToken("COMET", "0.00012"),
        SampleToken("LANTERN", "3.50"),
        SampleToken("SPARROW", "0.75"),
        SampleToken("PUDDLE", "0.30", liquidity="18000"),
        SampleToken("HONEY", "0.02", badness=85, risks=("Honeypot",)),
        SampleToken("BARON", "1.20", top_holders="91"),
    )
}
_QUICK = [
    SampleToken(symbol, price)
    for symbol, price in zip(
        "ACORN AMBER BADGER BIRCH CEDAR CLOVER EMBER FERN FINCH HAZEL "
        "HERON IVY JUNIPER MAPLE MINNOW NETTLE PEBBLE RAVEN THISTLE WILLOW".split(),
        ("0.50", "1.40", "0.09", "2.10", "0.33", "0.012", "5.00", "0.77", "0.21", "1.05") * 2,
        strict=True,
    )
]
ROUND_TRIPS = len(_QUICK)
TOKENS |= {each.symbol: each for each in _QUICK}


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that happens: a token costs that, or a wallet trades it. `words` say what is to be seen."""

    minute: int
    token: str
    price: str
    wallet: str = ""
    #: Dollars that the wallet put in, below zero what it got out; empty for a price alone.
    dollars: str = ""
    #: What the wallet paid, where that is not the price.
    paid: str = ""
    into: str = ""
    minutes_late: int = 0
    times: int = 1
    fails: bool = False
    other: dict[str, Any] = field(default_factory=dict)


def moments(*, round_trips: int = ROUND_TRIPS) -> Iterator[Moment]:
    """The day in its order, with so many of its quick round trips."""
    yield from _quick_trades(start=10, most=round_trips)
    # The variety comes last, where a list of the newest begins.
    for moment in _afternoon():
        yield replace(moment, minute=moment.minute + 470)
    yield from _evening(start=700)


def _afternoon() -> Iterator[Moment]:
    yield Moment(5, "PINE", "1.00", ALPHA, "4200")
    yield Moment(6, "PINE", "1.00", ALPHA, "900")
    yield Moment(18, "HONEY", "0.02", SNIPER, "150")
    yield Moment(25, "PUDDLE", "0.30", SNIPER, "600")
    yield Moment(31, "BARON", "1.20", SNIPER, "2500")
    yield Moment(40, "PINE", "1.30")
    yield Moment(52, "OTTER", "0.0420", SNIPER, "1800")
    yield Moment(58, "LANTERN", "3.50", SLEEPER, "5000")
    yield Moment(75, "PINE", "2.05")
    yield Moment(90, "OTTER", "0.0290")
    yield Moment(104, "COMET", "0.00015", ALPHA, "700", paid="0.00012")
    yield Moment(118, "SPARROW", "0.75", ALPHA, "1500", minutes_late=12)
    yield Moment(126, "PINE", "1.90", ALPHA, "-2100")
    yield Moment(140, "LANTERN", "3.50", ALPHA, "3000", times=2)
    yield Moment(150, "LANTERN", "3.45", ALPHA, "-3000", into="SPARROW")
    yield Moment(165, "SPARROW", "0.80", SNIPER, "-400")
    yield Moment(170, "COMET", "0.00012", SNIPER, "300", fails=True)


def _quick_trades(*, start: int, most: int) -> Iterator[Moment]:
    """All twenty are enough for a place in the ranking."""
    moves = ("1.12", "0.94", "1.30", "0.90", "1.05", "1.00", "1.21", "0.88", "1.08", "0.97")
    for number, token in enumerate(_QUICK[:most]):
        minute = start + number * 22
        sold = Decimal(token.price) * Decimal(moves[number % len(moves)])
        yield Moment(minute, token.symbol, token.price, ALPHA, "1000")
        yield Moment(minute + 9, token.symbol, f"{sold.normalize():f}", ALPHA, "-1000")


def _evening(*, start: int) -> Iterator[Moment]:
    yield Moment(start, "SPARROW", "0.84")
    yield Moment(start + 20, "OTTER", "0.0400", SNIPER, "1200")
    yield Moment(start + 45, "OTTER", "0.0520")
    yield Moment(start + 60, "SPARROW", "0.95")


def body_of(moment: Moment, *, number: int, at: datetime) -> list[dict[str, Any]]:
    """The webhook's body for what the wallet did at this time: an array of one transaction."""
    token = TOKENS[moment.token]
    paid = Decimal(moment.paid or moment.price)
    dollars = Decimal(moment.dollars)
    units = (dollars / paid).quantize(Decimal("0.000001"))
    legs = [(token.mint, f"{units:f}", 6), (USDC, f"{-dollars:f}", 6)]
    if moment.into:
        other = TOKENS[moment.into]
        received = (-dollars / Decimal(other.price)).quantize(Decimal("0.000001"))
        legs = [(token.mint, f"{units:f}", 6), (other.mint, f"{received:f}", 6)]
    extra: dict[str, Any] = {"transactionError": {"InstructionError": [3, "Custom"]}} if moment.fails else {}
    happened = at - timedelta(minutes=moment.minutes_late)
    made = swap(wallet_address(moment.wallet), legs, at=happened, name=f"{PREFIX} {at.isoformat()} {number}", **extra)
    return [made]


def wallet_address(name: str) -> str:
    """Where an invented wallet is."""
    return address(f"{PREFIX} wallet {name}")


def curl_line(origin: str, *, secret: str, dollars: int = 800) -> str:
    """A line for a shell that delivers, as Helius would, that a sample wallet has just bought so much of a token."""
    wallet, token = wallet_address(ALPHA), TOKENS["PINE"]
    units = f"{Decimal(dollars) / 2:f}"
    legs = ((wallet, "pool", USDC, str(dollars)), ("pool", wallet, token.mint, units))
    transfers = ",".join(
        f'{{"fromUserAccount":"{seller}","toUserAccount":"{buyer}","mint":"{mint}","tokenAmount":{amount}}}'
        for seller, buyer, mint, amount in legs
    )
    # The shell fills in the second: a signature that is new each time, and a time that is not too old to act on.
    body = (
        '[{"type":"SWAP","signature":"demo\'$(date +%s)\'","slot":1,"timestamp":\'$(date +%s)\',"feePayer":"'
        f'{wallet}","tokenTransfers":[{transfers}]}}]'
    )
    return (
        f"curl -s {origin.rstrip('/')}/api/v1/webhooks/helius/ -H 'Authorization: {secret}' "
        f"-H 'Content-Type: application/json' -d '{body}'"
    )
