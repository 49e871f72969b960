"""What the checks before trading have to know of an account, read while it is locked."""

from datetime import datetime
from decimal import Decimal

from django.db.models import Sum

from accounts.models import Account, AccountStatus, Client, ClientStatus, Portfolio
from trading.models import Instrument, InstrumentKind, Order, Position, Quote
from trading.order_rules import pretrade
from trading.order_rules.pretrade import Limits, RiskState, Terms
from trading.order_rules.reservations import Held
from trading.order_rules.ticket import Ticket
from trading.order_tickets import is_fresh

_ZERO = Decimal(0)
_MARGINED = frozenset({InstrumentKind.FUTURE, InstrumentKind.CFD})


def account_of(
    account: Account, portfolio: Portfolio, instrument: Instrument, *, risk: RiskState, limits: Limits
) -> pretrade.Account:
    """The account as it stands now that it is locked."""
    position = _held(account, instrument)
    client = Client.objects.filter(user_id=account.owner_id).values_list("status", flat=True).first()
    return pretrade.Account(
        available=portfolio.available_balance - portfolio.owed_balance,
        position=position,
        closable=max(_ZERO, abs(position) - _promised(account, instrument, position)),
        underlying=_underlying(account, instrument),
        client_is_active=client in (None, ClientStatus.PENDING, ClientStatus.ACTIVE),
        account_is_active=account.status == AccountStatus.ACTIVE and account.archived_at is None,
        allows_short=account.allows_short,
        risk=risk,
        limits=limits,
    )


def _held(account: Account, instrument: Instrument) -> Decimal:
    held = Position.objects.filter(account=account, instrument=instrument).values_list("quantity", flat=True).first()
    return held or _ZERO


def _promised(account: Account, instrument: Instrument, position: Decimal) -> Decimal:
    """The units of the position that open orders have set aside, to close it or to cover what was written on it."""
    if not position:
        return _ZERO
    live = Order.objects.live().filter(account=account, reserved_units__gt=0)
    closing = live.filter(instrument=instrument, held=Held.HOLDINGS)
    covering = live.filter(instrument__underlying=instrument.symbol, held=Held.UNDERLYING)
    promised = _ZERO
    for orders in (closing, covering):
        promised += orders.aggregate(units=Sum("reserved_units"))["units"] or _ZERO
    return promised


def _underlying(account: Account, instrument: Instrument) -> Decimal:
    """The free units of what an option is on."""
    if instrument.kind != InstrumentKind.OPTION or not instrument.underlying:
        return _ZERO
    under = Instrument.objects.filter(symbol=instrument.underlying, status="active").first()
    if under is None:
        return _ZERO
    held = _held(account, under)
    return max(_ZERO, held - _promised(account, under, held)) if held > 0 else _ZERO


def terms_of(ticket: Ticket, instrument: Instrument, quote: Quote | None, *, fees: Decimal, now: datetime) -> Terms:
    """What the order would cost here; a stale quote is none."""
    ask = None
    if quote is not None and is_fresh(quote, now=now):
        ask = quote.ask or quote.last
    return Terms(
        ask=ask,
        multiplier=instrument.multiplier,
        fees=fees,
        margin=_margin(ticket, instrument, ask),
        strike=instrument.strike,
        is_call=instrument.option_type == "call",
    )


def _margin(ticket: Ticket, instrument: Instrument, ask: Decimal | None) -> Decimal | None:
    """The money for a unit of what is margined: what the catalogue says, else all that a unit is worth."""
    if instrument.kind not in _MARGINED:
        return None
    if instrument.margin is not None:
        return instrument.margin
    price = ticket.limit_price or ticket.stop_price or ask
    return None if price is None else price * instrument.multiplier
