"""Exit plans that an order carries: they wait for its first fill, follow its fills, and end with it where none came.

Every verb here is called by one of `trading.orders`, in its transaction, with the account locked: so a fill and a
cancellation, or two fills, come one after the other.

Source: docs/exits.md#plans-of-orders
"""

from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any

from django.db.models import F, Q, Sum
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from accounts.decimals import plain
from trading import exit_plans, initial_levels
from trading.errors import OrderRefused, PlanImpossible
from trading.exits.plans import ExitPlan, PlanRefused, PlanRule, Problem
from trading.exits.snapshots import SnapshotRefused, overridden, restored, snapshot
from trading.models import ClosedReason, ManagedPosition, Order, PlanStatus, Position, TradeSide
from trading.models.order import ENDS
from trading.order_progress import Step
from trading.order_rows import Request, WantedPlan
from trading.order_rules.pretrade import Effect, effect
from trading.order_rules.statuses import Status
from trading.order_rules.validity import Violation
from trading.order_rules.vocabulary import OrderClass, Purpose, Side
from trading.plan_words import below, refusal

_ZERO = Decimal(0)
_STEP = Decimal("1e-12")
_WIDE = Context(prec=100, rounding=ROUND_HALF_EVEN)


def resolved(request: Request, *, position: Decimal) -> ExitPlan | None:
    """The whole plan that the order would carry, None where it carries none.

    Raises: PlanInvalid, PlanImpossible for an archived strategy, OrderRefused for an order that enters nothing.
    """
    wanted = request.exit_plan
    if wanted is None:
        return None
    against = []
    if request.intent.purpose is not Purpose.ENTRY or effect(request.ticket, position) is Effect.CLOSES:
        against.append(
            Violation("plan_needs_entry", "/exit_plan", gettext_noop("Only an order that enters carries an exit plan."))
        )
    if request.ticket.order_class is not OrderClass.SIMPLE:
        against.append(
            Violation(
                "plan_beside_exits", "/exit_plan", gettext_noop("An order brings exits of its own or a plan, not both.")
            )
        )
    if against:
        raise OrderRefused(against)
    return _plan_of(wanted)


def _plan_of(wanted: WantedPlan) -> ExitPlan:
    strategy = wanted.strategy
    if strategy is not None and strategy.archived_at is not None:
        raise PlanImpossible(
            _("The strategy is archived: restore it first."), pointer="/exit_plan/strategy", code="archived"
        )
    said = wanted.plan or (strategy.plan if strategy is not None else None)
    if said is None:
        raise PlanImpossible(_("Choose a plan."), pointer="/exit_plan/strategy", code="plan_missing")
    try:
        plan = overridden(said, wanted.overrides)
        if plan.exit_at is not None and plan.exit_at <= timezone.now():
            raise PlanRefused((Problem(PlanRule.EXIT_AT_PASSED, "exit_at", "passed"),))
    except (PlanRefused, SnapshotRefused) as error:
        raise below(refusal(error), "/exit_plan/overrides") from error
    return plan


def wait_for(order: Order, *, wanted: WantedPlan, plan: ExitPlan) -> ManagedPosition:
    """The plan waits for the order's first fill, written down in full as it is now."""
    instrument, written = order.instrument, snapshot(plan)
    made = ManagedPosition.objects.create(
        owner_id=order.owner_id,
        account_id=order.account_id,
        instrument=instrument,
        strategy=wanted.strategy,
        entry_order=order,
        is_entered=False,
        side=TradeSide.LONG if order.side == Side.BUY else TradeSide.SHORT,
        entry_price=_ZERO,
        entry_quantity=_ZERO,
        entered_at=order.submitted_at or timezone.now(),
        quantity_step=instrument.lot_size,
        price_step=instrument.tick_size,
        may_be_negative=instrument.min_price is not None and instrument.min_price <= 0,
        multiplier=instrument.multiplier,
        currency=instrument.currency,
        plan_snapshot=written,
        plan_now=written,
        remaining=_ZERO,
        best=_ZERO,
        taken=[_ZERO] * len(plan.levels),
        changed_at=order.submitted_at or timezone.now(),
        status=PlanStatus.PENDING,
    )
    exit_plans.audited("exit_plan.wait", made, after={"plan": written, "order": str(order.public_id)})
    return made


def moved(order: Order, *, to: Order) -> None:
    """What waited for an order waits for the one that took its place."""
    waiting = ManagedPosition.objects.filter(entry_order=order, is_entered=False, closed_at=None)
    waiting.update(entry_order=to, version=F("version") + 1)


