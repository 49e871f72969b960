"""What the pages of the desk show of orders and of what an order on its way to being one would do."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from django.utils.translation import gettext as _

from accounts.models import Account, Portfolio
from trading import orders
from trading.models import Instrument, Order, OrderEvent, Quote, Trade, TradeFill
from trading.open_positions import slippage
from trading.order_forms import TicketForm, field_of
from trading.order_rules.amounts import product
from trading.order_rules.reservations import Hold
from trading.order_rules.statuses import Outcome
from trading.order_tickets import is_fresh


@dataclass(frozen=True, slots=True)
class OrderLine:
    """An order in a list, and how old it is."""

    order: Order
    age: timedelta

    @property
    def token(self) -> str:
        """Names the order as it is shown, for acts on several: what has moved on since is left alone."""
        return f"{self.order.public_id}:{self.order.version}"


def lines_of(rows: Iterable[Order], *, now: datetime) -> list[OrderLine]:
    """The orders as a list shows them."""
    return [OrderLine(order, max(timedelta(0), now - order.created_at)) for order in rows]


@dataclass(frozen=True, slots=True)
class EventLine:
    """One event of an order's life. `actor` is "you", "operator" or "" for the system; `trade` is what it made."""

    event: OrderEvent
    actor: str
    trade: Trade | None
    is_new: bool

    @property
    def is_ignored(self) -> bool:
        """Whether it changed nothing."""
        return self.event.outcome == Outcome.IGNORED


def timeline_of(order: Order, *, seen: int | None = None) -> list[EventLine]:
    """Everything that happened to the order, the first first; new is what came after the event `seen`."""
    events = list(order.events.order_by("id"))
    made = [event.execution_id for event in events if event.execution_id]
    parts = TradeFill.objects.filter(execution__in=made).select_related("trade").order_by("id") if made else []
    trades = {part.execution_id: part.trade for part in parts}
    return [
        EventLine(
            event=event,
            actor="" if event.actor_id is None else "you" if event.actor_id == order.owner_id else "operator",
            trade=trades.get(event.execution_id) if event.execution_id else None,
            is_new=seen is not None and event.pk > seen,
        )
        for event in events
    ]


def family_of(order: Order) -> tuple[list[Order], list[Order]]:
    """The orders that belong to it, parent first, and all that stand in its chain, the first first."""
    rows = Order.objects.select_related("account", "instrument")
    first = order.parent_id or order.pk
    kin = [*rows.filter(pk=first), *rows.filter(parent_id=first).order_by("id")]
    chain = list(rows.filter(chain_id=order.chain_id).order_by("id"))
    return (kin if len(kin) > 1 else []), (chain if len(chain) > 1 else [])


@dataclass(frozen=True, slots=True)
class Slipped:
    """How much worse the fills were than the reference; above zero is worse. `money` is for all that was filled."""

    per_unit: Decimal
    money: Decimal


def slipped(order: Order) -> Slipped | None:
    """The order's slippage; None without a fill or without a price to compare with."""
    found = slippage(is_buy=order.side == "buy", filled=order.filled_average_price, reference=order.reference_price)
    if found is None:
        return None
    return Slipped(found, product(found, order.filled_quantity, order.instrument.multiplier))


# --- the ticket --------------------------------------------------------------------------------------


@dataclass(slots=True)
class Check:
    """What would become of a ticket as it is filled in now.

    `errors` holds what is wrong by the name of its field, `general` what is about the order as a whole, `missing`
    the labels of what is still to be filled in.
    """

    errors: dict[str, list[str]] = field(default_factory=dict)
    general: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    instrument: Instrument | None = None
    quote: Quote | None = None
    is_quote_fresh: bool = False
    quote_age: timedelta | None = None
    available: Decimal | None = None
    hold: Hold | None = None
    left: Decimal | None = None
    value: Decimal | None = None
    is_allowed: bool = False


def check(form: TicketForm, *, now: datetime) -> Check:
    """The form, as far as it is filled in, held against its account and the market; nothing is stored.

    What was left empty is no mistake while one types: it is told as missing.
    """
    found = Check()
    if form.is_valid():
        answer = orders.preview(form.request())
        found.hold, found.left, found.value = answer.hold, answer.left, answer.value
        found.is_allowed = not answer.reasons
        for reason in answer.reasons:
            _put(found, form, field_of(reason.pointer, form.fields), reason.said(_))
    else:
        for name, messages in form.errors.items():
            for message in messages:
                _put(found, form, name, str(message))
    account, instrument = form.cleaned_data.get("account"), form.cleaned_data.get("symbol")
    if instrument is not None:
        _look(found, instrument, now=now)
    if account is not None and instrument is not None:
        found.available = available(account, instrument.currency)
    return found


def _put(found: Check, form: TicketForm, name: str | None, words: str) -> None:
    if name is None or name not in form.fields or name == "client_order_id":
        found.general.append(words)
    elif form.is_typed(name):
        found.errors.setdefault(name, []).append(words)
    else:
        label = str(form.fields[name].label)
        if label not in found.missing:
            found.missing.append(label)


def _look(found: Check, instrument: Instrument, *, now: datetime) -> None:
    quote = Quote.objects.filter(instrument=instrument).first()
    found.instrument, found.quote = instrument, quote
    if quote is not None:
        found.is_quote_fresh = is_fresh(quote, now=now)
        found.quote_age = max(timedelta(0), now - quote.quoted_at)


def available(account: Account, currency: str) -> Decimal:
    """The money that the account can set aside in this currency."""
    portfolio = Portfolio.objects.filter(account=account, currency=currency).first()
    return portfolio.available_balance - portfolio.owed_balance if portfolio else Decimal(0)
