"""What is made of a signal: a purchase is copied or not, a sale gets out of what was copied, and why is kept.

A token is looked up and priced before the transaction; inside of it a person's purchases are judged one at a time, and
order, plan, outcome and checks are there together or not at all. A signal is processed once: its outcome is unique, and
so is the copy of a signal and strategy.

Source: docs/copying.md
"""

import logging
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts import activity
from accounts.decimals import plain
from accounts.errors import DomainError
from accounts.models import ActivityKind
from intelligence import copy_checks, copy_settings, copy_situation, signal_outcomes, token_trading
from intelligence.check_words import reason_of
from intelligence.copy_checks import Action, Check
from intelligence.copy_situation import Judged, Seen
from intelligence.models import (
    CopiedPosition,
    OutcomeVerdict,
    Signal,
    SignalAction,
    SignalOutcome,
    SignalRetry,
    SignalType,
    Wallet,
)
from intelligence.signal_outcomes import Made, keep, put_off, size_details
from intelligence.token_safety import Verdict
from trading import mirroring, orders, risk
from trading.models import Instrument, ManagedPosition, Order, OrderSource
from trading.order_rows import Intent, WantedPlan
from trading.order_rules.statuses import Status
from trading.order_rules.ticket import Ticket
from trading.order_rules.vocabulary import OrderType, PositionIntent, Side, TimeInForce

logger = logging.getLogger(__name__)


def process(signal: Signal) -> SignalOutcome:
    """The signal has its outcome, with every check behind it: made by this call, or by whoever came first.

    A purchase that is copied has an order with its plan, which the caller lets meet the market (`paper.match`); a sale
    has its exits decided, whose orders the monitor or `exit_orders.submit_exits` places.
    """
    made = signal_outcomes.of(signal)
    if made is not None:
        return made
    wallet = _wallet_of(signal)
    try:
        if wallet is None:
            nobodys = Made(Action.IGNORED_UNTRACKED, OutcomeVerdict.IGNORED, _("Nobody here watches this address."))
            return keep(signal, None, nobodys)
        ignored = _ignored(signal)
        if ignored is not None:
            return keep(signal, wallet, ignored)
        if signal.action == SignalAction.SELL:
            return _sold(signal, wallet)
        return _bought(signal, wallet, copy_situation.look_up(signal, wallet))
    except IntegrityError:
        # Somebody else was first: their outcome, order and plan stand, and nothing of this call does.
        made = signal_outcomes.of(signal)
        if made is None:
            raise
        return made


def failed(signal: Signal, error: Exception) -> SignalOutcome | None:
    """The signal could not be processed, and those behind it are not kept waiting.

    For a purchase that is its outcome. A sale has none yet: each copy that can get out by itself does so now, and the
    sale is tried again after a while, for as long as it takes.
    """
    made, wallet = signal_outcomes.of(signal), _wallet_of(signal)
    if made is not None:
        return made
    # No text column takes a NUL, and this has to be stored whatever it says.
    words = f"{type(error).__name__}: {error}".replace("\0", "")
    if signal.action != SignalAction.SELL or wallet is None:
        return keep(signal, wallet, Made(Action.ERROR, OutcomeVerdict.FAILED, words))
    retry = put_off(signal, words)
    _leave_one_by_one(signal, wallet, retry)
    if retry.attempts == 1:
        told = _("%(wallet)s sold %(token)s, and getting out failed: it is tried again. %(error)s")
        told %= {"wallet": wallet, "token": signal.token_address, "error": words}
        _told(signal, told, kind=ActivityKind.ERROR)
    return None


def _wallet_of(signal: Signal) -> Wallet | None:
    rows = Wallet.objects.select_related("exit_strategy", "simulation_account", "live_account")
    return rows.filter(pk=signal.wallet_id).first() if signal.wallet_id else None


