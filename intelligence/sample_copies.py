"""Plays the recorded day to a person: sample wallets trade, and what is made of it is real in everything but money.

Deliveries, signals, checks, orders, plans and fills go the way that all do; sources are stand-ins on this machine, and
the account is a paper one. It can be played again, and put out of sight.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import connections, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import ledger
from accounts.decimals import plain
from accounts.models import Account, AccountKind, User
from intelligence import (
    copy_settings,
    copy_tasks,
    inbox,
    performance,
    sample_day,
    signal_processing,
    syncing,
    token_trading,
    tokens,
    wallets,
)
from intelligence.helius_parsing import SOL
from intelligence.models import (
    OutcomeVerdict,
    Signal,
    SignalOutcome,
    Token,
    TokenInstrument,
    Wallet,
    WalletPerformance,
    WebhookRegistration,
)
from intelligence.sample_day import ALPHA, SLEEPER, SNIPER, Moment, SampleToken
from intelligence.sources.stand_ins import StandIns, StoodToken, made_token
from trading import exit_orders
from trading.models import ExitStrategy, Order, Venue
from trading.venues import paper

ACCOUNT = "Copied wallets"
MONEY = Decimal(10_000)
CAPITAL = Decimal(5_000)
#: What the webhook of a demo is sent with, and what one SOL costs there.
SECRET, SOL_PRICE = "demo-webhook-secret", "150"
_BASELINES: dict[str, dict[str, Any]] = {
    ALPHA: {"baseline_win_rate": Decimal("0.78"), "baseline_average_pnl": Decimal("0.12"), "baseline_trades": 140},
    SNIPER: {"baseline_win_rate": Decimal("0.55"), "baseline_average_pnl": Decimal("0.31"), "baseline_trades": 60},
    SLEEPER: {},
}


@dataclass(frozen=True, slots=True)
class Played:
    """One moment of the day that was played, of so many, and what was made of the signals that it brought."""

    number: int
    total: int
    moment: Moment
    outcomes: tuple[SignalOutcome, ...]


def is_there(person: User) -> bool:
    """Whether the day was played to this person before, and is in sight."""
    return Wallet.objects.for_user(person).filter(address__in=_addresses(), archived_at__isnull=True).exists()


def was_there(person: User) -> bool:
    """Whether the day was ever played to this person, in sight or not."""
    return Wallet.objects.for_user(person).filter(address__in=_addresses()).exists()


def play(
    person: User,
    *,
    round_trips: int = sample_day.ROUND_TRIPS,
    on_moment: Callable[[Played], None] = lambda played: None,
) -> int:
    """The day has happened to the person, now, with so many quick round trips; returns how many signals it brought."""
    _open_for(person)
    found = list(sample_day.moments(round_trips=round_trips))
    made = 0
    with _stood_in() as there:
        for number, moment in enumerate(found, start=1):
            outcomes = _happens(there, moment, number=number)
            made += len(outcomes)
            on_moment(Played(number, len(found), moment, outcomes))
    for wallet in Wallet.objects.for_user(person).filter(address__in=_addresses()):
        performance.refresh(wallet.pk, at=timezone.now())
    return made


def remove(person: User) -> int:
    """The sample wallets are archived; their account stays, with what was placed there. Returns how many wallets."""
    count = 0
    for wallet in Wallet.objects.for_user(person).filter(address__in=_addresses(), archived_at__isnull=True):
        wallets.archive(wallet, at=timezone.now())
        count += 1
    return count


def figures(person: User) -> QuerySet[WalletPerformance]:
    """What copying the sample wallets came to, the best first."""
    rows = WalletPerformance.objects.for_user(person).filter(mode="simulation", window="all")
    return rows.filter(wallet__address__in=_addresses()).select_related("wallet").order_by("-total_pnl", "id")


@contextmanager
def standing_in(address: str) -> Iterator[dict[str, str]]:
    """The sources of a demo served at this address, until the end: nothing is asked elsewhere, and its webhook works.

    Gives the environment to serve it with. Tokens cost what a wallet paid for them last. Where an operator has named a
    source, or has a key, theirs are asked and this gives nothing.
    """
    if settings.HELIUS_API_KEY or settings.RUGCHECK_URL or settings.DEXSCREENER_URL:
        yield {}
        return
    ours: dict[str, Any] = {"HELIUS_WEBHOOK_URL": f"{address.rstrip('/')}/api/v1/webhooks/helius/"}
    if not settings.HELIUS_WEBHOOK_SECRETS:
        ours["HELIUS_WEBHOOK_SECRETS"] = [SECRET]
    with _stood_in(**ours) as there:
        there.tokens[SOL] = made_token(SOL, symbol="SOL", price=SOL_PRICE)
        there.missing = _asked_in_a_thread
        # The one that was stood in for before knew another webhook, and is gone with it.
        WebhookRegistration.objects.filter(pk=1).update(webhook_id="", pushed_digest="")
        syncing.sync(at=timezone.now(), is_forced=True)
        yield {**there.settings, **{name: value if isinstance(value, str) else ",".join(value)
                                    for name, value in ours.items()}}  # fmt: skip


def as_last_seen(mint: str) -> StoodToken | None:
    """A token that a wallet here has traded: it costs what that paid, or what was said of it since."""
    token = Token.objects.filter(address=mint).first()
    paid = Signal.objects.filter(token_address=mint, price__gt=0).order_by("-received_at", "-pk").first()
    said = [(paid.received_at, paid.price)] if paid is not None and paid.price is not None else []
    if token is not None and token.price is not None and token.price_at is not None:
        said.append((token.price_at, token.price))
    if not said:
        return None
    known = next((each for each in sample_day.TOKENS.values() if each.mint == mint), SampleToken("", "1"))
    _at, price = max(said)
    return made_token(
        mint,
        symbol=known.symbol or (token.symbol if token and token.symbol else mint[:4].upper()),
        price=plain(price),
        liquidity=known.liquidity,
        top_holders=known.top_holders,
        badness=known.badness,
        risks=known.risks,
        born_at=timezone.now() - timedelta(days=known.days),
    )


def _asked_in_a_thread(mint: str) -> StoodToken | None:
    """The same for a question that comes in a thread of its own, whose connection nobody else would close."""
    try:
        return as_last_seen(mint)
    finally:
        connections.close_all()


@transaction.atomic
def _open_for(person: User) -> None:
    account, is_new = Account.objects.get_or_create(
        owner=person, name=ACCOUNT, defaults={"broker": "Paper", "kind": AccountKind.PAPER, "initial_balance": MONEY}
    )
    if is_new:
        ledger.deposit(account, currency="USD", amount=MONEY, idempotency_key="opening", at=timezone.now())
        copy_settings.change(person, capital=CAPITAL)
    strategies = {
        name: ExitStrategy.objects.for_user(person).current().filter(owner=None, name=name).first()
        for name in ("Default", "Aggressive", "Conservative")
    }
    for name, strategy in zip(sample_day.WALLETS, strategies.values(), strict=True):
        where = sample_day.wallet_address(name)
        known = Wallet.objects.for_user(person).filter(address=where).first()
        if known is None:
            known = wallets.register(
                owner=person,
                address=where,
                at=timezone.now(),
                label=name,
                exit_strategy=strategy,
                simulation_account=account,
                notes=_("Made up: it shows what following a wallet looks like."),
                **_BASELINES[name],
            )
            if name == SLEEPER:
                wallets.pause(known)
        elif known.archived_at is not None:
            wallets.restore(known)
            if name != SLEEPER:
                wallets.activate(known, at=timezone.now())


@contextmanager
def _stood_in(**more: Any) -> Iterator[StandIns]:
    """Whatever asks a source asks the stand-ins, until the end of the block; `more` settings are such meanwhile."""
    with StandIns() as there:
        ours = {**there.settings, **more}
        before = {name: getattr(settings, name) for name in ours}
        try:
            for name, value in ours.items():
                setattr(settings, name, value)
            yield there
        finally:
            for name, value in before.items():
                setattr(settings, name, value)


@transaction.atomic
def _happens(there: StandIns, moment: Moment, *, number: int) -> tuple[SignalOutcome, ...]:
    now = timezone.now()
    _quoted(there, moment.token, moment.price, at=now)
    if moment.into:
        _quoted(there, moment.into, sample_day.TOKENS[moment.into].price, at=now)
    outcomes: list[SignalOutcome] = []
    if moment.dollars:
        body = json.dumps(sample_day.body_of(moment, number=number, at=now)).encode()
        before = Signal.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        for _time in range(moment.times):
            inbox.receive(source=inbox.HELIUS, body=body, at=now)
        inbox.read_waiting()
        for signal in Signal.objects.filter(pk__gt=before).order_by("pk"):
            outcomes.append(signal_processing.process(signal))
            if outcomes[-1].verdict == OutcomeVerdict.TRADED:
                copy_tasks.meet_market(signal)
                exit_orders.settle_exits()
    else:
        _settle()
    return tuple(outcomes)


def _quoted(there: StandIns, symbol: str, price: str, *, at: datetime) -> None:
    """The sources say that the token costs this, and were asked just now."""
    token = sample_day.TOKENS[symbol]
    there.tokens[token.mint] = made_token(
        token.mint,
        symbol=symbol,
        price=price,
        liquidity=token.liquidity,
        top_holders=token.top_holders,
        badness=token.badness,
        risks=token.risks,
        born_at=at - timedelta(days=token.days),
    )
    # Nothing is new enough, so that the source is asked whatever is known.
    tokens.price(token.mint, at=at, newer_than=timedelta(0))
    traded_as = TokenInstrument.objects.select_related("instrument").filter(token__address=token.mint).first()
    if traded_as is not None:
        token_trading.quote(traded_as.instrument, Decimal(price), at=at)


def _settle() -> None:
    exit_orders.look()
    waiting = Order.objects.live().filter(instrument__token__isnull=False, venue=Venue.PAPER)
    for instrument in waiting.order_by().values_list("instrument", flat=True).distinct():
        paper.match(instrument)
    exit_orders.settle_exits()


def _addresses() -> list[str]:
    return [sample_day.wallet_address(name) for name in sample_day.WALLETS]