def follow(step: Step) -> None:
    """The plan of the order holds what was filled so far, at its average; it has ended where the order filled nothing.

    A fill that comes after the end of its order is under a plan of its own, as the order's was.
    """
    order = step.order
    if not order.has_exit_plan or (not step.fills and step.before.status is step.after.status):
        return
    plans = list(
        ManagedPosition.objects.select_for_update(of=("self",), no_key=True)
        .select_related("instrument")
        .filter(entry_order__chain_id=order.chain_id)
        .order_by("id")
    )
    if not plans:
        return
    waiting = next((each for each in plans if not each.is_entered), None)
    executed, average = _executed(order)
    new = executed - sum((each.entry_quantity for each in plans), _ZERO)
    new = min(new, _held(plans[0]))
    if new > 0 and average is not None:
        at = min((fill.at for fill in step.fills), default=order.last_event_at or timezone.now())
        if waiting is not None:
            before = initial_levels.of_plan(waiting)
            _grow(waiting, new, average, at=at)
            initial_levels.say(order, initial_levels.of_plan(waiting), instead_of=before)
        elif plans[-1].reason != ClosedReason.LET_GO:
            _late(plans[-1], new, step)
    if waiting is not None and order.status in ENDS and order.status != Status.REPLACED:
        _entered(waiting, at=timezone.now())


def _executed(order: Order) -> tuple[Decimal, Decimal | None]:
    """Units and average price of all fills of the order and those whose place it took."""
    units = F("filled_quantity") + F("overfill_quantity")
    chain = Order.objects.filter(chain_id=order.chain_id, filled_average_price__isnull=False)
    if order.replaces_id is None and order.status != Status.REPLACED:
        return order.filled_quantity + order.overfill_quantity, order.filled_average_price
    sums = chain.aggregate(units=Sum(units), points=Sum(units * F("filled_average_price")))
    if not sums["units"]:
        return _ZERO, None
    return sums["units"], _WIDE.quantize(_WIDE.divide(sums["points"], sums["units"]), _STEP)


def _held(managed: ManagedPosition) -> Decimal:
    """Units of the position on the plan's side: an order that met the other side got out of that first."""
    held = Position.objects.filter(account=managed.account_id, instrument=managed.instrument_id)
    quantity = held.values_list("quantity", flat=True).first() or _ZERO
    return abs(quantity) if (quantity > 0) is managed.is_long else _ZERO


def _grow(managed: ManagedPosition, new: Decimal, average: Decimal, *, at: Any) -> None:
    is_first = not managed.entry_quantity
    # The best price begins as that of the entry, and moves with it until the market has made a better one.
    is_untouched = is_first or managed.best == managed.entry_price
    best = max if managed.is_long else min
    fields: dict[str, Any] = {
        "entry_price": average,
        "entry_quantity": managed.entry_quantity + new,
        "remaining": managed.remaining + new,
        "best": average if is_untouched else best(managed.best, average),
        "status": exit_plans.status_of(remaining=managed.remaining + new, reason="", problem=managed.problem),
    }
    if is_first:
        fields |= {"entered_at": at, "changed_at": at}
    exit_plans.write(managed, **fields)
    exit_plans.audited("exit_plan.enter", managed, after={"quantity": fields["entry_quantity"], "price": average})
    if is_first:
        words = _("%(symbol)s: %(quantity)s units are under an exit plan.")
        exit_plans.noted(managed, words % {"symbol": managed.instrument.symbol, "quantity": plain(new)})


def _entered(managed: ManagedPosition, *, at: Any) -> None:
    if managed.entry_quantity:
        exit_plans.write(managed, is_entered=True)
        exit_plans.close_if_done(managed, at=at)
        return
    exit_plans.write(
        managed, is_entered=True, status=PlanStatus.CLOSED, closed_at=at, reason=ClosedReason.CANCELED, problem=""
    )
    exit_plans.audited("exit_plan.cancel", managed)
    words = _("%(symbol)s: its exit plan has ended, as the entry was not filled.")
    exit_plans.noted(managed, words % {"symbol": managed.instrument.symbol})


def _late(like: ManagedPosition, new: Decimal, step: Step) -> None:
    late = step.fills
    units = sum((fill.quantity for fill in late), _ZERO)
    if not units:
        return
    price = _WIDE.quantize(_WIDE.divide(sum((fill.quantity * fill.price for fill in late), _ZERO), units), _STEP)
    made = wait_for(step.order, wanted=WantedPlan(like.strategy), plan=restored(like.plan_now))
    made.instrument = like.instrument
    _grow(made, min(new, units), price, at=min(fill.at for fill in late))
    exit_plans.write(made, is_entered=True)
    initial_levels.say(step.order, initial_levels.of_plan(made), instead_of=initial_levels.NOTHING)


def to_abandon() -> Iterable[Order]:
    """Entry orders that still wait although the plan that they carry is on its way out."""
    leaving = ManagedPosition.objects.filter(is_entered=False, closed_at=None).filter(
        ~Q(decided="") | Q(reason="manual")
    )
    return Order.objects.filter(pk__in=leaving.values("entry_order")).exclude(status__in=ENDS).order_by("id")
