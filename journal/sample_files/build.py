"""All sample files of a fleet, with the books that say what is in them."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import groupby

from journal.sample_files import copying, futures_files, ibkr_files, investing, retail_files
from journal.sample_files.books import Book, SampleFill, book_all
from journal.sample_files.cells import Booked
from journal.sample_files.decisions import Decision
from journal.sample_files.fleet import SampleAccount, fleet
from journal.sample_files.investing import Style
from journal.sample_files.markets import PRODUCTS, Market, seeded, trading_days
from journal.sample_files.rates import hist_csv, rates
from journal.sample_files.retail_files import Report

DAYS = 730
#: What a prop firm lets an account of one size lose.
LARGEST_LOSS = Decimal(3_000)

_US = ("AAPL", "MSFT", "NVDA", "AMZN", "TSLA", "AMD", "SPY", "PLTR", "F")
_HOME = {
    "EUR": ("SAP", "SIE", "ALV", "BMW"),
    "GBP": ("BARC", "TSCO", "ULVR"),
    "JPY": ("7203", "6758"),
}


@dataclass(frozen=True, slots=True)
class SampleFile:
    """A file as the broker exports it. `number` is the account it belongs to, "" where it names its accounts."""

    filename: str
    content: bytes
    format: str  #: the parser that is to recognise it
    time_zone: str  #: of times without an offset
    numbers: tuple[str, ...]  #: the accounts in it
    number: str
    fills: int  #: how many fills a reader finds in it


@dataclass(frozen=True, slots=True)
class Remark:
    """What the trader noted of a trade: which setup it was, and where stop and target were meant to be."""

    number: str
    symbol: str
    opened_at: datetime
    setup: str
    initial_stop: Decimal | None
    initial_target: Decimal | None
    note: str


@dataclass(frozen=True, slots=True)
class Sample:
    """Everything there is to load."""

    start: date
    end: date
    accounts: list[SampleAccount]
    files: list[SampleFile]
    books: dict[str, Book]
    remarks: list[Remark]
    rates_csv: bytes

    def lost_accounts(self) -> list[SampleAccount]:
        """Prop accounts that lost what their firm allows."""
        return [
            account
            for account in self.accounts
            if account.kind == "prop"
            and account.number in self.books
            and self.books[account.number].net <= -LARGEST_LOSS * account.size
        ]


def build(*, seed: int, end: date, accounts: int) -> Sample:
    """The sample of so many accounts over the two years that end on `end`. The same arguments give the same bytes."""
    start = end - timedelta(days=DAYS)
    market = Market(seed=seed, days=trading_days(start, end))
    maker = _Maker(market, start=start, end=end)
    opened = fleet(accounts, seed=seed)
    for group, of_group in groupby(opened, key=lambda account: account.group):
        maker.make(group, list(of_group))
    return Sample(
        start=start,
        end=end,
        accounts=opened,
        files=maker.files,
        books=maker.books,
        remarks=maker.remarks,
        rates_csv=hist_csv(maker.rates),
    )


class _Maker:
    """Makes the files of one group after the other."""

    def __init__(self, market: Market, *, start: date, end: date) -> None:
        self.market = market
        self.start, self.end = start, end
        self.decisions = copying.decisions(market)
        self.rates = rates(seed=market.seed, start=start, end=end)
        self.files: list[SampleFile] = []
        self.books: dict[str, Book] = {}
        self.remarks: list[Remark] = []
        self._last_id = 465_700_000

    def make(self, group: str, accounts: list[SampleAccount]) -> None:
        """The group's files, books and remarks are there."""
        {
            "tradovate_orders": self._tradovate_orders,
            "tradovate_performance": self._tradovate_performance,
            "projectx_trades": self._projectx_trades,
            "ninjatrader_executions": self._ninjatrader_executions,
            "ibkr_flex": self._ibkr_flex,
            "ibkr_activity": self._ibkr_activity,
            "webull": self._webull,
            "tradingview": self._tradingview,
            "tradervue": self._tradervue,
            "metatrader_html": self._metatrader_html,
        }[group](accounts)

    # --- futures -------------------------------------------------------------------------------

    def _tradovate_orders(self, accounts: list[SampleAccount]) -> None:
        fills = [fill for account in accounts for fill in self._copied(account, largest_loss=LARGEST_LOSS)]
        booked = self._booked(fills)
        half_years = groupby(booked, key=lambda entry: (entry.fill.at.year, entry.fill.at.month > 6))
        for (year, is_second), entries in half_years:
            part = list(entries)
            name = f"Orders {year} {'H2' if is_second else 'H1'}.csv"
            self._file(name, "tradovate_orders", futures_files.tradovate_orders(part), part, futures_files.CHICAGO)

    def _tradovate_performance(self, accounts: list[SampleAccount]) -> None:
        self._one_each(accounts, "Performance {}.csv", "tradovate_performance", with_costs=False)

    def _projectx_trades(self, accounts: list[SampleAccount]) -> None:
        self._one_each(accounts, "trades_export {}.csv", "projectx_trades", with_costs=True)

    def _one_each(self, accounts: list[SampleAccount], name: str, parser: str, *, with_costs: bool) -> None:
        write = {
            "tradovate_performance": futures_files.tradovate_performance,
            "projectx_trades": futures_files.projectx_trades,
        }[parser]
        for account in accounts:
            largest_loss = LARGEST_LOSS if account.kind == "prop" else None
            booked = self._booked(list(self._copied(account, largest_loss=largest_loss, costs=with_costs)))
            legs = 2 * sum(len(entry.realized.pairs) for entry in booked)
            content = write(booked)
            self._file(name.format(account.number), parser, content, booked, futures_files.CHICAGO, account, legs)

    def _ninjatrader_executions(self, accounts: list[SampleAccount]) -> None:
        without_reversals = [s.name for s in copying.STRATEGIES if not s.reverses]
        fills: list[SampleFill] = []
        for account in accounts:
            name = without_reversals[account.place % len(without_reversals)]
            fills += self._copied(account, largest_loss=LARGEST_LOSS, costs=True, strategy=name)
        booked = self._booked(fills)
        content = futures_files.ninjatrader_executions(booked)
        name = f"NinjaTrader Grid {self.end}.csv"
        self._file(name, "ninjatrader_executions", content, booked, futures_files.PARIS)

    def _copied(
        self, account: SampleAccount, *, largest_loss: Decimal | None, costs: bool = False, strategy: str = ""
    ) -> list[SampleFill]:
        names = [s.name for s in copying.STRATEGIES]
        made = self.decisions[strategy or names[account.place % len(names)]]
        allowed = largest_loss * account.size if largest_loss else None
        fills: list[SampleFill] = []
        seen: Decision | None = None
        for fill, decision in copying.copied(account, made, market=self.market, costs=costs, largest_loss=allowed):
            if decision is not seen and account.place % 3 == 0:
                self.remarks.append(_planned(fill, decision))
            seen = decision
            fills.append(fill)
        return fills

    # --- shares, options, currencies -----------------------------------------------------------

    def _ibkr_flex(self, accounts: list[SampleAccount]) -> None:
        fills: list[SampleFill] = []
        for account in accounts:
            fills += self._invested(account, _interactive_brokers(account))
            if account.currency == "USD":
                fills += investing.options(account, _underlyings(account), market=self.market)
        booked = self._booked(fills)
        base_of = {account.number: account.currency for account in accounts}
        corrected = ibkr_files.corrections(booked)
        for year, entries in groupby(booked, key=lambda entry: entry.fill.at.year):
            part = list(entries)
            content = ibkr_files.flex_csv(part, base_of=base_of, rate=self._rate, corrected=corrected)
            self._file(f"Flex_Trades_{year}.csv", "ibkr_flex_csv", content, part, ibkr_files.NEW_YORK)

    def _ibkr_activity(self, accounts: list[SampleAccount]) -> None:
        for account in accounts:
            fills = self._invested(account, _interactive_brokers(account))
            fills += investing.options(account, ("AAPL", "NVDA"), market=self.market)
            booked = self._booked(fills)
            content = ibkr_files.activity_csv(booked, number=account.number, start=self.start, end=self.end)
            name = f"{account.number}_{self.start:%Y%m%d}_{self.end:%Y%m%d}.csv"
            self._file(name, "ibkr_activity", content, booked, ibkr_files.NEW_YORK)

    def _webull(self, accounts: list[SampleAccount]) -> None:
        style = Style(_US[:5], 490, 9, 30, investing.regulatory_costs, investing.share_sizes, keeps_open=True)
        for account in accounts:
            booked = self._booked(self._invested(account, style))
            name = f"Webull_Orders_Records_{account.place + 1}.csv"
            self._file(name, "webull", retail_files.webull(booked), booked, retail_files.NEW_YORK, account)

    def _tradingview(self, accounts: list[SampleAccount]) -> None:
        style = Style(_US[2:8], 450, 7, 34, investing.commission_only, investing.share_sizes, shorts=250)
        for account in accounts:
            booked = self._booked(self._invested(account, style))
            name = f"paper-trading-order-history-{account.place + 1}.csv"
            self._file(name, "tradingview", retail_files.tradingview(booked), booked, "UTC", account)

    def _tradervue(self, accounts: list[SampleAccount]) -> None:
        style = Style(_US[3:8], 520, 4, 24, investing.flat_costs, investing.share_sizes, shorts=400)
        for account in accounts:
            booked = self._booked(self._invested(account, style))
            name = f"executions-{account.number}.csv"
            self._file(name, "tradervue", retail_files.tradervue(booked), booked, retail_files.NEW_YORK, account)

    def _metatrader_html(self, accounts: list[SampleAccount]) -> None:
        for account in accounts:
            products = ("XAUEUR", "DE40") if account.currency == "EUR" else ("EURUSD", "GBPUSD", "XAUUSD")
            style = Style(products, 480, 5, 15, investing.no_costs, investing.lot_sizes, shorts=450, scales=False)
            booked = self._booked(self._with_swaps(self._invested(account, style)))
            report = Report(account.number, account.currency, account.initial_balance)
            content = retail_files.metatrader_html(booked, report)
            name = f"ReportHistory-{account.number}.html"
            self._file(name, "metatrader_html", content, booked, retail_files.SERVER)

    def _invested(self, account: SampleAccount, style: Style) -> list[SampleFill]:
        fills = investing.held(account, style, market=self.market)
        rng = seeded(self.market.seed, account.number, "remarks")
        for fill in fills:
            if fill.role == "Entry" and rng.randrange(6) == 0:
                note = rng.choice(NOTES)
                self.remarks.append(Remark(account.number, fill.symbol, fill.at, fill.setup, None, None, note))
        return fills

    def _with_swaps(self, fills: list[SampleFill]) -> list[SampleFill]:
        """The fills with what the platform charges on closing: commission by volume, and interest for the nights."""
        rng = seeded(self.market.seed, fills[0].number if fills else "", "swaps")
        return [
            replace(fill, commission=Decimal("1.40"), fees=Decimal(rng.randrange(-80, 260)).scaleb(-2))
            if fill.role == "Exit"
            else fill
            for fill in fills
        ]

    def _rate(self, currency: str, on: date) -> Decimal:
        if currency == "EUR":
            return Decimal(1)
        while on not in self.rates:
            on -= timedelta(days=1)
        return self.rates[on][currency]

    # --- books and files -----------------------------------------------------------------------

    def _booked(self, fills: list[SampleFill]) -> list[Booked]:
        """The fills in their order in time, with ids that count up, and what each realized."""
        numbered: list[SampleFill] = []
        for fill in sorted(fills, key=lambda fill: fill.at):
            self._last_id += 3
            numbered.append(replace(fill, order_id=self._last_id))
        books, realized = book_all(numbered)
        self.books |= books
        return [Booked(fill, done) for fill, done in zip(numbered, realized, strict=True)]

    def _file(
        self,
        filename: str,
        parser: str,
        content: bytes,
        booked: Iterable[Booked],
        zone: str,
        account: SampleAccount | None = None,
        fills: int | None = None,
    ) -> None:
        counts: dict[str, int] = defaultdict(int)
        for entry in booked:
            counts[entry.fill.number] += 1
        if not counts:
            return
        count = sum(counts.values()) if fills is None else fills
        number = account.number if account else ""
        self.files.append(SampleFile(filename, content, parser, zone, tuple(counts), number, count))


