"""What breakers judge, read for one person at once: results, what is open at fresh prices, capital, the day's exits."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.db.models import F, Sum

from accounts.models import Account, User
from trading import breaker, marks
from trading.breaker import Closed, Direction, Height
from trading.models import (
    Bar,
    BreakerMode,
    BreakerScope,
    BreakerState,
    FillRole,
    Position,
    RiskConfig,
    Tag,
    TagRole,
    Timeframe,
    Trade,
    TradeFill,
    TradeStatus,
)
from trading.order_rules.amounts import ZERO, difference, product, total
from trading.risk import capital, rates
from trading.risk.capital import Capital, Paid
from trading.risk.rates import Rates

_FINE = (Timeframe.MINUTE, Timeframe.FIVE_MINUTES, Timeframe.QUARTER_HOUR)


@dataclass(frozen=True, slots=True)
class Result:
    """A trade that has ended."""

    trade_id: int
    account_id: int
    at: datetime
    day: date
    net_pnl: Decimal
    currency: str
    direction: Direction


@dataclass(frozen=True, slots=True)
class Exit:
    """What one exit realized."""

    trade_id: int
    account_id: int
    at: datetime
    net_pnl: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class Open:
    """A trade that is open: what it has realized and would come to; `is_priced` where a fresh price says the latter."""

    trade_id: int
    account_id: int
    pnl: Decimal
    currency: str
    is_priced: bool


#: What a breaker is of, within one person: its mode, its account or None, its strategy as `same_strategy` has it or "".
Key = tuple[str, int | None, str]


@dataclass(frozen=True, slots=True)
class Group:
    """What is in one breaker's scope."""

    results: list[Result] = field(default_factory=list)
    exits: list[Exit] = field(default_factory=list)
    open: list[Open] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Seen:
    """All that is known of one person's trading at this time; archived accounts are not part of it."""

    owner: User
    at: datetime
    config: RiskConfig
    accounts: dict[int, Account]
    by_mode: dict[str, list[Account]]
    groups: dict[Key, Group]
    names: dict[str, str]  #: as the person writes a strategy, by `same_strategy`
    moved: Paid
    rates: Rates

    def group(self, state: BreakerState) -> Group:
        """What is in this breaker's scope."""
        return self.groups.get(key_of(state)) or Group()

    def currency(self, state: BreakerState) -> str:
        """What this breaker's measures are in."""
        account = self.accounts.get(state.account_id or 0)
        return account.currency if account else self.owner.reporting_currency

    def capital(self, state: BreakerState) -> Capital:
        """What this breaker's accounts had to lose at its baseline."""
        if state.account_id is not None:
            chosen = [self.accounts[state.account_id]] if state.account_id in self.accounts else []
        else:
            chosen = self.by_mode.get(state.mode, [])
        found = capital.of(
            chosen, self.moved, currency=self.currency(state), config=self.config, rates=self.rates
        )  # fmt: skip
        if found.is_assumed:
            return found
        return Capital(total((found.amount, state.carried)), is_assumed=False)


def key_of(state: BreakerState) -> Key:
    """Where this breaker's scope is among the groups."""
    return (state.mode, state.account_id, same_strategy(state.strategy))


def same_strategy(name: str) -> str:
    """The same for every way to write the name of a strategy: in small or capital letters, with blanks around it."""
    return name.strip().casefold()


