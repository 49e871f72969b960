"""What a purchase is judged by: the token as it is known, what copies hold already, and how much may be put in.

Source: docs/copying.md#checks
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.utils import timezone

from accounts.models import Account, Portfolio
from intelligence import copy_checks, fetching, token_trading, tokens
from intelligence.copy_checks import Check, Price, Rules, Situation
from intelligence.models import CopiedPosition, Signal, Token, Wallet, WalletMode
from intelligence.sizing import CopyLimits, Exposure, Size, quantity, size
from intelligence.token_safety import Fact, Thresholds, TokenFacts, judge
from trading import risk
from trading.models import PlanExit, RiskConfig

_ZERO, _ONE = Decimal(0), Decimal(1)


@dataclass(frozen=True, slots=True)
class Seen:
    """What was looked up of a signal's token before its transaction: the price is that of now, with its time."""

    token: Token
    price: tuple[Decimal, datetime] | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Judged:
    """A purchase with all its checks, and what it would buy: so many units at a price, None if not known."""

    checks: tuple[Check, ...]
    account: Account | None
    price: Decimal | None
    size: Size | None
    quantity: Decimal


def look_up(signal: Signal, wallet: Wallet) -> Seen:
    """The token as its sources have it, and its price. Of a wallet that is not followed nothing is asked.

    All of it together takes a few seconds at most: what was not answered in them is not known.
    """
    at, config = timezone.now(), risk.current()
    if not is_followed(wallet):
        return Seen(known_token(signal.token_address), None, at)
    newer_than = timedelta(seconds=min(config.price_polling_interval_seconds, config.max_price_staleness_minutes * 60))
    with fetching.within(settings.TOKEN_LOOKUP_SECONDS):
        token = tokens.read(signal.token_address, at=at)
        price = None if token.is_blacklisted else token_trading.price_of(token, at=at, newer_than=newer_than)
    return Seen(token, price, timezone.now())


def judged(signal: Signal, wallet: Wallet, seen: Seen, *, rules: Rules, limits: CopyLimits) -> Judged:
    """Every check of the purchase as things stand now; the person's settings are locked by the caller."""
    config, account = risk.current(), account_of(wallet)
    rows = CopiedPosition.objects.open().filter(owner=wallet.owner_id, mode=wallet.mode)
    copies = list(rows.select_related("managed_position", "token"))
    found = None if account is None else _size(wallet, account, seen, copies, limits, config.slippage_tolerance)
    price = seen.price[0] if seen.price else None
    lot = token_trading.lot_of(seen.token)
    units = quantity(found.value, price=price, lot=lot) if found and price else _ZERO
    is_live = wallet.mode == WalletMode.LIVE
    here = [copy for copy in copies if copy.wallet_id == wallet.pk and copy.token.address == signal.token_address]
    situation = Situation(
        wallet_state=_state_of(wallet),
        is_followed=is_followed(wallet),
        account=account.name if account else "",
        safety=judge(facts_of(seen.token, at=seen.at), thresholds_of(config), now=seen.at, is_live=is_live),
        signal_age=max(seen.at - signal.moment, timedelta(0)),
        sold_since=Signal.objects.sold_since(signal).count(),
        mirrors=wallet.exit_strategy.mirrors,
        source_value=signal.value,
        source_price=signal.price,
        price=_price(seen, longest=timedelta(minutes=config.max_price_staleness_minutes)),
        open_here=len(here),
        open_in_all=len(copies),
        breaker=risk.state_for(account, strategy_name(wallet)).value if account else "active",
        size=found,
        quantity=units,
    )
    return Judged(copy_checks.checks_of(situation, rules), account, price, found, units)


