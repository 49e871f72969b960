"""What is made of a signal: a purchase is copied or not, a sale gets out of what was copied, and why is kept.

A token is looked up and priced before the transaction; inside of it the person's purchases are judged one at a time, and
order, plan, outcome and checks are there together or not at all. A signal is processed once: its outcome is unique, and
so is the copy of a signal and strategy.

Source: docs/copying.md
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import activity, versions
from accounts.decimals import plain
from accounts.errors import DomainError
from accounts.models import Account, ActivityKind, Portfolio
from intelligence import copy_checks, copy_settings, token_trading, tokens
from intelligence.check_words import reason_of, said
from intelligence.copy_checks import Action, Check, Price, Situation
from intelligence.models import (
    CopiedPosition,
    OutcomeVerdict,
    Signal,
    SignalAction,
    SignalCheck,
    SignalOutcome,
    SignalType,
    Token,
    Wallet,
    WalletMode,
)
from intelligence.sizing import Exposure, Size, quantity, size
from intelligence.token_safety import Fact, Thresholds, TokenFacts, Verdict, judge
from trading import mirroring, orders, risk
from trading.models import Instrument, ManagedPosition, Order, OrderSource, PlanExit
from trading.order_rows import Intent, WantedPlan
from trading.order_rules.statuses import Status
from trading.order_rules.ticket import Ticket
from trading.order_rules.vocabulary import OrderType, PositionIntent, Side, TimeInForce

_ZERO, _ONE = Decimal(0), Decimal(1)


@dataclass(frozen=True, slots=True)
class Seen:
    """What was looked up of a signal's token before its transaction: the price is that of now, with its time."""

    token: Token
    price: tuple[Decimal, datetime] | None
    at: datetime


def process(signal: Signal) -> SignalOutcome:
    """The signal has its outcome, with every check behind it: made by this call, or by whoever came first.

    A purchase that is copied has an order with its plan, which the caller lets meet the market (`paper.match`); a sale has
    its exits decided, which the monitor or `exit_orders.submit_exits` places.
    """
    made = _of(signal)
    if made is not None:
        return made
    wallet = _wallet_of(signal)
    ignored = _ignored(signal, wallet)
    try:
        if ignored is not None:
            return _kept(signal, wallet, *ignored)
        assert wallet is not None, "what has no wallet is ignored"
        if signal.action == SignalAction.SELL:
            return _sold(signal, wallet)
        return _bought(signal, wallet, _looked_up(signal, wallet))
    except IntegrityError:
        # Somebody else was first: their outcome, order and plan stand, and nothing of this call does.
        made = _of(signal)
        if made is None:
            raise
        return made


def failed(signal: Signal, error: Exception) -> SignalOutcome:
    """The signal could not be processed: that is its outcome, so that those behind it are not kept waiting."""
    made = _of(signal)
    return made or _kept(
        signal, _wallet_of(signal), Action.ERROR, OutcomeVerdict.FAILED, f"{type(error).__name__}: {error}"[:1000]
    )


def _of(signal: Signal) -> SignalOutcome | None:
    return signal.outcomes.order_by("-attempt").first()


def _wallet_of(signal: Signal) -> Wallet | None:
    rows = Wallet.objects.select_related("exit_strategy", "simulation_account", "live_account")
    return rows.filter(pk=signal.wallet_id).first() if signal.wallet_id else None


def _ignored(signal: Signal, wallet: Wallet | None) -> tuple[Action, str, str] | None:
    """What is made of a signal that is no trade of a registered wallet; None for one that is."""
    ignored = OutcomeVerdict.IGNORED.value
    if wallet is None:
        return Action.IGNORED_UNTRACKED, ignored, _("Nobody here watches this address.")
    if signal.type != SignalType.SWAP_DETECTED or not signal.action:
        return Action.IGNORED_OTHER, ignored, _("It is no swap: %(kind)s.") % {"kind": signal.get_type_display()}
    if signal.is_removed:
        return Action.IGNORED_REMOVED, ignored, _("The chain took it back.")
    if signal.replaces_id is not None and _was_acted_on(signal):
        return Action.IGNORED_REPEATED, ignored, _("The chain says it anew; it was acted on before.")
    return None


