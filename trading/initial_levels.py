"""Initial stop and target of trades whose opening order brought them along, with exits of its own or under a plan.

So what a trade risked is known without anybody's typing it in a second time; what a person said of a trade stands.

Source: docs/metrics.md#initial-risk
"""

from decimal import ROUND_HALF_EVEN, Context, Decimal

from accounts.fields import LARGEST_PRICE
from trading import trades
from trading.exits.lines import level_line, stop_line
from trading.models import ExecutionSource, ManagedPosition, Order, Position
from trading.order_progress import Step
from trading.order_rules.vocabulary import OrderClass
from trading.trades import Plan

#: What a trade says of which nobody said anything.
NOTHING = Plan()
_ENTRIES = frozenset({OrderClass.BRACKET, OrderClass.OTO})
_STEP = Decimal("1e-12")
_WIDE = Context(prec=100, rounding=ROUND_HALF_EVEN)


def follow(step: Step) -> None:
    """The trade that the order's first fill opened has the stop and the target of the exits that the order brings."""
    order = step.order
    if order.order_class not in _ENTRIES or not step.fills or step.before.fills:
        return
    say(order, Plan(order.stop_loss_stop, order.take_profit_limit), instead_of=NOTHING)


def of_plan(managed: ManagedPosition) -> Plan:
    """The stop of the plan as it is now, and its target where one level takes everything; nothing before a fill."""
    if not managed.entry_quantity:
        return NOTHING
    plan, entry = managed.plan, managed.entry
    only = plan.levels[0] if plan.is_scaling and len(plan.levels) == 1 else None
    return Plan(_stored(stop_line(plan, entry)), _stored(level_line(entry, only) if only else None))


def say(order: Order, levels: Plan, *, instead_of: Plan) -> None:
    """The trade that the order opened says these levels where it says `instead_of` so far, and else what it says.

    A trade that another order or a file opened began with another risk, and is left alone. The account is locked.
    """
    held = Position.objects.filter(account=order.account_id, instrument=order.instrument_id)
    position = held.select_related("trade__opening_execution").first()
    if position is None or levels == instead_of:
        return
    trade = position.trade
    if Plan(trade.initial_stop, trade.initial_target) != instead_of:
        return
    opening = trade.opening_execution
    if opening.source != ExecutionSource.ORDER or not _is_of(order, opening.order_id):
        return
    trades.annotate(trade, plan=levels)


def _is_of(order: Order, public_id: str) -> bool:
    """Whether that is the order, or one whose place it took."""
    if str(order.public_id) == public_id:
        return True
    if order.replaces_id is None:
        return False
    return Order.objects.filter(chain_id=order.chain_id, public_id=public_id).exists()


def _stored(price: Decimal | None) -> Decimal | None:
    """The price as a trade stores it; None where it cannot."""
    if price is None or price.copy_abs() > LARGEST_PRICE:
        return None
    return _WIDE.quantize(price, _STEP)
