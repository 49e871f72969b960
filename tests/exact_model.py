"""What a person's fills come to, worked out a second time: plain Python, fractions, none of our own arithmetic.

It follows docs/metrics.md alone. Fills are read from their table, everything else is folded here.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from accounts.models import Account, User
from journal.filters import NO_BROKER, MetricsFilter
from journal.models import TradePlaybook
from trading.models import Execution, FxRate, Trade

MONEY = 10**8
RATE = 10**12


def rounded(amount: Fraction, scale: int = MONEY) -> Fraction:
    """Halves to even."""
    return Fraction(round(amount * scale), scale)


def decimal(amount: Fraction) -> Decimal:
    """The exact decimal; every sum of money times a rate has one."""
    digits = 20
    whole = amount * 10**digits
    assert whole.denominator == 1, amount
    return Decimal(whole.numerator).scaleb(-digits)


@dataclass
class Exit:
    day: date
    quantity: Fraction
    gross: Fraction
    net: Fraction
    broker_pnl: Fraction | None


@dataclass
class Trip:
    """One round trip by the rules of docs/metrics.md."""

    opening: int
    account_id: int
    instrument_id: int
    symbol: str
    root: str | None
    currency: str
    is_long: bool
    multiplier: Fraction
    opened_at: datetime | None
    opened_on: date
    tags: set[str] = field(default_factory=set)
    entered: Fraction = Fraction(0)
    left: Fraction = Fraction(0)
    entry_fees: Fraction = Fraction(0)
    exit_fees: Fraction = Fraction(0)
    cost: Fraction = Fraction(0)
    points: Fraction = Fraction(0)
    proceeds: Fraction = Fraction(0)
    exits: list[Exit] = field(default_factory=list)
    lots: list[list[Fraction]] = field(default_factory=list)
    closed_on: date | None = None
    closed_at: datetime | None = None
    stop: Fraction | None = None
    #: What the person has said: keys of dimensions that are not made of fills.
    said: dict[str, set[str]] = field(default_factory=dict)

    @property
    def side(self) -> str:
        return "long" if self.is_long else "short"

    @property
    def gross(self) -> Fraction:
        return sum((each.gross for each in self.exits), Fraction(0))

    @property
    def net(self) -> Fraction:
        return sum((each.net for each in self.exits), Fraction(0))

    @property
    def fees(self) -> Fraction:
        return rounded(self.entry_fees) + rounded(self.exit_fees)

    @property
    def outcome(self) -> str | None:
        if self.closed_on is None:
            return None
        if not self.gross or not self.net:
            return "breakeven"
        return "win" if self.net > 0 else "loss"

    @property
    def realized_r(self) -> Fraction | None:
        if self.stop is None or self.closed_on is None:
            return None
        entry = rounded(self.points / self.entered, RATE)
        risk = (entry - self.stop if self.is_long else self.stop - entry) * self.entered * self.multiplier
        return rounded(self.net / risk, RATE) if risk > 0 else None


def trips_of(owner: User) -> list[Trip]:
    """Every round trip of the person's standing fills."""
    by_pair: dict[tuple[int, int], list[Execution]] = defaultdict(list)
    for fill in Execution.objects.filter(owner=owner, voided_at=None).select_related("instrument"):
        by_pair[fill.account_id, fill.instrument_id].append(fill)
    accounts = {account.pk: account for account in Account.objects.filter(owner=owner)}
    tags: dict[int, set[str]] = defaultdict(set)
    stops: dict[int, Decimal | None] = {}
    for trade in Trade.objects.filter(owner=owner).prefetch_related("tags"):
        tags[trade.opening_execution_id] = {tag.name for tag in trade.tags.all()}
        stops[trade.opening_execution_id] = trade.initial_stop
    trips: list[Trip] = []
    for (account_id, _), fills in by_pair.items():
        account = accounts[account_id]
        for fill in fills:
            if fill.executed_at is not None:
                assert fill.executed_on == day_of(fill.executed_at, account)
        fills.sort(key=lambda fill: (fill.sort_at, fill.sequence, fill.pk))
        trips += _fold(fills, is_average=account.cost_method == "average")
    said = _said(owner)
    for trip in trips:
        trip.said = said.get(trip.opening, {})
        trip.tags = tags[trip.opening]
        stop = stops.get(trip.opening)
        trip.stop = None if stop is None else Fraction(stop)
    return trips