def facts_of(token: Token, *, at: datetime) -> TokenFacts:
    """What is known of the token, as its safety is judged by."""
    age = token.age(at=at)
    # To the hundredth of an hour, never more than it is.
    hours = None if age is None else Decimal(int(age.total_seconds()) // 36) / 100
    return TokenFacts(
        liquidity=Fact(token.liquidity, token.liquidity_source, token.liquidity_at),
        top_holders=Fact(token.top_holders, token.top_holders_source, token.top_holders_at),
        contract=Fact(token.contract_score, token.contract_source, token.contract_at),
        age_hours=Fact(hours, token.born_source, token.born_read_at),
        is_blacklisted=token.is_blacklisted,
        blacklist_reason=token.blacklist_reason,
    )


def thresholds_of(config: RiskConfig) -> Thresholds:
    """What a token has to come to by the configuration of risk as it is now."""
    return Thresholds(
        score=config.safety_score_threshold,
        liquidity=config.min_liquidity_usd,
        top_holders=config.max_top_10_holders,
        age_hours=config.min_token_age_hours,
        weight_liquidity=config.safety_weight_liquidity,
        weight_holders=config.safety_weight_holders,
        weight_contract=config.safety_weight_contract,
        weight_age=config.safety_weight_age,
    )


def exposure_of(copies: Sequence[CopiedPosition], *, wallet_id: int, token_address: str) -> Exposure:
    """What these open copies hold and wait for, at cost: in all, of the wallet, of the token."""
    under_way: dict[int, Decimal] = {}
    exits = PlanExit.objects.filter(managed_position__in=[copy.managed_position_id for copy in copies], ended_at=None)
    for each in exits:
        left = each.quantity - each.filled_quantity
        under_way[each.managed_position_id] = under_way.get(each.managed_position_id, _ZERO) + left
    costs = [(copy, _cost(copy, under_way.get(copy.managed_position_id, _ZERO))) for copy in copies]
    return Exposure(
        total=_sum(cost for _copy, cost in costs),
        wallet=_sum(cost for copy, cost in costs if copy.wallet_id == wallet_id),
        token=_sum(cost for copy, cost in costs if copy.token.address == token_address),
    )


def account_of(wallet: Wallet) -> Account | None:
    """The account that copies of the wallet go to, in its mode."""
    return wallet.live_account if wallet.mode == WalletMode.LIVE else wallet.simulation_account


def is_followed(wallet: Wallet) -> bool:
    """Whether purchases of the wallet are copied."""
    return wallet.is_active and wallet.archived_at is None


def strategy_name(wallet: Wallet) -> str:
    """The name under which orders of this wallet are counted, and a breaker can be set for them."""
    return str(wallet)[:60]


def known_token(address: str) -> Token:
    """The token as it is known here, or one of which nothing is known and which is not stored."""
    return Token.objects.filter(address=address).first() or Token(address=address)


def limit_price(price: Decimal) -> Decimal:
    """The dearest that is paid where the price is this."""
    tolerance: Decimal = risk.current().slippage_tolerance
    return (price * (_ONE + tolerance)).quantize(token_trading.PRICE_STEP)


def fitting(price: Decimal | None) -> Decimal | None:
    """The price in the desk's decimals; None for one that they cannot hold."""
    return None if price is None or price >= Decimal(10) ** 15 else price.quantize(token_trading.PRICE_STEP)


def _size(
    wallet: Wallet,
    account: Account,
    seen: Seen,
    copies: Sequence[CopiedPosition],
    limits: CopyLimits,
    tolerance: Decimal,
) -> Size:
    used = exposure_of(copies, wallet_id=wallet.pk, token_address=seen.token.address)
    row = Portfolio.objects.filter(account=account, currency=token_trading.CURRENCY).first()
    free = row.available_balance - row.owed_balance if row else _ZERO
    # An order sets aside what its limit may cost, not what the price is now.
    return size(limits, stop_loss=wallet.exit_strategy.stop_loss, exposure=used, free=free / (_ONE + tolerance))


def _cost(copy: CopiedPosition, under_way: Decimal) -> Decimal:
    managed = copy.managed_position
    held = managed.entry_price * (managed.remaining + under_way) * managed.multiplier
    # An entry that may still fill is counted as it was meant.
    return held if managed.is_entered else max(held, copy.intended_value)


def _sum(values: Iterable[Decimal]) -> Decimal:
    return sum(values, _ZERO)


def _state_of(wallet: Wallet) -> str:
    return "archived" if wallet.archived_at else "active" if wallet.is_active else "paused"


def _price(seen: Seen, *, longest: timedelta) -> Price:
    if seen.price is None:
        return Price(None, token_trading.SOURCE, None, longest)
    value, said_at = seen.price
    return Price(value, token_trading.SOURCE, max(seen.at - said_at, timedelta(0)), longest)