def _ignored(signal: Signal) -> Made | None:
    """What is made of a signal that is no trade to act on; None for one that is."""
    ignored = OutcomeVerdict.IGNORED
    if signal.type != SignalType.SWAP_DETECTED or not signal.action:
        words = _("It is no swap: %(kind)s.") % {"kind": signal.get_type_display()}
        return Made(Action.IGNORED_OTHER, ignored, words)
    if signal.is_removed:
        return Made(Action.IGNORED_REMOVED, ignored, _("The chain took it back."))
    if signal.replaces_id is not None and _was_acted_on(signal):
        return Made(Action.IGNORED_REPEATED, ignored, _("The chain says it anew; it was acted on before."))
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
    """Every open copy of the wallet's token that mirrors is on its way out; in whatever mode, paused or not.

    A sale that is heard of late gets out of nothing that the wallet bought after it. It takes turns with purchases of
    the same person: what is being bought is there to be left, or finds that this sale came after it.
    """
    copy_settings.locked(wallet.owner_id)
    retry = signal_outcomes.retry_of(signal)
    before: list[str] = retry.plans if retry else []
    found = _open_copies(signal, wallet)
    copies = [copy for copy in found if not signal.is_before(copy.signal)]
    done = mirroring.source_sold([copy.managed_position for copy in copies])
    checks = [Check("open_copies", Verdict.PASSED if copies else Verdict.FAILED, seen=len(copies), limit=1)]
    for plans, verdict, words in (
        (done.left, Verdict.PASSED, "left"),
        (done.canceled, Verdict.PASSED, "canceled"),
        (done.leaving, Verdict.SKIPPED, "leaving"),
        (done.staying, Verdict.FAILED, "off"),
    ):
        checks += [Check("mirror", verdict, seen=words, limit="on", note=str(each.public_id)) for each in plans]
    checks += [Check("mirror", Verdict.SKIPPED, seen="later", limit="on") for copy in found if copy not in copies]
    acted = [*done.left, *done.canceled]
    gone = [*before, *(str(each.public_id) for each in acted)]
    attempt = retry.attempts + 1 if retry else 1
    if not gone:
        reason = _("Nothing was copied of this token that is still open.")
        if copies:
            reason = _("What was copied is on its way out already.")
        if done.staying:
            reason = _("No open copy of this token mirrors its source.")
        made = Made(Action.IGNORED_SELL, OutcomeVerdict.IGNORED, reason, checks, attempt=attempt)
        return keep(signal, wallet, made)
    words = _("%(wallet)s sold %(token)s: what was copied goes out.")
    account_id = acted[0].account_id if acted else None
    _told(signal, words % {"wallet": wallet, "token": _token_words(signal)}, account_id=account_id)
    made = Made(
        Action.MIRROR_EXIT, OutcomeVerdict.TRADED, checks=checks, plan=UUID(gone[0]), details={"plans": gone},
        attempt=attempt,
    )  # fmt: skip
    return keep(signal, wallet, made)


def _open_copies(signal: Signal, wallet: Wallet) -> list[CopiedPosition]:
    rows = CopiedPosition.objects.open().filter(wallet=wallet, token__address=signal.token_address)
    return list(rows.select_related("managed_position", "signal").defer("signal__payload").order_by("id"))


def _leave_one_by_one(signal: Signal, wallet: Wallet, retry: SignalRetry) -> None:
    """What keeps one copy from getting out keeps no other: each does so in a transaction of its own.

    The plans that did are in the retry by the same transactions, so that the outcome will name them.
    """
    for copy in _open_copies(signal, wallet):
        if signal.is_before(copy.signal):
            continue
        try:
            with transaction.atomic():
                copy_settings.locked(wallet.owner_id)
                done = mirroring.source_sold([copy.managed_position])
                left = [*retry.plans, *(str(each.public_id) for each in (*done.left, *done.canceled))]
                SignalRetry.objects.filter(pk=retry.pk).update(plans=left)
        except Exception:
            logger.exception("the copy %s could not get out", copy.public_id)
            continue
        retry.plans = left


# ---------------------------------------------------------------- a purchase


@transaction.atomic
def _bought(signal: Signal, wallet: Wallet, seen: Seen) -> SignalOutcome:
    counts = copy_settings.counting(copy_settings.locked(wallet.owner_id))
    judged = copy_situation.judged(signal, wallet, seen, rules=counts.rules, limits=counts.limits)
    action = copy_checks.action_of(judged.checks)
    if action is Action.POSITION_CREATED:
        return keep(signal, wallet, _copied(signal, wallet, seen, judged))
    if action is Action.CIRCUIT_BREAKER_ACTIVE and judged.account is not None:
        strategy = copy_situation.strategy_name(wallet)
        risk.blocked(judged.account, strategy=strategy, note=f"signal {signal.public_id}", at=seen.at)
    is_ignored = action is Action.IGNORED_INACTIVE_WALLET
    verdict = OutcomeVerdict.IGNORED if is_ignored else OutcomeVerdict.REJECTED
    reason = reason_of(copy_checks.stopping(judged.checks))
    details = size_details(judged.size, judged.quantity)
    return keep(signal, wallet, Made(action, verdict, reason, judged.checks, details=details))


