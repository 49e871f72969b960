"""Random histories of one person: everything that can happen to fills, in any order, from one seed."""

import csv
import io
import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from accounts import trading_accounts
from accounts.models import Account, User
from journal import breakdowns, reports
from journal.filters import NO_BROKER, MetricsFilter
from tests.factories import make_account
from trading import trades
from trading.errors import ImportRefused, TradeRefused
from trading.imports import batches
from trading.models import BatchStatus, FuturesRoot, FxRate, ImportBatch, Instrument, Tag, Trade
from trading.trades import EnteredFill, Plan

UTC = ZoneInfo("UTC")
NEW_YORK = ZoneInfo("America/New_York")
FIRST = datetime(2026, 1, 5, tzinfo=UTC)
DAYS = 40

FLEX_HEADER = (
    "ClientAccountID,CurrencyPrimary,AssetClass,Symbol,DateTime,Buy/Sell,Quantity,TradePrice,IBCommission,IBExecID,"
    "FifoPnlRealized,LevelOfDetail"
).split(",")
NINJA_HEADER = "Instrument,Action,Time,Price,E/X,Quantity,Commission,Account display name".split(",")
TRADERVUE_HEADER = "Date,Time,Symbol,Quantity,Price,Side,Commission,TransFee,ECNFee".split(",")
FLEX_SYMBOLS = {"ACME": "USD", "ZEUS": "USD", "BMWX": "EUR", "LLOX": "GBP", "SONX": "JPY"}
ZONES = ["UTC", "America/New_York", "Europe/Berlin", "Asia/Tokyo", "America/Chicago"]
DAY_STARTS = [time(0), time(17), time(18), time(6)]


@dataclass(frozen=True)
class FileFill:
    """A fill as a broker has it on file."""

    at: datetime
    account: str
    symbol: str
    side: str
    quantity: Decimal
    price: Decimal
    commission: Decimal
    number: int
    broker_pnl: Decimal = Decimal(0)


def seed_reference() -> None:
    """One futures root, and rates of all currencies but the yen; the pound lacks a fortnight."""
    FuturesRoot.objects.create(
        root="MNQ", exchange="CME", name="Micro Nasdaq", currency="USD", tick_size=Decimal("0.25"), point_value=2
    )
    chance = random.Random(99)
    rates = []
    for back in range(-10, DAYS + 5):
        day = (FIRST + timedelta(days=back)).date()
        if day.weekday() > 4:
            continue
        rates.append(FxRate(date=day, base="EUR", quote="USD", rate=Decimal(chance.randint(10400, 11900)).scaleb(-4)))
        if not 12 <= back <= 27:
            pounds = Decimal(chance.randint(83000, 87000)).scaleb(-5)
            rates.append(FxRate(date=day, base="EUR", quote="GBP", rate=pounds))
    FxRate.objects.bulk_create(rates)