def look(owner: User, config: RiskConfig, *, at: datetime) -> Seen:
    """What there is since this person joined."""
    rows = Account.objects.filter(owner=owner).current()
    accounts = {each.pk: each for each in rows}
    results = _results(owner, accounts)
    opened = list(
        Position.objects.filter(owner=owner, account_id__in=accounts)
        .select_related("trade", "instrument")
        .order_by("id")
    )
    exits = _exits(accounts, at)
    currencies = {owner.reporting_currency, config.currency, *(each.currency for each in accounts.values())}
    currencies |= {each.currency for each in results} | {each.trade.currency for each in opened}
    by_mode: dict[str, list[Account]] = {}
    for each in accounts.values():
        by_mode.setdefault(BreakerMode.of(each), []).append(each)
    groups: dict[Key, Group] = {}
    setups = _setups(owner)
    # Of several ways to write a name the last in order, whichever trade comes first.
    names = {same_strategy(name): name for name in sorted(set[str]().union(*setups.values()))}

    def over(row: Result | Exit | Open) -> Iterable[Group]:
        """The groups that a row is in."""
        mode = BreakerMode.of(accounts[row.account_id])
        keys: list[Key] = [(mode, None, ""), (mode, row.account_id, "")]
        keys += [(mode, None, setup) for setup in {same_strategy(name) for name in setups.get(row.trade_id, ())}]
        return [groups.setdefault(key, Group()) for key in keys]

    for result in results:
        for group in over(result):
            group.results.append(result)
    for exit_ in exits:
        for group in over(exit_):
            group.exits.append(exit_)
    for standing in _priced(opened, config, at):
        for group in over(standing):
            group.open.append(standing)
    return Seen(
        owner=owner,
        at=at,
        config=config,
        accounts=accounts,
        by_mode=by_mode,
        groups=groups,
        names=names,
        moved=capital.paid(accounts),
        rates=rates.latest(currencies, at.date()),
    )


def judged(seen: Seen, state: BreakerState) -> breaker.Account:
    """What this breaker judges: only what closed after its baseline, in its own currency."""
    currency, group = seen.currency(state), seen.group(state)

    def converted(each: Result | Exit) -> Decimal | None:
        return seen.rates.convert(each.net_pnl, each.currency, currency)

    closed = [
        Closed(each.at, each.day, converted(each), each.direction)
        for each in group.results
        if each.at > state.baseline_at
    ]
    today = [converted(each) for each in group.exits if each.at > state.baseline_at]
    standing = group.open
    pnl = [seen.rates.convert(each.pnl, each.currency, currency) for each in standing]
    found = seen.capital(state)
    height = None
    if state.height_at is not None and state.height_open_pnl is not None:
        height = Height(state.height_at, state.height_open_pnl)
    return breaker.Account(
        capital=found.amount,
        today=seen.at.date(),
        closed=closed,
        open_pnl=total(each for each in pnl if each is not None),
        unpriced=pnl.count(None) + sum(1 for each in standing if not each.is_priced),
        realized_today=total(each for each in today if each is not None),
        height=height,
    )


def carried(state: BreakerState, *, currency: str) -> Decimal:
    """What this breaker's trades had realized by its baseline, at the latest rates."""
    rows = Trade.objects.filter(status=TradeStatus.CLOSED, activity_at__lte=state.baseline_at, owner=state.owner)
    rows = rows.filter(account__archived_at__isnull=True)
    if state.scope == BreakerScope.ACCOUNT:
        rows = rows.filter(account=state.account_id)
    else:
        simulated = {"account__kind": "paper"}
        is_simulation = state.mode == BreakerMode.SIMULATION
        rows = rows.filter(**simulated) if is_simulation else rows.exclude(**simulated)
    if state.scope == BreakerScope.STRATEGY:
        # No join: a trade may have the name twice, in small letters and in capitals.
        tagged = Trade.tags.through.objects.filter(tag__in=_tags_of(state))
        rows = rows.filter(pk__in=tagged.values("trade_id"))
    sums = dict(rows.values_list("currency").annotate(Sum("net_pnl")))
    known = rates.latest({currency, *sums}, state.baseline_at.date())
    amounts = (known.convert(amount, each, currency) for each, amount in sums.items())
    return total(each for each in amounts if each is not None)


def _tags_of(state: BreakerState) -> list[int]:
    """The setups of its strategy, however their names are written."""
    setups = Tag.objects.filter(owner=state.owner, group__role=TagRole.SETUP).values_list("pk", "name")
    return [pk for pk, name in setups if same_strategy(name) == same_strategy(state.strategy)]