def _said(owner: User) -> dict[int, dict[str, set[str]]]:
    """By opening fill: marks, playbooks and rules of each trade."""
    found: dict[int, dict[str, set[str]]] = {}
    by_key = {}
    for trade in Trade.objects.filter(owner=owner).prefetch_related("tags__group"):
        by_key[trade.public_id] = trade.opening_execution_id
        tags = {called(tag.name): tag.group.role if tag.group else "" for tag in trade.tags.all()}
        found[trade.opening_execution_id] = {
            "tag": set(tags) or {"none"},
            "setup": {name for name, role in tags.items() if role == "setup"} or {"none"},
            "mistake": {name for name, role in tags.items() if role == "mistake"} or {"none"},
            "rating": {str(trade.rating) if trade.rating else "none"},
            "reviewed": {"yes" if trade.reviewed_at else "no"},
            "playbook": set(),
            "rule": set(),
        }
    taken = TradePlaybook.objects.filter(owner=owner).select_related("playbook").prefetch_related("checks__rule")
    for each in taken:
        said = found.get(by_key.get(each.trade_key, 0), {"playbook": set(), "rule": set()})
        said["playbook"].add(called(each.playbook.name))
        for check in each.checks.all():
            said["rule"] |= {f"{check.rule.key}:{'kept' if check.is_kept else 'broken'}", str(check.rule.key)}
    for said in found.values():
        for name in ("playbook", "rule"):
            said[name] = said[name] or {"none"}
    return found


def called(name: str) -> str:
    """The key of what has this name; one that would be read as something else is marked."""
    return f"={name}" if name == "none" or name.startswith("=") else name


R_EDGES = ["-3", "-2", "-1", "-0.5", "0", "0.5", "1", "2", "3", "5", "10"]
PRICES = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000]
SIZES = [100, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000]
STEPS = [10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000, 200000, 500000]
HELD = [60, 300, 1800, 7200, 28800, 86400, 604800]


def bucket(value: Fraction, edges: Iterable[int | str]) -> str:
    """How many edges are at or below the value, with two digits."""
    return f"{sum(value >= Fraction(edge) for edge in edges):02}"


def keys_of(trip: Trip, account: Account) -> dict[str, set[str]]:
    """The keys that a trip has in the dimensions of docs/metrics.md, but for those of its exits' days."""
    entry = rounded(trip.points / trip.entered, RATE)
    is_timed = trip.opened_at is not None and trip.closed_at is not None
    held = "9" if trip.closed_on is None else "8"
    if trip.closed_on is not None and is_timed:
        seconds = Fraction((trip.closed_at - trip.opened_at) / timedelta(microseconds=1)) / 1_000_000
        held = str(sum(seconds >= edge for edge in HELD))
    hour = "24" if trip.opened_at is None else f"{trip.opened_at.astimezone(ZoneInfo(account.time_zone)).hour:02}"
    results = [*(-step for step in STEPS), 0, *STEPS]
    return {
        **trip.said,
        "side": {trip.side},
        "status": {"open" if trip.closed_on is None else "closed"},
        "outcome": {trip.outcome or "open"},
        "entry_day": {trip.opened_on.isoformat()},
        "entry_weekday": {str(trip.opened_on.isoweekday())},
        "hour": {hour},
        "holding": {held},
        "size": {bucket(abs(trip.entered * entry * trip.multiplier), SIZES)},
        "price": {bucket(entry, PRICES)},
        "r": {"none" if trip.realized_r is None else bucket(trip.realized_r, R_EDGES)},
        "result": {"open" if trip.closed_on is None else bucket(trip.net, results)},
        "group": {called(account.group.name) if account.group else "none"},
        "account_tag": {called(tag.name) for tag in account.tags.all()} or {"none"},
    }


def day_of(at: datetime, account: Account) -> date:
    """The account's trading day: a day that starts in the afternoon is named for the date it ends on."""
    zone = ZoneInfo(account.time_zone)
    local = at.astimezone(zone)
    minutes = account.day_start.hour * 60 + account.day_start.minute
    day = local.date() if local.hour * 60 + local.minute >= minutes else local.date() - timedelta(days=1)
    return day + timedelta(days=1) if minutes >= 12 * 60 else day


def _fold(fills: Iterable[Execution], *, is_average: bool) -> Iterator[Trip]:
    trip: Trip | None = None
    for fill in fills:
        quantity, fees = Fraction(fill.quantity), Fraction(fill.commission) + Fraction(fill.fees)
        is_buy = fill.side == "buy"
        if trip is None or trip.is_long == is_buy:
            trip = trip or _opened(fill)
            _enter(trip, fill, quantity, fees, fees, is_average=is_average)
            continue
        closing = min(quantity, trip.left)
        share = fees * closing / quantity
        charged = _leave(trip, fill, closing, share)
        if trip.left:
            continue
        trip.closed_on, trip.closed_at = fill.executed_on, fill.executed_at
        yield trip
        trip = None
        if quantity > closing:
            trip = _opened(fill)
            _enter(trip, fill, quantity - closing, fees - charged, fees - share, is_average=is_average)
    if trip is not None:
        yield trip