def _copied(signal: Signal, wallet: Wallet, seen: Seen, judged: Judged) -> Made:
    """The purchase was ordered with its plan; or the desk refused it, for reasons of its own."""
    assert judged.account is not None, "a copy has an account"
    assert seen.price is not None, "a copy has a price"
    assert judged.size is not None, "a copy has a size"
    price, said_at = seen.price
    instrument = token_trading.instrument_of(seen.token)
    token_trading.quote(instrument, price, at=said_at)
    details = size_details(judged.size, judged.quantity)
    try:
        with transaction.atomic():
            order = _order(signal, wallet, instrument, judged)
    except DomainError as error:
        return Made(Action.ORDER_REFUSED, OutcomeVerdict.FAILED, error.message, judged.checks, details=details)
    if order.status == Status.REJECTED:
        return _refused(order, judged)
    managed = ManagedPosition.objects.get(entry_order=order)
    CopiedPosition.objects.create(
        owner_id=wallet.owner_id,
        wallet=wallet,
        token=seen.token,
        signal=signal,
        strategy=wallet.exit_strategy,
        mode=wallet.mode,
        order=order,
        managed_position=managed,
        source_price=copy_situation.fitting(signal.price),
        intended_price=price,
        intended_value=judged.size.value,
    )
    words = _("%(wallet)s bought %(token)s: copied for %(value)s USD.")
    told = {"wallet": wallet, "token": _token_words(signal), "value": plain(judged.size.value)}
    _told(signal, words % told, account_id=judged.account.pk)
    return Made(
        Action.POSITION_CREATED,
        OutcomeVerdict.TRADED,
        checks=judged.checks,
        order=order.public_id,
        plan=managed.public_id,
        details=details,
    )


def _order(signal: Signal, wallet: Wallet, instrument: Instrument, judged: Judged) -> Order:
    """The purchase: at once, no dearer than the tolerance, under the wallet's strategy as it is now."""
    assert judged.account is not None, "a copy has an account"
    assert judged.price is not None, "a copy has a price"
    ticket = Ticket(
        side=Side.BUY,
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.IOC,
        quantity=judged.quantity,
        limit_price=copy_situation.limit_price(judged.price),
        position_intent=PositionIntent.BUY_TO_OPEN,
    )
    intent = Intent(
        client_order_id=f"signal:{signal.public_id.hex}:{wallet.exit_strategy_id}",
        source=OrderSource.BOT,
        strategy=copy_situation.strategy_name(wallet),
    )
    plan = WantedPlan(wallet.exit_strategy)
    return orders.place(
        judged.account, instrument=instrument, ticket=ticket, intent=intent, exit_plan=plan
    ).order  # fmt: skip


def _refused(order: Order, judged: Judged) -> Made:
    """Trading's own checks had something against it: a breaker that came on a moment ago, or anything else."""
    codes = [str(each["code"]) for each in order.reasons]
    is_breaker = any(code.startswith("breaker_") for code in codes)
    return Made(
        Action.CIRCUIT_BREAKER_ACTIVE if is_breaker else Action.ORDER_REFUSED,
        OutcomeVerdict.REJECTED if is_breaker else OutcomeVerdict.FAILED,
        " ".join(each.said(_) for each in orders.reasons_of(order)) or _("The order was refused."),
        judged.checks,
        order=order.public_id,
        details={**size_details(judged.size, judged.quantity), "codes": codes},
    )


def _told(
    signal: Signal, words: str, *, account_id: int | None = None, kind: ActivityKind = ActivityKind.TRADE
) -> None:
    assert signal.owner_id is not None, "what is acted on is somebody's"
    link = f"/signals/{signal.public_id}/"
    activity.noted(signal.owner_id, kind, words, link=link, account_id=account_id)


def _token_words(signal: Signal) -> str:
    return str(copy_situation.known_token(signal.token_address))