def _was_acted_on(signal: Signal) -> bool:
    same = Signal.objects.filter(
        owner_id=signal.owner_id, transaction_id=signal.transaction_id, wallet_address=signal.wallet_address,
        token_address=signal.token_address, action=signal.action,
    ).exclude(pk=signal.pk)  # fmt: skip
    return SignalOutcome.objects.filter(signal__in=same, verdict=OutcomeVerdict.TRADED).exists()


# ---------------------------------------------------------------- a sale


@transaction.atomic
def _sold(signal: Signal, wallet: Wallet) -> SignalOutcome:
    """Every open copy of the wallet's token that mirrors is on its way out; in whatever mode, paused or not."""
    rows = CopiedPosition.objects.open().filter(wallet=wallet, token__address=signal.token_address)
    copies = list(rows.select_related("managed_position").order_by("id"))
    done = mirroring.source_sold([copy.managed_position for copy in copies])
    checks = [Check("open_copies", Verdict.PASSED if copies else Verdict.FAILED, seen=len(copies), limit=1)]
    for managed, verdict, words in (
        *((each, Verdict.PASSED, "left") for each in done.left),
        *((each, Verdict.PASSED, "canceled") for each in done.canceled),
        *((each, Verdict.SKIPPED, "leaving") for each in done.leaving),
        *((each, Verdict.FAILED, "off") for each in done.staying),
    ):
        checks.append(Check("mirror", verdict, seen=words, limit="on", note=str(managed.public_id)))
    acted = [*done.left, *done.canceled]
    if acted:
        words = _("%(wallet)s sold %(token)s: what was copied goes out.")
        _told(signal, words % {"wallet": wallet, "token": _token_words(signal)}, account_id=acted[0].account_id)
        return _kept(
            signal, wallet, Action.MIRROR_EXIT, OutcomeVerdict.TRADED, "", checks=checks, plan=acted[0].public_id,
            details={"plans": [str(each.public_id) for each in acted]},
        )  # fmt: skip
    if not copies:
        reason = _("Nothing was copied of this token that is still open.")
    elif done.staying:
        reason = _("No open copy of this token mirrors its source.")
    else:
        reason = _("What was copied is on its way out already.")
    return _kept(signal, wallet, Action.IGNORED_SELL, OutcomeVerdict.IGNORED, reason, checks=checks)


# ---------------------------------------------------------------- a purchase


def _looked_up(signal: Signal, wallet: Wallet) -> Seen:
    """The token as its sources have it, and its price; nothing is asked of them for what is not followed or is banned."""
    at = timezone.now()
    if not _is_followed(wallet):
        return Seen(_known_token(signal.token_address), None, at)
    token = tokens.read(signal.token_address, at=at)
    longest = timedelta(minutes=risk.current().max_price_staleness_minutes)
    polled = timedelta(seconds=min(risk.current().price_polling_interval_seconds, longest.total_seconds()))
    price = None if token.is_blacklisted else token_trading.price_of(token, at=at, newer_than=polled)
    return Seen(token, price, timezone.now())


def _known_token(address: str) -> Token:
    return Token.objects.filter(address=address).first() or Token(address=address)


def _is_followed(wallet: Wallet) -> bool:
    return wallet.is_active and wallet.archived_at is None