NOTES = (
    "Followed the plan.",
    "Entered late: waited for confirmation that never came.",
    "Size was too large for this volatility.",
    "Good patience on the exit.",
    "Should have skipped this one: news in ten minutes.",
    "Moved the stop. Do not do that again.",
)


def _planned(fill: SampleFill, decision: Decision) -> Remark:
    tick = PRODUCTS[fill.product].tick
    stop = fill.price - fill.side * decision.stop_ticks * tick
    target = fill.price + fill.side * decision.target_ticks * tick
    return Remark(fill.number, fill.symbol, fill.at, decision.setup, stop, target, "")


def _interactive_brokers(account: SampleAccount) -> Style:
    products = _HOME.get(account.currency, ())
    if account.currency == "USD":
        first = account.place % 5
        products = _US[first : first + 4] + (("EURUSD",) if account.place % 4 == 0 else ())
    elif account.currency == "EUR":
        products = (*products[account.place % 2 :], "AAPL", "EURUSD")
    return Style(
        products,
        wins=400 + account.place * 37 % 160,
        longest=16,
        pause=60,
        costs=investing.interactive_brokers_costs,
        sizes=investing.share_sizes,
        shorts=120 if account.currency == "USD" else 0,
        keeps_open=account.place % 3 == 0,
    )


def _underlyings(account: SampleAccount) -> tuple[str, ...]:
    first = account.place % 4
    return _US[first : first + 3]
