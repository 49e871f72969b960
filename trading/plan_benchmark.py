"""How many exit plans are judged per second, and where the time goes; measured on plans that are taken back again."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from django.db import connection, transaction

from accounts.models import Account, User
from trading import monitoring
from trading.exits.plans import ExitPlan, Level
from trading.exits.snapshots import snapshot
from trading.models import Instrument, InstrumentKind, ManagedPosition, Quote

_ENTERED = datetime(2026, 1, 5, 15, tzinfo=UTC)
_PLAN = ExitPlan(
    stop_loss=Decimal("0.2"),
    is_trailing=True,
    trail=Decimal("0.15"),
    trail_activation=Decimal("0.2"),
    is_scaling=True,
    levels=(
        Level(Decimal("0.5"), Decimal(1)),
        Level(Decimal("0.25"), Decimal(2)),
        Level(Decimal("0.25"), None),
    ),
)
_INSTRUMENTS = 200
#: What the market does, the factor on the entry price, and what that makes every plan do.
_PRICES = (
    ("a price at which nothing happens", Decimal("0.97")),
    ("a new best price for every plan", Decimal("1.30")),
    ("a level reached by every plan", Decimal("2.00")),
    ("a stop met by every plan", Decimal("0.50")),
)


class _TakenBack(Exception):
    pass


def measured(plans: int, *, batch: int = monitoring.BATCH) -> Iterator[str]:
    """Lines that say what each kind of price costs; nothing is left in the database."""
    lines: list[str] = []
    try:
        with transaction.atomic():
            instruments = _made(plans)
            for number, (words, factor) in enumerate(_PRICES, start=1):
                lines.append(_line(words, factor, instruments, at=_ENTERED + timedelta(minutes=number), batch=batch))
            raise _TakenBack
    except _TakenBack:
        yield from lines


def _line(words: str, factor: Decimal, instruments: list[Instrument], *, at: datetime, batch: int) -> str:
    rows = [Quote(instrument=each, bid=factor, ask=factor, quoted_at=at) for each in instruments]
    Quote.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["instrument"], update_fields=["bid", "ask", "quoted_at"]
    )
    wall, own = time.perf_counter(), time.process_time()
    done = monitoring.tick(now=at, batch=batch)
    wall, own = time.perf_counter() - wall, time.process_time() - own
    return (
        f"{words}: {done.judged} judged, {done.changed} changed, {done.exits} exits in {wall:.2f} s "
        f"({own:.2f} s of it here, the rest in the database): {done.judged / wall:,.0f} plans per second"
    )


def _made(plans: int) -> list[Instrument]:
    owner = User.objects.create_user(f"benchmark-{time.time_ns()}@example.com")
    account = Account.objects.create(owner=owner, name="Benchmark")
    instruments = Instrument.objects.bulk_create(
        Instrument(symbol=f"BENCH{number}X{time.time_ns()}"[:40], kind=InstrumentKind.STOCK, currency="USD")
        for number in range(min(_INSTRUMENTS, plans))
    )
    written = snapshot(_PLAN)
    one, hundred = Decimal(1), Decimal(100)
    ManagedPosition.objects.bulk_create(
        (
            ManagedPosition(
                owner=owner, account=account, instrument=instruments[number % len(instruments)], side="long",
                entry_price=one, entry_quantity=hundred, entered_at=_ENTERED, multiplier=one, currency="USD",
                plan_snapshot=written, plan_now=written, remaining=hundred, best=one, taken=[Decimal(0)] * 3,
                changed_at=_ENTERED,
            )
            for number in range(plans)
        ),
        batch_size=1000,
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE trading_managedposition")
    return instruments