@transaction.atomic
def _bought(signal: Signal, wallet: Wallet, seen: Seen) -> SignalOutcome:
    counts = copy_settings.counting(copy_settings.locked(wallet.owner_id))
    account = _account_of(wallet)
    open_copies = list(
        CopiedPosition.objects.open()
        .filter(owner=wallet.owner_id, mode=wallet.mode)
        .select_related("managed_position", "token")
    )
    tolerance = risk.current().slippage_tolerance
    found = _size(wallet, account, seen, open_copies, counts.limits, tolerance)
    price = seen.price[0] if seen.price else None
    units = quantity(found.value, price=price, lot=token_trading.lot_of(seen.token)) if found and price else _ZERO
    checks = copy_checks.checks_of(
        Situation(
            wallet_state=_state_of(wallet),
            is_followed=_is_followed(wallet),
            is_live=wallet.mode == WalletMode.LIVE,
            account=account.name if account else "",
            safety=judge(
                facts_of(seen.token, at=seen.at),
                thresholds_of(risk.current()),
                now=seen.at,
                is_live=wallet.mode == WalletMode.LIVE,
            ),
            signal_age=max(seen.at - (signal.occurred_at or signal.received_at), timedelta(0)),
            source_value=signal.value,
            source_price=signal.price,
            price=_price(seen),
            open_here=sum(
                copy.wallet_id == wallet.pk and copy.token.address == signal.token_address for copy in open_copies
            ),
            open_in_all=len(open_copies),
            breaker=str(risk.state_for(account, _strategy_of(wallet)).value) if account else "active",
            size=found,
            quantity=units,
        ),
        counts.rules,
    )
    action = copy_checks.action_of(checks)
    if action is not Action.POSITION_CREATED:
        if action is Action.CIRCUIT_BREAKER_ACTIVE and account is not None:
            risk.blocked(account, strategy=_strategy_of(wallet), note=str(signal), at=seen.at)
        verdict = OutcomeVerdict.IGNORED if action is Action.IGNORED_INACTIVE_WALLET else OutcomeVerdict.REJECTED
        reason = reason_of(copy_checks.stopping(checks))
        return _kept(signal, wallet, action, verdict, reason, checks=checks, details=_details(found, units))
    assert account is not None, "a copy has an account"
    assert price is not None, "a copy has a price"
    assert found is not None, "a copy has a size"
    ordered = _Ordered(account, seen.token, price, units, found, tolerance)
    return _copied(signal, wallet, seen, ordered, checks)


@dataclass(frozen=True, slots=True)
class _Ordered:
    """What is to be ordered; at most `tolerance` above the price."""

    account: Account
    token: Token
    price: Decimal
    quantity: Decimal
    size: Size
    tolerance: Decimal


def _copied(signal: Signal, wallet: Wallet, seen: Seen, ordered: _Ordered, checks: Iterable[Check]) -> SignalOutcome:
    instrument = token_trading.instrument_of(ordered.token)
    assert seen.price is not None, "a copy has a price"
    token_trading.quote(instrument, ordered.price, at=seen.price[1])
    details = _details(ordered.size, ordered.quantity)
    try:
        with transaction.atomic():
            order = _order(signal, wallet, instrument, ordered)
    except DomainError as error:
        return _kept(
            signal, wallet, Action.ORDER_REFUSED, OutcomeVerdict.FAILED, error.message, checks=checks, details=details
        )
    if order.status == Status.REJECTED:
        return _refused(signal, wallet, order, checks, details)
    managed = ManagedPosition.objects.get(entry_order=order)
    CopiedPosition.objects.create(
        owner_id=wallet.owner_id,
        wallet=wallet,
        token=ordered.token,
        signal=signal,
        strategy=wallet.exit_strategy,
        mode=wallet.mode,
        order=order,
        managed_position=managed,
        source_price=_fitting(signal.price),
        intended_price=ordered.price,
        intended_value=ordered.size.value,
    )
    words = _("%(wallet)s bought %(token)s: copied for %(value)s USD.")
    _told(
        signal,
        words % {"wallet": wallet, "token": _token_words(signal), "value": plain(ordered.size.value)},
        account_id=ordered.account.pk,
    )
    return _kept(
        signal, wallet, Action.POSITION_CREATED, OutcomeVerdict.TRADED, "", checks=checks, order=order.public_id,
        plan=managed.public_id, details=details,
    )  # fmt: skip


