"""What the checks before trading have to know, read once for all orders of a request while their accounts are locked.

What the orders of one request set aside is counted as they are decided, so that each sees those before it.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime
from decimal import Decimal

from django.db.models import Sum

from accounts import ledger
from accounts.models import Account, AccountStatus, Client, ClientStatus, Portfolio
from trading.models import Instrument, InstrumentKind, Order, Position, Quote
from trading.order_rules import pretrade
from trading.order_rules.pretrade import Limits, RiskState, Terms
from trading.order_rules.reservations import Held, Hold
from trading.order_rules.ticket import Ticket
from trading.order_tickets import is_fresh

_ZERO = Decimal(0)
_MARGINED = frozenset({InstrumentKind.FUTURE, InstrumentKind.CFD})
_MAY_TRADE = frozenset({None, ClientStatus.PENDING, ClientStatus.ACTIVE})

_Pair = tuple[int, int]


class Facts:
    """Accounts, portfolios, positions and quotes as they stand; the accounts are locked by whoever made this."""

    def __init__(self, account_ids: Collection[int], instruments: Iterable[Instrument], *, now: datetime) -> None:
        self.now = now
        wanted = {instrument.pk: instrument for instrument in instruments}
        self.accounts = Account.objects.in_bulk(account_ids)
        owners = {account.owner_id for account in self.accounts.values()}
        self._clients = dict(Client.objects.filter(user_id__in=owners).values_list("user_id", "status"))
        self._quotes = Quote.objects.in_bulk(wanted)
        self._portfolios: dict[tuple[int, str], Portfolio] = {}
        held = Position.objects.filter(account_id__in=account_ids, instrument_id__in=wanted)
        self._positions: dict[_Pair, Decimal] = {
            (account, instrument): quantity
            for account, instrument, quantity in held.values_list("account_id", "instrument_id", "quantity")
        }
        self._promised: dict[_Pair, Decimal] = defaultdict(Decimal)
        if self._positions:
            live = Order.objects.live().filter(
                account_id__in=account_ids, instrument_id__in=wanted, held=Held.HOLDINGS, reserved_units__gt=0
            )
            sums = live.order_by().values_list("account_id", "instrument_id").annotate(units=Sum("reserved_units"))
            self._promised.update({(account, instrument): units for account, instrument, units in sums})

    def quote(self, instrument: Instrument) -> Quote | None:
        """The latest quote that still says what the market is."""
        quote = self._quotes.get(instrument.pk)
        return quote if is_fresh(quote, now=self.now) else None

    def lock(self, pairs: Iterable[tuple[int, str]]) -> None:
        """The portfolios of these accounts and currencies are read and locked."""
        self._portfolios |= ledger.locked_all((self.accounts[account], currency) for account, currency in pairs)

    def read(self, account: Account, currency: str) -> None:
        """The account's cash is read as it stands, an empty one where it has none: nobody waits, nothing is opened."""
        found = Portfolio.objects.filter(account=account, currency=currency).first()
        self._portfolios[account.pk, currency] = found or Portfolio(account=account, currency=currency)

    def portfolio(self, account: Account, currency: str) -> Portfolio:
        """The account's cash in this currency, locked or read before."""
        return self._portfolios[account.pk, currency]

    def account(self, account: Account, instrument: Instrument, risk: RiskState, limits: Limits) -> pretrade.Account:
        """The account as it stands after the orders that were decided before."""
        portfolio = self.portfolio(account, instrument.currency)
        pair = (account.pk, instrument.pk)
        position = self._positions.get(pair, _ZERO)
        return pretrade.Account(
            available=portfolio.available_balance - portfolio.owed_balance,
            position=position,
            closable=max(_ZERO, abs(position) - self._promised[pair] - _covering(account, instrument, position)),
            underlying=_underlying(account, instrument),
            client_is_active=self._clients.get(account.owner_id) in _MAY_TRADE,
            account_is_active=account.status == AccountStatus.ACTIVE and account.archived_at is None,
            allows_short=account.allows_short,
            risk=risk,
            limits=limits,
        )

    def position(self, account: Account, instrument: Instrument) -> Decimal:
        """Signed units that the account held of the instrument when this was read."""
        return self._positions.get((account.pk, instrument.pk), _ZERO)

    def set_aside(self, account: Account, instrument: Instrument, hold: Hold) -> None:
        """The units of an order that was let through are promised; its money is counted where it is booked."""
        if hold.held is Held.HOLDINGS:
            self._promised[account.pk, instrument.pk] += hold.units

    def terms(self, ticket: Ticket, instrument: Instrument, *, fees: Decimal) -> Terms:
        """What the order would cost here."""
        quote = self.quote(instrument)
        ask = (quote.ask or quote.last) if quote is not None else None
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


def _covering(account: Account, instrument: Instrument, position: Decimal) -> Decimal:
    """The units of a position that calls written on it have promised."""
    if position <= 0 or instrument.kind == InstrumentKind.OPTION:
        return _ZERO
    live = Order.objects.live().filter(account=account, held=Held.UNDERLYING, reserved_units__gt=0)
    sums = live.filter(instrument__underlying=instrument.symbol).aggregate(units=Sum("reserved_units"))
    return sums["units"] or _ZERO


def _underlying(account: Account, instrument: Instrument) -> Decimal:
    """The free units of what an option is on."""
    if instrument.kind != InstrumentKind.OPTION or not instrument.underlying:
        return _ZERO
    under = Instrument.objects.filter(symbol=instrument.underlying, status="active").first()
    if under is None:
        return _ZERO
    held = Position.objects.filter(account=account, instrument=under).values_list("quantity", flat=True).first()
    if held is None or held <= 0:
        return _ZERO
    selling = Order.objects.live().filter(account=account, instrument=under, held=Held.HOLDINGS)
    promised = selling.aggregate(units=Sum("reserved_units"))["units"] or _ZERO
    return max(_ZERO, held - promised - _covering(account, under, held))