class History:
    """A person, the files that their brokers would give them, and what they do next."""

    def __init__(self, owner: User, seed: int) -> None:
        self.owner = owner
        self.chance = random.Random(seed)
        self.hand = make_account(owner, "By hand", broker="Alpha", currency="USD", time_zone="America/New_York")
        self.vue = make_account(owner, "Vue", currency="USD", time_zone="America/New_York", cost_method="average")
        self.flex_fills = self._stream(["U1", "U2", "U3"], list(FLEX_SYMBOLS), count=160)
        self.ninja_fills = self._stream(["SIM-1", "SIM-2"], ["MNQU6"], count=70)
        self.vue_fills = self._stream([""], ["ACME", "HOOLI"], count=60)
        self.tags = [Tag.objects.create(owner=owner, name=name) for name in ("gap", "plan", "fomo")]
        self.deleted: list[list[int]] = []
        self.done: list[str] = []

    def live(self, steps: int) -> None:
        """So many things happen; what is refused leaves no trace and counts as well."""
        moves: dict[Callable[[], str], int] = {
            self.import_flex: 6,
            self.import_ninja: 3,
            self.import_vue: 3,
            self.enter: 5,
            self.correct: 4,
            self.delete: 4,
            self.restore: 3,
            self.undo: 3,
            self.replay: 2,
            self.annotate: 4,
            self.change_rules: 3,
            self.read: 3,
            self.remove_account: 1,
        }
        self.import_flex()
        for _ in range(steps):
            move = self.chance.choices(list(moves), list(moves.values()))[0]
            self.done.append(f"{move.__name__}: {move()}")

    # ------------------------------------------------------------------ files

    def import_flex(self) -> str:
        fills = self._window(self.flex_fills)
        return self._import("flex.csv", flex_file(fills), options={"create_accounts": True, "time_zone": "UTC"})

    def import_ninja(self) -> str:
        fills = self._window(self.ninja_fills, shuffled=False)
        options = {"create_accounts": True, "time_zone": "America/Chicago", "date_order": "mdy"}
        return self._import("ninja.csv", ninja_file(fills), options=options)

    def import_vue(self) -> str:
        fills = self._window(self.vue_fills, shuffled=False)
        return self._import(
            "vue.csv", tradervue_file(fills), account=self.vue, options={"time_zone": "America/New_York"}
        )

    def _import(self, name: str, content: bytes, **choices: Any) -> str:
        if choices.get("account") and not Account.objects.filter(pk=choices["account"].pk).exists():
            return "no account"
        received = batches.receive(owner=self.owner, chunks=[content], filename=name, **choices)
        looked = batches.look(received)
        if open_decisions := looked.preview.get("decisions"):
            made = {each["key"]: self.chance.choice(each["choices"]) for each in open_decisions}
            looked = batches.look(batches.choose(looked, options={"decisions": made}))
        assert looked.status == BatchStatus.READY, (looked.error_message, looked.preview.get("decisions"))
        applied = batches.run(batches.queue(looked))
        assert applied.status == BatchStatus.APPLIED, applied.error_message
        return f"{applied.pk} {applied.result['new']} new, {applied.result['duplicates']} known"

    def undo(self) -> str:
        batch = self._one(ImportBatch.objects.filter(owner=self.owner, status=BatchStatus.APPLIED))
        return "none" if batch is None else str(batches.undo(batch).pk)

    def replay(self) -> str:
        batch = self._one(ImportBatch.objects.filter(owner=self.owner, status=BatchStatus.APPLIED))
        if batch is None:
            return "none"
        if batch.filename == "vue.csv" and batch.account_id is None:
            return "no account"
        is_dry = self.chance.random() < 0.5
        try:
            return f"{batch.pk} dry={is_dry} {batches.replay(batch, dry_run=is_dry)}"
        except ImportRefused as refusal:
            return f"{batch.pk} {refusal.code}"

    # ------------------------------------------------------------------ by hand

    def enter(self) -> str:
        account = self._one(Account.objects.filter(owner=self.owner))
        assert account is not None
        instrument = self._one(Instrument.objects.all())
        if instrument is None or account.currency != "USD":
            return "none"
        fills = self._entered(self.chance.randint(1, 4))
        plan = Plan(self._price(), self._price()) if self.chance.random() < 0.5 else None
        made = trades.enter(account, instrument=instrument, fills=fills, plan=plan, tags=self._some_tags())
        return f"{len(fills)} fills of {instrument} in {account}, {len(made)} trades"

    def correct(self) -> str:
        trade = self._one(Trade.objects.filter(owner=self.owner))
        fills = self._entered(self.chance.randint(1, 3))
        try:
            return "none" if trade is None else f"{trade.pk} {trades.correct(trade, fills=fills)}"
        except TradeRefused as refusal:
            return refusal.code

    def delete(self) -> str:
        trade = self._one(Trade.objects.filter(owner=self.owner))
        try:
            if trade is not None:
                self.deleted.append(trades.delete(trade))
        except TradeRefused as refusal:
            return refusal.code
        return "none" if trade is None else str(trade.pk)

    def restore(self) -> str:
        if not self.deleted:
            return "none"
        ids = self.deleted.pop(self.chance.randrange(len(self.deleted)))
        trades.restore(self.owner.pk, execution_ids=ids)
        return str(ids)

    def annotate(self) -> str:
        trade = self._one(Trade.objects.filter(owner=self.owner))
        if trade is None:
            return "none"
        plan = Plan(self._price(), None) if self.chance.random() < 0.5 else None
        trades.annotate(trade, plan=plan, note=f"note {self.chance.random()}", tags=self._some_tags())
        return str(trade.pk)

    def change_rules(self) -> str:
        account = self._one(Account.objects.filter(owner=self.owner))
        assert account is not None
        rules = {
            "time_zone": self.chance.choice(ZONES),
            "day_start": self.chance.choice(DAY_STARTS),
            "cost_method": self.chance.choice(["fifo", "average"]),
        }
        chosen = {name: rules[name] for name in self.chance.sample(list(rules), self.chance.randint(1, 3))}
        trading_accounts.update(account, **chosen)
        return f"{account} {chosen}"

    def remove_account(self) -> str:
        account = self._one(Account.objects.filter(owner=self.owner).exclude(pk__in=[self.hand.pk, self.vue.pk]))
        if account is None:
            return "none"
        trading_accounts.delete(account, confirmed=True)
        return account.name

    def read(self) -> str:
        """Days are repaired in between, and answers are kept that must not come back later."""
        reports.aggregate_metrics(self.owner)
        breakdowns.calendar(self.owner)
        return "all"

    # ------------------------------------------------------------------ chance

    def _one(self, rows: Any) -> Any:
        keys = list(rows.order_by("pk").values_list("pk", flat=True))
        return rows.get(pk=self.chance.choice(keys)) if keys else None

    def _some_tags(self) -> list[Tag]:
        return self.chance.sample(self.tags, self.chance.randint(0, 2))

    def _price(self) -> Decimal:
        return Decimal(self.chance.randint(900, 1100)).scaleb(-1)

    def _entered(self, count: int) -> list[EnteredFill]:
        at = FIRST + timedelta(minutes=self.chance.randrange(DAYS * 24 * 60))
        fills = []
        for number in range(count):
            side = ("buy", "sell")[(number + self.chance.randint(0, 1)) % 2]
            quantity = Decimal(self.chance.choice(["1", "2", "3", "0.3333", "7"]))
            costs = [Decimal(self.chance.randint(-20, 200)).scaleb(-2) for _ in range(2)]
            fills.append(EnteredFill(side, quantity, self._price(), at, *costs))
            at += timedelta(minutes=self.chance.choice([0, 1, 90, 1500]))
        return fills

    def _stream(self, accounts: list[str], symbols: list[str], *, count: int) -> list[FileFill]:
        fills = []
        at = FIRST.replace(hour=14)
        held: Counter[tuple[str, str]] = Counter()
        for number in range(count):
            at += timedelta(seconds=self.chance.choice([0, 1, 61, 3600, 9000, 40_000, 90_000]))
            if at > FIRST + timedelta(days=DAYS):
                at = FIRST.replace(hour=15) + timedelta(seconds=number)
            account, symbol = self.chance.choice(accounts), self.chance.choice(symbols)
            # Most go flat after a fill or two, some grow, some turn round.
            position = held[account, symbol]
            quantity = self.chance.choice([1, 2, 3, 10])
            side = self.chance.choice(["BUY", "SELL"])
            if position and self.chance.random() < 0.8:
                side = "SELL" if position > 0 else "BUY"
                quantity = abs(position) if self.chance.random() < 0.7 else quantity
            held[account, symbol] += quantity if side == "BUY" else -quantity
            fills.append(
                FileFill(
                    at=at,
                    account=account,
                    symbol=symbol,
                    side=side,
                    quantity=Decimal(quantity),
                    price=Decimal(self.chance.randint(40_000, 44_000)).scaleb(-2),
                    commission=Decimal(self.chance.randint(-50, 300)).scaleb(-2),
                    number=number,
                    broker_pnl=Decimal(self.chance.choice([0, 0, 125, -3])),
                )
            )
        return sorted(fills, key=lambda fill: fill.at)

    def _window(self, fills: list[FileFill], *, shuffled: bool = True) -> list[FileFill]:
        """A stretch of the stream, which overlaps others; now and then newest first or in no order."""
        start = self.chance.randrange(len(fills))
        window = fills[start : start + self.chance.randint(5, len(fills) // 2)]
        return self.chance.sample(window, len(window)) if shuffled and self.chance.random() < 0.3 else window


def flex_file(fills: list[FileFill]) -> bytes:
    """IBKR Flex: an execution id, several accounts and currencies."""
    rows = [
        [
            fill.account,
            FLEX_SYMBOLS[fill.symbol],
            "STK",
            fill.symbol,
            f"{fill.at:%Y%m%d;%H%M%S}",
            fill.side,
            fill.quantity if fill.side == "BUY" else -fill.quantity,
            fill.price,
            -fill.commission,
            f"e{fill.number}",
            fill.broker_pnl,
            "EXECUTION",
        ]
        for fill in fills
    ]
    return table(FLEX_HEADER, rows)


def ninja_file(fills: list[FileFill]) -> bytes:
    """NinjaTrader executions: futures, several accounts, no ids, Chicago time."""
    rows = [
        [
            fill.symbol,
            fill.side.capitalize(),
            f"{fill.at.astimezone(ZoneInfo('America/Chicago')):%m/%d/%Y %I:%M:%S %p}",
            fill.price,
            "Entry",
            fill.quantity,
            f"${abs(fill.commission)}",
            fill.account,
        ]
        for fill in fills
    ]
    return table(NINJA_HEADER, rows)


def tradervue_file(fills: list[FileFill]) -> bytes:
    """Tradervue: no account, no ids, New York time."""
    rows = [
        [
            f"{fill.at.astimezone(NEW_YORK):%m/%d/%Y}",
            f"{fill.at.astimezone(NEW_YORK):%H:%M:%S}",
            fill.symbol,
            fill.quantity if fill.side == "BUY" else -fill.quantity,
            fill.price,
            "Bought" if fill.side == "BUY" else "Sold",
            fill.commission,
            "0.01",
            "-0.003",
        ]
        for fill in fills
    ]
    return table(TRADERVUE_HEADER, rows)


def table(header: list[str], rows: list[list[Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode()


def a_filter(owner: User, symbols: Iterable[str], chance: random.Random) -> MetricsFilter:
    """Nothing, or up to three things, of what is there and what is not."""
    accounts = list(Account.objects.filter(owner=owner).order_by("pk").values_list("pk", flat=True))
    start = FIRST.date() + timedelta(days=chance.randrange(DAYS))
    choices: dict[str, Any] = {
        "accounts": tuple(sorted(chance.sample(accounts, chance.randrange(len(accounts) + 1)))),
        "broker": chance.choice([*Account.objects.filter(owner=owner).values_list("broker", flat=True), NO_BROKER])
        or NO_BROKER,
        "start": start,
        "end": start + timedelta(days=chance.randrange(20)),
        "symbol": chance.choice([*sorted(set(symbols)), "MNQ", "NONE"]),
        "tag": chance.choice(["gap", "plan", "fomo", "absent"]),
        "side": chance.choice(["long", "short"]),
        "currency": chance.choice(["USD", "EUR", "GBP", "JPY"]),
    }
    names = chance.sample(list(choices), min(chance.randint(0, 4), 3))
    return MetricsFilter(**{name: choices[name] for name in names})