def _order(signal: Signal, wallet: Wallet, instrument: Instrument, ordered: _Ordered) -> Order:
    """The purchase: at once, no dearer than the tolerance, under the wallet's strategy as it is now."""
    ticket = Ticket(
        side=Side.BUY,
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.IOC,
        quantity=ordered.quantity,
        limit_price=_limit(ordered.price, ordered.tolerance),
        position_intent=PositionIntent.BUY_TO_OPEN,
    )
    intent = Intent(
        client_order_id=f"signal:{signal.public_id.hex}:{wallet.exit_strategy_id}",
        source=OrderSource.BOT,
        strategy=_strategy_of(wallet),
    )
    made = orders.place(
        ordered.account,
        instrument=instrument,
        ticket=ticket,
        intent=intent,
        exit_plan=WantedPlan(wallet.exit_strategy),
    )
    return made.order


def _refused(
    signal: Signal, wallet: Wallet, order: Order, checks: Iterable[Check], details: dict[str, Any]
) -> SignalOutcome:
    """Trading's own checks had something against it: a breaker that came on a moment ago, or anything else."""
    codes = [str(each["code"]) for each in order.reasons]
    is_breaker = any(code.startswith("breaker_") for code in codes)
    action = Action.CIRCUIT_BREAKER_ACTIVE if is_breaker else Action.ORDER_REFUSED
    reason = " ".join(each.said(_) for each in orders.reasons_of(order)) or _("The order was refused.")
    verdict = OutcomeVerdict.REJECTED if is_breaker else OutcomeVerdict.FAILED
    return _kept(
        signal, wallet, action, verdict, reason, checks=checks, order=order.public_id,
        details={**details, "codes": codes},
    )  # fmt: skip


# ---------------------------------------------------------------- what it is judged by


def facts_of(token: Token, *, at: datetime) -> TokenFacts:
    """What is known of the token, as its safety is judged by."""
    age = token.age(at=at)
    hours = None if age is None else Decimal(int(age.total_seconds())) / 3600
    return TokenFacts(
        liquidity=Fact(token.liquidity, token.liquidity_source, token.liquidity_at),
        top_holders=Fact(token.top_holders, token.top_holders_source, token.top_holders_at),
        contract=Fact(token.contract_score, token.contract_source, token.contract_at),
        age_hours=Fact(hours, token.born_source, token.born_read_at),
        is_blacklisted=token.is_blacklisted,
        blacklist_reason=token.blacklist_reason,
    )


def thresholds_of(config: Any) -> Thresholds:
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


def exposure_of(copies: Iterable[CopiedPosition], *, wallet_id: int, token_address: str) -> Exposure:
    """What these open copies hold and wait for, at cost: in all, of the wallet, of the token."""
    rows = list(copies)
    under_way: dict[int, Decimal] = {}
    exits = PlanExit.objects.filter(managed_position__in=[copy.managed_position_id for copy in rows], ended_at=None)
    for each in exits:
        left = each.quantity - each.filled_quantity
        under_way[each.managed_position_id] = under_way.get(each.managed_position_id, _ZERO) + left
    found = Exposure()
    for copy in rows:
        cost = _cost(copy, under_way.get(copy.managed_position_id, _ZERO))
        found = Exposure(
            total=found.total + cost,
            wallet=found.wallet + (cost if copy.wallet_id == wallet_id else _ZERO),
            token=found.token + (cost if copy.token.address == token_address else _ZERO),
        )
    return found


def _cost(copy: CopiedPosition, under_way: Decimal) -> Decimal:
    managed = copy.managed_position
    held = managed.entry_price * (managed.remaining + under_way) * managed.multiplier
    # An entry that may still fill is counted as it was meant.
    return held if managed.is_entered else max(held, copy.intended_value)