def carried_by_accounts(accounts: Iterable[Account], rates_of: Rates) -> dict[int, Decimal]:
    """What each of these accounts had realized when it was entered here, in its own currency."""
    known = {each.pk: each for each in accounts}
    rows = (
        Trade.objects.filter(account_id__in=known, status=TradeStatus.CLOSED, activity_at__lte=F("account__created_at"))
        .values_list("account_id", "currency")
        .annotate(Sum("net_pnl"))
    )
    found: dict[int, Decimal] = {}
    for account_id, currency, amount in rows:
        converted = rates_of.convert(amount, currency, known[account_id].currency)
        if converted is not None:
            found[account_id] = total((found.get(account_id, ZERO), converted))
    return found


def _results(owner: User, accounts: Iterable[int]) -> list[Result]:
    known = set(accounts)
    rows = (
        Trade.objects.filter(owner=owner, status=TradeStatus.CLOSED, activity_at__gt=owner.date_joined)
        .order_by("activity_at", "id")
        .values_list("id", "account_id", "activity_at", "closed_on", "net_pnl", "currency", "outcome")
    )
    return [
        Result(pk, account_id, at, day or at.date(), net_pnl, currency, Direction(str(outcome)))
        for pk, account_id, at, day, net_pnl, currency, outcome in rows
        if account_id in known
    ]


def _exits(accounts: dict[int, Account], at: datetime) -> list[Exit]:
    """What exits realized on each account's own present day."""
    today = {pk: account.trading_day(at) for pk, account in accounts.items()}
    rows = TradeFill.objects.filter(
        role=FillRole.EXIT, account_id__in=accounts, day__in=set(today.values())
    ).values_list("trade_id", "account_id", "execution__sort_at", "net_pnl", "trade__currency", "day")
    return [
        Exit(trade_id, account_id, sort_at, net_pnl or ZERO, currency)
        for trade_id, account_id, sort_at, net_pnl, currency, day in rows
        if day == today[account_id]
    ]


def _priced(opened: list[Position], config: RiskConfig, at: datetime) -> list[Open]:
    if not opened:
        return []
    longest = timedelta(minutes=config.max_price_staleness_minutes)
    quotes = marks.newest(each.instrument_id for each in opened)
    closes = _closes(opened, since=at - longest, until=at)
    found = []
    for each in opened:
        mark, price = quotes.get(each.instrument_id), None
        if mark is not None and abs(at - mark.at) <= longest:
            price = mark.exit_price(is_long=each.quantity > 0)
        if price is None:
            price = closes.get(each.instrument_id)
        pnl = each.trade.net_pnl
        if price is not None:
            moved = product(difference(price, each.average_price), each.quantity, each.trade.multiplier)
            pnl = total((pnl, moved))
        found.append(Open(each.trade_id, each.account_id, pnl, each.trade.currency, price is not None))
    return found


def _closes(opened: list[Position], *, since: datetime, until: datetime) -> dict[int, Decimal]:
    """Where the latest fine bar of each instrument closed, which stands in for a quote that nobody has."""
    bars = (
        Bar.objects.filter(
            instrument_id__in={each.instrument_id for each in opened},
            timeframe__in=_FINE,
            starts_at__range=(since, until),
        )
        .order_by("instrument_id", "-starts_at", "timeframe")
        .distinct("instrument_id")
    )
    return dict(bars.values_list("instrument_id", "close"))


def _setups(owner: User) -> dict[int, set[str]]:
    """The names of setups by trade, of what is open and of what closed since the person joined."""
    rows = Trade.tags.through.objects.filter(
        trade__owner=owner, trade__activity_at__gt=owner.date_joined, tag__group__role=TagRole.SETUP
    ).values_list("trade_id", "tag__name")
    found: dict[int, set[str]] = {}
    for trade_id, name in rows:
        found.setdefault(trade_id, set()).add(name)
    return found