def _opened(fill: Execution) -> Trip:
    instrument = fill.instrument
    return Trip(
        opening=fill.pk,
        account_id=fill.account_id,
        instrument_id=fill.instrument_id,
        symbol=instrument.symbol,
        root=instrument.root_id,
        currency=fill.currency,
        is_long=fill.side == "buy",
        multiplier=Fraction(fill.multiplier),
        opened_at=fill.executed_at,
        opened_on=fill.executed_on,
    )


def _enter(
    trip: Trip, fill: Execution, quantity: Fraction, fees: Fraction, lot_fees: Fraction, *, is_average: bool
) -> None:
    """A lot is [quantity, cost, fees]; under average cost there is one."""
    cost = Fraction(fill.price) * Fraction(fill.multiplier) * quantity
    if is_average and trip.lots:
        trip.lots[0] = [old + new for old, new in zip(trip.lots[0], (quantity, cost, lot_fees), strict=True)]
    else:
        trip.lots.append([quantity, cost, lot_fees])
    trip.entered += quantity
    trip.left += quantity
    trip.points += Fraction(fill.price) * quantity
    trip.cost += cost
    trip.entry_fees += fees


def _leave(trip: Trip, fill: Execution, quantity: Fraction, fees: Fraction) -> Fraction:
    """The exit is noted; returns what it was charged of the fill's fees, as money is kept."""
    wanted = quantity
    while wanted:
        lot = trip.lots[0]
        taken = min(lot[0], wanted)
        wanted -= taken
        trip.lots[0] = [value - value * taken / lot[0] for value in lot]
        if not trip.lots[0][0]:
            del trip.lots[0]
    trip.left -= quantity
    before = rounded(trip.exit_fees)
    trip.exit_fees += fees
    trip.proceeds += Fraction(fill.price) * Fraction(fill.multiplier) * quantity
    # What a flip's rounding left over belongs to no lot: it goes with the first exit.
    open_fees = sum((lot[2] for lot in trip.lots), Fraction(0))
    spent = trip.cost - sum((lot[1] for lot in trip.lots), Fraction(0))
    gross = rounded(trip.proceeds - spent if trip.is_long else spent - trip.proceeds)
    net = gross - rounded(trip.exit_fees) - rounded(trip.entry_fees - open_fees)
    stated = None if fill.broker_pnl is None else Fraction(fill.broker_pnl)
    trip.exits.append(Exit(fill.executed_on, quantity, gross - trip.gross, net - trip.net, stated))
    return rounded(trip.exit_fees) - before


@dataclass
class Sums:
    """The sums of one population in one currency."""

    trade_count: int = 0
    win_count: int = 0
    loss_count: int = 0
    breakeven_count: int = 0
    r_count: int = 0
    net_pnl: Fraction = Fraction(0)
    gross_pnl: Fraction = Fraction(0)
    gross_profit: Fraction = Fraction(0)
    gross_loss: Fraction = Fraction(0)
    broker_pnl: Fraction = Fraction(0)
    volume: Fraction = Fraction(0)
    r_sum: Fraction = Fraction(0)
    r_profit: Fraction = Fraction(0)
    r_loss: Fraction = Fraction(0)
    r_win_count: int = 0
    r_loss_count: int = 0
    largest_win: Fraction | None = None
    largest_loss: Fraction | None = None

    def count(self, trip: Trip) -> None:
        net = trip.net
        self.trade_count += 1
        self.win_count += trip.outcome == "win"
        self.loss_count += trip.outcome == "loss"
        self.breakeven_count += trip.outcome == "breakeven"
        if trip.outcome == "win":
            self.gross_profit += net
            self.largest_win = net if self.largest_win is None else max(self.largest_win, net)
        if trip.outcome == "loss":
            self.gross_loss -= net
            self.largest_loss = net if self.largest_loss is None else min(self.largest_loss, net)
        if trip.realized_r is not None:
            self.r_count += 1
            self.r_sum += trip.realized_r
            self.r_win_count += trip.outcome == "win"
            self.r_loss_count += trip.outcome == "loss"
            self.r_profit += trip.realized_r if trip.outcome == "win" else 0
            self.r_loss -= trip.realized_r if trip.outcome == "loss" else 0

    def earn(self, part: Exit) -> None:
        self.net_pnl += part.net
        self.gross_pnl += part.gross
        self.broker_pnl += part.broker_pnl or 0
        self.volume += part.quantity