def _size(
    wallet: Wallet,
    account: Account | None,
    seen: Seen,
    copies: list[CopiedPosition],
    limits: Any,
    tolerance: Decimal,
) -> Size | None:
    if account is None:
        return None
    used = exposure_of(copies, wallet_id=wallet.pk, token_address=seen.token.address)
    # An order sets aside what its limit may cost, not what the price is now.
    free = _free(account) / (_ONE + tolerance)
    return size(limits, stop_loss=wallet.exit_strategy.stop_loss, exposure=used, free=free)


def _free(account: Account) -> Decimal:
    row = Portfolio.objects.filter(account=account, currency=token_trading.CURRENCY).first()
    return row.available_balance - row.owed_balance if row else _ZERO


def _account_of(wallet: Wallet) -> Account | None:
    return wallet.live_account if wallet.mode == WalletMode.LIVE else wallet.simulation_account


def _state_of(wallet: Wallet) -> str:
    return "archived" if wallet.archived_at else "active" if wallet.is_active else "paused"


def _strategy_of(wallet: Wallet) -> str:
    """The name under which orders of this wallet are counted, and a breaker can be set for them."""
    return str(wallet)[:60]


def _price(seen: Seen) -> Price:
    longest = timedelta(minutes=risk.current().max_price_staleness_minutes)
    if seen.price is None:
        return Price(None, token_trading.SOURCE, None, longest)
    value, said_at = seen.price
    return Price(value, token_trading.SOURCE, max(seen.at - said_at, timedelta(0)), longest)


def _limit(price: Decimal, tolerance: Decimal) -> Decimal:
    return (price * (_ONE + tolerance)).quantize(token_trading.PRICE_STEP)


def _fitting(price: Decimal | None) -> Decimal | None:
    """The price in the desk's decimals; None for one that they cannot hold."""
    return None if price is None or price >= Decimal(10) ** 15 else price.quantize(token_trading.PRICE_STEP)


# ---------------------------------------------------------------- what is kept


def _details(found: Size | None, units: Decimal) -> dict[str, Any]:
    if found is None:
        return {}
    return {
        "size": {
            "wanted": plain(found.wanted),
            "value": plain(found.value),
            "loss_at_stop": plain(found.loss),
            "bound_by": found.bound_by,
            "quantity": plain(units),
            "caps": {cap.name: None if cap.most is None else plain(cap.most) for cap in found.caps},
        }
    }


@transaction.atomic
def _kept(
    signal: Signal,
    wallet: Wallet | None,
    action: Action,
    verdict: str,
    reason: str,
    *,
    checks: Iterable[Check] = (),
    order: Any = None,
    plan: Any = None,
    details: dict[str, Any] | None = None,
) -> SignalOutcome:
    outcome = SignalOutcome.objects.create(
        owner_id=signal.owner_id,
        signal=signal,
        attempt=1,
        verdict=verdict,
        action_taken=action.value,
        reason=reason[:1000],
        mode=wallet.mode if wallet else "",
        strategy_id=wallet.exit_strategy_id if wallet else None,
        order_id=order,
        plan_id=plan,
        decided_at=timezone.now(),
        details=details or {},
    )
    SignalCheck.objects.bulk_create(
        SignalCheck(
            outcome=outcome,
            position=place,
            name=check.name,
            seen=said(check.seen)[:200],
            limit=said(check.limit)[:200],
            source=check.source[:60],
            age=check.age,
            verdict=check.verdict.value,
            note=check.note[:500],
        )
        for place, check in enumerate(checks)
    )
    if signal.owner_id is not None:
        versions.bump(signal.owner_id)
    return outcome


def _told(signal: Signal, words: str, *, account_id: int) -> None:
    assert signal.owner_id is not None, "what is acted on is somebody's"
    link = f"/signals/{signal.public_id}/"
    activity.noted(signal.owner_id, ActivityKind.TRADE, words, link=link, account_id=account_id)


def _token_words(signal: Signal) -> str:
    return str(_known_token(signal.token_address))