@dataclass
class Expected:
    """What every view of one filter must show."""

    by_currency: dict[str, Sums]
    daily: dict[tuple[str, date], Fraction]
    by_account: dict[int, dict[str, Fraction]]
    by_account_day: dict[tuple[int, str, date], Fraction]
    by_side: dict[tuple[str, str, date], Fraction]
    traded: set[tuple[str, date]]


def expected(owner: User, trips: Iterable[Trip], wanted: MetricsFilter) -> Expected:
    """The sums of the trips that the filter lets through, per currency and day."""
    rows = Account.objects.filter(owner=owner).select_related("group").prefetch_related("tags")
    accounts = {account.pk: account for account in rows}
    found = Expected(defaultdict(Sums), defaultdict(Fraction), {}, defaultdict(Fraction), defaultdict(Fraction), set())
    for trip in trips:
        if not _is_wanted(trip, wanted, accounts[trip.account_id]):
            continue
        for part in trip.exits:
            if _is_between(part.day, wanted):
                _earn(found, trip, part)
        if trip.closed_on is not None and _is_between(trip.closed_on, wanted):
            found.by_currency[trip.currency].count(trip)
    return found


def _earn(found: Expected, trip: Trip, part: Exit) -> None:
    found.by_currency[trip.currency].earn(part)
    found.daily[trip.currency, part.day] += part.net
    account = found.by_account.setdefault(trip.account_id, defaultdict(Fraction))
    account[trip.currency] += part.net
    found.by_account_day[trip.account_id, trip.currency, part.day] += part.net
    found.by_side[trip.side, trip.currency, part.day] += part.net


def _is_between(day: date, wanted: MetricsFilter) -> bool:
    return (
        (wanted.start is None or day >= wanted.start)
        and (wanted.end is None or day <= wanted.end)
        and (wanted.weekday is None or str(day.isoweekday()) == wanted.weekday)
    )


#: Fields of a filter whose keys `keys_of` tells.
KEYED = (
    "tag", "group", "account_tag", "status", "outcome", "setup", "mistake", "playbook", "rule", "reviewed", "rating",
    "entry_day", "entry_weekday", "hour", "holding", "size", "price", "r", "result",
)  # fmt: skip


def _is_wanted(trip: Trip, wanted: MetricsFilter, account: Account) -> bool:
    asked = {name: getattr(wanted, name) for name in KEYED if getattr(wanted, name) is not None}
    keys = keys_of(trip, account) if asked else {}
    broker = account.broker
    return all(value in keys[name] for name, value in asked.items()) and (
        (wanted.accounts is None or trip.account_id in wanted.accounts)
        and (wanted.broker is None or broker == wanted.broker or (wanted.broker == NO_BROKER and not broker))
        and (wanted.symbol is None or wanted.symbol in (trip.symbol, f"={trip.symbol}", trip.root))
        and (wanted.side is None or wanted.side == trip.side)
        and (wanted.currency is None or wanted.currency == trip.currency)
    )


class Rates:
    """Published rates against the euro: that of the day, or the last one at most seven days older."""

    def __init__(self) -> None:
        self.published = {(row.quote, row.date): Fraction(row.rate) for row in FxRate.objects.filter(base="EUR")}

    def into(self, target: str, currency: str, day: date) -> Fraction | None:
        """What one unit is worth in the target, with 12 decimals."""
        if currency == target:
            return Fraction(1)
        bought, sold = self._per_euro(currency, day), self._per_euro(target, day)
        return None if bought is None or sold is None else rounded(sold / bought, RATE)

    def _per_euro(self, currency: str, day: date) -> Fraction | None:
        if currency == "EUR":
            return Fraction(1)
        for back in range(8):
            rate = self.published.get((currency, day - timedelta(days=back)))
            if rate is not None:
                return rate
        return None


@dataclass
class Converted:
    """The money of an answer in one currency."""

    currency: str | None
    days: dict[date, Fraction]
    unconverted: dict[str, Fraction]


def converted(found: Expected, target: str, rates: Rates) -> Converted:
    """docs/metrics.md: one currency that the rates do not convert wholly stays itself; the rest is listed."""
    currencies = {currency for currency, _ in found.daily}
    worth = {key: rates.into(target, *key) for key in found.daily}
    missing = [key for key, rate in worth.items() if rate is None]
    if currencies <= {target} or (len(currencies) == 1 and missing):
        days = {day: amount for (_, day), amount in found.daily.items()}
        return Converted(next(iter(currencies), target), days, {})
    days = defaultdict(Fraction)
    left: dict[str, Fraction] = defaultdict(Fraction)
    for (currency, day), amount in found.daily.items():
        rate = worth[currency, day]
        if rate is None:
            left[currency] += amount
        else:
            days[day] += amount * rate
    return Converted(target if len(missing) < len(worth) else None, dict(days), dict(left))
